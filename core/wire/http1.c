/*
 * http1.c: llhttp finds the message, this file collects it within limits. Strict: no lenient flag
 * is set, so what could be read in two ways (request smuggling) is refused.
 *
 * A whole message is delivered after llhttp_execute has returned, so that upcalls may do what they
 * like; only on_head comes from within, and closing inside is then carried out by http1_feed.
 */
#include "http1.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LINES_MAX = 100,          /* header lines of a message */
	TARGET_MAX = 8192,        /* bytes of a request's target */
	HEADER_BYTES = 16 * 1024, /* when no limit is given */
	KEEP_BYTES = 16 * 1024,   /* of buffers between messages */
};

/** What the head's text in `head` ends in. */
enum part { PART_NONE, PART_TARGET, PART_NAME, PART_NAME_DONE, PART_VALUE };

struct http1 {
	llhttp_t parser;
	bool is_server;
	struct http1_limits limits;
	struct http1_events events;
	void *data;

	bool is_inside;   /* llhttp is on the stack */
	bool is_closed;   /* inside: freed when llhttp has returned */
	bool is_paused;   /* by the owner */
	bool is_upgraded; /* the message delivered last was an upgrade */
	bool is_last;     /* the message delivered last ends the connection: what follows is ignored */
	bool no_body;     /* the next response is to HEAD */
	int failure;
	const char *detail;

	/* The present message. */
	bool is_begun, has_head, is_complete, is_keep_alive;
	enum part part;
	size_t head_bytes; /* as sent; behind the head, those of trailers and chunk extensions */
	struct buf head;   /* target, names and values, each with its 0 */
	struct buf body;
	size_t line_count;
	size_t names[LINES_MAX], values[LINES_MAX]; /* where in `head` */
	struct fl_header lines[LINES_MAX];
};

static int fail(struct http1 *http, int status, const char *detail)
{
	if (http->failure == 0) {
		bool is_limit = status == 413 || status == 431;

		http->failure = http->is_server || is_limit ? status : 502;
		http->detail = detail;
	}
	return -1;
}

static int store(struct http1 *http, const char *bytes, size_t length)
{
	return buf_append(&http->head, bytes, length) == 0 ? 0 : fail(http, 431, "header too large");
}

