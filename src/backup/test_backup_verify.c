/*
 * Whole backups verify with exactly the expected remarks, and each promise is noticed when
 * it is broken: a copy of the project's own backup is damaged in one place after another.
 */
#include "backup/testing.h"

#include "backup/internal.h"

enum { FOUND_MAX = 64 };

/** struct verdicts - what a verification said: promises by name, and how often */
struct verdicts {
	struct {
		char promise[40];
		unsigned times;
	} list[FOUND_MAX];
	size_t count;
};

static void collect(void *arg, const struct backup_finding *finding)
{
	struct verdicts *verdicts = arg;
	size_t i;

	assert_true(finding->severity != BACKUP_OK);
	assert_true(finding->text[0]);
	for (i = 0; i < verdicts->count; i++)
		if (!strcmp(verdicts->list[i].promise, finding->promise))
			break;
	if (i == verdicts->count) {
		assert_true(verdicts->count < FOUND_MAX);
		snprintf(verdicts->list[i].promise, sizeof(verdicts->list[i].promise), "%s",
			 finding->promise);
		verdicts->list[i].times = 0;
		verdicts->count++;
	}
	verdicts->list[i].times++;
}

static unsigned times(const struct verdicts *verdicts, const char *promise)
{
	size_t i;

	for (i = 0; i < verdicts->count; i++)
		if (!strcmp(verdicts->list[i].promise, promise))
			return verdicts->list[i].times;
	return 0;
}

static void print_verdicts(const struct verdicts *verdicts)
{
	size_t i;

	for (i = 0; i < verdicts->count; i++)
		print_error("  %s x%u\n", verdicts->list[i].promise, verdicts->list[i].times);
}

static int verify_tree(struct backup_tree *tree, const char *password, struct verdicts *verdicts,
		       struct backup_verdict *verdict)
{
	struct secret secret = SECRET_INIT;
	struct err err = ERR_INIT;
	int r;

	memset(verdicts, 0, sizeof(*verdicts));
	memset(verdict, 0, sizeof(*verdict));
	if (password)
		testing_password(&secret, password);
	r = backup_verify(tree, password ? &secret : NULL, collect, verdicts, NULL, NULL, verdict,
			  &err);
	if (r < 0)
		assert_true(err.text[0]);
	return r;
}

static int verify_folder(const char *path, const char *password, struct verdicts *verdicts,
			 struct backup_verdict *verdict)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct err err = ERR_INIT;

	assert_done(backup_tree_folder(&tree, path, &err), err);
	return verify_tree(tree, password, verdicts, verdict);
}

/* ---- whole backups ---- */

static void both_forms_of_our_backup_verify_with_two_remarks(void **state)
{
	static const char *const kinds[] = {"plain", "encrypted"};
	static const char *const passwords[] = {NULL, KAT_PASSWORD};
	struct backup_verdict verdict;
	struct verdicts verdicts;
	char path[1024];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		assert_int_equal(verify_folder(testing_backup(kinds[i], NULL, path), passwords[i],
					       &verdicts, &verdict),
				 0);
		assert_int_equal(verdict.problems, 0);
		assert_int_equal(verdict.remarks, 2);
		assert_int_equal(times(&verdicts, "size-drift"), 2);
		assert_int_equal(verdict.rows, 46);
		assert_int_equal(verdict.files, ARRAY_COUNT(kat_files));
		assert_true(verdict.bytes > 0);
		assert_true(verdict.is_decrypted_check);
	}
}

static void a_wrong_password_ends_the_check(void **state)
{
	struct backup_verdict verdict;
	struct verdicts verdicts;
	char path[1024];

	assert_int_equal(verify_folder(testing_backup("encrypted", NULL, path), "wrong", &verdicts,
				       &verdict),
			 ERR_PASSWORD);
}

static void a_cancelled_check_ends_at_once(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	const struct cancel cancel = {.is_requested = 1, .wake_fd = -1};
	struct backup_verdict verdict;
	struct err err = ERR_INIT;
	char path[1024];

	assert_done(backup_tree_folder(&tree, testing_backup("plain", NULL, path), &err), err);
	assert_int_equal(backup_verify(tree, NULL, NULL, NULL, NULL, &cancel, &verdict, &err),
			 ERR_CANCELED);
}

