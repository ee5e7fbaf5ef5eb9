/*
 * wire_mux - usbmuxd's side of its protocol
 *
 * A connection sends commands until one of two things happens: Listen, after which only events
 * go out, or a Connect that succeeds, after which the socket belongs to the device's port.
 * Old binary commands are answered with "bad version", which makes clients speak plist.
 */
#include "sim/wire.h"

#include <errno.h>
#include <string.h>

/* what a command led to, beyond failures and WIRE_END */
enum { MUX_LISTENS = 2, MUX_CONNECTED = 3 };

struct connection {
	struct wire_peer *peer;
	uint32_t tag;
	struct wire_port port; /* MUX_CONNECTED: where to; service NULL = lockdown */
};

static int send_out(struct wire_peer *peer, struct err *err)
{
	int r = conn_write(peer->conn, buf_slice(&peer->reply), err);

	return r < 0 ? r : conn_flush(peer->conn, err);
}

static int answer(struct connection *at, const struct plist *root, struct err *err)
{
	int r;

	wire_log_plist(at->peer, "out", root);
	buf_truncate(&at->peer->reply, 0);
	r = link_mux_write_plist(&at->peer->reply, at->tag, at->peer->out, root, err);
	return r < 0 ? r : send_out(at->peer, err);
}

static int result(struct connection *at, uint32_t number, struct err *err)
{
	struct plist *dict = wire_reply(at->peer);

	plist_set_text(at->peer->out, dict, "MessageType", "Result");
	plist_set_int(at->peer->out, dict, "Number", number);
	return answer(at, dict, err);
}

/* ---- what is attached ---- */

static struct plist *attached(struct plist_doc *doc, const struct wire_device *device, uint32_t id)
{
	struct plist *event = plist_new_dict(doc), *properties = plist_new_dict(doc);
	char serial[41];
	size_t len = 0;

	/* usbmuxd reports the 24 digits of newer devices without their dash */
	for (const char *c = device->udid; *c; c++)
		if (*c != '-')
			serial[len++] = *c;
	serial[len] = 0;
	plist_set_text(doc, properties, "ConnectionType", "USB");
	plist_set_int(doc, properties, "DeviceID", id);
	plist_set_int(doc, properties, "LocationID", 0x100000 + id);
	plist_set_int(doc, properties, "ProductID", 0x12a8);
	plist_set_int(doc, properties, "ConnectionSpeed", 480000000);
	plist_set_text(doc, properties, "SerialNumber", serial);
	plist_set_text(doc, event, "MessageType", "Attached");
	plist_set_int(doc, event, "DeviceID", id);
	plist_set(doc, event, "Properties", properties);
	return event;
}

static int list_devices(struct connection *at, struct err *err)
{
	struct plist *dict = wire_reply(at->peer), *list = plist_new_array(at->peer->out);
	struct wire_device *device;
	uint32_t id;

	for (size_t i = 0; (device = wire_device_at(at->peer->wire, i)); i++)
		if ((id = wire_device_id(device)) != 0)
			plist_add(at->peer->out, list, attached(at->peer->out, device, id));
	plist_set(at->peer->out, dict, "DeviceList", list);
	return answer(at, dict, err);
}

static int connect_to(struct connection *at, const struct plist *request, struct err *err)
{
	struct wire_device *device;
	int64_t id, port;
	int r;

	if (!plist_get_int(request, "DeviceID", &id) ||
	    !plist_get_int(request, "PortNumber", &port) || port < 0 || port > UINT16_MAX)
		return result(at, LINK_MUX_BAD_COMMAND, err);
	device = id > 0 && id <= UINT32_MAX ? wire_device_find(at->peer->wire, (uint32_t)id) : NULL;
	if (!device)
		return result(at, LINK_MUX_BAD_DEVICE, err);
	/* the port travels with its two bytes swapped */
	port = (port >> 8) | ((port & 0xff) << 8);
	at->port = (struct wire_port){0};
	if (port != LINK_LOCKDOWN_PORT && !wire_port_take(device, (uint16_t)port, &at->port))
		return result(at, LINK_MUX_REFUSED, err);
	wire_peer_join(at->peer, device);
	r = result(at, LINK_MUX_OK, err);
	return r < 0 ? r : MUX_CONNECTED;
}

