/*
 * apns_server - HTTP/2 over TLS, one thread for each connection
 *
 * libnghttp2 turns bytes into requests; apns_rules.c judges them.  A client certificate is asked
 * for and any is taken: which topic it may push to stands in it.
 */
#include "sim/apns.h"

#include "crypto/identity.h"

#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, STREAMS_MAX = 1000, PART_LEN = 16 << 10, POLL_MS = 500 };

struct apns_server {
	struct apns_options options;
	SSL_CTX *context;
	pthread_mutex_t lock; /* over all below, and the log */
	pthread_cond_t ended;
	int fds[CONNECTIONS_MAX]; /* of connections; -1: free */
	unsigned running;
	unsigned faults_left;
};

/** struct link - one connection */
struct link {
	struct apns_server *server;
	int fd;
	size_t slot;
	SSL *ssl;
	nghttp2_session *session;
	char topic[CRYPTO_CERT_NAME_MAX + 1];
	bool is_expired;
};

/** struct stream - one request coming in, and the answer going out */
struct stream {
	struct apns_request request;
	struct buf body;
	char answer[256];
	size_t answer_len, answer_sent;
};

static int failed(struct err *err, const char *what)
{
	char text[200];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	return err_set(err, ERR_IO, "%s: %s", what, text);
}

/* ---- requests ---- */

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct stream *stream;

	(void)arg;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	stream->body = BUF_INIT(APNS_BODY_MAX);
	return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static void take(struct apns_request *request, char *out, size_t out_len, const uint8_t *value,
		 size_t len)
{
	request->has_duplicate |= out[0] != 0;
	snprintf(out, out_len, "%.*s", (int)(len < out_len ? len : out_len - 1),
		 (const char *)value);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct apns_request *request = stream ? &stream->request : NULL;
	const struct {
		const char *name;
		char *out;
		size_t len;
	} fields[] = {
		{":method", request ? request->method : NULL, sizeof(request->method)},
		{":path", request ? request->path : NULL, sizeof(request->path)},
		{"apns-topic", request ? request->topic : NULL, sizeof(request->topic)},
		{"apns-push-type", request ? request->push_type : NULL, sizeof(request->push_type)},
		{"apns-expiration", request ? request->expiration : NULL,
		 sizeof(request->expiration)},
		{"apns-priority", request ? request->priority : NULL, sizeof(request->priority)},
		{"apns-id", request ? request->id : NULL, sizeof(request->id)},
	};

	(void)flags, (void)arg;
	for (size_t i = 0; request && i < ARRAY_COUNT(fields); i++)
		if (name_len == strlen(fields[i].name) && !memcmp(name, fields[i].name, name_len))
			take(request, fields[i].out, fields[i].len, value, value_len);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t len, void *arg)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

	(void)flags, (void)arg;
	if (!stream)
		return 0;
	stream->request.body_len += len;
	if (stream->request.body_len <= APNS_BODY_MAX && /* what is too large need not be kept */
	    buf_append(&stream->body, bytes, len, NULL) < 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

	(void)code, (void)arg;
	if (stream)
		buf_clear(&stream->body);
	free(stream);
	return 0;
}

/* ---- answers ---- */

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *out, size_t len,
			   uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct stream *stream = source->ptr;
	size_t left = stream->answer_len - stream->answer_sent, part = left < len ? left : len;

	(void)session, (void)id, (void)arg;
	memcpy(out, stream->answer + stream->answer_sent, part);
	stream->answer_sent += part;
	if (stream->answer_sent == stream->answer_len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)part;
}

static nghttp2_nv field(const char *name, char *value)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
			    .value = (uint8_t *)value,
			    .namelen = strlen(name),
			    .valuelen = strlen(value)};
}

static void answer(struct link *link, int32_t id, struct stream *stream,
		   const struct apns_verdict *verdict)
{
	char status[8], type[] = "application/json";
	nghttp2_nv fields[3];
	nghttp2_data_provider body = {.source.ptr = stream, .read_callback = read_answer};
	size_t count = 0;

	snprintf(status, sizeof(status), "%d", verdict->status);
	if (verdict->status == 410)
		snprintf(stream->answer, sizeof(stream->answer),
			 "{\"reason\":\"%s\",\"timestamp\":%lld}", verdict->reason,
			 (long long)clock_wall_seconds(clock_system()) * 1000);
	else if (verdict->reason)
		snprintf(stream->answer, sizeof(stream->answer), "{\"reason\":\"%s\"}",
			 verdict->reason);
	stream->answer_len = strlen(stream->answer);
	fields[count++] = field(":status", status);
	fields[count++] = field("apns-id", stream->request.id);
	if (verdict->reason)
		fields[count++] = field("content-type", type);
	nghttp2_submit_response(link->session, id, fields, count,
				stream->answer_len ? &body : NULL);
}

