/*
 * swarm_talk - what a light device says and does, one call after the other
 *
 * The same messages as a whole device's (client_*.c), made from patterns: a process speaks for
 * 100,000 of them.
 */
#include "sim/swarm.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_NOW_PERCENT = 2, CALL_MS = 60000, REST_MS = 200 };
#define HEAD                                                                                      \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST " \
	"1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\"><plist "                    \
	"version=\"1.0\"><dict>"
#define CHECKIN "application/x-apple-aspen-mdm-checkin"
#define CONNECT "application/x-apple-aspen-mdm; charset=UTF-8"

static void on_reply(void *arg, int code, struct http_reply *reply, const struct err *err);

const char *swarm_udid(const struct light *light, char out[41])
{
	snprintf(out, 41, "0000FE5A-%016llX", (unsigned long long)light->index + 1);
	return out;
}

const char *swarm_serial(const struct light *light, char out[24])
{
	snprintf(out, 24, "RHSIM%07u", light->index % 10000000);
	return out;
}

void swarm_light_clear(struct light *light)
{
	buf_clear(&light->cert);
	buf_clear(&light->next_cert);
	buf_clear(&light->body);
	json_decref(light->items);
	free(light->wish);
}

/* ---- calls ---- */

/* @cert empty: nobody's identity; @key: of the certificate */
static int send_as(struct light *light, const char *method, const char *url, const char *type,
		   struct slice body, struct slice cert, unsigned key, struct err *err)
{
	struct swarm *swarm = light->swarm;
	const struct http_field fields[] = {{"Content-Type", type}, {NULL, NULL}};
	struct http_call call = {.method = method,
				 .url = url,
				 .fields = type ? fields : NULL,
				 .body = body,
				 .reply_len_max = SIM_MESSAGE_MAX,
				 .timeout_ms = CALL_MS,
				 .redirects_max = 3};
	int r;

	if (cert.len > 0) {
		call.cert_pem = cert;
		call.key_pem = buf_slice(&swarm->key_pems[key]);
	}
	r = http_client_send(swarm->http, &call, on_reply, light, err);
	if (r == 0)
		swarm->counts.requests++;
	return r;
}

static int send_own(struct light *light, const char *url, const char *type, struct slice body,
		    struct err *err)
{
	struct buf *cert = light->next_cert.len > 0 ? &light->next_cert : &light->cert;

	return send_as(light, "PUT", url, type, body, buf_slice(cert), swarm_pool_key(light), err);
}

static int send_checkin(struct light *light, const char *message, const char *keys, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(SIM_MESSAGE_MAX);
	char udid[41];
	int r = buf_append_format(&body, err,
				  HEAD "<key>MessageType</key><string>%s</string><key>Topic</key>"
				       "<string>%s</string><key>UDID</key><string>%s</string>%s"
				       "</dict></plist>",
				  message, light->swarm->topic, swarm_udid(light, udid), keys);

	return r < 0 ? r
		     : send_own(light, light->swarm->checkin_url, CHECKIN, buf_slice(&body), err);
}

static int send_authenticate(struct light *light, struct err *err)
{
	char keys[400], serial[24];

	light->step = STEP_AUTHENTICATE;
	snprintf(keys, sizeof(keys),
		 "<key>OSVersion</key><string>18.6</string><key>BuildVersion</key>"
		 "<string>22G86</string><key>ProductName</key><string>iPad14,1</string>"
		 "<key>SerialNumber</key><string>%s</string>",
		 swarm_serial(light, serial));
	return send_checkin(light, "Authenticate", keys, err);
}

static int send_token(struct light *light, enum swarm_step step, struct err *err)
{
	char keys[300];

	light->step = step;
	/* 24 bytes of a number each: all that a token must be is its own */
	snprintf(keys, sizeof(keys),
		 "<key>PushMagic</key><string>MAGIC-%u-%u</string><key>Token</key><data>"
		 "%08u%08u%08u%08u</data>",
		 light->index, light->generation, light->index % 100000000,
		 light->generation % 100000000, light->push_epoch % 100000000, 0u);
	return send_checkin(light, "TokenUpdate", keys, err);
}

