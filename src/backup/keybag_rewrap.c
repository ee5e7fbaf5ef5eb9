/*
 * Another password for a backup that lies on a disk (docs/format/ios-backup, 7.8)
 *
 * Only what the password wraps is wrapped anew: the class keys stay, and with them every file's
 * key and content.  Keys that are for their device too (WRAP 3) are carried over as they come
 * out, still hidden behind the device.  The bag keeps its length, order and unknown members.
 */
#include "backup/keybag.h"

#include <stdlib.h>
#include <string.h>

/** struct rewrap - a copy of the bag being changed; slices and pointers lead into it */
struct rewrap {
	struct slice salt, dpsl;
	uint32_t iter, dpic;
	uint8_t old_kek[BACKUP_KEY_LEN], new_kek[BACKUP_KEY_LEN];
	size_t opened, damaged;
};

static void rewrap_clear(struct rewrap *rewrap)
{
	explicit_bzero(rewrap, sizeof(*rewrap));
}

static bool next_member(struct reader *in, char tag[5], struct slice *value)
{
	struct slice name;
	uint32_t len;

	if (!reader_slice(in, 4, &name) || !reader_u32be(in, &len) || !reader_slice(in, len, value))
		return false;
	memcpy(tag, name.bytes, 4);
	tag[4] = '\0';
	return true;
}

/* The bag has been parsed, so lengths are as they should be. */
static void read_header(struct rewrap *rewrap, struct reader in)
{
	struct slice value;
	unsigned uuids = 0;
	char tag[5];

	while (uuids < 2 && next_member(&in, tag, &value)) {
		if (!strcmp(tag, "UUID"))
			uuids++;
		else if (!strcmp(tag, "SALT"))
			rewrap->salt = value;
		else if (!strcmp(tag, "DPSL"))
			rewrap->dpsl = value;
		else if (!strcmp(tag, "ITER"))
			rewrap->iter = get_u32be(value.bytes);
		else if (!strcmp(tag, "DPIC"))
			rewrap->dpic = get_u32be(value.bytes);
	}
}

