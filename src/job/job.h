/*
 * job - a device's connection and the runs on it
 *
 * Finds devices behind usbmuxd, pairs with them, and runs what a person asks for: back up,
 * restore, change the backup password, export, import, verify, browse.  Everything that a
 * device says passes through link's bounded parsers over net's TLS, pinned to the pair
 * record.  Knows no terminal and no argv: it reports through struct progress and err.
 *
 * A run lives in one thread.  Texts in structs are UTF-8, "" when not known.
 */
#ifndef REHOME_JOB_H
#define REHOME_JOB_H

#include "backup/backup.h"
#include "base/base.h"
#include "repo/repo.h"

enum {
	JOB_UDID_MAX = 64,
	JOB_TEXT_MAX = 256,
	JOB_PATH_MAX = 4096,
	JOB_SHA256_TEXT_LEN = 64,
	JOB_ADDRESS_MAX = 28,    /* the part of a network address that matters */
	JOB_PROBLEMS_KEPT = 100, /* problems told with their text; the rest is counted */
	JOB_PROBLEM_TEXT_MAX = 400,
	JOB_PASSCODE_WAIT_MS =
		15 * 60 * 1000,         /* silence allowed while a person or a scan is busy */
	JOB_ANSWER_WAIT_MS = 30 * 1000, /* silence allowed where a device answers at once */
};

/** struct job_env - the outside world of a run; borrowed for its length */
struct job_env {
	struct fs *fs;
	struct clock *clock;
	struct entropy *entropy;
	const struct cancel *cancel; /* NULL: none */
	struct progress *progress;   /* NULL: none */
};

enum job_answer { JOB_UNKNOWN, JOB_NO, JOB_YES };

/* ---- devices ---------------------------------------------------------------- */

/** struct job_device - an attached device, as the mux names it */
struct job_device {
	char udid[JOB_UDID_MAX]; /* with its dash */
	uint32_t mux_handle;
	bool is_network;
	uint8_t address[JOB_ADDRESS_MAX]; /* network: BSD sockaddr, length and family first */
};

/** job_devices - what is attached now, USB before network; one entry a device. @out: caller frees.
 * ERR_DEVICE when there is no mux */
int job_devices(struct job_device **out, size_t *count, struct err *err);
/**
 * job_device_find - the device that a person means
 * @wanted: UDID (with or without dash), a unique beginning of one (4 characters or more), or the
 * device's name or serial number
 * Returns 0; ERR_NOT_FOUND; ERR_USAGE when several fit.
 */
int job_device_find(const struct job_env *env, const char *wanted, struct job_device *out,
		    struct err *err);

enum job_pairing {
	JOB_NOT_PAIRED,       /* this host holds no record */
	JOB_PAIRED,           /* a session opens */
	JOB_PAIRING_REJECTED, /* a record is here, the device does not know it (any more) */
};

/** struct job_ade - the cloud configuration that a device got from Apple when it was activated */
struct job_ade {
	bool is_assigned;
	enum job_answer is_unremovable, ignores_backup, hides_restore, is_shared;
	char url[JOB_TEXT_MAX], organization[JOB_TEXT_MAX]; /* of the service */
};
/** struct job_facts - what a device says of itself */
struct job_facts {
	char udid[JOB_UDID_MAX], serial[64], name[JOB_TEXT_MAX], device_class[64];
	char product_type[64], product_version[32], build[32];
	uint64_t capacity; /* bytes of its storage, 0 when not told */
	enum job_pairing pairing;
	enum job_answer is_supervised, will_encrypt, has_find_my, is_locked;
	/* by job_device_facts alone: a backup needs none of these */
	enum job_answer is_managed, is_set_up, forces_encryption;
	char server_url[JOB_TEXT_MAX], organization[JOB_TEXT_MAX]; /* of its management */
	struct job_ade ade;
};
/** job_device_facts - ask lockdown and MCInstall; what it does not tell (unpaired, locked, refused)
 * stays empty or JOB_UNKNOWN */
