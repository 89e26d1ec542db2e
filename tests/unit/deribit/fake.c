/* fake: a core of which a test is the master. */
#include "fake.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the plugin calls ---- */

int64_t fl_now_ns(const struct fl_ctx *ctx)
{
	return ctx->now_ns;
}

int64_t fl_monotonic_ns(const struct fl_ctx *ctx)
{
	return ctx->now_ns;
}

uint64_t fl_random(struct fl_ctx *ctx)
{
	(void)ctx;
	return 4; /* drawn by a fair die */
}

const char *fl_instance_name(const struct fl_ctx *ctx)
{
	(void)ctx;
	return "deribit";
}

void fl_record_init(void *record, enum fl_kind kind)
{
	static const size_t sizes[FL_KIND_COUNT] = { [FL_QUOTE] = sizeof(struct fl_quote),
		[FL_TICKER] = sizeof(struct fl_ticker),
		[FL_TRADE] = sizeof(struct fl_trade),
		[FL_BOOK] = sizeof(struct fl_book),
		[FL_INDEX] = sizeof(struct fl_index),
		[FL_INSTRUMENT] = sizeof(struct fl_instrument),
		[FL_LIFECYCLE] = sizeof(struct fl_lifecycle),
		[FL_GAP] = sizeof(struct fl_gap) };
	struct fl_record *head = record;

	memset(record, 0, sizes[kind]);
	head->kind = (uint8_t)kind;
	head->length = (uint32_t)sizes[kind];
	head->version = 1;
	if (kind == FL_QUOTE || kind == FL_INDEX) {
		double *values = (double *)(head + 1);

		for (size_t i = 0; i < (sizes[kind] - sizeof(*head)) / sizeof(double); i++)
			values[i] = NAN;
	} else if (kind == FL_TICKER) {
		double *values = &((struct fl_ticker *)record)->mark_price;

		for (size_t i = 0; i < (sizes[kind] - offsetof(struct fl_ticker, mark_price)) / 8; i++)
			values[i] = NAN;
	} else if (kind == FL_TRADE) {
		struct fl_trade *trade = record;

		trade->trade_seq = -1;
		trade->tick_direction = -1;
		trade->price = trade->amount = trade->contracts = NAN;
		trade->iv = trade->mark_price = trade->index_price = NAN;
	} else if (kind == FL_BOOK) {
		((struct fl_book *)record)->change_id = ((struct fl_book *)record)->prev_change_id = -1;
	} else if (kind == FL_INSTRUMENT) {
		struct fl_instrument *instrument = record;

		instrument->strike = instrument->tick_size = NAN;
		instrument->contract_size = instrument->min_trade_amount = NAN;
	} else if (kind == FL_GAP) {
		((struct fl_gap *)record)->first_seq = ((struct fl_gap *)record)->last_seq = -1;
	}
}

int fl_publish(struct fl_ctx *ctx, struct fl_record *record)
{
	struct fl_record *copy = malloc(record->length);

	memcpy(copy, record, record->length);
	ctx->records = realloc(ctx->records, (ctx->record_count + 1) * sizeof(copy));
	ctx->records[ctx->record_count++] = copy;
	return 0;
}

uint32_t fl_instrument_id(struct fl_ctx *ctx, const char *name, size_t length)
{
	if (length == 0 || length > 63)
		return 0;
	for (uint32_t id = 1; id <= ctx->name_count; id++)
		if (strlen(ctx->names[id]) == length && memcmp(ctx->names[id], name, length) == 0)
			return id;
	ctx->name_count++;
	memcpy(ctx->names[ctx->name_count], name, length);
	ctx->names[ctx->name_count][length] = '\0';
	return ctx->name_count;
}

/* By the beginning alone: what is expected may be wrong. */
uint32_t fl_instrument_expect(struct fl_ctx *ctx, const char *name, size_t length)
{
	for (uint32_t id = 1; id <= ctx->name_count && length > 0; id++)
		if (strncmp(ctx->names[id], name, length) == 0) {
			ctx->expected++;
			return id;
		}
	return 0;
}

