/*
 * client_scep - an identity by SCEP (RFC 8894), as the payload com.apple.security.scep asks for it
 *
 * The key is made from the device's seed and the number of the identity: the same device gets the
 * same keys, in the same order.
 */
#include "sim/client.h"

#include "crypto/identity.h"

#include <string.h>

enum { URL_MAX = 1024, RETRIES = 3, RETRY_DELAY = 10, RETRIES_MAX = 20, SELF_SIGNED_DAYS = 30 };

/** struct getting - one request for a certificate */
struct getting {
	struct sim_client *client;
	const struct plist *wish; /* the payload's PayloadContent */
	const char *url;
	char name[CRYPTO_CERT_NAME_MADE_MAX + 1];
	struct slice anchors;
	uint64_t row;
	struct crypto_cert *ca, *ra, *self; /* @ra: NULL if the CA speaks for itself */
	struct crypto_key *key;
	bool has_aes;
	struct sim_chain *chain;
};

static int refuse(struct getting *getting, int code, const char *text)
{
	return sim_chain_add(getting->chain, SIM_DOMAIN_SCEP, code, "%s", text);
}

/* ---- asking ---- */

static int ask(struct getting *getting, const char *operation, struct slice body,
	       struct sim_response *response, int code, struct err *err)
{
	const char *name = plist_get_text(getting->wish, "Name");
	char url[URL_MAX];
	struct sim_request request = {.method = body.len ? "POST" : "GET",
				      .url = url,
				      .type = body.len ? "application/x-pki-message" : NULL,
				      .body = body,
				      .anchors = getting->anchors};
	struct err failure = ERR_INIT;
	int r;

	(void)err;
	/* a name is told only where nothing in it needs an escape */
	if (name && !body.len &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789-._") == strlen(name))
		snprintf(url, sizeof(url), "%.600s?operation=%s&message=%.200s", getting->url,
			 operation, name);
	else
		snprintf(url, sizeof(url), "%.600s?operation=%s", getting->url, operation);
	r = getting->client->line->ask(getting->client->line, &request, response, &failure);
	if (r == ERR_POLICY)
		return sim_chain_add(getting->chain, SIM_DOMAIN_HTTP, 23002,
				     "The server certificate for “%.150s” is invalid.",
				     getting->url);
	if (r < 0)
		return sim_chain_add(getting->chain, SIM_DOMAIN_SCEP, 22005,
				     "A network error has occurred. %.150s", failure.text);
	if (response->status != 200)
		return sim_chain_add(getting->chain, SIM_DOMAIN_SCEP, code,
				     "The SCEP server returned an invalid response (HTTP %d).",
				     response->status);
	return 0;
}

static bool fingerprint_fits(const struct getting *getting)
{
	struct slice wanted, der = crypto_cert_bytes(getting->ca);
	uint8_t digest[CRYPTO_SHA256_LEN];

	if (!plist_get_data(getting->wish, "CAFingerprint", &wanted))
		return true;
	if (wanted.len == CRYPTO_SHA1_LEN)
		crypto_sha1(der, digest);
	else if (wanted.len == CRYPTO_SHA256_LEN)
		crypto_sha256(der, digest);
	else
		return false;
	return slice_equal(wanted, slice_of(digest, wanted.len));
}

static int get_ca(struct getting *getting, struct err *err)
{
	CLEANUP(sim_response_clear)
	struct sim_response ca = SIM_RESPONSE_INIT, caps = SIM_RESPONSE_INIT;
	int r = ask(getting, "GetCACert", SLICE_EMPTY, &ca, 22002, err);

	if (r != 0)
		return r;
	if (crypto_scep_ca_read(buf_slice(&ca.body), &getting->ra, &getting->ca, NULL) != 0)
		return refuse(getting, 22002, "The CA's certificate could not be read.");
	if (!fingerprint_fits(getting))
		return refuse(getting, 22002, "The CA's fingerprint is not the expected one.");
	r = ask(getting, "GetCACaps", SLICE_EMPTY, &caps, 22006, err);
	if (r != 0)
		return r;
	if (!strstr(buf_text(&caps.body), "POSTPKIOperation"))
		return refuse(getting, 22006, "The CA's capabilities are insufficient.");
	getting->has_aes = strstr(buf_text(&caps.body), "AES") != NULL;
	return 0;
}

/* ---- the request ---- */

/* a value of Subject: an array of arrays of [name, value] */
static const char *subject(const struct plist *wish, const char *short_name, const char *oid)
{
	const struct plist *sets = plist_get_array(wish, "Subject");

	for (const struct plist *set = sets ? sets->as.items.first : NULL; set; set = set->next) {
		const struct plist *pair = set->type == PLIST_ARRAY ? plist_at(set, 0) : NULL;
		const char *name, *value;

		if (!pair || pair->type != PLIST_ARRAY || pair->as.items.count != 2)
			continue;
		name = plist_text(plist_at(pair, 0));
		value = plist_text(plist_at(pair, 1));
		if (name && value && (!strcmp(name, short_name) || !strcmp(name, oid)))
			return value;
	}
	return NULL;
}

static int make_key(struct getting *getting, struct err *err)
{
	CLEANUP(buf_wipe) struct buf private_pem = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public_pem = BUF_INIT(CRYPTO_PEM_MAX);
	uint8_t seed[32];
	int r;

	sim_device_derive(getting->client->device, "scep-key", getting->row, seed, sizeof(seed));
	r = crypto_rsa_derive(seed, &private_pem, &public_pem, err);
	explicit_bzero(seed, sizeof(seed));
	return r < 0 ? r : crypto_key_read(&getting->key, buf_slice(&private_pem), err);
}

/* the first message is signed by a certificate of the device's own */
static int make_self_signed(struct getting *getting, struct err *err)
{
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_DEVICE,
					.common_name = getting->name,
					.not_before = sim_device_now(getting->client->device),
					.days = SELF_SIGNED_DAYS};
	int r = crypto_key_spki(getting->key, &spki, err);

