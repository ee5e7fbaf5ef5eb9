/* issue - what is said of a line: reason, rule, and words */
#include "lists/internal.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *rule, *text;
} reasons[LISTS_REASON_COUNT] = {
	[LISTS_FINE] = {"", "nothing"},
	[LISTS_BROKEN] = {"C-08", "not a row of a table"},
	[LISTS_NOT_UTF8] = {"C-08", "not UTF-8: save the table as \"CSV UTF-8\""},
	[LISTS_WIDE] = {"C-02", "more cells than columns: is there a comma in the details?"},
	[LISTS_NONE] = {"C-02", "no identifier"},
	[LISTS_HEADER] = {"C-01", "a header among the entries"},
	[LISTS_PLACEHOLDER] = {"C-05", "a word that stands for no value"},
	[LISTS_LONG] = {"C-05", "longer than any identifier"},
	[LISTS_UDID] = {"C-05", "a UDID: lists go by serial number or IMEI"},
	[LISTS_ROUNDED] = {"C-06",
			   "rounded by a spreadsheet: format the column as text and fill it "
			   "again"},
	[LISTS_NOT_SERIAL] = {"C-05", "a serial number has letters A to Z and digits only"},
	[LISTS_IS_IMEI] = {"C-01", "an IMEI in a list of serial numbers: one kind for each file"},
	[LISTS_NOT_IMEI] = {"C-01", "no IMEI, in a list of IMEIs: one kind for each file"},
	[LISTS_IMEI_LEN] = {"C-06", "an IMEI has 14 to 16 digits"},
	[LISTS_DETAILS_LONG] = {"C-02", "details of more than 128 characters"},
	[LISTS_DETAILS_COMMA] = {"C-08", "a comma in the details"},
	[LISTS_DETAILS_QUOTE] = {"C-08", "a quote in the details"},
	[LISTS_DETAILS_CONTROL] = {"C-08", "a line end or control character in the details"},
	[LISTS_CONFLICT] = {"C-20", "the same identifier with other details"},
	[LISTS_DUPLICATE] = {"C-20", "repeats an entry, left out"},
	[LISTS_DOTS] = {"C-04", "dots taken out"},
	[LISTS_LOWER_CASE] = {"C-05", "written in capitals"},
	[LISTS_SERIAL_LEN] = {"C-05",
			      "serial numbers of iPhones and iPads have 8 to 14 characters"},
	[LISTS_LETTERS_IO] = {"C-05",
			      "no serial number of an iPhone or iPad has the letter I or O: "
			      "1 or 0?"},
	[LISTS_NO_DIGIT] = {"C-05", "no digit in it: is this a header or a name?"},
	[LISTS_IMEI_SPACED] = {"C-06", "blanks and dashes taken out"},
	[LISTS_IMEI_ODD] = {"C-06", "14 or 16 digits: which of them the service keeps is not "
				    "documented"},
	[LISTS_IMEI_CHECK] = {"C-06", "the check digit does not fit: mistyped?"},
};

_Static_assert(LISTS_REASON_COUNT <= 32, "remarks are a set of bits");

bool lists_issue_refuses(const struct lists_issue *issue)
{
	return issue->reason < LISTS_DUPLICATE;
}

const char *lists_issue_rule(const struct lists_issue *issue)
{
	return reasons[issue->reason].rule;
}

const char *reason_text(enum lists_reason reason)
{
	return reasons[reason].text;
}

const char *lists_issue_text(const struct lists *list, const struct lists_issue *issue, char *out)
{
	const char *text = issue->reason == LISTS_BROKEN ? csv_problem_text(issue->problem)
							 : reasons[issue->reason].text;
	const char *cell = (const char *)list->text.bytes + issue->text_at;
	char quoted[400], other[40] = "";

	if (issue->other)
		snprintf(other, sizeof(other), ", line %llu", (unsigned long long)issue->other);
	if (issue->text_len)
		snprintf(out, LISTS_ISSUE_TEXT_MAX, "column %zu, %s: %s%s", issue->column,
			 text_quote(cell, issue->text_len, quoted), text, other);
	else if (issue->column)
		snprintf(out, LISTS_ISSUE_TEXT_MAX, "column %zu: %s%s", issue->column, text, other);
	else
		snprintf(out, LISTS_ISSUE_TEXT_MAX, "%s%s", text, other);
	return out;
}
