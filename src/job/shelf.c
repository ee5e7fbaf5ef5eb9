/*
 * shelf - the virtual directory that a device is shown
 *
 * A backup writes into a repository session, a restore reads from a snapshot; the device
 * asks the same questions of both.  Paths arrive here already inside "<UDID>/" and checked.
 */
#include "job/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

int shelf_path(const char *udid, const char *path, size_t len, char out[REPO_PATH_LEN_MAX + 1],
	       struct err *err)
{
	size_t udid_len = strlen(udid);
	char quoted[400];
	int r;

	if (len > 1 && path[len - 1] == '/') /* a folder, as some write it */
		len--;
	r = path_check_relative(path, len, err);
	if (r < 0)
		return r;
	if (len < udid_len || memcmp(path, udid, udid_len) != 0 ||
	    (len > udid_len && path[udid_len] != '/'))
		return err_set(err, ERR_PROTOCOL, "the name %s is not inside the folder of %s",
			       text_quote(path, len, quoted), udid);
	if (len == udid_len) {
		out[0] = 0;
		return 0;
	}
	len -= udid_len + 1;
	if (len > REPO_PATH_LEN_MAX)
		return err_set(err, ERR_LIMIT, "a name of %zu bytes", len);
	memcpy(out, path + udid_len + 1, len);
	out[len] = 0;
	return 0;
}

/* base_name - the last component, without the folder of an unfinished run */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

enum repo_content shelf_content(const char *path, bool is_encrypted)
{
	const char *name = base_name(path);

	if (!strcmp(name, "Manifest.db"))
		return is_encrypted ? REPO_CONTENT_OPAQUE : REPO_CONTENT_BLOCKS;
	/* property lists are never encrypted; what is named by a fileID is, in an encrypted backup
	 */
	if (is_encrypted && backup_file_id_is_valid(name))
		return REPO_CONTENT_OPAQUE;
	return REPO_CONTENT_ANY;
}

/* ---- over a session ---- */

static struct repo_session *session_of(struct shelf *shelf)
{
	return ((struct shelf_session *)shelf)->session;
}

static int session_stat(struct shelf *shelf, const char *path, struct repo_entry *entry,
			struct err *err)
{
	return repo_session_stat(session_of(shelf), path, entry, err);
}

static int session_list(struct shelf *shelf, const char *path,
			int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
			void *arg, struct err *err)
{
	return repo_session_list(session_of(shelf), path, each, arg, err);
}

static int session_read(struct shelf *shelf, const char *path, struct source **out, struct err *err)
{
	return repo_session_read(session_of(shelf), path, out, err);
}

static int session_make_dir(struct shelf *shelf, const char *path, struct err *err)
{
	return *path ? repo_session_mkdir(session_of(shelf), path, err) : 0;
}

static int session_move(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	return repo_session_move(session_of(shelf), from, to, err);
}

static int session_copy(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	return repo_session_copy(session_of(shelf), from, to, err);
}

static int child_name(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct buf *names = arg;

	return buf_append(names, entry->path, strlen(entry->path) + 1, err);
}

static int session_remove(struct shelf *shelf, const char *path, struct err *err)
{
	CLEANUP(buf_clear) struct buf names = BUF_INIT(16u << 20);
	int r;

	if (*path)
		return repo_session_remove(session_of(shelf), path, err);
	/* the device's whole folder: what stands in it, since the folder itself is the session */
	r = repo_session_list(session_of(shelf), "", child_name, &names, err);
	for (size_t at = 0; r == 0 && at < names.len;) {
		const char *name = (const char *)names.bytes + at;

		r = repo_session_remove(session_of(shelf), name, err);
		at += strlen(name) + 1;
	}
	return r;
}

static int session_upload_begin(struct shelf *shelf, const char *path, struct err *err)
{
	struct shelf_session *self = (struct shelf_session *)shelf;

	return repo_upload_begin(self->session, path, shelf_content(path, self->is_encrypted), err);
}

static int session_upload_write(struct shelf *shelf, struct slice bytes, struct err *err)
{
	return repo_upload_write(session_of(shelf), bytes, err);
}

static int session_upload_end(struct shelf *shelf, struct err *err)
{
	return repo_upload_end(session_of(shelf), err);
}

static void session_upload_drop(struct shelf *shelf)
{
	repo_upload_drop(session_of(shelf));
}

static int session_drain(struct shelf *shelf, struct err *err)
{
	return repo_session_drain(session_of(shelf), err);
}

static uint64_t disk_free(const char *path)
{
	struct statvfs st;

	return path && statvfs(path, &st) == 0 ? (uint64_t)st.f_bavail * st.f_frsize : 0;
}

static uint64_t session_free_space(struct shelf *shelf)
{
	struct shelf_session *self = (struct shelf_session *)shelf;

	return self->free_space ? self->free_space(self->free_space_arg)
				: disk_free(self->disk_path);
}

void shelf_session_init(struct shelf_session *shelf, struct repo_session *session,
			bool is_encrypted, const char *disk_path)
{
	*shelf = (struct shelf_session){
		.shelf =
			{
				.stat = session_stat,
				.list = session_list,
				.read = session_read,
				.make_dir = session_make_dir,
				.move = session_move,
				.copy = session_copy,
				.remove = session_remove,
				.upload_begin = session_upload_begin,
				.upload_write = session_upload_write,
				.upload_end = session_upload_end,
				.upload_drop = session_upload_drop,
				.drain = session_drain,
				.free_space = session_free_space,
			},
		.session = session,
		.is_encrypted = is_encrypted,
		.disk_path = disk_path,
	};
}

