/*
 * One case: who said which fact about a source and a target.
 */
#include "plan/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void plan_case_set(struct plan_case *kase, enum rules_field field, uint16_t value,
		   enum plan_origin origin, const char *from)
{
	kase->facts.value[field] = value;
	kase->origin[field] = value == RULES_UNKNOWN ? PLAN_NOBODY : (uint8_t)origin;
	plan_copy(kase->from[field], sizeof(kase->from[field]), from);
}

/* ---- by name ---------------------------------------------------------------- */

static int64_t *date_find(struct rules_dates *dates, const char *name)
{
	const struct {
		const char *name;
		int64_t *date;
	} known[] = {
		{"restore_date", &dates->restore},
		{"backup_date", &dates->backup},
		{"identity_end", &dates->identity_end},
		{"record_identity_end", &dates->record_identity_end},
		{"record_enrolled", &dates->record_enrolled},
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].date;
	return NULL;
}

static int days_parse(const char *word, int32_t *days, struct err *err)
{
	char *end;
	long value = strtol(word, &end, 10);

	if (!word[0] || *end || value < 0 || value > 3650)
		return err_set(err, ERR_USAGE, "\"%.20s\" is no number of days from 0 to 3650",
			       word);
	*days = (int32_t)value;
	return 0;
}

int plan_case_word(struct plan_case *kase, const char *name, const char *word,
		   enum plan_origin origin, struct err *err)
{
	int64_t *date = date_find(&kase->dates, name);
	enum rules_field field;
	int r;

	if (date)
		return plan_date_parse(word, date, err);
	if (strcmp(name, "cleanup_days") == 0)
		return days_parse(word, &kase->dates.cleanup_days, err);
	field = rules_field_find(name, RULES_WORDS);
	if (field == RULES_FIELD_COUNT)
		return err_set(err, ERR_USAGE,
			       "there is no fact called \"%s\"; `rehome plan --list-facts` names "
			       "them all",
			       name);
	r = rules_facts_set(&kase->facts, field, word, RULES_WORDS, err);
	if (r < 0)
		return r;
	plan_case_set(kase, field, kase->facts.value[field], origin, NULL);
	return 0;
}

int plan_case_assignment(struct plan_case *kase, const char *assignment, struct err *err)
{
	const char *equals = strchr(assignment, '=');
	char name[PLAN_WORD_MAX];

	if (!equals || equals == assignment || (size_t)(equals - assignment) >= sizeof(name))
		return err_set(err, ERR_USAGE,
			       "\"%.60s\": write NAME=WORD, for instance reset=erased_locally",
			       assignment);
	memcpy(name, assignment, (size_t)(equals - assignment));
	name[equals - assignment] = 0;
	return plan_case_word(kase, name, equals + 1, PLAN_PERSON, err);
}

/* ---- from a backup ---------------------------------------------------------------- */

static const char *place_name(const struct backup_place *place, char out[PLAN_FROM_MAX])
{
	if (!place)
		return NULL;
	snprintf(out, PLAN_FROM_MAX, "%s/%s", place->domain, place->path);
	return out;
}

static void set_read(struct plan_case *kase, enum rules_field field, uint16_t value,
		     const struct backup_place *from)
{
	char name[PLAN_FROM_MAX];

	if (value != RULES_UNKNOWN)
		plan_case_set(kase, field, value, PLAN_BACKUP, place_name(from, name));
}

static uint16_t yes_no(enum backup_answer answer)
{
	return answer == BACKUP_YES ? RULES_YES : answer == BACKUP_NO ? RULES_NO : RULES_UNKNOWN;
}

static uint16_t opposite(enum backup_answer answer)
{
	return answer == BACKUP_YES ? RULES_NO : answer == BACKUP_NO ? RULES_YES : RULES_UNKNOWN;
}

static void set_version(struct plan_case *kase, enum rules_field field, const char *version,
			enum plan_origin origin)
{
	struct rules_facts parsed = {0};

