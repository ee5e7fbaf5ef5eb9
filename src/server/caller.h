/*
 * server/caller - a worker's calls to one other process, many at once
 *
 * A call is one frame; those begun in one round of the server's loop leave in one write, so that
 * the other side finds them together.  An answer comes back through a watch of the server's loop.
 * A process that is away, gone, or silent for too long answers with a failure: nothing waits for
 * ever, and nothing is sent twice.
 */
#ifndef REHOME_SERVER_CALLER_H
#define REHOME_SERVER_CALLER_H

#include "net/http.h"
#include "server/call.h"

enum { CALLER_SLOTS = 2048, CALLER_WAIT_MS = 20000 };

/** called once for a call: @outcome as answered, with @fields behind it; or < 0 with @fields NULL
 */
typedef void caller_done(void *arg, int outcome, struct call_fields *fields);

struct caller_slot {
	caller_done *done; /* NULL: free */
	void *arg;
	uint16_t generation;
	int64_t deadline_ms;
	int next_free;
};

struct caller {
	struct link link;
	struct http_server *server;
	struct http_watch *watch;
	struct http_timer *flush; /* calls of one round of the loop leave together */
	bool is_flush_due;
	struct caller_slot slots[CALLER_SLOTS];
	int first_free;
	unsigned pending;
	uint32_t open; /* number of the call being written */
};

/** caller_new - not connected; @server is borrowed */
int caller_new(struct caller **out, struct http_server *server, struct err *err);
/** caller_free - pending calls end with ERR_CLOSED */
void caller_free(struct caller *caller);
/** caller_connect - over @fd (taken over); what was pending ends with ERR_CLOSED */
int caller_connect(struct caller *caller, int fd, struct err *err);
/** caller_begin - 0, then put the fields and caller_send; ERR_CLOSED, ERR_LIMIT: it is not possible
 * now */
int caller_begin(struct caller *caller, enum call_op op, struct call_writer *writer,
		 struct err *err);
/** caller_send - on a failure done() is not called */
int caller_send(struct caller *caller, struct call_writer *writer, caller_done *done, void *arg,
		struct err *err);
/** caller_expire - end what has waited for CALLER_WAIT_MS; call every second */
void caller_expire(struct caller *caller);

#endif
