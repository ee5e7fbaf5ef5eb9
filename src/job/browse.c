/* browse - the files inside a backup, snapshot or folder, by domain and path, plain or encrypted */
#include "job/browse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void job_browse_close(struct job_browse *browse)
{
	if (!browse)
		return;
	backup_reader_clear(&browse->reader);
	backup_tree_close_p(&browse->tree);
	repo_view_close_p(&browse->view);
	free(browse);
}

void job_browse_close_p(struct job_browse **browse)
{
	job_browse_close(*browse);
	*browse = NULL;
}

/* open_reader - @browse has its tree: read what describes the backup, and open its manifest */
static int open_reader(struct job_browse **out, struct job_browse **ready,
		       const struct secret *password, struct err *err)
{
	struct job_browse *browse = *ready;
	int r = backup_reader_open(&browse->reader, browse->tree, password, err);

	if (r == BACKUP_WRONG_PASSWORD)
		return err_set(err, ERR_PASSWORD, "the password does not open %s", browse->name);
	if (r < 0)
		return err_wrap(err, r, "open %s", browse->name);
	note_from_backup(&browse->about, &browse->reader);
	if (!browse->reader.manifest && !browse->reader.properties.is_encrypted)
		return err_set(err, ERR_CORRUPT, "%s has no readable manifest", browse->name);
	r = browse->reader.manifest ? 0 : JOB_LOCKED;
	*out = STEAL(*ready);
	return r;
}

static int browse_new(struct job_browse **out, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_no_memory(err);
	backup_reader_init(&(*out)->reader);
	return 0;
}

int job_browse_open(struct job_browse **out, struct repo *repo, const struct job_snapshot *snapshot,
		    const struct secret *password, struct err *err)
{
	CLEANUP(job_browse_close_p) struct job_browse *browse = NULL;
	int r = browse_new(&browse, err);

	if (r < 0)
		return r;
	browse->about = *snapshot;
	snprintf(browse->name, sizeof(browse->name), "snapshot %s", snapshot->id);
	r = repo_view_open(&browse->view, repo, snapshot->id, err);
	if (r == 0)
		r = job_tree_snapshot(&browse->tree, browse->view, err);
	return r < 0 ? err_wrap(err, r, "open %s", browse->name)
		     : open_reader(out, &browse, password, err);
}

int job_browse_open_folder(struct job_browse **out, const char *dir, const struct secret *password,
			   struct err *err)
{
	CLEANUP(job_browse_close_p) struct job_browse *browse = NULL;
	char folder[JOB_UDID_MAX], udid[41];
	int r = browse_new(&browse, err);

	if (r < 0)
		return r;
	text_copy(browse->name, sizeof(browse->name), dir);
	r = job_tree_folder(&browse->tree, dir, folder, err);
	if (r < 0)
		return r;
	r = open_reader(out, &browse, password, err);
	if (r < 0)
		return r;
	browse = *out;
	if (link_udid_normalize(browse->reader.properties.udid, udid) ||
	    link_udid_normalize(browse->reader.info.udid, udid) ||
	    link_udid_normalize(folder, udid))
		text_copy(browse->about.udid, sizeof(browse->about.udid), udid);
	browse->about.time = browse->reader.status.date ? browse->reader.status.date
							: browse->reader.info.last_backup;
	browse = NULL;
	return r;
}

const struct job_snapshot *job_browse_about(const struct job_browse *browse)
{
	return &browse->about;
}

int job_browse_management(struct job_browse *browse, struct backup_management **out,
			  struct err *err)
{
	struct backup_reader_lookup lookup;

	backup_reader_lookup_init(&lookup, &browse->reader);
	return backup_management_read(out, &lookup.lookup, err);
}

char browse_type(const struct backup_file *file)
{
	if (S_ISDIR(file->mode) || file->flags == 2)
		return 'd';
	if (S_ISLNK(file->mode) || file->flags == 4)
		return 'l';
	return backup_file_is_regular(file) ? '-' : '?';
}

