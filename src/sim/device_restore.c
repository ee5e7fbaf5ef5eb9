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
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BATCH_COUNT = 512,
	BATCH_BYTES = 32 << 20,
	NAME_LEN = 192,
	PLIST_LEN_MAX = 256 << 20,
	PATH_TOO_LONG = 998,
	CODE_MALFORMED = 11,
	CODE_INTERNAL = 100,
	CODE_STATUS = 103,
	CODE_NO_SPACE = 105,
	CODE_VERSION = 203,
	CODE_INCONSISTENT = 205,
	CODE_PASSWORD = 207,
	CODE_FIND_MY = 211,
	CODE_SETUP = 212,
};

/** struct wanted - one content of the batch under way */
struct wanted {
	int64_t id; /* staged row */
	char name[NAME_LEN];
	uint8_t key[BACKUP_KEY_LEN], digest[BACKUP_DIGEST_LEN];
	bool has_key, has_digest;
};

/** struct restore - the script's memory; one batch, never the table */
struct restore {
	struct sim_sink sink; /* first: the host hands it back */
	struct sim_run run;
	const struct sim_restore_options *options;
	struct sim_state state;
	struct backup_properties properties;
	struct backup_keybag *bag;
	struct backup_manifest *manifest;
	struct sim_files *staged;
	struct sim_pack *pack;
	struct buf manifest_plist;
	bool is_same_device;
	uint64_t bytes_total, bytes_done, files_done;
	/* the batch */
	struct wanted batch[BATCH_COUNT];
	const char *names[BATCH_COUNT];
	size_t count;
	uint64_t bytes;
	/* the file that is coming in */
	size_t at;
	uint64_t start;
	struct sim_decryptor *decryptor;
	struct crypto_sha1 *sha1;
	uint64_t missing, wrong;
	char first_trouble[256];
};

/* ---- checks ---- */

static int check_device(struct restore *restore, struct err *err)
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
		return sim_run_fail(run, err, CODE_FIND_MY, "Find My is on");
	if (!restore->state.setup_is_done && !restore->options->at_apps_and_data)
		return sim_run_fail(run, err, CODE_SETUP, "Setup is not finished");
	return 0;
}

static int check_status(struct restore *restore, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(PLIST_LEN_MAX);
	struct sim_run *run = &restore->run;
	struct backup_status status;
	bool is_there = false;
	char path[1024];
	double version;
	int r = sim_ask_small(run, sim_run_path(run, path, "Status.plist"), &bytes, &is_there, err);

	if (r < 0)
		return r;
	if (!is_there)
		return sim_run_fail(run, err, CODE_STATUS, "Error reading status: no Status.plist");
	if (backup_status_read(&status, buf_slice(&bytes), err) != 0)
		return sim_run_fail(run, err, CODE_MALFORMED,
				    "Error reading status: malformed Status.plist");
	version = strtod(status.version, NULL);
	if (version < 2.4 || version >= 4.0)
		return sim_run_fail(run, err, CODE_VERSION, "Unsupported version of backup: %s",
				    status.version);
	if (status.snapshot_state != BACKUP_FINISHED)
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Error reading backup properties: the backup is not finished");
	return 0;
}

static int check_properties(struct restore *restore, struct err *err)
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
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Error reading backup properties: no Manifest.plist");
	if (backup_properties_read(properties, buf_slice(&restore->manifest_plist), err) != 0)
		return sim_run_fail(run, err, CODE_MALFORMED,
				    "Error reading backup properties: malformed Manifest.plist");
	version = strtod(properties->version, NULL);
	if (version < 3.0 || version >= 12.0)
		return sim_run_fail(run, err, CODE_VERSION, "Unsupported version of backup: %s",
				    properties->version);
	if (sim_version_number(properties->product_version) > own)
		return sim_run_fail(
			run, err, CODE_VERSION,
			"The backup was made by %s, which is newer than this device's %s",
			properties->product_version, identity->product_version);
	if (properties->required_version[0] &&
	    sim_version_number(properties->required_version) > own)
		return sim_run_fail(run, err, CODE_VERSION, "The backup needs at least %s",
				    properties->required_version);
	/* the folder's name proves nothing: the backup itself says whose it is */
	restore->is_same_device = !strcmp(properties->udid, identity->udid);
	return 0;
}

