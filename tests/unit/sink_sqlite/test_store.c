/* What lands where: each kind's rows, the counts beside the cursor. */
#include "fake.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	static struct fake_options options;
	struct fl_ctx *ctx = fake_open();

	options = (struct fake_options){ 0 };
	fake_start(ctx, &options);
	assert_true(ctx->is_stream_open);
	*state = ctx;
	return 0;
}

static int teardown(void **state)
{
	fake_close(*state);
	return 0;
}

static int64_t count(struct fl_ctx *ctx, const char *kind, const char *fate)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT counts ->> '$.%s.%s' FROM feedloom_cursor", kind, fate);
	return fake_int(ctx, sql);
}

static void an_empty_store_starts_before_everything(void **state)
{
	struct fl_ctx *ctx = *state;

	assert_int_equal(ctx->how.position.journal_id, 0);
	assert_int_equal(ctx->how.position.number, 0);
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(ctx->how.batch_rows, 10000);
	assert_int_equal(ctx->how.commit_floor_ns, 20 * FL_MS);
}

static void a_ticker_lands_field_by_field(void **state)
{
	static const char *const names[] = { "mark_price", "mark_iv", "bid_iv", "ask_iv", "bid_price",
		"bid_amount", "ask_price", "ask_amount", "last_price", "underlying_price", "index_price",
		"interest_rate", "open_interest", "volume", "delta", "gamma", "theta", "vega", "rho",
		"settlement_price", "delivery_price", "min_price", "max_price", "current_funding",
		"funding_8h" };
	struct fl_ctx *ctx = *state;
	struct fl_ticker *ticker = fake_add(ctx, FL_TICKER, "BTC-27NOV26-90000-C", 0);
	char sql[128];

	/* Each field another number: the doubles stand one behind the other in the record. */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(&ticker->mark_price)[i] = (double)i + 0.5;
	ticker->state = FL_STATE_OPEN;
	ticker->underlying_index = fake_name(ctx, "SYN.BTC-27NOV26");
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(sql, sizeof(sql), "SELECT %s FROM tickers", names[i]);
		assert_true(fake_real(ctx, sql) == (double)i + 0.5);
	}
	assert_string_equal(
		fake_text(ctx,
			"SELECT concat_ws(' ', event_time, received_at, instrument_name, state, "
			"underlying_index) FROM tickers"),
		"2026-11-21T08:00:00.123456Z 2026-11-21T08:00:00.124956Z BTC-27NOV26-90000-C open "
		"SYN.BTC-27NOV26");
}

static void absent_is_null(void **state)
{
	struct fl_ctx *ctx = *state;
	struct fl_trade *trade;

	((struct fl_record *)fake_add(ctx, FL_TICKER, "BTC-27NOV26-90000-C", 0))->received_ns = 0;
	trade = fake_add(ctx, FL_TRADE, "BTC-27NOV26-90000-C", 0);
	trade->price = 0; /* a zero is no absence */
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_string_equal(fake_text(ctx,
							"SELECT concat_ws(' ', received_us, state, mark_price, mark_iv, "
							"underlying_index, delta, funding_8h) FROM tickers"),
		"");
	assert_string_equal(fake_text(ctx,
							"SELECT concat_ws(' ', trade_id, trade_seq, price, amount, "
							"direction, iv, tick_direction, liquidation, block_trade_id, "
							"combo_id, refilled) FROM option_trades"),
		"0.0 0");
}

