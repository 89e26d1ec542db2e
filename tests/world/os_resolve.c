/* os_resolve.c: a small table of names; numeric addresses at the end of the turn. */
#include "resolve.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "os_inside.h"

enum { FOUND_MAX_MS = 20, SILENT_MAX_MS = 20000 }; /* a name server that does not answer */

struct resolve {
	struct event event;
	resolve_done done;
	void *data;
	int error;
	struct address address;
};

static const struct {
	const char *name, *address;
} names[] = {
	{ "localhost", "127.0.0.1" },
	{ "exchange.test", "127.0.0.1" },
};

static void on_answer(struct event *event)
{
	struct resolve *resolve = container_of(event, struct resolve, event);
	struct resolve ended = *resolve;

	free(resolve);
	ended.event.loop->held--;
	ended.done(ended.data, ended.error, &ended.address, ended.error == 0 ? 1 : 0);
}

static bool is_numeric(const char *host, bool *is_v6)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	*is_v6 = inet_pton(AF_INET6, host, bytes) == 1;
	return *is_v6 || inet_pton(AF_INET, host, bytes) == 1;
}

static int find(const char *host, struct address *out)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i].name, host) == 0)
			host = names[i].address;
	if (!is_numeric(host, &out->is_v6) || strlen(host) >= sizeof(out->text))
		return -ENOENT;
	memcpy(out->text, host, strlen(host) + 1);
	return 0;
}

struct resolve *resolve_start(
	struct loop *loop, const char *host, uint16_t port, resolve_done done, void *data)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	bool is_v6;

	if (resolve == NULL)
		return NULL;
	resolve->event = (struct event){ .loop = loop, .run = on_answer };
	resolve->done = done;
	resolve->data = data;
	resolve->address.port = port;
	resolve->error = find(host, &resolve->address);
	loop->held++;
	if (is_numeric(host, &is_v6)) {
		event_at(&resolve->event, os.now_ns);
	} else if (os.names_fail_until_ns > os.now_ns) {
		resolve->error = -ENOENT;
		event_at(
			&resolve->event, os.now_ns + (int64_t)stream_below(&os.net, SILENT_MAX_MS) * FL_MS);
	} else {
		event_at(&resolve->event, os.now_ns + (int64_t)stream_below(&os.net, FOUND_MAX_MS) * FL_MS);
	}
	return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
	if (resolve == NULL)
		return;
	event_cancel(&resolve->event);
	resolve->event.loop->held--;
	free(resolve);
}
