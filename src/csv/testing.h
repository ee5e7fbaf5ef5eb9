/* testing - reading a text into one line for each row, for the tests of this room */
#ifndef REHOME_CSV_TESTING_H
#define REHOME_CSV_TESTING_H

#include "csv/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct buf told = {.max = 1u << 26};

/* next - csv_next, with @text fed in pieces of @piece bytes */
static int next(struct csv_reader *reader, struct slice *text, size_t piece, struct csv_row *row)
{
	struct err err = ERR_INIT;
	int r;

	while ((r = csv_next(reader, row, &err)) == CSV_NEED_MORE) {
		size_t len = text->len < piece ? text->len : piece;

		if (len == 0)
			csv_feed_end(reader);
		assert_int_equal(csv_feed(reader, slice_of(text->bytes, len), &err), 0);
		text->bytes += len;
		text->len -= len;
	}
	return r;
}

/* tell - "1[a|b] 2[c|d]", or "3!column: problem" for a broken row */
static const char *tell(struct slice text, char separator, bool trims, size_t piece)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct csv_row row;
	int r;

	buf_truncate(&told, 0);
	assert_int_equal(csv_reader_new(&reader, separator, trims, NULL), 0);
	while ((r = next(reader, &text, piece, &row)) == 0) {
		buf_append_format(&told, NULL, "%s%llu", told.len ? " " : "",
				  (unsigned long long)row.line);
		if (row.problem)
			buf_append_format(&told, NULL, "!%zu: %s", row.column,
					  csv_problem_text(row.problem));
		for (size_t i = 0; i < row.count; i++) {
			buf_append_text(&told, i ? "|" : "[", NULL);
			buf_append_slice(&told, row.cells[i], NULL);
		}
		buf_append_text(&told, row.problem ? "" : "]", NULL);
	}
	assert_int_equal(r, CSV_END);
	return buf_text(&told);
}

#endif
