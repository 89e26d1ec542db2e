/*
 * handover.c: sessions with what they subscribe to, credits, the stream's budgets, faults, a
 * replay, the ledger with its rows that are still being put together.
 */
#include "handover.h"

#include <stdlib.h>
#include <string.h>

/* ---- small parts ---- */

static void put_rate(struct fl_writer *to, const struct fl_rate *rate)
{
	fl_write_real(to, rate->level);
	fl_write_int(to, rate->at_ns);
}

static void put_credits(struct fl_writer *to, const struct credits *credits)
{
	put_rate(to, &credits->general);
	put_rate(to, &credits->instruments);
	put_rate(to, &credits->subscribe);
}

static void get_rate(struct fl_reader *from, struct fl_rate *rate)
{
	rate->level = fl_read_real(from);
	rate->at_ns = fl_read_int(from);
}

static void get_credits(struct fl_reader *from, struct credits *credits)
{
	credits_init(credits, 0); /* what they hold at most is the code's to say */
	get_rate(from, &credits->general);
	get_rate(from, &credits->instruments);
	get_rate(from, &credits->subscribe);
}

static void put_messages(struct fl_writer *to, const struct message_faults *messages)
{
	for (int i = 0; i < MESSAGE_FAULT_COUNT; i++) {
		fl_write_int(to, messages->left[i]);
		fl_write_text(to, messages->kind[i]);
	}
}

static void get_messages(struct fl_reader *from, struct message_faults *messages)
{
	for (int i = 0; i < MESSAGE_FAULT_COUNT; i++) {
		messages->left[i] = fl_read_int(from);
		fl_read_text(from, messages->kind[i], sizeof(messages->kind[i]));
	}
}

/* ---- sessions ---- */

static void put_session(struct fl_writer *to, const struct session *session)
{
	const struct session_faults *faults = &session->faults;

	fl_write_int(to, session->conn);
	if (session->conn == 0)
		return;
	fl_write_int(to, session->id);
	fl_write_text(to, session->peer);
	fl_write_text(to, session->host);
	fl_write_int(to, session->is_authenticated);
	fl_write_int(to, session->channel_count);
	fl_write_int(to, session->opened_ns);
	fl_write_int(to, session->heard_ns);
	fl_write_int(to, session->heartbeat_ns);
	fl_write_int(to, session->next_test_ns);
	fl_write_int(to, session->unanswered_ns);
	fl_write_int(to, session->is_idle);
	fl_write_int(to, session->message_count);
	put_credits(to, &session->credits);
	fl_write_int(to, faults->is_any);
	put_messages(to, &faults->messages);
	fl_write_int(to, faults->stalled_until_ns);
	fl_write_int(to, faults->frozen_until_ns);
	fl_write_int(to, faults->dripping_until_ns);
	fl_write_int(to, faults->slow_until_ns);
	fl_write_int(to, faults->is_dumb);
}

static void get_session(struct fl_reader *from, struct session *session)
{
	struct session_faults *faults = &session->faults;

	*session = (struct session){ .conn = (int)fl_read_int(from) };
	if (session->conn == 0)
		return;
	session->id = fl_read_int(from);
	fl_read_text(from, session->peer, sizeof(session->peer));
	fl_read_text(from, session->host, sizeof(session->host));
	session->is_authenticated = fl_read_int(from) != 0;
	session->channel_count = (int)fl_read_int(from);
	session->opened_ns = fl_read_int(from);
	session->heard_ns = fl_read_int(from);
	session->heartbeat_ns = fl_read_int(from);
	session->next_test_ns = fl_read_int(from);
	session->unanswered_ns = fl_read_int(from);
	session->is_idle = fl_read_int(from) != 0;
	session->message_count = fl_read_int(from);
	get_credits(from, &session->credits);
	faults->is_any = fl_read_int(from) != 0;
	get_messages(from, &faults->messages);
	faults->stalled_until_ns = fl_read_int(from);
	faults->frozen_until_ns = fl_read_int(from);
	faults->dripping_until_ns = fl_read_int(from);
	faults->slow_until_ns = fl_read_int(from);
	faults->is_dumb = fl_read_int(from) != 0;
}

