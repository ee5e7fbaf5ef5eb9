/*
 * What events do to an enrollment, as the table in docs/design/enrollment.md says.
 */
#include "fleet/internal.h"

/* E-05 of the rules of enrollment: what the operator reads; the device only fails to connect */
static const char restriction_body[] = "{\"reason\":\"Enrollment restriction not met\"}";

/* a text that was said stands; what was not said stays as it was known */
static void take_text(const char **field, const char *said)
{
	if (said)
		*field = said;
}

/* the device's row as the message tells it: known, or new (a deleted one is not known any more) */
static int device_of(struct fleet_scene *scene, struct store_device *device, struct err *err)
{
	const struct mdm_checkin *said = scene->checkin;
	int r = store_device_find(scene->fleet->store, scene->from->device_id, device, err);

	if (r < 0)
		return r;
	if (r == STORE_NO_ROW)
		*device = (struct store_device){.udid = scene->from->device_id,
						.created = scene->now};
	take_text(&device->serial, said->serial);
	take_text(&device->imei, said->imei);
	take_text(&device->name, said->device_name);
	take_text(&device->product, said->product);
	take_text(&device->os, said->os);
	take_text(&device->build, said->build);
	device->record = STORE_ACTIVE;
	return 0;
}

/* corporate by an imported identifier, at enrollment; never back to personal by itself */
int fleet_ownership_decide(struct fleet *fleet, struct store_device *device, struct err *err)
{
	const char *const names[] = {device->serial, device->imei};
	struct store_identifier row;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		int r = STORE_NO_ROW;

		if (names[i] && names[i][0])
			r = store_identifier_find(fleet->store, names[i], &row, err);
		if (r < 0)
			return r;
		if (r == 0)
			device->ownership = STORE_CORPORATE;
	}
	return 0;
}

static int drop_all(struct fleet *fleet, struct store_enrollment *enrollment, const char *status,
		    struct err *err)
{
	static const char *const secrets[] = {"unlock-token", "bootstrap-token", "token-update"};
	struct store *store = fleet->store;
	int r = fleet_queue_end(fleet, enrollment->no, status, err);

	if (r == 0)
		r = store_installed_remove(store, enrollment->no, NULL, err);
	if (r == 0)
		r = store_declared_remove(store, enrollment->no, err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(secrets); i++)
		r = store_kept_remove(store, STORE_OF_ENROLLMENT, enrollment->no, secrets[i], err);
	enrollment->push_token = SLICE_EMPTY;
	enrollment->push_magic = enrollment->declarations_token = "";
	enrollment->push_failures = 0;
	enrollment->flags &= FLEET_ROW_USER_ENROLLMENT;
	enrollment->is_awaiting = false;
	enrollment->restore = STORE_NONE;
	enrollment->restore_at = 0;
	memset(enrollment->due, 0, sizeof(enrollment->due));
	return r;
}

/* the user channels of a device end with its own */
static int end_users(struct fleet *fleet, const struct store_enrollment *of, const char *status,
		     struct err *err)
{
	struct store_enrollment *rows;
	size_t count;
	int r = store_enrollment_of(fleet->store, of->device, STORE_ENABLED, 0, FLEET_USERS_MAX + 1,
				    &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (rows[i].kind != STORE_USER_CHANNEL)
			continue;
		r = drop_all(fleet, &rows[i], status, err);
		rows[i].state = STORE_DISABLED;
		if (r == 0)
			r = store_enrollment_put(fleet->store, &rows[i], err);
	}
	return r;
}

/* the identity that made the Authenticate is the only one of the new generation */
static int bind_identity(struct fleet_scene *scene, struct err *err)
{
	struct store *store = scene->fleet->store;
	struct store_certificate *certificate = &scene->certificate;
	int r;

	certificate->enrollment = scene->enrollment.no;
	certificate->generation = scene->enrollment.generation;
	certificate->state = STORE_CERT_CURRENT;
	certificate->seen = scene->now;
	r = store_certificate_put(store, certificate, err);
	if (r == 0)
		r = store_certificate_end(store, scene->enrollment.no, scene->enrollment.generation,
					  certificate->no, err);
	if (r == 0 && certificate->ticket != 0)
		r = store_ticket_bind(store, certificate->ticket, scene->enrollment.no,
				      scene->enrollment.generation, err);
	return r < 0 ? r : 0;
}

/* what an earlier generation leaves: its history, and what belongs to the device. Of a deleted
 * record nothing comes back */