static void a_real_manifest_without_its_contents_lists_what_is_missing(void **state)
{
	struct backup_verdict verdict;
	struct verdicts verdicts;
	char path[1024];

	if (!testing_fixture("mvt-ios-backup", path))
		skip();
	assert_int_equal(verify_folder(path, NULL, &verdicts, &verdict), 0);
	assert_int_equal(verdict.rows, 3721);
	assert_int_equal(verdict.files, 1089);
	assert_int_equal(times(&verdicts, "manifest-plist"), 1);
	assert_int_equal(times(&verdicts, "status-plist"), 1);
	assert_int_equal(times(&verdicts, "manifest-padding"), 1);
	assert_int_equal(times(&verdicts, "content-present"), 1089 - 10);
	assert_int_equal(times(&verdicts, "file-id"), 0);
	assert_int_equal(times(&verdicts, "row-readable"), 0);
	assert_int_equal(times(&verdicts, "record-path"), 0);
	assert_int_equal(times(&verdicts, "root-row"), 0);
	assert_int_equal(times(&verdicts, "flags-mode"), 0);
	assert_int_equal(times(&verdicts, "extended-attributes"), 0);
	/* a note and a licence beside it, and one of the eleven contents */
	assert_int_equal(times(&verdicts, "extraneous"), 3);
}

/* ---- a copy to damage ---- */

/** struct copy - a backup's copy on disk, and ways to change it */
struct copy {
	char *folder;
	bool is_encrypted;
};

/* fs_write_file would sync a thousand files that nobody needs after a power loss */
static void write_unsynced(const char *path, struct slice bytes)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	if (bytes.len)
		assert_int_equal(fwrite(bytes.bytes, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static int copy_file(void *arg, const char *path, uint64_t size, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	const char *const *folders = arg;
	char from[2048], to[2048], parent[2048];

	snprintf(from, sizeof(from), "%s/%s", folders[0], path);
	snprintf(to, sizeof(to), "%s/%s", folders[1], path);
	snprintf(parent, sizeof(parent), "%s/%s", folders[1], path);
	*strrchr(parent, '/') = '\0';
	assert_done(fs_mkdirs(fs_system(), parent, 0700, err), *err);
	testing_read_file(from, &bytes);
	write_unsynced(to, buf_slice(&bytes));
	return 0;
}

static struct copy copy_make(bool is_encrypted)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct copy copy = {.folder = testing_folder(), .is_encrypted = is_encrypted};
	struct err err = ERR_INIT;
	const char *folders[2];
	char path[1024];

	folders[0] = testing_backup(is_encrypted ? "encrypted" : "plain", NULL, path);
	folders[1] = copy.folder;
	assert_done(backup_tree_folder(&tree, folders[0], &err), err);
	assert_done(tree->walk(tree, copy_file, folders, &err), err);
	return copy;
}

static const char *path_in(const struct copy *copy, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", copy->folder, name);
	return out;
}

static void remove_file(const struct copy *copy, const char *name)
{
	char path[512];

	assert_int_equal(unlink(path_in(copy, name, path)), 0);
}

static void write_bytes(const struct copy *copy, const char *name, struct slice bytes)
{
	struct err err = ERR_INIT;
	char path[512], parent[512];

	path_in(copy, name, path);
	strcpy(parent, path);
	*strrchr(parent, '/') = '\0';
	assert_done(fs_mkdirs(fs_system(), parent, 0700, &err), err);
	write_unsynced(path, bytes);
}

/* Flip the byte at @at (from the end when negative), and cut or pad the file. */
static void change_bytes(const struct copy *copy, const char *name, long at, long longer)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	char path[512];

	testing_read_file(path_in(copy, name, path), &bytes);
	bytes.bytes[at < 0 ? (long)bytes.len + at : at] ^= 1;
	for (; longer > 0; longer--)
		buf_append_u8(&bytes, 16, NULL);
	buf_truncate(&bytes, bytes.len - (size_t)-longer);
	write_bytes(copy, name, buf_slice(&bytes));
}

