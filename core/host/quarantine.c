#include "quarantine.h"

#include "error.h"
#include "log.h"

#include <feedloom/kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 64, CRASHES = 32, NAME_SIZE = 32, TRACE_BYTES = 64 << 10, TRACE_LINES = 40 };

static const char magic[8] = "flcrash1";

struct crash {
	int64_t at_ns; /* 0: free */
	int32_t signum;
	char instance[NAME_SIZE];
};

/* The file: whoever crashed may have written over it, so nothing in it is trusted. */
struct page {
	char magic[8];
	volatile uint32_t on_stack; /* number of the instance whose code runs, 0: the core's own */
	uint32_t reserved;
	struct crash_note note;
	char names[NAMES][NAME_SIZE]; /* by number - 1, of this process */
	struct crash crashes[CRASHES];
};

struct quarantine {
	struct file *file, *trace;
	struct page *page;
	size_t length;
};

/* ---- what the last process left ---- */

static void remember(struct page *page, const char *instance)
{
	struct crash *oldest = &page->crashes[0];

	for (size_t i = 1; i < CRASHES; i++)
		if (page->crashes[i].at_ns < oldest->at_ns)
			oldest = &page->crashes[i];
	*oldest = (struct crash){ .at_ns = page->note.at_ns, .signum = page->note.signum };
	snprintf(oldest->instance, sizeof(oldest->instance), "%s", instance);
}

/* One line of the log each, as many as help. */
static void log_trace(struct quarantine *quarantine, const char *topic)
{
	char *text = calloc(1, TRACE_BYTES + 1), *line, *rest = NULL;
	int lines = 0;

	if (text == NULL || file_read(quarantine->trace, 0, text, TRACE_BYTES) <= 0)
		goto free_text;
	for (line = strtok_r(text, "\n", &rest); line != NULL && lines++ < TRACE_LINES;
		line = strtok_r(NULL, "\n", &rest))
		log_error(topic, "  %s", line);
free_text:
	free(text);
}

static void say(struct quarantine *quarantine, const char *instance)
{
	const struct crash_note *note = &quarantine->page->note;
	const char *topic = *instance != '\0' ? instance : "feedloom";
	char at[40] = "";

	(void)fl_time_print(at, note->at_ns, 3);
	log_error(topic, "the process before ended by %s at %s, address 0x%llx, %s%s; its stack:",
		crash_signal_name(note->signum), at, (unsigned long long)note->address,
		*instance != '\0'        ? "in the code of the plugin instance "
			: note->is_elsewhere ? "on a worker thread"
								 : "in the program's own code",
		instance);
	log_trace(quarantine, topic);
}

static void examine(struct quarantine *quarantine)
{
	struct page *page = quarantine->page;
	uint32_t number = page->on_stack;
	char instance[NAME_SIZE] = "";

	if (page->note.signum == 0)
		return; /* it ended otherwise: in order, or killed */
	if (!page->note.is_elsewhere && number > 0 && number <= NAMES)
		snprintf(instance, sizeof(instance), "%.*s", NAME_SIZE - 1, page->names[number - 1]);
	say(quarantine, instance);
	if (*instance != '\0')
		remember(page, instance);
}

/* ---- the file ---- */

static void begin_anew(struct quarantine *quarantine)
{
	struct page *page = quarantine->page;

	if (memcmp(page->magic, magic, sizeof(magic)) != 0) {
		memset(page, 0, sizeof(*page));
		memcpy(page->magic, magic, sizeof(magic));
	}
	for (size_t i = 0; i < CRASHES; i++) {
		struct crash *crash = &page->crashes[i];

		crash->instance[NAME_SIZE - 1] = '\0';
		if (crash->at_ns < 0)
			*crash = (struct crash){ 0 };
	}
	if (page->note.at_ns < 0)
		page->note.at_ns = 0;
	examine(quarantine);
	page->on_stack = 0;
	page->note = (struct crash_note){ 0 };
	memset(page->names, 0, sizeof(page->names));
	(void)file_truncate(quarantine->trace, 0);
}

static int map_file(struct quarantine *quarantine)
{
	size_t page_bytes = file_page_bytes();
	int error;

	quarantine->length = (sizeof(struct page) + page_bytes - 1) / page_bytes * page_bytes;
	error = file_allocate(quarantine->file, (int64_t)quarantine->length);
	if (error == 0)
		error = file_map(quarantine->file, 0, quarantine->length, true, (void **)&quarantine->page);
	return error;
}

