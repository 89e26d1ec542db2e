/* ledger.c: the ledger's tables, and the batches that fill them. */
#include "ledger.h"

#include <feedloom/bytes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "venue_deribit_print.h"

enum { DB = 1 };
enum { JOB_SCHEMA = 1, JOB_COUNTERS, JOB_SEQS, JOB_ROWS = 100 };
enum { FLUSH_ROWS = 1000, FULL_ROWS = 40000 };

#define TRADE_COLUMNS                                                                              \
	"instrument_name TEXT NOT NULL, event_us INTEGER, trade_id TEXT, trade_seq INTEGER NOT NULL,"  \
	" price REAL, amount REAL, contracts REAL, direction TEXT, iv REAL, mark_price REAL,"          \
	" index_price REAL, tick_direction INTEGER, liquidation TEXT, block_trade_id TEXT,"            \
	" combo_id TEXT"

static const char *const schema[] = {
	"CREATE TABLE IF NOT EXISTS connections (connection INTEGER PRIMARY KEY, peer TEXT,"
	" opened_us INTEGER, closed_us INTEGER, reason TEXT, messages INTEGER)",
	"CREATE TABLE IF NOT EXISTS sent (seq INTEGER PRIMARY KEY, connection INTEGER,"
	" number_on_connection INTEGER, sent_us INTEGER, kind TEXT, channel TEXT,"
	" instrument_name TEXT, event_us INTEGER, items INTEGER, bytes INTEGER)",
	"CREATE TABLE IF NOT EXISTS sent_quotes (seq INTEGER PRIMARY KEY, instrument_name TEXT,"
	" event_us INTEGER, bid_price REAL, bid_amount REAL, ask_price REAL, ask_amount REAL)",
	"CREATE TABLE IF NOT EXISTS sent_tickers (seq INTEGER PRIMARY KEY, instrument_name TEXT,"
	" event_us INTEGER, state TEXT, mark_price REAL, mark_iv REAL, bid_iv REAL, ask_iv REAL,"
	" bid_price REAL, bid_amount REAL, ask_price REAL, ask_amount REAL, last_price REAL,"
	" underlying_price REAL, underlying_index TEXT, index_price REAL, interest_rate REAL,"
	" open_interest REAL, volume REAL, delta REAL, gamma REAL, theta REAL, vega REAL, rho REAL,"
	" settlement_price REAL, delivery_price REAL, min_price REAL, max_price REAL,"
	" current_funding REAL, funding_8h REAL)",
	"CREATE TABLE IF NOT EXISTS sent_trades (seq INTEGER, item INTEGER, " TRADE_COLUMNS
	", PRIMARY KEY (seq, item)) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS sent_books (seq INTEGER, item INTEGER, instrument_name TEXT,"
	" event_us INTEGER, change_id INTEGER, prev_change_id INTEGER, is_snapshot INTEGER,"
	" side TEXT, price REAL, amount REAL, PRIMARY KEY (seq, item)) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS sent_index_prices (seq INTEGER PRIMARY KEY, index_name TEXT,"
	" event_us INTEGER, price REAL)",
	"CREATE TABLE IF NOT EXISTS faults (at_us INTEGER, fault TEXT, connection INTEGER, detail TEXT)",
	"CREATE TABLE IF NOT EXISTS refusals (at_us INTEGER, what TEXT, connection INTEGER, detail TEXT)",
	"CREATE TABLE IF NOT EXISTS calendar (instrument_name TEXT PRIMARY KEY, currency TEXT,"
	" kind TEXT, listed_us INTEGER, expires_us INTEGER, strike REAL, tick_size REAL,"
	" contract_size REAL) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS market_trades (" TRADE_COLUMNS
	", PRIMARY KEY (instrument_name, trade_seq)) WITHOUT ROWID",
};

