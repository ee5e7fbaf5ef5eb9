/*
 * crypto/pairing - the certificates that a host makes when it pairs
 *
 * docs/protocol/device-link, "Pairing": three certificates with empty names.
 * Nobody verifies them as a chain (OpenSSL would take each for self-signed);
 * both sides pin what they stored.
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/internal.h"

void crypto_pairing_init(struct crypto_pairing *pairing)
{
	*pairing = (struct crypto_pairing){
		.root_key_pem = BUF_INIT(CRYPTO_PEM_MAX),
		.root_cert_pem = BUF_INIT(CRYPTO_PEM_MAX),
		.host_key_pem = BUF_INIT(CRYPTO_PEM_MAX),
		.host_cert_pem = BUF_INIT(CRYPTO_PEM_MAX),
		.device_cert_pem = BUF_INIT(CRYPTO_PEM_MAX),
	};
}

void crypto_pairing_clear(struct crypto_pairing *pairing)
{
	buf_wipe(&pairing->root_key_pem);
	buf_wipe(&pairing->host_key_pem);
	buf_clear(&pairing->root_cert_pem);
	buf_clear(&pairing->host_cert_pem);
	buf_clear(&pairing->device_cert_pem);
}

enum role { ROLE_ROOT, ROLE_HOST, ROLE_DEVICE };

bool cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool add_role(X509 *cert, enum role role)
{
	if (role == ROLE_ROOT)
		return cert_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	return cert_extend(cert, cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       (role != ROLE_DEVICE ||
		cert_extend(cert, cert, NID_subject_key_identifier, "hash")) &&
	       cert_extend(cert, cert, NID_key_usage, "critical,digitalSignature,keyEncipherment");
}

/*
 * Names stay empty unless @name is given.  The serial number is 1 for all, as
 * clients that devices are known to accept have it.
 */
static int make_cert(X509 **out, enum role role, const char *name, EVP_PKEY *public_key,
		     EVP_PKEY *signer, int64_t now_seconds, struct err *err)
{
	CLEANUP(x509_free_p) X509 *cert = X509_new();
	time_t now = (time_t)now_seconds;

	if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
	    !X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &now) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), CERT_YEARS_DAYS, 0, &now) ||
	    X509_set_pubkey(cert, public_key) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "make a certificate");
	if (name && (X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
						(const uint8_t *)name, -1, -1, 0) != 1 ||
		     X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1))
		return openssl_fail(err, ERR_USAGE, "name a certificate");
	if (!add_role(cert, role) || X509_sign(cert, signer, EVP_sha256()) <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "sign a certificate");
	*out = STEAL(cert);
	return 0;
}

static int append_cert(struct buf *pem, enum role role, EVP_PKEY *public_key, EVP_PKEY *signer,
		       int64_t now_seconds, struct err *err)
{
	CLEANUP(x509_free_p) X509 *cert = NULL;
	int r;

	r = make_cert(&cert, role, NULL, public_key, signer, now_seconds, err);
	if (r < 0)
		return r;
	return append_cert_pem(pem, cert, err);
}

static int fill_pairing(struct crypto_pairing *pairing, EVP_PKEY *device_key, int64_t now_seconds,
			struct err *err)
{
	CLEANUP(pkey_free_p) EVP_PKEY *root_key = EVP_RSA_gen(RSA_BITS);
	CLEANUP(pkey_free_p) EVP_PKEY *host_key = EVP_RSA_gen(RSA_BITS);
	int r;

	if (!root_key || !host_key)
		return openssl_fail(err, ERR_NO_MEMORY, "make an RSA key");
	r = append_private_pem(&pairing->root_key_pem, root_key, err);
	if (r < 0)
		return r;
	r = append_private_pem(&pairing->host_key_pem, host_key, err);
	if (r < 0)
		return r;
	r = append_cert(&pairing->root_cert_pem, ROLE_ROOT, root_key, root_key, now_seconds, err);
	if (r < 0)
		return r;
	r = append_cert(&pairing->host_cert_pem, ROLE_HOST, host_key, root_key, now_seconds, err);
	if (r < 0)
		return r;
	return append_cert(&pairing->device_cert_pem, ROLE_DEVICE, device_key, root_key,
			   now_seconds, err);
}

int crypto_pairing_make(struct crypto_pairing *pairing, struct slice device_public_pem,
			int64_t now_seconds, struct err *err)
{
	CLEANUP(crypto_pairing_clear) struct crypto_pairing made;
	CLEANUP(pkey_free_p) EVP_PKEY *device_key = NULL;
	int r;

	crypto_pairing_init(&made);
	r = read_rsa_public(&device_key, device_public_pem, err);
	if (r < 0)
		return err_wrap(err, r, "the device's public key");
	r = fill_pairing(&made, device_key, now_seconds, err);
	if (r < 0)
		return r;
	crypto_pairing_clear(pairing);
	*pairing = made;
	crypto_pairing_init(&made);
	return 0;
}

int crypto_self_signed(const char *name, int64_t now_seconds, struct buf *key_pem,
		       struct buf *cert_pem, struct err *err)
{
	CLEANUP(pkey_free_p) EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);
	CLEANUP(x509_free_p) X509 *cert = NULL;
	CLEANUP(buf_wipe) struct buf key_text = BUF_INIT(CRYPTO_PEM_MAX);
	int r;

	if (!key)
		return openssl_fail(err, ERR_NO_MEMORY, "make an RSA key");
	r = make_cert(&cert, ROLE_HOST, name, key, key, now_seconds, err);
	if (r < 0)
		return r;
	r = append_private_pem(&key_text, key, err);
	if (r < 0)
		return r;
	r = buf_reserve(key_pem, key_text.len, err);
	if (r < 0)
		return r;
	r = append_cert_pem(cert_pem, cert, err);
	if (r < 0)
		return r;
	return buf_append_slice(key_pem, buf_slice(&key_text), err);
}
