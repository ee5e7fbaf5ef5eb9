/* crypto: keys, certificates of every role, certificate requests */
#include <openssl/x509_vfy.h>

#include "crypto/identity_internal.h"
#include "crypto/testing_identity.h"

static void a_key_survives_being_written_and_read(void **state)
{
	const enum crypto_key_kind kinds[] = {CRYPTO_KEY_RSA_2048, CRYPTO_KEY_EC_P256};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL, *again = NULL;
		CLEANUP(buf_wipe) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);
		CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
		CLEANUP(buf_clear) struct buf spki_again = BUF_INIT(CRYPTO_PEM_MAX);

		assert_int_equal(crypto_key_make(&key, kinds[i], &err), 0);
		assert_int_equal(crypto_key_write(key, &pem, &err), 0);
		assert_memory_equal(pem.bytes, "-----BEGIN PRIVATE KEY-----\n", 28);
		assert_int_equal(crypto_key_read(&again, buf_slice(&pem), &err), 0);
		assert_int_equal(crypto_key_spki(key, &spki, &err), 0);
		assert_int_equal(crypto_key_spki(again, &spki_again, &err), 0);
		assert_true(slice_equal(buf_slice(&spki), buf_slice(&spki_again)));
		pem.bytes[40] ^= 1;
		assert_int_equal(crypto_key_read(&again, slice_of(pem.bytes, pem.len / 2), &err),
				 ERR_PROTOCOL);
	}
	CLEANUP(crypto_key_free_p) struct crypto_key *none = NULL;

	assert_int_equal(crypto_key_read(&none, SLICE_EMPTY, &err), ERR_LIMIT);
}

static void a_key_and_its_certificate_may_share_a_file(void **state)
{
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_wipe) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);
	struct err err = ERR_INIT;

	assert_int_equal(crypto_cert_write(testing_device.cert, &pem, &err), 0);
	assert_int_equal(crypto_key_write(testing_device.key, &pem, &err), 0);
	assert_int_equal(crypto_cert_write(testing_ca.cert, &pem, &err), 0);
	assert_int_equal(crypto_key_read(&key, buf_slice(&pem), &err), 0);
	assert_int_equal(crypto_cert_read(&cert, buf_slice(&pem), &err), 0);
	assert_true(crypto_cert_fits(cert, key));
}

/* what OpenSSL's own verifier makes of @cert for @purpose under testing_ca, at @when */
static int verdict(const struct pair *pair, int purpose, int64_t when)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int verified;

	X509_STORE_add_cert(store, testing_ca.cert->x509);
	X509_STORE_CTX_init(ctx, store, pair->cert->x509, NULL);
	X509_STORE_CTX_set_time(ctx, X509_V_FLAG_X509_STRICT, (time_t)when);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
	if (purpose)
		X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_verify_cert(ctx);
	verified = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return verified;
}

static void each_role_passes_a_strict_verifier_for_its_purpose_only(void **state)
{
	const struct {
		enum crypto_role role;
		int good, bad;
	} roles[] = {
		{CRYPTO_ROLE_RA, X509_PURPOSE_SMIME_ENCRYPT, X509_PURPOSE_CRL_SIGN},
		{CRYPTO_ROLE_TLS, X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT},
		{CRYPTO_ROLE_DEVICE, X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER},
		{CRYPTO_ROLE_PROFILE, X509_PURPOSE_SMIME_SIGN, X509_PURPOSE_SMIME_ENCRYPT},
		{CRYPTO_ROLE_PUSH, X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER},
	};
	const int64_t soon = TESTING_NOW + TESTING_DAY;
	size_t i;

	assert_int_equal(verdict(&testing_ca, 0, soon), X509_V_OK);
	for (i = 0; i < ARRAY_COUNT(roles); i++) {
		CLEANUP(pair_clear) struct pair pair = {NULL};

		pair = make_pair(roles[i].role == CRYPTO_ROLE_RA ? CRYPTO_KEY_RSA_2048
								 : CRYPTO_KEY_EC_P256,
				 &testing_ca, roles[i].role, "A");
		assert_int_equal(verdict(&pair, roles[i].good, soon), X509_V_OK);
		assert_int_equal(verdict(&pair, roles[i].bad, soon), X509_V_ERR_INVALID_PURPOSE);
		assert_int_equal(verdict(&pair, 0, TESTING_NOW - 1), X509_V_ERR_CERT_NOT_YET_VALID);
		assert_true(crypto_cert_is_issued_by(pair.cert, testing_ca.cert));
		assert_true(crypto_cert_fits(pair.cert, pair.key));
		assert_false(crypto_cert_fits(pair.cert, testing_ca.key));
	}
}

