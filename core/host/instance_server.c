/*
 * instance_server.c: an instance's listeners, and the exchanges on them by number.
 */
#include "clock.h"
#include "host.h"
#include "instance_parts.h"
#include "kept.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PEER = 65536 };
static const uint64_t UNLISTENED = UINT64_C(1)
	<< 63; /* keys of listeners that only end their answers */

/* ---- what the server brings ---- */

static void drop_exchange(struct host *host, struct instance_exchange *entry)
{
	map_remove_number(host->exchanges, (uint64_t)entry->number);
	free(entry);
}

/* Numbers come round; an event stream may still have one of the last time. */
static int next_exchange(struct host *host)
{
	do
		host->last_exchange = host->last_exchange == INT32_MAX ? 1 : host->last_exchange + 1;
	while (map_get_number(host->exchanges, (uint64_t)host->last_exchange) != NULL);
	return host->last_exchange;
}

static void on_request(void *data, struct exchange *exchange, const struct fl_http_request *request)
{
	struct instance_listener *listener = data;
	struct fl_ctx *ctx = listener->owner;
	struct host *host = ctx->host;
	struct instance_exchange *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		goto refuse;
	*entry = (struct instance_exchange){ .owner = ctx, .exchange = exchange };
	entry->number = next_exchange(host);
	if (map_set_number(host->exchanges, (uint64_t)entry->number, entry) < 0)
		goto free_entry;
	exchange_set_data(exchange, entry);
	if (!instance_on_request(ctx, listener->number, entry->number, request))
		fl_respond_problem(ctx, entry->number, 503, "%s is not running", ctx->name);
	return;

free_entry:
	free(entry);
refuse:
	exchange_set_data(exchange, NULL);
	exchange_problem(exchange, 503, "out of memory");
}

static void on_gone(void *data, struct exchange *exchange)
{
	struct instance_listener *listener = data;
	struct instance_exchange *entry = exchange_data(exchange);

	if (entry != NULL)
		drop_exchange(listener->owner->host, entry);
}

/* Ends an accepted peer whose stream did not come: the plugin hears of its end. */
static void give_up(struct fl_ctx *ctx, struct accepting *accepting)
{
	int number = accepting->number;

	list_remove(&accepting->link);
	free(accepting);
	instance_on_connection(ctx, number, FL_CONN_CLOSED, FL_REASON_RESET);
}

static void give_up_older(struct instance_listener *listener, int64_t now_ns)
{
	struct link *item, *following;

	list_each (item, following, &listener->accepting) {
		struct accepting *accepting = container_of(item, struct accepting, link);

		if (now_ns - accepting->since_ns > FL_SECOND)
			give_up(listener->owner, accepting);
	}
}

static int on_upgrade(void *data, const struct fl_http_request *request)
{
	struct instance_listener *listener = data;
	struct host *host = listener->owner->host;
	int64_t now_ns = clock_monotonic_ns(host->parts.loop);
	struct accepting *accepting;
	int status;

	give_up_older(listener, now_ns);
	accepting = calloc(1, sizeof(*accepting));
	if (accepting == NULL)
		return 503;
	host->last_peer = host->last_peer < FIRST_PEER || host->last_peer == INT32_MAX
		? FIRST_PEER
		: host->last_peer + 1;
	accepting->number = host->last_peer;
	accepting->since_ns = now_ns;
	snprintf(accepting->peer, sizeof(accepting->peer), "%s", request->peer);
	status = instance_on_accept(listener->owner, listener->number, accepting->number, request);
	if (status == 0)
		list_append(&listener->accepting, &accepting->link);
	else
		free(accepting);
	return status;
}

/* The number that was given to the peer at the other end of `stream`, 0: none. */
static int take_number(struct instance_listener *listener, const struct stream *stream)
{
	struct link *item, *following;

	list_each (item, following, &listener->accepting) {
		struct accepting *accepting = container_of(item, struct accepting, link);
		int number = accepting->number;

		if (strcmp(accepting->peer, stream_peer(stream)) != 0)
			continue;
		list_remove(&accepting->link);
		free(accepting);
		return number;
	}
	return 0;
}

static void on_upgraded(
	void *data, struct stream *stream, char *early, size_t length, int64_t received_ns)
{
	struct instance_listener *listener = data;
	struct fl_ctx *ctx = listener->owner;
	int number = take_number(listener, stream);
	struct instance_conn *entry;

	if (number == 0 || instance_conn_accept(listener, number, stream) < 0) {
		stream_abort(stream);
		if (number != 0)
			instance_on_connection(ctx, number, FL_CONN_CLOSED, FL_REASON_MEMORY);
		return;
	}
	instance_on_connection(ctx, number, FL_CONN_UP, FL_REASON_DONE);
	entry = instance_conn_find(ctx, number);
	if (entry != NULL && length > 0 && !conn_take_early(entry->conn, early, length, received_ns))
		return; /* it has ended in there, and said so */
}

