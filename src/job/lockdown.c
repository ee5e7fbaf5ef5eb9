/*
 * lockdown - one session a run: values, and the doors to services
 *
 * The connection begins in clear and turns to TLS inside StartSession.  The session must be
 * encrypted: a device (or somebody who plays one) that says otherwise is refused, since the
 * pinned certificate is all that authenticates it.
 */
#include "job/internal.h"

#include <stdio.h>
#include <string.h>

void text_copy(char *out, size_t len, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n >= len) {
		n = len - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(out, text, n);
	out[n] = 0;
}

void lockdown_init(struct lockdown *lockdown)
{
	*lockdown = (struct lockdown){0};
}

int lockdown_call(struct lockdown *lockdown, const struct plist *request, const char *name,
		  const struct plist **reply, const char **word, struct err *err)
{
	int r;

	if (word)
		*word = NULL;
	r = wire_send(&lockdown->wire, request, LINK_XML, err);
	if (r == 0)
		r = wire_receive(&lockdown->wire, LINK_REPLY_LEN_MAX, reply, err);
	if (r < 0)
		return err_wrap(err, r, "lockdown: %s", name);
	return link_lockdown_check(*reply, name, word, err);
}

static struct plist *request_new(struct lockdown *lockdown, const char *name)
{
	return link_lockdown_request(wire_request(&lockdown->wire), name, JOB_LABEL);
}

int lockdown_open(struct lockdown *lockdown, const struct job_env *env,
		  const struct job_device *device, struct err *err)
{
	const struct plist *reply;
	struct conn *conn = NULL;
	const char *type;
	char name[128];
	int r;

	lockdown_init(lockdown);
	lockdown->env = env;
	lockdown->device = device;
	r = mux_connect(env, device, LINK_LOCKDOWN_PORT, &conn, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "lockdown of %s", device->udid);
	conn_set_name(conn, name);
	r = wire_init(&lockdown->wire, conn, err);
	if (r < 0)
		return r;
	lockdown->is_open = true;
	r = lockdown_call(lockdown, request_new(lockdown, "QueryType"), "QueryType", &reply, NULL,
			  err);
	if (r < 0)
		return r;
	type = plist_get_text(reply, "Type");
	if (!type || strcmp(type, "com.apple.mobile.lockdown") != 0)
		return err_set(err, ERR_DEVICE,
			       "%s is in restore mode (it answers as \"%.60s\"): restart it",
			       device->udid, type ? type : "");
	return 0;
}

/* session_tls - switch the connection over, our host certificate against the pinned device */
static int session_tls(struct conn *conn, const struct pair_record *record, struct err *err)
{
	const struct net_tls_client tls = {
		.cert_pem = record->host_cert,
		.key_pem = record->host_key,
		.pin_sha256 = record->pin,
		.max_version = NET_TLS_ANY,
	};

	return conn_tls_client(conn, &tls, err);
}

/* record_load - the pair record, once a connection */
static int record_load(struct lockdown *lockdown, struct err *err)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF_INIT(JOB_PAIR_RECORD_MAX);
	int r;

	if (lockdown->has_record)
		return 0;
	r = mux_pair_record_read(lockdown->device->udid, &bytes, err);
	if (r == JOB_ABSENT)
		return LOCKDOWN_NO_RECORD;
	if (r < 0)
		return r;
	r = pair_record_parse(&lockdown->record, buf_slice(&bytes), err);
	if (r < 0) {
		pair_record_clear(&lockdown->record);
		return r;
	}
	lockdown->has_record = true;
	return 0;
}

