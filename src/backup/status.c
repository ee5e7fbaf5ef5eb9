/*
 * Status.plist (4) and what we show of Info.plist (2): docs/format/ios-backup
 */
#include "backup/internal.h"

#include <string.h>

static const char *const state_names[] = {
	[BACKUP_UPLOADING] = "uploading",
	[BACKUP_MOVING] = "moving",
	[BACKUP_REMOVING] = "removing",
	[BACKUP_FINISHED] = "finished",
};

static enum backup_snapshot_state state_from(const char *text)
{
	size_t i;

	for (i = BACKUP_UPLOADING; text && i < ARRAY_COUNT(state_names); i++)
		if (!strcmp(text, state_names[i]))
			return (enum backup_snapshot_state)i;
	return BACKUP_STATE_UNKNOWN;
}

int backup_status_read(struct backup_status *status, struct slice bytes, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct backup_status read = {.date = 0};
	const struct plist *dict = NULL;
	int r;

	if ((r = plist_doc_new(&doc, err)) < 0 ||
	    (r = backup_parse_dict(doc, bytes, "Status.plist", &dict, err)) < 0)
		return r;
	if ((r = backup_copy_version(dict, "Version", read.version, sizeof(read.version), err)) <
		    0 ||
	    (r = backup_copy_text(dict, "UUID", read.uuid, sizeof(read.uuid), err)) < 0 ||
	    (r = backup_copy_text(dict, "BackupState", read.backup_state, sizeof(read.backup_state),
				  err)) < 0)
		return err_wrap(err, r, "Status.plist");
	(void)plist_get_date(dict, "Date", &read.date);
	(void)plist_get_bool(dict, "IsFullBackup", &read.is_full);
	read.snapshot_state = state_from(plist_get_text(dict, "SnapshotState"));
	*status = read;
	return 0;
}

int backup_status_write(const struct backup_status *status, struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *dict;
	int r;

	if (status->snapshot_state == BACKUP_STATE_UNKNOWN ||
	    (size_t)status->snapshot_state >= ARRAY_COUNT(state_names))
		return err_set(err, ERR_USAGE, "Status.plist: no such state");
	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	dict = plist_new_dict(doc);
	plist_set_text(doc, dict, "UUID", status->uuid);
	plist_set_bool(doc, dict, "IsFullBackup", status->is_full);
	plist_set_text(doc, dict, "Version", status->version);
	plist_set_text(doc, dict, "BackupState", status->backup_state);
	plist_set_date(doc, dict, "Date", status->date);
	plist_set_text(doc, dict, "SnapshotState", state_names[status->snapshot_state]);
	r = plist_write_binary(doc, dict, out, err);
	return r < 0 ? err_wrap(err, r, "write Status.plist") : 0;
}

static size_t count_of(const struct plist *items)
{
	return items ? items->as.items.count : 0;
}

int backup_info_read(struct backup_info *info, struct slice bytes, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct backup_info read = {.last_backup = 0};
	const struct plist *dict = NULL;
	int r;

	if ((r = plist_doc_new(&doc, err)) < 0 ||
	    (r = backup_parse_dict(doc, bytes, "Info.plist", &dict, err)) < 0)
		return r;
	/* Written by hosts and only shown: what is too long is cut. */
	backup_cut_text(dict, plist_get_text(dict, "Device Name") ? "Device Name" : "Display Name",
			read.name, sizeof(read.name));
	backup_cut_text(dict,
			plist_get_text(dict, "Target Identifier") ? "Target Identifier"
								  : "Unique Identifier",
			read.udid, sizeof(read.udid));
	backup_cut_text(dict, "Serial Number", read.serial, sizeof(read.serial));
	backup_cut_text(dict, "Product Type", read.product_type, sizeof(read.product_type));
	backup_cut_text(dict, "Product Version", read.product_version,
			sizeof(read.product_version));
	backup_cut_text(dict, "Build Version", read.build, sizeof(read.build));
	backup_cut_text(dict, "IMEI", read.imei, sizeof(read.imei));
	backup_cut_text(dict, "Phone Number", read.phone, sizeof(read.phone));
	(void)plist_get_date(dict, "Last Backup Date", &read.last_backup);
	read.application_count = count_of(plist_get_array(dict, "Installed Applications"));
	if (!read.application_count)
		read.application_count = count_of(plist_get_dict(dict, "Applications"));
	*info = read;
	return 0;
}
