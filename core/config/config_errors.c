/* config_errors.c: the list of mistakes. */
#include "config_errors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 100, MESSAGE_BYTES = 1024 };

void config_errors_init(struct config_errors *errors)
{
	*errors = (struct config_errors){ 0 };
}

void config_errors_finish(struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		free((char *)errors->items[i].place.file);
		free(errors->items[i].message);
	}
	free(errors->items);
	config_errors_init(errors);
}

static size_t file_order(const struct config_errors *errors, const char *file)
{
	size_t next = 0;

	for (size_t i = 0; i < errors->count; i++) {
		if (strcmp(errors->items[i].place.file, file) == 0)
			return errors->items[i].file_order;
		if (errors->items[i].file_order >= next)
			next = errors->items[i].file_order + 1;
	}
	return next;
}

void config_verror(
	struct config_errors *errors, struct place place, const char *format, va_list args)
{
	char message[MESSAGE_BYTES];
	struct config_error *item;

	vsnprintf(message, sizeof(message), format, args);
	if (errors->items == NULL)
		errors->items = calloc(KEPT, sizeof(*errors->items));
	if (errors->items == NULL || errors->count == KEPT) {
		errors->more++;
		return;
	}
	item = &errors->items[errors->count];
	item->file_order = file_order(errors, place.file == NULL ? "" : place.file);
	item->place = place;
	item->place.file = strdup(place.file == NULL ? "" : place.file);
	item->message = strdup(message);
	if (item->place.file == NULL || item->message == NULL) {
		free((char *)item->place.file);
		free(item->message);
		errors->more++;
		return;
	}
	errors->count++;
}

void config_error(struct config_errors *errors, struct place place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	config_verror(errors, place, format, args);
	va_end(args);
}

static bool is_before(const struct config_error *a, const struct config_error *b)
{
	if (a->file_order != b->file_order)
		return a->file_order < b->file_order;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line;
	return a->place.column < b->place.column;
}

void config_errors_sort(struct config_errors *errors)
{
	/* Insertion: stable, and a hundred at most. */
	for (size_t i = 1; i < errors->count; i++) {
		struct config_error item = errors->items[i];
		size_t at = i;

		for (; at > 0 && is_before(&item, &errors->items[at - 1]); at--)
			errors->items[at] = errors->items[at - 1];
		errors->items[at] = item;
	}
}

int config_errors_print(struct config_errors *errors, struct buf *to)
{
	int error = 0;

	config_errors_sort(errors);
	for (size_t i = 0; i < errors->count && error == 0; i++) {
		const struct config_error *item = &errors->items[i];

		if (item->place.line > 0)
			error = buf_printf(to, "%s:%d:%d: %s\n", item->place.file, item->place.line,
				item->place.column, item->message);
		else if (item->place.file[0] != '\0')
			error = buf_printf(to, "%s: %s\n", item->place.file, item->message);
		else
			error = buf_printf(to, "%s\n", item->message);
	}
	if (error == 0 && errors->more > 0)
		error = buf_printf(to, "and %zu more\n", errors->more);
	return error;
}
