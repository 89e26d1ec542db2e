/*
 * pg_target: a connection string of the configuration. What it names can be shown, and what is said
 * of a bad one repeats nothing of it: it may hold a password.
 *
 * input: the string
 */
#include "fuzz.h"
#include "pg_target.h"

void __wrap_log_hide(const char *secret);

void __wrap_log_hide(const char *secret)
{
	CHECK(secret != NULL && secret[0] != '\0');
}

static void check_label(const struct pg_target *target)
{
	char label[64], large[4096];

	pg_target_label(target, large, sizeof(large));
	CHECK(memchr(large, '\0', sizeof(large)) != NULL);
	memset(label, 'x', sizeof(label));
	pg_target_label(target, label, sizeof(label));
	CHECK(memchr(label, '\0', sizeof(label)) != NULL);
}

static void check_settings(const struct pg_target *target)
{
	CHECK(target->count < PG_SETTINGS_MAX && target->named_count <= PG_HOSTS_MAX);
	CHECK(target->keys[target->count] == NULL);
	for (size_t i = 0; i < target->count; i++)
		CHECK(target->keys[i] != NULL && target->values[i] != NULL);
}

/* What the remedy says anyhow is no secret: postgresql: for one. */
static bool is_in_the_remedy(const char *url)
{
	struct pg_target target;
	struct buf why;
	bool is_there;

	buf_init(&why, 0);
	CHECK(pg_target_init(&target, "?://", "feedloom", false, &why) == -EINVAL);
	is_there = strstr(buf_string(&why), url) != NULL;
	buf_finish(&why);
	return is_there;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = fuzz_text(data, size);
	struct pg_target target;
	struct buf why;
	int error;

	buf_init(&why, 0);
	error = pg_target_init(&target, url, "feedloom", false, &why);
	CHECK(error == 0 || error == -EINVAL);
	if (error == 0) {
		check_label(&target);
		check_settings(&target);
		pg_target_finish(&target);
	} else {
		CHECK(buf_length(&why) > 0);
		CHECK(strlen(url) < 8 || strstr(buf_string(&why), url) == NULL || is_in_the_remedy(url));
	}
	buf_finish(&why);
	free(url);
	return 0;
}
