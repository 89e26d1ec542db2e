/*
 * deribit.h: what the files of this plugin share: its options and its state.
 *
 *   deribit.c            options, callbacks, descriptor
 *   deribit_session.c    one connection: heartbeat, login, replies; timers
 *   deribit_universe.c   what the venue lists, and on which connection each instrument lies
 *   deribit_subscribe.c  channels wanted against channels acknowledged
 *   deribit_stream.c     a decoded message becomes records
 *   deribit_trades.c     trade_seq continuity; deribit_refill.c asks for what was missed
 *   deribit_quiet.c      channels that say nothing although their connection lives
 *   deribit_command.c, deribit_health.c, deribit_snapshot.c, deribit_probe.c
 *   pure: deribit_decode.c, deribit_channel.c, deribit_book.c
 */
#ifndef DERIBIT_H
#define DERIBIT_H

#include "deribit_book.h"
#include "deribit_channel.h"
#include "deribit_decode.h"
#include <feedloom/kit.h>
#include <feedloom/plugin.h>

enum {
	LINKS_MAX = 30,    /* the venue allows 32 connections an address, HTTP included */
	TEMPLATES_MAX = 4, /* by instrument: ticker, quote, book, perpetual */
	PAIRS_MAX = 60,    /* of currency and kind */
	GROUPS_MAX = 192,  /* channels that are not an instrument's */
	CALLS_MAX = 128,   /* requests without an answer yet, over all connections */
	WAITERS_MAX = 16,  /* commands that wait for acknowledgements */
	SEQ_SLOTS = 4,     /* refills by trade_seq at the same time */
	PAIR_NONE = 255
};

/* A reload finds what is open by these numbers: never renumber. Connections are 1 to LINKS_MAX. */
enum { TIMER_PACE = 1, TIMER_TICK = 2, TIMER_REFRESH = 3 };
enum {
	REQUEST_LIST = 100,  /* + pair */
	REQUEST_SWEEP = 300, /* + group */
	REQUEST_SEQ = 500,   /* + slot */
	REQUEST_PROBE = 600  /* + step */
};

struct deribit_tls {
	const char *ca_file;
	bool verify;
};

struct deribit_options {
	const char *url, *rest_url;
	struct fl_names currencies, kinds, channels;
	const char *api_key, *api_secret;
	int64_t max_channels, max_instruments, max_connections;
	int64_t heartbeat_interval_ns, refresh_interval_ns, failover_after_ns;
	int64_t dial_timeout_ns, idle_timeout_ns, request_timeout_ns;
	struct deribit_tls tls;
};

enum {
	ITEM_LISTED = 1,    /* the venue lists it as tradable */
	ITEM_PINNED = 2,    /* followed by command, also when it is not listed by our kinds */
	ITEM_EXCLUDED = 4,  /* not followed, by command */
	ITEM_EXPIRED = 8,   /* its expiry has passed while we watched */
	ITEM_KNOWN = 16,    /* .record is filled in */
	ITEM_MANUAL = 32,   /* excluded by hand: nobody but a hand takes that back */
	ITEM_HIDDEN = 64,   /* rehearsed: as if the venue did not list it */
	ITEM_RENEWING = 128 /* subscribed anew, because it is mute */
};

/* Live trades that wait until what is missing before them has been fetched. */
struct deribit_hold {
	uint32_t item;
	int64_t until;      /* the highest trade_seq seen: all up to it must come */
	int64_t first_seq;  /* missing from here ... */
	int64_t missing_to; /* ... to here when it began */
	int64_t started_ns; /* event time of the trade before the hole */
	int64_t retry_at_ns;
	uint32_t refilled;
	uint8_t attempts; /* answered without progress */
	uint8_t failures; /* not answered */
	int8_t slot;      /* of the request in flight, -1 */
	bool complained;
	char failure[64]; /* why it was not answered last, "": it always was */
	size_t count, capacity;
	struct fl_trade *trades; /* by trade_seq */
};

