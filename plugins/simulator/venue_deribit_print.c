/* venue_deribit_print.c: JSON put together by hand: 20,000 messages a second leave no time for
 * trees. */
#include "venue_deribit_print.h"

#include <math.h>
#include <stdio.h>

static void put_name(struct text *text, const struct sim_instrument *instrument)
{
	text_put(text, "\"instrument_name\":\"");
	text_bytes(text, instrument->name, instrument->name_length);
	text_put(text, "\"");
}

static void put_int(struct text *text, const char *key, int64_t value)
{
	text_put(text, key);
	text_int(text, value);
}

static void put_real(struct text *text, const char *key, double value, int digits)
{
	text_put(text, key);
	text_real(text, value, digits);
}

/* The same number as the venue may also write it: 2.2e3, 1e-05, 30 for 30.0. */
static void put_odd(struct text *text, const char *key, double value, int digits, struct rng *rng)
{
	int64_t scale = 1;

	for (int i = 0; i < digits; i++)
		scale *= 10;
	text_put(text, key);
	if (rng == NULL || isnan(value))
		text_real(text, value, digits);
	else if (fabs(value) < 1e-3 && value != 0 && rng_once_in(rng, 4))
		text_exponent(text, llround(value * (double)scale), digits);
	else if (value != 0 && rng_once_in(rng, 256))
		text_exponent(text, llround(value * (double)scale), digits);
	else if (value == floor(value) && fabs(value) < 1e15 && rng_once_in(rng, 16))
		text_int(text, (int64_t)value);
	else
		text_real(text, value, digits);
}

void print_quote(struct text *text, const struct sim_instrument *instrument,
	const struct sim_quote *quote, struct rng *rng)
{
	put_int(text, "{\"timestamp\":", quote->timestamp);
	text_put(text, ",");
	put_name(text, instrument);
	put_real(text, ",\"best_ask_price\":", quote->ask_price, 4);
	put_real(text, ",\"best_bid_price\":", quote->bid_price, 4);
	put_odd(text, ",\"best_ask_amount\":", quote->ask_amount, 1, rng);
	put_odd(text, ",\"best_bid_amount\":", quote->bid_amount, 1, rng);
	text_put(text, "}");
}

static void put_stats(struct text *text, const struct sim_ticker *ticker)
{
	put_real(text, ",\"stats\":{\"volume\":", ticker->volume, 8);
	put_real(text, ",\"volume_usd\":", ticker->volume_usd, 2);
	put_real(text, ",\"price_change\":", ticker->price_change, 4);
	put_real(text, ",\"low\":", ticker->low, 4);
	put_real(text, ",\"high\":", ticker->high, 4);
	text_put(text, "}");
}

static void put_greeks(struct text *text, const struct sim_mark *mark, struct rng *rng)
{
	put_odd(text, ",\"greeks\":{\"vega\":", mark->vega, 5, rng);
	put_real(text, ",\"theta\":", mark->theta, 5);
	put_odd(text, ",\"rho\":", mark->rho, 5, rng);
	put_odd(text, ",\"gamma\":", mark->gamma, 5, rng);
	put_odd(text, ",\"delta\":", mark->delta, 5, rng);
	text_put(text, "}");
}

static void put_option_fields(struct text *text, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker, struct rng *rng)
{
	put_real(text, ",\"underlying_price\":", ticker->mark.underlying_price, 4);
	text_put(text, ",\"underlying_index\":\"");
	text_put(text, instrument->underlying_index);
	put_real(text, "\",\"mark_iv\":", ticker->mark.iv, 2);
	put_real(text, ",\"bid_iv\":", ticker->bid_iv, 2);
	put_real(text, ",\"ask_iv\":", ticker->ask_iv, 2);
	put_real(text, ",\"interest_rate\":", 0, 1);
	put_greeks(text, &ticker->mark, rng);
}

