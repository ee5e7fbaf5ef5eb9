/*
 * store - the rows of the MDM service, in SQLite or PostgreSQL
 *
 * One set of operations for both (docs/design/service.md, "Rows").  What a row means is fleet's
 * matter: nothing here decides.  Knows no protocol, no clock: times are given, in seconds since
 * 1970, 0 = never or not known.
 *
 * A struct store is one connection of one thread.  Writing needs a transaction (store_begin);
 * operations inside another one nest by marks.  Texts are UTF-8 without NUL, cut nowhere: one that
 * does not fit a row's array is ERR_LIMIT.  Rows are copied into the caller's structs; what a
 * callback gets is borrowed for that call, in which the store must not be called.
 *
 * Returns: 0; an enum store_outcome where the comment names it; ERR_CLOSED when the database is
 * away (store_reopen), ERR_NO_SPACE, ERR_CORRUPT, ERR_BUSY, ERR_IO, ERR_LIMIT, ERR_NO_MEMORY.
 * After a failure the transaction is good for store_undo or store_rollback only.
 */
#ifndef REHOME_STORE_H
#define REHOME_STORE_H

#include "base/base.h"

enum store_outcome {
	STORE_NO_ROW = 1,   /* nothing there */
	STORE_CONFLICT = 2, /* a row with that key exists; nothing was changed */
	STORE_AGAIN = 3, /* store_commit, PostgreSQL: another service was faster; do it all again */
};

enum {
	STORE_ID_MAX = 255,
	STORE_NAME_MAX = 255,
	STORE_WORD_MAX = 63,
	STORE_TOKEN_MAX = 512, /* bytes of a push token */
	STORE_SHA256_LEN = 32,
	STORE_SCHEMA = 1, /* version of the tables that this program makes and reads */
};

/* ---- the connection -------------------------------------------------------- */

struct store;
/**
 * store_open - "sqlite:PATH" (made if absent, mode 0600), or a "postgresql://" address of libpq
 *
 * Makes the tables, or brings older ones up to STORE_SCHEMA, in one transaction.  ERR_UNSUPPORTED
 * if they are of a newer program; ERR_USAGE for another address.
 */
int store_open(struct store **out, const char *address, struct err *err);
/** store_close - an open transaction is rolled back; NULL is fine */
void store_close(struct store *store);
void store_close_p(struct store **store);
/** store_reopen - after ERR_CLOSED: connect again */
int store_reopen(struct store *store, struct err *err);
/** store_is_postgresql - does another service perhaps write beside this one? */
bool store_is_postgresql(const struct store *store);
int store_begin(struct store *store, struct err *err);
/** store_commit - durable when it returns 0; STORE_AGAIN: rolled back */
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);
/** store_mark - inside a transaction: a point to go back to; store_keep drops the last mark,
 * store_undo goes back to it and drops it */
int store_mark(struct store *store, struct err *err);
int store_keep(struct store *store, struct err *err);
int store_undo(struct store *store, struct err *err);
/** store_rest - work that nobody waits for, outside a transaction: a checkpoint of SQLite's log */
int store_rest(struct store *store, struct err *err);

/* ---- devices ------------------------------------------------------------------ */

enum store_ownership { STORE_PERSONAL, STORE_CORPORATE };
enum store_record { STORE_ACTIVE, STORE_HIDDEN, STORE_RETIRED, STORE_DELETED };
struct store_device {
	int64_t no;                  /* 0 in a row that is to be inserted */
	char udid[STORE_ID_MAX + 1]; /* or EnrollmentID; unique */
	char serial[STORE_WORD_MAX + 1], imei[STORE_WORD_MAX + 1], name[STORE_NAME_MAX + 1];
	char product[STORE_WORD_MAX + 1], os[STORE_WORD_MAX + 1], build[STORE_WORD_MAX + 1];
	enum store_ownership ownership;
	enum store_record record;
	int supervised; /* 1, 0, -1 = not known */
	int64_t created, last_contact, inventory_at;
};
/** store_device_find - by UDID (or EnrollmentID), whatever its record; STORE_NO_ROW */
int store_device_find(struct store *store, const char *udid, struct store_device *device,
		      struct err *err);
