/*
 * MBFile records, written as devices write them (docs/format/ios-backup, 5.1)
 *
 * Order of keys and of objects follows what iOS 14 leaves behind: an archiver appends an
 * object when it first meets it, and the class of the root after the object itself, but
 * before extended attributes.
 */
#include "backup/internal.h"

#include <string.h>

/** struct archive - the $objects list under construction */
struct archive {
	struct plist_doc *doc;
	struct plist *objects;
	uint64_t count;
};

static struct plist *archive_add(struct archive *archive, struct plist *object)
{
	plist_add(archive->doc, archive->objects, object);
	return plist_new_uid(archive->doc, archive->count++);
}

static struct plist *archive_add_class(struct archive *archive, const char *const *chain)
{
	struct plist *description = plist_new_dict(archive->doc);
	struct plist *classes = plist_new_array(archive->doc);

	plist_set_text(archive->doc, description, "$classname", chain[0]);
	for (; *chain; chain++)
		plist_add(archive->doc, classes, plist_new_text(archive->doc, *chain));
	plist_set(archive->doc, description, "$classes", classes);
	return archive_add(archive, description);
}

static struct plist *archive_add_key(struct archive *archive, struct slice key)
{
	static const char *const chain[] = {"NSMutableData", "NSData", "NSObject", NULL};
	struct plist *holder = plist_new_dict(archive->doc);
	struct plist *reference;

	plist_set_data(archive->doc, holder, "NS.data", key);
	reference = archive_add(archive, holder);
	plist_set(archive->doc, holder, "$class", archive_add_class(archive, chain));
	return reference;
}

/** struct references - what the root object points to; NULL where it has no such key */
struct references {
	struct plist *path, *digest, *target, *key, *class, *xattrs;
};

static void references_add(struct archive *archive, const struct backup_file *file,
			   struct references *to)
{
	static const char *const chain[] = {"MBFile", "NSObject", NULL};
	struct plist_doc *doc = archive->doc;

	to->path = archive_add(archive, plist_new_text(doc, file->path));
	if (file->digest.len)
		to->digest = archive_add(archive, plist_new_data(doc, file->digest));
	if (file->target)
		to->target = archive_add(archive, plist_new_text(doc, file->target));
	if (file->key.len)
		to->key = archive_add_key(archive, file->key);
	to->class = archive_add_class(archive, chain);
	if (file->xattrs.len)
		to->xattrs = archive_add(archive, plist_new_data(doc, file->xattrs));
}

static void set_if(struct plist_doc *doc, struct plist *dict, const char *key, struct plist *value)
{
	if (value)
		plist_set(doc, dict, key, value);
}

static void root_fill(struct plist_doc *doc, struct plist *root, const struct backup_file *file,
		      const struct references *to)
{
	plist_set_int(doc, root, "LastModified", file->modified);
	if (to->digest)
		plist_set_int(doc, root, "ProtectionClass", file->protection_class);
	plist_set_int(doc, root, "Flags", file->bsd_flags);
	set_if(doc, root, "ExtendedAttributes", to->xattrs);
	plist_set_int(doc, root, "GroupID", file->gid);
	set_if(doc, root, "Target", to->target);
	plist_set(doc, root, "$class", to->class);
	plist_set_int(doc, root, "LastStatusChange", file->changed);
	plist_set(doc, root, "RelativePath", to->path);
	plist_set_int(doc, root, "Birth", file->born);
	set_if(doc, root, "EncryptionKey", to->key);
	plist_set_int(doc, root, "Size", (int64_t)file->size);
	if (!backup_file_is_regular(file))
		plist_set_int(doc, root, "InodeNumber", file->inode);
	plist_set_int(doc, root, "Mode", file->mode);
	plist_set_int(doc, root, "UserID", file->uid);
	set_if(doc, root, "Digest", to->digest);
	if (backup_file_is_regular(file))
		plist_set_int(doc, root, "InodeNumber", file->inode);
	if (!to->digest)
		plist_set_int(doc, root, "ProtectionClass", file->protection_class);
}

static int check_encodable(const struct backup_file *file, struct err *err)
{
	if (!file->path)
		return err_set(err, ERR_USAGE, "MBFile record without a path");
	if (file->key.len && file->key.len != BACKUP_FILE_KEY_LEN)
		return err_set(err, ERR_USAGE, "EncryptionKey of %zu bytes", file->key.len);
	if (file->digest.len && file->digest.len != BACKUP_DIGEST_LEN)
		return err_set(err, ERR_USAGE, "Digest of %zu bytes", file->digest.len);
	if (file->size > INT64_MAX)
		return err_set(err, ERR_USAGE, "Size is out of range");
	return 0;
}

int backup_file_encode(struct plist_doc *doc, const struct backup_file *file, struct buf *blob,
		       struct err *err)
{
	struct references to = {NULL};
	struct archive archive = {.doc = doc};
	struct plist *root, *form, *top;
	int r;

	r = check_encodable(file, err);
	if (r < 0)
		return r;
	plist_doc_reset(doc);
	archive.objects = plist_new_array(doc);
	(void)archive_add(&archive, plist_new_text(doc, "$null"));
	root = plist_new_dict(doc);
	top = plist_new_dict(doc);
	plist_set(doc, top, "root", archive_add(&archive, root));
	references_add(&archive, file, &to);
	root_fill(doc, root, file, &to);

	form = plist_new_dict(doc);
	plist_set_int(doc, form, "$version", 100000);
	plist_set_text(doc, form, "$archiver", "NSKeyedArchiver");
	plist_set(doc, form, "$top", top);
	plist_set(doc, form, "$objects", archive.objects);
	r = plist_write_binary(doc, form, blob, err);
	if (r < 0)
		return err_wrap(err, r, "write MBFile record of %.200s", file->path);
	return 0;
}
