/* rehome mount */
#include "cli/internal.h"
#include "mount/mount.h"

#include <string.h>

/* struct mounting - what answers the questions of a mounted repository */
struct mounting {
	struct cli *cli;
	struct repo *repo;
	const char *mountpoint;
};

static int on_open(void *arg, const struct job_snapshot *snapshot, struct job_browse **out,
		   struct err *err)
{
	struct mounting *mounting = arg;

	return cli_snapshot_open(mounting->cli, mounting->repo, snapshot, CLI_CONTENTS_UNASKED, out,
				 err);
}

static void on_ready(void *arg)
{
	struct mounting *mounting = arg;

	fprintf(mounting->cli->world->out, "%s\n", mounting->mountpoint);
	fflush(mounting->cli->world->out);
	cli_say(mounting->cli, "to be looked at until Ctrl-C or `fusermount3 -u %s`",
		mounting->mountpoint);
}

static void on_trouble(void *arg, const char *path, const struct err *err)
{
	struct mounting *mounting = arg;

	cli_warn(mounting->cli, "%s: %s", path, err->text);
}

int cli_run_mount(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	struct mounting mounting = {.cli = cli};
	struct mount_wish wish = {.open = on_open,
				  .ready = on_ready,
				  .trouble = on_trouble,
				  .arg = &mounting,
				  .cancel = cli->world->cancel};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	mounting.mountpoint = argv[argc - 1];
	r = argc > 1 ? cli_source_open(cli, argv[0], CLI_CONTENTS, &source, &cli->err)
		     : cli_repo_open(cli, &source.repo, &cli->err);
	if (r < 0)
		return r;
	wish.browse = source.browse;
	wish.repo = mounting.repo = source.repo;
	return mount_serve(&wish, mounting.mountpoint, &cli->err);
}
