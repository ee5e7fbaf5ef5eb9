/*
 * afc - the few file operations on a device's media folder that a run needs
 *
 * The lock file of the sync dance, the media library's small files for Info.plist, and the
 * list of apps that a restore leaves behind for the device.  One request at a time, except
 * that questions about several files go out together.
 */
#include "job/internal.h"

#include <stdio.h>
#include <string.h>

enum {
	READ_STEP = 64 << 10,
	WRITE_STEP = 64 << 10,
	SMALL_FILE_MAX = 8 << 20,
	LOCK_EXCLUSIVE = 6,
	LOCK_UNLOCK = 12,
	STATUS_END_OF_DATA = 14, /* how some devices say that a file is read to its end */
};

int afc_open(struct afc *afc, struct lockdown *lockdown, struct err *err)
{
	int r;

	*afc = (struct afc){0};
	r = lockdown_service(lockdown, "com.apple.afc", false, &afc->wire, err);
	if (r == 0)
		afc->is_open = true;
	return r;
}

void afc_close(struct afc *afc)
{
	if (afc->is_open) {
		conn_tls_end(afc->wire.conn);
		wire_clear(&afc->wire);
	}
	afc->is_open = false;
}

/* afc_put - queue a packet; the number that its reply repeats goes to @number */
static int afc_put(struct afc *afc, uint64_t op, struct slice arguments, struct slice payload,
		   uint64_t *number, struct err *err)
{
	int r;

	buf_truncate(&afc->wire.out, 0);
	*number = afc->number++;
	r = link_afc_write(&afc->wire.out, *number, op, arguments, payload, err);
	return r < 0 ? r : conn_write(afc->wire.conn, buf_slice(&afc->wire.out), err);
}

/*
 * afc_take - the reply to request @number: its op and status; @arguments and @payload are copied to
 * @body one after the other.  Replies here are at most READ_STEP and a header, so one fill holds
 * them.
 */
static int afc_take(struct afc *afc, uint64_t number, uint64_t *op, uint64_t *status,
		    struct buf *body, struct err *err)
{
	struct conn *conn = afc->wire.conn;
	struct link_afc packet;
	struct reader in;
	size_t before;
	int r;

