/* sweeps - what time brings: pushes, webhooks, renewals, expiry, last contacts */
#include "server/records.h"

enum {
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	HOUR_MS = 60 * MINUTE_MS,
	SWEEP_MAX = 500, /* enrollments in one transaction: devices are answered in between */
	EVENTS_KEPT_S = 30 * 86400,
};

static int reconcile(struct records *records, void *arg, struct err *err)
{
	unsigned count;

	return fleet_sweep_reconcile(records->fleet, SWEEP_MAX, &count, err);
}

static int contacts(struct records *records, void *arg, struct err *err)
{
	return fleet_contacts_flush(records->fleet, err);
}

static int identities(struct records *records, void *arg, struct err *err)
{
	unsigned count;

	return fleet_sweep_identities(records->fleet, SWEEP_MAX, &count, err);
}

static int commands(struct records *records, void *arg, struct err *err)
{
	unsigned count;

	return fleet_sweep_commands(records->fleet, SWEEP_MAX, &count, err);
}

static int inventory(struct records *records, void *arg, struct err *err)
{
	unsigned count;

	return fleet_sweep_inventory(records->fleet, SWEEP_MAX, &count, err);
}

static int events(struct records *records, void *arg, struct err *err)
{
	int64_t now = clock_wall_seconds(clock_system());
	unsigned count;

	return store_event_sweep(records->store, now - EVENTS_KEPT_S, SWEEP_MAX, &count, err);
}

/* sweep - true: done, and durable */
static bool sweep(struct records *records, const char *name,
		  int (*work)(struct records *records, void *arg, struct err *err))
{
	struct err err = ERR_INIT;

	if (records->is_away)
		return false;
	if (records_transaction(records, work, NULL, &err) == 0)
		return true;
	log_event(LOG_ERROR, "sweep-failed", "sweep=%s reason=\"%s\"", name, err.text);
	return false;
}

/* due - has @at passed? Then it is set to the next time */
static bool due(int64_t *at, int64_t now_ms, int64_t every_ms)
{
	if (now_ms < *at)
		return false;
	*at = now_ms + every_ms;
	return true;
}

void sweeps_run(struct records *records, int64_t now_ms, int64_t *wait_ms)
{
	bool is_second = due(&records->second_ms, now_ms, SECOND_MS);
	unsigned effects = records->effects;

	records->effects = 0;
	if (effects & API_PUSH_CERT_CHANGED || (is_second && records->push_identity != PUSH_HANDED))
		sweep(records, "push-certificate", delivery_identity);
	/* before the answer leaves, so that a device which asks next finds what was assigned */
	if (is_second || effects & API_ACTED)
		sweep(records, "reconcile", reconcile);
	if (is_second || effects & FLEET_PUSH_DUE)
		sweep(records, "push", delivery_pushes);
	if (is_second || effects & (FLEET_EVENTS | API_WEBHOOKS_CHANGED))
		sweep(records, "webhooks", delivery_hooks);
	if (due(&records->minute_ms, now_ms, MINUTE_MS)) {
		if (sweep(records, "contacts", contacts))
			fleet_contacts_written(records->fleet);
		sweep(records, "identities", identities);
		sweep(records, "commands", commands);
		sweep(records, "inventory", inventory);
		/* another service of the same store may have got a new one */
		sweep(records, "push-certificate", delivery_identity);
	}
	if (due(&records->hour_ms, now_ms, HOUR_MS))
		sweep(records, "events", events);
	*wait_ms = records->effects ? 0 : records->second_ms - now_ms;
	if (*wait_ms < 0)
		*wait_ms = 0;
}
