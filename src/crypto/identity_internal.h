/*
 * crypto/identity_internal - what the files behind identity.h share
 *
 * SignedData and EnvelopedData go through OpenSSL's PKCS7 structures rather than its CMS ones:
 * those keep the order of certificates (a CertRep has the leaf first) and show which cipher a
 * message names, which must be known before it is used.
 */
#ifndef REHOME_CRYPTO_IDENTITY_INTERNAL_H
#define REHOME_CRYPTO_IDENTITY_INTERNAL_H

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "crypto/identity.h"
#include "crypto/internal.h"

struct crypto_key {
	EVP_PKEY *pkey;
};

struct crypto_cert {
	X509 *x509;
	uint8_t *der;
	size_t der_len;
	struct crypto_cert_facts facts;
};

/** cert_wrap - @x509 with its DER and facts; takes it over, also on failure */
int cert_wrap(struct crypto_cert **out, X509 *x509, struct err *err);
/** key_is_listed - is that a public key that we deal with? Weak: RSA from 1024 bits on */
bool key_is_listed(const EVP_PKEY *key, unsigned flags);
/** digest_is_listed - by NID; weak: SHA-1 too */
bool digest_is_listed(int nid, unsigned flags);
/** name_field - the first entry @nid of @name as UTF-8 into @out (CRYPTO_CERT_NAME_MAX + 1 bytes),
 * "" if there is none; ERR_PROTOCOL with a NUL inside, ERR_LIMIT */
int name_field(const X509_NAME *name, int nid, char *out, struct err *err);
/** name_add - @text as UTF8String; NULL adds nothing. False if it is too long */
bool name_add(X509_NAME *name, int nid, const char *text);

/** append_owned - append what an i2d function allocated, and free it; @len <= 0: it had failed */
int append_owned(struct buf *out, uint8_t *bytes, int len, struct err *err);

/** signed_read - parse a SignedData over data with exactly one signer; caller frees. ERR_PROTOCOL,
 * ERR_LIMIT above @len_max bytes */
int signed_read(PKCS7 **out, struct slice der, size_t len_max, struct err *err);
/** signed_signer - its only signer, borrowed */
PKCS7_SIGNER_INFO *signed_signer(const PKCS7 *message);
/** signed_cert - the signer's certificate if it came along, borrowed, or NULL */
X509 *signed_cert(const PKCS7 *message);
/** signed_content - what it holds, borrowed; empty if it is detached */
struct slice signed_content(const PKCS7 *message);
/** signed_verify - did @cert sign @content in @message? 0, CRYPTO_BAD_TAG, CRYPTO_BAD_ALGORITHM */
int signed_verify(const PKCS7 *message, X509 *cert, struct slice content, unsigned flags);
/** signed_begin - a SignedData with contentType and signingTime to which signed attributes can be
 * added; caller frees */
int signed_begin(PKCS7 **out, const struct crypto_cert *signer, const struct crypto_key *key,
		 int64_t now, struct err *err);
/** signed_finish - sign @content and append the message; with @is_detached without it */
int signed_finish(PKCS7 *message, struct slice content, bool is_detached, struct buf *der,
		  struct err *err);
/** certs_only - append a SignedData that only carries these two, @first first; @second may be NULL
 */
int certs_only(struct buf *der, const struct crypto_cert *first, const struct crypto_cert *second,
	       struct err *err);
/** certs_only_read - parse one of CERTS_ONLY_MAX certificates at most; caller frees */
int certs_only_read(PKCS7 **out, struct slice der, struct err *err);
enum { CERTS_ONLY_MAX = 8 };

/** scep_envelop - append an EnvelopedData with @payload for @recipient; CRYPTO_BAD_ALGORITHM
 * unless its key is RSA */
int scep_envelop(struct buf *der, struct slice payload, X509 *recipient,
		 enum crypto_scep_cipher cipher, struct err *err);

/** enum scep_attribute - signed attributes of a pkiMessage (RFC 8894, 3.2.1) */
enum scep_attribute {
	SCEP_MESSAGE_TYPE,
	SCEP_PKI_STATUS,
	SCEP_FAIL_INFO,
	SCEP_SENDER_NONCE,
	SCEP_RECIPIENT_NONCE,
	SCEP_TRANSACTION_ID,
};
/** scep_add_text, scep_add_bytes - PrintableString, OCTET STRING; false without memory */
bool scep_add_text(PKCS7 *message, enum scep_attribute which, const char *text);
bool scep_add_bytes(PKCS7 *message, enum scep_attribute which, const uint8_t *bytes, size_t len);
/** scep_number - the decimal number of an attribute, 0 to 99; ERR_PROTOCOL */
int scep_number(const PKCS7 *message, enum scep_attribute which, int *value, struct err *err);
/** scep_nonce - 1 to CRYPTO_SCEP_NONCE_MAX bytes; ERR_PROTOCOL */
int scep_nonce(const PKCS7 *message, enum scep_attribute which, struct crypto_nonce *nonce,
	       struct err *err);
/** scep_transaction - transactionID into @out (CRYPTO_SCEP_ID_MAX + 1 bytes); ERR_PROTOCOL */
int scep_transaction(const PKCS7 *message, char *out, struct err *err);

static inline void pkcs7_free_p(PKCS7 **message)
{
	PKCS7_free(*message);
}

#endif