	if (version && version[0] &&
	    rules_facts_set(&parsed, field, version, RULES_WORDS, NULL) == 0)
		plan_case_set(kase, field, parsed.value[field], origin, NULL);
}

static void set_enrollment(struct plan_case *kase, const struct backup_management *management)
{
	static const uint8_t kinds[] = {
		[BACKUP_ENROLLED_UNKNOWN] = RULES_UNKNOWN,
		[BACKUP_ENROLLED_ADE] = RULES_KIND_ADE,
		[BACKUP_ENROLLED_PROFILE] = RULES_KIND_PROFILE,
		[BACKUP_ENROLLED_ADDE] = RULES_KIND_ADDE,
		[BACKUP_ENROLLED_USER] = RULES_KIND_USER,
		[BACKUP_ENROLLED_CONFIGURATOR] = RULES_KIND_CONFIGURATOR,
	};
	static const uint8_t identities[] = {
		[BACKUP_IDENTITY_UNKNOWN] = RULES_UNKNOWN,
		[BACKUP_IDENTITY_SOFT] = RULES_IDENTITY_SOFT,
		[BACKUP_IDENTITY_HARDWARE] = RULES_IDENTITY_HARDWARE,
	};

	if (management->is_managed.answer == BACKUP_NO) {
		set_read(kase, RULES_BACKUP_MGMT, RULES_NONE, management->is_managed.from);
		set_read(kase, RULES_KIND, RULES_KIND_ABSENT, management->is_managed.from);
		return;
	}
	if (management->is_managed.answer != BACKUP_YES)
		return;
	set_read(kase, RULES_KIND, kinds[management->enrollment.how], management->enrollment.from);
	set_read(kase, RULES_IDENTITY, identities[management->identity.kind],
		 management->identity.from);
	set_read(kase, RULES_REMOVABLE, opposite(management->is_locked.answer),
		 management->is_locked.from);
	kase->dates.identity_end = management->identity_end.value;
	plan_copy(kase->backup_server.url, PLAN_TEXT_MAX, management->server_url.text);
	plan_copy(kase->backup_server.topic, PLAN_TEXT_MAX, management->topic.text);
	plan_copy(kase->backup_server.organization, PLAN_TEXT_MAX, management->organization.text);
}

static void set_cloud(struct plan_case *kase, const struct backup_cloud *cloud)
{
	if (cloud->source.from) {
		bool is_ade = cloud->source.value == 1;

		if (!is_ade || cloud->is_mandatory.answer == BACKUP_NO)
			set_read(kase, RULES_ADE_RECORD, RULES_ADE_RECORD_NONE, cloud->source.from);
		else if (cloud->is_mandatory.answer == BACKUP_YES)
			set_read(kase, RULES_ADE_RECORD, RULES_ADE_RECORD_MANDATORY,
				 cloud->is_mandatory.from);
		/* with a UID it takes the fresh ADE record to tell equal from different */
		if (!cloud->server_uid.from)
			set_read(kase, RULES_SERVER_UID, RULES_UID_ABSENT, cloud->source.from);
	}
	if (cloud->has_migrated.answer == BACKUP_YES)
		set_read(kase, RULES_MIGRATED, RULES_YES, cloud->has_migrated.from);
}

