/* api_commands - sending commands, and what became of them */
#include "server/api_internal.h"

#include <string.h>

static const char *const lane_names[] = {"renewal", "urgent", "normal", "background"};

/* information_bytes - DeviceInformation without "keys" asks for what a record needs; what an OS
 * does not know is absent in its answer */
static int information_bytes(const char *uuid, struct buf *plist, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf plain = BUF_INIT(MDM_COMMAND_MAX);
	struct mdm_command command;
	int r = mdm_build_information(NULL, false, uuid ? &plain : plist, err);

	if (r < 0 || !uuid)
		return r;
	r = plist_doc_new(&doc, err);
	if (r == 0)
		r = mdm_command_parse(doc, buf_slice(&plain), &command, err);
	return r < 0 ? r : mdm_command_write(command.command, uuid, SLICE_EMPTY, plist, err);
}

/* command_bytes - what the body says, as a property list; 1: was answered */
static int command_bytes(struct api_call *call, struct buf *plist, struct err *err)
{
	const char *type = api_get_text(call, "type"), *raw = api_get_text(call, "plist");
	const json_t *keys = json_object_get(call->body, "keys");
	struct err why = ERR_INIT;
	int r;

	if (!type == !raw || (raw && (keys || json_object_get(call->body, "uuid"))))
		r = api_refuse(
			call, 400, "command", NULL, err,
			"either \"type\", with \"keys\" and \"uuid\" if wanted, or \"plist\"");
	else if (raw)
		return buf_append_text(plist, raw, err);
	else if (!keys && !strcmp(type, "DeviceInformation"))
		return information_bytes(api_get_text(call, "uuid"), plist, err);
	else if (api_command_plist(type, api_get_text(call, "uuid"), keys, plist, &why) < 0)
		r = api_refuse(call, 400, "command", NULL, err, "%s", why.text);
	else
		return 0;
	return api_answered(r);
}

/* lane_read - the word of the body, or what the type usually takes; 1: was answered */
static int lane_read(struct api_call *call, enum fleet_lane *lane, struct err *err)
{
	const char *word = api_get_text(call, "lane"), *type = api_get_text(call, "type");
	const struct mdm_command_kind *kind = type ? mdm_command_kind(type) : NULL;
	int r;

	*lane = kind ? (enum fleet_lane)kind->lane : FLEET_LANE_NORMAL;
	if (!word)
		return 0;
	for (unsigned i = FLEET_LANE_URGENT; i < ARRAY_COUNT(lane_names); i++) {
		if (strcmp(word, lane_names[i]) != 0)
			continue;
		*lane = (enum fleet_lane)i;
		return 0;
	}
	r = api_refuse(call, 400, "bad_field", NULL, err,
		       "\"lane\" is urgent, normal or background");
	return api_answered(r);
}

static void refused_take(void *arg, const char *id, const char *reason)
{
	json_array_append_new(arg, json_pack("{s:s, s:o}", "id", id, "reason", api_text(reason)));
}

/* count_check - a dangerous command goes to a group or to all only if "count" says how many devices
 * get it; what was queued is undone with the refusal. 1: was answered */
static int count_check(struct api_call *call, const struct fleet_target *target,
		       const struct fleet_queued *queued, struct err *err)
{
	const struct mdm_command_kind *kind = mdm_command_kind(queued->request_type);
	int64_t count = (int64_t)(queued->queued + queued->held);
	int r;

	if (call->is_dry || target->kind == FLEET_TARGET_ENROLLMENTS ||
	    (kind && !(kind->flags & MDM_IS_DANGEROUS)) ||
	    api_get_number(call, "count", -1) == count)
		return 0;
	r = api_refuse(call, 409, "count", "say how many devices you mean: \"count\"", err,
		       "%s is dangerous, and %lld devices would get it", queued->request_type,
		       (long long)count);
	return api_answered(r);
}

/* type_check - a request type that nobody knows is a slip of the pen, unless "force" says that it
 * is meant; what was queued is undone with the refusal. 1: was answered */
