/*
 * What an answer to a command changes in the record.
 */
#include "fleet/internal.h"

enum { HISTORY_TRIM_EVERY = 16 };

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
	       struct err *err)
{
	int r;

	scene->answer->effects |= FLEET_EVENTS;
	r = fleet_event(scene->fleet, event, enrollment->id, NULL, err);
	if (r == 0)
		r = fleet_life_end(scene->fleet, enrollment, "Superseded", true, err);
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
	bool is_removal = strcmp(command->request_type, "RemoveProfile") == 0;
	struct store_installed installed;
	int r;

	if (is_removal)
		/* an error means that it is not there: ProfileList would show it otherwise */
		return store_installed_remove(store, 'p', enrollment->no, command->identifier, err);
	r = store_installed_get(store, 'p', enrollment->no, command->identifier, &installed, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (strcmp(installed.state, "sent") != 0)
		return 0; /* to be removed in the meantime */
	snprintf(installed.state, sizeof(installed.state), is_done ? "installed" : "failed");
	installed.at = scene->now;
	return store_installed_put(store, 'p', enrollment->no, &installed, err);
}

static int take_bypass_code(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			    const struct mdm_report *report, struct err *err)
{
	const char *code = plist_get_text(report->root, "ActivationLockBypassCode");

	if (!code || !code[0] || strlen(code) > SECRET_LEN_MAX)
		return 0;
	return fleet_fact_sealed(scene->fleet, 'd', enrollment->device, "bypass-code",
				 slice_text(code), err);
}

static int take_by_flags(struct fleet_scene *scene, struct store_enrollment *enrollment,
			 const struct store_queued *queued, bool is_done, struct slice errors,
			 struct err *err)
{
	unsigned flags = (unsigned)queued->command.flags;
	int r;

	if (flags & FLEET_FLAG_RETIRE)
		return is_done ? end(scene, enrollment, "retired", err)
			       : failed(scene, enrollment, "retire-failed", errors, err);
	if (flags & FLEET_FLAG_WIPE)
		return is_done ? end(scene, enrollment, "wiped", err)
			       : failed(scene, enrollment, "wipe-failed", errors, err);
	if (flags & FLEET_FLAG_RENEWAL && !is_done) {
		r = store_fact_put(scene->fleet->store, 'e', enrollment->no, "alarm/renewal",
				   errors.len ? errors : slice_text("[]"), scene->now, err);
		return r < 0 ? r : failed(scene, enrollment, "renewal-failed", errors, err);
	}
	if (flags & FLEET_FLAG_RENEWAL || queued->command.identifier[0] == '\0')
		return 0;
	r = take_profile(scene, enrollment, &queued->command, is_done, err);
	if (r == 0 && !is_done && flags & FLEET_FLAG_PROFILE)
		r = failed(scene, enrollment, "profile-failed", errors, err);
	return r;
}

int fleet_result_take(struct fleet_scene *scene, struct store_enrollment *enrollment,
		      const struct store_queued *queued, const struct mdm_report *report,
		      struct err *err)
{
	struct store *store = scene->fleet->store;
	CLEANUP(buf_clear) struct buf errors = BUF_INIT(FLEET_RESULT_MAX);
	CLEANUP(buf_clear) struct buf response = BUF_INIT(FLEET_RESULT_MAX);
	const struct mdm_command_kind *kind = mdm_command_kind(queued->command.request_type);
	bool is_done = report->status == MDM_ACKNOWLEDGED;
	int r = report->error_count > 0 ? mdm_errors_json(report, &errors, err) : 0;

	if (r == 0)
		r = response_json(report, &response, err);
	if (r == 0)
		r = fleet_response_visible(scene->fleet, enrollment, queued, &response, err);
	if (r == 0)
		r = store_done(store, queued, mdm_status_name(report->status), buf_slice(&errors),
			       buf_slice(&response), scene->now, err);
	if (r == 0 && queued->command.no % HISTORY_TRIM_EVERY == 0)
		r = store_history_trim(store, enrollment->no, FLEET_HISTORY_MAX, err);
	if (r == 0 && is_done)
		r = take_bypass_code(scene, enrollment, report, err);
	if (r == 0 && is_done && kind && kind->flags & MDM_IS_INVENTORY &&
	    !enrollment->is_user_channel)
		r = fleet_inventory_take(scene, enrollment, queued->command.request_type, report,
					 &response, err);
	if (r == 0)
		r = take_by_flags(scene, enrollment, queued, is_done, buf_slice(&errors), err);
	return r;
}
