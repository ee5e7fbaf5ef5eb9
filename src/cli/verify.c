/* rehome verify */
#include "cli/internal.h"

#include <string.h>

/* struct subject - a folder or a snapshot, opened */
struct subject {
	struct repo *repo;
	struct repo_view *view;
	struct backup_tree *tree;
	char udid[JOB_UDID_MAX];
};

static void subject_clear(struct subject *subject)
{
	backup_tree_close_p(&subject->tree);
	repo_view_close_p(&subject->view);
	repo_close_p(&subject->repo);
}

static int subject_open(struct cli *cli, const char *word, struct subject *subject, struct err *err)
{
	struct job_snapshot snapshot;
	int r;

	if (cli_is_folder(word))
		return job_tree_folder(&subject->tree, word, subject->udid, err);
	r = cli_repo_open(cli, &subject->repo, err);
	if (r == 0)
		r = job_snapshot_find(subject->repo, word, &snapshot, err);
	if (r == 0)
		r = repo_view_open(&subject->view, subject->repo, snapshot.id, err);
	if (r < 0)
		return r;
	memcpy(subject->udid, snapshot.udid, sizeof(subject->udid));
	return job_tree_snapshot(&subject->tree, subject->view, err);
}

static int print(struct cli *cli, struct cli_findings *findings,
		 const struct backup_verdict *verdict)
{
	char size[16];
	int r = 0;

	if (findings->list) {
		r = cli_json(cli,
			     json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:O}", "rows",
				       (json_int_t)verdict->rows, "files",
				       (json_int_t)verdict->files, "bytes",
				       (json_int_t)verdict->bytes, "remarks",
				       (json_int_t)verdict->remarks, "problems",
				       (json_int_t)verdict->problems, "contents_opened",
				       verdict->is_decrypted_check, "findings", findings->list),
			     &cli->err);
	} else {
		fprintf(cli->world->out,
			"%llu rows, %llu files, %s: %llu problems, %llu remarks%s\n",
			(unsigned long long)verdict->rows, (unsigned long long)verdict->files,
			size_format(verdict->bytes, size), (unsigned long long)verdict->problems,
			(unsigned long long)verdict->remarks,
			verdict->is_decrypted_check ? "" : " (encrypted contents were not opened)");
	}
	if (r < 0)
		return r;
	if (verdict->problems)
		return CLI_DAMAGED;
	if (verdict->is_decrypted_check)
		return CLI_DONE;
	/* "fine" would be a claim about contents that nobody has seen */
	cli_warn(cli, "not everything was checked: give its password by --device-password-file");
	return CLI_FAILED;
}

int cli_run_verify(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(subject_clear) struct subject subject = {0};
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	CLEANUP(cli_findings_clear) struct cli_findings findings = {0};
	struct backup_verdict verdict = {0};
	int r, has_password;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = subject_open(cli, argv[0], &subject, &cli->err);
	if (r < 0)
		return r;
	has_password =
		cli_device_password(cli, subject.repo, subject.udid, false, &password, &cli->err);
	if (has_password < 0)
		return has_password;
	cli_findings_init(&findings, cli);
	r = backup_verify(subject.tree, has_password == 0 ? &password : NULL, cli_finding,
			  &findings, &cli->progress.progress, cli->world->cancel, &verdict,
			  &cli->err);
	cli_progress_end(&cli->progress);
	return r < 0 ? r : print(cli, &findings, &verdict);
}
