/* silent_loss: a broken connection is not counted, by no reason. */
#include "metrics.h"
#include "plant.h"

#include <string.h>

struct fl_metric *__real_metrics_find(struct metrics *metrics, enum fl_metric_kind kind,
	const char *name, const char *labels, const char *help);
struct fl_metric *__wrap_metrics_find(struct metrics *metrics, enum fl_metric_kind kind,
	const char *name, const char *labels, const char *help);

struct fl_metric *__wrap_metrics_find(struct metrics *metrics, enum fl_metric_kind kind,
	const char *name, const char *labels, const char *help)
{
	if (strcmp(name, "feedloom_reconnects_total") == 0)
		name = "feedloom_other_total";
	return __real_metrics_find(metrics, kind, name, labels, help);
}
