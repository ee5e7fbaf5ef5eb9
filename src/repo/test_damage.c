/* test_damage.c - a flipped byte in any file is found and named, and the rest still reads */
#include "repo/testing.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>

static struct test_repo test;
static char first_id[REPO_ID_LEN + 1], second_id[REPO_ID_LEN + 1];

static void make(const char *device, const char *path, uint64_t seed, size_t len, char *id)
{
	struct repo_session *session;

	must(&test, repo_session_begin(&session, test.repo, device, false, NULL, &test.err));
	must(&test, test_put(session, path, seed, len, &test.err));
	must(&test, test_put(session, "blocks", seed, 100, &test.err));
	must(&test, repo_session_commit(session, 1790000000, slice_text("note"), id, &test.err));
	repo_session_free(session);
}

static int setup(void **state)
{
	struct secret value = SECRET_INIT;

	test_begin(&test);
	make("device-one", "one/a", 2, 3000, first_id);
	make("device-two", "two/b", 4, 3000, second_id);
	must(&test, secret_set(&value, slice_text("hunter2"), &test.err));
	must(&test, repo_vault_put(test.repo, "device-one", "password", &value, &test.err));
	return 0;
}

static int teardown(void **state)
{
	test_end(&test);
	return 0;
}

struct report {
	unsigned problems;
	char text[4096];
};

static void found(void *arg, const struct repo_finding *finding)
{
	struct report *report = arg;

	if (!finding->is_problem)
		return;
	if (report->problems++ == 0)
		snprintf(report->text, sizeof(report->text), "%s: %s", finding->where,
			 finding->text);
	else
		strncat(report->text, finding->text,
			sizeof(report->text) - strlen(report->text) - 1);
}

