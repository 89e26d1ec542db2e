/* pg_target.c: settings and hosts of a session. Each attempt looks the hosts up anew. */
#include "pg_target.h"
#include "error.h"
#include "log.h"
#include "process.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What we ask for where neither the url nor the environment does. */
static const struct {
	const char *key, *value;
} presets[] = {
	{ "gssencmode", "disable" }, /* its library would look up names on our loop */
	{ "keepalives_idle", "10" },
	{ "keepalives_interval", "5" },
	{ "keepalives_count", "3" },
	{ "tcp_user_timeout", "30000" },
};

/* ---- settings ---- */

static int set(struct pg_target *target, const char *key, const char *value)
{
	char *copy = strdup(value);
	size_t at = 0;

	while (at < target->count && strcmp(target->keys[at], key) != 0)
		at++;
	if (copy == NULL || at + 1 >= PG_SETTINGS_MAX) {
		free(copy);
		return -ENOMEM;
	}
	free(target->values[at]);
	target->keys[at] = key;
	target->values[at] = copy;
	if (at == target->count)
		target->count++;
	return 0;
}

static const char *get(const struct pg_target *target, const char *key)
{
	for (size_t i = 0; i < target->count; i++)
		if (strcmp(target->keys[i], key) == 0)
			return target->values[i];
	return "";
}

static const char *preset_of(const char *key, bool read_only)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(*presets); i++)
		if (strcmp(presets[i].key, key) == 0)
			return presets[i].value;
	/* Of a list of hosts only the one that takes writes will do. */
	return !read_only && strcmp(key, "target_session_attrs") == 0 ? "read-write" : NULL;
}

/* libpq's words are static: the keys outlive both lists. */
static const char *static_key(const char *key)
{
	static const char *const known[] = { "service", "user", "password", "passfile",
		"channel_binding", "connect_timeout", "dbname", "host", "hostaddr", "port",
		"client_encoding", "options", "application_name", "fallback_application_name", "keepalives",
		"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslmode",
		"sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslcertmode", "sslpassword",
		"sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requirepeer", "require_auth",
		"ssl_min_protocol_version", "ssl_max_protocol_version", "gssencmode", "krbsrvname",
		"gsslib", "gssdelegation", "target_session_attrs", "load_balance_hosts" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i], key) == 0)
			return known[i];
	return NULL;
}

static int take(struct pg_target *target, const PQconninfoOption *given,
	const PQconninfoOption *standard, bool read_only)
{
	for (; given->keyword != NULL; given++) {
		const PQconninfoOption *other = standard;
		const char *value = given->val, *key = static_key(given->keyword);

		if (key == NULL || strcmp(key, "service") == 0) /* the standard has the service's values */
			continue;
		while (other->keyword != NULL && strcmp(other->keyword, key) != 0)
			other++;
		if (value == NULL && other->envvar != NULL && process_environment(other->envvar) != NULL)
			value = other->val;
		if (value == NULL)
			value = preset_of(key, read_only);
		if (value == NULL)
			value = other->val;
		if (value == NULL || value[0] == '\0')
			continue;
		if (set(target, key, value) != 0)
			return -ENOMEM;
		if (strcmp(key, "password") == 0 || strcmp(key, "sslpassword") == 0)
			log_hide(value);
	}
	return 0;
}

/* Its file would be read by libpq alone, after the hosts were looked up. */
static int refuse_service(const PQconninfoOption *given, struct buf *why)
{
	for (; given->keyword != NULL; given++) {
		if (strcmp(given->keyword, "service") != 0 || given->val == NULL)
			continue;
		(void)buf_text(why,
			"service= is not known here: write what the service file says into the "
			"url, or set PGSERVICE");
		return -EINVAL;
	}
	return 0;
}

static int read_settings(struct pg_target *target, const char *url, bool read_only, struct buf *why)
{
	PQconninfoOption *standard = PQconndefaults(), *given;
	char *words = NULL;
	int error;

	if (standard == NULL)
		return -ENOMEM;
	given = PQconninfoParse(url == NULL ? "" : url, &words);
	PQfreemem(words); /* it repeats what it stumbled over, which may be the password */
	if (given == NULL) {
		PQconninfoFree(standard);
		(void)buf_text(why,
			"this is no connection string: write postgresql://USER@HOST:PORT/DATABASE, special "
			"characters in it as %XX, or keywords: host=HOST dbname=DATABASE user=USER");
		return -EINVAL;
	}
	error = refuse_service(given, why);
	if (error == 0)
		error = take(target, given, standard, read_only);
	PQconninfoFree(given);
	PQconninfoFree(standard);
	return error;
}

/* ---- hosts as they are named ---- */

/* The i-th of a comma-separated list, the only one for every i; NULL: there is none. */
static char *item(const char *list, size_t i)
{
	const char *end = strchr(list, ',');

	if (end == NULL)
		return strdup(list);
	for (; i > 0; i--) {
		if (end == NULL)
			return NULL;
		list = end + 1;
		end = strchr(list, ',');
	}
	return strndup(list, end == NULL ? strlen(list) : (size_t)(end - list));
}

static size_t items(const char *list)
{
	size_t count = 1;

	for (; *list != '\0'; list++)
		count += *list == ',';
	return count;
}

static void place_free(struct pg_place *place)
{
	free(place->host);
	free(place->address);
	free(place->port);
	*place = (struct pg_place){ 0 };
}

