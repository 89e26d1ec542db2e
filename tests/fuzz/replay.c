/*
 * replay.c: a target without libFuzzer: calls its entry for every input kept in a folder, and for
 * nothing at all. With any compiler, in every test run.
 *
 *   fuzz_corpus_NAME FOLDER
 */
#include "fuzz.h"
#include <dirent.h>

static void replay(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *bytes;
	long length;
	FILE *in;

	CHECK(snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path));
	in = fopen(path, "rb");
	CHECK(in != NULL);
	CHECK(fseek(in, 0, SEEK_END) == 0);
	length = ftell(in);
	CHECK(length >= 0 && fseek(in, 0, SEEK_SET) == 0);
	bytes = fuzz_alloc((size_t)length);
	CHECK(fread(bytes, 1, (size_t)length, in) == (size_t)length);
	fclose(in);
	/* Flushed before: what breaks is the one named last. */
	printf("%s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput(bytes, (size_t)length);
	free(bytes);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	static const uint8_t nothing[1];
	struct dirent **names;
	int count;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 64;
	}
	LLVMFuzzerTestOneInput(nothing, 0);
	count = scandir(argv[1], &names, is_input, alphasort);
	if (count <= 0) {
		fprintf(stderr, "%s: no inputs there: a corpus is not empty\n", argv[1]);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		replay(argv[1], names[i]->d_name);
		free(names[i]);
	}
	free(names);
	printf("%d inputs\n", count);
	return 0;
}
