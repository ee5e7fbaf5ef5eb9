/*
 * device_backup - a backup as the device plays it
 *
 * The device is the one that acts: it looks at what the host has, sends what is new into
 * Snapshot/, moves it into place, removes what is no longer referenced and reads back what the host
 * stored.  Order and states: docs/protocol/device-link, "Backup, step by step".
 */
#include "sim/device_backup.h"
#include "sim/management.h"

#include <stdlib.h>
#include <string.h>

/* ---- states ---- */

int sim_backup_send_status(struct sim_backup *backup, enum backup_snapshot_state state,
			   struct err *err)
{
	char path[1024];
	int r;

	backup->status.snapshot_state = state;
	buf_truncate(&backup->status_plist, 0);
	r = backup_status_write(&backup->status, &backup->status_plist, err);
	if (r < 0)
		return r;
	return sim_send_bytes(&backup->run, "/var/mobile/Library/Backup/Status.plist",
			      sim_run_path(&backup->run, path, "Snapshot/Status.plist"),
			      buf_slice(&backup->status_plist), err);
}

static void status_make(struct sim_backup *backup)
{
	uint8_t uuid[16];

	sim_device_derive(backup->run.device, "status-uuid", backup->stage.run, uuid, sizeof(uuid));
	snprintf(backup->status.version, sizeof(backup->status.version), "3.3");
	snprintf(backup->status.backup_state, sizeof(backup->status.backup_state), "new");
	uuid_format(uuid, backup->status.uuid);
	backup->status.date = backup->run.now;
	backup->status.is_full = backup->stage.is_full;
}

/* ---- 8: the manifest ---- */

static int properties_make(struct sim_backup *backup, struct err *err)
{
	CLEANUP(backup_properties_clear) struct backup_properties properties;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct sim_device *device = backup->run.device;
	const struct sim_identity *identity = &device->identity;
	struct sim_state state;
	struct plist *more;
	int r;

	backup_properties_init(&properties);
	r = sim_device_state(device, &state, err);
	if (r == 0)
		r = plist_doc_new(&doc, err);
	if (r == 0 && backup->stage.is_encrypted) {
		r = sim_fact_blob(device, "keybag", &properties.keybag, err);
		properties.has_keybag = properties.has_manifest_key = true;
		memcpy(properties.manifest_key, backup->stage.manifest_blob,
		       sizeof(properties.manifest_key));
	}
	if (r != 0)
		return r < 0 ? r
			     : err_set(err, ERR_CORRUPT, "the device encrypts and has no keybag");
	snprintf(properties.version, sizeof(properties.version), "10.0");
	snprintf(properties.system_domains_version, sizeof(properties.system_domains_version),
		 "24.0");
	properties.date = backup->run.now;
	properties.is_encrypted = backup->stage.is_encrypted;
	properties.was_passcode_set = state.has_passcode;
	properties.is_simulated = true;
	snprintf(properties.udid, sizeof(properties.udid), "%s", identity->udid);
	snprintf(properties.serial, sizeof(properties.serial), "%s", identity->serial);
	snprintf(properties.device_name, sizeof(properties.device_name), "%s", identity->name);
	snprintf(properties.product_type, sizeof(properties.product_type), "%s",
		 identity->product_type);
	snprintf(properties.product_version, sizeof(properties.product_version), "%s",
		 identity->product_version);
	snprintf(properties.build, sizeof(properties.build), "%s", identity->build);
	more = plist_new_dict(doc);
	plist_set(doc, more, "Applications", sim_device_containers(device, doc));
	return backup_properties_write(&properties, more, &backup->manifest_plist, err);
}

static int send_manifest(struct sim_backup *backup, struct err *err)
{
	char path[1024];
	const uint8_t *key = backup->stage.is_encrypted ? backup->stage.manifest_key : NULL;
	int r = properties_make(backup, err);

	if (r == 0)
		r = sim_send_bytes(&backup->run, "/var/mobile/Library/Backup/Manifest.plist",
				   sim_run_path(&backup->run, path, "Snapshot/Manifest.plist"),
				   buf_slice(&backup->manifest_plist), err);
	if (r == 0)
		r = sim_send_file(&backup->run, "/var/mobile/Library/Backup/Manifest.db",
				  sim_run_path(&backup->run, path, "Snapshot/Manifest.db"),
				  backup->stage.manifest, key, backup->manifest_digest, err);
	return r;
}

/* ---- the script ---- */

static int64_t now_ms(void)
{
	return clock_mono_ms(clock_system());
}

