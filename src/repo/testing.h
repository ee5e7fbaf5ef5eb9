/* testing.h - what the tests of this room share: a repository in a temporary folder */
#ifndef REHOME_REPO_TESTING_H
#define REHOME_REPO_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST_DEVICE "0000FE5A-00000000000000A1"

struct test_repo {
	char folder[64]; /* temporary, removed at the end */
	char path[128];  /* of the repository in it */
	struct clock_manual clock;
	struct entropy_seeded entropy;
	struct secret password;
	struct repo_env env;
	struct repo *repo;
	struct err err;
};

static inline void test_fail(const struct test_repo *test, const char *what, int r)
{
	if (r < 0)
		fail_msg("%s: %d %s", what, r, test->err.text);
}

#define must(test, call) test_fail((test), #call, (call))

static inline void test_env(struct test_repo *test, struct fs *fs)
{
	test->env = (struct repo_env){
		.fs = fs,
		.clock = &test->clock.clock,
		.entropy = &test->entropy.entropy,
		.kdf_ops = 1,
		.kdf_mem = 64 << 10,
	};
}

static inline void test_open(struct test_repo *test)
{
	must(test, repo_open(&test->repo, test->path, &test->password, &test->env, &test->err));
}

static inline void test_close(struct test_repo *test)
{
	repo_close(test->repo);
	test->repo = NULL;
}

static inline void test_begin(struct test_repo *test)
{
	*test = (struct test_repo){.folder = "/tmp/rehome-repo-XXXXXX"};
	assert_non_null(mkdtemp(test->folder));
	snprintf(test->path, sizeof(test->path), "%s/repo", test->folder);
	clock_manual_init(&test->clock, 1790000000);
	entropy_seeded_init(&test->entropy, 1);
	must(test, secret_set(&test->password, slice_text("correct horse"), &test->err));
	test_env(test, fs_system());
	must(test, repo_init(test->path, &test->password, &test->env, &test->err));
	test_open(test);
}

static inline void test_end(struct test_repo *test)
{
	test_close(test);
	must(test, fs_remove_tree(fs_system(), test->folder, &test->err));
}

/* a reproducible stream of numbers */
static inline uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* @len bytes named by @seed: even seeds do not compress, odd ones do */
static inline void test_bytes(uint64_t seed, uint8_t *out, size_t len)
{
	uint64_t state = seed * 0x100000001b3u, z;

	if (seed & 1) {
		char line[64];
		size_t n = (size_t)snprintf(line, sizeof(line), "<key>%llu</key><string/>\n",
					    (unsigned long long)seed);

		for (size_t i = 0; i < len; i++)
			out[i] = (uint8_t)(line[i % n] ^ (i % 4093 == 0));
		return;
	}
	for (size_t i = 0; i < len; i += 8) {
		z = test_random(&state);
		memcpy(out + i, &z, len - i < 8 ? len - i : 8);
	}
}

static inline int test_upload(struct repo_session *session, const char *path,
			      enum repo_content content, const uint8_t *bytes, size_t len,
			      struct err *err)
{
	int r = repo_upload_begin(session, path, content, err);

	for (size_t at = 0, piece = 10007; r == 0 && at < len; at += piece)
		r = repo_upload_write(
			session, slice_of(bytes + at, len - at < piece ? len - at : piece), err);
	return r < 0 ? r : repo_upload_end(session, err);
}

/* uploads @len bytes of @seed */
static inline int test_put(struct repo_session *session, const char *path, uint64_t seed,
			   size_t len, struct err *err)
{
	uint8_t *bytes = malloc(len + 8);
	int r;

	assert_non_null(bytes);
	test_bytes(seed, bytes, len);
	r = test_upload(session, path, REPO_CONTENT_ANY, bytes, len, err);
	free(bytes);
	return r;
}

/* does @source hold exactly @len bytes of @seed? closes it */
static inline bool test_holds(struct source *source, uint64_t seed, size_t len, struct err *err)
{
	CLEANUP(source_close_p) struct source *owned = source;
	uint8_t *wanted = malloc(len + 8), *got = malloc(len + 8);
	bool is_same;

	assert_true(wanted && got);
	test_bytes(seed, wanted, len);
	is_same = owned->len == len && owned->read(owned, 0, got, len + 8, err) == (ssize_t)len &&
		  memcmp(wanted, got, len) == 0;
	free(wanted);
	free(got);
	return is_same;
}

static inline bool test_view_holds(struct repo_view *view, const char *path, uint64_t seed,
				   size_t len, struct err *err)
{
	struct source *source;

	return repo_view_read(view, path, &source, err) == 0 && test_holds(source, seed, len, err);
}

#endif