static void a_tls_certificate_names_hosts_and_addresses(void **state)
{
	CLEANUP(pair_clear)
	struct pair tls =
		make_pair(CRYPTO_KEY_EC_P256, &testing_ca, CRYPTO_ROLE_TLS, "mdm.example.org");

	assert_int_equal(X509_check_host(tls.cert->x509, "mdm.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(tls.cert->x509, "example.org", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(tls.cert->x509, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(tls.cert->x509, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(tls.cert->x509, "127.0.0.2", 0), 0);
	crypto_cert_free(STEAL(tls.cert));
	assert_int_equal(issue(&tls, &testing_ca, CRYPTO_ROLE_TLS, "a", 398), ERR_USAGE);
	assert_int_equal(issue(&tls, &testing_ca, CRYPTO_ROLE_TLS, "a", 397), 0);
}

static void facts_are_those_of_the_certificate(void **state)
{
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL, *again = NULL;
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);
	uint8_t digest[CRYPTO_SHA256_LEN];
	const struct crypto_cert_facts *facts;
	struct err err = ERR_INIT;

	assert_int_equal(crypto_key_make(&key, CRYPTO_KEY_RSA_2048, &err), 0);
	assert_int_equal(crypto_key_spki(key, &spki, &err), 0);

	const struct crypto_cert_wish wish = {
		.role = CRYPTO_ROLE_PUSH,
		.spki = buf_slice(&spki),
		.common_name = "APSP:grün",
		.uid = "com.apple.mgmt.External.1",
		.not_before = TESTING_NOW,
		.days = 365,
		.serial_entropy = {0xff, 1, 2, 3},
	};
	assert_int_equal(crypto_cert_issue(&cert, &wish, NULL, key, &err), 0);
	assert_int_equal(crypto_cert_write(cert, &pem, &err), 0);
	assert_int_equal(crypto_cert_read(&again, buf_slice(&pem), &err), 0);
	facts = crypto_cert_facts(again);
	assert_string_equal(facts->uid, "com.apple.mgmt.External.1");
	assert_string_equal(facts->common_name, "APSP:grün");
	assert_string_equal(facts->serial, "7f010203000000000000000000000000");
	assert_int_equal(facts->not_before, TESTING_NOW);
	assert_int_equal(facts->not_after, TESTING_NOW + 365 * TESTING_DAY);
	assert_true(facts->is_self_issued);
	assert_false(facts->is_ca);
	crypto_sha256(crypto_cert_bytes(cert), digest);
	assert_memory_equal(facts->sha256, digest, sizeof(digest));
	crypto_sha256(buf_slice(&spki), digest);
	assert_memory_equal(facts->spki_sha256, digest, sizeof(digest));
	assert_true(crypto_cert_facts(testing_ca.cert)->is_ca);
}

static void a_certificate_never_outlives_its_issuer(void **state)
{
	CLEANUP(pair_clear) struct pair device = {NULL};
	struct err err = ERR_INIT;

	assert_int_equal(crypto_key_make(&device.key, CRYPTO_KEY_EC_P256, &err), 0);
	assert_int_equal(issue(&device, &testing_ca, CRYPTO_ROLE_DEVICE, "d", 3650), 0);
	assert_int_equal(crypto_cert_facts(device.cert)->not_after,
			 crypto_cert_facts(testing_ca.cert)->not_after);
}

static void only_a_ca_issues_and_only_with_its_own_key(void **state)
{
	CLEANUP(pair_clear)
	struct pair other = make_pair(CRYPTO_KEY_RSA_2048, NULL, CRYPTO_ROLE_CA, "Example CA");
	CLEANUP(pair_clear) struct pair device = {NULL};
	const struct pair swapped = {other.key, testing_ca.cert};
	struct err err = ERR_INIT;

	assert_int_equal(crypto_key_make(&device.key, CRYPTO_KEY_EC_P256, &err), 0);
	assert_int_equal(issue(&device, &testing_ra, CRYPTO_ROLE_DEVICE, "d", 1), ERR_USAGE);
	assert_int_equal(issue(&device, &swapped, CRYPTO_ROLE_DEVICE, "d", 1), ERR_USAGE);
	assert_int_equal(issue(&device, &testing_ca, CRYPTO_ROLE_RA, "d", 1), CRYPTO_BAD_ALGORITHM);
	assert_int_equal(issue(&device, &testing_ca, CRYPTO_ROLE_DEVICE, "", 1), ERR_USAGE);
	assert_int_equal(issue(&device, &testing_ca, CRYPTO_ROLE_DEVICE, "d", 0), ERR_USAGE);
	assert_null(device.cert);
	/* a CA of the same name with another key did not issue it */
	assert_int_equal(issue(&device, &testing_ca, CRYPTO_ROLE_DEVICE, "d", 1), 0);
	assert_false(crypto_cert_is_issued_by(device.cert, other.cert));
	assert_false(crypto_cert_is_issued_by(device.cert, testing_ra.cert));
}

static void bytes_that_are_no_certificate_are_refused(void **state)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	struct slice der = crypto_cert_bytes(testing_device.cert);
	CLEANUP(buf_clear) struct buf longer = BUF_INIT(CRYPTO_PEM_MAX);
	struct err err = ERR_INIT;
	size_t len;

	for (len = 1; len < der.len; len += 13)
		assert_true(crypto_cert_read(&cert, slice_of(der.bytes, len), &err) < 0);
	assert_int_equal(buf_append_slice(&longer, der, &err), 0);
	assert_int_equal(buf_append_u8(&longer, 0, &err), 0);
	assert_int_equal(crypto_cert_read(&cert, buf_slice(&longer), &err), ERR_PROTOCOL);
	assert_int_equal(crypto_cert_read(&cert, SLICE_EMPTY, &err), ERR_LIMIT);
	assert_null(cert);
}

