/*
 * deribit_stream: a decoded message becomes records.
 *
 * The hot path: the instrument, continuity where the kind has one, fl_publish. What is known of an
 * instrument lies in memory that was used a thousand messages ago, and comes from there while the
 * message is parsed: the name of its channel, at its beginning, tells which one it will be.
 */
#include "deribit_parts.h"
#include "deribit_refill.h"
#include "deribit_session.h"
#include "deribit_trades.h"
#include "deribit_universe.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CLOCK_OFF_S 2.0 /* what a way across the world does not take */

void deribit_malformed(struct deribit *self, const char *where)
{
	fl_metric_add(self->parse_errors, 1);
	fl_log_limited(self->ctx, FL_WARN, "malformed: %s", where);
}

/*
 * Venues go on for seconds after expiry with stale and zero quotes: none of it is published. By the
 * venue's time: our clock may be ahead.
 */
static bool is_after_expiry(const struct deribit_item *item, int64_t event_time_ns)
{
	int64_t expiry = item->record.expiry_ns;

	return expiry != 0 ? event_time_ns >= expiry : (item->flags & ITEM_EXPIRED) != 0;
}

static void publish(
	struct deribit *self, struct deribit_item *item, struct fl_record *head, int64_t received_ns)
{
	if (is_after_expiry(item, head->event_time_ns))
		return;
	head->instrument = item->id;
	head->received_ns = received_ns;
	fl_publish(self->ctx, head);
}

/* An instrument's tickers name the same underlying nearly always. */
static uint32_t underlying_id(
	struct deribit *self, struct deribit_item *item, struct deribit_text name)
{
	if (item->underlying_id == 0 || item->underlying_length != name.length ||
		memcmp(item->underlying_name, name.data, name.length) != 0) {
		item->underlying_id = fl_instrument_id(self->ctx, name.data, name.length);
		item->underlying_name = fl_instrument_name(self->ctx, item->underlying_id);
		item->underlying_length = (uint32_t)name.length;
	}
	return item->underlying_id;
}

static void on_ticker(struct deribit *self, struct deribit_item *item, struct deribit_message *in,
	int64_t received_ns)
{
	if (in->underlying.length > 0)
		in->ticker.underlying_index = underlying_id(self, item, in->underlying);
	publish(self, item, &in->ticker.head, received_ns);
}

static void on_markprices(struct deribit *self, struct deribit_message *in, int64_t received_ns)
{
	struct deribit_text name;
	struct fl_ticker ticker;
	int more;

	while ((more = deribit_markprice_next(&in->rows, &ticker, &name)) != 0) {
		struct deribit_item *item = NULL;

		if (more == 1)
			item = deribit_item(self, name.data, name.length);
		if (item != NULL)
			publish(self, item, &ticker.head, received_ns);
		else
			deribit_malformed(self, "markprice.options");
	}
}

/* The same row twice: without its end as the book breaks, then with it. */
static void chain_gap(struct deribit *self, const struct deribit_item *item,
	const struct deribit_chain *broken, int64_t ended_ns)
{
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.head.instrument = item->id;
	gap.head.event_time_ns = gap.head.received_ns = fl_now_ns(self->ctx);
	gap.started_ns = broken->last_ns;
	gap.ended_ns = ended_ns;
	gap.first_seq = broken->last;
	gap.last_seq = broken->found;
	gap.filled_ns = 0;
	for (int i = 0; i < self->template_count; i++)
		if (self->templates[i].what == DERIBIT_OF_BOOK)
			deribit_channel_print(
				&self->templates[i], item->name, gap.channel, sizeof(gap.channel));
	snprintf(gap.cause, sizeof(gap.cause), "change_id");
	snprintf(gap.detail, sizeof(gap.detail), "%s",
		broken->last == broken->found ? "book changes came without the snapshot before them"
									  : "a book change did not follow the one before it");
	fl_publish(self->ctx, &gap.head);
}

void deribit_chain_end(struct deribit *self, struct deribit_item *item)
{
	if ((item->chain.state == DERIBIT_CHAIN_BROKEN || deribit_chain_has_dropped(&item->chain)) &&
		self->book_bit != 0)
		chain_gap(self, item, &item->chain, fl_now_ns(self->ctx));
	item->chain = (struct deribit_chain){ 0 };
}

