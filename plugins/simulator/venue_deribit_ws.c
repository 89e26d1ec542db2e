/*
 * venue_deribit_ws.c: WebSocket sessions as Deribit keeps them: subscriptions that are acknowledged
 * in part, heartbeats that must be answered, credits that run out.
 */
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "venue_deribit.h"

/* A test_request comes a little later than the interval says, as measured at the venue. */
#define TEST_REQUEST_LATE (600 * FL_MS)

/* ---- credits ---- */

void credits_init(struct credits *credits, int64_t now_ns)
{
	fl_rate_init(&credits->general, 50000, 10000, now_ns);
	fl_rate_init(&credits->instruments, 500000, 10000, now_ns);
	fl_rate_init(&credits->subscribe, 30000, 10000, now_ns);
}

void host_of_peer(const char *peer, char *out, size_t size)
{
	const char *colon = strrchr(peer, ':');
	size_t length = colon != NULL ? (size_t)(colon - peer) : strlen(peer);

	if (length >= size)
		length = size - 1;
	memcpy(out, peer, length);
	out[length] = '\0';
}

/* The pool of a host; a stranger gets the one that has been used the longest ago. */
static struct credits *pool_of(struct simulator *sim, const char *host, int64_t now_ns)
{
	struct credit_pool *oldest = &sim->pools[0];

	for (int i = 0; i < CREDIT_POOLS; i++) {
		struct credit_pool *pool = &sim->pools[i];

		if (strcmp(pool->host, host) == 0 && pool->used_ns != 0) {
			pool->used_ns = now_ns;
			return &pool->credits;
		}
		if (pool->used_ns < oldest->used_ns)
			oldest = pool;
	}
	*oldest = (struct credit_pool){ .used_ns = now_ns };
	strncpy(oldest->host, host, sizeof(oldest->host) - 1);
	credits_init(&oldest->credits, now_ns);
	return &oldest->credits;
}

bool credits_take(
	struct simulator *sim, struct session *session, const char *host, enum credit_kind kind)
{
	int64_t now_ns = fl_monotonic_ns(sim->ctx);
	struct credits *credits;

	if (sim->options->credits == CREDITS_OFF)
		return true;
	credits = sim->options->credits == CREDITS_PER_CONNECTION && session != NULL
		? &session->credits
		: pool_of(sim, host, now_ns);
	switch (kind) {
	case CREDIT_INSTRUMENTS: return fl_rate_take(&credits->instruments, 10000, now_ns) == 0;
	case CREDIT_SUBSCRIBE: return fl_rate_take(&credits->subscribe, 3000, now_ns) == 0;
	case CREDIT_GENERAL: break;
	}
	return fl_rate_take(&credits->general, 500, now_ns) == 0;
}

/* ---- begin and end ---- */

struct session *session_find(struct simulator *sim, int conn)
{
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sim->sessions[i].conn == conn && conn != 0)
			return &sim->sessions[i];
	return NULL;
}

int session_accept(struct simulator *sim, int conn, const struct fl_http_request *request)
{
	int64_t now_ns = fl_monotonic_ns(sim->ctx);
	struct session *session = NULL;
	char host[64];
	int same_host = 0;

	if (sim->is_stopping)
		return 503;
	same_host = faults_on_accept(sim);
	if (same_host != 0)
		return same_host;
	host_of_peer(request->peer, host, sizeof(host));
	for (int i = 0; i < MAX_SESSIONS; i++) {
		if (sim->sessions[i].conn == 0)
			session = session != NULL ? session : &sim->sessions[i];
		else if (strcmp(sim->sessions[i].host, host) == 0)
			same_host++;
	}
	if (session == NULL || same_host >= sim->options->max_connections) {
		fl_log_limited(sim->ctx, FL_INFO, "%s is refused: %d connections of that host are open",
			request->peer, same_host);
		ledger_refusal(&sim->ledger, "connections", 0, request->peer);
		return 429;
	}
	*session = (struct session){ .conn = conn,
		.id = ++sim->ledger.connection,
		.opened_ns = fl_now_ns(sim->ctx),
		.heard_ns = now_ns };
	strncpy(session->peer, request->peer, sizeof(session->peer) - 1);
	memcpy(session->host, host, sizeof(host));
	credits_init(&session->credits, now_ns);
	ledger_connection(&sim->ledger, session->id, session->peer, session->opened_ns, 0, "", 0);
	fl_log(sim->ctx, FL_DEBUG, "connection %lld from %s", (long long)session->id, session->peer);
	sessions_arm(sim);
	return 0;
}

