/* The profile that says how devices may be backed up */
#include "crypto/crypto.h"
#include "mdm/internal.h"

#define IDENTIFIER "rehome.backup-rules"

enum { UUID_TEXT = 37 };

/* from the content, so that equal rules are the same profile; marked as "own recipe" (version 8,
 * RFC 9562) */
static void uuid_of(struct slice content, char uuid[UUID_TEXT])
{
	uint8_t digest[CRYPTO_SHA256_LEN];

	crypto_sha256(content, digest);
	digest[6] = (uint8_t)(0x80 | (digest[6] & 0x0f));
	digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f));
	uuid_format(digest, uuid);
}

static struct plist *payload(struct plist_doc *doc, const char *type, const char *identifier)
{
	struct plist *dict = plist_new_dict(doc);

	plist_set_text(doc, dict, "PayloadType", type);
	plist_set_int(doc, dict, "PayloadVersion", 1);
	plist_set_text(doc, dict, "PayloadIdentifier", identifier);
	return dict;
}

/* Only what differs from a device's defaults: of several profiles the strictest value counts. */
static struct plist *restrictions(struct plist_doc *doc, const struct mdm_backup_rules *rules)
{
	struct plist *dict =
		payload(doc, "com.apple.applicationaccess", IDENTIFIER ".restrictions");
	char uuid[UUID_TEXT];

	/* the same for all rules: the payload is then updated in place */
	uuid_of(slice_text(IDENTIFIER ".restrictions"), uuid);
	plist_set_text(doc, dict, "PayloadUUID", uuid);
	if (rules->bars_cloud_backup)
		plist_set_bool(doc, dict, "allowCloudBackup", false);
	if (rules->forces_encryption)
		plist_set_bool(doc, dict, "forceEncryptedBackup", true);
	if (rules->bars_host_pairing)
		plist_set_bool(doc, dict, "allowHostPairing", false);
	return dict;
}

int mdm_backup_rules_profile(const struct mdm_backup_rules *rules, const char *organization,
			     struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf content = BUF_INIT(MDM_PROFILE_MAX);
	struct plist *root, *list;
	char uuid[UUID_TEXT];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	root = payload(doc, "Configuration", IDENTIFIER);
	plist_set_text(doc, root, "PayloadDisplayName", "Backup rules");
	if (organization)
		plist_set_text(doc, root, "PayloadOrganization", organization);
	list = plist_new_array(doc);
	plist_add(doc, list, restrictions(doc, rules));
	plist_set(doc, root, "PayloadContent", list);
	r = plist_write_xml(doc, root, &content, err);
	if (r < 0)
		return r;
	uuid_of(buf_slice(&content), uuid);
	plist_set_text(doc, root, "PayloadUUID", uuid);
	return plist_write_xml(doc, root, out, err);
}
