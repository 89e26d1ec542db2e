#include "stores.h"

#include <stdio.h>
#include <string.h>

static void resolve(const struct paths *paths, const char *path, char *out, size_t size)
{
	if (path[0] == '/')
		(void)snprintf(out, size, "%s", path);
	else
		(void)snprintf(out, size, "%s/%s", paths->state, path);
}

static bool find(const struct paths *paths, const struct node *sink, struct store *out)
{
	*out = (struct store){ .sink = sink->key };
	if (strcmp(node_text(sink, "plugin", sink->key), "sink_sqlite") != 0)
		return false;
	out->kind = STORE_SQLITE;
	resolve(paths, node_text(sink, "path", "var/feedloom.db"), out->where, sizeof(out->where));
	(void)snprintf(out->folder, sizeof(out->folder), "%s/sqlite", paths->schema);
	return true;
}

int stores_each(const struct paths *paths, const struct node *root,
	int (*each)(void *data, const struct store *store), void *data, int *count)
{
	const struct node *sinks = node_find(root, "sinks"), *sink;
	struct store store;

	*count = 0;
	node_each (sink, sinks) {
		int result;

		if (!find(paths, sink, &store))
			continue;
		++*count;
		result = each(data, &store);
		if (result != 0)
			return result;
	}
	return 0;
}
