/* rehome export */
#include "cli/internal.h"

int cli_run_export(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	struct job_copy_report report;
	struct job_snapshot snapshot;
	bool is_personal;
	char size[16];
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_repo_open(cli, &repo, &cli->err);
	if (r == 0)
		r = job_snapshot_find(repo, argv[0], &snapshot, &cli->err);
	if (r == 0) /* an encrypted one stays closed; a plain folder would be open to all */
		r = job_opening_admit(repo, &snapshot, &is_personal, &cli->err);
	if (r == 0)
		r = job_export(&cli->env, repo, &snapshot, argv[1], &report, &cli->err);
	cli_progress_end(&cli->progress);
	if (r < 0)
		return r;
	if (cli->is_json)
		return cli_json(cli,
				json_pack("{s:s, s:o, s:I, s:I}", "id", snapshot.id, "dir",
					  cli_json_text(report.path), "files",
					  (json_int_t)report.files, "bytes",
					  (json_int_t)report.bytes),
				&cli->err);
	cli_say(cli, "%llu files, %s", (unsigned long long)report.files,
		size_format(report.bytes, size));
	fprintf(cli->world->out, "%s\n", report.path);
	if (snapshot.is_encrypted)
		cli_say(cli,
			"it is encrypted as the device encrypted it: its backup password opens it");
	return 0;
}
