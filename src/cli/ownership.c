/* rehome ownership make|check */
#include "cli/internal.h"

#include <string.h>

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
	if (!strcmp(argv[0], "check"))
		return cli_list_check(cli, &wish, argv[1], LISTS_OWNERSHIP);
	if (strcmp(argv[0], "make") != 0)
		return err_set(&cli->err, ERR_USAGE, "\"%.40s\" is not one of make, check",
			       argv[0]);
	r = cli_list_convert(cli, &wish, argv[1], LISTS_OWNERSHIP, to, skips_refused);
	if (r == 0)
		cli_say(cli, "it changes records that are there; a device that is yet to enroll "
			     "needs its identifier imported before (R-864)");
	return r;
}
