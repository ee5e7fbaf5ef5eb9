/*
 * sim, the device half - what device_*.c share and the wire never sees
 *
 * A device folder holds
 *   device.db    facts, pairings, apps, profiles, faults: small and often changed
 *   files.db     the file table, one row for each file, directory and link
 *   blobs/       packs of contents that no seed can make (born from a backup, restored)
 *   media/       what AFC shows
 *   scratch/     of a run in progress; emptied by the next one
 * Both databases are SQLite in WAL mode, so that `rehome-sim person`, `age` and `show` may look
 * and change while another process runs the device.  They are two so that a long write of
 * the one (ageing, the end of a restore) never makes a question to the other wait.
 */
#ifndef REHOME_SIM_DEVICE_H
#define REHOME_SIM_DEVICE_H

#include "backup/backup.h"
#include "crypto/crypto.h"
#include "sim/internal.h"

#include <pthread.h>
#include <sqlite3.h>

enum {
	SIM_FOLDER_MAX = 4096,
	SIM_PAGE_LEN = 4096, /* granularity at which contents are made and age */
	SIM_XATTR_LEN_MAX = 4096,
	SIM_DAY_SECONDS = 86400,
};

/* ---- device_store.c: SQLite, with our errors ---- */

enum { SIM_STORE_ROW = 1 };
/** sim_store_open - in WAL mode; made unless it @must_exist. Caller closes. */
int sim_store_open(sqlite3 **out, const char *path, bool must_exist, struct err *err);
void sim_store_close_p(sqlite3 **db);
/** sim_store_exec - statements without values */
int sim_store_exec(sqlite3 *db, const char *sql, struct err *err);
/** sim_store_prepare - caller finalizes @out */
int sim_store_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql, struct err *err);
void sim_store_finalize_p(sqlite3_stmt **statement);
/** sim_store_step - SIM_STORE_ROW, 0 at the end, or < 0 */
int sim_store_step(sqlite3_stmt *statement, struct err *err);
/** sim_store_run - step a statement that yields no row, then reset it */
int sim_store_run(sqlite3_stmt *statement, struct err *err);
/** sim_store_failure - the database's own words as ERR_IO, ERR_NO_SPACE, ERR_CORRUPT, ERR_BUSY */
int sim_store_failure(sqlite3 *db, struct err *err);

/* ---- device.c, device_facts.c ---- */

struct sim_device {
	char folder[SIM_FOLDER_MAX], media[SIM_FOLDER_MAX + 16];
	struct sim_identity identity;
	struct sim_faults faults;
	uint8_t root[CRYPTO_SHA256_LEN]; /* the seed, hashed: key of every derivation */
	pthread_mutex_t lock;            /* over all below */
	sqlite3 *db;
	struct crypto_mac *mac;
	struct buf private_pem, public_pem;
	bool is_busy;        /* a run is going on */
	char kept_out[4096]; /* domains of managed apps that stay out of backups, each between line
				ends; empty: none */
	int64_t now;         /* this process was told the time; -1: it was not */
};

/** sim_fact_get - value of a key in device.db as text into @out (at most @out_len - 1 bytes); false
 * if absent */
bool sim_fact_get(struct sim_device *device, const char *key, char *out, size_t out_len);
/** sim_fact_int - @otherwise if absent */
int64_t sim_fact_int(struct sim_device *device, const char *key, int64_t otherwise);
/** sim_fact_blob - append the bytes of a key to @out; BACKUP_ABSENT */
int sim_fact_blob(struct sim_device *device, const char *key, struct buf *out, struct err *err);
/** sim_fact_put, _put_int, _put_blob - in place of an older value; _remove: an absent one is fine
 */
int sim_fact_put(struct sim_device *device, const char *key, const char *value, struct err *err);
int sim_fact_put_int(struct sim_device *device, const char *key, int64_t value, struct err *err);
int sim_fact_put_blob(struct sim_device *device, const char *key, struct slice value,
		      struct err *err);
int sim_fact_remove(struct sim_device *device, const char *key, struct err *err);
/** sim_fact_each - every key that starts with @prefix, in order, with its value (bytes) */
int sim_fact_each(struct sim_device *device, const char *prefix,
		  int (*each)(void *arg, const char *key, struct slice value, struct err *err),
		  void *arg, struct err *err);
