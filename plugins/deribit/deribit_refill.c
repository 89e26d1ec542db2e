/*
 * deribit_refill: asks the venue by HTTP for trades that were missed.
 *
 * Two ways. After a (re)connect a sweep by time over each kind and currency, from a little before
 * the newest trade that was published: it finds what was missed also where no trade follows. Then,
 * for each instrument that still holds trades back, by trade_seq, which is exact. What the venue
 * does not have any more is named in a gap record; what it cannot be asked is tried again until it
 * answers.
 */
#include "deribit_refill.h"

#include "deribit_parts.h"
#include "deribit_session.h"
#include "deribit_trades.h"
#include "deribit_universe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CALL_COST = 500, PAGE = 1000, ATTEMPTS_MAX = 3, FAILURES_MAX = 6 };
#define DOUBT_AGAIN_NS (30 * FL_SECOND)
#define MARGIN_NS (5 * FL_SECOND)
/* After a start: trades that the process held back when it died lie before the newest it published.
 */
#define COLD_MARGIN_NS (15 * FL_MINUTE)
/* Older than this, the venue answers with an empty list and no error. */
#define HORIZON_NS (24 * FL_HOUR - FL_MINUTE)
#define BACKOFF_MIN_NS FL_SECOND
#define BACKOFF_MAX_NS (60 * FL_SECOND)
#define COMPLAIN_AFTER 3

static int64_t backoff(struct deribit *self, uint8_t *failures, int64_t retry_after_ns)
{
	int64_t delay = BACKOFF_MIN_NS << (*failures < FAILURES_MAX ? *failures : FAILURES_MAX);

	if (*failures < UINT8_MAX)
		++*failures;
	if (delay > BACKOFF_MAX_NS)
		delay = BACKOFF_MAX_NS;
	delay = delay / 2 + (int64_t)(fl_random(self->ctx) % (uint64_t)(delay / 2));
	if (retry_after_ns > delay)
		delay = retry_after_ns < BACKOFF_MAX_NS ? retry_after_ns : BACKOFF_MAX_NS;
	return deribit_now(self) + delay;
}

/* Errors that another attempt may not meet. Everything else is the venue's last word. */
static bool is_passing(int64_t code)
{
	switch (code) {
	case 10001:
	case 10028:
	case 10040:
	case 10041:
	case 10047:
	case 10066:
	case 11030:
	case 11031:
	case 11051:
	case 11056:
	case 11094:
	case 13008:
	case 13025:
	case 13028:
	case 13503:
	case 13888:
	case 10000:
	case 13009:
	case 10019: return true;
	default: return false;
	}
}

struct page {
	yyjson_arr_iter rows;
	size_t count;
	bool has_more;
	char why[96];
};

/* 0; -EAGAIN: no usable answer, ask again; -EPROTO: the venue refuses, `why` says how. */
static int page_open(struct deribit *self, const struct fl_response *response, struct page *page)
{
	struct deribit_message answer;

	page->count = 0;
	page->has_more = false;
	if (response->status == 0) {
		snprintf(page->why, sizeof(page->why), "%s", response->detail);
		return -EAGAIN;
	}
	switch (deribit_decode_response(
		&self->response_decoder, response->body, response->length, &answer)) {
	case DERIBIT_RESULT:
		if (deribit_trades_page(answer.result, &page->rows, &page->count, &page->has_more) == 0)
			return 0;
		deribit_malformed(self, "a page of trades");
		snprintf(page->why, sizeof(page->why), "the answer has no trades");
		return -EAGAIN;
	case DERIBIT_ERROR:
		snprintf(page->why, sizeof(page->why), "the venue says %.*s (%" PRId64 ")",
			(int)(answer.text.length < 48 ? answer.text.length : 48), answer.text.data,
			answer.code);
		return response->status == 429 || response->status >= 500 || is_passing(answer.code)
			? -EAGAIN
			: -EPROTO;
	default:
		snprintf(
			page->why, sizeof(page->why), "HTTP %d without a JSON-RPC answer", response->status);
		return -EAGAIN;
	}
}

