/*
 * result.h: what a database answered to a job, or to being opened; the same for every database.
 */
#ifndef FEEDLOOM_RESULT_H
#define FEEDLOOM_RESULT_H

#include <feedloom/base.h>

/** Flags of a job's statement. */
enum {
	/** A run that changes no row ends the job with -ESTALE (compare and set). */
	FL_SQL_MUST_CHANGE = 1,
	FL_SQL_ROWS = 2, /* its rows are wanted in the result */
	/** SQLite: a row refused for its content is left out, counted and returned by number. */
	FL_SQL_SET_ASIDE = 4
};

/** What came of a job or of opening. Borrowed for the call to on_result. */
struct fl_result {
	int error; /* 0, or negative errno: -ESTALE compare-and-set failed; -EAGAIN busy, try again;
				  -ENOSPC disk full; -EROFS; -EIO; -EILSEQ corrupt; -EPROTO newer schema, older
				  server; -EMEDIUMTYPE network file system; -ENOENT a table or column is missing;
				  -EACCES not permitted; -EBADMSG refused for its content; -ENOTCONN the session is
				  lost; -ETIMEDOUT no answer in time; -EEXIST tables of other programs have our
				  names; -EINVAL anything else */
	const char *detail; /* the database's words and the statement, "" without error */
	const char *code;   /* PostgreSQL: the SQLSTATE of the error, "" without */
	int statement;      /* PostgreSQL: which statement failed, from 0; -1: none */
	size_t row_count, column_count;
	const void *rows;     /* core's */
	size_t refused_count; /* rows set aside */
	const void *refused;  /* core's */
	int64_t took_ns;      /* commit included */
	int64_t sync_ns;      /* SQLite: the commit alone */
};

/** A value of a row that was asked for. Absent and NULL are NaN, INT64_MIN and NULL. */
FL_API double fl_result_real(const struct fl_result *result, size_t row, size_t column);
FL_API int64_t fl_result_int(const struct fl_result *result, size_t row, size_t column);
FL_API const char *fl_result_text(const struct fl_result *result, size_t row, size_t column);
/** The i-th row set aside: its statement, its row number within that statement, and the reason. */
FL_API void fl_result_refused(
	const struct fl_result *result, size_t i, int *statement, size_t *row, const char **reason);

#endif
