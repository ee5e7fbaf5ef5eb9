/*
 * mdm - the MDM protocol as the service speaks it: bytes in, bytes out
 *
 * Check-in messages, command reports, commands, profiles, declarations, typed errors, what Apple's
 * push service answers.  Knows no socket, clock, file or record.  Everything from outside has a
 * limit here.  The wire: docs/protocol/mdm.md.
 *
 * Pure computing: any thread, as long as no two use the same document at once.  Parsed messages
 * borrow from the caller's struct plist_doc and live until it is reset.  Returns: 0; ERR_PROTOCOL
 * or ERR_LIMIT with the key that is wrong; ERR_NO_MEMORY.
 */
#ifndef REHOME_MDM_H
#define REHOME_MDM_H

#include "base/base.h"
#include "plist/plist.h"

enum {
	MDM_ID_MAX = 255,            /* bytes of an enrollment id, user channel included */
	MDM_CHECKIN_MAX = 1 << 20,   /* bytes of a check-in message */
	MDM_REPORT_MAX = 8 << 20,    /* bytes of a command report (lists of apps are long) */
	MDM_COMMAND_MAX = 1 << 20,   /* bytes of a command */
	MDM_PROFILE_MAX = 700 << 10, /* bytes of a configuration profile: as base64 in a command */
	MDM_DECLARATION_MAX = 256 << 10,
	MDM_TEXT_MAX = 1024,       /* bytes of a text of a message, unless said otherwise */
	MDM_TOKEN_MAX = 4096,      /* bytes of push and bootstrap tokens */
	MDM_UNLOCK_MAX = 64 << 10, /* bytes of an unlock token: no size is promised */
	MDM_UUID_MAX = 64,         /* characters of a CommandUUID */
	MDM_ERRORS_MAX = 16,       /* links of an ErrorChain that are looked at */
};

/* ---- check-in ----------------------------------------------------------------- */

enum mdm_message {
	MDM_AUTHENTICATE,
	MDM_TOKEN_UPDATE,
	MDM_CHECK_OUT,
	MDM_SET_BOOTSTRAP_TOKEN,
	MDM_GET_BOOTSTRAP_TOKEN,
	MDM_DECLARATIVE_MANAGEMENT,
	MDM_GET_TOKEN,
	MDM_RETURN_TO_SERVICE,
	MDM_USER_AUTHENTICATE, /* no device of ours has a user channel that authenticates */
};
/** mdm_message_name - "TokenUpdate" ...; static */
const char *mdm_message_name(enum mdm_message message);

/**
 * struct mdm_sender - whom a message is from
 *
 * @id is the enrollment id: UDID, else EnrollmentID, of the device channel; ":" and the user for a
 * user channel (Shared iPad: UserShortName in place of the constant UserID).  Printable ASCII.
 */
struct mdm_sender {
	char id[MDM_ID_MAX + 1];
	char device_id[MDM_ID_MAX + 1]; /* without the user; the same for the device channel */
	bool is_user_channel;
	bool is_user_enrollment; /* by EnrollmentID: no UDID, serial number or IMEI ever */
};
/** mdm_sender_read - from the keys of a message; ERR_PROTOCOL without any, or with one that no
 * device has */
int mdm_sender_read(const struct plist *message, struct mdm_sender *sender, struct err *err);

/** struct mdm_checkin - one message; fields that it does not have are NULL or empty */
struct mdm_checkin {
	enum mdm_message message;
	struct mdm_sender from;
	const char *topic;
	/* Authenticate */
	const char *os, *build, *product, *serial, *imei, *meid, *device_name;
	/* TokenUpdate */
	struct slice token, unlock_token;
	const char *magic;
	bool has_unlock_token, is_awaiting;
	/* SetBootstrapToken: empty deletes */
	struct slice bootstrap_token;
	/* DeclarativeManagement */
	const char *endpoint;
	struct slice json;
	/* GetToken */
	const char *token_service;
	struct slice raw; /* the message as it came; borrowed from the caller */
};
/** mdm_checkin_parse - @bytes (at most MDM_CHECKIN_MAX) stay the caller's and outlive @checkin */
int mdm_checkin_parse(struct plist_doc *doc, struct slice bytes, struct mdm_checkin *checkin,
		      struct err *err);
