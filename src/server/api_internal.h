/*
 * server/api_internal - what the administration's handlers share
 *
 * One table of routes (api_routes.c) holds for each its least role, its fields and its words: the
 * dispatcher, `GET /api/v1`, the test of docs/protocol/api.yaml and the audit all live on it.
 */
#ifndef REHOME_SERVER_API_INTERNAL_H
#define REHOME_SERVER_API_INTERNAL_H

#include "fleet/fleet.h"
#include "mdm/mdm.h"
#include "server/api.h"
#include "store/store.h"

#include <jansson.h>

enum {
	API_TEXT_MAX = 255,   /* bytes of a text of a body or of a parameter of a query */
	API_PARAM_MAX = 4095, /* bytes of a parameter of a path, which may list ids */
	API_ITEMS_MAX = 1000, /* of a list in a body; rows of an answer */
	API_PAGE = 100,       /* rows of an answer, unless asked for more */
	API_DEPTH_MAX = 16,   /* of JSON */
	API_PARAMS_MAX = 2,   /* of a path */
	API_WHO_MAX = 200,
};

/** enum api_role - each may do what those before it may */
enum api_role { API_ANYBODY, API_VIEWER, API_HELP_DESK, API_OPERATOR, API_ADMINISTRATOR };

enum api_kind {
	API_END,
	API_TEXT,      /* 1 to API_TEXT_MAX bytes */
	API_LONG_TEXT, /* of any length that the body may have */
	API_NUMBER,    /* 0 to 2^53 */
	API_FLAG,
	API_TEXTS,   /* list of 1 to API_ITEMS_MAX texts */
	API_OBJECT,  /* read by the handler */
	API_OBJECTS, /* list of them, 1 to API_ITEMS_MAX */
};

/** struct api_field - of a body or a query; tables end with { 0 } */
struct api_field {
	const char *name;
	enum api_kind kind;
	bool is_required;
	const char *help;
};

enum api_route_flag {
	API_SCOPED = 1u << 0, /* a token with a scope may use it: the handler keeps to the scope */
	API_RAW = 1u << 1,    /* its body is no JSON */
	API_DRY = 1u << 2,    /* takes dry_run: all is done, told, and undone */
	API_NOTED = 1u << 3,  /* fleet writes the audit row */
	API_BASIC = 1u << 4,  /* of the small API that other tools speak */
};

struct api_call;
struct api_route {
	const char *method, *pattern; /* "/api/v1/devices/{udid}" */
	enum api_role role;           /* the least */
	unsigned flags;
	const char *action; /* for the audit; NULL: changes nothing */
	/* answers by api_reply or api_refuse and returns 0; < 0: a failure of this service */
	int (*run)(struct api_call *call, struct err *err);
	const struct api_field *body, *query; /* NULL: none */
	const char *summary;
};
/** api_routes - the table; ends with a NULL method */
extern const struct api_route api_routes[];
/** api_role_name - "help_desk" ...; static */
const char *api_role_name(enum api_role role);
/** api_role_find - false for a word that is no role */
bool api_role_find(const char *name, enum api_role *role);
/** api_kind_name - the type as docs/protocol/api.yaml names it; static */
const char *api_kind_name(enum api_kind kind);

/** struct api_call - one request on its way through a handler */
struct api_call {
	struct api_context *context;
	const struct api_request *request;
	struct api_answer *answer;
	const struct api_route *route;
	struct store_token token; /* its texts live as long as the call */
	enum api_role role;
	char params[API_PARAMS_MAX][API_PARAM_MAX + 1]; /* of the path, in order */
	json_t *body;                                   /* an object, or NULL */
	int64_t now;
	bool is_dry;
	bool is_short;         /* of memory: a part of the answer is missing */
	char who[API_WHO_MAX]; /* for the audit: the token's name and id */
	char subject[API_TEXT_MAX + 1];
	json_t *detail; /* for the audit, without secrets; owned, may be NULL */
};

/* ---- api_json.c ---- */

/** api_body_read - the body of @call against the fields of its route; answers 400 and returns 1 if
 * it does not fit; 0; < 0 */
int api_body_read(struct api_call *call, struct err *err);
/** api_query_check - the same for the names in the query */
int api_query_check(struct api_call *call, struct err *err);
/** api_query_text - the value of @name, copied; false if absent, empty, too long or badly escaped
 */
bool api_query_text(const struct api_call *call, const char *name, char out[API_TEXT_MAX + 1]);
/** api_query_number - of digits; @fallback if absent or none */
int64_t api_query_number(const struct api_call *call, const char *name, int64_t fallback);
/** api_query_after - the cursor "after" of a list in the order of names, in @out; NULL: from its
 * beginning */
