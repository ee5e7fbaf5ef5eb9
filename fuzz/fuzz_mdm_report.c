/* mdm: command reports, and their way into JSON */
#include <stdlib.h>

#include "mdm/mdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const skip[] = {"UDID", NULL};
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf json = BUF_INIT(64 << 20);
	struct mdm_report report;

	if (plist_doc_new(&doc, NULL) < 0)
		abort();
	if (mdm_report_parse(doc, slice_of(data, size), &report, NULL) < 0)
		return 0;
	if (mdm_errors_json(&report, &json, NULL) < 0 ||
	    mdm_plist_json(report.root, skip, &json, NULL) < 0)
		abort();
	return 0;
}
