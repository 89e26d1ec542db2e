#include "command.h"

#include "buf.h"
#include "host.h"
#include "json.h"
#include "kept.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 1000 };
static const int64_t DEADLINE_NS = 10 * FL_SECOND;

/* One question. It lives from being asked to its last reply. */
struct command {
	struct link link;
	struct host *host;
	int id;              /* what the addressee knows it by; comes round */
	uint64_t asked;      /* the order in which they were asked; does not */
	struct fl_ctx *from; /* NULL: the host itself, or the asker is gone */
	int number;          /* the asker's own; 0: no reply is wanted */
	void (*on_reply)(void *data, int status, const char *json, bool more); /* the host's */
	void *data;
	struct fl_ctx *to; /* once delivered; NULL: the core */
	bool is_delivered;
	bool is_held, is_dead; /* being delivered: its texts stay, even if it is answered meanwhile */
	char address[80], name[48];
	char *json;
	struct timer *deadline;
};

static struct command *find(struct host *host, int id)
{
	struct link *item, *following;

	list_each (item, following, &host->commands) {
		struct command *command = container_of(item, struct command, link);

		if (command->id == id)
			return command;
	}
	return NULL;
}

static void release(struct command *command)
{
	if (command->is_held || !command->is_dead)
		return;
	free(command->json);
	free(command);
}

static void destroy(struct command *command)
{
	list_remove(&command->link);
	if (command->from != NULL && command->number != 0)
		map_remove_number(command->from->questions, (uint64_t)command->number);
	timer_destroy(command->deadline);
	command->deadline = NULL;
	command->is_dead = true;
	release(command);
}

static void answer(struct command *command, int status, const char *json, bool more)
{
	struct fl_ctx *from = command->from;
	int number = command->number;
	void (*on_reply)(void *data, int status, const char *json, bool more) = command->on_reply;
	void *data = command->data;

	/* Forgotten first: the asker may ask again under the same number. */
	if (!more)
		destroy(command);
	if (on_reply != NULL)
		on_reply(data, status, json, more);
	else if (from != NULL && number != 0)
		instance_on_reply(from, number, status, json, more);
}

static void answer_detail(struct command *command, int status, const char *format, va_list args)
	FL_PRINTF(3, 0);

static void answer_detail(struct command *command, int status, const char *format, va_list args)
{
	char text[512];
	struct buf to;
	struct json json;

	vsnprintf(text, sizeof(text), format, args);
	buf_init(&to, 8192);
	json_init(&json, &to);
	json_open(&json, NULL, '{');
	json_text(&json, "detail", text);
	json_close(&json, '}');
	answer(command, status, buf_string(&to), false);
	buf_finish(&to);
}

static void refuse(struct command *command, int status, const char *format, ...) FL_PRINTF(3, 4);

static void refuse(struct command *command, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	answer_detail(command, status, format, args);
	va_end(args);
}

static void on_deadline(void *data)
{
	struct command *command = data;

	refuse(command, FL_REPLY_LATE, "no answer to %s from %s in time", command->name,
		command->to != NULL ? command->to->name : command->address);
}

/* ---- delivery, between two turns ---- */

static struct fl_ctx *by_role(struct host *host, enum fl_role role, const char *name)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role == role && instance_takes_command(ctx, name))
			return ctx;
	}
	return NULL;
}

static struct fl_ctx *feed_named(struct host *host, const char *name)
{
	struct fl_ctx *ctx = host_find(host, name);

	return ctx != NULL && ctx->role == FL_FEED ? ctx : NULL;
}

static int count_feeds(const struct host *host, struct fl_ctx **last)
{
	struct link *item, *following;
	int count = 0;

	list_each (item, following, &host->instances) {
		struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role != FL_FEED)
			continue;
		*last = ctx;
		count++;
	}
	return count;
}

void command_list_feeds(const struct host *host, struct buf *to)
{
	struct link *item, *following;
	const char *comma = "";

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role != FL_FEED)
			continue;
		buf_printf(to, "%s%s", comma, ctx->name);
		comma = ", ";
	}
	if (*comma == '\0')
		buf_printf(to, "none");
}

static struct fl_ctx *addressee(struct host *host, const char *address, const char *name)
{
	struct fl_ctx *feed = NULL;

