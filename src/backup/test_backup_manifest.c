/* Manifest.db is read in constant memory, in each order, whatever its bytes are */
#include "backup/testing.h"

#include "backup/manifest.h"

static struct backup_manifest *open_manifest(struct source *source)
{
	struct backup_manifest *manifest = NULL;
	struct err err = ERR_INIT;

	assert_done(backup_manifest_open(&manifest, source, &err), err);
	return manifest;
}

static struct backup_manifest *open_plain(void)
{
	char path[1024];

	return open_manifest(testing_open(testing_backup("plain", "Manifest.db", path)));
}

static struct backup_manifest *open_encrypted(void)
{
	struct source *view = NULL;
	struct err err = ERR_INIT;
	uint8_t key[32];
	char path[1024];

	testing_hex(KAT_MANIFEST_KEY, key, sizeof(key));
	assert_done(backup_cbc_open(&view,
				    testing_open(testing_backup("encrypted", "Manifest.db", path)),
				    key, &err),
		    err);
	return open_manifest(view);
}

static void assert_known_files(struct backup_manifest *manifest, bool is_encrypted)
{
	struct backup_file file;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kat_files); i++) {
		const struct kat_file *kat = &kat_files[i];

		assert_done(backup_manifest_find(manifest, kat->domain, kat->path, &file, &err),
			    err);
		assert_string_equal(file.file_id, kat->file_id);
		assert_string_equal(file.domain, kat->domain);
		assert_string_equal(file.path, kat->path);
		assert_int_equal(file.size, kat->manifest_size);
		assert_int_equal(file.protection_class, kat->class);
		assert_int_equal(file.key.len, is_encrypted ? 44 : 0);
		assert_true(backup_file_is_regular(&file));
		assert_string_equal(backup_manifest_record_path(manifest), kat->path);
	}
}

static void plain_and_encrypted_manifests_hold_the_known_rows(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *plain = open_plain();
	CLEANUP(backup_manifest_close_p) struct backup_manifest *encrypted = open_encrypted();
	struct err err = ERR_INIT;
	uint64_t rows;

	assert_false(backup_manifest_has_padding(plain));
	assert_true(backup_manifest_has_padding(encrypted));
	assert_known_files(plain, false);
	assert_known_files(encrypted, true);
	assert_done(backup_manifest_count(plain, &rows, &err), err);
	assert_int_equal(rows, 46);
	assert_done(backup_manifest_count(encrypted, &rows, &err), err);
	assert_int_equal(rows, 46);
}

static int compare_rows(enum backup_order order, const struct backup_file *a,
			const struct backup_file *b)
{
	int domains = strcmp(a->domain, b->domain);

	if (order == BACKUP_ORDER_FILE_ID)
		return strcmp(a->file_id, b->file_id);
	return domains ? domains : strcmp(a->path, b->path);
}

/* All rows come, each once, ascending where the order says so; returns how many. */
static uint64_t walk(struct backup_manifest *manifest, enum backup_order order, const char *domain)
{
	char last_domain[BACKUP_DOMAIN_LEN_MAX + 1], last_path[PATH_LEN_MAX + 1];
	struct backup_file file, last = {.domain = last_domain, .path = last_path};
	struct err err = ERR_INIT;
	uint64_t rows = 0;
	int r;

	assert_done(backup_manifest_rewind(manifest, order, domain, &err), err);
	while (!(r = backup_manifest_next(manifest, &file, &err))) {
		if (rows++ && order != BACKUP_ORDER_STORED)
			assert_true(compare_rows(order, &last, &file) < 0);
		if (domain)
			assert_string_equal(file.domain, domain);
		strcpy(last_domain, file.domain);
		strcpy(last_path, file.path);
		strcpy(last.file_id, file.file_id);
	}
	if (r != BACKUP_END)
		print_error("next: %d %s\n", r, err.text);
	assert_int_equal(r, BACKUP_END);
	assert_int_equal(backup_manifest_next(manifest, &file, &err), BACKUP_END);
	return rows;
}

static void every_order_gives_every_row_once(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = open_plain();
	enum backup_order order;
	uint32_t sort_rows;

	for (order = BACKUP_ORDER_STORED; order <= BACKUP_ORDER_DOMAIN_PATH; order++)
		for (sort_rows = 1; sort_rows < 20; sort_rows++) {
			manifest->sort_rows = sort_rows;
			assert_int_equal(walk(manifest, order, NULL), 46);
			assert_int_equal(walk(manifest, order, "HomeDomain"), 10);
			assert_int_equal(walk(manifest, order, "NoDomain"), 0);
		}
}

