/*
 * daemon_reload.c: a file has changed, SIGHUP or a command: the configuration is read on a worker
 * (reread.c) and taken as a whole or not at all.
 */
#include "daemon_inside.h"

#include "command.h"
#include "dropin.h"
#include "log.h"
#include "metrics.h"
#include "process.h"

#include <stdio.h>
#include <string.h>

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
	if (!reread_is_under_way(daemon->reread)) /* no memory */
		end_reload(daemon);
}

void daemon_on_hangup(void *data, int signum)
{
	struct daemon *daemon = data;

	(void)signum;
	log_info("feedloom", "SIGHUP: reading the configuration again, then the plugins' files");
	daemon->is_look_due = true;
	on_reload(data, 0);
}

int daemon_reload_open(struct daemon *daemon)
{
	daemon->reread = reread_create(daemon->host, daemon->setup, on_read, daemon);
	if (daemon->reread == NULL)
		return -ENOMEM;
	daemon->host->on_reload = on_reload;
	daemon->host->on_reload_data = daemon;
	return 0;
}

static void on_config_change(void *data)
{
	struct daemon *daemon = data;

	log_info("config", "%s has changed", daemon->setup->config_file);
	on_reload(data, 0);
}

/* However it is saved: over it, beside it and renamed, by a link that is swapped. */
int daemon_reload_watch(struct daemon *daemon)
{
	const char *const paths[] = { daemon->config->file, daemon->config->folder };

	measure_config(daemon);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		daemon->watches[i] = watch_create(daemon->loop, paths[i], on_config_change, daemon);
		if (daemon->watches[i] == NULL)
			return -ENOMEM;
	}
	return dropin_start(daemon->host);
}

void daemon_reload_close(struct daemon *daemon)
{
	for (size_t i = 0; i < sizeof(daemon->watches) / sizeof(*daemon->watches); i++)
		watch_destroy(daemon->watches[i]);
	reread_destroy(daemon->reread);
}
