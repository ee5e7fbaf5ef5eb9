/*
 * import - an existing backup folder becomes a snapshot
 *
 * Verified first: a repository holds what can be restored, not what somebody hoped for.
 * Everything in the folder is taken as it is, so that an export gives it back byte for byte.
 */
#include "job/internal.h"

#include <stdlib.h>
#include <string.h>

enum { IMPORT_STEP = 1 << 20 };

struct importing {
	const struct job_env *env;
	struct backup_tree *tree;
	struct repo_session *session;
	bool is_encrypted;
	uint8_t *bytes;
	struct progress_state state;
};

static int upload(struct importing *importing, const char *path, struct source *source,
		  struct err *err)
{
	struct repo_session *session = importing->session;
	uint64_t at = 0;
	ssize_t n;
	int r;

	r = repo_upload_begin(session, path, shelf_content(path, importing->is_encrypted), err);
	while (r == 0) {
		n = source->read(source, at, importing->bytes, IMPORT_STEP, err);
		if (n == 0)
			return repo_upload_end(session, err);
		r = n < 0 ? (int)n
			  : repo_upload_write(session, slice_of(importing->bytes, (size_t)n), err);
		at += n > 0 ? (uint64_t)n : 0;
		if (r == 0)
			r = cancel_check(importing->env->cancel, err);
	}
	repo_upload_drop(session);
	return r;
}

static int import_each(void *arg, const char *path, uint64_t size, struct err *err)
{
	struct importing *importing = arg;
	CLEANUP(source_close_p) struct source *source = NULL;
	int r = path_check_relative(path, strlen(path), err);

	if (r == 0)
		r = importing->tree->open(importing->tree, path, &source, err);
	if (r == BACKUP_ABSENT)
		return err_set(err, ERR_IO, "%s vanished while it was read", path);
	if (r == 0)
		r = upload(importing, path, source, err);
	if (r < 0)
		return err_wrap(err, r, "take in %s", path);
	importing->state.files++;
	importing->state.bytes += size;
	progress_report(importing->env->progress, &importing->state);
	return 0;
}

/* identity_read - whose backup it is: the device's own word in Manifest.plist before the folder's
 * name */
static int identity_read(struct backup_tree *tree, const char *folder,
			 const struct secret *password, const struct job_env *env,
			 struct job_snapshot *snapshot, struct err *err)
{
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	int64_t now = clock_wall_seconds(env->clock);
	char udid[41];
	int r;

	backup_reader_init(&reader);
	r = backup_reader_open(&reader, tree, password, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return err_set(err, ERR_PASSWORD, "the password does not open this backup");
	if (r < 0)
		return r;
	if (!link_udid_normalize(reader.properties.udid, udid) &&
	    !link_udid_normalize(folder, udid) && !link_udid_normalize(reader.info.udid, udid))
		return err_set(err, ERR_CORRUPT,
			       "neither Manifest.plist nor the folder's name tells a UDID");
	text_copy(snapshot->udid, sizeof(snapshot->udid), udid);
	note_from_backup(snapshot, &reader);
	snapshot->is_simulated = snapshot->is_simulated || udid_is_reserved(folder);
	snapshot->is_import = true;
	/* its own time puts it among the other snapshots where it belongs */
	snapshot->time = now;
	if (reader.has_status && reader.status.date > 0 && reader.status.date <= now)
		snapshot->time = reader.status.date;
	return note_management(snapshot, &reader, err);
}

static int take_in(struct importing *importing, struct repo *repo, struct job_snapshot *snapshot,
		   struct err *err)
{
	CLEANUP(repo_session_free_p) struct repo_session *session = NULL;
	CLEANUP(buf_clear) struct buf note = BUF_INIT(REPO_NOTE_LEN_MAX);
	struct repo_session_start start;
	char id[REPO_ID_LEN + 1];
	int r;

	r = repo_session_begin(&session, repo, snapshot->udid, true, &start, err);
	if (r < 0)
		return r;
	importing->session = session;
	r = importing->tree->walk(importing->tree, import_each, importing, err);
	if (r == 0)
		r = note_write(snapshot, NULL, &note, err);
	if (r == 0)
		r = repo_session_commit(session, snapshot->time, buf_slice(&note), id, err);
	if (r == REPO_CONFLICT)
		return err_set(err, ERR_BUSY,
			       "another run made a snapshot of this device meanwhile: run again");
	if (r < 0)
		return r;
	text_copy(snapshot->id, sizeof(snapshot->id), id);
	return 0;
}

int job_import(const struct job_env *env, struct repo *repo, const char *dir,
	       const struct secret *password,
	       void (*found)(void *arg, const struct backup_finding *finding), void *arg,
	       struct job_snapshot *snapshot, struct job_copy_report *report, struct err *err)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(free_p) uint8_t *bytes = malloc(IMPORT_STEP);
	struct importing importing = {.env = env, .bytes = bytes, .state = {.phase = "taking in"}};
	struct backup_verdict verdict;
	char folder[JOB_UDID_MAX];
	int r;

	*snapshot = (struct job_snapshot){0};
	*report = (struct job_copy_report){0};
	if (!bytes)
		return err_no_memory(err);
	r = job_tree_folder(&tree, dir, folder, err);
	if (r == 0)
		r = identity_read(tree, folder, password, env, snapshot, err);
	if (r == 0)
		r = backup_verify(tree, password, found, arg, env->progress, env->cancel, &verdict,
				  err);
	if (r < 0)
		return err_wrap(err, r, "%s", dir);
	if (verdict.problems)
		return err_set(err, ERR_CORRUPT, "%s has %llu problems: it is not taken in", dir,
			       (unsigned long long)verdict.problems);
	importing.tree = tree;
	importing.is_encrypted = snapshot->is_encrypted;
	importing.state.files_total = verdict.files;
	importing.state.bytes_total = verdict.bytes;
	r = take_in(&importing, repo, snapshot, err);
	report->files = importing.state.files;
	report->bytes = importing.state.bytes;
	snapshot->files = report->files;
	snapshot->bytes = report->bytes;
	return r < 0 ? err_wrap(err, r, "import %s", dir) : 0;
}
