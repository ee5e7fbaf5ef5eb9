/* command_age - days pass on a device */
#include "sim/device.h"

#include <getopt.h>
#include <stdlib.h>

static const char help[] =
	"usage: rehome-sim age DIR --days N [--changed PERCENT] [--now TIME]\n\n"
	"Each day 3 % of the files (or PERCENT) are rewritten, most of them databases in place; "
	"photos\n"
	"come, files go, and the device's clock moves. A running device shows it at once.\n";

/** struct wish - the command line */
struct wish {
	uint64_t days;
	double changed_percent;
	int64_t now;
	bool wants_help;
};

static int take_option(struct wish *wish, int option, const char *text, struct err *err)
{
	char *end = NULL;

	switch (option) {
	case 'd':
		wish->days = strtoull(text, &end, 10);
		if (*end || *text < '0' || *text > '9' || wish->days > 36500)
			return err_set(err, ERR_USAGE, "--days %s: a number of at most 36500",
				       text);
		return 0;
	case 'c':
		wish->changed_percent = strtod(text, &end);
		if (*end || !(wish->changed_percent >= 0) || wish->changed_percent > 100)
			return err_set(err, ERR_USAGE, "--changed %s: a percentage", text);
		return 0;
	case 'n':
		return time_parse_utc(text, &wish->now, err);
	case 'h':
		wish->wants_help = true;
		return 0;
	default:
		return 0;
	}
}

static int parse(struct wish *wish, int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
		{"days", required_argument, NULL, 'd'},
		{"changed", required_argument, NULL, 'c'},
		{"now", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = option == '?' ? sim_option_refused("age", argv, optind, err)
				  : take_option(wish, option, optarg, err);
	if (r < 0 || wish->wants_help)
		return r;
	if (optind + 1 != argc || wish->days == 0)
		return err_set(err, ERR_USAGE, "age wants one folder and --days N");
	return 0;
}

static int age(struct sim_world *world, const struct wish *wish, const char *folder,
	       struct err *err)
{
	struct sim_device *device = NULL;
	struct sim_ageing ageing;
	char now[21];
	int r = sim_device_open(&device, folder, err);

	if (r < 0)
		return r;
	if (wish->now >= 0)
		sim_device_set_now(device, wish->now);
	r = sim_age(device, wish->days, wish->changed_percent, &ageing, err);
	if (r == 0) {
		sim_device_set_now(device, -1); /* the folder's clock has the last word */
		fprintf(world->out, "%llu rewritten, %llu new, %llu gone; it is now %s\n",
			(unsigned long long)ageing.rewritten, (unsigned long long)ageing.born,
			(unsigned long long)ageing.gone,
			time_format_utc(sim_device_now(device), now));
	}
	sim_device_close(device);
	return r;
}

int sim_command_age(struct sim_world *world, int argc, char **argv)
{
	struct wish wish = {.changed_percent = -1, .now = -1};
	struct err err = ERR_INIT;
	int r = parse(&wish, argc, argv, &err);

	if (r == 0 && wish.wants_help)
		fputs(help, world->out);
	else if (r == 0)
		r = age(world, &wish, argv[optind], &err);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
