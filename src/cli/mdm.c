/* rehome mdm NOUN VERB ... - the administration of the MDM service */
#include "cli/mdm.h"

#include <string.h>

enum { CONNECTION_OPTIONS = 3 };

/* options_fill - one option of the parser for each row of the table */
static void options_fill(struct mdm *mdm,
			 struct cli_option options[CONNECTION_OPTIONS + MDM_OPTION_COUNT + 1])
{
	const struct cli_option connection[CONNECTION_OPTIONS] = {
		CLI_TEXT_OPTION("server", &mdm->server, "URL", "the service (REHOME_MDM_URL)"),
		CLI_TEXT_OPTION("token-file", &mdm->token_file, "FILE",
				"the token is its first line (REHOME_MDM_TOKEN_FILE)"),
		CLI_TEXT_OPTION("ca", &mdm->ca_file, "FILE",
				"certificates that it is trusted by (REHOME_MDM_CA)"),
	};

	memcpy(options, connection, sizeof(connection));
	for (int i = 0; i < MDM_OPTION_COUNT; i++) {
		const struct mdm_option_row *row = &mdm_options[i];
		struct cli_option *option = &options[CONNECTION_OPTIONS + i];

		*option = (struct cli_option){
			.name = row->name, .argument = row->argument, .help = row->help};
		option->kind = row->is_list    ? CLI_OPTION_LIST
			       : row->argument ? CLI_OPTION_TEXT
					       : CLI_OPTION_FLAG;
		option->value = row->is_list    ? (void *)&mdm->values.list[i]
				: row->argument ? (void *)&mdm->values.text[i]
						: (void *)&mdm->values.flag[i];
	}
	options[CONNECTION_OPTIONS + MDM_OPTION_COUNT] = (struct cli_option){0};
}

/* verbs_print - all of them, or those of a noun. Is there any? */
static bool verbs_print(FILE *out, const char *noun)
{
	bool has_one = false;

	for (const struct mdm_verb *verb = mdm_verbs; verb->noun; verb++) {
		char left[64];

		if (noun && strcmp(noun, verb->noun) != 0)
			continue;
		has_one = true;
		snprintf(left, sizeof(left), "%s %s %s", verb->noun, verb->verb, verb->operands);
		fprintf(out, "  %-40s %s", left, verb->summary);
		for (int i = 0; i < MDM_OPTION_COUNT; i++)
			if (verb->takes >> i & 1)
				fprintf(out, " [--%s]", mdm_options[i].name);
		fputc('\n', out);
	}
	return has_one;
}

static int verb_find(struct cli *cli, int argc, char **argv, const struct mdm_verb **out)
{
	bool is_noun = false;

	for (const struct mdm_verb *verb = mdm_verbs; verb->noun; verb++) {
		if (strcmp(verb->noun, argv[0]) != 0)
			continue;
		is_noun = true;
		if (argc > 1 && !strcmp(verb->verb, argv[1])) {
			*out = verb;
			return 0;
		}
	}
	return err_set(&cli->err, ERR_USAGE,
		       "%s \"%.40s\": `rehome mdm help%s%.40s` lists what there is",
		       is_noun ? "no such verb of" : "nothing is named", argv[0],
		       is_noun ? " " : "", is_noun ? argv[0] : "");
}

static int verb_check(const struct mdm *mdm, const struct mdm_verb *verb, int count,
		      struct err *err)
{
	const struct mdm_values *values = &mdm->values;

	if (count < verb->min || count > verb->max)
		return err_set(err, ERR_USAGE, "too %s operands; usage: rehome mdm %s %s %s",
			       count < verb->min ? "few" : "many", verb->noun, verb->verb,
			       verb->operands);
	for (int i = 0; i < MDM_OPTION_COUNT; i++)
		if ((values->text[i] || values->flag[i] || values->list[i].count) &&
		    !(verb->takes >> i & 1))
			return err_set(err, ERR_USAGE, "`%s %s` takes no --%s", verb->noun,
				       verb->verb, mdm_options[i].name);
	return 0;
}

int cli_run_mdm(struct cli *cli, int argc, char **argv)
{
	struct cli_option options[CONNECTION_OPTIONS + MDM_OPTION_COUNT + 1];
	struct mdm mdm = {.cli = cli};
	const struct mdm_verb *verb = NULL;
	int r;

	options_fill(&mdm, options);
	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!strcmp(argv[0], "help")) {
		if (!verbs_print(cli->world->out, argc > 1 ? argv[1] : NULL))
			return err_set(&cli->err, ERR_NOT_FOUND, "nothing is named \"%.40s\"",
				       argv[1]);
		return 0;
	}
	r = verb_find(cli, argc, argv, &verb);
	if (r == 0)
		r = verb_check(&mdm, verb, argc - 2, &cli->err);
	if (r == 0)
		r = mdm_connect(&mdm, &cli->err);
	if (r == 0)
		r = verb->run(&mdm, verb, argc - 2, argv + 2);
	mdm_disconnect(&mdm);
	return r;
}
