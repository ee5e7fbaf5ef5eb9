/* contents are copied out by all cores as they would be by one */
#include "backup/testing.h"

#include <fcntl.h>

#include "backup/cbc.h"

enum { LONG = (20 << 20) + 7 };

static void make_stored(size_t len, const uint8_t key[32], struct buf *plain, struct buf *stored)
{
	size_t i;

	assert_int_equal(buf_reserve(plain, len, NULL), 0);
	for (i = 0; i < len; i++)
		plain->bytes[i] = (uint8_t)(i * 7 + (i >> 12));
	plain->len = len;
	testing_encrypt(buf_slice(plain), key, stored);
}

static struct source *open_stored(struct slice stored, const uint8_t key[32])
{
	struct source *bytes = NULL, *view = NULL;
	enum backup_padding padding;
	struct err err = ERR_INIT;

	assert_done(source_bytes_open(&bytes, stored, &err), err);
	assert_done(backup_cbc_open(&view, bytes, key, &err), err);
	assert_done(backup_cbc_strip(view, 0, &padding, &err), err);
	assert_int_equal(padding, BACKUP_PADDING_STRIPPED);
	return view;
}

static int open_file(const char *folder)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/out", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void assert_holds(int fd, struct slice wanted)
{
	CLEANUP(free_p) uint8_t *bytes = malloc(wanted.len + 1);

	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, wanted.len + 1, 0), wanted.len);
	assert_memory_equal(bytes, wanted.bytes, wanted.len);
}

static void encrypted_contents_of_any_length_come_out_whole(void **state)
{
	static const size_t lens[] = {0, 1, 15, 16, 17, 1 << 20, (1 << 20) + 1, LONG};
	static const uint8_t key[32] = {1, 2, 3};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(lens); i++) {
		CLEANUP(testing_folder_remove) char *folder = testing_folder();
		CLEANUP(buf_clear) struct buf plain = BUF_INIT(LONG), stored = BUF_INIT(LONG + 16);
		CLEANUP(source_close_p) struct source *view = NULL;
		CLEANUP(close_p) int fd = open_file(folder);
		struct err err = ERR_INIT;

		make_stored(lens[i], key, &plain, &stored);
		view = open_stored(buf_slice(&stored), key);
		assert_done(backup_content_copy(view, fd, NULL, &err), err);
		assert_holds(fd, buf_slice(&plain));
	}
}

static void plain_contents_come_out_whole(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(buf_clear) struct buf plain = BUF_INIT(LONG), stored = BUF_INIT(LONG + 16);
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(close_p) int fd = open_file(folder);
	static const uint8_t key[32];
	struct err err = ERR_INIT;

	make_stored(LONG, key, &plain, &stored);
	assert_done(source_bytes_open(&source, buf_slice(&plain), &err), err);
	assert_done(backup_content_copy(source, fd, NULL, &err), err);
	assert_holds(fd, buf_slice(&plain));
}

/* ---- failures ---- */

struct failing {
	struct source source;
	uint64_t fail_from;
};

static ssize_t failing_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			    struct err *err)
{
	if (offset + len > ((struct failing *)source)->fail_from)
		return err_set(err, ERR_CORRUPT, "pack 3 is damaged");
	memset(bytes, 0, len);
	return (ssize_t)len;
}

static void failing_close(struct source *source)
{
}

static void a_failure_is_told_once_and_in_its_own_words(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	CLEANUP(close_p) int fd = open_file(folder);
	struct failing failing = {{LONG / 16 * 16, failing_read, failing_close}, 12 << 20};
	struct cancel cancel = {.is_requested = 0, .wake_fd = -1};
	struct source *view = NULL;
	static const uint8_t key[32];
	struct err err = ERR_INIT;
	int reading;

	assert_done(backup_cbc_open(&view, &failing.source, key, &err), err);
	assert_int_equal(backup_content_copy(view, fd, NULL, &err), ERR_CORRUPT);
	assert_string_equal(err.text, "pack 3 is damaged");
	failing.fail_from = UINT64_MAX;
	assert_done(backup_content_copy(view, fd, &cancel, &err), err);
	cancel.is_requested = 1;
	assert_int_equal(backup_content_copy(view, fd, &cancel, &err), ERR_CANCELED);
	reading = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(backup_content_copy(view, reading, NULL, &err), ERR_IO);
	close(reading);
	view->close(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encrypted_contents_of_any_length_come_out_whole),
		cmocka_unit_test(plain_contents_come_out_whole),
		cmocka_unit_test(a_failure_is_told_once_and_in_its_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
