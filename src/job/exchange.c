/*
 * exchange - mobilebackup2 over DeviceLink: the device asks, we answer
 *
 * Strictly in turns.  Every message gets an answer, also the unknown and the impossible:
 * a device that waits for one keeps its backup lock.  A failure on our side is told to the
 * device and remembered; the run then ends without success whatever the device answers.
 */
#include "job/internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DL_MAJOR = 400 }; /* what we speak; devices below it adapt */

#define PURGE_MARGIN ((uint64_t)2 << 30) /* devices ask for this much more than they miss */

void exchange_fail(struct exchange *exchange, const struct err *why)
{
	if (!exchange->failure.code)
		exchange->failure = *why;
}

/* frame_send - what a link writer put into wire.out */
static int frame_send(struct exchange *exchange, int written, struct err *err)
{
	if (written < 0)
		return written;
	written = conn_write(exchange->wire.conn, buf_slice(&exchange->wire.out), err);
	return written < 0 ? written : conn_flush(exchange->wire.conn, err);
}

static struct buf *frame_new(struct exchange *exchange)
{
	buf_truncate(&exchange->wire.out, 0);
	return &exchange->wire.out;
}

int exchange_status(struct exchange *exchange, int64_t code, const char *text,
		    const struct plist *value, struct err *err)
{
	return frame_send(exchange,
			  link_dl_write_status(frame_new(exchange), code, text,
					       exchange->wire.request, value, err),
			  err);
}

int exchange_code(int failure, const char **text)
{
	static const struct {
		int failure, number;
	} map[] = {
		{ERR_NO_SPACE, ENOSPC}, {ERR_NOT_FOUND, ENOENT}, {ERR_EXISTS, EEXIST},
		{ERR_IO, EIO},          {ERR_CORRUPT, EIO},      {ERR_UNSUPPORTED, EOPNOTSUPP},
	};
	int number = EPERM;

	for (size_t i = 0; i < ARRAY_COUNT(map); i++)
		if (map[i].failure == failure)
			number = map[i].number;
	*text = link_dl_errno_text(number);
	return link_dl_errno(number);
}

/* answer - the device's status for an operation that ended with @r; a failure of ours is remembered
 */
static int answer(struct exchange *exchange, int r, const struct err *why, struct err *err)
{
	const char *text;
	int code;

	if (r == 0)
		return exchange_status(exchange, 0, NULL, NULL, err);
	if (r == REPO_ABSENT)
		return exchange_status(exchange, LINK_DL_NO_ENTRY, link_dl_errno_text(ENOENT), NULL,
				       err);
	if (r == ERR_CANCELED) {
		*err = *why;
		return r;
	}
	if (r != ERR_UNSUPPORTED)
		exchange_fail(exchange, why);
	code = exchange_code(r, &text);
	return exchange_status(exchange, code, text, NULL, err);
}

/* ---- one function a message ---- */

static int path_of(struct exchange *exchange, const char *path, char out[REPO_PATH_LEN_MAX + 1],
		   struct err *err)
{
	if (!path)
		return err_set(err, ERR_PROTOCOL,
			       "the device named a file by something that is no text");
	return shelf_path(exchange->udid, path, strlen(path), out, err);
}

struct listing {
	struct plist_doc *doc;
	struct plist *dict;
};

static int listing_add(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct listing *listing = arg;
	struct plist *item = plist_new_dict(listing->doc);

	plist_set_text(listing->doc, item, "DLFileType",
		       entry->is_directory ? "DLFileTypeDirectory" : "DLFileTypeRegular");
	plist_set_int(listing->doc, item, "DLFileSize", (int64_t)entry->size);
	plist_set_date(listing->doc, item, "DLFileModificationDate", entry->modified);
	plist_set(listing->doc, listing->dict, entry->path, item);
	return 0;
}

