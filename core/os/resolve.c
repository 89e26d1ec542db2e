/*
 * resolve.c: getaddrinfo on the pool; numeric addresses need no pool, but still answer later.
 */
#include "resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "uv_loop.h"

struct resolve {
	uv_getaddrinfo_t request;
	struct loop *loop;
	resolve_done done; /* NULL: cancelled */
	void *data;
	uint16_t port;
	bool is_on_pool;
	int early_error;        /* of one not on the pool */
	struct address numeric; /* the answer of one not on the pool */
};

static void finish(
	struct resolve *resolve, int error, const struct address *addresses, size_t count)
{
	struct resolve ended = *resolve;

	free(resolve);
	if (ended.done == NULL)
		return;
	ended.loop->held--;
	ended.done(ended.data, error, addresses, count);
}

/* The resolver's words are few; the callers' question is whether to try again. */
static int error_from_resolver(int status)
{
	switch (status) {
	case UV_EAI_AGAIN: return -EAGAIN;
	case UV_EAI_MEMORY: return -ENOMEM;
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_ADDRFAMILY:
	case UV_EAI_FAMILY:
	case UV_EAI_SERVICE: return -ENOENT;
	case UV_EAI_FAIL: return -EIO;
	default: return status > -1000 ? status : -EIO; /* libuv's own words begin beyond errno's */
	}
}

static bool address_from_sockaddr(struct address *address, const struct sockaddr *sockaddr)
{
	int error;

	address->is_v6 = sockaddr->sa_family == AF_INET6;
	if (address->is_v6)
		error = uv_ip6_name((const struct sockaddr_in6 *)(const void *)sockaddr, address->text,
			sizeof(address->text));
	else if (sockaddr->sa_family == AF_INET)
		error = uv_ip4_name((const struct sockaddr_in *)(const void *)sockaddr, address->text,
			sizeof(address->text));
	else
		return false;
	return error == 0;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolve *resolve = request->data;
	struct address addresses[ADDRESS_MAX];
	size_t count = 0;

	for (struct addrinfo *at = list; at != NULL && count < ADDRESS_MAX; at = at->ai_next) {
		addresses[count] = (struct address){ .port = resolve->port };
		if (address_from_sockaddr(&addresses[count], at->ai_addr))
			count++;
	}
	uv_freeaddrinfo(list);
	if (status == 0 && count == 0)
		status = UV_EAI_NODATA;
	finish(resolve, status == 0 ? 0 : error_from_resolver(status), addresses, count);
}

static void answer_without_pool(void *data)
{
	struct resolve *resolve = data;
	struct address numeric = resolve->numeric;

	finish(resolve, resolve->early_error, &numeric, resolve->early_error == 0 ? 1 : 0);
}

static bool is_numeric(const char *host, struct address *address)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (strlen(host) >= sizeof(address->text))
		return false;
	address->is_v6 = uv_inet_pton(AF_INET6, host, bytes) == 0;
	if (!address->is_v6 && uv_inet_pton(AF_INET, host, bytes) != 0)
		return false;
	memcpy(address->text, host, strlen(host) + 1);
	return true;
}

struct resolve *resolve_start(
	struct loop *loop, const char *host, uint16_t port, resolve_done done, void *data)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };

	if (resolve == NULL)
		return NULL;
	resolve->request.data = resolve;
	resolve->loop = loop;
	resolve->done = done;
	resolve->data = data;
	resolve->port = port;
	resolve->numeric.port = port;
	if (!is_numeric(host, &resolve->numeric)) {
		int error = uv_getaddrinfo(&loop->uv, &resolve->request, on_resolved, host, NULL, &hints);

		resolve->is_on_pool = error == 0;
		resolve->early_error = error == 0 ? 0 : error_from_resolver(error);
	}
	if (!resolve->is_on_pool && loop_defer(loop, answer_without_pool, resolve) != 0) {
		free(resolve);
		return NULL;
	}
	loop->held++;
	return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
	if (resolve == NULL)
		return;
	resolve->done = NULL; /* freed when the pool or the deferred call comes back */
	resolve->loop->held--;
	if (resolve->is_on_pool)
		(void)uv_cancel((uv_req_t *)&resolve->request); /* too late is fine */
}
