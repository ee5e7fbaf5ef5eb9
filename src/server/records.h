/*
 * server/records - what the parts of the records process share
 *
 * One thread, one connection to the store.  Calls that wait are answered together: up to
 * RECORDS_BATCH in one transaction, each behind a mark of its own, and the answers leave when it is
 * durable.
 */
#ifndef REHOME_SERVER_RECORDS_H
#define REHOME_SERVER_RECORDS_H

#include "fleet/fleet.h"
#include "mdm/mdm.h"
#include "server/api.h"
#include "server/call.h"
#include "server/process.h"
#include "store/store.h"

enum {
	RECORDS_BATCH = 32,
	RECORDS_LINKS_MAX = 2 + COUNTS_WORKERS_MAX,
	RECORDS_KEYS_MS = 5000, /* for an answer of `keys` */
	RECORDS_PUSHES = 200,   /* handed to the courier at once */
};

/** struct records_policy - fleet's, with the texts that it borrows */
struct records_policy {
	struct fleet_policy policy;
	struct config config;
	char server_url[CONFIG_TEXT_MAX + 16], checkin_url[CONFIG_TEXT_MAX + 16],
		scep_url[CONFIG_TEXT_MAX + 16], topic[FLEET_NAME_MAX + 1];
	struct buf root; /* CA in DER */
};

struct records_peer {
	struct link link;
	enum role role;
};

/** struct records_keys - fleet's table over the link to `keys` */
struct records_keys {
	struct fleet_keys table;
	struct link link;
	uint32_t number;
};

enum { HOOKS_MAX = 32 };
/** struct hook - a webhook with a delivery under way */
struct hook {
	char id[FLEET_NAME_MAX + 1];
	int64_t event;  /* 0: none */
	int64_t began;  /* next_event of its row at that time */
	bool is_handed; /* its transaction is durable */
};

/** enum push_identity - does the courier have the push certificate that was read last? */
enum push_identity { PUSH_TO_READ, PUSH_DEFERRED, PUSH_HANDED };

struct records {
	const struct process_env *env;
	struct store *store;
	struct fleet *fleet;
	struct records_policy *policy;
	struct records_keys keys;
	struct records_peer peers[RECORDS_LINKS_MAX];
	struct link *courier; /* one of the peers, or NULL */
	struct buf ca_pem, supervision_pem, push_cert;
	enum push_identity push_identity;
	struct plist_doc *doc;
	struct fleet_answer answer;
	struct buf bytes;    /* result of the call at hand */
	struct buf deferred; /* frames to the courier, sent after the commit */
	unsigned effects;
	bool is_leaving, is_remote; /* remote: PostgreSQL */
	bool is_away;               /* the store is */
	int64_t second_ms, minute_ms, hour_ms, reopen_ms;
	struct hook hooks[HOOKS_MAX];
	unsigned first; /* peer whose turn it is */
};

/** records_keys_init - the table; not connected */
void records_keys_init(struct records_keys *keys);

/** records_call - one call, inside the transaction: reads its fields, appends the answer's */
int records_call(struct records *records, enum role role, struct frame *frame,
		 struct call_writer *answer, struct err *err);

/** records_policy_make - from a configuration and the push certificate's topic */
int records_policy_make(struct records *records, const struct config *config,
			struct records_policy **out, struct err *err);
void records_policy_free(struct records_policy *policy);

/** records_transaction - run @work between begin and commit, again if another service was faster;
 * what it put into records->deferred leaves after the commit */
int records_transaction(struct records *records,
			int (*work)(struct records *records, void *arg, struct err *err), void *arg,
			struct err *err);

/* ---- sweeps.c: what time brings ---- */

/** sweeps_run - whatever is due; *@wait_ms: until the next */
void sweeps_run(struct records *records, int64_t now_ms, int64_t *wait_ms);

/* ---- delivery.c: pushes and webhooks, this side of the courier ---- */

/** delivery_connected - the courier is new: it gets the push identity; what was under way is not
 * any more */
void delivery_connected(struct records *records);
/** delivery_undone, delivery_handed - what records->deferred held came to nothing, or is on its way
 * to the courier: only then is it noted as such */
void delivery_undone(struct records *records);
void delivery_handed(struct records *records);
/** delivery_identity - read the push certificate again; the courier and fleet's topic follow */
int delivery_identity(struct records *records, void *arg, struct err *err);
/** delivery_pushes, delivery_hooks - hand over what is due; inside a transaction */
int delivery_pushes(struct records *records, void *arg, struct err *err);
int delivery_hooks(struct records *records, void *arg, struct err *err);
/** delivery_pushed, delivery_hooked - what the courier tells of one */
int delivery_pushed(struct records *records, struct call_fields *in, struct err *err);
int delivery_hooked(struct records *records, struct call_fields *in, struct err *err);

#endif
