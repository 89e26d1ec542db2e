#include "record.h"
#include "unit.h"
#include <math.h>
#include <string.h>
#include <yyjson.h>

static const char *name_one(void *data, uint32_t instrument)
{
	(void)data;
	return instrument == 7 ? "BTC-27DEC24-100000-C" : instrument == 8 ? "BTC-27DEC24" : NULL;
}

static const char *venue_one(void *data, uint32_t instrument)
{
	(void)data;
	(void)instrument;
	return "deribit";
}

static const char *source_one(void *data, uint16_t source)
{
	(void)data;
	return source == 3 ? "deribit" : NULL;
}

static const struct record_names names = { source_one, name_one, venue_one, NULL };

static yyjson_doc *print(const struct fl_record *record)
{
	struct buf line;
	yyjson_doc *doc;

	buf_init(&line, 0);
	record_print(record, 42, &names, &line);
	assert_int_equal(buf_bytes(&line)[buf_length(&line) - 1], '\n');
	doc = yyjson_read(buf_bytes(&line), buf_length(&line), 0);
	assert_non_null(doc);
	buf_finish(&line);
	return doc;
}

static void what_is_not_set_is_absent(void **state)
{
	struct fl_ticker ticker;
	struct fl_trade trade;
	struct fl_gap gap;

	(void)state;
	memset(&ticker, 0x55, sizeof(ticker));
	fl_record_init(&ticker, FL_TICKER);
	assert_int_equal(ticker.head.length, sizeof(ticker));
	assert_int_equal(ticker.head.kind, FL_TICKER);
	assert_int_equal(ticker.head.version, 1);
	assert_int_equal(ticker.head.instrument, 0);
	assert_true(isnan(ticker.mark_price) && isnan(ticker.funding_8h));
	assert_int_equal(ticker.state, FL_STATE_UNKNOWN);
	fl_record_init(&trade, FL_TRADE);
	assert_int_equal(trade.trade_seq, -1);
	assert_int_equal(trade.tick_direction, -1);
	assert_string_equal(trade.trade_id, "");
	fl_record_init(&gap, FL_GAP);
	assert_int_equal(gap.first_seq, -1);
	assert_int_equal(gap.ended_ns, 0);
}

static void a_kind_has_a_name_and_a_size(void **state)
{
	(void)state;
	assert_string_equal(fl_kind_name(FL_TICKER), "ticker");
	assert_string_equal(fl_kind_name(FL_ACCOUNT_TRADE), "account_trade");
	assert_null(fl_kind_name(0));
	assert_null(fl_kind_name(13));
	assert_null(fl_kind_name(1000));
	assert_int_equal(fl_kind_size(FL_QUOTE), sizeof(struct fl_quote));
	assert_int_equal(fl_kind_size(0), 0);
	assert_int_equal(fl_kind_size(1000), 0);
	for (unsigned kind = 1; kind <= 12; kind++)
		assert_int_equal(fl_kind_size(kind) % 8, 0);
}

static void lengths_that_do_not_fit_are_refused(void **state)
{
	union {
		struct fl_record head;
		struct fl_book book;
		struct fl_lifecycle event;
		struct fl_trade trade;
		char bytes[1024];
	} r = { .bytes = "" };

	(void)state;
	fl_record_init(&r, FL_QUOTE);
	assert_true(record_is_valid(&r.head));
	r.head.length += 4;
	assert_false(record_is_valid(&r.head));
	r.head.length += 4;
	assert_true(record_is_valid(&r.head)); /* of a newer version */
	r.head.length = sizeof(struct fl_quote) - 8;
	assert_false(record_is_valid(&r.head));
	r.head.kind = 13;
	assert_false(record_is_valid(&r.head));

	fl_record_init(&r, FL_BOOK);
	r.head.length += 2 * sizeof(struct fl_book_level);
	r.book.level_count = 2;
	assert_true(record_is_valid(&r.head));
	r.book.level_count = 3;
	assert_false(record_is_valid(&r.head));
	r.book.level_count = UINT32_MAX;
	assert_false(record_is_valid(&r.head));

	fl_record_init(&r, FL_LIFECYCLE);
	r.head.length += 8;
	r.event.metadata_length = 8;
	assert_true(record_is_valid(&r.head));
	r.event.metadata_length = 9;
	assert_false(record_is_valid(&r.head));
	r.event.metadata_length = UINT32_MAX;
	assert_false(record_is_valid(&r.head));

	fl_record_init(&r, FL_TRADE);
	memset(r.trade.trade_id, 'x', sizeof(r.trade.trade_id));
	assert_false(record_is_valid(&r.head)); /* a text without an end */
	r.head.length = 8 + (2u << 20);
	assert_false(record_is_valid(&r.head));
}

static void a_record_is_printed_field_by_field(void **state)
{
	struct fl_trade trade;
	yyjson_doc *doc;
	yyjson_val *root;

	(void)state;
	fl_record_init(&trade, FL_TRADE);
	trade.head.instrument = 7;
	trade.head.source = 3;
	trade.head.event_time_ns = 1735286400123000000;
	trade.trade_seq = 9;
	trade.price = 0.0155;
	trade.direction = FL_SELL;
	trade.combo = 8;
	(void)strcpy(trade.trade_id, "T\"1");
	doc = print(&trade.head);
	root = yyjson_doc_get_root(doc);
	assert_int_equal(yyjson_get_int(yyjson_obj_get(root, "number")), 42);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "kind")), "trade");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "source")), "deribit");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "instrument")), "BTC-27DEC24-100000-C");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "combo")), "BTC-27DEC24");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "trade_id")), "T\"1");
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "direction")), "sell");
	assert_int_equal(yyjson_get_sint(yyjson_obj_get(root, "event_time_ns")), 1735286400123000000);
	assert_true(yyjson_get_real(yyjson_obj_get(root, "price")) == 0.0155);
	assert_true(yyjson_is_null(yyjson_obj_get(root, "iv")));
	assert_true(yyjson_is_null(yyjson_obj_get(root, "tick_direction")));
	yyjson_doc_free(doc);
}

static void metadata_that_is_no_json_is_shown_as_text(void **state)
{
	union {
		struct fl_lifecycle event;
		char bytes[512];
	} r = { .bytes = "" };
	yyjson_doc *doc;

	(void)state;
	fl_record_init(&r, FL_LIFECYCLE);
	r.event.head.length += 16;
	memcpy(r.event.metadata, "{\"a\":\n[1]}", 10);
	r.event.metadata_length = 10;
	doc = print(&r.event.head);
	assert_true(yyjson_is_obj(yyjson_obj_get(yyjson_doc_get_root(doc), "metadata")));
	yyjson_doc_free(doc);
	r.event.metadata_length = 9;
	doc = print(&r.event.head);
	assert_string_equal(
		yyjson_get_str(yyjson_obj_get(yyjson_doc_get_root(doc), "metadata")), "{\"a\":\n[1]");
	yyjson_doc_free(doc);
}

static void every_kind_can_be_printed(void **state)
{
	union {
		struct fl_record head;
		char bytes[1024];
	} r;

	(void)state;
	for (unsigned kind = 1; kind <= 12; kind++) {
		fl_record_init(&r, (enum fl_kind)kind);
		yyjson_doc_free(print(&r.head));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_set_is_absent),
		cmocka_unit_test(a_kind_has_a_name_and_a_size),
		cmocka_unit_test(lengths_that_do_not_fit_are_refused),
		cmocka_unit_test(a_record_is_printed_field_by_field),
		cmocka_unit_test(metadata_that_is_no_json_is_shown_as_text),
		cmocka_unit_test(every_kind_can_be_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
