/*
 * record.h: every kind of record that travels on the bus, field by field. Read this first if you
 * want to use the data.
 *
 * On the bus, in the journal and in a batch a record is one of these structs, little-endian, its
 * length a multiple of 8. Normalization, once and for all:
 *
 *   times       UTC nanoseconds since 1970
 *   iv, rates   fractions: 0.65 is 65 %                    (implied volatility annualised)
 *   delta       per unit of the underlying                 gamma  delta per unit of price
 *   vega        per volatility point (0.01 of iv)          rho    per rate point (0.01)
 *   theta       per calendar day
 *   prices      in the venue's quote unit, the instrument's `price_currency`
 *   absent      NaN for numbers, 0 for ids and times, "" for texts, -1 for counters; never a
 * made-up 0
 *
 * A version belongs to each kind: it rises when fields are appended; readers take a shorter record
 * of an older version as one whose new fields are absent.
 */
#ifndef FEEDLOOM_RECORD_H
#define FEEDLOOM_RECORD_H

#include <feedloom/base.h>

/** Kinds are stored: never renumber. */
enum fl_kind {
	FL_QUOTE = 1,         /* best bid and ask                       > option_quotes */
	FL_TICKER = 2,        /* mark price, iv, greeks, open interest  > tickers */
	FL_TRADE = 3,         /* one public trade                       > option_trades */
	FL_BOOK = 4,          /* order book snapshot or change          > books */
	FL_GREEKS = 5,        /* greeks of a broker's position          > greek_snapshots */
	FL_CANDLE = 6,        /* open, high, low, close                 > candles */
	FL_INDEX = 7,         /* an index price                         > index_prices */
	FL_INSTRUMENT = 8,    /* what the venue says of an instrument   > instrument_metadata */
	FL_LIFECYCLE = 9,     /* listing, expiry, subscription changes  > lifecycle_events */
	FL_STATUS = 10,       /* state changes of feeds and sinks       > lifecycle_events */
	FL_GAP = 11,          /* a hole in a stream, with its cause     > stream_gaps */
	FL_ACCOUNT_TRADE = 12 /* a fill of an account                   > trades */
};
enum { FL_KIND_COUNT = 16 }; /* arrays by kind have this many places */

/** What every record begins with. 32 bytes. */
struct fl_record {
	uint32_t length;       /* bytes of the whole record, head included, a multiple of 8 */
	uint8_t kind;          /* enum fl_kind */
	uint8_t version;       /* of the kind; fl_record_init sets the present one */
	uint16_t source;       /* the feed instance's id; fl_publish sets it */
	uint32_t instrument;   /* fl_instrument_id(), 0: of no instrument */
	uint32_t reserved;     /* 0 */
	int64_t event_time_ns; /* the venue's time */
	int64_t received_ns;   /* when its bytes left the socket */
};

/** Best bid and ask. An empty side is NaN (price) and NaN (amount). */
struct fl_quote {
	struct fl_record head;
	double bid_price, bid_amount, ask_price, ask_amount;
};

/** An instrument's state as the venue names it, normalised. Stored: never renumber. */
enum fl_instrument_state {
	FL_STATE_UNKNOWN = 0,
	FL_STATE_LISTED = 1,     /* known, not yet tradable */
	FL_STATE_OPEN = 2,       /* trading */
	FL_STATE_SETTLEMENT = 3, /* the daily pause, or delivery running */
	FL_STATE_CLOSED = 4,     /* closed or delivered */
	FL_STATE_REMOVED = 5,    /* archived: the venue forgets it */
	FL_STATE_SUSPENDED = 6   /* locked, halted or inactive */
};

/** What a venue says about one instrument at one instant. */
struct fl_ticker {
	struct fl_record head;
	uint32_t state;            /* enum fl_instrument_state */
	uint32_t underlying_index; /* interned name (fl_instrument_id), 0: none */
	double mark_price, mark_iv, bid_iv, ask_iv;
	double bid_price, bid_amount, ask_price, ask_amount, last_price;
	double underlying_price; /* the forward that iv refers to, in the counter currency */
	double index_price, interest_rate;
	double open_interest; /* in the venue's amount unit */
	double volume;        /* 24 h, base currency */
	double delta, gamma, theta, vega, rho;
	double settlement_price, delivery_price, min_price, max_price;
	double current_funding, funding_8h; /* fractions per 8 h; perpetuals */
};

enum fl_direction { FL_DIRECTION_UNKNOWN = 0, FL_BUY = 1, FL_SELL = 2 };

/** Flags of a trade. */
enum {
	FL_TRADE_LIQUIDATION_MAKER = 1, /* the maker was liquidated */
	FL_TRADE_LIQUIDATION_TAKER = 2,
	FL_TRADE_REFILLED = 4 /* asked for by REST after a gap, not streamed */
};

