#include "loop.h"
#include "rig.h"

struct listener {
	struct rig *rig;
	struct subscriber *subscriber, *other;
	int heard;
	int64_t ids[64];
	int echoes;  /* publishes so many itself */
	bool leaves; /* unsubscribes itself at the first record */
	bool drops;  /* unsubscribes `other` */
};

static void on_record(void *data, const struct fl_record *record)
{
	struct listener *listener = data;

	listener->ids[listener->heard++ % 64] = record->event_time_ns;
	if (listener->echoes > 0) {
		struct fl_record *echo;

		listener->echoes--;
		echo = make_record(listener->rig, FL_STATUS, record->event_time_ns + 100, "BTC-1");
		assert_int_equal(bus_publish(listener->rig->bus, listener->rig->source, echo), 0);
	}
	if (listener->leaves) {
		bus_unsubscribe(listener->subscriber);
		listener->leaves = false;
	}
	if (listener->drops) {
		bus_unsubscribe(listener->other);
		listener->drops = false;
	}
}

static const struct subscriber_owner owner = { on_record };

static void listen(struct rig *rig, struct listener *listener, const char *patterns)
{
	memset(listener, 0, sizeof(*listener));
	listener->rig = rig;
	assert_int_equal(bus_subscribe(rig->bus, patterns, &owner, listener, &listener->subscriber), 0);
}

static void subscribers_hear_what_their_filter_takes(void **state)
{
	struct rig rig;
	struct listener all, trades;
	struct subscriber *none;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	listen(&rig, &all, NULL);
	listen(&rig, &trades, "trade");
	publish(&rig, FL_TICKER, 1);
	publish(&rig, FL_TRADE, 2);
	assert_int_equal(all.heard, 2);
	assert_int_equal(trades.heard, 1);
	assert_int_equal(trades.ids[0], 2);
	bus_unsubscribe(trades.subscriber);
	publish(&rig, FL_TRADE, 3);
	assert_int_equal(trades.heard, 1);
	assert_int_equal(bus_subscribe(rig.bus, "nonsense", &owner, &all, &none), -EINVAL);
	rig_clean(&rig);
}

static void a_subscriber_may_publish_and_leave_inside_its_call(void **state)
{
	struct rig rig;
	struct listener first, second, third;
	struct bus_status status;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	listen(&rig, &first, NULL);
	listen(&rig, &second, NULL);
	listen(&rig, &third, NULL);
	first.echoes = 1;
	second.leaves = true;
	publish(&rig, FL_TICKER, 1);
	assert_int_equal(first.heard, 2);
	assert_int_equal(first.ids[1], 101);
	assert_int_equal(second.heard, 1); /* the echo came first, and with it it left */
	assert_int_equal(second.ids[0], 101);
	assert_int_equal(third.heard, 2);
	first.drops = true;
	first.other = third.subscriber;
	publish(&rig, FL_TICKER, 2);
	assert_int_equal(third.heard, 2);
	bus_status(rig.bus, &status);
	assert_int_equal(status.last_number, 3);
	rig_clean(&rig);
}

static void nesting_ends_eight_deep(void **state)
{
	struct rig rig;
	struct listener listener;
	struct bus_status status;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	listen(&rig, &listener, NULL);
	listener.echoes = 1000;
	publish(&rig, FL_TICKER, 1);
	assert_int_equal(listener.heard, 8);
	bus_status(rig.bus, &status);
	assert_int_equal(status.last_number, 9);
	rig_clean(&rig);
}

static void a_malformed_record_is_counted_and_goes_nowhere(void **state)
{
	struct rig rig;
	struct listener listener;
	struct bus_status status;
	struct fl_record *record;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	listen(&rig, &listener, NULL);
	record = make_record(&rig, FL_TICKER, 1, "BTC-1");
	record->length = 44;
	assert_int_equal(bus_publish(rig.bus, rig.source, record), -EINVAL);
	bus_status(rig.bus, &status);
	assert_int_equal(status.malformed, 1);
	assert_int_equal(status.last_number, 0);
	assert_int_equal(status.published[FL_TICKER], 0);
	assert_int_equal(listener.heard, 0);
	rig_clean(&rig);
}

static void the_source_is_the_publishers(void **state)
{
	struct rig rig;
	struct fl_record *record;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	record = make_record(&rig, FL_TICKER, 1, "BTC-1");
	record->source = 77;
	assert_int_equal(bus_publish(rig.bus, rig.source, record), 0);
	assert_int_equal(record->source, rig.source);
	rig_clean(&rig);
}

static void publish_gap(
	struct rig *rig, const char *channel, uint32_t instrument, int64_t started_ns, int64_t ended_ns)
{
	struct fl_gap gap;

	fl_record_init(&gap, FL_GAP);
	gap.head.event_time_ns = gap.head.received_ns = started_ns;
	gap.head.instrument = instrument;
	gap.started_ns = started_ns;
	gap.ended_ns = ended_ns;
	snprintf(gap.channel, sizeof(gap.channel), "%s", channel);
	snprintf(gap.cause, sizeof(gap.cause), "process");
	assert_int_equal(bus_publish(rig->bus, rig->source, &gap.head), 0);
}

static void gaps_that_a_process_left_open_are_told_to_the_next(void **state)
{
	struct rig rig;
	const struct fl_gap *gaps;
	uint32_t first, second;
	size_t count;

	(void)state;
	rig_make(&rig);
	rig_open(&rig);
	(void)bus_open_gaps(rig.bus, &count);
	assert_int_equal(count, 0);
	first = dictionary_instrument(bus_dictionary(rig.bus), rig.venue, "BTC-1", 5);
	second = dictionary_instrument(bus_dictionary(rig.bus), rig.venue, "BTC-2", 5);
	publish_gap(&rig, "", 0, 1000, 0);
	publish_gap(&rig, "connection 1", 0, 1000, 0);
	publish_gap(&rig, "connection 2", 0, 3000, 0);
	publish_gap(&rig, "", first, 3000, 0);
	publish_gap(&rig, "", second, 3000, 0);
	publish_gap(&rig, "", 0, 1000, 4000); /* it has ended */
	publish_gap(&rig, "", first, 3000, 4000);
	rig_close(&rig);
	rig_open(&rig);
	gaps = bus_open_gaps(rig.bus, &count);
	assert_int_equal(count, 3);
	assert_string_equal(gaps[0].channel, "connection 1");
	assert_int_equal(gaps[1].started_ns, 3000);
	assert_int_equal(gaps[1].head.source, rig.source);
	assert_int_equal(gaps[2].head.instrument, second);
	publish_gap(&rig, "connection 1", 0, 1000, 5000);
	publish_gap(&rig, "connection 2", 0, 3000, 5000);
	publish_gap(&rig, "", second, 3000, 5000);
	rig_close(&rig);
	rig_open(&rig);
	(void)bus_open_gaps(rig.bus, &count);
	assert_int_equal(count, 0);
	rig_clean(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscribers_hear_what_their_filter_takes),
		cmocka_unit_test(a_subscriber_may_publish_and_leave_inside_its_call),
		cmocka_unit_test(nesting_ends_eight_deep),
		cmocka_unit_test(a_malformed_record_is_counted_and_goes_nowhere),
		cmocka_unit_test(the_source_is_the_publishers),
		cmocka_unit_test(gaps_that_a_process_left_open_are_told_to_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