static int type_check(struct api_call *call, const char *type, struct err *err)
{
	const char *near = mdm_command_nearest(type);
	char quoted[400];
	int r;

	if (mdm_command_kind(type) || api_get_flag(call, "force", false))
		return 0;
	text_quote(type, strlen(type), quoted);
	r = api_refuse(
		call, 400, "unknown_type",
		"`rehome mdm command types` lists what is known; \"force\" (--force) queues it "
		"all the same",
		err, "no request type %s is known%s%s%s", quoted, near ? ": did you mean " : "",
		near ? near : "", near ? "?" : "");
	return api_answered(r);
}

/* when_json - when it reaches those that it was queued for; null: nobody */
static json_t *when_json(const struct api_call *call, const struct fleet_queued *queued)
{
	int64_t not_before = api_get_number(call, "not_before", 0);
	char text[21];

	if (queued->queued == 0)
		return queued->held ? json_string("once the restore that was noticed is confirmed")
				    : json_null();
	if (not_before <= call->now)
		return json_string(api_when(call));
	return json_sprintf("at the first contact of each device after %s",
			    time_format_utc(not_before, text));
}

/* send_reply - what became of it, what it means and when it happens; @reasons is released */
static int send_reply(struct api_call *call, const struct fleet_queued *queued, json_t *reasons,
		      struct err *err)
{
	const struct mdm_command_kind *kind = mdm_command_kind(queued->request_type);

	return api_reply(call, queued->refused ? 207 : 200,
			 json_pack("{s:s, s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:o}", "uuid",
				   queued->uuid, "type", queued->request_type, "dangerous",
				   !kind || kind->flags & MDM_IS_DANGEROUS, "will",
				   json_sprintf("%s: %s", queued->request_type,
						kind ? kind->help : "nothing is known of it here"),
				   "when", when_json(call, queued), "queued",
				   (json_int_t)queued->queued, "held", (json_int_t)queued->held,
				   "refused", (json_int_t)queued->refused, "reasons", reasons),
			 err);
}

int api_command_send(struct api_call *call, struct err *err)
{
	CLEANUP(buf_wipe) struct buf plist = BUF_INIT(FLEET_COMMAND_MAX);
	CLEANUP(free_p) const char **ids = NULL;
	struct fleet_wish wish = {.by = call->who,
				  .not_before = api_get_number(call, "not_before", 0),
				  .ends = api_get_number(call, "ends", 0)};
	struct fleet_target target;
	struct fleet_queued queued = {0};
	json_t *refused;
	int r = api_target(call, &ids, &target, err);

	if (r == 0)
		r = command_bytes(call, &plist, err);
	if (r == 0)
		r = lane_read(call, &wish.lane, err);
	if (r != 0)
		return r < 0 ? r : 0;
	wish.command = buf_slice(&plist);
	refused = json_array();
	r = fleet_command_enqueue(call->context->fleet, &wish, &target, &queued, refused_take,
				  refused, err);
	if (r != 0) {
		json_decref(refused);
		return api_outcome(call, r, err);
	}
	r = type_check(call, queued.request_type, err);
	if (r == 0)
		r = count_check(call, &target, &queued, err);
	if (r != 0) {
		json_decref(refused);
		return r < 0 ? r : 0;
	}
	return send_reply(call, &queued, refused, err);
}

static json_t *os_json(unsigned number)
{
	char text[24];

	if (!number)
		return json_null();
	snprintf(text, sizeof(text), "%u.%u", number / 100, number % 100);
	return json_string(text);
}

int api_command_types(struct api_call *call, struct err *err)
{
	size_t count;
	const struct mdm_command_kind *kinds = mdm_command_kinds(&count);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct mdm_command_kind *kind = &kinds[i];
		unsigned lane = kind->lane < ARRAY_COUNT(lane_names) ? kind->lane : 2;

		api_add(call, list,
			json_pack("{s:s, s:o, s:o, s:b, s:b, s:b, s:b, s:s, s:s}", "type",
				  kind->request_type, "since", os_json(kind->since), "removed",
				  os_json(kind->removed), "needs_supervision",
				  (kind->flags & MDM_NEEDS_SUPERVISION) != 0,
				  "not_for_user_enrollments",
				  (kind->flags & MDM_NOT_FOR_USERS) != 0, "never_not_now",
				  (kind->flags & MDM_NEVER_NOT_NOW) != 0, "is_dangerous",
				  (kind->flags & MDM_IS_DANGEROUS) != 0, "lane", lane_names[lane],
				  "help", kind->help ? kind->help : ""));
	}
	return api_reply(call, 200, json_pack("{s:o}", "types", list), err);
}

