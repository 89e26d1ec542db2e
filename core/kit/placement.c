/*
 * placement.c: instruments on connections, with the fewest moves.
 *
 * First only the sizes are decided, in `sizes`; then the instruments that make the difference are
 * moved: from the end of the list, dealt out in turn, so that neighbours in the list (which are
 * listed and expire together) are spread over the connections.
 */
#include <feedloom/kit.h>

enum { TO_PLACE = -1 };

static bool is_closed(const struct fl_placement_limits *limits, int connection)
{
	return connection < 32 && ((limits->closed >> connection) & 1);
}

static int capacity(const struct fl_placement_limits *limits, int connection)
{
	int channels =
		limits->max_channels - (connection == limits->reserved_on ? limits->reserved_channels : 0);
	int by_channels = channels > 0 ? channels / limits->channels_each : 0;

	if (is_closed(limits, connection))
		return 0;
	return by_channels < limits->max_instruments ? by_channels : limits->max_instruments;
}

/* Counts what is placed; what is too much for a connection, or on none that may be, is to place. */
static size_t count_placed(
	const struct fl_placement_limits *limits, int *place, size_t count, int *sizes)
{
	size_t unplaced = 0;

	for (int c = 0; c < limits->max_connections; c++)
		sizes[c] = 0;
	for (size_t i = 0; i < count; i++) {
		if (place[i] >= 0 && place[i] < limits->max_connections &&
			sizes[place[i]] < capacity(limits, place[i])) {
			sizes[place[i]]++;
		} else {
			place[i] = TO_PLACE;
			unplaced++;
		}
	}
	return unplaced;
}

/* Up to the highest in use, and as many more as it takes to hold all. */
static int connections_needed(
	const struct fl_placement_limits *limits, size_t count, const int *sizes)
{
	int used = limits->max_connections, needed = 0;
	size_t room = 0;

	while (used > 0 && sizes[used - 1] == 0 && !is_closed(limits, used - 1))
		used--;
	while (needed < limits->max_connections && room < count)
		room += (size_t)capacity(limits, needed++);
	return used > needed ? used : needed;
}

/* The smallest that still has room, -1: none. */
static int smallest(const struct fl_placement_limits *limits, const int *sizes, int connections)
{
	int found = -1;

	for (int c = 0; c < connections; c++)
		if (sizes[c] < capacity(limits, c) && (found < 0 || sizes[c] < sizes[found]))
			found = c;
	return found;
}

/* Closed ones have size 0, and are never it as long as there is another. */
static int largest(const int *sizes, int connections)
{
	int found = 0;

	for (int c = 1; c < connections; c++)
		if (sizes[c] > sizes[found])
			found = c;
	return found;
}

/* New ones go where there are fewest; then large ones give to small ones until 10 % are left. */
static void decide_sizes(
	const struct fl_placement_limits *limits, size_t unplaced, int *sizes, int connections)
{
	int to;

	for (; unplaced > 0; unplaced--) {
		to = smallest(limits, sizes, connections);
		if (to < 0)
			return;
		sizes[to]++;
	}
	while ((to = smallest(limits, sizes, connections)) >= 0) {
		int from = largest(sizes, connections);

		if (sizes[from] - sizes[to] <= 1 || (int64_t)sizes[from] * 10 <= (int64_t)sizes[to] * 11)
			return;
		sizes[from]--;
		sizes[to]++;
	}
}

/* Moves what makes the difference. `sizes` becomes what each still has to get (or to give, below
 * 0). */
static void move(int *place, size_t count, int *sizes, int connections)
{
	int at = 0;

	for (size_t i = 0; i < count; i++)
		if (place[i] >= 0)
			sizes[place[i]]--;
	for (size_t i = count; i-- > 0;) {
		if (place[i] >= 0 && sizes[place[i]] < 0) {
			sizes[place[i]]++;
			place[i] = TO_PLACE;
		}
	}
	for (size_t i = 0; i < count; i++) {
		int tried = 0;

		if (place[i] >= 0)
			continue;
		while (tried < connections && sizes[at] == 0) {
			at = (at + 1) % connections;
			tried++;
		}
		if (tried == connections)
			return; /* no room: what is left stays without a place */
		place[i] = at;
		sizes[at]--;
		at = (at + 1) % connections;
	}
}

int fl_place(const struct fl_placement_limits *limits, int *place, size_t count, int *scratch)
{
	int *sizes = scratch, connections;
	size_t unplaced;

	if (limits->max_channels < 1 || limits->max_instruments < 1 || limits->max_connections < 1 ||
		limits->channels_each < 1 || limits->reserved_channels < 0 ||
		limits->channels_each > limits->max_channels)
		return -EINVAL;
	unplaced = count_placed(limits, place, count, sizes);
	connections = connections_needed(limits, count, sizes);
	if (connections == 0)
		return 0;
	decide_sizes(limits, unplaced, sizes, connections);
	/* A closed one stays: it is on its way back. */
	while (connections > 1 && sizes[connections - 1] == 0 && !is_closed(limits, connections - 1))
		connections--;
	move(place, count, sizes, connections);
	return connections;
}
