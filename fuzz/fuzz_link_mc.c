/* MCInstall's answers: refusals in words, cloud configuration, list of profiles */
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct err err = ERR_INIT;
	const struct plist *reply = NULL;
	struct link_mc_cloud cloud;
	struct link_mc_profiles profiles;

	if (plist_doc_new(&doc, NULL) < 0 ||
	    plist_parse(doc, slice_of(data, size), &PLIST_LIMITS_FRAME, &reply, NULL) < 0)
		return 0;
	if (link_mc_check(reply, "GetProfileList", &err) < 0 &&
	    !text_is_utf8(err.text, strlen(err.text)))
		abort();
	link_mc_cloud_read(reply, &cloud);
	link_mc_profiles_read(reply, &profiles);
	if ((profiles.has_mdm || profiles.has_locked) && profiles.count == 0)
		abort();
	return 0;
}
