/*
 * device_pack - contents that no seed can make, appended to packs in blobs/
 *
 * A pack and not a file for each: a restore of a million small files would otherwise spend its time
 * making names.  A pack is written once, by one birth or restore, and deleted when no row needs it.
 */
#include "sim/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PACK_BUFFER_LEN = 1 << 20 };

struct sim_pack {
	int64_t number;
	uint64_t len; /* with what is still in the buffer */
	int fd;
	char path[SIM_FOLDER_MAX + 64];
	size_t used;
	uint8_t buffer[PACK_BUFFER_LEN];
};

int sim_pack_new(struct sim_pack **out, struct sim_device *device, struct err *err)
{
	struct sim_pack *pack = calloc(1, sizeof(*pack));
	char name[64];
	int r;

	if (!pack)
		return err_no_memory(err);
	pack->number = sim_fact_int(device, "pack_next", 1);
	r = sim_fact_put_int(device, "pack_next", pack->number + 1, err);
	if (r < 0) {
		free(pack);
		return r;
	}
	fs_mkdirs(fs_system(), sim_device_path(device, "blobs", pack->path), 0700, NULL);
	snprintf(name, sizeof(name), "blobs/%06lld.pack", (long long)pack->number);
	pack->fd = open(sim_device_path(device, name, pack->path),
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (pack->fd < 0) {
		r = err_set_errno(err, errno, "create %s", pack->path);
		free(pack);
		return r;
	}
	*out = pack;
	return 0;
}

int64_t sim_pack_number(const struct sim_pack *pack)
{
	return pack->number;
}

uint64_t sim_pack_len(const struct sim_pack *pack)
{
	return pack->len;
}

static int flush(struct sim_pack *pack, struct err *err)
{
	size_t done = 0;

	while (done < pack->used) {
		ssize_t wrote = write(pack->fd, pack->buffer + done, pack->used - done);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return err_set_errno(err, errno, "write %s", pack->path);
		done += (size_t)wrote;
	}
	pack->used = 0;
	return 0;
}

int sim_pack_append(struct sim_pack *pack, struct slice bytes, struct err *err)
{
	while (bytes.len > 0) {
		size_t part = PACK_BUFFER_LEN - pack->used;
		int r;

		if (part > bytes.len)
			part = bytes.len;
		memcpy(pack->buffer + pack->used, bytes.bytes, part);
		pack->used += part;
		pack->len += part;
		bytes = slice_of(bytes.bytes + part, bytes.len - part);
		if (pack->used == PACK_BUFFER_LEN && (r = flush(pack, err)) < 0)
			return r;
	}
	return 0;
}

int sim_pack_finish(struct sim_pack **pointer, struct err *err)
{
	struct sim_pack *pack = *pointer;
	int r = flush(pack, err);

	if (r < 0)
		return r;
	if (pack->len == 0)
		unlink(pack->path);
	close(pack->fd);
	free(pack);
	*pointer = NULL;
	return 0;
}

void sim_pack_abandon_p(struct sim_pack **pointer)
{
	struct sim_pack *pack = *pointer;

	if (!pack)
		return;
	unlink(pack->path);
	close(pack->fd);
	free(pack);
	*pointer = NULL;
}

int sim_packs_sweep(struct sim_device *device, struct sim_files *files, struct err *err)
{
	char path[SIM_FOLDER_MAX + 64];
	DIR *folder = opendir(sim_device_path(device, "blobs", path));
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "open %s", path);
	while (r == 0 && (entry = readdir(folder))) {
		bool is_used = true;
		char *end;
		int64_t number = strtoll(entry->d_name, &end, 10);

		if (number <= 0 || strcmp(end, ".pack"))
			continue;
		r = sim_files_pack_is_used(files, number, &is_used, err);
		if (r == 0 && !is_used)
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
	return r;
}
