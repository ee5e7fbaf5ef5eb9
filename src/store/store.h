/*
 * store - the rows of the MDM service and their operations
 *
 * What rows mean is fleet's; here they are kept, found and counted, in SQLite (default) or in
 * PostgreSQL, with the same statements and the same results.  The tables: docs/design/service.md.
 *
 * A struct store is one connection for one thread.  Everything but store_open and store_reopen
 * happens between store_begin and store_commit or store_rollback.
 *
 * Rows: every number is an int64_t, times are seconds since 1970 with 0 = never, texts UTF-8 and
 * NUL-terminated.  There is no NULL in the tables: a text that is absent is "", bytes that are
 * absent are empty.  In rows handed in, a NULL text means "" and everything is borrowed for the
 * call.  Texts, bytes and arrays of rows handed out are the store's and live until the transaction
 * ends or store_forget is called.
 *
 * Returns: 0 done; STORE_NO_ROW and STORE_CONFLICT where the comment names them; < 0 a failure,
 * after which the caller undoes the savepoint or rolls the transaction back:
 *   ERR_BUSY      another service changed the same rows (PostgreSQL: serialization failure,
 *                 deadlock) or holds the file (SQLite): roll back and repeat the transaction
 *   ERR_CLOSED    the connection is gone: store_reopen, then repeat
 *   ERR_NO_SPACE  disk full;  ERR_CORRUPT  a damaged database;  ERR_IO  any other trouble
 *   ERR_USAGE     a text that is not UTF-8;  ERR_LIMIT  a text or value over its limit
 */
#ifndef REHOME_STORE_H
#define REHOME_STORE_H

#include "base/base.h"

struct store;

enum {
	STORE_TEXT_MAX = 1 << 20,  /* bytes of a text */
	STORE_BYTES_MAX = 8 << 20, /* of a value */
	STORE_LIST_MAX = 1000,     /* rows that one call hands out; lists go on after a cursor */
	STORE_HISTORY_MAX = 200,   /* rows of history that an enrollment keeps */
	STORE_SCHEMA = 1,          /* version that this program writes */
};

enum store_outcome {
	STORE_NO_ROW = 1,   /* nothing fits */
	STORE_CONFLICT = 2, /* a row with that key is there already; nothing was changed */
};

/* ---- the connection ------------------------------------------------------------- */

/**
 * store_open - connect, and bring the schema up to STORE_SCHEMA
 * @where: "sqlite:PATH" (made with mode 0600 if it is not there; "sqlite::memory:" for tests) or a
 *         URL "postgresql://USER@HOST/DATABASE?..." as libpq reads it
 *
 * Returns 0; ERR_UNSUPPORTED for a schema newer than this program; ERR_USAGE for another @where;
 * the failures above.  Texts of failures never hold the URL's password.
 */
int store_open(struct store **out, const char *where, struct err *err);
/** store_free - ends what was begun by rolling it back; NULL is fine */
void store_free(struct store *store);
/** store_free_p - for CLEANUP */
void store_free_p(struct store **store);
/** store_reopen - connect again after ERR_CLOSED; outside of a transaction */
int store_reopen(struct store *store, struct err *err);

/** store_begin - a transaction that may write; rows handed out before are gone */
int store_begin(struct store *store, struct err *err);
/** store_commit - when it returns 0, everything since store_begin is on the disk; otherwise all of
 * it is rolled back (ERR_CLOSED: it may have been done, PostgreSQL's answer did not arrive) */
int store_commit(struct store *store, struct err *err);
/** store_rollback - undo everything since store_begin; cannot fail, and is fine outside of one */
void store_rollback(struct store *store);
/** store_savepoint - within a transaction: what follows can be undone by itself. They nest: release
 * and undo mean the last one */
int store_savepoint(struct store *store, struct err *err);
/** store_release - keep what was done since store_savepoint */
int store_release(struct store *store, struct err *err);
/** store_undo - undo what was done since store_savepoint and end it; the transaction goes on.
 * ERR_BUSY, ERR_CLOSED...: it does not */
int store_undo(struct store *store, struct err *err);
/** store_abandon - store_undo on the way out with the failure @r, which it returns. Who began a
 * savepoint ends it: the caller's own undo would mean the one that was left behind */
