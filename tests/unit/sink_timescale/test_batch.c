/*
 * From a batch of records to one job: which statements, in which order, and the bytes of the rows.
 * Whether a server takes them is asked in tests/integration.
 */
#include "unit.h"

#include "pg_session.h"
#include "timescale_batch.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_BYTES = 64 * 1024, NAMES = 8 };
#define NOW_NS INT64_C(1795000000000000000)

/* ---- a core of which the test is the master ---- */

struct fl_ctx {
	char names[NAMES][64]; /* by the journal's id */
};

int64_t fl_now_ns(const struct fl_ctx *ctx)
{
	(void)ctx;
	return NOW_NS;
}

const char *fl_instance_name(const struct fl_ctx *ctx)
{
	(void)ctx;
	return "store";
}

const char *fl_source_name(const struct fl_ctx *ctx, uint16_t source)
{
	(void)ctx;
	return source == 1 ? "deribit" : "";
}

const char *fl_instrument_name(const struct fl_ctx *ctx, uint32_t instrument)
{
	return ctx->names[instrument];
}

const char *fl_instrument_venue(const struct fl_ctx *ctx, uint32_t instrument)
{
	(void)ctx;
	(void)instrument;
	return "deribit";
}

const struct fl_record *fl_batch_next(const struct fl_batch *batch, const struct fl_record *record)
{
	const char *at = record == NULL ? batch->data : (const char *)record + record->length;

	return at < (const char *)batch->data + batch->length ? (const void *)at : NULL;
}

uint64_t fl_batch_number(const struct fl_batch *batch, const struct fl_record *record)
{
	uint64_t number = batch->first;

	for (const struct fl_record *at = NULL; (at = fl_batch_next(batch, at)) != record;)
		number++;
	return number;
}

/* Not called for what is tested here: replies, metrics and a reload are the whole plugin's. */
void fl_reply(struct fl_ctx *ctx, int command, int status, const char *json, bool more)
{
	(void)ctx, (void)command, (void)status, (void)json, (void)more;
	fail();
}

void fl_reply_detail(struct fl_ctx *ctx, int command, int status, const char *format, ...)
{
	(void)ctx, (void)command, (void)status, (void)format;
	fail();
}

struct fl_metric *fl_metric(struct fl_ctx *ctx, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help)
{
	(void)ctx, (void)kind, (void)name, (void)labels, (void)help;
	return NULL;
}

void fl_metric_set(struct fl_metric *gauge, double value)
{
	(void)gauge, (void)value;
	fail();
}

/* clang-format off */
void fl_pg_statement(struct fl_pg_job *job, const char *sql, unsigned flags) { pg_job_statement(job, sql, flags); }
void fl_pg_sql(struct fl_pg_job *job, const char *sql) { pg_job_sql(job, sql); }
void fl_pg_sql_text(struct fl_pg_job *job, const char *text, size_t length) { pg_job_sql_text(job, text, length); }
void fl_pg_sql_time(struct fl_pg_job *job, int64_t ns) { pg_job_sql_time(job, ns); }
void fl_pg_copy(struct fl_pg_job *job, const char *sql) { pg_job_copy(job, sql); }
void fl_pg_rows(struct fl_pg_job *job) { pg_job_rows(job); }
void fl_pg_row(struct fl_pg_job *job, int columns) { pg_job_row(job, columns); }
void fl_pg_null(struct fl_pg_job *job) { pg_job_null(job); }
void fl_pg_bool(struct fl_pg_job *job, bool value) { pg_job_bool(job, value); }
void fl_pg_int2(struct fl_pg_job *job, int16_t value) { pg_job_int2(job, value); }
void fl_pg_int4(struct fl_pg_job *job, int32_t value) { pg_job_int4(job, value); }
void fl_pg_int8(struct fl_pg_job *job, int64_t value) { pg_job_int8(job, value); }
void fl_pg_real4(struct fl_pg_job *job, double value) { pg_job_real4(job, value); }
void fl_pg_real8(struct fl_pg_job *job, double value) { pg_job_real8(job, value); }
void fl_pg_text(struct fl_pg_job *job, const char *text, size_t length) { pg_job_text(job, text, length); }
void fl_pg_jsonb(struct fl_pg_job *job, const char *text, size_t length) { pg_job_jsonb(job, text, length); }
void fl_pg_time(struct fl_pg_job *job, int64_t ns) { pg_job_time(job, ns); }
int fl_pg_statements(const struct fl_pg_job *job) { return pg_job_statements(job); }
int64_t fl_result_int(const struct fl_result *result, size_t row, size_t column) { return result_int(result, row, column); }
double fl_result_real(const struct fl_result *result, size_t row, size_t column) { return result_real(result, row, column); }
const char *fl_result_text(const struct fl_result *result, size_t row, size_t column) { return result_text(result, row, column); }
/* clang-format on */