static void a_request_gives_back_key_name_and_challenge(void **state)
{
	CLEANUP(crypto_csr_clear) struct crypto_csr csr;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_SCEP_MAX);
	struct err err = ERR_INIT;

	crypto_csr_init(&csr);
	assert_int_equal(crypto_csr_make(&der, testing_device.key, "RHSIM000001", "Example",
					 "one-time \xc3\xbc", &err),
			 0);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&der), 0, &err), 0);
	assert_string_equal(csr.common_name, "RHSIM000001");
	assert_true(slice_equal(secret_slice(&csr.challenge), slice_text("one-time \xc3\xbc")));
	assert_int_equal(crypto_key_spki(testing_device.key, &spki, &err), 0);
	assert_true(slice_equal(buf_slice(&csr.spki), buf_slice(&spki)));

	buf_truncate(&der, 0);
	assert_int_equal(crypto_csr_make(&der, testing_device.key, "a", NULL, NULL, &err), 0);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&der), 0, &err), 0);
	assert_int_equal(csr.challenge.len, 0);
}

static void a_request_that_its_key_did_not_sign_is_a_bad_tag(void **state)
{
	CLEANUP(crypto_csr_clear) struct crypto_csr csr;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SCEP_MAX);
	struct err err = ERR_INIT;
	size_t i;

	crypto_csr_init(&csr);
	assert_int_equal(crypto_csr_make(&der, testing_device.key, "a", NULL, "secret", &err), 0);
	der.bytes[der.len - 1] ^= 1;
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&der), 0, &err), CRYPTO_BAD_TAG);
	assert_int_equal(csr.spki.len, 0);
	assert_int_equal(csr.challenge.len, 0);
	der.bytes[der.len - 1] ^= 1;
	for (i = 0; i < der.len; i += 7)
		assert_true(crypto_csr_read(&csr, slice_of(der.bytes, i), 0, &err) < 0);
	for (i = 0; i < der.len; i++) {
		der.bytes[i] ^= 1;
		/* only the form of an absent parameter is signed by nobody and read by nobody */
		if (crypto_csr_read(&csr, buf_slice(&der), 0, &err) == 0)
			assert_true(
				slice_equal(secret_slice(&csr.challenge), slice_text("secret")));
		der.bytes[i] ^= 1;
	}
	assert_int_equal(buf_append_u8(&der, 0, &err), 0);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&der), 0, &err), ERR_PROTOCOL);
	assert_int_equal(crypto_csr_read(&csr, SLICE_EMPTY, 0, &err), ERR_LIMIT);
}

