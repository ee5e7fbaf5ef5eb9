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
	struct secret authorization; /* "Bearer ..." with a NUL */
};

enum mdm_verb_flag {
	MDM_ASKS = 1u << 0,  /* destroys: tells what will happen and asks */
	MDM_PAGES = 1u << 1, /* a list in pages: all of them, unless --limit is said */
	MDM_FILE = 1u << 2,  /* its last operands are files; they are the body */
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

/* ---- mdm_request.c ---- */

/** mdm_path - append the verb's path, its operands filled in, and its query; *@used operands are
 * taken */
int mdm_path(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv, struct buf *out,
	     int *used, struct err *err);
/** mdm_body - the object of options and of the operands after @used */
int mdm_body(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv, int used,
	     json_t **out, struct err *err);
/** mdm_number - ERR_USAGE if @text is none */
int mdm_number(const char *option, const char *text, json_int_t *out, struct err *err);

/* ---- mdm_print.c ---- */

/** mdm_print - the answer @value as JSON, as the verb's table, or as lines "key: value" */
int mdm_print(struct cli *cli, const struct mdm_verb *verb, const json_t *value, struct err *err);

/* ---- mdm_verbs.c: verbs that are more than one request ---- */

/** mdm_run - the usual verb: one request, or a page after the other */
int mdm_run(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
int mdm_run_send(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
int mdm_run_follow(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);
int mdm_run_identifiers(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv);

#endif
