/* crypto: signed messages, base64 of devices, sealing */
#include "crypto/identity_internal.h"
#include "crypto/testing_identity.h"

static void sign(struct buf *der, struct slice content, const struct pair *signer, unsigned flags)
{
	const struct crypto_cert *chain[] = {testing_ca.cert};
	struct err err = ERR_INIT;

	assert_int_equal(crypto_signed_make(der, content, signer->cert, signer->key, chain, 1,
					    TESTING_NOW, flags, &err),
			 0);
}

static void an_attached_message_gives_back_content_and_signer(void **state)
{
	CLEANUP(pair_clear)
	struct pair ec = make_pair(CRYPTO_KEY_EC_P256, &testing_ca, CRYPTO_ROLE_DEVICE, "ec");
	const struct pair *signers[] = {&testing_device, &ec};
	const char *contents[] = {"<plist/>\n", "\r\n\n\r", ""};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(signers) * ARRAY_COUNT(contents); i++) {
		CLEANUP(crypto_signed_clear) struct crypto_signed sig;
		CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SIGNED_MAX);
		const struct pair *signer = signers[i % 2];
		struct slice content = slice_text(contents[i / 2]);

		crypto_signed_init(&sig);
		sign(&der, content, signer, 0);
		assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), SLICE_EMPTY, 0, &err),
				 0);
		assert_true(slice_equal(buf_slice(&sig.content), content));
		assert_true(slice_equal(buf_slice(&sig.signer), crypto_cert_bytes(signer->cert)));
	}
}

static void a_detached_signature_holds_for_its_exact_content_only(void **state)
{
	CLEANUP(crypto_signed_clear) struct crypto_signed sig;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SIGNED_MAX);
	CLEANUP(buf_clear) struct buf attached = BUF_INIT(CRYPTO_SIGNED_MAX);
	struct slice body = slice_text("a body\r\n");
	struct err err = ERR_INIT;

	crypto_signed_init(&sig);
	sign(&der, body, &testing_device, CRYPTO_SIGNED_DETACHED);
	assert_int_equal(
		crypto_signed_open(&sig, buf_slice(&der), body, CRYPTO_SIGNED_DETACHED, &err), 0);
	assert_true(slice_equal(buf_slice(&sig.signer), crypto_cert_bytes(testing_device.cert)));
	assert_int_equal(sig.content.len, 0);
	assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), slice_text("a body\n"),
					    CRYPTO_SIGNED_DETACHED, &err),
			 CRYPTO_BAD_TAG);
	assert_int_equal(sig.signer.len, 0);
	assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), SLICE_EMPTY,
					    CRYPTO_SIGNED_DETACHED, &err),
			 CRYPTO_BAD_TAG);
	assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), SLICE_EMPTY, 0, &err),
			 CRYPTO_BAD_TAG);
	/* a header that brings its own content does not speak of the body */
	sign(&attached, slice_text("other"), &testing_device, 0);
	assert_int_equal(
		crypto_signed_open(&sig, buf_slice(&attached), body, CRYPTO_SIGNED_DETACHED, &err),
		ERR_PROTOCOL);
}

static void a_cut_or_changed_message_never_says_something_else(void **state)
{
	CLEANUP(crypto_signed_clear) struct crypto_signed sig;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SIGNED_MAX);
	struct slice content = slice_text("the content that is signed");
	struct err err = ERR_INIT;
	size_t i;
	int r;

	crypto_signed_init(&sig);
	sign(&der, content, &testing_device, 0);
	for (i = 0; i < der.len; i += 7)
		assert_true(crypto_signed_open(&sig, slice_of(der.bytes, i), SLICE_EMPTY, 0, &err) <
			    0);
	for (i = 0; i < der.len; i++) {
		der.bytes[i] ^= 1;
		r = crypto_signed_open(&sig, buf_slice(&der), SLICE_EMPTY, 0, &err);
		der.bytes[i] ^= 1;
		/* what opens all the same says the same: the change was in a certificate or version
		 */
		if (r == 0)
			assert_true(slice_equal(buf_slice(&sig.content), content));
	}
	assert_int_equal(buf_append_u8(&der, 0, &err), 0);
	assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), SLICE_EMPTY, 0, &err),
			 ERR_PROTOCOL);
	assert_int_equal(crypto_signed_open(&sig, SLICE_EMPTY, SLICE_EMPTY, 0, &err), ERR_LIMIT);
}

