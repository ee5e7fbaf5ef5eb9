/*
 * testing - what the tests of this room share: paths, hex, temporary folders
 */
#ifndef REHOME_BACKUP_TESTING_H
#define REHOME_BACKUP_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "backup/backup.h"
#include "backup/kat.h"
#include "crypto/crypto.h"

/* where the contents of HomeDomain, Library/SMS/sms.db lie in any backup */
#define SMS "3d/3d0d7e5fb2ce288813306e4d4636395e047a3d28"

/* A failure prints what the library said. */
#define assert_done(call, err)                                                  \
	do {                                                                    \
		int done_ = (call);                                             \
		if (done_)                                                      \
			print_error("%s = %d: %s\n", #call, done_, (err).text); \
		assert_int_equal(done_, 0);                                     \
	} while (0)

/* The project's own backup: @kind is "plain" or "encrypted"; @name NULL for the folder */
static inline const char *testing_backup(const char *kind, const char *name, char out[1024])
{
	const char *root = getenv("REHOME_SOURCE_ROOT");

	assert_non_null(root);
	snprintf(out, 1024, "%s/tests/data/synthetic-ios-backup/%s/" KAT_UDID "%s%s", root, kind,
		 name ? "/" : "", name ? name : "");
	return out;
}

/* A fixture that others made; NULL after a visible line if it is not there: then skip() */
static inline const char *testing_fixture(const char *name, char out[1024])
{
	const char *root = getenv("REHOME_FIXTURES");

	if (root) {
		snprintf(out, 1024, "%s/%s", root, name);
		if (!access(out, R_OK))
			return out;
	}
	printf("SKIP: fixture %s is not there (REHOME_FIXTURES)\n", name);
	return NULL;
}

static inline struct slice testing_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= size);
	assert_true(hex_decode(hex, out, len));
	return slice_of(out, len);
}

static inline void testing_password(struct secret *secret, const char *text)
{
	assert_int_equal(secret_set(secret, slice_text(text), NULL), 0);
}

/* A new folder; testing_folder_remove as its CLEANUP */
static inline char *testing_folder(void)
{
	char *path = strdup("/tmp/rehome-test-backup-XXXXXX");

	assert_non_null(path);
	assert_non_null(mkdtemp(path));
	return path;
}

static inline void testing_folder_remove(char **path)
{
	fs_remove_tree(fs_system(), *path, NULL);
	free(*path);
}

/* @plain as devices store it under @key: AES-256-CBC, zero IV, PKCS#7 */
static inline void testing_encrypt(struct slice plain, const uint8_t key[BACKUP_KEY_LEN],
				   struct buf *stored)
{
	static const uint8_t iv[CRYPTO_BLOCK_LEN];
	struct crypto_cbc *cbc = NULL;
	size_t i, pad = CRYPTO_BLOCK_LEN - plain.len % CRYPTO_BLOCK_LEN;

	assert_int_equal(buf_append_slice(stored, plain, NULL), 0);
	for (i = 0; i < pad; i++)
		assert_int_equal(buf_append_u8(stored, (uint8_t)pad, NULL), 0);
	assert_int_equal(stored->len, backup_stored_len(plain.len));
	assert_int_equal(crypto_cbc_new(&cbc, NULL), 0);
	assert_int_equal(crypto_cbc_start(cbc, true, key, iv, NULL), 0);
	assert_int_equal(crypto_cbc_update(cbc, stored->bytes, stored->len, stored->bytes, NULL),
			 0);
	crypto_cbc_free(cbc);
}

static inline void testing_read_file(const char *path, struct buf *out)
{
	struct err err = ERR_INIT;

	assert_done(fs_read_file(fs_system(), path, out, &err), err);
}

static inline struct source *testing_open(const char *path)
{
	struct source *source = NULL;
	struct err err = ERR_INIT;

	assert_done(source_file_open(&source, path, &err), err);
	return source;
}

#endif
