/*
 * fuzz_signed - signed messages of devices, the base64 around them, certificates of clients
 *
 * The first byte chooses what the rest is taken for.
 */
#include <stdlib.h>
#include <openssl/err.h>

#include "crypto/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(crypto_signed_clear) struct crypto_signed sig;
	CLEANUP(buf_clear) struct buf decoded = BUF_INIT(CRYPTO_SIGNED_MAX);
	struct slice rest;

	crypto_signed_init(&sig);
	if (size == 0)
		return 0;
	rest = slice_of(data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		(void)crypto_signed_open(&sig, rest, SLICE_EMPTY,
					 data[0] & 0x80 ? CRYPTO_ALLOW_WEAK : 0, NULL);
		break;
	case 1:
		if (crypto_base64_read(&decoded, rest, NULL) == 0)
			(void)crypto_signed_open(&sig, buf_slice(&decoded), slice_text("body"),
						 CRYPTO_SIGNED_DETACHED, NULL);
		break;
	default:
		(void)crypto_cert_read(&cert, rest, NULL);
		break;
	}
	if (ERR_peek_error())
		abort(); /* a connection of this thread would take it for its own */
	return 0;
}
