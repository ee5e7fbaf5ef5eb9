/* mdm_call - where the service is, and one request to it */
#include "cli/mdm.h"

#include <string.h>

enum { CA_LEN_MAX = 256 << 10, REPLY_LEN_MAX = 8 << 20 };

static const char *environment(struct mdm *mdm, const char *name)
{
	const char *value = mdm->cli->world->environment(name);

	return value && *value ? value : NULL;
}

/* data_path - @name in the data folder that `rehome serve` makes for this user */
static bool data_path(struct mdm *mdm, const char *name, char out[CLI_PATH_MAX])
{
	const char *data = environment(mdm, "XDG_DATA_HOME"), *home = environment(mdm, "HOME");
	int n = -1;

	if (data)
		n = snprintf(out, CLI_PATH_MAX, "%s/rehome/service/%s", data, name);
	else if (home)
		n = snprintf(out, CLI_PATH_MAX, "%s/.local/share/rehome/service/%s", home, name);
	return n >= 0 && n < CLI_PATH_MAX;
}

/* place - what was said, else the environment, else a file of the data folder. NULL: none */
static const char *place(struct mdm *mdm, const char *said, const char *variable, const char *file,
			 char path[CLI_PATH_MAX])
{
	if (said)
		return said;
	if (environment(mdm, variable))
		return environment(mdm, variable);
	return file && data_path(mdm, file, path) ? path : NULL;
}

static int token_read(struct mdm *mdm, struct err *err)
{
	char path[CLI_PATH_MAX];
	const char *file =
		place(mdm, mdm->token_file, "REHOME_MDM_TOKEN_FILE", "administrator.token", path);
	CLEANUP(secret_clear) struct secret token = SECRET_INIT;
	int r;

	if (!file)
		return err_set(err, ERR_USAGE,
			       "no token: say --token-file FILE or set REHOME_MDM_TOKEN_FILE");
	r = secret_read_file(&token, file, err);
	if (r < 0)
		return err_wrap(err, r,
				"the token of the service (--token-file, REHOME_MDM_TOKEN_FILE)");
	mdm->authorization.len = (size_t)snprintf(
		(char *)mdm->authorization.bytes, SECRET_LEN_MAX, "Bearer %.*s",
		(int)(token.len < 512 ? token.len : 512), (const char *)token.bytes);
	return 0;
}

int mdm_connect(struct mdm *mdm, struct err *err)
{
	CLEANUP(buf_clear) struct buf ca = BUF_INIT(CA_LEN_MAX);
	struct http_client_config config = {0};
	char path[CLI_PATH_MAX];
	const char *server = place(mdm, mdm->server, "REHOME_MDM_URL", NULL, path), *file;
	size_t len;
	int r;

	snprintf(mdm->url, sizeof(mdm->url), "%s", server ? server : "https://127.0.0.1:8443");
	len = strlen(mdm->url);
	if (len > 0 && mdm->url[len - 1] == '/')
		mdm->url[len - 1] = 0;
	/* the token is not for those who listen on the way */
	if (strncmp(mdm->url, "https://", 8) != 0)
		return err_set(err, ERR_USAGE,
			       "\"%.200s\" is no URL of a service (--server, REHOME_MDM_URL): say "
			       "https://HOST[:PORT]",
			       mdm->url);
	r = token_read(mdm, err);
	if (r < 0)
		return r;
	/* a file that nobody named may be absent: then the system's certificates count */
	file = place(mdm, mdm->ca_file, "REHOME_MDM_CA", "public/ca.pem", path);
	if (file) {
		r = fs_read_file(mdm->cli->world->fs, file, &ca, err);
		if (r < 0 && (file != path || r != ERR_NOT_FOUND))
			return err_wrap(err, r, "the CA of the service (--ca, REHOME_MDM_CA)");
		if (r == 0 && !memmem(ca.bytes, ca.len, "-----BEGIN CERTIFICATE-----", 27))
			return err_set(err, ERR_USAGE,
				       "%s holds no certificate in PEM (--ca, REHOME_MDM_CA): the "
				       "service's is public/ca.pem in its data folder",
				       file);
		snprintf(mdm->ca_path, sizeof(mdm->ca_path), "%s", r == 0 ? file : "");
	}
	config.ca_pem = buf_slice(&ca);
	return http_client_new(&mdm->client, &config, err);
}

