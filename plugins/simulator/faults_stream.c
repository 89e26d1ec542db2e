/* faults_stream.c: stream messages lost, spoilt, repeated, out of order or in pieces. */
#include "faults.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_AT_MOST FL_SECOND /* a late message goes then, even if none of its kind came */

/** A message that goes out behind the next one of its instrument, with all that is in it. */
struct kept_message {
	struct text data;
	char channel[96];
	size_t channel_length;
	struct content content;
	struct sim_quote quote;
	struct sim_ticker ticker;
	struct sim_book book;
	struct sim_trade trades[TRADES_AT_ONCE];
	const struct sim_trade *trade_list[TRADES_AT_ONCE];
	int64_t due_ns;
};

/* ---- which message ---- */

static bool take_of(struct message_faults *faults, enum message_fault fault, const char *kind)
{
	if (faults->left[fault] <= 0 ||
		(faults->kind[fault][0] != '\0' && strcmp(faults->kind[fault], kind) != 0))
		return false;
	faults->left[fault]--;
	return true;
}

static bool take(struct simulator *sim, struct session *session, enum message_fault fault,
	const struct content *content)
{
	return take_of(&session->faults.messages, fault, content->kind) ||
		take_of(&sim->faults.messages, fault, content->kind);
}

/* ---- spoilt ---- */

static void spoil_number(struct simulator *sim, const struct stream_message *message)
{
	static const char *const numbers[] = { "1e999", "18446744073709551615", "-9223372036854775808",
		"1234567890123456789012345678901234567890", "-1e-999e9" };
	static const char key[] = "\"timestamp\":";
	struct text *out = &sim->faults.scratch;
	const char *at = message->data, *end = message->data + message->length;

	while (at != NULL && (size_t)(end - at) > sizeof(key) && memcmp(at, key, sizeof(key) - 1) != 0)
		at = memchr(at + 1, '"', (size_t)(end - at - 1));
	if (at == NULL || (size_t)(end - at) <= sizeof(key)) {
		text_bytes(out, message->data, message->length / 2);
		return;
	}
	at += sizeof(key) - 1;
	text_bytes(out, message->data, (size_t)(at - message->data));
	text_put(out, numbers[rng_below(&sim->faults.rng, 5)]);
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	text_bytes(out, at, (size_t)(end - at));
}

