/* plan_record - what the MDM service's record of a device tells, as facts for a plan */
#include "cli/mdm.h"
#include "cli/plan.h"

#include <string.h>

static int say(struct plan_case *kase, const char *name, const char *word, struct err *err)
{
	return *word ? plan_case_word(kase, name, word, PLAN_SERVICE, err) : 0;
}

/* leaving - does a wipe or the end of management wait for the device? */
static const char *leaving(const json_t *commands)
{
	const char *word = "active";
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(commands, "queue"), i, row)
	{
		if (!strcmp(mdm_text(row, "type"), "EraseDevice"))
			return "wipe_pending";
		/* only the service itself takes a profile away before all other work */
		if (!strcmp(mdm_text(row, "type"), "RemoveProfile") &&
		    !strcmp(mdm_text(row, "lane"), "urgent"))
			word = "retire_pending";
	}
	return word;
}

/* A renewal is no new life, though the device authenticates again: an identity tells by its number
 * which life it is of. Where none is of the backup, dates do, to the second; lists of other
 * services know the day only. The clocks are those of this host and of the service. */
static int say_generation(const json_t *enrollment, const json_t *identity, struct plan_case *kase,
			  struct err *err)
{
	const char *enrolled = mdm_text(enrollment, "enrolled");
	struct err ignored = ERR_INIT;
	int64_t since = 0;
	bool is_newer;
	int r = say(kase, "record_enrolled", enrolled, err);

	if (r < 0 || !kase->dates.backup)
		return r;
	if (!identity && time_parse_utc(enrolled, &since, &ignored) < 0)
		return 0;
	is_newer = identity ? mdm_generation(identity) < mdm_generation(enrollment)
			    : since > kase->dates.backup;
	return say(kase, "record_generation", is_newer ? "newer" : "same", err);
}

/* an identity of this life that ended before its time was ended by the service */
static bool is_revoked(const json_t *enrollment, const json_t *identity,
		       const struct plan_case *kase)
{
	return !strcmp(mdm_text(identity, "state"), "ended") &&
	       mdm_generation(identity) == mdm_generation(enrollment) &&
	       kase->facts.value[RULES_EXPIRED] != RULES_YES;
}

static int say_identities(const json_t *enrollment, struct plan_case *kase, struct err *err)
{
	const json_t *current = mdm_identity_now(enrollment);
	const json_t *identity =
		kase->dates.backup ? mdm_identity_at(enrollment, kase->dates.backup) : NULL;
	int r = say_generation(enrollment, identity, kase, err);

	if (r == 0 && current)
		r = say(kase, "record_identity_end", mdm_text(current, "not_after"), err);
	if (r < 0 || !identity)
		return r;
	r = say(kase, "identity_end", mdm_text(identity, "not_after"), err);
	if (r == 0)
		r = say(kase, "identity_renewed",
			mdm_identity_is_superseded(identity) ? "yes" : "no", err);
	if (r == 0)
		r = say(kase, "identity_revoked",
			is_revoked(enrollment, identity, kase) ? "yes" : "no", err);
	return r;
}

static int say_enrollment(struct mdm *mdm, const json_t *enrollment, struct plan_case *kase,
			  struct err *err)
{
	json_t *commands = NULL;
	int r;

	if (!enrollment)
		return say(kase, "service_record", "none", err);
	r = say_identities(enrollment, kase, err);
	if (r == 0)
		r = mdm_get_one(mdm, "enrollments", mdm_text(enrollment, "id"), "/commands",
				&commands, err);
	if (r == 0)
		r = say(kase, "service_record", leaving(commands), err);
	json_decref(commands);
	return r;
}

/* the UDID of the target, be it known from its own backup; "" if it is not */
static const char *udid_of(const struct plan_case *kase)
{
	bool is_of_backup =
		!*kase->udid && *kase->serial && strcmp(kase->serial, kase->backup_serial) == 0;

	return is_of_backup ? kase->backup_udid : kase->udid;
}

/* Lists and records leave out what was deleted. Its enrollment stays until the device was heard
 * once more, so that the profile goes, too: a device that comes back before is taken, and leaves.
 */
static int say_absent(struct mdm *mdm, struct plan_case *kase, struct err *err)
{
	const char *udid = udid_of(kase);
	json_t *enrollment = NULL;
	int r = 0;

	if (*udid)
		r = mdm_get_one(mdm, "enrollments", udid, "", &enrollment, err);
	if (r == 0 && enrollment && strcmp(mdm_text(enrollment, "state"), "enabled") != 0)
		r = say(kase, "service_record", "deleted", err);
	else if (r == 0)
		r = say_enrollment(mdm, enrollment, kase, err);
	json_decref(enrollment);
	return r;
}

/* What the record says of a device that is not attached. Of an attached one the device's own
 * words count. */
static void say_target(const json_t *device, struct plan_case *kase)
{
	const json_t *supervised = json_object_get(device, "supervised");
	const struct plan_target target = {
		.name = mdm_text(device, "name"),
		.udid = mdm_text(device, "udid"),
		.serial = mdm_text(device, "serial"),
		.os = mdm_text(device, "os"),
		.is_supervised = json_is_true(supervised)    ? BACKUP_YES
				 : json_is_false(supervised) ? BACKUP_NO
							     : BACKUP_UNKNOWN,
	};

	plan_case_target(kase, &target);
}

static int say_record(struct mdm *mdm, const struct mdm_record *record, struct plan_case *kase,
		      struct err *err)
{
	if (!record->device)
		return say_absent(mdm, kase, err);
	if (!*kase->udid)
		say_target(record->device, kase);
	if (!strcmp(mdm_text(record->device, "record"), "hidden"))
		return say(kase, "service_record", "hidden_by_cleanup", err);
	/* what comes back to a retired record is as if it were deleted */
	if (mdm_record_is_gone(record))
		return say(kase, "service_record", "deleted", err);
	return say_enrollment(mdm, record->enrollment, kase, err);
}

static int say_service(struct mdm *mdm, struct plan_case *kase, struct err *err)
{
	json_t *status;
	int r = mdm_get(mdm, "/status", &status, err);

	if (r < 0)
		return r;
	if (!*kase->service)
		snprintf(kase->service, sizeof(kase->service), "%s", mdm_text(status, "url"));
	json_decref(status);
	return 0;
}

int cli_plan_record(struct cli *cli, struct plan_case *kase, struct err *err)
{
	struct mdm mdm = {.cli = cli};
	struct mdm_record record = {0};
	int r = mdm_connect(&mdm, err);

	if (r == 0)
		r = say_service(&mdm, kase, err);
	if (r == 0)
		r = mdm_record_ask(&mdm, udid_of(kase), kase->serial, &record, err);
	if (r == 0)
		r = say_record(&mdm, &record, kase, err);
	mdm_record_clear(&record);
	mdm_disconnect(&mdm);
	return r < 0 ? err_wrap(err, r, "the service's record") : 0;
}
