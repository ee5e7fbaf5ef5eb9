/* rehome restore */
#include "cli/plan.h"

#include <string.h>

/* struct wish - the switches as people know them from idevicebackup2, and the password */
struct wish {
	struct job_restore_wish restore;
	bool is_settings, is_reboot, no_reboot, no_copy, wants_copy, is_yes, is_dry_run,
		asks_service;
	struct secret password;
	struct cli_list given;
	const char *service, *override_rule;
};

/* struct outlook - what management the device will have, and what that rests on */
struct outlook {
	struct plan_case kase;
	struct plan_answer answer;
	enum plan_gate gate;
	const struct rules_outcome *refusal; /* of the answer; NULL: nothing refuses */
};

static void outlook_clear(struct outlook *outlook)
{
	plan_answer_clear(&outlook->answer);
}

static int outlook_make(struct cli *cli, const struct wish *wish, const char *wanted,
			const struct cli_source *source, const struct job_facts *target,
			struct outlook *outlook)
{
	struct plan_case *kase = &outlook->kase;
	int r = cli_plan_source(cli, source, kase, &cli->err);

	snprintf(kase->service, sizeof(kase->service), "%s", wish->service ? wish->service : "");
	cli_plan_device(target, kase);
	if (r == 0 && wish->asks_service)
		r = cli_plan_record(cli, kase, &cli->err);
	plan_case_set(kase, RULES_SYSTEM_FILES, wish->restore.system_files ? RULES_YES : RULES_NO,
		      PLAN_PERSON, "--system");
	for (size_t i = 0; r == 0 && i < wish->given.count; i++)
		r = plan_case_assignment(kase, wish->given.words[i], &cli->err);
	if (r < 0)
		return r;
	plan_case_join(kase, clock_wall_seconds(cli->world->clock));
	cli_plan_warn(cli, wanted, wish->service, kase);
	r = plan_answer_make(&outlook->answer, kase, NULL, false, &cli->err);
	if (r < 0)
		return r;
	outlook->gate = plan_answer_gate(&outlook->answer, kase, NULL, &outlook->refusal);
	return 0;
}

static void say_outlook(struct cli *cli, const struct outlook *outlook)
{
	const struct plan_answer *answer = &outlook->answer;
	bool is_certain = answer->set.count == 1;
	char line[PLAN_TEXT_MAX * 2];

	if (is_certain || answer->has_usual)
		cli_warn(
			cli, "afterwards  %s%s",
			plan_headline(is_certain ? &answer->set.outcomes[0] : &answer->usual, line),
			is_certain ? "" : " (if all that is not known is as usual)");
	if (!is_certain)
		cli_warn(cli,
			 "            other outcomes are possible: `rehome plan` with the same "
			 "words tells them, and what to find out");
}

/* outlook_admit - go on, unless the plan refuses; a person may answer for data, never for
 * management that would be lost */
static int outlook_admit(struct cli *cli, const struct wish *wish, const struct outlook *outlook)
{
	uint16_t overridden = wish->override_rule ? rules_id_parse(wish->override_rule) : 0;
	const struct rules_rule *rule;
	char id[8];

	if (outlook->gate == PLAN_GOES || outlook->gate == PLAN_DEPENDS)
		return 0;
	rule = rules_rule(outlook->refusal->rules[0]);
	rules_id_text(rule->id, id);
	if (outlook->gate == PLAN_STOPPED && overridden == rule->id) {
		cli_warn(cli, "overridden by you: %s %s", id, rule->sentence);
		return 0;
	}
	return err_set(&cli->err, ERR_POLICY, "refused by %s: %s%s%s", id, rule->sentence,
		       outlook->gate == PLAN_STOPPED
			       ? " To do it all the same, say --override "
			       : " No option changes that; `rehome plan` tells what to do instead.",
		       outlook->gate == PLAN_STOPPED ? id : "");
}

