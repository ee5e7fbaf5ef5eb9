/*
 * server/api - the administration's side of the records process
 *
 * A worker ends TLS and checks the form of a request (sizes, UTF-8, strict JSON), then forwards it
 * as one call.  The records process answers it here, inside the transaction that it commits before
 * the answer leaves.  Handlers stand in api_*.c; records.c calls them.
 *
 * One thread, the records process.
 */
#ifndef REHOME_SERVER_API_H
#define REHOME_SERVER_API_H

#include "base/base.h"

struct fleet;
struct fleet_keys;
struct store;

enum {
	API_BODY_MAX = 4 << 20,  /* of a request, in bytes */
	API_REPLY_MAX = 8 << 20, /* of an answer, in bytes */
	API_TOKEN_MAX = 127,     /* characters of a token */
};

/** struct api_context - what handlers work on; borrowed for the call */
struct api_context {
	struct store *store;
	struct fleet *fleet;
	struct fleet_keys *keys; /* seal and open; open is counted under its purpose */
	struct clock *clock;
	struct entropy *entropy;
	const char *url;              /* of the service, without a slash at its end */
	struct slice ca_pem;          /* the CA's certificate */
	struct slice supervision_pem; /* the supervision identity's certificate */
	bool is_topic_change_allowed; /* of the push certificate, by configuration */
	bool has_apns;                /* pushes go somewhere, by configuration */
};

/** struct api_request - as the worker forwards it; everything is borrowed */
struct api_request {
	const char *method; /* GET, POST, PUT, DELETE, PATCH */
	const char *path;   /* decoded, begins with /api/v1/, /v1/, or is /migration, /version,
			       /metrics */
	const char *query;  /* as sent, "" without; http_query_value reads it */
	const char *authorization; /* value of that header, "" without */
	const char *content_type;  /* "" without */
	const char *peer;          /* address, for the audit */
	struct slice body;         /* strict JSON if the content type says JSON */
};

/** struct api_answer - api_answer_init, api_answer_clear */
struct api_answer {
	int status;
	const char *content_type; /* static; NULL without a body */
	const char *challenge;    /* WWW-Authenticate, static; NULL leaves it out */
	struct buf body;
	unsigned effects; /* enum fleet_effect and enum api_effect */
};

/** flags of api_answer.effects, above those of fleet; carried out after the commit */
enum api_effect {
	API_PUSH_CERT_CHANGED = 1u << 16, /* the courier and fleet's topic follow */
	API_WEBHOOKS_CHANGED = 1u << 17,  /* look at the table again, now */
	API_ACTED = 1u << 18, /* an operator changed something: devices may lack or have too much */
};

void api_answer_init(struct api_answer *answer);
void api_answer_clear(struct api_answer *answer);

/**
 * api_handle - answer one request; the credential is checked here
 *
 * /metrics is asked for its credential only: 200 without a body if a viewer may see it, and the
 * worker puts the text in.  Returns 0, and then the answer stands, whatever its status, and is
 * committed (an audit row of a refusal too); < 0: rolled back, the worker answers 503.
 */
int api_handle(struct api_context *context, const struct api_request *request,
	       struct api_answer *answer, struct err *err);

/** api_json_check - is @body strict JSON (one value, no key twice, at most 16 levels)? For the
 * worker; ERR_PROTOCOL names the place */
int api_json_check(struct slice body, struct err *err);

/**
 * api_token_first - make the first administrator's token, if the store has none that is valid
 * @token: receives it with a NUL; the caller wipes it
 *
 * Returns 0, or ERR_EXISTS: there is one already.
 */
int api_token_first(struct api_context *context, char token[API_TOKEN_MAX + 1], struct err *err);

/*
 * The push certificate and webhooks as rows: settings "push-cert" (PEM) and "push-key" (sealed
 * PEM); rows of `webhook` with sealed secrets.  api_*.c writes them; the courier's side
 * (push.c, webhook.c) reads them and writes what became of a delivery.
 */

#endif