	if (strcmp(address, "role:feed") == 0)
		return by_role(host, FL_FEED, name);
	if (strcmp(address, "role:sink") == 0)
		return by_role(host, FL_SINK, name);
	if (strcmp(address, "role:service") == 0)
		return by_role(host, FL_SERVICE, name);
	if (strcmp(address, "feed:") == 0)
		return count_feeds(host, &feed) == 1 ? feed : NULL;
	if (strncmp(address, "feed:", 5) == 0)
		return feed_named(host, address + 5);
	return host_find(host, address);
}

/* Says who is not there, and which feeds are. */
static void refuse_address(struct command *command)
{
	const char *address = command->address;
	struct fl_ctx *feed;
	struct buf known;

	if (strncmp(address, "role:", 5) == 0) {
		refuse(command, FL_REPLY_NOT_FOUND, "there is no %s that takes %s", address + 5,
			command->name);
		return;
	}
	buf_init(&known, 512);
	command_list_feeds(command->host, &known);
	if (strcmp(address, "feed:") == 0 && count_feeds(command->host, &feed) > 1)
		refuse(command, FL_REPLY_BAD, "there are several feeds, name one: %s", buf_string(&known));
	else if (strcmp(address, "feed:") == 0)
		refuse(command, FL_REPLY_NOT_FOUND, "there is no feed in this configuration");
	else
		refuse(command, FL_REPLY_NOT_FOUND, "there is no %s%s; feeds there are: %s",
			strncmp(address, "feed:", 5) == 0 ? "feed " : "",
			strncmp(address, "feed:", 5) == 0 ? address + 5 : address, buf_string(&known));
	buf_finish(&known);
}

static void hand_over(struct command *command)
{
	struct host *host = command->host;
	int id = command->id;

	if (strcmp(command->address, "core") == 0) {
		core_command(host, id, command->name, command->json);
		return;
	}
	command->to = addressee(host, command->address, command->name);
	if (command->to == NULL)
		refuse_address(command);
	else if (!instance_takes_command(command->to, command->name))
		refuse(command, FL_REPLY_NOT_FOUND, "%s takes no command %s", command->to->name,
			command->name);
	else if (!instance_on_command(command->to, id, command->name, command->json))
		refuse(command, FL_REPLY_STOPPED, "%s is stopped", command->to->name);
}

static void deliver(struct command *command)
{
	command->is_delivered = true;
	command->is_held = true;
	hand_over(command);
	command->is_held = false;
	release(command);
}

static void deliver_all(void *data)
{
	struct host *host = data;
	struct link *item, *following;

	/* What is asked meanwhile waits for the next turn; what ends meanwhile is found by its absence.
	 */
	uint64_t last = host->asked;

	host->is_delivery_due = false;
again:
	list_each (item, following, &host->commands) {
		struct command *command = container_of(item, struct command, link);

		if (!command->is_delivered && command->asked <= last) {
			deliver(command);
			goto again;
		}
	}
}

static int count_waiting(const struct host *host)
{
	struct link *item, *following;
	int count = 0;

	list_each (item, following, &host->commands)
		count++;
	return count;
}

static int next_id(struct host *host)
{
	do
		host->last_command = host->last_command == INT32_MAX ? 1 : host->last_command + 1;
	while (find(host, host->last_command) != NULL);
	return host->last_command;
}

static int schedule_delivery(struct host *host)
{
	int result = host->is_delivery_due ? 0 : loop_defer(host->parts.loop, deliver_all, host);

	host->is_delivery_due |= result == 0;
	return result;
}

static int ask(struct command *command, const char *to, const char *name, const char *json,
	int64_t deadline_ns)
{
	struct host *host = command->host;

	if (count_waiting(host) >= COMMANDS_MAX)
		return -EAGAIN;
	snprintf(command->address, sizeof(command->address), "%s", to);
	snprintf(command->name, sizeof(command->name), "%s", name);
	command->json = strdup(json == NULL ? "{}" : json);
	command->deadline = timer_create(host->parts.loop, on_deadline, command);
	if (command->json == NULL || command->deadline == NULL)
		return -ENOMEM;
	command->id = next_id(host);
	command->asked = ++host->asked;
	list_append(&host->commands, &command->link);
	timer_start(command->deadline, deadline_ns > 0 ? deadline_ns : DEADLINE_NS, 0);
	return schedule_delivery(host);
}

static struct command *make(struct host *host)
{
	struct command *command = calloc(1, sizeof(*command));

	if (command == NULL)
		return NULL;
	command->host = host;
	list_init(&command->link);
	return command;
}

