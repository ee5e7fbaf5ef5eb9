/* AFC packets: what parses is written back byte for byte */
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(LINK_AFC_LEN_MAX);
	struct reader in = reader_of(slice_of(data, size));
	struct link_afc packet;
	const uint8_t *start = in.at;

	while (link_afc_parse(&in, &packet, NULL) == 0) {
		buf_truncate(&out, 0);
		if (link_afc_write(&out, packet.number, packet.op, packet.arguments, packet.payload,
				   NULL) < 0)
			return 0;
		if (out.len != (size_t)(in.at - start) || memcmp(out.bytes, start, out.len))
			abort();
		start = in.at;
	}
	return 0;
}
