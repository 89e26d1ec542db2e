/*
 * stores.h: the stores of a configuration, for the verbs that work on them without a daemon.
 */
#ifndef CLI_STORES_H
#define CLI_STORES_H

#include "paths.h"
#include "tree.h"

enum store_kind { STORE_SQLITE, STORE_POSTGRESQL };

struct store {
	const char *sink; /* the instance's name */
	enum store_kind kind;
	char where[8300];              /* the file; for people */
	char folder[4300];             /* of its schema's files */
	const char *url, *search_path; /* PostgreSQL: the url is never shown */
};

/**
 * Calls `each` for every sink that has a store; stops at a non-zero return, which is returned.
 * @param count  how many there were
 */
int stores_each(const struct paths *paths, const struct node *root,
	int (*each)(void *data, const struct store *store), void *data, int *count);

#endif
