/*
 * config_errors.h: what is wrong with a configuration: every mistake with its place, not only the
 * first.
 */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include "buf.h"

/** Where something stands. Line and column count from 1; 0: the file as a whole. */
struct place {
	const char *file; /* "" where there is none */
	int line, column;
};

struct config_error {
	struct place place; /* its file is the list's own copy */
	char *message;
	size_t file_order; /* files in the order in which they first appeared */
};

/** At most 100 are kept; the rest is counted. */
struct config_errors {
	struct config_error *items;
	size_t count;
	size_t more; /* not kept */
};

void config_errors_init(struct config_errors *errors);
void config_errors_finish(struct config_errors *errors);
/** How many there were. */
static inline size_t config_errors_total(const struct config_errors *errors)
{
	return errors->count + errors->more;
}
void config_error(struct config_errors *errors, struct place place, const char *format, ...)
	FL_PRINTF(3, 4);
void config_verror(struct config_errors *errors, struct place place, const char *format,
	va_list args) FL_PRINTF(3, 0);
/** Puts them in the order of place: files as they first appeared, then line, column, arrival. */
void config_errors_sort(struct config_errors *errors);
/** Sorts, and appends a line each: "FILE:LINE:COL: message\n" (":LINE:COL" only where known). */
int config_errors_print(struct config_errors *errors, struct buf *to);

#endif
