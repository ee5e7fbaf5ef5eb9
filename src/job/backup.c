/*
 * backup - one run: the device's present state becomes a snapshot
 *
 * The device is shown the last finished snapshot with an overlay; nothing that it does harms
 * what is finished.  The commit comes last, after the device said that it is done and after
 * our own look at what arrived.
 */
#include "job/run.h"

#include <string.h>

void job_backup_report_init(struct job_backup_report *report)
{
	*report = (struct job_backup_report){.problems = JOB_PROBLEMS_INIT};
}

void job_backup_report_clear(struct job_backup_report *report)
{
	job_problems_clear(&report->problems);
}

/* file_put - a whole small file into the session */
static int file_put(struct repo_session *session, const char *path, struct slice bytes,
		    struct err *err)
{
	int r = repo_upload_begin(session, path, REPO_CONTENT_ANY, err);

	if (r == 0)
		r = repo_upload_write(session, bytes, err);
	return r < 0 ? r : repo_upload_end(session, err);
}

/*
 * directory_prepare - what the device will see: no half-made Snapshot of an earlier run (it makes
 * later runs fail on some versions), and the Info.plist that hosts write
 */
static int directory_prepare(struct repo_session *session, struct slice info, struct err *err)
{
	int r = repo_session_remove(session, "Snapshot", err);

	return r < 0 ? r : file_put(session, "Info.plist", info, err);
}

static int backup_request(struct run *run, bool is_full, struct err *err)
{
	CLEANUP(buf_clear) struct buf frame = BUF_INIT(64 << 10);
	const char *udid = run->exchange.udid;
	int r = link_mb_backup(&frame, udid, udid, is_full, err);

	return r < 0 ? r : exchange_request(&run->exchange, buf_slice(&frame), err);
}

/* snapshot_begin - what is known of it before the device speaks */
static void snapshot_begin(struct job_backup_report *report)
{
	const struct job_facts *device = &report->device;
	struct job_snapshot *snapshot = &report->snapshot;

	text_copy(snapshot->udid, sizeof(snapshot->udid), device->udid);
	text_copy(snapshot->serial, sizeof(snapshot->serial), device->serial);
	text_copy(snapshot->name, sizeof(snapshot->name), device->name);
	text_copy(snapshot->product_type, sizeof(snapshot->product_type), device->product_type);
	text_copy(snapshot->product_version, sizeof(snapshot->product_version),
		  device->product_version);
	text_copy(snapshot->build, sizeof(snapshot->build), device->build);
	snapshot->is_encrypted = report->is_encrypted;
}

static int snapshot_commit(const struct job_env *env, struct repo *repo,
			   struct repo_session *session, struct job_backup_report *report,
			   struct err *err)
{
	CLEANUP(buf_clear) struct buf note = BUF_INIT(REPO_NOTE_LEN_MAX);
	CLEANUP(repo_view_close_p) struct repo_view *view = NULL;
	char id[REPO_ID_LEN + 1];
	int r;

	report->snapshot.problem_count = report->problems.count;
	r = note_write(&report->snapshot, &report->problems, &note, err);
	if (r < 0)
		return r;
	r = repo_session_commit(session, clock_wall_seconds(env->clock), buf_slice(&note), id, err);
	repo_session_stats(session, &report->stats);
	if (r == REPO_CONFLICT)
		return err_set(err, ERR_BUSY,
			       "another run made a snapshot of this device meanwhile: run again");
	if (r < 0)
		return err_wrap(err, r, "commit the snapshot");
	/* from here on there is a snapshot, whatever reading it back says */
	text_copy(report->snapshot.id, sizeof(report->snapshot.id), id);
	r = repo_view_open(&view, repo, id, err);
	if (r < 0)
		return err_wrap(err, r, "read the new snapshot");
	job_snapshot_read(repo_view_snapshot(view), &report->snapshot);
	return 0;
}

