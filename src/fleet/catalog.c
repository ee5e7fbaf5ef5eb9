/*
 * Groups, profiles and declarations as operators keep them; what follows for devices is
 * reconciliation, of the enrollments that are marked here.
 */
#include "fleet/internal.h"

int fleet_group_set(struct fleet *fleet, const char *group, const char *udid, bool is_member,
		    const char *by, struct err *err)
{
	struct store_device device;
	int r;

	if (!group[0] || strlen(group) > FLEET_NAME_MAX || !text_is_utf8(group, strlen(group)))
		return fleet_refused(err, "a group's name has 1 to 255 bytes of UTF-8");
	r = store_group_put(fleet->store, group, fleet_now(fleet), err);
	if (r == 0 && udid) {
		r = fleet_find_device(fleet, udid, &device, err);
		if (r == 0)
			r = store_member_set(fleet->store, group, device.no, is_member, err);
		if (r == 0)
			r = store_reconcile_mark(fleet->store, 'd', udid, err);
	}
	if (r != 0)
		return r;
	return fleet_audit(fleet, by,
			   !udid       ? "group-make"
			   : is_member ? "group-join"
				       : "group-leave",
			   udid ? udid : group, NULL, err);
}

int fleet_group_remove(struct fleet *fleet, const char *group, const char *by, struct err *err)
{
	int r = store_reconcile_mark(fleet->store, 'g', group, err);

	if (r == 0)
		r = store_group_remove(fleet->store, group, err);
	if (r == STORE_NO_ROW)
		return fleet_no_such(err, "group", group);
	return r < 0 ? r : fleet_audit(fleet, by, "group-remove", group, NULL, err);
}

/* ---- items: profiles and declarations alike ---- */

static int each_assignment(void *arg, char target_kind, const char *target, struct err *err)
{
	struct buf *targets = arg;
	int r = buf_append(targets, &target_kind, 1, err);

	return r < 0 ? r : buf_append(targets, target, strlen(target) + 1, err);
}

/* everybody who has @identifier assigned is to be looked at again */
static int mark_holders(struct fleet *fleet, char kind, const char *identifier, struct err *err)
{
	CLEANUP(buf_clear) struct buf targets = BUF_INIT(16 << 20);
	int r = store_assignment_list(fleet->store, kind, identifier, each_assignment, &targets,
				      err);

	for (size_t at = 0; r == 0 && at < targets.len;) {
		const char *target = (const char *)targets.bytes + at;

		r = store_reconcile_mark(fleet->store, target[0], target + 1, err);
		at += strlen(target) + 1;
	}
	return r;
}

static int put_item(struct fleet *fleet, struct store_item *item, struct slice bytes,
		    const char *by, struct err *err)
{
	struct store_item known;
	int r = store_item_get(fleet->store, item->kind, item->identifier, &known, NULL, err);

	if (r == 0 && strcmp(known.uuid, item->uuid) == 0 && item->kind == 'd') {
		item->version = known.version; /* the token is made of the content: no news */
		return 0;
	}
	if (r < 0)
		return r;
	item->created = fleet_now(fleet);
	snprintf(item->by, sizeof(item->by), "%s", by ? by : "");
	r = store_item_put(fleet->store, item, bytes, err);
	if (r == 0)
		r = mark_holders(fleet, item->kind, item->identifier, err);
	return r;
}

static int remove_item(struct fleet *fleet, char kind, const char *what, const char *identifier,
		       const char *action, const char *by, struct err *err)
{
	int r = mark_holders(fleet, kind, identifier, err);

	if (r == 0)
		r = store_item_remove(fleet->store, kind, identifier, err);
	if (r == STORE_NO_ROW)
		return fleet_no_such(err, what, identifier);
	return r < 0 ? r : fleet_audit(fleet, by, action, identifier, NULL, err);
}

static int assign_one(struct fleet *fleet, char kind, const char *identifier, char target_kind,
		      const char *target, bool is_assigned, const char *by, struct err *err)
{
	int r = store_assign(fleet->store, kind, identifier, target_kind, target, is_assigned,
			     by ? by : "", fleet_now(fleet), err);

	return r < 0 ? r : store_reconcile_mark(fleet->store, target_kind, target, err);
}

/* is there a group of that name? A taken-away assignment of one that is gone is fine */
static int each_group_named(void *arg, const char *name, int64_t members, struct err *err)
{
	const char **wanted = arg;

	if (*wanted && strcmp(*wanted, name) == 0)
		*wanted = NULL;
	return 0;
}

static int check_group(struct fleet *fleet, const char *name, struct err *err)
{
	const char *wanted = name;
	int r = store_group_list(fleet->store, 0, each_group_named, &wanted, err);

	return r == 0 && wanted ? fleet_no_such(err, "group", name) : r;
}

static int assign_devices(struct fleet *fleet, char kind, const char *identifier,
			  const struct fleet_target *target, bool is_assigned, const char *by,
			  struct err *err)
{
	struct store_device device;
	int r = 0;

	for (size_t i = 0; r == 0 && i < target->count; i++) {
		r = fleet_find_device(fleet, target->ids[i], &device, err);
		if (r == 0)
			r = assign_one(fleet, kind, identifier, 'd', target->ids[i], is_assigned,
				       by, err);
	}
	return r;
}

