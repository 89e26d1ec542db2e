/* server: raw clients over loopback, in one loop with it. */
#include "unit.h"

#include "clock.h"
#include "loop.h"
#include "server.h"
#include "stream.h"
#include "tcp.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
	struct loop *loop;
	struct server *server;
	struct timer *tick; /* so that a wait for what never comes ends */
	struct exchange *held[16];
	int held_count, gone, requests;
	struct stream *upgraded;
	char early[64];
};

struct client {
	struct world *world;
	struct tcp *tcp;
	struct buf in;
	bool is_connected, has_ended;
};

/* ---- the owner ---- */

static void answer_path(
	struct world *world, struct exchange *exchange, const struct fl_http_request *request)
{
	static const struct fl_header split = { "X", "a\r\nb" };
	char text[64];

	if (strcmp(request->path, "/now") == 0) {
		assert_int_equal(exchange_respond(exchange, 200, "text/plain", NULL, 0, request->query,
							 strlen(request->query)),
			0);
	} else if (strcmp(request->path, "/length") == 0) {
		int length = snprintf(text, sizeof(text), "%zu bytes", request->length);

		assert_int_equal(
			exchange_respond(exchange, 200, "text/plain", NULL, 0, text, (size_t)length), 0);
	} else if (strcmp(request->path, "/split") == 0) {
		assert_int_equal(exchange_respond(exchange, 200, "t", &split, 1, "", 0), -EINVAL);
		assert_int_equal(exchange_problem(exchange, 500, "a \"quoted\" detail"), 0);
	} else if (strcmp(request->path, "/close") == 0) {
		server_close(world->server);
		world->server = NULL;
	} else if (strcmp(request->path, "/later") == 0 || strcmp(request->path, "/stream") == 0) {
		assert_true(world->held_count < 16);
		exchange_set_data(exchange, world);
		world->held[world->held_count++] = exchange;
		if (strcmp(request->path, "/stream") == 0)
			assert_int_equal(exchange_begin(exchange, 200, "text/event-stream"), 0);
	} else {
		assert_int_equal(exchange_problem(exchange, 404, "no such path"), 0);
	}
}

static void on_request(void *data, struct exchange *exchange, const struct fl_http_request *request)
{
	struct world *world = data;

	world->requests++;
	assert_memory_equal(request->peer, "127.0.0.1:", 10);
	assert_non_null(server_request_header(request, "HOST"));
	answer_path(world, exchange, request);
}

static void on_gone(void *data, struct exchange *exchange)
{
	struct world *world = data;

	world->gone++;
	for (int i = 0; i < world->held_count; i++)
		if (world->held[i] == exchange)
			world->held[i] = NULL;
}

static int on_upgrade(void *data, const struct fl_http_request *request)
{
	(void)data;
	return strcmp(request->query, "no") == 0 ? 403 : 0;
}

static void on_upgraded(
	void *data, struct stream *stream, char *early, size_t length, int64_t received_ns)
{
	struct world *world = data;

	assert_true(received_ns > 0);
	assert_null(world->upgraded);
	world->upgraded = stream;
	snprintf(world->early, sizeof(world->early), "%.*s", (int)length, early);
}

static const struct server_owner owner = { on_request, on_gone, on_upgrade, on_upgraded };

/* ---- the world ---- */

static void on_tick(void *data)
{
	(void)data;
}

static const char *const websocket_paths[] = { "/ws", NULL };

static void world_open(struct world *world, const struct fl_listen *how)
{
	struct fl_listen listen = *how;

	*world = (struct world){ 0 };
	assert_int_equal(loop_open(&world->loop), 0);
	if (listen.address == NULL)
		listen.address = "127.0.0.1:0";
	listen.websocket_paths = (struct fl_names){ websocket_paths, 1 };
	assert_int_equal(server_open(world->loop, "test", &listen, &owner, world, &world->server), 0);
	world->tick = timer_create(world->loop, on_tick, NULL);
	timer_start(world->tick, 20 * FL_MS, 20 * FL_MS);
}

static void world_close(struct world *world)
{
	stream_close(world->upgraded);
	server_close(world->server);
	timer_destroy(world->tick);
	loop_close(world->loop);
}

