/* What is told of listings, expiries and places, given what the feeds say. */
#include "unit.h"

#include "universe.h"

#include <string.h>

#define NOW_NS (1700000000 * FL_SECOND)
#define BUFFER_NS (5 * FL_MINUTE)

static struct universe universe;

static int teardown(void **state)
{
	(void)state;
	universe_finish(&universe);
	return 0;
}

static enum change say(
	uint32_t id, bool is_active, int64_t expiry_ns, int64_t now_ns, struct member **member)
{
	struct fl_instrument record;

	memset(&record, 0, sizeof(record));
	record.head.instrument = id;
	record.is_active = is_active;
	record.expiry_ns = expiry_ns;
	return universe_take(&universe, 0, &record, now_ns, member);
}

static void a_listing_is_news_once(void **state)
{
	struct member *member;

	(void)state;
	assert_int_equal(say(7, true, NOW_NS + FL_DAY, NOW_NS, &member), CHANGE_LISTED);
	assert_int_equal(say(7, true, NOW_NS + FL_DAY, NOW_NS + 1, &member), CHANGE_NONE);
	assert_int_equal(member->changed_ns, NOW_NS);
	assert_int_equal(say(8, false, NOW_NS + FL_DAY, NOW_NS, &member), CHANGE_NONE);
	assert_null(member); /* what was over before it was known is nobody's business */
	assert_int_equal(universe.count, 1);
	assert_int_equal(say(0, true, 0, NOW_NS, &member), CHANGE_NONE); /* no id */
	assert_null(member);
}

static void an_end_before_its_time_is_no_expiry(void **state)
{
	struct member *member;

	(void)state;
	say(1, true, NOW_NS + FL_HOUR, NOW_NS, &member);
	say(2, true, NOW_NS + FL_HOUR, NOW_NS, &member);
	say(3, true, 0, NOW_NS, &member);
	assert_int_equal(say(1, false, NOW_NS + FL_HOUR, NOW_NS, &member), CHANGE_REMOVED);
	assert_int_equal(say(2, false, NOW_NS + FL_HOUR, NOW_NS + FL_HOUR, &member), CHANGE_EXPIRED);
	assert_int_equal(say(3, false, 0, NOW_NS + FL_DAY, &member), CHANGE_REMOVED); /* a perpetual */
	assert_int_equal(say(1, true, NOW_NS + FL_HOUR, NOW_NS, &member), CHANGE_LISTED); /* again */
}

static void the_buffer_begins_before_the_expiry(void **state)
{
	int64_t expiry_ns = NOW_NS + FL_HOUR;
	struct member *member;

	(void)state;
	say(1, true, expiry_ns, NOW_NS, &member);
	assert_true(universe_is_wanted(member, BUFFER_NS, expiry_ns - BUFFER_NS - 1));
	assert_false(universe_is_due(member, BUFFER_NS, expiry_ns - BUFFER_NS - 1));
	assert_false(universe_is_wanted(member, BUFFER_NS, expiry_ns - BUFFER_NS));
	assert_true(universe_is_due(member, BUFFER_NS, expiry_ns - BUFFER_NS));
	assert_true(universe_is_wanted(member, 0, expiry_ns - 1)); /* without one: to the end */
	assert_false(universe_is_due(member, 0, expiry_ns - 1));
	assert_true(universe_is_due(member, 0, expiry_ns));
	member->flags |= MEMBER_RELEASED;
	assert_false(universe_is_due(member, BUFFER_NS, expiry_ns - 1)); /* once */
	member->flags = MEMBER_ACTIVE | MEMBER_PINNED;
	assert_false(universe_is_due(member, BUFFER_NS, expiry_ns - 1)); /* kept by hand */
	member->flags = MEMBER_ACTIVE | MEMBER_EXCLUDED;
	assert_false(universe_is_wanted(member, BUFFER_NS, NOW_NS)); /* left by hand */
	say(2, true, 0, NOW_NS, &member);
	assert_true(universe_is_wanted(member, BUFFER_NS, NOW_NS + 1000 * FL_DAY));
	assert_false(universe_is_due(member, BUFFER_NS, NOW_NS + 1000 * FL_DAY));
}

