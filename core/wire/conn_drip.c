/*
 * conn_drip.c: bytes held back on their way out: a slow peer, or one that seems to have gone, for
 * tests of faults. It lies between the frames and the stream, so that no end of a frame shows.
 */
#include "conn_machine.h"

#include <stdint.h>
#include <stdlib.h>

struct conn_drip {
	struct conn *conn;
	struct timer *timer;
	size_t bytes; /* each time */
	struct buf waiting;
};

int conn_drip_take(struct conn_drip *drip, const char *bytes, size_t length)
{
	return buf_append(&drip->waiting, bytes, length);
}

size_t conn_drip_waiting(const struct conn_drip *drip)
{
	return drip == NULL ? 0 : buf_length(&drip->waiting);
}

void conn_drip_free(struct conn_drip *drip)
{
	if (drip == NULL)
		return;
	timer_destroy(drip->timer);
	buf_finish(&drip->waiting);
	free(drip);
}

static void let_go(struct conn_drip *drip, size_t most)
{
	struct conn *conn = drip->conn;
	size_t length = buf_length(&drip->waiting);
	int error;

	length = length < most ? length : most;
	if (length == 0)
		return;
	error = stream_write(conn->stream, buf_bytes(&drip->waiting), length);
	buf_consume(&drip->waiting, length);
	if (error != 0 && error != -ENOTCONN) /* the stream itself tells that it has ended */
		conn_fail(conn, FL_REASON_MEMORY, "no memory to send");
}

static void on_drip(void *data)
{
	struct conn_drip *drip = data;

	let_go(drip, drip->bytes);
}

static struct conn_drip *begin(struct conn *conn)
{
	struct conn_drip *drip = calloc(1, sizeof(*drip));

	if (drip == NULL)
		return NULL;
	drip->conn = conn;
	drip->timer = timer_create(conn->loop, on_drip, drip);
	if (drip->timer == NULL) {
		free(drip);
		return NULL;
	}
	buf_init(&drip->waiting, 0); /* under the owner's limit: it counts as queued */
	return drip;
}

static void end(struct conn *conn)
{
	if (conn->drip == NULL)
		return;
	let_go(conn->drip, SIZE_MAX);
	conn_drip_free(conn->drip);
	conn->drip = NULL;
}

/* `bytes` 0: nothing goes. */
static int hold(struct conn *conn, size_t bytes, int64_t every_ns)
{
	if (conn->state != FL_CONN_UP || conn->wish != WISH_NONE)
		return -ENOTCONN;
	if (conn->drip == NULL)
		conn->drip = begin(conn);
	if (conn->drip == NULL)
		return -ENOMEM;
	conn->drip->bytes = bytes;
	if (bytes > 0)
		timer_start(conn->drip->timer, every_ns, every_ns);
	else
		timer_stop(conn->drip->timer);
	return 0;
}

int conn_drip(struct conn *conn, size_t bytes, int64_t every_ns)
{
	if (bytes > 0)
		return every_ns > 0 ? hold(conn, bytes, every_ns) : -EINVAL;
	end(conn);
	return 0;
}

int conn_freeze(struct conn *conn, bool on)
{
	int error = 0;

	if (on) {
		error = hold(conn, 0, 0);
		if (error == 0)
			conn_pause(conn, CONN_FROZEN);
	} else {
		end(conn);
		conn_resume(conn, CONN_FROZEN);
	}
	return error;
}
