/* source - bytes with random access: files and memory */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void source_close_p(struct source **source)
{
	if (*source)
		(*source)->close(*source);
	*source = NULL;
}

struct file_source {
	struct source source;
	int fd;
};

static ssize_t file_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			 struct err *err)
{
	struct file_source *file = (struct file_source *)source;
	uint8_t *at = bytes;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(file->fd, at + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "read");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static void file_close(struct source *source)
{
	close(((struct file_source *)source)->fd);
	free(source);
}

int source_fd_open(struct source **out, int fd, uint64_t len, struct err *err)
{
	struct file_source *file = malloc(sizeof(*file));

	if (!file) {
		close_p(&fd);
		return err_no_memory(err);
	}
	*file = (struct file_source){{len, file_read, file_close}, fd};
	*out = &file->source;
	return 0;
}

int source_file_open(struct source **out, const char *path, struct err *err)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int taken;

	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return err_set_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s: not a regular file", path);
	taken = fd;
	fd = -1;
	return source_fd_open(out, taken, (uint64_t)st.st_size, err);
}

struct bytes_source {
	struct source source;
	uint8_t bytes[];
};

static ssize_t bytes_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			  struct err *err)
{
	if (offset >= source->len)
		return 0;
	if (len > source->len - offset)
		len = (size_t)(source->len - offset);
	memcpy(bytes, ((struct bytes_source *)source)->bytes + offset, len);
	return (ssize_t)len;
}

static void bytes_close(struct source *source)
{
	free(source);
}

int source_bytes_open(struct source **out, struct slice bytes, struct err *err)
{
	struct bytes_source *held = malloc(sizeof(*held) + bytes.len);

	if (!held)
		return err_no_memory(err);
	held->source = (struct source){bytes.len, bytes_read, bytes_close};
	if (bytes.len > 0)
		memcpy(held->bytes, bytes.bytes, bytes.len);
	*out = &held->source;
	return 0;
}

int source_read_exactly(struct source *source, uint64_t offset, void *bytes, size_t len,
			struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = source->read(source, offset + done, (uint8_t *)bytes + done, len - done,
					 err);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return err_set(err, ERR_CORRUPT, "ends at byte %llu of %llu",
				       (unsigned long long)offset + done,
				       (unsigned long long)source->len);
		done += (size_t)n;
	}
	return 0;
}

int source_read_all(struct source *source, struct buf *out, struct err *err)
{
	int r;

	if (source->len > out->max)
		return err_set(err, ERR_LIMIT, "%llu bytes, the limit is %zu",
			       (unsigned long long)source->len, out->max);
	r = buf_reserve(out, (size_t)source->len, err);
	if (r == 0)
		r = source_read_exactly(source, 0, out->bytes + out->len, (size_t)source->len, err);
	if (r < 0)
		return r;
	out->len += (size_t)source->len;
	return 0;
}
