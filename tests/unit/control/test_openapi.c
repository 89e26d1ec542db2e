/* test_openapi.c: the description says what the route table does, and refers to nothing that is
 * not. */
#include "unit.h"

#include "fake.h"

#include <string.h>

/* What a reference like "#/components/schemas/Status" points at. */
static yyjson_val *resolve(yyjson_val *root, const char *reference)
{
	assert_int_equal(reference[0], '#');
	return yyjson_ptr_getn(root, reference + 1, strlen(reference) - 1);
}

static void check_references(yyjson_val *root, yyjson_val *value, int depth)
{
	size_t i, count;
	yyjson_val *key, *item;

	assert_true(depth < 40);
	if (yyjson_is_arr(value)) {
		yyjson_arr_foreach(value, i, count, item) check_references(root, item, depth + 1);
		return;
	}
	yyjson_obj_foreach(value, i, count, key, item)
	{
		if (yyjson_equals_str(key, "$ref") && resolve(root, yyjson_get_str(item)) == NULL)
			fail_msg("nothing at %s", yyjson_get_str(item));
		check_references(root, item, depth + 1);
	}
}

static bool has_parameter(
	yyjson_val *root, yyjson_val *operation, const char *name, size_t length, const char *in)
{
	size_t i, count;
	yyjson_val *item;

	yyjson_arr_foreach(yyjson_obj_get(operation, "parameters"), i, count, item)
	{
		yyjson_val *parameter = resolve(root, yyjson_get_str(yyjson_obj_get(item, "$ref")));

		if (yyjson_equals_strn(yyjson_obj_get(parameter, "name"), name, length) &&
			yyjson_equals_str(yyjson_obj_get(parameter, "in"), in))
			return true;
	}
	return false;
}

static void check_route(yyjson_val *root, const struct route *route)
{
	yyjson_val *path = yyjson_obj_get(yyjson_obj_get(root, "paths"), route->path);
	yyjson_val *operation =
		yyjson_obj_get(path, strcmp(route->method, "POST") == 0 ? "post" : "get");
	yyjson_val *responses = yyjson_obj_get(operation, "responses");
	const char *at = route->query;
	char code[4] = "";

	assert_non_null(operation);
	assert_true(yyjson_get_len(yyjson_obj_get(operation, "summary")) > 0);
	for (size_t length; *at != '\0'; at += length + (at[length] == ',')) {
		length = strcspn(at, ",");
		assert_true(has_parameter(root, operation, at, length, "query"));
	}
	at = strchr(route->path, '{');
	if (at != NULL)
		assert_true(has_parameter(root, operation, at + 1, strcspn(at + 1, "}"), "path"));
	assert_true((route->body != NULL) == (yyjson_obj_get(operation, "requestBody") != NULL));
	assert_non_null(yyjson_obj_get(yyjson_obj_get(responses, "200"), "content"));
	assert_non_null(yyjson_obj_get(responses, "default"));
	for (at = route->statuses; *at != '\0';
		at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
		memcpy(code, at, 3);
		assert_non_null(yyjson_obj_get(responses, code));
	}
}

static void it_names_every_route(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);
	yyjson_doc *doc;
	yyjson_val *root;

	(void)state;
	fake_request(&ctx, self, "GET", "/openapi.json", NULL);
	assert_int_equal(ctx.status, 200);
	assert_string_equal(ctx.type, "application/json");
	doc = yyjson_read(ctx.body, ctx.length, 0);
	root = yyjson_doc_get_root(doc);
	assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "openapi")), "3.1.0");
	for (const struct route *route = control_routes; route->method != NULL; route++)
		check_route(root, route);
	check_references(root, root, 0);
	yyjson_doc_free(doc);
	fake_stop(&ctx, self);
}

static void bodies_are_required_where_nothing_stands_for_none(void **state)
{
	struct fl_ctx ctx;
	void *self = fake_start(&ctx);
	yyjson_doc *doc;
	yyjson_val *root;

	(void)state;
	fake_request(&ctx, self, "GET", "/openapi.json", NULL);
	doc = yyjson_read(ctx.body, ctx.length, 0);
	root = yyjson_doc_get_root(doc);
	assert_true(yyjson_is_false(
		yyjson_ptr_get(root, "/paths/~1v1~1streaming~1stop/post/requestBody/required")));
	assert_true(
		yyjson_is_true(yyjson_ptr_get(root, "/paths/~1subscribe/post/requestBody/required")));
	yyjson_doc_free(doc);
	fake_stop(&ctx, self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_names_every_route),
		cmocka_unit_test(bodies_are_required_where_nothing_stands_for_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
