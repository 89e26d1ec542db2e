/* lifecycle_event: rows of lifecycle_events, and the lines of the log that go with them. */
#include "lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill(
	struct fl_lifecycle *record, const struct lifecycle *self, const struct event *event)
{
	const struct member *member = event->member;
	const char *currency = event->currency;

	if (currency == NULL)
		currency = member != NULL ? member->record.currency : "";
	fl_record_init(record, FL_LIFECYCLE);
	record->head.event_time_ns = record->head.received_ns = fl_now_ns(self->ctx);
	record->head.instrument = member != NULL ? member->record.head.instrument : event->instrument;
	record->connection_id = event->connection;
	record->success = !event->is_failed;
	snprintf(record->event_type, sizeof(record->event_type), "%s", event->type);
	snprintf(record->currency, sizeof(record->currency), "%s", currency);
	snprintf(record->reason, sizeof(record->reason), "%s", event->reason);
}

/* {"feed": ..., and what the event has to say}; the caller frees. */
static char *metadata_of(const struct event *event, size_t *length)
{
	yyjson_mut_doc *doc = event->metadata;
	char *text;

	if (doc == NULL) {
		doc = yyjson_mut_doc_new(NULL);
		yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	}
	yyjson_mut_obj_add_str(doc, yyjson_mut_doc_get_root(doc), "feed", event->feed->name);
	text = yyjson_mut_write(doc, 0, length);
	yyjson_mut_doc_free(doc);
	return text;
}

void lifecycle_event(struct lifecycle *self, const struct event *event)
{
	size_t length = 0, size;
	char *metadata = metadata_of(event, &length);
	struct fl_lifecycle *record;
	char labels[96];

	size = sizeof(*record) + (length + 7) / 8 * 8;
	record = calloc(1, size);
	if (record != NULL && metadata != NULL) {
		fill(record, self, event);
		record->head.length = (uint32_t)size;
		record->metadata_length = (uint32_t)length;
		memcpy(record->metadata, metadata, length);
		fl_publish(self->ctx, &record->head);
	}
	free(record);
	free(metadata);
	snprintf(labels, sizeof(labels), "event=\"%.31s\"", event->type);
	fl_metric_add(fl_metric(self->ctx, FL_COUNTER, "feedloom_lifecycle_events_total", labels,
					  "Rows of lifecycle_events from the lifecycle, by type"),
		1);
}

void lifecycle_gather(struct lifecycle *self, int what, const char *name)
{
	struct gathered *gathered = &self->gathered[what];
	size_t length = strlen(gathered->names);

	if (gathered->count++ < 5)
		snprintf(gathered->names + length, sizeof(gathered->names) - length, "%s%s",
			length > 0 ? ", " : "", name);
	if (fl_debug_is_on(self->ctx))
		fl_log(self->ctx, FL_DEBUG, "%s: %s",
			(const char *const[]){ "listed", "ended", "left ahead of expiry", "deferred" }[what],
			name);
}

void lifecycle_say_gathered(struct lifecycle *self)
{
	static const char *const words[GATHER_COUNT] = { "listed", "ended", "left ahead of expiry",
		"deferred" };

	for (int what = 0; what < GATHER_COUNT; what++) {
		struct gathered *gathered = &self->gathered[what];

		if (gathered->count > 5)
			fl_log(self->ctx, FL_INFO, "%u %s: %s and %u more", gathered->count, words[what],
				gathered->names, gathered->count - 5);
		else if (gathered->count > 0)
			fl_log(self->ctx, FL_INFO, "%u %s: %s", gathered->count, words[what], gathered->names);
		*gathered = (struct gathered){ 0 };
	}
}