int store_device_get(struct store *store, int64_t no, struct store_device *device, struct err *err);
/** store_device_by_serial - the one heard last among those not deleted; STORE_NO_ROW */
int store_device_by_serial(struct store *store, const char *serial, struct store_device *device,
			   struct err *err);
/** store_device_put - insert (no = 0, which it sets) or overwrite; STORE_CONFLICT on insert */
int store_device_put(struct store *store, struct store_device *device, struct err *err);
/** store_device_remove - with all that hangs on it: enrollments, queues, history, memberships */
int store_device_remove(struct store *store, int64_t no, struct err *err);
/** struct store_filter - which devices; zero takes all that are not deleted */
struct store_filter {
	const char *group;    /* members of it, or NULL */
	const char *text;     /* part of udid, serial or name, without regard to case; or NULL */
	int record;           /* enum store_record + 1; 0: all but deleted */
	int64_t heard_before; /* 0: no matter */
	int64_t after;        /* numbers above this: the cursor */
	unsigned limit;       /* 1 to 1000 */
};
int store_device_list(struct store *store, const struct store_filter *filter,
		      int (*each)(void *arg, const struct store_device *device, struct err *err),
		      void *arg, struct err *err);
/** store_contacts - last contacts of many devices in one go; earlier ones than stored are left */
int store_contacts(struct store *store, const int64_t *devices, const int64_t *times, size_t count,
		   struct err *err);

/** store_fact_put - a document or sealed value of a device or enrollment under a @kind word:
 * "inventory/ DeviceInformation", "bypass-code", "unlock-token", "authenticate" ...; @owner: 'd'
 * device, 'e' enrollment. Empty @value removes. */
int store_fact_put(struct store *store, char owner, int64_t no, const char *kind,
		   struct slice value, int64_t at, struct err *err);
/** store_fact_get - append it to @value; *@at may be NULL; STORE_NO_ROW */
int store_fact_get(struct store *store, char owner, int64_t no, const char *kind, struct buf *value,
		   int64_t *at, struct err *err);
/** store_fact_drop - all whose kind starts with @prefix */
int store_fact_drop(struct store *store, char owner, int64_t no, const char *prefix,
		    struct err *err);

/* ---- enrollments ------------------------------------------------------------------ */

enum store_enrollment_state { STORE_PENDING, STORE_ENABLED, STORE_DISABLED };
struct store_enrollment {
	int64_t no, device;
	char id[STORE_ID_MAX + 1]; /* unique */
	bool is_user_channel, is_user_enrollment;
	int64_t generation;
	enum store_enrollment_state state;
	char kind[STORE_WORD_MAX + 1]; /* "profile", "ade", "user", "migrated" */
	char topic[STORE_NAME_MAX + 1], push_magic[STORE_NAME_MAX + 1];
	uint8_t push_token[STORE_TOKEN_MAX];
	size_t push_token_len;
	bool is_awaiting, is_declarative;
	int64_t authenticated, enrolled, token_at, token_changes;
	int restore; /* fleet's enum: none, noticed ... */
	int64_t restore_at;
	int unenroll;    /* 1: an operator decided so */
	int64_t push_at; /* next push; 0 = none due */
	int push_failures;
	int64_t renewal_at;    /* last try */
	int64_t identity_ends; /* notAfter of the current one; 0 = unknown */
	bool needs_reconcile;
	int session; /* counts Idles: what was answered NotNow in an earlier one is offered again */
	char declarations_token[STORE_WORD_MAX + 2];
};
int store_enrollment_find(struct store *store, const char *id, struct store_enrollment *enrollment,
			  struct err *err);
int store_enrollment_get(struct store *store, int64_t no, struct store_enrollment *enrollment,
			 struct err *err);
/** store_enrollment_put - insert (no = 0) or overwrite; STORE_CONFLICT on insert */
int store_enrollment_put(struct store *store, struct store_enrollment *enrollment, struct err *err);
/** store_enrollment_session - only the session counter: Idle's one write */
int store_enrollment_session(struct store *store, int64_t no, int session, struct err *err);
/** store_enrollment_push - only push_at and push_failures */
int store_enrollment_push(struct store *store, int64_t no, int64_t push_at, int failures,
			  struct err *err);
/** store_push_soon - push_at of those enabled ones that have a queue row of @command and none due
 * earlier */
