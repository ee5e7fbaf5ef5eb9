/*
 * serve - answers the kernel, through libfuse
 *
 * One thread, for a backup is read by one at a time.  The loop is our own, so that Ctrl-C wakes
 * it as it wakes every other wait; the kernel is told that nothing ever changes and may keep
 * what it knows.  A file whose true length is another than was told is read past the kernel's
 * knowledge of it: its reader gets all of it.
 */
#define FUSE_USE_VERSION 31

#include "mount/internal.h"

#include <errno.h>
#include <fuse3/fuse.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEEP_SECONDS = 3600, LAST_ANSWERS = 1000 };

#define ON_DEVICE "device:" /* begins a link's target: it is no place on this computer */

struct serving;

/* struct handle - an open file */
struct handle {
	struct handle *next, **link;
	struct source *source;
	struct shelf_snapshot *snapshot; /* NULL: the one backup */
};

struct serving {
	const struct mount_wish *wish;
	struct shelf *shelf; /* one of the two */
	struct shown *shown;
	struct handle *handles;
};

/* struct spot - a path taken apart */
struct spot {
	struct shelf_snapshot *snapshot; /* to be released, or NULL */
	struct shown *shown;             /* NULL: above the snapshots */
	const char *rest;                /* in @shown, or on the shelf */
};

static struct serving *self(void)
{
	return fuse_get_context()->private_data;
}

