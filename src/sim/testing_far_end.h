/*
 * testing_far_end - the service of testing_service.h behind an HTTPS server in a thread of its own
 */
#ifndef REHOME_SIM_TESTING_FAR_END_H
#define REHOME_SIM_TESTING_FAR_END_H

#include "net/http.h"
#include "net/net.h"
#include "sim/testing_client.h"

#include <pthread.h>

/** struct far_end - a service behind an HTTPS server in a thread of its own */
struct far_end {
	struct service *service;
	struct http_server *server;
	struct http_watch *watch;
	pthread_t thread;
	int stop[2];
	char url[160];
	struct crypto_cert *tls_ca;
	struct buf ca_xml; /* the CA as the payload com.apple.security.root */
	bool was_signed;
};

static inline void far_end_on_stop(void *arg, unsigned events)
{
	(void)events;
	http_server_stop(((struct far_end *)arg)->server, 0);
}

/** far_end_paper - an enrollment profile for this far end, with or without the anchor that its
 * certificate needs */
static inline void far_end_paper(struct far_end *end, bool has_anchor, const char *extra,
				 struct buf *all)
{
	struct buf bytes = BUF_INIT(SIM_MESSAGE_MAX);
	char server[200], scep[200];
	struct paper paper = {.server = server, .extra = extra};
	const char *text, *url, *array;

	snprintf(server, sizeof(server), "%s/mdm", end->url);
	snprintf(scep, sizeof(scep), "%s/scep", end->url);
	paper_write(&paper, &bytes);
	text = buf_text(&bytes);
	array = strstr(text, "<array>") + 7;
	url = strstr(text, "http://mdm.example/scep");
	buf_append(all, text, (size_t)(array - text), NULL);
	if (has_anchor)
		buf_append_format(
			all, NULL,
			"<dict><key>PayloadType</key><string>com.apple.security.root</string>"
			"<key>PayloadVersion</key><integer>1</integer>"
			"<key>PayloadIdentifier</key><string>example.root</string>"
			"<key>PayloadUUID</key><string>ROOT-1</string>"
			"<key>PayloadContent</key>%s</dict>",
			buf_text(&end->ca_xml));
	buf_append(all, array, (size_t)(url - array), NULL);
	buf_append_text(all, scep, NULL);
	buf_append_text(all, url + strlen("http://mdm.example/scep"), NULL);
	buf_clear(&bytes);
}

/* who speaks: the certificate shown, or that of the Mdm-Signature */
static inline void far_end_sender(struct far_end *end, struct http_request *request,
				  struct sim_relation *relation)
{
	const char *header = http_request_field(request, "Mdm-Signature");
	struct buf der = BUF_INIT(CRYPTO_SIGNED_MAX);
	struct crypto_signed sig;

	sim_relation_init(relation);
	if (!header) {
		buf_append_slice(&relation->cert, request->peer_cert, NULL);
		return;
	}
	crypto_signed_init(&sig);
	assert_int_equal(crypto_base64_read(&der, slice_text(header), NULL), 0);
	assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), request->body,
					    CRYPTO_SIGNED_DETACHED, NULL),
			 0);
	buf_append_slice(&relation->cert, buf_slice(&sig.signer), NULL);
	end->was_signed = true;
	crypto_signed_clear(&sig);
	buf_clear(&der);
}

static inline void far_end_on_request(void *arg, struct http_request *request)
{
	struct far_end *end = arg;
	struct sim_response response = SIM_RESPONSE_INIT;
	struct sim_relation relation;
	char url[300];
	struct sim_request asked = {
		.method = request->method, .url = url, .body = request->body, .as = &relation};

	snprintf(url, sizeof(url), "%s?%s", request->path, request->query);
	if (!strncmp(request->path, "/enroll/", 8)) {
		far_end_paper(end, true, NULL, &response.body);
		http_answer(request, 200, "application/x-apple-aspen-config", NULL,
			    buf_slice(&response.body));
		sim_response_clear(&response);
		return;
	}
	far_end_sender(end, request, &relation);
	service_ask(&end->service->line, &asked, &response, NULL);
	http_answer(request, response.status, "application/xml", NULL, buf_slice(&response.body));
	sim_relation_clear(&relation);
	sim_response_clear(&response);
}

