/*
 * log_file.c: lines wait in memory until a thread of their own has written them.
 *
 * Not libuv's pool: a terminal that somebody has stopped with Ctrl-S would keep one of its few
 * threads for as long as they look at it, and lines may come from any thread. The loop only copies
 * a line under a lock that is never held while something is written.
 */
#include "log_file.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file_inside.h"

enum {
	WAITING_LIMIT_BYTES = 1024 * 1024,
	NOTE_BYTES = 256,
	FILE_MODE = 0640,
	CLOSE_TIMEOUT_S = 5,
};

struct lines {
	char *text;
	size_t length, size;
};

struct log_file {
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows, up to the blank line */
	pthread_cond_t wake;
	struct lines waiting;
	uint64_t dropped; /* lines that are missing since the last note about it */
	bool must_reopen, is_closing;

	/* The thread's own. */
	struct lines writing;
	char *path; /* NULL: stderr */
	int fd;
	int64_t size, max_bytes;
	int keep;
	uint64_t unwritten; /* lines that the file did not take, not yet in `dropped` */
};

/* -- the file ------------------------------------------------------------------------- */

static int open_path(const char *path, int64_t *size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, FILE_MODE);
	struct stat status;

	if (fd < 0)
		return -errno;
	*size = fstat(fd, &status) == 0 ? (int64_t)status.st_size : 0;
	return fd;
}

/* Keeps the old file when the new one cannot be had: a line in the wrong place is better than none.
 */
static void reopen(struct log_file *log)
{
	int64_t size = 0;
	int fd;

	if (log->path == NULL)
		return;
	fd = open_path(log->path, &size);
	if (fd < 0)
		return;
	(void)close(log->fd);
	log->fd = fd;
	log->size = size;
}

static void numbered_path(char *out, size_t size, const char *path, int number)
{
	if (number == 0)
		(void)snprintf(out, size, "%s", path);
	else
		(void)snprintf(out, size, "%s.%d", path, number);
}

static void rotate(struct log_file *log)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (log->keep <= 0) {
		(void)unlink(log->path);
	} else {
		for (int number = log->keep - 1; number >= 0; number--) {
			numbered_path(from, sizeof(from), log->path, number);
			numbered_path(to, sizeof(to), log->path, number + 1);
			(void)rename(from, to); /* -ENOENT: not so many yet */
		}
	}
	reopen(log);
}

/* -- the thread ----------------------------------------------------------------------- */

static bool write_part(struct log_file *log, const char *text, size_t length)
{
	if (length == 0)
		return true;
	log->size += (int64_t)length;
	return file_write_all(log->fd, text, length) == 0;
}

static uint64_t count_lines(const char *text, size_t length)
{
	uint64_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += text[i] == '\n';
	return count;
}

/* Whole lines at a time; a file that is full is exchanged between two of them. */
static void write_lines(struct log_file *log, const char *text, size_t length)
{
	const char *begin = text, *end = text + length;
	const bool rotates = log->path != NULL && log->max_bytes > 0;

	for (const char *at = text; at < end;) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		int64_t line_bytes;

		next = next == NULL ? end : next + 1;
		line_bytes = next - at;
		if (rotates && log->size + (at - begin) > 0 &&
			log->size + (at - begin) + line_bytes > log->max_bytes) {
			if (!write_part(log, begin, (size_t)(at - begin)))
				log->unwritten += count_lines(begin, (size_t)(at - begin));
			rotate(log);
			begin = at;
		}
		at = next;
	}
	if (!write_part(log, begin, (size_t)(end - begin)))
		log->unwritten += count_lines(begin, (size_t)(end - begin));
}

/* With the lock held; gives it back while it writes. */
static void write_waiting(struct log_file *log)
{
	struct lines lines = log->waiting;
	bool must_reopen = log->must_reopen;

	log->waiting = log->writing;
	log->must_reopen = false;
	(void)pthread_mutex_unlock(&log->lock);

	if (must_reopen)
		reopen(log);
	if (lines.length > 0)
		write_lines(log, lines.text, lines.length);
	(void)pthread_mutex_lock(&log->lock);
	log->writing = lines;
	log->writing.length = 0;
	log->dropped += log->unwritten;
	log->unwritten = 0;
}

