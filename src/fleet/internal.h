/*
 * fleet/internal - what the files of this room share
 */
#ifndef REHOME_FLEET_INTERNAL_H
#define REHOME_FLEET_INTERNAL_H

#include "crypto/crypto.h"
#include "fleet/fleet.h"
#include "fleet/judge.h"
#include "mdm/mdm.h"
#include "store/store.h"

#include <string.h>

/** flags of a command row: how it is delivered, and what its answer means */
enum fleet_flag {
	FLEET_FLAG_ONCE = 1u << 1,    /* delivered once, answered or not */
	FLEET_FLAG_PROFILE = 1u << 2, /* InstallProfile of the newest version of its identifier */
	FLEET_FLAG_RENEWAL = 1u << 3, /* the enrollment profile, with a challenge made then */
	FLEET_FLAG_UNLOCK = 1u << 4,  /* the stored unlock token goes in */
	FLEET_FLAG_RETIRE = 1u << 5,  /* its success ends the enrollment */
	FLEET_FLAG_WIPE = 1u << 6,    /* so does this one's */
};

/** flags of an enrollment row */
enum fleet_row_flag {
	FLEET_ROW_AWAITS_TOKEN = 1u << 0,    /* Authenticate came, its TokenUpdate did not */
	FLEET_ROW_USER_ENROLLMENT = 1u << 1, /* goes by EnrollmentID */
	FLEET_ROW_DECLARATIVE = 1u << 2,     /* declarative management was switched on */
	FLEET_ROW_PUSH_WISHED = 1u << 3,     /* one push, work or not */
	FLEET_ROW_MIGRATED = 1u << 4,        /* came from another service */
};
/** FLEET_SUPERVISION_KNOWN - flag of a device row: is_supervised is what the device said */
enum { FLEET_SUPERVISION_KNOWN = 1u << 0 };

/** struct fleet_contacts - who was heard since the last flush: open addressing by device number */
struct fleet_contacts {
	struct store_contact *slots; /* device 0: free */
	size_t count, room;          /* room: a power of two, or 0 */
};

/** the two declarations that the service brings along: subscriptions and their activation */
enum { FLEET_BUILTIN_COUNT = 2 };
struct fleet_builtin {
	enum mdm_declaration_kind kind;
	char identifier[MDM_DECLARATION_ID_MAX + 1], type[129], token[MDM_DECLARATION_ID_MAX + 1];
	struct buf json;
};

struct fleet {
	struct store *store;
	struct clock *clock;
	struct entropy *entropy;
	struct fleet_keys *keys;
	struct fleet_policy policy;
	char topic[FLEET_NAME_MAX + 1]; /* the policy's */
	struct fleet_contacts contacts;
	struct fleet_builtin builtin[FLEET_BUILTIN_COUNT];
	struct plist_doc *doc; /* for commands that are made here; reset before each use */
};

static inline int64_t fleet_now(struct fleet *fleet)
{
	return clock_wall_seconds(fleet->clock);
}

/** struct fleet_scene - one message while it is worked on */
struct fleet_scene {
	struct fleet *fleet;
	const struct fleet_peer *peer;
	const struct mdm_sender *from;
	const struct mdm_checkin *checkin; /* NULL for a report */
	struct fleet_answer *answer;
	int64_t now;
	enum fleet_identity identity;
	bool is_known;                        /* @enrollment was found */
	bool is_changed;                      /* @enrollment is to be written at the end */
	struct store_certificate certificate; /* of the sender, unless absent or unknown */
	struct store_enrollment enrollment;   /* device channel */
	struct fleet_judgement judgement;
};

/* scene.c */
/** fleet_scene_open - find who speaks and judge the message; for a user channel the device's
 * enrollment is judged. The answer is 200 and empty afterwards. */
int fleet_scene_open(struct fleet_scene *scene, enum fleet_message message, struct err *err);
/** fleet_scene_close - write the enrollment if it changed, note the contact */
int fleet_scene_close(struct fleet_scene *scene, struct err *err);
/** fleet_scene_refused - carry out a verdict that ends the matter; true if it was one, with the
 * result in *@r */
