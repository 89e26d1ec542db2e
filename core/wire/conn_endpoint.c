/*
 * conn_endpoint.c: where a connection goes and how patient it is.
 */
#include "conn_machine.h"

#include <stdlib.h>
#include <string.h>

static const char *text_or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static int64_t time_or(int64_t value, int64_t preset)
{
	return value > 0 ? value : preset;
}

void conn_set_timeouts(struct conn *conn, const struct fl_endpoint *from)
{
	struct fl_endpoint *to = &conn->endpoint;

	to->dial_timeout_ns = time_or(from->dial_timeout_ns, 10 * FL_SECOND);
	to->idle_timeout_ns = time_or(from->idle_timeout_ns, 60 * FL_SECOND);
	to->close_timeout_ns = time_or(from->close_timeout_ns, 3 * FL_SECOND);
	to->backoff_min_ns = time_or(from->backoff_min_ns, 500 * FL_MS);
	to->backoff_max_ns = time_or(from->backoff_max_ns, 60 * FL_SECOND);
	to->healthy_after_ns = time_or(from->healthy_after_ns, 30 * FL_SECOND);
	to->message_limit_bytes = from->message_limit_bytes > 0 ? from->message_limit_bytes : 16u << 20;
	to->send_limit_bytes = from->send_limit_bytes > 0 ? from->send_limit_bytes : 4u << 20;
	conn->backoff.min_ns = to->backoff_min_ns;
	conn->backoff.max_ns =
		to->backoff_max_ns < to->backoff_min_ns ? to->backoff_min_ns : to->backoff_max_ns;
}

int conn_set_endpoint(struct conn *conn, const struct fl_endpoint *endpoint)
{
	struct url url;
	char *text, *ca_file;

	if (endpoint->url == NULL || url_parse(endpoint->url, &url) != 0 || !url.is_websocket)
		return -EINVAL;
	if (endpoint->tls.skip_verify && !url_is_loopback(url.host))
		return -EPERM;
	text = strdup(endpoint->url);
	ca_file = strdup(text_or_empty(endpoint->tls.ca_file));
	if (text == NULL || ca_file == NULL) {
		free(text);
		free(ca_file);
		return -ENOMEM;
	}
	free((char *)conn->endpoint.url);
	free((char *)conn->endpoint.tls.ca_file);
	conn->endpoint.url = text;
	conn->endpoint.tls.ca_file = ca_file;
	conn->endpoint.tls.skip_verify = endpoint->tls.skip_verify;
	conn->url = url;
	tls_trust_put(conn->trust);
	conn->trust = NULL;
	conn_set_timeouts(conn, endpoint);
	backoff_reset(&conn->backoff);
	return 0;
}

bool conn_is_same_target(const struct conn *conn, const struct fl_endpoint *endpoint)
{
	return strcmp(conn->endpoint.url, text_or_empty(endpoint->url)) == 0 &&
		strcmp(conn->endpoint.tls.ca_file, text_or_empty(endpoint->tls.ca_file)) == 0 &&
		conn->endpoint.tls.skip_verify == endpoint->tls.skip_verify;
}
