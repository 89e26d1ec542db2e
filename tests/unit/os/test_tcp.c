/* test_tcp.c: two ends of a connection over loopback, in one loop. */
#include "unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"
#include "tcp.h"
#include "timer.h"

enum { CHUNK_BYTES = 300 * 1000, MUCH_BYTES = 24 * 1000 * 1000 };

struct peer {
	struct world *world;
	struct tcp *tcp;
	size_t received, to_send;
	uint32_t sum;
	int connects, ends, drains;
	int error;
	bool (*on_bytes)(struct peer *peer, const char *bytes, size_t length);
};

struct world {
	struct loop *loop;
	struct tcp_listener *listener;
	struct timer *watchdog;
	struct peer client, server;
	bool accepts_silently;
};

static bool on_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct peer *peer = data;

	assert_true(length > 0);
	assert_int_equal(received_ns, clock_real_ns(peer->world->loop));
	peer->received += length;
	for (size_t i = 0; i < length; i++)
		peer->sum = peer->sum * 31 + (unsigned char)bytes[i];
	return peer->on_bytes == NULL || peer->on_bytes(peer, bytes, length);
}

static void on_connected(void *data, int error)
{
	struct peer *peer = data;

	peer->connects++;
	peer->error = error;
	if (error != 0)
		loop_stop(peer->world->loop);
}

static void on_end(void *data, int error)
{
	struct peer *peer = data;

	peer->ends++;
	peer->error = error;
	loop_stop(peer->world->loop);
}

static char chunk[CHUNK_BYTES];

static void send_more(struct peer *peer)
{
	while (peer->to_send > 0 && tcp_queued(peer->tcp) < 64 * 1024) {
		size_t length = peer->to_send < sizeof(chunk) ? peer->to_send : sizeof(chunk);

		assert_int_equal(tcp_write(peer->tcp, chunk, length), 0);
		peer->to_send -= length;
	}
}

static void on_drained(void *data)
{
	struct peer *peer = data;

	peer->drains++;
	assert_true(tcp_queued(peer->tcp) < 64 * 1024);
	send_more(peer);
}

static const struct tcp_events events = { on_connected, on_read, on_end, on_drained };

static void on_accept(void *data, struct tcp *tcp)
{
	struct world *world = data;

	assert_null(world->server.tcp);
	world->server.tcp = tcp;
	if (!world->accepts_silently)
		tcp_attach(tcp, &events, &world->server);
}

static void on_watchdog(void *data)
{
	(void)data;
	fail_msg("nothing happened for ten seconds");
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	world->client.world = world->server.world = world;
	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = (char)(i * 7 + i / 251);
	if (loop_open(&world->loop) != 0)
		return -1;
	world->watchdog = timer_create(world->loop, on_watchdog, world);
	timer_start(world->watchdog, 10 * FL_SECOND, 0);
	return tcp_listen(world->loop, "127.0.0.1", 0, 16, on_accept, world, &world->listener);
}

static int finish(void **state)
{
	struct world *world = *state;

	timer_destroy(world->watchdog);
	tcp_abort(world->client.tcp);
	tcp_abort(world->server.tcp);
	tcp_listener_close(world->listener);
	loop_close(world->loop);
	free(world);
	return 0;
}

static struct address address_of(const char *text, uint16_t port)
{
	struct address address = { .port = port, .is_v6 = strchr(text, ':') != NULL };

	(void)snprintf(address.text, sizeof(address.text), "%s", text);
	return address;
}

static void dial(struct world *world)
{
	struct address address = address_of("127.0.0.1", tcp_listener_port(world->listener));

	assert_int_equal(
		tcp_dial(world->loop, &address, 1, &events, &world->client, &world->client.tcp), 0);
	assert_int_equal(world->client.connects, 0);
	while (world->client.connects == 0 || world->server.tcp == NULL)
		loop_turn(world->loop, true);
	assert_int_equal(world->client.error, 0);
	assert_int_equal(world->client.connects, 1);
}

