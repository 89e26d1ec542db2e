/*
 * log.c: from a call to a finished line: format, hide secrets, escape, stamp, hand over.
 */
#include "log.h"
#include "buf.h"
#include "json.h"

#include <feedloom/kit.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	MESSAGE_SIZE = 4096, /* longer messages are cut */
	SHORTEST_SECRET = 4, /* shorter ones would be found everywhere */
	LIMIT_COUNT = 256,
	COMPLAINT_COUNT = 128,
	COMPLAINT_TEXT = 200,
};
#define LIMIT_NS (10 * FL_SECOND)

struct limit {
	uint64_t id; /* of topic and format, 0: free */
	int64_t said_ns;
	uint64_t suppressed;
};

struct complaint {
	uint64_t id; /* of topic and what, 0: free */
	int64_t since_ns, said_ns;
	char text[COMPLAINT_TEXT];
};

static void to_stderr(void *data, const char *line, size_t length);
static int64_t system_time(void *data);

/* One log for the process: it is there before main's first line and after its last. */
static struct {
	log_taker taker;
	void *taker_data;
	log_clock clock;
	void *clock_data;
	enum fl_level level;
	enum log_format format;
	char **secrets; /* the longest first */
	size_t secret_count;
	struct limit limits[LIMIT_COUNT];
	struct complaint complaints[COMPLAINT_COUNT];
	char last_warning[1024];
	int64_t last_warning_ns;
	struct buf line;
	bool is_busy; /* a taker that logs is not heard, or the line would be overwritten */
} the_log = { .taker = to_stderr, .clock = system_time, .level = FL_INFO };

