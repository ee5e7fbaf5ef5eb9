/* rehome snapshots */
#include "cli/internal.h"

#include <string.h>
#include <strings.h>

struct listing {
	struct cli_table table;
	json_t *array;
	const char *device; /* NULL: all */
	size_t count;
};

static bool fits(const struct job_snapshot *snapshot, const char *device)
{
	return !device || !strncasecmp(snapshot->udid, device, strlen(device)) ||
	       !strcmp(snapshot->name, device) || !strcasecmp(snapshot->serial, device);
}

static void row_add(struct cli_table *table, const struct job_snapshot *snapshot)
{
	char time[21], size[16], files[24];

	snprintf(files, sizeof(files), "%llu", (unsigned long long)snapshot->files);
	cli_table_add(table, snapshot->id);
	cli_table_add(table, *snapshot->name ? snapshot->name : snapshot->udid);
	cli_table_add(table, *snapshot->product_version ? snapshot->product_version : "-");
	cli_table_add(table, time_format_utc(snapshot->time, time));
	cli_table_add(table, files);
	cli_table_add(table, size_format(snapshot->bytes, size));
	cli_table_add(table, snapshot->is_encrypted ? "encrypted" : "plain");
	cli_table_add(table, cli_answer(snapshot->is_managed));
	cli_table_add(table, snapshot->problem_count ? "problems" : "");
}

static int each(void *arg, const struct repo_snapshot *head, struct err *err)
{
	struct listing *listing = arg;
	struct job_snapshot snapshot;

	job_snapshot_read(head, &snapshot);
	if (!fits(&snapshot, listing->device))
		return 0;
	listing->count++;
	if (listing->array)
		return json_array_append_new(listing->array, cli_json_snapshot(&snapshot)) < 0
			       ? err_no_memory(err)
			       : 0;
	row_add(&listing->table, &snapshot);
	return 0;
}

static int print(struct cli *cli, struct listing *listing)
{
	json_t *array = listing->array;

	listing->array = NULL;
	if (cli->is_json)
		return cli_json(cli, array, &cli->err);
	if (!listing->count) {
		cli_say(cli, "no snapshots yet: `rehome backup DEVICE` makes the first");
		return 0;
	}
	return cli_table_print(&listing->table, cli->world->out, &cli->err);
}

static int list(struct cli *cli, struct repo *repo, struct listing *listing)
{
	static const char *const names[] = {"ID",   "DEVICE",   "OS",      "TIME", "FILES",
					    "SIZE", "CONTENTS", "MANAGED", ""};
	unsigned damaged = 0;
	int r;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		cli_table_add(&listing->table, names[i]);
	r = repo_snapshots(repo, NULL, each, listing, &damaged, &cli->err);
	if (r < 0)
		return r;
	if (damaged)
		cli_warn(cli, "%u snapshots cannot be read: `rehome check` tells more", damaged);
	else if (listing->device && !listing->count)
		return err_set(&cli->err, ERR_NOT_FOUND,
			       "no snapshot of \"%.80s\": `rehome snapshots` lists them all",
			       listing->device);
	r = print(cli, listing);
	return r == 0 && damaged ? (int)CLI_DAMAGED : r;
}

int cli_run_snapshots(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	struct listing listing = {0};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_repo_open(cli, &repo, &cli->err);
	if (r < 0)
		return r;
	listing.device = argc > 0 ? argv[0] : NULL;
	listing.array = cli->is_json ? json_array() : NULL;
	cli_table_init(&listing.table, 9, 1u << 4 | 1u << 5);
	r = list(cli, repo, &listing);
	cli_table_clear(&listing.table);
	json_decref(listing.array);
	return r;
}
