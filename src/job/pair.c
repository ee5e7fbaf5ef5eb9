/*
 * pair - make this host and a device trust each other
 *
 * The host makes three certificates around the device's public key and sends those; the
 * private keys stay here.  The person at the device then answers a question, which may take
 * minutes; or a supervised device sends a challenge, and whoever has the identity that it is
 * supervised with signs it (pair_supervised.c).
 */
#include "job/pair.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REPEAT_MS = 1000 };

static void pairing_clear(struct pairing *pairing)
{
	crypto_pairing_clear(&pairing->certificates);
	buf_wipe(&pairing->escrow_bag);
	buf_clear(&pairing->challenge);
}

static int host_id_make(const struct job_env *env, char out[37], struct err *err)
{
	uint8_t uuid[16];
	int r = env->entropy->fill(env->entropy, uuid, sizeof(uuid), err);

	if (r < 0)
		return r;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 4122: random */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	uuid_format(uuid, out);
	return 0;
}

static int pairing_make(struct pairing *pairing, struct lockdown *lockdown, struct err *err)
{
	const struct job_env *env = lockdown->env;
	const struct plist *value = NULL;
	int r;

	r = lockdown_get_text(lockdown, "DeviceName", pairing->device_name,
			      sizeof(pairing->device_name), err);
	if (r == 0)
		r = lockdown_get_text(lockdown, "WiFiAddress", pairing->wifi_address,
				      sizeof(pairing->wifi_address), err);
	if (r == 0)
		r = host_id_make(env, pairing->host_id, err);
	if (r == 0)
		r = mux_buid(pairing->system_buid, err);
	if (r == 0)
		r = lockdown_get(lockdown, NULL, "DevicePublicKey", &value, err);
	if (r < 0)
		return r;
	if (r > 0 || value->type != PLIST_DATA || value->as.data.len > CRYPTO_PEM_MAX)
		return err_set(err, ERR_DEVICE,
			       "the device shows no public key: unlock it and try again");
	return crypto_pairing_make(&pairing->certificates, value->as.data,
				   clock_wall_seconds(env->clock), err);
}

/* pair_request - certificates and names only, never a private key */
static struct plist *pair_request(const struct pairing *pairing, struct plist_doc *doc,
				  const struct pair_proof *proof)
{
	const struct crypto_pairing *certificates = &pairing->certificates;
	struct plist *request = link_lockdown_request(doc, "Pair", JOB_LABEL);
	struct plist *record = plist_new_dict(doc), *options = plist_new_dict(doc);
	char host_name[65] = "";

	plist_set_data(doc, record, "DeviceCertificate", buf_slice(&certificates->device_cert_pem));
	plist_set_data(doc, record, "HostCertificate", buf_slice(&certificates->host_cert_pem));
	plist_set_data(doc, record, "RootCertificate", buf_slice(&certificates->root_cert_pem));
	plist_set_text(doc, record, "HostID", pairing->host_id);
	plist_set_text(doc, record, "SystemBUID", pairing->system_buid);
	plist_set_bool(doc, options, "ExtendedPairingErrors", true);
	if (proof)
		plist_set_data(doc, options, proof->key, proof->bytes);
	plist_set(doc, request, "PairRecord", record);
	plist_set_text(doc, request, "ProtocolVersion", "2");
	plist_set(doc, request, "PairingOptions", options);
	if (gethostname(host_name, sizeof(host_name) - 1) == 0 &&
	    text_is_utf8(host_name, strlen(host_name)))
		plist_set_text(doc, request, "HostName", host_name);
	return request;
}

int pair_ask(struct pairing *pairing, struct lockdown *lockdown, const struct pair_proof *proof,
	     struct err *err)
{
	struct plist_doc *doc = wire_request(&lockdown->wire);
	const struct plist *reply;
	const char *word = NULL;
	struct slice bytes;
	int r = lockdown_call(lockdown, pair_request(pairing, doc, proof), "Pair", &reply, &word,
			      err);

	if (word && !strcmp(word, "PairingDialogResponsePending"))
		return PAIR_PENDING;
	if (word && !strcmp(word, "PasswordProtected"))
		return PAIR_LOCKED;
	if (word && !strcmp(word, "MCProtected"))
		return PAIR_FORBIDDEN;
	if (word && !strcmp(word, "MCChallengeRequired")) {
		buf_truncate(&pairing->challenge, 0);
		r = link_lockdown_challenge(reply, &bytes, err);
		if (r == 0)
			r = buf_append_slice(&pairing->challenge, bytes, err);
		return r < 0 ? r : PAIR_CHALLENGED;
	}
	if (r < 0)
		return r;
	if (plist_get_data(reply, "EscrowBag", &bytes))
		return buf_append_slice(&pairing->escrow_bag, bytes, err);
	return 0;
}

