/*
 * os_tcp.c: a connected stream in memory. What is written in a turn leaves at the turn's end in
 * pieces of seeded sizes, as far as the receiver's window allows, and arrives in order after a
 * seeded latency.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "heap.h"
#include "os_net.h"

enum { LOW_WATER_BYTES = 64 * 1024, WINDOW_BYTES = 256 * 1024 };

#define FLUSH_TIMEOUT_NS (3 * FL_SECOND)
#define GIVE_UP_NS (924 * FL_SECOND) /* when Linux believes that nothing gets through any more */

static void flush_turn(struct turn_end *turn_end);
static void on_arrival(struct event *event);

/* -- an end's life -------------------------------------------------------------------- */

struct tcp *tcp_new(struct loop *loop, struct machine *other_machine)
{
	struct tcp *tcp = heap_get(sizeof(*tcp));

	tcp->loop = loop;
	tcp->other_machine = other_machine;
	tcp->flush.run = flush_turn;
	tcp->arrival = (struct event){ .loop = loop, .run = on_arrival };
	tcp->progress = (struct event){ .loop = loop, .run = tcp_on_progress };
	list_init(&tcp->flush.link);
	list_init(&tcp->arriving);
	list_append(&loop->tcps, &tcp->link);
	loop->held++;
	return tcp;
}

static void drop_chunks(struct tcp *tcp)
{
	while (!list_is_empty(&tcp->arriving)) {
		struct chunk *chunk = container_of(tcp->arriving.next, struct chunk, link);

		list_remove(&chunk->link);
		heap_give(chunk);
	}
	tcp->arriving_bytes = 0;
}

void tcp_free(struct tcp *tcp)
{
	if (tcp->other != NULL)
		tcp->other->other = NULL;
	event_cancel(&tcp->arrival);
	event_cancel(&tcp->progress);
	list_remove(&tcp->flush.link);
	list_remove(&tcp->link);
	drop_chunks(tcp);
	free(tcp->queued);
	heap_give(tcp);
}

const char *tcp_peer(const struct tcp *tcp)
{
	return tcp->peer;
}

/* -- the way -------------------------------------------------------------------------- */

bool net_is_partitioned(const struct loop *loop, const struct machine *other)
{
	return loop->machine != other && os.partition_until_ns > os.now_ns;
}

int64_t net_arrival_ns(const struct tcp *from)
{
	int64_t at_ns = os.now_ns + from->latency_ns + os.latency_more_ns +
		(int64_t)stream_below(&os.net, (uint64_t)(from->latency_ns / 4 + 1));

	/* Sent again and again until it gets through, with growing pauses. */
	if (net_is_partitioned(from->loop, from->other_machine))
		at_ns = os.partition_until_ns +
			(int64_t)stream_below(&os.net, (uint64_t)(os.partition_until_ns - os.now_ns) + 1);
	return at_ns;
}

static struct chunk *send_chunk(struct tcp *from, const void *bytes, size_t length)
{
	struct tcp *to = from->other;
	struct chunk *chunk = heap_resize(NULL, sizeof(*chunk) + length);

	*chunk = (struct chunk){ .due_ns = net_arrival_ns(from), .length = length };
	if (chunk->due_ns < to->last_due_ns)
		chunk->due_ns = to->last_due_ns;
	to->last_due_ns = chunk->due_ns;
	if (length > 0)
		memcpy(chunk->data, bytes, length);
	list_append(&to->arriving, &chunk->link);
	to->arriving_bytes += length;
	tcp_look(to);
	return chunk;
}

void tcp_send_end(struct tcp *tcp, int error)
{
	if (tcp->other != NULL && !tcp->is_end_sent && !tcp->is_black_hole) {
		struct chunk *chunk = send_chunk(tcp, NULL, 0);

		chunk->is_end = true;
		chunk->error = error;
	}
	tcp->is_end_sent = true;
}

/* -- reading -------------------------------------------------------------------------- */

void tcp_end(struct tcp *tcp, int error)
{
	if (tcp->has_ended || tcp->events == NULL)
		return;
	tcp->has_ended = true;
	if (tcp->is_stream && error < 0)
		tcp->loop->machine->streams_lost++;
	tcp->events->on_end(tcp->data, error);
}

