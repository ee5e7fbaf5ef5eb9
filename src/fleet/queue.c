/*
 * Queues: what the service itself puts in, and the next command for a device.
 */
#include "fleet/internal.h"

#include <jansson.h>

enum { NOT_NOW_PUSH_S = 300 };

int fleet_uuid(struct fleet *fleet, char out[37], struct err *err)
{
	uint8_t uuid[16];
	int r = fleet->entropy->fill(fleet->entropy, uuid, sizeof(uuid), err);

	if (r < 0)
		return r;
	uuid[6] = (uint8_t)(0x40 | (uuid[6] & 0x0f)); /* version 4, random */
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
	uuid_format(uuid, out);
	return 0;
}

/* a Command dict as whole bytes under @uuid */
static int write_whole(struct fleet *fleet, struct slice dict, const char *uuid,
		       struct slice unlock_token, struct buf *out, struct err *err)
{
	struct mdm_command command;
	int r;

	plist_doc_reset(fleet->doc);
	r = mdm_command_parse(fleet->doc, dict, &command, err);
	if (r < 0)
		return r;
	return mdm_command_write(command.command, uuid, unlock_token, out, err);
}

int fleet_queue_own(struct fleet *fleet, const struct store_enrollment *enrollment,
		    const struct fleet_own *own, struct err *err)
{
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(FLEET_COMMAND_MAX);
	int64_t now = fleet_now(fleet), life_s = (int64_t)fleet->policy.command_days * FLEET_DAY_S;
	char uuid[37];
	struct store_command row = {.uuid = uuid,
				    .request_type = own->request_type,
				    .lane = own->lane,
				    .created = now,
				    .ends = own->ends ? own->ends : now + life_s,
				    .author = own->by ? own->by : "service",
				    .subject = own->identifier,
				    .flags = own->flags,
				    .is_dangerous = own->is_dangerous};
	bool is_held = own->is_dangerous && enrollment->restore == STORE_NOTICED;
	int r = fleet_uuid(fleet, uuid, err);

	if (own->is_endless)
		row.ends = 0;
	if (r == 0 && own->command.len > 0)
		r = write_whole(fleet, own->command, uuid, SLICE_EMPTY, &payload, err);
	row.payload = buf_slice(&payload);
	if (r == 0)
		r = store_command_insert(fleet->store, &row, err);
	if (r == 0)
		r = store_queue_add(fleet->store, &row, enrollment->no,
				    is_held ? STORE_HELD : STORE_QUEUED, now, err);
	return r > 0 ? err_set(err, ERR_CORRUPT, "a new command exists already") : r;
}

int fleet_queue_end(struct fleet *fleet, int64_t enrollment, const char *status, struct err *err)
{
	struct store_queue *rows;
	size_t count;
	int r;

	do {
		r = store_queue_list(fleet->store, enrollment, 0, STORE_LIST_MAX, &rows, &count,
				     err);
		for (size_t i = 0; r == 0 && i < count; i++)
			r = store_queue_done(fleet->store, &rows[i], status, "", SLICE_EMPTY,
					     fleet_now(fleet), err);
	} while (r == 0 && count == STORE_LIST_MAX);
	return r;
}

int fleet_push_soon(struct fleet *fleet, struct store_enrollment *enrollment, int64_t at,
		    struct err *err)
{
	int64_t due = enrollment->due[STORE_DUE_PUSH];
	int r;

	if (due != 0 && due <= at)
		return 0;
	enrollment->due[STORE_DUE_PUSH] = at;
	enrollment->push_failures = 0;
	r = store_enrollment_pushed(fleet->store, enrollment->no, enrollment->push_sent, 0, at,
				    err);
	return r < 0 ? r : 0;
}

/* ---- delivery ---- */

enum { GONE = 1 };

/* an InstallProfile of what is newest now; GONE if nothing of that name is left */
static int make_install(struct fleet *fleet, const struct store_enrollment *enrollment,
			const struct store_command *command, struct buf *dict, struct err *err)
{
	struct store_profile profile;
	int r = store_profile_find(fleet->store, command->subject, 0, &profile, err);
	struct store_installed row;

	if (r != 0)
		return r == STORE_NO_ROW ? GONE : r;
	row = (struct store_installed){.identifier = profile.identifier,
				       .version = profile.version,
				       .state = STORE_INSTALL_SENT,
				       .at = fleet_now(fleet),
				       .uuid = profile.uuid};
	r = store_installed_set(fleet->store, enrollment->no, &row, err);
	return r < 0 ? r : mdm_build_install_profile(profile.bytes, dict, err);
}

/* ClearPasscode: the stored token goes in; without one the device will say what it thinks of it */
static int make_unlock(struct fleet *fleet, const struct store_enrollment *enrollment,
		       const struct store_command *command, struct buf *body, struct err *err)
{
	CLEANUP(buf_wipe) struct buf token = BUF_INIT(MDM_UNLOCK_MAX);
	int r = fleet_open(fleet, STORE_OF_ENROLLMENT, enrollment->no, "unlock-token", &token, err);

	if (r < 0)
		return r;
	return write_whole(fleet, command->payload, command->uuid, buf_slice(&token), body, err);
}

/* the bytes of a command, with what its row itself does not hold; GONE: it cannot be made and is
 * given up */