/* Turns the loop until it is so, for at most a minute. */
#define UNTIL(world, condition)                                                                    \
	do {                                                                                           \
		int64_t until_ns_ = clock_monotonic_ns((world)->loop) + FL_MINUTE;                         \
		while (!(condition)) {                                                                     \
			loop_turn((world)->loop, true);                                                        \
			if (clock_monotonic_ns((world)->loop) > until_ns_)                                     \
				fail_msg("waited in vain for: %s", #condition);                                    \
		}                                                                                          \
	} while (0)

static void turn_for(struct world *world, int64_t delay_ns)
{
	int64_t until_ns = clock_monotonic_ns(world->loop) + delay_ns;

	while (clock_monotonic_ns(world->loop) < until_ns)
		loop_turn(world->loop, true);
}

/* ---- clients ---- */

static void on_connected(void *data, int error)
{
	struct client *client = data;

	assert_int_equal(error, 0);
	client->is_connected = true;
}

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct client *client = data;

	(void)received_ns;
	assert_int_equal(buf_append(&client->in, bytes, length), 0);
	return true;
}

static void on_end(void *data, int error)
{
	struct client *client = data;

	(void)error;
	client->has_ended = true;
}

static const struct tcp_events events = { on_connected, on_read, on_end, NULL };

static void client_open(struct client *client, struct world *world)
{
	struct address address = { .text = "127.0.0.1", .port = server_port(world->server) };

	*client = (struct client){ .world = world };
	buf_init(&client->in, 0);
	assert_int_equal(tcp_dial(world->loop, &address, 1, &events, client, &client->tcp), 0);
	UNTIL(world, client->is_connected);
}

static void client_close(struct client *client)
{
	tcp_abort(client->tcp);
	buf_finish(&client->in);
}

static void say(struct client *client, const char *text)
{
	assert_int_equal(tcp_write(client->tcp, text, strlen(text)), 0);
}

static const char *heard(struct client *client)
{
	return buf_string(&client->in);
}

static bool has(struct client *client, const char *text)
{
	return strstr(heard(client), text) != NULL;
}

#define AWAIT(client, text) UNTIL((client)->world, has(client, text))

static void starts_with(struct client *client, const char *text)
{
	if (strncmp(heard(client), text, strlen(text)) != 0)
		fail_msg("wanted %s, heard %s", text, heard(client));
}

/** Sends on a fresh connection and expects a status line and (unless NULL) some text. */
static void expect(struct world *world, const char *request, const char *status, const char *text)
{
	struct client client;

	client_open(&client, world);
	say(&client, request);
	AWAIT(&client, "\r\n\r\n");
	starts_with(&client, status);
	if (text != NULL)
		AWAIT(&client, text);
	client_close(&client);
}

/* ---- what is true ---- */