int store_abandon(struct store *store, int r);
/** store_forget - give back what rows handed out so far occupy, without ending the transaction: for
 * long walks over many rows */
void store_forget(struct store *store);
/** store_idle - housekeeping that may take some milliseconds (SQLite: moves the write-ahead log
 * into the database); call when there is nothing else to do, outside of a transaction */
int store_idle(struct store *store, struct err *err);

/** struct store_stats - what the connection did so far: tests hold it against growth */
struct store_stats {
	uint64_t statements; /* run */
	uint64_t rows;       /* received */
	uint64_t steps;      /* of SQLite's machine; 0 for PostgreSQL */
	uint64_t pages;      /* of the database looked at; 0 for PostgreSQL */
};
/** store_stats - since store_open */
void store_stats(struct store *store, struct store_stats *stats);

/* ---- devices ---------------------------------------------------------------------- */

enum store_ownership { STORE_PERSONAL, STORE_CORPORATE };
enum store_record {
	STORE_ACTIVE,
	STORE_HIDDEN,
	STORE_RETIRED,
	STORE_DELETED,
	STORE_WIPED, /* a command erased it */
	STORE_RECORD_COUNT,
};

struct store_device {
	int64_t no;       /* made by store_device_put */
	const char *udid; /* or EnrollmentID; unique among records that are not deleted */
	const char *serial, *imei, *name, *product, *os, *build;
	int64_t ownership; /* enum store_ownership */
	int64_t record;    /* enum store_record */
	int64_t is_supervised;
	int64_t created, last_contact;
	int64_t flags;    /* fleet's own */
	const char *note; /* an operator's words, or fleet's: why it was replaced ... */
};

/** store_device_find - by @udid, deleted records excepted; STORE_NO_ROW */
int store_device_find(struct store *store, const char *udid, struct store_device *row,
		      struct err *err);
/** store_device_of_serial - those of @serial, deleted records excepted, in the order of their
 * numbers; at most STORE_LIST_MAX */
int store_device_of_serial(struct store *store, const char *serial, struct store_device **rows,
			   size_t *count, struct err *err);
/** store_device_get - by number, whatever its record state; STORE_NO_ROW */
int store_device_get(struct store *store, int64_t no, struct store_device *row, struct err *err);
/** store_device_put - @row->no = 0: a new one, whose number is put there; STORE_CONFLICT if its
 * UDID is taken. Else all fields of the row are replaced; STORE_NO_ROW; ERR_EXISTS if its new UDID
 * is taken */
int store_device_put(struct store *store, struct store_device *row, struct err *err);

/** struct store_device_filter - what a list shall hold; zero = no limit */
struct store_device_filter {
	unsigned records;       /* 1 << enum store_record; 0 = active, retired and wiped */
	unsigned ownerships;    /* 1 << enum store_ownership */
	int64_t group;          /* number of a group */
	int64_t contact_before; /* last contact earlier than this */
	const char *search;     /* part of UDID, serial number or name, any ASCII case */
	int64_t after;          /* cursor: number of the last row seen */
	unsigned max;           /* rows; 0 or more than STORE_LIST_MAX = STORE_LIST_MAX */
};
/** store_device_list - in the order of their numbers */
int store_device_list(struct store *store, const struct store_device_filter *filter,
		      struct store_device **rows, size_t *count, struct err *err);

struct store_contact {
	int64_t device, at;
};
/** store_contacts_write - last contacts, in one batch; an earlier time than the known one and a
 * device that is gone change nothing */
int store_contacts_write(struct store *store, const struct store_contact *contacts, size_t count,
			 struct err *err);

/* ---- what is kept of a device or an enrollment under a name ---------------------------- */

/** Sealed values, raw messages, inventory: "unlock-token", "authenticate", "DeviceInformation" ...
 * A name is one of the caller's own words. */
enum store_owner { STORE_OF_DEVICE, STORE_OF_ENROLLMENT };

struct store_kept {
	const char *name;
	struct slice bytes; /* not read by store_kept_list */
	int64_t at, len;
};
/** store_kept_put - replaced if it is there */
int store_kept_put(struct store *store, enum store_owner kind, int64_t owner, const char *name,
		   struct slice bytes, int64_t at, struct err *err);