void print_ticker_fields(struct text *text, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker, struct rng *rng)
{
	put_int(text, "\"timestamp\":", ticker->quote.timestamp);
	put_stats(text, ticker);
	text_put(text, ",\"state\":\"open\"");
	if (!isnan(ticker->settlement_price))
		put_real(text, ",\"settlement_price\":", ticker->settlement_price, 4);
	put_odd(text, ",\"open_interest\":", ticker->open_interest, 1, rng);
	put_real(text, ",\"min_price\":", ticker->min_price, 4);
	put_real(text, ",\"max_price\":", ticker->max_price, 4);
	put_real(text, ",\"mark_price\":", ticker->mark.price, 4);
	put_real(text, ",\"last_price\":", ticker->last_price, 4);
	text_put(text, ",");
	put_name(text, instrument);
	put_real(text, ",\"index_price\":", ticker->mark.index_price, 2);
	put_real(text, ",\"estimated_delivery_price\":", ticker->mark.index_price, 2);
	if (instrument->kind == FL_KIND_OPTION)
		put_option_fields(text, instrument, ticker, rng);
	if (instrument->kind == FL_KIND_PERPETUAL) {
		put_odd(text, ",\"current_funding\":", ticker->current_funding, 7, rng);
		put_odd(text, ",\"funding_8h\":", ticker->funding_8h, 8, rng);
		put_real(text, ",\"interest_value\":", 0.25, 2);
	}
	put_real(text, ",\"best_bid_price\":", ticker->quote.bid_price, 4);
	put_odd(text, ",\"best_bid_amount\":", ticker->quote.bid_amount, 1, rng);
	put_real(text, ",\"best_ask_price\":", ticker->quote.ask_price, 4);
	put_odd(text, ",\"best_ask_amount\":", ticker->quote.ask_amount, 1, rng);
}

void print_ticker(struct text *text, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker, struct rng *rng)
{
	text_put(text, "{");
	print_ticker_fields(text, instrument, ticker, rng);
	text_put(text, "}");
}

int print_trade_id(char out[32], const struct market *market, const struct sim_trade *trade)
{
	int currency = market->universe.instruments[trade->instrument].currency;

	if (currency == 0)
		return snprintf(out, 32, "%lld", (long long)trade->id);
	return snprintf(
		out, 32, "%s-%lld", market->universe.currencies[currency].name, (long long)trade->id);
}

int print_block_id(char out[32], const struct sim_trade *trade)
{
	return snprintf(out, 32, "BLOCK-%lld", (long long)trade->block_id);
}

void print_trade(struct text *text, const struct market *market, const struct sim_trade *trade)
{
	const struct sim_instrument *instrument = &market->universe.instruments[trade->instrument];
	char id[32];

	print_trade_id(id, market, trade);
	put_int(text, "{\"trade_seq\":", trade->seq);
	text_put(text, ",\"trade_id\":\"");
	text_put(text, id);
	put_int(text, "\",\"timestamp\":", trade->timestamp);
	put_int(text, ",\"tick_direction\":", trade->tick_direction);
	put_real(text, ",\"price\":", trade->price, 4);
	put_real(text, ",\"mark_price\":", trade->mark_price, 4);
	if (!isnan(trade->iv))
		put_real(text, ",\"iv\":", trade->iv, 2);
	text_put(text, ",");
	put_name(text, instrument);
	put_real(text, ",\"index_price\":", trade->index_price, 2);
	text_put(text, trade->is_buy ? ",\"direction\":\"buy\"" : ",\"direction\":\"sell\"");
	put_real(text, ",\"contracts\":", trade->contracts, 1);
	put_real(text, ",\"amount\":", trade->amount, 1);
	if (trade->liquidation != NOT_LIQUIDATED)
		text_put(text,
			trade->liquidation == LIQUIDATED_MAKER ? ",\"liquidation\":\"M\""
												   : ",\"liquidation\":\"T\"");
	if (trade->block_id != 0) {
		print_block_id(id, trade);
		text_put(text, ",\"block_trade_id\":\"");
		text_put(text, id);
		text_put(text, "\",\"block_trade_leg_count\":1");
	}
	text_put(text, "}");
}

