/* sink_refs.c: taken as they come, then sorted. */
#include "sink_refs.h"
#include "sink_rows.h"
#include <stdlib.h>

void refs_init(struct refs *refs)
{
	*refs = (struct refs){ 0 };
}

void refs_finish(struct refs *refs)
{
	free(refs->items);
	refs_init(refs);
}

static int has_room(struct refs *refs, size_t count)
{
	struct row_ref *items;

	if (count <= refs->size)
		return 0;
	items = realloc(refs->items, count * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	refs->items = items;
	refs->size = count;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct row_ref *a = left, *b = right;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (!sink_kind(a->kind)->keeps_order) {
		if (a->id != b->id)
			return a->id < b->id ? -1 : 1;
		if (a->instrument != b->instrument)
			return a->instrument < b->instrument ? -1 : 1;
		if (a->event_ns != b->event_ns)
			return a->event_ns < b->event_ns ? -1 : 1;
	}
	return a->ordinal < b->ordinal ? -1 : 1;
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

int refs_collect(struct refs *refs, const struct fl_batch *from,
	uint32_t (*id_of)(void *data, uint32_t instrument), void *data)
{
	const struct fl_record *record = NULL;

	refs->count = 0;
	refs->newest_received_ns = 0;
	if (has_room(refs, from->count) != 0)
		return -ENOMEM;
	while (refs->count < from->count && (record = fl_batch_next(from, record)) != NULL) {
		struct row_ref *ref = &refs->items[refs->count];

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
		refs->count++;
	}
	if (refs->count > 0)
		qsort(refs->items, refs->count, sizeof(*refs->items), compare);
	find_kinds(refs);
	return 0;
}