static const char *option_words(const struct job_restore_wish *wish, char out[256])
{
	snprintf(out, 256, "%s, %s, %s, %s%s%s",
		 wish->system_files ? "system files too" : "without system files",
		 wish->preserve_settings ? "the device keeps its settings"
					 : "settings from the backup",
		 wish->should_reboot ? "restart at the end" : "no restart",
		 wish->remove_not_restored ? "what the backup lacks is removed"
					   : "what the backup lacks stays",
		 wish->dont_copy ? "" : ", from a copy",
		 wish->skip_apps ? ", apps are not fetched again" : "");
	return out;
}

/* say_plan - what will happen, before anything does; on the standard error, so that it is seen in
 * every case */
static void say_plan(struct cli *cli, const struct job_restore_facts *facts,
		     const struct job_restore_wish *wish)
{
	const struct job_snapshot *source = &facts->source;
	const struct job_facts *target = &facts->target;
	char options[256], time[21], size[16];

	cli_warn(cli, "source      %s of %s (%s), %s, OS %s, %llu files, %s, %s", source->id,
		 *source->name ? source->name : "?", source->udid,
		 time_format_utc(source->time, time), source->product_version,
		 (unsigned long long)source->files, size_format(source->bytes, size),
		 source->is_encrypted ? "encrypted" : "not encrypted");
	cli_warn(cli, "target      %s (%s), serial %s, OS %s: %s",
		 *target->name ? target->name : "?", target->udid, target->serial,
		 target->product_version,
		 facts->is_same_device ? "the device of the snapshot"
				       : "another device than the snapshot's");
	cli_warn(cli, "options     %s", option_words(wish, options));
	cli_warn(cli, "checked     %llu files, %llu remarks, no problem",
		 (unsigned long long)facts->verdict.files,
		 (unsigned long long)facts->verdict.remarks);
	if (facts->is_target_simulated)
		cli_warn(cli, "the target is a simulated device");
}

static int print_json(struct cli *cli, const struct job_restore_facts *facts,
		      const struct outlook *outlook, const struct job_restore_report *report)
{
	return cli_json(cli,
			json_pack("{s:s, s:o, s:o, s:b, s:o, s:I, s:I, s:b, s:b}", "id",
				  facts->source.id, "source", cli_json_text(facts->source.udid),
				  "target", cli_json_text(facts->target.udid), "same_device",
				  facts->is_same_device, "plan",
				  plan_json(&outlook->answer, &outlook->kase), "files",
				  (json_int_t)(report ? report->files : 0), "bytes",
				  (json_int_t)(report ? report->bytes : 0), "restored",
				  report != NULL, "rebooting", report && report->is_rebooting),
			&cli->err);
}

static int carry_out(struct cli *cli, struct wish *wish, struct repo *repo,
		     const struct job_restore_facts *facts, const struct outlook *outlook,
		     const struct job_device *device)
{
	struct job_restore_report report;
	char size[16];
	int r;

	if (!wish->is_yes) {
		r = cli_ask_yes(cli, "Restore onto this device?", "yes", &cli->err);
		if (r < 0)
			return r;
	}
	r = job_restore(&cli->env, repo, facts, device, &wish->restore, &report, &cli->err);
	cli_progress_end(&cli->progress);
	if (r < 0)
		return r;
	if (cli->is_json)
		return print_json(cli, facts, outlook, &report);
	cli_say(cli, "restored: %llu files, %s%s", (unsigned long long)report.files,
		size_format(report.bytes, size),
		report.is_rebooting ? "; the device restarts now" : "");
	return 0;
}