/** One public trade. (instrument, trade_seq) is its identity. */
struct fl_trade {
	struct fl_record head;
	int64_t trade_seq;    /* the venue's counter of this instrument, -1: it has none */
	double price, amount; /* amount in the venue's amount unit */
	double contracts;     /* amount / contract_size */
	double iv, mark_price, index_price;
	uint8_t direction;     /* of the taker: enum fl_direction */
	int8_t tick_direction; /* 0 plus, 1 zero-plus, 2 minus, 3 zero-minus, -1 absent */
	uint16_t flags;        /* FL_TRADE_... */
	uint32_t combo;        /* interned name of the combo whose leg this is, 0: none */
	char trade_id[48];     /* the venue's, opaque, 0-terminated */
	char block_trade_id[32];
};

enum fl_side { FL_BID = 1, FL_ASK = 2 };

struct fl_book_level {
	double price;
	double amount; /* 0 takes the level out */
	uint64_t side; /* enum fl_side */
};

/** An order book, whole or what one message changed. Variable length. */
struct fl_book {
	struct fl_record head;
	int64_t change_id;      /* the venue's; what one message changed has one change_id */
	int64_t prev_change_id; /* -1: absent */
	uint32_t is_snapshot;   /* 1: replaces the book */
	uint32_t level_count;
	struct fl_book_level levels[];
};

/** Greeks of one position at a broker. */
struct fl_greeks {
	struct fl_record head;
	char account[32];
	double position; /* contracts, short negative */
	double delta, gamma, theta, vega, rho, iv;
	double bid, ask, mark, underlying_price;
};

/** One bar; event_time_ns is its start. */
struct fl_candle {
	struct fl_record head;
	uint64_t resolution_s;
	double open, high, low, close;
	double volume, cost; /* base and quote currency */
};

/** An index price; the instrument id names the index ("btc_usd"). */
struct fl_index {
	struct fl_record head;
	double price;
};

enum fl_instrument_kind {
	FL_KIND_UNKNOWN = 0,
	FL_KIND_OPTION = 1,
	FL_KIND_FUTURE = 2,
	FL_KIND_PERPETUAL = 3,
	FL_KIND_SPOT = 4,
	FL_KIND_OPTION_COMBO = 5,
	FL_KIND_FUTURE_COMBO = 6,
	FL_KIND_STOCK = 7,
	FL_KIND_INDEX = 8
};

enum fl_option_kind { FL_OPTION_NONE = 0, FL_CALL = 1, FL_PUT = 2 };

/** What a venue says of an instrument: the source of instrument_metadata. */
struct fl_instrument {
	struct fl_record head;
	uint8_t instrument_kind; /* enum fl_instrument_kind */
	uint8_t option_type;     /* enum fl_option_kind */
	uint8_t is_active;       /* 1: the venue lists it as tradable */
	uint8_t state;           /* enum fl_instrument_state */
	uint32_t reserved;
	double strike;       /* in the counter currency, NaN: none */
	int64_t expiry_ns;   /* 0: never */
	int64_t creation_ns; /* 0: unknown */
	double tick_size, contract_size, min_trade_amount;
	char currency[16]; /* the one asked of the venue */
	char base_currency[16];
	char quote_currency[16];
	char settlement_currency[16];
	char price_currency[16]; /* of prices on the bus */
	char underlying[32];     /* the price index or the underlying's symbol */
};

/** One event in an instrument's or a feed's life. Variable length: metadata follows. */
struct fl_lifecycle {
	struct fl_record head;
	char event_type[32]; /* "instrument_listed", "subscription_added", ... */
	char currency[16];
	char reason[64];
	int32_t connection_id;    /* -1: none */
	uint32_t success;         /* 1 or 0 */
	uint32_t metadata_length; /* bytes of JSON, 0: none */
	uint32_t reserved;
	char metadata[]; /* JSON, not 0-terminated */
};

/** A change of state of a feed, a sink or the program; the same shape, event_type names it. */
#define fl_status fl_lifecycle

/** A hole in a stream: what was or may have been missed. */
struct fl_gap {
	struct fl_record head;        /* instrument 0: every instrument of the source */
	int64_t started_ns, ended_ns; /* 0: not known, or not ended */
	int64_t first_seq, last_seq;  /* trade_seq or change_id, -1: none */
	int64_t filled_ns;            /* 0: not filled */
	char channel[64];             /* "" : all */
	char cause[24];               /* "disconnect", "stopped", "process", "trade_seq", ... */
	char detail[128];
};

/** A fill of an account at a broker. */
struct fl_account_trade {
	struct fl_record head; /* event_time_ns: executed */
	char account[32], execution_id[64], order_id[32], currency[16];
	uint64_t side; /* enum fl_direction */
	double quantity, price, multiplier, commission, fees;
};

/**
 * Fills in kind, version and length of a record of fixed size, and every field as absent: numbers
 * NaN, counters -1, texts and ids empty.
 *
 * @param record  at least the kind's size (sizeof(struct fl_ticker), ...)
 */
FL_API void fl_record_init(void *record, enum fl_kind kind);

/** The kind's word ("ticker"), NULL for a number that is no kind. */
FL_API const char *fl_kind_name(unsigned kind);

/** The least a record of this kind can be in bytes, 0 for a number that is no kind. */
FL_API size_t fl_kind_size(unsigned kind);

#endif
