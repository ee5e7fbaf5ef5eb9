/*
 * Rows of a CSV one after the other: what the plain door and the fleet have in common.
 */
#include "plan/internal.h"

int plan_lines_init(struct plan_lines *lines, struct err *err)
{
	return csv_reader_new(&lines->reader, 0, true, err);
}

void plan_lines_clear(struct plan_lines *lines)
{
	csv_reader_free_p(&lines->reader);
}

static int drain(struct plan_lines *lines, struct err *err)
{
	struct csv_row row;
	int r;

	while ((r = csv_next(lines->reader, &row, err)) == 0) {
		r = csv_row_check(&row, err);
		if (r < 0)
			return r;
		if (lines->has_head) {
			lines->rows++;
			r = lines->row(lines->arg, &row, err);
		} else {
			lines->has_head = true;
			r = lines->head(lines->arg, &row, err);
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int plan_lines_feed(struct plan_lines *lines, struct slice piece, struct err *err)
{
	int r = csv_feed(lines->reader, piece, err);

	return r < 0 ? r : drain(lines, err);
}

int plan_lines_end(struct plan_lines *lines, struct err *err)
{
	int r;

	csv_feed_end(lines->reader);
	r = drain(lines, err);
	if (r == 0 && !lines->has_head)
		r = err_set(err, ERR_USAGE, "the table is empty: its first line names the columns");
	return r;
}
