/* frames between the service's processes, as one that was taken over might write them */
#include "server/call.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link link = LINK_INIT;
	struct frame frame;

	if (buf_append(&link.in, data, size, NULL) < 0)
		return 0;
	while (link_next(&link, &frame, NULL) == 0) {
		struct call_fields *in = &frame.fields;
		const uint8_t *end = in->in.at + in->in.left;
		char text[64];
		struct slice bytes;

		call_get_u32(in);
		call_get_text(in, text, sizeof(text));
		if (strlen(text) >= sizeof(text))
			abort();
		call_get_u64(in);
		bytes = call_get(in);
		if (bytes.len > 0 && bytes.bytes + bytes.len > end)
			abort();
		if (call_get_done(in) && in->in.left > 0)
			abort();
	}
	link_close(&link);
	return 0;
}