static int empty_generation(struct fleet_scene *scene, const struct store_device *device,
			    struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store_enrollment *enrollment = &scene->enrollment;
	int r = drop_all(fleet, enrollment, "Superseded", err);

	if (r == 0)
		r = end_users(fleet, enrollment, "Superseded", err);
	if (r == 0)
		r = fleet_drop(fleet, STORE_OF_ENROLLMENT, enrollment->no, "alarm/", err);
	if (r == 0)
		r = fleet_drop(fleet, STORE_OF_DEVICE, device->no, "inventory/", err);
	if (r == 0 && enrollment->device != device->no)
		r = store_history_remove(fleet->store, enrollment->no, err);
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
		r = fleet_ownership_decide(fleet, &device, err);
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
		r = empty_generation(scene, &device, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "the device's row is gone");
	if (!scene->is_known)
		enrollment->created = scene->now;
	enrollment->device = device.no;
	enrollment->id = scene->from->device_id;
	enrollment->kind = STORE_BY_PROFILE;
	take_text(&enrollment->topic, scene->checkin->topic);
	enrollment->flags = FLEET_ROW_AWAITS_TOKEN;
	if (scene->from->is_user_enrollment)
		enrollment->flags |= FLEET_ROW_USER_ENROLLMENT;
	enrollment->generation++;
	enrollment->state = STORE_PENDING;
	enrollment->unenroll_by = "";
	enrollment->unenroll_at = 0;
	enrollment->authenticated = scene->now;
	enrollment->due[STORE_DUE_RENEWAL] = fleet_renewal_due(fleet, scene->certificate.not_after);
	r = store_enrollment_put(store, enrollment, err);
	if (r == 0)
		r = bind_identity(scene, err);
	if (r == 0)
		r = fleet_seal(fleet, STORE_OF_ENROLLMENT, enrollment->no, "authenticate",
			       scene->checkin->raw, err);
	return r;
}

static void take_push_data(struct fleet_scene *scene)
{
	struct store_enrollment *enrollment = &scene->enrollment;
	const struct mdm_checkin *said = scene->checkin;
	bool is_usable = said->token.len > 0 && said->magic && said->magic[0];

	if (enrollment->push_token.len > 0 && !slice_equal(enrollment->push_token, said->token))
		enrollment->token_changes++;
	/* what cannot be pushed to is no mistake of the device's that it could mend */
	enrollment->push_token = is_usable ? said->token : SLICE_EMPTY;
	enrollment->push_magic = is_usable ? said->magic : "";
	take_text(&enrollment->topic, said->topic);
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
	int r = fleet_seal(fleet, STORE_OF_ENROLLMENT, enrollment->no, "token-update", said->raw,
			   err);

	if (r == 0 && said->unlock_token.len > 0) /* absent: the stored one stays */
		r = fleet_seal(fleet, STORE_OF_ENROLLMENT, enrollment->no, "unlock-token",
			       said->unlock_token, err);
	if (r < 0)
		return r;
	take_push_data(scene);
	enrollment->is_awaiting = said->is_awaiting;
	enrollment->flags &= ~(int64_t)FLEET_ROW_AWAITS_TOKEN;
	enrollment->push_failures = 0;
	scene->is_changed = true;
	if (enrollment->state == STORE_PENDING && enrollment->kind != STORE_USER_CHANNEL)
		r = welcome(scene, err);
	enrollment->state = STORE_ENABLED;
	enrollment->left = 0;
	enrollment->due[STORE_DUE_PUSH] = scene->now; /* for whatever waits; the sweep finds out */
	scene->answer->effects |= FLEET_PUSH_DUE;
	return r;
}

int fleet_life_restored(struct fleet_scene *scene, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store_enrollment *enrollment = &scene->enrollment;
	int r = 0;

	/* what an operator confirmed before it was let in is not asked about again */
	bool is_confirmed = fleet->policy.restore == FLEET_RESTORE_REFUSE;

	enrollment->restore = is_confirmed ? STORE_NONE : STORE_NOTICED;
	enrollment->restore_at = scene->now;
	scene->is_changed = true;
	if (!is_confirmed)
		r = store_queue_hold(fleet->store, enrollment->no, scene->now, NULL, err);
	if (r == 0)
		r = fleet_inventory_queue(fleet, enrollment, err);
	if (r == 0 && scene->identity == FLEET_IDENTITY_PREVIOUS)
		r = fleet_renewal_queue(fleet, enrollment, err);
	/* the device may hold another set than the one that it was told last */
	enrollment->declarations_token = "";
	if (r == 0)
		r = fleet_declare_sync(fleet, enrollment, err);
	enrollment->due[STORE_DUE_PUSH] = scene->now;
	scene->answer->effects |= FLEET_PUSH_DUE;
	return r;
}

int fleet_life_end(struct fleet *fleet, struct store_enrollment *enrollment, const char *status,
		   enum store_record record, struct err *err)
{
	struct store_device device;
	bool is_final = record != STORE_ACTIVE;
	int r = drop_all(fleet, enrollment, status, err);

	if (r == 0 && enrollment->kind != STORE_USER_CHANNEL)
		r = end_users(fleet, enrollment, status, err);
	enrollment->state = STORE_DISABLED;
	enrollment->left = fleet_now(fleet);
	if (r == 0)
		r = store_enrollment_put(fleet->store, enrollment, err);
	if (r == 0 && is_final)
		r = store_certificate_end(fleet->store, enrollment->no, INT64_MAX, 0, err);
	if (r < 0 || !is_final)
		return r;
	r = store_device_get(fleet->store, enrollment->device, &device, err);
	if (r != 0 || device.record == STORE_DELETED)
		return r < 0 ? r : 0;
	device.record = record;
	r = store_device_put(fleet->store, &device, err);
	return r < 0 ? r : 0;
}
