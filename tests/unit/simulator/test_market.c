/* test_market.c: books that replay, trades without holes. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "market.h"

#define NOW_MS INT64_C(1795231800000)

static const struct universe_options small = {
	.seed = 3, .options = { 40, 40 }, .futures = 2, .expiry_ms_of_day = 28800000
};

struct book {
	struct sim_change levels[BOOK_DEPTH * 2];
	int count;
};

static int find(const struct book *book, double price)
{
	for (int i = 0; i < book->count; i++)
		if (book->levels[i].price == price)
			return i;
	return -1;
}

/* Actions are strict: new only what is not there, change and delete only what is. */
static void apply(struct book *book, const struct sim_change *changes, int count)
{
	for (int i = 0; i < count; i++) {
		int at = find(book, changes[i].price);

		switch (changes[i].action) {
		case LEVEL_NEW:
			assert_int_equal(at, -1);
			assert_true(changes[i].amount > 0);
			assert_true(book->count < BOOK_DEPTH * 2);
			book->levels[book->count++] = changes[i];
			break;
		case LEVEL_CHANGE:
			assert_true(at >= 0);
			assert_true(changes[i].amount != book->levels[at].amount);
			book->levels[at].amount = changes[i].amount;
			break;
		case LEVEL_DELETE:
			assert_true(at >= 0);
			assert_true(changes[i].amount == 0);
			book->levels[at] = book->levels[--book->count];
			break;
		}
	}
}

static void same_side(const struct book *book, const struct sim_change *levels, int count, int away)
{
	assert_int_equal(book->count, count);
	for (int i = 0; i < count; i++) {
		int at = find(book, levels[i].price);

		assert_true(at >= 0);
		assert_true(book->levels[at].amount == levels[i].amount);
		assert_true(i == 0 || (levels[i].price - levels[i - 1].price) * away > 0);
	}
}

static void changes_chain_and_replay_to_the_book(void **state)
{
	struct market market;

	(void)state;
	assert_int_equal(market_init(&market, &small, 1000, 0, NOW_MS), 0);
	for (uint32_t n = 0; n < market.universe.count; n += 3) {
		struct sim_book book;
		struct book bids = { 0 }, asks = { 0 };
		int64_t change_id;
		bool has_jumped = false;

		market_book_now(&market, n, &book);
		assert_true(book.is_snapshot);
		apply(&bids, book.bids, book.bid_count);
		apply(&asks, book.asks, book.ask_count);
		for (int i = 0; i < 500; i++) {
			change_id = book.change_id;
			market_advance(&market, market.now_ms + 7, 0.007);
			market_requote(&market, n, &book);
			assert_false(book.is_snapshot);
			assert_int_equal(book.prev_change_id, change_id);
			assert_true(book.change_id > change_id);
			has_jumped |= book.change_id > change_id + 1;
			assert_true(book.bid_count + book.ask_count > 0);
			apply(&bids, book.bids, book.bid_count);
			apply(&asks, book.asks, book.ask_count);
		}
		assert_true(has_jumped);
		market_book_now(&market, n, &book);
		same_side(&bids, book.bids, book.bid_count, -1);
		same_side(&asks, book.asks, book.ask_count, 1);
		if (book.bid_count > 0 && book.ask_count > 0)
			assert_true(book.bids[0].price < book.asks[0].price);
	}
	market_finish(&market);
}

static void a_quote_is_the_top_of_the_book(void **state)
{
	struct market market;
	struct sim_book book;
	struct sim_quote before, after;

	(void)state;
	assert_int_equal(market_init(&market, &small, 1000, 0, NOW_MS), 0);
	for (int i = 0; i < 2000; i++) {
		uint32_t n = (uint32_t)i % market.universe.count;

		market_quote_now(&market, n, &before);
		market_advance(&market, market.now_ms + 1, 0.001);
		market_requote(&market, n, &book);
		market_quote_now(&market, n, &after);
		assert_int_equal(after.timestamp, market.now_ms);
		before.timestamp = after.timestamp;
		assert_int_equal(book.is_top_changed, memcmp(&before, &after, sizeof(after)) != 0);
		assert_true((after.bid_price == 0) == (after.bid_amount == 0));
		assert_true((after.ask_price == 0) == (after.ask_amount == 0));
	}
	market_finish(&market);
}

