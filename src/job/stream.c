/*
 * stream - files inside a DeviceLink exchange, in both directions
 *
 * Incoming bytes go from the connection's buffer straight into the repository: no file and
 * no block is gathered.  Once a batch has begun it is read to its terminator whatever happens
 * here, for there is no other way to stay in step (docs/protocol/device-link, "raw file streams").
 */
#include "job/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* after a failure of ours this much is read to stay in step; who sends more is cut off */
#define DRAIN_MAX ((uint64_t)1 << 30)

/* a batch may grow over what was announced, since live files do; by so much it may not */
#define BATCH_SLACK ((uint64_t)2 << 30)
#define CAPACITY_UNKNOWN ((uint64_t)16 << 40)

/* struct incoming - the batch being received */
struct incoming {
	struct exchange *exchange;
	bool is_open; /* an upload is open in the shelf; otherwise bytes are thrown away */
	char path[REPO_PATH_LEN_MAX + 1];
	uint64_t received, limit, drained;
};

/* limit_of - what a batch may hold: twice the announced bytes and some, or all that fits on the
 * device */
static uint64_t limit_of(const struct exchange *exchange, uint64_t announced)
{
	uint64_t capacity = exchange->capacity ? exchange->capacity : CAPACITY_UNKNOWN;

	if (!announced || announced > capacity / 2)
		return capacity + BATCH_SLACK;
	return 2 * announced + BATCH_SLACK;
}

/* name_is_new - false for a name that this batch held already. Past half of its slots the set
 * learns no more. */
static bool name_is_new(struct name_set *names, const char *path)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *at = path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3; /* FNV-1a */
	hash |= 1;
	for (size_t i = hash >> 32;; i++) {
		uint64_t *slot = &names->slots[i % NAME_SET_SLOTS];

		if (*slot == hash)
			return false;
		if (*slot)
			continue;
		if (names->count < NAME_SET_SLOTS / 2) {
			*slot = hash;
			names->count++;
		}
		return true;
	}
}

/* incoming_fail - a failure of ours: the file is dropped, the rest of the batch drained */
static void incoming_fail(struct incoming *in, const struct err *why)
{
	struct shelf *shelf = in->exchange->shelf;

	if (in->is_open)
		shelf->upload_drop(shelf);
	in->is_open = false;
	exchange_fail(in->exchange, why);
}

static void on_file(struct incoming *in, const struct link_event *event)
{
	struct exchange *exchange = in->exchange;
	struct err why = ERR_INIT;

	if (exchange->failure.code)
		return;
	if (shelf_path(exchange->udid, (const char *)event->host_name.bytes, event->host_name.len,
		       in->path, &why) < 0) {
		err_wrap(&why, why.code, "the device wants to write outside of its folder");
		problem_add(exchange->problems, "%s", why.text);
		incoming_fail(in, &why);
		return;
	}
	if (!*in->path) {
		err_set(&why, ERR_PROTOCOL, "the device wants to write a file over its folder");
		incoming_fail(in, &why);
		return;
	}
	if (!name_is_new(&exchange->names, in->path))
		problem_add(exchange->problems, "the device sent %s twice in one batch", in->path);
	if (exchange->shelf->upload_begin(exchange->shelf, in->path, &why) < 0)
		incoming_fail(in, &why);
	else
		in->is_open = true;
}

static void on_data(struct incoming *in, struct slice bytes)
{
	struct exchange *exchange = in->exchange;
	struct err why = ERR_INIT;

	exchange->state.bytes += bytes.len;
	in->received += bytes.len;
	if (exchange->failure.code)
		in->drained += bytes.len;
	if (in->is_open && exchange->shelf->upload_write(exchange->shelf, bytes, &why) < 0)
		incoming_fail(in, &why);
}

static void on_file_end(struct incoming *in)
{
	struct exchange *exchange = in->exchange;
	struct err why = ERR_INIT;

	exchange->state.files++;
	exchange->files_in++;
	if (!in->is_open)
		return;
	in->is_open = false;
	if (exchange->shelf->upload_end(exchange->shelf, &why) < 0)
		exchange_fail(exchange, &why);
}

