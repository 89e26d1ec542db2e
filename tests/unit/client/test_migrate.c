#include "unit.h"

#include "migrate.h"

#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

struct fixture {
	char folder[64], schema[128], path[128];
	struct buf report, why;
	size_t pending;
};

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	strcpy(fixture.folder, "/tmp/test_migrate.XXXXXX");
	assert_non_null(mkdtemp(fixture.folder));
	snprintf(fixture.schema, sizeof(fixture.schema), "%s/schema", fixture.folder);
	snprintf(fixture.path, sizeof(fixture.path), "%s/var/x.db", fixture.folder);
	assert_int_equal(file_make_folder(fixture.schema), 0);
	buf_init(&fixture.report, 0);
	buf_init(&fixture.why, 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	buf_finish(&fixture->report);
	buf_finish(&fixture->why);
	snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
	return system(command) == 0 ? 0 : -1;
}

static void put(struct fixture *fixture, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", fixture->schema, name);
	assert_int_equal(file_store(path, text, strlen(text)), 0);
}

static int migrate(struct fixture *fixture, enum migrate_mode mode)
{
	buf_clear(&fixture->report, 0);
	buf_clear(&fixture->why, 0);
	return migrate_sqlite(
		fixture->path, fixture->schema, mode, &fixture->report, &fixture->pending, &fixture->why);
}

static int64_t number(struct fixture *fixture, const char *sql)
{
	sqlite3_stmt *handle;
	sqlite3 *db;
	int64_t value;

	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &handle, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(handle), SQLITE_ROW);
	value = sqlite3_column_int64(handle, 0);
	sqlite3_finalize(handle);
	sqlite3_close(db);
	return value;
}

static void put_two(struct fixture *fixture)
{
	put(fixture, "0001_tables.sql", "CREATE TABLE a(x INTEGER);\nCREATE TABLE b(y TEXT);\n");
	put(fixture, "0002_more.sql", "INSERT INTO a VALUES(7);\n");
}

static void each_is_applied_once(void **state)
{
	struct fixture *fixture = *state;

	put_two(fixture);
	put(fixture, "README.md", "not a migration");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), 0);
	assert_string_equal(
		buf_string(&fixture->report), "0001_tables.sql: applied\n0002_more.sql: applied\n");
	assert_int_equal(fixture->pending, 2);
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), 0);
	assert_string_equal(buf_string(&fixture->report), "");
	assert_int_equal(fixture->pending, 0);
	assert_int_equal(number(fixture, "SELECT sum(x) FROM a"), 7);
	assert_int_equal(number(fixture, "SELECT count(*) FROM feedloom_migration"), 2);
	assert_true(number(fixture, "SELECT min(applied_at) FROM feedloom_migration") >
		INT64_C(1700000000000000));
	assert_int_equal(number(fixture, "PRAGMA auto_vacuum"), 2);
}

static void a_dry_run_creates_nothing(void **state)
{
	struct fixture *fixture = *state;

	put_two(fixture);
	assert_int_equal(migrate(fixture, MIGRATE_DRY_RUN), 0);
	assert_string_equal(buf_string(&fixture->report),
		"0001_tables.sql: would be applied\n0002_more.sql: would be applied\n");
	assert_int_equal(fixture->pending, 2);
	assert_false(file_exists(fixture->path));
}

static void the_status_says_when_and_what_is_left(void **state)
{
	struct fixture *fixture = *state;

	put_two(fixture);
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), 0);
	put(fixture, "0003_last.sql", "CREATE TABLE c(z REAL);");
	assert_int_equal(migrate(fixture, MIGRATE_STATUS), 0);
	assert_non_null(strstr(buf_string(&fixture->report), "0001_tables.sql: applied 20"));
	assert_non_null(strstr(buf_string(&fixture->report), "Z\n0003_last.sql: pending\n"));
	assert_int_equal(fixture->pending, 1);
}