static void answers_keep_the_connection_and_say_their_length(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ .guarded = true });
	client_open(&client, &world);
	say(&client, "GET /now?one HTTP/1.1\r\nHost: localhost\r\n\r\n");
	AWAIT(&client, "\r\n\r\none");
	assert_string_equal(heard(&client),
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\none");
	buf_clear(&client.in, 0);
	say(&client,
		"POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	AWAIT(&client, "5 bytes");
	assert_false(client.has_ended);
	assert_int_equal(server_connections(world.server), 1);
	say(&client, "GET /now HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	AWAIT(&client, "Connection: close\r\n");
	UNTIL(&world, client.has_ended);
	client_close(&client);
	world_close(&world);
}

static void problems_are_documents(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, &(struct fl_listen){ .guarded = true });
	expect(&world, "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n",
		"{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
		"\"detail\":\"no such path\"}");
	expect(&world, "GET /split HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 500 ",
		"a \\\"quoted\\\" detail");
	expect(&world, "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ", NULL);
	expect(&world, "GET http://localhost/now HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ",
		NULL);
	expect(&world, "GET /now HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Host");
	expect(&world, "GET /now HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 421 ", "localhost");
	expect(&world, "GET /now HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n",
		"HTTP/1.1 403 ", "origin");
	expect(&world, "NONSENSE\r\n\r\n", "HTTP/1.1 501 ", "Connection: close");
	assert_int_equal(world.requests, 2);
	world_close(&world);
}

static void networks_need_the_token_or_trust(void **state)
{
	static const char *const open_paths[] = { "/now", NULL };
	static const char *const trust[] = { "10.0.0.0/8", "127.0.0.0/8", NULL };
	const char *later = "GET /x HTTP/1.1\r\nHost: nas\r\n\r\n";
	struct fl_listen how = {
		.address = "0.0.0.0:0", .guarded = true, .token = "secret", .open_paths = { open_paths, 1 }
	};
	struct world world;

	(void)state;
	world_open(&world, &how);
	expect(&world, later, "HTTP/1.1 401 ", "WWW-Authenticate: Bearer\r\n");
	expect(&world, "GET /now HTTP/1.1\r\nHost: nas\r\n\r\n", "HTTP/1.1 200 ", NULL);
	expect(&world, "GET /x HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer secret\r\n\r\n",
		"HTTP/1.1 404 ", NULL);
	how.trust = (struct fl_names){ trust, 2 };
	assert_true(server_adopt(world.server, &how)); /* a reload takes the new guard over */
	expect(&world, later, "HTTP/1.1 404 ", NULL);
	how.address = "0.0.0.0:1";
	assert_false(server_adopt(world.server, &how));
	world_close(&world);
}

static void a_server_that_cannot_be_is_refused(void **state)
{
	static const char *const trust[] = { "nas", NULL };
	struct fl_listen how = { .address = "0.0.0.0:0", .guarded = true };
	char taken[32];
	struct server *server;
	struct world world;

	(void)state;
	world_open(&world, &(struct fl_listen){ .guarded = true });
	assert_int_equal(server_open(world.loop, "test", &how, &owner, NULL, &server), -EPERM);
	how.trust = (struct fl_names){ trust, 1 };
	assert_int_equal(server_open(world.loop, "test", &how, &owner, NULL, &server), -EINVAL);
	how = (struct fl_listen){ .address = "nas:80" };
	assert_int_equal(server_open(world.loop, "test", &how, &owner, NULL, &server), -EINVAL);
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", server_port(world.server));
	how = (struct fl_listen){ .address = taken };
	assert_int_equal(server_open(world.loop, "test", &how, &owner, NULL, &server), -EADDRINUSE);
	how = (struct fl_listen){ .address = "127.0.0.1:0", .cert_file = "/nonexistent" };
	assert_int_equal(server_open(world.loop, "test", &how, &owner, NULL, &server), -EINVAL);
	world_close(&world);
}

static void pipelined_answers_keep_their_order(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client,
		"GET /now?1 HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n"
		"GET /now?3 HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n"
		"GET /now?5 HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	AWAIT(&client, "\r\n\r\n1");
	turn_for(&world, 50 * FL_MS);
	assert_int_equal(world.requests, 2); /* the third waits for the second's answer */
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, "2", 1), 0);
	UNTIL(&world, world.held_count == 2);
	AWAIT(&client, "\r\n\r\n3");
	assert_int_equal(exchange_respond(world.held[1], 200, "", NULL, 0, "4", 1), 0);
	AWAIT(&client, "\r\n\r\n5");
	char order[8] = { 0 };
	for (char *at = buf_bytes(&client.in); (at = strstr(at, "\r\n\r\n")) != NULL; at += 4)
		strncat(order, at + 4, 1);
	assert_string_equal(order, "12345");
	client_close(&client);
	world_close(&world);
}

static void pipelined_bytes_are_not_hoarded(void **state)
{
	static char body[300 * 1024];
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	for (int i = 0; i < 100; i++) { /* 30 MB behind a request that is not answered yet */
		say(&client, "POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 307200\r\n\r\n");
		assert_int_equal(tcp_write(client.tcp, body, sizeof(body)), 0);
	}
	turn_for(&world, 200 * FL_MS);
	assert_true(tcp_queued(client.tcp) > 10 * 1024 * 1024); /* they are still the client's */
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, "", 0), 0);
	UNTIL(&world, world.requests == 101);
	client_close(&client);
	world_close(&world);
}

