/*
 * bench_client - what the simulator is measured against: the cheapest host there can be
 *
 * It speaks every protocol on the way properly (bench_host.c as far as the service, DeviceLink
 * here) and then only counts.  The three state files are kept in memory, because a device reads
 * them back.
 */
#include "sim/bench_client.h"

#include "sim/bench_host.h"

#include <errno.h>
#include <string.h>

enum { STATE_FILES = 3, STATE_LEN_MAX = 512 << 20, BLOCK = LINK_BLOCK_TO_DEVICE };

static const char *const state_names[STATE_FILES] = {"Status.plist", "Manifest.plist",
						     "Manifest.db"};

struct client {
	struct bench_host host;
	struct bench_result *result;
	struct buf states[STATE_FILES];
};

/* ---- a backup ---- */

/* the state file that a host path names; -1 for content */
static int state_of(const char *path, size_t len)
{
	for (int i = 0; i < STATE_FILES; i++) {
		size_t name_len = strlen(state_names[i]);

		if (len > name_len && memcmp(path + len - name_len, state_names[i], name_len) == 0)
			return i;
	}
	return -1;
}

static int take_event(struct client *client, const struct link_event *event, int *state,
		      bool *is_over, struct err *err)
{
	switch (event->kind) {
	case LINK_EVENT_FILE:
		*state = state_of((const char *)event->host_name.bytes, event->host_name.len);
		if (*state >= 0)
			buf_truncate(&client->states[*state], 0);
		else
			client->result->files++;
		return 0;
	case LINK_EVENT_DATA:
		if (*state >= 0)
			return buf_append_slice(&client->states[*state], event->bytes, err);
		client->result->bytes += event->bytes.len;
		return 0;
	case LINK_EVENT_FILE_ERROR:
		return err_set(err, ERR_DEVICE, "the device could not deliver a file");
	case LINK_EVENT_BATCH_END:
		*is_over = true;
		return 0;
	case LINK_EVENT_FILE_END:
		return 0;
	}
	return 0;
}

static int drain(struct client *client, struct conn *conn, struct link_stream *stream,
		 struct err *err)
{
	int64_t began = client->host.clock->mono_ns(client->host.clock);
	uint64_t files = client->result->files;
	bool is_over = false;
	int state = -1, r = 0;

	link_stream_reset(stream);
	while (!is_over) {
		struct reader in = conn_view(conn);
		size_t before = in.left;
		struct link_event event;

		while (!is_over && (r = link_stream_next(stream, &in, &event, err)) == 0) {
			r = take_event(client, &event, &state, &is_over, err);
			if (r < 0)
				return r;
		}
		conn_consume(conn, before - in.left);
		if (!is_over && r == LINK_NEED_MORE)
			r = conn_fill_more(conn, err);
		if (r < 0)
			return r;
	}
	/* batches of state files alone are not what is measured */
	if (client->result->files > files)
		client->result->stream_seconds +=
			(double)(client->host.clock->mono_ns(client->host.clock) - began) / 1e9;
	return 0;
}

/* give back a state file, or say that there is none */
static int send_file(struct client *client, struct conn *conn, const char *path, bool *is_there,
		     struct err *err)
{
	const char *absent = link_dl_errno_text(ENOENT);
	int state = state_of(path, strlen(path));
	struct slice left = state < 0 ? SLICE_EMPTY : buf_slice(&client->states[state]);
	uint8_t header[5];
	int r;

	*is_there = left.len > 0;
	put_u32be(header, (uint32_t)strlen(path));
	r = conn_write(conn, slice_of(header, 4), err);
	if (r == 0)
		r = conn_write(conn, slice_text(path), err);
	while (r == 0 && left.len > 0) {
		size_t len = left.len < BLOCK ? left.len : BLOCK;

		link_block_header(header, LINK_BLOCK_DATA, (uint32_t)len);
		r = conn_write(conn, slice_of(header, sizeof(header)), err);
		if (r == 0)
			r = conn_write(conn, slice_of(left.bytes, len), err);
		left = slice_of(left.bytes + len, left.len - len);
	}
	if (r < 0)
		return r;
	if (*is_there) {
		link_block_header(header, LINK_BLOCK_END, 0);
		return conn_write(conn, slice_of(header, sizeof(header)), err);
	}
	link_block_header(header, LINK_BLOCK_ERROR_LOCAL, (uint32_t)strlen(absent));
	r = conn_write(conn, slice_of(header, sizeof(header)), err);
	return r < 0 ? r : conn_write(conn, slice_text(absent), err);
}

static int send_files(struct client *client, struct conn *conn, const struct plist *paths,
		      struct err *err)
{
	static const uint8_t end[4];
	struct plist_doc *out = client->host.out;
	struct plist *failures, *failure;
	bool is_there;
	int r = 0;

