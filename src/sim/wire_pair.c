/*
 * wire_pair - how a host comes to be trusted, and how it ends
 *
 * Two roads: a person answers the question on the screen, or - on a supervised device - the host
 * signs a challenge with a supervision identity and nobody is asked.
 */
#include "sim/wire.h"

#include "crypto/crypto.h"

#include <string.h>

/* ---- the pair record that a host sends ---- */

static int take_cert(struct buf *out, const struct plist *record, const char *key, bool *is_valid,
		     struct err *err)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_PEM_MAX);
	struct err ignored = ERR_INIT;
	struct slice pem;

	if (!plist_get_data(record, key, &pem) || crypto_cert_der(pem, &der, &ignored) < 0) {
		*is_valid = false;
		return 0;
	}
	buf_truncate(out, 0);
	return buf_append_slice(out, pem, err);
}

static int take_record(struct sim_pairing *pairing, const struct plist *record, bool *is_valid,
		       struct err *err)
{
	const char *host_id = plist_get_text(record, "HostID"),
		   *buid = plist_get_text(record, "SystemBUID");
	int r;

	*is_valid = host_id && *host_id && strlen(host_id) < sizeof(pairing->host_id) &&
		    (!buid || strlen(buid) < sizeof(pairing->system_buid));
	if (!*is_valid)
		return 0;
	strcpy(pairing->host_id, host_id);
	strcpy(pairing->system_buid, buid ? buid : "");
	r = take_cert(&pairing->device_cert, record, "DeviceCertificate", is_valid, err);
	if (r == 0)
		r = take_cert(&pairing->host_cert, record, "HostCertificate", is_valid, err);
	if (r == 0)
		r = take_cert(&pairing->root_cert, record, "RootCertificate", is_valid, err);
	return r;
}

static void warn_of_keys(struct wire_peer *peer, const struct plist *record)
{
	static const char *const keys[] = {"RootPrivateKey", "HostPrivateKey"};

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (plist_get(record, keys[i]))
			wire_warn(peer,
				  "the host sends its %s in a Pair request; no device needs it",
				  keys[i]);
}

/* ---- supervision ---- */

static bool is_same_cert(struct slice a, struct slice b)
{
	CLEANUP(buf_clear)
	struct buf first = BUF_INIT(CRYPTO_PEM_MAX), second = BUF_INIT(CRYPTO_PEM_MAX);
	struct err ignored = ERR_INIT;

	return crypto_cert_der(a, &first, &ignored) == 0 &&
	       crypto_cert_der(b, &second, &ignored) == 0 &&
	       slice_equal(buf_slice(&first), buf_slice(&second));
}

bool wire_is_supervisor(struct wire_device *device, struct slice cert)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct err ignored = ERR_INIT;
	const struct plist *list, *item;

	if (plist_doc_new(&doc, &ignored) < 0)
		return false;
	list = plist_get_array(sim_device_cloud_configuration(device->device, doc),
			       "SupervisorHostCertificates");
	for (item = list ? list->as.items.first : NULL; item; item = item->next)
		if (item->type == PLIST_DATA && is_same_cert(item->as.data, cert))
			return true;
	return false;
}

static const char *ask_challenge(struct wire_peer *peer, struct wire_challenge *challenge,
				 struct slice cert, struct plist *reply, int *r, struct err *err)
{
	struct wire_device *device = peer->device;
	struct plist *extended = plist_new_dict(peer->out);
	uint64_t counter;

	pthread_mutex_lock(&device->mutex);
	counter = device->challenge_count++;
	pthread_mutex_unlock(&device->mutex);
	buf_truncate(&challenge->cert, 0);
	*r = buf_append_slice(&challenge->cert, cert, err);
	sim_device_derive(device->device, "pairing challenge", counter, challenge->bytes,
			  sizeof(challenge->bytes));
	challenge->is_open = true;
	plist_set_data(peer->out, extended, "PairingChallenge",
		       slice_of(challenge->bytes, sizeof(challenge->bytes)));
	plist_set(peer->out, reply, "ExtendedResponse", extended);
	return "MCChallengeRequired";
}

