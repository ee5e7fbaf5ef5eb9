/*
 * What operators decide about a device's management: retire, wipe, delete, hide, unenroll, replace.
 */
#include "fleet/internal.h"

static int queue_urgent(struct fleet *fleet, struct store_enrollment *enrollment,
			const struct fleet_own *own, struct err *err)
{
	int r = fleet_queue_own(fleet, enrollment, own, err);

	return r < 0 ? r : fleet_push_soon(fleet, enrollment, fleet_now(fleet), err);
}

/* @is_deleted: its record leaves the lists, where nobody could confirm a restore any more */
static int queue_retire(struct fleet *fleet, struct store_enrollment *enrollment, bool is_deleted,
			const char *by, struct err *err)
{
	CLEANUP(buf_clear) struct buf dict = BUF_INIT(FLEET_COMMAND_MAX);
	struct fleet_own own = {.request_type = "RemoveProfile",
				.identifier = fleet->policy.profile_identifier,
				.lane = FLEET_LANE_URGENT,
				.flags = FLEET_FLAG_RETIRE,
				.is_dangerous = !is_deleted,
				.is_endless = true,
				.by = by};
	int r = mdm_build_remove_profile(fleet->policy.profile_identifier, &dict, err);

	own.command = buf_slice(&dict);
	return r < 0 ? r : queue_urgent(fleet, enrollment, &own, err);
}

/* the device channel behind @id, with what is wanted of it */
static int find_enabled(struct fleet *fleet, const char *id, struct store_enrollment *enrollment,
			struct err *err)
{
	int r = fleet_find(fleet, id, enrollment, err);

	if (r == 0 &&
	    (enrollment->state != STORE_ENABLED || enrollment->kind == STORE_USER_CHANNEL))
		return fleet_refused(err, "the enrollment is not enabled, or a user's channel");
	return r;
}

int fleet_retire(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	struct store_enrollment enrollment;
	int r = find_enabled(fleet, id, &enrollment, err);

	if (r == 0)
		r = queue_retire(fleet, &enrollment, false, by, err);
	return r != 0 ? r : fleet_audit(fleet, by, "retire", id, NULL, err);
}

int fleet_wipe(struct fleet *fleet, const char *id, const struct fleet_erase *how, const char *by,
	       struct err *err)
{
	CLEANUP(buf_wipe) struct buf profile = BUF_INIT(MDM_PROFILE_MAX);
	CLEANUP(buf_wipe) struct buf dict = BUF_INIT(FLEET_COMMAND_MAX);
	struct mdm_erase erase = {.preserves_data_plan = how->is_data_plan_kept,
				  .bars_proximity_setup = how->is_proximity_setup_barred,
				  .returns_to_service = how->is_returned_to_service,
				  .wifi_profile = how->wifi_profile};
	struct fleet_own own = {.request_type = "EraseDevice",
				.lane = FLEET_LANE_URGENT,
				.flags = FLEET_FLAG_WIPE | FLEET_FLAG_ONCE,
				.is_dangerous = true,
				/* the ticket in the profile of a returning device has an end */
				.is_endless = !how->is_returned_to_service,
				.by = by};
	struct store_enrollment enrollment;
	int r = find_enabled(fleet, id, &enrollment, err);

	if (r != 0)
		return r;
	if (enrollment.flags & FLEET_ROW_USER_ENROLLMENT)
		return fleet_refused(err, "a User Enrollment cannot be wiped, only retired");
	if (how->is_returned_to_service)
		r = fleet_return_profile(fleet, id, &profile, err);
	erase.mdm_profile = buf_slice(&profile);
	if (r == 0)
		r = mdm_build_erase(&erase, &dict, err);
	own.command = buf_slice(&dict);
	if (r == 0)
		r = queue_urgent(fleet, &enrollment, &own, err);
	return r != 0 ? r : fleet_audit(fleet, by, "wipe", id, NULL, err);
}

/* out of every group; what it had by them goes with the next reconciliation */
static int leave_groups(struct fleet *fleet, int64_t device, struct err *err)
{
	struct store_group *rows;
	size_t count;
	int r;

	do {
		r = store_group_list(fleet->store, device, 0, STORE_LIST_MAX, &rows, &count, err);
		for (size_t i = 0; r == 0 && i < count; i++)
			r = store_member_set(fleet->store, rows[i].no, device, false, err);
	} while (r == 0 && count == STORE_LIST_MAX);
	return r;
}

