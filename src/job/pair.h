/* job/pair - one pairing under way, shared by the two roads to it */
#ifndef REHOME_JOB_PAIR_H
#define REHOME_JOB_PAIR_H

#include "crypto/crypto.h"
#include "job/internal.h"

struct pairing {
	struct crypto_pairing certificates;
	struct buf escrow_bag;
	struct buf challenge; /* of the last PAIR_CHALLENGED */
	char host_id[37], system_buid[64], wifi_address[64], device_name[JOB_TEXT_MAX];
};

/** struct pair_proof - what a Pair request carries among its PairingOptions */
struct pair_proof {
	const char *key;
	struct slice bytes;
};

enum pair_outcome {
	PAIR_PENDING = 1,    /* its person is asked */
	PAIR_LOCKED = 2,     /* before it does anything its person has to unlock it */
	PAIR_CHALLENGED = 3, /* pairing->challenge wants a signature */
	PAIR_FORBIDDEN = 4,  /* by a profile, unless its supervisor asks */
};

/* ---- pair.c ---- */

/** pair_ask - one Pair request; @proof may be NULL. 0: paired; enum pair_outcome, for the last two
 * with words in @err; < 0 */
int pair_ask(struct pairing *pairing, struct lockdown *lockdown, const struct pair_proof *proof,
	     struct err *err);

/* ---- pair_supervised.c ---- */

/** pair_supervised - show the certificate, have the challenge signed, show the signature. 0;
 * PAIR_LOCKED; ERR_POLICY if the device does not count @supervisor as its own */
int pair_supervised(struct pairing *pairing, struct lockdown *lockdown,
		    struct job_supervisor *supervisor, struct err *err);

#endif
