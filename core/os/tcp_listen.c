/*
 * tcp_listen.c: listening sockets and numeric addresses.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "uv_tcp.h"

struct tcp_listener {
	uv_tcp_t handle;
	struct loop *loop;
	void (*on_accept)(void *data, struct tcp *tcp);
	void *data;
	uint16_t port;
};

int address_to_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (strchr(text, ':') != NULL)
		return uv_ip6_addr(text, port, (struct sockaddr_in6 *)out);
	return uv_ip4_addr(text, port, (struct sockaddr_in *)out);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct tcp_listener *listener = stream->data;
	struct socket *socket;
	struct tcp *tcp;

	if (status != 0)
		return; /* the peer is gone again, or no descriptor was left: libuv has closed it */
	socket = socket_create(listener->loop);
	if (socket == NULL)
		return;
	if (uv_accept(stream, (uv_stream_t *)&socket->handle) != 0) {
		socket_close(socket);
		return;
	}
	tcp = tcp_create(listener->loop);
	if (tcp == NULL) {
		socket_close(socket);
		return;
	}
	tcp_adopt(tcp, socket);
	listener->on_accept(listener->data, tcp);
}

static void on_listener_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static uint16_t bound_port(const uv_tcp_t *handle)
{
	struct sockaddr_storage storage;
	int length = sizeof(storage);

	if (uv_tcp_getsockname(handle, (struct sockaddr *)&storage, &length) != 0)
		return 0;
	return ntohs(storage.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&storage)->sin6_port
											   : ((const struct sockaddr_in *)&storage)->sin_port);
}

int tcp_listen(struct loop *loop, const char *host, uint16_t port, int backlog,
	void (*on_accept)(void *data, struct tcp *tcp), void *data, struct tcp_listener **out)
{
	struct sockaddr_storage storage;
	struct tcp_listener *listener;
	int error = address_to_sockaddr(host, port, &storage);

	if (error != 0)
		return error;
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return -ENOMEM;
	listener->loop = loop;
	listener->on_accept = on_accept;
	listener->data = data;
	uv_tcp_init(&loop->uv, &listener->handle);
	listener->handle.data = listener;
	error = uv_tcp_bind(&listener->handle, (const struct sockaddr *)&storage, 0);
	if (error == 0)
		error = uv_listen((uv_stream_t *)&listener->handle, backlog, on_connection);
	if (error != 0) {
		uv_close((uv_handle_t *)&listener->handle, on_listener_closed);
		return error;
	}
	listener->port = bound_port(&listener->handle);
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
	uv_close((uv_handle_t *)&listener->handle, on_listener_closed);
}
