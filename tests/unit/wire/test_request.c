/* request: against our own server, and against raw ones that misbehave. FIXTURES: tests/fixtures.
 */
#include "unit.h"

#include "clock.h"
#include "loop.h"
#include "request.h"
#include "server.h"
#include "tcp.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWERS_MAX = 64 };

struct got {
	int status;
	enum fl_reason reason;
	size_t length;
	int64_t retry_after_ns;
	char body[64], detail[200], type[64];
};

/** A raw server: says `replies` in turn, one per request head it sees. */
struct raw {
	struct world *world;
	struct tcp *tcp;
	struct buf in;
};

struct world {
	struct loop *loop;
	struct server *server;
	struct requests *requests;
	struct timer *tick;
	struct exchange *held[16];
	int held_count, seen, open_at_most;

	struct tcp_listener *listener; /* of raw servers */
	struct raw raws[8];
	int raw_count, raw_heads;
	const char *replies[8]; /* by the count of heads; "" says nothing, NULL hangs up */

	struct got got[ANSWERS_MAX];
	int count;
	struct request *cancel_in_done;
	bool close_in_done, is_within_start;
	int64_t connect_ns;
	struct request *timed;
};

/* ---- our own server ---- */

static const char body_seen[] = "{\"ok\":true}";

static void on_request(void *data, struct exchange *exchange, const struct fl_http_request *request)
{
	static const struct fl_header retry = { "Retry-After", "7" };
	static char large[100000];
	struct world *world = data;
	int open = server_connections(world->server);

	world->seen++;
	if (open > world->open_at_most)
		world->open_at_most = open;
	assert_string_equal(server_request_header(request, "Accept"), "application/json");
	assert_string_equal(server_request_header(request, "User-Agent"), "feedloom");
	assert_null(server_request_header(request, "Accept-Encoding"));
	if (strcmp(request->path, "/held") == 0) {
		world->held[world->held_count++] = exchange;
	} else if (strcmp(request->path, "/limited") == 0) {
		assert_int_equal(exchange_respond(exchange, 429, "", &retry, 1, "", 0), 0);
	} else if (strcmp(request->path, "/large") == 0) {
		memset(large, 'a', sizeof(large));
		assert_int_equal(exchange_respond(exchange, 200, "", NULL, 0, large, sizeof(large)), 0);
	} else if (strcmp(request->path, "/chunks") == 0) {
		assert_int_equal(exchange_begin(exchange, 200, "text/plain"), 0);
		assert_int_equal(exchange_more(exchange, "one ", 4), 0);
		assert_int_equal(exchange_more(exchange, "two", 3), 0);
		assert_int_equal(exchange_end(exchange), 0);
	} else if (strcmp(request->path, "/echo") == 0) {
		assert_non_null(server_request_header(request, "Content-Length"));
		assert_int_equal(
			exchange_respond(exchange, 200, "text/plain", NULL, 0, request->body, request->length),
			0);
	} else {
		assert_int_equal(exchange_respond(exchange, 200, "application/json", NULL, 0, body_seen,
							 strlen(body_seen)),
			0);
	}
}

static void on_gone(void *data, struct exchange *exchange)
{
	struct world *world = data;

	for (int i = 0; i < world->held_count; i++)
		if (world->held[i] == exchange)
			world->held[i] = NULL;
}

static const struct server_owner owner = { .on_request = on_request, .on_gone = on_gone };

/* ---- raw servers ---- */

static bool on_raw_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct raw *raw = data;
	struct world *world = raw->world;

	(void)received_ns;
	assert_int_equal(buf_append(&raw->in, bytes, length), 0);
	const char *end = strstr(buf_string(&raw->in), "\r\n\r\n");
	if (end == NULL)
		return true;
	buf_clear(&raw->in, 0);
	assert_true(world->raw_heads < 8);
	const char *reply = world->replies[world->raw_heads++];
	if (reply == NULL) {
		tcp_abort(raw->tcp);
		raw->tcp = NULL;
		return false;
	}
	assert_int_equal(tcp_write(raw->tcp, reply, strlen(reply)), 0);
	return true;
}

static void on_raw_end(void *data, int error)
{
	struct raw *raw = data;

	(void)error;
	tcp_close(raw->tcp);
	raw->tcp = NULL;
}

static const struct tcp_events raw_events = { .on_read = on_raw_read, .on_end = on_raw_end };

