/*
 * swarm - many light devices in one process, for load and endurance
 *
 *   swarm_pool.c    key pairs, and certificates by SCEP
 *   swarm_send.c    what a light device says
 *   swarm_command.c commands and declarations, and its answers
 *   swarm_talk.c    what it does, step by step
 *   swarm_run.c     who speaks next; counts, and what must never happen
 *
 * A light device has no files: an enrollment, a certificate of its own over one of the pool's keys,
 * and what it owes an answer for.  One thread; the calls run side by side in struct http_client.
 */
#ifndef REHOME_SIM_SWARM_H
#define REHOME_SIM_SWARM_H

#include "crypto/identity.h"
#include "net/http.h"
#include "sim/client.h"

#include <jansson.h>

enum { SWARM_UUID_MAX = 64, SWARM_STATUSES = 600 };

/** struct swarm_options - how it behaves; shares are of 1000 actions */
struct swarm_options {
	unsigned count, keys, parallel, connections;
	uint64_t requests; /* it ends after so many */
	uint64_t seed;
	unsigned malformed, foreign, tokens, again; /* again: enroll anew */
	const char *tickets;  /* file: a URL of an enrollment profile a line */
	const char *key_file; /* where the pool's keys are kept; or NULL */
	struct slice ca_pem;  /* whom to trust */
	const char *journal;  /* file: a line for each enrollment and answer */
};

/** struct swarm_counts - what came of it */
struct swarm_counts {
	uint64_t requests, enrolled, renewed, commands, not_now,
		failed; /* failed: no answer came */
	uint64_t statuses[SWARM_STATUSES];
	/* what must never happen */
	uint64_t unasked_401, unasked_403, removals, declaration_404;
	uint64_t wrong_device;  /* a command whose mark names another device or generation */
	uint64_t given_twice;   /* a command that came again after its answer had been accepted */
	uint64_t foreign_taken; /* 2xx for a message under another device's certificate */
};

enum swarm_step {
	STEP_NONE,
	STEP_PROFILE, /* the enrollment profile is fetched */
	STEP_SCEP,
	STEP_AUTHENTICATE,
	STEP_TOKEN,
	STEP_SESSION, /* Idle, or an answer */
	STEP_TOKENS,
	STEP_ITEMS,
	STEP_DECLARATION,
	STEP_STATUS,
	STEP_MALFORMED,
	STEP_FOREIGN,
	STEP_TOKEN_ALONE,
};

struct swarm;
/** struct light - one device */
struct light {
	struct swarm *swarm;
	uint32_t index, generation; /* generation 0: never enrolled */
	uint32_t push_epoch;
	enum swarm_step step;
	bool is_enrolled, is_renewing, is_answer; /* is_answer: @body is owed until a 2xx */
	struct buf cert, next_cert;               /* PEM; @next_cert while enrolling or renewing */
	struct buf body;                          /* the message to send, or to send again */
	char challenge[128], last[SWARM_UUID_MAX + 1];
	bool last_was_taken;           /* the answer to @last got a 2xx */
	bool declares;                 /* declarations are due once the answer was taken */
	json_t *items;                 /* endpoints still to be fetched */
	struct crypto_scep_wish *wish; /* of the SCEP call under way */
};

struct swarm {
	const struct swarm_options *options;
	struct http_client *http;
	const struct cancel *cancel;
	struct clock *clock;
	struct light *lights;
	uint64_t random;
	unsigned running;
	int64_t rests_until_ms; /* nobody begins before: a call failed */
	struct swarm_counts counts;
	FILE *journal;
	/* the pool */
	struct crypto_key **keys;
	struct buf *key_pems;
	struct crypto_cert **selves; /* self-signed, for the first message */
	/* the service, as the first profile tells */
	bool is_known, has_aes;
	char server_url[SIM_SERVER_LEN], checkin_url[SIM_SERVER_LEN], scep_url[SIM_SERVER_LEN];
	char topic[SIM_TOPIC_LEN], identifier[SIM_SERVER_LEN];
	struct crypto_cert *ca, *ra;
	char **tickets;
	size_t ticket_count, ticket_next;
	struct plist_doc *doc; /* of the message being read */
};

/* ---- swarm_pool.c ---- */