static const struct server_owner server_owner = { .on_request = on_request,
	.on_gone = on_gone,
	.on_upgrade = on_upgrade,
	.on_upgraded = on_upgraded };

/* ---- listeners ---- */

static struct instance_listener *find_listener(const struct fl_ctx *ctx, int number)
{
	return map_get_number(ctx->listeners, (uint64_t)number);
}

static void forget_listener(struct instance_listener *entry)
{
	map_remove_number(entry->owner->listeners, entry->key);
	while (!list_is_empty(&entry->accepting))
		give_up(entry->owner, container_of(entry->accepting.next, struct accepting, link));
	free(entry);
}

static void close_listener(struct instance_listener *entry)
{
	server_close(entry->server); /* tells of its exchanges, by way of the entry */
	forget_listener(entry);
}

enum { KEPT_NAMES = 64 };

static size_t put_names(const char **texts, size_t at, const struct fl_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		texts[at++] = names->items[i];
	return at;
}

static size_t get_names(const char *const *texts, size_t at, struct fl_names *names)
{
	names->items = texts + at;
	return at + names->count;
}

static int run_listen(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_listen how;
	size_t at = 4;

	memcpy(&how, call->data, sizeof(how));
	how.address = call->texts[0];
	how.cert_file = call->texts[1];
	how.key_file = call->texts[2];
	how.token = call->texts[3];
	at = get_names(call->texts, at, &how.trust);
	at = get_names(call->texts, at, &how.open_paths);
	(void)get_names(call->texts, at, &how.websocket_paths);
	return fl_listen(ctx, call->number, &how);
}

static int keep_listen(struct fl_ctx *ctx, int number, const struct fl_listen *how)
{
	const char *texts[4 + KEPT_NAMES] = { how->address, how->cert_file, how->key_file, how->token };
	struct kept_call call = { .run = run_listen,
		.number = number,
		.data = how,
		.length = sizeof(*how),
		.texts = texts,
		.text_count = 4 };

	if (how->trust.count + how->open_paths.count + how->websocket_paths.count > KEPT_NAMES)
		return -E2BIG;
	call.text_count = put_names(texts, call.text_count, &how->trust);
	call.text_count = put_names(texts, call.text_count, &how->open_paths);
	call.text_count = put_names(texts, call.text_count, &how->websocket_paths);
	return kept_add(ctx, &call);
}

int fl_listen(struct fl_ctx *ctx, int number, const struct fl_listen *how)
{
	struct instance_listener *entry = find_listener(ctx, number);
	char name[96];
	int result;

	if (ctx->phase != INSTANCE_RUNNING)
		return -ECANCELED;
	if (kept_is_on(ctx))
		return keep_listen(ctx, number, how);
	if (entry != NULL && server_adopt(entry->server, how)) {
		entry->life = ctx->life;
		entry->message_limit_bytes = how->message_limit_bytes;
		entry->send_limit_bytes = how->send_limit_bytes;
		return 0;
	}
	if (entry != NULL)
		fl_unlisten(ctx, number);
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL || map_set_number(ctx->listeners, (uint64_t)number, entry) < 0) {
		free(entry);
		return -ENOMEM;
	}
	*entry = (struct instance_listener){ .owner = ctx,
		.number = number,
		.key = (uint64_t)number,
		.life = ctx->life,
		.message_limit_bytes = how->message_limit_bytes,
		.send_limit_bytes = how->send_limit_bytes };
	list_init(&entry->accepting);
	snprintf(name, sizeof(name), "%s", ctx->name);
	result = server_open(ctx->host->parts.loop, name, how, &server_owner, entry, &entry->server);
	if (result < 0)
		forget_listener(entry);
	return result;
}

int fl_listen_port(const struct fl_ctx *ctx, int number)
{
	struct instance_listener *entry = find_listener(ctx, number);

	return entry == NULL ? 0 : server_port(entry->server);
}

static int run_unlisten(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_unlisten(ctx, call->number);
	return 0;
}

void fl_unlisten(struct fl_ctx *ctx, int number)
{
	struct instance_listener *entry = find_listener(ctx, number);

	if (kept_is_on(ctx)) {
		(void)kept_add(ctx, &(struct kept_call){ .run = run_unlisten, .number = number });
		return;
	}
	if (entry == NULL)
		return;
	server_drain(entry->server);
	/* Out of the way of who listens under this number anew, until the instance stops. */
	map_remove_number(ctx->listeners, entry->key);
	entry->key = UNLISTENED | ++ctx->host->unlistened;
	if (map_set_number(ctx->listeners, entry->key, entry) < 0)
		close_listener(entry);
}

/* Those that only end their answers do so. */
void instance_listeners_sweep(struct fl_ctx *ctx)
{
	struct instance_listener *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->listeners, &at, NULL, NULL)) != NULL)
		if (entry->life != ctx->life && (entry->key & UNLISTENED) == 0)
			fl_unlisten(ctx, entry->number);
}

