/*
 * bench_host - the way to a service, as the cheapest host goes it: usbmux, lockdown, pairing, TLS
 *
 * Nothing is kept: each run pairs anew, under the HostID "BENCH".
 */
#include "sim/bench_host.h"

#include <stdlib.h>
#include <string.h>

/* ---- frames ---- */

int bench_host_flush(struct bench_host *host, struct conn *conn, struct err *err)
{
	int r = conn_write(conn, buf_slice(&host->reply), err);

	return r < 0 ? r : conn_flush(conn, err);
}

int bench_host_receive(struct bench_host *host, struct conn *conn, const struct plist **root,
		       struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_FRAME;
	uint8_t header[4];
	int r = conn_read(conn, header, sizeof(header), err);

	if (r < 0)
		return r;
	buf_truncate(&host->frame, 0);
	r = buf_reserve(&host->frame, get_u32be(header), err);
	if (r == 0)
		r = conn_read(conn, host->frame.bytes, get_u32be(header), err);
	if (r < 0)
		return r;
	plist_doc_reset(host->in);
	return plist_parse(host->in, slice_of(host->frame.bytes, get_u32be(header)), &limits, root,
			   err);
}

/* one request of @dict (in host->out) and its answer */
static int call(struct bench_host *host, struct conn *conn, const struct plist *dict,
		const char *request, const struct plist **reply, struct err *err)
{
	int r;

	buf_truncate(&host->reply, 0);
	r = link_frame_write(&host->reply, host->out, dict, LINK_XML, err);
	if (r == 0)
		r = bench_host_flush(host, conn, err);
	if (r == 0)
		r = bench_host_receive(host, conn, reply, err);
	return r < 0 ? r : link_lockdown_check(*reply, request, NULL, err);
}

/* ---- usbmux ---- */

static int mux_call(struct bench_host *host, struct conn *conn, const struct plist *request,
		    const struct plist **reply, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct link_mux_packet packet;
	int r;

	buf_truncate(&host->reply, 0);
	r = link_mux_write_plist(&host->reply, 1, host->out, request, err);
	if (r == 0)
		r = bench_host_flush(host, conn, err);
	while (r == 0) {
		struct reader in = conn_view(conn);
		size_t before = in.left;

		r = link_mux_parse(&in, &packet, err);
		if (r == 0) {
			plist_doc_reset(host->in);
			r = plist_parse(host->in, packet.payload, &limits, reply, err);
			conn_consume(conn, before - in.left);
			return r;
		}
		if (r == LINK_NEED_MORE)
			r = conn_fill_more(conn, err);
	}
	return r;
}

static int open_conn(struct bench_host *host, struct conn **conn, struct err *err)
{
	int fd, r = host->connect(host->arg, &fd, err);

	return r < 0 ? r : conn_new(conn, fd, host->clock, NULL, err);
}

static struct plist *mux_request(struct bench_host *host, const char *type)
{
	struct plist *dict;

	plist_doc_reset(host->out);
	dict = plist_new_dict(host->out);
	plist_set_text(host->out, dict, "MessageType", type);
	return dict;
}

static int find_device(struct bench_host *host, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	const struct plist *reply, *first;
	int r = open_conn(host, &conn, err);

	if (r == 0)
		r = mux_call(host, conn, mux_request(host, "ListDevices"), &reply, err);
	if (r < 0)
		return r;
	first = plist_at(plist_get_array(reply, "DeviceList"), 0);
	if (!plist_get_int(first, "DeviceID", &host->device))
		return err_set(err, ERR_PROTOCOL, "the mux shows no device");
	snprintf(host->udid, sizeof(host->udid), "%s",
		 plist_get_text(plist_get_dict(first, "Properties"), "SerialNumber"));
	return 0;
}

static int connect_port(struct bench_host *host, int64_t port, struct conn **out, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	const struct plist *reply;
	struct plist *request;
	int64_t number = -1;
	int r = open_conn(host, &conn, err);

	if (r < 0)
		return r;
	request = mux_request(host, "Connect");
	plist_set_int(host->out, request, "DeviceID", host->device);
	plist_set_int(host->out, request, "PortNumber", (port >> 8) | ((port & 0xff) << 8));
	r = mux_call(host, conn, request, &reply, err);
	if (r == 0 && (!plist_get_int(reply, "Number", &number) || number != 0))
		r = err_set(err, ERR_PROTOCOL, "the mux does not connect to port %lld",
			    (long long)port);
	if (r == 0)
		*out = STEAL(conn);
	return r;
}

