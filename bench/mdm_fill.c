/*
 * mdm_fill - a fleet in the database of a stopped service, and identities of some of its devices
 *
 *     mdm_fill WHERE ENROLLMENTS COMMANDS HISTORY POOL POOLS IDENTITIES
 *
 *     WHERE       as the service's store: sqlite:PATH or a URL of PostgreSQL; without enrollments
 *     COMMANDS    waiting for each device; HISTORY: rows that each has already
 *     POOL        of load_tls: POOL.0, POOL.1 ... are written, POOLS of them with IDENTITIES each
 *
 * The devices of the pools are spread evenly over the enrollments; their certificates are real and
 * share one RSA-2048 key, for making keys takes long.  The service knows a certificate by its hash,
 * so all that was not written there is a hash of nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/identity.h"
#include "store/bench_fill.h"

enum { DAYS = 365 };

static struct {
	struct bench_fill fill;
	int64_t pools, identities;
	struct crypto_key *key, *ca_key;
	struct crypto_cert *ca;
	struct buf spki, key_pem;
	FILE *pool, *names;
} all;

static struct err err;

static void must(int r)
{
	bench_fill_must(r, &err);
}

static void make_certificate(struct crypto_cert **out, enum crypto_role role, const char *name,
			     struct slice spki)
{
	struct crypto_cert_wish wish = {.role = role,
					.spki = spki,
					.common_name = name,
					.not_before = all.fill.now - 3600,
					.days = DAYS};

	must(entropy_system()->fill(entropy_system(), wish.serial_entropy,
				    sizeof(wish.serial_entropy), &err));
	must(crypto_cert_issue(out, &wish, all.ca, all.ca_key, &err));
}

static void keys_make(void)
{
	struct buf spki CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);

	all.spki = all.key_pem = BUF_INIT(CRYPTO_PEM_MAX);
	must(crypto_start(&err));
	must(crypto_key_make(&all.key, CRYPTO_KEY_RSA_2048, &err));
	must(crypto_key_write(all.key, &all.key_pem, &err));
	must(crypto_key_spki(all.key, &all.spki, &err));
	must(crypto_key_make(&all.ca_key, CRYPTO_KEY_EC_P256, &err));
	must(crypto_key_spki(all.ca_key, &spki, &err));
	make_certificate(&all.ca, CRYPTO_ROLE_CA, "bench", buf_slice(&spki));
}

static void pool_close(void)
{
	if (all.pool && (fclose(all.pool) != 0 || fclose(all.names) != 0))
		exit(1);
}

static void pool_open(const char *prefix, int64_t number)
{
	char path[PATH_LEN_MAX];

	pool_close();
	snprintf(path, sizeof(path), "%s.%lld", prefix, (long long)number);
	all.pool = fopen(path, "w");
	snprintf(path, sizeof(path), "%s.%lld.names", prefix, (long long)number);
	all.names = fopen(path, "w");
	if (!all.pool || !all.names) {
		perror(path);
		exit(1);
	}
}

static void pool_add(const struct crypto_cert *cert, const char *id)
{
	struct buf pem CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);

	must(crypto_cert_write(cert, &pem, &err));
	fwrite(pem.bytes, 1, pem.len, all.pool);
	fwrite(all.key_pem.bytes, 1, all.key_pem.len, all.pool);
	fprintf(all.names, "%s\n", id);
}

/* enrollments come in their order, so each pool is spread over a part of them */
static void hash_of(void *arg, int64_t i, uint8_t hash[BENCH_FILL_HASH_LEN])
{
	struct crypto_cert *cert CLEANUP(crypto_cert_free_p) = NULL;
	int64_t wanted = all.pools * all.identities, step = all.fill.enrollments / wanted;
	int64_t at = (i - 1) / step;
	char id[BENCH_FILL_ID_MAX];

	if ((i - 1) % step != 0 || at >= wanted) {
		bench_fill_hash(i, hash);
		return;
	}
	if (at % all.identities == 0)
		pool_open(arg, at / all.identities);
	bench_fill_id(i, id);
	make_certificate(&cert, CRYPTO_ROLE_DEVICE, id, buf_slice(&all.spki));
	pool_add(cert, id);
	memcpy(hash, crypto_cert_facts(cert)->sha256, BENCH_FILL_HASH_LEN);
}

int main(int argc, char **argv)
{
	struct store *store CLEANUP(store_free_p) = NULL;

	if (argc != 8) {
		fprintf(stderr,
			"mdm_fill WHERE ENROLLMENTS COMMANDS HISTORY POOL POOLS IDENTITIES\n");
		return 2;
	}
	all.fill = (struct bench_fill){.enrollments = atoll(argv[2]),
				       .commands = atoll(argv[3]),
				       .history = atoll(argv[4]),
				       .now = (int64_t)time(NULL),
				       .hash = hash_of,
				       .arg = argv[5]};
	all.pools = atoll(argv[6]);
	all.identities = atoll(argv[7]);
	if (all.pools < 1 || all.identities < 1 ||
	    all.fill.enrollments < all.pools * all.identities) {
		fprintf(stderr, "mdm_fill: more identities than enrollments\n");
		return 2;
	}
	keys_make();
	must(store_open(&store, argv[1], &err));
	bench_fill(store, &all.fill);
	pool_close();
	buf_wipe(&all.key_pem);
	buf_clear(&all.spki);
	crypto_cert_free(all.ca);
	crypto_key_free(all.key);
	crypto_key_free(all.ca_key);
	return 0;
}
