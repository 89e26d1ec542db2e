#include "audit_ledger.h"

#include <stdio.h>
#include <stdlib.h>

static void take_period(
	void *data, const char *section, const char *from, const char *to, const char *nothing)
{
	struct audit_period *period = data;

	(void)section;
	(void)nothing;
	period->from_us = strtoll(from, NULL, 10);
	period->to_us = strtoll(to, NULL, 10);
}

/* A file of the store's, put to it. */
static int ask_file(const struct store *store, audit_ask ask, const char *name,
	const struct audit_period *period, const struct audit_taker *taker, struct buf *why)
{
	struct audit_queries queries;
	char folder[4400];
	int error;

	(void)snprintf(folder, sizeof(folder), "%s/audit", store->folder);
	error = audit_load_file(folder, name, period, &queries, why);
	if (error != 0)
		return error;
	error = ask(store, &queries, taker, why);
	audit_finish(&queries);
	return error;
}

int audit_ledger(const struct store *store, audit_ask ask, const char *schema, const char *ledger,
	const struct audit_period *period, const struct audit_taker *taker, struct buf *why)
{
	struct audit_period expected = *period;
	struct audit_taker of_period = { &expected, take_period }, of_rows;
	struct audit_ledger *open = NULL;
	struct audit_queries queries;
	char folder[4300];
	int error = ask_file(store, ask, "ledger_period.sql", period, &of_period, why), ended;

	if (error != 0)
		return error;
	(void)snprintf(folder, sizeof(folder), "%s/ledger", schema);
	error = audit_load_file(folder, "trades.sql", &expected, &queries, why);
	if (error != 0)
		return error;
	error = audit_ledger_begin(ledger, &queries, taker, why, &open);
	if (error == 0) {
		of_rows = audit_ledger_taker(open);
		error = ask_file(store, ask, "ledger.sql", &expected, &of_rows, why);
		ended = audit_ledger_end(open, why);
		error = error != 0 ? error : ended;
	}
	audit_finish(&queries);
	return error;
}
