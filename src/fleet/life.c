/*
 * What events do to an enrollment, as the table in docs/design/enrollment.md says.
 */
#include "fleet/internal.h"

/* E-05 of the rules of enrollment: what the operator reads; the device only fails to connect */
static const char restriction_body[] = "{\"reason\":\"Enrollment restriction not met\"}";

static void copy_text(char *out, size_t room, const char *text)
{
	if (text)
		snprintf(out, room, "%s", text);
}

/* the device's row as the message tells it: found, emptied after a deletion, or new */
static int device_of(struct fleet_scene *scene, struct store_device *device, struct err *err)
{
	struct store *store = scene->fleet->store;
	const struct mdm_checkin *said = scene->checkin;
	int r = store_device_find(store, scene->from->device_id, device, err);

	if (r == 0 && device->record == STORE_DELETED) {
		/* nothing of the deleted record comes back with the device */
		r = store_device_remove(store, device->no, err);
		if (r < 0)
			return r;
		memset(&scene->enrollment, 0, sizeof(scene->enrollment));
		scene->is_known = false;
		r = STORE_NO_ROW;
	}
	if (r < 0)
		return r;
	if (r == STORE_NO_ROW) {
		*device = (struct store_device){.created = scene->now, .supervised = -1};
		copy_text(device->udid, sizeof(device->udid), scene->from->device_id);
	}
	copy_text(device->serial, sizeof(device->serial), said->serial);
	copy_text(device->imei, sizeof(device->imei), said->imei);
	copy_text(device->name, sizeof(device->name), said->device_name);
	copy_text(device->product, sizeof(device->product), said->product);
	copy_text(device->os, sizeof(device->os), said->os);
	copy_text(device->build, sizeof(device->build), said->build);
	device->record = STORE_ACTIVE;
	device->inventory_at = 0;
	return 0;
}

/* corporate by an imported identifier, at enrollment; never back to personal by itself */
static int decide_ownership(struct fleet *fleet, struct store_device *device, struct err *err)
{
	bool is_imported = false;
	int r = store_identifier_is(fleet->store, device->serial, device->imei, &is_imported, err);

	if (r == 0 && is_imported)
		device->ownership = STORE_CORPORATE;
	return r;
}

static int drop_all(struct fleet *fleet, struct store_enrollment *enrollment, const char *status,
		    struct err *err)
{
	static const char *const secrets[] = {"unlock-token", "bootstrap-token", "token-update"};
	struct store *store = fleet->store;
	int64_t count;
	int r = store_queue_purge(store, enrollment->no, 0, status, fleet_now(fleet), &count, err);

	if (r == 0)
		r = store_installed_remove(store, 'p', enrollment->no, NULL, err);
	if (r == 0)
		r = store_installed_remove(store, 'd', enrollment->no, NULL, err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(secrets); i++)
		r = store_fact_drop(store, 'e', enrollment->no, secrets[i], err);
	enrollment->push_token_len = 0;
	enrollment->push_magic[0] = '\0';
	enrollment->push_at = enrollment->push_failures = 0;
	enrollment->declarations_token[0] = '\0';
	enrollment->is_declarative = enrollment->is_awaiting = false;
	enrollment->restore = FLEET_NONE;
	enrollment->restore_at = 0;
	enrollment->needs_reconcile = false;
	return r;
}

/* the user channels of a device end with its own */
static int end_users(struct fleet *fleet, const struct store_enrollment *of, const char *status,
		     struct err *err)
{
	enum { USERS_MAX = 64 };
	struct store_enrollment user;
	int64_t nos[USERS_MAX];
	size_t count = 0;
	int r = store_enrollments_of(fleet->store, of->device, nos, USERS_MAX, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (nos[i] == of->no)
			continue;
		r = store_enrollment_get(fleet->store, nos[i], &user, err);
		if (r != 0)
			continue;
		r = drop_all(fleet, &user, status, err);
		user.state = STORE_DISABLED;
		if (r == 0)
			r = store_enrollment_put(fleet->store, &user, err);
	}
	return r;
}

