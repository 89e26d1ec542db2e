/*
 * deribit_backfill: `feedloom backfill instruments`: one listing, published, and no connection.
 */
#include "deribit_parts.h"
#include "deribit_session.h"
#include "deribit_universe.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_EACH = 100 };

/* Bits of the pairs whose currency is asked for, 0: one is not followed, which has been said. */
static uint64_t pairs_of(struct deribit *self, yyjson_val *currencies)
{
	const struct fl_names *ours = &self->options->currencies;
	uint64_t pairs = 0;
	yyjson_val *value;
	size_t i, count;

	if (currencies == NULL)
		return deribit_all_pairs(self);
	yyjson_arr_foreach(currencies, i, count, value)
	{
		uint64_t found = 0;

		for (size_t pair = 0; pair < deribit_pairs(self); pair++)
			if (yyjson_equals_str(value, deribit_pair_currency(self, pair)))
				found |= UINT64_C(1) << pair;
		if (found == 0) {
			fl_backfill_line(self->ctx, "%.16s is not among its currencies (%s%s): add it there",
				yyjson_is_str(value) ? yyjson_get_str(value) : "?", ours->items[0],
				ours->count > 1 ? ", ..." : "");
			return 0;
		}
		pairs |= found;
	}
	return pairs;
}

int deribit_backfill(void *state, const char *what, const char *json)
{
	struct deribit *self = state;
	yyjson_doc *doc;
	uint64_t pairs;

	if (strcmp(what, "instruments") != 0)
		return -ENOTSUP;
	doc = yyjson_read(json, strlen(json), 0);
	pairs = pairs_of(self, yyjson_obj_get(yyjson_doc_get_root(doc), "currencies"));
	yyjson_doc_free(doc);
	self->is_running = self->is_filling = true;
	if (pairs == 0) {
		fl_backfill_done(self->ctx, -EINVAL);
		return 0;
	}
	deribit_list_begin(self, pairs);
	deribit_pump(self);
	return 0;
}

void deribit_filled(struct deribit *self, size_t pair)
{
	if (!self->is_filling || ++self->filled[pair] % LINE_EACH != 0)
		return;
	fl_backfill_line(self->ctx, "%s %s: %u instruments", deribit_pair_currency(self, pair),
		deribit_pair_kind(self, pair), self->filled[pair]);
}

void deribit_fill_end(struct deribit *self)
{
	const struct fl_names *currencies = &self->options->currencies;
	size_t kinds = self->options->kinds.count;

	for (size_t c = 0; c < currencies->count; c++) {
		uint32_t total = 0;
		bool is_asked = false;

		for (size_t pair = c * kinds; pair < (c + 1) * kinds; pair++) {
			total += self->filled[pair];
			is_asked = is_asked || ((self->list_pairs >> pair) & 1);
		}
		if (is_asked)
			fl_backfill_line(self->ctx, "%s: %u instruments in all", currencies->items[c], total);
	}
	if (self->list_failed != 0)
		fl_backfill_line(self->ctx, "failed: %s", self->list_error);
	fl_backfill_done(self->ctx, self->list_failed != 0 ? -EIO : 0);
}