static int open_keybag(struct restore *restore, uint8_t manifest_key[BACKUP_KEY_LEN],
		       struct err *err)
{
	struct backup_properties *properties = &restore->properties;
	struct sim_run *run = &restore->run;
	int r;

	if (!restore->options->password || restore->options->password->len == 0)
		return sim_run_fail(run, err, CODE_PASSWORD, "Invalid password");
	if (!properties->has_keybag || !properties->has_manifest_key)
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Error reading backup properties: encrypted without a keybag");
	r = backup_keybag_parse(&restore->bag, buf_slice(&properties->keybag), err);
	if (r < 0)
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Error reading backup properties: damaged keybag");
	r = backup_keybag_unlock(restore->bag, restore->options->password, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return sim_run_fail(run, err, CODE_PASSWORD, "Invalid password");
	if (r == 0)
		r = backup_keybag_file_key(restore->bag,
					   slice_of(properties->manifest_key, BACKUP_FILE_KEY_LEN),
					   manifest_key, err);
	return r;
}

static int open_manifest(struct restore *restore, struct err *err)
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
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Error reading the backup's manifest");
	return 0;
}

/* ---- which rows come back ---- */

static bool domain_is(const char *domain, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(domain, names[i], strlen(names[i])))
			return true;
	return false;
}

/* without RestoreSystemFiles: apps and media; settings, profiles and keychain stay away */
static bool domain_comes(const struct restore *restore, const char *domain)
{
	static const char *const always[] = {"AppDomain-",       "AppDomainGroup-",
					     "AppDomainPlugin-", "CameraRollDomain",
					     "MediaDomain",      "BooksDomain"};

	return restore->options->system_files || domain_is(domain, always, ARRAY_COUNT(always));
}

static bool is_at_or_below(const char *path, const char *entry)
{
	size_t len = strlen(entry);

	return !strncmp(path, entry, len) && (path[len] == 0 || path[len] == '/');
}

