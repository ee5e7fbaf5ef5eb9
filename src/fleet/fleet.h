/*
 * fleet - what the MDM service knows of its devices and what it decides about them
 *
 * Enrollments with their generations, identities and queues; what a renewal, a restore, a wipe or a
 * return means for each datum (docs/design/enrollment.md); ownership, groups, profiles by
 * reconciliation; the operators' decisions with their audit, and events for the outbox.
 *
 * Messages come parsed and leave as an answer: no socket, no HTTP beyond its status numbers. Clock,
 * entropy and what only a key can do are passed in.
 *
 * Every function runs inside a transaction that the caller began on the store and commits, or rolls
 * back when the function returned < 0.  An answer may leave only after that commit.  One thread.
 *
 * Returns of functions that have an `int`: 0 done; FLEET_REFUSED, FLEET_NO_SUCH where the comment
 * names them, with the reason for people in @err; < 0 a failure (the store, memory, a key).
 */
#ifndef REHOME_FLEET_H
#define REHOME_FLEET_H

#include "base/base.h"

struct store;
struct mdm_checkin;
struct mdm_report;
struct fleet;

enum {
	FLEET_ID_MAX = 255,          /* bytes of an enrollment id, user channel included */
	FLEET_NAME_MAX = 255,        /* of a group, a profile identifier, an operator */
	FLEET_CHALLENGE_LEN = 40,    /* characters of a ticket's challenge: lower-case hex */
	FLEET_UUID_MAX = 64,         /* characters of a command's UUID */
	FLEET_BODY_MAX = 4 << 20,    /* longest answer to a device, in bytes */
	FLEET_COMMAND_MAX = 1 << 20, /* longest command, in bytes */
	FLEET_RESULT_MAX =
		64 << 10,        /* longest result that the history keeps; longer ones are cut */
	FLEET_USERS_MAX = 500,   /* user channels that a device may have at once */
	FLEET_HISTORY_MAX = 200, /* commands that the history of an enrollment keeps */
	FLEET_TRIES_MAX = 10,    /* deliveries without any answer before a command is given up */
	FLEET_CERT_SHA256_LEN = 32,
	FLEET_PAIRING_MAX = 64, /* bytes of a supervised device's challenge */
};

enum fleet_outcome {
	FLEET_REFUSED = 1, /* by rule; the reason is in err->text */
	FLEET_NO_SUCH = 2, /* no such device, enrollment, group, profile, command, ticket */
};

/* ---- what is passed in ----------------------------------------------------- */

/**
 * struct fleet_keys - what only the key holder can do; each returns 0 or < 0, and appends to @out
 *
 * @seal, @open: values at rest; @purpose is a static word for the key holder's log ("unlock-token")
 * @issue:       a device certificate in DER for @spki (DER), named @common_name, for @days from now
 * @sign:        @profile as CMS SignedData in DER
 * @supervise:   @challenge (1 to FLEET_PAIRING_MAX bytes) as CMS SignedData of the supervision
 *               identity in DER
 */
struct fleet_keys {
	int (*seal)(struct fleet_keys *keys, struct slice in, struct buf *out, struct err *err);
	int (*open)(struct fleet_keys *keys, const char *purpose, struct slice sealed,
		    struct buf *out, struct err *err);
	int (*issue)(struct fleet_keys *keys, struct slice spki, const char *common_name,
		     unsigned days, struct buf *out, struct err *err);
	int (*sign)(struct fleet_keys *keys, struct slice profile, struct buf *out,
		    struct err *err);
	int (*supervise)(struct fleet_keys *keys, struct slice challenge, struct buf *out,
			 struct err *err);
};

/** enum fleet_restore_policy - what to do when a restore is noticed */
enum fleet_restore_policy {
	FLEET_RESTORE_ACCEPT, /* go on; dangerous commands are held until confirmed */
	FLEET_RESTORE_ASK,    /* take the message, send nothing but renewals until confirmed */
	FLEET_RESTORE_REFUSE, /* answer 400 until confirmed, and flag the record */
};

/**
 * struct fleet_policy - how this service decides; texts are UTF-8 and live as long as the fleet
 *
 * fleet_policy_default fills everything but the five texts at the top.
 */
