/* records_call - the calls of workers and courier, one function each */
#include "crypto/identity.h"
#include "server/records.h"

#include <stdlib.h>
#include <string.h>

/* ---- fleet's table of what only `keys` can do ---- */

/* take - the only field of an answer, appended to @out */
static int take(struct call_fields *answer, struct buf *out, struct err *err)
{
	int outcome = (int)call_get_u32(answer);
	struct slice bytes;

	if (outcome != 0)
		return err_set(err, outcome < 0 ? outcome : ERR_CORRUPT, "keys refused (%d)",
			       outcome);
	bytes = call_get(answer);
	if (!call_get_done(answer))
		return err_set(err, ERR_PROTOCOL, "keys: a malformed answer");
	return buf_append_slice(out, bytes, err);
}

/* ask - send what @writer began and wait; the field of the answer is appended to @out */
static int ask(struct records_keys *keys, struct call_writer *writer, struct buf *out,
	       struct err *err)
{
	struct frame frame;
	int r = call_end(writer, err);

	if (r == 0)
		r = link_wait(&keys->link, keys->number, RECORDS_KEYS_MS, &frame, err);
	if (r < 0)
		return err_wrap(err, r == ERR_CLOSED ? ERR_IO : r, "keys");
	r = take(&frame.fields, out, err);
	link_done(&keys->link);
	return r;
}

static struct call_writer begin(struct records_keys *keys, enum call_op op)
{
	return call_begin(&keys->link.out, ++keys->number, op);
}

static int keys_seal(struct fleet_keys *table, struct slice in, struct buf *out, struct err *err)
{
	struct records_keys *keys = (struct records_keys *)table;
	struct call_writer writer = begin(keys, CALL_SEAL);

	call_put(&writer, in);
	return ask(keys, &writer, out, err);
}

static int keys_open(struct fleet_keys *table, const char *purpose, struct slice sealed,
		     struct buf *out, struct err *err)
{
	struct records_keys *keys = (struct records_keys *)table;
	struct call_writer writer = begin(keys, CALL_OPEN);

	call_put_text(&writer, purpose);
	call_put(&writer, sealed);
	return ask(keys, &writer, out, err);
}

static int keys_issue(struct fleet_keys *table, struct slice spki, const char *common_name,
		      unsigned days, struct buf *out, struct err *err)
{
	struct records_keys *keys = (struct records_keys *)table;
	struct call_writer writer = begin(keys, CALL_ISSUE);

	call_put(&writer, spki);
	call_put_text(&writer, common_name);
	call_put_u32(&writer, days);
	return ask(keys, &writer, out, err);
}

static int keys_sign(struct fleet_keys *table, struct slice profile, struct buf *out,
		     struct err *err)
{
	struct records_keys *keys = (struct records_keys *)table;
	struct call_writer writer = begin(keys, CALL_PROFILE_SIGN);

	call_put(&writer, profile);
	return ask(keys, &writer, out, err);
}

_Static_assert((int)FLEET_PAIRING_MAX == CALL_CHALLENGE_MAX, "one limit in two rooms");

static int keys_supervise(struct fleet_keys *table, struct slice challenge, struct buf *out,
			  struct err *err)
{
	struct records_keys *keys = (struct records_keys *)table;
	struct call_writer writer = begin(keys, CALL_SUPERVISE);

	call_put(&writer, challenge);
	return ask(keys, &writer, out, err);
}

void records_keys_init(struct records_keys *keys)
{
	*keys = (struct records_keys){
		.table = {keys_seal, keys_open, keys_issue, keys_sign, keys_supervise},
		.link = LINK_INIT};
}

/* ---- the calls ---- */

static bool peer_get(struct call_fields *in, struct fleet_peer *peer)
{
	struct slice digest = call_get(in);

	*peer = (struct fleet_peer){.is_presented = true, .not_after = (int64_t)call_get_u64(in)};
	if (digest.len != sizeof(peer->sha256))
		return false;
	memcpy(peer->sha256, digest.bytes, digest.len);
	return true;
}