int store_push_soon(struct store *store, int64_t command, int64_t push_at, struct err *err);
/* numbers of enrollments, at most @max, into @nos; all in order of the time or number */
enum store_sweep {
	STORE_SWEEP_PUSH,     /* enabled, push_at in (0, @now] */
	STORE_SWEEP_IDENTITY, /* enabled, identity_ends in (0, @now] (give the time of the horizon),
				 renewal_at <= @before */
	STORE_SWEEP_RECONCILE, /* needs_reconcile */
	STORE_SWEEP_INVENTORY, /* enabled device channels whose device's inventory_at <= @before */
	STORE_SWEEP_ALL,       /* number above @before */
};
int store_sweep(struct store *store, enum store_sweep which, int64_t now, int64_t before,
		int64_t *nos, size_t max, size_t *count, struct err *err);
/** store_enrollments_of - of a device: its device channel first, then user channels */
int store_enrollments_of(struct store *store, int64_t device, int64_t *nos, size_t max,
			 size_t *count, struct err *err);
/** store_enrollments_wanting - set needs_reconcile of those that a target covers: 'd' device,
 * 'g' group, 'a' all */
int store_reconcile_mark(struct store *store, char target_kind, const char *target,
			 struct err *err);

/* ---- identities -------------------------------------------------------------------- */

enum store_certificate_state {
	STORE_ISSUED,   /* not seen yet */
	STORE_CURRENT,  /* the one last seen */
	STORE_PREVIOUS, /* superseded */
	STORE_REVOKED,
};
struct store_certificate {
	uint8_t sha256[STORE_SHA256_LEN];
	char serial[STORE_WORD_MAX + 1];
	int64_t ticket, enrollment, generation; /* 0 = not bound */
	enum store_certificate_state state;
	int64_t not_before, not_after, issued, seen;
};
/** store_certificate_put - insert or overwrite */
int store_certificate_put(struct store *store, const struct store_certificate *certificate,
			  struct err *err);
int store_certificate_find(struct store *store, const uint8_t sha256[STORE_SHA256_LEN],
			   struct store_certificate *certificate, struct err *err);
/** store_peer_find - certificate and enrollment (enrollment->no = 0 if it is not bound) in one
 * step: who speaks? */
int store_peer_find(struct store *store, const uint8_t sha256[STORE_SHA256_LEN],
		    struct store_certificate *certificate, struct store_enrollment *enrollment,
		    struct err *err);
int store_certificate_list(struct store *store, int64_t enrollment,
			   int (*each)(void *arg, const struct store_certificate *certificate,
				       struct err *err),
			   void *arg, struct err *err);
/** store_certificates_set - state of all of an enrollment that are in @from */
int store_certificates_set(struct store *store, int64_t enrollment,
			   enum store_certificate_state from, enum store_certificate_state to,
			   struct err *err);

struct store_ticket {
	int64_t no;
	uint8_t hash[STORE_SHA256_LEN];                          /* of the challenge; unique */
	char purpose[STORE_WORD_MAX + 1];                        /* "link", "enroll", "renew" */
	char udid[STORE_ID_MAX + 1], serial[STORE_WORD_MAX + 1]; /* "" = any */
	int64_t enrollment;          /* a renewal's; or bound by the first Authenticate */
	int64_t created, ends, used; /* used: 0 = not yet */
};
/** store_ticket_put - insert (no = 0) or overwrite */
int store_ticket_put(struct store *store, struct store_ticket *ticket, struct err *err);
int store_ticket_find(struct store *store, const uint8_t hash[STORE_SHA256_LEN],
		      struct store_ticket *ticket, struct err *err);
int store_ticket_get(struct store *store, int64_t no, struct store_ticket *ticket, struct err *err);
/** store_ticket_take - mark as used, once whoever tries; STORE_NO_ROW if it is used, over or none
 */
int store_ticket_take(struct store *store, const uint8_t hash[STORE_SHA256_LEN], int64_t now,
		      struct store_ticket *ticket, struct err *err);
/** store_ticket_sweep - forget those that ended before @now and no certificate hangs on */
int store_ticket_sweep(struct store *store, int64_t now, struct err *err);

/* ---- commands and queues -------------------------------------------------------------- */

