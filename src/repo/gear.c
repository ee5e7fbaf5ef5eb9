/*
 * gear.c - content-defined cutting: boundaries move with the content
 *
 * Gear hash over the last 64 bytes with normalised chunk sizes: below the average a
 * boundary needs two zero bits more, above it two fewer, so that sizes gather around the
 * average.  The table is derived from the domain key: sizes do not tell known files.
 */
#include "repo/internal.h"

/* high bits: only they have seen the whole window */
static const uint64_t MASK_EARLY = 0x3fffffULL << 42, MASK_LATE = 0x3ffffULL << 46;
enum { WINDOW = 64 };

size_t repo_gear_cut(const struct repo_gear *gear, struct repo_gear_state *state,
		     const uint8_t *bytes, size_t len)
{
	const uint64_t *table = gear->table;
	size_t end = len < REPO_CHUNK_MAX ? len : REPO_CHUNK_MAX;
	size_t early = end < REPO_CUT_AVERAGE ? end : REPO_CUT_AVERAGE;
	size_t at = state->at;
	uint64_t hash = state->hash;

	if (at < REPO_CUT_MIN - WINDOW)
		at = REPO_CUT_MIN - WINDOW;
	for (; at < early && at < REPO_CUT_MIN; at++)
		hash = (hash << 1) + table[bytes[at]];
	for (; at < early; at++) {
		hash = (hash << 1) + table[bytes[at]];
		if (!(hash & MASK_EARLY))
			return at + 1;
	}
	for (; at < end; at++) {
		hash = (hash << 1) + table[bytes[at]];
		if (!(hash & MASK_LATE))
			return at + 1;
	}
	if (at == REPO_CHUNK_MAX)
		return at;
	if (len > REPO_CUT_MIN - WINDOW) {
		state->at = at;
		state->hash = hash;
	}
	return 0;
}