void instance_listeners_close(struct fl_ctx *ctx)
{
	struct instance_listener *entry;
	size_t at = 0;

	while ((entry = map_next(ctx->listeners, &at, NULL, NULL)) != NULL)
		close_listener(entry);
}

/* ---- answers ---- */

struct instance_exchange *instance_exchange_find(const struct fl_ctx *ctx, int number)
{
	struct instance_exchange *entry = map_get_number(ctx->host->exchanges, (uint64_t)number);

	return entry != NULL && entry->owner == ctx ? entry : NULL;
}

/* After its whole answer an exchange is no more; one that could not be answered waits on. */
static int answered(struct instance_exchange *entry, int result)
{
	if (result == 0)
		drop_exchange(entry->owner->host, entry);
	return result;
}

static int run_respond(struct fl_ctx *ctx, const struct kept_call *call)
{
	struct fl_header headers[KEPT_NAMES / 2];

	for (int i = 0; i < call->b; i++)
		headers[i] = (struct fl_header){ call->texts[1 + 2 * i], call->texts[2 + 2 * i] };
	return fl_respond_with(ctx, call->number, call->a, call->texts[0], headers, (size_t)call->b,
		call->data, call->length);
}

int fl_respond_with(struct fl_ctx *ctx, int number, int status, const char *type,
	const struct fl_header *headers, size_t header_count, const void *body, size_t length)
{
	struct instance_exchange *entry = instance_exchange_find(ctx, number);
	const char *texts[1 + KEPT_NAMES] = { type };

	if (entry == NULL)
		return -ENOENT;
	if (kept_is_on(ctx)) {
		for (size_t i = 0; i < header_count && i < KEPT_NAMES / 2; i++) {
			texts[1 + 2 * i] = headers[i].name;
			texts[2 + 2 * i] = headers[i].value;
		}
		return header_count > KEPT_NAMES / 2 ? -E2BIG
											 : kept_add(ctx,
												   &(struct kept_call){ .run = run_respond,
													   .number = number,
													   .a = status,
													   .b = (int)header_count,
													   .data = body,
													   .length = length,
													   .texts = texts,
													   .text_count = 1 + 2 * header_count });
	}
	return answered(entry,
		exchange_respond(entry->exchange, status, type, headers, header_count, body, length));
}

int fl_respond(
	struct fl_ctx *ctx, int number, int status, const char *type, const void *body, size_t length)
{
	return fl_respond_with(ctx, number, status, type, NULL, 0, body, length);
}

static int run_problem(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_respond_problem(ctx, call->number, call->a, "%s", call->texts[0]);
}

int fl_respond_problem(struct fl_ctx *ctx, int number, int status, const char *detail, ...)
{
	struct instance_exchange *entry = instance_exchange_find(ctx, number);
	char text[1024];
	va_list args;

	if (entry == NULL)
		return -ENOENT;
	va_start(args, detail);
	vsnprintf(text, sizeof(text), detail, args);
	va_end(args);
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_problem,
				.number = number,
				.a = status,
				.texts = &(const char *){ text },
				.text_count = 1 });
	return answered(entry, exchange_problem(entry->exchange, status, text));
}

/* The steps of an answer in pieces. */
static int run_begin(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_respond_begin(ctx, call->number, call->a, call->texts[0]);
}

static int run_more(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_respond_more(ctx, call->number, call->data, call->length);
}

static int run_end(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_respond_end(ctx, call->number);
}

int fl_respond_begin(struct fl_ctx *ctx, int number, int status, const char *type)
{
	struct instance_exchange *entry = instance_exchange_find(ctx, number);

	if (entry != NULL && kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){
				.run = run_begin, .number = number, .a = status, .texts = &type, .text_count = 1 });
	return entry == NULL ? -ENOENT : exchange_begin(entry->exchange, status, type);
}

int fl_respond_more(struct fl_ctx *ctx, int number, const void *data, size_t length)
{
	struct instance_exchange *entry = instance_exchange_find(ctx, number);

	if (entry != NULL && kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){
				.run = run_more, .number = number, .data = data, .length = length });
	return entry == NULL ? -ENOENT : exchange_more(entry->exchange, data, length);
}

int fl_respond_end(struct fl_ctx *ctx, int number)
{
	struct instance_exchange *entry = instance_exchange_find(ctx, number);

	if (entry != NULL && kept_is_on(ctx))
		return kept_add(ctx, &(struct kept_call){ .run = run_end, .number = number });
	return entry == NULL ? -ENOENT : answered(entry, exchange_end(entry->exchange));
}

const char *fl_http_header(const struct fl_http_request *request, const char *name)
{
	return server_request_header(request, name);
}

int fl_http_query(const struct fl_http_request *request, const char *name, char *out, size_t size)
{
	return server_request_query(request, name, out, size);
}
