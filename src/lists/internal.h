/* lists/internal - what the files of this room share */
#ifndef REHOME_LISTS_INTERNAL_H
#define REHOME_LISTS_INTERNAL_H

#include "lists/lists.h"

/* struct entry - an entry with its texts as offsets, because they move while the list grows */
struct entry {
	uint64_t line;
	size_t identifier_at, details_at;
	uint32_t identifier_len, details_len;
	bool is_dropped; /* a duplicate or a conflict */
};

struct lists {
	struct lists_options options;
	enum lists_kind kind;
	bool has_header, is_begun;
	size_t width, identifier_column, details_column; /* SIZE_MAX: there is none */
	struct buf text;
	struct entry *entries;
	size_t count, cap, rows;
	uint32_t *sorted; /* entries that are not dropped, by identifier */
	size_t sorted_count;
	struct lists_issue *issues;
	size_t issue_count, issue_cap, refused;
};

static inline struct slice entry_identifier(const struct lists *list, const struct entry *entry)
{
	return slice_of(list->text.bytes + entry->identifier_at, entry->identifier_len);
}
static inline struct slice entry_details(const struct lists *list, const struct entry *entry)
{
	return slice_of(list->text.bytes + entry->details_at, entry->details_len);
}
struct lists_entry entry_show(const struct lists *list, const struct entry *entry);
/* entry_compare - by identifier, bytes before length */
int slice_compare(struct slice a, struct slice b);

/* room_for_one - @array of @cap items of @size bytes has room behind @count */
int room_for_one(void *array, size_t count, size_t *cap, size_t size, struct err *err);

/* ---- header.c ---- */

/* header_take - find the columns; *@is_header tells whether @row is one or already the first entry
 */
int header_take(struct lists *list, const struct csv_row *row, bool *is_header, struct err *err);
/* word_fold - @cell in lower case without blanks, '-', '_', '.' and brackets; cut to @len */
const char *word_fold(struct slice cell, char *out, size_t len);
/* is_header_word - is @cell one of the names that usual headers have? */
bool is_header_word(struct slice cell);

/* ---- value.c ---- */

/* struct value - an identifier as the services want it, and what was remarkable */
struct value {
	char text[LISTS_IDENTIFIER_MAX + 1];
	size_t len;
	uint32_t remarks; /* 1u << enum lists_reason */
};

struct slice slice_trim(struct slice cell);
/* identifier_take - LISTS_FINE or why not; LISTS_ANY in *@kind is settled by the first that is fine
 */
enum lists_reason identifier_take(struct slice cell, enum lists_kind *kind, struct value *value);
enum lists_reason details_check(struct slice details);

/* ---- form.c ---- */

/* line_take - step over the next line of @text, and return it without its end */
struct slice line_take(struct slice *text);

/* ---- issue.c ---- */

const char *reason_text(enum lists_reason reason);

#endif