static void a_walk_goes_on_after_looking_something_up(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = open_plain();
	struct backup_file file;
	struct err err = ERR_INIT;
	uint64_t rows = 0;

	assert_done(backup_manifest_rewind(manifest, BACKUP_ORDER_DOMAIN_PATH, NULL, &err), err);
	while (!backup_manifest_next(manifest, &file, &err)) {
		rows++;
		assert_done(backup_manifest_find_id(manifest, kat_files[0].file_id, &file, &err),
			    err);
	}
	assert_int_equal(rows, 46);
}

static void names_alone_are_those_of_the_rows(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = open_plain();
	CLEANUP(backup_manifest_close_p) struct backup_manifest *names = open_encrypted();
	struct backup_file file, name;
	struct err err = ERR_INIT;
	uint64_t rows = 0;
	int r;

	assert_done(backup_manifest_rewind(manifest, BACKUP_ORDER_DOMAIN_PATH, NULL, &err), err);
	assert_done(backup_manifest_rewind(names, BACKUP_ORDER_DOMAIN_PATH, NULL, &err), err);
	while (!(r = backup_manifest_next(manifest, &file, &err))) {
		rows++;
		assert_done(backup_manifest_next_name(names, &name, &err), err);
		assert_string_equal(name.file_id, file.file_id);
		assert_string_equal(name.domain, file.domain);
		assert_string_equal(name.path, file.path);
		assert_int_equal(name.flags, file.flags);
		assert_int_equal(name.mode, 0);
	}
	assert_int_equal(r, BACKUP_END);
	assert_int_equal(backup_manifest_next_name(names, &name, &err), BACKUP_END);
	assert_int_equal(rows, 46);
}

static void what_is_not_there_is_absent(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = open_plain();
	struct backup_file file;
	struct err err = ERR_INIT;

	assert_int_equal(backup_manifest_find(manifest, "HomeDomain", "no/such", &file, &err),
			 BACKUP_ABSENT);
	assert_int_equal(backup_manifest_find_id(
				 manifest, "0000000000000000000000000000000000000000", &file, &err),
			 BACKUP_ABSENT);
}

static void domains_follow_one_another(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = open_plain();
	struct err err = ERR_INIT;
	sqlite3_value *domain = NULL;
	size_t count = 0;
	int r;

	while (!(r = manifest_domain_above(manifest, &domain, &err)))
		count++;
	assert_int_equal(r, BACKUP_END);
	assert_int_equal(count, 8);
	sqlite3_value_free(domain);
}

/* A database made by @sql, at a path that the caller frees and removes. */
static struct source *made(const char *folder, const char *sql)
{
	char path[1024];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/db", folder);
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return testing_open(path);
}

#define FILES                                                                                 \
	"CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, flags " \
	"INTEGER, file BLOB);"

static void assert_refused(const char *folder, const char *sql)
{
	struct backup_manifest *manifest = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(backup_manifest_open(&manifest, made(folder, sql), &err), ERR_CORRUPT);
	assert_null(manifest);
	assert_true(err.text[0]);
}

static void only_a_plain_table_with_the_five_columns_will_do(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();

	assert_refused(folder, "CREATE TABLE Other (a)");
	assert_refused(folder, "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT)");
	assert_refused(folder, "CREATE TABLE t (fileID, domain, relativePath, flags, file);"
			       "CREATE VIEW Files AS SELECT * FROM t");
	assert_refused(folder, "CREATE VIRTUAL TABLE Files USING fts5(fileID, domain, "
			       "relativePath, flags, file)");
	assert_refused(folder, "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, "
			       "relativePath TEXT, flags INTEGER, "
			       "file BLOB GENERATED ALWAYS AS (zeroblob(1000000)))");
	assert_refused(folder, "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, "
			       "relativePath TEXT, flags INTEGER, file BLOB) WITHOUT ROWID");
}