static void make_id(struct stream *stream)
{
	uint8_t uuid[16];

	if (stream->request.id[0] || entropy_system()->fill(entropy_system(), uuid, 16, NULL) < 0)
		return;
	uuid_format(uuid, stream->request.id);
}

/* a fault that was asked for comes before everything else */
static bool take_fault(struct apns_server *server, struct apns_verdict *verdict)
{
	bool is_taken;

	pthread_mutex_lock(&server->lock);
	is_taken = server->faults_left > 0;
	if (is_taken) {
		server->faults_left--;
		*verdict = (struct apns_verdict){.status = server->options.fault_status,
						 .reason = server->options.fault_reason};
	}
	pthread_mutex_unlock(&server->lock);
	return is_taken;
}

/* a push that asks for one try is lost where nobody listens */
static void deliver(struct link *link, struct stream *stream, struct apns_verdict *verdict,
		    enum apns_presence presence)
{
	struct err err = ERR_INIT;

	if (verdict->status != 200 || (verdict->expiration == 0 && presence != APNS_HERE))
		return;
	if (apns_folder_put(link->server->options.folder, verdict->token, link->topic,
			    verdict->expiration, buf_slice(&stream->body), &err) < 0) {
		verdict->status = 500;
		verdict->reason = "InternalServerError";
	}
}

static void handle(struct link *link, int32_t id, struct stream *stream)
{
	struct apns_server *server = link->server;
	enum apns_presence presence = APNS_UNKNOWN;
	struct apns_verdict verdict;

	if (!take_fault(server, &verdict)) {
		stream->request.cert_topic = link->topic;
		stream->request.cert_is_expired = link->is_expired;
		apns_judge(&stream->request, &verdict);
		if (verdict.token[0])
			presence = apns_folder_presence(server->options.folder, verdict.token);
		apns_judge_token(&verdict, presence, server->options.is_strict);
		deliver(link, stream, &verdict, presence);
	}
	if (server->options.log) {
		pthread_mutex_lock(&server->lock);
		fprintf(server->options.log, "push status=%d reason=%s token=%.16s topic=%s\n",
			verdict.status, verdict.reason ? verdict.reason : "none", verdict.token,
			link->topic);
		fflush(server->options.log);
		pthread_mutex_unlock(&server->lock);
	}
	make_id(stream);
	answer(link, id, stream, &verdict);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct stream *stream;

	if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
	    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (stream)
		handle(arg, frame->hd.stream_id, stream);
	return 0;
}

/* ---- one connection ---- */

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *bytes, size_t len, int flags,
			  void *arg)
{
	struct link *link = arg;
	int sent = SSL_write(link->ssl, bytes, (int)len);

	(void)session, (void)flags;
	return sent > 0 ? sent : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int session_make(struct link *link)
{
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX}};
	nghttp2_session_callbacks *callbacks;
	int r;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return ERR_NO_MEMORY;
	nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	r = nghttp2_session_server_new(&link->session, callbacks, link);
	nghttp2_session_callbacks_del(callbacks);
	if (r == 0)
		r = nghttp2_submit_settings(link->session, NGHTTP2_FLAG_NONE, settings,
					    ARRAY_COUNT(settings));
	return r == 0 ? nghttp2_session_send(link->session) : r;
}

/* the topic of the certificate that the client showed */
static void take_certificate(struct link *link)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	X509 *shown = SSL_get1_peer_certificate(link->ssl);
	unsigned char *der = NULL;
	int len = shown ? i2d_X509(shown, &der) : 0;

	if (len > 0 && crypto_cert_read(&cert, slice_of(der, (size_t)len), NULL) == 0) {
		const struct crypto_cert_facts *facts = crypto_cert_facts(cert);

		snprintf(link->topic, sizeof(link->topic), "%s", facts->uid);
		link->is_expired = facts->not_after < clock_wall_seconds(clock_system());
	}
	OPENSSL_free(der);
	X509_free(shown);
}

static bool speaks_h2(const SSL *ssl)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(ssl, &name, &len);
	return len == 2 && !memcmp(name, "h2", 2);
}

