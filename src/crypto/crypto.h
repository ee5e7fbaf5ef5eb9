/*
 * crypto - digests, key derivation, wrapping, ciphers, certificates
 *
 * A thin, typed door to OpenSSL (and libsodium for Argon2id); no cipher of our own.
 * Algorithms are fetched once.  Knows no socket, file or format of Apple's.
 */
#ifndef REHOME_CRYPTO_H
#define REHOME_CRYPTO_H

#include "base/base.h"

enum {
	CRYPTO_SHA1_LEN = 20,
	CRYPTO_SHA256_LEN = 32,
	CRYPTO_KEY_LEN = 32,     /* AES-256, HMAC-SHA-256 */
	CRYPTO_WRAPPED_LEN = 40, /* RFC 3394 wrap of a 32-byte key */
	CRYPTO_GCM_TAG_LEN = 16,
	CRYPTO_GCM_NONCE_LEN = 12,
	CRYPTO_BLOCK_LEN = 16,
	CRYPTO_PEM_MAX = 64 << 10,
};

/* ---- digests: one-shot and streaming ---- */
void crypto_sha1(struct slice in, uint8_t out[CRYPTO_SHA1_LEN]);
void crypto_sha256(struct slice in, uint8_t out[CRYPTO_SHA256_LEN]);
struct crypto_sha1; /* streaming */
int crypto_sha1_new(struct crypto_sha1 **out, struct err *err);
void crypto_sha1_reset(struct crypto_sha1 *sha1);
void crypto_sha1_update(struct crypto_sha1 *sha1, struct slice in);
void crypto_sha1_final(struct crypto_sha1 *sha1,
		       uint8_t out[CRYPTO_SHA1_LEN]); /* then reset before reuse */
void crypto_sha1_free(struct crypto_sha1 *sha1);

/** struct crypto_mac - HMAC-SHA-256 under one key, reusable; one thread */
struct crypto_mac;
int crypto_mac_new(struct crypto_mac **out, const uint8_t key[CRYPTO_KEY_LEN], struct err *err);
int crypto_mac_compute(struct crypto_mac *mac, struct slice in, uint8_t out[CRYPTO_SHA256_LEN],
		       struct err *err);
void crypto_mac_free(struct crypto_mac *mac);

/** crypto_equal - constant-time comparison */
bool crypto_equal(const void *a, const void *b, size_t len);

/* ---- key derivation ---- */
int crypto_pbkdf2_sha256(struct slice password, struct slice salt, uint32_t rounds, uint8_t *out,
			 size_t out_len, struct err *err);
int crypto_pbkdf2_sha1(struct slice password, struct slice salt, uint32_t rounds, uint8_t *out,
		       size_t out_len, struct err *err);
/** crypto_hkdf - RFC 5869 with SHA-256 */
int crypto_hkdf(struct slice key, struct slice salt, const char *label, uint8_t *out,
		size_t out_len, struct err *err);
/** crypto_argon2id - @ops passes over @mem_bytes; salt is 16 bytes */
int crypto_argon2id(struct slice password, const uint8_t salt[16], uint32_t ops, size_t mem_bytes,
		    uint8_t *out, size_t out_len, struct err *err);

/* ---- RFC 3394 ---- */
enum crypto_outcome { CRYPTO_BAD_TAG = 1 };
int crypto_wrap(const uint8_t kek[CRYPTO_KEY_LEN], const uint8_t key[CRYPTO_KEY_LEN],
		uint8_t out[CRYPTO_WRAPPED_LEN], struct err *err);
/** crypto_unwrap - 0, or CRYPTO_BAD_TAG (another key wrapped it), or < 0 */
int crypto_unwrap(const uint8_t kek[CRYPTO_KEY_LEN], const uint8_t wrapped[CRYPTO_WRAPPED_LEN],
		  uint8_t out[CRYPTO_KEY_LEN], struct err *err);

/* ---- AES-256-CBC without padding (whole blocks), streaming and reusable ---- */
struct crypto_cbc;
int crypto_cbc_new(struct crypto_cbc **out, struct err *err);
void crypto_cbc_free(struct crypto_cbc *cbc);
/** crypto_cbc_start - (re)key and set the IV */
int crypto_cbc_start(struct crypto_cbc *cbc, bool is_encrypting, const uint8_t key[CRYPTO_KEY_LEN],
		     const uint8_t iv[CRYPTO_BLOCK_LEN], struct err *err);
