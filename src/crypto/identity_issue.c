/*
 * crypto/identity_issue - certificates that we make
 *
 * One table says what each role carries.  Names of a TLS server are put together as structures,
 * not as OpenSSL's configuration text, in which a comma would begin another name.
 */
#include <arpa/inet.h>
#include <time.h>

#include "crypto/identity_internal.h"

static const struct {
	const char *constraints, *usage, *usage_rsa, *extended;
} roles[] = {
	[CRYPTO_ROLE_CA] = {"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign"},
	[CRYPTO_ROLE_RA] = {"critical,CA:FALSE", "critical,digitalSignature,keyEncipherment"},
	[CRYPTO_ROLE_TLS] = {"critical,CA:FALSE", "critical,digitalSignature", NULL, "serverAuth"},
	[CRYPTO_ROLE_DEVICE] = {"critical,CA:FALSE", "critical,digitalSignature",
				"critical,digitalSignature,keyEncipherment", "clientAuth"},
	[CRYPTO_ROLE_PROFILE] = {"critical,CA:FALSE", "critical,digitalSignature"},
	[CRYPTO_ROLE_SUPERVISION] = {"critical,CA:FALSE", "critical,digitalSignature"},
	[CRYPTO_ROLE_PUSH] = {"critical,CA:FALSE", "critical,digitalSignature", NULL, "clientAuth"},
};

/* a DNS name or an IP address, told by whether it is one */
static GENERAL_NAME *make_name(const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = NULL;
	uint8_t address[16];
	int len = 0, type = GEN_DNS;

	if (inet_pton(AF_INET, text, address) == 1)
		len = 4;
	else if (inet_pton(AF_INET6, text, address) == 1)
		len = 16;
	if (len > 0)
		type = GEN_IPADD;
	value = len > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (!name || !value ||
	    ASN1_STRING_set(value, len > 0 ? (const void *)address : text, len > 0 ? len : -1) !=
		    1) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, type, value);
	return name;
}

static bool add_names(X509 *cert, const struct crypto_cert_wish *wish)
{
	GENERAL_NAMES *names;
	GENERAL_NAME *name;
	bool ok = true;
	size_t i;

	if (wish->role != CRYPTO_ROLE_TLS)
		return true;
	names = GENERAL_NAMES_new();
	for (i = 0; ok && names && i < wish->name_count; i++) {
		name = make_name(wish->names[i]);
		ok = name && sk_GENERAL_NAME_push(names, name) > 0;
		if (!ok)
			GENERAL_NAME_free(name);
	}
	ok = ok && names && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct crypto_cert_wish *wish)
{
	bool is_rsa = EVP_PKEY_get_base_id(X509_get0_pubkey(cert)) == EVP_PKEY_RSA;
	const char *usage = roles[wish->role].usage, *extended = roles[wish->role].extended;

	if (is_rsa && roles[wish->role].usage_rsa)
		usage = roles[wish->role].usage_rsa;
	return cert_extend(cert, issuer, NID_basic_constraints, roles[wish->role].constraints) &&
	       cert_extend(cert, issuer, NID_key_usage, usage) &&
	       (!extended || cert_extend(cert, issuer, NID_ext_key_usage, extended)) &&
	       cert_extend(cert, issuer, NID_subject_key_identifier, "hash") &&
	       (issuer == cert ||
		cert_extend(cert, issuer, NID_authority_key_identifier, "keyid:always")) &&
	       add_names(cert, wish);
}

bool name_add(X509_NAME *name, int nid, const char *text)
{
	return !text || X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const uint8_t *)text,
						   -1, -1, 0) == 1;
}

static bool set_serial(X509 *cert, const uint8_t entropy[CRYPTO_SERIAL_ENTROPY_LEN])
{
	uint8_t bytes[CRYPTO_SERIAL_ENTROPY_LEN];

	memcpy(bytes, entropy, sizeof(bytes));
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always of 16 bytes */
	return ASN1_STRING_set(X509_get_serialNumber(cert), bytes, sizeof(bytes)) == 1;
}

static bool set_dates(X509 *cert, const struct crypto_cert_wish *wish,
		      const struct crypto_cert *issuer)
{
	int64_t end = wish->not_before + (int64_t)wish->days * 86400;

	if (issuer && end > issuer->facts.not_after)
		end = issuer->facts.not_after;
	return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)wish->not_before) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)end);
}

