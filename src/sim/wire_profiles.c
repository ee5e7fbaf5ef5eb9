/*
 * wire_profiles - MCInstall: profiles, cloud configuration, escalation with a supervision identity
 *
 * What a host may do before it has proved to be the supervisor, and what after.  The proof is a
 * CMS signature over a challenge, checked for real: same certificate as announced, same bytes.
 */
#include "sim/wire.h"

#include "crypto/crypto.h"

#include <string.h>

enum { MC_NEEDS_INTERACTION = 4020, MC_TUNNEL_PRESENT = 14002 };
/* refusals whose real domain and code nobody has published carry a domain of our own */
#define OUR_DOMAIN "RehomeSimErrorDomain"

struct escalation {
	struct buf cert; /* DER of the supervisor that was announced */
	uint8_t challenge[8];
	bool is_announced, is_proved, is_done;
};

struct session {
	struct wire_peer *peer;
	struct escalation escalation;
	bool ends; /* the device erases itself: the connection drops */
	struct err *err;
};

/* how a request went: Status, and ErrorChain when there is one */
struct outcome {
	const char *status; /* NULL = Acknowledged */
	int code;
	const char *domain, *text;
	int r; /* a failure of ours */
};

static const struct outcome acknowledged = {.status = NULL};

static struct sim_device *device_of(const struct session *session)
{
	return session->peer->device->device;
}

static struct outcome failed(const char *domain, int code, const char *text)
{
	return (struct outcome){.status = "Error", .code = code, .domain = domain, .text = text};
}

static struct outcome refused(const char *status)
{
	return (struct outcome){.status = status};
}

/* ---- profiles ---- */

/* answers without an own field are dicts to copy the fields of */
static void copy_fields(struct wire_peer *peer, struct plist *reply, const struct plist *from)
{
	for (const struct plist *value = from ? from->as.items.first : NULL; value;
	     value = value->next)
		plist_set(peer->out, reply, value->key, plist_copy(peer->out, value));
}

static struct outcome profile_list(struct session *session, const struct plist *request,
				   struct plist *reply)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	int r = plist_doc_new(&doc, session->err);

	if (r < 0)
		return (struct outcome){.r = r};
	copy_fields(session->peer, reply, sim_device_profiles(device_of(session), doc));
	return acknowledged;
}

/* an enrollment speaks with its service, and the wire reaches none: its profile is not left lying
 * about as if it were installed */
static bool enrolls(const struct plist *profile)
{
	const struct plist *payloads = plist_get_array(profile, "PayloadContent");

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		const char *type = plist_get_text(payload, "PayloadType");

		if (type && !strcmp(type, "com.apple.mdm"))
			return true;
	}
	return false;
}

static struct outcome needs_a_person(void)
{
	return failed("MCInstallationErrorDomain", MC_NEEDS_INTERACTION,
		      "The profile must be installed interactively.");
}

/* profiles come as they are, or signed: only plain ones are understood here */
static struct outcome install(struct session *session, const struct plist *request)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct slice payload = SLICE_EMPTY;
	const struct plist *profile;
	struct err reason = ERR_INIT;
	int r = plist_doc_new(&doc, session->err);

	if (r < 0)
		return (struct outcome){.r = r};
	if (!plist_get_data(request, "Payload", &payload) || payload.len == 0 ||
	    plist_parse(doc, payload, &limits, &profile, &reason) < 0 ||
	    !plist_get_text(profile, "PayloadIdentifier"))
		return failed("MCProfileErrorDomain", 1000, "The profile is invalid.");
	if (enrolls(profile))
		return needs_a_person();
	return (struct outcome){
		.r = sim_device_profile_put(device_of(session), profile, session->err)};
}

/* the person has to confirm, and nobody can: hosts are told so */
static struct outcome install_asking(struct session *session, const struct plist *request,
				     struct plist *reply)
{
	struct slice payload = SLICE_EMPTY;

	if (!plist_get_data(request, "Payload", &payload) || payload.len == 0)
		return failed("MCProfileErrorDomain", 1000, "The profile is invalid.");
	return needs_a_person();
}

static struct outcome install_silent(struct session *session, const struct plist *request,
				     struct plist *reply)
{
	return install(session, request);
}

/* the identifier itself, or data that holds {PayloadIdentifier ...}: clients differ */
static const char *identifier_of(const struct plist *request, struct plist_doc *doc)
{
	static const char *const keys[] = {"ProfileIdentifier", "Identifier"};
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct err ignored = ERR_INIT;
	const struct plist *root;
	struct slice data;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		if (plist_get_text(request, keys[i]))
			return plist_get_text(request, keys[i]);
		if (plist_get_data(request, keys[i], &data) &&
		    plist_parse(doc, data, &limits, &root, &ignored) == 0)
			return plist_get_text(root, "PayloadIdentifier");
	}
	return NULL;
}

