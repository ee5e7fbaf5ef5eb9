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

/* @identity for this enrollment, unless it is somebody else's */
static int bind(struct import *import, struct err *err)
{
	struct store *store = import->fleet->store;
	struct store_certificate row = {0};
	int r;

	if (!import->identity)
		return 0;
	r = store_certificate_find(store, import->identity, &row, err);
	if (r < 0)
		return r;
	if (r == 0 && row.enrollment != 0 && row.enrollment != import->enrollment.no)
		return fleet_refused(err, "the identity is bound to another enrollment");
	memcpy(row.sha256, import->identity, sizeof(row.sha256));
	row.enrollment = import->enrollment.no;
	row.generation = import->enrollment.generation;
	row.state = STORE_CURRENT;
	row.not_after = import->not_after;
	row.issued = import->now;
	return store_certificate_put(store, &row, err);
}

static int take_authenticate(struct import *import, struct err *err)
{
	struct fleet *fleet = import->fleet;
	const struct mdm_checkin *said = import->said;
	struct store_enrollment *row = &import->enrollment;
	struct store_device device;
	bool is_corporate = false;
	int r;

	if (import->is_known)
		return fleet_refused(err, "it is enrolled here already");
	r = store_device_find(fleet->store, said->from.id, &device, err);
	if (r < 0)
		return r;
	if (r == STORE_NO_ROW)
		device = (struct store_device){.created = import->now, .supervised = -1};
	snprintf(device.udid, sizeof(device.udid), "%s", said->from.id);
	snprintf(device.serial, sizeof(device.serial), "%s", said->serial ? said->serial : "");
	snprintf(device.imei, sizeof(device.imei), "%s", said->imei ? said->imei : "");
	snprintf(device.os, sizeof(device.os), "%s", said->os ? said->os : "");
	snprintf(device.build, sizeof(device.build), "%s", said->build ? said->build : "");
	snprintf(device.product, sizeof(device.product), "%s", said->product ? said->product : "");
	r = store_identifier_is(fleet->store, device.serial, device.imei, &is_corporate, err);
	if (is_corporate)
		device.ownership = STORE_CORPORATE;
	device.record = STORE_ACTIVE;
	if (r == 0)
		r = store_device_put(fleet->store, &device, err);
	if (r < 0)
		return r;
	*row = (struct store_enrollment){.device = device.no,
					 .generation = 1,
					 .state = STORE_PENDING,
					 .kind = "migrated",
					 .is_user_enrollment = said->from.is_user_enrollment,
					 .authenticated = import->now,
					 .identity_ends = import->not_after};
	snprintf(row->id, sizeof(row->id), "%s", said->from.id);
	snprintf(row->topic, sizeof(row->topic), "%s", said->topic ? said->topic : "");
	r = store_enrollment_put(fleet->store, row, err);
	if (r == 0)
		r = bind(import, err);
	if (r == 0)
		r = fleet_fact_sealed(fleet, 'e', row->no, "authenticate", said->raw, err);
	return r;
}

static int take_token(struct import *import, struct err *err)
{
	const struct mdm_checkin *said = import->said;
	struct store_enrollment *row = &import->enrollment;
	struct fleet *fleet = import->fleet;
	int r;

	if (!import->is_known)
		return fleet_refused(err, "no Authenticate of it yet");
	if (row->state != STORE_PENDING || strcmp(row->kind, "migrated") != 0)
		return fleet_refused(err, "it is enrolled here already");
	if (said->token.len > sizeof(row->push_token) || !said->magic ||
	    strlen(said->magic) >= sizeof(row->push_magic))
		return fleet_refused(err, "push token or magic of no use");
	if (said->token.len > 0)
		memcpy(row->push_token, said->token.bytes, said->token.len);
	row->push_token_len = said->token.len;
	snprintf(row->push_magic, sizeof(row->push_magic), "%s", said->magic);
	snprintf(row->topic, sizeof(row->topic), "%s", said->topic ? said->topic : "");
	row->state = STORE_ENABLED;
	row->is_awaiting = said->is_awaiting;
	row->enrolled = row->token_at = import->now;
	r = bind(import, err);
	if (r == 0)
		r = fleet_fact_sealed(fleet, 'e', row->no, "token-update", said->raw, err);
	if (r == 0 && said->unlock_token.len > 0)
		r = fleet_fact_sealed(fleet, 'e', row->no, "unlock-token", said->unlock_token, err);
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
		return fleet_fact_sealed(import->fleet, 'e', import->enrollment.no,
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
	int r = fleet_fact_open(fleet, 'e', row->no, kind, &plain, err);

	if (r != 0)
		return r == FLEET_NO_SUCH ? 0 : r;
	if (strcmp(kind, "bootstrap-token") != 0)
		return each(arg, row->id, buf_slice(&plain), identity, err);
	r = mdm_bootstrap_message(row->id, buf_slice(&plain), &message, err);
	return r < 0 ? r : each(arg, row->id, buf_slice(&message), identity, err);
}

struct current {
	uint8_t sha256[FLEET_CERT_SHA256_LEN];
	bool is_there;
};

static int each_certificate(void *arg, const struct store_certificate *certificate, struct err *err)
{
	struct current *current = arg;

	if (certificate->state == STORE_CURRENT) {
		memcpy(current->sha256, certificate->sha256, sizeof(current->sha256));
		current->is_there = true;
	}
	return 0;
}

static int export_one(struct fleet *fleet, const struct store_enrollment *row,
		      fleet_each_message *each, void *arg, struct err *err)
{
	static const char *const kinds[] = {"authenticate", "token-update", "bootstrap-token"};
	struct current current = {.is_there = false};
	int r = store_certificate_list(fleet->store, row->no, each_certificate, &current, err);

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(kinds); i++)
		r = hand_out(fleet, row, kinds[i], current.is_there ? current.sha256 : NULL, each,
			     arg, err);
	return r;
}

static int export_all(struct fleet *fleet, fleet_each_message *each, void *arg, struct err *err)
{
	struct store_enrollment row;
	int64_t nos[256], after = 0;
	size_t found;
	int r;

	do {
		r = store_sweep(fleet->store, STORE_SWEEP_ALL, 0, after, nos, ARRAY_COUNT(nos),
				&found, err);
		for (size_t i = 0; r == 0 && i < found; i++) {
			after = nos[i];
			r = store_enrollment_get(fleet->store, nos[i], &row, err);
			if (r == 0 && row.state == STORE_ENABLED && !row.is_user_channel)
				r = export_one(fleet, &row, each, arg, err);
		}
	} while (r == 0 && found == ARRAY_COUNT(nos));
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
