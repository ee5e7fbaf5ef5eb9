/*
 * config.c - the repository's first file: how the passphrase opens the master key
 *
 * The header is covered by a digest (so that damage is told from a wrong passphrase) and
 * bound to the sealed key as associated data (so that nobody can weaken the derivation).
 */
#include "repo/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONFIG_CLEAR_LEN = 48, /* magic 8, version 4, passes 4, memory 8, salt 16, reserved 8 */
	CONFIG_SEALED_LEN = CRYPTO_KEY_LEN + CRYPTO_GCM_TAG_LEN,
	CONFIG_DIGEST_LEN = 16,
	CONFIG_LEN = CONFIG_CLEAR_LEN + CONFIG_SEALED_LEN + CONFIG_DIGEST_LEN,
	KDF_OPS_DEFAULT = 3,
	KDF_OPS_MAX = 64,
};
static const size_t KDF_MEM_DEFAULT = 64 << 20, KDF_MEM_MAX = (size_t)4 << 30;
static const char MAGIC[8] = {'R', 'H', 'c', 'o', 'n', 'f', 'i', 'g'};

void crypto_mac_free_p(struct crypto_mac **mac)
{
	crypto_mac_free(*mac);
}

void crypto_gcm_free_p(struct crypto_gcm **gcm)
{
	crypto_gcm_free(*gcm);
}

/* the cipher of the key that the passphrase gives, by the header's own parameters */
static int passphrase_cipher(struct crypto_gcm **out, const uint8_t *clear,
			     const struct secret *password, struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN];
	uint32_t ops = get_u32le(clear + 12);
	uint64_t mem = get_u64le(clear + 16);
	int r;

	if (ops == 0 || ops > KDF_OPS_MAX || mem < 8192 || mem > KDF_MEM_MAX)
		return err_set(err, ERR_LIMIT, "config: %u passes over %llu bytes", ops,
			       (unsigned long long)mem);
	r = crypto_argon2id(secret_slice(password), clear + 24, ops, (size_t)mem, key, sizeof(key),
			    err);
	if (r == 0)
		r = crypto_gcm_new(out, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

static void config_digest(const uint8_t *config, uint8_t out[CONFIG_DIGEST_LEN])
{
	uint8_t digest[CRYPTO_SHA256_LEN];

	crypto_sha256(slice_of(config, CONFIG_LEN - CONFIG_DIGEST_LEN), digest);
	memcpy(out, digest, CONFIG_DIGEST_LEN);
}

static int config_make(uint8_t config[CONFIG_LEN], const struct secret *password,
		       const struct repo_env *env, struct err *err)
{
	static const uint8_t nonce[CRYPTO_GCM_NONCE_LEN]; /* the salt makes the key unique */
	CLEANUP(crypto_gcm_free_p) struct crypto_gcm *gcm = NULL;
	uint8_t master[CRYPTO_KEY_LEN];
	int r;

	memset(config, 0, CONFIG_LEN);
	memcpy(config, MAGIC, sizeof(MAGIC));
	put_u32le(config + 8, REPO_VERSION);
	put_u32le(config + 12, env->kdf_ops ? env->kdf_ops : KDF_OPS_DEFAULT);
	put_u64le(config + 16, env->kdf_mem ? env->kdf_mem : KDF_MEM_DEFAULT);
	r = env->entropy->fill(env->entropy, config + 24, 16, err);
	if (r == 0)
		r = env->entropy->fill(env->entropy, master, sizeof(master), err);
	if (r == 0)
		r = passphrase_cipher(&gcm, config, password, err);
	if (r == 0)
		r = crypto_gcm_seal(gcm, nonce, slice_of(config, CONFIG_CLEAR_LEN),
				    slice_of(master, sizeof(master)), config + CONFIG_CLEAR_LEN,
				    err);
	explicit_bzero(master, sizeof(master));
	config_digest(config, config + CONFIG_LEN - CONFIG_DIGEST_LEN);
	return r;
}

struct init_scan {
	bool has_config, has_other;
};

static int init_scan_name(void *arg, const char *name)
{
	struct init_scan *scan = arg;

	if (!strcmp(name, "config"))
		scan->has_config = true;
	else if (strcmp(name, "config.tmp") != 0) /* left by an init that was cut short */
		scan->has_other = true;
	return 0;
}

static int no_repository(const char *path, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "%s: no repository there; `rehome init` makes one",
		       path);
}

static int path_check(const char *path, struct err *err)
{
	size_t len = strlen(path);

	if (len == 0 || len >= REPO_ROOT_MAX)
		return err_set(err, ERR_USAGE, "the repository's path has %zu bytes: 1 to %d", len,
			       REPO_ROOT_MAX - 1);
	return 0;
}