/* on_file_error - the device could not read the file: not fatal to the batch, never forgotten */
static void on_file_error(struct incoming *in, struct slice text)
{
	char quoted[400];

	if (!in->is_open)
		return;
	in->exchange->shelf->upload_drop(in->exchange->shelf);
	in->is_open = false;
	problem_add(in->exchange->problems, "the device could not deliver %s: %s", in->path,
		    text_quote((const char *)text.bytes, text.len, quoted));
}

/* batch_read - events until the terminator */
static int batch_read(struct incoming *in, struct err *err)
{
	struct exchange *exchange = in->exchange;
	struct conn *conn = exchange->wire.conn;
	struct link_event event;
	struct reader bytes;
	size_t before;
	int r;

	for (;;) {
		bytes = conn_view(conn);
		before = bytes.left;
		while ((r = link_stream_next(exchange->stream, &bytes, &event, err)) == 0) {
			switch (event.kind) {
			case LINK_EVENT_FILE:
				on_file(in, &event);
				break;
			case LINK_EVENT_DATA:
				on_data(in, event.bytes);
				break;
			case LINK_EVENT_FILE_END:
				on_file_end(in);
				break;
			case LINK_EVENT_FILE_ERROR:
				on_file_error(in, event.bytes);
				break;
			case LINK_EVENT_BATCH_END:
				conn_consume(conn, before - bytes.left);
				return 0;
			}
		}
		conn_consume(conn, before - bytes.left);
		if (r != LINK_NEED_MORE)
			return r;
		if (in->received > in->limit)
			return err_set(
				err, ERR_PROTOCOL,
				"a batch is larger than it can be: over %llu bytes, and no end",
				(unsigned long long)in->limit);
		if (in->drained > DRAIN_MAX) {
			*err = exchange->failure;
			return err->code;
		}
		r = exchange_fill(exchange, 0, err);
		if (r < 0)
			return r;
	}
}

int exchange_receive_files(struct exchange *exchange, const struct link_dl *message,
			   struct err *err)
{
	struct incoming in = {.exchange = exchange, .limit = limit_of(exchange, message->total)};
	const char *text;
	int code, r;

	exchange_phase(exchange, "receiving");
	link_stream_reset(exchange->stream);
	memset(&exchange->names, 0, sizeof(exchange->names));
	r = batch_read(&in, err);
	if (in.is_open)
		exchange->shelf->upload_drop(exchange->shelf);
	if (r < 0)
		return err_wrap(err, r, "receive files");
	if (!exchange->failure.code)
		return exchange_status(exchange, 0, NULL, NULL, err);
	code = exchange_code(exchange->failure.code, &text);
	return exchange_status(exchange, code, text, NULL, err);
}

/* ---- towards the device ---- */

static int send_name(struct conn *conn, const char *path, struct err *err)
{
	uint8_t len[4];
	int r;

	put_u32be(len, (uint32_t)strlen(path));
	r = conn_write(conn, slice_of(len, 4), err);
	return r < 0 ? r : conn_write(conn, slice_text(path), err);
}

static int send_end(struct conn *conn, enum link_block code, const char *text, struct err *err)
{
	uint8_t header[5];
	size_t len = text ? strlen(text) : 0;
	int r;

	link_block_header(header, code, (uint32_t)len);
	r = conn_write(conn, slice_of(header, 5), err);
	return r < 0 || !len ? r : conn_write(conn, slice_of(text, len), err);
}

/*
 * send_content - in blocks of 32 KiB, since the device's agent holds a block in memory.  Each is
 * read first and then announced with the length that it really has.  A failure to read goes to
 * @why, of the connection to @err.
 */
static int send_content(struct exchange *exchange, struct source *source, struct err *why,
			struct err *err)
{
	struct conn *conn = exchange->wire.conn;
	uint64_t offset = 0;
	uint8_t *at;
	ssize_t n;
	int r;

