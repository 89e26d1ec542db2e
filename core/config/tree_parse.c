/*
 * tree_parse.c: libyaml's events to nodes.
 *
 * Events rather than its document: only events still show anchors, aliases and tags, which are
 * refused here, and nothing is built that goes deeper than we allow.
 */
#include "tree_node.h"
#include <string.h>
#include <yaml.h>

enum {
	MAX_KEYS = 1000 /* in one mapping: bounds the search for duplicates */,
	MAX_KEY_BYTES = 128
};

struct level {
	struct node *node;
	const char *key; /* read, its value not yet; NULL: none */
	struct place key_place;
	bool is_dropped; /* that value is not to be kept */
};

struct parse {
	struct tree *tree;
	struct config_errors *errors;
	const char *file;
	const char *bytes;
	size_t length;
	struct level levels[TREE_MAX_DEPTH];
	int depth;
	int documents;
	struct node *root;
	bool failed; /* an error was reported */
};

static struct place place_of(const struct parse *parse, const yaml_mark_t *mark)
{
	return (struct place){ parse->file, (int)mark->line + 1, (int)mark->column + 1 };
}

/* Reports, and says whether to go on. */
static bool fail(struct parse *parse, struct place place, const char *message, bool go_on)
{
	config_error(parse->errors, place, "%s", message);
	parse->failed = true;
	return go_on;
}

/* ---- what libyaml did not understand ---- */

static const char *line_start(const struct parse *parse, size_t line)
{
	const char *at = parse->bytes, *end = parse->bytes + parse->length;

	while (line > 0 && at < end) {
		const char *found = memchr(at, '\n', (size_t)(end - at));

		if (found == NULL)
			return end;
		at = found + 1;
		line--;
	}
	return at;
}

static bool line_contains(const struct parse *parse, size_t line, const char *what)
{
	const char *start = line_start(parse, line), *end = parse->bytes + parse->length;
	const char *stop = start == end ? NULL : memchr(start, '\n', (size_t)(end - start));

	return memmem(start, (size_t)((stop == NULL ? end : stop) - start), what, strlen(what)) != NULL;
}

static const char *hint(const struct parse *parse, const yaml_parser_t *yaml)
{
	size_t line = yaml->problem_mark.line;

	if (line_contains(parse, line, "${") ||
		(yaml->context != NULL && line_contains(parse, yaml->context_mark.line, "${")))
		return "; inside { } and [ ] a value with ${...} must be in quotes: \"${NAME}\"";
	if (yaml->error == YAML_SCANNER_ERROR && line_contains(parse, line, "\t"))
		return "; YAML is indented with spaces, not with tabs";
	return "";
}

/* The reader knows only an offset. */
static struct place place_of_offset(const struct parse *parse, size_t offset)
{
	struct place place = { parse->file, 1, 1 };