static void a_quote_and_a_trade_land(void **state)
{
	struct fl_ctx *ctx = *state;
	struct fl_quote *quote = fake_add(ctx, FL_QUOTE, "BTC-27NOV26-90000-C", 0);
	struct fl_trade *trade;

	quote->bid_price = 0.0135;
	quote->bid_amount = 12;
	quote->ask_price = 0.014;
	trade = fake_add(ctx, FL_TRADE, "BTC-27NOV26-90000-C", 0);
	trade->trade_seq = 7;
	trade->price = 0.0138;
	trade->amount = 2.5;
	trade->contracts = 2.5;
	trade->iv = 0.5728;
	trade->mark_price = 0.0137;
	trade->index_price = 89000.25;
	trade->direction = FL_SELL;
	trade->tick_direction = 2;
	trade->flags = FL_TRADE_LIQUIDATION_TAKER | FL_TRADE_REFILLED;
	trade->combo = fake_name(ctx, "BTC-STRD-27NOV26-90000");
	strcpy(trade->trade_id, "BTC-77");
	strcpy(trade->block_trade_id, "BLOCK-5");
	fake_deliver(ctx);
	assert_string_equal(
		fake_text(ctx,
			"SELECT concat_ws(' ', bid_price, bid_amount, ask_price, ifnull(ask_amount, "
			"'null')) FROM option_quotes"),
		"0.0135 12.0 0.014 null");
	assert_string_equal(
		fake_text(ctx,
			"SELECT concat_ws(' ', trade_id, trade_seq, price, amount, contracts, direction, "
			"iv, mark_price, index_price, tick_direction, liquidation, block_trade_id, "
			"combo_id, refilled) FROM option_trades"),
		"BTC-77 7 0.0138 2.5 2.5 sell 0.5728 0.0137 89000.25 2 T BLOCK-5 BTC-STRD-27NOV26-90000 1");
	assert_string_equal(fake_text(ctx, "SELECT iv FROM btc_option_trades"), "57.28");
}

static void a_book_has_a_row_a_level_and_counts_once(void **state)
{
	struct fl_ctx *ctx = *state;
	struct fl_book *book =
		fake_add(ctx, FL_BOOK, "BTC-27NOV26-90000-C", 3 * sizeof(book->levels[0]));

	book->change_id = 12;
	book->prev_change_id = 11;
	book->level_count = 3;
	book->levels[0] = (struct fl_book_level){ 0.01, 5, FL_BID };
	book->levels[1] = (struct fl_book_level){ 0.02, 6, FL_ASK };
	book->levels[2] = (struct fl_book_level){ 0.03, 0, FL_ASK };
	fake_deliver(ctx);
	assert_string_equal(fake_text(ctx,
							"SELECT group_concat(concat_ws(' ', change_id, prev_change_id, "
							"is_snapshot, side, price, amount), '; ') FROM books"),
		"12 11 0 bid 0.01 5.0; 12 11 0 ask 0.02 6.0; 12 11 0 ask 0.03 0.0");
	assert_int_equal(count(ctx, "book", "stored"), 1);
	assert_int_equal(count(ctx, "book", "repeated"), 0);
}

