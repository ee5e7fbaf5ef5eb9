/*
 * wire_lockdown - the device's lockdown daemon: values, sessions, starting services
 *
 * A table says what each request needs.  Everything that is not in it, or not allowed in the
 * session's present state, is answered with lockdown's own error words.
 */
#include "sim/wire.h"

#include <string.h>

struct session {
	struct wire_peer *peer;
	char id[37];    /* SessionID, "" outside a session */
	bool wants_tls; /* StartSession was answered: the handshake follows the reply */
	bool is_over;   /* Goodbye was said */
	struct wire_challenge challenge;
	int r; /* a failure of ours, when an answer function returns NULL */
	struct err *err;
};

/** an answer adds to @reply what belongs beside Request, and returns lockdown's error word or NULL
 */
typedef const char *answer_function(struct session *session, const struct plist *request,
				    struct plist *reply);

static struct sim_device *device_of(const struct session *session)
{
	return session->peer->device->device;
}

/* ---- values ---- */

/* what a host may read before it has a session (the exact set differs by version) */
static bool is_public(const char *domain, const char *key)
{
	static const char *const keys[] = {
		"ActivationState",
		"BasebandStatus",
		"BuildVersion",
		"CPUArchitecture",
		"DeviceClass",
		"DeviceName",
		"DevicePublicKey",
		"DieID",
		"HardwareModel",
		"HardwarePlatform",
		"PasswordProtected",
		"ProductName",
		"ProductType",
		"ProductVersion",
		"ProtocolVersion",
		"SerialNumber",
		"SupportedDeviceFamilies",
		"TelephonyCapability",
		"TimeIntervalSince1970",
		"UniqueChipID",
		"UniqueDeviceID",
		"WiFiAddress",
	};

	for (size_t i = 0; !domain && i < ARRAY_COUNT(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/* the fault "claim": another's identity, wherever the device states its own */
static struct plist *value_of(struct session *session, const struct plist *value)
{
	const struct wire_device *device = session->peer->device;
	struct plist_doc *out = session->peer->out;

	if (value->key && strcmp(value->key, "UniqueDeviceID") == 0)
		return plist_new_text(out, device->udid);
	if (value->key && strcmp(value->key, "SerialNumber") == 0)
		return plist_new_text(out, device->serial);
	return plist_copy(out, value);
}

static const char *get_value(struct session *session, const struct plist *request,
			     struct plist *reply)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const char *domain = plist_get_text(request, "Domain"),
		   *key = plist_get_text(request, "Key");
	struct plist_doc *out = session->peer->out;
	const struct plist *values, *value;
	struct plist *all;

	if (domain)
		plist_set_text(out, reply, "Domain", domain);
	if (key)
		plist_set_text(out, reply, "Key", key);
	session->r = plist_doc_new(&doc, session->err);
	if (session->r < 0)
		return NULL;
	values = sim_device_lockdown(device_of(session), domain, doc);
	if (key) {
		value = plist_get(values, key);
		if (!session->id[0] && !is_public(domain, key))
			return "GetProhibited";
		if (!value)
			return "MissingValue";
		plist_set(out, reply, "Value", value_of(session, value));
		return NULL;
	}
	if (!session->id[0] && domain)
		return "GetProhibited";
	all = plist_new_dict(out);
	for (value = values ? values->as.items.first : NULL; value; value = value->next)
		if (session->id[0] || is_public(domain, value->key))
			plist_set(out, all, value->key, value_of(session, value));
	plist_set(out, reply, "Value", all);
	return NULL;
}

static const char *set_value(struct session *session, const struct plist *request,
			     struct plist *reply)
{
	const char *domain = plist_get_text(request, "Domain"),
		   *key = plist_get_text(request, "Key");
	const struct plist *value = plist_get(request, "Value");
	bool removes = strcmp(plist_get_text(request, "Request"), "RemoveValue") == 0;
	struct plist_doc *out = session->peer->out;

	if (!key)
		return "MissingKey";
	if (!removes && !value)
		return "MissingValue";
	if (domain)
		plist_set_text(out, reply, "Domain", domain);
	plist_set_text(out, reply, "Key", key);
	/* usbmuxd says who it is before there is a pairing; that is all a stranger may set */
	if (!session->id[0])
		return !domain && strcmp(key, "UntrustedHostBUID") == 0 ? NULL : "SessionInactive";
	session->r = sim_device_lockdown_set(device_of(session), domain, key,
					     removes ? NULL : value, session->err);
	if (session->r == SIM_DEVICE_PROHIBITED) {
		session->r = 0;
		return removes ? "RemoveProhibited" : "SetProhibited";
	}
	if (!removes)
		plist_set(out, reply, "Value", plist_copy(out, value));
	return NULL;
}

static const char *query_type(struct session *session, const struct plist *request,
			      struct plist *reply)
{
	plist_set_text(session->peer->out, reply, "Type", "com.apple.mobile.lockdown");
	return NULL;
}

/* ---- pairing: decided in wire_pair.c ---- */

static const char *pair(struct session *session, const struct plist *request, struct plist *reply)
{
	return wire_pair(session->peer, &session->challenge, request, reply, &session->r,
			 session->err);
}

static const char *unpair(struct session *session, const struct plist *request, struct plist *reply)
{
	return wire_unpair(session->peer, request, &session->r, session->err);
}

static const char *validate_pair(struct session *session, const struct plist *request,
				 struct plist *reply)
{
	return wire_validate_pair(session->peer, request, &session->r, session->err);
}

/* ---- sessions ---- */

static const char *start_session(struct session *session, const struct plist *request,
				 struct plist *reply)
{
	const char *host_id = plist_get_text(request, "HostID"),
		   *buid = plist_get_text(request, "SystemBUID");
	struct wire_device *device = session->peer->device;
	struct plist_doc *out = session->peer->out;
	bool is_known = false;
	uint64_t counter;

	if (session->id[0])
		return "SessionActive";
	if (!host_id)
		return "MissingHostID";
	sim_pairing_clear(&session->peer->pairing);
	sim_pairing_init(&session->peer->pairing);
	session->r = sim_device_pairing_get(device->device, host_id, &session->peer->pairing,
					    &is_known, session->err);
	if (session->r < 0)
		return NULL;
	if (!is_known || (buid && strcmp(buid, session->peer->pairing.system_buid) != 0))
		return "InvalidHostID";
	pthread_mutex_lock(&device->mutex);
	counter = device->session_count++;
	pthread_mutex_unlock(&device->mutex);
	wire_uuid(device, "session", counter, session->id);
	plist_set_text(out, reply, "SessionID", session->id);
	plist_set_bool(out, reply, "EnableSessionSSL", true);
	session->wants_tls = true;
	return NULL;
}

static const char *stop_session(struct session *session, const struct plist *request,
				struct plist *reply)
{
	const char *id = plist_get_text(request, "SessionID");

	if (!session->id[0])
		return "SessionInactive";
	if (!id)
		return "MissingSessionID";
	if (strcmp(id, session->id) != 0)
		return "InvalidSessionID";
	session->id[0] = 0;
	plist_set_text(session->peer->out, reply, "Result", "Success");
	return NULL;
}

static const char *goodbye(struct session *session, const struct plist *request,
			   struct plist *reply)
{
	plist_set_text(session->peer->out, reply, "Result", "Success");
	session->is_over = true;
	return NULL;
}

/* ---- services ---- */

static const char *start_service(struct session *session, const struct plist *request,
				 struct plist *reply)
{
	const char *name = plist_get_text(request, "Service");
	struct wire_device *device = session->peer->device;
	struct plist_doc *out = session->peer->out;
	const struct wire_service *service;
	struct slice bag = SLICE_EMPTY;
	bool is_escrowed, is_tls;
	uint16_t port;

	if (!name)
		return "MissingService";
	service = wire_service_find(name);
	if (!session->id[0] && !(service && service->needs_no_session))
		return "SessionInactive";
	if (!service)
		return "InvalidService";
	is_escrowed = plist_get_data(request, "EscrowBag", &bag);
	if (is_escrowed && !slice_equal(bag, slice_of(session->peer->pairing.escrow_bag,
						      sizeof(session->peer->pairing.escrow_bag))))
		return "InvalidEscrowBag";
	/* without a session there are no certificates to be somebody with */
	is_tls = session->id[0] && !wire_options(session->peer->wire)->services_are_clear;
	port = wire_port_open(device, service, session->id[0] ? session->peer->pairing.host_id : "",
			      is_tls, is_escrowed);
	plist_set_text(out, reply, "Service", name);
	plist_set_int(out, reply, "Port", port);
	if (is_tls)
		plist_set_bool(out, reply, "EnableServiceSSL", true);
	return NULL;
}

static const char *refuse_old(struct session *session, const struct plist *request,
			      struct plist *reply)
{
	return "ServiceProhibited";
}

/* ---- the loop ---- */

static const struct {
	const char *request;
	answer_function *answer;
	bool needs_session;
} requests[] = {
	{"QueryType", query_type, false},
	{"GetValue", get_value, false}, /* a small set without a session */
	{"SetValue", set_value, false}, /* one key without a session */
	{"RemoveValue", set_value, true},
	{"Pair", pair, false},
	{"Unpair", unpair, false},
	{"ValidatePair", validate_pair, false},
	{"StartSession", start_session, false},
	{"StopSession", stop_session, true},
	{"StartService", start_service, false}, /* one service without a session */
	{"Goodbye", goodbye, false},
	{"EnterRecovery", refuse_old, true},
	{"Activate", refuse_old, true},
	{"Deactivate", refuse_old, true},
};

static const char *dispatch(struct session *session, const char *name, const struct plist *request,
			    struct plist *reply)
{
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		if (strcmp(requests[i].request, name) != 0)
			continue;
		if (requests[i].needs_session && !session->id[0])
			return "SessionInactive";
		return requests[i].answer(session, request, reply);
	}
	return "UnknownRequest";
}

static int serve_one(struct session *session)
{
	struct wire_peer *peer = session->peer;
	const struct plist *request;
	const char *name, *error;
	struct plist *reply;
	int r;

	r = wire_receive(peer, LINK_REQUEST_LEN_MAX, &request, session->err);
	if (r != 0)
		return r;
	name = plist_get_text(request, "Request");
	if (!name)
		return err_set(session->err, ERR_PROTOCOL, "lockdown: a message without Request");
	reply = wire_reply(peer);
	plist_set_text(peer->out, reply, "Request", name);
	session->r = 0;
	error = dispatch(session, name, request, reply);
	if (session->r < 0)
		return session->r;
	if (error)
		plist_set_text(peer->out, reply, "Error", error);
	r = wire_send(peer, reply, session->err);
	if (r == 0 && session->wants_tls) {
		session->wants_tls = false;
		r = wire_peer_tls(peer, session->err);
	}
	return r < 0 || !session->is_over ? r : WIRE_END;
}

int wire_speak_lockdown(struct wire_peer *peer, struct err *err)
{
	struct session session = {
		.peer = peer, .err = err, .challenge = {.cert = BUF_INIT(64 << 10)}};
	int r;

	do {
		r = serve_one(&session);
	} while (r == 0);
	buf_clear(&session.challenge.cert);
	return r;
}