struct fleet_policy {
	const char *organization; /* shown on the device */
	const char *
		profile_identifier; /* PayloadIdentifier of the enrollment profile; never changes */
	const char *server_url, *checkin_url, *scep_url; /* https://...; checkin_url may be NULL */
	const char *topic;      /* of the push certificate; NULL = none yet */
	struct slice root;      /* CA certificate (DER) the device shall trust, or empty */
	unsigned access_rights; /* of the enrollment profile */
	enum fleet_restore_policy restore; /* default: accept */
	bool is_personal_blocked;          /* refuse to enroll what no imported identifier names */
	bool is_signing;     /* devices sign messages (Mdm-Signature): for a proxy that ends TLS */
	bool is_declarative; /* switch declarative management on at enrollment */
	unsigned ticket_s;   /* life of a ticket; default 24 h */
	unsigned certificate_days; /* default 365 */
	unsigned renew_days;       /* renew when fewer remain; default 90 */
	unsigned renew_every_s;    /* at most so often; default 4 h */
	unsigned grace_days; /* after its end an identity is still heard, and offered nothing but
				its renewal; default 0: refused at once */
	unsigned inventory_days; /* between inventories; default 7; 0 = never on its own */
	unsigned command_days;   /* life of a command without an end of its own; default 30 */
};
/** fleet_policy_default - the defaults above; texts that have none are NULL */
void fleet_policy_default(struct fleet_policy *policy);

/**
 * fleet_new - the fleet in @store
 * @store, @clock, @entropy, @keys: borrowed, outlive the fleet; @policy is copied, its texts but
 * for the topic are not
 */
int fleet_new(struct fleet **out, struct store *store, struct clock *clock, struct entropy *entropy,
	      struct fleet_keys *keys, const struct fleet_policy *policy, struct err *err);
/** fleet_free - contacts that were not flushed are lost; NULL is fine */
void fleet_free(struct fleet *fleet);
/** fleet_free_p - for CLEANUP */
void fleet_free_p(struct fleet **fleet);
/** fleet_policy_set - after a reload of the configuration, or with the topic of a new push
 * certificate; @policy as for fleet_new. FLEET_REFUSED if the profile's identifier changes, or a
 * topic that was set before and no operator allowed that: every device would have to enroll again
 */
int fleet_policy_set(struct fleet *fleet, const struct fleet_policy *policy,
		     bool is_topic_change_allowed, struct err *err);

/* ---- what devices say ------------------------------------------------------- */

/** struct fleet_peer - who sent a message: the TLS client certificate or the Mdm-Signature's signer
 */
struct fleet_peer {
	bool is_presented;
	uint8_t sha256[FLEET_CERT_SHA256_LEN]; /* of its DER */
	int64_t not_after;                     /* seconds since 1970 */
};

/** flags of an answer: what the caller has to do when the transaction is durable */
enum fleet_effect {
	FLEET_PUSH_DUE = 1u << 0, /* ask fleet_push_due soon */
	FLEET_EVENTS = 1u << 1,   /* rows were added to the outbox */
};

/** struct fleet_answer - what a device is told; fleet_answer_init once, may be filled again */
struct fleet_answer {
	int status;               /* HTTP: 200, 400, 404, 500, 503; 401 and 403 only by an
				     operator's fleet_unenroll */
	const char *content_type; /* static; NULL with an empty body */
	struct buf body;
	unsigned effects;          /* enum fleet_effect */
	char id[FLEET_ID_MAX + 1]; /* enrollment id, "" if none was found: for the log */
	const char *reason;        /* why not 200, static; NULL: for the log */
};
/** fleet_answer_init, fleet_answer_clear - empty; clear wipes: the body may hold an unlock token */
void fleet_answer_init(struct fleet_answer *answer);
void fleet_answer_clear(struct fleet_answer *answer);

/**
 * fleet_checkin - one check-in message
 * @checkin: parsed; @peer: its sender; @answer: replaced
 *
 * Returns 0, and then the answer stands, whatever its status (a refusal may leave an event: commit
 * it too); or < 0, and the caller rolls back and sends 503, for whichever
 * message or declaration.
 */
int fleet_checkin(struct fleet *fleet, const struct mdm_checkin *checkin,
		  const struct fleet_peer *peer, struct fleet_answer *answer, struct err *err);
/** fleet_report - a command's result or Idle; answers the next command or an empty 200. Returns as
 * fleet_checkin */
int fleet_report(struct fleet *fleet, const struct mdm_report *report,
		 const struct fleet_peer *peer, struct fleet_answer *answer, struct err *err);