/* all that the record says of the device and its person, but what its removal still needs */
static int forget(struct fleet *fleet, const struct store_enrollment *enrollment, struct err *err)
{
	struct store *store = fleet->store;
	int r = leave_groups(fleet, enrollment->device, err);

	if (r == 0)
		r = store_kept_remove(store, STORE_OF_DEVICE, enrollment->device, NULL, err);
	if (r == 0)
		r = store_kept_remove(store, STORE_OF_ENROLLMENT, enrollment->no, NULL, err);
	if (r == 0)
		r = fleet_queue_end(fleet, enrollment->no, "Superseded", err);
	if (r == 0)
		r = store_installed_remove(store, enrollment->no, NULL, err);
	if (r == 0)
		r = store_declared_remove(store, enrollment->no, err);
	return r < 0 ? r : store_history_remove(store, enrollment->no, err);
}

static int delete_record(struct fleet *fleet, struct store_enrollment *enrollment, const char *by,
			 struct err *err)
{
	struct store_device device;
	int r = forget(fleet, enrollment, err);

	if (r == 0)
		r = store_device_get(fleet->store, enrollment->device, &device, err);
	if (r != 0)
		return r < 0 ? r : 0;
	device.record = STORE_DELETED;
	r = store_device_put(fleet->store, &device, err);
	enrollment->due[STORE_DUE_RECONCILE] = enrollment->due[STORE_DUE_INVENTORY] = 0;
	if (r == 0)
		r = store_enrollment_put(fleet->store, enrollment, err);
	if (r == 0 && enrollment->state == STORE_ENABLED)
		r = queue_retire(fleet, enrollment, true, by, err);
	return r;
}

int fleet_delete(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	if (r == 0 && enrollment.kind == STORE_USER_CHANNEL)
		return fleet_refused(err, "a user's channel goes with its device");
	if (r == 0)
		r = delete_record(fleet, &enrollment, by, err);
	return r != 0 ? r : fleet_audit(fleet, by, "delete", id, NULL, err);
}

int fleet_hide(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	struct store_enrollment enrollment;
	struct store_device device;
	int64_t heard;
	int r = fleet_find(fleet, id, &enrollment, err);

	if (r == 0)
		r = store_device_get(fleet->store, enrollment.device, &device, err);
	if (r != 0)
		return r;
	if (device.record != STORE_ACTIVE)
		return fleet_refused(err, "only an active record is hidden");
	device.record = STORE_HIDDEN;
	/* what was heard before must not show it again: only a later contact does */
	heard = fleet_last_contact(fleet, device.no);
	if (heard > device.last_contact)
		device.last_contact = heard;
	r = store_device_put(fleet->store, &device, err);
	return r < 0 ? r : fleet_audit(fleet, by, "hide", id, NULL, err);
}

static int decide_unenroll(struct fleet *fleet, const char *id, bool is_decided, const char *by,
			   struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	if (r != 0)
		return r;
	if (enrollment.kind == STORE_USER_CHANNEL)
		return fleet_refused(err, "a user's channel goes with its device");
	enrollment.unenroll_at = is_decided ? fleet_now(fleet) : 0;
	enrollment.unenroll_by = is_decided ? by : "";
	if (is_decided && enrollment.state == STORE_ENABLED)
		enrollment.due[STORE_DUE_PUSH] = fleet_now(fleet); /* so that it hears of it */
	r = store_enrollment_put(fleet->store, &enrollment, err);
	if (r < 0)
		return r;
	return fleet_audit(fleet, by, is_decided ? "unenroll" : "unenroll-cancel", id, NULL, err);
}

int fleet_unenroll(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	return decide_unenroll(fleet, id, true, by, err);
}

int fleet_unenroll_cancel(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	return decide_unenroll(fleet, id, false, by, err);
}

int fleet_device_replace(struct fleet *fleet, const char *old_udid, const char *new_udid,
			 const char *by, struct err *err)
{
	struct store_target target = {.kind = STORE_TO_DEVICE};
	struct store_device old, new;
	struct store_enrollment enrollment;
	int r = fleet_find_device(fleet, old_udid, &old, err);

	if (r == 0)
		r = fleet_find_device(fleet, new_udid, &new, err);
	if (r != 0)
		return r;
	if (old.no == new.no)
		return fleet_refused(err, "a device does not replace itself");
	new.ownership = old.ownership;
	target.no = new.no;
	r = store_member_move(fleet->store, old.no, new.no, err);
	if (r == 0)
		r = leave_groups(fleet, old.no, err);
	if (r == 0)
		r = store_device_put(fleet->store, &new, err);
	if (r == 0)
		r = store_due_mark(fleet->store, &target, STORE_DUE_RECONCILE, fleet_now(fleet),
				   err);
	if (r == 0)
		r = store_enrollment_find(fleet->store, old_udid, &enrollment, err);
	if (r == 0 && enrollment.state == STORE_ENABLED)
		r = queue_retire(fleet, &enrollment, false, by, err);
	return r < 0 ? r : fleet_audit(fleet, by, "replace", old_udid, NULL, err);
}
