/*
 * Declarative management: the set of a device, its token, and what it says of each declaration.
 *
 * A 404 makes a device delete a declaration: it leaves for an identifier that the assigned set
 * really lacks, and for nothing else.  Inside failures travel up and become 503.
 */
#include "fleet/internal.h"

#include <stdlib.h>

enum { STATUS_ITEMS_MAX = 256 << 10 };

static const char json_type[] = "application/json";

/* ---- what the service brings along ---- */

static int read_builtin(struct fleet_builtin *builtin, struct slice json, struct err *err)
{
	builtin->json = BUF_INIT(MDM_DECLARATION_MAX);
	return mdm_declaration_read(json, &builtin->kind, builtin->identifier, builtin->type,
				    builtin->token, &builtin->json, err);
}

int fleet_builtin_make(struct fleet *fleet, struct err *err)
{
	CLEANUP(buf_clear) struct buf json = BUF_INIT(MDM_DECLARATION_MAX);
	int r = mdm_subscriptions_json(&json, err);

	if (r == 0)
		r = read_builtin(&fleet->builtin[0], buf_slice(&json), err);
	if (r < 0)
		return r;
	/* a configuration does nothing without an activation that names it */
	buf_truncate(&json, 0);
	r = buf_append_format(&json, err,
			      "{\"Type\":\"com.apple.activation.simple\",\"Identifier\":\"%s.on\","
			      "\"Payload\":{\"StandardConfigurations\":[\"%s\"]}}",
			      fleet->builtin[0].identifier, fleet->builtin[0].identifier);
	return r < 0 ? r : read_builtin(&fleet->builtin[1], buf_slice(&json), err);
}

/* ---- the set ---- */

struct set {
	struct mdm_declaration *declarations; /* texts are the store's or the fleet's */
	size_t count;
};

static void set_clear(struct set *set)
{
	free(set->declarations);
}

/* all that @enrollment shall have; @token: of the whole */
static int set_of(struct fleet *fleet, const struct store_enrollment *enrollment, struct set *set,
		  char token[65], struct err *err)
{
	struct store_declaration *rows;
	size_t count;
	int r = store_declaration_of(fleet->store, enrollment->device, &rows, &count, err);

	if (r < 0)
		return r;
	set->declarations = calloc(count + FLEET_BUILTIN_COUNT, sizeof(*set->declarations));
	if (!set->declarations)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		set->declarations[set->count++] =
			(struct mdm_declaration){.kind = (enum mdm_declaration_kind)rows[i].kind,
						 .identifier = rows[i].identifier,
						 .type = rows[i].type,
						 .token = rows[i].token};
	for (size_t i = 0; fleet->policy.is_declarative && i < FLEET_BUILTIN_COUNT; i++)
		set->declarations[set->count++] =
			(struct mdm_declaration){.kind = fleet->builtin[i].kind,
						 .identifier = fleet->builtin[i].identifier,
						 .type = fleet->builtin[i].type,
						 .token = fleet->builtin[i].token};
	mdm_declarations_token(set->declarations, set->count, token);
	return 0;
}

int fleet_declare_sync(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	CLEANUP(set_clear) struct set set = {0};
	CLEANUP(buf_clear) struct buf tokens = BUF_INIT(1024);
	CLEANUP(buf_clear) struct buf dict = BUF_INIT(FLEET_COMMAND_MAX);
	struct fleet_own own = {.request_type = "DeclarativeManagement", .lane = FLEET_LANE_NORMAL};
	const char *told = enrollment->declarations_token ? enrollment->declarations_token : "";
	char token[65];
	int r = set_of(fleet, enrollment, &set, token, err);

	if (r < 0)
		return r;
	/* it is never switched off again: who had a set is told when it is empty */
	if ((set.count == 0 && !(enrollment->flags & FLEET_ROW_DECLARATIVE)) ||
	    strcmp(token, told) == 0)
		return 0;
	r = mdm_tokens_json(token, fleet_now(fleet), &tokens, err);
	if (r == 0)
		r = mdm_build_declarative(buf_slice(&tokens), &dict, err);
	own.command = buf_slice(&dict);
	if (r == 0)
		r = fleet_queue_own(fleet, enrollment, &own, err);
	if (r < 0)
		return r;
	enrollment->flags |= FLEET_ROW_DECLARATIVE;
	enrollment->declarations_token = token; /* on this stack: written before it is left */
	r = store_enrollment_put(fleet->store, enrollment, err);
	if (r == 0)
		r = store_enrollment_get(fleet->store, enrollment->no, enrollment, err);
	return r < 0 ? r : 0;
}