/** fleet_profile_download - the bytes of a profile that a declaration names, for a device that has
 * it assigned: body and content type in @answer; 404 only if it does not exist or is not assigned
 */
int fleet_profile_download(struct fleet *fleet, const char *identifier,
			   const struct fleet_peer *peer, struct fleet_answer *answer,
			   struct err *err);

/* ---- tickets and identities -------------------------------------------------- */

/** struct fleet_ticket_wish - permission for a fresh enrollment; texts may be NULL */
struct fleet_ticket_wish {
	const char *serial, *udid; /* only this device may use it */
	bool is_link;              /* for /enroll/TICKET: buys the profile, not a certificate */
	unsigned life_s;           /* 0 = the policy's */
	const char *by;            /* operator, for the audit */
};
/** fleet_ticket_new - make one; only its hash is kept */
int fleet_ticket_new(struct fleet *fleet, const struct fleet_ticket_wish *wish,
		     char challenge[FLEET_CHALLENGE_LEN + 1], struct err *err);
/**
 * fleet_profile_enroll - the enrollment profile, signed, for the holder of a link; once
 * @link: text from the URL, any bytes
 *
 * Uses the link up and puts a new one-time challenge (of the same device, if it names one) into the
 * profile.  Appends to @out (CMS, DER).  0, or FLEET_REFUSED: unknown, used or over.
 */
int fleet_profile_enroll(struct fleet *fleet, const char *link, struct buf *out, struct err *err);
/**
 * fleet_identity_issue - a certificate for the holder of a challenge; SCEP's PKCSReq
 * @challenge: text from the request, any bytes
 * @spki:      DER of the requested key
 *
 * Uses the challenge up and binds the certificate to its ticket, for good.  Appends the certificate
 * (DER) to @out.  0, or FLEET_REFUSED (badRequest): unknown, used or over.
 */
int fleet_identity_issue(struct fleet *fleet, const char *challenge, struct slice spki,
			 struct buf *out, struct err *err);
/** fleet_identity_renew - SCEP's RenewalReq, signed by the identity @peer in place of a challenge:
 * a certificate for the same enrollment. 0, or FLEET_REFUSED: not a current identity */
int fleet_identity_renew(struct fleet *fleet, const struct fleet_peer *peer, struct slice spki,
			 struct buf *out, struct err *err);
/** fleet_sweep_identities - queue renewals that are due, tell of identities near and past their
 * end; at most @max enrollments, *@count of them looked at (fewer than @max: done). Call every
 * minute. */
int fleet_sweep_identities(struct fleet *fleet, unsigned max, unsigned *count, struct err *err);

/* ---- commands ------------------------------------------------------------------ */

enum fleet_lane { FLEET_LANE_RENEWAL, FLEET_LANE_URGENT, FLEET_LANE_NORMAL, FLEET_LANE_BACKGROUND };

/** enum fleet_target_kind - whom a command or a profile is for */
enum fleet_target_kind {
	FLEET_TARGET_ENROLLMENTS, /* @ids */
	FLEET_TARGET_GROUP,       /* @name: its enabled enrollments */
	FLEET_TARGET_ALL,         /* every enabled enrollment (device channels) */
};
struct fleet_target {
	enum fleet_target_kind kind;
	const char *const *ids; /* enrollment ids */
	size_t count;
	const char *name; /* of the group */
};

/**
 * struct fleet_wish - a command to be queued
 * @command: property list, XML or binary: the Command dict alone, or whole with CommandUUID, which
 *           is then kept.  ClearPasscode needs no UnlockToken: the stored one is put in at
 * delivery.
 */
struct fleet_wish {
	struct slice command;
	enum fleet_lane lane;     /* _RENEWAL is taken for _NORMAL */
	int64_t not_before, ends; /* seconds since 1970, 0 = now, the policy's */
	const char *by;           /* operator, for the audit */
};

/** struct fleet_queued - what became of a wish */
struct fleet_queued {
	char uuid[FLEET_UUID_MAX + 1]; /* as given, or made */
	char request_type[64];
	uint64_t queued, held, refused; /* enrollments; held: until a restore is confirmed */
};
/** fleet_each_refused - called for each id of FLEET_TARGET_ENROLLMENTS that does not get it */
typedef void fleet_each_refused(void *arg, const char *id, const char *reason);

