/*
 * wire_afc - the media folder of the device, as hosts see it through com.apple.afc
 *
 * Packets and handles; paths are resolved in wire_afc_paths.c.  Locks are the kernel's (flock),
 * so that two connections, or two processes, exclude each other, and a lock ends with its
 * connection.
 */
#include "sim/wire_afc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { HANDLES_MAX = 256, READ_MAX = 4 << 20, HEADER_LEN = 40 };

struct afc {
	struct wire_peer *peer;
	int root;
	int handles[HANDLES_MAX]; /* -1 = free; a handle on the wire is its index + 1 */
	struct buf data;          /* payload of the answer */
	uint64_t number;          /* of the packet being answered */
};

/* ---- what is there ---- */

static int add_text(struct afc *afc, const char *text, struct err *err)
{
	return buf_append(&afc->data, text, strlen(text) + 1, err);
}

static int add_number(struct afc *afc, const char *key, uint64_t value, struct err *err)
{
	char text[32];
	int r = add_text(afc, key, err);

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return r < 0 ? r : add_text(afc, text, err);
}

static int read_dir(struct afc *afc, struct reader *in, uint64_t *status, struct err *err)
{
	const char *path = wire_afc_take_path(in);
	struct dirent **names;
	int fd, count, r = 0;

	fd = path ? wire_afc_open_beneath(afc->root, path, O_RDONLY | O_DIRECTORY, 0) : -1;
	if (fd < 0) {
		*status = path ? wire_afc_status(errno) : AFC_BAD_ARGUMENT;
		return 0;
	}
	count = scandirat(fd, ".", &names, NULL,
			  alphasort); /* sorted: the same answer every time */
	*status = count < 0 ? wire_afc_status(errno) : AFC_OK;
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = add_text(afc, names[i]->d_name, err);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	close(fd);
	return r;
}