/** store_kept_get - STORE_NO_ROW */
int store_kept_get(struct store *store, enum store_owner kind, int64_t owner, const char *name,
		   struct store_kept *row, struct err *err);
/** store_kept_remove - @name, or all if it is NULL; fine if there is none */
int store_kept_remove(struct store *store, enum store_owner kind, int64_t owner, const char *name,
		      struct err *err);
/** store_kept_list - names, times and lengths, by name; at most STORE_LIST_MAX */
int store_kept_list(struct store *store, enum store_owner kind, int64_t owner,
		    struct store_kept **rows, size_t *count, struct err *err);

/* ---- enrollments ------------------------------------------------------------------------- */

enum store_state { STORE_PENDING, STORE_ENABLED, STORE_DISABLED };
enum store_kind { STORE_BY_PROFILE, STORE_BY_ADE, STORE_USER_CHANNEL };
enum store_restore { STORE_NONE, STORE_NOTICED, STORE_CONFIRMED, STORE_REFUSED };
/** enum store_due - what an enrollment may be due for */
enum store_due { STORE_DUE_PUSH, STORE_DUE_RENEWAL, STORE_DUE_INVENTORY, STORE_DUE_RECONCILE };
enum { STORE_DUE_COUNT = 4 };

struct store_enrollment {
	int64_t no;     /* made by store_enrollment_put */
	const char *id; /* unique */
	int64_t device; /* number */
	int64_t generation;
	int64_t state; /* enum store_state */
	int64_t kind;  /* enum store_kind */
	const char *topic, *push_magic;
	struct slice push_token;
	int64_t is_awaiting;
	int64_t created, authenticated, enrolled, left; /* left: when it was disabled */
	int64_t token_changes;
	int64_t restore; /* enum store_restore */
	int64_t restore_at;
	const char *unenroll_by; /* operator who decided that the next message unenrolls */
	int64_t unenroll_at;
	int64_t push_failures, push_sent;
	const char *declarations_token;
	int64_t flags;                /* fleet's own */
	int64_t due[STORE_DUE_COUNT]; /* when, by enum store_due */
};

/** store_enrollment_find - STORE_NO_ROW */
int store_enrollment_find(struct store *store, const char *id, struct store_enrollment *row,
			  struct err *err);
/** store_enrollment_get - by number; STORE_NO_ROW */
int store_enrollment_get(struct store *store, int64_t no, struct store_enrollment *row,
			 struct err *err);
/** store_enrollment_put - as store_device_put. STORE_CONFLICT: its id is taken; STORE_NO_ROW */
int store_enrollment_put(struct store *store, struct store_enrollment *row, struct err *err);
/** store_enrollment_of - those of a device (0: of all), by number after @after; @state one of enum
 * store_state or -1 for all; at most @max */
int store_enrollment_of(struct store *store, int64_t device, int state, int64_t after, unsigned max,
			struct store_enrollment **rows, size_t *count, struct err *err);
/** store_enrollment_due - enabled ones whose time for @which has come at @now, longest due first */
int store_enrollment_due(struct store *store, enum store_due which, int64_t now, unsigned max,
			 struct store_enrollment **rows, size_t *count, struct err *err);
/** store_enrollment_due_set - one of them; @at = 0: never. Cheaper than putting the row */
int store_enrollment_due_set(struct store *store, int64_t no, enum store_due which, int64_t at,
			     struct err *err);
/** store_enrollment_pushed - a push was sent or failed: the three fields alone */
int store_enrollment_pushed(struct store *store, int64_t no, int64_t sent, int64_t failures,
			    int64_t due, struct err *err);

/** struct store_target - whom a command, a profile or a mark is for */
enum store_target_kind { STORE_TO_ALL, STORE_TO_GROUP, STORE_TO_DEVICE };
struct store_target {
	int64_t kind; /* enum store_target_kind */
	int64_t no;   /* of the group or device */
};
/** store_due_mark - the same for all enabled enrollments of @target, user channels excepted, that
 * are not due earlier */
int store_due_mark(struct store *store, const struct store_target *target, enum store_due which,
		   int64_t at, struct err *err);