/**
 * fleet_command_enqueue - queue one command for one, several or all
 *
 * Stored once however many get it.  Checked against the command table for what is known of each
 * device (for a group or all: of the command alone; a device then answers for itself).  EraseDevice
 * and the removal of the enrollment profile are refused for FLEET_TARGET_ALL.
 * Returns 0, also if some are refused; FLEET_REFUSED (malformed, a UUID that exists, nobody may get
 * it), FLEET_NO_SUCH.
 */
int fleet_command_enqueue(struct fleet *fleet, const struct fleet_wish *wish,
			  const struct fleet_target *target, struct fleet_queued *out,
			  fleet_each_refused *each, void *arg, struct err *err);
/** fleet_command_cancel - take it out of the queue of @id (NULL: of everybody); *@count of them.
 * What was sent may still be carried out; a sent EraseDevice stays: FLEET_REFUSED. FLEET_NO_SUCH */
int fleet_command_cancel(struct fleet *fleet, const char *uuid, const char *id, const char *by,
			 uint64_t *count, struct err *err);
/** fleet_restore_confirm - the restore of @id is fine: held commands are queued again, and what
 * policy refused or kept back is served. FLEET_NO_SUCH; FLEET_REFUSED if none was noticed */
int fleet_restore_confirm(struct fleet *fleet, const char *id, const char *by, struct err *err);
/** fleet_sweep_commands - move what is past its end into the history; at most @max */
int fleet_sweep_commands(struct fleet *fleet, unsigned max, unsigned *count, struct err *err);
/** fleet_inventory - queue DeviceInformation, SecurityInfo, ProfileList, CertificateList,
 * ManagedApplicationList for @id. FLEET_NO_SUCH */
int fleet_inventory(struct fleet *fleet, const char *id, struct err *err);
/** fleet_sweep_inventory - the same for enrollments whose last one is inventory_days old */
int fleet_sweep_inventory(struct fleet *fleet, unsigned max, unsigned *count, struct err *err);

/* ---- an operator's decisions ------------------------------------------------------ */

/** struct fleet_erase - how to wipe */
struct fleet_erase {
	bool is_data_plan_kept, is_proximity_setup_barred;
	bool is_returned_to_service; /* iOS 17: enrolls again by itself */
	struct slice wifi_profile;   /* then; may be empty */
};
/** fleet_retire - remove management: the enrollment profile goes at the next contact, with all it
 * brought; outranks all but a wipe. FLEET_NO_SUCH; FLEET_REFUSED if it is not enabled */
int fleet_retire(struct fleet *fleet, const char *id, const char *by, struct err *err);
/** fleet_wipe - EraseDevice, first in the queue, delivered once. As fleet_retire */
int fleet_wipe(struct fleet *fleet, const char *id, const struct fleet_erase *how, const char *by,
	       struct err *err);
/** fleet_delete - retire, and the record leaves the lists at once; a device that enrolls again has
 * a new record. FLEET_NO_SUCH */
int fleet_delete(struct fleet *fleet, const char *id, const char *by, struct err *err);
/** fleet_hide - out of the lists, no more; back when the device is heard. FLEET_NO_SUCH */
int fleet_hide(struct fleet *fleet, const char *id, const char *by, struct err *err);
/** fleet_unenroll - the next message of this enrollment is answered so that the device removes
 * management (403 com.apple.unrecognized.device, 401 before iOS 17): the only way to such an
 * answer. FLEET_NO_SUCH */
int fleet_unenroll(struct fleet *fleet, const char *id, const char *by, struct err *err);
/** fleet_unenroll_cancel - take that back. FLEET_NO_SUCH */
int fleet_unenroll_cancel(struct fleet *fleet, const char *id, const char *by, struct err *err);
/** fleet_device_replace - @new_udid takes over groups, profiles (by reconciliation) and ownership
 * of
 * @old_udid, which is retired if it still can be. FLEET_NO_SUCH */
int fleet_device_replace(struct fleet *fleet, const char *old_udid, const char *new_udid,
			 const char *by, struct err *err);

enum fleet_ownership { FLEET_PERSONAL, FLEET_CORPORATE };
/** fleet_ownership_set - later than at enrollment. To personal: inventory of apps and the phone
 * number are dropped. FLEET_NO_SUCH */
int fleet_ownership_set(struct fleet *fleet, const char *udid, enum fleet_ownership ownership,
			const char *by, struct err *err);
/** fleet_identifier_import - @identifier (serial number, or IMEI of 14 to 16 digits; periods are
 * dropped) counts as corporate for enrollments from now on. FLEET_REFUSED: no identifier */