int lockdown_session(struct lockdown *lockdown, struct err *err)
{
	const struct plist *reply;
	const char *word = NULL;
	struct plist *request;
	bool is_ssl = false;
	int r;

	r = record_load(lockdown, err);
	if (r != 0)
		return r;
	request = request_new(lockdown, "StartSession");
	plist_set_text(lockdown->wire.request, request, "HostID", lockdown->record.host_id);
	if (lockdown->record.system_buid)
		plist_set_text(lockdown->wire.request, request, "SystemBUID",
			       lockdown->record.system_buid);
	r = lockdown_call(lockdown, request, "StartSession", &reply, &word, err);
	if (r < 0) {
		if (word && !strcmp(word, "InvalidHostID"))
			return LOCKDOWN_UNKNOWN_HOST;
		return r;
	}
	text_copy(lockdown->session_id, sizeof(lockdown->session_id),
		  plist_get_text(reply, "SessionID"));
	if (!plist_get_bool(reply, "EnableSessionSSL", &is_ssl) || !is_ssl)
		return err_set(err, ERR_POLICY,
			       "%s wants a session without encryption: nothing would prove that it "
			       "is the device "
			       "that was paired",
			       lockdown->device->udid);
	r = session_tls(lockdown->wire.conn, &lockdown->record, err);
	if (r < 0)
		return err_wrap(err, r, "secure the session with %s", lockdown->device->udid);
	lockdown->has_session = true;
	return 0;
}

int lockdown_session_required(struct lockdown *lockdown, struct err *err)
{
	int r = lockdown_session(lockdown, err);

	if (r == LOCKDOWN_NO_RECORD)
		return err_set(err, ERR_DEVICE,
			       "%s is not paired with this computer: run `rehome pair %s` first",
			       lockdown->device->udid, lockdown->device->udid);
	if (r == LOCKDOWN_UNKNOWN_HOST)
		return err_set(err, ERR_DEVICE,
			       "%s no longer trusts this computer (it was erased, or trust was "
			       "reset): run "
			       "`rehome pair %s`",
			       lockdown->device->udid, lockdown->device->udid);
	return r;
}

int lockdown_get(struct lockdown *lockdown, const char *domain, const char *key,
		 const struct plist **value, struct err *err)
{
	struct plist *request = request_new(lockdown, "GetValue");
	const struct plist *reply;
	const char *word = NULL;
	int r;

	if (domain)
		plist_set_text(lockdown->wire.request, request, "Domain", domain);
	if (key)
		plist_set_text(lockdown->wire.request, request, "Key", key);
	r = lockdown_call(lockdown, request, "GetValue", &reply, &word, err);
	if (r < 0) {
		/* the device's ways to say that it has no such value, or none to tell now */
		static const char *const absent[] = {"MissingValue", "GetProhibited", "MissingKey",
						     "SessionInactive"};

		for (size_t i = 0; word && i < ARRAY_COUNT(absent); i++)
			if (!strcmp(word, absent[i]))
				return LOCKDOWN_NO_VALUE;
		return r;
	}
	*value = plist_get(reply, "Value");
	return *value ? 0 : LOCKDOWN_NO_VALUE;
}

int lockdown_get_text(struct lockdown *lockdown, const char *key, char *out, size_t len,
		      struct err *err)
{
	const struct plist *value = NULL;
	int r = lockdown_get(lockdown, NULL, key, &value, err);

	if (r < 0)
		return r;
	text_copy(out, len, r == 0 ? plist_text(value) : NULL);
	return 0;
}

int lockdown_get_answer(struct lockdown *lockdown, const char *domain, const char *key,
			enum job_answer *answer, struct err *err)
{
	const struct plist *value = NULL;
	int r = lockdown_get(lockdown, domain, key, &value, err);

	if (r < 0)
		return r;
	*answer = JOB_UNKNOWN;
	if (r == 0 && value->type == PLIST_BOOL)
		*answer = value->as.boolean ? JOB_YES : JOB_NO;
	else if (r == 0 && value->type == PLIST_INT)
		*answer = value->as.integer ? JOB_YES : JOB_NO;
	return 0;
}

int lockdown_service(struct lockdown *lockdown, const char *name, bool with_escrow_bag,
		     struct wire *out, struct err *err)
{
	struct plist *request = request_new(lockdown, "StartService");
	const struct plist *reply;
	struct conn *conn = NULL;
	char conn_name[160];
	bool is_ssl = false;
	int64_t port = 0;
	int r;

