#include "probe.h"

#include "clock.h"
#include "error.h"
#include "instance_parts.h"
#include "plan.h"
#include "timer.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t PROBE_TIMEOUT_NS = 30 * FL_SECOND;

struct probe {
	struct host *host;
	struct plan plan;
	struct fl_ctx *ctx; /* under way */
	bool has_failed, is_done;
	int failed;
	int64_t started_ns, step_ns;
	struct timer *timer; /* looks for the end of one, begins the next */
	void (*on_line)(void *data, const char *line);
	void (*on_done)(void *data, int failed);
	void *data;
};

static int64_t now_ns(const struct probe *probe)
{
	clock_refresh(probe->host->parts.loop);
	return clock_monotonic_ns(probe->host->parts.loop);
}

void probe_step(struct fl_ctx *ctx, int status, const char *text)
{
	struct probe *probe = ctx->host->probe;
	int64_t now;
	char line[768];

	if (probe == NULL || probe->ctx != ctx)
		return;
	now = now_ns(probe);
	snprintf(line, sizeof(line), "%-8s %s  %s  %.0f ms", status == 0 ? "ok" : "FAILED", ctx->name,
		text, (double)(now - probe->step_ns) / 1e6);
	probe->step_ns = now;
	probe->has_failed |= status != 0;
	probe->on_line(probe->data, line);
}

void probe_done(struct fl_ctx *ctx)
{
	struct probe *probe = ctx->host->probe;

	if (probe != NULL && probe->ctx == ctx)
		probe->is_done = true;
}

static void begin(struct probe *probe, struct planned *planned)
{
	struct fl_ctx *ctx;
	int result;

	probe->is_done = probe->has_failed = false;
	probe->started_ns = probe->step_ns = now_ns(probe);
	if (instance_create(probe->host, planned, &ctx) < 0) {
		probe->failed++;
		probe->on_line(probe->data, "FAILED   out of memory");
		return;
	}
	probe->ctx = ctx;
	if (ctx->plugin->probe == NULL) {
		probe->is_done = true; /* a service, or a plugin with nothing to try */
		return;
	}
	result = instance_probe(ctx);
	if (result == 0)
		return;
	probe_step(ctx, result, error_text(result));
	probe->is_done = true;
}

static void end(struct probe *probe)
{
	struct fl_ctx *ctx = probe->ctx;

	if (!probe->is_done)
		probe_step(ctx, -ETIMEDOUT, "no answer within 30 s");
	probe->failed += probe->has_failed;
	probe->ctx = NULL;
	instance_destroy(ctx);
}

static void finish(struct probe *probe)
{
	void (*on_done)(void *data, int failed) = probe->on_done;
	void *data = probe->data;
	int failed = probe->failed;

	probe->host->probe = NULL;
	timer_destroy(probe->timer);
	plan_finish(&probe->plan);
	free(probe);
	on_done(data, failed);
}

static void on_look(void *data)
{
	struct probe *probe = data;
	struct planned *planned;

	if (probe->ctx != NULL) {
		if (!probe->is_done && now_ns(probe) - probe->started_ns < PROBE_TIMEOUT_NS)
			return;
		end(probe);
	}
	if (list_is_empty(&probe->plan.items)) {
		finish(probe);
		return;
	}
	planned = container_of(probe->plan.items.next, struct planned, link);
	list_remove(&planned->link);
	begin(probe, planned);
	planned_destroy(planned);
}

int host_probe(struct host *host, const struct node *root, struct config_errors *errors,
	void (*on_line)(void *data, const char *line), void (*on_done)(void *data, int failed),
	void *data)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int result;

	if (probe == NULL)
		return -ENOMEM;
	*probe = (struct probe){ .host = host, .on_line = on_line, .on_done = on_done, .data = data };
	result = plan_make(&host->parts.folders, host->parts.state_folder, root, errors, &probe->plan);
	if (result < 0)
		goto free_probe;
	probe->timer = timer_create(host->parts.loop, on_look, probe);
	if (probe->timer == NULL) {
		result = -ENOMEM;
		goto free_probe;
	}
	host->probe = probe;
	timer_start(probe->timer, 0, 10 * FL_MS);
	return 0;

free_probe:
	plan_finish(&probe->plan);
	free(probe);
	return result;
}
