/* test_file.c: files, maps, guards, folders; in a folder of its own that is removed at the end. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "loop.h"
#include "worker.h"

static char folder[128];

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned turn;

	turn = (turn + 1) % 4;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static int remove_one(void *data, const char *name)
{
	const char *path = in_folder(name);

	(void)data;
	return remove(path);
}

static int begin(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/feedloom-file-XXXXXX", base != NULL ? base : "/tmp");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	return file_list(folder, remove_one, NULL) != 0 ? -1 : rmdir(folder);
}

static struct file *open_file(const char *name, unsigned flags)
{
	struct file *file = NULL;

	assert_int_equal(file_open(in_folder(name), flags, &file), 0);
	return file;
}

static void bytes_come_back_from_where_they_were_put(void **state)
{
	struct file *file = open_file("data", FILE_READ | FILE_WRITE | FILE_CREATE);
	char bytes[16] = "";

	(void)state;
	assert_int_equal(file_write(file, 3, "hello", 5), 5);
	assert_int_equal(file_size(file), 8);
	assert_int_equal(file_append(file, "!", 1), 1);
	assert_int_equal(file_read(file, 3, bytes, sizeof(bytes)), 6); /* short: the end */
	assert_string_equal(bytes, "hello!");
	assert_int_equal(file_read(file, 100, bytes, 1), 0);
	assert_int_equal(file_truncate(file, 2), 0);
	assert_int_equal(file_size(file), 2);
	assert_int_equal(file_sync(file), 0);
	file_close(file);
	file_close(NULL);
}

static void opening_says_what_is_wrong(void **state)
{
	struct file *file = NULL;

	(void)state;
	assert_int_equal(file_open(in_folder("absent"), FILE_READ, &file), -ENOENT);
	file_close(open_file("once", FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE));
	assert_int_equal(
		file_open(in_folder("once"), FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &file), -EEXIST);
	assert_null(file);
}

static void a_second_holder_is_refused_the_lock(void **state)
{
	struct file *first = open_file("lock", FILE_READ | FILE_WRITE | FILE_CREATE);
	struct file *second = open_file("lock", FILE_READ | FILE_WRITE);

	(void)state;
	assert_int_equal(file_lock(first), 0);
	assert_int_equal(file_lock(second), -EWOULDBLOCK);
	file_close(first);
	assert_int_equal(file_lock(second), 0);
	file_close(second);
}

static void room_is_made_ahead(void **state)
{
	struct file *file = open_file("room", FILE_READ | FILE_WRITE | FILE_CREATE | FILE_NOCOW);
	struct stat status;

	(void)state;
	assert_int_equal(file_write(file, 0, "kept", 4), 4);
	assert_int_equal(file_allocate(file, 1 << 20), 0);
	assert_int_equal(file_size(file), 1 << 20);
	assert_int_equal(stat(in_folder("room"), &status), 0);
	assert_true(status.st_blocks * 512 >= 1 << 20);
	assert_int_equal(status.st_mode & 0777 & ~0640, 0);
	file_close(file);
}

static void a_map_is_the_file(void **state)
{
	struct file *file = open_file("map", FILE_READ | FILE_WRITE | FILE_CREATE);
	size_t length = 8 * file_page_bytes();
	char bytes[4] = "";
	void *address;
	char *at;

	(void)state;
	assert_int_equal(file_allocate(file, (int64_t)length * 2), 0);
	assert_int_equal(file_write(file, (int64_t)length, "old", 3), 3);
	assert_int_equal(file_map(file, (int64_t)length, length, true, &address), 0);
	at = address;
	assert_int_equal(file_populate(address, length), 0);
	assert_memory_equal(at, "old", 3); /* populating changes nothing */
	memcpy(at, "new", 3);
	assert_int_equal(file_map_sync(address, length), 0);
	file_give_back(address, length);
	assert_memory_equal(at, "new", 3);
	assert_int_equal(file_read(file, (int64_t)length, bytes, 3), 3);
	assert_memory_equal(bytes, "new", 3);
	file_unmap(address, length);
	file_close(file);
}

static void a_guarded_map_survives_its_file(void **state)
{
	struct file *file = open_file("guard", FILE_READ | FILE_WRITE | FILE_CREATE);
	size_t page = file_page_bytes(), length = 4 * page;
	volatile bool is_damaged = false;
	void *address;
	volatile char *at;

	(void)state;
	assert_int_equal(file_allocate(file, (int64_t)length), 0);
	assert_int_equal(file_map(file, 0, length, true, &address), 0);
	assert_int_equal(file_guard(address, length, &is_damaged), 0);
	at = address;
	at[0] = 'a';
	assert_false(is_damaged);
	assert_int_equal(file_truncate(file, (int64_t)page), 0);
	at[2 * page + 5] = 'b'; /* its page is gone from the file */
	assert_true(is_damaged);
	assert_int_equal(at[2 * page + 5], 'b');
	assert_int_equal(at[0], 'a');
	assert_int_equal(file_populate((char *)address + 3 * page, page), -EFAULT);
	file_unguard(address);
	file_unmap(address, length);
	file_close(file);
}

struct touching {
	volatile char *at;
	bool was_done;
};

static void touch(void *data)
{
	struct touching *touching = data;

	*touching->at = 'x';
}