static void on_raw_accept(void *data, struct tcp *tcp)
{
	struct world *world = data;

	assert_true(world->raw_count < 8);
	struct raw *raw = &world->raws[world->raw_count++];
	*raw = (struct raw){ .world = world, .tcp = tcp };
	buf_init(&raw->in, 0);
	tcp_attach(tcp, &raw_events, raw);
}

/* ---- the world ---- */

static void on_tick(void *data)
{
	(void)data;
}

static void world_open(struct world *world)
{
	const struct fl_listen how = { .address = "127.0.0.1:0", .guarded = true };

	*world = (struct world){ 0 };
	assert_int_equal(loop_open(&world->loop), 0);
	assert_int_equal(server_open(world->loop, "test", &how, &owner, world, &world->server), 0);
	assert_int_equal(
		tcp_listen(world->loop, "127.0.0.1", 0, 8, on_raw_accept, world, &world->listener), 0);
	assert_int_equal(requests_open(world->loop, &world->requests), 0);
	world->tick = timer_create(world->loop, on_tick, NULL);
	timer_start(world->tick, 20 * FL_MS, 20 * FL_MS);
}

static void world_close(struct world *world)
{
	requests_close(world->requests);
	server_close(world->server);
	tcp_listener_close(world->listener);
	for (int i = 0; i < world->raw_count; i++) {
		tcp_close(world->raws[i].tcp);
		buf_finish(&world->raws[i].in);
	}
	timer_destroy(world->tick);
	loop_close(world->loop);
}

