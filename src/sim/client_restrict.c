/*
 * client_restrict - what restrictions in installed profiles do to the device
 *
 * Of several profiles the stricter value wins: "allow..." is true only if all say so, "force..." is
 * true if one does.
 */
#include "sim/client.h"

#include <string.h>

#define FORCED_BY_PROFILE "profiles/forces_encryption"

/* @key in one profile's payloads of restrictions; *@value only if it is named */
static void look(const struct plist *stub, const char *key, bool is_permission, bool *value)
{
	const struct plist *payloads = plist_get_array(stub, "PayloadContent");

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		const char *type = plist_get_text(payload, "PayloadType");
		bool said;

		if (!type || strcmp(type, "com.apple.applicationaccess") != 0 ||
		    !plist_get_bool(payload, key, &said))
			continue;
		*value = is_permission ? *value && said : *value || said;
	}
}

bool sim_restriction(struct sim_device *device, const char *key)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	bool is_permission = !strncmp(key, "allow", 5), value = is_permission;
	struct plist *paths;

	if (plist_doc_new(&doc, NULL) < 0)
		return is_permission;
	paths = plist_new_array(doc);
	if (sim_profiles_stubs(device, doc, paths, NULL) < 0)
		return is_permission;
	for (const struct plist *path = paths->as.items.first; path; path = path->next)
		look(sim_profiles_load(device, plist_text(path), doc), key, is_permission, &value);
	return value;
}

/* what a person or a birth forces stays; only what profiles forced goes with them */
static int apply_encryption(struct sim_device *device, struct err *err)
{
	bool is_forced = sim_restriction(device, "forceEncryptedBackup");
	bool was_forced = sim_fact_int(device, FORCED_BY_PROFILE, 0) != 0;
	int r;

	if (is_forced == was_forced)
		return 0;
	r = sim_fact_put_int(device, FORCED_BY_PROFILE, is_forced, err);
	return r < 0 ? r
		     : sim_device_set_state(device, "encryption_is_forced",
					    is_forced ? "true" : "false", err);
}

int sim_restrictions_apply(struct sim_device *device, struct err *err)
{
	int r = apply_encryption(device, err);

	if (r == 0 && !sim_restriction(device, "allowCloudBackup"))
		r = sim_device_set_state(device, "cloud_backup_is_on", "false", err);
	return r;
}

bool sim_device_allows_pairing(struct sim_device *device)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct sim_state state;
	bool allows = true;

	if (plist_doc_new(&doc, NULL) < 0 || sim_device_state(device, &state, NULL) < 0)
		return false;
	plist_get_bool(sim_device_cloud_configuration(device, doc), "AllowPairing", &allows);
	return allows && (!state.is_supervised || sim_restriction(device, "allowHostPairing"));
}
