/* pg_job.c: a job being put together. What cannot be stored is told once, when it is to run. */
#include "pg_session.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_MAX = 64 << 20, DATA_MAX = 256 << 20, STATEMENTS_MAX = 10000 };
/* PostgreSQL's times begin in 2000. */
#define EPOCH_2000_US INT64_C(946684800000000)

static const char copy_head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
enum { COPY_HEAD_BYTES = 19 };

/* ---- statements ---- */

static struct pg_statement *begin(struct fl_pg_job *job, const char *sql, unsigned flags)
{
	struct pg_statement *statement;

	if (job->is_begun) {
		job->failed = true;
		return NULL;
	}
	if (job->count == job->size) {
		size_t size = job->size == 0 ? 16 : job->size * 2;
		struct pg_statement *larger =
			size > STATEMENTS_MAX ? NULL : realloc(job->statements, size * sizeof(*larger));

		if (larger == NULL) {
			job->failed = true;
			return NULL;
		}
		job->statements = larger;
		job->size = size;
	}
	if (job->count > 0)
		(void)buf_append(&job->sql, ";\n", 2);
	statement = &job->statements[job->count++];
	*statement = (struct pg_statement){ .sql_at = buf_length(&job->sql), .flags = flags };
	(void)buf_text(&job->sql, sql);
	return statement;
}

void pg_job_statement(struct fl_pg_job *job, const char *sql, unsigned flags)
{
	(void)begin(job, sql, flags);
}

void pg_job_sql(struct fl_pg_job *job, const char *sql)
{
	(void)buf_text(&job->sql, sql);
}

/* standard_conforming_strings is on in every session of ours: only quotes are doubled. */
void pg_job_sql_text(struct fl_pg_job *job, const char *text, size_t length)
{
	const char *quote;

	if (text == NULL) {
		(void)buf_text(&job->sql, "null");
		return;
	}
	length = strnlen(text, length);
	(void)buf_append(&job->sql, "'", 1);
	while ((quote = memchr(text, '\'', length)) != NULL) {
		size_t part = (size_t)(quote - text) + 1;

		(void)buf_append(&job->sql, text, part);
		(void)buf_append(&job->sql, "'", 1);
		text += part;
		length -= part;
	}
	(void)buf_append(&job->sql, text, length);
	(void)buf_append(&job->sql, "'", 1);
}

/* In quotes: a minus behind a minus would be a comment. */
void pg_job_sql_int(struct fl_pg_job *job, int64_t value)
{
	(void)buf_printf(&job->sql, value < 0 ? "'%" PRId64 "'" : "%" PRId64, value);
}

void pg_job_sql_real(struct fl_pg_job *job, double value)
{
	if (isnan(value))
		(void)buf_text(&job->sql, "null");
	else if (isinf(value))
		(void)buf_text(&job->sql, value < 0 ? "'-infinity'" : "'infinity'");
	else
		(void)buf_printf(&job->sql, "'%.17g'", value);
}

void pg_job_sql_time(struct fl_pg_job *job, int64_t ns)
{
	if (ns == 0)
		(void)buf_text(&job->sql, "null");
	else /* exact: whole microseconds as an interval */
		(void)buf_printf(&job->sql,
			"('1970-01-01 00:00:00+00'::timestamptz + '%" PRId64 " microseconds'::interval)",
			ns / FL_US);
}

/* ---- rows ---- */

static void put_16(struct fl_pg_job *job, uint16_t value)
{
	unsigned char bytes[2] = { (unsigned char)(value >> 8), (unsigned char)value };

	(void)buf_append(&job->data, bytes, sizeof(bytes));
}

static void put_32(unsigned char *to, uint32_t value)
{
	to[0] = (unsigned char)(value >> 24);
	to[1] = (unsigned char)(value >> 16);
	to[2] = (unsigned char)(value >> 8);
	to[3] = (unsigned char)value;
}

void pg_job_copy(struct fl_pg_job *job, const char *sql)
{
	struct pg_statement *statement = begin(job, sql, 0);

	if (statement != NULL)
		statement->is_copy = true;
}

static void end_rows(struct fl_pg_job *job)
{
	if (!job->is_filling)
		return;
	job->is_filling = false;
	(void)buf_append(&job->data, "\xff\xff", 2);
	job->statements[job->filling].data_end = buf_length(&job->data);
}

/* False: there is no further COPY. */
static bool begin_rows(struct fl_pg_job *job)
{
	size_t at = 0;

	end_rows(job);
	while (at < job->count && (!job->statements[at].is_copy || job->statements[at].data_end != 0))
		at++;
	if (at == job->count)
		return false;
	job->filling = at;
	job->is_filling = true;
	(void)buf_append(&job->data, copy_head, COPY_HEAD_BYTES);
	return true;
}