static void talk(struct link *link)
{
	uint8_t part[PART_LEN];
	int got;

	if (SSL_set_fd(link->ssl, link->fd) != 1 || SSL_accept(link->ssl) != 1 ||
	    !speaks_h2(link->ssl))
		return;
	take_certificate(link);
	if (session_make(link) != 0)
		return;
	while ((nghttp2_session_want_read(link->session) ||
		nghttp2_session_want_write(link->session)) &&
	       (got = SSL_read(link->ssl, part, sizeof(part))) > 0)
		if (nghttp2_session_mem_recv(link->session, part, (size_t)got) < 0 ||
		    nghttp2_session_send(link->session) != 0)
			break;
}

static void *link_run(void *arg)
{
	struct link *link = arg;
	struct apns_server *server = link->server;

	talk(link);
	nghttp2_session_del(link->session);
	SSL_free(link->ssl);
	pthread_mutex_lock(&server->lock);
	close(link->fd);
	server->fds[link->slot] = -1;
	server->running--;
	pthread_cond_signal(&server->ended);
	free(link);
	crypto_thread_end();
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

/* ---- the server ---- */

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char h2[] = {2, 'h', '2'};

	(void)ssl, (void)arg;
	return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, h2, sizeof(h2), in,
				     in_len) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* whoever shows a certificate has its key; which one it is, is judged request by request */
static int take_any(int is_fine, X509_STORE_CTX *context)
{
	(void)is_fine, (void)context;
	return 1;
}

static int context_fill(SSL_CTX *context, const struct apns_options *options, struct err *err)
{
	BIO *cert_bio = BIO_new_mem_buf(options->cert_pem.bytes, (int)options->cert_pem.len),
	    *key_bio = BIO_new_mem_buf(options->key_pem.bytes, (int)options->key_pem.len);
	X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	int r = 0;

	if (!cert || !key || SSL_CTX_use_certificate(context, cert) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		r = failed(err, "certificate of the push service");
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, take_any);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context,
				0); /* nothing to resume: its certificate would be missing */
	return r;
}

int apns_server_new(struct apns_server **out, const struct apns_options *options, struct err *err)
{
	struct apns_server *server = calloc(1, sizeof(*server));
	int r = server ? apns_folder_make(options->folder, err) : err_no_memory(err);

	if (r < 0) {
		free(server);
		return r;
	}
	server->options = *options;
	server->faults_left = options->fault_count;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->ended, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		server->fds[i] = -1;
	server->context = SSL_CTX_new(TLS_server_method());
	r = server->context ? context_fill(server->context, options, err) : failed(err, "TLS");
	if (r < 0)
		apns_server_free(server);
	else
		*out = server;
	return r;
}

void apns_server_free(struct apns_server *server)
{
	if (!server)
		return;
	SSL_CTX_free(server->context);
	pthread_mutex_destroy(&server->lock);
	pthread_cond_destroy(&server->ended);
	free(server);
}

/* under the lock; takes @fd over */
static void start(struct apns_server *server, int fd)
{
	struct link *link = calloc(1, sizeof(*link));
	size_t slot = 0;
	pthread_t thread;

	while (slot < CONNECTIONS_MAX && server->fds[slot] >= 0)
		slot++;
	if (link && slot < CONNECTIONS_MAX) {
		*link = (struct link){.server = server, .fd = fd, .slot = slot};
		link->ssl = SSL_new(server->context);
		if (link->ssl && pthread_create(&thread, NULL, link_run, link) == 0) {
			pthread_detach(thread);
			server->fds[slot] = fd;
			server->running++;
			return;
		}
		SSL_free(link->ssl);
	}
	free(link);
	close(fd);
}

int apns_server_run(struct apns_server *server, int fd, const struct cancel *cancel,
		    struct err *err)
{
	struct pollfd waits[2] = {{.fd = fd, .events = POLLIN},
				  {.fd = cancel->wake_fd, .events = POLLIN}};

	(void)err;
	while (cancel_check(cancel, NULL) == 0) {
		int came;

		if (poll(waits, 2, POLL_MS) <= 0 || !(waits[0].revents & POLLIN))
			continue;
		came = accept(fd, NULL, NULL);
		pthread_mutex_lock(&server->lock);
		if (came >= 0)
			start(server, came);
		pthread_mutex_unlock(&server->lock);
	}
	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (server->fds[i] >= 0)
			shutdown(server->fds[i], SHUT_RDWR);
	while (server->running > 0)
		pthread_cond_wait(&server->ended, &server->lock);
	pthread_mutex_unlock(&server->lock);
	return 0;
}
