#include "fake.h"
#include "snapshot.h"

#include "result.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"

/* ---- time, names ---- */

int64_t fl_now_ns(const struct fl_ctx *ctx)
{
	return ctx->now_ns;
}

int64_t fl_monotonic_ns(const struct fl_ctx *ctx)
{
	return ctx->monotonic_ns;
}

const char *fl_instance_name(const struct fl_ctx *ctx)
{
	(void)ctx;
	return "store";
}

uint32_t fake_name(struct fl_ctx *ctx, const char *name)
{
	if (name == NULL)
		return 0;
	for (uint32_t i = 1; i <= ctx->name_count; i++)
		if (strcmp(ctx->names[i], name) == 0)
			return i;
	assert_true(ctx->name_count + 1 < FAKE_NAMES);
	snprintf(ctx->names[++ctx->name_count], 64, "%s", name);
	return ctx->name_count;
}

const char *fl_instrument_name(const struct fl_ctx *ctx, uint32_t instrument)
{
	return instrument == 0 || instrument > ctx->name_count ? "" : ctx->names[instrument];
}

const char *fl_instrument_venue(const struct fl_ctx *ctx, uint32_t instrument)
{
	const char *name = fl_instrument_name(ctx, instrument);

	return name[0] == '\0' ? "" : strncmp(name, "SPXW", 4) == 0 ? "ibkr" : "deribit";
}

const char *fl_source_name(const struct fl_ctx *ctx, uint16_t source)
{
	(void)ctx;
	return source == 0 ? "" : "deribit";
}

/* ---- what is only noted ---- */

#define SAY(out)                                                                                   \
	do {                                                                                           \
		va_list args;                                                                              \
		va_start(args, format);                                                                    \
		vsnprintf(out, sizeof(out), format, args);                                                 \
		va_end(args);                                                                              \
	} while (0)

void fl_log(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	(void)level;
	SAY(ctx->log);
}

void fl_log_limited(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	(void)level;
	SAY(ctx->log);
}

void fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...)
{
	(void)what;
	SAY(ctx->log);
}

void fl_resolved(struct fl_ctx *ctx, const char *what)
{
	(void)ctx;
	(void)what;
}

void fl_set_health(struct fl_ctx *ctx, enum fl_health health, const char *format, ...)
{
	ctx->health = health;
	SAY(ctx->reason);
}

void fl_probe_step(struct fl_ctx *ctx, int status, const char *format, ...)
{
	size_t length = strlen(ctx->steps);
	char text[400];

	SAY(text);
	snprintf(ctx->steps + length, sizeof(ctx->steps) - length, "%s %s\n",
		status == 0 ? "ok" : "failed", text);
}

void fl_probe_done(struct fl_ctx *ctx)
{
	ctx->is_probed = true;
}

void fl_reply(struct fl_ctx *ctx, int command, int status, const char *json, bool more)
{
	(void)command;
	(void)more;
	ctx->replies++;
	ctx->reply_status = status;
	snprintf(ctx->reply, sizeof(ctx->reply), "%s", json);
}

void fl_reply_detail(struct fl_ctx *ctx, int command, int status, const char *format, ...)
{
	(void)command;
	ctx->replies++;
	ctx->reply_status = status;
	SAY(ctx->reply);
}

struct fl_metric *fl_metric(struct fl_ctx *ctx, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help)
{
	(void)kind;
	(void)name;
	(void)labels;
	(void)help;
	return (struct fl_metric *)ctx;
}

void fl_metric_add(struct fl_metric *counter, double amount)
{
	(void)counter;
	(void)amount;
}

void fl_metric_set(struct fl_metric *gauge, double value)
{
	(void)gauge;
	(void)value;
}

void fl_metric_observe(struct fl_metric *histogram, double seconds)
{
	(void)histogram;
	(void)seconds;
}

/* ---- timers ---- */

int fl_timer_start(struct fl_ctx *ctx, int timer, int64_t delay_ns, int64_t repeat_ns)
{
	(void)repeat_ns;
	ctx->timer_ns[timer] = delay_ns;
	return 0;
}

void fl_timer_stop(struct fl_ctx *ctx, int timer)
{
	ctx->timer_ns[timer] = -1;
}

bool fl_timer_is_running(const struct fl_ctx *ctx, int timer)
{
	return ctx->timer_ns[timer] >= 0;
}

void fake_tick(struct fl_ctx *ctx, int timer)
{
	assert_true(ctx->timer_ns[timer] >= 0);
	ctx->timer_ns[timer] = -1;
	feedloom_plugin.on_timer(ctx->state, timer);
}

