/* replay.c: captured messages, sent as they are to whoever subscribes to their channels. */
#include <stdlib.h>
#include <string.h>

#include "simulator.h"

/* So many lines a turn at most: a capture sent as fast as possible must not hold the loop. */
enum { LINES_A_TURN = 500, MAX_LINES = 200000 };

void replay_finish(struct replay *replay)
{
	for (int i = 0; i < replay->instruments_count; i++)
		yyjson_doc_free(replay->instruments[i]);
	text_finish(&replay->body);
	free(replay->lines);
	*replay = (struct replay){ 0 };
}

int replay_add_instruments(struct simulator *sim, const char *body, size_t length)
{
	struct replay *replay = &sim->replay;
	size_t most = sizeof(replay->instruments) / sizeof(*replay->instruments);
	yyjson_doc *doc;
	yyjson_val *list, *entry;
	size_t index, count;

	if ((size_t)replay->instruments_count == most)
		return -ENOSPC;
	doc = yyjson_read(body, length, 0);
	list = yyjson_obj_get(yyjson_doc_get_root(doc), "result");
	if (!yyjson_is_arr(list)) {
		yyjson_doc_free(doc);
		return -EINVAL;
	}
	yyjson_arr_foreach(list, index, count, entry)
	{
		yyjson_val *name = yyjson_obj_get(entry, "instrument_name");
		int error = yyjson_is_str(name)
			? channels_add_foreign(&sim->channels, yyjson_get_str(name), yyjson_get_len(name))
			: 0;

		if (error < 0) {
			yyjson_doc_free(doc);
			return error;
		}
	}
	replay->instruments[replay->instruments_count++] = doc;
	return 0;
}

void replay_clear_instruments(struct simulator *sim)
{
	for (int i = 0; i < sim->replay.instruments_count; i++)
		yyjson_doc_free(sim->replay.instruments[i]);
	sim->replay.instruments_count = 0;
}

/* The channel a notification is of; -EINVAL: it is none (an acknowledgement of the capture). */
static int find_channel(struct simulator *sim, struct replay_line *line)
{
	const char *text = sim->replay.body.data + line->offset;
	yyjson_doc *doc = yyjson_read(text, line->length, 0);
	yyjson_val *params = yyjson_obj_get(yyjson_doc_get_root(doc), "params");
	yyjson_val *name = yyjson_obj_get(params, "channel");
	struct channel channel;
	int error = -EINVAL;
	int64_t wide;

	if (!yyjson_is_str(name))
		goto free_doc;
	channel = channels_find(&sim->channels, yyjson_get_str(name), yyjson_get_len(name));
	if (channel.type == CHANNEL_NONE) {
		wide = channels_add_wide(&sim->channels, yyjson_get_str(name), yyjson_get_len(name));
		error = wide < 0 ? (int)wide : 0;
		line->channel = (uint32_t)wide;
	} else {
		error = 0;
		line->channel = channel.number;
		line->slot = channel.slot;
		line->is_own = channel.type == CHANNEL_OF_INSTRUMENT;
	}
free_doc:
	yyjson_doc_free(doc);
	return error;
}

static size_t count_lines(const char *text, size_t length)
{
	size_t count = 1;

	for (size_t i = 0; i < length; i++)
		count += text[i] == '\n';
	return count < MAX_LINES ? count : MAX_LINES;
}

int replay_load(struct simulator *sim, const char *body, size_t length)
{
	struct replay *replay = &sim->replay;
	size_t most = count_lines(body, length), at = 0;
	struct replay_line *lines = calloc(most, sizeof(*lines));

	if (lines == NULL)
		return -ENOMEM;
	free(replay->lines);
	replay->lines = lines;
	replay->line_count = replay->next = 0;
	replay->is_playing = false;
	replay->ignored_count = replay->sent_count = replay->unsubscribed_count = 0;
	text_reset(&replay->body);
	text_bytes(&replay->body, body, length);
	if (replay->body.failed)
		return -ENOMEM;
	while (at < length && replay->line_count < most) {
		const char *end = memchr(replay->body.data + at, '\n', length - at);
		size_t next = end != NULL ? (size_t)(end - replay->body.data) + 1 : length;
		struct replay_line *line = &lines[replay->line_count];

		*line =
			(struct replay_line){ .offset = at, .length = end != NULL ? next - at - 1 : next - at };
		if (line->length > 0 && find_channel(sim, line) == 0)
			replay->line_count++;
		else if (line->length > 0)
			replay->ignored_count++;
		at = next;
	}
	return replay->line_count > 0 ? 0 : -EINVAL;
}

void replay_play(struct simulator *sim, double per_second, bool to_all)
{
	struct replay *replay = &sim->replay;

	replay->next = 0;
	replay->sent_count = replay->unsubscribed_count = 0;
	replay->is_playing = true;
	replay->is_to_all = to_all;
	replay->per_second = per_second;
	replay->budget = 1;
	replay->played_ns = fl_monotonic_ns(sim->ctx);
	fl_timer_start(sim->ctx, TIMER_REPLAY, FL_MS, 0);
}

static void play_line(struct simulator *sim, const struct replay_line *line)
{
	struct replay *replay = &sim->replay;
	const char *channel;
	uint64_t mask;
	int sent;

	if (line->is_own) {
		mask = sim->channels.subscribers[line->channel][line->slot];
		channel = sim->market.universe.instruments[line->channel].name;
	} else {
		mask = sim->channels.wide[line->channel].subscribers;
		channel = sim->channels.wide[line->channel].name;
	}
	sent = stream_send_raw(sim, replay->is_to_all ? UINT64_MAX : mask, channel,
		replay->body.data + line->offset, line->length);
	replay->sent_count += (uint64_t)sent;
	replay->unsubscribed_count += sent == 0;
}

void replay_on_timer(struct simulator *sim)
{
	struct replay *replay = &sim->replay;
	int64_t now_ns = fl_monotonic_ns(sim->ctx);
	size_t turn = LINES_A_TURN;

	if (!replay->is_playing)
		return;
	if (replay->per_second > 0) {
		replay->budget += replay->per_second * (double)(now_ns - replay->played_ns) / 1e9;
		replay->played_ns = now_ns;
		turn = replay->budget < (double)turn ? (size_t)replay->budget : turn;
		replay->budget -= (double)turn;
	}
	for (size_t i = 0; i < turn && replay->next < replay->line_count; i++)
		play_line(sim, &replay->lines[replay->next++]);
	replay->is_playing = replay->next < replay->line_count;
	if (replay->is_playing)
		fl_timer_start(sim->ctx, TIMER_REPLAY, FL_MS, 0);
}
