/*
 * pg_target: a connection string of the configuration. What it names can be shown, and what is said
 * of a bad one repeats nothing of it: it may hold a password.
 *
 * input: the string
 */
#include "fuzz.h"
#include "pg_target.h"

#define PASSWORD "vr4-0Qk7-zzW"

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

/* The password is a word that no message has of itself; `before` and `after` are a way of writing
 * it. */
static void check_secret(const char *before, const char *after, const char *foreign)
{
	struct buf url, why;
	struct pg_target target;

	buf_init(&url, 0);
	buf_init(&why, 0);
	CHECK(buf_printf(&url, "%s" PASSWORD "%s%s", before, after, foreign) == 0);
	if (pg_target_init(&target, buf_string(&url), "feedloom", false, &why) == 0)
		pg_target_finish(&target);
	CHECK(strstr(buf_string(&why), PASSWORD) == NULL);
	buf_finish(&why);
	buf_finish(&url);
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
	}
	buf_finish(&why);
	check_secret("postgresql://feedloom:", "@", url);
	check_secret("password=", " ", url);
	check_secret("password=", "", url);
	free(url);
	return 0;
}
