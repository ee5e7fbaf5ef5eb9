/*
 * A backup as a whole: its property lists, its keys, its manifest, its contents
 *
 * What a backup is gets decided by what is present - a ManifestKey, a database header -
 * and never by a version's text (docs/format/ios-backup, 1).
 */
#include "backup/mbdb.h"

#include <string.h>

void backup_reader_init(struct backup_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	backup_properties_init(&reader->properties);
}

void backup_reader_clear(struct backup_reader *reader)
{
	backup_manifest_close(reader->manifest);
	backup_tree_close_p(&reader->present);
	backup_keybag_free(reader->bag);
	backup_properties_clear(&reader->properties);
	backup_reader_init(reader);
}

int backup_tree_read(struct backup_tree *tree, const char *path, struct buf *out, struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	int r;

	r = tree->open(tree, path, &source, err);
	if (r)
		return r;
	if (source->len > out->max)
		return err_set(err, ERR_LIMIT, "%s has %llu bytes, limit %zu", path,
			       (unsigned long long)source->len, out->max);
	r = source_read_all(source, out, err);
	return r < 0 ? err_wrap(err, r, "read %s", path) : 0;
}

/* A list that is missing or damaged is no reason to give up on the rest: verification tells. */
static int is_fatal(int r)
{
	return r < 0 && r != ERR_CORRUPT && r != ERR_LIMIT;
}

static int read_plists(struct backup_reader *reader, struct err *err)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF_INIT(BACKUP_PLIST_LEN_MAX);
	int r;

	r = backup_tree_read(reader->tree, "Manifest.plist", &bytes, err);
	if (!r)
		r = backup_properties_read(&reader->properties, buf_slice(&bytes), err);
	reader->has_properties = !r;
	if (is_fatal(r))
		return r;

	buf_truncate(&bytes, 0);
	r = backup_tree_read(reader->tree, "Status.plist", &bytes, err);
	if (!r)
		r = backup_status_read(&reader->status, buf_slice(&bytes), err);
	reader->has_status = !r;
	if (is_fatal(r))
		return r;

	buf_truncate(&bytes, 0);
	r = backup_tree_read(reader->tree, "Info.plist", &bytes, err);
	if (!r)
		r = backup_info_read(&reader->info, buf_slice(&bytes), err);
	reader->has_info = !r;
	return is_fatal(r) ? r : 0;
}

static int open_keybag(struct backup_reader *reader, const struct secret *password, struct err *err)
{
	int r;

	if (!reader->has_properties || !reader->properties.is_encrypted)
		return 0;
	if (!reader->properties.has_keybag)
		return err_set(err, ERR_CORRUPT, "the backup is encrypted and has no keybag");
	r = backup_keybag_parse(&reader->bag, buf_slice(&reader->properties.keybag), err);
	if (r < 0)
		return r;
	return password ? backup_keybag_unlock(reader->bag, password, err) : 0;
}

static int looks_plain(struct source *source, bool *is_plain, struct err *err)
{
	static const char magic[16] = "SQLite format 3";
	char head[16];
	ssize_t n = source->read(source, 0, head, sizeof(head), err);

	if (n < 0)
		return err_wrap(err, (int)n, "read Manifest.db");
	*is_plain = n == sizeof(head) && !memcmp(head, magic, sizeof(head));
	return 0;
}

/* Put a decrypting view over *@source; BACKUP_ABSENT while the bag is closed. */
static int decrypt_manifest(struct backup_reader *reader, struct source **source, struct err *err)
{
	struct source *view = NULL;
	uint8_t key[BACKUP_KEY_LEN];
	int r;

	if (!reader->bag || !reader->properties.has_manifest_key)
		return err_set(err, ERR_CORRUPT,
			       "Manifest.db is no database, and nothing says that it is encrypted");
	if (!backup_keybag_is_open(reader->bag))
		return BACKUP_ABSENT;
	r = backup_keybag_file_key(reader->bag,
				   slice_of(reader->properties.manifest_key, BACKUP_FILE_KEY_LEN),
				   key, err);
	if (r < 0)
		return err_wrap(err, r, "ManifestKey");
	r = backup_cbc_open(&view, STEAL(*source), key, err);
	explicit_bzero(key, sizeof(key));
	*source = view;
	return r;
}

