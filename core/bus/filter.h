/*
 * filter.h: which records. `kind[/source[/instrument]]`, comma-separated, as <feedloom/bus.h> says.
 */
#ifndef BUS_FILTER_H
#define BUS_FILTER_H

#include "dictionary.h"
#include <feedloom/record.h>

struct filter;

/**
 * @param patterns    NULL or "": all; copied
 * @param dictionary  borrowed, outlives the filter
 * @return 0; -EINVAL: an empty pattern or part, a `*` that is not at a part's end, or a word
 *         that is no kind; -E2BIG: more than 63 patterns; -ENOMEM
 */
int filter_create(const char *patterns, const struct dictionary *dictionary, struct filter **out);
void filter_destroy(struct filter *filter); /* takes NULL */

/** Whether the record passes. Decisions about names are kept, so this is a few loads. */
bool filter_takes(const struct filter *filter, const struct fl_record *record);
/** Whether some record of this kind could pass. */
bool filter_takes_kind(const struct filter *filter, unsigned kind);
/** Whether everything passes. */
bool filter_takes_all(const struct filter *filter);

#endif
