/* header - which column holds what; lists come with a header, or without one and in order */
#include "lists/internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const serial_words[] = {"serialnumber", "serial", "serialno", NULL};
static const char *const imei_words[] = {"imei", "imeinumber", NULL};
static const char *const any_words[] = {"identifier", "deviceidentifier",
					"importeddeviceidentifier", NULL};
static const char *const details_words[] = {"details", "devicedetails", "description", NULL};

const char *word_fold(struct slice cell, char *out, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < cell.len && n + 1 < len; i++)
		if (cell.bytes[i] && !strchr(" \t-_.()", cell.bytes[i]))
			out[n++] = (char)tolower(cell.bytes[i]);
	out[n] = 0;
	return out;
}

static bool is_of(struct slice cell, const char *const *words)
{
	char word[40];

	word_fold(cell, word, sizeof(word));
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}

bool is_header_word(struct slice cell)
{
	return is_of(cell, serial_words) || is_of(cell, imei_words) || is_of(cell, any_words) ||
	       is_of(cell, details_words);
}

static bool is_named(struct slice cell, const char *name)
{
	return cell.len == strlen(name) && !strncasecmp((const char *)cell.bytes, name, cell.len);
}

/* column_find - the one column that is called @name, or one of @words if there is no name;
 * SIZE_MAX: none */
static int column_find(const struct csv_row *row, const char *name, const char *const *words,
		       size_t *column, struct err *err)
{
	*column = SIZE_MAX;
	for (size_t i = 0; i < row->count; i++) {
		struct slice cell = slice_trim(row->cells[i]);

		if (name ? !is_named(cell, name) : !is_of(cell, words))
			continue;
		if (*column != SIZE_MAX)
			return err_set(err, ERR_CORRUPT,
				       "line %llu: columns %zu and %zu have the same name",
				       (unsigned long long)row->line, *column + 1, i + 1);
		*column = i;
	}
	if (name && *column == SIZE_MAX)
		return err_set(err, ERR_NOT_FOUND, "line %llu: no column is named %.80s",
			       (unsigned long long)row->line, name);
	return 0;
}

/* identifier_find - the column of identifiers: as named, of the wanted kind, else whatever the
 * header offers, serial numbers first (C-05) */
static int identifier_find(struct lists *list, const struct csv_row *row, struct err *err)
{
	static const struct {
		enum lists_kind kind;
		const char *const *words;
	} known[] = {
		{LISTS_SERIAL, serial_words}, {LISTS_IMEI, imei_words}, {LISTS_ANY, any_words}};

	if (list->options.column)
		return column_find(row, list->options.column, NULL, &list->identifier_column, err);
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		int r;

		if (list->kind != LISTS_ANY && known[i].kind != LISTS_ANY &&
		    list->kind != known[i].kind)
			continue;
		r = column_find(row, NULL, known[i].words, &list->identifier_column, err);
		if (r < 0)
			return r;
		if (list->identifier_column == SIZE_MAX)
			continue;
		if (list->kind == LISTS_ANY)
			list->kind = known[i].kind;
		return 0;
	}
	return 0;
}

static bool has_header_word(const struct csv_row *row)
{
	for (size_t i = 0; i < row->count; i++)
		if (is_header_word(slice_trim(row->cells[i])))
			return true;
	return false;
}

int header_take(struct lists *list, const struct csv_row *row, bool *is_header, struct err *err)
{
	const struct lists_options *options = &list->options;
	int r;

	*is_header = options->column || options->details_column || has_header_word(row);
	if (!*is_header) {
		list->identifier_column = 0;
		list->details_column = 1;
		list->width = 2;
		return 0;
	}
	list->has_header = true;
	list->width = row->count;
	r = identifier_find(list, row, err);
	if (r == 0 && list->identifier_column == SIZE_MAX)
		r = err_set(err, ERR_NOT_FOUND,
			    "line %llu: the header names no %s: say which column holds it",
			    (unsigned long long)row->line,
			    list->kind == LISTS_IMEI     ? "IMEI"
			    : list->kind == LISTS_SERIAL ? "serial number"
							 : "serial number or IMEI");
	if (r == 0)
		r = column_find(row, options->details_column, details_words, &list->details_column,
				err);
	return r;
}