/* ---- tickets and certificates ---------------------------------------------------------------- */

enum store_purpose { STORE_TO_ENROLL, STORE_TO_RENEW, STORE_LINK };
/** enum store_identity - how an identity comes to its device; ACME will be another kind. A reader
 * refuses a ticket of a kind that it does not know: a newer service may share the store */
enum store_identity { STORE_OVER_SCEP };

struct store_ticket {
	int64_t no;                /* made by store_ticket_insert */
	struct slice hash;         /* of the challenge; unique */
	int64_t purpose;           /* enum store_purpose */
	int64_t kind;              /* enum store_identity */
	const char *udid, *serial; /* the device it is for, or "" */
	int64_t enrollment;        /* number, 0 until bound */
	int64_t generation;
	int64_t created, ends, used;
	const char *author; /* operator */
};
/** store_ticket_insert - STORE_CONFLICT */
int store_ticket_insert(struct store *store, struct store_ticket *row, struct err *err);
/** store_ticket_get - by number; STORE_NO_ROW */
int store_ticket_get(struct store *store, int64_t no, struct store_ticket *row, struct err *err);
/** store_ticket_take - mark as used at @now; of any number of callers one gets it.
 * STORE_NO_ROW: unknown, of another purpose, used or ended */
int store_ticket_take(struct store *store, struct slice hash, enum store_purpose purpose,
		      int64_t now, struct store_ticket *row, struct err *err);
/** store_ticket_bind - to an enrollment */
int store_ticket_bind(struct store *store, int64_t no, int64_t enrollment, int64_t generation,
		      struct err *err);
/** store_ticket_sweep - remove those that ended before @before unused; at most @max, *@count done
 */
int store_ticket_sweep(struct store *store, int64_t before, unsigned max, unsigned *count,
		       struct err *err);

enum store_certificate_state {
	STORE_CERT_FREE,     /* issued, not bound to a device yet */
	STORE_CERT_NEXT,     /* issued by a renewal, not seen yet */
	STORE_CERT_CURRENT,  /* last seen */
	STORE_CERT_PREVIOUS, /* superseded */
	STORE_CERT_ENDED,    /* of an earlier generation, or ended on purpose */
};
struct store_certificate {
	int64_t no;          /* made by store_certificate_put */
	struct slice sha256; /* of its DER; unique */
	const char *serial;  /* hex */
	int64_t ticket, enrollment, generation;
	int64_t state; /* enum store_certificate_state */
	int64_t not_before, not_after, issued;
	int64_t seen; /* when first */
};
/** store_certificate_find - STORE_NO_ROW */
int store_certificate_find(struct store *store, struct slice sha256, struct store_certificate *row,
			   struct err *err);
/** store_certificate_put - as store_device_put. STORE_CONFLICT: known already; STORE_NO_ROW */
int store_certificate_put(struct store *store, struct store_certificate *row, struct err *err);
/** store_certificate_of - those of an enrollment, newest first; at most STORE_LIST_MAX */
int store_certificate_of(struct store *store, int64_t enrollment, struct store_certificate **rows,
			 size_t *count, struct err *err);
/** store_certificate_end - all of an enrollment, but for number @except, whose generation is less
 * than @generation become STORE_CERT_ENDED */
int store_certificate_end(struct store *store, int64_t enrollment, int64_t generation,
			  int64_t except, struct err *err);

/* ---- commands, queues, history ------------------------------------------------------------------
 */

/** enum store_queued - state of a queue row; bits, so that a call can name several */
enum store_queued {
	STORE_QUEUED = 1,
	STORE_SENT = 2,
	STORE_NOT_NOW = 4,
	STORE_HELD = 8,
};

struct store_command {
	int64_t no;       /* made by store_command_insert; grows with time */
	const char *uuid; /* unique */
	const char *request_type;
	int64_t lane;                      /* 0 renewal, 1 urgent, 2 normal, 3 background */
	int64_t created, not_before, ends; /* ends: 0 = never */
	const char *author;
	const char *subject;  /* fleet's own: the profile that it installs or removes ... */
	int64_t version;      /* of that */
	int64_t flags;        /* fleet's own */
	int64_t is_dangerous; /* held after a restore until confirmed */
	struct slice payload; /* kept once, however many get it */
};
/** store_command_insert - STORE_CONFLICT: its UUID is known */
int store_command_insert(struct store *store, struct store_command *row, struct err *err);
/** store_command_find - as long as it is in any queue; STORE_NO_ROW */
int store_command_find(struct store *store, const char *uuid, struct store_command *row,
		       struct err *err);
