/*
 * delivery - pushes and webhooks on the side of the records
 *
 * What is due is read in a transaction and handed over after its commit.  A push that is lost with
 * the courier is made again by fleet's own back-off; an event is delivered in order, one at a time
 * per webhook, until its receiver said 2xx: at least once.
 */
#include "crypto/identity.h"
#include "server/records.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOOK_LOOK_MAX = 200, /* events that a webhook may pass over at once */
	HOOK_BACKOFF_S = 5,  /* after the first failure; doubled with each further one */
	HOOK_BACKOFF_MAX_S = 3600,
	PUSH_CERT_WARN_S = 30 * 86400,
};

/* ---- the push certificate ---- */

static void identity_send(struct records *records, struct slice key, struct buf *out)
{
	struct call_writer writer = call_begin(out, 0, CALL_PUSH_IDENTITY);

	call_put(&writer, buf_slice(&records->push_cert));
	call_put(&writer, key);
	call_end(&writer, NULL);
}

/* topic_follow - fleet names the topic in enrollment profiles; the first one is taken as it is */
static int topic_follow(struct records *records, const struct crypto_cert_facts *facts,
			struct err *err)
{
	struct records_policy *policy = records->policy;
	struct fleet_policy wanted = policy->policy;
	int r;

	if (!strcmp(policy->topic, facts->uid))
		return 0;
	wanted.topic = facts->uid;
	r = fleet_policy_set(records->fleet, &wanted, policy->config.is_topic_change_allowed, err);
	if (r > 0)
		log_event(LOG_ERROR, "push-topic-refused", "topic=%s reason=\"%s\"", facts->uid,
			  err->text);
	if (r != 0)
		return r < 0 ? r : 0;
	/* what the next reload of the configuration goes on with */
	snprintf(policy->topic, sizeof(policy->topic), "%s", facts->uid);
	policy->policy.topic = policy->topic;
	return 0;
}

int delivery_identity(struct records *records, void *arg, struct err *err)
{
	struct crypto_cert *cert CLEANUP(crypto_cert_free_p) = NULL;
	const struct crypto_cert_facts *facts;
	struct slice pem = SLICE_EMPTY, key = SLICE_EMPTY;
	int r = store_setting_get(records->store, "push-cert", &pem, err);

	if (r == 0)
		r = store_setting_get(records->store, "push-key", &key, err);
	if (r < 0)
		return r;
	if (slice_equal(pem, buf_slice(&records->push_cert)) &&
	    records->push_identity == PUSH_HANDED)
		return 0;
	buf_clear(&records->push_cert);
	records->env->counts->push_cert_ends = 0;
	records->push_identity = PUSH_DEFERRED;
	if (r == 0)
		r = crypto_cert_read(&cert, pem, err);
	if (r < 0)
		log_event(LOG_ERROR, "push-certificate", "reason=\"%s\"", err->text);
	if (r != 0) {
		identity_send(records, SLICE_EMPTY, &records->deferred);
		return 0;
	}
	r = buf_append_slice(&records->push_cert, pem, err);
	if (r < 0)
		return r;
	facts = crypto_cert_facts(cert);
	records->env->counts->push_cert_ends = facts->not_after;
	if (facts->not_after < clock_wall_seconds(clock_system()) + PUSH_CERT_WARN_S)
		log_event(LOG_WARNING, "push-certificate-ends", "topic=%s at=%lld", facts->uid,
			  (long long)facts->not_after);
	if (!config_has_push(&records->policy->config))
		log_event(LOG_WARNING, "push-off",
			  "topic=%s next=\"set apns to https://api.push.apple.com:443; until then "
			  "devices "
			  "get their commands when they ask by themselves\"",
			  facts->uid);
	identity_send(records, key, &records->deferred);
	return topic_follow(records, facts, err);
}

void delivery_connected(struct records *records)
{
	struct err err = ERR_INIT;

	memset(records->hooks, 0, sizeof(records->hooks));
	records->push_identity = PUSH_TO_READ;
	if (records_transaction(records, delivery_identity, NULL, &err) < 0)
		log_event(LOG_ERROR, "push-certificate", "reason=\"%s\"", err.text);
}

