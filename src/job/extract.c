/*
 * extract - plain contents of a backup as files on this disk, and what was left out
 *
 * What cannot be written is told with its reason and does not end the work: a backup that lacks
 * some contents still gives the others.  Names are hostile: only what path_check_relative
 * accepts is made, into a folder that was empty, and no link is made or followed.
 */
#include "job/browse.h"
#include "job/files.h"

#include <ctype.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

enum {
	WHOLE_PATH_MAX = BACKUP_DOMAIN_LEN_MAX + PATH_LEN_MAX + 2,
	TEAM_ID_LEN = 10,
	XATTR_NAME_LEN_MAX = 255, /* of Linux, with its "user." */
};

struct extraction {
	struct job_browse *browse;
	const struct job_env *env;
	const struct job_extract_wish *wish;
	struct job_extract_report *report;
	struct files files;
	struct progress_state state;
	struct plist_doc *doc; /* attributes of one file */
	uint64_t selected;
};

/* ---- what is wanted ---- */

static bool is_name_or_below(const char *name, const char *bundle)
{
	size_t len = strlen(bundle);

	return !strncmp(name, bundle, len) && (name[len] == 0 || name[len] == '.');
}

/* without_team - what follows a team's id of ten capitals and digits, else @group */
static const char *without_team(const char *group)
{
	for (int i = 0; i < TEAM_ID_LEN; i++)
		if (!isupper((unsigned char)group[i]) && !isdigit((unsigned char)group[i]))
			return group;
	return group[TEAM_ID_LEN] == '.' ? group + TEAM_ID_LEN + 1 : group;
}

static const char *behind(const char *text, const char *start)
{
	size_t len = strlen(start);

	return strncmp(text, start, len) ? NULL : text + len;
}

bool browse_is_of_app(const char *domain, const char *bundle)
{
	const char *name, *group;

	if ((name = behind(domain, "AppDomain-")) != NULL)
		return !strcmp(name, bundle);
	if ((name = behind(domain, "AppDomainPlugin-")) != NULL)
		return is_name_or_below(name, bundle);
	if ((name = behind(domain, "AppDomainGroup-")) == NULL)
		return false;
	group = behind(name, "group.");
	return is_name_or_below(group ? group : without_team(name), bundle);
}

static bool is_wanted(const struct job_extract_wish *wish, const struct job_item *item)
{
	bool is_found = wish->app_count == 0;
	char name[WHOLE_PATH_MAX];

	for (size_t i = 0; i < wish->app_count && !is_found; i++)
		is_found = browse_is_of_app(item->domain, wish->apps[i]);
	if (!is_found || wish->pattern_count == 0)
		return is_found;
	/* names that do not fit are longer than any that is accepted: no pattern is for them */
	snprintf(name, sizeof(name), "%s/%s", item->domain, item->path);
	for (size_t i = 0; i < wish->pattern_count; i++)
		if (fnmatch(wish->patterns[i], name, 0) == 0)
			return true;
	return false;
}

/* name_is_usable - as a path on this disk: DOMAIN/PATH without anything that leaves the folder */
static bool name_is_usable(const struct job_item *item, char out[WHOLE_PATH_MAX], struct err *why)
{
	int n = snprintf(out, WHOLE_PATH_MAX, "%s%s%s", item->domain, *item->path ? "/" : "",
			 item->path);

	if (n >= WHOLE_PATH_MAX)
		return err_set(why, ERR_LIMIT, "the name is too long") == 0;
	if (strchr(item->domain, '/'))
		return err_set(why, ERR_PROTOCOL, "the domain's name holds a slash") == 0;
	return path_check_relative(item->domain, strlen(item->domain), why) == 0 &&
	       (!*item->path || path_check_relative(item->path, strlen(item->path), why) == 0);
}

/* ---- modes, dates and attributes ---- */

