/* the keybag opens with the password, and only what it should */
#include "backup/testing.h"

#include "backup/keybag.h"

static struct backup_keybag *parse_hex(const char *hex)
{
	uint8_t bytes[4096];
	struct backup_keybag *bag = NULL;
	struct err err = ERR_INIT;

	assert_done(backup_keybag_parse(&bag, testing_hex(hex, bytes, sizeof(bytes)), &err), err);
	return bag;
}

static void each_stage_of_the_derivation_gives_the_known_answer(void **state)
{
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kat_derivations); i++) {
		const struct kat_derivation *kat = &kat_derivations[i];
		struct secret password = SECRET_INIT;
		uint8_t bytes[64], dpsl[64], salt[64], kek[32], wanted[32], wrapped[40], key[32];
		struct slice stage_salt = testing_hex(kat->dpsl, dpsl, sizeof(dpsl));
		struct slice last_salt = testing_hex(kat->salt, salt, sizeof(salt));

		secret_set(&password, testing_hex(kat->password, bytes, sizeof(bytes)), NULL);
		assert_done(keybag_derive(&password, stage_salt, kat->dpic, last_salt, kat->iter,
					  kek, &err),
			    err);
		testing_hex(kat->kek, wanted, sizeof(wanted));
		assert_memory_equal(kek, wanted, sizeof(kek));
		testing_hex(kat->wrapped, wrapped, sizeof(wrapped));
		assert_done(crypto_unwrap(kek, wrapped, key, &err), err);
		testing_hex(kat->key, wanted, sizeof(wanted));
		assert_memory_equal(key, wanted, sizeof(key));

		assert_done(
			keybag_derive(&password, SLICE_EMPTY, 0, last_salt, kat->iter, kek, &err),
			err);
		testing_hex(kat->old_kek, wanted, sizeof(wanted));
		assert_memory_equal(kek, wanted, sizeof(kek));
	}
}

static void the_known_bag_opens_the_manifest_key(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = parse_hex(kat_keybag);
	struct secret password = SECRET_INIT;
	uint8_t blob[64], key[32], wanted[32];
	struct slice wrapped = testing_hex(KAT_MANIFEST_KEY_BLOB, blob, sizeof(blob));
	struct err err = ERR_INIT;

	assert_int_equal(backup_keybag_rounds(bag), KAT_ROUNDS);
	assert_int_equal(backup_keybag_file_key(bag, wrapped, key, &err), ERR_PASSWORD);
	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_true(backup_keybag_is_open(bag));
	assert_done(backup_keybag_file_key(bag, wrapped, key, &err), err);
	testing_hex(KAT_MANIFEST_KEY, wanted, sizeof(wanted));
	assert_memory_equal(key, wanted, sizeof(key));

	blob[20] ^= 1;
	assert_int_equal(backup_keybag_file_key(bag, wrapped, key, &err), ERR_CORRUPT);
	assert_int_equal(backup_keybag_file_key(bag, slice_of(blob, 43), key, &err), ERR_CORRUPT);
}

static void a_wrong_password_is_told_apart_from_damage(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = parse_hex(kat_keybag);
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;

	testing_password(&password, "synthetic-Backup-1");
	assert_int_equal(backup_keybag_unlock(bag, &password, &err), BACKUP_WRONG_PASSWORD);
	assert_false(backup_keybag_is_open(bag));
	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
}

static void classes_with_wrap_2_serve_and_those_with_wrap_3_do_not(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = parse_hex(kat_keybag);
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	uint8_t class_key[32], key[32] = {1, 2, 3}, got[32], blob[44];
	size_t i;

	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	for (i = 0; i < ARRAY_COUNT(kat_classes); i++) {
		testing_hex(kat_classes[i].key, class_key, sizeof(class_key));
		assert_done(
			backup_keybag_wrap_with(class_key, kat_classes[i].number, key, blob, &err),
			err);
		if (kat_classes[i].wrap == 3) {
			assert_int_equal(backup_keybag_file_key(bag, slice_of(blob, sizeof(blob)),
								got, &err),
					 ERR_CORRUPT);
			assert_int_equal(backup_keybag_wrap_file_key(bag, kat_classes[i].number,
								     key, blob, &err),
					 ERR_CORRUPT);
			continue;
		}
		assert_done(backup_keybag_file_key(bag, slice_of(blob, sizeof(blob)), got, &err),
			    err);
		assert_memory_equal(got, key, sizeof(key));
	}
}

