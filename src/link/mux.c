/*
 * usbmux packets (2.2): 16 bytes of header, little endian, then a plist or an old struct.
 *
 * Only the simulator speaks this side; hosts reach the daemon through libusbmuxd.
 */
#include <string.h>

#include "link/link.h"

enum { MUX_HEADER_LEN = 16, MUX_VERSION_BINARY = 0, MUX_VERSION_PLIST = 1 };

int link_mux_parse(struct reader *in, struct link_mux_packet *packet, struct err *err)
{
	struct reader ahead = *in;
	struct link_mux_packet found;
	uint32_t len;

	if (!reader_u32le(&ahead, &len))
		return LINK_NEED_MORE;
	if (len < MUX_HEADER_LEN)
		return err_set(err, ERR_PROTOCOL, "usbmux packet of %u bytes, its header has %d",
			       len, MUX_HEADER_LEN);
	if (len > LINK_MUX_LEN_MAX)
		return err_set(err, ERR_LIMIT, "usbmux packet of %u bytes, limit %d", len,
			       LINK_MUX_LEN_MAX);
	if (!reader_u32le(&ahead, &found.version) || !reader_u32le(&ahead, &found.message) ||
	    !reader_u32le(&ahead, &found.tag) ||
	    !reader_slice(&ahead, len - MUX_HEADER_LEN, &found.payload))
		return LINK_NEED_MORE;
	*packet = found;
	*in = ahead;
	return 0;
}

static int append_header(struct buf *out, uint32_t version, uint32_t message, uint32_t tag,
			 struct err *err)
{
	uint8_t header[MUX_HEADER_LEN];

	put_u32le(header, MUX_HEADER_LEN); /* the whole length is patched in afterwards */
	put_u32le(header + 4, version);
	put_u32le(header + 8, message);
	put_u32le(header + 12, tag);
	return buf_append(out, header, sizeof(header), err);
}

int link_mux_write_plist(struct buf *out, uint32_t tag, const struct plist_doc *doc,
			 const struct plist *root, struct err *err)
{
	size_t start = out->len;
	int r;

	r = append_header(out, MUX_VERSION_PLIST, LINK_MUX_PLIST, tag, err);
	if (r < 0)
		return r;
	r = plist_write_xml(doc, root, out, err);
	if (r == 0 && out->len - start > LINK_MUX_LEN_MAX)
		r = err_set(err, ERR_LIMIT, "usbmux packet of %zu bytes, limit %d",
			    out->len - start, LINK_MUX_LEN_MAX);
	if (r < 0) {
		buf_truncate(out, start);
		return r;
	}
	put_u32le(out->bytes + start, (uint32_t)(out->len - start));
	return 0;
}

static int write_result_binary(struct buf *out, uint32_t tag, uint32_t number, struct err *err)
{
	size_t start = out->len;
	int r;

	r = append_header(out, MUX_VERSION_BINARY, LINK_MUX_RESULT, tag, err);
	if (r == 0)
		r = buf_append_u32le(out, number, err);
	if (r < 0) {
		buf_truncate(out, start);
		return r;
	}
	put_u32le(out->bytes + start, MUX_HEADER_LEN + 4);
	return 0;
}

int link_mux_write_result(struct buf *out, uint32_t tag, uint32_t number, bool is_binary,
			  struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *dict;
	int r;

	if (is_binary)
		return write_result_binary(out, tag, number, err);
	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	dict = plist_new_dict(doc);
	plist_set_text(doc, dict, "MessageType", "Result");
	plist_set_int(doc, dict, "Number", number);
	return link_mux_write_plist(out, tag, doc, dict, err);
}
