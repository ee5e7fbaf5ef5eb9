/* wire_peer - one connection of the simulator: frames, TLS, and what it belongs to */
#include "sim/wire.h"

#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

enum {
	READ_STEP = 64 << 10
}; /* memory for a frame grows with what has arrived, not with what was announced */

int wire_peer_new(struct wire_peer **out, struct wire *wire, int fd, struct err *err)
{
	struct wire_peer *peer;
	struct conn *conn;
	int r;

	r = conn_new(&conn, fd, wire_clock(wire), wire_cancel(wire), err);
	if (r < 0)
		return r;
	peer = calloc(1, sizeof(*peer));
	if (!peer) {
		conn_free(conn);
		return err_no_memory(err);
	}
	*peer = (struct wire_peer){
		.wire = wire,
		.conn = conn,
		.service = "usbmux",
		.encoding = LINK_XML,
		.frame = BUF_INIT(LINK_DL_LEN_MAX),
		.reply = BUF_INIT(LINK_DL_LEN_MAX),
	};
	sim_pairing_init(&peer->pairing);
	r = plist_doc_new(&peer->in, err);
	if (r == 0)
		r = plist_doc_new(&peer->out, err);
	if (r < 0) {
		wire_peer_free(peer);
		return r;
	}
	*out = peer;
	return 0;
}

void wire_peer_join(struct wire_peer *peer, struct wire_device *device)
{
	peer->device = device;
	pthread_mutex_lock(&device->mutex);
	peer->next = device->peers;
	device->peers = peer;
	pthread_mutex_unlock(&device->mutex);
}

static void leave(struct wire_peer *peer)
{
	struct wire_peer **at;

	if (!peer->device)
		return;
	pthread_mutex_lock(&peer->device->mutex);
	for (at = &peer->device->peers; *at; at = &(*at)->next) {
		if (*at == peer) {
			*at = peer->next;
			break;
		}
	}
	pthread_mutex_unlock(&peer->device->mutex);
}

void wire_peer_free(struct wire_peer *peer)
{
	if (!peer)
		return;
	leave(peer);
	if (peer->is_tls)
		conn_tls_end(peer->conn);
	conn_free(peer->conn);
	sim_pairing_clear(&peer->pairing);
	plist_doc_free(peer->in);
	plist_doc_free(peer->out);
	buf_wipe(&peer->frame); /* may have held a password */
	buf_clear(&peer->reply);
	free(peer);
}

/* gather @len bytes into peer->frame */
static int gather(struct wire_peer *peer, size_t len, struct err *err)
{
	buf_truncate(&peer->frame, 0);
	while (peer->frame.len < len) {
		size_t step = len - peer->frame.len < READ_STEP ? len - peer->frame.len : READ_STEP;
		int r = buf_reserve(&peer->frame, step, err);

		if (r == 0)
			r = conn_read(peer->conn, peer->frame.bytes + peer->frame.len, step, err);
		if (r < 0)
			return r;
		peer->frame.len += step;
	}
	return 0;
}

int wire_receive(struct wire_peer *peer, size_t len_max, const struct plist **root, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_FRAME;
	uint8_t header[4];
	struct err end = ERR_INIT;
	uint32_t len;
	int r;

	r = conn_fill(peer->conn, 1, &end);
	if (r == ERR_CLOSED)
		return WIRE_END;
	if (r < 0) {
		*err = end;
		return r;
	}
	r = conn_read(peer->conn, header, sizeof(header), err);
	if (r < 0)
		return r;
	len = get_u32be(header);
	if (len == 0 || len > len_max)
		return err_set(err, ERR_PROTOCOL, "%s: a frame of %u bytes, allowed are 1 to %zu",
			       peer->service, len, len_max);
	r = gather(peer, len, err);
	if (r < 0)
		return r;
	plist_doc_reset(peer->in);
	r = plist_parse(peer->in, buf_slice(&peer->frame), &limits, root, err);
	if (r < 0)
		return err_wrap(err, r, "%s", peer->service);
	wire_log_plist(peer, "in", *root);
	return 0;
}

