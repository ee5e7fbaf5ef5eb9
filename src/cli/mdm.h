/*
 * cli/mdm - `rehome mdm NOUN VERB ...`: a client of the MDM service's REST API
 *
 * One row of the table (mdm_table.c) is one verb: its route, where operands and options go, and
 * what is shown of the answer.  Nothing here knows what a device or a command is.
 */
#ifndef REHOME_CLI_MDM_H
#define REHOME_CLI_MDM_H

#include "cli/internal.h"
#include "net/http.h"

/** enum mdm_option - options of the verbs; their order is that of mdm_options */
enum mdm_option {
	MDM_GROUP,
	MDM_ALL,
	MDM_BAR_CLOUD_BACKUP,
	MDM_FORCE_ENCRYPTION,
	MDM_BAR_PAIRING,
	MDM_MESSAGE,
	MDM_PHONE,
	MDM_KEEP_DATA_PLAN,
	MDM_BAR_PROXIMITY_SETUP,
	MDM_RETURN_TO_SERVICE,
	MDM_TEXT,
	MDM_RECORD,
	MDM_OWNERSHIP,
	MDM_KEYS,
	MDM_PLIST,
	MDM_COUNT,
	MDM_UUID,
	MDM_LANE,
	MDM_NOT_BEFORE,
	MDM_ENDS,
	MDM_ID,
	MDM_SERIAL,
	MDM_UDID,
	MDM_KIND,
	MDM_HOURS,
	MDM_DETAILS,
	MDM_ROLE,
	MDM_SCOPE,
	MDM_DAYS,
	MDM_EVENT,
	MDM_AFTER,
	MDM_SUBJECT,
	MDM_LIMIT,
	MDM_VALUE_FILE,
	MDM_FORCE,
	MDM_WAIT,
	MDM_GENERATE,
	MDM_REPLACE,
	MDM_DRY_RUN,
	MDM_YES,
	MDM_OPTION_COUNT,
};

/** struct mdm_option_row - @field: in a body or query; NULL: the verb reads it itself */
struct mdm_option_row {
	const char *name, *field, *argument, *help; /* without @argument: a flag */
	bool is_number, is_list;
};
extern const struct mdm_option_row mdm_options[MDM_OPTION_COUNT];

/** struct mdm_values - what was said; lists in words, flags as "true" in text */
struct mdm_values {
	const char *text[MDM_OPTION_COUNT];
	bool flag[MDM_OPTION_COUNT];
	struct cli_list list[MDM_OPTION_COUNT];
};

/** struct mdm - one run */
struct mdm {
	struct cli *cli;
	const char *server, *token_file, *ca_file;
	struct mdm_values values;
	struct http_client *client;
	char url[1024];
	char ca_path[CLI_PATH_MAX];  /* that is trusted; "": the system's certificates */
	struct secret authorization; /* "Bearer ..." with a NUL */
	int64_t timeout_ms;          /* of a request; 0: the client's own */
};

enum mdm_verb_flag {
	MDM_ASKS = 1u << 0,              /* destroys: tells what will happen and asks */
	MDM_PAGES = 1u << 1,             /* a list in pages: all of them, unless --limit is said */
	MDM_FILE = 1u << 2,              /* its last operands are files; they are the body */
	MDM_ASKS_IF_DANGEROUS = 1u << 3, /* as MDM_ASKS, but only if the service says "dangerous" */
};

