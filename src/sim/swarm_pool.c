/*
 * swarm_pool - key pairs that many devices share, and a certificate of its own for each of them
 *
 * Making a key takes a tenth of a second, so a pool serves all; certificates are told apart by
 * their digest, which no two share.
 */
#include "sim/swarm.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_FILE_MAX = 64 << 20, SELF_SIGNED_DAYS = 3650 };

/* ---- keys ---- */

static int key_read(struct swarm *swarm, unsigned number, struct slice pem, struct err *err)
{
	int r = crypto_key_read(&swarm->keys[number], pem, err);

	swarm->key_pems[number] = BUF_INIT(CRYPTO_PEM_MAX);
	return r < 0 ? r : buf_append_slice(&swarm->key_pems[number], pem, err);
}

/* as many as the file has; the number in *@found */
static int keys_read(struct swarm *swarm, unsigned *found, struct err *err)
{
	static const char end[] = "-----END PRIVATE KEY-----\n";
	CLEANUP(buf_wipe) struct buf text = BUF_INIT(KEY_FILE_MAX);
	const char *at, *next;
	int r;

	*found = 0;
	if (!swarm->options->key_file)
		return 0;
	r = fs_read_file(fs_system(), swarm->options->key_file, &text, err);
	if (r == ERR_NOT_FOUND)
		return 0;
	for (at = buf_text(&text);
	     r == 0 && *found < swarm->options->keys && (next = strstr(at, end));
	     at = next + sizeof(end) - 1)
		r = key_read(swarm, (*found)++, slice_of(at, (size_t)(next - at) + sizeof(end) - 1),
			     err);
	return r;
}

static int key_make(struct swarm *swarm, unsigned number, struct err *err)
{
	int r = crypto_key_make(&swarm->keys[number], CRYPTO_KEY_RSA_2048, err);

	swarm->key_pems[number] = BUF_INIT(CRYPTO_PEM_MAX);
	return r < 0 ? r : crypto_key_write(swarm->keys[number], &swarm->key_pems[number], err);
}

static int keys_write(struct swarm *swarm, struct err *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT(KEY_FILE_MAX);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < swarm->options->keys; i++)
		r = buf_append_slice(&text, buf_slice(&swarm->key_pems[i]), err);
	return r < 0 ? r
		     : fs_write_file(fs_system(), swarm->options->key_file, buf_slice(&text), 0600,
				     err);
}

static int self_make(struct swarm *swarm, unsigned number, struct err *err)
{
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_DEVICE,
					.common_name = "light device",
					.not_before = clock_wall_seconds(swarm->clock) - 3600,
					.days = SELF_SIGNED_DAYS};
	int r = crypto_key_spki(swarm->keys[number], &spki, err);

	wish.spki = buf_slice(&spki);
	put_u64be(wish.serial_entropy, number);
	return r < 0 ? r
		     : crypto_cert_issue(&swarm->selves[number], &wish, NULL, swarm->keys[number],
					 err);
}

int swarm_pool_make(struct swarm *swarm, struct err *err)
{
	unsigned count = swarm->options->keys, found;
	int r;

	swarm->keys = calloc(count, sizeof(*swarm->keys));
	swarm->key_pems = calloc(count, sizeof(*swarm->key_pems));
	swarm->selves = calloc(count, sizeof(struct crypto_cert *));
	if (!swarm->keys || !swarm->key_pems || !swarm->selves)
		return err_no_memory(err);
	r = keys_read(swarm, &found, err);
	for (unsigned i = found; r == 0 && i < count; i++) {
		r = cancel_check(swarm->cancel, err);
		if (r == 0)
			r = key_make(swarm, i, err);
	}
	if (r == 0 && found < count && swarm->options->key_file)
		r = keys_write(swarm, err);
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = self_make(swarm, i, err);
	return r;
}

void swarm_pool_clear(struct swarm *swarm)
{
	for (unsigned i = 0; i < swarm->options->keys; i++) {
		if (swarm->keys)
			crypto_key_free(swarm->keys[i]);
		if (swarm->key_pems)
			buf_wipe(&swarm->key_pems[i]);
		if (swarm->selves)
			crypto_cert_free(swarm->selves[i]);
	}
	free(swarm->keys);
	free(swarm->key_pems);
	free(swarm->selves);
	crypto_cert_free(swarm->ca);
	crypto_cert_free(swarm->ra);
}

