/* snapshots - which snapshot a person means: an id, its beginning, "latest" or "latest:DEVICE" */
#include "job/internal.h"

#include <string.h>
#include <strings.h>

enum { ID_PREFIX_MIN = 4, UDID_PREFIX_MIN = 4 };

struct search {
	const char *id_prefix; /* NULL when the newest is wanted */
	const char *device;    /* "" for any */
	struct job_snapshot best;
	size_t fits;
};

static bool device_fits(const struct job_snapshot *snapshot, const char *wanted)
{
	size_t len = strlen(wanted);

	if (!len || !strcasecmp(snapshot->udid, wanted) || !strcmp(snapshot->name, wanted) ||
	    !strcasecmp(snapshot->serial, wanted))
		return true;
	return len >= UDID_PREFIX_MIN && !strncasecmp(snapshot->udid, wanted, len);
}

static int search_each(void *arg, const struct repo_snapshot *head, struct err *err)
{
	struct search *search = arg;
	struct job_snapshot snapshot;

	if (search->id_prefix &&
	    strncasecmp(head->id, search->id_prefix, strlen(search->id_prefix)) != 0)
		return 0;
	job_snapshot_read(head, &snapshot);
	if (!search->id_prefix && !device_fits(&snapshot, search->device))
		return 0;
	/* of two in the same second the later one in the list is the newer */
	if (!search->fits++ || snapshot.time >= search->best.time)
		search->best = snapshot;
	return 0;
}

int job_snapshot_find(struct repo *repo, const char *wanted, struct job_snapshot *out,
		      struct err *err)
{
	struct search search = {.device = ""};
	int r;

	if (!strncmp(wanted, "latest:", 7))
		search.device = wanted + 7;
	else if (strcmp(wanted, "latest") != 0)
		search.id_prefix = wanted;
	if (search.id_prefix && strlen(search.id_prefix) < ID_PREFIX_MIN)
		return err_set(err, ERR_USAGE,
			       "snapshot \"%.40s\": give at least %d digits, or \"latest\"", wanted,
			       ID_PREFIX_MIN);
	r = repo_snapshots(repo, NULL, search_each, &search, NULL, err);
	if (r < 0)
		return r;
	if (search.fits == 0 && !strcmp(wanted, "latest"))
		return err_set(err, ERR_NOT_FOUND,
			       "no snapshot yet: `rehome backup DEVICE` makes the first");
	if (search.fits == 0)
		return err_set(err, ERR_NOT_FOUND,
			       "no snapshot \"%.80s\": `rehome snapshots` lists them", wanted);
	if (search.id_prefix && search.fits > 1)
		return err_set(err, ERR_USAGE,
			       "\"%.40s\" is the beginning of %zu snapshots: give more digits",
			       wanted, search.fits);
	*out = search.best;
	return 0;
}
