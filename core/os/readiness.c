/*
 * readiness.c: uv_poll on a descriptor that a library owns.
 */
#include "readiness.h"

#include <assert.h>
#include <stdlib.h>

#include "uv_loop.h"

struct readiness {
	uv_poll_t handle;
	struct loop *loop;
	void (*on_ready)(void *data, unsigned ready);
	void *data;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct readiness *readiness = handle->data;
	unsigned ready = 0;

	if ((events & UV_READABLE) != 0)
		ready |= READINESS_READ;
	if ((events & UV_WRITABLE) != 0)
		ready |= READINESS_WRITE;
	if (status != 0) /* the library will find the error when it reads or writes */
		ready = READINESS_READ | READINESS_WRITE;
	readiness->on_ready(readiness->data, ready);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int readiness_create(struct loop *loop, int descriptor,
	void (*on_ready)(void *data, unsigned ready), void *data, struct readiness **out)
{
	struct readiness *readiness = calloc(1, sizeof(*readiness));
	int error;

	if (readiness == NULL)
		return -ENOMEM;
	error = uv_poll_init(&loop->uv, &readiness->handle, descriptor);
	if (error != 0) { /* then libuv has taken nothing over */
		free(readiness);
		return error;
	}
	readiness->handle.data = readiness;
	readiness->loop = loop;
	readiness->on_ready = on_ready;
	readiness->data = data;
	loop->held++;
	*out = readiness;
	return 0;
}

void readiness_wait_for(struct readiness *readiness, unsigned events)
{
	int uv_events = 0;

	if ((events & READINESS_READ) != 0)
		uv_events |= UV_READABLE;
	if ((events & READINESS_WRITE) != 0)
		uv_events |= UV_WRITABLE;
	if (uv_events == 0)
		(void)uv_poll_stop(&readiness->handle);
	else
		(void)uv_poll_start(&readiness->handle, uv_events, on_poll);
}

void readiness_destroy(struct readiness *readiness)
{
	if (readiness == NULL)
		return;
	assert(readiness->loop->held > 0);
	readiness->loop->held--;
	uv_close((uv_handle_t *)&readiness->handle, on_closed);
}
