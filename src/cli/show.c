/* rehome show */
#include "cli/internal.h"

static void line(FILE *out, const char *name, const char *value)
{
	char clean[512];

	fprintf(out, "%-12s %s\n", name, cli_clean(value, clean, sizeof(clean)));
}

static void print(struct cli *cli, const struct job_snapshot *snapshot)
{
	FILE *out = cli->world->out;
	char text[600], time[21], age[32], size[16];

	line(out, "snapshot", snapshot->id);
	line(out, "device", *snapshot->name ? snapshot->name : "unknown");
	line(out, "udid", snapshot->udid);
	line(out, "serial", *snapshot->serial ? snapshot->serial : "unknown");
	line(out, "model", *snapshot->product_type ? snapshot->product_type : "unknown");
	snprintf(text, sizeof(text), "%s (%s)",
		 *snapshot->product_version ? snapshot->product_version : "unknown",
		 *snapshot->build ? snapshot->build : "-");
	line(out, "os", text);
	snprintf(text, sizeof(text), "%s (%s)", time_format_utc(snapshot->time, time),
		 cli_age(clock_wall_seconds(cli->world->clock), snapshot->time, age));
	line(out, "time", text);
	snprintf(text, sizeof(text), "%llu files, %s", (unsigned long long)snapshot->files,
		 size_format(snapshot->bytes, size));
	line(out, "size", text);
	line(out, "encryption", snapshot->is_encrypted ? "encrypted" : "none");
	line(out, "managed", "unknown");
	line(out, "origin",
	     snapshot->is_import ? "imported folder"
	     : snapshot->is_full ? "full backup"
				 : "backup");
	line(out, "parent", *snapshot->parent ? snapshot->parent : "none");
	if (snapshot->is_simulated)
		line(out, "simulated", "yes: goes to simulated devices only");
	if (snapshot->problem_count) {
		snprintf(text, sizeof(text), "%llu while it was made",
			 (unsigned long long)snapshot->problem_count);
		line(out, "problems", text);
	}
}

int cli_run_show(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	struct job_snapshot snapshot;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_repo_open(cli, &repo, &cli->err);
	if (r == 0)
		r = job_snapshot_find(repo, argv[0], &snapshot, &cli->err);
	if (r < 0)
		return r;
	if (cli->is_json)
		return cli_json(cli, cli_json_snapshot(&snapshot), &cli->err);
	print(cli, &snapshot);
	return 0;
}