void mdm_disconnect(struct mdm *mdm)
{
	http_client_free(mdm->client);
	mdm->client = NULL;
	secret_clear(&mdm->authorization);
}

int mdm_escape(struct buf *out, const char *text, struct err *err)
{
	int r = 0;

	for (; *text && r == 0; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || strchr("-._~:", c);

		r = is_plain ? buf_append_u8(out, c, err)
			     : buf_append_format(out, err, "%%%02X", c);
	}
	return r;
}

/* refusal - the service's words as an error */
static int refusal(int status, const json_t *answer, struct err *err)
{
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *hint = json_string_value(json_object_get(error, "hint"));
	int code = status == 400   ? ERR_USAGE
		   : status == 401 ? ERR_PASSWORD
		   : status == 404 ? ERR_NOT_FOUND
		   : status == 503 ? ERR_BUSY
		   : status < 500  ? ERR_POLICY
				   : ERR_IO;

	if (status == 401) /* the service speaks to those who make requests themselves */
		hint = "name the file of a token by --token-file or REHOME_MDM_TOKEN_FILE; "
		       "`rehome mdm token create` makes tokens";
	if (status == 503 && !message)
		message = "the service cannot answer now: try again, and look at its log";
	if (!message)
		return err_set(err, code, "the service answered %d", status);
	if (!hint)
		return err_set(err, code, "%s", message);
	return err_set(err, code, "%s%s Next: %s", message,
		       *message && message[strlen(message) - 1] == '?' ? "" : ".", hint);
}

int mdm_ask(struct mdm *mdm, const char *method, const char *path, const char *content_type,
	    struct slice body, json_t **out, int *status, struct err *err)
{
	CLEANUP(buf_clear) struct buf url = BUF_INIT(16384);
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	const struct http_field fields[] = {
		{"Authorization", (const char *)mdm->authorization.bytes},
		{content_type ? "Content-Type" : NULL, content_type},
		{NULL, NULL},
	};
	struct http_call call = {.method = method,
				 .fields = fields,
				 .body = body,
				 .reply_len_max = REPLY_LEN_MAX,
				 .timeout_ms = mdm->timeout_ms};
	json_t *answer;
	int r = buf_append_format(&url, err, "%s/api/v1%s", mdm->url, path);

	if (r < 0)
		return r;
	call.url = buf_text(&url);
	r = http_client_call(mdm->client, &call, mdm->cli->world->cancel, &reply, err);
	if (r == ERR_CLOSED)
		return err_wrap(
			err, r,
			"no service at %s (--server, REHOME_MDM_URL; `rehome serve` starts one)",
			mdm->url);
	if (r == ERR_POLICY)
		return err_wrap(err, r,
				"the service's certificate is not vouched for by %s: --ca "
				"(REHOME_MDM_CA) names the file that `rehome serve` printed, "
				"public/ca.pem in its data folder",
				*mdm->ca_path ? mdm->ca_path : "the system's certificates");
	if (r < 0)
		return r;
	answer = json_loadb((const char *)reply.body.bytes, reply.body.len, JSON_REJECT_DUPLICATES,
			    NULL);
	if (reply.status >= 400 || !answer) {
		r = reply.status >= 400
			    ? refusal(reply.status, answer, err)
			    : err_set(err, ERR_PROTOCOL, "%s answered no JSON", mdm->url);
		json_decref(answer);
		return r;
	}
	*out = answer;
	*status = reply.status;
	return 0;
}
