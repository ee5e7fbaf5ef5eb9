/*
 * courier - sends pushes to APNs and events to webhooks; holds the push key while it runs
 *
 * Everything that leaves this machine on the service's own account leaves here.  It listens
 * nowhere, sees no database, and gets what it needs as sealed values that `keys` opens for it.
 */
#include "crypto/identity.h"
#include "mdm/mdm.h"
#include "net/http.h"
#include "server/call.h"
#include "server/data.h"
#include "server/sandbox.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	COURIER_RUNNING_MAX =
		500, /* pushes and events under way; further ones wait in the socket */
	COURIER_KEYS_MS = 5000,
	PUSH_MS = 20000,
	HOOK_MS = 10000,
	HOOK_REPLY_MAX = 64 << 10,
	TURN_MS = 20, /* between the two clients, when both have something under way */
	QUIET_MS = 60000,
};

struct courier {
	const struct process_env *env;
	struct link records, keys;
	uint32_t number;
	struct http_client *apns, *hooks;
	struct buf trust; /* of APNs, PEM; empty: the system's */
	struct buf hook_trust;
	LIST_HEAD(, errand) pushes, deliveries; /* under way, of @apns and of @hooks */
	bool is_leaving;
};

/** struct errand - a push or a delivery under way */
struct errand {
	LIST_ENTRY(errand) entry;
	struct courier *courier;
	char id[MDM_ID_MAX + 1]; /* enrollment, or webhook */
	int64_t sent, event;
};

/* reason_of - what went wrong, without the URL in front: its path ends in a push token, or in what
 * a webhook's receiver takes for a password, and neither belongs into a log */
static const char *reason_of(const struct err *err)
{
	const char *at = strstr(err->text, ": ");

	return at ? at + 2 : err->text;
}

/* ---- asking `keys` ---- */

/* opened_take - the answer of `keys`, appended to @out */
static int opened_take(struct call_fields *answer, struct buf *out, struct err *err)
{
	struct slice bytes;

	if (call_get_u32(answer) != 0)
		return err_set(err, ERR_CORRUPT, "a sealed value does not open");
	bytes = call_get(answer);
	if (!call_get_done(answer))
		return err_set(err, ERR_PROTOCOL, "keys: a malformed answer");
	return buf_append_slice(out, bytes, err);
}

static int open_sealed(struct courier *courier, const char *purpose, struct slice sealed,
		       struct buf *out, struct err *err)
{
	struct call_writer writer = call_begin(&courier->keys.out, ++courier->number, CALL_OPEN);
	struct frame frame;
	int r;

	call_put_text(&writer, purpose);
	call_put(&writer, sealed);
	r = call_end(&writer, err);
	if (r == 0)
		r = link_wait(&courier->keys, courier->number, COURIER_KEYS_MS, &frame, err);
	if (r < 0)
		return r;
	r = opened_take(&frame.fields, out, err);
	link_done(&courier->keys);
	return r;
}

/* ---- pushes ---- */

static void errand_end(struct errand *errand)
{
	LIST_REMOVE(errand, entry);
	free(errand);
}

/* apns_close - pushes under way end without a word: fleet repeats them */
static void apns_close(struct courier *courier)
{
	http_client_free(STEAL(courier->apns));
	while (!LIST_EMPTY(&courier->pushes))
		errand_end(LIST_FIRST(&courier->pushes));
}

static void hooks_close(struct courier *courier)
{
	http_client_free(STEAL(courier->hooks));
	while (!LIST_EMPTY(&courier->deliveries))
		errand_end(LIST_FIRST(&courier->deliveries));
}

static int identity_take(struct courier *courier, struct call_fields *in, struct err *err)
{
	struct buf key CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_PEM_MAX);
	struct slice cert = call_get(in), sealed = call_get(in);
	struct http_client_config want = {
		.ca_pem = buf_slice(&courier->trust), .cert_pem = cert, .version = HTTP_2};
	struct http_client *made = NULL;
	int r;

	if (!call_get_done(in))
		return err_set(err, ERR_PROTOCOL, "a malformed call");
	if (cert.len == 0) {
		apns_close(courier);
		return 0;
	}
	r = open_sealed(courier, "push-key", sealed, &key, err);
	want.key_pem = buf_slice(&key);
	if (r == 0)
		r = http_client_new(&made, &want, err);
	if (r < 0)
		return r;
	apns_close(courier);
	courier->apns = made;
	return 0;
}