void session_forget(struct simulator *sim, struct session *session, const char *reason)
{
	faults_forget(session);
	channels_unsubscribe_all(&sim->channels, session_number(sim, session));
	ledger_connection(&sim->ledger, session->id, session->peer, session->opened_ns,
		fl_now_ns(sim->ctx), reason, session->message_count);
	fl_log(sim->ctx, FL_INFO, "connection %lld from %s ended after %lld messages: %s",
		(long long)session->id, session->peer, (long long)session->message_count, reason);
	*session = (struct session){ 0 };
}

void session_abort(struct simulator *sim, struct session *session, const char *reason)
{
	int conn = session->conn;

	session_forget(sim, session, reason);
	fl_abort(sim->ctx, conn);
}

void session_close(struct simulator *sim, struct session *session, int code, const char *reason)
{
	int conn = session->conn;

	session_forget(sim, session, reason);
	fl_close(sim->ctx, conn, code, reason);
}

/* ---- heartbeats ---- */

static int64_t due_ns(const struct simulator *sim, const struct session *session)
{
	int64_t due = INT64_MAX;

	if (faults_hold_answers(session))
		return due; /* it seems dead: nobody asks whether the client lives */
	if (session->unanswered_ns != 0)
		due = session->unanswered_ns + session->heartbeat_ns;
	else if (session->heartbeat_ns != 0)
		due = session->next_test_ns;
	else if (session->channel_count == 0)
		due = session->heard_ns + sim->options->idle_timeout_ns;
	return due;
}

void sessions_arm(struct simulator *sim)
{
	int64_t due = INT64_MAX, now_ns = fl_monotonic_ns(sim->ctx);

	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sim->sessions[i].conn != 0 && due_ns(sim, &sim->sessions[i]) < due)
			due = due_ns(sim, &sim->sessions[i]);
	if (due == INT64_MAX)
		fl_timer_stop(sim->ctx, TIMER_SESSIONS);
	else
		fl_timer_start(sim->ctx, TIMER_SESSIONS, due > now_ns ? due - now_ns : 0, 0);
}

static void send_words(struct simulator *sim, struct session *session, const char *words)
{
	if (fl_send(sim->ctx, session->conn, words, strlen(words)) < 0)
		session_abort(sim, session, "connection_too_slow");
}

void session_send_test(struct simulator *sim, struct session *session, int64_t now_ns)
{
	bool is_idle = session->is_idle;
	int conn = session->conn;

	session->unanswered_ns = now_ns;
	session->next_test_ns = now_ns + session->heartbeat_ns + TEST_REQUEST_LATE;
	session->is_idle = true;
	send_words(sim, session,
		"{\"params\":{\"type\":\"test_request\"},\"method\":\"heartbeat\",\"jsonrpc\":\"2.0\"}");
	if (is_idle && session->conn == conn)
		send_words(sim, session,
			"{\"params\":{\"type\":\"heartbeat\"},\"method\":\"heartbeat\",\"jsonrpc\":\"2.0\"}");
}

void sessions_on_timer(struct simulator *sim)
{
	int64_t now_ns = fl_monotonic_ns(sim->ctx);

	for (int i = 0; i < MAX_SESSIONS; i++) {
		struct session *session = &sim->sessions[i];

		if (session->conn == 0 || due_ns(sim, session) > now_ns)
			continue;
		if (session->unanswered_ns != 0)
			session_close(sim, session, 4000, "heartbeat close");
		else if (session->heartbeat_ns != 0)
			session_send_test(sim, session, now_ns);
		else
			session_abort(sim, session, "idle");
	}
	sessions_arm(sim);
}

int method_set_heartbeat(struct rpc_call *call)
{
	struct session *session = call->session;
	int64_t interval;

	if (rpc_int(call, "interval", &interval) < 0)
		return rpc_invalid(call, "interval", "value is required");
	if (interval < 10 || interval > 3600)
		return rpc_invalid(call, "interval", "interval must be 10 or more");
	session->heartbeat_ns = interval * FL_SECOND;
	session->next_test_ns =
		fl_monotonic_ns(call->sim->ctx) + session->heartbeat_ns + TEST_REQUEST_LATE;
	session->unanswered_ns = 0;
	session->is_idle = true;
	sessions_arm(call->sim);
	text_put(call->out, "\"ok\"");
	return 0;
}

