#include "rig.h"

#include "clock.h"

#include <dirent.h>
#include <unistd.h>

static const char *const folders[] = { TEST_PLUGINS };
const struct image_folders rig_folders = { .paths = folders, .count = 1 };

/* ---- making ---- */

static void take_line(void *data, const char *line, size_t length)
{
	struct rig *rig = data;

	(void)buf_append(&rig->log, line, length);
}

static void open_bus(struct rig *rig)
{
	char folder[300];
	struct bus_setup setup = {
		.folder = folder, .segment_bytes = 256 * 1024, .max_bytes = 4 << 20
	};

	(void)snprintf(folder, sizeof(folder), "%s/journal", rig->folder);
	assert_int_equal(bus_open(rig->loop, &setup, NULL, &rig->bus), 0);
}

void rig_open(struct rig *rig, bool with_bus)
{
	struct host_parts parts = { .folders = rig_folders, .schema_folder = "/nowhere" };

	*rig = (struct rig){ .status = -1 };
	(void)snprintf(rig->folder, sizeof(rig->folder), "/tmp/feedloom-host-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	buf_init(&rig->log, 0);
	buf_init(&rig->errors, 0);
	buf_init(&rig->answer, 0);
	log_to(take_line, rig);
	log_setup(FL_DEBUG, LOG_TEXT);
	assert_int_equal(loop_open(&rig->loop), 0);
	rig->metrics = metrics_create();
	assert_non_null(rig->metrics);
	if (with_bus)
		open_bus(rig);
	parts.loop = rig->loop;
	parts.metrics = rig->metrics;
	parts.bus = rig->bus;
	parts.state_folder = rig->folder;
	assert_int_equal(host_open(&parts, &rig->host), 0);
}

static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[600];

	if (dir == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (unlink(path) < 0)
			remove_folder(path);
	}
	closedir(dir);
	(void)rmdir(folder);
}

void rig_close(struct rig *rig)
{
	host_close(rig->host);
	bus_close(rig->bus);
	metrics_destroy(rig->metrics);
	loop_close(rig->loop);
	log_to(NULL, NULL);
	buf_finish(&rig->log);
	buf_finish(&rig->errors);
	buf_finish(&rig->answer);
	remove_folder(rig->folder);
}

/* ---- configuration ---- */

struct config *rig_config(const char *yaml, struct buf *errors)
{
	struct config_errors found;
	struct config *config = NULL;

	config_errors_init(&found);
	(void)config_load_text("test.yaml", yaml, strlen(yaml), NULL, &found, &config);
	(void)config_errors_print(&found, errors);
	config_errors_finish(&found);
	if (config == NULL)
		fail_msg("%s", buf_string(errors));
	return config;
}

int rig_configure(struct rig *rig, const char *yaml)
{
	struct config_errors errors;
	struct config *config;
	int result;

	buf_clear(&rig->errors, 0);
	config = rig_config(yaml, &rig->errors);
	config_errors_init(&errors);
	result = host_configure(rig->host, config->root, NULL, &errors);
	(void)config_errors_print(&errors, &rig->errors);
	config_errors_finish(&errors);
	config_destroy(config);
	return result;
}

void rig_run(struct rig *rig, const char *yaml)
{
	if (rig_configure(rig, yaml) != 0)
		fail_msg("%s", buf_string(&rig->errors));
}

/* ---- time ---- */

static const int64_t PATIENCE_NS = 60 * FL_SECOND;

static int64_t now_ns(struct rig *rig)
{
	clock_refresh(rig->loop);
	return clock_monotonic_ns(rig->loop);
}

void rig_until(struct rig *rig, bool (*is_so)(struct rig *rig))
{
	int64_t until_ns = now_ns(rig) + PATIENCE_NS;

	while (!is_so(rig)) {
		if (now_ns(rig) > until_ns)
			fail_msg("waited in vain; the log:\n%s", buf_string(&rig->log));
		loop_turn(rig->loop, false);
		(void)usleep(200);
	}
}

