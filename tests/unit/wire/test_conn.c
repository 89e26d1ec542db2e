/* Connections over loopback against a small server in this file, in the same loop. FIXTURES:
 * tests/fixtures. */
#include "clock.h"
#include "conn.h"
#include "http1.h"
#include "timer.h"
#include "unit.h"
#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM(name) FIXTURES "/tls/" name ".pem"

enum answer {
	UPGRADE,
	UPGRADE_AND_GREET,  /* a message in the same write as the 101 */
	UPGRADE_AND_IGNORE, /* never reads a frame */
	WRONG_KEY,
	REFUSE_403,
	REFUSE_429,
	NO_ANSWER,
};

/* ---- the server ---- */

struct server;

struct peer {
	struct server *server;
	struct stream *stream; /* until it is the conn's */
	struct http1 *http;
	struct conn *conn;
	bool is_asked; /* a request has come */
	char accept[32];
	struct buf heard; /* a line a message */
	char path[64];
	enum fl_reason end; /* why its conn closed */
	char end_detail[256];
};

struct server {
	struct loop *loop;
	struct tcp_listener *listener;
	struct tls_identity *identity;
	enum answer answer;
	struct peer peers[16];
	size_t peer_count;
};

static bool peer_on_state(void *data, struct conn *conn, enum fl_conn_state from,
	enum fl_conn_state to, enum fl_reason reason, const char *detail)
{
	struct peer *peer = data;

	(void)from;
	if (to != FL_CONN_CLOSED)
		return true;
	peer->end = reason;
	snprintf(peer->end_detail, sizeof(peer->end_detail), "%s", detail);
	conn_destroy(conn);
	peer->conn = NULL;
	return false;
}

static bool peer_on_message(void *data, struct conn *conn, const struct fl_message *message)
{
	struct peer *peer = data;

	buf_append(&peer->heard, message->data, message->length);
	buf_text(&peer->heard, "\n");
	if (message->length > 5 && memcmp(message->data, "echo ", 5) == 0)
		assert_int_equal(conn_send(conn, message->data + 5, message->length - 5), 0);
	return true;
}

static const struct conn_owner peer_owner = { peer_on_state, peer_on_message };

static bool on_request(void *data, const struct http1_message *request)
{
	struct peer *peer = data;
	const char *key = http1_header(&request->headers, "Sec-WebSocket-Key");

	assert_non_null(key);
	assert_string_equal(http1_header(&request->headers, "Sec-WebSocket-Version"), "13");
	assert_non_null(http1_header(&request->headers, "Host"));
	snprintf(peer->path, sizeof(peer->path), "%s", request->target);
	ws_accept_key(peer->server->answer == WRONG_KEY ? "wrong" : key, peer->accept);
	peer->is_asked = true;
	return true;
}

static void say(struct peer *peer, const char *text)
{
	assert_int_equal(stream_write(peer->stream, text, strlen(text)), 0);
}

static void answer(struct peer *peer, char *rest, size_t length)
{
	static const char refusal[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\ngo away";
	static const char too_many[] =
		"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
	enum answer how = peer->server->answer;
	char head[256];

	if (how == NO_ANSWER)
		return;
	if (how == REFUSE_403 || how == REFUSE_429) {
		say(peer, how == REFUSE_403 ? refusal : too_many);
		return;
	}
	snprintf(head, sizeof(head),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n%s",
		peer->accept, how == UPGRADE_AND_GREET ? "\x81\x07welcome" : "");
	say(peer, head);
	if (how == UPGRADE_AND_IGNORE || how == WRONG_KEY)
		return;
	http1_close(peer->http);
	peer->http = NULL;
	assert_int_equal(conn_accept(peer->server->loop, "peer", peer->stream, 1 << 20, 1 << 20,
						 &peer_owner, peer, &peer->conn),
		0);
	peer->stream = NULL;
	(void)!conn_take_early(peer->conn, rest, length, 1);
}

static bool peer_on_open(void *data)
{
	(void)data;
	return true;
}

static bool peer_on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct peer *peer = data;
	int64_t used;

	(void)received_ns;
	if (peer->is_asked)
		return true; /* ignored */
	used = http1_feed(peer->http, bytes, length);
	assert_true(used >= 0);
	if (peer->is_asked)
		answer(peer, bytes + used, length - (size_t)used);
	return true;
}

