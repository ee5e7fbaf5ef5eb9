/* options, words, progress lines: what stands between a person and the rooms below */
#include "cli/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* struct stage - a world in memory, with a folder of its own for repositories */
struct stage {
	struct cli_world world;
	struct clock_manual clock;
	struct entropy_seeded entropy;
	char *out, *err;
	size_t out_len, err_len;
	char dir[64], repo[96], password[96];
};

static struct stage *stage;

static const char *environment(const char *name)
{
	return !strcmp(name, "REHOME_REPO")            ? stage->repo
	       : !strcmp(name, "REHOME_PASSWORD_FILE") ? stage->password
						       : NULL;
}

static int setup(void **state)
{
	struct err err = ERR_INIT;

	stage = calloc(1, sizeof(*stage));
	clock_manual_init(&stage->clock, 1793520000);
	entropy_seeded_init(&stage->entropy, 7);
	strcpy(stage->dir, "/tmp/rehome-cli-XXXXXX");
	if (!mkdtemp(stage->dir))
		return -1;
	snprintf(stage->repo, sizeof(stage->repo), "%s/repo", stage->dir);
	snprintf(stage->password, sizeof(stage->password), "%s/password", stage->dir);
	stage->world = (struct cli_world){.fs = fs_system(),
					  .clock = &stage->clock.clock,
					  .entropy = &stage->entropy.entropy,
					  .in = fopen("/dev/null", "r"),
					  .environment = environment,
					  .kdf_ops = 1,
					  .kdf_mem = 8192};
	return fs_write_file(fs_system(), stage->password, slice_text("secret\n"), 0600, &err);
}

static int teardown(void **state)
{
	struct err err = ERR_INIT;

	fs_remove_tree(fs_system(), stage->dir, &err);
	fclose(stage->world.in);
	free(stage->out);
	free(stage->err);
	free(stage);
	return 0;
}

