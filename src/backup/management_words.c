/*
 * The management state in words, for listings: one table from value to name and label
 */
#include "backup/management_internal.h"

#include <string.h>

const char *backup_answer_text(enum backup_answer answer)
{
	static const char *const texts[] = {"unknown", "no", "yes"};

	return texts[answer];
}

const char *backup_enrollment_text(enum backup_enrollment how)
{
	static const char *const texts[] = {"unknown", "ade",  "profile",
					    "adde",    "user", "configurator"};

	return texts[how];
}

const char *backup_identity_text(enum backup_identity kind)
{
	static const char *const texts[] = {"unknown", "soft", "hardware"};

	return texts[kind];
}

enum kind { KIND_YES_NO, KIND_WORDS, KIND_NUMBER, KIND_TIME };

#define VALUE(kind, member, name, label)                                      \
	{                                                                     \
		name, label, kind, offsetof(struct backup_management, member) \
	}
static const struct {
	const char *name, *label;
	enum kind kind;
	size_t offset;
} values[] = {
	VALUE(KIND_YES_NO, is_supervised, "supervised", "Supervised"),
	VALUE(KIND_YES_NO, is_locked, "locked", "Management locked"),
	VALUE(KIND_TIME, enrolled_since, "enrolled_since", "Enrolled since"),
	VALUE(KIND_WORDS, server_url, "server_url", "Server"),
	VALUE(KIND_WORDS, check_in_url, "check_in_url", "Check-in"),
	VALUE(KIND_WORDS, topic, "topic", "Push topic"),
	VALUE(KIND_WORDS, organization, "organization", "Organization"),
	VALUE(KIND_WORDS, profile_identifier, "profile_identifier", "Enrollment profile"),
	VALUE(KIND_NUMBER, access_rights, "access_rights", "Access rights"),
	VALUE(KIND_WORDS, identity_payload, "identity_payload", "Identity from"),
	VALUE(KIND_YES_NO, identity_is_kept, "identity_is_kept", "Identity in keychain"),
	VALUE(KIND_TIME, identity_end, "identity_end", "Identity ends"),
	VALUE(KIND_WORDS, identity_sha256, "identity_sha256", "Identity SHA-256"),
	VALUE(KIND_NUMBER, cloud.source, "cloud_source", "Configuration source"),
	VALUE(KIND_YES_NO, cloud.is_mandatory, "cloud_mandatory", "Enrollment mandatory"),
	VALUE(KIND_YES_NO, cloud.is_unremovable, "cloud_unremovable", "Enrollment unremovable"),
	VALUE(KIND_YES_NO, cloud.was_applied, "cloud_applied", "Configuration applied"),
	VALUE(KIND_YES_NO, cloud.allows_pairing, "cloud_allows_pairing", "Pairing allowed"),
	VALUE(KIND_YES_NO, cloud.ignores_backup, "cloud_ignores_backup",
	      "Ignore management from backup"),
	VALUE(KIND_YES_NO, cloud.has_migrated, "cloud_migrated", "Has migrated"),
	VALUE(KIND_YES_NO, cloud.hides_restore, "cloud_hides_restore", "Restore pane hidden"),
	VALUE(KIND_YES_NO, cloud.is_multi_user, "cloud_multi_user", "Shared iPad"),
	VALUE(KIND_WORDS, cloud.server_uid, "cloud_server_uid", "Server UID"),
	VALUE(KIND_WORDS, cloud.organization, "cloud_organization", "Owning organization"),
	VALUE(KIND_WORDS, cloud.url, "cloud_url", "Configuration URL"),
	VALUE(KIND_WORDS, cloud.migration_deadline, "cloud_migration_deadline",
	      "Migration deadline"),
	VALUE(KIND_NUMBER, cloud.provisional_expiry, "cloud_provisional_expiry",
	      "Provisional until"),
	VALUE(KIND_NUMBER, cloud.supervisor_hosts, "cloud_supervisor_hosts", "Supervising hosts"),
	VALUE(KIND_YES_NO, forces_encryption, "forces_encryption", "Encrypted backups forced"),
	VALUE(KIND_YES_NO, allows_pairing, "allows_pairing", "Profiles allow pairing"),
	VALUE(KIND_YES_NO, has_managed_apps, "managed_apps", "Managed apps"),
	VALUE(KIND_YES_NO, has_pending_profile, "pending_profile", "Enrollment pending"),
	VALUE(KIND_YES_NO, setup_is_done, "setup_done", "Setup Assistant done"),
	VALUE(KIND_WORDS, migrated_build, "migrated_build", "Management last migrated on"),
};

static const char *number_text(enum kind kind, int64_t value, char text[32])
{
	if (kind == KIND_TIME)
		time_format_utc(value, text);
	else
		snprintf(text, 32, "%lld", (long long)value);
	return text;
}

static void tell(const struct backup_management *management, size_t i,
		 void (*each)(void *arg, const struct backup_statement *statement), void *arg)
{
	const void *at = (const char *)management + values[i].offset;
	struct backup_statement statement = {
		.name = values[i].name, .label = values[i].label, .value = "unknown"};
	char number[32];

	switch (values[i].kind) {
	case KIND_YES_NO:
		statement.from = ((const struct backup_yes_no *)at)->from;
		statement.value = backup_answer_text(((const struct backup_yes_no *)at)->answer);
		break;
	case KIND_WORDS:
		statement.from = ((const struct backup_words *)at)->from;
		if (statement.from)
			statement.value = ((const struct backup_words *)at)->text;
		break;
	case KIND_NUMBER:
	case KIND_TIME:
		statement.from = ((const struct backup_number *)at)->from;
		if (statement.from)
			statement.value = number_text(
				values[i].kind, ((const struct backup_number *)at)->value, number);
		break;
	}
	each(arg, &statement);
}

void backup_management_each(const struct backup_management *management,
			    void (*each)(void *arg, const struct backup_statement *statement),
			    void *arg)
{
	const struct backup_statement first[] = {
		{"managed", "Managed", backup_answer_text(management->is_managed.answer),
		 management->is_managed.from},
		{"enrollment", "Enrolled by", backup_enrollment_text(management->enrollment.how),
		 management->enrollment.from},
		{"identity", "Identity", backup_identity_text(management->identity.kind),
		 management->identity.from},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(first); i++)
		each(arg, &first[i]);
	for (i = 0; i < ARRAY_COUNT(values); i++)
		tell(management, i, each, arg);
}
