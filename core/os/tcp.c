/*
 * tcp.c: a connected stream: read, write, close.
 *
 * What is written in a turn is gathered in `queued` and offered to the socket at the turn's end;
 * what the socket does not take at once becomes `writing`, one write of libuv's at a time. Memory
 * of a tcp is freed only when its handles have closed, so an upcall may close the tcp it came from.
 */
#include "tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "uv_tcp.h"

enum {
	LOW_WATER_BYTES = 64 * 1024,
	TURN_BYTES = 1024 * 1024,     /* then it rests until the turn is over */
	FLUSH_NOW_BYTES = 256 * 1024, /* more than this is not gathered any further */
	KEEP_BYTES = 64 * 1024,       /* an idle tcp keeps a buffer up to this */
	FLUSH_TIMEOUT_MS = 3000,
	END_TIMEOUT_MS = 1000,
	DISCARD_BYTES = 4 << 20, /* meanwhile */
};

/* -- sockets -------------------------------------------------------------------------- */

static void tcp_release(struct tcp *tcp)
{
	assert(tcp->handles > 0);
	if (--tcp->handles > 0)
		return;
	free(tcp->queued.data);
	free(tcp->writing.data);
	free(tcp);
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct socket *socket = handle->data;

	if (socket->tcp != NULL)
		tcp_release(socket->tcp);
	free(socket);
}

struct socket *socket_create(struct loop *loop)
{
	struct socket *socket = calloc(1, sizeof(*socket));

	if (socket == NULL)
		return NULL;
	uv_tcp_init(&loop->uv, &socket->handle); /* cannot fail without a domain */
	socket->handle.data = socket;
	list_init(&socket->link);
	return socket;
}

void socket_close(struct socket *socket)
{
	if (socket->is_closing)
		return;
	socket->is_closing = true;
	uv_close((uv_handle_t *)&socket->handle, on_socket_closed);
}

void socket_reset(struct socket *socket)
{
	if (socket->is_closing)
		return;
	if (uv_tcp_close_reset(&socket->handle, on_socket_closed) != 0) {
		socket_close(socket); /* libuv refuses a reset after FIN */
		return;
	}
	socket->is_closing = true;
}

/* -- a tcp's life --------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
	tcp_release(handle->data);
}

static void let_go(struct tcp *tcp, void (*close_socket)(struct socket *socket))
{
	if (tcp->state == TCP_GONE)
		return;
	tcp->state = TCP_GONE;
	list_remove(&tcp->flush.link);
	list_remove(&tcp->lingerer.link);
	uv_close((uv_handle_t *)&tcp->timer, on_timer_closed);
	if (tcp->socket != NULL)
		close_socket(tcp->socket);
}

static void hurry(struct lingerer *lingerer)
{
	struct tcp *tcp = container_of(lingerer, struct tcp, lingerer);

	if (tcp->state == TCP_ENDING)
		let_go(tcp, socket_close);
}

static void flush_turn(struct turn_end *turn_end);

struct tcp *tcp_create(struct loop *loop)
{
	struct tcp *tcp;

	if (loop->receive == NULL)
		loop->receive = malloc(LOOP_RECEIVE_BYTES);
	if (loop->receive == NULL)
		return NULL;
	tcp = calloc(1, sizeof(*tcp));
	if (tcp == NULL)
		return NULL;
	tcp->loop = loop;
	tcp->state = TCP_DIALING;
	tcp->flush.run = flush_turn;
	tcp->lingerer.hurry = hurry;
	list_init(&tcp->flush.link);
	list_init(&tcp->lingerer.link);
	uv_timer_init(&loop->uv, &tcp->timer);
	tcp->timer.data = tcp;
	tcp->handles = 1;
	loop->held++;
	return tcp;
}

static void name_peer(struct tcp *tcp)
{
	struct sockaddr_storage storage;
	const struct sockaddr *address = (const struct sockaddr *)&storage;
	int length = sizeof(storage);
	char host[INET6_ADDRSTRLEN] = "";
	const char *shown = host;
	bool is_v6;
	uint16_t port;

	if (uv_tcp_getpeername(&tcp->socket->handle, (struct sockaddr *)&storage, &length) != 0)
		return; /* gone already; reading will say so */
	is_v6 = storage.ss_family == AF_INET6;
	port = ntohs(is_v6 ? ((const struct sockaddr_in6 *)&storage)->sin6_port
					   : ((const struct sockaddr_in *)&storage)->sin_port);
	if (uv_ip_name(address, host, sizeof(host)) != 0)
		return;
	if (is_v6 && strncmp(host, "::ffff:", 7) == 0 && strchr(host, '.') != NULL) {
		shown = host + 7; /* IPv4 on a socket of both families */
		is_v6 = false;
	}
	(void)snprintf(
		tcp->peer, sizeof(tcp->peer), is_v6 ? "[%s]:%u" : "%s:%u", shown, (unsigned)port);
}

