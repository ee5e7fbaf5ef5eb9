/* usbmux packets, and the UDIDs inside them that become file names */
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_udid(const char *text)
{
	char once[41], twice[41];

	if (!link_udid_normalize(text, once))
		return;
	/* the normal form is its own normal form, and a safe name */
	if (!link_udid_normalize(once, twice) || strcmp(once, twice) ||
	    path_check_relative(once, strlen(once), NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct reader in = reader_of(slice_of(data, size));
	struct link_mux_packet packet;
	const struct plist *root = NULL;

	if (plist_doc_new(&doc, NULL) < 0)
		return 0;
	while (link_mux_parse(&in, &packet, NULL) == 0) {
		char text[64] = "";

		memcpy(text, packet.payload.bytes,
		       packet.payload.len < 63 ? packet.payload.len : 63);
		check_udid(text);
		plist_doc_reset(doc);
		if (plist_parse(doc, packet.payload, &PLIST_LIMITS_SMALL, &root, NULL) == 0)
			check_udid(plist_get_text(root, "PairRecordID"));
	}
	return 0;
}
