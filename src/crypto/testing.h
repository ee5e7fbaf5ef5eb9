/*
 * crypto/testing - hex in tests
 */
#ifndef REHOME_CRYPTO_TESTING_H
#define REHOME_CRYPTO_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "crypto/crypto.h"

enum { TESTING_BYTES_MAX = 512 };

/** struct bytes - what a hex text says */
struct bytes {
	uint8_t at[TESTING_BYTES_MAX];
	size_t len;
};

static inline struct bytes from_hex(const char *text)
{
	struct bytes bytes = {.len = strlen(text) / 2};

	assert_true(bytes.len <= TESTING_BYTES_MAX);
	assert_true(hex_decode(text, bytes.at, bytes.len));
	return bytes;
}

static inline struct slice bytes_slice(const struct bytes *bytes)
{
	return slice_of(bytes->at, bytes->len);
}

#define assert_hex_equal(actual, hex)                                     \
	do {                                                              \
		struct bytes expected_ = from_hex(hex);                   \
		assert_memory_equal(actual, expected_.at, expected_.len); \
	} while (0)

#endif
