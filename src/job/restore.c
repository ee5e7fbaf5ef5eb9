/*
 * restore - a snapshot back onto a device
 *
 * A device finds a missing file or a wrong digest in the middle, when its old contents are
 * gone.  So everything is checked here first: contents, identity, version, password.
 */
#include "job/run.h"

#include <string.h>

#define APPS_FOLDER "/iTunesRestore"
#define APPS_FILE APPS_FOLDER "/RestoreApplications.plist"

static void facts_source(const struct backup_reader *reader, struct job_restore_facts *facts)
{
	note_from_backup(&facts->source, reader);
	facts->is_finished = reader->has_status && reader->status.snapshot_state == BACKUP_FINISHED;
}

static void facts_target(const struct job_facts *target, struct job_restore_facts *facts)
{
	facts->target = *target;
	facts->is_target_simulated =
		udid_is_reserved(target->udid) && serial_is_reserved(target->serial);
	facts->is_same_device = !strcmp(target->udid, facts->source.udid);
}

/* source_read - the lists of the backup, and that the password opens it */
static int source_read(struct backup_tree *tree, const struct secret *password,
		       struct job_restore_facts *facts, struct err *err)
{
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	int r;

	backup_reader_init(&reader);
	r = backup_reader_open(&reader, tree, password, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return err_set(err, ERR_PASSWORD, "the password does not open this backup");
	if (r < 0)
		return r;
	facts_source(&reader, facts);
	if (!reader.has_properties || !reader.has_status || !reader.has_info)
		return err_set(err, ERR_CORRUPT, "the snapshot lacks %s",
			       !reader.has_properties ? "Manifest.plist"
			       : !reader.has_status   ? "Status.plist"
						      : "Info.plist");
	if (facts->source.is_encrypted && !password)
		return err_set(err, ERR_PASSWORD,
			       "the backup is encrypted: the device needs its password");
	return 0;
}

int job_restore_check(const struct job_env *env, struct repo *repo,
		      const struct job_snapshot *source, const struct job_device *target,
		      const struct job_restore_wish *wish,
		      void (*found)(void *arg, const struct backup_finding *finding), void *arg,
		      struct job_restore_facts *facts, struct err *err)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(repo_view_close_p) struct repo_view *view = NULL;
	enum job_ownership ownership;
	struct job_facts device;
	int r;

	*facts = (struct job_restore_facts){.source = *source};
	r = job_ownership_get(repo, source->udid, &ownership, err);
	facts->is_personal = r == 0 && ownership == JOB_OWNER_PERSONAL;
	if (r == 0)
		r = job_device_facts(env, target, &device, err);
	if (r < 0)
		return r;
	facts_target(&device, facts);
	r = repo_view_open(&view, repo, source->id, err);
	if (r == 0)
		r = job_tree_snapshot(&tree, view, err);
	if (r == 0)
		r = source_read(tree, wish->password, facts, err);
	if (r < 0)
		return err_wrap(err, r, "snapshot %s", source->id);
	/* what can be refused at once is refused before the long look at every file */
	r = job_restore_admit(facts, err);
	if (r == 0)
		r = backup_verify(tree, wish->password, found, arg, env->progress, env->cancel,
				  &facts->verdict, err);
	return r < 0 ? r : job_restore_admit(facts, err);
}

/* applications_read - the Applications of Info.plist as a document of its own; JOB_ABSENT when
 * there are none */
static int applications_read(struct repo_view *view, struct buf *out, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(JOB_INFO_MAX);
	const struct plist *root = NULL, *apps;
	int r;

	r = repo_view_read(view, "Info.plist", &source, err);
	if (r != 0)
		return r < 0 ? r : (int)JOB_ABSENT;
	r = source_read_all(source, &bytes, err);
	if (r == 0)
		r = plist_doc_new(&doc, err);
	if (r == 0)
		r = plist_parse(doc, buf_slice(&bytes), &limits, &root, err);
	if (r < 0)
		return err_wrap(err, r, "read Info.plist");
	apps = plist_get_dict(root, "Applications");
	if (!apps || !apps->as.items.count)
		return JOB_ABSENT;
	return plist_write_xml(doc, apps, out, err);
}

