#include "log.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

static char taken[65536];
static int lines;
static int64_t now = 1795334400123000000; /* 2026-11-22T08:00:00.123Z */

static void take(void *data, const char *line, size_t length)
{
	(void)data;
	assert_true(length < sizeof(taken));
	memcpy(taken, line, length);
	taken[length] = '\0';
	assert_ptr_equal(strchr(taken, '\n'), taken + length - 1); /* one line, whatever is in it */
	lines++;
}

static int64_t tell(void *data)
{
	(void)data;
	return now;
}

static int begin(void **state)
{
	(void)state;
	log_to(take, NULL);
	log_time(tell, NULL);
	log_setup(FL_INFO, LOG_TEXT);
	taken[0] = '\0';
	lines = 0;
	now += FL_DAY; /* what an earlier test has said does not limit this one */
	return 0;
}

static void limited(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_limited(FL_WARN, "deribit", format, args);
	va_end(args);
}

static void complain(const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_complain("store", what, format, args);
	va_end(args);
}

static void text_line_has_its_form(void **state)
{
	(void)state;
	now = 1795334400123000000;
	log_info("deribit", "connected in %d ms", 12);
	assert_string_equal(taken, "2026-11-22T08:00:00.123Z INFO  deribit: connected in 12 ms\n");
	log_debug("deribit", "not said");
	assert_int_equal(lines, 1);
	log_error("journal", "%s", "line\nbreak\t\x1b[31m \xE2\x82\xAC \x80 \xC2\x9B.");
	assert_string_equal(taken,
		"2026-11-22T08:00:00.123Z ERROR journal: "
		"line\\nbreak\\t\\x1b[31m \xE2\x82\xAC \\x80 \\xc2\\x9b.\n");
}

static void json_line_has_its_form(void **state)
{
	yyjson_doc *document;

	(void)state;
	log_setup(FL_DEBUG, LOG_JSON);
	log_debug("deribit", "he said \"%s\"\n", "\xFFhello");
	document = yyjson_read(taken, strlen(taken), 0);
	assert_non_null(document);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(document), "message")),
		"he said \"\xEF\xBF\xBDhello\"\n");
	assert_string_equal(
		yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(document), "level")), "debug");
	yyjson_doc_free(document);
}

static void long_messages_are_cut(void **state)
{
	static char text[20000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	log_info("deribit", "%s", text);
	assert_true(strlen(taken) < 4300);
	assert_string_equal(taken + strlen(taken) - 5, "x...\n");
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xE2\x82\xAC", 3);
	for (int shift = 0; shift < 3; shift++) { /* no character is torn */
		log_info("deribit", "%.*s%s", shift, "yyy", text);
		assert_null(strstr(taken, "\\x"));
	}
}

static void secrets_are_never_shown(void **state)
{
	static char text[5000];

	(void)state;
	log_hide("");
	log_hide("abc");
	log_hide(NULL);
	log_hide("hunter2hunter2");
	log_hide("hunter2");
	log_hide("hunter2");
	log_warn("deribit", "login with hunter2hunter2 or hunter2, abc: hunter2hunter2hunter2");
	assert_non_null(strstr(taken, "login with *** or ***, abc: ******\n"));
	assert_null(strstr(log_last_warning(NULL), "hunter"));
	complain("login", "refused for %s", "hunter2");
	assert_null(strstr(taken, "hunter"));
	log_resolved("store", "login");
	assert_null(strstr(taken, "hunter"));
	/* A cut may not leave the beginning of one, wherever it falls. */
	for (size_t fill = 4060; fill < 4100; fill++) {
		memset(text, 'x', fill);
		strcpy(text + fill, "hunter2hunter2 and much more behind it, so that the cut is there");
		log_info("deribit", "%s", text);
		assert_null(strstr(taken, "hun"));
	}
}

static void repeats_are_counted_not_printed(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		limited("malformed message %d", i);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(taken, "malformed message 0\n"));
	limited("another %d", 1);
	assert_int_equal(lines, 2);
	now += 10 * FL_SECOND;
	limited("malformed message %d", 1000);
	assert_non_null(strstr(taken, "malformed message 1000 (999 suppressed)\n"));
	now -= FL_HOUR; /* the clock is set back: nobody is muted for an hour */
	limited("malformed message %d", 1001);
	assert_non_null(strstr(taken, "malformed message 1001\n"));
}

static void the_table_of_repeats_is_bounded(void **state)
{
	char format[32];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		snprintf(format, sizeof(format), "format %d", i);
		now += FL_US;
		log_line(FL_INFO, "x", "%s", format);
		limited(format, 0);
		limited(format, 0);
	}
	assert_int_equal(lines, 4000);
	limited(format, 0); /* the last are still known */
	assert_int_equal(lines, 4000);
}

static void a_complaint_begins_lasts_and_ends(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		complain("disk", "disk full: %d MiB left", 3);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(taken, "WARN  store: disk full: 3 MiB left\n"));
	now += FL_DAY;
	complain("disk", "disk full: %d MiB left", 2);
	assert_non_null(strstr(taken, "WARN  store: still: disk full: 2 MiB left\n"));
	now += FL_HOUR;
	log_resolved("store", "disk");
	assert_non_null(strstr(taken, "INFO  store: resolved after 25 h: disk full: 3 MiB left\n"));
	log_resolved("store", "disk");
	assert_int_equal(lines, 3);
	complain("disk", "disk full: %d MiB left", 1);
	assert_int_equal(lines, 4);
}

static void the_last_warning_is_kept(void **state)
{
	int64_t at_ns;

	(void)state;
	log_warn("journal", "%d of 3 segments left", 1);
	now += FL_MINUTE;
	log_info("journal", "fine again");
	assert_string_equal(log_last_warning(&at_ns), "journal: 1 of 3 segments left");
	assert_int_equal(at_ns, now - FL_MINUTE);
}

static void logging_taker(void *data, const char *line, size_t length)
{
	take(data, line, length);
	log_error("log", "cannot write");
}

static void a_taker_that_logs_is_not_heard(void **state)
{
	(void)state;
	log_to(logging_taker, NULL);
	log_info("deribit", "once");
	assert_int_equal(lines, 1);
	assert_non_null(strstr(taken, "once"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_line_has_its_form, begin),
		cmocka_unit_test_setup(json_line_has_its_form, begin),
		cmocka_unit_test_setup(long_messages_are_cut, begin),
		cmocka_unit_test_setup(secrets_are_never_shown, begin),
		cmocka_unit_test_setup(repeats_are_counted_not_printed, begin),
		cmocka_unit_test_setup(the_table_of_repeats_is_bounded, begin),
		cmocka_unit_test_setup(a_complaint_begins_lasts_and_ends, begin),
		cmocka_unit_test_setup(the_last_warning_is_kept, begin),
		cmocka_unit_test_setup(a_taker_that_logs_is_not_heard, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