	for (;;) {
		in = conn_view(conn);
		before = in.left;
		r = link_afc_parse(&in, &packet, err);
		if (r != LINK_NEED_MORE)
			break;
		r = conn_fill_more(conn, err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (packet.number != number)
		return err_set(err, ERR_PROTOCOL, "AFC answers request %llu instead of %llu",
			       (unsigned long long)packet.number, (unsigned long long)number);
	*op = packet.op;
	*status = AFC_OK;
	if (packet.op == AFC_STATUS) {
		if (packet.arguments.len < 8)
			return err_set(err, ERR_PROTOCOL, "AFC status without a code");
		*status = get_u64le(packet.arguments.bytes);
	} else if (body) {
		r = buf_append_slice(body, packet.arguments, err);
		if (r == 0)
			r = buf_append_slice(body, packet.payload, err);
	}
	conn_consume(conn, before - in.left);
	return r;
}

/* afc_do - one request and its answer; a status other than 0 and @outcome_status is an error */
static int afc_do(struct afc *afc, uint64_t op, struct slice arguments, struct slice payload,
		  struct buf *body, uint64_t outcome_status, const char *what, struct err *err)
{
	uint64_t number, answer, status;
	int r;

	r = afc_put(afc, op, arguments, payload, &number, err);
	if (r == 0)
		r = conn_flush(afc->wire.conn, err);
	if (r == 0)
		r = afc_take(afc, number, &answer, &status, body, err);
	if (r < 0)
		return err_wrap(err, r, "AFC: %s", what);
	if (status == AFC_OK)
		return 0;
	if (status == outcome_status)
		return JOB_ABSENT;
	return err_set(err, status == AFC_NO_SPACE ? ERR_NO_SPACE : ERR_DEVICE, "AFC: %s: %s", what,
		       link_afc_status_text(status));
}

static struct slice path_argument(const char *path)
{
	return slice_of(path, strlen(path) + 1);
}

int afc_file_open(struct afc *afc, const char *path, uint64_t mode, uint64_t *handle,
		  struct err *err)
{
	CLEANUP(buf_clear) struct buf arguments = BUF_INIT(4096), body = BUF_INIT(READ_STEP);
	int r;

	r = buf_append_u64le(&arguments, mode, err);
	if (r == 0)
		r = buf_append_slice(&arguments, path_argument(path), err);
	if (r == 0)
		r = afc_do(afc, AFC_FILE_OPEN, buf_slice(&arguments), SLICE_EMPTY, &body,
			   AFC_NOT_FOUND, path, err);
	if (r != 0)
		return r;
	if (body.len < 8)
		return err_set(err, ERR_PROTOCOL, "AFC: open %s: no handle", path);
	*handle = get_u64le(body.bytes);
	return 0;
}

static int handle_do(struct afc *afc, uint64_t op, uint64_t handle, uint64_t argument,
		     bool has_argument, struct buf *body, uint64_t outcome_status, const char *what,
		     struct err *err)
{
	uint8_t arguments[16];

	put_u64le(arguments, handle);
	put_u64le(arguments + 8, argument);
	return afc_do(afc, op, slice_of(arguments, has_argument ? 16 : 8), SLICE_EMPTY, body,
		      outcome_status, what, err);
}

int afc_file_close(struct afc *afc, uint64_t handle, struct err *err)
{
	return handle_do(afc, AFC_FILE_CLOSE, handle, 0, false, NULL, AFC_OK, "close", err);
}

int afc_lock(struct afc *afc, uint64_t handle, struct err *err)
{
	return handle_do(afc, AFC_FILE_LOCK, handle, LOCK_EXCLUSIVE, true, NULL, AFC_WOULD_BLOCK,
			 "lock", err);
}

int afc_unlock(struct afc *afc, uint64_t handle, struct err *err)
{
	return handle_do(afc, AFC_FILE_LOCK, handle, LOCK_UNLOCK, true, NULL, AFC_OK, "unlock",
			 err);
}

int afc_make_dir(struct afc *afc, const char *path, struct err *err)
{
	int r = afc_do(afc, AFC_MAKE_DIR, path_argument(path), SLICE_EMPTY, NULL, AFC_EXISTS, path,
		       err);

	return r == JOB_ABSENT ? 0 : r;
}

int afc_remove(struct afc *afc, const char *path, struct err *err)
{
	int r = afc_do(afc, AFC_REMOVE_PATH, path_argument(path), SLICE_EMPTY, NULL, AFC_NOT_FOUND,
		       path, err);

	return r == JOB_ABSENT ? 0 : r;
}

static int read_all(struct afc *afc, uint64_t handle, const char *path, struct buf *out,
		    struct err *err)
{
	for (;;) {
		size_t before = out->len;
		int r = handle_do(afc, AFC_FILE_READ, handle, READ_STEP, true, out,
				  STATUS_END_OF_DATA, path, err);

		if (r < 0)
			return r;
		if (out->len > SMALL_FILE_MAX)
			return err_set(err, ERR_LIMIT, "AFC: %s is over %d bytes", path,
				       SMALL_FILE_MAX);
		if (r == JOB_ABSENT || out->len == before)
			return 0;
	}
}

/* ask_infos - which of @paths exist: all questions in one go, then all answers */
static int ask_infos(struct afc *afc, const char *const *paths, size_t count, bool *has,
		     struct err *err)
{
	uint64_t first = afc->number, number, op, status;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = afc_put(afc, AFC_GET_FILE_INFO, path_argument(paths[i]), SLICE_EMPTY, &number,
			    err);
	if (r == 0)
		r = conn_flush(afc->wire.conn, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = afc_take(afc, first + i, &op, &status, NULL, err);
		has[i] = r == 0 && status == AFC_OK && op == AFC_DATA;
	}
	return r < 0 ? err_wrap(err, r, "AFC: ask for files") : 0;
}

int afc_read_files(struct afc *afc, const char *const *paths, size_t count, struct buf *contents,
		   bool *has, struct err *err)
{
	int r = ask_infos(afc, paths, count, has, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		uint64_t handle;

		if (!has[i])
			continue;
		r = afc_file_open(afc, paths[i], 1, &handle, err);
		if (r == JOB_ABSENT) { /* gone since, or a folder */
			has[i] = false;
			r = 0;
			continue;
		}
		if (r == 0)
			r = read_all(afc, handle, paths[i], &contents[i], err);
		if (r == 0)
			r = afc_file_close(afc, handle, err);
	}
	return r;
}

int afc_write_file(struct afc *afc, const char *path, struct slice bytes, struct err *err)
{
	uint64_t handle;
	int r;

	r = afc_file_open(afc, path, 3, &handle, err);
	if (r == JOB_ABSENT)
		return err_set(err, ERR_DEVICE, "AFC: %s cannot be made", path);
	for (size_t at = 0; r == 0 && at < bytes.len;) {
		size_t step = bytes.len - at < WRITE_STEP ? bytes.len - at : WRITE_STEP;
		uint8_t argument[8];

		put_u64le(argument, handle);
		r = afc_do(afc, AFC_FILE_WRITE, slice_of(argument, 8),
			   slice_of(bytes.bytes + at, step), NULL, AFC_OK, path, err);
		at += step;
	}
	return r < 0 ? r : afc_file_close(afc, handle, err);
}
