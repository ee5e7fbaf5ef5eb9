/* api_target - which devices and enrollments a request is about, within the scope of its token */
#include "server/api_internal.h"

#include <stdlib.h>
#include <string.h>

/* no_such - the same words for what is not there and what is outside of the scope */
static int no_such(struct api_call *call, const char *what, const char *name, struct err *err)
{
	char quoted[400];

	return api_answered(
		api_refuse(call, 404, "not_found", "`rehome mdm device list` shows them", err,
			   "there is no %s %s", what, text_quote(name, strlen(name), quoted)));
}

int api_device_find(struct api_call *call, const char *udid, struct store_device *device,
		    struct err *err)
{
	bool has = false;
	int r = store_device_find(call->context->store, udid, device, err);

	if (r == 0)
		r = api_scope_has(call, device->no, &has, err);
	if (r < 0)
		return r;
	return has ? 0 : no_such(call, "device", udid, err);
}

int api_enrollment_find(struct api_call *call, const char *id, struct store_enrollment *enrollment,
			struct err *err)
{
	bool has = false;
	int r = store_enrollment_find(call->context->store, id, enrollment, err);

	if (r == 0)
		r = api_scope_has(call, enrollment->device, &has, err);
	if (r < 0)
		return r;
	return has ? 0 : no_such(call, "enrollment", id, err);
}

/* ---- one action on many ---- */

struct batch {
	json_t *ids;
};

/* group_ids - 1: was answered */
static int group_ids(struct api_call *call, const char *name, bool is_dangerous,
		     struct batch *batch, struct err *err)
{
	struct store *store = call->context->store;
	struct store_device_filter filter = {.max = API_ITEMS_MAX};
	struct store_device *rows = NULL;
	struct store_group group;
	size_t count = 0;
	int r = STORE_NO_ROW;

	if (!*call->token.scope || !strcmp(call->token.scope, name))
		r = store_group_find(store, name, &group, err);
	if (r == 0) {
		filter.group = group.no;
		r = store_device_list(store, &filter, &rows, &count, err);
	}
	if (r < 0)
		return r;
	if (count == 0)
		return no_such(call, "group with devices", name, err);
	if (count == API_ITEMS_MAX)
		return api_answered(api_refuse(call, 409, "too_many", "name them in pieces", err,
					       "%d devices or more at once", API_ITEMS_MAX));
	if (is_dangerous && !call->is_dry && api_get_number(call, "count", -1) != (int64_t)count)
		return api_answered(api_refuse(call, 409, "count",
					       "say how many devices you mean: \"count\"", err,
					       "the group has %zu devices", count));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(batch->ids, api_text(rows[i].udid));
	return json_array_size(batch->ids) == count ? 0 : err_no_memory(err);
}

static int ids_of(struct api_call *call, bool is_dangerous, struct batch *batch, struct err *err)
{
	json_t *ids = json_object_get(call->body, "ids");
	const char *group = api_get_text(call, "group");

	if (!ids == !group)
		return api_answered(api_refuse(call, 400, "target", NULL, err,
					       "either \"ids\" or \"group\" says which devices"));
	if (group)
		return group_ids(call, group, is_dangerous, batch, err);
	return json_array_extend(batch->ids, ids) < 0 ? err_no_memory(err) : 0;
}

/* error_take - the error out of the answer that a handler has written */
static json_t *error_take(struct api_call *call)
{
	json_t *whole = api_parse(buf_slice(&call->answer->body));
	json_t *error = json_incref(json_object_get(whole, "error"));

	json_decref(whole);
	return error ? error : json_null();
}

/* batch_one - one of them under a savepoint; its line into @results */
static int batch_one(struct api_call *call, const char *id,
		     int (*one)(struct api_call *call, const char *id, struct err *err),
		     json_t *results, bool *is_done, struct err *err)
{
	struct store *store = call->context->store;
	struct store_enrollment enrollment;
	json_t *line;
	int r = store_savepoint(store, err);

	if (r < 0)
		return r;
	call->answer->status = 200;
	r = api_enrollment_find(call, id, &enrollment, err);
	if (r == 0)
		r = one(call, id, err);
	if (r > 0 && call->answer->status == 200)
		r = api_outcome(call, r, err);
	if (r < 0)
		return store_abandon(store, r);
	*is_done = call->answer->status == 200;
	line = json_pack("{s:s, s:o}", "id", id, "error",
			 *is_done ? json_null() : error_take(call));
	if (json_array_append_new(results, line) < 0)
		return store_abandon(store, err_no_memory(err));
	return *is_done ? store_release(store, err) : store_undo(store, err);
}