/* ---- what became of them ---- */

static const char *state_name(int64_t state)
{
	return state == STORE_QUEUED    ? "queued"
	       : state == STORE_SENT    ? "sent"
	       : state == STORE_NOT_NOW ? "not_now"
					: "held";
}

static json_t *queue_json(const struct store_queue *row)
{
	const struct store_command *command = &row->what;
	size_t lane = row->lane >= 0 && row->lane < (int64_t)ARRAY_COUNT(lane_names)
			      ? (size_t)row->lane
			      : FLEET_LANE_NORMAL;

	return json_pack(
		"{s:s, s:s, s:o, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "uuid",
		command->uuid, "type", command->request_type, "subject", api_text(command->subject),
		"state", state_name(row->state), "lane", lane_names[lane], "tries",
		(json_int_t)row->tries, "generation", (json_int_t)row->generation, "created",
		api_time(command->created), "not_before", api_time(command->not_before), "ends",
		api_time(command->ends), "at", api_time(row->at), "by", api_text(command->author));
}

static json_t *history_json(const struct store_history *row)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:o}", "uuid", row->uuid, "type",
			 row->request_type, "subject", api_text(row->subject), "status",
			 row->status, "generation", (json_int_t)row->generation, "at",
			 api_time(row->at), "by", api_text(row->author), "errors",
			 api_parse(slice_text(row->error)));
}

int api_command_list(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	struct store_enrollment enrollment;
	struct store_queue *waiting;
	struct store_history *ended;
	unsigned limit = api_query_limit(call);
	size_t waiting_count = 0, count = 0;
	json_t *queue, *history;
	int r = api_enrollment_find(call, call->params[0], &enrollment, err);

	/* of a queue the first thousand are enough to see */
	if (r == 0)
		r = store_queue_list(store, enrollment.no, 0, API_ITEMS_MAX, &waiting,
				     &waiting_count, err);
	if (r == 0)
		r = store_history_list(store, enrollment.no, api_query_number(call, "before", 0),
				       limit, &ended, &count, err);
	if (r != 0)
		return r < 0 ? r : 0;
	queue = json_array();
	for (size_t i = 0; i < waiting_count; i++)
		api_add(call, queue, queue_json(&waiting[i]));
	history = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, history, history_json(&ended[i]));
	return api_reply(call, 200,
			 json_pack("{s:o, s:o, s:o}", "queue", queue, "history", history, "next",
				   api_number_or_null(count == limit ? ended[count - 1].seq : 0)),
			 err);
}

int api_command_show(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	struct store_enrollment enrollment;
	struct store_queue queued;
	struct store_history ended;
	json_t *value;
	int r = api_enrollment_find(call, call->params[0], &enrollment, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = store_queue_find(store, enrollment.no, call->params[1], &queued, err);
	if (r == 0)
		return api_reply(call, 200, queue_json(&queued), err);
	if (r == STORE_NO_ROW)
		r = store_history_find(store, enrollment.no, call->params[1], &ended, err);
	if (r != 0)
		return api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err);
	value = history_json(&ended);
	api_put(call, value, "response", api_parse(ended.result));
	return api_reply(call, 200, value, err);
}

int api_command_cancel(struct api_call *call, struct err *err)
{
	char id[API_TEXT_MAX + 1];
	bool has_id = api_query_text(call, "id", id);
	const char *udid = NULL;
	uint64_t count = 0;
	int r = has_id ? api_name_resolve(call, id, &udid, err) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	r = fleet_command_cancel(call->context->fleet, call->params[0],
				 udid     ? udid
				 : has_id ? id
					  : NULL,
				 call->who, &count, err);
	return r != 0 ? api_outcome(call, r, err)
		      : api_reply(call, 200, json_pack("{s:I}", "canceled", (json_int_t)count),
				  err);
}