static void peer_on_end(void *data, enum fl_reason reason, const char *detail)
{
	struct peer *peer = data;

	peer->end = reason;
	snprintf(peer->end_detail, sizeof(peer->end_detail), "%s", detail);
	stream_close(peer->stream);
	peer->stream = NULL;
}

static const struct stream_events peer_stream_events = {
	.on_open = peer_on_open,
	.on_read = peer_on_read,
	.on_end = peer_on_end,
};

static void on_accept(void *data, struct tcp *tcp)
{
	static const struct http1_limits limits = { 16384, 16384 };
	static const struct http1_events events = { .on_message = on_request };
	struct server *server = data;
	struct peer *peer = &server->peers[server->peer_count++];

	assert_true(server->peer_count < 16);
	peer->server = server;
	buf_init(&peer->heard, 0);
	assert_int_equal(http1_open(true, &limits, &events, peer, &peer->http), 0);
	assert_int_equal(stream_accept(server->loop, tcp, server->identity, &peer_stream_events, peer,
						 &peer->stream),
		0);
}

/* ---- the client, and both together ---- */

struct world {
	struct loop *loop;
	struct timer *tick; /* so that a wait ends */
	struct server server;
	struct conn *conn;
	struct fl_endpoint endpoint;
	char url[128];
	struct buf story; /* "dialing asked; upgrading done; up done; " */
	struct buf heard;
	enum fl_reason last;
	char detail[768];
	enum fl_conn_state destroy_at; /* destroys the conn in that transition; 0: never */
	bool destroy_at_message;
};

static bool destroy_conn(struct world *world)
{
	conn_destroy(world->conn);
	world->conn = NULL;
	return false;
}

static bool on_state(void *data, struct conn *conn, enum fl_conn_state from, enum fl_conn_state to,
	enum fl_reason reason, const char *detail)
{
	struct world *world = data;

	(void)from;
	assert_ptr_equal(conn, world->conn);
	assert_int_equal(conn_state(conn), to);
	buf_printf(&world->story, "%s %s; ", fl_conn_state_text(to), fl_reason_word(reason));
	world->last = reason;
	snprintf(world->detail, sizeof(world->detail), "%s", detail);
	return world->destroy_at != 0 && to == world->destroy_at ? destroy_conn(world) : true;
}

static bool on_message(void *data, struct conn *conn, const struct fl_message *message)
{
	struct world *world = data;

	assert_ptr_equal(conn, world->conn);
	assert_true(message->received_ns > 0);
	buf_append(&world->heard, message->data, message->length);
	buf_text(&world->heard, "\n");
	return world->destroy_at_message ? destroy_conn(world) : true;
}

static const struct conn_owner owner = { on_state, on_message };

static void on_tick(void *data)
{
	(void)data;
}

static void open_world(
	struct world *world, enum answer how, const char *certificate, const char *key)
{
	char problem[512];

	memset(world, 0, sizeof(*world));
	buf_init(&world->story, 0);
	buf_init(&world->heard, 0);
	assert_int_equal(loop_open(&world->loop), 0);
	world->tick = timer_create(world->loop, on_tick, NULL);
	timer_start(world->tick, 5 * FL_MS, 5 * FL_MS);
	world->server.loop = world->loop;
	world->server.answer = how;
	if (certificate != NULL &&
		tls_identity_load(certificate, key, &world->server.identity, problem, sizeof(problem)) != 0)
		fail_msg("%s", problem);
	assert_int_equal(tcp_listen(world->loop, "127.0.0.1", 0, 16, on_accept, &world->server,
						 &world->server.listener),
		0);
	snprintf(world->url, sizeof(world->url), "%s://%s:%u/stream",
		certificate == NULL ? "ws" : "wss", certificate == NULL ? "127.0.0.1" : "localhost",
		tcp_listener_port(world->server.listener));
	world->endpoint = (struct fl_endpoint){
		.url = world->url,
		.tls.ca_file = PEM("ca"),
		.backoff_min_ns = 10 * FL_MS,
		.backoff_max_ns = 20 * FL_MS,
	};
}

static void dial(struct world *world)
{
	assert_int_equal(
		conn_open(world->loop, "test/1", &world->endpoint, &owner, world, &world->conn), 0);
	assert_int_equal(conn_state(world->conn), FL_CONN_DIALING);
	assert_int_equal(buf_length(&world->story), 0); /* told later, never within */
}