#define UNTIL(world, condition)                                                                    \
	do {                                                                                           \
		int64_t until_ns_ = clock_monotonic_ns((world)->loop) + FL_MINUTE;                         \
		while (!(condition)) {                                                                     \
			loop_turn((world)->loop, true);                                                        \
			if (clock_monotonic_ns((world)->loop) > until_ns_)                                     \
				fail_msg("waited in vain for: %s", #condition);                                    \
		}                                                                                          \
	} while (0)

static void on_done(void *data, const struct fl_response *response)
{
	struct world *world = data;
	const char *type = response_header(response, "CONTENT-TYPE");
	int64_t resolve_ns, secure_ns;

	assert_false(world->is_within_start);
	assert_true(world->count < ANSWERS_MAX);
	assert_true(response->received_ns > 0);
	assert_int_equal(response->body[response->length], 0);
	struct got *got = &world->got[world->count++];
	*got = (struct got){ .status = response->status,
		.reason = response->reason,
		.length = response->length,
		.retry_after_ns = response->retry_after_ns };
	snprintf(got->body, sizeof(got->body), "%s", response->body);
	snprintf(got->detail, sizeof(got->detail), "%s", response->detail);
	snprintf(got->type, sizeof(got->type), "%s", type == NULL ? "" : type);
	if (world->timed != NULL)
		request_timing(world->timed, &resolve_ns, &world->connect_ns, &secure_ns);
	request_cancel(world->cancel_in_done);
	if (world->close_in_done) {
		requests_close(world->requests);
		world->requests = NULL;
	}
}

static int start(struct world *world, uint16_t port, const char *path,
	const struct fl_request *what, struct request **out)
{
	struct fl_request request = *what;
	struct request *ignored;
	char url[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	request.url = url;
	world->is_within_start = true;
	int error =
		request_start(world->requests, &request, on_done, world, out != NULL ? out : &ignored);
	world->is_within_start = false;
	return error;
}

/** A GET to our server. */
static void get(struct world *world, const char *path)
{
	assert_int_equal(
		start(world, server_port(world->server), path, &(struct fl_request){ 0 }, NULL), 0);
}

static void get_raw(struct world *world, const struct fl_request *what)
{
	assert_int_equal(start(world, tcp_listener_port(world->listener), "/", what, NULL), 0);
}

static const struct got *next(struct world *world)
{
	int count = world->count;

	UNTIL(world, world->count > count);
	return &world->got[count];
}

/* ---- what is true ---- */

static void streams_are_kept_for_the_next_request(void **state)
{
	struct world world;
	const struct got *got;

	(void)state;
	world_open(&world);
	for (int i = 0; i < 5; i++) {
		get(&world, i % 2 == 0 ? "/" : "/chunks");
		got = next(&world);
		assert_int_equal(got->status, 200);
		assert_string_equal(got->body, i % 2 == 0 ? body_seen : "one two");
		assert_string_equal(got->type, i % 2 == 0 ? "application/json" : "text/plain");
		assert_int_equal(got->retry_after_ns, -1);
	}
	assert_int_equal(server_connections(world.server), 1);
	struct fl_request post = { .method = "POST", .body = "hello", .body_length = 5 };
	assert_int_equal(start(&world, server_port(world.server), "/echo", &post, NULL), 0);
	assert_string_equal(next(&world)->body, "hello");
	post.body_length = 0; /* has a Content-Length, too */
	assert_int_equal(start(&world, server_port(world.server), "/echo", &post, NULL), 0);
	assert_string_equal(next(&world)->body, "");
	struct fl_request head = { .method = "HEAD" };
	assert_int_equal(start(&world, server_port(world.server), "/", &head, NULL), 0);
	got = next(&world);
	assert_int_equal(got->status, 200);
	assert_int_equal(got->length, 0);
	assert_int_equal(server_connections(world.server), 1);
	world_close(&world);
}

static void an_origin_has_four_streams_and_a_queue(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	for (int i = 0; i < 10; i++)
		get(&world, "/held");
	UNTIL(&world, world.held_count == 4);
	for (int i = 0; i < 5; i++)
		loop_turn(world.loop, true);
	assert_int_equal(world.seen, 4);
	for (int i = 0; i < 10; i++) {
		UNTIL(&world, world.held_count > i);
		assert_int_equal(exchange_respond(world.held[i], 200, "", NULL, 0, "", 0), 0);
	}
	UNTIL(&world, world.count == 10);
	assert_int_equal(world.open_at_most, 4);
	world_close(&world);
}

static void the_queue_is_bounded(void **state)
{
	struct world world;
	struct request *first = NULL;

	(void)state;
	world_open(&world);
	uint16_t port = server_port(world.server);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(
			start(&world, port, "/held", &(struct fl_request){ 0 }, i == 0 ? &first : NULL), 0);
	assert_int_equal(start(&world, port, "/", &(struct fl_request){ 0 }, NULL), -EAGAIN);
	UNTIL(&world, world.held_count == 4);
	request_cancel(first); /* one in flight */
	get(&world, "/held");
	assert_int_equal(start(&world, port, "/", &(struct fl_request){ 0 }, NULL), -EAGAIN);
	UNTIL(&world, world.held_count == 5); /* its stream went with it, another request came */
	assert_int_equal(world.count, 0);
	requests_close(world.requests);
	world.requests = NULL;
	assert_int_equal(world.count, 0);
	world_close(&world);
}

static void what_cannot_be_asked_is_refused_at_once(void **state)
{
	static const struct fl_header split = { "X", "a\r\nb" }, host = { "host", "x" };
	struct world world;
	struct request *request;
	const struct fl_request bad[] = { { .url = NULL }, { .url = "ws://h/" }, { .url = "ftp://h/" },
		{ .url = "nonsense" }, { .url = "http://h/", .headers = &split, .header_count = 1 },
		{ .url = "http://h/", .headers = &host, .header_count = 1 },
		{ .url = "http://h/", .method = "GET /x" } };
	const struct fl_request unverified = { .url = "https://h.example/",
		.tls = { .skip_verify = true } };

	(void)state;
	world_open(&world);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			request_start(world.requests, &bad[i], on_done, &world, &request), -EINVAL);
	assert_int_equal(request_start(world.requests, &unverified, on_done, &world, &request), -EPERM);
	world_close(&world);
}

static void a_stale_stream_is_tried_once_more(void **state)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
	char reply[80];
	struct world world;

	(void)state;
	snprintf(reply, sizeof(reply), "%sok", ok);
	world_open(&world);
	world.replies[0] = reply;
	world.replies[1] = NULL; /* the kept stream dies under the second request */
	world.replies[2] = reply;
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->status, 200);
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->status, 200);
	assert_int_equal(world.raw_count, 2);
	assert_int_equal(world.raw_heads, 3);

	world.replies[3] = world.replies[4] = NULL; /* but once only */
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->status, 0);
	assert_int_equal(world.raw_heads, 5);
	world_close(&world);
}

static void what_may_not_be_repeated_is_not(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	world.replies[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	world.replies[1] = NULL;
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->status, 200);
	get_raw(&world, &(struct fl_request){ .method = "POST" });
	const struct got *got = next(&world);
	assert_int_equal(got->status, 0);
	assert_true(got->reason == FL_REASON_RESET || got->reason == FL_REASON_END_OF_STREAM);
	assert_int_equal(world.raw_heads, 2);
	world_close(&world);

	world_open(&world); /* nor what a fresh stream has lost */
	world.replies[0] = NULL;
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->status, 0);
	assert_int_equal(world.raw_heads, 1);
	world_close(&world);

	world_open(&world); /* nor what has been answered in part */
	world.replies[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	world.replies[1] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab";
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->status, 200);
	get_raw(&world, &(struct fl_request){ 0 });
	UNTIL(&world, world.raw_heads == 2);
	for (int i = 0; i < 3; i++)
		loop_turn(world.loop, true);
	tcp_close(world.raws[0].tcp);
	world.raws[0].tcp = NULL;
	assert_int_equal(next(&world)->reason, FL_REASON_END_OF_STREAM);
	assert_int_equal(world.raw_heads, 2);
	world_close(&world);
}

