/* Who is held back after crashes, and that what lies in the file is not believed blindly. */
#include "unit.h"

#include "clock.h"
#include "log.h"
#include "quarantine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char beside[64];

static int begin(void **state)
{
	(void)state;
	snprintf(beside, sizeof(beside), "/tmp/feedloom-quarantine-%d", (int)getpid());
	return 0;
}

static int end(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s.crash", beside);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s.crash.trace", beside);
	(void)unlink(path);
	return 0;
}

/* A process in which a signal comes while `instance` runs. */
static void crash(int64_t at_ns, const char *instance, bool is_elsewhere)
{
	struct quarantine *quarantine;
	struct crash_note *note;

	assert_int_equal(quarantine_open(beside, &quarantine), 0);
	*quarantine_word(quarantine) = instance == NULL ? 0 : quarantine_number(quarantine, instance);
	note = quarantine_note(quarantine);
	note->at_ns = at_ns;
	note->is_elsewhere = is_elsewhere;
	note->signum = SIGSEGV;
	quarantine_close(quarantine);
}

static bool holds(const char *instance)
{
	struct quarantine *quarantine;
	char reason[256] = "";
	bool is_held;

	assert_int_equal(quarantine_open(beside, &quarantine), 0);
	is_held = quarantine_holds(quarantine, instance, reason, sizeof(reason));
	if (is_held)
		assert_non_null(strstr(reason, "SIGSEGV"));
	quarantine_close(quarantine);
	return is_held;
}

static void three_crashes_within_ten_minutes_are_too_many(void **state)
{
	(void)state;
	crash(1 * FL_MINUTE, "bad", false);
	crash(5 * FL_MINUTE, "bad", false);
	crash(6 * FL_MINUTE, "other", false);
	assert_false(holds("bad"));
	crash(10 * FL_MINUTE, "bad", false);
	assert_true(holds("bad"));
	assert_true(holds("bad")); /* the file keeps it */
	assert_false(holds("other"));
}

static void crashes_far_apart_are_not(void **state)
{
	(void)state;
	for (int i = 1; i < 100; i++)
		crash(i * 6 * FL_MINUTE, "bad", false);
	assert_false(holds("bad"));
}

static void it_is_forgotten_when_somebody_asks(void **state)
{
	struct quarantine *quarantine;

	(void)state;
	for (int i = 1; i <= 5; i++)
		crash(i * FL_MINUTE, "bad", false);
	assert_int_equal(quarantine_open(beside, &quarantine), 0);
	quarantine_clear(quarantine, "bad");
	quarantine_close(quarantine);
	assert_false(holds("bad"));
	crash(6 * FL_MINUTE, "bad", false);
	assert_false(holds("bad"));
}

static void what_no_plugin_did_is_nobodys(void **state)
{
	(void)state;
	for (int i = 1; i <= 5; i++)
		crash(i * FL_MINUTE, NULL, false);
	for (int i = 1; i <= 5; i++)
		crash(i * FL_MINUTE, "bad", true); /* on a worker, which runs no plugin's code */
	assert_false(holds("bad"));
	assert_false(holds(""));
}

static void any_bytes_in_the_file_are_survived(void **state)
{
	char path[96];
	uint32_t draw = 1;

	(void)state;
	snprintf(path, sizeof(path), "%s.crash", beside);
	for (int round = 0; round < 50; round++) {
		FILE *file;

		assert_false(holds("bad")); /* makes it anew when its head is wrong */
		file = fopen(path, "r+b");
		assert_non_null(file);
		(void)fseek(file, round % 2 == 0 ? 0 : 8, SEEK_SET); /* with the head left, too */
		for (int i = 0; i < 3000; i++) {
			draw = draw * 1664525 + 1013904223;
			(void)fputc((int)(draw >> 24), file);
		}
		(void)fclose(file);
	}
	(void)holds("bad");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(three_crashes_within_ten_minutes_are_too_many),
		TEST(crashes_far_apart_are_not),
		TEST(it_is_forgotten_when_somebody_asks),
		TEST(what_no_plugin_did_is_nobodys),
		TEST(any_bytes_in_the_file_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
