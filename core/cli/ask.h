/*
 * ask.h: questions to the running daemon's control service.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "tree.h"
#include <yyjson.h>

struct ask_target {
	const char *listen, *token;
};

/** Where control listens, as the configuration says; `address` (may be NULL) says otherwise. */
struct ask_target ask_find(const struct node *root, const char *address);

enum { ASK_PATHS_MAX = 8, ASK_PROBLEM_BYTES = 256 };

/**
 * GETs the paths, all at once, and waits for the answers.
 * @param docs     NULL where there is none; to be freed
 * @param problem  what was wrong last, "" when nothing was
 */
void ask_json(const struct ask_target *target, const char *const *paths, size_t count,
	yyjson_doc **docs, char problem[ASK_PROBLEM_BYTES]);

#endif