static void the_bag_of_a_changed_password_opens_the_same_keys(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = parse_hex(kat_new_keybag);
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	uint8_t blob[64], key[32], wanted[32], bytes[64];

	testing_password(&password, KAT_PASSWORD);
	assert_int_equal(backup_keybag_unlock(bag, &password, &err), BACKUP_WRONG_PASSWORD);
	secret_set(&password, testing_hex(KAT_NEW_PASSWORD_HEX, bytes, sizeof(bytes)), NULL);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_done(backup_keybag_file_key(
			    bag, testing_hex(KAT_MANIFEST_KEY_BLOB, blob, sizeof(blob)), key, &err),
		    err);
	testing_hex(KAT_MANIFEST_KEY, wanted, sizeof(wanted));
	assert_memory_equal(key, wanted, sizeof(key));
}

static void fill_recipe(struct backup_keybag_recipe *recipe)
{
	struct entropy_seeded seeded;

	entropy_seeded_init(&seeded, 7);
	assert_int_equal(seeded.entropy.fill(&seeded.entropy, recipe, sizeof(*recipe), NULL), 0);
	recipe->dpic = 20;
	recipe->iter = 10;
}

static void a_made_bag_has_the_shape_of_a_devices_and_opens(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(4096), again = BUF_INIT(4096);
	uint8_t known[4096], key[32] = {9}, got[32], file_key[44];
	size_t known_len = testing_hex(kat_keybag, known, sizeof(known)).len, at;
	struct backup_keybag_recipe recipe;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;

	fill_recipe(&recipe);
	testing_password(&password, "p\xc3\xa4ss");
	assert_done(backup_keybag_make(&blob, &recipe, &password, &err), err);
	assert_done(backup_keybag_make(&again, &recipe, &password, &err), err);
	assert_true(slice_equal(buf_slice(&blob), buf_slice(&again)));

	/* the same tags with the same lengths at the same places as in the known bag */
	assert_int_equal(blob.len, known_len);
	for (at = 0; at < known_len; at += 8 + get_u32be(known + at + 4))
		assert_memory_equal(blob.bytes + at, known + at, 8);

	assert_done(backup_keybag_parse(&bag, buf_slice(&blob), &err), err);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_done(backup_keybag_wrap_with(recipe.class_keys[3 - 1], 3, key, file_key, &err), err);
	assert_done(backup_keybag_file_key(bag, slice_of(file_key, sizeof(file_key)), got, &err),
		    err);
	assert_memory_equal(got, key, sizeof(key));
	assert_done(backup_keybag_wrap_with(recipe.class_keys[9 - 1], 9, key, file_key, &err), err);
	assert_int_equal(
		backup_keybag_file_key(bag, slice_of(file_key, sizeof(file_key)), got, &err),
		ERR_CORRUPT);
}

static void a_bag_cut_anywhere_is_refused_or_stays_closed(void **state)
{
	uint8_t bytes[4096];
	struct slice whole = testing_hex(kat_keybag, bytes, sizeof(bytes));
	struct err err = ERR_INIT;
	size_t len;

	for (len = 0; len < whole.len; len++) {
		CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
		int r = backup_keybag_parse(&bag, slice_of(bytes, len), &err);

		assert_true(r == 0 || r == ERR_CORRUPT);
		if (!r)
			assert_false(backup_keybag_is_open(bag));
	}
}

/* "SALT" with its length and value begins at the returned offset */
static size_t offset_of(struct slice blob, const char *tag)
{
	const uint8_t *at = memmem(blob.bytes, blob.len, tag, 4);

	assert_non_null(at);
	return (size_t)(at - blob.bytes);
}

static void a_bag_that_asks_for_too_many_rounds_is_refused(void **state)
{
	struct backup_keybag *bag = NULL;
	struct err err = ERR_INIT;
	uint8_t bytes[4096];
	struct slice blob = testing_hex(kat_keybag, bytes, sizeof(bytes));

	put_u32be(bytes + offset_of(blob, "DPIC") + 8, BACKUP_KDF_ROUNDS_MAX + 1);
	assert_int_equal(backup_keybag_parse(&bag, blob, &err), ERR_LIMIT);
	assert_null(bag);
}

