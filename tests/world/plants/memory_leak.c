/* memory_leak: a buffer for each message, and nobody frees it. */
#include "instance.h"
#include "plant.h"

#include <stdlib.h>

void __real_instance_message(struct fl_ctx *ctx, int conn, const struct fl_message *message);
void __wrap_instance_message(struct fl_ctx *ctx, int conn, const struct fl_message *message);

void __wrap_instance_message(struct fl_ctx *ctx, int conn, const struct fl_message *message)
{
	static void *last;

	last = malloc(8192);
	if (last != NULL)
		__real_instance_message(ctx, conn, message);
}
