/*
 * device_words - what others hold about the device, and behaviour that no source settles, in words
 *
 * Three lists of settings, kept as facts of the device's folder until services exist that are
 * asked over the wire.
 */
#include "sim/mechanism.h"

#include <string.h>

static const struct sim_word assignment[] = {
	{"ade-server", NULL, "", "the service that Apple assigns this serial to; empty: none"},
	{"profile", "yes|no", "yes", "is an ADE profile set for it?"},
	{"locked", "yes|no", "yes", "may the user not remove the enrollment profile?"},
	{"supervised", "yes|no", "yes", "is the device supervised?"},
	{"hide-restore", "no|yes", "no", "is the pane Apps & Data skipped?"},
	{"ignore-backup", "no|yes", "no", "do_not_use_profile_from_backup"},
	{"shared", "no|yes", "no", "Shared iPad"},
	{"migrated", "no|yes", "no", "has undergone a migration built into the OS"},
	{"provisional-until", NULL, "", "end of the time in which the user may leave"},
	{"server-uid", NULL, "", "MDMServerUID; empty: made from the server's name"},
};

static const struct sim_word world[] = {
	{"this", NULL, "this", "the service whose view counts"},
	{"record", "active|hidden_by_cleanup|deleted|retire_pending|wipe_pending|none", "active",
	 "its record of the device"},
	{"generation", "same|newer", "same", "the record is a later enrollment than the backup's"},
	{"certificate", "valid|revoked|renewed", "valid", "the restored identity's certificate"},
	{"policy", "refuse|accept", "refuse",
	 "does the service take a restored device back that it had let go?"},
	{"other-response", "accepts|rejects", "accepts",
	 "what another service answers, unless the device just enrolled"},
	{"let-go-by", NULL, "", "service that wiped or retired the device before its erase"},
	{"ade-enrollment", "accepts|platform|licence|push|limit", "accepts",
	 "what stops ADE enrollment in this service"},
	{"by-hand", "accepts|platform|personal|os|limit", "accepts",
	 "what stops enrollment by hand in this service"},
	{"activation-lock", "off|owner_known|bypass_known|blocked", "off", ""},
};

static const struct sim_word switches[] = {
	{"plain_identity", "returns|lost", "returns",
	 "R-801: the identity in a plain backup, on the hardware that made it"},
	{"profile_identity", "returns|lost", "returns",
	 "R-212: the identity of an enrollment by profile"},
	{"renewed_identity", "accepted|refused", "accepted",
	 "R-406: the certificate before a renewal, by the service"},
	{"flag26_mdm_profile", "gone|kept", "gone",
	 "R-152: 26.0 to 26.3 with do_not_use_profile_from_backup"},
	{"server_uid", "compared|ignored", "compared", "R-802: 26.x, another MDMServerUID"},
	{"account_enrollment", "removed|kept", "removed", "R-803: account-driven enrollments"},
	{"hardware_identity", "lost|kept", "lost", "R-804: keys in the hardware"},
	{"mandatory_without_mdm", "dropped|kept", "dropped",
	 "R-805: 26.4 and later, a mandatory ADE record without management"},
	{"after_drop", "remote_management|home", "remote_management",
	 "R-802, R-804, R-805: where Setup Assistant goes on"},
	{"os27_management", "not_restored|restored", "not_restored", "R-154, R-157: OS 27"},
	{"os27_supervised", "resets|goes_on", "resets",
	 "R-110: OS 27, a computer's restore onto a supervised device that is set up"},
	{"set_aside_after_setup", "dropped|kept", "dropped",
	 "R-724: is there a fresh record to compare with on a device that is set up?"},
	{"without_profile", "goes_on|waits", "goes_on", "R-735: assigned by ADE, and no profile"},
	{"locked_profile", "replaceable|fixed", "replaceable",
	 "R-809: enrolling by hand over a locked profile of the same service"},
	{"provisional_end", "from_backup|from_apple", "from_backup", "R-732: after a restore"},
};

const struct sim_words sim_assignment_words = {"ade/", assignment, ARRAY_COUNT(assignment)};
const struct sim_words sim_world_words = {"world/", world, ARRAY_COUNT(world)};
const struct sim_words sim_switch_words = {"switch/", switches, ARRAY_COUNT(switches)};

static const struct sim_word *find(const struct sim_words *words, const char *name)
{
	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->list[i].name, name))
			return &words->list[i];
	return NULL;
}

bool sim_word_allows(const char *allowed, const char *value)
{
	size_t len = strlen(value);

	for (; allowed; allowed = strchr(allowed, '|') ? strchr(allowed, '|') + 1 : NULL)
		if (!strncmp(allowed, value, len) && (allowed[len] == '|' || !allowed[len]))
			return len > 0;
	return false;
}

