/*
 * device_backup - a backup as the device plays it
 *
 * The device is the one that acts: it looks at what the host has, sends what is new into
 * Snapshot/, moves it into place, removes what is no longer referenced and reads back what the host
 * stored.  Order and states: docs/protocol/device-link, "Backup, step by step".
 */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MOVE_COUNT = 500, /* items in a move or removal */
	NAME_LEN = 256,
	PLIST_LEN_MAX = 64 << 20,
};

/** struct backup_run - the script's own memory */
struct backup_run {
	struct sim_run run;
	struct sim_stage stage;
	struct backup_status status;
	struct buf manifest_plist, status_plist; /* as sent */
	uint8_t manifest_digest[BACKUP_DIGEST_LEN];
	bool has_snapshot; /* the host still has a Snapshot of an interrupted run */
	int64_t started_ms, think_ms;
	/* a batch of names for moves and removals */
	char (*names)[NAME_LEN];
	const char *pointers[2 * MOVE_COUNT];
	size_t count;
};

/* ---- 1, 2: what the host has ---- */

static int check_status(struct backup_run *backup, struct slice bytes, bool *is_usable,
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
static bool properties_fit(struct backup_run *backup, const struct backup_properties *properties,
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
static int fetch_manifest(struct backup_run *backup, bool *is_usable, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(PLIST_LEN_MAX);
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

static int look_at_host(struct backup_run *backup, bool is_full, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(PLIST_LEN_MAX);
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
	struct backup_run *backup = arg;
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
static int clear_snapshot(struct backup_run *backup, struct err *err)
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

/* ---- names in batches ---- */

static int flush_moves(struct backup_run *backup, struct err *err)
{
	size_t count = backup->count;

	backup->count = 0;
	return count == 0 ? 0 : sim_ask_move(&backup->run, backup->pointers, count / 2, err);
}

static int flush_removals(struct backup_run *backup, struct err *err)
{
	size_t count = backup->count;

	backup->count = 0;
	return count == 0 ? 0 : sim_ask_remove(&backup->run, backup->pointers, count, err);
}

static void name_add(struct backup_run *backup, const char *part, const char *file_id)
{
	char *name = backup->names[backup->count];

	if (file_id)
		snprintf(name, NAME_LEN, "%s/%s%.2s/%s", backup->run.folder, part, file_id,
			 file_id);
	else
		snprintf(name, NAME_LEN, "%s/%s", backup->run.folder, part);
	backup->pointers[backup->count++] = name;
}

/* ---- states ---- */

static int send_status(struct backup_run *backup, enum backup_snapshot_state state, struct err *err)
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

static void status_make(struct backup_run *backup)
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

static int properties_make(struct backup_run *backup, struct err *err)
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

static int send_manifest(struct backup_run *backup, struct err *err)
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

/* ---- 10, 11: into place ---- */

static int make_folder(struct backup_run *backup, uint8_t first, struct err *err)
{
	char path[1024];

	if (backup->stage.has_folder[first / 8] & (1u << first % 8))
		return 0;
	backup->stage.has_folder[first / 8] |= (uint8_t)(1u << first % 8);
	return sim_ask_mkdir(&backup->run, sim_run_path(&backup->run, path, "%02x", first), err);
}

static int move_contents(struct backup_run *backup, struct err *err)
{
	struct sim_item item;
	char file_id[41];
	int r = sim_list_rewind(backup->stage.sent, err);

	while (r == 0 && (r = sim_list_next(backup->stage.sent, &item, err)) == 0) {
		if (item.action & SIM_ITEM_FAILED)
			continue;
		hex_encode(item.file_id, sizeof(item.file_id), file_id);
		r = make_folder(backup, item.file_id[0], err);
		if (r < 0)
			return r;
		name_add(backup, "Snapshot/", file_id);
		name_add(backup, "", file_id);
		if (backup->count == 2 * MOVE_COUNT)
			r = flush_moves(backup, err);
	}
	return r < 0 ? r : flush_moves(backup, err);
}

static int removal_add(struct backup_run *backup, const char *file_id, struct err *err)
{
	name_add(backup, "", file_id);
	return backup->count == MOVE_COUNT ? flush_removals(backup, err) : 0;
}

/** struct leftovers - file names of one hh folder that the new manifest does not name */
struct leftovers {
	struct backup_run *backup;
	struct sim_list *list;
	struct err *err;
	int failure;
};

static int note_leftover(void *arg, const struct sim_entry *entry)
{
	struct leftovers *leftovers = arg;
	struct sim_item item = {0};
	struct sim_file file;
	int r;

	if (!backup_file_id_is_valid(entry->name))
		return 0;
	r = sim_files_find(leftovers->backup->run.files, entry->name, &file, leftovers->err);
	if (r == 0 && backup_file_is_regular(&file.row))
		return 0;
	hex_decode(entry->name, item.file_id, sizeof(item.file_id));
	item.action = SIM_ITEM_SEND;
	leftovers->failure = r < 0 ? r : sim_list_add(leftovers->list, &item, leftovers->err);
	return leftovers->failure;
}

/* a full run over an older backup: whatever the host has and the new manifest lacks must go */
static int find_leftovers(struct backup_run *backup, const uint8_t had_folder[32], struct err *err)
{
	struct leftovers leftovers = {backup, backup->stage.gone, err, 0};
	char path[1024];
	int r = 0;

	for (unsigned first = 0; r == 0 && first < 256; first++) {
		if (!(had_folder[first / 8] & (1u << first % 8)))
			continue;
		r = sim_ask_contents(&backup->run, sim_run_path(&backup->run, path, "%02x", first),
				     note_leftover, &leftovers, err);
		if (leftovers.failure < 0) {
			backup->run.is_gone = false; /* our own trouble, not the host's */
			return leftovers.failure;
		}
	}
	return r;
}

static int remove_gone(struct backup_run *backup, struct err *err)
{
	struct sim_item item;
	char file_id[41];
	int r;

	if (sim_list_count(backup->stage.gone) == 0)
		return 0;
	r = send_status(backup, BACKUP_REMOVING, err);
	if (r == 0)
		r = sim_list_rewind(backup->stage.gone, err);
	while (r == 0 && (r = sim_list_next(backup->stage.gone, &item, err)) == 0) {
		if (!(item.action & SIM_ITEM_SEND))
			continue; /* a folder or link has no content file */
		hex_encode(item.file_id, sizeof(item.file_id), file_id);
		r = removal_add(backup, file_id, err);
	}
	return r < 0 ? r : flush_removals(backup, err);
}

/* ---- 12, 13: the new backup becomes the backup ---- */

static int publish(struct backup_run *backup, struct err *err)
{
	int r = send_status(backup, BACKUP_FINISHED, err);

	if (r < 0)
		return r;
	name_add(backup, "Snapshot/Manifest.plist", NULL);
	name_add(backup, "Manifest.plist", NULL);
	name_add(backup, "Snapshot/Manifest.db", NULL);
	name_add(backup, "Manifest.db", NULL);
	r = flush_moves(backup, err);
	if (r < 0)
		return r;
	name_add(backup, "Snapshot/Status.plist", NULL);
	name_add(backup, "Status.plist", NULL);
	r = flush_moves(backup, err);
	if (r < 0)
		return r;
	name_add(backup, "Snapshot", NULL);
	return flush_removals(backup, err);
}

/* ---- 14: what did the host really store? ---- */

static int verify_bytes(struct backup_run *backup, const char *name, const struct buf *sent,
			struct err *err)
{
	CLEANUP(buf_clear) struct buf stored = BUF_INIT(PLIST_LEN_MAX);
	bool is_there = false;
	char path[1024];
	int r = sim_ask_small(&backup->run, sim_run_path(&backup->run, path, "%s", name), &stored,
			      &is_there, err);

	if (r < 0)
		return r;
	if (!is_there || !slice_equal(buf_slice(&stored), buf_slice(sent)))
		return sim_run_fail(
			&backup->run, err, is_there ? SIM_CODE_INCONSISTENT : SIM_CODE_STATUS,
			"Error reading backup properties: %s is not what was sent", name);
	return 0;
}

static int verify(struct backup_run *backup, struct err *err)
{
	uint8_t digest[BACKUP_DIGEST_LEN];
	bool is_there = false;
	char path[1024];
	int r = verify_bytes(backup, "Status.plist", &backup->status_plist, err);

	if (r == 0)
		r = verify_bytes(backup, "Manifest.plist", &backup->manifest_plist, err);
	if (r == 0)
		r = sim_ask_digest(&backup->run, sim_run_path(&backup->run, path, "Manifest.db"),
				   digest, &is_there, err);
	if (r < 0)
		return r;
	if (!is_there || memcmp(digest, backup->manifest_digest, sizeof(digest)) != 0)
		return sim_run_fail(
			&backup->run, err, SIM_CODE_INCONSISTENT,
			"Error reading backup properties: Manifest.db is not what was sent");
	return 0;
}

/* ---- the script ---- */

static int64_t now_ms(void)
{
	return clock_mono_ms(clock_system());
}

static int stage_open(struct backup_run *backup, struct err *err)
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
	backup->names = calloc(2 * MOVE_COUNT, NAME_LEN);
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
	/* one view of the files for the whole run, whatever ages meanwhile */
	return r < 0 ? r : sim_files_begin(run->files, false, err);
}

static int upload(struct backup_run *backup, struct err *err)
{
	struct sim_run *run = &backup->run;
	int64_t before;
	char path[1024];
	int r;

	r = sim_ask_mkdir(run, run->folder, err);
	if (r == 0)
		r = sim_ask_mkdir(run, sim_run_path(run, path, "Snapshot"), err);
	if (r == 0)
		r = send_status(backup, BACKUP_UPLOADING, err);
	if (r == 0)
		r = sim_stage_send(run, &backup->stage, err);
	before = now_ms();
	if (r == 0)
		r = sim_stage_manifest(run, &backup->stage, err);
	backup->think_ms += now_ms() - before;
	run->progress = 94;
	return r < 0 ? r : send_manifest(backup, err);
}

static int put_into_place(struct backup_run *backup, struct err *err)
{
	uint8_t had_folder[32];
	int r = send_status(backup, BACKUP_MOVING, err);

	memcpy(had_folder, backup->stage.has_folder, sizeof(had_folder));
	backup->run.progress = 96;
	if (r == 0)
		r = move_contents(backup, err);
	if (r == 0 && backup->stage.is_full)
		r = find_leftovers(backup, had_folder, err);
	if (r == 0)
		r = remove_gone(backup, err);
	backup->run.progress = 98;
	if (r == 0)
		r = publish(backup, err);
	backup->run.progress = 100;
	return r < 0 ? r : verify(backup, err);
}

/* what `show` tells of the last run; think_ms is the device's own time without the host's */
static int remember(struct backup_run *backup, struct err *err)
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

static int backup_script(struct backup_run *backup, bool is_full, struct err *err)
{
	struct sim_run *run = &backup->run;
	int64_t before;
	int r = stage_open(backup, err);

	if (r == 0)
		r = look_at_host(backup, is_full, err);
	if (r == 0)
		r = clear_snapshot(backup, err);
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
		r = put_into_place(backup, err);
	return r < 0 ? r : remember(backup, err);
}

int sim_device_backup(struct sim_device *device, struct sim_host *host, const char *source,
		      bool is_full, struct sim_answer *answer, struct err *err)
{
	struct backup_run *backup = calloc(1, sizeof(*backup));
	const struct sim_fault *fault = sim_faults_find(&device->faults, SIM_FAULT_ERROR_CODE);
	int r;

	if (!backup)
		return err_no_memory(err);
	backup->manifest_plist = backup->status_plist = BUF_INIT(PLIST_LEN_MAX);
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
