/*
 * Profiles by reconciliation: what is assigned against what is installed or on its way.
 */
#include "fleet/internal.h"

/* nothing to do for an assigned profile, by what is known of it? A failed one is not tried again
 * before there is another version; a wanted one goes out in the version that is newest then */
static bool is_settled(const struct store_installed *row)
{
	if (!row->is_known || row->state == STORE_REMOVING)
		return false;
	return row->state == STORE_INSTALL_WANTED || row->version == row->wanted;
}

static int install(struct fleet *fleet, const struct store_enrollment *enrollment,
		   const struct store_installed *row, struct err *err)
{
	struct fleet_own own = {.request_type = "InstallProfile",
				.identifier = row->identifier,
				.lane = FLEET_LANE_NORMAL,
				.flags = FLEET_FLAG_PROFILE};
	struct store_installed next = {.identifier = row->identifier,
				       .state = STORE_INSTALL_WANTED,
				       .at = fleet_now(fleet)};
	int r = fleet_queue_own(fleet, enrollment, &own, err);

	return r < 0 ? r : store_installed_set(fleet->store, enrollment->no, &next, err);
}

static int uninstall(struct fleet *fleet, const struct store_enrollment *enrollment,
		     const struct store_installed *row, struct err *err)
{
	CLEANUP(buf_clear) struct buf dict = BUF_INIT(FLEET_COMMAND_MAX);
	struct fleet_own own = {.request_type = "RemoveProfile",
				.identifier = row->identifier,
				.lane = FLEET_LANE_NORMAL,
				.is_dangerous = true};
	struct store_installed next = *row;
	int r = mdm_build_remove_profile(row->identifier, &dict, err);

	own.command = buf_slice(&dict);
	if (r == 0)
		r = fleet_queue_own(fleet, enrollment, &own, err);
	next.state = STORE_REMOVING;
	next.at = fleet_now(fleet);
	return r < 0 ? r : store_installed_set(fleet->store, enrollment->no, &next, err);
}

int fleet_reconcile_row(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	struct store_installed *rows;
	size_t count;
	int r = store_installed_compare(fleet->store, enrollment->no, enrollment->device, &rows,
					&count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (rows[i].wanted != 0 && !is_settled(&rows[i]))
			r = install(fleet, enrollment, &rows[i], err);
		else if (rows[i].wanted == 0 && rows[i].state != STORE_REMOVING)
			r = uninstall(fleet, enrollment, &rows[i], err);
	}
	enrollment->due[STORE_DUE_RECONCILE] = 0;
	return r < 0 ? r : fleet_declare_sync(fleet, enrollment, err);
}

static int reconcile_and_push(struct fleet *fleet, struct store_enrollment *enrollment,
			      struct err *err)
{
	int64_t now = fleet_now(fleet);
	int r = 0;

	enrollment->due[STORE_DUE_RECONCILE] = 0;
	if (enrollment->state == STORE_ENABLED && enrollment->kind != STORE_USER_CHANNEL) {
		r = fleet_reconcile_row(fleet, enrollment, err);
		if (enrollment->due[STORE_DUE_PUSH] == 0 || enrollment->due[STORE_DUE_PUSH] > now) {
			enrollment->due[STORE_DUE_PUSH] = now;
			enrollment->push_failures = 0;
		}
	}
	if (r == 0)
		r = store_enrollment_put(fleet->store, enrollment, err);
	return r < 0 ? r : 0;
}

int fleet_reconcile(struct fleet *fleet, const char *id, struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	return r != 0 ? r : reconcile_and_push(fleet, &enrollment, err);
}

int fleet_sweep_reconcile(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	struct store_enrollment *rows;
	size_t found = 0;
	int r = store_enrollment_due(fleet->store, STORE_DUE_RECONCILE, fleet_now(fleet), max,
				     &rows, &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = reconcile_and_push(fleet, &rows[i], err);
	*count = (unsigned)found;
	return r;
}

static const struct plist *find_profile(const struct plist *list, const char *identifier)
{
	for (const struct plist *at = list ? list->as.items.first : NULL; at; at = at->next) {
		const char *name = plist_get_text(at, "PayloadIdentifier");

		if (name && strcmp(name, identifier) == 0)
			return at;
	}
	return NULL;
}

/*
 * What was installed and is not there any more (a restored backup, a person's hand) is forgotten,
 * so that reconciliation installs it again; likewise another UUID than ours, an older version, and
 * what waits for an answer that no command will bring any more.
 */
int fleet_reconcile_seen(struct fleet_scene *scene, const struct plist *root, struct err *err)
{
	const struct plist *list = plist_get_array(root, "ProfileList");
	struct store_enrollment *enrollment = &scene->enrollment;
	struct store *store = scene->fleet->store;
	int64_t life_s = (int64_t)scene->fleet->policy.command_days * FLEET_DAY_S;
	struct store_installed *rows;
	bool is_changed = false;
	size_t count;
	int r = store_installed_compare(store, enrollment->no, enrollment->device, &rows, &count,
					err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct plist *seen = find_profile(list, rows[i].identifier);
		const char *uuid = plist_get_text(seen, "PayloadUUID");
		bool is_as_known = rows[i].state == STORE_INSTALLED
					   ? uuid && strcasecmp(uuid, rows[i].uuid) == 0
					   : rows[i].at + life_s > scene->now;

		if (!rows[i].is_known || is_as_known)
			continue;
		r = store_installed_remove(store, enrollment->no, rows[i].identifier, err);
		is_changed = true;
	}
	if (r < 0 || !is_changed)
		return r;
	scene->is_changed = true;
	return fleet_reconcile_row(scene->fleet, enrollment, err);
}