static void touched(void *data)
{
	struct touching *touching = data;

	touching->was_done = true;
}

static void the_guard_holds_on_a_worker_too(void **state)
{
	struct file *file = open_file("worker", FILE_READ | FILE_WRITE | FILE_CREATE);
	volatile bool is_damaged = false;
	struct touching touching = { 0 };
	struct loop *loop;
	void *address;

	(void)state;
	assert_int_equal(loop_open(&loop), 0);
	assert_int_equal(file_map(file, 0, file_page_bytes(), true, &address), 0); /* an empty file */
	assert_int_equal(file_guard(address, file_page_bytes(), &is_damaged), 0);
	touching.at = address;
	assert_int_equal(worker_run(loop, touch, touched, &touching), 0);
	loop_close(loop);
	assert_true(touching.was_done);
	assert_true(is_damaged);
	file_unguard(address);
	file_unmap(address, file_page_bytes());
	file_close(file);
}

static void guards_are_few_and_come_back(void **state)
{
	static char pages[65];
	volatile bool is_damaged = false;

	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(file_guard(&pages[i], 1, &is_damaged), 0);
	assert_int_equal(file_guard(&pages[64], 1, &is_damaged), -ENOSPC);
	for (int i = 0; i < 64; i++)
		file_unguard(&pages[i]);
	assert_int_equal(file_guard(&pages[64], 1, &is_damaged), 0);
	file_unguard(&pages[64]);
}

static void a_file_is_stored_whole_and_loaded_whole(void **state)
{
	char *text = NULL;
	size_t length = 0;

	(void)state;
	assert_int_equal(file_store(in_folder("note"), "first", 5), 0);
	assert_int_equal(file_store(in_folder("note"), "2nd", 3), 0);
	assert_false(file_exists(in_folder("note.new")));
	assert_int_equal(file_load(in_folder("note"), 3, &text, &length), 0);
	assert_int_equal(length, 3);
	assert_string_equal(text, "2nd");
	free(text);
	assert_int_equal(file_load(in_folder("note"), 2, &text, &length), -EFBIG);
	assert_int_equal(file_load(in_folder("absent"), 2, &text, &length), -ENOENT);
	assert_int_equal(file_load(folder, 100, &text, &length), -EISDIR);
	assert_int_equal(file_store(in_folder("no/where"), "x", 1), -ENOENT);
}

static int gather(void *data, const char *name)
{
	strcat(data, name);
	strcat(data, " ");
	return strcmp(name, "c") == 0 ? 7 : 0;
}

static void folders_are_made_and_listed_in_order(void **state)
{
	char names[64] = "";

	(void)state;
	assert_int_equal(file_make_folder(in_folder("x/y/z/")), 0);
	assert_int_equal(file_make_folder(in_folder("x/y/z")), 0);
	assert_int_equal(file_sync_folder(in_folder("x/y")), 0);
	for (const char *name = "bcda"; *name != '\0'; name++) {
		char path[8] = "x/y/?";

		path[4] = *name;
		assert_int_equal(file_store(in_folder(path), "", 0), 0);
	}
	assert_int_equal(file_list(in_folder("x/y"), gather, names), 7);
	assert_string_equal(names, "a b c ");
	assert_int_equal(file_make_folder(in_folder("x/y/a/b")), -ENOTDIR);
	assert_int_equal(file_list(in_folder("q"), gather, names), -ENOENT);
	assert_int_equal(file_rename(in_folder("x/y/a"), in_folder("x/y/b")), 0);
	assert_false(file_exists(in_folder("x/y/a")));
	for (const char *name = "bcd"; *name != '\0'; name++) {
		char path[8] = "x/y/?";

		path[4] = *name;
		assert_int_equal(file_remove(in_folder(path)), 0);
	}
	assert_int_equal(rmdir(in_folder("x/y/z")) | rmdir(in_folder("x/y")), 0);
}

static void the_file_system_has_room_and_a_name(void **state)
{
	int64_t free_bytes = -1, total_bytes = -1;
	enum file_system kind = FILE_SYSTEM_FUSE;
	const char *name = NULL;

	(void)state;
	assert_int_equal(file_space(folder, &free_bytes, &total_bytes), 0);
	assert_true(free_bytes >= 0 && total_bytes >= free_bytes);
	assert_int_equal(file_system_kind("/dev/shm", &kind, &name), 0);
	assert_int_equal(kind, FILE_SYSTEM_LOCAL);
	assert_string_equal(name, "tmpfs");
	assert_int_equal(file_system_kind(in_folder("absent"), &kind, &name), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back_from_where_they_were_put),
		cmocka_unit_test(opening_says_what_is_wrong),
		cmocka_unit_test(a_second_holder_is_refused_the_lock),
		cmocka_unit_test(room_is_made_ahead),
		cmocka_unit_test(a_map_is_the_file),
		cmocka_unit_test(a_guarded_map_survives_its_file),
		cmocka_unit_test(the_guard_holds_on_a_worker_too),
		cmocka_unit_test(guards_are_few_and_come_back),
		cmocka_unit_test(a_file_is_stored_whole_and_loaded_whole),
		cmocka_unit_test(folders_are_made_and_listed_in_order),
		cmocka_unit_test(the_file_system_has_room_and_a_name),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