static int save_sessions(const struct simulator *sim, struct fl_snapshot *to)
{
	struct fl_writer writer = { 0 };

	for (int i = 0; i < MAX_SESSIONS; i++)
		put_session(&writer, &sim->sessions[i]); /* its place is its bit among subscribers */
	for (int i = 0; i < CREDIT_POOLS; i++) {
		fl_write_text(&writer, sim->pools[i].host);
		fl_write_int(&writer, sim->pools[i].used_ns);
		put_credits(&writer, &sim->pools[i].credits);
	}
	for (int i = 0; i < MAX_WAITING; i++)
		fl_write_int(&writer, sim->quiescing[i]);
	return fl_writer_save(&writer, to, "sessions");
}

static int restore_sessions(struct simulator *sim, const struct fl_snapshot *from)
{
	struct fl_reader reader = fl_reader_open(from, "sessions", SIMULATOR_STATE_VERSION);

	for (int i = 0; i < MAX_SESSIONS; i++)
		get_session(&reader, &sim->sessions[i]);
	for (int i = 0; i < CREDIT_POOLS; i++) {
		fl_read_text(&reader, sim->pools[i].host, sizeof(sim->pools[i].host));
		sim->pools[i].used_ns = fl_read_int(&reader);
		get_credits(&reader, &sim->pools[i].credits);
	}
	for (int i = 0; i < MAX_WAITING; i++)
		sim->quiescing[i] = (int)fl_read_int(&reader);
	return reader.is_broken ? -EINVAL : 0;
}

/* ---- channels that are of no instrument: in their order, since they go by their number ---- */

static int save_channels(const struct simulator *sim, struct fl_snapshot *to)
{
	const struct channels *channels = &sim->channels;
	struct fl_writer writer = { 0 };

	fl_write_int(&writer, channels->foreign_count);
	for (uint32_t i = 0; i < channels->foreign_count; i++)
		fl_write_text(&writer, channels->foreign[i]);
	for (uint32_t i = 0; i < channels->wide_count; i++) {
		fl_write_text(&writer, channels->wide[i].name);
		fl_write_int(&writer, (int64_t)channels->wide[i].subscribers);
	}
	return fl_writer_save(&writer, to, "channels");
}

static int restore_channels(struct simulator *sim, const struct fl_snapshot *from)
{
	struct channels *channels = &sim->channels;
	struct fl_reader reader = fl_reader_open(from, "channels", SIMULATOR_STATE_VERSION);
	int64_t foreign = fl_read_int(&reader), number;
	char name[160];

	for (int64_t i = 0; i < foreign && !reader.is_broken; i++) {
		int error;

		fl_read_text(&reader, name, sizeof(name));
		error = channels_add_foreign(channels, name, strlen(name));
		if (error < 0)
			return error;
	}
	for (int64_t at = 0; reader.left > 0; at++) {
		fl_read_text(&reader, name, sizeof(name));
		number = channels_add_wide(channels, name, strlen(name));
		if (number != at)
			return number < 0 ? (int)number : -EPROTO;
		channels->wide[number].subscribers = (uint64_t)fl_read_int(&reader);
	}
	return reader.is_broken ? -EINVAL : 0;
}

/* ---- the stream and what is wrong ---- */

static void put_stream(struct fl_writer *to, const struct simulator *sim)
{
	const struct stream *stream = &sim->stream;

	fl_write_int(to, stream->rate);
	fl_write_int(to, stream->is_quiesced);
	fl_write_real(to, stream->budget);
	fl_write_real(to, stream->trade_budget);
	fl_write_int(to, stream->ticked_ns);
	fl_write_int(to, stream->index_ns);
	fl_write_int(to, (int64_t)stream->sent_count);
	fl_write_int(to, (int64_t)stream->sent_bytes);
	fl_write_int(to, (int64_t)stream->skipped_ticks);
	fl_write_int(to, (int64_t)stream->slow_count);
	fl_write_int(to, (int64_t)stream->event_count);
	fl_write_int(to, sim->channels.changes);
	fl_write_int(to, stream->lanes_as_of);
	for (int i = 0; i < LANE_COUNT; i++)
		fl_write_int(to, stream->lanes[i].cursor);
}

