/*
 * vault.c - small sealed values of a device, one file each
 *
 * Sealed under the device's own key: destroying that destroys them too.  The file's name
 * is a keyed hash of the value's name.  magic 8, version u32, 4 unused, nonce 12, 4 unused,
 * then the sealed value.
 */
#include "repo/internal.h"

#include <errno.h>
#include <string.h>

enum { CLEAR_LEN = 32, FILE_MAX = CLEAR_LEN + SECRET_LEN_MAX + CRYPTO_GCM_TAG_LEN };
static const char MAGIC[8] = {'R', 'H', 'v', 'a', 'u', 'l', 't', '1'};

static int value_file(const struct repo_domain *domain, const char *value_name,
		      struct repo_name *name, struct err *err)
{
	CLEANUP(crypto_mac_free_p) struct crypto_mac *mac = NULL;
	uint8_t hash[CRYPTO_SHA256_LEN];
	char hex[33];
	int r = repo_domain_mac(domain, "rehome vault names", &mac, err);

	if (r == 0)
		r = crypto_mac_compute(mac, slice_text(value_name), hash, err);
	if (r < 0)
		return r;
	hex_encode(hash, 16, hex);
	repo_domain_file(domain, name, "vault/%s", hex);
	return 0;
}

/* the key of one value, bound to its file's name: files cannot be swapped */
static int value_cipher(const struct repo_domain *domain, const struct repo_name *name,
			struct crypto_gcm **out, struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN];
	int r = crypto_hkdf(slice_of(domain->key, sizeof(domain->key)),
			    slice_text(strrchr(name->text, '/') + 1), "rehome vault", key,
			    sizeof(key), err);

	if (r == 0)
		r = crypto_gcm_new(out, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

static int
put(struct repo *repo, const char *device, const char *value_name, const struct secret *value,
    int (*write)(struct fs *fs, const char *path, struct slice bytes, mode_t mode, struct err *err),
    struct err *err)
{
	CLEANUP(repo_domain_clear) struct repo_domain domain = {0};
	CLEANUP(crypto_gcm_free_p) struct crypto_gcm *gcm = NULL;
	uint8_t file[FILE_MAX] = {0};
	struct repo_name name;
	int r = repo_domain_open(&domain, repo, device, true, err);

	if (r == 0)
		r = value_file(&domain, value_name, &name, err);
	if (r == 0)
		r = value_cipher(&domain, &name, &gcm, err);
	memcpy(file, MAGIC, sizeof(MAGIC));
	put_u32le(file + 8, REPO_VERSION);
	if (r == 0)
		r = repo->env.entropy->fill(repo->env.entropy, file + 16, CRYPTO_GCM_NONCE_LEN,
					    err);
	if (r == 0)
		r = crypto_gcm_seal(gcm, file + 16, slice_of(file, CLEAR_LEN), secret_slice(value),
				    file + CLEAR_LEN, err);
	if (r == 0)
		r = write(domain.fs, name.text,
			  slice_of(file, CLEAR_LEN + value->len + CRYPTO_GCM_TAG_LEN), 0600, err);
	return r;
}

int repo_vault_put(struct repo *repo, const char *device, const char *value_name,
		   const struct secret *value, struct err *err)
{
	return put(repo, device, value_name, value, fs_write_file, err);
}

int repo_vault_add(struct repo *repo, const char *device, const char *value_name,
		   const struct secret *value, struct err *err)
{
	int r = put(repo, device, value_name, value, fs_write_new, err);

	return r == ERR_EXISTS ? (int)REPO_CONFLICT : r;
}

/* opens the value file @name; used by check as well */
int repo_vault_open(const struct repo_domain *domain, const struct repo_name *name,
		    struct secret *value, struct err *err)
{
	CLEANUP(crypto_gcm_free_p) struct crypto_gcm *gcm = NULL;
	CLEANUP(buf_clear) struct buf file = BUF_INIT(FILE_MAX);
	int r = fs_read_file(domain->fs, name->text, &file, err);

	if (r == ERR_NOT_FOUND)
		return REPO_ABSENT;
	if (r < 0 && r != ERR_LIMIT)
		return r;
	if (r < 0 || file.len < CLEAR_LEN + CRYPTO_GCM_TAG_LEN ||
	    memcmp(file.bytes, MAGIC, sizeof(MAGIC)) != 0)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name->text);
	r = value_cipher(domain, name, &gcm, err);
	if (r < 0)
		return r;
	r = crypto_gcm_open(gcm, file.bytes + 16, slice_of(file.bytes, CLEAR_LEN),
			    slice_of(file.bytes + CLEAR_LEN, file.len - CLEAR_LEN), value->bytes,
			    err);
	if (r == CRYPTO_BAD_TAG)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name->text);
	if (r == 0 && get_u32le(file.bytes + 8) > REPO_VERSION)
		return err_set(err, ERR_UNSUPPORTED, "%s: a newer format", name->text);
	if (r == 0)
		value->len = file.len - CLEAR_LEN - CRYPTO_GCM_TAG_LEN;
	return r;
}

int repo_vault_get(struct repo *repo, const char *device, const char *value_name,
		   struct secret *value, struct err *err)
{
	CLEANUP(repo_domain_clear) struct repo_domain domain = {0};
	struct repo_name name;
	int r = repo_domain_open(&domain, repo, device, false, err);

	if (r == 0)
		r = value_file(&domain, value_name, &name, err);
	return r != 0 ? r : repo_vault_open(&domain, &name, value, err);
}

int repo_vault_remove(struct repo *repo, const char *device, const char *value_name,
		      struct err *err)
{
	CLEANUP(repo_domain_clear) struct repo_domain domain = {0};
	struct repo_name name, folder;
	int r = repo_domain_open(&domain, repo, device, false, err);

	if (r == REPO_ABSENT)
		return 0;
	if (r == 0)
		r = value_file(&domain, value_name, &name, err);
	if (r < 0)
		return r;
	r = domain.fs->unlink(domain.fs, name.text);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = domain.fs->dir_sync(domain.fs, repo_domain_file(&domain, &folder, "vault"));
	return r < 0 ? err_set_errno(err, -r, "remove %s", name.text) : 0;
}
