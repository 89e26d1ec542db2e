/*
 * control.c: /sim/...: what a test asks of the simulator.
 *
 *   GET  /sim/status
 *   POST /sim/rate         {"messages_per_second": 5000}
 *   POST /sim/drop         {"connection": 3} or {"connection": "all"}: cut, without a close frame
 *   POST /sim/close        the same in order
 *   POST /sim/fault        {"fault": "stall", "connection": 3, "seconds": 10}; GET: which there are
 *   POST /sim/faults       {"seed": 4, "every": "5s"}: by chance; "every": 0 ends it
 *   POST /sim/quiesce      no more events; answers when the ledger is written
 *   POST /sim/resume
 *   POST /sim/instruments  a get_instruments response: it takes the universe's place (DELETE: no
 * more) POST /sim/replay       lines of messages; ?speed=max or messages a second, ?to=all, ?hold=1
 */
#include <math.h>
#include <string.h>

#include "faults.h"
#include "simulator.h"

static void put_count(struct text *out, const char *key, uint64_t value)
{
	text_put(out, key);
	text_int(out, (int64_t)value);
}

static void put_session(struct simulator *sim, struct text *out, const struct session *session)
{
	put_count(out, "{\"connection\":", (uint64_t)session->id);
	text_put(out, ",\"peer\":");
	text_string(out, session->peer, strlen(session->peer));
	put_count(out, ",\"channels\":", (uint64_t)session->channel_count);
	put_count(out, ",\"messages\":", (uint64_t)session->message_count);
	put_count(out, ",\"queued_bytes\":", fl_send_queued(sim->ctx, session->conn));
	text_put(
		out, session->is_authenticated ? ",\"authenticated\":true}" : ",\"authenticated\":false}");
}

void control_status(struct simulator *sim, struct text *out)
{
	const struct stream *stream = &sim->stream;
	bool is_first = true;

	text_reset(out);
	put_count(out, "{\"instruments\":", sim->market.universe.count);
	put_count(out, ",\"messages_per_second\":", (uint64_t)stream->rate);
	text_put(out, stream->is_quiesced ? ",\"quiesced\":true" : ",\"quiesced\":false");
	put_count(out, ",\"sent\":", stream->sent_count);
	put_count(out, ",\"sent_bytes\":", stream->sent_bytes);
	put_count(out, ",\"events\":", stream->event_count);
	put_count(out, ",\"trades\":", sim->market.trade_count);
	put_count(out, ",\"too_slow\":", stream->slow_count);
	put_count(out, ",\"skipped_ticks\":", stream->skipped_ticks);
	text_put(out, sim->ledger.is_on ? ",\"ledger\":{\"on\":true" : ",\"ledger\":{\"on\":false");
	put_count(out, ",\"seq\":", (uint64_t)sim->ledger.seq);
	put_count(out, ",\"rows\":", sim->ledger.rows_written);
	put_count(out, ",\"lag_rows\":", ledger_lag(&sim->ledger));
	put_count(out, ",\"lost_rows\":", sim->ledger.rows_lost);
	put_count(out, "},\"replay\":{\"lines\":", sim->replay.line_count);
	put_count(out, ",\"played\":", sim->replay.next);
	put_count(out, ",\"sent\":", sim->replay.sent_count);
	put_count(out, ",\"unsubscribed\":", sim->replay.unsubscribed_count);
	put_count(out, ",\"ignored\":", sim->replay.ignored_count);
	text_put(out, sim->replay.is_playing ? ",\"playing\":true}" : ",\"playing\":false}");
	put_count(out, ",\"faults\":", sim->faults.applied_count);
	text_put(out, ",\"connections\":[");
	for (int i = 0; i < MAX_SESSIONS; i++) {
		if (sim->sessions[i].conn == 0)
			continue;
		if (!is_first)
			text_put(out, ",");
		is_first = false;
		put_session(sim, out, &sim->sessions[i]);
	}
	text_put(out, "]}");
}

static void answer(struct simulator *sim, int exchange)
{
	if (sim->reply.failed)
		fl_respond_problem(sim->ctx, exchange, 500, "out of memory");
	else
		fl_respond(sim->ctx, exchange, 200, "application/json", sim->reply.data, sim->reply.length);
}

void control_answer_count(struct simulator *sim, int exchange, const char *key, uint64_t count)
{
	text_reset(&sim->reply);
	put_count(&sim->reply, key, count);
	text_put(&sim->reply, "}");
	answer(sim, exchange);
}

static void on_status(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	(void)request;
	control_status(sim, &sim->reply);
	answer(sim, exchange);
}

static void on_rate(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	yyjson_doc *doc = yyjson_read(request->body, request->length, 0);
	yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(doc), "messages_per_second");

	if (yyjson_is_uint(value) && yyjson_get_uint(value) <= 100000) {
		stream_set_rate(sim, yyjson_get_sint(value));
		control_answer_count(sim, exchange, "{\"messages_per_second\":", yyjson_get_uint(value));
	} else {
		fl_respond_problem(
			sim->ctx, exchange, 400, "messages_per_second must be a whole number from 0 to 100000");
	}
	yyjson_doc_free(doc);
}

