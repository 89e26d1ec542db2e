/*
 * os_tcp_dial.c: connecting and listening by (host, port). The addresses are tried one after the
 * other; of a name there is only one here.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os_net.h"

enum { LATENCY_MIN_US = 50, LATENCY_MAX_US = 40000 };

#define GIVE_UP_NS (130 * FL_SECOND)

static struct tcp_listener *find_listener(const char *host, uint16_t port)
{
	struct link *home_item, *home_following, *item, *following;

	list_each (home_item, home_following, &os.machines) {
		struct machine *machine = container_of(home_item, struct machine, link);

		if (machine->loop == NULL)
			continue;
		list_each (item, following, &machine->loop->listeners) {
			struct tcp_listener *listener = container_of(item, struct tcp_listener, link);

			if (listener->port == port && strcmp(listener->host, host) == 0)
				return listener;
		}
	}
	return NULL;
}

/* The machine that an address would be, when none listens there: the one that once did. */
static bool is_anybody_down(void)
{
	struct link *item, *following;

	list_each (item, following, &os.machines)
		if (container_of(item, struct machine, link)->is_host_down)
			return true;
	return false;
}

/* -- dialing -------------------------------------------------------------------------- */

static void on_connected(struct event *event)
{
	struct tcp *tcp = container_of(event, struct tcp, progress);

	tcp->progress.run = tcp_on_progress;
	tcp->state = TCP_OPEN;
	os_note("connected", tcp->loop->machine, tcp->peer, strlen(tcp->peer));
	tcp_look(tcp);
	tcp->events->on_connected(tcp->data, 0);
}

static void on_refused(struct event *event)
{
	struct tcp *tcp = container_of(event, struct tcp, progress);

	os_note("refused", tcp->loop->machine, NULL, 0);
	tcp->events->on_connected(tcp->data, tcp->error);
}

static void on_accepted(struct event *event)
{
	struct tcp *server = container_of(event, struct tcp, progress);
	struct tcp_listener *listener = find_listener(server->target.text, server->target.port);

	server->progress.run = tcp_on_progress;
	if (listener == NULL)
		tcp_abort(server);
	else
		listener->on_accept(listener->data, server);
}

static void begin_connection(struct tcp *dialer, struct tcp_listener *listener)
{
	struct tcp *server = tcp_new(listener->loop, dialer->loop->machine);

	server->latency_ns = dialer->latency_ns;
	server->state = TCP_OPEN;
	server->target = dialer->target;
	server->other = dialer;
	dialer->other = server;
	dialer->accepted = server;
	dialer->other_machine = listener->loop->machine;
	snprintf(server->peer, sizeof(server->peer), "127.0.0.1:%u",
		32768 + (unsigned)stream_below(&os.net, 28000));
	server->progress.run = on_accepted;
	event_at(&server->progress, os.now_ns);
}

static void answer(struct tcp *dialer, int error, int64_t after_ns)
{
	dialer->error = error;
	dialer->progress.run = error == 0 ? on_connected : on_refused;
	event_at(&dialer->progress, os.now_ns + after_ns);
}

/* The request has come to the listener's machine, or would have. */
static void on_request(struct event *event)
{
	struct tcp *dialer = container_of(event, struct tcp, progress);
	struct tcp_listener *listener = find_listener(dialer->target.text, dialer->target.port);
	bool is_cut = listener != NULL && net_is_partitioned(dialer->loop, listener->loop->machine);

	if (is_cut && os.partition_until_ns < os.now_ns + GIVE_UP_NS) {
		event_at(&dialer->progress, /* tried again until it gets through */
			os.partition_until_ns + (int64_t)stream_below(&os.net, 4 * FL_SECOND));
	} else if (is_cut || (listener == NULL && is_anybody_down())) {
		answer(dialer, -ETIMEDOUT, GIVE_UP_NS);
	} else if (listener == NULL) {
		answer(dialer, -ECONNREFUSED, dialer->latency_ns);
	} else {
		begin_connection(dialer, listener);
		answer(dialer, 0, dialer->latency_ns + os.latency_more_ns);
	}
}

int tcp_dial(struct loop *loop, const struct address *addresses, size_t count,
	const struct tcp_events *events, void *data, struct tcp **out)
{
	struct tcp *tcp;

	if (count == 0)
		return -EINVAL;
	tcp = tcp_new(loop, NULL);
	loop->machine->dials++;
	tcp->is_dialled = true;
	tcp->events = events;
	tcp->data = data;
	tcp->target = addresses[0];
	tcp->latency_ns =
		(int64_t)(LATENCY_MIN_US + stream_below(&os.net, LATENCY_MAX_US - LATENCY_MIN_US)) * FL_US;
	snprintf(tcp->peer, sizeof(tcp->peer), tcp->target.is_v6 ? "[%s]:%u" : "%s:%u",
		tcp->target.text, (unsigned)tcp->target.port);
	tcp->progress.run = on_request;
	event_at(&tcp->progress, os.now_ns + tcp->latency_ns);
	*out = tcp;
	return 0;
}

/* -- listening ------------------------------------------------------------------------ */

int tcp_listen(struct loop *loop, const char *host, uint16_t port, int backlog,
	void (*on_accept)(void *data, struct tcp *tcp), void *data, struct tcp_listener **out)
{
	struct tcp_listener *listener;

	(void)backlog;
	if (strlen(host) >= sizeof(listener->host))
		return -EINVAL;
	while (port == 0) {
		port = (uint16_t)(20000 + stream_below(&os.net, 10000));
		if (find_listener(host, port) != NULL)
			port = 0;
	}
	if (find_listener(host, port) != NULL)
		return -EADDRINUSE;
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return -ENOMEM;
	listener->loop = loop;
	listener->on_accept = on_accept;
	listener->data = data;
	listener->port = port;
	memcpy(listener->host, host, strlen(host) + 1);
	list_append(&loop->listeners, &listener->link);
	loop->held++;
	*out = listener;
	return 0;
}

uint16_t tcp_listener_port(const struct tcp_listener *listener)
{
	return listener->port;
}

void tcp_listener_close(struct tcp_listener *listener)
{
	if (listener == NULL)
		return;
	assert(listener->loop->held > 0);
	listener->loop->held--;
	list_remove(&listener->link);
	free(listener);
}