static const char *const inserts[LEDGER_TABLE_COUNT] = {
	[LEDGER_SENT] = "INSERT INTO sent VALUES (?,?,?,?,?,?,?,?,?,?)",
	[LEDGER_QUOTES] = "INSERT INTO sent_quotes VALUES (?,?,?,?,?,?,?)",
	[LEDGER_TICKERS] = "INSERT INTO sent_tickers VALUES"
					   " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[LEDGER_TRADES] = "INSERT INTO sent_trades VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[LEDGER_BOOKS] = "INSERT INTO sent_books VALUES (?,?,?,?,?,?,?,?,?,?)",
	[LEDGER_INDEX_PRICES] = "INSERT INTO sent_index_prices VALUES (?,?,?,?)",
	[LEDGER_MARKET_TRADES] = "INSERT OR REPLACE INTO market_trades VALUES"
							 " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[LEDGER_FAULTS] = "INSERT INTO faults VALUES (?,?,?,?)",
	[LEDGER_REFUSALS] = "INSERT INTO refusals VALUES (?,?,?,?)",
	[LEDGER_CALENDAR] = "INSERT INTO calendar VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	[LEDGER_CONNECTIONS] = "INSERT OR REPLACE INTO connections VALUES (?,?,?,?,?,?)",
};

/* ---- opening: tables, then the counters of an earlier run ---- */

int ledger_open(struct ledger *ledger, struct fl_ctx *ctx, const char *path, int64_t flush_ns)
{
	struct fl_sqlite_options options = { .path = path, .fast = true };

	*ledger = (struct ledger){
		.ctx = ctx, .is_on = path != NULL && path[0] != '\0', .flush_ns = flush_ns
	};
	ledger->flushed_ns = fl_monotonic_ns(ctx);
	if (!ledger->is_on) {
		ledger->is_ready = true;
		return 0;
	}
	return fl_sqlite_open(ctx, DB, &options);
}

static int run_statements(
	struct ledger *ledger, int number, const char *const *statements, size_t count, unsigned flags)
{
	struct fl_sqlite_job *job = fl_sqlite_job(ledger->ctx, DB);

	if (job == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (fl_sqlite_statement(job, statements[i], flags) < 0) {
			fl_sqlite_drop(job);
			return -ENOMEM;
		}
		fl_sqlite_row_end(job);
	}
	return fl_sqlite_run(ledger->ctx, job, number);
}

static int read_counters(struct ledger *ledger)
{
	static const char *const counters = "SELECT (SELECT coalesce(max(seq), 0) FROM sent),"
										" (SELECT coalesce(max(connection), 0) FROM connections)";
	static const char *const seqs = "SELECT instrument_name, max(trade_seq) FROM market_trades"
									" GROUP BY instrument_name";
	int error = run_statements(ledger, JOB_COUNTERS, &counters, 1, FL_SQL_ROWS);

	return error < 0 ? error : run_statements(ledger, JOB_SEQS, &seqs, 1, FL_SQL_ROWS);
}

/* Trades go on where the last run ended: a counter that began anew would look like repetitions. */
static void take_seqs(struct market *market, const struct fl_result *result)
{
	for (size_t row = 0; row < result->row_count; row++) {
		const char *name = fl_result_text(result, row, 0);

		for (uint32_t i = 0; name != NULL && i < market->universe.count; i++)
			if (strcmp(market->universe.instruments[i].name, name) == 0) {
				market->states[i].trade_seq = fl_result_int(result, row, 1);
				break;
			}
	}
}

static void on_batch_done(struct ledger *ledger, const struct fl_result *result)
{
	uint32_t rows;

	if (ledger->in_flight_count == 0)
		return;
	rows = ledger->in_flight[ledger->in_flight_first];
	ledger->in_flight_first = (ledger->in_flight_first + 1) % LEDGER_IN_FLIGHT;
	ledger->in_flight_count--;
	if (result->error == 0) {
		ledger->rows_written += rows;
		return;
	}
	ledger->rows_lost += rows;
	fl_complain(ledger->ctx, "ledger",
		"the ledger has lost %u rows and is no proof any more: %s; make room or give it another path",
		rows, result->detail);
}

int ledger_on_result(
	struct ledger *ledger, int number, const struct fl_result *result, struct market *market)
{
	int error = result->error;