/** mdm_bootstrap_answer - append the answer to GetBootstrapToken; an empty @token = none */
int mdm_bootstrap_answer(struct slice token, struct buf *out, struct err *err);
/** mdm_bootstrap_message - append a SetBootstrapToken of a device, as an export needs it */
int mdm_bootstrap_message(const char *udid, struct slice token, struct buf *out, struct err *err);

/* ---- command reports -------------------------------------------------------------- */

enum mdm_status {
	MDM_IDLE,
	MDM_ACKNOWLEDGED,
	MDM_ERROR,
	MDM_COMMAND_FORMAT_ERROR,
	MDM_NOT_NOW,
};
/** mdm_status_name - as it is spelled on the wire: "NotNow" ...; static */
const char *mdm_status_name(enum mdm_status status);

struct mdm_error {
	int64_t code;
	const char *domain, *text; /* text: USEnglishDescription, else the localized one */
};
struct mdm_report {
	struct mdm_sender from;
	enum mdm_status status;
	const char *uuid; /* NULL only for Idle */
	struct mdm_error errors[MDM_ERRORS_MAX];
	size_t error_count;
	const struct plist *root; /* all keys: the response of a command lies among them */
	struct slice raw;
};
/** mdm_report_parse - as mdm_checkin_parse, at most MDM_REPORT_MAX */
int mdm_report_parse(struct plist_doc *doc, struct slice bytes, struct mdm_report *report,
		     struct err *err);
struct json_t;
/** mdm_json_dump - append @json (jansson's) in its shortest form to @out and give it back; NULL is
 * lack of memory. Whole or not at all, which jansson's own dump is not always */
int mdm_json_dump(struct json_t *json, struct buf *out, struct err *err);
/** mdm_errors_json - append the error chain as JSON: [{"code","domain","text"}...], at most 48 KiB:
 * domains end at 255 bytes, texts at MDM_TEXT_MAX, control characters are blanks */
int mdm_errors_json(const struct mdm_report *report, struct buf *out, struct err *err);
/**
 * mdm_plist_json - append @value as JSON: data in base64, dates as 2026-11-01T08:00:00Z
 * @skip: keys of the outermost dict that are left out, ended by NULL; NULL: none
 */
int mdm_plist_json(const struct plist *value, const char *const *skip, struct buf *out,
		   struct err *err);

/* ---- commands ------------------------------------------------------------------------ */

enum mdm_flag {
	MDM_NEEDS_SUPERVISION = 1u << 0,
	MDM_NOT_FOR_USERS = 1u << 1, /* refused by User Enrollments */
	MDM_NEVER_NOT_NOW = 1u << 2, /* answered also while the device is locked */
	MDM_IS_DANGEROUS = 1u << 3,  /* held after a restore until an operator confirms */
	MDM_ANSWERS_ONCE = 1u << 4,  /* no retry when its answer is lost: never sent twice */
	MDM_IS_INVENTORY = 1u << 5,  /* its answer is kept in the record */
};
/** struct mdm_command_kind - what is known of a request type; versions as major * 100 + minor */
struct mdm_command_kind {
	const char *request_type;
	unsigned since, removed; /* removed: 0 = never */
	unsigned right;          /* bit of AccessRights; 0 = none */
	unsigned flags;          /* enum mdm_flag */
	unsigned lane;           /* 1 urgent, 2 normal, 3 background */
	const char *help;        /* for people: one line */
};
/** mdm_command_kinds - the table, in the order of the protocol's own list; *@count rows; static */
const struct mdm_command_kind *mdm_command_kinds(size_t *count);
/** mdm_command_kind - NULL for a type that the table does not know */
const struct mdm_command_kind *mdm_command_kind(const char *request_type);
/** mdm_command_nearest - the known request type that @word most likely means: one that holds it
 * (four letters or more), or differs in few letters; case does not count. NULL: nothing is near */
const char *mdm_command_nearest(const char *word);
/** mdm_os_number - "26.0.1" as 2600; 0 if it is none */
unsigned mdm_os_number(const char *os);