static void close_world(struct world *world)
{
	conn_destroy(world->conn);
	tcp_listener_close(world->server.listener);
	for (size_t i = 0; i < world->server.peer_count; i++) {
		struct peer *peer = &world->server.peers[i];

		conn_destroy(peer->conn);
		stream_abort(peer->stream);
		http1_close(peer->http);
		buf_finish(&peer->heard);
	}
	timer_destroy(world->tick);
	tls_identity_free(world->server.identity);
	loop_close(world->loop);
	buf_finish(&world->story);
	buf_finish(&world->heard);
}

/* Runs the loop until `condition`; ten seconds are a failure. */
#define until(world, condition)                                                                    \
	do {                                                                                           \
		int64_t end_ns_ = clock_monotonic_ns((world)->loop) + 10 * FL_SECOND;                      \
		while (!(condition)) {                                                                     \
			loop_turn((world)->loop, true);                                                        \
			if (clock_monotonic_ns((world)->loop) > end_ns_)                                       \
				fail_msg("never: %s; story: %s (%s)", #condition, buf_string(&(world)->story),     \
					(world)->detail);                                                              \
		}                                                                                          \
	} while (0)

static void run_for(struct world *world, int64_t ns)
{
	int64_t end_ns = clock_monotonic_ns(world->loop) + ns;

	while (clock_monotonic_ns(world->loop) < end_ns)
		loop_turn(world->loop, true);
}

static bool is_up(const struct world *world)
{
	return conn_state(world->conn) == FL_CONN_UP;
}

static bool is_told(struct world *world, const char *text)
{
	return strstr(buf_string(&world->story), text) != NULL;
}

static bool has_heard(struct buf *heard, const char *text)
{
	return strcmp(buf_string(heard), text) == 0;
}

/* ---- tests ---- */

static void connects_and_talks(void **state)
{
	int64_t resolve_ns, connect_ns, secure_ns, upgrade_ns;
	struct world world;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	dial(&world);
	assert_int_equal(conn_send(world.conn, "early", 5), -ENOTCONN);
	until(&world, is_up(&world));
	assert_string_equal(buf_string(&world.story), "dialing asked; upgrading done; up done; ");
	assert_string_equal(world.server.peers[0].path, "/stream");
	assert_int_equal(conn_send(world.conn, "echo one", 8), 0);
	assert_int_equal(conn_send(world.conn, "echo two", 8), 0);
	until(&world, has_heard(&world.heard, "one\ntwo\n"));
	assert_int_equal(conn_counters(world.conn)->messages, 2);
	assert_int_equal(conn_counters(world.conn)->bytes, 6);
	assert_int_equal(conn_counters(world.conn)->sent_messages, 2);
	assert_true(conn_counters(world.conn)->last_message_ns > 0);
	assert_string_equal(conn_url(world.conn), world.url);
	assert_memory_equal(conn_peer(world.conn), "127.0.0.1:", 10);
	conn_timing(world.conn, &resolve_ns, &connect_ns, &secure_ns, &upgrade_ns);
	assert_true(resolve_ns > 0 && connect_ns > 0 && secure_ns == 0 && upgrade_ns >= 0);
	close_world(&world);
}

static void connects_over_tls(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE_AND_GREET, PEM("server"), PEM("server-key"));
	dial(&world);
	until(&world, buf_length(&world.heard) > 0);
	assert_string_equal(
		buf_string(&world.story), "dialing asked; securing done; upgrading done; up done; ");
	assert_int_equal(conn_send(world.conn, "echo x", 6), 0);
	until(&world, has_heard(&world.heard, "welcome\nx\n"));
	close_world(&world);
}

static void bytes_behind_the_answer_are_a_message(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE_AND_GREET, NULL, NULL);
	dial(&world);
	until(&world, has_heard(&world.heard, "welcome\n"));
	close_world(&world);
}

