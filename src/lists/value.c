/*
 * value - one identifier and its details, as people type them and as the services want them
 *
 * What can be mended without guessing is mended and remarked on; the rest is refused.
 */
#include "lists/internal.h"

#include <ctype.h>
#include <string.h>

enum { IMEI_LEN = 15, IMEI_LEN_MIN = 14, IMEI_LEN_MAX = 16 };

struct slice slice_trim(struct slice cell)
{
	/* a no-break space is what copying from a web page leaves */
	for (;;) {
		if (cell.len && (cell.bytes[0] == ' ' || cell.bytes[0] == '\t'))
			cell = slice_of(cell.bytes + 1, cell.len - 1);
		else if (cell.len >= 2 && !memcmp(cell.bytes, "\xc2\xa0", 2))
			cell = slice_of(cell.bytes + 2, cell.len - 2);
		else
			break;
	}
	for (;;) {
		if (cell.len &&
		    (cell.bytes[cell.len - 1] == ' ' || cell.bytes[cell.len - 1] == '\t'))
			cell.len--;
		else if (cell.len >= 2 && !memcmp(cell.bytes + cell.len - 2, "\xc2\xa0", 2))
			cell.len -= 2;
		else
			return cell;
	}
}

/* all - are all of @cell's bytes of a class, and is there one? */
static bool all(struct slice cell, int (*is_of_class)(int))
{
	for (size_t i = 0; i < cell.len; i++)
		if (cell.bytes[i] >= 0x80 || !is_of_class(cell.bytes[i]))
			return false;
	return cell.len > 0;
}

static size_t count(struct slice cell, const char *of)
{
	size_t n = 0;

	for (size_t i = 0; i < cell.len; i++)
		n += cell.bytes[i] && strchr(of, cell.bytes[i]) != NULL;
	return n;
}

/* is_rounded - 3.56938E+14: a spreadsheet took the number for a quantity and lost its digits */
static bool is_rounded(struct slice cell)
{
	const uint8_t *e = memchr(cell.bytes, 'E', cell.len);
	struct slice head, tail;

	if (!e)
		e = memchr(cell.bytes, 'e', cell.len);
	if (!e || cell.bytes + cell.len - e < 3 || e[1] != '+')
		return false;
	head = slice_of(cell.bytes, (size_t)(e - cell.bytes));
	tail = slice_of(e + 2, (size_t)(cell.bytes + cell.len - e - 2));
	return all(tail, isdigit) && head.len && head.len - count(head, ".,") > 0 &&
	       count(head, "0123456789.,") == head.len;
}

/* is_udid - 40 hex digits, or 8-16 of them */
static bool is_udid(struct slice cell)
{
	if (cell.len == 40)
		return all(cell, isxdigit);
	return cell.len == 25 && cell.bytes[8] == '-' && all(slice_of(cell.bytes, 8), isxdigit) &&
	       all(slice_of(cell.bytes + 9, 16), isxdigit);
}

static bool is_placeholder(struct slice cell)
{
	static const char *const words[] = {"unknown",      "none",  "null", "na",      "n/a",
					    "notavailable", "empty", "tbd",  "default", "invalid"};
	char word[24];

	word_fold(cell, word, sizeof(word));
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return count(cell, "0-") == cell.len || count(cell, "xX") == cell.len;
}

/* digits_of - @cell without blanks and dashes, as IMEIs are shown; false if others remain */
static bool digits_of(struct slice cell, struct value *value)
{
	value->len = 0;
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.bytes[i] == ' ' || cell.bytes[i] == '-')
			continue;
		if (!isdigit(cell.bytes[i]))
			return false;
		value->text[value->len++] = (char)cell.bytes[i];
	}
	value->text[value->len] = 0;
	return value->len > 0;
}

/* is_imei_like - digits that are too many for a serial number and right for an IMEI */
static bool is_imei_like(struct slice cell)
{
	struct value digits;

	return digits_of(cell, &digits) && digits.len >= IMEI_LEN_MIN && digits.len <= IMEI_LEN_MAX;
}