/* struct listing - what is told so far */
struct listing {
	struct job_browse *browse;
	enum job_listing kind;
	const char *path;
	size_t path_len;
	int (*each)(void *arg, const struct job_item *item, struct err *err);
	void *arg;
	uint64_t told;
	char last_domain[BACKUP_DOMAIN_LEN_MAX + 1], last_child[PATH_LEN_MAX + 1];
};

static int tell(struct listing *listing, const char *domain, const char *path,
		const struct backup_file *file, struct err *err)
{
	const struct job_item item = {domain, path, file};

	listing->told++;
	return listing->each(listing->arg, &item, err);
}

/* is_beneath - does @path stand at (rest "") or below the listed one? @rest: what follows it */
static bool is_beneath(const struct listing *listing, const char *path, const char **rest)
{
	if (strncmp(path, listing->path, listing->path_len) != 0)
		return false;
	*rest = path + listing->path_len;
	if (listing->path_len == 0)
		return true;
	if (**rest == '/') {
		(*rest)++;
		return **rest != 0;
	}
	return **rest == 0;
}

static int tell_child(struct listing *listing, const struct backup_file *file, const char *rest,
		      struct err *err)
{
	const char *slash = strchr(rest, '/');
	char child[PATH_LEN_MAX + 1];
	size_t len;

	if (!*rest) /* the listed path itself: a folder is told by what is in it */
		return browse_type(file) == 'd'
			       ? 0
			       : tell(listing, file->domain, file->path, file, err);
	if (!slash)
		return tell(listing, file->domain, file->path, file, err);
	/* folders have rows of their own; one that has none is implied by what is below it */
	len = (size_t)(slash - file->path);
	if (len > PATH_LEN_MAX)
		return 0;
	memcpy(child, file->path, len);
	child[len] = 0;
	if (!strcmp(child, listing->last_child))
		return 0;
	memcpy(listing->last_child, child, len + 1);

	struct backup_file own;
	char domain[BACKUP_DOMAIN_LEN_MAX + 1];

	text_copy(domain, sizeof(domain), file->domain);
	if (backup_manifest_find(listing->browse->reader.manifest, domain, child, &own, err) !=
	    BACKUP_ABSENT)
		return 0;
	return tell(listing, domain, child, NULL, err);
}

static int tell_row(struct listing *listing, const struct backup_file *file, struct err *err)
{
	const char *rest;

	if (listing->kind == JOB_LIST_DOMAINS) {
		if (!strcmp(listing->last_domain, file->domain))
			return 0;
		text_copy(listing->last_domain, sizeof(listing->last_domain), file->domain);
		return tell(listing, file->domain, "", NULL, err);
	}
	if (!is_beneath(listing, file->path, &rest))
		return 0;
	return listing->kind != JOB_LIST_CHILDREN
		       ? tell(listing, file->domain, file->path, file, err)
		       : tell_child(listing, file, rest, err);
}

int job_browse_list(struct job_browse *browse, enum job_listing kind, const char *domain,
		    const char *path,
		    int (*each)(void *arg, const struct job_item *item, struct err *err), void *arg,
		    uint64_t *damaged, struct err *err)
{
	struct backup_manifest *manifest = browse->reader.manifest;
	struct listing listing = {.browse = browse,
				  .kind = kind,
				  .path = path,
				  .path_len = strlen(path),
				  .each = each,
				  .arg = arg};
	struct backup_file file;
	int r;

	*damaged = 0;
	r = backup_manifest_rewind(manifest,
				   kind == JOB_LIST_UNSORTED ? BACKUP_ORDER_STORED
							     : BACKUP_ORDER_DOMAIN_PATH,
				   domain, err);
	while (r == 0) {
		r = kind == JOB_LIST_DOMAINS ? backup_manifest_next_name(manifest, &file, err)
					     : backup_manifest_next(manifest, &file, err);
		if (r == BACKUP_END)
			break;
		if (r == BACKUP_DAMAGED) {
			(*damaged)++;
			r = 0;
			continue;
		}
		if (r == 0)
			r = tell_row(&listing, &file, err);
	}
	if (r != BACKUP_END)
		return r;
	if (!listing.told && (domain || *path)) {
		/* an empty folder is there and has nothing to tell */
		r = backup_manifest_find(manifest, domain ? domain : "", path, &file, err);
		if (r == BACKUP_ABSENT)
			return err_set(err, ERR_NOT_FOUND,
				       "nothing at %s%s%s in this snapshot: `rehome ls` lists "
				       "what there is",
				       domain ? domain : "", *path ? "/" : "", path);
		return r < 0 ? r : 0;
	}
	return 0;
}