void tcp_adopt(struct tcp *tcp, struct socket *socket)
{
	tcp->socket = socket;
	socket->tcp = tcp;
	tcp->handles++;
	tcp->state = TCP_OPEN;
	(void)uv_tcp_nodelay(&socket->handle, 1);
	name_peer(tcp);
}

const char *tcp_peer(const struct tcp *tcp)
{
	return tcp->peer;
}

/* -- reading -------------------------------------------------------------------------- */

static uv_stream_t *stream_of(struct tcp *tcp)
{
	return (uv_stream_t *)&tcp->socket->handle;
}

/* The one place where a tcp tells its owner that it is over. */
static void end(struct tcp *tcp, int error)
{
	if (tcp->has_ended || tcp->events == NULL)
		return;
	tcp->has_ended = true;
	tcp->events->on_end(tcp->data, error);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct socket *socket = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(socket->tcp->loop->receive, LOOP_RECEIVE_BYTES);
}

/*
 * libuv reads on as long as its buffer comes back full, 32 times: whoever sends faster than we work
 * would keep timers, workers and other sockets waiting for tens of milliseconds.
 */
static void rest(struct tcp *tcp)
{
	tcp->taken_bytes = 0;
	if (!tcp->is_reading)
		return;
	uv_read_stop(stream_of(tcp));
	tcp->is_reading = false;
	tcp->is_resting = true;
	loop_at_turn_end(tcp->loop, &tcp->flush);
}

static void on_uv_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct socket *socket = stream->data;
	struct tcp *tcp = socket->tcp;

	if (got == 0)
		return; /* libuv's EAGAIN */
	if (got < 0) {
		uv_read_stop(stream);
		tcp->is_reading = false;
		end(tcp, got == UV_EOF ? 0 : (int)got);
		return;
	}
	tcp->taken_bytes += (size_t)got;
	if (!tcp->events->on_read(tcp->data, buffer->base, (size_t)got, clock_real_ns(tcp->loop))) {
		assert(tcp->state != TCP_OPEN); /* false says that it was closed inside */
		return;
	}
	if (tcp->taken_bytes > TURN_BYTES)
		rest(tcp);
}

void tcp_start_reading(struct tcp *tcp)
{
	int error;

	if (tcp->state != TCP_OPEN || tcp->is_reading || tcp->is_paused || tcp->has_ended ||
		tcp->events == NULL)
		return;
	error = uv_read_start(stream_of(tcp), on_alloc, on_uv_read);
	if (error == 0) {
		tcp->is_reading = true;
	} else if (tcp->write_error == 0) { /* the turn's end tells: never from within a call */
		tcp->write_error = error;
		loop_at_turn_end(tcp->loop, &tcp->flush);
	}
}

