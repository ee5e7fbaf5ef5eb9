/*
 * client_replace - may this profile be installed beside, or in place of, what manages the device?
 *
 * The documented rules and the observed ones in one order: docs/protocol/mdm-device, "Replacement".
 */
#include "sim/client.h"

#include <string.h>

enum {
	RIGHTS_ALL = 8191,
	RIGHTS_PROFILES = 1,
	RIGHTS_PROFILES_CHANGE = 2,
	RIGHTS_PROVISIONING = 64,
	RIGHTS_PROVISIONING_CHANGE = 128
};

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* CheckInURL is ServerURL where it is absent */
static const char *checkin_of(const struct plist *mdm)
{
	const char *url = plist_get_text(mdm, "CheckInURL");

	return or_empty(url ? url : plist_get_text(mdm, "ServerURL"));
}

static bool has_capability(const struct plist *mdm, const char *capability)
{
	return plist_has_text(plist_get_array(mdm, "ServerCapabilities"), capability);
}

static int64_t rights_of(const struct plist *mdm)
{
	int64_t rights = 0;

	plist_get_int(mdm, "AccessRights", &rights);
	return rights;
}

/* the first key in which @new differs from @old; NULL: none */
static const char *difference(const struct plist *new, const struct plist *old)
{
	static const char *const keys[] = {"Topic", "ServerURL", "ManagedAppleID",
					   "AssignedManagedAppleID", "EnrollmentMode"};
	int64_t app = 0, old_app = 0;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (strcmp(or_empty(plist_get_text(new, keys[i])),
			   or_empty(plist_get_text(old, keys[i]))) != 0)
			return keys[i];
	if (strcmp(checkin_of(new), checkin_of(old)) != 0)
		return "CheckInURL";
	plist_get_int(new, "RequiredAppIDForMDM", &app);
	plist_get_int(old, "RequiredAppIDForMDM", &old_app);
	if (app != old_app)
		return "RequiredAppIDForMDM";
	if (has_capability(new, "com.apple.mdm.per-user-connections") !=
	    has_capability(old, "com.apple.mdm.per-user-connections"))
		return "ServerCapabilities";
	return rights_of(new) & ~rights_of(old) ? "AccessRights" : NULL;
}

/* steps 2 to 5: against what is there */
static int check_incumbent(const struct sim_profile *profile, const struct sim_incumbent *incumbent,
			   struct sim_chain *chain)
{
	bool is_same;

	if (!incumbent->identifier)
		return 0;
	is_same = !strcmp(incumbent->identifier, profile->identifier);
	if (is_same && !profile->mdm)
		return sim_chain_add(chain, SIM_DOMAIN_INSTALL, 4015,
				     "The replacement profile lacks the MDM payload.");
	if (profile->mdm && difference(profile->mdm, incumbent->mdm))
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12012,
				     "The new MDM payload does not match the old payload.");
	if (profile->mdm && !is_same)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12001,
				     "The device is managed by another profile already.");
	return 0;
}

/* steps 6 and 7: what the payload asks for */
static int check_payload(const struct sim_profile *profile, struct sim_chain *chain)
{
	static const char *const identities[] = {
		"com.apple.security.scep", "com.apple.security.acme", "com.apple.security.pkcs12"};
	const char *type, *topic = plist_get_text(profile->mdm, "Topic");
	int64_t rights = rights_of(profile->mdm);
	bool is_identity = false;
	bool is_byod = !strcmp(or_empty(plist_get_text(profile->mdm, "EnrollmentMode")), "BYOD");

	if (!profile->identity)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12005,
				     "The profile lacks the certificate that it names.");
	type = plist_get_text(profile->identity, "PayloadType");
	for (size_t i = 0; i < ARRAY_COUNT(identities); i++)
		is_identity |= !strcmp(type, identities[i]);
	if (!is_identity)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12016,
				     "The certificate that the profile names is no identity.");
	if (is_byod ? plist_get(profile->mdm, "AccessRights") != NULL
		    : rights <= 0 || rights > RIGHTS_ALL ||
			      ((rights & RIGHTS_PROFILES_CHANGE) && !(rights & RIGHTS_PROFILES)) ||
			      ((rights & RIGHTS_PROVISIONING_CHANGE) &&
			       !(rights & RIGHTS_PROVISIONING)))
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12000, "Invalid access rights.");
	if (strncmp(topic, "com.apple.mgmt.", 15) != 0 || strlen(topic) >= SIM_TOPIC_LEN)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12022, "Invalid push topic.");
	return 0;
}

int sim_replace_check(const struct sim_profile *profile, const struct sim_incumbent *incumbent,
		      struct sim_chain *chain)
{
	int r = check_incumbent(profile, incumbent, chain);

	if (r == 0 && profile->mdm)
		r = check_payload(profile, chain);
	return r == 0 ? 0
		      : sim_chain_wrap(chain, SIM_DOMAIN_INSTALL, 4001,
				       "Profile Installation Failed");
}
