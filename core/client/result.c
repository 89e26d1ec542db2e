/* result.c: rows of values. Texts lie in one buffer; values point into it by offset. */
#include "result.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_BYTES = 256 * 1024, KEEP_VALUES = KEEP_BYTES / 32 };

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT };

struct result_value {
	enum value_kind kind;
	union {
		int64_t whole;
		double real;
		size_t offset; /* of its text */
	};
};

void result_init(struct result *result)
{
	*result = (struct result){ .answer.statement = -1 };
	buf_init(&result->texts, RESULT_MAX_BYTES);
	buf_init(&result->detail, 4096);
}

static void forget_refused(struct result *result)
{
	for (size_t i = 0; i < result->refused_kept; i++)
		free(result->refused[i].reason);
	result->refused_kept = 0;
}

void result_finish(struct result *result)
{
	forget_refused(result);
	free(result->refused);
	free(result->values);
	buf_finish(&result->texts);
	buf_finish(&result->detail);
	*result = (struct result){ 0 };
}

void result_clear(struct result *result)
{
	forget_refused(result);
	if (result->value_size > KEEP_VALUES) {
		free(result->values);
		result->values = NULL;
		result->value_size = 0;
	}
	result->value_count = 0;
	buf_clear(&result->texts, KEEP_BYTES);
	buf_clear(&result->detail, KEEP_BYTES);
	result->code[0] = '\0';
	result->answer = (struct fl_result){ .statement = -1 };
}

/* ---- writing ---- */

static struct result_value *add(struct result *result)
{
	if (result->value_count == result->value_size) {
		size_t size = result->value_size == 0 ? 256 : result->value_size * 2;
		struct result_value *values = realloc(result->values, size * sizeof(*values));

		if (values == NULL)
			return NULL;
		result->values = values;
		result->value_size = size;
	}
	return &result->values[result->value_count++];
}

static int add_value(struct result *result, struct result_value value)
{
	struct result_value *slot;

	if (result->value_count == RESULT_MAX_VALUES)
		return -E2BIG;
	slot = add(result);
	if (slot == NULL)
		return -ENOMEM;
	*slot = value;
	return 0;
}

int result_add_null(struct result *result)
{
	return add_value(result, (struct result_value){ .kind = VALUE_NULL });
}

int result_add_int(struct result *result, int64_t value)
{
	return add_value(result, (struct result_value){ .kind = VALUE_INT, .whole = value });
}

int result_add_real(struct result *result, double value)
{
	return add_value(result, (struct result_value){ .kind = VALUE_REAL, .real = value });
}

int result_add_text(struct result *result, const char *text, size_t length)
{
	size_t offset = buf_length(&result->texts);
	int error = buf_append(&result->texts, text, length);

	if (error == 0)
		error = buf_append(&result->texts, "", 1);
	if (error != 0)
		return error == -ENOBUFS ? -E2BIG : error;
	return add_value(result, (struct result_value){ .kind = VALUE_TEXT, .offset = offset });
}

int result_end_row(struct result *result, size_t columns)
{
	if (result->answer.row_count > 0 && result->answer.column_count != columns)
		return -EINVAL;
	result->answer.column_count = columns;
	result->answer.row_count++;
	return 0;
}

int result_refuse(struct result *result, int statement, size_t row, const char *reason)
{
	char *copy;

	result->answer.refused_count++;
	if (result->refused_kept == RESULT_MAX_REFUSED)
		return 0;
	if (result->refused == NULL)
		result->refused = calloc(RESULT_MAX_REFUSED, sizeof(*result->refused));
	copy = strdup(reason);
	if (result->refused == NULL || copy == NULL) {
		free(copy);
		return -ENOMEM;
	}
	result->refused[result->refused_kept++] =
		(struct result_refused){ .statement = statement, .row = row, .reason = copy };
	return 0;
}

int result_fail(struct result *result, int error, const char *format, ...)
{
	va_list args;

	result_clear(result);
	va_start(args, format);
	buf_vprintf(&result->detail, format, args);
	va_end(args);
	result->answer.error = error;
	return error;
}

void result_blame(struct result *result, int statement, const char *code)
{
	result->answer.statement = statement;
	(void)snprintf(result->code, sizeof(result->code), "%s", code == NULL ? "" : code);
}

const struct fl_result *result_seal(struct result *result)
{
	result->answer.code = result->code;
	result->answer.detail = buf_string(&result->detail);
	result->answer.rows = result;
	result->answer.refused = result;
	return &result->answer;
}

/* ---- reading ---- */

static const struct result_value *value_at(
	const struct fl_result *answer, size_t row, size_t column)
{
	const struct result *result = answer->rows;

	if (result == NULL || row >= answer->row_count || column >= answer->column_count)
		return NULL;
	return &result->values[row * answer->column_count + column];
}

static const char *text_of(const struct fl_result *answer, const struct result_value *value)
{
	const struct result *result = answer->rows;

	return buf_bytes(&result->texts) + value->offset;
}

double result_real(const struct fl_result *answer, size_t row, size_t column)
{
	const struct result_value *value = value_at(answer, row, column);
	const char *text;
	char *end;
	double real;

	if (value == NULL || value->kind == VALUE_NULL)
		return NAN;
	if (value->kind == VALUE_INT)
		return (double)value->whole;
	if (value->kind == VALUE_REAL)
		return value->real;
	text = text_of(answer, value);
	real = strtod(text, &end);
	return end == text || *end != '\0' ? NAN : real;
}

int64_t result_int(const struct fl_result *answer, size_t row, size_t column)
{
	const struct result_value *value = value_at(answer, row, column);
	const char *text;
	char *end;
	int64_t whole;

	if (value == NULL || value->kind == VALUE_NULL)
		return INT64_MIN;
	if (value->kind == VALUE_INT)
		return value->whole;
	if (value->kind == VALUE_REAL) /* the nearer bounds that a double holds */
		return value->real > -9.2e18 && value->real < 9.2e18 ? (int64_t)value->real : INT64_MIN;
	text = text_of(answer, value);
	errno = 0;
	whole = strtoll(text, &end, 10);
	return end == text || *end != '\0' || errno != 0 ? INT64_MIN : whole;
}

const char *result_text(const struct fl_result *answer, size_t row, size_t column)
{
	const struct result_value *value = value_at(answer, row, column);

	return value == NULL || value->kind != VALUE_TEXT ? NULL : text_of(answer, value);
}

void result_refused(
	const struct fl_result *answer, size_t i, int *statement, size_t *row, const char **reason)
{
	const struct result *result = answer->refused;

	*statement = -1;
	*row = 0;
	*reason = NULL;
	if (result == NULL || i >= result->refused_kept)
		return;
	*statement = result->refused[i].statement;
	*row = result->refused[i].row;
	*reason = result->refused[i].reason;
}