/* One wrapped key, where it lies. */
static int rewrap_key(struct rewrap *rewrap, uint8_t *wrapped, struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN];
	int r;

	r = crypto_unwrap(rewrap->old_kek, wrapped, key, err);
	if (r == CRYPTO_BAD_TAG) {
		rewrap->damaged++;
		return 0;
	}
	rewrap->opened += !r;
	if (!r)
		r = crypto_wrap(rewrap->new_kek, key, wrapped, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

/** struct group - the class at hand: members may come in any order */
struct group {
	uint32_t wrap;
	uint8_t *wrapped;
};

static int group_end(struct rewrap *rewrap, struct group *group, struct err *err)
{
	int r = 0;

	if (group->wrapped && group->wrap & KEYBAG_WRAP_PASSWORD)
		r = rewrap_key(rewrap, group->wrapped, err);
	*group = (struct group){0};
	return r;
}

static int rewrap_groups(struct rewrap *rewrap, struct buf *blob, struct err *err)
{
	struct reader in = reader_of(buf_slice(blob));
	struct group group = {0};
	struct slice value;
	unsigned uuids = 0;
	char tag[5];
	int r = 0;

	while (!r && next_member(&in, tag, &value)) {
		if (!strcmp(tag, "UUID"))
			r = uuids++ ? group_end(rewrap, &group, err) : 0;
		else if (uuids > 1 && !strcmp(tag, "WRAP") && value.len == 4)
			group.wrap = get_u32be(value.bytes);
		else if (uuids > 1 && !strcmp(tag, "WPKY") && value.len == CRYPTO_WRAPPED_LEN)
			group.wrapped = blob->bytes + (value.bytes - blob->bytes);
	}
	return r ? r : group_end(rewrap, &group, err);
}

static int new_salt(struct buf *blob, struct slice salt, struct entropy *entropy, struct err *err)
{
	return salt.len ? entropy->fill(entropy, blob->bytes + (salt.bytes - blob->bytes), salt.len,
					err)
			: 0;
}

/* Derive from the old password, put new salts in place, derive from the new one. */
static int derive_both(struct rewrap *rewrap, struct buf *blob, const struct secret *old_password,
		       const struct secret *new_password, struct entropy *entropy, struct err *err)
{
	int r;

	read_header(rewrap, reader_of(buf_slice(blob)));
	if ((r = keybag_derive(old_password, rewrap->dpsl, rewrap->dpic, rewrap->salt, rewrap->iter,
			       rewrap->old_kek, err)) < 0 ||
	    (r = new_salt(blob, rewrap->dpsl, entropy, err)) < 0 ||
	    (r = new_salt(blob, rewrap->salt, entropy, err)) < 0)
		return r;
	return keybag_derive(new_password, rewrap->dpsl, rewrap->dpic, rewrap->salt, rewrap->iter,
			     rewrap->new_kek, err);
}

int keybag_rewrap(struct buf *blob, const struct secret *old_password,
		  const struct secret *new_password, struct entropy *entropy, struct err *err)
{
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	CLEANUP(rewrap_clear) struct rewrap rewrap = {.opened = 0};
	int r;

	if (!new_password->len)
		return err_set(err, ERR_USAGE, "an empty password protects nothing");
	if ((r = backup_keybag_parse(&bag, buf_slice(blob), err)) < 0 ||
	    (r = derive_both(&rewrap, blob, old_password, new_password, entropy, err)) < 0 ||
	    (r = rewrap_groups(&rewrap, blob, err)) < 0)
		return r;
	if (!rewrap.opened && rewrap.damaged) {
		err_set(err, ERR_PASSWORD, "the backup password is wrong");
		return BACKUP_WRONG_PASSWORD;
	}
	if (rewrap.damaged || !rewrap.opened)
		return err_set(err, ERR_CORRUPT,
			       "%zu of the keybag's keys do not open: its password stays as it is",
			       rewrap.damaged);
	return 0;
}

/* ---- Manifest.plist ---- */

/* The same list with another bag, in the same form and order. */
static int write_list(const struct plist *dict, struct slice old, struct slice bag, struct buf *out,
		      struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *value;
	struct plist *copy;
	int r;

	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	copy = plist_new_dict(doc);
	for (value = dict->as.items.first; value; value = value->next)
		plist_set_len(doc, copy, value->key, value->key_len,
			      strcmp(value->key, "BackupKeyBag") ? plist_copy(doc, value)
								 : plist_new_data(doc, bag));
	return old.len > 6 && !memcmp(old.bytes, "bplist", 6)
		       ? plist_write_binary(doc, copy, out, err)
		       : plist_write_xml(doc, copy, out, err);
}

int backup_password_change(struct slice manifest_plist, const struct secret *old_password,
			   const struct secret *new_password, struct entropy *entropy,
			   struct buf *out, struct err *err)
{
	CLEANUP(buf_wipe) struct buf bag = BUF_INIT(BACKUP_KEYBAG_LEN_MAX);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *dict = NULL;
	struct slice blob;
	bool is_encrypted = false;
	int r;

	if ((r = plist_doc_new(&doc, err)) < 0 ||
	    (r = backup_parse_dict(doc, manifest_plist, "Manifest.plist", &dict, err)) < 0)
		return r;
	plist_get_bool(dict, "IsEncrypted", &is_encrypted);
	if (!is_encrypted || !plist_get_data(dict, "BackupKeyBag", &blob))
		return err_set(err, ERR_USAGE, "the backup is not encrypted: it has no password");
	r = buf_append_slice(&bag, blob, err);
	if (!r)
		r = keybag_rewrap(&bag, old_password, new_password, entropy, err);
	return r ? r : write_list(dict, manifest_plist, buf_slice(&bag), out, err);
}

int backup_password_change_folder(const char *path, const struct secret *old_password,
				  const struct secret *new_password, struct entropy *entropy,
				  struct err *err)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(buf_wipe)
	struct buf bytes = BUF_INIT(BACKUP_PLIST_LEN_MAX), out = BUF_INIT(BACKUP_PLIST_LEN_MAX);
	CLEANUP(free_p) char *name = NULL;
	struct fs *fs = fs_system();
	struct stat st;
	int r;

	r = backup_tree_folder(&tree, path, err);
	if (!r)
		r = backup_tree_read(tree, "Manifest.plist", &bytes, err);
	if (r == BACKUP_ABSENT)
		return err_set(err, ERR_CORRUPT, "the backup has no Manifest.plist");
	if (!r)
		r = backup_password_change(buf_slice(&bytes), old_password, new_password, entropy,
					   &out, err);
	if (r)
		return r;
	if (asprintf(&name, "%s/Manifest.plist", path) < 0) {
		name = NULL;
		return err_no_memory(err);
	}
	r = fs->stat(fs, name, &st);
	if (r < 0)
		return err_set_errno(err, -r, "stat %s", name);
	return fs_write_file(fs, name, buf_slice(&out), st.st_mode & 07777, err);
}
