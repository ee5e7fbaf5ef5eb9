/*
 * read - from bytes to rows
 *
 * A row is scanned from its beginning and nothing is consumed until it is whole, so that a
 * piece may end anywhere.  A broken row costs the line that it began on and no more: reading
 * goes on behind the first line end, even if an open quote had swallowed it.  No line is
 * scanned more than twice for that: an open quote runs at most to the next line with an odd
 * number of quotes, and lines with an even number are rows of their own the second time.
 */
#include "csv/csv.h"

#include <stdlib.h>
#include <string.h>

enum kind { KIND_PLAIN, KIND_SEPARATOR, KIND_LINE, KIND_QUOTE, KIND_NUL };

struct csv_reader {
	struct buf bytes;
	size_t at;      /* what lies before it is consumed */
	uint64_t line;  /* number of the line that begins there */
	char separator; /* 0: not known yet */
	bool trims, is_ended;
	bool is_marked;   /* a byte order mark has been looked for */
	bool is_begun;    /* and the separator is known */
	bool is_skipping; /* the rest of this line is not wanted */
	bool is_after_cr; /* a line feed here belongs to the line before */
	uint8_t kind[256];
	struct slice cells[CSV_COLUMNS_MAX];
};

/* struct scan - a row in the making */
struct scan {
	const uint8_t *begin, *at, *end;
	size_t count;
	size_t spanning; /* first cell with a line end inside, counted from 1; 0: none */
	bool has_pairs;  /* doubled quotes, still as they stand */
	enum csv_problem problem;
};

enum step { STEP_CELL, STEP_ROW, STEP_CUT, STEP_BAD };

_Static_assert(CSV_CELL_MAX == 65536 && CSV_ROW_MAX == 1048576 && CSV_COLUMNS_MAX == 1024,
	       "the texts below tell the limits");

const char *csv_problem_text(enum csv_problem problem)
{
	static const char *const texts[] = {
		[CSV_FINE] = "nothing is wrong",
		[CSV_QUOTE_STRAY] = "a quote inside a cell that does not begin with one",
		[CSV_QUOTE_OPEN] = "a quote is opened on this line and not closed",
		[CSV_QUOTE_CLOSED] = "text between a closing quote and the separator",
		[CSV_NUL] = "a zero byte",
		[CSV_CELL_LONG] = "the cell is longer than 65536 bytes",
		[CSV_ROW_LONG] = "the row is longer than 1048576 bytes",
		[CSV_COLUMNS_MANY] = "more than 1024 cells",
	};

	return texts[problem];
}

int csv_reader_new(struct csv_reader **out, char separator, bool trims, struct err *err)
{
	struct csv_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return err_no_memory(err);
	reader->bytes = BUF_INIT(CSV_ROW_MAX + CSV_PIECE_MAX + 1);
	reader->line = 1;
	reader->separator = separator;
	reader->trims = trims;
	*out = reader;
	return 0;
}

void csv_reader_free_p(struct csv_reader **reader)
{
	if (!*reader)
		return;
	buf_clear(&(*reader)->bytes);
	free(*reader);
	*reader = NULL;
}

int csv_feed(struct csv_reader *reader, struct slice piece, struct err *err)
{
	struct buf *bytes = &reader->bytes;

	if (piece.len > CSV_PIECE_MAX)
		return err_set(err, ERR_LIMIT, "piece of %zu bytes, limit %d", piece.len,
			       CSV_PIECE_MAX);
	if (reader->at) {
		memmove(bytes->bytes, bytes->bytes + reader->at, bytes->len - reader->at);
		bytes->len -= reader->at;
		reader->at = 0;
	}
	return buf_append_slice(bytes, piece, err);
}

void csv_feed_end(struct csv_reader *reader)
{
	reader->is_ended = true;
}

/* ---- the beginning: byte order mark and separator ---- */

/*
 * separator_best - the separator of the line in @line
 *
 * What people write within a cell is followed by a blank ("Anna; second floor"), what divides
 * cells mostly is not: so one without a blank behind it outweighs all that have one.
 */
static char separator_best(struct slice line)
{
	enum { WEIGHT_CLOSE = CSV_ROW_MAX + CSV_PIECE_MAX };
	static const char known[] = {',', ';', '\t'};
	size_t weight[sizeof(known)] = {0}, first[sizeof(known)] = {0}, best = 0;
	bool is_quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		const char *at = memchr(known, line.bytes[i], sizeof(known));
		bool is_close = i + 1 == line.len || line.bytes[i + 1] != ' ';

		if (line.bytes[i] == '"')
			is_quoted = !is_quoted;
		if (!at || is_quoted)
			continue;
		if (!weight[at - known])
			first[at - known] = i;
		weight[at - known] += is_close ? WEIGHT_CLOSE : 1;
	}
	for (size_t k = 1; k < sizeof(known); k++)
		if (weight[k] > weight[best] ||
		    (weight[k] && weight[k] == weight[best] && first[k] < first[best]))
			best = k;
	return known[best];
}