void tcp_look(struct tcp *tcp)
{
	if (list_is_empty(&tcp->arriving) || tcp->is_paused || tcp->has_ended ||
		tcp->state == TCP_DIALING || (tcp->state == TCP_OPEN && tcp->events == NULL))
		return;
	if (!event_waits(&tcp->arrival))
		event_at(&tcp->arrival, container_of(tcp->arriving.next, struct chunk, link)->due_ns);
}

static void on_room(struct tcp *sender)
{
	if (sender != NULL && sender->queued_length > 0 && !event_waits(&sender->progress))
		event_at(&sender->progress, os.now_ns + sender->latency_ns);
}

/* The answer to a WebSocket's request; one that comes in pieces may be overlooked. */
static void look_for_upgrade(struct tcp *tcp, const struct chunk *chunk)
{
	static const char words[] = "HTTP/1.1 101";

	if (tcp->is_dialled && !tcp->is_stream && chunk->length > sizeof(words) &&
		memcmp(chunk->data, words, sizeof(words) - 1) == 0)
		tcp->is_stream = true;
}

/* False: the tcp is gone. */
static bool take_chunk(struct tcp *tcp, struct chunk *chunk)
{
	bool lives;

	list_remove(&chunk->link);
	tcp->arriving_bytes -= chunk->length;
	on_room(tcp->other);
	os_note(chunk->is_end ? "end" : "read", tcp->loop->machine, chunk->data, chunk->length);
	if (chunk->is_end) {
		int error = chunk->error;

		heap_give(chunk);
		tcp_end(tcp, error);
		return false;
	}
	look_for_upgrade(tcp, chunk);
	lives = tcp->events->on_read(tcp->data, chunk->data, chunk->length, clock_real_ns(tcp->loop));
	heap_give(chunk);
	return lives;
}

static void on_arrival(struct event *event)
{
	struct tcp *tcp = container_of(event, struct tcp, arrival);

	while (!list_is_empty(&tcp->arriving) && !tcp->is_paused && !tcp->has_ended) {
		struct chunk *chunk = container_of(tcp->arriving.next, struct chunk, link);

		if (chunk->due_ns > os.now_ns)
			break;
		if (!take_chunk(tcp, chunk))
			return;
	}
	tcp_look(tcp);
}

void tcp_attach(struct tcp *tcp, const struct tcp_events *events, void *data)
{
	tcp->events = events;
	tcp->data = data;
	tcp_look(tcp);
	if (tcp->error != 0)
		loop_at_turn_end(tcp->loop, &tcp->flush);
}

void tcp_pause(struct tcp *tcp)
{
	tcp->is_paused = true;
	event_cancel(&tcp->arrival);
}

void tcp_resume(struct tcp *tcp)
{
	tcp->is_paused = false;
	tcp_look(tcp);
}

/* -- writing -------------------------------------------------------------------------- */

size_t tcp_queued(const struct tcp *tcp)
{
	return tcp->queued_length;
}

/* Nothing comes back: after long enough the kernel gives up, or the other machine says what it does
 * not know. */
static void wait_for_answer(struct tcp *tcp)
{
	if (tcp->lost_since_ns != 0)
		return;
	tcp->lost_since_ns = os.now_ns;
	if (tcp->other_rebooted && !tcp->other_machine->is_host_down)
		event_at(&tcp->progress, os.now_ns + 2 * tcp->latency_ns);
	else
		event_at(&tcp->progress, os.now_ns + GIVE_UP_NS);
}

/* A piece now and then is cut, down to single bytes: whoever reads must not count on messages. */
static size_t piece_of(size_t length)
{
	if (length > 1 && stream_once_in(&os.net, 16))
		return 1 + stream_below(&os.net, length - 1);
	return length < 65536 ? length : 65536;
}

