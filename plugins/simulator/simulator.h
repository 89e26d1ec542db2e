/*
 * simulator.h: what the files of the simulator share: its options, its state, and who does what.
 *
 *   simulator.c            options, callbacks, descriptor
 *   control.c              /sim/...: what tests ask of it
 *   stream.c               when which event happens, at the asked rate
 *   stream_emit.c          an event to its subscribers and into the ledger
 *   calendar.c             expiries, what is listed after them, strikes in between
 *   replay.c               captured messages as the stream, captured instruments as the universe
 *   venue_deribit.c        JSON-RPC: envelope, errors, methods
 *   venue_deribit_market.c the public methods that ask for market data
 *   venue_deribit_rest.c   the same methods over HTTP
 *   venue_deribit_ws.c     sessions: subscriptions, heartbeats, credits
 *   faults.c               what goes wrong when it is asked to, and by a seed
 *   faults_stream.c        messages lost, spoilt, repeated, out of order
 *   faults_control.c       /sim/fault, /sim/faults
 *   ledger.c               what was sent
 *   handover.c, handover_market.c   everything, over a reload
 *   market.c, market_trade.c, surface.c, universe.c, channels.c, ...   pure
 */
#ifndef SIMULATOR_H
#define SIMULATOR_H

#include <feedloom/kit.h>
#include <feedloom/plugin.h>
#include <yyjson.h>

#include "channels.h"
#include "faults_state.h"
#include "ledger.h"
#include "market.h"
#include "text.h"

/* A reload finds them by number: never renumber. */
enum { LISTENER_VENUE = 1 };
enum { TIMER_TICK = 1, TIMER_SESSIONS, TIMER_REPLAY, TIMER_FAULTS };

enum credit_scope { CREDITS_PER_IP, CREDITS_PER_CONNECTION, CREDITS_OFF };

struct options {
	const char *listen, *cert_file, *key_file;
	const char *secret, *ledger;
	int64_t ledger_flush_ns;
	int64_t seed, btc_options, eth_options, futures;
	int64_t message_rate, trade_share, quote_share, ticker_share, book_share;
	int64_t index_interval_ns;
	int64_t trade_history, max_connections, max_channels;
	int64_t idle_timeout_ns, slow_limit_bytes;
	int credits; /* enum credit_scope */
	int64_t unlisted, strikes_every_ns;
	int64_t expiry_hour;
	bool calendar;
	struct {
		int64_t seed, every_ns;
	} faults;
};

/** The venue's credit pools. */
struct credits {
	struct fl_rate general, instruments, subscribe;
};

struct credit_pool {
	char host[64]; /* "": free */
	struct credits credits;
	int64_t used_ns;
};
enum { CREDIT_POOLS = 32 };

/** One WebSocket client. */
struct session {
	int conn;   /* 0: free */
	int64_t id; /* as the ledger and /sim/ name it */
	char peer[64], host[64];
	bool is_authenticated;
	int channel_count;
	int64_t opened_ns;      /* real time */
	int64_t heard_ns;       /* monotonic, like all below */
	int64_t heartbeat_ns;   /* interval; 0: off */
	int64_t next_test_ns;   /* when the next test_request is due */
	int64_t unanswered_ns;  /* when the one that waits for an answer was sent; 0: none waits */
	bool is_idle;           /* nothing was sent since the last test_request */
	int64_t message_count;  /* stream messages */
	struct credits credits; /* with CREDITS_PER_CONNECTION */
	struct session_faults faults;
};

/** Instruments whose turn it may be for one kind of message. */
struct lane {
	uint32_t *members;
	uint32_t count, cursor, stride;
};
enum { LANE_QUOTE, LANE_TICKER, LANE_BOOK, LANE_COUNT };
enum { EMITTED_QUOTE, EMITTED_TICKER, EMITTED_COUNT };

struct stream {
	int64_t rate; /* messages a second */
	bool is_quiesced;
	double budget, trade_budget;
	int64_t ticked_ns, index_ns;
	struct lane lanes[LANE_COUNT];
	uint32_t lanes_as_of;                 /* channels.changes when they were built */
	int64_t (*emitted_ms)[EMITTED_COUNT]; /* of each instrument: quote, ticker */
	uint64_t sent_count, sent_bytes, skipped_ticks, slow_count, event_count;
};

struct replay_line {
	size_t offset, length;
	uint32_t channel; /* wide channel, or with `is_own` an instrument's slot */
	uint8_t slot;
	bool is_own;
};

struct replay {
	yyjson_doc *instruments[8]; /* real get_instruments responses */
	int instruments_count;
	struct text body;
	struct replay_line *lines;
	size_t line_count, next;
	bool is_playing, is_to_all;
	double per_second; /* 0: as fast as possible */
	double budget;
	int64_t played_ns;
	uint64_t ignored_count, sent_count, unsubscribed_count;
};

/** When the calendar has something to do next; times are the market's. */
struct calendar {
	int64_t roll_ms, strike_ms; /* the next expiry; the next strike in between */
	int64_t settled_ms;         /* last settlement quotes */
	int64_t waiting_ms;         /* the earliest that waits to be listed, 0: none */
};

enum { MAX_WAITING = 16 };

