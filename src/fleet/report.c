/*
 * Command reports: note the answer, hand out the next command.
 */
#include "fleet/internal.h"

/* the row that a report answers; STORE_NO_ROW for a repetition, which changes nothing any more, and
 * for what was never sent */
static int answered_row(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			const struct mdm_report *report, struct store_queue *row, struct err *err)
{
	int r;

	if (report->status == MDM_IDLE || !report->uuid)
		return STORE_NO_ROW;
	r = store_queue_find(scene->fleet->store, enrollment->no, report->uuid, row, err);
	if (r == 0 && (row->tries == 0 || row->generation != enrollment->generation))
		return STORE_NO_ROW;
	return r;
}

static int take(struct fleet_scene *scene, struct store_enrollment *enrollment,
		const struct mdm_report *report, struct err *err)
{
	struct store_queue row;
	int r = answered_row(scene, enrollment, report, &row, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (report->status != MDM_NOT_NOW)
		return fleet_result_take(scene, enrollment, &row, report, err);
	/* it was heard and not done: as if it had never gone out */
	r = store_queue_set(scene->fleet->store, &row, STORE_NOT_NOW, 0, scene->now, err);
	return r < 0 ? r : 0;
}

static enum fleet_said said_by(const struct mdm_report *report)
{
	if (report->status == MDM_IDLE)
		return FLEET_SAID_IDLE;
	return report->status == MDM_NOT_NOW ? FLEET_SAID_NOT_NOW : FLEET_SAID_RESULT;
}

static int serve(struct fleet_scene *scene, struct store_enrollment *enrollment,
		 const struct mdm_report *report, struct err *err)
{
	int r = take(scene, enrollment, report, err);

	if (r == 0 && enrollment->state == STORE_ENABLED)
		r = fleet_queue_next(scene, enrollment, said_by(report), err);
	return r;
}

int fleet_report(struct fleet *fleet, const struct mdm_report *report,
		 const struct fleet_peer *peer, struct fleet_answer *answer, struct err *err)
{
	struct fleet_scene scene = {
		.fleet = fleet, .peer = peer, .from = &report->from, .answer = answer};
	int r = fleet_scene_open(&scene, FLEET_SAYS_OTHER, err);

	if (r < 0 || fleet_scene_refused(&scene, &r, err))
		return r;
	r = fleet_scene_settle(&scene, err);
	if (r < 0)
		return r;
	if (report->from.is_user_channel) {
		struct store_enrollment user;

		r = store_enrollment_find(fleet->store, report->from.id, &user, err);
		if (r == 0 && user.state == STORE_ENABLED)
			r = serve(&scene, &user, report, err);
		else if (r >= 0)
			r = fleet_refuse(&scene, "no TokenUpdate of this user yet");
	} else {
		r = serve(&scene, &scene.enrollment, report, err);
	}
	if (r == 0)
		r = fleet_scene_close(&scene, err);
	return r;
}