/* A port that nobody listens on: bound here, so that nobody else takes it meanwhile. */
static uint16_t dead_port(int family, int *fd)
{
	struct sockaddr_in6 storage = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const bool is_v6 = family == AF_INET6;
	socklen_t length = is_v6 ? sizeof(storage) : sizeof(v4);
	struct sockaddr *address = is_v6 ? (struct sockaddr *)&storage : (struct sockaddr *)&v4;

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, address, length) != 0 || getsockname(*fd, address, &length) != 0)
		return 9; /* no IPv6 here: any port is dead */
	return ntohs(is_v6 ? storage.sin6_port : v4.sin_port);
}

static void bytes_go_both_ways(void **state)
{
	struct world *world = *state;

	dial(world);
	assert_memory_equal(tcp_peer(world->client.tcp), "127.0.0.1:", 10);
	assert_int_equal(atoi(tcp_peer(world->client.tcp) + 10), tcp_listener_port(world->listener));
	assert_int_equal(tcp_write(world->client.tcp, "ping", 4), 0);
	assert_int_equal(tcp_queued(world->client.tcp), 4); /* leaves at the turn's end */
	assert_int_equal(tcp_write(world->server.tcp, "pong!", 5), 0);
	while (world->server.received < 4 || world->client.received < 5)
		loop_turn(world->loop, true);
	assert_int_equal(tcp_queued(world->client.tcp), 0);
	assert_int_equal(world->client.ends + world->server.ends, 0);
}

static bool echo(struct peer *peer, const char *bytes, size_t length)
{
	assert_int_equal(tcp_write(peer->tcp, bytes, length), 0);
	return true;
}

static void on_resume(void *data)
{
	struct peer *peer = data;

	tcp_resume(peer->tcp);
}

static void much_data_comes_back_unchanged(void **state)
{
	struct world *world = *state;
	uint32_t sum = 0;

	world->server.on_bytes = echo;
	dial(world);
	world->client.to_send = MUCH_BYTES;
	for (size_t sent = 0; sent < MUCH_BYTES; sent += CHUNK_BYTES)
		for (size_t i = 0; i < CHUNK_BYTES; i++)
			sum = sum * 31 + (unsigned char)chunk[i];
	send_more(&world->client);
	while (world->client.received < MUCH_BYTES)
		loop_turn(world->loop, true);
	assert_int_equal(world->client.received, MUCH_BYTES);
	assert_int_equal(world->client.sum, sum);
	assert_int_equal(world->server.sum, sum);
	assert_true(world->client.drains > 0);
}

static bool pause_a_while(struct peer *peer, const char *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	tcp_pause(peer->tcp);
	return true;
}

static void a_reader_that_pauses_holds_the_writer_back(void **state)
{
	struct world *world = *state;
	struct timer *resume = timer_create(world->loop, on_resume, &world->server);

	world->server.on_bytes = pause_a_while;
	dial(world);
	world->client.to_send = MUCH_BYTES;
	send_more(&world->client);
	timer_start(resume, 50 * FL_MS, 0); /* long enough for one read and the writer's block */
	while (timer_is_running(resume) || world->server.received == 0)
		loop_turn(world->loop, true);
	assert_true(world->server.received < MUCH_BYTES);
	assert_true(tcp_queued(world->client.tcp) > 0);
	world->server.on_bytes = NULL;
	tcp_resume(world->server.tcp);
	while (world->server.received < MUCH_BYTES)
		loop_turn(world->loop, true);
	timer_destroy(resume);
}

static void nothing_is_read_before_attach(void **state)
{
	struct world *world = *state;

	world->accepts_silently = true;
	dial(world);
	assert_int_equal(tcp_write(world->client.tcp, "early", 5), 0);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, false);
	assert_int_equal(world->server.received, 0);
	tcp_pause(world->server.tcp);
	tcp_attach(world->server.tcp, &events, &world->server);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, false);
	assert_int_equal(world->server.received, 0); /* the pause holds */
	tcp_resume(world->server.tcp);
	while (world->server.received < 5)
		loop_turn(world->loop, true);
}