/** crypto_cbc_update - @len a multiple of 16; in place allowed */
int crypto_cbc_update(struct crypto_cbc *cbc, const uint8_t *in, size_t len, uint8_t *out,
		      struct err *err);

/* ---- AES-256-GCM, reusable ---- */
struct crypto_gcm;
int crypto_gcm_new(struct crypto_gcm **out, const uint8_t key[CRYPTO_KEY_LEN], struct err *err);
void crypto_gcm_free(struct crypto_gcm *gcm);
/** crypto_gcm_seal - @out holds in.len + CRYPTO_GCM_TAG_LEN bytes; in place allowed */
int crypto_gcm_seal(struct crypto_gcm *gcm, const uint8_t nonce[CRYPTO_GCM_NONCE_LEN],
		    struct slice aad, struct slice in, uint8_t *out, struct err *err);
/** crypto_gcm_open - @out holds in.len - tag bytes; CRYPTO_BAD_TAG if it was changed or the key is
 * another */
int crypto_gcm_open(struct crypto_gcm *gcm, const uint8_t nonce[CRYPTO_GCM_NONCE_LEN],
		    struct slice aad, struct slice in, uint8_t *out, struct err *err);

/* ---- fast reproducible bytes, for simulated content; not for secrets ---- */
/** crypto_stream_at - @len bytes of the AES-256-CTR stream named by @key, from byte @offset (a
 * multiple of 16) on */
struct crypto_stream;
int crypto_stream_new(struct crypto_stream **out, struct err *err);
int crypto_stream_at(struct crypto_stream *stream, const uint8_t key[CRYPTO_KEY_LEN],
		     uint64_t offset, uint8_t *out, size_t len, struct err *err);
void crypto_stream_free(struct crypto_stream *stream);

/* ---- pairing certificates (device-link 4.1): RSA-2048, X.509 v3, empty names, PEM as text ---- */
/** crypto_rsa_generate - new key: PKCS#1 private PEM and "RSA PUBLIC KEY" PEM */
int crypto_rsa_generate(struct buf *private_pem, struct buf *public_pem, struct err *err);
/** crypto_rsa_derive - the same key for the same @seed: for simulated devices with a fixed seed
 * only */
int crypto_rsa_derive(const uint8_t seed[32], struct buf *private_pem, struct buf *public_pem,
		      struct err *err);
struct crypto_pairing {
	struct buf root_key_pem, root_cert_pem, host_key_pem, host_cert_pem, device_cert_pem;
};
void crypto_pairing_init(struct crypto_pairing *pairing);
void crypto_pairing_clear(struct crypto_pairing *pairing); /* wipes */
/** crypto_pairing_make - root, host and device certificates for a device's public key, valid 10
 * years from @now_seconds */
int crypto_pairing_make(struct crypto_pairing *pairing, struct slice device_public_pem,
			int64_t now_seconds, struct err *err);
/** crypto_cert_der - PEM (or DER) certificate to DER */
int crypto_cert_der(struct slice cert, struct buf *der, struct err *err);
/** crypto_cert_public_sha256 - digest of the SubjectPublicKeyInfo: what a pin compares */
int crypto_cert_public_sha256(struct slice cert, uint8_t out[CRYPTO_SHA256_LEN], struct err *err);
/** crypto_self_signed - a key and certificate named CN=@name (supervision identities, tests) */
int crypto_self_signed(const char *name, int64_t now_seconds, struct buf *key_pem,
		       struct buf *cert_pem, struct err *err);

/* ---- CMS (device-link 4.4, 15.2): SHA-256, content embedded, binary ---- */
int crypto_cms_sign(struct slice content, struct slice cert_pem, struct slice key_pem,
		    struct buf *der, struct err *err);
/** crypto_cms_verify - signed by exactly @cert, content equal to @content; CRYPTO_BAD_TAG otherwise
 */
int crypto_cms_verify(struct slice der, struct slice cert, struct slice content, struct err *err);

#endif
