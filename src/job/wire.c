/*
 * wire - messages over one connection
 *
 * Every plist service frames the same way: a length, then a property list.  This holds
 * a connection with its two scratch documents, so that a run allocates them once.
 */
#include "job/internal.h"

#include <string.h>

enum { GATHER_STEP = 64 << 10 };

int wire_init(struct wire *wire, struct conn *conn, struct err *err)
{
	int r;

	*wire = (struct wire){.conn = conn,
			      .out = BUF_INIT(LINK_DL_LEN_MAX + 4),
			      .in = BUF_INIT(LINK_DL_LEN_MAX + 4)};
	r = plist_doc_new(&wire->request, err);
	if (r == 0)
		r = plist_doc_new(&wire->reply, err);
	if (r < 0)
		wire_clear(wire);
	return r;
}

void wire_clear(struct wire *wire)
{
	conn_free_p(&wire->conn);
	plist_doc_free_p(&wire->request);
	plist_doc_free_p(&wire->reply);
	buf_wipe(&wire->out); /* a pair record or a password may have passed */
	buf_clear(&wire->in);
}

struct plist_doc *wire_request(struct wire *wire)
{
	plist_doc_reset(wire->request);
	return wire->request;
}

int wire_put(struct wire *wire, const struct plist *root, enum link_encoding encoding,
	     struct err *err)
{
	int r;

	buf_truncate(&wire->out, 0);
	r = link_frame_write(&wire->out, wire->request, root, encoding, err);
	if (r < 0)
		return r;
	return conn_write(wire->conn, buf_slice(&wire->out), err);
}

int wire_flush(struct wire *wire, struct err *err)
{
	return conn_flush(wire->conn, err);
}

int wire_send(struct wire *wire, const struct plist *root, enum link_encoding encoding,
	      struct err *err)
{
	int r = wire_put(wire, root, encoding, err);

	return r < 0 ? r : wire_flush(wire, err);
}

/* wire_gather - a frame larger than the connection's own buffer, taken in as it comes */
static int wire_gather(struct wire *wire, size_t want, struct slice *payload, struct err *err)
{
	int r;

	buf_truncate(&wire->in, 0);
	while (wire->in.len < want) {
		size_t step = want - wire->in.len;

		if (step > GATHER_STEP)
			step = GATHER_STEP;
		r = buf_reserve(&wire->in, step, err);
		if (r < 0)
			return r;
		r = conn_read(wire->conn, wire->in.bytes + wire->in.len, step, err);
		if (r < 0)
			return r;
		wire->in.len += step;
	}
	*payload = slice_of(wire->in.bytes + 4, want - 4);
	return 0;
}

int wire_receive(struct wire *wire, size_t len_max, const struct plist **root, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_FRAME;
	struct slice payload;
	struct reader in;
	size_t want = 0, before;
	int r;

	r = conn_fill(wire->conn, 4, err);
	if (r < 0)
		return r;
	r = link_frame_want(conn_view(wire->conn), len_max, &want, err);
	if (r < 0)
		return r;
	plist_doc_reset(wire->reply);
	if (want > NET_IN_LEN) {
		r = wire_gather(wire, want, &payload, err);
		if (r < 0)
			return r;
		r = plist_parse(wire->reply, payload, &limits, root, err);
		if (wire->in.cap > 4 * GATHER_STEP)
			buf_clear(&wire->in);
		return r;
	}
	r = conn_fill(wire->conn, want, err);
	if (r < 0)
		return r;
	in = conn_view(wire->conn);
	before = in.left;
	r = link_frame_parse(&in, len_max, &payload, err);
	if (r == LINK_NEED_MORE)
		return err_set(err, ERR_PROTOCOL, "a frame says two lengths");
	if (r < 0)
		return r;
	r = plist_parse(wire->reply, payload, &limits, root, err);
	conn_consume(wire->conn, before - in.left);
	return r;
}
