#include "plugins_running.h"

#include "ask.h"

#include <stdio.h>
#include <sysexits.h>

static const char *text(yyjson_val *object, const char *key)
{
	const char *value = yyjson_get_str(yyjson_obj_get(object, key));

	return value == NULL ? "" : value;
}

static long long whole(yyjson_val *object, const char *key)
{
	return (long long)yyjson_get_sint(yyjson_obj_get(object, key));
}

static void print_instances(yyjson_val *list)
{
	size_t i, count;
	yyjson_val *item;

	yyjson_arr_foreach(list, i, count, item) printf("%s%s %s (%s)", i > 0 ? ", " : "",
		text(item, "instance"), text(item, "state"), text(item, "version"));
}

/* Returns whether its last reload failed. */
static bool print_row(yyjson_val *row)
{
	const char *error = text(row, "last_error");

	printf("%-16s %-8s %-8s %lld reloads, %.1f ms at most, %lld old images kept\n",
		text(row, "name"), text(row, "role"), text(row, "version"), whole(row, "reloads"),
		yyjson_get_num(yyjson_obj_get(row, "longest_pause_ms")), whole(row, "images_kept"));
	printf("%16s %s, build %.16s, %s\n%16s ", "", text(row, "path"),
		*text(row, "build_id") == '\0' ? "unknown" : text(row, "build_id"),
		yyjson_get_bool(yyjson_obj_get(row, "sealed")) ? "sealed" : "not sealed", "");
	print_instances(yyjson_obj_get(row, "instances"));
	printf("\n");
	if (*error != '\0')
		printf("%16s not reloaded at %s: %s\n", "", text(row, "last_error_at"), error);
	return *error != '\0';
}

static int report(const struct ask_target *target)
{
	static const char *const paths[] = { "/v1/plugins" };
	char problem[ASK_PROBLEM_BYTES];
	yyjson_doc *doc;
	yyjson_val *row;
	size_t i, count;
	int code = EX_OK;

	ask_json(target, paths, 1, &doc, problem);
	if (doc == NULL) {
		fprintf(stderr, "no daemon answers on %s: %s\n", target->listen, problem);
		return EX_UNAVAILABLE;
	}
	yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "plugins"), i, count,
		row) if (print_row(row)) code = 1;
	yyjson_doc_free(doc);
	return code;
}

int plugins_running(const struct cli_args *args, const char *address)
{
	struct ask_target target;
	struct config *config = NULL;
	int code = cli_load(args, &config);

	if (code != EX_OK)
		return code;
	target = ask_find(config->root, address);
	code = report(&target);
	config_destroy(config);
	return code;
}
