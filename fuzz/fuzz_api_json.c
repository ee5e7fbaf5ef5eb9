/* the API's JSON: what a route's fields let through fits them, and becomes a property list or a
 * reason */
#include <stdlib.h>
#include <string.h>

#include "plist/plist.h"
#include "server/api_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* keys_convert - a command of these keys reads back as one */
static void keys_convert(const json_t *keys)
{
	static const struct plist_limits limits = {FLEET_COMMAND_MAX, 1u << 18, 32};
	CLEANUP(buf_clear) struct buf out = BUF_INIT(FLEET_COMMAND_MAX);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *root;

	if (api_command_plist("Settings", "uuid", keys, &out, NULL) < 0)
		return;
	if (plist_doc_new(&doc, NULL) < 0 ||
	    plist_parse(doc, buf_slice(&out), &limits, &root, NULL) < 0 ||
	    !plist_get_dict(root, "Command"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_answer answer;
	struct api_request request = {.query = ""};
	struct api_call call = {.request = &request, .answer = &answer, .route = api_routes};
	int r;

	if (size < 1)
		return 0;
	/* the first byte picks a route that has a body */
	for (unsigned wanted = data[0] % 32u; wanted > 0 && call.route[1].method; call.route++)
		wanted -= call.route[1].body != NULL;
	request.body = slice_of(data + 1, size - 1);
	api_answer_init(&answer);
	r = api_body_read(&call, NULL);
	if (r < 0 || (r > 0) != (answer.status == 400))
		abort();
	if (r == 0) {
		for (const struct api_field *field = call.route->body; field && field->name;
		     field++)
			if (field->is_required && !json_object_get(call.body, field->name))
				abort();
		if (json_is_object(json_object_get(call.body, "keys")))
			keys_convert(json_object_get(call.body, "keys"));
	} else if (api_json_check(buf_slice(&answer.body), NULL) != 0) {
		abort();
	}
	json_decref(call.body);
	api_answer_clear(&answer);
	return 0;
}
