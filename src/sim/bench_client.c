/*
 * bench_client - what the simulator is measured against: the cheapest host there can be
 *
 * It speaks every protocol on the way properly - usbmux, lockdown, pairing, TLS, DeviceLink - and
 * then only counts.  The three state files are kept in memory, because a device reads them back.
 */
#include "sim/bench_client.h"

#include "crypto/crypto.h"
#include "link/link.h"
#include "net/net.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { STATE_FILES = 3, STATE_LEN_MAX = 512 << 20, BLOCK = LINK_BLOCK_TO_DEVICE };

static const char *const state_names[STATE_FILES] = {"Status.plist", "Manifest.plist",
						     "Manifest.db"};

struct client {
	int (*connect)(void *arg, int *fd, struct err *err);
	void *arg;
	struct clock *clock;
	struct bench_result *result;
	struct plist_doc *in, *out;
	struct buf frame, reply;
	struct crypto_pairing pairing;
	uint8_t pin[CRYPTO_SHA256_LEN];
	int64_t device;
	char udid[64];
	struct buf states[STATE_FILES];
};

/* ---- frames ---- */

static int flush_reply(struct client *client, struct conn *conn, struct err *err)
{
	int r = conn_write(conn, buf_slice(&client->reply), err);

	return r < 0 ? r : conn_flush(conn, err);
}

static int receive(struct client *client, struct conn *conn, const struct plist **root,
		   struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_FRAME;
	uint8_t header[4];
	int r = conn_read(conn, header, sizeof(header), err);

	if (r < 0)
		return r;
	buf_truncate(&client->frame, 0);
	r = buf_reserve(&client->frame, get_u32be(header), err);
	if (r == 0)
		r = conn_read(conn, client->frame.bytes, get_u32be(header), err);
	if (r < 0)
		return r;
	plist_doc_reset(client->in);
	return plist_parse(client->in, slice_of(client->frame.bytes, get_u32be(header)), &limits,
			   root, err);
}

/* one request of @dict (in client->out) and its answer */
static int call(struct client *client, struct conn *conn, const struct plist *dict,
		const char *request, const struct plist **reply, struct err *err)
{
	int r;

	buf_truncate(&client->reply, 0);
	r = link_frame_write(&client->reply, client->out, dict, LINK_XML, err);
	if (r == 0)
		r = flush_reply(client, conn, err);
	if (r == 0)
		r = receive(client, conn, reply, err);
	return r < 0 ? r : link_lockdown_check(*reply, request, NULL, err);
}

/* ---- usbmux ---- */

static int mux_call(struct client *client, struct conn *conn, const struct plist *request,
		    const struct plist **reply, struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct link_mux_packet packet;
	int r;

	buf_truncate(&client->reply, 0);
	r = link_mux_write_plist(&client->reply, 1, client->out, request, err);
	if (r == 0)
		r = flush_reply(client, conn, err);
	while (r == 0) {
		struct reader in = conn_view(conn);
		size_t before = in.left;

		r = link_mux_parse(&in, &packet, err);
		if (r == 0) {
			plist_doc_reset(client->in);
			r = plist_parse(client->in, packet.payload, &limits, reply, err);
			conn_consume(conn, before - in.left);
			return r;
		}
		if (r == LINK_NEED_MORE)
			r = conn_fill_more(conn, err);
	}
	return r;
}

static int open_conn(struct client *client, struct conn **conn, struct err *err)
{
	int fd, r = client->connect(client->arg, &fd, err);

	return r < 0 ? r : conn_new(conn, fd, client->clock, NULL, err);
}

static struct plist *mux_request(struct client *client, const char *type)
{
	struct plist *dict;

	plist_doc_reset(client->out);
	dict = plist_new_dict(client->out);
	plist_set_text(client->out, dict, "MessageType", type);
	return dict;
}

static int find_device(struct client *client, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	const struct plist *reply, *first;
	int r = open_conn(client, &conn, err);

	if (r == 0)
		r = mux_call(client, conn, mux_request(client, "ListDevices"), &reply, err);
	if (r < 0)
		return r;
	first = plist_at(plist_get_array(reply, "DeviceList"), 0);
	if (!plist_get_int(first, "DeviceID", &client->device))
		return err_set(err, ERR_PROTOCOL, "the mux shows no device");
	snprintf(client->udid, sizeof(client->udid), "%s",
		 plist_get_text(plist_get_dict(first, "Properties"), "SerialNumber"));
	return 0;
}

