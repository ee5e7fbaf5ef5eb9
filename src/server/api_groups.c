/* api_groups - groups, enrollment links, corporate identifiers */
#include "server/api_internal.h"

#include <string.h>

int api_group_list(struct api_call *call, struct err *err)
{
	unsigned limit = api_query_limit(call);
	struct store_group *rows;
	json_t *list;
	size_t count;
	int r = store_group_list(call->context->store, 0, api_query_number(call, "after", 0), limit,
				 &rows, &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list,
			json_pack("{s:s, s:I, s:o}", "name", rows[i].name, "members",
				  (json_int_t)rows[i].members, "created",
				  api_time(rows[i].created)));
	return api_reply_page(call, "groups", list,
			      api_number_or_null(count == limit ? rows[count - 1].no : 0), err);
}

int api_group_put(struct api_call *call, struct err *err)
{
	return api_done(
		call,
		fleet_group_set(call->context->fleet, call->params[0], NULL, true, call->who, err),
		err);
}

int api_group_remove(struct api_call *call, struct err *err)
{
	return api_done(call,
			fleet_group_remove(call->context->fleet, call->params[0], call->who, err),
			err);
}

static int members_set(struct api_call *call, bool is_member, struct err *err)
{
	json_t *ids = json_object_get(call->body, "ids"), *id;
	int r = 0;
	size_t i;

	/* all or none: the first that is not there undoes the others */
	json_array_foreach(ids, i, id)
	{
		r = fleet_group_set(call->context->fleet, call->params[0], json_string_value(id),
				    is_member, call->who, err);
		if (r != 0)
			break;
	}
	return api_done(call, r, err);
}

int api_group_add(struct api_call *call, struct err *err)
{
	return members_set(call, true, err);
}

int api_group_take(struct api_call *call, struct err *err)
{
	return members_set(call, false, err);
}

/* ---- enrolling ---- */

enum { HOURS_MAX = 720 };

int api_ticket_new(struct api_call *call, struct err *err)
{
	const char *kind = api_get_text(call, "kind");
	int64_t hours = api_get_number(call, "hours", 0);
	char challenge[FLEET_CHALLENGE_LEN + 1];
	struct fleet_ticket_wish wish = {
		.serial = api_get_text(call, "serial"),
		.udid = api_get_text(call, "udid"),
		.is_link = !kind || !strcmp(kind, "link"),
		.life_s = (unsigned)(hours <= HOURS_MAX ? hours : 0) * 3600,
		.by = call->who,
	};
	json_t *value;
	int r;

	if (!wish.is_link && strcmp(kind, "challenge") != 0)
		return api_refuse(call, 400, "bad_field", NULL, err,
				  "\"kind\" is link or challenge");
	if (hours > HOURS_MAX)
		return api_refuse(call, 400, "bad_field", NULL, err, "\"hours\" is 1 to %d",
				  HOURS_MAX);
	r = fleet_ticket_new(call->context->fleet, &wish, challenge, err);
	if (r != 0)
		return api_outcome(call, r, err);
	if (wish.is_link)
		value = json_pack("{s:o}", "url",
				  json_sprintf("%s/enroll/%s", call->context->url, challenge));
	else
		value = json_pack("{s:s, s:o}", "challenge", challenge, "scep_url",
				  json_sprintf("%s/scep", call->context->url));
	explicit_bzero(challenge, sizeof(challenge));
	return api_reply(call, 200, value, err);
}

int api_identifier_list(struct api_call *call, struct err *err)
{
	char after[API_TEXT_MAX + 1];
	unsigned limit = api_query_limit(call);
	struct store_identifier *rows;
	json_t *list;
	size_t count;
	int r = store_identifier_list(call->context->store, api_query_after(call, after), limit,
				      &rows, &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list,
			json_pack("{s:s, s:o, s:o, s:o}", "identifier", rows[i].identifier,
				  "details", api_text(rows[i].details), "by",
				  api_text(rows[i].author), "at", api_time(rows[i].at)));
	return api_reply_page(call, "identifiers", list,
			      count == limit ? api_text(rows[count - 1].identifier) : json_null(),
			      err);
}

int api_identifier_add(struct api_call *call, struct err *err)
{
	json_t *list = json_object_get(call->body, "identifiers"), *item;
	int r = 0;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *identifier = json_string_value(json_object_get(item, "identifier"));
		const char *details = json_string_value(json_object_get(item, "details"));

		if (!identifier || json_object_size(item) != 1 + (size_t) !!details)
			return api_refuse(call, 400, "bad_field", NULL, err,
					  "entry %zu: {\"identifier\", \"details\"}, both texts",
					  i + 1);
		r = fleet_identifier_import(call->context->fleet, identifier,
					    details ? details : "", call->who, err);
		if (r != 0)
			break;
	}
	return r != 0 ? api_outcome(call, r, err)
		      : api_reply(call, 200,
				  json_pack("{s:I}", "added", (json_int_t)json_array_size(list)),
				  err);
}

int api_identifier_remove(struct api_call *call, struct err *err)
{
	return api_done(
		call,
		fleet_identifier_remove(call->context->fleet, call->params[0], call->who, err),
		err);
}
