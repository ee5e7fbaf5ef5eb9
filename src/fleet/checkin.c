/*
 * Check-in messages: each is judged first, then does what it is for.
 */
#include "fleet/internal.h"

static const char xml_type[] = "application/xml; charset=UTF-8";

static int authenticate(struct fleet_scene *scene, struct err *err)
{
	int r;

	if (scene->judgement.verdict == FLEET_RENEWED) {
		r = fleet_scene_settle(scene, err);
		if (r < 0)
			return r;
		/* its TokenUpdate follows; until then nothing that comes is taken for a restore */
		scene->enrollment.authenticated = scene->now;
		scene->enrollment.flags |= FLEET_ROW_AWAITS_TOKEN;
		scene->is_changed = true;
		return fleet_scene_close(scene, err);
	}
	r = fleet_life_begin(scene, err);
	if (r == 0)
		r = fleet_scene_settle(scene, err);
	if (r == 0)
		r = fleet_scene_close(scene, err);
	return r;
}

static int check_out(struct fleet_scene *scene, struct store_enrollment *enrollment,
		     struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct store_queue *rows;
	bool is_retiring = false;
	size_t count;
	int r = store_queue_list(fleet->store, enrollment->no, STORE_SENT, STORE_LIST_MAX, &rows,
				 &count, err);

	if (r < 0)
		return r;
	/* while the operator's retirement is on its way, this is its success */
	for (size_t i = 0; i < count; i++)
		is_retiring |= (rows[i].what.flags & FLEET_FLAG_RETIRE) != 0;
	scene->answer->effects |= FLEET_EVENTS;
	r = fleet_event(fleet, is_retiring ? "retired" : "checked-out", enrollment->id, NULL, err);
	if (r == 0)
		r = fleet_life_end(fleet, enrollment, is_retiring ? "Acknowledged" : "Superseded",
				   is_retiring ? STORE_RETIRED : STORE_ACTIVE, err);
	return r;
}

static int set_bootstrap(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			 struct err *err)
{
	return fleet_seal(scene->fleet, STORE_OF_ENROLLMENT, enrollment->no, "bootstrap-token",
			  scene->checkin->bootstrap_token, err);
}

static int get_bootstrap(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			 struct err *err)
{
	CLEANUP(buf_wipe) struct buf token = BUF_INIT(MDM_TOKEN_MAX);
	int r = fleet_open(scene->fleet, STORE_OF_ENROLLMENT, enrollment->no, "bootstrap-token",
			   &token, err);

	if (r < 0)
		return r;
	scene->answer->content_type = xml_type;
	return mdm_bootstrap_answer(buf_slice(&token), &scene->answer->body, err);
}

/* the messages of an established channel, the device's or a user's */
static int established(struct fleet_scene *scene, struct store_enrollment *enrollment,
		       struct err *err)
{
	switch (scene->checkin->message) {
	case MDM_CHECK_OUT:
		return check_out(scene, enrollment, err);
	case MDM_SET_BOOTSTRAP_TOKEN:
		return set_bootstrap(scene, enrollment, err);
	case MDM_GET_BOOTSTRAP_TOKEN:
		return get_bootstrap(scene, enrollment, err);
	case MDM_DECLARATIVE_MANAGEMENT:
		return fleet_declare_answer(scene, enrollment, err);
	case MDM_GET_TOKEN:
		return fleet_refuse(scene, "GetToken of a service that has no key here");
	default:
		/* ReturnToService and UserAuthenticate are of enrollments that this service does
		 * not make.  400 changes nothing on the device: docs/protocol/mdm.md, 3 */
		return fleet_refuse(scene, "message of another kind of enrollment");
	}
}

