/* test_loop.c: the turn, its clock, timers, put-off calls, workers, names, random numbers. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"
#include "random.h"
#include "resolve.h"
#include "timer.h"
#include "worker.h"

struct world {
	struct loop *loop;
	struct timer *timers[3];
	char story[64]; /* one letter for each thing that happened */
	int64_t due_ns;
	int count;
};

static void tell(struct world *world, char what)
{
	size_t length = strlen(world->story);

	assert_true(length + 1 < sizeof(world->story));
	world->story[length] = what;
}

static int begin(void **state)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	*state = &world;
	return loop_open(&world.loop);
}

static int finish(void **state)
{
	struct world *world = *state;

	loop_close(world->loop);
	return 0;
}

static void sleep_ms(long ms)
{
	const struct timespec wait = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&wait, NULL);
}

/* -- timers --------------------------------------------------------------------------- */

static void on_a(void *data)
{
	tell(data, 'a');
}

static void on_b(void *data)
{
	tell(data, 'b');
}

static void on_c(void *data)
{
	tell(data, 'c');
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
	struct world *world = *state;
	struct timer *a = timer_create(world->loop, on_a, world);
	struct timer *b = timer_create(world->loop, on_b, world);
	struct timer *c = timer_create(world->loop, on_c, world);

	timer_start(b, 12 * FL_MS, 0);
	timer_start(c, 24 * FL_MS, 0);
	timer_start(a, 0, 0);
	assert_true(timer_is_running(c));
	assert_string_equal(world->story, ""); /* never from within the call */
	loop_run(world->loop);                 /* until nothing is left that could happen */
	assert_string_equal(world->story, "abc");
	assert_false(timer_is_running(c));
	timer_destroy(a);
	timer_destroy(b);
	timer_destroy(c);
	timer_destroy(NULL);
}

static void check_due(void *data)
{
	struct world *world = data;

	assert_true(clock_monotonic_ns(world->loop) >= world->due_ns);
	tell(world, 'd');
}

static void no_timer_fires_before_its_time(void **state)
{
	struct world *world = *state;
	struct timer *timer = timer_create(world->loop, check_due, world);

	for (int64_t delay_ns = 100 * FL_US; delay_ns < 4 * FL_MS; delay_ns += 300 * FL_US) {
		world->due_ns = clock_monotonic_ns(world->loop) + delay_ns;
		timer_start(timer, delay_ns, 0);
		loop_run(world->loop);
	}
	assert_string_equal(world->story, "ddddddddddddd");
	timer_destroy(timer);
}

static void on_late_repeat(void *data)
{
	struct world *world = data;
	int64_t now_ns = clock_monotonic_ns(world->loop);

	switch (++world->count) {
	case 1:
		sleep_ms(30); /* six periods late */
		break;
	case 2: world->due_ns = now_ns + 5 * FL_MS; break;
	default:
		assert_true(now_ns >= world->due_ns); /* the five that were missed are not made up for */
		timer_destroy(world->timers[0]);      /* inside its own call */
		loop_stop(world->loop);
		break;
	}
}

static void a_repeating_timer_does_not_pile_up(void **state)
{
	struct world *world = *state;

	world->timers[0] = timer_create(world->loop, on_late_repeat, world);
	timer_start(world->timers[0], FL_MS, 5 * FL_MS);
	loop_run(world->loop);
	assert_int_equal(world->count, 3);
	assert_true(loop_longest_turn_ns(world->loop) >= 25 * FL_MS);
	assert_int_equal(loop_longest_turn_ns(world->loop), 0); /* asked anew */
}

static void no_work(void *data)
{
	(void)data;
}

static void start_then_stall(void *data)
{
	struct world *world = data;

	world->due_ns = clock_monotonic_ns(world->loop) + 20 * FL_MS;
	timer_start(world->timers[0], 20 * FL_MS, 0);
	sleep_ms(30);
	tell(world, 's');
}

/* libuv's time goes on within a turn, ours does not; the timer must go by ours. */
static void a_timer_goes_by_the_turns_own_clock(void **state)
{
	struct world *world = *state;

	world->timers[0] = timer_create(world->loop, check_due, world);
	assert_int_equal(worker_run(world->loop, no_work, start_then_stall, world), 0);
	loop_run(world->loop);
	assert_string_equal(world->story, "sd");
	timer_destroy(world->timers[0]);
}

