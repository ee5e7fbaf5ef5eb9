/* rehome pair */
#include "cli/internal.h"

int cli_run_pair(struct cli *cli, int argc, char **argv)
{
	bool no_wait = false;
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("no-wait", 0, &no_wait,
				"ask once and do not wait for the person at the device"),
		{0},
	};
	struct job_device device;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = job_device_find(&cli->env, argv[0], &device, &cli->err);
	if (r == 0)
		r = job_pair(&cli->env, &device, !no_wait, &cli->err);
	if (r < 0)
		return r;
	if (cli->is_json)
		return cli_json(cli,
				json_pack("{s:o, s:b}", "udid", cli_json_text(device.udid),
					  "already", r == JOB_PAIR_ALREADY),
				&cli->err);
	cli_say(cli, r == JOB_PAIR_ALREADY ? "%s is paired already" : "%s is paired", device.udid);
	return 0;
}
