/* crypto: SCEP, with both sides of each message */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/identity_internal.h"
#include "crypto/testing_identity.h"

/* a new key and its self-signed certificate, for all tests: making one takes long */
static struct pair temporary;

/* a device's side of one exchange */
struct exchange {
	struct buf csr, message, answer;
	struct crypto_scep_wish wish;
	struct crypto_scep_request request;
};

static void exchange_clear(struct exchange *exchange)
{
	buf_clear(&exchange->csr);
	buf_clear(&exchange->message);
	buf_clear(&exchange->answer);
	crypto_scep_request_clear(&exchange->request);
}

static void exchange_init(struct exchange *exchange, enum crypto_scep_cipher cipher)
{
	struct err err = ERR_INIT;

	*exchange = (struct exchange){
		.csr = BUF_INIT(CRYPTO_SCEP_MAX),
		.message = BUF_INIT(CRYPTO_SCEP_MAX),
		.answer = BUF_INIT(CRYPTO_SCEP_MAX),
	};
	crypto_scep_request_init(&exchange->request);
	assert_int_equal(
		crypto_csr_make(&exchange->csr, temporary.key, "new", NULL, "challenge", &err), 0);
	exchange->wish = (struct crypto_scep_wish){
		.type = CRYPTO_SCEP_PKCS_REQ,
		.csr = buf_slice(&exchange->csr),
		.key = temporary.key,
		.signer = temporary.cert,
		.ra = testing_ra.cert,
		.transaction_id = "17AF",
		.sender_nonce = {1, 2, 3},
		.cipher = cipher,
	};
}

static void exchange_send(struct exchange *exchange)
{
	struct err err = ERR_INIT;

	buf_truncate(&exchange->message, 0);
	assert_int_equal(
		crypto_scep_request_make(&exchange->message, &exchange->wish, TESTING_NOW, &err),
		0);
	assert_int_equal(crypto_scep_request_read(&exchange->request, buf_slice(&exchange->message),
						  0, &err),
			 0);
}

/* what the CA's side answers, with @issued as the new certificate (or NULL: a failure) */
static int exchange_reply(struct exchange *exchange, const struct pair *issued,
			  enum crypto_scep_cipher cipher)
{
	const struct crypto_scep_reply reply = {
		.status = issued ? CRYPTO_SCEP_SUCCESS : CRYPTO_SCEP_FAILURE,
		.fail = CRYPTO_SCEP_BAD_MESSAGE_CHECK,
		.transaction_id = exchange->request.transaction_id,
		.recipient_nonce = exchange->request.sender_nonce,
		.requester = buf_slice(&exchange->request.signer),
		.issued = issued ? issued->cert : NULL,
		.cipher = cipher,
	};
	struct err err = ERR_INIT;

	buf_truncate(&exchange->answer, 0);
	return crypto_scep_reply_make(&exchange->answer, &reply, testing_ca.cert, testing_ra.cert,
				      testing_ra.key, TESTING_NOW, &err);
}

static int open_request(const struct exchange *exchange, unsigned flags, struct buf *payload,
			enum crypto_scep_cipher *cipher)
{
	struct err err = ERR_INIT;

	return crypto_scep_open(buf_slice(&exchange->request.enveloped), testing_ra.cert,
				testing_ra.key, flags, payload, cipher, &err);
}

/* a certificate for the temporary key, whose owner stays the same */
static struct pair issue_for_temporary(void)
{
	struct pair issued = {.key = temporary.key};

	assert_int_equal(issue(&issued, &testing_ca, CRYPTO_ROLE_DEVICE, "issued", 365), 0);
	return issued;
}