/* Let @change loose on Manifest.plist's fields */
static void change_properties(const struct copy *copy,
			      void (*change)(struct backup_properties *properties))
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	struct err err = ERR_INIT;
	char path[512];

	backup_properties_init(&properties);
	testing_read_file(path_in(copy, "Manifest.plist", path), &bytes);
	assert_done(backup_properties_read(&properties, buf_slice(&bytes), &err), err);
	change(&properties);
	buf_truncate(&bytes, 0);
	assert_done(backup_properties_write(&properties, NULL, &bytes, &err), err);
	write_bytes(copy, "Manifest.plist", buf_slice(&bytes));
}

static void write_status(const struct copy *copy, const char *version, const char *state,
			 enum backup_snapshot_state snapshot_state)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	struct backup_status status = {.snapshot_state = snapshot_state};
	struct err err = ERR_INIT;

	snprintf(status.version, sizeof(status.version), "%s", version);
	snprintf(status.backup_state, sizeof(status.backup_state), "%s", state);
	assert_done(backup_status_write(&status, &bytes, &err), err);
	write_bytes(copy, "Status.plist", buf_slice(&bytes));
}

/* Replace an encrypted Manifest.db by its plain pages, so that rows can be changed. */
static void decrypt_manifest(const struct copy *copy)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	CLEANUP(source_close_p) struct source *view = NULL;
	enum backup_padding padding;
	struct err err = ERR_INIT;
	uint8_t key[32];
	char path[512];

	if (!copy->is_encrypted)
		return;
	testing_hex(KAT_MANIFEST_KEY, key, sizeof(key));
	assert_done(
		backup_cbc_open(&view, testing_open(path_in(copy, "Manifest.db", path)), key, &err),
		err);
	assert_done(backup_cbc_strip(view, 0, &padding, &err), err);
	assert_done(source_read_all(view, &bytes, &err), err);
	write_bytes(copy, "Manifest.db", buf_slice(&bytes));
}

static void change_sql(const struct copy *copy, const char *sql)
{
	struct backup_manifest_writer *writer = NULL;
	struct err err = ERR_INIT;
	sqlite3 *db = NULL;
	char path[512];

	decrypt_manifest(copy);
	path_in(copy, "Manifest.db", path);
	/* an edit that is abandoned takes the WAL mark off; one that changes nothing sets it */
	assert_done(backup_manifest_edit(&writer, path, &err), err);
	backup_manifest_abandon(writer);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	assert_done(backup_manifest_edit(&writer, path, &err), err);
	assert_done(backup_manifest_finish(writer, &err), err);
}

/* Let @change loose on the row of @domain and @path, and write it back */
static void change_row(const struct copy *copy, const char *domain, const char *path,
		       void (*change)(struct backup_file *file))
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct backup_manifest_writer *writer = NULL;
	struct backup_file file;
	struct err err = ERR_INIT;
	char db[512];

	decrypt_manifest(copy);
	path_in(copy, "Manifest.db", db);
	assert_done(backup_manifest_open(&manifest, testing_open(db), &err), err);
	assert_done(backup_manifest_find(manifest, domain, path, &file, &err), err);
	change(&file);
	backup_file_id(file.domain, file.path, file.file_id);
	assert_done(backup_manifest_edit(&writer, db, &err), err);
	assert_done(backup_manifest_put(writer, &file, &err), err);
	assert_done(backup_manifest_finish(writer, &err), err);
}

/* ---- one damage for each promise ---- */

#define SMS "3d/3d0d7e5fb2ce288813306e4d4636395e047a3d28"
#define PLAIN false
#define ENCRYPTED true

static void no_manifest_plist(const struct copy *copy)
{
	remove_file(copy, "Manifest.plist");
}

static void odd_version(struct backup_properties *properties)
{
	strcpy(properties->version, "ten");
}

static void no_domains_version(struct backup_properties *properties)
{
	properties->system_domains_version[0] = '\0';
}

static void no_udid(struct backup_properties *properties)
{
	properties->udid[0] = '\0';
}

static void other_udid(struct backup_properties *properties)
{
	properties->udid[0] = '9';
}

static void no_keybag(struct backup_properties *properties)
{
	properties->has_keybag = false;
}

static void no_manifest_key(struct backup_properties *properties)
{
	properties->has_manifest_key = false;
}