const char *fl_instrument_name(const struct fl_ctx *ctx, uint32_t instrument)
{
	return ctx->names[instrument];
}

int fl_last_trade(const struct fl_ctx *ctx, uint32_t instrument, struct fl_last_trade *out)
{
	if (ctx->last[instrument].trade_seq == 0)
		return -ENOENT;
	*out = ctx->last[instrument];
	return 0;
}

int fl_connect(struct fl_ctx *ctx, int conn, const struct fl_endpoint *endpoint)
{
	(void)endpoint;
	if (ctx->conns[conn] == FL_CONN_CLOSED)
		ctx->conns[conn] = FL_CONN_DIALING;
	return 0;
}

int fl_send(struct fl_ctx *ctx, int conn, const void *data, size_t length)
{
	char *text;

	if (ctx->conns[conn] != FL_CONN_UP)
		return -ENOTCONN;
	if (ctx->is_refusing)
		return -EAGAIN;
	text = malloc(length + 1);
	memcpy(text, data, length);
	text[length] = '\0';
	ctx->sent = realloc(ctx->sent, (ctx->sent_count + 1) * sizeof(*ctx->sent));
	ctx->sent[ctx->sent_count++] = (struct fake_sent){ conn, text };
	return 0;
}

int fl_sendf(struct fl_ctx *ctx, int conn, const char *format, ...)
{
	char text[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fl_send(ctx, conn, text, (size_t)length);
}

enum fl_conn_state fl_conn_state(const struct fl_ctx *ctx, int conn)
{
	return ctx->conns[conn];
}

const char *fl_conn_detail(const struct fl_ctx *ctx, int conn)
{
	(void)ctx, (void)conn;
	return "";
}

void fl_close(struct fl_ctx *ctx, int conn, int code, const char *why)
{
	(void)code, (void)why;
	ctx->conns[conn] = FL_CONN_CLOSING;
}

void fl_reconnect(struct fl_ctx *ctx, int conn, enum fl_reason reason)
{
	ctx->reconnected[conn] = reason;
}

const char *fl_reason_text(enum fl_reason reason)
{
	return reason == FL_REASON_UNAUTHORIZED ? "unauthorized" : "reason";
}

int fl_request(struct fl_ctx *ctx, int number, const struct fl_request *request)
{
	if (fake_url(ctx, number) != NULL)
		return -EBUSY;
	ctx->requests = realloc(ctx->requests, (ctx->request_count + 1) * sizeof(*ctx->requests));
	ctx->requests[ctx->request_count++] = (struct fake_request){ number, strdup(request->url) };
	return 0;
}

static void request_drop(struct fl_ctx *ctx, size_t i)
{
	free(ctx->requests[i].url);
	ctx->request_count--;
	memmove(&ctx->requests[i], &ctx->requests[i + 1],
		(ctx->request_count - i) * sizeof(*ctx->requests));
}

void fl_request_cancel(struct fl_ctx *ctx, int number)
{
	for (size_t i = ctx->request_count; i > 0; i--)
		if (ctx->requests[i - 1].number == number)
			request_drop(ctx, i - 1);
}

int fl_timer_start(struct fl_ctx *ctx, int timer, int64_t delay_ns, int64_t repeat_ns)
{
	ctx->timers[timer].due_ns = ctx->now_ns + delay_ns;
	ctx->timers[timer].repeat_ns = repeat_ns;
	return 0;
}

void fl_timer_stop(struct fl_ctx *ctx, int timer)
{
	ctx->timers[timer].due_ns = 0;
}

void fl_log(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	(void)ctx, (void)level, (void)format;
}

void fl_log_limited(struct fl_ctx *ctx, enum fl_level level, const char *format, ...)
{
	(void)ctx, (void)level, (void)format;
}

static int complaint_find(const struct fl_ctx *ctx, const char *what)
{
	for (int i = 0; i < 8; i++)
		if (strcmp(ctx->complaining[i], what) == 0)
			return i;
	return -1;
}

bool fake_complains(const struct fl_ctx *ctx, const char *what)
{
	return complaint_find(ctx, what) >= 0;
}

void fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctx->complaint, sizeof(ctx->complaint), format, args);
	va_end(args);
	if (!fake_complains(ctx, what))
		strcpy(ctx->complaining[complaint_find(ctx, "")], what);
}

