/*
 * device_restore - a restore as the device plays it
 *
 * Checks first, like a device: state of this device, states and versions of the backup, password,
 * space.  Then contents come in batches, each proved by its digest where it has one, into a pack
 * and a table of their own; only when all of it is there does the device's table change.  An
 * interrupted restore leaves the device as it was. Keychain items that are ThisDeviceOnly stay
 * closed: the class keys 9 to 11 of the backup are hidden behind the old device's own key, so that
 * nothing here has to decide about them.
 */
#include "sim/device_restore.h"
#include "sim/mechanism.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- checks ---- */

static int check_device(struct sim_restore *restore, struct err *err)
{
	struct sim_run *run = &restore->run;
	struct sim_device *device = run->device;
	const struct sim_fault *fault = sim_faults_find(&device->faults, SIM_FAULT_ERROR_CODE);
	int r = sim_device_state(device, &restore->state, err);

	if (r < 0)
		return r;
	if (fault && sim_faults_take(&device->faults, fault, "ends with code %llu",
				     (unsigned long long)fault->number))
		return sim_run_fail(run, err, (int64_t)fault->number, "Simulated failure");
	if (restore->state.find_my_is_on)
		return sim_run_fail(run, err, SIM_CODE_FIND_MY, "Find My is on");
	if (!restore->state.setup_is_done && !restore->options->at_apps_and_data)
		return sim_run_fail(run, err, SIM_CODE_SETUP, "Setup is not finished");
	r = restore->state.setup_is_done ? 0 : sim_setup_to_pane(device, err);
	if (r > 0)
		return sim_run_fail(run, err, SIM_CODE_SETUP, "Setup offers no restore");
	return r;
}

static int check_status(struct sim_restore *restore, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(SIM_MANIFEST_PLIST_MAX);
	struct sim_run *run = &restore->run;
	struct backup_status status;
	bool is_there = false;
	char path[1024];
	double version;
	int r = sim_ask_small(run, sim_run_path(run, path, "Status.plist"), &bytes, &is_there, err);

	if (r < 0)
		return r;
	if (!is_there)
		return sim_run_fail(run, err, SIM_CODE_STATUS,
				    "Error reading status: no Status.plist");
	if (backup_status_read(&status, buf_slice(&bytes), err) != 0)
		return sim_run_fail(run, err, SIM_CODE_MALFORMED,
				    "Error reading status: malformed Status.plist");
	version = strtod(status.version, NULL);
	if (version < 2.4 || version >= 4.0)
		return sim_run_fail(run, err, SIM_CODE_VERSION, "Unsupported version of backup: %s",
				    status.version);
	if (status.snapshot_state != BACKUP_FINISHED)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Error reading backup properties: the backup is not finished");
	return 0;
}

static int check_properties(struct sim_restore *restore, struct err *err)
{
	const struct sim_identity *identity = &restore->run.device->identity;
	struct backup_properties *properties = &restore->properties;
	struct sim_run *run = &restore->run;
	uint32_t own = sim_version_number(identity->product_version);
	bool is_there = false;
	char path[1024];
	double version;
	int r = sim_ask_small(run, sim_run_path(run, path, "Manifest.plist"),
			      &restore->manifest_plist, &is_there, err);

	if (r < 0)
		return r;
	if (!is_there || restore->manifest_plist.len == 0)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Error reading backup properties: no Manifest.plist");
	if (backup_properties_read(properties, buf_slice(&restore->manifest_plist), err) != 0)
		return sim_run_fail(run, err, SIM_CODE_MALFORMED,
				    "Error reading backup properties: malformed Manifest.plist");
	version = strtod(properties->version, NULL);
	if (version < 3.0 || version >= 12.0)
		return sim_run_fail(run, err, SIM_CODE_VERSION, "Unsupported version of backup: %s",
				    properties->version);
	if (sim_version_number(properties->product_version) > own)
		return sim_run_fail(
			run, err, SIM_CODE_VERSION,
			"The backup was made by %s, which is newer than this device's %s",
			properties->product_version, identity->product_version);
	if (properties->required_version[0] &&
	    sim_version_number(properties->required_version) > own)
		return sim_run_fail(run, err, SIM_CODE_VERSION, "The backup needs at least %s",
				    properties->required_version);
	if (restore->state.encryption_is_forced && !properties->is_encrypted)
		return sim_run_fail(run, err, SIM_CODE_FORCED,
				    "The backup is not encrypted, and a profile forces that it is");
	/* the folder's name proves nothing: the backup itself says whose it is */
	restore->is_same_device = !strcmp(properties->udid, identity->udid);
	return 0;
}

