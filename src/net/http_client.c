/*
 * The HTTP client: libcurl with its openness closed
 *
 * One struct http_multi per client carries every call, blocking or not, so that connections are
 * reused between them; TLS sessions are shared the same way.  What a call may do is set here, once:
 * http and https only, no proxy from the environment, no name or password in a URL, redirects
 * and lengths within what the caller gave.
 */
#include "net/http_multi.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

enum {
	WAIT_MAX_MS = 200, /* how often to look at a cancel that has no descriptor */
	REPLY_LEN_MAX = 1 << 20,
	TIMEOUT_MS = 30000,
	CONNECTIONS_MAX = 4,
	NAME_MAX_LEN = 400,
};

struct transfer {
	struct http_client *client;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *fields;
	struct http_reply reply;
	char name[NAME_MAX_LEN]; /* method, host and path, for failures */
	char reason[CURL_ERROR_SIZE];
	int refused; /* ours, when a callback ended the transfer */
	void (*done)(void *arg, int code, struct http_reply *reply, const struct err *err);
	void *arg;
	LIST_ENTRY(transfer) entry;
};

struct http_client {
	struct http_multi *multi;
	CURLSH *share;
	struct buf ca_pem, cert_pem, key_pem;
	char pin[64]; /* "sha256//" and base64; empty without */
	enum http_version version;
	bool is_loopback_only;
	unsigned running;
	LIST_HEAD(, transfer) transfers;
};

/* ---- what comes back ---- */

static size_t on_field(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;

	transfer->refused = http_reply_take(&transfer->reply, slice_of(line, size * count));
	return transfer->refused == 0 ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;

	transfer->refused = buf_append(&transfer->reply.body, bytes, size * count, NULL);
	return transfer->refused == 0 ? size * count : 0;
}

/* ---- beginning a call ---- */

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;

	if (transfer->client->is_loopback_only && !is_loopback(&address->addr)) {
		transfer->refused = ERR_POLICY;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void transfer_free(struct transfer *transfer)
{
	if (transfer->easy) {
		curl_multi_remove_handle(transfer->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->fields);
	http_reply_clear(&transfer->reply);
	free(transfer);
}

static void transfer_freep(struct transfer **transfer)
{
	if (*transfer)
		transfer_free(*transfer);
}

/** transfer_name - "PUT https://host/path", for failures: what follows '?' may be a secret */
static void transfer_name(struct transfer *transfer, const char *method, const char *url)
{
	snprintf(transfer->name, sizeof(transfer->name), "%s %.*s", method, (int)strcspn(url, "?#"),
		 url);
}

/** has_user - does @url carry a name or password? Errors and logs would carry them on */
static bool has_user(const char *url)
{
	const char *host = strstr(url, "://");

	return host && memchr(host + 3, '@', strcspn(host + 3, "/?#"));
}

static int add_field(struct transfer *transfer, const char *line, struct err *err)
{
	struct curl_slist *longer = curl_slist_append(transfer->fields, line);

	if (!longer)
		return err_no_memory(err);
	transfer->fields = longer;
	return 0;
}

static int add_fields(struct transfer *transfer, const struct http_field *field, struct err *err)
{
	bool has_type = false;
	int r = add_field(transfer, "Expect:", err); /* never wait for "100 Continue" */

	for (; r == 0 && field && field->name; field++) {
		CLEANUP(buf_wipe) struct buf line = BUF_INIT(HTTP_REPLY_FIELDS_MAX);

		if (strpbrk(field->name, "\r\n:") || strpbrk(field->value, "\r\n"))
			return err_set(err, ERR_USAGE, "%s: a header with a line end",
				       transfer->name);
		/* libcurl leaves a header out that ends in ':', and sends one that ends in ';' */
		r = buf_append_format(&line, err, *field->value ? "%s: %s" : "%s;%s", field->name,
				      field->value);
		if (r == 0)
			r = add_field(transfer, buf_text(&line), err);
		has_type = has_type || strcasecmp(field->name, "Content-Type") == 0;
	}
	if (r == 0 && !has_type)
		r = add_field(transfer, "Content-Type:", err); /* none instead of libcurl's */
	return r;
}

static bool set_pem(CURL *easy, CURLoption option, struct slice pem, unsigned flags)
{
	struct curl_blob blob = {(void *)(uintptr_t)pem.bytes, pem.len, flags};

	return pem.len == 0 || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool set_trust(struct transfer *transfer, const struct http_call *call)
{
	struct http_client *client = transfer->client;
	CURL *easy = transfer->easy;
	bool has_own = call->cert_pem.len > 0;
	unsigned flags = has_own ? CURL_BLOB_COPY : CURL_BLOB_NOCOPY;
	bool is_set =
		set_pem(easy, CURLOPT_SSLCERT_BLOB,
			has_own ? call->cert_pem : buf_slice(&client->cert_pem), flags) &&
		set_pem(easy, CURLOPT_SSLKEY_BLOB,
			has_own ? call->key_pem : buf_slice(&client->key_pem), flags) &&
		set_pem(easy, CURLOPT_CAINFO_BLOB, buf_slice(&client->ca_pem), CURL_BLOB_NOCOPY);

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (client->pin[0]) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
		is_set = is_set &&
			 curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, client->pin) == CURLE_OK;
	}
	return is_set;
}

/** set_limits - what no call may leave */
static bool set_limits(struct transfer *transfer, const struct http_call *call)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, call->redirects_max > 0 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)call->redirects_max);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
			 (long)(call->timeout_ms > 0 ? call->timeout_ms : TIMEOUT_MS));
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
}

