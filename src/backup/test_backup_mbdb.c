/* a backup of iOS 9 and older is read as if it had the present form */
#include "backup/testing.h"

#include "backup/mbdb.h"
#include "crypto/crypto.h"

/* ---- making a manifest ---- */

static void put_u16(struct buf *out, uint16_t value)
{
	const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};

	assert_int_equal(buf_append(out, bytes, sizeof(bytes), NULL), 0);
}

static void put_bytes(struct buf *out, struct slice bytes)
{
	put_u16(out, bytes.bytes ? (uint16_t)bytes.len : 0xffff);
	assert_int_equal(buf_append_slice(out, bytes, NULL), 0);
}

static void put_record(struct buf *out, const struct mbdb_record *record)
{
	size_t i;

	put_bytes(out, record->domain);
	put_bytes(out, record->path);
	put_bytes(out, record->target);
	put_bytes(out, record->digest);
	put_bytes(out, record->key);
	put_u16(out, record->mode);
	buf_append_u64be(out, record->inode, NULL);
	buf_append_u32be(out, record->uid, NULL);
	buf_append_u32be(out, record->gid, NULL);
	buf_append_u32be(out, record->modified, NULL);
	buf_append_u32be(out, 7, NULL);
	buf_append_u32be(out, record->born, NULL);
	buf_append_u64be(out, record->size, NULL);
	buf_append_u8(out, record->protection_class, NULL);
	buf_append_u8(out, (uint8_t)record->property_count, NULL);
	for (i = 0; i < record->property_count; i++) {
		put_bytes(out, record->properties[i].name);
		put_bytes(out, record->properties[i].value);
	}
}

static const char head[] = "mbdb\5\0";

/* a root, a file with attributes, a symlink, and a name that is no text */
static void make_manifest(struct buf *out)
{
	const struct mbdb_record records[] = {
		{.domain = slice_text("HomeDomain"), .mode = 0040755, .uid = 501, .gid = 501},
		{.domain = slice_text("HomeDomain"),
		 .path = slice_text("Library/a"),
		 .mode = 0100644,
		 .inode = 12,
		 .uid = 501,
		 .gid = (uint32_t)-2,
		 .modified = 1400000000,
		 .born = 1300000000,
		 .size = 5,
		 .protection_class = 4,
		 .properties = {{slice_text("com.apple.x"), slice_text("value")}},
		 .property_count = 1},
		{.domain = slice_text("HomeDomain"),
		 .path = slice_text("link"),
		 .target = slice_text("/elsewhere"),
		 .mode = 0120755},
		{.domain = slice_text("HomeDomain"),
		 .path = slice_text("\xff\xfe"),
		 .mode = 0100644},
	};
	size_t i;

	assert_int_equal(buf_append(out, head, 6, NULL), 0);
	for (i = 0; i < ARRAY_COUNT(records); i++)
		put_record(out, &records[i]);
}

static void write_old(const char *folder, const char *name, struct slice bytes)
{
	struct err err = ERR_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_done(fs_write_file(fs_system(), path, bytes, 0600, &err), err);
}

static void make_backup(const char *folder)
{
	CLEANUP(buf_clear) struct buf manifest = BUF_INIT(1 << 16);
	char file_id[41];

	make_manifest(&manifest);
	write_old(folder, "Manifest.mbdb", buf_slice(&manifest));
	backup_file_id("HomeDomain", "Library/a", file_id);
	write_old(folder, file_id, slice_text("hello"));
}

/* ---- reading ---- */

static void assert_file(const struct backup_file *file)
{
	assert_int_equal(file->mode, 0100644);
	assert_int_equal(file->flags, 1);
	assert_int_equal(file->inode, 12);
	assert_int_equal(file->uid, 501);
	assert_int_equal(file->gid, -2);
	assert_int_equal(file->modified, 1400000000);
	assert_int_equal(file->born, 1300000000);
	assert_int_equal(file->size, 5);
	assert_int_equal(file->protection_class, 4);
}

static void assert_attribute(struct slice xattrs)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *dict = NULL;
	struct slice value;
	struct err err = ERR_INIT;

	assert_done(plist_doc_new(&doc, &err), err);
	assert_done(plist_parse(doc, xattrs, &limits, &dict, &err), err);
	assert_true(plist_get_data(dict, "com.apple.x", &value));
	assert_true(slice_equal(value, slice_text("value")));
}