/* receive - from the Backup request to the device's last word, with the session open */
static int receive(struct run *run, struct repo_session *session,
		   const struct job_backup_wish *wish, const char *disk_path,
		   struct job_backup_report *report, int64_t began_ms, struct err *err)
{
	struct mb_response response = {0};
	struct shelf_session shelf;
	int r;

	shelf_session_init(&shelf, session, report->is_encrypted, disk_path);
	shelf.free_space = wish->free_space;
	shelf.free_space_arg = wish->arg;
	run->exchange.shelf = &shelf.shelf;
	run->exchange.problems = &report->problems;
	exchange_phase(&run->exchange, "waiting for %s to prepare", report->device.name);
	r = backup_request(run, wish->is_full, err);
	if (r < 0)
		return r;
	report->start_ms = clock_mono_ms(run->env->clock) - began_ms;
	/* all services are up; an idle session would only be dropped in the middle of a long run */
	lockdown_close(&run->lockdown);
	r = exchange_serve(&run->exchange, &response, err);
	repo_session_stats(session, &report->stats);
	return run_end(run, r, &response, "back up", err);
}

/* keep - prove and commit */
static int keep(struct run *run, struct repo *repo, struct repo_session *session,
		const struct job_backup_wish *wish, struct job_backup_report *report,
		struct err *err)
{
	struct proof proof;
	int r;

	exchange_phase(&run->exchange, "checking");
	r = repo_session_remove(session, "Snapshot", err);
	if (r == 0)
		r = repo_session_drain(session, err);
	if (r == 0)
		r = proof_of_backup(run->env, session, wish->password, &report->snapshot,
				    &report->problems, &proof, err);
	if (r < 0)
		return r;
	report->was_checked = proof.was_checked;
	report->drifted = proof.drifted;
	report->is_encrypted = report->snapshot.is_encrypted;
	report->is_full = report->snapshot.is_full;
	exchange_phase(&run->exchange, "committing");
	return snapshot_commit(run->env, repo, session, report, err);
}

static int backup(struct run *run, const struct job_backup_wish *wish,
		  int (*opened)(void *arg, struct repo **repo, struct err *err), void *arg,
		  struct job_backup_report *report, int64_t began_ms, struct err *err)
{
	CLEANUP(repo_session_free_p) struct repo_session *session = NULL;
	CLEANUP(buf_clear) struct buf info = BUF_INIT(JOB_INFO_MAX);
	struct repo *repo = NULL;
	int r;

	report->device = run->facts;
	report->is_encrypted = run->facts.will_encrypt == JOB_YES;
	snapshot_begin(report);
	r = info_collect(&run->lockdown, &run->afc, &info, err);
	if (r == 0)
		r = opened(arg, &repo, err);
	if (r < 0)
		return r;
	if (wish->enrollment)
		report->snapshot.enrollment = *wish->enrollment;
	r = repo_session_begin(&session, repo, run->exchange.udid, wish->is_full, &report->start,
			       err);
	if (r == 0)
		r = directory_prepare(session, buf_slice(&info), err);
	if (r < 0)
		return r;
	buf_clear(&info);
	r = receive(run, session, wish, repo_path(repo), report, began_ms, err);
	if (r < 0)
		return r;
	run_release(run); /* the device is done; checking takes nothing from it */
	return keep(run, repo, session, wish, report, err);
}

int job_backup(const struct job_env *env, const struct job_device *device,
	       const struct job_backup_wish *wish,
	       int (*opened)(void *arg, struct repo **repo, struct err *err), void *arg,
	       struct job_backup_report *report, struct err *err)
{
	int64_t began_ms = clock_mono_ms(env->clock);
	struct run run;
	int r;

	r = run_open(&run, env, device, true, err);
	if (r == 0)
		r = backup(&run, wish, opened, arg, report, began_ms, err);
	run_release(&run);
	report->total_ms = clock_mono_ms(env->clock) - began_ms;
	return r;
}
