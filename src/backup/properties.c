/*
 * Manifest.plist: what a backup says of itself (docs/format/ios-backup, 3)
 */
#include "backup/internal.h"

#include <string.h>

void backup_properties_init(struct backup_properties *properties)
{
	memset(properties, 0, sizeof(*properties));
	properties->keybag = BUF_INIT(BACKUP_KEYBAG_LEN_MAX);
}

void backup_properties_clear(struct backup_properties *properties)
{
	buf_wipe(&properties->keybag);
	backup_properties_init(properties);
}

static int read_keys(struct backup_properties *p, const struct plist *dict, struct err *err)
{
	struct slice data;
	int r;

	p->has_keybag = plist_get_data(dict, "BackupKeyBag", &data) && data.len;
	if (p->has_keybag) {
		r = buf_append_slice(&p->keybag, data, err);
		if (r < 0)
			return err_wrap(err, r, "BackupKeyBag");
	}
	if (!plist_get_data(dict, "ManifestKey", &data))
		return 0;
	if (data.len != BACKUP_FILE_KEY_LEN)
		return err_set(err, ERR_CORRUPT, "ManifestKey has %zu bytes instead of %d",
			       data.len, BACKUP_FILE_KEY_LEN);
	memcpy(p->manifest_key, data.bytes, data.len);
	p->has_manifest_key = true;
	return 0;
}

static int read_fields(struct backup_properties *p, const struct plist *dict, struct err *err)
{
	const struct plist *lockdown = plist_get_dict(dict, "Lockdown");
	int r;

	if ((r = backup_copy_version(dict, "Version", p->version, sizeof(p->version), err)) < 0 ||
	    (r = backup_copy_version(dict, "SystemDomainsVersion", p->system_domains_version,
				     sizeof(p->system_domains_version), err)) < 0 ||
	    (r = backup_copy_text(dict, "RequiredProductVersion", p->required_version,
				  sizeof(p->required_version), err)) < 0 ||
	    (r = backup_copy_text(lockdown, "UniqueDeviceID", p->udid, sizeof(p->udid), err)) < 0 ||
	    (r = backup_copy_text(lockdown, "SerialNumber", p->serial, sizeof(p->serial), err)) <
		    0 ||
	    (r = backup_copy_text(lockdown, "ProductType", p->product_type, sizeof(p->product_type),
				  err)) < 0 ||
	    (r = backup_copy_text(lockdown, "ProductVersion", p->product_version,
				  sizeof(p->product_version), err)) < 0 ||
	    (r = backup_copy_text(lockdown, "BuildVersion", p->build, sizeof(p->build), err)) < 0 ||
	    (r = read_keys(p, dict, err)) < 0)
		return r;
	backup_cut_text(lockdown, "DeviceName", p->device_name, sizeof(p->device_name));
	(void)plist_get_date(dict, "Date", &p->date);
	(void)plist_get_bool(dict, "IsEncrypted", &p->is_encrypted);
	(void)plist_get_bool(dict, "WasPasscodeSet", &p->was_passcode_set);
	(void)plist_get_bool(dict, BACKUP_SIMULATED_KEY, &p->is_simulated);
	return 0;
}

int backup_properties_read(struct backup_properties *properties, struct slice bytes,
			   struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(backup_properties_clear) struct backup_properties read;
	const struct plist *dict = NULL;
	int r;

	backup_properties_init(&read);
	if ((r = plist_doc_new(&doc, err)) < 0 ||
	    (r = backup_parse_dict(doc, bytes, "Manifest.plist", &dict, err)) < 0)
		return r;
	r = read_fields(&read, dict, err);
	if (r < 0)
		return err_wrap(err, r, "Manifest.plist");
	backup_properties_clear(properties);
	*properties = read;
	backup_properties_init(&read);
	return 0;
}

static void set_text(struct plist_doc *doc, struct plist *dict, const char *key, const char *text)
{
	if (text[0])
		plist_set_text(doc, dict, key, text);
}

/* What @more holds beyond the keys that @dict has by now, copied. */
static void add_more(struct plist_doc *doc, struct plist *dict, const struct plist *more)
{
	const struct plist *value;

	if (!more || more->type != PLIST_DICT)
		return;
	for (value = more->as.items.first; value; value = value->next)
		if (!plist_get(dict, value->key))
			plist_set_len(doc, dict, value->key, value->key_len,
				      plist_copy(doc, value));
}

static struct plist *make_lockdown(struct plist_doc *doc, const struct backup_properties *p,
				   const struct plist *more)
{
	struct plist *lockdown = plist_new_dict(doc);

	set_text(doc, lockdown, "BuildVersion", p->build);
	set_text(doc, lockdown, "DeviceName", p->device_name);
	set_text(doc, lockdown, "ProductType", p->product_type);
	set_text(doc, lockdown, "ProductVersion", p->product_version);
	set_text(doc, lockdown, "SerialNumber", p->serial);
	set_text(doc, lockdown, "UniqueDeviceID", p->udid);
	add_more(doc, lockdown, plist_get_dict(more, "Lockdown"));
	return lockdown;
}

int backup_properties_write(const struct backup_properties *properties, const struct plist *more,
			    struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *dict;
	int r;

	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	dict = plist_new_dict(doc);
	if (properties->has_keybag)
		plist_set_data(doc, dict, "BackupKeyBag", buf_slice(&properties->keybag));
	plist_set_text(doc, dict, "Version", properties->version);
	plist_set_date(doc, dict, "Date", properties->date);
	if (properties->has_manifest_key)
		plist_set_data(doc, dict, "ManifestKey",
			       slice_of(properties->manifest_key, BACKUP_FILE_KEY_LEN));
	plist_set_text(doc, dict, "SystemDomainsVersion", properties->system_domains_version);
	plist_set_bool(doc, dict, "WasPasscodeSet", properties->was_passcode_set);
	plist_set(doc, dict, "Lockdown", make_lockdown(doc, properties, more));
	plist_set_bool(doc, dict, "IsEncrypted", properties->is_encrypted);
	set_text(doc, dict, "RequiredProductVersion", properties->required_version);
	if (properties->is_simulated)
		plist_set_bool(doc, dict, BACKUP_SIMULATED_KEY, true);
	add_more(doc, dict, more);
	r = plist_write_binary(doc, dict, out, err);
	return r < 0 ? err_wrap(err, r, "write Manifest.plist") : 0;
}