	if (number >= JOB_ROWS) {
		on_batch_done(ledger, result);
		return 0;
	}
	if (error == 0 && number == 0 && ledger->adopting > 0) {
		ledger->adopting--;
		return 0;
	}
	ledger->is_open |= error == 0 && number == 0;
	if (error == 0 && number == 0)
		error = run_statements(ledger, JOB_SCHEMA, schema, sizeof(schema) / sizeof(*schema), 0);
	else if (error == 0 && number == JOB_SCHEMA)
		error = read_counters(ledger);
	else if (error == 0 && number == JOB_COUNTERS && result->row_count > 0) {
		ledger->seq = fl_result_int(result, 0, 0);
		ledger->connection = fl_result_int(result, 0, 1);
	} else if (error == 0 && number == JOB_SEQS) {
		take_seqs(market, result);
		ledger->is_ready = true;
		return 1;
	}
	if (error == 0 || ledger->is_failed)
		return 0;
	ledger->is_failed = true;
	fl_log(ledger->ctx, FL_ERROR, "the ledger cannot be opened: %s; check the option `ledger`",
		result->detail);
	return 1;
}

/* ---- over a reload ---- */

static void job_key(char key[32], int table)
{
	(void)snprintf(key, 32, "ledger_job_%d", table);
}

int ledger_save(const struct ledger *ledger, struct fl_snapshot *to)
{
	struct fl_writer writer = { 0 };
	char key[32];
	int error = 0;

	fl_write_int(&writer, ledger->is_on);
	fl_write_int(&writer, ledger->is_open);
	fl_write_int(&writer, ledger->is_ready);
	fl_write_int(&writer, ledger->is_failed);
	fl_write_int(&writer, ledger->adopting);
	fl_write_int(&writer, ledger->seq);
	fl_write_int(&writer, ledger->connection);
	fl_write_int(&writer, (int64_t)ledger->rows_made);
	fl_write_int(&writer, (int64_t)ledger->rows_written);
	fl_write_int(&writer, (int64_t)ledger->rows_lost);
	fl_write_int(&writer, ledger->flushed_ns);
	fl_write_int(&writer, ledger->flush_ns);
	fl_write_int(&writer, ledger->in_flight_count);
	for (uint32_t i = 0; i < ledger->in_flight_count; i++)
		fl_write_int(&writer, ledger->in_flight[(ledger->in_flight_first + i) % LEDGER_IN_FLIGHT]);
	for (int table = 0; table < LEDGER_TABLE_COUNT; table++)
		fl_write_int(&writer, ledger->rows_building[table]);
	error = fl_writer_save(&writer, to, "ledger");
	for (int table = 0; table < LEDGER_TABLE_COUNT && error == 0; table++)
		if (ledger->jobs[table] != NULL) {
			job_key(key, table);
			error = fl_sqlite_save_job(to, key, ledger->jobs[table]);
		}
	return error;
}

int ledger_restore(struct ledger *ledger, struct fl_ctx *ctx, const struct fl_snapshot *from)
{
	struct fl_reader reader = fl_reader_open(from, "ledger", 1);
	int64_t count;
	char key[32];

	*ledger = (struct ledger){ .ctx = ctx };
	ledger->is_on = fl_read_int(&reader) != 0;
	ledger->is_open = fl_read_int(&reader) != 0;
	ledger->is_ready = fl_read_int(&reader) != 0;
	ledger->is_failed = fl_read_int(&reader) != 0;
	ledger->adopting = (int)fl_read_int(&reader);
	ledger->seq = fl_read_int(&reader);
	ledger->connection = fl_read_int(&reader);
	ledger->rows_made = (uint64_t)fl_read_int(&reader);
	ledger->rows_written = (uint64_t)fl_read_int(&reader);
	ledger->rows_lost = (uint64_t)fl_read_int(&reader);
	ledger->flushed_ns = fl_read_int(&reader);
	ledger->flush_ns = fl_read_int(&reader);
	count = fl_read_int(&reader);
	if (count < 0 || count > LEDGER_IN_FLIGHT)
		return -EINVAL;
	ledger->in_flight_count = (uint32_t)count;
	for (uint32_t i = 0; i < ledger->in_flight_count; i++)
		ledger->in_flight[i] = (uint32_t)fl_read_int(&reader);
	for (int table = 0; table < LEDGER_TABLE_COUNT; table++) {
		job_key(key, table);
		ledger->jobs[table] = fl_sqlite_restore_job(from, key);
		ledger->rows_building[table] = (uint32_t)fl_read_int(&reader);
		ledger->building += ledger->rows_building[table];
	}
	return reader.is_broken ? -EINVAL : 0;
}

