/*
 * config: any bytes as a configuration: parsed, expanded, checked against a table with every type
 * of option, merged, compared.
 *
 * input: one document, or two with a 0 between
 */
#include "diff.h"
#include "expand.h"
#include "fuzz.h"
#include "options.h"

#include <feedloom/kit.h>
#include <math.h>
#include <strings.h>

struct inner {
	bool verify;
	const char *ca_file;
};

struct options {
	const char *url, *secret, *word, *path;
	struct fl_names currencies, tags;
	int64_t idle, limit, count;
	double ratio, factor;
	bool raw;
	int mode;
	struct fl_durations retention;
	struct inner tls;
};

static const char *const schemes[] = { "wss", "ws", NULL };
static const char *const modes[] = { "fast", "safe", NULL };
static const char *const currencies[] = { "BTC", "ETH", NULL };
static const char *const tables[] = { "tickers", "books", NULL };

static const struct fl_option inner_table[] = {
	{ "verify", FL_BOOL, offsetof(struct inner, verify), .preset = "true", .help = "verify" },
	{ "ca_file", FL_PATH, offsetof(struct inner, ca_file), .help = "trust these" },
	{ 0 },
};

static const struct fl_option table[] = {
	{ "url", FL_URL, offsetof(struct options, url), .preset = "wss://a.example/", .help = "where",
		.choices = schemes },
	{ "secret", FL_SECRET, offsetof(struct options, secret), .help = "from the venue" },
	{ "word", FL_STRING, offsetof(struct options, word), .help = "any" },
	{ "path", FL_PATH, offsetof(struct options, path), .help = "a file" },
	{ "currencies", FL_NAMES, offsetof(struct options, currencies), .preset = "[BTC]",
		.help = "which", .choices = currencies },
	{ "tags", FL_NAMES, offsetof(struct options, tags), .help = "free words" },
	{ "idle", FL_DURATION, offsetof(struct options, idle), .preset = "30s", .min = "1s",
		.max = "1h", .help = "how long", .flags = FL_OPTION_LIVE },
	{ "limit", FL_SIZE, offsetof(struct options, limit), .min = "1KiB", .help = "how much" },
	{ "count", FL_INT, offsetof(struct options, count), .preset = "3", .max = "10", .help = "of" },
	{ "ratio", FL_RATIO, offsetof(struct options, ratio), .min = "0", .max = "1", .help = "part" },
	{ "factor", FL_REAL, offsetof(struct options, factor), .help = "of anything" },
	{ "raw", FL_BOOL, offsetof(struct options, raw), .help = "unaggregated" },
	{ "mode", FL_CHOICE, offsetof(struct options, mode), .choices = modes, .help = "how" },
	{ "retention", FL_DURATIONS, offsetof(struct options, retention), .choices = tables,
		.min = "1h", .help = "how long" },
	{ "tls", FL_GROUP, offsetof(struct options, tls), .group = inner_table, .help = "transport" },
	{ 0 },
};

/*
 * The log keeps every secret it is told of for good, as it should; here there would be millions.
 * The linker puts this in its place (-Wl,--wrap).
 */
void __wrap_log_hide(const char *secret);
void __wrap_log_hide(const char *secret)
{
	CHECK(secret != NULL);
	(void)strlen(secret);
}

/* ---- what is outside ---- */

static const char *environment(void *data, const char *name)
{
	(void)data;
	return strcmp(name, "A") == 0 ? "value" : strcmp(name, "E") == 0 ? "" : NULL;
}

static int load(void *data, const char *path, size_t limit, char **out, size_t *length)
{
	bool is_text = strcmp(path, "/text") == 0;

	(void)data;
	CHECK(limit > 0);
	if (!is_text && strcmp(path, "/bytes") != 0)
		return -ENOENT;
	*out = fuzz_text("${A}: [\n\r\n", 10);
	*length = 10;
	if (!is_text)
		(*out)[3] = '\xff';
	return 0;
}

static const struct expand_source source = { environment, load, NULL };

/* ---- checks ---- */

static void check_node(const struct node *node, int depth)
{
	const struct node *child, *last = NULL;
	size_t count = 0;

	CHECK(depth <= TREE_MAX_DEPTH + 1);
	CHECK(strlen(node->text) == node->length && fl_utf8_valid(node->text, node->length));
	CHECK(node->place.line >= 0 && node->place.column >= 0);
	node_each (child, node) {
		CHECK((node->kind == NODE_MAPPING) == (child->key != NULL));
		check_node(child, depth + 1);
		last = child;
		count++;
	}
	CHECK(node->last == last && node->count == count);
	CHECK(node->kind != NODE_SCALAR || count == 0);
}