static int run(struct cli *cli, struct wish *wish, const char *wanted, const char *target)
{
	CLEANUP(cli_findings_clear) struct cli_findings findings = {0};
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	CLEANUP(outlook_clear) struct outlook outlook = {.answer = PLAN_ANSWER_INIT};
	const struct job_snapshot *snapshot;
	struct job_restore_facts facts;
	struct job_device device;
	int r;

	r = cli_source_open(cli, wanted, CLI_KEYS, &source, &cli->err);
	if (r < 0)
		return r;
	snapshot = job_browse_about(source.browse);
	r = job_device_find(&cli->env, target, &device, &cli->err);
	if (r == 0 && snapshot->is_encrypted)
		r = cli_device_password(cli, source.repo, snapshot->udid, true, &wish->password,
					&cli->err);
	if (r < 0)
		return r;
	wish->restore.password = snapshot->is_encrypted ? &wish->password : NULL;
	cli_findings_init(&findings, cli);
	r = job_restore_check(&cli->env, source.repo, snapshot, &device, &wish->restore,
			      cli_finding, &findings, &facts, &cli->err);
	cli_progress_end(&cli->progress);
	if (r == 0)
		r = outlook_make(cli, wish, wanted, &source, &facts.target, &outlook);
	if (r < 0)
		return r;
	say_plan(cli, &facts, &wish->restore);
	say_outlook(cli, &outlook);
	r = outlook_admit(cli, wish, &outlook);
	if (r < 0)
		return r;
	if (wish->is_dry_run) {
		cli_say(cli, "nothing was done: --dry-run");
		return cli->is_json ? print_json(cli, &facts, &outlook, NULL) : 0;
	}
	return carry_out(cli, wish, source.repo, &facts, &outlook, &device);
}

int cli_run_restore(struct cli *cli, int argc, char **argv)
{
	struct wish wish = {0};
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("system", 0, &wish.restore.system_files, "system files too"),
		CLI_FLAG_OPTION("settings", 0, &wish.is_settings,
				"settings from the backup instead of the device's own"),
		CLI_FLAG_OPTION("reboot", 0, &wish.is_reboot,
				"restart the device at the end (the default)"),
		CLI_FLAG_OPTION("no-reboot", 0, &wish.no_reboot, "do not restart it"),
		CLI_FLAG_OPTION("remove", 0, &wish.restore.remove_not_restored,
				"remove what the backup lacks"),
		CLI_FLAG_OPTION("no-copy", 0, &wish.no_copy,
				"the device works on the snapshot, not on a copy (the default)"),
		CLI_FLAG_OPTION("copy", 0, &wish.wants_copy,
				"the device asks for a copy first; costs nothing here"),
		CLI_FLAG_OPTION("skip-apps", 0, &wish.restore.skip_apps,
				"do not have the apps fetched again"),
		CLI_FLAG_OPTION(
			"record", 0, &wish.asks_service,
			"ask the MDM service for its record of the device, as `rehome mdm` does"),
		CLI_LIST_OPTION("fact", &wish.given, "NAME=WORD",
				"say what is known for the plan, as in `rehome plan`"),
		CLI_TEXT_OPTION("service", &wish.service, "WORD",
				"\"this\" service, as in `rehome plan`"),
		CLI_TEXT_OPTION("override", &wish.override_rule, "RULE",
				"restore although this rule refuses it for the safety of data"),
		CLI_FLAG_OPTION("dry-run", 'n', &wish.is_dry_run,
				"check and print, and do nothing"),
		CLI_FLAG_OPTION("yes", 'y', &wish.is_yes, "do not ask"),
		{0},
	};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (cli_is_folder(argv[0]))
		return err_set(&cli->err, ERR_USAGE,
			       "%s is a folder: `rehome import` makes it a snapshot, which can be "
			       "restored",
			       argv[0]);
	if ((wish.is_reboot && wish.no_reboot) || (wish.no_copy && wish.wants_copy))
		return err_set(&cli->err, ERR_USAGE, "%s exclude each other: say one of them",
			       wish.no_reboot && wish.is_reboot ? "--reboot and --no-reboot"
								: "--copy and --no-copy");
	wish.restore.preserve_settings = !wish.is_settings;
	wish.restore.should_reboot = !wish.no_reboot;
	wish.restore.dont_copy = !wish.wants_copy;
	r = run(cli, &wish, argv[0], argv[1]);
	secret_clear(&wish.password);
	return r;
}