int ledger_adopt(struct ledger *ledger, const char *path)
{
	struct fl_sqlite_options options = { .path = path, .fast = true };

	if (!ledger->is_on || ledger->is_failed)
		return 0;
	ledger->adopting += ledger->is_open;
	return fl_sqlite_open(ledger->ctx, DB, &options);
}

/* ---- batches ---- */

uint64_t ledger_lag(const struct ledger *ledger)
{
	return ledger->rows_made - ledger->rows_written - ledger->rows_lost;
}

bool ledger_is_full(const struct ledger *ledger)
{
	return ledger_lag(ledger) > FULL_ROWS ||
		ledger->in_flight_count > LEDGER_IN_FLIGHT - LEDGER_TABLE_COUNT;
}

static void run_job(struct ledger *ledger, int table)
{
	struct fl_sqlite_job *job = ledger->jobs[table];
	uint32_t rows = ledger->rows_building[table];
	uint32_t at = (ledger->in_flight_first + ledger->in_flight_count) % LEDGER_IN_FLIGHT;
	int error;

	if (job == NULL)
		return;
	ledger->jobs[table] = NULL;
	ledger->rows_building[table] = 0;
	error = fl_sqlite_run(ledger->ctx, job, JOB_ROWS + table);
	if (error < 0) {
		ledger->rows_lost += rows;
		fl_complain(ledger->ctx, "ledger", "the ledger has lost %u rows (error %d)", rows, error);
		return;
	}
	ledger->in_flight[at] = rows;
	ledger->in_flight_count++;
}

void ledger_flush(struct ledger *ledger, bool now)
{
	int64_t time = fl_monotonic_ns(ledger->ctx);

	if (ledger->building == 0)
		return;
	if (!now && ledger->building < FLUSH_ROWS && time - ledger->flushed_ns < ledger->flush_ns)
		return;
	if (ledger->in_flight_count > LEDGER_IN_FLIGHT - LEDGER_TABLE_COUNT)
		return; /* later: an answer makes room */
	for (int table = 0; table < LEDGER_TABLE_COUNT; table++)
		run_job(ledger, table);
	ledger->building = 0;
	ledger->flushed_ns = time;
}

void ledger_close(struct ledger *ledger)
{
	for (int table = 0; table < LEDGER_TABLE_COUNT; table++)
		if (ledger->jobs[table] != NULL)
			fl_sqlite_drop(ledger->jobs[table]);
	memset(ledger->jobs, 0, sizeof(ledger->jobs));
	if (ledger->is_on)
		fl_sqlite_close(ledger->ctx, DB);
	ledger->is_on = false;
}

/* The job into which the next row of `table` goes; NULL: there is no ledger. */
static struct fl_sqlite_job *begin_row(struct ledger *ledger, enum ledger_table table)
{
	struct fl_sqlite_job *job = ledger->jobs[table];

	if (!ledger->is_on || !ledger->is_ready)
		return NULL;
	if (job == NULL) {
		job = fl_sqlite_job(ledger->ctx, DB);
		if (job == NULL || fl_sqlite_statement(job, inserts[table], 0) < 0) {
			if (job != NULL)
				fl_sqlite_drop(job);
			ledger->rows_lost++;
			ledger->rows_made++;
			fl_complain(ledger->ctx, "ledger", "the ledger loses rows: out of memory");
			return NULL;
		}
		ledger->jobs[table] = job;
	}
	ledger->rows_building[table]++;
	ledger->building++;
	ledger->rows_made++;
	return job;
}

/* ---- rows ---- */

static void text(struct fl_sqlite_job *job, const char *words)
{
	fl_sqlite_text(job, words, strlen(words));
}

static void name(struct fl_sqlite_job *job, const struct sim_instrument *instrument)
{
	fl_sqlite_text(job, instrument->name, instrument->name_length);
}

static void present(struct fl_sqlite_job *job, bool is_there, double value)
{
	fl_sqlite_real(job, is_there ? value : NAN);
}