static int make(struct fleet *fleet, const struct store_enrollment *enrollment,
		const struct store_command *command, struct buf *body, struct err *err)
{
	CLEANUP(buf_wipe) struct buf dict = BUF_INIT(FLEET_BODY_MAX);
	int r;

	if (command->flags & FLEET_FLAG_UNLOCK)
		return make_unlock(fleet, enrollment, command, body, err);
	if (command->flags & FLEET_FLAG_PROFILE)
		r = make_install(fleet, enrollment, command, &dict, err);
	else if (command->flags & FLEET_FLAG_RENEWAL)
		r = fleet_renewal_command(fleet, enrollment, &dict, err);
	else
		return buf_append_slice(body, command->payload, err);
	if (r != 0)
		return r;
	return write_whole(fleet, buf_slice(&dict), command->uuid, SLICE_EMPTY, body, err);
}

/* take a row out of the way of all that wait behind it */
static int give_up(struct fleet_scene *scene, const struct store_enrollment *enrollment,
		   const struct store_queue *row, const char *status, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(8 * FLEET_UUID_MAX);
	/* a UUID of a caller's may be any text */
	json_t *json = json_pack("{s:s,s:s}", "uuid", row->what.uuid, "status", status);
	int r = mdm_json_dump(json, &body, err);

	if (r == 0)
		r = store_queue_done(scene->fleet->store, row, status, "", SLICE_EMPTY, scene->now,
				     err);
	if (r < 0)
		return r;
	scene->answer->effects |= FLEET_EVENTS;
	return fleet_event(scene->fleet, "command-given-up", enrollment->id, buf_text(&body), err);
}

/* which lanes an enrollment is served from now */
static int64_t lane_limit(const struct fleet_scene *scene)
{
	const struct fleet_policy *policy = &scene->fleet->policy;

	if (scene->now > scene->certificate.not_after)
		return FLEET_LANE_RENEWAL; /* in grace: an identity first */
	if (policy->restore == FLEET_RESTORE_ASK && scene->enrollment.restore == STORE_NOTICED)
		return FLEET_LANE_RENEWAL;
	return FLEET_LANE_BACKGROUND;
}

enum { ANY_STATE = STORE_QUEUED | STORE_SENT | STORE_NOT_NOW };

/* The first row that may go out.  What must not go out twice stays in the queue until it is
 * answered, and is passed over, however many there are. */
static int find_next(struct fleet_scene *scene, const struct store_enrollment *enrollment,
		     unsigned states, struct store_queue *row, struct err *err)
{
	struct store_next next = {.enrollment = enrollment->no,
				  .generation = enrollment->generation,
				  .now = scene->now,
				  .states = states,
				  .lane_max = lane_limit(scene),
				  .once = FLEET_FLAG_ONCE};

	return store_queue_next(scene->fleet->store, &next, row, err);
}

/* the next row with its bytes in the answer; what cannot go out any more is given up on the way */
static int find_deliverable(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			    unsigned states, struct store_queue *row, struct err *err)
{
	struct buf *body = &scene->answer->body;
	const char *status;
	int r;

	for (;;) {
		buf_truncate(body, 0);
		r = find_next(scene, enrollment, states, row, err);
		if (r != 0)
			return r;
		status = "Unanswered";
		if (row->state != STORE_SENT || row->tries < FLEET_TRIES_MAX ||
		    row->what.flags & FLEET_FLAG_RETIRE) { /* a decision is not given up */
			status = "Withdrawn";
			r = make(scene->fleet, enrollment, &row->what, body, err);
			if (r <= 0)
				return r;
		}
		r = give_up(scene, enrollment, row, status, err);
		if (r < 0)
			return r;
	}
}

/* nothing more for this session: what was answered NotNow in it needs a push if the device said
 * something else since, for then it does not ask again by itself (docs/protocol/mdm.md) */
static int end_session(struct fleet_scene *scene, struct store_enrollment *enrollment,
		       enum fleet_said said, struct err *err)
{
	struct store_queue row;
	int r;

	if (said != FLEET_SAID_RESULT)
		return 0;
	r = find_next(scene, enrollment, STORE_NOT_NOW, &row, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return fleet_push_soon(scene->fleet, enrollment, scene->now + NOT_NOW_PUSH_S, err);
}

int fleet_queue_next(struct fleet_scene *scene, struct store_enrollment *enrollment,
		     enum fleet_said said, struct err *err)
{
	struct store *store = scene->fleet->store;
	/* Idle begins a session, in which nothing has been answered NotNow yet */
	unsigned states = said == FLEET_SAID_IDLE ? ANY_STATE : STORE_QUEUED | STORE_SENT;
	struct store_queue row;
	int r = find_deliverable(scene, enrollment, states, &row, err);

	if (r == STORE_NO_ROW)
		return end_session(scene, enrollment, said, err);
	if (r == 0 && said == FLEET_SAID_IDLE)
		r = store_queue_turn(store, enrollment->no, STORE_NOT_NOW, STORE_QUEUED, scene->now,
				     NULL, err);
	if (r < 0)
		return r;
	scene->answer->content_type = "application/xml; charset=UTF-8";
	r = store_queue_set(store, &row, STORE_SENT, row.tries + 1, scene->now, err);
	return r < 0 ? r : 0;
}
