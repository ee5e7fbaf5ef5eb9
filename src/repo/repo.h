/*
 * repo - the repository: immutable, deduplicated, encrypted snapshots
 *
 * A repository is a folder.  A snapshot is an immutable table path -> file for one
 * device at one time.  A session is a mutable virtual directory (the newest snapshot
 * plus an overlay) that becomes the next snapshot in one atomic step, or leaves
 * nothing but chunks that a later session finds again.  Knows nothing of Apple's
 * formats: what kind of content a file has is told to it.
 *
 * Promises: a finished snapshot is never changed; a crash at any operation leaves every
 * earlier snapshot whole; damage is found and named; nothing readable without the key.
 * Format: docs/format/repository.  Memory is flat: no table of all files or chunks.
 */
#ifndef REHOME_REPO_H
#define REHOME_REPO_H

#include "base/base.h"

enum {
	REPO_ID_LEN = 16,              /* hex digits of a snapshot id */
	REPO_DEVICE_LEN_MAX = 64,      /* UDID */
	REPO_NOTE_LEN_MAX = 256 << 10, /* what the caller keeps with a snapshot */
	REPO_PATH_LEN_MAX = 1023,
	REPO_UPLOADS_MAX = 1, /* files open for writing in a session */
};

enum repo_outcome {
	REPO_ABSENT = 1,   /* no such path or value */
	REPO_CONFLICT = 2, /* another writer was first */
};

/** enum repo_content - how a file's bytes are best cut (decided by the caller, or sniffed) */
enum repo_content {
	REPO_CONTENT_ANY,    /* sniff: SQLite header -> blocks, else content-defined chunks */
	REPO_CONTENT_BLOCKS, /* fixed 64 KiB blocks: databases changed in place */
	REPO_CONTENT_OPAQUE, /* encrypted: fixed 4 MiB blocks, no compression */
};

/* ---- opening ---- */

/** struct repo_env - the outside world and its costs; borrowed for the life of the repo */
struct repo_env {
	struct fs *fs;
	struct clock *clock;
	struct entropy *entropy;
	const struct cancel *cancel; /* NULL: none */
	uint32_t kdf_ops;            /* 0: default (Argon2id, 3 passes over 64 MiB); tests use 1 */
	size_t kdf_mem;
};

/** struct repo - an open repository; not changed by use: threads may share it, each with its own
 * view or session */
struct repo;
/** repo_init - make one at @path (a missing or empty folder). ERR_EXISTS if there is one,
 * or if the folder holds other things */
int repo_init(const char *path, const struct secret *password, const struct repo_env *env,
	      struct err *err);
/** repo_probe - 0 when @path holds a repository, ERR_NOT_FOUND (names `rehome init`) when not;
 * opens nothing, so that nobody is asked for the password of what is not there */
int repo_probe(const char *path, const struct repo_env *env, struct err *err);
/** repo_open - ERR_NOT_FOUND (names `rehome init`), ERR_PASSWORD, ERR_UNSUPPORTED (a newer format)
 */
int repo_open(struct repo **out, const char *path, const struct secret *password,
	      const struct repo_env *env, struct err *err);
/** repo_close - wipes its key; views and sessions must be gone; NULL is fine */
void repo_close(struct repo *repo);
void repo_close_p(struct repo **repo);
/** repo_path - as it was given to repo_open; lives as long as @repo */
const char *repo_path(const struct repo *repo);

/* ---- snapshots ---- */

struct repo_snapshot {
	char id[REPO_ID_LEN + 1], parent[REPO_ID_LEN + 1]; /* parent "" for a first one */
	char device[REPO_DEVICE_LEN_MAX];
	int64_t time;          /* seconds since 1970, of the commit */
	uint64_t files, bytes; /* regular files of the table, their sizes */
	struct slice note;     /* the caller's bytes; borrowed during a callback, see below */
};
/** repo_snapshots - calls @each for every finished snapshot, by device and then time; @device NULL
 * for all. Unreadable heads are skipped and counted in @damaged (may be NULL). */