/* ---- answers ---- */

static int answer_declaration(struct fleet_scene *scene, const struct set *set,
			      const struct mdm_endpoint *endpoint, struct err *err)
{
	struct fleet *fleet = scene->fleet;
	struct fleet_answer *answer = scene->answer;
	const struct mdm_declaration *found = NULL;
	struct store_declaration row;
	int r;

	for (size_t i = 0; i < set->count && !found; i++)
		if (set->declarations[i].kind == endpoint->declaration &&
		    strcmp(set->declarations[i].identifier, endpoint->identifier) == 0)
			found = &set->declarations[i];
	if (!found) {
		answer->status = 404;
		answer->reason = "declaration is not assigned";
		return 0;
	}
	answer->content_type = json_type;
	for (size_t i = 0; i < FLEET_BUILTIN_COUNT; i++)
		if (found->identifier == fleet->builtin[i].identifier)
			return buf_append_slice(&answer->body, buf_slice(&fleet->builtin[i].json),
						err);
	r = store_declaration_find(fleet->store, found->identifier, &row, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "an assigned declaration is gone");
	return buf_append_slice(&answer->body, row.bytes, err);
}

struct status_scene {
	struct fleet_scene *scene;
	const struct store_enrollment *enrollment;
	const struct set *set;
	bool is_full, is_begun;
};

static bool set_has(const struct set *set, const char *identifier)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->declarations[i].identifier, identifier) == 0)
			return true;
	return false;
}

/* of what is not assigned (any more, or never was) no row is kept */
static int each_declared(void *arg, const struct mdm_declared *declared, struct err *err)
{
	struct status_scene *status = arg;
	struct store *store = status->scene->fleet->store;
	int r = 0;
	struct store_declared row = {.identifier = declared->identifier,
				     .token = declared->token,
				     .valid = declared->is_removed ? "unknown" : declared->valid,
				     .reasons = declared->reasons,
				     .is_active = declared->is_active && !declared->is_removed,
				     .at = status->scene->now};

	/* what a full report does not name is gone */
	if (status->is_full && !status->is_begun)
		r = store_declared_remove(store, status->enrollment->no, err);
	status->is_begun = true;
	if (r < 0 || !set_has(status->set, declared->identifier))
		return r;
	return store_declared_set(store, status->enrollment->no, &row, err);
}

/* a report tells what is new: it is added to what is known */
static int merge_status(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			struct err *err)
{
	static const char name[] = "inventory/StatusReport";
	CLEANUP(buf_clear) struct buf items = BUF_INIT(STATUS_ITEMS_MAX);
	struct store *store = scene->fleet->store;
	struct store_kept known = {.bytes = SLICE_EMPTY};
	int r = store_kept_get(store, STORE_OF_DEVICE, enrollment->device, name, &known, err);

	if (r < 0)
		return r;
	r = mdm_status_merge(known.bytes, scene->checkin->json, &items, err);
	if (r < 0 || slice_equal(buf_slice(&items), slice_text("{}")))
		return r;
	return store_kept_put(store, STORE_OF_DEVICE, enrollment->device, name, buf_slice(&items),
			      scene->now, err);
}

