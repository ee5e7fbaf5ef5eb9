/*
 * mdm_pool - the identities of enrolled simulated devices, as load_tls reads them
 *
 *     mdm_pool OUT DEVICE...      writes OUT (certificates and keys, PEM) and OUT.names (UDIDs)
 */
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "sim/client.h"
#include "sim/internal.h"

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "mdm_pool: %s: %s\n", what, err->text);
	exit(1);
}

static void put(FILE *pool, FILE *names, const char *folder)
{
	struct sim_relation relation;
	struct sim_device *device;
	struct err err = ERR_INIT;
	const uint8_t *der;
	X509 *cert;

	sim_relation_init(&relation);
	if (sim_device_open(&device, folder, &err) != 0 ||
	    sim_relation_load(device, &relation, &err) != 0)
		die(folder, &err);
	der = relation.cert.bytes;
	cert = d2i_X509(NULL, &der, (long)relation.cert.len);
	if (!cert || PEM_write_X509(pool, cert) != 1)
		die(folder, &err);
	fwrite(relation.key.bytes, 1, relation.key.len, pool);
	fprintf(names, "%s\n", sim_device_identity(device)->udid);
	X509_free(cert);
	sim_relation_clear(&relation);
	sim_device_close(device);
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
