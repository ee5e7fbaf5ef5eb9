/*
 * pair_supervisor - who vouches for this computer
 *
 * The service signs challenges of devices that its records have as corporate and supervised, for
 * operators; its key stays there.  The service of somebody else may give its identity as a file.
 */
#include "cli/pair.h"

#include "crypto/identity.h"

#include <string.h>

/* ---- the service ---- */

static int device_ask(struct mdm *mdm, const char *method, const char *udid, const char *rest,
		      const json_t *body, json_t **out, struct err *err)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(512);
	char *text = NULL;
	int status, r = buf_append_text(&path, "/devices/", err);

	if (r == 0)
		r = mdm_escape(&path, udid, err);
	if (r == 0)
		r = buf_append_text(&path, rest, err);
	if (r < 0)
		return r;
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		if (!text)
			return err_no_memory(err);
	}
	r = mdm_ask(mdm, method, buf_text(&path), text ? "application/json" : NULL,
		    text ? slice_text(text) : SLICE_EMPTY, out, &status, err);
	free(text);
	return r;
}

static int signature_read(const json_t *answer, struct buf *der, struct err *err)
{
	const char *text = json_string_value(json_object_get(answer, "signature"));

	if (!text)
		return err_set(err, ERR_PROTOCOL, "the service's answer has no signature");
	return crypto_base64_read(der, slice_text(text), err);
}

static int service_sign(struct job_supervisor *base, const char *udid, struct slice challenge,
			struct buf *der, struct err *err)
{
	struct cli_supervisor *supervisor = (struct cli_supervisor *)base;
	CLEANUP(buf_clear) struct buf base64 = BUF_INIT(1024);
	json_t *body, *answer = NULL;
	int r = crypto_base64_write(&base64, challenge, err);

	if (r < 0)
		return r;
	body = json_pack("{s:s}", "challenge", buf_text(&base64));
	r = body ? device_ask(&supervisor->mdm, "POST", udid, "/pairing", body, &answer, err)
		 : err_no_memory(err);
	if (r == 0)
		r = signature_read(answer, der, err);
	json_decref(body);
	json_decref(answer);
	return r;
}

/* cert_ask - the certificate of the service's supervision identity */
static int cert_ask(struct cli_supervisor *supervisor, struct err *err)
{
	const char *text;
	json_t *answer;
	int status, r = mdm_ask(&supervisor->mdm, "GET", "/ca", NULL, SLICE_EMPTY, &answer, &status,
				err);

	if (r < 0)
		return r;
	text = json_string_value(json_object_get(answer, "supervision"));
	r = text ? buf_append_text(&supervisor->bytes, text, err)
		 : err_set(err, ERR_UNSUPPORTED,
			   "it has no supervision identity: it is of an older version");
	json_decref(answer);
	return r;
}

/* record_check - a device that is not supervised would show its person a question that nobody
 * meant */
static int record_check(struct mdm *mdm, const char *udid, struct err *err)
{
	json_t *device;
	bool is_supervised;
	int r = device_ask(mdm, "GET", udid, "", NULL, &device, err);

	if (r < 0)
		return r;
	is_supervised = json_is_true(json_object_get(device, "supervised"));
	json_decref(device);
	return is_supervised ? 0
			     : err_set(err, ERR_POLICY,
				       "by its record the device is not supervised. Run `rehome "
				       "mdm device refresh %s` if it may be by now, else pair by "
				       "the question on its screen",
				       udid);
}

static int service_open(struct cli_supervisor *supervisor, const char *udid, struct err *err)
{
	int r = mdm_connect(&supervisor->mdm, err);

	if (r == 0)
		r = cert_ask(supervisor, err);
	if (r == 0)
		r = record_check(&supervisor->mdm, udid, err);
	if (r < 0)
		return err_wrap(err, r, "the service");
	supervisor->base = (struct job_supervisor){buf_slice(&supervisor->bytes), service_sign};
	return 0;
}

/* ---- a file ---- */

static int file_open(struct cli_supervisor *supervisor, const char *path, struct err *err)
{
	int r = fs_read_file(supervisor->mdm.cli->world->fs, path, &supervisor->bytes, err);

	if (r == 0)
		r = job_supervisor_pem_init(&supervisor->pem, buf_slice(&supervisor->bytes), err);
	return r < 0 ? err_wrap(err, r,
				"%s (wanted: certificate and RSA key of a supervision identity in "
				"PEM, the key without a passphrase)",
				path)
		     : 0;
}

int cli_supervisor_open(struct cli_supervisor *supervisor, struct cli *cli,
			const struct cli_pair_wish *wish, const char *udid,
			struct job_supervisor **chosen, struct err *err)
{
	int r = 0;

	*supervisor =
		(struct cli_supervisor){.mdm = {.cli = cli}, .bytes = BUF_INIT(CRYPTO_PEM_MAX)};
	*chosen = NULL;
	if (wish->asks_service) {
		r = service_open(supervisor, udid, err);
		*chosen = &supervisor->base;
	} else if (wish->identity_file) {
		r = file_open(supervisor, wish->identity_file, err);
		*chosen = &supervisor->pem.base;
	}
	return r;
}

void cli_supervisor_clear(struct cli_supervisor *supervisor)
{
	mdm_disconnect(&supervisor->mdm);
	buf_wipe(&supervisor->bytes);
}