void pg_job_rows(struct fl_pg_job *job)
{
	if (!begin_rows(job))
		job->failed = true;
}

void pg_job_row(struct fl_pg_job *job, int columns)
{
	if (job->is_begun && buf_length(&job->data) - job->told >= PG_PIECE_BYTES) {
		job->told = buf_length(&job->data);
		pg_run_ahead(job->pg);
	}
	put_16(job, (uint16_t)columns);
}

void pg_job_null(struct fl_pg_job *job)
{
	(void)buf_append(&job->data, "\xff\xff\xff\xff", 4);
}

void pg_job_bool(struct fl_pg_job *job, bool value)
{
	unsigned char bytes[5] = { 0, 0, 0, 1, value };

	(void)buf_append(&job->data, bytes, sizeof(bytes));
}

void pg_job_int2(struct fl_pg_job *job, int16_t value)
{
	unsigned char bytes[6] = { 0, 0, 0, 2, (unsigned char)((uint16_t)value >> 8),
		(unsigned char)value };

	(void)buf_append(&job->data, bytes, sizeof(bytes));
}

void pg_job_int4(struct fl_pg_job *job, int32_t value)
{
	unsigned char bytes[8] = { 0, 0, 0, 4 };

	put_32(bytes + 4, (uint32_t)value);
	(void)buf_append(&job->data, bytes, sizeof(bytes));
}

void pg_job_int8(struct fl_pg_job *job, int64_t value)
{
	unsigned char bytes[12] = { 0, 0, 0, 8 };

	put_32(bytes + 4, (uint32_t)((uint64_t)value >> 32));
	put_32(bytes + 8, (uint32_t)value);
	(void)buf_append(&job->data, bytes, sizeof(bytes));
}

void pg_job_real4(struct fl_pg_job *job, double value)
{
	float narrow = (float)value;
	uint32_t bits;

	memcpy(&bits, &narrow, sizeof(bits));
	if (isnan(value))
		pg_job_null(job);
	else
		pg_job_int4(job, (int32_t)bits);
}

void pg_job_real8(struct fl_pg_job *job, double value)
{
	int64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (isnan(value))
		pg_job_null(job);
	else
		pg_job_int8(job, bits);
}

static void put_long(struct fl_pg_job *job, const char *before, size_t before_length,
	const char *text, size_t length)
{
	unsigned char bytes[4];

	put_32(bytes, (uint32_t)(before_length + length));
	(void)buf_append(&job->data, bytes, sizeof(bytes));
	(void)buf_append(&job->data, before, before_length);
	(void)buf_append(&job->data, text, length);
}

void pg_job_text(struct fl_pg_job *job, const char *text, size_t length)
{
	if (text == NULL)
		pg_job_null(job);
	else
		put_long(job, "", 0, text, length);
}

void pg_job_jsonb(struct fl_pg_job *job, const char *text, size_t length)
{
	if (text == NULL)
		pg_job_null(job);
	else
		put_long(job, "\1", 1, text, length);
}

void pg_job_time(struct fl_pg_job *job, int64_t ns)
{
	pg_job_int8(job, ns / FL_US - EPOCH_2000_US);
}

/* ---- a job as a whole ---- */

struct fl_pg_job *pg_job_create(struct pg *pg)
{
	struct fl_pg_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->pg = pg;
	list_init(&job->link);
	buf_init(&job->sql, SQL_MAX);
	buf_init(&job->data, DATA_MAX);
	return job;
}

struct pg *pg_job_session(const struct fl_pg_job *job)
{
	return job->pg;
}

int pg_job_statements(const struct fl_pg_job *job)
{
	return (int)job->count;
}

size_t pg_job_bytes(const struct fl_pg_job *job)
{
	return buf_length(&job->sql) + buf_length(&job->data);
}

int pg_job_seal(struct fl_pg_job *job)
{
	while (begin_rows(job)) /* of a COPY that nobody had rows for */
		;
	(void)buf_string(&job->sql);
	return job->failed || job->sql.failed || job->data.failed ? -ENOMEM : 0;
}

const char *pg_job_words(struct fl_pg_job *job, int index, char *out, size_t size)
{
	const char *sql;
	size_t length;

	if (index < 0 || (size_t)index >= job->count)
		return "";
	sql = buf_string(&job->sql) + job->statements[index].sql_at;
	length = strcspn(sql, "(;\n"); /* what it is about stands before the first bracket */
	if (length >= size)
		length = size - 1;
	memcpy(out, sql, length);
	out[length] = '\0';
	return out;
}

void pg_job_drop(struct fl_pg_job *job)
{
	if (job == NULL)
		return;
	list_remove(&job->link);
	buf_finish(&job->sql);
	buf_finish(&job->data);
	free(job->statements);
	free(job);
}