/* run - a command line of words divided by single spaces; returns its exit status */
static int run(const char *line)
{
	char words[512], *argv[16];
	int argc = 0, status;

	snprintf(words, sizeof(words), "%s", line);
	for (char *save = NULL, *word = strtok_r(words, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	free(stage->out);
	free(stage->err);
	stage->world.out = open_memstream(&stage->out, &stage->out_len);
	stage->world.err = open_memstream(&stage->err, &stage->err_len);
	status = cli_main(&stage->world, argc, argv);
	fclose(stage->world.out);
	fclose(stage->world.err);
	return status;
}

static void nothing_and_nonsense_are_usage_errors(void **state)
{
	assert_int_equal(run("rehome"), CLI_BAD_USAGE);
	assert_non_null(strstr(stage->err, "backup"));
	assert_int_equal(run("rehome nonsense"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome backup"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome backup --nonsense x"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome snapshots a b"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome --repo"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome snapshots --json=yes"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome restore --copy --no-copy a b"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome encryption maybe x"), CLI_BAD_USAGE);
}

static void help_goes_to_the_output_and_lists_every_command(void **state)
{
	assert_int_equal(run("rehome --help"), 0);
	for (const struct cli_command *command = cli_commands; command->name; command++)
		assert_non_null(strstr(stage->out, command->name));
	assert_int_equal(run("rehome --version"), 0);
	assert_non_null(strstr(stage->out, REHOME_VERSION));
}

static void each_commands_help_is_one_text_by_either_road(void **state)
{
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		char line[64], *first;

		snprintf(line, sizeof(line), "rehome help %s", command->name);
		assert_int_equal(run(line), 0);
		first = strdup(stage->out);
		snprintf(line, sizeof(line), "rehome %s --help", command->name);
		assert_int_equal(run(line), 0);
		assert_string_equal(first, stage->out);
		assert_non_null(strstr(first, "--device-password-file FILE"));
		free(first);
	}
}

static void a_repository_is_made_once_and_lists_nothing_at_first(void **state)
{
	assert_int_equal(run("rehome snapshots"), CLI_NOT_FOUND);
	assert_non_null(strstr(stage->err, "rehome init"));
	assert_int_equal(run("rehome init"), 0);
	assert_int_not_equal(run("rehome init"), 0);
	assert_int_equal(run("rehome snapshots --json"), 0);
	assert_string_equal(stage->out, "[]\n");
	assert_int_equal(run("rehome --json snapshots"), 0);
	assert_string_equal(stage->out, "[]\n");
	assert_int_equal(run("rehome snapshots nobody"), CLI_NOT_FOUND);
	assert_string_equal(stage->out, "");
	assert_int_equal(run("rehome show ffffffffffffffff"), CLI_NOT_FOUND);
	assert_int_equal(run("rehome show ff"), CLI_BAD_USAGE);
	assert_int_equal(run("rehome show latest"), CLI_NOT_FOUND);
	assert_int_equal(run("rehome check --data"), 0);
}

/* the project's own plain set, or a visible skip */
static bool synthetic(char out[512], const char *kind)
{
	const char *root = getenv("REHOME_SOURCE_ROOT");
	struct stat st;

	snprintf(out, 512, "%s/tests/data/synthetic-ios-backup/%s", root ? root : "", kind);
	if (root && stat(out, &st) == 0)
		return true;
	print_message("SKIP: no tests/data/synthetic-ios-backup (REHOME_SOURCE_ROOT)\n");
	return false;
}

static void a_folder_is_imported_browsed_and_exported_again(void **state)
{
	char folder[512], line[700], id[32];

	if (!synthetic(folder, "plain"))
		skip();
	assert_int_equal(run("rehome init"), 0);
	snprintf(line, sizeof(line), "rehome import %s", folder);
	assert_int_equal(run(line), 0);
	snprintf(id, sizeof(id), "%.16s", stage->out);
	assert_int_equal(run("rehome snapshots --json"), 0);
	assert_non_null(strstr(stage->out, id));
	assert_int_equal(run("rehome show latest"), 0);
	assert_non_null(strstr(stage->out, "Managed"));
	assert_int_equal(run("rehome ls latest"), 0);
	assert_non_null(strstr(stage->out, "HomeDomain\n"));
	assert_int_equal(run("rehome ls latest HomeDomain/nowhere"), CLI_NOT_FOUND);
	assert_int_equal(run("rehome ls -R --json latest HomeDomain"), 0);
	assert_non_null(strstr(stage->out, "\"type\": \"file\""));
	assert_int_equal(run("rehome cat latest HomeDomain/nowhere"), CLI_NOT_FOUND);
	assert_int_equal(run("rehome verify latest"), 0);
	snprintf(line, sizeof(line), "rehome export %s %s/out", id, stage->dir);
	assert_int_equal(run(line), 0);
	assert_int_equal(run(line), CLI_FAILED); /* it is there already */
	snprintf(line, sizeof(line), "rehome verify %s/out", stage->dir);
	assert_int_equal(run(line), 0);
	snprintf(line, sizeof(line), "rehome extract --to %s/files latest", stage->dir);
	assert_int_equal(run(line), 0);
	assert_int_equal(run(line), CLI_FAILED);
}

static void an_encrypted_snapshot_needs_its_password_and_says_so(void **state)
{
	char folder[512], line[700];

	if (!synthetic(folder, "encrypted"))
		skip();
	assert_int_equal(run("rehome init"), 0);
	snprintf(line, sizeof(line), "rehome import %s", folder);
	assert_int_equal(run(line), 0);
	assert_int_equal(run("rehome ls latest"), CLI_FAILED);
	assert_non_null(strstr(stage->err, "password"));
	snprintf(line, sizeof(line), "rehome ls latest --device-password-file %s", stage->password);
	assert_int_equal(run(line), CLI_FAILED);
	assert_non_null(strstr(stage->err, "does not open"));
	assert_null(strstr(stage->err, "secret"));
}

static void failures_have_distinct_exit_statuses(void **state)
{
	assert_int_equal(cli_exit_of(ERR_USAGE), CLI_BAD_USAGE);
	assert_int_equal(cli_exit_of(ERR_NOT_FOUND), CLI_NOT_FOUND);
	assert_int_equal(cli_exit_of(ERR_POLICY), CLI_REFUSED);
	assert_int_equal(cli_exit_of(ERR_CLOSED), CLI_DEVICE_TROUBLE);
	assert_int_equal(cli_exit_of(ERR_PROTOCOL), CLI_DEVICE_TROUBLE);
	assert_int_equal(cli_exit_of(ERR_CORRUPT), CLI_DAMAGED);
	assert_int_equal(cli_exit_of(ERR_CANCELED), CLI_INTERRUPTED);
	assert_int_equal(cli_exit_of(ERR_NO_SPACE), CLI_FAILED);
	assert_int_equal(cli_exit_of(ERR_PASSWORD), CLI_FAILED);
}

/* count_names - how many names @dir holds */
static int count_names(void *arg, const char *name)
{
	++*(size_t *)arg;
	return 0;
}

static void a_split_that_fails_half_way_leaves_nothing(void **state)
{
	char list[96], line[256];
	struct fs_fault fault;
	struct buf text = BUF_INIT(1 << 16);
	int status = CLI_FAILED;
	struct err err = ERR_INIT;

	for (int i = 0; i < 10; i++)
		buf_append_format(&text, &err, "F9%08d,\n", i);
	snprintf(list, sizeof(list), "%s/list", stage->dir);
	assert_int_equal(fs_write_file(fs_system(), list, buf_slice(&text), 0600, &err), 0);
	buf_clear(&text);
	snprintf(line, sizeof(line), "rehome identifiers split --rows 4 %s %s/out", list,
		 stage->dir);
	for (int64_t n = 0; status != CLI_DONE; n++) {
		size_t names = 0;

		fs_fault_init(&fault, fs_system(), n, EIO, false);
		stage->world.fs = &fault.fs;
		status = run(line);
		stage->world.fs = fs_system();
		assert_true(status == CLI_DONE || (status == CLI_FAILED && fault.has_fired));
		fs_system()->list(fs_system(), stage->dir, count_names, &names);
		/* the list and the password; and the folder at last */
		assert_int_equal(names, status == CLI_DONE ? 3 : 2);
		assert_true(n < 100);
	}
}

static void texts_of_devices_cannot_steer_a_terminal(void **state)
{
	char out[64];

	assert_string_equal(cli_clean("a\033[2Jb\nc", out, sizeof(out)), "a?[2Jb?c");
	assert_string_equal(cli_clean("\xc2\x9b"
				      "31m",
				      out, sizeof(out)),
			    "?31m");
	assert_string_equal(cli_clean("\xc3\xa4ok", out, sizeof(out)), "\xc3\xa4ok");
	assert_string_equal(cli_clean("0123456789", out, 6), "0123");
}

static void a_progress_line_leaves_out_what_is_not_known(void **state)
{
	struct progress_state state_now = {.phase = "receiving"};
	char line[200];

	cli_progress_format(line, sizeof(line), &state_now, 0, -1);
	assert_string_equal(line, "receiving");
	state_now.bytes = 1500000000;
	state_now.files = 12;
	state_now.device_percent = 45.4;
	cli_progress_format(line, sizeof(line), &state_now, 38e6, 130);
	assert_non_null(strstr(line, "receiving  1.5 GB  12 files  45%"));
	assert_non_null(strstr(line, "/s  2:10 left"));
	cli_progress_format(line, 8, &state_now, 38e6, 130);
	assert_int_equal(strlen(line), 7);
}

static void the_time_left_is_told_only_when_it_can_be(void **state)
{
	struct progress_state state_now = {.bytes = 50, .bytes_total = 150};

	assert_int_equal(cli_progress_left(&state_now, 10, 1000), 10);
	assert_true(cli_progress_left(&state_now, 0, 1000) < 0);
	state_now = (struct progress_state){.device_percent = 2};
	assert_true(cli_progress_left(&state_now, 10, 60000) < 0);
	state_now.device_percent = 50;
	assert_int_equal(cli_progress_left(&state_now, 10, 60000), 60);
	state_now.device_percent = 100;
	assert_true(cli_progress_left(&state_now, 10, 60000) < 0);
}

static void lines_are_rate_limited_and_new_phases_are_told(void **state)
{
	struct progress_state now = {.phase = "receiving", .bytes = 1};
	struct cli_progress progress;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cli_progress_init(&progress, &stage->clock.clock, out, false);
	stage->clock.mono_ns += 1000000000;
	for (int i = 0; i < 1000; i++)
		progress_report(&progress.progress, &now);
	stage->clock.mono_ns += 1000000000;
	now.phase = "committing";
	progress_report(&progress.progress, &now);
	fclose(out);
	assert_non_null(strstr(text, "receiving"));
	assert_non_null(strstr(text, "committing"));
	assert_true(len < 100);
	free(text);
}

static void a_path_is_a_domain_and_the_rest(void **state)
{
	char domain[BACKUP_DOMAIN_LEN_MAX + 1], path[PATH_LEN_MAX + 1];
	struct err err = ERR_INIT;

	assert_int_equal(cli_path_split("HomeDomain/Library/SMS/", domain, path, &err), 0);
	assert_string_equal(domain, "HomeDomain");
	assert_string_equal(path, "Library/SMS");
	assert_int_equal(cli_path_split("HomeDomain", domain, path, &err), 0);
	assert_string_equal(path, "");
	assert_int_equal(cli_path_split("/x", domain, path, &err), ERR_USAGE);
	assert_int_equal(cli_path_split("", domain, path, &err), ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_and_nonsense_are_usage_errors, setup,
						teardown),
		cmocka_unit_test_setup_teardown(help_goes_to_the_output_and_lists_every_command,
						setup, teardown),
		cmocka_unit_test_setup_teardown(each_commands_help_is_one_text_by_either_road,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_repository_is_made_once_and_lists_nothing_at_first, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_is_imported_browsed_and_exported_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_encrypted_snapshot_needs_its_password_and_says_so, setup, teardown),
		cmocka_unit_test(failures_have_distinct_exit_statuses),
		cmocka_unit_test_setup_teardown(a_split_that_fails_half_way_leaves_nothing, setup,
						teardown),
		cmocka_unit_test(texts_of_devices_cannot_steer_a_terminal),
		cmocka_unit_test(a_progress_line_leaves_out_what_is_not_known),
		cmocka_unit_test(the_time_left_is_told_only_when_it_can_be),
		cmocka_unit_test_setup_teardown(lines_are_rate_limited_and_new_phases_are_told,
						setup, teardown),
		cmocka_unit_test(a_path_is_a_domain_and_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
