/*
 * sqlite_query.h: the command `query`: rows in pages, from a second, read-only session, so that
 * readers never hold up the writer.
 */
#ifndef SQLITE_QUERY_H
#define SQLITE_QUERY_H

#include <feedloom/plugin.h>

enum { QUERIES_MAX = 16, QUERY_ARGS_MAX = 24, QUERY_SQL_BYTES = 4096, QUERY_DETAIL_BYTES = 200 };

enum query_what { QUERY_INSTRUMENTS, QUERY_TRADES, QUERY_GREEKS };

struct query_arg {
	bool is_text;
	int64_t whole;
	char text[64];
};

/** A question, understood: a statement with its parameters. */
struct query {
	enum query_what what;
	int64_t limit; /* rows of a page; the statement asks for one more */
	char sql[QUERY_SQL_BYTES];
	size_t length;
	struct query_arg args[QUERY_ARGS_MAX];
	size_t arg_count;
};

/**
 * Understands a question. Pure.
 * @param detail  of QUERY_DETAIL_BYTES; what is wrong with it
 * @return 0 or -EINVAL
 */
int query_parse(const char *json, struct query *out, char *detail);
/** {"rows":[...],"next":...}, to be freed; NULL: no memory. */
char *query_answer(enum query_what what, int64_t limit, const struct fl_result *result);

struct sink;

void query_ask(struct sink *sink, int command, const char *json);
/** An answer of DB_QUERY. */
void query_on_result(struct sink *sink, int number, const struct fl_result *result);

#endif