static void break_version(const struct copy *copy)
{
	change_properties(copy, odd_version);
}

static void break_domains_version(const struct copy *copy)
{
	change_properties(copy, no_domains_version);
}

static void break_udid(const struct copy *copy)
{
	change_properties(copy, no_udid);
}

static void break_info_agreement(const struct copy *copy)
{
	change_properties(copy, other_udid);
}

static void break_keybag(const struct copy *copy)
{
	change_properties(copy, no_keybag);
}

static void break_manifest_key(const struct copy *copy)
{
	decrypt_manifest(copy);
	change_properties(copy, no_manifest_key);
}

static void no_status(const struct copy *copy)
{
	remove_file(copy, "Status.plist");
}

static void old_status(const struct copy *copy)
{
	write_status(copy, "2.3", "new", BACKUP_FINISHED);
}

static void new_status(const struct copy *copy)
{
	write_status(copy, "4.0", "new", BACKUP_FINISHED);
}

static void odd_backup_state(const struct copy *copy)
{
	write_status(copy, "3.3", "fresh", BACKUP_FINISHED);
}

static void unfinished(const struct copy *copy)
{
	write_status(copy, "3.3", "new", BACKUP_MOVING);
}

static void no_info(const struct copy *copy)
{
	remove_file(copy, "Info.plist");
}

static void damaged_info(const struct copy *copy)
{
	write_bytes(copy, "Info.plist", slice_text("<plist><dict>"));
}

static void left_snapshot(const struct copy *copy)
{
	write_bytes(copy, "Snapshot/3d/x", slice_text("x"));
}

static void left_wal(const struct copy *copy)
{
	write_bytes(copy, "Manifest.db-wal", slice_text("x"));
}

static void garbage_manifest(const struct copy *copy)
{
	write_bytes(copy, "Manifest.db", slice_text("garbage"));
}

static void other_user_version(const struct copy *copy)
{
	change_sql(copy, "PRAGMA user_version = 3");
}

static void padded_manifest(const struct copy *copy)
{
	change_bytes(copy, "Manifest.db", 68, 16); /* application_id: nobody minds */
}

static void upper_case_id(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET fileID = upper(fileID) WHERE relativePath = "
			 "'Library/SMS'");
}

static void garbage_record(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET file = x'00' WHERE relativePath = 'Library/SMS'");
}

static void other_id(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET fileID = replace(fileID, '2', '3') WHERE relativePath = "
			 "'Library/SMS'");
}

static void dots_in_path(struct backup_file *file)
{
	file->path = "Library/../../SMS";
}

static void break_path(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS", dots_in_path);
}

static void other_record_path(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET file = (SELECT file FROM Files WHERE domain = "
			 "'HomeDomain' AND relativePath = 'Library') WHERE relativePath = "
			 "'Library/SMS'");
}

static void odd_flags(const struct copy *copy)
{
	change_sql(copy, "UPDATE Files SET flags = 16 WHERE relativePath = 'Library/SMS'");
}

static void no_root(const struct copy *copy)
{
	change_sql(copy, "DELETE FROM Files WHERE relativePath = '' AND domain = 'HomeDomain'");
}

static void without_target(struct backup_file *file)
{
	file->target = NULL;
}

static void break_target(const struct copy *copy)
{
	change_row(copy, "DatabaseDomain", "timezone/localtime", without_target);
}

static void with_size(struct backup_file *file)
{
	file->size = 5;
}

static void break_size(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS", with_size);
}

static void with_odd_xattrs(struct backup_file *file)
{
	file->xattrs = slice_text("no plist");
}

static void break_xattrs(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_odd_xattrs);
}

static void without_key(struct backup_file *file)
{
	file->key = SLICE_EMPTY;
}

static void break_key_present(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", without_key);
}

static const uint8_t odd_key[BACKUP_FILE_KEY_LEN] = {3};

static void with_odd_key(struct backup_file *file)
{
	file->key = slice_of(odd_key, sizeof(odd_key));
}

static void break_key_absent(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_odd_key);
}

static void break_key(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_odd_key);
}

static void with_other_class(struct backup_file *file)
{
	file->protection_class = 1;
}

static void break_class(const struct copy *copy)
{
	change_row(copy, "HomeDomain", "Library/SMS/sms.db", with_other_class);
}

