/*
 * keys - the one process that holds private keys
 *
 * A table of requests, each with who may make it; everything else is refused.  No network, and no
 * file after the start.
 */
#include "crypto/identity.h"
#include "server/call.h"
#include "server/data.h"
#include "server/sandbox.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_LINKS_MAX = 2 + COUNTS_WORKERS_MAX, KEYS_OUT_MAX = 4 << 20 };

struct keys {
	const struct process_env *env;
	const struct config *config; /* env's, or @reloaded */
	struct config *reloaded;
	struct crypto_key *ca_key, *ra_key, *profile_key, *supervision_key;
	struct crypto_cert *ca, *ra, *profile, *supervision;
	struct secret seal_key;
	uint8_t seal_public[CRYPTO_SEAL_KEY_LEN];
	struct buf out; /* result of the request at hand; wiped after it */
	struct {
		struct link link;
		enum role role;
	} peers[KEYS_LINKS_MAX];
	bool is_leaving;
};

/* ---- the table ---- */

/* each reads its fields, appends those of the answer to @answer, and returns the outcome */

static int do_scep_open(struct keys *keys, struct call_fields *in, struct call_writer *answer,
			struct err *err)
{
	struct slice enveloped = call_get(in);
	unsigned flags = keys->config->is_weak_scep ? CRYPTO_ALLOW_WEAK : 0;
	enum crypto_scep_cipher cipher = CRYPTO_SCEP_AES128;
	int r;

	if (!call_get_done(in))
		return ERR_PROTOCOL;
	r = crypto_scep_open(enveloped, keys->ra, keys->ra_key, flags, &keys->out, &cipher, err);
	if (r != 0)
		return r;
	call_put_u32(answer, cipher);
	call_put(answer, buf_slice(&keys->out));
	return 0;
}

static int do_scep_sign(struct keys *keys, struct call_fields *in, struct call_writer *answer,
			struct err *err)
{
	struct crypto_scep_reply reply = {.status = (enum crypto_scep_status)call_get_u32(in)};
	struct crypto_cert *issued CLEANUP(crypto_cert_free_p) = NULL;
	char transaction[CRYPTO_SCEP_ID_MAX + 1];
	struct entropy *entropy = entropy_system();
	struct slice nonce, der;
	int r = 0;

	reply.fail = (enum crypto_scep_fail)call_get_u32(in);
	reply.cipher = (enum crypto_scep_cipher)call_get_u32(in);
	call_get_text(in, transaction, sizeof(transaction));
	nonce = call_get(in);
	reply.requester = call_get(in);
	der = call_get(in);
	if (!call_get_done(in) || nonce.len > CRYPTO_SCEP_NONCE_MAX)
		return ERR_PROTOCOL;
	reply.transaction_id = transaction;
	if (nonce.len > 0)
		memcpy(reply.recipient_nonce.bytes, nonce.bytes, nonce.len);
	reply.recipient_nonce.len = nonce.len;
	if (reply.status == CRYPTO_SCEP_SUCCESS)
		r = crypto_cert_read(&issued, der, err);
	reply.issued = issued;
	if (r == 0)
		r = entropy->fill(entropy, reply.sender_nonce, sizeof(reply.sender_nonce), err);
	if (r == 0)
		r = crypto_scep_reply_make(&keys->out, &reply, keys->ca, keys->ra, keys->ra_key,
					   clock_wall_seconds(clock_system()), err);
	if (r == 0)
		call_put(answer, buf_slice(&keys->out));
	return r;
}

static int do_issue(struct keys *keys, struct call_fields *in, struct call_writer *answer,
		    struct err *err)
{
	struct crypto_cert *cert CLEANUP(crypto_cert_free_p) = NULL;
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_DEVICE, .spki = call_get(in)};
	char name[4 * CRYPTO_CERT_NAME_MADE_MAX + 1];
	struct entropy *entropy = entropy_system();
	int r;

	call_get_text(in, name, sizeof(name));
	wish.days = call_get_u32(in);
	wish.common_name = name;
	wish.organization = keys->config->organization;
	wish.not_before = clock_wall_seconds(clock_system()) - 3600;
	if (!call_get_done(in))
		return ERR_PROTOCOL;
	r = entropy->fill(entropy, wish.serial_entropy, sizeof(wish.serial_entropy), err);
	if (r == 0)
		r = crypto_cert_issue(&cert, &wish, keys->ca, keys->ca_key, err);
	if (r == 0)
		call_put(answer, crypto_cert_bytes(cert));
	return r;
}

static int do_profile_sign(struct keys *keys, struct call_fields *in, struct call_writer *answer,
			   struct err *err)
{
	const struct crypto_cert *chain[] = {keys->ca};
	struct slice profile = call_get(in);
	int r;

	if (!call_get_done(in))
		return ERR_PROTOCOL;
	r = crypto_signed_make(&keys->out, profile, keys->profile, keys->profile_key, chain, 1,
			       clock_wall_seconds(clock_system()), 0, err);
	if (r == 0)
		call_put(answer, buf_slice(&keys->out));
	return r;
}

