/*
 * The frame that lockdown, the plist services and DeviceLink share (3.1, 7, 9.1): a
 * big-endian length, then a plist in either encoding.
 */
#include "link/link.h"

enum { FRAME_HEADER_LEN = 4 };

static int check_len(uint32_t len, size_t len_max, struct err *err)
{
	if (len > len_max)
		return err_set(err, ERR_LIMIT, "message of %u bytes, limit %zu", len, len_max);
	return 0;
}

int link_frame_parse(struct reader *in, size_t len_max, struct slice *payload, struct err *err)
{
	struct reader ahead = *in;
	uint32_t len;
	int r;

	if (!reader_u32be(&ahead, &len))
		return LINK_NEED_MORE;
	if (len == 0)
		return err_set(err, ERR_PROTOCOL, "empty message");
	r = check_len(len, len_max, err);
	if (r < 0)
		return r;
	if (!reader_slice(&ahead, len, payload))
		return LINK_NEED_MORE;
	*in = ahead;
	return 0;
}

int link_frame_want(struct reader in, size_t len_max, size_t *want, struct err *err)
{
	uint32_t len;
	int r;

	if (!reader_u32be(&in, &len)) {
		*want = FRAME_HEADER_LEN;
		return 0;
	}
	r = check_len(len, len_max, err);
	if (r < 0)
		return r;
	*want = FRAME_HEADER_LEN + (size_t)len;
	return 0;
}

int link_frame_write(struct buf *out, const struct plist_doc *doc, const struct plist *root,
		     enum link_encoding encoding, struct err *err)
{
	size_t start = out->len, len;
	int r;

	r = buf_append_u32be(out, 0, err); /* patched below */
	if (r < 0)
		return r;
	if (encoding == LINK_BINARY)
		r = plist_write_binary(doc, root, out, err);
	else
		r = plist_write_xml(doc, root, out, err);
	len = out->len - start - FRAME_HEADER_LEN;
	if (r == 0 && len > UINT32_MAX)
		r = err_set(err, ERR_LIMIT, "message of %zu bytes does not fit a frame", len);
	if (r < 0) {
		buf_truncate(out, start);
		return r;
	}
	put_u32be(out->bytes + start, (uint32_t)len);
	return 0;
}
