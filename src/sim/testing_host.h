/*
 * testing_host - a small host for tests of the device: a struct sim_host over a folder
 *
 * It does what a host is asked to, plainly, and can be told to break off, to be full or to lie.
 * Names that leave the folder fail the test.
 */
#ifndef REHOME_SIM_TESTING_HOST_H
#define REHOME_SIM_TESTING_HOST_H

#include "sim/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

struct folder_host {
	struct sim_host host; /* first: the device hands it back */
	char root[256];
	uint64_t free_bytes;
	uint64_t messages, break_at; /* the connection ends at this message; 0: never */
	uint64_t files, bytes, errors, removals, purges;
	const char *refuse_move; /* a refusal of moves whose target ends so */
	FILE *coming;
	uint8_t room[SIM_BLOCK_LEN];
};

static inline struct folder_host *folder_host_of(struct sim_host *host, struct err *err, int *r)
{
	struct folder_host *self = (struct folder_host *)host;

	*r = 0;
	if (self->break_at && ++self->messages >= self->break_at)
		*r = err_set(err, ERR_CLOSED, "the cable was pulled");
	return self;
}

static inline const char *folder_host_path(const struct folder_host *self, const char *name,
					   char out[2048])
{
	struct err err = ERR_INIT;

	if (path_check_relative(name, strlen(name), &err) != 0)
		fail_msg("%s", err.text);
	snprintf(out, 2048, "%s/%s", self->root, name);
	return out;
}

static inline int host_download(struct sim_host *host, const char *const *paths, size_t count,
				double progress, struct sim_sink *sink, int64_t *status,
				struct err *err)
{
	char path[2048];
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	*status = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		FILE *file = fopen(folder_host_path(self, paths[i], path), "rb");
		size_t got;

		r = sink->begin(sink, paths[i], err);
		if (!file) {
			*status = -13;
			if (r == 0)
				r = sink->end(sink, paths[i], "No such file or directory", err);
			continue;
		}
		while (r == 0 && (got = fread(self->room, 1, 32768, file)) > 0)
			r = sink->bytes(sink, slice_of(self->room, got), err);
		if (r == 0)
			r = sink->end(sink, paths[i], NULL, err);
		fclose(file);
	}
	return r < 0 ? r : *status ? SIM_HOST_ERROR : 0;
}

static inline int host_contents(struct sim_host *host, const char *name,
				int (*each)(void *arg, const struct sim_entry *entry), void *arg,
				int64_t *status, struct err *err)
{
	char path[2048];
	struct dirent *entry;
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);
	DIR *dir = r == 0 ? opendir(folder_host_path(self, name, path)) : NULL;

	*status = 0;
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

static inline int host_mkdir(struct sim_host *host, const char *name, int64_t *status,
			     struct err *err)
{
	char path[2048];
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	*status = 0;
	return r < 0 ? r : fs_mkdirs(fs_system(), folder_host_path(self, name, path), 0700, err);
}

static inline int host_move(struct sim_host *host, const char *const *pairs, size_t count,
			    double progress, int64_t *status, struct err *err)
{
	char from[2048], to[2048];
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	*status = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		size_t len = strlen(pairs[2 * i + 1]),
		       tail = self->refuse_move ? strlen(self->refuse_move) : 0;

		if (tail && len >= tail &&
		    !strcmp(pairs[2 * i + 1] + len - tail, self->refuse_move)) {
			*status = -1;
			return SIM_HOST_ERROR;
		}
		folder_host_path(self, pairs[2 * i], from);
		if (rename(from, folder_host_path(self, pairs[2 * i + 1], to)) != 0)
			r = err_set_errno(err, errno, "rename %s", from);
	}
	return r;
}

static inline int host_remove(struct sim_host *host, const char *const *names, size_t count,
			      double progress, int64_t *status, struct err *err)
{
	char path[2048];
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	*status = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct stat st;

		self->removals++;
		if (lstat(folder_host_path(self, names[i], path), &st) == 0)
			r = S_ISDIR(st.st_mode) ? fs_remove_tree(fs_system(), path, err)
						: unlink(path);
	}
	return r;
}

static inline int host_copy(struct sim_host *host, const char *from, const char *to,
			    int64_t *status, struct err *err)
{
	char path[2048];
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	*status = 0;
	return r < 0 ? r : fs_mkdirs(fs_system(), folder_host_path(self, to, path), 0700, err);
}