/* a request made with OpenSSL alone, so that it can be as weak as we like */
static void weak_request(struct buf *der, int bits, const EVP_MD *md)
{
	EVP_PKEY *key = EVP_RSA_gen((unsigned)bits);
	X509_REQ *req = X509_REQ_new();
	struct err err = ERR_INIT;
	uint8_t *bytes = NULL;
	int len;

	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, md) > 0);
	len = i2d_X509_REQ(req, &bytes);
	assert_int_equal(append_owned(der, bytes, len, &err), 0);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
}

static void a_weak_request_needs_the_operators_word(void **state)
{
	CLEANUP(crypto_csr_clear) struct crypto_csr csr;
	CLEANUP(buf_clear) struct buf short_key = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(buf_clear) struct buf sha1 = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(buf_clear) struct buf md5 = BUF_INIT(CRYPTO_SCEP_MAX);
	struct err err = ERR_INIT;

	crypto_csr_init(&csr);
	weak_request(&short_key, 1024, EVP_sha256());
	weak_request(&sha1, 2048, EVP_sha1());
	weak_request(&md5, 2048, EVP_md5());
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&short_key), 0, &err),
			 CRYPTO_BAD_ALGORITHM);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&sha1), 0, &err), CRYPTO_BAD_ALGORITHM);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&short_key), CRYPTO_ALLOW_WEAK, &err), 0);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&sha1), CRYPTO_ALLOW_WEAK, &err), 0);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&md5), CRYPTO_ALLOW_WEAK, &err),
			 CRYPTO_BAD_ALGORITHM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_survives_being_written_and_read),
		cmocka_unit_test(a_key_and_its_certificate_may_share_a_file),
		cmocka_unit_test(each_role_passes_a_strict_verifier_for_its_purpose_only),
		cmocka_unit_test(a_tls_certificate_names_hosts_and_addresses),
		cmocka_unit_test(facts_are_those_of_the_certificate),
		cmocka_unit_test(a_certificate_never_outlives_its_issuer),
		cmocka_unit_test(only_a_ca_issues_and_only_with_its_own_key),
		cmocka_unit_test(bytes_that_are_no_certificate_are_refused),
		cmocka_unit_test(a_request_gives_back_key_name_and_challenge),
		cmocka_unit_test(a_request_that_its_key_did_not_sign_is_a_bad_tag),
		cmocka_unit_test(a_weak_request_needs_the_operators_word),
	};

	return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
