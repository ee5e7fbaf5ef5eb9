/* rehome check */
#include "cli/internal.h"

struct checking {
	struct cli *cli;
	json_t *list;
};

static void found(void *arg, const struct repo_finding *finding)
{
	struct checking *checking = arg;
	const char *kind = finding->is_problem ? "problem" : "remark";

	if (checking->list)
		json_array_append_new(checking->list,
				      json_pack("{s:s, s:o, s:o}", "severity", kind, "where",
						cli_json_text(finding->where ? finding->where : ""),
						"text", cli_json_text(finding->text)));
	else if (finding->is_problem || !checking->cli->is_quiet)
		cli_warn(checking->cli, "%s: %s%s%s", kind, finding->where ? finding->where : "",
			 finding->where ? ": " : "", finding->text);
}

static int print(struct cli *cli, json_t *list, const struct repo_verdict *verdict, bool reads_data)
{
	char size[16];
	int r = 0;

	if (list)
		r = cli_json(cli,
			     json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:O}",
				       "snapshots", (json_int_t)verdict->snapshots, "files",
				       (json_int_t)verdict->files, "packs",
				       (json_int_t)verdict->packs, "chunks",
				       (json_int_t)verdict->chunks, "bytes_read",
				       (json_int_t)verdict->bytes_read, "unneeded_bytes",
				       (json_int_t)verdict->unneeded_bytes, "remarks",
				       (json_int_t)verdict->remarks, "problems",
				       (json_int_t)verdict->problems, "data_read", reads_data,
				       "findings", list),
			     &cli->err);
	else
		fprintf(cli->world->out,
			"%llu snapshots, %llu files, %llu packs, %llu chunks%s%s: %llu problems, "
			"%llu remarks\n",
			(unsigned long long)verdict->snapshots, (unsigned long long)verdict->files,
			(unsigned long long)verdict->packs, (unsigned long long)verdict->chunks,
			reads_data ? ", read " : "",
			reads_data ? size_format(verdict->bytes_read, size) : "",
			(unsigned long long)verdict->problems,
			(unsigned long long)verdict->remarks);
	return r < 0 ? r : verdict->problems ? (int)CLI_DAMAGED : 0;
}

int cli_run_check(struct cli *cli, int argc, char **argv)
{
	bool reads_data = false;
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("data", 0, &reads_data, "also read and open every chunk"),
		{0},
	};
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	struct checking checking = {.cli = cli};
	struct repo_verdict verdict = {0};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_repo_open(cli, &repo, &cli->err);
	if (r < 0)
		return r;
	checking.list = cli->is_json ? json_array() : NULL;
	r = repo_check(repo, reads_data, found, &checking, &cli->progress.progress, &verdict,
		       &cli->err);
	cli_progress_end(&cli->progress);
	if (r == 0)
		r = print(cli, checking.list, &verdict, reads_data);
	json_decref(checking.list);
	return r;
}
