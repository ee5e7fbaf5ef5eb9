/* Manifest.db is written as devices write it, and changed in place */
#include "backup/testing.h"

#include "backup/internal.h"

enum { PAGE = 4096 };

/* Row number @i of an invented device; @version changes its record, not its name */
static void put_row(struct backup_manifest_writer *writer, unsigned i, unsigned version)
{
	struct backup_file file = {.mode = 0100644, .flags = 1, .protection_class = 3};
	struct err err = ERR_INIT;
	char domain[64], path[64];

	snprintf(domain, sizeof(domain), "AppDomain-com.example.app%u", i % 7);
	snprintf(path, sizeof(path), "Documents/folder/file-%05u.dat", i);
	file.domain = domain;
	file.path = path;
	file.size = i * 10 + version;
	file.modified = 1700000000 + (int64_t)version;
	backup_file_id(domain, path, file.file_id);
	assert_done(backup_manifest_put(writer, &file, &err), err);
}

static void make(const char *path, unsigned rows)
{
	struct backup_manifest_writer *writer = NULL;
	struct err err = ERR_INIT;
	unsigned i;

	assert_done(backup_manifest_create(&writer, path, &err), err);
	for (i = 0; i < rows; i++)
		put_row(writer, i, 0);
	assert_done(backup_manifest_finish(writer, &err), err);
}

static uint64_t count_rows(const char *path)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct err err = ERR_INIT;
	uint64_t rows = 0;

	assert_done(backup_manifest_open(&manifest, testing_open(path), &err), err);
	assert_done(backup_manifest_count(manifest, &rows, &err), err);
	return rows;
}

static int count_name(void *arg, const char *name)
{
	++*(int *)arg;
	return 0;
}

static void assert_alone(const char *folder)
{
	int names = 0;

	assert_int_equal(fs_system()->list(fs_system(), folder, count_name, &names), 0);
	assert_int_equal(names, 1);
}

static void a_new_manifest_has_the_form_that_devices_give_it(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct backup_manifest_facts facts;
	struct backup_file file;
	struct err err = ERR_INIT;
	char path[256];

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	make(path, 100);
	assert_alone(folder);
	testing_read_file(path, &bytes);
	assert_int_equal(bytes.len % PAGE, 0);
	assert_int_equal(bytes.bytes[18], 2);
	assert_int_equal(bytes.bytes[19], 2);
	assert_int_equal(get_u32be(bytes.bytes + 56), 1); /* UTF-8 */
	assert_int_equal(get_u32be(bytes.bytes + 64), 1); /* incremental vacuum */

	assert_done(backup_manifest_open(&manifest, testing_open(path), &err), err);
	backup_manifest_facts(manifest, &facts);
	assert_int_equal(facts.page_size, PAGE);
	assert_int_equal(facts.user_version, 2);
	assert_true(facts.has_wal_header);
	assert_done(backup_manifest_find(manifest, "AppDomain-com.example.app3",
					 "Documents/folder/file-00010.dat", &file, &err),
		    err);
	assert_int_equal(file.size, 100);
	assert_int_equal(file.flags, 1);
}

static void the_schema_is_that_of_a_devices_manifest(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	char path[256], known[1024], uri[1100], sql[2][2048];
	const char *paths[2] = {path, known};
	int i;

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	testing_backup("plain", "Manifest.db", known);
	make(path, 1);
	for (i = 0; i < 2; i++) {
		sqlite3_stmt *statement = NULL;
		sqlite3 *db = NULL;

		snprintf(uri, sizeof(uri), "file:%s?immutable=1", paths[i]);
		assert_int_equal(
			sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
			SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db,
						    "SELECT group_concat(type || name || "
						    "ifnull(sql, '')) FROM sqlite_schema",
						    -1, &statement, NULL),
				 SQLITE_OK);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		snprintf(sql[i], sizeof(sql[i]), "%s",
			 (const char *)sqlite3_column_text(statement, 0));
		sqlite3_finalize(statement);
		sqlite3_close(db);
	}
	assert_string_equal(sql[0], sql[1]);
}

static void the_same_calls_give_the_same_bytes(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(buf_clear) struct buf first = BUF_INIT(1 << 24), second = BUF_INIT(1 << 24);
	char path[256];

	snprintf(path, sizeof(path), "%s/a", folder);
	make(path, 3000);
	testing_read_file(path, &first);
	snprintf(path, sizeof(path), "%s/b", folder);
	make(path, 3000);
	testing_read_file(path, &second);
	assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
}

static size_t changed_pages(const struct buf *a, const struct buf *b)
{
	size_t at, changed = 0;

	assert_int_equal(a->len, b->len);
	for (at = 0; at < a->len; at += PAGE)
		changed += memcmp(a->bytes + at, b->bytes + at, PAGE) != 0;
	return changed;
}

