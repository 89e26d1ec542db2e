/*
 * sink_refs.c: taken as they come, then sorted: by kind and the store's number in a few passes over
 * small keys, which costs a fifth of comparing; where an instrument's records came out of order,
 * these are compared.
 */
#include "sink_refs.h"
#include "sink_rows.h"
#include <stdlib.h>
#include <string.h>

/* A key: kind, then the number, then which record it is. */
enum { ORDINAL_BITS = 24, ID_BITS = 32, KIND_BITS = 8 };
enum { KEY_BITS = KIND_BITS + ID_BITS + ORDINAL_BITS };
enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

void refs_init(struct refs *refs)
{
	*refs = (struct refs){ 0 };
}

void refs_finish(struct refs *refs)
{
	free(refs->items);
	free(refs->taken);
	free(refs->keys);
	refs_init(refs);
}

static int has_room(struct refs *refs, size_t count)
{
	struct refs larger = { 0 };

	if (count <= refs->size)
		return 0;
	if (count > (size_t)1 << ORDINAL_BITS)
		return -ENOMEM;
	larger.items = malloc(count * sizeof(*larger.items));
	larger.taken = malloc(count * sizeof(*larger.taken));
	larger.keys = malloc(2 * count * sizeof(*larger.keys));
	larger.size = count;
	if (larger.items == NULL || larger.taken == NULL || larger.keys == NULL) {
		refs_finish(&larger);
		return -ENOMEM;
	}
	refs_finish(refs);
	*refs = larger;
	return 0;
}

/* ---- order ---- */

static int compare(const void *left, const void *right)
{
	const struct row_ref *a = left, *b = right;

	if (a->instrument != b->instrument)
		return a->instrument < b->instrument ? -1 : 1;
	if (a->event_ns != b->event_ns)
		return a->event_ns < b->event_ns ? -1 : 1;
	return a->ordinal < b->ordinal ? -1 : 1;
}

static bool keeps_order(const struct row_ref *ref)
{
	return sink_kind(ref->kind)->keeps_order;
}

static uint64_t key_of(const struct row_ref *ref)
{
	uint64_t id = keeps_order(ref) ? 0 : ref->id;

	return (uint64_t)ref->kind << (ID_BITS + ORDINAL_BITS) | id << ORDINAL_BITS | ref->ordinal;
}

/* One digit's pass. False: all keys have the same one. */
static bool sort_digit(const uint64_t *from, uint64_t *to, size_t count, unsigned shift)
{
	size_t ends[DIGITS] = { 0 }, end = 0;

	for (size_t i = 0; i < count; i++)
		ends[from[i] >> shift & (DIGITS - 1)]++;
	if (ends[from[0] >> shift & (DIGITS - 1)] == count)
		return false;
	for (size_t digit = 0; digit < DIGITS; digit++) {
		size_t of_digit = ends[digit];

		ends[digit] = end; /* where they begin, and in the end where they end */
		end += of_digit;
	}
	for (size_t i = 0; i < count; i++)
		to[ends[from[i] >> shift & (DIGITS - 1)]++] = from[i];
	return true;
}

/* They came in the order of their ordinals, and each pass keeps what was before it. */
static const uint64_t *sort_keys(struct refs *refs)
{
	uint64_t *sorted = refs->keys, *spare = refs->keys + refs->size;

	for (unsigned shift = ORDINAL_BITS; shift < KEY_BITS; shift += DIGIT_BITS) {
		uint64_t *from = sorted;

		if (!sort_digit(from, spare, refs->count, shift))
			continue;
		sorted = spare;
		spare = from;
	}
	return sorted;
}

/* Of one kind and number: mostly they came as they are to be. */
static void sort_within(struct row_ref *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (compare(&items[i - 1], &items[i]) > 0) {
			qsort(items, count, sizeof(*items), compare);
			return;
		}
	}
}

static void sort(struct refs *refs)
{
	const uint64_t *sorted = sort_keys(refs);
	size_t begin = 0;

	for (size_t i = 0; i < refs->count; i++) {
		refs->items[i] = refs->taken[sorted[i] & (((uint64_t)1 << ORDINAL_BITS) - 1)];
		if (sorted[i] >> ORDINAL_BITS != sorted[begin] >> ORDINAL_BITS) {
			if (!keeps_order(&refs->items[begin]))
				sort_within(refs->items + begin, i - begin);
			begin = i;
		}
	}
	if (!keeps_order(&refs->items[begin]))
		sort_within(refs->items + begin, refs->count - begin);
}

static void find_kinds(struct refs *refs)
{
	size_t at = 0;

	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		refs->first[kind] = at;
		while (at < refs->count && refs->items[at].kind == kind)
			at++;
	}
	refs->first[FL_KIND_COUNT] = at;
}

/* ---- a batch ---- */

int refs_collect(struct refs *refs, const struct fl_batch *from,
	uint32_t (*id_of)(void *data, uint32_t instrument), void *data)
{
	const struct fl_record *record = NULL;

	refs->count = 0;
	refs->newest_received_ns = 0;
	if (has_room(refs, from->count) != 0)
		return -ENOMEM;
	while (refs->count < from->count && (record = fl_batch_next(from, record)) != NULL) {
		struct row_ref *ref = &refs->taken[refs->count];

		*ref = (struct row_ref){ .record = record,
			.event_ns = record->event_time_ns,
			.received_ns = record->received_ns,
			.instrument = record->instrument,
			.ordinal = (uint32_t)refs->count,
			.source = record->source,
			.kind = record->kind < FL_KIND_COUNT ? record->kind : 0 };
		if (sink_kind(ref->kind)->needs_id && ref->instrument != 0)
			ref->id = id_of(data, ref->instrument);
		if (record->received_ns > refs->newest_received_ns)
			refs->newest_received_ns = record->received_ns;
		refs->keys[refs->count] = key_of(ref);
		refs->count++;
	}
	if (refs->count > 0)
		sort(refs);
	find_kinds(refs);
	return 0;
}