	for (size_t i = 0; i < offset && i < parse->length; i++) {
		place.column++;
		if (parse->bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

static int syntax_error(struct parse *parse, const yaml_parser_t *yaml)
{
	parse->failed = true;
	if (yaml->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (yaml->error == YAML_READER_ERROR)
		config_error(parse->errors, place_of_offset(parse, yaml->problem_offset),
			"%s; the file must be UTF-8 text", yaml->problem);
	else
		config_error(parse->errors, place_of(parse, &yaml->problem_mark),
			"not valid YAML: %s%s%s%s", yaml->context == NULL ? "" : yaml->context,
			yaml->context == NULL ? "" : ", ",
			yaml->problem == NULL ? "cannot be read" : yaml->problem, hint(parse, yaml));
	return -EINVAL;
}

/* ---- nodes ---- */

/* Gives a new value its place in the tree. */
static void place_node(struct parse *parse, struct node *node)
{
	struct level *level;

	if (parse->depth == 0) {
		parse->root = node;
		return;
	}
	level = &parse->levels[parse->depth - 1];
	if (level->node->kind == NODE_MAPPING) {
		node->key = level->key;
		node->key_place = level->key_place;
		level->key = NULL;
		if (level->is_dropped)
			return;
	}
	node_append(level->node, node);
}

static bool is_key_wanted(const struct parse *parse)
{
	const struct level *level;

	if (parse->depth == 0)
		return false;
	level = &parse->levels[parse->depth - 1];
	return level->node->kind == NODE_MAPPING && level->key == NULL;
}

static bool is_key_well_formed(const char *text, size_t length)
{
	if (length == 0 || length > MAX_KEY_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static bool take_key(struct parse *parse, const yaml_event_t *event)
{
	struct level *level = &parse->levels[parse->depth - 1];
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct place place = place_of(parse, &event->start_mark);
	const struct node *old;
	char *key;

	if (!is_key_well_formed(text, length))
		return fail(parse, place, "a key must have 1 to 128 printable characters", false);
	if (level->node->count >= MAX_KEYS)
		return fail(parse, place, "more than 1000 keys in one mapping", false);
	key = tree_text(parse->tree, text, length);
	if (key == NULL)
		return fail(parse, place, "out of memory", false);
	level->key = key;
	level->key_place = place;
	level->is_dropped = false;
	if (strcmp(key, "<<") == 0 && event->data.scalar.plain_implicit) {
		level->is_dropped = true;
		return fail(parse, place, "merge keys (<<) are not taken; write the values out", true);
	}
	old = node_find(level->node, key);
	if (old != NULL) {
		config_error(parse->errors, place, "\"%s\" is given twice; first in line %d", key,
			old->key_place.line);
		parse->failed = level->is_dropped = true;
	}
	return true;
}

/* Anchors and tags; `anchor` and `tag` may be NULL. */
static void refuse_marks(struct parse *parse, const yaml_event_t *event, const yaml_char_t *anchor,
	const yaml_char_t *tag)
{
	struct place place = place_of(parse, &event->start_mark);

	if (anchor != NULL)
		fail(parse, place, "anchors (&) are not taken; write the value where it is needed", true);
	if (tag != NULL)
		fail(parse, place, "tags (!) are not taken; the option's type decides", true);
}

static struct node *add_node(struct parse *parse, const yaml_event_t *event, enum node_kind kind)
{
	struct place place = place_of(parse, &event->start_mark);
	struct node *node;

	if (parse->tree->node_count >= TREE_MAX_NODES) {
		fail(parse, place, "more than 65536 values", false);
		return NULL;
	}
	node = tree_node(parse->tree, kind, place);
	if (node == NULL)
		fail(parse, place, "out of memory", false);
	else
		place_node(parse, node);
	return node;
}

static bool take_scalar(struct parse *parse, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct node *node;

	refuse_marks(parse, event, event->data.scalar.anchor, event->data.scalar.tag);
	if (is_key_wanted(parse))
		return take_key(parse, event);
	node = add_node(parse, event, NODE_SCALAR);
	if (node == NULL)
		return false;
	if (memchr(text, '\0', length) != NULL)
		return fail(parse, node->place, "a value must not contain a zero byte", true);
	node->text = tree_text(parse->tree, text, length);
	node->length = length;
	node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return node->text != NULL || fail(parse, node->place, "out of memory", false);
}

static bool take_start(struct parse *parse, const yaml_event_t *event, enum node_kind kind,
	const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct place place = place_of(parse, &event->start_mark);
	struct node *node;

	refuse_marks(parse, event, anchor, tag);
	if (is_key_wanted(parse))
		return fail(parse, place, "a key must be plain text, not a list or a mapping", false);
	if (parse->depth == TREE_MAX_DEPTH)
		return fail(parse, place, "nested deeper than 16 levels", false);
	node = add_node(parse, event, kind);
	if (node == NULL)
		return false;
	parse->levels[parse->depth++] = (struct level){ .node = node };
	return true;
}

static bool take_alias(struct parse *parse, const yaml_event_t *event)
{
	struct place place = place_of(parse, &event->start_mark);

	fail(parse, place, "aliases (*) are not taken; write the value out, or put it in quotes", true);
	return !is_key_wanted(parse) && add_node(parse, event, NODE_SCALAR) != NULL;
}

static bool take(struct parse *parse, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++parse->documents > 1)
			return fail(parse, place_of(parse, &event->start_mark),
				"a second document; there must be one in a file", false);
		return true;
	case YAML_SCALAR_EVENT: return take_scalar(parse, event);
	case YAML_ALIAS_EVENT: return take_alias(parse, event);
	case YAML_MAPPING_START_EVENT:
		return take_start(parse, event, NODE_MAPPING, event->data.mapping_start.anchor,
			event->data.mapping_start.tag);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(parse, event, NODE_SEQUENCE, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT: parse->depth--; return true;
	default: return true;
	}
}

/* 0 when the whole stream was understood, so that the tree is worth looking at. */
static int take_all(struct parse *parse, yaml_parser_t *yaml)
{
	for (;;) {
		yaml_event_t event;
		bool go_on, is_end;

		if (!yaml_parser_parse(yaml, &event))
			return syntax_error(parse, yaml);
		is_end = event.type == YAML_STREAM_END_EVENT;
		go_on = take(parse, &event);
		yaml_event_delete(&event);
		if (is_end)
			return 0;
		if (!go_on)
			return -EINVAL;
	}
}

/* The top must be a mapping; nothing at all is an empty one. */
static int finish_root(struct parse *parse, struct node **out)
{
	struct place start = { parse->file, 1, 1 };

	if (parse->root == NULL || node_is_empty(parse->root))
		parse->root = tree_node(parse->tree, NODE_MAPPING, start);
	if (parse->root == NULL)
		return -ENOMEM;
	if (parse->root->kind != NODE_MAPPING) {
		fail(parse, parse->root->place, "the file must be a mapping: keys with values", false);
		return -EINVAL;
	}
	*out = parse->root;
	return parse->failed ? -EINVAL : 0;
}

int tree_parse(struct tree *tree, const char *file, const void *bytes, size_t length,
	struct config_errors *errors, struct node **out)
{
	struct parse parse = { .tree = tree, .errors = errors, .bytes = bytes, .length = length };
	yaml_parser_t yaml;
	int error;

	*out = NULL;
	parse.file = tree_text(tree, file, strlen(file));
	if (parse.file == NULL)
		return -ENOMEM;
	if (length > TREE_MAX_BYTES) {
		fail(&parse, (struct place){ .file = parse.file }, "larger than 1 MiB", false);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&yaml))
		return -ENOMEM;
	yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&yaml, bytes, length);
	error = take_all(&parse, &yaml);
	yaml_parser_delete(&yaml);
	return error != 0 ? error : finish_root(&parse, out);
}