static void head_and_http_1_0_are_answered(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client,
		"HEAD /now?abc HTTP/1.1\r\nHost: h\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	assert_int_equal(exchange_more(world.held[0], "unseen", 6), 0);
	assert_int_equal(exchange_end(world.held[0]), 0);
	say(&client, "GET /now?last HTTP/1.1\r\nHost: h\r\n\r\n");
	AWAIT(&client, "\r\n\r\nlast");
	assert_true(has(&client, "Content-Length: 3\r\n\r\nHTTP/1.1"));
	assert_false(has(&client, "unseen"));
	client_close(&client);

	client_open(&client, &world); /* no chunks in HTTP/1.0 */
	say(&client, "GET /stream HTTP/1.0\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 2);
	assert_int_equal(exchange_more(world.held[1], "abc", 3), 0);
	assert_int_equal(exchange_more(world.held[1], "def", 3), 0);
	assert_int_equal(exchange_end(world.held[1]), 0);
	UNTIL(&world, client.has_ended);
	assert_true(has(&client, "Connection: close\r\n\r\nabcdef"));
	assert_false(has(&client, "chunked"));
	client_close(&client);
	world_close(&world);
}

static void answers_come_in_pieces(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	AWAIT(&client, "Transfer-Encoding: chunked\r\n\r\n");
	assert_ptr_equal(exchange_data(world.held[0]), &world);
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, "", 0), -EINVAL);
	assert_int_equal(exchange_more(world.held[0], "data: 1\n\n", 9), 0);
	AWAIT(&client, "9\r\ndata: 1\n\n\r\n");
	assert_int_equal(exchange_more(world.held[0], "", 0), 0); /* not the end */
	assert_int_equal(exchange_end(world.held[0]), 0);
	AWAIT(&client, "\r\n0\r\n\r\n");
	say(&client, "GET /now?on HTTP/1.1\r\nHost: h\r\n\r\n");
	AWAIT(&client, "\r\n\r\non");
	client_close(&client);
	world_close(&world);
}

static void who_is_too_slow_to_ask_is_told(void **state)
{
	struct world world;
	struct client slow, silent;

	(void)state;
	world_open(&world, &(struct fl_listen){ .request_timeout_ns = 200 * FL_MS });
	client_open(&silent, &world);
	client_open(&slow, &world);
	int64_t began_ns = clock_monotonic_ns(world.loop);
	say(&slow, "POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
	while (!slow.has_ended && heard(&slow)[0] == '\0') { /* a byte at a time keeps nobody */
		say(&slow, "x");
		turn_for(&world, 30 * FL_MS);
	}
	assert_true(clock_monotonic_ns(world.loop) - began_ns < 3 * FL_SECOND);
	AWAIT(&slow, "\r\n\r\n");
	starts_with(&slow, "HTTP/1.1 408 ");
	UNTIL(&world, slow.has_ended && silent.has_ended);
	assert_string_equal(heard(&silent), ""); /* it has asked nothing */
	assert_int_equal(server_connections(world.server), 0);
	client_close(&slow);
	client_close(&silent);
	world_close(&world);
}

static void idle_connections_end(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ .idle_timeout_ns = 100 * FL_MS });
	client_open(&client, &world);
	say(&client, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
	AWAIT(&client, "200 OK");
	UNTIL(&world, client.has_ended);
	client_close(&client);
	client_open(&client, &world); /* an answer that takes longer is waited for */
	say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	turn_for(&world, 300 * FL_MS);
	assert_false(client.has_ended);
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, "2", 1), 0);
	AWAIT(&client, "\r\n\r\n2");
	client_close(&client);
	world_close(&world);
}

static void limits_are_said_before_the_end(void **state)
{
	static char body[100 * 1024];
	struct fl_listen how = {
		.header_limit_bytes = 1024, .body_limit_bytes = 1000, .connection_limit = 2
	};
	struct world world;
	struct client client, other;

	(void)state;
	memset(body, 'a', sizeof(body) - 1);
	world_open(&world, &how);
	client_open(&client, &world);
	say(&client, "POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 102399\r\n\r\n");
	say(&client, body); /* what it still sends does not reset the connection under the answer */
	UNTIL(&world, client.has_ended);
	starts_with(&client, "HTTP/1.1 413 ");
	client_close(&client);
	client_open(&client, &world);
	say(&client, "GET /now HTTP/1.1\r\nX: ");
	say(&client, body);
	UNTIL(&world, client.has_ended);
	starts_with(&client, "HTTP/1.1 431 ");
	client_close(&client);
	UNTIL(&world, server_connections(world.server) == 0);

	client_open(&client, &world);
	client_open(&other, &world);
	UNTIL(&world, server_connections(world.server) == 2);
	expect(&world, "GET /now HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 503 ", "Connection: close");
	say(&client, "GET /now?in HTTP/1.1\r\nHost: h\r\n\r\n");
	AWAIT(&client, "\r\n\r\nin");
	assert_int_equal(world.requests, 1);
	client_close(&client);
	client_close(&other);
	world_close(&world);
}

