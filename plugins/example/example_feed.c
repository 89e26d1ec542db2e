/*
 * example_feed: the index prices of a venue that speaks Deribit's protocol. The smallest useful
 * feed: one connection, one subscription, one kind of record.
 *
 * Publishes  index: a price
 * Reload     the connection and its subscriptions stay; the number of the last request is handed
 *            over, so that an answer under way is known for what it is
 * Config     feeds: { prices: { plugin: example_feed, indices: [btc_usd, eth_usd] } }
 */
#include <feedloom/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { CONN_PRICES = 1 }; /* a reload finds the live connection by this number: never renumber */

struct options {
	const char *url;
	struct fl_names indices;
};

static const char *const url_schemes[] = { "ws", "wss", NULL };

static const struct fl_option option_table[] = {
	{ "url", FL_URL, offsetof(struct options, url), .preset = "wss://www.deribit.com/ws/api/v2",
		.help = "the venue's WebSocket", .choices = url_schemes },
	{ "indices", FL_NAMES, offsetof(struct options, indices), .preset = "[btc_usd, eth_usd]",
		.help = "which index prices" },
	{ 0 },
};

struct example_feed {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	int64_t request_id;            /* of the last request sent */
};

/* What goes into JSON as it is must need no escaping. */
static void check(const void *given, struct fl_check *errors)
{
	const struct options *options = given;

	for (size_t i = 0; i < options->indices.count; i++)
		if (strspn(options->indices.items[i], "abcdefghijklmnopqrstuvwxyz0123456789_") !=
			strlen(options->indices.items[i]))
			fl_check_error(errors, "indices", "%s: small letters, digits and underscores",
				options->indices.items[i]);
}

/* ---- the connection ---- */

static int subscribe(struct example_feed *self)
{
	char list[1024] = "";
	size_t length = 0;

	for (size_t i = 0; i < self->options->indices.count && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length,
			"%s\"deribit_price_index.%s\"", i > 0 ? "," : "", self->options->indices.items[i]);
	if (length >= sizeof(list))
		return -E2BIG;
	return fl_sendf(self->ctx, CONN_PRICES,
		"{\"jsonrpc\":\"2.0\",\"id\":%" PRId64
		",\"method\":\"public/subscribe\",\"params\":{\"channels\":[%s]}}",
		++self->request_id, list);
}

static void on_connection(void *state, int conn, enum fl_conn_state now, enum fl_reason reason)
{
	struct example_feed *self = state;

	(void)conn;
	if (now != FL_CONN_UP) {
		fl_set_health(self->ctx, FL_DISCONNECTED, "%s", fl_reason_text(reason));
		return; /* the core logs why and dials again */
	}
	/* The venue forgets subscriptions with the connection; each new one starts from nothing. */
	if (subscribe(self) < 0)
		fl_set_health(self->ctx, FL_DEGRADED, "too many indices for one request");
	else
		fl_set_health(self->ctx, FL_NOT_READY, "subscribing");
}

/* ---- messages ---- */

static void publish_price(struct example_feed *self, yyjson_val *data, int64_t received_ns)
{
	const char *name = yyjson_get_str(yyjson_obj_get(data, "index_name"));
	yyjson_val *price = yyjson_obj_get(data, "price"), *time = yyjson_obj_get(data, "timestamp");
	struct fl_index record;

	if (name == NULL || !yyjson_is_num(price) || !yyjson_is_int(time)) {
		fl_log_limited(self->ctx, FL_WARN, "a message that is no index price");
		return;
	}
	fl_record_init(&record, FL_INDEX);
	record.head.instrument = fl_instrument_id(self->ctx, name, strlen(name));
	record.head.event_time_ns = yyjson_get_sint(time) * FL_MS;
	record.head.received_ns = received_ns;
	record.price = yyjson_get_num(price);
	(void)fl_publish(self->ctx, &record.head); /* a loss is counted and reported by the core */
}

static void take_answer(struct example_feed *self, yyjson_val *root)
{
	int channels = (int)yyjson_arr_size(yyjson_obj_get(root, "result"));
	const char *words = yyjson_get_str(yyjson_ptr_get(root, "/error/message"));

	if (yyjson_get_sint(yyjson_obj_get(root, "id")) != self->request_id)
		return; /* to a request of an earlier connection */
	fl_conn_load(self->ctx, CONN_PRICES, channels, channels);
	if (words != NULL)
		fl_set_health(self->ctx, FL_DEGRADED, "the venue refused: %s", words);
	else
		fl_set_health(self->ctx, FL_HEALTHY, "subscribed");
}

static void on_message(void *state, int conn, const struct fl_message *message)
{
	struct example_feed *self = state;
	yyjson_doc *doc = yyjson_read(message->data, message->length, 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *data = yyjson_ptr_get(root, "/params/data");

	if (doc == NULL)
		fl_log_limited(self->ctx, FL_WARN, "connection %d: a message that is no JSON", conn);
	else if (data != NULL)
		publish_price(self, data, message->received_ns);
	else
		take_answer(self, root);
	yyjson_doc_free(doc);
}

/* ---- life ---- */

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct example_feed *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	*self = (struct example_feed){ .ctx = ctx, .options = options };
	*state = self;
	return 0;
}

/* The same cold and after a reload: a connection that is open is adopted, and nothing is heard of
 * it. */
static int start(void *state)
{
	struct example_feed *self = state;
	const struct fl_endpoint endpoint = { .url = self->options->url };

	return fl_connect(self->ctx, CONN_PRICES, &endpoint);
}

static void stop(void *state)
{
	fl_close(((struct example_feed *)state)->ctx, CONN_PRICES, 1000, "stopping");
}

static int save(const void *state, struct fl_snapshot *to)
{
	return fl_snapshot_put_int(to, "request_id", ((const struct example_feed *)state)->request_id);
}

static int restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	(void)version; /* there is but one */
	return fl_snapshot_get_int(from, "request_id", &((struct example_feed *)state)->request_id);
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "example_feed",
	.version = PLUGIN_VERSION,
	.summary = "Index prices over one WebSocket: an example.",
	.role = FL_FEED,
	.venue = "deribit",
	.state_version = 1,
	.options = option_table,
	.options_size = sizeof(struct options),
	.check = check,
	.create = create,
	.destroy = free,
	.start = start,
	.stop = stop,
	.on_connection = on_connection,
	.on_message = on_message,
	.save = save,
	.restore = restore,
};