/* what only the device that made it may have back (RelativePathsNotToMigrate) */
static bool stays_behind(const struct backup_file *row)
{
	static const struct {
		const char *domain, *path;
	} entries[] = {
		{"HomeDomain", "Library/DataAccess/DeviceSpecificInfo.plist"},
		{"HomeDomain", "Library/Preferences/com.apple.GMM.plist"},
		{"HomeDomain", "Library/Preferences/com.apple.MobileBluetooth.devices.plist"},
		{"HomeDomain", "Library/Preferences/com.apple.MobileBluetooth.security.plist"},
		{"HomeDomain", "Library/Preferences/com.apple.MobileBluetooth.services.plist"},
		{"HomeDomain", "Library/WebKit/Form Values"},
		{"DatabaseDomain", "lsd/com.apple.lsdidentifiers.plist"},
		{"WirelessDomain", "Library/Logs/IQAgent"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
		if (!strcmp(row->domain, entries[i].domain) &&
		    is_at_or_below(row->path, entries[i].path))
			return true;
	return false;
}

/* RestorePreserveSettings: the device's own settings win over the backup's */
static bool is_kept_setting(struct restore *restore, const struct backup_file *row)
{
	struct sim_file own;
	bool is_setting = (!strcmp(row->domain, "HomeDomain") &&
			   is_at_or_below(row->path, "Library/Preferences")) ||
			  !strcmp(row->domain, "SystemPreferencesDomain");

	return restore->options->preserve_settings && is_setting && backup_file_is_regular(row) &&
	       sim_files_find(restore->run.files, row->file_id, &own, NULL) == 0;
}

static bool row_comes(struct restore *restore, const struct backup_file *row)
{
	if (!domain_comes(restore, row->domain) || strlen(row->path) >= PATH_TOO_LONG)
		return false;
	if (row->path[0] && path_check_relative(row->path, strlen(row->path), NULL) != 0)
		return false;
	if (!restore->is_same_device && stays_behind(row))
		return false;
	return !is_kept_setting(restore, row);
}

/* ---- contents coming in ---- */

static int to_pack(void *arg, struct slice plain, struct err *err)
{
	struct restore *restore = arg;

	return sim_pack_append(restore->pack, plain, err);
}

static int sink_begin(struct sim_sink *sink, const char *path, struct err *err)
{
	struct restore *restore = (struct restore *)sink;
	struct wanted *wanted = &restore->batch[restore->at];

	if (restore->at >= restore->count || strcmp(path, wanted->name))
		return err_set(err, ERR_PROTOCOL,
			       "the host sends %.200s, which was not asked for next", path);
	restore->start = sim_pack_len(restore->pack);
	crypto_sha1_reset(restore->sha1);
	return wanted->has_key ? sim_decryptor_start(restore->decryptor, wanted->key, err) : 0;
}

static int sink_bytes(struct sim_sink *sink, struct slice bytes, struct err *err)
{
	struct restore *restore = (struct restore *)sink;
	struct wanted *wanted = &restore->batch[restore->at];

	if (wanted->has_digest)
		crypto_sha1_update(restore->sha1, bytes);
	if (wanted->has_key)
		return sim_decryptor_update(restore->decryptor, bytes, err);
	return sim_pack_append(restore->pack, bytes, err);
}

static void trouble(struct restore *restore, uint64_t *counter, const char *name, const char *what)
{
	if (restore->missing + restore->wrong == 0)
		snprintf(restore->first_trouble, sizeof(restore->first_trouble), "%s: %.80s", name,
			 what);
	(*counter)++;
}

static int staged_finish(struct restore *restore, int64_t id, struct err *err)
{
	struct sim_file file;
	int r = sim_files_get(restore->staged, id, &file, err);

	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "a staged row vanished");
	file.offset = restore->start;
	file.row.size = file.stored_len = sim_pack_len(restore->pack) - restore->start;
	file.pack = file.stored_len > 0 ? sim_pack_number(restore->pack) : 0;
	restore->bytes_done += file.row.size;
	restore->files_done++;
	return sim_files_update(restore->staged, &file, err);
}

static int sink_end(struct sim_sink *sink, const char *path, const char *error, struct err *err)
{
	struct restore *restore = (struct restore *)sink;
	struct wanted *wanted = &restore->batch[restore->at];
	uint8_t digest[CRYPTO_SHA1_LEN];
	int r = 0;

	if (restore->at >= restore->count || strcmp(path, wanted->name))
		return err_set(err, ERR_PROTOCOL, "the host ends %.200s, which did not begin",
			       path);
	restore->at++;
	if (error) {
		trouble(restore, &restore->missing, wanted->name, error);
		return 0;
	}
	if (wanted->has_key && sim_decryptor_finish(restore->decryptor, NULL) < 0) {
		trouble(restore, &restore->wrong, wanted->name, "not whole blocks");
		return 0;
	}
	if (wanted->has_digest) {
		crypto_sha1_final(restore->sha1, digest);
		if (memcmp(digest, wanted->digest, sizeof(digest)) != 0) {
			trouble(restore, &restore->wrong, wanted->name, "digest mismatch");
			return 0;
		}
	}
	r = staged_finish(restore, wanted->id, err);
	return r;
}

static int fetch_batch(struct restore *restore, struct err *err)
{
	struct sim_run *run = &restore->run;
	int64_t status = 0;
	int r;

	if (restore->count == 0)
		return 0;
	restore->at = 0;
	run->progress = 100.0 * (double)restore->bytes_done / (double)(restore->bytes_total + 1);
	r = run->host->download(run->host, restore->names, restore->count, run->progress,
				&restore->sink, &status, err);
	if (r < 0) {
		run->is_gone = true;
		return r;
	}
	if (restore->missing > 0)
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Multiple errors downloading files: %s",
				    restore->first_trouble);
	if (restore->wrong > 0)
		return sim_run_fail(run, err, CODE_INCONSISTENT, "Backup is damaged: %s",
				    restore->first_trouble);
	if (r == SIM_HOST_ERROR || restore->at != restore->count)
		return sim_run_fail(run, err, CODE_INCONSISTENT,
				    "Multiple errors downloading files: the host answered %lld",
				    (long long)status);
	restore->count = 0;
	restore->bytes = 0;
	return 0;
}

static int batch_add(struct restore *restore, const struct backup_file *row, int64_t id,
		     struct err *err)
{
	struct wanted *wanted = &restore->batch[restore->count];
	int r;

