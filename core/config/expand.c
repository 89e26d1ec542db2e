/* expand.c: values from the environment and from files, put into scalars that are already parsed.
 */
#include "expand.h"
#include "error.h"
#include "file.h"
#include "process.h"
#include <feedloom/kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME_BYTES = 128 };

/* ---- the process's own environment and files ---- */

static const char *own_environment(void *data, const char *name)
{
	(void)data;
	return process_environment(name);
}

static int own_file(void *data, const char *path, size_t limit, char **out, size_t *length)
{
	(void)data;
	return file_load(path, limit, out, length);
}

static const char *environment(const struct expand_source *source, const char *name)
{
	if (source != NULL && source->environment != NULL)
		return source->environment(source->data, name);
	return own_environment(NULL, name);
}

static int load(const struct expand_source *source, const char *path, char **out, size_t *length)
{
	if (source != NULL && source->file != NULL)
		return source->file(source->data, path, EXPAND_MAX_BYTES, out, length);
	return own_file(NULL, path, EXPAND_MAX_BYTES, out, length);
}

/* ---- ${NAME} ---- */

struct reference {
	char name[MAX_NAME_BYTES];
	const char *otherwise; /* the default; NULL: none */
	size_t otherwise_length;
	size_t length; /* of the whole, from $ to } */
};

static bool is_name(const char *text, size_t length)
{
	if (length == 0 || length >= MAX_NAME_BYTES || (text[0] >= '0' && text[0] <= '9'))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!((text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= 'a' && text[i] <= 'z') ||
				(text[i] >= '0' && text[i] <= '9') || text[i] == '_'))
			return false;
	return true;
}

/* `text` begins with "${". */
static int read_reference(
	const char *text, size_t length, struct reference *out, char *why, size_t why_size)
{
	const char *end = memchr(text, '}', length);
	const char *name = text + 2, *name_end = end;

	if (end == NULL) {
		snprintf(why, why_size, "\"${\" without \"}\"; a dollar sign itself is written $$");
		return -EINVAL;
	}
	*out = (struct reference){ .length = (size_t)(end - text) + 1 };
	for (const char *at = name; at + 1 < end; at++) {
		if (at[0] != ':' || at[1] != '-')
			continue;
		name_end = at;
		out->otherwise = at + 2;
		out->otherwise_length = (size_t)(end - out->otherwise);
		break;
	}
	if (!is_name(name, (size_t)(name_end - name))) {
		snprintf(why, why_size,
			"${...} must hold a name of letters, digits and _, as in ${NAME} or ${NAME:-default}");
		return -EINVAL;
	}
	memcpy(out->name, name, (size_t)(name_end - name));
	if (out->otherwise != NULL && memmem(out->otherwise, out->otherwise_length, "${", 2) != NULL) {
		snprintf(why, why_size, "the default of ${%s} must not hold another ${...}", out->name);
		return -EINVAL;
	}
	return 0;
}

static int append_reference(const struct reference *reference, const struct expand_source *source,
	struct buf *to, char *why, size_t why_size)
{
	const char *value = environment(source, reference->name);

	/* As in a shell: with a default, an empty variable counts as unset. */
	if (reference->otherwise != NULL && (value == NULL || value[0] == '\0'))
		return buf_append(to, reference->otherwise, reference->otherwise_length);
	if (value == NULL) {
		snprintf(why, why_size,
			"environment variable %s is not set; set it, or give a default: ${%s:-value}",
			reference->name, reference->name);
		return -EINVAL;
	}
	if (!fl_utf8_valid(value, strlen(value))) {
		snprintf(why, why_size, "environment variable %s is not UTF-8 text", reference->name);
		return -EINVAL;
	}
	return buf_text(to, value);
}

static int append_expanded(const char *text, size_t length, const struct expand_source *source,
	struct buf *to, char *why, size_t why_size)
{
	size_t at = 0;
	int error = 0;

