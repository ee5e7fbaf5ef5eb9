/*
 * link - what hosts and devices say to each other: bytes in, bytes out
 *
 * Parsers and writers for usbmux, lockdown, DeviceLink, mobilebackup2, AFC and the
 * plist services, for both sides.  No socket, file, clock or thread in here: a caller feeds
 * a reader and gets LINK_NEED_MORE until a whole message is there.  Every length
 * from the wire is checked against the limits below before it is used.
 * Source: docs/protocol/device-link (numbers "9.3" below are its sections).
 */
#ifndef REHOME_LINK_H
#define REHOME_LINK_H

#include "base/base.h"
#include "plist/plist.h"

enum link_outcome { LINK_NEED_MORE = 1 };

enum {
	LINK_MUX_LEN_MAX = 1 << 20, /* one usbmux packet */
	LINK_REQUEST_LEN_MAX =
		256 << 10, /* lockdown and service requests (pair records with keys included) */
	LINK_REPLY_LEN_MAX = 16 << 20, /* lockdown and service replies (icons, application lists) */
	LINK_DL_LEN_MAX =
		64 << 20, /* a DeviceLink control message: moves and removals by the thousand */
	LINK_NAME_LEN_MAX = 4096,       /* file names inside raw streams */
	LINK_ERROR_TEXT_MAX = 64 << 10, /* text of a per-file error block */
	LINK_STREAM_LOOKAHEAD =
		2 * (4 + 4096), /* most bytes that link_stream_next wants to see in one piece */
	LINK_BLOCK_TO_DEVICE =
		32768, /* data bytes per block towards a device: more gets its agent killed (9.4) */
	LINK_LOCKDOWN_PORT = 62078,
};

/* ---- usbmux (2): used by the simulator; hosts use libusbmuxd ---------------------- */

enum link_mux_message {
	LINK_MUX_RESULT = 1,
	LINK_MUX_CONNECT = 2,
	LINK_MUX_LISTEN = 3,
	LINK_MUX_PLIST = 8
};
enum link_mux_result {
	LINK_MUX_OK = 0,
	LINK_MUX_BAD_COMMAND = 1,
	LINK_MUX_BAD_DEVICE = 2,
	LINK_MUX_REFUSED = 3,
	LINK_MUX_BAD_VERSION = 6
};
struct link_mux_packet {
	uint32_t version, message, tag;
	struct slice payload; /* borrowed from the reader */
};
/**
 * link_mux_parse - one packet off @in, of any version and message: the caller refuses what it
 * does not speak
 *
 * Returns 0; LINK_NEED_MORE (nothing consumed); ERR_PROTOCOL for a length below the header's
 * 16 bytes; ERR_LIMIT above LINK_MUX_LEN_MAX.
 */
int link_mux_parse(struct reader *in, struct link_mux_packet *packet, struct err *err);
/** link_mux_write_plist - append a packet of version 1, message 8, XML payload; on failure @out is
 * as before */
int link_mux_write_plist(struct buf *out, uint32_t tag, const struct plist_doc *doc,
			 const struct plist *root, struct err *err);
/**
 * link_mux_write_result - append {MessageType:"Result", Number:@number}, or when @is_binary the
 * struct of version 0 for clients that sent one; on failure @out is as before
 */
int link_mux_write_result(struct buf *out, uint32_t tag, uint32_t number, bool is_binary,
			  struct err *err);
/**
 * link_udid_normalize - the one spelling under which a device is kept: a key and a safe file name
 *
 * Accepts 40 hex digits (-> lower case), or 8 + 16 with or without the dash (-> with it, upper
 * case); false for anything else, NULL included, and @out is as before.
 */
bool link_udid_normalize(const char *text, char out[41]);

/* ---- u32 BE + plist frames (lockdown, services, DeviceLink control) ---------------- */

enum link_encoding { LINK_XML, LINK_BINARY };
/**
 * link_frame_parse - one frame off @in; @payload is borrowed from it
 *
 * Returns 0; LINK_NEED_MORE (nothing consumed) until the whole frame is in @in; ERR_LIMIT for a
 * payload above @len_max; ERR_PROTOCOL for an empty one.
 */
