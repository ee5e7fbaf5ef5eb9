/* client_do_profiles - profiles, certificates and restrictions on the device, by command */
#include "sim/client.h"

#include <string.h>

/* ---- the list ---- */

static bool is_by_service(const struct sim_turn *turn, const struct plist *stub)
{
	const char *identifier = plist_get_text(stub, "PayloadIdentifier");
	bool is_ours = identifier && !strcmp(identifier, turn->relation->identifier);

	plist_get_bool(stub, SIM_BY_SERVICE, &is_ours);
	return is_ours;
}

static void copy(struct sim_turn *turn, struct plist *to, const struct plist *from,
		 const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (plist_get(from, keys[i]))
			plist_set(turn->doc, to, keys[i],
				  plist_copy(turn->doc, plist_get(from, keys[i])));
}

static struct plist *list_payloads(struct sim_turn *turn, const struct plist *stub)
{
	static const char *const keys[] = {"PayloadType",        "PayloadVersion",
					   "PayloadIdentifier",  "PayloadDisplayName",
					   "PayloadDescription", "PayloadOrganization"};
	static const char *const uuid[] = {"PayloadUUID"};
	const struct plist *payloads = plist_get_array(stub, "PayloadContent");
	struct plist *list = plist_new_array(turn->doc);

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		struct plist *entry = plist_new_dict(turn->doc);

		copy(turn, entry, payload, keys, ARRAY_COUNT(keys));
		if (turn->os >= 170000)
			copy(turn, entry, payload, uuid, ARRAY_COUNT(uuid));
		plist_add(turn->doc, list, entry);
	}
	return list;
}

static struct plist *list_profile(struct sim_turn *turn, const struct plist *stub)
{
	static const char *const keys[] = {"PayloadUUID",         "PayloadIdentifier",
					   "PayloadVersion",      "PayloadDisplayName",
					   "PayloadOrganization", "PayloadDescription"};
	struct plist *entry = plist_new_dict(turn->doc);
	bool is_kept = false;

	copy(turn, entry, stub, keys, ARRAY_COUNT(keys));
	plist_get_bool(stub, "PayloadRemovalDisallowed", &is_kept);
	/* the user never removes what the service installed */
	plist_set_bool(turn->doc, entry, "PayloadRemovalDisallowed",
		       strcmp(plist_get_text(stub, "PayloadIdentifier"), turn->relation->identifier)
			       ? is_kept || is_by_service(turn, stub)
			       : turn->relation->is_locked);
	plist_set_bool(turn->doc, entry, "HasRemovalPasscode", false);
	plist_set_bool(turn->doc, entry, "IsEncrypted", false);
	if (turn->os >= 130000 && !turn->state.is_supervised)
		plist_set_bool(turn->doc, entry, "IsManaged", is_by_service(turn, stub));
	plist_set(turn->doc, entry, "PayloadContent", list_payloads(turn, stub));
	return entry;
}

/* each stub of the device; @each gets it with its document still open */
static int each_stub(struct sim_turn *turn,
		     void (*each)(struct sim_turn *turn, const struct plist *stub,
				  struct plist *out),
		     struct plist *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *paths;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	paths = plist_new_array(doc);
	r = sim_profiles_stubs(turn->device, doc, paths, err);
	for (const struct plist *path = paths->as.items.first; r == 0 && path; path = path->next) {
		const struct plist *stub = sim_profiles_load(turn->device, plist_text(path), doc);

		if (plist_get_text(stub, "PayloadIdentifier"))
			each(turn, stub, out);
	}
	return r;
}

/* ManagedOnly, and always on personal devices */
static bool is_wanted(const struct sim_turn *turn, const struct plist *stub)
{
	bool managed_only = turn->relation->is_user_enrollment;

	plist_get_bool(turn->command, "ManagedOnly", &managed_only);
	return !managed_only || is_by_service(turn, stub);
}

static void add_profile(struct sim_turn *turn, const struct plist *stub, struct plist *out)
{
	if (is_wanted(turn, stub))
		plist_add(turn->doc, out, list_profile(turn, stub));
}

int sim_do_profile_list(struct sim_turn *turn, struct err *err)
{
	struct plist *list = plist_new_array(turn->doc);
	int r = each_stub(turn, add_profile, list, err);

	plist_set(turn->doc, turn->reply, "ProfileList", list);
	return r;
}

/* ---- certificates ---- */

static void add_certificate(struct sim_turn *turn, struct plist *out, const char *name,
			    struct slice der, bool is_identity)
{
	struct plist *entry = plist_new_dict(turn->doc);

	plist_set_text(turn->doc, entry, "CommonName", name);
	plist_set_bool(turn->doc, entry, "IsIdentity", is_identity);
	plist_set_data(turn->doc, entry, "Data", der);
	plist_add(turn->doc, out, entry);
}

