/* rehome pair */
#include "cli/pair.h"

/* run - by the question, or by whichever identity was said */
static int run(struct cli *cli, const struct cli_pair_wish *wish, const struct job_device *device)
{
	CLEANUP(cli_supervisor_clear) struct cli_supervisor supervisor;
	struct job_supervisor *chosen = NULL;
	int r = cli_supervisor_open(&supervisor, cli, wish, device->udid, &chosen, &cli->err);

	return r < 0 ? r : job_pair(&cli->env, device, chosen, !wish->no_wait, &cli->err);
}

int cli_run_pair(struct cli *cli, int argc, char **argv)
{
	struct cli_pair_wish wish = {0};
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("no-wait", 0, &wish.no_wait,
				"ask once and do not wait for the person at the device"),
		CLI_FLAG_OPTION("supervised", 0, &wish.asks_service,
				"without a question: the MDM service that supervises the device "
				"vouches, asked as `rehome mdm` does"),
		CLI_TEXT_OPTION("supervision-identity", &wish.identity_file, "FILE",
				"the same with certificate and key of a supervision identity, PEM"),
		{0},
	};
	struct job_device device;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (wish.asks_service && wish.identity_file)
		return err_set(&cli->err, ERR_USAGE,
			       "one of --supervised and --supervision-identity");
	r = job_device_find(&cli->env, argv[0], &device, &cli->err);
	if (r == 0)
		r = run(cli, &wish, &device);
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
