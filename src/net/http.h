/*
 * net/http - the room's second door: an HTTPS server and an HTTP client
 *
 * The server is a loop of libevent over OpenSSL; it reads HTTP itself, because libevent's own
 * reader shows a request only after its body, accepts what has two readings, and ends the
 * process on some failures.  The client is libcurl with its openness closed (schemes, redirects,
 * proxies, sizes).  Neither library shows here.  Knows HTTP; knows no route, device or message.
 *
 * A server, with all that belongs to it, lives in one thread; so does a client.  SIGPIPE is
 * never raised once one of either exists (it is ignored for the process).  Nothing here logs:
 * not a query, not a header.
 */
#ifndef REHOME_HTTP_H
#define REHOME_HTTP_H

#include "base/base.h"

#include <poll.h>

/** struct http_field - a header; arrays of them end with a NULL name */
struct http_field {
	const char *name, *value;
};

/* ---- server ---------------------------------------------------------------- */

struct http_server;

/**
 * struct http_request - what a client asks; lives until http_answer, also when its client leaves
 *
 * What stands here was checked: one Host, at most one Content-Length and that of digits, not
 * together with Transfer-Encoding; a path that decodes to UTF-8 without NUL, control
 * characters, "." or ".." components.
 */
struct http_request {
	const char *method; /* GET HEAD POST PUT DELETE PATCH OPTIONS; others were answered 501 */
	const char *path;   /* decoded once, begins with '/' */
	const char *query;  /* as sent, after '?'; "" without. http_query_value reads it */
	struct slice body;
	struct slice peer_cert; /* DER; empty if the client showed none. Its key was proved by the
				   handshake, or by the one that this session resumes; nothing
				   else was checked: not its issuer, not its dates */
	const char *peer;       /* address of the client, numeric */
	bool is_tls;
	const void *tag; /* of the listener that the client came through */
};

/** http_request_field - value of the header @name (case does not matter), borrowed with the
 * request; NULL if it is absent, and also if it was sent twice */
const char *http_request_field(const struct http_request *request, const char *name);

/**
 * http_query_value - the first value of @name in @query ("a=1&b=2"), decoded ('+' is a space)
 *
 * Appended to @out, without a NUL.  Returns 0; ERR_NOT_FOUND; ERR_PROTOCOL (a bad escape, or
 * %00); ERR_LIMIT, ERR_NO_MEMORY from @out.
 */
int http_query_value(const char *query, const char *name, struct buf *out, struct err *err);

/**
 * http_answer - answer @request, which is gone afterwards; at once or later, from the same thread
 * @status:       200 to 599
 * @content_type: NULL leaves the header out
 * @extra:        more headers, ended by a NULL name; NULL for none. One whose value holds a CR
 *                or LF is left out.
 * @body:         copied; not sent for HEAD, 204 and 304
 *
 * Cannot fail: to a client that has left meanwhile nothing is sent.  Each request is answered
 * exactly once.
 */
void http_answer(struct http_request *request, int status, const char *content_type,
		 const struct http_field *extra, struct slice body);

/** struct http_server_config - zero means the default in brackets */
struct http_server_config {
	struct slice cert_pem, key_pem; /* our chain, leaf first, and its key; for listeners with
					   TLS. Borrowed for the call */
	void (*handle)(void *arg, struct http_request *request);
	/* largest body that @path may get; asked before the body is read, answered with 413 beyond.
	   NULL: body_len_max for all */
	size_t (*body_max)(void *arg, const char *method, const char *path);
	void *arg;
	size_t body_len_max;      /* for all routes [1 MiB] */
	size_t header_len_max;    /* request line and headers, bytes [16384]; 431 beyond */
	unsigned connections_max; /* [12000] beyond: the longest idle one is closed, or, if all are
				     busy, the new one */
	unsigned requests_max;    /* handed to handle() and not answered yet [1024]; 503 beyond */
	unsigned sessions_max; /* TLS sessions kept for resumption, 6 kB each [10000]. Each server
				  keeps its own: a client that meets another process shakes
				  hands in full */
	int64_t request_ms; /* for a handshake; from the first byte of a request to its last; from
			       the answer to its last byte [30000] */
	int64_t idle_ms;    /* before a request and between two [60000] */
};