const char *api_query_after(const struct api_call *call, char out[API_TEXT_MAX + 1]);
/** api_query_limit - "limit", 1 to API_ITEMS_MAX, else API_PAGE */
unsigned api_query_limit(const struct api_call *call);
/** api_get_text - a text of the body, borrowed; NULL without */
const char *api_get_text(const struct api_call *call, const char *name);
int64_t api_get_number(const struct api_call *call, const char *name, int64_t fallback);
bool api_get_flag(const struct api_call *call, const char *name, bool fallback);
/** api_text - a text of a row as JSON; null if it is empty */
json_t *api_text(const char *text);
/** api_time - 2026-11-01T08:00:00Z; null if @seconds is 0 */
json_t *api_time(int64_t seconds);
/** api_number_or_null - null if @number is 0: the cursor of a last page */
json_t *api_number_or_null(int64_t number);
/** api_parse - strict JSON out of a row; null if it is none */
json_t *api_parse(struct slice text);
/** api_parse_strict - any value of at most API_DEPTH_MAX levels, no key twice; ERR_PROTOCOL names
 * the place */
int api_parse_strict(json_t **out, struct slice text, struct err *err);
/** api_add, api_put - append to a list, set in an object; @value is released. Without memory the
 * call is marked, and api_reply fails: an answer that lacks rows would be wrong */
void api_add(struct api_call *call, json_t *list, json_t *value);
void api_put(struct api_call *call, json_t *object, const char *name, json_t *value);
/** api_reply - answer @status with @value, which is released; ERR_NO_MEMORY if it is NULL. A dry
 * run says "would_be_done" for "done", and so for what else was counted */
int api_reply(struct api_call *call, int status, json_t *value, struct err *err);
/** api_reply_page - answer 200 with @list under @name and the cursor "next": null on the last page;
 * both are released */
int api_reply_page(struct api_call *call, const char *name, json_t *list, json_t *next,
		   struct err *err);
/** api_reply_bytes - answer 200 with @body as it is; @content_type is static */
int api_reply_bytes(struct api_call *call, const char *content_type, struct slice body,
		    struct err *err);
/** api_refuse - answer {"error":{"code","message","hint"}}; @hint may be NULL. Returns 0 or < 0 */
int api_refuse(struct api_call *call, int status, const char *code, const char *hint,
	       struct err *err, const char *format, ...) PRINTF_LIKE(6, 7);
/** api_answered - after api_refuse in a check: 1, the request was answered; < 0 */
static inline int api_answered(int r)
{
	return r < 0 ? r : 1;
}
/** api_outcome - what fleet or store returned as an answer: 404, 409 with the reason in @err, 400
 * for what was malformed; 0 must not come here */
int api_outcome(struct api_call *call, int r, struct err *err);
/** api_done - {"done": true} if @r is 0, else api_outcome */
int api_done(struct api_call *call, int r, struct err *err);

/* ---- api_auth.c ---- */

/** api_authenticate - who asks? Fills token, role and who. 1: nobody that is known; < 0 */
int api_authenticate(struct api_call *call, struct err *err);
enum { API_TOKEN_ID_LEN = 12 };
/** api_token_make - store a new token for @token's name, role, scope and end; its id and text into
 * @id and @text */
int api_token_make(struct api_context *context, struct store_token *token,
		   char id[API_TOKEN_ID_LEN + 1], char text[API_TOKEN_MAX + 1], struct err *err);
/** api_scope_has - may the token of @call see @device? */
int api_scope_has(struct api_call *call, int64_t device, bool *has, struct err *err);

/* ---- api_names.c ---- */

/** api_name_resolve - the UDID of the device whose serial number @name is, borrowed until the end
 * of the call; NULL: @name is an id, or nothing. 1: was answered, several have that number */
int api_name_resolve(struct api_call *call, const char *name, const char **udid, struct err *err);
/** api_names_resolve - put UDIDs in the place of serial numbers: the device of the path, "ids" and
 * "new_udid" of the body. 1: was answered */
int api_names_resolve(struct api_call *call, struct err *err);

/* ---- api_target.c ---- */

/** api_device_find - by the UDID of a path, within the scope. 1: 404 was answered */
int api_device_find(struct api_call *call, const char *udid, struct store_device *device,
		    struct err *err);
/** api_enrollment_find - the same by an enrollment's id */
int api_enrollment_find(struct api_call *call, const char *id, struct store_enrollment *enrollment,
			struct err *err);
/**
 * api_batch - do @one for each enrollment that the body names: "ids", or the devices of "group"
 * @is_dangerous: of a group only if "count" says how many there are
 * @will:         what happens, for the answer
 *
 * Answers 200 with {"will","done","failed","results":[{"id","error"}]}, 207 if some failed, and
 * the error itself if the only one failed. Each runs under a savepoint of its own.
 */
int api_batch(struct api_call *call, bool is_dangerous, const char *will,
	      int (*one)(struct api_call *call, const char *id, struct err *err), struct err *err);
/** api_when - when what was queued or assigned reaches its devices, in words; static */
const char *api_when(const struct api_call *call);
/** api_target - the body's "ids", "group" or "all" as fleet wants them; the caller frees *@ids, the
 * pointers of @target. 1: was answered (malformed, or outside of the scope) */
int api_target(struct api_call *call, const char ***ids, struct fleet_target *target,
	       struct err *err);

