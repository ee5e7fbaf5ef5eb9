/* rehome serve - hands its words to the service, which the program brings along (cli_world.serve)
 */
#include "cli/internal.h"

#include <string.h>

enum { SERVE_WORDS_MAX = 128 };

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int cli_run_serve(struct cli *cli, int argc, char **argv)
{
	static char name[] = "rehome serve";
	char *words[SERVE_WORDS_MAX] = {name};
	const char *config = NULL;
	const struct cli_option options[] = {
		CLI_TEXT_OPTION("config", &config, "FILE", "read the configuration from FILE"),
		{0}};
	int r;

	if (wants_help(argc, argv)) {
		r = cli_options(cli, &argc, argv, options, &cli->err);
		return r < 0 ? r : 0;
	}
	if (!cli->world->serve)
		return err_set(&cli->err, ERR_UNSUPPORTED, "this program has no service in it");
	if (argc + 1 >= SERVE_WORDS_MAX)
		return err_set(&cli->err, ERR_USAGE, "too many words");
	memcpy(words + 1, argv, (size_t)argc * sizeof(*argv));
	return cli->world->serve(argc + 1, words);
}