/** store_command_get - the same by its number */
int store_command_get(struct store *store, int64_t no, struct store_command *row, struct err *err);
/** store_command_remove_unused - a command that nobody got into a queue, or whose last row is gone
 */
int store_command_remove_unused(struct store *store, int64_t no, struct err *err);

/** struct store_queue - one command in one queue, with what is needed to send it */
struct store_queue {
	int64_t enrollment, lane, command; /* the key, and the order */
	int64_t generation;
	int64_t state;             /* enum store_queued */
	int64_t tries;             /* deliveries */
	int64_t at;                /* when its state changed */
	const char *id;            /* of the enrollment */
	struct store_command what; /* payload only from store_queue_next */
};

/** store_queue_add - into one queue, in its present generation. STORE_CONFLICT: there already;
 * STORE_NO_ROW: no such enrollment */
int store_queue_add(struct store *store, const struct store_command *command, int64_t enrollment,
		    enum store_queued state, int64_t now, struct err *err);
/**
 * store_queue_add_many - into the queue of every enabled enrollment of @target (device channels)
 *
 * A dangerous command is held where a restore was noticed.  They become due for push at @now.
 * *@queued and *@held: how many got it so.
 */
int store_queue_add_many(struct store *store, const struct store_command *command,
			 const struct store_target *target, int64_t now, uint64_t *queued,
			 uint64_t *held, struct err *err);

/** struct store_next - which command may be next */
struct store_next {
	int64_t enrollment, generation, now;
	unsigned states;  /* enum store_queued */
	int64_t lane_max; /* last lane that counts; 0 = renewal alone, 3 = all */
	int64_t once;     /* flags: a sent command that has one of them is passed over */
};
/** store_queue_next - the first that fits, in the order of lanes and of commands within one, with
 * its payload; STORE_NO_ROW */
int store_queue_next(struct store *store, const struct store_next *next, struct store_queue *row,
		     struct err *err);
/** store_queue_find - the row of @uuid in the queue of @enrollment, any generation; STORE_NO_ROW */
int store_queue_find(struct store *store, int64_t enrollment, const char *uuid,
		     struct store_queue *row, struct err *err);
/** store_queue_set - state, tries and time of a row; STORE_NO_ROW */
int store_queue_set(struct store *store, const struct store_queue *row, enum store_queued state,
		    int64_t tries, int64_t now, struct err *err);
/** store_queue_turn - rows of an enrollment (0: of all) in one of the states @from get the state
 * @to; *@count of them, may be NULL. NotNow ends with a session, held ends with a confirmation */
int store_queue_turn(struct store *store, int64_t enrollment, unsigned from, enum store_queued to,
		     int64_t now, uint64_t *count, struct err *err);
/** store_queue_hold - dangerous commands of an enrollment become held; *@count, may be NULL */
int store_queue_hold(struct store *store, int64_t enrollment, int64_t now, uint64_t *count,
		     struct err *err);
/** store_queue_list - of an enrollment, in order, without payloads; @states 0 = all; at most @max
 */
int store_queue_list(struct store *store, int64_t enrollment, unsigned states, unsigned max,
		     struct store_queue **rows, size_t *count, struct err *err);
/** store_queue_count - rows of an enrollment in one of @states (0 = any) */
int store_queue_count(struct store *store, int64_t enrollment, unsigned states, uint64_t *count,
		      struct err *err);
/** store_queue_expired - rows of commands that ended at or before @now, without payloads */
int store_queue_expired(struct store *store, int64_t now, unsigned max, struct store_queue **rows,
			size_t *count, struct err *err);
/** store_queue_cancel - @command out of the queue of @enrollment (0: of everybody) where its state
 * is one of @states; *@count. A row that was sent and is held since counts as STORE_SENT */