static void spoil_shape(struct simulator *sim, const struct stream_message *message)
{
	static const char *const data[] = { "null", "7", "\"text\"", "{}", "[[],{},null]",
		"{\"timestamp\":\"late\",\"instrument_name\":7}",
		"{\"timestamp\":1795231800000,\"instrument_name\":{\"a\":[]},\"bids\":{},\"asks\":3}",
		"[{\"trade_seq\":\"x\",\"trade_id\":5,\"instrument_name\":null,\"timestamp\":[]}]" };
	static const char *const whole[] = { "[]", "{}", "null", "{\"method\":5,\"params\":[]}",
		"{\"id\":true,\"result\":null}", "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\"}",
		"{\"method\":\"subscription\",\"params\":{\"channel\":[],\"data\":{}}}" };
	struct text *out = &sim->faults.scratch;
	uint32_t which = rng_below(&sim->faults.rng, 15);

	if (which >= 8) {
		text_put(out, whole[which - 8]);
		return;
	}
	text_put(out, "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":");
	text_string(out, message->channel, message->channel_length);
	text_put(out, ",\"data\":");
	text_put(out, data[which]);
	text_put(out, "}}");
}

static void spoil(
	struct simulator *sim, enum message_fault fault, const struct stream_message *message)
{
	struct text *out = &sim->faults.scratch;

	text_reset(out);
	switch (fault) {
	case MESSAGE_HUGE_NUMBER: spoil_number(sim, message); break;
	case MESSAGE_BAD_SHAPE: spoil_shape(sim, message); break;
	case MESSAGE_BAD_UTF8:
		text_put(out, "{\"venue\":\"\xc3\x28\xff\",");
		text_bytes(out, message->data + 1, message->length - 1);
		break;
	default: text_bytes(out, message->data, message->length * 2 / 3); break;
	}
}

static bool send_spoilt(struct simulator *sim, struct session *session, enum message_fault fault,
	const struct stream_message *message, const struct content *content)
{
	struct content nothing = { .kind = "malformed",
		.instrument = content->instrument,
		.event_ms = content->event_ms,
		.is_empty = true };
	struct stream_message spoilt = *message;

	spoil(sim, fault, message);
	if (sim->faults.scratch.failed)
		return false;
	spoilt.data = sim->faults.scratch.data;
	spoilt.length = sim->faults.scratch.length;
	return stream_hand_over(sim, session, &spoilt, &nothing, 0);
}

/* ---- late ---- */

static void kept_free(struct kept_message *kept)
{
	if (kept == NULL)
		return;
	text_finish(&kept->data);
	free(kept);
}

/* A copy that lives by itself. false: it cannot be kept. */
static bool keep(struct simulator *sim, struct session *session,
	const struct stream_message *message, const struct content *content)
{
	struct kept_message *kept;

	if (message->channel_length >= sizeof(kept->channel) || content->trade_count > TRADES_AT_ONCE)
		return false;
	kept = calloc(1, sizeof(*kept));
	if (kept == NULL)
		return false;
	text_bytes(&kept->data, message->data, message->length);
	if (kept->data.failed) {
		kept_free(kept);
		return false;
	}
	memcpy(kept->channel, message->channel, message->channel_length);
	kept->channel_length = message->channel_length;
	kept->content = *content;
	kept->due_ns = fl_monotonic_ns(sim->ctx) + KEPT_AT_MOST;
	if (content->quote != NULL) {
		kept->quote = *content->quote;
		kept->content.quote = &kept->quote;
	}
	if (content->ticker != NULL) {
		kept->ticker = *content->ticker;
		kept->content.ticker = &kept->ticker;
	}
	if (content->book != NULL) {
		kept->book = *content->book;
		kept->content.book = &kept->book;
	}
	if (content->trades != NULL) {
		for (int i = 0; i < content->trade_count; i++) {
			kept->trades[i] = *content->trades[i];
			kept->trade_list[i] = &kept->trades[i];
		}
		kept->content.trades = kept->trade_list;
	}
	session->faults.kept = kept;
	faults_arm(sim);
	return true;
}

int64_t faults_kept_due_ns(const struct session *session)
{
	return session->faults.kept != NULL ? session->faults.kept->due_ns : INT64_MAX;
}

bool faults_release(struct simulator *sim, struct session *session, int64_t now_ns)
{
	struct kept_message *kept = session->faults.kept;
	struct stream_message message;
	bool is_sent;

	if (kept == NULL || kept->due_ns > now_ns)
		return true;
	session->faults.kept = NULL;
	message = (struct stream_message){ kept->data.data, kept->data.length, kept->channel,
		kept->channel_length };
	is_sent = stream_hand_over(sim, session, &message, &kept->content, 0);
	kept_free(kept);
	return is_sent;
}

void faults_release_kept(struct simulator *sim)
{
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sim->sessions[i].conn != 0)
			(void)faults_release(sim, &sim->sessions[i], INT64_MAX);
}

void faults_forget(struct session *session)
{
	kept_free(session->faults.kept);
	session->faults = (struct session_faults){ 0 };
}

/* ---- sending ---- */

static bool is_next_of(const struct kept_message *kept, const struct content *content)
{
	return kept != NULL && kept->content.instrument == content->instrument &&
		strcmp(kept->content.kind, content->kind) == 0;
}

int faults_send(struct simulator *sim, struct session *session,
	const struct stream_message *message, const struct content *content)
{
	bool is_next = is_next_of(session->faults.kept, content);
	size_t pieces = 0;

	if (session->faults.stalled_until_ns != 0 || session->faults.frozen_until_ns != 0 ||
		take(sim, session, MESSAGE_LOST, content))
		return 0;
	for (int fault = MESSAGE_BAD_JSON; fault <= MESSAGE_BAD_UTF8; fault++)
		if (take(sim, session, (enum message_fault)fault, content))
			return send_spoilt(sim, session, (enum message_fault)fault, message, content);
	if (session->faults.kept == NULL && take(sim, session, MESSAGE_LATE, content) &&
		keep(sim, session, message, content))
		return 0;
	if (take(sim, session, MESSAGE_PIECES, content))
		pieces = (size_t)(sim->faults.piece_bytes > 0 ? sim->faults.piece_bytes : 1);
	if (!stream_hand_over(sim, session, message, content, pieces))
		return 0;
	if (take(sim, session, MESSAGE_REPEATED, content)) {
		struct content repeat = *content;

		repeat.kind = "repeat";
		if (!stream_hand_over(sim, session, message, &repeat, pieces))
			return 1;
	}
	if (is_next)
		(void)faults_release(sim, session, INT64_MAX);
	return 1;
}
