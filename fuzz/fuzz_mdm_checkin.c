/* mdm: check-in messages; what is read has an id that is fit for a key, a log line and a URL */
#include <stdlib.h>
#include <string.h>

#include "mdm/mdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct mdm_checkin checkin;
	const char *at;

	if (plist_doc_new(&doc, NULL) < 0)
		abort();
	if (mdm_checkin_parse(doc, slice_of(data, size), &checkin, NULL) < 0)
		return 0;
	for (at = checkin.from.id; *at; at++)
		if (*at <= 0x20 || *at >= 0x7f || *at == '/')
			abort();
	if (!*checkin.from.id || strlen(checkin.from.device_id) > strlen(checkin.from.id))
		abort();
	return 0;
}
