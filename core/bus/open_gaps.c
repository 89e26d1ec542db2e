/* open_gaps.c: see there. A gap is the same when its feed, channel, cause and beginning are. */
#include "open_gaps.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const struct fl_gap *one, const struct fl_gap *other)
{
	return one->head.source == other->head.source && one->started_ns == other->started_ns &&
		strcmp(one->channel, other->channel) == 0 && strcmp(one->cause, other->cause) == 0;
}

static void drop(struct open_gaps *gaps, size_t at)
{
	gaps->count--;
	memmove(&gaps->items[at], &gaps->items[at + 1], (gaps->count - at) * sizeof(*gaps->items));
}

void open_gaps_note(struct open_gaps *gaps, const void *record, size_t length)
{
	struct fl_gap gap = { 0 };

	memcpy(&gap, record, length < sizeof(gap) ? length : sizeof(gap));
	gap.channel[sizeof(gap.channel) - 1] = gap.cause[sizeof(gap.cause) - 1] = '\0';
	if (gap.head.instrument != 0 || gap.started_ns == 0)
		return;
	for (size_t i = 0; i < gaps->count; i++)
		if (is_same(&gaps->items[i], &gap)) {
			drop(gaps, i);
			break;
		}
	if (gap.ended_ns != 0)
		return;
	if (gaps->items == NULL)
		gaps->items = calloc(OPEN_GAPS_MAX, sizeof(*gaps->items));
	if (gaps->items == NULL)
		return; /* a row of the store keeps its open end */
	if (gaps->count == OPEN_GAPS_MAX)
		drop(gaps, 0);
	gaps->items[gaps->count++] = gap;
}

void open_gaps_finish(struct open_gaps *gaps)
{
	free(gaps->items);
	*gaps = (struct open_gaps){ 0 };
}