static void a_device_gets_its_certificate_with_every_cipher(void **state)
{
	const enum crypto_scep_cipher ciphers[] = {CRYPTO_SCEP_AES128, CRYPTO_SCEP_AES192,
						   CRYPTO_SCEP_AES256, CRYPTO_SCEP_3DES};
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ciphers); i++) {
		CLEANUP(exchange_clear) struct exchange exchange;
		CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
		CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
		enum crypto_scep_cipher cipher = CRYPTO_SCEP_DES;
		struct pair issued;

		exchange_init(&exchange, ciphers[i]);
		exchange_send(&exchange);
		assert_int_equal(exchange.request.type, CRYPTO_SCEP_PKCS_REQ);
		assert_string_equal(exchange.request.transaction_id, "17AF");
		assert_int_equal(exchange.request.sender_nonce.len, CRYPTO_SCEP_NONCE_LEN);
		assert_true(slice_equal(buf_slice(&exchange.request.signer),
					crypto_cert_bytes(temporary.cert)));
		assert_int_equal(open_request(&exchange, 0, &payload, &cipher), 0);
		assert_int_equal(cipher, ciphers[i]);
		assert_true(slice_equal(buf_slice(&payload), buf_slice(&exchange.csr)));

		issued = issue_for_temporary();
		assert_int_equal(exchange_reply(&exchange, &issued, cipher), 0);
		crypto_scep_answer_init(&answer);
		assert_int_equal(crypto_scep_answer_read(&answer, buf_slice(&exchange.answer),
							 &exchange.wish, &err),
				 0);
		assert_int_equal(answer.status, CRYPTO_SCEP_SUCCESS);
		assert_true(slice_equal(buf_slice(&answer.cert), crypto_cert_bytes(issued.cert)));
		crypto_cert_free(issued.cert);
	}
}

static void a_renewal_is_signed_by_the_current_certificate(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
	struct err err = ERR_INIT;
	struct pair issued;

	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange.wish.type = CRYPTO_SCEP_RENEWAL_REQ;
	exchange.wish.key = testing_device.key;
	exchange.wish.signer = testing_device.cert;
	exchange_send(&exchange);
	assert_int_equal(exchange.request.type, CRYPTO_SCEP_RENEWAL_REQ);
	assert_true(slice_equal(buf_slice(&exchange.request.signer),
				crypto_cert_bytes(testing_device.cert)));
	/* the answer is enveloped for the current key and holds the new one's certificate */
	issued = issue_for_temporary();
	assert_int_equal(exchange_reply(&exchange, &issued, CRYPTO_SCEP_AES128), 0);
	crypto_scep_answer_init(&answer);
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &exchange.wish, &err),
		0);
	assert_true(slice_equal(buf_slice(&answer.cert), crypto_cert_bytes(issued.cert)));
	crypto_cert_free(issued.cert);
}

/* clients that stand on OpenSSL want a content, were it empty */
static bool openssl_verifies(const struct buf *answer)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	const uint8_t *at = answer->bytes;

	message = d2i_PKCS7(NULL, &at, (long)answer->len);
	return PKCS7_verify(message, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) == 1;
}

static void without_content(struct buf *answer)
{
	CLEANUP(pkcs7_free_p) PKCS7 *message = NULL;
	const uint8_t *at = answer->bytes;
	struct err err = ERR_INIT;
	uint8_t *bytes = NULL;
	int len;

	message = d2i_PKCS7(NULL, &at, (long)answer->len);
	assert_int_equal(PKCS7_set_detached(message, 1), 1);
	len = i2d_PKCS7(message, &bytes);
	buf_truncate(answer, 0);
	assert_int_equal(append_owned(answer, bytes, len, &err), 0);
}

static void refusals_and_delays_reach_the_device(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
	struct crypto_scep_reply pending = {.status = CRYPTO_SCEP_PENDING};
	struct err err = ERR_INIT;

	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange_send(&exchange);
	crypto_scep_answer_init(&answer);
	assert_int_equal(exchange_reply(&exchange, NULL, CRYPTO_SCEP_AES128), 0);
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &exchange.wish, &err),
		0);
	assert_int_equal(answer.status, CRYPTO_SCEP_FAILURE);
	assert_int_equal(answer.fail, CRYPTO_SCEP_BAD_MESSAGE_CHECK);
	assert_int_equal(answer.cert.len, 0);
	assert_true(openssl_verifies(&exchange.answer));

	pending.transaction_id = exchange.request.transaction_id;
	pending.recipient_nonce = exchange.request.sender_nonce;
	buf_truncate(&exchange.answer, 0);
	assert_int_equal(crypto_scep_reply_make(&exchange.answer, &pending, testing_ca.cert,
						testing_ra.cert, testing_ra.key, TESTING_NOW, &err),
			 0);
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &exchange.wish, &err),
		0);
	assert_int_equal(answer.status, CRYPTO_SCEP_PENDING);
	/* as the RFC has it: without any content */
	without_content(&exchange.answer);
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &exchange.wish, &err),
		0);
	assert_int_equal(answer.status, CRYPTO_SCEP_PENDING);
}

