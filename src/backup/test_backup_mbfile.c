/* MBFile records come apart and together as devices write them */
#include "backup/testing.h"

static const uint8_t sample_key[44] = {3, 0, 0, 0, 0xaa, 0xbb};
static const uint8_t sample_digest[20] = {0xd1, 0xd2};

static struct backup_file sample(void)
{
	struct backup_file file = {
		.domain = "HomeDomain",
		.path = "Library/R\xc3\xa9sum\xc3\xa9.txt",
		.flags = 1,
		.mode = 0100644,
		.inode = 55569,
		.uid = 501,
		.gid = -2,
		.modified = 1610659523,
		.changed = 1610659524,
		.born = -5,
		.size = 5000000000,
		.protection_class = 3,
		.bsd_flags = 0x80,
		.key = slice_of(sample_key, sizeof(sample_key)),
		.digest = slice_of(sample_digest, sizeof(sample_digest)),
		.xattrs = slice_text("bplist00 not looked into"),
	};

	return file;
}

static void assert_same(const struct backup_file *a, const struct backup_file *b)
{
	assert_string_equal(a->path, b->path);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->inode, b->inode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->modified, b->modified);
	assert_int_equal(a->changed, b->changed);
	assert_int_equal(a->born, b->born);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->protection_class, b->protection_class);
	assert_int_equal(a->bsd_flags, b->bsd_flags);
	assert_true(slice_equal(a->key, b->key));
	assert_true(slice_equal(a->digest, b->digest));
	assert_true(slice_equal(a->xattrs, b->xattrs));
	if (a->target)
		assert_string_equal(a->target, b->target);
	else
		assert_null(b->target);
}

static void assert_round_trip(const struct backup_file *file)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_BLOB_LEN_MAX);
	struct backup_file decoded = {.domain = "kept", .flags = 9, .file_id = "kept"};
	struct err err = ERR_INIT;

	assert_done(plist_doc_new(&doc, &err), err);
	assert_done(backup_file_encode(doc, file, &blob, &err), err);
	assert_done(backup_file_decode(doc, buf_slice(&blob), &decoded, &err), err);
	assert_same(file, &decoded);
	assert_string_equal(decoded.domain, "kept");
	assert_string_equal(decoded.file_id, "kept");
	assert_int_equal(decoded.flags, 9);
}

static void every_field_survives_encoding_and_decoding(void **state)
{
	struct backup_file file = sample();

	assert_round_trip(&file);
	file.digest = file.xattrs = SLICE_EMPTY;
	assert_round_trip(&file);
	file.key = SLICE_EMPTY;
	file.mode = 0120755;
	file.size = 0;
	file.target = "/var/mobile/elsewhere";
	assert_round_trip(&file);
	file.target = NULL;
	file.path = "";
	file.mode = 040755;
	assert_round_trip(&file);
}

/* What an iOS 14 device wrote for a directory, with names and numbers of our own. */
static void a_directory_is_encoded_in_the_order_that_devices_use(void **state)
{
	static const char *const keys[] = {
		"LastModified",     "Flags",        "GroupID", "$class",
		"LastStatusChange", "RelativePath", "Birth",   "Size",
		"InodeNumber",      "Mode",         "UserID",  "ProtectionClass",
	};
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_BLOB_LEN_MAX);
	struct backup_file file = {.path = "Library", .mode = 040755};
	struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *archive, *objects, *value;
	struct err err = ERR_INIT;
	size_t i = 0;

	assert_done(plist_doc_new(&doc, &err), err);
	assert_done(backup_file_encode(doc, &file, &blob, &err), err);
	assert_done(plist_parse(doc, buf_slice(&blob), &limits, &archive, &err), err);
	assert_string_equal(plist_get_text(archive, "$archiver"), "NSKeyedArchiver");
	assert_int_equal(plist_get(plist_get_dict(archive, "$top"), "root")->as.uid, 1);
	objects = plist_get_array(archive, "$objects");
	assert_int_equal(objects->as.items.count, 4);
	assert_string_equal(plist_text(plist_at(objects, 0)), "$null");
	for (value = plist_at(objects, 1)->as.items.first; value; value = value->next)
		assert_string_equal(value->key, keys[i++]);
	assert_int_equal(i, ARRAY_COUNT(keys));
	assert_string_equal(plist_text(plist_at(objects, 2)), "Library");
	assert_string_equal(plist_get_text(plist_at(objects, 3), "$classname"), "MBFile");
}

