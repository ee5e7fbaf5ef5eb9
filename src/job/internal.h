/*
 * job/internal - what the files of this room share
 *
 * From the cable upwards: mux (raw bytes), wire (messages on one connection), lockdown
 * (session, services), notify and afc (helpers around a run), exchange (the device asks,
 * we answer), shelf (what it may see), and the runs on top.
 */
#ifndef REHOME_JOB_INTERNAL_H
#define REHOME_JOB_INTERNAL_H

#include "job/job.h"
#include "link/link.h"
#include "net/net.h"
#include "plist/plist.h"

#define JOB_LABEL "rehome"

enum {
	JOB_PAIR_RECORD_MAX = 256 << 10,
	JOB_INFO_MAX = 64 << 20, /* Info.plist with its icons */
	JOB_ICON_MAX = 1 << 20,
	JOB_APPS_MAX = 4096,
	JOB_PULSE_MS = 500, /* how often a quiet run looks about */
};

enum job_internal_outcome { JOB_ABSENT = 1 };

/* ---- mux.c: libusbmuxd, the only place that knows it ---- */

/** mux_connect - to @port of the device; waits JOB_ANSWER_WAIT_MS at a time and ends with the run's
 * cancel. ERR_DEVICE when it is gone or refuses. */
int mux_connect(const struct job_env *env, const struct job_device *device, uint16_t port,
		struct conn **out, struct err *err);
/** mux_pair_record_read - appended to @out (wipe it); JOB_ABSENT */
int mux_pair_record_read(const char *udid, struct buf *out, struct err *err);
/** mux_pair_record_save - @record: the XML that usbmuxd keeps */
int mux_pair_record_save(const struct job_device *device, struct slice record, struct err *err);
/** mux_pair_record_remove - an absent one is fine */
int mux_pair_record_remove(const char *udid, struct err *err);
/** mux_buid - this host's identity, as usbmuxd keeps it */
int mux_buid(char out[64], struct err *err);

/* ---- wire.c: messages over one connection ---- */

/** struct wire - a connection to one service, with its scratch documents; wire_clear closes */
struct wire {
	struct conn *conn;
	struct plist_doc *request, *reply;
	struct buf out, in;
};
/** wire_init - takes @conn over, also on failure */
int wire_init(struct wire *wire, struct conn *conn, struct err *err);
/** wire_clear - hang up at once and wipe what passed; safe on a half-made one */
void wire_clear(struct wire *wire);
/** wire_request - the document to build the next request in, emptied */
struct plist_doc *wire_request(struct wire *wire);
/** wire_put - queue a message built in wire->request */
int wire_put(struct wire *wire, const struct plist *root, enum link_encoding encoding,
	     struct err *err);
/** wire_flush - send what was put */
int wire_flush(struct wire *wire, struct err *err);
/** wire_send - put and flush */
int wire_send(struct wire *wire, const struct plist *root, enum link_encoding encoding,
	      struct err *err);
/** wire_receive - next message; @root lives until the next receive. Memory grows with what arrives,
 * not with what a length claims. */
int wire_receive(struct wire *wire, size_t len_max, const struct plist **root, struct err *err);

/* ---- pair_record.c ---- */

/** struct pair_record - a parsed record; slices borrow from @doc. Holds a private key: cleared
 * means wiped. */
struct pair_record {
	struct plist_doc *doc;
	const char *host_id, *system_buid;
	struct slice host_cert, host_key, root_cert, root_key, device_cert, escrow_bag;
	uint8_t pin[32]; /* of the device's public key */
};
/** pair_record_parse - @bytes (a property list) are copied; ERR_CORRUPT names what is missing.
 * Clear @record also after a failure. */
int pair_record_parse(struct pair_record *record, struct slice bytes, struct err *err);
void pair_record_clear(struct pair_record *record);

/* ---- lockdown.c ---- */

