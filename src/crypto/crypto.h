/*
 * crypto - digests, key derivation, wrapping, ciphers, certificates
 *
 * A thin, typed door to OpenSSL (and libsodium for Argon2id); no cipher of our own.
 * Algorithms are fetched once.  Knows no socket, file or format of Apple's.
 *
 * Functions without an object may be called from any thread; an object belongs to
 * one thread at a time.  Every _free accepts NULL and wipes what was secret.
 * Failures: ERR_NO_MEMORY (also for an algorithm that OpenSSL does not offer),
 * ERR_LIMIT and ERR_PROTOCOL for bytes from outside, ERR_USAGE for the caller's.
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
	CRYPTO_PEM_MAX = 64 << 10, /* longest key or certificate that is looked at, in bytes */
};

/** enum crypto_outcome - CRYPTO_BAD_TAG: it was changed, or another key made it */
enum crypto_outcome { CRYPTO_BAD_TAG = 1 };

/* ---- digests ---- */

/** crypto_sha1 - FIPS 180; for Apple's fileIDs and digests, not for trust */
void crypto_sha1(struct slice in, uint8_t out[CRYPTO_SHA1_LEN]);
/** crypto_sha256 - FIPS 180 */
void crypto_sha256(struct slice in, uint8_t out[CRYPTO_SHA256_LEN]);

/** struct crypto_sha1 - SHA-1 over bytes that come in pieces: new (or reset), update..., final */
struct crypto_sha1;
/** crypto_sha1_new - ready for the first _update; 0 or ERR_NO_MEMORY */
int crypto_sha1_new(struct crypto_sha1 **out, struct err *err);
/** crypto_sha1_reset - start over; needed after _final before the next _update */
void crypto_sha1_reset(struct crypto_sha1 *sha1);
/** crypto_sha1_update - go on with @in, of any length */
void crypto_sha1_update(struct crypto_sha1 *sha1, struct slice in);
/** crypto_sha1_final - the digest of all that came since _new or _reset */
void crypto_sha1_final(struct crypto_sha1 *sha1, uint8_t out[CRYPTO_SHA1_LEN]);
void crypto_sha1_free(struct crypto_sha1 *sha1);

/** struct crypto_mac - HMAC-SHA-256 (RFC 2104) under one key; any number of messages */
struct crypto_mac;
/** crypto_mac_new - @key is taken in, not borrowed; 0 or ERR_NO_MEMORY */
int crypto_mac_new(struct crypto_mac **out, const uint8_t key[CRYPTO_KEY_LEN], struct err *err);
/** crypto_mac_compute - of the whole message @in; does not fail today, check it all the same */
int crypto_mac_compute(struct crypto_mac *mac, struct slice in, uint8_t out[CRYPTO_SHA256_LEN],
		       struct err *err);
void crypto_mac_free(struct crypto_mac *mac);

/** crypto_equal - are @len bytes the same? In constant time. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* ---- key derivation ---- */

/**
 * crypto_pbkdf2_sha256 - RFC 8018 with HMAC-SHA-256
 * @password: bytes, may be empty
 * @salt:     at most 1024 bytes
 * @rounds:   at least 1; about 0.1 us each, so the caller bounds what a file asks for
 * @out:      @out_len bytes, at most 1024
 *
 * Returns 0, ERR_USAGE without a round, ERR_LIMIT.
 */
int crypto_pbkdf2_sha256(struct slice password, struct slice salt, uint32_t rounds, uint8_t *out,
			 size_t out_len, struct err *err);
/** crypto_pbkdf2_sha1 - the same with HMAC-SHA-1 */
int crypto_pbkdf2_sha1(struct slice password, struct slice salt, uint32_t rounds, uint8_t *out,
		       size_t out_len, struct err *err);
/** crypto_hkdf - RFC 5869 with SHA-256; @label is its "info", @salt may be empty, at most 8160
 * bytes come out */
int crypto_hkdf(struct slice key, struct slice salt, const char *label, uint8_t *out,
		size_t out_len, struct err *err);
/**
 * crypto_argon2id - RFC 9106, version 1.3, one lane
 * @ops: passes, at least 1; @mem_bytes: at least 8192, rounded down to KiB; @out_len: 16 to 1024
 *
 * Returns 0, ERR_LIMIT outside of those, ERR_NO_MEMORY if @mem_bytes cannot be had.
 */
