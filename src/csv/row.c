/* row - looking at rows: their problems, their cells, and headers that name the columns */
#include "csv/csv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int csv_row_check(const struct csv_row *row, struct err *err)
{
	if (row->problem == CSV_FINE)
		return 0;
	return err_set(err, ERR_CORRUPT, "line %llu, column %zu: %s", (unsigned long long)row->line,
		       row->column, csv_problem_text(row->problem));
}

struct slice csv_row_cell(const struct csv_row *row, size_t index)
{
	return index < row->count ? row->cells[index] : SLICE_EMPTY;
}

void csv_header_clear(struct csv_header *header)
{
	for (size_t i = 0; i < header->count; i++)
		free(header->names[i]);
	free(header->names);
	*header = (struct csv_header){0};
}

int csv_header_set(struct csv_header *header, const struct csv_row *row, struct err *err)
{
	int r = csv_row_check(row, err);

	if (r < 0)
		return r;
	csv_header_clear(header);
	header->names = calloc(row->count, sizeof(*header->names));
	if (!header->names)
		return err_no_memory(err);
	for (; header->count < row->count; header->count++) {
		struct slice cell = row->cells[header->count];
		char *name = strndup((const char *)cell.bytes, cell.len);

		if (!name)
			return err_no_memory(err);
		header->names[header->count] = name;
	}
	return 0;
}

int csv_header_find(const struct csv_header *header, const char *name, size_t *index,
		    struct err *err)
{
	size_t found = header->count;

	for (size_t i = 0; i < header->count; i++) {
		if (strcasecmp(header->names[i], name) != 0)
			continue;
		if (found < header->count)
			return err_set(err, ERR_CORRUPT, "columns %zu and %zu are both named %s",
				       found + 1, i + 1, name);
		found = i;
	}
	if (found == header->count)
		return CSV_ABSENT;
	*index = found;
	return 0;
}