	wish.spki = buf_slice(&spki);
	sim_device_derive(getting->client->device, "scep-self", getting->row, wish.serial_entropy,
			  sizeof(wish.serial_entropy));
	return r < 0 ? r : crypto_cert_issue(&getting->self, &wish, NULL, getting->key, err);
}

static void wish_fill(const struct getting *getting, struct crypto_scep_wish *wish, char id[65])
{
	const struct crypto_cert_facts *facts = crypto_cert_facts(getting->self);

	hex_encode(facts->spki_sha256, sizeof(facts->spki_sha256), id);
	*wish = (struct crypto_scep_wish){.type = CRYPTO_SCEP_PKCS_REQ,
					  .key = getting->key,
					  .signer = getting->self,
					  .ra = getting->ra ? getting->ra : getting->ca,
					  .transaction_id = id,
					  .cipher = getting->has_aes ? CRYPTO_SCEP_AES128
								     : CRYPTO_SCEP_3DES};
	sim_device_derive(getting->client->device, "scep-nonce", getting->row, wish->sender_nonce,
			  sizeof(wish->sender_nonce));
}

/* ---- the answer ---- */

/* 0: @cert has it; SIM_NOT_NOW: pending */
static int operate(struct getting *getting, struct slice message,
		   const struct crypto_scep_wish *wish, struct buf *cert, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer answer;
	int r = ask(getting, "PKIOperation", message, &response, 22013, err);

	crypto_scep_answer_init(&answer);
	if (r != 0)
		return r;
	r = crypto_scep_answer_read(&answer, buf_slice(&response.body), wish, NULL);
	if (r != 0)
		return refuse(getting, 22007, "The signed certificate is invalid.");
	if (answer.status == CRYPTO_SCEP_PENDING)
		return SIM_NOT_NOW;
	if (answer.status != CRYPTO_SCEP_SUCCESS)
		return sim_chain_add(getting->chain, SIM_DOMAIN_SCEP, 22013,
				     "The SCEP server refused the request (failInfo %d).",
				     (int)answer.fail);
	return buf_append_slice(cert, buf_slice(&answer.cert), err);
}

