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

static void take_end(struct reading *reading, const struct plist *item,
		     const struct backup_place *from)
{
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(KEYCHAIN_ITEM_LEN_MAX);
	struct backup_number *end = &reading->management->identity_end;
	struct keychain_seal seal;
	struct slice data, cert;

	if (plist_get_data(item, "v_Data", &data) && keychain_seal_read(&seal, data) &&
	    seal.version == KEYCHAIN_VERSION_DER && !keychain_is_device_bound(&seal) &&
	    keychain_seal_open(&seal, reading->lookup->bag, &plain, NULL) == 0 &&
	    keychain_attribute(buf_slice(&plain), "v_Data", &cert) &&
	    crypto_cert_end(cert, &end->value, NULL) == 0)
		end->from = from;
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
	take_end(reading, find_row(reading, certs), from);
}