void rig_wait(struct rig *rig, int64_t ns)
{
	int64_t until_ns = now_ns(rig) + ns;

	do {
		loop_turn(rig->loop, false);
		(void)usleep(200);
	} while (now_ns(rig) < until_ns);
	loop_turn(rig->loop, false); /* what came due while this process stood still */
	loop_turn(rig->loop, false);
}

/* ---- questions ---- */

static void on_reply(void *data, int status, const char *json, bool more)
{
	struct rig *rig = data;

	rig->status = status;
	rig->pieces++;
	rig->is_answered = !more;
	buf_clear(&rig->answer, 0);
	(void)buf_text(&rig->answer, json);
}

static bool is_answered(struct rig *rig)
{
	return rig->is_answered;
}

int rig_ask(struct rig *rig, const char *to, const char *name, const char *json)
{
	rig->is_answered = false;
	rig->pieces = 0;
	assert_int_equal(command_ask(rig->host, to, name, json, 0, on_reply, rig), 0);
	rig_until(rig, is_answered);
	return rig->status;
}

static yyjson_doc *parse(struct rig *rig)
{
	yyjson_doc *doc =
		yyjson_read(buf_bytes(&rig->answer), buf_length(&rig->answer), YYJSON_READ_NOFLAG);

	assert_non_null(doc); /* whatever is answered is JSON */
	return doc;
}

int64_t rig_number(struct rig *rig, const char *pointer)
{
	yyjson_doc *doc = parse(rig);
	yyjson_val *value = yyjson_doc_ptr_get(doc, pointer);
	int64_t number = !yyjson_is_num(value) ? -1
		: yyjson_is_real(value)            ? (int64_t)yyjson_get_real(value)
										   : yyjson_get_sint(value);

	yyjson_doc_free(doc);
	return number;
}

const char *rig_text(struct rig *rig, const char *pointer)
{
	static char text[512];
	yyjson_doc *doc = parse(rig);
	const char *found = yyjson_get_str(yyjson_doc_ptr_get(doc, pointer));

	(void)snprintf(text, sizeof(text), "%s", found == NULL ? "" : found);
	yyjson_doc_free(doc);
	return found == NULL ? NULL : text;
}

/* ---- what has happened ---- */

static int value(struct rig *rig, enum fl_metric_kind kind, const char *name, const char *instance,
	const char *call)
{
	char labels[160];

	(void)snprintf(labels, sizeof(labels), "instance=\"%s\",call=\"%s\"", instance, call);
	return (int)fl_metric_value(metrics_find(rig->metrics, kind, name, labels, ""));
}

int rig_calls(struct rig *rig, const char *instance, const char *call)
{
	return value(rig, FL_COUNTER, "echo_calls", instance, call);
}

int rig_order(struct rig *rig, const char *instance, const char *call)
{
	return value(rig, FL_GAUGE, "echo_order", instance, call);
}

struct fl_ctx *rig_find(struct rig *rig, const char *instance)
{
	return host_find(rig->host, instance);
}

void rig_until_phase(struct rig *rig, const char *instance, enum instance_phase phase)
{
	int64_t until_ns = now_ns(rig) + PATIENCE_NS;

	for (;;) {
		struct fl_ctx *ctx = rig_find(rig, instance);

		if (ctx != NULL && ctx->phase == phase)
			return;
		if (now_ns(rig) > until_ns)
			fail_msg("%s is not in phase %d but %d; the log:\n%s", instance, phase,
				ctx == NULL ? -1 : (int)ctx->phase, buf_string(&rig->log));
		rig_wait(rig, 0);
	}
}

void rig_until_calls(struct rig *rig, const char *instance, const char *call, int count)
{
	int64_t until_ns = now_ns(rig) + PATIENCE_NS;

	while (rig_calls(rig, instance, call) < count) {
		if (now_ns(rig) > until_ns)
			fail_msg("%s: %s has happened %d times, not %d; the log:\n%s", instance, call,
				rig_calls(rig, instance, call), count, buf_string(&rig->log));
		rig_wait(rig, 0);
	}
}

bool rig_logged(struct rig *rig, const char *words)
{
	return strstr(buf_string(&rig->log), words) != NULL;
}
