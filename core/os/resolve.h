/*
 * resolve.h: names to addresses, off the loop.
 */
#ifndef OS_RESOLVE_H
#define OS_RESOLVE_H

#include "loop.h"

enum { ADDRESS_MAX = 16 };

/** One numeric address and port: "203.0.113.5", "2001:db8::1". */
struct address {
	char text[46];
	uint16_t port;
	bool is_v6;
};

struct resolve;

/** `error` 0 with addresses (the resolver's order, at most ADDRESS_MAX), or a negative errno
 * (-ENOENT). */
typedef void (*resolve_done)(void *data, int error, const struct address *addresses, size_t count);

/** Looks `host` up (numeric addresses too). NULL: no memory. Freed after `done` or by cancel. */
struct resolve *resolve_start(
	struct loop *loop, const char *host, uint16_t port, resolve_done done, void *data);
void resolve_cancel(struct resolve *resolve); /* `done` will not be called; takes NULL */

#endif
