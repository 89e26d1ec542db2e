/* options_table.c: the table itself: does it hold together, a copy of it, its reference text. */
#include "options.h"
#include "options_fill.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_OPTIONS = 256, LINE_BYTES = 92 };

/* ---- check ---- */

struct table_check {
	char *why;
	size_t why_size;
};

static int FL_PRINTF(3, 4)
	refuse(const struct table_check *check, const struct fl_option *option, const char *format, ...)
{
	va_list args;
	int length = snprintf(check->why, check->why_size, "option %s: ", option->name);

	va_start(args, format);
	if (length > 0 && (size_t)length < check->why_size)
		vsnprintf(check->why + length, check->why_size - (size_t)length, format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_name(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* Whether the option's type reads `text`, and within its limits unless `is_limit`. */
static bool reads(const struct fl_option *option, const char *text, bool is_limit)
{
	struct fl_option copy = *option;
	struct arena arena = { 0 };
	struct options_where where = { 0 };
	struct config_errors errors;
	struct filling filling = { .arena = &arena, .where = &where, .errors = &errors };
	struct tree *tree = tree_create();
	const struct node *node;
	union {
		int64_t whole;
		double fraction;
		const char *text;
		struct fl_names names;
		struct fl_durations durations;
	} field;
	bool is_fine;

	copy.preset = text;
	if (is_limit)
		copy.min = copy.max = NULL;
	if (is_limit && option->type == FL_DURATIONS)
		copy.type = FL_DURATION;
	config_errors_init(&errors);
	node = tree == NULL ? NULL : options_preset(tree, &copy);
	if (node != NULL)
		options_fill(&filling, &copy, "", node, &field);
	is_fine = node != NULL && !filling.failed;
	config_errors_finish(&errors);
	arena_finish(&arena);
	tree_destroy(tree);
	return is_fine;
}

static bool has_range(enum fl_option_type type)
{
	return type == FL_INT || type == FL_REAL || type == FL_RATIO || type == FL_DURATION ||
		type == FL_SIZE || type == FL_DURATIONS;
}

static int check_values(const struct table_check *check, const struct fl_option *option)
{
	if (option->type == FL_CHOICE && (option->choices == NULL || option->choices[0] == NULL))
		return refuse(check, option, "has no choices");
	if ((option->min != NULL || option->max != NULL) && !has_range(option->type))
		return refuse(check, option, "a %s has no range", option_type_text(option->type));
	if (option->min != NULL && !reads(option, option->min, true))
		return refuse(check, option, "its least, \"%s\", cannot be read", option->min);
	if (option->max != NULL && !reads(option, option->max, true))
		return refuse(check, option, "its most, \"%s\", cannot be read", option->max);
	if (option->preset != NULL && (option->flags & FL_OPTION_REQUIRED) != 0)
		return refuse(check, option, "is required and has a default");
	if (option->preset != NULL && !reads(option, option->preset, false))
		return refuse(
			check, option, "its default, \"%s\", is not one of its own values", option->preset);
	return 0;
}

static int check_rows(
	const struct table_check *check, const struct fl_option *table, size_t size, int depth);

static int check_option(
	const struct table_check *check, const struct fl_option *option, size_t size, int depth)
{
	size_t bytes = option_type_bytes(option->type);

	if (!is_name(option->name))
		return refuse(check, option, "its name must be of a to z, 0 to 9 and _");
	if (option->type == FL_GROUP) {
		if (option->group == NULL || depth == MAX_DEPTH || option->offset >= size)
			return refuse(check, option, "its group has no table, or lies too deep");
		return check_rows(check, option->group, size - option->offset, depth + 1);
	}
	if (bytes == 0)
		return refuse(check, option, "unknown type %d", (int)option->type);
	if (option->offset > size || bytes > size - option->offset)
		return refuse(check, option, "its field lies outside of the struct");
	return check_values(check, option);
}

static int check_rows(
	const struct table_check *check, const struct fl_option *table, size_t size, int depth)
{
	for (size_t i = 0; table[i].name != NULL; i++) {
		int error = check_option(check, &table[i], size, depth);

		if (error == 0 && i == MAX_OPTIONS)
			error = refuse(check, &table[i], "more than 256 options");
		for (size_t j = 0; j < i && error == 0; j++)
			if (strcmp(table[i].name, table[j].name) == 0)
				error = refuse(check, &table[i], "is there twice");
		if (error != 0)
			return error;
	}
	return 0;
}

int options_check_table(
	const struct fl_option *table, size_t options_size, char *why, size_t why_size)
{
	struct table_check check = { why, why_size };

	return table == NULL ? 0 : check_rows(&check, table, options_size, 0);
}

/* ---- copy ---- */

struct copy {
	struct arena arena;
	struct fl_option rows[];
};

static const char *copy_text(struct arena *arena, const char *text, bool *failed)
{
	const char *copy = text == NULL ? NULL : arena_text(arena, text, strlen(text));

	*failed = *failed || (text != NULL && copy == NULL);
	return copy;
}

static const char *const *copy_choices(
	struct arena *arena, const char *const *choices, bool *failed)
{
	const char **copy;
	size_t count = 0;

	if (choices == NULL)
		return NULL;
	while (choices[count] != NULL)
		count++;
	copy = arena_take(arena, (count + 1) * sizeof(*copy));
	*failed = *failed || copy == NULL;
	for (size_t i = 0; i < count && copy != NULL; i++)
		copy[i] = copy_text(arena, choices[i], failed);
	return copy;
}

static size_t row_count(const struct fl_option *table)
{
	size_t count = 0;

	while (table[count].name != NULL)
		count++;
	return count;
}

static void copy_rows(
	struct arena *arena, const struct fl_option *from, struct fl_option *to, bool *failed)
{
	for (; from->name != NULL && !*failed; from++, to++) {
		struct fl_option *group;

		*to = *from;
		to->name = copy_text(arena, from->name, failed);
		to->preset = copy_text(arena, from->preset, failed);
		to->help = copy_text(arena, from->help, failed);
		to->min = copy_text(arena, from->min, failed);
		to->max = copy_text(arena, from->max, failed);
		to->choices = copy_choices(arena, from->choices, failed);
		if (from->group == NULL)
			continue;
		group = arena_take(arena, (row_count(from->group) + 1) * sizeof(*group));
		to->group = group;
		if (group == NULL)
			*failed = true;
		else
			copy_rows(arena, from->group, group, failed);
	}
}

struct fl_option *options_table_copy(const struct fl_option *table)
{
	static const struct fl_option none[1];
	size_t count;
	struct copy *copy;
	bool failed = false;

	table = table == NULL ? none : table;
	count = row_count(table);
	copy = calloc(1, sizeof(*copy) + (count + 1) * sizeof(copy->rows[0]));
	if (copy == NULL)
		return NULL;
	copy_rows(&copy->arena, table, copy->rows, &failed);
	if (failed) {
		options_table_free(copy->rows);
		return NULL;
	}
	return copy->rows;
}

void options_table_free(struct fl_option *table)
{
	struct copy *copy;
	struct arena arena;

	if (table == NULL)
		return;
	copy = (struct copy *)(void *)((char *)table - offsetof(struct copy, rows));
	arena = copy->arena;
	arena_finish(&arena);
	free(copy);
}

/* ---- reference text ---- */

/* Words broken into lines of LINE_BYTES. */
static void print_words(const char *text, int indent, struct buf *to)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " \n");

		if (column > 0 && column + 1 + length > (size_t)LINE_BYTES - (size_t)indent) {
			buf_text(to, "\n");
			column = 0;
		}
		buf_printf(to, "%*s%.*s", column == 0 ? indent : 1, "", (int)length, text);
		column += length + (column == 0 ? 0 : 1);
		text += length;
		text += strspn(text, " \n");
	}
	buf_text(to, "\n");
}