/** sim_version_number - "16.1.2" as a number that compares: major * 10000 + minor * 100 + patch */
uint32_t sim_version_number(const char *version);
/** sim_device_root_load - the root of all derivations from identity.seed, before the folder can be
 * opened (births) */
int sim_device_root_load(struct sim_device *device, struct err *err);
/** sim_mix - a 64-bit hash of three numbers: the cheap kin of sim_device_derive, for shapes and
 * sizes */
uint64_t sim_mix(uint64_t a, uint64_t b, uint64_t c);
/** sim_device_path - @device's folder + "/" + @name into @out (SIM_FOLDER_MAX + 64 bytes) */
const char *sim_device_path(const struct sim_device *device, const char *name,
			    char out[SIM_FOLDER_MAX + 64]);

/** struct sim_app - a user's app; Manifest.plist's Applications and the home screen name it */
struct sim_app {
	char bundle[256], name[128], version[32];
};
/** sim_app_put - install it, or another version of it */
int sim_app_put(struct sim_device *device, const struct sim_app *app, struct err *err);
/** sim_device_containers - Manifest.plist's Applications: {bundle: {CFBundleIdentifier,
 * CFBundleVersion, ContainerContentClass, Path}} */
struct plist *sim_device_containers(struct sim_device *device, struct plist_doc *doc);

/* ---- device_files.c: the file table ---- */

/** enum sim_kind - what a generated content looks like */
enum sim_kind {
	SIM_KIND_NONE,   /* not a regular file */
	SIM_KIND_OPAQUE, /* incompressible, no header */
	SIM_KIND_PHOTO,  /* incompressible, a JPEG's first bytes */
	SIM_KIND_MOVIE,  /* incompressible, a QuickTime movie's first bytes */
	SIM_KIND_TEXT,
	SIM_KIND_PLIST,  /* XML property list */
	SIM_KIND_SQLITE, /* changed in place, a few pages a day */
};

/**
 * struct sim_file - one row
 *
 * Content, byte for byte, is a function of (kind, content, version, size), or of (pack, offset) for
 * version 0 of a stored one: a later version of a stored content has some pages made by seed.
 * @revision counts every change of content and never goes back: a per-file key belongs to one
 * revision.
 */
struct sim_file {
	int64_t id;
	struct backup_file row; /* key, digest: empty; texts borrowed (see who filled it) */
	enum sim_kind kind;
	uint64_t content, version, revision;
	uint32_t xattr_len; /* > 0: row.xattrs is made by seed, that many bytes of value */
	int64_t pack;       /* 0: no stored content */
	uint64_t offset, stored_len;
};

enum sim_files_outcome { SIM_FILES_END = 1, SIM_FILES_ABSENT = 2 };
enum sim_files_order { SIM_FILES_BORN, SIM_FILES_ID, SIM_FILES_NAME };
struct sim_files; /* a connection to the table; one thread */
int sim_files_open(struct sim_files **out, const struct sim_device *device, struct err *err);
/** sim_files_open_at - a table of its own at @path: where a restore collects rows until all of it
 * has come */
int sim_files_open_at(struct sim_files **out, const char *path, struct err *err);
void sim_files_close_p(struct sim_files **files);
/** sim_files_begin - a transaction; a writing one waits for other writers. sim_files_commit ends it
 */
int sim_files_begin(struct sim_files *files, bool is_writing, struct err *err);
int sim_files_commit(struct sim_files *files, struct err *err);
/** sim_files_rewind - start a walk; sim_files_next gives rows borrowed until its next call, then
 * SIM_FILES_END */
int sim_files_rewind(struct sim_files *files, enum sim_files_order order, struct err *err);
/** sim_files_rewind_domain - the rows of one domain, in no order */
int sim_files_rewind_domain(struct sim_files *files, const char *domain, struct err *err);
int sim_files_next(struct sim_files *files, struct sim_file *file, struct err *err);
/** sim_files_get - one row, borrowed until the next get or find; SIM_FILES_ABSENT */
int sim_files_get(struct sim_files *files, int64_t id, struct sim_file *file, struct err *err);
/** sim_files_find - by the hex fileID; as sim_files_get */
int sim_files_find(struct sim_files *files, const char *file_id, struct sim_file *file,
		   struct err *err);
