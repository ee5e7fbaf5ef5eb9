/*
 * Profiles by reconciliation: what is assigned against what is installed or on its way.
 *
 * A row of `installed` is in one of these states.  wanted: a command waits, which is made of the
 * newest version when it goes out; sent: it went out; installed; failed: not tried again before
 * there is another version; removing: its removal is on the way.
 */
#include "fleet/internal.h"

#include <stdlib.h>

enum { LIST_MAX = 4096 }; /* profiles of one device */

struct lists {
	struct store_item *items; /* assigned */
	size_t item_count, item_room;
	struct store_installed *rows; /* installed */
	size_t row_count, row_room;
};

static void lists_clear(struct lists *lists)
{
	free(lists->items);
	free(lists->rows);
}

/* room for one more of @size bytes each */
static int grow(void **array, size_t count, size_t *room, size_t size, struct err *err)
{
	void *grown;

	if (count < *room)
		return 0;
	if (count >= LIST_MAX)
		return err_set(err, ERR_LIMIT, "more than %d profiles for one device", LIST_MAX);
	grown = realloc(*array, (*room ? 2 * *room : 16) * size);
	if (!grown)
		return err_no_memory(err);
	*room = *room ? 2 * *room : 16;
	*array = grown;
	return 0;
}

static int each_item(void *arg, const struct store_item *item, struct err *err)
{
	struct lists *lists = arg;
	int r = grow((void **)&lists->items, lists->item_count, &lists->item_room, sizeof(*item),
		     err);

	if (r == 0)
		lists->items[lists->item_count++] = *item;
	return r;
}

static int each_installed(void *arg, const struct store_installed *row, struct err *err)
{
	struct lists *lists = arg;
	int r = grow((void **)&lists->rows, lists->row_count, &lists->row_room, sizeof(*row), err);

	if (r == 0)
		lists->rows[lists->row_count++] = *row;
	return r;
}

static struct store_installed *row_of(struct lists *lists, const char *identifier)
{
	for (size_t i = 0; i < lists->row_count; i++)
		if (strcmp(lists->rows[i].identifier, identifier) == 0)
			return &lists->rows[i];
	return NULL;
}

static bool is_state(const struct store_installed *row, const char *state)
{
	return strcmp(row->state, state) == 0;
}

/* nothing to do for an assigned item, by what is known of it? */
static bool is_settled(const struct store_installed *row, const struct store_item *item)
{
	if (!row || is_state(row, "removing"))
		return false;
	return is_state(row, "wanted") || row->version == item->version;
}

static int want(struct fleet *fleet, const struct store_enrollment *enrollment,
		const struct store_item *item, struct err *err)
{
	struct fleet_own own = {.request_type = "InstallProfile",
				.identifier = item->identifier,
				.lane = FLEET_LANE_NORMAL,
				.flags = FLEET_FLAG_PROFILE};
	struct store_installed row = {.state = "wanted", .at = fleet_now(fleet)};
	int r = fleet_queue_own(fleet, enrollment->no, &own, err);

	memcpy(row.identifier, item->identifier, sizeof(row.identifier));
	memcpy(row.uuid, item->uuid, sizeof(row.uuid));
	return r < 0 ? r : store_installed_put(fleet->store, 'p', enrollment->no, &row, err);
}

static int remove_installed(struct fleet *fleet, const struct store_enrollment *enrollment,
			    const struct store_installed *installed, struct err *err)
{
	CLEANUP(buf_clear) struct buf dict = BUF_INIT(FLEET_COMMAND_MAX);
	struct fleet_own own = {.request_type = "RemoveProfile",
				.identifier = installed->identifier,
				.lane = FLEET_LANE_NORMAL,
				.flags = FLEET_FLAG_DANGEROUS};
	struct store_installed row = *installed;
	int r = mdm_build_remove_profile(installed->identifier, &dict, err);

	own.command = buf_slice(&dict);
	if (r == 0)
		r = fleet_queue_own(fleet, enrollment->no, &own, err);
	snprintf(row.state, sizeof(row.state), "removing");
	row.at = fleet_now(fleet);
	return r < 0 ? r : store_installed_put(fleet->store, 'p', enrollment->no, &row, err);
}

