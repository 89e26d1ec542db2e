/*
 * example_sink: index prices and trades as JSON, posted to a URL. The smallest useful sink: one
 * stream, one request a batch, the next when the receiver has answered 2xx.
 *
 * Takes    index, trade
 * Body     {"journal":"...","from":N,"to":N,"records":[{"kind":"index","name":"btc_usd",...}]}
 * Repeats  a batch whose answer was lost is posted again, and after a restart what the journal
 *          keeps: the receiver drops what it has by (journal, to). A sink with a store of its own
 *          keeps the position there, in the transaction of the batch, and hands it to
 *          fl_stream_open.
 * Reload   the position goes over to the new code, which opens the stream there
 * Config   sinks: { hook: { plugin: example_sink, url: "http://127.0.0.1:9000/prices" } }
 */
#include <feedloom/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

enum { REQUEST_POST = 1 };

static const char STREAM[] = "main";
static const int64_t RETRY_NS = 2 * FL_SECOND;

struct options {
	const char *url;
};

static const char *const url_schemes[] = { "http", "https", NULL };

static const struct fl_option option_table[] = {
	{ "url", FL_URL, offsetof(struct options, url), .help = "who is posted to",
		.choices = url_schemes, .flags = FL_OPTION_REQUIRED },
	{ 0 },
};

struct example_sink {
	struct fl_ctx *ctx;            /* borrowed; outlives us */
	const struct options *options; /* borrowed */
	struct fl_position taken;      /* what the receiver has */
	struct fl_position posted;     /* what it will have when it answers the batch under way */
};

/* ---- a batch as JSON ---- */

static void put_real(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, double value)
{
	if (value == value)
		(void)yyjson_mut_obj_add_real(doc, object, key, value);
	else
		(void)yyjson_mut_obj_add_null(doc, object, key); /* NaN: absent */
}

static void put_record(const struct example_sink *self, yyjson_mut_doc *doc, yyjson_mut_val *list,
	const struct fl_record *record)
{
	yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

	(void)yyjson_mut_obj_add_str(doc, object, "kind", fl_kind_name(record->kind));
	(void)yyjson_mut_obj_add_str(
		doc, object, "name", fl_instrument_name(self->ctx, record->instrument));
	(void)yyjson_mut_obj_add_sint(doc, object, "event_time_ns", record->event_time_ns);
	(void)yyjson_mut_obj_add_sint(doc, object, "received_ns", record->received_ns);
	if (record->kind == FL_INDEX) {
		put_real(doc, object, "price", ((const struct fl_index *)record)->price);
	} else if (record->kind == FL_TRADE) {
		put_real(doc, object, "price", ((const struct fl_trade *)record)->price);
		put_real(doc, object, "amount", ((const struct fl_trade *)record)->amount);
	}
}

/* The caller frees. NULL: no memory. */
static char *print_batch(
	const struct example_sink *self, const struct fl_batch *batch, size_t *length)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list;
	const struct fl_record *record = NULL;
	char journal[24], *text;

	snprintf(journal, sizeof(journal), "%" PRIu64, batch->to.journal_id);
	yyjson_mut_doc_set_root(doc, root);
	(void)yyjson_mut_obj_add_str(doc, root, "journal", journal);
	(void)yyjson_mut_obj_add_uint(doc, root, "from", batch->from.number);
	(void)yyjson_mut_obj_add_uint(doc, root, "to", batch->to.number);
	list = yyjson_mut_obj_add_arr(doc, root, "records");
	while ((record = fl_batch_next(batch, record)) != NULL)
		put_record(self, doc, list, record);
	text = yyjson_mut_write(doc, 0, length);
	yyjson_mut_doc_free(doc);
	return text;
}

/* ---- batches ---- */

static void on_batch(void *state, const char *stream, const struct fl_batch *batch)
{
	static const struct fl_header json = { "Content-Type", "application/json" };
	struct example_sink *self = state;
	struct fl_request request = {
		.method = "POST", .url = self->options->url, .headers = &json, .header_count = 1
	};
	char *text;

	if (batch->count == 0) {
		self->taken = batch->to; /* others' records */
		fl_ack(self->ctx, stream, &self->taken);
		return;
	}
	text = print_batch(self, batch, &request.body_length);
	request.body = text;
	self->posted = batch->to;
	if (text == NULL || fl_request(self->ctx, REQUEST_POST, &request) < 0)
		fl_retry(self->ctx, stream, RETRY_NS);
	free(text);
}

static void on_response(void *state, int number, const struct fl_response *response)
{
	struct example_sink *self = state;

	(void)number;
	if (response->status / 100 == 2) {
		fl_set_health(self->ctx, FL_HEALTHY, "posting");
		self->taken = self->posted;
		fl_ack(self->ctx, STREAM, &self->taken);
		return;
	}
	if (response->status == 0)
		fl_set_health(self->ctx, FL_DISCONNECTED, "%s", response->detail);
	else
		fl_set_health(self->ctx, FL_DISCONNECTED, "HTTP status %d", response->status);
	fl_retry(self->ctx, STREAM, RETRY_NS); /* nothing is lost: the journal has it */
}

/* ---- life ---- */

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct example_sink *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	*self = (struct example_sink){ .ctx = ctx, .options = options };
	*state = self;
	return 0;
}

static int start(void *state)
{
	struct example_sink *self = state;
	const struct fl_stream how = {
		.filter = { "index,trade" }, .position = self->taken, .batch_rows = 1000
	};
	int result = fl_stream_open(self->ctx, STREAM, &how);

	return result < 0 ? result : 0;
}

/* No batch is under way then. */
static int save(const void *state, struct fl_snapshot *to)
{
	const struct fl_position *taken = &((const struct example_sink *)state)->taken;
	int result = fl_snapshot_put_int(to, "journal_id", (int64_t)taken->journal_id);

	if (result == 0)
		result = fl_snapshot_put_int(to, "generation", taken->generation);
	return result == 0 ? fl_snapshot_put_int(to, "number", (int64_t)taken->number) : result;
}

static int restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct example_sink *self = state;
	int64_t journal_id, generation, number;

	(void)version; /* there is but one */
	if (fl_snapshot_get_int(from, "journal_id", &journal_id) < 0 ||
		fl_snapshot_get_int(from, "generation", &generation) < 0 ||
		fl_snapshot_get_int(from, "number", &number) < 0)
		return -EINVAL;
	self->taken =
		(struct fl_position){ (uint64_t)journal_id, (uint32_t)generation, (uint64_t)number };
	return 0;
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "example_sink",
	.version = PLUGIN_VERSION,
	.summary = "Index prices and trades as JSON, posted to a URL: an example.",
	.role = FL_SINK,
	.state_version = 1,
	.options = option_table,
	.options_size = sizeof(struct options),
	.create = create,
	.destroy = free,
	.start = start,
	.on_batch = on_batch,
	.on_response = on_response,
	.save = save,
	.restore = restore,
};
