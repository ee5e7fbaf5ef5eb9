/* crypto: RSA keys, pairing certificates and CMS */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/testing.h"

static const int64_t now = 1793520000; /* 2026-11-01 */

static X509 *parse_cert(const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(cert);
	return cert;
}

static EVP_PKEY *parse_key(const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(key);
	return key;
}

static void starts_with(const struct buf *pem, const char *text)
{
	assert_true(pem->len > strlen(text));
	assert_memory_equal(pem->bytes, text, strlen(text));
}

static void derive(uint8_t seed_byte, struct buf *private_pem, struct buf *public_pem)
{
	struct err err = ERR_INIT;
	uint8_t seed[32] = {seed_byte};

	assert_int_equal(crypto_rsa_derive(seed, private_pem, public_pem, &err), 0);
}

static void a_derived_key_is_the_same_for_the_same_seed_and_sound(void **state)
{
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_wipe) struct buf again = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_wipe) struct buf other = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public_again = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public_other = BUF_INIT(CRYPTO_PEM_MAX);
	uint8_t digest[CRYPTO_SHA256_LEN];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey;

	derive(1, &key, &public);
	derive(1, &again, &public_again);
	derive(2, &other, &public_other);
	assert_true(slice_equal(buf_slice(&key), buf_slice(&again)));
	assert_true(slice_equal(buf_slice(&public), buf_slice(&public_again)));
	assert_false(slice_equal(buf_slice(&public), buf_slice(&public_other)));
	starts_with(&key, "-----BEGIN RSA PRIVATE KEY-----\n");
	starts_with(&public, "-----BEGIN RSA PUBLIC KEY-----\n");
	/* simulated devices keep their key over versions of this program */
	crypto_sha256(buf_slice(&public), digest);
	assert_hex_equal(digest,
			 "5ad3de8a08f96911d050def98495e7d44d77c9efed1751f731be9db24709fb00");

	pkey = parse_key(&key);
	assert_int_equal(EVP_PKEY_get_bits(pkey), 2048);
	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	assert_int_equal(EVP_PKEY_check(ctx), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

static void a_key_that_does_not_fit_leaves_nothing_behind(void **state)
{
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public = BUF_INIT(10);
	struct err err = ERR_INIT;
	uint8_t seed[32] = {1};

	assert_int_equal(crypto_rsa_derive(seed, &key, &public, &err), ERR_LIMIT);
	assert_int_equal(key.len, 0);
	assert_int_equal(public.len, 0);
}

static void check_common(X509 *cert, EVP_PKEY *root_key)
{
	int days, seconds;

	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
	assert_int_equal(X509_NAME_entry_count(X509_get_issuer_name(cert)), 0);
	assert_int_equal(X509_get_signature_nid(cert), NID_sha256WithRSAEncryption);
	assert_int_equal(X509_verify(cert, root_key), 1);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(cert),
					X509_get0_notAfter(cert)),
			 1);
	assert_int_equal(days, 3650);
	assert_int_equal(seconds, 0);
	assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(cert), now), 0);
}

static void check_leaf(X509 *cert, bool has_key_id)
{
	const uint32_t flags = X509_get_extension_flags(cert);

	assert_true(flags & EXFLAG_BCONS);
	assert_false(flags & EXFLAG_CA);
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	assert_int_equal(X509_get_ext_by_NID(cert, NID_subject_key_identifier, -1) >= 0,
			 has_key_id);
}

