/*
 * audit_report.h: what `feedloom audit` found, by section, for people or as JSON.
 */
#ifndef CLI_AUDIT_REPORT_H
#define CLI_AUDIT_REPORT_H

#include "json.h"

enum audit_verdict { AUDIT_SUM, AUDIT_EXPLAINED, AUDIT_UNEXPLAINED, AUDIT_NOTE };

enum { AUDIT_SECTIONS_MAX = 32, AUDIT_VERDICTS = 4 };

struct audit_section {
	char name[32];
	uint64_t counts[AUDIT_VERDICTS], shown[AUDIT_VERDICTS];
	/* Sums, and what was found. */
	struct buf sums, findings, sums_json, findings_json;
};

struct audit_report {
	uint64_t most; /* findings of a verdict shown in a section */
	struct audit_section sections[AUDIT_SECTIONS_MAX];
	size_t count;
	bool is_incomplete; /* memory ran out */
};

void audit_report_init(struct audit_report *report, uint64_t most);
void audit_report_finish(struct audit_report *report);

/** One row. `json` is an object. */
void audit_report_add(struct audit_report *report, const char *section, enum audit_verdict verdict,
	const char *line, const char *json);
uint64_t audit_report_total(const struct audit_report *report, enum audit_verdict verdict);

void audit_report_text(const struct audit_report *report, struct buf *to);
/** The sections as members of the object that is open. */
void audit_report_json(const struct audit_report *report, struct json *json);

#endif
