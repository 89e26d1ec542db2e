/*
 * player.c: a venue that has nothing to compute: it lists its options over HTTP, acknowledges what
 * is asked, and plays an encoded stream to the WebSocket that was opened last.
 *
 *   bench_player [CERTIFICATE KEY]
 *
 * Prints {"port": N}, {"connected": 1} for each WebSocket. A line "play COUNT RATE" on its input
 * (RATE messages a second, 0: as fast as they are taken) plays, then sends a ping; what it was and
 * how long it took until the pong came is one line of JSON. The end of its input ends it.
 */
#include "line.h"
#include "mix.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <yyjson.h>

enum { REQUEST_BYTES = 256 * 1024, CHUNK_BYTES = 256 * 1024, UNPACED_RATE = 1000000 };

struct wish {
	uint64_t count;
	int64_t rate;
};

struct peer {
	struct line line;
	char in[REQUEST_BYTES];
	size_t in_length;
	int wishes[2];   /* a pipe: what to play */
	struct mix *mix; /* goes on where the last play ended: trades are numbered through */
	size_t next;     /* message of its block */
	uint64_t pings;
};

static SSL_CTX *context;
static int latest_wishes =
	-1; /* of the WebSocket opened last; only the main thread's and accept's */
static pthread_mutex_t latest_lock = PTHREAD_MUTEX_INITIALIZER;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int64_t real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

/* ---- HTTP ---- */

static bool read_more(struct peer *peer)
{
	long got;

	if (peer->in_length == sizeof(peer->in) - 1)
		return false;
	got =
		line_read(&peer->line, peer->in + peer->in_length, sizeof(peer->in) - 1 - peer->in_length);
	if (got <= 0)
		return false;
	peer->in_length += (size_t)got;
	peer->in[peer->in_length] = '\0';
	return true;
}

static void consume(struct peer *peer, size_t length)
{
	peer->in_length -= length;
	memmove(peer->in, peer->in + length, peer->in_length + 1);
}

static bool answer(struct peer *peer, const char *body)
{
	char head[160];
	int length = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		strlen(body));

	return line_write(&peer->line, head, (size_t)length) &&
		line_write(&peer->line, body, strlen(body));
}

static bool answer_listing(struct peer *peer, const char *request)
{
	char *body = mix_listing(strstr(request, "currency=ETH") != NULL ? "ETH" : "BTC");
	bool is_sent = body != NULL && answer(peer, body);

	free(body);
	return is_sent;
}

static bool upgrade(struct peer *peer, const char *key)
{
	unsigned char digest[SHA_DIGEST_LENGTH], text[64];
	char salted[128], head[256];
	int length = snprintf(salted, sizeof(salted), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
		(int)strcspn(key, "\r\n"), key);

	SHA1((unsigned char *)salted, (size_t)length, digest);
	EVP_EncodeBlock(text, digest, sizeof(digest));
	length = snprintf(head, sizeof(head),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		text);
	return line_write(&peer->line, head, (size_t)length);
}

/* Requests up to the upgrade. true: it is a WebSocket now. */
static bool serve_http(struct peer *peer)
{
	for (;;) {
		char *end = strstr(peer->in, "\r\n\r\n"), *key;
		bool is_fine;

		if (end == NULL) {
			if (!read_more(peer))
				return false;
			continue;
		}
		*end = '\0';
		key = strcasestr(peer->in, "sec-websocket-key: ");
		if (key != NULL)
			is_fine = upgrade(peer, key + 19);
		else if (strstr(peer->in, "get_instruments") != NULL)
			is_fine = answer_listing(peer, peer->in);
		else
			is_fine =
				answer(peer, "{\"jsonrpc\":\"2.0\",\"result\":{\"trades\":[],\"has_more\":false}}");
		consume(peer, (size_t)(end + 4 - peer->in));
		if (!is_fine || key != NULL)
			return is_fine;
	}
}

/* ---- the WebSocket's requests ---- */

static bool send_text(struct peer *peer, const char *text, size_t length)
{
	unsigned char head[10] = { 0x81 };
	size_t size = 2;

	if (length < 126) {
		head[1] = (unsigned char)length;
	} else if (length < 65536) {
		head[1] = 126;
		head[2] = (unsigned char)(length >> 8);
		head[3] = (unsigned char)length;
		size = 4;
	} else {
		head[1] = 127;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (unsigned char)(length >> (8 * (7 - i)));
		size = 10;
	}
	return line_put(&peer->line, head, size) && line_write(&peer->line, text, length);
}

