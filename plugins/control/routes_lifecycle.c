/*
 * routes_lifecycle.c: what the lifecycle service is asked: a refresh now, and rehearsals.
 */
#include "control.h"

#include <stdlib.h>

static void ask(struct call *call, const char *command, const char *members)
{
	yyjson_doc *doc = control_body(call, members);
	char *json;

	if (doc == NULL)
		return;
	json = yyjson_write(doc, 0, NULL);
	yyjson_doc_free(doc);
	control_ask(call, "role:service", command, json);
	free(json);
}

void route_lifecycle_refresh(struct call *call)
{
	ask(call, "lifecycle_refresh", "feed");
}

void route_lifecycle_rehearsal(struct call *call)
{
	ask(call, "lifecycle_rehearsal", "feed,instrument,expires_in,hide");
}

void route_lifecycle_answer(struct call *call, int status, const char *json)
{
	control_pass(call, status, json);
}