static void put_changes(struct text *text, const struct sim_change *changes, int count)
{
	static const char *const actions[] = { "[\"new\",", "[\"change\",", "[\"delete\"," };

	for (int i = 0; i < count; i++) {
		if (i > 0)
			text_put(text, ",");
		put_real(text, actions[changes[i].action], changes[i].price, 4);
		put_real(text, ",", changes[i].amount, 1);
		text_put(text, "]");
	}
}

void print_book(
	struct text *text, const struct sim_instrument *instrument, const struct sim_book *book)
{
	text_put(text, book->is_snapshot ? "{\"type\":\"snapshot\"," : "{\"type\":\"change\",");
	put_int(text, "\"timestamp\":", book->timestamp);
	if (!book->is_snapshot)
		put_int(text, ",\"prev_change_id\":", book->prev_change_id);
	text_put(text, ",");
	put_name(text, instrument);
	put_int(text, ",\"change_id\":", book->change_id);
	text_put(text, ",\"bids\":[");
	put_changes(text, book->bids, book->bid_count);
	text_put(text, "],\"asks\":[");
	put_changes(text, book->asks, book->ask_count);
	text_put(text, "]}");
}

void print_index(struct text *text, const char *index, double price, int64_t timestamp)
{
	put_int(text, "{\"timestamp\":", timestamp);
	put_real(text, ",\"price\":", price, 2);
	text_put(text, ",\"index_name\":\"");
	text_put(text, index);
	text_put(text, "\"}");
}

const char *print_kind(const struct sim_instrument *instrument)
{
	return instrument->kind == FL_KIND_OPTION ? "option" : "future";
}

static void put_option_terms(struct text *text, const struct sim_instrument *instrument)
{
	put_real(text, ",\"strike\":", instrument->strike, 1);
	text_put(text,
		instrument->option_type == FL_CALL ? ",\"option_type\":\"call\""
										   : ",\"option_type\":\"put\"");
	text_put(text,
		",\"tick_size_steps\":[{\"tick_size\":0.0005,\"above_price\":0.005}]"
		",\"block_trade_commission\":0.00015,\"block_trade_tick_size\":0.0001"
		",\"block_trade_min_trade_amount\":25");
}

void print_instrument(struct text *text, const struct market *market, uint32_t number)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	const struct sim_currency *currency = &market->universe.currencies[instrument->currency];
	bool is_option = instrument->kind == FL_KIND_OPTION;
	bool is_open = market_is_listed(market, number);

	put_real(text, "{\"tick_size\":", 1.0 / instrument->ticks_per_unit, 4);
	text_put(text, is_option ? "" : ",\"tick_size_steps\":[]");
	text_put(text, ",\"taker_commission\":0.0003,\"maker_commission\":0.0003,\"rfq\":false");
	text_put(text, ",\"settlement_period\":\"");
	text_put(text, instrument->period);
	text_put(text, "\",\"settlement_currency\":\"");
	text_put(text, currency->name);
	text_put(text, "\",\"base_currency\":\"");
	text_put(text, currency->name);
	text_put(text, "\",\"quote_currency\":\"");
	text_put(text, is_option ? currency->name : "USD");
	text_put(text, "\",\"counter_currency\":\"USD\",\"instrument_type\":\"reversed\"");
	text_put(text, ",\"price_index\":\"");
	text_put(text, currency->index);
	text_put(text, "\",\"kind\":\"");
	text_put(text, print_kind(instrument));
	put_int(text, "\",\"instrument_id\":", 100000 + (int64_t)number);
	text_put(text,
		is_open ? ",\"is_active\":true,\"state\":\"open\","
				: ",\"is_active\":false,\"state\":\"delivered\",");
	put_name(text, instrument);
	put_int(text, ",\"expiration_timestamp\":", instrument->expiry_ms);
	put_int(text, ",\"creation_timestamp\":", instrument->creation_ms);
	put_real(text, ",\"contract_size\":", instrument->contract_size, 1);
	put_real(text, ",\"min_trade_amount\":", instrument->min_amount, 1);
	if (is_option)
		put_option_terms(text, instrument);
	text_put(text, "}");
}
