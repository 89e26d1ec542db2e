/*
 * last_trade.c: a map by (source, instrument) and a list in the order of trading.
 */
#include "last_trade.h"
#include "list.h"
#include "map.h"
#include <stdlib.h>
#include <string.h>

struct entry {
	struct link link;
	uint64_t key;
	struct fl_last_trade trade;
};

struct last_trades {
	struct map *map;
	struct link order; /* the one that traded longest ago first */
};

static uint64_t key_of(uint16_t source, uint32_t instrument)
{
	return (uint64_t)source << 32 | instrument;
}

struct last_trades *last_trades_create(void)
{
	struct last_trades *trades = calloc(1, sizeof(*trades));

	if (trades == NULL)
		return NULL;
	list_init(&trades->order);
	trades->map = map_create();
	if (trades->map == NULL) {
		free(trades);
		return NULL;
	}
	return trades;
}

void last_trades_destroy(struct last_trades *trades)
{
	struct link *at, *following;

	if (trades == NULL)
		return;
	list_each (at, following, &trades->order)
		free(container_of(at, struct entry, link));
	map_destroy(trades->map);
	free(trades);
}

static struct entry *make(struct last_trades *trades, uint64_t key)
{
	struct entry *entry;

	if (map_count(trades->map) >= LAST_TRADES_MAX) {
		entry = container_of(trades->order.next, struct entry, link);
		map_remove_number(trades->map, entry->key);
		list_remove(&entry->link);
	} else {
		entry = malloc(sizeof(*entry));
	}
	if (entry == NULL)
		return NULL;
	*entry = (struct entry){ .key = key, .trade = { .trade_seq = INT64_MIN } };
	entry->trade.event_time_ns = INT64_MIN;
	if (map_set_number(trades->map, key, entry) < 0) {
		free(entry);
		return NULL;
	}
	list_init(&entry->link);
	return entry;
}

void last_trades_note(struct last_trades *trades, uint16_t source, uint32_t instrument,
	int64_t trade_seq, int64_t event_time_ns, const char trade_id[48])
{
	uint64_t key = key_of(source, instrument);
	struct entry *entry = map_get_number(trades->map, key);

	if (entry == NULL)
		entry = make(trades, key);
	if (entry == NULL)
		return; /* without memory a refill asks for more than it needs, nothing worse */
	/* A venue without counters is ordered by its times. */
	if (trade_seq < entry->trade.trade_seq ||
		(trade_seq < 0 && event_time_ns < entry->trade.event_time_ns))
		return;
	entry->trade.trade_seq = trade_seq;
	entry->trade.event_time_ns = event_time_ns;
	memcpy(entry->trade.trade_id, trade_id, sizeof(entry->trade.trade_id));
	list_remove(&entry->link);
	list_append(&trades->order, &entry->link);
}

int last_trades_find(const struct last_trades *trades, uint16_t source, uint32_t instrument,
	struct fl_last_trade *out)
{
	const struct entry *entry = map_get_number(trades->map, key_of(source, instrument));

	if (entry == NULL)
		return -ENOENT;
	*out = entry->trade;
	return 0;
}

void last_trades_each(const struct last_trades *trades,
	bool (*each)(void *data, uint16_t source, uint32_t instrument, const struct fl_last_trade *),
	void *data)
{
	for (const struct link *at = trades->order.prev; at != &trades->order; at = at->prev) {
		const struct entry *entry = container_of(at, struct entry, link);

		if (!each(data, (uint16_t)(entry->key >> 32), (uint32_t)entry->key, &entry->trade))
			return;
	}
}
