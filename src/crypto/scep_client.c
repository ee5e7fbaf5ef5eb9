/*
 * crypto/scep_client - pkiMessages as a device makes and reads them
 */
#include "crypto/identity_internal.h"

int crypto_scep_request_make(struct buf *der, const struct crypto_scep_wish *wish, int64_t now,
			     struct err *err)
{
	CLEANUP(buf_clear) struct buf content = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	char type[16];
	int r;

	snprintf(type, sizeof(type), "%d", wish->type);
	r = scep_envelop(&content, wish->csr, wish->ra->x509, wish->cipher, err);
	if (r != 0)
		return r;
	r = signed_begin(&message, wish->signer, wish->key, now, err);
	if (r < 0)
		return r;
	if (!scep_add_text(message, SCEP_MESSAGE_TYPE, type) ||
	    !scep_add_bytes(message, SCEP_SENDER_NONCE, wish->sender_nonce,
			    sizeof(wish->sender_nonce)) ||
	    !scep_add_text(message, SCEP_TRANSACTION_ID, wish->transaction_id))
		return openssl_fail(err, ERR_NO_MEMORY, "make a SCEP request");
	return signed_finish(message, buf_slice(&content), false, der, err);
}

void crypto_scep_answer_init(struct crypto_scep_answer *answer)
{
	*answer = (struct crypto_scep_answer){.cert = BUF_INIT(CRYPTO_PEM_MAX)};
}

void crypto_scep_answer_clear(struct crypto_scep_answer *answer)
{
	buf_clear(&answer->cert);
	answer->transaction_id[0] = '\0';
	answer->recipient_nonce.len = 0;
}

static int read_status(struct crypto_scep_answer *out, const PKCS7 *message, struct err *err)
{
	int type = 0, status = 0, fail = 0, r;

	r = scep_number(message, SCEP_MESSAGE_TYPE, &type, err);
	if (r < 0)
		return r;
	r = scep_number(message, SCEP_PKI_STATUS, &status, err);
	if (r < 0)
		return r;
	if (type != CRYPTO_SCEP_CERT_REP ||
	    (status != CRYPTO_SCEP_SUCCESS && status != CRYPTO_SCEP_FAILURE &&
	     status != CRYPTO_SCEP_PENDING))
		return err_set(err, ERR_PROTOCOL, "messageType %d, pkiStatus %d: no CertRep", type,
			       status);
	if (status == CRYPTO_SCEP_FAILURE) {
		r = scep_number(message, SCEP_FAIL_INFO, &fail, err);
		if (r < 0)
			return r;
		if (fail > CRYPTO_SCEP_BAD_CERT_ID)
			return err_set(err, ERR_PROTOCOL, "failInfo %d", fail);
	}
	out->status = (enum crypto_scep_status)status;
	out->fail = (enum crypto_scep_fail)fail;
	return 0;
}

/* the certificate for the key of @csr among those of @certs */
static int find_issued(struct buf *cert, struct slice certs, struct slice csr, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	const uint8_t *at = csr.bytes;
	uint8_t *bytes = NULL;
	X509_REQ *req;
	int i, len, r;

	req = d2i_X509_REQ(NULL, &at, (long)csr.len);
	key = req ? X509_REQ_get_pubkey(req) : NULL;
	X509_REQ_free(req);
	if (!key)
		return openssl_fail(err, ERR_USAGE, "the certificate request of an answer");
	r = certs_only_read(&message, certs, err);
	if (r < 0)
		return r;
	for (i = 0; i < sk_X509_num(message->d.sign->cert); i++) {
		X509 *each = sk_X509_value(message->d.sign->cert, i);
		EVP_PKEY *issued = X509_get0_pubkey(each);

		if (!issued || EVP_PKEY_eq(issued, key) != 1)
			continue;
		len = i2d_X509(each, &bytes);
		return append_owned(cert, bytes, len, err);
	}
	ERR_clear_error();
	return err_set(err, ERR_PROTOCOL, "a CertRep without a certificate for our key");
}

static int read_answer(struct crypto_scep_answer *out, const PKCS7 *message,
		       const struct crypto_scep_wish *wish, struct err *err)
{
	CLEANUP(buf_clear) struct buf certs = BUF_INIT(CRYPTO_SCEP_MAX);
	enum crypto_scep_cipher cipher;
	int r;

	r = signed_verify(message, wish->ra->x509, signed_content(message), 0);
	if (r != 0)
		return r;
	r = read_status(out, message, err);
	if (r < 0)
		return r;
	r = scep_transaction(message, out->transaction_id, err);
	if (r < 0)
		return r;
	r = scep_nonce(message, SCEP_RECIPIENT_NONCE, &out->recipient_nonce, err);
	if (r < 0)
		return r;
	if (strcmp(out->transaction_id, wish->transaction_id) != 0 ||
	    !slice_equal(slice_of(out->recipient_nonce.bytes, out->recipient_nonce.len),
			 slice_of(wish->sender_nonce, sizeof(wish->sender_nonce))))
		return CRYPTO_BAD_TAG;
	if (out->status != CRYPTO_SCEP_SUCCESS)
		return 0;
	r = crypto_scep_open(signed_content(message), wish->signer, wish->key, 0, &certs, &cipher,
			     err);
	if (r != 0)
		return r;
	return find_issued(&out->cert, buf_slice(&certs), wish->csr, err);
}

int crypto_scep_answer_read(struct crypto_scep_answer *out, struct slice der,
			    const struct crypto_scep_wish *wish, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	int r;

	crypto_scep_answer_clear(out);
	r = signed_read(&message, der, CRYPTO_SCEP_MAX, err);
	if (r < 0)
		return r;
	r = read_answer(out, message, wish, err);
	if (r != 0)
		crypto_scep_answer_clear(out);
	return r;
}
