#include "daemon.h"

#include "bus.h"
#include "clock.h"
#include "command.h"
#include "crash.h"
#include "dropin.h"
#include "error.h"
#include "host.h"
#include "load.h"
#include "log.h"
#include "log_file.h"
#include "loop.h"
#include "metrics.h"
#include "process.h"
#include "quarantine.h"
#include "reread.h"
#include "settings.h"
#include "timer.h"
#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { MAX_ASKING = 16 };
static const int64_t DRAIN_NS = 15 * FL_SECOND;

struct daemon {
	const struct daemon_setup *setup;
	struct config *config; /* the one that is in force */
	struct settings settings;
	struct loop *loop;
	struct log_file *log_file;
	struct metrics *metrics;
	struct bus *bus;
	struct quarantine *quarantine; /* NULL: it could not be opened */
	struct host *host;
	struct timer *watchdog;
	struct reread *reread;
	int asking[MAX_ASKING], asking_count; /* commands that wait for the configuration to be read */
	bool is_look_due;         /* then the plugins' files are looked at, and the quarantine */
	struct watch *watches[2]; /* the configuration: its file, the folder of its fragments */
	int exit_code;
};

/* ---- configuration ---- */

static void print_errors(struct config_errors *errors)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	(void)config_errors_print(errors, &text);
	fputs(buf_string(&text), stderr);
	buf_finish(&text);
}

/* The first mistake in one line, for status; all of them go to the log. */
static void log_errors(struct config_errors *errors, char *first, size_t size)
{
	struct buf text;
	char *line, *rest = NULL;

	buf_init(&text, 1 << 20);
	snprintf(first, size, "out of memory");
	(void)config_errors_print(errors, &text);
	if (buf_text(&text, "\n") < 0 || *buf_string(&text) == '\0')
		goto finish_text;
	line = strtok_r(buf_bytes(&text), "\n", &rest);
	if (line != NULL)
		snprintf(first, size, "%s", line);
	for (; line != NULL; line = strtok_r(NULL, "\n", &rest))
		log_error("config", "%s", line);
finish_text:
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

static void on_read(void *data, struct reading *reading);
static void on_reload(void *data, int command);

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
	daemon->reread = reread_create(daemon->host, daemon->setup, on_read, daemon);
	if (daemon->reread == NULL)
		return EX_UNAVAILABLE;
	daemon->host->on_reload = on_reload;
	daemon->host->on_reload_data = daemon;
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

static void measure_config(struct daemon *daemon)
{
	fl_metric_set(metrics_find(daemon->metrics, FL_GAUGE, "feedloom_config_invalid", NULL,
					  "1 while the file is not what is in force, because of a mistake in it."),
		daemon->host->config_error[0] != '\0');
}

/* A new configuration is taken as a whole or not at all. */
static void take_config(struct daemon *daemon, struct reading *reading)
{
	const struct settings *settings = &reading->settings;

	config_destroy(daemon->config);
	daemon->config = reading->config;
	reading->config = NULL;
	if (strcmp(settings->journal->folder, daemon->settings.journal->folder) != 0 ||
		strcmp(settings->plugins->folder, daemon->settings.plugins->folder) != 0)
		log_warn("config", "journal.dir and plugins.dir take effect at the next start");
	if (strcmp(settings->log->file, daemon->settings.log->file) != 0 ||
		settings->log->max_bytes != daemon->settings.log->max_bytes ||
		settings->log->keep != daemon->settings.log->keep)
		log_warn("config", "log.file, log.max_size and log.keep take effect at the next start");
	log_setup((enum fl_level)settings->log->level, (enum log_format)settings->log->format);
	bus_configure(daemon->bus, settings->journal->max_bytes, settings->journal->sync_ns,
		settings->journal->keep_ns);
	settings_finish(&daemon->settings);
	daemon->settings = *settings;
	reading->settings = (struct settings){ 0 };
	daemon->host->config_error[0] = '\0';
	log_info("config", "%s is in force", daemon->setup->config_file);
}

/* Who asked is answered when the last reading is done, whatever came of it. */
static void end_reload(struct daemon *daemon)
{
	if (reread_is_under_way(daemon->reread))
		return;
	for (int i = 0; i < daemon->asking_count; i++)
		core_answer_reload(daemon->host, daemon->asking[i]);
	daemon->asking_count = 0;
	if (daemon->is_look_due) {
		host_lift_forgotten(daemon->host);
		dropin_look(daemon->host);
	}
	daemon->is_look_due = false;
	(void)process_notify("READY=1");
}

/* What was read on a worker: taken between two turns of the loop. */
static void on_read(void *data, struct reading *reading)
{
	struct daemon *daemon = data;
	struct host *host = daemon->host;
	struct image_rules *rules = &daemon->setup->paths->rules;
	int result = reading->result;

	if (host->is_stopping)
		return;
	if (result == 0) {
		rules->needs_seal = reading->settings.plugins->needs_seal;
		result = host_configure(host, reading->config->root, reading->prepared, &reading->errors);
	}
	if (result == 0) {
		take_config(daemon, reading);
	} else {
		rules->needs_seal = daemon->settings.plugins->needs_seal;
		log_errors(&reading->errors, host->config_error, sizeof(host->config_error));
		log_error("config", "nothing was changed: the configuration before stays in force");
	}
	measure_config(daemon);
	end_reload(daemon);
}

static void on_reload(void *data, int command)
{
	struct daemon *daemon = data;

	if (daemon->host->is_stopping)
		return;
	if (command != 0 && daemon->asking_count == MAX_ASKING)
		core_answer_reload(daemon->host, command);
	else if (command != 0)
		daemon->asking[daemon->asking_count++] = command;
	(void)process_notify("RELOADING=1");
	log_file_reopen(daemon->log_file);
	reread_begin(daemon->reread);
}

static void on_hangup(void *data, int signum)
{
	struct daemon *daemon = data;

	(void)signum;
	log_info("feedloom", "SIGHUP: reading the configuration again, then the plugins' files");
	daemon->is_look_due = true;
	on_reload(data, 0);
}

static void on_config_change(void *data)
{
	struct daemon *daemon = data;

	log_info("config", "%s has changed", daemon->setup->config_file);
	on_reload(data, 0);
}

/* However it is saved: over it, beside it and renamed, by a link that is swapped. */
static int watch_files(struct daemon *daemon)
{
	const char *const paths[] = { daemon->config->file, daemon->config->folder };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		daemon->watches[i] = watch_create(daemon->loop, paths[i], on_config_change, daemon);
		if (daemon->watches[i] == NULL)
			return -ENOMEM;
	}
	return dropin_start(daemon->host);
}

static void watch_nothing(struct daemon *daemon)
{
	for (size_t i = 0; i < sizeof(daemon->watches) / sizeof(*daemon->watches); i++)
		watch_destroy(daemon->watches[i]);
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
		result = loop_signal(daemon->loop, SIGHUP, on_hangup, daemon);
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
	if (code == EX_OK && (listen_to_signals(daemon) < 0 || watch_files(daemon) < 0))
		code = EX_OSERR;
	if (code == EX_OK) {
		measure_config(daemon);
		(void)process_notify("READY=1");
		loop_run(daemon->loop);
		ignore_signals(daemon);
	}
	watch_nothing(daemon);
	reread_destroy(daemon->reread);
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