int method_disable_heartbeat(struct rpc_call *call)
{
	call->session->heartbeat_ns = call->session->unanswered_ns = 0;
	sessions_arm(call->sim);
	text_put(call->out, "\"ok\"");
	return 0;
}

/* ---- who it is ---- */

int method_auth(struct rpc_call *call)
{
	char grant[32], id[128], secret[256];

	if (rpc_text(call, "grant_type", grant, sizeof(grant)) < 0)
		return rpc_invalid(call, "grant_type", "value is required");
	if (strcmp(grant, "client_credentials") != 0 ||
		rpc_text(call, "client_id", id, sizeof(id)) < 0 ||
		rpc_text(call, "client_secret", secret, sizeof(secret)) < 0 ||
		strcmp(secret, call->sim->options->secret) != 0)
		return rpc_fail(call, RPC_INVALID_CREDENTIALS, "invalid_credentials");
	if (call->session != NULL)
		call->session->is_authenticated = true;
	text_put(call->out,
		"{\"token_type\":\"bearer\",\"scope\":\"connection account:read trade:read\","
		"\"refresh_token\":\"simulated-refresh\",\"expires_in\":31536000,"
		"\"access_token\":\"simulated-access\"}");
	return 0;
}

/* ---- subscriptions ---- */

static int later_first(const void *a, const void *b)
{
	return -strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names asked for, latest in the alphabet first, each once: so the venue acknowledges them. The
 * caller frees them; they point into the request. NULL: the error is filled in. */
static const char **read_channels(struct rpc_call *call, size_t *out_count)
{
	yyjson_val *list = yyjson_obj_get(call->params, "channels"), *entry;
	size_t index, count = 0, max, kept = 0;
	const char **names;

	if (!yyjson_is_arr(list)) {
		rpc_invalid(call, "channels", "value is required");
		return NULL;
	}
	names = calloc(yyjson_arr_size(list) + 1, sizeof(*names));
	if (names == NULL) {
		rpc_fail(call, 11094, "internal_server_error");
		return NULL;
	}
	yyjson_arr_foreach(list, index, max, entry)
	{
		if (yyjson_is_str(entry))
			names[count++] = yyjson_get_str(entry);
	}
	qsort(names, count, sizeof(*names), later_first);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
			names[kept++] = names[i];
	*out_count = kept;
	return names;
}

/* Its first message follows the reply. Without memory it has to do without. */
static void add_fresh(struct simulator *sim, struct channel channel)
{
	if (sim->fresh_count == sim->fresh_capacity) {
		uint32_t capacity = sim->fresh_capacity ? sim->fresh_capacity * 2 : 256;
		struct channel *fresh = realloc(sim->fresh, capacity * sizeof(*fresh));

		if (fresh == NULL)
			return;
		sim->fresh = fresh;
		sim->fresh_capacity = capacity;
	}
	sim->fresh[sim->fresh_count++] = channel;
}

static void acknowledge(struct rpc_call *call, const char *name, bool is_first)
{
	if (!is_first)
		text_put(call->out, ",");
	text_string(call->out, name, strlen(name));
}

int method_subscribe(struct rpc_call *call)
{
	struct simulator *sim = call->sim;
	struct session *session = call->session;
	int number = session_number(sim, session);
	bool is_first = true;
	size_t count;
	const char **names = read_channels(call, &count);

	if (names == NULL)
		return -1;
	for (size_t i = 0; i < count && !session->is_authenticated; i++)
		if (channels_find(&sim->channels, names[i], strlen(names[i])).needs_auth) {
			free(names);
			return rpc_fail(call, RPC_NO_RAW, "raw_subscriptions_not_available_for_unauthorized");
		}
	text_put(call->out, "[");
	for (size_t i = 0; i < count; i++) {
		struct channel channel = channels_find(&sim->channels, names[i], strlen(names[i]));
		uint64_t mine = UINT64_C(1) << number;

		if (channel.type == CHANNEL_NONE)
			continue; /* a bad name is dropped without a word */
		if (channel.type == CHANNEL_OF_INSTRUMENT && !market_is_open(&sim->market, channel.number))
			continue;
		if (!(*channels_of(&sim->channels, channel) & mine)) {
			if (session->channel_count >= sim->options->max_channels) {
				ledger_refusal(&sim->ledger, "channels", session->id, names[i]);
				continue;
			}
			if (faults_ignore_channel(sim))
				continue;
			channels_subscribe(&sim->channels, channel, number);
			session->channel_count++;
			add_fresh(sim, channel);
		}
		acknowledge(call, names[i], is_first);
		is_first = false;
	}
	text_put(call->out, "]");
	free(names);
	sessions_arm(sim);
	return 0;
}

int method_unsubscribe(struct rpc_call *call)
{
	struct simulator *sim = call->sim;
	int number = session_number(sim, call->session);
	bool is_first = true;
	size_t count;
	const char **names = read_channels(call, &count);

	if (names == NULL)
		return -1;
	text_put(call->out, "[");
	for (size_t i = 0; i < count; i++) {
		struct channel channel = channels_find(&sim->channels, names[i], strlen(names[i]));

		if (channel.type == CHANNEL_NONE || !channels_unsubscribe(&sim->channels, channel, number))
			continue;
		call->session->channel_count--;
		acknowledge(call, names[i], is_first);
		is_first = false;
	}
	text_put(call->out, "]");
	free(names);
	sessions_arm(sim);
	return 0;
}

int method_unsubscribe_all(struct rpc_call *call)
{
	channels_unsubscribe_all(&call->sim->channels, session_number(call->sim, call->session));
	call->session->channel_count = 0;
	sessions_arm(call->sim);
	text_put(call->out, "\"ok\"");
	return 0;
}

/* ---- messages ---- */

static void send_reply(struct simulator *sim, struct session *session)
{
	if (faults_hold_answers(session) || faults_swallow_answer(sim))
		return;
	if (sim->reply.failed)
		session_abort(sim, session, "out of memory");
	else if (fl_send(sim->ctx, session->conn, sim->reply.data, sim->reply.length) < 0)
		session_abort(sim, session, "connection_too_slow");
}

void session_refuse(struct simulator *sim, struct session *session, yyjson_val *id,
	const struct rpc_error *error, int64_t received_ns)
{
	rpc_print_error(sim, &sim->reply, id, error, received_ns);
	send_reply(sim, session);
}

static void on_request(
	struct simulator *sim, struct session *session, yyjson_val *root, int64_t received_ns)
{
	const char *method = yyjson_get_str(yyjson_obj_get(root, "method"));
	yyjson_val *id = yyjson_obj_get(root, "id"), *params = yyjson_obj_get(root, "params");
	struct rpc_call call = {
		.sim = sim, .session = session, .params = params, .host = session->host, .out = &sim->reply
	};
	int64_t serial = session->id;
	int code;

	if (method == NULL || (params != NULL && !yyjson_is_obj(params))) {
		struct rpc_error error = { .code = RPC_INVALID_PARAMS,
			.message = "Invalid params",
			.param = method == NULL ? "method" : "params",
			.reason = "value is required" };

		session_refuse(sim, session, id, &error, received_ns);
		return;
	}
	sim->fresh_count = 0;
	code = rpc_respond(&call, method, id, received_ns);
	send_reply(sim, session);
	if (session->id != serial)
		return; /* it has ended meanwhile */
	if (code == RPC_TOO_MANY_REQUESTS)
		session_close(sim, session, 1008, "too_many_requests");
	else if (code == 0 && sim->fresh_count > 0)
		stream_send_snapshots(sim, session);
}

void session_on_message(
	struct simulator *sim, struct session *session, const struct fl_message *message)
{
	static const struct rpc_error too_large = { .code = RPC_TOO_LARGE,
		.message = "request entity too large" };
	static const struct rpc_error bad_json = {
		.code = RPC_BAD_REQUEST, .message = "bad_request", .data = "invalid json"
	};
	yyjson_doc *doc;

	session->heard_ns = fl_monotonic_ns(sim->ctx);
	if (message->length > REQUEST_LIMIT) {
		ledger_refusal(&sim->ledger, "size", session->id, "");
		session_refuse(sim, session, NULL, &too_large, message->received_ns);
		return;
	}
	doc = yyjson_read(message->data, message->length, 0);
	if (doc == NULL || !yyjson_is_obj(yyjson_doc_get_root(doc)))
		session_refuse(sim, session, NULL, &bad_json, message->received_ns);
	else
		on_request(sim, session, yyjson_doc_get_root(doc), message->received_ns);
	yyjson_doc_free(doc);
}
