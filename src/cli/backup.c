/* rehome backup */
#include "cli/enrollment.h"

#include <pthread.h>
#include <unistd.h>

/*
 * struct opening - the repository, opened beside the device's handshakes: deriving its key takes as
 * long as all of them together
 */
struct opening {
	struct cli *cli;
	struct secret password;
	char path[CLI_PATH_MAX];
	pthread_t thread;
	bool is_running;
	struct repo *repo;
	struct err err;
	int result;
};

static void *opening_thread(void *arg)
{
	struct opening *opening = arg;

	opening->result = repo_open(&opening->repo, opening->path, &opening->password,
				    &opening->cli->repo_env, &opening->err);
	return NULL;
}

static int opening_start(struct opening *opening, struct cli *cli, struct err *err)
{
	int r;

	*opening = (struct opening){.cli = cli};
	r = cli_repo_path(cli, opening->path, err);
	if (r == 0)
		r = repo_probe(opening->path, &cli->repo_env, err);
	if (r == 0)
		r = cli_repo_password(cli, false, &opening->password, err);
	if (r < 0)
		return r;
	if (pthread_create(&opening->thread, NULL, opening_thread, opening) != 0)
		return err_set(err, ERR_NO_MEMORY, "no thread to open the repository in");
	opening->is_running = true;
	return 0;
}

static int opening_wait(void *arg, struct repo **repo, struct err *err)
{
	struct opening *opening = arg;

	if (opening->is_running)
		pthread_join(opening->thread, NULL);
	opening->is_running = false;
	if (opening->result < 0) {
		*err = opening->err;
		return opening->result;
	}
	*repo = opening->repo;
	return 0;
}

static void opening_clear(struct opening *opening)
{
	struct err ignored = ERR_INIT;
	struct repo *repo;

	opening_wait(opening, &repo, &ignored);
	repo_close_p(&opening->repo);
	secret_clear(&opening->password);
}

/* struct backup_command - the run, and what it needs from the vault once the repository is open */
struct backup_command {
	struct cli *cli;
	struct opening opening;
	struct job_device device;
	struct secret password;
	struct job_backup_wish wish;
	struct job_enrollment enrollment;
	const struct job_backup_report *report; /* of the run: what the device says of itself */
};

/* enrollment_note - the record of now, for the snapshot */
static void enrollment_note(struct backup_command *command)
{
	struct cli *cli = command->cli;
	struct mdm_record record;

	if (mdm_named_record(cli, command->device.udid, command->report->device.serial, &record) &&
	    cli_enrollment_note(cli->service, &record, &command->enrollment))
		command->wish.enrollment = &command->enrollment;
	mdm_record_clear(&record);
}

static int on_opened(void *arg, struct repo **repo, struct err *err)
{
	struct backup_command *command = arg;
	int r = opening_wait(&command->opening, repo, err);

	if (r == 0)
		enrollment_note(command);
	/* the password is only for our own check of an encrypted manifest: no person is asked for
	 * it, and no service where there is none */
	if (r < 0 || command->report->device.will_encrypt == JOB_NO)
		return r;
	r = cli_device_password(command->cli, *repo, command->device.udid, false,
				&command->password, err);
	if (r == 0)
		command->wish.password = &command->password;
	return r < 0 ? r : 0;
}

static int print_json(struct cli *cli, const struct job_backup_report *report)
{
	json_t *object = cli_json_snapshot(&report->snapshot), *problems = json_array();

	for (size_t i = 0; i < report->problems.kept; i++)
		json_array_append_new(problems, cli_json_text(report->problems.list[i].text));
	if (object)
		json_object_update_new(
			object,
			json_pack(
				"{s:b, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}",
				"full", report->is_full, "checked", report->was_checked,
				"problem_list", problems, "files_received",
				(json_int_t)report->stats.files_received, "received_bytes",
				(json_int_t)report->stats.received_bytes, "new_bytes",
				(json_int_t)report->stats.new_bytes, "stored_bytes",
				(json_int_t)report->stats.stored_bytes, "written_bytes",
				(json_int_t)report->stats.written_bytes, "sent_again_bytes",
				(json_int_t)report->stats.again_bytes, "stored_again_bytes",
				(json_int_t)report->stats.lost_bytes, "drifted_files",
				(json_int_t)report->drifted, "start_seconds",
				(double)report->start_ms / 1000, "seconds",
				(double)report->total_ms / 1000));
	return cli_json(cli, object, &cli->err);
}