int job_device_facts(const struct job_env *env, const struct job_device *device,
		     struct job_facts *facts, struct err *err);

enum job_pair_outcome { JOB_PAIR_ALREADY = 1 };
/** struct job_supervisor - a supervision identity, wherever its key is: embed it and fill it in */
struct job_supervisor {
	struct slice cert; /* PEM or DER, as the device was supervised with */
	/* append CMS SignedData (DER, binary, content and certificate inside) over @challenge of
	 * the device @udid; 0 or < 0 */
	int (*sign)(struct job_supervisor *supervisor, const char *udid, struct slice challenge,
		    struct buf *der, struct err *err);
};
/** struct job_supervisor_pem - one whose RSA key lies beside its certificate in a PEM text */
struct job_supervisor_pem {
	struct job_supervisor base;
	struct slice pem;
};
/** job_supervisor_pem_init - @pem is borrowed as long as it serves; ERR_PROTOCOL, ERR_LIMIT, or
 * ERR_USAGE if certificate and key are not there, are another's, or the key has a passphrase */
int job_supervisor_pem_init(struct job_supervisor_pem *supervisor, struct slice pem,
			    struct err *err);

/**
 * job_pair - make this host and the device trust each other
 * @supervisor: prove it to be the device's instead of asking its person; NULL: ask
 * @waits: repeat until the person at the device has answered, or unlocked it (15 minutes at most);
 *         else one try
 * Returns 0; JOB_PAIR_ALREADY; ERR_DEVICE with the next step (locked, dialog pending, refused);
 * ERR_POLICY when a profile forbids it, or @supervisor is not the device's.  The private keys never
 * leave this host.
 */
int job_pair(const struct job_env *env, const struct job_device *device,
	     struct job_supervisor *supervisor, bool waits, struct err *err);

/* ---- problems --------------------------------------------------------------- */

/** struct job_problem - something that went wrong without ending the run */
struct job_problem {
	char text[JOB_PROBLEM_TEXT_MAX];
};
/** struct job_problems - the first JOB_PROBLEMS_KEPT of them; JOB_PROBLEMS_INIT, job_problems_clear
 */
struct job_problems {
	struct job_problem *list;
	size_t kept, count;
};
#define JOB_PROBLEMS_INIT ((struct job_problems){NULL, 0, 0})
/** job_problems_clear - gives the memory back; empty again */
void job_problems_clear(struct job_problems *problems);

/* ---- snapshots ---------------------------------------------------------------- */

/** struct job_enrollment - where the MDM service had the device when it was backed up; "" when
 * nobody asked, or it was not enrolled there */
struct job_enrollment {
	char service[JOB_TEXT_MAX];             /* URL under which it was asked */
	char id[JOB_TEXT_MAX];                  /* of the enrollment */
	char topic[JOB_TEXT_MAX];               /* of its pushes, which a backup tells too */
	char identity[JOB_SHA256_TEXT_LEN + 1]; /* SHA-256 of its certificate, hex */
	int64_t generation;
};
/** struct job_snapshot - a snapshot's head and what our note says of it */
struct job_snapshot {
	char id[REPO_ID_LEN + 1], parent[REPO_ID_LEN + 1];
	char udid[JOB_UDID_MAX], serial[64], name[JOB_TEXT_MAX];
	char product_type[64], product_version[32], build[32], required_version[32];
	int64_t time;
	uint64_t files, bytes, problem_count;
	bool is_encrypted, is_simulated, is_full, is_import;
	enum job_answer is_managed; /* as the contents told when it was made; unknown when they were
				       locked then */
	struct job_enrollment enrollment;
};
/** job_snapshot_read - head to facts; a note that does not parse leaves them empty */
void job_snapshot_read(const struct repo_snapshot *head, struct job_snapshot *out);
/**
 * job_snapshot_find - the snapshot that a person means
 * @wanted: id, a unique beginning of one, "latest", or "latest:DEVICE" (UDID, beginning of one,
 * serial or name)
 */
