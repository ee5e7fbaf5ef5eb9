/*
 * Commands that operators queue: checked, stored once, put into one queue or many.
 */
#include "fleet/internal.h"

static unsigned flags_of(const struct mdm_command *command, const struct mdm_command_kind *kind)
{
	unsigned flags = 0;

	if (kind && kind->flags & MDM_ANSWERS_ONCE)
		flags |= FLEET_FLAG_ONCE;
	if (strcmp(command->request_type, "EraseDevice") == 0)
		flags |= FLEET_FLAG_WIPE;
	if (strcmp(command->request_type, "ClearPasscode") == 0)
		flags |= FLEET_FLAG_UNLOCK;
	return flags;
}

/* what forbids the command whoever is to get it; NULL: nothing */
static const char *general_objection(struct fleet *fleet, const struct mdm_command *command,
				     const struct fleet_target *target)
{
	const struct mdm_command_kind *kind = mdm_command_kind(command->request_type);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct mdm_profile profile;

	if (target->kind == FLEET_TARGET_ALL && strcmp(command->request_type, "EraseDevice") == 0)
		return "EraseDevice for everybody";
	if (command->identifier &&
	    strcmp(command->identifier, fleet->policy.profile_identifier) == 0)
		return "this ends management: retire the device instead";
	if (kind && kind->right && !(fleet->policy.access_rights & kind->right))
		return "the enrollment profile did not ask for the right to do this";
	if (command->payload.len > 0 && plist_doc_new(&doc, NULL) == 0 &&
	    fleet_profile_read(doc, command->payload, &profile, NULL) == 0 && profile.has_mdm)
		return "a profile with an MDM payload is the service's own to send";
	return NULL;
}

/* what forbids it for one device, by what is known of that; what is not known forbids nothing */
static const char *objection(const struct mdm_command *command,
			     const struct store_enrollment *enrollment,
			     const struct store_device *device)
{
	const struct mdm_command_kind *kind = mdm_command_kind(command->request_type);
	unsigned os = device->os ? mdm_os_number(device->os) : 0;
	bool is_managed_only = false;

	if (enrollment->state != STORE_ENABLED)
		return "the enrollment is not enabled";
	if (device->ownership == STORE_PERSONAL &&
	    strcmp(command->request_type, "InstalledApplicationList") == 0) {
		plist_get_bool(command->command, "ManagedAppsOnly", &is_managed_only);
		if (!is_managed_only)
			return "of a personal device only managed apps are listed";
	}
	if (!kind)
		return NULL;
	if (kind->flags & MDM_NEEDS_SUPERVISION && !device->is_supervised &&
	    device->flags & FLEET_SUPERVISION_KNOWN)
		return "the device is not supervised";
	if (kind->flags & MDM_NOT_FOR_USERS && enrollment->flags & FLEET_ROW_USER_ENROLLMENT)
		return "not for a User Enrollment";
	if (os != 0 && os < kind->since)
		return "the device's OS does not know this command yet";
	if (os != 0 && kind->removed != 0 && os >= kind->removed)
		return "the device's OS does not know this command any more";
	return NULL;
}

struct enqueueing {
	struct fleet *fleet;
	const struct mdm_command *command;
	struct store_command row;
	struct fleet_queued *out;
	fleet_each_refused *each;
	void *arg;
	int64_t now;
};

static void refuse_one(struct enqueueing *work, const char *id, const char *reason)
{
	work->out->refused++;
	if (work->each)
		work->each(work->arg, id, reason);
}

static int enqueue_one(struct enqueueing *work, const char *id, struct err *err)
{
	struct store *store = work->fleet->store;
	struct store_enrollment enrollment;
	struct store_device device;
	const char *reason;
	bool is_held;
	int r = store_enrollment_find(store, id, &enrollment, err);

	if (r == 0)
		r = store_device_get(store, enrollment.device, &device, err);
	if (r < 0)
		return r;
	if (r == STORE_NO_ROW || device.record == STORE_DELETED) {
		refuse_one(work, id, "no such enrollment");
		return 0;
	}
	reason = objection(work->command, &enrollment, &device);
	if (reason) {
		refuse_one(work, id, reason);
		return 0;
	}
	is_held = work->row.is_dangerous && enrollment.restore == STORE_NOTICED;
	r = store_queue_add(store, &work->row, enrollment.no, is_held ? STORE_HELD : STORE_QUEUED,
			    work->now, err);
	if (r < 0)
		return r;
	if (r == STORE_CONFLICT) {
		refuse_one(work, id, "named twice");
		return 0;
	}
	work->out->held += is_held;
	work->out->queued += !is_held;
	return fleet_push_soon(work->fleet, &enrollment,
			       work->row.not_before > work->now ? work->row.not_before : work->now,
			       err);
}

