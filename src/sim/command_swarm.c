/* command_swarm - many light devices against one service, with a mix of good and bad behaviour */
#include "sim/swarm.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CA_MAX = 1 << 20, COUNT_MAX = 1000000 };

static const char help[] =
	"usage: rehome-sim swarm --tickets FILE [OPTION]...\n"
	"\n"
	"Many light devices in one process enroll with the profiles whose URLs FILE lists, one a\n"
	"line, and speak with the service; ends with 5 if something happened that must never: a\n"
	"401, an unrecognized device, the enrollment removed, a declaration denied, a command for\n"
	"another device or generation or given again, a message under a foreign certificate "
	"taken.\n"
	"\n"
	"  --ca FILE          certificates (PEM) to trust\n"
	"  --count N          devices (1000)\n"
	"  --keys N           key pairs that they share (1000, at most --count)\n"
	"  --key-file FILE    keep the key pairs there, and take them from there\n"
	"  --requests N       how many requests (10 a device)\n"
	"  --parallel N       actions at a time (64)\n"
	"  --connections N    kept open at once, at most 10000 (--parallel)\n"
	"  --malformed N      of 1000 actions, so many are malformed (50)\n"
	"  --foreign N        ... under another device's certificate (10)\n"
	"  --tokens N         ... a new push token (10)\n"
	"  --again N          ... an enrollment anew, while there are tickets (2)\n"
	"  --seed N           of all choices (1)\n"
	"  --journal FILE     a line for each enrollment and each answer that was taken\n"
	"  --json             the counts as JSON\n";

enum {
	CA,
	COUNT,
	KEYS,
	KEY_FILE,
	REQUESTS,
	PARALLEL,
	CONNECTIONS,
	MALFORMED,
	FOREIGN,
	TOKENS,
	AGAIN,
	SEED,
	JOURNAL,
	TICKETS,
	JSON,
	OPTION_COUNT
};

static const struct option options[] = {
	{"ca", required_argument, NULL, CA},
	{"count", required_argument, NULL, COUNT},
	{"keys", required_argument, NULL, KEYS},
	{"key-file", required_argument, NULL, KEY_FILE},
	{"requests", required_argument, NULL, REQUESTS},
	{"parallel", required_argument, NULL, PARALLEL},
	{"connections", required_argument, NULL, CONNECTIONS},
	{"malformed", required_argument, NULL, MALFORMED},
	{"foreign", required_argument, NULL, FOREIGN},
	{"tokens", required_argument, NULL, TOKENS},
	{"again", required_argument, NULL, AGAIN},
	{"seed", required_argument, NULL, SEED},
	{"journal", required_argument, NULL, JOURNAL},
	{"tickets", required_argument, NULL, TICKETS},
	{"json", no_argument, NULL, JSON},
	{0},
};

static int number(const char *const *values, int option, uint64_t otherwise, uint64_t max,
		  uint64_t *value, struct err *err)
{
	const char *text = values[option];
	char *end;

	*value = otherwise;
	if (!text)
		return 0;
	*value = strtoull(text, &end, 10);
	if (!*text || *end || *value > max)
		return err_set(err, ERR_USAGE, "--%s %.40s is no number up to %llu",
			       options[option].name, text, (unsigned long long)max);
	return 0;
}

static int take_small(const char *const *values, int option, unsigned otherwise, unsigned max,
		      unsigned *value, struct err *err)
{
	uint64_t wide;
	int r = number(values, option, otherwise, max, &wide, err);

	if (r == 0)
		*value = (unsigned)wide;
	return r;
}

