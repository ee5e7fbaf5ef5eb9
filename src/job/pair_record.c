/*
 * pair_record - what this host and a device know of each other, parsed
 *
 * usbmuxd keeps it as a property list, XML or binary.  The certificate of the device in it
 * is what we pin: the only thing that tells the device from somebody on the same network.
 */
#include "job/internal.h"

#include "crypto/crypto.h"

#include <string.h>

static int need_data(const struct plist *root, const char *key, struct slice *out, struct err *err)
{
	if (!plist_get_data(root, key, out) || out->len == 0 || out->len > CRYPTO_PEM_MAX)
		return err_set(err, ERR_CORRUPT,
			       "pair record: %s is missing or no data; pair again", key);
	return 0;
}

int pair_record_parse(struct pair_record *record, struct slice bytes, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root = NULL;
	int r;

	*record = (struct pair_record){0};
	r = plist_doc_new(&record->doc, err);
	if (r == 0)
		r = plist_parse(record->doc, bytes, &limits, &root, err);
	if (r == 0)
		r = need_data(root, "HostCertificate", &record->host_cert, err);
	if (r == 0)
		r = need_data(root, "HostPrivateKey", &record->host_key, err);
	if (r == 0)
		r = need_data(root, "DeviceCertificate", &record->device_cert, err);
	if (r < 0)
		return err_wrap(err, r, "read the pair record");
	plist_get_data(root, "RootCertificate", &record->root_cert);
	plist_get_data(root, "RootPrivateKey", &record->root_key);
	plist_get_data(root, "EscrowBag", &record->escrow_bag);
	record->host_id = plist_get_text(root, "HostID");
	record->system_buid = plist_get_text(root, "SystemBUID");
	if (!record->host_id)
		return err_set(err, ERR_CORRUPT, "pair record: HostID is missing; pair again");
	r = crypto_cert_public_sha256(record->device_cert, record->pin, err);
	return r < 0 ? err_wrap(err, r, "pair record: DeviceCertificate") : 0;
}

/* the arena is memory of ours: overwriting it before it goes back is what wiping means here */
static void wipe(struct slice secret)
{
	if (secret.bytes)
		explicit_bzero((void *)(uintptr_t)secret.bytes, secret.len);
}

void pair_record_clear(struct pair_record *record)
{
	wipe(record->host_key);
	wipe(record->root_key);
	wipe(record->escrow_bag);
	plist_doc_free_p(&record->doc);
	*record = (struct pair_record){0};
}
