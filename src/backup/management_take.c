/*
 * The values of the management files, one function a file (docs/format/ios-backup, 9.1 to 9.3)
 *
 * A value of another type than the device expects is no value.
 */
#include "backup/management_internal.h"

#include <string.h>

static void take_yes_no(const struct plist *dict, const char *key, const struct backup_place *from,
			struct backup_yes_no *out)
{
	bool value;

	if (!plist_get_bool(dict, key, &value))
		return;
	out->answer = value ? BACKUP_YES : BACKUP_NO;
	out->from = from;
}

static enum backup_answer answer_at(const struct plist *dict, const char *key)
{
	struct backup_yes_no value = {0};

	take_yes_no(dict, key, NULL, &value);
	return value.answer;
}

static void take_number(const struct plist *dict, const char *key, const struct backup_place *from,
			struct backup_number *out)
{
	if (plist_get_int(dict, key, &out->value))
		out->from = from;
}

void reading_take_words(const struct plist *dict, const char *key, const struct backup_place *from,
			struct backup_words *out)
{
	const char *text = plist_get_text(dict, key);

	if (!text || !*text)
		return;
	backup_cut_text(dict, key, out->text, sizeof(out->text));
	out->from = from;
}

/* ---- MDM.plist (9.3) ---- */

/* The device takes the whole file for invalid if one of these is missing or of another type. */
static const struct {
	const char *key;
	enum plist_type type;
	bool is_required;
} mdm_keys[] = {
	{"IdentityPersistentRef", PLIST_DATA, true},
	{"ManagingProfileIdentifier", PLIST_STRING, true},
	{"ServerURL", PLIST_STRING, true},
	{"AccessRights", PLIST_INT, true},
	{"PushMagic", PLIST_STRING, true},
	{"Topic", PLIST_STRING, true},
	{"CheckInURL", PLIST_STRING, false},
	{"PinningRevocationCheckRequired", PLIST_BOOL, false},
	{"SignMessage", PLIST_BOOL, false},
	{"UseDevelopmentAPNS", PLIST_BOOL, false},
	{"IsProfileLocked", PLIST_BOOL, false},
	{"IsADEProfile", PLIST_BOOL, false},
	{"UserEnrollment", PLIST_BOOL, false},
	{"ServerCapabilities", PLIST_ARRAY, false},
	{"OrganizationInfo", PLIST_DICT, false},
	{"MDMOptions", PLIST_DICT, false},
	{"PersonaID", PLIST_STRING, false},
	{"EnrollmentID", PLIST_STRING, false},
	{"EASEnrollmentID", PLIST_STRING, false},
	{"EnrollmentMode", PLIST_STRING, false},
	{"RMAccountIdentifier", PLIST_STRING, false},
};

static bool mdm_is_valid(struct reading *reading, const struct plist *dict,
			 const struct backup_place *from)
{
	bool ignored;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(mdm_keys); i++) {
		const struct plist *value = plist_get(dict, mdm_keys[i].key);

		if (!value && !mdm_keys[i].is_required)
			continue;
		if (value && (value->type == mdm_keys[i].type ||
			      (mdm_keys[i].type == PLIST_BOOL &&
			       plist_get_bool(dict, mdm_keys[i].key, &ignored))))
			continue;
		reading_remark(reading, false, from,
			       "a device would take MDM.plist for invalid: %s %s", mdm_keys[i].key,
			       value ? "is of another type" : "is missing");
		return false;
	}
	return true;
}

static void take_mdm(struct reading *reading, const struct plist *dict,
		     const struct backup_place *from)
{
	struct backup_management *m = reading->management;
	struct slice ref = SLICE_EMPTY;
	const char *persona = plist_get_text(dict, "PersonaID");

	reading->is_mdm_valid = mdm_is_valid(reading, dict, from);
	reading_take_words(dict, "ServerURL", from, &m->server_url);
	reading_take_words(dict, "CheckInURL", from, &m->check_in_url);
	if (!m->check_in_url.from)
		m->check_in_url = m->server_url; /* its default */
	reading_take_words(dict, "Topic", from, &m->topic);
	reading_take_words(dict, "ManagingProfileIdentifier", from, &m->profile_identifier);
	reading_take_words(plist_get_dict(dict, "OrganizationInfo"), "OrganizationName", from,
			   &m->organization);
	take_number(dict, "AccessRights", from, &m->access_rights);
	reading->is_ade_profile = answer_at(dict, "IsADEProfile");
	reading->is_profile_locked = answer_at(dict, "IsProfileLocked");
	reading->is_user_enrollment = answer_at(dict, "UserEnrollment");
	reading->has_persona = persona && *persona;
	backup_cut_text(dict, "EnrollmentMode", reading->mode, sizeof(reading->mode));
	if (reading->mode[0])
		reading->mode_from = from;
	if (plist_get_data(dict, "IdentityPersistentRef", &ref) && ref.len <= IDENTITY_REF_MAX) {
		memcpy(reading->identity_ref, ref.bytes, ref.len);
		reading->identity_ref_len = ref.len;
	}
	reading_trace(reading, "MDM.plist was last written", from->modified, from);
}

/* ---- CloudConfigurationDetails.plist (9.2) ---- */