/* length_of - of the plain content that is @stored bytes long on disk */
static int length_of(struct job_browse *browse, const struct backup_file *file, uint64_t stored,
		     uint64_t *len, struct err *err)
{
	CLEANUP(source_close_p) struct source *content = NULL;
	unsigned notes = 0;
	int r;

	*len = file->size;
	if (!browse->reader.bag || !file->key.len) {
		*len = stored;
		return 0;
	}
	if (stored == backup_stored_len(file->size))
		return 0;
	r = backup_reader_content(&browse->reader, file, &content, &notes, err);
	if (r == 0)
		*len = content->len;
	/* a file that does not open is there all the same: who reads it is told */
	return r == ERR_CORRUPT || r > 0 ? 0 : r;
}

int job_browse_length(struct job_browse *browse, const struct backup_file *file, uint64_t *len,
		      struct err *err)
{
	struct backup_tree *tree = browse->reader.tree;
	char path[BACKUP_FILE_ID_LEN + 4];
	uint64_t stored;
	int r;

	*len = file->size;
	snprintf(path, sizeof(path), "%.2s/%s", file->file_id, file->file_id);
	r = tree->stat(tree, path, &stored, err);
	return r < 0 ? r : r == 0 ? length_of(browse, file, stored, len, err) : 0;
}

int job_browse_length_of(struct job_browse *browse, const char *file_id, uint64_t *len,
			 struct err *err)
{
	struct backup_file file;
	int r = backup_manifest_find_id(browse->reader.manifest, file_id, &file, err);

	if (r > 0)
		return err_set(err, ERR_NOT_FOUND, "no row has the fileID %s", file_id);
	return r < 0 ? r : job_browse_length(browse, &file, len, err);
}

struct contents {
	int (*each)(void *arg, const char *file_id, uint64_t stored, struct err *err);
	void *arg;
};

static int contents_each(void *arg, const char *path, uint64_t size, struct err *err)
{
	const char *file_id = strchr(path, '/');
	struct contents *contents = arg;

	return file_id && backup_file_id_is_valid(file_id + 1)
		       ? contents->each(contents->arg, file_id + 1, size, err)
		       : 0;
}

int job_browse_contents(struct job_browse *browse,
			int (*each)(void *arg, const char *file_id, uint64_t stored,
				    struct err *err),
			void *arg, struct err *err)
{
	struct contents contents = {each, arg};

	return browse->reader.tree->walk(browse->reader.tree, contents_each, &contents, err);
}

int job_browse_open_file(struct job_browse *browse, const char *domain, const char *path,
			 struct source **out, unsigned *notes, struct err *err)
{
	struct backup_file file;
	int r = backup_manifest_find(browse->reader.manifest, domain, path, &file, err);

	if (r < 0)
		return r;
	if (r == BACKUP_DAMAGED)
		return ERR_CORRUPT;
	if (r == BACKUP_ABSENT)
		return err_set(err, ERR_NOT_FOUND,
			       "no file %s%s%s in this snapshot: `rehome ls` lists them", domain,
			       *path ? "/" : "", path);
	if (!backup_file_is_regular(&file))
		return err_set(err, ERR_USAGE,
			       "%s%s%s is a folder or a link: `rehome ls` lists what is in it",
			       domain, *path ? "/" : "", path);
	r = backup_reader_content(&browse->reader, &file, out, notes, err);
	if (r == BACKUP_ABSENT)
		return err_set(err, ERR_CORRUPT, "the content of %s/%s is missing", domain, path);
	return r;
}