/* Whose turn it is goes on where it was: a seed makes the same stream with reloads and without. */
static void get_lanes(struct fl_reader *from, struct simulator *sim)
{
	uint32_t as_of;

	sim->channels.changes = (uint32_t)fl_read_int(from);
	as_of = (uint32_t)fl_read_int(from);
	stream_build_lanes(sim);
	sim->stream.lanes_as_of = as_of;
	for (int i = 0; i < LANE_COUNT; i++) {
		uint32_t cursor = (uint32_t)fl_read_int(from);

		sim->stream.lanes[i].cursor = cursor < sim->stream.lanes[i].count ? cursor : 0;
	}
}

static void get_stream(struct fl_reader *from, struct simulator *sim)
{
	struct stream *stream = &sim->stream;

	stream->rate = fl_read_int(from);
	stream->is_quiesced = fl_read_int(from) != 0;
	stream->budget = fl_read_real(from);
	stream->trade_budget = fl_read_real(from);
	stream->ticked_ns = fl_read_int(from);
	stream->index_ns = fl_read_int(from);
	stream->sent_count = (uint64_t)fl_read_int(from);
	stream->sent_bytes = (uint64_t)fl_read_int(from);
	stream->skipped_ticks = (uint64_t)fl_read_int(from);
	stream->slow_count = (uint64_t)fl_read_int(from);
	stream->event_count = (uint64_t)fl_read_int(from);
	get_lanes(from, sim);
}

static void put_faults(struct fl_writer *to, const struct faults *faults)
{
	fl_write_int(to, (int64_t)faults->rng.state);
	fl_write_int(to, faults->every_ns);
	fl_write_int(to, faults->next_ns);
	fl_write_int(to, faults->turn);
	fl_write_int(to, (int64_t)faults->applied_count);
	fl_write_int(to, faults->is_any);
	put_messages(to, &faults->messages);
	fl_write_int(to, faults->piece_bytes);
	fl_write_int(to, faults->connect_status);
	fl_write_int(to, faults->connect_left);
	fl_write_int(to, faults->connect_until_ns);
	fl_write_int(to, (int64_t)faults->rest);
	fl_write_int(to, faults->rest_status);
	fl_write_int(to, faults->rest_left);
	fl_write_int(to, faults->rest_retry_after);
	fl_write_int(to, faults->ignored_channels);
	fl_write_int(to, faults->swallowed_answers);
	fl_write_int(to, faults->maintenance_until_ns);
	fl_write_int(to, faults->skew_ns);
	fl_write_int(to, faults->muted_ns);
	fl_write_int(to, faults->muted_until_ns);
}

static void get_faults(struct fl_reader *from, struct faults *faults)
{
	faults->rng.state = (uint64_t)fl_read_int(from);
	faults->every_ns = fl_read_int(from);
	faults->next_ns = fl_read_int(from);
	faults->turn = (uint32_t)fl_read_int(from);
	faults->applied_count = (uint64_t)fl_read_int(from);
	faults->is_any = fl_read_int(from) != 0;
	get_messages(from, &faults->messages);
	faults->piece_bytes = fl_read_int(from);
	faults->connect_status = (int)fl_read_int(from);
	faults->connect_left = fl_read_int(from);
	faults->connect_until_ns = fl_read_int(from);
	faults->rest = (enum rest_fault)fl_read_int(from);
	faults->rest_status = (int)fl_read_int(from);
	faults->rest_left = fl_read_int(from);
	faults->rest_retry_after = fl_read_int(from);
	faults->ignored_channels = fl_read_int(from);
	faults->swallowed_answers = fl_read_int(from);
	faults->maintenance_until_ns = fl_read_int(from);
	faults->skew_ns = fl_read_int(from);
	faults->muted_ns = fl_read_int(from);
	faults->muted_until_ns = fl_read_int(from);
}

/* ---- a replay ---- */

