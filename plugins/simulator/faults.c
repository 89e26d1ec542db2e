/* faults.c: which faults there are, what each does, and when by chance. */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venue_deribit.h"

#define OVERSIZE_BYTES (INT64_C(17) << 20) /* over what clients take */

/* From MUTE_FOR_TIME on the clock ends it. */
enum mute { MUTE_NOT, MUTE_TO_SUBSCRIPTION, MUTE_TO_CONNECTION, MUTE_FOR_TIME, STILL_FOR_TIME };

static int64_t until(const struct simulator *sim, const struct fault_order *order)
{
	return fl_monotonic_ns(sim->ctx) + order->ns;
}

/* ---- of a connection ---- */

static int do_drop(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	session_abort(sim, order->session, fault->name);
	return 0;
}

static int do_close(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	session_close(sim, order->session, order->status > 0 ? (int)order->status : fault->detail,
		"something is wrong");
	return 0;
}

static int do_stall(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	(void)fault;
	order->session->faults.stalled_until_ns = until(sim, order);
	order->session->faults.is_dumb = !order->answers;
	order->session->faults.is_any = true;
	sessions_arm(sim);
	return 0;
}

static int do_freeze(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	int error = fl_freeze(sim->ctx, order->session->conn, true);

	(void)fault;
	if (error < 0)
		return error;
	order->session->faults.frozen_until_ns = until(sim, order);
	order->session->faults.is_any = true;
	sessions_arm(sim);
	return 0;
}

static int do_drip(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	size_t bytes = order->bytes > 0 ? (size_t)order->bytes : 1;
	int64_t every_ns = order->ms > 0 ? order->ms * FL_MS : FL_MS;

	(void)fault;
	order->session->faults.dripping_until_ns = until(sim, order);
	return fl_drip(sim->ctx, order->session->conn, bytes, every_ns);
}

static int do_heartbeat_late(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	(void)fault;
	if (order->session->heartbeat_ns == 0)
		return -EBUSY;
	order->session->next_test_ns += order->ns;
	sessions_arm(sim);
	return 0;
}

static int do_heartbeat_storm(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	int64_t id = order->session->id;

	(void)fault;
	for (int64_t i = 0; i < order->count && order->session->id == id; i++)
		session_send_test(sim, order->session, fl_monotonic_ns(sim->ctx));
	sessions_arm(sim);
	return 0;
}

static int do_too_many_requests(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	struct rpc_error error = { .code = RPC_TOO_MANY_REQUESTS, .message = "too_many_requests" };
	int64_t id = order->session->id;

	(void)fault;
	session_refuse(sim, order->session, NULL, &error, fl_now_ns(sim->ctx));
	if (order->session->id == id)
		session_close(sim, order->session, 1008, "too_many_requests");
	return 0;
}

static int do_oversize(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	static const char opening[] = "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":"
								  "{\"channel\":\"oversize\",\"data\":\"";
	struct content content = {
		.kind = "malformed", .event_ms = sim->market.now_ms, .is_empty = true
	};
	size_t length = (size_t)(order->bytes > 0 ? order->bytes : OVERSIZE_BYTES);
	struct stream_message message = {
		.length = length, .channel = "oversize", .channel_length = 8
	};
	char *data;

	(void)fault;
	if (fl_send_queued(sim->ctx, order->session->conn) > 0)
		return -EBUSY; /* behind something else it would not be taken */
	if (length < sizeof(opening) + 3)
		return -EINVAL;
	data = malloc(length);
	if (data == NULL)
		return -ENOMEM;
	memset(data, 'a', length);
	memcpy(data, opening, sizeof(opening) - 1);
	memcpy(data + length - 3, "\"}}", 3);
	message.data = data;
	order->session->faults.slow_until_ns = fl_monotonic_ns(sim->ctx) + 10 * FL_SECOND;
	stream_hand_over(sim, order->session, &message, &content, 0);
	free(data);
	return 0;
}

/* ---- of messages ---- */

static int do_message(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	struct message_faults *faults =
		order->session != NULL ? &order->session->faults.messages : &sim->faults.messages;

	faults->left[fault->detail] += order->count;
	snprintf(faults->kind[fault->detail], sizeof(faults->kind[0]), "%s",
		order->kind[0] != '\0'    ? order->kind
			: fault->kind != NULL ? fault->kind
								  : "");
	if (fault->detail == MESSAGE_PIECES)
		sim->faults.piece_bytes = order->bytes > 0 ? order->bytes : 1;
	if (order->session != NULL)
		order->session->faults.is_any = true;
	else
		sim->faults.is_any = true;
	return 0;
}