int64_t ledger_sent(struct ledger *ledger, const struct ledger_message *message)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_SENT);

	if (job == NULL)
		return 0;
	fl_sqlite_int(job, ++ledger->seq);
	fl_sqlite_int(job, message->connection);
	fl_sqlite_int(job, message->number);
	fl_sqlite_int(job, fl_now_ns(ledger->ctx) / FL_US);
	text(job, message->kind);
	fl_sqlite_text(job, message->channel, message->channel_length);
	text(job, message->instrument);
	fl_sqlite_int(job, message->event_ms * 1000);
	fl_sqlite_int(job, message->items);
	fl_sqlite_int(job, (int64_t)message->bytes);
	fl_sqlite_row_end(job);
	return ledger->seq;
}

static void sides(struct fl_sqlite_job *job, const struct sim_quote *quote)
{
	present(job, quote->bid_amount > 0, quote->bid_price);
	present(job, quote->bid_amount > 0, quote->bid_amount);
	present(job, quote->ask_amount > 0, quote->ask_price);
	present(job, quote->ask_amount > 0, quote->ask_amount);
}

void ledger_quote(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_quote *quote)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_QUOTES);

	if (job == NULL)
		return;
	fl_sqlite_int(job, seq);
	name(job, instrument);
	fl_sqlite_int(job, quote->timestamp * 1000);
	sides(job, quote);
	fl_sqlite_row_end(job);
}

void ledger_ticker(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_ticker *ticker)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_TICKERS);
	const struct sim_mark *mark = &ticker->mark;
	bool is_option = instrument->kind == FL_KIND_OPTION;

	if (job == NULL)
		return;
	fl_sqlite_int(job, seq);
	name(job, instrument);
	fl_sqlite_int(job, ticker->quote.timestamp * 1000);
	text(job, "open");
	fl_sqlite_real(job, mark->price);
	present(job, is_option, mark->iv / 100);
	present(job, is_option && ticker->quote.bid_amount > 0, ticker->bid_iv / 100);
	present(job, is_option && ticker->quote.ask_amount > 0, ticker->ask_iv / 100);
	sides(job, &ticker->quote);
	fl_sqlite_real(job, ticker->last_price);
	present(job, is_option, mark->underlying_price);
	if (is_option)
		text(job, instrument->underlying_index);
	else
		fl_sqlite_null(job);
	fl_sqlite_real(job, mark->index_price);
	present(job, is_option, 0);
	fl_sqlite_real(job, ticker->open_interest);
	fl_sqlite_real(job, ticker->volume);
	present(job, is_option, mark->delta);
	present(job, is_option, mark->gamma);
	present(job, is_option, mark->theta);
	present(job, is_option, mark->vega);
	present(job, is_option, mark->rho);
	fl_sqlite_real(job, ticker->settlement_price);
	fl_sqlite_null(job); /* delivery_price */
	fl_sqlite_real(job, ticker->min_price);
	fl_sqlite_real(job, ticker->max_price);
	fl_sqlite_real(job, ticker->current_funding);
	fl_sqlite_real(job, ticker->funding_8h);
	fl_sqlite_row_end(job);
}

static void trade_columns(
	struct fl_sqlite_job *job, const struct market *market, const struct sim_trade *trade)
{
	char id[32];

	name(job, &market->universe.instruments[trade->instrument]);
	fl_sqlite_int(job, trade->timestamp * 1000);
	fl_sqlite_text(job, id, (size_t)print_trade_id(id, market, trade));
	fl_sqlite_int(job, trade->seq);
	fl_sqlite_real(job, trade->price);
	fl_sqlite_real(job, trade->amount);
	fl_sqlite_real(job, trade->contracts);
	text(job, trade->is_buy ? "buy" : "sell");
	fl_sqlite_real(job, trade->iv / 100);
	fl_sqlite_real(job, trade->mark_price);
	fl_sqlite_real(job, trade->index_price);
	fl_sqlite_int(job, trade->tick_direction);
	if (trade->liquidation == NOT_LIQUIDATED)
		fl_sqlite_null(job);
	else
		text(job, trade->liquidation == LIQUIDATED_MAKER ? "M" : "T");
	if (trade->block_id == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_text(job, id, (size_t)print_block_id(id, trade));
	fl_sqlite_null(job); /* combo_id */
	fl_sqlite_row_end(job);
}

void ledger_trade(struct ledger *ledger, int64_t seq, int item, const struct market *market,
	const struct sim_trade *trade)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_TRADES);

	if (job == NULL)
		return;
	fl_sqlite_int(job, seq);
	fl_sqlite_int(job, item);
	trade_columns(job, market, trade);
}

