/* issue - CA, RA, profile signer, supervision identity, TLS certificate and sealing key: made once,
 * then used again */
#include "server/issue.h"
#include "crypto/identity.h"
#include "server/data.h"

#include <string.h>

enum {
	CA_DAYS = 3650,
	SUPERVISION_DAYS = 7300, /* a device keeps it until it is erased */
	TLS_RENEW_S = 30 * 86400,
	BACKDATE_S = 3600, /* devices whose clocks are a little late */
};

static int key_have(const struct config *config, const char *name, enum crypto_key_kind kind,
		    struct crypto_key **out, struct err *err)
{
	struct buf pem CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_PEM_MAX);
	char path[DATA_PATH_MAX];
	int r = data_read(config, name, &pem, err);

	if (r == 0)
		return crypto_key_read(out, buf_slice(&pem), err);
	if (r != ERR_NOT_FOUND)
		return r;
	data_path(config, name, path);
	r = crypto_key_make(out, kind, err);
	if (r == 0)
		r = crypto_key_write(*out, &pem, err);
	return r < 0 ? r : fs_write_new(fs_system(), path, buf_slice(&pem), 0600, err);
}

static int cert_read(const struct config *config, const char *name, struct crypto_cert **out,
		     struct err *err)
{
	struct buf pem CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);
	int r = data_read(config, name, &pem, err);

	return r < 0 ? r : crypto_cert_read(out, buf_slice(&pem), err);
}

/* cert_make - issue @wish for @key and write it; @ca goes along in the file if it is not NULL */
static int cert_make(const struct config *config, const char *name, const struct crypto_key *key,
		     struct crypto_cert_wish *wish, const struct crypto_cert *issuer,
		     const struct crypto_key *issuer_key, bool is_with_chain,
		     struct crypto_cert **out, struct err *err)
{
	struct buf spki CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);
	struct buf pem CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);
	struct entropy *entropy = entropy_system();
	char path[DATA_PATH_MAX];
	int r = crypto_key_spki(key, &spki, err);

	if (r == 0)
		r = entropy->fill(entropy, wish->serial_entropy, sizeof(wish->serial_entropy), err);
	wish->spki = buf_slice(&spki);
	wish->not_before = clock_wall_seconds(clock_system()) - BACKDATE_S;
	if (r == 0)
		r = crypto_cert_issue(out, wish, issuer, issuer_key, err);
	if (r == 0)
		r = crypto_cert_write(*out, &pem, err);
	if (r == 0 && is_with_chain)
		r = crypto_cert_write(issuer, &pem, err);
	if (r != 0)
		return r > 0 ? err_set(err, ERR_USAGE, "%s: key not usable", name) : r;
	data_path(config, name, path);
	return fs_write_file(fs_system(), path, buf_slice(&pem), 0644, err);
}

static int cert_have(const struct config *config, const char *name, const struct crypto_key *key,
		     struct crypto_cert_wish *wish, const struct crypto_cert *issuer,
		     const struct crypto_key *issuer_key, struct crypto_cert **out, struct err *err)
{
	int r = cert_read(config, name, out, err);

	if (r == ERR_NOT_FOUND)
		return cert_make(config, name, key, wish, issuer, issuer_key, false, out, err);
	if (r == 0 && !crypto_cert_fits(*out, key))
		return err_set(err, ERR_CORRUPT, "%s is not of its key in keys/", name);
	return r;
}

static int seal_have(const struct config *config, struct err *err)
{
	uint8_t public_key[CRYPTO_SEAL_KEY_LEN];
	struct secret private_key CLEANUP(secret_clear) = SECRET_INIT;
	struct buf old CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_SEAL_KEY_LEN);
	char path[DATA_PATH_MAX];
	int r = data_read(config, "keys/seal", &old, err);

	if (r != ERR_NOT_FOUND)
		return r;
	r = crypto_seal_keys(public_key, private_key.bytes, err);
	private_key.len = CRYPTO_SEAL_KEY_LEN;
	data_path(config, "keys/seal", path);
	return r < 0 ? r : fs_write_new(fs_system(), path, secret_slice(&private_key), 0600, err);
}

/* ---- the TLS certificate ---- */

/* url_host - the host of https://HOST[:PORT], without brackets */
static void url_host(const char *url, char out[CONFIG_WORD_MAX + 1])
{
	const char *at = strstr(url, "://");
	size_t len;

	at = at ? at + 3 : url;
	if (*at == '[') {
		at++;
		len = strcspn(at, "]");
	} else {
		len = strcspn(at, ":/");
	}
	snprintf(out, CONFIG_WORD_MAX + 1, "%.*s", (int)len, at);
}

struct tls_names {
	char host[CONFIG_WORD_MAX + 1];
	const char *names[CRYPTO_CERT_SAN_MAX];
	size_t count;
};

static void name_add(struct tls_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->names[i], name))
			return;
	if (names->count < CRYPTO_CERT_SAN_MAX)
		names->names[names->count++] = name;
}