void delivery_undone(struct records *records)
{
	if (records->push_identity == PUSH_DEFERRED)
		records->push_identity = PUSH_TO_READ;
	for (size_t i = 0; i < HOOKS_MAX; i++)
		if (!records->hooks[i].is_handed)
			records->hooks[i].event = 0;
}

void delivery_handed(struct records *records)
{
	if (records->push_identity == PUSH_DEFERRED)
		records->push_identity = PUSH_HANDED;
	for (size_t i = 0; i < HOOKS_MAX; i++)
		records->hooks[i].is_handed = true;
}

/* ---- pushes ---- */

static int push_each(void *arg, const struct fleet_push *push, struct err *err)
{
	struct records *records = arg;
	struct call_writer writer = call_begin(&records->deferred, 0, CALL_PUSH);

	call_put_text(&writer, push->id);
	call_put_text(&writer, push->topic);
	call_put_text(&writer, push->magic);
	call_put(&writer, push->token);
	call_put_u64(&writer, (uint64_t)push->expires);
	return call_end(&writer, err);
}

int delivery_pushes(struct records *records, void *arg, struct err *err)
{
	unsigned count = 0;
	int r;

	if (!records->courier || records->push_cert.len == 0 ||
	    !config_has_push(&records->policy->config))
		return 0;
	r = fleet_push_due(records->fleet, RECORDS_PUSHES, &count, push_each, records, err);
	if (r >= 0 && count >= RECORDS_PUSHES)
		records->effects |= FLEET_PUSH_DUE; /* there may be more */
	return r < 0 ? r : 0;
}

int delivery_pushed(struct records *records, struct call_fields *in, struct err *err)
{
	char id[FLEET_ID_MAX + 1], reason[64];
	int64_t sent;
	int status, r;

	call_get_text(in, id, sizeof(id));
	status = (int)call_get_u32(in);
	call_get_text(in, reason, sizeof(reason));
	sent = (int64_t)call_get_u64(in);
	if (!call_get_done(in))
		return err_set(err, ERR_PROTOCOL, "a malformed call");
	log_event(status == 200 ? LOG_DEBUG : LOG_WARNING, "pushed", "id=%s status=%d reason=%s",
		  id, status, *reason ? reason : "-");
	r = fleet_push_result(records->fleet, id, status, sent, err);
	return r < 0 ? r : 0;
}

/* ---- webhooks ---- */

/* hook_slot - where a delivery of @id is noted; one that is free if it has none */
static struct hook *hook_slot(struct records *records, const char *id)
{
	struct hook *free_one = NULL;

	for (size_t i = 0; i < HOOKS_MAX; i++) {
		struct hook *hook = &records->hooks[i];

		if (hook->event != 0 && !strcmp(hook->id, id))
			return hook;
		if (hook->event == 0)
			free_one = hook;
	}
	return free_one;
}

/* kind_is_wanted - @kinds: words with spaces between, empty for all */
static bool kind_is_wanted(const char *kinds, const char *kind)
{
	size_t len = strlen(kind);

	if (!*kinds)
		return true;
	for (const char *at = kinds; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strcspn(at, " ") == len && !strncmp(at, kind, len))
			return true;
	return false;
}

/* event_text - what a receiver gets, JSON */
static int event_text(const struct store_event *row, struct buf *out, struct err *err)
{
	json_t *body = NULL;
	json_error_t why;
	char at[21];

	if (*row->body) {
		body = json_loads(row->body, JSON_REJECT_DUPLICATES, &why);
		if (!body && json_error_code(&why) == json_error_out_of_memory)
			return err_no_memory(err);
	}
	return mdm_json_dump(json_pack("{sIssssssso*}", "no", (json_int_t)row->no, "at",
				       time_format_utc(row->at, at), "kind", row->kind, "subject",
				       row->subject, "body", body),
			     out, err);
}