struct store_command {
	int64_t no;
	char uuid[STORE_WORD_MAX + 2]; /* unique */
	char request_type[STORE_WORD_MAX + 1];
	char identifier[STORE_NAME_MAX + 1]; /* profile that it installs or removes, or "" */
	int lane, flags;                     /* flags: fleet's own */
	int64_t created, not_before, ends;
	char by[STORE_NAME_MAX + 1];
};
/** store_command_put - insert, with its payload; sets no; STORE_CONFLICT if the UUID exists, in the
 * history too */
int store_command_put(struct store *store, struct store_command *command, struct slice payload,
		      struct err *err);
/** store_command_find - by UUID; STORE_NO_ROW once it left the last queue */
int store_command_find(struct store *store, const char *uuid, struct store_command *command,
		       struct err *err);
int store_command_payload(struct store *store, int64_t no, struct buf *payload, struct err *err);

enum store_queue_state { STORE_QUEUED, STORE_SENT, STORE_NOT_NOW, STORE_HELD };
struct store_queued {
	int64_t enrollment, generation, session; /* session: of the NotNow */
	enum store_queue_state state;
	int tries;
	int64_t at; /* of the last change */
	struct store_command command;
};
/** store_enqueue - for one enrollment, in its present generation; STORE_CONFLICT if it is there */
int store_enqueue(struct store *store, int64_t enrollment, const struct store_command *command,
		  enum store_queue_state state, int64_t now, struct err *err);
/** store_enqueue_many - for every enabled device channel: all, or (@group not NULL) of a group;
 * *@count of them. Those with a noticed restore get it held if @is_dangerous. */
int store_enqueue_many(struct store *store, const struct store_command *command, const char *group,
		       bool is_dangerous, int64_t now, int64_t *count, struct err *err);
/**
 * store_next - the command to deliver: lowest lane, then oldest, of this generation
 * @max_lane: lanes up to this one
 * @session:  NotNow of this session is skipped
 *
 * Held ones, not_before > @now and ends <= @now are skipped.  Appends its payload.  STORE_NO_ROW.
 */
int store_next(struct store *store, int64_t enrollment, int64_t generation, int max_lane,
	       int64_t session, int64_t now, struct store_queued *queued, struct buf *payload,
	       struct err *err);
/** store_queued_find - the row of @uuid in a queue; STORE_NO_ROW */
int store_queued_find(struct store *store, int64_t enrollment, const char *uuid,
		      struct store_queued *queued, struct err *err);
/** store_queued_set - state, tries, session and time of a row */
int store_queued_set(struct store *store, const struct store_queued *queued, struct err *err);
/** store_queue_state - all of an enrollment from one state to another; *@count of them */
int store_queue_state(struct store *store, int64_t enrollment, enum store_queue_state from,
		      enum store_queue_state to, int64_t *count, struct err *err);
/** store_queue_hold - set to held what carries @flag */
int store_queue_hold(struct store *store, int64_t enrollment, int flag, int64_t *count,
		     struct err *err);
int store_queue_list(struct store *store, int64_t enrollment,
		     int (*each)(void *arg, const struct store_queued *queued, struct err *err),
		     void *arg, struct err *err);
/** store_queue_count - rows that may be delivered at some time (not held) and held ones */
int store_queue_count(struct store *store, int64_t enrollment, int64_t *waiting, int64_t *held,
		      struct err *err);

/** struct store_result - how a command ended */
struct store_result {
	char uuid[STORE_WORD_MAX + 2], request_type[STORE_WORD_MAX + 1];
	int64_t enrollment, command, generation, at;
	char status[STORE_WORD_MAX +
		    1];                /* Acknowledged ...; Expired, Canceled, Superseded of ours */
	struct slice errors, response; /* JSON, or empty */
};
/** store_done - the queue's row becomes one of the history; the command goes with its last row */
int store_done(struct store *store, const struct store_queued *queued, const char *status,
	       struct slice errors, struct slice response, int64_t now, struct err *err);
/** store_queue_purge - end all rows of an enrollment below @generation (0: all) with @status */
int store_queue_purge(struct store *store, int64_t enrollment, int64_t generation,
		      const char *status, int64_t now, int64_t *count, struct err *err);
/** store_queue_expire - end rows whose command ended before @now, with status Expired; at most
 * @max,
 * *@count of them; SENT ones with @flag too */
int store_queue_expire(struct store *store, int64_t now, size_t max, size_t *count,
		       struct err *err);
