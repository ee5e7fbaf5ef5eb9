/*
 * seal.c - what packs, tables, runs and heads have in common: header, key, nonces
 *
 * Header: magic 8, version u32, number u32, salt 32, commitment 16.  The key of a file is
 * derived from the domain key and the salt; the commitment is the first half of an HMAC
 * under that key of the 48 bytes before it: it finds damage in the header and binds the
 * file to one key, which GCM by itself does not.
 */
#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CLEAR_LEN = 48, SALT_AT = 16 };

/* key of the file and the commitment that its header must carry */
static int derive(const struct repo_domain *domain, const char *magic,
		  const uint8_t header[REPO_HEADER_LEN], uint8_t key[CRYPTO_KEY_LEN],
		  uint8_t commitment[16], struct err *err)
{
	CLEANUP(crypto_mac_free_p) struct crypto_mac *mac = NULL;
	uint8_t tag[CRYPTO_SHA256_LEN];
	int r = crypto_hkdf(slice_of(domain->key, sizeof(domain->key)),
			    slice_of(header + SALT_AT, 32), magic, key, CRYPTO_KEY_LEN, err);

	if (r == 0)
		r = crypto_mac_new(&mac, key, err);
	if (r == 0)
		r = crypto_mac_compute(mac, slice_of(header, CLEAR_LEN), tag, err);
	if (r == 0)
		memcpy(commitment, tag, 16);
	return r;
}

int repo_seal_new(struct repo_seal *seal, const struct repo_domain *domain, const char *magic,
		  uint32_t number, const uint8_t salt[32], uint8_t header[REPO_HEADER_LEN],
		  struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN];
	int r;

	memcpy(header, magic, 8);
	put_u32le(header + 8, REPO_VERSION);
	put_u32le(header + 12, number);
	memcpy(header + SALT_AT, salt, 32);
	r = derive(domain, magic, header, key, header + CLEAR_LEN, err);
	if (r == 0)
		r = crypto_gcm_new(&seal->gcm, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

int repo_seal_open(struct repo_seal *seal, const struct repo_domain *domain, const char *magic,
		   uint32_t number, const uint8_t header[REPO_HEADER_LEN], struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN], commitment[16];
	int r;

	if (memcmp(header, magic, 8) != 0)
		return err_set(err, ERR_CORRUPT, "header damaged");
	r = derive(domain, magic, header, key, commitment, err);
	if (r == 0 && (!crypto_equal(commitment, header + CLEAR_LEN, sizeof(commitment)) ||
		       get_u32le(header + 12) != number))
		r = err_set(err, ERR_CORRUPT, "header damaged");
	/* asked last: a flipped bit in the number must not pass for a newer format */
	if (r == 0 && get_u32le(header + 8) > REPO_VERSION)
		r = err_set(err, ERR_UNSUPPORTED, "a newer format (%u)", get_u32le(header + 8));
	if (r == 0)
		r = crypto_gcm_new(&seal->gcm, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

void repo_seal_clear(struct repo_seal *seal)
{
	crypto_gcm_free(seal->gcm);
	seal->gcm = NULL;
}

static void nonce_of(uint64_t offset, uint8_t nonce[CRYPTO_GCM_NONCE_LEN])
{
	memset(nonce, 0, CRYPTO_GCM_NONCE_LEN);
	put_u64le(nonce + 4, offset);
}

int repo_seal_put(struct repo_seal *seal, uint64_t offset, struct slice aad, struct slice in,
		  uint8_t *out, struct err *err)
{
	uint8_t nonce[CRYPTO_GCM_NONCE_LEN];

	nonce_of(offset, nonce);
	return crypto_gcm_seal(seal->gcm, nonce, aad, in, out, err);
}

int repo_seal_get(struct repo_seal *seal, uint64_t offset, struct slice aad, struct slice in,
		  uint8_t *out, struct err *err)
{
	uint8_t nonce[CRYPTO_GCM_NONCE_LEN];
	int r;

	if (in.len < CRYPTO_GCM_TAG_LEN)
		return err_set(err, ERR_CORRUPT, "too short");
	nonce_of(offset, nonce);
	r = crypto_gcm_open(seal->gcm, nonce, aad, in, out, err);
	return r == CRYPTO_BAD_TAG ? err_set(err, ERR_CORRUPT, "damaged") : r;
}

/*
 * Large buffers live as long as their session.  Huge pages make the first touch 20 to 40
 * times cheaper on virtual machines; alignment is what direct writes need.
 */
uint8_t *repo_pool_new(size_t len)
{
	enum { HUGE_LEN = 2 << 20 };
	size_t rounded = (len + HUGE_LEN - 1) / HUGE_LEN * HUGE_LEN;
	uint8_t *area = mmap(NULL, rounded + HUGE_LEN, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t lead;

	if (area == MAP_FAILED)
		return NULL;
	/* cut the mapping to whole huge pages so that it can be given back by length alone */
	lead = (HUGE_LEN - ((uintptr_t)area & (HUGE_LEN - 1))) & (HUGE_LEN - 1);
	if (lead > 0)
		munmap(area, lead);
	if (HUGE_LEN - lead > 0)
		munmap(area + lead + rounded, HUGE_LEN - lead);
	madvise(area + lead, rounded, MADV_HUGEPAGE);
	return area + lead;
}

void repo_pool_free(uint8_t *pool, size_t len)
{
	enum { HUGE_LEN = 2 << 20 };

	if (pool)
		munmap(pool, (len + HUGE_LEN - 1) / HUGE_LEN * HUGE_LEN);
}