/* ---- of the venue ---- */

static int do_connect(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	sim->faults.connect_status = order->status > 0 ? (int)order->status : fault->detail;
	sim->faults.connect_left = order->count;
	sim->faults.connect_until_ns = order->ns > 0 ? until(sim, order) : 0;
	return 0;
}

static void end_all(struct simulator *sim, int code, const char *reason)
{
	for (int i = 0; i < MAX_SESSIONS; i++) {
		struct session *session = &sim->sessions[i];

		if (session->conn == 0)
			continue;
		if (code == 0)
			session_abort(sim, session, reason);
		else
			session_close(sim, session, code, reason);
	}
}

/* Everybody is cut off and nobody let in, while trades go on. */
static int do_away(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	end_all(sim, 0, "away");
	return do_connect(sim, fault, order);
}

static int do_rest(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	sim->faults.rest = (enum rest_fault)fault->detail;
	sim->faults.rest_status = order->status > 0 ? (int)order->status : 503;
	sim->faults.rest_retry_after = order->retry_after;
	if (strcmp(fault->name, "rest_redirect") == 0)
		sim->faults.rest_status = 302;
	sim->faults.rest_left = order->count;
	return 0;
}

static int do_ignore_channels(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	(void)fault;
	sim->faults.ignored_channels = order->count;
	return 0;
}

static int do_swallow_answers(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	(void)fault;
	sim->faults.swallowed_answers = order->count;
	return 0;
}

static int do_maintenance(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	(void)fault;
	sim->faults.maintenance_until_ns = until(sim, order);
	stream_send_notice(sim, "platform_state", "{\"maintenance\":true,\"locked\":true}");
	end_all(sim, 1012, "maintenance");
	return 0;
}

static int do_list(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	uint32_t number = market_list_next(&sim->market);

	(void)fault;
	(void)order;
	if (number == UINT32_MAX)
		return -ENOENT;
	calendar_tell(sim, number, "created");
	return 0;
}

/* The one named, or any open option. */
static int find_instrument(struct simulator *sim, const struct fault_order *order, uint32_t *out)
{
	const struct universe *universe = &sim->market.universe;
	int64_t number =
		names_find(&sim->channels.instruments, order->instrument, strlen(order->instrument));

	for (int tries = 0; order->instrument[0] == '\0' && number < 0 && tries < 256; tries++) {
		uint32_t drawn = universe->count > 0 ? rng_below(&sim->faults.rng, universe->count) : 0;

		if (universe->count > 0 && universe->instruments[drawn].kind == FL_KIND_OPTION &&
			market_is_open(&sim->market, drawn))
			number = drawn;
	}
	if (number < 0 || !market_is_open(&sim->market, (uint32_t)number))
		return -ENOENT;
	*out = (uint32_t)number;
	return 0;
}

static int do_expire(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	uint32_t number;

	(void)fault;
	if (find_instrument(sim, order, &number) < 0)
		return -ENOENT;
	market_expire(&sim->market, number);
	calendar_tell(sim, number, "closed");
	return 0;
}

static int do_clock(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	(void)fault;
	sim->faults.skew_ns = order->ms * FL_MS;
	return 0;
}

static enum mute how_mute(const struct fault *fault, const struct fault_order *order)
{
	if (fault->detail == MUTE_TO_SUBSCRIPTION && strcmp(order->heals, "reconnect") == 0)
		return MUTE_TO_CONNECTION;
	if (fault->detail == MUTE_TO_SUBSCRIPTION && strcmp(order->heals, "never") == 0)
		return MUTE_FOR_TIME;
	return (enum mute)fault->detail;
}

static int do_mute(
	struct simulator *sim, const struct fault *fault, const struct fault_order *order)
{
	enum mute how = how_mute(fault, order);
	uint32_t number;

	if (find_instrument(sim, order, &number) < 0)
		return -ENOENT;
	sim->faults.muted_ns = fl_monotonic_ns(sim->ctx);
	sim->faults.muted[number] = (uint8_t)how;
	if (how >= MUTE_FOR_TIME)
		sim->faults.muted_until_ns = until(sim, order);
	return 0;
}

