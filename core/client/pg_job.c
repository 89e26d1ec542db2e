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

/* Of a row there are many: room is asked for only where there is none. NULL: memory ran out. */
static inline unsigned char *room(struct fl_pg_job *job, size_t length)
{
	struct buf *data = &job->data;
	bool is_there = data->size - data->end >= length;
	char *at = is_there ? data->data + data->end : buf_reserve(data, length);

	if (at != NULL)
		buf_grew(data, length);
	return (unsigned char *)at;
}

static void put_16(unsigned char *to, uint16_t value)
{
	to[0] = (unsigned char)(value >> 8);
	to[1] = (unsigned char)value;
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
	unsigned char *at;

	if (job->is_begun && buf_length(&job->data) - job->told >= PG_PIECE_BYTES) {
		job->told = buf_length(&job->data);
		pg_run_ahead(job->pg);
	}
	at = room(job, 2);
	if (at != NULL)
		put_16(at, (uint16_t)columns);
}

/* A field's length, then room for its bytes. */
static inline unsigned char *field(struct fl_pg_job *job, uint32_t length)
{
	unsigned char *at = room(job, 4 + (size_t)length);

	if (at == NULL)
		return NULL;
	put_32(at, length);
	return at + 4;
}

static inline void put_null(struct fl_pg_job *job)
{
	unsigned char *at = room(job, 4);

	if (at != NULL)
		put_32(at, UINT32_MAX);
}

static inline void put_field_32(struct fl_pg_job *job, uint32_t value)
{
	unsigned char *at = field(job, 4);

	if (at != NULL)
		put_32(at, value);
}

static inline void put_field_64(struct fl_pg_job *job, uint64_t value)
{
	unsigned char *at = field(job, 8);

	if (at == NULL)
		return;
	put_32(at, (uint32_t)(value >> 32));
	put_32(at + 4, (uint32_t)value);
}

void pg_job_null(struct fl_pg_job *job)
{
	put_null(job);
}

void pg_job_bool(struct fl_pg_job *job, bool value)
{
	unsigned char *at = field(job, 1);

	if (at != NULL)
		*at = value;
}

void pg_job_int2(struct fl_pg_job *job, int16_t value)
{
	unsigned char *at = field(job, 2);

	if (at != NULL)
		put_16(at, (uint16_t)value);
}

void pg_job_int4(struct fl_pg_job *job, int32_t value)
{
	put_field_32(job, (uint32_t)value);
}

void pg_job_int8(struct fl_pg_job *job, int64_t value)
{
	put_field_64(job, (uint64_t)value);
}

void pg_job_real4(struct fl_pg_job *job, double value)
{
	float narrow = (float)value;
	uint32_t bits;

	memcpy(&bits, &narrow, sizeof(bits));
	if (isnan(value))
		put_null(job);
	else
		put_field_32(job, bits);
}

void pg_job_real8(struct fl_pg_job *job, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	if (isnan(value))
		put_null(job);
	else
		put_field_64(job, bits);
}

static void put_text(struct fl_pg_job *job, const char *text, size_t length)
{
	unsigned char *at = field(job, (uint32_t)length);

	if (at != NULL)
		memcpy(at, text, length);
}

void pg_job_text(struct fl_pg_job *job, const char *text, size_t length)
{
	if (text == NULL)
		put_null(job);
	else
		put_text(job, text, length);
}

void pg_job_jsonb(struct fl_pg_job *job, const char *text, size_t length)
{
	unsigned char *at;

	if (text == NULL) {
		put_null(job);
		return;
	}
	at = field(job, (uint32_t)length + 1);
	if (at == NULL)
		return;
	*at = 1; /* of its form */
	memcpy(at + 1, text, length);
}

void pg_job_time(struct fl_pg_job *job, int64_t ns)
{
	put_field_64(job, (uint64_t)(ns / FL_US - EPOCH_2000_US));
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
