/*
 * testing_exchange - the host's side of a backup over a socket pair, with a shelf in memory
 *
 * What a device would say is written into `device` beforehand: the host answers in turns, but
 * does not mind that the next message is there already.  No thread, no repository, no wait.
 * Used by test_exchange.c and by the fuzz target.
 */
#ifndef REHOME_JOB_TESTING_EXCHANGE_H
#define REHOME_JOB_TESTING_EXCHANGE_H

#include "job/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STAGE_UDID "0000FE5A-00112233AABBCCDD"

enum {
	STAGE_FILES_MAX = 16,
	STAGE_FILE_MAX = 64 << 10, /* larger uploads meet a full disk */
};

struct stage_file {
	char path[REPO_PATH_LEN_MAX + 1];
	bool is_directory;
	struct buf bytes;
};

/** struct stage - an exchange that can be served; `device` is the other end of its connection */
struct stage {
	struct shelf shelf;
	struct stage_file files[STAGE_FILES_MAX];
	size_t count;
	struct stage_file *upload;
	struct job_env env;
	struct notify notify; /* closed: nothing is heard of */
	struct job_problems problems;
	struct exchange exchange;
	int device;
};

static inline struct stage *stage_of(struct shelf *shelf)
{
	return (struct stage *)shelf; /* its first member */
}

static inline struct stage_file *stage_find(struct stage *stage, const char *path)
{
	for (size_t i = 0; i < stage->count; i++)
		if (strcmp(stage->files[i].path, path) == 0)
			return &stage->files[i];
	return NULL;
}

static inline struct stage_file *stage_put(struct stage *stage, const char *path, bool is_directory,
					   struct err *err)
{
	struct stage_file *file = stage_find(stage, path);

	if (!file && stage->count == STAGE_FILES_MAX) {
		err_set(err, ERR_NO_SPACE, "the test's shelf is full");
		return NULL;
	}
	if (!file)
		file = &stage->files[stage->count++];
	buf_clear(&file->bytes);
	file->bytes = BUF_INIT(STAGE_FILE_MAX);
	file->is_directory = is_directory;
	snprintf(file->path, sizeof(file->path), "%s", path);
	return file;
}

static inline int stage_remove(struct shelf *shelf, const char *path, struct err *err)
{
	struct stage *stage = stage_of(shelf);
	struct stage_file *file = stage_find(stage, path);

	(void)err;
	if (!file)
		return 0;
	buf_clear(&file->bytes);
	*file = stage->files[--stage->count];
	stage->files[stage->count] = (struct stage_file){.is_directory = false};
	return 0;
}

/* every file is listed under every folder: what the answer looks like is all that matters here */
static inline int stage_list(struct shelf *shelf, const char *path,
			     int (*each)(void *arg, const struct repo_entry *entry,
					 struct err *err),
			     void *arg, struct err *err)
{
	struct stage *stage = stage_of(shelf);
	int r = 0;

	if (*path && !stage_find(stage, path))
		return REPO_ABSENT;
	for (size_t i = 0; i < stage->count && r == 0; i++) {
		const struct stage_file *file = &stage->files[i];
		struct repo_entry entry = {.path = file->path,
					   .is_directory = file->is_directory,
					   .size = file->bytes.len,
					   .modified = 1793520000};

		r = each(arg, &entry, err);
	}
	return r;
}

static inline int stage_read(struct shelf *shelf, const char *path, struct source **out,
			     struct err *err)
{
	struct stage_file *file = stage_find(stage_of(shelf), path);

	return file ? source_bytes_open(out, buf_slice(&file->bytes), err) : REPO_ABSENT;
}

static inline int stage_make_dir(struct shelf *shelf, const char *path, struct err *err)
{
	return stage_put(stage_of(shelf), path, true, err) ? 0 : ERR_NO_SPACE;
}

static inline int stage_copy(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	struct stage *stage = stage_of(shelf);
	struct stage_file *file = stage_find(stage, from), *copy;

	if (!file)
		return REPO_ABSENT;
	if (strcmp(from, to) == 0)
		return 0;
	copy = stage_put(stage, to, file->is_directory, err);
	return copy ? buf_append_slice(&copy->bytes, buf_slice(&file->bytes), err) : ERR_NO_SPACE;
}

static inline int stage_move(struct shelf *shelf, const char *from, const char *to, struct err *err)
{
	int r = stage_copy(shelf, from, to, err);

	return r != 0 || strcmp(from, to) == 0 ? r : stage_remove(shelf, from, err);
}

static inline int stage_upload_begin(struct shelf *shelf, const char *path, struct err *err)
{
	struct stage *stage = stage_of(shelf);

	stage->upload = stage_put(stage, path, false, err);
	return stage->upload ? 0 : ERR_NO_SPACE;
}

static inline int stage_upload_write(struct shelf *shelf, struct slice bytes, struct err *err)
{
	if (buf_append_slice(&stage_of(shelf)->upload->bytes, bytes, err) < 0)
		return err_set(err, ERR_NO_SPACE, "the test's disk is full");
	return 0;
}

static inline int stage_upload_end(struct shelf *shelf, struct err *err)
{
	(void)err;
	stage_of(shelf)->upload = NULL;
	return 0;
}

static inline void stage_upload_drop(struct shelf *shelf)
{
	struct stage *stage = stage_of(shelf);

	stage_remove(shelf, stage->upload->path, NULL);
	stage->upload = NULL;
}

static inline uint64_t stage_free_space(struct shelf *shelf)
{
	(void)shelf;
	return 5000000000;
}

static inline void stage_close(struct stage *stage)
{
	wire_clear(&stage->exchange.wire);
	link_stream_free(stage->exchange.stream);
	for (size_t i = 0; i < stage->count; i++)
		buf_clear(&stage->files[i].bytes);
	job_problems_clear(&stage->problems);
	if (stage->device >= 0)
		close(stage->device);
}

/** stage_open - ready to be greeted or served; @stage is large: give it static memory */
static inline int stage_open(struct stage *stage, struct err *err)
{
	struct conn *conn = NULL;
	int ends[2], r;

	*stage = (struct stage){
		.shelf = {.list = stage_list,
			  .read = stage_read,
			  .make_dir = stage_make_dir,
			  .move = stage_move,
			  .copy = stage_copy,
			  .remove = stage_remove,
			  .upload_begin = stage_upload_begin,
			  .upload_write = stage_upload_write,
			  .upload_end = stage_upload_end,
			  .upload_drop = stage_upload_drop,
			  .free_space = stage_free_space},
		.env = {.clock = clock_system()},
		.problems = JOB_PROBLEMS_INIT,
		.exchange = {.udid = STAGE_UDID, .device_name = "the iPad"},
		.device = -1,
	};
	stage->exchange.env = &stage->env;
	stage->exchange.notify = &stage->notify;
	stage->exchange.shelf = &stage->shelf;
	stage->exchange.problems = &stage->problems;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(err, ERR_IO, "no socket pair");
	stage->device = ends[0];
	r = conn_new(&conn, ends[1], stage->env.clock, NULL, err);
	if (r == 0)
		r = wire_init(&stage->exchange.wire, conn, err);
	if (r < 0)
		stage_close(stage);
	return r;
}

/** stage_say - the device's bytes, all of them, and then it hangs up: read answers after the run */
static inline bool stage_say(struct stage *stage, struct slice bytes)
{
	bool is_sent = write(stage->device, bytes.bytes, bytes.len) == (ssize_t)bytes.len;

	return shutdown(stage->device, SHUT_WR) == 0 && is_sent;
}

#endif