static void an_answer_for_another_request_is_refused(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
	struct crypto_scep_wish other;
	struct err err = ERR_INIT;
	struct pair issued;

	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange_send(&exchange);
	issued = issue_for_temporary();
	assert_int_equal(exchange_reply(&exchange, &issued, CRYPTO_SCEP_AES128), 0);
	crypto_cert_free(issued.cert);
	crypto_scep_answer_init(&answer);

	other = exchange.wish;
	other.sender_nonce[0] ^= 1;
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &other, &err),
		CRYPTO_BAD_TAG);
	other = exchange.wish;
	other.transaction_id = "17AE";
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &other, &err),
		CRYPTO_BAD_TAG);
	other = exchange.wish;
	other.ra = testing_ca.cert; /* whoever has a certificate of the CA is not its RA */
	assert_int_equal(
		crypto_scep_answer_read(&answer, buf_slice(&exchange.answer), &other, &err),
		CRYPTO_BAD_TAG);
	assert_int_equal(answer.cert.len, 0);
}

static void another_key_than_the_ras_opens_nothing(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	enum crypto_scep_cipher cipher;
	struct err err = ERR_INIT;
	struct slice enveloped;
	int r;

	exchange_init(&exchange, CRYPTO_SCEP_AES256);
	exchange_send(&exchange);
	enveloped = buf_slice(&exchange.request.enveloped);
	assert_int_equal(crypto_scep_open(enveloped, testing_ca.cert, testing_ca.key, 0, &payload,
					  &cipher, &err),
			 ERR_PROTOCOL);
	/* one random key in some 250 ends in a padding that looks right: then in no request */
	r = crypto_scep_open(enveloped, testing_ra.cert, testing_ca.key, 0, &payload, &cipher,
			     &err);
	if (r == 0)
		assert_false(slice_equal(buf_slice(&payload), buf_slice(&exchange.csr)));
	else
		assert_int_equal(r, CRYPTO_BAD_TAG);
}

static void a_changed_request_is_answerable_or_refused(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	struct err err = ERR_INIT;
	size_t i, bad_tags = 0;
	int r;

	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange_send(&exchange);
	for (i = 0; i < exchange.message.len; i++) {
		exchange.message.bytes[i] ^= 1;
		r = crypto_scep_request_read(&exchange.request, buf_slice(&exchange.message), 0,
					     &err);
		exchange.message.bytes[i] ^= 1;
		if (r == 0) /* bytes that nobody signs: of the temporary certificate */
			continue;
		assert_int_equal(exchange.request.enveloped.len, 0);
		if (r == CRYPTO_BAD_TAG) {
			bad_tags++;
			assert_true(exchange.request.sender_nonce.len > 0);
			assert_true(exchange.request.signer.len > 0);
		}
	}
	assert_true(bad_tags > exchange.message.len / 4);
}

