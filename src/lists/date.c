/*
 * date - dates as exports write them: 2026-11-01, 2026-11-01 08:00, 2026-11-01T08:00:00.123+01:00
 *
 * 11/1/2026 is refused: nothing in it tells whether the day or the month comes first.
 */
#include "lists/inventory.h"

#include <string.h>
#include <time.h>

/* digits_take - @count digits as a number */
static bool digits_take(struct slice *text, size_t count, int *value)
{
	*value = 0;
	if (text->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (text->bytes[i] < '0' || text->bytes[i] > '9')
			return false;
		*value = *value * 10 + (text->bytes[i] - '0');
	}
	*text = slice_of(text->bytes + count, text->len - count);
	return true;
}

/* byte_take - one byte out of @of, if it comes next */
static bool byte_take(struct slice *text, const char *of)
{
	if (!text->len || !text->bytes[0] || !strchr(of, text->bytes[0]))
		return false;
	*text = slice_of(text->bytes + 1, text->len - 1);
	return true;
}

/* time_take - HH:MM, HH:MM:SS or HH:MM:SS.fraction */
static bool time_take(struct slice *text, struct tm *tm)
{
	int digit;

	if (!digits_take(text, 2, &tm->tm_hour) || !byte_take(text, ":") ||
	    !digits_take(text, 2, &tm->tm_min))
		return false;
	if (!byte_take(text, ":"))
		return true;
	if (!digits_take(text, 2, &tm->tm_sec))
		return false;
	if (!byte_take(text, ".,"))
		return true;
	if (!digits_take(text, 1, &digit))
		return false;
	while (digits_take(text, 1, &digit))
		;
	return true;
}

/* zone_take - nothing, Z, UTC, +HH:MM, +HHMM or +HH; seconds east of Greenwich */
static bool zone_take(struct slice *text, int64_t *east)
{
	int hours, minutes = 0, sign;

	*east = 0;
	byte_take(text, " ");
	if (!text->len)
		return true;
	if (byte_take(text, "Zz"))
		return true;
	if (text->len == 3 && !memcmp(text->bytes, "UTC", 3)) {
		text->len = 0;
		return true;
	}
	sign = text->bytes[0] == '-' ? -1 : 1;
	if (!byte_take(text, "+-") || !digits_take(text, 2, &hours))
		return false;
	byte_take(text, ":");
	if (text->len && !digits_take(text, 2, &minutes))
		return false;
	*east = sign * (int64_t)(hours * 3600 + minutes * 60);
	return hours <= 14 && minutes < 60;
}

bool date_parse(struct slice cell, int64_t *seconds)
{
	struct tm tm = {0}, made;
	int64_t east = 0;

	if (!digits_take(&cell, 4, &tm.tm_year) || !byte_take(&cell, "-") ||
	    !digits_take(&cell, 2, &tm.tm_mon) || !byte_take(&cell, "-") ||
	    !digits_take(&cell, 2, &tm.tm_mday))
		return false;
	if (byte_take(&cell, "T ") && !time_take(&cell, &tm))
		return false;
	if (!zone_take(&cell, &east) || cell.len)
		return false;
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	if (tm.tm_year == 1) {
		*seconds = TIME_UNKNOWN;
		return true;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	made = tm;
	*seconds = timegm(&made) - east;
	/* the 31st of April would have become the 1st of May */
	return tm.tm_sec == 60 || (made.tm_mon == tm.tm_mon && made.tm_mday == tm.tm_mday);
}