static void slow_readers_are_told_and_closed(void **state)
{
	static const char piece[16 * 1024];
	struct world world;
	struct client client;
	size_t taken = 0;
	int error = 0;

	(void)state;
	world_open(&world, &(struct fl_listen){ .send_limit_bytes = 1024 * 1024 });
	client_open(&client, &world);
	say(&client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	AWAIT(&client, "\r\n\r\n");
	tcp_pause(client.tcp);
	while (error == 0 && taken < 64 * 1024 * 1024) { /* the kernel's buffers take some, too */
		error = exchange_more(world.held[0], piece, sizeof(piece));
		taken += error == 0 ? sizeof(piece) : 0;
		loop_turn(world.loop, false);
	}
	assert_int_equal(error, -EAGAIN);
	assert_true(taken < 32 * 1024 * 1024);
	turn_for(&world, 50 * FL_MS);
	assert_int_equal(world.gone, 0); /* behind, not yet given up */
	for (int i = 0; i < 40; i++)
		assert_int_equal(exchange_more(world.held[0], piece, sizeof(piece)), -EAGAIN);
	assert_int_equal(world.gone, 0); /* the exchange holds until the turn's end */
	UNTIL(&world, world.gone == 1);
	assert_int_equal(server_connections(world.server), 0);
	client_close(&client);
	world_close(&world);
}

static void who_reads_nothing_for_long_is_closed(void **state)
{
	static char body[8 * 1024 * 1024];
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ .idle_timeout_ns = FL_SECOND });
	client_open(&client, &world);
	say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	tcp_pause(client.tcp);
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, body, sizeof(body)), 0);
	turn_for(&world, 50 * FL_MS);
	assert_int_equal(world.requests, 1); /* the second waits until the first is taken */
	UNTIL(&world, server_connections(world.server) == 0);
	assert_int_equal(world.requests, 1);
	client_close(&client);
	world_close(&world);
	world_open(&world, &(struct fl_listen){ .idle_timeout_ns = FL_MINUTE });
	client_open(&client, &world); /* who reads gets everything, be it the last answer */
	say(&client, "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, body, sizeof(body)), 0);
	UNTIL(&world, client.has_ended);
	assert_true(buf_length(&client.in) > sizeof(body));
	client_close(&client);
	world_close(&world);
}

static void the_owner_hears_of_clients_that_leave(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1);
	client_close(&client);
	UNTIL(&world, world.gone == 1);
	client_open(&client, &world);
	say(&client, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 2);
	server_close(world.server); /* a closing server says so too */
	world.server = NULL;
	assert_int_equal(world.gone, 2);
	client_close(&client);
	world_close(&world);
}

static void closing_and_draining_are_safe_inside(void **state)
{
	struct world world;
	struct client client, idle;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client, "GET /close HTTP/1.1\r\nHost: h\r\n\r\nGET /now HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, client.has_ended);
	assert_int_equal(world.gone, 1);
	assert_int_equal(world.requests, 1);
	client_close(&client);
	world_close(&world);

	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&idle, &world);
	client_open(&client, &world);
	say(&client, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
	UNTIL(&world, world.held_count == 1 && server_connections(world.server) == 2);
	server_drain(world.server);
	UNTIL(&world, idle.has_ended);
	assert_false(client.has_ended);
	assert_int_equal(exchange_respond(world.held[0], 200, "", NULL, 0, "late", 4), 0);
	UNTIL(&world, client.has_ended);
	assert_true(has(&client, "Connection: close\r\n\r\nlate"));
	client_close(&client);
	client_close(&idle);
	world_close(&world);
}

static void continue_is_said_to_who_expects_it(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client,
		"POST /length HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
		"Content-Length: 3\r\n\r\n");
	AWAIT(&client, "\r\n\r\n");
	assert_string_equal(heard(&client), "HTTP/1.1 100 Continue\r\n\r\n");
	say(&client, "abc");
	AWAIT(&client, "3 bytes");
	client_close(&client);
	world_close(&world);
}

