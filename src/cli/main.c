/* main - from argv to a command and from its failure to words and an exit status */
#include "cli/internal.h"
#include "cli/mdm.h"

#include <string.h>

static void cli_init(struct cli *cli, struct cli_world *world)
{
	*cli = (struct cli){.world = world};
	cli->env = (struct job_env){.fs = world->fs,
				    .clock = world->clock,
				    .entropy = world->entropy,
				    .cancel = world->cancel,
				    .progress = &cli->progress.progress};
	cli->repo_env = (struct repo_env){.fs = world->fs,
					  .clock = world->clock,
					  .entropy = world->entropy,
					  .cancel = world->cancel,
					  .kdf_ops = world->kdf_ops,
					  .kdf_mem = world->kdf_mem};
}

/*
 * command_take - the first operand, with the global options before it; they are left in @argv so
 * that the command's own parser sees them.  NULL when there is none.
 */
static const char *command_take(struct cli *cli, int *argc, char **argv)
{
	struct cli_option global[7];

	cli_options_global(cli, global);
	for (int i = 1; i < *argc; i++) {
		const char *name = argv[i];

		if (name[0] != '-' || !name[1]) {
			memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i - 1) * sizeof(*argv));
			--*argc;
			return name;
		}
		/* the value of an option is no command */
		for (const struct cli_option *option = global; option->kind; option++)
			if (option->kind == CLI_OPTION_TEXT && !strncmp(name, "--", 2) &&
			    !strcmp(name + 2, option->name))
				i++;
	}
	return NULL;
}

static bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], word))
			return true;
	return false;
}

static int finish(struct cli *cli, int r)
{
	struct cli_world *world = cli->world;

	cli_progress_end(&cli->progress);
	mdm_named_close(cli);
	secret_clear(&cli->service_password);
	if (r >= 0 && (fflush(world->out) != 0 || ferror(world->out)))
		r = err_set(&cli->err, ERR_IO, "the standard output takes no more");
	if (r >= 0)
		return r;
	cli_warn(cli, "rehome%s%s: %s", cli->command ? " " : "",
		 cli->command ? cli->command->name : "",
		 *cli->err.text ? cli->err.text : err_code_name(r));
	if (r == ERR_PASSWORD && cli->password_from != CLI_FROM_PERSON)
		cli_warn(cli, "That was the password kept %s: --device-password-file gives another",
			 cli->password_from == CLI_FROM_REPO ? "in the repository"
							     : "by the MDM service");
	return (int)cli_exit_of(r);
}

static int no_command(struct cli *cli, int argc, char **argv)
{
	if (has_word(argc, argv, "--version")) {
		fprintf(cli->world->out, "rehome %s\n", REHOME_VERSION);
		return 0;
	}
	if (has_word(argc, argv, "--help") || has_word(argc, argv, "-h")) {
		cli_usage(cli, cli->world->out);
		return 0;
	}
	cli_usage(cli, cli->world->err);
	return CLI_BAD_USAGE;
}

int cli_main(struct cli_world *world, int argc, char **argv)
{
	const char *name;
	struct cli cli;

	cli_init(&cli, world);
	name = command_take(&cli, &argc, argv);
	if (!name)
		return finish(&cli, no_command(&cli, argc, argv));
	cli.command = cli_command_find(name);
	if (!cli.command)
		return finish(&cli,
			      err_set(&cli.err, ERR_USAGE,
				      "no command \"%.60s\": `rehome help` lists them", name));
	return finish(&cli, cli.command->run(&cli, argc - 1, argv + 1));
}