static void a_dropped_connection_is_dialled_again(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	dial(&world);
	for (size_t i = 0; i < 3; i++) {
		until(&world, is_up(&world) && world.server.peer_count == i + 1);
		until(&world, world.server.peers[i].conn != NULL);
		conn_abort(world.server.peers[i].conn);
		until(&world, !is_up(&world));
		assert_int_equal(conn_state(world.conn), FL_CONN_BACKOFF);
		assert_int_equal(conn_reason(world.conn), FL_REASON_RESET);
		assert_string_not_equal(conn_detail(world.conn), "");
	}
	until(&world, is_up(&world));
	assert_int_equal(conn_counters(world.conn)->reconnects, 3);
	close_world(&world);
}

static void an_end_without_close_frame_is_one(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE_AND_IGNORE, NULL, NULL);
	dial(&world);
	until(&world, is_up(&world));
	stream_close(world.server.peers[0].stream);
	world.server.peers[0].stream = NULL;
	until(&world, is_told(&world, "up done; backoff end_of_stream; dialing retry; "));
	close_world(&world);
}

static void the_peers_close_frame_is_told(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	dial(&world);
	until(&world, is_up(&world) && world.server.peers[0].conn != NULL);
	conn_shut(world.server.peers[0].conn, 1001, "maintenance");
	until(&world, is_told(&world, "backoff peer_closed"));
	assert_string_equal(world.detail, "close code 1001: maintenance");
	until(&world, world.server.peers[0].conn == NULL);
	assert_int_equal(world.server.peers[0].end, FL_REASON_ASKED);
	close_world(&world);
}

static void an_orderly_close_delivers_what_still_arrives(void **state)
{
	enum { COUNT = 500 };
	struct world world;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	dial(&world);
	until(&world, is_up(&world) && world.server.peers[0].conn != NULL);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(conn_send(world.server.peers[0].conn, "tick", 4), 0);
	conn_shut(world.conn, 1000, "enough");
	assert_int_equal(conn_send(world.conn, "late", 4), -ENOTCONN);
	until(&world, conn_state(world.conn) == FL_CONN_CLOSED);
	assert_true(is_told(&world, "up done; closing asked; closed asked; "));
	assert_int_equal(conn_counters(world.conn)->messages, COUNT);
	run_for(&world, 60 * FL_MS); /* and it stays so */
	assert_int_equal(conn_state(world.conn), FL_CONN_CLOSED);
	assert_int_equal(world.server.peer_count, 1);
	assert_int_equal(world.server.peers[0].end, FL_REASON_PEER_CLOSED);
	assert_string_equal(world.server.peers[0].end_detail, "close code 1000: enough");
	close_world(&world);
}

static void a_close_that_is_not_answered_ends_in_time(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE_AND_IGNORE, NULL, NULL);
	world.endpoint.close_timeout_ns = 30 * FL_MS;
	dial(&world);
	until(&world, is_up(&world));
	conn_shut(world.conn, 1000, "");
	until(&world, conn_state(world.conn) == FL_CONN_CLOSED);
	assert_true(is_told(&world, "closing asked; closed timed_out; "));
	close_world(&world);
}

static void want_failure(const char *ca_file, const char *certificate, const char *key,
	enum fl_reason reason, const char *words)
{
	struct world world;