static void pushed_tell(struct courier *courier, const char *id, int status, const char *reason,
			int64_t sent)
{
	struct call_writer writer =
		call_begin(&courier->records.out, ++courier->number, CALL_PUSHED);

	counts_add(status == 200 ? &courier->env->counts->pushes
				 : &courier->env->counts->pushes_failed);
	call_put_text(&writer, id);
	call_put_u32(&writer, (uint32_t)status);
	call_put_text(&writer, reason);
	call_put_u64(&writer, (uint64_t)sent);
	call_end(&writer, NULL);
}

static void push_done(void *arg, int code, struct http_reply *reply, const struct err *err)
{
	struct errand *errand = arg;
	char reason[64] = "";

	if (code == 0)
		mdm_push_reason(buf_slice(&reply->body), reason);
	else
		log_event(LOG_WARNING, "push-failed", "id=%s reason=\"%s\"", errand->id,
			  reason_of(err));
	pushed_tell(errand->courier, errand->id, code == 0 ? reply->status : 0, reason,
		    errand->sent);
	if (code == 0 && mdm_push_reaction(reply->status, reason) == MDM_PUSH_CERTIFICATE)
		log_event(LOG_ERROR, "push-certificate-refused", "reason=%s", reason);
	errand_end(errand);
}

static int push_url(const struct courier *courier, struct slice token, struct buf *out,
		    struct err *err)
{
	char hex[2 * MDM_TOKEN_MAX + 1];

	if (token.len > MDM_TOKEN_MAX)
		return err_set(err, ERR_LIMIT, "a push token of %zu bytes", token.len);
	hex_encode(token.bytes, token.len, hex);
	return buf_append_format(out, err, "%s/3/device/%s", courier->env->config->apns, hex);
}

static int push_send(struct courier *courier, const struct errand *errand, const char *topic,
		     const char *magic, struct slice token, int64_t expires, struct err *err)
{
	struct buf url CLEANUP(buf_clear) = BUF_INIT(3 * MDM_TOKEN_MAX);
	struct buf body CLEANUP(buf_wipe) = BUF_INIT(4 * MDM_TEXT_MAX);
	struct errand *kept;
	char expiration[24];
	const struct http_field fields[] = {{"apns-topic", topic},
					    {"apns-push-type", "mdm"},
					    {"apns-priority", "10"},
					    {"apns-expiration", expiration},
					    {NULL, NULL}};
	struct http_call call = {.method = "POST", .fields = fields, .timeout_ms = PUSH_MS};
	int r = push_url(courier, token, &url, err);

	snprintf(expiration, sizeof(expiration), "%lld", (long long)expires);
	if (r == 0)
		r = mdm_push_body(magic, &body, err);
	if (r == 0 && !courier->apns)
		r = err_set(err, ERR_POLICY, "no push certificate");
	if (r < 0)
		return r;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return err_no_memory(err);
	*kept = *errand;
	call.url = buf_text(&url);
	call.body = buf_slice(&body);
	LIST_INSERT_HEAD(&courier->pushes, kept, entry);
	r = http_client_send(courier->apns, &call, push_done, kept, err);
	if (r < 0)
		errand_end(kept);
	return r;
}

static int push_take(struct courier *courier, struct call_fields *in, struct err *err)
{
	struct errand errand = {.courier = courier, .sent = clock_wall_seconds(clock_system())};
	char topic[MDM_ID_MAX + 1], magic[MDM_ID_MAX + 1];
	struct slice token;
	int64_t expires;
	int r;

	call_get_text(in, errand.id, sizeof(errand.id));
	call_get_text(in, topic, sizeof(topic));
	call_get_text(in, magic, sizeof(magic));
	token = call_get(in);
	expires = (int64_t)call_get_u64(in);
	if (!call_get_done(in))
		return err_set(err, ERR_PROTOCOL, "a malformed call");
	r = push_send(courier, &errand, topic, magic, token, expires, err);
	if (r < 0)
		pushed_tell(courier, errand.id, 0, "", errand.sent);
	return r;
}

/* ---- webhooks ---- */

