/*
 * Records from and for another service, as check-in messages with the identity's hash beside them:
 * no window in which whoever comes first is trusted.
 */
#include "fleet/internal.h"

struct import {
	struct fleet *fleet;
	const struct mdm_checkin *said;
	const uint8_t *identity;
	int64_t not_after, now;
	struct store_enrollment enrollment;
	bool is_known;
};

/* the identity for this enrollment, unless it is somebody else's */
static int bind(struct import *import, struct err *err)
{
	struct store *store = import->fleet->store;
	struct slice sha256 = slice_of(import->identity, FLEET_CERT_SHA256_LEN);
	struct store_certificate row = {.no = 0};
	int r;

	if (!import->identity)
		return 0;
	r = store_certificate_find(store, sha256, &row, err);
	if (r < 0)
		return r;
	if (r == 0 && row.enrollment != 0 && row.enrollment != import->enrollment.no)
		return fleet_refused(err, "the identity is bound to another enrollment");
	if (r == STORE_NO_ROW)
		row = (struct store_certificate){
			.sha256 = sha256, .not_after = import->not_after, .issued = import->now};
	row.enrollment = import->enrollment.no;
	row.generation = import->enrollment.generation;
	row.state = STORE_CERT_CURRENT;
	r = store_certificate_put(store, &row, err);
	return r < 0 ? r : 0;
}

static int take_device(struct import *import, struct store_device *device, struct err *err)
{
	const struct mdm_checkin *said = import->said;
	int r = store_device_find(import->fleet->store, said->from.id, device, err);

	if (r < 0)
		return r;
	if (r == STORE_NO_ROW)
		*device = (struct store_device){.udid = said->from.id, .created = import->now};
	device->serial = said->serial;
	device->imei = said->imei;
	device->os = said->os;
	device->build = said->build;
	device->product = said->product;
	device->record = STORE_ACTIVE;
	r = fleet_ownership_decide(import->fleet, device, err);
	return r < 0 ? r : store_device_put(import->fleet->store, device, err);
}

static int take_authenticate(struct import *import, struct err *err)
{
	struct fleet *fleet = import->fleet;
	const struct mdm_checkin *said = import->said;
	struct store_enrollment *row = &import->enrollment;
	struct store_device device;
	int r;

	if (import->is_known)
		return fleet_refused(err, "it is known here already");
	r = take_device(import, &device, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "the device's row is gone");
	*row = (struct store_enrollment){.id = said->from.id,
					 .device = device.no,
					 .generation = 1,
					 .state = STORE_PENDING,
					 .topic = said->topic,
					 .created = import->now,
					 .authenticated = import->now,
					 .flags = FLEET_ROW_MIGRATED | FLEET_ROW_AWAITS_TOKEN};
	if (said->from.is_user_enrollment)
		row->flags |= FLEET_ROW_USER_ENROLLMENT;
	if (import->identity && import->not_after)
		row->due[STORE_DUE_RENEWAL] = fleet_renewal_due(fleet, import->not_after);
	else if (import->identity) /* its end is known at the first contact, or it is renewed */
		row->due[STORE_DUE_RENEWAL] = import->now;
	r = store_enrollment_put(fleet->store, row, err);
	if (r == 0)
		r = bind(import, err);
	if (r == 0)
		r = fleet_seal(fleet, STORE_OF_ENROLLMENT, row->no, "authenticate", said->raw, err);
	return r;
}

static int take_token(struct import *import, struct err *err)
{
	const struct mdm_checkin *said = import->said;
	struct store_enrollment *row = &import->enrollment;
	struct fleet *fleet = import->fleet;
	int64_t waits = FLEET_ROW_MIGRATED | FLEET_ROW_AWAITS_TOKEN;
	int r;

	if (!import->is_known)
		return fleet_refused(err, "no Authenticate of it yet");
	if ((row->flags & waits) != waits)
		return fleet_refused(err, "it is enrolled here already");
	row->push_token = said->token;
	row->push_magic = said->magic;
	if (said->topic)
		row->topic = said->topic;
	row->state = STORE_ENABLED;
	row->is_awaiting = said->is_awaiting;
	row->enrolled = import->now;
	row->flags &= ~(int64_t)FLEET_ROW_AWAITS_TOKEN;
	r = bind(import, err);
	if (r == 0)
		r = fleet_seal(fleet, STORE_OF_ENROLLMENT, row->no, "token-update", said->raw, err);
	if (r == 0 && said->unlock_token.len > 0)
		r = fleet_seal(fleet, STORE_OF_ENROLLMENT, row->no, "unlock-token",
			       said->unlock_token, err);
	return r != 0 ? r : store_enrollment_put(fleet->store, row, err);
}