	*wanted = (struct wanted){.id = id};
	snprintf(wanted->name, sizeof(wanted->name), "%s/%.2s/%s", restore->run.folder,
		 row->file_id, row->file_id);
	if (restore->properties.is_encrypted && row->key.len > 0) {
		r = backup_keybag_file_key(restore->bag, row->key, wanted->key, err);
		if (r < 0)
			return sim_run_fail(&restore->run, err, CODE_INCONSISTENT,
					    "Invalid key of %s", wanted->name);
		wanted->has_key = true;
	}
	if (row->digest.len == sizeof(wanted->digest)) {
		memcpy(wanted->digest, row->digest.bytes, sizeof(wanted->digest));
		wanted->has_digest = true;
	}
	restore->names[restore->count++] = wanted->name;
	restore->bytes += row->size;
	if (restore->count == BATCH_COUNT || restore->bytes >= BATCH_BYTES)
		return fetch_batch(restore, err);
	return 0;
}

static int stage_row(struct restore *restore, const struct backup_file *row, struct err *err)
{
	struct sim_file file = {.row = *row};
	int r;

	/* the row is borrowed from the manifest: stage it before the next question */
	if (backup_file_is_regular(row))
		file.kind = sim_kind_of_path(row->path);
	file.content = get_u64be(
		(const uint8_t *)row->file_id); /* what ages later needs a number of its own */
	r = sim_files_insert(restore->staged, &file, err);
	if (r < 0 || !backup_file_is_regular(row))
		return r;
	return batch_add(restore, row, file.id, err);
}

/* @each for every row that comes back */
static int walk(struct restore *restore,
		int (*each)(struct restore *restore, const struct backup_file *row,
			    struct err *err),
		struct err *err)
{
	struct backup_file row;
	int r = backup_manifest_rewind(restore->manifest, BACKUP_ORDER_STORED, NULL, err);

	while (r == 0 && (r = backup_manifest_next(restore->manifest, &row, err)) != BACKUP_END) {
		if (r < 0 || r == BACKUP_DAMAGED)
			return sim_run_fail(&restore->run, err, CODE_INCONSISTENT,
					    "Error reading the backup's manifest: damaged row");
		if (row_comes(restore, &row))
			r = each(restore, &row, err);
	}
	return r < 0 ? r : 0;
}

static int add_size(struct restore *restore, const struct backup_file *row, struct err *err)
{
	(void)err;
	if (backup_file_is_regular(row))
		restore->bytes_total += row->size;
	return 0;
}

static int check_space(struct restore *restore, struct err *err)
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
		return sim_run_fail(&restore->run, err, CODE_NO_SPACE,
				    "Insufficient free disk space: %llu bytes needed, %llu free",
				    (unsigned long long)restore->bytes_total,
				    (unsigned long long)have);
	return 0;
}

/* RestoreDontCopyBackup false: the host keeps a copy, named as hosts name archived backups */
static int ask_copy(struct restore *restore, struct err *err)
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
		return sim_run_fail(run, err, CODE_INTERNAL,
				    "Error copying the backup: the host answered %lld",
				    (long long)status);
	return r;
}

/* ---- the end: the staged table becomes the device's ---- */

static int apply_row(struct restore *restore, const struct sim_file *staged, struct err *err)
{
	struct sim_files *files = restore->run.files;
	struct sim_file file = *staged, own;
	int r = sim_files_find(files, staged->row.file_id, &own, err);

	if (r < 0)
		return r;
	if (r == SIM_FILES_ABSENT)
		return sim_files_insert(files, &file, err);
	file.id = own.id;
	file.revision = own.revision + 1;
	return sim_files_update(files, &file, err);
}

static int remove_others(struct restore *restore, struct err *err)
{
	CLEANUP(sim_list_free_p) struct sim_list *list = NULL;
	struct sim_files *files = restore->run.files;
	struct sim_file own, staged;
	struct sim_item item;
	int r = sim_list_new(&list, restore->run.device, err);

	if (r == 0)
		r = sim_files_rewind(files, SIM_FILES_BORN, err);
	while (r == 0 && (r = sim_files_next(files, &own, err)) == 0) {
		if (!domain_comes(restore, own.row.domain) || is_kept_setting(restore, &own.row))
			continue;
		r = sim_files_find(restore->staged, own.row.file_id, &staged, err);
		item = (struct sim_item){.id = own.id};
		if (r == SIM_FILES_ABSENT)
			r = sim_list_add(list, &item, err);
	}
	if (r >= 0)
		r = sim_list_rewind(list, err);
	while (r == 0 && (r = sim_list_next(list, &item, err)) == 0)
		r = sim_files_remove(files, item.id, err);
	return r < 0 ? r : 0;
}

/* the host brings the apps back by RestoreApplications.plist; the home screen knows them by their
 * containers */