/* ---- a batch, and what becomes of it ---- */

struct rig {
	struct fl_ctx ctx;
	struct fl_batch from;
	_Alignas(8) char records[BATCH_BYTES];
	struct batch batch;
	struct ids ids;
	struct counts counts;
	struct table_form forms[FL_KIND_COUNT];
	struct batch_how how;
	struct fl_pg_job *job;
	char sql[32 * 1024]; /* of the job */
};

/* As migrations make the tables, where it matters here. */
static void set_forms(struct rig *rig)
{
	for (unsigned kind = 0; kind < FL_KIND_COUNT; kind++) {
		const char *const *columns = sink_kind(kind)->columns;

		for (size_t i = 0; columns != NULL && columns[i] != NULL; i++)
			rig->forms[kind].columns[i] = FORM_REAL8;
		rig->forms[kind].columns[0] = FORM_INT4;
		rig->forms[kind].columns[1] = rig->forms[kind].columns[2] = FORM_TIME;
	}
}

static int open_rig(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	(void)snprintf(rig->ctx.names[1], 64, "BTC-1");
	(void)snprintf(rig->ctx.names[2], 64, "BTC-2");
	batch_init(&rig->batch);
	ids_init(&rig->ids);
	assert_int_equal(ids_add(&rig->ids, "deribit", "BTC-1", 101), 0);
	assert_int_equal(ids_add(&rig->ids, "deribit", "BTC-2", 102), 0);
	set_forms(rig);
	rig->from = (struct fl_batch){ .from = { 7, 1, 10 }, .data = rig->records, .first = 11 };
	rig->how = (struct batch_how){
		.ctx = &rig->ctx, .stream = "main", .counts = &rig->counts, .forms = rig->forms
	};
	rig->job = pg_job_create(NULL);
	*state = rig;
	return 0;
}

static int close_rig(void **state)
{
	struct rig *rig = *state;

	pg_job_drop(rig->job);
	batch_finish(&rig->batch);
	ids_finish(&rig->ids);
	free(rig);
	return 0;
}

static void *add(struct rig *rig, enum fl_kind kind, uint32_t instrument, int64_t event_us)
{
	struct fl_record *record = (void *)(rig->records + rig->from.length);

	fl_record_init(record, kind);
	record->source = 1;
	record->instrument = instrument;
	record->event_time_ns = INT64_C(946684800000000000) + event_us * FL_US;
	record->received_ns = record->event_time_ns + FL_US;
	rig->from.length += record->length;
	rig->from.count++;
	rig->from.to = (struct fl_position){ 7, 1, rig->from.from.number + rig->from.count };
	return record;
}

static void put(struct rig *rig)
{
	assert_int_equal(batch_take(&rig->batch, &rig->ctx, &rig->ids, &rig->from), 0);
	batch_put(&rig->batch, rig->job, &rig->how, &rig->from);
	batch_put_rows(&rig->batch, rig->job, &rig->how);
	assert_int_equal(pg_job_seal(rig->job), 0);
	(void)snprintf(rig->sql, sizeof(rig->sql), "%s", buf_string(&rig->job->sql));
}

/* The number of the statement that begins so. */
static int statement(struct rig *rig, const char *words)
{
	for (int i = 0; i < pg_job_statements(rig->job); i++)
		if (strncmp(rig->sql + rig->job->statements[i].sql_at, words, strlen(words)) == 0)
			return i;
	fail_msg("no statement begins with %s in:\n%s", words, rig->sql);
	return -1;
}

/* The bytes of a COPY, behind its head and before its end. */
static const char *rows_of(const struct rig *rig, int copy, size_t *length)
{
	size_t begin = 0;

	for (int i = 0; i < copy; i++)
		if (rig->job->statements[i].data_end > 0)
			begin = rig->job->statements[i].data_end;
	*length = rig->job->statements[copy].data_end - begin - 19 - 2;
	return buf_bytes(&rig->job->data) + begin + 19;
}

/* ---- the tests ---- */

