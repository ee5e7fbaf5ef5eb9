/*
 * Queues: what the service itself puts in, and the next command for a device.
 */
#include "fleet/internal.h"

enum { NOT_NOW_PUSH_S = 300 };

/* a random UUID (version 4) */
void fleet_uuid(const uint8_t random[16], char out[37])
{
	uint8_t uuid[16];

	memcpy(uuid, random, sizeof(uuid));
	uuid[6] = (uint8_t)(0x40 | (uuid[6] & 0x0f));
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
	uuid_format(uuid, out);
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

int fleet_queue_own(struct fleet *fleet, int64_t enrollment, const struct fleet_own *own,
		    struct err *err)
{
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(FLEET_COMMAND_MAX);
	struct store_command command = {
		.lane = (int)own->lane, .flags = (int)own->flags, .created = fleet_now(fleet)};
	uint8_t random[16];
	int r = fleet->entropy->fill(fleet->entropy, random, sizeof(random), err);

	if (r < 0)
		return r;
	command.ends =
		own->ends ? own->ends
			  : command.created + (int64_t)fleet->policy.command_days * FLEET_DAY_S;
	fleet_uuid(random, command.uuid);
	snprintf(command.request_type, sizeof(command.request_type), "%s", own->request_type);
	snprintf(command.identifier, sizeof(command.identifier), "%s",
		 own->identifier ? own->identifier : "");
	snprintf(command.by, sizeof(command.by), "%s", own->by ? own->by : "service");
	if (own->command.len > 0)
		r = write_whole(fleet, own->command, command.uuid, SLICE_EMPTY, &payload, err);
	if (r == 0)
		r = store_command_put(fleet->store, &command, buf_slice(&payload), err);
	if (r == 0)
		r = store_enqueue(fleet->store, enrollment, &command, STORE_QUEUED, command.created,
				  err);
	return r > 0 ? err_set(err, ERR_CORRUPT, "a new command exists already") : r;
}

int fleet_push_soon(struct fleet *fleet, int64_t enrollment, int64_t at, struct err *err)
{
	struct store_enrollment row;
	int r = store_enrollment_get(fleet->store, enrollment, &row, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (row.push_at != 0 && row.push_at <= at)
		return 0;
	return store_enrollment_push(fleet->store, enrollment, at, 0, err);
}

/* ---- delivery ---- */

enum { GONE = 1 };

/* an InstallProfile of what is newest now; GONE if nothing of that name is left */
static int make_install(struct fleet *fleet, const struct store_enrollment *enrollment,
			const struct store_command *command, struct buf *dict, struct err *err)
{
	CLEANUP(buf_clear) struct buf profile = BUF_INIT(MDM_PROFILE_MAX);
	struct store_installed installed = {.state = "sent", .at = fleet_now(fleet)};
	struct store_item item;
	int r = store_item_get(fleet->store, 'p', command->identifier, &item, &profile, err);

	if (r != 0)
		return r == STORE_NO_ROW ? GONE : r;
	memcpy(installed.identifier, item.identifier, sizeof(installed.identifier));
	memcpy(installed.uuid, item.uuid, sizeof(installed.uuid));
	installed.version = item.version;
	r = store_installed_put(fleet->store, 'p', enrollment->no, &installed, err);
	if (r == 0)
		r = mdm_build_install_profile(buf_slice(&profile), dict, err);
	return r;
}

/* ClearPasscode: the stored token goes in; without one the device will say what it thinks of it */
static int make_unlock(struct fleet *fleet, const struct store_enrollment *enrollment,
		       const struct store_queued *queued, struct buf *body, struct err *err)
{
	CLEANUP(buf_wipe) struct buf token = BUF_INIT(MDM_TOKEN_MAX);
	CLEANUP(buf_clear) struct buf whole = BUF_INIT(FLEET_COMMAND_MAX);
	int r = fleet_fact_open(fleet, 'e', enrollment->no, "unlock-token", &token, err);

	if (r < 0)
		return r;
	r = buf_append_slice(&whole, buf_slice(body), err);
	if (r < 0)
		return r;
	buf_truncate(body, 0);
	return write_whole(fleet, buf_slice(&whole), queued->command.uuid, buf_slice(&token), body,
			   err);
}

/* put into @body what the row itself does not hold; 0, GONE: it cannot be made and is given up */
static int make(struct fleet *fleet, const struct store_enrollment *enrollment,
		const struct store_queued *queued, struct buf *body, struct err *err)
{
	CLEANUP(buf_wipe) struct buf dict = BUF_INIT(FLEET_BODY_MAX);
	unsigned flags = (unsigned)queued->command.flags;
	int r = 0;

	if (flags & FLEET_FLAG_UNLOCK)
		return make_unlock(fleet, enrollment, queued, body, err);
	if (flags & FLEET_FLAG_PROFILE)
		r = make_install(fleet, enrollment, &queued->command, &dict, err);
	else if (flags & FLEET_FLAG_RENEWAL)
		r = fleet_renewal_command(fleet, enrollment, &dict, err);
	else
		return 0;
	if (r != 0)
		return r;
	buf_truncate(body, 0);
	return write_whole(fleet, buf_slice(&dict), queued->command.uuid, SLICE_EMPTY, body, err);
}

/* take a row out of the way of all that wait behind it */
static int give_up(struct fleet_scene *scene, const struct store_enrollment *enrollment,
		   const struct store_queued *queued, const char *status, struct err *err)
{
	char body[FLEET_UUID_MAX + 64];
	int r = store_done(scene->fleet->store, queued, status, SLICE_EMPTY, SLICE_EMPTY,
			   scene->now, err);

	if (r < 0)
		return r;
	snprintf(body, sizeof(body), "{\"uuid\":\"%s\",\"status\":\"%s\"}", queued->command.uuid,
		 status);
	scene->answer->effects |= FLEET_EVENTS;
	return fleet_event(scene->fleet, "command-given-up", enrollment->id, body, err);
}

static int mark_sent(struct fleet_scene *scene, struct store_queued *queued, struct err *err)
{
	/* what must not be delivered twice leaves the order here: nothing takes a held row whose
	 * tries are not zero out again but its answer */
	queued->state = queued->command.flags & FLEET_FLAG_ONCE ? STORE_HELD : STORE_SENT;
	queued->tries++;
	queued->at = scene->now;
	return store_queued_set(scene->fleet->store, queued, err);
}

/* which lanes an enrollment is served from now */
static int lane_limit(const struct fleet_scene *scene)
{
	const struct fleet_policy *policy = &scene->fleet->policy;

	if (scene->now > scene->certificate.not_after)
		return FLEET_LANE_RENEWAL; /* in grace: an identity first */
	if (policy->restore == FLEET_RESTORE_ASK && scene->enrollment.restore == FLEET_NOTICED)
		return FLEET_LANE_RENEWAL;
	return FLEET_LANE_BACKGROUND;
}

/* nothing more for this session: what was answered NotNow in it needs a push if the device said
 * something else since, for then it does not ask again by itself (docs/protocol/mdm.md) */
static int end_session(struct fleet_scene *scene, const struct store_enrollment *enrollment,
		       bool is_not_now_last, struct err *err)
{
	struct store_queued queued;
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(FLEET_BODY_MAX);
	int r;

	if (is_not_now_last)
		return 0;
	r = store_next(scene->fleet->store, enrollment->no, enrollment->generation,
		       lane_limit(scene), -1, scene->now, &queued, &payload, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return fleet_push_soon(scene->fleet, enrollment->no, scene->now + NOT_NOW_PUSH_S, err);
}

int fleet_queue_next(struct fleet_scene *scene, struct store_enrollment *enrollment,
		     enum fleet_said said, struct err *err)
{
	struct store *store = scene->fleet->store;
	struct buf *body = &scene->answer->body;
	int64_t session = said == FLEET_SAID_IDLE ? -1 : enrollment->session;
	struct store_queued queued;
	int r;

	for (;;) {
		buf_truncate(body, 0);
		r = store_next(store, enrollment->no, enrollment->generation, lane_limit(scene),
			       session, scene->now, &queued, body, err);
		if (r == STORE_NO_ROW && said == FLEET_SAID_IDLE)
			return 0;
		if (r == STORE_NO_ROW)
			return end_session(scene, enrollment, said == FLEET_SAID_NOT_NOW, err);
		if (r < 0)
			return r;
		if (queued.state == STORE_SENT && queued.tries >= FLEET_TRIES_MAX) {
			r = give_up(scene, enrollment, &queued, "Unanswered", err);
			if (r < 0)
				return r;
			continue;
		}
		r = make(scene->fleet, enrollment, &queued, body, err);
		if (r == 0)
			break;
		if (r > 0)
			r = give_up(scene, enrollment, &queued, "Withdrawn", err);
		if (r < 0)
			return r;
	}
	if (said == FLEET_SAID_IDLE) {
		/* Idle begins a session: from here on what is answered NotNow is skipped */
		enrollment->session++;
		r = store_enrollment_session(store, enrollment->no, enrollment->session, err);
		if (r < 0)
			return r;
	}
	scene->answer->content_type = "application/xml; charset=UTF-8";
	return mark_sent(scene, &queued, err);
}