int repo_snapshots(struct repo *repo, const char *device,
		   int (*each)(void *arg, const struct repo_snapshot *snapshot, struct err *err),
		   void *arg, unsigned *damaged, struct err *err);

/** struct repo_entry - one path of a snapshot or session */
struct repo_entry {
	const char *path; /* borrowed for the call */
	bool is_directory;
	uint64_t size;
	int64_t modified; /* seconds since 1970: when it was uploaded */
};

/** struct repo_view - a finished snapshot, open for reading. One thread at a time. */
struct repo_view;
/** repo_view_open - @id: full id, or a unique prefix of at least 4 digits. ERR_NOT_FOUND, ERR_USAGE
 * (ambiguous) */
int repo_view_open(struct repo_view **out, struct repo *repo, const char *id, struct err *err);
/** repo_view_close - sources of it must be closed; NULL is fine */
void repo_view_close(struct repo_view *view);
void repo_view_close_p(struct repo_view **view);
/** repo_view_snapshot - its head; note lives as long as the view */
const struct repo_snapshot *repo_view_snapshot(const struct repo_view *view);
/** repo_view_stat - is @path there, and what is it? entry->path is @path */
int repo_view_stat(struct repo_view *view, const char *path, struct repo_entry *entry,
		   struct err *err); /* REPO_ABSENT */
/** repo_view_read - a file with random access; REPO_ABSENT. Damage is ERR_CORRUPT and names pack
 * and file. Sources may be used from several threads if each has its own view. */
int repo_view_read(struct repo_view *view, const char *path, struct source **out, struct err *err);
/** repo_view_walk - entries beneath @prefix ("" all), sorted by path bytes, in constant memory */
int repo_view_walk(struct repo_view *view, const char *prefix,
		   int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		   void *arg, struct err *err);

/* ---- sessions: the virtual directory ---- */

struct repo_session;
struct repo_session_start {
	char base[REPO_ID_LEN + 1]; /* snapshot it starts from, "" for an empty directory */
	bool was_interrupted;       /* an earlier session of this device ended without commit */
	uint64_t salvaged_bytes;    /* plain bytes of its chunks that survived */
	uint64_t lost_bytes;        /* of those that it had received and that did not */
};
/**
 * repo_session_begin - open the directory of @device
 * @is_empty: start from nothing (a full backup), not from the newest snapshot
 * ERR_BUSY when another process holds a session of this device.
 */
int repo_session_begin(struct repo_session **out, struct repo *repo, const char *device,
		       bool is_empty, struct repo_session_start *start, struct err *err);
/** repo_session_free - without commit: everything that arrived is flushed and found by the next
 * session */
void repo_session_free(struct repo_session *session);
void repo_session_free_p(struct repo_session **session);

/* paths are relative, checked with path_check_relative; parents are made as needed */
/** repo_session_stat - as repo_view_stat, over the present state */
int repo_session_stat(struct repo_session *session, const char *path, struct repo_entry *entry,
		      struct err *err); /* REPO_ABSENT */
/** repo_session_list - direct children of @path ("" = top); entry->path is the name alone.
 * REPO_ABSENT if it is no directory */
int repo_session_list(struct repo_session *session, const char *path,
		      int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		      void *arg, struct err *err);
/** repo_session_read - as repo_view_read; waits if the file is still on its way */
int repo_session_read(struct repo_session *session, const char *path, struct source **out,
		      struct err *err); /* REPO_ABSENT */
/** repo_session_mkdir - an existing folder is fine; ERR_EXISTS where a file stands */
int repo_session_mkdir(struct repo_session *session, const char *path, struct err *err);
/** repo_session_move - replaces what is at @to; a directory moves with all below it; REPO_ABSENT if
 * nothing is at @from */
int repo_session_move(struct repo_session *session, const char *from, const char *to,
		      struct err *err);
/** repo_session_copy - as repo_session_move, and @from stays; no byte is stored twice */
int repo_session_copy(struct repo_session *session, const char *from, const char *to,
		      struct err *err); /* recursive */