/* a message as others make it: any digest, attributes or none */
static void sign_otherwise(struct buf *der, const char *content, const EVP_MD *md, int flags)
{
	BIO *bio = BIO_new_mem_buf(content, -1);
	PKCS7 *message = PKCS7_sign(NULL, NULL, NULL, bio, PKCS7_BINARY | PKCS7_PARTIAL);
	struct err err = ERR_INIT;
	uint8_t *bytes = NULL;
	int len;

	assert_non_null(PKCS7_sign_add_signer(message, testing_device.cert->x509,
					      testing_device.key->pkey, md, flags));
	assert_int_equal(PKCS7_final(message, bio, PKCS7_BINARY), 1);
	len = i2d_PKCS7(message, &bytes);
	assert_int_equal(append_owned(der, bytes, len, &err), 0);
	PKCS7_free(message);
	BIO_free(bio);
}

static void digests_are_those_on_the_list(void **state)
{
	const struct {
		const EVP_MD *md;
		int flags;
		unsigned allow;
		int expected;
	} cases[] = {
		{EVP_sha256(), PKCS7_NOATTR, 0, 0},
		{EVP_sha384(), 0, 0, 0},
		{EVP_sha512(), 0, 0, 0},
		{EVP_sha1(), 0, 0, CRYPTO_BAD_ALGORITHM},
		{EVP_sha1(), 0, CRYPTO_ALLOW_WEAK, 0},
		{EVP_md5(), 0, CRYPTO_ALLOW_WEAK, CRYPTO_BAD_ALGORITHM},
		{EVP_sha256(), PKCS7_NOCERTS, 0, ERR_PROTOCOL},
	};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(crypto_signed_clear) struct crypto_signed sig;
		CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SIGNED_MAX);

		crypto_signed_init(&sig);
		sign_otherwise(&der, "text", cases[i].md, cases[i].flags);
		assert_int_equal(crypto_signed_open(&sig, buf_slice(&der), SLICE_EMPTY,
						    cases[i].allow, &err),
				 cases[i].expected);
	}
}

/* lengths left open and the content in pieces, as encoders that stream write it */
static void a_streamed_message_is_the_same(void **state)
{
	const int flags = PKCS7_BINARY | PKCS7_STREAM;
	CLEANUP(crypto_signed_clear) struct crypto_signed sig;
	static uint8_t content[3000];
	BIO *in = BIO_new_mem_buf(content, sizeof(content)), *out = BIO_new(BIO_s_mem());
	struct err err = ERR_INIT;
	PKCS7 *message;
	char *bytes;
	long len;

	memset(content, 'x', sizeof(content));
	message = PKCS7_sign(testing_device.cert->x509, testing_device.key->pkey, NULL, in, flags);
	assert_non_null(message);
	assert_int_equal(i2d_PKCS7_bio_stream(out, message, in, flags), 1);
	len = BIO_get_mem_data(out, &bytes);
	assert_int_equal((uint8_t)bytes[1], 0x80); /* an open length */
	crypto_signed_init(&sig);
	assert_int_equal(
		crypto_signed_open(&sig, slice_of(bytes, (size_t)len), SLICE_EMPTY, 0, &err), 0);
	assert_true(slice_equal(buf_slice(&sig.content), slice_of(content, sizeof(content))));
	PKCS7_free(message);
	BIO_free(in);
	BIO_free(out);
}

static void base64_is_read_in_both_alphabets(void **state)
{
	const struct {
		const char *text, *hex;
	} good[] = {
		{"", ""},
		{"Zg==", "66"},
		{"Zg", "66"},
		{"Zm8=", "666f"},
		{"Zm8", "666f"},
		{"Zm9v", "666f6f"},
		{"+/+/", "fbffbf"},
		{"-_-_", "fbffbf"},
		{"Zm9v\r\n Zg==\n", "666f6f66"},
		{"Zm9vYmE", "666f6f6261"},
	};
	const char *bad[] = {
		"Z", "Zg=", "Zg===", "=", "Zg==Zg==", "Zm9v=", "Z%3D", "Zm9vY", "\xff"};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(good); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(strlen(good[i].hex) / 2);

		assert_int_equal(crypto_base64_read(&out, slice_text(good[i].text), &err), 0);
		assert_int_equal(out.len, strlen(good[i].hex) / 2);
		assert_hex_equal(out.bytes, good[i].hex);
	}
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(100);

		assert_int_equal(crypto_base64_read(&out, slice_text(bad[i]), &err), ERR_PROTOCOL);
		assert_int_equal(out.len, 0);
	}
	CLEANUP(buf_clear) struct buf small = BUF_INIT(2);

	assert_int_equal(crypto_base64_read(&small, slice_text("Zm9v"), &err), ERR_LIMIT);
	assert_int_equal(small.len, 0);
}

