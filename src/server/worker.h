/*
 * server/worker - what the parts of a worker share: the exchange, the routes, the calls
 */
#ifndef REHOME_SERVER_WORKER_H
#define REHOME_SERVER_WORKER_H

#include "crypto/identity.h"
#include "fleet/fleet.h"
#include "plist/plist.h"
#include "server/caller.h"
#include "server/process.h"

enum {
	WORKER_SCEP_MAX = 16 << 10,   /* of a SCEP request's body */
	WORKER_HEADER_MAX = 24 << 10, /* a SCEP message may come in the query */
	WORKER_SMALL_MAX = 4 << 10,   /* of requests that have no use for a body */
	WORKER_PEERS = 4096,          /* certificates whose dates are remembered */
	WORKER_REPORT_MAX = 4 << 20,  /* of a command report */
};

struct worker {
	const struct process_env *env;
	struct http_server *server;
	struct caller *records, *keys;
	struct http_watch *control;
	struct http_timer *second;
	struct counts_worker *counts;
	struct plist_doc *doc;
	struct buf message; /* a re-encoded one; kept for the next */
	struct crypto_cert *ca, *ra;
	struct buf ca_reply;      /* GetCACert */
	struct fleet_peer *peers; /* WORKER_PEERS, by the first bytes of the digest */
};

/** answer - counted; as http_answer */
void worker_answer(struct worker *worker, struct http_request *request, int status,
		   const char *type, const struct http_field *extra, struct slice body);
/** worker_answer_text - a line for people */
void worker_answer_text(struct worker *worker, struct http_request *request, int status,
			const char *text);
/** worker_unavailable - 503: what every inside failure says */
void worker_unavailable(struct worker *worker, struct http_request *request);

/** struct exchange - a request whose answer another process makes */
struct exchange {
	struct worker *worker;
	struct http_request *request;
};
/** exchange_new - NULL without memory, and then 503 was answered; finished by exchange_done */
struct exchange *exchange_new(struct worker *worker, struct http_request *request);
/** exchange_answered - a caller_done: status, content type, body and an extra header value, as all
 * calls that end in an HTTP answer have them; frees @arg, a struct exchange */
void exchange_answered(void *arg, int outcome, struct call_fields *fields);
/** exchange_call - send what @writer began; a failure is answered with 503 */
void exchange_call(struct exchange *exchange, struct caller *caller, struct call_writer *writer);

/** worker_peer - who speaks, by TLS certificate or Mdm-Signature. 0; ERR_POLICY: nobody,
 * ERR_PROTOCOL: a bad signature */
int worker_peer(struct worker *worker, const struct http_request *request, struct fleet_peer *peer,
		struct err *err);
/** worker_peer_of - of a certificate in DER */
int worker_peer_of(struct worker *worker, struct slice der, struct fleet_peer *peer,
		   struct err *err);
/** worker_put_peer - as the "peer fields" of a call: digest, notAfter u64 */
void worker_put_peer(struct call_writer *writer, const struct fleet_peer *peer);

/* the routes; each answers @request, now or later. @rest: of the path behind the route's own */
void device_message(struct worker *worker, struct http_request *request, const char *rest);
void device_checkin(struct worker *worker, struct http_request *request, const char *rest);
void device_profile(struct worker *worker, struct http_request *request, const char *rest);
void scep_serve(struct worker *worker, struct http_request *request, const char *rest);
void enroll_serve(struct worker *worker, struct http_request *request, const char *rest);
void admin_serve(struct worker *worker, struct http_request *request, const char *rest);
void metrics_serve(struct worker *worker, struct http_request *request, const char *rest);
void health_serve(struct worker *worker, struct http_request *request, const char *rest);

#endif
