/*
 * backup - Apple's backup folder format, reading and writing
 *
 * Manifest.db rows (streamed), MBFile records, the three property lists, the keybag,
 * file and manifest encryption, and the check of every promise of the format.
 * Knows neither devices nor the repository: it reads struct source and struct
 * backup_tree.  Every byte read is hostile.  Facts: docs/format/ios-backup ("7.1" = its section).
 *
 * Returns: 0, an outcome that the comment names, or < 0; outputs are written on success only.
 * A failure that no comment names is ERR_NO_MEMORY, or what a source or tree said.  Objects
 * belong to one thread at a time.  *_free, *_close and *_clear accept NULL or what is empty;
 * the forms with _p are for CLEANUP.
 */
#ifndef REHOME_BACKUP_H
#define REHOME_BACKUP_H

#include "base/base.h"
#include "plist/plist.h"

#include "backup/management.h"
#include "backup/keychain.h"

enum {
	BACKUP_FILE_ID_LEN = 40,  /* hex digits, without NUL */
	BACKUP_FILE_KEY_LEN = 44, /* LE32 class + 40 bytes wrapped key */
	BACKUP_DIGEST_LEN = 20,
	BACKUP_KEY_LEN = 32,
	BACKUP_KEYBAG_LEN_MAX = 64 << 10,
	BACKUP_BLOB_LEN_MAX = 1 << 20, /* one MBFile */
	BACKUP_DOMAIN_LEN_MAX = 512,
	/* of one stage; a bag that asks for more is refused: it would hang us */
	BACKUP_KDF_ROUNDS_MAX = 50000000,
};

enum backup_outcome {
	BACKUP_ABSENT = 1,         /* no such file, row or key */
	BACKUP_WRONG_PASSWORD = 2, /* keybag does not open */
	BACKUP_END = 3,            /* no further row */
	BACKUP_DAMAGED = 4,        /* this row is damaged (text in err); reading can go on */
};

/* ---- names ---- */
/**
 * backup_file_id - lower-case hex SHA-1 of domain-path, with NUL (5)
 * @domain, @path: at most BACKUP_DOMAIN_LEN_MAX and PATH_LEN_MAX bytes; a longer name gets an
 *   id that no row has
 */
void backup_file_id(const char *domain, const char *path, char out[41]);
/** backup_file_id_is_valid - exactly 40 lower-case hex digits? */
bool backup_file_id_is_valid(const char *text);

/* ---- MBFile (5.1) ---- */

/**
 * struct backup_file - one row. Pointers borrow from whoever filled it (see there).
 * What a record does not hold is 0, NULL or empty.
 */
struct backup_file {
	char file_id[41];
	const char *domain, *path; /* UTF-8 */
	int64_t flags;             /* 1 file, 2 directory, 4 symlink */
	uint32_t mode;             /* st_mode with type bits */
	int64_t inode;
	int64_t uid, gid;                /* may be negative */
	int64_t modified, changed, born; /* seconds since 1970 */
	uint64_t size;                   /* st_size at scan time; not authoritative (7.6) */
	int64_t protection_class, bsd_flags;
	struct slice key;    /* 44 bytes or empty */
	struct slice digest; /* 20 bytes or empty: SHA-1 of the stored bytes */
	const char *target;  /* symlink, or NULL */
	struct slice xattrs; /* binary plist dict, or empty */
};
/** backup_file_is_regular - by mode when it has type bits, else by flags */
bool backup_file_is_regular(const struct backup_file *file);

/**
 * backup_file_decode - read the `file` column
 * @doc:  reset by this call; text and data of @file borrow from it
 * @blob: at most BACKUP_BLOB_LEN_MAX bytes; not needed afterwards
 * @file: all but file_id, domain and flags, which stay; path is NULL if the record names none
 * ERR_CORRUPT (names the field) or ERR_LIMIT: then @file is as before.
 */
int backup_file_decode(struct plist_doc *doc, struct slice blob, struct backup_file *file,
		       struct err *err);
/**
 * backup_file_encode - append the NSKeyedArchiver form as devices write it to @blob
 * @doc: scratch, reset; so @file must not borrow from it. ERR_USAGE for what no record can say.
 */
int backup_file_encode(struct plist_doc *doc, const struct backup_file *file, struct buf *blob,
		       struct err *err);

/*
 * ---- Manifest.db (5): reader over any source, in constant memory ----
 *
 * A hostile database ends in ERR_CORRUPT, ERR_LIMIT or damaged rows, never in endless work.
 * A row borrows from the manifest until the next call on it, whichever that is.
 */

