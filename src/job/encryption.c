/*
 * encryption - the device's backup password: on, off, changed; and our sealed copy of it
 *
 * A property of the device, not of this host: once on, every host's backups are encrypted.
 * Since iOS 13 the device asks its owner for the passcode first, so this waits as long as a backup
 * does.
 */
#include "job/run.h"

#define VAULT_NAME "backup-password"

/* nothing is stored during this request: what the device might ask for is not there */
static int nothing_read(struct shelf *shelf, const char *path, struct source **out, struct err *err)
{
	return REPO_ABSENT;
}

static int nothing_list(struct shelf *shelf, const char *path,
			int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
			void *arg, struct err *err)
{
	return REPO_ABSENT;
}

static int refuse(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "no files are exchanged while a password is set");
}

static int refuse_path(struct shelf *shelf, const char *path, struct err *err)
{
	return refuse(err);
}

static int refuse_pair(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	return refuse(err);
}

static int refuse_write(struct shelf *shelf, struct slice bytes, struct err *err)
{
	return refuse(err);
}

static int refuse_end(struct shelf *shelf, struct err *err)
{
	return refuse(err);
}

static void nothing_drop(struct shelf *shelf)
{
}

static uint64_t nothing_free(struct shelf *shelf)
{
	return 0;
}

static struct shelf nothing = {
	.list = nothing_list,
	.read = nothing_read,
	.make_dir = refuse_path,
	.move = refuse_pair,
	.copy = refuse_pair,
	.remove = refuse_path,
	.upload_begin = refuse_path,
	.upload_write = refuse_write,
	.upload_end = refuse_end,
	.upload_drop = nothing_drop,
	.drain = refuse_end,
	.free_space = nothing_free,
};

static int password_request(struct run *run, const struct secret *old_password,
			    const struct secret *new_password, struct err *err)
{
	CLEANUP(buf_wipe) struct buf frame = BUF_INIT(64 << 10);
	int r = link_mb_change_password(&frame, run->exchange.udid, old_password, new_password,
					err);

	return r < 0 ? r : exchange_request(&run->exchange, buf_slice(&frame), err);
}

/* explain - forced by a profile comes as code 1 with a text, or as 22: both are in run_end */
static int encryption(struct run *run, const struct secret *old_password,
		      const struct secret *new_password, struct err *err)
{
	struct job_problems problems = JOB_PROBLEMS_INIT;
	struct mb_response response = {0};
	bool is_on = run->facts.will_encrypt == JOB_YES;
	const char *what = !old_password   ? "switch backup encryption on"
			   : !new_password ? "switch backup encryption off"
					   : "change the backup password";
	int r;

	if (!old_password && is_on)
		return JOB_ENCRYPTION_SAME;
	if (old_password && !is_on)
		return new_password ? err_set(err, ERR_USAGE,
					      "backups of this device are not encrypted: use "
					      "`rehome encryption on`")
				    : (int)JOB_ENCRYPTION_SAME;
	run->exchange.shelf = &nothing;
	run->exchange.problems = &problems;
	exchange_phase(&run->exchange, "waiting for %s", run->facts.name);
	r = password_request(run, old_password, new_password, err);
	if (r == 0)
		r = exchange_serve(&run->exchange, &response, err);
	job_problems_clear(&problems);
	return run_end(run, r, &response, what, err);
}

int job_encryption(const struct job_env *env, const struct job_device *device,
		   const struct secret *old_password, const struct secret *new_password,
		   struct err *err)
{
	struct run run;
	int r;

	if (!old_password && !new_password)
		return err_set(err, ERR_USAGE, "neither an old nor a new password");
	r = run_open(&run, env, device, false, err);
	if (r == 0)
		r = encryption(&run, old_password, new_password, err);
	run_release(&run);
	return r;
}

int job_password_get(struct repo *repo, const char *udid, struct secret *password, struct err *err)
{
	return repo_vault_get(repo, udid, VAULT_NAME, password, err);
}

int job_password_put(struct repo *repo, const char *udid, const struct secret *password,
		     struct err *err)
{
	return repo_vault_put(repo, udid, VAULT_NAME, password, err);
}

int job_password_remove(struct repo *repo, const char *udid, struct err *err)
{
	return repo_vault_remove(repo, udid, VAULT_NAME, err);
}