	while (at < length && error == 0) {
		const char *dollar = memchr(text + at, '$', length - at);
		size_t plain = dollar == NULL ? length - at : (size_t)(dollar - text) - at;
		struct reference reference;

		error = buf_append(to, text + at, plain);
		at += plain;
		if (error != 0 || dollar == NULL)
			break;
		if (at + 1 < length && text[at + 1] == '{') {
			error = read_reference(text + at, length - at, &reference, why, why_size);
			if (error == 0)
				error = append_reference(&reference, source, to, why, why_size);
			at += reference.length;
		} else {
			error = buf_append(to, "$", 1);
			at += at + 1 < length && text[at + 1] == '$' ? 2 : 1;
		}
	}
	return error;
}

/* ---- file: ---- */

/* Puts the content of the file that `to` names into `to`. */
static int load_named(
	const struct expand_source *source, struct buf *to, char *why, size_t why_size)
{
	const char *path = buf_string(to) + strlen("file:");
	char *bytes = NULL;
	size_t length = 0;
	int error;

	if (path[0] != '/') {
		snprintf(why, why_size, "file: needs an absolute path, as in file:/run/secrets/name");
		return -EINVAL;
	}
	error = load(source, path, &bytes, &length);
	if (error == -EFBIG)
		snprintf(why, why_size, "%s: larger than 64 KiB", path);
	else if (error != 0)
		snprintf(why, why_size, "%s: %s", path, error_text(error));
	if (error != 0)
		return -EINVAL;
	if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	if (memchr(bytes, '\0', length) != NULL || !fl_utf8_valid(bytes, length)) {
		snprintf(why, why_size, "%s: not UTF-8 text", path);
		error = -EINVAL;
	} else {
		buf_clear(to, EXPAND_MAX_BYTES);
		error = buf_append(to, bytes, length);
	}
	free(bytes);
	return error;
}

int expand_text(const char *text, size_t length, const struct expand_source *source, struct buf *to,
	char *why, size_t why_size)
{
	/* Only what is written as file: is one; a variable's value never is. */
	bool is_file = length >= 5 && memcmp(text, "file:", 5) == 0;
	struct buf whole;
	int error;

	buf_init(&whole, EXPAND_MAX_BYTES + 16);
	error = append_expanded(text, length, source, &whole, why, why_size);
	if (error == 0 && is_file)
		error = load_named(source, &whole, why, why_size);
	if (error == 0)
		error = buf_append(to, buf_string(&whole), buf_length(&whole));
	buf_finish(&whole);
	if (error == -ENOBUFS)
		snprintf(why, why_size, "longer than 64 KiB with its variables put in");
	else if (error == -ENOMEM)
		snprintf(why, why_size, "out of memory");
	return error == 0 ? 0 : -EINVAL;
}

/* ---- trees ---- */

static int expand_scalar(struct tree *tree, struct node *node, const struct expand_source *source,
	struct config_errors *errors)
{
	bool is_file = strncmp(node->text, "file:", 5) == 0;
	char why[512];
	struct buf to;
	int error;

	if (!is_file && strchr(node->text, '$') == NULL)
		return 0;
	buf_init(&to, EXPAND_MAX_BYTES + 16);
	error = expand_text(node->text, node->length, source, &to, why, sizeof(why));
	if (error == 0) {
		node->is_foreign = is_file || strstr(node->text, "${") != NULL;
		node->is_quoted = true; /* something was written: empty is a value now */
		node->length = buf_length(&to);
		node->text = tree_text(tree, buf_string(&to), node->length);
		if (node->text == NULL) {
			node->text = "";
			snprintf(why, sizeof(why), "out of memory");
			error = -EINVAL;
		}
	}
	if (error != 0)
		config_error(errors, node->place, "%s", why);
	buf_finish(&to);
	return error;
}

int expand_tree(struct tree *tree, struct node *node, const struct expand_source *source,
	struct config_errors *errors)
{
	int error = 0;

	if (node->kind == NODE_SCALAR)
		return expand_scalar(tree, node, source, errors);
	for (struct node *child = node->first; child != NULL; child = child->next)
		if (expand_tree(tree, child, source, errors) != 0)
			error = -EINVAL;
	return error;
}
