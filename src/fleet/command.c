/*
 * Commands that operators queue: checked, stored once, put into one queue or many.
 */
#include "fleet/internal.h"

#include <stdlib.h>

static unsigned flags_of(const struct mdm_command *command, const struct mdm_command_kind *kind)
{
	unsigned flags = 0;

	if (kind && kind->flags & MDM_IS_DANGEROUS)
		flags |= FLEET_FLAG_DANGEROUS;
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
	    mdm_profile_parse(doc, command->payload, &profile, NULL) == 0 && profile.has_mdm)
		return "a profile with an MDM payload is the service's own to send";
	return NULL;
}

/* what forbids it for one device, by what is known of that; what is not known forbids nothing */
static const char *objection(const struct mdm_command *command,
			     const struct store_enrollment *enrollment,
			     const struct store_device *device)
{
	const struct mdm_command_kind *kind = mdm_command_kind(command->request_type);
	unsigned os = mdm_os_number(device->os);
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
	if (kind->flags & MDM_NEEDS_SUPERVISION && device->supervised == 0)
		return "the device is not supervised";
	if (kind->flags & MDM_NOT_FOR_USERS && enrollment->is_user_enrollment)
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
	is_held = work->row.flags & FLEET_FLAG_DANGEROUS && enrollment.restore == FLEET_NOTICED;
	r = store_enqueue(store, enrollment.no, &work->row, is_held ? STORE_HELD : STORE_QUEUED,
			  work->now, err);
	if (r < 0)
		return r;
	if (r == STORE_CONFLICT) {
		refuse_one(work, id, "named twice");
		return 0;
	}
	work->out->held += is_held;
	work->out->queued += !is_held;
	return fleet_push_soon(work->fleet, enrollment.no,
			       work->row.not_before > work->now ? work->row.not_before : work->now,
			       err);
}

static int enqueue_many(struct enqueueing *work, const char *group, struct err *err)
{
	int64_t count = 0;
	int r = store_enqueue_many(work->fleet->store, &work->row, group,
				   (work->row.flags & FLEET_FLAG_DANGEROUS) != 0, work->now, &count,
				   err);

	if (r != 0)
		return r == STORE_NO_ROW ? fleet_no_such(err, "group", group) : r;
	work->out->queued = (uint64_t)count;
	return store_push_soon(work->fleet->store, work->row.no,
			       work->row.not_before > work->now ? work->row.not_before : work->now,
			       err);
}

/* the command's row: its UUID is kept if it has one */
static int fill_row(struct enqueueing *work, const struct fleet_wish *wish, struct err *err)
{
	struct store_command *row = &work->row;
	const struct mdm_command *command = work->command;
	const struct mdm_command_kind *kind = mdm_command_kind(command->request_type);
	uint8_t random[16];
	int r = 0;

	if (strlen(command->request_type) >= sizeof(row->request_type) ||
	    (command->identifier && strlen(command->identifier) >= sizeof(row->identifier)) ||
	    (command->uuid && strlen(command->uuid) > FLEET_UUID_MAX))
		return fleet_refused(err, "a name in the command is too long");
	snprintf(row->request_type, sizeof(row->request_type), "%s", command->request_type);
	snprintf(row->identifier, sizeof(row->identifier), "%s",
		 command->identifier ? command->identifier : "");
	snprintf(row->by, sizeof(row->by), "%s", wish->by ? wish->by : "");
	if (command->uuid) {
		snprintf(row->uuid, sizeof(row->uuid), "%s", command->uuid);
	} else {
		r = work->fleet->entropy->fill(work->fleet->entropy, random, sizeof(random), err);
		fleet_uuid(random, row->uuid);
	}
	/* what the table puts into an urgent lane (lock, erase) does not wait in another */
	row->lane = wish->lane == FLEET_LANE_RENEWAL ? FLEET_LANE_NORMAL : (int)wish->lane;
	if (kind && (int)kind->lane < row->lane)
		row->lane = (int)kind->lane;
	row->flags = (int)flags_of(command, kind);
	row->created = work->now;
	row->not_before = wish->not_before;
	row->ends = wish->ends
			    ? wish->ends
			    : work->now + (int64_t)work->fleet->policy.command_days * FLEET_DAY_S;
	return r;
}

static int put_command(struct enqueueing *work, struct err *err)
{
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(FLEET_COMMAND_MAX);
	int r = mdm_command_write(work->command->command, work->row.uuid, SLICE_EMPTY, &payload,
				  err);

	if (r < 0)
		return r;
	r = store_command_put(work->fleet->store, &work->row, buf_slice(&payload), err);
	return r == STORE_CONFLICT ? fleet_refused(err, "a command of this CommandUUID exists") : r;
}