int crypto_argon2id(struct slice password, const uint8_t salt[16], uint32_t ops, size_t mem_bytes,
		    uint8_t *out, size_t out_len, struct err *err);

/* ---- key wrap, RFC 3394 ---- */

/** crypto_wrap - @key under @kek; 0 or < 0, and then @out is as before */
int crypto_wrap(const uint8_t kek[CRYPTO_KEY_LEN], const uint8_t key[CRYPTO_KEY_LEN],
		uint8_t out[CRYPTO_WRAPPED_LEN], struct err *err);
/** crypto_unwrap - 0, or CRYPTO_BAD_TAG (another key wrapped it; @out is as before), or < 0 */
int crypto_unwrap(const uint8_t kek[CRYPTO_KEY_LEN], const uint8_t wrapped[CRYPTO_WRAPPED_LEN],
		  uint8_t out[CRYPTO_KEY_LEN], struct err *err);

/* ---- AES-256-CBC without padding (whole blocks), streaming and reusable ---- */

struct crypto_cbc;
/** crypto_cbc_new - without a key until crypto_cbc_start; 0 or ERR_NO_MEMORY */
int crypto_cbc_new(struct crypto_cbc **out, struct err *err);
void crypto_cbc_free(struct crypto_cbc *cbc);
/** crypto_cbc_start - (re)key, set the IV and the direction */
int crypto_cbc_start(struct crypto_cbc *cbc, bool is_encrypting, const uint8_t key[CRYPTO_KEY_LEN],
		     const uint8_t iv[CRYPTO_BLOCK_LEN], struct err *err);
/** crypto_cbc_restart - key and direction stay, the IV is another: a fraction of the cost */
int crypto_cbc_restart(struct crypto_cbc *cbc, const uint8_t iv[CRYPTO_BLOCK_LEN], struct err *err);
/** crypto_cbc_update - go on with @len bytes, else ERR_USAGE unless a multiple of 16; @out may be
 * @in */
int crypto_cbc_update(struct crypto_cbc *cbc, const uint8_t *in, size_t len, uint8_t *out,
		      struct err *err);

/* ---- AES-256-GCM, reusable; never the same nonce twice under a key ---- */

struct crypto_gcm;
/** crypto_gcm_new - @key is taken in, not borrowed; 0 or ERR_NO_MEMORY */
int crypto_gcm_new(struct crypto_gcm **out, const uint8_t key[CRYPTO_KEY_LEN], struct err *err);
void crypto_gcm_free(struct crypto_gcm *gcm);
/** crypto_gcm_seal - @in enciphered and its tag, over @aad too: @out holds in.len +
 * CRYPTO_GCM_TAG_LEN bytes and may be in.bytes; ERR_LIMIT above 1 GiB of either */
int crypto_gcm_seal(struct crypto_gcm *gcm, const uint8_t nonce[CRYPTO_GCM_NONCE_LEN],
		    struct slice aad, struct slice in, uint8_t *out, struct err *err);
/**
 * crypto_gcm_open - @out holds in.len - CRYPTO_GCM_TAG_LEN bytes, may be in.bytes
 *
 * Returns 0; CRYPTO_BAD_TAG (also if @in is shorter than a tag): then @out is zeroed; or < 0.
 */
int crypto_gcm_open(struct crypto_gcm *gcm, const uint8_t nonce[CRYPTO_GCM_NONCE_LEN],
		    struct slice aad, struct slice in, uint8_t *out, struct err *err);

/* ---- fast reproducible bytes, for simulated content; not for secrets ---- */

struct crypto_stream;
/** crypto_stream_new - for any number of keys; 0 or ERR_NO_MEMORY */
int crypto_stream_new(struct crypto_stream **out, struct err *err);
/**
 * crypto_stream_at - @len bytes of the AES-256-CTR stream that @key names
 * @offset: from this byte on, a multiple of 16 (else ERR_USAGE)
 *
 * The counter starts at zero.  Simulated devices rely on these bytes: they never change.
 */