/* An instrument that is listed, followed or was heard of. */
struct deribit_item {
	const char *name; /* core's, lives as long as the process */
	uint32_t id;
	int16_t place; /* connection (0-based) its channels are on, -1: none */
	int16_t goal;  /* connection they belong on */
	/* Bits by template. At most one call is under way for an item. */
	uint8_t asked, acked, leaving, renew;
	uint8_t flags, pair, misses;
	uint8_t name_length;
	uint32_t underlying_id; /* that its last ticker named, 0: none */
	uint32_t underlying_length;
	const char *underlying_name; /* core's */
	/* Up to its expiry: all that most messages touch, in two lines of the cache. */
	struct fl_instrument record;
	uint32_t generation; /* of the listing that last had it */
	int64_t call;        /* id of the call under way, 0: none */
	int64_t retry_at_ns;
	int64_t last_seq; /* trade_seq of the last trade published, -1: none known */
	int64_t last_trade_ns;
	int64_t known_ns;           /* listed since (monotonic), 0: for long */
	int64_t rehearsed_ns;       /* expiry that stands in for the venue's, 0: none */
	struct deribit_hold *hold;  /* NULL: nothing is missing */
	struct deribit_chain chain; /* of its book */
};

/* A channel by kind and currency or by index. All are on one connection, `group_link`. */
struct deribit_group {
	char channel[96];
	enum deribit_what what;
	bool is_notice; /* instrument.state and .creation: counted nowhere, not missed when refused */
	bool asked, acked, leaving;
	uint8_t pair, misses;
	int64_t call, retry_at_ns;
	/* Trades: the sweep by time after a (re)connect. */
	int64_t newest_ns;   /* event time of the newest trade published */
	int64_t since_ns;    /* followed since (venue's time), 0: not yet */
	int64_t sweep_at_ns; /* where the sweep is, 0: none under way */
	int64_t sweep_from_ns, sweep_to_ns, sweep_retry_ns;
	uint32_t sweep_count;
	uint8_t sweep_failures;
	bool sweep_in_flight;
	/* Silence, see deribit_quiet.c; monotonic times. */
	struct fl_silence silence;
	int64_t asked_ns;   /* the venue was asked because of it, 0: never */
	int64_t suspect_ns; /* and had trades that the channel has not brought since then, 0: no */
	bool is_questioned; /* the sweep that is under way is for that */
	bool renew;         /* to be left and subscribed anew */
	uint8_t renewals;   /* since it was heard last */
};

enum deribit_login { LOGIN_NONE, LOGIN_ASKED, LOGIN_DONE, LOGIN_REFUSED };

struct deribit_link {
	bool is_open, is_up, was_down;
	bool is_ready; /* logged in as far as needed: may subscribe */
	bool is_heartbeat_refused;
	uint8_t login; /* enum deribit_login */
	uint8_t timeouts;
	enum fl_reason reason;                      /* it went down for */
	int64_t down_since_ns;                      /* 0: up, or closed */
	int64_t login_retry_ns, heartbeat_retry_ns; /* 0: nothing to be asked again */
	int64_t heard_ns;                           /* any message */
	int instruments, channels;                  /* acknowledged */
};

enum deribit_call_what { CALL_SUBSCRIBE = 1, CALL_UNSUBSCRIBE, CALL_LOGIN, CALL_HEARTBEAT };

struct deribit_call {
	int64_t id; /* 0: free */
	int64_t deadline_ns;
	uint8_t what, link;
};

/* A command that is answered when the venue has acknowledged. */
struct deribit_waiter {
	int command; /* 0: free */
	bool is_subscribe, is_pinning;
	int64_t deadline_ns;
	uint32_t *items; /* owned */
	size_t count;
	yyjson_mut_doc *answer; /* owned: what was rejected so far */
};

struct deribit {
	struct fl_ctx *ctx;                    /* borrowed; outlives us */
	const struct deribit_options *options; /* borrowed */
	char rest_url[256];
	struct fl_endpoint endpoint;
	int64_t request_id; /* of the last request sent */
	bool is_running, is_restored, is_probing, is_pumping, is_filling;

