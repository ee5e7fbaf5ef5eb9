/*
 * Tickets, the identities that they buy, and their renewal.
 */
#include "crypto/identity.h"
#include "fleet/enroll_profile.h"
#include "fleet/internal.h"

enum { CERTIFICATE_MAX = 8 << 10, NEAR_END_DAYS = 14 };

static int make_ticket(struct fleet *fleet, struct store_ticket *ticket, unsigned life_s,
		       char challenge[FLEET_CHALLENGE_LEN + 1], struct err *err)
{
	uint8_t random[FLEET_CHALLENGE_LEN / 2], hash[CRYPTO_SHA256_LEN];
	int r = fleet->entropy->fill(fleet->entropy, random, sizeof(random), err);

	if (r < 0)
		return r;
	hex_encode(random, sizeof(random), challenge);
	crypto_sha256(slice_text(challenge), hash);
	ticket->hash = slice_of(hash, sizeof(hash));
	ticket->created = fleet_now(fleet);
	ticket->ends = ticket->created + (life_s ? life_s : fleet->policy.ticket_s);
	r = store_ticket_insert(fleet->store, ticket, err);
	ticket->hash = SLICE_EMPTY;
	return r > 0 ? err_set(err, ERR_IO, "the same random number twice") : r;
}

int fleet_ticket_new(struct fleet *fleet, const struct fleet_ticket_wish *wish,
		     char challenge[FLEET_CHALLENGE_LEN + 1], struct err *err)
{
	struct store_ticket ticket = {.purpose = wish->is_link ? STORE_LINK : STORE_TO_ENROLL,
				      .udid = wish->udid,
				      .serial = wish->serial,
				      .author = wish->by};
	const char *subject = wish->udid ? wish->udid : wish->serial;
	int r;

	if ((wish->udid && strlen(wish->udid) > FLEET_ID_MAX) ||
	    (wish->serial && strlen(wish->serial) > FLEET_ID_MAX))
		return fleet_refused(err, "no device is named so");
	r = make_ticket(fleet, &ticket, wish->life_s, challenge, err);
	if (r < 0)
		return r;
	return fleet_audit(fleet, wish->by, "ticket-new", subject ? subject : "any device", NULL,
			   err);
}

/* use up the ticket behind @challenge, if it is of that purpose */
static int take_ticket(struct fleet *fleet, const char *challenge, enum store_purpose purpose,
		       struct store_ticket *ticket, struct err *err)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	int r;

	crypto_sha256(slice_text(challenge), hash);
	r = store_ticket_take(fleet->store, slice_of(hash, sizeof(hash)), purpose, fleet_now(fleet),
			      ticket, err);
	return r == STORE_NO_ROW ? fleet_refused(err, "the ticket is unknown, used or over") : r;
}

/* the profile that we make has a payload for SCEP, and over SCEP the challenge comes back */
static int check_kind(const struct store_ticket *ticket, struct err *err)
{
	if (ticket->kind == STORE_OVER_SCEP)
		return 0;
	return fleet_refused(err, "the ticket is for an identity that does not come over SCEP");
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
	struct store_ticket ticket, next = {.purpose = STORE_TO_ENROLL};
	int r;

	if (!fleet->policy.topic)
		return fleet_refused(err, "no push certificate yet, so nobody can enroll");
	r = take_ticket(fleet, link, STORE_LINK, &ticket, err);
	if (r == 0)
		r = check_kind(&ticket, err);
	if (r != 0)
		return r;
	next.udid = ticket.udid;
	next.serial = ticket.serial;
	next.author = ticket.author;
	r = make_ticket(fleet, &next, 0, challenge, err);
	return r < 0 ? r : make_profile(fleet, challenge, out, err);
}

