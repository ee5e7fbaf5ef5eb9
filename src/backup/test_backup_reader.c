/* a backup opens as a whole, and its contents come out with their true length */
#include "backup/testing.h"

#include "backup/internal.h"
#include "crypto/crypto.h"

static void open_kind(struct backup_reader *reader, struct backup_tree **tree, const char *kind,
		      const char *password, int wanted)
{
	struct secret secret = SECRET_INIT;
	struct err err = ERR_INIT;
	char path[1024];
	int r;

	if (password)
		testing_password(&secret, password);
	backup_reader_init(reader);
	assert_done(backup_tree_folder(tree, testing_backup(kind, NULL, path), &err), err);
	r = backup_reader_open(reader, *tree, password ? &secret : NULL, &err);
	if (r != wanted)
		print_error("open: %d %s\n", r, err.text);
	assert_int_equal(r, wanted);
}

static void assert_contents(struct backup_reader *reader)
{
	struct backup_file file;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kat_files); i++) {
		CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
		CLEANUP(source_close_p) struct source *source = NULL;
		const struct kat_file *kat = &kat_files[i];
		uint8_t digest[32], wanted[32];
		unsigned notes = 0;

		assert_done(
			backup_manifest_find(reader->manifest, kat->domain, kat->path, &file, &err),
			err);
		assert_done(backup_reader_content(reader, &file, &source, &notes, &err), err);
		assert_int_equal(source->len, kat->size);
		assert_int_equal(notes,
				 kat->size == kat->manifest_size ? 0 : BACKUP_NOTE_SIZE_DRIFT);
		assert_done(source_read_all(source, &bytes, &err), err);
		crypto_sha256(buf_slice(&bytes), digest);
		testing_hex(kat->plain_sha256, wanted, sizeof(wanted));
		assert_memory_equal(digest, wanted, sizeof(digest));
	}
}

static void a_plain_backup_gives_every_known_file(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;

	open_kind(&reader, &tree, "plain", NULL, 0);
	assert_true(reader.has_properties && reader.has_status && reader.has_info);
	assert_null(reader.bag);
	assert_contents(&reader);
}

static void an_encrypted_backup_gives_every_known_file(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;

	open_kind(&reader, &tree, "encrypted", KAT_PASSWORD, 0);
	assert_true(backup_keybag_is_open(reader.bag));
	assert_contents(&reader);
}

static void without_the_password_the_manifest_stays_closed(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;

	open_kind(&reader, &tree, "encrypted", NULL, 0);
	assert_non_null(reader.bag);
	assert_null(reader.manifest);
	assert_string_equal(reader.properties.udid, KAT_UDID);
}

static void a_wrong_password_is_an_outcome(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;

	open_kind(&reader, &tree, "encrypted", "wrong", BACKUP_WRONG_PASSWORD);
}

static void missing_contents_are_absent_and_directories_have_none(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct backup_file file = {.mode = 0100644, .flags = 1};
	struct source *source = NULL;
	struct err err = ERR_INIT;
	unsigned notes = 0;

	open_kind(&reader, &tree, "plain", NULL, 0);
	strcpy(file.file_id, "0123456789012345678901234567890123456789");
	assert_int_equal(backup_reader_content(&reader, &file, &source, &notes, &err),
			 BACKUP_ABSENT);
	file.mode = 040755;
	assert_int_equal(backup_reader_content(&reader, &file, &source, &notes, &err), ERR_USAGE);
	file.mode = 0100644;
	strcpy(file.file_id, "../../../../etc/passwd");
	assert_int_equal(backup_reader_content(&reader, &file, &source, &notes, &err), ERR_USAGE);
}

/* ---- the folder ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
	struct err err = ERR_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_done(fs_write_file(fs_system(), path, slice_text(text), 0600, &err), err);
}

static void a_folder_leads_nowhere_else(void **state)
{
	CLEANUP(testing_folder_remove) char *outside = testing_folder();
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct source *source = NULL;
	struct err err = ERR_INIT;
	char link_path[512], target[512];
	uint64_t size;

	write_file(folder, "Manifest.db", "x");
	write_file(outside, "secret", "s");
	snprintf(target, sizeof(target), "%s/secret", outside);
	snprintf(link_path, sizeof(link_path), "%s/Info.plist", folder);
	assert_int_equal(symlink(target, link_path), 0);
	snprintf(link_path, sizeof(link_path), "%s/aa", folder);
	assert_int_equal(symlink(outside, link_path), 0);

	assert_done(backup_tree_folder(&tree, folder, &err), err);
	assert_int_equal(tree->stat(tree, "Manifest.db", &size, &err), 0);
	assert_int_equal(size, 1);
	assert_int_equal(tree->open(tree, "Info.plist", &source, &err), BACKUP_ABSENT);
	assert_int_equal(tree->open(tree, "aa/secret", &source, &err), BACKUP_ABSENT);
	assert_int_equal(tree->stat(tree, "aa", &size, &err), BACKUP_ABSENT);
	assert_int_equal(tree->open(tree, "no/such", &source, &err), BACKUP_ABSENT);
	assert_int_equal(tree->open(tree, "Manifest.db/x", &source, &err), BACKUP_ABSENT);
	assert_true(tree->open(tree, "../secret", &source, &err) < 0);
	assert_true(tree->open(tree, target, &source, &err) < 0);
	assert_null(source);
}

static int sum_sizes(void *arg, const char *path, uint64_t size, struct err *err)
{
	((uint64_t *)arg)[0]++;
	((uint64_t *)arg)[1] += size;
	return 0;
}

static int stop_at_once(void *arg, const char *path, uint64_t size, struct err *err)
{
	++*(int *)arg;
	return 7;
}

static void a_walk_meets_every_file_and_stops_when_told(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct err err = ERR_INIT;
	uint64_t sums[2] = {0, 0};
	char path[1024];
	int calls = 0;

	assert_done(backup_tree_folder(&tree, testing_backup("plain", NULL, path), &err), err);
	assert_done(tree->walk(tree, sum_sizes, sums, &err), err);
	assert_int_equal(sums[0], ARRAY_COUNT(kat_files) + 4);
	assert_int_equal(tree->walk(tree, stop_at_once, &calls, &err), 7);
	assert_int_equal(calls, 1);
}

static void what_is_no_backup_is_refused_with_the_reason(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	struct backup_tree *tree = NULL;
	struct err err = ERR_INIT;
	char path[512];

	assert_int_equal(backup_tree_folder(&tree, folder, &err), ERR_CORRUPT);
	snprintf(path, sizeof(path), "%s/absent", folder);
	assert_int_equal(backup_tree_folder(&tree, path, &err), ERR_NOT_FOUND);
}

/* A manifest like that of iOS 10.0: the salt in Properties gives it away. */
static void a_backup_by_ios_10_0_is_unsupported(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct err err = ERR_INIT;
	sqlite3 *db = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/Manifest.db", folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, "
				      "relativePath TEXT, flags INTEGER, file BLOB);"
				      "CREATE TABLE Properties (key TEXT PRIMARY KEY, value BLOB);"
				      "INSERT INTO Properties VALUES ('salt', x'00'),"
				      "('passwordHash', x'00')",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, folder, &err), err);
	assert_int_equal(backup_reader_open(&reader, tree, NULL, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "10.0"));
}