static void the_other_kinds_land(void **state)
{
	struct fl_ctx *ctx = *state;
	struct fl_index *index = fake_add(ctx, FL_INDEX, "btc_usd", 0);
	struct fl_candle *candle;
	struct fl_greeks *greeks;
	struct fl_account_trade *fill;
	struct fl_lifecycle *event;

	index->price = 89000.5;
	candle = fake_add(ctx, FL_CANDLE, "BTC-PERPETUAL", 0);
	candle->resolution_s = 60;
	candle->open = 1;
	candle->high = 4;
	candle->low = 0.5;
	candle->close = 2;
	candle->volume = 100;
	candle->cost = 200;
	greeks = fake_add(ctx, FL_GREEKS, "SPXW  261120C05300000", 0);
	strcpy(greeks->account, "DU1");
	greeks->position = -3;
	greeks->delta = 0.25;
	greeks->underlying_price = 5310;
	fill = fake_add(ctx, FL_ACCOUNT_TRADE, "SPXW  261120C05300000", 0);
	strcpy(fill->account, "DU1");
	strcpy(fill->execution_id, "0001.02");
	strcpy(fill->currency, "USD");
	fill->side = FL_BUY;
	fill->quantity = 2;
	fill->price = 12.5;
	fill->multiplier = 100;
	event = fake_add(ctx, FL_LIFECYCLE, "BTC-27NOV26-90000-C", 8);
	strcpy(event->event_type, "instrument_listed");
	strcpy(event->currency, "BTC");
	event->connection_id = 3;
	event->success = 1;
	event->metadata_length = 7;
	memcpy(event->metadata, "{\"a\":1}", 7);
	event = fake_add(ctx, FL_STATUS, NULL, 0);
	strcpy(event->event_type, "stream_connected");
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_string_equal(
		fake_text(ctx, "SELECT index_name || ' ' || price FROM index_prices"), "btc_usd 89000.5");
	assert_string_equal(fake_text(ctx,
							"SELECT concat_ws(' ', instrument_name, resolution_s, open, high, "
							"low, close, volume, cost) FROM candles"),
		"BTC-PERPETUAL 60 1.0 4.0 0.5 2.0 100.0 200.0");
	assert_string_equal(
		fake_text(ctx,
			"SELECT concat_ws(' ', broker, account, underlying, strike, expiry, option_type, "
			"position, delta, underlying_price, persisted_at) FROM greek_snapshots"),
		"ibkr DU1 SPXW 5300 2026-11-20 call -3.0 0.25 5310.0 2026-11-21T08:00:00.123456Z");
	assert_string_equal(
		fake_text(ctx,
			"SELECT concat_ws(' ', broker, account, execution_id, contract, underlying, "
			"strike, expiry, option_type, side, quantity, price, multiplier, currency) "
			"FROM trades"),
		"ibkr DU1 0001.02 SPXW  261120C05300000 SPXW 5300 2026-11-20 call buy 2.0 12.5 100.0 USD");
	assert_string_equal(fake_text(ctx,
							"SELECT concat_ws(' ', event_type, currency, instrument_name, "
							"connection_id, success, metadata, feed) FROM lifecycle_events "
							"ORDER BY event_type LIMIT 1"),
		"instrument_listed BTC BTC-27NOV26-90000-C 3 1 {\"a\":1} deribit");
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM lifecycle_events"), 2);
	assert_int_equal(count(ctx, "status", "stored"), 1);
	assert_int_equal(count(ctx, "account_trade", "stored"), 1);
}

static void an_instrument_seen_in_data_only_is_known_by_its_name(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-90000-P", 0);
	fake_add(ctx, FL_QUOTE, "no such kind of name", 0);
	fake_add(ctx, FL_QUOTE, "BTC-20NOV26-90000-P", 0); /* yesterday's */
	fake_deliver(ctx);
	assert_string_equal(
		fake_text(ctx,
			"SELECT group_concat(concat_ws(' ', exchange, currency, kind, strike, option_type, "
			"expiration_timestamp, is_active), '; ') FROM instrument_metadata"),
		"deribit BTC option 90000 put 1795766400000 1; deribit unknown 1; "
		"deribit BTC option 90000 put 1795161600000 0");
}

static struct fl_instrument *add_instrument(struct fl_ctx *ctx, bool is_active)
{
	struct fl_instrument *instrument = fake_add(ctx, FL_INSTRUMENT, "BTC-21NOV26-90000-C", 0);

	instrument->instrument_kind = FL_KIND_OPTION;
	instrument->option_type = FL_CALL;
	instrument->is_active = is_active;
	instrument->strike = 90000;
	instrument->expiry_ns = INT64_C(1795248000000000000);
	strcpy(instrument->currency, "BTC");
	return instrument;
}

static void an_instrument_is_listed_seen_and_expires(void **state)
{
	struct fl_ctx *ctx = *state;

	ctx->now_ns = INT64_C(1795240000000000000);
	add_instrument(ctx, true)->tick_size = 0.0001;
	fake_deliver(ctx);
	ctx->now_ns += FL_MINUTE;
	add_instrument(ctx, true);
	fake_deliver(ctx);
	assert_string_equal(fake_text(ctx,
							"SELECT concat_ws(' ', listed_at, last_seen, expired_at, is_active, "
							"tick_size) FROM instrument_metadata"),
		"2026-11-21T05:46:40.001500Z 2026-11-21T05:47:40.001500Z 1 0.0001");
	ctx->now_ns = INT64_C(1795248000000000000); /* its expiry */
	add_instrument(ctx, false);
	ctx->now_ns += FL_MINUTE; /* told again: it expired when it did */
	add_instrument(ctx, false);
	fake_deliver(ctx);
	assert_string_equal(fake_text(ctx,
							"SELECT concat_ws(' ', last_seen, expired_at, is_active) FROM "
							"instrument_metadata"),
		"2026-11-21T05:47:40.001500Z 2026-11-21T08:00:00.001500Z 0");
	assert_int_equal(count(ctx, "instrument", "stored"), 4);
	assert_int_equal(count(ctx, "instrument", "repeated"), 0);
}