struct backup_manifest;
/**
 * backup_manifest_open - plain database bytes, read-only and never written to
 * @source: taken over (closed with the manifest, also on failure). Cipher padding behind the last
 * page is tolerated and reported by backup_manifest_has_padding. ERR_CORRUPT if it is not a
 * database or lacks the Files table.
 */
int backup_manifest_open(struct backup_manifest **out, struct source *source, struct err *err);
/** backup_manifest_close - with its source and whatever rows were borrowed */
void backup_manifest_close(struct backup_manifest *manifest);
void backup_manifest_close_p(struct backup_manifest **manifest);
/** backup_manifest_has_padding - does one whole block of cipher padding follow the last page? */
bool backup_manifest_has_padding(const struct backup_manifest *manifest);
/** backup_manifest_count - how many rows there are; reads an index once (0.1 s for 1.3 million) */
int backup_manifest_count(struct backup_manifest *manifest, uint64_t *rows, struct err *err);
/*
 * STORED is the quickest. DOMAIN_PATH sorts by bytes, costs about five times as much and some
 * 10 MiB; rows whose domain or path is no text come in STORED only.
 */
enum backup_order { BACKUP_ORDER_STORED, BACKUP_ORDER_FILE_ID, BACKUP_ORDER_DOMAIN_PATH };
/** backup_manifest_rewind - start (over); @domain NULL for all. Looking rows up in between is fine.
 */
int backup_manifest_rewind(struct backup_manifest *manifest, enum backup_order order,
			   const char *domain, struct err *err);
/**
 * backup_manifest_next - the next row, with domain and path as the columns have them
 * BACKUP_END; BACKUP_DAMAGED: @err says why, file_id ("" = none), domain and path (NULL = none)
 * are filled as far as they are usable, and the next call goes on behind it.
 */
int backup_manifest_next(struct backup_manifest *manifest, struct backup_file *file,
			 struct err *err);
/** backup_manifest_next_name - the same without the record: file_id, domain, path and flags alone,
 * and several times as quick */
int backup_manifest_next_name(struct backup_manifest *manifest, struct backup_file *file,
			      struct err *err);
/** backup_manifest_find - one row by domain and path; BACKUP_ABSENT; BACKUP_DAMAGED as above */
int backup_manifest_find(struct backup_manifest *manifest, const char *domain, const char *path,
			 struct backup_file *file, struct err *err);
/** backup_manifest_find_id - one row by fileID; BACKUP_ABSENT; BACKUP_DAMAGED as above */
int backup_manifest_find_id(struct backup_manifest *manifest, const char *file_id,
			    struct backup_file *file, struct err *err);

/*
 * ---- Manifest.db: writer, for devices ----
 *
 * Rows change where they lie, so that pages without a changed row stay as they are. The same
 * calls give the same bytes. One transaction, no journal, nothing synced, at most 64 MiB of
 * cache: who needs the old file, or crash safety, edits a copy and renames it.
 */

struct backup_manifest_writer;
/**
 * backup_manifest_create - a new database file at @path, mode 0600; schema, page size,
 * user_version and WAL mark as devices write them. ERR_EXISTS
 */
int backup_manifest_create(struct backup_manifest_writer **out, const char *path, struct err *err);
/** backup_manifest_edit - an existing plain one, changed in place. ERR_NOT_FOUND, ERR_CORRUPT */
int backup_manifest_edit(struct backup_manifest_writer **out, const char *path, struct err *err);
/**
 * backup_manifest_put - insert, or replace the row with the same fileID keeping its place; an
 * equal row is not touched. ERR_USAGE for a name that no reader would accept. @file is borrowed.
 */
int backup_manifest_put(struct backup_manifest_writer *writer, const struct backup_file *file,
			struct err *err);
/** backup_manifest_remove - BACKUP_ABSENT if there is no such row */
int backup_manifest_remove(struct backup_manifest_writer *writer, const char *file_id,
			   struct err *err);
/**
 * backup_manifest_finish - write everything, set the WAL mark, leave no side file
 * Frees @writer in any case. After a failure, here or in an earlier call, the file is as after
 * backup_manifest_abandon.
 */
int backup_manifest_finish(struct backup_manifest_writer *writer, struct err *err);
/**
 * backup_manifest_abandon - give up: a created file is removed; an edited one is left in an
 * undefined state and is to be thrown away. NULL is fine.
 */
