/*
 * wire_faults - what faults do to a connection of mobilebackup2
 *
 * Cuts count plain bytes (before TLS), so that a number means the same with and without it.
 * Malformed property lists are made here byte by byte: no writer would produce them.
 */
#include "sim/wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- cut:bytes, cut:received ---- */

static size_t let_through(struct wire_tap *tap, uint64_t *count, const char *direction, size_t len)
{
	struct sim_faults *faults = tap->peer->device->faults;

	for (size_t i = 0; i < faults->count; i++) {
		const struct sim_fault *fault = &faults->list[i];
		bool is_received = strcmp(fault->text, "received") == 0;

		if (fault->kind != SIM_FAULT_CUT_BYTES || is_received != (direction[0] == 'r') ||
		    *count + len < fault->number || *count > fault->number)
			continue;
		if (!sim_faults_take(faults, fault, "cut after %llu bytes %s",
				     (unsigned long long)fault->number, direction))
			continue;
		len = (size_t)(fault->number - *count);
		*count = UINT64_MAX - NET_OUT_LEN; /* the connection is over */
		return len;
	}
	*count += len;
	return len;
}

static size_t tap_out(struct conn_tap *tap, const uint8_t *bytes, size_t len)
{
	struct wire_tap *mine = (struct wire_tap *)tap;

	return let_through(mine, &mine->out_count, "sent", len);
}

static size_t tap_in(struct conn_tap *tap, const uint8_t *bytes, size_t len)
{
	struct wire_tap *mine = (struct wire_tap *)tap;

	return let_through(mine, &mine->in_count, "received", len);
}

void wire_tap_init(struct wire_tap *tap, struct wire_peer *peer)
{
	*tap = (struct wire_tap){.tap = {.out = tap_out, .in = tap_in}, .peer = peer};
	if (sim_faults_find(peer->device->faults, SIM_FAULT_CUT_BYTES))
		conn_set_tap(peer->conn, &tap->tap);
}

/* ---- by count ---- */

const struct sim_fault *wire_fault_at(const struct wire_peer *peer, enum sim_fault_kind kind,
				      uint64_t count)
{
	const struct sim_faults *faults = peer->device->faults;

	for (size_t i = 0; i < faults->count; i++) {
		const struct sim_fault *fault = &faults->list[i];
		uint64_t at = kind == SIM_FAULT_CUT_MESSAGE || kind == SIM_FAULT_SILENCE ||
					      kind == SIM_FAULT_PLIST
				      ? fault->number
				      : fault->nth;

		if (fault->kind == kind && (at ? at : 1) == count)
			return fault;
	}
	return NULL;
}

bool wire_fault_order(const struct wire_peer *peer, const char *word)
{
	struct sim_faults *faults = peer->device->faults;

	for (size_t i = 0; i < faults->count; i++) {
		const struct sim_fault *fault = &faults->list[i];

		if (fault->kind == SIM_FAULT_ORDER && strcmp(fault->text, word) == 0)
			return sim_faults_take(faults, fault, "order: %s", word);
	}
	return false;
}

int wire_silence(struct wire_peer *peer, struct err *err)
{
	struct err end = ERR_INIT;
	int r;

	do {
		conn_consume(peer->conn, conn_view(peer->conn).left);
		r = conn_fill(peer->conn, 1, &end);
	} while (r == 0);
	return err_set(err, ERR_CLOSED, "silent until the host went away: %s", end.text);
}

/* ---- malformed property lists ---- */

enum { DEEP = 1000, BOMB_LEVELS = 30, HUGE_LEN = 1 << 20 };

static int deep(struct buf *out, struct err *err)
{
	int r = buf_append_text(out, "<?xml version=\"1.0\"?><plist version=\"1.0\">", err);

	for (int i = 0; r == 0 && i < DEEP; i++)
		r = buf_append_text(out, "<array>", err);
	for (int i = 0; r == 0 && i < DEEP; i++)
		r = buf_append_text(out, "</array>", err);
	return r < 0 ? r : buf_append_text(out, "</plist>", err);
}

/* each entity stands for ten of the one before: 10^9 at the end */
static int bomb_xml(struct buf *out, struct err *err)
{
	int r = buf_append_text(out, "<?xml version=\"1.0\"?><!DOCTYPE plist [<!ENTITY e0 \"lol\">",
				err);

	for (int i = 1; r == 0 && i < 10; i++) {
		r = buf_append_format(out, err, "<!ENTITY e%d \"", i);
		for (int j = 0; r == 0 && j < 10; j++)
			r = buf_append_format(out, err, "&e%d;", i - 1);
		if (r == 0)
			r = buf_append_text(out, "\">", err);
	}
	return r < 0 ? r
		     : buf_append_text(
			       out,
			       "]><plist "
			       "version=\"1.0\"><array><string>&e9;</string></array></plist>",
			       err);
}