static void *run(void *data)
{
	struct log_file *log = data;

	(void)pthread_mutex_lock(&log->lock);
	while (!log->is_closing || log->waiting.length > 0) {
		if (log->waiting.length == 0 && !log->must_reopen)
			(void)pthread_cond_wait(&log->wake, &log->lock);
		else
			write_waiting(log);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct log_file *log)
{
	sigset_t all, before;
	int error;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&log->thread, NULL, run, log);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/* -- lines in ------------------------------------------------------------------------- */

static bool lines_append(struct lines *lines, const char *text, size_t length)
{
	if (length > WAITING_LIMIT_BYTES - lines->length)
		return false;
	if (length > lines->size - lines->length) {
		size_t size = lines->size == 0 ? 4096 : lines->size;
		char *grown;

		while (size - lines->length < length)
			size *= 2;
		grown = realloc(lines->text, size);
		if (grown == NULL)
			return false;
		lines->text = grown;
		lines->size = size;
	}
	memcpy(lines->text + lines->length, text, length);
	lines->length += length;
	return true;
}

/* Says how many lines are missing, in the format of the line that follows. */
static bool put_note(struct log_file *log, bool is_json)
{
	static const char *const formats[] = {
		"%s WARN  log: %llu lines dropped: the log's disk or terminal is too slow or full\n",
		"{\"time\":\"%s\",\"level\":\"WARN\",\"topic\":\"log\",\"message\":\"%llu lines dropped: "
		"the log's disk or terminal is too slow or full\"}\n",
	};
	char note[NOTE_BYTES], at[32] = "";
	const time_t now = time(NULL);
	struct tm utc;
	int length;

	if (gmtime_r(&now, &utc) != NULL)
		(void)strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S.000Z", &utc);
	length = snprintf(note, sizeof(note), formats[is_json], at, (unsigned long long)log->dropped);
	return length > 0 && lines_append(&log->waiting, note, (size_t)length);
}

void log_file_take(void *log_file, const char *line, size_t length)
{
	struct log_file *log = log_file;

	if (length == 0)
		return;
	(void)pthread_mutex_lock(&log->lock);
	if (log->dropped > 0 && length + NOTE_BYTES <= WAITING_LIMIT_BYTES - log->waiting.length &&
		put_note(log, line[0] == '{'))
		log->dropped = 0;
	/* While a note is due no line goes before it. */
	if (log->dropped > 0 || !lines_append(&log->waiting, line, length))
		log->dropped++;
	else
		(void)pthread_cond_signal(&log->wake);
	(void)pthread_mutex_unlock(&log->lock);
}

void log_file_reopen(struct log_file *log)
{
	(void)pthread_mutex_lock(&log->lock);
	log->must_reopen = true;
	(void)pthread_cond_signal(&log->wake);
	(void)pthread_mutex_unlock(&log->lock);
}

/* -- open and close ------------------------------------------------------------------- */

static void log_file_free(struct log_file *log)
{
	if (log->path != NULL && log->fd >= 0)
		(void)close(log->fd);
	(void)pthread_cond_destroy(&log->wake);
	(void)pthread_mutex_destroy(&log->lock);
	free(log->waiting.text);
	free(log->writing.text);
	free(log->path);
	free(log);
}

int log_file_open(
	struct loop *loop, const char *path, int64_t max_bytes, int keep, struct log_file **out)
{
	struct log_file *log = calloc(1, sizeof(*log));
	int error = -ENOMEM;

	(void)loop;
	if (log == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&log->lock, NULL);
	(void)pthread_cond_init(&log->wake, NULL);
	log->max_bytes = max_bytes;
	log->keep = keep;
	log->fd = STDERR_FILENO;
	if (path != NULL && path[0] != '\0') {
		log->path = strdup(path);
		if (log->path == NULL)
			goto free_log;
		log->fd = open_path(path, &log->size);
		error = log->fd;
		if (error < 0)
			goto free_log;
	}
	error = start_thread(log);
	if (error != 0)
		goto free_log;
	*out = log;
	return 0;

free_log:
	log_file_free(log);
	return error;
}

void log_file_close(struct log_file *log)
{
	struct timespec until;

	if (log == NULL)
		return;
	(void)pthread_mutex_lock(&log->lock);
	if (log->dropped > 0)
		(void)put_note(log, log->waiting.length > 0 && log->waiting.text[0] == '{');
	log->is_closing = true;
	(void)pthread_cond_signal(&log->wake);
	(void)pthread_mutex_unlock(&log->lock);

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_TIMEOUT_S;
	if (pthread_timedjoin_np(log->thread, NULL, &until) == 0)
		log_file_free(log);
	/* else a stopped terminal holds the thread: the process's end must not wait for it */
}