/* ---- over a snapshot ---- */

/* path_follow - a name that was made by a copy, as the name of what was copied */
static int path_follow(struct shelf_view *self, const char *path,
		       char out[2 * REPO_PATH_LEN_MAX + 2])
{
	for (size_t i = self->alias_count; i-- > 0;) {
		size_t len = strlen(self->aliases[i].name);

		if (strncmp(path, self->aliases[i].name, len) != 0 ||
		    (path[len] && path[len] != '/'))
			continue;
		return snprintf(out, 2 * REPO_PATH_LEN_MAX + 2, "%s%s", self->aliases[i].target,
				path + len);
	}
	return snprintf(out, 2 * REPO_PATH_LEN_MAX + 2, "%s", path);
}

static int view_stat(struct shelf *shelf, const char *path, struct repo_entry *entry,
		     struct err *err)
{
	char real[2 * REPO_PATH_LEN_MAX + 2];

	path_follow((struct shelf_view *)shelf, path, real);
	return repo_view_stat(((struct shelf_view *)shelf)->view, real, entry, err);
}

static int view_read(struct shelf *shelf, const char *path, struct source **out, struct err *err)
{
	char real[2 * REPO_PATH_LEN_MAX + 2];

	path_follow((struct shelf_view *)shelf, path, real);
	return repo_view_read(((struct shelf_view *)shelf)->view, real, out, err);
}

/* struct children - a walk over everything below, told as the direct children */
struct children {
	int (*each)(void *arg, const struct repo_entry *entry, struct err *err);
	void *arg;
	size_t prefix_len;
	char last[PATH_COMPONENT_MAX + 1]; /* a folder told already */
};

static int child_of_walk(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct children *children = arg;
	struct repo_entry child = *entry;
	char name[PATH_COMPONENT_MAX + 1];
	const char *rest = entry->path + children->prefix_len, *slash;
	size_t len;

	if (strlen(entry->path) <= children->prefix_len)
		return 0;
	if (*rest == '/')
		rest++;
	slash = strchr(rest, '/');
	len = slash ? (size_t)(slash - rest) : strlen(rest);
	if (len == 0 || len > PATH_COMPONENT_MAX)
		return 0;
	memcpy(name, rest, len);
	name[len] = 0;
	if (slash) {
		child.is_directory = true;
		child.size = 0;
	}
	if (!strcmp(children->last, name))
		return 0;
	memcpy(children->last, name, len + 1);
	child.path = name;
	return children->each(children->arg, &child, err);
}

static int view_list(struct shelf *shelf, const char *path,
		     int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		     void *arg, struct err *err)
{
	char real[2 * REPO_PATH_LEN_MAX + 2];
	struct children children = {.each = each, .arg = arg};

	path_follow((struct shelf_view *)shelf, path, real);
	children.prefix_len = strlen(real);
	return repo_view_walk(((struct shelf_view *)shelf)->view, real, child_of_walk, &children,
			      err);
}

static int view_copy(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	struct shelf_view *self = (struct shelf_view *)shelf;
	char real[2 * REPO_PATH_LEN_MAX + 2];

	if (self->alias_count == SHELF_ALIAS_MAX)
		return err_set(err, ERR_LIMIT, "the device asks for more than %d copies",
			       SHELF_ALIAS_MAX);
	if (path_follow(self, from, real) > REPO_PATH_LEN_MAX)
		return err_set(err, ERR_LIMIT, "a name too long to copy");
	text_copy(self->aliases[self->alias_count].name, REPO_PATH_LEN_MAX + 1, to);
	text_copy(self->aliases[self->alias_count].target, REPO_PATH_LEN_MAX + 1, real);
	self->alias_count++;
	return 0;
}

/* removing a copy that was never made costs nothing; the snapshot itself stays as it is */
static int view_remove(struct shelf *shelf, const char *path, struct err *err)
{
	struct shelf_view *self = (struct shelf_view *)shelf;

	for (size_t i = 0; i < self->alias_count; i++)
		if (!strcmp(self->aliases[i].name, path)) {
			self->aliases[i] = self->aliases[--self->alias_count];
			return 0;
		}
	return err_set(err, ERR_UNSUPPORTED, "a finished snapshot is not changed by a restore");
}

static int view_refuse_path(struct shelf *shelf, const char *path, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "a finished snapshot is not changed by a restore");
}

static int view_refuse_move(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	return view_refuse_path(shelf, from, err);
}

static int view_refuse_write(struct shelf *shelf, struct slice bytes, struct err *err)
{
	return view_refuse_path(shelf, "", err);
}

static int view_nothing(struct shelf *shelf, struct err *err)
{
	return 0;
}

static void view_drop(struct shelf *shelf)
{
}

static uint64_t view_free_space(struct shelf *shelf)
{
	/* a copy here is a name, so there is always room for one */
	return (uint64_t)1 << 40;
}

void shelf_view_init(struct shelf_view *shelf, struct repo_view *view)
{
	*shelf = (struct shelf_view){
		.shelf =
			{
				.stat = view_stat,
				.list = view_list,
				.read = view_read,
				.make_dir = view_refuse_path,
				.move = view_refuse_move,
				.copy = view_copy,
				.remove = view_remove,
				.upload_begin = view_refuse_path,
				.upload_write = view_refuse_write,
				.upload_end = view_nothing,
				.upload_drop = view_drop,
				.drain = view_nothing,
				.free_space = view_free_space,
			},
		.view = view,
	};
}
