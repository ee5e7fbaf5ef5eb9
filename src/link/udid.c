/*
 * The spelling of a UDID (2.3).
 *
 * The same device arrives with and without its dash, depending on the client, and
 * its UDID becomes a file name: one gate decides what is one, and how it is written.
 */
#include <string.h>

#include "link/link.h"

enum { UDID_OLD_LEN = 40, UDID_NEW_LEN = 24, UDID_CHIP_LEN = 8 };

static char to_case(char c, bool is_upper)
{
	if (is_upper && c >= 'a')
		return (char)(c - 'a' + 'A');
	if (!is_upper && c >= 'A' && c <= 'F')
		return (char)(c - 'A' + 'a');
	return c;
}

bool link_udid_normalize(const char *text, char out[41])
{
	char digits[UDID_OLD_LEN];
	size_t len, count = 0, at = 0;
	bool is_new;

	if (!text)
		return false;
	len = strnlen(text, UDID_OLD_LEN + 1);
	for (size_t i = 0; i < len; i++) {
		if (len == UDID_NEW_LEN + 1 && i == UDID_CHIP_LEN && text[i] == '-')
			continue;
		if (hex_digit_value(text[i]) < 0 || count == UDID_OLD_LEN)
			return false;
		digits[count++] = text[i];
	}
	if (count != UDID_OLD_LEN && count != UDID_NEW_LEN)
		return false;

	/* as devices themselves write them: the old form in lower case, the new one in upper */
	is_new = count == UDID_NEW_LEN;
	for (size_t i = 0; i < count; i++) {
		if (is_new && i == UDID_CHIP_LEN)
			out[at++] = '-';
		out[at++] = to_case(digits[i], is_new);
	}
	out[at] = '\0';
	return true;
}
