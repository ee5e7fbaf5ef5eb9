/*
 * Tickets, the identities that they buy, and their renewal.
 */
#include "crypto/identity.h"
#include "fleet/enroll_profile.h"
#include "fleet/internal.h"

enum { CERTIFICATE_MAX = 8 << 10, NEAR_END_DAYS = 14, SWEEP_MAX = 256 };

static int make_ticket(struct fleet *fleet, struct store_ticket *ticket, unsigned life_s,
		       char challenge[FLEET_CHALLENGE_LEN + 1], struct err *err)
{
	uint8_t random[FLEET_CHALLENGE_LEN / 2];
	int r = fleet->entropy->fill(fleet->entropy, random, sizeof(random), err);

	if (r < 0)
		return r;
	hex_encode(random, sizeof(random), challenge);
	crypto_sha256(slice_text(challenge), ticket->hash);
	ticket->created = fleet_now(fleet);
	ticket->ends = ticket->created + (life_s ? life_s : fleet->policy.ticket_s);
	return store_ticket_put(fleet->store, ticket, err);
}

int fleet_ticket_new(struct fleet *fleet, const struct fleet_ticket_wish *wish,
		     char challenge[FLEET_CHALLENGE_LEN + 1], struct err *err)
{
	struct store_ticket ticket = {0};
	int r;

	snprintf(ticket.purpose, sizeof(ticket.purpose), wish->is_link ? "link" : "enroll");
	if ((wish->udid && strlen(wish->udid) >= sizeof(ticket.udid)) ||
	    (wish->serial && strlen(wish->serial) >= sizeof(ticket.serial)))
		return fleet_refused(err, "no device is named so");
	snprintf(ticket.udid, sizeof(ticket.udid), "%s", wish->udid ? wish->udid : "");
	snprintf(ticket.serial, sizeof(ticket.serial), "%s", wish->serial ? wish->serial : "");
	r = make_ticket(fleet, &ticket, wish->life_s, challenge, err);
	if (r < 0)
		return r;
	return fleet_audit(fleet, wish->by, "ticket-new",
			   wish->udid     ? wish->udid
			   : wish->serial ? wish->serial
					  : "any device",
			   NULL, err);
}

/* use up the ticket behind @challenge, if it is of one of the two purposes */
static int take_ticket(struct fleet *fleet, const char *challenge, const char *purpose,
		       const char *or_purpose, struct store_ticket *ticket, struct err *err)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	int r;

	crypto_sha256(slice_text(challenge), hash);
	r = store_ticket_find(fleet->store, hash, ticket, err);
	if (r == 0 && strcmp(ticket->purpose, purpose) != 0 &&
	    (!or_purpose || strcmp(ticket->purpose, or_purpose) != 0))
		r = STORE_NO_ROW;
	if (r == 0)
		r = store_ticket_take(fleet->store, hash, fleet_now(fleet), ticket, err);
	return r == STORE_NO_ROW ? fleet_refused(err, "the ticket is unknown, used or over") : r;
}

/* the enrollment profile, signed, with @challenge */
static int make_profile(struct fleet *fleet, const char *challenge, struct buf *out,
			struct err *err)
{
	CLEANUP(buf_wipe) struct buf xml = BUF_INIT(MDM_PROFILE_MAX);
	uint8_t random[32];
	int r = fleet->entropy->fill(fleet->entropy, random, sizeof(random), err);

	if (r == 0)
		r = fleet_enroll_profile_make(&xml, &fleet->policy, challenge, random, err);
	if (r == 0)
		r = fleet->keys->sign(fleet->keys, buf_slice(&xml), out, err);
	return r;
}

int fleet_profile_enroll(struct fleet *fleet, const char *link, struct buf *out, struct err *err)
{
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct store_ticket ticket, next = {.purpose = "enroll"};
	int r;

	if (!fleet->policy.topic)
		return fleet_refused(err, "no push certificate yet, so nobody can enroll");
	r = take_ticket(fleet, link, "link", NULL, &ticket, err);
	if (r != 0)
		return r;
	memcpy(next.udid, ticket.udid, sizeof(next.udid));
	memcpy(next.serial, ticket.serial, sizeof(next.serial));
	r = make_ticket(fleet, &next, 0, challenge, err);
	return r < 0 ? r : make_profile(fleet, challenge, out, err);
}