int job_snapshot_find(struct repo *repo, const char *wanted, struct job_snapshot *out,
		      struct err *err);
/** job_tree_snapshot - a snapshot as a backup; @view is borrowed and outlives the tree */
int job_tree_snapshot(struct backup_tree **out, struct repo_view *view, struct err *err);
/** job_folder_find - @path itself, or the only backup folder inside it; ERR_NOT_FOUND, ERR_USAGE
 * when there are several */
int job_folder_find(const char *path, char folder[JOB_PATH_MAX], struct err *err);
/** job_tree_folder - @path itself, or the only backup folder inside it. @udid (JOB_UDID_MAX, may be
 * NULL) receives the folder's name */
int job_tree_folder(struct backup_tree **out, const char *path, char *udid, struct err *err);

/* ---- backup ----------------------------------------------------------------- */

struct job_backup_wish {
	bool is_full;                  /* start from nothing */
	const struct secret *password; /* of the device's backups, for the check before the commit;
					  NULL: not known */
	const struct job_enrollment *enrollment; /* written beside the snapshot, unless what it
						    holds speaks against it; NULL: not known */
	uint64_t (*free_space)(
		void *arg); /* what the device is told; NULL: asks the repository's file system */
	void *arg;
};

/** struct job_backup_report - filled as far as the run came, also on failure */
struct job_backup_report {
	struct job_snapshot snapshot; /* id "" while nothing was committed */
	struct job_facts device;
	struct repo_stats stats;
	struct repo_session_start start;
	struct job_problems problems;
	bool is_full, is_encrypted,
		was_checked; /* was_checked: contents held against the manifest */
	uint64_t drifted; /* files whose length differs from the manifest's: normal for live ones */
	int64_t start_ms, total_ms; /* until the Backup request went out; of the whole run */
};
/** job_backup_report_init - before the run; job_backup_report_clear after it was told */
void job_backup_report_init(struct job_backup_report *report);
void job_backup_report_clear(struct job_backup_report *report);
/**
 * job_backup - one run: the device's present state becomes a snapshot
 * @opened: called once, before the device is asked to begin, for the repository (so that opening
 *   it may go on while the device shakes hands); a failure of it ends the run
 * Returns 0 also with problems in @report->problems: the snapshot is there and lacks what they
 * name. < 0: nothing was committed; what arrived is found again by the next run.
 */
int job_backup(const struct job_env *env, const struct job_device *device,
	       const struct job_backup_wish *wish,
	       int (*opened)(void *arg, struct repo **repo, struct err *err), void *arg,
	       struct job_backup_report *report, struct err *err);

/* ---- restore ---------------------------------------------------------------- */

struct job_restore_wish {
	bool system_files, preserve_settings, should_reboot, dont_copy, remove_not_restored,
		skip_apps;
	const struct secret *password; /* NULL: none */
};

/** struct job_restore_facts - what the decision rests on; printed before anything is written */
struct job_restore_facts {
	struct job_snapshot source;
	struct job_facts target;
	bool is_target_simulated, is_same_device, is_finished;
	bool is_personal; /* the source device, as this repository was told */
	struct backup_verdict verdict;
};
/**
 * job_restore_admit - may this source go to this target? Pure.
 * ERR_POLICY: a simulated source for a target that is not wholly of the reserved range, an older
 * OS, a personal device's plain snapshot for another device; ERR_DEVICE: Find My on, not paired;
 * ERR_CORRUPT: unfinished or damaged.
 */
int job_restore_admit(const struct job_restore_facts *facts, struct err *err);
/**
 * job_restore_check - gather the facts and check everything on the host, then admit
 * @found: every finding of the verification. Writes nothing anywhere. @facts is filled as far as it
 * came.
 */