	struct deribit_template templates[TEMPLATES_MAX]; /* by instrument */
	int template_count;
	struct deribit_template trades, index, markprice;
	bool has_trades, has_index, has_markprice, has_raw;
	uint8_t book_bit, perpetual_bit;

	struct deribit_item *items;
	size_t item_count, item_capacity;
	uint32_t *index_of; /* by instrument id: index + 1 */
	size_t index_capacity;
	struct deribit_group groups[GROUPS_MAX];
	size_t group_count;
	int16_t pair_group[PAIRS_MAX]; /* the trades' group of a pair, -1 */

	struct deribit_link links[LINKS_MAX];
	int link_count;
	struct deribit_call calls[CALLS_MAX];
	struct deribit_waiter waiters[WAITERS_MAX];
	int refresh_waiters[WAITERS_MAX]; /* commands that wait for a listing's end, 0: free */

	/* Listing */
	uint32_t generation;
	uint64_t list_waiting, list_in_flight, list_failed; /* bits by pair */
	uint8_t list_attempts[PAIRS_MAX];
	int64_t list_retry_ns[PAIRS_MAX];
	int64_t list_started_ns, list_again_ns; /* again: a refresh is due then, 0: none */
	uint64_t list_pairs, list_again_pairs;  /* bits: of this refresh; of the one that is due */
	int64_t refresh_at_ns;
	uint32_t refresh_number;
	uint32_t list_new[PAIRS_MAX], list_gone[PAIRS_MAX]; /* of this refresh, for its log line */
	uint32_t list_held[PAIRS_MAX];   /* gone without an expiry, kept until it is confirmed */
	int64_t list_held_ns[PAIRS_MAX]; /* since, 0: nothing is held */
	uint32_t filled[PAIRS_MAX];      /* instruments published, by `feedloom backfill` */
	double max_drop;                 /* the part that may go unexplained at once */
	bool is_listed;                  /* one listing has come through */
	char list_error[512];

	struct deribit_hold **holds;
	size_t hold_count, hold_capacity;
	size_t held_trades;
	uint32_t slot_item[SEQ_SLOTS]; /* index + 1 */

	struct fl_rate subscribe_rate, call_rate, list_rate;
	int64_t doubt_ns; /* real time of a message that could not be read; 0: none since */
	int64_t looked_ns, replaced_ns; /* for silent channels; monotonic, 0: never */
	int64_t doubt_again_ns;         /* when trades may be asked for on its account again */
	int64_t pace_at_ns;             /* when TIMER_PACE is due, 0: not running */
	uint32_t ticks;
	int probe_step;

	size_t deferred;       /* followed instruments without room on any connection */
	bool is_uneven;        /* more are to move to other connections */
	int group_link;        /* carries the groups: the first, unless that fails */
	uint32_t failed_links; /* bits: down for so long that others carry what was theirs */

	enum fl_health health;
	char health_reason[640];
	bool is_subscribing;            /* too much was missing, and the rest is still under way */
	struct deribit_decoder decoder; /* of messages */
	struct deribit_decoder response_decoder; /* of answers over HTTP */
	struct deribit_batch batch;
	struct fl_metric *parse_errors, *subscriptions, *refused, *refills, *repeats, *renewed;
};

static inline bool deribit_has_credentials(const struct deribit_options *options)
{
	return options->api_key != NULL && options->api_key[0] != '\0' && options->api_secret != NULL &&
		options->api_secret[0] != '\0';
}

static inline int64_t deribit_now(const struct deribit *self)
{
	return fl_monotonic_ns(self->ctx);
}

static inline size_t deribit_pairs(const struct deribit *self)
{
	return self->options->currencies.count * self->options->kinds.count;
}
static inline const char *deribit_pair_currency(const struct deribit *self, size_t pair)
{
	return self->options->currencies.items[pair / self->options->kinds.count];
}
static inline const char *deribit_pair_kind(const struct deribit *self, size_t pair)
{
	return self->options->kinds.items[pair % self->options->kinds.count];
}

#endif