void plan_case_backup(struct plan_case *kase, const struct plan_backup *backup)
{
	const struct backup_management *management = backup->management;

	plan_case_set(kase, RULES_SCENARIO, RULES_RESTORE, PLAN_BACKUP, NULL);
	plan_case_set(kase, RULES_TOOL, RULES_FINDER, PLAN_BACKUP, NULL);
	plan_case_set(kase, RULES_SOURCE,
		      backup->is_encrypted ? RULES_LOCAL_ENCRYPTED : RULES_LOCAL_PLAIN, PLAN_BACKUP,
		      "Manifest.plist");
	if (!backup->is_encrypted || backup->is_password_known)
		plan_case_set(kase, RULES_PASSWORD, RULES_PASSWORD_KNOWN, PLAN_BACKUP, NULL);
	set_version(kase, RULES_BACKUP_OS, backup->os, PLAN_BACKUP);
	plan_copy(kase->backup_udid, sizeof(kase->backup_udid), backup->udid);
	plan_copy(kase->backup_serial, sizeof(kase->backup_serial), backup->serial);
	kase->dates.backup = backup->time;
	if (!management)
		return;
	kase->is_backup_managed = management->is_managed.answer;
	set_enrollment(kase, management);
	set_read(kase, RULES_BACKUP_SUPERVISED, yes_no(management->is_supervised.answer),
		 management->is_supervised.from);
	set_cloud(kase, &management->cloud);
	if (management->has_managed_apps.answer == BACKUP_NO)
		set_read(kase, RULES_MANAGED_NOBACKUP, RULES_NO, management->has_managed_apps.from);
}

/* ---- from a device ------------------------------------------------------------------- */

static void set_asked(struct plan_case *kase, enum rules_field field, enum backup_answer answer)
{
	if (answer != BACKUP_UNKNOWN)
		plan_case_set(kase, field, yes_no(answer), PLAN_DEVICE, NULL);
}

/* the device asked Apple when it was activated: today's word, as long as it waits in Setup
 * Assistant */
static void set_ade(struct plan_case *kase, const struct plan_target *target)
{
	if (!target->has_ade)
		return;
	plan_copy(kase->ade_server.url, PLAN_TEXT_MAX, target->ade.url);
	plan_copy(kase->ade_server.organization, PLAN_TEXT_MAX, target->ade.organization);
	if (target->is_set_up != BACKUP_NO)
		return;
	kase->is_ade_current = true;
	plan_case_set(kase, RULES_PROFILE, RULES_YES, PLAN_DEVICE, NULL);
	set_asked(kase, RULES_LOCKED, target->ade.is_unremovable);
	set_asked(kase, RULES_FLAG, target->ade.ignores_backup);
	set_asked(kase, RULES_HIDDEN, target->ade.hides_restore);
	set_asked(kase, RULES_SHARED, target->ade.is_shared);
}

void plan_case_target(struct plan_case *kase, const struct plan_target *target)
{
	plan_copy(kase->name, sizeof(kase->name), target->name);
	plan_copy(kase->udid, sizeof(kase->udid), target->udid);
	plan_copy(kase->serial, sizeof(kase->serial), target->serial);
	set_version(kase, RULES_OS, target->os, PLAN_DEVICE);
	kase->is_target_managed = target->is_managed;
	plan_copy(kase->target_server.url, PLAN_TEXT_MAX, target->server_url);
	plan_copy(kase->target_server.organization, PLAN_TEXT_MAX, target->organization);
	if (target->is_set_up == BACKUP_YES) {
		plan_case_set(kase, RULES_RESET, RULES_NOT_RESET, PLAN_DEVICE, NULL);
		set_asked(kase, RULES_NOW_SUPERVISED, target->is_supervised);
	}
	set_asked(kase, RULES_FIND_MY, target->has_find_my);
	set_asked(kase, RULES_PAIRING, target->accepts_host);
	set_asked(kase, RULES_FORCE_ENCRYPTED, target->forces_encryption);
	set_ade(kase, target);
}

/* ---- from both ------------------------------------------------------------------------- */

/* "https://mdm.example.org:443/checkin" -> "mdm.example.org" */
static struct slice host_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return slice_of(host, strcspn(host, "/:?#"));
}

static bool is_word(const char *text, const char *word)
{
	return text[0] && strcasecmp(text, word) == 0;
}

static bool is_server(const struct plan_server *server, const char *word)
{
	struct slice host = host_of(server->url), wanted = host_of(word);

	if (is_word(server->url, word) || is_word(server->topic, word) ||
	    is_word(server->organization, word))
		return true;
	return host.len > 0 && host.len == wanted.len &&
	       strncasecmp((const char *)host.bytes, (const char *)wanted.bytes, host.len) == 0;
}

