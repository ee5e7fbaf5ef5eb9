/* plan_record - what the MDM service's record of a device tells, as facts for a plan */
#include "cli/mdm.h"
#include "cli/plan.h"

#include <string.h>

static int ask(struct mdm *mdm, const char *path, json_t **out, struct err *err)
{
	int status;

	return mdm_ask(mdm, "GET", path, NULL, SLICE_EMPTY, out, &status, err);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int say(struct plan_case *kase, const char *name, const char *word, struct err *err)
{
	return *word ? plan_case_word(kase, name, word, PLAN_SERVICE, err) : 0;
}

/* ---- which record ---- */

/* by_serial - of several devices in a list, the one with that serial number; NULL: none */
static json_t *by_serial(const json_t *list, const char *serial)
{
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(list, "devices"), i,
			   device) if (!strcmp(text_of(device, "serial"), serial)) return device;
	return NULL;
}

/* udid_find - the UDID under which the service has the target; "" if it does not know it */
static int udid_find(struct mdm *mdm, const struct plan_case *kase, char udid[64], struct err *err)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(512);
	json_t *list;
	int r;

	snprintf(udid, 64, "%s", kase->udid);
	if (*udid || !*kase->serial)
		return 0;
	r = buf_append_text(&path, "/devices?limit=1000&text=", err);
	if (r == 0)
		r = mdm_escape(&path, kase->serial, err);
	if (r == 0)
		r = ask(mdm, buf_text(&path), &list, err);
	if (r < 0)
		return r;
	snprintf(udid, 64, "%s", text_of(by_serial(list, kase->serial), "udid"));
	json_decref(list);
	return 0;
}

/* record_ask - @what ("devices", "enrollments") of @id, and below it @rest; *@out NULL: none */
static int record_ask(struct mdm *mdm, const char *what, const char *id, const char *rest,
		      json_t **out, struct err *err)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(512);
	int r = buf_append_format(&path, err, "/%s/", what);

	*out = NULL;
	if (r == 0)
		r = mdm_escape(&path, id, err);
	if (r == 0)
		r = buf_append_text(&path, rest, err);
	if (r == 0)
		r = ask(mdm, buf_text(&path), out, err);
	if (r != ERR_NOT_FOUND)
		return r;
	*err = ERR_INIT;
	return 0;
}

/* ---- what it says ---- */

/* leaving - does a wipe or the end of management wait for the device? */
static const char *leaving(const json_t *commands)
{
	const char *word = "active";
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(commands, "queue"), i, row)
	{
		if (!strcmp(text_of(row, "type"), "EraseDevice"))
			return "wipe_pending";
		/* only the service itself takes a profile away before all other work */
		if (!strcmp(text_of(row, "type"), "RemoveProfile") &&
		    !strcmp(text_of(row, "lane"), "urgent"))
			word = "retire_pending";
	}
	return word;
}

/* of_backup - the identity that the device went by when it was backed up: the last one that was
 * issued before. NULL if the enrollment is younger than the backup, or its day is not known */
static const json_t *of_backup(const json_t *identities, const struct plan_case *kase)
{
	const json_t *identity, *found = NULL;
	int64_t issued, last = 0;
	struct err err = ERR_INIT;
	size_t i;

	json_array_foreach(identities, i, identity)
	{
		if (time_parse_utc(text_of(identity, "issued"), &issued, &err) < 0)
			continue;
		if (issued > kase->dates.backup || issued < last)
			continue;
		found = identity;
		last = issued;
	}
	return found;
}

/* To the second, where lists of other services know the day only.  The clocks are those of this
 * host and of the service. */
static int say_generation(const json_t *enrollment, struct plan_case *kase, struct err *err)
{
	const char *authenticated = text_of(enrollment, "authenticated");
	struct err ignored = ERR_INIT;
	int64_t since;
	int r = say(kase, "record_enrolled", authenticated, err);

	if (r < 0 || !kase->dates.backup || time_parse_utc(authenticated, &since, &ignored) < 0)
		return r;
	return say(kase, "record_generation", since > kase->dates.backup ? "newer" : "same", err);
}