static int open_manifest(struct backup_reader *reader, struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	bool is_plain = false, is_10_0 = false;
	int r;

	r = reader->tree->open(reader->tree, "Manifest.db", &source, err);
	if (r == BACKUP_ABSENT)
		return err_set(err, ERR_CORRUPT, "the backup has no Manifest.db");
	if (r < 0)
		return r;
	r = looks_plain(source, &is_plain, err);
	if (!r && !is_plain)
		r = decrypt_manifest(reader, &source, err);
	if (r) /* absent: locked, so there is no manifest */
		return r < 0 ? r : 0;
	r = backup_manifest_open(&reader->manifest, STEAL(source), err);
	if (r < 0)
		return r;
	r = backup_manifest_is_ios_10_0(reader->manifest, &is_10_0, err);
	if (r < 0)
		return r;
	if (is_10_0)
		return err_set(err, ERR_UNSUPPORTED,
			       "a backup by iOS 10.0, whose records are encrypted one by one: that "
			       "form was withdrawn with 10.1 and is not supported");
	return 0;
}

int backup_reader_open(struct backup_reader *reader, struct backup_tree *tree,
		       const struct secret *password, struct err *err)
{
	int r;

	backup_reader_clear(reader);
	r = backup_tree_present(&reader->present, tree, err);
	if (r < 0)
		return r;
	reader->tree = reader->present ? reader->present : tree;
	if ((r = read_plists(reader, err)) < 0)
		return r;
	r = open_keybag(reader, password, err);
	if (r)
		return r;
	return open_manifest(reader, err);
}

uint64_t backup_expected_size(const struct backup_file *file)
{
	/* A dataless file has a size and no content. */
	return file->bsd_flags & BACKUP_FLAG_DATALESS ? 0 : file->size;
}

void backup_content_path(const char *file_id, char out[BACKUP_CONTENT_PATH_LEN + 1])
{
	memcpy(out, file_id, 2);
	out[2] = '/';
	memcpy(out + 3, file_id, BACKUP_FILE_ID_LEN + 1);
}

/* Put a decrypting view over *@source and cut it to the true length (7.6). */
static int decrypt_content(struct backup_reader *reader, const struct backup_file *file,
			   struct source **source, unsigned *notes, struct err *err)
{
	enum backup_padding padding = BACKUP_PADDING_INVALID;
	struct source *view = NULL;
	uint8_t key[BACKUP_KEY_LEN];
	int r;

	r = backup_keybag_file_key(reader->bag, file->key, key, err);
	if (r < 0)
		return r;
	r = backup_cbc_open(&view, STEAL(*source), key, err);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	*source = view;
	r = backup_cbc_strip(view, backup_expected_size(file), &padding, err);
	if (r < 0)
		return r;
	if (padding != BACKUP_PADDING_STRIPPED)
		*notes |= BACKUP_NOTE_PADDING_INVALID;
	return 0;
}

int backup_reader_content(struct backup_reader *reader, const struct backup_file *file,
			  struct source **out, unsigned *notes, struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	char path[BACKUP_CONTENT_PATH_LEN + 1];
	unsigned noted = 0;
	int r;

	if (!backup_file_id_is_valid(file->file_id) || !backup_file_is_regular(file))
		return err_set(err, ERR_USAGE, "only a regular file has contents");
	backup_content_path(file->file_id, path);
	r = reader->tree->open(reader->tree, path, &source, err);
	if (r)
		return r;
	/* An empty file may be stored as nothing, or as one block of padding. */
	if (reader->bag && file->key.len && source->len) {
		r = decrypt_content(reader, file, &source, &noted, err);
		if (r < 0)
			return err_wrap(err, r, "%s", path);
	}
	if (source->len != backup_expected_size(file))
		noted |= BACKUP_NOTE_SIZE_DRIFT;
	*notes |= noted;
	*out = STEAL(source);
	return 0;
}
