/*
 * crypto/identity_cert - what a certificate says
 *
 * Certificates come from clients as well as from our own CA; each length is bounded before it is
 * copied, and a text with a NUL inside is refused, as it would compare equal to its beginning.
 */
#include <stdlib.h>
#include <time.h>

#include "crypto/identity_internal.h"

static int copy_text(const ASN1_STRING *text, char *out, struct err *err)
{
	uint8_t *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, text), r = 0;

	if (len < 0)
		return openssl_fail(err, ERR_PROTOCOL, "a name that is no text");
	if (len > CRYPTO_CERT_NAME_MAX)
		r = err_set(err, ERR_LIMIT, "a name of %d bytes, limit %d", len,
			    CRYPTO_CERT_NAME_MAX);
	else if (!text_is_utf8((const char *)utf8, (size_t)len))
		r = err_set(err, ERR_PROTOCOL, "a name that is not UTF-8");
	else {
		memcpy(out, utf8, (size_t)len);
		out[len] = '\0';
	}
	OPENSSL_free(utf8);
	return r;
}

int name_field(const X509_NAME *name, int nid, char *out, struct err *err)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);

	if (at < 0) {
		out[0] = '\0';
		return 0;
	}
	return copy_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), out, err);
}

static int read_time(const ASN1_TIME *time, int64_t *seconds, struct err *err)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return openssl_fail(err, ERR_PROTOCOL, "a date of a certificate");
	*seconds = timegm(&tm);
	return 0;
}

static int read_serial(const X509 *x509, char *out, struct err *err)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	int len = ASN1_STRING_length(serial);

	if (len < 1 || len > 20)
		return err_set(err, ERR_LIMIT, "a serial number of %d bytes, limit 20", len);
	hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, out);
	return 0;
}

static int read_facts(struct crypto_cert *cert, struct err *err)
{
	struct crypto_cert_facts *facts = &cert->facts;
	const X509_NAME *subject = X509_get_subject_name(cert->x509);
	uint32_t flags = X509_get_extension_flags(cert->x509);
	uint8_t *spki = NULL;
	int len, r;

	if (flags & EXFLAG_INVALID)
		return openssl_fail(err, ERR_PROTOCOL, "the extensions of a certificate");
	crypto_sha256(slice_of(cert->der, cert->der_len), facts->sha256);
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &spki);
	if (len <= 0)
		return openssl_fail(err, ERR_PROTOCOL, "the key of a certificate");
	crypto_sha256(slice_of(spki, (size_t)len), facts->spki_sha256);
	OPENSSL_free(spki);
	facts->is_ca = (flags & EXFLAG_CA) != 0;
	facts->is_self_issued = (flags & EXFLAG_SI) != 0;
	r = read_serial(cert->x509, facts->serial, err);
	if (r < 0)
		return r;
	r = name_field(subject, NID_commonName, facts->common_name, err);
	if (r < 0)
		return r;
	r = name_field(subject, NID_userId, facts->uid, err);
	if (r < 0)
		return r;
	r = read_time(X509_get0_notBefore(cert->x509), &facts->not_before, err);
	if (r < 0)
		return r;
	return read_time(X509_get0_notAfter(cert->x509), &facts->not_after, err);
}

int cert_wrap(struct crypto_cert **out, X509 *x509, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = calloc(1, sizeof(*cert));
	int len, r;

	if (!cert) {
		X509_free(x509);
		return err_no_memory(err);
	}
	cert->x509 = x509;
	len = i2d_X509(x509, &cert->der);
	if (len <= 0)
		return openssl_fail(err, ERR_PROTOCOL, "a certificate");
	cert->der_len = (size_t)len;
	r = read_facts(cert, err);
	if (r < 0)
		return r;
	*out = STEAL(cert);
	return 0;
}

int crypto_cert_read(struct crypto_cert **out, struct slice cert, struct err *err)
{
	X509 *x509 = NULL;
	int r;

	r = read_certificate(&x509, cert, err);
	if (r < 0)
		return r;
	return cert_wrap(out, x509, err);
}

const struct crypto_cert_facts *crypto_cert_facts(const struct crypto_cert *cert)
{
	return &cert->facts;
}

struct slice crypto_cert_bytes(const struct crypto_cert *cert)
{
	return slice_of(cert->der, cert->der_len);
}

int crypto_cert_write(const struct crypto_cert *cert, struct buf *pem, struct err *err)
{
	return append_cert_pem(pem, cert->x509, err);
}

bool crypto_cert_is_issued_by(const struct crypto_cert *cert, const struct crypto_cert *ca)
{
	bool is_issued = ca->facts.is_ca && X509_check_issued(ca->x509, cert->x509) == X509_V_OK &&
			 X509_verify(cert->x509, X509_get0_pubkey(ca->x509)) == 1;

	ERR_clear_error();
	return is_issued;
}

bool crypto_cert_fits(const struct crypto_cert *cert, const struct crypto_key *key)
{
	bool fits = X509_check_private_key(cert->x509, key->pkey) == 1;

	ERR_clear_error();
	return fits;
}

void crypto_cert_free(struct crypto_cert *cert)
{
	if (!cert)
		return;
	X509_free(cert->x509);
	OPENSSL_free(cert->der);
	free(cert);
}

void crypto_cert_free_p(struct crypto_cert **cert)
{
	crypto_cert_free(*cert);
}