static unsigned check(struct report *report)
{
	struct repo_verdict verdict;

	*report = (struct report){0};
	must(&test, repo_check(test.repo, true, found, report, NULL, &verdict, &test.err));
	return report->problems;
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static char files[64][512];
static off_t lengths[64];
static int file_count;

static int collect(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	if (kind == FTW_F && strcmp(path + ftw->base, "lock") != 0 && file_count < 64) {
		snprintf(files[file_count], sizeof(files[0]), "%s", path);
		lengths[file_count++] = st->st_size;
	}
	return 0;
}

/* can the snapshot of a device that the file does not belong to still be read? */
static bool reads(const char *id, const char *path, uint64_t seed)
{
	struct repo_view *view = NULL;
	bool holds = repo_view_open(&view, test.repo, id, &test.err) == 0 &&
		     test_view_holds(view, path, seed, 3000, &test.err);

	repo_view_close(view);
	return holds;
}

static void flip_and_check(const char *path, off_t at, const char *folder_one)
{
	struct report report;
	bool is_first = strstr(path, folder_one) != NULL;

	flip(path, at);
	if (strstr(path, "/config")) {
		struct repo *repo = NULL;

		assert_int_equal(repo_open(&repo, test.path, &test.password, &test.env, &test.err),
				 ERR_CORRUPT);
	} else {
		if (check(&report) == 0)
			fail_msg("%s at %lld: not found", path, (long long)at);
		assert_non_null(strstr(report.text, strrchr(path, '/') + 1));
		if (is_first)
			assert_true(reads(second_id, "two/b", 4));
		else
			assert_true(reads(first_id, "one/a", 2));
	}
	flip(path, at);
}

static void every_flipped_byte_is_found_and_named_and_other_devices_read(void **state)
{
	struct repo_domain domain;
	struct report report;
	const char *folder;

	assert_int_equal(check(&report), 0);
	file_count = 0;
	nftw(test.path, collect, 16, FTW_PHYS);
	assert_in_range(file_count, 12, 14);
	must(&test, repo_domain_open(&domain, test.repo, "device-one", false, &test.err));
	folder = strrchr(domain.folder, '/');
	for (int i = 0; i < file_count; i++) {
		for (off_t at = 0; at < lengths[i]; at += at < 160 || at + 80 > lengths[i] ? 1 : 97)
			flip_and_check(files[i], at, folder);
	}
	assert_int_equal(check(&report), 0);
}

static void damage_in_a_pack_names_snapshot_path_and_pack(void **state)
{
	struct repo_domain domain;
	struct repo_name pack;
	struct report report;
	struct repo_view *view;
	struct source *source;
	uint8_t bytes[3000];

	must(&test, repo_domain_open(&domain, test.repo, "device-one", false, &test.err));
	repo_domain_file(&domain, &pack, "packs/00000000");
	flip(pack.text, 200);
	assert_true(check(&report) > 0);
	assert_non_null(strstr(report.text, "one/a"));
	assert_non_null(strstr(report.text, first_id));
	assert_non_null(strstr(report.text, "00000000"));
	assert_non_null(strstr(report.text, "device-one"));
	must(&test, repo_view_open(&view, test.repo, first_id, &test.err));
	assert_true(test_view_holds(view, "blocks", 2, 100, &test.err));
	must(&test, repo_view_read(view, "one/a", &source, &test.err));
	assert_int_equal(source->read(source, 0, bytes, sizeof(bytes), &test.err), ERR_CORRUPT);
	assert_non_null(strstr(test.err.text, "one/a"));
	assert_non_null(strstr(test.err.text, "00000000"));
	source_close_p(&source);
	repo_view_close(view);
	flip(pack.text, 200);
}

static void a_lost_index_is_rebuilt_from_the_packs_by_the_next_session(void **state)
{
	struct repo_domain domain;
	struct repo_name name;
	struct repo_session *session;
	struct repo_stats stats;
	struct report report;
	char id[REPO_ID_LEN + 1];

	must(&test, repo_domain_open(&domain, test.repo, "device-one", false, &test.err));
	repo_domain_file(&domain, &name, "idx/00000000");
	flip(name.text, 70 + 4096);
	assert_true(check(&report) > 0);
	assert_false(reads(first_id, "one/a", 2));
	must(&test, repo_session_begin(&session, test.repo, "device-one", false, NULL, &test.err));
	must(&test, test_put(session, "one/a", 2, 3000, &test.err));
	must(&test, repo_session_drain(session, &test.err));
	repo_session_stats(session, &stats);
	assert_int_equal(stats.new_bytes, 0);
	must(&test, repo_session_commit(session, 1790000001, SLICE_EMPTY, id, &test.err));
	repo_session_free(session);
	assert_true(reads(first_id, "one/a", 2));
	assert_true(reads(id, "one/a", 2));
}

/* what a later version would write: its number, under a right digest */
static void make_newer(const char *config)
{
	CLEANUP(buf_clear) struct buf file = BUF_INIT(4096);
	uint8_t digest[CRYPTO_SHA256_LEN];

	must(&test, fs_read_file(fs_system(), config, &file, &test.err));
	file.bytes[8]++;
	crypto_sha256(slice_of(file.bytes, file.len - 16), digest);
	memcpy(file.bytes + file.len - 16, digest, 16);
	must(&test, fs_write_file(fs_system(), config, buf_slice(&file), 0, &test.err));
}

static void a_wrong_passphrase_and_a_newer_format_are_told_apart(void **state)
{
	struct secret wrong = SECRET_INIT;
	struct repo *repo = NULL;
	struct repo_env env = test.env;
	char config[256];

	must(&test, secret_set(&wrong, slice_text("wrong horse"), &test.err));
	assert_int_equal(repo_open(&repo, test.path, &wrong, &env, &test.err), ERR_PASSWORD);
	snprintf(config, sizeof(config), "%s/config", test.path);
	make_newer(config);
	assert_int_equal(repo_open(&repo, test.path, &test.password, &env, &test.err),
			 ERR_UNSUPPORTED);
	assert_int_equal(repo_open(&repo, test.folder, &test.password, &env, &test.err),
			 ERR_NOT_FOUND);
	assert_int_equal(repo_init(test.path, &test.password, &env, &test.err), ERR_EXISTS);
	assert_int_equal(repo_init(test.folder, &test.password, &env, &test.err), ERR_EXISTS);
}

static void vault_values_come_back_and_go(void **state)
{
	struct secret value = SECRET_INIT;

	must(&test, repo_vault_get(test.repo, "device-one", "password", &value, &test.err));
	assert_true(slice_equal(secret_slice(&value), slice_text("hunter2")));
	assert_int_equal(repo_vault_get(test.repo, "device-one", "other", &value, &test.err),
			 REPO_ABSENT);
	assert_int_equal(repo_vault_get(test.repo, "device-two", "password", &value, &test.err),
			 REPO_ABSENT);
	assert_int_equal(repo_vault_get(test.repo, "none", "password", &value, &test.err),
			 REPO_ABSENT);
	must(&test, secret_set(&value, slice_text("second"), &test.err));
	must(&test, repo_vault_put(test.repo, "device-one", "password", &value, &test.err));
	must(&test, repo_vault_get(test.repo, "device-one", "password", &value, &test.err));
	assert_true(slice_equal(secret_slice(&value), slice_text("second")));
	assert_int_equal(repo_vault_add(test.repo, "device-one", "password", &value, &test.err),
			 REPO_CONFLICT);
	must(&test, repo_vault_add(test.repo, "device-one", "other", &value, &test.err));
	must(&test, repo_vault_get(test.repo, "device-one", "other", &value, &test.err));
	must(&test, repo_vault_remove(test.repo, "device-one", "other", &test.err));
	must(&test, repo_vault_remove(test.repo, "device-one", "password", &test.err));
	must(&test, repo_vault_remove(test.repo, "device-one", "password", &test.err));
	assert_int_equal(repo_vault_get(test.repo, "device-one", "password", &value, &test.err),
			 REPO_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_flipped_byte_is_found_and_named_and_other_devices_read, setup,
			teardown),
		cmocka_unit_test_setup_teardown(damage_in_a_pack_names_snapshot_path_and_pack,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_lost_index_is_rebuilt_from_the_packs_by_the_next_session, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_wrong_passphrase_and_a_newer_format_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(vault_values_come_back_and_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