static int connect_port(struct client *client, int64_t port, struct conn **out, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	const struct plist *reply;
	struct plist *request;
	int64_t number = -1;
	int r = open_conn(client, &conn, err);

	if (r < 0)
		return r;
	request = mux_request(client, "Connect");
	plist_set_int(client->out, request, "DeviceID", client->device);
	plist_set_int(client->out, request, "PortNumber", (port >> 8) | ((port & 0xff) << 8));
	r = mux_call(client, conn, request, &reply, err);
	if (r == 0 && (!plist_get_int(reply, "Number", &number) || number != 0))
		r = err_set(err, ERR_PROTOCOL, "the mux does not connect to port %lld",
			    (long long)port);
	if (r == 0)
		*out = STEAL(conn);
	return r;
}

/* ---- lockdown ---- */

static int start_tls(struct client *client, struct conn *conn, struct err *err)
{
	const struct net_tls_client tls = {
		.cert_pem = buf_slice(&client->pairing.root_cert_pem),
		.key_pem = buf_slice(&client->pairing.root_key_pem),
		.pin_sha256 = client->pin,
	};

	return conn_tls_client(conn, &tls, err);
}

static int pair(struct client *client, struct conn *conn, struct err *err)
{
	struct plist_doc *out = client->out;
	struct plist *request, *record;
	const struct plist *reply;
	struct slice key;
	int r;

	plist_doc_reset(out);
	request = link_lockdown_request(out, "GetValue", "bench");
	plist_set_text(out, request, "Key", "DevicePublicKey");
	r = call(client, conn, request, "GetValue", &reply, err);
	if (r < 0)
		return r;
	if (!plist_get_data(reply, "Value", &key))
		return err_set(err, ERR_PROTOCOL, "no DevicePublicKey");
	r = crypto_pairing_make(&client->pairing, key, clock_wall_seconds(client->clock), err);
	if (r == 0)
		r = crypto_cert_public_sha256(buf_slice(&client->pairing.device_cert_pem),
					      client->pin, err);
	if (r < 0)
		return r;
	plist_doc_reset(out);
	request = link_lockdown_request(out, "Pair", "bench");
	record = plist_new_dict(out);
	plist_set_data(out, record, "DeviceCertificate",
		       buf_slice(&client->pairing.device_cert_pem));
	plist_set_data(out, record, "HostCertificate", buf_slice(&client->pairing.host_cert_pem));
	plist_set_data(out, record, "RootCertificate", buf_slice(&client->pairing.root_cert_pem));
	plist_set_text(out, record, "HostID", "BENCH");
	plist_set_text(out, record, "SystemBUID", "BENCH");
	plist_set(out, request, "PairRecord", record);
	plist_set_text(out, request, "ProtocolVersion", "2");
	return call(client, conn, request, "Pair", &reply, err);
}

static int start_backup_service(struct client *client, struct conn **service, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	const struct plist *reply;
	struct plist *request;
	int64_t port = 0;
	int r = connect_port(client, LINK_LOCKDOWN_PORT, &conn, err);

	if (r == 0)
		r = pair(client, conn, err);
	if (r < 0)
		return r;
	plist_doc_reset(client->out);
	request = link_lockdown_request(client->out, "StartSession", "bench");
	plist_set_text(client->out, request, "HostID", "BENCH");
	plist_set_text(client->out, request, "SystemBUID", "BENCH");
	r = call(client, conn, request, "StartSession", &reply, err);
	if (r == 0)
		r = start_tls(client, conn, err);
	if (r < 0)
		return r;
	plist_doc_reset(client->out);
	request = link_lockdown_request(client->out, "StartService", "bench");
	plist_set_text(client->out, request, "Service", "com.apple.mobilebackup2");
	r = call(client, conn, request, "StartService", &reply, err);
	if (r == 0 && !plist_get_int(reply, "Port", &port))
		r = err_set(err, ERR_PROTOCOL, "StartService without a port");
	if (r == 0)
		r = connect_port(client, port, service, err);
	return r < 0 ? r : start_tls(client, *service, err);
}

/* ---- a backup ---- */

/* the state file that a host path names; -1 for content */
static int state_of(const char *path, size_t len)
{
	for (int i = 0; i < STATE_FILES; i++) {
		size_t name_len = strlen(state_names[i]);

		if (len > name_len && memcmp(path + len - name_len, state_names[i], name_len) == 0)
			return i;
	}
	return -1;
}