/* separator_find - false as long as the first line has not come whole */
static bool separator_find(struct csv_reader *reader)
{
	const uint8_t *bytes = reader->bytes.bytes;
	bool is_quoted = false, has_text = false;
	size_t i = reader->at;

	for (; i < reader->bytes.len; i++) {
		bool is_line_end = bytes[i] == '\n' || bytes[i] == '\r';

		if (is_line_end && has_text && !is_quoted)
			break;
		has_text = has_text || !is_line_end;
		is_quoted ^= bytes[i] == '"';
	}
	if (i == reader->bytes.len && !reader->is_ended && i - reader->at < CSV_ROW_MAX)
		return false;
	reader->separator = separator_best(slice_of(bytes + reader->at, i - reader->at));
	return true;
}

static void kinds_set(struct csv_reader *reader)
{
	reader->kind[(uint8_t)reader->separator] = KIND_SEPARATOR;
	reader->kind['\n'] = reader->kind['\r'] = KIND_LINE;
	reader->kind['"'] = KIND_QUOTE;
	reader->kind[0] = KIND_NUL;
}

static int mark_skip(struct csv_reader *reader, struct err *err)
{
	const uint8_t *bytes = reader->bytes.bytes;
	size_t len = reader->bytes.len;

	if (len < 3 && !reader->is_ended)
		return CSV_NEED_MORE;
	if (len >= 2 && (!memcmp(bytes, "\xff\xfe", 2) || !memcmp(bytes, "\xfe\xff", 2)))
		return err_set(err, ERR_UNSUPPORTED, "the table is in UTF-16: save it as UTF-8");
	if (len >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3))
		reader->at = 3;
	reader->is_marked = true;
	return 0;
}

static int begin(struct csv_reader *reader, struct err *err)
{
	int r = reader->is_marked ? 0 : mark_skip(reader, err);

	if (r != 0)
		return r;
	if (!reader->separator && !separator_find(reader))
		return CSV_NEED_MORE;
	kinds_set(reader);
	reader->is_begun = true;
	return 0;
}

/* ---- one row ---- */

static enum step bad(struct scan *scan, enum csv_problem problem)
{
	scan->problem = problem;
	return STEP_BAD;
}

static bool is_blank(const struct csv_reader *reader, uint8_t byte)
{
	return (byte == ' ' || byte == '\t') && reader->kind[byte] == KIND_PLAIN;
}

/* cell_keep - [@from, @to) is a cell, to be trimmed if that is wanted and it was not quoted */
static enum step cell_keep(struct csv_reader *reader, struct scan *scan, const uint8_t *from,
			   const uint8_t *to, bool trims)
{
	if (to - from > CSV_CELL_MAX)
		return bad(scan, CSV_CELL_LONG);
	while (trims && to > from && is_blank(reader, to[-1]))
		to--;
	reader->cells[scan->count] = slice_of(from, (size_t)(to - from));
	return STEP_CELL;
}

/* step_after - what the byte behind a cell says; @stray if it is none of separator and line end */
static enum step step_after(const struct csv_reader *reader, struct scan *scan,
			    enum csv_problem stray)
{
	if (scan->at == scan->end)
		return reader->is_ended ? STEP_ROW : STEP_CUT;
	switch (reader->kind[*scan->at++]) {
	case KIND_SEPARATOR:
		return STEP_CELL;
	case KIND_LINE:
		return STEP_ROW;
	case KIND_NUL:
		return bad(scan, CSV_NUL);
	default:
		return bad(scan, stray);
	}
}

static enum step plain_cell(struct csv_reader *reader, struct scan *scan)
{
	const uint8_t *from = scan->at, *at = from;

	while (at < scan->end && reader->kind[*at] == KIND_PLAIN)
		at++;
	scan->at = at;
	if (cell_keep(reader, scan, from, at, reader->trims) == STEP_BAD)
		return STEP_BAD;
	return step_after(reader, scan, CSV_QUOTE_STRAY);
}

static bool has_line_end(const uint8_t *from, const uint8_t *to)
{
	size_t len = (size_t)(to - from);

	return memchr(from, '\n', len) || memchr(from, '\r', len);
}

/* quote_close - the closing quote of the cell at scan->at, which is stepped over; NULL: not there
 */
static const uint8_t *quote_close(const struct csv_reader *reader, struct scan *scan)
{
	const uint8_t *quote;

	for (;;) {
		quote = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
		if (!quote) {
			scan->at = scan->end;
			return NULL;
		}
		scan->at = quote + 1;
		if (scan->at == scan->end)
			return reader->is_ended ? quote : NULL;
		if (*scan->at != '"')
			return quote;
		scan->has_pairs = true;
		scan->at++;
	}
}

