/*
 * crypto/identity - certificates that name devices, SCEP, signed messages, sealing
 *
 * The second door of this room: what the MDM service and simulated devices need so that one side
 * can issue an identity and the other prove that it has it.  docs/protocol/scep has the messages.
 *
 * Bytes in, bytes out: no socket, file or clock; the time is an argument, in seconds since 1970
 * (UTC).  Keys are made and messages enveloped with OpenSSL's own generator, which needs nothing
 * but getrandom(2).  No certificate is ever judged by its dates or by a chain here: the callers
 * know each identity by its SHA-256.
 *
 * Parsed keys and certificates are made once and used again: reading a key costs 0.35 ms, reading a
 * certificate 0.12 ms (OpenSSL's decoders), using them mostly less.  A const one may be used by
 * several threads at once.  Who only has to know whose certificate a client showed takes
 * crypto_sha256 of its DER.  Figures in comments were measured on one core, RSA with 2048 bits.
 *
 * Failures as in crypto.h.  Results are appended to the given buffers; on failure, and for any
 * outcome but 0, these are as before unless a comment says otherwise.
 */
#ifndef REHOME_CRYPTO_IDENTITY_H
#define REHOME_CRYPTO_IDENTITY_H

#include "crypto/crypto.h"

enum {
	CRYPTO_SERIAL_ENTROPY_LEN = 16,
	CRYPTO_CERT_NAME_MAX = 255,     /* bytes of a name that is read, UTF-8 */
	CRYPTO_CERT_NAME_MADE_MAX = 64, /* characters of a name that is made (X.520) */
	CRYPTO_CERT_SAN_MAX = 16,       /* names of a TLS server */
	CRYPTO_CERT_DAYS_MAX = 36500,   /* of any certificate */
	CRYPTO_CERT_TLS_DAYS_MAX = 397, /* what devices accept of a TLS server */
	CRYPTO_SIGNED_MAX = 2 << 20,    /* longest SignedData that is made or opened, in bytes */
	CRYPTO_SCEP_MAX = 64 << 10,     /* longest SCEP message that is made or opened, in bytes */
	CRYPTO_SCEP_ID_MAX = 255,       /* characters of a transactionID */
	CRYPTO_SCEP_NONCE_LEN = 16,     /* of the nonces that we make */
	CRYPTO_SCEP_NONCE_MAX = 32,     /* of those that we repeat */
	CRYPTO_SEAL_KEY_LEN = 32,       /* X25519, public or private */
	CRYPTO_SEAL_OVERHEAD = 48,      /* sealed bytes are so much longer */
	CRYPTO_SEAL_MAX = 1 << 20,      /* longest plaintext, in bytes */
};

/** enum crypto_identity_outcome - beside CRYPTO_BAD_TAG (1) */
enum crypto_identity_outcome {
	CRYPTO_BAD_ALGORITHM = 2, /* a digest, cipher or key that is not on the list */
};

/**
 * CRYPTO_ALLOW_WEAK - accept SHA-1 and single DES too; never set unless an operator said so
 *
 * The list is else SHA-256, SHA-384, SHA-512; AES-128/192/256-CBC and 3DES-CBC; RSA of 2048 to 4096
 * bits, EC P-256 and P-384.  MD5 is on no list.
 */
enum { CRYPTO_ALLOW_WEAK = 1u << 0 };

/* ---- keys ---- */

enum crypto_key_kind {
	CRYPTO_KEY_RSA_2048, /* 50 to 300 ms to make */
	CRYPTO_KEY_RSA_3072, /* 200 to 800 ms */
	CRYPTO_KEY_EC_P256,  /* 0.05 ms */
};

/** struct crypto_key - a private key; wiped when freed */
struct crypto_key;
/** crypto_key_make - a new one; 0 or < 0 */
int crypto_key_make(struct crypto_key **out, enum crypto_key_kind kind, struct err *err);
/** crypto_key_read - the first private key of a PEM text (PKCS#8, PKCS#1 or SEC 1, no passphrase;
 * certificates may stand beside it), of the list above; ERR_PROTOCOL, ERR_LIMIT, ERR_UNSUPPORTED
 * for another kind of key */
int crypto_key_read(struct crypto_key **out, struct slice pem, struct err *err);
/** crypto_key_write - append PKCS#8 PEM; the caller wipes @pem */
int crypto_key_write(const struct crypto_key *key, struct buf *pem, struct err *err);
/** crypto_key_spki - append the SubjectPublicKeyInfo in DER */
int crypto_key_spki(const struct crypto_key *key, struct buf *der, struct err *err);
void crypto_key_free(struct crypto_key *key);
/** crypto_key_free_p - for CLEANUP */
void crypto_key_free_p(struct crypto_key **key);