int fleet_identifier_import(struct fleet *fleet, const char *identifier, const char *details,
			    const char *by, struct err *err);
/** fleet_identifier_remove - FLEET_NO_SUCH; enrolled devices keep their ownership */
int fleet_identifier_remove(struct fleet *fleet, const char *identifier, const char *by,
			    struct err *err);

/* a secret of a device; each use is audited. FLEET_NO_SUCH; FLEET_REFUSED: only of corporate,
 * supervised devices */
enum fleet_secret { FLEET_BYPASS_CODE, FLEET_BACKUP_PASSWORD };
/** fleet_secret_set - seal and keep @value. FLEET_REFUSED when another one is kept, unless
 * @replaces: what it opens, nothing else may open. The same again is fine. An empty backup password
 * is refused. */
int fleet_secret_set(struct fleet *fleet, const char *udid, enum fleet_secret which,
		     const struct secret *value, bool replaces, const char *by, struct err *err);
/** fleet_secret_is_kept - is there one to get? Opens nothing, and leaves no row in the audit. */
int fleet_secret_is_kept(struct fleet *fleet, const char *udid, enum fleet_secret which,
			 bool *is_kept, struct err *err);
/** fleet_secret_get - FLEET_NO_SUCH also if none is kept */
int fleet_secret_get(struct fleet *fleet, const char *udid, enum fleet_secret which,
		     struct secret *value, const char *by, struct err *err);

/**
 * fleet_pairing_sign - the answer to the challenge of a supervised device that a computer pairs
 * with
 * @challenge: as the device sent it
 * @out:       the supervision identity's CMS SignedData in DER is appended
 *
 * Whoever gets it is trusted by the device without a question to its person, and can read all of
 * it: each use is audited.  A challenge does not say whose it is, so it serves for any device that
 * this service supervises; a caller who may see only some devices must not come here.
 *
 * 0; FLEET_NO_SUCH; FLEET_REFUSED: not corporate and supervised as far as the record says, retired,
 * or a challenge that no device makes.
 */
int fleet_pairing_sign(struct fleet *fleet, const char *udid, struct slice challenge,
		       struct buf *out, const char *by, struct err *err);

/* ---- groups, profiles, declarations -------------------------------------------------- */

/** fleet_group_set - put @udid in or out of @group; @udid NULL: make it (is_member of no matter),
 * if it is not there. Profiles follow at the next sweep. FLEET_NO_SUCH: no such group or device */
int fleet_group_set(struct fleet *fleet, const char *group, const char *udid, bool is_member,
		    const char *by, struct err *err);
/** fleet_group_remove - with its memberships and assignments. FLEET_NO_SUCH */
int fleet_group_remove(struct fleet *fleet, const char *group, const char *by, struct err *err);

/** fleet_profile_put - store a configuration profile; a further version if one with its identifier
 * exists and differs. Devices that have it assigned get it. FLEET_REFUSED: no profile, the
 * enrollment profile's identifier, one with an MDM payload */
int fleet_profile_put(struct fleet *fleet, struct slice profile, const char *by,
		      char identifier[FLEET_NAME_MAX + 1], int64_t *version, struct err *err);
/** fleet_profile_remove - all versions and assignments; devices lose it. FLEET_NO_SUCH */
int fleet_profile_remove(struct fleet *fleet, const char *identifier, const char *by,
			 struct err *err);
/** fleet_profile_assign - give or take; @target: one or more devices (by UDID in ids), a group,
 * all. FLEET_NO_SUCH */
int fleet_profile_assign(struct fleet *fleet, const char *identifier,
			 const struct fleet_target *target, bool is_assigned, const char *by,
			 struct err *err);
/** fleet_declaration_put - store a declaration (JSON: Type, Identifier, Payload; ServerToken is
 * made here) and assign it as profiles are. FLEET_REFUSED: malformed, over its limits */
int fleet_declaration_put(struct fleet *fleet, struct slice json, const char *by, struct err *err);
/** fleet_declaration_remove, fleet_declaration_assign - as of profiles; devices are told by a sync
 */
int fleet_declaration_remove(struct fleet *fleet, const char *identifier, const char *by,
			     struct err *err);
int fleet_declaration_assign(struct fleet *fleet, const char *identifier,
			     const struct fleet_target *target, bool is_assigned, const char *by,
			     struct err *err);
