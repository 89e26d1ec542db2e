/*
 * deribit_book: whether a message of an order book joins the one before it. Pure.
 *
 * change_id is one counter for many books: only that prev_change_id names the last change_id seen
 * says that nothing is missing.
 */
#ifndef DERIBIT_BOOK_H
#define DERIBIT_BOOK_H

#include <feedloom/record.h>

enum deribit_chain_state {
	DERIBIT_CHAIN_WAITING = 0, /* for its first snapshot */
	DERIBIT_CHAIN_JOINED,
	DERIBIT_CHAIN_BROKEN /* a gap was seen: waiting for a fresh snapshot */
};

struct deribit_chain {
	int64_t last;       /* change_id of the last message that joined; of none: as found */
	int64_t last_ns;    /* its time at the venue; of none: of the first that did not join */
	int64_t found;      /* prev_change_id of the first message that did not join */
	int64_t waiting_ns; /* since when (clock that never steps) it has dropped changes, 0: not */
	enum deribit_chain_state state;
};

enum deribit_chain_verdict {
	DERIBIT_CHAIN_PUBLISH,
	DERIBIT_CHAIN_DROP,  /* before the snapshot, or seen already */
	DERIBIT_CHAIN_GAP,   /* the first that does not join: drop it, ask for a snapshot */
	DERIBIT_CHAIN_REJOIN /* the snapshot after a gap: publish, and the gap is over */
};

enum deribit_chain_verdict deribit_chain_take(
	struct deribit_chain *chain, const struct fl_book *book);
/** Whether changes came before the first snapshot: it was lost on its way. */
bool deribit_chain_has_dropped(const struct deribit_chain *chain);

#endif
