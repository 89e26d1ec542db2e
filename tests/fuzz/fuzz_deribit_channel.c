/*
 * deribit_channel: templates of channels and names of channels; what a template makes of a name it
 * finds again, and a batch is JSON.
 *
 * input: a line each: template, name, channel, further channels
 */
#include "deribit_channel.h"
#include "fuzz.h"

#include <yyjson.h>

static void check_template(const struct deribit_template *of, const char *name)
{
	char channel[DERIBIT_CHANNEL_SIZE];
	int length = deribit_channel_print(of, name, channel, sizeof(channel));
	const char *found;
	size_t found_length;

	CHECK(length == -EINVAL || (length > 0 && (size_t)length == strlen(channel)));
	if (length < 0 || name[0] == '\0' || strchr(name, '.') != NULL)
		return;
	CHECK(deribit_channel_match(of, channel, (size_t)length, &found, &found_length));
	CHECK(found_length == strlen(name) && memcmp(found, name, found_length) == 0);
}

static void check_batch(struct fuzz_input in)
{
	static struct deribit_batch batch;
	int added = 0;
	yyjson_doc *doc;
	yyjson_val *channels;

	deribit_batch_begin(&batch, "public/subscribe", 7);
	while (in.left > 0) {
		char *line = fuzz_line(&in);
		size_t length = strlen(line);

		if (deribit_name_is_plain(line, length)) {
			bool has_room = deribit_batch_has_room(&batch, 1, length);

			CHECK(deribit_batch_add(&batch, line, length) == has_room);
			added += has_room;
		}
		free(line);
	}
	deribit_batch_end(&batch);
	CHECK(batch.length < sizeof(batch.text) && strlen(batch.text) == batch.length);
	doc = yyjson_read(batch.text, batch.length, 0);
	channels = yyjson_doc_ptr_get(doc, "/params/channels");
	CHECK(yyjson_arr_size(channels) == (size_t)added && added <= DERIBIT_BATCH_CHANNELS);
	yyjson_doc_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *text = fuzz_line(&in), *name = fuzz_line(&in), *line = fuzz_line(&in);
	size_t length = strlen(line);
	char *channel = fuzz_copy(line, length);
	struct deribit_template of;
	const char *found;
	size_t found_length;

	if (deribit_template_parse(text, &of) == NULL) {
		check_template(&of, name);
		if (deribit_channel_match(&of, channel, length, &found, &found_length))
			CHECK(found > channel && found_length > 0 && found + found_length <= channel + length);
	}
	check_batch(in);
	free(channel);
	free(text);
	free(name);
	free(line);
	return 0;
}
