/* crypto: digests and HMAC against published vectors */
#include <stdlib.h>

#include "crypto/testing.h"

static void digests_match_the_published_ones(void **state)
{
	uint8_t sha1[CRYPTO_SHA1_LEN], sha256[CRYPTO_SHA256_LEN];

	crypto_sha1(slice_text("abc"), sha1);
	assert_hex_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
	crypto_sha256(slice_text("abc"), sha256);
	assert_hex_equal(sha256,
			 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypto_sha256(SLICE_EMPTY, sha256);
	assert_hex_equal(sha256,
			 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_file_id_is_the_sha1_of_domain_and_path(void **state)
{
	uint8_t sha1[CRYPTO_SHA1_LEN];

	crypto_sha1(slice_text("HomeDomain-Library/SMS/sms.db"), sha1);
	assert_hex_equal(sha1, "3d0d7e5fb2ce288813306e4d4636395e047a3d28");
}

static void a_stream_digest_equals_the_whole_and_can_be_reused(void **state)
{
	struct err err = ERR_INIT;
	struct crypto_sha1 *sha1;
	uint8_t out[CRYPTO_SHA1_LEN];
	int round;

	assert_int_equal(crypto_sha1_new(&sha1, &err), 0);
	for (round = 0; round < 2; round++) {
		crypto_sha1_update(sha1, slice_text("a"));
		crypto_sha1_update(sha1, SLICE_EMPTY);
		crypto_sha1_update(sha1, slice_text("bc"));
		crypto_sha1_final(sha1, out);
		assert_hex_equal(out, "a9993e364706816aba3e25717850c26c9cd0d89d");
		crypto_sha1_reset(sha1);
	}
	crypto_sha1_free(sha1);
	crypto_sha1_free(NULL);
}

/* RFC 4231, 4.2 and 4.3: HMAC fills short keys with zeros, so they fit our 32 bytes */
static void a_mac_matches_rfc_4231_each_time_it_is_used(void **state)
{
	uint8_t key[CRYPTO_KEY_LEN] = {0}, out[CRYPTO_SHA256_LEN];
	struct err err = ERR_INIT;
	struct crypto_mac *mac;
	int round;

	memset(key, 0x0b, 20);
	assert_int_equal(crypto_mac_new(&mac, key, &err), 0);
	for (round = 0; round < 3; round++) {
		assert_int_equal(crypto_mac_compute(mac, slice_text("Hi There"), out, &err), 0);
		assert_hex_equal(
			out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	}
	crypto_mac_free(mac);

	memset(key, 0, sizeof(key));
	memcpy(key, "Jefe", 4);
	assert_int_equal(crypto_mac_new(&mac, key, &err), 0);
	assert_int_equal(
		crypto_mac_compute(mac, slice_text("what do ya want for nothing?"), out, &err), 0);
	assert_hex_equal(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	crypto_mac_free(mac);
	crypto_mac_free(NULL);
}

static void equal_compares_every_byte(void **state)
{
	assert_true(crypto_equal("abcd", "abcd", 4));
	assert_false(crypto_equal("abcd", "abce", 4));
	assert_false(crypto_equal("bbcd", "abcd", 4));
	assert_true(crypto_equal("a", "b", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_match_the_published_ones),
		cmocka_unit_test(a_file_id_is_the_sha1_of_domain_and_path),
		cmocka_unit_test(a_stream_digest_equals_the_whole_and_can_be_reused),
		cmocka_unit_test(a_mac_matches_rfc_4231_each_time_it_is_used),
		cmocka_unit_test(equal_compares_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
