/*
 * client_relation - the files and keychain items of a live enrollment
 *
 * The same files that management.h tells of (docs/format/ios-backup, "Management state"), written
 * from a real profile and read for what an MDM client needs of them.  Trust anchors are the
 * certificate payloads of the stubs: a backup carries them, and a profile that goes takes its own
 * along.
 */
#include "sim/client.h"

#include <string.h>

enum { ANCHORS_MAX = 1 << 20, CERT_MAX = 1 << 16 };

void sim_relation_init(struct sim_relation *relation)
{
	*relation = (struct sim_relation){.cert = BUF_INIT(CERT_MAX),
					  .key = BUF_INIT(CERT_MAX),
					  .anchors = BUF_INIT(ANCHORS_MAX)};
}

void sim_relation_clear(struct sim_relation *relation)
{
	buf_clear(&relation->cert);
	buf_wipe(&relation->key);
	buf_clear(&relation->anchors);
}

/* ---- reading ---- */

static void take_text(const struct plist *dict, const char *key, char *out, size_t len)
{
	const char *text = plist_get_text(dict, key);

	snprintf(out, len, "%s", text ? text : "");
}

static int take_anchors(struct sim_device *device, struct plist_doc *doc, struct buf *anchors,
			struct err *err)
{
	struct plist *paths = plist_new_array(doc);
	int r = sim_profiles_stubs(device, doc, paths, err);

	for (const struct plist *path = paths->as.items.first; r == 0 && path; path = path->next)
		r = sim_profile_anchors(sim_profiles_load(device, plist_text(path), doc), anchors,
					err);
	return r;
}

static void take_files(struct sim_device *device, const struct plist *mdm,
		       const struct plist *payload, struct sim_relation *relation)
{
	struct slice ref = SLICE_EMPTY;
	const char *mode = plist_get_text(mdm, "EnrollmentMode");

	take_text(mdm, "ServerURL", relation->server_url, sizeof(relation->server_url));
	take_text(mdm, plist_get(mdm, "CheckInURL") ? "CheckInURL" : "ServerURL",
		  relation->checkin_url, sizeof(relation->checkin_url));
	take_text(mdm, "Topic", relation->topic, sizeof(relation->topic));
	take_text(mdm, "PushMagic", relation->magic, sizeof(relation->magic));
	take_text(mdm, "ManagingProfileIdentifier", relation->identifier,
		  sizeof(relation->identifier));
	plist_get_int(mdm, "AccessRights", &relation->rights);
	plist_get_bool(mdm, "IsProfileLocked", &relation->is_locked);
	plist_get_bool(payload, "CheckOutWhenRemoved", &relation->checks_out);
	plist_get_bool(payload, "SignMessage", &relation->signs);
	if (plist_get_data(mdm, "IdentityPersistentRef", &ref) && ref.len == 12)
		relation->row = get_u64be(ref.bytes + 4);
	relation->is_user_enrollment = mode && !strcmp(mode, "BYOD");
	if (relation->is_user_enrollment)
		sim_device_uuid(device, "enrollment-id", relation->row, relation->enrollment_id);
}

/* the payload com.apple.mdm of a stub */
static const struct plist *mdm_payload(const struct plist *stub)
{
	const struct plist *payloads = plist_get_array(stub, "PayloadContent");

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		const char *type = plist_get_text(payload, "PayloadType");

		if (type && !strcmp(type, "com.apple.mdm"))
			return payload;
	}
	return NULL;
}

int sim_relation_load(struct sim_device *device, struct sim_relation *relation, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	char path[SIM_STUB_PATH_LEN];
	const struct plist *mdm;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	sim_relation_clear(relation);
	sim_relation_init(relation);
	mdm = sim_profiles_load(device, SIM_MDM_PATH, doc);
	if (!plist_get_text(mdm, "ServerURL") || !plist_get_text(mdm, "ManagingProfileIdentifier"))
		return SIM_DEVICE_ABSENT;
	sim_profiles_stub_path(plist_get_text(mdm, "ManagingProfileIdentifier"), path);
	take_files(device, mdm, mdm_payload(sim_profiles_load(device, path, doc)), relation);
	r = sim_identity_read(device, relation->row, &relation->cert, &relation->key, err);
	if (r == BACKUP_ABSENT)
		return SIM_DEVICE_ABSENT; /* told in words, or lost on the way: it cannot speak */
	return r < 0 ? r : take_anchors(device, doc, &relation->anchors, err);
}