int link_frame_parse(struct reader *in, size_t len_max, struct slice *payload, struct err *err);
/**
 * link_frame_want - how many bytes the frame at @in has in all: 4 before its length is there, then
 * 4 + the payload's; lets a caller read exactly one frame. ERR_LIMIT above @len_max.
 */
int link_frame_want(struct reader in, size_t len_max, size_t *want, struct err *err);
/** link_frame_write - append length and serialized @root of @doc; on failure @out is as before */
int link_frame_write(struct buf *out, const struct plist_doc *doc, const struct plist *root,
		     enum link_encoding encoding, struct err *err);

/* ---- lockdown (3) ------------------------------------------------------------------- */

/** link_lockdown_request - {Label:@label, Request:@request} in @doc (no Label if NULL); the caller
 * adds what the request needs */
struct plist *link_lockdown_request(struct plist_doc *doc, const char *request, const char *label);
/**
 * link_lockdown_check - is @reply the good answer to @request?
 *
 * Returns 0; ERR_DEVICE (its state is in the way) or ERR_POLICY (a person or a rule refused), both
 * with words and next step for the user; ERR_PROTOCOL if it is no answer to @request at all.
 * @error_name (may be NULL) receives the device's own word ("PasswordProtected"), borrowed from
 * @reply, or NULL when there is none: callers branch on it (MissingValue = the key is absent).
 */
int link_lockdown_check(const struct plist *reply, const char *request, const char **error_name,
			struct err *err);

enum { LINK_CHALLENGE_MAX = 64 };
/** link_lockdown_challenge - PairingChallenge of @reply, which is MCChallengeRequired (4.4): bytes
 * as they are, borrowed from it. ERR_PROTOCOL if there is none; ERR_LIMIT above LINK_CHALLENGE_MAX
 */
int link_lockdown_challenge(const struct plist *reply, struct slice *challenge, struct err *err);

/* ---- DeviceLink (9) ------------------------------------------------------------------ */

#define LINK_DL_EMPTY "___EmptyParameterString___"

enum link_dl_kind {
	LINK_DL_VERSION_EXCHANGE, /* major, minor; or text "DLVersionsOk" + major from a host */
	LINK_DL_DEVICE_READY,
	LINK_DL_DOWNLOAD_FILES,   /* paths, progress */
	LINK_DL_UPLOAD_FILES,     /* progress, total */
	LINK_DL_CONTENTS,         /* path */
	LINK_DL_CREATE_DIRECTORY, /* path */
	LINK_DL_MOVE_ITEMS,       /* moves, progress (also MoveFiles) */
	LINK_DL_REMOVE_ITEMS,     /* paths, progress (also RemoveFiles) */
	LINK_DL_COPY_ITEM,        /* path, destination */
	LINK_DL_FREE_SPACE,
	LINK_DL_PURGE_SPACE,     /* bytes, urgency */
	LINK_DL_PROCESS_MESSAGE, /* message */
	LINK_DL_STATUS,          /* code, text, value */
	LINK_DL_DISCONNECT,      /* text */
	LINK_DL_UNKNOWN,         /* name alone; answer LINK_DL_OTHER and go on */
};

/**
 * struct link_dl - one control message; everything borrowed from the parsed document
 *
 * What is absent, or the empty marker in @text and @value, is NULL/0; the empty marker as a path is
 * "". Paths, also those inside @paths and @moves, are as hostile as they came.
 */
struct link_dl {
	enum link_dl_kind kind;
	const char *name;
	const char *path, *destination;
	const struct plist
		*paths; /* array whose elements may be of any type: check each with plist_text */
	const struct plist *moves;   /* dict old -> new */
	const struct plist *message; /* dict */
	const struct plist *value;   /* of any type */
	const char *text;
	int64_t code, major, minor;
	int64_t bytes, urgency; /* bytes >= 0 */
	uint64_t total;         /* the device's word for the batch: never allocate by it */
	double progress;        /* 0..100; NAN if absent or nonsense */
};
/**
 * link_dl_parse - read the array at @root
 *
 * Options, progress, totals and amounts may be missing or of another type (versions differ); names,
 * paths, lists, the status code and the message itself may not. Further elements are ignored.
 * Negative codes come out negative from each of their three encodings (9.3).
 *
 * Returns 0 (also for LINK_DL_UNKNOWN), or ERR_PROTOCOL; then only @message->name may be used,
 * NULL if not even that is there.
 */