static int put_targets(struct enqueueing *work, const struct fleet_target *target, struct err *err)
{
	int r = 0;

	if (target->kind != FLEET_TARGET_ENROLLMENTS)
		return enqueue_many(work, target->kind == FLEET_TARGET_GROUP ? target->name : NULL,
				    err);
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
	snprintf(out->uuid, sizeof(out->uuid), "%s", work.row.uuid);
	snprintf(out->request_type, sizeof(out->request_type), "%s", work.row.request_type);
	r = put_targets(&work, target, err);
	if (r != 0)
		return r;
	return fleet_audit(fleet, wish->by, "command-enqueue", work.row.uuid, NULL, err);
}

/* ---- taking back ---- */

/* the rows of one queue that may be taken back or released: UUIDs are copied, for the store may not
 * be called while it lists */
struct row_list {
	struct store_queued *rows;
	size_t count, room;
};

static void row_list_clear(struct row_list *list)
{
	free(list->rows);
}

static int each_row(void *arg, const struct store_queued *queued, struct err *err)
{
	struct row_list *list = arg;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct store_queued *rows = realloc(list->rows, room * sizeof(*rows));

		if (!rows)
			return err_no_memory(err);
		list->rows = rows;
		list->room = room;
	}
	list->rows[list->count++] = *queued;
	return 0;
}

static int cancel_one(struct fleet *fleet, int64_t enrollment, const char *uuid, uint64_t *count,
		      struct err *err)
{
	struct store_queued queued;
	int r = store_queued_find(fleet->store, enrollment, uuid, &queued, err);

	if (r != 0)
		return r;
	if (queued.tries > 0 && queued.command.flags & FLEET_FLAG_ONCE)
		return fleet_refused(err, "it was sent and cannot be called back");
	r = store_done(fleet->store, &queued, "Canceled", SLICE_EMPTY, SLICE_EMPTY,
		       fleet_now(fleet), err);
	*count += r == 0;
	return r;
}

static int cancel_all(struct fleet *fleet, const char *uuid, uint64_t *count, struct err *err)
{
	int64_t nos[256], after = 0;
	size_t found = 0;
	int r;

	do {
		r = store_sweep(fleet->store, STORE_SWEEP_ALL, 0, after, nos, ARRAY_COUNT(nos),
				&found, err);
		for (size_t i = 0; r == 0 && i < found; i++) {
			r = cancel_one(fleet, nos[i], uuid, count, err);
			if (r > 0) /* not in this queue, or gone out: the others may still be */
				r = 0;
			after = nos[i];
		}
	} while (r == 0 && found == ARRAY_COUNT(nos));
	return r;
}

int fleet_command_cancel(struct fleet *fleet, const char *uuid, const char *id, const char *by,
			 uint64_t *count, struct err *err)
{
	struct store_enrollment enrollment;
	int r;

	*count = 0;
	if (!id) {
		r = cancel_all(fleet, uuid, count, err);
	} else {
		r = fleet_find(fleet, id, &enrollment, err);
		if (r == 0)
			r = cancel_one(fleet, enrollment.no, uuid, count, err);
		if (id && r == STORE_NO_ROW && *count == 0)
			return fleet_no_such(err, "command in that queue:", uuid);
	}
	if (r == 0 && *count == 0)
		return fleet_no_such(err, "command in any queue:", uuid);
	return r != 0 ? r : fleet_audit(fleet, by, "command-cancel", uuid, NULL, err);
}

int fleet_restore_confirm(struct fleet *fleet, const char *id, const char *by, struct err *err)
{
	CLEANUP(row_list_clear) struct row_list list = {0};
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	if (r != 0)
		return r;
	if (enrollment.restore != FLEET_NOTICED && enrollment.restore != FLEET_REFUSED_RESTORE)
		return fleet_refused(err, "no restore waits for a confirmation");
	r = store_queue_list(fleet->store, enrollment.no, each_row, &list, err);
	for (size_t i = 0; r == 0 && i < list.count; i++) {
		struct store_queued *row = &list.rows[i];

		/* what went out once and is waited for lies here too: it does not go out again */
		if (row->state != STORE_HELD ||
		    (row->tries > 0 && row->command.flags & FLEET_FLAG_ONCE))
			continue;
		row->state = STORE_QUEUED;
		row->at = fleet_now(fleet);
		r = store_queued_set(fleet->store, row, err);
	}
	enrollment.restore = FLEET_CONFIRMED;
	enrollment.push_at = fleet_now(fleet);
	enrollment.push_failures = 0;
	if (r == 0)
		r = store_enrollment_put(fleet->store, &enrollment, err);
	return r < 0 ? r : fleet_audit(fleet, by, "restore-confirm", id, NULL, err);
}

int fleet_sweep_commands(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	size_t found = 0;
	int r = store_queue_expire(fleet->store, fleet_now(fleet), max, &found, err);

	*count = (unsigned)found;
	return r;
}