static void pairing_makes_three_certificates_with_empty_names(void **state)
{
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(crypto_pairing_clear) struct crypto_pairing pairing;
	X509 *root, *host, *device;
	EVP_PKEY *root_key, *host_key, *device_key;
	struct err err = ERR_INIT;
	int64_t end = 0;

	derive(3, &key, &public);
	crypto_pairing_init(&pairing);
	assert_int_equal(crypto_pairing_make(&pairing, buf_slice(&public), now, &err), 0);
	root = parse_cert(&pairing.root_cert_pem);
	host = parse_cert(&pairing.host_cert_pem);
	device = parse_cert(&pairing.device_cert_pem);
	root_key = parse_key(&pairing.root_key_pem);
	host_key = parse_key(&pairing.host_key_pem);
	device_key = parse_key(&key);

	check_common(root, root_key);
	check_common(host, root_key);
	check_common(device, root_key);
	assert_true(X509_get_extension_flags(root) & EXFLAG_CA);
	check_leaf(host, false);
	check_leaf(device, true);
	assert_int_equal(X509_check_private_key(root, root_key), 1);
	assert_int_equal(X509_check_private_key(host, host_key), 1);
	assert_int_equal(X509_check_private_key(device, device_key), 1);
	assert_int_equal(EVP_PKEY_eq(root_key, host_key), 0);
	assert_int_equal(crypto_cert_end(buf_slice(&pairing.host_cert_pem), &end, &err), 0);
	assert_int_equal(end, (int64_t)now + 3650 * 86400);
	assert_int_equal(crypto_cert_end(slice_text("no certificate"), &end, &err), ERR_PROTOCOL);

	X509_free(root);
	X509_free(host);
	X509_free(device);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(host_key);
	EVP_PKEY_free(device_key);
}

static const char *small_key = "-----BEGIN RSA PUBLIC KEY-----\n"
			       "MGgCYQClfGCqpnXwpU5AyMuLwORVzK3LgL3iudh1rN1AT3u2o4Old1KV7Lg8pQcC\n"
			       "fZKpUUveNo8swiCuEvo8lhoApMv4IK50KVjnhoTeL0t0z+7TbjiUj0dyk7Ud1CID\n"
			       "HG1MZasCAwEAAQ==\n"
			       "-----END RSA PUBLIC KEY-----\n";

static void pairing_refuses_what_is_no_usable_device_key(void **state)
{
	static char endless[CRYPTO_PEM_MAX + 1];
	CLEANUP(crypto_pairing_clear) struct crypto_pairing pairing;
	struct err err = ERR_INIT;

	memset(endless, 'A', sizeof(endless));
	crypto_pairing_init(&pairing);
	assert_int_equal(crypto_pairing_make(&pairing, SLICE_EMPTY, now, &err), ERR_LIMIT);
	assert_int_equal(crypto_pairing_make(&pairing, slice_text("hello"), now, &err),
			 ERR_PROTOCOL);
	assert_int_equal(
		crypto_pairing_make(&pairing, slice_of(endless, sizeof(endless)), now, &err),
		ERR_LIMIT);
	assert_int_equal(crypto_pairing_make(&pairing, slice_text(small_key), now, &err),
			 ERR_LIMIT);
	assert_int_equal(pairing.root_key_pem.len, 0);
}

struct identity {
	struct buf key, cert;
};

static void identity_clear(struct identity *identity)
{
	buf_wipe(&identity->key);
	buf_clear(&identity->cert);
}

static struct identity identity_make(const char *name)
{
	struct identity identity = {BUF_INIT(CRYPTO_PEM_MAX), BUF_INIT(CRYPTO_PEM_MAX)};
	struct err err = ERR_INIT;

	assert_int_equal(crypto_self_signed(name, now, &identity.key, &identity.cert, &err), 0);
	return identity;
}

static void pem_and_der_are_the_same_certificate(void **state)
{
	CLEANUP(identity_clear) struct identity identity = identity_make("Example Supervision");
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf der_again = BUF_INIT(CRYPTO_PEM_MAX);
	uint8_t from_pem[CRYPTO_SHA256_LEN], from_der[CRYPTO_SHA256_LEN];
	struct err err = ERR_INIT;

	assert_int_equal(crypto_cert_der(buf_slice(&identity.cert), &der, &err), 0);
	assert_int_equal(crypto_cert_der(buf_slice(&der), &der_again, &err), 0);
	assert_true(slice_equal(buf_slice(&der), buf_slice(&der_again)));
	assert_int_equal(crypto_cert_public_sha256(buf_slice(&identity.cert), from_pem, &err), 0);
	assert_int_equal(crypto_cert_public_sha256(buf_slice(&der), from_der, &err), 0);
	assert_memory_equal(from_pem, from_der, sizeof(from_der));

	assert_int_equal(buf_append_u8(&der, 0, &err), 0);
	assert_int_equal(crypto_cert_der(buf_slice(&der), &der_again, &err), ERR_PROTOCOL);
	der.len -= 2;
	assert_int_equal(crypto_cert_der(buf_slice(&der), &der_again, &err), ERR_PROTOCOL);
	assert_int_equal(crypto_cert_der(SLICE_EMPTY, &der_again, &err), ERR_LIMIT);
}