static bool set_request(struct transfer *transfer, const struct http_call *call, const char *method)
{
	CURL *easy = transfer->easy;
	bool sends = strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0 ||
		     strcmp(method, "PATCH") == 0;
	bool is_set = curl_easy_setopt(easy, CURLOPT_URL, call->url) == CURLE_OK &&
		      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->fields) == CURLE_OK;
	bool is_2 = transfer->client->version == HTTP_2;

	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			 is_2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	/* rather wait for a connection that is being made than make another */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, is_2 ? 1L : 0L);
	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return is_set;
	}
	if (sends || call->body.len > 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		is_set = is_set && curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
						    call->body.len ? (const char *)call->body.bytes
								   : "") == CURLE_OK;
	}
	return is_set && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static void set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_field);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_SHARE, transfer->client->share);
}

static int
transfer_begin(struct transfer **out, struct http_client *client, const struct http_call *call,
	       void (*done)(void *arg, int code, struct http_reply *reply, const struct err *err),
	       void *arg, struct err *err)
{
	CLEANUP(transfer_freep) struct transfer *transfer = calloc(1, sizeof(*transfer));
	const char *method = call->method ? call->method : "GET";
	int r;

	if (!transfer)
		return err_no_memory(err);
	transfer->client = client;
	transfer->done = done;
	transfer->arg = arg;
	transfer->reply = HTTP_REPLY_INIT;
	transfer->reply.body = BUF_INIT(call->reply_len_max ? call->reply_len_max : REPLY_LEN_MAX);
	if (has_user(call->url))
		return err_set(err, ERR_USAGE, "a URL with a user in it");
	transfer_name(transfer, method, call->url);
	/* libcurl 7.88 breaks a second stream on a connection in clear */
	if (client->version == HTTP_2 && strncasecmp(call->url, "https:", 6) != 0)
		return err_set(err, ERR_USAGE, "%s: HTTP/2 is spoken over TLS", transfer->name);
	r = add_fields(transfer, call->fields, err);
	if (r != 0)
		return r;
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		return err_no_memory(err);
	set_callbacks(transfer);
	transfer->multi = http_multi_of(client->multi, call->cert_pem);
	if (!set_limits(transfer, call) || !set_request(transfer, call, method) ||
	    !set_trust(transfer, call) ||
	    curl_multi_add_handle(transfer->multi, transfer->easy) != CURLM_OK)
		return err_no_memory(err);
	LIST_INSERT_HEAD(&client->transfers, transfer, entry);
	client->running++;
	*out = STEAL(transfer);
	return 0;
}

int http_client_send(struct http_client *client, const struct http_call *call,
		     void (*done)(void *arg, int code, struct http_reply *reply,
				  const struct err *err),
		     void *arg, struct err *err)
{
	struct transfer *transfer;

	return transfer_begin(&transfer, client, call, done, arg, err);
}

/* ---- ending one ---- */

/** code_of - what libcurl's result means here */
static int code_of(CURLcode result)
{
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return ERR_POLICY;
	case CURLE_OUT_OF_MEMORY:
		return ERR_NO_MEMORY;
	case CURLE_URL_MALFORMAT:
	case CURLE_LOGIN_DENIED: /* a name in the URL */
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return ERR_USAGE;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SSL_CONNECT_ERROR:
		return ERR_CLOSED;
	default:
		return ERR_PROTOCOL;
	}
}

static int transfer_result(struct transfer *transfer, CURLcode result, struct err *err)
{
	long status = 0, version = 0, connects = 0;

	if (transfer->refused != 0 && result != CURLE_OK)
		return err_set(err, transfer->refused, "%s: %s", transfer->name,
			       transfer->refused == ERR_LIMIT ? "the reply is too large"
			       : transfer->refused == ERR_POLICY
				       ? "the server is not on this machine"
				       : "out of memory");
	if (result != CURLE_OK)
		return err_set(err, code_of(result), "%s: %s", transfer->name,
			       transfer->reason[0] ? transfer->reason : curl_easy_strerror(result));
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (transfer->client->version == HTTP_2 && version != CURL_HTTP_VERSION_2_0)
		return err_set(err, ERR_PROTOCOL, "%s: the server does not speak HTTP/2",
			       transfer->name);
	transfer->reply.status = (int)status;
	transfer->reply.is_reused = connects == 0;
	return 0;
}