static void cut_lengthened_and_huge_messages_are_refused(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(buf_clear) struct buf huge = BUF_INIT(CRYPTO_SCEP_MAX + 1);
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
	enum crypto_scep_cipher cipher;
	struct err err = ERR_INIT;
	struct slice enveloped;
	size_t i;

	crypto_scep_answer_init(&answer);
	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange_send(&exchange);
	enveloped = buf_slice(&exchange.request.enveloped);
	for (i = 0; i < enveloped.len; i += 11)
		assert_true(crypto_scep_open(slice_of(enveloped.bytes, i), testing_ra.cert,
					     testing_ra.key, 0, &payload, &cipher, &err) != 0);
	assert_int_equal(payload.len, 0);
	assert_int_equal(exchange_reply(&exchange, NULL, CRYPTO_SCEP_AES128), 0);
	for (i = 0; i < exchange.answer.len; i += 11)
		assert_true(crypto_scep_answer_read(&answer, slice_of(exchange.answer.bytes, i),
						    &exchange.wish, &err) < 0);
	for (i = 0; i < exchange.message.len; i += 11)
		assert_true(crypto_scep_request_read(&exchange.request,
						     slice_of(exchange.message.bytes, i), 0,
						     &err) < 0);
	assert_int_equal(buf_append_u8(&exchange.message, 0, &err), 0);
	assert_int_equal(
		crypto_scep_request_read(&exchange.request, buf_slice(&exchange.message), 0, &err),
		ERR_PROTOCOL);
	assert_int_equal(buf_reserve(&huge, CRYPTO_SCEP_MAX + 1, &err), 0);
	memset(huge.bytes, 0x30, CRYPTO_SCEP_MAX + 1);
	huge.len = CRYPTO_SCEP_MAX + 1;
	assert_int_equal(crypto_scep_request_read(&exchange.request, buf_slice(&huge), 0, &err),
			 ERR_LIMIT);
	assert_int_equal(crypto_scep_answer_read(&answer, buf_slice(&huge), &exchange.wish, &err),
			 ERR_LIMIT);
	assert_int_equal(crypto_scep_open(buf_slice(&huge), testing_ra.cert, testing_ra.key, 0,
					  &payload, &cipher, &err),
			 ERR_LIMIT);
}

/* rewrite the request's EnvelopedData with @change and sign the whole anew */
static void resend(struct exchange *exchange, void (*change)(PKCS7 *enveloped))
{
	CLEANUP(pkcs7_free_p) PKCS7 *enveloped = NULL, *message = NULL;
	CLEANUP(buf_clear) struct buf content = BUF_INIT(CRYPTO_SCEP_MAX);
	const uint8_t *at = exchange->request.enveloped.bytes;
	struct err err = ERR_INIT;
	uint8_t *bytes = NULL;
	int len;

	enveloped = d2i_PKCS7(NULL, &at, (long)exchange->request.enveloped.len);
	change(enveloped);
	len = i2d_PKCS7(enveloped, &bytes);
	assert_int_equal(append_owned(&content, bytes, len, &err), 0);
	assert_int_equal(signed_begin(&message, temporary.cert, temporary.key, TESTING_NOW, &err),
			 0);
	assert_true(scep_add_text(message, SCEP_MESSAGE_TYPE, "19") &&
		    scep_add_bytes(message, SCEP_SENDER_NONCE, (const uint8_t *)"0123456789abcdef",
				   16) &&
		    scep_add_text(message, SCEP_TRANSACTION_ID, "x"));
	buf_truncate(&exchange->message, 0);
	assert_int_equal(
		signed_finish(message, buf_slice(&content), false, &exchange->message, &err), 0);
	assert_int_equal(crypto_scep_request_read(&exchange->request, buf_slice(&exchange->message),
						  0, &err),
			 0);
}

static void drop_parameters(PKCS7 *enveloped)
{
	PKCS7_RECIP_INFO *to = sk_PKCS7_RECIP_INFO_value(enveloped->d.enveloped->recipientinfo, 0);

	assert_int_equal(to->key_enc_algor->parameter->type, V_ASN1_NULL);
	X509_ALGOR_set0(to->key_enc_algor, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_UNDEF, NULL);
	assert_null(to->key_enc_algor->parameter);
}

static void say_oaep(PKCS7 *enveloped)
{
	PKCS7_RECIP_INFO *to = sk_PKCS7_RECIP_INFO_value(enveloped->d.enveloped->recipientinfo, 0);

	X509_ALGOR_set0(to->key_enc_algor, OBJ_nid2obj(NID_rsaesOaep), V_ASN1_UNDEF, NULL);
}

