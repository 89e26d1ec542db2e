/*
 * deribit_rows: rows of arrays: trades (streamed and of pages), mark prices, instruments; states.
 */
#include "deribit_decode.h"
#include "deribit_value.h"

enum fl_instrument_state deribit_state(const char *word, size_t length)
{
	static const struct {
		char word[12];
		uint8_t state;
	} words[] = {
		{ "open", FL_STATE_OPEN },
		{ "settlement", FL_STATE_SETTLEMENT },
		{ "delivered", FL_STATE_CLOSED },
		{ "archivized", FL_STATE_REMOVED },
		{ "inactive", FL_STATE_SUSPENDED },
		{ "locked", FL_STATE_SUSPENDED },
		{ "halted", FL_STATE_SUSPENDED },
		{ "created", FL_STATE_LISTED },
		{ "started", FL_STATE_OPEN },
		{ "settled", FL_STATE_SETTLEMENT },
		{ "closed", FL_STATE_CLOSED },
		{ "terminated", FL_STATE_REMOVED },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0)
			return (enum fl_instrument_state)words[i].state;
	return FL_STATE_UNKNOWN;
}

/* ---- trades ---- */

static void decode_liquidation(struct deribit_text word, struct fl_trade *trade)
{
	for (size_t i = 0; i < word.length; i++) {
		if (word.data[i] == 'M')
			trade->flags |= FL_TRADE_LIQUIDATION_MAKER;
		else if (word.data[i] == 'T')
			trade->flags |= FL_TRADE_LIQUIDATION_TAKER;
	}
}

/* false: malformed. Legs are trades of their own, on their own channels: ignored here. */
static bool trade_field(
	const char *key, size_t length, yyjson_val *value, struct deribit_trade *out)
{
	struct fl_trade *trade = &out->trade;
	int64_t number = -1;
	bool is_odd = false;

	switch (length) {
	case 2:
		if (IS("iv"))
			trade->iv = real(value, &is_odd) / 100;
		break;
	case 5:
		if (IS("price"))
			trade->price = real(value, &is_odd);
		break;
	case 6:
		if (IS("amount"))
			trade->amount = real(value, &is_odd);
		break;
	case 8:
		if (IS("trade_id"))
			return copy(trade->trade_id, sizeof(trade->trade_id), text_of(value));
		if (IS("combo_id"))
			out->combo = text_of(value);
		break;
	case 9:
		if (IS("timestamp"))
			return time_of(value, &trade->head.event_time_ns);
		if (IS("trade_seq"))
			return whole(value, &trade->trade_seq) && trade->trade_seq >= 0;
		if (IS("direction"))
			trade->direction = text_is(text_of(value), "buy") ? FL_BUY
				: text_is(text_of(value), "sell")             ? FL_SELL
															  : FL_DIRECTION_UNKNOWN;
		else if (IS("contracts"))
			trade->contracts = real(value, &is_odd);
		break;
	case 10:
		if (IS("mark_price"))
			trade->mark_price = real(value, &is_odd);
		break;
	case 11:
		if (IS("index_price"))
			trade->index_price = real(value, &is_odd);
		else if (IS("liquidation"))
			decode_liquidation(text_of(value), trade);
		break;
	case 14:
		if (IS("tick_direction"))
			trade->tick_direction =
				whole(value, &number) && number >= 0 && number <= 3 ? (int8_t)number : -1;
		else if (IS("block_trade_id"))
			copy(trade->block_trade_id, sizeof(trade->block_trade_id), text_of(value));
		break;
	case 15:
		if (IS("instrument_name"))
			out->instrument = text_of(value);
		break;
	default: break;
	}
	return true;
}

int deribit_trade_next(yyjson_arr_iter *rows, struct deribit_trade *out)
{
	yyjson_val *row = yyjson_arr_iter_next(rows);
	yyjson_obj_iter iter;
	yyjson_val *name;

	if (row == NULL)
		return 0;
	memset(out, 0, sizeof(*out));
	fl_record_init(&out->trade, FL_TRADE);
	out->trade.tick_direction = -1;
	if (!yyjson_obj_iter_init(row, &iter))
		return -EINVAL;
	while ((name = yyjson_obj_iter_next(&iter)) != NULL)
		if (!trade_field(
				yyjson_get_str(name), yyjson_get_len(name), yyjson_obj_iter_get_val(name), out))
			return -EINVAL;
	if (out->instrument.length == 0 || out->trade.head.event_time_ns == 0 ||
		out->trade.trade_seq < 0 || isnan(out->trade.price) || isnan(out->trade.amount))
		return -EINVAL;
	return 1;
}

int deribit_trades_page(yyjson_val *result, yyjson_arr_iter *rows, size_t *count, bool *has_more)
{
	yyjson_val *trades = yyjson_obj_get(result, "trades");

	if (!yyjson_arr_iter_init(trades, rows))
		return -EINVAL;
	*count = yyjson_arr_size(trades);
	*has_more = yyjson_is_true(yyjson_obj_get(result, "has_more"));
	return 0;
}

