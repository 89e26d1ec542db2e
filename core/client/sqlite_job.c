/*
 * sqlite_job.c: steps to bytes and back. One byte says which step, its value follows. Nothing of it
 * leaves the process.
 */
#include "sqlite_job.h"
#include <math.h>
#include <string.h>
#include <strings.h>

enum {
	WHOLE_1 = 'a',
	WHOLE_4,
	WHOLE_8
}; /* JOB_INT by the bytes it needs; other kinds are themselves */

void job_init(struct fl_sqlite_job *job, struct sqlite *sqlite)
{
	*job = (struct fl_sqlite_job){ .sqlite = sqlite, .is_reading = true };
	list_init(&job->link);
	buf_init(&job->bytes, JOB_MAX_BYTES);
}

void job_clear(struct fl_sqlite_job *job)
{
	buf_clear(&job->bytes, JOB_KEEP_BYTES);
	job->statement_count = 0;
	job->failed = false;
	job->is_reading = true;
}

void job_finish(struct fl_sqlite_job *job)
{
	buf_finish(&job->bytes);
}

/* ---- writing ---- */

/* The step's byte and what follows, together: a job never ends in the middle of a step. */
static void put(struct fl_sqlite_job *job, int kind, const void *value, size_t length)
{
	char *room = job->failed ? NULL : buf_reserve(&job->bytes, 1 + length);

	if (room == NULL) {
		job->failed = true;
		return;
	}
	room[0] = (char)kind;
	if (length > 0)
		memcpy(room + 1, value, length);
	buf_grew(&job->bytes, 1 + length);
}

static void put_text(struct fl_sqlite_job *job, int kind, const char *text, size_t length)
{
	uint32_t stored = (uint32_t)length;

	if (length > JOB_MAX_BYTES)
		job->failed = true;
	put(job, kind, &stored, sizeof(stored));
	if (!job->failed &&
		(buf_append(&job->bytes, text, length) != 0 || buf_append(&job->bytes, "", 1) != 0))
		job->failed = true; /* and it will never be run */
}

static bool begins_with(const char *sql, const char *word)
{
	sql += strspn(sql, " \t\r\n(");
	return strncasecmp(sql, word, strlen(word)) == 0;
}

int sqlite_job_statement(struct fl_sqlite_job *job, const char *sql, unsigned flags)
{
	char stored = (char)flags;

	put(job, JOB_STATEMENT, &stored, 1);
	put_text(job, JOB_TEXT, sql, strlen(sql));
	job->statement_count++;
	if (!begins_with(sql, "SELECT") && !begins_with(sql, "WITH"))
		job->is_reading = false;
	return job->failed ? -ENOMEM : 0;
}

int sqlite_job_or_else(struct fl_sqlite_job *job, const char *sql)
{
	put(job, JOB_OR_ELSE, NULL, 0);
	put_text(job, JOB_TEXT, sql, strlen(sql));
	job->is_reading = false;
	return job->failed ? -ENOMEM : 0;
}

void sqlite_job_null(struct fl_sqlite_job *job)
{
	put(job, JOB_NULL, NULL, 0);
}

void sqlite_job_int(struct fl_sqlite_job *job, int64_t value)
{
	int8_t small = (int8_t)value;
	int32_t middle = (int32_t)value;

	if (small == value)
		put(job, WHOLE_1, &small, sizeof(small));
	else if (middle == value)
		put(job, WHOLE_4, &middle, sizeof(middle));
	else
		put(job, WHOLE_8, &value, sizeof(value));
}

void sqlite_job_real(struct fl_sqlite_job *job, double value)
{
	if (isnan(value))
		put(job, JOB_NULL, NULL, 0);
	else
		put(job, JOB_REAL, &value, sizeof(value));
}

void sqlite_job_text(struct fl_sqlite_job *job, const char *text, size_t length)
{
	if (text == NULL)
		put(job, JOB_NULL, NULL, 0);
	else
		put_text(job, JOB_TEXT, text, length);
}

void sqlite_job_changes(struct fl_sqlite_job *job, int statement)
{
	put(job, JOB_CHANGES, &statement, sizeof(statement));
}

void sqlite_job_refused(struct fl_sqlite_job *job, int statement)
{
	put(job, JOB_REFUSED, &statement, sizeof(statement));
}

void sqlite_job_row_end(struct fl_sqlite_job *job)
{
	put(job, JOB_ROW_END, NULL, 0);
}

size_t sqlite_job_bytes(const struct fl_sqlite_job *job)
{
	return buf_length(&job->bytes);
}

/* ---- reading ---- */

void job_read(const struct fl_sqlite_job *job, struct job_reader *reader)
{
	reader->at = buf_bytes(&job->bytes);
	reader->end = reader->at + buf_length(&job->bytes);
}

static void take(struct job_reader *reader, void *out, size_t length)
{
	memcpy(out, reader->at, length);
	reader->at += length;
}

static void take_text(struct job_reader *reader, struct job_step *step)
{
	uint32_t length;

	take(reader, &length, sizeof(length));
	step->text = reader->at;
	step->length = length;
	reader->at += length + 1;
}

static int64_t take_whole(struct job_reader *reader, int kind)
{
	int8_t small;
	int32_t middle;
	int64_t whole;

	if (kind == WHOLE_1) {
		take(reader, &small, sizeof(small));
		return small;
	}
	if (kind == WHOLE_4) {
		take(reader, &middle, sizeof(middle));
		return middle;
	}
	take(reader, &whole, sizeof(whole));
	return whole;
}

void job_next(struct job_reader *reader, struct job_step *step)
{
	char flags;
	int kind, statement;

	*step = (struct job_step){ .kind = JOB_END };
	if (reader->at == reader->end)
		return;
	kind = *reader->at++;
	step->kind = kind >= WHOLE_1 ? JOB_INT : (enum job_step_kind)kind;
	switch (step->kind) {
	case JOB_STATEMENT:
		take(reader, &flags, 1);
		step->flags = (unsigned char)flags;
		reader->at++; /* the text's own byte */
		take_text(reader, step);
		break;
	case JOB_OR_ELSE:
		reader->at++; /* likewise */
		take_text(reader, step);
		break;
	case JOB_INT: step->whole = take_whole(reader, kind); break;
	case JOB_REAL: take(reader, &step->real, sizeof(step->real)); break;
	case JOB_TEXT: take_text(reader, step); break;
	case JOB_CHANGES:
	case JOB_REFUSED:
		take(reader, &statement, sizeof(statement));
		step->whole = statement;
		break;
	default: break;
	}
}