/**
 * http_server_new - a server and its event loop, without a listener
 *
 * After this no file is opened any more: a process may enter its sandbox.  TLS 1.2 and 1.3; a
 * client certificate is asked for and not required, any is accepted (see peer_cert).
 * Returns 0; ERR_USAGE if certificate and key do not fit together; ERR_NO_MEMORY, ERR_IO.
 */
int http_server_new(struct http_server **out, const struct http_server_config *config,
		    struct err *err);
/** http_server_free - close everything at once; requests not answered yet are gone with it; NULL is
 * fine */
void http_server_free(struct http_server *server);
/** http_server_free_p - for CLEANUP */
void http_server_free_p(struct http_server **server);

/**
 * http_server_listen - accept clients from @fd
 * @fd:  bound and listening (may be shared with other processes); taken over, on failure closed
 * @tag: comes back in each request; says which address this is
 *
 * Returns 0; ERR_USAGE for TLS without a certificate; ERR_NO_MEMORY, ERR_IO.
 */
int http_server_listen(struct http_server *server, int fd, bool is_tls, const void *tag,
		       struct err *err);

/** http_server_run - serve until http_server_stop is through; 0 or ERR_IO */
int http_server_run(struct http_server *server, struct err *err);
/**
 * http_server_stop - end http_server_run: accept nothing more, close what is idle, let requests
 * in flight finish for at most @within_ms.  From the server's thread (a handler, watch or timer);
 * calling it again sets the time anew.
 */
void http_server_stop(struct http_server *server, int64_t within_ms);

/** struct http_counts - since http_server_new; the first two: now */
struct http_counts {
	uint64_t connections, in_flight;
	uint64_t accepted, refused;          /* refused: for connections_max or requests_max */
	uint64_t handshakes, resumed;        /* completed ones; resumed are among them */
	uint64_t requests, bad, timed_out;   /* handed to handle(); answered 4xx or 5xx here; cut */
	uint64_t bytes_received, bytes_sent; /* bodies */
};
/** http_server_counts - borrowed from the server, always current */
const struct http_counts *http_server_counts(const struct http_server *server);

/* the owner's own descriptors and times in the same loop */

enum { HTTP_READABLE = 1u << 0, HTTP_WRITABLE = 1u << 1 };

struct http_watch;
/**
 * http_watch_new - call @ready with what @fd is ready for (HTTP_READABLE, HTTP_WRITABLE), again
 * and again while it is; a descriptor whose peer left counts as readable
 * @fd:     borrowed until http_watch_free; non-blocking
 * @events: what to look for; http_watch_set changes it. 0: nothing
 */
int http_watch_new(struct http_watch **out, struct http_server *server, int fd, unsigned events,
		   void (*ready)(void *arg, unsigned events), void *arg, struct err *err);
/** http_watch_set - look for @events from now on */
void http_watch_set(struct http_watch *watch, unsigned events);
/** http_watch_free - also from its own callback, and before the server's end; NULL is fine */
void http_watch_free(struct http_watch *watch);

struct http_timer;
/** http_timer_new - at rest until http_timer_set */
int http_timer_new(struct http_timer **out, struct http_server *server, void (*fire)(void *arg),
		   void *arg, struct err *err);
/** http_timer_set - call fire() once, @ms from now (0: in the next round); < 0: rest */
void http_timer_set(struct http_timer *timer, int64_t ms);
/** http_timer_free - as http_watch_free */
void http_timer_free(struct http_timer *timer);

/* ---- client ---------------------------------------------------------------- */

struct http_client;

enum http_version {
	HTTP_1_1,
	HTTP_2, /* https only, by ALPN: many calls share a connection. A server that does not speak
		   it: ERR_PROTOCOL */
};

/** struct http_client_config - zero means what stands in brackets; slices are copied */
struct http_client_config {
	struct slice ca_pem;       /* whom to trust [the system's certificates] */
	const uint8_t *pin_sha256; /* or: exactly this key; digest of its SubjectPublicKeyInfo, 32
				      bytes. Then neither issuer, name nor dates are looked at */
	struct slice cert_pem, key_pem; /* our identity [none] */
	enum http_version version;
	bool is_loopback_only;    /* refuse to connect anywhere but this machine */
	unsigned connections_max; /* kept open for reuse, of a great number up to half more [4] */
};

