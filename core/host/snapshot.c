#include "snapshot.h"

#include "map.h"

#include <stdlib.h>
#include <string.h>

enum value_type { VALUE_INT = 1, VALUE_REAL, VALUE_TEXT, VALUE_BYTES, VALUE_JOB };
enum { SNAPSHOT_MAX_BYTES = 64 << 20 };

struct value {
	enum value_type type;
	size_t length;
	union {
		int64_t integer;
		double real;
	} number;
	char *taken;  /* bytes that were given as they are; NULL: those below */
	char bytes[]; /* texts are 0-terminated */
};

struct fl_snapshot {
	struct map *values;
	size_t bytes;
};

struct fl_snapshot *snapshot_create(void)
{
	struct fl_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot == NULL)
		return NULL;
	snapshot->values = map_create();
	if (snapshot->values != NULL)
		return snapshot;
	free(snapshot);
	return NULL;
}

static void free_value(struct value *value)
{
	if (value != NULL)
		free(value->taken);
	free(value);
}

void snapshot_destroy(struct fl_snapshot *snapshot)
{
	struct value *value;
	size_t at = 0;

	if (snapshot == NULL)
		return;
	while ((value = map_next(snapshot->values, &at, NULL, NULL)) != NULL)
		free_value(value);
	map_destroy(snapshot->values);
	free(snapshot);
}

static struct value *put(
	struct fl_snapshot *to, const char *key, enum value_type type, const void *bytes, size_t length)
{
	struct value *before = map_get(to->values, key, strlen(key));
	size_t others = to->bytes - (before == NULL ? 0 : before->length);
	struct value *value;

	if (length > SNAPSHOT_MAX_BYTES - others)
		return NULL;
	value = calloc(1, sizeof(*value) + length + 1);
	if (value == NULL)
		return NULL;
	value->type = type;
	value->length = length;
	if (length > 0)
		memcpy(value->bytes, bytes, length);
	if (map_set(to->values, key, strlen(key), value) < 0) {
		free(value);
		return NULL;
	}
	free_value(before);
	to->bytes = others + length;
	return value;
}

int fl_snapshot_put_int(struct fl_snapshot *to, const char *key, int64_t number)
{
	struct value *value = put(to, key, VALUE_INT, NULL, 0);

	if (value == NULL)
		return -ENOMEM;
	value->number.integer = number;
	return 0;
}

int fl_snapshot_put_real(struct fl_snapshot *to, const char *key, double number)
{
	struct value *value = put(to, key, VALUE_REAL, NULL, 0);

	if (value == NULL)
		return -ENOMEM;
	value->number.real = number;
	return 0;
}

int fl_snapshot_put_text(struct fl_snapshot *to, const char *key, const char *text)
{
	return put(to, key, VALUE_TEXT, text, strlen(text)) == NULL ? -ENOMEM : 0;
}

int fl_snapshot_put_bytes(struct fl_snapshot *to, const char *key, const void *bytes, size_t length)
{
	return put(to, key, VALUE_BYTES, bytes, length) == NULL ? -ENOMEM : 0;
}

int fl_snapshot_take_bytes(struct fl_snapshot *to, const char *key, void *bytes, size_t length)
{
	struct value *value =
		length > SNAPSHOT_MAX_BYTES - to->bytes ? NULL : put(to, key, VALUE_BYTES, NULL, 0);

	if (value == NULL) {
		free(bytes);
		return -ENOMEM;
	}
	value->taken = bytes;
	value->length = length;
	to->bytes += length;
	return 0;
}

static int get(
	const struct fl_snapshot *from, const char *key, enum value_type type, const struct value **out)
{
	const struct value *value = map_get(from->values, key, strlen(key));

	if (value == NULL)
		return -ENOENT;
	if (value->type != type)
		return -EINVAL;
	*out = value;
	return 0;
}

int fl_snapshot_get_int(const struct fl_snapshot *from, const char *key, int64_t *out)
{
	const struct value *value;
	int result = get(from, key, VALUE_INT, &value);

	if (result == 0)
		*out = value->number.integer;
	return result;
}

int fl_snapshot_get_real(const struct fl_snapshot *from, const char *key, double *out)
{
	const struct value *value;
	int result = get(from, key, VALUE_REAL, &value);

	if (result == 0)
		*out = value->number.real;
	return result;
}

int fl_snapshot_get_text(const struct fl_snapshot *from, const char *key, const char **out)
{
	const struct value *value;
	int result = get(from, key, VALUE_TEXT, &value);

	if (result == 0)
		*out = value->bytes;
	return result;
}

int fl_snapshot_get_bytes(
	const struct fl_snapshot *from, const char *key, const void **out, size_t *length)
{
	const struct value *value;
	int result = get(from, key, VALUE_BYTES, &value);

	if (result == 0) {
		*out = value->taken != NULL ? value->taken : value->bytes;
		*length = value->length;
	}
	return result;
}

int fl_sqlite_save_job(struct fl_snapshot *to, const char *key, struct fl_sqlite_job *job)
{
	return put(to, key, VALUE_JOB, &job, sizeof(job)) == NULL ? -ENOMEM : 0;
}

struct fl_sqlite_job *fl_sqlite_restore_job(const struct fl_snapshot *from, const char *key)
{
	struct fl_sqlite_job *job = NULL;
	const struct value *value;

	if (get(from, key, VALUE_JOB, &value) == 0)
		memcpy(&job, value->bytes, sizeof(job));
	return job;
}
