/*
 * stream.c: resolve, dial, secure, one after the other, and then bytes both ways. Whatever goes
 * wrong becomes one reason with words.
 */
#include "stream.h"
#include "clock.h"
#include "error.h"
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {
	struct loop *loop;
	const struct stream_events *events;
	void *data;
	char host[254];
	uint16_t port;
	bool is_secure, skip_verify;
	char *ca_file;

	struct resolve *resolve;
	struct tcp *tcp;
	struct tls *tls;
	int64_t received_ns; /* of the ciphertext being fed */
	int write_error;     /* of the last write beneath tls */
	bool is_open;        /* bytes can be sent */
	bool has_ended;      /* on_end was called */
	int64_t began_ns;    /* the present step */
	int64_t resolve_ns, connect_ns, secure_ns;
	int depth;    /* upcalls on the stack */
	bool is_dead; /* closed in one of them */
};

/* ---- life ---- */

static void destroy(struct stream *stream)
{
	free(stream->ca_file);
	free(stream);
}

/* Lets go of all beneath; the stream itself stays until no upcall is on the stack. */
static void shut(struct stream *stream, bool in_order)
{
	if (stream == NULL)
		return;
	resolve_cancel(stream->resolve);
	if (in_order && stream->tls != NULL)
		tls_end(stream->tls);
	tls_close(stream->tls);
	if (in_order)
		tcp_close(stream->tcp);
	else
		tcp_abort(stream->tcp);
	stream->resolve = NULL;
	stream->tls = NULL;
	stream->tcp = NULL;
	stream->is_open = false;
	stream->is_dead = true;
	if (stream->depth == 0)
		destroy(stream);
}

void stream_close(struct stream *stream)
{
	shut(stream, true);
}

void stream_abort(struct stream *stream)
{
	shut(stream, false);
}

static void enter(struct stream *stream)
{
	stream->depth++;
}

/* Whether it still lives; frees it when this was the last upcall of a dead one. */
static bool leave(struct stream *stream)
{
	bool is_alive = !stream->is_dead;

	if (--stream->depth == 0 && !is_alive)
		destroy(stream);
	return is_alive;
}

/* The time since the present step began; the next begins. */
static int64_t lap(struct stream *stream)
{
	int64_t now = clock_monotonic_ns(stream->loop);
	int64_t took = now - stream->began_ns;

	stream->began_ns = now;
	return took > 0 ? took : 1; /* 0 would mean: not done */
}

/* ---- ends ---- */

/* Its owner closes it in there or later; until then nothing more is heard of it. */
static void end(struct stream *stream, enum fl_reason reason, const char *detail)
{
	if (stream->has_ended)
		return;
	stream->has_ended = true;
	stream->is_open = false;
	if (stream->tcp != NULL)
		tcp_pause(stream->tcp);
	stream->events->on_end(stream->data, reason, detail);
}

static enum fl_reason reason_of(int error)
{
	switch (-error) {
	case ECONNREFUSED: return FL_REASON_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EACCES:
	case EPERM: return FL_REASON_UNREACHABLE;
	case ETIMEDOUT: return FL_REASON_TIMED_OUT;
	case ENOMEM:
	case ENOBUFS:
	case EMFILE:
	case ENFILE: return FL_REASON_MEMORY;
	default: return FL_REASON_RESET;
	}
}

static void end_with(struct stream *stream, int error)
{
	bool is_v6 = strchr(stream->host, ':') != NULL;
	char detail[384];

	if (stream->host[0] != '\0')
		snprintf(detail, sizeof(detail), is_v6 ? "%s: [%s]:%u" : "%s: %s:%u", error_text(error),
			stream->host, stream->port);
	else
		snprintf(detail, sizeof(detail), "%s: %s", error_text(error), stream_peer(stream));
	end(stream, reason_of(error), detail);
}

static void on_tcp_end(void *data, int error)
{
	struct stream *stream = data;

	if (error != 0)
		end_with(stream, error);
	else if (stream->tls != NULL && !stream->is_open)
		end(stream, FL_REASON_TLS_FAILED, "the peer hung up during the TLS handshake");
	else
		end(stream, FL_REASON_END_OF_STREAM, "the peer hung up");
}

static void end_of_tls(struct stream *stream)
{
	char detail[768];
	enum fl_reason reason = tls_failure(stream->tls, detail, sizeof(detail));

	end(stream, reason, detail);
}

/* ---- bytes ---- */

static bool open_up(struct stream *stream)
{
	stream->is_open = true;
	return stream->events->on_open(stream->data);
}

static void on_tls_send(void *data, const char *bytes, size_t length)
{
	struct stream *stream = data;
	int error = tcp_write(stream->tcp, bytes, length);

	if (error != 0)
		stream->write_error = error;
}

static bool on_tls_read(void *data, char *bytes, size_t length)
{
	struct stream *stream = data;

	return stream->events->on_read(stream->data, bytes, length, stream->received_ns);
}

static bool on_tls_secured(void *data)
{
	struct stream *stream = data;

	stream->secure_ns = lap(stream);
	return open_up(stream);
}

static const struct tls_events tls_events = {
	.on_send = on_tls_send,
	.on_read = on_tls_read,
	.on_secured = on_tls_secured,
};

static bool on_tcp_read(void *data, char *bytes, size_t length, int64_t received_ns)
{
	struct stream *stream = data;

	if (stream->has_ended)
		return true;
	if (stream->tls == NULL)
		return stream->events->on_read(stream->data, bytes, length, received_ns);
	stream->received_ns = received_ns;
	enter(stream);
	if (!tls_feed(stream->tls, bytes, length) && !stream->is_dead)
		end_of_tls(stream);
	return leave(stream);
}