static void the_cursor_moves_first_and_only_from_where_it_is_thought_to_be(void **state)
{
	struct rig *rig = *state;

	rig->counts.stored[FL_QUOTE] = 5;
	(void)add(rig, FL_QUOTE, 1, 1);
	put(rig);
	assert_int_equal(statement(rig, "BEGIN"), 0);
	assert_int_equal(statement(rig,
						 "WITH moved AS (UPDATE feedloom_cursor SET journal_id = 7, "
						 "generation = 1, position = 11, updated_at = "),
		1);
	assert_int_equal(rig->job->statements[1].flags, FL_SQL_MUST_CHANGE);
	assert_non_null(strstr(rig->sql, "\"stored\":6"));
	assert_non_null(strstr(rig->sql,
		" WHERE sink = 'store' AND stream = 'main' AND journal_id = 7 AND generation = 1 AND "
		"position = 10 RETURNING 1) SELECT 1 / count(*) FROM moved;"));
	assert_int_equal(statement(rig, "COMMIT"), pg_job_statements(rig->job) - 1);
}

static void rows_go_table_by_table_in_the_order_of_the_index(void **state)
{
	static const char rows[] = "\0\7\0\0\0\4\0\0\0\x65\0\0\0\x8\0\0\0\0\0\0\0\3" /* 101, 3 us */
							   "\0\0\0\x8\0\0\0\0\0\0\0\4"
							   "\0\0\0\x8\x3f\xf0\0\0\0\0\0\0" /* 1.0 */
							   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
							   "\0\7\0\0\0\4\0\0\0\x65\0\0\0\x8\0\0\0\0\0\0\0\5";
	struct rig *rig = *state;
	size_t length;
	int quotes, tickers, staged;

	(void)add(rig, FL_TRADE, 1, 9);
	(void)add(rig, FL_QUOTE, 2, 1);
	(void)add(rig, FL_QUOTE, 1, 5);
	((struct fl_quote *)add(rig, FL_QUOTE, 1, 3))->bid_price = 1;
	(void)add(rig, FL_TICKER, 2, 2);
	put(rig);
	quotes = statement(rig,
		"COPY option_quotes_base (instrument_id, event_time, received_at, bid_price, bid_amount, "
		"ask_price, ask_amount) FROM STDIN (FORMAT binary);");
	tickers = statement(rig, "COPY tickers_base (instrument_id, event_time, ");
	staged = statement(rig, "COPY pg_temp.feedloom_stage (instrument_id, ");
	assert_memory_equal(rows_of(rig, quotes, &length), rows, sizeof(rows) - 1);
	assert_int_equal(length, 3 * (2 + 8 + 12 + 12) + 12 + 4 * 4 * 3 - 4);
	assert_memory_equal(rows_of(rig, tickers, &length), "\0\x1e\0\0\0\4\0\0\0\x66", 10);
	assert_int_equal(
		statement(rig, "CREATE TEMPORARY TABLE IF NOT EXISTS feedloom_stage"), staged - 1);
	assert_int_equal(statement(rig, "WITH came AS (INSERT INTO option_trades_base ("), staged + 1);
	assert_int_equal(batch_kind_of(&rig->batch, quotes), FL_QUOTE);
	assert_int_equal(batch_kind_of(&rig->batch, staged + 1), FL_TRADE);
	assert_int_equal(batch_kind_of(&rig->batch, 1), FL_KIND_COUNT);
}

static void a_value_takes_the_form_of_its_column(void **state)
{
	static const char row[] = "\0\7\0\0\0\3"
							  "101"
							  "\0\0\0\x8\0\0\0\0\0\0\0\3\0\0\0\x8\0\0\0\0\0\0\0\4"
							  "\0\0\0\4\x3f\xc0\0\0" /* 1.5 in four bytes */
							  "\0\0\0\4"
							  "0.25"
							  "\xff\xff\xff\xff\xff\xff\xff\xff";
	struct rig *rig = *state;
	enum form *forms = rig->forms[FL_QUOTE].columns;
	struct fl_quote *quote = add(rig, FL_QUOTE, 1, 3);
	size_t length;

	quote->bid_price = 1.5;
	quote->bid_amount = 0.25;
	forms[0] = forms[4] = forms[6] = FORM_TEXT;
	forms[3] = FORM_REAL4;
	put(rig);
	assert_memory_equal(
		rows_of(rig, statement(rig, "COPY option_quotes_base"), &length), row, sizeof(row) - 1);
	assert_int_equal(length, sizeof(row) - 1);
}