	open_world(&world, UPGRADE, certificate, key);
	world.endpoint.tls.ca_file = ca_file;
	dial(&world);
	until(&world, is_told(&world, "backoff"));
	assert_string_equal(fl_reason_word(conn_reason(world.conn)), fl_reason_word(reason));
	if (strstr(conn_detail(world.conn), words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, conn_detail(world.conn));
	assert_true(is_told(&world, "securing done; backoff "));
	close_world(&world);
}

static void what_is_wrong_with_a_certificate_is_told(void **state)
{
	(void)state;
	want_failure(PEM("ca"), PEM("expired"), PEM("expired-key"), FL_REASON_CERTIFICATE, "expired");
	want_failure(PEM("stranger"), PEM("server"), PEM("server-key"), FL_REASON_CERTIFICATE,
		"tls: { ca_file:");
	want_failure(
		PEM("ca"), PEM("other_host"), PEM("other_host-key"), FL_REASON_HOST_NAME, "venue.example");
	want_failure("/nowhere/ca.pem", PEM("server"), PEM("server-key"), FL_REASON_CERTIFICATE,
		"/nowhere/ca.pem: ");
}

static void tls_to_a_plain_port_is_told(void **state)
{
	struct world world;
	char url[128];

	(void)state;
	open_world(&world, REFUSE_403, NULL, NULL);
	snprintf(url, sizeof(url), "wss://127.0.0.1:%u/", tcp_listener_port(world.server.listener));
	world.endpoint.url = url;
	world.endpoint.dial_timeout_ns = 100 * FL_MS; /* a plain server waits for the end of the line */
	dial(&world);
	until(&world, is_told(&world, "backoff"));
	assert_true(is_told(&world, "securing done; backoff "));
	close_world(&world);
}

static void a_refused_port_is_told_with_its_address(void **state)
{
	struct world world;
	char want[128];

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	snprintf(want, sizeof(want), "127.0.0.1:%u", tcp_listener_port(world.server.listener));
	tcp_listener_close(world.server.listener);
	world.server.listener = NULL;
	dial(&world);
	until(&world,
		is_told(&world, "dialing asked; backoff refused; dialing retry; backoff refused; "));
	until(&world, conn_state(world.conn) == FL_CONN_BACKOFF);
	assert_non_null(strstr(conn_detail(world.conn), want));
	close_world(&world);
}

static void a_name_without_address_is_told(void **state)
{
	struct world world;
	char url[160];

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	snprintf(url, sizeof(url), "ws://%0100d.invalid/", 1); /* too long a label to be asked for */
	world.endpoint.url = url;
	dial(&world);
	until(&world, is_told(&world, "dialing asked; backoff resolve_failed; "));
	assert_non_null(strstr(world.detail, ".invalid: check the name or DNS"));
	close_world(&world);
}

static void a_refused_upgrade_is_told_with_its_status(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, REFUSE_403, NULL, NULL);
	dial(&world);
	until(&world, is_told(&world, "upgrading done; backoff upgrade_refused; "));
	assert_string_equal(conn_detail(world.conn), "HTTP 403 Forbidden: go away");
	close_world(&world);
}

static void a_rate_limit_is_obeyed(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, REFUSE_429, NULL, NULL);
	dial(&world);
	until(&world, is_told(&world, "upgrading done; backoff rate_limited; "));
	assert_non_null(strstr(conn_detail(world.conn), "429"));
	run_for(&world, 200 * FL_MS); /* ten times the backoff's most */
	assert_int_equal(world.server.peer_count, 1);
	assert_int_equal(conn_state(world.conn), FL_CONN_BACKOFF);
	close_world(&world);
}

static void a_wrong_accept_key_is_refused(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, WRONG_KEY, NULL, NULL);
	dial(&world);
	until(&world, is_told(&world, "upgrading done; backoff protocol; "));
	close_world(&world);
}

static void no_answer_is_a_time_out(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, NO_ANSWER, NULL, NULL);
	world.endpoint.dial_timeout_ns = 30 * FL_MS;
	dial(&world);
	until(&world, is_told(&world, "upgrading done; backoff timed_out; "));
	assert_non_null(strstr(world.detail, "upgrading"));
	close_world(&world);
}

static void a_silent_peer_is_given_up(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE_AND_IGNORE, NULL, NULL);
	world.endpoint.idle_timeout_ns = 90 * FL_MS;
	world.endpoint.backoff_min_ns = world.endpoint.backoff_max_ns = 5 * FL_SECOND;
	dial(&world);
	until(&world, is_told(&world, "up done; backoff silent; "));
	assert_in_range(conn_counters(world.conn)->pings, 1, 2);
	assert_non_null(strstr(conn_detail(world.conn), "nothing received for"));
	close_world(&world);
}

static void a_quiet_peer_that_answers_pings_stays(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	world.endpoint.idle_timeout_ns = 300 * FL_MS;
	dial(&world);
	until(&world, is_up(&world));
	until(&world, conn_counters(world.conn)->pings >= 4); /* 100 ms each */
	assert_true(is_up(&world));
	assert_int_equal(world.server.peer_count, 1);
	close_world(&world);
}

static void the_owner_can_give_up(void **state)
{
	struct world world;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	dial(&world);
	until(&world, is_up(&world) && world.server.peers[0].conn != NULL);
	conn_fail(world.conn, FL_REASON_STALE, "no heartbeat");
	assert_true(is_up(&world)); /* told later, never within */
	until(&world,
		is_told(&world, "up done; backoff stale; dialing retry; upgrading done; up done; "));
	assert_int_equal(world.server.peers[0].end, FL_REASON_PEER_CLOSED);
	conn_abort(world.conn);
	until(&world, conn_state(world.conn) == FL_CONN_CLOSED);
	until(&world, world.server.peers[1].conn == NULL);
	assert_int_equal(world.server.peers[1].end, FL_REASON_RESET);
	close_world(&world);
}