static int on_contents(struct exchange *exchange, const struct link_dl *message, struct err *err)
{
	struct plist_doc *doc = wire_request(&exchange->wire);
	struct listing listing = {doc, plist_new_dict(doc)};
	struct err why = ERR_INIT;
	char path[REPO_PATH_LEN_MAX + 1];
	int r;

	r = path_of(exchange, message->path, path, &why);
	if (r == 0)
		r = exchange->shelf->list(exchange->shelf, path, listing_add, &listing, &why);
	/* what is not there is an empty folder to a device: others answer so, and it asks before it
	 * makes one */
	if (r >= 0)
		return exchange_status(exchange, 0, NULL, listing.dict, err);
	return answer(exchange, r, &why, err);
}

static int on_create_directory(struct exchange *exchange, const struct link_dl *message,
			       struct err *err)
{
	struct err why = ERR_INIT;
	char path[REPO_PATH_LEN_MAX + 1];
	int r = path_of(exchange, message->path, path, &why);

	if (r == 0)
		r = exchange->shelf->make_dir(exchange->shelf, path, &why);
	return answer(exchange, r, &why, err);
}

static int on_move(struct exchange *exchange, const struct link_dl *message, struct err *err)
{
	struct err why = ERR_INIT;
	char from[REPO_PATH_LEN_MAX + 1], to[REPO_PATH_LEN_MAX + 1];
	int r = 0, outcome = 0;

	for (const struct plist *at = message->moves ? message->moves->as.items.first : NULL;
	     at && r >= 0; at = at->next) {
		r = shelf_path(exchange->udid, at->key, at->key_len, from, &why);
		if (r == 0)
			r = path_of(exchange, plist_text(at), to, &why);
		if (r == 0 && (!*from || !*to))
			r = err_set(&why, ERR_PROTOCOL, "the device wants its whole folder moved");
		if (r == 0)
			r = exchange->shelf->move(exchange->shelf, from, to, &why);
		if (r == REPO_ABSENT) {
			problem_add(exchange->problems,
				    "the device wants %s moved, which is not there", from);
			outcome = r;
		}
	}
	return answer(exchange, r < 0 ? r : outcome, &why, err);
}

static int on_remove(struct exchange *exchange, const struct link_dl *message, struct err *err)
{
	struct err why = ERR_INIT;
	char path[REPO_PATH_LEN_MAX + 1];
	int r = 0;

	for (const struct plist *at = message->paths ? message->paths->as.items.first : NULL;
	     at && r == 0; at = at->next) {
		r = path_of(exchange, plist_text(at), path, &why);
		if (r == 0)
			r = exchange->shelf->remove(exchange->shelf, path, &why);
	}
	return answer(exchange, r, &why, err);
}

static int on_copy(struct exchange *exchange, const struct link_dl *message, struct err *err)
{
	struct err why = ERR_INIT;
	char from[REPO_PATH_LEN_MAX + 1], to[REPO_PATH_LEN_MAX + 1];
	int r = path_of(exchange, message->path, from, &why);

	if (r == 0)
		r = path_of(exchange, message->destination, to, &why);
	if (r == 0)
		r = exchange->shelf->copy(exchange->shelf, from, to, &why);
	return answer(exchange, r, &why, err);
}

static int on_free_space(struct exchange *exchange, struct err *err)
{
	struct plist_doc *doc = wire_request(&exchange->wire);

	return exchange_status(exchange, 0, NULL,
			       plist_new_uint(doc, exchange->shelf->free_space(exchange->shelf)),
			       err);
}

/*
 * on_purge - the device asks for space to be made.  There is nothing here that may be thrown away;
 * the amount tells how much is missing, for the words when the device then gives up (105).
 */
static int on_purge(struct exchange *exchange, const struct link_dl *message, struct err *err)
{
	struct plist_doc *doc = wire_request(&exchange->wire);

	exchange->purge_asked = message->bytes > 0 ? (uint64_t)message->bytes : 0;
	return exchange_status(exchange, LINK_DL_OTHER, "DLPurgeDiskSpace failed to purge",
			       plist_new_int(doc, 0), err);
}

static void response_read(struct exchange *exchange, const struct plist *message,
			  struct mb_response *response)
{
	const char *text = plist_get_text(message, "ErrorDescription");
	char missing[16];