static void what_lacks_something_is_set_aside_and_the_rest_goes(void **state)
{
	struct rig *rig = *state;
	size_t length;

	(void)add(rig, FL_QUOTE, 1, 1);
	(void)add(rig, FL_QUOTE, 0, 2);
	((struct fl_record *)add(rig, FL_QUOTE, 1, 3))->event_time_ns = 0;
	put(rig);
	(void)rows_of(rig, statement(rig, "COPY option_quotes_base"), &length);
	assert_int_equal(length, 2 + 8 + 12 + 12 + 4 * 4);
	(void)statement(rig, "INSERT INTO rejected_records (");
	assert_non_null(strstr(rig->sql,
		"'7', '1', '12', 'deribit', null, 'quote', 'option_quotes', "
		"'it has no instrument')"));
	assert_non_null(strstr(rig->sql,
		"'7', '1', '13', 'deribit', 'BTC-1', 'quote', "
		"'option_quotes', 'it has no event time')"));
	assert_int_equal(rig->batch.counts.stored[FL_QUOTE], 1);
	assert_int_equal(rig->batch.counts.rejected[FL_QUOTE], 2);
	assert_int_equal(rig->batch.rejected_count, 2);
}

static void what_the_store_had_is_counted_as_repeated(void **state)
{
	struct rig *rig = *state;
	struct result answer;
	uint64_t rows[FL_KIND_COUNT];

	for (int i = 0; i < 3; i++)
		(void)add(rig, FL_TRADE, 1, i + 1);
	put(rig);
	result_init(&answer);
	assert_int_equal(result_add_int(&answer, FL_TRADE), 0);
	assert_int_equal(result_add_int(&answer, 1), 0);
	assert_int_equal(result_end_row(&answer, 2), 0);
	batch_count(&rig->batch, result_seal(&answer), &rig->counts, rows);
	assert_int_equal(rig->counts.stored[FL_TRADE], 1);
	assert_int_equal(rig->counts.repeated[FL_TRADE], 2);
	assert_int_equal(rows[FL_TRADE], 1);
	result_finish(&answer);
}

static void an_instrument_of_no_number_is_asked_for_once(void **state)
{
	struct rig *rig = *state;

	(void)snprintf(rig->ctx.names[3], 64, "BTC-27NOV26-90000-C");
	(void)add(rig, FL_QUOTE, 3, 1);
	(void)add(rig, FL_TICKER, 3, 2);
	(void)add(rig, FL_QUOTE, 1, 3);
	assert_int_equal(batch_take(&rig->batch, &rig->ctx, &rig->ids, &rig->from), 0);
	assert_int_equal(rig->batch.unknown_count, 1);
	assert_int_equal(batch_put_unknown(&rig->batch, rig->job, &rig->ctx), 0);
	assert_int_equal(pg_job_seal(rig->job), 0);
	(void)snprintf(rig->sql, sizeof(rig->sql), "%s", buf_string(&rig->job->sql));
	assert_int_equal(statement(rig, "INSERT INTO instrument_metadata ("), 0);
	assert_int_equal(statement(rig, "SELECT m.instrument_id, m.exchange, m.instrument_name"), 1);
	assert_non_null(strstr(rig->sql, "\"instrument_name\":\"BTC-27NOV26-90000-C\""));
	assert_non_null(strstr(rig->sql, "\"strike\":\"90000\""));
}

static void a_name_that_is_no_text_is_not_asked_for(void **state)
{
	struct rig *rig = *state;

	(void)snprintf(rig->ctx.names[3], 64, "BTC\xff");
	(void)add(rig, FL_QUOTE, 3, 1);
	(void)add(rig, FL_QUOTE, 1, 2);
	put(rig);
	assert_int_equal(rig->batch.unknown_count, 0);
	assert_int_equal(rig->batch.counts.rejected[FL_QUOTE], 1);
	assert_int_equal(rig->batch.counts.stored[FL_QUOTE], 1);
	assert_null(strstr(rig->sql, "\xff"));
}

static void what_the_journal_dropped_is_a_gap_and_is_counted(void **state)
{
	struct rig *rig = *state;

	rig->from.dropped[FL_QUOTE] = 40;
	(void)add(rig, FL_QUOTE, 1, 1);
	put(rig);
	(void)statement(rig, "INSERT INTO stream_gaps (");
	assert_int_equal(rig->batch.counts.dropped[FL_QUOTE], 40);
	assert_int_equal(rig->batch.counts.stored[FL_QUOTE], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_cursor_moves_first_and_only_from_where_it_is_thought_to_be),
		TEST(rows_go_table_by_table_in_the_order_of_the_index),
		TEST(a_value_takes_the_form_of_its_column),
		TEST(what_lacks_something_is_set_aside_and_the_rest_goes),
		TEST(what_the_store_had_is_counted_as_repeated),
		TEST(an_instrument_of_no_number_is_asked_for_once),
		TEST(a_name_that_is_no_text_is_not_asked_for),
		TEST(what_the_journal_dropped_is_a_gap_and_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