void backup_manifest_abandon(struct backup_manifest_writer *writer);

/* ---- property lists (2, 3, 4) ---- */

enum { BACKUP_TEXT_MAX = 256 };

/** struct backup_properties - Manifest.plist; empty text = absent. Further keys are not kept. */
struct backup_properties {
	char version[16], system_domains_version[16];
	int64_t date;
	bool is_encrypted, was_passcode_set;
	bool has_keybag, has_manifest_key;
	struct buf keybag; /* BackupKeyBag */
	uint8_t manifest_key[BACKUP_FILE_KEY_LEN];
	char udid[64], serial[64], device_name[BACKUP_TEXT_MAX], product_type[64],
		product_version[32], build[32];
	char required_version[32];
	bool is_simulated; /* our mark: key "com.rehome.simulated" true */
};
/** backup_properties_init - all absent; the keybag is bounded by BACKUP_KEYBAG_LEN_MAX */
void backup_properties_init(struct backup_properties *properties);
void backup_properties_clear(struct backup_properties *properties);
/**
 * backup_properties_read - XML or binary; missing keys are no failure (verification tells)
 * @properties: initialised; what it held is replaced. ERR_CORRUPT, ERR_LIMIT (names the key)
 */
int backup_properties_read(struct backup_properties *properties, struct slice bytes,
			   struct err *err);
/**
 * backup_properties_write - append the binary form
 * @more: NULL, or a dict with further keys (Applications ...) that are copied in where
 *   @properties has none of that name; so are those of its dict Lockdown
 */
int backup_properties_write(const struct backup_properties *properties, const struct plist *more,
			    struct buf *out, struct err *err);

#define BACKUP_SIMULATED_KEY "com.rehome.simulated"

enum backup_snapshot_state {
	BACKUP_STATE_UNKNOWN,
	BACKUP_UPLOADING,
	BACKUP_MOVING,
	BACKUP_REMOVING,
	BACKUP_FINISHED
};
/** struct backup_status - Status.plist */
struct backup_status {
	char version[16], uuid[40], backup_state[16];
	int64_t date;
	enum backup_snapshot_state snapshot_state;
	bool is_full;
};
/** backup_status_read - missing keys are empty; a state of another name is STATE_UNKNOWN.
 * ERR_CORRUPT, ERR_LIMIT */
int backup_status_read(struct backup_status *status, struct slice bytes, struct err *err);
/** backup_status_write - append the binary form; ERR_USAGE for BACKUP_STATE_UNKNOWN */
int backup_status_write(const struct backup_status *status, struct buf *out, struct err *err);

/** struct backup_info - what we show of Info.plist; empty text = absent */
struct backup_info {
	char name[BACKUP_TEXT_MAX], udid[64], serial[64], product_type[64], product_version[32],
		build[32], imei[64], phone[64];
	int64_t last_backup;
	size_t application_count;
};
/** backup_info_read - texts that are too long are cut. ERR_CORRUPT, ERR_LIMIT */
int backup_info_read(struct backup_info *info, struct slice bytes, struct err *err);

/* ---- keybag (7.1, 7.2); keys are wiped when it is freed ---- */

struct backup_keybag;
/** backup_keybag_parse - @blob is copied. ERR_CORRUPT, ERR_LIMIT (length, rounds), ERR_UNSUPPORTED
 * (another type of bag) */
int backup_keybag_parse(struct backup_keybag **out, struct slice blob, struct err *err);
/** struct backup_keybag_recipe - all that a bag is made of: the same recipe gives the same bytes */
struct backup_keybag_recipe {
	uint8_t uuid[16], salt[20], dpsl[20];
	uint8_t class_uuids[11][16];
	uint8_t class_keys[11][BACKUP_KEY_LEN];   /* of classes 1 to 11 */
	uint8_t device_layer_key[BACKUP_KEY_LEN]; /* hides classes 5, 9, 10, 11 behind the device
						     (WRAP 3) */
	uint32_t dpic, iter;
};
/** backup_keybag_make - append a bag of type 1 with classes 11 to 1, as a device makes it */
int backup_keybag_make(struct buf *blob, const struct backup_keybag_recipe *recipe,
		       const struct secret *password, struct err *err);
/**
 * backup_keybag_unlock - derive once (seconds at 10,000,000 rounds) and open every class that the
 * password alone opens. BACKUP_WRONG_PASSWORD: try again; a single damaged class stays closed.
 */