static int64_t bounded(const struct plist *wish, const char *key, int64_t otherwise, int64_t max)
{
	int64_t value = otherwise;

	plist_get_int(wish, key, &value);
	return value < 0 ? 0 : value > max ? max : value;
}

static int exchange(struct getting *getting, struct buf *cert, struct err *err)
{
	CLEANUP(buf_wipe) struct buf csr = BUF_INIT(CRYPTO_SCEP_MAX);
	CLEANUP(buf_clear) struct buf message = BUF_INIT(CRYPTO_SCEP_MAX);
	struct crypto_scep_wish wish;
	char id[2 * CRYPTO_SHA256_LEN + 1];
	int64_t retries = bounded(getting->wish, "Retries", RETRIES, RETRIES_MAX),
		delay = bounded(getting->wish, "RetryDelay", RETRY_DELAY, 600);
	int r = crypto_csr_make(&csr, getting->key, getting->name,
				subject(getting->wish, "O", "2.5.4.10"),
				plist_get_text(getting->wish, "Challenge"), err);

	if (r == 0) {
		wish_fill(getting, &wish, id);
		wish.csr = buf_slice(&csr);
		r = crypto_scep_request_make(&message, &wish,
					     sim_device_now(getting->client->device), err);
	}
	if (r != 0)
		return r < 0 ? r : refuse(getting, 22011, "The request could not be made.");
	r = operate(getting, buf_slice(&message), &wish, cert, err);
	for (int64_t i = 0; r == SIM_NOT_NOW && i < retries; i++) {
		if (i > 0) /* the first one at once */
			getting->client->clock->sleep_ms(getting->client->clock, delay * 1000);
		r = operate(getting, buf_slice(&message), &wish, cert, err);
	}
	return r == SIM_NOT_NOW ? refuse(getting, 22013, "The request is still pending.") : r;
}

/* ---- all of it ---- */

static int get(struct getting *getting, const struct plist *payload, struct err *err)
{
	const char *name = subject(getting->wish, "CN", "2.5.4.3");
	int64_t size = 1024;
	int r;

	getting->url = plist_get_text(getting->wish, "URL");
	if (!getting->url || strlen(getting->url) > 600 || strchr(getting->url, '?'))
		return refuse(getting, 22004, "The certificate configuration is invalid.");
	plist_get_int(getting->wish, "Keysize", &size);
	if (size != 2048)
		return refuse(getting, 22001, "Simulated devices make keys of 2048 bits alone.");
	if (!name || !*name)
		name = plist_get_text(payload, "PayloadIdentifier");
	snprintf(getting->name, sizeof(getting->name), "%.64s", name);
	r = get_ca(getting, err);
	if (r == 0)
		r = make_key(getting, err);
	return r != 0 ? r : make_self_signed(getting, err);
}

int sim_scep_get(struct sim_client *client, const struct plist *payload, struct slice anchors,
		 uint64_t row, struct buf *cert, struct buf *key, struct sim_chain *chain,
		 struct err *err)
{
	struct getting getting = {.client = client,
				  .wish = plist_get_dict(payload, "PayloadContent"),
				  .anchors = anchors,
				  .row = row,
				  .chain = chain};
	int r = get(&getting, payload, err);

	if (r == 0)
		r = exchange(&getting, cert, err);
	if (r == 0)
		r = crypto_key_write(getting.key, key, err);
	crypto_cert_free(getting.ca);
	crypto_cert_free(getting.ra);
	crypto_cert_free(getting.self);
	crypto_key_free(getting.key);
	return r;
}
