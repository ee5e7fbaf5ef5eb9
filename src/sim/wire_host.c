/*
 * wire_host - struct sim_host over DeviceLink: what the device asks, as messages
 *
 * Half-duplex: each call writes one message, flushes once and reads the answer.  The file
 * streams of uploads and downloads are in wire_stream.c.
 */
#include "sim/wire_host.h"

#include <stdlib.h>
#include <string.h>

/* ---- control messages ---- */

struct plist *wire_host_begin(struct wire_host *host, const char *name)
{
	struct plist_doc *out = host->peer->out;
	struct plist *message;

	plist_doc_reset(out);
	message = plist_new_array(out);
	plist_add(out, message, plist_new_text(out, name));
	return message;
}

int wire_host_write(struct wire_host *host, const struct plist *message, bool flushes,
		    struct err *err)
{
	struct wire_peer *peer = host->peer;
	int r;

	r = wire_fault_message(peer, ++host->messages, err);
	if (r < 0)
		return r;
	wire_log_plist(peer, "out", message);
	buf_truncate(&peer->reply, 0);
	r = link_frame_write(&peer->reply, peer->out, message, peer->encoding, err);
	if (r == 0)
		r = conn_write(peer->conn, buf_slice(&peer->reply), err);
	return r < 0 || !flushes ? r : conn_flush(peer->conn, err);
}

int wire_host_say(struct wire_host *host, const struct plist *message, struct err *err)
{
	return wire_host_write(host, message, true, err);
}

int wire_host_hear(struct wire_host *host, struct link_dl *message, struct err *err)
{
	const struct plist *root;
	int r;

	r = wire_receive(host->peer, LINK_DL_LEN_MAX, &root, err);
	if (r != 0)
		return r;
	r = link_dl_parse(root, message, err);
	if (r < 0)
		return r;
	return message->kind == LINK_DL_DISCONNECT ? WIRE_END : 0;
}

/* the host's answer to what was said; 0 or SIM_HOST_ERROR by its code */
int wire_host_status(struct wire_host *host, struct link_dl *answer, int64_t *status,
		     struct err *err)
{
	int r = wire_host_hear(host, answer, err);

	if (r == WIRE_END)
		return err_set(err, ERR_CLOSED,
			       "the host ended the connection instead of answering");
	if (r < 0)
		return r;
	if (answer->kind != LINK_DL_STATUS)
		return err_set(err, ERR_PROTOCOL, "%s instead of a status", answer->name);
	*status = answer->code;
	return answer->code == 0 ? 0 : SIM_HOST_ERROR;
}

int wire_host_ask(struct wire_host *host, const struct plist *message, struct link_dl *answer,
		  int64_t *status, struct err *err)
{
	int r = wire_host_say(host, message, err);

	return r < 0 ? r : wire_host_status(host, answer, status, err);
}

/* what is answered is a status and nothing else */
static int order(struct wire_host *host, const struct plist *message, int64_t *status,
		 struct err *err)
{
	struct link_dl answer;

	return wire_host_ask(host, message, &answer, status, err);
}

/* ---- wrong orders ---- */

void wire_host_expect_order(struct wire_host *host)
{
	host->order_is_due = true;
}