/* ---- the table ---- */

/* clang-format off */
const struct fault faults_table[] = {
	{ "drop", FAULT_OF_SESSION, do_drop, 0, 0, 0, 4, NULL, "cut, without a close frame" },
	{ "close", FAULT_OF_SESSION, do_close, 1001, 0, 0, 2, NULL, "in order; status: the close code" },
	{ "heartbeat_close", FAULT_OF_SESSION, do_close, 4000, 0, 0, 1, NULL, "as if a test_request had not been answered" },
	{ "too_many_requests", FAULT_OF_SESSION, do_too_many_requests, 0, 0, 0, 1, NULL, "10028, then closed" },
	{ "stall", FAULT_OF_SESSION, do_stall, 0, 0, 5 * FL_SECOND, 1, NULL, "nothing is streamed for `seconds`, open though; `answers`: requests are answered" },
	{ "freeze", FAULT_OF_SESSION, do_freeze, 0, 0, 5 * FL_SECOND, 1, NULL, "half-open: neither reads nor writes for `seconds`" },
	{ "drip", FAULT_OF_SESSION, do_drip, 0, 0, 3 * FL_SECOND, 1, NULL, "`bytes` (1) every `ms` (1) for `seconds`" },
	{ "heartbeat_late", FAULT_OF_SESSION, do_heartbeat_late, 0, 0, 5 * FL_SECOND, 1, NULL, "the next test_request comes `seconds` late" },
	{ "heartbeat_storm", FAULT_OF_SESSION, do_heartbeat_storm, 0, 20, 0, 1, NULL, "`count` test_requests at once" },
	{ "oversize", FAULT_OF_SESSION, do_oversize, 0, 0, 0, 1, NULL, "a message of `bytes` (17 MiB)" },
	{ "bad_json", FAULT_OF_MESSAGES, do_message, MESSAGE_BAD_JSON, 3, 0, 2, NULL, "`count` messages of `kind` cut off" },
	{ "bad_shape", FAULT_OF_MESSAGES, do_message, MESSAGE_BAD_SHAPE, 10, 0, 2, NULL, "JSON that is something else" },
	{ "huge_number", FAULT_OF_MESSAGES, do_message, MESSAGE_HUGE_NUMBER, 5, 0, 2, NULL, "times no type holds" },
	{ "bad_utf8", FAULT_OF_MESSAGES, do_message, MESSAGE_BAD_UTF8, 3, 0, 2, NULL, "bytes that are no UTF-8" },
	{ "lose", FAULT_OF_MESSAGES, do_message, MESSAGE_LOST, 1, 0, 0, NULL, "messages that are not sent" },
	{ "skip_change", FAULT_OF_MESSAGES, do_message, MESSAGE_LOST, 1, 0, 2, "book", "a change of a book is not sent" },
	{ "skip_trade", FAULT_OF_MESSAGES, do_message, MESSAGE_LOST, 1, 0, 1, "trade", "trades are not sent" },
	{ "repeat", FAULT_OF_MESSAGES, do_message, MESSAGE_REPEATED, 5, 0, 2, NULL, "sent twice" },
	{ "reorder", FAULT_OF_MESSAGES, do_message, MESSAGE_LATE, 3, 0, 2, NULL, "sent behind the next of its instrument" },
	{ "pieces", FAULT_OF_MESSAGES, do_message, MESSAGE_PIECES, 20, 0, 2, NULL, "in frames of `bytes` (1) with pings between" },
	{ "away", FAULT_OF_VENUE, do_away, 503, 0, 3 * FL_SECOND, 1, NULL, "everybody is cut off and nobody let in for `seconds`" },
	{ "refuse", FAULT_OF_VENUE, do_connect, 429, 2, 0, 1, NULL, "the next `count` clients, or all for `seconds`, are answered `status` (429)" },
	{ "rest_status", FAULT_OF_VENUE, do_rest, REST_STATUS, 2, 0, 1, NULL, "HTTP `status` (503), with `retry_after` in s" },
	{ "rest_redirect", FAULT_OF_VENUE, do_rest, REST_STATUS, 2, 0, 1, NULL, "302" },
	{ "rest_short", FAULT_OF_VENUE, do_rest, REST_SHORT, 2, 0, 1, NULL, "half a body" },
	{ "rest_shape", FAULT_OF_VENUE, do_rest, REST_SHAPE, 2, 0, 1, NULL, "JSON that is something else" },
	{ "rest_page", FAULT_OF_VENUE, do_rest, REST_PAGE, 2, 0, 1, NULL, "a page for people" },
	{ "rest_stall", FAULT_OF_VENUE, do_rest, REST_STALLED, 1, 0, 1, NULL, "an answer that does not end" },
	{ "unacknowledged", FAULT_OF_VENUE, do_ignore_channels, 0, 5, 0, 1, NULL, "the next `count` channels are left out without a word" },
	{ "unanswered", FAULT_OF_VENUE, do_swallow_answers, 0, 1, 0, 1, NULL, "the next `count` requests get no answer" },
	{ "maintenance", FAULT_OF_VENUE, do_maintenance, 0, 0, 3 * FL_SECOND, 1, NULL, "platform_state, everybody closed, 11051 for `seconds`" },
	{ "list", FAULT_OF_VENUE, do_list, 0, 0, 0, 1, NULL, "an option of those `unlisted` is listed" },
	{ "expire", FAULT_OF_VENUE, do_expire, 0, 0, 0, 0, NULL, "`instrument` ends early" },
	{ "clock", FAULT_OF_VENUE, do_clock, 0, 0, 0, 0, NULL, "the venue's clock is `ms` off, until asked again" },
	{ "mute", FAULT_OF_VENUE, do_mute, MUTE_TO_SUBSCRIPTION, 0, 60 * FL_SECOND, 1, NULL, "`instrument` says nothing; `heals`: resubscribe, reconnect, never (after `seconds`)" },
	{ "still", FAULT_OF_VENUE, do_mute, STILL_FOR_TIME, 0, 60 * FL_SECOND, 0, NULL, "the best prices of `instrument` stay for `seconds`: it has no quote, its ticker goes on" },
	{ 0 },
};
/* clang-format on */

