/* deribit_book: whether a message of an order book joins the one before it. */
#include "deribit_book.h"

bool deribit_chain_has_dropped(const struct deribit_chain *chain)
{
	return chain->state == DERIBIT_CHAIN_WAITING && chain->waiting_ns != 0;
}

enum deribit_chain_verdict deribit_chain_take(
	struct deribit_chain *chain, const struct fl_book *book)
{
	bool was_broken = chain->state == DERIBIT_CHAIN_BROKEN || deribit_chain_has_dropped(chain);

	if (!book->is_snapshot) {
		if (chain->state == DERIBIT_CHAIN_WAITING && chain->waiting_ns == 0) {
			chain->last = chain->found = book->prev_change_id;
			chain->last_ns = book->head.event_time_ns;
		}
		if (chain->state != DERIBIT_CHAIN_JOINED)
			return DERIBIT_CHAIN_DROP;
		if (book->change_id <= chain->last) /* sent twice */
			return DERIBIT_CHAIN_DROP;
		if (book->prev_change_id != chain->last) {
			chain->state = DERIBIT_CHAIN_BROKEN;
			chain->found = book->prev_change_id;
			return DERIBIT_CHAIN_GAP;
		}
	}
	chain->state = DERIBIT_CHAIN_JOINED;
	chain->waiting_ns = 0;
	chain->last = book->change_id;
	chain->last_ns = book->head.event_time_ns;
	return was_broken ? DERIBIT_CHAIN_REJOIN : DERIBIT_CHAIN_PUBLISH;
}