int backup_keybag_unlock(struct backup_keybag *bag, const struct secret *password, struct err *err);
/** backup_keybag_is_open - did a password open it? */
bool backup_keybag_is_open(const struct backup_keybag *bag);
/** backup_keybag_file_key - key of a 44-byte blob; ERR_PASSWORD if the bag is closed; ERR_CORRUPT;
 * the caller wipes @key */
int backup_keybag_file_key(const struct backup_keybag *bag, struct slice blob,
			   uint8_t key[BACKUP_KEY_LEN], struct err *err);
/** backup_keybag_wrap_file_key - the inverse, for devices and re-encryption */
int backup_keybag_wrap_file_key(const struct backup_keybag *bag, uint32_t protection_class,
				const uint8_t key[BACKUP_KEY_LEN],
				uint8_t blob[BACKUP_FILE_KEY_LEN], struct err *err);
/** backup_keybag_wrap_with - wrap with a class key known by other means (a device's own) */
int backup_keybag_wrap_with(const uint8_t class_key[BACKUP_KEY_LEN], uint32_t protection_class,
			    const uint8_t key[BACKUP_KEY_LEN], uint8_t blob[BACKUP_FILE_KEY_LEN],
			    struct err *err);
/** backup_keybag_rounds - what unlocking costs, both stages */
uint32_t backup_keybag_rounds(const struct backup_keybag *bag);
void backup_keybag_free(struct backup_keybag *bag);
void backup_keybag_free_p(struct backup_keybag **bag);

/**
 * backup_password_change - Manifest.plist with the keys behind another password, nothing else
 * changed (7.8); contents and Manifest.db stay as they are
 * @manifest_plist: of an encrypted backup; @out: gets the new one
 * @entropy: for fresh salts. Costs two derivations (seconds at 10,000,000 rounds).
 * BACKUP_WRONG_PASSWORD; ERR_USAGE: not encrypted, or an empty new password; ERR_CORRUPT: a key
 * does not open, which would be lost. The device's own password stays: its next backup brings
 * that back.
 */
int backup_password_change(struct slice manifest_plist, const struct secret *old_password,
			   const struct secret *new_password, struct entropy *entropy,
			   struct buf *out, struct err *err);
/** backup_password_change_folder - the same for the backup in the folder @path; its Manifest.plist
 * is replaced at once and for good, or stays */
int backup_password_change_folder(const char *path, const struct secret *old_password,
				  const struct secret *new_password, struct entropy *entropy,
				  struct err *err);

/* ---- content encryption (7.3, 7.4, 7.6) ---- */

/**
 * backup_cbc_open - plain view of an encrypted source with random access (AES-256-CBC, zero IV)
 * @source: taken over, also on failure. The view's length is that of the ciphertext in whole
 *   blocks until backup_cbc_strip. Holds at most 64 KiB, wiped on close.
 */
int backup_cbc_open(struct source **out, struct source *source, const uint8_t key[BACKUP_KEY_LEN],
		    struct err *err);
enum backup_padding { BACKUP_PADDING_STRIPPED, BACKUP_PADDING_INVALID, BACKUP_PADDING_NOT_BLOCKS };
/**
 * backup_cbc_strip - read the last block, shorten @view by its padding if valid (7.6, rules 1-3)
 * @view: from backup_cbc_open. @size: MBFile's size, counts only when the padding is invalid
 */
int backup_cbc_strip(struct source *view, uint64_t size, enum backup_padding *padding,
		     struct err *err);
/** backup_stored_len - stored length of @plain_len bytes with their padding (7.4): (n / 16 + 1) *
 * 16
 */
static inline uint64_t backup_stored_len(uint64_t plain_len)
{
	return (plain_len / 16 + 1) * 16;
}

/* ---- a backup as a whole ---- */

/** struct backup_tree - where the files of one backup are: a folder, a snapshot */
struct backup_tree {
	/* BACKUP_ABSENT; the caller closes the source */
	int (*open)(struct backup_tree *tree, const char *path, struct source **out,
		    struct err *err);
	/* BACKUP_ABSENT; @size of a regular file */
	int (*stat)(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err);
	/* every regular file, any order; stops when @each returns non-zero and returns that */
	int (*walk)(struct backup_tree *tree,
		    int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
		    void *arg, struct err *err);
	void (*close)(struct backup_tree *tree);
};
void backup_tree_close_p(struct backup_tree **tree);
/**
 * backup_tree_folder - a folder on disk; symlinks inside are not followed, and are not there
 * ERR_NOT_FOUND; ERR_CORRUPT if it has neither Manifest.db nor the Manifest.mbdb of iOS 9 and
 * older, which the reader shows in the present form
 */