/** repo_session_remove - recursive; absent is fine */
int repo_session_remove(struct repo_session *session, const char *path, struct err *err);
/** repo_session_walk - as repo_view_walk, over the session's present state */
int repo_session_walk(struct repo_session *session, const char *prefix,
		      int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		      void *arg, struct err *err);

/*
 * Uploads: begin, write..., end.  Bytes are cut, hashed, compressed, sealed and written by
 * the repo's workers behind these calls; they fail late (ERR_NO_SPACE may come at a later
 * call), and no call but _drain, _read and _commit waits for the disk.  One upload at a time.
 */
/** repo_upload_begin - a file that will stand at @path once it is ended; ERR_EXISTS if a folder
 * stands there or a parent is a file, ERR_USAGE if another upload is open */
int repo_upload_begin(struct repo_session *session, const char *path, enum repo_content content,
		      struct err *err);
/** repo_upload_write - the next bytes, any number; they are copied */
int repo_upload_write(struct repo_session *session, struct slice bytes, struct err *err);
/** repo_upload_end - the file now stands at its path (an older one is replaced) */
int repo_upload_end(struct repo_session *session, struct err *err);
/** repo_upload_drop - forget the upload; its chunks stay for reuse */
void repo_upload_drop(struct repo_session *session);
/** repo_session_drain - wait until all that arrived is written (not synced); reports a late failure
 */
int repo_session_drain(struct repo_session *session, struct err *err);

struct repo_stats {
	uint64_t received_bytes; /* given to repo_upload_write */
	uint64_t new_bytes;      /* of them: plain bytes of chunks that were not there */
	uint64_t stored_bytes;   /* the same after compression and sealing */
	uint64_t written_bytes;  /* all that went to disk, indexes and tables included */
	uint64_t again_bytes; /* received again although an interrupted session had stored them */
	uint64_t lost_bytes;  /* stored again because an interrupted session lost them */
	uint64_t files_received;
};
/** repo_session_stats - so far; after a commit, of the whole session */
void repo_session_stats(const struct repo_session *session, struct repo_stats *stats);

/**
 * repo_session_commit - make the present state a snapshot, durably and atomically
 * @note: kept with it, at most REPO_NOTE_LEN_MAX bytes; @time: seconds since 1970
 * Returns 0 and the new id; REPO_CONFLICT (nothing committed); < 0 (nothing committed). @session is
 * over in every case but still to be freed.
 */
int repo_session_commit(struct repo_session *session, int64_t time, struct slice note,
			char id[REPO_ID_LEN + 1], struct err *err);

/* ---- vault: small sealed values (a device's backup password) ---- */

/** repo_vault_put - keep @value as @name, replacing an older one; durable */
int repo_vault_put(struct repo *repo, const char *device, const char *name,
		   const struct secret *value, struct err *err);
/** repo_vault_add - keep @value as @name if there is none of that name, else REPO_CONFLICT: nothing
 * that was added is ever replaced by another writer; durable */
int repo_vault_add(struct repo *repo, const char *device, const char *name,
		   const struct secret *value, struct err *err);
/** repo_vault_get - ERR_CORRUPT names the file */
int repo_vault_get(struct repo *repo, const char *device, const char *name, struct secret *value,
		   struct err *err); /* REPO_ABSENT */
/** repo_vault_remove - an absent one is fine */
int repo_vault_remove(struct repo *repo, const char *device, const char *name, struct err *err);

/* ---- check ---- */

struct repo_finding {
	bool is_problem;   /* else a remark: left-overs of interrupted sessions ... */
	const char *where; /* file of the repository, snapshot id */
	const char *text;  /* names device, snapshot and path that are hit */
};
struct repo_verdict {
	uint64_t snapshots, files, packs, chunks, bytes_read, remarks, problems;
	uint64_t unneeded_bytes; /* of packs that no snapshot needs; told where all are whole */
};
/** repo_check - structure; with @reads_data every chunk is opened and compared with its id. Returns
 * 0 when it could be checked. */
int repo_check(struct repo *repo, bool reads_data,
	       void (*found)(void *arg, const struct repo_finding *finding), void *arg,
	       struct progress *progress, struct repo_verdict *verdict, struct err *err);

#endif