/* For each connection the body names. */
static void on_end(
	struct simulator *sim, int exchange, const struct fl_http_request *request, bool is_orderly)
{
	yyjson_doc *doc = yyjson_read(request->body, request->length, 0);
	yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(doc), "connection");
	bool is_all = yyjson_equals_str(value, "all");
	uint64_t count = 0;

	if (!is_all && !yyjson_is_int(value)) {
		fl_respond_problem(
			sim->ctx, exchange, 400, "connection must be a number of /sim/status or \"all\"");
		goto free_doc;
	}
	for (int i = 0; i < MAX_SESSIONS; i++) {
		struct session *session = &sim->sessions[i];

		if (session->conn == 0 || (!is_all && session->id != yyjson_get_sint(value)))
			continue;
		if (is_orderly)
			session_close(sim, session, 1001, "close");
		else
			session_abort(sim, session, "drop");
		count++;
	}
	if (count == 0 && !is_all)
		fl_respond_problem(sim->ctx, exchange, 404, "no such connection: see /sim/status");
	else
		control_answer_count(sim, exchange, is_orderly ? "{\"closed\":" : "{\"dropped\":", count);
free_doc:
	yyjson_doc_free(doc);
}

static void on_drop(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	on_end(sim, exchange, request, false);
}

static void on_close(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	on_end(sim, exchange, request, true);
}

void control_check_quiesced(struct simulator *sim)
{
	if (!sim->stream.is_quiesced || ledger_lag(&sim->ledger) > 0)
		return;
	for (int i = 0; i < MAX_WAITING; i++) {
		if (sim->quiescing[i] == 0)
			continue;
		text_reset(&sim->reply);
		put_count(&sim->reply, "{\"seq\":", (uint64_t)sim->ledger.seq);
		put_count(&sim->reply, ",\"rows\":", sim->ledger.rows_written);
		put_count(&sim->reply, ",\"lost_rows\":", sim->ledger.rows_lost);
		text_put(&sim->reply, "}");
		answer(sim, sim->quiescing[i]);
		sim->quiescing[i] = 0;
	}
}

static void on_quiesce(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	(void)request;
	for (int i = 0; i < MAX_WAITING; i++) {
		if (sim->quiescing[i] != 0)
			continue;
		sim->quiescing[i] = exchange;
		faults_release_kept(sim);
		sim->stream.is_quiesced = true;
		ledger_flush(&sim->ledger, true);
		control_check_quiesced(sim);
		return;
	}
	fl_respond_problem(
		sim->ctx, exchange, 503, "%d requests wait for the ledger already", MAX_WAITING);
}

static void on_resume(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	(void)request;
	for (int i = 0; i < MAX_WAITING; i++) {
		if (sim->quiescing[i] != 0)
			fl_respond_problem(sim->ctx, sim->quiescing[i], 409, "resumed before it was quiet");
		sim->quiescing[i] = 0;
	}
	sim->stream.is_quiesced = false;
	text_reset(&sim->reply);
	text_put(&sim->reply, "{\"quiesced\":false}");
	answer(sim, exchange);
}

static void on_instruments(
	struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	int error = replay_add_instruments(sim, request->body, request->length);

	if (error == -EINVAL)
		fl_respond_problem(sim->ctx, exchange, 400,
			"the body must be a get_instruments response: {\"result\":[...]}");
	else if (error < 0)
		fl_respond_problem(sim->ctx, exchange, 507, "no room for more instruments");
	else
		control_answer_count(sim, exchange, "{\"instruments\":", sim->channels.foreign_count);
}

static void on_forget_instruments(
	struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	(void)request;
	replay_clear_instruments(sim);
	control_answer_count(sim, exchange, "{\"instruments\":", 0);
}

static void on_replay(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	char speed[32] = "max", word[8];
	double per_second = 0;
	bool to_all = fl_http_query(request, "to", word, sizeof(word)) > 0 && strcmp(word, "all") == 0;
	int error = 0;

	fl_http_query(request, "speed", speed, sizeof(speed));
	if (strcmp(speed, "max") != 0 &&
		(fl_real_parse(speed, strlen(speed), &per_second) < 0 || !(per_second > 0))) {
		fl_respond_problem(
			sim->ctx, exchange, 400, "speed must be max or a number of messages a second");
		return;
	}
	if (request->length > 0)
		error = replay_load(sim, request->body, request->length);
	if (error < 0 || sim->replay.line_count == 0) {
		fl_respond_problem(
			sim->ctx, exchange, 400, "the body must hold notifications, one on a line");
		return;
	}
	if (fl_http_query(request, "hold", word, sizeof(word)) < 0)
		replay_play(sim, per_second, to_all);
	control_answer_count(sim, exchange, "{\"lines\":", sim->replay.line_count);
}

static const struct route {
	const char *method, *path;
	void (*run)(struct simulator *sim, int exchange, const struct fl_http_request *request);
} routes[] = {
	{ "GET", "/sim/status", on_status },
	{ "POST", "/sim/rate", on_rate },
	{ "POST", "/sim/drop", on_drop },
	{ "POST", "/sim/close", on_close },
	{ "GET", "/sim/fault", faults_on_list },
	{ "POST", "/sim/fault", faults_on_order },
	{ "POST", "/sim/faults", faults_on_schedule },
	{ "POST", "/sim/quiesce", on_quiesce },
	{ "POST", "/sim/resume", on_resume },
	{ "POST", "/sim/instruments", on_instruments },
	{ "DELETE", "/sim/instruments", on_forget_instruments },
	{ "POST", "/sim/replay", on_replay },
};

void control_on_request(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	bool is_known = false;

	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (strcmp(request->path, routes[i].path) != 0)
			continue;
		is_known = true;
		if (strcmp(request->method, routes[i].method) == 0) {
			routes[i].run(sim, exchange, request);
			return;
		}
	}
	fl_respond_problem(sim->ctx, exchange, is_known ? 405 : 404,
		is_known ? "%s does not take %s" : "no such path: %s (%s); see the simulator's README",
		request->path, request->method);
}