bool fleet_scene_refused(struct fleet_scene *scene, int *r, struct err *err);
/** fleet_scene_settle - what every message does that goes on: a new identity that is seen for the
 * first time takes the place of the one before, a restore is noted */
int fleet_scene_settle(struct fleet_scene *scene, struct err *err);
/** fleet_refuse - 400 */
int fleet_refuse(struct fleet_scene *scene, const char *reason);

/* unenroll.c */
/** fleet_unenroll_answer - the only maker of 401 and 403; ERR_POLICY without an operator's decision
 * in the record */
int fleet_unenroll_answer(struct fleet_scene *scene, struct err *err);

/* life.c: what events do to an enrollment; docs/design/enrollment.md */
/** fleet_life_begin - a new generation of a known or new enrollment */
int fleet_life_begin(struct fleet_scene *scene, struct err *err);
/** fleet_ownership_decide - corporate if an imported identifier names @device */
int fleet_ownership_decide(struct fleet *fleet, struct store_device *device, struct err *err);
/** fleet_life_token - a TokenUpdate was accepted */
int fleet_life_token(struct fleet_scene *scene, struct err *err);
/** fleet_life_restored - a restore was noticed */
int fleet_life_restored(struct fleet_scene *scene, struct err *err);
/** fleet_life_end - it is over: @status for what was queued; @record: the device's from now on, and
 * the identity ends too; STORE_ACTIVE: both stay. Writes @enrollment. */
int fleet_life_end(struct fleet *fleet, struct store_enrollment *enrollment, const char *status,
		   enum store_record record, struct err *err);

/* queue.c */
/** struct fleet_own - a command that the service itself queues; texts may be NULL */
struct fleet_own {
	const char *request_type, *identifier;
	struct slice command; /* Command dict as XML; empty: made at delivery */
	unsigned lane, flags;
	bool is_dangerous; /* held after a restore until confirmed */
	bool is_endless;   /* waits as long as the enrollment: what an operator decided about it */
	int64_t ends;      /* else: 0 = as the policy says */
	const char *by;
};
/** fleet_queue_own - a command of the service's under a new UUID, queued at once; a dangerous one
 * is held while a noticed restore waits for its confirmation */
int fleet_queue_own(struct fleet *fleet, const struct store_enrollment *enrollment,
		    const struct fleet_own *own, struct err *err);
/** enum fleet_said - what the device said last, as far as the next command depends on it */
enum fleet_said { FLEET_SAID_IDLE, FLEET_SAID_NOT_NOW, FLEET_SAID_RESULT };
/** fleet_queue_next - the next command of @enrollment into the answer, or nothing */
int fleet_queue_next(struct fleet_scene *scene, struct store_enrollment *enrollment,
		     enum fleet_said said, struct err *err);
/** fleet_uuid - a random one, in upper case, with its NUL */
int fleet_uuid(struct fleet *fleet, char out[37], struct err *err);
/** fleet_queue_end - all that waits for @enrollment goes into its history with @status */
int fleet_queue_end(struct fleet *fleet, int64_t enrollment, const char *status, struct err *err);
/** fleet_push_soon - @enrollment has work: push it at @at unless it is due earlier; written, and
 * noted in @enrollment */
int fleet_push_soon(struct fleet *fleet, struct store_enrollment *enrollment, int64_t at,
		    struct err *err);

/* result.c */
/** fleet_result_take - what an answer to a command changes in the record */
int fleet_result_take(struct fleet_scene *scene, struct store_enrollment *enrollment,
		      const struct store_queue *row, const struct mdm_report *report,
		      struct err *err);

/* identity.c */
/** fleet_return_profile - the enrollment profile, signed, with a ticket for @udid that lasts as
 * long as a command: a device that was erased enrolls with it by itself */
int fleet_return_profile(struct fleet *fleet, const char *udid, struct buf *out, struct err *err);