/** fleet_reconcile - queue InstallProfile and RemoveProfile until what is installed is what is
 * assigned, and a declarative sync where declarations changed. FLEET_NO_SUCH */
int fleet_reconcile(struct fleet *fleet, const char *id, struct err *err);
/** fleet_sweep_reconcile - the same for enrollments marked by changes to groups and assignments; at
 * most @max */
int fleet_sweep_reconcile(struct fleet *fleet, unsigned max, unsigned *count, struct err *err);

/* ---- push ------------------------------------------------------------------------------- */

/** struct fleet_push - one push to be sent; texts are borrowed for the call of fleet_each_push */
struct fleet_push {
	const char *id, *topic, *magic;
	struct slice token;
	int64_t expires; /* seconds since 1970 */
};
typedef int fleet_each_push(void *arg, const struct fleet_push *push, struct err *err);
/**
 * fleet_push_due - the pushes to send now; at most @max
 *
 * An enrollment is due when it has work, and due again with back-off (1, 5, 15 min, 1 h, 4 h, then
 * daily) as long as it has: by enrollment, not by looking through the queue.  Each is noted as
 * sent when @each returned 0.
 */
int fleet_push_due(struct fleet *fleet, unsigned max, unsigned *count, fleet_each_push *each,
		   void *arg, struct err *err);
/** fleet_push_is_on - is there a push certificate? Without one devices come only by themselves */
bool fleet_push_is_on(const struct fleet *fleet);
/** fleet_push_wish - an operator wants @id pushed now, work or not. FLEET_NO_SUCH; FLEET_REFUSED if
 * it is not enabled or has no token */
int fleet_push_wish(struct fleet *fleet, const char *id, struct err *err);
/** fleet_push_result - what APNs answered for @id
 * @status: HTTP; 0 = no connection.  @sent: when the push was made, seconds since 1970
 *
 * 410: not pushed any more until the next TokenUpdate (unless one came after @sent). 400: noted as
 * unusable. 429, 5xx, 0: back-off. */
int fleet_push_result(struct fleet *fleet, const char *id, int status, int64_t sent,
		      struct err *err);

/* ---- moving in and out ---------------------------------------------------------------------- */

/**
 * fleet_migrate_in - a check-in message that another service received (Authenticate, TokenUpdate,
 *   SetBootstrapToken, in this order)
 * @identity: SHA-256 of the certificate that the device goes by, or NULL: then it waits and no
 *   certificate is trusted for it (an Authenticate with a ticket of ours still enrolls it afresh)
 *
 * @not_after: of that certificate; 0: not known, taken from the certificate when it is first shown
 * FLEET_REFUSED: malformed, out of order, identity bound to another enrollment, enrolled here
 * already.
 */
int fleet_migrate_in(struct fleet *fleet, struct slice message,
		     const uint8_t identity[FLEET_CERT_SHA256_LEN], int64_t not_after,
		     const char *by, struct err *err);
/** fleet_each_message - @message as a check-in plist; @identity as above, NULL if none */
typedef int fleet_each_message(void *arg, const char *id, struct slice message,
			       const uint8_t *identity, struct err *err);
/** fleet_migrate_out - Authenticate, TokenUpdate and, if there is one, SetBootstrapToken of @id
 * (NULL: of each enabled enrollment); audited */
int fleet_migrate_out(struct fleet *fleet, const char *id, const char *by, fleet_each_message *each,
		      void *arg, struct err *err);

/* ---- small matters ------------------------------------------------------------------------- */

/** fleet_audit - note an operator's action that another room carries out; @detail is JSON or NULL,
 * without secrets */
int fleet_audit(struct fleet *fleet, const char *by, const char *action, const char *subject,
		const char *detail, struct err *err);
/** fleet_event - put an event into the outbox; @body is JSON or NULL */
int fleet_event(struct fleet *fleet, const char *kind, const char *subject, const char *body,
		struct err *err);
/** fleet_last_contact - when the device with this number was heard, if it is not written yet; else
 * 0
 */
int64_t fleet_last_contact(const struct fleet *fleet, int64_t device);
/** fleet_contacts_flush - write last contacts, kept in memory, in one go; call once a minute. They
 * stay in memory, and are written again the next time, until fleet_contacts_written */
int fleet_contacts_flush(struct fleet *fleet, struct err *err);
/** fleet_contacts_written - what the last flush wrote is durable: it need not be kept any longer.
 * No message may be worked on between the two */
void fleet_contacts_written(struct fleet *fleet);

#endif