int deribit_markprice_next(
	yyjson_arr_iter *rows, struct fl_ticker *out, struct deribit_text *instrument)
{
	yyjson_val *row = yyjson_arr_iter_next(rows);
	bool is_odd = false;

	if (row == NULL)
		return 0;
	fl_record_init(out, FL_TICKER);
	*instrument = text_of(yyjson_obj_get(row, "instrument_name"));
	out->mark_price = real(yyjson_obj_get(row, "mark_price"), &is_odd);
	out->mark_iv = real(yyjson_obj_get(row, "iv"), &is_odd); /* a fraction already, only here */
	if (instrument->length == 0 ||
		!time_of(yyjson_obj_get(row, "timestamp"), &out->head.event_time_ns))
		return -EINVAL;
	return 1;
}

/* ---- instruments ---- */

static uint8_t instrument_kind(struct deribit_text kind, struct deribit_text period)
{
	if (text_is(kind, "option"))
		return FL_KIND_OPTION;
	if (text_is(kind, "future"))
		return text_is(period, "perpetual") ? FL_KIND_PERPETUAL : FL_KIND_FUTURE;
	if (text_is(kind, "spot"))
		return FL_KIND_SPOT;
	if (text_is(kind, "option_combo"))
		return FL_KIND_OPTION_COMBO;
	return text_is(kind, "future_combo") ? FL_KIND_FUTURE_COMBO : FL_KIND_UNKNOWN;
}

/* Prices of inverse options are in the coin, whatever quote_currency said before mid 2021. */
static void price_currency(struct fl_instrument *out, yyjson_val *row, struct deribit_text name)
{
	bool is_linear = text_is(text_of(yyjson_obj_get(row, "instrument_type")), "linear") ||
		memchr(name.data, '_', strcspn(name.data, "-")) != NULL;
	bool is_option =
		out->instrument_kind == FL_KIND_OPTION || out->instrument_kind == FL_KIND_OPTION_COMBO;

	memcpy(out->price_currency, is_option && !is_linear ? out->base_currency : out->quote_currency,
		sizeof(out->price_currency));
}

int deribit_instrument_next(
	yyjson_arr_iter *rows, struct fl_instrument *out, struct deribit_text *name)
{
	yyjson_val *row = yyjson_arr_iter_next(rows);
	struct deribit_text word;
	bool is_odd = false;

	if (row == NULL)
		return 0;
	fl_record_init(out, FL_INSTRUMENT);
	*name = text_of(yyjson_obj_get(row, "instrument_name"));
	if (name->length == 0)
		return -EINVAL;
	out->instrument_kind = instrument_kind(
		text_of(yyjson_obj_get(row, "kind")), text_of(yyjson_obj_get(row, "settlement_period")));
	word = text_of(yyjson_obj_get(row, "option_type"));
	out->option_type = text_is(word, "call") ? FL_CALL : text_is(word, "put") ? FL_PUT : 0;
	word = text_of(yyjson_obj_get(row, "state"));
	out->is_active = yyjson_is_true(yyjson_obj_get(row, "is_active")) ? 1 : 0;
	out->state = (uint8_t)(word.length != 0 ? deribit_state(word.data, word.length)
			: out->is_active                ? FL_STATE_OPEN
											: FL_STATE_SUSPENDED);
	out->strike = real(yyjson_obj_get(row, "strike"), &is_odd);
	out->tick_size = real(yyjson_obj_get(row, "tick_size"), &is_odd);
	out->contract_size = real(yyjson_obj_get(row, "contract_size"), &is_odd);
	out->min_trade_amount = real(yyjson_obj_get(row, "min_trade_amount"), &is_odd);
	out->expiry_ns = out->creation_ns = 0;
	time_of(yyjson_obj_get(row, "creation_timestamp"), &out->creation_ns);
	/* Perpetuals expire in the year 3000: beyond nanoseconds, and meant as never. */
	if (out->instrument_kind != FL_KIND_PERPETUAL && out->instrument_kind != FL_KIND_SPOT)
		time_of(yyjson_obj_get(row, "expiration_timestamp"), &out->expiry_ns);
	copy(out->base_currency, sizeof(out->base_currency),
		text_of(yyjson_obj_get(row, "base_currency")));
	copy(out->quote_currency, sizeof(out->quote_currency),
		text_of(yyjson_obj_get(row, "quote_currency")));
	copy(out->settlement_currency, sizeof(out->settlement_currency),
		text_of(yyjson_obj_get(row, "settlement_currency")));
	word = text_of(yyjson_obj_get(row, "price_index"));
	copy(out->underlying, sizeof(out->underlying),
		word.length != 0 ? word : text_of(yyjson_obj_get(row, "base_currency")));
	price_currency(out, row, *name);
	return 1;
}