static void a_stopped_timer_stays_silent(void **state)
{
	struct world *world = *state;
	struct timer *a = timer_create(world->loop, on_a, world);
	struct timer *b = timer_create(world->loop, on_b, world);

	timer_start(a, 2 * FL_MS, 0);
	timer_start(b, 6 * FL_MS, 0);
	timer_stop(a);
	loop_run(world->loop);
	assert_string_equal(world->story, "b");
	timer_destroy(a);
	timer_destroy(b);
}

/* -- the clock ------------------------------------------------------------------------ */

static void look_twice(void *data)
{
	struct world *world = data;
	int64_t monotonic_ns = clock_monotonic_ns(world->loop), real_ns = clock_real_ns(world->loop);

	assert_true(monotonic_ns >= world->due_ns + 2 * FL_MS); /* after the wait it is another time */
	sleep_ms(2);
	assert_int_equal(clock_monotonic_ns(world->loop), monotonic_ns);
	assert_int_equal(clock_real_ns(world->loop), real_ns);
	clock_refresh(world->loop);
	assert_true(clock_monotonic_ns(world->loop) >= monotonic_ns + 2 * FL_MS);
	assert_int_equal(clock_step_ns(world->loop), 0);
	tell(world, 'l');
}

static void the_clock_stands_still_through_a_turn(void **state)
{
	struct world *world = *state;
	struct timer *timer = timer_create(world->loop, look_twice, world);

	world->due_ns = clock_monotonic_ns(world->loop);
	timer_start(timer, 2 * FL_MS, 0);
	loop_run(world->loop);
	assert_string_equal(world->story, "l");
	assert_true(clock_real_ns(world->loop) > INT64_C(1700000000) * FL_SECOND);
	timer_destroy(timer);
}

/* -- the turn's end ------------------------------------------------------------------- */

static void defer_again(void *data)
{
	struct world *world = data;

	tell(world, 'd');
	if (++world->count < 3)
		assert_int_equal(loop_defer(world->loop, defer_again, world), 0);
}

static void on_turn(void *data)
{
	tell(data, '.');
}

static void deferred_calls_run_at_the_turns_end_and_may_defer_again(void **state)
{
	struct world *world = *state;

	struct timer *far = timer_create(world->loop, on_b, world);

	timer_start(far, 5 * FL_SECOND, 0);
	loop_each_turn(world->loop, on_turn, world);
	assert_int_equal(loop_defer(world->loop, defer_again, world), 0);
	assert_int_equal(loop_defer(world->loop, on_a, world), 0);
	assert_string_equal(world->story, "");
	loop_turn(world->loop, true); /* does not wait for an event */
	assert_string_equal(world->story, "da.");
	loop_turn(world->loop, true);
	loop_turn(world->loop, true);
	assert_string_equal(world->story, "da.d.d.");
	timer_destroy(far);
}

static void defer_from_timer(void *data)
{
	struct world *world = data;

	tell(world, 't');
	assert_int_equal(loop_defer(world->loop, on_a, world), 0);
	timer_start(world->timers[1], FL_MS, 0); /* for a later turn */
}

static void what_a_timer_defers_runs_in_its_own_turn(void **state)
{
	struct world *world = *state;

	world->timers[0] = timer_create(world->loop, defer_from_timer, world);
	world->timers[1] = timer_create(world->loop, on_b, world);
	timer_start(world->timers[0], FL_MS, 0);
	loop_run(world->loop);
	assert_string_equal(world->story, "tab");
	timer_destroy(world->timers[0]);
	timer_destroy(world->timers[1]);
}

/* -- signals -------------------------------------------------------------------------- */

static void on_signal(void *data, int signum)
{
	struct world *world = data;

	assert_int_equal(signum, SIGUSR1);
	tell(world, 's');
	loop_stop(world->loop);
}

