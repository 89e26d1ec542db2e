/* test_log_file.c: every line arrives, in order, whatever is rotated or moved away. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "log_file.h"

enum { LOAD_LIMIT_BYTES = 16 * 1024 * 1024 };

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/feedloom-log-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_one(void *data, const char *name)
{
	(void)data;
	return remove(in_folder(name));
}

static int finish(void **state)
{
	(void)state;
	return file_list(folder, remove_one, NULL) | rmdir(folder);
}

static struct log_file *open_log(const char *name, int64_t max_bytes, int keep)
{
	struct log_file *log = NULL;

	assert_int_equal(log_file_open(NULL, in_folder(name), max_bytes, keep, &log), 0);
	return log;
}

static void take_number(struct log_file *log, int number)
{
	char line[32];
	int length = snprintf(line, sizeof(line), "line %d\n", number);

	log_file_take(log, line, (size_t)length);
}

/* Appends a file's lines to `numbers`, which go on from where they are. */
static void expect_lines(const char *name, int *next)
{
	char *text = NULL, *rest = NULL;

	assert_int_equal(file_load(in_folder(name), LOAD_LIMIT_BYTES, &text, NULL), 0);
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest)) {
		char expected[32];

		(void)snprintf(expected, sizeof(expected), "line %d", (*next)++);
		assert_string_equal(line, expected);
	}
	free(text);
}

static void every_line_is_written_before_close_returns(void **state)
{
	struct log_file *log = open_log("log", 0, 5);
	int next = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		take_number(log, i);
	log_file_close(log);
	expect_lines("log", &next);
	assert_int_equal(next, 1000);

	log = open_log("log", 0, 5); /* and appended to the next time */
	take_number(log, 1000);
	log_file_close(log);
	next = 0;
	expect_lines("log", &next);
	assert_int_equal(next, 1001);
	log_file_close(NULL);
}

static void rotation_loses_no_line(void **state)
{
	struct log_file *log = open_log("turn", 4000, 20);
	int next = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		take_number(log, i);
	log_file_close(log);
	for (int number = 20; number >= 1; number--) {
		char name[16];
		struct file *file;

		(void)snprintf(name, sizeof(name), "turn.%d", number);
		if (!file_exists(in_folder(name)))
			continue;
		assert_int_equal(file_open(in_folder(name), FILE_READ, &file), 0);
		assert_in_range(file_size(file), 3900, 4000);
		file_close(file);
		expect_lines(name, &next);
	}
	assert_true(next > 1000);
	expect_lines("turn", &next);
	assert_int_equal(next, 2000);
}

static void the_oldest_files_go(void **state)
{
	struct log_file *log = open_log("few", 100, 2);

	(void)state;
	for (int i = 0; i < 200; i++)
		take_number(log, i);
	log_file_close(log);
	assert_true(file_exists(in_folder("few")));
	assert_true(file_exists(in_folder("few.1")));
	assert_true(file_exists(in_folder("few.2")));
	assert_false(file_exists(in_folder("few.3")));
}

static void a_log_that_was_moved_away_is_opened_anew(void **state)
{
	struct log_file *log = open_log("moved", 0, 5);
	int next = 0;

	(void)state;
	take_number(log, 0);
	log_file_reopen(log);
	log_file_close(log); /* all of it is on disk now */
	log = open_log("moved", 0, 5);
	assert_int_equal(file_rename(in_folder("moved"), in_folder("moved.old")), 0);
	log_file_reopen(log);
	take_number(log, 1);
	log_file_close(log);
	expect_lines("moved.old", &next);
	assert_int_equal(next, 1);
	expect_lines("moved", &next);
	assert_int_equal(next, 2);
}

/* stderr is a pipe that nobody reads: as a terminal after Ctrl-S. */
static void a_slow_terminal_costs_lines_and_says_how_many(void **state)
{
	static char line[1000], got[4 * 1024 * 1024];
	struct log_file *log = NULL;
	int fds[2], saved = dup(STDERR_FILENO);
	size_t held = 0, lines = 0, dropped = 0;
	ssize_t read_now;
	char *note;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[0] = '{';
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	assert_int_equal(log_file_open(NULL, NULL, 0, 0, &log), 0);
	for (int i = 0; i < 5000; i++)
		log_file_take(log, line, sizeof(line)); /* 5 MB into 64 KiB and two of 1 MiB: no stall */
	while (held < 500 * 1000) {
		read_now = read(fds[0], got + held, sizeof(got) - held);
		assert_true(read_now > 0);
		held += (size_t)read_now;
	}
	/* Only now is there room again: this one tells. */
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 500; i++) {
		log_file_take(log, "{last}\n", 7);
		while ((read_now = read(fds[0], got + held, sizeof(got) - 1 - held)) > 0)
			held += (size_t)read_now;
		(void)usleep(2000);
	}
	log_file_close(log);
	while ((read_now = read(fds[0], got + held, sizeof(got) - 1 - held)) > 0)
		held += (size_t)read_now;
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	(void)close(fds[0]);
	(void)close(fds[1]);

	note = strstr(got, "\"message\":\"");
	assert_non_null(note);
	for (char *at = got; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	for (; note != NULL; note = strstr(note, "\"message\":\"")) {
		note += strlen("\"message\":\"");
		dropped += strtoul(note, NULL, 10);
		lines--; /* the note itself */
	}
	assert_int_equal(lines + dropped, 5500); /* every line is there, or counted */
}

static void a_log_that_cannot_be_opened_says_why(void **state)
{
	struct log_file *log = NULL;

	(void)state;
	assert_int_equal(log_file_open(NULL, in_folder("no/log"), 0, 0, &log), -ENOENT);
	assert_int_equal(log_file_open(NULL, folder, 0, 0, &log), -EISDIR);
	assert_null(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_written_before_close_returns),
		cmocka_unit_test(rotation_loses_no_line),
		cmocka_unit_test(the_oldest_files_go),
		cmocka_unit_test(a_log_that_was_moved_away_is_opened_anew),
		cmocka_unit_test(a_slow_terminal_costs_lines_and_says_how_many),
		cmocka_unit_test(a_log_that_cannot_be_opened_says_why),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
