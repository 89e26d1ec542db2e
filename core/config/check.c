/*
 * check.c: what no single value shows: keys that nobody knows, and a plugin's own objections, put
 * where the option stands.
 */
#include "options.h"
#include <stdio.h>
#include <string.h>

/* ---- keys that nobody knows ---- */

static bool is_among(const char *text, const char *const *names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		if (strcmp(names[i], text) == 0)
			return true;
	return false;
}

static void report_unknown(const struct node *child, const char *const *names, const char *label,
	struct config_errors *errors)
{
	const char *near = options_nearest(child->key, names);
	struct buf list;

	if (near != NULL) {
		config_error(errors, child->key_place, "unknown key \"%s\"%s%s; did you mean \"%s\"?",
			child->key, label[0] == '\0' ? "" : " in ", label, near);
		return;
	}
	buf_init(&list, 400); /* what does not fit is left out */
	for (size_t i = 0; names[i] != NULL; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
	config_error(errors, child->key_place, "unknown key \"%s\"%s%s; known: %s", child->key,
		label[0] == '\0' ? "" : " in ", label, names[0] == NULL ? "none" : buf_string(&list));
	buf_finish(&list);
}

void options_check_keys(const struct node *mapping, const char *const *names, const char *label,
	struct config_errors *errors)
{
	const struct node *child;

	if (mapping == NULL || mapping->kind != NODE_MAPPING)
		return;
	node_each (child, mapping)
		if (!is_among(child->key, names))
			report_unknown(child, names, label == NULL ? "" : label, errors);
}

/* ---- a plugin's objections ---- */

/* The item that a step names: a key, or in a list its number. */
static const struct node *step_into(const struct node *node, const char *step)
{
	size_t left = 0;
	const struct node *child;

	if (node->kind == NODE_MAPPING)
		return node_find(node, step);
	if (strspn(step, "0123456789") != strlen(step) || strlen(step) > 6)
		return NULL;
	for (const char *digit = step; *digit != '\0'; digit++)
		left = left * 10 + (size_t)(*digit - '0');
	node_each (child, node)
		if (left-- == 0)
			return child;
	return NULL;
}

/* Where "tls.ca_file" stands; else what encloses it. */
static struct place locate(const struct node *mapping, const char *option)
{
	struct place place = mapping->key_place;

	while (*option != '\0') {
		size_t length = strcspn(option, ".");
		char step[128];

		if (length >= sizeof(step))
			break;
		memcpy(step, option, length);
		step[length] = '\0';
		mapping = step_into(mapping, step);
		if (mapping == NULL)
			break;
		place = mapping->place;
		option += length;
		option += *option == '.';
	}
	return place;
}

void fl_check_error(struct fl_check *check, const char *option, const char *format, ...)
{
	const char *label =
		check->where == NULL || check->where->label == NULL ? "" : check->where->label;
	struct place place = { .file = "" };
	char message[512];
	va_list args;

	if (check->mapping != NULL)
		place = locate(check->mapping, option);
	else if (check->where != NULL)
		place = check->where->place;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	config_error(
		check->errors, place, "%s%s%s: %s", label, label[0] == '\0' ? "" : ".", option, message);
	check->count++;
}
