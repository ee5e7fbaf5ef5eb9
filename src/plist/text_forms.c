/*
 * plist/text_forms - numbers, dates and data as XML lists write them
 *
 * Independent of the process's locale: a German decimal comma has no place here.
 */
#include "plist/internal.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* trim - drop the white space of XML around a text */
static void trim(const char **text, size_t *len)
{
	while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]) != NULL && (*text)[*len - 1])
		--*len;
	while (*len > 0 && strchr(" \t\r\n", **text) != NULL && **text) {
		++*text;
		--*len;
	}
}

/* ---- integers ------------------------------------------------------------------- */

bool plist_integer_from_text(const char *text, size_t len, int64_t *integer, bool *is_wide)
{
	bool is_negative = false;
	unsigned base = 10;
	uint64_t value = 0;

	trim(&text, &len);
	if (len > 0 && (*text == '-' || *text == '+')) {
		is_negative = *text == '-';
		text++;
		len--;
	}
	if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
		len -= 2;
	}
	if (len == 0)
		return false;
	for (; len > 0; text++, len--) {
		unsigned digit = (unsigned)hex_digit_value(*text); /* none is the largest */

		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	if (is_negative && value > (uint64_t)1 << 63)
		return false;
	*is_wide = !is_negative && value >> 63;
	*integer = (int64_t)(is_negative ? 0 - value : value);
	return true;
}

/* ---- reals ------------------------------------------------------------------------ */

/* No allocation: the C library keeps the "C" locale ready. */
static double c_strtod(const char *text, char **end)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double value;

	if (c == (locale_t)0) {
		*end = NULL;
		return 0;
	}
	value = strtod_l(text, end, c);
	freelocale(c);
	return value;
}

static bool named_real(const char *text, double *real)
{
	bool is_negative = *text == '-';
	double value;

	if (*text == '-' || *text == '+')
		text++;
	if (strcasecmp(text, "nan") == 0)
		value = NAN;
	else if (strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0)
		value = INFINITY;
	else
		return false;
	*real = is_negative ? -value : value;
	return true;
}

bool plist_real_from_text(const char *text, size_t len, double *real)
{
	/* room for every digit of the smallest double */
	enum { REAL_TEXT_MAX = 1100 };
	char copy[REAL_TEXT_MAX + 1];
	char *end = NULL;
	double value;

	trim(&text, &len);
	if (len == 0 || len > REAL_TEXT_MAX || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (named_real(copy, real))
		return true;
	/* strtod knows more forms (hexadecimal) than a property list has */
	if (strspn(copy, "0123456789.+-eE") != len)
		return false;
	value = c_strtod(copy, &end);
	if (end == NULL || end == copy || *end != '\0')
		return false;
	*real = value;
	return true;
}

const char *plist_real_to_text(double real, char out[PLIST_REAL_TEXT_LEN])
{
	locale_t c, before;

	if (isnan(real))
		return strcpy(out, "nan");
	if (isinf(real))
		return strcpy(out, real < 0 ? "-infinity" : "+infinity");
	c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	before = c == (locale_t)0 ? (locale_t)0 : uselocale(c);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, PLIST_REAL_TEXT_LEN, "%.*g", digits, real);
		if (strtod(out, NULL) == real)
			break;
	}
	if (c != (locale_t)0) {
		uselocale(before);
		freelocale(c);
	}
	return out;
}

/* ---- dates -------------------------------------------------------------------------- */

/* days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years from
 * March */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static bool two_digits(const char *at, int *value)
{
	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
		return false;
	*value = (at[0] - '0') * 10 + (at[1] - '0');
	return true;
}

static int days_in_month(int year, int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

bool plist_date_from_text(const char *text, size_t len, double *date)
{
	int century, year, month, day, hour, minute, second;

	trim(&text, &len);
	if (len != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
	    text[16] != ':' || text[19] != 'Z')
		return false;
	if (!two_digits(text, &century) || !two_digits(text + 2, &year) ||
	    !two_digits(text + 5, &month) || !two_digits(text + 8, &day) ||
	    !two_digits(text + 11, &hour) || !two_digits(text + 14, &minute) ||
	    !two_digits(text + 17, &second))
		return false;
	year += century * 100;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	*date = (double)(days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
			 PLIST_EPOCH_2001);
	return true;
}

bool plist_date_to_text(double date, char out[PLIST_DATE_TEXT_LEN])
{
	const int64_t first = days_of(0, 1, 1) * 86400, end = days_of(10000, 1, 1) * 86400;
	double whole = floor(date) + PLIST_EPOCH_2001;
	int64_t seconds, days;
	int year, month = 12;

	if (!(whole >= (double)first && whole < (double)end))
		return false;
	seconds = (int64_t)whole - first;
	days = seconds / 86400 + days_of(0, 1, 1);
	seconds %= 86400;
	/* a guess that is never late, then forward */
	year = (int)((days - days_of(0, 1, 1)) / 366);
	while (days_of(year + 1, 1, 1) <= days)
		year++;
	while (days_of(year, month, 1) > days)
		month--;
	days -= days_of(year, month, 1);
	snprintf(out, PLIST_DATE_TEXT_LEN, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000,
		 (unsigned)month % 100, ((unsigned)days + 1) % 100,
		 (unsigned)(seconds / 3600) % 100, (unsigned)(seconds / 60 % 60),
		 (unsigned)(seconds % 60));
	return true;
}

/* ---- base64 --------------------------------------------------------------------------- */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return -1;
}

bool plist_base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
	size_t done = 0, digits = 0, pads = 0;
	uint32_t group = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		int value;

		if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
			continue;
		if (c == '=') {
			pads++;
			continue;
		}
		value = base64_value(c);
		if (value < 0 || pads > 0)
			return false;
		group = group << 6 | (uint32_t)value;
		if (++digits % 4 == 0) {
			out[done++] = (uint8_t)(group >> 16);
			out[done++] = (uint8_t)(group >> 8);
			out[done++] = (uint8_t)group;
		}
	}
	if (digits % 4 == 1 || pads > 2 || (digits + pads) % 4 != 0)
		return false;
	if (digits % 4 == 2)
		out[done++] = (uint8_t)(group >> 4);
	if (digits % 4 == 3) {
		out[done++] = (uint8_t)(group >> 10);
		out[done++] = (uint8_t)(group >> 2);
	}
	*out_len = done;
	return true;
}

size_t plist_base64_encode(const uint8_t *bytes, size_t len, char *out)
{
	char *at = out;

	for (; len > 0; bytes += 3) {
		uint32_t group = (uint32_t)bytes[0] << 16;

		if (len > 1)
			group |= (uint32_t)bytes[1] << 8;
		if (len > 2)
			group |= bytes[2];
		*at++ = base64_digits[group >> 18];
		*at++ = base64_digits[group >> 12 & 63];
		*at++ = len > 1 ? base64_digits[group >> 6 & 63] : '=';
		*at++ = len > 2 ? base64_digits[group & 63] : '=';
		len = len > 3 ? len - 3 : 0;
	}
	return (size_t)(at - out);
}