/* Every channel that is asked for is acknowledged; all else is well. */
static bool on_request(struct peer *peer, const char *text, size_t length)
{
	yyjson_doc *doc = yyjson_read(text, length, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	yyjson_val *channels = yyjson_obj_get(yyjson_obj_get(root, "params"), "channels");
	char *result = channels != NULL ? yyjson_val_write(channels, 0, NULL) : strdup("\"ok\"");
	size_t size = result == NULL ? 0 : strlen(result) + 128;
	char *reply = malloc(size);
	bool is_sent = false;

	if (result != NULL && reply != NULL && yyjson_is_obj(root)) {
		int written = snprintf(reply, size, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":%s}",
			(long long)yyjson_get_sint(yyjson_obj_get(root, "id")), result);

		is_sent = send_text(peer, reply, (size_t)written);
	}
	free(reply);
	free(result);
	yyjson_doc_free(doc);
	return is_sent;
}

/* ---- frames of the client ---- */

struct frame {
	unsigned opcode;
	char *payload;
	size_t length, whole;
};

/* Takes the mask off. false: not all of it is there yet. */
static bool next_frame(struct peer *peer, struct frame *frame)
{
	unsigned char *in = (unsigned char *)peer->in;
	size_t head = 6;

	if (peer->in_length < 2)
		return false;
	frame->opcode = in[0] & 15U;
	frame->length = in[1] & 127U;
	if (frame->length == 126)
		head = 8;
	else if (frame->length == 127)
		head = 14;
	if (peer->in_length < head)
		return false;
	if (head > 6)
		frame->length = 0;
	for (size_t i = 2; i < head - 4; i++)
		frame->length = frame->length << 8 | in[i];
	if (peer->in_length - head < frame->length)
		return false;
	for (size_t i = 0; i < frame->length; i++)
		in[head + i] ^= in[head - 4 + i % 4];
	frame->payload = peer->in + head;
	frame->whole = head + frame->length;
	return true;
}

/* One frame; `pong`: its payload is compared. false: over. */
static bool on_frame(struct peer *peer, const struct frame *frame, bool *is_pong)
{
	unsigned char ping[2] = { 0x8a, 0 };

	switch (frame->opcode) {
	case 1: return on_request(peer, frame->payload, frame->length);
	case 8: return false;
	case 9: return line_write(&peer->line, ping, 2);
	case 10:
		*is_pong = frame->length == sizeof(peer->pings) &&
			memcmp(frame->payload, &peer->pings, sizeof(peer->pings)) == 0;
		return true;
	default: return true;
	}
}

static bool serve_frames(struct peer *peer, bool *is_pong)
{
	struct frame frame;

	while (!*is_pong && next_frame(peer, &frame)) {
		if (!on_frame(peer, &frame, is_pong))
			return false;
		consume(peer, frame.whole);
	}
	return true;
}

/* ---- playing ---- */

struct play {
	struct peer *peer;
	struct mix_counts counts;
};

static size_t begin_of(const struct mix *mix, size_t message)
{
	return message == 0 ? 0 : mix->messages[message - 1].end;
}

static bool send_messages(struct play *play, uint64_t count)
{
	struct peer *peer = play->peer;
	struct mix *mix = peer->mix;

	while (count > 0) {
		size_t begin = begin_of(mix, peer->next), end = begin;

		/* Plain: as much as one call takes. TLS: a record a message. */
		do {
			const struct mix_message *message = &mix->messages[peer->next++];

			mix_count(&play->counts, message, message->end - end);
			end = message->end;
			count--;
		} while (peer->line.ssl == NULL && count > 0 && peer->next < MIX_MESSAGES &&
			end - begin < CHUNK_BYTES);
		if (!line_put(&peer->line, mix->block + begin, end - begin))
			return false;
		if (peer->next == MIX_MESSAGES) {
			peer->next = 0;
			mix_advance(mix);
		}
	}
	return true;
}

static bool play_paced(struct play *play, const struct wish *wish)
{
	double begun = now_s();

	while (play->counts.messages < wish->count) {
		uint64_t due = (uint64_t)((now_s() - begun) * (double)wish->rate);
		struct timespec pause = { .tv_nsec = 1000000 };

		if (due > wish->count)
			due = wish->count;
		if (due > play->counts.messages &&
			(!send_messages(play, due - play->counts.messages) || !line_flush(&play->peer->line)))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool wait_for_pong(struct peer *peer)
{
	unsigned char ping[2 + sizeof(peer->pings)] = { 0x89, sizeof(peer->pings) };
	bool is_pong = false;

	peer->pings++;
	memcpy(ping + 2, &peer->pings, sizeof(peer->pings));
	if (!line_write(&peer->line, ping, sizeof(ping)))
		return false;
	for (;;) {
		if (!serve_frames(peer, &is_pong))
			return false;
		if (is_pong) {
			struct frame frame;

			if (next_frame(peer, &frame)) /* what came behind it */
				serve_frames(peer, &(bool){ false });
			return true;
		}
		if (!read_more(peer))
			return false;
	}
}

static bool play(struct peer *peer, const struct wish *wish)
{
	struct play play = { .peer = peer };
	bool is_played;
	double begun, sent;
	char text[320];

	if (peer->mix == NULL)
		peer->mix = mix_create(real_ms(), wish->rate > 0 ? wish->rate : UNPACED_RATE);
	if (peer->mix == NULL)
		return false;
	begun = now_s();
	is_played = wish->rate > 0 ? play_paced(&play, wish) : send_messages(&play, wish->count);
	sent = now_s() - begun;
	is_played = is_played && wait_for_pong(peer);
	snprintf(text, sizeof(text),
		"{\"messages\":%llu,\"quotes\":%llu,\"tickers\":%llu,\"trades\":%llu,\"bytes\":%llu,"
		"\"sent_s\":%.6f,\"seconds\":%.6f,\"failed\":%s}",
		(unsigned long long)play.counts.messages, (unsigned long long)play.counts.quotes,
		(unsigned long long)play.counts.tickers, (unsigned long long)play.counts.trades,
		(unsigned long long)play.counts.bytes, sent, now_s() - begun, is_played ? "false" : "true");
	say(text);
	return is_played;
}

/* ---- connections ---- */

static void serve_websocket(struct peer *peer)
{
	bool is_pong = false;

	pthread_mutex_lock(&latest_lock);
	latest_wishes = peer->wishes[1];
	pthread_mutex_unlock(&latest_lock);
	say("{\"connected\":1}");
	while (serve_frames(peer, &is_pong)) {
		struct pollfd polled[2] = { { .fd = peer->line.socket, .events = POLLIN },
			{ .fd = peer->wishes[0], .events = POLLIN } };
		struct wish wish;

		is_pong = false;
		if (!line_has_read(&peer->line) && poll(polled, 2, -1) < 0)
			continue;
		if ((polled[1].revents & POLLIN) &&
			(read(peer->wishes[0], &wish, sizeof(wish)) != sizeof(wish) || !play(peer, &wish)))
			break;
		if ((line_has_read(&peer->line) || (polled[0].revents & (POLLIN | POLLHUP | POLLERR))) &&
			!read_more(peer))
			break;
	}
	pthread_mutex_lock(&latest_lock);
	if (latest_wishes == peer->wishes[1])
		latest_wishes = -1;
	pthread_mutex_unlock(&latest_lock);
}

static void *serve(void *data)
{
	int socket = (int)(intptr_t)data, on = 1;
	struct peer *peer = calloc(1, sizeof(*peer));

	setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (peer == NULL || pipe(peer->wishes) != 0) {
		close(socket);
		free(peer);
		return NULL;
	}
	if (line_open(&peer->line, socket, context)) {
		if (serve_http(peer))
			serve_websocket(peer);
		line_close(&peer->line);
	}
	close(peer->wishes[0]);
	close(peer->wishes[1]);
	mix_destroy(peer->mix);
	free(peer);
	return NULL;
}

static void *accept_all(void *data)
{
	int listener = (int)(intptr_t)data;

	for (;;) {
		int socket = accept(listener, NULL, NULL);
		pthread_t thread;

		if (socket >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)socket) == 0)
			pthread_detach(thread);
		else if (socket >= 0)
			close(socket);
	}
	return NULL;
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char text[64];

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
		listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		return -1;
	snprintf(text, sizeof(text), "{\"port\":%u}", ntohs(address.sin_port));
	say(text);
	return listener;
}

int main(int count, char **arguments)
{
	pthread_t thread;
	char line[128];
	int listener;

	signal(SIGPIPE, SIG_IGN);
	if (count == 3 && (context = line_context(arguments[1], arguments[2])) == NULL)
		return 1;
	listener = listen_somewhere();
	if (listener < 0 ||
		pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)listener) != 0) {
		perror("bench_player");
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct wish wish = { 0 };
		long long rate = 0;
		unsigned long long messages = 0;
		bool is_asked;

		if (sscanf(line, "play %llu %lld", &messages, &rate) < 1)
			continue;
		wish.count = messages;
		wish.rate = rate;
		pthread_mutex_lock(&latest_lock);
		is_asked = latest_wishes >= 0 && write(latest_wishes, &wish, sizeof(wish)) == sizeof(wish);
		pthread_mutex_unlock(&latest_lock);
		if (!is_asked)
			say("{\"failed\":true}");
	}
	fflush(stdout);
	_exit(0); /* threads may be at work: nothing of theirs is wanted */
}