int fleet_return_profile(struct fleet *fleet, const char *udid, struct buf *out, struct err *err)
{
	struct store_ticket ticket = {.purpose = STORE_TO_ENROLL, .udid = udid};
	char challenge[FLEET_CHALLENGE_LEN + 1];
	int r = make_ticket(fleet, &ticket, fleet->policy.command_days * FLEET_DAY_S, challenge,
			    err);

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
	row->sha256 = slice_of(facts->sha256, sizeof(facts->sha256));
	row->serial = facts->serial;
	row->not_before = facts->not_before;
	row->not_after = facts->not_after;
	row->issued = fleet_now(fleet);
	row->state = row->enrollment ? STORE_CERT_NEXT : STORE_CERT_FREE;
	r = store_certificate_put(fleet->store, row, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "the same certificate twice");
	return buf_append_slice(out, buf_slice(&der), err);
}

int fleet_identity_issue(struct fleet *fleet, const char *challenge, struct slice spki,
			 struct buf *out, struct err *err)
{
	struct store_certificate row = {0};
	struct store_enrollment enrollment;
	struct store_ticket ticket;
	int r = take_ticket(fleet, challenge, STORE_TO_ENROLL, &ticket, err);

	if (r == FLEET_REFUSED)
		r = take_ticket(fleet, challenge, STORE_TO_RENEW, &ticket, err);
	if (r == 0)
		r = check_kind(&ticket, err);
	if (r != 0)
		return r;
	row.ticket = ticket.no;
	if (ticket.purpose == STORE_TO_RENEW) {
		r = store_enrollment_get(fleet->store, ticket.enrollment, &enrollment, err);
		if (r < 0)
			return r;
		/* a ticket of an earlier life must not make an identity of this one */
		if (r == STORE_NO_ROW || ticket.generation != enrollment.generation)
			return fleet_refused(err, "the enrollment began anew after this ticket");
		row.enrollment = enrollment.no;
		row.generation = enrollment.generation;
	}
	return issue(fleet, spki, &row, out, err);
}

int fleet_identity_renew(struct fleet *fleet, const struct fleet_peer *peer, struct slice spki,
			 struct buf *out, struct err *err)
{
	struct store_ticket ticket = {.purpose = STORE_TO_RENEW};
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct store_enrollment enrollment;
	struct store_certificate known, row = {0};
	int64_t now = fleet_now(fleet);
	int r = store_certificate_find(fleet->store, slice_of(peer->sha256, sizeof(peer->sha256)),
				       &known, err);

	if (r < 0)
		return r;
	if (r == STORE_NO_ROW || !peer->is_presented || now > known.not_after)
		return fleet_refused(err, "not a current identity");
	if (known.enrollment == 0) { /* no device has enrolled with it yet: as its ticket says */
		row.ticket = known.ticket;
		return issue(fleet, spki, &row, out, err);
	}
	r = store_enrollment_get(fleet->store, known.enrollment, &enrollment, err);
	if (r < 0)
		return r;
	if (r == STORE_NO_ROW || known.state != STORE_CERT_CURRENT ||
	    known.generation != enrollment.generation || enrollment.state != STORE_ENABLED ||
	    enrollment.unenroll_at != 0)
		return fleet_refused(err, "not a current identity");
	ticket.enrollment = row.enrollment = enrollment.no;
	ticket.generation = enrollment.generation;
	ticket.used = now; /* nobody else buys anything with it */
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
	struct store_ticket ticket = {.purpose = STORE_TO_RENEW,
				      .enrollment = enrollment->no,
				      .generation = enrollment->generation};
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct err why = ERR_INIT;
	int r = make_ticket(fleet, &ticket, 0, challenge, err);

	if (r < 0)
		return r;
	/* that a profile cannot be made or signed now must not keep other commands back */
	if (make_profile(fleet, challenge, &profile, &why) < 0) {
		r = store_kept_put(fleet->store, STORE_OF_ENROLLMENT, enrollment->no,
				   "alarm/renewal", slice_text(why.text), fleet_now(fleet), err);
		return r < 0 ? r : fleet_refused(err, why.text);
	}
	return mdm_build_install_profile(buf_slice(&profile), out, err);
}

