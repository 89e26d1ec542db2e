/* audit.c: the files of an audit folder, with the period put in. */
#include "audit.h"
#include "error.h"
#include "file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 18, MAX_FILES = 100 };

struct loading {
	const char *folder;
	const struct audit_period *period;
	struct audit_queries *out;
	struct buf *why;
};

/* "trades" of "10_trades.sql". NULL: another kind of file. */
static char *section_of(const char *name)
{
	size_t number = strspn(name, "0123456789"), length = strlen(name);

	if (number == 0 || name[number] != '_' || length < number + 6 ||
		strcmp(name + length - 4, ".sql") != 0)
		return NULL;
	return strndup(name + number + 1, length - number - 5);
}

static bool put_value(struct buf *sql, const char **at, const char *name, int64_t value)
{
	size_t length = strlen(name);

	if (strncmp(*at, name, length) != 0)
		return false;
	(void)buf_printf(sql, "%" PRId64, value);
	*at += length;
	return true;
}

/* Numbers only, so there is nothing to escape. */
static char *fill_in(const char *text, const struct audit_period *period)
{
	struct buf sql;
	char *out;

	buf_init(&sql, 2 * MAX_FILE_BYTES);
	while (*text != '\0') {
		size_t plain = strcspn(text, ":");

		(void)buf_append(&sql, text, plain);
		text += plain;
		if (*text == '\0' || put_value(&sql, &text, ":from_us", period->from_us) ||
			put_value(&sql, &text, ":to_us", period->to_us) ||
			put_value(&sql, &text, ":silence_us", period->silence_us))
			continue;
		(void)buf_append(&sql, text++, 1);
	}
	out = sql.failed ? NULL : strdup(buf_string(&sql));
	buf_finish(&sql);
	return out;
}

static int load_one(struct loading *loading, const char *name, char *section)
{
	struct audit_queries *out = loading->out;
	struct audit_query *items = realloc(out->items, (out->count + 1) * sizeof(*items));
	char path[4096], *text = NULL;
	size_t length;
	int error;

	if (items == NULL) {
		free(section);
		return -ENOMEM;
	}
	out->items = items;
	items[out->count] = (struct audit_query){ .section = section };
	(void)snprintf(path, sizeof(path), "%s/%s", loading->folder, name);
	error = file_load(path, MAX_FILE_BYTES, &text, &length);
	if (error == 0 && (items[out->count].sql = fill_in(text, loading->period)) == NULL)
		error = -ENOMEM;
	out->count++; /* audit_finish frees it, whole or not */
	free(text);
	if (error != 0)
		(void)buf_printf(loading->why, "%s: %s", path, error_text(error));
	return error;
}

static int on_name(void *data, const char *name)
{
	struct loading *loading = data;
	char *section = section_of(name);

	if (section == NULL)
		return 0;
	if (loading->out->count == MAX_FILES) {
		free(section);
		return -EFBIG;
	}
	return load_one(loading, name, section);
}

int audit_load(const char *folder, const struct audit_period *period, struct audit_queries *out,
	struct buf *why)
{
	struct loading loading = { folder, period, out, why };
	int error;

	*out = (struct audit_queries){ 0 };
	error = file_list(folder, on_name, &loading);
	if (error == 0 && out->count == 0)
		error = -ENOENT;
	if (error != 0 && buf_length(why) == 0)
		(void)buf_printf(why, "%s: %s; these files are installed with feedloom", folder,
			error == -ENOENT ? "nothing to ask there" : error_text(error));
	if (error != 0)
		audit_finish(out);
	return error;
}

int audit_load_file(const char *folder, const char *name, const struct audit_period *period,
	struct audit_queries *out, struct buf *why)
{
	struct loading loading = { folder, period, out, why };
	char *section = strndup(name, strcspn(name, "."));
	int error;

	*out = (struct audit_queries){ 0 };
	error = section == NULL ? -ENOMEM : load_one(&loading, name, section);
	if (error != 0)
		audit_finish(out);
	return error;
}

void audit_finish(struct audit_queries *queries)
{
	for (size_t i = 0; i < queries->count; i++) {
		free(queries->items[i].section);
		free(queries->items[i].sql);
	}
	free(queries->items);
	*queries = (struct audit_queries){ 0 };
}