void fl_resolved(struct fl_ctx *ctx, const char *what)
{
	if (fake_complains(ctx, what))
		ctx->complaining[complaint_find(ctx, what)][0] = '\0';
}

void fl_set_health(struct fl_ctx *ctx, enum fl_health health, const char *reason, ...)
{
	va_list args;

	va_start(args, reason);
	vsnprintf(ctx->health_reason, sizeof(ctx->health_reason), reason, args);
	va_end(args);
	ctx->health = health;
	ctx->health_told++;
}

void fl_conn_load(struct fl_ctx *ctx, int conn, int instruments, int channels)
{
	ctx->loads[conn][0] = instruments;
	ctx->loads[conn][1] = channels;
}

/* Whoever something was published of. */
bool fl_is_live(struct fl_ctx *ctx, uint32_t instrument)
{
	for (size_t i = 0; i < ctx->record_count; i++)
		if (ctx->records[i]->instrument == instrument && ctx->records[i]->kind <= FL_BOOK)
			return true;
	return false;
}

int64_t fl_heard_ns(struct fl_ctx *ctx, uint32_t instrument)
{
	return fl_is_live(ctx, instrument) ? ctx->now_ns : 0;
}

void fl_set_coverage(struct fl_ctx *ctx, const char *currency, const struct fl_coverage *coverage)
{
	(void)currency;
	ctx->coverage[0] = coverage->listed;
	ctx->coverage[1] = coverage->subscribed;
	ctx->coverage[2] = coverage->live;
}

void fl_probe_step(struct fl_ctx *ctx, int status, const char *what, ...)
{
	(void)what;
	ctx->probe_steps++;
	ctx->probe_failed += status != 0;
}

void fl_backfill_line(struct fl_ctx *ctx, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ctx->complaint, sizeof(ctx->complaint), format, args);
	va_end(args);
}

void fl_backfill_done(struct fl_ctx *ctx, int error)
{
	ctx->probe_done = true;
	ctx->probe_failed = error;
}

void fl_probe_done(struct fl_ctx *ctx)
{
	ctx->probe_done = true;
}

void fl_reply(struct fl_ctx *ctx, int command, int status, const char *json, bool more)
{
	(void)more;
	ctx->replies = realloc(ctx->replies, (ctx->reply_count + 1) * sizeof(*ctx->replies));
	ctx->replies[ctx->reply_count++] = (struct fake_reply){ command, status, strdup(json) };
}

void fl_reply_detail(struct fl_ctx *ctx, int command, int status, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fl_reply(ctx, command, status, text, false);
}

/* Metrics outlive a core, as in the daemon. */
struct fl_metric {
	char name[64];
	double value;
};
static struct fl_metric metrics[16];

struct fl_metric *fl_metric(struct fl_ctx *ctx, enum fl_metric_kind kind, const char *name,
	const char *labels, const char *help)
{
	size_t i = 0;

	(void)ctx, (void)kind, (void)labels, (void)help;
	while (metrics[i].name[0] != '\0' && strcmp(metrics[i].name, name) != 0)
		i++;
	snprintf(metrics[i].name, sizeof(metrics[i].name), "%s", name);
	return &metrics[i];
}

void fl_metric_add(struct fl_metric *counter, double amount)
{
	counter->value += amount;
}

void fl_metric_set(struct fl_metric *gauge, double value)
{
	gauge->value = value;
}

double fake_metric(const char *name)
{
	for (size_t i = 0; metrics[i].name[0] != '\0'; i++)
		if (strcmp(metrics[i].name, name) == 0)
			return metrics[i].value;
	return NAN;
}

void fake_metrics_reset(void)
{
	memset(metrics, 0, sizeof(metrics));
}

struct fl_check {
	struct fl_ctx *ctx;
};