static void send_queued(struct tcp *tcp)
{
	size_t sent = 0;

	if (tcp->is_black_hole) {
		if (tcp->queued_length > 0)
			wait_for_answer(tcp);
		return;
	}
	if (tcp->other == NULL) {
		if (tcp->queued_length > 0 && tcp->error == 0 && !event_waits(&tcp->progress))
			event_at(&tcp->progress,
				1 +
					(tcp->last_due_ns > os.now_ns ? tcp->last_due_ns
												  : os.now_ns + 2 * tcp->latency_ns));
		return;
	}
	while (sent < tcp->queued_length && tcp->other->arriving_bytes < WINDOW_BYTES) {
		size_t room = WINDOW_BYTES - tcp->other->arriving_bytes;
		size_t piece = piece_of(tcp->queued_length - sent);

		piece = piece < room ? piece : room;
		(void)send_chunk(tcp, tcp->queued + sent, piece);
		sent += piece;
	}
	tcp->queued_length -= sent;
	memmove(tcp->queued, tcp->queued + sent, tcp->queued_length);
}

/* The turn's end: what was queued goes out, what has changed is told. */
static void flush_turn(struct turn_end *turn_end)
{
	struct tcp *tcp = container_of(turn_end, struct tcp, flush);

	if (tcp->error == 0)
		send_queued(tcp);
	if (tcp->state == TCP_FLUSHING) {
		if (tcp->queued_length > 0 && tcp->error == 0 && tcp->other != NULL && !tcp->is_black_hole)
			return; /* the last moment is an event */
		tcp_send_end(tcp, tcp->error == 0 ? 0 : -ECONNRESET);
		tcp_free(tcp);
	} else if (tcp->error != 0) {
		tcp_pause(tcp);
		tcp_end(tcp, tcp->error);
	} else if (tcp->was_high && tcp->queued_length < LOW_WATER_BYTES) {
		tcp->was_high = false;
		if (tcp->events != NULL && tcp->events->on_drained != NULL)
			tcp->events->on_drained(tcp->data);
	}
}

void tcp_on_progress(struct event *event)
{
	struct tcp *tcp = container_of(event, struct tcp, progress);

	if (tcp->is_black_hole)
		tcp->error =
			tcp->other_rebooted && !tcp->other_machine->is_host_down ? -ECONNRESET : -ETIMEDOUT;
	else if (tcp->other == NULL)
		tcp->error = -EPIPE;
	loop_at_turn_end(tcp->loop, &tcp->flush);
}

int tcp_write(struct tcp *tcp, const void *bytes, size_t length)
{
	if (tcp->state != TCP_OPEN || tcp->error != 0)
		return -ENOTCONN;
	if (length == 0)
		return 0;
	if (length > tcp->queued_size - tcp->queued_length) {
		size_t size = (tcp->queued_length + length) * 2;
		char *grown = realloc(tcp->queued, size);

		if (grown == NULL)
			return -ENOMEM;
		tcp->queued = grown;
		tcp->queued_size = size;
	}
	memcpy(tcp->queued + tcp->queued_length, bytes, length);
	tcp->queued_length += length;
	if (tcp->queued_length > LOW_WATER_BYTES)
		tcp->was_high = true;
	loop_at_turn_end(tcp->loop, &tcp->flush);
	return 0;
}

/* -- closing -------------------------------------------------------------------------- */

static void on_last_moment(struct event *event)
{
	struct tcp *tcp = container_of(event, struct tcp, arrival);

	tcp_send_end(tcp, -ECONNRESET);
	tcp_free(tcp);
}

static void disown(struct tcp *tcp)
{
	assert(tcp->loop->held > 0);
	tcp->loop->held--;
	tcp->events = NULL;
}

void tcp_close(struct tcp *tcp)
{
	if (tcp == NULL)
		return;
	disown(tcp);
	if (tcp->state == TCP_DIALING || tcp->error != 0) {
		tcp_send_end(tcp, 0);
		tcp_free(tcp);
		return;
	}
	tcp->state = TCP_FLUSHING;
	drop_chunks(tcp);
	tcp->arrival.run = on_last_moment;
	event_at(&tcp->arrival, os.now_ns + FLUSH_TIMEOUT_NS);
	loop_at_turn_end(tcp->loop, &tcp->flush);
}

void tcp_abort(struct tcp *tcp)
{
	if (tcp == NULL)
		return;
	disown(tcp);
	tcp_send_end(tcp, -ECONNRESET);
	tcp_free(tcp);
}

/* -- faults --------------------------------------------------------------------------- */

