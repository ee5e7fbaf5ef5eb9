/*
 * MBFile records: the `file` column of Manifest.db, read (docs/format/ios-backup, 5.1)
 *
 * A record is an NSKeyedArchiver archive: $objects is a list, and a UID in the root
 * object stands for an index into it.  Every row of a manifest passes through here, so
 * the root is walked once and only the five references that it holds are resolved.
 */
#include "backup/internal.h"

#include <string.h>

enum field {
	FIELD_RELATIVE_PATH,
	FIELD_MODE,
	FIELD_INODE_NUMBER,
	FIELD_USER_ID,
	FIELD_GROUP_ID,
	FIELD_LAST_MODIFIED,
	FIELD_LAST_STATUS_CHANGE,
	FIELD_BIRTH,
	FIELD_SIZE,
	FIELD_PROTECTION_CLASS,
	FIELD_FLAGS,
	FIELD_ENCRYPTION_KEY,
	FIELD_DIGEST,
	FIELD_TARGET,
	FIELD_EXTENDED_ATTRIBUTES,
	FIELD_CLASS,
	FIELD_COUNT,
};

#define NAMED(field, text) [field] = {text, sizeof(text) - 1}
static const struct {
	const char *text;
	size_t len;
} field_names[FIELD_COUNT] = {
	NAMED(FIELD_RELATIVE_PATH, "RelativePath"),
	NAMED(FIELD_MODE, "Mode"),
	NAMED(FIELD_INODE_NUMBER, "InodeNumber"),
	NAMED(FIELD_USER_ID, "UserID"),
	NAMED(FIELD_GROUP_ID, "GroupID"),
	NAMED(FIELD_LAST_MODIFIED, "LastModified"),
	NAMED(FIELD_LAST_STATUS_CHANGE, "LastStatusChange"),
	NAMED(FIELD_BIRTH, "Birth"),
	NAMED(FIELD_SIZE, "Size"),
	NAMED(FIELD_PROTECTION_CLASS, "ProtectionClass"),
	NAMED(FIELD_FLAGS, "Flags"),
	NAMED(FIELD_ENCRYPTION_KEY, "EncryptionKey"),
	NAMED(FIELD_DIGEST, "Digest"),
	NAMED(FIELD_TARGET, "Target"),
	NAMED(FIELD_EXTENDED_ATTRIBUTES, "ExtendedAttributes"),
	NAMED(FIELD_CLASS, "$class"),
};

static void fields_collect(const struct plist *root, const struct plist *fields[FIELD_COUNT])
{
	const struct plist *value;
	size_t i;

	for (value = root->as.items.first; value; value = value->next)
		for (i = 0; i < FIELD_COUNT; i++)
			if (value->key_len == field_names[i].len &&
			    !memcmp(value->key, field_names[i].text, value->key_len)) {
				fields[i] = value;
				break;
			}
}

/* A reference may stand in place of a value; index 0 is "$null", that is: nothing. */
static const struct plist *resolve(const struct plist *objects, const struct plist *value)
{
	if (!value || value->type != PLIST_UID)
		return value;
	if (value->as.uid == 0 || value->as.uid >= objects->as.items.count)
		return NULL;
	return plist_at(objects, (size_t)value->as.uid);
}

static int take_int(const struct plist *value, enum field field, int64_t min, int64_t max,
		    int64_t *out, struct err *err)
{
	int64_t integer = 0;

	if (value && (!plist_int(value, &integer) || value->is_wide))
		return err_set(err, ERR_CORRUPT, "%s is no integer", field_names[field].text);
	if (integer < min || integer > max)
		return err_set(err, ERR_CORRUPT, "%s is out of range", field_names[field].text);
	*out = integer;
	return 0;
}

/* Very old manifests hold date objects where later ones hold whole seconds. */
static int take_time(const struct plist *value, enum field field, int64_t *out, struct err *err)
{
	if (value && value->type == PLIST_DATE) {
		if (!(value->as.date > -1e12 && value->as.date < 1e12))
			return err_set(err, ERR_CORRUPT, "%s is out of range",
				       field_names[field].text);
		*out = (int64_t)value->as.date + PLIST_EPOCH_2001;
		return 0;
	}
	return take_int(value, field, INT64_MIN, INT64_MAX, out, err);
}

/* Bare data, or the NSMutableData form: a dict with NS.data. @len 0 = any length. */
static int take_data(const struct plist *objects, const struct plist *value, enum field field,
		     size_t len, struct slice *out, struct err *err)
{
	const struct plist *object = resolve(objects, value);

	if (object && object->type == PLIST_DICT)
		object = resolve(objects, plist_get(object, "NS.data"));
	if (!object) {
		*out = SLICE_EMPTY;
		return 0;
	}
	if (object->type != PLIST_DATA)
		return err_set(err, ERR_CORRUPT, "%s is no data", field_names[field].text);
	if (len && object->as.data.len != len)
		return err_set(err, ERR_CORRUPT, "%s has %zu bytes instead of %zu",
			       field_names[field].text, object->as.data.len, len);
	*out = object->as.data;
	return 0;
}

static int take_text(const struct plist *objects, const struct plist *value, enum field field,
		     const char **out, struct err *err)
{
	const struct plist *object = resolve(objects, value);

	*out = NULL;
	if (!object || object->type == PLIST_NULL)
		return 0;
	*out = plist_text(object);
	if (!*out)
		return err_set(err, ERR_CORRUPT, "%s is no text", field_names[field].text);
	return 0;
}

