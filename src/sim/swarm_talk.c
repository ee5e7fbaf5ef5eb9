/*
 * swarm_talk - what a light device does, one call after the other
 */
#include "sim/swarm.h"

#include <stdlib.h>
#include <string.h>

enum { REST_MS = 200 };
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
int swarm_profile_take(struct light *light, struct slice bytes, struct err *err)
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

int swarm_send_scep(struct light *light, struct err *err)
{
	CLEANUP(buf_clear) struct buf message = BUF_INIT(CRYPTO_SCEP_MAX);
	char url[SIM_SERVER_LEN + 64];
	int r = swarm_scep_request(light, &message, err);

	light->step = STEP_SCEP;
	snprintf(url, sizeof(url), "%s?operation=PKIOperation", light->swarm->scep_url);
	return r < 0 ? r
		     : swarm_send_as(light, "POST", url, "application/x-pki-message",
				     buf_slice(&message), SLICE_EMPTY, 0, err);
}

/* note - a line of the journal; others read it while it grows */
void swarm_note(const struct light *light, const char *word, const char *what)
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
	swarm_note(light, "enrolled", swarm_udid(light, udid));
}

/* ---- answers of the service: what follows; SIM_REFUSED: the action ends here ---- */

static int after_session(struct light *light, struct slice body, struct err *err)
{
	if (light->is_answer) {
		light->is_answer = false;
		light->last_was_taken = true;
		swarm_note(light, "answer", light->last);
		if (light->declares) {
			light->declares = false;
			return swarm_send_declarative(light, STEP_TOKENS, "tokens", "", err);
		}
	}
	return body.len > 0 ? swarm_command_take(light, body, err) : SIM_REFUSED;
}

static int after_token(struct light *light, struct err *err)
{
	int r;

	settle_identity(light);
	if (!light->is_renewing)
		return swarm_send_session(light, err);
	light->is_renewing = false;
	r = swarm_answer_write(light, "Acknowledged", "", err);
	return r < 0 ? r : swarm_send_session(light, err);
}

static int go_on(struct light *light, struct http_reply *reply, struct err *err)
{
	struct slice body = buf_slice(&reply->body);
	int r;

	switch (light->step) {
	case STEP_PROFILE:
		r = swarm_profile_take(light, body, err);
		return r != 0 ? r : swarm_send_scep(light, err);
	case STEP_SCEP:
		r = swarm_scep_answer(light, body, err);
		return r != 0 ? SIM_REFUSED : swarm_send_authenticate(light, err);
	case STEP_AUTHENTICATE:
		return swarm_send_token(light, STEP_TOKEN, err);
	case STEP_TOKEN:
		return after_token(light, err);
	case STEP_SESSION:
		return after_session(light, body, err);
	case STEP_TOKENS:
		return swarm_send_declarative(light, STEP_ITEMS, "declaration-items", "", err);
	case STEP_ITEMS:
		return swarm_items_take(light, body, err);
	case STEP_DECLARATION:
		return swarm_declaration_next(light, err);
	case STEP_STATUS:
		return swarm_send_session(light, err);
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
		(void)swarm_answer_write(light, "Error", "<key>ErrorChain</key><array/>", NULL);
	}
	light->step = STEP_NONE;
	light->swarm->running--;
}

void swarm_on_reply(void *arg, int code, struct http_reply *reply, const struct err *err)
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
	swarm_note(light, "begins", swarm_udid(light, udid));
	light->is_answer = false;
	light->step = STEP_PROFILE;
	return swarm_send_as(light, "GET", swarm->tickets[swarm->ticket_next++], NULL, SLICE_EMPTY,
			     SLICE_EMPTY, 0, err);
}

static int send_malformed(struct light *light, struct err *err)
{
	static const char *const bodies[] = {
		"",
		"no property list",
		SWARM_HEAD "<key>Status</key>",
		SWARM_HEAD "<key>Status</key><string>Idle</string></dict></plist>",
		SWARM_HEAD "<key>UDID</key><integer>1</integer></dict></plist>",
		SWARM_HEAD "<key>MessageType</key><string>TokenUpdate</string></dict></plist>",
		SWARM_HEAD "<key>UDID</key><string>x' OR '1'='1</string><key>Status</key>"
			   "<string>Idle</string></dict></plist>",
		"<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\">]><plist><string>&a;</string></plist>",
		"bplist00\xff\xff\xff\xff",
	};
	struct swarm *swarm = light->swarm;
	const char *body = bodies[swarm_next(swarm, ARRAY_COUNT(bodies))];
	bool is_checkin = swarm_next(swarm, 2) != 0;

	light->step = STEP_MALFORMED;
	return swarm_send_own(light, is_checkin ? swarm->checkin_url : swarm->server_url,
			      is_checkin ? SWARM_CHECKIN : SWARM_CONNECT, slice_text(body), err);
}

/* this device's name under the certificate of another */
static int send_foreign(struct light *light, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(SIM_MESSAGE_MAX);
	struct swarm *swarm = light->swarm;
	struct light *other = &swarm->lights[swarm_next(swarm, swarm->options->count)];
	char udid[41];
	int r = buf_append_format(&body, err,
				  SWARM_HEAD "<key>Status</key><string>Idle</string><key>UDID</key>"
					     "<string>%s</string></dict></plist>",
				  swarm_udid(light, udid));

	if (r < 0 || other == light || other->cert.len == 0)
		return r < 0 ? r : SIM_REFUSED;
	light->step = STEP_FOREIGN;
	return swarm_send_as(light, "PUT", swarm->server_url, SWARM_CONNECT, buf_slice(&body),
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
		r = swarm_send_token(light, STEP_TOKEN_ALONE, err);
		break;
	default:
		r = swarm_send_session(light, err);
	}
	if (r != 0)
		end(light);
	return r < 0 ? r : 0;
}
