/*
 * last_trade.h: the last trade of each (source, instrument), in the order in which they traded.
 */
#ifndef BUS_LAST_TRADE_H
#define BUS_LAST_TRADE_H

#include <feedloom/instrument.h>
#include <feedloom/record.h>

struct last_trades;

enum { LAST_TRADES_MAX = 65536 }; /* beyond, the one that traded longest ago is forgotten */

struct last_trades *last_trades_create(void);         /* NULL: no memory */
void last_trades_destroy(struct last_trades *trades); /* takes NULL */

/** Notes a trade. An older trade_seq than the one known (a refill) changes nothing. */
void last_trades_note(struct last_trades *trades, uint16_t source, uint32_t instrument,
	int64_t trade_seq, int64_t event_time_ns, const char trade_id[48]);
int last_trades_find(const struct last_trades *trades, uint16_t source, uint32_t instrument,
	struct fl_last_trade *out);

/** Calls `each`, the one that traded last first, until it answers false. */
void last_trades_each(const struct last_trades *trades,
	bool (*each)(void *data, uint16_t source, uint32_t instrument, const struct fl_last_trade *),
	void *data);

#endif
