/*
 * timescale_trouble.c: what an error of a batch asks of us: again, again later, with fewer records,
 * without this one, without this table, or with another session. Nothing is ever lost by it: the
 * batch is taken again from the journal.
 */
#include "sink_timescale.h"
#include <stdio.h>
#include <string.h>

#define DELAY_MIN_NS (200 * FL_MS)
#define DELAY_MAX_NS (10 * FL_SECOND)

void trouble_is_over(struct stream *stream)
{
	bool had_any = stream->trouble[0] != '\0';

	fl_timer_stop(stream->sink->ctx, TIMER_SLOW + stream_place(stream));
	stream->failures = 0;
	stream->has_relaid = false;
	stream->trouble[0] = '\0';
	stream->is_down = false;
	if (had_any)
		store_tell(stream->sink);
}

static void complain(struct stream *stream, const char *words, bool is_down)
{
	(void)snprintf(stream->trouble, sizeof(stream->trouble), "%s", words);
	stream->is_down = is_down;
	store_tell(stream->sink);
}

static int64_t delay_ns(const struct stream *stream)
{
	int64_t delay = DELAY_MIN_NS;

	for (int i = 1; i < stream->failures && delay < DELAY_MAX_NS; i++)
		delay *= 2;
	return delay < DELAY_MAX_NS ? delay : DELAY_MAX_NS;
}

static void again(struct stream *stream, int64_t after_ns)
{
	fl_retry(stream->sink->ctx, stream->name, after_ns);
}

/* One of its records will not do: half of them, until it is alone. */
static void search(struct stream *stream, const struct fl_result *result)
{
	size_t count = stream->batch.refs.count;

	if (count > 1) {
		stream->limit = (int64_t)(count / 2);
		(void)store_stream(stream);
	} else {
		(void)snprintf(stream->refusal, sizeof(stream->refusal), "%s", result->detail);
	}
	stream->failures = 0;
	again(stream, 0);
}

/* The columns may have changed since they were looked at: with a new session they are again. */
static void look_anew(struct stream *stream, const char *why)
{
	bool has_relaid = stream->has_relaid;

	store_lost(stream, -EIO, why);
	stream->has_relaid = !has_relaid;
}

/* Its table cannot be written: the others go on. */
static void set_apart(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;
	unsigned kind = batch_kind_of(&stream->batch, result->statement);

	if (kind == FL_KIND_COUNT) {
		complain(stream, result->detail, false);
		again(stream, delay_ns(stream));
		return;
	}
	if (stream == sink_main(sink)) {
		streams_forget_join(sink);
		fl_log(sink->ctx, FL_WARN, "%s cannot be written: %s; it waits, the others go on",
			sink_kind(kind)->table, result->detail);
		if (streams_split(sink, sink_kind(kind)->table) != 0)
			store_lost(stream, -ENOMEM, "out of memory");
		else
			again(stream, FL_SECOND);
		return;
	}
	(void)snprintf(stream->blocked, sizeof(stream->blocked), "%s", result->detail);
	store_tell(sink);
	(void)fl_timer_start(sink->ctx, TIMER_STREAM + stream_place(stream), DELAY_MAX_NS, 0);
	again(stream, FL_SECOND);
}

void trouble_on_failure(struct stream *stream, const struct fl_result *result)
{
	struct sink *sink = stream->sink;

	fl_timer_stop(sink->ctx, TIMER_SLOW + stream_place(stream));
	stream->is_in_flight = false;
	if (stream->failures++ == 0)
		stream->failing_since_ns = fl_monotonic_ns(sink->ctx);
	if (stream == sink->joining || (sink->joining != NULL && stream == sink_main(sink)))
		streams_forget_join(sink);
	switch (result->error) {
	case -ENOTCONN: break; /* the session says so itself, and is dialled anew */
	case -ESTALE:
		fl_log_limited(sink->ctx, FL_WARN,
			"another session has moved the cursor of %s/%s; it is read anew (does a second feedloom "
			"write with this sink's name?)",
			fl_instance_name(sink->ctx), stream->name);
		store_lost(stream, -ESTALE, "another session has moved the cursor");
		break;
	case -EROFS: store_lost(stream, -EROFS, result->detail); break; /* it is a standby now */
	case -EBADMSG:
		if (strcmp(result->code, "22P03") == 0 && !stream->has_relaid)
			look_anew(stream, result->detail);
		else if (stream->batch.refs.count == 0)
			again(stream, delay_ns(stream));
		else
			search(stream, result);
		break;
	case -EACCES:
	case -ENOENT: set_apart(stream, result); break;
	case -E2BIG:
	case -ENOMEM:
		if (stream->batch.refs.count > 1)
			stream->limit = (int64_t)(stream->batch.refs.count / 2);
		(void)store_stream(stream);
		complain(stream, result->detail, false);
		again(stream, delay_ns(stream));
		break;
	case -EAGAIN:
		/* Two of ours in each other's way are no news; a lock that was waited for in vain is. */
		if (strcmp(result->code, "40001") != 0 && strcmp(result->code, "40P01") != 0)
			complain(stream, result->detail, false);
		again(stream, DELAY_MIN_NS);
		break;
	case -EINVAL:
		if (batch_kind_of(&stream->batch, result->statement) != FL_KIND_COUNT) {
			set_apart(stream, result);
			break;
		}
		/* fall through */
	default: complain(stream, result->detail, true); again(stream, delay_ns(stream));
	}
}
