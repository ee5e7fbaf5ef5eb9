/*
 * The promises of Manifest.plist, Status.plist and Info.plist
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backup/keybag.h"
#include "backup/verify.h"

/*
 * The dictionary in @name.  0, or 1 when there is none: that has been reported.
 * @bytes holds the file; the dictionary lives in verify->doc.
 */
static int load(struct verify *verify, enum promise promise, const char *name,
		const struct plist **dict, struct err *err)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF_INIT(BACKUP_PLIST_LEN_MAX);
	struct err why = ERR_INIT;
	int r;

	r = backup_tree_read(verify->tree, name, &bytes, &why);
	if (r == BACKUP_ABSENT) {
		verify_broken(verify, promise, name, "is missing");
		return 1;
	}
	plist_doc_reset(verify->doc);
	if (!r)
		r = backup_parse_dict(verify->doc, buf_slice(&bytes), name, dict, &why);
	if (r < 0 && verify_is_fatal(r))
		return err_set(err, r, "%s", why.text);
	if (r < 0) {
		verify_broken(verify, promise, name, "%s", why.text);
		return 1;
	}
	return 0;
}

/* "10.0": digits, a dot, one digit. */
static bool is_version(const char *text)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;

	return digits >= 1 && digits <= 3 && text[digits] == '.' &&
	       isdigit((unsigned char)text[digits + 1]) && !text[digits + 2];
}

static void check_version(struct verify *verify, enum promise promise, const struct plist *dict,
			  const char *key)
{
	const char *text = plist_get_text(dict, key);
	char quoted[400];

	if (is_version(text))
		return;
	if (!text)
		verify_broken(verify, promise, "Manifest.plist", "%s is %s", key,
			      plist_get(dict, key) ? "no string" : "missing");
	else
		verify_broken(verify, promise, "Manifest.plist", "%s is %s", key,
			      text_quote(text, strlen(text), quoted));
}

static void check_classes(struct verify *verify)
{
	uint32_t damaged = verify->reader.bag ? keybag_damaged(verify->reader.bag) : 0;
	unsigned i;

	for (i = 0; damaged >> i; i++)
		if (damaged >> i & 1)
			verify_broken(verify, PROMISE_KEYBAG, "Manifest.plist",
				      "BackupKeyBag: the key of class %u does not open", i);
}

static void check_encryption(struct verify *verify)
{
	const struct backup_properties *properties = &verify->reader.properties;

	if (!verify->reader.has_properties || !properties->is_encrypted)
		return;
	if (!verify->reader.bag)
		verify_broken(verify, PROMISE_KEYBAG, "Manifest.plist",
			      "BackupKeyBag is missing or damaged");
	check_classes(verify);
	if (!properties->has_manifest_key)
		verify_broken(verify, PROMISE_MANIFEST_KEY, "Manifest.plist",
			      "no ManifestKey: iOS before 10.2, or rewritten by another tool");
}

static int verify_manifest_plist(struct verify *verify, struct err *err)
{
	const struct plist *dict = NULL;
	int r;

	r = load(verify, PROMISE_MANIFEST_PLIST, "Manifest.plist", &dict, err);
	if (r)
		return r < 0 ? r : 0;
	if (!verify->reader.has_properties)
		verify_broken(verify, PROMISE_MANIFEST_PLIST, "Manifest.plist",
			      "a key of it is damaged or too long");
	/* A number is accepted for the one, never for the other. */
	if (!plist_get(dict, "Version") || plist_get(dict, "Version")->type == PLIST_STRING)
		check_version(verify, PROMISE_MANIFEST_PLIST_VERSION, dict, "Version");
	check_version(verify, PROMISE_SYSTEM_DOMAINS_VERSION, dict, "SystemDomainsVersion");
	if (!plist_get_text(plist_get_dict(dict, "Lockdown"), "UniqueDeviceID"))
		verify_broken(verify, PROMISE_DEVICE_NAMED, "Manifest.plist",
			      "Lockdown has no UniqueDeviceID");
	check_encryption(verify);
	return 0;
}

static void check_status_version(struct verify *verify, const struct plist *dict)
{
	const char *text = plist_get_text(dict, "Version");
	char quoted[400];
	double version;

	if (!text) {
		verify_broken(verify, PROMISE_STATUS_VERSION, "Status.plist", "Version is missing");
		return;
	}
	/* the form is checked first: strtod would take a locale's comma, or "nan" */
	version = is_version(text) ? strtol(text, NULL, 10) + (text[strlen(text) - 1] - '0') / 10.0
				   : 0;
	if (version < 2.35 || version > 3.95)
		verify_broken(verify, PROMISE_STATUS_VERSION, "Status.plist", "Version is %s",
			      text_quote(text, strlen(text), quoted));
}

static int verify_status_plist(struct verify *verify, struct err *err)
{
	const struct plist *dict = NULL;
	const char *state, *snapshot;
	char quoted[400];
	int r;

	r = load(verify, PROMISE_STATUS_PLIST, "Status.plist", &dict, err);
	if (r)
		return r < 0 ? r : 0;
	check_status_version(verify, dict);
	state = plist_get_text(dict, "BackupState");
	if (!state || (strcmp(state, "empty") && strcmp(state, "old") && strcmp(state, "new")))
		verify_broken(verify, PROMISE_STATUS_STATE, "Status.plist", "BackupState is %s",
			      state ? text_quote(state, strlen(state), quoted) : "missing");
	snapshot = plist_get_text(dict, "SnapshotState");
	if (!snapshot || strcmp(snapshot, "finished"))
		verify_broken(verify, PROMISE_STATUS_FINISHED, "Status.plist",
			      "SnapshotState is %s: the run did not finish",
			      snapshot ? text_quote(snapshot, strlen(snapshot), quoted)
				       : "missing");
	return 0;
}

static int verify_info_plist(struct verify *verify, struct err *err)
{
	const struct plist *dict = NULL;
	const char *udid;
	char quoted[400];
	int r;

	r = load(verify, PROMISE_INFO_PLIST, "Info.plist", &dict, err);
	if (r)
		return r < 0 ? r : 0;
	udid = plist_get_text(dict, "Target Identifier");
	if (!udid)
		udid = plist_get_text(dict, "Unique Identifier");
	if (udid && verify->reader.properties.udid[0] &&
	    strcasecmp(udid, verify->reader.properties.udid))
		verify_broken(verify, PROMISE_INFO_AGREES, "Info.plist",
			      "names the device %s, Manifest.plist %s",
			      text_quote(udid, strlen(udid), quoted),
			      verify->reader.properties.udid);
	return 0;
}

int verify_plists(struct verify *verify, struct err *err)
{
	int r;

	if ((r = verify_manifest_plist(verify, err)) < 0 ||
	    (r = verify_status_plist(verify, err)) < 0)
		return r;
	return verify_info_plist(verify, err);
}