/* issue for @spki and bind: from here on the certificate is known by what bought it */
static int issue(struct fleet *fleet, struct slice spki, struct store_certificate *row,
		 struct buf *out, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CERTIFICATE_MAX);
	const struct crypto_cert_facts *facts;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "Device identity %lld", (long long)row->ticket);
	r = fleet->keys->issue(fleet->keys, spki, name, fleet->policy.certificate_days, &der, err);
	if (r == 0)
		r = crypto_cert_read(&cert, buf_slice(&der), err);
	if (r < 0)
		return r;
	facts = crypto_cert_facts(cert);
	memcpy(row->sha256, facts->sha256, sizeof(row->sha256));
	snprintf(row->serial, sizeof(row->serial), "%s", facts->serial);
	row->not_before = facts->not_before;
	row->not_after = facts->not_after;
	row->issued = fleet_now(fleet);
	row->state = STORE_ISSUED;
	r = store_certificate_put(fleet->store, row, err);
	return r < 0 ? r : buf_append_slice(out, buf_slice(&der), err);
}

int fleet_identity_issue(struct fleet *fleet, const char *challenge, struct slice spki,
			 struct buf *out, struct err *err)
{
	struct store_certificate row = {0};
	struct store_enrollment enrollment;
	struct store_ticket ticket;
	int r = take_ticket(fleet, challenge, "enroll", "renew", &ticket, err);

	if (r != 0)
		return r;
	row.ticket = ticket.no;
	if (strcmp(ticket.purpose, "renew") == 0) {
		r = store_enrollment_get(fleet->store, ticket.enrollment, &enrollment, err);
		if (r < 0)
			return r;
		/* a ticket of an earlier life must not make an identity of this one */
		if (r == STORE_NO_ROW || ticket.created < enrollment.authenticated)
			return fleet_refused(err, "the enrollment began anew after this ticket");
		row.enrollment = enrollment.no;
		row.generation = enrollment.generation;
	}
	return issue(fleet, spki, &row, out, err);
}

int fleet_identity_renew(struct fleet *fleet, const struct fleet_peer *peer, struct slice spki,
			 struct buf *out, struct err *err)
{
	struct store_ticket ticket = {.purpose = "renew"};
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct store_enrollment enrollment;
	struct store_certificate known, row = {0};
	int64_t now = fleet_now(fleet);
	int r = store_peer_find(fleet->store, peer->sha256, &known, &enrollment, err);

	if (r < 0)
		return r;
	if (r == STORE_NO_ROW || !peer->is_presented || now > known.not_after)
		return fleet_refused(err, "not a current identity");
	if (known.enrollment == 0) { /* no device has enrolled with it yet: as its ticket says */
		row.ticket = known.ticket;
		return issue(fleet, spki, &row, out, err);
	}
	if (known.state != STORE_CURRENT || known.generation != enrollment.generation ||
	    enrollment.state != STORE_ENABLED || enrollment.unenroll == 1)
		return fleet_refused(err, "not a current identity");
	ticket.enrollment = row.enrollment = enrollment.no;
	ticket.used = now;
	r = make_ticket(fleet, &ticket, 0, challenge, err);
	if (r < 0)
		return r;
	row.ticket = ticket.no;
	row.generation = enrollment.generation;
	return issue(fleet, spki, &row, out, err);
}

/* ---- renewal ---- */

int fleet_renewal_command(struct fleet *fleet, const struct store_enrollment *enrollment,
			  struct buf *out, struct err *err)
{
	CLEANUP(buf_wipe) struct buf profile = BUF_INIT(MDM_PROFILE_MAX);
	struct store_ticket ticket = {.purpose = "renew", .enrollment = enrollment->no};
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct err why = ERR_INIT;
	int r = make_ticket(fleet, &ticket, 0, challenge, err);