void ledger_market_trade(
	struct ledger *ledger, const struct market *market, const struct sim_trade *trade)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_MARKET_TRADES);

	if (job != NULL)
		trade_columns(job, market, trade);
}

static void book_side(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_book *book, bool is_bid, int first)
{
	const struct sim_change *changes = is_bid ? book->bids : book->asks;
	int count = is_bid ? book->bid_count : book->ask_count;

	for (int i = 0; i < count; i++) {
		struct fl_sqlite_job *job = begin_row(ledger, LEDGER_BOOKS);

		if (job == NULL)
			return;
		fl_sqlite_int(job, seq);
		fl_sqlite_int(job, first + i);
		name(job, instrument);
		fl_sqlite_int(job, book->timestamp * 1000);
		fl_sqlite_int(job, book->change_id);
		if (book->prev_change_id < 0)
			fl_sqlite_null(job);
		else
			fl_sqlite_int(job, book->prev_change_id);
		fl_sqlite_int(job, book->is_snapshot);
		text(job, is_bid ? "bid" : "ask");
		fl_sqlite_real(job, changes[i].price);
		fl_sqlite_real(job, changes[i].amount);
		fl_sqlite_row_end(job);
	}
}

void ledger_book(struct ledger *ledger, int64_t seq, const struct sim_instrument *instrument,
	const struct sim_book *book)
{
	book_side(ledger, seq, instrument, book, true, 0);
	book_side(ledger, seq, instrument, book, false, book->bid_count);
}

void ledger_index_price(
	struct ledger *ledger, int64_t seq, const char *index, int64_t event_ms, double price)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_INDEX_PRICES);

	if (job == NULL)
		return;
	fl_sqlite_int(job, seq);
	text(job, index);
	fl_sqlite_int(job, event_ms * 1000);
	fl_sqlite_real(job, price);
	fl_sqlite_row_end(job);
}

void ledger_connection(struct ledger *ledger, int64_t connection, const char *peer,
	int64_t opened_ns, int64_t closed_ns, const char *reason, int64_t messages)
{
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_CONNECTIONS);

	if (job == NULL)
		return;
	fl_sqlite_int(job, connection);
	text(job, peer);
	fl_sqlite_int(job, opened_ns / FL_US);
	if (closed_ns == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, closed_ns / FL_US);
	text(job, reason);
	fl_sqlite_int(job, messages);
	fl_sqlite_row_end(job);
}

static void put_event(struct ledger *ledger, enum ledger_table table, const char *what,
	int64_t connection, const char *detail)
{
	struct fl_sqlite_job *job = begin_row(ledger, table);

	if (job == NULL)
		return;
	fl_sqlite_int(job, fl_now_ns(ledger->ctx) / FL_US);
	text(job, what);
	if (connection == 0)
		fl_sqlite_null(job);
	else
		fl_sqlite_int(job, connection);
	text(job, detail);
	fl_sqlite_row_end(job);
}

void ledger_fault(struct ledger *ledger, const char *fault, int64_t connection, const char *detail)
{
	put_event(ledger, LEDGER_FAULTS, fault, connection, detail);
}

void ledger_refusal(struct ledger *ledger, const char *what, int64_t connection, const char *detail)
{
	put_event(ledger, LEDGER_REFUSALS, what, connection, detail);
}

void ledger_listed(
	struct ledger *ledger, const struct market *market, uint32_t number, int64_t listed_ms)
{
	const struct sim_instrument *instrument = &market->universe.instruments[number];
	struct fl_sqlite_job *job = begin_row(ledger, LEDGER_CALENDAR);

	if (job == NULL)
		return;
	name(job, instrument);
	text(job, market->universe.currencies[instrument->currency].name);
	text(job, print_kind(instrument));
	fl_sqlite_int(job, listed_ms * 1000);
	fl_sqlite_int(job, instrument->expiry_ms * 1000);
	fl_sqlite_real(job, instrument->strike);
	fl_sqlite_real(job, 1.0 / instrument->ticks_per_unit);
	fl_sqlite_real(job, instrument->contract_size);
	fl_sqlite_row_end(job);
}
