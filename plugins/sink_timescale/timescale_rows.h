/*
 * timescale_rows.h: rows on their way into PostgreSQL: as fields of a binary COPY, each in the form
 * of its column, or as a list of values within a statement.
 */
#ifndef TIMESCALE_ROWS_H
#define TIMESCALE_ROWS_H

#include "sink_rows.h"

enum { COLUMNS_MAX = 32 };

/** How a column's values are written. */
enum form {
	FORM_MISSING, /* the table has no such column */
	FORM_OTHER,   /* of a type we do not write */
	FORM_BOOL,
	FORM_INT2,
	FORM_INT4,
	FORM_INT8,
	FORM_REAL4,
	FORM_REAL8,
	FORM_TEXT,
	FORM_JSONB,
	FORM_TIME
};

/** What a database has of the table of a kind. */
struct table_form {
	enum form columns[COLUMNS_MAX]; /* in the order of the kind's */
	bool is_there, may_insert;
};

/** The form of a column by its type's oid. */
enum form form_of(int64_t oid);
/** How the kind's rows are stored. */
enum way {
	WAY_NONE, /* no kind of ours */
	WAY_COPY,
	WAY_STAGE,  /* COPY into a temporary table, then INSERT ... ON CONFLICT DO NOTHING */
	WAY_VALUES, /* rows in a statement: few, and each corrects what is there */
	WAY_ONCE    /* likewise, and one that is there already is repeated */
};
enum way way_of(unsigned kind);
/** The name of the temporary table. */
#define STAGE "pg_temp.feedloom_stage"
/** "a, b, c": the kind's columns. */
const char *column_list(unsigned kind, char *out, size_t size);
/** What follows the values of a kind of WAY_VALUES or WAY_ONCE. */
const char *values_end(unsigned kind);
/** What stands before them. */
const char *values_begin(unsigned kind);

/** Where the fields of a COPY go. */
struct copy_to {
	struct fl_pg_job *job;
	const enum form *forms;
	int columns, at;
};
struct sink_row copy_row(struct copy_to *to, struct fl_pg_job *job, const struct table_form *form,
	unsigned kind, const struct fl_ctx *ctx, int64_t now_ns);

/** Where values of a statement go: (a, b), (c, d). */
struct values_to {
	struct fl_pg_job *job;
	bool has_any, is_in_row;
};
struct sink_row values_row(
	struct values_to *to, struct fl_pg_job *job, const struct fl_ctx *ctx, int64_t now_ns);

#endif
