/*
 * What an answer to a command changes in the record.
 */
#include "fleet/internal.h"

/* what every report has, and what is kept sealed elsewhere: no part of a result */
static const char *const not_result[] = {"UDID",
					 "EnrollmentID",
					 "UserID",
					 "UserShortName",
					 "UserLongName",
					 "NotOnConsole",
					 "Status",
					 "CommandUUID",
					 "ErrorChain",
					 "RequestType",
					 "ActivationLockBypassCode",
					 NULL};

static bool has_response(const struct plist *root)
{
	for (const struct plist *at = root->as.items.first; at; at = at->next) {
		size_t i = 0;

		while (not_result[i] && strcmp(not_result[i], at->key) != 0)
			i++;
		if (!not_result[i])
			return true;
	}
	return false;
}

/* the response as JSON; what is longer than a row may be leaves a note in its place */
static int response_json(const struct mdm_report *report, struct buf *out, struct err *err)
{
	int r;

	if (!has_response(report->root))
		return 0;
	r = mdm_plist_json(report->root, not_result, out, err);
	if (r != ERR_LIMIT)
		return r;
	buf_truncate(out, 0);
	return buf_append_text(out, "{\"cut\":true}", err);
}

static int end(struct fleet_scene *scene, struct store_enrollment *enrollment, const char *event,
	       enum store_record record, struct err *err)
{
	int r;

	scene->answer->effects |= FLEET_EVENTS;
	r = fleet_event(scene->fleet, event, enrollment->id, NULL, err);
	if (r == 0)
		r = fleet_life_end(scene->fleet, enrollment, "Superseded", record, err);
	scene->is_changed = false; /* it was written just now */
	return r;
}

/* a failure that an operator must see without looking for it */
static int failed(struct fleet_scene *scene, const struct store_enrollment *enrollment,
		  const char *event, struct slice errors, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(FLEET_RESULT_MAX + 64);
	int r = 0;

	if (errors.len > 0)
		r = buf_append_slice(&body, errors, err);
	if (r < 0)
		return r;
	scene->answer->effects |= FLEET_EVENTS;
	return fleet_event(scene->fleet, event, enrollment->id, buf_text(&body), err);
}

static int take_profile(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			const struct store_command *command, bool is_done, struct err *err)
{
	struct store *store = scene->fleet->store;
	struct store_installed *rows;
	size_t count;
	int r;

	if (strcmp(command->request_type, "RemoveProfile") == 0)
		/* an error means that it is not there: ProfileList would show it otherwise */
		return store_installed_remove(store, enrollment->no, command->subject, err);
	r = store_installed_compare(store, enrollment->no, enrollment->device, &rows, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		/* another state: it is to be removed in the meantime */
		if (!rows[i].is_known || rows[i].state != STORE_INSTALL_SENT ||
		    strcmp(rows[i].identifier, command->subject) != 0)
			continue;
		rows[i].state = is_done ? STORE_INSTALLED : STORE_INSTALL_FAILED;
		rows[i].at = scene->now;
		r = store_installed_set(store, enrollment->no, &rows[i], err);
	}
	return r;
}

static int take_bypass_code(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			    const struct mdm_report *report, struct err *err)
{
	const char *code = plist_get_text(report->root, "ActivationLockBypassCode");

	if (!code || !code[0] || strlen(code) > SECRET_LEN_MAX)
		return 0;
	return fleet_seal(scene->fleet, STORE_OF_DEVICE, enrollment->device, "bypass-code",
			  slice_text(code), err);
}

static int take_by_flags(struct fleet_scene *scene, struct store_enrollment *enrollment,
			 const struct store_command *command, bool is_done, struct slice errors,
			 struct err *err)
{
	int64_t flags = command->flags;
	int r;

	if (flags & FLEET_FLAG_RETIRE)
		return is_done ? end(scene, enrollment, "retired", STORE_RETIRED, err)
			       : failed(scene, enrollment, "retire-failed", errors, err);
	if (flags & FLEET_FLAG_WIPE)
		return is_done ? end(scene, enrollment, "wiped", STORE_WIPED, err)
			       : failed(scene, enrollment, "wipe-failed", errors, err);
	if (flags & FLEET_FLAG_RENEWAL && !is_done) {
		r = store_kept_put(scene->fleet->store, STORE_OF_ENROLLMENT, enrollment->no,
				   "alarm/renewal", errors.len ? errors : slice_text("[]"),
				   scene->now, err);
		return r < 0 ? r : failed(scene, enrollment, "renewal-failed", errors, err);
	}
	if (flags & FLEET_FLAG_RENEWAL || !command->subject || !command->subject[0])
		return 0;
	r = take_profile(scene, enrollment, command, is_done, err);
	if (r == 0 && !is_done && flags & FLEET_FLAG_PROFILE)
		r = failed(scene, enrollment, "profile-failed", errors, err);
	return r;
}

int fleet_result_take(struct fleet_scene *scene, struct store_enrollment *enrollment,
		      const struct store_queue *row, const struct mdm_report *report,
		      struct err *err)
{
	const struct store_command *command = &row->what;
	CLEANUP(buf_clear) struct buf errors = BUF_INIT(FLEET_RESULT_MAX);
	CLEANUP(buf_clear) struct buf response = BUF_INIT(FLEET_RESULT_MAX);
	const struct mdm_command_kind *kind = mdm_command_kind(command->request_type);
	bool is_done = report->status == MDM_ACKNOWLEDGED;
	int r = report->error_count > 0 ? mdm_errors_json(report, &errors, err) : 0;

	if (r == 0)
		r = response_json(report, &response, err);
	if (r == 0)
		r = fleet_response_visible(scene->fleet, enrollment, command, &response, err);
	if (r == 0)
		r = store_queue_done(scene->fleet->store, row, mdm_status_name(report->status),
				     buf_text(&errors), buf_slice(&response), scene->now, err);
	if (r == 0 && is_done)
		r = take_bypass_code(scene, enrollment, report, err);
	if (r == 0 && is_done && kind && kind->flags & MDM_IS_INVENTORY &&
	    enrollment->kind != STORE_USER_CHANNEL)
		r = fleet_inventory_take(scene, enrollment, command->request_type, report,
					 &response, err);
	if (r == 0)
		r = take_by_flags(scene, enrollment, command, is_done, buf_slice(&errors), err);
	return r;
}
