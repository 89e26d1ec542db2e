/* mute_print: what the status says of who is mute. */
#include "json.h"
#include "mute_parts.h"

#include <stdio.h>

enum { NAMED = 5, PRINTED = 20 };

size_t mute_count(const struct fl_ctx *ctx)
{
	const struct link *item;
	size_t count = 0;

	if (ctx->mute != NULL)
		for (item = ctx->mute->alarms.next; item != &ctx->mute->alarms; item = item->next)
			count += container_of(item, struct alarm, link)->stage != STAGE_WANTED;
	return count;
}

void mute_reason(const struct fl_ctx *ctx, char *reason, size_t size)
{
	size_t count = mute_count(ctx), length, named = 0;
	struct link *item, *following;

	reason[0] = '\0';
	if (count == 0)
		return;
	length = (size_t)snprintf(reason, size, "mute, %zu in all: ", count);
	list_each (item, following, &ctx->mute->alarms) {
		const struct alarm *alarm = container_of(item, struct alarm, link);

		if (alarm->stage == STAGE_WANTED || named == NAMED || length >= size)
			continue;
		length += (size_t)snprintf(reason + length, size - length, "%s%s (%s, %s)",
			named++ > 0 ? ", " : "", fl_instrument_name(ctx, alarm->instrument),
			heard_kind_name((unsigned)alarm->kind),
			alarm->stage == STAGE_RENEWED ? "subscribed anew" : "its connection replaced");
	}
}

void mute_print(const struct fl_ctx *ctx, struct json *json)
{
	struct link *item, *following;
	int printed = 0;

	json_open(json, "mute", '[');
	if (mute_count(ctx) > 0)
		list_each (item, following, &ctx->mute->alarms) {
			const struct alarm *alarm = container_of(item, struct alarm, link);

			if (alarm->stage == STAGE_WANTED || printed++ >= PRINTED)
				continue;
			json_open(json, NULL, '{');
			json_text(json, "instrument", fl_instrument_name(ctx, alarm->instrument));
			json_text(json, "kind", heard_kind_name((unsigned)alarm->kind));
			json_int(json, "connection", alarm->connection);
			json_time(json, "since", alarm->since_ns);
			json_real(json, "expected_seconds", (double)alarm->limit_ns / 1e9);
			json_text(json, "renewed", alarm->stage == STAGE_RENEWED ? "instrument" : "connection");
			json_close(json, '}');
		}
	json_close(json, ']');
}