int store_queue_cancel(struct store *store, int64_t command, int64_t enrollment, unsigned states,
		       uint64_t *count, struct err *err);

struct store_history {
	int64_t enrollment, seq; /* the key; seq grows with time, by one */
	int64_t generation;
	const char *uuid, *request_type, *subject;
	const char *status;  /* "Acknowledged", "Error", "Expired" ... */
	const char *error;   /* JSON */
	struct slice result; /* not read by store_history_list */
	int64_t at;
	const char *author;
};
/**
 * store_queue_done - the queue row goes, a row of history comes (those beyond STORE_HISTORY_MAX
 *   go), and the payload goes with the command's last row: in one go
 * @row: as found; STORE_NO_ROW if it is not there any more, and then nothing was changed
 */
int store_queue_done(struct store *store, const struct store_queue *row, const char *status,
		     const char *error, struct slice result, int64_t now, struct err *err);
/** store_history_list - newest first, before @before (0: from the newest), without results */
int store_history_list(struct store *store, int64_t enrollment, int64_t before, unsigned max,
		       struct store_history **rows, size_t *count, struct err *err);
/** store_history_find - the newest of @uuid with its result; STORE_NO_ROW */
int store_history_find(struct store *store, int64_t enrollment, const char *uuid,
		       struct store_history *row, struct err *err);
/** store_history_remove - all of an enrollment */
int store_history_remove(struct store *store, int64_t enrollment, struct err *err);

/* ---- groups
 * --------------------------------------------------------------------------------------- */

struct store_group {
	int64_t no;       /* made by store_group_insert */
	const char *name; /* unique */
	int64_t created;
	int64_t members; /* how many devices; read only */
};
/** store_group_insert - STORE_CONFLICT */
int store_group_insert(struct store *store, struct store_group *row, struct err *err);
/** store_group_find - STORE_NO_ROW */
int store_group_find(struct store *store, const char *name, struct store_group *row,
		     struct err *err);
/** store_group_remove - with members and assignments; STORE_NO_ROW */
int store_group_remove(struct store *store, int64_t no, struct err *err);
/** store_group_list - by number after @after; @device: those it is in, 0: all */
int store_group_list(struct store *store, int64_t device, int64_t after, unsigned max,
		     struct store_group **rows, size_t *count, struct err *err);
/** store_member_set - in or out; fine if it is so already */
int store_member_set(struct store *store, int64_t group, int64_t device, bool is_member,
		     struct err *err);
/** store_member_move - every group and assignment of device @from becomes one of @to as well */
int store_member_move(struct store *store, int64_t from, int64_t to, struct err *err);

/* ---- profiles and declarations
 * ------------------------------------------------------------------------ */

struct store_profile {
	int64_t no; /* made by store_profile_insert */
	const char *identifier;
	int64_t version; /* unique with the identifier; the highest is the one that is wanted */
	const char *uuid, *name;
	int64_t created;
	const char *author;
	struct slice bytes; /* not read by store_profile_list */
};
/** store_profile_insert - @row->version is set: one more than the highest */
int store_profile_insert(struct store *store, struct store_profile *row, struct err *err);
/** store_profile_find - @version, 0 = the highest; STORE_NO_ROW */
int store_profile_find(struct store *store, const char *identifier, int64_t version,
		       struct store_profile *row, struct err *err);
/** store_profile_list - the highest version of each, by identifier after @after (NULL: from the
 * first) */
int store_profile_list(struct store *store, const char *after, unsigned max,
		       struct store_profile **rows, size_t *count, struct err *err);
/** store_profile_remove - all versions and assignments; STORE_NO_ROW */
int store_profile_remove(struct store *store, const char *identifier, struct err *err);

struct store_declaration {
	int64_t no;             /* made by store_declaration_put */
	const char *identifier; /* unique */
	int64_t kind;           /* enum mdm_declaration_kind */
	const char *type, *token;
	int64_t created;
	const char *author;
	struct slice bytes; /* not read by store_declaration_list and _of */
};
/** store_declaration_put - new, or in place of the one with its identifier */
int store_declaration_put(struct store *store, struct store_declaration *row, struct err *err);
/** store_declaration_find - STORE_NO_ROW */
int store_declaration_find(struct store *store, const char *identifier,
			   struct store_declaration *row, struct err *err);
