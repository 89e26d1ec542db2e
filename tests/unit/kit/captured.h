/*
 * captured.h: what venues really sent, for tests that read it where it is at hand.
 */
#ifndef CAPTURED_H
#define CAPTURED_H

#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

/* NULL: not at hand; the test then says so and skips. */
static inline yyjson_doc *captured_document(const char *path)
{
	return yyjson_read_file(path, 0, NULL, NULL);
}

/* Calls `take` with each line's document; the number of lines, -1: not at hand. */
static inline int captured_lines(
	const char *path, void (*take)(yyjson_val *root, void *data), void *data)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	int count = 0;

	if (file == NULL)
		return -1;
	while ((length = getline(&line, &size, file)) > 0) {
		yyjson_doc *document = yyjson_read(line, (size_t)length, 0);

		take(yyjson_doc_get_root(document), data);
		yyjson_doc_free(document);
		count++;
	}
	free(line);
	fclose(file);
	return count;
}

#endif