static int assign_item(struct fleet *fleet, char kind, const char *what, const char *identifier,
		       const struct fleet_target *target, bool is_assigned, const char *by,
		       struct err *err)
{
	struct store_item item;
	int r = store_item_get(fleet->store, kind, identifier, &item, NULL, err);

	if (r != 0)
		return r < 0 ? r : fleet_no_such(err, what, identifier);
	switch (target->kind) {
	case FLEET_TARGET_ENROLLMENTS:
		r = assign_devices(fleet, kind, identifier, target, is_assigned, by, err);
		break;
	case FLEET_TARGET_GROUP:
		r = check_group(fleet, target->name, err);
		if (r == 0)
			r = assign_one(fleet, kind, identifier, 'g', target->name, is_assigned, by,
				       err);
		break;
	case FLEET_TARGET_ALL:
		r = assign_one(fleet, kind, identifier, 'a', "", is_assigned, by, err);
		break;
	}
	if (r != 0)
		return r;
	return fleet_audit(fleet, by, is_assigned ? "assign" : "unassign", identifier, NULL, err);
}

/* ---- profiles ---- */

static void join_types(const struct mdm_profile *profile, char *out, size_t room)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < profile->type_count && len < room; i++)
		len += (size_t)snprintf(out + len, room - len, "%s%s", i ? "," : "",
					profile->types[i]);
}

int fleet_profile_put(struct fleet *fleet, struct slice bytes, const char *by,
		      char identifier[FLEET_NAME_MAX + 1], int64_t *version, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf old = BUF_INIT(MDM_PROFILE_MAX);
	struct store_item item = {.kind = 'p'}, known;
	struct mdm_profile profile;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	r = mdm_profile_parse(doc, bytes, &profile, err);
	if (r == ERR_PROTOCOL || r == ERR_LIMIT)
		return FLEET_REFUSED;
	if (r < 0)
		return r;
	if (profile.has_mdm || strcmp(profile.identifier, fleet->policy.profile_identifier) == 0)
		return fleet_refused(err, "an enrollment profile is the service's own to send");
	if (strlen(profile.identifier) > FLEET_NAME_MAX ||
	    strlen(profile.uuid) >= sizeof(item.uuid))
		return fleet_refused(err, "PayloadIdentifier or PayloadUUID is too long");
	snprintf(item.identifier, sizeof(item.identifier), "%s", profile.identifier);
	snprintf(item.uuid, sizeof(item.uuid), "%s", profile.uuid);
	snprintf(item.name, sizeof(item.name), "%.*s", FLEET_NAME_MAX, profile.name);
	join_types(&profile, item.type, sizeof(item.type));
	snprintf(identifier, FLEET_NAME_MAX + 1, "%s", item.identifier);
	r = store_item_get(fleet->store, 'p', item.identifier, &known, &old, err);
	if (r < 0)
		return r;
	if (r == 0 && slice_equal(buf_slice(&old), bytes)) {
		*version = known.version;
		return 0;
	}
	r = put_item(fleet, &item, bytes, by, err);
	if (r < 0)
		return r;
	*version = item.version;
	return fleet_audit(fleet, by, "profile-put", item.identifier, NULL, err);
}

int fleet_profile_remove(struct fleet *fleet, const char *identifier, const char *by,
			 struct err *err)
{
	return remove_item(fleet, 'p', "profile", identifier, "profile-remove", by, err);
}

int fleet_profile_assign(struct fleet *fleet, const char *identifier,
			 const struct fleet_target *target, bool is_assigned, const char *by,
			 struct err *err)
{
	return assign_item(fleet, 'p', "profile", identifier, target, is_assigned, by, err);
}

/* ---- declarations ---- */

int fleet_declaration_put(struct fleet *fleet, struct slice json, const char *by, struct err *err)
{
	CLEANUP(buf_clear) struct buf canonical = BUF_INIT(MDM_DECLARATION_MAX);
	char identifier[MDM_DECLARATION_ID_MAX + 1], token[MDM_DECLARATION_ID_MAX + 1], type[129];
	struct store_item item = {.kind = 'd'};
	enum mdm_declaration_kind kind;
	int r = mdm_declaration_read(json, &kind, identifier, type, token, &canonical, err);

	if (r == ERR_PROTOCOL || r == ERR_LIMIT)
		return FLEET_REFUSED;
	for (size_t i = 0; r == 0 && i < FLEET_BUILTIN_COUNT; i++)
		if (strcmp(fleet->builtin[i].identifier, identifier) == 0)
			return fleet_refused(err, "this identifier is the service's own");
	if (r < 0)
		return r;
	snprintf(item.identifier, sizeof(item.identifier), "%s", identifier);
	snprintf(item.uuid, sizeof(item.uuid), "%s", token);
	snprintf(item.type, sizeof(item.type), "%s", type);
	r = put_item(fleet, &item, buf_slice(&canonical), by, err);
	return r < 0 ? r : fleet_audit(fleet, by, "declaration-put", identifier, NULL, err);
}

int fleet_declaration_remove(struct fleet *fleet, const char *identifier, const char *by,
			     struct err *err)
{
	return remove_item(fleet, 'd', "declaration", identifier, "declaration-remove", by, err);
}

int fleet_declaration_assign(struct fleet *fleet, const char *identifier,
			     const struct fleet_target *target, bool is_assigned, const char *by,
			     struct err *err)
{
	return assign_item(fleet, 'd', "declaration", identifier, target, is_assigned, by, err);
}