int repo_init(const char *path, const struct secret *password, const struct repo_env *env,
	      struct err *err)
{
	struct init_scan scan = {0};
	struct repo_name config_name;
	uint8_t config[CONFIG_LEN];
	int r;

	r = path_check(path, err);
	if (r < 0)
		return r;
	if (password->len == 0)
		return err_set(err, ERR_PASSWORD, "a repository needs a password");
	r = env->fs->list(env->fs, path, init_scan_name, &scan);
	if (r == -ENOENT)
		r = fs_mkdirs(env->fs, path, 0700, err);
	else if (r < 0)
		r = err_set_errno(err, -r, "%s", path);
	if (r < 0)
		return r;
	if (scan.has_config)
		return err_set(err, ERR_EXISTS, "%s: there is a repository already", path);
	if (scan.has_other)
		return err_set(err, ERR_EXISTS,
			       "%s: the folder holds other things; choose an empty one", path);
	r = config_make(config, password, env, err);
	if (r < 0)
		return r;
	snprintf(config_name.text, sizeof(config_name.text), "%s/config", path);
	return repo_write_new(env->fs, path, config_name.text, slice_of(config, sizeof(config)),
			      err);
}

static int newer(const struct repo *repo, uint32_t version, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "%s: made by a newer rehome (format %u)", repo->path,
		       version);
}

static int config_open(struct repo *repo, struct slice config, const struct secret *password,
		       struct err *err)
{
	static const uint8_t nonce[CRYPTO_GCM_NONCE_LEN];
	CLEANUP(crypto_gcm_free_p) struct crypto_gcm *gcm = NULL;
	uint8_t digest[CONFIG_DIGEST_LEN];
	uint32_t version;
	int r;

	if (config.len < 12 || memcmp(config.bytes, MAGIC, sizeof(MAGIC)) != 0)
		return err_set(err, ERR_CORRUPT, "%s/config: is no repository's", repo->path);
	version = get_u32le(config.bytes + 8);
	if (config.len != CONFIG_LEN)
		return version > REPO_VERSION
			       ? newer(repo, version, err)
			       : err_set(err, ERR_CORRUPT, "%s/config: damaged", repo->path);
	config_digest(config.bytes, digest);
	if (memcmp(digest, config.bytes + CONFIG_LEN - CONFIG_DIGEST_LEN, sizeof(digest)) != 0)
		return err_set(err, ERR_CORRUPT, "%s/config: damaged", repo->path);
	if (version > REPO_VERSION)
		return newer(repo, version, err);
	r = passphrase_cipher(&gcm, config.bytes, password, err);
	if (r < 0)
		return r;
	r = crypto_gcm_open(gcm, nonce, slice_of(config.bytes, CONFIG_CLEAR_LEN),
			    slice_of(config.bytes + CONFIG_CLEAR_LEN, CONFIG_SEALED_LEN),
			    repo->master, err);
	if (r == CRYPTO_BAD_TAG)
		return err_set(err, ERR_PASSWORD, "%s: the password does not open it", repo->path);
	return r;
}

int repo_probe(const char *path, const struct repo_env *env, struct err *err)
{
	struct repo_name name;
	struct stat st;
	int r = path_check(path, err);

	if (r < 0)
		return r;
	snprintf(name.text, sizeof(name.text), "%s/config", path);
	r = env->fs->stat(env->fs, name.text, &st);
	return r == -ENOENT ? no_repository(path, err)
	       : r < 0      ? err_set_errno(err, -r, "%s", name.text)
			    : 0;
}

int repo_open(struct repo **out, const char *path, const struct secret *password,
	      const struct repo_env *env, struct err *err)
{
	CLEANUP(repo_close_p) struct repo *repo = calloc(1, sizeof(*repo));
	CLEANUP(buf_clear) struct buf config = BUF_INIT(CONFIG_LEN + 4096);
	struct repo_name name;
	int r;

	if (!repo)
		return err_no_memory(err);
	r = path_check(path, err);
	if (r < 0)
		return r;
	snprintf(repo->path, sizeof(repo->path), "%s", path);
	repo->env = *env;
	snprintf(name.text, sizeof(name.text), "%s/config", path);
	r = fs_read_file(env->fs, name.text, &config, err);
	if (r == ERR_NOT_FOUND)
		return no_repository(path, err);
	if (r == ERR_LIMIT)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name.text);
	if (r == 0)
		r = config_open(repo, buf_slice(&config), password, err);
	if (r < 0)
		return r;
	*out = STEAL(repo);
	return 0;
}

void repo_close(struct repo *repo)
{
	if (!repo)
		return;
	explicit_bzero(repo->master, sizeof(repo->master));
	free(repo);
}

void repo_close_p(struct repo **repo)
{
	repo_close(*repo);
}

const char *repo_path(const struct repo *repo)
{
	return repo->path;
}
