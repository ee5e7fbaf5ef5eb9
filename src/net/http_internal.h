/*
 * net/http_internal - what the files of the HTTP server share
 *
 * Floors: http_head.c (bytes of a request's head, nothing else), http_tls.c (the one SSL_CTX),
 * http_io.c (bytes in and out), http_conn.c (a connection's states), http_server.c (listeners,
 * maxima, stopping), http_loop.c (the owner's descriptors and timers).
 */
#ifndef REHOME_HTTP_INTERNAL_H
#define REHOME_HTTP_INTERNAL_H

#include "net/http.h"
#include "net/http_tls.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

/* ---- http_head.c ---- */

enum {
	HTTP_FIELDS_MAX = 64,
	HTTP_HEADER_LEN_MAX = 64 << 10, /* what header_len_max may be set to */
};

/** struct http_head - a parsed head; points into the text that was parsed */
struct http_head {
	const char *method, *path, *query;
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t field_count;
	uint64_t content_length; /* 0 without */
	bool is_keep_alive, expects_continue;
};

/** http_head_len - length of the head at the front of @bytes with its empty line; 0: not there yet.
 * @from: where to begin to look, so that a head that comes in crumbs is searched once */
size_t http_head_len(struct slice bytes, size_t from);
/**
 * http_head_parse - read the @len bytes at @text (http_head_len of them), changing them
 *
 * Returns 0, or the status to refuse with: 400, 411 (Transfer-Encoding alone: bodies need their
 * length), 417, 431, 501, 505.  RFC 9112; folded lines, bare CR or LF, absolute targets are
 * refused.
 */
int http_head_parse(struct http_head *head, char *text, size_t len);
/** http_head_field - as http_request_field */
const char *http_head_field(const struct http_head *head, const char *name);
/** http_reason - "Not Found" for 404; "" for an unusual status */
const char *http_reason(int status);

/* ---- what a server is made of ---- */

enum {
	HTTP_READ_LEN = 16 << 10,    /* one TLS record */
	HTTP_DRAIN_MAX = 4 << 20,    /* thrown away after a refusal, so that it is read */
	HTTP_STEPS_MAX = 64,         /* of one connection in a row: a read, a write, a handler */
	HTTP_ACCEPT_BATCH = 16,      /* clients in a row */
	HTTP_ANSWER_MAX = 64 << 20,  /* head and body of an answer */
	HTTP_BODIES_MAX = 256 << 20, /* of all requests together */
};

enum http_conn_state {
	CONN_HANDSHAKE,
	CONN_READING,  /* a request, or nothing yet: then it is idle */
	CONN_HANDLING, /* handle() has the request */
	CONN_WRITING,
	CONN_DRAINING, /* refused and answered; what still comes is thrown away */
};

struct http_conn;
TAILQ_HEAD(http_conns, http_conn);

struct http_listener {
	struct http_server *server;
	int fd;
	bool is_tls;
	const void *tag;
	struct event *event;
	LIST_ENTRY(http_listener) entry;
};

struct http_server {
	struct http_server_config config; /* slices emptied, zeroes replaced */
	struct event_base *base;
	SSL_CTX *tls; /* NULL: listeners in clear only */
	LIST_HEAD(, http_listener) listeners;
	struct http_conns idle, busy; /* idle: longest first */
	const struct timeval *request_time, *idle_time;
	struct event *stop_timer;   /* the end of a stop's patience */
	struct event *accept_timer; /* the end of a pause after descriptors ran out */
	bool is_stopping;
	size_t bodies_len; /* received bytes of bodies that are held */
	int64_t date_at;
	char date[40];
	struct http_counts counts;
	uint8_t scratch[HTTP_READ_LEN];
};

/** struct request - what stands behind a struct http_request */
struct request {
	struct http_request shown; /* first: http_answer casts back */
	struct http_conn *conn;
	struct http_head head;
	struct buf body;
	uint8_t *cert_der;
	size_t text_len;
	char text[]; /* of the head, and a NUL */
};

struct http_conn {
	struct http_server *server;
	const void *tag;
	int fd;
	char peer[INET6_ADDRSTRLEN];
	SSL *ssl; /* NULL in clear */
	enum http_conn_state state;
	bool is_idle;                /* in the server's idle list */
	bool is_advancing;           /* http_answer must not start over inside handle() */
	bool closes;                 /* after what is being written */
	bool drains;                 /* before it closes */
	bool needs_time;             /* another time begins: for a request, an answer, idleness */
	bool is_reading, is_writing; /* events that are added */
	struct event readable, writable, timer;
	struct buf in; /* received and not used yet */
	size_t in_searched, drained;
	struct buf out;
	size_t out_sent;
	struct request *request;
	TAILQ_ENTRY(http_conn) entry;
};

/* ---- http_io.c ---- */

/* what a step came to: it may go on, it has to wait, or the connection is over */
enum step { STEP_ON, STEP_WAIT_READ, STEP_WAIT_WRITE, STEP_WAIT_ANSWER, STEP_END };

/** http_conn_receive - what is there, at most @room bytes */
enum step http_conn_receive(struct http_conn *conn, void *at, size_t room, size_t *got);
/** http_conn_transmit - as much of the @len bytes as goes; *@sent may be less */
enum step http_conn_transmit(struct http_conn *conn, const void *at, size_t len, size_t *sent);
/** http_tls_step - what OpenSSL wants after it returned @r */
enum step http_tls_step(struct http_conn *conn, int r);

/* ---- http_conn.c, http_server.c ---- */

/** http_conn_new - serve @fd, which is taken over (on failure closed); @peer: its address */
int http_conn_new(struct http_server *server, const struct http_listener *listener, int fd,
		  const char *peer);
/** http_conn_free - close at once, also with a request that is being handled */
void http_conn_free(struct http_conn *conn);
/** http_server_date - of now, as a Date header has it */
const char *http_server_date(struct http_server *server);
/** http_server_conn_gone - a connection was freed: perhaps the last one of a stop */
void http_server_conn_gone(struct http_server *server);

#endif