/* attributes_set - one by one, those that the disk takes; on @fd, or on @path when that is < 0 */
static void attributes_set(struct extraction *extraction, const struct backup_file *file, int fd,
			   const char *path)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *dict = NULL;
	struct err ignored = ERR_INIT;
	char name[XATTR_NAME_LEN_MAX + 1];
	struct slice value;
	int n;

	if (!file->xattrs.len)
		return;
	plist_doc_reset(extraction->doc);
	if (plist_parse(extraction->doc, file->xattrs, &limits, &dict, &ignored) < 0 ||
	    dict->type != PLIST_DICT) {
		extraction->report->attributes_lost++;
		return;
	}
	for (const struct plist *entry = dict->as.items.first; entry; entry = entry->next) {
		n = snprintf(name, sizeof(name), "user.%s", entry->key);
		value = entry->type == PLIST_DATA ? entry->as.data : SLICE_EMPTY;
		if (n < (int)sizeof(name) && entry->type == PLIST_DATA &&
		    (fd >= 0 ? fsetxattr(fd, name, value.bytes, value.len, XATTR_CREATE)
			     : lsetxattr(path, name, value.bytes, value.len, XATTR_CREATE)) == 0)
			extraction->report->attributes++;
		else
			extraction->report->attributes_lost++;
	}
}

/* times_of - a date alone is a convenience: without it the file is as good, so nobody asks */
static void times_of(const struct backup_file *file, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){.tv_sec = file->modified};
}

/* file_dress - in this order: attributes need a writable file, and both change the date */
static void file_dress(struct extraction *extraction, const struct backup_file *file, int fd)
{
	struct timespec times[2];

	if (extraction->wish->keeps_attributes)
		attributes_set(extraction, file, fd, NULL);
	if (extraction->wish->keeps_modes)
		fchmod(fd, file->mode & 0777);
	if (!file->modified)
		return;
	times_of(file, times);
	futimens(fd, times);
}