static void to_stderr(void *data, const char *line, size_t length)
{
	(void)data;
	while (length > 0) {
		ssize_t written = write(STDERR_FILENO, line, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		line += written;
		length -= (size_t)written;
	}
}

static int64_t system_time(void *data)
{
	struct timespec now;

	(void)data;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * FL_SECOND + now.tv_nsec;
}

void log_to(log_taker taker, void *data)
{
	the_log.taker = taker == NULL ? to_stderr : taker;
	the_log.taker_data = data;
}

void log_time(log_clock clock, void *data)
{
	the_log.clock = clock == NULL ? system_time : clock;
	the_log.clock_data = data;
}

void log_setup(enum fl_level level, enum log_format format)
{
	the_log.level = level;
	the_log.format = format;
}

bool log_is_on(enum fl_level level)
{
	return level >= the_log.level;
}

static int64_t now_ns(void)
{
	return the_log.clock(the_log.clock_data);
}

void log_hide(const char *secret)
{
	size_t at = 0;
	char **secrets, *copy;

	if (secret == NULL || strlen(secret) < SHORTEST_SECRET)
		return;
	for (size_t i = 0; i < the_log.secret_count; i++)
		if (strcmp(the_log.secrets[i], secret) == 0)
			return;
	copy = strdup(secret);
	if (copy == NULL)
		return;
	secrets = realloc(the_log.secrets, (the_log.secret_count + 1) * sizeof(*secrets));
	if (secrets == NULL) {
		free(copy);
		return;
	}
	the_log.secrets = secrets;
	/* The longest first: when one secret is part of another, no rest of it stays visible. */
	while (at < the_log.secret_count && strlen(secrets[at]) >= strlen(copy))
		at++;
	memmove(secrets + at + 1, secrets + at, (the_log.secret_count - at) * sizeof(*secrets));
	secrets[at] = copy;
	the_log.secret_count++;
}

static void hide_secrets(char *text)
{
	for (size_t i = 0; i < the_log.secret_count; i++) {
		size_t length = strlen(the_log.secrets[i]);
		char *at = text;

		while ((at = strstr(at, the_log.secrets[i])) != NULL) {
			memmove(at + 3, at + length, strlen(at + length) + 1);
			memcpy(at, "***", 3);
			at += 3;
		}
	}
}

/* A cut may go through a secret, whose first part nothing would recognise. */
static void drop_torn_secret(char *text)
{
	size_t length = strlen(text), torn = 0;

	for (size_t i = 0; i < the_log.secret_count; i++) {
		size_t most = strlen(the_log.secrets[i]) - 1;

		for (size_t part = most < length ? most : length; part > torn; part--)
			if (memcmp(text + length - part, the_log.secrets[i], part) == 0)
				torn = part;
	}
	text[length - torn] = '\0';
}

/* Ends the text before a character that the cut has torn. */
static void drop_torn_character(char *text)
{
	size_t length = strlen(text), at = length;

	while (at > 0 && length - at < 3 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
		at--;
	if (at > 0 && (unsigned char)text[at - 1] >= 0xC0 &&
		!fl_utf8_valid(text + at - 1, length - at + 1))
		text[at - 1] = '\0';
}

/* The message's text, without secrets. */
static void compose(char *out, size_t size, const char *format, va_list args)
{
	int length = vsnprintf(out, size, format, args);

	if (length < 0) {
		snprintf(out, size, "(message cannot be formatted: %s)", format);
	} else if ((size_t)length >= size) {
		out[size - sizeof("...")] = '\0';
		drop_torn_secret(out);
		hide_secrets(out);
		drop_torn_character(out);
		strcat(out, "...");
		return;
	}
	hide_secrets(out);
}

/* A terminal or a line-based reader must not be led astray by what came from outside. */
static void put_escaped(struct buf *to, const char *text)
{
	size_t left = strlen(text), step;

	for (; left > 0; text += step, left -= step) {
		unsigned char c = (unsigned char)text[0];

		step = 1;
		if (c >= 0x80) {
			while (step < 4 && step < left && !fl_utf8_valid(text, step))
				step++;
			if (!fl_utf8_valid(text, step) || (c == 0xC2 && (unsigned char)text[1] < 0xA0)) {
				buf_printf(to, "\\x%02x", c); /* malformed, or one of the C1 controls */
				step = 1;
			} else {
				buf_append(to, text, step);
			}
		} else if (c == '\n') {
			buf_text(to, "\\n");
		} else if (c == '\r') {
			buf_text(to, "\\r");
		} else if (c == '\t') {
			buf_text(to, "\\t");
		} else if (c < 0x20 || c == 0x7F) {
			buf_printf(to, "\\x%02x", c);
		} else {
			buf_append(to, text, 1);
		}
	}
}

static void put_text(
	struct buf *to, enum fl_level level, const char *topic, const char *message, int64_t at_ns)
{
	static const char *const words[] = { "DEBUG", "INFO ", "WARN ", "ERROR" };
	char time_text[40];

	fl_time_print(time_text, at_ns, 3);
	buf_printf(to, "%s %s ", time_text, words[level]);
	put_escaped(to, topic);
	buf_text(to, ": ");
	put_escaped(to, message);
}

static void put_json(
	struct buf *to, enum fl_level level, const char *topic, const char *message, int64_t at_ns)
{
	static const char *const words[] = { "debug", "info", "warn", "error" };
	struct json json;

	json_init(&json, to);
	json_open(&json, NULL, '{');
	json_time(&json, "time", at_ns);
	json_text(&json, "level", words[level]);
	json_text(&json, "topic", topic);
	json_text(&json, "message", message);
	json_close(&json, '}');
}

static void write_line(enum fl_level level, const char *topic, const char *message)
{
	struct buf *line = &the_log.line;
	int64_t at_ns;

	if (the_log.is_busy)
		return;
	the_log.is_busy = true;
	at_ns = now_ns();
	if (line->data == NULL)
		buf_init(line, 0);
	buf_clear(line, 65536);
	if (the_log.format == LOG_JSON)
		put_json(line, level, topic, message, at_ns);
	else
		put_text(line, level, topic, message, at_ns);
	buf_append(line, "\n", 1);
	if (!line->failed)
		the_log.taker(the_log.taker_data, buf_bytes(line), buf_length(line));
	if (level >= FL_WARN) {
		snprintf(the_log.last_warning, sizeof(the_log.last_warning), "%s: %s", topic, message);
		drop_torn_character(the_log.last_warning);
		the_log.last_warning_ns = at_ns;
	}
	the_log.is_busy = false;
}

void log_line(enum fl_level level, const char *topic, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(level, topic, format, args);
	va_end(args);
}

void log_vline(enum fl_level level, const char *topic, const char *format, va_list args)
{
	char message[MESSAGE_SIZE];

	if (!log_is_on(level))
		return;
	compose(message, sizeof(message), format, args);
	write_line(level, topic, message);
}

/* FNV-1a over both texts: a format's address may be another plugin's tomorrow. */
static uint64_t identify(const char *topic, const char *what)
{
	uint64_t id = UINT64_C(14695981039346656037);

	for (int i = 0; i < 2; i++, topic = what) {
		for (const char *at = topic; *at != '\0'; at++)
			id = (id ^ (unsigned char)*at) * UINT64_C(1099511628211);
		id = (id ^ 0xFF) * UINT64_C(1099511628211); /* a byte no UTF-8 text has */
	}
	return id == 0 ? 1 : id;
}

/* Whether so much time has passed; a clock that was set back counts as that. */
static bool is_over(int64_t since_ns, int64_t span_ns, int64_t now)
{
	return now < since_ns || now - since_ns >= span_ns;
}

/* The entry of this id; else a free one, or the one that was silent longest, cleared. */
static struct limit *find_limit(uint64_t id)
{
	struct limit *oldest = &the_log.limits[0];

	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		struct limit *limit = &the_log.limits[i];

		if (limit->id == id)
			return limit;
		if (limit->id == 0 || (oldest->id != 0 && limit->said_ns < oldest->said_ns))
			oldest = limit;
		if (limit->id == 0)
			break; /* entries are never freed: nothing follows */
	}
	*oldest = (struct limit){ 0 };
	return oldest;
}

void log_limited(enum fl_level level, const char *topic, const char *format, va_list args)
{
	char message[MESSAGE_SIZE], tail[48];
	uint64_t id;
	struct limit *limit;
	int64_t now;

	if (!log_is_on(level))
		return;
	id = identify(topic, format);
	limit = find_limit(id);
	now = now_ns();
	if (limit->id == id && !is_over(limit->said_ns, LIMIT_NS, now)) {
		limit->suppressed++;
		return;
	}
	tail[0] = '\0';
	if (limit->suppressed > 0)
		snprintf(tail, sizeof(tail), " (%" PRIu64 " suppressed)", limit->suppressed);
	*limit = (struct limit){ .id = id, .said_ns = now };
	compose(message, sizeof(message) - sizeof(tail), format, args);
	strcat(message, tail);
	write_line(level, topic, message);
}

static struct complaint *find_complaint(uint64_t id)
{
	for (size_t i = 0; i < COMPLAINT_COUNT; i++)
		if (the_log.complaints[i].id == id)
			return &the_log.complaints[i];
	return NULL;
}

/* A free place; when there is none, that of the oldest complaint. */
static struct complaint *new_complaint(void)
{
	struct complaint *oldest = &the_log.complaints[0];

	for (size_t i = 0; i < COMPLAINT_COUNT; i++) {
		struct complaint *complaint = &the_log.complaints[i];

		if (complaint->id == 0)
			return complaint;
		if (complaint->since_ns < oldest->since_ns)
			oldest = complaint;
	}
	return oldest;
}

void log_complain(const char *topic, const char *what, const char *format, va_list args)
{
	uint64_t id = identify(topic, what);
	struct complaint *complaint = find_complaint(id);
	char message[MESSAGE_SIZE];
	int64_t now = now_ns();
	bool is_new = complaint == NULL;

	if (!is_new && !is_over(complaint->said_ns, FL_DAY, now))
		return;
	compose(message, sizeof(message), format, args);
	if (is_new) {
		complaint = new_complaint();
		*complaint = (struct complaint){ .id = id, .since_ns = now };
		snprintf(complaint->text, sizeof(complaint->text), "%.*s", COMPLAINT_TEXT - 1, message);
		drop_torn_character(complaint->text);
	}
	complaint->said_ns = now;
	if (!log_is_on(FL_WARN))
		return;
	if (is_new)
		write_line(FL_WARN, topic, message);
	else
		log_line(FL_WARN, topic, "still: %s", message);
}

static void print_span(char *out, size_t size, int64_t span_ns)
{
	int64_t seconds = span_ns < 0 ? 0 : span_ns / FL_SECOND;

	if (seconds < 120)
		snprintf(out, size, "%" PRId64 " s", seconds);
	else if (seconds < 7200)
		snprintf(out, size, "%" PRId64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(out, size, "%" PRId64 " h", seconds / 3600);
	else
		snprintf(out, size, "%" PRId64 " days", seconds / 86400);
}

void log_resolved(const char *topic, const char *what)
{
	struct complaint *complaint = find_complaint(identify(topic, what));
	char span[32];

	if (complaint == NULL)
		return;
	print_span(span, sizeof(span), now_ns() - complaint->since_ns);
	log_line(FL_INFO, topic, "resolved after %s: %s", span, complaint->text);
	complaint->id = 0;
}

const char *log_last_warning(int64_t *at_ns)
{
	if (at_ns != NULL)
		*at_ns = the_log.last_warning_ns;
	return the_log.last_warning;
}
