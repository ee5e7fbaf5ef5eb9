/*
 * fleet/judge - what a message means for its enrollment, as a pure function
 *
 * All that decides between a fresh enrollment, a renewal, a restore and a refusal stands in one
 * place, without rows or bytes, so that it can be read and tested as a table.
 */
#ifndef REHOME_FLEET_JUDGE_H
#define REHOME_FLEET_JUDGE_H

#include "fleet/fleet.h"
#include "store/store.h"

enum {
	/* after a new identity was first seen, messages under the one before are no sign of a
	 * restore: the answer to the renewal itself comes over the old connection */
	FLEET_SUPERSEDED_TOLERANCE_S = 3600,
	FLEET_DAY_S = 86400,
};

enum fleet_message { FLEET_SAYS_AUTHENTICATE, FLEET_SAYS_TOKEN_UPDATE, FLEET_SAYS_OTHER };

/** enum fleet_identity - what is known of the certificate that a message came under */
enum fleet_identity {
	FLEET_IDENTITY_ABSENT,   /* none was presented */
	FLEET_IDENTITY_UNKNOWN,  /* we neither issued nor imported it */
	FLEET_IDENTITY_FREE,     /* of an enroll ticket, not used by a device yet */
	FLEET_IDENTITY_BARRED,   /* the same, but its ticket is for another device */
	FLEET_IDENTITY_FOREIGN,  /* bound to another enrollment */
	FLEET_IDENTITY_NEXT,     /* issued by a renewal, not seen yet */
	FLEET_IDENTITY_CURRENT,  /* as it should be */
	FLEET_IDENTITY_PREVIOUS, /* superseded by a renewal that was seen */
	FLEET_IDENTITY_ENDED,    /* of an earlier generation, or ended on purpose */
};

/** struct fleet_facts - what the judgement rests on */
struct fleet_facts {
	enum fleet_message message;
	enum fleet_identity identity;
	int64_t not_after;      /* of the certificate, seconds since 1970 */
	int64_t current_seen;   /* when the current certificate was first seen */
	bool is_renewal_ticket; /* a renew ticket bought the certificate */
	bool is_enrollment_known;
	enum store_state state;
	enum store_restore restore;
	bool awaits_token; /* Authenticate came, its TokenUpdate did not */
	bool is_unenroll_decided;
	bool is_token_changed; /* TokenUpdate with another token or magic than known */
	enum fleet_restore_policy policy;
	int64_t grace_s, now;
};

enum fleet_verdict {
	FLEET_REFUSE,         /* 400 */
	FLEET_REFUSE_RESTORE, /* 400, and the record is flagged */
	FLEET_UNENROLL,       /* the operator's decision goes out */
	FLEET_FRESH,          /* first generation */
	FLEET_RE_ENROLLED,    /* next generation */
	FLEET_RENEWED,        /* same generation, new identity */
	FLEET_RESTORED,       /* go on, and note a restore */
	FLEET_PROCEED,        /* nothing special */
};

struct fleet_judgement {
	enum fleet_verdict verdict;
	const char *reason; /* static: of a refusal, for the log */
	const char *event;  /* static: kind of the event it is worth, or NULL */
};

struct fleet_judgement fleet_judge(const struct fleet_facts *facts);

#endif
