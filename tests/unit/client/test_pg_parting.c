/*
 * A server that ends a session says why, whatever we were doing: idle, waiting for an answer, or
 * in the midst of a COPY that it has stopped reading. It is a thread here, that knows a few words
 * of the protocol.
 */
#include "pg_session.h"
#include "unit.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char words[] = "terminating connection due to administrator command";

/* ---- the server ---- */

enum moment { IDLE, UNSEEN, ANSWERING, COPYING };

struct server {
	int listener, session, go[2]; /* a pipe: UNSEEN goes when it is told to */
	enum moment moment;           /* at which it ends the session */
	pthread_t thread;
};

static bool take(const struct server *server, void *to, size_t length)
{
	return recv(server->session, to, length, MSG_WAITALL) == (ssize_t)length;
}

static void say(const struct server *server, char type, const void *body, size_t length)
{
	uint32_t size = htonl((uint32_t)length + 4);

	(void)send(server->session, &type, 1, MSG_NOSIGNAL | MSG_MORE);
	(void)send(server->session, &size, 4, MSG_NOSIGNAL | MSG_MORE);
	(void)send(server->session, body, length, MSG_NOSIGNAL);
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
		(void)take(server, first, sizeof(first)); /* and the rest never */
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

static void session_ends(enum moment moment)
{
	struct server server = { .moment = moment };
	struct heard heard = { 0 };
	struct pg_owner owner = { .data = &heard, .on_result = on_result };
	struct fl_pg_options options = { 0 };
	struct loop *loop;
	struct buf why;
	struct pg *pg;
	char url[120];

	(void)snprintf(url, sizeof(url), "postgresql://me@127.0.0.1:%d/market?sslmode=disable",
		listen_somewhere(&server));
	options.url = url;
	buf_init(&why, 1024);
	assert_int_equal(loop_open(&loop), 0);
	assert_int_equal(pg_open(loop, "test", &options, &owner, &why, &pg), 0);
	if (moment == COPYING)
		assert_int_equal(pg_run(pg, large_copy(pg), 5), 0);
	else if (moment == ANSWERING)
		assert_int_equal(pg_run(pg, question(pg), 5), 0);
	while (heard.opened == 0)
		loop_turn(loop, true);
	if (moment == UNSEEN) { /* it has gone, and we send before we have looked */
		assert_int_equal(write(server.go[1], "", 1), 1);
		pthread_join(server.thread, NULL);
		assert_int_equal(pg_run(pg, question(pg), 5), 0);
	}
	while (heard.lost == 0)
		loop_turn(loop, true);
	assert_int_equal(heard.opened, 1);
	assert_int_equal(heard.lost, -ENOTCONN);
	assert_int_equal(heard.job_error, moment == IDLE ? 0 : -ENOTCONN);
	assert_string_equal(heard.detail, words);
	if (moment != UNSEEN)
		pthread_join(server.thread, NULL);
	close(server.listener);
	close(server.go[0]);
	close(server.go[1]);
	pg_close(pg);
	loop_close(loop);
	buf_finish(&why);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_reason_is_told_when_nothing_is_under_way),
		cmocka_unit_test(its_reason_is_told_when_it_had_gone_before_we_sent),
		cmocka_unit_test(its_reason_is_told_in_place_of_an_answer),
		cmocka_unit_test(its_reason_is_told_when_a_copy_meets_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