/* ---- pair records ---- */

static int records(struct connection *at, const char *type, const struct plist *request,
		   struct err *err)
{
	CLEANUP(buf_wipe) struct buf record = BUF_INIT(LINK_REQUEST_LEN_MAX);
	const char *id = plist_get_text(request, "PairRecordID");
	struct slice saved = SLICE_EMPTY;
	int64_t device;
	char udid[41];
	int r;

	/* an id becomes part of a path: only the two forms of a UDID pass */
	if (!id || !link_udid_normalize(id, udid))
		return result(at, EINVAL, err);
	if (strcmp(type, "ReadPairRecord") == 0) {
		r = wire_records_read(at->peer->wire, udid, &record, err);
		if (r == 0) {
			struct plist *dict = wire_reply(at->peer);

			plist_set_data(at->peer->out, dict, "PairRecordData", buf_slice(&record));
			return answer(at, dict, err);
		}
	} else if (strcmp(type, "SavePairRecord") == 0) {
		plist_get_data(request, "PairRecordData", &saved);
		r = wire_records_save(at->peer->wire, udid, saved, err);
		if (r == 0 && plist_get_int(request, "DeviceID", &device) && device > 0 &&
		    device <= UINT32_MAX)
			wire_broadcast(at->peer->wire, WIRE_PAIRED, (uint32_t)device);
	} else {
		r = wire_records_delete(at->peer->wire, udid, err);
	}
	return r < 0 ? r : result(at, (uint32_t)r, err);
}

static int read_buid(struct connection *at, struct err *err)
{
	char buid[37];
	struct plist *dict;
	int r = wire_records_buid(at->peer->wire, buid, err);

	if (r < 0)
		return r;
	dict = wire_reply(at->peer);
	plist_set_text(at->peer->out, dict, "BUID", buid);
	return answer(at, dict, err);
}

static int list_listeners(struct connection *at, struct err *err)
{
	struct plist *dict = wire_reply(at->peer);

	plist_set(at->peer->out, dict, "ListenerList", plist_new_array(at->peer->out));
	return answer(at, dict, err);
}

/* ---- one packet ---- */

static int obey(struct connection *at, const struct plist *request, struct err *err)
{
	const char *type = plist_get_text(request, "MessageType");
	int r;

	if (!type)
		return result(at, LINK_MUX_BAD_COMMAND, err);
	if (strcmp(type, "ListDevices") == 0)
		return list_devices(at, err);
	if (strcmp(type, "Connect") == 0)
		return connect_to(at, request, err);
	if (strcmp(type, "ReadBUID") == 0)
		return read_buid(at, err);
	if (strcmp(type, "ListListeners") == 0)
		return list_listeners(at, err);
	if (strcmp(type, "ReadPairRecord") == 0 || strcmp(type, "SavePairRecord") == 0 ||
	    strcmp(type, "DeletePairRecord") == 0)
		return records(at, type, request, err);
	if (strcmp(type, "Listen") == 0) {
		r = result(at, LINK_MUX_OK, err);
		return r < 0 ? r : MUX_LISTENS;
	}
	return result(at, LINK_MUX_BAD_COMMAND, err);
}

