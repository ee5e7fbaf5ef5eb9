/* tables: pieces of any size give the same rows, and whole rows written read back the same */
#include <stdlib.h>

#include "csv/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* rows - read @input in pieces, write what is whole with commas and note what is broken */
static void rows(struct slice input, size_t piece, char separator, struct buf *out,
		 struct buf *broken)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct csv_writer writer = CSV_WRITER_INIT(out);
	struct csv_row row;
	int r;

	if (csv_reader_new(&reader, separator, false, NULL) < 0)
		abort();
	while ((r = csv_next(reader, &row, NULL)) == 0 || r == CSV_NEED_MORE) {
		if (r == CSV_NEED_MORE) {
			size_t len = input.len < piece ? input.len : piece;

			if (len == 0)
				csv_feed_end(reader);
			if (csv_feed(reader, slice_of(input.bytes, len), NULL) < 0)
				abort();
			input.bytes += len;
			input.len -= len;
		} else if (row.problem) {
			buf_append_format(broken, NULL, "%llu.%zu: %d\n",
					  (unsigned long long)row.line, row.column, row.problem);
		} else {
			for (size_t i = 0; i < row.count; i++)
				if (csv_write_cell(&writer, row.cells[i], NULL) < 0)
					abort();
			if (csv_write_end(&writer, NULL) < 0)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf whole = BUF_INIT(64u << 20), torn = BUF_INIT(64u << 20);
	CLEANUP(buf_clear) struct buf again = BUF_INIT(64u << 20), broken = BUF_INIT(64u << 20);
	CLEANUP(buf_clear) struct buf torn_broken = BUF_INIT(64u << 20);
	CLEANUP(buf_clear) struct buf none = BUF_INIT(64u << 20);
	struct slice input;
	size_t piece;

	if (size < 1)
		return 0;
	piece = (size_t)data[0] + 1;
	input = slice_of(data + 1, size - 1);
	rows(input, CSV_PIECE_MAX, 0, &whole, &broken);
	rows(input, piece, 0, &torn, &torn_broken);
	if (!slice_equal(buf_slice(&whole), buf_slice(&torn)) ||
	    !slice_equal(buf_slice(&broken), buf_slice(&torn_broken)))
		abort();
	/* a mark that belongs to the first cell would be taken for the file's own */
	if (whole.len && whole.bytes[0] >= 0xef)
		return 0;
	rows(buf_slice(&whole), piece, ',', &again, &none);
	if (none.len || !slice_equal(buf_slice(&whole), buf_slice(&again)))
		abort();
	return 0;
}