/** swarm_pool_make - read the keys from the file, or make them and keep them there */
int swarm_pool_make(struct swarm *swarm, struct err *err);
void swarm_pool_clear(struct swarm *swarm);
/** swarm_pool_key - number of the key that a device uses */
unsigned swarm_pool_key(const struct light *light);
/** swarm_scep_learn - GetCACert and GetCACaps, once; waits */
int swarm_scep_learn(struct swarm *swarm, struct err *err);
/** swarm_scep_request - the request for @light, which keeps what the answer is compared with */
int swarm_scep_request(struct light *light, struct buf *message, struct err *err);
/** swarm_scep_answer - the certificate into @light->next_cert; SIM_REFUSED */
int swarm_scep_answer(struct light *light, struct slice answer, struct err *err);

/* ---- swarm_send.c: each begins a call, whose end is swarm_on_reply ---- */

#define SWARM_HEAD                                                                                \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST " \
	"1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\"><plist "                    \
	"version=\"1.0\"><dict>"
#define SWARM_CHECKIN "application/x-apple-aspen-mdm-checkin"
#define SWARM_CONNECT "application/x-apple-aspen-mdm; charset=UTF-8"

/** swarm_send_as - any call; @cert empty: nobody's identity; @key: number of its key in the pool */
int swarm_send_as(struct light *light, const char *method, const char *url, const char *type,
		  struct slice body, struct slice cert, unsigned key, struct err *err);
/** swarm_send_own - PUT under the device's identity, the next one where it has one */
int swarm_send_own(struct light *light, const char *url, const char *type, struct slice body,
		   struct err *err);
int swarm_send_authenticate(struct light *light, struct err *err);
int swarm_send_token(struct light *light, enum swarm_step step, struct err *err);
/** swarm_send_declarative - @data: further keys, XML */
int swarm_send_declarative(struct light *light, enum swarm_step step, const char *endpoint,
			   const char *data, struct err *err);
/** swarm_send_session - Idle, or the answer that is owed */
int swarm_send_session(struct light *light, struct err *err);

/* ---- swarm_command.c; SIM_REFUSED: no message of a service ---- */

/** swarm_command_take - a command: the answer is sent, or the certificate that it brings is asked
 * for */
int swarm_command_take(struct light *light, struct slice bytes, struct err *err);
/** swarm_answer_write - the answer that is owed into @light->body; @keys: further keys, XML */
int swarm_answer_write(struct light *light, const char *status, const char *keys, struct err *err);
/** swarm_items_take - declaration-items: the first of them is asked for */
int swarm_items_take(struct light *light, struct slice body, struct err *err);
/** swarm_declaration_next - the next one is asked for, or the status sent */
int swarm_declaration_next(struct light *light, struct err *err);

/* ---- swarm_talk.c ---- */

void swarm_on_reply(void *arg, int code, struct http_reply *reply, const struct err *err);
/** swarm_profile_take - what an enrollment profile tells; SIM_REFUSED: it is none */
int swarm_profile_take(struct light *light, struct slice bytes, struct err *err);
/** swarm_send_scep - ask for the certificate of the profile that was taken */
int swarm_send_scep(struct light *light, struct err *err);
/** swarm_note - a line for the journal */
void swarm_note(const struct light *light, const char *word, const char *what);

/** swarm_udid, swarm_serial - of the reserved range, by number */
const char *swarm_udid(const struct light *light, char out[41]);
const char *swarm_serial(const struct light *light, char out[24]);
/** swarm_begin - start an action: enroll, a session, or one of the others */
int swarm_begin(struct light *light, enum swarm_step step, struct err *err);
/** swarm_light_clear - give back what @light holds; nothing of it may be used afterwards */
void swarm_light_clear(struct light *light);

/* ---- swarm_run.c ---- */

int swarm_new(struct swarm **out, const struct swarm_options *options, struct clock *clock,
	      const struct cancel *cancel, struct err *err);
void swarm_free(struct swarm *swarm);
/** swarm_run - until all requests are made; then each device speaks once more, so that what was
 * queued is delivered */
int swarm_run(struct swarm *swarm, struct err *err);
/** swarm_is_fine - did nothing happen that must never happen? */
bool swarm_is_fine(const struct swarm *swarm);
/** swarm_next - the next random number below @limit */
uint64_t swarm_next(struct swarm *swarm, uint64_t limit);

#endif