unsigned swarm_pool_key(const struct light *light)
{
	return light->index % light->swarm->options->keys;
}

/* ---- SCEP ---- */

static int get(struct swarm *swarm, struct http_client *http, const char *operation,
	       struct http_reply *reply, struct err *err)
{
	char url[SIM_SERVER_LEN + 64];
	const struct http_call call = {.url = url};
	int r;

	snprintf(url, sizeof(url), "%s?operation=%s", swarm->scep_url, operation);
	r = http_client_call(http, &call, swarm->cancel, reply, err);
	if (r == 0 && reply->status != 200)
		r = err_set(err, ERR_PROTOCOL, "%s answers %d", operation, reply->status);
	return r;
}

int swarm_scep_learn(struct swarm *swarm, struct err *err)
{
	/* a client of its own: the swarm's is in the middle of a call that ended */
	const struct http_client_config config = {.ca_pem = swarm->options->ca_pem,
						  .is_loopback_only = true};
	CLEANUP(http_client_free_p) struct http_client *http = NULL;
	CLEANUP(http_reply_clear) struct http_reply ca = HTTP_REPLY_INIT, caps = HTTP_REPLY_INIT;
	int r = http_client_new(&http, &config, err);

	if (r == 0)
		r = get(swarm, http, "GetCACert", &ca, err);
	if (r == 0)
		r = crypto_scep_ca_read(buf_slice(&ca.body), &swarm->ra, &swarm->ca, err);
	if (r == 0)
		r = get(swarm, http, "GetCACaps", &caps, err);
	if (r == 0)
		swarm->has_aes = strstr(buf_text(&caps.body), "AES") != NULL;
	return r;
}

int swarm_scep_request(struct light *light, struct buf *message, struct err *err)
{
	CLEANUP(buf_wipe) struct buf csr = BUF_INIT(CRYPTO_SCEP_MAX);
	struct swarm *swarm = light->swarm;
	unsigned key = swarm_pool_key(light);
	struct crypto_scep_wish *wish = calloc(1, sizeof(*wish) + 64);
	char udid[41], *id = (char *)(wish + 1);
	int r;

	if (!wish)
		return err_no_memory(err);
	free(light->wish);
	light->wish = wish;
	snprintf(id, 64, "%s-%u-%llu", swarm_udid(light, udid), light->generation,
		 (unsigned long long)swarm_next(swarm, UINT32_MAX));
	*wish = (struct crypto_scep_wish){.type = CRYPTO_SCEP_PKCS_REQ,
					  .key = swarm->keys[key],
					  .signer = swarm->selves[key],
					  .ra = swarm->ra ? swarm->ra : swarm->ca,
					  .transaction_id = id,
					  .cipher = swarm->has_aes ? CRYPTO_SCEP_AES128
								   : CRYPTO_SCEP_3DES};
	put_u64be(wish->sender_nonce, swarm_next(swarm, UINT64_MAX));
	r = crypto_csr_make(&csr, swarm->keys[key], udid, NULL, light->challenge, err);
	wish->csr = buf_slice(&csr);
	if (r == 0)
		r = crypto_scep_request_make(message, wish, clock_wall_seconds(swarm->clock), err);
	wish->csr = SLICE_EMPTY;
	return r;
}

int swarm_scep_answer(struct light *light, struct slice answer, struct err *err)
{
	CLEANUP(crypto_scep_answer_clear) struct crypto_scep_answer said;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_wipe) struct buf csr = BUF_INIT(CRYPTO_SCEP_MAX);
	char udid[41];
	int r = crypto_csr_make(&csr, light->swarm->keys[swarm_pool_key(light)],
				swarm_udid(light, udid), NULL, NULL, err);

	crypto_scep_answer_init(&said);
	if (r < 0)
		return r;
	light->wish->csr = buf_slice(&csr); /* the answer is for its key, whatever it asked */
	r = crypto_scep_answer_read(&said, answer, light->wish, err);
	light->wish->csr = SLICE_EMPTY;
	if (r != 0 || said.status != CRYPTO_SCEP_SUCCESS)
		return r < 0 ? r : SIM_REFUSED;
	r = crypto_cert_read(&cert, buf_slice(&said.cert), err);
	buf_truncate(&light->next_cert, 0);
	return r < 0 ? r : crypto_cert_write(cert, &light->next_cert, err);
}