/* do_supervise - the one thing that the supervision identity signs; too short for anything else.
 * Whose challenge it is cannot be told from it: records ask only for devices that they know */
static int do_supervise(struct keys *keys, struct call_fields *in, struct call_writer *answer,
			struct err *err)
{
	struct slice challenge = call_get(in);
	int r;

	if (!call_get_done(in) || challenge.len == 0 || challenge.len > CALL_CHALLENGE_MAX)
		return ERR_PROTOCOL;
	r = crypto_signed_make(&keys->out, challenge, keys->supervision, keys->supervision_key,
			       NULL, 0, clock_wall_seconds(clock_system()), 0, err);
	log_event(r == 0 ? LOG_INFO : LOG_WARNING, "supervise", "outcome=%d", r);
	if (r == 0)
		call_put(answer, buf_slice(&keys->out));
	return r;
}

static int do_seal(struct keys *keys, struct call_fields *in, struct call_writer *answer,
		   struct err *err)
{
	struct slice plain = call_get(in);
	int r;

	if (!call_get_done(in))
		return ERR_PROTOCOL;
	r = crypto_seal(keys->seal_public, plain, &keys->out, err);
	if (r == 0)
		call_put(answer, buf_slice(&keys->out));
	return r;
}

static int do_open(struct keys *keys, struct call_fields *in, struct call_writer *answer,
		   struct err *err)
{
	struct slice sealed;
	char purpose[64];
	int r;

	call_get_text(in, purpose, sizeof(purpose));
	sealed = call_get(in);
	if (!call_get_done(in))
		return ERR_PROTOCOL;
	r = crypto_seal_open(keys->seal_key.bytes, sealed, &keys->out, err);
	log_event(r == 0 ? LOG_INFO : LOG_WARNING, "open", "purpose=%s outcome=%d", purpose, r);
	counts_add(&keys->env->counts->keys_opened);
	if (r == 0)
		call_put(answer, buf_slice(&keys->out));
	return r;
}

static const struct {
	enum call_op op;
	unsigned who; /* 1u << enum role */
	int (*run)(struct keys *keys, struct call_fields *in, struct call_writer *answer,
		   struct err *err);
} requests[] = {
	{CALL_SCEP_OPEN, 1u << ROLE_WORKER, do_scep_open},
	{CALL_SCEP_SIGN, 1u << ROLE_WORKER, do_scep_sign},
	{CALL_ISSUE, 1u << ROLE_RECORDS, do_issue},
	{CALL_PROFILE_SIGN, 1u << ROLE_RECORDS, do_profile_sign},
	{CALL_SEAL, 1u << ROLE_RECORDS, do_seal},
	{CALL_SUPERVISE, 1u << ROLE_RECORDS, do_supervise},
	{CALL_OPEN, 1u << ROLE_RECORDS | 1u << ROLE_COURIER, do_open},
};

/* answer - one request; a refusal and a failure are an outcome without fields */
static void answer(struct keys *keys, struct link *link, enum role role, struct frame *frame)
{
	size_t start = link->out.len;
	struct call_writer writer = call_begin_answer(&link->out, frame->number, 0);
	struct err err = ERR_INIT;
	int r = ERR_POLICY;

	counts_add(&keys->env->counts->keys_calls);
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++)
		if (requests[i].op == frame->op && requests[i].who & 1u << role)
			r = requests[i].run(keys, &frame->fields, &writer, &err);
	buf_wipe(&keys->out);
	if (r == 0)
		r = call_end(&writer, &err);
	if (r == 0)
		return;
	if (r == ERR_POLICY)
		counts_add(&keys->env->counts->keys_refused);
	log_event(LOG_WARNING, "keys-refused", "process=%s operation=%d outcome=%d reason=\"%s\"",
		  role_name(role), (int)frame->op, r, err.text);
	buf_truncate(&link->out, start);
	writer = call_begin_answer(&link->out, frame->number, r);
	call_end(&writer, NULL);
}

/* ---- the loop ---- */

static void serve(struct keys *keys, struct link *link, enum role role)
{
	struct err err = ERR_INIT;
	struct frame frame;
	int r = link_receive(link, &err);

	if (r == 0)
		while ((r = link_next(link, &frame, &err)) == 0)
			answer(keys, link, role, &frame);
	link_done(link);
	if (r < 0)
		link_close(link);
}

static void peer_add(struct keys *keys, enum role role, int fd)
{
	for (size_t i = 0; i < KEYS_LINKS_MAX; i++) {
		if (keys->peers[i].link.fd >= 0)
			continue;
		link_open(&keys->peers[i].link, fd);
		keys->peers[i].role = role;
		return;
	}
	close_p(&fd);
}

static void config_take(struct keys *keys, struct slice text)
{
	struct config *config = NULL;
	struct err err = ERR_INIT;

	if (config_of_dump(&config, text, &err) < 0) {
		log_event(LOG_ERROR, "reload-refused", "reason=\"%s\"", err.text);
		return;
	}
	free(keys->reloaded);
	keys->config = keys->reloaded = config;
}

