/*
 * plist/unicode - UTF-8 here, UTF-16 in binary lists
 */
#include "plist/internal.h"

bool plist_utf8_measure(const char *text, size_t len, size_t *unit_count)
{
	const uint8_t *at = (const uint8_t *)text;
	size_t units = 0;

	while (len > 0) {
		uint32_t code = *at;
		size_t step = code < 0x80 ? 1 : utf8_next(at, len, &code);

		if (step == 0)
			return false;
		units += code >= 0x10000 ? 2 : 1;
		at += step;
		len -= step;
	}
	*unit_count = units;
	return true;
}

static uint8_t *put_unit(uint8_t *out, uint32_t unit)
{
	out[0] = (uint8_t)(unit >> 8);
	out[1] = (uint8_t)unit;
	return out + 2;
}

void plist_utf8_to_utf16be(const char *text, size_t len, uint8_t *out)
{
	const uint8_t *at = (const uint8_t *)text;

	while (len > 0) {
		uint32_t code = 0;
		size_t step = utf8_next(at, len, &code);

		if (step == 0)
			return;
		if (code >= 0x10000) {
			out = put_unit(out, 0xd800 + ((code - 0x10000) >> 10));
			out = put_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
		} else {
			out = put_unit(out, code);
		}
		at += step;
		len -= step;
	}
}

/* put_code - @out may be NULL; returns the length */
static size_t put_code(char *out, uint32_t code)
{
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (out == NULL)
		return len;
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(lead[len] | code);
	return len;
}

size_t plist_utf16be_to_utf8(const uint8_t *units, size_t unit_count, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < unit_count; i++) {
		uint32_t code = (uint32_t)units[2 * i] << 8 | units[2 * i + 1];

		if (code >= 0xd800 && code <= 0xdfff) {
			uint32_t low = 0;

			if (code < 0xdc00 && i + 1 < unit_count)
				low = (uint32_t)units[2 * i + 2] << 8 | units[2 * i + 3];
			if (low >= 0xdc00 && low <= 0xdfff) {
				code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
				i++;
			} else {
				code = 0xfffd; /* half a pair */
			}
		}
		len += put_code(out == NULL ? NULL : out + len, code);
	}
	return len;
}
