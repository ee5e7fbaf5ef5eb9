/*
 * crypto/scep_server - pkiMessages as the CA's side reads and answers them
 *
 * Reading a request needs no key and opening its inside (scep_envelope) nothing else of the
 * request, so that two processes can share the work.
 */
#include "crypto/identity_internal.h"

const char *crypto_scep_caps(unsigned flags)
{
	return flags & CRYPTO_ALLOW_WEAK
		       ? "AES\nDES3\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-1\nSHA-256\n"
			 "SHA-512\n"
		       : "AES\nDES3\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-512\n";
}

void crypto_scep_request_init(struct crypto_scep_request *request)
{
	*request = (struct crypto_scep_request){
		.signer = BUF_INIT(CRYPTO_SCEP_MAX),
		.enveloped = BUF_INIT(CRYPTO_SCEP_MAX),
	};
}

void crypto_scep_request_clear(struct crypto_scep_request *request)
{
	buf_clear(&request->signer);
	buf_clear(&request->enveloped);
	request->transaction_id[0] = '\0';
	request->sender_nonce.len = 0;
}

static int read_attributes(struct crypto_scep_request *out, const PKCS7 *message, struct err *err)
{
	int type = 0, r;

	r = scep_number(message, SCEP_MESSAGE_TYPE, &type, err);
	if (r < 0)
		return r;
	switch (type) {
	case CRYPTO_SCEP_RENEWAL_REQ:
	case CRYPTO_SCEP_PKCS_REQ:
	case CRYPTO_SCEP_CERT_POLL:
	case CRYPTO_SCEP_GET_CERT:
	case CRYPTO_SCEP_GET_CRL:
		out->type = (enum crypto_scep_type)type;
		break;
	default:
		return err_set(err, ERR_PROTOCOL, "messageType %d is no request", type);
	}
	r = scep_nonce(message, SCEP_SENDER_NONCE, &out->sender_nonce, err);
	if (r < 0)
		return r;
	return scep_transaction(message, out->transaction_id, err);
}

static int read_request(struct crypto_scep_request *out, const PKCS7 *message, unsigned flags,
			struct err *err)
{
	struct slice content = signed_content(message);
	X509 *cert = signed_cert(message);
	uint8_t *bytes = NULL;
	int len, r;

	if (!cert)
		return err_set(err, ERR_PROTOCOL, "a request without its signer's certificate");
	r = read_attributes(out, message, err);
	if (r < 0)
		return r;
	len = i2d_X509(cert, &bytes);
	r = append_owned(&out->signer, bytes, len, err);
	if (r < 0)
		return r;
	r = signed_verify(message, cert, content, flags);
	if (r != 0)
		return r;
	return buf_append_slice(&out->enveloped, content, err);
}

int crypto_scep_request_read(struct crypto_scep_request *out, struct slice der, unsigned flags,
			     struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	int r;

	crypto_scep_request_clear(out);
	r = signed_read(&message, der, CRYPTO_SCEP_MAX, err);
	if (r < 0)
		return r;
	r = read_request(out, message, flags, err);
	if (r < 0)
		crypto_scep_request_clear(out);
	return r;
}

/* the issued certificate and its CA, enveloped for whoever signed the request */
static int make_content(struct buf *content, const struct crypto_scep_reply *reply,
			const struct crypto_cert *ca, struct err *err)
{
	CLEANUP(x509_free_p) X509 *requester = NULL;
	CLEANUP(buf_clear) struct buf certs = BUF_INIT(CRYPTO_SCEP_MAX);
	enum crypto_scep_cipher cipher = CRYPTO_SCEP_AES128;
	int r;

	r = read_certificate(&requester, reply->requester, err);
	if (r < 0)
		return r;
	r = certs_only(&certs, reply->issued, ca, err);
	if (r < 0)
		return r;
	if (reply->cipher == CRYPTO_SCEP_3DES || reply->cipher == CRYPTO_SCEP_DES)
		cipher = CRYPTO_SCEP_3DES;
	return scep_envelop(content, buf_slice(&certs), requester, cipher, err);
}

static bool add_attributes(PKCS7 *message, const struct crypto_scep_reply *reply)
{
	const char status[] = {(char)('0' + reply->status), '\0'};
	const char fail[] = {(char)('0' + reply->fail), '\0'};

	return scep_add_text(message, SCEP_MESSAGE_TYPE, "3") &&
	       scep_add_text(message, SCEP_PKI_STATUS, status) &&
	       (reply->status != CRYPTO_SCEP_FAILURE ||
		scep_add_text(message, SCEP_FAIL_INFO, fail)) &&
	       scep_add_bytes(message, SCEP_SENDER_NONCE, reply->sender_nonce,
			      sizeof(reply->sender_nonce)) &&
	       scep_add_bytes(message, SCEP_RECIPIENT_NONCE, reply->recipient_nonce.bytes,
			      reply->recipient_nonce.len) &&
	       scep_add_text(message, SCEP_TRANSACTION_ID, reply->transaction_id);
}

int crypto_scep_reply_make(struct buf *der, const struct crypto_scep_reply *reply,
			   const struct crypto_cert *ca, const struct crypto_cert *ra,
			   const struct crypto_key *ra_key, int64_t now, struct err *err)
{
	CLEANUP(buf_clear) struct buf content = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	int r;

	if (reply->status == CRYPTO_SCEP_SUCCESS) {
		r = make_content(&content, reply, ca, err);
		if (r != 0)
			return r;
	}
	r = signed_begin(&message, ra, ra_key, now, err);
	if (r < 0)
		return r;
	if (!add_attributes(message, reply))
		return openssl_fail(err, ERR_NO_MEMORY, "make a CertRep");
	/* the RFC leaves a refusal's content out; clients that verify with OpenSSL then find
	 * nothing to verify, while an empty content has the same digest and is read by all */
	return signed_finish(message, buf_slice(&content), false, der, err);
}