	*response = (struct mb_response){.code = 0};
	plist_get_int(message, "ErrorCode", &response->code);
	text_copy(response->description, sizeof(response->description), text);
	if (response->code == 105 && exchange->purge_asked > PURGE_MARGIN)
		snprintf(response->description, sizeof(response->description),
			 "%s are missing here, it says",
			 size_format(exchange->purge_asked - PURGE_MARGIN, missing));
}

/* not_supported - a message that is not known, or not as a device sends it */
static int not_supported(struct exchange *exchange, struct err *err)
{
	return exchange_status(exchange, LINK_DL_OTHER, link_dl_errno_text(EOPNOTSUPP), NULL, err);
}

enum { SERVE_END = 1 };

static int serve_one(struct exchange *exchange, const struct link_dl *message,
		     struct mb_response *response, struct err *err)
{
	const char *name;

	switch (message->kind) {
	case LINK_DL_DOWNLOAD_FILES:
		return exchange_send_files(exchange, message, err);
	case LINK_DL_UPLOAD_FILES:
		return exchange_receive_files(exchange, message, err);
	case LINK_DL_CONTENTS:
		return on_contents(exchange, message, err);
	case LINK_DL_CREATE_DIRECTORY:
		return on_create_directory(exchange, message, err);
	case LINK_DL_MOVE_ITEMS:
		return on_move(exchange, message, err);
	case LINK_DL_REMOVE_ITEMS:
		return on_remove(exchange, message, err);
	case LINK_DL_COPY_ITEM:
		return on_copy(exchange, message, err);
	case LINK_DL_FREE_SPACE:
		return on_free_space(exchange, err);
	case LINK_DL_PURGE_SPACE:
		return on_purge(exchange, message, err);
	case LINK_DL_PROCESS_MESSAGE:
		name = plist_get_text(message->message, "MessageName");
		if (!name || strcmp(name, "Response") != 0)
			return not_supported(exchange, err);
		response_read(exchange, message->message, response);
		return SERVE_END;
	case LINK_DL_DISCONNECT:
		return err_set(err, ERR_CLOSED, "%s ended the run without a result: %.200s",
			       exchange_device_name(exchange), message->text ? message->text : "");
	case LINK_DL_STATUS: /* an answer to an answer: whose turn it is can no longer be told */
		return err_set(err, ERR_PROTOCOL, "a status where a request was expected");
	default:
		return not_supported(exchange, err);
	}
}

/* message_next - wait for a control message and read it */
static int message_next(struct exchange *exchange, struct link_dl *message, struct err *err)
{
	const struct plist *root;
	int r;

	/* what has begun comes to its end soon: half a frame is no passcode prompt, and the shorter
	 * limit that exchange_fill leaves behind holds for it */
	r = exchange_fill(exchange, 4, err);
	if (r == 0)
		r = wire_receive(&exchange->wire, LINK_DL_LEN_MAX, &root, err);
	return r < 0 ? r : link_dl_parse(root, message, err);
}

int exchange_serve(struct exchange *exchange, struct mb_response *response, struct err *err)
{
	struct link_dl message;
	int r;

	for (;;) {
		r = message_next(exchange, &message, err);
		if (r < 0)
			return r;
		if (!exchange->has_begun) {
			/* a passcode that was entered at once still leaves its two notifications */
			exchange->next_pulse_ms = 0;
			r = exchange_pulse(exchange, err);
			if (r < 0)
				return r;
		}
		exchange->has_begun = true;
		exchange->is_asking_passcode = false;
		if (!isnan(message.progress) && message.progress >= 0 && message.progress <= 100)
			exchange->state.device_percent = message.progress;
		r = serve_one(exchange, &message, response, err);
		if (r == SERVE_END)
			return 0;
		if (r < 0)
			return r;
	}
}

int exchange_request(struct exchange *exchange, struct slice frame, struct err *err)
{
	int r = conn_write(exchange->wire.conn, frame, err);

	exchange->has_begun = false;
	exchange->quiet_since_ms = 0;
	return r < 0 ? r : conn_flush(exchange->wire.conn, err);
}

