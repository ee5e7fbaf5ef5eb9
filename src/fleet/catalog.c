/*
 * Groups, profiles and declarations as operators keep them; what follows for devices is
 * reconciliation, of the enrollments that are marked here.
 */
#include "fleet/internal.h"

#include <jansson.h>

/* whom @target covers is looked at again */
static int mark(struct fleet *fleet, const struct store_target *target, struct err *err)
{
	return store_due_mark(fleet->store, target, STORE_DUE_RECONCILE, fleet_now(fleet), err);
}

static int find_group(struct fleet *fleet, const char *name, struct store_group *group,
		      struct err *err)
{
	int r = store_group_find(fleet->store, name, group, err);

	return r == STORE_NO_ROW ? fleet_no_such(err, "group", name) : r;
}

static int set_member(struct fleet *fleet, const char *group, const char *udid, bool is_member,
		      struct err *err)
{
	struct store_target target = {.kind = STORE_TO_DEVICE};
	struct store_device device;
	struct store_group row;
	int r = find_group(fleet, group, &row, err);

	if (r == 0)
		r = fleet_find_device(fleet, udid, &device, err);
	if (r == 0)
		r = store_member_set(fleet->store, row.no, device.no, is_member, err);
	if (r != 0)
		return r;
	target.no = device.no;
	return mark(fleet, &target, err);
}

int fleet_group_set(struct fleet *fleet, const char *group, const char *udid, bool is_member,
		    const char *by, struct err *err)
{
	struct store_group row = {.name = group, .created = fleet_now(fleet)};
	const char *action = !udid ? "group-make" : is_member ? "group-join" : "group-leave";
	int r;

	if (!group[0] || strlen(group) > FLEET_NAME_MAX || !text_is_utf8(group, strlen(group)))
		return fleet_refused(err, "a group's name has 1 to 255 bytes of UTF-8");
	r = udid ? set_member(fleet, group, udid, is_member, err)
		 : store_group_insert(fleet->store, &row, err);
	if (r < 0 || r == FLEET_NO_SUCH)
		return r;
	return fleet_audit_json(fleet, by, action, udid ? udid : group,
				udid ? json_pack("{s:s}", "group", group) : json_object(), err);
}

int fleet_group_remove(struct fleet *fleet, const char *group, const char *by, struct err *err)
{
	struct store_target target = {.kind = STORE_TO_GROUP};
	struct store_group row;
	int r = find_group(fleet, group, &row, err);

	target.no = row.no;
	if (r == 0)
		r = mark(fleet, &target, err);
	if (r == 0)
		r = store_group_remove(fleet->store, row.no, err);
	return r != 0 ? r : fleet_audit(fleet, by, "group-remove", group, NULL, err);
}

/* ---- items: profiles and declarations alike ---- */

/* everybody who has @identifier assigned is looked at again */
static int mark_holders(struct fleet *fleet, enum store_assigned what, const char *identifier,
			struct err *err)
{
	struct store_assignment *rows;
	size_t count;
	int r = store_assignment_list(fleet->store, what, identifier, &rows, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = mark(fleet, &rows[i].target, err);
	return r;
}

static int assign_one(struct fleet *fleet, struct store_assignment *row, bool is_assigned,
		      struct err *err)
{
	int r = is_assigned ? store_assign(fleet->store, row, err)
			    : store_unassign(fleet->store, row, err);

	return r < 0 ? r : mark(fleet, &row->target, err);
}

static int assign_devices(struct fleet *fleet, struct store_assignment *row,
			  const struct fleet_target *target, bool is_assigned, struct err *err)
{
	struct store_device device;
	int r = 0;

	row->target.kind = STORE_TO_DEVICE;
	for (size_t i = 0; r == 0 && i < target->count; i++) {
		r = fleet_find_device(fleet, target->ids[i], &device, err);
		row->target.no = device.no;
		if (r == 0)
			r = assign_one(fleet, row, is_assigned, err);
	}
	return r;
}

/* target_json - whom, for the audit; NULL without memory */
static json_t *target_json(const struct fleet_target *target)
{
	json_t *ids;

	if (target->kind == FLEET_TARGET_GROUP)
		return json_pack("{s:s}", "group", target->name);
	if (target->kind == FLEET_TARGET_ALL)
		return json_pack("{s:b}", "all", true);
	ids = json_array();
	for (size_t i = 0; i < target->count; i++)
		json_array_append_new(ids, json_string(target->ids[i]));
	return json_pack("{s:o}", "ids", ids);
}

static int assign(struct fleet *fleet, enum store_assigned what, const char *identifier,
		  const struct fleet_target *target, bool is_assigned, const char *by,
		  struct err *err)
{
	struct store_assignment row = {
		.what = what, .identifier = identifier, .at = fleet_now(fleet), .author = by};
	struct store_group group;
	int r = 0;

