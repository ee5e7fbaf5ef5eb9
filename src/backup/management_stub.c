/*
 * Profile stubs: one file for each installed profile, its payloads' keys and when it was
 * installed (docs/format/ios-backup, 9.3)
 *
 * The stub of the enrollment profile tells what MDM.plist does not: which payload made the
 * identity, and whether its key is bound to the hardware.
 */
#include "backup/management_internal.h"

#include <string.h>

struct backup_profile *reading_profile(struct reading *reading, const char *identifier,
				       bool is_to_add)
{
	struct backup_management *m = reading->management;
	struct backup_profile *profile;
	size_t i, len = strlen(identifier);

	for (i = 0; i < m->profile_count; i++)
		if (!strcmp(m->profiles[i].identifier, identifier))
			return &m->profiles[i];
	if (!is_to_add || m->profile_count == BACKUP_PROFILES_MAX ||
	    len >= sizeof(profile->identifier))
		return NULL;
	profile = &m->profiles[m->profile_count++];
	profile->place.domain = m->places[PLACE_PAYLOAD_MANIFEST].domain;
	memcpy(profile->identifier, identifier, len + 1);
	return profile;
}

static const struct plist *payload_of(const struct plist *payloads, const char *key,
				      const char *value)
{
	const struct plist *payload;
	const char *text;

	for (payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		text = plist_get_text(payload, key);
		if (text && !strcmp(text, value))
			return payload;
	}
	return NULL;
}

/* A key may stand beside the Payload... keys, or in a dictionary PayloadContent. */
static bool is_hardware_bound(const struct plist *payload)
{
	bool value = false;

	if (!plist_get_bool(payload, "HardwareBound", &value))
		plist_get_bool(plist_get_dict(payload, "PayloadContent"), "HardwareBound", &value);
	return value;
}

static void take_identity(struct reading *reading, const struct plist *payloads,
			  const struct plist *mdm, const struct backup_place *from)
{
	struct backup_management *m = reading->management;
	const char *uuid = plist_get_text(mdm, "IdentityCertificateUUID");
	const struct plist *payload = uuid ? payload_of(payloads, "PayloadUUID", uuid) : NULL;
	const char *type = plist_get_text(payload, "PayloadType");

	reading_take_words(payload, "PayloadType", from, &m->identity_payload);
	if (!type)
		return;
	if (!strcmp(type, "com.apple.security.acme"))
		m->identity.kind = is_hardware_bound(payload) ? BACKUP_IDENTITY_HARDWARE
							      : BACKUP_IDENTITY_SOFT;
	else if (!strcmp(type, "com.apple.security.scep") ||
		 !strcmp(type, "com.apple.security.pkcs12"))
		m->identity.kind = BACKUP_IDENTITY_SOFT;
	if (m->identity.kind != BACKUP_IDENTITY_UNKNOWN)
		m->identity.from = from;
}

static void take_enrollment(struct reading *reading, struct backup_profile *profile,
			    const struct plist *dict, const struct plist *payloads,
			    const struct plist *mdm)
{
	struct backup_management *m = reading->management;
	const struct backup_place *from = &profile->place;

	if (strcmp(m->profile_identifier.text, profile->identifier)) {
		reading->has_stray_enrollment = true;
		return;
	}
	reading->enrollment = profile;
	take_identity(reading, payloads, mdm, from);
	if (!reading->mode[0]) {
		backup_cut_text(mdm, "EnrollmentMode", reading->mode, sizeof(reading->mode));
		reading->mode_from = from;
	}
	if (!m->organization.from)
		reading_take_words(dict, "PayloadOrganization", from, &m->organization);
	if (plist_get(dict, "PushTokenDataSentToServerKey") ||
	    plist_get(mdm, "PushTokenDataSentToServerKey"))
		reading_trace(reading, "the push token had been sent by then", from->modified,
			      from);
}

void reading_take_stub(struct reading *reading, struct backup_profile *profile,
		       const struct plist *dict)
{
	const struct plist *payloads = plist_get_array(dict, "PayloadContent");
	const struct plist *mdm = payload_of(payloads, "PayloadType", "com.apple.mdm");
	bool is_locked = false;

	backup_cut_text(dict, "PayloadIdentifier", profile->identifier,
			sizeof(profile->identifier));
	backup_cut_text(dict, "PayloadDisplayName", profile->name, sizeof(profile->name));
	backup_cut_text(dict, "PayloadOrganization", profile->organization,
			sizeof(profile->organization));
	if (plist_get_date(dict, "InstallDate", &profile->since.value))
		profile->since.from = &profile->place;
	plist_get_bool(dict, "PayloadRemovalDisallowed", &is_locked);
	profile->is_locked = is_locked ? BACKUP_YES : BACKUP_NO; /* its default */
	profile->is_enrollment = mdm;
	if (mdm)
		take_enrollment(reading, profile, dict, payloads, mdm);
}