int job_restore_check(const struct job_env *env, struct repo *repo,
		      const struct job_snapshot *source, const struct job_device *target,
		      const struct job_restore_wish *wish,
		      void (*found)(void *arg, const struct backup_finding *finding), void *arg,
		      struct job_restore_facts *facts, struct err *err);
struct job_restore_report {
	uint64_t files, bytes;
	bool is_rebooting;
};
/** job_restore - run it; checks admission again itself. @facts come from job_restore_check of the
 * same snapshot and device. */
int job_restore(const struct job_env *env, struct repo *repo, const struct job_restore_facts *facts,
		const struct job_device *target, const struct job_restore_wish *wish,
		struct job_restore_report *report, struct err *err);
/** job_version_compare - dotted numbers: < 0, 0, > 0; an absent part counts as 0 */
int job_version_compare(const char *a, const char *b);

/* ---- the device's backup password --------------------------------------------- */

enum job_encryption_outcome { JOB_ENCRYPTION_SAME = 1 };
/**
 * job_encryption - switch it on (@old NULL), off (@new NULL) or change the password (both)
 * Returns 0 once the device confirmed; JOB_ENCRYPTION_SAME when it was so already (on/off only);
 * ERR_PASSWORD (wrong old one), ERR_POLICY (a profile forces it), ERR_DEVICE.
 */
int job_encryption(const struct job_env *env, const struct job_device *device,
		   const struct secret *old_password, const struct secret *new_password,
		   struct err *err);

/** job_password_get - the device's backup password from the repository's vault; REPO_ABSENT */
int job_password_get(struct repo *repo, const char *udid, struct secret *password, struct err *err);
/** job_password_put - keep it, sealed, in place of an older one */
int job_password_put(struct repo *repo, const char *udid, const struct secret *password,
		     struct err *err);
/** job_password_remove - an absent one is fine */
int job_password_remove(struct repo *repo, const char *udid, struct err *err);

/* ---- whose a device is ---- */

enum job_ownership { JOB_OWNER_UNKNOWN, JOB_OWNER_PERSONAL, JOB_OWNER_CORPORATE };
/** job_ownership_word, job_ownership_parse - "unknown", "personal", "corporate"; static */
const char *job_ownership_word(enum job_ownership ownership);
bool job_ownership_parse(const char *word, enum job_ownership *ownership);
/** job_ownership_get - as this repository was told; ERR_CORRUPT */
int job_ownership_get(struct repo *repo, const char *udid, enum job_ownership *ownership,
		      struct err *err);
/** job_ownership_set - JOB_OWNER_UNKNOWN forgets it */
int job_ownership_set(struct repo *repo, const char *udid, enum job_ownership ownership,
		      struct err *err);
/**
 * job_opening_admit - may contents of @snapshot be shown to people?
 * @is_personal: then only with the backup password that its owner gives, not with a kept one, and
 *   job_opening_record comes before the first content. ERR_POLICY: personal, and not encrypted.
 */
int job_opening_admit(struct repo *repo, const struct job_snapshot *snapshot, bool *is_personal,
		      struct err *err);
/** job_opening_record - the present user opens @snapshot by @command (a word); durable, never
 * replaced */
int job_opening_record(const struct job_env *env, struct repo *repo,
		       const struct job_snapshot *snapshot, const char *command, struct err *err);
struct job_opening {
	int64_t time;
	char snapshot[REPO_ID_LEN + 1], command[32];
	uint32_t uid;
};
/** job_openings - what was recorded for a device, oldest first; damaged entries are passed over */
int job_openings(struct repo *repo, const char *udid,
		 int (*each)(void *arg, const struct job_opening *opening, struct err *err),
		 void *arg, struct err *err);

/* ---- folders ---------------------------------------------------------------- */

struct job_copy_report {
	uint64_t files, bytes;
	char path[1100]; /* export: the folder made; import: "" */
};
/**
 * job_export - write @snapshot as DIR/UDID, byte for byte, all or nothing
 * ERR_EXISTS when that folder is there and not empty. Files and folders open for their owner only.
 */
