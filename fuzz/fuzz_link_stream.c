/* raw file streams: in pieces they must tell what they tell in whole */
#include <stdlib.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* the first byte says one name or two, and how long the pieces are; 0 is "all at once" */
static uint64_t digest_of(const uint8_t *data, size_t size, size_t piece_len, bool has_two_names)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = NULL;
	struct reader in = {data, 0};
	struct link_event event;
	uint64_t digest = 0;
	size_t fed = 0;
	int r;

	if (link_stream_new(&stream, has_two_names, NULL) < 0)
		return 0;
	do {
		in.left += size - fed < piece_len ? size - fed : piece_len;
		fed = (size_t)(in.at - data) + in.left;
		while ((r = link_stream_next(stream, &in, &event, NULL)) == 0) {
			if (event.kind != LINK_EVENT_DATA)
				digest = digest * 31 + (uint64_t)event.kind + 1;
			if (event.kind == LINK_EVENT_FILE)
				digest = digest * 31 + event.device_name.len + event.host_name.len;
			if (event.kind == LINK_EVENT_DATA || event.kind == LINK_EVENT_FILE_ERROR)
				for (size_t i = 0; i < event.bytes.len; i++)
					digest = digest * 31 + event.bytes.bytes[i];
		}
		if (r == LINK_NEED_MORE && in.left > LINK_STREAM_LOOKAHEAD)
			abort(); /* more than it promised to want */
	} while (r == LINK_NEED_MORE && fed < size);
	return digest * 31 + (uint64_t)(r < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (digest_of(data + 1, size - 1, size, data[0] & 1) !=
	    digest_of(data + 1, size - 1, (data[0] >> 1) + 1u, data[0] & 1))
		abort();
	return 0;
}