static void the_same_target_is_adopted_another_is_dialled(void **state)
{
	struct fl_endpoint other;
	struct world world;
	char url[160];

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	dial(&world);
	assert_true(conn_adopt(world.conn, &world.endpoint));
	until(&world, is_up(&world));
	other = world.endpoint;
	other.idle_timeout_ns = FL_SECOND;
	assert_true(conn_adopt(world.conn, &other));
	snprintf(url, sizeof(url), "%s/other", world.url);
	other.url = url;
	assert_false(conn_adopt(world.conn, &other));
	assert_int_equal(conn_retarget(world.conn, &other), 0);
	assert_true(conn_adopt(world.conn, &other));
	until(&world,
		is_told(&world, "up done; closing asked; dialing asked; upgrading done; up done; "));
	assert_string_equal(world.server.peers[1].path, "/stream/other");
	conn_shut(world.conn, 1000, "");
	assert_false(conn_adopt(world.conn, &other));
	until(&world, conn_state(world.conn) == FL_CONN_CLOSED);
	assert_false(conn_adopt(world.conn, &other));
	assert_int_equal(conn_retarget(world.conn, &other), 0); /* and back to life */
	until(&world, is_up(&world));
	close_world(&world);
}

static void a_slow_reader_is_told_by_eagain(void **state)
{
	enum { SIZE = 10000 };
	static char text[SIZE];
	struct world world;
	uint64_t sent;

	(void)state;
	memset(text, 'x', SIZE);
	open_world(&world, UPGRADE, NULL, NULL);
	world.endpoint.send_limit_bytes = 300000;
	dial(&world);
	until(&world, is_up(&world) && world.server.peers[0].conn != NULL);
	conn_pause(world.server.peers[0].conn, CONN_FROZEN);
	while (conn_send(world.conn, text, SIZE) == 0)
		loop_turn(world.loop, false);
	assert_int_equal(conn_send(world.conn, text, SIZE), -EAGAIN);
	assert_in_range(conn_queued(world.conn), 1, 300000 + SIZE);
	sent = conn_counters(world.conn)->sent_messages;
	conn_resume(world.server.peers[0].conn, CONN_FROZEN);
	until(&world, conn_counters(world.server.peers[0].conn)->messages == sent);
	until(&world, conn_queued(world.conn) == 0);
	assert_int_equal(conn_send(world.conn, text, SIZE), 0);
	close_world(&world);
}

static void destroying_in_any_upcall_is_safe(void **state)
{
	static const enum fl_conn_state where[] = { FL_CONN_DIALING, FL_CONN_SECURING,
		FL_CONN_UPGRADING, FL_CONN_UP };

	(void)state;
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		struct world world;

		open_world(&world, UPGRADE_AND_GREET, PEM("server"), PEM("server-key"));
		world.destroy_at = where[i];
		dial(&world);
		until(&world, world.conn == NULL);
		run_for(&world, 20 * FL_MS);
		assert_int_equal(buf_length(&world.heard), 0);
		close_world(&world);
	}
	for (int is_secure = 0; is_secure < 2; is_secure++) {
		struct world world;

		open_world(&world, UPGRADE_AND_GREET, is_secure ? PEM("server") : NULL, PEM("server-key"));
		world.destroy_at_message = true;
		dial(&world);
		until(&world, world.conn == NULL);
		assert_true(has_heard(&world.heard, "welcome\n"));
		close_world(&world);
	}
	for (int i = 0; i < 2; i++) {
		struct world world;

		open_world(&world, i == 0 ? REFUSE_403 : UPGRADE, NULL, NULL);
		world.destroy_at = i == 0 ? FL_CONN_BACKOFF : FL_CONN_CLOSING;
		dial(&world);
		if (i == 1) {
			until(&world, is_up(&world));
			conn_shut(world.conn, 1000, "");
		}
		until(&world, world.conn == NULL);
		close_world(&world);
	}
}