int job_export(const struct job_env *env, struct repo *repo, const struct job_snapshot *snapshot,
	       const char *dir, struct job_copy_report *report, struct err *err);
/**
 * job_import - verify a backup folder, then make it a snapshot
 * ERR_CORRUPT, and nothing committed, when the verification finds a problem (told to @found).
 */
int job_import(const struct job_env *env, struct repo *repo, const char *dir,
	       const struct secret *password,
	       void (*found)(void *arg, const struct backup_finding *finding), void *arg,
	       struct job_snapshot *snapshot, struct job_copy_report *report, struct err *err);

/* ---- looking inside ----------------------------------------------------------- */

/** struct job_browse - a backup opened for reading: a snapshot, or a folder that any host wrote */
struct job_browse;
enum job_browse_outcome { JOB_LOCKED = 1 };
/**
 * job_browse_open - a snapshot of @repo, which must stay open
 * @password: of the device's backups; NULL: not known
 * Returns 0; JOB_LOCKED when it is encrypted and @password NULL: *out then only serves
 * job_browse_about; ERR_PASSWORD when the password is wrong; ERR_CORRUPT.
 */
int job_browse_open(struct job_browse **out, struct repo *repo, const struct job_snapshot *snapshot,
		    const struct secret *password, struct err *err);
/** job_browse_open_folder - the same for @dir, or the only backup folder inside it */
int job_browse_open_folder(struct job_browse **out, const char *dir, const struct secret *password,
			   struct err *err);
/** job_browse_about - whose backup it is, from when; borrowed. A folder has no id, parent or
 * counts.
 */
const struct job_snapshot *job_browse_about(const struct job_browse *browse);
/** job_browse_management - what it tells of the device's management; free with
 * backup_management_free. Not for a locked one. */
int job_browse_management(struct job_browse *browse, struct backup_management **out,
			  struct err *err);
/** job_browse_close - files of it must be closed; NULL is fine */
void job_browse_close(struct job_browse *browse);
void job_browse_close_p(struct job_browse **browse);

/** struct job_item - one line of a listing */
struct job_item {
	const char *domain, *path;      /* borrowed for the call; path "" is the domain itself */
	const struct backup_file *file; /* NULL when only implied by something below it */
};
enum job_listing {
	JOB_LIST_DOMAINS,  /* every domain once, with file NULL */
	JOB_LIST_CHILDREN, /* what stands directly in the folder, or the file itself */
	JOB_LIST_ALL,      /* everything at and below the path */
	JOB_LIST_UNSORTED, /* the same in any order, and quicker */
};
/** job_browse_list - in order of domain and path. ERR_NOT_FOUND when nothing is there. Damaged rows
 * are counted in @damaged. */
int job_browse_list(struct job_browse *browse, enum job_listing listing, const char *domain,
		    const char *path,
		    int (*each)(void *arg, const struct job_item *item, struct err *err), void *arg,
		    uint64_t *damaged, struct err *err);
/**
 * job_browse_length - how long the plain content of the regular file @file is
 * The record's size where it agrees with what is stored, else what is stored says (the record is of
 * before the copy, 7.6); the record's for a missing or damaged content.
 */
int job_browse_length(struct job_browse *browse, const struct backup_file *file, uint64_t *len,
		      struct err *err);
/** job_browse_length_of - the same by fileID; ERR_NOT_FOUND */
int job_browse_length_of(struct job_browse *browse, const char *file_id, uint64_t *len,
			 struct err *err);
/** job_browse_contents - each content that is stored, by fileID, in any order; far quicker than
 * asking for many one by one */
int job_browse_contents(struct job_browse *browse,
			int (*each)(void *arg, const char *file_id, uint64_t stored,
				    struct err *err),
			void *arg, struct err *err);
/** job_browse_open_file - the plain content of one file; ERR_NOT_FOUND; @notes as in
 * backup_reader_content */
