/* the walk over a pack's blobs that salvage and check take */
#include "repo/internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[REPO_BLOB_HEADER_LEN];
	struct repo_blob_header header;
	unsigned count;

	if (repo_blobs_parse(slice_of(data, size), &count) > size)
		abort();
	if (size >= REPO_BLOB_HEADER_LEN && repo_blob_header_decode(data, &header)) {
		repo_blob_header_encode(&header, again);
		if (!slice_equal(slice_of(again, sizeof(again)), slice_of(data, sizeof(again))))
			abort();
	}
	return 0;
}