static int open_keybag(struct sim_restore *restore, uint8_t manifest_key[BACKUP_KEY_LEN],
		       struct err *err)
{
	struct backup_properties *properties = &restore->properties;
	struct sim_run *run = &restore->run;
	int r;

	if (!restore->options->password || restore->options->password->len == 0)
		return sim_run_fail(run, err, SIM_CODE_PASSWORD, "Invalid password");
	if (!properties->has_keybag || !properties->has_manifest_key)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Error reading backup properties: encrypted without a keybag");
	r = backup_keybag_parse(&restore->bag, buf_slice(&properties->keybag), err);
	if (r < 0)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Error reading backup properties: damaged keybag");
	r = backup_keybag_unlock(restore->bag, restore->options->password, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return sim_run_fail(run, err, SIM_CODE_PASSWORD, "Invalid password");
	if (r == 0)
		r = backup_keybag_file_key(restore->bag,
					   slice_of(properties->manifest_key, BACKUP_FILE_KEY_LEN),
					   manifest_key, err);
	return r;
}

static int open_manifest(struct sim_restore *restore, struct err *err)
{
	struct sim_run *run = &restore->run;
	struct source *source = NULL;
	uint8_t key[BACKUP_KEY_LEN];
	char path[1024], local[SIM_FOLDER_MAX + 96];
	bool is_there = false;
	int r = restore->properties.is_encrypted ? open_keybag(restore, key, err) : 0;

	if (r < 0)
		return r;
	snprintf(local, sizeof(local), "%s/Manifest.db", run->scratch);
	r = sim_ask_file(run, sim_run_path(run, path, "Manifest.db"), local,
			 restore->properties.is_encrypted ? key : NULL, &is_there, err);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	if (!is_there || source_file_open(&source, local, err) < 0 ||
	    backup_manifest_open(&restore->manifest, source, err) < 0)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Error reading the backup's manifest");
	return 0;
}

static int walk(struct sim_restore *restore,
		int (*each)(struct sim_restore *restore, const struct backup_file *row,
			    struct err *err),
		struct err *err)
{
	struct backup_file row;
	int r = backup_manifest_rewind(restore->manifest, BACKUP_ORDER_STORED, NULL, err);

