/*
 * fuzz_scep - what a SCEP client sends, a SCEP server answers, and either carries inside
 *
 * The first byte chooses what the rest is taken for.  Keys are EC, or derived, as making RSA keys
 * takes long.
 */
#include <stdlib.h>
#include <openssl/err.h>

#include "crypto/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto_key *key;
static struct crypto_cert *cert;

/* an RSA key and its certificate, as both sides need one */
static void make_identity(void)
{
	CLEANUP(buf_clear) struct buf private_pem = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public_pem = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {
		.role = CRYPTO_ROLE_RA,
		.common_name = "fuzz",
		.not_before = 1793520000,
		.days = 1,
	};
	const uint8_t seed[32] = {1};

	if (crypto_rsa_derive(seed, &private_pem, &public_pem, NULL) < 0 ||
	    crypto_key_read(&key, buf_slice(&private_pem), NULL) < 0 ||
	    crypto_key_spki(key, &spki, NULL) < 0)
		abort();
	wish.spki = buf_slice(&spki);
	if (crypto_cert_issue(&cert, &wish, NULL, key, NULL) != 0)
		abort();
}

static void read_request(struct slice rest, unsigned flags)
{
	CLEANUP(crypto_scep_request_clear) struct crypto_scep_request request;
	CLEANUP(crypto_csr_clear) struct crypto_csr csr;
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	enum crypto_scep_cipher cipher;

	crypto_scep_request_init(&request);
	crypto_csr_init(&csr);
	if (crypto_scep_request_read(&request, rest, flags, NULL) == 0 &&
	    crypto_scep_open(buf_slice(&request.enveloped), cert, key, flags, &payload, &cipher,
			     NULL) == 0)
		(void)crypto_csr_read(&csr, buf_slice(&payload), flags, NULL);
}

static void read_answer(struct slice rest)
{
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
	CLEANUP(buf_clear) struct buf csr = BUF_INIT(CRYPTO_SCEP_MAX);
	struct crypto_scep_wish wish = {
		.key = key,
		.signer = cert,
		.ra = cert,
		.transaction_id = "1",
	};

	crypto_scep_answer_init(&answer);
	if (crypto_csr_make(&csr, key, "fuzz", NULL, NULL, NULL) < 0)
		abort();
	wish.csr = buf_slice(&csr);
	(void)crypto_scep_answer_read(&answer, rest, &wish, NULL);
}

static void read_rest(uint8_t choice, struct slice rest)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *ra = NULL, *ca = NULL;
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(crypto_csr_clear) struct crypto_csr csr;
	enum crypto_scep_cipher cipher;

	crypto_csr_init(&csr);
	switch (choice % 5) {
	case 0:
		read_request(rest, choice & 0x80 ? CRYPTO_ALLOW_WEAK : 0);
		break;
	case 1:
		read_answer(rest);
		break;
	case 2:
		(void)crypto_scep_open(rest, cert, key, CRYPTO_ALLOW_WEAK, &payload, &cipher, NULL);
		break;
	case 3:
		(void)crypto_scep_ca_read(rest, &ra, &ca, NULL);
		break;
	default:
		(void)crypto_csr_read(&csr, rest, CRYPTO_ALLOW_WEAK, NULL);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!key)
		make_identity();
	if (size > 0)
		read_rest(data[0], slice_of(data + 1, size - 1));
	if (ERR_peek_error())
		abort(); /* a connection of this thread would take it for its own */
	return 0;
}