int quarantine_open(const char *beside, struct quarantine **out)
{
	struct quarantine *quarantine = calloc(1, sizeof(*quarantine));
	char path[4096];
	int error = -ENOMEM;

	if (quarantine == NULL)
		return error;
	snprintf(path, sizeof(path), "%s.crash", beside);
	error = file_open(path, FILE_READ | FILE_WRITE | FILE_CREATE, &quarantine->file);
	if (error < 0)
		goto say_path;
	error = map_file(quarantine);
	if (error < 0)
		goto say_path;
	snprintf(path, sizeof(path), "%s.crash.trace", beside);
	error = file_open(path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_APPEND, &quarantine->trace);
	if (error < 0)
		goto say_path;
	begin_anew(quarantine);
	*out = quarantine;
	return 0;

say_path:
	log_warn(
		"feedloom", "%s: %s: a plugin that crashes will not be held back", path, error_text(error));
	quarantine_close(quarantine);
	return error;
}

void quarantine_close(struct quarantine *quarantine)
{
	if (quarantine == NULL)
		return;
	if (quarantine->page != NULL)
		file_unmap(quarantine->page, quarantine->length);
	file_close(quarantine->trace);
	file_close(quarantine->file);
	free(quarantine);
}

struct crash_note *quarantine_note(struct quarantine *quarantine)
{
	return &quarantine->page->note;
}

struct file *quarantine_trace(struct quarantine *quarantine)
{
	return quarantine->trace;
}

/* ---- who runs ---- */

volatile uint32_t *quarantine_word(struct quarantine *quarantine)
{
	return &quarantine->page->on_stack;
}

uint32_t quarantine_number(struct quarantine *quarantine, const char *instance)
{
	if (quarantine == NULL)
		return 0;
	for (uint32_t i = 0; i < NAMES; i++) {
		char *name = quarantine->page->names[i];

		if (*name == '\0')
			snprintf(name, NAME_SIZE, "%s", instance);
		if (strcmp(name, instance) == 0)
			return i + 1;
	}
	return 0;
}

/* ---- who is held ---- */

/* Whether enough others came within the time before one of its crashes. */
static bool is_one_too_many(const struct quarantine *quarantine, const struct crash *last)
{
	int count = 0;

	for (size_t i = 0; i < CRASHES; i++) {
		const struct crash *crash = &quarantine->page->crashes[i];

		count += crash->at_ns != 0 && strcmp(crash->instance, last->instance) == 0 &&
			crash->at_ns <= last->at_ns && last->at_ns - crash->at_ns < QUARANTINE_WITHIN_NS;
	}
	return count >= QUARANTINE_CRASHES;
}

bool quarantine_holds(
	const struct quarantine *quarantine, const char *instance, char *reason, size_t size)
{
	for (size_t i = 0; quarantine != NULL && i < CRASHES; i++) {
		const struct crash *crash = &quarantine->page->crashes[i];

		if (crash->at_ns == 0 || strcmp(crash->instance, instance) != 0 ||
			!is_one_too_many(quarantine, crash))
			continue;
		snprintf(reason, size,
			"crashed %d times within %lld minutes, last by %s; POST /v1/streaming/start or feedloom release starts it",
			QUARANTINE_CRASHES, (long long)(QUARANTINE_WITHIN_NS / FL_MINUTE),
			crash_signal_name(crash->signum));
		return true;
	}
	return false;
}

int quarantine_forget(const char *beside, const char *instance)
{
	struct quarantine quarantine = { .page = NULL };
	char path[4096];
	int result, crashes = 0;

	snprintf(path, sizeof(path), "%s.crash", beside);
	result = file_open(path, FILE_READ | FILE_WRITE, &quarantine.file);
	if (result < 0)
		return result;
	result = map_file(&quarantine);
	if (result < 0)
		goto close_file;
	for (size_t i = 0; i < CRASHES; i++)
		crashes += quarantine.page->crashes[i].at_ns != 0 &&
			strncmp(quarantine.page->crashes[i].instance, instance, NAME_SIZE) == 0;
	quarantine_clear(&quarantine, instance);
	file_unmap(quarantine.page, quarantine.length);
	result = crashes;
close_file:
	file_close(quarantine.file);
	return result;
}

void quarantine_clear(struct quarantine *quarantine, const char *instance)
{
	for (size_t i = 0; quarantine != NULL && i < CRASHES; i++)
		if (strncmp(quarantine->page->crashes[i].instance, instance, NAME_SIZE) == 0)
			quarantine->page->crashes[i] = (struct crash){ 0 };
}