void net_process_died(struct loop *loop)
{
	struct link *item, *following;

	list_each (item, following, &loop->tcps) {
		struct tcp *tcp = container_of(item, struct tcp, link);

		tcp_send_end(tcp, list_is_empty(&tcp->arriving) ? 0 : -ECONNRESET);
		tcp_free(tcp);
	}
	list_each (item, following, &loop->listeners)
		list_remove(item);
}

void net_host_died(struct loop *loop)
{
	struct link *item, *following;

	list_each (item, following, &loop->tcps) {
		struct tcp *tcp = container_of(item, struct tcp, link);

		if (tcp->other != NULL)
			tcp->other->is_black_hole = tcp->other->other_rebooted = true;
		tcp_free(tcp);
	}
	list_each (item, following, &loop->listeners)
		list_remove(item);
}

typedef void (*tcp_visitor)(struct tcp *tcp, void *data);

static void each_tcp(tcp_visitor visit, void *data)
{
	struct link *home_item, *home_following, *item, *following;

	list_each (home_item, home_following, &os.machines) {
		struct machine *machine = container_of(home_item, struct machine, link);

		if (machine->loop == NULL)
			continue;
		list_each (item, following, &machine->loop->tcps)
			visit(container_of(item, struct tcp, link), data);
	}
}

/* What was lost is sent again about now. */
static void hear_of_reboot(struct tcp *tcp, void *data)
{
	if (tcp->other_rebooted && tcp->other_machine == data && tcp->lost_since_ns != 0)
		event_at(&tcp->progress, os.now_ns + (int64_t)stream_below(&os.net, 60 * FL_SECOND));
}

void net_host_is_back(struct machine *machine)
{
	each_tcp(hear_of_reboot, machine);
}

struct choice {
	uint64_t wanted, seen;
	struct tcp *found;
};

/* Each connection between machines once: by the end that did not dial. */
static bool is_between(const struct tcp *tcp)
{
	return tcp->state == TCP_OPEN && tcp->other != NULL && tcp->other->state == TCP_OPEN &&
		tcp->other->accepted == tcp && tcp->loop->machine != tcp->other_machine &&
		!tcp->is_black_hole;
}

static void choose(struct tcp *tcp, void *data)
{
	struct choice *choice = data;

	if (is_between(tcp) && choice->seen++ == choice->wanted)
		choice->found = tcp;
}

unsigned net_open_count(void)
{
	struct choice choice = { .wanted = UINT64_MAX };

	each_tcp(choose, &choice);
	return (unsigned)choice.seen;
}

unsigned net_dialled_count(const struct loop *loop)
{
	const struct link *item;
	unsigned count = 0;

	for (item = loop->tcps.next; item != &loop->tcps; item = item->next) {
		const struct tcp *tcp = container_of((struct link *)(uintptr_t)item, struct tcp, link);

		count += tcp->is_dialled && tcp->events != NULL && !tcp->has_ended;
	}
	return count;
}

static struct tcp *draw_one(uint64_t draw)
{
	unsigned count = net_open_count();
	struct choice choice = { .wanted = count == 0 ? 0 : draw % count };

	each_tcp(choose, &choice);
	return choice.found;
}

static void reset(struct tcp *tcp)
{
	drop_chunks(tcp); /* what was on its way is lost */
	event_cancel(&tcp->arrival);
	tcp->error = -ECONNRESET;
	loop_at_turn_end(tcp->loop, &tcp->flush);
}

bool net_reset_one(uint64_t draw)
{
	struct tcp *tcp = draw_one(draw);

	if (tcp == NULL)
		return false;
	os.streams_broken += tcp->other->is_stream;
	reset(tcp->other);
	reset(tcp);
	return true;
}

bool net_half_open_one(uint64_t draw)
{
	struct tcp *tcp = draw_one(draw);

	if (tcp == NULL)
		return false;
	tcp->is_black_hole = tcp->other->is_black_hole = true;
	drop_chunks(tcp);
	drop_chunks(tcp->other);
	event_cancel(&tcp->arrival);
	event_cancel(&tcp->other->arrival);
	os.streams_broken += tcp->other->is_stream;
	return true;
}