const struct fault *faults_find(const char *name)
{
	for (const struct fault *fault = faults_table; fault->name != NULL; fault++)
		if (strcmp(fault->name, name) == 0)
			return fault;
	return NULL;
}

struct session *faults_next_session(struct simulator *sim)
{
	for (uint32_t i = 1; i <= MAX_SESSIONS; i++) {
		uint32_t number = (sim->faults.turn + i) % MAX_SESSIONS;

		if (sim->sessions[number].conn == 0)
			continue;
		sim->faults.turn = number;
		return &sim->sessions[number];
	}
	return NULL;
}

int faults_apply(struct simulator *sim, const struct fault *fault, const struct fault_order *asked)
{
	struct fault_order order = *asked;
	int64_t connection = order.session != NULL ? order.session->id : 0;
	char detail[128];
	int error;

	if (order.ns <= 0 && (order.count <= 0 || fault->count == 0))
		order.ns = fault->ns;
	if (order.count <= 0 && (order.ns <= 0 || fault->scope != FAULT_OF_VENUE))
		order.count = fault->count;
	error = fault->apply(sim, fault, &order);
	faults_arm(sim);
	if (error < 0)
		return error;
	sim->faults.applied_count++;
	snprintf(detail, sizeof(detail), "count %lld, %lld ms, status %lld, kind %s, instrument %s",
		(long long)order.count, (long long)(order.ns / FL_MS), (long long)order.status, order.kind,
		order.instrument);
	ledger_fault(&sim->ledger, fault->name, connection, detail);
	fl_log(sim->ctx, FL_INFO, "fault %s, connection %lld: %s", fault->name, (long long)connection,
		detail);
	return 0;
}

/* ---- time ---- */

static int64_t earlier(int64_t due_ns, int64_t at_ns)
{
	return at_ns != 0 && at_ns < due_ns ? at_ns : due_ns;
}