static void base64_is_written_padded_and_wholly_or_not_at_all(void **state)
{
	static const struct {
		const char *bytes, *text;
		size_t len;
	} rows[] = {{"", "", 0},        {"f", "Zg==", 1},        {"fo", "Zm8=", 2},
		    {"foo", "Zm9v", 3}, {"foob", "Zm9vYg==", 4}, {"\xff\xfe\xff", "//7/", 3},
		    {"\0\0", "AAA=", 2}};
	CLEANUP(buf_clear) struct buf small = BUF_INIT(6);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(64);

		assert_int_equal(
			crypto_base64_write(&out, slice_of(rows[i].bytes, rows[i].len), &err), 0);
		assert_true(slice_equal(buf_slice(&out), slice_text(rows[i].text)));
	}
	assert_int_equal(crypto_base64_write(&small, slice_text("four"), &err), ERR_LIMIT);
	assert_int_equal(small.len, 0);
}

static void sealed_bytes_open_with_the_one_key_only(void **state)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(1000);
	CLEANUP(buf_wipe) struct buf open = BUF_INIT(1000);
	uint8_t public_key[CRYPTO_SEAL_KEY_LEN], private_key[CRYPTO_SEAL_KEY_LEN];
	uint8_t again[CRYPTO_SEAL_KEY_LEN], other[CRYPTO_SEAL_KEY_LEN];
	struct err err = ERR_INIT;

	assert_int_equal(crypto_seal_keys(public_key, other, &err), 0);
	assert_int_equal(crypto_seal_keys(public_key, private_key, &err), 0);
	assert_int_equal(crypto_seal_public(private_key, again, &err), 0);
	assert_memory_equal(public_key, again, sizeof(again));

	assert_int_equal(crypto_seal(public_key, slice_text("unlock token"), &sealed, &err), 0);
	assert_int_equal(sealed.len, 12 + CRYPTO_SEAL_OVERHEAD);
	assert_int_equal(crypto_seal_open(other, buf_slice(&sealed), &open, &err), CRYPTO_BAD_TAG);
	assert_int_equal(crypto_seal_open(private_key, slice_of(sealed.bytes, 47), &open, &err),
			 CRYPTO_BAD_TAG);
	assert_int_equal(open.len, 0);
	assert_int_equal(crypto_seal_open(private_key, buf_slice(&sealed), &open, &err), 0);
	assert_true(slice_equal(buf_slice(&open), slice_text("unlock token")));
	sealed.bytes[20] ^= 1;
	assert_int_equal(crypto_seal_open(private_key, buf_slice(&sealed), &open, &err),
			 CRYPTO_BAD_TAG);

	buf_truncate(&sealed, 0);
	buf_truncate(&open, 0);
	assert_int_equal(crypto_seal(public_key, SLICE_EMPTY, &sealed, &err), 0);
	assert_int_equal(crypto_seal_open(private_key, buf_slice(&sealed), &open, &err), 0);
	assert_int_equal(open.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attached_message_gives_back_content_and_signer),
		cmocka_unit_test(a_detached_signature_holds_for_its_exact_content_only),
		cmocka_unit_test(a_cut_or_changed_message_never_says_something_else),
		cmocka_unit_test(digests_are_those_on_the_list),
		cmocka_unit_test(a_streamed_message_is_the_same),
		cmocka_unit_test(base64_is_read_in_both_alphabets),
		cmocka_unit_test(base64_is_written_padded_and_wholly_or_not_at_all),
		cmocka_unit_test(sealed_bytes_open_with_the_one_key_only),
	};

	return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