/** Ends a text of the head: what is behind it is another one's. */
static int end_part(struct http1 *http)
{
	enum part was = http->part;

	http->part = PART_NONE;
	if (was == PART_NONE || was == PART_NAME_DONE)
		return 0;
	if (was == PART_VALUE) { /* llhttp leaves the white space behind a value */
		size_t least = http->values[http->line_count - 1];
		char *text = buf_bytes(&http->head);
		size_t end = buf_length(&http->head);

		while (end > least && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		http->head.end = http->head.start + end;
	}
	return store(http, "", 1);
}

static struct http1 *of(llhttp_t *parser)
{
	return parser->data;
}

static int take_begin(llhttp_t *parser)
{
	of(parser)->is_begun = true;
	return 0;
}

static int take_target(llhttp_t *parser, const char *at, size_t length)
{
	struct http1 *http = of(parser);

	http->part = PART_TARGET;
	if (buf_length(&http->head) + length > TARGET_MAX)
		return fail(http, 414, "the request's target is longer than 8 KiB");
	return store(http, at, length);
}

/** Trailers and chunk extensions are counted and forgotten. */
static int forget(llhttp_t *parser, const char *at, size_t length)
{
	struct http1 *http = of(parser);

	(void)at;
	http->head_bytes += length;
	if (http->head_bytes > http->limits.header_bytes)
		return fail(http, 431, "trailers or chunk extensions too large");
	return 0;
}

static int take_name(llhttp_t *parser, const char *at, size_t length)
{
	struct http1 *http = of(parser);

	if (http->has_head)
		return forget(parser, at, length);
	if (http->part != PART_NAME) {
		if (end_part(http) < 0)
			return -1;
		if (http->line_count == LINES_MAX)
			return fail(http, 431, "more than 100 header lines");
		http->names[http->line_count] = buf_length(&http->head);
		http->values[http->line_count++] = 0;
		http->part = PART_NAME;
	}
	return store(http, at, length);
}

static int take_name_end(llhttp_t *parser)
{
	struct http1 *http = of(parser);

	if (http->has_head || http->part != PART_NAME)
		return 0;
	if (store(http, "", 1) < 0)
		return -1;
	/* Without a value it stays at this 0: the empty text. */
	http->values[http->line_count - 1] = buf_length(&http->head) - 1;
	http->part = PART_NAME_DONE;
	return 0;
}

static int take_value(llhttp_t *parser, const char *at, size_t length)
{
	struct http1 *http = of(parser);

	if (http->has_head)
		return forget(parser, at, length);
	if (http->part == PART_NAME_DONE) {
		http->values[http->line_count - 1] = buf_length(&http->head);
		http->part = PART_VALUE;
	}
	return store(http, at, length);
}

/** The head's texts have moved for the last time: what pointers to them are. */
static void point(struct http1 *http)
{
	const char *text = buf_bytes(&http->head);

	for (size_t i = 0; i < http->line_count; i++)
		http->lines[i] = (struct fl_header){ text + http->names[i], text + http->values[i] };
}

/** What llhttp would take and we do not: 0 or the failure. */
static int check_head(struct http1 *http)
{
	const llhttp_t *parser = &http->parser;

	if (parser->http_major != 1 || parser->http_minor > 1)
		return fail(http, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (http->is_server && parser->method == HTTP_CONNECT)
		return fail(http, 501, "CONNECT is not implemented");
	for (size_t i = 0; i < http->line_count; i++) {
		if (strcasecmp(http->lines[i].name, "Transfer-Encoding") != 0)
			continue;
		if (parser->http_minor == 0)
			return fail(http, 400, "Transfer-Encoding in HTTP/1.0");
		if (strcasecmp(http->lines[i].value, "chunked") != 0)
			return fail(http, 501, "a Transfer-Encoding other than chunked");
	}
	if ((parser->flags & F_CONTENT_LENGTH) && !http->no_body &&
		parser->content_length > http->limits.body_bytes)
		return fail(http, 413, "the body is larger than the limit");
	return 0;
}

static int take_head(llhttp_t *parser)
{
	struct http1 *http = of(parser);

	if (end_part(http) < 0)
		return -1;
	point(http);
	if (check_head(http) < 0)
		return -1;
	http->has_head = true;
	http->head_bytes = 0; /* of what is behind it: in whichever pieces the head came */
	if (http->events.on_head != NULL && !http->events.on_head(http->data))
		return -1;                                                  /* closed inside */
	return http->no_body && parser->status_code / 100 != 1 ? 1 : 0; /* 1: no body follows */
}

static int take_body(llhttp_t *parser, const char *at, size_t length)
{
	struct http1 *http = of(parser);

	if (length > http->limits.body_bytes - buf_length(&http->body))
		return fail(http, 413, "the body is larger than the limit");
	if (buf_append(&http->body, at, length) < 0)
		return fail(http, 413, "no memory for the body");
	return 0;
}

/** llhttp takes every 101 for one, whatever its header says. */
static bool is_upgrade(const llhttp_t *parser)
{
	return parser->upgrade || (parser->type == HTTP_RESPONSE && parser->status_code == 101);
}

static int take_complete(llhttp_t *parser)
{
	struct http1 *http = of(parser);

	http->is_complete = true;
	http->is_keep_alive = llhttp_should_keep_alive(parser);
	/* An upgrade pauses by itself behind this; everything else is delivered before the next one. */
	return is_upgrade(parser) ? 0 : HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_message_begin = take_begin,
	.on_url = take_target,
	.on_header_field = take_name,
	.on_header_field_complete = take_name_end,
	.on_header_value = take_value,
	.on_chunk_extension_name = forget,
	.on_chunk_extension_value = forget,
	.on_headers_complete = take_head,
	.on_body = take_body,
	.on_message_complete = take_complete,
};

int http1_open(bool is_server, const struct http1_limits *limits, const struct http1_events *events,
	void *data, struct http1 **out)
{
	struct http1 *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return -ENOMEM;
	http->is_server = is_server;
	http->limits = *limits;
	if (http->limits.header_bytes == 0)
		http->limits.header_bytes = HEADER_BYTES;
	http->events = *events;
	http->data = data;
	http->detail = "";
	buf_init(&http->head, 0); /* bounded by head_bytes */
	buf_init(&http->body, 0); /* bounded by take_body */
	llhttp_init(&http->parser, is_server ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	http->parser.data = http;
	*out = http;
	return 0;
}

static void destroy(struct http1 *http)
{
	buf_finish(&http->head);
	buf_finish(&http->body);
	free(http);
}

void http1_close(struct http1 *http)
{
	if (http == NULL)
		return;
	http->is_closed = true;
	if (!http->is_inside)
		destroy(http);
}

static void forget_message(struct http1 *http)
{
	http->is_begun = http->has_head = http->is_complete = false;
	http->part = PART_NONE;
	http->head_bytes = 0;
	http->line_count = 0;
	buf_clear(&http->head, KEEP_BYTES);
	buf_clear(&http->body, KEEP_BYTES);
}

static void fill(struct http1 *http, struct http1_message *message)
{
	*message = (struct http1_message){
		.method = http->is_server ? llhttp_method_name((llhttp_method_t)http->parser.method) : "",
		.target = http->is_server ? buf_bytes(&http->head) : "",
		.status = http->is_server ? 0 : http->parser.status_code,
		.minor = http->parser.http_minor,
		.headers = { http->lines, http->line_count },
		.body = buf_string(&http->body),
		.length = buf_length(&http->body),
		.keep_alive = http->is_keep_alive,
		.is_upgrade = is_upgrade(&http->parser),
	};
}

/** Hands the complete message on. false: closed inside. */
static bool deliver(struct http1 *http)
{
	struct http1_message message;

	fill(http, &message);
	if (http->body.failed) {
		fail(http, 413, "no memory for the body");
		return true;
	}
	if (!http->is_server && message.status / 100 == 1 && !message.is_upgrade) {
		forget_message(http); /* "100 Continue": the answer is still to come */
		return true;
	}
	http->is_upgraded = message.is_upgrade;
	http->is_last = !message.is_upgrade && !message.keep_alive;
	http->is_begun = false;
	http->no_body = false;
	if (!http->events.on_message(http->data, &message))
		return false;
	forget_message(http);
	return true;
}

static void fail_by_parser(struct http1 *http, llhttp_errno_t error)
{
	int status = 400;

	if (error == HPE_INVALID_METHOD)
		status = 501;
	else if (error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE)
		status = 505;
	const char *reason = llhttp_get_error_reason(&http->parser);
	fail(http, status, reason != NULL ? reason : "not HTTP");
}

/** Gives llhttp one piece; returns how much of it was used. */
static size_t execute(struct http1 *http, const char *bytes, size_t length)
{
	http->is_inside = true;
	llhttp_errno_t error = llhttp_execute(&http->parser, bytes, length);
	http->is_inside = false;
	if (error == HPE_OK || http->is_closed)
		return length;

	const char *stop = llhttp_get_error_pos(&http->parser);
	size_t used =
		stop != NULL && stop >= bytes && stop <= bytes + length ? (size_t)(stop - bytes) : 0;

	if (error == HPE_PAUSED && http->is_complete)
		llhttp_resume(&http->parser);
	else if (error != HPE_PAUSED_UPGRADE || !http->is_complete)
		fail_by_parser(http, error);
	return used;
}

int64_t http1_feed(struct http1 *http, const char *bytes, size_t length)
{
	size_t used = 0;

	while (used < length && http->failure == 0 && !http->is_upgraded) {
		size_t piece = length - used;

		if (http->is_paused && !http->is_begun)
			break;
		if (http->is_last)
			return (int64_t)length;
		if (!http->has_head) { /* so that not a byte of the head goes uncounted */
			size_t room = http->limits.header_bytes - http->head_bytes;

			piece = piece < room ? piece : room;
		}
		size_t taken = execute(http, bytes + used, piece);
		if (http->is_closed) {
			destroy(http);
			return -1;
		}
		used += taken;
		if (http->is_complete) {
			if (!deliver(http))
				return -1;
			continue;
		}
		if (!http->has_head) {
			http->head_bytes += taken;
			if (http->head_bytes >= http->limits.header_bytes)
				fail(http, 431, "the header is larger than the limit");
		}
	}
	return (int64_t)used;
}

bool http1_finish(struct http1 *http)
{
	if (http->failure != 0 || !http->is_begun)
		return true;
	http->is_inside = true;
	llhttp_finish(&http->parser);
	http->is_inside = false;
	if (http->is_complete)
		return deliver(http);
	fail(http, 400, "the message was cut off");
	return true;
}

int http1_failure(const struct http1 *http, const char **detail)
{
	if (detail != NULL)
		*detail = http->detail;
	return http->failure;
}

void http1_pause(struct http1 *http)
{
	http->is_paused = true;
}

void http1_resume(struct http1 *http)
{
	http->is_paused = false;
	if (http->is_upgraded) { /* declined: HTTP goes on */
		http->is_upgraded = false;
		llhttp_resume_after_upgrade(&http->parser);
	}
}

void http1_expect_no_body(struct http1 *http)
{
	http->no_body = true;
}

bool http1_is_idle(const struct http1 *http)
{
	return !http->is_begun;
}

void http1_head(struct http1 *http, struct http1_headers *out)
{
	*out = (struct http1_headers){ http->lines, http->has_head ? http->line_count : 0 };
}

const char *http1_header(const struct http1_headers *headers, const char *name)
{
	for (size_t i = 0; i < headers->count; i++)
		if (strcasecmp(headers->items[i].name, name) == 0)
			return headers->items[i].value;
	return NULL;
}