static inline int host_free_space(struct sim_host *host, uint64_t *bytes, int64_t *status,
				  struct err *err)
{
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	*status = 0;
	*bytes = self->free_bytes;
	return r;
}

static inline int host_purge(struct sim_host *host, uint64_t bytes, int64_t urgency,
			     int64_t *status, struct err *err)
{
	int r;
	struct folder_host *self = folder_host_of(host, err, &r);

	self->purges++;
	*status = -1;
	return r < 0 ? r : SIM_HOST_ERROR;
}

static inline int host_upload_begin(struct sim_host *host, double progress, uint64_t total,
				    struct err *err)
{
	int r;

	folder_host_of(host, err, &r);
	return r;
}

static inline int host_upload_file(struct sim_host *host, const char *device_name, const char *name,
				   struct err *err)
{
	struct folder_host *self = (struct folder_host *)host;
	char path[2048];

	self->coming = fopen(folder_host_path(self, name, path), "wb");
	self->files++;
	return self->coming ? 0 : err_set_errno(err, errno, "create %s", path);
}

static inline int host_upload_room(struct sim_host *host, size_t len, uint8_t **at, struct err *err)
{
	assert_true(len <= SIM_BLOCK_LEN);
	*at = ((struct folder_host *)host)->room;
	return 0;
}

static inline int host_upload_filled(struct sim_host *host, size_t len, struct err *err)
{
	struct folder_host *self = (struct folder_host *)host;

	self->bytes += len;
	return fwrite(self->room, 1, len, self->coming) == len ? 0 : err_set(err, ERR_IO, "write");
}

static inline int host_upload_file_end(struct sim_host *host, struct err *err)
{
	fclose(((struct folder_host *)host)->coming);
	return 0;
}

static inline int host_upload_file_error(struct sim_host *host, const char *text, struct err *err)
{
	((struct folder_host *)host)->errors++;
	return host_upload_file_end(host, err);
}

static inline int host_upload_end(struct sim_host *host, int64_t *status, struct err *err)
{
	*status = 0;
	return 0;
}

/* a host that keeps its files in @root, with plenty of room */
static inline void folder_host_init(struct folder_host *self, const char *root)
{
	*self = (struct folder_host){.free_bytes = 1ull << 50,
				     .host = {host_download, host_contents, host_mkdir, host_move,
					      host_remove, host_copy, host_free_space, host_purge,
					      host_upload_begin, host_upload_file, host_upload_room,
					      host_upload_filled, host_upload_file_end,
					      host_upload_file_error, host_upload_end}};
	snprintf(self->root, sizeof(self->root), "%s", root);
	assert_int_equal(fs_mkdirs(fs_system(), root, 0700, NULL), 0);
}

/* ---- a place for a test ---- */

/** struct place - a temporary folder */
struct place {
	char path[64];
};

static inline int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->path, "/tmp/rehome-sim-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	*state = place;
	return 0;
}

static inline int place_remove(void **state)
{
	struct place *place = *state;

	fs_remove_tree(fs_system(), place->path, NULL);
	free(place);
	return 0;
}

static inline const char *place_path(const struct place *place, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", place->path, name);
	return out;
}

enum { TEST_NOW = 1793520000 };

/* open a device born as @birth asks (its seed, shape ...), at TEST_NOW and quick to unlock */
static inline struct sim_device *device_born(const struct place *place, const char *name,
					     struct sim_birth birth)
{
	struct sim_device *device = NULL;
	struct err err = ERR_INIT;
	char folder[256];

	birth.has_now = true;
	birth.now = TEST_NOW;
	birth.kdf_rounds = 10;
	if (!birth.profile && !birth.from && !birth.files) {
		birth.files = 60;
		birth.file_size = 9000;
	}
	if (sim_birth_run(place_path(place, name, folder), &birth, &err) != 0)
		fail_msg("birth: %s", err.text);
	if (sim_device_open(&device, folder, &err) != 0)
		fail_msg("open: %s", err.text);
	return device;
}

static inline void secret_make(struct secret *secret, const char *text)
{
	assert_int_equal(secret_set(secret, slice_text(text), NULL), 0);
}

#endif