int backup_tree_folder(struct backup_tree **out, const char *path, struct err *err);

/** struct backup_reader - an opened backup: properties, status, keybag, manifest */
struct backup_reader {
	struct backup_tree *tree;    /* borrowed, or the next one */
	struct backup_tree *present; /* view of a backup of iOS 9 or older, else NULL */
	struct backup_properties properties;
	struct backup_status status;
	struct backup_info info;
	bool has_properties, has_status, has_info;
	struct backup_keybag *bag;        /* NULL when plain */
	struct backup_manifest *manifest; /* NULL while locked */
};
/** backup_reader_init - nothing opened; to be cleared in the end */
void backup_reader_init(struct backup_reader *reader);
/** backup_reader_clear - close manifest and keybag, forget the lists; the tree stays open */
void backup_reader_clear(struct backup_reader *reader);
/**
 * backup_reader_open - read what is there; a missing or damaged property list is no failure
 * @tree:     borrowed until backup_reader_clear
 * @password: NULL: an encrypted manifest then stays NULL; not looked at when the backup is plain
 * BACKUP_WRONG_PASSWORD; ERR_CORRUPT, ERR_LIMIT for what cannot be read at all; ERR_UNSUPPORTED
 * (iOS 10.0). @reader is to be cleared whatever is returned.
 */
int backup_reader_open(struct backup_reader *reader, struct backup_tree *tree,
		       const struct secret *password, struct err *err);
enum backup_note { BACKUP_NOTE_SIZE_DRIFT = 1u << 0, BACKUP_NOTE_PADDING_INVALID = 1u << 1 };
/**
 * backup_reader_content - the plain content of the regular file @file, with its true length
 * @out:   the caller closes it, before the tree
 * @notes: BACKUP_NOTE_* bits are added
 * BACKUP_ABSENT if its content file is missing; ERR_PASSWORD while locked; ERR_CORRUPT (its key);
 * ERR_USAGE if it is no regular file.
 */
int backup_reader_content(struct backup_reader *reader, const struct backup_file *file,
			  struct source **out, unsigned *notes, struct err *err);

/**
 * backup_content_copy - all of @content into the file @fd, from offset 0 on
 * @content: from backup_reader_content; its source is read by one thread at a time, decrypted and
 *   written by all cores when it is large. Some 64 KiB for each of them, wiped.
 * ERR_CANCELED, ERR_IO, ERR_NO_SPACE, or what the source said.
 */
int backup_content_copy(struct source *content, int fd, const struct cancel *cancel,
			struct err *err);

/* ---- verification: every promise of the format, one by one ---- */

enum backup_severity { BACKUP_OK, BACKUP_REMARK, BACKUP_PROBLEM };
/** struct backup_finding - a promise that is not kept; borrowed for the call */
struct backup_finding {
	enum backup_severity severity;
	const char *promise; /* stable short name: "file-id", "digest", "content-present" ... */
	const char *path;    /* what it is about ("domain-path" or a file), escaped; or NULL */
	const char *text;    /* what was found instead */
};
/** struct backup_promise - one promise: what is claimed, and how bad it is when it is broken */
struct backup_promise {
	const char *name; /* as in struct backup_finding */
	enum backup_severity breach;
	const char *text;
};
/** backup_promises - all of them, in the order of docs/format/ios-backup, 8 (static) */
const struct backup_promise *backup_promises(size_t *count);

/** struct backup_verdict - the sum of a verification */
struct backup_verdict {
	uint64_t rows, files, bytes; /* gone through; files = regular ones, bytes as stored */
	uint64_t remarks, problems;
	bool is_decrypted_check; /* contents could be decrypted (or are plain) */
};
/**
 * backup_verify - check @tree; @found is called for every remark and problem, @progress often
 * @password: NULL = encrypted contents are checked as stored bytes only, and that is a remark.
 * @found, @progress, @cancel: may be NULL
 * Returns 0 when it could be checked (see @verdict), < 0 when not: ERR_PASSWORD (wrong),
 * ERR_UNSUPPORTED, ERR_CANCELED, or the tree could not be listed. Every stored byte is read once.
 */
int backup_verify(struct backup_tree *tree, const struct secret *password,
		  void (*found)(void *arg, const struct backup_finding *finding), void *arg,
		  struct progress *progress, const struct cancel *cancel,
		  struct backup_verdict *verdict, struct err *err);

#endif