/* ---- certificates ---- */

/** struct crypto_cert_facts - what a certificate says of itself; texts are UTF-8, "" if absent */
struct crypto_cert_facts {
	uint8_t sha256[CRYPTO_SHA256_LEN];      /* of the DER: how an identity is known */
	uint8_t spki_sha256[CRYPTO_SHA256_LEN]; /* of its SubjectPublicKeyInfo */
	char serial[2 * 20 + 1];                /* lower-case hex, whole bytes */
	char common_name[CRYPTO_CERT_NAME_MAX + 1];
	char uid[CRYPTO_CERT_NAME_MAX + 1]; /* 0.9.2342.19200300.100.1.1: topic of a push
					       certificate */
	int64_t not_before, not_after;      /* seconds since 1970 */
	bool is_ca, is_self_issued;
};

/** struct crypto_cert - a parsed certificate with its DER and facts */
struct crypto_cert;
/** crypto_cert_read - the first of a PEM text, or DER and nothing behind it, of at most
 * CRYPTO_PEM_MAX bytes; 0.12 ms. ERR_PROTOCOL, ERR_LIMIT (also for a name above its limit) */
int crypto_cert_read(struct crypto_cert **out, struct slice cert, struct err *err);
/** crypto_cert_facts - borrowed from @cert */
const struct crypto_cert_facts *crypto_cert_facts(const struct crypto_cert *cert);
/** crypto_cert_bytes - its DER, borrowed from @cert */
struct slice crypto_cert_bytes(const struct crypto_cert *cert);
/** crypto_cert_write - append it as PEM */
int crypto_cert_write(const struct crypto_cert *cert, struct buf *pem, struct err *err);
/** crypto_cert_is_issued_by - does @ca's name and key stand behind @cert? Dates are not looked at;
 * 25 us, 45 us with an RSA-3072 CA */
bool crypto_cert_is_issued_by(const struct crypto_cert *cert, const struct crypto_cert *ca);
/** crypto_cert_fits - is @key the key of @cert? */
bool crypto_cert_fits(const struct crypto_cert *cert, const struct crypto_key *key);
void crypto_cert_free(struct crypto_cert *cert);
/** crypto_cert_free_p - for CLEANUP */
void crypto_cert_free_p(struct crypto_cert **cert);

/** enum crypto_role - what a certificate is made for; key usages in brackets */
enum crypto_role {
	CRYPTO_ROLE_CA,      /* path length 0 (keyCertSign, cRLSign) */
	CRYPTO_ROLE_RA,      /* speaks SCEP (digitalSignature, keyEncipherment); RSA only */
	CRYPTO_ROLE_TLS,     /* serverAuth (digitalSignature) with names */
	CRYPTO_ROLE_DEVICE,  /* clientAuth (digitalSignature; with an RSA key keyEncipherment) */
	CRYPTO_ROLE_PROFILE, /* signs profiles (digitalSignature) */
	CRYPTO_ROLE_SUPERVISION, /* answers challenges of supervised devices (digitalSignature) */
	CRYPTO_ROLE_PUSH, /* clientAuth (digitalSignature): a push certificate for tests, with @uid
			   */
};

/** struct crypto_cert_wish - a certificate to be made; everything is borrowed */
struct crypto_cert_wish {
	enum crypto_role role;
	struct slice spki;        /* DER: the key that it is for */
	const char *common_name;  /* UTF-8, 1 to CRYPTO_CERT_NAME_MADE_MAX characters */
	const char *organization; /* or NULL */
	const char *uid;          /* or NULL */
	const char *const *names; /* CRYPTO_ROLE_TLS: DNS names and IP addresses as text */
	size_t name_count;        /* 1 to CRYPTO_CERT_SAN_MAX */
	int64_t not_before;
	unsigned days; /* 1 to CRYPTO_CERT_DAYS_MAX, of a TLS server CRYPTO_CERT_TLS_DAYS_MAX */
	uint8_t serial_entropy[CRYPTO_SERIAL_ENTROPY_LEN]; /* random; becomes a positive number */
};

/**
 * crypto_cert_issue - make the certificate of @wish (X.509 v3, SHA-256)
 * @issuer:     its issuer, or NULL: self-signed
 * @issuer_key: fits @issuer, or is the key of @wish itself
 *
 * notAfter is never later than the issuer's.  0.6 ms with an RSA-2048 issuer, 2.1 ms with 3072.
 * Returns 0; CRYPTO_BAD_ALGORITHM if the key of the wish is none that we certify; ERR_USAGE for a
 * wish beyond its limits or keys that do not fit; ERR_PROTOCOL if @spki is no key.
 */