void faults_arm(struct simulator *sim)
{
	int64_t now_ns = fl_monotonic_ns(sim->ctx), due_ns = INT64_MAX;

	due_ns = earlier(due_ns, sim->faults.next_ns);
	due_ns = earlier(due_ns, sim->faults.muted_until_ns);
	for (int i = 0; i < MAX_SESSIONS; i++) {
		const struct session *session = &sim->sessions[i];

		if (session->conn == 0)
			continue;
		due_ns = earlier(due_ns, session->faults.stalled_until_ns);
		due_ns = earlier(due_ns, session->faults.frozen_until_ns);
		due_ns = earlier(due_ns, session->faults.dripping_until_ns);
		due_ns = earlier(due_ns, faults_kept_due_ns(session));
	}
	if (due_ns == INT64_MAX)
		fl_timer_stop(sim->ctx, TIMER_FAULTS);
	else
		fl_timer_start(sim->ctx, TIMER_FAULTS, due_ns > now_ns ? due_ns - now_ns : 0, 0);
}

static bool is_over(int64_t *until_ns, int64_t now_ns)
{
	if (*until_ns == 0 || *until_ns > now_ns)
		return false;
	*until_ns = 0;
	return true;
}

static void heal_session(struct simulator *sim, struct session *session, int64_t now_ns)
{
	struct session_faults *faults = &session->faults;

	if (is_over(&faults->frozen_until_ns, now_ns))
		fl_freeze(sim->ctx, session->conn, false);
	if (is_over(&faults->dripping_until_ns, now_ns))
		fl_drip(sim->ctx, session->conn, 0, 0);
	if (is_over(&faults->stalled_until_ns, now_ns))
		faults->is_dumb = false;
	(void)faults_release(sim, session, now_ns);
}

static void unmute(struct simulator *sim)
{
	for (uint32_t i = 0; i < sim->market.universe.count; i++)
		if (sim->faults.muted[i] >= MUTE_FOR_TIME)
			sim->faults.muted[i] = MUTE_NOT;
}

static const struct fault *draw(struct simulator *sim)
{
	uint32_t sum = 0, at;

	for (const struct fault *fault = faults_table; fault->name != NULL; fault++)
		sum += (uint32_t)fault->weight;
	at = rng_below(&sim->faults.rng, sum);
	for (const struct fault *fault = faults_table; fault->name != NULL; fault++) {
		if (at < (uint32_t)fault->weight)
			return fault;
		at -= (uint32_t)fault->weight;
	}
	return &faults_table[0];
}

static void by_chance(struct simulator *sim, int64_t now_ns)
{
	const struct fault *fault = draw(sim);
	struct fault_order order = { .answers = rng_once_in(&sim->faults.rng, 2) != 0 };

	for (uint32_t turns = rng_below(&sim->faults.rng, MAX_SESSIONS); turns > 0; turns--)
		(void)faults_next_session(sim);
	if (fault->scope != FAULT_OF_VENUE)
		order.session = faults_next_session(sim);
	if (fault->scope == FAULT_OF_VENUE || order.session != NULL)
		(void)faults_apply(sim, fault, &order);
	sim->faults.next_ns =
		now_ns + (int64_t)((double)sim->faults.every_ns * (0.5 + rng_unit(&sim->faults.rng)));
}

void faults_on_timer(struct simulator *sim)
{
	int64_t now_ns = fl_monotonic_ns(sim->ctx);

	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sim->sessions[i].conn != 0)
			heal_session(sim, &sim->sessions[i], now_ns);
	if (is_over(&sim->faults.muted_until_ns, now_ns))
		unmute(sim);
	if (sim->faults.next_ns != 0 && sim->faults.next_ns <= now_ns)
		by_chance(sim, now_ns);
	sessions_arm(sim);
	faults_arm(sim);
}

void faults_schedule(struct simulator *sim, int64_t seed, int64_t every_ns)
{
	sim->faults.rng = (struct rng){ (uint64_t)seed };
	sim->faults.every_ns = every_ns;
	sim->faults.next_ns = every_ns > 0 ? fl_monotonic_ns(sim->ctx) + every_ns : 0;
	faults_arm(sim);
}

int faults_init(struct simulator *sim)
{
	sim->faults.muted = calloc((size_t)sim->market.universe.count + 1, 1);
	if (sim->faults.muted == NULL)
		return -ENOMEM;
	sim->faults.rng = (struct rng){ (uint64_t)sim->options->faults.seed };
	market_unlist(&sim->market, sim->options->unlisted);
	return 0;
}

int faults_grow(struct simulator *sim, uint32_t from)
{
	size_t capacity = sim->market.universe.capacity;
	uint8_t *muted = realloc(sim->faults.muted, capacity);

	if (muted == NULL)
		return -ENOMEM;
	sim->faults.muted = muted;
	memset(muted + from, 0, capacity - from);
	return 0;
}

