/* faults_control.c: /sim/fault and /sim/faults: faults asked for. */
#include "faults.h"

#include <string.h>

void faults_on_list(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	struct text *out = &sim->reply;

	(void)request;
	text_reset(out);
	for (const struct fault *fault = faults_table; fault->name != NULL; fault++) {
		text_put(out, fault == faults_table ? "{" : ",");
		text_string(out, fault->name, strlen(fault->name));
		text_put(out, ":");
		text_string(out, fault->help, strlen(fault->help));
	}
	text_put(out, "}");
	fl_respond(
		sim->ctx, exchange, 200, "application/json", out->data, out->failed ? 0 : out->length);
}

/* ---- reading ---- */

/* false: it is there and not such a thing. */
static bool read_word(yyjson_val *body, const char *key, char *out, size_t size)
{
	yyjson_val *value = yyjson_obj_get(body, key);

	out[0] = '\0';
	if (value == NULL)
		return true;
	if (!yyjson_is_str(value) || yyjson_get_len(value) >= size)
		return false;
	memcpy(out, yyjson_get_str(value), yyjson_get_len(value) + 1);
	return true;
}

static bool read_number(
	yyjson_val *body, const char *key, double least, double most, double scale, int64_t *out)
{
	yyjson_val *value = yyjson_obj_get(body, key);
	double number = yyjson_get_num(value);

	if (value == NULL)
		return true;
	if (!yyjson_is_num(value) || !(number >= least) || number > most)
		return false;
	*out = (int64_t)(number * scale);
	return true;
}

/* The name of what is wrong, NULL: nothing. */
static const char *read_order(yyjson_val *body, struct fault_order *order)
{
	yyjson_val *answers = yyjson_obj_get(body, "answers");

	order->answers = answers == NULL || yyjson_get_bool(answers);
	if (!read_number(body, "count", 1, 1e6, 1, &order->count))
		return "count: a number from 1 to 1000000";
	if (!read_number(body, "seconds", 0, 86400, 1e9, &order->ns))
		return "seconds: a number up to 86400";
	if (!read_number(body, "status", 100, 4999, 1, &order->status))
		return "status: a number from 100 to 4999";
	if (!read_number(body, "bytes", 1, 1e8, 1, &order->bytes))
		return "bytes: a number up to 100000000";
	if (!read_number(body, "ms", -86400000, 86400000, 1, &order->ms))
		return "ms: a number up to a day";
	if (!read_number(body, "retry_after", 0, 3600, 1, &order->retry_after))
		return "retry_after: seconds up to 3600";
	if (!read_word(body, "kind", order->kind, sizeof(order->kind)))
		return "kind: quote, ticker, trade, book or index";
	if (!read_word(body, "instrument", order->instrument, sizeof(order->instrument)))
		return "instrument: a name";
	if (!read_word(body, "heals", order->heals, sizeof(order->heals)))
		return "heals: resubscribe, reconnect or never";
	return NULL;
}

/* ---- doing ---- */

/* For each connection that is meant. A negative errno when not one could be done. */
static int64_t apply_to(
	struct simulator *sim, const struct fault *fault, yyjson_val *which, struct fault_order *order)
{
	bool is_all = yyjson_equals_str(which, "all");
	int64_t done = 0, error = -ENOENT;

	if (fault->scope == FAULT_OF_VENUE ||
		(fault->scope == FAULT_OF_MESSAGES && !is_all && !yyjson_is_int(which))) {
		error = faults_apply(sim, fault, order);
		return error < 0 ? error : 1;
	}
	if (!is_all && !yyjson_is_int(which)) {
		order->session = faults_next_session(sim);
		if (order->session == NULL)
			return -ENOENT;
		error = faults_apply(sim, fault, order);
		return error < 0 ? error : 1;
	}
	for (int i = 0; i < MAX_SESSIONS; i++) {
		order->session = &sim->sessions[i];
		if (order->session->conn == 0 || (!is_all && order->session->id != yyjson_get_sint(which)))
			continue;
		error = faults_apply(sim, fault, order);
		done += error == 0;
	}
	return done > 0 ? done : error;
}

void faults_on_order(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	yyjson_doc *doc = yyjson_read(request->body, request->length, 0);
	yyjson_val *body = yyjson_doc_get_root(doc);
	struct fault_order order = { 0 };
	const struct fault *fault = NULL;
	const char *wrong;
	int64_t done;

	if (read_word(body, "fault", order.fault, sizeof(order.fault)))
		fault = faults_find(order.fault);
	wrong = read_order(body, &order);
	if (fault == NULL) {
		fl_respond_problem(
			sim->ctx, exchange, 400, "fault must be one of those GET /sim/fault names");
	} else if (wrong != NULL) {
		fl_respond_problem(sim->ctx, exchange, 400, "%s", wrong);
	} else {
		done = apply_to(sim, fault, yyjson_obj_get(body, "connection"), &order);
		if (done < 0)
			fl_respond_problem(sim->ctx, exchange, done == -EBUSY ? 409 : 404,
				done == -EBUSY
					? "not now: something else waits to be sent, or there is no heartbeat"
					: "no such connection or instrument, or none is left");
		else
			control_answer_count(sim, exchange, "{\"applied\":", (uint64_t)done);
	}
	yyjson_doc_free(doc);
}

/* 5, "5s", "500ms", "2m". */
static bool read_every(yyjson_val *value, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "ms", FL_MS }, { "s", FL_SECOND }, { "m", FL_MINUTE }, { "h", FL_HOUR } };
	const char *text = yyjson_get_str(value);
	double number;
	size_t digits;

	if (yyjson_is_num(value)) {
		number = yyjson_get_num(value);
		*out = (int64_t)(number * 1e9);
		return number >= 0 && number <= 86400;
	}
	if (text == NULL)
		return false;
	digits = strspn(text, "0123456789.");
	if (fl_real_parse(text, digits, &number) < 0 || number < 0 || number > 86400)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(text + digits, units[i].unit) == 0) {
			*out = (int64_t)(number * (double)units[i].ns);
			return true;
		}
	return false;
}

void faults_on_schedule(struct simulator *sim, int exchange, const struct fl_http_request *request)
{
	yyjson_doc *doc = yyjson_read(request->body, request->length, 0);
	yyjson_val *body = yyjson_doc_get_root(doc);
	int64_t seed = 1, every_ns = 0;

	if (!read_number(body, "seed", 0, 9e15, 1, &seed) ||
		!read_every(yyjson_obj_get(body, "every"), &every_ns) ||
		(every_ns > 0 && every_ns < FL_MS)) {
		fl_respond_problem(sim->ctx, exchange, 400,
			"every must be a time like \"5s\" (0: no more), seed a number");
	} else {
		faults_schedule(sim, seed, every_ns);
		control_answer_count(sim, exchange, "{\"seed\":", (uint64_t)seed);
	}
	yyjson_doc_free(doc);
}