/* Each column that a refresh tells of: what another writer made of it is put right. */
static void what_others_made_of_an_instrument_is_put_right(void **state)
{
	static const char *const edits[] = { "strike = 1", "currency = 'ETH'", "kind = 'future'",
		"option_type = 'put'", "option_type = NULL", "expiration_timestamp = 7", "is_active = 0",
		"expired_us = 7", "tick_size = NULL", "tick_size = 7", "contract_size = 7",
		"base_currency = 'X'", "quote_currency = 'X'", "settlement_currency = 'X'",
		"price_currency = 'X'", "underlying = 'X'", "min_trade_amount = 7",
		"creation_timestamp = 7", "listed_us = NULL" };
	static const char all[] =
		"SELECT concat_ws(' ', currency, kind, strike, option_type, expiration_timestamp, "
		"creation_timestamp, is_active, expired_us, tick_size, contract_size, base_currency, "
		"quote_currency, settlement_currency, price_currency, underlying, min_trade_amount) "
		"FROM instrument_metadata";
	struct fl_ctx *ctx = *state;
	char before[400], sql[100];
	int64_t seen_us = 0;

	ctx->now_ns = INT64_C(1795240000000000000);
	for (size_t i = 0; i < 2 + sizeof(edits) / sizeof(*edits); i++) {
		struct fl_instrument *instrument = add_instrument(ctx, true);

		instrument->tick_size = 0.0001;
		instrument->contract_size = instrument->min_trade_amount = 0.1;
		instrument->creation_ns = FL_SECOND;
		strcpy(instrument->base_currency, "BTC");
		strcpy(instrument->quote_currency, "USD");
		strcpy(instrument->settlement_currency, "BTC");
		strcpy(instrument->price_currency, "BTC");
		strcpy(instrument->underlying, "btc_usd");
		ctx->now_ns += FL_MINUTE;
		fake_deliver(ctx);
		if (i == 0) {
			snprintf(before, sizeof(before), "%s", fake_text(ctx, all));
			seen_us = fake_int(ctx, "SELECT last_seen_us FROM instrument_metadata");
		}
		assert_string_equal(fake_text(ctx, all), before);
		assert_int_equal(fake_int(ctx, "SELECT listed_us IS NULL FROM instrument_metadata"), 0);
		assert_int_equal(fake_int(ctx, "SELECT last_seen_us FROM instrument_metadata") - seen_us,
			i == 0 ? 0 : FL_MINUTE / FL_US);
		seen_us = fake_int(ctx, "SELECT last_seen_us FROM instrument_metadata");
		if (i < sizeof(edits) / sizeof(*edits)) {
			snprintf(sql, sizeof(sql), "UPDATE instrument_metadata SET %s", edits[i]);
			fake_sql(ctx, sql);
		}
	}
}

