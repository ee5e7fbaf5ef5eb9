/*
 * swarm_send - what a light device says
 *
 * The same messages as a whole device's (client_*.c), made from patterns: a process speaks for
 * 100,000 of them.
 */
#include "sim/swarm.h"

#include <string.h>

enum { CALL_MS = 60000 };

/* @cert empty: nobody's identity; @key: of the certificate */
int swarm_send_as(struct light *light, const char *method, const char *url, const char *type,
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
	r = http_client_send(swarm->http, &call, swarm_on_reply, light, err);
	if (r == 0)
		swarm->counts.requests++;
	return r;
}

int swarm_send_own(struct light *light, const char *url, const char *type, struct slice body,
		   struct err *err)
{
	struct buf *cert = light->next_cert.len > 0 ? &light->next_cert : &light->cert;

	return swarm_send_as(light, "PUT", url, type, body, buf_slice(cert), swarm_pool_key(light),
			     err);
}

static int send_checkin(struct light *light, const char *message, const char *keys, struct err *err)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(SIM_MESSAGE_MAX);
	char udid[41];
	int r = buf_append_format(&body, err,
				  SWARM_HEAD
				  "<key>MessageType</key><string>%s</string><key>Topic</key>"
				  "<string>%s</string><key>UDID</key><string>%s</string>%s"
				  "</dict></plist>",
				  message, light->swarm->topic, swarm_udid(light, udid), keys);

	return r < 0 ? r
		     : swarm_send_own(light, light->swarm->checkin_url, SWARM_CHECKIN,
				      buf_slice(&body), err);
}

int swarm_send_authenticate(struct light *light, struct err *err)
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

int swarm_send_token(struct light *light, enum swarm_step step, struct err *err)
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

int swarm_send_declarative(struct light *light, enum swarm_step step, const char *endpoint,
			   const char *data, struct err *err)
{
	char keys[600];

	light->step = step;
	snprintf(keys, sizeof(keys), "<key>Endpoint</key><string>%.200s</string>%s", endpoint,
		 data);
	return send_checkin(light, "DeclarativeManagement", keys, err);
}

/* Idle, or the answer that is owed */
int swarm_send_session(struct light *light, struct err *err)
{
	char udid[41];
	int r = 0;

	light->step = STEP_SESSION;
	if (!light->is_answer) {
		buf_truncate(&light->body, 0);
		r = buf_append_format(&light->body, err,
				      SWARM_HEAD
				      "<key>Status</key><string>Idle</string><key>UDID</key>"
				      "<string>%s</string></dict></plist>",
				      swarm_udid(light, udid));
	}
	return r < 0 ? r
		     : swarm_send_own(light, light->swarm->server_url, SWARM_CONNECT,
				      buf_slice(&light->body), err);
}
