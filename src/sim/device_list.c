/*
 * device_list - what a run has to do, as fixed records in a nameless file of scratch/
 *
 * A backup of a million files remembers which it sent and what their digests are; kept on disk, so
 * that the device's memory does not grow with its files.
 */
#include "sim/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_BUFFER_COUNT = 1024 };

struct sim_list {
	int fd;
	uint64_t count, at; /* records in all; the next one to read */
	bool is_reading;
	size_t used, first; /* records in the buffer; writing: behind what is on disk, reading: from
			       @first on */
	struct sim_item buffer[LIST_BUFFER_COUNT];
};

int sim_list_new(struct sim_list **out, const struct sim_device *device, struct err *err)
{
	struct sim_list *list = calloc(1, sizeof(*list));
	char path[SIM_FOLDER_MAX + 64];

	if (!list)
		return err_no_memory(err);
	list->fd = open(sim_device_path(device, "scratch", path), O_TMPFILE | O_RDWR | O_CLOEXEC,
			0600);
	if (list->fd < 0) {
		int r = err_set_errno(err, errno, "temporary file in %s", path);

		free(list);
		return r;
	}
	*out = list;
	return 0;
}

void sim_list_free_p(struct sim_list **list)
{
	if (!*list)
		return;
	close((*list)->fd);
	free(*list);
	*list = NULL;
}

uint64_t sim_list_count(const struct sim_list *list)
{
	return list->count;
}

static int flush(struct sim_list *list, struct err *err)
{
	uint64_t offset = (list->count - list->used) * sizeof(list->buffer[0]);
	int r = fs_pwrite_all(fs_system(), list->fd, list->buffer,
			      list->used * sizeof(list->buffer[0]), offset, err);

	if (r == 0)
		list->used = 0;
	return r;
}

int sim_list_add(struct sim_list *list, const struct sim_item *item, struct err *err)
{
	list->buffer[list->used++] = *item;
	list->count++;
	return list->used == LIST_BUFFER_COUNT ? flush(list, err) : 0;
}

int sim_list_rewind(struct sim_list *list, struct err *err)
{
	int r = list->is_reading ? 0 : flush(list, err);

	if (r < 0)
		return r;
	list->is_reading = true;
	list->at = list->used = list->first = 0;
	return 0;
}

int sim_list_next(struct sim_list *list, struct sim_item *item, struct err *err)
{
	if (list->at == list->count)
		return SIM_FILES_END;
	if (list->first == list->used) {
		uint64_t left = list->count - list->at;
		int r;

		list->first = 0;
		list->used = left < LIST_BUFFER_COUNT ? (size_t)left : LIST_BUFFER_COUNT;
		r = fs_pread_all(fs_system(), list->fd, list->buffer,
				 list->used * sizeof(list->buffer[0]),
				 list->at * sizeof(list->buffer[0]), err);
		if (r < 0)
			return r;
	}
	*item = list->buffer[list->first++];
	list->at++;
	return 0;
}
