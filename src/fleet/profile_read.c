/*
 * Configuration profiles that operators bring: plain, or signed by whomever.  What a profile holds
 * must be known before it goes out, so a signature does not hide it.
 */
#include "crypto/identity.h"
#include "fleet/internal.h"

enum { DER_SEQUENCE = 0x30 };

int fleet_profile_read(struct plist_doc *doc, struct slice bytes, struct mdm_profile *profile,
		       struct err *err)
{
	CLEANUP(crypto_signed_clear) struct crypto_signed sig;
	int r;

	crypto_signed_init(&sig);
	/* signed or not, as it is it must fit into a command */
	if (bytes.len > MDM_PROFILE_MAX)
		return err_set(err, ERR_LIMIT, "a profile of %zu bytes, limit %d", bytes.len,
			       MDM_PROFILE_MAX);
	if (bytes.len == 0 || bytes.bytes[0] != DER_SEQUENCE)
		return mdm_profile_parse(doc, bytes, profile, err);
	/* old algorithms too: whether it trusts the signature is the device's to say */
	r = crypto_signed_open(&sig, bytes, SLICE_EMPTY, CRYPTO_ALLOW_WEAK, err);
	if (r > 0)
		return err_set(err, ERR_PROTOCOL, "the profile's signature does not hold");
	return r < 0 ? r : mdm_profile_parse(doc, buf_slice(&sig.content), profile, err);
}
