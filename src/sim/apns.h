/*
 * apns - a simulated Apple Push Notification service, as MDM services meet it
 *
 *   apns_rules.c    one request judged: status and reason; no socket, no clock
 *   apns_folder.c   where pushes wait for devices: one file for each token, the newest wins
 *   apns_server.c   HTTP/2 over TLS with client certificates (libnghttp2)
 *
 * Between this process and `rehome-sim run` lies the folder alone: tokens/TOKEN is made by a device
 * that listens, gone/TOKEN by one that has another token now, pushes/TOKEN by this service.
 */
#ifndef REHOME_SIM_APNS_H
#define REHOME_SIM_APNS_H

#include "base/base.h"

enum {
	APNS_TOKEN_MAX = 200, /* hex digits */
	APNS_BODY_MAX = 4096, /* bytes of a push */
	APNS_TOPIC_MAX = 256,
	APNS_FIELD_MAX = 256, /* bytes of a header that is looked at */
};

/* ---- apns_rules.c ---- */

/** struct apns_request - one request; texts are "" where a header is absent */
struct apns_request {
	char method[16], path[APNS_TOKEN_MAX + 64];
	char topic[APNS_FIELD_MAX], push_type[32], expiration[32], priority[16], id[64];
	bool has_duplicate;     /* a header of those came twice */
	size_t body_len;        /* as sent; may be more than was kept */
	const char *cert_topic; /* UID of the client's certificate; "" if it names none */
	bool cert_is_expired;
};
enum apns_presence { APNS_UNKNOWN, APNS_HERE, APNS_GONE };
/** struct apns_verdict - what is answered */
struct apns_verdict {
	int status;
	const char *reason; /* NULL with 200; static */
	char token[APNS_TOKEN_MAX + 1];
	int64_t expiration; /* 0: one try; -1: not said, kept */
};
/** apns_judge - by certificate, method, path and headers; the token's presence is asked after that
 */
void apns_judge(const struct apns_request *request, struct apns_verdict *verdict);
/** apns_judge_token - a verdict of 200 may become BadDeviceToken (@is_strict: unknown ones) or
 * Unregistered */
void apns_judge_token(struct apns_verdict *verdict, enum apns_presence presence, bool is_strict);

/* ---- apns_folder.c ---- */

/** apns_folder_make - the folder and its three parts */
int apns_folder_make(const char *folder, struct err *err);
enum apns_presence apns_folder_presence(const char *folder, const char *token);
/** apns_folder_put - keep a push in place of an older one of the token */
int apns_folder_put(const char *folder, const char *token, const char *topic, int64_t expiration,
		    struct slice body, struct err *err);
/** apns_folder_take - the push that waits for @token, which is gone afterwards; ERR_NOT_FOUND.
 * @now: an expired one counts as none */
int apns_folder_take(const char *folder, const char *token, int64_t now, char topic[APNS_TOPIC_MAX],
		     struct buf *body, struct err *err);
/** apns_folder_listen - the device with @token is there; @before, unless NULL and other, has gone
 */
int apns_folder_listen(const char *folder, const char *token, const char *before, struct err *err);

/* ---- apns_server.c ---- */

struct apns_server;
/** struct apns_options - all borrowed */
struct apns_options {
	const char *folder;
	struct slice cert_pem, key_pem;
	bool is_strict;   /* tokens that never listened are bad */
	int fault_status; /* the first @fault_count requests are answered so; 0: none */
	const char *fault_reason;
	unsigned fault_count;
	FILE *log; /* one line a request; NULL: none */
};
int apns_server_new(struct apns_server **out, const struct apns_options *options, struct err *err);
/** apns_server_run - accept on @fd until @cancel, each connection in a thread of its own */
int apns_server_run(struct apns_server *server, int fd, const struct cancel *cancel,
		    struct err *err);
void apns_server_free(struct apns_server *server);

#endif
