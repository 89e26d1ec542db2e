/* The order of a batch's rows, next to a plain comparison of whole records. */
#include "unit.h"

#include "sink_refs.h"
#include "sink_rows.h"
#include <stdlib.h>
#include <string.h>

enum {
	RECORDS = 3000,
	PLAIN = FL_QUOTE,
	OTHER = FL_TRADE,
	KEPT = FL_INSTRUMENT,
	NAMELESS = FL_INDEX
};

const struct sink_kind *sink_kind(unsigned kind)
{
	static const struct sink_kind kinds[] = { { .needs_id = true },
		{ .needs_id = true, .keeps_order = true }, { 0 } };

	return kind == KEPT ? &kinds[1] : kind == NAMELESS ? &kinds[2] : &kinds[0];
}

const struct fl_record *fl_batch_next(const struct fl_batch *batch, const struct fl_record *record)
{
	const struct fl_record *first = batch->data;

	if (record == NULL)
		return batch->count > 0 ? first : NULL;
	return record + 1 < first + batch->count ? record + 1 : NULL;
}

/* Two instruments share a number, one has none; the numbers use every byte. */
static uint32_t id_of(void *data, uint32_t instrument)
{
	(void)data;
	return instrument < 2 ? 0 : instrument / 3 * UINT32_C(0x10101);
}

static uint32_t draw(uint32_t below)
{
	static uint32_t random = 1;

	random = random * 1664525 + 1013904223;
	return (random >> 8) % below;
}

static void make(struct fl_record *records, size_t count, uint32_t instruments)
{
	static const uint8_t kinds[] = { PLAIN, OTHER, KEPT, NAMELESS };

	for (size_t i = 0; i < count; i++)
		records[i] = (struct fl_record){ .kind = kinds[draw(4)],
			.source = 3,
			.instrument = draw(instruments),
			/* Mostly as they came. */
			.event_time_ns = (int64_t)i * 10 - (draw(8) == 0 ? draw(100) : 0),
			.received_ns = (int64_t)i + 1 };
}

static int compare(const struct row_ref *a, const struct row_ref *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind != KEPT && a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->kind != KEPT && a->instrument != b->instrument)
		return a->instrument < b->instrument ? -1 : 1;
	if (a->kind != KEPT && a->event_ns != b->event_ns)
		return a->event_ns < b->event_ns ? -1 : 1;
	return a->ordinal < b->ordinal ? -1 : 1;
}

static void check(struct refs *refs, const struct fl_record *records, size_t count)
{
	struct fl_batch batch = { .data = records, .count = (uint32_t)count };
	bool is_there[RECORDS] = { 0 };

	assert_int_equal(refs_collect(refs, &batch, id_of, NULL), 0);
	assert_int_equal(refs->count, count);
	assert_int_equal(refs->newest_received_ns, count);
	for (size_t i = 0; i < count; i++) {
		const struct row_ref *ref = &refs->items[i];

		assert_ptr_equal(ref->record, &records[ref->ordinal]);
		assert_int_equal(ref->instrument, ref->record->instrument);
		assert_int_equal(ref->event_ns, ref->record->event_time_ns);
		assert_false(is_there[ref->ordinal]);
		is_there[ref->ordinal] = true;
		assert_true(i == 0 || compare(&refs->items[i - 1], ref) < 0);
		assert_in_range(i, refs->first[ref->kind], refs->first[ref->kind + 1] - 1);
	}
}

static void rows_go_by_kind_number_and_time_and_the_rest_as_it_came(void **state)
{
	static const uint32_t instruments[] = { 1, 5, 40, 1000000 };
	static struct fl_record records[RECORDS];
	struct refs refs;

	(void)state;
	refs_init(&refs);
	check(&refs, records, 0);
	for (size_t count = 1; count <= RECORDS; count = count * 3 + 1) {
		for (size_t i = 0; i < sizeof(instruments) / sizeof(*instruments); i++) {
			make(records, count, instruments[i]);
			check(&refs, records, count);
		}
	}
	make(records, 10, 5);
	check(&refs, records, 10); /* with room to spare */
	refs_finish(&refs);
}

static void more_records_than_can_be_numbered_are_refused(void **state)
{
	struct fl_batch batch = { .count = UINT32_C(1) << 25 };
	struct refs refs;

	(void)state;
	refs_init(&refs);
	assert_int_equal(refs_collect(&refs, &batch, id_of, NULL), -ENOMEM);
	refs_finish(&refs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_go_by_kind_number_and_time_and_the_rest_as_it_came),
		cmocka_unit_test(more_records_than_can_be_numbered_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
