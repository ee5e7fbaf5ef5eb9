/*
 * The identity of the enrollment, in the keychain: is it there, and when does it end?
 * (docs/format/ios-backup, 7.7 and 9.3)
 *
 * Most identities are for their device only, and then no password opens them: the end stays
 * unknown.  Of one that opens, the certificate is looked at, and never the key.
 */
#include "backup/keychain_seal.h"
#include "backup/management_internal.h"

#include <string.h>

#include "crypto/crypto.h"

/* References of certificate, key and identity differ in their first four bytes, the table. */
static const struct plist *find_row(const struct reading *reading, const struct plist *table)
{
	const struct plist *item;
	struct slice ref;

	for (item = table ? table->as.items.first : NULL; item; item = item->next)
		if (plist_get_data(item, "v_PersistentRef", &ref) && ref.len > 4 &&
		    ref.len == reading->identity_ref_len &&
		    !memcmp(ref.bytes + 4, reading->identity_ref + 4, ref.len - 4))
			return item;
	return NULL;
}

/* a certificate that does not parse tells nothing */
static void take_cert(struct backup_management *management, struct slice cert,
		      const struct backup_place *from)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(KEYCHAIN_ITEM_LEN_MAX);
	struct backup_words *sha256 = &management->identity_sha256;
	uint8_t digest[CRYPTO_SHA256_LEN];
	int64_t end;
	int r = crypto_cert_end(cert, &end, NULL);

	if (r == 0)
		r = crypto_cert_der(cert, &der, NULL);
	if (r < 0)
		return;
	crypto_sha256(buf_slice(&der), digest);
	hex_encode(digest, sizeof(digest), sha256->text);
	sha256->from = from;
	management->identity_end = (struct backup_number){end, from};
}

static void take_identity(struct reading *reading, const struct plist *item,
			  const struct backup_place *from)
{
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(KEYCHAIN_ITEM_LEN_MAX);
	struct keychain_seal seal;
	struct slice data, cert;

	if (plist_get_data(item, "v_Data", &data) && keychain_seal_read(&seal, data) &&
	    seal.version == KEYCHAIN_VERSION_DER && !keychain_is_device_bound(&seal) &&
	    keychain_seal_open(&seal, reading->lookup->bag, &plain, NULL) == 0 &&
	    keychain_attribute(buf_slice(&plain), "v_Data", &cert))
		take_cert(reading->management, cert, from);
}

void reading_take_keychain(struct reading *reading, const struct plist *dict,
			   const struct backup_place *from)
{
	const struct plist *certs = plist_get_array(dict, "cert");
	const struct plist *keys = plist_get_array(dict, "keys");
	struct backup_yes_no *is_kept = &reading->management->identity_is_kept;

	if (!reading->identity_ref_len)
		return;
	if (find_row(reading, certs) || find_row(reading, keys))
		*is_kept = (struct backup_yes_no){BACKUP_YES, from};
	else if (!certs || !certs->as.items.count || !keys || !keys->as.items.count)
		*is_kept = (struct backup_yes_no){BACKUP_NO, from};
	/* else: there are some, and their references are of a form that we do not know */
	take_identity(reading, find_row(reading, certs), from);
}
