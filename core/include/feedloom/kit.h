/*
 * kit.h: pure helpers. Bytes or numbers in, values out; no allocation, no state but what is handed
 * in, no I/O. Built static and linked into each plugin, so that a corrected parser arrives with a
 * reload.
 */
#ifndef FEEDLOOM_KIT_H
#define FEEDLOOM_KIT_H

#include <feedloom/record.h>

/* ---- option_symbol.c: names of instruments ---- */

/** What a name says. `expiry_ns` is the venue's expiry instant where its names imply one. */
struct fl_symbol {
	enum fl_instrument_kind kind;
	enum fl_option_kind option_type; /* FL_OPTION_NONE for what is no option */
	char underlying[24];             /* "BTC", "1000PEPE", "SPXW" */
	char quote[16];                  /* "USDC" of BTC_USDC-..., "" when the name has none */
	int year, month, day;            /* of expiry, 0: none; combos: of the earliest leg */
	int64_t expiry_ns;               /* Deribit: 08:00 UTC of that day; others: 0:00 UTC; 0: none */
	int64_t strike_mantissa;         /* strike = mantissa / 10^scale, exact */
	int strike_scale;
	double strike; /* NaN: none, or several (combos) */
};

/** Deribit names of every kind (protocol rule: Deribit naming, "d" is the decimal point). -EINVAL:
 * no such name. */
int fl_symbol_deribit(const char *name, size_t length, struct fl_symbol *out);
/** OCC/OPRA: root padded to six, YYMMDD, C or P, strike in thousandths on eight digits. */
int fl_symbol_occ(const char *name, size_t length, struct fl_symbol *out);
/** dxFeed: ".SPXW240614C5300", "./ESM4C5000". */
int fl_symbol_dxfeed(const char *name, size_t length, struct fl_symbol *out);
/** The other way; returns the length, or -EINVAL when it cannot be said or does not fit. */
int fl_symbol_deribit_print(const struct fl_symbol *symbol, char *out, size_t size);
int fl_symbol_occ_print(const struct fl_symbol *symbol, char *out, size_t size);
int fl_symbol_dxfeed_print(const struct fl_symbol *symbol, char *out, size_t size);

/* ---- decimal.c: numbers as text ---- */

/** Exactly: "-12.50" is mantissa -1250, scale 2; exponents too. -EINVAL: no number; -ERANGE: beyond
 * 18 digits. */
int fl_decimal_parse(const char *text, size_t length, int64_t *mantissa, int *scale);
/** Nearest double of a JSON-like number. -EINVAL, -ERANGE. Independent of the locale. */
int fl_real_parse(const char *text, size_t length, double *out);
/** The shortest text that reads back the same; "null" for NaN and infinities. Returns its length (<
 * 32). */
int fl_real_print(char out[32], double value);

/* ---- time_text.c ---- */

/** RFC 3339 / ISO 8601 with Z or offset, up to nanoseconds: "2026-11-21T08:00:00.123456Z". -EINVAL.
 */
int fl_time_parse(const char *text, size_t length, int64_t *out_ns);
/** "2026-11-21T08:00:00.123456Z": `digits` of the second's fraction, 0 to 9. Returns the length. */
int fl_time_print(char out[40], int64_t ns, int digits);
/** Days since 1970 of a civil date, and back. */
int64_t fl_days_from_civil(int year, int month, int day);
void fl_civil_from_days(int64_t days, int *year, int *month, int *day);

/* ---- text.c ---- */

bool fl_utf8_valid(const char *text, size_t length);

/* ---- black76.c, implied_volatility.c (Black 1976; units as record.h) ---- */

struct fl_black76 {
	double price;              /* in the forward's currency, undiscounted when rate is 0 */
	double delta, gamma, vega; /* vega per 0.01 of iv */
	double theta, rho;         /* per calendar day; per 0.01 of rate */
};

/** Forward price, strike, iv as a fraction, years to expiry (365 days), rate as a fraction. */
void fl_black76(bool is_call, double forward, double strike, double iv, double years, double rate,
	struct fl_black76 *out);
/** The theta Deribit publishes: the lesser of a day's decay and what is left, capped by the
 * option's value. */
double fl_theta_deribit(const struct fl_black76 *greeks, double days_to_expiry);
/** iv of a price; NaN when no iv gives it. Converges to 1e-12 relative. */
double fl_implied_volatility(
	bool is_call, double price, double forward, double strike, double years, double rate);

/* ---- rate.c: token bucket, given the time ---- */

struct fl_rate {
	double capacity, per_second; /* set once */
	double level;                /* starts at capacity */
	int64_t at_ns;
};
void fl_rate_init(struct fl_rate *rate, double capacity, double per_second, int64_t now_ns);
/** Takes `cost` and returns 0, or takes nothing and returns how many ns to wait. */
int64_t fl_rate_take(struct fl_rate *rate, double cost, int64_t now_ns);

/* ---- silence.c: the expected gap of an instrument, learned from its traffic ---- */

struct fl_silence {
	int64_t last_ns; /* 0: never heard, or what was silent since is no gap of its own */
	float mean_gap_s, longest_gap_s; /* decayed */
	uint32_t count;
};
void fl_silence_heard(struct fl_silence *silence, int64_t now_ns);
/** How long it may be silent before that is odd: never under `floor_ns`; INT64_MAX: not enough is
 * known. */
int64_t fl_silence_limit_ns(const struct fl_silence *silence, int64_t floor_ns);

/* ---- placement.c: instruments on connections, with the fewest moves ---- */

struct fl_placement_limits {
	int max_channels;    /* per connection */
	int max_instruments; /* per connection */
	int max_connections;
	int channels_each;     /* channels of one instrument */
	int reserved_channels; /* on connection `reserved_on`, for channels by kind */
	int reserved_on;
	uint32_t closed; /* bits: connections that may carry nothing, as they are down for long */
};
/**
 * Places instruments: sizes within one of each other where that costs no move, otherwise within 10
 * %.
 *
 * @param place   in: connection of each instrument (0-based), -1: none yet; out: where it belongs,
 * -1: no room (max_connections)
 * @param count   instruments
 * @param scratch `max_connections` ints
 * @return connections used, or -EINVAL
 */
int fl_place(const struct fl_placement_limits *limits, int *place, size_t count, int *scratch);

#endif
