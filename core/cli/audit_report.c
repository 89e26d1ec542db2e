#include "audit_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const verdict_words[AUDIT_VERDICTS] = { "sum", "explained", "unexplained",
	"note" };

void audit_report_init(struct audit_report *report, uint64_t most)
{
	*report = (struct audit_report){ .most = most };
}

void audit_report_finish(struct audit_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct audit_section *section = &report->sections[i];

		buf_finish(&section->sums);
		buf_finish(&section->findings);
		buf_finish(&section->sums_json);
		buf_finish(&section->findings_json);
	}
	report->count = 0;
}

static struct audit_section *find(struct audit_report *report, const char *name)
{
	struct audit_section *section;

	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->sections[i].name, name) == 0)
			return &report->sections[i];
	if (report->count == AUDIT_SECTIONS_MAX)
		return NULL;
	section = &report->sections[report->count++];
	*section = (struct audit_section){ 0 };
	(void)snprintf(section->name, sizeof(section->name), "%s", name);
	buf_init(&section->sums, 1 << 20);
	buf_init(&section->findings, 256 << 20);
	buf_init(&section->sums_json, 1 << 20);
	buf_init(&section->findings_json, 256 << 20);
	return section;
}

/* The object, with the verdict before its members unless it is a sum. */
static int add_json(struct buf *to, enum audit_verdict verdict, const char *json)
{
	const char *members = json[0] == '{' ? json + 1 : "}";
	int error = buf_text(to, buf_length(to) == 0 ? "" : ",");

	if (error == 0 && verdict == AUDIT_SUM)
		return buf_printf(to, "{%s", members);
	return error != 0 ? error
					  : buf_printf(to, "{\"verdict\":\"%s\"%s%s", verdict_words[verdict],
							members[0] == '}' ? "" : ",", members);
}

void audit_report_add(struct audit_report *report, const char *name, enum audit_verdict verdict,
	const char *line, const char *json)
{
	struct audit_section *section = find(report, name);
	bool is_sum = verdict == AUDIT_SUM;
	int error;

	if (section == NULL) {
		report->is_incomplete = true;
		return;
	}
	section->counts[verdict]++;
	if (!is_sum && section->shown[verdict] == report->most)
		return;
	section->shown[verdict]++;
	error = is_sum ? buf_printf(&section->sums, "%-11s %s\n", name, line)
				   : buf_printf(&section->findings, "  %-11s %s\n", verdict_words[verdict], line);
	if (error == 0)
		error = add_json(is_sum ? &section->sums_json : &section->findings_json, verdict, json);
	if (error != 0)
		report->is_incomplete = true;
}

uint64_t audit_report_total(const struct audit_report *report, enum audit_verdict verdict)
{
	uint64_t total = 0;

	for (size_t i = 0; i < report->count; i++)
		total += report->sections[i].counts[verdict];
	return total;
}

static uint64_t left_out(const struct audit_section *section, int verdict)
{
	return section->counts[verdict] - section->shown[verdict];
}

void audit_report_text(const struct audit_report *report, struct buf *to)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct audit_section *section = &report->sections[i];

		if (buf_length(&section->sums) == 0)
			(void)buf_printf(to, "%s\n", section->name);
		(void)buf_append(to, buf_bytes(&section->sums), buf_length(&section->sums));
		(void)buf_append(to, buf_bytes(&section->findings), buf_length(&section->findings));
		for (int verdict = AUDIT_EXPLAINED; verdict < AUDIT_VERDICTS; verdict++)
			if (left_out(section, verdict) > 0)
				(void)buf_printf(to, "  %-11s %" PRIu64 " more; --all shows them\n",
					verdict_words[verdict], left_out(section, verdict));
	}
}

static void raw_array(struct json *json, const char *key, const struct buf *items)
{
	struct buf array;

	buf_init(&array, 0);
	(void)buf_text(&array, "[");
	(void)buf_append(&array, buf_bytes(items), buf_length(items));
	(void)buf_text(&array, "]");
	json_raw(json, key, buf_bytes(&array), buf_length(&array));
	buf_finish(&array);
}

void audit_report_json(const struct audit_report *report, struct json *json)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct audit_section *section = &report->sections[i];

		json_open(json, section->name, '{');
		raw_array(json, "summary", &section->sums_json);
		raw_array(json, "findings", &section->findings_json);
		for (int verdict = AUDIT_EXPLAINED; verdict < AUDIT_VERDICTS; verdict++)
			json_int(json, verdict_words[verdict], (int64_t)section->counts[verdict]);
		json_close(json, '}');
	}
}
