/*
 * A fleet as CSV: a row a device, in neutral words, made to be opened in a spreadsheet.
 */
#include "plan/internal.h"

#include <string.h>

enum {
	WORDS_MAX = 8,
	ROW_LEN_MAX = 1 << 16, /* 13 columns of WORDS_MAX words, and the names */
};

static const char *const heads[] = {
	"serial",     "udid",         "name",      "source",   "outcomes",
	"restore",    "management",   "then",      "content",  "setup_assistant",
	"supervised", "locked",       "ownership", "actions",  "error",
	"confidence", "alternatives", "rules",     "question", "backup_age",
};

static int finish(struct csv_writer *writer, const struct plan_sink *sink, struct err *err)
{
	int r = csv_write_end(writer, err);

	return r < 0 ? r : sink->write(sink->arg, buf_slice(writer->out), err);
}

int plan_table_head(const struct plan_sink *sink, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(ROW_LEN_MAX);
	struct csv_writer writer = CSV_WRITER_INIT(&text);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(heads); i++)
		r = csv_write_text(&writer, heads[i], err);
	return r < 0 ? r : finish(&writer, sink, err);
}

/* the words that the outcomes have in a column, each once: "possible|not_offered"; after the first
 * few, "..." */
static int write_column(struct csv_writer *writer, const struct rules_set *set,
			enum rules_column column, struct err *err)
{
	CLEANUP(buf_clear) struct buf cell = BUF_INIT(ROW_LEN_MAX / 4);
	char words[WORDS_MAX][RULES_TEXT_MAX];
	size_t count = 0, last = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++) {
		char word[RULES_TEXT_MAX];
		size_t tried = 0;

		rules_outcome_text(&set->outcomes[i], column, RULES_WORDS, word);
		/* neighbours are alike: what the last one had is tried first */
		while (tried < count && strcmp(word, words[(last + tried) % count]) != 0)
			tried++;
		if (tried < count) {
			last = (last + tried) % count;
			continue;
		}
		if (count == WORDS_MAX) {
			r = buf_append_text(&cell, "|...", err);
			break;
		}
		if (count > 0)
			r = buf_append_text(&cell, "|", err);
		if (r == 0)
			r = buf_append_text(&cell, word, err);
		last = count;
		memcpy(words[count++], word, sizeof(word));
	}
	return r < 0 ? r : csv_write_cell(writer, buf_slice(&cell), err);
}

int plan_table_row(const struct plan_answer *answer, const struct plan_case *kase,
		   const struct plan_sink *sink, struct err *err)
{
	static const enum rules_column columns[] = {
		RULES_OUT_RESTORE,
		RULES_OUT_MGMT,
		RULES_OUT_THEN,
		RULES_OUT_CONTENT,
		RULES_OUT_SETUP_ASSISTANT,
		RULES_OUT_SUPERVISED,
		RULES_OUT_LOCKED,
		RULES_OUT_OWNERSHIP,
		RULES_OUT_ACTIONS,
		RULES_OUT_ERROR,
		RULES_OUT_CONFIDENCE,
		RULES_OUT_ALT,
		RULES_OUT_RULES,
	};
	static const char *const ages[] = {"unknown", "fine", "old", "too_old"};
	CLEANUP(buf_clear) struct buf text = BUF_INIT(ROW_LEN_MAX);
	struct csv_writer writer = CSV_WRITER_INIT(&text);
	const char *leading[] = {kase->serial, kase->udid, kase->name, kase->source};
	char count[24];
	int r = 0;

	writer.guards_formulas = true;
	snprintf(count, sizeof(count), "%zu", answer->set.count);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(leading); i++)
		r = csv_write_text(&writer, leading[i], err);
	if (r == 0)
		r = csv_write_text(&writer, count, err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(columns); i++)
		r = write_column(&writer, &answer->set, columns[i], err);
	if (r == 0)
		r = csv_write_text(&writer,
				   answer->set.question == RULES_FIELD_COUNT
					   ? ""
					   : rules_field_name(answer->set.question, RULES_WORDS),
				   err);
	if (r == 0)
		r = csv_write_text(&writer, ages[answer->age], err);
	return r < 0 ? r : finish(&writer, sink, err);
}
