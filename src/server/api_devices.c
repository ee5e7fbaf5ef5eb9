/* api_devices - devices and their enrollments: looking, ownership, secrets, moving out */
#include "crypto/identity.h"
#include "server/api_internal.h"

#include <string.h>

enum { CHANNELS_MAX = 64 }; /* channels of one device that are shown */

static const char *const record_names[] = {"active", "hidden", "retired", "deleted", "wiped"};
static const char *const state_names[] = {"pending", "enabled", "disabled"};
static const char *const kind_names[] = {"profile", "ade", "user_channel"};
static const char *const restore_names[] = {"none", "noticed", "confirmed", "refused"};
static const char *const certificate_names[] = {"free", "next", "current", "previous", "ended"};
static const char *const install_names[] = {"wanted", "sent", "installed", "failed", "removing"};

#define NAME_OF(names, index)                                                            \
	((index) >= 0 && (size_t)(index) < ARRAY_COUNT(names) ? (names)[(size_t)(index)] \
							      : "unknown")

/* device_json - a row of the list; NULL without memory */
static json_t *device_json(const struct api_call *call, const struct store_device *row)
{
	/* the row is behind by what was heard since the last flush */
	int64_t heard = fleet_last_contact(call->context->fleet, row->no);

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:o, s:o, s:o}",
			 "udid", row->udid, "serial", api_text(row->serial), "imei",
			 api_text(row->imei), "name", api_text(row->name), "product",
			 api_text(row->product), "os", api_text(row->os), "build",
			 api_text(row->build), "ownership",
			 row->ownership == STORE_CORPORATE ? "corporate" : "personal", "record",
			 NAME_OF(record_names, row->record), "supervised", row->is_supervised != 0,
			 "created", api_time(row->created), "last_contact",
			 api_time(heard > row->last_contact ? heard : row->last_contact), "note",
			 api_text(row->note));
}

/* filter_record - the word of the query; 1: was answered */
static int filter_record(struct api_call *call, struct store_device_filter *filter, struct err *err)
{
	char word[API_TEXT_MAX + 1];
	int r;

	if (!api_query_text(call, "record", word))
		return 0;
	for (unsigned i = 0; i < ARRAY_COUNT(record_names); i++)
		if (!strcmp(word, record_names[i]))
			filter->records = 1u << i;
	if (filter->records)
		return 0;
	r = api_refuse(call, 400, "bad_parameter", NULL, err,
		       "record is active, hidden, retired, wiped or deleted");
	return api_answered(r);
}

/* filter_group - of the query and the token's scope. STORE_NO_ROW: of no such group */
static int filter_group(struct api_call *call, struct store_device_filter *filter, struct err *err)
{
	const char *scope = call->token.scope;
	char name[API_TEXT_MAX + 1];
	bool has_name = api_query_text(call, "group", name);
	struct store_group group;
	int r;

	if (!has_name && !*scope)
		return 0;
	if (has_name && *scope && strcmp(name, scope) != 0)
		return STORE_NO_ROW;
	r = store_group_find(call->context->store, has_name ? name : scope, &group, err);
	if (r == 0)
		filter->group = group.no;
	return r;
}

int api_device_list(struct api_call *call, struct err *err)
{
	char text[API_TEXT_MAX + 1];
	struct store_device_filter filter = {
		.contact_before = api_query_number(call, "heard_before", 0),
		.search = api_query_text(call, "text", text) ? text : NULL,
		.after = api_query_number(call, "after", 0),
		.max = api_query_limit(call),
	};
	struct store_device *rows;
	json_t *list;
	size_t count = 0;
	int r = filter_record(call, &filter, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = filter_group(call, &filter, err);
	if (r == 0)
		r = store_device_list(call->context->store, &filter, &rows, &count, err);
	if (r != 0)
		return api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err);
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list, device_json(call, &rows[i]));
	return api_reply_page(call, "devices", list,
			      api_number_or_null(count == filter.max ? rows[count - 1].no : 0),
			      err);
}

