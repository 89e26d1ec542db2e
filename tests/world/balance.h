/*
 * balance.h: whether a feed's connections are even, looked at after each turn of its process.
 *
 * They cannot be at every instant: what is listed or expires changes one connection's size before
 * the others follow, and a move takes two answers of the venue. So what must hold throughout is:
 * sizes within a tenth of each other (or one instrument), or on the way there: every few seconds
 * their variance is less than ever since, unless more are listed or fewer left meanwhile. And no
 * connection ever carries more than it may.
 */
#ifndef WORLD_BALANCE_H
#define WORLD_BALANCE_H

#include "check.h"

struct balance {
	struct verdict *verdict;
	int max_channels, max_instruments; /* of one connection */
	/* What came of it: */
	int64_t looks, uneven; /* with sizes; times they became uneven */
	int64_t uneven_ns, longest_ns;
	int64_t slowest_ns; /* until they came closer again */
	double greatest;    /* of the largest over the smallest, of those called even */
	int most_channels;
	/* Under way: */
	int64_t since_ns, closer_ns; /* since: 0, they are even */
	int64_t spread;              /* their variance, the least since then */
	int least, most;             /* in all, since then */
	bool is_told;
};

void balance_look(struct balance *balance, const struct fl_ctx *feed);

#endif
