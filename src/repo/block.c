/*
 * block.c - a block of a table: sorted entries, then where each starts, then their number
 *
 * entry: path length u16, value length u16, path, value
 * value: kind u8, size varint, time zigzag varint, encoded references (files)
 * Everything is checked once when a block is opened; reading entries then cannot fail.
 */
#include "repo/directory.h"

#include <string.h>

enum { ENTRY_HEAD_LEN = 4 };

static size_t varint_put(uint64_t value, uint8_t *out)
{
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		out[len++] = (uint8_t)(value | 0x80);
	out[len++] = (uint8_t)value;
	return len;
}

static bool varint_get(struct slice *in, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && in->len > 0; shift += 7) {
		uint8_t byte = *in->bytes++;

		in->len--;
		if (shift == 63 && byte > 1)
			return false;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

size_t repo_value_encode(const struct repo_value *value, uint8_t out[REPO_VALUE_LEN_MAX])
{
	uint64_t zigzag = ((uint64_t)value->modified << 1) ^ (uint64_t)(value->modified >> 63);
	size_t len = 1;

	out[0] = (uint8_t)value->kind;
	len += varint_put(value->size, out + len);
	len += varint_put(zigzag, out + len);
	if (value->content.len > 0)
		memcpy(out + len, value->content.bytes, value->content.len);
	return len + value->content.len;
}

bool repo_value_decode(struct slice in, struct repo_value *value)
{
	struct repo_refs refs;
	uint64_t zigzag;

	if (in.len < 1 || in.bytes[0] < REPO_FILE || in.bytes[0] > REPO_GONE)
		return false;
	value->kind = in.bytes[0];
	in.bytes++;
	in.len--;
	if (!varint_get(&in, &value->size) || !varint_get(&in, &zigzag))
		return false;
	value->modified = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
	value->content = in;
	if (value->kind == REPO_FILE)
		return repo_refs_decode(in, value->size, &refs);
	return in.len == 0 && value->size == 0;
}

int repo_path_compare(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.bytes, b.bytes, len) : 0;

	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

/* the entry at @start as slices; false if it does not lie within @end bytes */
static bool entry_slices(const uint8_t *bytes, size_t end, uint32_t start, struct slice *path,
			 struct slice *value)
{
	size_t path_len, value_len;

	if (start > end || end - start < ENTRY_HEAD_LEN)
		return false;
	path_len = (size_t)bytes[start] | (size_t)bytes[start + 1] << 8;
	value_len = (size_t)bytes[start + 2] | (size_t)bytes[start + 3] << 8;
	if (path_len == 0 || path_len > REPO_PATH_LEN_MAX || value_len > REPO_VALUE_LEN_MAX ||
	    end - start - ENTRY_HEAD_LEN < path_len + value_len)
		return false;
	*path = slice_of(bytes + start + ENTRY_HEAD_LEN, path_len);
	*value = slice_of(path->bytes + path_len, value_len);
	return true;
}

bool repo_block_parse(struct slice bytes, struct repo_block *block)
{
	struct slice path, last = SLICE_EMPTY, encoded;
	struct repo_value value;
	size_t end;

	if (bytes.len < 4 || bytes.len > REPO_BLOCK_LEN_MAX)
		return false;
	block->count = get_u32le(bytes.bytes + bytes.len - 4);
	if (block->count == 0 || block->count > (bytes.len - 4) / 4)
		return false;
	end = bytes.len - 4 - (size_t)block->count * 4;
	block->bytes = bytes.bytes;
	block->len = end;
	block->starts = bytes.bytes + end;
	for (uint32_t i = 0; i < block->count; i++) {
		if (!entry_slices(bytes.bytes, end, get_u32le(block->starts + 4 * i), &path,
				  &encoded) ||
		    !repo_value_decode(encoded, &value))
			return false;
		if (i > 0 && repo_path_compare(last, path) >= 0)
			return false;
		last = path;
	}
	return true;
}

/* like repo_value_decode of what it has accepted: no need to check the references again */
static void value_read(struct slice in, struct repo_value *value)
{
	uint64_t zigzag = 0;

	value->kind = in.bytes[0];
	in.bytes++;
	in.len--;
	varint_get(&in, &value->size);
	varint_get(&in, &zigzag);
	value->modified = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
	value->content = in;
}

void repo_block_entry(const struct repo_block *block, uint32_t at, struct slice *path,
		      struct repo_value *value)
{
	struct slice encoded = SLICE_EMPTY;

	entry_slices(block->bytes, block->len, get_u32le(block->starts + 4 * at), path, &encoded);
	value_read(encoded, value);
}

uint32_t repo_block_seek(const struct repo_block *block, struct slice path)
{
	uint32_t low = 0, high = block->count;
	struct slice at, value;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		entry_slices(block->bytes, block->len, get_u32le(block->starts + 4 * middle), &at,
			     &value);
		if (repo_path_compare(at, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
