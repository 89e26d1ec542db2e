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

static void find_postgresql(const struct paths *paths, const struct node *sink, struct store *out)
{
	out->kind = STORE_POSTGRESQL;
	out->url = node_text(sink, "url", "");
	out->search_path = node_text(sink, "schema", "");
	(void)snprintf(out->where, sizeof(out->where), "PostgreSQL%s%s",
		out->search_path[0] != '\0' ? ", schema " : "", out->search_path);
	(void)snprintf(out->folder, sizeof(out->folder), "%s/postgresql", paths->schema);
}

static bool find(const struct paths *paths, const struct node *sink, struct store *out)
{
	const char *plugin = node_text(sink, "plugin", sink->key);

	*out = (struct store){ .sink = sink->key };
	if (strcmp(plugin, "sink_timescale") == 0) {
		find_postgresql(paths, sink, out);
		return true;
	}
	if (strcmp(plugin, "sink_sqlite") != 0)
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
