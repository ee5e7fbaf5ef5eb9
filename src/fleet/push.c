/*
 * Who is to be pushed, when, and what came of it.
 */
#include "fleet/internal.h"

enum { PUSH_BATCH = 256, PUSH_LIFE_S = 7 * FLEET_DAY_S, WISHED = -1 };

/* after the n-th push without a visit */
static int64_t back_off(int failures)
{
	static const int64_t steps[] = {60, 300, 900, 3600, 4 * 3600, FLEET_DAY_S};
	size_t last = ARRAY_COUNT(steps) - 1;

	return steps[failures < 0 ? 0 : (size_t)failures < last ? (size_t)failures : last];
}

static int push_one(struct fleet *fleet, int64_t no, int64_t now, fleet_each_push *each, void *arg,
		    struct err *err)
{
	struct store_enrollment row;
	struct fleet_push push;
	int64_t waiting, held;
	int r = store_enrollment_get(fleet->store, no, &row, err);

	if (r == 0)
		r = store_queue_count(fleet->store, no, &waiting, &held, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (row.push_token_len == 0 ||
	    (waiting == 0 && row.push_failures != WISHED && row.unenroll != 1))
		return store_enrollment_push(fleet->store, no, 0, 0, err);
	push = (struct fleet_push){.id = row.id,
				   .topic = row.topic,
				   .magic = row.push_magic,
				   .token = slice_of(row.push_token, row.push_token_len),
				   .expires = now + PUSH_LIFE_S};
	r = each(arg, &push, err);
	if (r < 0)
		return r;
	if (waiting == 0 && row.unenroll != 1) /* wished for: once */
		return store_enrollment_push(fleet->store, no, 0, 0, err);
	return store_enrollment_push(fleet->store, no, now + back_off(row.push_failures),
				     row.push_failures < 0 ? 1 : row.push_failures + 1, err);
}

int fleet_push_due(struct fleet *fleet, unsigned max, unsigned *count, fleet_each_push *each,
		   void *arg, struct err *err)
{
	int64_t now = fleet_now(fleet), nos[PUSH_BATCH];
	size_t found = 0;
	int r = store_sweep(fleet->store, STORE_SWEEP_PUSH, now, 0, nos,
			    max < PUSH_BATCH ? max : PUSH_BATCH, &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = push_one(fleet, nos[i], now, each, arg, err);
	*count = (unsigned)found;
	return r;
}

int fleet_push_wish(struct fleet *fleet, const char *id, struct err *err)
{
	struct store_enrollment row;
	int r = fleet_find(fleet, id, &row, err);

	if (r != 0)
		return r;
	if (row.state != STORE_ENABLED || row.push_token_len == 0)
		return fleet_refused(err, "the enrollment is not enabled, or cannot be pushed to");
	return store_enrollment_push(fleet->store, row.no, fleet_now(fleet), WISHED, err);
}

int fleet_push_result(struct fleet *fleet, const char *id, int status, int64_t sent,
		      struct err *err)
{
	struct store_enrollment row;
	enum mdm_push_reaction reaction = mdm_push_reaction(status, NULL);
	int64_t later = fleet_now(fleet) + back_off(1);
	int r = store_enrollment_find(fleet->store, id, &row, err);

	if (r != 0)
		return r < 0 ? r : 0;
	switch (reaction) {
	case MDM_PUSH_GONE:
	case MDM_PUSH_BAD_TOKEN:
		/* a TokenUpdate since then, or one that is on its way, brings another token */
		if (row.token_at == 0 || row.token_at > sent)
			return 0;
		row.push_token_len = 0;
		row.push_at = row.push_failures = 0;
		r = store_enrollment_put(fleet->store, &row, err);
		return r < 0 ? r
			     : fleet_event(fleet,
					   reaction == MDM_PUSH_GONE ? "push-gone"
								     : "push-unusable",
					   id, NULL, err);
	case MDM_PUSH_RETRY:
	case MDM_PUSH_CERTIFICATE:
		/* push_due has noted the next one by its own steps: not sooner than this */
		if (row.push_at == 0 || row.push_at < later)
			return store_enrollment_push(fleet->store, row.no, later, row.push_failures,
						     err);
		return 0;
	default:
		return 0;
	}
}