int crypto_cert_issue(struct crypto_cert **out, const struct crypto_cert_wish *wish,
		      const struct crypto_cert *issuer, const struct crypto_key *issuer_key,
		      struct err *err);

/* ---- certificate requests (PKCS#10) ---- */

/** struct crypto_csr - what a request asks for; crypto_csr_init, crypto_csr_clear */
struct crypto_csr {
	struct buf spki;                            /* DER */
	char common_name[CRYPTO_CERT_NAME_MAX + 1]; /* UTF-8, "" if absent */
	struct secret challenge;                    /* challengePassword, UTF-8, empty if absent */
};
void crypto_csr_init(struct crypto_csr *csr);
/** crypto_csr_clear - wipe and free; may be filled again */
void crypto_csr_clear(struct crypto_csr *csr);
/**
 * crypto_csr_read - parse a request and verify that its key signed it; 0.14 ms
 * @der:   at most CRYPTO_SCEP_MAX bytes, nothing behind it
 * @flags: CRYPTO_ALLOW_WEAK for a SHA-1 signature and RSA keys of 1024 bits
 *
 * Replaces what @out held.  Returns 0; CRYPTO_BAD_TAG if the signature is wrong;
 * CRYPTO_BAD_ALGORITHM for a key or digest that is not on the list; ERR_PROTOCOL, ERR_LIMIT.
 */
int crypto_csr_read(struct crypto_csr *out, struct slice der, unsigned flags, struct err *err);
/** crypto_csr_make - append a request for @key, signed with SHA-256; @organization and @challenge
 * may be NULL */
int crypto_csr_make(struct buf *der, const struct crypto_key *key, const char *common_name,
		    const char *organization, const char *challenge, struct err *err);

/* ---- signed messages: CMS SignedData with one signer, SHA-256, binary ---- */

/** CRYPTO_SIGNED_DETACHED - the content is left out: both sides have it */
enum { CRYPTO_SIGNED_DETACHED = 1u << 1 };

/**
 * crypto_signed_make - append a SignedData over @content
 * @content: at most CRYPTO_SIGNED_MAX / 2 bytes
 * @chain:   further certificates that go along, or NULL with @chain_count 0
 * @now:     signingTime
 * @flags:   CRYPTO_SIGNED_DETACHED
 *
 * Profiles, Mdm-Signature, MachineInfo.  0.27 ms with an RSA key, 0.05 ms with EC.  0 or < 0.
 */
int crypto_signed_make(struct buf *der, struct slice content, const struct crypto_cert *signer,
		       const struct crypto_key *key, const struct crypto_cert *const *chain,
		       size_t chain_count, int64_t now, unsigned flags, struct err *err);

/** struct crypto_signed - a SignedData whose signature holds */
struct crypto_signed {
	struct buf content; /* empty of a detached one */
	struct buf signer;  /* DER of the signer's certificate, which came along */
};
void crypto_signed_init(struct crypto_signed *sig);
void crypto_signed_clear(struct crypto_signed *sig);
/**
 * crypto_signed_open - verify a SignedData with the certificate that came with it
 * @der:      DER or BER, at most CRYPTO_SIGNED_MAX bytes, nothing behind it
 * @detached: the content, if @flags has CRYPTO_SIGNED_DETACHED
 * @flags:    that, CRYPTO_ALLOW_WEAK
 *
 * Whether the signer is known is the caller's to find out: by its SHA-256, or with
 * crypto_cert_is_issued_by.  Replaces what @out held.  0.15 to 0.2 ms.
 * Returns 0; CRYPTO_BAD_TAG; CRYPTO_BAD_ALGORITHM; ERR_PROTOCOL if it is no SignedData with exactly
 * one signer; ERR_LIMIT.
 */
int crypto_signed_open(struct crypto_signed *out, struct slice der, struct slice detached,
		       unsigned flags, struct err *err);

/** crypto_base64_read - append what @text says: either alphabet (RFC 4648, 4 and 5), padding may be
 * missing, white space is skipped; ERR_PROTOCOL for anything else */
int crypto_base64_read(struct buf *out, struct slice text, struct err *err);
/** crypto_base64_write - append @bytes in the usual alphabet (RFC 4648, 4), padded, on one line;
 * @out needs room for one byte more, a NUL that is not counted */
