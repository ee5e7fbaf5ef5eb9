/* rehome cat */
#include "cli/internal.h"

#include <errno.h>
#include <stdlib.h>

enum { STEP = 1 << 20 };

static int pour(struct cli *cli, struct source *source, struct err *err)
{
	CLEANUP(free_p) uint8_t *bytes = malloc(STEP);
	uint64_t at = 0;
	ssize_t n;
	int r;

	if (!bytes)
		return err_no_memory(err);
	while ((n = source->read(source, at, bytes, STEP, err)) > 0) {
		if (fwrite(bytes, 1, (size_t)n, cli->world->out) != (size_t)n)
			return err_set_errno(err, errno, "write to the standard output");
		at += (uint64_t)n;
		r = cancel_check(cli->world->cancel, err);
		if (r < 0)
			return r;
	}
	return n < 0 ? (int)n : 0;
}

int cli_run_cat(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	CLEANUP(source_close_p) struct source *content = NULL;
	char domain[BACKUP_DOMAIN_LEN_MAX + 1], path[PATH_LEN_MAX + 1];
	unsigned notes = 0;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_path_split(argv[1], domain, path, &cli->err);
	if (r == 0)
		r = cli_source_open(cli, argv[0], CLI_CONTENTS, &source, &cli->err);
	if (r == 0)
		r = job_browse_open_file(source.browse, domain, path, &content, &notes, &cli->err);
	if (r == 0)
		r = pour(cli, content, &cli->err);
	if (r == 0 && notes & BACKUP_NOTE_PADDING_INVALID)
		cli_warn(cli, "the file's cipher padding is damaged: its end may be wrong");
	return r;
}