static void an_old_folder_reads_like_a_new_one(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(100);
	struct backup_file file;
	struct err err = ERR_INIT;
	unsigned notes = 0;
	uint64_t rows;

	make_backup(folder);
	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, folder, &err), err);
	assert_done(backup_reader_open(&reader, tree, NULL, &err), err);
	assert_non_null(reader.present);
	assert_done(backup_manifest_count(reader.manifest, &rows, &err), err);
	assert_int_equal(rows, 4);
	assert_done(backup_manifest_find(reader.manifest, "HomeDomain", "", &file, &err), err);
	assert_int_equal(file.flags, 2);
	assert_done(backup_manifest_find(reader.manifest, "HomeDomain", "link", &file, &err), err);
	assert_string_equal(file.target, "/elsewhere");
	assert_int_equal(file.flags, 4);
	assert_done(backup_manifest_find(reader.manifest, "HomeDomain", "Library/a", &file, &err),
		    err);
	assert_file(&file);
	assert_attribute(file.xattrs);
	assert_done(backup_reader_content(&reader, &file, &source, &notes, &err), err);
	assert_done(source_read_all(source, &bytes, &err), err);
	assert_string_equal(buf_text(&bytes), "hello");
	assert_int_equal(notes, 0);
}

static void a_name_that_is_no_text_is_a_damaged_row(void **state)
{
	CLEANUP(buf_clear) struct buf manifest = BUF_INIT(1 << 16);
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(backup_manifest_close_p) struct backup_manifest *rows = NULL;
	struct source *converted = NULL;
	struct backup_file file;
	struct err err = ERR_INIT;
	unsigned good = 0, damaged = 0;
	int r;

	make_manifest(&manifest);
	assert_done(source_bytes_open(&source, buf_slice(&manifest), &err), err);
	assert_done(mbdb_convert(source, &converted, &err), err);
	assert_done(backup_manifest_open(&rows, converted, &err), err);
	assert_done(backup_manifest_rewind(rows, BACKUP_ORDER_STORED, NULL, &err), err);
	while ((r = backup_manifest_next(rows, &file, &err)) != BACKUP_END) {
		assert_true(r == 0 || r == BACKUP_DAMAGED);
		good += !r;
		damaged += r == BACKUP_DAMAGED;
	}
	assert_int_equal(good, 3);
	assert_int_equal(damaged, 1);
}

static void the_view_shows_the_present_names_only(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL, *present = NULL;
	struct source *source = NULL;
	struct err err = ERR_INIT;
	char file_id[41], path[BACKUP_CONTENT_PATH_LEN + 1];
	uint64_t size;

	make_backup(folder);
	backup_file_id("HomeDomain", "Library/a", file_id);
	backup_content_path(file_id, path);
	assert_done(backup_tree_folder(&tree, folder, &err), err);
	assert_done(backup_tree_present(&present, tree, &err), err);
	assert_done(present->stat(present, path, &size, &err), err);
	assert_int_equal(size, 5);
	assert_done(present->stat(present, "Manifest.db", &size, &err), err);
	assert_int_equal(present->open(present, file_id, &source, &err), BACKUP_ABSENT);
	assert_int_equal(present->open(present, "Manifest.mbdb", &source, &err), BACKUP_ABSENT);
	path[0] = path[0] == 'a' ? 'b' : 'a';
	assert_int_equal(present->open(present, path, &source, &err), BACKUP_ABSENT);
}

static void count_finding(void *arg, const struct backup_finding *finding)
{
	if (!strcmp(finding->promise, "extraneous") || !strcmp(finding->promise, "manifest-form") ||
	    !strcmp(finding->promise, "content-present"))
		++*(unsigned *)arg;
}

static void an_old_backup_is_verified_too(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct backup_verdict verdict;
	struct err err = ERR_INIT;
	unsigned count = 0;
	char file_id[41];

	make_backup(folder);
	assert_done(backup_tree_folder(&tree, folder, &err), err);
	assert_done(backup_verify(tree, NULL, count_finding, &count, NULL, NULL, &verdict, &err),
		    err);
	assert_int_equal(verdict.rows, 4);
	assert_int_equal(count, 0);
	memset(file_id, 'a', 40);
	file_id[40] = '\0';
	write_old(folder, file_id, slice_text("stray"));
	assert_done(backup_verify(tree, NULL, count_finding, &count, NULL, NULL, &verdict, &err),
		    err);
	assert_int_equal(count, 1);
}