int crypto_base64_write(struct buf *out, struct slice bytes, struct err *err);

/* ---- SCEP (RFC 8894) ---- */

enum crypto_scep_type {
	CRYPTO_SCEP_CERT_REP = 3,
	CRYPTO_SCEP_RENEWAL_REQ = 17,
	CRYPTO_SCEP_PKCS_REQ = 19,
	CRYPTO_SCEP_CERT_POLL = 20,
	CRYPTO_SCEP_GET_CERT = 21,
	CRYPTO_SCEP_GET_CRL = 22,
};
enum crypto_scep_status {
	CRYPTO_SCEP_SUCCESS = 0,
	CRYPTO_SCEP_FAILURE = 2,
	CRYPTO_SCEP_PENDING = 3,
};
enum crypto_scep_fail {
	CRYPTO_SCEP_BAD_ALG = 0,
	CRYPTO_SCEP_BAD_MESSAGE_CHECK = 1,
	CRYPTO_SCEP_BAD_REQUEST = 2,
	CRYPTO_SCEP_BAD_TIME = 3,
	CRYPTO_SCEP_BAD_CERT_ID = 4,
};
/** enum crypto_scep_cipher - of an EnvelopedData; an answer uses AES-128, or what the request used
 * if that was 3DES or (CRYPTO_ALLOW_WEAK) DES: then 3DES */
enum crypto_scep_cipher {
	CRYPTO_SCEP_AES128,
	CRYPTO_SCEP_AES192,
	CRYPTO_SCEP_AES256,
	CRYPTO_SCEP_3DES,
	CRYPTO_SCEP_DES,
};

/** struct crypto_nonce - of a message; @len 0 if it is not there */
struct crypto_nonce {
	uint8_t bytes[CRYPTO_SCEP_NONCE_MAX];
	size_t len;
};

/** crypto_scep_caps - what GetCACaps answers, keywords on lines; static. @flags: CRYPTO_ALLOW_WEAK
 * adds SHA-1 */
const char *crypto_scep_caps(unsigned flags);
/** crypto_scep_ca_reply - append GetCACert's answer for a CA with an RA: a certs-only SignedData,
 * RA first (application/x-x509-ca-ra-cert). Without an RA it is crypto_cert_bytes of the CA
 * (application/x-x509-ca-cert) */
int crypto_scep_ca_reply(struct buf *der, const struct crypto_cert *ra,
			 const struct crypto_cert *ca, struct err *err);
/** crypto_scep_ca_read - the client's side of both: *@ra is NULL if the CA speaks for itself */
int crypto_scep_ca_read(struct slice der, struct crypto_cert **ra, struct crypto_cert **ca,
			struct err *err);

/** struct crypto_scep_request - a pkiMessage whose signature holds; nothing secret inside. What
 * makes a renewal is a @signer that the CA issued: some clients send it as PKCS_REQ */
struct crypto_scep_request {
	enum crypto_scep_type type;
	char transaction_id[CRYPTO_SCEP_ID_MAX + 1]; /* printable ASCII */
	struct crypto_nonce sender_nonce;
	struct buf signer;    /* DER of its certificate: the requester's, self-signed at first */
	struct buf enveloped; /* for crypto_scep_open */
};
void crypto_scep_request_init(struct crypto_scep_request *request);
void crypto_scep_request_clear(struct crypto_scep_request *request);
/**
 * crypto_scep_request_read - parse a request; needs no key, so a worker can do it. 0.16 ms
 *
 * Replaces what @out held.  Returns 0; CRYPTO_BAD_TAG (answer badMessageCheck) or
 * CRYPTO_BAD_ALGORITHM (badAlg), and then @out has all but @enveloped, for the answer;
 * ERR_PROTOCOL, ERR_LIMIT: nothing that could be answered inside SCEP (HTTP 400).
 */
int crypto_scep_request_read(struct crypto_scep_request *out, struct slice der, unsigned flags,
			     struct err *err);
/**
 * crypto_scep_open - decipher an EnvelopedData for @cert; 0.25 ms
 * @out: the payload is appended: a CSR for crypto_csr_read, or certificates
 *
 * How deciphering failed cannot be told from the outcome or the time (a wrong padding goes on
 * with a random key).  Returns 0; CRYPTO_BAD_TAG; CRYPTO_BAD_ALGORITHM; ERR_PROTOCOL if it is no
 * EnvelopedData for @cert; ERR_LIMIT.
 */
int crypto_scep_open(struct slice enveloped, const struct crypto_cert *cert,
		     const struct crypto_key *key, unsigned flags, struct buf *out,
		     enum crypto_scep_cipher *cipher, struct err *err);

