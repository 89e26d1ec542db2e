#include "reread.h"

#include "log.h"
#include "worker.h"

#include <stdlib.h>

struct reread {
	struct host *host;
	const struct daemon_setup *setup;
	void (*on_read)(void *data, struct reading *reading);
	void *data;
	struct reading reading;   /* the worker's while it is at it */
	struct image_rules rules; /* the worker's: as the new configuration has them */
	bool is_reading, is_due, is_given_up;
};

struct reread *reread_create(struct host *host, const struct daemon_setup *setup,
	void (*on_read)(void *data, struct reading *reading), void *data)
{
	struct reread *reread = calloc(1, sizeof(*reread));

	if (reread == NULL)
		return NULL;
	*reread = (struct reread){ .host = host, .setup = setup, .on_read = on_read, .data = data };
	return reread;
}

static void finish(struct reading *reading)
{
	prepared_destroy(reading->prepared);
	config_errors_finish(&reading->errors);
	settings_finish(&reading->settings);
	config_destroy(reading->config);
}

/* On a worker. */
static void read_all(void *data)
{
	struct reread *reread = data;
	struct reading *reading = &reread->reading;

	reading->result =
		config_load(reread->setup->config_file, NULL, &reading->errors, &reading->config);
	if (reading->result == 0)
		reading->result = settings_load(reading->config->root, reread->setup->paths->state,
			&reading->errors, &reading->settings);
	if (reading->result < 0)
		return;
	reread->rules.needs_seal = reading->settings.plugins->needs_seal;
	prepared_open(reading->prepared, reading->config->root, &reread->rules);
}

static void on_done(void *data)
{
	struct reread *reread = data;

	reread->is_reading = false;
	if (!reread->is_given_up)
		reread->on_read(reread->data, &reread->reading);
	finish(&reread->reading);
	if (reread->is_given_up)
		free(reread);
	else if (reread->is_due)
		reread_begin(reread);
}

void reread_begin(struct reread *reread)
{
	struct loop *loop = reread->host->parts.loop;

	reread->is_due = reread->is_reading;
	if (reread->is_reading)
		return;
	reread->reading = (struct reading){ .result = 0 };
	config_errors_init(&reread->reading.errors);
	reread->rules = reread->setup->paths->rules;
	reread->reading.prepared = prepared_create(&reread->host->parts.folders);
	if (reread->reading.prepared != NULL && worker_run(loop, read_all, on_done, reread) == 0) {
		reread->is_reading = true;
		return;
	}
	finish(&reread->reading);
	log_error("config", "not read: out of memory");
}

bool reread_is_under_way(const struct reread *reread)
{
	return reread->is_reading || reread->is_due;
}

void reread_destroy(struct reread *reread)
{
	if (reread == NULL)
		return;
	reread->is_given_up = true;
	if (!reread->is_reading)
		free(reread);
}
