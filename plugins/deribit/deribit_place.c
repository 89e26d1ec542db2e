/*
 * deribit_place: on which connection each instrument lies. fl_place decides; here is what it is
 * told of, and what follows: connections opened, closed, and failed ones passed over.
 */
#include "deribit_session.h"
#include "deribit_subscribe.h"
#include "deribit_universe.h"

#include <stdlib.h>

static void open_links(struct deribit *self, int used)
{
	self->link_count = used > self->link_count ? used : self->link_count;
	for (int i = 0; i < used; i++)
		if (!self->links[i].is_open)
			deribit_link_open(self, i);
	for (int i = used; i < self->link_count; i++)
		if (self->links[i].is_open)
			deribit_link_close(self, i);
}

/* What is followed is missed while it moves: half a percent at a time, so that hardly any is. */
enum { MOVES_SHARE = 200 };

/* Where each belongs; how many have no room. What streams moves in steps, from more to fewer. */
static size_t take_places(struct deribit *self, const int *place, size_t wanted)
{
	size_t count = 0, homeless = 0, moves = 0, step = wanted / MOVES_SHARE + 1;

	for (size_t i = 0; i < self->item_count; i++) {
		struct deribit_item *item = &self->items[i];

		if (deribit_wanted(self, item) == 0)
			continue;
		if (item->acked != 0 && place[count] >= 0 && place[count] != item->place && ++moves > step)
			item->goal = item->place; /* later */
		else
			item->goal = (int16_t)place[count];
		count++;
		homeless += item->goal < 0;
		if (item->place != item->goal && item->acked == 0 && item->call == 0)
			item->place = item->goal;
	}
	self->is_uneven = moves > step;
	return homeless;
}

/*
 * Whether what was to move or to be subscribed is there, and what is to be left has been: that
 * comes before the rest within the venue's budget. Refused channels are not waited for.
 */
static bool is_at_rest(const struct deribit *self)
{
	for (size_t i = 0; i < self->item_count; i++) {
		const struct deribit_item *item = &self->items[i];
		uint8_t wanted = deribit_wanted(self, item);

		if (wanted == 0 && item->acked != 0 && item->misses == 0)
			return false;
		if (wanted != 0 && item->misses == 0 && item->goal >= 0 &&
			(item->place != item->goal || (item->acked & wanted) != wanted))
			return false;
	}
	return true;
}

void deribit_even_out(struct deribit *self)
{
	if (self->is_uneven && is_at_rest(self))
		deribit_place(self);
}

static void say_homeless(struct deribit *self, size_t homeless, int connections)
{
	self->deferred = homeless;
	if (homeless > 0)
		fl_complain(self->ctx, "placement",
			"%zu instruments have no room on %d connections: raise max_connections, "
			"max_channels or max_instruments, or follow fewer channels",
			homeless, connections);
	else
		fl_resolved(self->ctx, "placement");
}

void deribit_place(struct deribit *self)
{
	const struct deribit_options *options = self->options;
	struct fl_placement_limits limits = { .max_channels = (int)options->max_channels,
		.max_instruments = (int)options->max_instruments,
		.max_connections = (int)options->max_connections,
		.channels_each = self->template_count,
		.reserved_channels = (int)self->group_count,
		.reserved_on = self->group_link,
		.closed = self->failed_links };
	int scratch[LINKS_MAX + 2] = { 0 };
	size_t count = 0;
	int *place, used;

	place = malloc((self->item_count + 1) * sizeof(*place));
	if (place == NULL) {
		fl_log(self->ctx, FL_ERROR, "no memory to place %zu instruments", self->item_count);
		return;
	}
	for (size_t i = 0; i < self->item_count; i++)
		if (deribit_wanted(self, &self->items[i]) != 0)
			place[count++] = self->items[i].goal;
	used = count == 0 ? 1 : fl_place(&limits, place, count, scratch);
	if (used < 0) {
		fl_complain(self->ctx, "placement",
			"%zu instruments cannot be placed: max_channels %d is less than what one needs", count,
			limits.max_channels);
		goto out;
	}
	used = used < 1 ? 1 : used > LINKS_MAX ? LINKS_MAX : used;
	say_homeless(self, take_places(self, place, count), limits.max_connections);
	open_links(self, used);
out:
	free(place);
}

/* The groups stay on the connection they have moved to, until that fails too. */
static void move_groups(struct deribit *self, uint32_t failed)
{
	if (!((failed >> self->group_link) & 1))
		return;
	for (int i = 0; i < self->link_count; i++)
		if (self->links[i].is_up) {
			self->group_link = i;
			return;
		}
}

void deribit_failover(struct deribit *self)
{
	int64_t now = deribit_now(self);
	uint32_t failed = 0;
	int up = 0;

	for (int i = 0; i < self->link_count; i++) {
		const struct deribit_link *link = &self->links[i];

		up += link->is_up;
		if (link->is_open && !link->is_up && link->down_since_ns != 0 &&
			now - link->down_since_ns >= self->options->failover_after_ns)
			failed |= UINT32_C(1) << i;
	}
	if (up == 0)
		return; /* the venue is away: there is nowhere to go */
	if (failed == self->failed_links)
		return;
	for (int i = 0; i < self->link_count; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if ((failed & bit) && !(self->failed_links & bit))
			fl_log(self->ctx, FL_WARN,
				"connection %d stays down: its instruments move to the others", i);
		else if (!(failed & bit) && (self->failed_links & bit))
			fl_log(self->ctx, FL_INFO, "connection %d is back and gets its share again", i);
	}
	self->failed_links = failed;
	move_groups(self, failed);
	deribit_place(self);
}