/* ---- opening and ending ---- */

static int receive_kind(struct exchange *exchange, enum link_dl_kind kind, struct link_dl *message,
			struct err *err)
{
	const struct plist *root;
	int r;

	r = wire_receive(&exchange->wire, LINK_DL_LEN_MAX, &root, err);
	if (r == 0)
		r = link_dl_parse(root, message, err);
	if (r < 0)
		return r;
	if (message->kind != kind)
		return err_set(err, ERR_PROTOCOL, "mobilebackup2 opens with %.60s", message->name);
	return 0;
}

static int hello(struct exchange *exchange, struct err *err)
{
	struct link_dl message;
	const char *name;
	int64_t code = -1;
	double version;
	int r;

	r = frame_send(exchange, link_mb_hello(frame_new(exchange), err), err);
	if (r == 0)
		r = receive_kind(exchange, LINK_DL_PROCESS_MESSAGE, &message, err);
	if (r < 0)
		return r;
	name = plist_get_text(message.message, "MessageName");
	plist_get_int(message.message, "ErrorCode", &code);
	if (!name || strcmp(name, "Response") != 0 || code != 0)
		return err_set(err, ERR_DEVICE,
			       "the device and rehome share no version of the backup protocol");
	if (!plist_get_real(message.message, "ProtocolVersion", &version))
		return err_set(err, ERR_PROTOCOL,
			       "the device answers Hello without a ProtocolVersion");
	return 0;
}

int exchange_greet(struct exchange *exchange, struct err *err)
{
	struct link_dl message;
	int r;

	exchange->is_open = true;
	r = link_stream_new(&exchange->stream, true, err);
	if (r == 0)
		r = receive_kind(exchange, LINK_DL_VERSION_EXCHANGE, &message, err);
	if (r < 0)
		return err_wrap(err, exchange_hung_up(exchange, r, err), "begin mobilebackup2");
	if (message.major > DL_MAJOR)
		return err_set(err, ERR_UNSUPPORTED,
			       "the device speaks DeviceLink %lld; this rehome knows %d at most",
			       (long long)message.major, DL_MAJOR);
	r = frame_send(exchange, link_dl_write_version_ok(frame_new(exchange), DL_MAJOR, err), err);
	if (r == 0)
		r = receive_kind(exchange, LINK_DL_DEVICE_READY, &message, err);
	if (r == 0)
		r = hello(exchange, err);
	return r < 0 ? err_wrap(err, exchange_hung_up(exchange, r, err), "begin mobilebackup2") : 0;
}

int exchange_open(struct exchange *exchange, struct lockdown *lockdown, struct err *err)
{
	int r = lockdown_service(lockdown, "com.apple.mobilebackup2", true, &exchange->wire, err);

	return r < 0 ? r : exchange_greet(exchange, err);
}

void exchange_close(struct exchange *exchange)
{
	struct err ignored = ERR_INIT;

	if (exchange->is_open) {
		conn_set_deadline(exchange->wire.conn, 1000);
		frame_send(exchange, link_dl_write_disconnect(frame_new(exchange), &ignored),
			   &ignored);
		conn_tls_end(exchange->wire.conn);
		wire_clear(&exchange->wire);
	}
	link_stream_free(exchange->stream);
	exchange->stream = NULL;
	exchange->is_open = false;
}

int exchange_explain(const struct mb_response *response, const char *what, struct err *err)
{
	const struct link_mb_error *known = link_mb_explain(response->code);
	int code = ERR_DEVICE;

	if (response->code == 207)
		code = ERR_PASSWORD;
	else if (response->code == 22)
		code = ERR_POLICY;
	else if (response->code == 105)
		code = ERR_NO_SPACE;
	/* "MBErrorDomain/1" with the rule behind it named only in the text */
	else if (strstr(response->description, "MDM setting present"))
		code = ERR_POLICY;
	return err_set(err, code, "%s: %s (%lld%s%s). Next: %s", what, known->meaning,
		       (long long)response->code, *response->description ? ": " : "",
		       response->description, known->next_step);
}
