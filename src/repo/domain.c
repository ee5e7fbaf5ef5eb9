/*
 * domain.c - one device's part of the repository: its folder, its own key
 *
 * Each device has a key of its own, sealed under the master key, so that a device can be
 * destroyed by destroying one file.  The folder's name is a keyed hash of the UDID: who
 * holds the files alone does not learn whose they are.
 */
#include "repo/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_CLEAR_LEN = 32, /* magic 8, version 4, reserved 4, nonce 12, reserved 4 */
	KEY_PLAIN_LEN = CRYPTO_KEY_LEN + REPO_DEVICE_LEN_MAX,
	KEY_FILE_LEN = KEY_CLEAR_LEN + KEY_PLAIN_LEN + CRYPTO_GCM_TAG_LEN,
	FOLDER_HASH_LEN = 16,
};
static const char MAGIC[8] = {'R', 'H', 'd', 'o', 'm', 'a', 'i', 'n'};

static int check_device(const char *device, struct err *err)
{
	size_t len = strnlen(device, REPO_DEVICE_LEN_MAX);

	if (len == 0 || len >= REPO_DEVICE_LEN_MAX)
		return err_set(err, ERR_USAGE, "device name of %zu bytes (1 to %d)", len,
			       REPO_DEVICE_LEN_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (device[i] <= ' ' || device[i] > '~' || device[i] == '/')
			return err_set(err, ERR_USAGE, "device name with a character 0x%02x",
				       (unsigned char)device[i]);
	return 0;
}

static int folder_hash(const struct repo *repo, const char *device, char out[33], struct err *err)
{
	CLEANUP(crypto_mac_free_p) struct crypto_mac *mac = NULL;
	uint8_t key[CRYPTO_KEY_LEN], hash[CRYPTO_SHA256_LEN];
	int r = crypto_hkdf(slice_of(repo->master, sizeof(repo->master)), SLICE_EMPTY,
			    "rehome folder names", key, sizeof(key), err);

	if (r == 0)
		r = crypto_mac_new(&mac, key, err);
	explicit_bzero(key, sizeof(key));
	if (r == 0)
		r = crypto_mac_compute(mac, slice_text(device), hash, err);
	if (r == 0)
		hex_encode(hash, FOLDER_HASH_LEN, out);
	return r;
}

static int key_cipher(const struct repo *repo, const char *folder, struct crypto_gcm **out,
		      struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN];
	int r = crypto_hkdf(slice_of(repo->master, sizeof(repo->master)), slice_text(folder),
			    "rehome domain key", key, sizeof(key), err);

	if (r == 0)
		r = crypto_gcm_new(out, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

const char *repo_domain_file(const struct repo_domain *domain, struct repo_name *name,
			     const char *format, ...)
{
	int len = snprintf(name->text, sizeof(name->text), "%s/", domain->folder);
	va_list args;

	va_start(args, format);
	vsnprintf(name->text + len, sizeof(name->text) - (size_t)len, format, args);
	va_end(args);
	return name->text;
}

static int key_write(struct repo_domain *domain, const struct repo *repo, const char *folder,
		     struct err *err)
{
	CLEANUP(crypto_gcm_free_p) struct crypto_gcm *gcm = NULL;
	uint8_t file[KEY_FILE_LEN] = {0}, plain[KEY_PLAIN_LEN] = {0};
	struct entropy *entropy = repo->env.entropy;
	struct repo_name name;
	int r;

	memcpy(file, MAGIC, sizeof(MAGIC));
	put_u32le(file + 8, REPO_VERSION);
	r = entropy->fill(entropy, file + 16, CRYPTO_GCM_NONCE_LEN, err);
	if (r == 0)
		r = entropy->fill(entropy, domain->key, sizeof(domain->key), err);
	if (r == 0)
		r = key_cipher(repo, folder, &gcm, err);
	memcpy(plain, domain->key, CRYPTO_KEY_LEN);
	memcpy(plain + CRYPTO_KEY_LEN, domain->device, strlen(domain->device));
	if (r == 0)
		r = crypto_gcm_seal(gcm, file + 16, slice_of(file, KEY_CLEAR_LEN),
				    slice_of(plain, sizeof(plain)), file + KEY_CLEAR_LEN, err);
	explicit_bzero(plain, sizeof(plain));
	if (r < 0)
		return r;
	return repo_write_new(domain->fs, domain->folder, repo_domain_file(domain, &name, "key"),
			      slice_of(file, sizeof(file)), err);
}

static int key_read(struct repo_domain *domain, const struct repo *repo, const char *folder,
		    struct err *err)
{
	CLEANUP(crypto_gcm_free_p) struct crypto_gcm *gcm = NULL;
	CLEANUP(buf_clear) struct buf file = BUF_INIT(KEY_FILE_LEN);
	uint8_t plain[KEY_PLAIN_LEN];
	struct repo_name name;
	bool is_newer;
	int r = fs_read_file(domain->fs, repo_domain_file(domain, &name, "key"), &file, err);

	if (r == ERR_NOT_FOUND)
		return REPO_ABSENT;
	if (r == ERR_LIMIT)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name.text);
	if (r < 0)
		return r;
	if (file.len < KEY_CLEAR_LEN || memcmp(file.bytes, MAGIC, sizeof(MAGIC)) != 0)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name.text);
	is_newer = get_u32le(file.bytes + 8) > REPO_VERSION;
	if (file.len != KEY_FILE_LEN)
		return is_newer ? err_set(err, ERR_UNSUPPORTED, "%s: a newer format", name.text)
				: err_set(err, ERR_CORRUPT, "%s: damaged", name.text);
	r = key_cipher(repo, folder, &gcm, err);
	if (r < 0)
		return r;
	r = crypto_gcm_open(gcm, file.bytes + 16, slice_of(file.bytes, KEY_CLEAR_LEN),
			    slice_of(file.bytes + KEY_CLEAR_LEN, KEY_FILE_LEN - KEY_CLEAR_LEN),
			    plain, err);
	if (r == CRYPTO_BAD_TAG)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name.text);
	if (r == 0 && is_newer)
		r = err_set(err, ERR_UNSUPPORTED, "%s: a newer format", name.text);
	if (r < 0) {
		explicit_bzero(plain, sizeof(plain));
		return r;
	}
	memcpy(domain->key, plain, CRYPTO_KEY_LEN);
	memcpy(domain->device, plain + CRYPTO_KEY_LEN, REPO_DEVICE_LEN_MAX);
	domain->device[REPO_DEVICE_LEN_MAX - 1] = 0;
	explicit_bzero(plain, sizeof(plain));
	return 0;
}