static void a_refused_dial_says_so_later(void **state)
{
	struct world *world = *state;
	int fd;
	struct address address = address_of("127.0.0.1", dead_port(AF_INET, &fd));

	assert_int_equal(
		tcp_dial(world->loop, &address, 1, &events, &world->client, &world->client.tcp), 0);
	assert_int_equal(tcp_write(world->client.tcp, "x", 1), -ENOTCONN);
	loop_run(world->loop);
	assert_int_equal(world->client.connects, 1);
	assert_int_equal(world->client.error, -ECONNREFUSED);
	assert_int_equal(tcp_dial(world->loop, &address, 0, &events, NULL, NULL), -EINVAL);
	(void)close(fd);
}

static void a_dead_address_gives_way_to_a_living_one(void **state)
{
	struct world *world = *state;
	uint16_t port = tcp_listener_port(world->listener);
	int fds[2];
	struct address addresses[] = {
		address_of("::1", dead_port(AF_INET6, &fds[0])),
		address_of("127.0.0.1", dead_port(AF_INET, &fds[1])),
		address_of("::1", 1),
		address_of("127.0.0.1", port),
	};

	assert_int_equal(
		tcp_dial(world->loop, addresses, 4, &events, &world->client, &world->client.tcp), 0);
	while (world->client.connects == 0 || world->server.tcp == NULL)
		loop_turn(world->loop, true);
	assert_int_equal(world->client.error, 0);
	assert_int_equal(world->client.connects, 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* A listener whose queue is full answers no further connects on Linux: a dead end without an error.
 */
static void a_silent_address_is_overtaken(void **state)
{
	struct world *world = *state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fillers[2];
	struct sockaddr_in silent = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(silent);
	struct address addresses[2];
	int64_t began_ns;

	assert_int_equal(bind(fd, (struct sockaddr *)&silent, sizeof(silent)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&silent, &length), 0);
	for (int i = 0; i < 2; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&silent, sizeof(silent));
	}
	addresses[0] = address_of("127.0.0.1", ntohs(silent.sin_port));
	addresses[1] = address_of("127.0.0.1", tcp_listener_port(world->listener));
	began_ns = clock_monotonic_ns(world->loop);
	assert_int_equal(
		tcp_dial(world->loop, addresses, 2, &events, &world->client, &world->client.tcp), 0);
	while (world->client.connects == 0 || world->server.tcp == NULL)
		loop_turn(world->loop, true);
	assert_int_equal(world->client.error, 0);
	assert_true(
		clock_monotonic_ns(world->loop) - began_ns >= 200 * FL_MS); /* 250, by a coarse clock */
	for (int i = 0; i < 2; i++)
		(void)close(fillers[i]);
	(void)close(fd);
}

static void a_dial_can_be_given_up(void **state)
{
	struct world *world = *state;
	struct address address = address_of("127.0.0.1", tcp_listener_port(world->listener));
	struct tcp *tcp;

	assert_int_equal(tcp_dial(world->loop, &address, 1, &events, &world->client, &tcp), 0);
	tcp_close(tcp);
	assert_int_equal(tcp_dial(world->loop, &address, 1, &events, &world->client, &tcp), 0);
	loop_turn(world->loop, false); /* the attempt is under way */
	tcp_abort(tcp);
	tcp_close(NULL);
	tcp_abort(NULL);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, false);
	assert_int_equal(world->client.connects, 0);
}

static bool close_inside(struct peer *peer, const char *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	assert_int_equal(tcp_write(peer->tcp, "bye", 3), 0);
	tcp_close(peer->tcp);
	peer->tcp = NULL;
	return false;
}