void deribit_chain_late(struct deribit *self, struct deribit_item *item)
{
	fl_log_limited(self->ctx, FL_WARN, "%s: its book has no snapshot, asking for one", item->name);
	if (deribit_chain_has_dropped(&item->chain)) {
		item->chain.state = DERIBIT_CHAIN_BROKEN;
		chain_gap(self, item, &item->chain, 0);
	}
	item->chain.waiting_ns = deribit_now(self);
	item->renew |= self->book_bit & item->acked;
}

static void on_book(struct deribit *self, struct deribit_item *item, struct deribit_message *in,
	int64_t received_ns)
{
	struct deribit_chain before = item->chain;

	switch (deribit_chain_take(&item->chain, in->book)) {
	case DERIBIT_CHAIN_REJOIN:
		chain_gap(self, item, &before, in->book->head.event_time_ns);
		publish(self, item, &in->book->head, received_ns);
		break;
	case DERIBIT_CHAIN_PUBLISH: publish(self, item, &in->book->head, received_ns); break;
	case DERIBIT_CHAIN_GAP:
		fl_log_limited(
			self->ctx, FL_WARN, "%s: a book change is missing, asking for a snapshot", item->name);
		chain_gap(self, item, &item->chain, 0);
		item->renew |= self->book_bit; /* acknowledged or not yet */
		item->chain.waiting_ns = deribit_now(self);
		deribit_pump(self);
		break;
	case DERIBIT_CHAIN_DROP:
		if (item->chain.waiting_ns == 0 && item->chain.state != DERIBIT_CHAIN_JOINED)
			item->chain.waiting_ns = deribit_now(self);
		break;
	}
}

enum deribit_kind deribit_stream_trade(struct deribit *self, struct deribit_trade *in,
	const struct deribit_group *group, int64_t received_ns, unsigned flags)
{
	struct deribit_item *item = deribit_item(self, in->instrument.data, in->instrument.length);
	struct fl_trade *trade = &in->trade;

	if (item == NULL)
		return DERIBIT_MALFORMED;
	if (item->pair == PAIR_NONE && group != NULL)
		item->pair = group->pair;
	/* Asked for by time: what came before we followed the venue at all is not ours. */
	if ((flags & FL_TRADE_REFILLED) && group != NULL && item->last_seq < 0 &&
		trade->head.event_time_ns < group->since_ns)
		return DERIBIT_IGNORED;
	trade->head.instrument = item->id;
	trade->head.received_ns = received_ns;
	trade->flags |= (uint16_t)flags;
	if (isnan(trade->contracts) && item->record.contract_size > 0)
		trade->contracts = trade->amount / item->record.contract_size;
	if (in->combo.length > 0)
		trade->combo = fl_instrument_id(self->ctx, in->combo.data, in->combo.length);
	switch (deribit_trade_take(self, item, trade)) {
	case DERIBIT_TAKEN_PUBLISHED:
		if (flags & FL_TRADE_REFILLED)
			fl_metric_add(self->refills, 1);
		break;
	case DERIBIT_TAKEN_REPEATED: fl_metric_add(self->repeats, 1); return DERIBIT_IGNORED;
	case DERIBIT_TAKEN_HELD: break;
	}
	return DERIBIT_TRADES;
}

/* The channel that is not an instrument's, NULL: not one of ours. */
static const struct deribit_group *hear_group(
	struct deribit *self, const struct deribit_message *in)
{
	for (size_t i = 0; i < self->group_count; i++) {
		struct deribit_group *group = &self->groups[i];

		if (strlen(group->channel) != in->channel.length ||
			memcmp(group->channel, in->channel.data, in->channel.length) != 0)
			continue;
		deribit_quiet_heard(self, group);
		return group;
	}
	return NULL;
}

static void on_trades(struct deribit *self, struct deribit_message *in, int64_t received_ns)
{
	const struct deribit_group *group = hear_group(self, in);
	struct deribit_trade trade;
	int more;

	while ((more = deribit_trade_next(&in->rows, &trade)) != 0)
		if (more < 0 ||
			deribit_stream_trade(self, &trade, group, received_ns, 0) == DERIBIT_MALFORMED) {
			deribit_malformed(self, "a trade");
			deribit_doubt(self);
		}
}

static void on_index(struct deribit *self, struct deribit_message *in, int64_t received_ns)
{
	in->index.head.instrument =
		fl_instrument_id(self->ctx, in->instrument.data, in->instrument.length);
	in->index.head.received_ns = received_ns;
	if (in->index.head.instrument != 0)
		fl_publish(self->ctx, &in->index.head);
}

