/* api_push - the push certificate and webhooks: rows that the courier's side reads */
#include "crypto/identity.h"
#include "server/api_internal.h"

#include <string.h>

/* ---- the push certificate ---- */

/* pushcert_read - the stored one; STORE_NO_ROW without */
static int pushcert_read(struct api_call *call, struct crypto_cert **cert, struct err *err)
{
	struct slice pem;
	int r = store_setting_get(call->context->store, "push-cert", &pem, err);

	return r != 0 ? r : crypto_cert_read(cert, pem, err);
}

static json_t *pushcert_json(const struct crypto_cert *cert)
{
	const struct crypto_cert_facts *facts = crypto_cert_facts(cert);

	return json_pack("{s:s, s:o}", "topic", facts->uid, "not_after",
			 api_time(facts->not_after));
}

int api_pushcert_show(struct api_call *call, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	int r = pushcert_read(call, &cert, err);

	if (r < 0)
		return r;
	if (r > 0)
		return api_refuse(call, 404, "not_found",
				  "`rehome mdm pushcert import FILE`: without one devices come by "
				  "themselves only",
				  err, "there is no push certificate yet");
	return api_reply(call, 200, pushcert_json(cert), err);
}

/* pushcert_check - may @cert with @key take the place of the present one? 1: was answered */
static int pushcert_check(struct api_call *call, const struct crypto_cert *cert,
			  const struct crypto_key *key, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *present = NULL;
	const struct crypto_cert_facts *facts = crypto_cert_facts(cert);
	int r;

	if (!crypto_cert_fits(cert, key)) {
		r = api_refuse(call, 400, "pushcert", NULL, err,
			       "the key is not the certificate's");
		return api_answered(r);
	}
	if (!*facts->uid || facts->not_after <= call->now) {
		r = api_refuse(call, 400, "pushcert",
			       "a push certificate has its topic (com.apple.mgmt...) as UID", err,
			       *facts->uid ? "the certificate has ended"
					   : "the certificate has no topic");
		return api_answered(r);
	}
	r = pushcert_read(call, &present, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!strcmp(crypto_cert_facts(present)->uid, facts->uid) ||
	    call->context->is_topic_change_allowed)
		return 0;
	r = api_refuse(call, 409, "topic",
		       "renew the certificate at Apple instead of making another; if every device "
		       "is to enroll again, the configuration allows it",
		       err,
		       "the topic would change from %s to %s: no enrolled device could be pushed",
		       crypto_cert_facts(present)->uid, facts->uid);
	return api_answered(r);
}

static int pushcert_store(struct api_call *call, const struct crypto_cert *cert,
			  const struct crypto_key *key, struct err *err)
{
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(CRYPTO_PEM_MAX + CRYPTO_SEAL_OVERHEAD);
	struct fleet_keys *keys = call->context->keys;
	struct store *store = call->context->store;
	int r = crypto_cert_write(cert, &pem, err);

	if (r == 0)
		r = crypto_key_write(key, &plain, err);
	if (r == 0)
		r = keys->seal(keys, buf_slice(&plain), &sealed, err);
	if (r == 0)
		r = store_setting_set(store, "push-cert", buf_slice(&pem), err);
	if (r == 0)
		r = store_setting_set(store, "push-key", buf_slice(&sealed), err);
	return r;
}

int api_pushcert_put(struct api_call *call, struct err *err)
{
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	struct err why = ERR_INIT;
	int r;

	if (crypto_cert_read(&cert, call->request->body, &why) < 0 ||
	    crypto_key_read(&key, call->request->body, &why) < 0)
		return api_refuse(call, 400, "pushcert",
				  "one PEM text with the certificate and its key, without a "
				  "passphrase",
				  err, "%s", why.text);
	r = pushcert_check(call, cert, key, err);
	if (r == 0)
		r = pushcert_store(call, cert, key, err);
	if (r != 0)
		return r < 0 ? r : 0;
	call->answer->effects |= API_PUSH_CERT_CHANGED;
	snprintf(call->subject, sizeof(call->subject), "%s", crypto_cert_facts(cert)->uid);
	return api_reply(call, 200, pushcert_json(cert), err);
}

/* ---- webhooks ---- */

/* a secret's text is the key of the signature, which takes 32 bytes */
enum { SECRET_BYTES = 16, WEBHOOK_ID_BYTES = 6, URL_MAX = 1023, KINDS_MAX = 511 };

static json_t *webhook_json(const struct store_webhook *row)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:o}", "id", row->id, "url", row->url,
			 "kinds", api_text(row->kinds), "created", api_time(row->created),
			 "next_event", (json_int_t)row->next_event, "failures",
			 (json_int_t)row->failures, "retry_at", api_time(row->retry_at));
}

int api_webhook_list(struct api_call *call, struct err *err)
{
	struct store_webhook *rows;
	json_t *list;
	size_t count;
	int r = store_webhook_list(call->context->store, 0, STORE_LIST_MAX, &rows, &count, err);

	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; i < count; i++)
		api_add(call, list, webhook_json(&rows[i]));
	return api_reply(call, 200, json_pack("{s:o}", "webhooks", list), err);
}

