/*
 * tcp_dial.c: the race of RFC 8305: families in turn, a new attempt every 250 ms or as soon as one
 * has failed; the first that connects wins and the others are closed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "uv_tcp.h"

enum { STAGGER_MS = 250 };

struct dial {
	struct tcp *tcp;
	struct address addresses[ADDRESS_MAX]; /* in the order of trying */
	size_t count, next;
	struct link attempts; /* of struct socket */
	int last_error;
};

/* The resolver's first family begins; after that the families take turns while both have any left.
 */
static void interleave(struct dial *dial, const struct address *addresses, size_t count)
{
	size_t at[2] = { 0, 0 }; /* how far the v4 and the v6 ones are used */
	bool is_v6 = addresses[0].is_v6;

	while (dial->count < count) {
		size_t *i = &at[is_v6];

		while (*i < count && addresses[*i].is_v6 != is_v6)
			(*i)++;
		if (*i < count)
			dial->addresses[dial->count++] = addresses[(*i)++];
		is_v6 = !is_v6;
	}
}

void dial_destroy(struct dial *dial)
{
	struct link *item, *following;

	list_each (item, following, &dial->attempts) {
		struct socket *socket = container_of(item, struct socket, link);

		list_remove(item);
		socket->tcp = NULL;
		socket_close(socket);
	}
	uv_timer_stop(&dial->tcp->timer);
	dial->tcp->dial = NULL;
	free(dial);
}

static void try_next(struct dial *dial);

static void on_stagger(uv_timer_t *timer)
{
	struct tcp *tcp = timer->data;

	try_next(tcp->dial);
}

static void on_won(struct dial *dial, struct socket *socket)
{
	struct tcp *tcp = dial->tcp;

	list_remove(&socket->link);
	dial_destroy(dial);
	tcp_adopt(tcp, socket);
	tcp->events->on_connected(tcp->data, 0);
	tcp_start_reading(tcp);
}

static void on_lost(struct dial *dial)
{
	struct tcp *tcp = dial->tcp;
	int error = dial->last_error;

	dial_destroy(dial);
	tcp->events->on_connected(tcp->data, error);
}

static void on_attempt(uv_connect_t *request, int status)
{
	struct socket *socket = request->data;
	struct dial *dial;

	if (socket->is_closing) /* another won, or the owner has given up */
		return;
	dial = socket->tcp->dial;
	socket->tcp = NULL;
	if (status == 0) {
		on_won(dial, socket);
		return;
	}
	dial->last_error = status;
	list_remove(&socket->link);
	socket_close(socket);
	try_next(dial);
}

static int attempt(struct dial *dial, const struct address *address)
{
	struct socket *socket = socket_create(dial->tcp->loop);
	struct sockaddr_storage storage;
	int error;

	if (socket == NULL)
		return -ENOMEM;
	error = address_to_sockaddr(address->text, address->port, &storage);
	if (error == 0) {
		socket->request.data = socket;
		error = uv_tcp_connect(
			&socket->request, &socket->handle, (const struct sockaddr *)&storage, on_attempt);
	}
	if (error != 0) {
		socket_close(socket);
		return error;
	}
	socket->tcp = dial->tcp;
	list_append(&dial->attempts, &socket->link);
	return 0;
}

/* Starts the next attempt that can be started at all: without IPv6 its addresses fail right here.
 */
static void try_next(struct dial *dial)
{
	int error = -EINVAL;

	uv_timer_stop(&dial->tcp->timer);
	while (dial->next < dial->count && error != 0) {
		error = attempt(dial, &dial->addresses[dial->next++]);
		if (error != 0)
			dial->last_error = error;
	}
	if (list_is_empty(&dial->attempts))
		on_lost(dial);
	else if (dial->next < dial->count)
		uv_timer_start(&dial->tcp->timer, on_stagger, STAGGER_MS, 0);
}

int tcp_dial(struct loop *loop, const struct address *addresses, size_t count,
	const struct tcp_events *events, void *data, struct tcp **out)
{
	struct tcp *tcp;
	struct dial *dial;

	if (count == 0)
		return -EINVAL;
	dial = calloc(1, sizeof(*dial));
	if (dial == NULL)
		return -ENOMEM;
	tcp = tcp_create(loop);
	if (tcp == NULL) {
		free(dial);
		return -ENOMEM;
	}
	list_init(&dial->attempts);
	interleave(dial, addresses, count < ADDRESS_MAX ? count : ADDRESS_MAX);
	dial->tcp = tcp;
	tcp->dial = dial;
	tcp->events = events;
	tcp->data = data;
	*out = tcp;
	uv_timer_start(&tcp->timer, on_stagger, 0, 0); /* even a failure at once is told later */
	return 0;
}