static void an_edit_leaves_unchanged_pages_as_they_are(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(buf_clear) struct buf before = BUF_INIT(1 << 24), same = BUF_INIT(1 << 24);
	CLEANUP(buf_clear) struct buf changed = BUF_INIT(1 << 24);
	struct backup_manifest_writer *writer = NULL;
	struct err err = ERR_INIT;
	char path[256];
	unsigned i;

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	make(path, 3000);
	testing_read_file(path, &before);

	assert_done(backup_manifest_edit(&writer, path, &err), err);
	for (i = 0; i < 3000; i++)
		put_row(writer, i, 0);
	assert_done(backup_manifest_finish(writer, &err), err);
	testing_read_file(path, &same);
	assert_true(changed_pages(&before, &same) <= 1); /* the change counter, at most */

	assert_done(backup_manifest_edit(&writer, path, &err), err);
	for (i = 0; i < 3000; i++)
		put_row(writer, i, i % 300 == 0);
	assert_done(backup_manifest_finish(writer, &err), err);
	testing_read_file(path, &changed);
	assert_in_range(changed_pages(&same, &changed), 10, 12); /* ten rows and the header */
	assert_int_equal(changed.bytes[18], 2);
	assert_alone(folder);
}

static void rows_are_added_replaced_and_removed_in_a_devices_own_manifest(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct backup_manifest_writer *writer = NULL;
	struct backup_file file = {
		.domain = "HomeDomain", .path = "Library", .flags = 2, .mode = 040700, .uid = 99};
	struct err err = ERR_INIT;
	char path[1024];

	testing_read_file(testing_backup("plain", "Manifest.db", path), &bytes);
	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	assert_done(fs_write_file(fs_system(), path, buf_slice(&bytes), 0600, &err), err);

	assert_done(backup_manifest_edit(&writer, path, &err), err);
	backup_file_id(file.domain, file.path, file.file_id);
	assert_done(backup_manifest_put(writer, &file, &err), err);
	put_row(writer, 1, 0);
	put_row(writer, 2, 0);
	assert_int_equal(backup_manifest_remove(writer, kat_files[0].file_id, &err), 0);
	assert_int_equal(backup_manifest_remove(writer, kat_files[0].file_id, &err), BACKUP_ABSENT);
	assert_done(backup_manifest_finish(writer, &err), err);
	assert_alone(folder);

	assert_int_equal(count_rows(path), 46 + 2 - 1);
	assert_done(backup_manifest_open(&manifest, testing_open(path), &err), err);
	assert_done(backup_manifest_find(manifest, "HomeDomain", "Library", &file, &err), err);
	assert_int_equal(file.uid, 99);
	assert_int_equal(file.mode, 040700);
}

static void a_row_whose_flags_change_keeps_its_place(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct backup_manifest_writer *writer = NULL;
	struct backup_file file = {.domain = "D", .path = "one", .flags = 1, .mode = 0100600};
	struct err err = ERR_INIT;
	char path[256];

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	assert_done(backup_manifest_create(&writer, path, &err), err);
	backup_file_id(file.domain, file.path, file.file_id);
	assert_done(backup_manifest_put(writer, &file, &err), err);
	put_row(writer, 1, 0);
	file.flags = 4;
	file.mode = 0120600;
	file.target = "/elsewhere";
	assert_done(backup_manifest_put(writer, &file, &err), err);
	assert_done(backup_manifest_finish(writer, &err), err);

	assert_done(backup_manifest_open(&manifest, testing_open(path), &err), err);
	assert_done(backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, &err), err);
	assert_done(backup_manifest_next(manifest, &file, &err), err);
	assert_string_equal(file.path, "one");
	assert_int_equal(file.flags, 4);
	assert_string_equal(file.target, "/elsewhere");
}

static void creating_over_something_is_refused_and_abandoning_removes(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	struct backup_manifest_writer *writer = NULL;
	struct err err = ERR_INIT;
	char path[256];

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	assert_done(backup_manifest_create(&writer, path, &err), err);
	put_row(writer, 1, 0);
	backup_manifest_abandon(writer);
	assert_int_equal(access(path, F_OK), -1);
	make(path, 1);
	assert_int_equal(backup_manifest_create(&writer, path, &err), ERR_EXISTS);
	assert_int_equal(count_rows(path), 1);
	snprintf(path, sizeof(path), "%s/absent", folder);
	assert_int_equal(backup_manifest_edit(&writer, path, &err), ERR_NOT_FOUND);
}

static void rows_without_a_proper_name_are_refused(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	struct backup_manifest_writer *writer = NULL;
	struct backup_file file = {.domain = "D", .path = "p", .file_id = "../../x"};
	struct err err = ERR_INIT;
	char path[256];

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	assert_done(backup_manifest_create(&writer, path, &err), err);
	assert_int_equal(backup_manifest_put(writer, &file, &err), ERR_USAGE);
	assert_done(backup_manifest_finish(writer, &err), err);
	assert_int_equal(count_rows(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_manifest_has_the_form_that_devices_give_it),
		cmocka_unit_test(the_schema_is_that_of_a_devices_manifest),
		cmocka_unit_test(the_same_calls_give_the_same_bytes),
		cmocka_unit_test(an_edit_leaves_unchanged_pages_as_they_are),
		cmocka_unit_test(rows_are_added_replaced_and_removed_in_a_devices_own_manifest),
		cmocka_unit_test(a_row_whose_flags_change_keeps_its_place),
		cmocka_unit_test(creating_over_something_is_refused_and_abandoning_removes),
		cmocka_unit_test(rows_without_a_proper_name_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
