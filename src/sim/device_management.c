/*
 * device_management - profiles, cloud configuration and erasing
 *
 * Kept as files where a device keeps them, so that a backup carries them and a restore brings
 * them: SysSharedContainerDomain, Library/ConfigurationProfiles.
 */
#include "sim/client.h"

#include <string.h>

struct plist *sim_device_cloud_configuration(struct sim_device *device, struct plist_doc *doc)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *inner = NULL;
	const struct plist *root = plist_doc_new(&inner, NULL) == 0
					   ? sim_profiles_load(device, SIM_CLOUD_PATH, inner)
					   : NULL;

	return root ? plist_copy(doc, root) : plist_new_dict(doc);
}

int sim_device_supervision_refresh(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	bool is_supervised = false;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	plist_get_bool(sim_profiles_load(device, SIM_CLOUD_PATH, doc), "IsSupervised",
		       &is_supervised);
	return sim_device_set_state(device, "is_supervised", is_supervised ? "true" : "false", err);
}

int sim_device_cloud_configuration_put(struct sim_device *device, const struct plist *configuration,
				       struct err *err)
{
	int r = sim_profiles_store(device, SIM_CLOUD_PATH, configuration, err);

	return r < 0 ? r : sim_device_supervision_refresh(device, err);
}

/* ---- profiles ---- */

int sim_device_profile_put(struct sim_device *device, const struct plist *profile, struct err *err)
{
	const char *identifier = plist_get_text(profile, "PayloadIdentifier");
	char path[SIM_STUB_PATH_LEN];
	int r;

	if (!identifier || !*identifier)
		return err_set(err, ERR_USAGE, "the profile has no PayloadIdentifier");
	sim_profiles_stub_path(identifier, path);
	r = sim_profiles_store(device, path, profile, err);
	if (r == 0)
		r = sim_profiles_manifest(device, err);
	return r < 0 ? r : sim_restrictions_apply(device, err);
}

int sim_device_profile_remove(struct sim_device *device, const char *identifier, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *profile, *mdm;
	const char *managing;
	bool is_kept = false;
	char path[SIM_STUB_PATH_LEN];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	sim_profiles_stub_path(identifier, path);
	profile = sim_profiles_load(device, path, doc);
	if (!profile)
		return SIM_DEVICE_ABSENT;
	if (plist_get_bool(profile, "PayloadRemovalDisallowed", &is_kept) && is_kept)
		return SIM_DEVICE_PROHIBITED;
	mdm = sim_profiles_load(device, SIM_MDM_PATH, doc);
	managing = plist_get_text(mdm, "ManagingProfileIdentifier");
	if (managing && !strcmp(managing, identifier)) /* without it there is no management */
		return sim_enrollment_remove(device, err);
	r = sim_profiles_drop(device, path, err);
	if (r == 0)
		r = sim_profiles_manifest(device, err);
	return r < 0 ? r : sim_restrictions_apply(device, err);
}

/* one stub's part of GetProfileList */
static void list_profile(struct plist_doc *doc, const struct plist *profile,
			 struct plist *identifiers, struct plist *manifest, struct plist *metadata)
{
	static const char *const keys[] = {"PayloadDescription",  "PayloadDisplayName",
					   "PayloadOrganization", "PayloadRemovalDisallowed",
					   "PayloadUUID",         "PayloadVersion"};
	const char *identifier = plist_get_text(profile, "PayloadIdentifier"),
		   *name = plist_get_text(profile, "PayloadDisplayName");
	struct plist *entry = plist_new_dict(doc), *facts = plist_new_dict(doc);

	plist_add(doc, identifiers, plist_new_text(doc, identifier));
	plist_set_text(doc, entry, "Description", name ? name : identifier);
	plist_set_bool(doc, entry, "IsActive", true);
	plist_set(doc, manifest, identifier, entry);
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (plist_get(profile, keys[i]))
			plist_set(doc, facts, keys[i],
				  plist_copy(doc, plist_get(profile, keys[i])));
	plist_set(doc, metadata, identifier, facts);
}

static int list_profiles(struct sim_device *device, struct plist_doc *doc,
			 struct plist *identifiers, struct plist *manifest, struct plist *metadata)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *inner = NULL;
	struct plist *paths;
	int r = plist_doc_new(&inner, NULL);

	if (r < 0)
		return r;
	paths = plist_new_array(inner);
	r = sim_profiles_stubs(device, inner, paths, NULL);
	for (const struct plist *path = paths->as.items.first; path; path = path->next) {
		const struct plist *profile = sim_profiles_load(device, plist_text(path), inner);

		if (profile && plist_get_text(profile, "PayloadIdentifier"))
			list_profile(doc, profile, identifiers, manifest, metadata);
	}
	return r;
}

struct plist *sim_device_profiles(struct sim_device *device, struct plist_doc *doc)
{
	struct plist *answer = plist_new_dict(doc), *identifiers = plist_new_array(doc);
	struct plist *manifest = plist_new_dict(doc), *metadata = plist_new_dict(doc);

	list_profiles(device, doc, identifiers, manifest,
		      metadata); /* what cannot be read is not installed */
	plist_set(doc, answer, "OrderedIdentifiers", identifiers);
	plist_set(doc, answer, "ProfileManifest", manifest);
	plist_set(doc, answer, "ProfileMetadata", metadata);
	return answer;
}

/* ---- erasing ---- */

static int erase_facts(struct sim_device *device, struct err *err)
{
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_exec(
		device->db,
		"BEGIN; DELETE FROM pairings; DELETE FROM apps;"
		"DELETE FROM facts WHERE key IN ('keybag', 'state/has_passcode', "
		"'state/is_locked', 'state/will_encrypt',"
		" 'state/encryption_is_forced', 'state/find_my_is_on', "
		"'state/setup_is_done', 'state/is_supervised',"
		" 'state/wifi_is_enabled', 'state/dialog_is_pending', "
		"'state/trust_answer', 'state/passcode_is_wanted');"
		"DELETE FROM facts WHERE key = 'kept_out' OR substr(key, 1, 6) = 'value/'"
		" OR substr(key, 1, 6) = 'setup/' OR substr(key, 1, 8) IN ("
		"'keychain', 'enclave/', 'enrolled', 'restore/', 'profiles')"
		" OR substr(key, 1, 4) = 'mdm/'; COMMIT",
		err);
	device->kept_out[0] = 0;
	pthread_mutex_unlock(&device->lock);
	return r;
}

int sim_device_erase(struct sim_device *device, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	const struct sim_birth birth = {.profile = "fresh"};
	int r = erase_facts(device, err);

	/* another life: another keybag, another push token */
	if (r == 0)
		r = sim_fact_put_int(device, "lives", sim_fact_int(device, "lives", 0) + 1, err);
	if (r == 0)
		r = sim_push_renew(device, err);
	if (r == 0)
		r = sim_files_open(&files, device, err);
	if (r == 0)
		r = sim_files_begin(files, true, err);
	if (r == 0)
		r = sim_files_clear(files, err);
	if (r == 0)
		r = sim_birth_profile(device, files, &birth, err);
	if (r == 0)
		r = sim_files_commit(files, err);
	if (r == 0)
		r = sim_packs_sweep(device, files, err);
	if (r == 0)
		r = fs_remove_tree(fs_system(), device->media, err);
	return r < 0 ? r : fs_mkdirs(fs_system(), device->media, 0700, err);
}