static void rows_lie_in_the_order_of_their_index(void **state)
{
	static const char *const names[] = { "BTC-27NOV26-3-C", "BTC-27NOV26-1-C", "BTC-27NOV26-2-C" };
	struct fl_ctx *ctx = *state;

	for (int i = 0; i < 3; i++) /* numbers in this order */
		fake_add(ctx, FL_QUOTE, names[i], 0);
	fake_deliver(ctx);
	for (int i = 0; i < 30; i++) {
		struct fl_quote *quote = fake_add(ctx, FL_QUOTE, names[i % 3], 0);

		quote->bid_price = i;
		quote->head.event_time_ns += i % 2 == 0 ? i * FL_MS : -i * FL_MS;
	}
	fake_deliver(ctx);
	assert_int_equal(fake_int(ctx,
						 "SELECT count(*) FROM option_quotes_base AS a JOIN "
						 "option_quotes_base AS b ON b.rowid = a.rowid + 1 WHERE a.rowid > 3 "
						 "AND (a.instrument_id, a.event_us) > (b.instrument_id, b.event_us)"),
		0);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 33);
	/* The value went with its row. */
	assert_int_equal(fake_int(ctx,
						 "SELECT count(*) FROM option_quotes WHERE bid_price IS NOT NULL AND "
						 "event_us != 1795248000123456 + iif(bid_price % 2 = 0, 1000, -1000) "
						 "* bid_price"),
		0);
}