/** sim_files_insert - a new row (no other has its domain and path); sets id and file_id */
int sim_files_insert(struct sim_files *files, struct sim_file *file, struct err *err);
/** sim_files_update - all of the row @file->id but domain and path */
int sim_files_update(struct sim_files *files, const struct sim_file *file, struct err *err);
/** sim_files_remove - an absent row is fine */
int sim_files_remove(struct sim_files *files, int64_t id, struct err *err);
/** sim_files_count - rows, regular files among them, and the sum of their sizes */
int sim_files_count(struct sim_files *files, uint64_t *rows, uint64_t *regular, uint64_t *bytes,
		    struct err *err);
/** sim_files_pack_is_used - is any row's content in @pack? */
int sim_files_pack_is_used(struct sim_files *files, int64_t pack, bool *is_used, struct err *err);
/** sim_files_index - the index by file_id; births make it last, for speed. ERR_IO for a name that
 * is there twice. */
int sim_files_index(struct sim_files *files, struct err *err);
/** sim_files_clear - no row is left */
int sim_files_clear(struct sim_files *files, struct err *err);

/* ---- device_content.c: bytes of a file ---- */

struct sim_content; /* makes contents; one thread */
int sim_content_new(struct sim_content **out, struct sim_device *device, struct err *err);
void sim_content_free_p(struct sim_content **content);
/** sim_content_open - choose the file; what it needs of @file is copied */
int sim_content_open(struct sim_content *content, const struct sim_file *file, struct err *err);
/** sim_content_read - exactly @len bytes at @offset of the chosen file (within its size); @offset a
 * multiple of SIM_PAGE_LEN */
int sim_content_read(struct sim_content *content, uint64_t offset, uint8_t *at, size_t len,
		     struct err *err);
/** sim_content_xattrs - extended attributes of @file (stored or made); borrowed until the next call
 */
int sim_content_xattrs(struct sim_content *content, const struct sim_file *file,
		       struct slice *xattrs, struct err *err);
/** sim_content_page_version - the version in which page @page got its present bytes */
uint64_t sim_content_page_version(enum sim_kind kind, uint64_t content, uint64_t page,
				  uint64_t version);
/** sim_kind_of_path - what a file of that name usually holds */
enum sim_kind sim_kind_of_path(const char *path);

/** sim_file_load - append the content of a small file (at most @out's max) to @out;
 * SIM_FILES_ABSENT */
int sim_file_load(struct sim_device *device, const char *domain, const char *path, struct buf *out,
		  struct err *err);
/** sim_file_store - a small file that the device itself writes, now; made or replaced */
int sim_file_store(struct sim_device *device, const char *domain, const char *path,
		   struct slice bytes, struct err *err);
/** sim_file_delete - SIM_FILES_ABSENT if there is none */
int sim_file_delete(struct sim_device *device, const char *domain, const char *path,
		    struct err *err);

/** struct sim_pack - appends contents to blobs/ */
struct sim_pack;
/** sim_pack_new - the next free number; @device is borrowed */
int sim_pack_new(struct sim_pack **out, struct sim_device *device, struct err *err);
int64_t sim_pack_number(const struct sim_pack *pack);
uint64_t sim_pack_len(const struct sim_pack *pack);
/** sim_pack_append - the content starts at the sim_pack_len of before */
int sim_pack_append(struct sim_pack *pack, struct slice bytes, struct err *err);
/** sim_pack_finish - write the rest out; an empty pack leaves no file. Frees it. */
int sim_pack_finish(struct sim_pack **pack, struct err *err);
/** sim_pack_abandon_p - drop it and its file */
void sim_pack_abandon_p(struct sim_pack **pack);
/** sim_packs_sweep - delete packs that no row needs */
int sim_packs_sweep(struct sim_device *device, struct sim_files *files, struct err *err);

/* ---- device_keys.c: class keys, keybag, per-file keys of a device ---- */

/** struct sim_keys - what an unlocked device holds. All of it is derived: nothing secret is in the
 * folder. */