static void add_anchors(struct sim_turn *turn, const struct plist *stub, struct plist *out)
{
	CLEANUP(buf_clear) struct buf anchors = BUF_INIT(1 << 20);
	struct reader in;
	struct slice der;
	uint32_t len;

	if (!is_wanted(turn, stub) || sim_profile_anchors(stub, &anchors, NULL) < 0)
		return;
	in = reader_of(buf_slice(&anchors));
	while (reader_u32be(&in, &len) && reader_slice(&in, len, &der))
		add_certificate(turn, out, plist_get_text(stub, "PayloadIdentifier"), der, false);
}

int sim_do_certificate_list(struct sim_turn *turn, struct err *err)
{
	struct plist *list = plist_new_array(turn->doc);
	int r = each_stub(turn, add_anchors, list, err);

	add_certificate(turn, list, "MDM Identity", buf_slice(&turn->relation->cert), true);
	plist_set(turn->doc, turn->reply, "CertificateList", list);
	return r;
}

int sim_do_provisioning_list(struct sim_turn *turn, struct err *err)
{
	(void)err;
	plist_set(turn->doc, turn->reply, "ProvisioningProfileList", plist_new_array(turn->doc));
	return 0;
}

/* ---- installing and removing ---- */

int sim_do_install_profile(struct sim_turn *turn, struct err *err)
{
	struct slice payload;

	if (!plist_get_data(turn->command, "Payload", &payload))
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12008,
				     "The request is malformed: Payload is missing.");
	return sim_client_install(turn->client, payload, true, &turn->chain, err);
}

int sim_do_remove_profile(struct sim_turn *turn, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const char *identifier = plist_get_text(turn->command, "Identifier");
	const struct plist *stub;
	char path[SIM_STUB_PATH_LEN];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	if (!identifier)
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12008,
				     "The request is malformed: Identifier is missing.");
	if (!strcmp(identifier, turn->relation->identifier)) {
		turn->after = SIM_AFTER_LEAVE; /* its own server may, always */
		return 0;
	}
	if (!turn->relation->is_user_enrollment && !(turn->relation->rights & 2))
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12007,
				     "The service may not send “RemoveProfile”.");
	sim_profiles_stub_path(identifier, path);
	stub = sim_profiles_load(turn->device, path, doc);
	if (!stub)
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12075,
				     "The profile “%.150s” is not installed.", identifier);
	if (!turn->state.is_supervised && !is_by_service(turn, stub))
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12013,
				     "The profile “%.150s” is not managed.", identifier);
	r = sim_profiles_drop(turn->device, path, err);
	if (r == 0)
		r = sim_profiles_manifest(turn->device, err);
	return r < 0 ? r : sim_restrictions_apply(turn->device, err);
}

/* ---- restrictions ---- */

static void put_restriction(struct sim_turn *turn, struct plist *out, const char *key, bool value)
{
	struct plist *entry = plist_new_dict(turn->doc);

	plist_set_bool(turn->doc, entry, "value", value);
	plist_set(turn->doc, out, key, entry);
}

/* the booleans of one profile, as it says or (@is_global) as all profiles together */
static void add_booleans(struct sim_turn *turn, const struct plist *stub, bool is_global,
			 struct plist *out)
{
	const struct plist *payloads = plist_get_array(stub, "PayloadContent");

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		const char *type = plist_get_text(payload, "PayloadType");

		if (!type || strcmp(type, "com.apple.applicationaccess") != 0)
			continue;
		for (const struct plist *item = payload->as.items.first; item; item = item->next)
			if (item->type == PLIST_BOOL && !plist_get(out, item->key))
				put_restriction(turn, out, item->key,
						is_global ? sim_restriction(turn->device, item->key)
							  : item->as.boolean);
	}
}

static void add_restrictions(struct sim_turn *turn, const struct plist *stub, struct plist *out)
{
	add_booleans(turn, stub, true, out);
}

static void add_profile_restrictions(struct sim_turn *turn, const struct plist *stub,
				     struct plist *out)
{
	struct plist *own = plist_new_dict(turn->doc), *entry = plist_new_dict(turn->doc);

	add_booleans(turn, stub, false, own);
	if (!own->as.items.first)
		return;
	plist_set(turn->doc, entry, "restrictedBool", own);
	plist_set(turn->doc, out, plist_get_text(stub, "PayloadIdentifier"), entry);
}

int sim_do_restrictions(struct sim_turn *turn, struct err *err)
{
	struct plist *global = plist_new_dict(turn->doc), *all = plist_new_dict(turn->doc);
	bool by_profile = false;
	int r = each_stub(turn, add_restrictions, all, err);

	plist_set(turn->doc, global, "restrictedBool", all);
	plist_set(turn->doc, turn->reply, "GlobalRestrictions", global);
	plist_get_bool(turn->command, "ProfileRestrictions", &by_profile);
	if (r == 0 && by_profile) {
		struct plist *profiles = plist_new_dict(turn->doc);

		r = each_stub(turn, add_profile_restrictions, profiles, err);
		plist_set(turn->doc, turn->reply, "ProfileRestrictions", profiles);
	}
	return r;
}
