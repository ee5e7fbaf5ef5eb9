/* write - rows as text that any reader of RFC 4180 takes for the same cells */
#include "csv/csv.h"

#include <string.h>

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static bool needs_quotes(const struct csv_writer *writer, struct slice cell)
{
	/* blanks at the ends are part of the cell, but many readers drop them outside quotes */
	if (cell.len && (is_blank(cell.bytes[0]) || is_blank(cell.bytes[cell.len - 1])))
		return true;
	for (size_t i = 0; i < cell.len; i++)
		if (cell.bytes[i] == (uint8_t)writer->separator || cell.bytes[i] == '"' ||
		    cell.bytes[i] == '\n' || cell.bytes[i] == '\r')
			return true;
	return false;
}

/* is_formula - would a spreadsheet run it? */
static bool is_formula(struct slice cell)
{
	return cell.len && memchr("=+-@\t\r", cell.bytes[0], 6);
}

static int quoted_write(struct buf *out, struct slice cell, bool has_guard, struct err *err)
{
	/* twice its length at the worst, so that nothing below can fail half way */
	int r = buf_reserve(out, 2 * cell.len + 3, err);

	if (r < 0)
		return r;
	out->bytes[out->len++] = '"';
	if (has_guard)
		out->bytes[out->len++] = '\'';
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.bytes[i] == '"')
			out->bytes[out->len++] = '"';
		out->bytes[out->len++] = cell.bytes[i];
	}
	out->bytes[out->len++] = '"';
	return 0;
}

int csv_write_cell(struct csv_writer *writer, struct slice cell, struct err *err)
{
	bool has_guard = writer->guards_formulas && is_formula(cell);
	int r = writer->cells ? buf_append_u8(writer->out, (uint8_t)writer->separator, err) : 0;

	writer->is_blank = !writer->cells && !cell.len;
	writer->cells++;
	if (r < 0)
		return r;
	if (needs_quotes(writer, cell))
		return quoted_write(writer->out, cell, has_guard, err);
	if (has_guard)
		r = buf_append_u8(writer->out, '\'', err);
	return r < 0 ? r : buf_append_slice(writer->out, cell, err);
}

int csv_write_text(struct csv_writer *writer, const char *cell, struct err *err)
{
	return csv_write_cell(writer, slice_text(cell), err);
}

int csv_write_end(struct csv_writer *writer, struct err *err)
{
	/* a row of one empty cell would read as an empty line, which is no row */
	int r = writer->is_blank ? buf_append_text(writer->out, "\"\"", err) : 0;

	writer->cells = 0;
	writer->is_blank = false;
	return r < 0 ? r
		     : buf_append_text(writer->out, writer->ends_with_crlf ? "\r\n" : "\n", err);
}