/** struct mdm_command - a command that somebody wrote */
struct mdm_command {
	const char *uuid; /* NULL: it has none */
	const char *request_type;
	const char *identifier;      /* RemoveProfile's, else NULL */
	struct slice payload;        /* InstallProfile's, else empty */
	const struct plist *command; /* the Command dict */
};
/** mdm_command_parse - XML or binary, whole or the Command dict alone; at most MDM_COMMAND_MAX */
int mdm_command_parse(struct plist_doc *doc, struct slice bytes, struct mdm_command *command,
		      struct err *err);
/** mdm_command_write - append the whole command as XML, under @uuid; @unlock_token, unless empty,
 * becomes the UnlockToken of a ClearPasscode */
int mdm_command_write(const struct plist *command, const char *uuid, struct slice unlock_token,
		      struct buf *out, struct err *err);

/* what the service itself sends: each appends a Command dict as XML */
/** mdm_build_plain - a request type without keys */
int mdm_build_plain(const char *request_type, struct buf *out, struct err *err);
/** mdm_build_information - DeviceInformation with what a record needs; what @os (NULL: unknown)
 * does not know any more is left out */
int mdm_build_information(const char *os, bool is_user_enrollment, struct buf *out,
			  struct err *err);
/** mdm_build_install_profile - @profile: plain or signed, as the device gets it */
int mdm_build_install_profile(struct slice profile, struct buf *out, struct err *err);
/** mdm_build_remove_profile - @identifier: PayloadIdentifier of the whole profile */
int mdm_build_remove_profile(const char *identifier, struct buf *out, struct err *err);
/** struct mdm_erase - what a device keeps or does when it is erased; all false: nothing of it */
struct mdm_erase {
	bool preserves_data_plan, bars_proximity_setup, returns_to_service;
	struct slice wifi_profile, mdm_profile; /* of a return to service; may be empty */
};
/** mdm_build_erase - EraseDevice; @erase: profiles are borrowed */
int mdm_build_erase(const struct mdm_erase *erase, struct buf *out, struct err *err);
/** mdm_build_declarative - DeclarativeManagement; @tokens_json may be empty */
int mdm_build_declarative(struct slice tokens_json, struct buf *out, struct err *err);

/* ---- profiles --------------------------------------------------------------------------- */

enum { MDM_PAYLOADS_MAX = 64 };
/** struct mdm_profile - a configuration profile, unsigned bytes (a signature is unwrapped before)
 */
struct mdm_profile {
	const char *identifier, *uuid, *name; /* name: PayloadDisplayName or the identifier */
	const char *types[MDM_PAYLOADS_MAX];  /* of its payloads */
	size_t type_count;
	bool has_mdm; /* brings an MDM payload: an enrollment profile */
	bool is_removal_disallowed;
};
/** mdm_profile_parse - at most MDM_PROFILE_MAX bytes; texts live in @doc or @bytes.
 * Returns as mdm_checkin_parse; unless 0, *@profile is as before */
int mdm_profile_parse(struct plist_doc *doc, struct slice bytes, struct mdm_profile *profile,
		      struct err *err);

/** struct mdm_backup_rules - restrictions that govern backups; docs/protocol/mdm.md, "Backups" */
struct mdm_backup_rules {
	bool bars_cloud_backup; /* allowCloudBackup false; for supervised devices */
	bool forces_encryption; /* forceEncryptedBackup: local backups get a password, and keep it
				 */
	bool bars_host_pairing; /* allowHostPairing false: no computer but one with the supervision
				   identity, so no local backup elsewhere; supervised devices only
				 */
};
/** mdm_backup_rules_profile - append a configuration profile as XML. Its identifier is always the
 * same, so that another one takes its place; equal rules and @organization give equal bytes */
int mdm_backup_rules_profile(const struct mdm_backup_rules *rules, const char *organization,
			     struct buf *out, struct err *err);

/* ---- typed errors ------------------------------------------------------------------------- */

/** mdm_unrecognized_body - append the JSON body of a 403 that ends an enrollment (iOS 17 on): only
 * for an operator's decision */
int mdm_unrecognized_body(struct buf *out, struct err *err);

/* ---- declarative management ------------------------------------------------------------------ */