/* ---- lockdown ---- */

static int start_tls(struct bench_host *host, struct conn *conn, struct err *err)
{
	const struct net_tls_client tls = {
		.cert_pem = buf_slice(&host->pairing.root_cert_pem),
		.key_pem = buf_slice(&host->pairing.root_key_pem),
		.pin_sha256 = host->pin,
	};

	return conn_tls_client(conn, &tls, err);
}

static int pair(struct bench_host *host, struct conn *conn, struct err *err)
{
	struct plist_doc *out = host->out;
	struct plist *request, *record;
	const struct plist *reply;
	struct slice key;
	int r;

	plist_doc_reset(out);
	request = link_lockdown_request(out, "GetValue", "bench");
	plist_set_text(out, request, "Key", "DevicePublicKey");
	r = call(host, conn, request, "GetValue", &reply, err);
	if (r < 0)
		return r;
	if (!plist_get_data(reply, "Value", &key))
		return err_set(err, ERR_PROTOCOL, "no DevicePublicKey");
	r = crypto_pairing_make(&host->pairing, key, clock_wall_seconds(host->clock), err);
	if (r == 0)
		r = crypto_cert_public_sha256(buf_slice(&host->pairing.device_cert_pem), host->pin,
					      err);
	if (r < 0)
		return r;
	plist_doc_reset(out);
	request = link_lockdown_request(out, "Pair", "bench");
	record = plist_new_dict(out);
	plist_set_data(out, record, "DeviceCertificate", buf_slice(&host->pairing.device_cert_pem));
	plist_set_data(out, record, "HostCertificate", buf_slice(&host->pairing.host_cert_pem));
	plist_set_data(out, record, "RootCertificate", buf_slice(&host->pairing.root_cert_pem));
	plist_set_text(out, record, "HostID", "BENCH");
	plist_set_text(out, record, "SystemBUID", "BENCH");
	plist_set(out, request, "PairRecord", record);
	plist_set_text(out, request, "ProtocolVersion", "2");
	return call(host, conn, request, "Pair", &reply, err);
}

int bench_host_service(struct bench_host *host, const char *name, struct conn **service,
		       struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	const struct plist *reply;
	struct plist *request;
	int64_t port = 0;
	int r = find_device(host, err);

	if (r == 0)
		r = connect_port(host, LINK_LOCKDOWN_PORT, &conn, err);
	if (r == 0)
		r = pair(host, conn, err);
	if (r < 0)
		return r;
	plist_doc_reset(host->out);
	request = link_lockdown_request(host->out, "StartSession", "bench");
	plist_set_text(host->out, request, "HostID", "BENCH");
	plist_set_text(host->out, request, "SystemBUID", "BENCH");
	r = call(host, conn, request, "StartSession", &reply, err);
	if (r == 0)
		r = start_tls(host, conn, err);
	if (r < 0)
		return r;
	plist_doc_reset(host->out);
	request = link_lockdown_request(host->out, "StartService", "bench");
	plist_set_text(host->out, request, "Service", name);
	r = call(host, conn, request, "StartService", &reply, err);
	if (r == 0 && !plist_get_int(reply, "Port", &port))
		r = err_set(err, ERR_PROTOCOL, "StartService without a port");
	if (r == 0)
		r = connect_port(host, port, service, err);
	return r < 0 ? r : start_tls(host, *service, err);
}

/* ---- life ---- */

int bench_host_init(struct bench_host *host, int (*connect)(void *arg, int *fd, struct err *err),
		    void *arg, struct clock *clock, struct err *err)
{
	int r;

	*host = (struct bench_host){
		.connect = connect,
		.arg = arg,
		.clock = clock,
		.frame = BUF_INIT(LINK_DL_LEN_MAX),
		.reply = BUF_INIT(LINK_DL_LEN_MAX),
	};
	crypto_pairing_init(&host->pairing);
	r = plist_doc_new(&host->in, err);
	return r < 0 ? r : plist_doc_new(&host->out, err);
}

void bench_host_clear(struct bench_host *host)
{
	plist_doc_free(host->in);
	plist_doc_free(host->out);
	buf_clear(&host->frame);
	buf_clear(&host->reply);
	crypto_pairing_clear(&host->pairing);
}