/** store_history_list - newest first, below command number @before (0: from the top) */
int store_history_list(struct store *store, int64_t enrollment, int64_t before, unsigned limit,
		       int (*each)(void *arg, const struct store_result *result, struct err *err),
		       void *arg, struct err *err);
/** store_history_find - STORE_NO_ROW; texts of @result borrowed from @bytes */
int store_history_find(struct store *store, int64_t enrollment, const char *uuid,
		       struct store_result *result, struct buf *bytes, struct err *err);
/** store_history_trim - keep the newest @keep of an enrollment */
int store_history_trim(struct store *store, int64_t enrollment, unsigned keep, struct err *err);

/* ---- profiles, declarations, groups ---------------------------------------------------------- */

/** kind: 'p' configuration profile, 'd' declaration */
struct store_item {
	char kind;
	char identifier[STORE_NAME_MAX + 1];
	int64_t version;
	char uuid[STORE_WORD_MAX + 2]; /* PayloadUUID, or ServerToken */
	char type[STORE_NAME_MAX + 1]; /* of a declaration; payload types of a profile */
	char name[STORE_NAME_MAX + 1], by[STORE_NAME_MAX + 1];
	int64_t created;
};
/** store_item_put - a new version (the highest plus one, set in @item) of it */
int store_item_put(struct store *store, struct store_item *item, struct slice bytes,
		   struct err *err);
/** store_item_get - the newest version; @bytes may be NULL; STORE_NO_ROW */
int store_item_get(struct store *store, char kind, const char *identifier, struct store_item *item,
		   struct buf *bytes, struct err *err);
/** store_item_remove - all versions and assignments; STORE_NO_ROW */
int store_item_remove(struct store *store, char kind, const char *identifier, struct err *err);
int store_item_list(struct store *store, char kind, const char *after, unsigned limit,
		    int (*each)(void *arg, const struct store_item *item, struct err *err),
		    void *arg, struct err *err);
/** store_assign - give or take; target_kind 'd' (UDID), 'g' (group), 'a' (""); is idempotent */
int store_assign(struct store *store, char kind, const char *identifier, char target_kind,
		 const char *target, bool is_assigned, const char *by, int64_t now,
		 struct err *err);
int store_assignment_list(struct store *store, char kind, const char *identifier,
			  int (*each)(void *arg, char target_kind, const char *target,
				      struct err *err),
			  void *arg, struct err *err);
/** store_assigned - newest versions of all that is assigned to a device, by identifier */
int store_assigned(struct store *store, char kind, int64_t device,
		   int (*each)(void *arg, const struct store_item *item, struct err *err),
		   void *arg, struct err *err);

/** struct store_installed - what an enrollment has, or is about to have, of an item */
struct store_installed {
	char identifier[STORE_NAME_MAX + 1], uuid[STORE_WORD_MAX + 2];
	char state[STORE_WORD_MAX + 1]; /* "sent", "installed", "failed", "removing"; of a
					   declaration: "active", "invalid" ... */
	int64_t version, at;
};
int store_installed_put(struct store *store, char kind, int64_t enrollment,
			const struct store_installed *installed, struct err *err);
int store_installed_get(struct store *store, char kind, int64_t enrollment, const char *identifier,
			struct store_installed *installed, struct err *err);
/** store_installed_remove - @identifier NULL: all of that kind */
int store_installed_remove(struct store *store, char kind, int64_t enrollment,
			   const char *identifier, struct err *err);
int store_installed_list(struct store *store, char kind, int64_t enrollment,
			 int (*each)(void *arg, const struct store_installed *installed,
				     struct err *err),
			 void *arg, struct err *err);

/** store_group_put - make it; fine if it exists. _remove: with memberships and assignments;
 * STORE_NO_ROW */
int store_group_put(struct store *store, const char *name, int64_t now, struct err *err);
int store_group_remove(struct store *store, const char *name, struct err *err);
/** store_member_set - STORE_NO_ROW if there is no such group */
int store_member_set(struct store *store, const char *group, int64_t device, bool is_member,
		     struct err *err);
int store_member_is(struct store *store, const char *group, int64_t device, bool *is_member,
		    struct err *err);
/** store_group_list - all, or (@device > 0) those of a device, with the number of members */
int store_group_list(struct store *store, int64_t device,
		     int (*each)(void *arg, const char *name, int64_t members, struct err *err),
		     void *arg, struct err *err);
