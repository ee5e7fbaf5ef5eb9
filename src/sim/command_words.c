/*
 * command_words - what others hold about a device: `assign` (Apple) and `world` (the services)
 *
 * Both are lists of settings with the same grammar, so they are one command over two tables.
 */
#include "sim/mechanism.h"

#include <string.h>

static void list(FILE *out, const struct sim_words *words, bool has_dashes)
{
	for (size_t i = 0; i < words->count; i++)
		fprintf(out, "  %s%-22s %-28s %s\n", has_dashes ? "--" : "", words->list[i].name,
			words->list[i].allowed ? words->list[i].allowed : "TEXT",
			words->list[i].help);
}

static void usage(FILE *out, const char *command, const struct sim_words *words)
{
	fprintf(out,
		"usage: rehome-sim %s DIR [--clear] [--SETTING VALUE]...\n\n"
		"Without a setting it tells them all.\n\n",
		command);
	list(out, words, true);
	if (words == &sim_assignment_words)
		return;
	fputs("  --switch NAME=VALUE      behaviour of the device that no source settles:\n\n",
	      out);
	list(out, &sim_switch_words, false);
}

static void tell(FILE *out, struct sim_device *device, const struct sim_words *words)
{
	char value[SIM_SERVER_LEN];

	for (size_t i = 0; i < words->count; i++)
		fprintf(out, "%-22s %s\n", words->list[i].name,
			sim_word_get(device, words, words->list[i].name, value));
}

static int put_all(struct sim_device *device, const struct sim_words *words, int count,
		   char **options, struct err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		if (!strcmp(options[i], "--clear")) {
			r = sim_words_forget(device, words, err);
			continue;
		}
		if (strncmp(options[i], "--", 2) != 0 || i + 1 == count)
			return err_set(err, ERR_USAGE, "%.60s: --SETTING VALUE", options[i]);
		if (!strcmp(options[i], "--switch") && words == &sim_world_words)
			r = sim_switch_put(device, options[i + 1], err);
		else
			r = sim_word_put(device, words, options[i] + 2, options[i + 1], err);
		i++;
	}
	return r;
}

static int run(struct sim_world *world, const struct sim_words *words, int argc, char **argv)
{
	struct sim_device *device = NULL;
	struct err err = ERR_INIT;
	int r;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		usage(argc < 2 ? world->err : world->out, argv[0], words);
		return argc < 2 ? 2 : 0;
	}
	r = sim_device_open(&device, argv[1], &err);
	if (r == 0)
		r = put_all(device, words, argc - 2, argv + 2, &err);
	if (r == 0 && argc == 2)
		tell(world->out, device, words);
	if (r == 0 && argc == 2 && words == &sim_world_words)
		tell(world->out, device, &sim_switch_words);
	sim_device_close(device);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}

int sim_command_assign(struct sim_world *world, int argc, char **argv)
{
	return run(world, &sim_assignment_words, argc, argv);
}

int sim_command_world(struct sim_world *world, int argc, char **argv)
{
	return run(world, &sim_world_words, argc, argv);
}
