/*
 * mdm_pool - the identities of enrolled simulated devices, as load_tls reads them
 *
 *     mdm_pool OUT DEVICE...      writes OUT (certificates and keys, PEM) and OUT.names (UDIDs)
 */
#include <openssl/pem.h>
#include <stdlib.h>

#include "sim/bench_identity.h"

enum { IDENTITY_MAX = 1 << 16 };

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "mdm_pool: %s: %s\n", what, err->text);
	exit(1);
}

static void put(FILE *pool, FILE *names, const char *folder)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(IDENTITY_MAX);
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(IDENTITY_MAX);
	struct err err = ERR_INIT;
	char udid[BENCH_UDID_LEN];
	const uint8_t *at;
	X509 *cert;

	if (bench_identity(folder, &der, &key, udid, &err) < 0)
		die(folder, &err);
	at = der.bytes;
	cert = d2i_X509(NULL, &at, (long)der.len);
	if (!cert || PEM_write_X509(pool, cert) != 1)
		die(folder, &err);
	fwrite(key.bytes, 1, key.len, pool);
	fprintf(names, "%s\n", udid);
	X509_free(cert);
}

int main(int argc, char **argv)
{
	char path[PATH_LEN_MAX];
	FILE *pool, *names;

	if (argc < 3)
		return 2;
	snprintf(path, sizeof(path), "%s.names", argv[1]);
	pool = fopen(argv[1], "w");
	names = fopen(path, "w");
	if (!pool || !names)
		return 1;
	for (int i = 2; i < argc; i++)
		put(pool, names, argv[i]);
	return fclose(pool) != 0 || fclose(names) != 0;
}
