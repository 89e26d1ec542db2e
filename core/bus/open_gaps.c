/* open_gaps.c: see there. A gap is the same when its feed, instrument, channel, cause and
 * beginning are. */
#include "open_gaps.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const struct fl_gap *one, const struct fl_gap *other)
{
	return one->head.source == other->head.source &&
		one->head.instrument == other->head.instrument && one->started_ns == other->started_ns &&
		strcmp(one->channel, other->channel) == 0 && strcmp(one->cause, other->cause) == 0;
}

static void drop(struct open_gaps *gaps, size_t at)
{
	gaps->count--;
	memmove(&gaps->items[at], &gaps->items[at + 1], (gaps->count - at) * sizeof(*gaps->items));
}

static bool make_room(struct open_gaps *gaps)
{
	size_t size = gaps->size == 0 ? 16 : gaps->size * 2;
	struct fl_gap *items;

	if (gaps->count < gaps->size)
		return true;
	items = realloc(gaps->items, size * sizeof(*items));
	if (items == NULL)
		return false;
	gaps->items = items;
	gaps->size = size;
	return true;
}

void open_gaps_note(struct open_gaps *gaps, const void *record, size_t length)
{
	struct fl_gap gap = { 0 };

	memcpy(&gap, record, length < sizeof(gap) ? length : sizeof(gap));
	gap.channel[sizeof(gap.channel) - 1] = gap.cause[sizeof(gap.cause) - 1] = '\0';
	if (gap.started_ns == 0)
		return;
	for (size_t i = 0; i < gaps->count; i++)
		if (is_same(&gaps->items[i], &gap)) {
			drop(gaps, i);
			break;
		}
	if (gap.ended_ns != 0)
		return;
	if (gaps->count == OPEN_GAPS_MAX)
		drop(gaps, 0);
	if (!make_room(gaps))
		return; /* a row of the store keeps its open end */
	gaps->items[gaps->count++] = gap;
}

void open_gaps_finish(struct open_gaps *gaps)
{
	free(gaps->items);
	*gaps = (struct open_gaps){ 0 };
}
