/* test_watch.c: changes of a file and of a folder, as editors, packages and orchestrators make
 * them. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "loop.h"
#include "timer.h"
#include "watch.h"

struct world {
	struct loop *loop;
	struct watch *watch;
	struct timer *timer;
	char folder[64];
	char path[4][128];
	int changes;
	bool is_over;
	bool destroys_itself;
};

static void on_change(void *data)
{
	struct world *world = data;

	world->changes++;
	if (world->destroys_itself) {
		watch_destroy(world->watch);
		world->watch = NULL;
	}
}

static void on_over(void *data)
{
	struct world *world = data;

	world->is_over = true;
}

/* The path of a name in the test's folder. */
static const char *in_folder(struct world *world, const char *name)
{
	static unsigned turn;

	turn = (turn + 1) % 4;
	(void)snprintf(world->path[turn], sizeof(world->path[turn]), "%s/%s", world->folder, name);
	return world->path[turn];
}

static void put(struct world *world, const char *name, const char *text)
{
	FILE *file = fopen(in_folder(world, name), "w"); /* in place: same inode */

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void run_for(struct world *world, int64_t duration_ns)
{
	world->is_over = false;
	timer_start(world->timer, duration_ns, 0);
	while (!world->is_over)
		loop_turn(world->loop, true);
}

static void await_change_within(struct world *world, int64_t limit_ns)
{
	int before = world->changes;

	world->is_over = false;
	timer_start(world->timer, limit_ns, 0);
	while (world->changes == before) {
		assert_false(world->is_over);
		loop_turn(world->loop, true);
	}
	assert_int_equal(world->changes, before + 1);
}

/* Sooner or later: the limit is above the look every 5 s. */
static void await_change(struct world *world)
{
	await_change_within(world, 9 * FL_SECOND);
}

static void watch_name(struct world *world, const char *name)
{
	world->watch = watch_create(world->loop, in_folder(world, name), on_change, world);
	assert_non_null(world->watch);
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	(void)snprintf(world->folder, sizeof(world->folder), "/tmp/feedloom-watch-XXXXXX");
	if (mkdtemp(world->folder) == NULL || loop_open(&world->loop) != 0)
		return -1;
	world->timer = timer_create(world->loop, on_over, world);
	put(world, "file", "old");
	return 0;
}

static int remove_one(void *data, const char *name)
{
	return remove(in_folder(data, name));
}

static int finish(void **state)
{
	struct world *world = *state;
	int error;

	watch_destroy(world->watch);
	timer_destroy(world->timer);
	loop_close(world->loop);
	error = file_list(world->folder, remove_one, world) | rmdir(world->folder);
	free(world);
	return error;
}

static void a_write_in_place_is_seen_once_it_is_quiet(void **state)
{
	struct world *world = *state;

	watch_name(world, "file");
	run_for(world, 10 * FL_MS);
	for (int i = 0; i < 5; i++) { /* while it is written to, nothing is told */
		int64_t began_ns = clock_monotonic_ns(world->loop);

		put(world, "file", i % 2 == 0 ? "newer text" : "new");
		run_for(world, 50 * FL_MS);
		clock_refresh(world->loop);
		if (clock_monotonic_ns(world->loop) - began_ns > 150 * FL_MS)
			skip(); /* a machine this busy is quiet by itself */
		assert_int_equal(world->changes, 0);
	}
	await_change(world);
	run_for(world, 600 * FL_MS);
	assert_int_equal(world->changes, 1);
}

static void a_rename_over_the_file_is_seen(void **state)
{
	struct world *world = *state;

	watch_name(world, "file");
	put(world, "beside", "old"); /* same size; another inode */
	assert_int_equal(rename(in_folder(world, "beside"), in_folder(world, "file")), 0);
	await_change(world);
	put(world, "file", "and in place after that");
	await_change(world);
}

static void a_file_may_come_and_go(void **state)
{
	struct world *world = *state;

	watch_name(world, "later");
	put(world, "later", "here");
	await_change(world);
	assert_int_equal(remove(in_folder(world, "later")), 0);
	await_change(world);
}

static void what_happens_beside_is_not_told(void **state)
{
	struct world *world = *state;

	watch_name(world, "file");
	put(world, "other", "x");
	run_for(world, 900 * FL_MS);
	assert_int_equal(world->changes, 0);
}

static void a_folders_content_is_watched(void **state)
{
	struct world *world = *state;

	watch_name(world, "");
	put(world, "new", "x");
	await_change(world);
	put(world, "file", "changed");
	await_change(world);
	assert_int_equal(remove(in_folder(world, "new")), 0);
	await_change(world);
}

static void a_link_that_is_swapped_is_seen(void **state)
{
	struct world *world = *state;

	assert_int_equal(mkdir(in_folder(world, "one"), 0700), 0);
	assert_int_equal(mkdir(in_folder(world, "two"), 0700), 0);
	put(world, "one/config", "1");
	put(world, "two/config", "2");
	assert_int_equal(symlink("one", in_folder(world, "data")), 0);
	assert_int_equal(symlink("data/config", in_folder(world, "config")), 0);
	watch_name(world, "config");
	assert_int_equal(symlink("two", in_folder(world, "data_new")), 0);
	assert_int_equal(rename(in_folder(world, "data_new"), in_folder(world, "data")), 0);
	await_change(world);
	assert_int_equal(
		remove(in_folder(world, "one/config")) | remove(in_folder(world, "two/config")), 0);
}

static void a_folder_that_comes_later_is_watched_too(void **state)
{
	struct world *world = *state;

	watch_name(world, "sub/file");
	assert_int_equal(mkdir(in_folder(world, "sub"), 0700), 0);
	put(world, "sub/file", "x"); /* nothing notices here: the look every 5 s does */
	await_change(world);
	run_for(world, 600 * FL_MS);    /* the next look is far again */
	put(world, "sub/file", "more"); /* by notice from now on */
	await_change_within(world, 4 * FL_SECOND);
	assert_int_equal(remove(in_folder(world, "sub/file")), 0);
}

/* A store beside the file: writes until it is killed. */
static pid_t start_writer(struct world *world)
{
	pid_t writer = fork();

	if (writer != 0)
		return writer;
	for (;;) {
		put(world, "store", "row");
		usleep(500);
	}
}

static void who_writes_beside_it_wakes_nobody(void **state)
{
	struct world *world = *state;
	int turns = 0, status;
	pid_t writer;

	watch_name(world, "file");
	writer = start_writer(world);
	assert_true(writer > 0);
	timer_start(world->timer, 1200 * FL_MS, 0); /* two looks and what may come of them */
	for (world->is_over = false; !world->is_over; turns++)
		loop_turn(world->loop, true);
	put(world, "file", "newer");
	await_change_within(world, 3 * FL_SECOND);
	assert_int_equal(kill(writer, SIGKILL), 0);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(turns < 50); /* it has written hundreds of times */
}

static void a_watch_may_be_destroyed_in_its_own_call(void **state)
{
	struct world *world = *state;

	world->destroys_itself = true;
	watch_name(world, "file");
	put(world, "file", "newer");
	await_change(world);
	watch_name(world, "file");
	put(world, "file", "newest");
	run_for(world, 201 * FL_MS); /* perhaps amid a look */
	watch_destroy(world->watch);
	world->watch = NULL;
	watch_destroy(NULL);
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_LOOP(a_write_in_place_is_seen_once_it_is_quiet),
		ON_A_LOOP(a_rename_over_the_file_is_seen),
		ON_A_LOOP(a_file_may_come_and_go),
		ON_A_LOOP(what_happens_beside_is_not_told),
		ON_A_LOOP(a_folders_content_is_watched),
		ON_A_LOOP(a_link_that_is_swapped_is_seen),
		ON_A_LOOP(a_folder_that_comes_later_is_watched_too),
		ON_A_LOOP(who_writes_beside_it_wakes_nobody),
		ON_A_LOOP(a_watch_may_be_destroyed_in_its_own_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