	while (r == 0 && (r = backup_manifest_next(restore->manifest, &row, err)) != BACKUP_END) {
		if (r < 0 || r == BACKUP_DAMAGED)
			return sim_run_fail(&restore->run, err, SIM_CODE_INCONSISTENT,
					    "Error reading the backup's manifest: damaged row");
		if (sim_restore_row_comes(restore, &row))
			r = each(restore, &row, err);
	}
	return r < 0 ? r : 0;
}

static int add_size(struct sim_restore *restore, const struct backup_file *row, struct err *err)
{
	(void)err;
	if (backup_file_is_regular(row))
		restore->bytes_total += row->size;
	return 0;
}

static int check_space(struct sim_restore *restore, struct err *err)
{
	struct sim_device *device = restore->run.device;
	const struct sim_fault *fault = sim_faults_find(&device->faults, SIM_FAULT_NO_SPACE);
	uint64_t have = restore->state.free_bytes;
	int r = walk(restore, add_size, err);

	if (r < 0)
		return r;
	if (fault && sim_faults_take(&device->faults, fault, "the device is full"))
		have = 0;
	if (restore->bytes_total > have)
		return sim_run_fail(&restore->run, err, SIM_CODE_NO_SPACE,
				    "Insufficient free disk space: %llu bytes needed, %llu free",
				    (unsigned long long)restore->bytes_total,
				    (unsigned long long)have);
	return 0;
}

/* RestoreDontCopyBackup false: the host keeps a copy, named as hosts name archived backups */
static int ask_copy(struct sim_restore *restore, struct err *err)
{
	struct sim_run *run = &restore->run;
	int64_t status = 0;
	time_t now = (time_t)run->now;
	struct tm tm;
	char name[256], stamp[32];
	int r;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	snprintf(name, sizeof(name), "%.100s-%s", run->folder, stamp);
	r = run->host->copy(run->host, run->folder, name, &status, err);
	if (r < 0)
		run->is_gone = true;
	if (r == SIM_HOST_ERROR)
		return sim_run_fail(run, err, SIM_CODE_INTERNAL,
				    "Error copying the backup: the host answered %lld",
				    (long long)status);
	return r;
}

/* what the observer hears of a try that the device ended itself */
static int note_refusal(struct sim_restore *restore, int64_t code, struct err *err)
{
	static const struct {
		int64_t code;
		const char *outcome;
	} outcomes[] = {
		{SIM_CODE_VERSION, "unsupported"}, {SIM_CODE_PASSWORD, "blocked"},
		{SIM_CODE_FIND_MY, "blocked"},     {SIM_CODE_SETUP, "not_offered"},
		{SIM_CODE_FORCED, "refused"},
	};
	char end[32]; /* of a Setup Assistant that waits before any pane */

	if (code == SIM_CODE_SETUP &&
	    sim_fact_get(restore->run.device, "setup/end", end, sizeof(end)))
		return sim_restore_note(restore->run.device, "blocked", "not_kept", err);
	for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++)
		if (code == outcomes[i].code)
			return sim_restore_note(restore->run.device, outcomes[i].outcome,
						"not_kept", err);
	return 0;
}

/* ---- the script ---- */

static int restore_script(struct sim_restore *restore, struct err *err)
{
	int r = check_device(restore, err);

	if (r == 0)
		r = check_status(restore, err);
	if (r == 0)
		r = check_properties(restore, err);
	if (r == 0)
		r = open_manifest(restore, err);
	if (r == 0)
		r = check_space(restore, err);
	if (r == 0 && restore->options->copy_first)
		r = ask_copy(restore, err);
	if (r == 0)
		r = sim_receive_open(restore, err);
	if (r == 0)
		r = walk(restore, sim_receive_row, err);
	if (r == 0)
		r = sim_receive_rest(restore, err);
	return r < 0 ? r : sim_restore_apply(restore, err);
}

int sim_device_restore(struct sim_device *device, struct sim_host *host, const char *source,
		       const struct sim_restore_options *options, struct sim_answer *answer,
		       struct err *err)
{
	struct sim_restore *restore = calloc(1, sizeof(*restore));
	int r;

	if (!restore)
		return err_no_memory(err);
	restore->options = options;
	restore->manifest_plist = BUF_INIT(SIM_MANIFEST_PLIST_MAX);
	backup_properties_init(&restore->properties);
	r = sim_run_open(&restore->run, device, host, source, answer, err);
	if (r == 0)
		r = restore_script(restore, err);
	if (restore->run.is_answered)
		note_refusal(restore, answer->code, NULL);
	backup_manifest_close_p(&restore->manifest);
	sim_files_close_p(&restore->staged);
	sim_pack_abandon_p(&restore->pack);
	sim_decryptor_free_p(&restore->decryptor);
	crypto_sha1_free(restore->sha1);
	backup_keybag_free_p(&restore->bag);
	backup_properties_clear(&restore->properties);
	buf_clear(&restore->manifest_plist);
	explicit_bzero(restore->batch, sizeof(restore->batch));
	r = sim_run_close(&restore->run, r, err);
	free(restore);
	return r;
}
