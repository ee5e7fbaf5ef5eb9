/* lockdown replies: framing, property list, errors in the device's own words */
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct reader in = reader_of(slice_of(data, size));
	const struct plist *root = NULL;
	struct slice payload;
	size_t want;

	if (plist_doc_new(&doc, NULL) < 0)
		return 0;
	if (link_frame_want(in, LINK_REPLY_LEN_MAX, &want, NULL) == 0 && want <= size &&
	    link_frame_parse(&in, LINK_REPLY_LEN_MAX, &payload, NULL) == 0) {
		const char *error_name = NULL;
		struct err err = ERR_INIT;

		if (size - in.left != want)
			abort();
		if (plist_parse(doc, payload, &PLIST_LIMITS_FRAME, &root, NULL) < 0)
			return 0;
		if (link_lockdown_check(root, "GetValue", &error_name, &err) < 0 &&
		    !text_is_utf8(err.text, strlen(err.text)))
			abort();
	}
	return 0;
}
