/*
 * Small words: cells, dates, sinks, sentences.
 */
#include "plan/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int plan_cell_word(struct slice cell, char out[PLAN_WORD_MAX], struct err *err)
{
	if (cell.len >= PLAN_WORD_MAX)
		return err_set(err, ERR_USAGE, "\"%.20s...\" is longer than any word here",
			       (const char *)cell.bytes);
	if (cell.len > 0)
		memcpy(out, cell.bytes, cell.len);
	out[cell.len] = 0;
	if (strlen(out) != cell.len)
		return err_set(err, ERR_USAGE, "the cell holds a zero byte");
	return 0;
}

int plan_date_parse(const char *text, int64_t *seconds, struct err *err)
{
	char whole[32];

	if (strlen(text) == 10)
		snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
	else
		snprintf(whole, sizeof(whole), "%s", text);
	if (time_parse_utc(whole, seconds, NULL) < 0)
		return err_set(
			err, ERR_USAGE,
			"\"%.30s\" is no date: write 2026-11-01 or 2026-11-01T08:00:00Z (UTC)",
			text);
	return 0;
}

void plan_copy(char *out, size_t len, const char *text)
{
	size_t have = text ? strlen(text) : 0;

	if (have >= len) {
		have = len - 1;
		while (have > 0 && ((uint8_t)text[have] & 0xC0) == 0x80)
			have--;
	}
	if (have > 0)
		memcpy(out, text, have);
	out[have] = 0;
}

int plan_sink_text(const struct plan_sink *sink, const char *text, struct err *err)
{
	return sink->write(sink->arg, slice_text(text), err);
}

int plan_sink_format(const struct plan_sink *sink, struct err *err, const char *format, ...)
{
	CLEANUP(free_p) char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL;
		return err_no_memory(err);
	}
	return sink->write(sink->arg, slice_of(text, (size_t)len), err);
}

const char *plan_origin_word(enum plan_origin origin)
{
	static const char *const words[] = {
		[PLAN_NOBODY] = "unknown",  [PLAN_BACKUP] = "backup", [PLAN_DEVICE] = "device",
		[PLAN_SERVICE] = "service", [PLAN_PERSON] = "given",  [PLAN_USUAL] = "assumed",
	};

	return words[origin];
}

const char *plan_headline(const struct rules_outcome *outcome, char out[PLAN_TEXT_MAX * 2])
{
	bool is_possible = outcome->restore == RULES_POSSIBLE, stays = outcome->then == RULES_STAYS;
	const char *mgmt = rules_mgmt_sentence((enum rules_mgmt)outcome->mgmt);

	/* a restore that goes on needs no word; one that does not comes first */
	snprintf(out, PLAN_TEXT_MAX * 2, "%s %s%s%s",
		 is_possible ? mgmt : rules_restore_sentence((enum rules_restore)outcome->restore),
		 is_possible ? rules_assistant_sentence((enum rules_assistant)outcome->assistant)
			     : mgmt,
		 stays ? "" : " ",
		 stays ? "" : rules_then_sentence((enum rules_then)outcome->then));
	return out;
}