struct lockdown {
	const struct job_env *env;
	const struct job_device *device;
	struct wire wire;
	struct pair_record record;
	bool is_open, has_record, has_session;
	char session_id[128];
};
enum lockdown_outcome {
	LOCKDOWN_NO_RECORD = 1,    /* this host is not paired with it */
	LOCKDOWN_UNKNOWN_HOST = 2, /* the device does not know our record */
	LOCKDOWN_NO_VALUE = 3,
};
/** lockdown_init - closed; lockdown_close may follow at any time */
void lockdown_init(struct lockdown *lockdown);
/** lockdown_open - connect and see that a lockdownd answers */
int lockdown_open(struct lockdown *lockdown, const struct job_env *env,
		  const struct job_device *device, struct err *err);
/** lockdown_session - read the record and start a TLS session; LOCKDOWN_NO_RECORD,
 * LOCKDOWN_UNKNOWN_HOST */
int lockdown_session(struct lockdown *lockdown, struct err *err);
/** lockdown_session_required - the same, with those outcomes as ERR_DEVICE in words */
int lockdown_session_required(struct lockdown *lockdown, struct err *err);
/** lockdown_call - send what was built in wire.request, receive, compare; @word (may be NULL) gets
 * the device's error word */
int lockdown_call(struct lockdown *lockdown, const struct plist *request, const char *name,
		  const struct plist **reply, const char **word, struct err *err);
/** lockdown_get - Value, borrowed until the next call; @domain, @key NULL for root and all;
 * LOCKDOWN_NO_VALUE */
int lockdown_get(struct lockdown *lockdown, const char *domain, const char *key,
		 const struct plist **value, struct err *err);
/** lockdown_get_text - "" when absent or no text */
int lockdown_get_text(struct lockdown *lockdown, const char *key, char *out, size_t len,
		      struct err *err);
/** lockdown_get_answer - a yes or no; JOB_UNKNOWN when absent or of another kind */
int lockdown_get_answer(struct lockdown *lockdown, const char *domain, const char *key,
			enum job_answer *answer, struct err *err);
/** lockdown_service - start @name and connect to it, TLS as the device says (always over a network)
 */
int lockdown_service(struct lockdown *lockdown, const char *name, bool with_escrow_bag,
		     struct wire *out, struct err *err);
/** lockdown_facts - fill @facts from root values and the backup domain */
int lockdown_facts(struct lockdown *lockdown, struct job_facts *facts, struct err *err);
/** lockdown_close - StopSession and hang up; safe on a half-open one */
void lockdown_close(struct lockdown *lockdown);
/* ---- managed.c ---- */

/** managed_facts - what the device tells of management and setup, within a session; only
 * ERR_CANCELED and ERR_NO_MEMORY are failures */
int managed_facts(struct lockdown *lockdown, struct job_facts *facts, struct err *err);

/** text_copy - NULL-tolerant copy into a field, cut at a character's border */
void text_copy(char *out, size_t len, const char *text);

/* ---- notify.c: one notification_proxy for a whole run ---- */

struct notify {
	struct wire wire;
	bool is_open;
};
enum notify_event {
	NOTIFY_NONE,
	NOTIFY_CANCEL,
	NOTIFY_PASSCODE_SHOWN,
	NOTIFY_PASSCODE_GONE,
	NOTIFY_OTHER
};
/** notify_open - start, and observe what a run wants to hear of */
int notify_open(struct notify *notify, struct lockdown *lockdown, struct err *err);
/** notify_post - tell the device, by name */
int notify_post(struct notify *notify, const char *name, struct err *err);
/** notify_poll - the next event that is already here, NOTIFY_NONE otherwise; a proxy that hung up
 * is silent */
enum notify_event notify_poll(struct notify *notify);
/** notify_close - a goodbye, then hang up; safe when it is closed */
void notify_close(struct notify *notify);

/* ---- afc.c ---- */

