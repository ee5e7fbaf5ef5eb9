/* api_service - the service itself: routes, counts, its CA, tokens, events, the audit */
#include "crypto/identity.h"
#include "server/api_internal.h"

#include <string.h>

static json_t *fields_json(struct api_call *call, const struct api_field *fields)
{
	json_t *list = json_array();

	for (; fields && fields->name; fields++)
		api_add(call, list,
			json_pack("{s:s, s:s, s:b, s:s}", "name", fields->name, "type",
				  api_kind_name(fields->kind), "required", fields->is_required,
				  "help", fields->help));
	return list;
}

int api_index(struct api_call *call, struct err *err)
{
	json_t *list = json_array();

	for (const struct api_route *route = api_routes; route->method; route++)
		api_add(call, list,
			json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "method",
				  route->method, "path", route->pattern, "role",
				  api_role_name(route->role), "summary", route->summary, "scoped",
				  (route->flags & API_SCOPED) != 0, "dry_run",
				  (route->flags & API_DRY) != 0, "audited",
				  route->action ? json_string(route->action) : json_null(), "body",
				  fields_json(call, route->body), "query",
				  fields_json(call, route->query)));
	return api_reply(call, 200, json_pack("{s:o}", "routes", list), err);
}

int api_whoami(struct api_call *call, struct err *err)
{
	return api_reply(call, 200,
			 json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", call->token.id, "name",
				   call->token.name, "role", api_role_name(call->role), "scope",
				   api_text(call->token.scope), "ends", api_time(call->token.ends)),
			 err);
}

int api_status(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	struct store_counts counts;
	int64_t last = 0;
	int r = store_count(store, call->now, &counts, err);

	if (r == 0)
		r = store_event_last(store, &last, err);
	if (r < 0)
		return r;
	return api_reply(call, 200,
			 json_pack("{s:s, s:s, s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I}, "
				   "s:I, s:I, s:I, s:I}",
				   "version", REHOME_VERSION, "url", call->context->url, "devices",
				   "active", (json_int_t)counts.devices[STORE_ACTIVE], "hidden",
				   (json_int_t)counts.devices[STORE_HIDDEN], "retired",
				   (json_int_t)counts.devices[STORE_RETIRED], "wiped",
				   (json_int_t)counts.devices[STORE_WIPED], "deleted",
				   (json_int_t)counts.devices[STORE_DELETED], "enrollments",
				   "pending", (json_int_t)counts.enrollments[STORE_PENDING],
				   "enabled", (json_int_t)counts.enrollments[STORE_ENABLED],
				   "disabled", (json_int_t)counts.enrollments[STORE_DISABLED],
				   "commands", (json_int_t)counts.commands, "queued",
				   (json_int_t)counts.queue, "push_due",
				   (json_int_t)counts.due[STORE_DUE_PUSH], "last_event",
				   (json_int_t)last),
			 err);
}

int api_ca(struct api_call *call, struct err *err)
{
	const struct api_context *context = call->context;

	return api_reply(call, 200,
			 json_pack("{s:s%, s:s%}", "ca", (const char *)context->ca_pem.bytes,
				   context->ca_pem.len, "supervision",
				   (const char *)context->supervision_pem.bytes,
				   context->supervision_pem.len),
			 err);
}

int api_metrics(struct api_call *call, struct err *err)
{
	/* the worker has the counters and puts them in */
	call->answer->status = 200;
	return 0;
}

/* ---- tokens ---- */

enum { TOKEN_NAME_MAX = 100, TOKEN_DAYS_MAX = 3650 };

static json_t *token_json(const struct store_token *token)
{
	enum api_role role = token->role >= 0 && token->role <= API_ADMINISTRATOR
				     ? (enum api_role)token->role
				     : API_ANYBODY;

	return json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "no", (json_int_t)token->no,
			 "id", token->id, "name", token->name, "role", api_role_name(role), "scope",
			 api_text(token->scope), "created", api_time(token->created), "ends",
			 api_time(token->ends), "revoked", api_time(token->revoked));
}