static int malformed(struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "a malformed call");
}

static void http_put(struct call_writer *out, int status, const char *type, struct slice body,
		     const char *challenge)
{
	call_put_u32(out, (uint32_t)status);
	call_put_text(out, type);
	call_put(out, body);
	call_put_text(out, challenge);
}

/* device_put - what fleet decided; the log line names the enrollment */
static void device_put(struct records *records, struct call_writer *out, const char *what)
{
	struct fleet_answer *answer = &records->answer;

	records->effects |= answer->effects;
	http_put(out, answer->status, answer->content_type, buf_slice(&answer->body), NULL);
	log_event(answer->status == 200 ? LOG_DEBUG : LOG_INFO, "device", "id=%s %s status=%d%s%s",
		  *answer->id ? answer->id : "-", what, answer->status,
		  answer->reason ? " reason=" : "", answer->reason ? answer->reason : "");
	fleet_answer_clear(answer); /* it may have told the device a token of its own */
}

static int do_checkin(struct records *records, struct call_fields *in, struct call_writer *out,
		      struct err *err)
{
	struct fleet_peer peer;
	bool has_peer = peer_get(in, &peer);
	struct slice bytes = call_get(in);
	struct mdm_checkin checkin;
	int r;

	if (!has_peer || !call_get_done(in))
		return malformed(err);
	plist_doc_reset(records->doc);
	r = mdm_checkin_parse(records->doc, bytes, &checkin, err);
	if (r == 0)
		r = fleet_checkin(records->fleet, &checkin, &peer, &records->answer, err);
	if (r == 0)
		device_put(records, out, mdm_message_name(checkin.message));
	return r;
}

static int do_report(struct records *records, struct call_fields *in, struct call_writer *out,
		     struct err *err)
{
	struct fleet_peer peer;
	bool has_peer = peer_get(in, &peer);
	struct slice bytes = call_get(in);
	struct mdm_report report;
	int r;

	if (!has_peer || !call_get_done(in))
		return malformed(err);
	plist_doc_reset(records->doc);
	r = mdm_report_parse(records->doc, bytes, &report, err);
	if (r == 0)
		r = fleet_report(records->fleet, &report, &peer, &records->answer, err);
	if (r == 0)
		device_put(records, out, mdm_status_name(report.status));
	return r;
}

static int do_download(struct records *records, struct call_fields *in, struct call_writer *out,
		       struct err *err)
{
	char identifier[FLEET_NAME_MAX + 1];
	struct fleet_peer peer;
	bool has_peer = peer_get(in, &peer);
	int r;

	call_get_text(in, identifier, sizeof(identifier));
	if (!has_peer || !call_get_done(in))
		return malformed(err);
	r = fleet_profile_download(records->fleet, identifier, &peer, &records->answer, err);
	if (r == 0)
		device_put(records, out, "profile");
	return r;
}

static int do_enroll(struct records *records, struct call_fields *in, struct call_writer *out,
		     struct err *err)
{
	char link[256], text[ERR_TEXT_MAX + 64];
	int r;

	call_get_text(in, link, sizeof(link));
	if (!call_get_done(in))
		r = err_set(err, FLEET_REFUSED, "it is longer than any of ours");
	else
		r = fleet_profile_enroll(records->fleet, link, &records->bytes, err);
	if (r < 0)
		return r;
	if (r == 0) {
		http_put(out, 200, "application/x-apple-aspen-config", buf_slice(&records->bytes),
			 NULL);
		return 0;
	}
	log_event(LOG_INFO, "link-refused", "reason=\"%s\"", err->text);
	snprintf(text, sizeof(text), "This link does not enroll a device: %s.\n", err->text);
	http_put(out, 404, "text/plain; charset=utf-8", slice_text(text), NULL);
	return 0;
}

