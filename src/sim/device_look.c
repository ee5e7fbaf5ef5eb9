/*
 * device_look - what the host has of this device: can a backup go on from there?
 *
 * Only a finished backup of this very device, readable with its own keys, is continued; anything
 * else is replaced by a full one.
 */
#include "sim/device_backup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- 1, 2: what the host has ---- */

static int check_status(struct sim_backup *backup, struct slice bytes, bool *is_usable,
			struct err *err)
{
	struct backup_status status;
	double version;

	*is_usable = false;
	if (bytes.len == 0 || backup_status_read(&status, bytes, err) != 0)
		return sim_run_fail(&backup->run, err, SIM_CODE_MALFORMED,
				    "Error reading status: malformed Status.plist");
	version = strtod(status.version, NULL);
	if (version < 2.4 || version >= 4.0)
		return sim_run_fail(&backup->run, err, SIM_CODE_VERSION,
				    "Unsupported version of backup: %s", status.version);
	if (strcmp(status.backup_state, "empty") && strcmp(status.backup_state, "old") &&
	    strcmp(status.backup_state, "new"))
		return sim_run_fail(&backup->run, err, SIM_CODE_MALFORMED,
				    "Invalid backup state: %s", status.backup_state);
	*is_usable =
		status.snapshot_state == BACKUP_FINISHED && strcmp(status.backup_state, "empty");
	return 0;
}

/* is the host's manifest one that this device can go on from? */
static bool properties_fit(struct sim_backup *backup, const struct backup_properties *properties,
			   uint8_t key[BACKUP_KEY_LEN])
{
	const struct sim_identity *identity = &backup->run.device->identity;
	double version = strtod(properties->version, NULL);

	if (strcmp(properties->udid, identity->udid) ||
	    strcmp(properties->serial, identity->serial))
		return false;
	if (version < 9.0 || version >= 12.0 ||
	    properties->is_encrypted != backup->stage.is_encrypted)
		return false;
	if (!backup->stage.is_encrypted)
		return true;
	return properties->has_manifest_key &&
	       sim_keys_open(&backup->run.keys,
			     slice_of(properties->manifest_key, sizeof(properties->manifest_key)),
			     key, NULL) == 0;
}

static bool manifest_is_readable(const struct sim_stage *stage)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct source *source = NULL;
	uint64_t rows = 0;

	return source_file_open(&source, stage->manifest, NULL) == 0 &&
	       backup_manifest_open(&manifest, source, NULL) == 0 &&
	       backup_manifest_count(manifest, &rows, NULL) == 0 && rows > 0;
}

/* download the last manifest; *is_usable false: all must be sent */
static int fetch_manifest(struct sim_backup *backup, bool *is_usable, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(SIM_BACKUP_PLIST_MAX);
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	uint8_t key[BACKUP_KEY_LEN];
	char path[1024];
	bool is_there = false;
	int r;

	backup_properties_init(&properties);
	*is_usable = false;
	r = sim_ask_small(&backup->run, sim_run_path(&backup->run, path, "Manifest.plist"), &bytes,
			  &is_there, err);
	if (r < 0 || !is_there || bytes.len == 0)
		return r;
	if (backup_properties_read(&properties, buf_slice(&bytes), NULL) != 0 ||
	    !properties_fit(backup, &properties, key))
		return 0;
	r = sim_ask_file(&backup->run, sim_run_path(&backup->run, path, "Manifest.db"),
			 backup->stage.manifest, backup->stage.is_encrypted ? key : NULL, &is_there,
			 err);
	explicit_bzero(key, sizeof(key));
	*is_usable = r == 0 && is_there && manifest_is_readable(&backup->stage);
	return r;
}

int sim_backup_look(struct sim_backup *backup, bool is_full, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(SIM_BACKUP_PLIST_MAX);
	char path[1024];
	bool is_there = false, is_usable = false;
	int r;

	r = sim_ask_small(&backup->run, sim_run_path(&backup->run, path, "Status.plist"), &bytes,
			  &is_there, err);
	if (r == 0 && is_there)
		r = check_status(backup, buf_slice(&bytes), &is_usable, err);
	if (r == 0 && is_usable && !is_full)
		r = fetch_manifest(backup, &is_usable, err);
	backup->stage.is_full = is_full || !is_usable;
	if (backup->stage.is_full)
		unlink(backup->stage.manifest);
	return r;
}

/* ---- 3: its folder ---- */

static int note_entry(void *arg, const struct sim_entry *entry)
{
	struct sim_backup *backup = arg;
	uint8_t first;

	if (entry->is_directory && !strcmp(entry->name, "Snapshot"))
		backup->has_snapshot = true;
	if (entry->is_directory && hex_decode(entry->name, &first, 1))
		backup->stage.has_folder[first / 8] |= (uint8_t)(1u << first % 8);
	return 0;
}

static int note_nothing(void *arg, const struct sim_entry *entry)
{
	(void)arg;
	(void)entry;
	return 0;
}

/* a half-made Snapshot is dropped: what it holds cannot be told from what was torn */
int sim_backup_clear(struct sim_backup *backup, struct err *err)
{
	char path[1024];
	const char *name = path;
	int r = sim_ask_contents(&backup->run, backup->run.folder, note_entry, backup, err);

	if (r < 0 || !backup->has_snapshot)
		return r;
	sim_run_path(&backup->run, path, "Snapshot");
	r = sim_ask_contents(&backup->run, path, note_nothing, NULL, err);
	return r < 0 ? r : sim_ask_remove(&backup->run, &name, 1, err);
}