	if (r < 0)
		return r;
	/* that a profile cannot be made or signed now must not keep other commands back */
	if (make_profile(fleet, challenge, &profile, &why) < 0) {
		r = store_fact_put(fleet->store, 'e', enrollment->no, "alarm/renewal",
				   slice_text(why.text), fleet_now(fleet), err);
		return r < 0 ? r : fleet_refused(err, why.text);
	}
	return mdm_build_install_profile(buf_slice(&profile), out, err);
}

static int each_renewal(void *arg, const struct store_queued *queued, struct err *err)
{
	bool *is_there = arg;

	*is_there |= (queued->command.flags & FLEET_FLAG_RENEWAL) != 0;
	return 0;
}

/* one at a time: a row that waits is made anew at each delivery anyway */
int fleet_renewal_queue(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	struct fleet_own own = {.request_type = "InstallProfile",
				.lane = FLEET_LANE_RENEWAL,
				.flags = FLEET_FLAG_RENEWAL};
	bool is_there = false;
	int r = store_queue_list(fleet->store, enrollment->no, each_renewal, &is_there, err);

	enrollment->renewal_at = fleet_now(fleet);
	if (r < 0 || is_there)
		return r;
	return fleet_queue_own(fleet, enrollment->no, &own, err);
}

/* an identity whose renewal does not come: tell once a day, and once when it is over */
static int warn(struct fleet *fleet, const struct store_enrollment *enrollment, int64_t now,
		struct err *err)
{
	CLEANUP(buf_clear) struct buf old = BUF_INIT(64);
	bool is_over = now > enrollment->identity_ends;
	const char *kind = is_over ? "alarm/identity-over" : "alarm/identity-ending";
	char body[64];
	int64_t at = 0;
	int r;

	if (!is_over && enrollment->identity_ends - now > (int64_t)NEAR_END_DAYS * FLEET_DAY_S)
		return 0;
	r = store_fact_get(fleet->store, 'e', enrollment->no, kind, &old, &at, err);
	if (r < 0 || (r == 0 && (is_over || now < at + FLEET_DAY_S)))
		return r < 0 ? r : 0;
	r = store_fact_put(fleet->store, 'e', enrollment->no, kind, slice_text("1"), now, err);
	if (r < 0)
		return r;
	snprintf(body, sizeof(body), "{\"not_after\":%lld}", (long long)enrollment->identity_ends);
	return fleet_event(fleet, kind + strlen("alarm/"), enrollment->id, body, err);
}

static int renew_one(struct fleet *fleet, int64_t no, int64_t now, struct err *err)
{
	int64_t grace_s = (int64_t)fleet->policy.grace_days * FLEET_DAY_S;
	struct store_enrollment enrollment;
	int r = store_enrollment_get(fleet->store, no, &enrollment, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = warn(fleet, &enrollment, now, err);
	enrollment.renewal_at = now;
	if (r == 0 && now <= enrollment.identity_ends + grace_s) {
		r = fleet_renewal_queue(fleet, &enrollment, err);
		if (enrollment.push_at == 0 || enrollment.push_at > now) {
			enrollment.push_at = now;
			enrollment.push_failures = 0;
		}
	}
	return r < 0 ? r : store_enrollment_put(fleet->store, &enrollment, err);
}

int fleet_sweep_identities(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	int64_t now = fleet_now(fleet), nos[SWEEP_MAX];
	size_t found = 0;
	int r = store_sweep(fleet->store, STORE_SWEEP_IDENTITY,
			    now + (int64_t)fleet->policy.renew_days * FLEET_DAY_S,
			    now - fleet->policy.renew_every_s, nos,
			    max < SWEEP_MAX ? max : SWEEP_MAX, &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = renew_one(fleet, nos[i], now, err);
	*count = (unsigned)found;
	return r < 0 ? r : store_ticket_sweep(fleet->store, now, err);
}