static void unusable_endpoints_are_refused(void **state)
{
	struct fl_endpoint endpoint = { .url = "https://127.0.0.1/" };
	struct world world;
	struct conn *conn;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	assert_int_equal(conn_open(world.loop, "x", &endpoint, &owner, &world, &conn), -EINVAL);
	endpoint.url = "wss://venue.example/";
	endpoint.tls.skip_verify = true;
	assert_int_equal(conn_open(world.loop, "x", &endpoint, &owner, &world, &conn), -EPERM);
	endpoint.url = NULL;
	assert_int_equal(conn_open(world.loop, "x", &endpoint, &owner, &world, &conn), -EINVAL);
	close_world(&world);
}

/* A client that does not wait for the 101 before its first frame. */
static void on_raw_connected(void *data, int error)
{
	static const char bytes[] = "GET /early HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
								"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
								"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
								"\x81\x85\0\0\0\0early";

	assert_int_equal(error, 0);
	assert_int_equal(tcp_write(*(struct tcp **)data, bytes, sizeof(bytes) - 1), 0);
}

static bool on_raw_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	(void)data;
	(void)bytes;
	(void)length;
	(void)received_ns;
	return true;
}

static void on_raw_end(void *data, int error)
{
	(void)data;
	(void)error;
}

static void frames_behind_the_request_are_taken(void **state)
{
	static const struct tcp_events events = {
		.on_connected = on_raw_connected,
		.on_read = on_raw_read,
		.on_end = on_raw_end,
	};
	struct address address = { .text = "127.0.0.1" };
	struct world world;
	struct tcp *tcp;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	address.port = tcp_listener_port(world.server.listener);
	assert_int_equal(tcp_dial(world.loop, &address, 1, &events, &tcp, &tcp), 0);
	until(
		&world, world.server.peer_count == 1 && has_heard(&world.server.peers[0].heard, "early\n"));
	tcp_close(tcp);
	close_world(&world);
}

/* ---- connections that behave badly ---- */

static struct peer *up(struct world *world)
{
	open_world(world, UPGRADE, NULL, NULL);
	dial(world);
	until(world, is_up(world) && world->server.peers[0].conn != NULL);
	return &world->server.peers[0];
}

static void a_message_in_pieces_arrives_whole(void **state)
{
	struct world world;
	struct peer *peer = up(&world);

	(void)state;
	assert_int_equal(conn_send_pieces(peer->conn, "one", 3, 1, false), 0);
	assert_int_equal(conn_send_pieces(peer->conn, "twentytwo", 9, 4, true), 0);
	assert_int_equal(conn_send_pieces(peer->conn, "", 0, 4, true), 0);
	assert_int_equal(conn_send_pieces(peer->conn, "x", 1, 0, true), -EINVAL);
	assert_int_equal(conn_send(peer->conn, "after", 5), 0);
	until(&world, has_heard(&world.heard, "one\ntwentytwo\n\nafter\n"));
	assert_int_equal(conn_counters(world.conn)->messages, 4);
	close_world(&world);
}

static void a_dripping_connection_is_slow_and_loses_nothing(void **state)
{
	struct world world;
	struct peer *peer = up(&world);

	(void)state;
	assert_int_equal(conn_drip(peer->conn, 1, 0), -EINVAL);
	assert_int_equal(conn_drip(peer->conn, 1, FL_MS), 0);
	assert_int_equal(conn_send(peer->conn, "slowly", 6), 0);
	assert_int_equal(conn_queued(peer->conn), 8); /* with the frame's head */
	until(&world, has_heard(&world.heard, "slowly\n"));
	assert_int_equal(conn_drip(peer->conn, 1, FL_HOUR), 0);
	assert_int_equal(conn_send(peer->conn, "at once", 7), 0);
	run_for(&world, 30 * FL_MS);
	assert_true(has_heard(&world.heard, "slowly\n"));
	assert_int_equal(conn_drip(peer->conn, 0, 0), 0);
	until(&world, has_heard(&world.heard, "slowly\nat once\n"));
	assert_int_equal(conn_drip(peer->conn, 1, FL_HOUR), 0);
	assert_int_equal(conn_send(peer->conn, "lost", 4), 0);
	conn_abort(peer->conn);
	until(&world, is_told(&world, "backoff reset") || is_told(&world, "backoff end_of_stream"));
	assert_true(has_heard(&world.heard, "slowly\nat once\n"));
	close_world(&world);
}

