/* keybags whose passwords are known, from the self-tests of public password tools */
#include "backup/testing.h"

#include <jansson.h>

#include "backup/keybag.h"

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

static const char *text_at(const json_t *vector, const char *key)
{
	return json_string_value(json_object_get(vector, key)); /* NULL for null */
}

static struct slice hex_at(const json_t *vector, const char *key, uint8_t out[64])
{
	const char *hex = text_at(vector, key);

	return hex ? testing_hex(hex, out, 64) : SLICE_EMPTY;
}

static uint32_t number_at(const json_t *vector, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(vector, key)); /* 0 for null */
}

/* Each stage gives what two other programs computed. */
static void check_stages(const json_t *vector)
{
	uint8_t dpsl[64], salt[64], wanted[64], stage[32], kek[32], wrapped[64], key[32];
	struct slice stage_salt = hex_at(vector, "DPSL", dpsl);
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;

	testing_password(&password, text_at(vector, "passphrase"));
	if (stage_salt.len) {
		assert_done(crypto_pbkdf2_sha256(secret_slice(&password), stage_salt,
						 number_at(vector, "DPIC"), stage, sizeof(stage),
						 &err),
			    err);
		hex_at(vector, "stage1", wanted);
		assert_memory_equal(stage, wanted, sizeof(stage));
	}
	assert_done(keybag_derive(&password, stage_salt, number_at(vector, "DPIC"),
				  hex_at(vector, "SALT", salt), number_at(vector, "ITER"), kek,
				  &err),
		    err);
	hex_at(vector, "kek", wanted);
	assert_memory_equal(kek, wanted, sizeof(kek));
	hex_at(vector, "WPKY", wrapped);
	assert_done(crypto_unwrap(kek, wrapped, key, &err), err);
	hex_at(vector, "unwrapped", wanted);
	assert_memory_equal(key, wanted, sizeof(key));
}

static void put(struct buf *bag, const char *tag, struct slice value)
{
	assert_int_equal(buf_append(bag, tag, 4, NULL), 0);
	assert_int_equal(buf_append_u32be(bag, (uint32_t)value.len, NULL), 0);
	assert_int_equal(buf_append_slice(bag, value, NULL), 0);
}

static void put_u32(struct buf *bag, const char *tag, uint32_t value)
{
	uint8_t bytes[4];

	put_u32be(bytes, value);
	put(bag, tag, slice_of(bytes, sizeof(bytes)));
}

/* A whole bag around the one wrapped key that the vector has. */
static void check_bag(const json_t *vector)
{
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(4096);
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	struct secret password = SECRET_INIT, wrong = SECRET_INIT;
	static const uint8_t uuid[16];
	struct err err = ERR_INIT;
	uint8_t bytes[64];

	put_u32(&blob, "TYPE", 1);
	put(&blob, "UUID", slice_of(uuid, sizeof(uuid)));
	put(&blob, "SALT", hex_at(vector, "SALT", bytes));
	put_u32(&blob, "ITER", number_at(vector, "ITER"));
	if (text_at(vector, "DPSL")) {
		put_u32(&blob, "DPIC", number_at(vector, "DPIC"));
		put(&blob, "DPSL", hex_at(vector, "DPSL", bytes));
	}
	put(&blob, "UUID", slice_of(uuid, sizeof(uuid)));
	put_u32(&blob, "CLAS", 4);
	put_u32(&blob, "WRAP", 2);
	put(&blob, "WPKY", hex_at(vector, "WPKY", bytes));
	assert_done(backup_keybag_parse(&bag, buf_slice(&blob), &err), err);
	testing_password(&password, text_at(vector, "passphrase"));
	testing_password(&wrong, "not this one");
	assert_int_equal(backup_keybag_unlock(bag, &wrong, &err), BACKUP_WRONG_PASSWORD);
	assert_false(backup_keybag_is_open(bag));
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	assert_true(backup_keybag_is_open(bag));
}

static void public_vectors_open_stage_by_stage_and_no_other_password_does(void **state)
{
	CLEANUP(json_decref_p) json_t *json = NULL;
	char path[1024];
	json_t *vectors, *vector;
	size_t i;

	if (!testing_fixture("kdf-vectors/vectors.json", path))
		skip();
	json = json_load_file(path, 0, NULL);
	vectors = json_object_get(json, "vectors");
	assert_int_equal(json_array_size(vectors), 7);
	json_array_foreach(vectors, i, vector)
	{
		check_stages(vector);
		check_bag(vector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_vectors_open_stage_by_stage_and_no_other_password_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
