/*
 * chunk.c - what a chunk is called
 *
 * Hashing is the largest fixed cost of a backup after compression, and both halves at once
 * cost hardly more than one (crypto_sha256_two).  The name stays what HMAC makes it: no
 * two chunks share one unless SHA-256 has collisions, and it tells nothing without the key.
 */
#include "repo/internal.h"

enum { BLOCK_LEN = 64 }; /* of SHA-256: equally many in both halves, the rest in the second */

int repo_chunk_id(struct crypto_mac *mac, struct slice bytes, uint8_t id[REPO_CHUNK_ID_LEN],
		  struct err *err)
{
	size_t first = bytes.len / (2 * BLOCK_LEN) * BLOCK_LEN;
	uint8_t halves[2 * CRYPTO_SHA256_LEN];

	crypto_sha256_two(slice_of(bytes.bytes, first),
			  slice_of(bytes.bytes + first, bytes.len - first), halves,
			  halves + CRYPTO_SHA256_LEN);
	return crypto_mac_compute(mac, slice_of(halves, sizeof(halves)), id, err);
}
