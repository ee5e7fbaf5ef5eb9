/*
 * wire_host.h - what wire_host.c (messages) and wire_stream.c (file streams) share
 */
#ifndef REHOME_SIM_WIRE_HOST_H
#define REHOME_SIM_WIRE_HOST_H

#include "crypto/crypto.h"
#include "sim/wire.h"

enum { DUPLICATE_MAX = 16 << 20, DEFERRED_MAX = 1 << 20 };

/** struct wire_host - a host on the other end of a mobilebackup2 connection */
struct wire_host {
	struct sim_host host; /* first: the callbacks get this */
	struct wire_peer *peer;
	uint64_t messages; /* control messages sent */
	bool order_is_due; /* a script begins: "order" faults strike at its first message */

	/* the batch being uploaded */
	bool is_per_field;
	uint64_t files, blocks; /* counted over the connection */
	uint8_t *room;          /* where the borrowed room begins: a block header, then the bytes */
	uint8_t *side;  /* the room when a header must leave before the bytes, or they are kept */
	bool is_spoilt; /* a false length went out: nobody is in step any more */
	bool is_endless;
	struct buf kept, kept_names; /* "duplicate": the file, to be sent again */
	bool is_kept;
	char name[LINK_NAME_LEN_MAX + 1];
	uint64_t file_len;
	struct crypto_sha1 *sha1; /* for the log; NULL when there is none */

	struct link_stream *stream; /* downloads */
	struct buf deferred;        /* "order:upload-before-mkdir": paths, each with its NUL */
	bool defers;
};

static inline struct wire_host *wire_host_in(struct sim_host *host)
{
	return (struct wire_host *)host;
}

/** wire_host_write - as wire_host_say, flushed only if @flushes */
int wire_host_write(struct wire_host *host, const struct plist *message, bool flushes,
		    struct err *err);
/** wire_host_status - the host's answer: 0 or SIM_HOST_ERROR by its code; < 0 when it is none */
int wire_host_status(struct wire_host *host, struct link_dl *answer, int64_t *status,
		     struct err *err);
/** wire_host_ask - say and hear the status */
int wire_host_ask(struct wire_host *host, const struct plist *message, struct link_dl *answer,
		  int64_t *status, struct err *err);
/** wire_host_next - wire_host_begin for a message of a script: faults of order strike before its
 * first one */
int wire_host_next(struct wire_host *host, const char *name, struct plist **message,
		   struct err *err);
/** wire_host_move - the rest of a DLMessageMoveItems and its answer; @pairs: from, to, from, to ...
 */
int wire_host_move(struct wire_host *host, struct plist *message, const char *const *pairs,
		   size_t count, double progress, int64_t *status, struct err *err);
/** wire_host_add_paths - append the list and the empty options that follow it */
void wire_host_add_paths(struct plist_doc *out, struct plist *message, const char *const *paths,
			 size_t count);
/** wire_host_make_deferred - send what "order:upload-before-mkdir" held back */
int wire_host_make_deferred(struct wire_host *host, struct err *err);
/** wire_host_stream_calls - fill in the calls of wire_stream.c */
void wire_host_stream_calls(struct sim_host *host);

#endif