void faults_finish(struct simulator *sim)
{
	for (int i = 0; i < MAX_SESSIONS; i++)
		faults_forget(&sim->sessions[i]);
	free(sim->faults.muted);
	text_finish(&sim->faults.scratch);
}

/* ---- what others ask on their way ---- */

bool faults_is_slow_by_wish(const struct simulator *sim, const struct session *session)
{
	return session->faults.slow_until_ns > fl_monotonic_ns(sim->ctx) ||
		session->faults.dripping_until_ns != 0 || session->faults.frozen_until_ns != 0;
}

bool faults_in_maintenance(const struct simulator *sim)
{
	return sim->faults.maintenance_until_ns > fl_monotonic_ns(sim->ctx);
}

static bool count_down(int64_t *left)
{
	if (*left <= 0)
		return false;
	--*left;
	return true;
}

bool faults_swallow_answer(struct simulator *sim)
{
	return count_down(&sim->faults.swallowed_answers);
}

bool faults_ignore_channel(struct simulator *sim)
{
	return count_down(&sim->faults.ignored_channels);
}

int faults_on_accept(struct simulator *sim)
{
	if (sim->faults.connect_until_ns > fl_monotonic_ns(sim->ctx) ||
		count_down(&sim->faults.connect_left))
		return sim->faults.connect_status;
	return 0;
}

static void answer_status(struct simulator *sim, int exchange)
{
	char wait[24];
	struct fl_header headers[2];
	size_t count = 0;

	snprintf(wait, sizeof(wait), "%lld", (long long)sim->faults.rest_retry_after);
	if (sim->faults.rest_retry_after > 0)
		headers[count++] = (struct fl_header){ "Retry-After", wait };
	if (sim->faults.rest_status / 100 == 3)
		headers[count++] = (struct fl_header){ "Location", "https://example.invalid/elsewhere" };
	fl_respond_with(
		sim->ctx, exchange, sim->faults.rest_status, "text/plain", headers, count, "no", 2);
}

bool faults_on_rest(struct simulator *sim, int exchange)
{
	static const char shape[] = "{\"jsonrpc\":\"2.0\",\"result\":{\"trades\":7,\"has_more\":[]}}";
	static const char page[] = "<html><body>We are improving our service.</body></html>";

	if (sim->faults.rest_left <= 0 || sim->faults.rest == REST_SHORT)
		return false;
	sim->faults.rest_left--;
	switch (sim->faults.rest) {
	case REST_STATUS: answer_status(sim, exchange); break;
	case REST_SHAPE:
		fl_respond(sim->ctx, exchange, 200, "application/json", shape, sizeof(shape) - 1);
		break;
	case REST_PAGE: fl_respond(sim->ctx, exchange, 200, "text/html", page, sizeof(page) - 1); break;
	case REST_STALLED:
		fl_respond_begin(sim->ctx, exchange, 200, "application/json");
		fl_respond_more(sim->ctx, exchange, "{\"jsonrpc\"", 10);
		break;
	case REST_SHORT: break;
	}
	return true;
}

size_t faults_rest_length(struct simulator *sim, size_t length)
{
	if (sim->faults.rest != REST_SHORT || !count_down(&sim->faults.rest_left))
		return length;
	return length / 2;
}

bool faults_keep_quiet(const struct simulator *sim, uint32_t instrument, enum sent_of of)
{
	uint8_t muted = sim->faults.muted[instrument];

	return muted == STILL_FOR_TIME ? of == SENT_OF_BOOK : muted != MUTE_NOT;
}

bool faults_mute_snapshot(struct simulator *sim, const struct session *session, uint32_t instrument)
{
	int64_t age_ns = fl_now_ns(sim->ctx) - session->opened_ns;
	int64_t muted_for_ns = fl_monotonic_ns(sim->ctx) - sim->faults.muted_ns;

	switch (sim->faults.muted[instrument]) {
	case MUTE_TO_SUBSCRIPTION: sim->faults.muted[instrument] = MUTE_NOT; break;
	case MUTE_TO_CONNECTION:
		if (age_ns < muted_for_ns)
			sim->faults.muted[instrument] = MUTE_NOT;
		break;
	default: break;
	}
	return faults_keep_quiet(sim, instrument, SENT_OF_TICKER);
}