static void a_changed_file_is_named(void **state)
{
	struct fixture *fixture = *state;

	put_two(fixture);
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), 0);
	put(fixture, "0001_tables.sql", "CREATE TABLE a(x INTEGER, z);\nCREATE TABLE b(y TEXT);\n");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EINVAL);
	assert_non_null(strstr(buf_string(&fixture->why), ": 0001_tables.sql has changed since"));
}

static void a_newer_database_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	put_two(fixture);
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), 0);
	snprintf(path, sizeof(path), "%s/0002_more.sql", fixture->schema);
	assert_int_equal(file_remove(path), 0);
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EPROTO);
	assert_non_null(strstr(buf_string(&fixture->why),
		": schema 2 is newer than this program knows (1): upgrade feedloom, or use another "
		"database"));
}

static void one_that_fails_leaves_nothing_of_itself(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "0001_tables.sql", "CREATE TABLE a(x);");
	put(fixture, "0002_more.sql", "CREATE TABLE b(x); CREATE TABLE a(x);");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EINVAL);
	assert_non_null(strstr(buf_string(&fixture->why), ": 0002_more.sql: table a already exists"));
	assert_string_equal(buf_string(&fixture->report), "0001_tables.sql: applied\n");
	assert_int_equal(
		number(fixture, "SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')"), 1);
	put(fixture, "0002_more.sql", "COMMIT; CREATE TABLE c(x);");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EINVAL);
	assert_non_null(strstr(buf_string(&fixture->why), "0002_more.sql: must not begin or end"));
}

static void names_come_once_without_a_hole(void **state)
{
	struct fixture *fixture = *state;
	struct migrations files;

	assert_int_equal(migrations_load(fixture->schema, &files, &fixture->why), -ENOENT);
	put(fixture, "0001_a.sql", "");
	put(fixture, "0003_c.sql", "");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EINVAL);
	assert_non_null(strstr(buf_string(&fixture->why), "/0003_c.sql: its number should be 0002"));
	put(fixture, "0002_b.sql", "");
	put(fixture, "0002_bb.sql", "");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EINVAL);
	assert_non_null(strstr(buf_string(&fixture->why), "/0002_bb.sql: its number should be 0003"));
	put(fixture, "0000.sql", "");
	assert_int_equal(migrate(fixture, MIGRATE_APPLY), -EINVAL);
	assert_non_null(strstr(buf_string(&fixture->why), "/0000.sql: a migration is named"));
}

static void checksums_are_sha256(void **state)
{
	struct fixture *fixture = *state;
	struct migrations files;

	put(fixture, "0001_a.sql", "abc");
	assert_int_equal(migrations_load(fixture->schema, &files, &fixture->why), 0);
	assert_string_equal(files.items[0].checksum,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	migrations_finish(&files);
}

static void a_hole_in_what_was_applied_is_told(void **state)
{
	struct migration items[] = { { .version = 1, .file = "0001_a.sql", .checksum = "aa" },
		{ .version = 2, .file = "0002_b.sql", .checksum = "bb" } };
	struct migrations files = { items, 2 };
	struct migration_applied applied[] = { { 2, "0002_b.sql", "bb" } };
	struct fixture *fixture = *state;
	size_t next;

	assert_int_equal(migration_plan(&files, applied, 1, "x.db", &next, &fixture->why), -EINVAL);
	assert_non_null(
		strstr(buf_string(&fixture->why), "x.db: schema 1 was never applied, but 2 was"));
	applied[0] = (struct migration_applied){ 1, "0001_a.sql", "aa" };
	assert_int_equal(migration_plan(&files, applied, 1, "x.db", &next, &fixture->why), 0);
	assert_int_equal(next, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_is_applied_once),
		TEST(a_dry_run_creates_nothing),
		TEST(the_status_says_when_and_what_is_left),
		TEST(a_changed_file_is_named),
		TEST(a_newer_database_is_refused),
		TEST(one_that_fails_leaves_nothing_of_itself),
		TEST(names_come_once_without_a_hole),
		TEST(checksums_are_sha256),
		TEST(a_hole_in_what_was_applied_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
