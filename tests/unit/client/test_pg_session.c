/*
 * A server that ends a session says why, whatever we were doing: idle, waiting for an answer, or
 * in the midst of a COPY that it has stopped reading. It is a thread here, that knows a few words
 * of the protocol.
 */
#include "pg_session.h"
#include "unit.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char words[] = "terminating connection due to administrator command";

/* ---- the server ---- */

enum moment { IDLE, UNSEEN, ANSWERING, COPYING };

struct server {
	int listener, session;
	int go[2], came[2]; /* pipes: UNSEEN goes when it is told to; rows of a COPY have come */
	enum moment moment; /* at which it ends the session */
	pthread_t thread;
};

static bool take(const struct server *server, void *to, size_t length)
{
	return recv(server->session, to, length, MSG_WAITALL) == (ssize_t)length;
}

/* In one piece, at once: what waits for an acknowledgement when the session is closed would never
 * leave. */
static void say(const struct server *server, char type, const void *body, size_t length)
{
	uint32_t size = htonl((uint32_t)length + 4);
	char message[256] = { type };

	assert_true(length <= sizeof(message) - 5);
	memcpy(message + 1, &size, 4);
	memcpy(message + 5, body, length);
	(void)send(server->session, message, 5 + length, MSG_NOSIGNAL);
}

/* A query's text, in memory of its own. NULL: the client has gone. */
static char *take_query(const struct server *server)
{
	uint32_t size;
	char type, *text;

	if (!take(server, &type, 1) || !take(server, &size, 4))
		return NULL;
	size = ntohl(size) - 4;
	text = malloc(size + 1);
	if (text != NULL && take(server, text, size))
		return text;
	free(text);
	return NULL;
}

static void say_fatal(const struct server *server)
{
	static const char body[] =
		"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0";

	say(server, 'E', body, sizeof(body));
}

/* As each of them is a SELECT, whatever it is; the last one tells the session's number and start.
 */
static void answer_settings(const struct server *server, const char *query)
{
	for (const char *at = query; at != NULL; at = strstr(at + 1, ";\n"))
		if (strstr(at + 1, ";\n") != NULL)
			say(server, 'C', "SET", 4);
	say(server, 'T',
		"\0\2a\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
		"b\0\0\0\0\0\0\0\0\0\0\x14\0\x8\xff\xff\xff\xff\0\0",
		2 + 2 * 20);
	say(server, 'D', "\0\2\0\0\0\1\x37\0\0\0\1\x38", 12);
	say(server, 'C', "SELECT 1", 9);
	say(server, 'Z', "I", 1);
}

