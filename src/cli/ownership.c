/* rehome ownership make|check|set */
#include "cli/internal.h"

#include <string.h>

/* set - what this repository is told of a device, attached or not */
static int set(struct cli *cli, const char *wanted, const char *word)
{
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	enum job_ownership ownership;
	struct job_snapshot snapshot;
	char latest[JOB_TEXT_MAX];
	int r;

	if (!job_ownership_parse(word, &ownership))
		return err_set(&cli->err, ERR_USAGE,
			       "\"%.40s\" is not one of personal, corporate, unknown", word);
	if (snprintf(latest, sizeof(latest), "latest:%s", wanted) >= (int)sizeof(latest))
		return err_set(&cli->err, ERR_USAGE, "\"%.40s...\" names no device", wanted);
	r = cli_repo_open(cli, &repo, &cli->err);
	if (r == 0)
		r = job_snapshot_find(repo, latest, &snapshot, &cli->err);
	if (r == 0)
		r = job_ownership_set(repo, snapshot.udid, ownership, &cli->err);
	if (r < 0)
		return r;
	if (cli->is_json)
		return cli_json(cli,
				json_pack("{s:o, s:s}", "udid", cli_json_text(snapshot.udid),
					  "ownership", word),
				&cli->err);
	cli_say(cli, "%s (%s): ownership %s%s", snapshot.udid, snapshot.name, word,
		ownership == JOB_OWNER_PERSONAL
			? "; its contents open with its backup password only, and each opening is "
			  "recorded"
			: "");
	return 0;
}

int cli_run_ownership(struct cli *cli, int argc, char **argv)
{
	/* the form has no details, so nothing in them is refused */
	struct cli_list_wish wish = {.options = {.kind = LISTS_SERIAL, .drops_details = true}};
	const char *to = NULL;
	bool skips_refused = false;
	const struct cli_option options[] = {
		CLI_TEXT_OPTION("column", &wish.options.column, "NAME",
				"the header of the column with the serial numbers"),
		CLI_TEXT_OPTION("separator", &wish.separator, "S", "of cells: , or ; or tab"),
		CLI_TEXT_OPTION("to", &to, "FILE",
				"make: write FILE instead of the standard output"),
		CLI_FLAG_OPTION("skip-refused", 0, &skips_refused,
				"go on without the lines that are refused"),
		{0},
	};
	int r = cli_options(cli, &argc, argv, options, &cli->err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (argc != (strcmp(argv[0], "set") ? 2 : 3))
		return err_set(&cli->err, ERR_USAGE,
			       "make and check take FILE, set takes DEVICE and a word");
	if (!strcmp(argv[0], "set"))
		return set(cli, argv[1], argv[2]);
	if (!strcmp(argv[0], "check"))
		return cli_list_check(cli, &wish, argv[1], LISTS_OWNERSHIP);
	if (strcmp(argv[0], "make") != 0)
		return err_set(&cli->err, ERR_USAGE, "\"%.40s\" is not one of make, check, set",
			       argv[0]);
	r = cli_list_convert(cli, &wish, argv[1], LISTS_OWNERSHIP, to, skips_refused);
	if (r == 0)
		cli_say(cli, "it changes records that are there; a device that is yet to enroll "
			     "needs its identifier imported before (R-864)");
	return r;
}