struct afc {
	struct wire wire;
	uint64_t number;
	bool is_open;
};
/** afc_open - start the service; afc_close is safe on a half-open one */
int afc_open(struct afc *afc, struct lockdown *lockdown, struct err *err);
void afc_close(struct afc *afc);
/** afc_read_files - the contents of several small files; absent ones are left empty (has[i] false)
 */
int afc_read_files(struct afc *afc, const char *const *paths, size_t count, struct buf *contents,
		   bool *has, struct err *err);
/* @path from the root of the media folder; ERR_DEVICE with the device's reason, ERR_NO_SPACE */
int afc_write_file(struct afc *afc, const char *path, struct slice bytes, struct err *err);
int afc_make_dir(struct afc *afc, const char *path, struct err *err);
int afc_remove(struct afc *afc, const char *path, struct err *err);
/** afc_file_open - @mode as AFC counts them (8.2); @handle until afc_file_close; JOB_ABSENT */
int afc_file_open(struct afc *afc, const char *path, uint64_t mode, uint64_t *handle,
		  struct err *err);
int afc_file_close(struct afc *afc, uint64_t handle, struct err *err);
/** afc_lock - exclusive, not waiting; JOB_ABSENT when another holds it */
int afc_lock(struct afc *afc, uint64_t handle, struct err *err);
int afc_unlock(struct afc *afc, uint64_t handle, struct err *err);

/* ---- synclock.c: the dance that keeps two hosts from syncing at once (8.3) ---- */

struct sync_lock {
	struct notify *notify;
	struct afc *afc;
	uint64_t handle;
	bool is_opened, is_locked, is_started;
};
/** sync_lock_take - tries until another host gives way; ERR_BUSY when none does. @notify and @afc
 * are borrowed until the release. */
int sync_lock_take(struct sync_lock *lock, const struct job_env *env, struct notify *notify,
		   struct afc *afc, struct err *err);
/** sync_lock_release - on every way out; what fails is left to the end of the connection */
void sync_lock_release(struct sync_lock *lock);

/* ---- apps.c, info.c: Info.plist, which hosts write (17) ---- */

/** struct app_list - the user's apps; texts and data borrow from @docs */
struct app {
	const char *bundle_id;
	struct slice sinf, metadata;
	struct buf icon;
};
struct app_list {
	struct app *items;
	size_t count, cap;
	struct plist_doc *doc;
};
void app_list_clear(struct app_list *apps);
/** app_list_read - installation_proxy, then icons of the apps that need one in a single exchange */
int app_list_read(struct app_list *apps, struct lockdown *lockdown, struct err *err);

#define INFO_FILE_COUNT 11
extern const char *const info_file_names[INFO_FILE_COUNT]; /* beneath /iTunes_Control/iTunes/ */
/** struct info_sources - what an Info.plist is built from; absent parts are NULL or empty and left
 * out */
struct info_sources {
	const struct plist *values;          /* lockdown, root domain */
	const struct plist *itunes_settings; /* com.apple.iTunes */
	const char *itunes_version;          /* MinITunesVersion, NULL: 10.0.1 */
	const struct app_list *apps;
	struct buf *itunes_files; /* INFO_FILE_COUNT of them */
	const bool *has_itunes_file;
	struct slice ibooks;
	bool has_ibooks;
	const char *udid;
	uint8_t guid[16];
	int64_t now;
};
/** info_build - the XML document, appended to @out */
int info_build(const struct info_sources *sources, struct buf *out, struct err *err);
/** info_collect - ask the device for all of it and build; @info is appended to */
int info_collect(struct lockdown *lockdown, struct afc *afc, struct buf *info, struct err *err);

/* ---- note.c: our own words beside a snapshot ---- */

/** note_write - append a binary property list: the facts, and the first problems in words */
int note_write(const struct job_snapshot *snapshot, const struct job_problems *problems,
	       struct buf *out, struct err *err);
