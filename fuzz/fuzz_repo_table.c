/* a snapshot table's block and its index of blocks, as a hostile store could make them */
#include "repo/directory.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void block(struct slice bytes)
{
	struct repo_block block;
	struct repo_value value;
	struct repo_refs refs;
	struct slice path;

	if (!repo_block_parse(bytes, &block))
		return;
	for (uint32_t i = 0; i < block.count; i++) {
		repo_block_entry(&block, i, &path, &value);
		if (repo_block_seek(&block, path) != i)
			abort(); /* sorted, so every entry is where it is sought */
		if (value.kind == REPO_FILE && !repo_refs_decode(value.content, value.size, &refs))
			abort(); /* accepted entries must be usable */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct repo_table table = {.fd = -1};

	if (size < 4)
		return 0;
	block(slice_of(data, size));
	repo_table_index_parse(slice_of(data + 4, size - 4), data[0], get_u32le(data) >> 8, &table);
	repo_table_clear(&table);
	return 0;
}
