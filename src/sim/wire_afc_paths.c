/*
 * wire_afc_paths - names that hosts give, resolved beneath the media folder and nowhere else
 *
 * The kernel does it (openat2, RESOLVE_IN_ROOT): neither ".." nor a symbolic link leads out, and
 * there is no moment between a check and its use.
 */
#include "sim/wire_afc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

/* ---- errors ---- */

uint64_t wire_afc_status(int number)
{
	switch (number) {
	case 0:
		return AFC_OK;
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
		return AFC_NOT_FOUND;
	case EISDIR:
		return AFC_IS_DIRECTORY;
	case EACCES:
	case EPERM:
	case EXDEV:
		return AFC_PERMISSION;
	case EEXIST:
		return AFC_EXISTS;
	case ENOSPC:
	case EDQUOT:
		return AFC_NO_SPACE;
	case EWOULDBLOCK:
		return AFC_WOULD_BLOCK;
	case ENOTEMPTY:
		return AFC_NOT_EMPTY;
	case EINVAL:
	case EBADF:
	case ENAMETOOLONG:
		return AFC_BAD_ARGUMENT;
	default:
		return AFC_UNKNOWN;
	}
}

/* ---- paths ---- */

/* the next NUL-terminated path of the arguments; NULL if it is not there or too long */
const char *wire_afc_take_path(struct reader *in)
{
	const char *path = (const char *)in->at;
	size_t len = in->left ? strnlen(path, in->left) : 0;

	if (in->left == 0 || len == in->left || len > PATH_LEN_MAX)
		return NULL;
	reader_skip(in, len + 1);
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int wire_afc_open_beneath(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/** struct place - an opened parent folder and the name in it; @parent -1 and errno set when it
 * cannot be */
struct place {
	int parent;
	char name[PATH_COMPONENT_MAX + 1];
};

static void place_clear(struct place *place)
{
	close_p(&place->parent);
}

static int find_place(int root, const char *path, struct place *place)
{
	char folder[PATH_LEN_MAX + 1];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	place->parent = -1;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strlen(name) >= sizeof(place->name))
		return EINVAL;
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
	strcpy(place->name, name);
	place->parent = wire_afc_open_beneath(root, folder, O_PATH | O_DIRECTORY, 0);
	return place->parent < 0 ? errno : 0;
}

/* ---- names ---- */

static int remove_at(int parent, const char *name, bool with_contents, unsigned depth)
{
	struct dirent **names;
	int fd, count, number = 0;

	if (unlinkat(parent, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno;
	if (with_contents && depth < DEPTH_MAX) {
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		count = fd < 0 ? -1 : scandirat(fd, ".", &names, NULL, NULL);
		for (int i = 0; i < count; i++) {
			const char *entry = names[i]->d_name;

			if (strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0 && number == 0)
				number = remove_at(fd, entry, true, depth + 1);
			free(names[i]);
		}
		if (count >= 0)
			free(names);
		close_p(&fd);
		if (number)
			return number;
	}
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? errno : 0;
}

static uint64_t remove_path(int root, struct reader *in, bool with_contents)
{
	CLEANUP(place_clear) struct place place = {.parent = -1};
	const char *path = wire_afc_take_path(in);
	int number = path ? find_place(root, path, &place) : EINVAL;

	return wire_afc_status(number ? number
				      : remove_at(place.parent, place.name, with_contents, 0));
}

/* parents are made as well; a folder that is there already is fine */
static uint64_t make_dir(int root, struct reader *in)
{
	const char *path = wire_afc_take_path(in);
	char part[PATH_LEN_MAX + 1];

	if (!path)
		return AFC_BAD_ARGUMENT;
	for (size_t i = 1; i <= strlen(path); i++) {
		CLEANUP(place_clear) struct place place = {.parent = -1};
		int number;

		if (path[i] != '/' && path[i] != 0)
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		number = find_place(root, part, &place);
		if (number)
			return wire_afc_status(number);
		if (mkdirat(place.parent, place.name, 0755) < 0 && errno != EEXIST)
			return wire_afc_status(errno);
	}
	return AFC_OK;
}

static uint64_t rename_path(int root, struct reader *in)
{
	CLEANUP(place_clear) struct place from = {.parent = -1}, to = {.parent = -1};
	const char *old = wire_afc_take_path(in), *new = old ? wire_afc_take_path(in) : NULL;
	int number = new ? find_place(root, old, &from) : EINVAL;

	if (number == 0)
		number = find_place(root, new, &to);
	if (number == 0 && renameat(from.parent, from.name, to.parent, to.name) < 0)
		number = errno;
	return wire_afc_status(number);
}

static uint64_t make_link(int root, struct reader *in)
{
	CLEANUP(place_clear) struct place from = {.parent = -1}, to = {.parent = -1};
	const char *target, *path;
	uint64_t type;
	int number;

	if (!reader_u64le(in, &type) || (type != 1 && type != 2) ||
	    !(target = wire_afc_take_path(in)) || !(path = wire_afc_take_path(in)))
		return AFC_BAD_ARGUMENT;
	number = find_place(root, path, &to);
	if (number == 0 && type == 1)
		number = find_place(root, target, &from);
	if (number == 0 && (type == 1 ? linkat(from.parent, from.name, to.parent, to.name, 0)
				      : symlinkat(target, to.parent, to.name)) < 0)
		number = errno;
	return wire_afc_status(number);
}

static uint64_t set_mtime(int root, struct reader *in)
{
	CLEANUP(place_clear) struct place place = {.parent = -1};
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
	const char *path;
	uint64_t ns;
	int number;

	if (!reader_u64le(in, &ns) || !(path = wire_afc_take_path(in)))
		return AFC_BAD_ARGUMENT;
	times[1] = (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
				     .tv_nsec = (long)(ns % 1000000000)};
	number = find_place(root, path, &place);
	if (number == 0 && utimensat(place.parent, place.name, times, AT_SYMLINK_NOFOLLOW) < 0)
		number = errno;
	return wire_afc_status(number);
}

uint64_t wire_afc_change_names(int root, uint64_t op, struct reader *in)
{
	switch (op) {
	case AFC_REMOVE_PATH:
		return remove_path(root, in, false);
	case AFC_REMOVE_ALL:
		return remove_path(root, in, true);
	case AFC_MAKE_DIR:
		return make_dir(root, in);
	case AFC_RENAME:
		return rename_path(root, in);
	case AFC_MAKE_LINK:
		return make_link(root, in);
	case AFC_SET_FILE_MTIME:
		return set_mtime(root, in);
	default:
		return AFC_NOT_SUPPORTED;
	}
}
