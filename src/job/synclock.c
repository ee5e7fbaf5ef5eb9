/*
 * synclock - the dance that keeps two hosts from syncing one device at once
 *
 * Announce, open the lock file, ask, lock it, announce again; the reverse at the end.
 * The order is the one that devices know from other hosts (docs/protocol/device-link, "sync lock").
 */
#include "job/internal.h"

#define LOCK_FILE "/com.apple.itunes.lock_sync"
#define MOBDEV "com.apple.itunes-mobdev."

enum { LOCK_TRIES = 50, LOCK_PAUSE_MS = 200, OPEN_READ_WRITE = 2 };

int sync_lock_take(struct sync_lock *lock, const struct job_env *env, struct notify *notify,
		   struct afc *afc, struct err *err)
{
	int r;

	*lock = (struct sync_lock){.notify = notify, .afc = afc};
	r = notify_post(notify, MOBDEV "syncWillStart", err);
	if (r < 0)
		return r;
	lock->is_started = true;
	r = afc_file_open(afc, LOCK_FILE, OPEN_READ_WRITE, &lock->handle, err);
	if (r == JOB_ABSENT)
		return err_set(err, ERR_DEVICE,
			       "AFC: the lock file of the device cannot be opened");
	if (r < 0)
		return r;
	lock->is_opened = true;
	r = notify_post(notify, MOBDEV "syncLockRequest", err);
	for (int i = 0; r == 0 && i < LOCK_TRIES; i++) {
		r = afc_lock(afc, lock->handle, err);
		if (r == 0) {
			lock->is_locked = true;
			return notify_post(notify, MOBDEV "syncDidStart", err);
		}
		if (r < 0)
			return r;
		r = cancel_check(env->cancel, err);
		if (r == 0)
			env->clock->sleep_ms(env->clock, LOCK_PAUSE_MS);
	}
	if (r < 0)
		return r;
	return err_set(err, ERR_BUSY,
		       "another program is syncing the device (Finder, iTunes, a second rehome): "
		       "end it and try again");
}

void sync_lock_release(struct sync_lock *lock)
{
	struct err ignored = ERR_INIT;

	if (lock->is_locked && lock->afc->is_open)
		afc_unlock(lock->afc, lock->handle, &ignored);
	if (lock->is_opened && lock->afc->is_open)
		afc_file_close(lock->afc, lock->handle, &ignored);
	if (lock->is_started && lock->notify->is_open)
		notify_post(lock->notify, MOBDEV "syncDidFinish", &ignored);
	lock->is_locked = lock->is_opened = lock->is_started = false;
}
