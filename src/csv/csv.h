/*
 * csv - tables as text: RFC 4180 as people and spreadsheets really write it
 *
 * Reading takes bytes in pieces and hands out one row after the other, in constant memory.
 * It understands a byte order mark, CRLF, LF and CR, quoted cells with anything inside, and
 * comma, semicolon or tab as separator, found from the first line unless one is chosen.  A row
 * that breaks the form is handed out with its problem, and reading goes on with the line after
 * the one that it began on: so every broken line can be named, and hides no other.
 *
 * Writing appends to a buffer and quotes where that is needed.  What a cell means, and whether
 * it is UTF-8, is the caller's matter.  No files and no sockets.
 */
#ifndef REHOME_CSV_H
#define REHOME_CSV_H

#include "base/base.h"

enum {
	CSV_ROW_MAX = 1 << 20,    /* bytes of a row, quotes and line ends inside them counted */
	CSV_CELL_MAX = 1 << 16,   /* bytes of a cell between its separators or quotes */
	CSV_COLUMNS_MAX = 1024,   /* cells of a row */
	CSV_PIECE_MAX = 1 << 20,  /* bytes that csv_feed takes at once; 64 KiB serve best */
	CSV_PROBLEM_TEXT_MAX = 80 /* bytes of csv_problem_text, NUL counted */
};

/* ---- reading ------------------------------------------------------------- */

/** enum csv_problem - why a row is refused */
enum csv_problem {
	CSV_FINE,
	CSV_QUOTE_STRAY,  /* a quote within a cell that does not begin with one */
	CSV_QUOTE_OPEN,   /* a quote that nothing closes, or only another line's quote */
	CSV_QUOTE_CLOSED, /* text between a closing quote and the separator */
	CSV_NUL,          /* a zero byte */
	CSV_CELL_LONG,    /* over CSV_CELL_MAX */
	CSV_ROW_LONG,     /* over CSV_ROW_MAX */
	CSV_COLUMNS_MANY, /* over CSV_COLUMNS_MAX */
};

/** csv_problem_text - what is wrong, in words without a full stop; static */
const char *csv_problem_text(enum csv_problem problem);

/**
 * struct csv_row - one row; cells are borrowed until the next call on its reader
 * @line: number of the line on which it begins, counted from 1
 * @cells, @count: unquoted contents; at least one cell, none if there is a problem
 * @problem, @column: what breaks the form and in which cell, counted from 1
 */
struct csv_row {
	uint64_t line;
	const struct slice *cells;
	size_t count;
	enum csv_problem problem;
	size_t column;
};

/** csv_row_check - 0, or ERR_CORRUPT "line 7, column 3: ..." if @row has a problem */
int csv_row_check(const struct csv_row *row, struct err *err);
/** csv_row_cell - the cell at @index (from 0), empty when the row is shorter */
struct slice csv_row_cell(const struct csv_row *row, size_t index);

struct csv_reader;

/**
 * csv_reader_new - a reader that has read nothing yet
 * @separator: ',', ';', '\t', or 0: the one of these that is most frequent on the first line
 *   outside quotes, not counting those before a blank if there are others; the earlier one if
 *   equal, a comma if there is none
 * @trims: drop blanks (space, tab) around cells and around their quotes, as people type them;
 *   without it they belong to the cell, as RFC 4180 says
 * Returns 0 or ERR_NO_MEMORY.  Free with csv_reader_free_p.
 */
int csv_reader_new(struct csv_reader **out, char separator, bool trims, struct err *err);
void csv_reader_free_p(struct csv_reader **reader);

enum csv_next_outcome { CSV_NEED_MORE = 1, CSV_END = 2 };

/** csv_feed - the next @piece of the input, copied; after CSV_NEED_MORE. ERR_LIMIT above
 * CSV_PIECE_MAX bytes, ERR_NO_MEMORY. */
int csv_feed(struct csv_reader *reader, struct slice piece, struct err *err);
/** csv_feed_end - there is no more input */
void csv_feed_end(struct csv_reader *reader);
/**
 * csv_next - the next row; empty lines are none
 *
 * Returns 0 and @row, which may have a problem; CSV_NEED_MORE: feed, or say that it ended;
 * CSV_END; ERR_UNSUPPORTED when the input begins as UTF-16.
 */
int csv_next(struct csv_reader *reader, struct csv_row *row, struct err *err);

/* ---- header -------------------------------------------------------------- */

/** struct csv_header - owned copies of a row's cells as names; zero it, csv_header_clear */
struct csv_header {
	char **names;
	size_t count;
};

/** csv_header_set - take the names from @row, replacing what was there; ERR_CORRUPT if it has a
 * problem, ERR_NO_MEMORY */
int csv_header_set(struct csv_header *header, const struct csv_row *row, struct err *err);
void csv_header_clear(struct csv_header *header);

enum csv_header_outcome { CSV_ABSENT = 1 };
/** csv_header_find - the column of @name, ASCII letters of either case being equal. Returns 0 and
 * @index (from 0), CSV_ABSENT, or ERR_CORRUPT when several columns have the name. */
int csv_header_find(const struct csv_header *header, const char *name, size_t *index,
		    struct err *err);

/* ---- writing ------------------------------------------------------------- */

/**
 * struct csv_writer - appends rows to @out, which the caller empties as it likes
 * @separator: ',', ';' or '\t'
 * @ends_with_crlf: lines end with CRLF, as RFC 4180 has it, instead of LF
 * @guards_formulas: put an apostrophe before cells that a spreadsheet would run (they begin with
 *   = + - @, tab or CR); such a file is for eyes: it does not read back to the same cells
 * @cells: written so far in this row
 */
struct csv_writer {
	struct buf *out;
	char separator;
	bool ends_with_crlf, guards_formulas;
	size_t cells;
	bool is_blank; /* nothing but one empty cell so far */
};

#define CSV_WRITER_INIT(buf) ((struct csv_writer){.out = (buf), .separator = ','})

/** csv_write_cell - one more cell, quoted if it holds a separator, quote or line end, or blanks at
 * an end. Returns 0, ERR_LIMIT or ERR_NO_MEMORY from @out. */
int csv_write_cell(struct csv_writer *writer, struct slice cell, struct err *err);
/** csv_write_text - the same for a NUL-terminated text */
int csv_write_text(struct csv_writer *writer, const char *cell, struct err *err);
/** csv_write_end - end the row */
int csv_write_end(struct csv_writer *writer, struct err *err);

#endif
