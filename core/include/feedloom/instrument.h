/*
 * instrument.h: names and ids of instruments.
 *
 * Instruments are interned: a record carries a 32-bit id, the journal carries the dictionary. An id
 * is good for the life of the process and of the journal; it never reaches a store.
 */
#ifndef FEEDLOOM_INSTRUMENT_H
#define FEEDLOOM_INSTRUMENT_H

#include <feedloom/base.h>

/**
 * The id of a name at this instance's venue; gives one out at first sight.
 *
 * @param name    not 0-terminated; 1 to 63 printable bytes
 * @return the id, or 0: the name is empty, too long or not printable, or the table is full
 *         (1,000,000 names); counted and logged once
 */
FL_API uint32_t fl_instrument_id(struct fl_ctx *ctx, const char *name, size_t length);

/**
 * What the id of a name most likely is, without waiting for memory: what the core will look at when
 * a record of it is published is only on its way. For feeds that see of what a message will be
 * before they have parsed it, which takes longer than that.
 *
 * @return an id, whose name is to be compared (fl_instrument_name) before it is used; 0: the name
 *         has none
 */
FL_API uint32_t fl_instrument_expect(struct fl_ctx *ctx, const char *name, size_t length);

/**
 * As fl_instrument_id, at another venue: for services that speak of what feeds follow.
 *
 * @param venue  as fl_instrument_venue says it
 */
FL_API uint32_t fl_instrument_id_at(
	struct fl_ctx *ctx, const char *venue, const char *name, size_t length);

/** An id's name, "" for an id never given out. Lives as long as the process. */
FL_API const char *fl_instrument_name(const struct fl_ctx *ctx, uint32_t instrument);

/** The venue (`exchange` in the store) an id belongs to, "" for an id never given out. */
FL_API const char *fl_instrument_venue(const struct fl_ctx *ctx, uint32_t instrument);

/** A source's instance name ("deribit"), as in `fl_record.source`. */
FL_API const char *fl_source_name(const struct fl_ctx *ctx, uint16_t source);

/** The last trade of an instrument and source that is known to the journal. */
struct fl_last_trade {
	int64_t trade_seq;
	int64_t event_time_ns;
	char trade_id[48];
};

/**
 * What this instance last published as a trade of the instrument: also from before a restart.
 *
 * @return 0, or -ENOENT: none is known
 */
FL_API int fl_last_trade(const struct fl_ctx *ctx, uint32_t instrument, struct fl_last_trade *out);

#endif
