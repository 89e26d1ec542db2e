#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 256 };

/* What an empty buf points at, so that nobody computes with NULL. Never written to: size is 0. */
static char nothing[1];

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){ .data = nothing, .limit = limit };
}

static void release(struct buf *buf)
{
	if (buf->data != nothing)
		free(buf->data);
	buf->data = nothing;
	buf->start = buf->end = buf->size = 0;
}

void buf_finish(struct buf *buf)
{
	release(buf);
}

/* Makes room behind the end, by moving what is held to the front or by growing. */
static int make_room(struct buf *buf, size_t length)
{
	size_t held = buf_length(buf), size = buf->size;
	char *data;

	if (buf->size - buf->end >= length)
		return 0;
	if (length > SIZE_MAX / 4 - held)
		return -ENOMEM;
	/* Moving pays when it is rare: at least as much room is won as is moved. */
	if (buf->start >= held && buf->size - held >= length) {
		memmove(buf->data, buf->data + buf->start, held);
		buf->start = 0;
		buf->end = held;
		return 0;
	}
	if (size < SMALLEST)
		size = SMALLEST;
	while (size < held + length)
		size *= 2;
	data = malloc(size);
	if (data == NULL)
		return -ENOMEM;
	if (held > 0)
		memcpy(data, buf->data + buf->start, held);
	release(buf);
	buf->data = data;
	buf->end = held;
	buf->size = size;
	return 0;
}

/* Whether `length` bytes may come in; makes room for them and for `spare` that will not count. */
static int admit(struct buf *buf, size_t length, size_t spare)
{
	int rc;

	if (buf->limit != 0 && (length > buf->limit || buf_length(buf) > buf->limit - length))
		rc = -ENOBUFS;
	else
		rc = make_room(buf, length + spare);
	if (rc != 0)
		buf->failed = true;
	return rc;
}

int buf_append(struct buf *buf, const void *bytes, size_t length)
{
	int rc;

	if (length == 0)
		return 0;
	rc = admit(buf, length, 0);
	if (rc != 0)
		return rc;
	memcpy(buf->data + buf->end, bytes, length);
	buf->end += length;
	return 0;
}

int buf_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int rc;

	va_start(args, format);
	rc = buf_vprintf(buf, format, args);
	va_end(args);
	return rc;
}

int buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	size_t room = buf->size - buf->end;
	va_list again;
	int length, rc;

	va_copy(again, args);
	length = vsnprintf(room > 0 ? buf->data + buf->end : NULL, room, format, args);
	if (length < 0) {
		buf->failed = true;
		rc = -EINVAL;
		goto end;
	}
	rc = admit(buf, (size_t)length, 1); /* vsnprintf ends with a 0 */
	if (rc != 0)
		goto end;
	if ((size_t)length >= room)
		vsnprintf(buf->data + buf->end, (size_t)length + 1, format, again);
	buf->end += (size_t)length;
end:
	va_end(again);
	return rc;
}

char *buf_reserve(struct buf *buf, size_t length)
{
	return admit(buf, length, 0) == 0 ? buf->data + buf->end : NULL;
}

void buf_consume(struct buf *buf, size_t length)
{
	if (length >= buf_length(buf))
		buf->start = buf->end = 0;
	else
		buf->start += length;
}

void buf_clear(struct buf *buf, size_t keep)
{
	buf->failed = false;
	if (buf->size > keep)
		release(buf);
	else
		buf->start = buf->end = 0;
}

const char *buf_string(struct buf *buf)
{
	if (make_room(buf, 1) != 0) {
		buf->failed = true;
		return "";
	}
	buf->data[buf->end] = '\0';
	return buf_bytes(buf);
}
