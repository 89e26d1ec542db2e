/* deribit_channel and deribit_book: names of channels, requests, and books that must join. */
#include "deribit_book.h"
#include "deribit_channel.h"
#include "unit.h"

#include <string.h>
#include <yyjson.h>

static void templates_of_every_kind_are_taken(void **state)
{
	static const struct {
		const char *text, *name, *channel;
	} cases[] = {
		{ "ticker.agg2", "BTC-1JAN27-1-C", "ticker.BTC-1JAN27-1-C.agg2" },
		{ "quote", "BTC-1JAN27-1-C", "quote.BTC-1JAN27-1-C" },
		{ "book.100ms", "BTC-1JAN27-1-C", "book.BTC-1JAN27-1-C.100ms" },
		{ "book.none.10.100ms", "BTC-1JAN27-1-C", "book.BTC-1JAN27-1-C.none.10.100ms" },
		{ "trades.raw", "option.BTC", "trades.option.BTC.raw" },
		{ "perpetual.agg2", "BTC-PERPETUAL", "perpetual.BTC-PERPETUAL.agg2" },
		{ "index", "btc_usd", "deribit_price_index.btc_usd" },
		{ "markprice", "btc_usd", "markprice.options.btc_usd" },
	};
	struct deribit_template template, other;
	char channel[DERIBIT_CHANNEL_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name;
		size_t length;
		int printed;

		assert_null(deribit_template_parse(cases[i].text, &template));
		printed = deribit_channel_print(&template, cases[i].name, channel, sizeof(channel));
		assert_string_equal(channel, cases[i].channel);
		assert_int_equal(printed, strlen(channel));
		assert_true(deribit_channel_match(&template, channel, strlen(channel), &name, &length));
		assert_int_equal(length, strlen(cases[i].name));
		assert_memory_equal(name, cases[i].name, length);
		assert_int_equal(template.is_raw, strstr(cases[i].text, "raw") != NULL);
	}
	assert_null(deribit_template_parse("book.100ms", &template));
	assert_null(deribit_template_parse("book.none.10.100ms", &other));
	const char *name;
	size_t length;
	static const char window[] = "book.A.none.10.100ms";
	assert_false(deribit_channel_match(&template, window, strlen(window), &name, &length));
	assert_true(deribit_channel_match(&other, window, strlen(window), &name, &length));
	assert_int_equal(deribit_channel_print(&template, "A", channel, 10), -EINVAL);
}

static void wrong_templates_are_refused_with_a_reason(void **state)
{
	static const char *const wrong[] = { "", "ticker", "ticker.", "ticker.1s", "ticker.100ms.x",
		"quote.100ms", "quotes", "book", "book.none.10", "book.none.3.100ms", "book.7.10.100ms",
		"book.none.10.raw", "trades", "trades.option.BTC.100ms", "index.btc_usd", "Ticker.raw",
		"ticker.BTC-1JAN27-1-C.raw", "perpetual",
		"ticker.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct deribit_template template;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(deribit_template_parse(wrong[i], &template));
}

static void a_request_stays_under_the_limits(void **state)
{
	static struct deribit_batch batch;
	yyjson_val *channels;
	yyjson_doc *doc;
	char name[120];

	(void)state;
	for (size_t length = 1; length < sizeof(name); length += 7) {
		int added = 0;

		memset(name, 'A', sizeof(name));
		deribit_batch_begin(&batch, "public/unsubscribe", INT64_MAX);
		while (deribit_batch_add(&batch, name, length))
			added++;
		deribit_batch_end(&batch);
		assert_true(batch.length < 32768);
		assert_true(added <= 500 && added == batch.channels);
		if (length < 40)
			assert_int_equal(added, 500);
		doc = yyjson_read(batch.text, batch.length, 0);
		assert_non_null(doc);
		channels = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "params"), "channels");
		assert_int_equal(yyjson_arr_size(channels), added);
		yyjson_doc_free(doc);
	}
}

static struct fl_book book(bool is_snapshot, int64_t prev, int64_t id)
{
	return (struct fl_book){ .is_snapshot = is_snapshot,
		.prev_change_id = prev,
		.change_id = id,
		.head.event_time_ns = id };
}

static void a_book_joins_by_its_change_ids(void **state)
{
	struct deribit_chain chain = { 0 };
	struct fl_book message;

	(void)state;
	message = book(false, 5, 9);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_DROP);
	message = book(true, -1, 10);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_PUBLISH);
	message = book(false, 10, 17);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_PUBLISH);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_DROP); /* twice */
	message = book(false, 18, 21);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_GAP);
	assert_int_equal(chain.last, 17);
	assert_int_equal(chain.found, 18);
	message = book(false, 21, 22);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_DROP);
	message = book(true, -1, 30);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_REJOIN);
	message = book(false, 30, 31);
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_PUBLISH);
	message = book(true, -1, 3); /* a snapshot may count from anywhere */
	assert_int_equal(deribit_chain_take(&chain, &message), DERIBIT_CHAIN_PUBLISH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_of_every_kind_are_taken),
		cmocka_unit_test(wrong_templates_are_refused_with_a_reason),
		cmocka_unit_test(a_request_stays_under_the_limits),
		cmocka_unit_test(a_book_joins_by_its_change_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