/* array n holds array n+1 twice: 2^30 values in 200 bytes */
static int bomb_binary(struct buf *out, struct err *err)
{
	uint8_t offsets[BOMB_LEVELS + 1];
	int r = buf_append_text(out, "bplist00", err);

	for (uint8_t i = 0; r == 0 && i < BOMB_LEVELS; i++) {
		const uint8_t node[3] = {0xa2, (uint8_t)(i + 1), (uint8_t)(i + 1)};

		offsets[i] = (uint8_t)out->len;
		r = buf_append(out, node, sizeof(node), err);
	}
	offsets[BOMB_LEVELS] = (uint8_t)out->len;
	if (r == 0)
		r = buf_append_u8(out, 0x09, err);
	if (r < 0)
		return r;
	uint64_t table = out->len;

	r = buf_append(out, offsets, sizeof(offsets), err);
	/* trailer: 6 unused, offset size 1, reference size 1, count, root, where the offsets lie */
	for (int i = 0; r == 0 && i < 8; i++)
		r = buf_append_u8(out, i < 6 ? 0 : 1, err);
	if (r == 0)
		r = buf_append_u64be(out, BOMB_LEVELS + 1, err);
	if (r == 0)
		r = buf_append_u64be(out, 0, err);
	return r < 0 ? r : buf_append_u64be(out, table, err);
}

static int malformed(const char *what, struct buf *out, struct err *err)
{
	if (strcmp(what, "bomb-xml") == 0)
		return bomb_xml(out, err);
	if (strcmp(what, "bomb-binary") == 0)
		return bomb_binary(out, err);
	if (strcmp(what, "deep") == 0)
		return deep(out, err);
	if (strcmp(what, "not-an-array") == 0)
		return buf_append_text(out,
				       "<?xml version=\"1.0\"?><plist "
				       "version=\"1.0\"><dict><key>DLMessageUploadFiles</key><true/"
				       "></dict></plist>",
				       err);
	if (strcmp(what, "truncated") == 0)
		return buf_append_text(out,
				       "<?xml version=\"1.0\"?><plist "
				       "version=\"1.0\"><array><string>DLMessageCrea",
				       err);
	return 0; /* huge, empty: the length says it */
}

static int send_malformed(struct wire_peer *peer, const char *what, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(LINK_REQUEST_LEN_MAX);
	bool is_huge = strcmp(what, "huge") == 0;
	uint8_t header[4];
	int r;

	r = malformed(what, &body, err);
	if (r < 0)
		return r;
	put_u32be(header, is_huge ? UINT32_MAX : (uint32_t)body.len);
	r = conn_write(peer->conn, slice_of(header, sizeof(header)), err);
	if (r == 0)
		r = conn_write(peer->conn, buf_slice(&body), err);
	return r < 0 ? r : conn_flush(peer->conn, err);
}

int wire_fault_message(struct wire_peer *peer, uint64_t count, struct err *err)
{
	struct sim_faults *faults = peer->device->faults;
	const struct sim_fault *fault;
	int r;

	fault = wire_fault_at(peer, SIM_FAULT_CUT_MESSAGE, count);
	if (fault &&
	    sim_faults_take(faults, fault, "cut before message %llu", (unsigned long long)count))
		return err_set(err, ERR_CLOSED, "cut by a fault");
	fault = wire_fault_at(peer, SIM_FAULT_SILENCE, count);
	if (fault && sim_faults_take(faults, fault, "silence from message %llu on",
				     (unsigned long long)count))
		return wire_silence(peer, err);
	fault = wire_fault_at(peer, SIM_FAULT_PLIST, count);
	if (fault && sim_faults_take(faults, fault, "a malformed plist (%s) as message %llu",
				     fault->text, (unsigned long long)count)) {
		r = send_malformed(peer, fault->text, err);
		return r < 0 ? r : wire_silence(peer, err);
	}
	return 0;
}

int wire_fault_name(const struct sim_fault *fault, const char *udid, struct buf *out,
		    struct err *err)
{
	static const char placeholder[] = "%UDID%";
	const size_t skip = sizeof(placeholder) - 1;
	int r = 0;

	do {
		for (size_t i = 0; r == 0 && i < fault->text_len; i++) {
			if (fault->text_len - i >= skip &&
			    memcmp(fault->text + i, placeholder, skip) == 0) {
				r = buf_append_text(out, udid, err);
				i += skip - 1;
			} else {
				r = buf_append_u8(out, (uint8_t)fault->text[i], err);
			}
		}
	} while (r == 0 && out->len < fault->number && fault->text_len > 0);
	if (r == 0 && fault->number > 0 && out->len > fault->number)
		buf_truncate(out, fault->number);
	return r;
}
