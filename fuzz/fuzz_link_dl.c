/* DeviceLink control frames: framing, property list, array layout */
#include <math.h>
#include <stdlib.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct reader in = reader_of(slice_of(data, size));
	const struct plist *root = NULL;
	struct slice payload;
	struct link_dl message;

	if (plist_doc_new(&doc, NULL) < 0)
		return 0;
	while (link_frame_parse(&in, LINK_DL_LEN_MAX, &payload, NULL) == 0) {
		plist_doc_reset(doc);
		if (plist_parse(doc, payload, &PLIST_LIMITS_FRAME, &root, NULL) < 0)
			continue;
		if (link_dl_parse(root, &message, NULL) < 0)
			continue;
		if (message.bytes < 0 || !message.name)
			abort();
		if (!isnan(message.progress) && !(message.progress >= 0 && message.progress <= 100))
			abort();
	}
	return 0;
}