/* ---- databases ---- */

static void on_result(void *data, int number, const struct fl_result *result)
{
	struct fake_database *database = data;

	feedloom_plugin.on_result(database->ctx->state, database->number, number, result);
}

static struct fake_database *database_of(const struct fl_ctx *ctx, int db)
{
	return (struct fake_database *)&ctx->databases[db];
}

int fl_sqlite_open(struct fl_ctx *ctx, int db, const struct fl_sqlite_options *options)
{
	struct fake_database *database = database_of(ctx, db);
	struct sqlite_owner owner = { database, on_result };
	struct sqlite_setup setup = { .path = options->path,
		.schema_folder = options->schema == NULL ? NULL : SCHEMA "/sqlite",
		.read_only = options->read_only,
		.fast = true, /* what the tests write is not to outlive them */
		.busy_timeout_ns = options->busy_timeout_ns };

	/* As the host: what is open already is adopted, and says so. */
	if (database->sqlite != NULL && strcmp(sqlite_path(database->sqlite), options->path) == 0 &&
		!sqlite_is_failed(database->sqlite))
		return sqlite_is_open(database->sqlite)
			? sqlite_run(database->sqlite, sqlite_job(database->sqlite), 0)
			: 0;
	if (database->sqlite != NULL)
		fl_sqlite_close(ctx, db);
	database->ctx = ctx;
	database->number = db;
	return sqlite_open(ctx->loop, &setup, &owner, &database->sqlite);
}

static void on_closed(void *data)
{
	((struct fl_ctx *)data)->closing--;
}

void fl_sqlite_close(struct fl_ctx *ctx, int db)
{
	struct fake_database *database = database_of(ctx, db);

	if (database->sqlite == NULL)
		return;
	ctx->closing++;
	sqlite_close(database->sqlite, on_closed, ctx);
	database->sqlite = NULL;
}

/* clang-format off */
struct fl_sqlite_job *fl_sqlite_job(struct fl_ctx *ctx, int db) { return ctx->databases[db].sqlite == NULL ? NULL : sqlite_job(ctx->databases[db].sqlite); }
int fl_sqlite_run(struct fl_ctx *ctx, struct fl_sqlite_job *job, int number) { (void)ctx; return sqlite_run(sqlite_job_session(job), job, number); }
void fl_sqlite_drop(struct fl_sqlite_job *job) { sqlite_job_drop(job); }
int fl_sqlite_statement(struct fl_sqlite_job *job, const char *sql, unsigned flags) { return sqlite_job_statement(job, sql, flags); }
int fl_sqlite_or_else(struct fl_sqlite_job *job, const char *sql) { return sqlite_job_or_else(job, sql); }
void fl_sqlite_null(struct fl_sqlite_job *job) { sqlite_job_null(job); }
void fl_sqlite_int(struct fl_sqlite_job *job, int64_t value) { sqlite_job_int(job, value); }
void fl_sqlite_real(struct fl_sqlite_job *job, double value) { sqlite_job_real(job, value); }
void fl_sqlite_text(struct fl_sqlite_job *job, const char *text, size_t length) { sqlite_job_text(job, text, length); }
void fl_sqlite_changes(struct fl_sqlite_job *job, int statement) { sqlite_job_changes(job, statement); }
void fl_sqlite_refused(struct fl_sqlite_job *job, int statement) { sqlite_job_refused(job, statement); }
void fl_sqlite_row_end(struct fl_sqlite_job *job) { sqlite_job_row_end(job); }
double fl_result_real(const struct fl_result *result, size_t row, size_t column) { return result_real(result, row, column); }
int64_t fl_result_int(const struct fl_result *result, size_t row, size_t column) { return result_int(result, row, column); }
const char *fl_result_text(const struct fl_result *result, size_t row, size_t column) { return result_text(result, row, column); }
void fl_result_refused(const struct fl_result *result, size_t i, int *statement, size_t *row, const char **reason) { result_refused(result, i, statement, row, reason); }
/* clang-format on */

int fl_sqlite_disk(const struct fl_ctx *ctx, int db, int64_t *free_bytes, int64_t *total_bytes,
	int64_t *file_bytes)
{
	struct fake_database *database = database_of(ctx, db);

	if (database->sqlite == NULL)
		return -ENOTCONN;
	/* The disk is the test's, however full the one it runs on is. */
	*free_bytes = ctx->free_bytes;
	*total_bytes = 100;
	*file_bytes = 10;
	return 0;
}