	plist_set_text(lockdown->wire.request, request, "Service", name);
	if (with_escrow_bag && lockdown->record.escrow_bag.len)
		plist_set_data(lockdown->wire.request, request, "EscrowBag",
			       lockdown->record.escrow_bag);
	r = lockdown_call(lockdown, request, "StartService", &reply, NULL, err);
	if (r < 0)
		return err_wrap(err, r, "start %s", name);
	if (!plist_get_int(reply, "Port", &port) || port < 1 || port > 65535)
		return err_set(err, ERR_PROTOCOL, "start %s: the device names no port", name);
	plist_get_bool(reply, "EnableServiceSSL", &is_ssl);
	if (!is_ssl && lockdown->device->is_network)
		return err_set(err, ERR_POLICY, "start %s: without encryption over the network",
			       name);
	r = mux_connect(lockdown->env, lockdown->device, (uint16_t)port, &conn, err);
	if (r < 0)
		return err_wrap(err, r, "connect to %s", name);
	snprintf(conn_name, sizeof(conn_name), "%s of %s", name, lockdown->device->udid);
	conn_set_name(conn, conn_name);
	r = wire_init(out, conn, err);
	if (r == 0 && is_ssl)
		r = session_tls(out->conn, &lockdown->record, err);
	if (r < 0) {
		wire_clear(out);
		return err_wrap(err, r, "connect to %s", name);
	}
	return 0;
}

int lockdown_facts(struct lockdown *lockdown, struct job_facts *facts, struct err *err)
{
	const struct plist *all = NULL;
	int r;

	r = lockdown_get(lockdown, NULL, NULL, &all, err);
	if (r < 0)
		return r;
	text_copy(facts->udid, sizeof(facts->udid), lockdown->device->udid);
	if (r == 0) {
		bool is_locked;

		text_copy(facts->serial, sizeof(facts->serial),
			  plist_get_text(all, "SerialNumber"));
		text_copy(facts->name, sizeof(facts->name), plist_get_text(all, "DeviceName"));
		text_copy(facts->device_class, sizeof(facts->device_class),
			  plist_get_text(all, "DeviceClass"));
		text_copy(facts->product_type, sizeof(facts->product_type),
			  plist_get_text(all, "ProductType"));
		text_copy(facts->product_version, sizeof(facts->product_version),
			  plist_get_text(all, "ProductVersion"));
		text_copy(facts->build, sizeof(facts->build), plist_get_text(all, "BuildVersion"));
		if (plist_get_bool(all, "PasswordProtected", &is_locked))
			facts->is_locked = is_locked ? JOB_YES : JOB_NO;
	}
	if (!lockdown->has_session)
		return 0;
	r = lockdown_get(lockdown, "com.apple.disk_usage", "TotalDiskCapacity", &all, err);
	if (r < 0)
		return r;
	if (r == 0 && all->type == PLIST_INT && all->as.integer > 0)
		facts->capacity = (uint64_t)all->as.integer;
	facts->pairing = JOB_PAIRED;
	r = lockdown_get_answer(lockdown, "com.apple.mobile.backup", "WillEncrypt",
				&facts->will_encrypt, err);
	/* a device that never heard of a backup password has none (3.4) */
	if (r == 0 && facts->will_encrypt == JOB_UNKNOWN)
		facts->will_encrypt = JOB_NO;
	if (r == 0)
		r = lockdown_get_answer(lockdown, "com.apple.fmip", "IsAssociated",
					&facts->has_find_my, err);
	if (r == 0)
		r = lockdown_get_answer(lockdown, "com.apple.mobile.chaperone",
					"DeviceIsChaperoned", &facts->is_supervised, err);
	return r;
}

/* session_stop - the polite end; a device that has hung up already is no failure */
static void session_stop(struct lockdown *lockdown)
{
	struct err ignored = ERR_INIT;
	struct plist *request = request_new(lockdown, "StopSession");
	const struct plist *reply;

	plist_set_text(lockdown->wire.request, request, "SessionID", lockdown->session_id);
	conn_set_deadline(lockdown->wire.conn, 2000);
	if (wire_send(&lockdown->wire, request, LINK_XML, &ignored) == 0)
		wire_receive(&lockdown->wire, LINK_REPLY_LEN_MAX, &reply, &ignored);
	conn_tls_end(lockdown->wire.conn);
}

void lockdown_close(struct lockdown *lockdown)
{
	if (lockdown->is_open) {
		if (lockdown->has_session)
			session_stop(lockdown);
		wire_clear(&lockdown->wire);
	}
	pair_record_clear(&lockdown->record);
	lockdown_init(lockdown);
}
