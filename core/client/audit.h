/*
 * audit.h: the questions `feedloom audit` puts to a store: the files of schema/NAME/audit, which
 * know the tables; here is only how they are asked.
 *
 * A file NN_words.sql is one SELECT of three columns: a verdict, a line of text, the same as a JSON
 * object. The verdicts are sum (one or more a file), explained, unexplained and note; the file
 * `cursor` says where the sinks stand instead (see core/cli/audit_journal.c).
 */
#ifndef CLIENT_AUDIT_H
#define CLIENT_AUDIT_H

#include "buf.h"

/** What :from_us, :to_us and :silence_us stand for in the files. */
struct audit_period {
	int64_t from_us, to_us; /* since 1970 */
	int64_t silence_us;     /* without data for this long is a silence */
};

/** A file, ready to be asked. */
struct audit_query {
	char *section; /* "words" */
	char *sql;
};

struct audit_queries {
	struct audit_query *items;
	size_t count;
};

/**
 * Reads a folder.
 * @return 0; -ENOENT: no folder, no file; -EFBIG, -ENOMEM, -EIO; the reason in `why`
 */
int audit_load(const char *folder, const struct audit_period *period, struct audit_queries *out,
	struct buf *why);
void audit_finish(struct audit_queries *queries);
/** One file by its name. */
int audit_load_file(const char *folder, const char *name, const struct audit_period *period,
	struct audit_queries *out, struct buf *why);

/** Gets each row of an answer, in order. NULL values arrive as "". */
struct audit_taker {
	void *data;
	void (*take)(
		void *data, const char *section, const char *verdict, const char *line, const char *json);
};

/**
 * Asks a SQLite store, read only; blocks.
 * @return 0 or as struct fl_result's error, with the reason in `why`
 */
int audit_sqlite(const char *path, const struct audit_queries *queries,
	const struct audit_taker *taker, struct buf *why);

/**
 * The simulator's ledger beside a store: begin, give the store's rows of its file `ledger` to
 * `taker`, end. A row with trade_seq -1 says that the store knows the instrument; trades of others
 * are not expected there. Findings and the sum go to `to`, section "ledger".
 */
struct audit_ledger;
int audit_ledger_begin(const char *path, const struct audit_queries *query,
	const struct audit_taker *to, struct buf *why, struct audit_ledger **out);
struct audit_taker audit_ledger_taker(struct audit_ledger *ledger);
/** 0, or the error of reading the ledger, with `why`. */
int audit_ledger_end(struct audit_ledger *ledger, struct buf *why);

#endif