static void take_cloud(struct reading *reading, const struct plist *dict,
		       const struct backup_place *from)
{
	struct backup_management *m = reading->management;
	struct backup_cloud *cloud = &m->cloud;
	const struct plist *panes = plist_get_array(dict, "SkipSetup");
	const struct plist *hosts = plist_get_array(dict, "SupervisorHostCertificates");

	take_yes_no(dict, "IsSupervised", from, &m->is_supervised);
	if (!plist_get(dict, "IsSupervised"))
		m->is_supervised = (struct backup_yes_no){BACKUP_NO, from};
	take_number(dict, "ConfigurationSource", from, &cloud->source);
	take_yes_no(dict, "IsMandatory", from, &cloud->is_mandatory);
	take_yes_no(dict, "IsMDMUnremovable", from, &cloud->is_unremovable);
	take_yes_no(dict, "ConfigurationWasApplied", from, &cloud->was_applied);
	take_yes_no(dict, "AllowPairing", from, &cloud->allows_pairing);
	take_yes_no(dict, "IgnoreMDMFromBackup", from, &cloud->ignores_backup);
	take_yes_no(dict, "HasUndergoneMigration", from, &cloud->has_migrated);
	take_yes_no(dict, "IsMultiUser", from, &cloud->is_multi_user);
	if (panes)
		cloud->hides_restore = (struct backup_yes_no){
			plist_has_text(panes, "Restore") ? BACKUP_YES : BACKUP_NO, from};
	reading_take_words(dict, "MDMServerUID", from, &cloud->server_uid);
	reading_take_words(dict, "OrganizationName", from, &cloud->organization);
	reading_take_words(dict, "ConfigurationURL", from, &cloud->url);
	reading_take_words(dict, "MDMMigrationDeadline", from, &cloud->migration_deadline);
	take_number(dict, "ProvisionalEnrollmentExpiry", from, &cloud->provisional_expiry);
	if (hosts)
		cloud->supervisor_hosts =
			(struct backup_number){(int64_t)hosts->as.items.count, from};
}

/* ---- profiles: which there are, and what happened to them ---- */

static void take_identifiers(struct reading *reading, const struct plist *dict, const char *key,
			     bool is_hidden)
{
	const struct plist *list = plist_get_array(dict, key), *item;
	struct backup_profile *profile;
	const char *identifier;

	if (!list)
		return;
	for (item = list->as.items.first; item; item = item->next) {
		identifier = plist_text(item);
		profile = identifier && *identifier ? reading_profile(reading, identifier, true)
						    : NULL;
		if (profile && is_hidden)
			profile->is_hidden = true;
	}
}

static void take_payload_manifest(struct reading *reading, const struct plist *dict)
{
	take_identifiers(reading, dict, "OrderedProfiles", false);
	take_identifiers(reading, dict, "HiddenProfiles", true);
}

/* ProfileEvents: a list of {identifier: {Operation, Process, Timestamp}}, in order of time */
static void take_events(struct reading *reading, const struct plist *dict,
			const struct backup_place *from)
{
	const struct plist *list = plist_get_array(dict, "ProfileEvents"), *item, *event;
	int64_t time, last = 0;

	if (!list)
		return;
	for (item = list->as.items.first; item; item = item->next) {
		event = item->type == PLIST_DICT ? item->as.items.first : NULL;
		for (; event; event = event->next) {
			const char *operation = plist_get_text(event, "Operation");
			struct backup_profile *profile =
				reading_profile(reading, event->key, false);

			if (!plist_get_date(event, "Timestamp", &time))
				continue;
			last = time > last ? time : last;
			if (!profile || !operation || strcmp(operation, "install") ||
			    (profile->since.from && profile->since.from != from))
				continue; /* the stub knows better */
			profile->since = (struct backup_number){time, from};
		}
	}
	reading_trace(reading, "a profile was last installed, changed or removed", last, from);
}

static void take_truth(struct reading *reading, const struct plist *dict,
		       const struct backup_place *from)
{
	struct backup_management *m = reading->management;
	const struct plist *all = plist_get_dict(dict, "restrictedBool");

	take_yes_no(plist_get_dict(all, "forceEncryptedBackup"), "value", from,
		    &m->forces_encryption);
	take_yes_no(plist_get_dict(all, "allowHostPairing"), "value", from, &m->allows_pairing);
}

void reading_take(struct reading *reading, enum place place, const struct plist *dict)
{
	struct backup_management *m = reading->management;
	const struct backup_place *from = &m->places[place];

	switch (place) {
	case PLACE_MDM:
		take_mdm(reading, dict, from);
		break;
	case PLACE_CLOUD:
		take_cloud(reading, dict, from);
		break;
	case PLACE_PAYLOAD_MANIFEST:
		take_payload_manifest(reading, dict);
		break;
	case PLACE_PROFILE_EVENTS:
		take_events(reading, dict, from);
		break;
	case PLACE_PROFILE_TRUTH:
		take_truth(reading, dict, from);
		break;
	case PLACE_META:
		reading_take_words(dict, "LastMDMMigratedBuild", from, &m->migrated_build);
		break;
	case PLACE_APPS:
		m->has_managed_apps =
			(struct backup_yes_no){dict->as.items.count ? BACKUP_YES : BACKUP_NO, from};
		break;
	case PLACE_SETUP:
		take_yes_no(dict, "SetupDone", from, &m->setup_is_done);
		break;
	case PLACE_KEYCHAIN:
		reading_take_keychain(reading, dict, from);
		break;
	case PLACE_FORCED_SETUP:
		if (plist_get(dict, "SetupDone"))
			reading_remark(reading, true, from, "a preference forces SetupDone");
		break;
	default: /* what counts is that it is there: see the judgement */
		break;
	}
}
