/*
 * net/http_multi - what the files of the HTTP client share
 *
 * http_client.c (calls), http_reply.c (what came back), http_multi.c: libcurl's multi handles
 * behind one epoll.
 *
 * libcurl looks for a connection to reuse by going through all that it has to the same server:
 * with one handle a call over 3,000 kept connections of as many identities took 3 ms.  So
 * identities are spread over handles of some thirty connections each.
 */
#ifndef REHOME_HTTP_MULTI_H
#define REHOME_HTTP_MULTI_H

#include "net/http.h"

#include <curl/curl.h>

struct http_multi;

/** http_multi_new - for @connections_max kept connections; ERR_NO_MEMORY, ERR_IO */
int http_multi_new(struct http_multi **out, unsigned connections_max, enum http_version version,
		   struct err *err);
/** http_multi_free - no transfer may be left in it; NULL is fine */
void http_multi_free(struct http_multi *multi);
/** http_multi_of - the handle for calls with the identity @cert_pem, always the same one */
CURLM *http_multi_of(struct http_multi *multi, struct slice cert_pem);
/** http_multi_poll - as http_client_poll; @ended is called for each transfer that came to its end,
 * and may begin others */
int http_multi_poll(struct http_multi *multi, struct pollfd *fds, unsigned count, int64_t wait_ms,
		    void (*ended)(CURL *easy, CURLcode result), struct err *err);

/** http_reply_take - @line of a reply's head, with its end; the first line of another answer (after
 * a redirect, or 100) drops what was there. 0, ERR_LIMIT, ERR_NO_MEMORY */
int http_reply_take(struct http_reply *reply, struct slice line);

#endif
