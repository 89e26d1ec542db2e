/*
 * url.h: the parts of ws, wss, http and https URLs. Pure.
 */
#ifndef WIRE_URL_H
#define WIRE_URL_H

#include <feedloom/base.h>

struct url {
	bool is_secure;      /* wss, https */
	bool is_websocket;   /* ws, wss */
	char host[254];      /* without brackets */
	uint16_t port;       /* the scheme's when none is written */
	char authority[264]; /* as Host and :authority say it: port only when not the scheme's */
	char path[1024];     /* with query; "/" when none is written */
};

/** -EINVAL: not such a URL (user info, fragments and control characters are not taken). */
int url_parse(const char *text, struct url *out);
/** Whether a host is loopback: localhost, 127.0.0.0/8, ::1. */
bool url_is_loopback(const char *host);

#endif
