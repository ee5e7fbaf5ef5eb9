/*
 * options - one table gives the parser and the help
 *
 * Long options take "--name VALUE" and "--name=VALUE"; "--" ends them.  Options may stand
 * before, between and after operands, as people type them.
 */
#include "cli/internal.h"

#include <stdio.h>
#include <string.h>

enum { GLOBAL_COUNT = 7 };

void cli_options_global(struct cli *cli, struct cli_option out[GLOBAL_COUNT])
{
	const struct cli_option options[GLOBAL_COUNT] = {
		CLI_TEXT_OPTION("repo", &cli->repo, "DIR", "the repository (REHOME_REPO)"),
		CLI_TEXT_OPTION("password-file", &cli->password_file, "FILE",
				"its password is the first line of FILE (REHOME_PASSWORD_FILE)"),
		CLI_TEXT_OPTION("device-password-file", &cli->device_password_file, "FILE",
				"the backup password of the device or folder"),
		CLI_FLAG_OPTION("json", 0, &cli->is_json, "print JSON"),
		CLI_FLAG_OPTION("quiet", 'q', &cli->is_quiet, "say nothing but failures"),
		{0},
	};

	memcpy(out, options, sizeof(options));
}

static void option_print(FILE *out, const struct cli_option *option)
{
	char left[80], letter[8] = "";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
		 option->argument ? " " : "", option->argument ? option->argument : "");
	fprintf(out, "  %-32s %s\n", left, option->help);
}

static void command_help(struct cli *cli, const struct cli_option *options,
			 const struct cli_option *global)
{
	const struct cli_command *command = cli->command;
	FILE *out = cli->world->out;

	fprintf(out, "usage: rehome %s%s%s%s\n\n%s\n", command->name,
		options->kind ? " [OPTIONS]" : "", *command->operands ? " " : "", command->operands,
		command->about);
	if (options->kind)
		fprintf(out, "\noptions:\n");
	for (; options->kind; options++)
		option_print(out, options);
	fprintf(out, "\noptions of every command:\n");
	for (; global->kind; global++)
		option_print(out, global);
}

static const struct cli_option *option_find(const struct cli_option *options, const char *name,
					    size_t len, char letter)
{
	for (; options->kind; options++) {
		if (letter ? options->letter == letter
			   : strlen(options->name) == len && !memcmp(options->name, name, len))
			return options;
	}
	return NULL;
}

static int option_unknown(const struct cli_command *command, const char *word, struct err *err)
{
	return err_set(err, ERR_USAGE, "no option \"%.60s\": `rehome help %s` lists them", word,
		       command->name);
}

static int value_store(const struct cli_option *option, const char *value, struct err *err)
{
	struct cli_list *list = option->value;

	if (option->kind == CLI_OPTION_TEXT) {
		*(const char **)option->value = value;
		return 0;
	}
	if (list->count == CLI_LIST_MAX)
		return err_set(err, ERR_USAGE, "--%s stands more than %d times", option->name,
			       CLI_LIST_MAX);
	list->words[list->count++] = value;
	return 0;
}

/* option_take - argv[*at] is an option: store it, and step over its argument */
static int option_take(const struct cli_command *command, const struct cli_option *options,
		       const struct cli_option *global, int argc, char **argv, int *at,
		       struct err *err)
{
	const char *word = argv[*at];
	bool is_long = word[1] == '-';
	const char *name = is_long ? word + 2 : "", *equals = is_long ? strchr(name, '=') : NULL;
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *option;

	if (!is_long && (!word[1] || word[2]))
		return option_unknown(command, word, err);
	option = option_find(options, name, len, is_long ? 0 : word[1]);
	if (!option)
		option = option_find(global, name, len, is_long ? 0 : word[1]);
	if (!option)
		return option_unknown(command, word, err);
	if (option->kind == CLI_OPTION_FLAG) {
		if (equals)
			return err_set(err, ERR_USAGE, "--%s takes no value", option->name);
		*(bool *)option->value = true;
		return 0;
	}
	if (!equals && *at + 1 >= argc)
		return err_set(err, ERR_USAGE, "--%s needs %s: %s", option->name, option->argument,
			       option->help);
	return value_store(option, equals ? equals + 1 : argv[++*at], err);
}

static int operands_check(const struct cli_command *command, int count, struct err *err)
{
	if (count >= command->operands_min && count <= command->operands_max)
		return 0;
	return err_set(err, ERR_USAGE, "too %s operands; usage: rehome %s%s%s",
		       count < command->operands_min ? "few" : "many", command->name,
		       *command->operands ? " " : "", command->operands);
}

int cli_options(struct cli *cli, int *argc, char **argv, const struct cli_option *options,
		struct err *err)
{
	struct cli_option global[GLOBAL_COUNT];
	bool is_over = false;
	int operands = 0, r;

	cli_options_global(cli, global);
	for (int i = 0; i < *argc; i++) {
		char *word = argv[i];

		if (is_over || word[0] != '-' || !word[1]) {
			argv[operands++] = word;
		} else if (!strcmp(word, "--")) {
			is_over = true;
		} else if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
			command_help(cli, options, global);
			return CLI_OPTIONS_HELP;
		} else {
			r = option_take(cli->command, options, global, *argc, argv, &i, err);
			if (r < 0)
				return r;
		}
	}
	*argc = operands;
	cli_progress_init(&cli->progress, cli->world->clock, cli->world->err, cli->is_quiet);
	return operands_check(cli->command, operands, err);
}

void cli_usage(struct cli *cli, FILE *out)
{
	struct cli_option global[GLOBAL_COUNT];

	cli_options_global(cli, global);
	fprintf(out, "usage: rehome [OPTIONS] COMMAND ...\n\n");
	for (const struct cli_command *command = cli_commands; command->name; command++) {
		fprintf(out, "  %-12s  %s\n", command->name, command->summary);
	}
	fprintf(out, "\noptions of every command:\n");
	for (const struct cli_option *option = global; option->kind; option++)
		option_print(out, option);
	fprintf(out, "\n`rehome help COMMAND` tells more; rehome(1) tells all.\n");
}