void tcp_attach(struct tcp *tcp, const struct tcp_events *events, void *data)
{
	tcp->events = events;
	tcp->data = data;
	tcp_start_reading(tcp);
	if (tcp->write_error != 0) /* from when there was nobody to tell */
		loop_at_turn_end(tcp->loop, &tcp->flush);
}

void tcp_pause(struct tcp *tcp)
{
	tcp->is_paused = true;
	if (tcp->is_reading)
		uv_read_stop(stream_of(tcp));
	tcp->is_reading = false;
}

void tcp_resume(struct tcp *tcp)
{
	tcp->is_paused = false;
	tcp_start_reading(tcp);
}

/* -- writing -------------------------------------------------------------------------- */

static int bytes_append(struct bytes *bytes, const void *data, size_t length)
{
	if (length > bytes->size - bytes->length) {
		size_t size = bytes->size < 2048 ? 4096 : bytes->size * 2;
		char *grown;

		if (length > SIZE_MAX / 4 || bytes->size > SIZE_MAX / 4)
			return -ENOMEM;
		while (size - bytes->length < length)
			size *= 2;
		grown = realloc(bytes->data, size);
		if (grown == NULL)
			return -ENOMEM;
		bytes->data = grown;
		bytes->size = size;
	}
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
	return 0;
}

static void bytes_clear(struct bytes *bytes)
{
	bytes->length = 0;
	if (bytes->size > KEEP_BYTES) {
		free(bytes->data);
		*bytes = (struct bytes){ 0 };
	}
}

size_t tcp_queued(const struct tcp *tcp)
{
	size_t unsent = tcp->queued.length;

	if (tcp->is_writing)
		unsent += tcp->socket->handle.write_queue_size;
	return unsent;
}

static void on_written(uv_write_t *request, int status)
{
	struct tcp *tcp = request->data;

	tcp->is_writing = false;
	bytes_clear(&tcp->writing);
	if (status != 0 && tcp->write_error == 0)
		tcp->write_error = status;
	if (tcp->state != TCP_GONE) /* what has gathered meanwhile, and what is to be told */
		loop_at_turn_end(tcp->loop, &tcp->flush);
}

/* Offers what is queued; calls nobody back. An error of the socket comes back through on_written.
 */
static void send_queued(struct tcp *tcp)
{
	struct bytes spare = tcp->writing;
	uv_buf_t buffer;
	size_t sent;
	int result;

	if (tcp->is_writing || tcp->queued.length == 0)
		return;
	buffer = (uv_buf_t){ .base = tcp->queued.data, .len = tcp->queued.length };
	result = uv_try_write(stream_of(tcp), &buffer, 1);
	sent = result > 0 ? (size_t)result : 0;
	if (sent == tcp->queued.length) {
		bytes_clear(&tcp->queued);
		return;
	}
	tcp->writing = tcp->queued;
	tcp->queued = spare;
	tcp->write.data = tcp;
	buffer = (uv_buf_t){ .base = tcp->writing.data + sent, .len = tcp->writing.length - sent };
	result = uv_write(&tcp->write, stream_of(tcp), &buffer, 1, on_written);
	if (result == 0) {
		tcp->is_writing = true; /* on_written comes later, never from within */
		return;
	}
	bytes_clear(&tcp->writing);
	tcp->write_error = result;
	loop_at_turn_end(tcp->loop, &tcp->flush);
}

static void finish_sending(struct tcp *tcp);

/* The turn's end: what was queued goes out, what has changed is told. */
static void flush_turn(struct turn_end *turn_end)
{
	struct tcp *tcp = container_of(turn_end, struct tcp, flush);

	if (tcp->is_resting) {
		tcp->is_resting = false;
		tcp_start_reading(tcp);
	}
	if (tcp->write_error == 0)
		send_queued(tcp);
	if (tcp->state == TCP_FLUSHING) {
		finish_sending(tcp);
		return;
	}
	if (tcp->write_error != 0) {
		tcp_pause(tcp);
		end(tcp, tcp->write_error);
	} else if (tcp->was_high && tcp_queued(tcp) < LOW_WATER_BYTES) {
		tcp->was_high = false;
		if (tcp->events != NULL && tcp->events->on_drained != NULL)
			tcp->events->on_drained(tcp->data);
	}
}

