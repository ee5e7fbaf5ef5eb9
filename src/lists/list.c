/*
 * list - from rows to entries
 *
 * Entries are kept in the order of the input and, once all have come, also in the order of
 * their identifiers: sorting finds duplicates without a hash that an input could be made to
 * defeat, and serves the comparison of two lists.
 */
#include "lists/internal.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_SHOWN = 80 }; /* bytes of a cell that a message quotes */

int lists_new(struct lists **out, const struct lists_options *options, struct err *err)
{
	struct lists *list = calloc(1, sizeof(*list));

	if (!list)
		return err_no_memory(err);
	list->options = *options;
	list->kind = options->kind;
	list->text = BUF_INIT(LISTS_TEXT_MAX);
	*out = list;
	return 0;
}

void lists_free_p(struct lists **list)
{
	if (!*list)
		return;
	buf_clear(&(*list)->text);
	free((*list)->entries);
	free((*list)->sorted);
	free((*list)->issues);
	free(*list);
	*list = NULL;
}

int room_for_one(void *array, size_t count, size_t *cap, size_t size, struct err *err)
{
	void **pointer = array, *grown;
	size_t more = *cap ? *cap * 2 : 256;

	if (count < *cap)
		return 0;
	grown = reallocarray(*pointer, more, size);
	if (!grown)
		return err_no_memory(err);
	*pointer = grown;
	*cap = more;
	return 0;
}

static int issue_add(struct lists *list, struct lists_issue issue, struct slice cell,
		     struct err *err)
{
	int r = room_for_one(&list->issues, list->issue_count, &list->issue_cap,
			     sizeof(*list->issues), err);

	if (cell.len > CELL_SHOWN)
		cell.len = CELL_SHOWN;
	issue.text_at = list->text.len;
	issue.text_len = cell.len;
	if (r == 0)
		r = buf_append_slice(&list->text, cell, err);
	if (r < 0)
		return r;
	list->issues[list->issue_count++] = issue;
	list->refused += lists_issue_refuses(&issue);
	return 0;
}

static int remarks_add(struct lists *list, const struct csv_row *row, uint32_t remarks,
		       struct slice cell, struct err *err)
{
	int r = 0;

	for (unsigned reason = LISTS_DUPLICATE; reason < LISTS_REASON_COUNT && r == 0; reason++) {
		struct lists_issue issue = {.line = row->line,
					    .reason = (enum lists_reason)reason,
					    .column = list->identifier_column + 1};

		if (remarks & 1u << reason)
			r = issue_add(list, issue, cell, err);
	}
	return r;
}

static int entry_add(struct lists *list, uint64_t line, struct slice identifier,
		     struct slice details, struct err *err)
{
	struct entry entry = {.line = line,
			      .identifier_len = (uint32_t)identifier.len,
			      .details_len = (uint32_t)details.len};
	int r = room_for_one(&list->entries, list->count, &list->cap, sizeof(*list->entries), err);

	entry.identifier_at = list->text.len;
	if (r == 0)
		r = buf_append_slice(&list->text, identifier, err);
	entry.details_at = list->text.len;
	if (r == 0)
		r = buf_append_slice(&list->text, details, err);
	if (r == 0)
		list->entries[list->count++] = entry;
	return r;
}

/* width_of - cells of @row without the empty ones that spreadsheets leave at its end */
static size_t width_of(const struct csv_row *row)
{
	size_t width = row->count;

	while (width > 1 && !slice_trim(row->cells[width - 1]).len)
		width--;
	return width;
}

static enum lists_reason text_check(struct slice cell)
{
	return text_is_utf8((const char *)cell.bytes, cell.len) ? LISTS_FINE : LISTS_NOT_UTF8;
}

/* row_judge - the reason to refuse @row, with its cell and column, or LISTS_FINE and @value */
static enum lists_reason row_judge(struct lists *list, const struct csv_row *row,
				   struct slice *cell, size_t *column, struct value *value)
{
	struct slice details = slice_trim(csv_row_cell(row, list->details_column));
	enum lists_reason reason;

	*column = list->identifier_column;
	*cell = slice_trim(csv_row_cell(row, *column));
	reason = text_check(*cell);
	if (reason == LISTS_FINE)
		reason = identifier_take(*cell, &list->kind, value);
	/* details that are not wanted cannot be wrong either */
	if (reason != LISTS_FINE || (list->options.drops_details && !list->has_header))
		return reason;
	if (width_of(row) > list->width) {
		*column = list->width;
		*cell = row->cells[*column];
		return LISTS_WIDE;
	}
	if (list->options.drops_details)
		return LISTS_FINE;
	reason = text_check(details);
	if (reason == LISTS_FINE)
		reason = details_check(details);
	if (reason != LISTS_FINE) {
		*column = list->details_column;
		*cell = details;
	}
	return reason;
}

