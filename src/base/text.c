/* text - hex, UUIDs, sizes, times, names from outside */
#include "base/base.h"

#include <string.h>
#include <time.h>

void hex_encode(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = 0;
}

int hex_digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit_value(text[2 * i]), low = hex_digit_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void uuid_format(const uint8_t uuid[16], char out[37])
{
	snprintf(out, 37, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X",
		 uuid[0], uuid[1], uuid[2], uuid[3], uuid[4], uuid[5], uuid[6], uuid[7], uuid[8],
		 uuid[9], uuid[10], uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
}

const char *size_format(uint64_t bytes, char out[16])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1000) {
		snprintf(out, 16, "%u B", (unsigned)bytes);
		return out;
	}
	value /= 1000;
	while (value >= 999.5 && unit + 1 < ARRAY_COUNT(units)) {
		value /= 1000;
		unit++;
	}
	snprintf(out, 16, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

const char *time_format_utc(int64_t seconds, char out[21])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
		snprintf(out, 21, "unknown");
	else
		strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

int time_parse_utc(const char *text, int64_t *seconds, struct err *err)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	int64_t read = end ? (int64_t)timegm(&tm) : 0;
	char again[21];

	/* written back, since strptime takes "2026-2-31" as well */
	if (!end || *end || strcmp(time_format_utc(read, again), text) != 0)
		return err_set(err, ERR_USAGE, "'%.40s' is not a time like 2026-11-01T08:00:00Z",
			       text);
	*seconds = read;
	return 0;
}

const char *text_quote(const char *text, size_t len, char out[400])
{
	size_t at = 0, shown = len > 80 ? 80 : len;

	out[at++] = '"';
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\' || c >= 0x80)
			at += (size_t)snprintf(out + at, 400 - at, "\\x%02x", c);
		else
			out[at++] = (char)c;
	}
	out[at++] = '"';
	if (shown < len)
		at += (size_t)snprintf(out + at, 400 - at, "... (%zu bytes)", len);
	out[at] = 0;
	return out;
}

static int path_refuse(const char *path, size_t len, const char *why, struct err *err)
{
	char quoted[400];

	return err_set(err, ERR_PROTOCOL, "path %s: %s", text_quote(path, len, quoted), why);
}

int path_check_relative(const char *path, size_t len, struct err *err)
{
	size_t start = 0;

	if (len == 0)
		return path_refuse(path, len, "empty", err);
	if (len > PATH_LEN_MAX)
		return path_refuse(path, len, "too long", err);
	if (memchr(path, 0, len))
		return path_refuse(path, len, "holds a NUL", err);
	if (path[0] == '/')
		return path_refuse(path, len, "is absolute", err);
	for (size_t i = 0; i <= len; i++) {
		size_t component_len = i - start;

		if (i < len && path[i] != '/')
			continue;
		if (component_len == 0)
			return path_refuse(path, len, "has an empty component", err);
		if (component_len > PATH_COMPONENT_MAX)
			return path_refuse(path, len, "has a component over 255 bytes", err);
		if (component_len <= 2 && !memcmp(path + start, "..", component_len))
			return path_refuse(path, len, "has a . or .. component", err);
		start = i + 1;
	}
	return 0;
}

size_t utf8_next(const uint8_t *at, size_t left, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len;

	if (at[0] < 0x80) {
		*code = at[0];
		return 1;
	}
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (left < len)
		return 0;
	*code = at[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* ascii_run - how many bytes from @at on are eight at a time ASCII without NUL: most names are */
static size_t ascii_run(const uint8_t *at, size_t len)
{
	const uint64_t ones = UINT64_MAX / 0xff, tops = ones << 7;
	size_t run;
	uint64_t word;

	for (run = 0; len - run >= sizeof(word); run += sizeof(word)) {
		memcpy(&word, at + run, sizeof(word));
		if ((word | (word - ones)) & tops)
			break;
	}
	return run;
}

bool text_is_utf8(const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text;
	uint32_t code;
	size_t step;

	for (;;) {
		step = ascii_run(at, len);
		at += step;
		len -= step;
		if (len == 0)
			return true;
		step = utf8_next(at, len, &code);
		if (step == 0 || code == 0)
			return false;
		at += step;
		len -= step;
	}
}