static void no_content(const struct copy *copy)
{
	remove_file(copy, SMS);
}

static void cut_content(const struct copy *copy)
{
	change_bytes(copy, SMS, 0, -3);
}

static void change_last_byte(const struct copy *copy)
{
	change_bytes(copy, SMS, -1, 0);
}

static void change_first_byte(const struct copy *copy)
{
	change_bytes(copy, SMS, 0, 0);
}

static void grow_content(const struct copy *copy)
{
	change_bytes(copy, SMS, 0, 16);
}

static void stray_file(const struct copy *copy)
{
	write_bytes(copy, "aa/aa00000000000000000000000000000000000000", slice_text("x"));
}

static void directorys_content(const struct copy *copy)
{
	/* the fileID of a directory: it has no contents */
	write_bytes(copy, "21/216b7d745005532012e7e1c9957c7688692fd939", slice_text("x"));
}

static void nothing(const struct copy *copy)
{
}

static const struct damage {
	const char *promise;
	void (*make)(const struct copy *copy);
	bool is_encrypted;
	const char *password;
} damages[] = {
	{"manifest-plist", no_manifest_plist, PLAIN, NULL},
	{"manifest-plist-version", break_version, PLAIN, NULL},
	{"system-domains-version", break_domains_version, PLAIN, NULL},
	{"device-named", break_udid, PLAIN, NULL},
	{"info-agrees", break_info_agreement, PLAIN, NULL},
	{"keybag", break_keybag, ENCRYPTED, KAT_PASSWORD},
	{"manifest-key", break_manifest_key, ENCRYPTED, KAT_PASSWORD},
	{"status-plist", no_status, PLAIN, NULL},
	{"status-version", old_status, PLAIN, NULL},
	{"status-version", new_status, PLAIN, NULL},
	{"status-state", odd_backup_state, PLAIN, NULL},
	{"status-finished", unfinished, PLAIN, NULL},
	{"info-plist", no_info, PLAIN, NULL},
	{"info-plist", damaged_info, PLAIN, NULL},
	{"no-snapshot-folder", left_snapshot, PLAIN, NULL},
	{"no-side-files", left_wal, PLAIN, NULL},
	{"manifest-db", garbage_manifest, PLAIN, NULL},
	{"manifest-form", other_user_version, PLAIN, NULL},
	{"manifest-padding", padded_manifest, PLAIN, NULL},
	{"file-id-form", upper_case_id, PLAIN, NULL},
	{"row-readable", garbage_record, PLAIN, NULL},
	{"file-id", other_id, PLAIN, NULL},
	{"path-safe", break_path, PLAIN, NULL},
	{"record-path", other_record_path, PLAIN, NULL},
	{"flags-mode", odd_flags, PLAIN, NULL},
	{"root-row", no_root, PLAIN, NULL},
	{"symlink-target", break_target, PLAIN, NULL},
	{"size-zero", break_size, PLAIN, NULL},
	{"extended-attributes", break_xattrs, PLAIN, NULL},
	{"key-present", break_key_present, ENCRYPTED, KAT_PASSWORD},
	{"key-absent", break_key_absent, PLAIN, NULL},
	{"key-opens", break_key, ENCRYPTED, KAT_PASSWORD},
	{"key-class", break_class, ENCRYPTED, KAT_PASSWORD},
	{"content-present", no_content, PLAIN, NULL},
	{"content-blocks", cut_content, ENCRYPTED, KAT_PASSWORD},
	{"padding", change_last_byte, ENCRYPTED, KAT_PASSWORD},
	{"size-drift", grow_content, PLAIN, NULL},
	{"digest", change_first_byte, PLAIN, NULL},
	{"digest", change_first_byte, ENCRYPTED, KAT_PASSWORD},
	{"extraneous", stray_file, PLAIN, NULL},
	{"extraneous", directorys_content, PLAIN, NULL},
	{"decrypted", nothing, ENCRYPTED, NULL},
};

static enum backup_severity severity_of(const char *promise)
{
	const struct backup_promise *promises;
	size_t count, i;

	promises = backup_promises(&count);
	for (i = 0; i < count; i++)
		if (!strcmp(promises[i].name, promise))
			return promises[i].breach;
	fail_msg("no promise is called %s", promise);
	return BACKUP_OK;
}

