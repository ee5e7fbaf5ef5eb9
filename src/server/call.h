/*
 * server/call - frames between the processes of the service
 *
 * A frame is length (u32be, of all behind it), number (u32be), operation (u8), fields.  A field is
 * a number (u32be, u64be) or bytes (u32be length, bytes); each operation's fields stand beside it
 * below.  An answer carries the number of its call and begins with its outcome.
 *
 * Both ends are processes of the same service, and yet what comes from a worker is read as if it
 * came from outside: bounded, complete, nothing behind it.
 */
#ifndef REHOME_SERVER_CALL_H
#define REHOME_SERVER_CALL_H

#include "base/base.h"

enum {
	CALL_FRAME_MAX = (8 << 20) + (64 << 10),
	CALL_HEAD_LEN = 9, /* length, number, operation */
	CALL_TEXT_MAX = 4096,
	CALL_CHALLENGE_MAX = 64, /* bytes of a supervised device's challenge */
};

/** enum call_op - "bytes" unless a type is said; an answer's fields stand behind -> */
enum call_op {
	CALL_ANSWER = 1, /* outcome u32 (an int: 0, > 0, < 0), then the operation's own */

	/* worker to records; -> status u32, content type, body, extra header value */
	CALL_CHECKIN,  /* peer fields, message */
	CALL_REPORT,   /* peer fields, message */
	CALL_DOWNLOAD, /* peer fields, identifier */
	CALL_ENROLL,   /* link */
	CALL_API,      /* method, path, query, authorization, content type, peer, body */
	/* worker to records; -> certificate */
	CALL_IDENTITY, /* challenge, SPKI */
	CALL_RENEWAL,  /* peer fields, SPKI */
	CALL_HEALTH,   /* nothing; -> nothing: the store answers */

	/* worker to keys */
	CALL_SCEP_OPEN, /* EnvelopedData -> cipher u32, payload */
	CALL_SCEP_SIGN, /* status, fail, cipher u32; transaction id, nonce, requester, issued ->
			   CertRep */

	/* records to keys */
	CALL_ISSUE,        /* SPKI, common name, days u32 -> certificate */
	CALL_PROFILE_SIGN, /* profile -> CMS */
	CALL_SEAL,         /* bytes -> sealed */
	CALL_SUPERVISE,    /* challenge -> CMS by the supervision identity */
	/* records or courier to keys */
	CALL_OPEN, /* purpose, sealed -> bytes */

	/* records to courier; nothing is answered, but later told */
	CALL_PUSH_IDENTITY, /* certificate PEM, sealed key PEM; both empty: none any more */
	CALL_PUSH,          /* id, topic, magic, token, expires u64 */
	CALL_HOOK,          /* webhook, url, sealed secret, event u64, body */
	/* courier to records */
	CALL_PUSHED, /* id, status u32, reason, sent u64 (seconds since 1970) -> nothing */
	CALL_HOOKED, /* webhook, event u64, status u32 (0: no connection), reason -> nothing */
};

/* ---- writing and reading fields ---- */

/** struct call_writer - appends one frame; a failure sticks and shows in call_end */
struct call_writer {
	struct buf *out;
	size_t start;
	int code;
};
/** call_begin - @out is borrowed until call_end */
struct call_writer call_begin(struct buf *out, uint32_t number, enum call_op op);
/** call_begin_answer - the same for the answer to @number */
struct call_writer call_begin_answer(struct buf *out, uint32_t number, int outcome);
void call_put_u32(struct call_writer *writer, uint32_t value);
void call_put_u64(struct call_writer *writer, uint64_t value);
void call_put(struct call_writer *writer, struct slice bytes);
/** call_put_text - without its NUL; NULL as "" */
void call_put_text(struct call_writer *writer, const char *text);
/** call_end - fill the length in. On a failure (ERR_LIMIT, ERR_NO_MEMORY) the frame is gone */
int call_end(struct call_writer *writer, struct err *err);

/** struct call_fields - reads the fields of one frame; a shortage sticks */
struct call_fields {
	struct reader in;
	bool is_bad;
};
uint32_t call_get_u32(struct call_fields *fields);
uint64_t call_get_u64(struct call_fields *fields);
/** call_get - borrowed with the frame; empty if there is none */
struct slice call_get(struct call_fields *fields);
/** call_get_text - a field without NUL inside, of fewer than @size bytes, copied with a NUL */
void call_get_text(struct call_fields *fields, char *out, size_t size);
/** call_get_done - was everything there, and nothing more? */
bool call_get_done(const struct call_fields *fields);

/* ---- one end of a socket pair ---- */

/**
 * struct link - LINK_INIT; fd -1: not connected
 *
 * Some frames carry opened secrets, so all of them are overwritten: what was sent at once, what was
 * received when the receiver says link_done.
 */
struct link {
	int fd;
	struct buf in, out;
	size_t in_at, out_at; /* bytes of each that are done with */
};
#define LINK_INIT \
	((struct link){.fd = -1, .in = BUF_INIT(2 * CALL_FRAME_MAX), .out = BUF_INIT(64 << 20)})

/** struct frame - borrowed from the link until its next link_receive or link_done */
struct frame {
	uint32_t number;
	enum call_op op;
	struct call_fields fields;
};

enum link_outcome { LINK_NOTHING = 1 };

/** link_open - over @fd (taken over, made non-blocking); what was connected before is closed */
void link_open(struct link *link, int fd);
/** link_close - with all that is buffered; safe when closed */
void link_close(struct link *link);
/** link_receive - take in what is there, without waiting. 0; LINK_NOTHING; ERR_CLOSED, ERR_LIMIT */
int link_receive(struct link *link, struct err *err);
/** link_next - the next whole frame. 0; LINK_NOTHING; ERR_PROTOCOL for a length out of bounds */
int link_next(struct link *link, struct frame *frame, struct err *err);
/** link_done - the frames handed out so far are of no use any more, and leave the memory */
void link_done(struct link *link);
/** link_flush - send what is buffered, without waiting. 0: all of it; LINK_NOTHING: some is left;
 * ERR_CLOSED */
int link_flush(struct link *link, struct err *err);
/** link_wait - until everything was sent and a frame with @number has come, at most @wait_ms.
 * Other frames are dropped. ERR_TIMEOUT, ERR_CLOSED, ERR_PROTOCOL */
int link_wait(struct link *link, uint32_t number, int64_t wait_ms, struct frame *frame,
	      struct err *err);

#endif