void fake_settle(struct fl_ctx *ctx)
{
	bool is_busy = true;

	while (is_busy || ctx->closing > 0) {
		is_busy = false;
		for (int i = 0; i < FAKE_DATABASES; i++) {
			struct sqlite *sqlite = ctx->databases[i].sqlite;

			is_busy |= sqlite != NULL &&
				(sqlite_pending(sqlite) > 0 ||
					(!sqlite_is_open(sqlite) && !sqlite_is_failed(sqlite)));
		}
		if (is_busy || ctx->closing > 0)
			loop_turn(ctx->loop, true);
	}
}

/* ---- the stream ---- */

int fl_stream_open(struct fl_ctx *ctx, const char *stream, const struct fl_stream *how)
{
	assert_string_equal(stream, "main");
	ctx->is_stream_open = true;
	ctx->how = *how;
	ctx->stream_opens++;
	return 0;
}

void fl_stream_close(struct fl_ctx *ctx, const char *stream)
{
	(void)stream;
	ctx->is_stream_open = false;
}

void fl_ack(struct fl_ctx *ctx, const char *stream, const struct fl_position *position)
{
	(void)stream;
	ctx->acked = *position;
	ctx->acks++;
}

void fl_retry(struct fl_ctx *ctx, const char *stream, int64_t delay_ns)
{
	(void)stream;
	ctx->retries++;
	ctx->retry_ns = delay_ns;
}

const struct fl_record *fl_batch_next(const struct fl_batch *batch, const struct fl_record *record)
{
	const char *at = record == NULL ? batch->data : (const char *)record + record->length;

	return at < (const char *)batch->data + batch->length ? (const void *)at : NULL;
}

void *fake_add(struct fl_ctx *ctx, enum fl_kind kind, const char *instrument, size_t extra)
{
	struct fl_record *record = (void *)(ctx->batch + ctx->batch_length);

	extra = (extra + 7) / 8 * 8;
	assert_true(ctx->batch_length + fl_kind_size(kind) + extra < FAKE_BATCH_BYTES);
	memset(record, 0, fl_kind_size(kind) + extra);
	fl_record_init(record, kind);
	record->length += (uint32_t)extra;
	record->source = 1;
	record->instrument = fake_name(ctx, instrument);
	record->event_time_ns = ctx->now_ns;
	record->received_ns = ctx->now_ns + 1500 * FL_US;
	ctx->batch_length += record->length;
	ctx->batch_count++;
	return record;
}

static void hand_over(struct fl_ctx *ctx)
{
	const struct fl_record *first = (const void *)ctx->batch;
	struct fl_batch batch = { .from = ctx->how.position,
		.data = ctx->batch,
		.length = ctx->batch_length,
		.count = ctx->batch_count,
		.is_live = true };

	if (ctx->acks > 0)
		batch.from = ctx->acked;
	batch.to = (struct fl_position){ 77, 1, batch.from.number + ctx->batch_count };
	batch.oldest_received_ns = ctx->batch_count > 0 ? first->received_ns : 0;
	memcpy(batch.dropped, ctx->dropped, sizeof(batch.dropped));
	/* Borrowed for the call: a copy that is gone behind it. */
	batch.data = malloc(ctx->batch_length + 1);
	assert_non_null(batch.data);
	memcpy((void *)batch.data, ctx->batch, ctx->batch_length);
	feedloom_plugin.on_batch(ctx->state, "main", &batch);
	free((void *)batch.data);
}

void fake_send(struct fl_ctx *ctx)
{
	assert_true(ctx->is_stream_open);
	hand_over(ctx);
}

void fake_deliver_again(struct fl_ctx *ctx)
{
	int acks = ctx->acks;

	fake_send(ctx);
	fake_settle(ctx);
	if (ctx->acks == acks)
		return; /* kept, to be delivered again */
	ctx->batch_length = 0;
	ctx->batch_count = 0;
	memset(ctx->dropped, 0, sizeof(ctx->dropped));
}

void fake_deliver(struct fl_ctx *ctx)
{
	fake_deliver_again(ctx);
}

/* ---- the instance's life ---- */

struct fl_ctx *fake_open(void)
{
	struct fl_ctx *ctx = calloc(1, sizeof(*ctx));