/* ---- fixtures that others made ---- */

/* Decrypted by its makers, who left the padding and replaced most contents. */
static void a_real_backup_without_its_plists_opens_and_gives_what_is_there(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct backup_file file;
	struct err err = ERR_INIT;
	unsigned notes = 0, rows = 0, contents = 0, absent = 0;
	char path[1024];

	if (!testing_fixture("mvt-ios-backup", path))
		skip();
	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, path, &err), err);
	assert_done(backup_reader_open(&reader, tree, NULL, &err), err);
	assert_false(reader.has_properties);
	assert_false(reader.has_status);
	assert_true(reader.has_info);
	assert_true(backup_manifest_has_padding(reader.manifest));
	assert_done(backup_manifest_rewind(reader.manifest, BACKUP_ORDER_STORED, NULL, &err), err);
	for (; !backup_manifest_next(reader.manifest, &file, &err); rows++) {
		CLEANUP(buf_clear) struct buf bytes = BUF_INIT(16 << 20);
		CLEANUP(source_close_p) struct source *source = NULL;
		int r;

		if (!backup_file_is_regular(&file))
			continue;
		r = backup_reader_content(&reader, &file, &source, &notes, &err);
		absent += r == BACKUP_ABSENT;
		if (r == BACKUP_ABSENT)
			continue;
		assert_int_equal(r, 0);
		assert_done(source_read_all(source, &bytes, &err), err);
		contents++;
	}
	assert_int_equal(rows, 3721);
	assert_int_equal(contents, 10); /* an eleventh file has no row */
	assert_int_equal(absent, 1079);
	assert_int_equal(notes, BACKUP_NOTE_SIZE_DRIFT);
}

/* Ten million rounds, a manifest without padding, flags 0: made by another tool's tests. */
static void a_third_partys_encrypted_backup_opens_at_full_cost(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	CLEANUP(source_close_p) struct source *source = NULL;
	struct secret password = SECRET_INIT;
	struct backup_file file;
	struct err err = ERR_INIT;
	unsigned notes = 0;
	char path[1024];

	if (!testing_fixture("pyiosbackup-encrypted/ios10.3-sqlite", path))
		skip();
	testing_password(&password, "0000");
	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, path, &err), err);
	assert_done(backup_reader_open(&reader, tree, &password, &err), err);
	assert_int_equal(backup_keybag_rounds(reader.bag), 10010000);
	assert_false(backup_manifest_has_padding(reader.manifest));
	assert_done(backup_manifest_find(reader.manifest, "MyTestDomain", "Media/Test.txt", &file,
					 &err),
		    err);
	assert_done(backup_reader_content(&reader, &file, &source, &notes, &err), err);
	assert_done(source_read_all(source, &bytes, &err), err);
	assert_string_equal(buf_text(&bytes), "Test data");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_backup_gives_every_known_file),
		cmocka_unit_test(an_encrypted_backup_gives_every_known_file),
		cmocka_unit_test(without_the_password_the_manifest_stays_closed),
		cmocka_unit_test(a_wrong_password_is_an_outcome),
		cmocka_unit_test(missing_contents_are_absent_and_directories_have_none),
		cmocka_unit_test(a_folder_leads_nowhere_else),
		cmocka_unit_test(a_walk_meets_every_file_and_stops_when_told),
		cmocka_unit_test(what_is_no_backup_is_refused_with_the_reason),
		cmocka_unit_test(a_backup_by_ios_10_0_is_unsupported),
		cmocka_unit_test(a_real_backup_without_its_plists_opens_and_gives_what_is_there),
		cmocka_unit_test(a_third_partys_encrypted_backup_opens_at_full_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
