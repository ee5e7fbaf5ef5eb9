/* scenario - the facts of a story: their names, their values, and which of them cannot be */
#include "sim/scenario_internal.h"

#include <string.h>

static const struct {
	const char *name, *allowed, *otherwise;
} fields[SIM_IN_COUNT] = {
	[SIM_IN_SCENARIO] = {"scenario", "restore|migrate_no_wipe", "restore"},
	[SIM_IN_OS] = {"os", NULL, "17"},
	[SIM_IN_BACKUP_OS] = {"backup_os", NULL, ""}, /* as os */
	[SIM_IN_FLAG] = {"flag", "no|yes", "no"},
	[SIM_IN_SOURCE] = {"source",
			   "local_plain|local_encrypted|icloud|direct_transfer|account_signin",
			   "local_encrypted"},
	[SIM_IN_TOOL] = {"tool", "finder|configurator", "finder"},
	[SIM_IN_SYSTEM_FILES] = {"system_files", "yes|no", "yes"},
	[SIM_IN_PASSWORD] = {"password", "known|lost", "known"},
	[SIM_IN_DEV] = {"dev", "same|diff", "same"},
	[SIM_IN_RESET] = {"reset",
			  "local_erase|remote_wipe|retire_then_erase|brand_new|not_reset|"
			  "return_to_service",
			  "local_erase"},
	[SIM_IN_WIPED_BY] = {"wiped_by", "this|other", "this"},
	[SIM_IN_BM] = {"bm", "none|this|other", "this"},
	[SIM_IN_KIND] = {"kind", "ade|profile|adde|user|configurator|-", ""}, /* ade if managed */
	[SIM_IN_IDENTITY] = {"identity", "soft|hardware", "soft"},
	[SIM_IN_REMOVABLE] = {"removable", "yes|no", "yes"},
	[SIM_IN_BSUP] = {"bsup", "yes|no", ""},                     /* as the record says */
	[SIM_IN_ADE_RECORD] = {"ade_record", "none|mandatory", ""}, /* as the kind says */
	[SIM_IN_SERVER_UID] = {"server_uid", "absent|equal|different", "absent"},
	[SIM_IN_MIGRATED] = {"migrated", "no|yes", "no"},
	[SIM_IN_EXPIRED] = {"expired", "no|yes", "no"},
	[SIM_IN_REVOKED] = {"revoked", "no|yes", "no"},
	[SIM_IN_RECORD] = {"record",
			   "active|hidden_by_cleanup|deleted|retire_pending|wipe_pending|none",
			   "active"},
	[SIM_IN_GENERATION] = {"generation", "same|newer", "same"},
	[SIM_IN_RENEWED] = {"renewed", "no|yes", "no"},
	[SIM_IN_OTHER_RESPONSE] = {"other_response", "accepts|rejects", "accepts"},
	[SIM_IN_POLICY] = {"policy", "refuse|accept", "refuse"},
	[SIM_IN_ADE] = {"ade", "none|this|other", "this"},
	[SIM_IN_PROFILE] = {"profile", "yes|no", "yes"},
	[SIM_IN_LOCKED] = {"locked", "yes|no", "yes"},
	[SIM_IN_HIDDEN] = {"hidden", "no|yes", "no"},
	[SIM_IN_SHARED] = {"shared", "no|yes", "no"},
	[SIM_IN_PROVISIONAL] = {"provisional", "no|yes", "no"},
	[SIM_IN_ADE_BLOCK] = {"ade_block", "none|platform|licence|push|limit", "none"},
	[SIM_IN_NOW] = {"now", "none|this|other", "none"},
	[SIM_IN_NOW_SUP] = {"now_sup", "no|yes", "no"},
	[SIM_IN_FIND_MY] = {"find_my", "no|yes", "no"},
	[SIM_IN_PAIRING] = {"pairing", "yes|no", "yes"},
	[SIM_IN_FORCE_ENC] = {"force_enc", "no|yes", "no"},
	[SIM_IN_ACT_LOCK] = {"act_lock", "off|owner_known|bypass_known|blocked", "off"},
	[SIM_IN_BOARD] = {"board", "same|replaced", "same"},
	[SIM_IN_OS_RANGE_OK] = {"os_range_ok", "yes|no", "yes"},
	[SIM_IN_PERSONAL_BLOCKED] = {"personal_blocked", "no|yes", "no"},
	[SIM_IN_IMPORTED] = {"imported", "no|yes", "no"},
	[SIM_IN_PLATFORM_BLOCKED] = {"platform_blocked", "no|yes", "no"},
	[SIM_IN_LIMIT_LEFT] = {"limit_left", "yes|no", "yes"},
	[SIM_IN_MANAGED_NOBACKUP] = {"managed_nobackup", "no|yes", "no"},
	[SIM_IN_CARRY_OUT] = {"carry_out", "yes|no", "yes"},
};