static int record_save(const struct pairing *pairing, const struct job_device *device,
		       struct err *err)
{
	const struct crypto_pairing *certificates = &pairing->certificates;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_wipe) struct buf out = BUF_INIT(JOB_PAIR_RECORD_MAX);
	struct plist *record;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	record = plist_new_dict(doc);
	plist_set_data(doc, record, "DeviceCertificate", buf_slice(&certificates->device_cert_pem));
	if (pairing->escrow_bag.len)
		plist_set_data(doc, record, "EscrowBag", buf_slice(&pairing->escrow_bag));
	plist_set_data(doc, record, "HostCertificate", buf_slice(&certificates->host_cert_pem));
	plist_set_text(doc, record, "HostID", pairing->host_id);
	plist_set_data(doc, record, "HostPrivateKey", buf_slice(&certificates->host_key_pem));
	plist_set_data(doc, record, "RootCertificate", buf_slice(&certificates->root_cert_pem));
	plist_set_data(doc, record, "RootPrivateKey", buf_slice(&certificates->root_key_pem));
	plist_set_text(doc, record, "SystemBUID", pairing->system_buid);
	if (*pairing->wifi_address)
		plist_set_text(doc, record, "WiFiMACAddress", pairing->wifi_address);
	r = plist_write_xml(doc, record, &out, err);
	return r < 0 ? r : mux_pair_record_save(device, buf_slice(&out), err);
}

static void hint(const struct job_env *env, const struct pairing *pairing, int outcome,
		 char phase[400])
{
	struct progress_state state = {.phase = phase};

	snprintf(phase, 400,
		 outcome == PAIR_LOCKED ? "unlock %s"
					: "waiting for %s: tap Trust and enter its passcode",
		 *pairing->device_name ? pairing->device_name : "the device");
	progress_report(env->progress, &state);
}

static int not_yet(const struct job_device *device, int outcome, struct err *err)
{
	return outcome == PAIR_LOCKED
		       ? err_set(err, ERR_DEVICE,
				 "%s is locked: unlock it and run `rehome pair` again",
				 device->udid)
		       : err_set(err, ERR_DEVICE,
				 "%s asks whether to trust this computer: answer there and run "
				 "`rehome pair` again",
				 device->udid);
}

/* pair_once - 0; PAIR_PENDING, PAIR_LOCKED: ask again; < 0 */
static int pair_once(struct pairing *pairing, struct lockdown *lockdown,
		     struct job_supervisor *supervisor, struct err *err)
{
	int r;

	if (supervisor)
		return pair_supervised(pairing, lockdown, supervisor, err);
	r = pair_ask(pairing, lockdown, NULL, err);
	/* the words for both are in @err */
	return r == PAIR_FORBIDDEN || r == PAIR_CHALLENGED ? ERR_POLICY : r;
}

static int pair_repeat(struct pairing *pairing, struct lockdown *lockdown,
		       struct job_supervisor *supervisor, bool waits, struct err *err)
{
	const struct job_env *env = lockdown->env;
	int64_t deadline_ms = clock_mono_ms(env->clock) + JOB_PASSCODE_WAIT_MS;
	char phase[400];
	int r;

	for (;;) {
		r = pair_once(pairing, lockdown, supervisor, err);
		if (r <= 0)
			return r;
		if (!waits || clock_mono_ms(env->clock) >= deadline_ms)
			return not_yet(lockdown->device, r, err);
		hint(env, pairing, r, phase);
		r = cancel_check(env->cancel, err);
		if (r < 0)
			return r;
		env->clock->sleep_ms(env->clock, REPEAT_MS);
	}
}

/* already_paired - 0 when not; a record that the device does not know is thrown away */
static int already_paired(const struct job_env *env, const struct job_device *device,
			  struct err *err)
{
	CLEANUP(lockdown_close) struct lockdown lockdown;
	int r;

	lockdown_init(&lockdown);
	r = lockdown_open(&lockdown, env, device, err);
	if (r == 0) {
		r = lockdown_session(&lockdown, err);
		if (r == 0)
			return JOB_PAIR_ALREADY;
	}
	if (r == LOCKDOWN_UNKNOWN_HOST || r == ERR_CORRUPT)
		return mux_pair_record_remove(device->udid, err);
	return r == LOCKDOWN_NO_RECORD ? 0 : r;
}

int job_pair(const struct job_env *env, const struct job_device *device,
	     struct job_supervisor *supervisor, bool waits, struct err *err)
{
	CLEANUP(lockdown_close) struct lockdown lockdown;
	CLEANUP(pairing_clear)
	struct pairing pairing = {.escrow_bag = BUF_INIT(64 << 10),
				  .challenge = BUF_INIT(LINK_CHALLENGE_MAX)};
	int r;

	lockdown_init(&lockdown);
	crypto_pairing_init(&pairing.certificates);
	r = already_paired(env, device, err);
	if (r != 0)
		return r;
	r = lockdown_open(&lockdown, env, device, err);
	if (r == 0)
		r = pairing_make(&pairing, &lockdown, err);
	if (r == 0)
		r = pair_repeat(&pairing, &lockdown, supervisor, waits, err);
	if (r == 0)
		r = record_save(&pairing, device, err);
	lockdown_close(&lockdown);
	if (r < 0)
		return err_wrap(err, r, "pair with %s", device->udid);
	/* a record that opens no session is worth nothing: see it work once */
	r = lockdown_open(&lockdown, env, device, err);
	if (r == 0)
		r = lockdown_session_required(&lockdown, err);
	return r < 0 ? err_wrap(err, r, "try the new pairing") : 0;
}
