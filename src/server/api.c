/*
 * api - from a request to its route, and from the handler to an answer that may leave
 *
 * Whatever a handler did is undone when it refuses, and when the request is a dry run: the answer
 * then tells the truth, for all of it was done.
 */
#include "server/api_internal.h"

#include <stdlib.h>
#include <string.h>

void api_answer_init(struct api_answer *answer)
{
	*answer = (struct api_answer){.status = 500, .body = BUF_INIT(API_REPLY_MAX)};
}

void api_answer_clear(struct api_answer *answer)
{
	buf_wipe(&answer->body);
}

/* pattern_fits - does @path have the form of @pattern? Its parameters are copied */
static bool pattern_fits(const char *pattern, const char *path, struct api_call *call)
{
	unsigned count = 0;

	while (*pattern) {
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		pattern += strcspn(pattern, "}") + 1;
		len = strcspn(path, "/");
		if (len == 0 || len > API_PARAM_MAX || count >= API_PARAMS_MAX)
			return false;
		memcpy(call->params[count], path, len);
		call->params[count++][len] = 0;
		path += len;
	}
	return *path == 0;
}

/* route_find - 0; or the status of the refusal */
static int route_find(struct api_call *call)
{
	const struct api_request *request = call->request;
	bool is_path = false;

	for (const struct api_route *route = api_routes; route->method; route++) {
		if (!pattern_fits(route->pattern, request->path, call))
			continue;
		is_path = true;
		if (strcmp(route->method, request->method) != 0)
			continue;
		call->route = route;
		return 0;
	}
	return is_path ? 405 : 404;
}

static const char *challenge_of(const char *path)
{
	return strncmp(path, "/api/", 5) != 0 && strcmp(path, "/metrics") != 0
		       ? "Basic realm=\"rehome\", charset=\"UTF-8\""
		       : "Bearer realm=\"rehome\"";
}

/* admit - is the token good enough? 1: it was answered. What is refused is noted: somebody with a
 * token tried it. Who has none leaves no row, or anybody could fill the table */
static int admit(struct api_call *call, struct err *err)
{
	const struct api_route *route = call->route;
	const char *path = call->request->path;
	int r;

	if (route && route->role == API_ANYBODY)
		return 0;
	r = api_authenticate(call, err);
	if (r < 0)
		return r;
	if (r > 0) {
		call->answer->challenge = challenge_of(path);
		r = api_refuse(call, 401, "no_token",
			       "send Authorization: Bearer TOKEN; `rehome mdm token create` makes "
			       "tokens",
			       err, "no token, or one that is unknown, revoked or over");
		return api_answered(r);
	}
	if (!route)
		return 0;
	if (call->role < route->role)
		r = api_refuse(call, 403, "role", NULL, err, "this needs the role %s; yours is %s",
			       api_role_name(route->role), api_role_name(call->role));
	else if (*call->token.scope && !(route->flags & API_SCOPED))
		r = api_refuse(call, 403, "scope", NULL, err,
			       "this token is for the group \"%s\" only", call->token.scope);
	else
		return 0;
	if (r == 0)
		r = fleet_audit(call->context->fleet, call->who, "refused", path, NULL, err);
	return api_answered(r);
}

static int audit(struct api_call *call, struct err *err)
{
	CLEANUP(buf_clear) struct buf detail = BUF_INIT(API_REPLY_MAX);
	const char *subject = *call->subject ? call->subject : call->params[0];
	int r = call->detail ? mdm_json_dump(json_incref(call->detail), &detail, err) : 0;

	return r < 0 ? r
		     : fleet_audit(call->context->fleet, call->who, call->route->action, subject,
				   detail.len > 0 ? buf_text(&detail) : NULL, err);
}

static bool wants_dry_run(const struct api_call *call)
{
	char text[API_TEXT_MAX + 1];

	return call->route->flags & API_DRY &&
	       (api_get_flag(call, "dry_run", false) ||
		(api_query_text(call, "dry_run", text) && strcmp(text, "0") != 0 &&
		 strcmp(text, "false") != 0));
}

/* carry_out - the handler under a savepoint, so that nothing of a refusal or a dry run stays */
static int carry_out(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	const char *action = call->route->action;
	int r;

	call->is_dry = wants_dry_run(call);
	if (!action)
		return call->route->run(call, err);
	r = store_savepoint(store, err);
	if (r < 0)
		return r;
	r = call->route->run(call, err);
	if (r < 0)
		return store_abandon(store, r);
	if (call->answer->status >= 400 || call->is_dry) {
		call->answer->effects = 0;
		return store_undo(store, err);
	}
	call->answer->effects |= FLEET_EVENTS | FLEET_PUSH_DUE | API_ACTED;
	if (!(call->route->flags & API_NOTED))
		r = audit(call, err);
	return r < 0 ? store_abandon(store, r) : store_release(store, err);
}

static int answer_call(struct api_call *call, struct err *err)
{
	int status = route_find(call), r = admit(call, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (status == 405)
		return api_refuse(call, 405, "method", "GET /api/v1/routes lists what there is",
				  err, "%s is not for this path", call->request->method);
	if (status != 0)
		return api_refuse(call, 404, "no_route", "GET /api/v1/routes lists what there is",
				  err, "nothing has this path");
	r = api_query_check(call, err);
	if (r == 0)
		r = api_body_read(call, err);
	if (r == 0)
		r = api_names_resolve(call, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return carry_out(call, err);
}

int api_handle(struct api_context *context, const struct api_request *request,
	       struct api_answer *answer, struct err *err)
{
	struct api_call call = {
		.context = context,
		.request = request,
		.answer = answer,
		.now = clock_wall_seconds(context->clock),
	};
	int r;

	/* a refusal of fleet leaves its reason in @err, and a handler may answer it: only a failure
	 * may be left there in the end */
	r = answer_call(&call, err);
	json_decref(call.body);
	json_decref(call.detail);
	return r < 0 ? r : 0;
}
