/*
 * wire_stream - the raw file streams of struct sim_host
 *
 * Uploaded bytes are filled straight into the connection's buffer, five bytes behind which
 * their block header goes: no copy, and records as long as TLS allows.  "records:per-field"
 * instead flushes after each field, as naive devices do.
 */
#include "sim/wire_host.h"

#include <string.h>

enum { BLOCK_HEADER = 5, ERROR_TEXT = 512 };

/* ---- downloads ---- */

/** struct delivery - where the stream of a download stands */
struct delivery {
	struct wire_host *host;
	struct sim_sink *sink;
	char path[LINK_NAME_LEN_MAX + 1];
	uint64_t len;
	bool is_over;
};

static int deliver(struct delivery *at, const struct link_event *event, struct err *err)
{
	struct wire_host *host = at->host;
	char error[ERROR_TEXT] = "";
	uint8_t sha1[CRYPTO_SHA1_LEN];
	bool is_failed = event->kind == LINK_EVENT_FILE_ERROR;

	switch (event->kind) {
	case LINK_EVENT_FILE:
		snprintf(at->path, sizeof(at->path), "%.*s", (int)event->host_name.len,
			 (const char *)event->host_name.bytes);
		at->len = 0;
		if (host->sha1)
			crypto_sha1_reset(host->sha1);
		return at->sink->begin(at->sink, at->path, err);
	case LINK_EVENT_DATA:
		at->len += event->bytes.len;
		if (host->sha1)
			crypto_sha1_update(host->sha1, event->bytes);
		return at->sink->bytes(at->sink, event->bytes, err);
	case LINK_EVENT_FILE_END:
	case LINK_EVENT_FILE_ERROR:
		if (is_failed)
			snprintf(error, sizeof(error), "%.*s",
				 (int)(event->bytes.len < sizeof(error) ? event->bytes.len
									: sizeof(error) - 1),
				 (const char *)event->bytes.bytes);
		if (host->sha1) {
			crypto_sha1_final(host->sha1, sha1);
			wire_log_file(host->peer, "in", at->path, at->len, sha1,
				      is_failed ? error : NULL);
		}
		return at->sink->end(at->sink, at->path, is_failed ? error : NULL, err);
	case LINK_EVENT_BATCH_END:
		at->is_over = true;
	}
	return 0;
}

