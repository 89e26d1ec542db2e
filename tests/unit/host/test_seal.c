/* A sealed plugin is loaded as it was sealed, or not at all; whatever happens to its file. */
#include "rig.h"

#include "elf_file.h"
#include "file.h"
#include "seal.h"

#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, LIMIT = 16 << 20 };

static const struct image_rules with_prober = { .needs_seal = false, .prober = FEEDLOOM };
static const struct image_rules strict = { .needs_seal = true, .prober = FEEDLOOM };
static char folder[] = "/tmp/feedloom-seal-XXXXXX", path[128], problem[512];
static unsigned char *plain; /* echo.so as the linker has written it */
static size_t plain_length;
static unsigned char *sealed;
static size_t sealed_length;

static void put(const void *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static unsigned char *get(size_t *length)
{
	char *bytes;

	assert_int_equal(file_load(path, LIMIT, &bytes, length), 0);
	return (unsigned char *)bytes;
}

static int open_it(const struct image_rules *rules, bool *is_sealed)
{
	struct image *image = NULL;
	int result = image_open(path, rules, &image, problem, sizeof(problem));

	if (result == 0 && is_sealed != NULL)
		*is_sealed = image_is_sealed(image);
	image_close(image);
	return result;
}

static int prepare(void **state)
{
	char from[4096], *bytes;
	size_t length;
	enum seal before;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/plugin.so", folder);
	assert_int_equal(image_find(&rig_folders, "echo", from, sizeof(from)), 0);
	assert_int_equal(file_load(from, LIMIT, &bytes, &length), 0);
	plain = (unsigned char *)bytes;
	plain_length = length;
	assert_int_equal(seal_check(plain, plain_length), SEAL_NONE);
	put(plain, plain_length);
	assert_int_equal(seal_file(path, &before), 0);
	assert_int_equal(before, SEAL_NONE);
	sealed = get(&sealed_length);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	unlink(path);
	rmdir(folder);
	free(plain);
	free(sealed);
	return 0;
}

/* ---- sealing ---- */

static void a_seal_is_added_and_changes_nothing_before_it(void **state)
{
	bool is_sealed = false;

	(void)state;
	assert_int_equal(sealed_length, plain_length + SEAL_BYTES);
	assert_memory_equal(sealed, plain, plain_length);
	assert_int_equal(seal_check(sealed, sealed_length), SEAL_WHOLE);
	put(sealed, sealed_length);
	assert_int_equal(open_it(&strict, &is_sealed), 0);
	assert_true(is_sealed);
}

static void sealing_twice_is_sealing_once(void **state)
{
	enum seal before;
	unsigned char *bytes;
	size_t length;

	(void)state;
	put(sealed, sealed_length);
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(seal_file(path, &before), 0);
	assert_int_equal(before, SEAL_WHOLE);
	assert_int_equal(chmod(path, 0600), 0);
	/* Changed on purpose after it was sealed: the seal is renewed, in the place of the old one. */
	sealed[sealed_length / 2] ^= 1;
	put(sealed, sealed_length);
	sealed[sealed_length / 2] ^= 1;
	assert_int_equal(seal_file(path, &before), 0);
	assert_int_equal(before, SEAL_MISMATCH);
	bytes = get(&length);
	assert_int_equal(length, sealed_length);
	assert_int_equal(seal_check(bytes, length), SEAL_WHOLE);
	free(bytes);
}

static void assert_not_sealed(const void *bytes, size_t length, enum seal expected)
{
	enum seal before = SEAL_WHOLE;
	unsigned char *after;
	size_t after_length;

	put(bytes, length);
	assert_int_equal(seal_file(path, &before), -ENOEXEC);
	assert_int_equal(before, expected);
	assert_true(*seal_problem(before) != '\0');
	after = get(&after_length);
	assert_int_equal(after_length, length);
	assert_memory_equal(after, bytes, length);
	free(after);
}

static void what_is_no_whole_plugin_is_not_sealed(void **state)
{
	unsigned char *longer = calloc(1, plain_length + PAGE);
	enum seal before;

	(void)state;
	assert_not_sealed("#!/bin/sh\n", 10, SEAL_NO_ELF);
	assert_not_sealed("", 0, SEAL_NO_ELF);
	assert_not_sealed(plain, plain_length / 2, SEAL_SHORT);
	assert_not_sealed(plain, plain_length - 1, SEAL_SHORT);
	memcpy(longer, plain, plain_length);
	longer[plain_length + 7] = 'x';
	assert_not_sealed(longer, plain_length + PAGE, SEAL_MISMATCH);
	/* Zeros are what tools that move sections leave. */
	longer[plain_length + 7] = 0;
	put(longer, plain_length + PAGE);
	assert_int_equal(open_it(NULL, NULL), -ENOEXEC);
	assert_int_equal(seal_file(path, &before), 0);
	assert_int_equal(open_it(NULL, NULL), 0);
	unlink(path);
	assert_int_equal(seal_file(path, &before), -ENOENT);
	assert_int_equal(seal_file(folder, &before), -EISDIR);
	free(longer);
}

/* ---- damage ---- */

static uint64_t seed = 20261129;

static size_t draw(size_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % below);
}

static void flip(unsigned char *bytes, size_t from, size_t to, size_t times)
{
	for (size_t i = 0; i < times; i++)
		bytes[from + draw(to - from)] ^= (unsigned char)(1 + draw(255));
}