static int run_command(struct fl_ctx *ctx, const struct kept_call *call)
{
	return fl_command(ctx, call->number, call->texts[0], call->texts[1], call->texts[2], call->x);
}

int fl_command(struct fl_ctx *ctx, int number, const char *to, const char *name, const char *json,
	int64_t deadline_ns)
{
	struct command *command;
	int result;

	if (number != 0 && map_get_number(ctx->questions, (uint64_t)number) != NULL)
		return -EBUSY;
	if (kept_is_on(ctx))
		return kept_add(ctx,
			&(struct kept_call){ .run = run_command,
				.number = number,
				.x = deadline_ns,
				.texts = (const char *const[]){ to, name, json },
				.text_count = 3 });
	command = make(ctx->host);
	if (command == NULL)
		return -ENOMEM;
	if (number != 0 && map_set_number(ctx->questions, (uint64_t)number, command) < 0) {
		free(command);
		return -ENOMEM;
	}
	command->from = ctx;
	command->number = number;
	result = ask(command, to, name, json, deadline_ns);
	if (result < 0)
		destroy(command);
	return result;
}

int command_ask(struct host *host, const char *to, const char *name, const char *json,
	int64_t deadline_ns, void (*on_reply)(void *data, int status, const char *json, bool more),
	void *data)
{
	struct command *command = make(host);
	int result;

	if (command == NULL)
		return -ENOMEM;
	command->on_reply = on_reply;
	command->data = data;
	result = ask(command, to, name, json, deadline_ns);
	if (result < 0)
		destroy(command);
	return result;
}

/* ---- replies ---- */

static int run_reply(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_reply(ctx, call->number, call->a, call->texts[0], call->b != 0);
	return 0;
}

void fl_reply(struct fl_ctx *ctx, int id, int status, const char *json, bool more)
{
	struct command *command = find(ctx->host, id);

	if (kept_is_on(ctx))
		(void)kept_add(ctx,
			&(struct kept_call){ .run = run_reply,
				.number = id,
				.a = status,
				.b = more,
				.texts = &json,
				.text_count = 1 });
	else if (command != NULL && command->to == ctx)
		answer(command, status, json == NULL ? "{}" : json, more);
}

static int run_reply_detail(struct fl_ctx *ctx, const struct kept_call *call)
{
	fl_reply_detail(ctx, call->number, call->a, "%s", call->texts[0]);
	return 0;
}

static void keep_reply_detail(
	struct fl_ctx *ctx, int id, int status, const char *format, va_list args) FL_PRINTF(4, 0);

static void keep_reply_detail(
	struct fl_ctx *ctx, int id, int status, const char *format, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, args);
	(void)kept_add(ctx,
		&(struct kept_call){ .run = run_reply_detail,
			.number = id,
			.a = status,
			.texts = &(const char *){ text },
			.text_count = 1 });
}

void fl_reply_detail(struct fl_ctx *ctx, int id, int status, const char *format, ...)
{
	struct command *command = find(ctx->host, id);
	va_list args;

	if (command == NULL || command->to != ctx)
		return;
	if (kept_is_on(ctx)) {
		va_start(args, format);
		keep_reply_detail(ctx, id, status, format, args);
		va_end(args);
		return;
	}
	va_start(args, format);
	answer_detail(command, status, format, args);
	va_end(args);
}

void command_reply(struct host *host, int id, int status, const char *json, bool more)
{
	struct command *command = find(host, id);

	if (command != NULL)
		answer(command, status, json, more);
}

void command_reply_detail(struct host *host, int id, int status, const char *format, ...)
{
	struct command *command = find(host, id);
	va_list args;

	if (command == NULL)
		return;
	va_start(args, format);
	answer_detail(command, status, format, args);
	va_end(args);
}

void command_forget(struct fl_ctx *ctx)
{
	struct link *item, *following;

again:
	list_each (item, following, &ctx->host->commands) {
		struct command *command = container_of(item, struct command, link);

		if (command->from == ctx || command->data == ctx) { /* data: the host asked for its sake */
			destroy(command);
		} else if (command->is_delivered && command->to == ctx) {
			refuse(command, FL_REPLY_STOPPED, "%s was stopped before it answered", ctx->name);
			goto again; /* the asker may have asked or dropped others in that call */
		}
	}
}

void command_close(struct host *host)
{
	while (!list_is_empty(&host->commands))
		destroy(container_of(host->commands.next, struct command, link));
}