static bool is_same_server(const struct plan_server *one, const struct plan_server *other)
{
	if (one->url[0] && other->url[0])
		return is_server(one, other->url);
	return is_word(one->organization, other->organization);
}

bool plan_case_service_is_known(const struct plan_case *kase)
{
	const struct plan_server *servers[] = {&kase->backup_server, &kase->target_server,
					       &kase->ade_server};
	bool has_one = false;

	for (size_t i = 0; i < ARRAY_COUNT(servers); i++) {
		if (is_server(servers[i], kase->service))
			return true;
		has_one |=
			servers[i]->url[0] || servers[i]->topic[0] || servers[i]->organization[0];
	}
	return !kase->service[0] || !has_one;
}

static void set_side(struct plan_case *kase, enum rules_field field, bool is_ours,
		     enum plan_origin origin)
{
	if (kase->facts.value[field] == RULES_UNKNOWN)
		plan_case_set(kase, field, is_ours ? RULES_THIS : RULES_OTHER, origin, NULL);
}

/* is_meant - is @server, of the target, "this" service? */
static bool is_meant(const struct plan_case *kase, const struct plan_server *server)
{
	if (kase->service[0])
		return is_server(server, kase->service);
	return kase->is_backup_managed != BACKUP_YES ||
	       is_same_server(server, &kase->backup_server);
}

/*
 * Whose management do backup and target have?  An enrollment URL of ADE may lie on another host
 * than the server that it leads to: that they agree proves something, that they differ does not.
 */
static void join_sides(struct plan_case *kase)
{
	const char *service = kase->service;
	bool is_by_ade;

	if (kase->is_backup_managed == BACKUP_YES)
		set_side(kase, RULES_BACKUP_MGMT,
			 !service[0] || is_server(&kase->backup_server, service), PLAN_BACKUP);
	is_by_ade = is_meant(kase, &kase->ade_server);
	if (kase->is_ade_current && is_by_ade)
		set_side(kase, RULES_ADE, true, PLAN_DEVICE);
	if (kase->facts.value[RULES_RESET] != RULES_NOT_RESET)
		return;
	if (kase->is_target_managed == BACKUP_NO && kase->facts.value[RULES_NOW] == RULES_UNKNOWN)
		plan_case_set(kase, RULES_NOW, RULES_NONE, PLAN_DEVICE, NULL);
	else if (kase->is_target_managed == BACKUP_YES && kase->target_server.url[0])
		set_side(kase, RULES_NOW, is_meant(kase, &kase->target_server), PLAN_DEVICE);
	else if (kase->is_target_managed == BACKUP_YES && is_by_ade)
		set_side(kase, RULES_NOW, true, PLAN_DEVICE);
}

static void join_device(struct plan_case *kase)
{
	bool is_same;

	if (kase->facts.value[RULES_DEVICE] != RULES_UNKNOWN)
		return;
	if (kase->udid[0] && kase->backup_udid[0])
		is_same = strcasecmp(kase->udid, kase->backup_udid) == 0;
	else if (kase->serial[0] && kase->backup_serial[0])
		is_same = strcasecmp(kase->serial, kase->backup_serial) == 0;
	else
		return;
	plan_case_set(kase, RULES_DEVICE, is_same ? RULES_SAME : RULES_DIFFERENT, PLAN_BACKUP,
		      "UDID and serial number");
}

void plan_case_join(struct plan_case *kase, int64_t now)
{
	struct rules_facts before;

	join_device(kase);
	join_sides(kase);
	if (kase->dates.restore == 0)
		kase->dates.restore = now;
	before = kase->facts;
	rules_facts_date(&kase->facts, &kase->dates);
	for (int i = 0; i < RULES_FIELD_COUNT; i++)
		if (kase->facts.value[i] != before.value[i])
			plan_case_set(kase, (enum rules_field)i, kase->facts.value[i], PLAN_BACKUP,
				      "dates of backup, identity and record");
}