/* the signature is over the challenge's bytes as they are; a challenge serves once */
static bool is_signed(struct wire_challenge *challenge, struct slice signature)
{
	struct err ignored = ERR_INIT;

	if (!challenge->is_open)
		return false;
	challenge->is_open = false;
	return crypto_cms_verify(signature, buf_slice(&challenge->cert),
				 slice_of(challenge->bytes, sizeof(challenge->bytes)),
				 &ignored) == 0;
}

/* ---- the person ---- */

static const char *ask_person(struct wire_device *device, const struct sim_state *state, int *r,
			      struct err *err)
{
	if (wire_options(device->wire)->trusts_everyone)
		return NULL;
	if (state->trust_answer == 0) {
		if (!state->dialog_is_pending)
			*r = sim_device_set_state(device->device, "dialog_is_pending", "true", err);
		return "PairingDialogResponsePending";
	}
	/* one answer serves one question */
	*r = sim_device_set_state(device->device, "trust_answer", "0", err);
	if (*r == 0)
		*r = sim_device_set_state(device->device, "dialog_is_pending", "false", err);
	return state->trust_answer == 1 ? NULL : "UserDeniedPairing";
}

static int keep(struct wire_peer *peer, struct sim_pairing *pairing, struct plist *reply,
		struct err *err)
{
	char purpose[96];

	/* a function of the host alone: asking in another order gives the same bag */
	snprintf(purpose, sizeof(purpose), "escrow bag %s", pairing->host_id);
	sim_device_derive(peer->device->device, purpose, 0, pairing->escrow_bag,
			  sizeof(pairing->escrow_bag));
	plist_set_data(peer->out, reply, "EscrowBag",
		       slice_of(pairing->escrow_bag, sizeof(pairing->escrow_bag)));
	return sim_device_pairing_put(peer->device->device, pairing, err);
}

const char *wire_pair(struct wire_peer *peer, struct wire_challenge *challenge,
		      const struct plist *request, struct plist *reply, int *r, struct err *err)
{
	CLEANUP(sim_pairing_clear) struct sim_pairing pairing;
	const struct plist *record = plist_get_dict(request, "PairRecord"),
			   *options = plist_get_dict(request, "PairingOptions");
	struct slice supervisor, signature;
	bool is_valid = false, is_supervised = false;
	const char *error = NULL;
	struct sim_state state;

	sim_pairing_init(&pairing);
	if (!record)
		return "MissingPairRecord";
	warn_of_keys(peer, record);
	*r = take_record(&pairing, record, &is_valid, err);
	if (*r == 0)
		*r = sim_device_state(peer->device->device, &state, err);
	if (*r < 0)
		return NULL;
	if (!is_valid)
		return "InvalidPairRecord";
	if (state.has_passcode && state.is_locked)
		return "PasswordProtected";
	if (plist_get_data(options, "ChallengeResponse", &signature)) {
		if (!is_signed(challenge, signature))
			return "MCProtected";
		is_supervised = true;
	} else if (plist_get_data(options, "SupervisorCertificate", &supervisor) &&
		   wire_is_supervisor(peer->device, supervisor)) {
		return ask_challenge(peer, challenge, supervisor, reply, r, err);
	}
	if (!is_supervised) {
		if (!sim_device_allows_pairing(peer->device->device))
			return "MCProtected";
		error = ask_person(peer->device, &state, r, err);
	}
	if (error || *r < 0)
		return error;
	*r = keep(peer, &pairing, reply, err);
	return NULL;
}

/* ---- afterwards ---- */

static const char *host_of(const struct plist *request)
{
	const char *host_id = plist_get_text(plist_get_dict(request, "PairRecord"), "HostID");

	return host_id ? host_id : plist_get_text(request, "HostID");
}

const char *wire_unpair(struct wire_peer *peer, const struct plist *request, int *r,
			struct err *err)
{
	const char *host_id = host_of(request);

	if (!host_id)
		return "MissingHostID";
	*r = sim_device_pairing_remove(peer->device->device, host_id, err);
	return NULL;
}

const char *wire_validate_pair(struct wire_peer *peer, const struct plist *request, int *r,
			       struct err *err)
{
	CLEANUP(sim_pairing_clear) struct sim_pairing pairing;
	const char *host_id = host_of(request);
	bool is_known = false;

	sim_pairing_init(&pairing);
	if (!host_id)
		return "MissingHostID";
	*r = sim_device_pairing_get(peer->device->device, host_id, &pairing, &is_known, err);
	return is_known ? NULL : "InvalidHostID";
}