static void tell_problems(struct cli *cli, const struct job_backup_report *report)
{
	for (size_t i = 0; i < report->problems.kept; i++)
		cli_warn(cli, "problem: %s", report->problems.list[i].text);
	if (report->problems.count > report->problems.kept)
		cli_warn(cli, "... and %zu more problems",
			 report->problems.count - report->problems.kept);
}

static void tell(struct cli *cli, const struct job_backup_report *report)
{
	const struct job_snapshot *snapshot = &report->snapshot;
	const struct repo_stats *stats = &report->stats;
	char a[16], b[16], c[16];

	cli_say(cli, "%s: %llu files, %s (%s)", *snapshot->name ? snapshot->name : snapshot->udid,
		(unsigned long long)snapshot->files, size_format(snapshot->bytes, a),
		snapshot->is_encrypted ? "encrypted" : "not encrypted");
	cli_say(cli, "received %llu files, %s; new among them %s, written %s",
		(unsigned long long)stats->files_received, size_format(stats->received_bytes, a),
		size_format(stats->new_bytes, b), size_format(stats->written_bytes, c));
	if (report->start.was_interrupted)
		cli_say(cli, "after an interruption: %s sent again, %s stored again",
			size_format(stats->again_bytes, a), size_format(stats->lost_bytes, b));
	if (*snapshot->enrollment.id)
		cli_say(cli, "managed by %s: enrollment %s, generation %lld",
			snapshot->enrollment.service, snapshot->enrollment.id,
			(long long)snapshot->enrollment.generation);
	if (!report->was_checked)
		cli_say(cli, "the contents were not held against the manifest: it is encrypted and "
			     "its password not known here");
	if (report->drifted)
		cli_say(cli, "%llu files changed while they were copied (normal for files in use)",
			(unsigned long long)report->drifted);
}

static int print(struct cli *cli, const struct job_backup_report *report)
{
	int fd = fileno(cli->world->out);
	bool is_terminal = fd >= 0 && isatty(fd);

	tell_problems(cli, report);
	if (cli->is_json)
		return print_json(cli, report);
	tell(cli, report);
	fprintf(cli->world->out, is_terminal ? "snapshot %s\n" : "%s\n", report->snapshot.id);
	return 0;
}

static int run(struct backup_command *command, const char *wanted, struct err *err)
{
	CLEANUP(job_backup_report_clear) struct job_backup_report report;
	struct cli *cli = command->cli;
	int r;

	job_backup_report_init(&report);
	command->report = &report;
	r = job_device_find(&cli->env, wanted, &command->device, err);
	if (r == 0)
		r = job_backup(&cli->env, &command->device, &command->wish, on_opened, command,
			       &report, err);
	if (r < 0) {
		tell_problems(cli, &report);
		if (report.stats.received_bytes)
			cli_say(cli,
				"nothing was committed; what arrived is kept for the next run");
		return r;
	}
	r = print(cli, &report);
	if (r < 0 || !report.problems.count)
		return r;
	cli_warn(cli,
		 "this run was no success: snapshot %s is made, but lacks what the %zu problem%s "
		 "above name%s. Next: run the same command again",
		 report.snapshot.id, report.problems.count, report.problems.count == 1 ? "" : "s",
		 report.problems.count == 1 ? "s" : "");
	return (int)CLI_DEVICE_TROUBLE;
}

int cli_run_backup(struct cli *cli, int argc, char **argv)
{
	struct backup_command command = {.cli = cli};
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("full", 0, &command.wish.is_full,
				"start from nothing instead of the last snapshot"),
		{0},
	};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = opening_start(&command.opening, cli, &cli->err);
	if (r == 0)
		r = run(&command, argv[0], &cli->err);
	opening_clear(&command.opening);
	secret_clear(&command.password);
	return r;
}