/* Takes the trades of a page. Returns how many were new; `last_ns` the time of the last. */
static uint32_t page_take(struct deribit *self, struct page *page,
	const struct deribit_group *group, int64_t received_ns, int64_t *last_ns)
{
	struct deribit_trade trade;
	uint32_t new = 0;
	int more;

	while ((more = deribit_trade_next(&page->rows, &trade)) != 0) {
		enum deribit_kind kind = DERIBIT_MALFORMED;

		if (more == 1) {
			*last_ns = trade.trade.head.event_time_ns;
			kind = deribit_stream_trade(self, &trade, group, received_ns, FL_TRADE_REFILLED);
		}
		if (kind == DERIBIT_MALFORMED)
			deribit_malformed(self, "a trade of a page");
		new += kind == DERIBIT_TRADES;
	}
	return new;
}

/* ---- by time ---- */

/* When instruments of a group last traded, of what earlier lives published. 0: they published none.
 */
struct known_trades {
	int64_t newest_ns;
	int64_t oldest_ns; /* the venue was followed then */
};

static struct known_trades known_trades(
	const struct deribit *self, const struct deribit_group *group)
{
	struct known_trades known = { 0 };

	for (size_t i = 0; i < self->item_count; i++) {
		int64_t at_ns = self->items[i].last_trade_ns;

		if (self->items[i].pair != group->pair || at_ns == 0)
			continue;
		if (at_ns > known.newest_ns)
			known.newest_ns = at_ns;
		if (known.oldest_ns == 0 || at_ns < known.oldest_ns)
			known.oldest_ns = at_ns;
	}
	return known;
}

/*
 * From when on trades of instruments that never traded before are ours. Not from the newest known
 * trade: it may have come live, behind a hole that the process died in filling.
 */
static int64_t followed_since(const struct known_trades *known, int64_t server_ns)
{
	if (known->newest_ns == 0)
		return server_ns;
	return known->oldest_ns < known->newest_ns - MARGIN_NS ? known->oldest_ns
														   : known->newest_ns - MARGIN_NS;
}

static void sweep_gap(struct deribit *self, const struct deribit_group *group, int64_t from,
	int64_t to, bool is_filled, const char *detail)
{
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.head.event_time_ns = gap.head.received_ns = fl_now_ns(self->ctx);
	gap.started_ns = from;
	gap.ended_ns = to;
	gap.filled_ns = is_filled ? gap.head.received_ns : 0;
	snprintf(gap.channel, sizeof(gap.channel), "%.63s", group->channel);
	snprintf(gap.cause, sizeof(gap.cause), "trade_seq");
	snprintf(gap.detail, sizeof(gap.detail), "%s", detail);
	fl_publish(self->ctx, &gap.head);
}

void deribit_sweep_begin(struct deribit *self, struct deribit_group *group, int64_t server_ns)
{
	bool is_cold = group->since_ns == 0;
	struct known_trades known = known_trades(self, group);
	int64_t newest = group->newest_ns != 0 ? group->newest_ns : known.newest_ns;
	int64_t from;

	if (server_ns == 0)
		server_ns = fl_now_ns(self->ctx);
	if (is_cold)
		group->since_ns = followed_since(&known, server_ns);
	if (is_cold && newest == 0) { /* nothing is known from before: nothing was missed */
		deribit_trades_settle(self, group);
		return;
	}
	from = newest == 0 ? group->since_ns : newest - (is_cold ? COLD_MARGIN_NS : MARGIN_NS);
	if (self->doubt_ns != 0 && self->doubt_ns - MARGIN_NS < from)
		from = self->doubt_ns - MARGIN_NS;
	if (group->sweep_at_ns != 0 && group->sweep_at_ns < from)
		from = group->sweep_at_ns; /* an earlier one did not come to its end */
	if (from < server_ns - HORIZON_NS) {
		if (newest == 0 || newest < server_ns - HORIZON_NS)
			sweep_gap(self, group, newest != 0 ? newest : from, server_ns - HORIZON_NS, false,
				"the venue's trade history reaches back 24 h only");
		from = server_ns - HORIZON_NS;
	}
	if (group->sweep_in_flight) /* its answer ends before what was missed since */
		fl_request_cancel(self->ctx, REQUEST_SWEEP + (int)(group - self->groups));
	group->sweep_in_flight = false;
	group->newest_ns = newest;
	group->sweep_from_ns = group->sweep_at_ns = from;
	group->sweep_to_ns = server_ns + FL_SECOND;
	group->sweep_retry_ns = 0;
	group->sweep_count = 0;
	group->sweep_failures = 0;
	group->is_questioned = false;
}

