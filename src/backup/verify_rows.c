/*
 * The promises of each row, and of each domain
 */
#include "backup/verify.h"

#include <string.h>

#include "backup/manifest.h"

enum {
	ROW_NAME_MAX = 8 + 400 + 400,
	XATTR_COUNT_MAX = 255,
};

/* "domain-path" for people, unprintables escaped */
static void name_row(const struct backup_file *file, char name[ROW_NAME_MAX])
{
	char domain[400] = "?", path[400] = "?";

	if (file->domain)
		text_quote(file->domain, strlen(file->domain), domain);
	if (file->path)
		text_quote(file->path, strlen(file->path), path);
	snprintf(name, ROW_NAME_MAX, "%s-%s", domain, path);
}

static bool is_encrypted(const struct verify *verify)
{
	return verify->reader.bag;
}

static void check_names(struct verify *verify, const struct backup_file *file, const char *name)
{
	const char *record_path = backup_manifest_record_path(verify->reader.manifest);
	struct err why = ERR_INIT;
	char wanted[BACKUP_FILE_ID_LEN + 1];

	backup_file_id(file->domain, file->path, wanted);
	if (strcmp(wanted, file->file_id))
		verify_broken(verify, PROMISE_FILE_ID, name, "fileID is %s, its name's SHA-1 %s",
			      file->file_id, wanted);
	if (file->path[0] && path_check_relative(file->path, strlen(file->path), &why) < 0)
		verify_broken(verify, PROMISE_PATH_SAFE, name, "%s", why.text);
	if (!record_path || strcmp(record_path, file->path))
		verify_broken(verify, PROMISE_RECORD_PATH, name,
			      record_path ? "the record names another path"
					  : "the record names no path");
}

static int64_t flags_of(uint32_t mode)
{
	if (S_ISREG(mode))
		return 1;
	if (S_ISDIR(mode))
		return 2;
	return S_ISLNK(mode) ? 4 : 0;
}

static void check_kind(struct verify *verify, const struct backup_file *file, const char *name)
{
	if (file->flags != flags_of(file->mode))
		verify_broken(verify, PROMISE_FLAGS_MODE, name, "flags %lld, Mode 0%o",
			      (long long)file->flags, file->mode);
	if (S_ISLNK(file->mode) && (!file->target || !file->target[0]))
		verify_broken(verify, PROMISE_SYMLINK_TARGET, name, "the symlink has no Target");
	if (!backup_file_is_regular(file) && file->size)
		verify_broken(verify, PROMISE_SIZE_ZERO, name, "Size is %llu",
			      (unsigned long long)file->size);
}

static int check_xattrs(struct verify *verify, const struct backup_file *file, const char *name,
			struct err *err)
{
	const struct plist *dict = NULL;
	struct err why = ERR_INIT;
	int r;

	if (!file->xattrs.len)
		return 0;
	plist_doc_reset(verify->doc);
	r = backup_parse_dict(verify->doc, file->xattrs, "ExtendedAttributes", &dict, &why);
	if (r == ERR_NO_MEMORY)
		return err_no_memory(err);
	if (r < 0)
		verify_broken(verify, PROMISE_EXTENDED_ATTRIBUTES, name, "%s", why.text);
	else if (dict->as.items.count > XATTR_COUNT_MAX)
		verify_broken(verify, PROMISE_EXTENDED_ATTRIBUTES, name, "%zu entries",
			      dict->as.items.count);
	return 0;
}