/* called before the first message of a script, with nothing built in peer->out yet */
static int strike(struct wire_host *host, struct err *err)
{
	struct plist_doc *out = host->peer->out;
	struct plist *message;
	int64_t status;
	int r;

	if (!host->order_is_due)
		return 0;
	host->order_is_due = false;
	host->defers = wire_fault_order(host->peer, "upload-before-mkdir");
	if (wire_fault_order(host->peer, "status-first")) {
		message = wire_host_begin(host, "DLMessageStatusResponse");
		plist_add(out, message, plist_new_int(out, 0));
		plist_add(out, message, plist_new_text(out, LINK_DL_EMPTY));
		plist_add(out, message, plist_new_dict(out));
		r = wire_host_say(host, message, err);
		if (r < 0)
			return r;
	}
	if (wire_fault_order(host->peer, "unknown-message")) {
		message = wire_host_begin(host, "DLMessageNobodyKnows");
		plist_add(out, message, plist_new_int(out, 1));
		r = order(host, message, &status, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int wire_host_next(struct wire_host *host, const char *name, struct plist **message,
		   struct err *err)
{
	int r = strike(host, err);

	*message = r == 0 ? wire_host_begin(host, name) : NULL;
	return r;
}

/* ---- files and folders at the host ---- */

void wire_host_add_paths(struct plist_doc *out, struct plist *message, const char *const *paths,
			 size_t count)
{
	struct plist *list = plist_new_array(out);

	for (size_t i = 0; i < count; i++)
		plist_add(out, list, plist_new_text(out, paths[i]));
	plist_add(out, message, list);
	plist_add(out, message, plist_new_dict(out));
}

static int contents(struct sim_host *base, const char *path,
		    int (*each)(void *arg, const struct sim_entry *entry), void *arg,
		    int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	const struct plist *item;
	struct plist *message;
	struct link_dl answer;
	int r = wire_host_next(host, "DLContentsOfDirectory", &message, err);

	if (r < 0)
		return r;
	plist_add(host->peer->out, message, plist_new_text(host->peer->out, path));
	r = wire_host_ask(host, message, &answer, status, err);
	if (r != 0)
		return r;
	if (!answer.value || answer.value->type != PLIST_DICT)
		return err_set(err, ERR_PROTOCOL, "a listing of %s that is no dictionary", path);
	for (item = answer.value->as.items.first; item; item = item->next) {
		const char *type = plist_get_text(item, "DLFileType");
		struct sim_entry entry = {.name = item->key};
		int64_t size = 0;

		entry.is_directory = type && strcmp(type, "DLFileTypeDirectory") == 0;
		if (plist_get_int(item, "DLFileSize", &size) && size > 0)
			entry.size = (uint64_t)size;
		r = each(arg, &entry);
		if (r != 0)
			return r;
	}
	return 0;
}

static int mkdir_now(struct wire_host *host, const char *path, int64_t *status, struct err *err)
{
	struct plist_doc *out = host->peer->out;
	struct plist *message = wire_host_begin(host, "DLMessageCreateDirectory");

	plist_add(out, message, plist_new_text(out, path));
	plist_add(out, message, plist_new_dict(out));
	return order(host, message, status, err);
}

static int make_folder(struct sim_host *base, const char *path, int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	int r = strike(host, err);

	if (r < 0)
		return r;
	if (!host->defers)
		return mkdir_now(host, path, status, err);
	*status = 0;
	return buf_append(&host->deferred, path, strlen(path) + 1, err);
}

/* the fault let uploads go first: now the folders follow */
int wire_host_make_deferred(struct wire_host *host, struct err *err)
{
	int64_t status;
	int r = 0;

	host->defers = false;
	for (size_t at = 0; r >= 0 && at < host->deferred.len;) {
		const char *path = (const char *)host->deferred.bytes + at;

		at += strlen(path) + 1;
		r = mkdir_now(host, path, &status, err);
	}
	buf_clear(&host->deferred);
	return r < 0 ? r : 0;
}

int wire_host_move(struct wire_host *host, struct plist *message, const char *const *pairs,
		   size_t count, double progress, int64_t *status, struct err *err)
{
	struct plist_doc *out = host->peer->out;
	struct plist *moves = plist_new_dict(out);

	for (size_t i = 0; i < count; i++)
		plist_set_text(out, moves, pairs[2 * i], pairs[2 * i + 1]);
	plist_add(out, message, moves);
	plist_add(out, message, plist_new_dict(out));
	plist_add(out, message, plist_new_real(out, progress));
	return order(host, message, status, err);
}

static int move(struct sim_host *base, const char *const *pairs, size_t count, double progress,
		int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist *message;
	int r = wire_host_next(host, "DLMessageMoveItems", &message, err);

	return r < 0 ? r : wire_host_move(host, message, pairs, count, progress, status, err);
}

static int remove_items(struct sim_host *base, const char *const *paths, size_t count,
			double progress, int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist_doc *out = host->peer->out;
	struct plist *message;
	int r = wire_host_next(host, "DLMessageRemoveItems", &message, err);

	if (r < 0)
		return r;
	wire_host_add_paths(out, message, paths, count);
	plist_add(out, message, plist_new_real(out, progress));
	return order(host, message, status, err);
}

static int copy(struct sim_host *base, const char *from, const char *to, int64_t *status,
		struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist_doc *out = host->peer->out;
	struct plist *message;
	int r = wire_host_next(host, "DLMessageCopyItem", &message, err);

	if (r < 0)
		return r;
	plist_add(out, message, plist_new_text(out, from));
	plist_add(out, message, plist_new_text(out, to));
	plist_add(out, message, plist_new_dict(out));
	return order(host, message, status, err);
}

static int free_space(struct sim_host *base, uint64_t *bytes, int64_t *status, struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist *message;
	struct link_dl answer;
	int64_t value = 0;
	int r = wire_host_next(host, "DLMessageGetFreeDiskSpace", &message, err);

	if (r == 0)
		r = wire_host_ask(host, message, &answer, status, err);
	if (r != 0)
		return r;
	if (!answer.value || !plist_int(answer.value, &value))
		return err_set(err, ERR_PROTOCOL, "free space that is no number");
	*bytes = (uint64_t)value; /* a wide one stands for itself */
	return 0;
}

static int purge(struct sim_host *base, uint64_t bytes, int64_t urgency, int64_t *status,
		 struct err *err)
{
	struct wire_host *host = wire_host_in(base);
	struct plist_doc *out = host->peer->out;
	struct plist *message;
	int r = wire_host_next(host, "DLMessagePurgeDiskSpace", &message, err);

	if (r < 0)
		return r;
	plist_add(out, message, plist_new_uint(out, bytes));
	plist_add(out, message, plist_new_int(out, urgency));
	return order(host, message, status, err);
}

/* ---- life ---- */

static const struct sim_host calls = {
	.contents = contents,
	.mkdir = make_folder,
	.move = move,
	.remove = remove_items,
	.copy = copy,
	.free_space = free_space,
	.purge = purge,
};

int wire_host_new(struct wire_host **out, struct wire_peer *peer, struct err *err)
{
	struct sim_faults *faults = peer->device->faults;
	const struct sim_fault *records = sim_faults_find(faults, SIM_FAULT_RECORDS);
	struct wire_host *host = calloc(1, sizeof(*host));
	int r;

	if (!host)
		return err_no_memory(err);
	host->host = calls;
	wire_host_stream_calls(&host->host);
	host->peer = peer;
	host->kept = BUF_INIT(DUPLICATE_MAX);
	host->kept_names = BUF_INIT(1 << 20);
	host->deferred = BUF_INIT(DEFERRED_MAX);
	host->is_per_field = records && records->text_len > 0 &&
			     sim_faults_take(faults, records, "one TLS record for each field");
	host->side = malloc(SIM_BLOCK_LEN);
	r = host->side ? link_stream_new(&host->stream, false, err) : err_no_memory(err);
	if (r == 0 && wire_log_is_on(wire_log_of(peer->wire)))
		r = crypto_sha1_new(&host->sha1, err);
	if (r < 0) {
		wire_host_free(host);
		return r;
	}
	*out = host;
	return 0;
}

void wire_host_free(struct wire_host *host)
{
	if (!host)
		return;
	buf_clear(&host->kept);
	buf_clear(&host->kept_names);
	buf_clear(&host->deferred);
	link_stream_free(host->stream);
	crypto_sha1_free(host->sha1);
	free(host->side);
	free(host);
}

void wire_host_free_p(struct wire_host **host)
{
	wire_host_free(*host);
}

struct sim_host *wire_host_of(struct wire_host *host)
{
	return &host->host;
}
