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

/* one byte at a time costs two cycles a byte in loop control: eight at a time */
static size_t scan(const uint64_t *table, const uint8_t *bytes, size_t at, size_t end,
		   uint64_t mask, uint64_t *state, bool *is_cut)
{
	uint64_t hash = *state;

#define STEP(n)                                              \
	do {                                                 \
		hash = (hash << 1) + table[bytes[at + (n)]]; \
		if (__builtin_expect(!(hash & mask), 0)) {   \
			*is_cut = true;                      \
			return at + (n) + 1;                 \
		}                                            \
	} while (0)
	for (; at + 8 <= end; at += 8) {
		STEP(0);
		STEP(1);
		STEP(2);
		STEP(3);
		STEP(4);
		STEP(5);
		STEP(6);
		STEP(7);
	}
	for (; at < end; at++)
		STEP(0);
#undef STEP
	*state = hash;
	return at;
}

size_t repo_gear_cut(const struct repo_gear *gear, struct repo_gear_state *state,
		     const uint8_t *bytes, size_t len)
{
	size_t end = len < REPO_CHUNK_MAX ? len : REPO_CHUNK_MAX;
	size_t early = end < REPO_CUT_AVERAGE ? end : REPO_CUT_AVERAGE;
	size_t at = state->at;
	bool is_cut = false;

	if (at < REPO_CUT_MIN - WINDOW)
		at = REPO_CUT_MIN - WINDOW;
	/* fills the window: no boundary may lie here */
	for (; at < early && at < REPO_CUT_MIN; at++)
		state->hash = (state->hash << 1) + gear->table[bytes[at]];
	if (at < early)
		at = scan(gear->table, bytes, at, early, MASK_EARLY, &state->hash, &is_cut);
	if (!is_cut && at < end)
		at = scan(gear->table, bytes, at, end, MASK_LATE, &state->hash, &is_cut);
	if (is_cut || at == REPO_CHUNK_MAX)
		return at;
	if (len > REPO_CUT_MIN - WINDOW)
		state->at = at;
	return 0;
}