/* ---- api_plist.c ---- */

/**
 * api_command_plist - a Command dict of @type with the keys of @keys (an object or NULL) as XML
 *
 * Texts, whole numbers, booleans, lists and objects become their like; {"$data": "base64"} becomes
 * data, {"$date": "2026-11-01T08:00:00Z"} a date.  With @uuid (may be NULL) it is a whole command.
 * ERR_PROTOCOL for what a property list cannot say.
 */
int api_command_plist(const char *type, const char *uuid, const json_t *keys, struct buf *out,
		      struct err *err);

/* ---- handlers, one file a subject; their routes say what they do ---- */

int api_index(struct api_call *call, struct err *err);
int api_whoami(struct api_call *call, struct err *err);
int api_status(struct api_call *call, struct err *err);
int api_ca(struct api_call *call, struct err *err);
int api_metrics(struct api_call *call, struct err *err);

int api_device_list(struct api_call *call, struct err *err);
int api_device_show(struct api_call *call, struct err *err);
int api_device_inventory(struct api_call *call, struct err *err);
int api_device_set(struct api_call *call, struct err *err);
int api_device_replace(struct api_call *call, struct err *err);
int api_device_bypass_get(struct api_call *call, struct err *err);
int api_device_bypass_set(struct api_call *call, struct err *err);
int api_device_password_get(struct api_call *call, struct err *err);
int api_device_password_set(struct api_call *call, struct err *err);
int api_device_pairing(struct api_call *call, struct err *err);
int api_enrollment_show(struct api_call *call, struct err *err);
int api_enrollment_export(struct api_call *call, struct err *err);

int api_act_push(struct api_call *call, struct err *err);
int api_act_inventory(struct api_call *call, struct err *err);
int api_act_lock(struct api_call *call, struct err *err);
int api_act_clear_passcode(struct api_call *call, struct err *err);
int api_act_retire(struct api_call *call, struct err *err);
int api_act_wipe(struct api_call *call, struct err *err);
int api_act_delete(struct api_call *call, struct err *err);
int api_act_hide(struct api_call *call, struct err *err);
int api_act_unenroll(struct api_call *call, struct err *err);
int api_act_unenroll_cancel(struct api_call *call, struct err *err);
int api_act_confirm(struct api_call *call, struct err *err);
int api_act_reconcile(struct api_call *call, struct err *err);

int api_command_send(struct api_call *call, struct err *err);
int api_command_types(struct api_call *call, struct err *err);
int api_command_list(struct api_call *call, struct err *err);
int api_command_show(struct api_call *call, struct err *err);
int api_command_cancel(struct api_call *call, struct err *err);

int api_profile_list(struct api_call *call, struct err *err);
int api_profile_add(struct api_call *call, struct err *err);
int api_backup_rules_set(struct api_call *call, struct err *err);
int api_profile_show(struct api_call *call, struct err *err);
int api_profile_content(struct api_call *call, struct err *err);
int api_profile_remove(struct api_call *call, struct err *err);
int api_profile_assign(struct api_call *call, struct err *err);
int api_profile_unassign(struct api_call *call, struct err *err);
int api_declaration_list(struct api_call *call, struct err *err);
int api_declaration_add(struct api_call *call, struct err *err);
int api_declaration_show(struct api_call *call, struct err *err);
int api_declaration_remove(struct api_call *call, struct err *err);
int api_declaration_assign(struct api_call *call, struct err *err);
int api_declaration_unassign(struct api_call *call, struct err *err);

int api_group_list(struct api_call *call, struct err *err);
int api_group_put(struct api_call *call, struct err *err);
int api_group_remove(struct api_call *call, struct err *err);
int api_group_add(struct api_call *call, struct err *err);
int api_group_take(struct api_call *call, struct err *err);

int api_ticket_new(struct api_call *call, struct err *err);
int api_identifier_list(struct api_call *call, struct err *err);
int api_identifier_add(struct api_call *call, struct err *err);
int api_identifier_remove(struct api_call *call, struct err *err);

int api_token_list(struct api_call *call, struct err *err);
int api_token_new(struct api_call *call, struct err *err);
int api_token_revoke(struct api_call *call, struct err *err);
int api_pushcert_show(struct api_call *call, struct err *err);
int api_pushcert_put(struct api_call *call, struct err *err);
int api_event_list(struct api_call *call, struct err *err);
int api_audit_list(struct api_call *call, struct err *err);
int api_webhook_list(struct api_call *call, struct err *err);
int api_webhook_add(struct api_call *call, struct err *err);
int api_webhook_remove(struct api_call *call, struct err *err);
int api_webhook_replay(struct api_call *call, struct err *err);

int api_compat_version(struct api_call *call, struct err *err);
int api_compat_pushcert_get(struct api_call *call, struct err *err);
int api_compat_pushcert_put(struct api_call *call, struct err *err);
int api_compat_push(struct api_call *call, struct err *err);
int api_compat_enqueue(struct api_call *call, struct err *err);
int api_compat_migrate(struct api_call *call, struct err *err);

#endif