static void check_key(struct verify *verify, const struct backup_file *file, const char *name)
{
	struct err why = ERR_INIT;
	uint8_t key[BACKUP_KEY_LEN];
	bool should = is_encrypted(verify) && backup_file_is_regular(file);

	if (should && !file->key.len)
		verify_broken(verify, PROMISE_KEY_PRESENT, name, "no EncryptionKey");
	/* without Manifest.plist nobody knows whether there should be one */
	if (!should && file->key.len && verify->reader.has_properties)
		verify_broken(verify, PROMISE_KEY_ABSENT, name,
			      is_encrypted(verify) ? "no regular file, and has an EncryptionKey"
						   : "an EncryptionKey in a plain backup");
	if (!should || !file->key.len)
		return;
	if (get_u32le(file->key.bytes) != file->protection_class)
		verify_broken(verify, PROMISE_KEY_CLASS, name,
			      "EncryptionKey of class %u, ProtectionClass %lld",
			      get_u32le(file->key.bytes), (long long)file->protection_class);
	if (!backup_keybag_is_open(verify->reader.bag))
		return;
	if (backup_keybag_file_key(verify->reader.bag, file->key, key, &why) < 0)
		verify_broken(verify, PROMISE_KEY_OPENS, name, "%s", why.text);
	explicit_bzero(key, sizeof(key));
}

static int check_row(struct verify *verify, const struct backup_file *file, struct err *err)
{
	char name[ROW_NAME_MAX];
	int r;

	name_row(file, name);
	check_names(verify, file, name);
	check_kind(verify, file, name);
	check_key(verify, file, name);
	r = check_xattrs(verify, file, name, err);
	if (r < 0 || !backup_file_is_regular(file))
		return r;
	verify->verdict.files++;
	return verify_content(verify, file, name, err);
}

static void damaged_row(struct verify *verify, const struct backup_file *file, const char *why)
{
	char name[ROW_NAME_MAX];

	name_row(file, name);
	verify_broken(verify, file->file_id[0] ? PROMISE_ROW_READABLE : PROMISE_FILE_ID_FORM, name,
		      "%s", why);
}

static int each_row(struct verify *verify, struct err *err)
{
	struct backup_manifest *manifest = verify->reader.manifest;
	struct backup_file file;
	struct err why = ERR_INIT;
	int r;

	r = backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, err);
	while (!r) {
		r = cancel_check(verify->cancel, err);
		if (!r)
			r = backup_manifest_next(manifest, &file, &why);
		if (r == BACKUP_END)
			return 0;
		if (r < 0)
			return why.code ? err_set(err, r, "%s", why.text) : r;
		verify->verdict.rows++;
		verify->state.files++;
		progress_report(verify->progress, &verify->state);
		if (r == BACKUP_DAMAGED) {
			damaged_row(verify, &file, why.text);
			r = 0;
		} else {
			r = check_row(verify, &file, err);
		}
		why.code = 0;
	}
	return r;
}

static void value_free_p(sqlite3_value **value)
{
	sqlite3_value_free(*value);
}

static int each_domain(struct verify *verify, struct err *err)
{
	CLEANUP(value_free_p) sqlite3_value *value = NULL;
	struct backup_manifest *manifest = verify->reader.manifest;
	struct backup_file file;
	char quoted[400];
	int r;

	for (;;) {
		const char *domain;
		size_t len;

		r = cancel_check(verify->cancel, err);
		if (!r)
			r = manifest_domain_above(manifest, &value, err);
		if (r)
			return r == BACKUP_END ? 0 : r;
		domain = (const char *)sqlite3_value_text(value);
		len = (size_t)sqlite3_value_bytes(value);
		if (!domain || len > BACKUP_DOMAIN_LEN_MAX || !text_is_utf8(domain, len))
			continue; /* its rows have been reported */
		r = backup_manifest_find(manifest, domain, "", &file, err);
		if (r < 0)
			return r;
		if (r == BACKUP_ABSENT || (!r && !S_ISDIR(file.mode)))
			verify_broken(verify, PROMISE_ROOT_ROW, text_quote(domain, len, quoted),
				      r ? "has no root row" : "its root is no directory");
	}
}

int verify_rows(struct verify *verify, struct err *err)
{
	int r;

	verify->state.phase = "checking rows and contents";
	r = backup_manifest_count(verify->reader.manifest, &verify->state.files_total, err);
	if (r < 0)
		return r;
	r = each_row(verify, err);
	if (r < 0)
		return r;
	return each_domain(verify, err);
}