static int do_identity(struct records *records, struct call_fields *in, struct call_writer *out,
		       struct err *err)
{
	char challenge[256];
	struct slice spki;
	int r;

	call_get_text(in, challenge, sizeof(challenge));
	spki = call_get(in);
	if (!call_get_done(in))
		return err_set(err, FLEET_REFUSED, "no challenge of ours");
	r = fleet_identity_issue(records->fleet, challenge, spki, &records->bytes, err);
	if (r == 0)
		call_put(out, buf_slice(&records->bytes));
	else
		log_event(LOG_INFO, "identity-refused", "reason=\"%s\"", err->text);
	return r;
}

static int do_renewal(struct records *records, struct call_fields *in, struct call_writer *out,
		      struct err *err)
{
	struct fleet_peer peer;
	bool has_peer = peer_get(in, &peer);
	struct slice spki = call_get(in);
	int r;

	if (!has_peer || !call_get_done(in))
		return malformed(err);
	r = fleet_identity_renew(records->fleet, &peer, spki, &records->bytes, err);
	if (r == 0)
		call_put(out, buf_slice(&records->bytes));
	else
		log_event(LOG_INFO, "renewal-refused", "reason=\"%s\"", err->text);
	return r;
}

/* text_take - a field as a text; the frame's next field begins with a length whose first byte is
 * not ours to overwrite, so it is copied into @room */
static const char *text_take(struct call_fields *in, struct buf *room)
{
	struct slice bytes = call_get(in);
	size_t start = room->len;

	if (bytes.len > 0 && memchr(bytes.bytes, 0, bytes.len))
		in->is_bad = true;
	if (buf_append_slice(room, bytes, NULL) < 0 || buf_append_u8(room, 0, NULL) < 0)
		in->is_bad = true;
	return in->is_bad ? "" : (const char *)room->bytes + start;
}

enum { API_TEXTS = 6, API_TEXTS_MAX = 64 << 10 };

static int do_api(struct records *records, struct call_fields *in, struct call_writer *out,
		  struct err *err)
{
	struct buf room CLEANUP(buf_wipe) = BUF_INIT(API_TEXTS_MAX);
	struct api_context context = {
		.store = records->store,
		.fleet = records->fleet,
		.keys = &records->keys.table,
		.clock = clock_system(),
		.entropy = entropy_system(),
		.url = records->env->url,
		.ca_pem = buf_slice(&records->ca_pem),
		.supervision_pem = buf_slice(&records->supervision_pem),
		.is_topic_change_allowed = records->policy->config.is_topic_change_allowed,
		.has_apns = config_has_push(&records->policy->config),
	};
	struct api_request request;
	struct api_answer answer CLEANUP(api_answer_clear);
	const char *texts[API_TEXTS];
	int r;

	api_answer_init(&answer);
	/* room for all of them at once: texts point into it */
	if (buf_reserve(&room,
			in->in.left + API_TEXTS < API_TEXTS_MAX ? in->in.left + API_TEXTS
								: API_TEXTS_MAX,
			err) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < API_TEXTS; i++)
		texts[i] = text_take(in, &room);
	request = (struct api_request){texts[0], texts[1], texts[2],    texts[3],
				       texts[4], texts[5], call_get(in)};
	if (!call_get_done(in))
		return malformed(err);
	r = api_handle(&context, &request, &answer, err);
	if (r < 0)
		return r;
	records->effects |= answer.effects;
	http_put(out, answer.status, answer.content_type, buf_slice(&answer.body),
		 answer.challenge);
	log_event(LOG_INFO, "api", "method=%s path=%s status=%d peer=%s", request.method,
		  request.path, answer.status, request.peer);
	return 0;
}

static int do_health(struct records *records, struct call_fields *in, struct call_writer *out,
		     struct err *err)
{
	int64_t last;

	return store_event_last(records->store, &last, err);
}

