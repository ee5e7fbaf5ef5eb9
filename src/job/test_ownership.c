/* test_ownership - whose a device is, and the record of who opened what */
#include "job/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UDID "00008110-000A11112222001E"

struct stage {
	char dir[64];
	struct clock_manual clock;
	struct repo *repo;
	struct job_env env;
	struct err err;
};

static int setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	struct repo_env env;

	assert_non_null(stage);
	strcpy(stage->dir, "/tmp/rehome-owner-XXXXXX");
	assert_non_null(mkdtemp(stage->dir));
	clock_manual_init(&stage->clock, 1700000000);
	env = (struct repo_env){.fs = fs_system(),
				.clock = &stage->clock.clock,
				.entropy = entropy_system(),
				.kdf_ops = 1,
				.kdf_mem = 8192};
	stage->env = (struct job_env){.fs = env.fs, .clock = env.clock, .entropy = env.entropy};
	assert_int_equal(secret_set(&password, slice_text("password"), &stage->err), 0);
	assert_int_equal(repo_init(stage->dir, &password, &env, &stage->err), 0);
	assert_int_equal(repo_open(&stage->repo, stage->dir, &password, &env, &stage->err), 0);
	*state = stage;
	return 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	repo_close(stage->repo);
	assert_int_equal(fs_remove_tree(fs_system(), stage->dir, &stage->err), 0);
	free(stage);
	return 0;
}

static struct job_snapshot snapshot_of(bool is_encrypted)
{
	struct job_snapshot snapshot = {.is_encrypted = is_encrypted};

	strcpy(snapshot.udid, UDID);
	strcpy(snapshot.id, "0123456789abcdef");
	return snapshot;
}

static void ownership_is_unknown_until_told_and_after_it_is_forgotten(void **state)
{
	struct stage *stage = *state;
	enum job_ownership ownership = JOB_OWNER_PERSONAL;

	assert_int_equal(job_ownership_get(stage->repo, UDID, &ownership, &stage->err), 0);
	assert_int_equal(ownership, JOB_OWNER_UNKNOWN);
	assert_int_equal(job_ownership_set(stage->repo, UDID, JOB_OWNER_CORPORATE, &stage->err), 0);
	assert_int_equal(job_ownership_get(stage->repo, UDID, &ownership, &stage->err), 0);
	assert_int_equal(ownership, JOB_OWNER_CORPORATE);
	assert_int_equal(job_ownership_set(stage->repo, UDID, JOB_OWNER_UNKNOWN, &stage->err), 0);
	assert_int_equal(job_ownership_get(stage->repo, UDID, &ownership, &stage->err), 0);
	assert_int_equal(ownership, JOB_OWNER_UNKNOWN);
}

static void only_a_personal_plain_snapshot_is_refused(void **state)
{
	struct job_snapshot plain = snapshot_of(false), encrypted = snapshot_of(true);
	struct stage *stage = *state;
	bool is_personal = true;

	assert_int_equal(job_opening_admit(stage->repo, &plain, &is_personal, &stage->err), 0);
	assert_false(is_personal);
	assert_int_equal(job_ownership_set(stage->repo, UDID, JOB_OWNER_PERSONAL, &stage->err), 0);
	assert_int_equal(job_opening_admit(stage->repo, &plain, &is_personal, &stage->err),
			 ERR_POLICY);
	assert_int_equal(job_opening_admit(stage->repo, &encrypted, &is_personal, &stage->err), 0);
	assert_true(is_personal);
}

static void an_ownership_of_no_known_word_opens_nothing(void **state)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	struct job_snapshot plain = snapshot_of(false);
	struct stage *stage = *state;
	bool is_personal;

	assert_int_equal(secret_set(&value, slice_text("shared"), &stage->err), 0);
	assert_int_equal(repo_vault_put(stage->repo, UDID, "ownership", &value, &stage->err), 0);
	assert_int_equal(job_opening_admit(stage->repo, &plain, &is_personal, &stage->err),
			 ERR_CORRUPT);
}

struct seen {
	unsigned count;
	int64_t last;
};

static int see(void *arg, const struct job_opening *opening, struct err *err)
{
	struct seen *seen = arg;

	assert_string_equal(opening->snapshot, "0123456789abcdef");
	assert_string_equal(opening->command, "cat");
	assert_true(opening->time > seen->last);
	seen->last = opening->time;
	seen->count++;
	return 0;
}

static void every_opening_is_told_in_order(void **state)
{
	struct job_snapshot snapshot = snapshot_of(true);
	struct stage *stage = *state;

	for (unsigned count = 0; count < 12; count++) {
		struct seen seen = {0, 0};

		assert_int_equal(job_openings(stage->repo, UDID, see, &seen, &stage->err), 0);
		assert_int_equal(seen.count, count);
		stage->clock.wall_ns += 1000000000;
		assert_int_equal(
			job_opening_record(&stage->env, stage->repo, &snapshot, "cat", &stage->err),
			0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			ownership_is_unknown_until_told_and_after_it_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(only_a_personal_plain_snapshot_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_ownership_of_no_known_word_opens_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_opening_is_told_in_order, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
