/* filter.c - Bloom filter: most lookups of new chunks and paths end here, in memory */
#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>

enum { PROBES = 7, BITS_A_KEY = 10 };

size_t repo_filter_len(uint64_t keys)
{
	uint64_t len = (keys * BITS_A_KEY / 8 + 64) / 8 * 8;

	return (size_t)len;
}

int repo_filter_new(struct repo_filter *filter, uint64_t keys, struct err *err)
{
	filter->len = repo_filter_len(keys);
	filter->bits = calloc(1, filter->len);
	return filter->bits ? 0 : err_no_memory(err);
}

void repo_filter_clear(struct repo_filter *filter)
{
	free(filter->bits);
	*filter = (struct repo_filter){0};
}

void repo_filter_add(struct repo_filter *filter, const uint64_t hash[2])
{
	uint64_t bits = filter->len * 8, at = hash[0];

	for (int i = 0; i < PROBES; i++, at += hash[1] | 1)
		filter->bits[at % bits / 8] |= (uint8_t)(1u << (at % bits % 8));
}

bool repo_filter_may_hold(const struct repo_filter *filter, const uint64_t hash[2])
{
	uint64_t bits = filter->len * 8, at = hash[0];

	if (bits == 0)
		return true;
	for (int i = 0; i < PROBES; i++, at += hash[1] | 1)
		if (!(filter->bits[at % bits / 8] & 1u << (at % bits % 8)))
			return false;
	return true;
}

void repo_filter_id_hash(const uint8_t id[REPO_CHUNK_ID_LEN], uint64_t hash[2])
{
	hash[0] = get_u64le(id);
	hash[1] = get_u64le(id + 8);
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void repo_filter_path_hash(const char *path, size_t len, uint64_t hash[2])
{
	uint64_t state = len * 0x9e3779b97f4a7c15u, word;

	for (; len >= 8; path += 8, len -= 8) {
		memcpy(&word, path, 8);
		state = mix(state ^ word);
	}
	word = 0;
	memcpy(&word, path, len);
	hash[0] = mix(state ^ word);
	hash[1] = mix(hash[0] + 0x9e3779b97f4a7c15u);
}