	plist_doc_reset(out);
	failures = plist_new_dict(out);
	for (const struct plist *path = paths ? paths->as.items.first : NULL; r == 0 && path;
	     path = path->next) {
		const char *text = plist_text(path);

		r = send_file(client, conn, text ? text : "", &is_there, err);
		if (r < 0 || is_there)
			continue;
		failure = plist_new_dict(out);
		plist_set_int(out, failure, "DLFileErrorCode", LINK_DL_NO_ENTRY);
		plist_set_text(out, failure, "DLFileErrorString", link_dl_errno_text(ENOENT));
		plist_set(out, failures, text ? text : "", failure);
	}
	if (r == 0)
		r = conn_write(conn, slice_of(end, sizeof(end)), err);
	if (r < 0)
		return r;
	if (failures->as.items.count == 0)
		return link_dl_write_status(&client->host.reply, 0, NULL, NULL, NULL, err);
	return link_dl_write_status(&client->host.reply, LINK_DL_MULTI_STATUS, "Multi status", out,
				    failures, err);
}

/* answer one message; 1 when it was the final response */
static int answer(struct client *client, struct conn *conn, struct link_stream *stream,
		  const struct link_dl *message, struct err *err)
{
	int64_t code = -1;
	int r;

	buf_truncate(&client->host.reply, 0);
	plist_doc_reset(client->host.out);
	switch (message->kind) {
	case LINK_DL_PROCESS_MESSAGE:
		if (plist_get_int(message->message, "ErrorCode", &code) && code != 0)
			return err_set(err, ERR_DEVICE,
				       "the device ended the backup with error %lld",
				       (long long)code);
		return 1;
	case LINK_DL_UPLOAD_FILES:
		r = drain(client, conn, stream, err);
		if (r == 0)
			r = link_dl_write_status(&client->host.reply, 0, NULL, NULL, NULL, err);
		break;
	case LINK_DL_DOWNLOAD_FILES:
		r = send_files(client, conn, message->paths, err);
		break;
	case LINK_DL_FREE_SPACE:
		r = link_dl_write_status(&client->host.reply, 0, NULL, client->host.out,
					 plist_new_int(client->host.out, INT64_C(1) << 42), err);
		break;
	default: /* listings are empty; folders, moves and removals succeed */
		r = link_dl_write_status(&client->host.reply, 0, NULL, NULL, NULL, err);
	}
	return r < 0 ? r : bench_host_flush(&client->host, conn, err);
}

static int hear(struct client *client, struct conn *conn, struct link_dl *message, struct err *err)
{
	const struct plist *root;
	int r = bench_host_receive(&client->host, conn, &root, err);

	return r < 0 ? r : link_dl_parse(root, message, err);
}

/* version exchange, ready, Hello */
static int open_link(struct client *client, struct conn *conn, struct err *err)
{
	struct link_dl message;
	int r = hear(client, conn, &message, err);

	buf_truncate(&client->host.reply, 0);
	if (r == 0)
		r = link_dl_write_version_ok(&client->host.reply, message.major, err);
	if (r == 0)
		r = bench_host_flush(&client->host, conn, err);
	if (r == 0)
		r = hear(client, conn, &message, err);
	buf_truncate(&client->host.reply, 0);
	if (r == 0)
		r = link_mb_hello(&client->host.reply, err);
	if (r == 0)
		r = bench_host_flush(&client->host, conn, err);
	return r < 0 ? r : hear(client, conn, &message, err);
}

static int back_up(struct client *client, struct conn *conn, struct err *err)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = NULL;
	struct link_dl message;
	int64_t began;
	int r = open_link(client, conn, err);

	if (r == 0)
		r = link_stream_new(&stream, true, err);
	buf_truncate(&client->host.reply, 0);
	if (r == 0)
		r = link_mb_backup(&client->host.reply, client->host.udid, NULL, true, err);
	began = client->host.clock->mono_ns(client->host.clock);
	if (r == 0)
		r = bench_host_flush(&client->host, conn, err);
	while (r == 0) {
		r = hear(client, conn, &message, err);
		if (r == 0)
			r = answer(client, conn, stream, &message, err);
	}
	client->result->total_seconds =
		(double)(client->host.clock->mono_ns(client->host.clock) - began) / 1e9;
	return r < 0 ? r : 0;
}

static void client_clear(struct client *client)
{
	bench_host_clear(&client->host);
	for (int i = 0; i < STATE_FILES; i++)
		buf_clear(&client->states[i]);
}

int bench_client_run(int (*connect)(void *arg, int *fd, struct err *err), void *arg,
		     struct clock *clock, struct bench_result *result, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	CLEANUP(client_clear) struct client client = {.result = result};
	int r;

	*result = (struct bench_result){0};
	for (int i = 0; i < STATE_FILES; i++)
		client.states[i] = BUF_INIT(STATE_LEN_MAX);
	r = bench_host_init(&client.host, connect, arg, clock, err);
	if (r == 0)
		r = bench_host_service(&client.host, "com.apple.mobilebackup2", &conn, err);
	return r < 0 ? r : back_up(&client, conn, err);
}