static void say_rc2(PKCS7 *enveloped)
{
	X509_ALGOR_set0(enveloped->d.enveloped->enc_data->algorithm, OBJ_nid2obj(NID_rc2_cbc),
			V_ASN1_NULL, NULL);
}

static void shorten_iv(PKCS7 *enveloped)
{
	ASN1_OCTET_STRING *iv =
		enveloped->d.enveloped->enc_data->algorithm->parameter->value.octet_string;

	assert_int_equal(ASN1_STRING_set(iv, "1234", 4), 1);
}

static void drop_content(PKCS7 *enveloped)
{
	ASN1_OCTET_STRING_free(STEAL(enveloped->d.enveloped->enc_data->enc_data));
}

static void parameters_may_be_absent_and_other_algorithms_are_named_bad(void **state)
{
	const struct {
		void (*change)(PKCS7 *);
		int expected;
	} cases[] = {
		{drop_parameters, 0},
		{say_oaep, CRYPTO_BAD_ALGORITHM},
		{say_rc2, CRYPTO_BAD_ALGORITHM},
		{shorten_iv, CRYPTO_BAD_ALGORITHM},
		{drop_content, ERR_PROTOCOL},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(exchange_clear) struct exchange exchange;
		CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
		enum crypto_scep_cipher cipher;

		exchange_init(&exchange, CRYPTO_SCEP_AES128);
		exchange_send(&exchange);
		resend(&exchange, cases[i].change);
		assert_int_equal(open_request(&exchange, CRYPTO_ALLOW_WEAK, &payload, &cipher),
				 cases[i].expected);
	}
}

/* encipher the request with single DES, which only lives on as triple DES with one key */
static void use_des(PKCS7 *enveloped)
{
	PKCS7_RECIP_INFO *to = sk_PKCS7_RECIP_INFO_value(enveloped->d.enveloped->recipientinfo, 0);
	PKCS7_ENC_CONTENT *content = enveloped->d.enveloped->enc_data;
	const uint8_t key[24] = "k.e.y.1.k.e.y.1.k.e.y.1";
	uint8_t three[24], out[64], iv[8] = "initial", wrapped[512];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_PKEY_CTX *rsa = EVP_PKEY_CTX_new(X509_get0_pubkey(testing_ra.cert->x509), NULL);
	ASN1_OCTET_STRING *text = ASN1_OCTET_STRING_new();
	size_t wrapped_len = sizeof(wrapped);
	int first, last, i;

	for (i = 0; i < 24; i++)
		three[i] = key[i % 8];
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_des_ede3_cbc(), NULL, three, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &first, (const uint8_t *)"by DES", 6), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, out + first, &last), 1);
	assert_int_equal(EVP_PKEY_encrypt_init(rsa), 1);
	assert_int_equal(EVP_PKEY_encrypt(rsa, wrapped, &wrapped_len, key, 8), 1);
	ASN1_STRING_set(text, iv, 8);
	X509_ALGOR_set0(content->algorithm, OBJ_nid2obj(NID_des_cbc), V_ASN1_OCTET_STRING, text);
	ASN1_STRING_set(content->enc_data, out, first + last);
	ASN1_STRING_set(to->enc_key, wrapped, (int)wrapped_len);
	EVP_CIPHER_CTX_free(ctx);
	EVP_PKEY_CTX_free(rsa);
}

static void single_des_needs_the_operators_word(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	enum crypto_scep_cipher cipher;

	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange_send(&exchange);
	resend(&exchange, use_des);
	assert_int_equal(open_request(&exchange, 0, &payload, &cipher), CRYPTO_BAD_ALGORITHM);
	assert_int_equal(open_request(&exchange, CRYPTO_ALLOW_WEAK, &payload, &cipher), 0);
	assert_int_equal(cipher, CRYPTO_SCEP_DES);
	assert_true(slice_equal(buf_slice(&payload), slice_text("by DES")));
}