int api_token_list(struct api_call *call, struct err *err)
{
	unsigned limit = api_query_limit(call);
	struct store_token *rows;
	json_t *list;
	size_t count;
	int r = store_token_list(call->context->store, api_query_number(call, "after", 0), limit,
				 &rows, &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list, token_json(&rows[i]));
	return api_reply_page(call, "tokens", list,
			      api_number_or_null(count == limit ? rows[count - 1].no : 0), err);
}

int api_token_new(struct api_call *call, struct err *err)
{
	const char *name = api_get_text(call, "name"), *scope = api_get_text(call, "scope");
	int64_t days = api_get_number(call, "days", 0);
	struct store_token token = {
		.name = name, .scope = scope, .ends = days ? call->now + days * 86400 : 0};
	char id[API_TOKEN_ID_LEN + 1], text[API_TOKEN_MAX + 1];
	enum api_role role;
	json_t *value;
	int r;

	if (strlen(name) > TOKEN_NAME_MAX || days > TOKEN_DAYS_MAX ||
	    !api_role_find(api_get_text(call, "role"), &role))
		return api_refuse(
			call, 400, "bad_field", NULL, err,
			"a name of at most %d bytes, at most %d days, and a role: viewer, "
			"help_desk, operator or administrator",
			TOKEN_NAME_MAX, TOKEN_DAYS_MAX);
	token.role = role;
	r = api_token_make(call->context, &token, id, text, err);
	if (r != 0)
		return api_outcome(call, r, err);
	snprintf(call->subject, sizeof(call->subject), "%s", id);
	call->detail = json_pack("{s:s, s:s, s:o}", "name", name, "role", api_role_name(role),
				 "scope", api_text(scope ? scope : ""));
	value = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "token", text, "id", id, "name", name,
			  "role", api_role_name(role), "scope", api_text(scope ? scope : ""),
			  "ends", api_time(token.ends));
	explicit_bzero(text, sizeof(text));
	return api_reply(call, 200, value, err);
}

int api_token_revoke(struct api_call *call, struct err *err)
{
	struct store_token token;
	int r = store_token_find(call->context->store, call->params[0], &token, err);

	if (r != 0)
		return api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err);
	if (!token.revoked) {
		token.revoked = call->now;
		r = store_token_put(call->context->store, &token, err);
	}
	return r < 0 ? r : api_done(call, 0, err);
}

/* ---- events and the audit ---- */

int api_event_list(struct api_call *call, struct err *err)
{
	int64_t last = api_query_number(call, "after", 0);
	struct store_event *rows;
	json_t *list;
	size_t count;
	int r = store_event_list(call->context->store, last, api_query_limit(call), &rows, &count,
				 err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct store_event *row = &rows[i];

		last = row->no;
		api_add(call, list,
			json_pack("{s:I, s:o, s:s, s:o, s:o}", "no", (json_int_t)row->no, "at",
				  api_time(row->at), "kind", row->kind, "subject",
				  api_text(row->subject), "body",
				  api_parse(slice_text(row->body))));
	}
	/* the cursor stays valid at the end: who follows asks again with it */
	return api_reply(call, 200,
			 json_pack("{s:o, s:I}", "events", list, "next", (json_int_t)last), err);
}

int api_audit_list(struct api_call *call, struct err *err)
{
	char subject[API_TEXT_MAX + 1];
	unsigned limit = api_query_limit(call);
	struct store_audit *rows;
	json_t *list;
	size_t count;
	int r = store_audit_list(call->context->store,
				 api_query_text(call, "subject", subject) ? subject : NULL,
				 api_query_number(call, "before", 0), limit, &rows, &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct store_audit *row = &rows[i];

		api_add(call, list,
			json_pack("{s:I, s:o, s:s, s:s, s:o, s:o}", "no", (json_int_t)row->no, "at",
				  api_time(row->at), "who", row->who, "action", row->action,
				  "subject", api_text(row->subject), "detail",
				  api_parse(slice_text(row->detail))));
	}
	return api_reply_page(call, "audit", list,
			      api_number_or_null(count == limit ? rows[count - 1].no : 0), err);
}