static bool is_superseded(const json_t *identity)
{
	const char *state = text_of(identity, "state");

	return !strcmp(state, "previous") || !strcmp(state, "ended");
}

static int say_identities(const json_t *enrollment, struct plan_case *kase, struct err *err)
{
	const json_t *identities = json_object_get(enrollment, "identities"), *identity;
	size_t i;
	int r = say_generation(enrollment, kase, err);

	json_array_foreach(identities, i,
			   identity) if (r == 0 && !strcmp(text_of(identity, "state"), "current"))
		r = say(kase, "record_identity_end", text_of(identity, "not_after"), err);
	identity = of_backup(identities, kase);
	if (r < 0 || !identity)
		return r;
	r = say(kase, "identity_end", text_of(identity, "not_after"), err);
	if (r == 0)
		r = say(kase, "identity_renewed", is_superseded(identity) ? "yes" : "no", err);
	/* an identity that ended before its time was ended by the service */
	if (r == 0 && kase->facts.value[RULES_EXPIRED] != RULES_YES)
		r = say(kase, "identity_revoked",
			!strcmp(text_of(identity, "state"), "ended") ? "yes" : "no", err);
	return r;
}

static int say_enrollment(struct mdm *mdm, const char *udid, struct plan_case *kase,
			  struct err *err)
{
	json_t *enrollment, *commands = NULL;
	int r = record_ask(mdm, "enrollments", udid, "", &enrollment, err);

	if (r < 0)
		return r;
	if (!enrollment)
		return say(kase, "service_record", "none", err);
	r = say_identities(enrollment, kase, err);
	if (r == 0)
		r = record_ask(mdm, "enrollments", udid, "/commands", &commands, err);
	if (r == 0)
		r = say(kase, "service_record", leaving(commands), err);
	json_decref(commands);
	json_decref(enrollment);
	return r;
}

/* What the record says of a device that is not attached. Of an attached one the device's own
 * words count. */
static void say_target(const json_t *device, struct plan_case *kase)
{
	const json_t *supervised = json_object_get(device, "supervised");
	const struct plan_target target = {
		.name = text_of(device, "name"),
		.udid = text_of(device, "udid"),
		.serial = text_of(device, "serial"),
		.os = text_of(device, "os"),
		.is_supervised = json_is_true(supervised)    ? BACKUP_YES
				 : json_is_false(supervised) ? BACKUP_NO
							     : BACKUP_UNKNOWN,
	};

	plan_case_target(kase, &target);
}

static int say_device(struct mdm *mdm, const json_t *device, struct plan_case *kase,
		      struct err *err)
{
	const char *record = text_of(device, "record");

	if (!*kase->udid)
		say_target(device, kase);
	if (!strcmp(record, "hidden"))
		return say(kase, "service_record", "hidden_by_cleanup", err);
	/* a retired record has no enrollment any more: what comes back is as if it were deleted */
	if (!strcmp(record, "retired") || !strcmp(record, "deleted"))
		return say(kase, "service_record", "deleted", err);
	return say_enrollment(mdm, text_of(device, "udid"), kase, err);
}

static int say_service(struct mdm *mdm, struct plan_case *kase, struct err *err)
{
	json_t *status;
	int r = ask(mdm, "/status", &status, err);

	if (r < 0)
		return r;
	if (!*kase->service)
		snprintf(kase->service, sizeof(kase->service), "%s", text_of(status, "url"));
	json_decref(status);
	return 0;
}

int cli_plan_record(struct cli *cli, struct plan_case *kase, struct err *err)
{
	struct mdm mdm = {.cli = cli};
	json_t *device = NULL;
	char udid[64];
	int r = mdm_connect(&mdm, err);

	if (r == 0)
		r = say_service(&mdm, kase, err);
	if (r == 0)
		r = udid_find(&mdm, kase, udid, err);
	if (r == 0 && *udid)
		r = record_ask(&mdm, "devices", udid, "", &device, err);
	if (r == 0)
		r = device ? say_device(&mdm, device, kase, err)
			   : say(kase, "service_record", "none", err);
	json_decref(device);
	mdm_disconnect(&mdm);
	return r < 0 ? err_wrap(err, r, "the service's record") : 0;
}