void deribit_doubt(struct deribit *self)
{
	if (self->doubt_ns == 0)
		self->doubt_ns = fl_now_ns(self->ctx);
}

void deribit_doubt_check(struct deribit *self, int64_t now)
{
	if (self->doubt_ns == 0 || now < self->doubt_again_ns)
		return;
	self->doubt_again_ns = now + DOUBT_AGAIN_NS;
	for (size_t i = 0; i < self->group_count; i++)
		if (self->groups[i].what == DERIBIT_OF_TRADES && self->groups[i].acked &&
			self->groups[i].since_ns != 0)
			deribit_sweep_begin(self, &self->groups[i], 0);
	self->doubt_ns = 0;
}

static void sweep_end(struct deribit *self, struct deribit_group *group)
{
	char detail[64];

	group->sweep_at_ns = 0;
	deribit_quiet_swept(self, group);
	if (group->sweep_failures >= COMPLAIN_AFTER)
		fl_resolved(self->ctx, "sweep");
	if (group->sweep_count > 0) {
		snprintf(detail, sizeof(detail), "%u missed trades fetched", group->sweep_count);
		fl_log(self->ctx, FL_INFO, "%s: %s", group->channel, detail);
		sweep_gap(self, group, group->sweep_from_ns, group->sweep_to_ns, true, detail);
	}
	deribit_trades_settle(self, group);
}

static void sweep_next(
	struct deribit *self, struct deribit_group *group, const struct page *page, int64_t last_ns)
{
	bool is_whole = page->count < PAGE && !page->has_more;

	if (page->count == 0 || is_whole || group->sweep_at_ns > group->sweep_to_ns) {
		sweep_end(self, group);
	} else if (last_ns > group->sweep_at_ns) {
		group->sweep_at_ns = last_ns; /* inclusive: what comes twice is dropped by trade_seq */
	} else {
		fl_log_limited(self->ctx, FL_WARN,
			"%s: over %d trades in one millisecond, some may be missed", group->channel, PAGE);
		group->sweep_at_ns += FL_MS;
	}
}

void deribit_sweep_response(struct deribit *self, size_t index, const struct fl_response *response)
{
	struct deribit_group *group = &self->groups[index];
	int64_t last_ns;
	struct page page;

	if (index >= self->group_count || !group->sweep_in_flight)
		return;
	last_ns = group->sweep_at_ns;
	switch (group->sweep_at_ns == 0 ? -ECANCELED : page_open(self, response, &page)) {
	case 0:
		group->sweep_count += page_take(self, &page, group, response->received_ns, &last_ns);
		sweep_next(self, group, &page, last_ns);
		break;
	case -EPROTO:
		fl_log(self->ctx, FL_WARN, "%s: missed trades cannot be fetched by time: %s",
			group->channel, page.why);
		sweep_end(self, group); /* what is seen to be missing is fetched by trade_seq */
		break;
	case -EAGAIN:
		group->sweep_retry_ns = backoff(self, &group->sweep_failures, response->retry_after_ns);
		if (group->sweep_failures == COMPLAIN_AFTER)
			fl_complain(self->ctx, "sweep", "missed trades cannot be fetched yet: %s", page.why);
		break;
	default: break;
	}
	group->sweep_in_flight = false; /* only now: the trades of the page may have called the pump */
	deribit_decoder_release(&self->response_decoder);
	deribit_pump(self);
}

static int64_t sweep_send(struct deribit *self, size_t index, int64_t now)
{
	struct deribit_group *group = &self->groups[index];
	int64_t wait = group->sweep_retry_ns - now;
	char query[320];

	if (wait > 0)
		return wait;
	wait = fl_rate_take(&self->call_rate, CALL_COST, now);
	if (wait > 0)
		return wait;
	snprintf(query, sizeof(query),
		"?currency=%s&kind=%s"
		"&start_timestamp=%" PRId64 "&end_timestamp=%" PRId64 "&count=%d&sorting=asc",
		deribit_pair_currency(self, group->pair), deribit_pair_kind(self, group->pair),
		group->sweep_at_ns / FL_MS, (group->sweep_to_ns + FL_MS - 1) / FL_MS, PAGE);
	if (deribit_request(self, REQUEST_SWEEP + (int)index,
			"public/get_last_trades_by_currency_and_time", query) != 0)
		return FL_SECOND;
	group->sweep_in_flight = true;
	return 0;
}