/** struct archive - a hand-made archive: the root as object @root_at behind fillers */
struct archive {
	struct plist_doc *doc;
	struct plist *form, *root;
	uint64_t next;
	struct plist *objects;
};

static void archive_begin(struct archive *archive, uint64_t root_at)
{
	struct plist *top, *class;

	assert_int_equal(plist_doc_new(&archive->doc, NULL), 0);
	archive->form = plist_new_dict(archive->doc);
	archive->objects = plist_new_array(archive->doc);
	archive->root = plist_new_dict(archive->doc);
	top = plist_new_dict(archive->doc);
	plist_set(archive->doc, top, "root", plist_new_uid(archive->doc, root_at));
	plist_set_text(archive->doc, archive->form, "$archiver", "NSKeyedArchiver");
	plist_set(archive->doc, archive->form, "$top", top);
	plist_set(archive->doc, archive->form, "$objects", archive->objects);
	for (archive->next = 0; archive->next < root_at; archive->next++)
		plist_add(archive->doc, archive->objects,
			  plist_new_int(archive->doc, (int64_t)archive->next + 1000));
	plist_add(archive->doc, archive->objects, archive->root);
	class = plist_new_dict(archive->doc);
	plist_set_text(archive->doc, class, "$classname", "MBFile");
	plist_add(archive->doc, archive->objects, class);
	plist_set(archive->doc, archive->root, "$class", plist_new_uid(archive->doc, root_at + 1));
	archive->next = root_at + 2;
}

/* Decode what was built; the result borrows from the archive's document */
static int archive_decode(struct archive *archive, struct backup_file *file, struct err *err)
{
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_BLOB_LEN_MAX);

	assert_int_equal(plist_write_binary(archive->doc, archive->form, &blob, NULL), 0);
	memset(file, 0, sizeof(*file));
	return backup_file_decode(archive->doc, buf_slice(&blob), file, err);
}

static void the_root_may_be_any_object_and_uids_may_be_wide(void **state)
{
	struct archive archive;
	struct backup_file file;
	struct err err = ERR_INIT;

	archive_begin(&archive, 300); /* above one byte, and its low byte is not it */
	plist_set(archive.doc, archive.root, "RelativePath",
		  plist_new_uid(archive.doc, archive.next));
	plist_add(archive.doc, archive.objects, plist_new_text(archive.doc, "far/away"));
	plist_set_int(archive.doc, archive.root, "Mode", 0100600);
	assert_done(archive_decode(&archive, &file, &err), err);
	assert_string_equal(file.path, "far/away");
	assert_int_equal(file.mode, 0100600);
	plist_doc_free(archive.doc);
}

static void bare_data_and_date_objects_are_accepted(void **state)
{
	struct archive archive;
	struct backup_file file;
	struct err err = ERR_INIT;

	archive_begin(&archive, 1);
	plist_set_data(archive.doc, archive.root, "EncryptionKey",
		       slice_of(sample_key, sizeof(sample_key)));
	plist_set(archive.doc, archive.root, "Digest", plist_new_uid(archive.doc, archive.next));
	plist_add(archive.doc, archive.objects,
		  plist_new_data(archive.doc, slice_of(sample_digest, sizeof(sample_digest))));
	plist_set_date(archive.doc, archive.root, "LastModified", 1300000000);
	plist_set(archive.doc, archive.root, "Target", plist_new_uid(archive.doc, 0)); /* $null */
	assert_done(archive_decode(&archive, &file, &err), err);
	assert_memory_equal(file.key.bytes, sample_key, sizeof(sample_key));
	assert_memory_equal(file.digest.bytes, sample_digest, sizeof(sample_digest));
	assert_int_equal(file.modified, 1300000000);
	assert_null(file.target);
	assert_null(file.path);
	plist_doc_free(archive.doc);
}

static void assert_field_refused(const char *key, struct plist *(*make)(struct plist_doc *doc))
{
	struct archive archive;
	struct backup_file file;
	struct err err = ERR_INIT;

	archive_begin(&archive, 1);
	plist_set(archive.doc, archive.root, key, make(archive.doc));
	assert_int_equal(archive_decode(&archive, &file, &err), ERR_CORRUPT);
	assert_non_null(strstr(err.text, key));
	plist_doc_free(archive.doc);
}

