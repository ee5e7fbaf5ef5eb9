/*
 * Who is to be pushed, when, and what came of it.
 */
#include "fleet/internal.h"

enum { PUSH_LIFE_S = 7 * FLEET_DAY_S, WAITING = STORE_QUEUED | STORE_SENT | STORE_NOT_NOW };

/* after so many pushes without a visit */
static int64_t back_off(int64_t failures)
{
	static const int64_t steps[] = {60, 300, 900, 3600, 4 * 3600, FLEET_DAY_S};
	int64_t last = ARRAY_COUNT(steps) - 1;

	return steps[failures < last ? failures : last];
}

static int push_one(struct fleet *fleet, struct store_enrollment *row, fleet_each_push *each,
		    void *arg, struct err *err)
{
	int64_t now = fleet_now(fleet);
	struct fleet_push push = {.id = row->id,
				  .topic = row->topic,
				  .magic = row->push_magic,
				  .token = row->push_token,
				  .expires = now + PUSH_LIFE_S};
	bool is_wished = row->flags & FLEET_ROW_PUSH_WISHED;
	uint64_t waiting;
	int r = store_queue_count(fleet->store, row->no, WAITING, &waiting, err);

	if (r < 0)
		return r;
	/* who shall hear that an operator unenrolled it is told until it does */
	bool has_work = waiting > 0 || row->unenroll_at != 0;
	if (row->push_token.len == 0 || (!has_work && !is_wished))
		return store_enrollment_pushed(fleet->store, row->no, row->push_sent, 0, 0, err);
	r = each(arg, &push, err);
	if (r < 0)
		return r;
	row->due[STORE_DUE_PUSH] = has_work ? now + back_off(row->push_failures) : 0;
	row->push_failures = has_work ? row->push_failures + 1 : 0;
	row->push_sent = now;
	if (!is_wished)
		return store_enrollment_pushed(fleet->store, row->no, now, row->push_failures,
					       row->due[STORE_DUE_PUSH], err);
	row->flags &= ~(int64_t)FLEET_ROW_PUSH_WISHED;
	return store_enrollment_put(fleet->store, row, err);
}

int fleet_push_due(struct fleet *fleet, unsigned max, unsigned *count, fleet_each_push *each,
		   void *arg, struct err *err)
{
	struct store_enrollment *rows;
	size_t found = 0;
	int r = store_enrollment_due(fleet->store, STORE_DUE_PUSH, fleet_now(fleet), max, &rows,
				     &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = push_one(fleet, &rows[i], each, arg, err);
	*count = (unsigned)found;
	return r < 0 ? r : 0;
}

bool fleet_push_is_on(const struct fleet *fleet)
{
	return fleet->policy.topic && *fleet->policy.topic;
}

int fleet_push_wish(struct fleet *fleet, const char *id, struct err *err)
{
	struct store_enrollment row;
	int r = fleet_find(fleet, id, &row, err);

	if (r != 0)
		return r;
	if (row.state != STORE_ENABLED || row.push_token.len == 0)
		return fleet_refused(err, "the enrollment is not enabled, or cannot be pushed to");
	row.flags |= FLEET_ROW_PUSH_WISHED;
	row.due[STORE_DUE_PUSH] = fleet_now(fleet);
	r = store_enrollment_put(fleet->store, &row, err);
	return r < 0 ? r : 0;
}

/* the token is of no use any more, unless another one came since the push or is on its way */
static int drop_token(struct fleet *fleet, struct store_enrollment *row, int64_t sent,
		      const char *event, struct err *err)
{
	struct store_kept kept;
	int r = store_kept_get(fleet->store, STORE_OF_ENROLLMENT, row->no, "token-update", &kept,
			       err);

	if (r < 0 || row->flags & FLEET_ROW_AWAITS_TOKEN || (r == 0 && kept.at > sent))
		return r < 0 ? r : 0;
	row->push_token = SLICE_EMPTY;
	row->push_failures = row->due[STORE_DUE_PUSH] = 0;
	r = store_enrollment_put(fleet->store, row, err);
	return r < 0 ? r : fleet_event(fleet, event, row->id, NULL, err);
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
		return drop_token(fleet, &row, sent, "push-gone", err);
	case MDM_PUSH_BAD_TOKEN:
		return drop_token(fleet, &row, sent, "push-unusable", err);
	case MDM_PUSH_RETRY:
	case MDM_PUSH_CERTIFICATE:
		/* push_due has noted the next one by its own steps: not sooner than this */
		if (row.due[STORE_DUE_PUSH] < later)
			r = store_enrollment_pushed(fleet->store, row.no, row.push_sent,
						    row.push_failures, later, err);
		return r < 0 ? r : 0;
	default:
		return 0;
	}
}