static void what_is_queued_arrives_before_the_end(void **state)
{
	struct world *world = *state;

	world->server.on_bytes = close_inside;
	dial(world);
	assert_int_equal(tcp_write(world->client.tcp, "hello", 5), 0);
	loop_run(world->loop);
	assert_int_equal(world->client.received, 3);
	assert_int_equal(world->client.ends, 1);
	assert_int_equal(world->client.error, 0);
	assert_int_equal(world->server.ends, 0); /* no events after close */
}

static void a_close_sends_all_even_when_it_is_much(void **state)
{
	struct world *world = *state;

	dial(world);
	for (int i = 0; i < 20; i++)
		assert_int_equal(tcp_write(world->client.tcp, chunk, sizeof(chunk)), 0);
	assert_int_equal(tcp_write(world->server.tcp, "never read", 10), 0);
	tcp_close(world->client.tcp);
	world->client.tcp = NULL;
	loop_run(world->loop);
	assert_int_equal(world->server.received, 20 * sizeof(chunk));
	assert_int_equal(world->server.error, 0);
}

static bool abort_inside(struct peer *peer, const char *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	tcp_abort(peer->tcp);
	peer->tcp = NULL;
	return false;
}

static void an_abort_resets_the_peer(void **state)
{
	struct world *world = *state;

	world->server.on_bytes = abort_inside;
	dial(world);
	assert_int_equal(tcp_write(world->client.tcp, "hello", 5), 0);
	loop_run(world->loop);
	assert_int_equal(world->client.ends, 1);
	assert_int_equal(world->client.error, -ECONNRESET);
	assert_int_equal(world->server.ends, 0);
}

static void a_write_to_a_peer_that_is_gone_ends_the_tcp(void **state)
{
	struct world *world = *state;

	dial(world);
	tcp_pause(world->client.tcp); /* so that only writing can find out */
	tcp_abort(world->server.tcp);
	world->server.tcp = NULL;
	for (int i = 0; i < 3; i++)
		loop_turn(world->loop, false);
	assert_int_equal(tcp_write(world->client.tcp, "hello", 5), 0);
	assert_int_equal(world->client.ends, 0);
	loop_run(world->loop);
	assert_int_equal(world->client.ends, 1);
	assert_true(world->client.error < 0);
	assert_int_equal(tcp_write(world->client.tcp, "x", 1), -ENOTCONN);
}

static void listening_says_what_is_wrong(void **state)
{
	struct world *world = *state;
	struct tcp_listener *second;
	uint16_t port = tcp_listener_port(world->listener);

	assert_int_equal(
		tcp_listen(world->loop, "127.0.0.1", port, 16, on_accept, world, &second), -EADDRINUSE);
	assert_int_equal(
		tcp_listen(world->loop, "localhost", 0, 16, on_accept, world, &second), -EINVAL);
	assert_int_equal(
		tcp_listen(world->loop, "192.0.2.1", 0, 16, on_accept, world, &second), -EADDRNOTAVAIL);
	tcp_listener_close(NULL);
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_LOOP(bytes_go_both_ways),
		ON_A_LOOP(much_data_comes_back_unchanged),
		ON_A_LOOP(a_reader_that_pauses_holds_the_writer_back),
		ON_A_LOOP(nothing_is_read_before_attach),
		ON_A_LOOP(a_refused_dial_says_so_later),
		ON_A_LOOP(a_dead_address_gives_way_to_a_living_one),
		ON_A_LOOP(a_silent_address_is_overtaken),
		ON_A_LOOP(a_dial_can_be_given_up),
		ON_A_LOOP(what_is_queued_arrives_before_the_end),
		ON_A_LOOP(a_close_sends_all_even_when_it_is_much),
		ON_A_LOOP(an_abort_resets_the_peer),
		ON_A_LOOP(a_write_to_a_peer_that_is_gone_ends_the_tcp),
		ON_A_LOOP(listening_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