/* folder_dress - in a second round, when nothing more is made in it; its owner can always enter */
static int folder_dress(void *arg, const struct job_item *item, struct err *err)
{
	struct extraction *extraction = arg;
	char name[WHOLE_PATH_MAX], full[FILES_PATH_MAX];
	struct timespec times[2];
	struct err ignored = ERR_INIT;
	struct stat st;

	if (!item->file || browse_type(item->file) != 'd' || !is_wanted(extraction->wish, item) ||
	    !name_is_usable(item, name, &ignored) ||
	    files_path(&extraction->files, name, full, &ignored) < 0 || lstat(full, &st) < 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	if (extraction->wish->keeps_attributes)
		attributes_set(extraction, item->file, -1, full);
	if (extraction->wish->keeps_modes) {
		fchmodat(AT_FDCWD, full, (item->file->mode & 0777) | 0700, 0);
		times_of(item->file, times);
		if (item->file->modified)
			utimensat(AT_FDCWD, full, times, AT_SYMLINK_NOFOLLOW);
	}
	return cancel_check(extraction->env->cancel, err);
}

/* ---- one file ---- */

/* pour - the content into a new file; a half of one is not left behind */
static int pour(struct extraction *extraction, const struct backup_file *file, const char *name,
		struct source *content, struct err *err)
{
	struct files *files = &extraction->files;
	struct err ignored = ERR_INIT;
	char full[FILES_PATH_MAX];
	int fd = -1, r;

	r = files_create(files, name, &fd, err);
	if (r != 0)
		return r;
	r = backup_content_copy(content, fd, extraction->env->cancel, err);
	if (r < 0) {
		files->fs->close(files->fs, fd);
		if (files_path(files, name, full, &ignored) == 0)
			files->fs->unlink(files->fs, full);
		return r;
	}
	file_dress(extraction, file, fd);
	return files_end(files, fd, content->len, err);
}

static int file_write(struct extraction *extraction, const struct backup_file *file,
		      const char *name, enum job_fate *fate, struct err *err)
{
	CLEANUP(source_close_p) struct source *content = NULL;
	unsigned notes = 0;
	int r = backup_reader_content(&extraction->browse->reader, file, &content, &notes, err);

	if (r == BACKUP_ABSENT) {
		err_set(err, ERR_CORRUPT, "the backup lacks its content");
		*fate = JOB_LEFT_MISSING;
		return 0;
	}
	if (r == 0)
		r = pour(extraction, file, name, content, err);
	if (r == FILES_REFUSED)
		*fate = JOB_LEFT_NAME;
	else if (r == ERR_CORRUPT)
		*fate = JOB_LEFT_DAMAGED;
	else if (r < 0)
		return r;
	else if (notes & BACKUP_NOTE_PADDING_INVALID) {
		err_set(err, ERR_CORRUPT, "its cipher padding is damaged: the end may be wrong");
		*fate = JOB_WRITTEN_DOUBTFUL;
	}
	return 0;
}

/* item_write - whatever @item is; @why says why it is left out, or what is wrong with it */
static int item_write(struct extraction *extraction, const struct job_item *item,
		      enum job_fate *fate, struct err *why)
{
	char name[WHOLE_PATH_MAX], type = browse_type(item->file);
	int r;

	*fate = JOB_WRITTEN;
	if (!name_is_usable(item, name, why)) {
		*fate = JOB_LEFT_NAME;
		return 0;
	}
	if (type == '-')
		return file_write(extraction, item->file, name, fate, why);
	if (type == 'd') {
		r = files_folder(&extraction->files, name, why);
		*fate = r == FILES_REFUSED ? JOB_LEFT_NAME : JOB_WRITTEN;
		extraction->report->folders += r == 0;
		return r < 0 ? r : 0;
	}
	err_set(why, ERR_UNSUPPORTED, "%s", type == 'l' ? "a link" : "neither file nor folder");
	*fate = JOB_LEFT_LINK;
	return 0;
}

static int extract_each(void *arg, const struct job_item *item, struct err *err)
{
	struct extraction *extraction = arg;
	struct job_extracted extracted = {.item = item};
	struct err why = ERR_INIT;
	int r = cancel_check(extraction->env->cancel, err);

	if (r < 0)
		return r;
	if (!item->file || !is_wanted(extraction->wish, item))
		return 0;
	extraction->selected++;
	extracted.bytes = extraction->files.total;
	r = item_write(extraction, item, &extracted.fate, &why);
	if (r < 0) {
		*err = why;
		return r;
	}
	extracted.bytes = extraction->files.total - extracted.bytes;
	extracted.why = why.text;
	extraction->report->fates[extracted.fate]++;
	extraction->state.files = extraction->files.count;
	extraction->state.bytes = extraction->files.total;
	progress_report(extraction->env->progress, &extraction->state);
	return extraction->wish->each
		       ? extraction->wish->each(extraction->wish->arg, &extracted, err)
		       : 0;
}

/* ---- all of them ---- */

static int extract_all(struct extraction *extraction, const char *dir, struct err *err)
{
	const struct job_extract_wish *wish = extraction->wish;
	uint64_t damaged = 0, again;
	int r;

	r = job_browse_list(extraction->browse, JOB_LIST_ALL, wish->domain, wish->path,
			    extract_each, extraction, &damaged, err);
	extraction->report->rows_damaged = damaged;
	if (r == 0 && !extraction->selected && (wish->app_count || wish->pattern_count))
		return err_set(err, ERR_NOT_FOUND,
			       "nothing in this backup is what was asked for: `rehome ls` lists "
			       "what there is");
	if (r == 0) /* the files made it; a selection of links alone makes none */
		r = fs_mkdirs(extraction->env->fs, dir, 0700, err);
	if (r == 0 && (wish->keeps_modes || wish->keeps_attributes))
		r = job_browse_list(extraction->browse, JOB_LIST_ALL, wish->domain, wish->path,
				    folder_dress, extraction, &again, err);
	return r;
}

int job_browse_extract(struct job_browse *browse, const struct job_env *env,
		       const struct job_extract_wish *wish, const char *dir,
		       struct job_extract_report *report, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct extraction extraction = {.browse = browse,
					.env = env,
					.wish = wish,
					.report = report,
					.state = {.phase = "extracting"}};
	int r = plist_doc_new(&doc, err);

	*report = (struct job_extract_report){0};
	extraction.doc = doc;
	progress_report(env->progress, &extraction.state);
	/* into a folder of its own: what lies there already could be a link to somewhere else */
	if (r == 0)
		r = files_is_free(env->fs, dir, err);
	if (r == 0)
		r = files_init(&extraction.files, env->fs, env->cancel, dir, err);
	if (r == 0)
		r = extract_all(&extraction, dir, err);
	report->files = extraction.files.count;
	report->bytes = extraction.files.total;
	files_clear(&extraction.files);
	return r;
}