void fl_check_error(struct fl_check *check, const char *option, const char *format, ...)
{
	struct fl_ctx *ctx = (struct fl_ctx *)check;
	size_t length = strlen(ctx->errors);
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(ctx->errors + length, sizeof(ctx->errors) - length, "%s: %s\n", option, text);
}

/* ---- snapshots ---- */

struct fl_snapshot {
	struct entry {
		char key[32];
		int64_t number;
		double real;
		void *bytes;
		size_t length;
	} entries[32];
	size_t count;
};

static struct entry *entry_add(struct fl_snapshot *to, const char *key)
{
	struct entry *entry = &to->entries[to->count++];

	snprintf(entry->key, sizeof(entry->key), "%s", key);
	return entry;
}

static const struct entry *entry_find(const struct fl_snapshot *from, const char *key)
{
	for (size_t i = 0; i < from->count; i++)
		if (strcmp(from->entries[i].key, key) == 0)
			return &from->entries[i];
	return NULL;
}

int fl_snapshot_put_int(struct fl_snapshot *to, const char *key, int64_t value)
{
	entry_add(to, key)->number = value;
	return 0;
}

int fl_snapshot_put_real(struct fl_snapshot *to, const char *key, double value)
{
	entry_add(to, key)->real = value;
	return 0;
}

int fl_snapshot_put_bytes(struct fl_snapshot *to, const char *key, const void *bytes, size_t length)
{
	struct entry *entry = entry_add(to, key);

	entry->bytes = malloc(length + 1);
	if (length > 0)
		memcpy(entry->bytes, bytes, length);
	entry->length = length;
	return 0;
}

int fl_snapshot_take_bytes(struct fl_snapshot *to, const char *key, void *bytes, size_t length)
{
	int result = fl_snapshot_put_bytes(to, key, bytes, length);

	free(bytes);
	return result;
}

int fl_snapshot_get_int(const struct fl_snapshot *from, const char *key, int64_t *out)
{
	const struct entry *entry = entry_find(from, key);

	if (entry == NULL)
		return -ENOENT;
	*out = entry->number;
	return 0;
}

int fl_snapshot_get_real(const struct fl_snapshot *from, const char *key, double *out)
{
	const struct entry *entry = entry_find(from, key);

	if (entry == NULL)
		return -ENOENT;
	*out = entry->real;
	return 0;
}

int fl_snapshot_get_bytes(
	const struct fl_snapshot *from, const char *key, const void **out, size_t *length)
{
	const struct entry *entry = entry_find(from, key);

	if (entry == NULL)
		return -ENOENT;
	*out = entry->bytes;
	*length = entry->length;
	return 0;
}

/* ---- what the test calls ---- */

enum { NAMES = 8192 };

struct fl_ctx *fake_create(void)
{
	struct fl_ctx *ctx = calloc(1, sizeof(*ctx));

	ctx->now_ns = INT64_C(1700000000) * FL_SECOND;
	ctx->names = calloc(NAMES, sizeof(*ctx->names));
	ctx->last = calloc(NAMES, sizeof(*ctx->last));
	return ctx;
}

void fake_clear(struct fl_ctx *ctx)
{
	for (size_t i = 0; i < ctx->record_count; i++)
		free(ctx->records[i]);
	for (size_t i = 0; i < ctx->sent_count; i++)
		free(ctx->sent[i].text);
	for (size_t i = 0; i < ctx->reply_count; i++)
		free(ctx->replies[i].json);
	ctx->record_count = ctx->sent_count = ctx->sent_seen = ctx->reply_count = 0;
}

void fake_destroy(struct fl_ctx *ctx)
{
	if (ctx->plugin != NULL)
		ctx->plugin->destroy(ctx->state);
	fake_clear(ctx);
	while (ctx->request_count > 0)
		request_drop(ctx, 0);
	free(ctx->records);
	free(ctx->sent);
	free(ctx->requests);
	free(ctx->replies);
	free(ctx->names);
	free(ctx->last);
	free(ctx);
}

void fake_create_plugin(struct fl_ctx *ctx, const struct fl_plugin *plugin, const void *options)
{
	if (plugin->create(ctx, options, &ctx->state) != 0)
		abort();
	ctx->plugin = plugin;
}

