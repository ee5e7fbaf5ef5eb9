/* rehome init */
#include "cli/internal.h"

int cli_run_init(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	struct err absent = ERR_INIT;
	char path[CLI_PATH_MAX];
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_repo_path(cli, path, &cli->err);
	/* told before a password is asked for */
	if (r == 0 && repo_probe(path, &cli->repo_env, &absent) == 0)
		r = err_set(&cli->err, ERR_EXISTS, "%s: there is a repository already", path);
	if (r == 0)
		r = cli_repo_password(cli, true, &password, &cli->err);
	if (r == 0)
		r = repo_init(path, &password, &cli->repo_env, &cli->err);
	if (r < 0)
		return r;
	if (cli->is_json)
		return cli_json(cli, json_pack("{s:o}", "repository", cli_json_text(path)),
				&cli->err);
	cli_say(cli, "made a repository at %s", path);
	cli_say(cli, "Keep its password: without it nothing in the repository can be read. Next: "
		     "`rehome devices`");
	return 0;
}