enum sim_scenario_field sim_scenario_field(const char *name)
{
	size_t i = 0;

	while (i < SIM_IN_COUNT && strcmp(fields[i].name, name))
		i++;
	return (enum sim_scenario_field)i;
}

bool story_is(const struct sim_scenario *story, enum sim_scenario_field field, const char *value)
{
	return !strcmp(story->value[field], value);
}

/* what follows from other facts where nobody said it */
static void fill(struct sim_scenario *story)
{
	bool is_managed, is_ade;

	for (size_t i = 0; i < SIM_IN_COUNT; i++)
		if (!story->value[i] && fields[i].otherwise[0])
			story->value[i] = fields[i].otherwise;
	is_managed = !story_is(story, SIM_IN_BM, "none");
	if (!story->value[SIM_IN_BACKUP_OS])
		story->value[SIM_IN_BACKUP_OS] = story->value[SIM_IN_OS];
	if (!story->value[SIM_IN_KIND])
		story->value[SIM_IN_KIND] = is_managed ? "ade" : "-";
	is_ade = story_is(story, SIM_IN_KIND, "ade");
	if (!story->value[SIM_IN_ADE_RECORD])
		story->value[SIM_IN_ADE_RECORD] = is_ade ? "mandatory" : "none";
	if (!story->value[SIM_IN_BSUP])
		story->value[SIM_IN_BSUP] =
			is_ade || story_is(story, SIM_IN_ADE_RECORD, "mandatory") ? "yes" : "no";
}

/* R-711, and what no device can be */
static const char *contradiction(const struct sim_scenario *s)
{
	bool is_set_up = story_is(s, SIM_IN_RESET, "not_reset");
	bool has_record = story_is(s, SIM_IN_ADE_RECORD, "mandatory");
	bool is_same = story_is(s, SIM_IN_DEV, "same");
	bool is_wireless = story_is(s, SIM_IN_SOURCE, "icloud") ||
			   story_is(s, SIM_IN_SOURCE, "direct_transfer");

	if (story_is(s, SIM_IN_RESET, "brand_new") && is_same)
		return "a brand new device is no device that was backed up";
	if (story_is(s, SIM_IN_SOURCE, "direct_transfer") && is_same)
		return "a device transfers nothing to itself";
	if (story_is(s, SIM_IN_BM, "none") != story_is(s, SIM_IN_KIND, "-"))
		return "bm and kind go together";
	if (story_is(s, SIM_IN_BM, "none") && story_is(s, SIM_IN_IDENTITY, "hardware"))
		return "an identity without management";
	if (story_is(s, SIM_IN_KIND, "ade") && !has_record)
		return "kind=ade leaves an ADE record";
	if (!story_is(s, SIM_IN_SERVER_UID, "absent") && !has_record)
		return "a server's UID is of an ADE record";
	if (story_is(s, SIM_IN_TOOL, "configurator") && is_wireless)
		return "Configurator restores from a computer";
	if (story_is(s, SIM_IN_SCENARIO, "restore") && !is_set_up &&
	    !story_is(s, SIM_IN_NOW, "none"))
		return "an erased device is not managed";
	return NULL;
}

int story_settle(struct sim_scenario *story, const struct sim_scenario *facts, struct err *err)
{
	unsigned major, minor;
	const char *reason;

	*story = *facts;
	fill(story);
	for (size_t i = 0; i < SIM_IN_COUNT; i++) {
		const char *value = story->value[i];

		if (fields[i].allowed
			    ? !sim_word_allows(fields[i].allowed, value)
			    : sscanf(value, "%2u.%2u", &major, &minor) < 1 || strlen(value) > 12)
			return err_set(err, ERR_USAGE, "%s=%.40s: %s", fields[i].name, value,
				       fields[i].allowed ? fields[i].allowed
							 : "a version such as 18.6");
	}
	reason = contradiction(story);
	if (!reason)
		return 0;
	err_set(err, ERR_USAGE, "%s", reason);
	return SIM_DEVICE_PROHIBITED;
}

/* ---- the vectors' codes ---- */

const char *sim_scenario_management(const struct sim_observation *seen)
{
	bool is_this = !strcmp(seen->management, "this");

	if (!strcmp(seen->management, "none"))
		return "none";
	if (seen->is_fresh)
		return is_this ? "this_new" : "other_new";
	if (seen->is_stale)
		return is_this ? "stale_this" : "stale_other";
	return seen->management;
}

const char *sim_scenario_setup(const struct sim_observation *seen)
{
	static const char *const codes[][2] = {{"home", "HOME"},
					       {"remote_management", "RM"},
					       {"no_remote_management", "noRM"},
					       {"waits", "WAITS"}};

	for (size_t i = 0; i < ARRAY_COUNT(codes); i++)
		if (!strcmp(seen->setup, codes[i][0]))
			return codes[i][1];
	return "NA"; /* not involved, or not gone on with */
}