static void a_later_expiry_makes_it_wanted_again(void **state)
{
	struct member *member;

	(void)state;
	say(1, true, NOW_NS + FL_MINUTE, NOW_NS, &member);
	member->flags |= MEMBER_RELEASED;
	say(1, false, NOW_NS + FL_MINUTE, NOW_NS + FL_MINUTE, &member);
	assert_int_equal(say(1, true, NOW_NS + FL_DAY, NOW_NS + FL_HOUR, &member), CHANGE_LISTED);
	assert_false(member->flags & MEMBER_RELEASED);
	assert_true(universe_is_wanted(member, BUFFER_NS, NOW_NS + FL_HOUR));
}

static void a_connection_that_drops_is_no_change(void **state)
{
	struct member *member;

	(void)state;
	say(1, true, NOW_NS + FL_DAY, NOW_NS, &member);
	assert_int_equal(universe_place(member, PLACE_PENDING, -1), MOVE_NONE);
	assert_int_equal(universe_place(member, PLACE_SUBSCRIBED, 2), MOVE_ADDED);
	assert_int_equal(universe_place(member, PLACE_SUBSCRIBED, 2), MOVE_NONE);
	assert_int_equal(universe_place(member, PLACE_PENDING, -1), MOVE_NONE);
	assert_int_equal(universe_place(member, PLACE_SUBSCRIBED, 2), MOVE_NONE);
	assert_int_equal(universe_place(member, PLACE_SUBSCRIBED, 3), MOVE_MOVED);
	assert_int_equal(universe_place(member, PLACE_NONE, -1), MOVE_REMOVED);
	assert_int_equal(universe_place(member, PLACE_NONE, -1), MOVE_NONE);
	assert_int_equal(universe_place(member, PLACE_DEFERRED, -1), MOVE_DEFERRED);
	assert_int_equal(universe_place(member, PLACE_DEFERRED, -1), MOVE_NONE);
	assert_int_equal(universe_place(member, PLACE_SUBSCRIBED, 0), MOVE_ADDED);
}

static void what_is_gone_and_still_followed_is_not_settled(void **state)
{
	struct member *member;

	(void)state;
	say(1, true, NOW_NS + FL_DAY, NOW_NS, &member);
	assert_true(universe_is_settled(member)); /* nobody has asked for it */
	universe_place(member, PLACE_PENDING, -1);
	assert_false(universe_is_settled(member));
	universe_place(member, PLACE_SUBSCRIBED, 2);
	assert_true(universe_is_settled(member));
	say(1, false, NOW_NS + FL_DAY, NOW_NS, &member);
	assert_false(universe_is_settled(member));
	member->flags |= MEMBER_PINNED; /* it stays, by hand */
	assert_true(universe_is_settled(member));
	member->flags &= (uint16_t)~MEMBER_PINNED;
	universe_place(member, PLACE_NONE, -1);
	assert_true(universe_is_settled(member));
}

static void what_ended_is_forgotten_and_the_rest_is_found(void **state)
{
	struct member *member;

	(void)state;
	for (uint32_t id = 1; id <= 6000; id++)
		say(id, true, NOW_NS + (id % 2 ? FL_HOUR : 10 * FL_DAY), NOW_NS, &member);
	for (uint32_t id = 1; id <= 6000; id += 2)
		say(id, false, NOW_NS + FL_HOUR, NOW_NS + FL_HOUR, &member);
	universe_find(&universe, 1)->flags |= MEMBER_REHEARSED;
	universe_forget(&universe, FL_HOUR, NOW_NS + 90 * FL_MINUTE);
	assert_int_equal(universe.count, 6000);
	universe_forget(&universe, FL_HOUR, NOW_NS + 3 * FL_HOUR);
	assert_int_equal(universe.count, 3001);
	for (uint32_t id = 1; id <= 6000; id++) {
		member = universe_find(&universe, id);
		if (id % 2 == 0 || id == 1)
			assert_int_equal(member->record.head.instrument, id);
		else
			assert_null(member);
	}
	assert_null(universe_find(&universe, 0));
	assert_null(universe_find(&universe, UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_listing_is_news_once, teardown),
		cmocka_unit_test_teardown(an_end_before_its_time_is_no_expiry, teardown),
		cmocka_unit_test_teardown(the_buffer_begins_before_the_expiry, teardown),
		cmocka_unit_test_teardown(a_later_expiry_makes_it_wanted_again, teardown),
		cmocka_unit_test_teardown(a_connection_that_drops_is_no_change, teardown),
		cmocka_unit_test_teardown(what_is_gone_and_still_followed_is_not_settled, teardown),
		cmocka_unit_test_teardown(what_ended_is_forgotten_and_the_rest_is_found, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
