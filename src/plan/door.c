/*
 * The plain door: a CSV of facts in the sheets' codes in, a CSV of outcomes out.
 *
 * Made for comparing the engine with vectors from elsewhere, and for a million rows: one set of
 * outcomes and one line buffer are used again for every row.
 */
#include "plan/internal.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_LEN_MAX = 4 << 20 };

enum use { USE_PASS, USE_FACT, USE_DROP };

struct column {
	enum use use;
	enum rules_field field; /* of USE_FACT */
	char name[PLAN_WORD_MAX];
};

struct plan_door {
	struct plan_lines lines;
	struct plan_sink sink;
	struct rules_switches switches;
	struct column *columns;
	size_t count;
	struct rules_set set;
	struct buf text;
	uint64_t invalid, outcomes;
};

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int column_take(struct column *column, struct slice cell, struct err *err)
{
	char word[PLAN_WORD_MAX];
	int r;

	column->use = USE_PASS;
	if (cell.len < 3 || (memcmp(cell.bytes, "in_", 3) != 0 && memcmp(cell.bytes, "out", 3)))
		return 0;
	r = plan_cell_word(cell, word, err);
	if (r < 0)
		return r;
	if (begins(word, "out_")) {
		column->use = USE_DROP;
	} else if (begins(word, "in_")) {
		column->use = USE_FACT;
		column->field = rules_field_find(word + 3, RULES_CODES);
		if (column->field == RULES_FIELD_COUNT)
			return err_set(err, ERR_USAGE, "there is no fact called \"%s\"", word + 3);
		memcpy(column->name, word, sizeof(word));
	}
	return 0;
}

static int twice_check(const struct plan_door *door, size_t at, struct err *err)
{
	for (size_t i = 0; i < at; i++)
		if (door->columns[i].use == USE_FACT &&
		    door->columns[i].field == door->columns[at].field)
			return err_set(err, ERR_USAGE, "%s stands in two columns",
				       door->columns[at].name);
	return 0;
}

static int flush(struct plan_door *door, struct err *err)
{
	int r = door->sink.write(door->sink.arg, buf_slice(&door->text), err);

	buf_truncate(&door->text, 0);
	return r;
}

static int passed(struct plan_door *door, struct csv_writer *writer, const struct csv_row *row,
		  struct err *err)
{
	for (size_t i = 0; i < door->count; i++)
		if (door->columns[i].use == USE_PASS) {
			int r = csv_write_cell(writer, csv_row_cell(row, i), err);

			if (r < 0)
				return r;
		}
	return 0;
}

static int take_head(void *arg, const struct csv_row *row, struct err *err)
{
	struct plan_door *door = arg;
	struct csv_writer writer = CSV_WRITER_INIT(&door->text);
	char name[RULES_TEXT_MAX];
	bool has_fact = false;
	int r;

	door->columns = calloc(row->count, sizeof(door->columns[0]));
	if (!door->columns)
		return err_no_memory(err);
	door->count = row->count;
	for (size_t i = 0; i < row->count; i++) {
		r = column_take(&door->columns[i], row->cells[i], err);
		if (r == 0 && door->columns[i].use == USE_FACT)
			r = twice_check(door, i, err);
		if (r < 0)
			return err_wrap(err, r, "line %llu, column %zu",
					(unsigned long long)row->line, i + 1);
		has_fact |= door->columns[i].use == USE_FACT;
	}
	if (!has_fact)
		return err_set(err, ERR_USAGE,
			       "no column is a fact (in_...): a list of devices "
			       "(serial, name, snapshot, facts) is for --devices");
	r = passed(door, &writer, row, err);
	if (r == 0)
		r = csv_write_text(&writer, "out_n", err);
	for (int i = 0; r == 0 && i < RULES_COLUMN_COUNT; i++) {
		snprintf(name, sizeof(name), "out_%s",
			 rules_column_name((enum rules_column)i, RULES_CODES));
		r = csv_write_text(&writer, name, err);
	}
	if (r == 0)
		r = csv_write_end(&writer, err);
	return r < 0 ? r : flush(door, err);
}