enum mdm_endpoint_kind {
	MDM_ENDPOINT_TOKENS,
	MDM_ENDPOINT_ITEMS,
	MDM_ENDPOINT_DECLARATION,
	MDM_ENDPOINT_STATUS,
};
enum mdm_declaration_kind { MDM_ACTIVATION, MDM_ASSET, MDM_CONFIGURATION, MDM_MANAGEMENT };
enum { MDM_DECLARATION_ID_MAX = 64 };
struct mdm_endpoint {
	enum mdm_endpoint_kind kind;
	enum mdm_declaration_kind declaration;
	char identifier[MDM_DECLARATION_ID_MAX + 1];
};
/** mdm_endpoint_parse - "tokens", "declaration/configuration/ID" ...; ERR_PROTOCOL for any other */
int mdm_endpoint_parse(const char *text, struct mdm_endpoint *endpoint, struct err *err);

/** struct mdm_declaration - one that is stored or assigned; texts borrowed */
struct mdm_declaration {
	enum mdm_declaration_kind kind;
	const char *identifier, *type, *token;
};
/**
 * mdm_declaration_read - check what an operator stores and give its canonical form
 * @json: Type, Identifier, Payload; ServerToken is replaced by one made of the content
 *
 * Appends the declaration as a device gets it to @out; identifier, type and token are copied into
 * the three arrays.
 */
int mdm_declaration_read(struct slice json, enum mdm_declaration_kind *kind,
			 char identifier[MDM_DECLARATION_ID_MAX + 1], char type[129],
			 char token[MDM_DECLARATION_ID_MAX + 1], struct buf *out, struct err *err);
/** mdm_declarations_token - of a set: the same for the same set in any order; 64 hex digits */
void mdm_declarations_token(const struct mdm_declaration *set, size_t count, char token[65]);
/** mdm_tokens_json - the answer to "tokens" */
int mdm_tokens_json(const char *token, int64_t now, struct buf *out, struct err *err);
/** mdm_items_json - the answer to "declaration-items" */
int mdm_items_json(const struct mdm_declaration *set, size_t count, const char *token,
		   struct buf *out, struct err *err);

/** struct mdm_declared - what a device says of one declaration */
struct mdm_declared {
	enum mdm_declaration_kind kind;
	const char *identifier, *token, *valid; /* valid: "unknown", "valid", "invalid" */
	bool is_active;
	bool is_removed;     /* the device dropped it; then nothing but @identifier counts */
	const char *reasons; /* JSON; "" without */
};
enum { MDM_DECLARED_MAX = 4096 }; /* declarations in a status report */
/** mdm_status_read - @each declaration in a status report; *@is_full is set before: it names all
 * that the device has */
int mdm_status_read(struct slice json, bool *is_full,
		    int (*each)(void *arg, const struct mdm_declared *declared, struct err *err),
		    void *arg, struct err *err);
/**
 * mdm_status_merge - append what is known after a status report: all of its items but the
 *   declarations, flat ("device.model.family"), as one JSON object
 * @known: what was known, as this function gave it; empty: nothing
 *
 * A report tells only what is new, unless it is a full one.  In lists, an item with the identifier
 * of a known one takes its place, or takes it away ("_removed").
 */
int mdm_status_merge(struct slice known, struct slice json, struct buf *out, struct err *err);
/** mdm_subscriptions_json - append the declaration that subscribes to what a record needs */
int mdm_subscriptions_json(struct buf *out, struct err *err);

/* ---- push --------------------------------------------------------------------------------------
 */

/** enum mdm_push_reaction - what an answer of APNs means for the enrollment */
enum mdm_push_reaction {
	MDM_PUSH_SENT,
	MDM_PUSH_RETRY,       /* back off and repeat */
	MDM_PUSH_GONE,        /* the device left this topic, unless a newer TokenUpdate came */
	MDM_PUSH_BAD_TOKEN,   /* not usable before the next TokenUpdate */
	MDM_PUSH_CERTIFICATE, /* the push certificate is refused: stop, tell the operator */
	MDM_PUSH_BUG,         /* the request itself is wrong */
};
/** mdm_push_reaction - @status of HTTP, 0 without a connection; @reason may be NULL */
enum mdm_push_reaction mdm_push_reaction(int status, const char *reason);
/** mdm_push_reason - the reason in the JSON body of an answer into @reason; "" if there is none */
void mdm_push_reason(struct slice body, char reason[64]);
/** mdm_push_body - append {"mdm":"MAGIC"} */
int mdm_push_body(const char *magic, struct buf *out, struct err *err);

#endif