static int save_replay(const struct simulator *sim, struct fl_snapshot *to)
{
	const struct replay *replay = &sim->replay;
	struct fl_writer writer = { 0 };

	fl_write_int(&writer, replay->instruments_count);
	for (int i = 0; i < replay->instruments_count; i++) {
		size_t length = 0;
		char *text = yyjson_write(replay->instruments[i], 0, &length);

		writer.is_broken |= text == NULL;
		fl_write_int(&writer, (int64_t)length);
		fl_write(&writer, text, text == NULL ? 0 : length);
		free(text);
	}
	fl_write_int(&writer, (int64_t)replay->body.length);
	fl_write(&writer, replay->body.data, replay->body.length);
	fl_write_int(&writer, (int64_t)replay->line_count);
	fl_write_int(&writer, (int64_t)replay->next);
	fl_write_int(&writer, replay->is_playing);
	fl_write_int(&writer, replay->is_to_all);
	fl_write_real(&writer, replay->per_second);
	fl_write_real(&writer, replay->budget);
	fl_write_int(&writer, replay->played_ns);
	fl_write_int(&writer, (int64_t)replay->ignored_count);
	fl_write_int(&writer, (int64_t)replay->sent_count);
	fl_write_int(&writer, (int64_t)replay->unsubscribed_count);
	return fl_writer_save(&writer, to, "replay");
}

/* The bytes that come next, with their length before them; NULL: they are not all there. */
static const char *get_block(struct fl_reader *from, size_t *length)
{
	const char *block;

	*length = (size_t)fl_read_int(from);
	block = from->data;
	if (*length > from->left || from->is_broken)
		return NULL;
	from->data += *length;
	from->left -= *length;
	return block;
}

static int restore_replay(struct simulator *sim, const struct fl_snapshot *from)
{
	struct fl_reader reader = fl_reader_open(from, "replay", SIMULATOR_STATE_VERSION);
	struct replay *replay = &sim->replay;
	int64_t documents = fl_read_int(&reader);
	const char *block;
	size_t length;

	for (int64_t i = 0; i < documents; i++) {
		block = get_block(&reader, &length);
		if (block == NULL || replay_add_instruments(sim, block, length) < 0)
			return -EINVAL;
	}
	block = get_block(&reader, &length);
	/* The lines are found in it as they were at first. */
	if (block == NULL || (length > 0 && replay_load(sim, block, length) == -ENOMEM))
		return -EINVAL;
	if ((size_t)fl_read_int(&reader) != replay->line_count)
		return -EPROTO;
	replay->next = (size_t)fl_read_int(&reader);
	replay->is_playing = fl_read_int(&reader) != 0;
	replay->is_to_all = fl_read_int(&reader) != 0;
	replay->per_second = fl_read_real(&reader);
	replay->budget = fl_read_real(&reader);
	replay->played_ns = fl_read_int(&reader);
	replay->ignored_count = (uint64_t)fl_read_int(&reader);
	replay->sent_count = (uint64_t)fl_read_int(&reader);
	replay->unsubscribed_count = (uint64_t)fl_read_int(&reader);
	return reader.is_broken || replay->next > replay->line_count ? -EINVAL : 0;
}

/* ---- the whole ---- */

static bool is_anything_kept(const struct simulator *sim)
{
	for (int i = 0; i < MAX_SESSIONS; i++)
		if (sim->sessions[i].faults.kept != NULL)
			return true;
	return false;
}

int handover_save(const void *state, struct fl_snapshot *to)
{
	const struct simulator *sim = state;
	struct fl_writer writer = { 0 };
	int error;

	if (is_anything_kept(sim))
		return -EBUSY; /* a fault keeps a message back: it goes out in a moment */
	if ((error = handover_save_market(sim, to)) != 0 || (error = save_channels(sim, to)) != 0 ||
		(error = save_sessions(sim, to)) != 0 || (error = save_replay(sim, to)) != 0 ||
		(error = ledger_save(&sim->ledger, to)) != 0)
		return error;
	put_stream(&writer, sim);
	put_faults(&writer, &sim->faults);
	return fl_writer_save(&writer, to, "stream");
}

int handover_restore(void *state, uint32_t version, const struct fl_snapshot *from)
{
	struct simulator *sim = state;
	struct fl_reader reader = fl_reader_open(from, "stream", version);
	int error;

	if (version != SIMULATOR_STATE_VERSION)
		return -EPROTO;
	if ((error = handover_restore_market(sim, from)) != 0 ||
		(error = restore_channels(sim, from)) != 0 || (error = restore_sessions(sim, from)) != 0 ||
		(error = restore_replay(sim, from)) != 0 ||
		(error = ledger_restore(&sim->ledger, sim->ctx, from)) != 0)
		return error;
	get_stream(&reader, sim);
	get_faults(&reader, &sim->faults);
	sim->is_restored = true;
	return reader.is_broken ? -EINVAL : 0;
}
