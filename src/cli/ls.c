/* rehome ls */
#include "cli/internal.h"

#include <string.h>

struct listing {
	struct cli *cli;
	bool is_first;
};

static void print_line(FILE *out, const struct job_item *item)
{
	const struct backup_file *file = item->file;
	const char *type = cli_item_type(item);
	char time[21], name[2048], target[1200], letter = '-';

	if (!file && !*item->path) {
		fprintf(out, "%s\n", cli_clean(item->domain, name, sizeof(name)));
		return;
	}
	if (!strcmp(type, "folder"))
		letter = 'd';
	else if (!strcmp(type, "link"))
		letter = 'l';
	fprintf(out, "%c %12llu  %-20s  %s", letter, file ? (unsigned long long)file->size : 0ull,
		file ? time_format_utc(file->modified, time) : "-",
		cli_clean(item->domain, name, sizeof(name)));
	fprintf(out, "/%s", cli_clean(item->path, name, sizeof(name)));
	if (file && file->target)
		fprintf(out, " -> %s", cli_clean(file->target, target, sizeof(target)));
	fputc('\n', out);
}

static int each(void *arg, const struct job_item *item, struct err *err)
{
	struct listing *listing = arg;
	int r = cancel_check(listing->cli->world->cancel, err);

	if (r < 0)
		return r;
	if (listing->cli->is_json)
		return cli_json_next(listing->cli, &listing->is_first, cli_json_item(item), err);
	print_line(listing->cli->world->out, item);
	return 0;
}

static int list(struct cli *cli, struct job_browse *browse, const char *where, bool is_recursive)
{
	struct listing listing = {cli, true};
	char domain[BACKUP_DOMAIN_LEN_MAX + 1], path[PATH_LEN_MAX + 1] = "";
	enum job_listing kind = is_recursive ? JOB_LIST_ALL
				: where      ? JOB_LIST_CHILDREN
					     : JOB_LIST_DOMAINS;
	uint64_t damaged = 0;
	int r = 0;

	if (where)
		r = cli_path_split(where, domain, path, &cli->err);
	if (r == 0)
		r = job_browse_list(browse, kind, where ? domain : NULL, path, each, &listing,
				    &damaged, &cli->err);
	if (r < 0)
		return r;
	if (cli->is_json)
		cli_json_end(cli, listing.is_first);
	if (damaged) {
		cli_warn(cli, "%llu rows of the manifest are damaged and not listed",
			 (unsigned long long)damaged);
		return CLI_DAMAGED;
	}
	return 0;
}

int cli_run_ls(struct cli *cli, int argc, char **argv)
{
	bool is_recursive = false;
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("recursive", 'R', &is_recursive, "everything below as well"),
		{0},
	};
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_source_open(cli, argv[0], CLI_CONTENTS, &source, &cli->err);
	return r < 0 ? r : list(cli, source.browse, argc > 1 ? argv[1] : NULL, is_recursive);
}