static void each_damage_breaks_its_promise(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(damages); i++) {
		struct copy copy = copy_make(damages[i].is_encrypted);
		struct backup_verdict verdict;
		struct verdicts verdicts;
		unsigned usual = !strcmp(damages[i].promise, "size-drift") ? 2 : 0;

		damages[i].make(&copy);
		assert_int_equal(
			verify_folder(copy.folder, damages[i].password, &verdicts, &verdict), 0);
		if (times(&verdicts, damages[i].promise) <= usual) {
			print_error("%s (%zu) was not noticed:\n", damages[i].promise, i);
			print_verdicts(&verdicts);
			fail();
		}
		if (severity_of(damages[i].promise) == BACKUP_PROBLEM)
			assert_true(verdict.problems > 0);
		else
			assert_true(verdict.remarks > 0);
		testing_folder_remove(&copy.folder);
	}
}

/** struct short_tree - a tree whose one file ends before its length */
struct short_tree {
	struct backup_tree tree;
	struct backup_tree *under;
};

static int short_open(struct backup_tree *tree, const char *path, struct source **out,
		      struct err *err)
{
	struct backup_tree *under = ((struct short_tree *)tree)->under;
	int r = under->open(under, path, out, err);

	if (!r && !strcmp(path, SMS))
		(*out)->len += 100;
	return r;
}

static int short_stat(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err)
{
	struct backup_tree *under = ((struct short_tree *)tree)->under;

	return under->stat(under, path, size, err);
}

static int short_walk(struct backup_tree *tree,
		      int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
		      void *arg, struct err *err)
{
	struct backup_tree *under = ((struct short_tree *)tree)->under;

	return under->walk(under, each, arg, err);
}

static void contents_that_end_early_are_reported_and_the_check_goes_on(void **state)
{
	struct short_tree tree = {
		.tree = {.open = short_open, .stat = short_stat, .walk = short_walk}};
	struct backup_verdict verdict;
	struct verdicts verdicts;
	struct err err = ERR_INIT;
	char path[1024];

	assert_done(backup_tree_folder(&tree.under, testing_backup("plain", NULL, path), &err),
		    err);
	assert_int_equal(verify_tree(&tree.tree, NULL, &verdicts, &verdict), 0);
	assert_int_equal(times(&verdicts, "content-readable"), 1);
	assert_int_equal(verdict.problems, 1);
	assert_int_equal(verdict.rows, 46);
	tree.under->close(tree.under);
}

static void each_promise_has_a_damage_that_breaks_it_and_a_line_in_the_paper(void **state)
{
	CLEANUP(buf_clear) struct buf paper = BUF_INIT(1 << 20);
	const struct backup_promise *promises;
	char path[1024], quoted[64];
	size_t count, i, j;

	snprintf(path, sizeof(path), "%s/docs/format/ios-backup.md", getenv("REHOME_SOURCE_ROOT"));
	testing_read_file(path, &paper);
	promises = backup_promises(&count);
	for (i = 0; i < count; i++) {
		assert_true(promises[i].name[0] && promises[i].text[0]);
		snprintf(quoted, sizeof(quoted), "`%s`", promises[i].name);
		if (!strstr(buf_text(&paper), quoted))
			fail_msg("the paper does not name %s", promises[i].name);
		for (j = 0; j < ARRAY_COUNT(damages); j++)
			if (!strcmp(damages[j].promise, promises[i].name))
				break;
		if (j == ARRAY_COUNT(damages) && strcmp(promises[i].name, "content-readable"))
			fail_msg("no damage breaks %s", promises[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_our_backup_verify_with_two_remarks),
		cmocka_unit_test(a_wrong_password_ends_the_check),
		cmocka_unit_test(a_cancelled_check_ends_at_once),
		cmocka_unit_test(a_real_manifest_without_its_contents_lists_what_is_missing),
		cmocka_unit_test(each_damage_breaks_its_promise),
		cmocka_unit_test(contents_that_end_early_are_reported_and_the_check_goes_on),
		cmocka_unit_test(each_promise_has_a_damage_that_breaks_it_and_a_line_in_the_paper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
