/* rehome import */
#include "cli/internal.h"

#include <unistd.h>

static int print(struct cli *cli, const struct job_snapshot *snapshot,
		 const struct job_copy_report *report)
{
	char size[16];
	int fd = fileno(cli->world->out);

	if (cli->is_json)
		return cli_json(cli, cli_json_snapshot(snapshot), &cli->err);
	cli_say(cli, "%s: took in %llu files, %s",
		*snapshot->name ? snapshot->name : snapshot->udid,
		(unsigned long long)report->files, size_format(report->bytes, size));
	if (snapshot->is_simulated)
		cli_say(cli, "it is of a simulated device and goes back to simulated devices only");
	fprintf(cli->world->out, fd >= 0 && isatty(fd) ? "snapshot %s\n" : "%s\n", snapshot->id);
	return 0;
}

int cli_run_import(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	CLEANUP(cli_findings_clear) struct cli_findings findings = {0};
	struct job_copy_report report;
	struct job_snapshot snapshot;
	int r, has_password;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	/* whose folder it is stands inside of it; without a file its contents are checked as they
	 * lie there */
	has_password = cli_device_password(cli, NULL, "", false, &password, &cli->err);
	if (has_password < 0)
		return has_password;
	r = cli_repo_open(cli, &repo, &cli->err);
	if (r < 0)
		return r;
	cli_findings_init(&findings, cli);
	r = job_import(&cli->env, repo, argv[0], has_password == 0 ? &password : NULL, cli_finding,
		       &findings, &snapshot, &report, &cli->err);
	cli_progress_end(&cli->progress);
	return r < 0 ? r : print(cli, &snapshot, &report);
}
