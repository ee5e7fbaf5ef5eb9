/*
 * scep - RFC 8894's server: parse here, decipher and sign in `keys`, decide in `records`
 *
 * Four steps, each a call: open, (read the request), issue or renew, sign.  Whatever is refused is
 * refused inside a CertRep with HTTP 200, as the RFC wants; what is no SCEP is 400, trouble 503.
 */
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

struct scep {
	struct worker *worker;
	struct http_request *request;
	struct crypto_scep_request message;
	enum crypto_scep_cipher cipher;
};

static void scep_end(struct scep *scep)
{
	crypto_scep_request_clear(&scep->message);
	free(scep);
}

static void trouble(struct scep *scep)
{
	worker_unavailable(scep->worker, scep->request);
	scep_end(scep);
}

static unsigned flags_of(const struct worker *worker)
{
	return worker->env->config->is_weak_scep ? CRYPTO_ALLOW_WEAK : 0;
}

/* ---- last step: sign ---- */

static void sign_failure(struct scep *scep, enum crypto_scep_fail fail);

static void signed_done(void *arg, int outcome, struct call_fields *fields)
{
	struct scep *scep = arg;
	struct slice reply;

	if (outcome == CRYPTO_BAD_ALGORITHM) { /* the requester's key cannot be enveloped to */
		sign_failure(scep, CRYPTO_SCEP_BAD_ALG);
		return;
	}
	if (outcome != 0) {
		trouble(scep);
		return;
	}
	reply = call_get(fields);
	if (!call_get_done(fields)) {
		trouble(scep);
		return;
	}
	worker_answer(scep->worker, scep->request, 200, "application/x-pki-message", NULL, reply);
	scep_end(scep);
}

static void sign(struct scep *scep, enum crypto_scep_status status, enum crypto_scep_fail fail,
		 struct slice issued)
{
	const struct crypto_scep_request *message = &scep->message;
	bool is_success = status == CRYPTO_SCEP_SUCCESS;
	struct call_writer writer;

	if (caller_begin(scep->worker->keys, CALL_SCEP_SIGN, &writer, NULL) < 0) {
		trouble(scep);
		return;
	}
	call_put_u32(&writer, status);
	call_put_u32(&writer, fail);
	call_put_u32(&writer, scep->cipher);
	call_put_text(&writer, message->transaction_id);
	call_put(&writer, slice_of(message->sender_nonce.bytes, message->sender_nonce.len));
	call_put(&writer, is_success ? buf_slice(&message->signer) : SLICE_EMPTY);
	call_put(&writer, issued);
	if (caller_send(scep->worker->keys, &writer, signed_done, scep, NULL) < 0)
		trouble(scep);
}

static void sign_failure(struct scep *scep, enum crypto_scep_fail fail)
{
	log_event(LOG_INFO, "scep-refused", "peer=%s fail=%d", scep->request->peer, (int)fail);
	sign(scep, CRYPTO_SCEP_FAILURE, fail, SLICE_EMPTY);
}

/* ---- third step: decide ---- */

static void decided(void *arg, int outcome, struct call_fields *fields)
{
	struct scep *scep = arg;
	struct slice issued;

	if (outcome > 0) {
		sign_failure(scep, CRYPTO_SCEP_BAD_REQUEST);
		return;
	}
	if (outcome < 0) {
		trouble(scep);
		return;
	}
	issued = call_get(fields);
	if (call_get_done(fields))
		sign(scep, CRYPTO_SCEP_SUCCESS, CRYPTO_SCEP_BAD_ALG, issued);
	else
		trouble(scep);
}

/* who signs with a certificate of ours renews it, also as PKCSReq and with its old, used challenge:
 * so certmonger does it */
static bool is_renewal_of_ours(const struct scep *scep)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *signer = NULL;

	return scep->message.type == CRYPTO_SCEP_RENEWAL_REQ ||
	       (crypto_cert_read(&signer, buf_slice(&scep->message.signer), NULL) == 0 &&
		crypto_cert_is_issued_by(signer, scep->worker->ca));
}

static void decide(struct scep *scep, const struct crypto_csr *csr)
{
	struct caller *records = scep->worker->records;
	bool is_renewal = is_renewal_of_ours(scep);
	struct call_writer writer;
	struct fleet_peer peer;

	if (is_renewal &&
	    worker_peer_of(scep->worker, buf_slice(&scep->message.signer), &peer, NULL) < 0) {
		sign_failure(scep, CRYPTO_SCEP_BAD_REQUEST);
		return;
	}
	if (caller_begin(records, is_renewal ? CALL_RENEWAL : CALL_IDENTITY, &writer, NULL) < 0) {
		trouble(scep);
		return;
	}
	if (is_renewal)
		worker_put_peer(&writer, &peer);
	else
		call_put(&writer, secret_slice(&csr->challenge));
	call_put(&writer, buf_slice(&csr->spki));
	if (caller_send(records, &writer, decided, scep, NULL) < 0)
		trouble(scep);
}