/* answer - what the kernel is told; failures are told to people, too */
static int answer(struct serving *serving, const char *path, int r, const struct err *err)
{
	if (r < 0 && serving->wish->trouble)
		serving->wish->trouble(serving->wish->arg, path, err);
	switch (r) {
	case 0:
		return 0;
	case MOUNT_ABSENT:
	case ERR_NOT_FOUND:
		return -ENOENT;
	case MOUNT_LOCKED:
	case ERR_PASSWORD:
	case ERR_POLICY:
		return -EACCES;
	case ERR_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static void spot_leave(struct serving *serving, struct spot *spot)
{
	if (spot->snapshot)
		shelf_release(serving->shelf, spot->snapshot);
	spot->snapshot = NULL;
}

/* spot_of - @path begins with a slash; the caller leaves the spot. @enters: a snapshot's own folder
 * is looked into, so it is opened; to know that it is there does not take that */
static int spot_of(struct serving *serving, const char *path, bool enters, struct spot *spot,
		   struct err *err)
{
	char place[PATH_LEN_MAX + 1];
	const char *device_end, *time_end;
	int r;

	*spot = (struct spot){.shown = serving->shown, .rest = ++path};
	device_end = serving->shelf ? strchr(path, '/') : NULL;
	if (!device_end)
		return 0;
	time_end = strchrnul(device_end + 1, '/');
	if (!*time_end && !enters)
		return 0;
	if ((size_t)(time_end - path) >= sizeof(place))
		return MOUNT_ABSENT;
	memcpy(place, path, (size_t)(time_end - path));
	place[time_end - path] = 0;
	r = shelf_take(serving->shelf, place, &spot->snapshot, err);
	if (r != 0)
		return r;
	spot->shown = shelf_shown(spot->snapshot);
	spot->rest = *time_end ? time_end + 1 : time_end;
	return 0;
}

static void stat_of(const struct mount_entry *entry, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_mode = entry->type == 'd'   ? S_IFDIR | 0500
		      : entry->type == 'l' ? S_IFLNK | 0777
					   : S_IFREG | 0400;
	st->st_nlink = entry->type == 'd' ? 2 : 1;
	st->st_uid = getuid();
	st->st_gid = getgid();
	st->st_size = entry->type == 'l' ? (off_t)strlen(ON_DEVICE) + (off_t)strlen(entry->target)
					 : (off_t)entry->size;
	st->st_blocks = (blkcnt_t)((entry->size + 511) / 512);
	st->st_mtim.tv_sec = st->st_ctim.tv_sec = st->st_atim.tv_sec = entry->modified;
}

static int find(struct serving *serving, const char *path, struct spot *spot,
		struct mount_entry *entry, struct err *err)
{
	int r = spot_of(serving, path, false, spot, err);

	if (r != 0)
		return r;
	return spot->shown ? shown_find(spot->shown, spot->rest, entry, err)
			   : shelf_find(serving->shelf, spot->rest, entry, err);
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
	struct serving *serving = self();
	struct mount_entry entry;
	struct err err = ERR_INIT;
	struct spot spot;
	int r = find(serving, path, &spot, &entry, &err);

	if (r == 0)
		stat_of(&entry, st);
	spot_leave(serving, &spot);
	return answer(serving, path, r, &err);
}

static int on_readlink(const char *path, char *text, size_t len)
{
	struct serving *serving = self();
	struct mount_entry entry;
	struct err err = ERR_INIT;
	struct spot spot;
	int r = find(serving, path, &spot, &entry, &err);

	if (r == 0 && entry.type == 'l')
		snprintf(text, len, ON_DEVICE "%s", entry.target);
	spot_leave(serving, &spot);
	return r == 0 && entry.type != 'l' ? -EINVAL : answer(serving, path, r, &err);
}

struct filling {
	void *buffer;
	fuse_fill_dir_t fill;
};

static int fill_each(void *arg, const struct mount_entry *entry)
{
	struct filling *filling = arg;
	struct stat st;

	stat_of(entry, &st);
	filling->fill(filling->buffer, entry->name, &st, 0, FUSE_FILL_DIR_PLUS);
	return 0;
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
	struct serving *serving = self();
	struct filling filling = {buffer, fill};
	struct err err = ERR_INIT;
	struct spot spot;
	int r = spot_of(serving, path, true, &spot, &err);

	fill(buffer, ".", NULL, 0, 0);
	fill(buffer, "..", NULL, 0, 0);
	if (r == 0)
		r = spot.shown ? shown_list(spot.shown, spot.rest, fill_each, &filling, &err)
			       : shelf_list(serving->shelf, spot.rest, fill_each, &filling, &err);
	spot_leave(serving, &spot);
	return answer(serving, path, r, &err);
}

static int on_opendir(const char *path, struct fuse_file_info *info)
{
	/* what is in a backup stays; new snapshots appear above it */
	info->cache_readdir = info->keep_cache = !self()->shelf;
	return 0;
}

static void handle_free(struct serving *serving, struct handle *handle)
{
	if (handle->link) {
		*handle->link = handle->next;
		if (handle->next)
			handle->next->link = handle->link;
	}
	source_close_p(&handle->source);
	if (handle->snapshot)
		shelf_release(serving->shelf, handle->snapshot);
	free(handle);
}

static int on_open(const char *path, struct fuse_file_info *info)
{
	struct serving *serving = self();
	struct handle *handle = calloc(1, sizeof(*handle));
	struct mount_entry entry;
	struct err err = ERR_INIT;
	struct spot spot;
	int r;

	if (!handle)
		return -ENOMEM;
	r = find(serving, path, &spot, &entry, &err);
	if (r == 0)
		r = shown_open(spot.shown, spot.rest, &handle->source, &err);
	handle->snapshot = spot.snapshot;
	if (r != 0) {
		handle_free(serving, handle);
		return answer(serving, path, r, &err);
	}
	handle->next = serving->handles;
	handle->link = &serving->handles;
	if (handle->next)
		handle->next->link = &handle->next;
	serving->handles = handle;
	info->fh = (uintptr_t)handle;
	info->keep_cache = 1;
	info->direct_io = handle->source->len != entry.size;
	return 0;
}

static int on_read(const char *path, char *bytes, size_t len, off_t offset,
		   struct fuse_file_info *info)
{
	struct handle *handle = (struct handle *)(uintptr_t)info->fh;
	struct err err = ERR_INIT;
	ssize_t n;

	n = (uint64_t)offset < handle->source->len
		    ? handle->source->read(handle->source, (uint64_t)offset, bytes, len, &err)
		    : 0;
	return n < 0 ? answer(self(), path, (int)n, &err) : (int)n;
}

static int on_release(const char *path, struct fuse_file_info *info)
{
	handle_free(self(), (struct handle *)(uintptr_t)info->fh);
	return 0;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	config->kernel_cache = 1;
	config->entry_timeout = config->attr_timeout = KEEP_SECONDS;
	connection->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO; /* always with attributes */
	return self();
}

static const struct fuse_operations operations = {
	.init = on_init,
	.getattr = on_getattr,
	.readlink = on_readlink,
	.opendir = on_opendir,
	.readdir = on_readdir,
	.open = on_open,
	.read = on_read,
	.release = on_release,
};

/*
 * answer_all - until it is unmounted or @cancel says so
 * What was closed before that is still waiting to be told: those last requests are answered, but
 * a busy reader does not keep us.
 */
static int answer_all(struct fuse *fuse, const struct cancel *cancel, struct err *err)
{
	struct fuse_session *session = fuse_get_session(fuse);
	struct fuse_buf buffer = {.mem = NULL};
	struct pollfd waits[2] = {{.fd = fuse_session_fd(session), .events = POLLIN},
				  {.fd = cancel ? cancel->wake_fd : -1, .events = POLLIN}};
	int r = 0, ready, left = LAST_ANSWERS;

	while (!fuse_session_exited(session) && left > 0) {
		bool is_ending = cancel_check(cancel, NULL) < 0;

		left -= is_ending;
		ready = poll(waits, is_ending ? 1 : 2, is_ending ? 0 : -1);
		if (ready < 0 && errno != EINTR)
			r = -errno;
		if (r < 0 || ready == 0)
			break;
		if (ready < 0 || !(waits[0].revents & (POLLIN | POLLERR | POLLHUP)))
			continue;
		r = fuse_session_receive_buf(session, &buffer);
		if (r == -EINTR || r == -EAGAIN)
			r = 0;
		else if (r <= 0) /* 0: unmounted */
			break;
		else
			fuse_session_process_buf(session, &buffer);
	}
	free(buffer.mem);
	return r < 0 && r != -ENODEV ? err_set_errno(err, -r, "talk to the kernel") : 0;
}

static void be_quiet(enum fuse_log_level level, const char *format, va_list arguments)
{
}

static int serve(struct serving *serving, const char *mountpoint, struct err *err)
{
	char program[] = "rehome",
	     option[] = "-oro,nosuid,nodev,noexec,fsname=rehome,subtype=rehome";
	char *words[] = {program, option, NULL};
	struct fuse_args arguments = FUSE_ARGS_INIT(2, words);
	struct fuse *fuse;
	int r;

	fuse_set_log_func(be_quiet); /* a library prints nothing: its failures are told below */
	fuse = fuse_new(&arguments, &operations, sizeof(operations), serving);
	fuse_opt_free_args(&arguments);
	if (!fuse)
		return err_no_memory(err);
	if (fuse_mount(fuse, mountpoint) < 0) {
		fuse_destroy(fuse);
		return err_set(err, ERR_UNSUPPORTED,
			       "%s cannot be mounted on: it takes /dev/fuse, the program "
			       "fusermount3 (package fuse3), and an empty folder of yours",
			       mountpoint);
	}
	if (serving->wish->ready)
		serving->wish->ready(serving->wish->arg);
	r = answer_all(fuse, serving->wish->cancel, err);
	fuse_unmount(fuse);
	fuse_destroy(fuse);
	while (serving->handles)
		handle_free(serving, serving->handles);
	return r;
}

int mount_serve(const struct mount_wish *wish, const char *mountpoint, struct err *err)
{
	struct serving serving = {.wish = wish};
	struct stat st;
	int r;

	if (stat(mountpoint, &st) < 0)
		return err_set_errno(err, errno, "mount on %s", mountpoint);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "%s is no folder to mount on", mountpoint);
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "this system has no FUSE for you (/dev/fuse: %s)", strerror(errno));
	r = wish->browse ? shown_new(&serving.shown, wish->browse, err)
			 : shelf_new(&serving.shelf, wish, err);
	if (r == 0)
		r = serve(&serving, mountpoint, err);
	shown_free(serving.shown);
	shelf_free(serving.shelf);
	return r;
}