static int take_event(struct client *client, const struct link_event *event, int *state,
		      bool *is_over, struct err *err)
{
	switch (event->kind) {
	case LINK_EVENT_FILE:
		*state = state_of((const char *)event->host_name.bytes, event->host_name.len);
		if (*state >= 0)
			buf_truncate(&client->states[*state], 0);
		else
			client->result->files++;
		return 0;
	case LINK_EVENT_DATA:
		if (*state >= 0)
			return buf_append_slice(&client->states[*state], event->bytes, err);
		client->result->bytes += event->bytes.len;
		return 0;
	case LINK_EVENT_FILE_ERROR:
		return err_set(err, ERR_DEVICE, "the device could not deliver a file");
	case LINK_EVENT_BATCH_END:
		*is_over = true;
		return 0;
	case LINK_EVENT_FILE_END:
		return 0;
	}
	return 0;
}

static int drain(struct client *client, struct conn *conn, struct link_stream *stream,
		 struct err *err)
{
	int64_t began = client->clock->mono_ns(client->clock);
	uint64_t files = client->result->files;
	bool is_over = false;
	int state = -1, r = 0;

	link_stream_reset(stream);
	while (!is_over) {
		struct reader in = conn_view(conn);
		size_t before = in.left;
		struct link_event event;

		while (!is_over && (r = link_stream_next(stream, &in, &event, err)) == 0) {
			r = take_event(client, &event, &state, &is_over, err);
			if (r < 0)
				return r;
		}
		conn_consume(conn, before - in.left);
		if (!is_over && r == LINK_NEED_MORE)
			r = conn_fill_more(conn, err);
		if (r < 0)
			return r;
	}
	/* batches of state files alone are not what is measured */
	if (client->result->files > files)
		client->result->stream_seconds +=
			(double)(client->clock->mono_ns(client->clock) - began) / 1e9;
	return 0;
}

/* give back a state file, or say that there is none */
static int send_file(struct client *client, struct conn *conn, const char *path, bool *is_there,
		     struct err *err)
{
	static const char absent[] = "No such file or directory";
	int state = state_of(path, strlen(path));
	struct slice left = state < 0 ? SLICE_EMPTY : buf_slice(&client->states[state]);
	uint8_t header[5];
	int r;

	*is_there = left.len > 0;
	put_u32be(header, (uint32_t)strlen(path));
	r = conn_write(conn, slice_of(header, 4), err);
	if (r == 0)
		r = conn_write(conn, slice_text(path), err);
	while (r == 0 && left.len > 0) {
		size_t len = left.len < BLOCK ? left.len : BLOCK;

		link_block_header(header, LINK_BLOCK_DATA, (uint32_t)len);
		r = conn_write(conn, slice_of(header, sizeof(header)), err);
		if (r == 0)
			r = conn_write(conn, slice_of(left.bytes, len), err);
		left = slice_of(left.bytes + len, left.len - len);
	}
	if (r < 0)
		return r;
	if (*is_there) {
		link_block_header(header, LINK_BLOCK_END, 0);
		return conn_write(conn, slice_of(header, sizeof(header)), err);
	}
	link_block_header(header, LINK_BLOCK_ERROR_LOCAL, sizeof(absent) - 1);
	r = conn_write(conn, slice_of(header, sizeof(header)), err);
	return r < 0 ? r : conn_write(conn, slice_text(absent), err);
}

static int send_files(struct client *client, struct conn *conn, const struct plist *paths,
		      struct err *err)
{
	static const uint8_t end[4];
	struct plist_doc *out = client->out;
	struct plist *failures, *failure;
	bool is_there;
	int r = 0;

	plist_doc_reset(out);
	failures = plist_new_dict(out);
	for (const struct plist *path = paths ? paths->as.items.first : NULL; r == 0 && path;
	     path = path->next) {
		const char *text = plist_text(path);

		r = send_file(client, conn, text ? text : "", &is_there, err);
		if (r < 0 || is_there)
			continue;
		failure = plist_new_dict(out);
		plist_set_int(out, failure, "DLFileErrorCode", LINK_DL_NO_ENTRY);
		plist_set_text(out, failure, "DLFileErrorString", "No such file or directory");
		plist_set(out, failures, text ? text : "", failure);
	}
	if (r == 0)
		r = conn_write(conn, slice_of(end, sizeof(end)), err);
	if (r < 0)
		return r;
	if (failures->as.items.count == 0)
		return link_dl_write_status(&client->reply, 0, NULL, NULL, NULL, err);
	return link_dl_write_status(&client->reply, LINK_DL_MULTI_STATUS, "Multi status", out,
				    failures, err);
}