/** store_declaration_list - all of them by identifier, after @after ("": from the first) */
int store_declaration_list(struct store *store, const char *after, unsigned max,
			   struct store_declaration **rows, size_t *count, struct err *err);
/** store_declaration_of - those assigned to a device, by identifier; at most STORE_LIST_MAX */
int store_declaration_of(struct store *store, int64_t device, struct store_declaration **rows,
			 size_t *count, struct err *err);
/** store_declaration_remove - with assignments; STORE_NO_ROW */
int store_declaration_remove(struct store *store, const char *identifier, struct err *err);

enum store_assigned { STORE_PROFILE, STORE_DECLARATION };
struct store_assignment {
	int64_t what; /* enum store_assigned */
	const char *identifier;
	struct store_target target;
	int64_t at;
	const char *author;
};
/** store_assign - fine if it is so already */
int store_assign(struct store *store, const struct store_assignment *row, struct err *err);
/** store_unassign - STORE_NO_ROW */
int store_unassign(struct store *store, const struct store_assignment *row, struct err *err);
/** store_assignment_list - of one profile or declaration, at most STORE_LIST_MAX */
int store_assignment_list(struct store *store, enum store_assigned what, const char *identifier,
			  struct store_assignment **rows, size_t *count, struct err *err);
/** store_is_assigned - to this device, by whichever way: 0 yes, STORE_NO_ROW no */
int store_is_assigned(struct store *store, enum store_assigned what, const char *identifier,
		      int64_t device, struct err *err);

enum store_installed_state {
	STORE_INSTALL_WANTED,
	STORE_INSTALL_SENT,
	STORE_INSTALLED,
	STORE_INSTALL_FAILED,
	STORE_REMOVING,
};
/** struct store_installed - what is wanted of and known about one profile on one enrollment */
struct store_installed {
	const char *identifier;
	int64_t wanted;             /* version that is assigned, 0 = none */
	int64_t is_known;           /* has a row: the three fields below count */
	int64_t version, state, at; /* state: enum store_installed_state */
	const char *uuid;
};
/** store_installed_compare - every profile that is assigned to the enrollment's device or has a row
 * of its own, by identifier; at most STORE_LIST_MAX */
int store_installed_compare(struct store *store, int64_t enrollment, int64_t device,
			    struct store_installed **rows, size_t *count, struct err *err);
/** store_installed_set - the row of one profile, new or replaced */
int store_installed_set(struct store *store, int64_t enrollment, const struct store_installed *row,
			struct err *err);
/** store_installed_remove - one, or all if @identifier is NULL; fine if there is none */
int store_installed_remove(struct store *store, int64_t enrollment, const char *identifier,
			   struct err *err);

/** struct store_declared - what a device said of a declaration */
struct store_declared {
	const char *identifier, *token, *valid, *reasons; /* reasons: JSON */
	int64_t is_active, at;
};
/** store_declared_set - the row of one declaration, new or replaced */
int store_declared_set(struct store *store, int64_t enrollment, const struct store_declared *row,
		       struct err *err);
/** store_declared_list - all of an enrollment, by identifier; at most STORE_LIST_MAX */
int store_declared_list(struct store *store, int64_t enrollment, struct store_declared **rows,
			size_t *count, struct err *err);
/** store_declared_remove - all of an enrollment */
int store_declared_remove(struct store *store, int64_t enrollment, struct err *err);

/* ---- corporate identifiers, tokens, settings
 * --------------------------------------------------------------- */

struct store_identifier {
	const char *identifier; /* serial number or IMEI; unique */
	const char *details, *author;
	int64_t at;
};
/** store_identifier_put - new or replaced */
int store_identifier_put(struct store *store, const struct store_identifier *row, struct err *err);
/** store_identifier_find - STORE_NO_ROW */
int store_identifier_find(struct store *store, const char *identifier, struct store_identifier *row,
			  struct err *err);
/** store_identifier_list - in their order after @after ("": from the first) */
int store_identifier_list(struct store *store, const char *after, unsigned max,
			  struct store_identifier **rows, size_t *count, struct err *err);