static inline void *far_end_serve(void *arg)
{
	http_server_run(((struct far_end *)arg)->server, NULL);
	return NULL;
}

static inline struct crypto_cert *far_end_issue(enum crypto_role role, const struct crypto_key *key,
						const struct crypto_cert *issuer,
						const struct crypto_key *issuer_key)
{
	static const char *const names[] = {"127.0.0.1"};
	struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {.role = role,
					.common_name = issuer ? "127.0.0.1" : "Test TLS CA",
					.names = issuer ? names : NULL,
					.name_count = issuer ? 1 : 0,
					.not_before = clock_wall_seconds(clock_system()) - 60,
					.days = 30};
	struct crypto_cert *cert = NULL;

	assert_int_equal(crypto_key_spki(key, &spki, NULL), 0);
	wish.spki = buf_slice(&spki);
	assert_int_equal(crypto_cert_issue(&cert, &wish, issuer, issuer_key, NULL), 0);
	buf_clear(&spki);
	return cert;
}

static inline void far_end_listen(struct far_end *end, struct slice cert_pem, struct slice key_pem)
{
	const struct http_server_config config = {
		.cert_pem = cert_pem, .key_pem = key_pem, .handle = far_end_on_request, .arg = end};
	char bound[128];
	int fd = -1;

	assert_int_equal(http_server_new(&end->server, &config, NULL), 0);
	assert_int_equal(net_listen(&fd, "127.0.0.1:0", bound, NULL), 0);
	assert_int_equal(http_server_listen(end->server, fd, true, NULL, NULL), 0);
	snprintf(end->url, sizeof(end->url), "https://%s", bound);
	assert_int_equal(pipe(end->stop), 0);
	assert_int_equal(http_watch_new(&end->watch, end->server, end->stop[0], HTTP_READABLE,
					far_end_on_stop, end, NULL),
			 0);
	assert_int_equal(pthread_create(&end->thread, NULL, far_end_serve, end), 0);
}

static inline void far_end_start(struct far_end *end, struct service *service)
{
	struct crypto_key *key = NULL;
	struct crypto_cert *cert;
	struct buf cert_pem = BUF_INIT(CRYPTO_PEM_MAX), key_pem = BUF_INIT(CRYPTO_PEM_MAX),
		   xml = BUF_INIT(CRYPTO_PEM_MAX);
	struct plist_doc *doc = NULL;
	const char *at;

	*end = (struct far_end){.service = service, .ca_xml = BUF_INIT(CRYPTO_PEM_MAX)};
	assert_int_equal(crypto_key_make(&key, CRYPTO_KEY_RSA_2048, NULL), 0);
	end->tls_ca = far_end_issue(CRYPTO_ROLE_CA, key, NULL, key);
	cert = far_end_issue(CRYPTO_ROLE_TLS, key, end->tls_ca, key);
	crypto_cert_write(cert, &cert_pem, NULL);
	crypto_key_write(key, &key_pem, NULL);
	far_end_listen(end, buf_slice(&cert_pem), buf_slice(&key_pem));
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	plist_write_xml(doc, plist_new_data(doc, crypto_cert_bytes(end->tls_ca)), &xml, NULL);
	at = strstr(buf_text(&xml), "<data>");
	buf_append_format(&end->ca_xml, NULL, "%.*s", (int)(strstr(at, "</data>") + 7 - at), at);
	plist_doc_free(doc);
	crypto_cert_free(cert);
	crypto_key_free(key);
	buf_clear(&cert_pem);
	buf_wipe(&key_pem);
	buf_clear(&xml);
}

static inline void far_end_stop(struct far_end *end)
{
	assert_int_equal(write(end->stop[1], "x", 1), 1);
	pthread_join(end->thread, NULL);
	http_watch_free(end->watch);
	http_server_free(end->server);
	crypto_cert_free(end->tls_ca);
	buf_clear(&end->ca_xml);
	close(end->stop[0]);
	close(end->stop[1]);
}

#endif