static void swap_pages(unsigned char *bytes, size_t length)
{
	unsigned char page[PAGE];
	size_t pages = length / PAGE, one = draw(pages) * PAGE, other = draw(pages) * PAGE;

	memcpy(page, bytes + one, PAGE);
	memcpy(bytes + one, bytes + other, PAGE);
	memcpy(bytes + other, page, PAGE);
}

/* Returns the length that is left. */
static size_t damage(unsigned char *bytes, size_t length)
{
	size_t from;

	switch (draw(8)) {
	case 0: return draw(length);
	case 1: return length - 1 - draw(SEAL_BYTES);
	case 2: swap_pages(bytes, length); break;
	case 3: flip(bytes, length - SEAL_BYTES, length, 1 + draw(4)); break;
	case 4: flip(bytes, 0, PAGE / 16, 1 + draw(4)); break;
	case 5: /* as a copy that reserves the room first and is then cut off */
		from = draw(length);
		memset(bytes + from, 0, length - from);
		break;
	case 6:
		from = draw(length - SEAL_BYTES);
		memmove(bytes + from, bytes + from + 1, length - from - 1);
		return length - 1;
	default: flip(bytes, 0, length, 1 + draw(16)); break;
	}
	return length;
}

static void a_thousand_damaged_files_are_refused_and_none_crashes(void **state)
{
	unsigned char *bytes = malloc(sealed_length);
	int refused = 0, same = 0;

	(void)state;
	assert_non_null(bytes);
	while (refused < 1000) {
		size_t length;

		memcpy(bytes, sealed, sealed_length);
		length = damage(bytes, sealed_length);
		if (length >= plain_length && memcmp(bytes, sealed, length) == 0 &&
			(length == sealed_length || length == plain_length)) {
			assert_true(++same < 200); /* nothing was changed, or nothing but the seal is gone */
			continue;
		}
		put(bytes, length);
		problem[0] = '\0';
		if (open_it(&with_prober, NULL) != -ENOEXEC || problem[0] == '\0')
			fail_msg("damaged file %d of %zu bytes was taken: \"%s\"", refused, length, problem);
		refused++;
	}
	free(bytes);
}

static void every_cut_of_headers_is_looked_at_within_its_bytes(void **state)
{
	(void)state;
	for (size_t length = 0; length < 2 * PAGE; length++) {
		unsigned char *exact = malloc(length + (length == 0));

		assert_non_null(exact);
		memcpy(exact, plain, length);
		assert_true(elf_end(exact, length) == 0 || elf_end(exact, length) > length);
		assert_int_equal(seal_check(exact, length),
			length < 4        ? SEAL_NO_ELF
				: length < 64 ? SEAL_NONE
							  : SEAL_SHORT);
		free(exact);
	}
	for (int i = 0; i < 20000; i++) {
		unsigned char head[PAGE];

		memcpy(head, plain, sizeof(head));
		flip(head, 0, 64 + 56 * 8, 1 + draw(8));
		(void)elf_end(head, sizeof(head));
	}
}

/* ---- without a seal ---- */

static void a_file_without_seal_is_tried_first_and_then_loaded(void **state)
{
	const struct image_rules no_such = { .prober = "/nowhere/feedloom" };
	bool is_sealed = true;

	(void)state;
	put(plain, plain_length);
	assert_int_equal(open_it(&with_prober, &is_sealed), 0);
	assert_false(is_sealed);
	assert_int_equal(open_it(&no_such, NULL), -ENOEXEC);
	/* Under valgrind posix_spawn does not tell: the child ends at once. */
	if (getenv("FEEDLOOM_VALGRIND") == NULL)
		assert_non_null(strstr(problem, "cannot be started"));
	assert_int_equal(open_it(&strict, NULL), -ENOEXEC);
	assert_non_null(strstr(problem, "has no seal: feedloom plugins --seal"));
}

static void what_crashes_when_it_is_opened_crashes_elsewhere(void **state)
{
	char from[4096];
	struct image *image = NULL;

	(void)state;
	assert_int_equal(image_find(&rig_folders, "crashes", from, sizeof(from)), 0);
	assert_int_equal(image_open(from, &with_prober, &image, problem, sizeof(problem)), -ENOEXEC);
	assert_null(image);
	assert_non_null(strstr(problem, "in a process of its own, it ended"));
	/* What is wrong without a crash is said as it would be here. */
	assert_int_equal(image_find(&rig_folders, "unresolved", from, sizeof(from)), 0);
	assert_int_equal(image_open(from, &with_prober, &image, problem, sizeof(problem)), -ENOEXEC);
	assert_non_null(strstr(problem, "fl_not_there"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seal_is_added_and_changes_nothing_before_it),
		cmocka_unit_test(sealing_twice_is_sealing_once),
		cmocka_unit_test(what_is_no_whole_plugin_is_not_sealed),
		cmocka_unit_test(a_thousand_damaged_files_are_refused_and_none_crashes),
		cmocka_unit_test(every_cut_of_headers_is_looked_at_within_its_bytes),
		cmocka_unit_test(a_file_without_seal_is_tried_first_and_then_loaded),
		cmocka_unit_test(what_crashes_when_it_is_opened_crashes_elsewhere),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
