/* rehome extract */
#include "cli/internal.h"

#include <string.h>

static int tell(struct cli *cli, const struct job_extract_report *report, const char *dir)
{
	char size[16];

	if (cli->is_json)
		return cli_json(cli,
				json_pack("{s:o, s:I, s:I, s:I}", "dir", cli_json_text(dir),
					  "files", (json_int_t)report->files, "bytes",
					  (json_int_t)report->bytes, "skipped",
					  (json_int_t)report->skipped),
				&cli->err);
	cli_say(cli, "%llu files, %s in %s", (unsigned long long)report->files,
		size_format(report->bytes, size), dir);
	if (report->skipped)
		cli_say(cli, "%llu links and unusable names were left out",
			(unsigned long long)report->skipped);
	return 0;
}

int cli_run_extract(struct cli *cli, int argc, char **argv)
{
	const char *dir = NULL;
	const struct cli_option options[] = {
		CLI_TEXT_OPTION("to", &dir, "DIR", "the folder to make (default: rehome-SNAPSHOT)"),
		{0},
	};
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	char domain[BACKUP_DOMAIN_LEN_MAX + 1], path[PATH_LEN_MAX + 1] = "", made[64];
	struct job_extract_report report;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (argc > 1)
		r = cli_path_split(argv[1], domain, path, &cli->err);
	if (!dir) {
		const char *slash = strrchr(argv[0], '/');

		snprintf(made, sizeof(made), "rehome-%.40s",
			 slash && slash[1] ? slash + 1 : argv[0]);
		dir = made;
	}
	if (r == 0)
		r = cli_source_open(cli, argv[0], true, &source, &cli->err);
	if (r == 0)
		r = job_browse_extract(source.browse, &cli->env, argc > 1 ? domain : NULL, path,
				       dir, &report, &cli->err);
	return r < 0 ? r : tell(cli, &report, dir);
}
