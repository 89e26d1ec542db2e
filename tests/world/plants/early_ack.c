/* early_ack: a batch is acknowledged as it is handed out, before its store has committed it. */
#include "instance.h"
#include "plant.h"

bool __real_instance_on_batch(struct fl_ctx *ctx, const char *stream, const struct fl_batch *batch);
bool __wrap_instance_on_batch(struct fl_ctx *ctx, const char *stream, const struct fl_batch *batch);

bool __wrap_instance_on_batch(struct fl_ctx *ctx, const char *stream, const struct fl_batch *batch)
{
	struct fl_position to = batch->to;
	bool is_taken = __real_instance_on_batch(ctx, stream, batch);

	fl_ack(ctx, stream, &to);
	return is_taken;
}
