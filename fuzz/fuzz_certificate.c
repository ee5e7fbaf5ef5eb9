/*
 * fuzz_certificate - keys, certificates and signatures as a device may send them
 *
 * The first byte chooses what the rest is taken for.
 */
#include <stdlib.h>

#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf signer_key, signer_cert;

static void make_signer(void)
{
	signer_key = signer_cert = BUF_INIT(CRYPTO_PEM_MAX);
	if (crypto_self_signed("fuzz", 1793520000, &signer_key, &signer_cert, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(2 * CRYPTO_PEM_MAX);
	uint8_t digest[CRYPTO_SHA256_LEN];
	struct slice rest;

	if (!signer_key.len)
		make_signer();
	if (size == 0)
		return 0;
	rest = slice_of(data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		if (crypto_cert_der(rest, &der, NULL) == 0)
			(void)crypto_cert_public_sha256(buf_slice(&der), digest, NULL);
		break;
	case 1:
		if (crypto_cms_verify(rest, buf_slice(&signer_cert), slice_text("x"), NULL) == 0)
			abort(); /* nobody signed that */
		break;
	default:
		(void)crypto_cms_sign(slice_text("x"), rest, rest, &der, NULL);
		break;
	}
	return 0;
}