/* answer one message; 1 when it was the final response */
static int answer(struct client *client, struct conn *conn, struct link_stream *stream,
		  const struct link_dl *message, struct err *err)
{
	int64_t code = -1;
	int r;

	buf_truncate(&client->reply, 0);
	plist_doc_reset(client->out);
	switch (message->kind) {
	case LINK_DL_PROCESS_MESSAGE:
		if (plist_get_int(message->message, "ErrorCode", &code) && code != 0)
			return err_set(err, ERR_DEVICE,
				       "the device ended the backup with error %lld",
				       (long long)code);
		return 1;
	case LINK_DL_UPLOAD_FILES:
		r = drain(client, conn, stream, err);
		if (r == 0)
			r = link_dl_write_status(&client->reply, 0, NULL, NULL, NULL, err);
		break;
	case LINK_DL_DOWNLOAD_FILES:
		r = send_files(client, conn, message->paths, err);
		break;
	case LINK_DL_FREE_SPACE:
		r = link_dl_write_status(&client->reply, 0, NULL, client->out,
					 plist_new_int(client->out, INT64_C(1) << 42), err);
		break;
	default: /* listings are empty; folders, moves and removals succeed */
		r = link_dl_write_status(&client->reply, 0, NULL, NULL, NULL, err);
	}
	return r < 0 ? r : flush_reply(client, conn, err);
}

static int hear(struct client *client, struct conn *conn, struct link_dl *message, struct err *err)
{
	const struct plist *root;
	int r = receive(client, conn, &root, err);

	return r < 0 ? r : link_dl_parse(root, message, err);
}

/* version exchange, ready, Hello */
static int open_link(struct client *client, struct conn *conn, struct err *err)
{
	struct link_dl message;
	int r = hear(client, conn, &message, err);

	buf_truncate(&client->reply, 0);
	if (r == 0)
		r = link_dl_write_version_ok(&client->reply, message.major, err);
	if (r == 0)
		r = flush_reply(client, conn, err);
	if (r == 0)
		r = hear(client, conn, &message, err);
	buf_truncate(&client->reply, 0);
	if (r == 0)
		r = link_mb_hello(&client->reply, err);
	if (r == 0)
		r = flush_reply(client, conn, err);
	return r < 0 ? r : hear(client, conn, &message, err);
}

static int back_up(struct client *client, struct conn *conn, struct err *err)
{
	CLEANUP(link_stream_free_p) struct link_stream *stream = NULL;
	struct link_dl message;
	int64_t began;
	int r = open_link(client, conn, err);

	if (r == 0)
		r = link_stream_new(&stream, true, err);
	buf_truncate(&client->reply, 0);
	if (r == 0)
		r = link_mb_backup(&client->reply, client->udid, NULL, true, err);
	began = client->clock->mono_ns(client->clock);
	if (r == 0)
		r = flush_reply(client, conn, err);
	while (r == 0) {
		r = hear(client, conn, &message, err);
		if (r == 0)
			r = answer(client, conn, stream, &message, err);
	}
	client->result->total_seconds =
		(double)(client->clock->mono_ns(client->clock) - began) / 1e9;
	return r < 0 ? r : 0;
}

/* ---- life ---- */

static void client_clear(struct client *client)
{
	plist_doc_free(client->in);
	plist_doc_free(client->out);
	buf_clear(&client->frame);
	buf_clear(&client->reply);
	for (int i = 0; i < STATE_FILES; i++)
		buf_clear(&client->states[i]);
	crypto_pairing_clear(&client->pairing);
}

int bench_client_run(int (*connect)(void *arg, int *fd, struct err *err), void *arg,
		     struct clock *clock, struct bench_result *result, struct err *err)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	CLEANUP(client_clear)
	struct client client = {
		.connect = connect,
		.arg = arg,
		.clock = clock,
		.result = result,
		.frame = BUF_INIT(LINK_DL_LEN_MAX),
		.reply = BUF_INIT(LINK_DL_LEN_MAX),
	};
	int r;

	*result = (struct bench_result){0};
	for (int i = 0; i < STATE_FILES; i++)
		client.states[i] = BUF_INIT(STATE_LEN_MAX);
	crypto_pairing_init(&client.pairing);
	r = plist_doc_new(&client.in, err);
	if (r == 0)
		r = plist_doc_new(&client.out, err);
	if (r == 0)
		r = find_device(&client, err);
	if (r == 0)
		r = start_backup_service(&client, &conn, err);
	return r < 0 ? r : back_up(&client, conn, err);
}