int job_browse_open_file(struct job_browse *browse, const char *domain, const char *path,
			 struct source **out, unsigned *notes, struct err *err);

/** enum job_fate - what became of one file, folder or link */
enum job_fate {
	JOB_WRITTEN,
	JOB_WRITTEN_DOUBTFUL, /* its cipher padding is damaged: the end may be wrong */
	JOB_LEFT_LINK,        /* links are not made */
	JOB_LEFT_NAME,        /* would leave the folder, or this disk does not take it */
	JOB_LEFT_MISSING,     /* the backup lacks its content */
	JOB_LEFT_DAMAGED,     /* content or key are damaged */
	JOB_FATE_COUNT,
};
/** struct job_extracted - borrowed for the call */
struct job_extracted {
	const struct job_item *item;
	enum job_fate fate;
	uint64_t bytes;  /* written */
	const char *why; /* "" when there is nothing to say */
};
/** struct job_extract_wish - what to extract and how; borrowed. Kinds of choices narrow each other,
 * choices of one kind add up. */
struct job_extract_wish {
	const char *domain, *path;   /* at and below; domain NULL: everything, with path "" */
	const char *const *patterns; /* fnmatch(3) on DOMAIN/PATH; * and ? match / too */
	size_t pattern_count;
	const char *const *apps; /* bundle identifiers: container, extensions, groups by name */
	size_t app_count;
	bool keeps_modes;      /* and the dates of folders; dates of files are always kept */
	bool keeps_attributes; /* extended ones, as user.NAME */
	int (*each)(void *arg, const struct job_extracted *extracted, struct err *err);
	void *arg; /* of @each, which may be NULL */
};
/** struct job_extract_report - filled as far as it came, also on failure */
struct job_extract_report {
	uint64_t files, folders, bytes; /* written */
	uint64_t fates[JOB_FATE_COUNT];
	uint64_t rows_damaged;                /* rows of the manifest that say nothing usable */
	uint64_t attributes, attributes_lost; /* set; not taken by the disk, or not readable */
};
/**
 * job_browse_extract - plain contents into @dir/DOMAIN/PATH, large ones decrypted on all cores
 * @dir: missing or empty, else ERR_EXISTS. What is left out is no failure: see @report.
 * ERR_NOT_FOUND when nothing is as wished.
 */
int job_browse_extract(struct job_browse *browse, const struct job_env *env,
		       const struct job_extract_wish *wish, const char *dir,
		       struct job_extract_report *report, struct err *err);

enum {
	JOB_DIFFERS_TYPE = 1u << 0,
	JOB_DIFFERS_SIZE = 1u << 1, /* as the record tells it */
	JOB_DIFFERS_MODIFIED = 1u << 2,
	JOB_DIFFERS_MODE = 1u << 3,
	JOB_DIFFERS_TARGET = 1u << 4, /* of a link */
	JOB_DIFFERS_CONTENT = 1u << 5,
};
/** struct job_difference - borrowed for the call; @before NULL: added, @after NULL: removed */
struct job_difference {
	const struct backup_file *before, *after;
	unsigned differs; /* JOB_DIFFERS_* when both are there */
};
struct job_diff_wish {
	const char *domain;  /* NULL: all */
	bool reads_contents; /* of files that no digest tells apart */
	int (*each)(void *arg, const struct job_difference *difference, struct err *err);
	void *arg;
	const struct cancel *cancel; /* NULL: none */
};
/**
 * job_browse_diff - from @before to @after, in order of domain and path, in constant memory
 * Both are open, not locked, and not the same object. Contents count as changed when digests of
 * one key differ, or, if they are read, when the bytes do. Dates of folders do not count.
 * @damaged: rows of either that say nothing usable.
 */
int job_browse_diff(struct job_browse *before, struct job_browse *after,
		    const struct job_diff_wish *wish, uint64_t *damaged, struct err *err);

#endif