struct simulator {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	struct market market;
	struct channels channels;
	struct session sessions[MAX_SESSIONS];
	struct credit_pool pools[CREDIT_POOLS];
	struct stream stream;
	struct replay replay;
	struct ledger ledger;
	struct faults faults;
	struct calendar calendar;
	struct text message;   /* stream messages are put together here, */
	struct text reply;     /* replies here */
	struct channel *fresh; /* subscribed by the request at hand: their snapshots follow the reply */
	uint32_t fresh_count, fresh_capacity;
	int quiescing[MAX_WAITING]; /* exchanges that wait for the ledger; 0: free */
	bool is_stopping;
	bool is_restored;  /* by a reload, until its start */
	int64_t listed_ns; /* the time as of which the universe was listed */
};

/** The venue's clock, which can be wrong. */
static inline int64_t venue_now_ns(const struct simulator *sim)
{
	return fl_now_ns(sim->ctx) + sim->faults.skew_ns;
}

/* ---- simulator.c ---- */

/** Lists the universe as it stood at `at_ns`, and forgets what there was. */
int simulator_list(struct simulator *sim, int64_t at_ns);

/* ---- stream.c ---- */

int stream_init(struct simulator *sim);
void stream_finish(struct simulator *sim);
/** (Re)starts the tick at `rate` messages a second. */
void stream_set_rate(struct simulator *sim, int64_t rate);
void stream_tick(struct simulator *sim);
/** The tick goes on as it was. */
void stream_resume(struct simulator *sim);
/** Works out anew who is subscribed to what. */
void stream_build_lanes(struct simulator *sim);

/** Takes in what the universe has from number `from` on. 0 or -ENOMEM. */
int stream_grow(struct simulator *sim, uint32_t from);

/* ---- calendar.c ---- */

/** Begins it, and enters in the ledger what is listed; without the option only that. */
void calendar_start(struct simulator *sim);
/** What is due: expiries, listings, settlement quotes. */
void calendar_tick(struct simulator *sim);
/** Tells who asked of an instrument's state: "created", "closed". */
void calendar_tell(struct simulator *sim, uint32_t number, const char *state);

/* ---- stream_emit.c ---- */

/** What venues still send of an expired instrument: a quote of nothing. */
void stream_emit_settlement(struct simulator *sim, uint32_t number);

/* An event of an instrument: made, sent, entered in the ledger. Each returns how many messages went
 * out. */
int stream_emit_ticker(struct simulator *sim, uint32_t number);
/** The book moves, and the quote with it when that is its top. */
int stream_emit_book(struct simulator *sim, uint32_t number);
int stream_emit_trades(struct simulator *sim, uint32_t number);
void stream_emit_index_prices(struct simulator *sim);
/** First messages of freshly subscribed channels. */
void stream_send_snapshots(struct simulator *sim, struct session *session);
/**
 * Sends one finished message to each session in `mask` and enters it in the ledger under `kind`.
 * Returns how many got it.
 */
int stream_send_raw(
	struct simulator *sim, uint64_t mask, const char *channel, const char *data, size_t length);

/** Sends a notification that holds nothing to store (`data` is JSON) to who subscribes to
 * `channel`. */
void stream_send_notice(struct simulator *sim, const char *channel, const char *data);

/* ---- venue_deribit_ws.c ---- */

int session_accept(struct simulator *sim, int conn, const struct fl_http_request *request);
struct session *session_find(struct simulator *sim, int conn);
static inline int session_number(const struct simulator *sim, const struct session *session)
{
	return (int)(session - sim->sessions);
}
void session_on_message(
	struct simulator *sim, struct session *session, const struct fl_message *message);
/** Forgets it: it is over, or about to be ended by the caller. */
void session_forget(struct simulator *sim, struct session *session, const char *reason);
/** Ends it without a close frame. */
void session_abort(struct simulator *sim, struct session *session, const char *reason);
void session_close(struct simulator *sim, struct session *session, int code, const char *reason);
/** Asks whether the client lives. */
void session_send_test(struct simulator *sim, struct session *session, int64_t now_ns);
/** Heartbeats, and what is overdue. */
void sessions_on_timer(struct simulator *sim);
/** (Re)arms that timer for what is due next. */
void sessions_arm(struct simulator *sim);
/** Full pools. */
void credits_init(struct credits *credits, int64_t now_ns);
/** Takes `cost` from the right pool: false when it is empty. */
enum credit_kind { CREDIT_GENERAL, CREDIT_INSTRUMENTS, CREDIT_SUBSCRIBE };
bool credits_take(
	struct simulator *sim, struct session *session, const char *host, enum credit_kind kind);
/** "127.0.0.1" of "127.0.0.1:50312". */
void host_of_peer(const char *peer, char *out, size_t size);

/* ---- venue_deribit_rest.c ---- */

void rest_on_request(struct simulator *sim, int exchange, const struct fl_http_request *request);

/* ---- control.c ---- */

void control_on_request(struct simulator *sim, int exchange, const struct fl_http_request *request);
/** Answers /sim/quiesce when there is nothing left to write. */
void control_check_quiesced(struct simulator *sim);
void control_answer_count(struct simulator *sim, int exchange, const char *opening, uint64_t count);
void control_status(struct simulator *sim, struct text *out);

/* ---- replay.c ---- */

void replay_finish(struct replay *replay);
/** Takes over a get_instruments response. 0, -EINVAL: it is none, -ENOSPC, -ENOMEM. */
int replay_add_instruments(struct simulator *sim, const char *body, size_t length);
void replay_clear_instruments(struct simulator *sim);
/** Takes over lines of messages. 0 or -ENOMEM, -EINVAL: not a message in it. */
int replay_load(struct simulator *sim, const char *body, size_t length);
void replay_play(struct simulator *sim, double per_second, bool to_all);
void replay_on_timer(struct simulator *sim);

#endif