struct sim_keys {
	struct sim_device *device;
	uint8_t class_keys[12][BACKUP_KEY_LEN]; /* by class number, 1..11 */
	uint64_t epoch;                         /* counts how often encryption was switched on */
};
/** sim_keys_load - of the present epoch; sim_keys_wipe afterwards */
int sim_keys_load(struct sim_keys *keys, struct sim_device *device, struct err *err);
void sim_keys_wipe(struct sim_keys *keys);
/** sim_keys_file - the per-file key and its wrapped form; kept while the revision stays, new with
 * the next */
int sim_keys_file(const struct sim_keys *keys, const struct sim_file *file,
		  uint8_t key[BACKUP_KEY_LEN], uint8_t blob[BACKUP_FILE_KEY_LEN], struct err *err);
/** sim_keys_manifest - key of the @run-th Manifest.db, class 4 */
int sim_keys_manifest(const struct sim_keys *keys, uint64_t run, uint8_t key[BACKUP_KEY_LEN],
		      uint8_t blob[BACKUP_FILE_KEY_LEN], struct err *err);
/** sim_keys_open - unwrap a 44-byte blob of a host; BACKUP_WRONG_PASSWORD if it is not of this
 * device and epoch */
int sim_keys_open(const struct sim_keys *keys, struct slice blob, uint8_t key[BACKUP_KEY_LEN],
		  struct err *err);
/** sim_keybag_set - a new keybag under @password (seconds at the real 10,000,000 rounds);
 * @is_first: encryption was off */
int sim_keybag_set(struct sim_device *device, const struct secret *password, bool is_first,
		   struct err *err);

/* ---- device_decrypt.c ---- */

/** struct sim_decryptor - stored bytes in, plain ones to @write; the last block's valid padding is
 * cut off */
struct sim_decryptor;
int sim_decryptor_new(struct sim_decryptor **out,
		      int (*write)(void *arg, struct slice plain, struct err *err), void *arg,
		      struct err *err);
void sim_decryptor_free_p(struct sim_decryptor **decryptor);
/** sim_decryptor_start - the next file, with its key */
int sim_decryptor_start(struct sim_decryptor *decryptor, const uint8_t key[BACKUP_KEY_LEN],
			struct err *err);
/** sim_decryptor_update - the next stored bytes, in any pieces */
int sim_decryptor_update(struct sim_decryptor *decryptor, struct slice stored, struct err *err);
/** sim_decryptor_finish - ERR_CORRUPT if the stored bytes were not whole blocks */
int sim_decryptor_finish(struct sim_decryptor *decryptor, struct err *err);

/* ---- device_list.c: records of a run on disk, read back in the order written ---- */

/** struct sim_item - a file that a run deals with */
enum sim_item_action {
	SIM_ITEM_SEND = 1u << 0,   /* its content travels; else only its row changed */
	SIM_ITEM_DIGEST = 1u << 1, /* digest holds that of the stored bytes */
	SIM_ITEM_FAILED = 1u << 2, /* could not be delivered: its row stays as it was */
};
struct sim_item {
	int64_t id; /* row in the file table, 0 if gone */
	uint8_t file_id[20];
	uint8_t digest[BACKUP_DIGEST_LEN];
	uint32_t action;
	uint64_t stored_len; /* bytes that will travel */
};
struct sim_list;
/** sim_list_new - empty, a file in scratch/; one thread */
int sim_list_new(struct sim_list **out, const struct sim_device *device, struct err *err);
void sim_list_free_p(struct sim_list **list);
/** sim_list_add - before the first rewind */
int sim_list_add(struct sim_list *list, const struct sim_item *item, struct err *err);
uint64_t sim_list_count(const struct sim_list *list);
/** sim_list_rewind - from writing to reading, or to the start again */
int sim_list_rewind(struct sim_list *list, struct err *err);
/** sim_list_next - SIM_FILES_END behind the last one */
int sim_list_next(struct sim_list *list, struct sim_item *item, struct err *err);

/* ---- births and ageing ---- */

/** struct sim_birth - what `rehome-sim new` was asked for; zero = not asked */
struct sim_birth {
	const char *profile, *product, *os, *serial, *name;
	const char *from;                     /* backup folder, or NULL */
	const struct secret *from_password;   /* of that folder */
	const struct secret *backup_password; /* the new device encrypts its backups with it */
	uint32_t kdf_rounds;                  /* 0: the real 10,000,000 */
	uint64_t seed;
	bool has_passcode, find_my_is_on, setup_is_pending, encryption_is_forced, has_now;
	const struct sim_management *management; /* NULL: nobody ever claimed it */
	int64_t now;
	uint64_t files,
		file_size; /* exact shape: so many files of that size; files 0 = by profile */
	uint64_t apps;
	const char *const *faults;
	size_t fault_count;
};
/** sim_birth_run - make the folder (must not exist or be empty); ERR_POLICY for a serial outside
 * the reserved range */
