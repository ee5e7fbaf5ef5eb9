/* mdm: commands and profiles that somebody wrote; what is accepted can be written and read again */
#include <stdlib.h>
#include <string.h>

#include "mdm/mdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct mdm_command *command)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(2 * MDM_COMMAND_MAX);
	struct mdm_command again;
	struct err err = ERR_INIT;
	int r = mdm_command_write(command->command, "u", SLICE_EMPTY, &out, &err);

	/* a binary list may hold what XML cannot say, or what is longer in it */
	if (r == ERR_UNSUPPORTED || r == ERR_LIMIT)
		return;
	if (r < 0 || plist_doc_new(&doc, NULL) < 0)
		abort();
	r = mdm_command_parse(doc, buf_slice(&out), &again, &err);
	if (r == ERR_LIMIT)
		return;
	if (r < 0 || strcmp(again.request_type, command->request_type) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct mdm_profile profile;
	struct mdm_command command;

	if (plist_doc_new(&doc, NULL) < 0)
		abort();
	if (mdm_command_parse(doc, slice_of(data, size), &command, NULL) == 0)
		write_again(&command);
	plist_doc_reset(doc);
	if (mdm_profile_parse(doc, slice_of(data, size), &profile, NULL) == 0 &&
	    (!*profile.identifier || !profile.name || profile.type_count > MDM_PAYLOADS_MAX))
		abort();
	return 0;
}