/* the identity that made the Authenticate is the only one of the new generation */
static int bind_identity(struct fleet_scene *scene, struct err *err)
{
	struct store *store = scene->fleet->store;
	struct store_certificate *certificate = &scene->certificate;
	struct store_ticket ticket;
	int r = 0;

	for (enum store_certificate_state state = STORE_ISSUED; r == 0 && state < STORE_REVOKED;
	     state++)
		r = store_certificates_set(store, scene->enrollment.no, state, STORE_REVOKED, err);
	certificate->enrollment = scene->enrollment.no;
	certificate->generation = scene->enrollment.generation;
	certificate->state = STORE_CURRENT;
	certificate->seen = scene->now;
	if (r == 0)
		r = store_certificate_put(store, certificate, err);
	if (r == 0 && certificate->ticket != 0)
		r = store_ticket_get(store, certificate->ticket, &ticket, err);
	else
		return r;
	if (r != 0)
		return r < 0 ? r : 0;
	ticket.enrollment = scene->enrollment.no;
	return store_ticket_put(store, &ticket, err);
}

/* what an earlier generation leaves: its history, and what belongs to the device */
static int empty_generation(struct fleet_scene *scene, int64_t device, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	int r = drop_all(fleet, &scene->enrollment, "Superseded", err);

	if (r == 0)
		r = end_users(fleet, &scene->enrollment, "Superseded", err);
	if (r == 0)
		r = store_fact_drop(fleet->store, 'e', scene->enrollment.no, "alarm/", err);
	if (r == 0)
		r = store_fact_drop(fleet->store, 'd', device, "inventory/", err);
	return r;
}

int fleet_life_begin(struct fleet_scene *scene, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store *store = fleet->store;
	struct store_enrollment *enrollment = &scene->enrollment;
	struct store_device device;
	int r = device_of(scene, &device, err);

	if (r == 0)
		r = decide_ownership(fleet, &device, err);
	if (r < 0)
		return r;
	if (fleet->policy.is_personal_blocked && device.ownership == STORE_PERSONAL) {
		fleet_refuse(scene, "personal devices are blocked");
		scene->answer->effects |= FLEET_EVENTS;
		scene->judgement.event = NULL;
		return fleet_event(fleet, "enrollment-restricted", scene->from->device_id,
				   restriction_body, err);
	}
	r = store_device_put(store, &device, err);
	if (r == 0 && scene->is_known)
		r = empty_generation(scene, device.no, err);
	if (r != 0)
		return r;
	enrollment->device = device.no;
	copy_text(enrollment->id, sizeof(enrollment->id), scene->from->device_id);
	copy_text(enrollment->kind, sizeof(enrollment->kind), "profile");
	copy_text(enrollment->topic, sizeof(enrollment->topic), scene->checkin->topic);
	enrollment->is_user_enrollment = scene->from->is_user_enrollment;
	enrollment->generation++;
	enrollment->state = STORE_PENDING;
	enrollment->unenroll = 0;
	enrollment->authenticated = scene->now;
	enrollment->token_at = 0;
	enrollment->renewal_at = 0;
	enrollment->identity_ends = scene->certificate.not_after;
	r = store_enrollment_put(store, enrollment, err);
	if (r == 0)
		r = bind_identity(scene, err);
	if (r == 0)
		r = fleet_fact_sealed(fleet, 'e', enrollment->no, "authenticate",
				      scene->checkin->raw, err);
	return r;
}

static void take_push_data(struct fleet_scene *scene)
{
	struct store_enrollment *enrollment = &scene->enrollment;
	const struct mdm_checkin *said = scene->checkin;
	bool is_usable = said->token.len > 0 && said->token.len <= sizeof(enrollment->push_token) &&
			 said->magic && said->magic[0] &&
			 strlen(said->magic) < sizeof(enrollment->push_magic);

	/* what cannot be pushed to is no mistake of the device's that it could mend: note it */
	enrollment->push_token_len = is_usable ? said->token.len : 0;
	if (is_usable)
		memcpy(enrollment->push_token, said->token.bytes, said->token.len);
	copy_text(enrollment->push_magic, sizeof(enrollment->push_magic),
		  is_usable ? said->magic : "");
	copy_text(enrollment->topic, sizeof(enrollment->topic), said->topic);
}

