#include <feedloom/bytes.h>

#include <stdlib.h>
#include <string.h>

static void grow(struct fl_writer *to, size_t capacity)
{
	char *grown = realloc(to->data, capacity);

	to->is_broken = grown == NULL;
	if (grown == NULL)
		return;
	to->data = grown;
	to->capacity = capacity;
}

void fl_writer_reserve(struct fl_writer *to, size_t length)
{
	if (length > to->capacity - to->length && !to->is_broken)
		grow(to, to->length + length);
}

void fl_write(struct fl_writer *to, const void *bytes, size_t length)
{
	if (length > to->capacity - to->length && !to->is_broken)
		grow(to, to->capacity + to->capacity / 2 + length + 1024);
	if (to->is_broken || length == 0)
		return;
	memcpy(to->data + to->length, bytes, length);
	to->length += length;
}

void fl_write_int(struct fl_writer *to, int64_t value)
{
	fl_write(to, &value, sizeof(value));
}

void fl_write_real(struct fl_writer *to, double value)
{
	fl_write(to, &value, sizeof(value));
}

void fl_write_text(struct fl_writer *to, const char *text)
{
	size_t length = strnlen(text, UINT16_MAX);
	uint16_t stored = (uint16_t)length;

	fl_write(to, &stored, sizeof(stored));
	fl_write(to, text, length);
}

int fl_writer_save(struct fl_writer *writer, struct fl_snapshot *to, const char *key)
{
	int result = -ENOMEM;

	if (writer->is_broken)
		free(writer->data);
	else
		result = fl_snapshot_take_bytes(to, key, writer->data, writer->length);
	*writer = (struct fl_writer){ 0 };
	return result;
}

struct fl_reader fl_reader_open(const struct fl_snapshot *from, const char *key, uint32_t version)
{
	struct fl_reader reader = { .version = version };
	const void *data;

	if (fl_snapshot_get_bytes(from, key, &data, &reader.left) == 0)
		reader.data = data;
	else
		reader.left = 0;
	return reader;
}

void fl_read(struct fl_reader *from, void *bytes, size_t length)
{
	if (length > from->left || from->is_broken) {
		from->is_broken = true;
		from->left = 0;
		memset(bytes, 0, length);
		return;
	}
	if (length == 0)
		return;
	memcpy(bytes, from->data, length);
	from->data += length;
	from->left -= length;
}

int64_t fl_read_int(struct fl_reader *from)
{
	int64_t value;

	fl_read(from, &value, sizeof(value));
	return value;
}

double fl_read_real(struct fl_reader *from)
{
	double value;

	fl_read(from, &value, sizeof(value));
	return value;
}

void fl_read_text(struct fl_reader *from, char *text, size_t size)
{
	uint16_t stored;
	size_t length, kept;

	fl_read(from, &stored, sizeof(stored));
	length = stored;
	kept = length < size ? length : size - 1;
	if (length > from->left) {
		from->is_broken = true;
		from->left = 0;
		kept = length = 0;
	}
	fl_read(from, text, kept);
	text[kept] = '\0';
	if (length > kept) {
		from->data += length - kept;
		from->left -= length - kept;
	}
}