static void a_signal_arrives_on_the_loop(void **state)
{
	struct world *world = *state;

	assert_int_equal(loop_signal(world->loop, SIGUSR1, on_signal, world), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_string_equal(world->story, "");
	loop_run(world->loop);
	assert_string_equal(world->story, "s");
	assert_int_equal(loop_signal(world->loop, SIGUSR1, NULL, NULL), 0);
	assert_int_equal(loop_signal(world->loop, SIGUSR1, NULL, NULL), 0); /* twice is harmless */
	assert_int_not_equal(loop_signal(world->loop, SIGKILL, on_signal, world), 0);
}

/* -- workers -------------------------------------------------------------------------- */

static void work(void *data)
{
	struct world *world = data;

	sleep_ms(3);
	world->count++;
}

static void work_done(void *data)
{
	struct world *world = data;

	assert_int_equal(world->count, 1);
	tell(world, 'w');
}

static void a_job_runs_elsewhere_and_answers_here(void **state)
{
	struct world *world = *state;

	assert_int_equal(worker_run(world->loop, work, work_done, world), 0);
	loop_run(world->loop);
	assert_string_equal(world->story, "w");
}

static void closing_the_loop_waits_for_jobs(void **state)
{
	struct world *world = *state;

	assert_int_equal(worker_run(world->loop, work, work_done, world), 0);
	loop_close(world->loop);
	assert_string_equal(world->story, "w");
	assert_int_equal(loop_open(&world->loop), 0);
	loop_close(NULL);
}

/* -- names ---------------------------------------------------------------------------- */

static void on_numeric(void *data, int error, const struct address *addresses, size_t count)
{
	assert_int_equal(error, 0);
	assert_int_equal(count, 1);
	assert_int_equal(addresses[0].port, 443);
	tell(data, addresses[0].is_v6 ? '6' : '4');
}

static void numeric_addresses_need_no_resolver(void **state)
{
	struct world *world = *state;

	assert_non_null(resolve_start(world->loop, "203.0.113.5", 443, on_numeric, world));
	assert_non_null(resolve_start(world->loop, "2001:db8::1", 443, on_numeric, world));
	assert_string_equal(world->story, ""); /* later all the same */
	loop_turn(world->loop, false);
	assert_string_equal(world->story, "46");
}

static void on_localhost(void *data, int error, const struct address *addresses, size_t count)
{
	assert_int_equal(error, 0);
	assert_in_range(count, 1, ADDRESS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(addresses[i].text, addresses[i].is_v6 ? "::1" : "127.0.0.1");
		assert_int_equal(addresses[i].port, 80);
	}
	tell(data, 'l');
}

static void localhost_is_known(void **state)
{
	struct world *world = *state;

	assert_non_null(resolve_start(world->loop, "localhost", 80, on_localhost, world));
	loop_run(world->loop);
	assert_string_equal(world->story, "l");
}

static void on_bad_name(void *data, int error, const struct address *addresses, size_t count)
{
	(void)addresses;
	assert_true(error < 0 && error > -1000); /* an errno, not a libuv code */
	assert_int_equal(count, 0);
	tell(data, 'n');
}

static void a_name_that_cannot_be_is_an_errno(void **state)
{
	struct world *world = *state;
	char endless[400];

	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_non_null(resolve_start(world->loop, "no such name.invalid", 1, on_bad_name, world));
	assert_non_null(resolve_start(world->loop, endless, 1, on_bad_name, world));
	loop_run(world->loop);
	assert_string_equal(world->story, "nn");
}

static void a_cancelled_lookup_never_answers(void **state)
{
	struct world *world = *state;

	resolve_cancel(resolve_start(world->loop, "localhost", 80, on_localhost, world));
	resolve_cancel(resolve_start(world->loop, "127.0.0.1", 80, on_numeric, world));
	resolve_cancel(NULL);
	loop_run(world->loop);
	assert_string_equal(world->story, "");
}

/* -- random numbers ------------------------------------------------------------------- */

static void random_numbers_differ(void **state)
{
	struct world *world = *state;
	unsigned char bytes[4096] = { 0 };
	unsigned zeros = 0;

	assert_true(random_u64(world->loop) != random_u64(world->loop));
	random_bytes(world->loop, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		zeros += bytes[i] == 0;
	assert_in_range(zeros, 0, 100); /* 16 are to be expected */
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_LOOP(timers_fire_in_the_order_of_their_deadlines),
		ON_A_LOOP(no_timer_fires_before_its_time),
		ON_A_LOOP(a_repeating_timer_does_not_pile_up),
		ON_A_LOOP(a_timer_goes_by_the_turns_own_clock),
		ON_A_LOOP(a_stopped_timer_stays_silent),
		ON_A_LOOP(the_clock_stands_still_through_a_turn),
		ON_A_LOOP(deferred_calls_run_at_the_turns_end_and_may_defer_again),
		ON_A_LOOP(what_a_timer_defers_runs_in_its_own_turn),
		ON_A_LOOP(a_signal_arrives_on_the_loop),
		ON_A_LOOP(a_job_runs_elsewhere_and_answers_here),
		ON_A_LOOP(closing_the_loop_waits_for_jobs),
		ON_A_LOOP(numeric_addresses_need_no_resolver),
		ON_A_LOOP(localhost_is_known),
		ON_A_LOOP(a_name_that_cannot_be_is_an_errno),
		ON_A_LOOP(a_cancelled_lookup_never_answers),
		ON_A_LOOP(random_numbers_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