/* ---- an enrollment ---- */

/* enrollment_json - with the numbers of commands that wait and that are held */
static int enrollment_json(struct store *store, const struct store_enrollment *row, json_t **out,
			   struct err *err)
{
	uint64_t waiting = 0, held = 0;
	int r = store_queue_count(store, row->no, STORE_QUEUED | STORE_SENT | STORE_NOT_NOW,
				  &waiting, err);

	if (r == 0)
		r = store_queue_count(store, row->no, STORE_HELD, &held, err);
	if (r < 0)
		return r;
	*out = json_pack(
		"{s:s, s:I, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o, s:o, "
		"s:o, s:o, s:I, s:I, s:I}",
		"id", row->id, "generation", (json_int_t)row->generation, "state",
		NAME_OF(state_names, row->state), "kind", NAME_OF(kind_names, row->kind),
		"is_awaiting", row->is_awaiting != 0, "topic", api_text(row->topic), "created",
		api_time(row->created), "authenticated", api_time(row->authenticated), "enrolled",
		api_time(row->enrolled), "left", api_time(row->left), "token_changes",
		(json_int_t)row->token_changes, "restore", NAME_OF(restore_names, row->restore),
		"restore_at", api_time(row->restore_at), "unenroll_by", api_text(row->unenroll_by),
		"push_sent", api_time(row->push_sent), "push_due",
		api_time(row->due[STORE_DUE_PUSH]), "push_failures", (json_int_t)row->push_failures,
		"waiting", (json_int_t)waiting, "held", (json_int_t)held);
	return *out ? 0 : err_no_memory(err);
}

static json_t *certificate_json(const struct store_certificate *row)
{
	char sha256[2 * FLEET_CERT_SHA256_LEN + 1] = "";

	if (row->sha256.len == FLEET_CERT_SHA256_LEN)
		hex_encode(row->sha256.bytes, row->sha256.len, sha256);
	return json_pack("{s:s, s:o, s:I, s:s, s:o, s:o, s:o, s:o}", "sha256", sha256, "serial",
			 api_text(row->serial), "generation", (json_int_t)row->generation, "state",
			 NAME_OF(certificate_names, row->state), "not_before",
			 api_time(row->not_before), "not_after", api_time(row->not_after), "issued",
			 api_time(row->issued), "seen", api_time(row->seen));
}

int api_enrollment_show(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	struct store_enrollment enrollment;
	struct store_certificate *rows;
	size_t count = 0;
	json_t *value = NULL, *list;
	int r = api_enrollment_find(call, call->params[0], &enrollment, err);

	if (r == 0)
		r = store_certificate_of(store, enrollment.no, &rows, &count, err);
	if (r == 0)
		r = enrollment_json(store, &enrollment, &value, err);
	if (r != 0)
		return r < 0 ? r : 0;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list, certificate_json(&rows[i]));
	api_put(call, value, "identities", list);
	return api_reply(call, 200, value, err);
}

/* ---- a device ---- */

static json_t *installed_json(const struct store_installed *row)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:o}", "identifier", row->identifier, "wanted",
			 api_number_or_null(row->wanted), "version",
			 api_number_or_null(row->is_known ? row->version : 0), "state",
			 row->is_known ? NAME_OF(install_names, row->state) : "wanted", "at",
			 api_time(row->is_known ? row->at : 0));
}

static json_t *declared_json(const struct store_declared *row)
{
	return json_pack("{s:s, s:o, s:b, s:o, s:o}", "identifier", row->identifier, "valid",
			 api_text(row->valid), "active", row->is_active != 0, "reasons",
			 api_parse(slice_text(row->reasons)), "at", api_time(row->at));
}

/* channel_add - an enrollment with what is installed through it */
static int channel_add(struct api_call *call, const struct store_enrollment *row, json_t *list,
		       struct err *err)
{
	struct store *store = call->context->store;
	struct store_installed *installed;
	struct store_declared *declared;
	size_t installed_count, declared_count;
	json_t *value = NULL, *profiles, *declarations;
	int r = store_installed_compare(store, row->no, row->device, &installed, &installed_count,
					err);

