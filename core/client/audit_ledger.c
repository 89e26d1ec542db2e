/* audit_ledger.c: two lists of trades in the same order, laid side by side. */
#include "audit.h"
#include "sqlite_session.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION "ledger"

struct audit_ledger {
	struct sqlite_setup setup;
	struct session session;
	sqlite3_stmt *handle;
	int code; /* SQLITE_ROW: the ledger's next trade is in the columns */
	struct audit_taker to;
	char known[128]; /* the instrument whose trades the store tells */
	uint64_t made, stored, missing, unequal, unknown;
};

static const char *text_of(const struct audit_ledger *ledger, int column)
{
	const char *text = (const char *)sqlite3_column_text(ledger->handle, column);

	return text == NULL ? "" : text;
}

static void step(struct audit_ledger *ledger)
{
	ledger->code = sqlite3_step(ledger->handle);
	ledger->made += ledger->code == SQLITE_ROW;
}

static void tell(struct audit_ledger *ledger, const char *verdict, const char *instrument,
	int64_t trade_seq, const char *words)
{
	char line[400], json[400];

	(void)snprintf(
		line, sizeof(line), "%.100s: trade %" PRId64 " %.200s", instrument, trade_seq, words);
	(void)snprintf(json, sizeof(json), "{\"instrument\":\"%.100s\",\"trade_seq\":%" PRId64 "}",
		instrument, trade_seq);
	ledger->to.take(ledger->to.data, SECTION, verdict, line, json);
}

/* The ledger's next trade is not stored; nor need it be where the store does not know the
 * instrument. */
static void pass_by(struct audit_ledger *ledger)
{
	if (strcmp(text_of(ledger, 0), ledger->known) != 0) {
		ledger->made--;
		step(ledger);
		return;
	}
	ledger->missing++;
	tell(ledger, "unexplained", text_of(ledger, 0), sqlite3_column_int64(ledger->handle, 1),
		"was made and is not stored");
	step(ledger);
}

/* The order of the store's trade against the ledger's next one. */
static int order(const struct audit_ledger *ledger, const char *instrument, int64_t trade_seq)
{
	int by_name = strcmp(text_of(ledger, 0), instrument);
	int64_t next = sqlite3_column_int64(ledger->handle, 1);

	return by_name != 0 ? by_name : (next > trade_seq) - (next < trade_seq);
}

static void take(void *data, const char *section, const char *instrument, const char *seq_text,
	const char *fields)
{
	struct audit_ledger *ledger = data;
	int64_t trade_seq = strtoll(seq_text, NULL, 10);

	(void)section;
	while (ledger->code == SQLITE_ROW && order(ledger, instrument, trade_seq) < 0)
		pass_by(ledger);
	if (trade_seq < 0) {
		(void)snprintf(ledger->known, sizeof(ledger->known), "%s", instrument);
		return;
	}
	ledger->stored++;
	if (ledger->code != SQLITE_ROW || order(ledger, instrument, trade_seq) > 0) {
		ledger->unknown++;
		tell(ledger, "unexplained", instrument, trade_seq,
			"is stored and was never made, or is twice");
		return;
	}
	if (strcmp(text_of(ledger, 2), fields) != 0) {
		ledger->unequal++;
		tell(ledger, "unexplained", instrument, trade_seq,
			"is stored with other values than it was made with");
	}
	step(ledger);
}

int audit_ledger_begin(const char *path, const struct audit_queries *query,
	const struct audit_taker *to, struct buf *why, struct audit_ledger **out)
{
	struct audit_ledger *ledger = calloc(1, sizeof(*ledger));
	int error, code;

	if (ledger == NULL)
		return -ENOMEM;
	ledger->setup = (struct sqlite_setup){ .path = path, .read_only = true };
	ledger->to = *to;
	session_library();
	error = session_open(&ledger->session, &ledger->setup, 0, why);
	if (error != 0)
		goto free_ledger;
	code = sqlite3_prepare_v2(ledger->session.db, query->items[0].sql, -1, &ledger->handle, NULL);
	if (code != SQLITE_OK) {
		(void)buf_printf(why, "%s: %s; is it a ledger of the simulator?", path,
			sqlite3_errmsg(ledger->session.db));
		error = -EINVAL;
		goto close_session;
	}
	step(ledger);
	*out = ledger;
	return 0;

close_session:
	session_close(&ledger->session);
free_ledger:
	free(ledger);
	return error;
}

struct audit_taker audit_ledger_taker(struct audit_ledger *ledger)
{
	return (struct audit_taker){ ledger, take };
}

static void tell_sum(struct audit_ledger *ledger)
{
	char line[240], json[240];

	(void)snprintf(line, sizeof(line),
		"%" PRIu64 " trades made, %" PRIu64 " stored: %" PRIu64 " missing, %" PRIu64
		" with other values, %" PRIu64 " unknown or twice",
		ledger->made, ledger->stored, ledger->missing, ledger->unequal, ledger->unknown);
	(void)snprintf(json, sizeof(json),
		"{\"made\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"unequal\":%" PRIu64
		",\"unknown\":%" PRIu64 "}",
		ledger->made, ledger->stored, ledger->missing, ledger->unequal, ledger->unknown);
	ledger->to.take(ledger->to.data, SECTION, "sum", line, json);
}

int audit_ledger_end(struct audit_ledger *ledger, struct buf *why)
{
	int error = 0;

	while (ledger->code == SQLITE_ROW)
		pass_by(ledger);
	if (ledger->code == SQLITE_DONE) {
		tell_sum(ledger);
	} else {
		(void)buf_printf(why, "%s: %s", ledger->setup.path, sqlite3_errmsg(ledger->session.db));
		error = session_error(ledger->session.db, ledger->code);
	}
	sqlite3_finalize(ledger->handle);
	session_close(&ledger->session);
	free(ledger);
	return error;
}
