/* repo: what chunks are called and where large files are cut */
#include "repo/testing.h"

#include <stdlib.h>

static struct err err;

static void a_chunk_is_named_by_the_digests_of_its_halves(void **state)
{
	static const size_t lens[] = {1, 127, 128, 129, 8192, 100000};
	uint8_t key[CRYPTO_KEY_LEN] = {7}, id[REPO_CHUNK_ID_LEN], expected[REPO_CHUNK_ID_LEN];
	uint8_t halves[2 * CRYPTO_SHA256_LEN], *bytes = calloc(1, 100000);
	struct crypto_mac *mac;

	assert_non_null(bytes);
	assert_int_equal(crypto_mac_new(&mac, key, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
		size_t first = lens[i] / 128 * 64;

		bytes[lens[i] - 1] = 1;
		crypto_sha256(slice_of(bytes, first), halves);
		crypto_sha256(slice_of(bytes + first, lens[i] - first), halves + CRYPTO_SHA256_LEN);
		assert_int_equal(
			crypto_mac_compute(mac, slice_of(halves, sizeof(halves)), expected, &err),
			0);
		assert_int_equal(repo_chunk_id(mac, slice_of(bytes, lens[i]), id, &err), 0);
		assert_memory_equal(id, expected, sizeof(id));
	}
	crypto_mac_free(mac);
	free(bytes);
}

static void must_fill(struct entropy_seeded *seeded, void *bytes, size_t len)
{
	assert_int_equal(seeded->entropy.fill(&seeded->entropy, bytes, len, &err), 0);
}

enum { TEXT_LEN = 24 << 20, CUTS_MAX = 64, INSERTED = 1000 };

/* where @bytes are cut, as distances from their end */
static size_t cuts_of(const struct repo_gear *gear, const uint8_t *bytes, size_t len, size_t *cuts)
{
	size_t count = 0, part;

	for (;; bytes += part, len -= part) {
		struct repo_gear_state cut = {0};

		part = repo_gear_cut(gear, &cut, bytes, len);
		if (part == 0)
			return count;
		assert_in_range(part, REPO_CUT_MIN, REPO_CHUNK_MAX);
		assert_true(count < CUTS_MAX);
		cuts[count++] = len - part;
	}
}

static void cuts_are_found_again_behind_an_insertion(void **state)
{
	uint8_t *bytes = malloc(INSERTED + TEXT_LEN);
	size_t before[CUTS_MAX], after[CUTS_MAX], first, second, same = 0;
	struct entropy_seeded seeded;
	struct repo_gear gear;

	assert_non_null(bytes);
	entropy_seeded_init(&seeded, 5);
	must_fill(&seeded, gear.table, sizeof(gear.table));
	must_fill(&seeded, bytes, INSERTED + TEXT_LEN);
	first = cuts_of(&gear, bytes + INSERTED, TEXT_LEN, before);
	second = cuts_of(&gear, bytes, INSERTED + TEXT_LEN, after);
	for (size_t i = 0; i < first; i++)
		for (size_t j = 0; j < second; j++)
			same += before[i] == after[j];
	free(bytes);
	/* around a megabyte each; all but those near the front */
	assert_in_range(first, TEXT_LEN / (2 << 20), TEXT_LEN / (1 << 20));
	assert_true(same >= first / 2);
}

/* bytes come in pieces: the state carries over */
static void a_cut_does_not_depend_on_how_bytes_come(void **state)
{
	size_t len = 6 << 20, whole, part = 0;
	uint8_t *bytes = malloc(len);
	struct repo_gear_state cut = {0}, pieces = {0};
	struct entropy_seeded seeded;
	struct repo_gear gear;

	assert_non_null(bytes);
	entropy_seeded_init(&seeded, 6);
	must_fill(&seeded, gear.table, sizeof(gear.table));
	must_fill(&seeded, bytes, len);
	whole = repo_gear_cut(&gear, &cut, bytes, len);
	assert_true(whole > 0);
	for (size_t there = 1000; part == 0; there += 77777)
		part = repo_gear_cut(&gear, &pieces, bytes, there < len ? there : len);
	free(bytes);
	assert_int_equal(part, whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_is_named_by_the_digests_of_its_halves),
		cmocka_unit_test(cuts_are_found_again_behind_an_insertion),
		cmocka_unit_test(a_cut_does_not_depend_on_how_bytes_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
