/*
 * api_compat - the small API that other tools speak (NanoMDM's), with Basic authorization
 *
 * Its ids, answers and statuses are theirs: 200 all went well, 207 some did not, 500 none did.  Two
 * differences are on purpose: a push is sent after the answer, so push_result says that it is due;
 * and /migration takes the SHA-256 of the device's certificate along, so that no certificate is
 * trusted only because it came first.
 */
#include "server/api_internal.h"

#include <string.h>

int api_compat_version(struct api_call *call, struct err *err)
{
	return api_reply(call, 200, json_pack("{s:s}", "version", REHOME_VERSION), err);
}

/* ---- the push certificate: the same rows and refusals ---- */

/* error_flat - {"error":{"message"}} as {"error": message} */
static int error_flat(struct api_call *call, int r, struct err *err)
{
	json_t *whole, *message;
	int status = call->answer->status;

	if (r < 0 || status < 400)
		return r;
	whole = api_parse(buf_slice(&call->answer->body));
	message = json_incref(json_object_get(json_object_get(whole, "error"), "message"));
	json_decref(whole);
	return api_reply(call, status, json_pack("{s:o}", "error", message), err);
}

int api_compat_pushcert_get(struct api_call *call, struct err *err)
{
	return error_flat(call, api_pushcert_show(call, err), err);
}

int api_compat_pushcert_put(struct api_call *call, struct err *err)
{
	return error_flat(call, api_pushcert_put(call, err), err);
}

/* ---- push and enqueue ---- */

/* struct round - one request for several ids */
struct round {
	struct api_call *call;
	json_t *status; /* id -> object */
	unsigned done, failed;
	const char *ids[API_ITEMS_MAX]; /* that are to get a command */
	size_t count;
};

static json_t *line_of(struct round *round, const char *id)
{
	json_t *line = json_object_get(round->status, id);

	if (!line) {
		line = json_object();
		api_put(round->call, round->status, id, line);
	}
	return line;
}

/* push_one - 0 whatever becomes of it; < 0 */
static int push_one(struct api_call *call, struct round *round, const char *id, struct err *err)
{
	struct store *store = call->context->store;
	struct store_enrollment enrollment;
	struct err why = ERR_INIT;
	bool has = false;
	int r = store_enrollment_find(store, id, &enrollment, err);

	if (r == 0)
		r = api_scope_has(call, enrollment.device, &has, err);
	if (r == 0 && !has)
		r = STORE_NO_ROW;
	if (r == 0)
		r = fleet_push_wish(call->context->fleet, id, &why);
	if (r < 0)
		return r;
	if (r == 0) {
		api_put(round->call, line_of(round, id), "push_result", json_string("due"));
		round->done++;
	} else {
		api_put(round->call, line_of(round, id), "push_error",
			api_text(*why.text ? why.text : "no such enrollment"));
		round->failed++;
	}
	return 0;
}

static int round_status(const struct round *round)
{
	return !round->failed ? 200 : round->done ? 207 : 500;
}

/* ids_each - for the ids of the path, which are separated by commas */
static int ids_each(struct api_call *call, struct round *round,
		    int (*one)(struct api_call *call, struct round *round, const char *id,
			       struct err *err),
		    struct err *err)
{
	char *at = call->params[0], *id;
	int r = 0;

	while (r == 0 && (id = strsep(&at, ",")))
		if (*id)
			r = one(call, round, id, err);
	return r;
}

int api_compat_push(struct api_call *call, struct err *err)
{
	struct round round = {.call = call, .status = json_object()};
	int r = ids_each(call, &round, push_one, err);

	if (r < 0) {
		json_decref(round.status);
		return r;
	}
	return api_reply(call, round_status(&round), json_pack("{s:o}", "status", round.status),
			 err);
}

static void refused_take(void *arg, const char *id, const char *reason)
{
	struct round *round = arg;

	api_put(round->call, line_of(round, id), "command_error", api_text(reason));
	round->failed++;
}