static void names_of(const struct config *config, const char *url, struct tls_names *names)
{
	names->count = 0;
	url_host(url, names->host);
	name_add(names, names->host);
	if (strcmp(config->names.words[0], "auto") != 0) {
		for (unsigned i = 0; i < config->names.count; i++)
			name_add(names, config->names.words[i]);
		return;
	}
	name_add(names, "localhost");
	name_add(names, "127.0.0.1");
	name_add(names, "::1");
}

/* tls_have - names are kept beside the certificate, so that a change of them is seen */
static int tls_have(const struct config *config, const char *url, const struct crypto_cert *ca,
		    const struct crypto_key *ca_key, struct err *err)
{
	struct crypto_key *key CLEANUP(crypto_key_free_p) = NULL;
	struct crypto_cert *cert CLEANUP(crypto_cert_free_p) = NULL;
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_TLS, .days = CRYPTO_CERT_TLS_DAYS_MAX};
	struct buf old CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);
	struct buf now CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);
	char path[DATA_PATH_MAX];
	struct tls_names names;
	int r = key_have(config, "tls/key.pem", CRYPTO_KEY_EC_P256, &key, err);

	names_of(config, url, &names);
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = buf_append_format(&now, err, "%s\n", names.names[i]);
	if (r < 0)
		return r;
	r = data_read(config, "tls/names", &old, err);
	if (r == 0 && slice_equal(buf_slice(&old), buf_slice(&now)))
		r = cert_read(config, "tls/cert.pem", &cert, err);
	if (r < 0 && r != ERR_NOT_FOUND)
		return r;
	if (cert && crypto_cert_fits(cert, key) &&
	    crypto_cert_facts(cert)->not_after > clock_wall_seconds(clock_system()) + TLS_RENEW_S)
		return 0;
	crypto_cert_free(STEAL(cert));
	wish.common_name = names.host;
	wish.organization = config->organization;
	wish.names = names.names;
	wish.name_count = names.count;
	r = cert_make(config, "tls/cert.pem", key, &wish, ca, ca_key, true, &cert, err);
	data_path(config, "tls/names", path);
	return r < 0 ? r : fs_write_file(fs_system(), path, buf_slice(&now), 0644, err);
}

/* ---- the supervision identity ---- */

static bool is_there(const struct config *config, const char *name)
{
	struct buf bytes CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);

	return data_read(config, name, &bytes, NULL) != ERR_NOT_FOUND;
}

/* supervision_have - not below the CA: devices compare the certificate itself and look at no chain.
 * A service that is older than it gets it at its next start */
static int supervision_have(const struct config *config, struct err *err)
{
	static const char public_name[] = "public/supervision.pem";
	struct crypto_key *key CLEANUP(crypto_key_free_p) = NULL;
	struct crypto_cert *cert CLEANUP(crypto_cert_free_p) = NULL;
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_SUPERVISION,
					.common_name = "Rehome Supervision",
					.organization = config->organization,
					.days = SUPERVISION_DAYS};
	bool is_new = !is_there(config, public_name);
	int r = key_have(config, "keys/supervision.pem", CRYPTO_KEY_RSA_2048, &key, err);

	if (r == 0)
		r = cert_have(config, public_name, key, &wish, NULL, key, &cert, err);
	if (r == 0 && is_new)
		log_event(LOG_INFO, "supervision-identity-made", "certificate=%s", public_name);
	return r;
}

int issue_all(const struct config *config, const char *url, struct err *err)
{
	struct crypto_key *ca_key CLEANUP(crypto_key_free_p) = NULL;
	struct crypto_key *ra_key CLEANUP(crypto_key_free_p) = NULL;
	struct crypto_key *profile_key CLEANUP(crypto_key_free_p) = NULL;
	struct crypto_cert *ca CLEANUP(crypto_cert_free_p) = NULL;
	struct crypto_cert *ra CLEANUP(crypto_cert_free_p) = NULL;
	struct crypto_cert *profile CLEANUP(crypto_cert_free_p) = NULL;
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_CA,
					.common_name = "Rehome CA",
					.organization = config->organization,
					.days = CA_DAYS};
	int r = key_have(config, "keys/ca.pem", CRYPTO_KEY_RSA_2048, &ca_key, err);

	if (r == 0)
		r = cert_have(config, "public/ca.pem", ca_key, &wish, NULL, ca_key, &ca, err);
	if (r == 0)
		r = key_have(config, "keys/ra.pem", CRYPTO_KEY_RSA_2048, &ra_key, err);
	wish.role = CRYPTO_ROLE_RA;
	wish.common_name = "Rehome SCEP";
	if (r == 0)
		r = cert_have(config, "public/ra.pem", ra_key, &wish, ca, ca_key, &ra, err);
	if (r == 0)
		r = key_have(config, "keys/profile.pem", CRYPTO_KEY_RSA_2048, &profile_key, err);
	wish.role = CRYPTO_ROLE_PROFILE;
	wish.common_name = "Rehome Profiles";
	if (r == 0)
		r = cert_have(config, "public/profile.pem", profile_key, &wish, ca, ca_key,
			      &profile, err);
	if (r == 0)
		r = supervision_have(config, err);
	if (r == 0)
		r = seal_have(config, err);
	if (r == 0 && !strcmp(config->tls_certificate, "auto"))
		r = tls_have(config, url, ca, ca_key, err);
	return r;
}
