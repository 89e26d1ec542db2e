/* unsaid_reason: what goes wrong is never complained of. */
#include <feedloom/log.h>

#include "plant.h"

void __wrap_fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...);

void __wrap_fl_complain(struct fl_ctx *ctx, const char *what, const char *format, ...)
{
	(void)ctx;
	(void)what;
	(void)format;
}