/** fleet_renewal_queue - a renewal, unless one waits already; notes in @enrollment, which the
 * caller writes, when to look again */
int fleet_renewal_queue(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err);
/** fleet_renewal_due - when an identity with that end is to be renewed */
int64_t fleet_renewal_due(struct fleet *fleet, int64_t not_after);
/** fleet_renewal_command - the Command dict of a renewal, with a fresh challenge */
int fleet_renewal_command(struct fleet *fleet, const struct store_enrollment *enrollment,
			  struct buf *out, struct err *err);

/* profile_read.c */
/** fleet_profile_read - mdm_profile_parse of a profile that may be signed; texts live in @doc */
int fleet_profile_read(struct plist_doc *doc, struct slice bytes, struct mdm_profile *profile,
		       struct err *err);

/* reconcile.c, declare.c */
/** fleet_reconcile_seen - a ProfileList shows what is really there; @root: the report */
int fleet_reconcile_seen(struct fleet_scene *scene, const struct plist *root, struct err *err);
/** fleet_reconcile_row - fleet_reconcile of a row; what it notes in @enrollment the caller writes
 */
int fleet_reconcile_row(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err);
/** fleet_declare_sync - queue a sync if the device was told of another set; writes @enrollment */
int fleet_declare_sync(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err);
/** fleet_declare_answer - what a DeclarativeManagement message asks for. 404 only for an identifier
 * that the assigned set lacks */
int fleet_declare_answer(struct fleet_scene *scene, struct store_enrollment *enrollment,
			 struct err *err);
/** fleet_builtin_make - the declarations that the service brings along; once */
int fleet_builtin_make(struct fleet *fleet, struct err *err);

/* inventory.c */
/** fleet_inventory_queue - the usual questions, in the background; notes in @enrollment, which the
 * caller writes, when to ask again */
int fleet_inventory_queue(struct fleet *fleet, struct store_enrollment *enrollment,
			  struct err *err);
/** fleet_response_visible - take out of a response what the organisation may not see of a personal
 * device */
int fleet_response_visible(struct fleet *fleet, const struct store_enrollment *enrollment,
			   const struct store_command *command, struct buf *response,
			   struct err *err);
/** fleet_inventory_take - keep the answer to an inventory command; @response: JSON, visible */
int fleet_inventory_take(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			 const char *request_type, const struct mdm_report *report,
			 const struct buf *response, struct err *err);

/* record.c */
/** fleet_audit_json - fleet_audit with @detail, which is released; NULL: ERR_NO_MEMORY */
int fleet_audit_json(struct fleet *fleet, const char *by, const char *action, const char *subject,
		     struct json_t *detail, struct err *err);
/** fleet_contact - note in memory that the device was heard; fleet_contacts_flush writes it */
void fleet_contact(struct fleet *fleet, int64_t device, int64_t now);
/** fleet_find - enrollment by id with the FLEET_NO_SUCH of operators' functions */
int fleet_find(struct fleet *fleet, const char *id, struct store_enrollment *enrollment,
	       struct err *err);
/** fleet_find_device - the same of a device that is not deleted, by UDID */
int fleet_find_device(struct fleet *fleet, const char *udid, struct store_device *device,
		      struct err *err);
/** fleet_no_such, fleet_refused - outcomes with their text */
int fleet_no_such(struct err *err, const char *what, const char *name);
int fleet_refused(struct err *err, const char *reason);
/** fleet_seal - keep @value sealed under @name; an empty one removes it */
int fleet_seal(struct fleet *fleet, enum store_owner kind, int64_t owner, const char *name,
	       struct slice value, struct err *err);
/** fleet_open - append the plaintext; FLEET_NO_SUCH if there is none */
int fleet_open(struct fleet *fleet, enum store_owner kind, int64_t owner, const char *name,
	       struct buf *out, struct err *err);
/** fleet_drop - all that is kept under names that begin with @prefix */
int fleet_drop(struct fleet *fleet, enum store_owner kind, int64_t owner, const char *prefix,
	       struct err *err);

#endif
