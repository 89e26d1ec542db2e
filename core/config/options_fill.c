/* options_fill.c: one value: its type, its range, its field. */
#include "options_fill.h"
#include "log.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_BYTES = 60, SECRET_MIN_BYTES = 4 };

static const struct {
	const char *text, *example;
	size_t bytes;
} types[] = {
	[FL_BOOL] = { "true or false", "true or false", sizeof(bool) },
	[FL_INT] = { "whole number", "a whole number", sizeof(int64_t) },
	[FL_REAL] = { "number", "a number such as 0.5", sizeof(double) },
	[FL_RATIO] = { "ratio", "a ratio such as 5% or 0.05", sizeof(double) },
	[FL_STRING] = { "text", "text", sizeof(char *) },
	[FL_SECRET] = { "secret", "text", sizeof(char *) },
	[FL_PATH] = { "path", "a path", sizeof(char *) },
	[FL_URL] = { "URL", "a URL", sizeof(char *) },
	[FL_CHOICE] = { "choice", "one of its choices", sizeof(int) },
	[FL_NAMES] = { "list", "a list such as [a, b]", sizeof(struct fl_names) },
	[FL_DURATION] = { "duration", "a duration such as 5s, 100ms or 1h30m", sizeof(int64_t) },
	[FL_SIZE] = { "size", "a size such as 16MiB or 500MB", sizeof(int64_t) },
	[FL_DURATIONS] = { "durations by name", "names with durations such as { name: 7d }",
		sizeof(struct fl_durations) },
	[FL_GROUP] = { "group", "a mapping: keys with values", 0 },
};

const char *option_type_text(enum fl_option_type type)
{
	return type < FL_BOOL || type > FL_GROUP ? "?" : types[type].text;
}

size_t option_type_bytes(enum fl_option_type type)
{
	return type < FL_BOOL || type > FL_GROUP ? 0 : types[type].bytes;
}

/* ---- messages ---- */

static void FL_PRINTF(4, 5) fail(
	struct filling *filling, const char *name, const struct node *node, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	config_error(filling->errors, node->place, "%s: %s", name, message);
	filling->failed = true;
}

/* What was written, in quotes, cut and without control characters; never what must stay hidden. */
static const char *shown(const struct fl_option *option, const struct node *node, char *out)
{
	size_t at = 0;

	if (node->kind != NODE_SCALAR)
		return node->kind == NODE_SEQUENCE ? "a list" : "a mapping";
	if (option->type == FL_SECRET || node->is_foreign)
		return "what the environment or the file holds";
	out[at++] = '"';
	for (size_t i = 0; i < node->length && i < SHOWN_BYTES; i++)
		out[at++] = (unsigned char)node->text[i] < ' ' ? '?' : node->text[i];
	snprintf(out + at, 8, node->length > SHOWN_BYTES ? "...\"" : "\"");
	return out;
}

/* "a, b or c" */
static void list_choices(const char *const *choices, const char *suffix, struct buf *to)
{
	for (size_t i = 0; choices[i] != NULL; i++) {
		if (i > 0)
			buf_text(to, choices[i + 1] == NULL ? " or " : ", ");
		buf_printf(to, "%s%s", choices[i], suffix);
	}
}

/* Digits where a unit is wanted. */
static bool lacks_unit(const struct fl_option *option, const struct node *node)
{
	return (option->type == FL_DURATION || option->type == FL_SIZE) && node->kind == NODE_SCALAR &&
		!node->is_foreign && node->length > 0 && strspn(node->text, "0123456789") == node->length;
}

static void fail_type(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, int error)
{
	char text[SHOWN_BYTES + 16];

	if (node_is_empty(node)) {
		fail(filling, name, node, "has no value; write %s, or leave the line out",
			types[option->type].example);
		return;
	}
	if (error == -ERANGE) {
		fail(filling, name, node, "%s is too large", shown(option, node, text));
		return;
	}
	fail(filling, name, node, "must be %s, not %s%s", types[option->type].example,
		shown(option, node, text), lacks_unit(option, node) ? " (without a unit)" : "");
}

