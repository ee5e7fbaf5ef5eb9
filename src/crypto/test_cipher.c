/* crypto: wrap, CBC, GCM and the reproducible stream */
#include "crypto/testing.h"

static void a_key_is_wrapped_as_in_rfc_3394(void **state)
{
	struct bytes kek =
		from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	struct bytes key =
		from_hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
	struct err err = ERR_INIT;
	uint8_t wrapped[CRYPTO_WRAPPED_LEN], out[CRYPTO_KEY_LEN];

	assert_int_equal(crypto_wrap(kek.at, key.at, wrapped, &err), 0);
	assert_hex_equal(wrapped, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326"
				  "cbc7f0e71a99f43bfb988b9b7a02dd21");
	assert_int_equal(crypto_unwrap(kek.at, wrapped, out, &err), 0);
	assert_memory_equal(out, key.at, sizeof(out));
}

static void unwrapping_under_another_key_is_an_outcome_and_gives_nothing(void **state)
{
	struct bytes kek =
		from_hex("535408769561895fbc3acb1250a977e38924819f246f9f7dcb4b4e5c4294fc0c");
	struct bytes wrapped = from_hex("b8f5a690838d424c899e38b020dbbee492db56dc71fea0d9"
					"a3b05be616aed0bf68ad82e095ab226e");
	struct err err = ERR_INIT;
	uint8_t out[CRYPTO_KEY_LEN];

	assert_int_equal(crypto_unwrap(kek.at, wrapped.at, out, &err), 0);
	assert_hex_equal(out, "8dfcf2dd8473f6f4e947c721349fff2f3f1ce124dbda4563bcd346c719500094");
	memset(out, 7, sizeof(out));
	kek.at[31] ^= 1;
	assert_int_equal(crypto_unwrap(kek.at, wrapped.at, out, &err), CRYPTO_BAD_TAG);
	assert_int_equal(out[0], 7);
	kek.at[31] ^= 1;
	wrapped.at[0] ^= 1;
	assert_int_equal(crypto_unwrap(kek.at, wrapped.at, out, &err), CRYPTO_BAD_TAG);
}

/* docs/format/ios-backup, "Test vectors": PKCS#7 is the caller's, so it stands in the plain bytes
 * here */