static int take_status(struct fleet_scene *scene, const struct store_enrollment *enrollment,
		       const struct set *set, struct err *err)
{
	struct status_scene status = {.scene = scene, .enrollment = enrollment, .set = set};
	struct err why = ERR_INIT;
	int r = store_savepoint(scene->fleet->store, err);

	if (r < 0)
		return r;
	r = mdm_status_read(scene->checkin->json, &status.is_full, each_declared, &status, &why);
	if (r == 0)
		r = merge_status(scene, enrollment, &why);
	if (r == ERR_PROTOCOL || r == ERR_LIMIT) {
		r = store_undo(scene->fleet->store, err);
		return r < 0 ? r : fleet_refuse(scene, "malformed status report");
	}
	if (r < 0)
		return store_abandon(scene->fleet->store, err_set(err, r, "%s", why.text));
	return store_release(scene->fleet->store, err);
}

int fleet_declare_answer(struct fleet_scene *scene, struct store_enrollment *enrollment,
			 struct err *err)
{
	CLEANUP(set_clear) struct set set = {0};
	struct fleet_answer *answer = scene->answer;
	struct mdm_endpoint endpoint;
	char token[65];
	int r;

	if (!scene->checkin->endpoint ||
	    mdm_endpoint_parse(scene->checkin->endpoint, &endpoint, NULL) < 0)
		return fleet_refuse(scene, "no such endpoint");
	r = set_of(scene->fleet, enrollment, &set, token, err);
	if (r < 0)
		return r;
	switch (endpoint.kind) {
	case MDM_ENDPOINT_STATUS:
		return take_status(scene, enrollment, &set, err);
	case MDM_ENDPOINT_TOKENS:
		answer->content_type = json_type;
		return mdm_tokens_json(token, scene->now, &answer->body, err);
	case MDM_ENDPOINT_ITEMS:
		answer->content_type = json_type;
		return mdm_items_json(set.declarations, set.count, token, &answer->body, err);
	default:
		return answer_declaration(scene, &set, &endpoint, err);
	}
}

/* ---- profiles that legacy declarations name ---- */

/* the request says nothing but its identity: who that is bound to is who asks */
static int asker(struct fleet *fleet, const struct fleet_peer *peer, struct mdm_sender *from,
		 struct err *err)
{
	struct store_certificate certificate;
	struct store_enrollment enrollment;
	int r = STORE_NO_ROW;

	if (peer->is_presented)
		r = store_certificate_find(fleet->store,
					   slice_of(peer->sha256, sizeof(peer->sha256)),
					   &certificate, err);
	if (r == 0)
		r = store_enrollment_get(fleet->store, certificate.enrollment, &enrollment, err);
	if (r != 0)
		return r < 0 ? r : 0;
	snprintf(from->device_id, sizeof(from->device_id), "%s", enrollment.id);
	snprintf(from->id, sizeof(from->id), "%s", enrollment.id);
	return 0;
}

int fleet_profile_download(struct fleet *fleet, const char *identifier,
			   const struct fleet_peer *peer, struct fleet_answer *answer,
			   struct err *err)
{
	struct mdm_sender from = {0};
	struct fleet_scene scene = {.fleet = fleet, .peer = peer, .from = &from, .answer = answer};
	struct store_profile row;
	int r = asker(fleet, peer, &from, err);

	if (r == 0)
		r = fleet_scene_open(&scene, FLEET_SAYS_OTHER, err);
	if (r < 0 || fleet_scene_refused(&scene, &r, err))
		return r;
	r = store_is_assigned(fleet->store, STORE_PROFILE, identifier, scene.enrollment.device,
			      err);
	if (r == 0) {
		r = store_profile_find(fleet->store, identifier, 0, &row, err);
		if (r > 0)
			return err_set(err, ERR_CORRUPT, "an assigned profile is gone");
		answer->content_type = "application/x-apple-aspen-config";
		return r < 0 ? r : buf_append_slice(&answer->body, row.bytes, err);
	}
	answer->status = r < 0 ? answer->status : 404;
	answer->reason = "profile is not assigned";
	return r < 0 ? r : 0;
}
