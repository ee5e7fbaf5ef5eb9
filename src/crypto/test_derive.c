/* crypto: key derivation against published vectors, the format paper's, and OpenSSL */
#include <openssl/evp.h>

#include "crypto/testing.h"

/* docs/format/ios-backup, "Test vectors" (also tests/data/synthetic-ios-backup/kat.json) */
static const struct {
	const char *password, *dpsl, *salt, *stage1, *kek;
	uint32_t dpic, iter;
} bags[] = {
	{"616263", "76699b6afee2f5ccb227dd1b47a763c128b3e429",
	 "198635f6769623fabf6ef59aec06e1b5fbbf05ab",
	 "1d0b0d852a21ebf8af10df8a337ceb34a5d8f43f5f9131e9015305625ad410a7",
	 "535408769561895fbc3acb1250a977e38924819f246f9f7dcb4b4e5c4294fc0c", 1, 1},
	{"616263", "76699b6afee2f5ccb227dd1b47a763c128b3e429",
	 "198635f6769623fabf6ef59aec06e1b5fbbf05ab",
	 "d7397afd36b33bdc43b8205b5629b2aff8adaf8e302b7a31a9ee775e4bba868e",
	 "4ea41c7fad03b1bc67532b1fa498612b55e97b0ec0713fd6122c00bf6550577d", 2, 3},
	{"70c3a4737377c3b67264e29c93", "a726282e1aa17bf2ad68b22c713494378d0da20f",
	 "987a502a4f98280d274c5a6c439cc3ae97809431",
	 "94601bf27a2d76c30007205c3cf61d29eb731a1a707853290faa2c44d3692551",
	 "275131665e67a14cea3a4afc55b69651dff3e9a671dbff7d2585e4660df9e4a9", 1000, 1000},
	{"", "a726282e1aa17bf2ad68b22c713494378d0da20f", "987a502a4f98280d274c5a6c439cc3ae97809431",
	 "f43e73a29551eaf5ce111d6cf95c3bcd1cf8ab13077e2bb7c0eddc142cf4ddb0",
	 "bf7eef068117616d541703c2c5f6e723a8eda53585e7976fe21b576620ab5dec", 10, 10},
	{"53796e7468657469632d4261636b75702d31", "43a7e2935560f01fc1e7eb2b5aba0702f8c3be11",
	 "1373f51192e5277815c6d7aa7b2718fbb000d0ca",
	 "c079fb26f61a8f074c522616dd4f02e26a5dab920bcadaff730fbecf8b2fe0ac",
	 "753db8f3601613b2062577e4fb07c4c278bba60fab3cd07c3ff7e2548082db76", 10000, 10000},
};

static void keybag_keys_are_derived_as_the_format_says(void **state)
{
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bags); i++) {
		struct bytes password = from_hex(bags[i].password), dpsl = from_hex(bags[i].dpsl);
		struct bytes salt = from_hex(bags[i].salt);
		uint8_t stage1[32], kek[32];

		assert_int_equal(crypto_pbkdf2_sha256(bytes_slice(&password), bytes_slice(&dpsl),
						      bags[i].dpic, stage1, 32, &err),
				 0);
		assert_hex_equal(stage1, bags[i].stage1);
		assert_int_equal(crypto_pbkdf2_sha1(slice_of(stage1, 32), bytes_slice(&salt),
						    bags[i].iter, kek, 32, &err),
				 0);
		assert_hex_equal(kek, bags[i].kek);
	}
}

