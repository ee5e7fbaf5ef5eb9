/* table_input - tables from files or the standard input */
#include "cli/internal.h"

#include <errno.h>
#include <string.h>

int cli_input_open(struct cli *cli, struct cli_input *input, const char *path,
		   const char *separator, struct err *err)
{
	char byte = 0;

	*input = (struct cli_input){.path = path};
	if (separator && !strcmp(separator, "tab"))
		byte = '\t';
	else if (separator && (!strcmp(separator, ",") || !strcmp(separator, ";")))
		byte = *separator;
	else if (separator)
		return err_set(err, ERR_USAGE, "the separator is , or ; or tab, not \"%.20s\"",
			       separator);
	input->file = strcmp(path, "-") != 0 ? fopen(path, "re") : cli->world->in;
	if (!input->file)
		return err_set_errno(err, errno, "open %s", path);
	input->is_owned = input->file != cli->world->in;
	return csv_reader_new(&input->reader, byte, true, err);
}

void cli_input_close(struct cli_input *input)
{
	csv_reader_free_p(&input->reader);
	if (input->is_owned)
		fclose(input->file);
	*input = (struct cli_input){0};
}

static int piece_feed(struct cli_input *input, struct err *err)
{
	char piece[1 << 16];
	size_t len = fread(piece, 1, sizeof(piece), input->file);
	int r = 0;

	if (len == 0 && ferror(input->file))
		return err_set_errno(err, errno, "read %s", input->path);
	if (len == 0)
		csv_feed_end(input->reader);
	if (input->copy)
		r = buf_append(input->copy, piece, len, err);
	return r < 0 ? r : csv_feed(input->reader, slice_of(piece, len), err);
}

int cli_input_next(struct cli_input *input, struct csv_row *row, struct err *err)
{
	int r;

	while ((r = csv_next(input->reader, row, err)) == CSV_NEED_MORE) {
		r = piece_feed(input, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? err_wrap(err, r, "%s", input->path) : r;
}