static bool welcome(struct server *server)
{
	uint32_t size;
	char startup[1024];

	server->session = accept(server->listener, NULL, NULL);
	(void)setsockopt(server->session, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (!take(server, &size, 4) || ntohl(size) > sizeof(startup) ||
		!take(server, startup, ntohl(size) - 4))
		return false;
	say(server, 'R', "\0\0\0\0", 4);
	say(server, 'S', "server_version\00017.2", 20);
	say(server, 'S', "in_hot_standby\0off", 19);
	say(server, 'S', "default_transaction_read_only\0off", 34);
	say(server, 'Z', "I", 1);
	return true;
}

static void *serve(void *data)
{
	struct server *server = data;
	char *query;

	if (!welcome(server) || (query = take_query(server)) == NULL)
		return NULL;
	answer_settings(server, query);
	free(query);
	if (server->moment >= ANSWERING)
		free(take_query(server));
	if (server->moment == COPYING) {
		char first[4096];

		say(server, 'G', "\1\0\0", 3);
		if (take(server, first, sizeof(first))) /* and the rest never */
			(void)!write(server->came[1], "", 1);
	}
	if (server->moment == UNSEEN)
		(void)!read(server->go[0], &(char){ 0 }, 1);
	say_fatal(server);
	close(server->session); /* with bytes that were not read: the client's next ones meet a reset */
	return NULL;
}

static int listen_somewhere(struct server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(server->listener, 1), 0);
	assert_int_equal(pipe(server->go), 0);
	assert_int_equal(pipe(server->came), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	return ntohs(address.sin_port);
}

/* ---- the client ---- */

struct heard {
	int opened, lost, job_error;
	char detail[200];
};

static void on_result(void *data, int number, const struct fl_result *result)
{
	struct heard *heard = data;

	if (number != 0) {
		heard->job_error = result->error;
		return;
	}
	heard->opened += result->error == 0;
	heard->lost = result->error;
	if (result->error != 0)
		(void)snprintf(heard->detail, sizeof(heard->detail), "%s", result->detail);
}

/* More than the sockets between them hold. */
static struct fl_pg_job *large_copy(struct pg *pg)
{
	static char text[1 << 20];
	struct fl_pg_job *job = pg_job(pg);

	pg_job_copy(job, "COPY a FROM STDIN (FORMAT binary)");
	pg_job_rows(job);
	for (int i = 0; i < 24; i++) {
		pg_job_row(job, 1);
		pg_job_text(job, text, sizeof(text));
	}
	return job;
}

static struct fl_pg_job *question(struct pg *pg)
{
	struct fl_pg_job *job = pg_job(pg);

	pg_job_statement(job, "SELECT 1", FL_SQL_ROWS);
	return job;
}

struct session {
	struct server server;
	struct heard heard;
	struct loop *loop;
	struct pg *pg;
};

static void open_session(struct session *session, enum moment moment)
{
	struct pg_owner owner = { .data = &session->heard, .on_result = on_result };
	struct fl_pg_options options = { 0 };
	struct buf why;
	char url[120];

	*session = (struct session){ .server = { .moment = moment } };
	(void)snprintf(url, sizeof(url), "postgresql://me@127.0.0.1:%d/market?sslmode=disable",
		listen_somewhere(&session->server));
	options.url = url;
	buf_init(&why, 1024);
	assert_int_equal(loop_open(&session->loop), 0);
	assert_int_equal(pg_open(session->loop, "test", &options, &owner, &why, &session->pg), 0);
	buf_finish(&why);
	while (session->heard.opened == 0)
		loop_turn(session->loop, true);
}

static void hear_the_end(struct session *session)
{
	while (session->heard.lost == 0)
		loop_turn(session->loop, true);
	assert_int_equal(session->heard.lost, -ENOTCONN);
	assert_string_equal(session->heard.detail, words);
	if (session->server.moment != UNSEEN)
		pthread_join(session->server.thread, NULL);
	close(session->server.listener);
	for (int i = 0; i < 2; i++) {
		close(session->server.go[i]);
		close(session->server.came[i]);
	}
	pg_close(session->pg);
	loop_close(session->loop);
}

static void session_ends(enum moment moment)
{
	struct session session;

	open_session(&session, moment);
	if (moment == COPYING)
		assert_int_equal(pg_run(session.pg, large_copy(session.pg), 5), 0);
	else if (moment == ANSWERING)
		assert_int_equal(pg_run(session.pg, question(session.pg), 5), 0);
	if (moment == UNSEEN) { /* it has gone, and we send before we have looked */
		assert_int_equal(write(session.server.go[1], "", 1), 1);
		pthread_join(session.server.thread, NULL);
		assert_int_equal(pg_run(session.pg, question(session.pg), 5), 0);
	}
	hear_the_end(&session);
	assert_int_equal(session.heard.job_error, moment == IDLE ? 0 : -ENOTCONN);
}

static void its_reason_is_told_when_nothing_is_under_way(void **state)
{
	(void)state;
	session_ends(IDLE);
}

static void its_reason_is_told_when_it_had_gone_before_we_sent(void **state)
{
	(void)state;
	session_ends(UNSEEN);
}

static void its_reason_is_told_in_place_of_an_answer(void **state)
{
	(void)state;
	session_ends(ANSWERING);
}

static void its_reason_is_told_when_a_copy_meets_a_reset(void **state)
{
	(void)state;
	session_ends(COPYING);
}

/* A job that was begun: bytes are with the server before the last row is put. */
static void rows_go_while_others_are_put_together(void **state)
{
	static char text[1 << 16];
	struct session session;
	struct pollfd polled;
	struct fl_pg_job *job;
	int rows = 0;

	(void)state;
	open_session(&session, COPYING);
	polled = (struct pollfd){ .fd = session.server.came[0], .events = POLLIN };
	job = pg_job(session.pg);
	pg_job_copy(job, "COPY a FROM STDIN (FORMAT binary)");
	pg_begin(session.pg, job, 5);
	pg_job_rows(job);
	do { /* at most a minute */
		pg_job_row(job, 1);
		pg_job_text(job, text, sizeof(text));
	} while (poll(&polled, 1, 10) == 0 && ++rows < 6000);
	assert_int_equal(poll(&polled, 1, 0), 1);
	assert_int_equal(session.heard.job_error, 0);
	assert_int_equal(pg_run(session.pg, job, 5), 0);
	hear_the_end(&session);
	assert_int_equal(session.heard.job_error, -ENOTCONN);
}

/* The server would wait for the rest of its rows for ever. */
static void a_begun_job_that_is_dropped_ends_the_session(void **state)
{
	struct session session;
	struct fl_pg_job *job;

	(void)state;
	open_session(&session, ANSWERING);
	job = pg_job(session.pg);
	pg_job_copy(job, "COPY a FROM STDIN (FORMAT binary)");
	pg_begin(session.pg, job, 5);
	pg_drop(job);
	while (session.heard.lost == 0)
		loop_turn(session.loop, true);
	assert_int_equal(session.heard.job_error, -ENOTCONN);
	assert_false(pg_is_alive(session.pg));
	session.heard.lost = -ENOTCONN;
	(void)snprintf(session.heard.detail, sizeof(session.heard.detail), "%s", words);
	hear_the_end(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_reason_is_told_when_nothing_is_under_way),
		cmocka_unit_test(its_reason_is_told_when_it_had_gone_before_we_sent),
		cmocka_unit_test(its_reason_is_told_in_place_of_an_answer),
		cmocka_unit_test(its_reason_is_told_when_a_copy_meets_a_reset),
		cmocka_unit_test(rows_go_while_others_are_put_together),
		cmocka_unit_test(a_begun_job_that_is_dropped_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