	switch (target->kind) {
	case FLEET_TARGET_ENROLLMENTS:
		r = assign_devices(fleet, &row, target, is_assigned, err);
		break;
	case FLEET_TARGET_GROUP:
		r = find_group(fleet, target->name, &group, err);
		row.target = (struct store_target){STORE_TO_GROUP, group.no};
		if (r == 0)
			r = assign_one(fleet, &row, is_assigned, err);
		break;
	case FLEET_TARGET_ALL:
		row.target = (struct store_target){.kind = STORE_TO_ALL};
		r = assign_one(fleet, &row, is_assigned, err);
		break;
	}
	if (r != 0)
		return r;
	return fleet_audit_json(fleet, by, is_assigned ? "assign" : "unassign", identifier,
				target_json(target), err);
}

/* ---- profiles ---- */

int fleet_profile_put(struct fleet *fleet, struct slice bytes, const char *by,
		      char identifier[FLEET_NAME_MAX + 1], int64_t *version, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct store_profile row, known;
	struct mdm_profile profile;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	r = fleet_profile_read(doc, bytes, &profile, err);
	if (r == ERR_PROTOCOL || r == ERR_LIMIT) {
		err_wrap(
			err, r,
			"expected is a configuration profile: a property list, signed or not, with "
			"PayloadType Configuration");
		return FLEET_REFUSED;
	}
	if (r < 0)
		return r;
	if (profile.has_mdm || strcmp(profile.identifier, fleet->policy.profile_identifier) == 0)
		return fleet_refused(err, "an enrollment profile is the service's own to send");
	if (strlen(profile.identifier) > FLEET_NAME_MAX)
		return fleet_refused(err, "PayloadIdentifier is too long");
	snprintf(identifier, FLEET_NAME_MAX + 1, "%s", profile.identifier);
	r = store_profile_find(fleet->store, identifier, 0, &known, err);
	if (r < 0)
		return r;
	if (r == 0 && slice_equal(known.bytes, bytes)) {
		*version = known.version;
		return 0;
	}
	row = (struct store_profile){.identifier = identifier,
				     .uuid = profile.uuid,
				     .name = profile.name,
				     .created = fleet_now(fleet),
				     .author = by,
				     .bytes = bytes};
	r = store_profile_insert(fleet->store, &row, err);
	if (r == 0)
		r = mark_holders(fleet, STORE_PROFILE, identifier, err);
	if (r < 0)
		return r;
	*version = row.version;
	return fleet_audit(fleet, by, "profile-put", identifier, NULL, err);
}

int fleet_profile_remove(struct fleet *fleet, const char *identifier, const char *by,
			 struct err *err)
{
	int r = mark_holders(fleet, STORE_PROFILE, identifier, err);

	if (r == 0)
		r = store_profile_remove(fleet->store, identifier, err);
	if (r == STORE_NO_ROW)
		return fleet_no_such(err, "profile", identifier);
	return r < 0 ? r : fleet_audit(fleet, by, "profile-remove", identifier, NULL, err);
}

int fleet_profile_assign(struct fleet *fleet, const char *identifier,
			 const struct fleet_target *target, bool is_assigned, const char *by,
			 struct err *err)
{
	struct store_profile row;
	int r = store_profile_find(fleet->store, identifier, 0, &row, err);

	if (r != 0)
		return r < 0 ? r : fleet_no_such(err, "profile", identifier);
	return assign(fleet, STORE_PROFILE, identifier, target, is_assigned, by, err);
}

/* ---- declarations ---- */

int fleet_declaration_put(struct fleet *fleet, struct slice json, const char *by, struct err *err)
{
	CLEANUP(buf_clear) struct buf canonical = BUF_INIT(MDM_DECLARATION_MAX);
	char identifier[MDM_DECLARATION_ID_MAX + 1], token[MDM_DECLARATION_ID_MAX + 1], type[129];
	struct store_declaration row = {.identifier = identifier,
					.type = type,
					.token = token,
					.created = fleet_now(fleet),
					.author = by};
	enum mdm_declaration_kind kind;
	int r = mdm_declaration_read(json, &kind, identifier, type, token, &canonical, err);

	if (r == ERR_PROTOCOL || r == ERR_LIMIT)
		return FLEET_REFUSED;
	for (size_t i = 0; r == 0 && i < FLEET_BUILTIN_COUNT; i++)
		if (strcmp(fleet->builtin[i].identifier, identifier) == 0)
			return fleet_refused(err, "this identifier is the service's own");
	if (r < 0)
		return r;
	row.kind = kind;
	row.bytes = buf_slice(&canonical);
	r = store_declaration_put(fleet->store, &row, err);
	if (r == 0)
		r = mark_holders(fleet, STORE_DECLARATION, identifier, err);
	return r < 0 ? r : fleet_audit(fleet, by, "declaration-put", identifier, NULL, err);
}

int fleet_declaration_remove(struct fleet *fleet, const char *identifier, const char *by,
			     struct err *err)
{
	int r = mark_holders(fleet, STORE_DECLARATION, identifier, err);

	if (r == 0)
		r = store_declaration_remove(fleet->store, identifier, err);
	if (r == STORE_NO_ROW)
		return fleet_no_such(err, "declaration", identifier);
	return r < 0 ? r : fleet_audit(fleet, by, "declaration-remove", identifier, NULL, err);
}

int fleet_declaration_assign(struct fleet *fleet, const char *identifier,
			     const struct fleet_target *target, bool is_assigned, const char *by,
			     struct err *err)
{
	struct store_declaration row;
	int r = store_declaration_find(fleet->store, identifier, &row, err);

	if (r != 0)
		return r < 0 ? r : fleet_no_such(err, "declaration", identifier);
	return assign(fleet, STORE_DECLARATION, identifier, target, is_assigned, by, err);
}