struct mdm_verb {
	const char *noun, *verb, *operands, *summary;
	const char *method, *path; /* "/devices/{}": operands fill it from the left */
	const char *rest;          /* field of the other operands; "ids[]": a list of them */
	int min, max;              /* operands */
	uint64_t takes;            /* 1 << enum mdm_option */
	unsigned flags;
	const char *list, *columns; /* of the answer: the list, and its columns for a table */
	int (*run)(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
};
/** mdm_verbs - ends with a NULL noun */
extern const struct mdm_verb mdm_verbs[];

/* ---- mdm_call.c ---- */

/** mdm_connect - --server, --token-file, --ca, their environment variables, or the data folder of a
 * service of this user */
int mdm_connect(struct mdm *mdm, struct err *err);
void mdm_disconnect(struct mdm *mdm);
/** mdm_ask - one request; @path with its query; @body may be empty. The answer's JSON into *@out,
 * and *@status; a refusal becomes an error with the service's words and next step */
int mdm_ask(struct mdm *mdm, const char *method, const char *path, const char *content_type,
	    struct slice body, json_t **out, int *status, struct err *err);
/** mdm_escape - append @text as a component of a path or a value of a query */
int mdm_escape(struct buf *out, const char *text, struct err *err);

/* ---- mdm_record.c: what other commands ask ---- */

/** mdm_text - a text of an answer, borrowed from @object; "" when it is null, no text or absent */
const char *mdm_text(const json_t *object, const char *key);
/** mdm_get - GET @path; caller releases *@out */
int mdm_get(struct mdm *mdm, const char *path, json_t **out, struct err *err);
/** mdm_get_one - GET /@what/@id@rest; *@out NULL, and no failure, when there is none */
int mdm_get_one(struct mdm *mdm, const char *what, const char *id, const char *rest, json_t **out,
		struct err *err);
/** struct mdm_record - as GET /devices/{udid} and GET /enrollments/{id} tell it; NULL: none */
struct mdm_record {
	json_t *device, *enrollment;
};
/**
 * mdm_record_ask - the record of a device, by its UDID, or by its serial number when @udid is ""
 * That the service does not know it is no failure: @out is empty then. A retired, wiped or deleted
 * one has no enrollment. mdm_record_clear releases it.
 */
int mdm_record_ask(struct mdm *mdm, const char *udid, const char *serial, struct mdm_record *out,
		   struct err *err);
void mdm_record_clear(struct mdm_record *record);
/** mdm_record_is_gone - is it retired, wiped or deleted? A device that comes back is a stranger
 * then. */
bool mdm_record_is_gone(const struct mdm_record *record);
/** mdm_identity_now - the current identity of an enrollment, borrowed; NULL: none */
const json_t *mdm_identity_now(const json_t *enrollment);
/** mdm_identity_at - the identity that the device went by at @time: the last one that was issued
 * before, by the clocks of service and host; one of which that is not known is as old as need be.
 * NULL if the enrollment is younger, or has none. */
const json_t *mdm_identity_at(const json_t *enrollment, int64_t time);
/** mdm_generation - which life of its device an enrollment or an identity is of, from 1 */
json_int_t mdm_generation(const json_t *row);
/** mdm_identity_is_superseded - has another one taken its place, or was it ended? */
bool mdm_identity_is_superseded(const json_t *identity);

/* ---- mdm_named.c: the service that REHOME_MDM_URL names, asked by commands that do without ----
 */

/** mdm_named - connected at the first call, borrowed from @cli until the command ends. NULL: none
 * is named, or it does not answer, which is told once. */
struct mdm *mdm_named(struct cli *cli);
/** mdm_named_failed - tell why the service is not asked any more in this run */
void mdm_named_failed(struct cli *cli, const struct err *why);
void mdm_named_close(struct cli *cli);
/** mdm_named_record - mdm_record_ask of it; false: it was not asked, or failed. Release @out in
 * every case. */
bool mdm_named_record(struct cli *cli, const char *udid, const char *serial,
		      struct mdm_record *out);

enum { MDM_NO_PASSWORD = 1 };
/** mdm_named_password - the backup password of a device, where the service keeps one; read at most
 * once in a run, for the service notes each time. Says where it is from. Returns 0 or
 * MDM_NO_PASSWORD; trouble is told. @udid "": MDM_NO_PASSWORD */
int mdm_named_password(struct cli *cli, const char *udid, struct secret *password);

/* ---- mdm_request.c ---- */

/** mdm_path - append the verb's path, its operands filled in, and its query; *@used operands are
 * taken */
int mdm_path(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv, struct buf *out,
	     int *used, struct err *err);
/** mdm_secret_put - "value" of @body: the first line of --value-file; "-" is the standard input */
int mdm_secret_put(struct mdm *mdm, json_t *body, struct err *err);
/** mdm_body - the object of options and of the operands after @used */
int mdm_body(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv, int used,
	     json_t **out, struct err *err);
/** mdm_number - ERR_USAGE if @text is none */
int mdm_number(const char *option, const char *text, json_int_t *out, struct err *err);

/* ---- mdm_print.c ---- */

/** mdm_print - the answer @value as JSON, as the verb's table, or as lines "key: value" */
int mdm_print(struct cli *cli, const struct mdm_verb *verb, const json_t *value, struct err *err);

/* ---- mdm_wait.c ---- */

/** struct mdm_wait - for whom, and for what: a command, or a profile in this version or a later one
 */
struct mdm_wait {
	struct mdm *mdm;
	char **ids;
	int count;
	const char *command, *profile; /* CommandUUID; else PayloadIdentifier */
	json_int_t version;
};
/**
 * mdm_wait - look until each device is done, or --wait seconds are over; "results" joins @answer
 *
 * Each row has the id, and the command or the profile as the service tells it.  What changes is
 * told as it happens.  Returns 0; 1 if a device refused or failed; ERR_TIMEOUT.
 */
int mdm_wait(const struct mdm_wait *wait, json_t *answer);

/* ---- mdm_verbs.c: verbs that are more than one request ---- */

enum { MDM_FILE_LEN_MAX = 4 << 20, MDM_PARTLY = 207 /* status: some of it was refused */ };

/** mdm_target_check - does @body name devices, where the verb takes a list of them? ERR_USAGE */
int mdm_target_check(const struct mdm_verb *verb, const json_t *body, struct err *err);
/** mdm_question - mdm_target_check; and if the verb destroys, tell and ask, and note in @body how
 * many devices that is. ERR_CANCELED: no */
int mdm_question(struct mdm *mdm, const struct mdm_verb *verb, const char *path, json_t *body);
/** mdm_ask_json - mdm_ask with a body of JSON, which may hold a secret: its text is wiped. Failures
 * go to the run's own error */
int mdm_ask_json(struct mdm *mdm, const char *method, const char *path, const json_t *body,
		 json_t **out, int *status);

/** mdm_run - the usual verb: one request, or a page after the other */
int mdm_run(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
int mdm_run_send(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
int mdm_run_follow(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
int mdm_run_identifiers(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
/** mdm_run_install - a profile from a file: stored, assigned, awaited (mdm_send.c) */
int mdm_run_install(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
/** mdm_run_password - `set UDID` and `show UDID` (mdm_password.c) */
int mdm_run_password(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);

#endif
