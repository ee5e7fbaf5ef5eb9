/*
 * plan/internal - what the files of the room share
 */
#ifndef REHOME_PLAN_INTERNAL_H
#define REHOME_PLAN_INTERNAL_H

#include "csv/csv.h"
#include "plan/plan.h"

/* ---- lines.c: rows of a CSV one after the other ---- */

/**
 * struct plan_lines - feeds a csv_reader and hands out its rows
 * @head: called with the first row; @row: with every later one, which has no problem
 */
struct plan_lines {
	struct csv_reader *reader;
	int (*head)(void *arg, const struct csv_row *row, struct err *err);
	int (*row)(void *arg, const struct csv_row *row, struct err *err);
	void *arg;
	bool has_head;
	uint64_t rows; /* without the head */
};
int plan_lines_init(struct plan_lines *lines, struct err *err);
void plan_lines_clear(struct plan_lines *lines);
int plan_lines_feed(struct plan_lines *lines, struct slice piece, struct err *err);
/** plan_lines_end - ERR_USAGE when there was not even a head */
int plan_lines_end(struct plan_lines *lines, struct err *err);

/* ---- words.c ---- */

enum { PLAN_WORD_MAX = 80 };
/** plan_cell_word - a cell as a NUL-terminated word; ERR_USAGE when it is longer than any word or
 * holds a NUL */
int plan_cell_word(struct slice cell, char out[PLAN_WORD_MAX], struct err *err);
/** plan_date_parse - "2026-11-01" or "2026-11-01T08:00:00Z" */
int plan_date_parse(const char *text, int64_t *seconds, struct err *err);
/** plan_copy - @text cut to @len with its NUL, never in the middle of a UTF-8 letter; NULL is "" */
void plan_copy(char *out, size_t len, const char *text);
/** plan_sink_text - NUL-terminated text to the sink */
int plan_sink_text(const struct plan_sink *sink, const char *text, struct err *err);
int plan_sink_format(const struct plan_sink *sink, struct err *err, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* ---- answer.c: what an answer is made of ---- */

/** plan_case_assume - the usual values for unknown facts; returns which, bit 1 << field */
uint64_t plan_case_assume(struct plan_case *kase);
/** plan_answer_ask - what depends on the facts alone; not the age, not what was assumed */
int plan_answer_ask(struct plan_answer *answer, const struct rules_facts *facts,
		    const struct rules_switches *switches, struct err *err);

/* ---- memo.c: answers remembered ---- */

struct plan_memo_entry {
	struct rules_facts facts;
	struct plan_answer answer; /* its set is a copy: no examples, no working memory */
};
struct plan_memo {
	struct rules_switches switches;
	struct plan_answer fresh; /* where the engine works */
	size_t count, outcomes;   /* entries, and outcomes in all of them */
	struct plan_memo_entry entries[PLAN_MEMO_ANSWERS];
};

/* ---- groups.c: outcomes that look alike to a person ---- */

enum { PLAN_GROUPS_MAX = 64 };
/** struct plan_groups - indices of the first outcome of each group, in the order of the set */
struct plan_groups {
	size_t first[PLAN_GROUPS_MAX];
	size_t count;
};
/** plan_is_alike - would plan_headline tell the same of both? */
bool plan_is_alike(const struct rules_outcome *a, const struct rules_outcome *b);
/** plan_groups_make - at most PLAN_GROUPS_MAX, more than there are different headlines */
void plan_groups_make(struct plan_groups *groups, const struct rules_set *set);

#endif