/* apps_leave - what the device reads after its restart to fetch the apps again */
static int apps_leave(struct run *run, struct repo_view *view, struct err *err)
{
	CLEANUP(buf_clear) struct buf apps = BUF_INIT(JOB_INFO_MAX);
	int r = applications_read(view, &apps, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = afc_make_dir(&run->afc, APPS_FOLDER, err);
	if (r == 0)
		r = afc_write_file(&run->afc, APPS_FILE, buf_slice(&apps), err);
	return r < 0 ? err_wrap(err, r, "leave the list of apps on the device") : 0;
}

static void apps_take_back(struct run *run)
{
	struct err ignored = ERR_INIT;

	if (run->afc.is_open && afc_remove(&run->afc, APPS_FILE, &ignored) == 0)
		afc_remove(&run->afc, APPS_FOLDER, &ignored);
}

static int restore_request(struct run *run, const char *target, const char *source,
			   const struct job_restore_wish *wish, struct err *err)
{
	const struct link_restore_options options = {
		.system_files = wish->system_files,
		.should_reboot = wish->should_reboot,
		.dont_copy = wish->dont_copy,
		.preserve_settings = wish->preserve_settings,
		.remove_not_restored = wish->remove_not_restored,
	};
	CLEANUP(buf_wipe) struct buf frame = BUF_INIT(64 << 10);
	int r = link_mb_restore(&frame, target, source, &options, wish->password, err);

	return r < 0 ? r : exchange_request(&run->exchange, buf_slice(&frame), err);
}

static int serve(struct run *run, struct err *err)
{
	struct mb_response response = {0};
	int r = exchange_serve(&run->exchange, &response, err);

	/* a device that restarts at once may take its last word with it: neither success nor
	 * failure */
	if (r == ERR_CLOSED && run->exchange.state.device_percent >= 100)
		return err_set(err, r,
			       "the device hung up after the last file without saying how it "
			       "ended: look at its screen");
	return run_end(run, r, &response, "restore", err);
}

static int restore(struct run *run, struct repo *repo, const struct job_restore_facts *facts,
		   const struct job_device *target, const struct job_restore_wish *wish,
		   struct job_restore_report *report, struct err *err)
{
	CLEANUP(repo_view_close_p) struct repo_view *view = NULL;
	CLEANUP(job_problems_clear) struct job_problems problems = JOB_PROBLEMS_INIT;
	struct job_restore_facts now = *facts;
	struct shelf_view shelf;
	int r;

	/* the device may have been exchanged or changed since it was looked at */
	facts_target(&run->facts, &now);
	r = job_restore_admit(&now, err);
	if (r == 0)
		r = repo_view_open(&view, repo, facts->source.id, err);
	if (r == 0 && !wish->skip_apps)
		r = apps_leave(run, view, err);
	if (r < 0)
		return r;
	shelf_view_init(&shelf, view);
	run->exchange.shelf = &shelf.shelf;
	run->exchange.udid = facts->source.udid;
	run->exchange.problems = &problems;
	run->exchange.state.bytes_total = facts->verdict.bytes;
	run->exchange.state.files_total = facts->verdict.files;
	exchange_phase(&run->exchange, "waiting for %s", now.target.name);
	r = restore_request(run, target->udid, facts->source.udid, wish, err);
	if (r == 0) {
		lockdown_close(&run->lockdown);
		r = serve(run, err);
	}
	report->files = run->exchange.files_out;
	report->bytes = run->exchange.state.bytes;
	report->is_rebooting = wish->should_reboot;
	if (r < 0 && !wish->skip_apps)
		apps_take_back(run);
	return r;
}

int job_restore(const struct job_env *env, struct repo *repo, const struct job_restore_facts *facts,
		const struct job_device *target, const struct job_restore_wish *wish,
		struct job_restore_report *report, struct err *err)
{
	struct run run;
	int r;

	*report = (struct job_restore_report){0};
	r = job_restore_admit(facts, err);
	if (r < 0)
		return r;
	r = run_open(&run, env, target, true, err);
	if (r == 0)
		r = restore(&run, repo, facts, target, wish, report, err);
	run_release(&run);
	return r;
}