int link_dl_parse(const struct plist *root, struct link_dl *message, struct err *err);

/*
 * A host's words: append a whole frame to @out, or leave it as before on failure. Values passed in
 * with their doc are only read; a doc that ran out of memory while they were built is noticed here.
 * Devices say much that hosts do not: the simulator puts its messages together by itself.
 */
/** link_dl_write_version_ok - a host agrees: ["DLMessageVersionExchange", "DLVersionsOk", @major]
 */
int link_dl_write_version_ok(struct buf *out, int64_t major, struct err *err);
/** link_dl_write_status - a host's answer: @value of @doc, or NULL for {} (@doc may then be NULL);
 * @text NULL for the empty marker */
int link_dl_write_status(struct buf *out, int64_t code, const char *text,
			 const struct plist_doc *doc, const struct plist *value, struct err *err);
/** link_dl_write_message - ["DLMessageProcessMessage", @dict of @doc] */
int link_dl_write_message(struct buf *out, const struct plist_doc *doc, const struct plist *dict,
			  enum link_encoding encoding, struct err *err);
/** link_dl_write_disconnect - ["DLMessageDisconnect", empty marker] */
int link_dl_write_disconnect(struct buf *out, struct err *err);

enum {
	LINK_DL_OTHER = -1,
	LINK_DL_NO_ENTRY = -6,
	LINK_DL_EXISTS = -7,
	LINK_DL_NOT_DIRECTORY = -8,
	LINK_DL_IS_DIRECTORY = -9,
	LINK_DL_LOOP = -10,
	LINK_DL_IO = -11,
	LINK_DL_MULTI_STATUS = -13, /* some files of a batch failed; the value names them */
	LINK_DL_NO_SPACE = -15,
};
/** link_dl_errno - a positive errno as DLFileErrorCode (9.3); what has no code of its own is
 * LINK_DL_OTHER */
int link_dl_errno(int number);
/** link_dl_errno_text - its DLFileErrorString: English whatever the locale, never NULL, static */
const char *link_dl_errno_text(int number);

/* ---- raw file streams (9.4) ----------------------------------------------------------- */

enum link_block {
	LINK_BLOCK_END = 0x00,
	LINK_BLOCK_DATA = 0x0c,
	LINK_BLOCK_ERROR_LOCAL = 0x06,
	LINK_BLOCK_ERROR_REMOTE = 0x0b
};

enum link_event_kind {
	LINK_EVENT_FILE,       /* names are known */
	LINK_EVENT_DATA,       /* some bytes of it; any number of times */
	LINK_EVENT_FILE_END,   /* whole */
	LINK_EVENT_FILE_ERROR, /* the sender could not (or not wholly) deliver it; text */
	LINK_EVENT_BATCH_END,  /* the terminator: control messages follow */
};
struct link_event {
	enum link_event_kind kind;
	/* FILE: borrowed from the stream object until the next FILE, NUL-terminated, and may hold
	 * NULs: check before use. With one name device_name is empty. */
	struct slice device_name, host_name;
	struct slice bytes; /* DATA: borrowed from the reader; ERROR: text, borrowed from the stream
			       object */
};

/** struct link_stream - decoder of one batch after another, either direction. Allocates once, never
 * by a peer's length. */
struct link_stream;
/** link_stream_new - @has_two_names: true for UploadFiles (device name, host name), false for
 * DownloadFiles */