static int hook_send(struct records *records, const struct store_webhook *row, struct hook *slot,
		     const struct store_event *event, struct err *err)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(CALL_FRAME_MAX / 2);
	struct call_writer writer;
	int r = event_text(event, &text, err);

	if (r < 0)
		return r;
	writer = call_begin(&records->deferred, 0, CALL_HOOK);
	call_put_text(&writer, row->id);
	call_put_text(&writer, row->url);
	call_put(&writer, row->secret);
	call_put_u64(&writer, (uint64_t)event->no);
	call_put(&writer, buf_slice(&text));
	r = call_end(&writer, err);
	if (r == 0) {
		snprintf(slot->id, sizeof(slot->id), "%s", row->id);
		slot->event = event->no;
		slot->began = row->next_event;
		slot->is_handed = false;
	}
	return r;
}

/* hook_go_on - the next event that the webhook wants; those that it does not are passed over */
static int hook_go_on(struct records *records, struct store_webhook *row, int64_t now,
		      struct err *err)
{
	struct hook *slot = hook_slot(records, row->id);
	struct store_event *events;
	size_t count, i = 0;
	int r;

	if (row->is_paused || row->retry_at > now || !slot || slot->event != 0)
		return 0;
	r = store_event_list(records->store, row->next_event > 0 ? row->next_event - 1 : 0,
			     HOOK_LOOK_MAX, &events, &count, err);
	if (r != 0 || count == 0)
		return r;
	while (i < count && !kind_is_wanted(row->kinds, events[i].kind))
		i++;
	if (i < count)
		return hook_send(records, row, slot, &events[i], err);
	row->next_event = events[count - 1].no + 1;
	records->effects |= FLEET_EVENTS; /* look at the following ones soon */
	return store_webhook_put(records->store, row, err);
}

int delivery_hooks(struct records *records, void *arg, struct err *err)
{
	int64_t now = clock_wall_seconds(clock_system());
	struct store_webhook *rows;
	size_t count = 0;
	int r;

	if (!records->courier)
		return 0;
	r = store_webhook_list(records->store, 0, HOOKS_MAX, &rows, &count, err);
	for (size_t i = 0; i < count && r == 0; i++)
		r = hook_go_on(records, &rows[i], now, err);
	return r;
}

/* hook_note - what became of event @no; @began: next_event when it was handed over */
static void hook_note(struct store_webhook *row, int64_t no, int64_t began, int status)
{
	int64_t now = clock_wall_seconds(clock_system()), wait = HOOK_BACKOFF_S;

	if (status >= 200 && status < 300) {
		/* moved meanwhile: an operator wants events again, and gets them */
		if (row->next_event == began)
			row->next_event = no + 1;
		row->failures = 0;
		row->retry_at = 0;
		return;
	}
	for (int64_t i = 0; i < row->failures && wait < HOOK_BACKOFF_MAX_S; i++)
		wait *= 2;
	row->failures++;
	row->retry_at = now + (wait < HOOK_BACKOFF_MAX_S ? wait : HOOK_BACKOFF_MAX_S);
}

int delivery_hooked(struct records *records, struct call_fields *in, struct err *err)
{
	char id[FLEET_NAME_MAX + 1], reason[FLEET_NAME_MAX + 1];
	struct store_webhook row;
	struct hook *slot;
	int64_t no, began = -1;
	int status, r;

	call_get_text(in, id, sizeof(id));
	no = (int64_t)call_get_u64(in);
	status = (int)call_get_u32(in);
	call_get_text(in, reason, sizeof(reason));
	if (!call_get_done(in))
		return err_set(err, ERR_PROTOCOL, "a malformed call");
	slot = hook_slot(records, id);
	if (slot && slot->event == no) {
		began = slot->began;
		slot->event = 0;
	}
	log_event(status >= 200 && status < 300 ? LOG_DEBUG : LOG_WARNING, "webhook",
		  "webhook=%s event=%lld status=%d reason=\"%s\"", id, (long long)no, status,
		  reason);
	r = store_webhook_find(records->store, id, &row, err);
	if (r != 0)
		return r < 0 ? r : 0;
	hook_note(&row, no, began, status);
	records->effects |= FLEET_EVENTS;
	return store_webhook_put(records->store, &row, err);
}
