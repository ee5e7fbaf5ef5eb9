/*
 * What a message means for its enrollment.  The order of the questions matters: who speaks, whether
 * an operator unenrolled it, whether the identity still counts, and only then what is said.
 */
#include "fleet/judge.h"

static struct fleet_judgement refuse(const char *reason, const char *event)
{
	return (struct fleet_judgement){FLEET_REFUSE, reason, event};
}

static struct fleet_judgement proceed(enum fleet_verdict verdict, const char *event)
{
	return (struct fleet_judgement){verdict, NULL, event};
}

/* a certificate that no device has used: good for an Authenticate and nothing else */
static struct fleet_judgement judge_free(const struct fleet_facts *facts)
{
	if (facts->message != FLEET_SAYS_AUTHENTICATE)
		return facts->is_enrollment_known
			       ? refuse("another identity than the one that enrolled",
					"identity-other")
			       : refuse("not enrolled", NULL);
	return facts->is_enrollment_known ? proceed(FLEET_RE_ENROLLED, "re-enrolled")
					  : proceed(FLEET_FRESH, "enrolled");
}

static struct fleet_judgement judge_authenticate(const struct fleet_facts *facts)
{
	/* the second case is a repetition: the answer to the first Authenticate was lost */
	if (facts->is_renewal_ticket && facts->state != STORE_DISABLED &&
	    (facts->identity == FLEET_IDENTITY_NEXT ||
	     (facts->identity == FLEET_IDENTITY_CURRENT && facts->awaits_token)))
		return proceed(FLEET_RENEWED,
			       facts->identity == FLEET_IDENTITY_NEXT ? "renewed" : NULL);
	return proceed(FLEET_RE_ENROLLED, "re-enrolled");
}

/* does an established enrollment look like one that came out of a backup? */
static bool looks_restored(const struct fleet_facts *facts)
{
	if (facts->message == FLEET_SAYS_TOKEN_UPDATE &&
	    (facts->is_token_changed || facts->state == STORE_DISABLED))
		return !facts->awaits_token;
	return facts->identity == FLEET_IDENTITY_PREVIOUS && facts->restore == STORE_NONE &&
	       facts->now > facts->current_seen + FLEET_SUPERSEDED_TOLERANCE_S;
}

static struct fleet_judgement judge_established(const struct fleet_facts *facts)
{
	if (looks_restored(facts)) {
		if (facts->policy == FLEET_RESTORE_REFUSE && facts->restore != STORE_CONFIRMED)
			return (struct fleet_judgement){
				FLEET_REFUSE_RESTORE, "restored, and policy refuses that",
				facts->restore == STORE_REFUSED ? NULL : "restore-refused"};
		return proceed(FLEET_RESTORED, "restored");
	}
	if (facts->restore == STORE_REFUSED)
		return refuse("a refused restore waits for an operator", NULL);
	if (facts->message == FLEET_SAYS_TOKEN_UPDATE)
		return proceed(FLEET_PROCEED, NULL);
	if (facts->state == STORE_DISABLED)
		return refuse("the enrollment was ended", NULL);
	if (facts->state == STORE_PENDING)
		return refuse("no TokenUpdate yet", NULL);
	return proceed(FLEET_PROCEED, NULL);
}

struct fleet_judgement fleet_judge(const struct fleet_facts *facts)
{
	switch (facts->identity) {
	case FLEET_IDENTITY_ABSENT:
		return refuse("no identity", NULL);
	case FLEET_IDENTITY_UNKNOWN:
		return refuse("identity unknown", NULL);
	case FLEET_IDENTITY_FOREIGN:
		return refuse("identity of another device", "identity-foreign");
	case FLEET_IDENTITY_BARRED:
		return refuse("ticket for another device", "ticket-foreign");
	case FLEET_IDENTITY_FREE:
		return judge_free(facts);
	default:
		break;
	}
	if (facts->is_unenroll_decided)
		return proceed(FLEET_UNENROLL, "unenrolled");
	if (facts->identity == FLEET_IDENTITY_ENDED)
		return refuse("identity was ended", "identity-ended");
	if (facts->now > facts->not_after + facts->grace_s)
		return refuse("identity is past its end", "identity-ended");
	if (facts->message == FLEET_SAYS_AUTHENTICATE)
		return judge_authenticate(facts);
	return judge_established(facts);
}
