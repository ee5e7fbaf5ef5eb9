/*
 * crypto/openssl - the library's algorithms and errors
 *
 * OpenSSL 3 looks an algorithm up by name on every implicit use, which costs
 * more than enciphering a small block.  Here it is done once.
 */
#include <pthread.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "crypto/internal.h"

static struct algorithms fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch_all(void)
{
	fetched.ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	fetched.cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	fetched.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	fetched.ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	fetched.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
}

const struct algorithms *algorithms(void)
{
	pthread_once(&fetch_once, fetch_all);
	return &fetched;
}

int openssl_fail(struct err *err, int code, const char *what)
{
	/* the oldest entry is the cause, later ones only say who was calling */
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	if (!reason)
		return err_set(err, code, "%s", what);
	return err_set(err, code, "%s: %s", what, reason);
}

int crypto_start(struct err *err)
{
	uint8_t byte;

	tzset();
	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_CIPHERS |
					OPENSSL_INIT_ADD_ALL_DIGESTS |
					OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				NULL) != 1 ||
	    RAND_bytes(&byte, 1) != 1)
		return openssl_fail(err, ERR_NO_MEMORY, "start OpenSSL");
	if (sodium_init() < 0)
		return err_set(err, ERR_IO, "libsodium does not start");
	(void)algorithms();
	return 0;
}

void crypto_thread_end(void)
{
	OPENSSL_thread_stop();
}