static void a_frozen_connection_is_given_up_as_silent(void **state)
{
	struct world world;
	struct peer *peer;

	(void)state;
	open_world(&world, UPGRADE, NULL, NULL);
	world.endpoint.idle_timeout_ns = 150 * FL_MS;
	dial(&world);
	until(&world, is_up(&world) && world.server.peers[0].conn != NULL);
	peer = &world.server.peers[0];
	assert_int_equal(conn_freeze(peer->conn, true), 0);
	assert_int_equal(conn_send(peer->conn, "into the void", 13), 0);
	until(&world, is_told(&world, "backoff silent"));
	assert_non_null(peer->conn); /* it has not noticed */
	assert_int_equal(buf_length(&world.heard), 0);
	assert_int_equal(conn_freeze(peer->conn, false), 0);
	until(&world, peer->conn == NULL);
	close_world(&world);
}

static void a_frozen_connection_can_go_on(void **state)
{
	struct world world;
	struct peer *peer = up(&world);

	(void)state;
	assert_int_equal(conn_freeze(peer->conn, true), 0);
	assert_int_equal(conn_send(peer->conn, "late", 4), 0);
	assert_int_equal(conn_send(world.conn, "hello", 5), 0);
	run_for(&world, 30 * FL_MS);
	assert_int_equal(buf_length(&world.heard) + buf_length(&peer->heard), 0);
	assert_int_equal(conn_freeze(peer->conn, false), 0);
	until(&world, has_heard(&world.heard, "late\n") && has_heard(&peer->heard, "hello\n"));
	close_world(&world);
}

static void every_reason_and_state_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < FL_REASON_COUNT; i++) {
		assert_string_not_equal(fl_reason_word((enum fl_reason)i), "unknown");
		assert_string_not_equal(fl_reason_text((enum fl_reason)i), "");
		assert_null(strchr(fl_reason_word((enum fl_reason)i), ' '));
	}
	assert_string_equal(fl_reason_word((enum fl_reason)1000), "unknown");
	assert_string_equal(fl_conn_state_text(FL_CONN_BACKOFF), "backoff");
	assert_string_equal(fl_conn_state_text((enum fl_conn_state)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_and_talks),
		cmocka_unit_test(connects_over_tls),
		cmocka_unit_test(bytes_behind_the_answer_are_a_message),
		cmocka_unit_test(a_dropped_connection_is_dialled_again),
		cmocka_unit_test(an_end_without_close_frame_is_one),
		cmocka_unit_test(the_peers_close_frame_is_told),
		cmocka_unit_test(an_orderly_close_delivers_what_still_arrives),
		cmocka_unit_test(a_close_that_is_not_answered_ends_in_time),
		cmocka_unit_test(what_is_wrong_with_a_certificate_is_told),
		cmocka_unit_test(tls_to_a_plain_port_is_told),
		cmocka_unit_test(a_refused_port_is_told_with_its_address),
		cmocka_unit_test(a_name_without_address_is_told),
		cmocka_unit_test(a_refused_upgrade_is_told_with_its_status),
		cmocka_unit_test(a_rate_limit_is_obeyed),
		cmocka_unit_test(a_wrong_accept_key_is_refused),
		cmocka_unit_test(no_answer_is_a_time_out),
		cmocka_unit_test(a_silent_peer_is_given_up),
		cmocka_unit_test(a_quiet_peer_that_answers_pings_stays),
		cmocka_unit_test(the_owner_can_give_up),
		cmocka_unit_test(the_same_target_is_adopted_another_is_dialled),
		cmocka_unit_test(a_slow_reader_is_told_by_eagain),
		cmocka_unit_test(destroying_in_any_upcall_is_safe),
		cmocka_unit_test(unusable_endpoints_are_refused),
		cmocka_unit_test(frames_behind_the_request_are_taken),
		cmocka_unit_test(a_message_in_pieces_arrives_whole),
		cmocka_unit_test(a_dripping_connection_is_slow_and_loses_nothing),
		cmocka_unit_test(a_frozen_connection_is_given_up_as_silent),
		cmocka_unit_test(a_frozen_connection_can_go_on),
		cmocka_unit_test(every_reason_and_state_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