/* has_check_digit - the last of 15 digits follows from the others (Luhn's sum, 3GPP TS 23.003) */
static bool has_check_digit(const struct value *imei)
{
	int sum = 0;

	for (size_t i = 0; i < imei->len; i++) {
		int digit = imei->text[i] - '0';

		if (i % 2 == 1)
			digit = digit < 5 ? 2 * digit : 2 * digit - 9;
		sum += digit;
	}
	return sum % 10 == 0;
}

/* likeness_check - is it something else than an identifier? */
static enum lists_reason likeness_check(struct slice cell)
{
	if (cell.len == 0)
		return LISTS_NONE;
	if (cell.len > LISTS_IDENTIFIER_MAX)
		return LISTS_LONG;
	if (is_header_word(cell))
		return LISTS_HEADER;
	if (is_placeholder(cell))
		return LISTS_PLACEHOLDER;
	if (is_udid(cell))
		return LISTS_UDID;
	return is_rounded(cell) ? LISTS_ROUNDED : LISTS_FINE;
}

static enum lists_reason imei_take(struct slice cell, struct value *value)
{
	if (!digits_of(cell, value))
		return LISTS_NOT_IMEI;
	if (value->len < IMEI_LEN_MIN || value->len > IMEI_LEN_MAX)
		return LISTS_IMEI_LEN;
	if (value->len != cell.len)
		value->remarks |= 1u << LISTS_IMEI_SPACED;
	if (value->len != IMEI_LEN)
		value->remarks |= 1u << LISTS_IMEI_ODD;
	else if (!has_check_digit(value))
		value->remarks |= 1u << LISTS_IMEI_CHECK;
	return LISTS_FINE;
}

static void serial_remarks(struct value *value)
{
	struct slice text = slice_of(value->text, value->len);

	if (value->len < 8 || value->len > 14)
		value->remarks |= 1u << LISTS_SERIAL_LEN;
	if (count(text, "IO") && !serial_is_reserved(value->text))
		value->remarks |= 1u << LISTS_LETTERS_IO;
	if (!count(text, "0123456789"))
		value->remarks |= 1u << LISTS_NO_DIGIT;
}

static enum lists_reason serial_take(struct slice cell, struct value *value)
{
	value->len = 0;
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.bytes[i] == '.') {
			value->remarks |= 1u << LISTS_DOTS;
			continue;
		}
		if (cell.bytes[i] >= 0x80 || !isalnum(cell.bytes[i]))
			return LISTS_NOT_SERIAL;
		if (islower(cell.bytes[i]))
			value->remarks |= 1u << LISTS_LOWER_CASE;
		value->text[value->len++] = (char)toupper(cell.bytes[i]);
	}
	value->text[value->len] = 0;
	cell = slice_of(value->text, value->len);
	serial_remarks(value);
	/* without its dots it may turn out to be something else */
	return is_imei_like(cell) ? LISTS_IS_IMEI : likeness_check(cell);
}

enum lists_reason identifier_take(struct slice cell, enum lists_kind *kind, struct value *value)
{
	enum lists_reason reason = likeness_check(cell);
	enum lists_kind wanted = *kind;

	*value = (struct value){.len = 0};
	if (reason != LISTS_FINE)
		return reason;
	if (wanted == LISTS_ANY)
		wanted = is_imei_like(cell) ? LISTS_IMEI : LISTS_SERIAL;
	if (wanted == LISTS_IMEI)
		reason = imei_take(cell, value);
	else
		reason = is_imei_like(cell) ? LISTS_IS_IMEI : serial_take(cell, value);
	if (reason == LISTS_FINE)
		*kind = wanted;
	return reason;
}

enum lists_reason details_check(struct slice details)
{
	size_t characters = 0;

	if (is_header_word(details))
		return LISTS_HEADER;
	for (size_t i = 0; i < details.len; i++) {
		uint8_t byte = details.bytes[i];

		if (byte == ',')
			return LISTS_DETAILS_COMMA;
		if (byte == '"')
			return LISTS_DETAILS_QUOTE;
		if (byte < 0x20 || byte == 0x7f)
			return LISTS_DETAILS_CONTROL;
		/* as the service's samples count: one beyond the basic plane is two */
		characters += (byte & 0xc0) != 0x80;
		characters += byte >= 0xf0;
	}
	return characters > LISTS_DETAILS_MAX ? LISTS_DETAILS_LONG : LISTS_FINE;
}