static int restore_apps(struct restore *restore, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	const struct plist *root, *apps;
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = plist_parse(doc, buf_slice(&restore->manifest_plist), &limits, &root, err);
	if (r < 0)
		return r;
	apps = plist_get_dict(root, "Applications");
	for (const struct plist *app = apps ? apps->as.items.first : NULL; app && r == 0;
	     app = app->next) {
		const char *bundle = plist_get_text(app, "CFBundleIdentifier"),
			   *version = plist_get_text(app, "CFBundleVersion");
		const char *content_class = plist_get_text(app, "ContainerContentClass");
		struct sim_app one = {.version = "1.0"};

		if (!bundle || strlen(bundle) >= sizeof(one.bundle) ||
		    (content_class && strcmp(content_class, "Data/Application")))
			continue;
		snprintf(one.bundle, sizeof(one.bundle), "%s", bundle);
		snprintf(one.name, sizeof(one.name), "%.127s", bundle);
		if (version)
			snprintf(one.version, sizeof(one.version), "%.31s", version);
		r = sim_app_put(restore->run.device, &one, err);
	}
	return r;
}

static int remember(struct restore *restore, struct err *err)
{
	struct sim_device *device = restore->run.device;
	int r = sim_fact_put_int(device, "restores_done",
				 sim_fact_int(device, "restores_done", 0) + 1, err);

	if (r == 0)
		r = sim_fact_put(device, "last_restore/source", restore->properties.udid, err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_restore/same_device", restore->is_same_device,
				     err);
	if (r == 0)
		r = sim_fact_put_int(device, "last_restore/files", (int64_t)restore->files_done,
				     err);
	if (r == 0 && restore->options->should_reboot)
		r = sim_fact_put_int(device, "reboots", sim_fact_int(device, "reboots", 0) + 1,
				     err);
	return r;
}

static int apply(struct restore *restore, struct err *err)
{
	struct sim_files *files = restore->run.files;
	struct sim_file staged;
	int r = sim_pack_finish(&restore->pack, err);

	if (r == 0)
		r = sim_files_begin(files, true, err);
	if (r == 0)
		r = sim_files_rewind(restore->staged, SIM_FILES_BORN, err);
	while (r == 0 && (r = sim_files_next(restore->staged, &staged, err)) == 0)
		r = apply_row(restore, &staged, err);
	if (r >= 0)
		r = restore->options->remove_not_restored ? remove_others(restore, err) : 0;
	if (r == 0)
		r = sim_files_commit(files, err);
	if (r == 0)
		r = restore_apps(restore, err);
	if (r == 0)
		r = sim_packs_sweep(restore->run.device, files, err);
	return r < 0 ? r : remember(restore, err);
}

/* ---- the script ---- */

static int staging_open(struct restore *restore, struct err *err)
{
	char path[SIM_FOLDER_MAX + 96];
	int r;

	snprintf(path, sizeof(path), "%s/staged.db", restore->run.scratch);
	r = sim_files_open_at(&restore->staged, path, err);
	if (r == 0)
		r = sim_files_index(restore->staged, err);
	if (r == 0)
		r = sim_files_begin(restore->staged, true, err);
	if (r == 0)
		r = sim_pack_new(&restore->pack, restore->run.device, err);
	if (r == 0)
		r = sim_decryptor_new(&restore->decryptor, to_pack, restore, err);
	return r < 0 ? r : crypto_sha1_new(&restore->sha1, err);
}

static int restore_script(struct restore *restore, struct err *err)
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
		r = staging_open(restore, err);
	if (r == 0)
		r = walk(restore, stage_row, err);
	if (r == 0)
		r = fetch_batch(restore, err);
	return r < 0 ? r : apply(restore, err);
}

int sim_device_restore(struct sim_device *device, struct sim_host *host, const char *source,
		       const struct sim_restore_options *options, struct sim_answer *answer,
		       struct err *err)
{
	struct restore *restore = calloc(1, sizeof(*restore));
	int r;

	if (!restore)
		return err_no_memory(err);
	restore->sink = (struct sim_sink){sink_begin, sink_bytes, sink_end};
	restore->options = options;
	restore->manifest_plist = BUF_INIT(PLIST_LEN_MAX);
	backup_properties_init(&restore->properties);
	r = sim_run_open(&restore->run, device, host, source, answer, err);
	if (r == 0)
		r = restore_script(restore, err);
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