int link_stream_new(struct link_stream **out, bool has_two_names, struct err *err);
/** link_stream_reset - forget a batch that was given up; after BATCH_END it is not needed */
void link_stream_reset(struct link_stream *stream);
/** link_stream_free - NULL is fine; the form with _p is for CLEANUP */
void link_stream_free(struct link_stream *stream);
void link_stream_free_p(struct link_stream **stream);
/**
 * link_stream_next - next event from @in, which moves past it
 *
 * DATA comes in as many pieces as @in holds: a block is never gathered. After FILE_ERROR the next
 * file or BATCH_END follows, whether data came before it or not.
 *
 * Returns 0; LINK_NEED_MORE: call again with what is left in @in (up to LINK_STREAM_LOOKAHEAD
 * bytes) and more behind it. ERR_PROTOCOL: a block length of 0, an end block with contents, a name
 * that is empty or over LINK_NAME_LEN_MAX, an unknown code. ERR_LIMIT: an error text over
 * LINK_ERROR_TEXT_MAX. After either the stream is out of step: drop the connection, never try to
 * resync (every later call fails too). A data block without bytes (length 1) says nothing and is
 * skipped.
 */
int link_stream_next(struct link_stream *stream, struct reader *in, struct link_event *event,
		     struct err *err);

/** link_block_header - 5 bytes in front of @len data bytes (or an error text) */
static inline void link_block_header(uint8_t out[5], enum link_block code, uint32_t len)
{
	put_u32be(out, len + 1);
	out[4] = (uint8_t)code;
}

/* ---- mobilebackup2 (10) ---------------------------------------------------------------- */

/** link_mb_hello - append the host's Hello: protocol versions 2.0 and 2.1 */
int link_mb_hello(struct buf *out, struct err *err);

struct link_restore_options {
	bool system_files, should_reboot, dont_copy, preserve_settings, remove_not_restored;
};
/*
 * The host's requests. @target is the UDID of the connected device, @source the folder to read from
 * (NULL: none, or for a restore the same as @target). Passwords are copied into @out only, which
 * must be wiped: room is reserved first, so that no copy stays behind in memory that @out outgrew.
 * A password that is empty or not UTF-8 is ERR_PASSWORD. On failure @out is as before.
 */
/** link_mb_backup - @is_full adds ForceFullBackup */
int link_mb_backup(struct buf *out, const char *target, const char *source, bool is_full,
		   struct err *err);
/** link_mb_restore - every option is sent, none left to the device's default; @password NULL for
 * plain backups */
int link_mb_restore(struct buf *out, const char *target, const char *source,
		    const struct link_restore_options *options, const struct secret *password,
		    struct err *err);
/** link_mb_change_password - encryption on (@old_password NULL), off (@new_password NULL) or
 * changed; both NULL is ERR_USAGE */
int link_mb_change_password(struct buf *out, const char *target, const struct secret *old_password,
			    const struct secret *new_password, struct err *err);

/** struct link_mb_error - a code of MBErrorDomain in plain words */
struct link_mb_error {
	int code;              /* -1 in the answer for unknown codes */
	const char *meaning;   /* "the device is locked" */
	const char *next_step; /* "unlock it, enter the passcode when asked, and run the same
				  command again" */
};
/** link_mb_explain - never NULL: an unknown code has a text of its own */
const struct link_mb_error *link_mb_explain(int64_t code);

/* ---- MCInstall (15) ---------------------------------------------------------------------- */

/** link_mc_request - {RequestType:@type} in @doc */
struct plist *link_mc_request(struct plist_doc *doc, const char *type);
/** link_mc_check - is @reply an acknowledgement of @type? ERR_DEVICE with the device's reason,
 * ERR_PROTOCOL when it has no Status. */
int link_mc_check(const struct plist *reply, const char *type, struct err *err);

enum link_answer { LINK_UNKNOWN, LINK_NO, LINK_YES };
enum { LINK_MC_SOURCE_UNKNOWN = -1, LINK_MC_SOURCE_ADE = 1 };
/** struct link_mc_cloud - the cloud configuration; texts are borrowed from the reply, NULL when not
 * told */
