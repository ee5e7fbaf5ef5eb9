/* refs.c - references to chunks as bytes: inside table entries and on list pages */
#include "repo/internal.h"

#include <string.h>

void repo_ref_encode(const struct repo_ref *ref, uint8_t out[REPO_REF_LEN])
{
	memcpy(out, ref->id, REPO_CHUNK_ID_LEN);
	put_u64le(out + REPO_CHUNK_ID_LEN, ref->len);
}

static void ref_decode(const uint8_t in[REPO_REF_LEN], struct repo_ref *ref)
{
	memcpy(ref->id, in, REPO_CHUNK_ID_LEN);
	ref->len = get_u64le(in + REPO_CHUNK_ID_LEN);
}

/*
 * depth u8, count u8, then the references.  A file of one chunk, nearly every one, leaves
 * out the length: it is the file's.
 */
size_t repo_refs_encode(const struct repo_refs *refs, uint8_t out[REPO_CONTENT_LEN_MAX])
{
	size_t at = 2;

	out[0] = refs->depth;
	out[1] = (uint8_t)refs->count;
	if (refs->count == 1) {
		memcpy(out + at, refs->ref[0].id, REPO_CHUNK_ID_LEN);
		return at + REPO_CHUNK_ID_LEN;
	}
	for (uint32_t i = 0; i < refs->count; i++, at += REPO_REF_LEN)
		repo_ref_encode(&refs->ref[i], out + at);
	return at;
}

bool repo_refs_decode(struct slice in, uint64_t size, struct repo_refs *refs)
{
	uint64_t left = size;

	if (in.len < 2 || in.bytes[0] > REPO_LIST_DEPTH_MAX || in.bytes[1] > REPO_INLINE_REFS_MAX)
		return false;
	refs->depth = in.bytes[0];
	refs->count = in.bytes[1];
	if (refs->count == 1) {
		if (in.len != 2 + REPO_CHUNK_ID_LEN || size == 0)
			return false;
		memcpy(refs->ref[0].id, in.bytes + 2, REPO_CHUNK_ID_LEN);
		refs->ref[0].len = size;
		return true;
	}
	if (in.len != 2 + (size_t)refs->count * REPO_REF_LEN)
		return false;
	for (uint32_t i = 0; i < refs->count; i++) {
		ref_decode(in.bytes + 2 + i * REPO_REF_LEN, &refs->ref[i]);
		if (refs->ref[i].len == 0 || refs->ref[i].len > left)
			return false;
		left -= refs->ref[i].len;
	}
	return left == 0;
}

uint32_t repo_list_decode(struct slice in, struct repo_ref *refs)
{
	uint32_t count = (uint32_t)(in.len / REPO_REF_LEN);

	if (count == 0 || count > REPO_LIST_REFS_MAX || in.len % REPO_REF_LEN != 0)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		ref_decode(in.bytes + i * REPO_REF_LEN, &refs[i]);
		if (refs[i].len == 0 || refs[i].len > UINT64_MAX / REPO_LIST_REFS_MAX)
			return 0;
	}
	return count;
}