static void damaged_rows_are_reported_and_passed_over(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct backup_file file;
	struct err err = ERR_INIT;
	int damaged = 0, r;

	manifest = open_manifest(
		made(folder, FILES
		     "INSERT INTO Files VALUES "
		     "('0000000000000000000000000000000000000000','D','p',1,x'00'),"
		     "('0000000000000000000000000000000000000001','D','q',1,NULL),"
		     "('0000000000000000000000000000000000000002',NULL,'q',1,x'00'),"
		     "('0000000000000000000000000000000000000003','D',x'0102',1,x'00'),"
		     "('0000000000000000000000000000000000000004','D','a'||char(0)||'b',1,x'00'),"
		     "('000000000000000000000000000000000000000','D','z',1,x'00'),"
		     "('../../../../../../../../../../etc/passwd','D','y',1,x'00'),"
		     "('0000000000000000000000000000000000000005',"
		     " CAST(x'ff' AS TEXT),'bad utf-8',1,x'00'),"
		     "('0000000000000000000000000000000000000006',"
		     " 'D',CAST(zeroblob(5000) AS TEXT),1,x'00')"));
	assert_done(backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, &err), err);
	while ((r = backup_manifest_next(manifest, &file, &err)) == BACKUP_DAMAGED) {
		damaged++;
		if (damaged == 1) {
			assert_string_equal(file.path, "p");
			assert_string_equal(file.domain, "D");
		}
	}
	assert_int_equal(r, BACKUP_END);
	assert_int_equal(damaged, 9);
}

static void wrong_bytes_are_no_database(void **state)
{
	struct backup_manifest *manifest = NULL;
	struct source *source = NULL;
	struct err err = ERR_INIT;
	uint8_t bytes[8192] = "SQLite format 3";

	assert_done(source_bytes_open(&source, SLICE_EMPTY, &err), err);
	assert_int_equal(backup_manifest_open(&manifest, source, &err), ERR_CORRUPT);
	assert_done(source_bytes_open(&source, slice_of(bytes, sizeof(bytes)), &err), err);
	assert_int_equal(backup_manifest_open(&manifest, source, &err), ERR_CORRUPT);
	bytes[16] = 16; /* pages of 4096 bytes, and nothing in them */
	assert_done(source_bytes_open(&source, slice_of(bytes, sizeof(bytes)), &err), err);
	assert_int_equal(backup_manifest_open(&manifest, source, &err), ERR_CORRUPT);
	bytes[0] = 'Q';
	assert_done(source_bytes_open(&source, slice_of(bytes, sizeof(bytes)), &err), err);
	assert_int_equal(backup_manifest_open(&manifest, source, &err), ERR_CORRUPT);
}

static void bytes_behind_the_last_page_must_be_padding(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct backup_manifest *manifest = NULL;
	struct source *source = NULL;
	struct err err = ERR_INIT;
	char path[1024];
	int i;

	testing_read_file(testing_backup("plain", "Manifest.db", path), &bytes);
	for (i = 0; i < 16; i++)
		buf_append_u8(&bytes, 16, NULL);
	assert_done(source_bytes_open(&source, buf_slice(&bytes), &err), err);
	manifest = open_manifest(source);
	assert_true(backup_manifest_has_padding(manifest));
	assert_int_equal(walk(manifest, BACKUP_ORDER_STORED, NULL), 46);
	backup_manifest_close(manifest);

	bytes.bytes[bytes.len - 1] = 15;
	assert_done(source_bytes_open(&source, buf_slice(&bytes), &err), err);
	assert_int_equal(backup_manifest_open(&manifest, source, &err), ERR_CORRUPT);
	assert_done(source_bytes_open(&source, slice_of(bytes.bytes, bytes.len - 100), &err), err);
	assert_int_equal(backup_manifest_open(&manifest, source, &err), ERR_CORRUPT);
}

/* Flip single bits all over: rows, damage or a refusal, but an end and no crash. */
static void a_database_with_a_changed_bit_is_read_or_refused(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	char path[1024];
	size_t at;

	testing_read_file(testing_backup("plain", "Manifest.db", path), &bytes);
	for (at = 0; at < bytes.len; at += at < 4096 ? 3 : 61) {
		struct backup_manifest *manifest = NULL;
		struct source *source = NULL;
		struct backup_file file;
		enum backup_order order;
		int r;

		bytes.bytes[at] ^= (uint8_t)(1u << at % 8);
		assert_done(source_bytes_open(&source, buf_slice(&bytes), &err), err);
		r = backup_manifest_open(&manifest, source, &err);
		for (order = BACKUP_ORDER_STORED; !r && order <= BACKUP_ORDER_DOMAIN_PATH;
		     order++) {
			if (backup_manifest_rewind(manifest, order, NULL, &err) < 0)
				continue;
			do
				r = backup_manifest_next(manifest, &file, &err);
			while (r >= 0 && r != BACKUP_END);
			assert_true(r == BACKUP_END || r == ERR_CORRUPT || r == ERR_LIMIT);
			r = 0;
		}
		backup_manifest_close(manifest);
		bytes.bytes[at] ^= (uint8_t)(1u << at % 8);
	}
}

