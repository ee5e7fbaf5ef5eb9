/* encrypted files read at any place */
#include "backup/testing.h"

#include "crypto/crypto.h"

static struct source *open_bytes(struct slice stored, const uint8_t key[32])
{
	struct source *bytes = NULL, *view = NULL;
	struct err err = ERR_INIT;

	assert_done(source_bytes_open(&bytes, stored, &err), err);
	assert_done(backup_cbc_open(&view, bytes, key, &err), err);
	return view;
}

static void every_known_file_decrypts_to_its_bytes(void **state)
{
	enum backup_padding padding;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kat_cbc); i++) {
		CLEANUP(buf_clear) struct buf got = BUF_INIT(4096);
		uint8_t key[32], plain[512], stored[512];
		struct slice wanted = testing_hex(kat_cbc[i].plain, plain, sizeof(plain));
		struct source *view;

		testing_hex(kat_cbc[i].key, key, sizeof(key));
		view = open_bytes(testing_hex(kat_cbc[i].stored, stored, sizeof(stored)), key);
		assert_done(backup_cbc_strip(view, wanted.len, &padding, &err), err);
		assert_int_equal(padding, BACKUP_PADDING_STRIPPED);
		assert_int_equal(view->len, wanted.len);
		assert_done(source_read_all(view, &got, &err), err);
		assert_true(slice_equal(buf_slice(&got), wanted));
		view->close(view);
	}
}

/* @len plain bytes 0, 1, 2 ... 250, 0 ..., stored */
static void make_long(size_t len, const uint8_t key[32], struct buf *plain, struct buf *stored)
{
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(buf_append_u8(plain, (uint8_t)(i % 251), NULL), 0);
	testing_encrypt(buf_slice(plain), key, stored);
}

static void a_long_file_reads_the_same_at_any_place_and_length(void **state)
{
	CLEANUP(buf_clear) struct buf plain = BUF_INIT(1 << 20), stored = BUF_INIT(1 << 20);
	static const size_t offsets[] = {0, 1, 15, 16, 17, 65519, 65520, 65535, 65536, 131071};
	static const size_t lengths[] = {1, 15, 16, 17, 65535, 65536, 65537, 140000};
	static uint8_t got[140000];
	uint8_t key[32] = {3, 1, 4};
	enum backup_padding padding;
	struct err err = ERR_INIT;
	struct source *view;
	size_t i, j, left, wanted;

	make_long(200001, key, &plain, &stored);
	view = open_bytes(buf_slice(&stored), key);
	assert_done(backup_cbc_strip(view, 5, &padding, &err), err);
	assert_int_equal(view->len, plain.len); /* the size is not believed */
	for (i = 0; i < ARRAY_COUNT(offsets); i++)
		for (j = 0; j < ARRAY_COUNT(lengths); j++) {
			left = plain.len - offsets[i];
			wanted = lengths[j] < left ? lengths[j] : left;
			assert_int_equal(view->read(view, offsets[i], got, lengths[j], &err),
					 wanted);
			assert_memory_equal(got, plain.bytes + offsets[i], wanted);
		}
	assert_int_equal(view->read(view, plain.len, got, 1, &err), 0);
	assert_int_equal(view->read(view, UINT64_MAX, got, 1, &err), 0);
	view->close(view);
}

/* zeros, more of them than 32 bits can count */
static ssize_t endless_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			    struct err *err)
{
	memset(bytes, 0, len);
	return (ssize_t)len;
}

static void endless_close(struct source *source)
{
}

static void a_file_over_4_gib_reads_at_its_end(void **state)
{
	struct source endless = {(uint64_t)5 << 30, endless_read, endless_close};
	static const uint8_t key[32], zeros[32], iv[16];
	uint8_t wanted[32], got[40];
	struct crypto_cbc *cbc = NULL;
	struct source *view = NULL;
	struct err err = ERR_INIT;

	assert_done(crypto_cbc_new(&cbc, &err), err);
	assert_done(crypto_cbc_start(cbc, false, key, iv, &err), err);
	assert_done(crypto_cbc_update(cbc, zeros, sizeof(zeros), wanted, &err), err);
	crypto_cbc_free(cbc);
	assert_done(backup_cbc_open(&view, &endless, key, &err), err);
	assert_int_equal(view->read(view, endless.len - 32, got, sizeof(got), &err), 32);
	assert_memory_equal(got, wanted, sizeof(wanted));
	view->close(view);
}

static void invalid_padding_keeps_the_bytes_up_to_the_recorded_size(void **state)
{
	CLEANUP(buf_clear) struct buf plain = BUF_INIT(4096), stored = BUF_INIT(4096);
	uint8_t key[32] = {1}, other[32] = {2};
	enum backup_padding padding;
	struct err err = ERR_INIT;
	struct source *view;

	make_long(100, key, &plain, &stored);
	view = open_bytes(buf_slice(&stored), other);
	assert_done(backup_cbc_strip(view, 100, &padding, &err), err);
	assert_int_equal(padding, BACKUP_PADDING_INVALID);
	assert_int_equal(view->len, 100);
	assert_done(backup_cbc_strip(view, 1000, &padding, &err), err);
	assert_int_equal(view->len, 112);
	view->close(view);
}

static void a_stored_length_that_is_no_multiple_of_16_is_reported(void **state)
{
	CLEANUP(buf_clear) struct buf plain = BUF_INIT(4096), stored = BUF_INIT(4096);
	uint8_t key[32] = {1}, got[32];
	enum backup_padding padding;
	struct err err = ERR_INIT;
	struct source *view;

	make_long(100, key, &plain, &stored);
	view = open_bytes(slice_of(stored.bytes, 45), key);
	assert_done(backup_cbc_strip(view, 100, &padding, &err), err);
	assert_int_equal(padding, BACKUP_PADDING_NOT_BLOCKS);
	assert_int_equal(view->len, 32);
	assert_int_equal(view->read(view, 0, got, 32, &err), 32);
	assert_memory_equal(got, plain.bytes, 32);
	view->close(view);

	view = open_bytes(SLICE_EMPTY, key);
	assert_done(backup_cbc_strip(view, 100, &padding, &err), err);
	assert_int_equal(padding, BACKUP_PADDING_NOT_BLOCKS);
	assert_int_equal(view->len, 0);
	assert_int_equal(view->read(view, 0, got, 32, &err), 0);
	view->close(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_known_file_decrypts_to_its_bytes),
		cmocka_unit_test(a_long_file_reads_the_same_at_any_place_and_length),
		cmocka_unit_test(a_file_over_4_gib_reads_at_its_end),
		cmocka_unit_test(invalid_padding_keeps_the_bytes_up_to_the_recorded_size),
		cmocka_unit_test(a_stored_length_that_is_no_multiple_of_16_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
