/* the file tables: whole-file helpers, failures on demand, and what a power loss leaves */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/rehome-test-fs-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	return fs_remove_tree(fs_system(), folder, NULL);
}

static const char *in_folder(const char *name)
{
	static char path[2][256];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static void a_written_file_reads_back_and_leaves_no_temporary(void **state)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(100);
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(fs_write_file(fs_system(), in_folder("a"), slice_text("hello"), 0, &err),
			 0);
	assert_int_equal(fs_read_file(fs_system(), in_folder("a"), &text, &err), 0);
	assert_string_equal(buf_text(&text), "hello");
	assert_int_equal(fs_system()->stat(fs_system(), in_folder("a.tmp"), &st), -ENOENT);
	assert_int_equal(fs_system()->stat(fs_system(), in_folder("a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_over_the_limit_is_refused_and_nothing_is_kept(void **state)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(4);
	struct err err = ERR_INIT;

	assert_int_equal(fs_write_file(fs_system(), in_folder("a"), slice_text("hello"), 0, &err),
			 0);
	assert_int_equal(fs_read_file(fs_system(), in_folder("a"), &text, &err), ERR_LIMIT);
	assert_int_equal(text.len, 0);
	assert_non_null(strstr(err.text, folder));
}

static void a_full_disk_leaves_the_old_file_whole_whichever_operation_fails(void **state)
{
	for (int64_t nth = 0;; nth++) {
		CLEANUP(buf_clear) struct buf text = BUF_INIT(100);
		struct fs_fault fault;
		struct err err = ERR_INIT;
		int r;

		assert_int_equal(
			fs_write_file(fs_system(), in_folder("a"), slice_text("old"), 0, &err), 0);
		fs_fault_init(&fault, fs_system(), nth, ENOSPC, false);
		r = fs_write_file(&fault.fs, in_folder("a"), slice_text("new!"), 0, &err);
		assert_int_equal(fs_read_file(fs_system(), in_folder("a"), &text, NULL), 0);
		if (!fault.has_fired) {
			assert_int_equal(r, 0);
			assert_string_equal(buf_text(&text), "new!");
			assert_true(nth >= 4); /* create, write, sync, rename, sync of the folder */
			return;
		}
		assert_int_equal(r, ERR_NO_SPACE);
		/* whole in every case; new only when all but the last sync went through */
		assert_true(!strcmp(buf_text(&text), "old") || !strcmp(buf_text(&text), "new!"));
	}
}

static void parents_are_made_and_a_tree_goes_as_a_whole(void **state)
{
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(fs_mkdirs(fs_system(), in_folder("x/y/z"), 0700, &err), 0);
	assert_int_equal(fs_mkdirs(fs_system(), in_folder("x/y/z"), 0700, &err), 0);
	assert_int_equal(fs_write_file(fs_system(), in_folder("x/y/f"), slice_text("1"), 0, &err),
			 0);
	assert_int_equal(fs_mkdirs(fs_system(), in_folder("x/y/f"), 0700, &err), ERR_EXISTS);
	assert_int_equal(fs_remove_tree(fs_system(), in_folder("x"), &err), 0);
	assert_int_equal(fs_system()->stat(fs_system(), in_folder("x"), &st), -ENOENT);
	assert_int_equal(fs_remove_tree(fs_system(), in_folder("x"), &err), 0);
}

/* replays of a recorded atomic replacement: always the old or the new content, never less */
static void a_replaced_file_survives_every_power_loss(void **state)
{
	struct fs_record *record = NULL;
	struct err err = ERR_INIT;
	size_t first, states = 0;

	assert_int_equal(fs_mkdirs(fs_system(), in_folder("live"), 0700, &err), 0);
	assert_int_equal(fs_record_new(&record, fs_system(), in_folder("live"), &err), 0);
	assert_int_equal(fs_write_file(fs_record_fs(record), in_folder("live/a"), slice_text("old"),
				       0, &err),
			 0);
	first = fs_record_count(record);
	assert_int_equal(fs_write_file(fs_record_fs(record), in_folder("live/a"),
				       slice_text("newer"), 0, &err),
			 0);
	for (size_t count = first; count <= fs_record_count(record); count++) {
		for (uint64_t seed = 0; seed < 20; seed++, states++) {
			CLEANUP(buf_clear) struct buf text = BUF_INIT(100);

			assert_int_equal(fs_mkdirs(fs_system(), in_folder("after"), 0700, &err), 0);
			assert_int_equal(fs_replay(record, count, seed, in_folder("after"), &err),
					 0);
			assert_int_equal(
				fs_read_file(fs_system(), in_folder("after/a"), &text, &err), 0);
			assert_true(!strcmp(buf_text(&text), "old") ||
				    !strcmp(buf_text(&text), "newer"));
			assert_int_equal(fs_remove_tree(fs_system(), in_folder("after"), &err), 0);
		}
	}
	assert_true(states >= 100);
	fs_record_free(record);
}

/* the model is able to hurt: the same without a sync does lose data */
static void a_file_that_was_never_synced_is_lost_or_torn_in_some_replay(void **state)
{
	struct fs_record *record = NULL;
	struct fs *fs;
	struct err err = ERR_INIT;
	size_t lost = 0, torn = 0, whole = 0;
	char block[2048];
	int fd;

	memset(block, 'x', sizeof(block));
	assert_int_equal(fs_record_new(&record, fs_system(), folder, &err), 0);
	fs = fs_record_fs(record);
	fd = fs->open(fs, in_folder("b"), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fs_pwrite_all(fs, fd, block, sizeof(block), 0, &err), 0);
	fs->close(fs, fd);
	for (uint64_t seed = 0; seed < 100; seed++) {
		CLEANUP(buf_clear) struct buf text = BUF_INIT(4096);

		assert_int_equal(fs_mkdirs(fs_system(), in_folder("after"), 0700, &err), 0);
		assert_int_equal(
			fs_replay(record, fs_record_count(record), seed, in_folder("after"), &err),
			0);
		if (fs_read_file(fs_system(), in_folder("after/b"), &text, NULL) < 0)
			lost++;
		else if (text.len == sizeof(block))
			whole++;
		else
			torn++;
		assert_int_equal(fs_remove_tree(fs_system(), in_folder("after"), &err), 0);
	}
	assert_true(lost > 0 && torn > 0 && whole > 0);
	fs_record_free(record);
}

static void a_source_reads_short_only_at_its_end(void **state)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(buf_clear) struct buf all = BUF_INIT(10);
	struct err err = ERR_INIT;
	uint8_t bytes[8];

	assert_int_equal(
		fs_write_file(fs_system(), in_folder("s"), slice_text("0123456789"), 0, &err), 0);
	assert_int_equal(source_file_open(&source, in_folder("s"), &err), 0);
	assert_int_equal(source->len, 10);
	assert_int_equal(source->read(source, 6, bytes, sizeof(bytes), &err), 4);
	assert_int_equal(source->read(source, 10, bytes, sizeof(bytes), &err), 0);
	assert_int_equal(source_read_all(source, &all, &err), 0);
	assert_string_equal(buf_text(&all), "0123456789");
	assert_int_equal(source_file_open(&source, folder, &err), ERR_CORRUPT);
}

static void a_source_that_ends_early_is_told_from_a_whole_one(void **state)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	struct err err = ERR_INIT;
	uint8_t bytes[8];

	assert_int_equal(source_bytes_open(&source, slice_text("0123456789"), &err), 0);
	assert_int_equal(source_read_exactly(source, 2, bytes, sizeof(bytes), &err), 0);
	assert_memory_equal(bytes, "23456789", 8);
	assert_int_equal(source_read_exactly(source, 3, bytes, sizeof(bytes), &err), ERR_CORRUPT);
}

/* the password that a file of @text gives, or the failure */
static int read_password(const char *text, struct secret *secret, struct err *err)
{
	assert_int_equal(fs_write_file(fs_system(), in_folder("p"), slice_text(text), 0, err), 0);
	return secret_read_file(secret, in_folder("p"), err);
}

static void a_password_is_the_first_line_of_its_file(void **state)
{
	CLEANUP(secret_clear) struct secret secret = SECRET_INIT;
	struct err err = ERR_INIT;
	char long_line[SECRET_LEN_MAX + 2];

	assert_int_equal(read_password("open sesame\nsecond", &secret, &err), 0);
	assert_true(slice_equal(secret_slice(&secret), slice_text("open sesame")));
	assert_int_equal(read_password("from Windows\r\n", &secret, &err), 0);
	assert_true(slice_equal(secret_slice(&secret), slice_text("from Windows")));
	assert_int_equal(read_password("\nsecond", &secret, &err), ERR_PASSWORD);
	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = '\0';
	assert_int_equal(read_password(long_line, &secret, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, folder));
	assert_int_equal(secret_read_file(&secret, in_folder("none"), &err), ERR_NOT_FOUND);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_written_file_reads_back_and_leaves_no_temporary),
		IN_FOLDER(a_file_over_the_limit_is_refused_and_nothing_is_kept),
		IN_FOLDER(a_full_disk_leaves_the_old_file_whole_whichever_operation_fails),
		IN_FOLDER(parents_are_made_and_a_tree_goes_as_a_whole),
		IN_FOLDER(a_replaced_file_survives_every_power_loss),
		IN_FOLDER(a_file_that_was_never_synced_is_lost_or_torn_in_some_replay),
		IN_FOLDER(a_source_reads_short_only_at_its_end),
		cmocka_unit_test(a_source_that_ends_early_is_told_from_a_whole_one),
		IN_FOLDER(a_password_is_the_first_line_of_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