/* ---- by trade_seq ---- */

static int64_t seq_send(struct deribit *self, struct deribit_hold *hold, size_t slot, int64_t now)
{
	struct deribit_item *item = &self->items[hold->item];
	int64_t last = hold->count > 0 ? hold->trades[0].trade_seq - 1 : hold->until;
	int64_t wait = fl_rate_take(&self->call_rate, CALL_COST, now);
	char query[320];

	if (wait > 0)
		return wait;
	snprintf(query, sizeof(query),
		"?instrument_name=%s&start_seq=%" PRId64 "&end_seq=%" PRId64 "&count=%d&sorting=asc",
		item->name, item->last_seq + 1, last, PAGE);
	if (deribit_request(
			self, REQUEST_SEQ + (int)slot, "public/get_last_trades_by_instrument", query) != 0)
		return FL_SECOND;
	hold->slot = (int8_t)slot;
	self->slot_item[slot] = hold->item + 1;
	return 0;
}

static void seq_failed(struct deribit *self, struct deribit_hold *hold, const struct page *page,
	int64_t retry_after_ns)
{
	hold->retry_at_ns = backoff(self, &hold->failures, retry_after_ns);
	snprintf(hold->failure, sizeof(hold->failure), "%.63s", page->why);
	if (hold->failures >= COMPLAIN_AFTER && !hold->complained) {
		hold->complained = true;
		fl_complain(self->ctx, "refill",
			"%s: trades wait for missing ones that cannot be fetched: %s",
			self->items[hold->item].name, page->why);
	}
}

void deribit_seq_response(struct deribit *self, size_t slot, const struct fl_response *response)
{
	uint32_t index = self->slot_item[slot];
	struct deribit_item *item;
	int64_t before, last_ns = 0;
	struct page page;

	if (index == 0)
		return;
	item = &self->items[index - 1];
	if (item->hold == NULL || item->hold->slot != (int)slot) /* came by itself meanwhile */
		goto out;
	before = item->last_seq;
	switch (page_open(self, response, &page)) {
	case 0:
		item->hold->failures = 0;
		page_take(self, &page, NULL, response->received_ns, &last_ns);
		item = &self->items[index - 1]; /* they may have moved */
		if (item->hold == NULL || item->last_seq > before)
			break;
		/* Answered, and not there: once more or twice, a fresh trade is there a moment later. */
		item->hold->retry_at_ns = deribit_now(self) + FL_SECOND;
		if (++item->hold->attempts >= ATTEMPTS_MAX)
			deribit_hold_give_up(self, item, "the venue does not have them");
		break;
	case -EPROTO: deribit_hold_give_up(self, item, page.why); break;
	default: seq_failed(self, item->hold, &page, response->retry_after_ns); break;
	}
	item = &self->items[index - 1];
	if (item->hold != NULL && item->hold->slot == (int)slot)
		item->hold->slot = -1;
out:
	self->slot_item[slot] = 0; /* only now: the trades of the page may have called the pump */
	deribit_decoder_release(&self->response_decoder);
	deribit_pump(self);
}

/* ---- pace ---- */

static int slot_free(const struct deribit *self)
{
	for (int slot = 0; slot < SEQ_SLOTS; slot++)
		if (self->slot_item[slot] == 0)
			return slot;
	return -1;
}

static void least(int64_t *of, int64_t wait)
{
	if (wait > 0 && (*of == 0 || wait < *of))
		*of = wait;
}

int64_t deribit_refill_pump(struct deribit *self)
{
	int64_t now = deribit_now(self), next = 0;

	for (size_t i = 0; i < self->group_count; i++)
		if (self->groups[i].sweep_at_ns != 0 && !self->groups[i].sweep_in_flight)
			least(&next, sweep_send(self, i, now));
	for (size_t i = 0; i < self->hold_count; i++) {
		struct deribit_hold *hold = self->holds[i];
		struct deribit_item *item = &self->items[hold->item];
		int slot = slot_free(self);

		if (hold->slot >= 0 || item->last_seq < 0 || deribit_trades_are_swept(self, item))
			continue;
		if (hold->retry_at_ns > now)
			least(&next, hold->retry_at_ns - now);
		else if (slot >= 0) /* else: an answer calls us again */
			least(&next, seq_send(self, hold, (size_t)slot, now));
	}
	return next;
}
