/* mdm: declarations, status reports, endpoints, answers of the push service */
#include <stdlib.h>
#include <string.h>

#include "mdm/mdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int note(void *arg, const struct mdm_declared *declared, struct err *err)
{
	if (!*declared->identifier || !declared->valid || !declared->reasons)
		abort();
	return 0;
}

static void read_endpoint(struct slice text)
{
	char path[600] = "";
	struct mdm_endpoint endpoint;

	if (text.len >= sizeof(path) || memchr(text.bytes, 0, text.len))
		return;
	memcpy(path, text.bytes, text.len);
	if (mdm_endpoint_parse(path, &endpoint, NULL) == 0 &&
	    endpoint.kind == MDM_ENDPOINT_DECLARATION && !*endpoint.identifier)
		abort();
}

/* what is known does not change when the same report comes again */
static void merge_twice(struct slice json)
{
	CLEANUP(buf_clear) struct buf once = BUF_INIT(16 << 20);
	CLEANUP(buf_clear) struct buf twice = BUF_INIT(16 << 20);

	if (mdm_status_merge(SLICE_EMPTY, json, &once, NULL) == 0 && once.len <= MDM_CHECKIN_MAX &&
	    (mdm_status_merge(buf_slice(&once), json, &twice, NULL) < 0 ||
	     !slice_equal(buf_slice(&once), buf_slice(&twice))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(16 << 20);
	char identifier[MDM_DECLARATION_ID_MAX + 1], type[129], token[MDM_DECLARATION_ID_MAX + 1];
	char again[MDM_DECLARATION_ID_MAX + 1], reason[64];
	CLEANUP(buf_clear) struct buf twice = BUF_INIT(16 << 20);
	struct slice json = slice_of(data, size);
	enum mdm_declaration_kind kind;
	bool is_full;

	if (size)
		read_endpoint(json);
	mdm_push_reason(json, reason);
	if (mdm_declaration_read(json, &kind, identifier, type, token, &out, NULL) == 0) {
		if (mdm_declaration_read(buf_slice(&out), &kind, identifier, type, again, &twice,
					 NULL) < 0 ||
		    strcmp(token, again) != 0)
			abort();
	}
	mdm_status_read(json, &is_full, note, NULL, NULL);
	merge_twice(json);
	return 0;
}
