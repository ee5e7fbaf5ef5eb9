/*
 * The enrollment profile: the root to trust, SCEP for an identity, and the MDM payload that goes by
 * it.  Its keys are those of Apple's profile reference.
 */
#include "crypto/crypto.h"
#include "fleet/enroll_profile.h"
#include "plist/plist.h"

#include <string.h>

enum { UUID_TEXT = 37, IDENTIFIER_TEXT = FLEET_NAME_MAX + 16 };

/* from 16 bytes, marked as "own recipe" (version 8, RFC 9562) */
static void uuid_of(const uint8_t bytes[16], char out[UUID_TEXT])
{
	uint8_t uuid[16];

	memcpy(uuid, bytes, sizeof(uuid));
	uuid[6] = (uint8_t)(0x80 | (uuid[6] & 0x0f));
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
	uuid_format(uuid, out);
}

/* the same for the same identifier, whenever the profile is made */
static void uuid_of_name(const char *name, char out[UUID_TEXT])
{
	uint8_t digest[CRYPTO_SHA256_LEN];

	crypto_sha256(slice_text(name), digest);
	uuid_of(digest, out);
}

/* a payload with what every payload has; @uuid NULL: the one of its identifier */
static struct plist *payload(struct plist_doc *doc, const struct fleet_policy *policy,
			     const char *type, const char *suffix, const char *uuid)
{
	char identifier[IDENTIFIER_TEXT], of_name[UUID_TEXT];
	struct plist *dict = plist_new_dict(doc);

	snprintf(identifier, sizeof(identifier), "%s%s", policy->profile_identifier, suffix);
	if (!uuid) {
		uuid_of_name(identifier, of_name);
		uuid = of_name;
	}
	plist_set_text(doc, dict, "PayloadType", type);
	plist_set_int(doc, dict, "PayloadVersion", 1);
	plist_set_text(doc, dict, "PayloadIdentifier", identifier);
	plist_set_text(doc, dict, "PayloadUUID", uuid);
	return dict;
}

static void add_root(struct plist_doc *doc, struct plist *content,
		     const struct fleet_policy *policy)
{
	struct plist *root;

	if (policy->root.len == 0)
		return;
	root = payload(doc, policy, "com.apple.security.root", ".root", NULL);
	plist_set_text(doc, root, "PayloadDisplayName", policy->organization);
	plist_set_data(doc, root, "PayloadContent", policy->root);
	plist_add(doc, content, root);
}

/* Subject is a list of relative names, each a list of [type, value] */
static void add_name(struct plist_doc *doc, struct plist *subject, const char *type,
		     const char *value)
{
	struct plist *relative = plist_new_array(doc), *pair = plist_new_array(doc);

	plist_add(doc, pair, plist_new_text(doc, type));
	plist_add(doc, pair, plist_new_text(doc, value));
	plist_add(doc, relative, pair);
	plist_add(doc, subject, relative);
}

static void add_scep(struct plist_doc *doc, struct plist *content,
		     const struct fleet_policy *policy, const char *challenge, const char *uuid)
{
	struct plist *scep = payload(doc, policy, "com.apple.security.scep", ".scep", uuid);
	struct plist *wish = plist_new_dict(doc), *subject = plist_new_array(doc);

	add_name(doc, subject, "O", policy->organization);
	add_name(doc, subject, "CN", "Device identity");
	plist_set_text(doc, wish, "URL", policy->scep_url);
	plist_set(doc, wish, "Subject", subject);
	plist_set_text(doc, wish, "Challenge", challenge);
	plist_set_int(doc, wish, "Keysize", 2048); /* the default is 1024 */
	plist_set_text(doc, wish, "Key Type", "RSA");
	plist_set_int(doc, wish, "Key Usage", 5); /* sign and decipher */
	plist_set_bool(doc, wish, "KeyIsExtractable", false);
	plist_set(doc, scep, "PayloadContent", wish);
	plist_add(doc, content, scep);
}

static void add_mdm(struct plist_doc *doc, struct plist *content, const struct fleet_policy *policy,
		    const char *identity_uuid)
{
	struct plist *mdm = payload(doc, policy, "com.apple.mdm", ".mdm", NULL);
	struct plist *capabilities = plist_new_array(doc);

	plist_set_text(doc, mdm, "IdentityCertificateUUID", identity_uuid);
	plist_set_text(doc, mdm, "Topic", policy->topic);
	plist_set_text(doc, mdm, "ServerURL", policy->server_url);
	plist_set_text(doc, mdm, "CheckInURL", policy->checkin_url);
	plist_set_int(doc, mdm, "AccessRights", policy->access_rights);
	plist_set_bool(doc, mdm, "CheckOutWhenRemoved", true);
	if (policy->is_signing)
		plist_set_bool(doc, mdm, "SignMessage", true);
	plist_add(doc, capabilities, plist_new_text(doc, "com.apple.mdm.bootstraptoken"));
	plist_set(doc, mdm, "ServerCapabilities", capabilities);
	plist_add(doc, content, mdm);
}

int fleet_enroll_profile_make(struct buf *out, const struct fleet_policy *policy,
			      const char *challenge, const uint8_t random[32], struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	char profile_uuid[UUID_TEXT], scep_uuid[UUID_TEXT];
	struct plist *root, *content;
	int r;

	if (!policy->topic)
		return err_set(err, ERR_POLICY,
			       "no push certificate yet, so no topic to enroll for");
	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	uuid_of(random, profile_uuid);
	uuid_of(random + 16, scep_uuid);
	root = payload(doc, policy, "Configuration", "", profile_uuid);
	plist_set_text(doc, root, "PayloadDisplayName", "Management");
	plist_set_text(doc, root, "PayloadOrganization", policy->organization);
	content = plist_new_array(doc);
	add_root(doc, content, policy);
	add_scep(doc, content, policy, challenge, scep_uuid);
	add_mdm(doc, content, policy, scep_uuid);
	plist_set(doc, root, "PayloadContent", content);
	return plist_write_xml(doc, root, out, err);
}
