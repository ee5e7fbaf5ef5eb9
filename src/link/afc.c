/*
 * AFC packets (8.2): the one little-endian, wholly binary protocol among the services.
 *
 * Requests and replies have the same shape, so one parser and one writer serve both sides.
 */
#include <string.h>

#include "link/link.h"

enum { AFC_HEADER_LEN = 40, AFC_MAGIC_LEN = 8 };

static const char afc_magic[] = "CFA6LPAA";

int link_afc_parse(struct reader *in, struct link_afc *packet, struct err *err)
{
	struct reader ahead = *in;
	struct link_afc found;
	struct slice magic;
	uint64_t entire_len, this_len;

	if (!reader_slice(&ahead, AFC_MAGIC_LEN, &magic) || !reader_u64le(&ahead, &entire_len) ||
	    !reader_u64le(&ahead, &this_len) || !reader_u64le(&ahead, &found.number) ||
	    !reader_u64le(&ahead, &found.op))
		return LINK_NEED_MORE;
	if (memcmp(magic.bytes, afc_magic, AFC_MAGIC_LEN))
		return err_set(err, ERR_PROTOCOL, "AFC packet without its magic");
	if (this_len < AFC_HEADER_LEN || entire_len < this_len)
		return err_set(err, ERR_PROTOCOL,
			       "AFC packet of %llu bytes, of which %llu before the payload",
			       (unsigned long long)entire_len, (unsigned long long)this_len);
	if (entire_len > LINK_AFC_LEN_MAX)
		return err_set(err, ERR_LIMIT, "AFC packet of %llu bytes, limit %d",
			       (unsigned long long)entire_len, LINK_AFC_LEN_MAX);
	if (!reader_slice(&ahead, this_len - AFC_HEADER_LEN, &found.arguments) ||
	    !reader_slice(&ahead, entire_len - this_len, &found.payload))
		return LINK_NEED_MORE;
	*packet = found;
	*in = ahead;
	return 0;
}

int link_afc_write(struct buf *out, uint64_t number, uint64_t op, struct slice arguments,
		   struct slice payload, struct err *err)
{
	const size_t room = LINK_AFC_LEN_MAX - AFC_HEADER_LEN;
	uint8_t header[AFC_HEADER_LEN];
	size_t this_len;
	int r;

	if (arguments.len > room || payload.len > room - arguments.len)
		return err_set(err, ERR_LIMIT, "AFC packet with %zu + %zu bytes, limit %d in all",
			       arguments.len, payload.len, LINK_AFC_LEN_MAX);
	this_len = AFC_HEADER_LEN + arguments.len;
	memcpy(header, afc_magic, AFC_MAGIC_LEN);
	put_u64le(header + 8, this_len + payload.len);
	put_u64le(header + 16, this_len);
	put_u64le(header + 24, number);
	put_u64le(header + 32, op);

	r = buf_reserve(out, this_len + payload.len, err); /* so that all of it fits or none */
	if (r == 0)
		r = buf_append(out, header, sizeof(header), err);
	if (r == 0)
		r = buf_append_slice(out, arguments, err);
	if (r == 0)
		r = buf_append_slice(out, payload, err);
	return r;
}

int link_afc_write_status(struct buf *out, uint64_t number, uint64_t status, struct err *err)
{
	uint8_t code[8];

	put_u64le(code, status);
	return link_afc_write(out, number, AFC_STATUS, slice_of(code, sizeof(code)), SLICE_EMPTY,
			      err);
}

const char *link_afc_status_text(uint64_t status)
{
	static const char *const texts[] = {
		[0] = "done",
		[1] = "unknown error",
		[2] = "the request's header was wrong",
		[3] = "the device is out of resources",
		[4] = "the device could not read",
		[5] = "the device could not write",
		[6] = "unknown packet type",
		[7] = "an argument of the request was wrong",
		[8] = "no such file or folder",
		[9] = "it is a folder",
		[10] = "permission denied",
		[11] = "the service is not connected",
		[12] = "the device took too long",
		[13] = "too much data",
		[14] = "end of the data",
		[15] = "the device does not support this operation",
		[16] = "it exists already",
		[17] = "the object is busy",
		[18] = "no space left on the device",
		[19] = "another process holds the lock",
		[20] = "input/output error on the device",
		[21] = "the operation was interrupted",
		[22] = "the operation is in progress",
		[23] = "internal error of the device",
		[30] = "error of the device multiplexer",
		[31] = "the device is out of memory",
		[32] = "not enough data",
		[33] = "the folder is not empty",
	};

	if (status < ARRAY_COUNT(texts) && texts[status])
		return texts[status];
	return "a status that this program does not know";
}