static void a_signed_challenge_verifies_whatever_bytes_it_holds(void **state)
{
	const char *challenges[] = {"00112233445566778899", "0a0d0d0a0a0d000a", "0a", "0d0a", ""};
	CLEANUP(identity_clear) struct identity identity = identity_make("Example Supervision");
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(challenges); i++) {
		CLEANUP(buf_clear) struct buf cms = BUF_INIT(CRYPTO_PEM_MAX);
		struct bytes challenge = from_hex(challenges[i]);

		assert_int_equal(crypto_cms_sign(bytes_slice(&challenge), buf_slice(&identity.cert),
						 buf_slice(&identity.key), &cms, &err),
				 0);
		assert_int_equal(crypto_cms_verify(buf_slice(&cms), buf_slice(&identity.cert),
						   bytes_slice(&challenge), &err),
				 0);
	}
}

static void a_signature_is_refused_for_other_content_signer_or_bytes(void **state)
{
	CLEANUP(identity_clear) struct identity identity = identity_make("Example Supervision");
	CLEANUP(identity_clear) struct identity other = identity_make("Example Supervision");
	CLEANUP(buf_clear) struct buf cms = BUF_INIT(CRYPTO_PEM_MAX);
	struct slice cert = buf_slice(&identity.cert), challenge = slice_text("challenge");
	struct err err = ERR_INIT;
	size_t i;

	assert_int_equal(crypto_cms_sign(challenge, cert, buf_slice(&identity.key), &cms, &err), 0);
	assert_int_equal(crypto_cms_verify(buf_slice(&cms), cert, slice_text("Challenge"), &err),
			 CRYPTO_BAD_TAG);
	assert_int_equal(crypto_cms_verify(buf_slice(&cms), cert, SLICE_EMPTY, &err),
			 CRYPTO_BAD_TAG);
	assert_int_equal(
		crypto_cms_verify(buf_slice(&cms), buf_slice(&other.cert), challenge, &err),
		CRYPTO_BAD_TAG);
	assert_int_equal(crypto_cms_verify(SLICE_EMPTY, cert, challenge, &err), CRYPTO_BAD_TAG);
	for (i = 0; i < cms.len; i += 97)
		assert_int_equal(crypto_cms_verify(slice_of(cms.bytes, i), cert, challenge, &err),
				 CRYPTO_BAD_TAG);
	cms.bytes[cms.len - 1] ^= 1;
	assert_int_equal(crypto_cms_verify(buf_slice(&cms), cert, challenge, &err), CRYPTO_BAD_TAG);
}

static void signing_with_the_key_of_another_certificate_fails(void **state)
{
	CLEANUP(identity_clear) struct identity identity = identity_make("A");
	CLEANUP(identity_clear) struct identity other = identity_make("B");
	CLEANUP(buf_clear) struct buf cms = BUF_INIT(CRYPTO_PEM_MAX);
	struct err err = ERR_INIT;

	assert_int_equal(crypto_cms_sign(slice_text("x"), buf_slice(&identity.cert),
					 buf_slice(&other.key), &cms, &err),
			 ERR_USAGE);
	assert_int_equal(cms.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_derived_key_is_the_same_for_the_same_seed_and_sound),
		cmocka_unit_test(a_key_that_does_not_fit_leaves_nothing_behind),
		cmocka_unit_test(pairing_makes_three_certificates_with_empty_names),
		cmocka_unit_test(pairing_refuses_what_is_no_usable_device_key),
		cmocka_unit_test(pem_and_der_are_the_same_certificate),
		cmocka_unit_test(a_signed_challenge_verifies_whatever_bytes_it_holds),
		cmocka_unit_test(a_signature_is_refused_for_other_content_signer_or_bytes),
		cmocka_unit_test(signing_with_the_key_of_another_certificate_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
