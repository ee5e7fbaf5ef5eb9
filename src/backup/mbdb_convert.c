/*
 * Manifest.mbdb into the present form: a Manifest.db in memory (docs/format/ios-backup, 10)
 *
 * So that the rest of the room knows one form only.  Old backups have some ten thousand rows,
 * which takes about 20 MiB; nothing of it reaches a disk.
 */
#include "backup/mbdb.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"

static const char schema[] =
	"CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, "
	"flags INTEGER, file BLOB);"
	"CREATE INDEX FilesDomainIdx ON Files(domain);"
	"CREATE INDEX FilesRelativePathIdx ON Files(relativePath);"
	"BEGIN";

struct conversion {
	sqlite3 *db;
	sqlite3_stmt *insert;
	struct plist_doc *doc;
	struct buf blob, xattrs;
	struct mbdb mbdb;
	struct mbdb_record record;
};

static void conversion_clear(struct conversion *conversion)
{
	sqlite3_finalize(conversion->insert);
	sqlite3_close(conversion->db);
	plist_doc_free(conversion->doc);
	buf_clear(&conversion->blob);
	buf_clear(&conversion->xattrs);
	mbdb_close(&conversion->mbdb);
}

/* fileID is made of the bytes as they are: a name that is no text has one too. */
static int make_id(const struct mbdb_record *record, char out[BACKUP_FILE_ID_LEN + 1],
		   struct err *err)
{
	CLEANUP(buf_clear) struct buf joined = BUF_INIT(MBDB_RECORD_LEN_MAX);
	uint8_t digest[CRYPTO_SHA1_LEN];
	int r;

	if ((r = buf_append_slice(&joined, record->domain, err)) < 0 ||
	    (r = buf_append_u8(&joined, '-', err)) < 0 ||
	    (r = buf_append_slice(&joined, record->path, err)) < 0)
		return r;
	crypto_sha1(buf_slice(&joined), digest);
	hex_encode(digest, sizeof(digest), out);
	return 0;
}

/* NUL-terminated in @doc, NULL unless it is text. */
static const char *text_of(struct plist_doc *doc, struct slice bytes)
{
	if (!bytes.len)
		return "";
	if (!text_is_utf8((const char *)bytes.bytes, bytes.len))
		return NULL;
	return plist_text(plist_new_string(doc, (const char *)bytes.bytes, bytes.len));
}

/* Properties become ExtendedAttributes: a binary dictionary, name to data. */
static int make_xattrs(struct conversion *conversion, struct err *err)
{
	const struct mbdb_record *record = &conversion->record;
	struct plist *dict;
	size_t i;

	buf_truncate(&conversion->xattrs, 0);
	if (!record->property_count)
		return 0;
	plist_doc_reset(conversion->doc);
	dict = plist_new_dict(conversion->doc);
	for (i = 0; i < record->property_count; i++)
		plist_set_len(conversion->doc, dict, (const char *)record->properties[i].name.bytes,
			      record->properties[i].name.len,
			      plist_new_data(conversion->doc, record->properties[i].value));
	return plist_write_binary(conversion->doc, dict, &conversion->xattrs, err);
}

static int64_t flags_of(uint16_t mode)
{
	return S_ISDIR(mode) ? 2 : S_ISLNK(mode) ? 4 : 1;
}

/* The record as an MBFile; the blob stays empty if it holds what no MBFile can say. */
static int make_blob(struct conversion *conversion, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *names = NULL;
	const struct mbdb_record *record = &conversion->record;
	struct backup_file file = {
		.mode = record->mode,
		.flags = flags_of(record->mode),
		.inode = (int64_t)record->inode,
		.uid = (int32_t)record->uid, /* nobody is -2 */
		.gid = (int32_t)record->gid,
		.modified = record->modified,
		.born = record->born,
		.size = record->size,
		.protection_class = record->protection_class,
		.key = record->key,
		.digest = record->digest,
	};
	int r;

	buf_truncate(&conversion->blob, 0);
	r = make_xattrs(conversion, err);
	if (!r)
		r = plist_doc_new(&names, err);
	if (!r) {
		file.xattrs = buf_slice(&conversion->xattrs);
		file.domain = text_of(names, record->domain);
		file.path = text_of(names, record->path);
		file.target = record->target.len ? text_of(names, record->target) : NULL;
		if (!file.path || (record->target.len && !file.target))
			return 0;
		r = backup_file_encode(conversion->doc, &file, &conversion->blob, err);
	}
	return r == ERR_USAGE || r == ERR_LIMIT ? 0 : r;
}