static void deadlines_end_what_does_not_come(void **state)
{
	const struct fl_request first_byte = { .first_byte_timeout_ns = 50 * FL_MS };
	const struct fl_request idle = { .idle_timeout_ns = 50 * FL_MS };
	const struct fl_request connect = { .url = "https://127.0.0.1:1/",
		.connect_timeout_ns = 50 * FL_MS };
	struct fl_request secure = connect;
	struct request *request;
	char url[64];
	struct world world;

	(void)state;
	world_open(&world);
	world.replies[0] = "";
	world.replies[1] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab";
	get_raw(&world, &first_byte);
	const struct got *got = next(&world);
	assert_int_equal(got->reason, FL_REASON_TIMED_OUT);
	assert_non_null(strstr(got->detail, "no answer from 127.0.0.1:"));
	get_raw(&world, &idle);
	got = next(&world);
	assert_int_equal(got->reason, FL_REASON_SILENT);
	assert_non_null(strstr(got->detail, "stopped for 0.05 s"));
	/* A TLS handshake that nobody answers: the raw server waits for a head that never comes. */
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", tcp_listener_port(world.listener));
	secure.url = url;
	secure.tls.skip_verify = true;
	assert_int_equal(request_start(world.requests, &secure, on_done, &world, &request), 0);
	got = next(&world);
	assert_int_equal(got->reason, FL_REASON_TIMED_OUT);
	assert_non_null(strstr(got->detail, "no connection to 127.0.0.1:"));
	assert_int_equal(got->retry_after_ns, -1);
	world_close(&world);
}

static void failures_have_their_reason(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	world.replies[0] = "SSH-2.0-OpenSSH\r\n";
	world.replies[1] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd";
	world.replies[2] = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->reason, FL_REASON_PROTOCOL);
	get_raw(&world, &(struct fl_request){ 0 });
	assert_int_equal(next(&world)->reason, FL_REASON_PROTOCOL);
	get_raw(&world, &(struct fl_request){ .response_limit_bytes = 98 });
	assert_int_equal(next(&world)->reason, FL_REASON_TOO_LARGE);
	struct fl_request large = { .response_limit_bytes = 99999 };
	assert_int_equal(start(&world, server_port(world.server), "/large", &large, NULL), 0);
	assert_int_equal(next(&world)->reason, FL_REASON_TOO_LARGE);
	large.response_limit_bytes = 100000;
	assert_int_equal(start(&world, server_port(world.server), "/large", &large, NULL), 0);
	assert_int_equal(next(&world)->length, 100000);
	uint16_t port = tcp_listener_port(world.listener);
	tcp_listener_close(world.listener);
	world.listener = NULL;
	assert_int_equal(start(&world, port, "/", &(struct fl_request){ 0 }, NULL), 0);
	const struct got *got = next(&world);
	assert_int_equal(got->status, 0);
	assert_int_equal(got->reason, FL_REASON_REFUSED);
	world_close(&world);
}

static void retry_after_arrives_in_ns(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	world.replies[0] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
					   "Date: Sun, 06 Nov 1994 08:49:07 GMT\r\n"
					   "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
	get(&world, "/limited");
	const struct got *got = next(&world);
	assert_int_equal(got->status, 429);
	assert_int_equal(got->retry_after_ns, 7 * FL_SECOND);
	get_raw(&world, &(struct fl_request){ 0 });
	got = next(&world);
	assert_int_equal(got->status, 503);
	assert_int_equal(got->retry_after_ns, 30 * FL_SECOND); /* by the server's own clock */
	world_close(&world);
}