/** store_identifier_remove - STORE_NO_ROW */
int store_identifier_remove(struct store *store, const char *identifier, struct err *err);

struct store_token {
	int64_t no;     /* made by store_token_put */
	const char *id; /* unique */
	struct slice hash;
	int64_t role;      /* the administration's enum */
	const char *scope; /* name of a group, or "" */
	const char *name;
	int64_t created, ends, revoked;
};
/** store_token_put - as store_device_put. STORE_CONFLICT, STORE_NO_ROW */
int store_token_put(struct store *store, struct store_token *row, struct err *err);
/** store_token_find - revoked and ended ones too; STORE_NO_ROW */
int store_token_find(struct store *store, const char *id, struct store_token *row, struct err *err);
/** store_token_list - by number after @after */
int store_token_list(struct store *store, int64_t after, unsigned max, struct store_token **rows,
		     size_t *count, struct err *err);

/** store_setting_get - STORE_NO_ROW */
int store_setting_get(struct store *store, const char *name, struct slice *value, struct err *err);
/** store_setting_set - new or replaced; an empty value is one */
int store_setting_set(struct store *store, const char *name, struct slice value, struct err *err);

/* ---- audit, events, webhooks
 * ----------------------------------------------------------------------------------- */

struct store_audit {
	int64_t no, at;                              /* no: made by store_audit_add */
	const char *who, *action, *subject, *detail; /* detail: JSON without secrets, or "" */
};
/** store_audit_add - a row; audit rows are never changed */
int store_audit_add(struct store *store, const struct store_audit *row, struct err *err);
/** store_audit_list - newest first, numbers below @before (0: from the newest); @subject NULL: any
 */
int store_audit_list(struct store *store, const char *subject, int64_t before, unsigned max,
		     struct store_audit **rows, size_t *count, struct err *err);

struct store_event {
	int64_t no, at; /* no: made by store_event_add; grows in the order of commits */
	const char *kind, *subject, *body; /* body: JSON */
};
/** store_event_add - a row at the end of the outbox; its number is made under a lock that is held
 * until the commit */
int store_event_add(struct store *store, const struct store_event *row, struct err *err);
/** store_event_list - in order, numbers above @after */
int store_event_list(struct store *store, int64_t after, unsigned max, struct store_event **rows,
		     size_t *count, struct err *err);
/** store_event_last - number of the newest; 0 if there never was one */
int store_event_last(struct store *store, int64_t *no, struct err *err);
/** store_event_sweep - remove those older than @before that every webhook has; at most @max */
int store_event_sweep(struct store *store, int64_t before, unsigned max, unsigned *count,
		      struct err *err);

struct store_webhook {
	int64_t no;     /* made by store_webhook_put */
	const char *id; /* unique */
	const char *url;
	struct slice secret; /* sealed */
	const char *kinds;   /* separated by spaces; "" = all */
	int64_t next_event;  /* number of the first event that it does not have */
	int64_t failures, retry_at, created;
	int64_t is_paused;
};
/** store_webhook_put - as store_device_put. STORE_CONFLICT, STORE_NO_ROW */
int store_webhook_put(struct store *store, struct store_webhook *row, struct err *err);
/** store_webhook_find - STORE_NO_ROW */
int store_webhook_find(struct store *store, const char *id, struct store_webhook *row,
		       struct err *err);
/** store_webhook_list - by number after @after */
int store_webhook_list(struct store *store, int64_t after, unsigned max,
		       struct store_webhook **rows, size_t *count, struct err *err);
/** store_webhook_remove - STORE_NO_ROW */
int store_webhook_remove(struct store *store, const char *id, struct err *err);

/* ---- figures
 * ------------------------------------------------------------------------------------------------------
 */

struct store_counts {
	int64_t devices[STORE_RECORD_COUNT]; /* by enum store_record */
	int64_t enrollments[3];              /* by enum store_state */
	int64_t due[STORE_DUE_COUNT];
	int64_t commands; /* in any queue */
	int64_t queue;    /* rows */
	int64_t events;   /* that some webhook does not have */
};
/** store_count - at @now, for metrics: walks over the indexes, some 10 ms with a million rows */
int store_count(struct store *store, int64_t now, struct store_counts *counts, struct err *err);

#endif
