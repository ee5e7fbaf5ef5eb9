/* api_items - profiles and declarations: stored, shown, given to devices and taken away */
#include "server/api_internal.h"

#include <stdlib.h>
#include <string.h>

static json_t *profile_json(const struct store_profile *row)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "identifier", row->identifier, "version",
			 (json_int_t)row->version, "uuid", api_text(row->uuid), "name",
			 api_text(row->name), "by", api_text(row->author), "created",
			 api_time(row->created));
}

static json_t *declaration_json(const struct store_declaration *row)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "identifier", row->identifier, "type",
			 row->type, "token", api_text(row->token), "by", api_text(row->author),
			 "created", api_time(row->created));
}

/* target_json - the name of what a row of an assignment means; NULL if it is gone */
static int target_json(struct store *store, const struct store_target *target, json_t **out,
		       struct err *err)
{
	struct store_device device;
	struct store_group *group;
	size_t count = 0;
	int r = 0;

	*out = NULL;
	if (target->kind == STORE_TO_ALL) {
		*out = json_pack("{s:b}", "all", 1);
	} else if (target->kind == STORE_TO_DEVICE) {
		r = store_device_get(store, target->no, &device, err);
		if (r == 0)
			*out = json_pack("{s:s}", "device", device.udid);
	} else {
		/* by number: the first one after the number before it */
		r = store_group_list(store, 0, target->no - 1, 1, &group, &count, err);
		if (r == 0 && count == 1 && group->no == target->no)
			*out = json_pack("{s:s}", "group", group->name);
	}
	return r < 0 ? r : 0;
}

/* assignments_add - who has it. A token with a scope is not told of other devices and groups */
static int assignments_add(struct api_call *call, enum store_assigned what, const char *identifier,
			   json_t *value, struct err *err)
{
	struct store *store = call->context->store;
	struct store_assignment *rows;
	size_t count = 0;
	json_t *list;
	int r;

	if (*call->token.scope)
		return 0;
	r = store_assignment_list(store, what, identifier, &rows, &count, err);
	list = json_array();
	api_put(call, value, "assignments", list);
	for (size_t i = 0; i < count && r == 0; i++) {
		json_t *target;

		r = target_json(store, &rows[i].target, &target, err);
		if (r == 0 && target)
			api_add(call, list, target);
	}
	return r;
}

/* show - @value, which is released, with its assignments */
static int show(struct api_call *call, enum store_assigned what, const char *identifier,
		json_t *value, struct err *err)
{
	int r = assignments_add(call, what, identifier, value, err);

	if (r < 0) {
		json_decref(value);
		return r;
	}
	return api_reply(call, 200, value, err);
}

int api_profile_list(struct api_call *call, struct err *err)
{
	char after[API_TEXT_MAX + 1];
	unsigned limit = api_query_limit(call);
	struct store_profile *rows;
	json_t *list;
	size_t count;
	int r = store_profile_list(call->context->store, api_query_after(call, after), limit, &rows,
				   &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list, profile_json(&rows[i]));
	return api_reply_page(call, "profiles", list,
			      count == limit ? api_text(rows[count - 1].identifier) : json_null(),
			      err);
}

static int profile_put(struct api_call *call, struct slice profile, struct err *err)
{
	char identifier[FLEET_NAME_MAX + 1] = "";
	int64_t version = 0;
	int r = fleet_profile_put(call->context->fleet, profile, call->who, identifier, &version,
				  err);

	return r != 0 ? api_outcome(call, r, err)
		      : api_reply(call, 200,
				  json_pack("{s:s, s:I}", "identifier", identifier, "version",
					    (json_int_t)version),
				  err);
}

int api_profile_add(struct api_call *call, struct err *err)
{
	return profile_put(call, call->request->body, err);
}

int api_backup_rules_set(struct api_call *call, struct err *err)
{
	const struct mdm_backup_rules rules = {
		.bars_cloud_backup = api_get_flag(call, "bar_cloud_backup", false),
		.forces_encryption = api_get_flag(call, "force_encryption", false),
		.bars_host_pairing = api_get_flag(call, "bar_pairing", false),
	};
	CLEANUP(buf_clear) struct buf profile = BUF_INIT(MDM_PROFILE_MAX);
	int r = mdm_backup_rules_profile(&rules, NULL, &profile, err);

	return r < 0 ? r : profile_put(call, buf_slice(&profile), err);
}

int api_profile_show(struct api_call *call, struct err *err)
{
	struct store_profile row;
	int r = store_profile_find(call->context->store, call->params[0], 0, &row, err);

	return r != 0 ? api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err)
		      : show(call, STORE_PROFILE, row.identifier, profile_json(&row), err);
}

int api_profile_content(struct api_call *call, struct err *err)
{
	struct store_profile row;
	int r = store_profile_find(call->context->store, call->params[0], 0, &row, err);

	return r != 0 ? api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err)
		      : api_reply_bytes(call, "application/x-apple-aspen-config", row.bytes, err);
}

int api_profile_remove(struct api_call *call, struct err *err)
{
	return api_done(call,
			fleet_profile_remove(call->context->fleet, call->params[0], call->who, err),
			err);
}

static int assign(struct api_call *call, enum store_assigned what, bool is_assigned,
		  struct err *err)
{
	CLEANUP(free_p) const char **ids = NULL;
	struct fleet_target target;
	int r = api_target(call, &ids, &target, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = (what == STORE_PROFILE ? fleet_profile_assign : fleet_declaration_assign)(
		call->context->fleet, call->params[0], &target, is_assigned, call->who, err);
	return r != 0 ? api_outcome(call, r, err)
		      : api_reply(call, 200,
				  json_pack("{s:b, s:s}", "done", 1, "when", api_when(call)), err);
}

int api_profile_assign(struct api_call *call, struct err *err)
{
	return assign(call, STORE_PROFILE, true, err);
}

int api_profile_unassign(struct api_call *call, struct err *err)
{
	return assign(call, STORE_PROFILE, false, err);
}

int api_declaration_list(struct api_call *call, struct err *err)
{
	char after[API_TEXT_MAX + 1];
	unsigned limit = api_query_limit(call);
	struct store_declaration *rows;
	json_t *list;
	size_t count;
	int r = store_declaration_list(call->context->store, api_query_after(call, after), limit,
				       &rows, &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list, declaration_json(&rows[i]));
	return api_reply_page(call, "declarations", list,
			      count == limit ? api_text(rows[count - 1].identifier) : json_null(),
			      err);
}

int api_declaration_add(struct api_call *call, struct err *err)
{
	return api_done(
		call,
		fleet_declaration_put(call->context->fleet, call->request->body, call->who, err),
		err);
}

int api_declaration_show(struct api_call *call, struct err *err)
{
	struct store_declaration row;
	json_t *value;
	int r = store_declaration_find(call->context->store, call->params[0], &row, err);

	if (r != 0)
		return api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err);
	value = declaration_json(&row);
	api_put(call, value, "content", api_parse(row.bytes));
	return show(call, STORE_DECLARATION, row.identifier, value, err);
}

int api_declaration_remove(struct api_call *call, struct err *err)
{
	return api_done(
		call,
		fleet_declaration_remove(call->context->fleet, call->params[0], call->who, err),
		err);
}

int api_declaration_assign(struct api_call *call, struct err *err)
{
	return assign(call, STORE_DECLARATION, true, err);
}

int api_declaration_unassign(struct api_call *call, struct err *err)
{
	return assign(call, STORE_DECLARATION, false, err);
}