static int enqueue_many(struct enqueueing *work, const struct fleet_target *target, struct err *err)
{
	struct store *store = work->fleet->store;
	struct store_target to = {.kind = STORE_TO_ALL};
	int64_t first = work->row.not_before > work->now ? work->row.not_before : work->now;
	struct store_group group;
	int r = 0;

	if (target->kind == FLEET_TARGET_GROUP) {
		r = store_group_find(store, target->name, &group, err);
		if (r != 0)
			return r < 0 ? r : fleet_no_such(err, "group", target->name);
		to = (struct store_target){.kind = STORE_TO_GROUP, .no = group.no};
	}
	return store_queue_add_many(store, &work->row, &to, first, &work->out->queued,
				    &work->out->held, err);
}

/* the command's row: its UUID is kept if it has one */
static int fill_row(struct enqueueing *work, const struct fleet_wish *wish, struct err *err)
{
	struct store_command *row = &work->row;
	const struct mdm_command *command = work->command;
	const struct mdm_command_kind *kind = mdm_command_kind(command->request_type);
	int64_t life_s = (int64_t)work->fleet->policy.command_days * FLEET_DAY_S;

	if (strlen(command->request_type) >= sizeof(work->out->request_type) ||
	    (command->uuid && strlen(command->uuid) > FLEET_UUID_MAX))
		return fleet_refused(err, "a name in the command is too long");
	*row = (struct store_command){
		.uuid = work->out->uuid,
		.request_type = command->request_type,
		.subject = command->identifier,
		.author = wish->by,
		/* what the table puts into an urgent lane (lock, erase) waits in no other */
		.lane = wish->lane == FLEET_LANE_RENEWAL ? FLEET_LANE_NORMAL : wish->lane,
		.created = work->now,
		.not_before = wish->not_before,
		.ends = wish->ends ? wish->ends : work->now + life_s,
		.flags = flags_of(command, kind),
		.is_dangerous = kind && kind->flags & MDM_IS_DANGEROUS,
	};
	if (kind && kind->lane < row->lane)
		row->lane = kind->lane;
	snprintf(work->out->request_type, sizeof(work->out->request_type), "%s",
		 command->request_type);
	if (!command->uuid)
		return fleet_uuid(work->fleet, work->out->uuid, err);
	snprintf(work->out->uuid, sizeof(work->out->uuid), "%s", command->uuid);
	return 0;
}

static int put_command(struct enqueueing *work, struct err *err)
{
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(FLEET_COMMAND_MAX);
	int r = mdm_command_write(work->command->command, work->row.uuid, SLICE_EMPTY, &payload,
				  err);

	if (r < 0)
		return r;
	work->row.payload = buf_slice(&payload);
	r = store_command_insert(work->fleet->store, &work->row, err);
	work->row.payload = SLICE_EMPTY;
	return r == STORE_CONFLICT ? fleet_refused(err, "a command of this CommandUUID exists") : r;
}

static int put_targets(struct enqueueing *work, const struct fleet_target *target, struct err *err)
{
	int r = 0;

	if (target->kind != FLEET_TARGET_ENROLLMENTS)
		return enqueue_many(work, target, err);
	for (size_t i = 0; r == 0 && i < target->count; i++)
		r = enqueue_one(work, target->ids[i], err);
	return r;
}

