/*
 * The fields of rules_facts as data: both spellings, the values, the question that finds a value
 * out and what asking costs, and the value that is usual where nobody asked.
 */
#include "rules/internal.h"

#include <string.h>

#define YES_NO                       \
	{                            \
		{"no", "no"},        \
		{                    \
			"yes", "yes" \
		}                    \
	}
#define SIDES                                       \
	{                                           \
		{"none", "none"}, {"this", "this"}, \
		{                                   \
			"other", "other"            \
		}                                   \
	}

static const struct field_row rows[RULES_FIELD_COUNT] = {
	[RULES_SCENARIO] =
		{"scenario",
		 "scenario",
		 "Is a backup to be restored, or shall the device change services as it is?",
		 COST_PERSON,
		 RULES_RESTORE,
		 {{"restore", "restore"}, {"migrate_no_wipe", "migrate_in_place"}}},
	[RULES_GOAL] = {"goal",
			"goal",
			"Shall the device end in this service, or keep the management that it had?",
			COST_PERSON,
			RULES_GOAL_THIS,
			{{"this", "this"}, {"keep", "keep"}}},
	[RULES_OS] = {"os",
		      "target_os",
		      "Which iOS or iPadOS version does the target run?",
		      COST_DEVICE,
		      0,
		      {{0}}},
	[RULES_BACKUP_OS] = {"backup_os",
			     "backup_os",
			     "Which iOS or iPadOS version was the backup made on?",
			     COST_SNAPSHOT,
			     0,
			     {{0}}},
	[RULES_FLAG] = {"flag", "ade_ignores_backup",
			"Does the assigned ADE profile set do_not_use_profile_from_backup?",
			COST_SERVICE, RULES_NO, YES_NO},
	[RULES_SOURCE] = {"source",
			  "backup_source",
			  "Where does the backup come from?",
			  COST_SNAPSHOT,
			  RULES_LOCAL_ENCRYPTED,
			  {{"local_plain", "local_plain"},
			   {"local_encrypted", "local_encrypted"},
			   {"icloud", "icloud"},
			   {"direct_transfer", "direct_transfer"},
			   {"account_signin", "account_sign_in"}}},
	[RULES_TOOL] = {"tool",
			"restore_tool",
			"Which kind of program restores the backup?",
			COST_PERSON,
			RULES_FINDER,
			{{"finder", "computer"}, {"configurator", "configurator"}}},
	[RULES_SYSTEM_FILES] = {"system_files", "system_files",
				"Are system files and settings to be restored too?", COST_PERSON,
				RULES_YES, YES_NO},
	[RULES_PASSWORD] = {"password",
			    "backup_password",
			    "Is the backup's password known?",
			    COST_PERSON,
			    RULES_PASSWORD_KNOWN,
			    {{"known", "known"}, {"lost", "lost"}}},
	[RULES_DEVICE] = {"dev",
			  "device",
			  "Is the target the device that was backed up?",
			  COST_DEVICE,
			  0,
			  {{"same", "same"}, {"diff", "different"}}},
	[RULES_RESET] = {"reset",
			 "reset",
			 "How was the target reset, or is it set up already?",
			 COST_PERSON,
			 0,
			 {{"local_erase", "erased_locally"},
			  {"remote_wipe", "wiped_by_service"},
			  {"retire_then_erase", "retired_then_erased"},
			  {"brand_new", "brand_new"},
			  {"not_reset", "not_reset"},
			  {"return_to_service", "returned_to_service"}}},
	[RULES_WIPED_BY] = {"wiped_by",
			    "wiped_by",
			    "Which service ordered the wipe or retirement?",
			    COST_SERVICE,
			    RULES_THIS,
			    {{0}, {"this", "this"}, {"other", "other"}}},
	[RULES_BACKUP_MGMT] = {"bm", "backup_management",
			       "Which service managed the device when it was backed up?",
			       COST_SNAPSHOT, 0, SIDES},
	[RULES_KIND] = {"kind",
			"backup_enrollment",
			"How was the device enrolled when it was backed up?",
			COST_SNAPSHOT,
			0,
			{{"-", "absent"},
			 {"ade", "automated"},
			 {"profile", "profile"},
			 {"adde", "account_device"},
			 {"user", "account_user"},
			 {"configurator", "configurator"}}},
	[RULES_IDENTITY] = {"identity",
			    "backup_identity",
			    "Is the backup's management identity bound to the hardware?",
			    COST_SNAPSHOT,
			    RULES_IDENTITY_SOFT,
			    {{"soft", "software"}, {"hardware", "hardware"}}},
	[RULES_REMOVABLE] = {"removable", "profile_removable",
			     "May the user remove the management profile?", COST_SNAPSHOT,
			     RULES_YES, YES_NO},
	[RULES_BACKUP_SUPERVISED] = {"bsup", "backup_supervised",
				     "Was the device supervised when it was backed up?",
				     COST_SNAPSHOT, 0, YES_NO},
	[RULES_ADE_RECORD] =
		{"ade_record",
		 "backup_ade_record",
		 "Does the backup's cloud configuration name a mandatory ADE enrollment?",
		 COST_SNAPSHOT,
		 0,
		 {{"none", "none"}, {"mandatory", "mandatory"}}},
	[RULES_SERVER_UID] =
		{"server_uid",
		 "ade_server",
		 "Is the ADE server named in the backup the one that is assigned today?",
		 COST_SNAPSHOT,
		 0,
		 {{"absent", "absent"}, {"equal", "equal"}, {"different", "different"}}},
	[RULES_MIGRATED] = {"migrated", "built_in_migration",
			    "Has the device been through the built-in migration of iOS 26?",
			    COST_DEVICE, RULES_NO, YES_NO},
	[RULES_EXPIRED] = {"expired", "identity_expired",
			   "Will the backup's management identity have ended by then?",
			   COST_SNAPSHOT, RULES_NO, YES_NO},
	[RULES_REVOKED] = {"revoked", "identity_revoked",
			   "Has the service revoked the backup's management identity?",
			   COST_SERVICE, RULES_NO, YES_NO},
	[RULES_RECORD] = {"record",
			  "service_record",
			  "In which state is the service's record?",
			  COST_SERVICE,
			  RULES_RECORD_ACTIVE,
			  {{"active", "active"},
			   {"hidden_by_cleanup", "hidden_by_cleanup"},
			   {"deleted", "deleted"},
			   {"retire_pending", "retire_pending"},
			   {"wipe_pending", "wipe_pending"},
			   {"none", "none"}}},
	[RULES_GENERATION] = {"generation",
			      "record_generation",
			      "Did the device enroll again after the backup?",
			      COST_SERVICE,
			      RULES_GENERATION_SAME,
			      {{"same", "same"}, {"newer", "newer"}}},
	[RULES_RENEWED] = {"renewed", "identity_renewed",
			   "Was the management identity renewed after the backup?", COST_SERVICE,
			   RULES_NO, YES_NO},
	[RULES_DIRECTORY] = {"directory",
			     "directory_record",
			     "Does the directory still hold the device?",
			     COST_SERVICE,
			     RULES_DIRECTORY_PRESENT,
			     {{"present", "present"},
			      {"missing", "missing"},
			      {"disabled", "disabled"}}},
	[RULES_OTHER_RESPONSE] =
		{"other_response",
		 "old_service_answer",
		 "Does the old service still accept the device when it reports back?",
		 COST_SERVICE,
		 RULES_ACCEPTS,
		 {{"accepts", "accepts"}, {"rejects", "rejects"}}},
	[RULES_POLICY] = {"policy",
			  "restored_device_policy",
			  "Does this service accept a device that comes back after it was let go?",
			  COST_SERVICE,
			  RULES_POLICY_REFUSE,
			  {{"refuse", "refuse"}, {"accept", "accept"}}},
	[RULES_ADE] = {"ade", "ade_assigned",
		       "Which service is the serial number assigned to in ADE?", COST_SERVICE,
		       RULES_THIS, SIDES},
	[RULES_PROFILE] = {"profile", "ade_profile_set",
			   "Is an enrollment profile set for the serial number there?",
			   COST_SERVICE, RULES_YES, YES_NO},
	[RULES_LOCKED] = {"locked", "ade_profile_locked",
			  "Does that enrollment profile make management unremovable?", COST_SERVICE,
			  RULES_YES, YES_NO},
	[RULES_HIDDEN] = {"hidden", "restore_pane_hidden",
			  "Does that enrollment profile hide the Restore pane?", COST_SERVICE,
			  RULES_NO, YES_NO},
	[RULES_SHARED] = {"shared", "shared_ipad",
			  "Does that enrollment profile make a Shared iPad?", COST_SERVICE,
			  RULES_NO, YES_NO},
	[RULES_PROVISIONAL] = {"provisional", "ade_provisional",
			       "Was the device added by Configurator within the last 30 days?",
			       COST_SERVICE, RULES_NO, YES_NO},
	[RULES_ADE_BLOCK] = {"ade_block",
			     "ade_block",
			     "Would anything in the service stop an automated enrollment?",
			     COST_SERVICE,
			     RULES_BLOCK_NONE,
			     {{"none", "none"},
			      {"platform", "platform"},
			      {"licence", "licence"},
			      {"push", "push_certificate"},
			      {"limit", "device_limit"}}},
	[RULES_NOW] = {"now", "management_now", "Which service manages the target now?",
		       COST_DEVICE, RULES_NONE, SIDES},
	[RULES_NOW_SUPERVISED] = {"now_sup", "supervised_now", "Is the target supervised now?",
				  COST_DEVICE, RULES_NO, YES_NO},
	[RULES_FIND_MY] = {"find_my", "find_my", "Is Find My switched on on the target?",
			   COST_DEVICE, RULES_NO, YES_NO},
	[RULES_PAIRING] = {"pairing", "host_pairing_allowed", "May the target pair with this host?",
			   COST_DEVICE, RULES_YES, YES_NO},
	[RULES_FORCE_ENCRYPTED] = {"force_enc", "encrypted_backups_forced",
				   "Does a profile on the target force encrypted backups?",
				   COST_DEVICE, RULES_NO, YES_NO},
	[RULES_ACTIVATION_LOCK] = {"act_lock",
				   "activation_lock",
				   "Is Activation Lock on, and who can open it?",
				   COST_PERSON,
				   RULES_LOCK_OFF,
				   {{"off", "off"},
				    {"owner_known", "owner_known"},
				    {"bypass_known", "bypass_known"},
				    {"blocked", "blocked"}}},
	[RULES_BOARD] = {"board",
			 "board",
			 "Was the main board replaced since the backup?",
			 COST_DEVICE,
			 RULES_BOARD_SAME,
			 {{"same", "same"}, {"replaced", "replaced"}}},
	[RULES_OS_RANGE_OK] = {"os_range_ok", "os_range_ok",
			       "Does the service admit the target's OS version?", COST_SERVICE,
			       RULES_YES, YES_NO},
	[RULES_PERSONAL_BLOCKED] = {"personal_blocked", "personal_blocked",
				    "Does the service refuse personally owned devices?",
				    COST_SERVICE, RULES_NO, YES_NO},
	[RULES_IMPORTED] = {"imported", "identifier_imported",
			    "Is the serial number or IMEI imported as corporate?", COST_SERVICE,
			    RULES_NO, YES_NO},
	[RULES_PLATFORM_BLOCKED] = {"platform_blocked", "platform_blocked",
				    "Does the service refuse the platform as a whole?",
				    COST_SERVICE, RULES_NO, YES_NO},
	[RULES_LIMIT_LEFT] = {"limit_left", "device_limit_left", "May the user add another device?",
			      COST_SERVICE, RULES_YES, YES_NO},
	[RULES_MANAGED_NOBACKUP] = {"managed_nobackup", "managed_apps_excluded",
				    "Are there managed apps that backups leave out?", COST_SERVICE,
				    RULES_NO, YES_NO},
};

const struct field_row *field_row(enum rules_field field)
{
	return &rows[field];
}

size_t field_value_count(enum rules_field field)
{
	size_t count = FIELD_VALUES_MAX;

	while (count > 0 && !rows[field].values[count - 1].code)
		count--;
	return count;
}

static const char *word_in(struct word word, enum rules_spelling spelling)
{
	return spelling == RULES_CODES ? word.code : word.word;
}

const char *rules_field_name(enum rules_field field, enum rules_spelling spelling)
{
	return spelling == RULES_CODES ? rows[field].code : rows[field].word;
}

const char *rules_field_question(enum rules_field field)
{
	return rows[field].question;
}

enum rules_field rules_field_find(const char *name, enum rules_spelling spelling)
{
	size_t field;

	for (field = 0; field < RULES_FIELD_COUNT; field++)
		if (!strcmp(name, rules_field_name(field, spelling)))
			break;
	return field;
}

const char *rules_field_value(enum rules_field field, size_t index, enum rules_spelling spelling)
{
	size_t i, seen = 0;

	for (i = 0; i < field_value_count(field); i++)
		if (rows[field].values[i].code && seen++ == index)
			return word_in(rows[field].values[i], spelling);
	return NULL;
}