static int do_pushed(struct records *records, struct call_fields *in, struct call_writer *out,
		     struct err *err)
{
	return delivery_pushed(records, in, err);
}

static int do_hooked(struct records *records, struct call_fields *in, struct call_writer *out,
		     struct err *err)
{
	return delivery_hooked(records, in, err);
}

static const struct {
	enum call_op op;
	enum role who;
	int (*run)(struct records *records, struct call_fields *in, struct call_writer *out,
		   struct err *err);
} calls[] = {
	{CALL_CHECKIN, ROLE_WORKER, do_checkin},   {CALL_REPORT, ROLE_WORKER, do_report},
	{CALL_DOWNLOAD, ROLE_WORKER, do_download}, {CALL_ENROLL, ROLE_WORKER, do_enroll},
	{CALL_IDENTITY, ROLE_WORKER, do_identity}, {CALL_RENEWAL, ROLE_WORKER, do_renewal},
	{CALL_API, ROLE_WORKER, do_api},           {CALL_HEALTH, ROLE_WORKER, do_health},
	{CALL_PUSHED, ROLE_COURIER, do_pushed},    {CALL_HOOKED, ROLE_COURIER, do_hooked},
};

int records_call(struct records *records, enum role role, struct frame *frame,
		 struct call_writer *answer, struct err *err)
{
	buf_wipe(&records->bytes);
	for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
		if (calls[i].op == frame->op && calls[i].who == role)
			return calls[i].run(records, &frame->fields, answer, err);
	return err_set(err, ERR_POLICY, "operation %d is not for %s", (int)frame->op,
		       role_name(role));
}

/* ---- policy ---- */

int records_policy_make(struct records *records, const struct config *config,
			struct records_policy **out, struct err *err)
{
	struct records_policy *made = calloc(1, sizeof(*made));
	struct fleet_policy *policy;
	struct crypto_cert *ca = NULL;
	const char *url = records->env->url;
	int r;

	if (!made)
		return err_no_memory(err);
	made->config = *config;
	made->root = BUF_INIT(CALL_FRAME_MAX);
	r = crypto_cert_read(&ca, buf_slice(&records->ca_pem), err);
	if (r == 0)
		r = buf_append_slice(&made->root, crypto_cert_bytes(ca), err);
	crypto_cert_free(ca);
	if (r < 0) {
		records_policy_free(made);
		return r;
	}
	snprintf(made->server_url, sizeof(made->server_url), "%s/mdm", url);
	snprintf(made->checkin_url, sizeof(made->checkin_url), "%s/checkin", url);
	snprintf(made->scep_url, sizeof(made->scep_url), "%s/scep", url);
	if (records->policy)
		memcpy(made->topic, records->policy->topic, sizeof(made->topic));
	policy = &made->policy;
	fleet_policy_default(policy);
	policy->organization = made->config.organization;
	policy->profile_identifier = made->config.identifier;
	policy->server_url = made->server_url;
	policy->checkin_url = made->checkin_url;
	policy->scep_url = made->scep_url;
	policy->topic = *made->topic ? made->topic : NULL;
	policy->root = buf_slice(&made->root);
	policy->access_rights = (unsigned)config->access_rights;
	policy->restore = (enum fleet_restore_policy)config->restore;
	policy->is_personal_blocked = config->is_personal_blocked;
	policy->is_declarative = config->is_declarative;
	policy->ticket_s = (unsigned)config->ticket_hours * 3600;
	policy->certificate_days = (unsigned)config->certificate_days;
	policy->renew_days = (unsigned)config->renew_days;
	policy->grace_days = (unsigned)config->grace_days;
	policy->inventory_days = (unsigned)config->inventory_days;
	policy->command_days = (unsigned)config->command_days;
	*out = made;
	return 0;
}

void records_policy_free(struct records_policy *policy)
{
	if (policy)
		buf_clear(&policy->root);
	free(policy);
}