static int command_enqueue(struct api_call *call, struct round *round, struct fleet_queued *queued,
			   struct err *err)
{
	const struct fleet_wish wish = {
		.command = call->request->body, .lane = FLEET_LANE_NORMAL, .by = call->who};
	const struct fleet_target target = {
		.kind = FLEET_TARGET_ENROLLMENTS, .ids = round->ids, .count = round->count};
	struct err why = ERR_INIT;
	int r = fleet_command_enqueue(call->context->fleet, &wish, &target, queued, refused_take,
				      round, &why);

	if (r < 0 && r != ERR_PROTOCOL && r != ERR_LIMIT && r != ERR_USAGE)
		return err_set(err, r, "%s", why.text);
	if (r != 0) {
		/* nobody got it: the reason stands at every id that has none of its own */
		for (size_t i = 0; i < round->count; i++)
			if (!json_object_get(round->status, round->ids[i]))
				refused_take(round, round->ids[i], why.text);
		return 0;
	}
	round->done += (unsigned)(queued->queued + queued->held);
	return 0;
}

/* scope_keep - an id outside of the token's scope is refused like one that is not there */
static int scope_keep(struct api_call *call, struct round *round, const char *id, struct err *err)
{
	struct store_enrollment enrollment;
	bool has = false;
	int r = store_enrollment_find(call->context->store, id, &enrollment, err);

	if (r == 0)
		r = api_scope_has(call, enrollment.device, &has, err);
	if (r < 0)
		return r;
	if (has && round->count < API_ITEMS_MAX)
		round->ids[round->count++] = id;
	else
		refused_take(round, id, has ? "too many at once" : "no such enrollment");
	return 0;
}

/* pushes - for those that got it, unless ?nopush=1 */
static int pushes(struct api_call *call, struct round *round, struct err *err)
{
	unsigned done = round->done;
	int r = 0;

	for (size_t i = 0; i < round->count && r == 0; i++)
		if (!json_object_get(json_object_get(round->status, round->ids[i]),
				     "command_error"))
			r = push_one(call, round, round->ids[i], err);
	/* a push that fails counts, one that goes counts for nothing: the command is what was asked
	 * for, and it stays in the queue either way */
	round->done = done;
	return r;
}

int api_compat_enqueue(struct api_call *call, struct err *err)
{
	char word[API_TEXT_MAX + 1];
	bool is_quiet = api_query_text(call, "nopush", word) && strcmp(word, "0") != 0;
	struct round round = {.call = call, .status = json_object()};
	struct fleet_queued queued = {0};
	json_t *value;
	int r = ids_each(call, &round, scope_keep, err);
	if (r == 0 && round.count)
		r = command_enqueue(call, &round, &queued, err);
	if (r == 0 && !is_quiet)
		r = pushes(call, &round, err);
	if (r < 0) {
		json_decref(round.status);
		return r;
	}
	value = json_pack("{s:o, s:b, s:o, s:o}", "status", round.status, "no_push", is_quiet,
			  "command_uuid", api_text(queued.uuid), "request_type",
			  api_text(queued.request_type));
	return api_reply(call, round_status(&round), value, err);
}

/* ---- /migration ---- */

int api_compat_migrate(struct api_call *call, struct err *err)
{
	char hex[API_TEXT_MAX + 1];
	uint8_t identity[FLEET_CERT_SHA256_LEN];
	bool has_identity = api_query_text(call, "identity", hex);
	int r;

	if (has_identity && !hex_decode(hex, identity, sizeof(identity)))
		return api_refuse(call, 400, "bad_parameter", NULL, err,
				  "\"identity\" is a SHA-256 in 64 hex digits");
	r = fleet_migrate_in(call->context->fleet, call->request->body,
			     has_identity ? identity : NULL,
			     api_query_number(call, "identity_ends", 0), call->who, err);
	return r != 0 ? api_outcome(call, r, err) : api_reply(call, 200, json_pack("{}"), err);
}