int sim_birth_run(const char *folder, const struct sim_birth *birth, struct err *err);
/** sim_build_guess - a build number for a version */
void sim_build_guess(const char *os, char build[16]);
/** sim_birth_check - does the birth name a profile that there is, and a shape that makes sense?
 * ERR_USAGE */
int sim_birth_check(const struct sim_birth *birth, struct err *err);
/** sim_birth_profile - fill the file table from a size profile; ERR_USAGE names the profiles */
int sim_birth_profile(struct sim_device *device, struct sim_files *files,
		      const struct sim_birth *birth, struct err *err);
/** sim_birth_shape - --files and --file-size */
int sim_birth_shape(struct sim_device *device, struct sim_files *files,
		    const struct sim_birth *birth, struct err *err);

/** struct sim_origin - an opened backup that a device is born from */
struct sim_origin;
/** sim_origin_open - ERR_PASSWORD if it is encrypted and @password is NULL or wrong */
int sim_origin_open(struct sim_origin **out, const char *folder, const struct secret *password,
		    struct err *err);
void sim_origin_close_p(struct sim_origin **origin);
/** sim_origin_suggest - product, OS, build and name that the backup tells; empty text if it does
 * not */
struct sim_origin_hints {
	char product[32], os[16], build[16], name[128];
};
void sim_origin_suggest(struct sim_origin *origin, struct sim_origin_hints *hints);
/** sim_origin_copy - rows and contents into the device; what the folder lacks is made by seed and
 * listed in made-by-seed.txt */
int sim_origin_copy(struct sim_origin *origin, struct sim_device *device, struct sim_files *files,
		    struct err *err);

/** sim_device_supervision_refresh - is_supervised as the device's own files say */
int sim_device_supervision_refresh(struct sim_device *device, struct err *err);

/** struct sim_ageing - what happened in the days that passed */
struct sim_ageing {
	uint64_t rewritten, born, gone;
};
/** sim_age - let @days pass; @changed_percent of the files are rewritten each day (negative: the
 * profile's 3 %) */
int sim_age(struct sim_device *device, uint64_t days, double changed_percent,
	    struct sim_ageing *ageing, struct err *err);

/** sim_device_digest - all files (domain, path, content) as one number: equal where two devices
 * hold the same */
int sim_device_digest(struct sim_device *device, uint8_t out[CRYPTO_SHA256_LEN], struct err *err);

/* ---- runs ---- */

/** enum sim_code - MBErrorDomain codes that a device answers with (docs/protocol/device-link,
 * "Error codes") */
enum sim_code {
	SIM_CODE_GENERIC = 1,
	SIM_CODE_MALFORMED = 11,
	SIM_CODE_FORCED = 22,
	SIM_CODE_INTERNAL = 100,
	SIM_CODE_STATUS = 103,
	SIM_CODE_TRANSFER = 104,
	SIM_CODE_NO_SPACE = 105,
	SIM_CODE_VERSION = 203,
	SIM_CODE_INCONSISTENT = 205,
	SIM_CODE_PASSWORD = 207,
	SIM_CODE_LOCKED = 208,
	SIM_CODE_FIND_MY = 211,
	SIM_CODE_SETUP = 212,
};

/**
 * struct sim_run - one request of a host
 *
 * A step that ends the run by a code of its own calls sim_run_fail, which fills the answer and
 * returns ERR_DEVICE; a lost connection is remembered in is_gone.  sim_run_close turns both, and
 * the simulator's own troubles (code 100), into what the request returns.
 */