static int send_declarative(struct light *light, enum swarm_step step, const char *endpoint,
			    const char *data, struct err *err)
{
	char keys[600];

	light->step = step;
	snprintf(keys, sizeof(keys), "<key>Endpoint</key><string>%.200s</string>%s", endpoint,
		 data);
	return send_checkin(light, "DeclarativeManagement", keys, err);
}

/* Idle, or the answer that is owed */
static int send_session(struct light *light, struct err *err)
{
	char udid[41];
	int r = 0;

	light->step = STEP_SESSION;
	if (!light->is_answer) {
		buf_truncate(&light->body, 0);
		r = buf_append_format(&light->body, err,
				      HEAD "<key>Status</key><string>Idle</string><key>UDID</key>"
					   "<string>%s</string></dict></plist>",
				      swarm_udid(light, udid));
	}
	return r < 0 ? r
		     : send_own(light, light->swarm->server_url, CONNECT, buf_slice(&light->body),
				err);
}

/* ---- what must never come from a service by itself ---- */

static void judge(struct light *light, const struct http_reply *reply)
{
	static const char code[] = "com.apple.unrecognized.device";
	struct swarm_counts *counts = &light->swarm->counts;

	if (reply->status >= 0 && reply->status < SWARM_STATUSES)
		counts->statuses[reply->status]++;
	if (reply->status == 401)
		counts->unasked_401++;
	if (reply->status == 403 && reply->body.len > 0 &&
	    memmem(reply->body.bytes, reply->body.len, code, sizeof(code) - 1))
		counts->unasked_403++;
	if (reply->status == 404 && light->step == STEP_DECLARATION)
		counts->declaration_404++;
	if (reply->status / 100 == 2 && light->step == STEP_FOREIGN)
		counts->foreign_taken++;
}

/* ---- enrolling and renewing ---- */

/* what the payloads say: addresses once for all, the challenge for this device */
static int take_profile(struct light *light, struct slice bytes, struct err *err)
{
	CLEANUP(sim_profile_clear) struct sim_profile profile = SIM_PROFILE_INIT;
	struct sim_chain chain = SIM_CHAIN_INIT;
	struct swarm *swarm = light->swarm;
	const struct plist *scep;
	const char *challenge, *checkin;
	int r = sim_profile_read(&profile, bytes, &chain, err);

	if (r != 0)
		return r;
	scep = plist_get_dict(profile.identity, "PayloadContent");
	challenge = plist_get_text(scep, "Challenge");
	if (!profile.mdm || !plist_get_text(scep, "URL") || !challenge ||
	    strlen(challenge) >= sizeof(light->challenge))
		return SIM_REFUSED;
	snprintf(light->challenge, sizeof(light->challenge), "%s", challenge);
	if (swarm->is_known)
		return 0;
	checkin = plist_get_text(profile.mdm, "CheckInURL");
	snprintf(swarm->server_url, SIM_SERVER_LEN, "%s", plist_get_text(profile.mdm, "ServerURL"));
	snprintf(swarm->checkin_url, SIM_SERVER_LEN, "%s", checkin ? checkin : swarm->server_url);
	snprintf(swarm->scep_url, SIM_SERVER_LEN, "%s", plist_get_text(scep, "URL"));
	snprintf(swarm->topic, SIM_TOPIC_LEN, "%s", plist_get_text(profile.mdm, "Topic"));
	snprintf(swarm->identifier, SIM_SERVER_LEN, "%s", profile.identifier);
	r = swarm_scep_learn(swarm, err);
	swarm->is_known = r == 0;
	return r;
}

static int send_scep(struct light *light, struct err *err)
{
	CLEANUP(buf_clear) struct buf message = BUF_INIT(CRYPTO_SCEP_MAX);
	char url[SIM_SERVER_LEN + 64];
	int r = swarm_scep_request(light, &message, err);

	light->step = STEP_SCEP;
	snprintf(url, sizeof(url), "%s?operation=PKIOperation", light->swarm->scep_url);
	return r < 0 ? r
		     : send_as(light, "POST", url, "application/x-pki-message", buf_slice(&message),
			       SLICE_EMPTY, 0, err);
}