	if (r == 0)
		r = store_declared_list(store, row->no, &declared, &declared_count, err);
	if (r == 0)
		r = enrollment_json(store, row, &value, err);
	if (r < 0)
		return r;
	profiles = json_array();
	for (size_t i = 0; i < installed_count; i++)
		api_add(call, profiles, installed_json(&installed[i]));
	declarations = json_array();
	for (size_t i = 0; i < declared_count; i++)
		api_add(call, declarations, declared_json(&declared[i]));
	api_put(call, value, "profiles", profiles);
	api_put(call, value, "declarations", declarations);
	return json_array_append_new(list, value) < 0 ? err_no_memory(err) : 0;
}

int api_device_show(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	struct store_device device;
	struct store_enrollment *channels;
	struct store_group *groups;
	size_t channel_count = 0, group_count = 0;
	json_t *value, *names, *enrollments;
	bool has_password = false;
	int r = api_device_find(call, call->params[0], &device, err);

	if (r == 0)
		r = store_enrollment_of(store, device.no, -1, 0, CHANNELS_MAX, &channels,
					&channel_count, err);
	if (r == 0)
		r = store_group_list(store, device.no, 0, STORE_LIST_MAX, &groups, &group_count,
				     err);
	if (r == 0)
		r = fleet_secret_is_kept(call->context->fleet, device.udid, FLEET_BACKUP_PASSWORD,
					 &has_password, err);
	if (r != 0)
		return r < 0 ? r : 0;
	value = device_json(call, &device);
	names = json_array();
	enrollments = json_array();
	api_put(call, value, "has_backup_password", json_boolean(has_password));
	api_put(call, value, "groups", names);
	api_put(call, value, "enrollments", enrollments);
	for (size_t i = 0; i < group_count; i++)
		api_add(call, names, api_text(groups[i].name));
	for (size_t i = 0; i < channel_count && r == 0; i++)
		r = channel_add(call, &channels[i], enrollments, err);
	if (r < 0) {
		json_decref(value);
		return r;
	}
	return api_reply(call, 200, value, err);
}

int api_device_inventory(struct api_call *call, struct err *err)
{
	static const char prefix[] = "inventory/";
	struct store *store = call->context->store;
	struct store_device device;
	struct store_kept *names, kept;
	size_t count = 0;
	json_t *value;
	int r = api_device_find(call, call->params[0], &device, err);

	if (r == 0)
		r = store_kept_list(store, STORE_OF_DEVICE, device.no, &names, &count, err);
	if (r != 0)
		return r < 0 ? r : 0;
	value = json_object();
	for (size_t i = 0; i < count && r == 0; i++) {
		/* what else is kept of a device is sealed, or nobody's business here */
		if (strncmp(names[i].name, prefix, strlen(prefix)) != 0)
			continue;
		r = store_kept_get(store, STORE_OF_DEVICE, device.no, names[i].name, &kept, err);
		if (r == 0)
			api_put(call, value, names[i].name + strlen(prefix),
				json_pack("{s:o, s:o}", "at", api_time(kept.at), "value",
					  api_parse(kept.bytes)));
	}
	if (r < 0) {
		json_decref(value);
		return r;
	}
	return api_reply(call, 200, value, err);
}