static void print_choices(const struct fl_option *option, struct buf *to)
{
	if (option->choices == NULL)
		return;
	buf_text(to, option->type == FL_URL ? " (" : ": ");
	for (size_t i = 0; option->choices[i] != NULL; i++)
		buf_printf(to, "%s%s%s", i == 0 ? "" : ", ", option->choices[i],
			option->type == FL_URL ? "://" : "");
	if (option->type == FL_URL)
		buf_text(to, ")");
}

static void print_range(const struct fl_option *option, struct buf *to)
{
	if (option->min != NULL && option->max != NULL)
		buf_printf(to, ", %s to %s", option->min, option->max);
	else if (option->min != NULL)
		buf_printf(to, ", at least %s", option->min);
	else if (option->max != NULL)
		buf_printf(to, ", at most %s", option->max);
}

static void print_default(const struct fl_option *option, struct buf *to)
{
	bool is_number = has_range(option->type) && option->type != FL_DURATIONS;

	if ((option->flags & FL_OPTION_REQUIRED) != 0)
		buf_text(to, "; required");
	else if (option->preset != NULL)
		buf_printf(to, "; default %s", option->preset[0] == '\0' ? "\"\"" : option->preset);
	else if (option->type == FL_CHOICE)
		buf_printf(to, "; default %s", option->choices[0]);
	else if (option->type == FL_BOOL)
		buf_text(to, "; default false");
	else if (is_number)
		buf_text(to, "; default 0");
	if ((option->flags & FL_OPTION_LIVE) != 0)
		buf_text(to, "; live");
}

static void print_rows(const struct fl_option *table, int indent, struct buf *to)
{
	for (; table->name != NULL; table++) {
		buf_printf(to, "%*s%s: ", indent, "", table->name);
		if (table->type == FL_GROUP) {
			buf_text(to, (table->flags & FL_OPTION_LIVE) != 0 ? "(live)\n" : "\n");
		} else {
			buf_text(to, option_type_text(table->type));
			print_choices(table, to);
			print_range(table, to);
			print_default(table, to);
			buf_text(to, "\n");
		}
		if (table->help != NULL)
			print_words(table->help, indent + 4, to);
		if (table->type == FL_GROUP)
			print_rows(table->group, indent + 2, to);
	}
}

int options_print(const struct fl_option *table, struct buf *to)
{
	if (table == NULL || table->name == NULL)
		buf_text(to, "no options\n");
	else
		print_rows(table, 0, to);
	return to->failed ? -ENOBUFS : 0;
}