static void hooked_tell(struct courier *courier, const struct errand *errand, int status,
			const char *reason)
{
	struct call_writer writer =
		call_begin(&courier->records.out, ++courier->number, CALL_HOOKED);
	char text[200];

	counts_add(status >= 200 && status < 300 ? &courier->env->counts->webhooks
						 : &courier->env->counts->webhooks_failed);
	snprintf(text, sizeof(text), "%s", reason);
	call_put_text(&writer, errand->id);
	call_put_u64(&writer, (uint64_t)errand->event);
	call_put_u32(&writer, (uint32_t)status);
	call_put_text(&writer, text);
	call_end(&writer, NULL);
}

static void hook_done(void *arg, int code, struct http_reply *reply, const struct err *err)
{
	struct errand *errand = arg;

	hooked_tell(errand->courier, errand, code == 0 ? reply->status : 0,
		    code == 0 ? "" : reason_of(err));
	errand_end(errand);
}

/* hook_sign - "t=SECONDS,v1=HEX": HMAC-SHA-256 under the secret over SECONDS "." body.  The secret
 * is at most 32 bytes; HMAC fills a shorter key up with zeros, and so does the array */
static int hook_sign(struct courier *courier, struct slice sealed, struct slice body, char out[128],
		     struct err *err)
{
	struct buf secret CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_KEY_LEN);
	struct buf text CLEANUP(buf_clear) = BUF_INIT(CALL_FRAME_MAX);
	uint8_t key[CRYPTO_KEY_LEN] = {0}, sum[CRYPTO_SHA256_LEN];
	long long now = (long long)clock_wall_seconds(clock_system());
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	struct crypto_mac *mac = NULL;
	int r = open_sealed(courier, "webhook-secret", sealed, &secret, err);

	if (r == 0)
		r = buf_append_format(&text, err, "%lld.", now);
	if (r == 0)
		r = buf_append_slice(&text, body, err);
	if (r < 0)
		return r;
	if (secret.len > 0)
		memcpy(key, secret.bytes, secret.len);
	r = crypto_mac_new(&mac, key, err);
	explicit_bzero(key, sizeof(key));
	if (r == 0)
		r = crypto_mac_compute(mac, buf_slice(&text), sum, err);
	crypto_mac_free(mac);
	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	snprintf(out, 128, "t=%lld,v1=%s", now, hex);
	return 0;
}

static int hook_send(struct courier *courier, const struct errand *errand, const char *url,
		     struct slice sealed, struct slice body, struct err *err)
{
	char signature[128] = "";
	const struct http_field fields[] = {{"Content-Type", "application/json"},
					    {"Rehome-Signature", signature},
					    {NULL, NULL}};
	struct http_call call = {.method = "POST",
				 .url = url,
				 .fields = fields,
				 .body = body,
				 .reply_len_max = HOOK_REPLY_MAX,
				 .timeout_ms = HOOK_MS};
	struct errand *kept;
	int r = hook_sign(courier, sealed, body, signature, err);

	if (r < 0)
		return r;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return err_no_memory(err);
	*kept = *errand;
	LIST_INSERT_HEAD(&courier->deliveries, kept, entry);
	r = http_client_send(courier->hooks, &call, hook_done, kept, err);
	if (r < 0)
		errand_end(kept);
	return r;
}

static int hook_take(struct courier *courier, struct call_fields *in, struct err *err)
{
	struct errand errand = {.courier = courier};
	struct slice sealed, body;
	char url[1024];
	int r;

	call_get_text(in, errand.id, sizeof(errand.id));
	call_get_text(in, url, sizeof(url));
	sealed = call_get(in);
	errand.event = (int64_t)call_get_u64(in);
	body = call_get(in);
	if (!call_get_done(in))
		return err_set(err, ERR_PROTOCOL, "a malformed call");
	r = hook_send(courier, &errand, url, sealed, body, err);
	if (r < 0)
		hooked_tell(courier, &errand, 0, reason_of(err));
	return r;
}

/* ---- the loop ---- */

static unsigned running(const struct http_client *client)
{
	return client ? http_client_running(client) : 0;
}

static bool is_full(const struct courier *courier)
{
	return running(courier->apns) + running(courier->hooks) >= COURIER_RUNNING_MAX;
}

static void frames_take(struct courier *courier)
{
	struct frame frame;

	while (!is_full(courier) && link_next(&courier->records, &frame, NULL) == 0) {
		struct err err = ERR_INIT;
		int r = 0;

		if (frame.op == CALL_PUSH_IDENTITY)
			r = identity_take(courier, &frame.fields, &err);
		else if (frame.op == CALL_PUSH)
			r = push_take(courier, &frame.fields, &err);
		else if (frame.op == CALL_HOOK)
			r = hook_take(courier, &frame.fields, &err);
		if (r < 0)
			log_event(LOG_WARNING, "courier", "operation=%d reason=\"%s\"",
				  (int)frame.op, reason_of(&err));
	}
	link_done(&courier->records);
}