static void trades_count_up_without_holes(void **state)
{
	struct market market;
	int64_t last[128] = { 0 };
	int64_t id[CURRENCIES] = { 0 };
	int several = 0;

	(void)state;
	assert_int_equal(market_init(&market, &small, 100000, 0, NOW_MS), 0);
	for (int i = 0; i < 5000; i++) {
		const struct sim_trade *trades[TRADES_AT_ONCE];
		uint32_t n = market_draw(&market);
		int count;

		assert_true(n < market.universe.count);
		market_advance(&market, NOW_MS + i, 0.001);
		count = market_trade(&market, n, trades);
		assert_in_range(count, 1, TRADES_AT_ONCE);
		several += count > 1;
		for (int t = 0; t < count; t++) {
			int currency = market.universe.instruments[n].currency;

			assert_int_equal(trades[t]->instrument, n);
			assert_int_equal(trades[t]->seq, ++last[n]);
			assert_true(trades[t]->id > id[currency]);
			id[currency] = trades[t]->id;
			assert_true(trades[t]->price > 0 && trades[t]->amount > 0);
			assert_in_range(trades[t]->tick_direction, 0, 3);
			assert_int_equal(
				isnan(trades[t]->iv), market.universe.instruments[n].kind != FL_KIND_OPTION);
		}
	}
	assert_true(several > 100);
	market_finish(&market);
}

static void the_history_keeps_the_latest(void **state)
{
	struct market market;
	const struct sim_trade *trades[TRADES_AT_ONCE], *trade;
	uint64_t kept = 0;

	(void)state;
	assert_int_equal(market_init(&market, &small, 3000, 0, NOW_MS), 0);
	assert_int_equal(market_first_trade(&market), 1);
	assert_int_equal(market_trade_from(&market, 0), 1);
	assert_null(market_trade_at(&market, 1));
	for (int i = 0; i < 9000; i++) {
		market_advance(&market, NOW_MS + i, 0.001);
		market_trade(&market, market_draw(&market), trades);
	}
	assert_int_equal(market_first_trade(&market), market.trade_count - 3000 + 1);
	assert_null(market_trade_at(&market, market_first_trade(&market) - 1));
	assert_null(market_trade_at(&market, market.trade_count + 1));
	/* The chains of all instruments together are the whole history. */
	for (uint32_t n = 0; n < market.universe.count; n++) {
		int64_t seq = market.states[n].trade_seq;

		trade = market_trade_at(&market, market.states[n].last_trade);
		for (; trade != NULL; trade = market_trade_at(&market, trade->previous)) {
			assert_int_equal(trade->instrument, n);
			assert_int_equal(trade->seq, seq--);
			kept++;
		}
	}
	assert_int_equal(kept, 3000);
	trade = market_trade_at(&market, market_trade_from(&market, NOW_MS + 8500));
	assert_int_equal(trade->timestamp, NOW_MS + 8500);
	market_finish(&market);
}

static void time_never_goes_back(void **state)
{
	struct market market;

	(void)state;
	assert_int_equal(market_init(&market, &small, 10, 0, NOW_MS), 0);
	market_advance(&market, NOW_MS + 100, 0.1);
	market_advance(&market, NOW_MS - 5000, 0.1);
	assert_int_equal(market.now_ms, NOW_MS + 100);
	market_finish(&market);
}

static void the_venues_oddities_occur(void **state)
{
	struct market market;
	int empty_bids = 0, empty_asks = 0, never_traded = 0, new_ones = 0;
	struct universe_options usual = {
		.seed = 1, .options = { 728, 820 }, .futures = 8, .expiry_ms_of_day = 28800000
	};

	(void)state;
	assert_int_equal(market_init(&market, &usual, 10, 0, NOW_MS), 0);
	for (uint32_t n = 0; n < market.universe.count; n++) {
		struct sim_ticker ticker;

		market_ticker(&market, n, &ticker);
		empty_bids += ticker.quote.bid_amount == 0;
		empty_asks += ticker.quote.ask_amount == 0;
		never_traded += isnan(ticker.last_price);
		new_ones += isnan(ticker.settlement_price);
		assert_true((ticker.quote.bid_amount == 0) == (ticker.bid_iv == 0) ||
			market.universe.instruments[n].kind != FL_KIND_OPTION);
		assert_true(isnan(ticker.volume));
	}
	assert_true(empty_bids > 10 && empty_bids < 700);
	assert_true(empty_asks > 0 && empty_asks < 100);
	assert_true(never_traded > 50 && never_traded < 500);
	assert_true(new_ones > 0 && new_ones < 300);
	market_finish(&market);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_chain_and_replay_to_the_book),
		cmocka_unit_test(a_quote_is_the_top_of_the_book),
		cmocka_unit_test(trades_count_up_without_holes),
		cmocka_unit_test(the_history_keeps_the_latest),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(the_venues_oddities_occur),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