static struct outcome remove_profile(struct session *session, const struct plist *request,
				     struct plist *reply)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const char *identifier;
	int r = plist_doc_new(&doc, session->err);

	if (r < 0)
		return (struct outcome){.r = r};
	identifier = identifier_of(request, doc);
	if (!identifier)
		return refused("CommandFormatError");
	r = sim_device_profile_remove(device_of(session), identifier, session->err);
	if (r == SIM_DEVICE_ABSENT)
		return failed(OUR_DOMAIN, 1, "The profile is not installed.");
	if (r == SIM_DEVICE_PROHIBITED)
		return failed(OUR_DOMAIN, 2, "The profile may not be removed.");
	return (struct outcome){.r = r};
}

/* ---- cloud configuration ---- */

static struct outcome get_cloud(struct session *session, const struct plist *request,
				struct plist *reply)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *present;
	int r = plist_doc_new(&doc, session->err);

	if (r < 0)
		return (struct outcome){.r = r};
	present = sim_device_cloud_configuration(device_of(session), doc);
	plist_set(session->peer->out, reply, "CloudConfiguration",
		  present ? plist_copy(session->peer->out, present)
			  : plist_new_dict(session->peer->out));
	return acknowledged;
}

static bool is_forced(const char *key)
{
	static const char *const keys[] = {"ConfigurationSource", "CloudConfigurationUIComplete",
					   "IsMandatory", "IsMDMUnremovable"};

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/* what the device itself decides in a configuration that a host gives it */
static struct plist *settle_cloud(struct plist_doc *doc, const struct plist *wanted)
{
	struct plist *settled = plist_new_dict(doc);
	bool is_complete = !plist_get_text(wanted, "ConfigurationURL");

	for (const struct plist *value = wanted->as.items.first; value; value = value->next)
		if (!is_forced(value->key))
			plist_set(doc, settled, value->key, plist_copy(doc, value));
	plist_set_int(doc, settled, "ConfigurationSource", 2);
	plist_set_bool(doc, settled, "CloudConfigurationUIComplete", is_complete);
	plist_set_bool(doc, settled, "IsMandatory", true);
	plist_set_bool(doc, settled, "IsMDMUnremovable", false);
	return settled;
}

static struct outcome set_cloud(struct session *session, const struct plist *request,
				struct plist *reply)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *wanted = plist_get_dict(request, "CloudConfiguration"), *present;
	int r = plist_doc_new(&doc, session->err);

	if (r < 0)
		return (struct outcome){.r = r};
	if (!wanted)
		return refused("CommandFormatError");
	present = sim_device_cloud_configuration(device_of(session), doc);
	if (present && present->as.items.count > 0)
		return failed("DMCTunnelErrorDomain", MC_TUNNEL_PRESENT,
			      "A cloud configuration is already present. Erase the device first.");
	return (struct outcome){.r = sim_device_cloud_configuration_put(device_of(session),
									settle_cloud(doc, wanted),
									session->err)};
}

/* ---- escalation ---- */

static struct outcome escalate(struct session *session, const struct plist *request,
			       struct plist *reply)
{
	struct wire_device *device = session->peer->device;
	struct escalation *escalation = &session->escalation;
	struct slice cert = SLICE_EMPTY;
	uint64_t counter;
	int r;

	escalation->is_announced = escalation->is_proved = escalation->is_done = false;
	if (!plist_get_data(request, "SupervisorCertificate", &cert) ||
	    !wire_is_supervisor(device, cert))
		return refused("CertificateRejected");
	pthread_mutex_lock(&device->mutex);
	counter = device->challenge_count++;
	pthread_mutex_unlock(&device->mutex);
	sim_device_derive(device->device, "escalation challenge", counter, escalation->challenge,
			  sizeof(escalation->challenge));
	buf_truncate(&escalation->cert, 0);
	r = buf_append_slice(&escalation->cert, cert, session->err);
	escalation->is_announced = r == 0;
	plist_set_data(session->peer->out, reply, "Challenge",
		       slice_of(escalation->challenge, sizeof(escalation->challenge)));
	return (struct outcome){.r = r};
}

static struct outcome escalate_response(struct session *session, const struct plist *request,
					struct plist *reply)
{
	struct escalation *escalation = &session->escalation;
	struct slice challenge = slice_of(escalation->challenge, sizeof(escalation->challenge));
	struct slice signature = SLICE_EMPTY;
	struct err ignored = ERR_INIT;
	bool is_open = escalation->is_announced;

	escalation->is_announced = false; /* a challenge serves once */
	if (!is_open || !plist_get_data(request, "SignedRequest", &signature) ||
	    crypto_cms_verify(signature, buf_slice(&escalation->cert), challenge, &ignored) != 0)
		return refused("SignedRequestRejected");
	escalation->is_proved = true;
	return acknowledged;
}

static struct outcome proceed(struct session *session, const struct plist *request,
			      struct plist *reply)
{
	if (!session->escalation.is_proved)
		return failed("DMCKeybagErrorDomain", 37000,
			      "The host has not proved to be the supervisor.");
	session->escalation.is_done = true;
	return acknowledged;
}

/* ---- what a supervisor may do ---- */