void fake_reload(struct fl_ctx *ctx, const void *options)
{
	struct fl_snapshot snapshot = { 0 };
	void *old = ctx->state;

	if (ctx->plugin->save(old, &snapshot) != 0 ||
		ctx->plugin->create(ctx, options, &ctx->state) != 0 ||
		ctx->plugin->restore(ctx->state, ctx->plugin->state_version, &snapshot) != 0 ||
		ctx->plugin->start(ctx->state) != 0)
		abort();
	ctx->plugin->destroy(old);
	for (size_t i = 0; i < snapshot.count; i++)
		free(snapshot.entries[i].bytes);
}

void fake_conn(struct fl_ctx *ctx, int conn, enum fl_conn_state now, enum fl_reason reason)
{
	ctx->conns[conn] = now;
	ctx->plugin->on_connection(ctx->state, conn, now, reason);
}

void fake_message(struct fl_ctx *ctx, int conn, const char *text)
{
	size_t length = strlen(text);
	char *data = calloc(1, length + FL_MESSAGE_PADDING);
	struct fl_message message = { data, length, true, ctx->now_ns };

	memcpy(data, text, length);
	ctx->plugin->on_message(ctx->state, conn, &message);
	free(data);
}

const char *fake_url(const struct fl_ctx *ctx, int number)
{
	for (size_t i = 0; i < ctx->request_count; i++)
		if (ctx->requests[i].number == number)
			return ctx->requests[i].url;
	return NULL;
}

bool fake_answer(struct fl_ctx *ctx, int number, int status, const char *body)
{
	struct fl_response response = { .status = status,
		.detail = "no answer",
		.body = body == NULL ? "" : body,
		.length = body == NULL ? 0 : strlen(body),
		.retry_after_ns = -1,
		.received_ns = ctx->now_ns };

	for (size_t i = 0; i < ctx->request_count; i++)
		if (ctx->requests[i].number == number) {
			request_drop(ctx, i);
			ctx->plugin->on_response(ctx->state, number, &response);
			return true;
		}
	return false;
}

void fake_pass(struct fl_ctx *ctx, int64_t ns)
{
	int64_t until = ctx->now_ns + ns;

	for (;;) {
		int next = -1;

		for (int i = 0; i < 16; i++)
			if (ctx->timers[i].due_ns != 0 && ctx->timers[i].due_ns <= until &&
				(next < 0 || ctx->timers[i].due_ns < ctx->timers[next].due_ns))
				next = i;
		if (next < 0)
			break;
		if (ctx->timers[next].due_ns > ctx->now_ns)
			ctx->now_ns = ctx->timers[next].due_ns;
		ctx->timers[next].due_ns =
			ctx->timers[next].repeat_ns == 0 ? 0 : ctx->now_ns + ctx->timers[next].repeat_ns;
		ctx->plugin->on_timer(ctx->state, next);
	}
	ctx->now_ns = until;
}

size_t fake_count(const struct fl_ctx *ctx, enum fl_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < ctx->record_count; i++)
		count += ctx->records[i]->kind == kind;
	return count;
}

const void *fake_record(const struct fl_ctx *ctx, enum fl_kind kind, size_t i)
{
	for (size_t at = 0; at < ctx->record_count; at++)
		if (ctx->records[at]->kind == kind && i-- == 0)
			return ctx->records[at];
	return NULL;
}

void *fake_alloc(size_t size)
{
	void *data = malloc(size);

	if (data == NULL)
		abort();
	return data;
}

size_t fake_print(char *at, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsprintf(at, format, args);
	va_end(args);
	return (size_t)length;
}

char *fake_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *data;
	long size;

	if (file == NULL)
		abort();
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	data = calloc(1, (size_t)size + 8);
	*length = fread(data, 1, (size_t)size, file);
	fclose(file);
	return data;
}

bool fl_url_is_loopback(const char *url)
{
	return strstr(url, "://127.0.0.1") != NULL || strstr(url, "://localhost") != NULL;
}