/* kinds_join - the words of the body with spaces; false if they do not fit */
static bool kinds_join(const struct api_call *call, char out[KINDS_MAX + 1])
{
	json_t *kinds = json_object_get(call->body, "kinds"), *kind;
	size_t i, len = 0;

	*out = 0;
	json_array_foreach(kinds, i, kind)
	{
		const char *word = json_string_value(kind);

		if (strchr(word, ' ') || len + strlen(word) + 1 > KINDS_MAX)
			return false;
		len += (size_t)snprintf(out + len, KINDS_MAX + 1 - len, "%s%s", i ? " " : "", word);
	}
	return true;
}

/* is_target - https, or plain to this machine; never with a user inside */
static bool is_target(const char *url)
{
	static const char *const starts[] = {"https://", "http://127.0.0.1:", "http://127.0.0.1/",
					     "http://[::1]:", "http://[::1]/"};

	if (strchr(url, '@'))
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(starts); i++)
		if (!strncmp(url, starts[i], strlen(starts[i])))
			return url[strlen(starts[i])] != 0;
	return false;
}

/* webhook_check - 1: was answered */
static int webhook_check(struct api_call *call, char kinds[KINDS_MAX + 1], struct err *err)
{
	const char *url = api_get_text(call, "url");
	int r;

	if (strlen(url) > URL_MAX || !is_target(url))
		r = api_refuse(call, 400, "bad_field", NULL, err,
			       "\"url\" begins with https:// (http:// for 127.0.0.1 and [::1] "
			       "only) and holds no \"@\"");
	else if (!kinds_join(call, kinds))
		r = api_refuse(call, 400, "bad_field", NULL, err,
			       "\"kinds\" are words without spaces, %d bytes in all", KINDS_MAX);
	else
		return 0;
	return api_answered(r);
}

/* webhook_store - with a new id and secret, which the caller wipes */
static int webhook_store(struct api_call *call, struct store_webhook *row,
			 char id[2 * WEBHOOK_ID_BYTES + 1], char secret[2 * SECRET_BYTES + 1],
			 struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(1024);
	struct fleet_keys *keys = call->context->keys;
	uint8_t bytes[SECRET_BYTES + WEBHOOK_ID_BYTES];
	int64_t last = 0;
	int r = call->context->entropy->fill(call->context->entropy, bytes, sizeof(bytes), err);

	if (r < 0)
		return r;
	hex_encode(bytes, SECRET_BYTES, secret);
	hex_encode(bytes + SECRET_BYTES, WEBHOOK_ID_BYTES, id);
	explicit_bzero(bytes, sizeof(bytes));
	r = keys->seal(keys, slice_text(secret), &sealed, err);
	if (r == 0)
		r = store_event_last(call->context->store, &last, err);
	if (r < 0)
		return r;
	row->id = id;
	row->secret = buf_slice(&sealed);
	row->created = call->now;
	row->next_event = api_get_number(call, "after", last) + 1;
	r = store_webhook_put(call->context->store, row, err);
	row->secret = SLICE_EMPTY;
	return r;
}

int api_webhook_add(struct api_call *call, struct err *err)
{
	struct store_webhook row = {.url = api_get_text(call, "url")};
	char kinds[KINDS_MAX + 1], id[2 * WEBHOOK_ID_BYTES + 1], secret[2 * SECRET_BYTES + 1];
	json_t *value;
	int r = webhook_check(call, kinds, err);

	if (r != 0)
		return r < 0 ? r : 0;
	row.kinds = kinds;
	r = webhook_store(call, &row, id, secret, err);
	value = r != 0 ? NULL
		       : json_pack("{s:s, s:s, s:I}", "id", id, "secret", secret, "next_event",
				   (json_int_t)row.next_event);
	explicit_bzero(secret, sizeof(secret));
	if (r != 0)
		return api_outcome(call, r, err);
	call->answer->effects |= API_WEBHOOKS_CHANGED;
	snprintf(call->subject, sizeof(call->subject), "%s", id);
	return api_reply(call, 200, value, err);
}

int api_webhook_remove(struct api_call *call, struct err *err)
{
	int r = store_webhook_remove(call->context->store, call->params[0], err);

	if (r != 0)
		return api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err);
	call->answer->effects |= API_WEBHOOKS_CHANGED;
	return api_done(call, 0, err);
}

int api_webhook_replay(struct api_call *call, struct err *err)
{
	struct store *store = call->context->store;
	struct store_webhook row;
	int r = store_webhook_find(store, call->params[0], &row, err);

	if (r != 0)
		return api_outcome(call, r < 0 ? r : (int)FLEET_NO_SUCH, err);
	row.next_event = api_get_number(call, "after", 0) + 1;
	row.retry_at = row.failures = row.is_paused = 0;
	r = store_webhook_put(store, &row, err);
	if (r < 0)
		return r;
	call->answer->effects |= API_WEBHOOKS_CHANGED;
	call->detail = json_pack("{s:I}", "next_event", (json_int_t)row.next_event);
	return api_reply(call, 200, json_pack("{s:I}", "next_event", (json_int_t)row.next_event),
			 err);
}