/* The id that the message's instrument most likely has, 0: not known. */
static uint32_t expect(struct deribit *self, const struct fl_message *message)
{
	struct deribit_text name = deribit_glance(message->data, message->length);
	uint32_t id = fl_instrument_expect(self->ctx, name.data, name.length);
	const struct deribit_item *item = deribit_item_by_id(self, id);

	if (item != NULL) {
		__builtin_prefetch(item);
		__builtin_prefetch(&item->underlying_name);
		__builtin_prefetch(&item->record.expiry_ns);
	}
	return id;
}

static struct deribit_item *item_of(
	struct deribit *self, struct deribit_text name, uint32_t expected)
{
	struct deribit_item *item = deribit_item_by_id(self, expected);

	if (item != NULL && item->name_length == name.length &&
		memcmp(item->name, name.data, name.length) == 0)
		return item;
	return deribit_item(self, name.data, name.length);
}

/* Messages of one instrument. */
static void on_instrument(
	struct deribit *self, struct deribit_message *in, uint32_t expected, int64_t received_ns)
{
	struct deribit_item *item = item_of(self, in->instrument, expected);

	if (item == NULL) {
		deribit_malformed(self, "a name that is no instrument's");
		return;
	}
	switch (in->kind) {
	case DERIBIT_QUOTE: publish(self, item, &in->quote.head, received_ns); break;
	case DERIBIT_TICKER:
	case DERIBIT_PERPETUAL: on_ticker(self, item, in, received_ns); break;
	case DERIBIT_BOOK: on_book(self, item, in, received_ns); break;
	case DERIBIT_STATE:
		if (!deribit_item_state(self, item, in->state, in->time_ns, received_ns))
			deribit_list_soon(self, in->channel.data, in->channel.length);
		break;
	default: break;
	}
}

/* Records carry the venue's times and ours: who reads them must know when the two differ. */
static void watch_clock(struct deribit *self, int64_t venue_ns, int64_t received_ns)
{
	double behind_s = (double)(received_ns - venue_ns) / 1e9;

	if (venue_ns == 0)
		return;
	if (fabs(behind_s) > CLOCK_OFF_S)
		fl_complain(self->ctx, "clock",
			"the venue's time is %.1f s %s ours: a clock is wrong, or its answers take long",
			fabs(behind_s), behind_s > 0 ? "behind" : "ahead of");
	else
		fl_resolved(self->ctx, "clock");
}

void deribit_on_message(void *state, int conn, const struct fl_message *message)
{
	struct deribit *self = state;
	struct deribit_message in;
	int link = conn - 1;
	uint32_t expected;

	if (link < 0 || link >= LINKS_MAX)
		return;
	expected = expect(self, message);
	self->links[link].heard_ns = deribit_now(self);
	switch (deribit_decode(&self->decoder, message->data, message->length, &in)) {
	case DERIBIT_QUOTE:
	case DERIBIT_TICKER:
	case DERIBIT_PERPETUAL:
	case DERIBIT_BOOK:
	case DERIBIT_STATE: on_instrument(self, &in, expected, message->received_ns); break;
	case DERIBIT_TRADES: on_trades(self, &in, message->received_ns); break;
	case DERIBIT_INDEX:
		(void)hear_group(self, &in);
		on_index(self, &in, message->received_ns);
		break;
	case DERIBIT_MARKPRICES:
		(void)hear_group(self, &in);
		on_markprices(self, &in, message->received_ns);
		break;
	case DERIBIT_CREATION: deribit_list_soon(self, in.channel.data, in.channel.length); break;
	case DERIBIT_TEST_REQUEST: /* unanswered, the venue hangs up after one interval */
		fl_sendf(self->ctx, conn,
			"{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"public/test\",\"params\":{}}",
			++self->request_id);
		return;
	case DERIBIT_RESULT:
	case DERIBIT_ERROR:
		watch_clock(self, in.server_ns, message->received_ns);
		if (self->is_probing)
			deribit_probe_message(self, &in);
		else
			deribit_on_reply(self, link, &in);
		return;
	case DERIBIT_HEARTBEAT:
	case DERIBIT_IGNORED: return;
	case DERIBIT_MALFORMED:
		deribit_malformed(self, "a message of the venue's");
		deribit_doubt(self);
		return;
	}
	if (in.is_odd)
		deribit_malformed(self, "a value of the wrong type, taken as absent");
}
