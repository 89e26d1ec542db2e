#include "daemon_inside.h"

#include "bus.h"
#include "clock.h"
#include "crash.h"
#include "error.h"
#include "host.h"
#include "load.h"
#include "log.h"
#include "log_file.h"
#include "loop.h"
#include "metrics.h"
#include "process.h"
#include "quarantine.h"
#include "settings.h"
#include "timer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const int64_t DRAIN_NS = 15 * FL_SECOND;

/* ---- configuration ---- */

static void print_errors(struct config_errors *errors)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	(void)config_errors_print(errors, &text);
	fputs(buf_string(&text), stderr);
	buf_finish(&text);
}

static int load(struct daemon *daemon)
{
	struct config_errors errors;
	int result;

	config_errors_init(&errors);
	result = config_load(daemon->setup->config_file, NULL, &errors, &daemon->config);
	if (result == 0)
		result = settings_load(
			daemon->config->root, daemon->setup->paths->state, &errors, &daemon->settings);
	if (result < 0)
		print_errors(&errors);
	config_errors_finish(&errors);
	return result;
}

/* ---- the parts ---- */

static int64_t log_now(void *data)
{
	return clock_real_ns(data);
}

static int open_log(struct daemon *daemon)
{
	const struct log_settings *settings = daemon->settings.log;
	int result;

	log_setup((enum fl_level)settings->level, (enum log_format)settings->format);
	result = log_file_open(
		daemon->loop, settings->file, settings->max_bytes, (int)settings->keep, &daemon->log_file);
	if (result < 0) {
		fprintf(stderr, "%s: %s: check `log: { file }` and the folder's owner\n", settings->file,
			error_text(result));
		return result;
	}
	log_to(log_file_take, daemon->log_file);
	log_time(log_now, daemon->loop);
	return 0;
}

static void close_log(struct daemon *daemon)
{
	log_to(NULL, NULL);
	log_time(NULL, NULL);
	log_file_close(daemon->log_file);
}

static void on_bus_state(void *data, enum bus_state state, const char *reason)
{
	(void)data;
	if (state == BUS_OK)
		log_info("journal", "takes every record again");
	else
		log_error("journal", "degraded, records are being lost: %s", reason);
}

static const struct bus_owner bus_owner = { .on_state = on_bus_state };

static int open_bus(struct daemon *daemon)
{
	const struct journal_settings *settings = daemon->settings.journal;
	struct bus_setup setup = { .folder = settings->folder,
		.max_bytes = settings->max_bytes,
		.sync_ns = settings->sync_ns,
		.keep_ns = settings->keep_ns,
		.owner = &bus_owner,
		.data = daemon };
	long other = 0;
	int result = bus_open(daemon->loop, &setup, &other, &daemon->bus);

	switch (result) {
	case 0: return EX_OK;
	case -EWOULDBLOCK: return EX_UNAVAILABLE;
	case -EIO:
	case -EPROTONOSUPPORT:
	case -ENOMEM: return EX_IOERR;
	default:
		return EX_CANTCREAT; /* the folder: not ours, not there, full, read-only, a network's */
	}
}

/* A port in use is for whoever starts the program to see: it ends rather than run unseen. */
static bool are_services_up(const struct host *host)
{
	struct link *item, *following;

	list_each (item, following, &host->instances) {
		const struct fl_ctx *ctx = container_of(item, struct fl_ctx, link);

		if (ctx->role != FL_SERVICE || ctx->phase != INSTANCE_FAILED)
			continue;
		log_error("feedloom", "ends: the service %s did not start, see above", ctx->name);
		return false;
	}
	return true;
}

/* Who has crashed is known by the file beside the journal, whose lock says that it is ours. */
static void open_quarantine(struct daemon *daemon)
{
	if (quarantine_open(daemon->settings.journal->folder, &daemon->quarantine) == 0)
		crash_note_to(quarantine_note(daemon->quarantine), quarantine_trace(daemon->quarantine));
}

static void close_quarantine(struct daemon *daemon)
{
	crash_note_to(NULL, NULL);
	quarantine_close(daemon->quarantine);
}

static int open_host(struct daemon *daemon)
{
	struct host_parts parts = { .loop = daemon->loop,
		.metrics = daemon->metrics,
		.bus = daemon->bus,
		.folders = paths_folders(daemon->setup->paths),
		.state_folder = daemon->setup->paths->state,
		.quarantine = daemon->quarantine,
		.schema_folder = daemon->setup->paths->schema };
	struct config_errors errors;
	int result = host_open(&parts, &daemon->host);

	if (result < 0)
		return EX_UNAVAILABLE;
	if (daemon_reload_open(daemon) < 0)
		return EX_UNAVAILABLE;
	config_errors_init(&errors);
	result = host_configure(daemon->host, daemon->config->root, NULL, &errors);
	if (result < 0)
		print_errors(&errors);
	config_errors_finish(&errors);
	if (result < 0)
		return EX_CONFIG;
	return are_services_up(daemon->host) ? EX_OK : EX_UNAVAILABLE;
}

