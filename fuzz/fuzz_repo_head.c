/* the fields of a snapshot head, list pages, and index entries */
#include "repo/directory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct repo_ref *refs = malloc(REPO_LIST_REFS_MAX * sizeof(*refs));
	uint8_t again[REPO_HEAD_LEN];
	struct repo_place place;
	struct repo_head head, same;

	if (repo_head_decode(slice_of(data, size), &head)) {
		repo_head_encode(&head, again);
		if (!repo_head_decode(slice_of(again, sizeof(again)), &same) ||
		    same.files != head.files || same.table.blocks != head.table.blocks)
			abort();
	}
	if (refs)
		repo_list_decode(slice_of(data, size), refs);
	if (size >= 48) {
		repo_place_decode(data, &place);
		repo_place_encode(&place, again);
		if (memcmp(again, data, 48) != 0)
			abort();
	}
	free(refs);
	return 0;
}
