/*
 * job/run - the connections that a run on a device holds, opened in order, closed on every way out
 */
#ifndef REHOME_JOB_RUN_H
#define REHOME_JOB_RUN_H

#include "job/internal.h"

struct run {
	const struct job_env *env;
	struct lockdown lockdown;
	struct notify notify;
	struct afc afc;
	struct sync_lock lock;
	struct exchange exchange;
	struct job_facts facts;
};
/** run_open - session, facts, notifications and mobilebackup2; with @takes_lock also AFC and the
 * sync lock */
int run_open(struct run *run, const struct job_env *env, const struct job_device *device,
	     bool takes_lock, struct err *err);
/** run_release - give the lock back and part from the device; safe on a half-open one, and twice */
void run_release(struct run *run);
/** run_end - what the device's end of a request means: 0, or the failure that ended it. @r is of
 * exchange_serve */
int run_end(struct run *run, int r, const struct mb_response *response, const char *what,
	    struct err *err);

#endif
