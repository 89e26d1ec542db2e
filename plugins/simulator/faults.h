/*
 * faults.h: what goes wrong at this venue when it is asked to, or by chance with a seed.
 *
 * The ledger stays the truth: what was not sent is not in it; what was sent spoilt is of kind
 * "malformed" and holds nothing, a second copy is a "repeat". The table `faults` says what was
 * done.
 */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

#include "simulator.h"
#include "stream_emit.h"

/** One fault, as it is asked for. 0 and "" take the fault's own default. */
struct fault_order {
	char fault[24];
	struct session *session; /* NULL: of the venue, or whose message is next */
	int64_t count, ns, status, bytes, ms, retry_after;
	bool answers;        /* stall: requests are answered all the same */
	char kind[8];        /* of messages: "quote", "ticker", "trade", "book", "index" */
	char instrument[48]; /* "": drawn */
	char heals[16];      /* mute: "resubscribe", "reconnect", "never" */
};

/** Befalls what: a connection, or the whole venue. */
enum fault_scope { FAULT_OF_SESSION, FAULT_OF_MESSAGES, FAULT_OF_VENUE };

struct fault {
	const char *name;
	enum fault_scope scope;
	/** 0, or a negative errno: -ENOENT no such instrument, -EBUSY not now. */
	int (*apply)(struct simulator *sim, const struct fault *fault, const struct fault_order *order);
	int detail; /* a message_fault, a rest_fault, a status, a mute */
	int64_t count, ns;
	int weight; /* of chance; 0: only when asked for */
	const char *kind;
	const char *help;
};

extern const struct fault faults_table[];
const struct fault *faults_find(const char *name);
/** Does it, notes it. As fault.apply. */
int faults_apply(struct simulator *sim, const struct fault *fault, const struct fault_order *order);
/** Whose turn it is; NULL: nobody is connected. */
struct session *faults_next_session(struct simulator *sim);
void faults_schedule(struct simulator *sim, int64_t seed, int64_t every_ns);

int faults_init(struct simulator *sim);
void faults_finish(struct simulator *sim);
/** Takes in what the universe has from number `from` on. 0 or -ENOMEM. */
int faults_grow(struct simulator *sim, uint32_t from);
void faults_on_timer(struct simulator *sim);
/** (Re)arms that timer for what is due next. */
void faults_arm(struct simulator *sim);
/** A session ends. */
void faults_forget(struct session *session);

/* ---- faults_stream.c ---- */

static inline bool faults_are_on(const struct simulator *sim, const struct session *session)
{
	return session->faults.is_any || sim->faults.is_any;
}
/** Sends a message, or what becomes of it. Returns how many went out. */
int faults_send(struct simulator *sim, struct session *session,
	const struct stream_message *message, const struct content *content);
/** What was kept back goes out now. */
void faults_release_kept(struct simulator *sim);
/** Of one session; INT64_MIN: whatever its time. False: the session is over. */
bool faults_release(struct simulator *sim, struct session *session, int64_t now_ns);
int64_t faults_kept_due_ns(const struct session *session);

/* ---- what others ask on their way ---- */

bool faults_is_slow_by_wish(const struct simulator *sim, const struct session *session);
static inline bool faults_hold_answers(const struct session *session)
{
	return session->faults.frozen_until_ns != 0 ||
		(session->faults.stalled_until_ns != 0 && session->faults.is_dumb);
}
bool faults_in_maintenance(const struct simulator *sim);
bool faults_swallow_answer(struct simulator *sim);
bool faults_ignore_channel(struct simulator *sim);
/** An HTTP status to refuse a client with, 0: let it in. */
int faults_on_accept(struct simulator *sim);
/** True: it is answered. */
bool faults_on_rest(struct simulator *sim, int exchange);
size_t faults_rest_length(struct simulator *sim, size_t length);
/** Whether a fault keeps an instrument from saying this. */
enum sent_of { SENT_OF_BOOK, SENT_OF_TICKER, SENT_OF_TRADES };
bool faults_keep_quiet(const struct simulator *sim, uint32_t instrument, enum sent_of of);
/** Whether a fresh subscription gets no first message; it may also end the mute. */
bool faults_mute_snapshot(
	struct simulator *sim, const struct session *session, uint32_t instrument);

/* ---- faults_control.c ---- */

void faults_on_list(struct simulator *sim, int exchange, const struct fl_http_request *request);
void faults_on_order(struct simulator *sim, int exchange, const struct fl_http_request *request);
void faults_on_schedule(struct simulator *sim, int exchange, const struct fl_http_request *request);

#endif