/** struct failing - a source that fails from some offset on */
struct failing {
	struct source source;
	struct source *under;
	uint64_t from;
};

static ssize_t failing_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			    struct err *err)
{
	struct failing *failing = (struct failing *)source;

	if (offset + len > failing->from)
		return err_set(err, ERR_CLOSED, "the cable was pulled");
	return failing->under->read(failing->under, offset, bytes, len, err);
}

static void failing_close(struct source *source)
{
	struct failing *failing = (struct failing *)source;

	failing->under->close(failing->under);
}

static void a_failing_source_is_reported_in_its_own_words(void **state)
{
	struct failing failing = {.source = {.read = failing_read, .close = failing_close}};
	struct backup_manifest *manifest = NULL;
	struct backup_file file;
	struct err err = ERR_INIT;
	char path[1024];
	int r = 0;

	failing.under = testing_open(testing_backup("plain", "Manifest.db", path));
	failing.source.len = failing.under->len;
	failing.from = 16384;
	r = backup_manifest_open(&manifest, &failing.source, &err);
	if (!r)
		r = backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, &err);
	while (!r)
		r = backup_manifest_next(manifest, &file, &err);
	assert_int_equal(r, ERR_CLOSED);
	assert_non_null(strstr(err.text, "the cable was pulled"));
	backup_manifest_close(manifest);
}

static void a_real_manifest_gives_all_its_rows(void **state)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	char path[1024], id[41];
	struct backup_file file;
	struct err err = ERR_INIT;
	uint64_t files = 0, keys = 0, links = 0, digests = 0, xattrs = 0, domains = 0;
	sqlite3_value *domain = NULL;

	if (!testing_fixture("mvt-ios-backup/Manifest.db", path))
		skip();
	manifest = open_manifest(testing_open(path));
	assert_true(backup_manifest_has_padding(manifest));
	assert_int_equal(walk(manifest, BACKUP_ORDER_STORED, NULL), 3721);
	assert_int_equal(walk(manifest, BACKUP_ORDER_FILE_ID, NULL), 3721);
	manifest->sort_rows = 100;
	assert_int_equal(walk(manifest, BACKUP_ORDER_DOMAIN_PATH, NULL), 3721);
	assert_int_equal(walk(manifest, BACKUP_ORDER_DOMAIN_PATH, "HomeDomain"), 571);
	assert_done(backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, &err), err);
	while (!backup_manifest_next(manifest, &file, &err)) {
		backup_file_id(file.domain, file.path, id);
		assert_string_equal(id, file.file_id);
		assert_string_equal(file.path, backup_manifest_record_path(manifest));
		files += backup_file_is_regular(&file);
		keys += file.key.len == 44;
		digests += file.digest.len == 20;
		links += file.target != NULL;
		xattrs += file.xattrs.len > 0;
	}
	while (!manifest_domain_above(manifest, &domain, &err))
		domains++;
	sqlite3_value_free(domain);
	assert_int_equal(files, 1089);
	assert_int_equal(keys, 1089);
	assert_int_equal(digests, 477);
	assert_int_equal(links, 14);
	assert_int_equal(xattrs, 77);
	assert_int_equal(domains, 562);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_and_encrypted_manifests_hold_the_known_rows),
		cmocka_unit_test(every_order_gives_every_row_once),
		cmocka_unit_test(a_walk_goes_on_after_looking_something_up),
		cmocka_unit_test(names_alone_are_those_of_the_rows),
		cmocka_unit_test(what_is_not_there_is_absent),
		cmocka_unit_test(domains_follow_one_another),
		cmocka_unit_test(only_a_plain_table_with_the_five_columns_will_do),
		cmocka_unit_test(damaged_rows_are_reported_and_passed_over),
		cmocka_unit_test(wrong_bytes_are_no_database),
		cmocka_unit_test(bytes_behind_the_last_page_must_be_padding),
		cmocka_unit_test(a_database_with_a_changed_bit_is_read_or_refused),
		cmocka_unit_test(a_failing_source_is_reported_in_its_own_words),
		cmocka_unit_test(a_real_manifest_gives_all_its_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
