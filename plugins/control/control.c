/*
 * control: the REST service: streaming control, status, coverage, data, metrics, the status page,
 * and the names that older collectors answered to.
 *
 * Asks       the core and other plugins, by command; it knows nothing of its own
 * Reload     the listener and its connections stay; questions under way are handed over and
 * answered Config     services: { control: { listen: 127.0.0.1:8080 } }
 *
 * core: socket > HTTP > guard | here: on_request > control_dispatch > route_* > control_ask | core,
 * feed or sink | here: control_on_reply > route_*_answer | core: socket
 */
#include "control.h"

#include <stdlib.h>
#include <string.h>

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION "1.0" /* the tests of reloading build a second one */
#endif

static const struct fl_option option_table[] = {
	{ "listen", FL_STRING, offsetof(struct options, listen), "127.0.0.1:8080", "address and port",
		.flags = FL_OPTION_LIVE },
	{ "token", FL_SECRET, offsetof(struct options, token), "",
		"bearer token; needed on an address that is not loopback", .flags = FL_OPTION_LIVE },
	{ "trust", FL_NAMES, offsetof(struct options, trust), "[]",
		"networks that need no token, [172.18.0.0/16]", .flags = FL_OPTION_LIVE },
	{ "connection_limit", FL_INT, offsetof(struct options, connection_limit), "256",
		"connections at once; more are answered 503", .min = "1", .max = "10000",
		.flags = FL_OPTION_LIVE },
	{ "request_timeout", FL_DURATION, offsetof(struct options, request_timeout_ns), "10s",
		"for a request's head and body to arrive", .min = "1s", .max = "5m",
		.flags = FL_OPTION_LIVE },
	{ 0 },
};

/* ---- options ---- */

static bool is_loopback(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 ||
		strncmp(listen, "localhost:", 10) == 0;
}

/* What the listener would refuse at start is found by `feedloom check` too. */
static void check(const void *given, struct fl_check *errors)
{
	const struct options *options = given;
	const char *port = strrchr(options->listen, ':');

	if (port == NULL || port == options->listen || port[1] == '\0' ||
		strspn(port + 1, "0123456789") != strlen(port + 1) || strtol(port + 1, NULL, 10) > 65535)
		fl_check_error(errors, "listen", "an address and a port, like 127.0.0.1:8080, not \"%s\"",
			options->listen);
	else if (!is_loopback(options->listen) && *options->token == '\0' && options->trust.count == 0)
		fl_check_error(errors, "listen",
			"%s can be reached from the network: set `token`, or the networks to `trust`",
			options->listen);
}

/* ---- life ---- */

/* What goes wrong is logged by the core, with the address and the remedy. */
static int listen_as_configured(struct control *self)
{
	static const char *const open[] = { "/livez", "/healthz", "/health", NULL };
	const struct fl_listen how = { .address = self->options->listen,
		.guarded = true,
		.token = self->options->token,
		.trust = self->options->trust,
		.open_paths = { open, 3 },
		.connection_limit = (int)self->options->connection_limit,
		.request_timeout_ns = self->options->request_timeout_ns };

	return fl_listen(self->ctx, LISTENER, &how);
}

static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	struct control *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return -ENOMEM;
	self->ctx = ctx;
	self->options = options;
	*state = self;
	return 0;
}

static int start(void *state)
{
	return listen_as_configured(state);
}

static int reconfigure(void *state, const void *options)
{
	struct control *self = state;

	self->options = options;
	return listen_as_configured(self);
}

static void on_request(
	void *state, int listener, int exchange, const struct fl_http_request *request)
{
	struct call call = {
		.control = state, .exchange = exchange, .request = request, .connection = -1
	};

	(void)listener;
	control_dispatch(&call);
}

FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = FL_PLUGIN_ABI,
	.size = sizeof(struct fl_plugin),
	.name = "control",
	.version = PLUGIN_VERSION,
	.role = FL_SERVICE,
	.state_version = 1,
	.summary = "REST, metrics and the status page",
	.options = option_table,
	.options_size = sizeof(struct options),
	.check = check,
	.create = create,
	.destroy = free,
	.start = start,
	.reconfigure = reconfigure,
	.on_request = on_request,
	.on_reply = control_on_reply,
	.save = control_save,
	.restore = control_restore,
};