static int take_stream(struct wire_host *host, struct sim_sink *sink, struct err *err)
{
	struct delivery at = {.host = host, .sink = sink};
	struct conn *conn = host->peer->conn;
	int r = 0;

	link_stream_reset(host->stream);
	while (!at.is_over) {
		struct reader in = conn_view(conn);
		size_t before = in.left;
		struct link_event event;

		while (!at.is_over && (r = link_stream_next(host->stream, &in, &event, err)) == 0) {
			r = deliver(&at, &event, err);
			if (r < 0)
				return r;
		}
		conn_consume(conn, before - in.left);
		if (at.is_over)
			break;
		if (r == LINK_NEED_MORE)
			r = conn_fill_more(conn, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int download(struct sim_host *base, const char *const *paths, size_t count, double progress,
		    struct sim_sink *sink, int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist_doc *out = host->peer->out;
	struct plist *message;
	struct link_dl answer;
	int r = wire_host_next(host, "DLMessageDownloadFiles", &message, err);

	if (r < 0)
		return r;
	wire_host_add_paths(out, message, paths, count);
	plist_add(out, message, plist_new_real(out, progress));
	plist_add(out, message, plist_new_int(out, 0));
	r = wire_host_say(host, message, err);
	if (r == 0)
		r = take_stream(host, sink, err);
	return r < 0 ? r : wire_host_status(host, &answer, status, err);
}

/* ---- uploads ---- */

/* one field of the stream; naive devices send each as a record of its own */
static int field(struct wire_host *host, const void *bytes, size_t len, struct err *err)
{
	int r = conn_write(host->peer->conn, slice_of(bytes, len), err);

	return r < 0 || !host->is_per_field ? r : conn_flush(host->peer->conn, err);
}

static int field_u32(struct wire_host *host, uint32_t value, struct err *err)
{
	uint8_t bytes[4];

	put_u32be(bytes, value);
	return field(host, bytes, sizeof(bytes), err);
}

static int field_name(struct wire_host *host, struct slice name, uint32_t claimed, struct err *err)
{
	int r = field_u32(host, claimed, err);

	return r < 0 ? r : field(host, name.bytes, name.len, err);
}

/* a file is moved that was never uploaded */
static int strike_move(struct wire_host *host, struct err *err)
{
	static const char name[] = "00/0000000000000000000000000000000000000000";
	char from[128], to[128];
	const char *pair[] = {from, to};
	struct plist *message;
	int64_t status;
	int r;

	if (!wire_fault_order(host->peer, "move-before-upload"))
		return 0;
	snprintf(from, sizeof(from), "%s/Snapshot/%s", host->peer->device->udid, name);
	snprintf(to, sizeof(to), "%s/%s", host->peer->device->udid, name);
	r = wire_host_next(host, "DLMessageMoveItems", &message, err);
	if (r == 0)
		r = wire_host_move(host, message, pair, 1, 0, &status, err);
	return r < 0 ? r : 0;
}

static int upload_begin(struct sim_host *base, double progress, uint64_t total, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist_doc *out = host->peer->out;
	struct plist *message;
	int r = strike_move(host, err);

	if (r == 0)
		r = wire_host_next(host, "DLMessageUploadFiles", &message, err);
	if (r < 0)
		return r;
	plist_add(out, message, plist_new_dict(out));
	plist_add(out, message, plist_new_real(out, progress));
	plist_add(out, message, plist_new_uint(out, total));
	return wire_host_write(host, message, host->is_per_field, err);
}

/* what faults make of the host's name for the file now beginning */
static int choose_name(struct wire_host *host, const char *host_name, struct buf *name,
		       uint32_t *claimed, struct err *err)
{
	struct sim_faults *faults = host->peer->device->faults;
	const struct sim_fault *fault = wire_fault_at(host->peer, SIM_FAULT_NAME, host->files);
	int r;

	if (fault && sim_faults_take(faults, fault, "file %llu (%s) is named \"%.80s\"",
				     (unsigned long long)host->files, host_name, fault->text))
		r = wire_fault_name(fault, host->peer->device->udid, name, err);
	else
		r = buf_append_text(name, host_name, err);
	if (r < 0)
		return r;
	*claimed = (uint32_t)name->len;
	fault = wire_fault_at(host->peer, SIM_FAULT_LENGTH, host->files);
	if (fault && strcmp(fault->text, "name") == 0 &&
	    sim_faults_take(faults, fault, "name %llu claims %llu bytes",
			    (unsigned long long)host->files, (unsigned long long)fault->number)) {
		*claimed = (uint32_t)fault->number;
		host->is_spoilt = true;
	}
	return 0;
}

static int send_names(struct wire_host *host, struct slice device_name, struct slice host_name,
		      uint32_t claimed, struct err *err)
{
	int r = field_name(host, device_name, (uint32_t)device_name.len, err);

	return r < 0 ? r : field_name(host, host_name, claimed, err);
}

static int upload_file(struct sim_host *base, const char *device_name, const char *host_name,
		       struct err *err)
{
	CLEANUP(buf_clear) struct buf name = BUF_INIT(1 << 20);
	struct wire_host *host = wire_host_in(base);
	struct sim_faults *faults = host->peer->device->faults;
	const struct sim_fault *fault;
	uint32_t claimed;
	int r;

	host->files++;
	host->file_len = 0;
	if (host->sha1) {
		crypto_sha1_reset(host->sha1);
		snprintf(host->name, sizeof(host->name), "%s", host_name);
	}
	if (faults->count == 0)
		return send_names(host, slice_text(device_name), slice_text(host_name),
				  (uint32_t)strlen(host_name), err);
	r = choose_name(host, host_name, &name, &claimed, err);
	if (r < 0)
		return r;
	fault = wire_fault_at(host->peer, SIM_FAULT_DUPLICATE, host->files);
	host->is_kept = fault && sim_faults_take(faults, fault, "file %llu (%s) twice",
						 (unsigned long long)host->files, host_name);
	if (host->is_kept) {
		r = buf_append_text(&host->kept_names, device_name, err);
		if (r == 0)
			r = buf_append_u8(&host->kept_names, 0, err);
		if (r == 0)
			r = buf_append_slice(&host->kept_names, buf_slice(&name), err);
	}
	fault = wire_fault_at(host->peer, SIM_FAULT_ENDLESS, host->files);
	host->is_endless = fault && sim_faults_take(faults, fault, "file %llu (%s) never ends",
						    (unsigned long long)host->files, host_name);
	return r < 0 ? r
		     : send_names(host, slice_text(device_name), buf_slice(&name), claimed, err);
}

static int upload_room(struct sim_host *base, size_t len, uint8_t **at, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	int r;

	if (host->is_per_field) {
		*at = host->side;
		return 0;
	}
	r = conn_write_room(host->peer->conn, len + BLOCK_HEADER, &host->room, err);
	if (r < 0)
		return r;
	*at = host->room + BLOCK_HEADER;
	return 0;
}

/* what a fault makes of a data block's length field */
static void claim_block(struct wire_host *host, uint8_t header[BLOCK_HEADER])
{
	struct sim_faults *faults = host->peer->device->faults;
	const struct sim_fault *fault;

	if (faults->count == 0)
		return;
	fault = wire_fault_at(host->peer, SIM_FAULT_LENGTH, host->blocks);
	if (!fault || strcmp(fault->text, "name") == 0 ||
	    !sim_faults_take(faults, fault, "block %llu claims %llu bytes",
			     (unsigned long long)host->blocks, (unsigned long long)fault->number))
		return;
	put_u32be(header, (uint32_t)fault->number);
	host->is_spoilt = true;
}

static int upload_filled(struct sim_host *base, size_t len, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	uint8_t header[BLOCK_HEADER];
	const uint8_t *bytes = host->is_per_field ? host->side : host->room + BLOCK_HEADER;
	int r = 0;

	if (len == 0)
		return 0;
	host->blocks++;
	host->file_len += len;
	if (host->sha1)
		crypto_sha1_update(host->sha1, slice_of(bytes, len));
	if (host->is_kept)
		r = buf_append(
			&host->kept, bytes,
			len < DUPLICATE_MAX - host->kept.len ? len : DUPLICATE_MAX - host->kept.len,
			err);
	link_block_header(header, LINK_BLOCK_DATA, (uint32_t)len);
	claim_block(host, header);
	if (r < 0)
		return r;
	if (host->is_per_field) {
		r = field(host, header, sizeof(header), err);
		return r < 0 ? r : field(host, bytes, len, err);
	}
	memcpy(host->room, header, sizeof(header));
	conn_wrote(host->peer->conn, len + BLOCK_HEADER);
	return 0;
}

static int send_block(struct wire_host *host, enum link_block code, struct slice bytes,
		      struct err *err)
{
	uint8_t header[BLOCK_HEADER];
	int r;

	link_block_header(header, code, (uint32_t)bytes.len);
	r = field(host, header, sizeof(header), err);
	return r < 0 || bytes.len == 0 ? r : field(host, bytes.bytes, bytes.len, err);
}

static int send_forever(struct wire_host *host, struct err *err)
{
	int r;

	memset(host->side, 0, SIM_BLOCK_LEN);
	do {
		r = send_block(host, LINK_BLOCK_DATA, slice_of(host->side, SIM_BLOCK_LEN), err);
	} while (r == 0);
	return r;
}

static int send_again(struct wire_host *host, struct err *err)
{
	size_t device_len = strlen(buf_text(&host->kept_names));
	struct slice names = buf_slice(&host->kept_names), bytes = buf_slice(&host->kept);
	struct slice host_name = slice_of(names.bytes + device_len + 1, names.len - device_len - 1);
	int r = send_names(host, slice_of(names.bytes, device_len), host_name,
			   (uint32_t)host_name.len, err);

	while (r == 0 && bytes.len > 0) {
		size_t len = bytes.len < SIM_BLOCK_LEN ? bytes.len : SIM_BLOCK_LEN;

		r = send_block(host, LINK_BLOCK_DATA, slice_of(bytes.bytes, len), err);
		bytes = slice_of(bytes.bytes + len, bytes.len - len);
	}
	if (r == 0)
		r = send_block(host, LINK_BLOCK_END, SLICE_EMPTY, err);
	host->is_kept = false;
	buf_clear(&host->kept);
	buf_clear(&host->kept_names);
	return r;
}

static void log_upload(struct wire_host *host, const char *error)
{
	uint8_t sha1[CRYPTO_SHA1_LEN];

	if (!host->sha1)
		return;
	crypto_sha1_final(host->sha1, sha1);
	wire_log_file(host->peer, "out", host->name, host->file_len, sha1, error);
}

static int upload_file_end(struct sim_host *base, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	int r;

	log_upload(host, NULL);
	if (host->is_endless)
		return send_forever(host, err);
	r = send_block(host, LINK_BLOCK_END, SLICE_EMPTY, err);
	return r < 0 || !host->is_kept ? r : send_again(host, err);
}

static int upload_file_error(struct sim_host *base, const char *text, struct err *err)
{
	struct wire_host *host = wire_host_in(base);

	log_upload(host, text);
	return send_block(host, LINK_BLOCK_ERROR_REMOTE, slice_text(text), err);
}

static int upload_end(struct sim_host *base, int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct link_dl answer;
	int r;

	r = field_u32(host, 0, err);
	if (r == 0)
		r = conn_flush(host->peer->conn, err);
	if (r < 0)
		return r;
	/* after a false length neither side knows where it is: a device's agent would have crashed
	 */
	if (host->is_spoilt)
		return err_set(err, ERR_CLOSED, "the connection ends after a false length");
	r = wire_host_status(host, &answer, status, err);
	if (r < 0 || !host->deferred.len)
		return r;
	return wire_host_make_deferred(host, err) < 0 ? err->code : r;
}

void wire_host_stream_calls(struct sim_host *host)
{
	host->download = download;
	host->upload_begin = upload_begin;
	host->upload_file = upload_file;
	host->upload_room = upload_room;
	host->upload_filled = upload_filled;
	host->upload_file_end = upload_file_end;
	host->upload_file_error = upload_file_error;
	host->upload_end = upload_end;
}