	for (;;) {
		r = conn_write_room(conn, 5 + LINK_BLOCK_TO_DEVICE, &at, err);
		if (r < 0)
			return r;
		n = source->read(source, offset, at + 5, LINK_BLOCK_TO_DEVICE, why);
		if (n <= 0)
			return 0;
		link_block_header(at, LINK_BLOCK_DATA, (uint32_t)n);
		conn_wrote(conn, 5 + (size_t)n);
		offset += (uint64_t)n;
		exchange->state.bytes += (uint64_t)n;
		if ((offset & ((1u << 20) - 1)) == 0) {
			r = exchange_pulse(exchange, err);
			if (r < 0)
				return r;
		}
	}
}

/* send_file - one requested path; @why->code tells the device's answer for it, 0 when it went well
 */
static int send_file(struct exchange *exchange, const char *path, struct err *why, struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	struct conn *conn = exchange->wire.conn;
	char inner[REPO_PATH_LEN_MAX + 1];
	const char *text;
	int r;

	r = send_name(conn, path, err);
	if (r < 0)
		return r;
	r = shelf_path(exchange->udid, path, strlen(path), inner, why);
	if (r < 0) {
		err_wrap(why, r, "the device asks for a file outside of its folder");
		exchange_fail(exchange, why);
	} else {
		r = exchange->shelf->read(exchange->shelf, inner, &source, why);
		if (r == REPO_ABSENT)
			err_set(why, ERR_NOT_FOUND, "%s is not there", inner);
		else if (r < 0)
			exchange_fail(exchange, why);
	}
	if (r == 0) {
		r = send_content(exchange, source, why, err);
		if (r < 0)
			return r;
		if (why->code)
			exchange_fail(exchange, why);
	}
	if (!why->code) {
		exchange->state.files++;
		exchange->files_out++;
		return send_end(conn, LINK_BLOCK_END, NULL, err);
	}
	exchange_code(why->code, &text);
	return send_end(conn, LINK_BLOCK_ERROR_LOCAL, text, err);
}

static void failed_add(struct plist_doc *doc, struct plist *failed, const char *path,
		       const struct err *why)
{
	struct plist *entry = plist_new_dict(doc);
	const char *text;
	int code = exchange_code(why->code, &text);

	plist_set_text(doc, entry, "DLFileErrorString", text);
	plist_set_int(doc, entry, "DLFileErrorCode", code);
	plist_set(doc, failed, path, entry);
}

int exchange_send_files(struct exchange *exchange, const struct link_dl *message, struct err *err)
{
	struct plist_doc *doc = wire_request(&exchange->wire);
	struct plist *failed = plist_new_dict(doc);
	const uint8_t terminator[4] = {0};
	bool has_failed = false;
	int r = 0;

	exchange_phase(exchange, "sending");
	for (const struct plist *at = message->paths ? message->paths->as.items.first : NULL;
	     at && r == 0; at = at->next) {
		struct err why = ERR_INIT;
		const char *path = plist_text(at);

		/* what cannot be repeated cannot be answered: the terminator and the status still
		 * come */
		if (!path || !*path || strlen(path) > LINK_NAME_LEN_MAX) {
			err_set(&why, ERR_PROTOCOL,
				"the device asks for a file by something that is no name");
			exchange_fail(exchange, &why);
			has_failed = true;
			continue;
		}
		r = send_file(exchange, path, &why, err);
		if (r == 0 && why.code) {
			has_failed = true;
			failed_add(doc, failed, path, &why);
		}
	}
	if (r == 0)
		r = exchange_pulse(exchange, err);
	if (r == 0)
		r = conn_write(exchange->wire.conn, slice_of(terminator, 4), err);
	if (r < 0)
		return err_wrap(err, r, "send files");
	if (has_failed)
		return exchange_status(exchange, LINK_DL_MULTI_STATUS, "Multi status", failed, err);
	return exchange_status(exchange, 0, NULL, NULL, err);
}