static int file_info(struct afc *afc, struct reader *in, uint64_t *status, struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	const char *path = wire_afc_take_path(in);
	char target[PATH_LEN_MAX + 1];
	struct stat st;
	ssize_t len;
	int r;

	fd = path ? wire_afc_open_beneath(afc->root, path, O_PATH | O_NOFOLLOW, 0) : -1;
	if (fd < 0 || fstat(fd, &st) < 0) {
		*status = path ? wire_afc_status(errno) : AFC_BAD_ARGUMENT;
		return 0;
	}
	r = add_number(afc, "st_size", (uint64_t)st.st_size, err);
	if (r == 0)
		r = add_number(afc, "st_blocks", (uint64_t)st.st_blocks, err);
	if (r == 0)
		r = add_number(afc, "st_nlink", st.st_nlink, err);
	if (r == 0)
		r = add_text(afc, "st_ifmt", err);
	if (r == 0)
		r = add_text(afc,
			     S_ISDIR(st.st_mode)   ? "S_IFDIR"
			     : S_ISLNK(st.st_mode) ? "S_IFLNK"
						   : "S_IFREG",
			     err);
	if (r == 0)
		r = add_number(afc, "st_mtime",
			       (uint64_t)st.st_mtim.tv_sec * 1000000000 +
				       (uint64_t)st.st_mtim.tv_nsec,
			       err);
	if (r == 0)
		r = add_number(afc, "st_birthtime", (uint64_t)st.st_mtim.tv_sec * 1000000000, err);
	if (r < 0 || !S_ISLNK(st.st_mode))
		return r;
	len = readlinkat(fd, "", target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	r = add_text(afc, "LinkTarget", err);
	return r < 0 ? r : add_text(afc, target, err);
}

static int device_info(struct afc *afc, struct err *err)
{
	struct wire_device *device = afc->peer->device;
	struct sim_state state;
	int r = sim_device_state(device->device, &state, err);

	if (r == 0)
		r = add_text(afc, "Model", err);
	if (r == 0)
		r = add_text(afc, sim_device_identity(device->device)->product_type, err);
	if (r == 0)
		r = add_number(afc, "FSTotalBytes", state.total_bytes, err);
	if (r == 0)
		r = add_number(afc, "FSFreeBytes", state.free_bytes, err);
	return r < 0 ? r : add_number(afc, "FSBlockSize", 4096, err);
}

/* ---- handles ---- */

static int handle_of(const struct afc *afc, struct reader *in)
{
	uint64_t handle;

	if (!reader_u64le(in, &handle) || handle == 0 || handle > HANDLES_MAX)
		return -1;
	return afc->handles[handle - 1];
}

static uint64_t file_open(struct afc *afc, struct reader *in, uint64_t *handle)
{
	static const int flags[] = {
		[1] = O_RDONLY,
		[2] = O_RDWR | O_CREAT,
		[3] = O_WRONLY | O_CREAT | O_TRUNC,
		[4] = O_RDWR | O_CREAT | O_TRUNC,
		[5] = O_WRONLY | O_APPEND | O_CREAT,
		[6] = O_RDWR | O_APPEND | O_CREAT,
	};
	const char *path;
	uint64_t mode;
	size_t slot = 0;

	if (!reader_u64le(in, &mode) || mode < 1 || mode >= ARRAY_COUNT(flags) ||
	    !(path = wire_afc_take_path(in)))
		return AFC_BAD_ARGUMENT;
	while (slot < HANDLES_MAX && afc->handles[slot] >= 0)
		slot++;
	if (slot == HANDLES_MAX)
		return AFC_UNKNOWN;
	afc->handles[slot] = wire_afc_open_beneath(afc->root, path, flags[mode] | O_NONBLOCK, 0644);
	if (afc->handles[slot] < 0)
		return wire_afc_status(errno);
	*handle = slot + 1;
	return AFC_OK;
}

static uint64_t file_close(struct afc *afc, struct reader *in)
{
	uint64_t handle;

	if (!reader_u64le(in, &handle) || handle == 0 || handle > HANDLES_MAX ||
	    afc->handles[handle - 1] < 0)
		return AFC_BAD_ARGUMENT;
	close_p(&afc->handles[handle - 1]);
	afc->handles[handle - 1] = -1;
	return AFC_OK;
}

static int file_read(struct afc *afc, struct reader *in, uint64_t *status, struct err *err)
{
	int fd = handle_of(afc, in), r;
	uint64_t len;
	ssize_t got;

	if (fd < 0 || !reader_u64le(in, &len)) {
		*status = AFC_BAD_ARGUMENT;
		return 0;
	}
	len = len > READ_MAX ? READ_MAX : len;
	r = buf_reserve(&afc->data, len, err);
	if (r < 0)
		return r;
	got = read(fd, afc->data.bytes, len);
	*status = got < 0 ? wire_afc_status(errno) : AFC_OK;
	afc->data.len = got < 0 ? 0 : (size_t)got;
	return 0;
}

static uint64_t file_write(struct afc *afc, struct reader *in, struct slice payload)
{
	struct sim_faults *faults = afc->peer->device->faults;
	const struct sim_fault *full = sim_faults_find(faults, SIM_FAULT_NO_SPACE);
	int fd = handle_of(afc, in);

	if (fd < 0)
		return AFC_BAD_ARGUMENT;
	if (full &&
	    sim_faults_take(faults, full, "no space for %zu bytes through AFC", payload.len))
		return AFC_NO_SPACE;
	while (payload.len > 0) {
		ssize_t put = write(fd, payload.bytes, payload.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return wire_afc_status(errno);
		payload = slice_of(payload.bytes + put, payload.len - (size_t)put);
	}
	return AFC_OK;
}

static uint64_t file_lock(struct afc *afc, struct reader *in)
{
	int fd = handle_of(afc, in);
	uint64_t op;

	if (fd < 0 || !reader_u64le(in, &op))
		return AFC_BAD_ARGUMENT;
	switch (op) {
	case 5:
		return flock(fd, LOCK_SH | LOCK_NB) < 0 ? wire_afc_status(errno) : AFC_OK;
	case 6:
		return flock(fd, LOCK_EX | LOCK_NB) < 0 ? wire_afc_status(errno) : AFC_OK;
	case 12:
		return flock(fd, LOCK_UN) < 0 ? wire_afc_status(errno) : AFC_OK;
	default:
		return AFC_BAD_ARGUMENT;
	}
}

static uint64_t file_seek(struct afc *afc, struct reader *in)
{
	int fd = handle_of(afc, in);
	uint64_t whence, offset;

	if (fd < 0 || !reader_u64le(in, &whence) || !reader_u64le(in, &offset) || whence > SEEK_END)
		return AFC_BAD_ARGUMENT;
	return lseek(fd, (off_t)offset, (int)whence) < 0 ? wire_afc_status(errno) : AFC_OK;
}

static uint64_t set_size(struct afc *afc, struct reader *in)
{
	int fd = handle_of(afc, in);
	uint64_t len;

	if (fd < 0 || !reader_u64le(in, &len) || len > INT64_MAX)
		return AFC_BAD_ARGUMENT;
	return ftruncate(fd, (off_t)len) < 0 ? wire_afc_status(errno) : AFC_OK;
}

/* ---- one packet ---- */

static int answer(struct afc *afc, uint64_t op, struct slice arguments, struct slice payload,
		  struct err *err)
{
	struct wire_peer *peer = afc->peer;
	int r;

	buf_truncate(&peer->reply, 0);
	r = link_afc_write(&peer->reply, afc->number, op, arguments, payload, err);
	if (r == 0)
		r = conn_write(peer->conn, buf_slice(&peer->reply), err);
	return r < 0 ? r : conn_flush(peer->conn, err);
}

static int answer_number(struct afc *afc, uint64_t op, uint64_t number, struct err *err)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
	return answer(afc, op, slice_of(bytes, sizeof(bytes)), SLICE_EMPTY, err);
}

static int tell(struct afc *afc, struct reader *in, struct err *err)
{
	int fd = handle_of(afc, in);
	off_t at = fd < 0 ? -1 : lseek(fd, 0, SEEK_CUR);

	if (at < 0)
		return answer_number(afc, AFC_STATUS, AFC_BAD_ARGUMENT, err);
	return answer_number(afc, AFC_FILE_TELL_RESULT, (uint64_t)at, err);
}

/* operations whose answer is a status alone */
static uint64_t change(struct afc *afc, const struct link_afc *packet, struct reader *in)
{
	switch (packet->op) {
	case AFC_FILE_WRITE:
		return file_write(afc, in, packet->payload);
	case AFC_FILE_SEEK:
		return file_seek(afc, in);
	case AFC_FILE_CLOSE:
		return file_close(afc, in);
	case AFC_SET_FILE_SIZE:
		return set_size(afc, in);
	case AFC_FILE_LOCK:
		return file_lock(afc, in);
	default:
		return wire_afc_change_names(afc->root, packet->op, in);
	}
}

static int obey(struct afc *afc, const struct link_afc *packet, struct err *err)
{
	struct reader in = reader_of(packet->arguments);
	uint64_t status = AFC_OK, handle = 0;
	int r = 0;

	afc->number = packet->number;
	buf_truncate(&afc->data, 0);
	switch (packet->op) {
	case AFC_READ_DIR:
		r = read_dir(afc, &in, &status, err);
		break;
	case AFC_GET_FILE_INFO:
		r = file_info(afc, &in, &status, err);
		break;
	case AFC_GET_DEVINFO:
		r = device_info(afc, err);
		break;
	case AFC_FILE_READ:
		r = file_read(afc, &in, &status, err);
		break;
	case AFC_FILE_OPEN:
		status = file_open(afc, &in, &handle);
		if (status == AFC_OK)
			return answer_number(afc, AFC_FILE_OPEN_RESULT, handle, err);
		return answer_number(afc, AFC_STATUS, status, err);
	case AFC_FILE_TELL:
		return tell(afc, &in, err);
	default:
		return answer_number(afc, AFC_STATUS, change(afc, packet, &in), err);
	}
	if (r < 0)
		return r;
	if (status != AFC_OK)
		return answer_number(afc, AFC_STATUS, status, err);
	return answer(afc, AFC_DATA, SLICE_EMPTY, buf_slice(&afc->data), err);
}

/* gather one whole packet: writes may be larger than the connection's buffer */
static int next_packet(struct afc *afc, struct link_afc *packet, struct err *err)
{
	struct wire_peer *peer = afc->peer;
	struct err end = ERR_INIT;
	struct reader in;
	uint64_t len;
	int r;

	r = conn_fill(peer->conn, 1, &end);
	if (r == ERR_CLOSED)
		return WIRE_END;
	r = conn_fill(peer->conn, HEADER_LEN, err);
	if (r < 0)
		return r;
	in = conn_view(peer->conn);
	reader_skip(&in, 8); /* the magic is judged by the parser */
	if (!reader_u64le(&in, &len) || len < HEADER_LEN || len > LINK_AFC_LEN_MAX)
		return err_set(err, ERR_PROTOCOL, "AFC: a packet of %" PRIu64 " bytes", len);
	buf_truncate(&peer->frame, 0);
	r = buf_reserve(&peer->frame, len, err);
	if (r == 0)
		r = conn_read(peer->conn, peer->frame.bytes, len, err);
	if (r < 0)
		return r;
	peer->frame.len = len;
	in = reader_of(buf_slice(&peer->frame));
	r = link_afc_parse(&in, packet, err);
	return r == LINK_NEED_MORE
		       ? err_set(err, ERR_PROTOCOL, "AFC: lengths that contradict each other")
		       : r;
}

int wire_speak_afc(struct wire_peer *peer, struct err *err)
{
	struct afc afc = {.peer = peer, .data = BUF_INIT(LINK_AFC_LEN_MAX - HEADER_LEN)};
	const char *path = sim_device_media_path(peer->device->device);
	struct link_afc packet;
	int r;

	for (size_t i = 0; i < HANDLES_MAX; i++)
		afc.handles[i] = -1;
	afc.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (afc.root < 0)
		return err_set_errno(err, errno, "open the media folder %s", path);
	do {
		r = next_packet(&afc, &packet, err);
		if (r == 0)
			r = obey(&afc, &packet, err);
	} while (r == 0);
	for (size_t i = 0; i < HANDLES_MAX; i++)
		close_p(&afc.handles[i]);
	close(afc.root);
	buf_clear(&afc.data);
	return r;
}