static int read_facts(const struct plan_door *door, const struct csv_row *row,
		      struct rules_facts *facts, struct err *err)
{
	char word[PLAN_WORD_MAX];

	memset(facts, 0, sizeof(*facts));
	for (size_t i = 0; i < door->count; i++) {
		const struct column *column = &door->columns[i];
		int r;

		if (column->use != USE_FACT)
			continue;
		r = plan_cell_word(csv_row_cell(row, i), word, err);
		if (r == 0 && !word[0])
			r = err_set(err, ERR_USAGE,
				    "the cell is empty: write unknown if it is not known");
		if (r == 0)
			r = rules_facts_set(facts, column->field, word, RULES_CODES, err);
		if (r < 0)
			return err_wrap(err, r, "line %llu, column %s",
					(unsigned long long)row->line, column->name);
	}
	return 0;
}

static int write_outcome(struct plan_door *door, const struct csv_row *row, size_t number,
			 const struct rules_outcome *outcome, struct err *err)
{
	struct csv_writer writer = CSV_WRITER_INIT(&door->text);
	char text[RULES_TEXT_MAX];
	int r = passed(door, &writer, row, err);

	snprintf(text, sizeof(text), "%zu", number);
	if (r == 0)
		r = csv_write_text(&writer, text, err);
	for (int i = 0; r == 0 && i < RULES_COLUMN_COUNT; i++)
		r = csv_write_text(
			&writer,
			rules_outcome_text(outcome, (enum rules_column)i, RULES_CODES, text), err);
	if (r == 0)
		r = csv_write_end(&writer, err);
	door->outcomes++;
	return r < 0 ? r : flush(door, err);
}

static int take_row(void *arg, const struct csv_row *row, struct err *err)
{
	struct plan_door *door = arg;
	struct rules_facts facts;
	int r;

	if (row->count > door->count)
		return err_set(err, ERR_USAGE, "line %llu has %zu cells, the first line names %zu",
			       (unsigned long long)row->line, row->count, door->count);
	r = read_facts(door, row, &facts, err);
	if (r < 0)
		return r;
	if (rules_facts_check(&facts, NULL) < 0) {
		struct rules_outcome outcome = {.restore = RULES_INVALID,
						.rules = {RULES_ID('R', 711)}};

		door->invalid++;
		return write_outcome(door, row, 1, &outcome, err);
	}
	r = rules_outcomes(&door->set, &facts, &door->switches, err);
	for (size_t i = 0; r == 0 && i < door->set.count; i++)
		r = write_outcome(door, row, i + 1, &door->set.outcomes[i], err);
	return r < 0 ? err_wrap(err, r, "line %llu", (unsigned long long)row->line) : 0;
}

int plan_door_new(struct plan_door **out, const struct rules_switches *switches,
		  const struct plan_sink *sink, struct err *err)
{
	CLEANUP(plan_door_free_p) struct plan_door *door = calloc(1, sizeof(*door));
	int r;

	if (!door)
		return err_no_memory(err);
	door->sink = *sink;
	if (switches)
		door->switches = *switches;
	door->set = RULES_SET_INIT;
	door->text = BUF_INIT(LINE_LEN_MAX);
	door->lines.head = take_head;
	door->lines.row = take_row;
	door->lines.arg = door;
	r = plan_lines_init(&door->lines, err);
	if (r == 0)
		*out = STEAL(door);
	return r;
}

void plan_door_free_p(struct plan_door **door)
{
	if (!*door)
		return;
	plan_lines_clear(&(*door)->lines);
	rules_set_clear(&(*door)->set);
	buf_clear(&(*door)->text);
	free((*door)->columns);
	free(*door);
	*door = NULL;
}

int plan_door_feed(struct plan_door *door, struct slice piece, struct err *err)
{
	return plan_lines_feed(&door->lines, piece, err);
}

int plan_door_end(struct plan_door *door, uint64_t *rows, uint64_t *invalid, uint64_t *outcomes,
		  struct err *err)
{
	int r = plan_lines_end(&door->lines, err);

	if (rows)
		*rows = door->lines.rows;
	if (invalid)
		*invalid = door->invalid;
	if (outcomes)
		*outcomes = door->outcomes;
	return r;
}