/** struct crypto_scep_reply - a CertRep to be made; everything is borrowed */
struct crypto_scep_reply {
	enum crypto_scep_status status;
	enum crypto_scep_fail fail;                  /* of a failure */
	const char *transaction_id;                  /* of the request */
	struct crypto_nonce recipient_nonce;         /* the request's senderNonce */
	uint8_t sender_nonce[CRYPTO_SCEP_NONCE_LEN]; /* new, random */
	/* of a success: */
	struct slice requester; /* DER, the request's signer; its key is RSA */
	const struct crypto_cert *issued;
	enum crypto_scep_cipher cipher; /* what the request used */
};
/** crypto_scep_reply_make - append the CertRep, signed by @ra; @ca goes along after the issued
 * certificate. 0.5 ms. CRYPTO_BAD_ALGORITHM if the requester's key cannot be enveloped to */
int crypto_scep_reply_make(struct buf *der, const struct crypto_scep_reply *reply,
			   const struct crypto_cert *ca, const struct crypto_cert *ra,
			   const struct crypto_key *ra_key, int64_t now, struct err *err);

/** struct crypto_scep_wish - a request to be made by a device; everything is borrowed */
struct crypto_scep_wish {
	enum crypto_scep_type type; /* PKCS_REQ, RENEWAL_REQ */
	struct slice csr;           /* DER, of crypto_csr_make */
	const struct crypto_key
		*key; /* of @signer: PKCS_REQ the new one, RENEWAL_REQ the current */
	const struct crypto_cert *signer; /* PKCS_REQ: self-signed over that key */
	const struct crypto_cert *ra;     /* whom it is enveloped to: RA, or CA without one */
	const char *transaction_id;       /* printable ASCII */
	uint8_t sender_nonce[CRYPTO_SCEP_NONCE_LEN];
	enum crypto_scep_cipher cipher; /* any but CRYPTO_SCEP_DES */
};
/** crypto_scep_request_make - append the pkiMessage; 0.3 ms. @now: signingTime */
int crypto_scep_request_make(struct buf *der, const struct crypto_scep_wish *wish, int64_t now,
			     struct err *err);

/** struct crypto_scep_answer - a CertRep as a device sees it */
struct crypto_scep_answer {
	enum crypto_scep_status status;
	enum crypto_scep_fail fail; /* of a failure */
	char transaction_id[CRYPTO_SCEP_ID_MAX + 1];
	struct crypto_nonce recipient_nonce;
	struct buf cert; /* of a success: DER of the issued certificate */
};
void crypto_scep_answer_init(struct crypto_scep_answer *answer);
void crypto_scep_answer_clear(struct crypto_scep_answer *answer);
/**
 * crypto_scep_answer_read - verify that @ra signed a CertRep for @wish, and decipher it
 *
 * Replaces what @out held.  Returns 0 (whatever the status); CRYPTO_BAD_TAG: another signer,
 * changed, not deciphered, or of another transaction or nonce; CRYPTO_BAD_ALGORITHM; ERR_PROTOCOL
 * (also if no certificate for the CSR's key is inside), ERR_LIMIT.
 */
int crypto_scep_answer_read(struct crypto_scep_answer *out, struct slice der,
			    const struct crypto_scep_wish *wish, struct err *err);

/* ---- sealing: anybody with the public key seals, only the private key opens ---- */

/** crypto_seal_keys - a new pair (X25519); the caller wipes @private_key */
int crypto_seal_keys(uint8_t public_key[CRYPTO_SEAL_KEY_LEN],
		     uint8_t private_key[CRYPTO_SEAL_KEY_LEN], struct err *err);
/** crypto_seal_public - the public key of a private one */
int crypto_seal_public(const uint8_t private_key[CRYPTO_SEAL_KEY_LEN],
		       uint8_t public_key[CRYPTO_SEAL_KEY_LEN], struct err *err);
/** crypto_seal - append @in (at most CRYPTO_SEAL_MAX bytes) sealed (libsodium's crypto_box_seal);
 * 60 us, as opening */
int crypto_seal(const uint8_t public_key[CRYPTO_SEAL_KEY_LEN], struct slice in, struct buf *out,
		struct err *err);
/** crypto_seal_open - append the plaintext; the caller wipes @out. CRYPTO_BAD_TAG if it was changed
 * or sealed for another key */
int crypto_seal_open(const uint8_t private_key[CRYPTO_SEAL_KEY_LEN], struct slice sealed,
		     struct buf *out, struct err *err);

#endif
