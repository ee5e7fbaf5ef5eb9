/*
 * export - a snapshot as a backup folder, byte for byte
 *
 * Written under a temporary name beside its place and renamed when all of it is on the disk:
 * a folder of the right name is a whole one.
 */
#include "job/files.h"
#include "job/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct exporting {
	const struct job_env *env;
	struct repo_view *view;
	struct files files;
	struct progress_state state;
};

static int export_each(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct exporting *exporting = arg;
	CLEANUP(source_close_p) struct source *source = NULL;
	int r = path_check_relative(entry->path, strlen(entry->path), err);

	if (r < 0)
		return r;
	if (entry->is_directory) {
		r = files_folder(&exporting->files, entry->path, err);
		return r == FILES_REFUSED ? ERR_IO : r;
	}
	r = repo_view_read(exporting->view, entry->path, &source, err);
	if (r == REPO_ABSENT)
		return err_set(err, ERR_CORRUPT, "%s is listed and not there", entry->path);
	if (r == 0)
		r = files_copy(&exporting->files, entry->path, source, err);
	if (r == FILES_REFUSED)
		r = ERR_IO;
	exporting->state.files = exporting->files.count;
	exporting->state.bytes = exporting->files.total;
	progress_report(exporting->env->progress, &exporting->state);
	return r;
}

/* publish - onto the disk, then to its name */
static int publish(struct exporting *exporting, const char *dir, const char *place, struct err *err)
{
	struct fs *fs = exporting->env->fs;
	int r = files_sync(&exporting->files, err);

	if (r < 0)
		return r;
	fs->rmdir(fs, place); /* an empty one of that name may be there */
	r = fs->rename_new(fs, exporting->files.root, place);
	if (r == -EEXIST)
		return err_set(err, ERR_EXISTS, "%s appeared meanwhile", place);
	if (r == 0)
		r = fs->dir_sync(fs, dir);
	return r < 0 ? err_set_errno(err, -r, "name the folder %s", place) : 0;
}

static int export_into(const struct job_env *env, struct repo_view *view, const char *dir,
		       const char *temporary, const char *place, struct job_copy_report *report,
		       struct err *err)
{
	const struct repo_snapshot *head = repo_view_snapshot(view);
	struct exporting exporting = {
		.env = env,
		.view = view,
		.state = {.phase = "exporting",
			  .files_total = head->files,
			  .bytes_total = head->bytes},
	};
	int r;

	progress_report(env->progress, &exporting.state); /* its first line, before any file */
	r = files_init(&exporting.files, env->fs, env->cancel, temporary, err);
	if (r == 0)
		r = fs_mkdirs(env->fs, temporary, 0700, err);
	if (r == 0)
		r = repo_view_walk(view, "", export_each, &exporting, err);
	if (r == 0)
		r = publish(&exporting, dir, place, err);
	report->files = exporting.files.count;
	report->bytes = exporting.files.total;
	files_clear(&exporting.files);
	return r;
}

int job_export(const struct job_env *env, struct repo *repo, const struct job_snapshot *snapshot,
	       const char *dir, struct job_copy_report *report, struct err *err)
{
	CLEANUP(repo_view_close_p) struct repo_view *view = NULL;
	char temporary[1100], hex[17];
	uint8_t salt[8];
	int r;

	*report = (struct job_copy_report){0};
	if (!*dir || strlen(dir) > 900)
		return err_set(err, ERR_USAGE, "a folder name of %zu bytes", strlen(dir));
	r = path_check_relative(snapshot->udid, strlen(snapshot->udid), err);
	if (r == 0)
		r = env->entropy->fill(env->entropy, salt, sizeof(salt), err);
	if (r < 0)
		return r;
	hex_encode(salt, sizeof(salt), hex);
	snprintf(report->path, sizeof(report->path), "%s/%s", dir, snapshot->udid);
	snprintf(temporary, sizeof(temporary), "%s/.%s.partial-%s", dir, snapshot->udid, hex);
	r = repo_view_open(&view, repo, snapshot->id, err);
	if (r == 0)
		r = files_is_free(env->fs, report->path, err);
	if (r < 0)
		return r;
	r = export_into(env, view, dir, temporary, report->path, report, err);
	if (r < 0) {
		struct err ignored = ERR_INIT;

		fs_remove_tree(env->fs, temporary, &ignored);
		return err_wrap(err, r, "export %s", snapshot->id);
	}
	return 0;
}