static void responses_until_the_end_and_closes_are_understood(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	world.replies[0] = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
	world.replies[1] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
	world.replies[2] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n";
	world.replies[3] = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
					   "Content-Length: 1\r\n\r\nc";
	get_raw(&world, &(struct fl_request){ 0 });
	UNTIL(&world, world.raw_heads == 1);
	loop_turn(world.loop, true);
	tcp_close(world.raws[0].tcp);
	world.raws[0].tcp = NULL;
	assert_string_equal(next(&world)->body, "until the end");
	get_raw(&world, &(struct fl_request){ 0 });
	assert_string_equal(next(&world)->body, "a");
	get_raw(&world, &(struct fl_request){ 0 });
	assert_string_equal(next(&world)->body, "a"); /* what was not asked for ends the stream */
	get_raw(&world, &(struct fl_request){ 0 });
	assert_string_equal(next(&world)->body, "c");
	assert_int_equal(world.raw_count, 4);
	world_close(&world);
}

static void cancelling_and_closing_inside_are_safe(void **state)
{
	struct world world;
	struct request *request;

	(void)state;
	world_open(&world);
	uint16_t port = server_port(world.server);
	assert_int_equal(
		start(&world, port, "/held", &(struct fl_request){ 0 }, &world.cancel_in_done), 0);
	get(&world, "/");
	assert_int_equal(next(&world)->status, 200);
	for (int i = 0; i < 5; i++)
		loop_turn(world.loop, true);
	assert_int_equal(world.count, 1);
	world.cancel_in_done = NULL;

	assert_int_equal(start(&world, port, "/", &(struct fl_request){ 0 }, &request), 0);
	world.cancel_in_done = request; /* itself, within its own end */
	world.timed = request;
	assert_int_equal(next(&world)->status, 200);
	assert_int_equal(world.connect_ns, 0); /* it went over a kept stream */
	world.cancel_in_done = world.timed = NULL;

	assert_int_equal(start(&world, port, "/", &(struct fl_request){ 0 }, &request), 0);
	request_cancel(request); /* before it began */
	request_cancel(NULL);
	get(&world, "/held");
	get(&world, "/");
	world.close_in_done = true;
	assert_int_equal(next(&world)->status, 200);
	assert_null(world.requests);
	world_close(&world);

	world_open(&world); /* closing under a failure */
	world.close_in_done = true;
	get(&world, "/held");
	tcp_listener_close(world.listener);
	world.listener = NULL;
	assert_int_equal(start(&world, 1, "/", &(struct fl_request){ 0 }, &world.timed), 0);
	assert_int_equal(next(&world)->reason, FL_REASON_REFUSED);
	world_close(&world);
}

static void timing_tells_what_the_connection_took(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	assert_int_equal(
		start(&world, server_port(world.server), "/", &(struct fl_request){ 0 }, &world.timed), 0);
	assert_int_equal(next(&world)->status, 200);
	assert_true(world.connect_ns > 0);
	world_close(&world);
}

static void https_is_served_and_verified(void **state)
{
	const struct fl_listen how = { .address = "127.0.0.1:0",
		.guarded = true,
		.cert_file = FIXTURES "/tls/server.pem",
		.key_file = FIXTURES "/tls/server-key.pem" };
	struct fl_request what = { .tls = { .ca_file = FIXTURES "/tls/ca.pem" } };
	struct world world;
	struct request *request;
	char url[64];

	(void)state;
	world_open(&world);
	server_close(world.server);
	assert_int_equal(server_open(world.loop, "test", &how, &owner, &world, &world.server), 0);
	snprintf(url, sizeof(url), "https://localhost:%u/large", server_port(world.server));
	what.url = url;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(request_start(world.requests, &what, on_done, &world, &request), 0);
		const struct got *got = next(&world);
		assert_string_equal(got->detail, "");
		assert_int_equal(got->length, 100000);
	}
	assert_int_equal(server_connections(world.server), 1);
	what.tls.ca_file = FIXTURES "/tls/stranger.pem"; /* another trust is another origin */
	assert_int_equal(request_start(world.requests, &what, on_done, &world, &request), 0);
	assert_int_equal(next(&world)->reason, FL_REASON_CERTIFICATE);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_kept_for_the_next_request),
		cmocka_unit_test(an_origin_has_four_streams_and_a_queue),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(what_cannot_be_asked_is_refused_at_once),
		cmocka_unit_test(a_stale_stream_is_tried_once_more),
		cmocka_unit_test(what_may_not_be_repeated_is_not),
		cmocka_unit_test(deadlines_end_what_does_not_come),
		cmocka_unit_test(failures_have_their_reason),
		cmocka_unit_test(retry_after_arrives_in_ns),
		cmocka_unit_test(responses_until_the_end_and_closes_are_understood),
		cmocka_unit_test(cancelling_and_closing_inside_are_safe),
		cmocka_unit_test(timing_tells_what_the_connection_took),
		cmocka_unit_test(https_is_served_and_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