/* the enrollment is complete: what every new one needs */
static int welcome(struct fleet_scene *scene, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store_enrollment *enrollment = &scene->enrollment;
	int r = 0;

	enrollment->state = STORE_ENABLED;
	enrollment->enrolled = scene->now;
	if (fleet->policy.inventory_days > 0)
		r = fleet_inventory_queue(fleet, enrollment, err);
	if (r == 0)
		r = fleet_reconcile_row(fleet, enrollment, err);
	return r;
}

int fleet_life_token(struct fleet_scene *scene, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store_enrollment *enrollment = &scene->enrollment;
	const struct mdm_checkin *said = scene->checkin;
	int r = fleet_fact_sealed(fleet, 'e', enrollment->no, "token-update", said->raw, err);

	if (r == 0 && said->unlock_token.len > 0) /* absent: the stored one stays */
		r = fleet_fact_sealed(fleet, 'e', enrollment->no, "unlock-token",
				      said->unlock_token, err);
	if (r < 0)
		return r;
	if (enrollment->push_token_len > 0 &&
	    !slice_equal(slice_of(enrollment->push_token, enrollment->push_token_len), said->token))
		enrollment->token_changes++;
	take_push_data(scene);
	enrollment->is_awaiting = said->is_awaiting;
	enrollment->token_at = scene->now;
	enrollment->push_failures = 0;
	scene->is_changed = true;
	if (enrollment->state == STORE_PENDING)
		r = welcome(scene, err);
	enrollment->state = STORE_ENABLED;
	enrollment->push_at = scene->now; /* for whatever waits; the sweep finds out */
	scene->answer->effects |= FLEET_PUSH_DUE;
	return r;
}

int fleet_life_restored(struct fleet_scene *scene, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store_enrollment *enrollment = &scene->enrollment;
	int64_t count;
	int r = 0;

	/* what an operator confirmed before it was let in is not asked about again */
	bool is_confirmed = fleet->policy.restore == FLEET_RESTORE_REFUSE;

	enrollment->restore = is_confirmed ? FLEET_NONE : FLEET_NOTICED;
	enrollment->restore_at = scene->now;
	scene->is_changed = true;
	if (!is_confirmed)
		r = store_queue_hold(fleet->store, enrollment->no, FLEET_FLAG_DANGEROUS, &count,
				     err);
	if (r == 0)
		r = fleet_inventory_queue(fleet, enrollment, err);
	if (r == 0 && scene->identity == FLEET_IDENTITY_PREVIOUS)
		r = fleet_renewal_queue(fleet, enrollment, err);
	/* the device may hold another set than the one that it was told last */
	enrollment->declarations_token[0] = '\0';
	if (r == 0)
		r = fleet_declare_sync(fleet, enrollment, err);
	enrollment->push_at = scene->now;
	scene->answer->effects |= FLEET_PUSH_DUE;
	return r;
}

int fleet_life_end(struct fleet *fleet, struct store_enrollment *enrollment, const char *status,
		   bool is_final, struct err *err)
{
	struct store_device device;
	int r = drop_all(fleet, enrollment, status, err);

	if (r == 0 && !enrollment->is_user_channel)
		r = end_users(fleet, enrollment, status, err);
	enrollment->state = STORE_DISABLED;
	if (r == 0)
		r = store_enrollment_put(fleet->store, enrollment, err);
	for (enum store_certificate_state state = STORE_ISSUED;
	     is_final && r == 0 && state < STORE_REVOKED; state++)
		r = store_certificates_set(fleet->store, enrollment->no, state, STORE_REVOKED, err);
	if (r < 0 || !is_final)
		return r;
	r = store_device_get(fleet->store, enrollment->device, &device, err);
	if (r != 0 || device.record == STORE_DELETED)
		return r < 0 ? r : 0;
	device.record = STORE_RETIRED;
	return store_device_put(fleet->store, &device, err);
}