static void fail_choice(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node)
{
	const char *near = node->kind == NODE_SCALAR && !node->is_foreign
		? options_nearest(node->text, option->choices)
		: NULL;
	char text[SHOWN_BYTES + 16];
	struct buf list;

	buf_init(&list, 300);
	list_choices(option->choices, "", &list);
	fail(filling, name, node, "must be %s, not %s%s%s%s", buf_string(&list),
		shown(option, node, text), near == NULL ? "" : "; did you mean \"",
		near == NULL ? "" : near, near == NULL ? "" : "\"?");
	buf_finish(&list);
}

static void fail_range(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node)
{
	char text[SHOWN_BYTES + 16];

	if (option->min != NULL && option->max != NULL)
		fail(filling, name, node, "must be between %s and %s, not %s", option->min, option->max,
			shown(option, node, text));
	else if (option->min != NULL)
		fail(filling, name, node, "must be at least %s, not %s", option->min,
			shown(option, node, text));
	else
		fail(filling, name, node, "must be at most %s, not %s", option->max,
			shown(option, node, text));
}

/* ---- numbers ---- */

static int parse_whole(enum fl_option_type type, const char *text, int64_t *out)
{
	if (type == FL_DURATION || type == FL_DURATIONS)
		return option_parse_duration(text, out);
	return type == FL_SIZE ? option_parse_size(text, out) : option_parse_int(text, out);
}

static bool whole_is_in_range(const struct fl_option *option, int64_t value)
{
	int64_t limit;

	if (option->min != NULL && parse_whole(option->type, option->min, &limit) == 0 && value < limit)
		return false;
	return option->max == NULL || parse_whole(option->type, option->max, &limit) != 0 ||
		value <= limit;
}

/* An int64_t: numbers, durations, sizes. */
static bool fill_whole(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, int64_t *out)
{
	int error = node->kind != NODE_SCALAR ? -EINVAL : parse_whole(option->type, node->text, out);

	if (error != 0)
		fail_type(filling, option, name, node, error);
	else if (!whole_is_in_range(option, *out))
		fail_range(filling, option, name, node);
	else
		return true;
	return false;
}

static int parse_fraction(enum fl_option_type type, const char *text, double *out)
{
	return type == FL_RATIO ? option_parse_ratio(text, out) : option_parse_real(text, out);
}

static void fill_fraction(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, double *out)
{
	double value, limit;
	int error =
		node->kind != NODE_SCALAR ? -EINVAL : parse_fraction(option->type, node->text, &value);

	if (error != 0) {
		fail_type(filling, option, name, node, error);
		return;
	}
	if ((option->min != NULL && parse_fraction(option->type, option->min, &limit) == 0 &&
			value < limit) ||
		(option->max != NULL && parse_fraction(option->type, option->max, &limit) == 0 &&
			value > limit)) {
		fail_range(filling, option, name, node);
		return;
	}
	*out = value;
}

static void fill_bool(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, bool *out)
{
	if (node->kind == NODE_SCALAR && strcmp(node->text, "true") == 0)
		*out = true;
	else if (node->kind == NODE_SCALAR && strcmp(node->text, "false") == 0)
		*out = false;
	else
		fail_type(filling, option, name, node, -EINVAL);
}

static void fill_choice(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, int *out)
{
	for (int i = 0; node->kind == NODE_SCALAR && option->choices[i] != NULL; i++)
		if (strcasecmp(option->choices[i], node->text) == 0) {
			*out = i;
			return;
		}
	fail_choice(filling, option, name, node);
}

/* ---- texts ---- */

static const char *keep_text(struct filling *filling, const char *name, const struct node *node)
{
	const char *text = arena_text(filling->arena, node->text, node->length);

	if (text == NULL)
		fail(filling, name, node, "out of memory");
	return text;
}