static int stage_open(struct sim_backup *backup, struct err *err)
{
	struct sim_run *run = &backup->run;
	struct sim_stage *stage = &backup->stage;
	struct sim_state state;
	int r = sim_device_state(run->device, &state, err);

	if (r < 0)
		return r;
	if (state.encryption_is_forced && !state.will_encrypt)
		return sim_run_fail(run, err, SIM_CODE_FORCED,
				    "Encrypted Backup MDM setting present: a backup password must "
				    "be set first");
	stage->is_encrypted = state.will_encrypt;
	stage->run = (uint64_t)sim_fact_int(run->device, "backups_done", 0) + 1;
	snprintf(stage->manifest, sizeof(stage->manifest), "%s/Manifest.db", run->scratch);
	backup->names = calloc(2 * SIM_BACKUP_MOVE_COUNT, SIM_BACKUP_NAME_LEN);
	if (!backup->names)
		return err_no_memory(err);
	r = sim_list_new(&stage->todo, run->device, err);
	if (r == 0)
		r = sim_list_new(&stage->sent, run->device, err);
	if (r == 0)
		r = sim_list_new(&stage->gone, run->device, err);
	if (r == 0 && stage->is_encrypted)
		r = sim_keys_manifest(&run->keys, stage->run, stage->manifest_key,
				      stage->manifest_blob, err);
	if (r == 0)
		r = sim_keychain_export(run->device, stage->is_encrypted, err);
	/* one view of the files for the whole run, whatever ages meanwhile */
	return r < 0 ? r : sim_files_begin(run->files, false, err);
}

static int upload(struct sim_backup *backup, struct err *err)
{
	struct sim_run *run = &backup->run;
	int64_t before;
	char path[1024];
	int r;

	r = sim_ask_mkdir(run, run->folder, err);
	if (r == 0)
		r = sim_ask_mkdir(run, sim_run_path(run, path, "Snapshot"), err);
	if (r == 0)
		r = sim_backup_send_status(backup, BACKUP_UPLOADING, err);
	if (r == 0)
		r = sim_stage_send(run, &backup->stage, err);
	before = now_ms();
	if (r == 0)
		r = sim_stage_manifest(run, &backup->stage, err);
	backup->think_ms += now_ms() - before;
	run->progress = 94;
	return r < 0 ? r : send_manifest(backup, err);
}

/* what `show` tells of the last run; think_ms is the device's own time without the host's */
static int remember(struct sim_backup *backup, struct err *err)
{
	struct sim_device *device = backup->run.device;
	int r = sim_fact_put_int(device, "backups_done", (int64_t)backup->stage.run, err);

	if (r == 0)
		r = sim_fact_put_int(device, "last_backup/full", backup->stage.is_full, err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_backup/files",
				     (int64_t)backup->stage.upload_files, err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_backup/bytes",
				     (int64_t)backup->stage.upload_bytes, err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_backup/think_ms", backup->think_ms, err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_backup/total_ms", now_ms() - backup->started_ms,
				     err);
	return r;
}

static int backup_script(struct sim_backup *backup, bool is_full, struct err *err)
{
	struct sim_run *run = &backup->run;
	int64_t before;
	int r = stage_open(backup, err);

	if (r == 0)
		r = sim_backup_look(backup, is_full, err);
	if (r == 0)
		r = sim_backup_clear(backup, err);
	if (r < 0)
		return r;
	status_make(backup);
	before = now_ms();
	r = sim_stage_plan(run, &backup->stage, err);
	backup->think_ms += now_ms() - before;
	if (r == 0)
		r = sim_ask_space(run, backup->stage.upload_bytes, err);
	if (r == 0)
		r = upload(backup, err);
	if (r == 0)
		r = sim_backup_place(backup, err);
	return r < 0 ? r : remember(backup, err);
}

int sim_device_backup(struct sim_device *device, struct sim_host *host, const char *source,
		      bool is_full, struct sim_answer *answer, struct err *err)
{
	struct sim_backup *backup = calloc(1, sizeof(*backup));
	const struct sim_fault *fault = sim_faults_find(&device->faults, SIM_FAULT_ERROR_CODE);
	int r;

	if (!backup)
		return err_no_memory(err);
	backup->manifest_plist = backup->status_plist = BUF_INIT(SIM_BACKUP_PLIST_MAX);
	backup->started_ms = now_ms();
	r = sim_run_open(&backup->run, device, host, source, answer, err);
	if (r == 0 && fault &&
	    sim_faults_take(&device->faults, fault, "ends with code %llu",
			    (unsigned long long)fault->number))
		r = sim_run_fail(&backup->run, err, (int64_t)fault->number, "Simulated failure");
	if (r == 0)
		r = backup_script(backup, is_full, err);
	sim_list_free_p(&backup->stage.todo);
	sim_list_free_p(&backup->stage.sent);
	sim_list_free_p(&backup->stage.gone);
	buf_clear(&backup->manifest_plist);
	buf_clear(&backup->status_plist);
	free(backup->names);
	explicit_bzero(backup->stage.manifest_key, sizeof(backup->stage.manifest_key));
	r = sim_run_close(&backup->run, r, err);
	free(backup);
	return r;
}
