/*
 * buf.h: a growable byte buffer with a limit. Bytes are appended at the end and consumed from the
 * front.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <feedloom/base.h>
#include <stdarg.h>

struct buf {
	char *data; /* what is held begins at data + start */
	size_t start, end, size;
	size_t limit; /* 0: none */
	bool failed;  /* an append did not fit or memory ran out; stays until buf_clear */
};

void buf_init(struct buf *buf, size_t limit);
void buf_finish(struct buf *buf);
static inline size_t buf_length(const struct buf *buf)
{
	return buf->end - buf->start;
}
static inline char *buf_bytes(const struct buf *buf)
{
	return buf->data + buf->start;
}
/** 0; -ENOBUFS: over the limit, nothing was taken; -ENOMEM. */
int buf_append(struct buf *buf, const void *bytes, size_t length);
int buf_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) FL_PRINTF(2, 3);
int buf_vprintf(struct buf *buf, const char *format, va_list args) FL_PRINTF(2, 0);
/** Room for `length` more bytes at data + end; NULL when it cannot be had. Then set with buf_grew.
 */
char *buf_reserve(struct buf *buf, size_t length);
static inline void buf_grew(struct buf *buf, size_t length)
{
	buf->end += length;
}
/** Drops bytes from the front. */
void buf_consume(struct buf *buf, size_t length);
/** Empties it, keeping the memory, except beyond `keep` bytes. */
void buf_clear(struct buf *buf, size_t keep);
/** A 0-terminated view (the 0 is not counted); "" without memory. */
const char *buf_string(struct buf *buf);

#endif