static enum step quoted_cell(struct csv_reader *reader, struct scan *scan)
{
	const uint8_t *from = ++scan->at, *quote = quote_close(reader, scan);
	const uint8_t *to = quote ? quote : scan->end;
	const uint8_t *nul = memchr(from, 0, (size_t)(to - from));

	if (!scan->spanning && has_line_end(from, nul ? nul : to))
		scan->spanning = scan->count + 1;
	if (nul)
		return bad(scan, CSV_NUL);
	if (cell_keep(reader, scan, from, to, false) == STEP_BAD)
		return STEP_BAD;
	if (!quote)
		return reader->is_ended ? bad(scan, CSV_QUOTE_OPEN) : STEP_CUT;
	while (reader->trims && scan->at < scan->end && is_blank(reader, *scan->at))
		scan->at++;
	return step_after(reader, scan, CSV_QUOTE_CLOSED);
}

static enum step cell_scan(struct csv_reader *reader, struct scan *scan)
{
	if (scan->count == CSV_COLUMNS_MAX)
		return bad(scan, CSV_COLUMNS_MANY);
	while (reader->trims && scan->at < scan->end && is_blank(reader, *scan->at))
		scan->at++;
	if (scan->at < scan->end && *scan->at == '"')
		return quoted_cell(reader, scan);
	return plain_cell(reader, scan);
}

static enum step row_scan(struct csv_reader *reader, struct scan *scan)
{
	enum step step;

	do {
		step = cell_scan(reader, scan);
		if (step != STEP_BAD && scan->at - scan->begin > CSV_ROW_MAX)
			step = bad(scan, CSV_ROW_LONG);
		if (step == STEP_CELL)
			scan->count++;
	} while (step == STEP_CELL);
	return step;
}

/* pairs_fold - "" becomes " in place; only quoted cells hold quotes at all */
static void pairs_fold(struct slice *cell, uint8_t *bytes)
{
	size_t to = 0;

	for (size_t from = 0; from < cell->len; from++) {
		bytes[to++] = bytes[from];
		if (bytes[from] == '"')
			from++;
	}
	cell->len = to;
}

/* lines_count - line ends in @len bytes, CRLF being one */
static uint64_t lines_count(const uint8_t *bytes, size_t len)
{
	uint64_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += bytes[i] == '\n' ? i == 0 || bytes[i - 1] != '\r' : bytes[i] == '\r';
	return count;
}

static void row_give(struct csv_reader *reader, struct scan *scan, struct csv_row *row)
{
	size_t len = (size_t)(scan->at - scan->begin);
	uint8_t *bytes = reader->bytes.bytes;

	*row = (struct csv_row){
		.line = reader->line, .cells = reader->cells, .count = scan->count + 1};
	/* the line end itself is the last byte, unless the input ended without one */
	reader->line += scan->spanning ? lines_count(scan->begin, len) : 1;
	reader->is_after_cr = scan->at[-1] == '\r';
	reader->at += len;
	if (!scan->has_pairs)
		return;
	for (size_t i = 0; i < row->count; i++)
		pairs_fold(&reader->cells[i], bytes + (reader->cells[i].bytes - bytes));
}

static void row_refuse(struct csv_reader *reader, const struct scan *scan, struct csv_row *row)
{
	*row = (struct csv_row){
		.line = reader->line, .problem = scan->problem, .column = scan->count + 1};
	/* what went wrong on a later line went wrong because a quote was left open on this one */
	if (scan->spanning) {
		row->problem = CSV_QUOTE_OPEN;
		row->column = scan->spanning;
	}
	reader->is_skipping = true;
}

/* ---- between rows ---- */

/* lines_skip - consume the rest of an unwanted line, then empty lines */
static void lines_skip(struct csv_reader *reader)
{
	while (reader->at < reader->bytes.len) {
		uint8_t byte = reader->bytes.bytes[reader->at];
		bool is_line_end = byte == '\n' || byte == '\r';

		if (!is_line_end && !reader->is_skipping)
			return;
		reader->at++;
		if (is_line_end && !(byte == '\n' && reader->is_after_cr)) {
			reader->line++;
			reader->is_skipping = false;
		}
		reader->is_after_cr = byte == '\r';
	}
}

int csv_next(struct csv_reader *reader, struct csv_row *row, struct err *err)
{
	int r = reader->is_begun ? 0 : begin(reader, err);
	struct scan scan = {0};

	if (r != 0)
		return r;
	lines_skip(reader);
	if (reader->at == reader->bytes.len)
		return reader->is_ended ? CSV_END : CSV_NEED_MORE;
	scan.begin = scan.at = reader->bytes.bytes + reader->at;
	scan.end = reader->bytes.bytes + reader->bytes.len;
	switch (row_scan(reader, &scan)) {
	case STEP_CUT:
		return CSV_NEED_MORE;
	case STEP_BAD:
		row_refuse(reader, &scan, row);
		return 0;
	default:
		row_give(reader, &scan, row);
		return 0;
	}
}
