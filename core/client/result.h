/*
 * result.h: what a database answered, behind struct fl_result: values in rows, and rows set aside.
 * Made on a worker or the loop, read by plugins through fl_result_* (host/api.c forwards to here).
 */
#ifndef CLIENT_RESULT_H
#define CLIENT_RESULT_H

#include "buf.h"
#include <feedloom/result.h>

enum { RESULT_MAX_VALUES = 1000000, RESULT_MAX_BYTES = 64 << 20, RESULT_MAX_REFUSED = 1000 };

struct result_value; /* one value, or NULL */

struct result_refused {
	int statement;
	size_t row;
	char *reason;
};

struct result {
	struct fl_result answer; /* what the owner sees; result_seal fills in the pointers */
	struct result_value *values;
	size_t value_count, value_size;
	struct buf texts; /* 0-terminated; values hold offsets */
	struct buf detail;
	struct result_refused *refused; /* the first RESULT_MAX_REFUSED; all are counted */
	size_t refused_kept;
	char code[8]; /* SQLSTATE */
};

void result_init(struct result *result);
void result_finish(struct result *result);
/** Empties it, keeping a little memory. */
void result_clear(struct result *result);

/* Values of rows, in order. 0; -E2BIG: beyond the limits; -ENOMEM. */
int result_add_null(struct result *result);
int result_add_int(struct result *result, int64_t value);
int result_add_real(struct result *result, double value);
int result_add_text(struct result *result, const char *text, size_t length);
/** Ends a row of `columns` values; -EINVAL: another number of columns than the rows before. */
int result_end_row(struct result *result, size_t columns);
int result_refuse(struct result *result, int statement, size_t row, const char *reason);
/** Drops rows and refusals, sets error and words. Returns `error`. */
int result_fail(struct result *result, int error, const char *format, ...) FL_PRINTF(3, 4);
/** After result_fail: which statement, and PostgreSQL's code of it. */
void result_blame(struct result *result, int statement, const char *code);
/** The finished answer; valid until the next change. */
const struct fl_result *result_seal(struct result *result);

/* As fl_result_*. Out of range: NaN, INT64_MIN, NULL. Numbers and texts convert as far as they can.
 */
double result_real(const struct fl_result *result, size_t row, size_t column);
int64_t result_int(const struct fl_result *result, size_t row, size_t column);
const char *result_text(const struct fl_result *result, size_t row, size_t column);
/** `reason` is NULL, statement -1, beyond what was kept (1,000). */
void result_refused(
	const struct fl_result *result, size_t i, int *statement, size_t *row, const char **reason);

#endif
