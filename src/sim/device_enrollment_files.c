/*
 * device_enrollment_files - what a device writes when it enrolls: the only writer of MDM.plist
 *
 * Whether the profile came from a real service or is told in words, its files are the same.
 */
#include "sim/management.h"

#include <string.h>

#define DEPENDENCY_PATH SIM_PROFILES_FOLDER "/PayloadDependency.plist"

enum { REF_LEN = 12 };

void sim_device_uuid(struct sim_device *device, const char *purpose, uint64_t number, char out[37])
{
	uint8_t uuid[16];

	sim_device_derive(device, purpose, number, uuid, sizeof(uuid));
	uuid[6] = 0x40 | (uuid[6] & 15);
	uuid[8] = 0x80 | (uuid[8] & 15);
	uuid_format(uuid, out);
}

static struct slice ref_of(const struct sim_enrolling *enrolling, uint8_t ref[REF_LEN])
{
	sim_keychain_ref("idnt", enrolling->row, ref);
	return slice_of(ref, REF_LEN);
}

/* what a payload keeps: all but the one-time secret that got the identity */
static struct plist *payload_copy(struct plist_doc *doc, const struct plist *payload,
				  const struct sim_enrolling *enrolling)
{
	struct plist *copy;
	uint8_t ref[REF_LEN];

	if (payload != enrolling->identity)
		return plist_copy(doc, payload);
	copy = plist_new_dict(doc);
	for (const struct plist *value = payload->as.items.first; value; value = value->next)
		if (strcmp(value->key, "PayloadContent") != 0)
			plist_set(doc, copy, value->key, plist_copy(doc, value));
	plist_set_data(doc, copy, "PERSISTENT_REF", ref_of(enrolling, ref));
	return copy;
}

static const char *identifier_of(const struct sim_enrolling *enrolling)
{
	return plist_get_text(enrolling->profile, "PayloadIdentifier");
}

static int stub_write(struct sim_device *device, const struct sim_enrolling *enrolling,
		      struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *root = enrolling->profile;
	struct plist *stub, *payloads;
	char path[SIM_STUB_PATH_LEN];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	stub = plist_new_dict(doc);
	payloads = plist_new_array(doc);
	for (const struct plist *value = root->as.items.first; value; value = value->next)
		if (strcmp(value->key, "PayloadContent") != 0)
			plist_set(doc, stub, value->key, plist_copy(doc, value));
	for (const struct plist *payload = plist_get_array(root, "PayloadContent")->as.items.first;
	     payload; payload = payload->next)
		plist_add(doc, payloads, payload_copy(doc, payload, enrolling));
	plist_set(doc, stub, "PayloadContent", payloads);
	plist_set_date(doc, stub, "InstallDate", enrolling->since);
	sim_profiles_stub_path(identifier_of(enrolling), path);
	return sim_profiles_store(device, path, stub, err);
}

/* account-driven enrollments have a persona */
static void add_persona(struct sim_device *device, struct plist_doc *doc,
			const struct sim_enrolling *enrolling, struct plist *mdm)
{
	const char *mode = plist_get_text(enrolling->mdm, "EnrollmentMode");
	char persona[37];

	if (!mode)
		return;
	sim_device_uuid(device, "persona", enrolling->row, persona);
	plist_set_text(doc, mdm, "PersonaID", persona);
	if (!strcmp(mode, "BYOD"))
		plist_set_bool(doc, mdm, "UserEnrollment", true);
}

static int mdm_write(struct sim_device *device, const struct sim_enrolling *enrolling,
		     struct err *err)
{
	static const char *const copied[] = {"ServerURL",      "CheckInURL",
					     "Topic",          "AccessRights",
					     "EnrollmentMode", "ServerCapabilities"};
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *payload = enrolling->mdm;
	struct plist *mdm;
	uint8_t ref[REF_LEN];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	mdm = plist_new_dict(doc);
	for (size_t i = 0; i < ARRAY_COUNT(copied); i++)
		if (plist_get(payload, copied[i]))
			plist_set(doc, mdm, copied[i],
				  plist_copy(doc, plist_get(payload, copied[i])));
	plist_set_text(doc, mdm, "PushMagic", enrolling->magic);
	plist_set_text(doc, mdm, "ManagingProfileIdentifier", identifier_of(enrolling));
	plist_set_bool(doc, mdm, "IsProfileLocked", enrolling->is_locked);
	plist_set_bool(doc, mdm, "IsADEProfile", enrolling->is_ade);
	plist_set_data(doc, mdm, "IdentityPersistentRef", ref_of(enrolling, ref));
	add_persona(device, doc, enrolling, mdm);
	return sim_profiles_store(device, SIM_MDM_PATH, mdm, err);
}

/* which profiles depend on which certificate: its reference in hexadecimal -> payload UUIDs */
static int dependency_write(struct sim_device *device, const struct sim_enrolling *enrolling,
			    struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *dict, *users;
	uint8_t ref[REF_LEN];
	char hex[2 * REF_LEN + 1];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	dict = plist_new_dict(doc);
	users = plist_new_array(doc);
	hex_encode(ref_of(enrolling, ref).bytes, REF_LEN, hex);
	plist_add(doc, users, plist_new_text(doc, plist_get_text(enrolling->mdm, "PayloadUUID")));
	plist_set(doc, dict, hex, users);
	return sim_profiles_store(device, DEPENDENCY_PATH, dict, err);
}

int sim_enrollment_write(struct sim_device *device, const struct sim_enrolling *enrolling,
			 struct err *err)
{
	int r = 0;

	/* builders leave NULL where memory lacked */
	if (!identifier_of(enrolling) || !plist_get_array(enrolling->profile, "PayloadContent") ||
	    !enrolling->mdm)
		return err_no_memory(err);
	r = stub_write(device, enrolling, err);
	if (r == 0)
		r = mdm_write(device, enrolling, err);
	if (r == 0)
		r = dependency_write(device, enrolling, err);
	return r < 0 ? r : sim_profiles_manifest(device, err);
}

int sim_enrollment_unwrite(struct sim_device *device, const char *identifier, struct err *err)
{
	static const char *const paths[] = {SIM_PROFILES_FOLDER "/MDMAppManagement.plist",
					    DEPENDENCY_PATH, SIM_MDM_PATH};
	char stub[SIM_STUB_PATH_LEN];
	int r = 0;

	if (identifier) {
		sim_profiles_stub_path(identifier, stub);
		r = sim_profiles_drop(device, stub, err);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(paths); i++)
		r = sim_profiles_drop(device, paths[i], err);
	return r < 0 ? r : sim_profiles_manifest(device, err);
}
