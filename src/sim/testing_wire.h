/*
 * testing_wire - a small client for tests of the wire, over socket pairs
 *
 * A struct wire_stage is a wire with one device in a temporary folder; a struct line is one
 * connection to it.  Requests are built in line->out (line_dict empties it), answers are borrowed
 * from line->in.
 */
#ifndef REHOME_SIM_TESTING_WIRE_H
#define REHOME_SIM_TESTING_WIRE_H

#include "crypto/crypto.h"
#include "sim/device.h"
#include "sim/wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct wire_stage {
	char folder[64], device_folder[80], records[80];
	struct cancel cancel;
	struct sim_world world;
	struct wire *wire;
	struct sim_device *device; /* the wire's own */
	struct crypto_pairing pairing;
	uint8_t pin[CRYPTO_SHA256_LEN];
};
struct line {
	struct wire_stage *stage;
	struct conn *conn;
	struct plist_doc *in, *out;
	struct buf bytes;
};

#define MUST(call)                                           \
	do {                                                 \
		struct err err = ERR_INIT;                   \
		if ((call) < 0)                              \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)

static inline void stage_open(struct wire_stage *stage, struct sim_birth birth,
			      const char *const *faults)
{
	struct wire_options options = {.devicelink = 400, .passcode_limit_ms = 60000};

	*stage = (struct wire_stage){.cancel = {.wake_fd = eventfd(0, EFD_CLOEXEC)}};
	strcpy(stage->folder, "/tmp/rehome-wire-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	snprintf(stage->device_folder, sizeof(stage->device_folder), "%s/ipad", stage->folder);
	snprintf(stage->records, sizeof(stage->records), "%s/records", stage->folder);
	birth.files = birth.files ? birth.files : 3;
	birth.file_size = birth.file_size ? birth.file_size : 100;
	birth.kdf_rounds = 10;
	MUST(sim_birth_run(stage->device_folder, &birth, &err));
	MUST(sim_device_open(&stage->device, stage->device_folder, &err));
	for (; faults && *faults; faults++)
		MUST(sim_faults_parse(sim_device_faults(stage->device), *faults, &err));
	stage->world = (struct sim_world){clock_system(), &stage->cancel, stdout, stderr};
	options.records_folder = stage->records;
	MUST(wire_new(&stage->wire, &stage->world, &options, &err));
	MUST(wire_add_device(stage->wire, stage->device, stage->device_folder, &err));
	crypto_pairing_init(&stage->pairing);
}

static inline void stage_close(struct wire_stage *stage)
{
	uint64_t one = 1;

	stage->cancel.is_requested = 1;
	assert_int_equal(write(stage->cancel.wake_fd, &one, sizeof(one)), sizeof(one));
	wire_free(stage->wire);
	close(stage->cancel.wake_fd);
	crypto_pairing_clear(&stage->pairing);
	MUST(fs_remove_tree(fs_system(), stage->folder, &err));
}

/* ---- a connection ---- */

static inline void line_open(struct line *line, struct wire_stage *stage)
{
	int pair[2];

	*line = (struct line){.stage = stage, .bytes = BUF_INIT(1 << 20)};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	MUST(wire_serve(stage->wire, pair[1], &err));
	MUST(conn_new(&line->conn, pair[0], clock_system(), NULL, &err));
	conn_set_deadline(line->conn, 20000);
	MUST(plist_doc_new(&line->in, &err));
	MUST(plist_doc_new(&line->out, &err));
}

static inline void line_close(struct line *line)
{
	conn_free(line->conn);
	plist_doc_free(line->in);
	plist_doc_free(line->out);
	buf_clear(&line->bytes);
}

/* a dict with one text in it, in an emptied line->out */
static inline struct plist *line_dict(struct line *line, const char *key, const char *text)
{
	struct plist *dict;

	plist_doc_reset(line->out);
	dict = plist_new_dict(line->out);
	plist_set_text(line->out, dict, key, text);
	return dict;
}

static inline void line_send_bytes(struct line *line)
{
	MUST(conn_write(line->conn, buf_slice(&line->bytes), &err));
	MUST(conn_flush(line->conn, &err));
	buf_truncate(&line->bytes, 0);
}

static inline const struct plist *mux_hear(struct line *line, uint32_t *tag)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct link_mux_packet packet;
	const struct plist *root = NULL;
	struct err err = ERR_INIT;

	for (;;) {
		struct reader in = conn_view(line->conn);
		size_t before = in.left;
		int r = link_mux_parse(&in, &packet, &err);

		assert_true(r >= 0);
		if (r == LINK_NEED_MORE) {
			assert_int_equal(conn_fill_more(line->conn, &err), 0);
			continue;
		}
		assert_int_equal(packet.version, 1);
		assert_int_equal(packet.message, LINK_MUX_PLIST);
		if (tag)
			*tag = packet.tag;
		plist_doc_reset(line->in);
		assert_int_equal(plist_parse(line->in, packet.payload, &limits, &root, &err), 0);
		conn_consume(line->conn, before - in.left);
		return root;
	}
}

static inline const struct plist *mux_ask(struct line *line, const struct plist *request)
{
	MUST(link_mux_write_plist(&line->bytes, 77, line->out, request, &err));
	line_send_bytes(line);
	return mux_hear(line, NULL);
}

static inline int64_t mux_number(const struct plist *reply)
{
	int64_t number = -1;

	assert_string_equal(plist_get_text(reply, "MessageType"), "Result");
	assert_true(plist_get_int(reply, "Number", &number));
	return number;
}