	assert_non_null(ctx);
	strcpy(ctx->folder, "/tmp/test_sink.XXXXXX");
	assert_non_null(mkdtemp(ctx->folder));
	snprintf(ctx->path, sizeof(ctx->path), "%s/feedloom.db", ctx->folder);
	ctx->batch = malloc(FAKE_BATCH_BYTES);
	assert_non_null(ctx->batch);
	assert_int_equal(loop_open(&ctx->loop), 0);
	ctx->now_ns = INT64_C(1795248000123456789);
	ctx->monotonic_ns = FL_SECOND;
	ctx->free_bytes = 50;
	memset(ctx->timer_ns, -1, sizeof(ctx->timer_ns));
	return ctx;
}

void fake_start(struct fl_ctx *ctx, struct fake_options *options)
{
	if (options->path == NULL)
		options->path = ctx->path;
	if (options->batch_rows == 0)
		options->batch_rows = 10000;
	if (options->flush_rows == 0)
		options->flush_rows = 50;
	if (options->commit_floor_ns == 0)
		options->commit_floor_ns = 20 * FL_MS;
	if (options->flush_interval_ns == 0)
		options->flush_interval_ns = FL_SECOND;
	if (options->busy_timeout_ns == 0)
		options->busy_timeout_ns = 20 * FL_MS;
	ctx->acks = 0;
	assert_int_equal(feedloom_plugin.options_size, sizeof(*options));
	assert_int_equal(feedloom_plugin.create(ctx, options, &ctx->state), 0);
	assert_int_equal(feedloom_plugin.start(ctx->state), 0);
	fake_settle(ctx);
}

void fake_reload(struct fl_ctx *ctx, const struct fake_options *options)
{
	struct fl_snapshot *snapshot = snapshot_create();
	void *old = ctx->state;

	assert_int_equal(feedloom_plugin.save(old, snapshot), 0);
	assert_int_equal(feedloom_plugin.create(ctx, options, &ctx->state), 0);
	assert_int_equal(
		feedloom_plugin.restore(ctx->state, feedloom_plugin.state_version, snapshot), 0);
	assert_int_equal(feedloom_plugin.start(ctx->state), 0);
	feedloom_plugin.destroy(old);
	snapshot_destroy(snapshot);
}

void fake_halt(struct fl_ctx *ctx)
{
	for (int i = 0; i < FAKE_DATABASES; i++)
		fl_sqlite_close(ctx, i);
	fake_settle(ctx);
	feedloom_plugin.destroy(ctx->state);
	ctx->state = NULL;
	ctx->is_stream_open = false;
	memset(ctx->timer_ns, -1, sizeof(ctx->timer_ns));
}

void fake_close(struct fl_ctx *ctx)
{
	char command[128];

	if (ctx->state != NULL)
		fake_halt(ctx);
	loop_close(ctx->loop);
	snprintf(command, sizeof(command), "rm -rf %s", ctx->folder);
	assert_int_equal(system(command), 0);
	free(ctx->batch);
	free(ctx);
}

/* ---- the database as somebody else sees it ---- */

static sqlite3 *look(struct fl_ctx *ctx)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(ctx->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *handle;

	if (sqlite3_prepare_v2(db, sql, -1, &handle, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(handle) != SQLITE_ROW)
		fail_msg("%s: no row", sql);
	return handle;
}

int64_t fake_int(struct fl_ctx *ctx, const char *sql)
{
	sqlite3 *db = look(ctx);
	sqlite3_stmt *handle = ask(db, sql);
	int64_t value =
		sqlite3_column_type(handle, 0) == SQLITE_NULL ? INT64_MIN : sqlite3_column_int64(handle, 0);

	sqlite3_finalize(handle);
	sqlite3_close(db);
	return value;
}

double fake_real(struct fl_ctx *ctx, const char *sql)
{
	sqlite3 *db = look(ctx);
	sqlite3_stmt *handle = ask(db, sql);
	double value = sqlite3_column_double(handle, 0);

	assert_int_not_equal(sqlite3_column_type(handle, 0), SQLITE_NULL);
	sqlite3_finalize(handle);
	sqlite3_close(db);
	return value;
}

const char *fake_text(struct fl_ctx *ctx, const char *sql)
{
	static char text[4096];
	sqlite3 *db = look(ctx);
	sqlite3_stmt *handle = ask(db, sql);
	const char *value = (const char *)sqlite3_column_text(handle, 0);

	snprintf(text, sizeof(text), "%s", value == NULL ? "NULL" : value);
	sqlite3_finalize(handle);
	sqlite3_close(db);
	return text;
}

void fake_sql(struct fl_ctx *ctx, const char *sql)
{
	sqlite3 *db = look(ctx);
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}
