/*
 * shelf - all snapshots of a repository, as DEVICE/TIME
 *
 * The list is read again whenever somebody lists a folder of it, so that a backup that ends
 * meanwhile appears.  Snapshots are opened when somebody looks into them, and the longest
 * unused are closed again.
 */
#include "mount/internal.h"

#include <stdlib.h>
#include <string.h>

enum { TIME_LEN_MAX = 64 };

struct place {
	struct job_snapshot about;
	char name[TIME_LEN_MAX]; /* its time, with the id behind it where the time is not unique */
};

struct shelf_snapshot {
	struct shelf_snapshot *next;
	char id[REPO_ID_LEN + 1];
	struct job_browse *browse;
	struct shown *shown;
	unsigned users;
	uint64_t used;
};

struct shelf {
	const struct mount_wish *wish;
	struct place *places; /* by device, then time */
	size_t count, cap;
	struct shelf_snapshot *open;
	uint64_t uses;
};

static int place_add(void *arg, const struct repo_snapshot *head, struct err *err)
{
	struct shelf *shelf = arg;
	size_t cap = shelf->cap ? shelf->cap * 2 : 64;
	struct place *places, *place;
	char time[21];

	if (path_check_relative(head->device, strlen(head->device), NULL) < 0 ||
	    strchr(head->device, '/'))
		return 0;
	if (shelf->count == MOUNT_SNAPSHOTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d snapshots", MOUNT_SNAPSHOTS_MAX);
	if (shelf->count == shelf->cap) {
		places = realloc(shelf->places, cap * sizeof(*places));
		if (!places)
			return err_no_memory(err);
		shelf->places = places;
		shelf->cap = cap;
	}
	place = &shelf->places[shelf->count];
	job_snapshot_read(head, &place->about);
	snprintf(place->name, sizeof(place->name), "%s", time_format_utc(head->time, time));
	if (shelf->count && !strcmp(place[-1].about.udid, place->about.udid) &&
	    place[-1].about.time == place->about.time)
		snprintf(place->name, sizeof(place->name), "%s-%s", time, place->about.id);
	shelf->count++;
	return 0;
}

static int read_places(struct shelf *shelf, struct err *err)
{
	shelf->count = 0;
	return repo_snapshots(shelf->wish->repo, NULL, place_add, shelf, NULL, err);
}

static void snapshot_free(struct shelf_snapshot *snapshot)
{
	if (!snapshot)
		return;
	shown_free(snapshot->shown);
	job_browse_close(snapshot->browse);
	free(snapshot);
}

static void snapshot_free_p(struct shelf_snapshot **snapshot)
{
	snapshot_free(*snapshot);
}

int shelf_new(struct shelf **out, const struct mount_wish *wish, struct err *err)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	int r;

	if (!shelf)
		return err_no_memory(err);
	shelf->wish = wish;
	r = read_places(shelf, err);
	if (r < 0) {
		shelf_free(shelf);
		return r;
	}
	*out = shelf;
	return 0;
}

void shelf_free(struct shelf *shelf)
{
	struct shelf_snapshot *next;

	if (!shelf)
		return;
	for (struct shelf_snapshot *at = shelf->open; at; at = next) {
		next = at->next;
		snapshot_free(at);
	}
	free(shelf->places);
	free(shelf);
}

/* place_find - the place at DEVICE/TIME, or the first of DEVICE; NULL */
static const struct place *place_find(const struct shelf *shelf, const char *path)
{
	const char *slash = strchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : strlen(path);

	for (size_t i = 0; i < shelf->count; i++) {
		const struct place *place = &shelf->places[i];

		if (!strncmp(place->about.udid, path, len) && !place->about.udid[len] &&
		    (!slash || !strcmp(place->name, slash + 1)))
			return place;
	}
	return NULL;
}

static int place_look(struct shelf *shelf, const char *path, const struct place **out,
		      struct err *err)
{
	int r = 0;

	*out = place_find(shelf, path);
	if (!*out) { /* it may have been made meanwhile */
		r = read_places(shelf, err);
		*out = r == 0 ? place_find(shelf, path) : NULL;
	}
	return r < 0 ? r : *out ? 0 : MOUNT_ABSENT;
}

int shelf_find(struct shelf *shelf, const char *path, struct mount_entry *entry, struct err *err)
{
	const struct place *place = NULL;
	int r = *path ? place_look(shelf, path, &place, err) : 0;

	if (r == 0)
		*entry = (struct mount_entry){.type = 'd',
					      .modified = place ? place->about.time : 0};
	return r;
}

int shelf_list(struct shelf *shelf, const char *path, mount_each *each, void *arg, struct err *err)
{
	const char *device = "";
	bool is_found = !*path;
	int r = read_places(shelf, err);

	for (size_t i = 0; i < shelf->count && r == 0; i++) {
		const struct place *place = &shelf->places[i];
		struct mount_entry entry = {.type = 'd', .modified = place->about.time};

		if (*path && strcmp(path, place->about.udid) != 0)
			continue;
		is_found = true;
		if (!*path && !strcmp(device, place->about.udid))
			continue;
		device = place->about.udid;
		entry.name = *path ? place->name : device;
		r = each(arg, &entry);
	}
	return r == 0 && !is_found ? MOUNT_ABSENT : r;
}

/* close_oldest - of those that nobody uses, when there are many */
static void close_oldest(struct shelf *shelf)
{
	struct shelf_snapshot **oldest = NULL, *closed;
	unsigned idle = 0;

	for (struct shelf_snapshot **at = &shelf->open; *at; at = &(*at)->next) {
		if ((*at)->users)
			continue;
		idle++;
		if (!oldest || (*at)->used < (*oldest)->used)
			oldest = at;
	}
	if (idle <= MOUNT_OPEN_MAX)
		return;
	closed = *oldest;
	*oldest = closed->next;
	snapshot_free(closed);
}

static int snapshot_open(struct shelf *shelf, const struct place *place,
			 struct shelf_snapshot **out, struct err *err)
{
	CLEANUP(snapshot_free_p) struct shelf_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return err_no_memory(err);
	memcpy(snapshot->id, place->about.id, sizeof(snapshot->id));
	r = shelf->wish->open(shelf->wish->arg, &place->about, &snapshot->browse, err);
	if (r == JOB_LOCKED)
		return MOUNT_LOCKED;
	if (r == 0)
		r = shown_new(&snapshot->shown, snapshot->browse, err);
	if (r < 0)
		return r;
	snapshot->next = shelf->open;
	shelf->open = *out = STEAL(snapshot);
	return 0;
}

int shelf_take(struct shelf *shelf, const char *path, struct shelf_snapshot **out, struct err *err)
{
	struct shelf_snapshot *snapshot;
	const struct place *place;
	int r = place_look(shelf, path, &place, err);

	if (r != 0)
		return r;
	for (snapshot = shelf->open; snapshot; snapshot = snapshot->next)
		if (!strcmp(snapshot->id, place->about.id))
			break;
	if (!snapshot)
		r = snapshot_open(shelf, place, &snapshot, err);
	if (r != 0)
		return r;
	snapshot->users++;
	snapshot->used = ++shelf->uses;
	*out = snapshot;
	return 0;
}

struct shown *shelf_shown(struct shelf_snapshot *snapshot)
{
	return snapshot->shown;
}

void shelf_release(struct shelf *shelf, struct shelf_snapshot *snapshot)
{
	snapshot->users--;
	close_oldest(shelf);
}