static int find_root(const struct plist *archive, const struct plist **objects,
		     const struct plist **root, struct err *err)
{
	const char *archiver = plist_get_text(archive, "$archiver");

	if (!archiver || strcmp(archiver, "NSKeyedArchiver"))
		return err_set(err, ERR_CORRUPT, "not an NSKeyedArchiver archive");
	*objects = plist_get_array(archive, "$objects");
	if (!*objects)
		return err_set(err, ERR_CORRUPT, "archive without $objects");
	*root = resolve(*objects, plist_get(plist_get_dict(archive, "$top"), "root"));
	if (!*root || (*root)->type != PLIST_DICT)
		return err_set(err, ERR_CORRUPT, "archive without a root object");
	return 0;
}

static int decode_fields(const struct plist *objects, const struct plist *const f[FIELD_COUNT],
			 struct backup_file *file, struct err *err)
{
	const char *class_name = plist_get_text(resolve(objects, f[FIELD_CLASS]), "$classname");
	int64_t mode, size;
	int r;

	if (!class_name || strcmp(class_name, "MBFile"))
		return err_set(err, ERR_CORRUPT, "archive of another class than MBFile");
	if ((r = take_int(f[FIELD_MODE], FIELD_MODE, 0, 0xffff, &mode, err)) < 0 ||
	    (r = take_int(f[FIELD_SIZE], FIELD_SIZE, 0, INT64_MAX, &size, err)) < 0 ||
	    (r = take_int(f[FIELD_INODE_NUMBER], FIELD_INODE_NUMBER, INT64_MIN, INT64_MAX,
			  &file->inode, err)) < 0 ||
	    (r = take_int(f[FIELD_USER_ID], FIELD_USER_ID, INT32_MIN, UINT32_MAX, &file->uid,
			  err)) < 0 ||
	    (r = take_int(f[FIELD_GROUP_ID], FIELD_GROUP_ID, INT32_MIN, UINT32_MAX, &file->gid,
			  err)) < 0 ||
	    (r = take_int(f[FIELD_PROTECTION_CLASS], FIELD_PROTECTION_CLASS, INT32_MIN, INT32_MAX,
			  &file->protection_class, err)) < 0 ||
	    (r = take_int(f[FIELD_FLAGS], FIELD_FLAGS, INT32_MIN, UINT32_MAX, &file->bsd_flags,
			  err)) < 0 ||
	    (r = take_time(f[FIELD_LAST_MODIFIED], FIELD_LAST_MODIFIED, &file->modified, err)) <
		    0 ||
	    (r = take_time(f[FIELD_LAST_STATUS_CHANGE], FIELD_LAST_STATUS_CHANGE, &file->changed,
			   err)) < 0 ||
	    (r = take_time(f[FIELD_BIRTH], FIELD_BIRTH, &file->born, err)) < 0 ||
	    (r = take_data(objects, f[FIELD_ENCRYPTION_KEY], FIELD_ENCRYPTION_KEY,
			   BACKUP_FILE_KEY_LEN, &file->key, err)) < 0 ||
	    (r = take_data(objects, f[FIELD_DIGEST], FIELD_DIGEST, BACKUP_DIGEST_LEN, &file->digest,
			   err)) < 0 ||
	    (r = take_data(objects, f[FIELD_EXTENDED_ATTRIBUTES], FIELD_EXTENDED_ATTRIBUTES, 0,
			   &file->xattrs, err)) < 0 ||
	    (r = take_text(objects, f[FIELD_RELATIVE_PATH], FIELD_RELATIVE_PATH, &file->path,
			   err)) < 0 ||
	    (r = take_text(objects, f[FIELD_TARGET], FIELD_TARGET, &file->target, err)) < 0)
		return r;
	file->mode = (uint32_t)mode;
	file->size = (uint64_t)size;
	return 0;
}

int backup_file_decode(struct plist_doc *doc, struct slice blob, struct backup_file *file,
		       struct err *err)
{
	const struct plist *fields[FIELD_COUNT] = {NULL};
	const struct plist *archive = NULL, *objects = NULL, *root = NULL;
	struct backup_file decoded = {0};
	int r;

	if (blob.len > BACKUP_BLOB_LEN_MAX)
		return err_set(err, ERR_LIMIT, "MBFile record of %zu bytes, limit %d", blob.len,
			       BACKUP_BLOB_LEN_MAX);
	plist_doc_reset(doc);
	r = plist_parse(doc, blob, &PLIST_LIMITS_SMALL, &archive, err);
	if (r < 0) /* malformed is the file's fault here, not a peer's */
		return err_wrap(err, r == ERR_PROTOCOL ? ERR_CORRUPT : r, "MBFile record");
	r = find_root(archive, &objects, &root, err);
	if (r < 0)
		return err_wrap(err, r, "MBFile record");
	fields_collect(root, fields);
	r = decode_fields(objects, fields, &decoded, err);
	if (r < 0)
		return err_wrap(err, r, "MBFile record");
	memcpy(decoded.file_id, file->file_id, sizeof(decoded.file_id));
	decoded.domain = file->domain;
	decoded.flags = file->flags;
	*file = decoded;
	return 0;
}