static void a_trade_that_came_before_is_repeated(void **state)
{
	struct fl_ctx *ctx = *state;

	for (int i = 0; i < 5; i++)
		((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->trade_seq = i;
	fake_deliver(ctx);
	for (int i = 3; i < 9; i++)
		((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->trade_seq = i;
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_trades"), 9);
	assert_int_equal(count(ctx, "trade", "stored"), 9);
	assert_int_equal(count(ctx, "trade", "repeated"), 2);
	assert_int_equal(count(ctx, "trade", "rejected"), 0);
	assert_int_equal(count(ctx, "quote", "stored"), 1);
	assert_int_equal(fake_int(ctx, "SELECT position FROM feedloom_cursor"), 12);
	assert_int_equal(fake_int(ctx, "SELECT journal_id FROM feedloom_cursor"), 77);
}

static void a_refused_record_is_listed_and_the_rest_lands(void **state)
{
	struct fl_ctx *ctx = *state;
	struct fl_book *book;

	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	((struct fl_record *)fake_add(ctx, FL_QUOTE, "BTC-27NOV26-2-C", 0))->event_time_ns = 0;
	fake_add(ctx, FL_QUOTE, NULL, 0);
	book = fake_add(ctx, FL_BOOK, "BTC-27NOV26-1-C", 2 * sizeof(book->levels[0]));
	book->level_count = 2;
	book->head.event_time_ns = 0;
	book = fake_add(ctx, FL_BOOK, "BTC-27NOV26-1-C", 2 * sizeof(book->levels[0]));
	book->level_count = 2;
	((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->head.event_time_ns = 0;
	((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->trade_seq = 5;
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(count(ctx, "quote", "stored"), 1);
	assert_int_equal(count(ctx, "quote", "rejected"), 2);
	assert_int_equal(count(ctx, "book", "stored"), 1);
	assert_int_equal(count(ctx, "book", "rejected"), 1);
	assert_int_equal(count(ctx, "trade", "stored"), 1);
	assert_int_equal(count(ctx, "trade", "rejected"), 1);
	assert_int_equal(count(ctx, "trade", "repeated"), 0);
	assert_string_equal(
		fake_text(ctx,
			"SELECT group_concat(concat_ws(' ', position, kind, table_name, instrument_name, "
			"reason), '; ') FROM (SELECT * FROM rejected_records ORDER BY position)"),
		"2 quote option_quotes BTC-27NOV26-2-C NOT NULL constraint failed: option_quotes_base.event_us; "
		"3 quote option_quotes NOT NULL constraint failed: option_quotes_base.instrument_id; "
		"4 book books BTC-27NOV26-1-C NOT NULL constraint failed: books_base.event_us; "
		"6 trade option_trades BTC-27NOV26-1-C NOT NULL constraint failed: option_trades_base.event_us");
}

static void a_gap_told_twice_is_one_row(void **state)
{
	struct fl_ctx *ctx = *state;
	struct fl_gap *gap = fake_add(ctx, FL_GAP, NULL, 0);

	gap->started_ns = ctx->now_ns;
	strcpy(gap->cause, "disconnect");
	fake_deliver(ctx);
	assert_string_equal(
		fake_text(ctx, "SELECT concat_ws(' ', feed, cause, started_at, ended_at) FROM stream_gaps"),
		"deribit disconnect 2026-11-21T08:00:00.123456Z");
	gap = fake_add(ctx, FL_GAP, NULL, 0);
	gap->started_ns = ctx->now_ns;
	gap->ended_ns = ctx->now_ns + FL_SECOND;
	strcpy(gap->cause, "disconnect");
	gap = fake_add(ctx, FL_GAP, NULL, 0);
	gap->started_ns = ctx->now_ns;
	gap->filled_ns = ctx->now_ns + 2 * FL_SECOND;
	gap->last_seq = 9;
	strcpy(gap->cause, "disconnect");
	strcpy(gap->detail, "3 trades");
	gap = fake_add(ctx, FL_GAP, "BTC-27NOV26-1-C", 0); /* another one */
	gap->started_ns = ctx->now_ns;
	strcpy(gap->cause, "disconnect");
	fake_deliver(ctx);
	assert_string_equal(fake_text(ctx,
							"SELECT group_concat(concat_ws(' ', instrument_name, ended_at, "
							"filled_at, last_seq, detail), '; ') FROM stream_gaps"),
		"2026-11-21T08:00:01.123456Z 2026-11-21T08:00:02.123456Z 9 3 trades; BTC-27NOV26-1-C");
	assert_int_equal(count(ctx, "gap", "stored"), 4);
}

static void what_the_journal_dropped_is_counted_and_a_gap(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	ctx->now_ns += FL_MINUTE;
	ctx->dropped[FL_TICKER] = 12;
	ctx->dropped[FL_QUOTE] = 3;
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(count(ctx, "ticker", "dropped"), 12);
	assert_int_equal(count(ctx, "quote", "dropped"), 3);
	assert_int_equal(count(ctx, "quote", "stored"), 2);
	assert_string_equal(
		fake_text(ctx,
			"SELECT concat_ws(' ', ifnull(feed, 'all'), cause, started_at, ended_at, detail) "
			"FROM stream_gaps"),
		"all journal_full 2026-11-21T08:00:00.124956Z 2026-11-21T08:01:00.124956Z "
		"store: quote 3 ticker 12");
}

static void a_restart_goes_on_where_the_store_is(void **state)
{
	static struct fake_options options;
	struct fl_ctx *ctx = *state;
	int64_t names;

	for (int i = 0; i < 3; i++)
		((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->trade_seq = i / 2;
	ctx->dropped[FL_TRADE] = 5;
	fake_deliver(ctx);
	fake_halt(ctx);
	options = (struct fake_options){ 0 };
	fake_start(ctx, &options);
	assert_int_equal(ctx->how.position.journal_id, 77);
	assert_int_equal(ctx->how.position.generation, 1);
	assert_int_equal(ctx->how.position.number, 3);
	assert_int_equal(ctx->how.consumed[FL_TRADE], 8); /* 2 stored, 1 repeated, 5 dropped */
	names = fake_int(ctx, "SELECT count(*) FROM instrument_metadata");
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0); /* known from the store */
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM instrument_metadata"), names);
	assert_int_equal(count(ctx, "trade", "stored"), 2);
}

static void a_reload_goes_on_without_reading_anything(void **state)
{
	static struct fake_options options;
	struct fl_ctx *ctx = *state;
	int64_t names;
	int opens;

	options = (struct fake_options){ .path = ctx->path,
		.batch_rows = 10000,
		.flush_rows = 50,
		.commit_floor_ns = 20 * FL_MS,
		.flush_interval_ns = FL_SECOND,
		.busy_timeout_ns = 20 * FL_MS };
	((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->trade_seq = 1;
	fake_deliver(ctx);
	names = fake_int(ctx, "SELECT count(*) FROM instrument_metadata");
	for (int i = 0; i < 3; i++) {
		opens = ctx->stream_opens;
		fake_reload(ctx, &options);
		assert_int_equal(ctx->stream_opens, opens + 1); /* adopted at once, at its position */
		assert_int_equal(ctx->how.position.number, ctx->acked.number);
		assert_int_equal(ctx->how.consumed[FL_TRADE], 1);
		assert_true(fl_timer_is_running(ctx, 3)); /* retention */
		fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
		fake_deliver(ctx); /* before the session has said that it is open */
		fake_settle(ctx);
		assert_int_equal(ctx->stream_opens, opens + 1);
	}
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 3);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM instrument_metadata"), names);
	assert_int_equal(count(ctx, "quote", "stored"), 3);
	assert_int_equal(count(ctx, "trade", "stored"), 1);
}

static void a_reload_while_the_store_is_read_goes_on_reading(void **state)
{
	static struct fake_options options;
	struct fl_ctx *ctx = *state;

	((struct fl_trade *)fake_add(ctx, FL_TRADE, "BTC-27NOV26-1-C", 0))->trade_seq = 1;
	fake_deliver(ctx);
	fake_halt(ctx);
	options = (struct fake_options){ .path = ctx->path,
		.batch_rows = 10000,
		.flush_rows = 50,
		.commit_floor_ns = 20 * FL_MS,
		.flush_interval_ns = FL_SECOND,
		.busy_timeout_ns = 20 * FL_MS };
	assert_int_equal(feedloom_plugin.create(ctx, &options, &ctx->state), 0);
	assert_int_equal(feedloom_plugin.start(ctx->state), 0);
	for (int turns = 0; !ctx->is_stream_open; turns++) { /* at each stage */
		assert_true(turns < 10000);
		fake_reload(ctx, &options);
		loop_turn(ctx->loop, true);
	}
	fake_settle(ctx);
	assert_int_equal(ctx->health, FL_HEALTHY);
	assert_int_equal(ctx->how.position.number, 1);
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM option_quotes"), 1);
	assert_int_equal(fake_int(ctx, "SELECT count(*) FROM instrument_metadata"), 1);
}

static void another_journal_begins_its_counts_at_zero(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_sql(ctx,
		"UPDATE feedloom_cursor SET journal_id = 5, generation = 3, position = 900, "
		"counts = '{\"quote\":{\"stored\":900}}'");
	ctx->acked = (struct fl_position){ 5, 3, 900 };
	ctx->acks = 1; /* so that the batch goes from there */
	fake_add(ctx, FL_QUOTE, "BTC-27NOV26-1-C", 0);
	fake_deliver(ctx);
	assert_int_equal(ctx->acks, 2);
	assert_int_equal(fake_int(ctx, "SELECT journal_id FROM feedloom_cursor"), 77);
	assert_int_equal(count(ctx, "quote", "stored"), 1);
}

static void a_position_moves_without_a_record(void **state)
{
	struct fl_ctx *ctx = *state;

	fake_deliver(ctx); /* others' records went by */
	assert_int_equal(ctx->acks, 1);
	assert_int_equal(fake_int(ctx, "SELECT journal_id FROM feedloom_cursor"), 77);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_store_starts_before_everything),
		TEST(a_ticker_lands_field_by_field),
		TEST(absent_is_null),
		TEST(a_quote_and_a_trade_land),
		TEST(a_book_has_a_row_a_level_and_counts_once),
		TEST(the_other_kinds_land),
		TEST(an_instrument_seen_in_data_only_is_known_by_its_name),
		TEST(an_instrument_is_listed_seen_and_expires),
		TEST(what_others_made_of_an_instrument_is_put_right),
		TEST(rows_lie_in_the_order_of_their_index),
		TEST(a_trade_that_came_before_is_repeated),
		TEST(a_refused_record_is_listed_and_the_rest_lands),
		TEST(a_gap_told_twice_is_one_row),
		TEST(what_the_journal_dropped_is_counted_and_a_gap),
		TEST(a_restart_goes_on_where_the_store_is),
		TEST(a_reload_goes_on_without_reading_anything),
		TEST(a_reload_while_the_store_is_read_goes_on_reading),
		TEST(another_journal_begins_its_counts_at_zero),
		TEST(a_position_moves_without_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