static int batch_run(struct api_call *call, const struct batch *batch, const char *will,
		     int (*one)(struct api_call *call, const char *id, struct err *err),
		     json_t *results, struct err *err)
{
	json_int_t done = 0, failed = 0;
	size_t i;
	json_t *id;

	json_array_foreach(batch->ids, i, id)
	{
		bool is_done = false;
		int r = batch_one(call, json_string_value(id), one, results, &is_done, err);

		if (r < 0)
			return r;
		done += is_done;
		failed += !is_done;
	}
	/* of a single one the refusal itself is the answer, which stands already */
	if (failed == 1 && done == 0)
		return 0;
	return api_reply(call, failed ? 207 : 200,
			 json_pack("{s:s, s:I, s:I, s:O}", "will", will, "done", done, "failed",
				   failed, "results", results),
			 err);
}

int api_batch(struct api_call *call, bool is_dangerous, const char *will,
	      int (*one)(struct api_call *call, const char *id, struct err *err), struct err *err)
{
	struct batch batch = {.ids = json_array()};
	json_t *results = json_array();
	const char *group = api_get_text(call, "group");
	int r = ids_of(call, is_dangerous, &batch, err);

	if (r == 0) {
		r = batch_run(call, &batch, will, one, results, err);
		/* the audit names the group, or the one, and lists the rest */
		snprintf(call->subject, sizeof(call->subject), "%s",
			 group ? group : json_string_value(json_array_get(batch.ids, 0)));
		json_decref(call->detail);
		call->detail = json_pack("{s:O}", "ids", batch.ids);
	}
	json_decref(batch.ids);
	json_decref(results);
	return r < 0 ? r : 0;
}

/* ---- whom a command or a profile is for ---- */

const char *api_when(const struct api_call *call)
{
	if (!call->context->has_apns)
		return "push is off (keyword apns): at the next contact of each device, whenever "
		       "it "
		       "comes by itself";
	return fleet_push_is_on(call->context->fleet)
		       ? "at the next contact of each device; it is pushed now"
		       : "push is off (no push certificate): at the next contact of each device, "
			 "whenever it comes by itself";
}

static int ids_in_scope(struct api_call *call, const struct fleet_target *target, struct err *err)
{
	struct store_enrollment enrollment;

	if (!*call->token.scope)
		return 0;
	for (size_t i = 0; i < target->count; i++) {
		int r = api_enrollment_find(call, target->ids[i], &enrollment, err);

		if (r != 0)
			return r;
	}
	return 0;
}

int api_target(struct api_call *call, const char ***ids, struct fleet_target *target,
	       struct err *err)
{
	json_t *list = json_object_get(call->body, "ids"), *id;
	const char *group = api_get_text(call, "group");
	bool is_all = api_get_flag(call, "all", false);
	size_t i;

	if (!!list + !!group + is_all != 1)
		return api_answered(api_refuse(call, 400, "target", NULL, err,
					       "one of \"ids\", \"group\" and \"all\" says whom"));
	*ids = calloc(json_array_size(list) + 1, sizeof(**ids));
	if (!*ids)
		return err_no_memory(err);
	*target = (struct fleet_target){.kind = list    ? FLEET_TARGET_ENROLLMENTS
						: group ? FLEET_TARGET_GROUP
							: FLEET_TARGET_ALL,
					.ids = *ids,
					.count = json_array_size(list),
					.name = group};
	json_array_foreach(list, i, id)
	{
		(*ids)[i] = json_string_value(id);
	}
	if (*call->token.scope && is_all)
		return api_answered(api_refuse(call, 403, "scope", NULL, err,
					       "this token is for the group \"%s\" only",
					       call->token.scope));
	if (*call->token.scope && group && strcmp(group, call->token.scope) != 0)
		return no_such(call, "group", group, err);
	return ids_in_scope(call, target, err);
}
