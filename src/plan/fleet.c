/*
 * A fleet: a CSV in neutral words, a case a row.
 */
#include "plan/internal.h"

#include <stdlib.h>
#include <string.h>

enum use { USE_NOTHING, USE_FACT, USE_SERIAL, USE_UDID, USE_NAME, USE_SNAPSHOT };

struct column {
	enum use use;
	char name[PLAN_WORD_MAX];
};

struct plan_fleet {
	struct plan_lines lines;
	struct plan_case base;
	struct column *columns;
	size_t count;
	int (*each)(void *arg, struct plan_case *kase, const char *snapshot, uint64_t line,
		    struct err *err);
	void (*unused)(void *arg, const char *column);
	void *arg;
};

static const struct {
	const char *name;
	enum use use;
} named[] = {
	{"serial", USE_SERIAL},
	{"udid", USE_UDID},
	{"name", USE_NAME},
	{"snapshot", USE_SNAPSHOT},
};

static bool is_fact(const char *name)
{
	struct plan_case probe = {0};

	/* a date or a number says so by refusing the word, not the name */
	return rules_field_find(name, RULES_WORDS) != RULES_FIELD_COUNT ||
	       plan_case_word(&probe, name, "2026-11-01", PLAN_PERSON, NULL) == 0 ||
	       strcmp(name, "cleanup_days") == 0;
}

static int take_head(void *arg, const struct csv_row *row, struct err *err)
{
	struct plan_fleet *fleet = arg;

	fleet->columns = calloc(row->count, sizeof(fleet->columns[0]));
	if (!fleet->columns)
		return err_no_memory(err);
	fleet->count = row->count;
	for (size_t i = 0; i < row->count; i++) {
		struct column *column = &fleet->columns[i];

		if (plan_cell_word(row->cells[i], column->name, NULL) < 0)
			plan_copy(column->name, sizeof(column->name), "(too long)");
		for (size_t j = 0; j < ARRAY_COUNT(named); j++)
			if (strcmp(column->name, named[j].name) == 0)
				column->use = named[j].use;
		if (column->use == USE_NOTHING && is_fact(column->name))
			column->use = USE_FACT;
		if (column->use == USE_NOTHING && fleet->unused)
			fleet->unused(fleet->arg, column->name);
	}
	return 0;
}

static int take_text(char *out, size_t len, struct slice cell, struct err *err)
{
	if (cell.len >= len || memchr(cell.bytes ? cell.bytes : (const uint8_t *)"", 0, cell.len))
		return err_set(err, ERR_USAGE, "the cell holds a zero byte or over %zu bytes",
			       len - 1);
	if (cell.len > 0)
		memcpy(out, cell.bytes, cell.len);
	out[cell.len] = 0;
	return 0;
}

static int take_cell(struct plan_case *kase, char snapshot[PLAN_TEXT_MAX],
		     const struct column *column, struct slice cell, struct err *err)
{
	char word[PLAN_WORD_MAX];
	int r;

	if (cell.len == 0)
		return 0;
	switch (column->use) {
	case USE_NOTHING:
		return 0;
	case USE_SERIAL:
		return take_text(kase->serial, sizeof(kase->serial), cell, err);
	case USE_UDID:
		return take_text(kase->udid, sizeof(kase->udid), cell, err);
	case USE_NAME:
		return take_text(kase->name, sizeof(kase->name), cell, err);
	case USE_SNAPSHOT:
		return take_text(snapshot, PLAN_TEXT_MAX, cell, err);
	case USE_FACT:
		break;
	}
	r = plan_cell_word(cell, word, err);
	return r < 0 ? r : plan_case_word(kase, column->name, word, PLAN_SERVICE, err);
}

static int take_row(void *arg, const struct csv_row *row, struct err *err)
{
	struct plan_fleet *fleet = arg;
	struct plan_case kase = fleet->base;
	char snapshot[PLAN_TEXT_MAX] = "";
	int r;

	if (row->count > fleet->count)
		return err_set(err, ERR_USAGE, "line %llu has %zu cells, the first line names %zu",
			       (unsigned long long)row->line, row->count, fleet->count);
	for (size_t i = 0; i < row->count; i++) {
		r = take_cell(&kase, snapshot, &fleet->columns[i], row->cells[i], err);
		if (r < 0)
			return err_wrap(err, r, "line %llu, column %s",
					(unsigned long long)row->line, fleet->columns[i].name);
	}
	r = fleet->each(fleet->arg, &kase, snapshot, row->line, err);
	return r < 0 ? err_wrap(err, r, "line %llu", (unsigned long long)row->line) : 0;
}

int plan_fleet_new(struct plan_fleet **out, const struct plan_case *base,
		   int (*each)(void *arg, struct plan_case *kase, const char *snapshot,
			       uint64_t line, struct err *err),
		   void (*unused)(void *arg, const char *column), void *arg, struct err *err)
{
	CLEANUP(plan_fleet_free_p) struct plan_fleet *fleet = calloc(1, sizeof(*fleet));
	int r;

	if (!fleet)
		return err_no_memory(err);
	fleet->base = *base;
	fleet->each = each;
	fleet->unused = unused;
	fleet->arg = arg;
	fleet->lines.head = take_head;
	fleet->lines.row = take_row;
	fleet->lines.arg = fleet;
	r = plan_lines_init(&fleet->lines, err);
	if (r == 0)
		*out = STEAL(fleet);
	return r;
}

void plan_fleet_free_p(struct plan_fleet **fleet)
{
	if (!*fleet)
		return;
	plan_lines_clear(&(*fleet)->lines);
	free((*fleet)->columns);
	free(*fleet);
	*fleet = NULL;
}

int plan_fleet_feed(struct plan_fleet *fleet, struct slice piece, struct err *err)
{
	return plan_lines_feed(&fleet->lines, piece, err);
}

int plan_fleet_end(struct plan_fleet *fleet, uint64_t *rows, struct err *err)
{
	int r = plan_lines_end(&fleet->lines, err);

	if (rows)
		*rows = fleet->lines.rows;
	return r;
}