bool sim_relation_is_live(struct sim_device *device)
{
	CLEANUP(sim_relation_clear) struct sim_relation relation;

	sim_relation_init(&relation);
	return sim_relation_load(device, &relation, NULL) == 0;
}

int sim_incumbent_load(struct sim_device *device, struct plist_doc *doc,
		       struct sim_incumbent *incumbent)
{
	const struct plist *mdm = sim_profiles_load(device, SIM_MDM_PATH, doc);
	char path[SIM_STUB_PATH_LEN];

	*incumbent = (struct sim_incumbent){
		.identifier = plist_get_text(mdm, "ManagingProfileIdentifier")};
	if (!incumbent->identifier || !plist_get_text(mdm, "ServerURL")) {
		incumbent->identifier = NULL;
		return SIM_DEVICE_ABSENT;
	}
	sim_profiles_stub_path(incumbent->identifier, path);
	incumbent->mdm = mdm_payload(sim_profiles_load(device, path, doc));
	if (!incumbent->mdm) /* no stub: MDM.plist has the keys that are compared, too */
		incumbent->mdm = mdm;
	return 0;
}

/* ---- from a profile ---- */

static void take_magic(struct sim_device *device, struct plist_doc *doc,
		       struct sim_relation *relation)
{
	const char *magic =
		plist_get_text(sim_profiles_load(device, SIM_MDM_PATH, doc), "PushMagic");
	char made[37];

	sim_device_uuid(device, "push-magic", relation->row, made);
	snprintf(relation->magic, sizeof(relation->magic), "%.63s", magic ? magic : made);
}

int sim_relation_begin(struct sim_device *device, const struct sim_profile *profile, uint64_t row,
		       struct sim_relation *relation, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct sim_state state;
	const char *mode = plist_get_text(profile->mdm, "EnrollmentMode");
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = sim_device_state(device, &state, err);
	if (r < 0)
		return r;
	take_text(profile->mdm, "ServerURL", relation->server_url, sizeof(relation->server_url));
	take_text(profile->mdm, plist_get(profile->mdm, "CheckInURL") ? "CheckInURL" : "ServerURL",
		  relation->checkin_url, sizeof(relation->checkin_url));
	take_text(profile->mdm, "Topic", relation->topic, sizeof(relation->topic));
	take_text(profile->root, "PayloadIdentifier", relation->identifier,
		  sizeof(relation->identifier));
	plist_get_int(profile->mdm, "AccessRights", &relation->rights);
	plist_get_bool(profile->mdm, "CheckOutWhenRemoved", &relation->checks_out);
	plist_get_bool(profile->mdm, "SignMessage", &relation->signs);
	/* only supervision makes "removal disallowed" count */
	plist_get_bool(profile->root, "PayloadRemovalDisallowed", &relation->is_locked);
	relation->is_locked &= state.is_supervised;
	relation->row = row;
	relation->is_user_enrollment = mode && !strcmp(mode, "BYOD");
	if (relation->is_user_enrollment)
		sim_device_uuid(device, "enrollment-id", row, relation->enrollment_id);
	take_magic(device, doc, relation);
	r = take_anchors(device, doc, &relation->anchors, err);
	return r < 0 ? r : sim_profile_anchors(profile->root, &relation->anchors, err);
}

/* ---- writing ---- */

int sim_relation_store(struct sim_device *device, const struct sim_profile *profile,
		       const struct sim_relation *relation, struct err *err)
{
	const struct sim_enrolling enrolling = {.profile = profile->root,
						.mdm = profile->mdm,
						.identity = profile->identity,
						.magic = relation->magic,
						.row = relation->row,
						.since = sim_device_now(device),
						.is_locked = relation->is_locked};
	int r = sim_identity_keep(device, relation->row, buf_slice(&relation->cert),
				  buf_slice(&relation->key), err);

	return r < 0 ? r : sim_enrollment_write(device, &enrolling, err);
}