/* ---- signals ---- */

static void on_stopped(void *data, bool is_drained)
{
	struct daemon *daemon = data;

	log_info("feedloom", "stopped%s", is_drained ? ": everything is stored" : "");
	loop_stop(daemon->loop);
}

static void on_terminate(void *data, int signum)
{
	struct daemon *daemon = data;

	if (daemon->host->is_stopping)
		return;
	log_info("feedloom", "%s: stopping: feeds, then sinks, then services", strsignal(signum));
	(void)process_notify("STOPPING=1");
	host_stop(daemon->host, DRAIN_NS, on_stopped, daemon);
}

static void on_watchdog(void *data)
{
	(void)data;
	(void)process_notify("WATCHDOG=1");
}

static int listen_to_signals(struct daemon *daemon)
{
	int64_t interval_ns = process_watchdog_interval_ns();
	int result = loop_signal(daemon->loop, SIGTERM, on_terminate, daemon);

	if (result == 0)
		result = loop_signal(daemon->loop, SIGINT, on_terminate, daemon);
	if (result == 0)
		result = loop_signal(daemon->loop, SIGHUP, daemon_on_hangup, daemon);
	if (result < 0 || interval_ns == 0)
		return result;
	daemon->watchdog = timer_create(daemon->loop, on_watchdog, daemon);
	if (daemon->watchdog == NULL)
		return -ENOMEM;
	timer_start(daemon->watchdog, interval_ns, interval_ns);
	return 0;
}

static void ignore_signals(struct daemon *daemon)
{
	timer_destroy(daemon->watchdog);
	(void)loop_signal(daemon->loop, SIGTERM, NULL, NULL);
	(void)loop_signal(daemon->loop, SIGINT, NULL, NULL);
	(void)loop_signal(daemon->loop, SIGHUP, NULL, NULL);
}

/* ---- the program on one page ---- */

static void say_where(const struct daemon *daemon)
{
	log_info("feedloom", "version %s, pid %d, configuration %s", FEEDLOOM_VERSION, process_id(),
		daemon->setup->config_file);
	log_info("feedloom", "state %s, journal %s, drop-in plugins %s, schema %s",
		daemon->setup->paths->state, daemon->settings.journal->folder,
		daemon->settings.plugins->folder, daemon->setup->paths->schema);
}

static int run_opened(struct daemon *daemon)
{
	int code = open_bus(daemon);

	if (code != EX_OK)
		return code;
	open_quarantine(daemon);
	daemon->metrics = metrics_create();
	if (daemon->metrics == NULL)
		code = EX_UNAVAILABLE;
	else
		code = open_host(daemon);
	if (code == EX_OK && (listen_to_signals(daemon) < 0 || daemon_reload_watch(daemon) < 0))
		code = EX_OSERR;
	if (code == EX_OK) {
		(void)process_notify("READY=1");
		loop_run(daemon->loop);
		ignore_signals(daemon);
	}
	daemon_reload_close(daemon);
	host_close(daemon->host);
	close_quarantine(daemon);
	bus_close(daemon->bus);
	metrics_destroy(daemon->metrics);
	return code;
}

int daemon_run(const struct daemon_setup *setup)
{
	struct daemon daemon = { .setup = setup };
	int code = EX_CONFIG;

	if (load(&daemon) < 0)
		goto destroy_config;
	paths_take(setup->paths, daemon.settings.plugins);
	code = EX_UNAVAILABLE;
	if (loop_open(&daemon.loop) < 0)
		goto finish_settings;
	process_harden();
	crash_watch();
	if (setup->user != NULL && process_become(setup->user) < 0) {
		fprintf(stderr, "cannot become user %s: is there one, and is this root?\n", setup->user);
		code = EX_NOUSER;
		goto close_loop;
	}
	code = EX_CANTCREAT;
	if (open_log(&daemon) < 0)
		goto close_loop;
	say_where(&daemon);
	code = run_opened(&daemon);
	close_log(&daemon);
close_loop:
	loop_close(daemon.loop);
finish_settings:
	settings_finish(&daemon.settings);
destroy_config:
	config_destroy(daemon.config);
	return code;
}
