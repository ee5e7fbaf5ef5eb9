/*
 * crypto/identity_base64 - base64 as devices and SCEP clients write it
 *
 * In a header (Mdm-Signature) it is the usual alphabet, perhaps broken into lines; in the query of
 * a SCEP GET some clients use the URL alphabet, and some leave the padding away.
 */
#include "crypto/identity.h"

#include <limits.h>
#include <openssl/evp.h>

static int digit_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int crypto_base64_read(struct buf *out, struct slice text, struct err *err)
{
	size_t before = out->len, i, digits = 0, pads = 0;
	uint32_t bits = 0;
	int value, r = 0;

	for (i = 0; r == 0 && i < text.len; i++) {
		if (is_space(text.bytes[i]))
			continue;
		if (text.bytes[i] == '=') {
			pads++;
			continue;
		}
		value = digit_value(text.bytes[i]);
		if (value < 0 || pads > 0) {
			r = err_set(err, ERR_PROTOCOL, "not base64 at byte %zu", i);
			break;
		}
		bits = bits << 6 | (uint32_t)value;
		if (++digits % 4 != 1)
			r = buf_append_u8(out, (uint8_t)(bits >> (2 * (3 - (digits + 3) % 4))),
					  err);
	}
	if (r == 0 && (digits % 4 == 1 || (pads > 0 && (digits + pads) % 4 != 0) || pads > 2))
		r = err_set(err, ERR_PROTOCOL, "base64 that ends in the middle");
	if (r < 0)
		buf_truncate(out, before);
	return r;
}

int crypto_base64_write(struct buf *out, struct slice bytes, struct err *err)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	int r;

	if (bytes.len > INT_MAX / 2)
		return err_set(err, ERR_LIMIT, "%zu bytes for base64", bytes.len);
	r = buf_reserve(out, len + 1, err); /* OpenSSL ends it with NUL */
	if (r < 0)
		return r;
	EVP_EncodeBlock(out->bytes + out->len, bytes.bytes, (int)bytes.len);
	out->len += len;
	return 0;
}