/* note - a line of the journal; others read it while it grows */
static void note(const struct light *light, const char *word, const char *what)
{
	if (light->swarm->journal)
		fprintf(light->swarm->journal, "%s %u %u %s\n", word, light->index,
			light->generation, what);
}

static void settle_identity(struct light *light)
{
	struct swarm *swarm = light->swarm;
	char udid[41];

	buf_clear(&light->cert);
	light->cert = light->next_cert;
	light->next_cert = BUF_INIT(CRYPTO_PEM_MAX);
	if (light->is_renewing) {
		swarm->counts.renewed++;
		return;
	}
	light->is_enrolled = true;
	light->is_answer = false;
	light->last[0] = 0;
	light->last_was_taken = false;
	swarm->counts.enrolled++;
	note(light, "enrolled", swarm_udid(light, udid));
}

/* ---- commands ---- */

static int write_answer(struct light *light, const char *status, const char *keys, struct err *err)
{
	char udid[41];

	buf_truncate(&light->body, 0);
	light->is_answer = strcmp(status, "NotNow") != 0;
	return buf_append_format(&light->body, err,
				 HEAD "<key>CommandUUID</key><string>%s</string><key>Status</key>"
				      "<string>%s</string><key>UDID</key><string>%s</string>%s"
				      "</dict></plist>",
				 light->last, status, swarm_udid(light, udid), keys);
}

/* a mark SWARM-INDEX-GENERATION-NUMBER says for whom a command was meant */
static void check_mark(struct light *light, const char *uuid)
{
	unsigned index, generation;

	if (sscanf(uuid, "SWARM-%9u-%9u-", &index, &generation) == 2 &&
	    (index != light->index || generation != light->generation)) {
		light->swarm->counts.wrong_device++;
		note(light, "another", uuid);
	}
	if (!strcmp(uuid, light->last) && light->last_was_taken)
		light->swarm->counts.given_twice++;
}