int fleet_command_enqueue(struct fleet *fleet, const struct fleet_wish *wish,
			  const struct fleet_target *target, struct fleet_queued *out,
			  fleet_each_refused *each, void *arg, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct enqueueing work = {
		.fleet = fleet, .out = out, .each = each, .arg = arg, .now = fleet_now(fleet)};
	struct mdm_command command;
	const char *reason;
	int r = plist_doc_new(&doc, err);

	memset(out, 0, sizeof(*out));
	if (r < 0)
		return r;
	r = mdm_command_parse(doc, wish->command, &command, err);
	if (r == ERR_PROTOCOL || r == ERR_LIMIT)
		return FLEET_REFUSED;
	if (r < 0)
		return r;
	reason = general_objection(fleet, &command, target);
	if (reason)
		return fleet_refused(err, reason);
	work.command = &command;
	r = fill_row(&work, wish, err);
	if (r == 0)
		r = put_command(&work, err);
	if (r != 0)
		return r;
	r = put_targets(&work, target, err);
	if (r == 0 && out->queued + out->held == 0)
		r = store_command_remove_unused(fleet->store, work.row.no, err);
	if (r != 0)
		return r;
	return fleet_audit(fleet, wish->by, "command-enqueue", work.row.uuid, NULL, err);
}

/* ---- taking back ---- */

enum { WAITING = STORE_QUEUED | STORE_NOT_NOW | STORE_HELD };

int fleet_command_cancel(struct fleet *fleet, const char *uuid, const char *id, const char *by,
			 uint64_t *count, struct err *err)
{
	struct store_enrollment enrollment = {.no = 0};
	struct store_command command;
	struct store_queue row;
	int r = store_command_find(fleet->store, uuid, &command, err);

	*count = 0;
	if (r == STORE_NO_ROW)
		return fleet_no_such(err, "command in any queue:", uuid);
	if (r == 0 && id)
		r = fleet_find(fleet, id, &enrollment, err);
	if (r == 0 && id)
		r = store_queue_find(fleet->store, enrollment.no, uuid, &row, err);
	if (r == STORE_NO_ROW && id)
		return fleet_no_such(err, "command in that queue:", uuid);
	if (r != 0)
		return r;
	if (id && row.tries > 0 && row.what.flags & FLEET_FLAG_ONCE)
		return fleet_refused(err, "it was sent and cannot be called back");
	/* what was sent elsewhere may be running: its answer is still waited for */
	r = store_queue_cancel(fleet->store, command.no, enrollment.no,
			       command.flags & FLEET_FLAG_ONCE ? WAITING : WAITING | STORE_SENT,
			       count, err);
	return r < 0 ? r : fleet_audit(fleet, by, "command-cancel", uuid, NULL, err);
}

/* held rows go on; what went out once and is waited for does not go out again */
static int release(struct fleet *fleet, int64_t enrollment, struct err *err)
{
	struct store_queue *rows;
	size_t count;
	int r;

	do {
		r = store_queue_list(fleet->store, enrollment, STORE_HELD, STORE_LIST_MAX, &rows,
				     &count, err);
		for (size_t i = 0; r == 0 && i < count; i++) {
			bool is_out = rows[i].tries > 0 && rows[i].what.flags & FLEET_FLAG_ONCE;

			r = store_queue_set(fleet->store, &rows[i],
					    is_out ? STORE_SENT : STORE_QUEUED, rows[i].tries,
					    fleet_now(fleet), err);
		}
	} while (r == 0 && count == STORE_LIST_MAX);
	return r;
}

int fleet_restore_confirm(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	if (r != 0)
		return r;
	if (enrollment.restore != STORE_NOTICED && enrollment.restore != STORE_REFUSED)
		return fleet_refused(err, "no restore waits for a confirmation");
	r = release(fleet, enrollment.no, err);
	enrollment.restore = STORE_CONFIRMED;
	enrollment.due[STORE_DUE_PUSH] = fleet_now(fleet);
	enrollment.push_failures = 0;
	if (r == 0)
		r = store_enrollment_put(fleet->store, &enrollment, err);
	return r < 0 ? r : fleet_audit(fleet, by, "restore-confirm", id, NULL, err);
}

int fleet_sweep_commands(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	struct store_queue *rows;
	size_t found = 0;
	int64_t now = fleet_now(fleet);
	int r = store_queue_expired(fleet->store, now, max, &rows, &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = store_queue_done(fleet->store, &rows[i], "Expired", "", SLICE_EMPTY, now, err);
	*count = (unsigned)found;
	return r < 0 ? r : 0;
}
