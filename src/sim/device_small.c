/* device_small - single small files of the device, read and written by the device's own services */
#include "sim/device.h"

#include <stdlib.h>

enum { PART_LEN = 64 << 10 };

static int load(struct sim_device *device, const struct sim_file *file, struct buf *out,
		struct err *err)
{
	CLEANUP(sim_content_free_p) struct sim_content *content = NULL;
	uint64_t offset = 0;
	int r = sim_content_new(&content, device, err);

	if (r == 0)
		r = sim_content_open(content, file, err);
	while (r == 0 && offset < file->row.size) {
		uint64_t left = file->row.size - offset;
		size_t len = left < PART_LEN ? (size_t)left : PART_LEN;

		r = buf_reserve(out, len, err);
		if (r == 0)
			r = sim_content_read(content, offset, out->bytes + out->len, len, err);
		if (r == 0)
			out->len += len;
		offset += len;
	}
	return r;
}

/* open the table and find a row, which borrows from it; SIM_FILES_ABSENT */
static int find(struct sim_files **files, struct sim_device *device, const char *domain,
		const char *path, struct sim_file *file, struct err *err)
{
	char file_id[41];
	int r = sim_files_open(files, device, err);

	if (r < 0)
		return r;
	backup_file_id(domain, path, file_id);
	return sim_files_find(*files, file_id, file, err);
}

int sim_file_load(struct sim_device *device, const char *domain, const char *path, struct buf *out,
		  struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct sim_file file;
	int r = find(&files, device, domain, path, &file, err);

	return r != 0 ? r : load(device, &file, out, err);
}

/* put the row of a content that lies at the start of @pack */
static int put_row(struct sim_device *device, struct sim_files *files, const char *domain,
		   const char *path, int64_t pack, uint64_t len, struct err *err)
{
	int64_t number = sim_fact_int(device, "content_next", 1), now = sim_device_now(device);
	struct sim_file file = {.content = (uint64_t)number,
				.row = {.domain = domain, .path = path}},
			known;
	int r;

	backup_file_id(domain, path, file.row.file_id);
	r = sim_files_find(files, file.row.file_id, &known, err);
	if (r < 0)
		return r;
	if (r == 0) {
		file = known;
	} else {
		file.row.flags = 1;
		file.row.mode = S_IFREG | 0666;
		file.row.inode = 100000 + number;
		file.row.uid = 501;
		file.row.gid = -2;
		file.row.protection_class = 4;
		file.row.born = now;
	}
	file.kind = sim_kind_of_path(path);
	file.version = 0;
	file.revision++;
	file.row.modified = file.row.changed = now;
	file.row.size = file.stored_len = len;
	file.pack = len > 0 ? pack : 0;
	file.offset = 0;
	if (r == 0)
		return sim_files_update(files, &file, err);
	r = sim_files_insert(files, &file, err);
	return r < 0 ? r : sim_fact_put_int(device, "content_next", number + 1, err);
}

int sim_file_store(struct sim_device *device, const char *domain, const char *path,
		   struct slice bytes, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	CLEANUP(sim_pack_abandon_p) struct sim_pack *pack = NULL;
	int64_t number = 0;
	int r = sim_files_open(&files, device, err);

	if (r == 0)
		r = sim_pack_new(&pack, device, err);
	if (r == 0) {
		number = sim_pack_number(pack);
		r = sim_pack_append(pack, bytes, err);
	}
	if (r == 0)
		r = sim_pack_finish(&pack, err);
	if (r == 0)
		r = put_row(device, files, domain, path, number, bytes.len, err);
	return r;
}

int sim_file_delete(struct sim_device *device, const char *domain, const char *path,
		    struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct sim_file file;
	int r = find(&files, device, domain, path, &file, err);

	return r != 0 ? r : sim_files_remove(files, file.id, err);
}