/**
 * http_client_new - a client with its own cache of connections
 *
 * Only http and https; no proxy, no cookies, no netrc.  Returns 0, ERR_USAGE (an identity that is
 * not complete), ERR_NO_MEMORY.
 */
int http_client_new(struct http_client **out, const struct http_client_config *config,
		    struct err *err);
/** http_client_free - drops calls that run, without their done(), and closes the connections; NULL
 * is fine */
void http_client_free(struct http_client *client);
/** http_client_free_p - for CLEANUP */
void http_client_free_p(struct http_client **client);

/** struct http_call - a request; all of it is borrowed for the call that takes it */
struct http_call {
	const char *method; /* GET, PUT ...; NULL: GET */
	const char *url;
	const struct http_field *fields; /* ended by a NULL name; NULL: none */
	struct slice body;               /* sent with PUT, POST, PATCH, also when empty */
	size_t reply_len_max;            /* body of the reply; 0: 1 MiB. ERR_LIMIT beyond */
	int64_t timeout_ms;              /* for all of it; 0: 30000 */
	unsigned redirects_max;          /* 0: a redirect is a reply like any other */
	struct slice cert_pem, key_pem;  /* identity for this call [the client's]; connections are
					    shared only between calls with the same */
};

/** struct http_reply - what came back; HTTP_REPLY_INIT, http_reply_clear */
struct http_reply {
	int status;
	struct buf body;
	struct buf
		fields; /* of the last answer: name, NUL, value, NUL; http_reply_field reads them */
	bool is_reused; /* came over a connection of an earlier call */
};
enum { HTTP_REPLY_FIELDS_MAX = 64 << 10 };
#define HTTP_REPLY_INIT ((struct http_reply){.fields = BUF_INIT(HTTP_REPLY_FIELDS_MAX)})
/** http_reply_clear - give the memory back */
void http_reply_clear(struct http_reply *reply);
/** http_reply_field - value of the first header @name (case does not matter), NUL-terminated,
 * borrowed; NULL if absent */
const char *http_reply_field(const struct http_reply *reply, const char *name);

/**
 * http_client_call - ask and wait for the reply
 * @cancel: may be NULL
 *
 * Any status is a success; *@reply is overwritten.  Returns 0; ERR_TIMEOUT; ERR_CANCELED;
 * ERR_CLOSED (no connection, or it broke); ERR_POLICY (the server is not the one to trust, or not
 * on this machine; a scheme that is not allowed); ERR_LIMIT (the reply is too large);
 * ERR_PROTOCOL; ERR_USAGE; ERR_NO_MEMORY.  The text names method, host and path; no query.
 */
int http_client_call(struct http_client *client, const struct http_call *call,
		     const struct cancel *cancel, struct http_reply *reply, struct err *err);

/**
 * http_client_send - begin a call; many may run at once
 * @done: called once from http_client_poll: @code 0 with @reply, or a failure as above with @err.
 *        Both are borrowed; a reply may be taken by copying *@reply and leaving HTTP_REPLY_INIT.
 *        It may begin other calls, and not free the client.
 *
 * Returns 0, or ERR_USAGE, ERR_NO_MEMORY, and then done() is not called.
 */
int http_client_send(struct http_client *client, const struct http_call *call,
		     void (*done)(void *arg, int code, struct http_reply *reply,
				  const struct err *err),
		     void *arg, struct err *err);
/** http_client_running - calls begun with http_client_send and not done */
unsigned http_client_running(const struct http_client *client);
/**
 * http_client_poll - let the calls go on; wait at most @wait_ms for something to happen to them or
 * to one of the @count (at most HTTP_POLL_MAX) @fds, whose revents are set: POLLIN, POLLOUT.
 * Returns 0, ERR_IO, ERR_NO_MEMORY.
 */
enum { HTTP_POLL_MAX = 16 };
int http_client_poll(struct http_client *client, struct pollfd *fds, unsigned count,
		     int64_t wait_ms, struct err *err);

#endif