static void bind_text(sqlite3_stmt *insert, int at, struct slice text)
{
	sqlite3_bind_text(insert, at, (const char *)text.bytes, (int)text.len, SQLITE_STATIC);
}

static int insert_record(struct conversion *conversion, struct err *err)
{
	const struct mbdb_record *record = &conversion->record;
	sqlite3_stmt *insert = conversion->insert;
	char file_id[BACKUP_FILE_ID_LEN + 1];
	int r;

	if ((r = make_id(record, file_id, err)) < 0 || (r = make_blob(conversion, err)) < 0)
		return r;
	bind_text(insert, 1, slice_text(file_id));
	bind_text(insert, 2, record->domain);
	/* the root of a domain has an absent path, or an empty one */
	bind_text(insert, 3, record->path.len ? record->path : slice_text(""));
	sqlite3_bind_int64(insert, 4, flags_of(record->mode));
	if (conversion->blob.len)
		sqlite3_bind_blob(insert, 5, conversion->blob.bytes, (int)conversion->blob.len,
				  SQLITE_STATIC);
	else
		sqlite3_bind_null(insert, 5);
	r = sqlite3_step(insert);
	sqlite3_reset(insert);
	if (r == SQLITE_CONSTRAINT)
		return err_set(err, ERR_CORRUPT, "Manifest.mbdb names file %s twice", file_id);
	return r == SQLITE_DONE ? 0
				: backup_sqlite_fail(conversion->db, NULL, "Manifest.mbdb", err);
}

static int insert_all(struct conversion *conversion, struct source *source, struct err *err)
{
	int r;

	if ((r = mbdb_open(&conversion->mbdb, source, err)) < 0 ||
	    (r = plist_doc_new(&conversion->doc, err)) < 0)
		return r;
	if (sqlite3_open_v2(":memory:", &conversion->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return err_no_memory(err);
	if ((r = backup_sqlite_run(conversion->db, schema, err)) < 0 ||
	    (r = backup_sqlite_prepare(&conversion->insert, conversion->db,
				       "INSERT INTO Files VALUES (?1, ?2, ?3, ?4, ?5)", err)) < 0)
		return r;
	while ((r = mbdb_next(&conversion->mbdb, &conversion->record, err)) == 0) {
		r = insert_record(conversion, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : backup_sqlite_run(conversion->db, "COMMIT", err);
}

/* ---- the database's bytes as a source ---- */

struct image {
	struct source source;
	uint8_t *bytes; /* SQLite's */
};

static ssize_t image_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			  struct err *err)
{
	if (offset >= source->len)
		return 0;
	if (len > source->len - offset)
		len = (size_t)(source->len - offset);
	memcpy(bytes, ((struct image *)source)->bytes + offset, len);
	return (ssize_t)len;
}

static void image_close(struct source *source)
{
	sqlite3_free(((struct image *)source)->bytes);
	free(source);
}

static int image_open(struct source **out, sqlite3 *db, struct err *err)
{
	struct image *image = calloc(1, sizeof(*image));
	sqlite3_int64 len = 0;

	if (!image)
		return err_no_memory(err);
	image->bytes = sqlite3_serialize(db, "main", &len, 0);
	if (!image->bytes) {
		free(image);
		return err_no_memory(err);
	}
	image->source =
		(struct source){.len = (uint64_t)len, .read = image_read, .close = image_close};
	*out = &image->source;
	return 0;
}

int mbdb_convert(struct source *source, struct source **out, struct err *err)
{
	CLEANUP(conversion_clear)
	struct conversion conversion = {.blob = BUF_INIT(BACKUP_BLOB_LEN_MAX),
					.xattrs = BUF_INIT(BACKUP_BLOB_LEN_MAX)};
	int r;

	r = insert_all(&conversion, source, err);
	if (r < 0)
		return r;
	sqlite3_finalize(STEAL(conversion.insert));
	return image_open(out, conversion.db, err);
}