/* the folders of a device; made again where a crash lost one */
static int make_folders(const struct repo_domain *domain, const struct repo *repo, struct err *err)
{
	static const char *const names[] = {"packs", "idx", "table", "snap", "vault"};
	struct fs *fs = domain->fs;
	struct repo_name name;
	bool is_new = false;
	int r;

	snprintf(name.text, sizeof(name.text), "%s/d", repo->path);
	r = fs->mkdir(fs, name.text, 0700);
	if (r < 0 && r != -EEXIST)
		return err_set_errno(err, -r, "make folder %s", name.text);
	r = fs->mkdir(fs, domain->folder, 0700);
	if (r < 0 && r != -EEXIST)
		return err_set_errno(err, -r, "make folder %s", domain->folder);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		repo_domain_file(domain, &name, "%s", names[i]);
		r = fs->mkdir(fs, name.text, 0700);
		if (r < 0 && r != -EEXIST)
			return err_set_errno(err, -r, "make folder %s", name.text);
		is_new |= r == 0;
	}
	if (!is_new)
		return 0;
	snprintf(name.text, sizeof(name.text), "%s/d", repo->path);
	if ((r = fs->dir_sync(fs, domain->folder)) < 0 || (r = fs->dir_sync(fs, name.text)) < 0 ||
	    (r = fs->dir_sync(fs, repo->path)) < 0)
		return err_set_errno(err, -r, "sync folder %s", domain->folder);
	return 0;
}

int repo_domain_open_folder(struct repo_domain *domain, struct repo *repo, const char *folder,
			    struct err *err)
{
	int r;

	*domain = (struct repo_domain){.fs = repo->env.fs};
	snprintf(domain->folder, sizeof(domain->folder), "%s/d/%.40s", repo->path, folder);
	r = key_read(domain, repo, folder, err);
	if (r != 0)
		repo_domain_clear(domain);
	return r;
}

int repo_domain_open(struct repo_domain *domain, struct repo *repo, const char *device,
		     bool creates, struct err *err)
{
	char folder[2 * FOLDER_HASH_LEN + 1];
	bool is_new;
	int r = check_device(device, err);

	if (r == 0)
		r = folder_hash(repo, device, folder, err);
	if (r < 0)
		return r;
	r = repo_domain_open_folder(domain, repo, folder, err);
	if (r < 0 || !creates)
		return r;
	is_new = r == REPO_ABSENT;
	domain->fs = repo->env.fs;
	snprintf(domain->folder, sizeof(domain->folder), "%s/d/%.40s", repo->path, folder);
	snprintf(domain->device, sizeof(domain->device), "%s", device);
	r = make_folders(domain, repo, err);
	if (r == 0 && is_new)
		r = key_write(domain, repo, folder, err);
	if (r < 0)
		repo_domain_clear(domain);
	return r;
}

void repo_domain_clear(struct repo_domain *domain)
{
	explicit_bzero(domain, sizeof(*domain));
}

int repo_domain_derive(const struct repo_domain *domain, const char *label, uint8_t *out,
		       size_t len, struct err *err)
{
	return crypto_hkdf(slice_of(domain->key, sizeof(domain->key)), SLICE_EMPTY, label, out, len,
			   err);
}

int repo_domain_mac(const struct repo_domain *domain, const char *label, struct crypto_mac **out,
		    struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN];
	int r = repo_domain_derive(domain, label, key, sizeof(key), err);

	if (r == 0)
		r = crypto_mac_new(out, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

struct folder_list {
	char (*names)[2 * FOLDER_HASH_LEN + 1];
	size_t count, cap;
};

static int folder_add(void *arg, const char *name)
{
	struct folder_list *list = arg;
	uint8_t hash[FOLDER_HASH_LEN];

	if (strlen(name) != 2 * FOLDER_HASH_LEN || !hex_decode(name, hash, sizeof(hash)))
		return 0;
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		void *names = realloc(list->names, cap * sizeof(*list->names));

		if (!names)
			return -ENOMEM;
		list->names = names;
		list->cap = cap;
	}
	strcpy(list->names[list->count++], name);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int repo_domain_each(struct repo *repo, int (*each)(void *arg, const char *folder, struct err *err),
		     void *arg, struct err *err)
{
	struct folder_list list = {0};
	struct repo_name name;
	int r;

	snprintf(name.text, sizeof(name.text), "%s/d", repo->path);
	r = repo->env.fs->list(repo->env.fs, name.text, folder_add, &list);
	if (r == -ENOENT)
		r = 0;
	if (r < 0)
		r = err_set_errno(err, -r, "list %s", name.text);
	if (list.count > 1)
		qsort(list.names, list.count, sizeof(*list.names), by_name);
	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = each(arg, list.names[i], err);
	free(list.names);
	return r;
}