static int controls_take(struct keys *keys, struct err *err)
{
	struct control control CLEANUP(control_clear) = CONTROL_INIT;
	int r;

	while ((r = control_receive(keys->env->control, &control, err)) == 0) {
		if (control.kind == CONTROL_STOP)
			keys->is_leaving = true;
		if (control.kind == CONTROL_CONFIG)
			config_take(keys, buf_slice(&control.text));
		if (control.kind == CONTROL_PEER && control.fd >= 0) {
			peer_add(keys, control.peer, control.fd);
			control.fd = -1;
		}
	}
	return r;
}

static int loop(struct keys *keys, struct err *err)
{
	struct pollfd fds[KEYS_LINKS_MAX + 1];
	size_t at[KEYS_LINKS_MAX + 1];

	while (!keys->is_leaving) {
		nfds_t count = 0;
		int r;

		fds[count++] = (struct pollfd){keys->env->control, POLLIN, 0};
		for (size_t i = 0; i < KEYS_LINKS_MAX; i++) {
			struct link *link = &keys->peers[i].link;

			if (link->fd < 0)
				continue;
			r = link_flush(link, NULL);
			if (r < 0) {
				link_close(link);
				continue;
			}
			at[count] = i;
			fds[count++] = (struct pollfd){link->fd,
						       (short)(POLLIN | (r > 0 ? POLLOUT : 0)), 0};
		}
		if (poll(fds, count, -1) < 0)
			continue;
		for (nfds_t i = 1; i < count; i++)
			if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
				serve(keys, &keys->peers[at[i]].link, keys->peers[at[i]].role);
		r = fds[0].revents ? controls_take(keys, err) : 0;
		if (r == ERR_CLOSED)
			return 0;
	}
	return 0;
}

/* ---- the start ---- */

static int pair_read(const struct config *config, const char *name, struct crypto_key **key,
		     struct crypto_cert **cert, struct err *err)
{
	struct buf pem CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_PEM_MAX);
	char path[64];
	int r;

	snprintf(path, sizeof(path), "keys/%s.pem", name);
	r = data_read(config, path, &pem, err);
	if (r == 0)
		r = crypto_key_read(key, buf_slice(&pem), err);
	buf_wipe(&pem);
	snprintf(path, sizeof(path), "public/%s.pem", name);
	if (r == 0)
		r = data_read(config, path, &pem, err);
	if (r == 0)
		r = crypto_cert_read(cert, buf_slice(&pem), err);
	return r < 0 ? err_wrap(err, r, "%s", name) : 0;
}

static int seal_read(struct keys *keys, struct err *err)
{
	struct buf bytes CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_SEAL_KEY_LEN);
	int r = data_read(keys->env->config, "keys/seal", &bytes, err);

	if (r == 0 && bytes.len != CRYPTO_SEAL_KEY_LEN)
		return err_set(err, ERR_CORRUPT, "keys/seal has %zu bytes", bytes.len);
	if (r == 0)
		r = secret_set(&keys->seal_key, buf_slice(&bytes), err);
	return r < 0 ? r : crypto_seal_public(keys->seal_key.bytes, keys->seal_public, err);
}

static void keys_free_p(struct keys **at)
{
	struct keys *keys = *at;

	if (!keys)
		return;
	for (size_t i = 0; i < KEYS_LINKS_MAX; i++)
		link_close(&keys->peers[i].link);
	crypto_key_free(keys->ca_key);
	crypto_key_free(keys->ra_key);
	crypto_key_free(keys->profile_key);
	crypto_key_free(keys->supervision_key);
	crypto_cert_free(keys->ca);
	crypto_cert_free(keys->ra);
	crypto_cert_free(keys->profile);
	crypto_cert_free(keys->supervision);
	secret_clear(&keys->seal_key);
	buf_wipe(&keys->out);
	free(keys->reloaded);
	free(keys);
}

int keys_run(const struct process_env *env, struct err *err)
{
	struct keys *keys CLEANUP(keys_free_p) = calloc(1, sizeof(*keys));
	int r;

	if (!keys)
		return err_no_memory(err);
	keys->env = env;
	keys->config = env->config;
	keys->out = BUF_INIT(KEYS_OUT_MAX);
	for (size_t i = 0; i < KEYS_LINKS_MAX; i++)
		keys->peers[i].link = LINK_INIT;
	r = crypto_start(err);
	if (r == 0)
		r = pair_read(env->config, "ca", &keys->ca_key, &keys->ca, err);
	if (r == 0)
		r = pair_read(env->config, "ra", &keys->ra_key, &keys->ra, err);
	if (r == 0)
		r = pair_read(env->config, "profile", &keys->profile_key, &keys->profile, err);
	if (r == 0)
		r = pair_read(env->config, "supervision", &keys->supervision_key,
			      &keys->supervision, err);
	if (r == 0)
		r = seal_read(keys, err);
	if (r == 0)
		r = sandbox_enter(env->role, false, NULL, (enum config_sandbox)env->config->sandbox,
				  err);
	if (r < 0)
		return r;
	control_ready(env->control);
	return loop(keys, err);
}