static int controls_take(struct courier *courier, struct err *err)
{
	struct control control CLEANUP(control_clear) = CONTROL_INIT;
	int r;

	while ((r = control_receive(courier->env->control, &control, err)) == 0) {
		if (control.kind == CONTROL_STOP)
			courier->is_leaving = true;
		if (control.kind != CONTROL_PEER || control.fd < 0)
			continue;
		link_open(control.peer == ROLE_KEYS ? &courier->keys : &courier->records,
			  control.fd);
		control.fd = -1;
	}
	return r;
}

/* wait_for_work - on the client that has something under way; in turn if both have */
static int wait_for_work(struct courier *courier, struct pollfd fds[2], unsigned count,
			 struct err *err)
{
	bool has_pushes = running(courier->apns) > 0, has_hooks = running(courier->hooks) > 0;
	int64_t wait_ms = has_pushes && has_hooks ? TURN_MS : QUIET_MS;
	int r = 0;

	if (has_pushes)
		r = http_client_poll(courier->apns, fds, count, wait_ms, err);
	if (r == 0 && (has_hooks || !has_pushes))
		r = http_client_poll(courier->hooks, fds, count, has_pushes ? 0 : wait_ms, err);
	return r;
}

static int turn(struct courier *courier, struct err *err)
{
	struct link *records = &courier->records;
	struct pollfd fds[2] = {{courier->env->control, POLLIN, 0}, {records->fd, 0, 0}};
	int r;

	frames_take(courier);
	if (records->fd >= 0 && link_flush(records, NULL) == LINK_NOTHING)
		fds[1].events |= POLLOUT;
	if (!is_full(courier))
		fds[1].events |= POLLIN;
	r = wait_for_work(courier, fds, records->fd >= 0 ? 2 : 1, err);
	if (r < 0)
		return r;
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR) && link_receive(records, NULL) < 0)
		link_close(records);
	return fds[0].revents ? controls_take(courier, err) : 0;
}

/* ---- the start ---- */

static int trust_read(const char *path, struct buf *out, struct err *err)
{
	return strcmp(path, "auto") != 0 ? fs_read_file(fs_system(), path, out, err) : 0;
}

static int parts_make(struct courier *courier, struct err *err)
{
	const struct config *config = courier->env->config;
	struct http_client_config want = {.version = HTTP_1_1};
	int r = trust_read(config->apns_trust, &courier->trust, err);

	if (r == 0)
		r = trust_read(config->webhook_trust, &courier->hook_trust, err);
	want.ca_pem = buf_slice(&courier->hook_trust);
	return r < 0 ? r : http_client_new(&courier->hooks, &want, err);
}

static void courier_clear(struct courier *courier)
{
	apns_close(courier);
	hooks_close(courier);
	link_close(&courier->records);
	link_close(&courier->keys);
	buf_clear(&courier->trust);
	buf_clear(&courier->hook_trust);
}

int courier_run(const struct process_env *env, struct err *err)
{
	static const struct sandbox_path paths[] = {
		{"/etc/resolv.conf", false},
		{"/etc/hosts", false},
		{"/etc/nsswitch.conf", false},
		{"/etc/services", false},
		{"/etc/ssl", false},
		{"/usr/lib/ssl", false},
		{"/usr/share/ca-certificates", false},
		{NULL, false},
	};
	struct courier courier CLEANUP(courier_clear) = {
		.env = env,
		.records = LINK_INIT,
		.keys = LINK_INIT,
		.trust = BUF_INIT(1 << 20),
		.hook_trust = BUF_INIT(1 << 20),
	};
	int r = crypto_start(err);

	if (r == 0)
		r = parts_make(&courier, err);
	if (r == 0)
		r = sandbox_enter(env->role, false, paths,
				  (enum config_sandbox)env->config->sandbox, err);
	if (r == 0)
		control_ready(env->control);
	while (r >= 0 && !courier.is_leaving)
		r = turn(&courier, err);
	return r == ERR_CLOSED ? 0 : r < 0 ? r : 0;
}