/* ---- second step: read the request inside ---- */

static enum crypto_scep_fail fail_of(int outcome)
{
	return outcome == CRYPTO_BAD_TAG         ? CRYPTO_SCEP_BAD_MESSAGE_CHECK
	       : outcome == CRYPTO_BAD_ALGORITHM ? CRYPTO_SCEP_BAD_ALG
						 : CRYPTO_SCEP_BAD_REQUEST;
}

static void opened(void *arg, int outcome, struct call_fields *fields)
{
	struct scep *scep = arg;
	struct crypto_csr csr CLEANUP(crypto_csr_clear);
	struct slice payload;
	int r;

	crypto_csr_init(&csr);
	if (outcome > 0 || outcome == ERR_PROTOCOL || outcome == ERR_LIMIT) {
		sign_failure(scep, fail_of(outcome));
		return;
	}
	if (outcome < 0) {
		trouble(scep);
		return;
	}
	scep->cipher = (enum crypto_scep_cipher)call_get_u32(fields);
	payload = call_get(fields);
	if (!call_get_done(fields)) {
		trouble(scep);
		return;
	}
	r = crypto_csr_read(&csr, payload, flags_of(scep->worker), NULL);
	if (r == ERR_NO_MEMORY)
		trouble(scep);
	else if (r != 0)
		sign_failure(scep, fail_of(r));
	else
		decide(scep, &csr);
}

/* ---- first step ---- */

static void open_envelope(struct scep *scep)
{
	struct call_writer writer;

	if (caller_begin(scep->worker->keys, CALL_SCEP_OPEN, &writer, NULL) < 0) {
		trouble(scep);
		return;
	}
	call_put(&writer, buf_slice(&scep->message.enveloped));
	if (caller_send(scep->worker->keys, &writer, opened, scep, NULL) < 0)
		trouble(scep);
}

static void operation(struct worker *worker, struct http_request *request, struct slice der)
{
	struct scep *scep = calloc(1, sizeof(*scep));
	int r;

	if (!scep) {
		worker_unavailable(worker, request);
		return;
	}
	scep->worker = worker;
	scep->request = request;
	crypto_scep_request_init(&scep->message);
	r = crypto_scep_request_read(&scep->message, der, flags_of(worker), NULL);
	if (r < 0) {
		worker_answer_text(worker, request, r == ERR_NO_MEMORY ? 503 : 400,
				   "not a SCEP message");
		scep_end(scep);
	} else if (r > 0) {
		sign_failure(scep, fail_of(r));
	} else if (scep->message.type != CRYPTO_SCEP_PKCS_REQ &&
		   scep->message.type != CRYPTO_SCEP_RENEWAL_REQ) {
		sign_failure(scep, CRYPTO_SCEP_BAD_REQUEST);
	} else {
		open_envelope(scep);
	}
}

static void operation_take(struct worker *worker, struct http_request *request)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(WORKER_HEADER_MAX);
	struct buf der CLEANUP(buf_clear) = BUF_INIT(WORKER_HEADER_MAX);

	if (request->body.len > 0) {
		operation(worker, request, request->body);
		return;
	}
	/* base64's '+' arrives as a space where the client did not escape it; a query has no other
	 */
	if (http_query_value(request->query, "message", &text, NULL) < 0) {
		worker_answer_text(worker, request, 400, "no message");
		return;
	}
	for (size_t i = 0; i < text.len; i++)
		if (text.bytes[i] == ' ')
			text.bytes[i] = '+';
	if (crypto_base64_read(&der, buf_slice(&text), NULL) < 0)
		worker_answer_text(worker, request, 400, "the message is not base64");
	else
		operation(worker, request, buf_slice(&der));
}

void scep_serve(struct worker *worker, struct http_request *request, const char *rest)
{
	struct buf name CLEANUP(buf_clear) = BUF_INIT(64);
	const char *caps = crypto_scep_caps(flags_of(worker));

	if (http_query_value(request->query, "operation", &name, NULL) < 0)
		worker_answer_text(worker, request, 400, "no operation");
	else if (slice_equal(buf_slice(&name), slice_text("GetCACaps")))
		worker_answer(worker, request, 200, "text/plain", NULL, slice_text(caps));
	else if (slice_equal(buf_slice(&name), slice_text("GetCACert")))
		worker_answer(worker, request, 200, "application/x-x509-ca-ra-cert", NULL,
			      buf_slice(&worker->ca_reply));
	else if (slice_equal(buf_slice(&name), slice_text("PKIOperation")))
		operation_take(worker, request);
	else
		worker_answer_text(worker, request, 400, "no such operation");
}