static void cbc_matches_the_format_paper_both_ways_and_in_pieces(void **state)
{
	const char *stored = "bd0a8cbd5173e27abd1927ae6ceaf86fc4323e32812ab1b977cca915911a2ef7";
	struct bytes key =
		from_hex("e23869a16b0a2ab400dfc8f0a6370fc5a67e1e5f52463ed32219616bd484e80a");
	const uint8_t iv[CRYPTO_BLOCK_LEN] = {0};
	struct err err = ERR_INIT;
	uint8_t other[16], again[16];
	struct crypto_cbc *cbc;
	uint8_t bytes[32];
	size_t i;

	for (i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(i < 17 ? i : 15);
	assert_int_equal(crypto_cbc_new(&cbc, &err), 0);
	assert_int_equal(crypto_cbc_start(cbc, true, key.at, iv, &err), 0);
	assert_int_equal(crypto_cbc_update(cbc, bytes, 16, bytes, &err), 0);
	assert_int_equal(crypto_cbc_update(cbc, bytes + 16, 16, bytes + 16, &err), 0);
	assert_hex_equal(bytes, stored);

	assert_int_equal(crypto_cbc_start(cbc, false, key.at, iv, &err), 0);
	assert_int_equal(crypto_cbc_update(cbc, bytes, 16, bytes, &err), 0);
	assert_int_equal(crypto_cbc_update(cbc, bytes + 16, 16, bytes + 16, &err), 0);
	for (i = 0; i < 32; i++)
		assert_int_equal(bytes[i], i < 17 ? i : 15);
	assert_int_equal(crypto_cbc_update(cbc, bytes, 17, bytes, &err), ERR_USAGE);
	assert_int_equal(crypto_cbc_start(cbc, true, key.at, iv, &err), 0);
	assert_int_equal(crypto_cbc_update(cbc, bytes, 16, other, &err), 0);
	assert_int_equal(crypto_cbc_restart(cbc, iv, &err), 0);
	assert_int_equal(crypto_cbc_update(cbc, bytes, 16, again, &err), 0);
	assert_memory_equal(other, again, 16);
	crypto_cbc_free(cbc);
	crypto_cbc_free(NULL);
}

/* test case 16 of the GCM specification */
static const char *gcm_key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
static const char *gcm_nonce = "cafebabefacedbaddecaf888";
static const char *gcm_aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char *gcm_plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
			       "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
static const char *gcm_sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
				"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
				"76fc6ece0f4e1768cddf8853bb2d551b";

static void gcm_matches_the_specification_and_is_reusable_in_place(void **state)
{
	struct bytes key = from_hex(gcm_key), nonce = from_hex(gcm_nonce), aad = from_hex(gcm_aad);
	struct bytes plain = from_hex(gcm_plain);
	struct err err = ERR_INIT;
	struct crypto_gcm *gcm;
	uint8_t bytes[76];
	int round;

	assert_int_equal(crypto_gcm_new(&gcm, key.at, &err), 0);
	for (round = 0; round < 3; round++) {
		memcpy(bytes, plain.at, plain.len);
		assert_int_equal(crypto_gcm_seal(gcm, nonce.at, bytes_slice(&aad),
						 slice_of(bytes, plain.len), bytes, &err),
				 0);
		assert_hex_equal(bytes, gcm_sealed);
		assert_int_equal(crypto_gcm_open(gcm, nonce.at, bytes_slice(&aad),
						 slice_of(bytes, sizeof(bytes)), bytes, &err),
				 0);
		assert_memory_equal(bytes, plain.at, plain.len);
	}
	crypto_gcm_free(gcm);
	crypto_gcm_free(NULL);
}

static void gcm_seals_nothing_at_all(void **state)
{
	const uint8_t key[CRYPTO_KEY_LEN] = {0}, nonce[CRYPTO_GCM_NONCE_LEN] = {0};
	struct err err = ERR_INIT;
	struct crypto_gcm *gcm;
	uint8_t tag[CRYPTO_GCM_TAG_LEN], none;

	assert_int_equal(crypto_gcm_new(&gcm, key, &err), 0);
	assert_int_equal(crypto_gcm_seal(gcm, nonce, SLICE_EMPTY, SLICE_EMPTY, tag, &err), 0);
	assert_hex_equal(tag, "530f8afbc74536b9a963b4f1c4cb738b");
	assert_int_equal(
		crypto_gcm_open(gcm, nonce, SLICE_EMPTY, slice_of(tag, sizeof(tag)), &none, &err),
		0);
	crypto_gcm_free(gcm);
}

static void gcm_finds_a_flipped_bit_anywhere_and_gives_nothing_out(void **state)
{
	struct bytes key = from_hex(gcm_key), nonce = from_hex(gcm_nonce), aad = from_hex(gcm_aad);
	struct bytes sealed = from_hex(gcm_sealed);
	const uint8_t zeros[60] = {0};
	struct err err = ERR_INIT;
	struct crypto_gcm *gcm;
	uint8_t out[60];
	size_t i;

	assert_int_equal(crypto_gcm_new(&gcm, key.at, &err), 0);
	for (i = 0; i < sealed.len; i++) {
		sealed.at[i] ^= 1;
		assert_int_equal(crypto_gcm_open(gcm, nonce.at, bytes_slice(&aad),
						 bytes_slice(&sealed), out, &err),
				 CRYPTO_BAD_TAG);
		assert_memory_equal(out, zeros, sizeof(out));
		sealed.at[i] ^= 1;
	}
	aad.at[0] ^= 1;
	assert_int_equal(
		crypto_gcm_open(gcm, nonce.at, bytes_slice(&aad), bytes_slice(&sealed), out, &err),
		CRYPTO_BAD_TAG);
	assert_int_equal(
		crypto_gcm_open(gcm, nonce.at, SLICE_EMPTY, slice_of(sealed.at, 15), out, &err),
		CRYPTO_BAD_TAG);
	crypto_gcm_free(gcm);
}

static void a_stream_is_the_same_from_wherever_it_is_read(void **state)
{
	static uint8_t whole[50000], part[50000];
	struct err err = ERR_INIT;
	struct crypto_stream *stream;
	uint8_t key[CRYPTO_KEY_LEN] = {1}, other[CRYPTO_KEY_LEN] = {2};

	assert_int_equal(crypto_stream_new(&stream, &err), 0);
	assert_int_equal(crypto_stream_at(stream, key, 0, whole, sizeof(whole), &err), 0);
	assert_int_equal(crypto_stream_at(stream, key, 16384 + 16, part, 30001, &err), 0);
	assert_memory_equal(part, whole + 16384 + 16, 30001);
	assert_int_equal(crypto_stream_at(stream, other, 0, part, 100, &err), 0);
	assert_memory_not_equal(part, whole, 100);
	assert_int_equal(crypto_stream_at(stream, key, 160, part, 5, &err), 0);
	assert_memory_equal(part, whole + 160, 5);
	assert_int_equal(crypto_stream_at(stream, key, 8, part, 5, &err), ERR_USAGE);
	crypto_stream_free(stream);
	crypto_stream_free(NULL);
}

/* simulated devices promise the same bytes for the same seed: these must never change */
static void a_stream_is_aes_in_counter_mode(void **state)
{
	const uint8_t key[CRYPTO_KEY_LEN] = {0};
	struct err err = ERR_INIT;
	struct crypto_stream *stream;
	uint8_t out[32];

	assert_int_equal(crypto_stream_new(&stream, &err), 0);
	assert_int_equal(crypto_stream_at(stream, key, 0, out, sizeof(out), &err), 0);
	assert_hex_equal(out, "dc95c078a2408989ad48a21492842087530f8afbc74536b9a963b4f1c4cb738b");
	crypto_stream_free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_wrapped_as_in_rfc_3394),
		cmocka_unit_test(unwrapping_under_another_key_is_an_outcome_and_gives_nothing),
		cmocka_unit_test(cbc_matches_the_format_paper_both_ways_and_in_pieces),
		cmocka_unit_test(gcm_matches_the_specification_and_is_reusable_in_place),
		cmocka_unit_test(gcm_seals_nothing_at_all),
		cmocka_unit_test(gcm_finds_a_flipped_bit_anywhere_and_gives_nothing_out),
		cmocka_unit_test(a_stream_is_the_same_from_wherever_it_is_read),
		cmocka_unit_test(a_stream_is_aes_in_counter_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