struct plist *wire_reply(struct wire_peer *peer)
{
	plist_doc_reset(peer->out);
	return plist_new_dict(peer->out);
}

int wire_send(struct wire_peer *peer, const struct plist *root, struct err *err)
{
	int r;

	wire_log_plist(peer, "out", root);
	buf_truncate(&peer->reply, 0);
	r = link_frame_write(&peer->reply, peer->out, root, peer->encoding, err);
	if (r == 0)
		r = conn_write(peer->conn, buf_slice(&peer->reply), err);
	if (r == 0)
		r = conn_flush(peer->conn, err);
	return r;
}

/* ---- TLS ---- */

static bool is_cert(struct slice shown, const struct buf *pem)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_PEM_MAX);
	struct err ignored = ERR_INIT;

	return crypto_cert_der(buf_slice(pem), &der, &ignored) == 0 &&
	       slice_equal(shown, buf_slice(&der));
}

/* hosts show the host's or the root's certificate; both have empty names, so no chain is built */
static bool admit(void *arg, struct slice cert_der)
{
	const struct wire_peer *peer = arg;

	return cert_der.len > 0 && (is_cert(cert_der, &peer->pairing.host_cert) ||
				    is_cert(cert_der, &peer->pairing.root_cert));
}

/* the fault "certificate": a key and a certificate that the pairing never saw */
static int make_other(struct wire_device *device, struct err *err)
{
	CLEANUP(crypto_pairing_clear) struct crypto_pairing made;
	CLEANUP(buf_clear) struct buf public = BUF_INIT(CRYPTO_PEM_MAX);
	uint8_t seed[32];
	int r;

	crypto_pairing_init(&made);
	if (device->other_cert.len > 0)
		return 0;
	sim_device_derive(device->device, "other key", 0, seed, sizeof(seed));
	r = crypto_rsa_derive(seed, &device->other_key, &public, err);
	if (r == 0)
		r = crypto_pairing_make(&made, buf_slice(&public), sim_device_now(device->device),
					err);
	if (r == 0)
		r = buf_append_slice(&device->other_cert, buf_slice(&made.device_cert_pem), err);
	return r;
}

static int choose_identity(struct wire_peer *peer, struct net_tls_server *tls, struct err *err)
{
	struct wire_device *device = peer->device;
	const struct sim_fault *fault = sim_faults_find(device->faults, SIM_FAULT_CERTIFICATE);
	struct slice public;
	int r;

	if (fault &&
	    sim_faults_take(device->faults, fault, "another certificate than the paired one on %s",
			    peer->service)) {
		pthread_mutex_lock(&device->mutex);
		r = make_other(device, err);
		pthread_mutex_unlock(&device->mutex);
		tls->cert_pem = buf_slice(&device->other_cert);
		tls->key_pem = buf_slice(&device->other_key);
		return r;
	}
	tls->cert_pem = buf_slice(&peer->pairing.device_cert);
	return sim_device_key(device->device, &tls->key_pem, &public, err);
}

int wire_peer_tls(struct wire_peer *peer, struct err *err)
{
	const struct sim_fault *records = sim_faults_find(peer->device->faults, SIM_FAULT_RECORDS);
	struct net_tls_server tls = {
		.max_version = wire_options(peer->wire)->tls_max,
		.admit = admit,
		.arg = peer,
	};
	int r;

	r = choose_identity(peer, &tls, err);
	if (r < 0)
		return r;
	if (records && records->number > 0 &&
	    sim_faults_take(peer->device->faults, records, "TLS records of at most %u bytes on %s",
			    (unsigned)records->number, peer->service))
		tls.record_len_max = (unsigned)records->number;
	r = conn_tls_server(peer->conn, &tls, err);
	if (r < 0)
		return err_wrap(err, r, "%s: TLS", peer->service);
	peer->is_tls = true;
	return 0;
}