static void on_tcp_drained(void *data)
{
	struct stream *stream = data;

	if (stream->is_open && stream->events->on_drained != NULL)
		stream->events->on_drained(stream->data);
}

/* ---- dialing ---- */

static void on_tcp_connected(void *data, int error);

static const struct tcp_events tcp_events = {
	.on_connected = on_tcp_connected,
	.on_read = on_tcp_read,
	.on_end = on_tcp_end,
	.on_drained = on_tcp_drained,
};

static int secure(struct stream *stream, enum fl_reason *reason, char *problem, size_t size)
{
	struct tls_trust *trust;
	int error = tls_trust_get(stream->ca_file, &trust, problem, size);

	*reason = error == -ENOMEM ? FL_REASON_MEMORY : FL_REASON_CERTIFICATE;
	if (error != 0)
		return error;
	*reason = FL_REASON_TLS_FAILED;
	error = tls_open_client(stream->loop, trust, stream->host, stream->port, stream->skip_verify,
		&tls_events, stream, &stream->tls);
	tls_trust_put(trust); /* the session has its own hold */
	snprintf(problem, size, "the TLS session cannot be set up");
	return error != 0 ? error : tls_begin(stream->tls);
}

static void on_tcp_connected(void *data, int error)
{
	struct stream *stream = data;
	enum fl_reason reason;
	char problem[512];

	if (error != 0) {
		end_with(stream, error);
		return;
	}
	stream->connect_ns = lap(stream);
	if (!stream->is_secure) {
		(void)!open_up(stream); /* nothing is touched after it */
		return;
	}
	enter(stream);
	if (stream->events->on_securing != NULL)
		stream->events->on_securing(stream->data);
	if (!stream->is_dead && secure(stream, &reason, problem, sizeof(problem)) != 0)
		end(stream, reason, problem);
	(void)!leave(stream);
}

static void on_resolved(void *data, int error, const struct address *addresses, size_t count)
{
	struct stream *stream = data;
	char detail[384];

	stream->resolve = NULL;
	stream->resolve_ns = lap(stream);
	if (error != 0 || count == 0) {
		snprintf(
			detail, sizeof(detail), "no address for host %s: check the name or DNS", stream->host);
		end(stream, FL_REASON_RESOLVE_FAILED, detail);
		return;
	}
	error = tcp_dial(stream->loop, addresses, count, &tcp_events, stream, &stream->tcp);
	if (error != 0)
		end_with(stream, error);
}

static struct stream *create(struct loop *loop, const struct stream_events *events, void *data)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->loop = loop;
	stream->events = events;
	stream->data = data;
	stream->began_ns = clock_monotonic_ns(loop);
	return stream;
}

int stream_dial(struct loop *loop, const struct stream_target *target,
	const struct stream_events *events, void *data, struct stream **out)
{
	struct stream *stream;

	if (target->tls.skip_verify && !url_is_loopback(target->host))
		return -EPERM;
	if (strlen(target->host) >= sizeof(stream->host))
		return -EINVAL;
	stream = create(loop, events, data);
	if (stream == NULL)
		return -ENOMEM;
	snprintf(stream->host, sizeof(stream->host), "%s", target->host);
	stream->port = target->port;
	stream->is_secure = target->is_secure;
	stream->skip_verify = target->tls.skip_verify;
	if (target->tls.ca_file != NULL && target->tls.ca_file[0] != '\0') {
		stream->ca_file = strdup(target->tls.ca_file);
		if (stream->ca_file == NULL)
			goto free_stream;
	}
	stream->resolve = resolve_start(loop, stream->host, stream->port, on_resolved, stream);
	if (stream->resolve == NULL)
		goto free_stream;
	*out = stream;
	return 0;

free_stream:
	destroy(stream);
	return -ENOMEM;
}

int stream_accept(struct loop *loop, struct tcp *tcp, struct tls_identity *identity,
	const struct stream_events *events, void *data, struct stream **out)
{
	struct stream *stream = create(loop, events, data);
	int error = 0;

	if (stream == NULL)
		return -ENOMEM;
	if (identity != NULL)
		error = tls_open_server(loop, identity, &tls_events, stream, &stream->tls);
	if (error != 0) {
		destroy(stream);
		return error;
	}
	stream->is_open = identity == NULL;
	stream->tcp = tcp;
	*out = stream;
	tcp_attach(tcp, &tcp_events, stream);
	return 0;
}

void stream_attach(struct stream *stream, const struct stream_events *events, void *data)
{
	stream->events = events;
	stream->data = data;
}

/* ---- the rest of the verbs ---- */

int stream_write(struct stream *stream, const void *bytes, size_t length)
{
	int error;

	if (!stream->is_open)
		return -ENOTCONN;
	if (stream->tls == NULL)
		return tcp_write(stream->tcp, bytes, length);
	stream->write_error = 0;
	error = tls_send(stream->tls, bytes, length);
	return error != 0 ? error : stream->write_error;
}

size_t stream_queued(const struct stream *stream)
{
	return stream->tcp == NULL ? 0 : tcp_queued(stream->tcp);
}

void stream_pause(struct stream *stream)
{
	if (stream->tcp != NULL)
		tcp_pause(stream->tcp);
}

void stream_resume(struct stream *stream)
{
	if (stream->tcp != NULL && !stream->has_ended)
		tcp_resume(stream->tcp);
}

const char *stream_peer(const struct stream *stream)
{
	return stream->tcp == NULL ? "" : tcp_peer(stream->tcp);
}

void stream_timing(
	const struct stream *stream, int64_t *resolve_ns, int64_t *connect_ns, int64_t *secure_ns)
{
	*resolve_ns = stream->resolve_ns;
	*connect_ns = stream->connect_ns;
	*secure_ns = stream->secure_ns;
}