static const char *answer_keys(const char *type)
{
	static const struct {
		const char *type, *keys;
	} answers[] = {
		{"DeviceInformation",
		 "<key>QueryResponses</key><dict><key>OSVersion</key><string>18.6</string>"
		 "<key>BuildVersion</key><string>22G86</string></dict>"},
		{"SecurityInfo", "<key>SecurityInfo</key><dict><key>HardwareEncryptionCaps</key>"
				 "<integer>3</integer></dict>"},
		{"ProfileList", "<key>ProfileList</key><array/>"},
		{"CertificateList", "<key>CertificateList</key><array/>"},
		{"InstalledApplicationList", "<key>InstalledApplicationList</key><array/>"},
		{"ManagedApplicationList", "<key>ManagedApplicationList</key><dict/>"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(answers); i++)
		if (!strcmp(type, answers[i].type))
			return answers[i].keys;
	return "";
}

static int answer_command(struct light *light, const char *type, const struct plist *command,
			  struct err *err)
{
	struct swarm *swarm = light->swarm;
	const char *identifier = plist_get_text(command, "Identifier");
	struct slice payload;
	int r;

	if (!strcmp(type, "RemoveProfile") && identifier && !strcmp(identifier, swarm->identifier))
		swarm->counts.removals++;
	if (!strcmp(type, "InstallProfile") && plist_get_data(command, "Payload", &payload) &&
	    take_profile(light, payload, err) == 0) {
		light->is_renewing = true; /* the answer follows under the new identity */
		return send_scep(light, err);
	}
	light->declares = !strcmp(type, "DeclarativeManagement");
	if (strcmp(type, "EraseDevice") != 0 && swarm_next(swarm, 100) < NOT_NOW_PERCENT) {
		swarm->counts.not_now++;
		light->declares = false;
		r = write_answer(light, "NotNow", "", err);
	} else {
		r = write_answer(light, "Acknowledged", answer_keys(type), err);
	}
	if (r < 0)
		return r;
	light->step = STEP_SESSION;
	return send_own(light, swarm->server_url, CONNECT, buf_slice(&light->body), err);
}

static int take_command(struct light *light, struct slice bytes, struct err *err)
{
	struct swarm *swarm = light->swarm;
	const struct plist_limits limits = {SIM_MESSAGE_MAX, 1u << 16, 32};
	const struct plist *root, *command;
	const char *uuid, *type;

	plist_doc_reset(swarm->doc);
	if (plist_parse(swarm->doc, bytes, &limits, &root, err) < 0)
		return SIM_REFUSED;
	uuid = plist_get_text(root, "CommandUUID");
	command = plist_get_dict(root, "Command");
	type = plist_get_text(command, "RequestType");
	if (!uuid || !type || strlen(uuid) > SWARM_UUID_MAX)
		return SIM_REFUSED;
	swarm->counts.commands++;
	check_mark(light, uuid);
	snprintf(light->last, sizeof(light->last), "%s", uuid);
	light->last_was_taken = false;
	return answer_command(light, type, command, err);
}

/* ---- declarations ---- */

static void want_kind(struct light *light, json_t *root, const char *list, const char *kind)
{
	json_t *items = json_object_get(json_object_get(root, "Declarations"), list), *item;
	size_t index;

	json_array_foreach(items, index, item)
	{
		const char *identifier = json_string_value(json_object_get(item, "Identifier"));

		if (identifier)
			json_array_append_new(light->items, json_sprintf("declaration/%s/%.100s",
									 kind, identifier));
	}
}

static int next_declaration(struct light *light, struct err *err)
{
	char endpoint[201];
	size_t count = json_array_size(light->items);
	int r;

	if (count == 0)
		/* {"StatusItems":{},"Errors":[]} */
		return send_declarative(light, STEP_STATUS, "status",
					"<key>Data</key><data>"
					"eyJTdGF0dXNJdGVtcyI6e30sIkVycm9ycyI6W119</data>",
					err);
	snprintf(endpoint, sizeof(endpoint), "%s",
		 json_string_value(json_array_get(light->items, count - 1)));
	r = send_declarative(light, STEP_DECLARATION, endpoint, "", err);
	json_array_remove(light->items, count - 1);
	return r;
}

static int take_items(struct light *light, struct slice body, struct err *err)
{
	json_t *root = json_loadb((const char *)body.bytes, body.len, 0, NULL);

	json_decref(light->items);
	light->items = json_array();
	want_kind(light, root, "Activations", "activation");
	want_kind(light, root, "Assets", "asset");
	want_kind(light, root, "Configurations", "configuration");
	want_kind(light, root, "Management", "management");
	json_decref(root);
	return next_declaration(light, err);
}

/* ---- answers of the service: what follows; SIM_REFUSED: the action ends here ---- */

static int after_session(struct light *light, struct slice body, struct err *err)
{
	if (light->is_answer) {
		light->is_answer = false;
		light->last_was_taken = true;
		note(light, "answer", light->last);
		if (light->declares) {
			light->declares = false;
			return send_declarative(light, STEP_TOKENS, "tokens", "", err);
		}
	}
	return body.len > 0 ? take_command(light, body, err) : SIM_REFUSED;
}

static int after_token(struct light *light, struct err *err)
{
	int r;

	settle_identity(light);
	if (!light->is_renewing)
		return send_session(light, err);
	light->is_renewing = false;
	r = write_answer(light, "Acknowledged", "", err);
	return r < 0 ? r : send_session(light, err);
}

static int go_on(struct light *light, struct http_reply *reply, struct err *err)
{
	struct slice body = buf_slice(&reply->body);
	int r;

	switch (light->step) {
	case STEP_PROFILE:
		r = take_profile(light, body, err);
		return r != 0 ? r : send_scep(light, err);
	case STEP_SCEP:
		r = swarm_scep_answer(light, body, err);
		return r != 0 ? SIM_REFUSED : send_authenticate(light, err);
	case STEP_AUTHENTICATE:
		return send_token(light, STEP_TOKEN, err);
	case STEP_TOKEN:
		return after_token(light, err);
	case STEP_SESSION:
		return after_session(light, body, err);
	case STEP_TOKENS:
		return send_declarative(light, STEP_ITEMS, "declaration-items", "", err);
	case STEP_ITEMS:
		return take_items(light, body, err);
	case STEP_DECLARATION:
		return next_declaration(light, err);
	case STEP_STATUS:
		return send_session(light, err);
	default:
		return SIM_REFUSED;
	}
}

static void end(struct light *light)
{
	/* an identity that was not taken into use is forgotten: the old one stays */
	buf_truncate(&light->next_cert, 0);
	if (light->is_renewing) {
		light->is_renewing = false;
		(void)write_answer(light, "Error", "<key>ErrorChain</key><array/>", NULL);
	}
	light->step = STEP_NONE;
	light->swarm->running--;
}

static void on_reply(void *arg, int code, struct http_reply *reply, const struct err *err)
{
	struct light *light = arg;
	struct err failure = ERR_INIT;

	(void)err;
	if (code < 0) {
		light->swarm->counts.failed++;
		light->swarm->rests_until_ms = clock_mono_ms(light->swarm->clock) + REST_MS;
		end(light);
		return;
	}
	judge(light, reply);
	if (reply->status / 100 != 2 || go_on(light, reply, &failure) != 0)
		end(light);
}

/* ---- actions ---- */

static int begin_enrollment(struct light *light, struct err *err)
{
	struct swarm *swarm = light->swarm;
	char udid[41];

	light->is_enrolled = false;
	light->generation++;
	note(light, "begins", swarm_udid(light, udid));
	light->is_answer = false;
	light->step = STEP_PROFILE;
	return send_as(light, "GET", swarm->tickets[swarm->ticket_next++], NULL, SLICE_EMPTY,
		       SLICE_EMPTY, 0, err);
}

static int send_malformed(struct light *light, struct err *err)
{
	static const char *const bodies[] = {
		"",
		"no property list",
		HEAD "<key>Status</key>",
		HEAD "<key>Status</key><string>Idle</string></dict></plist>",
		HEAD "<key>UDID</key><integer>1</integer></dict></plist>",
		HEAD "<key>MessageType</key><string>TokenUpdate</string></dict></plist>",
		HEAD "<key>UDID</key><string>x' OR '1'='1</string><key>Status</key>"
		     "<string>Idle</string></dict></plist>",
		"<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\">]><plist><string>&a;</string></plist>",
		"bplist00\xff\xff\xff\xff",
	};
	struct swarm *swarm = light->swarm;
	const char *body = bodies[swarm_next(swarm, ARRAY_COUNT(bodies))];
	bool is_checkin = swarm_next(swarm, 2) != 0;

	light->step = STEP_MALFORMED;
	return send_own(light, is_checkin ? swarm->checkin_url : swarm->server_url,
			is_checkin ? CHECKIN : CONNECT, slice_text(body), err);
}

/* this device's name under the certificate of another */
static int send_foreign(struct light *light, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(SIM_MESSAGE_MAX);
	struct swarm *swarm = light->swarm;
	struct light *other = &swarm->lights[swarm_next(swarm, swarm->options->count)];
	char udid[41];
	int r = buf_append_format(&body, err,
				  HEAD "<key>Status</key><string>Idle</string><key>UDID</key>"
				       "<string>%s</string></dict></plist>",
				  swarm_udid(light, udid));

	if (r < 0 || other == light || other->cert.len == 0)
		return r < 0 ? r : SIM_REFUSED;
	light->step = STEP_FOREIGN;
	return send_as(light, "PUT", swarm->server_url, CONNECT, buf_slice(&body),
		       buf_slice(&other->cert), swarm_pool_key(other), err);
}

int swarm_begin(struct light *light, enum swarm_step step, struct err *err)
{
	int r;

	light->swarm->running++;
	switch (step) {
	case STEP_PROFILE:
		r = begin_enrollment(light, err);
		break;
	case STEP_MALFORMED:
		r = send_malformed(light, err);
		break;
	case STEP_FOREIGN:
		r = send_foreign(light, err);
		break;
	case STEP_TOKEN_ALONE:
		light->push_epoch++;
		r = send_token(light, STEP_TOKEN_ALONE, err);
		break;
	default:
		r = send_session(light, err);
	}
	if (r != 0)
		end(light);
	return r < 0 ? r : 0;
}