/** note_management - is the device managed, as far as the contents can be read? */
int note_management(struct job_snapshot *snapshot, struct backup_reader *reader, struct err *err);
/** note_read - what a note says into @out; one that does not parse changes nothing */
void note_read(struct slice note, struct job_snapshot *out);
/** note_from_backup - what Manifest.plist and Status.plist say, into the snapshot's facts */
void note_from_backup(struct job_snapshot *snapshot, const struct backup_reader *reader);

/* ---- problems.c ---- */

/** problem_add - one more, in words that name the file; without memory it is only counted */
void problem_add(struct job_problems *problems, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- shelf.c: the virtual directory that a device is shown ---- */

/**
 * struct shelf - what stands beneath "<UDID>/"; paths are inside of it, already checked, "" = the
 * folder itself
 *
 * Outcomes: REPO_ABSENT where the repo has it. A shelf that cannot be written to
 * answers ERR_UNSUPPORTED to what would change it.
 */
struct shelf {
	int (*stat)(struct shelf *shelf, const char *path, struct repo_entry *entry,
		    struct err *err);
	int (*list)(struct shelf *shelf, const char *path,
		    int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		    void *arg, struct err *err);
	int (*read)(struct shelf *shelf, const char *path, struct source **out, struct err *err);
	int (*make_dir)(struct shelf *shelf, const char *path, struct err *err);
	int (*move)(struct shelf *shelf, const char *from, const char *to, struct err *err);
	int (*copy)(struct shelf *shelf, const char *from, const char *to, struct err *err);
	int (*remove)(struct shelf *shelf, const char *path, struct err *err);
	int (*upload_begin)(struct shelf *shelf, const char *path, struct err *err);
	int (*upload_write)(struct shelf *shelf, struct slice bytes, struct err *err);
	int (*upload_end)(struct shelf *shelf, struct err *err);
	void (*upload_drop)(struct shelf *shelf);
	/* everything that arrived is written */
	int (*drain)(struct shelf *shelf, struct err *err);
	uint64_t (*free_space)(struct shelf *shelf);
};
/** struct shelf_session - over a repository session: a backup writes here */
struct shelf_session {
	struct shelf shelf;
	struct repo_session *session;
	bool is_encrypted;
	const char *disk_path; /* whose free space is told */
	uint64_t (*free_space)(void *arg);
	void *free_space_arg;
};
/** shelf_session_init - @session and @disk_path are borrowed */
void shelf_session_init(struct shelf_session *shelf, struct repo_session *session,
			bool is_encrypted, const char *disk_path);
/** struct shelf_view - over a snapshot: a restore reads here; copies are remembered as other names
 */
enum { SHELF_ALIAS_MAX = 16 };
struct shelf_view {
	struct shelf shelf;
	struct repo_view *view;
	struct {
		char name[REPO_PATH_LEN_MAX + 1], target[REPO_PATH_LEN_MAX + 1];
	} aliases[SHELF_ALIAS_MAX];
	size_t alias_count;
};
/** shelf_view_init - @view is borrowed; nothing can be uploaded */
void shelf_view_init(struct shelf_view *shelf, struct repo_view *view);
/** shelf_content - how a file of this name is best cut */
enum repo_content shelf_content(const char *path, bool is_encrypted);
/** shelf_path - a device's path to one inside "<udid>/": 0, or ERR_PROTOCOL with the name quoted.
 * "udid" alone gives "". */
int shelf_path(const char *udid, const char *path, size_t len, char out[REPO_PATH_LEN_MAX + 1],
	       struct err *err);

/* ---- exchange.c, stream.c: mobilebackup2 over DeviceLink; the device asks, we answer ---- */

/** struct name_set - names of one batch, as hashes, to notice one that comes twice */
enum { NAME_SET_SLOTS = 4096 };
struct name_set {
	uint64_t slots[NAME_SET_SLOTS]; /* 0: free */
	unsigned count;
};
struct exchange {
	const struct job_env *env;
	struct wire wire;
	struct notify *notify;
	struct shelf *shelf;
	const char *udid; /* the folder's name, as the device spells it in paths */
	const char *device_name;
	struct link_stream *stream;
	struct job_problems *problems;
	struct err failure; /* the first local failure: the run cannot succeed any more */
	struct progress_state state;
	char phase[JOB_TEXT_MAX + 64];
	int64_t quiet_since_ms, next_pulse_ms;
	bool is_open, is_asking_passcode, has_begun;
	uint64_t files_in, files_out, purge_asked;
	uint64_t capacity; /* of the device: no batch is larger; 0 when it does not tell */
	struct name_set names;
};
/** struct mb_response - how the device ended the request */
struct mb_response {
	int64_t code;
	char description[400];
};
/** exchange_open - start mobilebackup2, agree on a version, Hello */
int exchange_open(struct exchange *exchange, struct lockdown *lockdown, struct err *err);
/** exchange_greet - the same over exchange->wire, which is connected already */
int exchange_greet(struct exchange *exchange, struct err *err);
/** exchange_request - send a frame made by link_mb_* (secrets inside: the caller wipes) */
int exchange_request(struct exchange *exchange, struct slice frame, struct err *err);
/**
 * exchange_serve - answer until the device ends the request
 * 0 and @response; < 0 when the connection or the run broke. Local failures are in
 * exchange->failure: the device was told, and the run has failed whatever it answers.
 */
int exchange_serve(struct exchange *exchange, struct mb_response *response, struct err *err);
/** exchange_close - say goodbye and hang up; safe on one that was never opened */
void exchange_close(struct exchange *exchange);
/** exchange_status - answer the device; @value of wire.request or NULL */
int exchange_status(struct exchange *exchange, int64_t code, const char *text,
		    const struct plist *value, struct err *err);
/** exchange_fail - remember a failure of ours; only the first counts */
void exchange_fail(struct exchange *exchange, const struct err *why);
/* exchange_wait.c */
/** exchange_phase - what the person is told that the run is doing */
void exchange_phase(struct exchange *exchange, const char *format, ...) PRINTF_LIKE(2, 3);
/** exchange_pulse - look about: canceled here or on the device, passcode asked for; reports
 * progress */
int exchange_pulse(struct exchange *exchange, struct err *err);
/** exchange_fill - wait for bytes; @want 0: any more than there are. Looks about while it waits. */
int exchange_fill(struct exchange *exchange, size_t want, struct err *err);
/** exchange_hung_up - a closed connection (@r) in words for the person; other failures as they are
 */
int exchange_hung_up(const struct exchange *exchange, int r, struct err *err);
/** exchange_device_name - what to call the device: its name, or "the device"; borrowed */
const char *exchange_device_name(const struct exchange *exchange);
/* stream.c */
/** exchange_receive_files - a batch from the device onto the shelf, to its end, and the answer */
int exchange_receive_files(struct exchange *exchange, const struct link_dl *message,
			   struct err *err);
/** exchange_send_files - the files that @message asks for, and the answer that names what failed */
int exchange_send_files(struct exchange *exchange, const struct link_dl *message, struct err *err);
/** exchange_code - the DLFileErrorCode for a failure of ours (< 0); @text: its words, static */
int exchange_code(int failure, const char **text);
/** exchange_explain - a final response that is no success, in words with the next step */
int exchange_explain(const struct mb_response *response, const char *what, struct err *err);

/* ---- proof.c: does what arrived hold together? ---- */

struct proof {
	uint64_t rows, files, bytes, drifted;
	bool was_checked; /* the manifest could be read */
};
/**
 * proof_of_backup - before a commit: finished, parsable, every regular file there
 * Problems that leave the snapshot usable go to @problems; ERR_CORRUPT when it must not be kept.
 * @snapshot is filled from the property lists.
 */
int proof_of_backup(const struct job_env *env, struct repo_session *session,
		    const struct secret *password, struct job_snapshot *snapshot,
		    struct job_problems *problems, struct proof *proof, struct err *err);
/** tree_session - a session's present state as a backup */
int tree_session(struct backup_tree **out, struct repo_session *session, struct err *err);

#endif
