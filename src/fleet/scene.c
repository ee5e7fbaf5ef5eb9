/*
 * From a message to its judgement: who speaks, under which identity, and what that makes of it.
 */
#include "fleet/internal.h"

enum { ALARM_EVERY_S = FLEET_DAY_S };

int fleet_refuse(struct fleet_scene *scene, const char *reason)
{
	struct fleet_answer *answer = scene->answer;

	buf_truncate(&answer->body, 0);
	answer->content_type = NULL;
	answer->status = 400;
	answer->reason = reason;
	return 0;
}

/* is the device that speaks the one that its ticket names? What is not said is not it */
static int identify_ticket(struct fleet_scene *scene, struct err *err)
{
	const struct mdm_checkin *checkin = scene->checkin;
	struct store_ticket ticket;
	int r;

	scene->identity = FLEET_IDENTITY_FREE;
	if (!checkin || checkin->message != MDM_AUTHENTICATE)
		return 0;
	r = store_ticket_get(scene->fleet->store, scene->certificate.ticket, &ticket, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (ticket.udid[0] && strcmp(ticket.udid, scene->from->device_id) != 0)
		scene->identity = FLEET_IDENTITY_BARRED;
	if (ticket.serial[0] && (!checkin->serial || strcmp(ticket.serial, checkin->serial) != 0))
		scene->identity = FLEET_IDENTITY_BARRED;
	return 0;
}

static enum fleet_identity identity_of_bound(const struct fleet_scene *scene)
{
	if (scene->certificate.generation != scene->enrollment.generation)
		return FLEET_IDENTITY_ENDED;
	switch (scene->certificate.state) {
	case STORE_CERT_NEXT:
		return FLEET_IDENTITY_NEXT;
	case STORE_CERT_CURRENT:
		return FLEET_IDENTITY_CURRENT;
	case STORE_CERT_PREVIOUS:
		return FLEET_IDENTITY_PREVIOUS;
	default:
		return FLEET_IDENTITY_ENDED;
	}
}

/* of an identity that was migrated in with its hash alone: the certificate itself says
 * it when it is first shown */
static int learn_end(struct fleet_scene *scene, struct err *err)
{
	int64_t due = fleet_renewal_due(scene->fleet, scene->peer->not_after);
	int r;

	if (scene->certificate.not_after != 0)
		return 0;
	scene->certificate.not_after = scene->peer->not_after;
	scene->enrollment.due[STORE_DUE_RENEWAL] = due;
	r = store_certificate_put(scene->fleet->store, &scene->certificate, err);
	if (r == 0)
		r = store_enrollment_due_set(scene->fleet->store, scene->enrollment.no,
					     STORE_DUE_RENEWAL, due, err);
	return r < 0 ? r : 0;
}

static int identify(struct fleet_scene *scene, struct err *err)
{
	struct store *store = scene->fleet->store;
	int r;

	if (!scene->peer->is_presented) {
		scene->identity = FLEET_IDENTITY_ABSENT;
		return 0;
	}
	r = store_certificate_find(store,
				   slice_of(scene->peer->sha256, sizeof(scene->peer->sha256)),
				   &scene->certificate, err);
	if (r == STORE_NO_ROW)
		scene->identity = FLEET_IDENTITY_UNKNOWN;
	if (r != 0)
		return r < 0 ? r : 0;
	if (scene->certificate.enrollment != 0) {
		r = store_enrollment_get(store, scene->certificate.enrollment, &scene->enrollment,
					 err);
		if (r != 0)
			return r < 0 ? r : err_set(err, ERR_CORRUPT, "identity of no enrollment");
		scene->is_known = strcmp(scene->enrollment.id, scene->from->device_id) == 0;
		scene->identity =
			scene->is_known ? identity_of_bound(scene) : FLEET_IDENTITY_FOREIGN;
		return scene->is_known ? learn_end(scene, err) : 0;
	}
	r = store_enrollment_find(store, scene->from->device_id, &scene->enrollment, err);
	if (r < 0)
		return r;
	scene->is_known = r == 0;
	if (!scene->is_known)
		memset(&scene->enrollment, 0, sizeof(scene->enrollment));
	return identify_ticket(scene, err);
}

/* when the certificate that replaced this one was first seen */
static int find_current_seen(struct fleet_scene *scene, int64_t *seen, struct err *err)
{
	struct store_certificate *rows;
	size_t count;
	int r = store_certificate_of(scene->fleet->store, scene->enrollment.no, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (rows[i].state == STORE_CERT_CURRENT)
			*seen = rows[i].seen;
	return r;
}

static bool is_token_changed(const struct fleet_scene *scene)
{
	const struct store_enrollment *known = &scene->enrollment;
	const struct mdm_checkin *said = scene->checkin;

	return !slice_equal(known->push_token, said->token) ||
	       strcmp(known->push_magic ? known->push_magic : "", said->magic ? said->magic : "") !=
		       0;
}

/* what only some messages need to know, and costs a look */
static int look_closer(struct fleet_scene *scene, struct fleet_facts *facts, struct err *err)
{
	struct store *store = scene->fleet->store;
	struct store_ticket ticket;
	int r;

	if (scene->identity == FLEET_IDENTITY_PREVIOUS)
		return find_current_seen(scene, &facts->current_seen, err);
	if (facts->message == FLEET_SAYS_AUTHENTICATE && scene->certificate.ticket != 0) {
		r = store_ticket_get(store, scene->certificate.ticket, &ticket, err);
		if (r < 0)
			return r;
		facts->is_renewal_ticket = r == 0 && ticket.purpose == STORE_TO_RENEW;
	}
	return 0;
}

int fleet_scene_open(struct fleet_scene *scene, enum fleet_message message, struct err *err)
{
	const struct fleet_policy *policy = &scene->fleet->policy;
	const struct store_enrollment *enrollment = &scene->enrollment;
	struct fleet_answer *answer = scene->answer;
	struct fleet_facts facts;
	int r;

	buf_truncate(&answer->body, 0);
	answer->status = 200;
	answer->content_type = NULL;
	answer->effects = 0;
	answer->reason = NULL;
	snprintf(answer->id, sizeof(answer->id), "%s", scene->from->id);
	scene->now = fleet_now(scene->fleet);
	r = identify(scene, err);
	if (r < 0)
		return r;
	facts = (struct fleet_facts){
		.message = message,
		.identity = scene->identity,
		.not_after = scene->certificate.not_after,
		.is_enrollment_known = scene->is_known,
		.state = (enum store_state)enrollment->state,
		.restore = (enum store_restore)enrollment->restore,
		.awaits_token = enrollment->flags & FLEET_ROW_AWAITS_TOKEN,
		.is_unenroll_decided = enrollment->unenroll_at != 0,
		.policy = policy->restore,
		.grace_s = (int64_t)policy->grace_days * FLEET_DAY_S,
		.now = scene->now,
	};
	facts.is_token_changed = message == FLEET_SAYS_TOKEN_UPDATE && is_token_changed(scene);
	r = look_closer(scene, &facts, err);
	if (r < 0)
		return r;
	scene->judgement = fleet_judge(&facts);
	return 0;
}

int fleet_scene_close(struct fleet_scene *scene, struct err *err)
{
	fleet_contact(scene->fleet, scene->enrollment.device, scene->now);
	if (!scene->is_changed)
		return 0;
	return store_enrollment_put(scene->fleet->store, &scene->enrollment, err);
}

/*
 * Something is wrong with an identity: flag the record and tell the outbox, once a day each, for a
 * device repeats itself.  The flag lies with the enrollment that the identity belongs to.
 */
static int raise_alarm(struct fleet_scene *scene, struct err *err)
{
	struct store *store = scene->fleet->store;
	struct store_kept old;
	char name[64], body[128];
	int64_t owner = scene->certificate.enrollment;
	int r;

	if (!scene->judgement.event)
		return 0;
	if (owner == 0)
		owner = scene->enrollment.no;
	snprintf(name, sizeof(name), "alarm/%s", scene->judgement.event);
	if (owner != 0) {
		r = store_kept_get(store, STORE_OF_ENROLLMENT, owner, name, &old, err);
		if (r < 0 || (r == 0 && old.at + ALARM_EVERY_S > scene->now))
			return r;
		r = store_kept_put(store, STORE_OF_ENROLLMENT, owner, name, slice_text("1"),
				   scene->now, err);
	} else {
		if (scene->certificate.seen != 0 &&
		    scene->certificate.seen + ALARM_EVERY_S > scene->now)
			return 0;
		scene->certificate.seen = scene->now;
		r = store_certificate_put(store, &scene->certificate, err);
	}
	if (r < 0)
		return r;
	snprintf(body, sizeof(body), "{\"certificate\":\"%s\"}", scene->certificate.serial);
	scene->answer->effects |= FLEET_EVENTS;
	return fleet_event(scene->fleet, scene->judgement.event, scene->from->device_id, body, err);
}

static int refuse_restore(struct fleet_scene *scene, struct err *err)
{
	fleet_refuse(scene, scene->judgement.reason);
	if (!scene->judgement.event)
		return 0;
	scene->enrollment.restore = STORE_REFUSED;
	scene->enrollment.restore_at = scene->now;
	scene->is_changed = true;
	scene->answer->effects |= FLEET_EVENTS;
	return fleet_event(scene->fleet, scene->judgement.event, scene->enrollment.id, NULL, err);
}

bool fleet_scene_refused(struct fleet_scene *scene, int *r, struct err *err)
{
	switch (scene->judgement.verdict) {
	case FLEET_REFUSE:
		fleet_refuse(scene, scene->judgement.reason);
		*r = raise_alarm(scene, err);
		return true;
	case FLEET_REFUSE_RESTORE:
		*r = refuse_restore(scene, err);
		if (*r == 0)
			*r = fleet_scene_close(scene, err);
		return true;
	case FLEET_UNENROLL:
		if (scene->from->is_user_channel) /* the device channel shall hear it */
			*r = fleet_refuse(scene, "unenrolled by an operator");
		else
			*r = fleet_unenroll_answer(scene, err);
		return true;
	default:
		return false;
	}
}

/* the new identity was seen: from now on the one before is a superseded one */
static int promote(struct fleet_scene *scene, struct err *err)
{
	static const char *const settled[] = {"alarm/renewal", "alarm/identity-ending",
					      "alarm/identity-over"};
	struct store *store = scene->fleet->store;
	struct store_certificate *rows;
	size_t count;
	int r = store_certificate_of(store, scene->enrollment.no, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (rows[i].state != STORE_CERT_CURRENT)
			continue;
		rows[i].state = STORE_CERT_PREVIOUS;
		r = store_certificate_put(store, &rows[i], err);
	}
	if (r < 0)
		return r;
	scene->certificate.state = STORE_CERT_CURRENT;
	scene->certificate.seen = scene->now;
	r = store_certificate_put(store, &scene->certificate, err);
	if (r < 0)
		return r;
	scene->identity = FLEET_IDENTITY_CURRENT;
	scene->enrollment.due[STORE_DUE_RENEWAL] =
		fleet_renewal_due(scene->fleet, scene->certificate.not_after);
	if (scene->enrollment.restore == STORE_CONFIRMED)
		scene->enrollment.restore = STORE_NONE;
	scene->is_changed = true;
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(settled); i++)
		r = store_kept_remove(store, STORE_OF_ENROLLMENT, scene->enrollment.no, settled[i],
				      err);
	return r;
}

int fleet_scene_settle(struct fleet_scene *scene, struct err *err)
{
	int r = 0;

	if (scene->identity == FLEET_IDENTITY_NEXT)
		r = promote(scene, err);
	if (r == 0 && scene->judgement.verdict == FLEET_RESTORED)
		r = fleet_life_restored(scene, err);
	if (r == 0 && scene->judgement.event) {
		scene->answer->effects |= FLEET_EVENTS;
		r = fleet_event(scene->fleet, scene->judgement.event, scene->from->device_id, NULL,
				err);
	}
	return r;
}