/* may @device have one more user channel? A device that lies about its users fills no table */
static int find_room(struct fleet *fleet, int64_t device, bool *has_room, struct err *err)
{
	struct store_enrollment *rows;
	size_t count, users = 0;
	int r = store_enrollment_of(fleet->store, device, STORE_ENABLED, 0, FLEET_USERS_MAX + 1,
				    &rows, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		users += rows[i].kind == STORE_USER_CHANNEL;
	*has_room = users < FLEET_USERS_MAX;
	return 0;
}

/* a user channel (Shared iPad): its own row, queue and token beside the device's, whose identity
 * and enrollment have been judged */
static int user_channel(struct fleet_scene *scene, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct fleet_scene user = *scene;
	bool is_new, has_room = true;
	int r;

	if (scene->checkin->message == MDM_AUTHENTICATE)
		return fleet_refuse(scene, "Authenticate on a user channel");
	r = store_enrollment_find(fleet->store, scene->from->id, &user.enrollment, err);
	if (r < 0)
		return r;
	is_new = r == STORE_NO_ROW || user.enrollment.state != STORE_ENABLED;
	if (scene->checkin->message != MDM_TOKEN_UPDATE)
		return is_new ? fleet_refuse(scene, "no TokenUpdate of this user yet")
			      : established(scene, &user.enrollment, err);
	if (r == STORE_NO_ROW)
		user.enrollment = (struct store_enrollment){.device = scene->enrollment.device,
							    .id = scene->from->id,
							    .kind = STORE_USER_CHANNEL,
							    .created = scene->now,
							    .enrolled = scene->now};
	r = is_new ? find_room(fleet, scene->enrollment.device, &has_room, err) : 0;
	if (r < 0 || !has_room)
		return r < 0 ? r : fleet_refuse(scene, "the device has as many users as may be");
	user.enrollment.generation = scene->enrollment.generation;
	r = store_enrollment_put(fleet->store, &user.enrollment, err);
	if (r == 0)
		r = fleet_life_token(&user, err);
	if (r == 0)
		r = fleet_scene_close(&user, err);
	return r;
}

/* a device that was retired or wiped says goodbye under an identity that has ended: fine */
static bool is_late_goodbye(const struct fleet_scene *scene)
{
	return scene->checkin->message == MDM_CHECK_OUT && scene->is_known &&
	       scene->certificate.enrollment == scene->enrollment.no &&
	       scene->enrollment.state == STORE_DISABLED && scene->enrollment.unenroll_at == 0;
}

int fleet_checkin(struct fleet *fleet, const struct mdm_checkin *checkin,
		  const struct fleet_peer *peer, struct fleet_answer *answer, struct err *err)
{
	struct fleet_scene scene = {.fleet = fleet,
				    .peer = peer,
				    .from = &checkin->from,
				    .checkin = checkin,
				    .answer = answer};
	enum fleet_message message = FLEET_SAYS_OTHER;
	int r;

	if (!checkin->from.is_user_channel && checkin->message == MDM_AUTHENTICATE)
		message = FLEET_SAYS_AUTHENTICATE;
	if (!checkin->from.is_user_channel && checkin->message == MDM_TOKEN_UPDATE)
		message = FLEET_SAYS_TOKEN_UPDATE;
	r = fleet_scene_open(&scene, message, err);
	if (r < 0 || is_late_goodbye(&scene))
		return r;
	if (fleet_scene_refused(&scene, &r, err))
		return r;
	if (message == FLEET_SAYS_AUTHENTICATE)
		return authenticate(&scene, err);
	r = fleet_scene_settle(&scene, err);
	if (r < 0)
		return r;
	if (checkin->from.is_user_channel)
		r = user_channel(&scene, err);
	else if (message == FLEET_SAYS_TOKEN_UPDATE)
		r = fleet_life_token(&scene, err);
	else if (checkin->message == MDM_CHECK_OUT)
		return established(&scene, &scene.enrollment, err); /* writes the row itself */
	else
		r = established(&scene, &scene.enrollment, err);
	if (r == 0)
		r = fleet_scene_close(&scene, err);
	return r;
}