static struct plist *make_text(struct plist_doc *doc)
{
	return plist_new_text(doc, "1");
}

static struct plist *make_minus_one(struct plist_doc *doc)
{
	return plist_new_int(doc, -1);
}

static struct plist *make_huge(struct plist_doc *doc)
{
	return plist_new_uint(doc, UINT64_MAX);
}

static struct plist *make_short_data(struct plist_doc *doc)
{
	return plist_new_data(doc, slice_of("short", 5));
}

static void fields_of_another_type_or_out_of_range_are_refused_by_name(void **state)
{
	assert_field_refused("Mode", make_text);
	assert_field_refused("Mode", make_minus_one);
	assert_field_refused("Size", make_minus_one);
	assert_field_refused("Size", make_huge);
	assert_field_refused("InodeNumber", make_huge);
	assert_field_refused("EncryptionKey", make_short_data);
	assert_field_refused("EncryptionKey", make_text);
	assert_field_refused("Digest", make_short_data);
	assert_field_refused("RelativePath", make_short_data);
	assert_field_refused("LastModified", make_text);
}

static void a_record_cut_or_changed_anywhere_never_crashes(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_BLOB_LEN_MAX);
	struct backup_file file = sample(), decoded;
	struct err err = ERR_INIT;
	size_t at;
	int r, bit;

	assert_done(plist_doc_new(&doc, &err), err);
	assert_done(backup_file_encode(doc, &file, &blob, &err), err);
	for (at = 0; at < blob.len; at++) {
		r = backup_file_decode(doc, slice_of(blob.bytes, at), &decoded, &err);
		assert_true(r == ERR_CORRUPT || r == ERR_LIMIT);
		for (bit = 0; bit < 8; bit++) {
			blob.bytes[at] ^= (uint8_t)(1 << bit);
			r = backup_file_decode(doc, buf_slice(&blob), &decoded, &err);
			assert_true(r == 0 || r == ERR_CORRUPT || r == ERR_LIMIT);
			blob.bytes[at] ^= (uint8_t)(1 << bit);
		}
	}
}

static void a_record_over_its_limit_is_refused_unread(void **state)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct backup_file file;
	struct err err = ERR_INIT;
	uint8_t *bytes = calloc(1, BACKUP_BLOB_LEN_MAX + 1);

	assert_done(plist_doc_new(&doc, &err), err);
	assert_int_equal(
		backup_file_decode(doc, slice_of(bytes, BACKUP_BLOB_LEN_MAX + 1), &file, &err),
		ERR_LIMIT);
	free(bytes);
}

static void names_are_hashed_as_they_are_stored(void **state)
{
	char id[41];
	size_t i;

	backup_file_id("HomeDomain", "Library/SMS/sms.db", id);
	assert_string_equal(id, "3d0d7e5fb2ce288813306e4d4636395e047a3d28");
	backup_file_id("KeychainDomain", "keychain-backup.plist", id);
	assert_string_equal(id, "51a4616e576dd33cd2abadfea874eb8ff246bf0e");
	for (i = 0; i < ARRAY_COUNT(kat_files); i++) {
		backup_file_id(kat_files[i].domain, kat_files[i].path, id);
		assert_string_equal(id, kat_files[i].file_id);
	}
	assert_true(backup_file_id_is_valid(id));
	id[39] = 'A';
	assert_false(backup_file_id_is_valid(id));
	id[39] = '\0';
	assert_false(backup_file_id_is_valid(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives_encoding_and_decoding),
		cmocka_unit_test(a_directory_is_encoded_in_the_order_that_devices_use),
		cmocka_unit_test(the_root_may_be_any_object_and_uids_may_be_wide),
		cmocka_unit_test(bare_data_and_date_objects_are_accepted),
		cmocka_unit_test(fields_of_another_type_or_out_of_range_are_refused_by_name),
		cmocka_unit_test(a_record_cut_or_changed_anywhere_never_crashes),
		cmocka_unit_test(a_record_over_its_limit_is_refused_unread),
		cmocka_unit_test(names_are_hashed_as_they_are_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