static const char *fact_of(const struct sim_words *words, const char *name, char out[80])
{
	snprintf(out, 80, "%s%s", words->prefix, name);
	return out;
}

static int check(const struct sim_words *words, const char *name, const char *value,
		 struct err *err)
{
	const struct sim_word *word = find(words, name);

	if (!word)
		return err_set(err, ERR_USAGE,
			       "there is no setting \"%.60s\"; rehome-sim assign --help and "
			       "rehome-sim world --help list them",
			       name);
	if (word->allowed && !sim_word_allows(word->allowed, value))
		return err_set(err, ERR_USAGE, "%s is \"%.40s\": it may be %s", name, value,
			       word->allowed);
	if (strlen(value) >= SIM_SERVER_LEN)
		return err_set(err, ERR_USAGE, "%s: longer than %d bytes", name,
			       SIM_SERVER_LEN - 1);
	return 0;
}

int sim_word_put(struct sim_device *device, const struct sim_words *words, const char *name,
		 const char *value, struct err *err)
{
	char fact[80];
	int r = check(words, name, value, err);

	return r < 0 ? r : sim_fact_put(device, fact_of(words, name, fact), value, err);
}

const char *sim_word_get(struct sim_device *device, const struct sim_words *words, const char *name,
			 char out[SIM_SERVER_LEN])
{
	char fact[80];

	if (!sim_fact_get(device, fact_of(words, name, fact), out, SIM_SERVER_LEN))
		snprintf(out, SIM_SERVER_LEN, "%s", find(words, name)->otherwise);
	return out;
}

bool sim_word_is(struct sim_device *device, const struct sim_words *words, const char *name,
		 const char *value)
{
	char present[SIM_SERVER_LEN];

	return !strcmp(sim_word_get(device, words, name, present), value);
}

/* NAME of NAME=VALUE into @name; the value, or NULL */
static const char *setting_split(const char *setting, char name[64])
{
	const char *equals = strchr(setting, '=');

	if (!equals || equals - setting >= 64)
		return NULL;
	snprintf(name, 64, "%.*s", (int)(equals - setting), setting);
	return equals + 1;
}

int sim_switch_check(const char *setting, struct err *err)
{
	char name[64];
	const char *value = setting_split(setting, name);

	return value ? check(&sim_switch_words, name, value, err)
		     : err_set(err, ERR_USAGE,
			       "switch \"%.60s\" is not NAME=VALUE; rehome-sim world --help "
			       "lists them",
			       setting);
}

int sim_switch_put(struct sim_device *device, const char *setting, struct err *err)
{
	char name[64];
	int r = sim_switch_check(setting, err);

	return r < 0 ? r
		     : sim_word_put(device, &sim_switch_words, name, setting_split(setting, name),
				    err);
}

int sim_words_forget(struct sim_device *device, const struct sim_words *words, struct err *err)
{
	char fact[80];
	int r = 0;

	for (size_t i = 0; r == 0 && i < words->count; i++)
		r = sim_fact_remove(device, fact_of(words, words->list[i].name, fact), err);
	return r;
}

/* ---- the assignment ---- */

static bool says(struct sim_device *device, const char *name)
{
	return sim_word_is(device, &sim_assignment_words, name, "yes");
}

int sim_assignment_fetch(struct sim_device *device, struct sim_cloud *cloud, struct err *err)
{
	char server[SIM_SERVER_LEN], host[SIM_SERVER_LEN], text[SIM_SERVER_LEN];
	struct sim_cloud found = {.source = SIM_CLOUD_ADE};

	sim_word_get(device, &sim_assignment_words, "ade-server", server);
	if (!*server)
		return SIM_DEVICE_ABSENT;
	sim_server_host(server, host);
	found.is_multi_user = says(device, "shared");
	if (says(device, "profile")) {
		found.is_mandatory = true;
		found.is_supervised = says(device, "supervised");
		found.is_unremovable = says(device, "locked") && found.is_supervised;
		found.ignores_backup = says(device, "ignore-backup");
		found.hides_restore = says(device, "hide-restore");
		found.has_migrated = says(device, "migrated");
		snprintf(found.url, sizeof(found.url), "https://%.200s/enroll", host);
		snprintf(found.organization, sizeof(found.organization), "%.63s", host);
		sim_word_get(device, &sim_assignment_words, "server-uid", text);
		snprintf(found.server_uid, sizeof(found.server_uid), "%.63s", *text ? text : host);
	}
	sim_word_get(device, &sim_assignment_words, "provisional-until", text);
	if (*text && time_parse_utc(text, &found.provisional_until, err) < 0)
		return ERR_USAGE;
	*cloud = found;
	return 0;
}