static bool is_assigned(const struct lists *lists, const char *identifier)
{
	for (size_t i = 0; i < lists->item_count; i++)
		if (strcmp(lists->items[i].identifier, identifier) == 0)
			return true;
	return false;
}

int fleet_reconcile_row(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	CLEANUP(lists_clear) struct lists lists = {0};
	struct store *store = fleet->store;
	int r = store_assigned(store, 'p', enrollment->device, each_item, &lists, err);

	enrollment->needs_reconcile = false;
	if (r == 0)
		r = store_installed_list(store, 'p', enrollment->no, each_installed, &lists, err);
	for (size_t i = 0; r == 0 && i < lists.item_count; i++)
		if (!is_settled(row_of(&lists, lists.items[i].identifier), &lists.items[i]))
			r = want(fleet, enrollment, &lists.items[i], err);
	for (size_t i = 0; r == 0 && i < lists.row_count; i++)
		if (!is_state(&lists.rows[i], "removing") &&
		    !is_assigned(&lists, lists.rows[i].identifier))
			r = remove_installed(fleet, enrollment, &lists.rows[i], err);
	return r < 0 ? r : fleet_declare_sync(fleet, enrollment, err);
}

static int reconcile_and_push(struct fleet *fleet, struct store_enrollment *enrollment,
			      struct err *err)
{
	int r = 0;

	if (enrollment->state == STORE_ENABLED && !enrollment->is_user_channel) {
		r = fleet_reconcile_row(fleet, enrollment, err);
		if (enrollment->push_at == 0 || enrollment->push_at > fleet_now(fleet)) {
			enrollment->push_at = fleet_now(fleet);
			enrollment->push_failures = 0;
		}
	}
	enrollment->needs_reconcile = false;
	return r < 0 ? r : store_enrollment_put(fleet->store, enrollment, err);
}

int fleet_reconcile(struct fleet *fleet, const char *id, struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	return r != 0 ? r : reconcile_and_push(fleet, &enrollment, err);
}

int fleet_sweep_reconcile(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	struct store_enrollment enrollment;
	int64_t nos[256];
	size_t found = 0;
	int r = store_sweep(fleet->store, STORE_SWEEP_RECONCILE, fleet_now(fleet), 0, nos,
			    max < ARRAY_COUNT(nos) ? max : ARRAY_COUNT(nos), &found, err);

	for (size_t i = 0; r == 0 && i < found; i++) {
		r = store_enrollment_get(fleet->store, nos[i], &enrollment, err);
		if (r == 0)
			r = reconcile_and_push(fleet, &enrollment, err);
	}
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
 * so that reconciliation installs it again; likewise another UUID than ours, an older version.
 */
int fleet_reconcile_seen(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			 const struct plist *root, struct err *err)
{
	CLEANUP(lists_clear) struct lists lists = {0};
	const struct plist *list = plist_get_array(root, "ProfileList");
	struct store *store = scene->fleet->store;
	int64_t given_up = scene->now - (int64_t)scene->fleet->policy.command_days * FLEET_DAY_S;
	bool is_changed = false;
	int r = store_installed_list(store, 'p', enrollment->no, each_installed, &lists, err);

	for (size_t i = 0; r == 0 && i < lists.row_count; i++) {
		const struct plist *seen = find_profile(list, lists.rows[i].identifier);
		const char *uuid = plist_get_text(seen, "PayloadUUID");

		bool is_lost =
			lists.rows[i].at < given_up; /* its command ended without an answer */

		if (is_state(&lists.rows[i], "installed")
			    ? uuid && strcasecmp(uuid, lists.rows[i].uuid) == 0
			    : !is_lost)
			continue;
		r = store_installed_remove(store, 'p', enrollment->no, lists.rows[i].identifier,
					   err);
		is_changed = true;
	}
	if (r < 0 || !is_changed)
		return r;
	/* a ProfileList comes from a device channel only, and that is the scene's enrollment */
	r = fleet_reconcile_row(scene->fleet, &scene->enrollment, err);
	scene->is_changed = true;
	return r;
}
