/*
 * The one place that unenrolls a device by an answer.  It stands alone so that a reader can see
 * what it takes: an operator's decision in the record.  tests hold that no other file names the
 * statuses.
 */
#include "fleet/internal.h"

enum { FIRST_OS_WITH_TYPED_ERRORS = 1700 };

int fleet_unenroll_answer(struct fleet_scene *scene, struct err *err)
{
	struct fleet_answer *answer = scene->answer;
	struct store_device device;
	int r;

	if (!scene->is_known || scene->enrollment.unenroll_at == 0)
		return err_set(err, ERR_POLICY, "nobody decided to unenroll %s", scene->from->id);
	r = store_device_get(scene->fleet->store, scene->enrollment.device, &device, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "enrollment without a device");
	if (mdm_os_number(device.os) >= FIRST_OS_WITH_TYPED_ERRORS) {
		r = mdm_unrecognized_body(&answer->body, err);
		if (r < 0)
			return r;
		answer->status = 403;
		answer->content_type = "application/json";
	} else {
		answer->status = 401;
	}
	answer->reason = "unenrolled by an operator";
	if (scene->enrollment.state == STORE_DISABLED)
		return 0;
	answer->effects |= FLEET_EVENTS;
	r = fleet_event(scene->fleet, "unenrolled", scene->enrollment.id, NULL, err);
	if (r < 0)
		return r;
	return fleet_life_end(scene->fleet, &scene->enrollment, "Unenrolled", STORE_RETIRED, err);
}