static const char *resolve(struct filling *filling, const char *name, const struct node *node)
{
	const char *folder = filling->where->folder;
	size_t size;
	char *path;

	if (node->length == 0 || node->text[0] == '/' || node->text[0] == ':' || folder == NULL ||
		folder[0] == '\0')
		return keep_text(filling, name, node); /* ":memory:NAME" is no file */
	size = strlen(folder) + 1 + node->length + 1;
	path = arena_take(filling->arena, size);
	if (path == NULL)
		fail(filling, name, node, "out of memory");
	else
		snprintf(
			path, size, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", node->text);
	return path;
}

static bool has_scheme(const struct fl_option *option, const char *text, size_t length)
{
	if (option->choices == NULL)
		return length > 0;
	for (size_t i = 0; option->choices[i] != NULL; i++)
		if (strlen(option->choices[i]) == length &&
			strncasecmp(option->choices[i], text, length) == 0)
			return true;
	return false;
}

/* A password in a URL is as secret as any. */
static void hide_password(const char *authority, size_t length)
{
	const char *at = memrchr(authority, '@', length);
	const char *colon = at == NULL ? NULL : memchr(authority, ':', (size_t)(at - authority));
	char password[256];

	if (colon == NULL || at - colon - 1 < SECRET_MIN_BYTES || at - colon > (int)sizeof(password))
		return;
	memcpy(password, colon + 1, (size_t)(at - colon - 1));
	password[at - colon - 1] = '\0';
	log_hide(password);
}

/* Whether there is a host, and a port, if any, is one. Finer points are left to who dials. */
static const char *authority_fault(const char *authority, size_t length)
{
	const char *at = memrchr(authority, '@', length);
	const char *host = at == NULL ? authority : at + 1;
	const char *end = authority + length;
	const char *bracket =
		host < end && host[0] == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	const char *colon = memrchr(
		bracket == NULL ? host : bracket, ':', (size_t)(end - (bracket == NULL ? host : bracket)));
	const char *host_end = colon == NULL ? end : colon;
	long port = 0;

	if (host_end == host || (host[0] == '[' && bracket == NULL))
		return "has no host";
	if (colon == NULL || memchr(host, ',', (size_t)(end - host)) != NULL)
		return NULL; /* several hosts: PostgreSQL's */
	for (const char *digit = colon + 1; digit < end; digit++) {
		if (*digit < '0' || *digit > '9' || port > 65535)
			return "has a port that is none";
		port = port * 10 + (*digit - '0');
	}
	return port < 1 || port > 65535 ? "has a port that is none" : NULL;
}

static const char *fill_url(struct filling *filling, const struct fl_option *option,
	const char *name, const struct node *node)
{
	const char *colon = strstr(node->text, "://");
	const char *authority, *fault;
	size_t length;
	struct buf list;

	if (node->length == 0)
		return keep_text(filling, name, node);
	if (colon == NULL || !has_scheme(option, node->text, (size_t)(colon - node->text))) {
		buf_init(&list, 300);
		if (option->choices != NULL)
			list_choices(option->choices, "://", &list);
		/* Not shown: it may hold a password. */
		fail(filling, name, node, "must be a URL that begins with %s",
			option->choices == NULL ? "a scheme, as in https://" : buf_string(&list));
		buf_finish(&list);
		return NULL;
	}
	authority = colon + 3;
	length = strcspn(authority, "/?#");
	fault = authority_fault(authority, length);
	for (size_t i = 0; i < node->length && fault == NULL; i++)
		if ((unsigned char)node->text[i] <= ' ')
			fault = "holds a space or control character";
	if (fault != NULL) {
		fail(filling, name, node, "the URL %s", fault);
		return NULL;
	}
	hide_password(authority, length);
	return keep_text(filling, name, node);
}

static void fill_text(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, const char **out)
{
	if (node->kind != NODE_SCALAR) {
		fail_type(filling, option, name, node, -EINVAL);
		return;
	}
	if (node->length == 0 && (option->flags & FL_OPTION_REQUIRED) != 0) {
		fail(filling, name, node, "must not be empty");
		return;
	}
	if (option->type == FL_PATH)
		*out = resolve(filling, name, node);
	else if (option->type == FL_URL)
		*out = fill_url(filling, option, name, node);
	else
		*out = keep_text(filling, name, node);
	if (option->type == FL_SECRET && *out != NULL && node->length >= SECRET_MIN_BYTES)
		log_hide(*out);
}

/* ---- lists ---- */

static bool is_choice(const struct fl_option *option, const char *text)
{
	if (option->choices == NULL)
		return true;
	for (size_t i = 0; option->choices[i] != NULL; i++)
		if (strcmp(option->choices[i], text) == 0)
			return true;
	return false;
}

static const char *fill_name(struct filling *filling, const struct fl_option *option,
	const char *name, const struct node *node)
{
	if (node->kind != NODE_SCALAR)
		fail(filling, name, node, "an item must be text, not %s",
			node->kind == NODE_SEQUENCE ? "a list" : "a mapping");
	else if (node->length == 0)
		fail(filling, name, node, "an item must not be empty");
	else if (!is_choice(option, node->text))
		fail_choice(filling, option, name, node);
	else
		return keep_text(filling, name, node);
	return NULL;
}

static void fill_names(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, struct fl_names *out)
{
	size_t count = node->kind == NODE_SEQUENCE ? node->count : 1;
	const struct node *child = node->first;
	const char **items;

	if (node->kind == NODE_MAPPING || node_is_empty(node)) {
		fail_type(filling, option, name, node, -EINVAL);
		return;
	}
	if (node->kind == NODE_SCALAR && node->length == 0)
		count = 0; /* "" or a variable that is empty: none */
	items = arena_take(filling->arena, (count + 1) * sizeof(*items));
	if (items == NULL) {
		fail(filling, name, node, "out of memory");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		items[i] = fill_name(filling, option, name, child == NULL ? node : child);
		child = child == NULL ? NULL : child->next;
	}
	*out = (struct fl_names){ items, count };
}

static void fill_durations(struct filling *filling, const struct fl_option *option,
	const char *name, const struct node *node, struct fl_durations *out)
{
	const struct node *child;
	const char **names;
	int64_t *values;
	size_t i = 0;

	if (node->kind != NODE_MAPPING && !node_is_empty(node)) {
		fail_type(filling, option, name, node, -EINVAL);
		return;
	}
	names = arena_take(filling->arena, (node->count + 1) * sizeof(*names));
	values = arena_take(filling->arena, (node->count + 1) * sizeof(*values));
	if (names == NULL || values == NULL) {
		fail(filling, name, node, "out of memory");
		return;
	}
	node_each (child, node) {
		struct node key = { .kind = NODE_SCALAR,
			.place = child->key_place,
			.text = child->key,
			.length = strlen(child->key) };
		struct fl_option value = *option;
		char where[256];

		snprintf(where, sizeof(where), "%s.%s", name, child->key);
		value.type = FL_DURATION;
		if (!is_choice(option, child->key))
			fail_choice(filling, option, name, &key);
		names[i] = keep_text(filling, name, &key);
		fill_whole(filling, &value, where, child, &values[i]);
		i++;
	}
	*out = (struct fl_durations){ names, values, i };
}

void options_fill(struct filling *filling, const struct fl_option *option, const char *name,
	const struct node *node, void *field)
{
	switch (option->type) {
	case FL_BOOL: fill_bool(filling, option, name, node, field); break;
	case FL_INT:
	case FL_DURATION:
	case FL_SIZE: fill_whole(filling, option, name, node, field); break;
	case FL_REAL:
	case FL_RATIO: fill_fraction(filling, option, name, node, field); break;
	case FL_STRING:
	case FL_SECRET:
	case FL_PATH:
	case FL_URL: fill_text(filling, option, name, node, field); break;
	case FL_CHOICE: fill_choice(filling, option, name, node, field); break;
	case FL_NAMES: fill_names(filling, option, name, node, field); break;
	case FL_DURATIONS: fill_durations(filling, option, name, node, field); break;
	case FL_GROUP: break;
	}
}
