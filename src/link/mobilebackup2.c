/*
 * mobilebackup2 messages (10) on top of DeviceLink: a host's requests.
 *
 * Requests go out binary, as most hosts send them.
 */
#include <string.h>

#include "link/internal.h"

static int write_request(struct buf *out, struct plist_doc *doc, const struct plist *dict,
			 struct err *err)
{
	return link_dl_write_message(out, doc, dict, LINK_BINARY, err);
}

static struct plist *new_request(struct plist_doc *doc, const char *name, const char *target,
				 const char *source)
{
	struct plist *dict = plist_new_dict(doc);

	plist_set_text(doc, dict, "MessageName", name);
	plist_set_text(doc, dict, "TargetIdentifier", target);
	if (source)
		plist_set_text(doc, dict, "SourceIdentifier", source);
	return dict;
}

int link_mb_hello(struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *dict, *versions;
	int r;

	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	versions = plist_new_array(doc);
	plist_add(doc, versions, plist_new_real(doc, 2.0));
	plist_add(doc, versions, plist_new_real(doc, 2.1));
	dict = plist_new_dict(doc);
	plist_set_text(doc, dict, "MessageName", "Hello");
	plist_set(doc, dict, "SupportedProtocolVersions", versions);
	return write_request(out, doc, dict, err);
}

int link_mb_backup(struct buf *out, const char *target, const char *source, bool is_full,
		   struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *dict, *options;
	int r;

	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	dict = new_request(doc, "Backup", target, source);
	if (is_full) {
		options = plist_new_dict(doc);
		plist_set_bool(doc, options, "ForceFullBackup", true);
		plist_set(doc, dict, "Options", options);
	}
	return write_request(out, doc, dict, err);
}

/* ---- requests that carry a password ---- */

static int check_password(const struct secret *password, struct err *err)
{
	if (!password)
		return 0;
	if (password->len == 0)
		return err_set(err, ERR_PASSWORD, "the backup password is empty");
	if (!text_is_utf8((const char *)password->bytes, password->len))
		return err_set(err, ERR_PASSWORD, "the backup password is not UTF-8 text");
	return 0;
}

/*
 * Room for a whole request, so that @out does not move while the password is written and leave a
 * copy of it in freed memory.  A binary plist takes up to two bytes for each byte of UTF-8; the
 * keys and the frame are within the constant.
 */
static int reserve_request(struct buf *out, const char *target, const char *source,
			   const struct secret *first, const struct secret *second, struct err *err)
{
	size_t texts = strlen(target) + (source ? strlen(source) : 0) + (first ? first->len : 0) +
		       (second ? second->len : 0);

	return buf_reserve(out, 1024 + 2 * texts, err);
}

static struct plist password_entry(const struct secret *password, const char *key,
				   const struct plist *next)
{
	return node_keyed(node_string(secret_slice(password), next), key);
}

static struct plist *restore_options(struct plist_doc *doc,
				     const struct link_restore_options *options)
{
	struct plist *dict = plist_new_dict(doc);

	plist_set_bool(doc, dict, "RestoreSystemFiles", options->system_files);
	plist_set_bool(doc, dict, "RestoreShouldReboot", options->should_reboot);
	plist_set_bool(doc, dict, "RestoreDontCopyBackup", options->dont_copy);
	plist_set_bool(doc, dict, "RestorePreserveSettings", options->preserve_settings);
	plist_set_bool(doc, dict, "RemoveItemsNotRestored", options->remove_not_restored);
	return dict;
}

int link_mb_restore(struct buf *out, const char *target, const char *source,
		    const struct link_restore_options *options, const struct secret *password,
		    struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *built, *built_options, entry, all, dict, options_entry;
	int r;

	r = check_password(password, err);
	if (r < 0)
		return r;
	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	r = reserve_request(out, target, source ? source : target, password, NULL, err);
	if (r < 0)
		return r;
	built = new_request(doc, "Restore", target, source ? source : target);
	built_options = restore_options(doc, options);
	if (!built || !built_options)
		return err_no_memory(err);
	all = node_value(built_options, NULL);
	if (password) {
		entry = password_entry(password, "Password", all.as.items.first);
		all = node_items(PLIST_DICT, &entry, 1 + all.as.items.count);
	}
	options_entry = node_keyed(all, "Options");
	options_entry.next = built->as.items.first;
	dict = node_items(PLIST_DICT, &options_entry, 1 + built->as.items.count);
	return write_request(out, doc, &dict, err);
}

int link_mb_change_password(struct buf *out, const char *target, const struct secret *old_password,
			    const struct secret *new_password, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *built, old_entry, new_entry, dict;
	int r;

	if (!old_password && !new_password)
		return err_set(err, ERR_USAGE, "neither an old nor a new backup password");
	r = check_password(old_password, err);
	if (r == 0)
		r = check_password(new_password, err);
	if (r < 0)
		return r;
	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	r = reserve_request(out, target, NULL, old_password, new_password, err);
	if (r < 0)
		return r;
	built = new_request(doc, "ChangePassword", target, NULL);
	if (!built)
		return err_no_memory(err);
	dict = node_value(built, NULL);
	if (new_password) {
		new_entry = password_entry(new_password, "NewPassword", dict.as.items.first);
		dict = node_items(PLIST_DICT, &new_entry, 1 + dict.as.items.count);
	}
	if (old_password) {
		old_entry = password_entry(old_password, "OldPassword", dict.as.items.first);
		dict = node_items(PLIST_DICT, &old_entry, 1 + dict.as.items.count);
	}
	return write_request(out, doc, &dict, err);
}