static struct outcome unlock_token(struct session *session, const struct plist *request,
				   struct plist *reply)
{
	struct sim_state state;
	uint8_t token[64];
	int r = sim_device_state(device_of(session), &state, session->err);

	if (r < 0)
		return (struct outcome){.r = r};
	if (state.has_passcode)
		return failed("DMCKeybagErrorDomain", 37002, "A passcode is set.");
	sim_device_derive(device_of(session), "unlock token", 0, token, sizeof(token));
	plist_set_data(session->peer->out, reply, "UnlockToken", slice_of(token, sizeof(token)));
	return acknowledged;
}

static struct outcome clear_passcode(struct session *session, const struct plist *request,
				     struct plist *reply)
{
	struct slice shown = SLICE_EMPTY;
	uint8_t token[64];
	int r;

	sim_device_derive(device_of(session), "unlock token", 0, token, sizeof(token));
	if (!plist_get_data(request, "UnlockToken", &shown) || shown.len != sizeof(token) ||
	    !crypto_equal(shown.bytes, token, sizeof(token)))
		return failed("DMCKeybagErrorDomain", 37001,
			      "The unlock token is not this device's.");
	r = sim_device_set_state(device_of(session), "has_passcode", "false", session->err);
	if (r == 0)
		r = sim_device_set_state(device_of(session), "is_locked", "false", session->err);
	return (struct outcome){.r = r};
}

static struct outcome erase(struct session *session, const struct plist *request,
			    struct plist *reply)
{
	session->ends = true;
	return (struct outcome){.r = sim_device_erase(device_of(session), session->err)};
}

static struct outcome acknowledge(struct session *session, const struct plist *request,
				  struct plist *reply)
{
	return acknowledged;
}

static const struct {
	const char *type;
	struct outcome (*answer)(struct session *session, const struct plist *request,
				 struct plist *reply);
	bool needs_escalation;
} requests[] = {
	{"HelloHostIdentifier", acknowledge, false},
	{"Flush", acknowledge, false},
	{"PollMDMIfNetworkTethered", acknowledge, false},
	{"GetProfileList", profile_list, false},
	{"InstallProfile", install_asking, false},
	{"RemoveProfile", remove_profile, false},
	{"GetCloudConfiguration", get_cloud, false},
	{"SetCloudConfiguration", set_cloud, false},
	{"EraseDevice", erase, false},
	{"Escalate", escalate, false},
	{"EscalateResponse", escalate_response, false},
	{"ProceedWithKeybagMigration", proceed, false},
	{"InstallProfileSilent", install_silent, true},
	{"ProfileList", profile_list, true},
	{"RequestUnlockToken", unlock_token, true},
	{"ClearPasscode", clear_passcode, true},
	{"ClearRestrictionsPassword", acknowledge, true},
};

static struct outcome dispatch(struct session *session, const char *type,
			       const struct plist *request, struct plist *reply)
{
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		if (strcmp(requests[i].type, type) != 0)
			continue;
		if (requests[i].needs_escalation && !session->escalation.is_done)
			return failed(OUR_DOMAIN, 3, "The request needs an escalated host.");
		return requests[i].answer(session, request, reply);
	}
	return failed(OUR_DOMAIN, 4, "The request is unknown.");
}

static void tell_error(struct wire_peer *peer, struct plist *reply, const struct outcome *outcome)
{
	struct plist *chain = plist_new_array(peer->out), *error = plist_new_dict(peer->out);

	plist_set_int(peer->out, error, "ErrorCode", outcome->code);
	plist_set_text(peer->out, error, "ErrorDomain", outcome->domain);
	plist_set_text(peer->out, error, "LocalizedDescription", outcome->text);
	plist_set_text(peer->out, error, "USEnglishDescription", outcome->text);
	plist_add(peer->out, chain, error);
	plist_set(peer->out, reply, "ErrorChain", chain);
}

static int serve_one(struct session *session)
{
	struct wire_peer *peer = session->peer;
	const struct plist *request;
	struct outcome outcome;
	struct plist *reply;
	const char *type;
	int r;

	r = wire_receive(peer, LINK_REPLY_LEN_MAX, &request,
			 session->err); /* profiles may be large */
	if (r != 0)
		return r;
	type = plist_get_text(request, "RequestType");
	reply = wire_reply(peer);
	outcome = type ? dispatch(session, type, request, reply) : refused("CommandFormatError");
	if (outcome.r < 0)
		return outcome.r;
	plist_set_text(peer->out, reply, "Status",
		       outcome.status ? outcome.status : "Acknowledged");
	if (outcome.code)
		tell_error(peer, reply, &outcome);
	r = wire_send(peer, reply, session->err);
	return r < 0 || !session->ends ? r : WIRE_END;
}

int wire_speak_profiles(struct wire_peer *peer, struct err *err)
{
	struct session session = {
		.peer = peer, .err = err, .escalation = {.cert = BUF_INIT(64 << 10)}};
	int r;

	do {
		r = serve_one(&session);
	} while (r == 0);
	buf_clear(&session.escalation.cert);
	if (session.ends)
		wire_device_reboot(peer->device);
	return r;
}