static int check_wish(const struct crypto_cert_wish *wish, struct err *err)
{
	unsigned days_max =
		wish->role == CRYPTO_ROLE_TLS ? CRYPTO_CERT_TLS_DAYS_MAX : CRYPTO_CERT_DAYS_MAX;
	size_t i;

	if (wish->days == 0 || wish->days > days_max)
		return err_set(err, ERR_USAGE, "a certificate for %u days, limit %u", wish->days,
			       days_max);
	if (!wish->common_name || !*wish->common_name)
		return err_set(err, ERR_USAGE, "a certificate without a name");
	if (wish->uid && strlen(wish->uid) > CRYPTO_CERT_NAME_MAX)
		return err_set(err, ERR_USAGE, "a user id of more than %d bytes",
			       CRYPTO_CERT_NAME_MAX);
	if (wish->role != CRYPTO_ROLE_TLS)
		return 0;
	if (wish->name_count == 0 || wish->name_count > CRYPTO_CERT_SAN_MAX)
		return err_set(err, ERR_USAGE, "a TLS server of %zu names, accepted are 1 to %d",
			       wish->name_count, CRYPTO_CERT_SAN_MAX);
	for (i = 0; i < wish->name_count; i++)
		if (!*wish->names[i] || strlen(wish->names[i]) > CRYPTO_CERT_NAME_MAX)
			return err_set(err, ERR_USAGE, "name %zu of a TLS server", i);
	return 0;
}

/* the key of @wish; ours to free */
static int read_spki(EVP_PKEY **out, const struct crypto_cert_wish *wish, struct err *err)
{
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	const uint8_t *at = wish->spki.bytes;

	if (wish->spki.len == 0 || wish->spki.len > CRYPTO_PEM_MAX)
		return err_set(err, ERR_LIMIT, "a public key of %zu bytes, limit %d",
			       wish->spki.len, CRYPTO_PEM_MAX);
	key = d2i_PUBKEY(NULL, &at, (long)wish->spki.len);
	if (!key || at != wish->spki.bytes + wish->spki.len)
		return openssl_fail(err, ERR_PROTOCOL, "read a public key");
	if (!key_is_listed(key, 0) ||
	    (wish->role == CRYPTO_ROLE_RA && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA))
		return CRYPTO_BAD_ALGORITHM;
	*out = STEAL(key);
	return 0;
}

int crypto_cert_issue(struct crypto_cert **out, const struct crypto_cert_wish *wish,
		      const struct crypto_cert *issuer, const struct crypto_key *issuer_key,
		      struct err *err)
{
	CLEANUP(x509_free_p) X509 *cert = X509_new();
	CLEANUP(pkey_free_p) EVP_PKEY *key = NULL;
	X509_NAME *subject;
	int r;

	if (!cert)
		return err_no_memory(err);
	r = check_wish(wish, err);
	if (r < 0)
		return r;
	r = read_spki(&key, wish, err);
	if (r != 0)
		return r;
	if (issuer ? !issuer->facts.is_ca || !crypto_cert_fits(issuer, issuer_key)
		   : EVP_PKEY_eq(key, issuer_key->pkey) != 1)
		return err_set(err, ERR_USAGE, "the issuer is no CA, or its key is another's");
	subject = X509_get_subject_name(cert);
	if (!name_add(subject, NID_userId, wish->uid) ||
	    !name_add(subject, NID_organizationName, wish->organization) ||
	    !name_add(subject, NID_commonName, wish->common_name))
		return openssl_fail(err, ERR_USAGE, "name a certificate");
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    !set_serial(cert, wish->serial_entropy) || !set_dates(cert, wish, issuer) ||
	    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->x509) : subject) !=
		    1 ||
	    X509_set_pubkey(cert, key) != 1 ||
	    !add_extensions(cert, issuer ? issuer->x509 : cert, wish))
		return openssl_fail(err, ERR_NO_MEMORY, "make a certificate");
	if (X509_sign(cert, issuer_key->pkey, EVP_sha256()) <= 0)
		return openssl_fail(err, ERR_NO_MEMORY, "sign a certificate");
	return cert_wrap(out, STEAL(cert), err);
}