int api_device_set(struct api_call *call, struct err *err)
{
	const char *word = api_get_text(call, "ownership");
	struct store_device device;
	int r = api_device_find(call, call->params[0], &device, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (strcmp(word, "personal") != 0 && strcmp(word, "corporate") != 0)
		return api_refuse(call, 400, "bad_field", NULL, err,
				  "\"ownership\" is personal or corporate");
	r = fleet_ownership_set(call->context->fleet, device.udid,
				*word == 'c' ? FLEET_CORPORATE : FLEET_PERSONAL, call->who, err);
	return api_done(call, r, err);
}

int api_device_replace(struct api_call *call, struct err *err)
{
	int r = fleet_device_replace(call->context->fleet, call->params[0],
				     api_get_text(call, "new_udid"), call->who, err);

	return api_done(call, r, err);
}

static int secret_get(struct api_call *call, enum fleet_secret which, struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	struct store_device device;
	int r = api_device_find(call, call->params[0], &device, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = fleet_secret_get(call->context->fleet, device.udid, which, &value, call->who, err);
	if (r != 0)
		return api_outcome(call, r, err);
	return api_reply(call, 200,
			 json_pack("{s:s%}", "value", (const char *)value.bytes, value.len), err);
}

static int secret_put(struct api_call *call, enum fleet_secret which, bool replaces,
		      struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	struct store_device device;
	int r = api_device_find(call, call->params[0], &device, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = secret_set(&value, slice_text(api_get_text(call, "value")), err);
	if (r == 0)
		r = fleet_secret_set(call->context->fleet, device.udid, which, &value, replaces,
				     call->who, err);
	return api_done(call, r, err);
}

int api_device_bypass_get(struct api_call *call, struct err *err)
{
	return secret_get(call, FLEET_BYPASS_CODE, err);
}

/* the device makes a new one each time that it enrolls: the old one is of no use */
int api_device_bypass_set(struct api_call *call, struct err *err)
{
	return secret_put(call, FLEET_BYPASS_CODE, true, err);
}

int api_device_password_get(struct api_call *call, struct err *err)
{
	return secret_get(call, FLEET_BACKUP_PASSWORD, err);
}

int api_device_password_set(struct api_call *call, struct err *err)
{
	return secret_put(call, FLEET_BACKUP_PASSWORD, api_get_flag(call, "replace", false), err);
}

/* ---- pairing ---- */

int api_device_pairing(struct api_call *call, struct err *err)
{
	CLEANUP(buf_clear) struct buf challenge = BUF_INIT(API_TEXT_MAX);
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf base64 = BUF_INIT(2 * CRYPTO_PEM_MAX);
	int r;

	if (crypto_base64_read(&challenge, slice_text(api_get_text(call, "challenge")), err) < 0)
		return api_refuse(call, 400, "bad_field", NULL, err, "\"challenge\" is no base64");
	r = fleet_pairing_sign(call->context->fleet, call->params[0], buf_slice(&challenge), &der,
			       call->who, err);
	if (r == 0)
		r = crypto_base64_write(&base64, buf_slice(&der), err);
	if (r != 0)
		return api_outcome(call, r, err);
	return api_reply(call, 200, json_pack("{s:s}", "signature", buf_text(&base64)), err);
}

/* ---- moving out ---- */

static int message_take(void *arg, const char *id, struct slice message, const uint8_t *identity,
			struct err *err)
{
	char sha256[2 * FLEET_CERT_SHA256_LEN + 1] = "";
	json_t *row;

	if (identity)
		hex_encode(identity, FLEET_CERT_SHA256_LEN, sha256);
	/* a message that came as binary is told in base64 by the one who kept it: fleet writes XML
	 */
	row = json_pack("{s:s, s:o, s:s%}", "id", id, "identity", api_text(sha256), "message",
			(const char *)message.bytes, message.len);
	if (!row)
		return err_set(err, ERR_UNSUPPORTED, "a kept message of %s is no text", id);
	return json_array_append_new(arg, row) < 0 ? err_no_memory(err) : 0;
}

int api_enrollment_export(struct api_call *call, struct err *err)
{
	json_t *messages = json_array();
	int r = fleet_migrate_out(call->context->fleet, call->params[0], call->who, message_take,
				  messages, err);

	if (r != 0) {
		json_decref(messages);
		return api_outcome(call, r, err);
	}
	return api_reply(call, 200, json_pack("{s:o}", "messages", messages), err);
}