static int take_options(struct swarm_options *wanted, const char *const *values, struct err *err)
{
	int r;

	wanted->tickets = values[TICKETS];
	wanted->key_file = values[KEY_FILE];
	wanted->journal = values[JOURNAL];
	if (!wanted->tickets)
		return err_set(err, ERR_USAGE, "--tickets is missing");
	r = take_small(values, COUNT, 1000, COUNT_MAX, &wanted->count, err);
	if (r == 0 && wanted->count < 1)
		r = err_set(err, ERR_USAGE, "--count: at least 1");
	if (r == 0)
		r = take_small(values, KEYS, 1000, 10000, &wanted->keys, err);
	if (wanted->keys > wanted->count)
		wanted->keys = wanted->count;
	if (r == 0 && wanted->keys < 1)
		r = err_set(err, ERR_USAGE, "--keys: at least 1");
	if (r == 0)
		r = number(values, REQUESTS, 10 * (uint64_t)wanted->count, UINT64_MAX / 2,
			   &wanted->requests, err);
	if (r == 0)
		r = take_small(values, PARALLEL, 64, 10000, &wanted->parallel, err);
	if (r == 0)
		r = take_small(values, CONNECTIONS, wanted->parallel, 10000, &wanted->connections,
			       err);
	if (r == 0)
		r = take_small(values, MALFORMED, 50, 1000, &wanted->malformed, err);
	if (r == 0)
		r = take_small(values, FOREIGN, 10, 1000, &wanted->foreign, err);
	if (r == 0)
		r = take_small(values, TOKENS, 10, 1000, &wanted->tokens, err);
	if (r == 0)
		r = take_small(values, AGAIN, 2, 1000, &wanted->again, err);
	return r < 0 ? r : number(values, SEED, 1, UINT64_MAX, &wanted->seed, err);
}

/* ---- the report ---- */

static void report(FILE *out, const struct swarm_counts *counts, bool is_json)
{
	const struct {
		const char *name;
		uint64_t count;
	} lines[] = {
		{"requests", counts->requests},
		{"enrolled", counts->enrolled},
		{"renewed", counts->renewed},
		{"commands", counts->commands},
		{"not_now", counts->not_now},
		{"unanswered", counts->failed},
		{"unasked_401", counts->unasked_401},
		{"unasked_403_unrecognized", counts->unasked_403},
		{"enrollment_removals", counts->removals},
		{"declaration_404", counts->declaration_404},
		{"commands_of_another", counts->wrong_device},
		{"commands_given_twice", counts->given_twice},
		{"foreign_taken", counts->foreign_taken},
	};
	const char *between = "";

	fputs(is_json ? "{" : "", out);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		fprintf(out, is_json ? "\"%s\": %llu, " : "%-26s %llu\n", lines[i].name,
			(unsigned long long)lines[i].count);
	fputs(is_json ? "\"statuses\": {" : "", out);
	for (unsigned i = 0; i < SWARM_STATUSES; i++) {
		if (!counts->statuses[i])
			continue;
		fprintf(out, is_json ? "%s\"%u\": %llu" : "%sHTTP %-21u %llu\n", between, i,
			(unsigned long long)counts->statuses[i]);
		between = is_json ? ", " : "";
	}
	fputs(is_json ? "}}\n" : "", out);
}

static int swarm_command(struct sim_world *world, const char *const *values, struct err *err)
{
	CLEANUP(buf_clear) struct buf ca = BUF_INIT(CA_MAX);
	struct swarm_options wanted = {0};
	struct swarm *swarm = NULL;
	int r = take_options(&wanted, values, err);

	if (r == 0 && values[CA])
		r = fs_read_file(fs_system(), values[CA], &ca, err);
	wanted.ca_pem = buf_slice(&ca);
	if (r == 0)
		r = swarm_new(&swarm, &wanted, world->clock, world->cancel, err);
	if (r == 0)
		r = swarm_run(swarm, err);
	if (swarm)
		report(world->out, &swarm->counts, values[JSON] != NULL);
	if (r == 0 && !swarm_is_fine(swarm))
		r = err_set(err, ERR_DEVICE, "something happened that must never happen");
	swarm_free(swarm);
	return r;
}

int sim_command_swarm(struct sim_world *world, int argc, char **argv)
{
	const char *values[OPTION_COUNT] = {NULL};
	struct err err = ERR_INIT;
	int option, r = 0;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(help, world->out);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	optind = 0;
	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			r = sim_option_refused("swarm", argv, optind, &err);
		else
			values[option] = optarg ? optarg : "";
	}
	if (r == 0 && optind != argc)
		r = err_set(&err, ERR_USAGE, "rehome-sim swarm --help lists the options");
	if (r == 0)
		r = swarm_command(world, values, &err);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