int64_t fleet_renewal_due(struct fleet *fleet, int64_t not_after)
{
	return not_after - (int64_t)fleet->policy.renew_days * FLEET_DAY_S;
}

/* one at a time: a row that waits is made anew at each delivery anyway */
int fleet_renewal_queue(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	struct fleet_own own = {.request_type = "InstallProfile",
				.lane = FLEET_LANE_RENEWAL,
				.flags = FLEET_FLAG_RENEWAL};
	struct store_queue *rows;
	size_t count;
	/* the first row of a queue is of the lowest lane */
	int r = store_queue_list(fleet->store, enrollment->no, 0, 1, &rows, &count, err);

	enrollment->due[STORE_DUE_RENEWAL] = fleet_now(fleet) + fleet->policy.renew_every_s;
	if (r < 0 || (count == 1 && rows[0].what.flags & FLEET_FLAG_RENEWAL))
		return r;
	return fleet_queue_own(fleet, enrollment, &own, err);
}

/* the end of the current identity; 0 if there is none */
static int find_end(struct fleet *fleet, int64_t enrollment, int64_t *not_after, struct err *err)
{
	struct store_certificate *rows;
	size_t count;
	int r = store_certificate_of(fleet->store, enrollment, &rows, &count, err);

	*not_after = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		if (rows[i].state == STORE_CERT_CURRENT)
			*not_after = rows[i].not_after;
	return r;
}

/* an identity whose renewal does not come: tell once a day that it ends, and once that it is over
 */
static int warn(struct fleet *fleet, const struct store_enrollment *enrollment, int64_t not_after,
		struct err *err)
{
	int64_t now = fleet_now(fleet);
	bool is_over = now > not_after;
	const char *name = is_over ? "alarm/identity-over" : "alarm/identity-ending";
	struct store_kept old;
	char body[64];
	int r;

	if (!is_over && not_after - now > (int64_t)NEAR_END_DAYS * FLEET_DAY_S)
		return 0;
	r = store_kept_get(fleet->store, STORE_OF_ENROLLMENT, enrollment->no, name, &old, err);
	if (r < 0 || (r == 0 && (is_over || now < old.at + FLEET_DAY_S)))
		return r;
	r = store_kept_put(fleet->store, STORE_OF_ENROLLMENT, enrollment->no, name, slice_text("1"),
			   now, err);
	if (r < 0)
		return r;
	snprintf(body, sizeof(body), "{\"not_after\":%lld}", (long long)not_after);
	return fleet_event(fleet, name + strlen("alarm/"), enrollment->id, body, err);
}

static int renew_one(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	int64_t now = fleet_now(fleet), not_after;
	int64_t grace_s = (int64_t)fleet->policy.grace_days * FLEET_DAY_S;
	int r = find_end(fleet, enrollment->no, &not_after, err);

	if (r == 0 && not_after != 0)
		r = warn(fleet, enrollment, not_after, err);
	if (r < 0)
		return r;
	if (not_after == 0 || now > not_after + grace_s) /* nothing can reach it any more */
		return store_enrollment_due_set(fleet->store, enrollment->no, STORE_DUE_RENEWAL, 0,
						err);
	r = fleet_renewal_queue(fleet, enrollment, err);
	if (r == 0)
		r = store_enrollment_due_set(fleet->store, enrollment->no, STORE_DUE_RENEWAL,
					     enrollment->due[STORE_DUE_RENEWAL], err);
	return r < 0 ? r : fleet_push_soon(fleet, enrollment, now, err);
}

int fleet_sweep_identities(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	struct store_enrollment *rows;
	size_t found = 0;
	unsigned swept;
	int r = store_enrollment_due(fleet->store, STORE_DUE_RENEWAL, fleet_now(fleet), max, &rows,
				     &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = renew_one(fleet, &rows[i], err);
	*count = (unsigned)found;
	return r < 0 ? r : store_ticket_sweep(fleet->store, fleet_now(fleet), max, &swept, err);
}