static int name_places(struct pg_target *target, struct buf *why)
{
	const char *hosts = get(target, "host"), *addresses = get(target, "hostaddr");
	const char *ports = get(target, "port");
	size_t count = items(addresses[0] != '\0' ? addresses : hosts);

	if (count > PG_HOSTS_MAX ||
		(addresses[0] != '\0' && hosts[0] != '\0' && items(hosts) != count) ||
		(items(ports) != 1 && items(ports) != count)) {
		(void)buf_printf(why,
			"host, hostaddr and port name different numbers of hosts, or more "
			"than %d",
			PG_HOSTS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		struct pg_place *place = &target->named[target->named_count++];

		place->host = item(hosts, i);
		place->address = item(addresses, i);
		place->port = item(ports, i);
		if (place->host == NULL || place->address == NULL || place->port == NULL)
			return -ENOMEM;
		if (place->port[0] == '\0') {
			free(place->port);
			place->port = strdup("5432");
		}
		if (place->port == NULL)
			return -ENOMEM;
	}
	return 0;
}

int pg_target_init(struct pg_target *target, const char *url, const char *application,
	bool read_only, struct buf *why)
{
	int error;

	*target = (struct pg_target){ 0 };
	error = read_settings(target, url, read_only, why);
	if (error == 0)
		error = name_places(target, why);
	if (error == 0)
		error = set(target, "client_encoding", "UTF8");
	if (error == 0 && get(target, "application_name")[0] == '\0')
		error = set(target, "application_name", application);
	if (error != 0)
		pg_target_finish(target);
	return error;
}

void pg_target_finish(struct pg_target *target)
{
	pg_target_cancel(target);
	for (size_t i = 0; i < target->count; i++)
		free(target->values[i]);
	for (size_t i = 0; i < target->named_count; i++)
		place_free(&target->named[i]);
	for (size_t i = 0; i < target->found_count; i++)
		place_free(&target->found[i]);
	*target = (struct pg_target){ 0 };
}

void pg_target_label(const struct pg_target *target, char *out, size_t size)
{
	struct buf text;

	buf_init(&text, 400);
	(void)buf_printf(&text, "%s@", get(target, "user"));
	for (size_t i = 0; i < target->named_count; i++) {
		const struct pg_place *place = &target->named[i];
		const char *host = place->host[0] != '\0' ? place->host : place->address;

		(void)buf_printf(
			&text, "%s%s:%s", i == 0 ? "" : ",", host[0] != '\0' ? host : "(local)", place->port);
	}
	(void)buf_printf(&text, "/%s", get(target, "dbname"));
	(void)snprintf(out, size, "%s", buf_string(&text));
	buf_finish(&text);
}

/* ---- looking them up ---- */

static int add(struct pg_target *target, const struct pg_place *named, const char *address)
{
	struct pg_place *place;

	if (target->found_count == PG_HOSTS_MAX)
		return 0;
	place = &target->found[target->found_count++];
	*place = (struct pg_place){
		.host = strdup(named->host), .address = strdup(address), .port = strdup(named->port)
	};
	return place->host == NULL || place->address == NULL || place->port == NULL ? -ENOMEM : 0;
}

static void look_on(struct pg_target *target, int error);

static void on_resolved(void *data, int error, const struct address *addresses, size_t count)
{
	struct pg_target *target = data;
	const struct pg_place *named = &target->named[target->looking++];

	target->resolve = NULL;
	for (size_t i = 0; i < count && error == 0; i++)
		error = add(target, named, addresses[i].text);
	if (error != 0)
		(void)buf_printf(target->why, "%sno address for host %s: %s",
			buf_length(target->why) > 0 ? "; " : "", named->host, error_text(error));
	look_on(target, error);
}

static bool is_a_name(const struct pg_place *place)
{
	return place->address[0] == '\0' && place->host[0] != '\0' && place->host[0] != '/' &&
		place->host[0] != '@';
}

static void look_on(struct pg_target *target, int error)
{
	while (target->looking < target->named_count) {
		const struct pg_place *place = &target->named[target->looking];

		if (is_a_name(place)) {
			target->resolve = resolve_start(target->loop, place->host, 0, on_resolved, target);
			if (target->resolve != NULL)
				return;
			error = -ENOMEM;
		} else if (add(target, place, place->address) != 0) {
			error = -ENOMEM;
		}
		target->looking++;
	}
	target->on_found(target->data, target->found_count > 0 ? 0 : error);
}

void pg_target_find(struct pg_target *target, struct loop *loop, struct buf *why,
	void (*on_found)(void *data, int error), void *data)
{
	for (size_t i = 0; i < target->found_count; i++)
		place_free(&target->found[i]);
	target->found_count = target->looking = 0;
	target->loop = loop;
	target->why = why;
	target->on_found = on_found;
	target->data = data;
	look_on(target, 0);
}

bool pg_target_place(struct pg_target *target, size_t i)
{
	return i < target->found_count && set(target, "host", target->found[i].host) == 0 &&
		set(target, "hostaddr", target->found[i].address) == 0 &&
		set(target, "port", target->found[i].port) == 0;
}

void pg_target_place_label(const struct pg_target *target, size_t i, char *out, size_t size)
{
	const struct pg_place *place = &target->found[i];

	if (place->address[0] == '\0')
		(void)snprintf(
			out, size, "%s:%s", place->host[0] != '\0' ? place->host : "(local)", place->port);
	else if (place->host[0] == '\0' || strcmp(place->host, place->address) == 0)
		(void)snprintf(out, size, "%s:%s", place->address, place->port);
	else
		(void)snprintf(out, size, "%s (%s:%s)", place->host, place->address, place->port);
}

void pg_target_cancel(struct pg_target *target)
{
	resolve_cancel(target->resolve);
	target->resolve = NULL;
}