static int row_take(struct lists *list, const struct csv_row *row, struct err *err)
{
	struct lists_issue issue = {.line = row->line};
	struct slice cell, details = SLICE_EMPTY;
	struct value value = {.len = 0};
	int r;

	issue.reason = row_judge(list, row, &cell, &issue.column, &value);
	issue.column++;
	if (issue.reason != LISTS_FINE)
		return issue_add(list, issue, cell, err);
	if (!list->options.drops_details)
		details = slice_trim(csv_row_cell(row, list->details_column));
	r = remarks_add(list, row, value.remarks, cell, err);
	return r < 0 ? r
		     : entry_add(list, row->line, slice_of(value.text, value.len), details, err);
}

int lists_add(struct lists *list, const struct csv_row *row, struct err *err)
{
	struct lists_issue broken = {.line = row->line,
				     .reason = LISTS_BROKEN,
				     .problem = row->problem,
				     .column = row->column};
	bool is_header = false;
	int r;

	if (list->rows++ >= LISTS_ROWS_MAX)
		return err_set(err, ERR_LIMIT, "line %llu: more than %d rows",
			       (unsigned long long)row->line, LISTS_ROWS_MAX);
	if (row->problem)
		return issue_add(list, broken, SLICE_EMPTY, err);
	if (row->count == 1 && !slice_trim(row->cells[0]).len)
		return 0; /* a line of blanks */
	if (!list->is_begun) {
		r = header_take(list, row, &is_header, err);
		if (r < 0)
			return r;
		list->is_begun = true;
	}
	return is_header ? 0 : row_take(list, row, err);
}

/* ---- when all have come ---- */

int slice_compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.bytes, b.bytes, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int sorted_order(const void *left, const void *right, void *arg)
{
	const struct lists *list = arg;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = slice_compare(entry_identifier(list, &list->entries[a]),
				  entry_identifier(list, &list->entries[b]));

	/* the first of equal ones stands for all of them, C-20 */
	return order ? order : (a > b) - (a < b);
}

static int issue_order(const void *left, const void *right)
{
	const struct lists_issue *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->reason > b->reason) - (a->reason < b->reason);
}

/* repeat_drop - @entry has the identifier of @first, which came before it */
static int repeat_drop(struct lists *list, const struct entry *first, struct entry *entry,
		       struct err *err)
{
	bool is_same = slice_equal(entry_details(list, first), entry_details(list, entry));
	struct lists_issue issue = {.line = entry->line,
				    .reason = is_same ? LISTS_DUPLICATE : LISTS_CONFLICT,
				    .other = first->line,
				    .column = list->identifier_column + 1};
	char identifier[LISTS_IDENTIFIER_MAX];

	/* copied, because the text may move while it takes the cell */
	memcpy(identifier, list->text.bytes + entry->identifier_at, entry->identifier_len);
	entry->is_dropped = true;
	return issue_add(list, issue, slice_of(identifier, entry->identifier_len), err);
}

static int repeats_find(struct lists *list, struct err *err)
{
	const struct entry *first = NULL;

	for (size_t i = 0; i < list->count; i++) {
		struct entry *entry = &list->entries[list->sorted[i]];
		int r;

		if (!first ||
		    !slice_equal(entry_identifier(list, first), entry_identifier(list, entry))) {
			first = entry;
			list->sorted[list->sorted_count++] = list->sorted[i];
			continue;
		}
		r = repeat_drop(list, first, entry, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int lists_end(struct lists *list, struct err *err)
{
	int r;

	list->sorted = calloc(list->count + 1, sizeof(*list->sorted));
	if (!list->sorted)
		return err_no_memory(err);
	for (size_t i = 0; i < list->count; i++)
		list->sorted[i] = (uint32_t)i;
	qsort_r(list->sorted, list->count, sizeof(*list->sorted), sorted_order, list);
	r = repeats_find(list, err);
	if (r == 0 && list->issue_count)
		qsort(list->issues, list->issue_count, sizeof(*list->issues), issue_order);
	return r;
}

/* ---- looking ---- */

enum lists_kind lists_kind_of(const struct lists *list)
{
	return list->kind;
}

size_t lists_count(const struct lists *list)
{
	return list->sorted_count;
}

struct lists_entry entry_show(const struct lists *list, const struct entry *entry)
{
	return (struct lists_entry){.identifier = entry_identifier(list, entry),
				    .details = entry_details(list, entry),
				    .line = entry->line};
}

bool lists_next(const struct lists *list, size_t *at, struct lists_entry *entry)
{
	while (*at < list->count && list->entries[*at].is_dropped)
		++*at;
	if (*at >= list->count)
		return false;
	*entry = entry_show(list, &list->entries[(*at)++]);
	return true;
}

bool lists_has(const struct lists *list, struct slice identifier)
{
	size_t low = 0, high = list->sorted_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct entry *entry = &list->entries[list->sorted[middle]];
		int order = slice_compare(identifier, entry_identifier(list, entry));

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

size_t lists_refused(const struct lists *list)
{
	return list->refused;
}

const struct lists_issue *lists_issue_at(const struct lists *list, size_t index)
{
	return index < list->issue_count ? &list->issues[index] : NULL;
}