/* ---- damage ---- */

static int convert(struct slice bytes, struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL, *converted = NULL;

	assert_int_equal(source_bytes_open(&source, bytes, err), 0);
	return mbdb_convert(source, &converted, err);
}

static void a_manifest_cut_anywhere_says_where_and_one_cut_between_records_is_shorter(void **state)
{
	CLEANUP(buf_clear) struct buf manifest = BUF_INIT(1 << 16);
	struct err err = ERR_INIT;
	size_t len, whole = 0;

	make_manifest(&manifest);
	for (len = 0; len <= manifest.len; len++) {
		int r = convert(slice_of(manifest.bytes, len), &err);

		assert_true(r == 0 || r == ERR_CORRUPT);
		whole += !r;
		if (r && len >= 6)
			assert_non_null(strstr(err.text, "ends within the record at"));
	}
	assert_int_equal(whole, 5); /* none to all four records */
}

static void a_file_that_comes_twice_and_a_strange_head_are_refused(void **state)
{
	CLEANUP(buf_clear) struct buf manifest = BUF_INIT(1 << 16);
	struct mbdb_record record = {.domain = slice_text("D"), .path = slice_text("p")};
	struct err err = ERR_INIT;

	buf_append(&manifest, head, 6, NULL);
	put_record(&manifest, &record);
	put_record(&manifest, &record);
	assert_int_equal(convert(buf_slice(&manifest), &err), ERR_CORRUPT);
	assert_non_null(strstr(err.text, "twice"));
	manifest.bytes[4] = 6;
	assert_int_equal(convert(buf_slice(&manifest), &err), ERR_CORRUPT);
	assert_non_null(strstr(err.text, "head"));
}

static void a_record_that_is_too_long_is_refused_with_its_place(void **state)
{
	CLEANUP(buf_clear) struct buf manifest = BUF_INIT(8 << 20);
	CLEANUP(free_p) uint8_t *value = calloc(1, 60000);
	struct mbdb_record record = {.domain = slice_text("D"), .path = slice_text("p")};
	struct err err = ERR_INIT;

	assert_non_null(value);
	buf_append(&manifest, head, 6, NULL);
	for (; record.property_count < 100; record.property_count++) {
		record.properties[record.property_count].name = slice_text("n");
		record.properties[record.property_count].value = slice_of(value, 60000);
	}
	put_record(&manifest, &record);
	assert_int_equal(convert(buf_slice(&manifest), &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "the record at 6 is too long"));
}

/* ---- a fixture that others made ---- */

static void a_third_partys_old_backup_opens_with_its_password_alone(void **state)
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

	if (!testing_fixture("pyiosbackup-encrypted/ios9-mbdb", path))
		skip();
	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, path, &err), err);
	testing_password(&password, "0001");
	assert_int_equal(backup_reader_open(&reader, tree, &password, &err), BACKUP_WRONG_PASSWORD);
	testing_password(&password, "0000");
	assert_done(backup_reader_open(&reader, tree, &password, &err), err);
	assert_int_equal(backup_keybag_rounds(reader.bag), 10000); /* one stage */
	assert_done(backup_manifest_find(reader.manifest, "MyTestDomain", "Media/Test.txt", &file,
					 &err),
		    err);
	assert_int_equal(file.mode, 0100755);
	assert_int_equal(file.size, 9);
	assert_done(backup_reader_content(&reader, &file, &source, &notes, &err), err);
	assert_done(source_read_all(source, &bytes, &err), err);
	assert_string_equal(buf_text(&bytes), "Test data");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_folder_reads_like_a_new_one),
		cmocka_unit_test(a_name_that_is_no_text_is_a_damaged_row),
		cmocka_unit_test(the_view_shows_the_present_names_only),
		cmocka_unit_test(an_old_backup_is_verified_too),
		cmocka_unit_test(
			a_manifest_cut_anywhere_says_where_and_one_cut_between_records_is_shorter),
		cmocka_unit_test(a_file_that_comes_twice_and_a_strange_head_are_refused),
		cmocka_unit_test(a_record_that_is_too_long_is_refused_with_its_place),
		cmocka_unit_test(a_third_partys_old_backup_opens_with_its_password_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