static int take_message(struct import *import, struct err *err)
{
	switch (import->said->message) {
	case MDM_AUTHENTICATE:
		return take_authenticate(import, err);
	case MDM_TOKEN_UPDATE:
		return take_token(import, err);
	case MDM_SET_BOOTSTRAP_TOKEN:
		if (!import->is_known)
			return fleet_refused(err, "no Authenticate of it yet");
		return fleet_seal(import->fleet, STORE_OF_ENROLLMENT, import->enrollment.no,
				  "bootstrap-token", import->said->bootstrap_token, err);
	default:
		return fleet_refused(err, "no message that is carried over");
	}
}

int fleet_migrate_in(struct fleet *fleet, struct slice message,
		     const uint8_t identity[FLEET_CERT_SHA256_LEN], int64_t not_after,
		     const char *by, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct import import = {.fleet = fleet,
				.identity = identity,
				.not_after = not_after,
				.now = fleet_now(fleet)};
	struct mdm_checkin said;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	r = mdm_checkin_parse(doc, message, &said, err);
	if (r == ERR_PROTOCOL || r == ERR_LIMIT)
		return FLEET_REFUSED;
	if (r < 0)
		return r;
	if (said.from.is_user_channel)
		return fleet_refused(err, "user channels enroll by themselves");
	import.said = &said;
	r = store_enrollment_find(fleet->store, said.from.id, &import.enrollment, err);
	if (r < 0)
		return r;
	import.is_known = r == 0;
	r = take_message(&import, err);
	if (r != 0)
		return r;
	return fleet_audit(fleet, by, "migrate-in", said.from.id, NULL, err);
}

/* ---- out ---- */

static int hand_out(struct fleet *fleet, const struct store_enrollment *row, const char *kind,
		    const uint8_t *identity, fleet_each_message *each, void *arg, struct err *err)
{
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(MDM_CHECKIN_MAX);
	CLEANUP(buf_wipe) struct buf message = BUF_INIT(MDM_CHECKIN_MAX);
	int r = fleet_open(fleet, STORE_OF_ENROLLMENT, row->no, kind, &plain, err);

	if (r != 0)
		return r == FLEET_NO_SUCH ? 0 : r;
	if (strcmp(kind, "bootstrap-token") != 0)
		return each(arg, row->id, buf_slice(&plain), identity, err);
	r = mdm_bootstrap_message(row->id, buf_slice(&plain), &message, err);
	return r < 0 ? r : each(arg, row->id, buf_slice(&message), identity, err);
}

static int export_one(struct fleet *fleet, const struct store_enrollment *row,
		      fleet_each_message *each, void *arg, struct err *err)
{
	static const char *const names[] = {"authenticate", "token-update", "bootstrap-token"};
	struct store_certificate *certificates;
	const uint8_t *identity = NULL;
	size_t count;
	int r = store_certificate_of(fleet->store, row->no, &certificates, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (certificates[i].state == STORE_CERT_CURRENT)
			identity = certificates[i].sha256.bytes;
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(names); i++)
		r = hand_out(fleet, row, names[i], identity, each, arg, err);
	return r;
}

static int export_all(struct fleet *fleet, fleet_each_message *each, void *arg, struct err *err)
{
	struct store_enrollment *rows;
	int64_t after = 0;
	size_t count;
	int r;

	do {
		r = store_enrollment_of(fleet->store, 0, STORE_ENABLED, after, 100, &rows, &count,
					err);
		for (size_t i = 0; r == 0 && i < count; i++) {
			after = rows[i].no;
			if (rows[i].kind != STORE_USER_CHANNEL)
				r = export_one(fleet, &rows[i], each, arg, err);
		}
		store_forget(fleet->store);
	} while (r == 0 && count == 100);
	return r;
}

int fleet_migrate_out(struct fleet *fleet, const char *id, const char *by, fleet_each_message *each,
		      void *arg, struct err *err)
{
	struct store_enrollment row;
	int r;

	if (!id) {
		r = export_all(fleet, each, arg, err);
	} else {
		r = fleet_find(fleet, id, &row, err);
		if (r == 0)
			r = export_one(fleet, &row, each, arg, err);
	}
	return r != 0 ? r : fleet_audit(fleet, by, "migrate-out", id ? id : "everybody", NULL, err);
}
