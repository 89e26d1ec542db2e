#include "unit.h"
#include <feedloom/kit.h>
#include <string.h>

enum { MOST = 4000, CONNECTIONS = 32 };

static const struct fl_placement_limits deribit = { .max_channels = 500,
	.max_instruments = 250,
	.max_connections = CONNECTIONS,
	.channels_each = 2,
	.reserved_channels = 4 };

static int place[MOST], before[MOST], sizes[CONNECTIONS], scratch[CONNECTIONS];

static void clear(size_t count)
{
	for (size_t i = 0; i < count; i++)
		place[i] = -1;
}

/* Places and counts; returns how many that had a place have another now. */
static int run(const struct fl_placement_limits *limits, size_t count, int *connections)
{
	int moves = 0;

	memcpy(before, place, count * sizeof(*place));
	memset(sizes, 0, sizeof(sizes));
	*connections = fl_place(limits, place, count, scratch);
	for (size_t i = 0; i < count; i++) {
		assert_true(place[i] < *connections);
		if (place[i] >= 0)
			sizes[place[i]]++;
		moves += before[i] >= 0 && before[i] != place[i];
	}
	return moves;
}

static void assert_even(int connections, double most)
{
	int least = sizes[0], greatest = sizes[0];

	for (int c = 1; c < connections; c++) {
		least = sizes[c] < least ? sizes[c] : least;
		greatest = sizes[c] > greatest ? sizes[c] : greatest;
	}
	assert_true(greatest - least <= 1 || greatest <= least * (1 + most));
}

static void deribit_needs_seven_connections(void **state)
{
	int connections;

	(void)state;
	clear(1548);
	assert_int_equal(run(&deribit, 1548, &connections), 0);
	assert_int_equal(connections, 7);
	assert_even(7, 0);
	for (int i = 0; i < 7; i++) /* neighbours are spread */
		for (int j = 0; j < i; j++)
			assert_int_not_equal(place[i], place[j]);
	assert_int_equal(run(&deribit, 1548, &connections), 0);
	assert_int_equal(connections, 7);
}

static void limits_hold_at_every_count(void **state)
{
	int connections;

	(void)state;
	for (size_t count = 0; count < 2100; count += 7) {
		clear(count);
		run(&deribit, count, &connections);
		assert_int_equal(
			connections, count <= 248 ? (count > 0) : 1 + (int)(count - 248 + 249) / 250);
		assert_true(sizes[0] <= 248);
		for (int c = 0; c < connections; c++)
			assert_true(sizes[c] <= 250);
		for (size_t i = 0; i < count; i++)
			assert_true(place[i] >= 0);
		if (connections > 0)
			assert_even(connections, 0.1);
	}
}

static void a_new_listing_moves_nobody(void **state)
{
	int connections;

	(void)state;
	clear(1548);
	run(&deribit, 1548, &connections);
	for (size_t count = 1549; count < 1740; count++) {
		place[count - 1] = -1;
		assert_int_equal(run(&deribit, count, &connections), 0);
		assert_int_equal(connections, 7);
		assert_even(7, 0);
	}
}

static void an_expiry_moves_only_what_it_must(void **state)
{
	size_t left = 0;
	int connections, moves;

	(void)state;
	clear(1400);
	run(&deribit, 1400, &connections);
	/* 60 of connection 2 expire: 233 become 173, the others have 233 or 234. */
	for (size_t i = 0, gone = 0; i < 1400; i++) {
		if (place[i] == 2 && gone < 60)
			gone++;
		else
			place[left++] = place[i];
	}
	moves = run(&deribit, left, &connections);
	assert_int_equal(connections, 6);
	assert_even(6, 0.1);
	assert_true(moves > 30 && moves <= 50); /* 60 would make them even */
	assert_int_equal(run(&deribit, left, &connections), 0);
}

static void more_than_fits_opens_a_connection(void **state)
{
	int connections, moves;

	(void)state;
	clear(248);
	run(&deribit, 248, &connections);
	assert_int_equal(connections, 1);
	clear(249);
	for (int i = 0; i < 248; i++)
		place[i] = 0;
	moves = run(&deribit, 249, &connections);
	assert_int_equal(connections, 2);
	assert_even(2, 0.1);
	assert_true(moves > 110 && moves <= 125);
}

static void a_connection_over_its_capacity_gives_up_the_rest(void **state)
{
	int connections;

	(void)state;
	for (size_t i = 0; i < 600; i++)
		place[i] = i < 300 ? 0 : i % 3 == 0 ? 77 : -5;
	run(&deribit, 600, &connections);
	assert_int_equal(connections, 3);
	assert_even(3, 0.1);
	for (size_t i = 0; i < 150; i++)
		assert_int_equal(place[i], 0); /* the first stay */
}

static void what_has_no_room_has_no_place(void **state)
{
	static const struct fl_placement_limits small = { .max_channels = 10,
		.max_instruments = 100,
		.max_connections = 3,
		.channels_each = 3,
		.reserved_channels = 8 };
	int connections, without = 0;

	(void)state;
	clear(20);
	run(&small, 20, &connections); /* none on the first, three on the others */
	assert_int_equal(connections, 3);
	assert_int_equal(sizes[0], 0);
	for (int i = 0; i < 20; i++)
		without += place[i] == -1;
	assert_int_equal(without, 14);
}

static void limits_that_are_none_are_refused(void **state)
{
	struct fl_placement_limits limits = deribit;

	(void)state;
	limits.channels_each = 501;
	assert_int_equal(fl_place(&limits, place, 1, scratch), -EINVAL);
	limits.channels_each = 0;
	assert_int_equal(fl_place(&limits, place, 1, scratch), -EINVAL);
	limits = deribit;
	limits.max_connections = 0;
	assert_int_equal(fl_place(&limits, place, 1, scratch), -EINVAL);
	assert_int_equal(fl_place(&deribit, place, 0, scratch), 0);
}

static void a_closed_connection_gives_all_and_gets_its_share_back(void **state)
{
	struct fl_placement_limits limits = deribit;
	int connections, moves;

	(void)state;
	clear(600);
	run(&limits, 600, &connections);
	assert_int_equal(connections, 3);
	limits.closed = 1U << 1;
	moves = run(&limits, 600, &connections);
	assert_int_equal(connections, 4); /* two cannot hold them; the closed one keeps its number */
	assert_int_equal(sizes[1], 0);
	assert_int_equal(sizes[0] + sizes[2] + sizes[3], 600);
	assert_true(moves >= 200 && moves < 300); /* its own, and what evens out */
	limits.closed = 0;
	run(&limits, 600, &connections);
	assert_even(4, 0.1);
	limits.closed = 0xf; /* nowhere to go: a fifth */
	run(&limits, 200, &connections);
	assert_int_equal(connections, 5);
	assert_int_equal(sizes[4], 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_connection_gives_all_and_gets_its_share_back),
		cmocka_unit_test(deribit_needs_seven_connections),
		cmocka_unit_test(limits_hold_at_every_count),
		cmocka_unit_test(a_new_listing_moves_nobody),
		cmocka_unit_test(an_expiry_moves_only_what_it_must),
		cmocka_unit_test(more_than_fits_opens_a_connection),
		cmocka_unit_test(a_connection_over_its_capacity_gives_up_the_rest),
		cmocka_unit_test(what_has_no_room_has_no_place),
		cmocka_unit_test(limits_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