struct sim_run {
	struct sim_device *device;
	struct sim_host *host;
	struct sim_answer *answer;
	bool is_answered, is_gone,
		has_device; /* has_device: it is this run that made the device busy */
	const char *folder; /* at the host: U, or the source of a restore */
	char scratch[SIM_FOLDER_MAX + 64];
	struct sim_files *files;
	struct sim_content *content;
	struct sim_keys keys;
	int64_t now;
	double progress;
};
/** sim_run_open - one run of a device at a time; sim_run_close it also after a failure */
int sim_run_open(struct sim_run *run, struct sim_device *device, struct sim_host *host,
		 const char *folder, struct sim_answer *answer, struct err *err);
/** sim_run_fail - the device ends the run with @code and its words; see above */
int sim_run_fail(struct sim_run *run, struct err *err, int64_t code, const char *format, ...)
	PRINTF_LIKE(4, 5);
/** sim_run_close - frees the run; @r and @err: how the last step ended */
int sim_run_close(struct sim_run *run, int r, struct err *err);
/** sim_run_path - folder/name at the host; 1024 bytes */
const char *sim_run_path(const struct sim_run *run, char out[1024], const char *format, ...)
	PRINTF_LIKE(3, 4);

/* questions to the host: 0, or < 0; a refusal of the host ends the run with @code */
int sim_ask_mkdir(struct sim_run *run, const char *path, struct err *err);
int sim_ask_move(struct sim_run *run, const char *const *pairs, size_t count, struct err *err);
int sim_ask_remove(struct sim_run *run, const char *const *paths, size_t count, struct err *err);
/** sim_ask_small - download one small file; *is_there false if the host lacks it */
int sim_ask_small(struct sim_run *run, const char *path, struct buf *out, bool *is_there,
		  struct err *err);
/** sim_ask_file - download into a local file, decrypting with @key unless NULL; padding is stripped
 */
int sim_ask_file(struct sim_run *run, const char *path, const char *into, const uint8_t *key,
		 bool *is_there, struct err *err);
/** sim_ask_digest - download and only look: SHA-1 of what the host holds */
int sim_ask_digest(struct sim_run *run, const char *path, uint8_t digest[BACKUP_DIGEST_LEN],
		   bool *is_there, struct err *err);
/** sim_ask_contents - list a folder of the host; a missing one is empty */
int sim_ask_contents(struct sim_run *run, const char *path,
		     int (*each)(void *arg, const struct sim_entry *entry), void *arg,
		     struct err *err);
/** sim_ask_space - has the host @needed bytes? Asks it to purge if not; ends the run with
 * SIM_CODE_NO_SPACE */
int sim_ask_space(struct sim_run *run, uint64_t needed, struct err *err);

/* ---- device_send.c: files to the host ---- */

/** sim_send_bytes - one small file in a batch of its own */
int sim_send_bytes(struct sim_run *run, const char *device_name, const char *host_name,
		   struct slice bytes, struct err *err);
/** sim_send_file - a local file, encrypted with @key unless NULL; @digest: SHA-1 of what was sent
 */
int sim_send_file(struct sim_run *run, const char *device_name, const char *host_name,
		  const char *path, const uint8_t *key, uint8_t digest[BACKUP_DIGEST_LEN],
		  struct err *err);
/** sim_domain_has_digest - does the device record digests in this domain? (5.1) */
bool sim_domain_has_digest(const char *domain);

/** struct sim_stage - what the host has after the last run, and what this run makes of it */
struct sim_stage {
	bool is_full, is_encrypted;
	uint64_t run; /* counts finished backups: names UUIDs and keys */
	struct sim_list *todo, *sent, *gone;
	uint64_t upload_bytes, upload_files, failures;
	uint8_t manifest_key[BACKUP_KEY_LEN], manifest_blob[BACKUP_FILE_KEY_LEN];
	char manifest[SIM_FOLDER_MAX + 96]; /* plain Manifest.db in scratch/ */
	uint8_t has_folder[32];             /* bit per hh: U/hh exists at the host */
};
/** sim_stage_plan - compare the table with the host's manifest (or take all): fills todo, gone,
 * upload_bytes */
int sim_stage_plan(struct sim_run *run, struct sim_stage *stage, struct err *err);
/** sim_stage_send - upload what todo says in batches; fills sent */
int sim_stage_send(struct sim_run *run, struct sim_stage *stage, struct err *err);
/** sim_stage_manifest - bring scratch's Manifest.db up to date */
int sim_stage_manifest(struct sim_run *run, struct sim_stage *stage, struct err *err);

#endif