static void an_elliptic_key_cannot_be_answered(void **state)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(pair_clear)
	struct pair ec = make_pair(CRYPTO_KEY_EC_P256, NULL, CRYPTO_ROLE_DEVICE, "ec");

	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange.wish.key = ec.key;
	exchange.wish.signer = ec.cert;
	exchange_send(&exchange);
	assert_int_equal(exchange_reply(&exchange, &ec, CRYPTO_SCEP_AES128), CRYPTO_BAD_ALGORITHM);
	assert_int_equal(exchange.answer.len, 0);
	assert_int_equal(exchange_reply(&exchange, NULL, CRYPTO_SCEP_AES128), 0);
}

static void a_ca_speaks_through_its_ra_or_for_itself(void **state)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *ra = NULL, *ca = NULL, *alone = NULL;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_SCEP_MAX);
	struct err err = ERR_INIT;

	assert_int_equal(crypto_scep_ca_reply(&der, testing_ra.cert, testing_ca.cert, &err), 0);
	assert_int_equal(crypto_scep_ca_read(buf_slice(&der), &ra, &ca, &err), 0);
	assert_true(slice_equal(crypto_cert_bytes(ra), crypto_cert_bytes(testing_ra.cert)));
	assert_true(slice_equal(crypto_cert_bytes(ca), crypto_cert_bytes(testing_ca.cert)));
	crypto_cert_free(STEAL(ra));
	assert_int_equal(crypto_scep_ca_read(crypto_cert_bytes(testing_ca.cert), &ra, &alone, &err),
			 0);
	assert_null(ra);
	buf_truncate(&der, der.len - 1);
	assert_int_equal(crypto_scep_ca_read(buf_slice(&der), &ra, &alone, &err), ERR_PROTOCOL);
}

static int setup(void **state)
{
	testing_setup(state);
	temporary = make_pair(CRYPTO_KEY_RSA_2048, NULL, CRYPTO_ROLE_DEVICE, "new");
	return 0;
}

static int teardown(void **state)
{
	pair_clear(&temporary);
	return testing_teardown(state);
}

/* in a process that can open no file any more, as workers and the key holder are */
static void without_files(void)
{
	CLEANUP(exchange_clear) struct exchange exchange;
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	const struct rlimit none = {0, 0};
	enum crypto_scep_cipher cipher;
	struct pair issued;

	setrlimit(RLIMIT_NOFILE, &none);
	assert_int_equal(open("/dev/null", O_RDONLY), -1);
	exchange_init(&exchange, CRYPTO_SCEP_AES128);
	exchange_send(&exchange);
	assert_int_equal(open_request(&exchange, 0, &payload, &cipher), 0);
	issued = issue_for_temporary();
	assert_int_equal(exchange_reply(&exchange, &issued, CRYPTO_SCEP_AES128), 0);
	crypto_cert_free(issued.cert);
}

static void all_of_it_works_in_a_process_without_files(void **state)
{
	struct err err = ERR_INIT;
	int status = -1;
	pid_t child;

	assert_int_equal(crypto_start(&err), 0);
	child = fork();
	if (child == 0) {
		without_files();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_gets_its_certificate_with_every_cipher),
		cmocka_unit_test(a_renewal_is_signed_by_the_current_certificate),
		cmocka_unit_test(refusals_and_delays_reach_the_device),
		cmocka_unit_test(an_answer_for_another_request_is_refused),
		cmocka_unit_test(another_key_than_the_ras_opens_nothing),
		cmocka_unit_test(a_changed_request_is_answerable_or_refused),
		cmocka_unit_test(cut_lengthened_and_huge_messages_are_refused),
		cmocka_unit_test(parameters_may_be_absent_and_other_algorithms_are_named_bad),
		cmocka_unit_test(single_des_needs_the_operators_word),
		cmocka_unit_test(an_elliptic_key_cannot_be_answered),
		cmocka_unit_test(a_ca_speaks_through_its_ra_or_for_itself),
		cmocka_unit_test(all_of_it_works_in_a_process_without_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