static int next_packet(struct connection *at, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct wire_peer *peer = at->peer;
	struct link_mux_packet packet;
	const struct plist *request;
	struct reader in;
	int r;

	for (;;) {
		in = conn_view(peer->conn);
		r = link_mux_parse(&in, &packet, err);
		if (r != LINK_NEED_MORE)
			break;
		r = conn_fill_more(peer->conn, err);
		if (r < 0)
			return r == ERR_CLOSED && in.left == 0 ? WIRE_END : r;
	}
	if (r < 0)
		return r;
	at->tag = packet.tag;
	if (packet.version != 1 || packet.message != LINK_MUX_PLIST) {
		conn_consume(peer->conn, conn_view(peer->conn).left - in.left);
		buf_truncate(&peer->reply, 0);
		r = link_mux_write_result(&peer->reply, at->tag, LINK_MUX_BAD_VERSION, true, err);
		return r < 0 ? r : send_out(peer, err);
	}
	plist_doc_reset(peer->in);
	r = plist_parse(peer->in, packet.payload, &limits, &request, err);
	conn_consume(peer->conn, conn_view(peer->conn).left - in.left);
	if (r < 0)
		return r;
	wire_log_plist(peer, "in", request);
	return obey(at, request, err);
}

/* ---- Listen ---- */

static int send_event(struct connection *at, const struct wire_item *item, struct err *err)
{
	struct wire_device *device = wire_device_find(at->peer->wire, item->number);
	struct plist *dict = wire_reply(at->peer);

	if (item->event == WIRE_ATTACHED && !device)
		return 0; /* gone again before this listener heard of it */
	if (item->event == WIRE_ATTACHED) {
		dict = attached(at->peer->out, device, item->number);
	} else {
		plist_set_text(at->peer->out, dict, "MessageType",
			       item->event == WIRE_PAIRED ? "Paired" : "Detached");
		plist_set_int(at->peer->out, dict, "DeviceID", item->number);
	}
	at->tag = 0;
	return answer(at, dict, err);
}

static int listen_for_events(struct connection *at, struct err *err)
{
	CLEANUP(wire_inbox_clear) struct wire_inbox inbox;
	struct wire_item item;
	int r;

	r = wire_inbox_init(&inbox, err);
	if (r < 0)
		return r;
	wire_listener_add(at->peer->wire, &inbox);
	while ((r = wire_inbox_wait(&inbox, at->peer, err)) == 0) {
		while (r == 0 && wire_inbox_take(&inbox, &item))
			r = send_event(at, &item, err);
		/* whatever a listener still sends is dropped; its end is noticed here */
		if (r == 0 && conn_is_readable(at->peer->conn)) {
			r = conn_fill_more(at->peer->conn, err);
			conn_consume(at->peer->conn, conn_view(at->peer->conn).left);
		}
		if (r < 0)
			break;
	}
	wire_listener_remove(at->peer->wire, &inbox);
	return r == ERR_CLOSED ? WIRE_END : r;
}

/* ---- the socket now belongs to a port of a device ---- */

static int speak_port(struct connection *at, struct err *err)
{
	struct wire_peer *peer = at->peer;
	bool is_known = false;
	int r;

	if (!at->port.service) {
		peer->service = "lockdown";
		return wire_speak_lockdown(peer, err);
	}
	peer->service = at->port.service->name;
	peer->encoding = at->port.service->encoding;
	peer->is_escrowed = at->port.is_escrowed;
	if (at->port.host_id[0]) {
		r = sim_device_pairing_get(peer->device->device, at->port.host_id, &peer->pairing,
					   &is_known, err);
		if (r < 0)
			return r;
		if (!is_known)
			return err_set(err, ERR_POLICY, "%s: its pairing is gone", peer->service);
	}
	if (at->port.is_tls) {
		r = wire_peer_tls(peer, err);
		if (r < 0)
			return r;
	}
	return at->port.service->speak(peer, err);
}

int wire_speak_mux(struct wire_peer *peer, struct err *err)
{
	struct connection at = {.peer = peer};
	int r;

	do {
		r = next_packet(&at, err);
	} while (r == 0);
	if (r == MUX_LISTENS)
		return listen_for_events(&at, err);
	if (r == MUX_CONNECTED)
		return speak_port(&at, err);
	return r;
}
