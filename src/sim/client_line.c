/*
 * client_line - the way to the service: HTTPS, with the device's identity and the anchors that its
 * profiles brought
 *
 * Simulated devices speak to this machine alone.
 */
#include "sim/client.h"

#include "crypto/identity.h"
#include "net/http.h"

#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 4 << 20, REDIRECTS_MAX = 5 };

struct sim_line_http {
	struct sim_line line; /* first: it is handed back */
	struct http_client *client;
	uint8_t anchors[CRYPTO_SHA256_LEN]; /* whom the client trusts */
	const struct cancel *cancel;
	int64_t now;
};

/* ---- PEM ---- */

static int append_cert(struct buf *pem, struct slice der, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	int r = crypto_cert_read(&cert, der, err);

	return r < 0 ? r : crypto_cert_write(cert, pem, err);
}

static int anchors_pem(struct slice anchors, struct buf *pem, struct err *err)
{
	struct reader in = reader_of(anchors);
	struct slice der;
	uint32_t len;
	int r = 0;

	while (r == 0 && reader_u32be(&in, &len) && reader_slice(&in, len, &der))
		r = append_cert(pem, der, err);
	return r;
}

/* ---- the client ---- */

/* one client for each set of anchors: a connection made under one does not serve another */
static int client_for(struct sim_line_http *self, struct slice anchors, struct err *err)
{
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(PEM_MAX);
	struct http_client_config config = {.is_loopback_only = true};
	uint8_t digest[CRYPTO_SHA256_LEN];
	int r;

	crypto_sha256(anchors, digest);
	if (self->client && !memcmp(digest, self->anchors, sizeof(digest)))
		return 0;
	http_client_free(STEAL(self->client));
	r = anchors_pem(anchors, &pem, err);
	config.ca_pem = buf_slice(&pem);
	if (r == 0)
		r = http_client_new(&self->client, &config, err);
	memcpy(self->anchors, digest, sizeof(digest));
	return r;
}

/* ---- Mdm-Signature: detached, over the very bytes of the body ---- */

static int base64_append(struct buf *out, struct slice in, struct err *err)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int r = 0;

	for (size_t i = 0; r == 0 && i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t group = (uint32_t)in.bytes[i] << 16 |
				 (left > 1 ? (uint32_t)in.bytes[i + 1] << 8 : 0) |
				 (left > 2 ? in.bytes[i + 2] : 0);
		char text[4] = {digits[group >> 18], digits[group >> 12 & 63],
				left > 1 ? digits[group >> 6 & 63] : '=',
				left > 2 ? digits[group & 63] : '='};

		r = buf_append(out, text, sizeof(text), err);
	}
	return r;
}

static int sign(struct sim_line_http *self, const struct sim_request *request, struct buf *out,
		struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SIGNED_MAX);
	int r = crypto_cert_read(&cert, buf_slice(&request->as->cert), err);

	if (r == 0)
		r = crypto_key_read(&key, buf_slice(&request->as->key), err);
	if (r == 0)
		r = crypto_signed_make(&der, request->body, cert, key, NULL, 0, self->now,
				       CRYPTO_SIGNED_DETACHED, err);
	return r < 0 ? r : base64_append(out, buf_slice(&der), err);
}

/* ---- asking ---- */

static int take_reply(struct http_reply *reply, struct sim_response *response, struct err *err)
{
	const char *type = http_reply_field(reply, "Content-Type");

	response->status = reply->status;
	snprintf(response->type, sizeof(response->type), "%s", type ? type : "");
	buf_truncate(&response->body, 0);
	return buf_append_slice(&response->body, buf_slice(&reply->body), err);
}

static int ask(struct sim_line *line, const struct sim_request *request,
	       struct sim_response *response, struct err *err)
{
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	CLEANUP(buf_clear) struct buf cert = BUF_INIT(PEM_MAX), signature = BUF_INIT(PEM_MAX);
	struct sim_line_http *self = (struct sim_line_http *)line;
	struct http_field fields[3] = {{0}};
	struct http_call call = {.method = request->method,
				 .url = request->url,
				 .fields = fields,
				 .body = request->body,
				 .reply_len_max = SIM_MESSAGE_MAX,
				 .redirects_max = REDIRECTS_MAX};
	size_t count = 0;
	int r = client_for(self, request->as ? buf_slice(&request->as->anchors) : request->anchors,
			   err);

	if (r == 0 && request->as && request->as->signs)
		r = sign(self, request, &signature, err);
	else if (r == 0 && request->as)
		r = append_cert(&cert, buf_slice(&request->as->cert), err);
	if (r < 0)
		return r;
	if (request->type)
		fields[count++] = (struct http_field){"Content-Type", request->type};
	if (signature.len > 0)
		fields[count++] = (struct http_field){"Mdm-Signature", buf_text(&signature)};
	if (cert.len > 0) {
		call.cert_pem = buf_slice(&cert);
		call.key_pem = buf_slice(&request->as->key);
	}
	r = http_client_call(self->client, &call, self->cancel, &reply, err);
	return r < 0 ? r : take_reply(&reply, response, err);
}

int sim_line_new(struct sim_line **out, int64_t now, const struct cancel *cancel, struct err *err)
{
	struct sim_line_http *self = calloc(1, sizeof(*self));

	if (!self)
		return err_no_memory(err);
	self->line.ask = ask;
	self->cancel = cancel;
	self->now = now;
	*out = &self->line;
	return 0;
}

void sim_line_free_p(struct sim_line **line)
{
	struct sim_line_http *self = (struct sim_line_http *)*line;

	if (self)
		http_client_free(self->client);
	free(self);
	*line = NULL;
}