int crypto_stream_at(struct crypto_stream *stream, const uint8_t key[CRYPTO_KEY_LEN],
		     uint64_t offset, uint8_t *out, size_t len, struct err *err);
void crypto_stream_free(struct crypto_stream *stream);

/*
 * ---- keys and certificates (docs/protocol/device-link, "Pairing") ----
 *
 * RSA-2048, X.509 v3 signed with SHA-256, as PEM text without a NUL.  Results are appended
 * to the given buffers (BUF_INIT(CRYPTO_PEM_MAX) is enough); on failure these are as before.
 * Buffers with a private key are the caller's to buf_wipe.
 */

/** crypto_rsa_derive - "RSA PRIVATE KEY" and "RSA PUBLIC KEY" (PKCS#1), the same for the same
 * @seed; takes about 0.1 s; for simulated devices only */
int crypto_rsa_derive(const uint8_t seed[32], struct buf *private_pem, struct buf *public_pem,
		      struct err *err);

/** struct crypto_pairing - what a host makes when it pairs; owned PEM */
struct crypto_pairing {
	struct buf root_key_pem, root_cert_pem, host_key_pem, host_cert_pem, device_cert_pem;
};
/** crypto_pairing_init - empty, with the limits of PEM */
void crypto_pairing_init(struct crypto_pairing *pairing);
/** crypto_pairing_clear - wipe and free; @pairing may be filled again */
void crypto_pairing_clear(struct crypto_pairing *pairing);
/**
 * crypto_pairing_make - root, host and device certificates for a device's public key
 * @device_public_pem: "RSA PUBLIC KEY" from the device, 1024 to 4096 bits
 * @now_seconds:       since 1970; they are valid for ten years of 365 days from then
 *
 * Subject and issuer are empty, serial numbers 1.  Replaces what @pairing held.
 * Returns 0, ERR_PROTOCOL or ERR_LIMIT if that is no usable key.
 */
int crypto_pairing_make(struct crypto_pairing *pairing, struct slice device_public_pem,
			int64_t now_seconds, struct err *err);
/** crypto_self_signed - a key and a certificate named CN=@name, valid as above (supervision, tests)
 */
int crypto_self_signed(const char *name, int64_t now_seconds, struct buf *key_pem,
		       struct buf *cert_pem, struct err *err);

/** crypto_cert_der - PEM (or DER) certificate to DER; ERR_PROTOCOL or ERR_LIMIT if it is none */
int crypto_cert_der(struct slice cert, struct buf *der, struct err *err);
/** crypto_cert_end - notAfter of a PEM or DER certificate, seconds since 1970; ERR_PROTOCOL or
 * ERR_LIMIT if it is none */
int crypto_cert_end(struct slice cert, int64_t *not_after, struct err *err);
/** crypto_cert_public_sha256 - digest of the SubjectPublicKeyInfo of a PEM or DER certificate: what
 * a pin compares */
int crypto_cert_public_sha256(struct slice cert, uint8_t out[CRYPTO_SHA256_LEN], struct err *err);

/* ---- CMS (docs/protocol/device-link, "Supervised pairing"): SHA-256, content embedded, binary
 * ---- */

/** crypto_cms_sign - append a SignedData over @content (at most CRYPTO_PEM_MAX bytes) with its
 * signer's certificate */
int crypto_cms_sign(struct slice content, struct slice cert_pem, struct slice key_pem,
		    struct buf *der, struct err *err);
/** crypto_cms_verify - 0 if signed by exactly @cert over exactly @content; CRYPTO_BAD_TAG for any
 * other @der; < 0 if @cert is none */
int crypto_cms_verify(struct slice der, struct slice cert, struct slice content, struct err *err);

/* ---- processes and threads ---- */

/**
 * crypto_start - read now what would be read from files at first use
 *
 * For processes that give up opening files: OpenSSL's configuration and the time zone, which even
 * UTC makes the C library look at.  Later calls then need nothing but getrandom(2).  Others
 * need not call it; several times is fine.  0 or < 0.
 */
int crypto_start(struct err *err);
/**
 * crypto_thread_end - give back what the library keeps for the calling thread
 *
 * For detached threads, just before they say that they are done: the program may end before
 * the thread's own clean-up has run.
 */
void crypto_thread_end(void);

#endif
