/* plan_facts - what a snapshot, a folder or a device tells, as facts for a plan */
#include "cli/plan.h"

#include <ctype.h>
#include <string.h>

int cli_plan_source(struct cli *cli, const struct cli_source *source, struct plan_case *kase,
		    struct err *err)
{
	CLEANUP(backup_management_free_p) struct backup_management *management = NULL;
	const struct job_snapshot *about = job_browse_about(source->browse);
	struct plan_backup backup = {
		.udid = about->udid,
		.serial = about->serial,
		.os = about->product_version,
		.time = about->time,
		.is_encrypted = about->is_encrypted,
		.is_password_known = !source->is_locked,
	};
	char time[21];

	if (!source->is_locked) {
		int r = job_browse_management(source->browse, &management, err);

		if (r < 0)
			return err_wrap(err, r, "read the management of the backup");
	} else {
		cli_warn(cli, "the backup is encrypted and its password is not given: what it "
			      "holds of management is not known");
	}
	backup.management = management;
	snprintf(kase->source, sizeof(kase->source), "%s%s of %.10s (%.160s)",
		 source->repo ? "snapshot " : "a folder", source->repo ? about->id : "",
		 about->time ? time_format_utc(about->time, time) : "unknown date",
		 *about->name ? about->name : about->udid);
	plan_case_backup(kase, &backup);
	return 0;
}

int cli_plan_backup(struct cli *cli, struct repo *repo, const char *word, struct plan_case *kase,
		    struct err *err)
{
	CLEANUP(cli_source_clear)
	struct cli_source source = {.repo = cli_is_folder(word) ? NULL : repo};
	int r = cli_source_open(cli, word, CLI_FACTS, &source, err);

	return r < 0 ? r : cli_plan_source(cli, &source, kase, err);
}

static enum backup_answer answer_of(enum job_answer answer)
{
	return answer == JOB_YES ? BACKUP_YES : answer == JOB_NO ? BACKUP_NO : BACKUP_UNKNOWN;
}

void cli_plan_device(const struct job_facts *facts, struct plan_case *kase)
{
	const struct plan_target target = {
		.name = facts->name,
		.udid = facts->udid,
		.serial = facts->serial,
		.os = facts->product_version,
		.is_set_up = answer_of(facts->is_set_up),
		.is_supervised = answer_of(facts->is_supervised),
		.is_managed = answer_of(facts->is_managed),
		.has_find_my = answer_of(facts->has_find_my),
		.accepts_host = facts->pairing == JOB_PAIRED ? BACKUP_YES : BACKUP_UNKNOWN,
		.forces_encryption = answer_of(facts->forces_encryption),
		.server_url = facts->server_url,
		.organization = facts->organization,
		.has_ade = facts->ade.is_assigned,
		.ade =
			{
				.is_unremovable = answer_of(facts->ade.is_unremovable),
				.ignores_backup = answer_of(facts->ade.ignores_backup),
				.hides_restore = answer_of(facts->ade.hides_restore),
				.is_shared = answer_of(facts->ade.is_shared),
				.url = facts->ade.url,
				.organization = facts->ade.organization,
			},
	};

	plan_case_target(kase, &target);
}

/* Apple's serial numbers: 8 to 14 capitals and digits */
static bool is_serial(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++)
		if (!isupper((unsigned char)word[i]) && !isdigit((unsigned char)word[i]))
			return false;
	return len >= 8 && len <= 14;
}

int cli_plan_target(struct cli *cli, const char *word, struct plan_case *kase, struct err *err)
{
	struct job_device device;
	struct job_facts facts;
	int r = job_device_find(&cli->env, word, &device, err);

	if (r < 0 && is_serial(word)) {
		struct plan_target target = {.serial = word};

		cli_say(cli, "%s is not attached: planned from the facts given", word);
		*err = ERR_INIT;
		plan_case_target(kase, &target);
		return 0;
	}
	if (r == 0)
		r = job_device_facts(&cli->env, &device, &facts, err);
	if (r == 0)
		cli_plan_device(&facts, kase);
	return r;
}

/* ---- what a person may not have meant ---- */

/* server_add - " SIDE's URL, TOPIC, ORGANISATION;" of those that are known */
static void server_add(struct buf *out, const char *side, const struct plan_server *server)
{
	const char *names[] = {server->url, server->topic, server->organization};
	const char *before = side;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (!*names[i])
			continue;
		buf_append_format(out, NULL, "%s%s", before, names[i]);
		before = ", ";
	}
}

static void warn_service(struct cli *cli, const struct plan_case *kase)
{
	CLEANUP(buf_clear) struct buf known = BUF_INIT(4 << 10);

	server_add(&known, "; of the backup: ", &kase->backup_server);
	server_add(&known, "; of the device: ", &kase->target_server);
	server_add(&known, "; of its ADE record: ", &kase->ade_server);
	cli_warn(cli,
		 "--service \"%s\" is none of the services that are known here, so each of them "
		 "counts as another one%s",
		 kase->service, buf_text(&known));
}

void cli_plan_warn(struct cli *cli, const char *word, const char *service,
		   const struct plan_case *kase)
{
	bool is_other = kase->facts.value[RULES_DEVICE] == RULES_DIFFERENT &&
			kase->origin[RULES_DEVICE] != PLAN_PERSON;

	if (word && !strcmp(word, "latest") && is_other)
		cli_warn(cli,
			 "\"latest\" is %s, and that is another device than %s: latest:%s is the "
			 "last one of this device",
			 kase->source, *kase->name ? kase->name : kase->serial,
			 *kase->udid ? kase->udid : kase->serial);
	if (service && !plan_case_service_is_known(kase))
		warn_service(cli, kase);
}