#define WS_LINES                                                                                   \
	"Host: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"                                     \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void websockets_are_handed_over_with_their_early_bytes(void **state)
{
	struct world world;
	struct client client;

	(void)state;
	world_open(&world, &(struct fl_listen){ 0 });
	client_open(&client, &world);
	say(&client,
		"GET /now?1 HTTP/1.1\r\nHost: h\r\n\r\n"
		"GET /ws?yes HTTP/1.1\r\n" WS_LINES "Sec-WebSocket-Version: 13\r\n\r\nearly");
	UNTIL(&world, world.upgraded != NULL);
	assert_string_equal(world.early, "early");
	AWAIT(&client,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		"\r\n");
	assert_int_equal(server_connections(world.server), 0); /* the owner's now */
	assert_int_equal(stream_write(world.upgraded, "frames", 6), 0);
	AWAIT(&client, "\r\n\r\nframes");
	stream_close(world.upgraded);
	world.upgraded = NULL;
	client_close(&client);
	world_close(&world);
}

static void wrong_websocket_handshakes_are_refused(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, &(struct fl_listen){ .guarded = true });
	expect(&world, "GET /ws HTTP/1.1\r\n" WS_LINES "Sec-WebSocket-Version: 13\r\n\r\n",
		"HTTP/1.1 421 ", NULL); /* the guard is asked first */
	server_close(world.server);
	assert_int_equal(server_open(world.loop, "test",
						 &(struct fl_listen){
							 .address = "127.0.0.1:0", .websocket_paths = { websocket_paths, 1 } },
						 &owner, &world, &world.server),
		0);
	expect(&world, "GET /ws HTTP/1.1\r\n" WS_LINES "\r\n", "HTTP/1.1 426 ",
		"Sec-WebSocket-Version: 13\r\n");
	expect(&world, "GET /ws HTTP/1.1\r\n" WS_LINES "Sec-WebSocket-Version: 8\r\n\r\n",
		"HTTP/1.1 426 ", NULL);
	expect(&world, "GET /other HTTP/1.1\r\n" WS_LINES "Sec-WebSocket-Version: 13\r\n\r\n",
		"HTTP/1.1 404 ", NULL);
	expect(&world, "GET /ws?no HTTP/1.1\r\n" WS_LINES "Sec-WebSocket-Version: 13\r\n\r\n",
		"HTTP/1.1 403 ", NULL);
	expect(&world, "POST /ws HTTP/1.1\r\n" WS_LINES "Sec-WebSocket-Version: 13\r\n\r\n",
		"HTTP/1.1 400 ", NULL);
	expect(&world,
		"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Key: c2hvcnQ=\r\nSec-WebSocket-Version: 13\r\n\r\n",
		"HTTP/1.1 400 ", "Sec-WebSocket-Key");
	expect(&world, /* another protocol's upgrade is passed over, the connection goes on */
		"GET /now?a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
		"HTTP2-Settings: x\r\n\r\nGET /now?b HTTP/1.1\r\nHost: h\r\n\r\n",
		"HTTP/1.1 200 ", "\r\n\r\nb");
	assert_null(world.upgraded);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_keep_the_connection_and_say_their_length),
		cmocka_unit_test(problems_are_documents),
		cmocka_unit_test(networks_need_the_token_or_trust),
		cmocka_unit_test(a_server_that_cannot_be_is_refused),
		cmocka_unit_test(pipelined_answers_keep_their_order),
		cmocka_unit_test(pipelined_bytes_are_not_hoarded),
		cmocka_unit_test(head_and_http_1_0_are_answered),
		cmocka_unit_test(answers_come_in_pieces),
		cmocka_unit_test(who_is_too_slow_to_ask_is_told),
		cmocka_unit_test(idle_connections_end),
		cmocka_unit_test(limits_are_said_before_the_end),
		cmocka_unit_test(slow_readers_are_told_and_closed),
		cmocka_unit_test(who_reads_nothing_for_long_is_closed),
		cmocka_unit_test(the_owner_hears_of_clients_that_leave),
		cmocka_unit_test(closing_and_draining_are_safe_inside),
		cmocka_unit_test(continue_is_said_to_who_expects_it),
		cmocka_unit_test(websockets_are_handed_over_with_their_early_bytes),
		cmocka_unit_test(wrong_websocket_handshakes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
