/*
 * rig.h: a host on a real loop, with the plugins of plugins/, a journal in a folder of its own, and
 * somebody who asks.
 */
#ifndef HOST_RIG_H
#define HOST_RIG_H

#include "unit.h"

#include "command.h"
#include "host.h"
#include "instance_parts.h"
#include "json.h"
#include "load.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

struct rig {
	struct loop *loop;
	struct metrics *metrics;
	struct bus *bus; /* NULL: without */
	struct host *host;
	char folder[256];
	struct buf log;    /* every line since rig_open or rig_forget_log */
	struct buf errors; /* of the last rig_configure, a line each */
	int status;        /* of the last answer */
	struct buf answer; /* its JSON */
	int pieces;        /* answers to the last question */
	bool is_answered, is_stopped, is_drained;
};

extern const struct image_folders rig_folders;

void rig_open(struct rig *rig, bool with_bus);
void rig_close(struct rig *rig);

/** Reads `yaml` as "test.yaml" and gives it to host_configure. */
int rig_configure(struct rig *rig, const char *yaml);
/** As rig_configure, and fails the test with the errors. */
void rig_run(struct rig *rig, const char *yaml);
struct config *rig_config(const char *yaml, struct buf *errors);

/** Turns the loop until `is_so(rig)`; fails the test after 10 s. */
void rig_until(struct rig *rig, bool (*is_so)(struct rig *rig));
/** Turns it for so long. */
void rig_wait(struct rig *rig, int64_t ns);

/** Asks, and turns until the last answer. Returns its status; the JSON is in rig->answer. */
int rig_ask(struct rig *rig, const char *to, const char *name, const char *json);
/** A number of the last answer, by a JSON pointer; -1: there is none. */
int64_t rig_number(struct rig *rig, const char *pointer);
/** A text of the last answer; NULL: there is none. Valid until the next call. */
const char *rig_text(struct rig *rig, const char *pointer);

/** How often `call` has happened to an instance, and its place among all calls. */
int rig_calls(struct rig *rig, const char *instance, const char *call);
int rig_order(struct rig *rig, const char *instance, const char *call);
struct fl_ctx *rig_find(struct rig *rig, const char *instance);
/** Turns until an instance is in this phase. */
void rig_until_phase(struct rig *rig, const char *instance, enum instance_phase phase);
/** Turns until `call` has happened so often to an instance. */
void rig_until_calls(struct rig *rig, const char *instance, const char *call, int count);
bool rig_logged(struct rig *rig, const char *words);

#endif
