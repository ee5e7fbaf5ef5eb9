/*
 * crypto/scep_certs - SignedData that signs nothing and carries certificates
 *
 * The answer to GetCACert of a CA with an RA, and what a CertRep holds inside.
 */
#include "crypto/identity_internal.h"

int certs_only(struct buf *der, const struct crypto_cert *first, const struct crypto_cert *second,
	       struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = PKCS7_new();
	uint8_t *bytes = NULL;
	int len;

	if (!message || PKCS7_set_type(message, NID_pkcs7_signed) != 1 ||
	    PKCS7_content_new(message, NID_pkcs7_data) != 1 ||
	    PKCS7_set_detached(message, 1) != 1 ||
	    PKCS7_add_certificate(message, first->x509) != 1 ||
	    (second && PKCS7_add_certificate(message, second->x509) != 1))
		return openssl_fail(err, ERR_NO_MEMORY, "put certificates together");
	len = i2d_PKCS7(message, &bytes);
	return append_owned(der, bytes, len, err);
}

int certs_only_read(PKCS7 **out, struct slice der, struct err *err)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	const uint8_t *at = der.bytes;
	int count;

	if (der.len == 0 || der.len > CRYPTO_SCEP_MAX)
		return err_set(err, ERR_LIMIT, "certificates of %zu bytes, limit %d", der.len,
			       CRYPTO_SCEP_MAX);
	message = d2i_PKCS7(NULL, &at, (long)der.len);
	if (!message || at != der.bytes + der.len)
		return openssl_fail(err, ERR_PROTOCOL, "read certificates");
	if (!PKCS7_type_is_signed(message) || !message->d.sign)
		return err_set(err, ERR_PROTOCOL, "no SignedData with certificates");
	count = sk_X509_num(message->d.sign->cert);
	if (count < 1 || count > CERTS_ONLY_MAX)
		return err_set(err, ERR_PROTOCOL, "a message with %d certificates", count);
	*out = STEAL(message);
	return 0;
}

int crypto_scep_ca_reply(struct buf *der, const struct crypto_cert *ra,
			 const struct crypto_cert *ca, struct err *err)
{
	return certs_only(der, ra, ca, err);
}

/* @x509 goes where it belongs unless there is one of its kind already */
static int sort_in(X509 *x509, struct crypto_cert **ra, struct crypto_cert **ca, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	struct crypto_cert **place;
	int r;

	X509_up_ref(x509);
	r = cert_wrap(&cert, x509, err);
	if (r < 0)
		return r;
	place = cert->facts.is_ca ? ca : ra;
	if (!*place)
		*place = STEAL(cert);
	return 0;
}

int crypto_scep_ca_read(struct slice der, struct crypto_cert **ra, struct crypto_cert **ca,
			struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *found_ra = NULL, *found_ca = NULL;
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	int i, r;

	r = crypto_cert_read(&found_ca, der, NULL);
	if (r == 0) {
		*ra = NULL;
		*ca = STEAL(found_ca);
		return 0;
	}
	r = certs_only_read(&message, der, err);
	for (i = 0; r == 0 && i < sk_X509_num(message->d.sign->cert); i++)
		r = sort_in(sk_X509_value(message->d.sign->cert, i), &found_ra, &found_ca, err);
	if (r < 0)
		return r;
	if (!found_ca || (found_ra && !crypto_cert_is_issued_by(found_ra, found_ca)))
		return err_set(err, ERR_PROTOCOL, "certificates that are not a CA and its RA");
	*ra = STEAL(found_ra);
	*ca = STEAL(found_ca);
	return 0;
}