static void check_options(const struct options *options)
{
	CHECK(options->idle >= FL_SECOND && options->idle <= FL_HOUR);
	CHECK(options->limit == 0 || options->limit >= 1024);
	CHECK(options->count <= 10 && options->ratio >= 0 && options->ratio <= 1);
	CHECK(isfinite(options->factor) && options->mode >= 0 && options->mode < 2);
	CHECK(options->url[0] == '\0' || strncasecmp(options->url, "ws", 2) == 0);
	for (size_t i = 0; i < options->currencies.count; i++)
		CHECK(strcmp(options->currencies.items[i], "BTC") == 0 ||
			strcmp(options->currencies.items[i], "ETH") == 0);
	CHECK(options->tags.items == NULL || options->tags.items[options->tags.count] == NULL);
	for (size_t i = 0; i < options->retention.count; i++)
		CHECK(options->retention.values_ns[i] >= FL_HOUR);
}

static void print_errors(struct config_errors *errors)
{
	struct buf text;

	buf_init(&text, 0);
	CHECK(config_errors_print(errors, &text) == 0);
	CHECK(strlen(buf_string(&text)) == buf_length(&text));
	CHECK((config_errors_total(errors) == 0) == (buf_length(&text) == 0));
	buf_finish(&text);
}

/** NULL: not taken. */
static struct node *read_document(
	struct tree *tree, const char *name, const void *bytes, size_t length)
{
	static const struct options_where where = { .label = "it", .folder = "/srv" };
	struct config_errors errors;
	struct node *root = NULL;
	void *options = NULL, *same = NULL;
	void *copy = fuzz_copy(bytes, length);
	int error;

	config_errors_init(&errors);
	error = tree_parse(tree, name, copy, length, &errors, &root);
	free(copy);
	CHECK((error == 0) == (config_errors_total(&errors) == 0) && (error != 0 || root != NULL));
	if (root != NULL) {
		CHECK(root->kind == NODE_MAPPING);
		check_node(root, 0);
		if (expand_tree(tree, root, &source, &errors) != 0)
			error = -EINVAL;
		check_node(root, 0);
		CHECK(node_equals(root, root));
		if (options_apply(table, sizeof(struct options), root, &where, &errors, &options) == 0) {
			check_options(options);
			CHECK(options_apply(table, sizeof(struct options), root, &where, &errors, &same) == 0);
			CHECK(options_compare(table, options, same, NULL, NULL) == OPTIONS_SAME);
		} else {
			CHECK(config_errors_total(&errors) > 0);
		}
	}
	print_errors(&errors);
	options_free(options);
	options_free(same);
	config_errors_finish(&errors);
	return error == 0 ? root : NULL;
}

static void count_change(void *data, const char *name, enum instance_change change,
	const struct node *before, const struct node *after)
{
	CHECK(name != NULL && (before != NULL || after != NULL));
	((size_t *)data)[change]++;
}

static void compare(struct node *a, struct node *b)
{
	struct config_errors errors;
	size_t changes[4] = { 0 };
	bool are_equal = node_equals(a, b);

	section_compare(a, b, count_change, changes);
	CHECK(
		changes[INSTANCE_REMOVED] + changes[INSTANCE_CHANGED] + changes[INSTANCE_SAME] == a->count);
	CHECK(changes[INSTANCE_ADDED] + changes[INSTANCE_CHANGED] + changes[INSTANCE_SAME] == b->count);
	CHECK(!are_equal || changes[INSTANCE_SAME] == a->count);
	config_errors_init(&errors);
	(void)tree_merge(a, b, &errors);
	check_node(a, 0);
	print_errors(&errors);
	config_errors_finish(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *mark = size > 0 ? memchr(data, 0, size) : NULL;
	size_t first = mark == NULL ? size : (size_t)(mark - data);
	struct tree *tree = tree_create();
	struct node *a, *b = NULL;

	CHECK(tree != NULL);
	a = read_document(tree, "a.yaml", data, first);
	if (mark != NULL)
		b = read_document(tree, "b.yaml", mark + 1, size - first - 1);
	if (a != NULL && b != NULL)
		compare(a, b);
	tree_destroy(tree);
	return 0;
}
