/*
 * host_folder - what a host does with a device's requests, plainly, over a folder
 *
 * For scenarios that need a real backup and no wire.  The wire's host (wire_host.c) and its
 * faults are not involved.
 */
#include "sim/host_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_MISSING = -13, STATUS_REFUSED = -1, PATH_LEN = 2 * SIM_FOLDER_MAX };

static int path_of(const struct sim_folder_host *self, const char *name, char out[PATH_LEN],
		   struct err *err)
{
	int r = path_check_relative(name, strlen(name), err);

	snprintf(out, PATH_LEN, "%s/%s", self->root, name);
	return r;
}

static int download_one(struct sim_folder_host *self, const char *name, struct sim_sink *sink,
			int64_t *status, struct err *err)
{
	char path[PATH_LEN];
	FILE *file;
	size_t got;
	int r = path_of(self, name, path, err);

	if (r == 0)
		r = sink->begin(sink, name, err);
	if (r < 0)
		return r;
	file = fopen(path, "rb");
	if (!file) {
		*status = STATUS_MISSING;
		return sink->end(sink, name, "No such file or directory", err);
	}
	while (r == 0 && (got = fread(self->room, 1, sizeof(self->room), file)) > 0)
		r = sink->bytes(sink, slice_of(self->room, got), err);
	fclose(file);
	return r < 0 ? r : sink->end(sink, name, NULL, err);
}

static int download(struct sim_host *host, const char *const *paths, size_t count, double progress,
		    struct sim_sink *sink, int64_t *status, struct err *err)
{
	int r = 0;

	(void)progress;
	*status = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = download_one((struct sim_folder_host *)host, paths[i], sink, status, err);
	return r < 0 ? r : *status ? SIM_HOST_ERROR : 0;
}

static int contents(struct sim_host *host, const char *name,
		    int (*each)(void *arg, const struct sim_entry *entry), void *arg,
		    int64_t *status, struct err *err)
{
	struct dirent *entry;
	char path[PATH_LEN];
	DIR *dir;
	int r = path_of((struct sim_folder_host *)host, name, path, err);

	*status = 0;
	dir = r == 0 ? opendir(path) : NULL;
	while (dir && r == 0 && (entry = readdir(dir))) {
		struct sim_entry one = {.name = entry->d_name,
					.is_directory = entry->d_type == DT_DIR};

		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = each(arg, &one);
	}
	if (dir)
		closedir(dir);
	return r;
}

static int make_folder(struct sim_host *host, const char *name, int64_t *status, struct err *err)
{
	char path[PATH_LEN];
	int r = path_of((struct sim_folder_host *)host, name, path, err);

	*status = 0;
	return r < 0 ? r : fs_mkdirs(fs_system(), path, 0700, err);
}

static int move(struct sim_host *host, const char *const *pairs, size_t count, double progress,
		int64_t *status, struct err *err)
{
	char from[PATH_LEN], to[PATH_LEN];
	int r = 0;

	(void)progress;
	*status = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = path_of((struct sim_folder_host *)host, pairs[2 * i], from, err);
		if (r == 0)
			r = path_of((struct sim_folder_host *)host, pairs[2 * i + 1], to, err);
		if (r == 0 && rename(from, to) != 0)
			r = err_set_errno(err, errno, "rename %s", pairs[2 * i]);
	}
	return r;
}

static int remove_names(struct sim_host *host, const char *const *names, size_t count,
			double progress, int64_t *status, struct err *err)
{
	char path[PATH_LEN];
	int r = 0;

	(void)progress;
	*status = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = path_of((struct sim_folder_host *)host, names[i], path, err);
		if (r == 0 && unlink(path) != 0 && errno == EISDIR)
			r = fs_remove_tree(fs_system(), path, err);
	}
	return r;
}

/* scenarios keep no older copies */
static int copy(struct sim_host *host, const char *from, const char *to, int64_t *status,
		struct err *err)
{
	(void)host;
	(void)from;
	(void)to;
	(void)err;
	*status = STATUS_REFUSED;
	return SIM_HOST_ERROR;
}

static int free_space(struct sim_host *host, uint64_t *bytes, int64_t *status, struct err *err)
{
	(void)host;
	(void)err;
	*status = 0;
	*bytes = 1ull << 50;
	return 0;
}

static int purge(struct sim_host *host, uint64_t bytes, int64_t urgency, int64_t *status,
		 struct err *err)
{
	(void)host;
	(void)bytes;
	(void)urgency;
	(void)err;
	*status = STATUS_REFUSED;
	return SIM_HOST_ERROR;
}

static int upload_begin(struct sim_host *host, double progress, uint64_t total, struct err *err)
{
	(void)host;
	(void)progress;
	(void)total;
	(void)err;
	return 0;
}

static int upload_file(struct sim_host *host, const char *device_name, const char *name,
		       struct err *err)
{
	struct sim_folder_host *self = (struct sim_folder_host *)host;
	char path[PATH_LEN];
	int r = path_of(self, name, path, err);

	(void)device_name;
	if (r < 0)
		return r;
	self->coming = fopen(path, "wb");
	return self->coming ? 0 : err_set_errno(err, errno, "create %s", name);
}

static int upload_room(struct sim_host *host, size_t len, uint8_t **at, struct err *err)
{
	(void)err;
	(void)len; /* at most SIM_BLOCK_LEN */
	*at = ((struct sim_folder_host *)host)->room;
	return 0;
}

static int upload_filled(struct sim_host *host, size_t len, struct err *err)
{
	struct sim_folder_host *self = (struct sim_folder_host *)host;

	if (fwrite(self->room, 1, len, self->coming) != len)
		return err_set_errno(err, errno, "write a file of the backup");
	return 0;
}

static int upload_file_end(struct sim_host *host, struct err *err)
{
	struct sim_folder_host *self = (struct sim_folder_host *)host;
	FILE *file = STEAL(self->coming);

	return fclose(file) == 0 ? 0 : err_set_errno(err, errno, "write a file of the backup");
}

static int upload_file_error(struct sim_host *host, const char *text, struct err *err)
{
	(void)text;
	return upload_file_end(host, err);
}

static int upload_end(struct sim_host *host, int64_t *status, struct err *err)
{
	(void)host;
	(void)err;
	*status = 0;
	return 0;
}

int sim_folder_host_init(struct sim_folder_host *self, const char *root, struct err *err)
{
	*self = (struct sim_folder_host){.host = {.download = download,
						  .contents = contents,
						  .mkdir = make_folder,
						  .move = move,
						  .remove = remove_names,
						  .copy = copy,
						  .free_space = free_space,
						  .purge = purge,
						  .upload_begin = upload_begin,
						  .upload_file = upload_file,
						  .upload_room = upload_room,
						  .upload_filled = upload_filled,
						  .upload_file_end = upload_file_end,
						  .upload_file_error = upload_file_error,
						  .upload_end = upload_end}};
	snprintf(self->root, sizeof(self->root), "%s", root);
	return fs_mkdirs(fs_system(), root, 0700, err);
}