struct link_mc_cloud {
	int64_t source; /* ConfigurationSource: 0 none, 1 ADE, 2 a configurator's host */
	enum link_answer is_supervised, is_mandatory, is_unremovable, is_multi_user;
	enum link_answer ignores_backup; /* IgnoreMDMFromBackup */
	enum link_answer ui_is_complete; /* no: Setup Assistant has yet to show it */
	enum link_answer hides_restore;  /* SkipSetup names Restore */
	const char *url, *organization;
};
/** link_mc_cloud_read - of the answer to GetCloudConfiguration; what is of another type is not told
 */
void link_mc_cloud_read(const struct plist *reply, struct link_mc_cloud *out);

/** struct link_mc_profiles - what the list of profiles says of management; texts are borrowed */
struct link_mc_profiles {
	bool is_told;    /* false: there is no list in the answer */
	size_t count;    /* of all profiles */
	bool has_mdm;    /* one of them tells that it has a payload com.apple.mdm */
	bool has_locked; /* one of them cannot be removed */
	const char *server_url, *organization; /* of the one with the payload; NULL when not told */
};
/** link_mc_profiles_read - of the answer to GetProfileList */
void link_mc_profiles_read(const struct plist *reply, struct link_mc_profiles *out);

/* ---- AFC (8.2) --------------------------------------------------------------------------- */

enum link_afc_op {
	AFC_STATUS = 0x01,
	AFC_DATA = 0x02,
	AFC_READ_DIR = 0x03,
	AFC_REMOVE_PATH = 0x08,
	AFC_MAKE_DIR = 0x09,
	AFC_GET_FILE_INFO = 0x0a,
	AFC_GET_DEVINFO = 0x0b,
	AFC_FILE_OPEN = 0x0d,
	AFC_FILE_OPEN_RESULT = 0x0e,
	AFC_FILE_READ = 0x0f,
	AFC_FILE_WRITE = 0x10,
	AFC_FILE_SEEK = 0x11,
	AFC_FILE_TELL = 0x12,
	AFC_FILE_TELL_RESULT = 0x13,
	AFC_FILE_CLOSE = 0x14,
	AFC_SET_FILE_SIZE = 0x15,
	AFC_RENAME = 0x18,
	AFC_FILE_LOCK = 0x1b,
	AFC_MAKE_LINK = 0x1c,
	AFC_SET_FILE_MTIME = 0x1e,
	AFC_REMOVE_ALL = 0x22,
};
enum link_afc_status {
	AFC_OK = 0,
	AFC_UNKNOWN = 1,
	AFC_BAD_HEADER = 2,
	AFC_BAD_ARGUMENT = 7,
	AFC_NOT_FOUND = 8,
	AFC_IS_DIRECTORY = 9,
	AFC_PERMISSION = 10,
	AFC_NOT_SUPPORTED = 15,
	AFC_EXISTS = 16,
	AFC_NO_SPACE = 18,
	AFC_WOULD_BLOCK = 19,
	AFC_NOT_EMPTY = 33
};
enum { LINK_AFC_LEN_MAX = 16 << 20 };

struct link_afc {
	uint64_t number, op;
	struct slice arguments; /* after the 40-byte header, up to "this length" */
	struct slice payload;
};
/**
 * link_afc_parse - one packet off @in, whole; slices are borrowed from it
 *
 * Returns 0; LINK_NEED_MORE (nothing consumed); ERR_PROTOCOL for a wrong magic or lengths that
 * contradict; ERR_LIMIT above LINK_AFC_LEN_MAX. Unknown operations pass: answer AFC_NOT_SUPPORTED.
 */
int link_afc_parse(struct reader *in, struct link_afc *packet, struct err *err);
/** link_afc_write - append header, @arguments and @payload; ERR_LIMIT above LINK_AFC_LEN_MAX in
 * all; on failure @out is as before */
int link_afc_write(struct buf *out, uint64_t number, uint64_t op, struct slice arguments,
		   struct slice payload, struct err *err);
/** link_afc_write_status - append a reply with a status code to packet @number */
int link_afc_write_status(struct buf *out, uint64_t number, uint64_t status, struct err *err);
/** link_afc_status_text - plain words for a status; never NULL, static */
const char *link_afc_status_text(uint64_t status);

#endif