int tcp_write(struct tcp *tcp, const void *bytes, size_t length)
{
	int error;

	if (tcp->state != TCP_OPEN || tcp->write_error != 0)
		return -ENOTCONN;
	if (length == 0)
		return 0;
	error = bytes_append(&tcp->queued, bytes, length);
	if (error != 0)
		return error;
	if (tcp_queued(tcp) > LOW_WATER_BYTES)
		tcp->was_high = true;
	if (tcp->queued.length > FLUSH_NOW_BYTES)
		send_queued(tcp);
	loop_at_turn_end(tcp->loop, &tcp->flush);
	return 0;
}

/* -- closing -------------------------------------------------------------------------- */

static void on_discarded(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct socket *socket = stream->data;

	struct tcp *tcp = socket->tcp;

	(void)buffer;
	if (tcp->state != TCP_ENDING)
		return;
	if (got > 0)
		tcp->discarded_bytes += (size_t)got;
	if (got < 0 || tcp->discarded_bytes > DISCARD_BYTES)
		let_go(tcp, socket_close);
}

static void on_last_moment(uv_timer_t *timer)
{
	struct tcp *tcp = timer->data;

	let_go(tcp, tcp->state == TCP_FLUSHING ? socket_reset : socket_close);
}

/*
 * Bytes of the peer that nobody has read would turn our close into a reset, and a reset can
 * overtake what we sent last. So they are read and thrown away until the peer ends too, for a
 * moment; who goes on and on does not get our time for that.
 */
static void on_shutdown(uv_shutdown_t *request, int status)
{
	struct tcp *tcp = request->data;

	if (tcp->state == TCP_GONE)
		return;
	tcp->state = TCP_ENDING;
	if (status != 0 || tcp->has_ended || tcp->loop->is_closing ||
		uv_read_start(stream_of(tcp), on_alloc, on_discarded) != 0) {
		let_go(tcp, socket_close);
		return;
	}
	uv_timer_start(&tcp->timer, on_last_moment, END_TIMEOUT_MS, 0);
}

static void finish_sending(struct tcp *tcp)
{
	if (tcp->write_error != 0) {
		let_go(tcp, socket_close);
		return;
	}
	if (tcp->is_writing)
		return; /* on_written comes back here */
	tcp->shutdown.data = tcp;
	if (uv_shutdown(&tcp->shutdown, stream_of(tcp), on_shutdown) != 0)
		let_go(tcp, socket_close);
}

/* For the owner it is gone from here on: no event any more, not counted as held. */
static bool disown(struct tcp *tcp)
{
	if (tcp->state != TCP_DIALING && tcp->state != TCP_OPEN)
		return false;
	assert(tcp->loop->held > 0);
	tcp->loop->held--;
	tcp->events = NULL;
	if (tcp->dial != NULL)
		dial_destroy(tcp->dial);
	return true;
}

void tcp_close(struct tcp *tcp)
{
	if (tcp == NULL || !disown(tcp))
		return;
	if (tcp->state == TCP_DIALING || tcp->write_error != 0) {
		let_go(tcp, socket_close);
		return;
	}
	tcp_pause(tcp);
	tcp->state = TCP_FLUSHING;
	list_append(&tcp->loop->lingering, &tcp->lingerer.link);
	uv_timer_start(&tcp->timer, on_last_moment, FLUSH_TIMEOUT_MS, 0);
	loop_at_turn_end(tcp->loop, &tcp->flush);
}

void tcp_abort(struct tcp *tcp)
{
	if (tcp != NULL && disown(tcp))
		let_go(tcp, socket_reset);
}