static inline int64_t mux_connect(struct line *line, int64_t device, unsigned port)
{
	struct plist *request = line_dict(line, "MessageType", "Connect");

	plist_set_int(line->out, request, "DeviceID", device);
	plist_set_int(line->out, request, "PortNumber", (port >> 8) | (port & 0xff) << 8);
	return mux_number(mux_ask(line, request));
}

static inline const struct plist *hear(struct line *line)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root = NULL;
	uint8_t header[4];
	size_t len;

	MUST(conn_read(line->conn, header, sizeof(header), &err));
	len = get_u32be(header);
	buf_truncate(&line->bytes, 0);
	MUST(buf_reserve(&line->bytes, len, &err));
	MUST(conn_read(line->conn, line->bytes.bytes, len, &err));
	plist_doc_reset(line->in);
	MUST(plist_parse(line->in, slice_of(line->bytes.bytes, len), &limits, &root, &err));
	return root;
}

static inline void say(struct line *line, const struct plist *request)
{
	buf_truncate(&line->bytes, 0);
	MUST(link_frame_write(&line->bytes, line->out, request, LINK_XML, &err));
	line_send_bytes(line);
}

static inline const struct plist *ask(struct line *line, const struct plist *request)
{
	say(line, request);
	return hear(line);
}

/** is_over - the device hangs up without a further word */
static inline bool is_over(struct line *line)
{
	struct err err = ERR_INIT;

	return conn_fill(line->conn, 1, &err) == ERR_CLOSED;
}

/* ---- lockdown ---- */

static inline void lockdown_open(struct line *line, struct wire_stage *stage)
{
	line_open(line, stage);
	assert_int_equal(mux_connect(line, 1, LINK_LOCKDOWN_PORT), 0);
}

static inline const char *lockdown_error(const struct plist *reply)
{
	return plist_get_text(reply, "Error");
}

/* a Pair request with a good record, made once a stage; the caller adds PairingOptions */
static inline struct plist *pair_request(struct line *line)
{
	struct wire_stage *stage = line->stage;
	struct slice private_pem, public_pem;
	struct plist *request, *record;

	if (stage->pairing.root_cert_pem.len == 0) {
		MUST(sim_device_key(stage->device, &private_pem, &public_pem, &err));
		MUST(crypto_pairing_make(&stage->pairing, public_pem, 1793520000, &err));
		MUST(crypto_cert_public_sha256(buf_slice(&stage->pairing.device_cert_pem),
					       stage->pin, &err));
	}
	request = line_dict(line, "Request", "Pair");
	record = plist_new_dict(line->out);
	plist_set_text(line->out, record, "HostID", "HOST-1");
	plist_set_text(line->out, record, "SystemBUID", "BUID-1");
	plist_set_data(line->out, record, "DeviceCertificate",
		       buf_slice(&stage->pairing.device_cert_pem));
	plist_set_data(line->out, record, "HostCertificate",
		       buf_slice(&stage->pairing.host_cert_pem));
	plist_set_data(line->out, record, "RootCertificate",
		       buf_slice(&stage->pairing.root_cert_pem));
	plist_set(line->out, request, "PairRecord", record);
	return request;
}

static inline void person(struct wire_stage *stage, const char *key, const char *value)
{
	MUST(sim_device_set_state(stage->device, key, value, &err));
}

static inline void pair_trusted(struct line *line)
{
	person(line->stage, "trust_answer", "1");
	assert_null(lockdown_error(ask(line, pair_request(line))));
}

static inline struct plist *session_request(struct line *line, const char *host_id)
{
	struct plist *request = line_dict(line, "Request", "StartSession");

	plist_set_text(line->out, request, "HostID", host_id);
	plist_set_text(line->out, request, "SystemBUID", "BUID-1");
	return request;
}

/* as_host: show the host's certificate, else the root's */
static inline int line_tls(struct line *line, bool as_host, struct err *err)
{
	struct crypto_pairing *pairing = &line->stage->pairing;
	const struct net_tls_client tls = {
		.cert_pem = buf_slice(as_host ? &pairing->host_cert_pem : &pairing->root_cert_pem),
		.key_pem = buf_slice(as_host ? &pairing->host_key_pem : &pairing->root_key_pem),
		.pin_sha256 = line->stage->pin,
	};

	return conn_tls_client(line->conn, &tls, err);
}

/* on a lockdown line of a paired host; reply's SessionID into @id unless NULL */
static inline void start_session(struct line *line, char id[64])
{
	const struct plist *reply = ask(line, session_request(line, "HOST-1"));
	bool is_tls = false;

	assert_null(lockdown_error(reply));
	assert_true(plist_get_bool(reply, "EnableSessionSSL", &is_tls) && is_tls);
	if (id)
		snprintf(id, 64, "%s", plist_get_text(reply, "SessionID"));
	MUST(line_tls(line, false, &err));
}

static inline unsigned start_service(struct line *line, const char *name)
{
	struct plist *request = line_dict(line, "Request", "StartService");
	const struct plist *reply;
	int64_t port = 0;

	plist_set_text(line->out, request, "Service", name);
	reply = ask(line, request);
	assert_null(lockdown_error(reply));
	assert_true(plist_get_int(reply, "Port", &port));
	return (unsigned)port;
}

/** service_open - a paired host's connection to service @name, through a lockdown session of its
 * own */
static inline void service_open(struct line *line, struct wire_stage *stage, const char *name)
{
	struct line lockdown;
	unsigned port;

	lockdown_open(&lockdown, stage);
	if (stage->pairing.root_cert_pem.len == 0)
		pair_trusted(&lockdown);
	start_session(&lockdown, NULL);
	port = start_service(&lockdown, name);
	line_open(line, stage);
	assert_int_equal(mux_connect(line, 1, port), 0);
	MUST(line_tls(line, true, &err));
	line_close(&lockdown);
}

#endif