static void pbkdf2_matches_rfc_6070(void **state)
{
	struct err err = ERR_INIT;
	uint8_t out[25];

	assert_int_equal(
		crypto_pbkdf2_sha1(slice_text("password"), slice_text("salt"), 4096, out, 20, &err),
		0);
	assert_hex_equal(out, "4b007901b765489abead49d926f721d065a429c1");
	assert_int_equal(crypto_pbkdf2_sha1(slice_text("passwordPASSWORDpassword"),
					    slice_text("saltSALTsaltSALTsaltSALTsaltSALTsalt"),
					    4096, out, 25, &err),
			 0);
	assert_hex_equal(out, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
}

static void pbkdf2_agrees_with_openssl_around_the_block_length(void **state)
{
	const size_t lens[] = {0, 1, 63, 64, 65, 128, 300};
	struct err err = ERR_INIT;
	uint8_t password[300], ours[100], theirs[100];
	size_t i;

	for (i = 0; i < sizeof(password); i++)
		password[i] = (uint8_t)(i * 7);
	for (i = 0; i < ARRAY_COUNT(lens); i++) {
		struct slice salt = slice_of(password, 300 - lens[i]);

		assert_int_equal(crypto_pbkdf2_sha256(slice_of(password, lens[i]), salt, 5, ours,
						      sizeof(ours), &err),
				 0);
		assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)password, (int)lens[i], salt.bytes,
						   (int)salt.len, 5, EVP_sha256(), sizeof(theirs),
						   theirs),
				 1);
		assert_memory_equal(ours, theirs, sizeof(ours));
		assert_int_equal(crypto_pbkdf2_sha1(slice_of(password, lens[i]), salt, 5, ours,
						    sizeof(ours), &err),
				 0);
		assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)password, (int)lens[i], salt.bytes,
						   (int)salt.len, 5, EVP_sha1(), sizeof(theirs),
						   theirs),
				 1);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static void pbkdf2_refuses_no_rounds_and_endless_salts(void **state)
{
	static const uint8_t salt[2000];
	struct err err = ERR_INIT;
	uint8_t out[32];

	assert_int_equal(crypto_pbkdf2_sha256(slice_text("a"), slice_text("b"), 0, out, 32, &err),
			 ERR_USAGE);
	assert_int_equal(crypto_pbkdf2_sha256(slice_text("a"), slice_of(salt, sizeof(salt)), 1, out,
					      32, &err),
			 ERR_LIMIT);
}

static void hkdf_matches_rfc_5869(void **state)
{
	struct bytes salt = from_hex("000102030405060708090a0b0c");
	struct err err = ERR_INIT;
	uint8_t key[22], out[42];

	memset(key, 0x0b, sizeof(key));
	assert_int_equal(crypto_hkdf(slice_of(key, 22), bytes_slice(&salt),
				     "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9", out, 42, &err),
			 0);
	assert_hex_equal(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
			      "34007208d5b887185865");
	assert_int_equal(crypto_hkdf(slice_of(key, 22), SLICE_EMPTY, "", out, 42, &err), 0);
	assert_hex_equal(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
			      "9d201395faa4b61a96c8");
}

/* the expected bytes are those of the reference program: argon2 -id -t 2 -k 64 -p 1 */
static void argon2id_matches_the_reference_and_refuses_the_absurd(void **state)
{
	struct err err = ERR_INIT;
	const uint8_t *salt = (const uint8_t *)"0123456789abcdef";
	uint8_t out[32];

	assert_int_equal(crypto_argon2id(slice_text("password"), salt, 2, 64 << 10, out, 32, &err),
			 0);
	assert_hex_equal(out, "fb83b5711fd91df630b63677dee62ccd13ee6f0c4897d856b49542b9b1e9975b");
	assert_int_equal(crypto_argon2id(slice_text("password"), salt, 0, 64 << 10, out, 32, &err),
			 ERR_LIMIT);
	assert_int_equal(crypto_argon2id(slice_text("password"), salt, 2, 16, out, 32, &err),
			 ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keybag_keys_are_derived_as_the_format_says),
		cmocka_unit_test(pbkdf2_matches_rfc_6070),
		cmocka_unit_test(pbkdf2_agrees_with_openssl_around_the_block_length),
		cmocka_unit_test(pbkdf2_refuses_no_rounds_and_endless_salts),
		cmocka_unit_test(hkdf_matches_rfc_5869),
		cmocka_unit_test(argon2id_matches_the_reference_and_refuses_the_absurd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