static void a_system_keybag_is_unsupported(void **state)
{
	struct backup_keybag *bag = NULL;
	struct err err = ERR_INIT;
	uint8_t bytes[4096];
	struct slice blob = testing_hex(kat_keybag, bytes, sizeof(bytes));
	size_t at = offset_of(blob, "TYPE") + 8;

	put_u32be(bytes + at, 0);
	assert_int_equal(backup_keybag_parse(&bag, blob, &err), ERR_UNSUPPORTED);
	put_u32be(bytes + at, 0x40000001); /* a flag above the type is none of our business */
	assert_int_equal(backup_keybag_parse(&bag, blob, &err), 0);
	backup_keybag_free(bag);
}

static void a_damaged_class_closes_itself_alone(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	uint8_t bytes[4096], key[32] = {1}, wrapped[44];
	struct slice blob = testing_hex(kat_keybag, bytes, sizeof(bytes));

	bytes[blob.len - 1] ^= 1; /* the last member is the key of class 1 */
	assert_done(backup_keybag_parse(&bag, blob, &err), err);
	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_int_equal(backup_keybag_wrap_file_key(bag, 1, key, wrapped, &err), ERR_CORRUPT);
	assert_done(backup_keybag_wrap_file_key(bag, 2, key, wrapped, &err), err);
}

/* As iOS before 10.2 wrote them, with a class that no one knows. */
static void an_old_bag_without_dpsl_opens(void **state)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(4096);
	const struct kat_derivation *kat = &kat_derivations[0];
	uint8_t kek[32], key[32] = {5}, wrapped[40], out[44], word[4], uuid[16] = {0}, salt[20];
	static const uint32_t classes[] = {16, 4};
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	size_t i;

	testing_hex(kat->old_kek, kek, sizeof(kek));
	testing_hex(kat->salt, salt, sizeof(salt));
	assert_done(crypto_wrap(kek, key, wrapped, &err), err);
	buf_append(&blob, "UUID\0\0\0\x10", 8, NULL);
	buf_append(&blob, uuid, 16, NULL);
	buf_append(&blob, "SALT\0\0\0\x14", 8, NULL);
	buf_append(&blob, salt, 20, NULL);
	buf_append(&blob, "ITER\0\0\0\x04\0\0\0\x01", 12, NULL);
	for (i = 0; i < ARRAY_COUNT(classes); i++) {
		put_u32be(word, classes[i]);
		buf_append(&blob, "UUID\0\0\0\x10", 8, NULL);
		buf_append(&blob, uuid, 16, NULL);
		buf_append(&blob, "WPKY\0\0\0\x28", 8, NULL);
		buf_append(&blob, wrapped, 40, NULL);
		buf_append(&blob,
			   "WRAP\0\0\0\x04\0\0\0\x02"
			   "CLAS\0\0\0\x04",
			   20, NULL);
		buf_append(&blob, word, 4, NULL);
	}
	assert_done(backup_keybag_parse(&bag, buf_slice(&blob), &err), err);
	testing_password(&password, "abc");
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_int_equal(backup_keybag_wrap_file_key(bag, 4, key, out, &err), 0);
	assert_int_equal(backup_keybag_wrap_file_key(bag, 16, key, out, &err), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stage_of_the_derivation_gives_the_known_answer),
		cmocka_unit_test(the_known_bag_opens_the_manifest_key),
		cmocka_unit_test(a_wrong_password_is_told_apart_from_damage),
		cmocka_unit_test(classes_with_wrap_2_serve_and_those_with_wrap_3_do_not),
		cmocka_unit_test(the_bag_of_a_changed_password_opens_the_same_keys),
		cmocka_unit_test(a_made_bag_has_the_shape_of_a_devices_and_opens),
		cmocka_unit_test(a_bag_cut_anywhere_is_refused_or_stays_closed),
		cmocka_unit_test(a_bag_that_asks_for_too_many_rounds_is_refused),
		cmocka_unit_test(a_system_keybag_is_unsupported),
		cmocka_unit_test(a_damaged_class_closes_itself_alone),
		cmocka_unit_test(an_old_bag_without_dpsl_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