static void transfer_end(CURL *easy, CURLcode result)
{
	struct transfer *transfer = NULL;
	struct err err = ERR_INIT;
	int code;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	code = transfer_result(transfer, result, &err);
	LIST_REMOVE(transfer, entry);
	transfer->client->running--;
	transfer->done(transfer->arg, code, &transfer->reply, &err);
	transfer_free(transfer);
}

unsigned http_client_running(const struct http_client *client)
{
	return client->running;
}

int http_client_poll(struct http_client *client, struct pollfd *fds, unsigned count,
		     int64_t wait_ms, struct err *err)
{
	return http_multi_poll(client->multi, fds, count, wait_ms, transfer_end, err);
}

/* ---- a call that waits ---- */

struct wait_for {
	bool is_done;
	int code;
	struct http_reply *reply;
	struct err *err;
};

static void on_waited(void *arg, int code, struct http_reply *reply, const struct err *err)
{
	struct wait_for *wait_for = arg;

	wait_for->is_done = true;
	wait_for->code = code;
	if (code != 0) {
		if (wait_for->err)
			*wait_for->err = *err;
		return;
	}
	http_reply_clear(wait_for->reply);
	*wait_for->reply = *reply;
	*reply = HTTP_REPLY_INIT;
}

int http_client_call(struct http_client *client, const struct http_call *call,
		     const struct cancel *cancel, struct http_reply *reply, struct err *err)
{
	struct wait_for wait_for = {.reply = reply, .err = err};
	bool has_wake = cancel && cancel->wake_fd >= 0;
	struct pollfd wake = {.fd = has_wake ? cancel->wake_fd : -1, .events = POLLIN};
	struct transfer *transfer;
	int r = transfer_begin(&transfer, client, call, on_waited, &wait_for, err);

	while (r == 0 && !wait_for.is_done) {
		r = cancel_check(cancel, err);
		if (r == 0)
			r = http_client_poll(client, &wake, has_wake, WAIT_MAX_MS, err);
		if (r != 0 && !wait_for.is_done) {
			LIST_REMOVE(transfer, entry);
			client->running--;
			transfer_free(transfer);
		}
	}
	return r != 0 ? r : wait_for.code;
}

/* ---- the client ---- */

static int copy_pem(struct buf *to, struct slice from, struct err *err)
{
	*to = BUF_INIT(1 << 20);
	return from.len == 0 ? 0 : buf_append_slice(to, from, err);
}

int http_client_new(struct http_client **out, const struct http_client_config *config,
		    struct err *err)
{
	CLEANUP(http_client_free_p) struct http_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return err_no_memory(err);
	if ((config->cert_pem.len == 0) != (config->key_pem.len == 0))
		return err_set(err, ERR_USAGE, "an identity is a certificate and its key");
	signal(SIGPIPE, SIG_IGN);
	LIST_INIT(&client->transfers);
	client->version = config->version;
	client->is_loopback_only = config->is_loopback_only;
	r = copy_pem(&client->ca_pem, config->ca_pem, err);
	if (r == 0)
		r = copy_pem(&client->cert_pem, config->cert_pem, err);
	if (r == 0)
		r = copy_pem(&client->key_pem, config->key_pem, err);
	if (r != 0)
		return r;
	if (config->pin_sha256) {
		memcpy(client->pin, "sha256//", 8);
		EVP_EncodeBlock((unsigned char *)client->pin + 8, config->pin_sha256, 32);
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_no_memory(err);
	client->share = curl_share_init();
	if (!client->share)
		return err_no_memory(err);
	curl_share_setopt(client->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	r = http_multi_new(&client->multi,
			   config->connections_max ? config->connections_max : CONNECTIONS_MAX,
			   client->version, err);
	if (r != 0)
		return r;
	*out = STEAL(client);
	return 0;
}

void http_client_free(struct http_client *client)
{
	struct transfer *transfer;

	if (!client)
		return;
	while ((transfer = LIST_FIRST(&client->transfers)) != NULL) {
		LIST_REMOVE(transfer, entry);
		transfer_free(transfer);
	}
	http_multi_free(client->multi);
	curl_share_cleanup(client->share);
	buf_clear(&client->ca_pem);
	buf_clear(&client->cert_pem);
	buf_wipe(&client->key_pem);
	free(client);
}

void http_client_free_p(struct http_client **client)
{
	http_client_free(*client);
}