/** store_members_copy - @to joins every group of @from */
int store_members_copy(struct store *store, int64_t from, int64_t to, struct err *err);

/** corporate identifiers: serial numbers and IMEIs. store_identifier_put: the details of one that
 * exists are replaced */
int store_identifier_put(struct store *store, const char *identifier, const char *details,
			 int64_t now, struct err *err);
int store_identifier_remove(struct store *store, const char *identifier, struct err *err);
/** store_identifier_is - is any of the two (may be "") there? */
int store_identifier_is(struct store *store, const char *serial, const char *imei, bool *is_there,
			struct err *err);
int store_identifier_list(struct store *store, const char *after, unsigned limit,
			  int (*each)(void *arg, const char *identifier, const char *details,
				      int64_t created, struct err *err),
			  void *arg, struct err *err);

/* ---- tokens, audit, events, webhooks, settings --------------------------------------------------
 */

struct store_api_token {
	char id[STORE_WORD_MAX + 1];    /* public; unique */
	uint8_t hash[STORE_SHA256_LEN]; /* of the token; unique */
	char name[STORE_NAME_MAX + 1], role[STORE_WORD_MAX + 1], scope[STORE_NAME_MAX + 1];
	int64_t created, ends, revoked, used;
};
int store_api_token_put(struct store *store, const struct store_api_token *token, struct err *err);
/** store_api_token_find - by hash, whatever its state; STORE_NO_ROW */
int store_api_token_find(struct store *store, const uint8_t hash[STORE_SHA256_LEN],
			 struct store_api_token *token, struct err *err);
int store_api_token_list(struct store *store,
			 int (*each)(void *arg, const struct store_api_token *token,
				     struct err *err),
			 void *arg, struct err *err);

struct store_audit {
	int64_t no, at;
	const char *who, *action, *subject, *detail; /* detail: JSON or "" */
};
int store_audit_put(struct store *store, const struct store_audit *audit, struct err *err);
/** store_audit_list - newest first, below @before (0: from the top); @subject NULL: of all */
int store_audit_list(struct store *store, int64_t before, const char *subject, unsigned limit,
		     int (*each)(void *arg, const struct store_audit *audit, struct err *err),
		     void *arg, struct err *err);

struct store_event {
	int64_t no, at;
	const char *kind, *subject, *body; /* body: JSON or "" */
};
int store_event_put(struct store *store, const struct store_event *event, struct err *err);
/** store_event_list - oldest first, above @after */
int store_event_list(struct store *store, int64_t after, unsigned limit,
		     int (*each)(void *arg, const struct store_event *event, struct err *err),
		     void *arg, struct err *err);
/** store_event_last - the highest number, 0 if there is none */
int store_event_last(struct store *store, int64_t *no, struct err *err);
/** store_event_trim - forget those before @before that every webhook has passed */
int store_event_trim(struct store *store, int64_t before, struct err *err);

struct store_webhook {
	char id[STORE_WORD_MAX + 1];
	char url[1024], kinds[512]; /* kinds: words with commas; "" = all */
	int64_t created, next_event, retry_at, failures;
	char last_error[STORE_NAME_MAX + 1];
};
/** store_webhook_put - insert or overwrite; @secret (sealed) only when not empty */
int store_webhook_put(struct store *store, const struct store_webhook *webhook, struct slice secret,
		      struct err *err);
int store_webhook_secret(struct store *store, const char *id, struct buf *secret, struct err *err);
int store_webhook_remove(struct store *store, const char *id, struct err *err);
int store_webhook_list(struct store *store,
		       int (*each)(void *arg, const struct store_webhook *webhook, struct err *err),
		       void *arg, struct err *err);

/** store_setting_put - a named value of the service; empty removes. _get: STORE_NO_ROW */
int store_setting_put(struct store *store, const char *name, struct slice value, struct err *err);
int store_setting_get(struct store *store, const char *name, struct buf *value, struct err *err);

/** struct store_counts - for metrics */
struct store_counts {
	int64_t devices, enabled, pending, disabled, queued, held, not_now, events,
		certificates_ending;
};
/** store_count - @horizon: certificates that end before it are counted */
int store_count(struct store *store, int64_t horizon, struct store_counts *counts, struct err *err);

#endif
