/*
 * device_birth - a new device folder
 *
 * Identity first, always of the reserved range and always its own, wherever its files come from.
 */
#include "sim/management.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KDF_ROUNDS_MIN = 1,
	TOTAL_GIB = 256, /* of storage; more if the files need it */
};

static const char schema[] = "CREATE TABLE facts(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
			     "CREATE TABLE pairings(host_id TEXT PRIMARY KEY, system_buid TEXT, "
			     "device_cert BLOB, host_cert BLOB, root_cert BLOB, escrow_bag BLOB);"
			     "CREATE TABLE apps(bundle TEXT PRIMARY KEY, name TEXT, version TEXT);";

/** struct cradle - what is decided before the folder exists */
struct cradle {
	char udid[41], serial[24], name[128], product[32], os[16], build[16], mac[24];
	uint64_t chip_id;
};

static int folder_make(const char *folder, struct err *err)
{
	struct dirent *entry;
	DIR *dir;
	int r = fs_mkdirs(fs_system(), folder, 0700, err);
	bool is_empty = true;

	if (r < 0)
		return r;
	dir = opendir(folder);
	if (!dir)
		return err_set_errno(err, errno, "open %s", folder);
	while ((entry = readdir(dir)))
		is_empty =
			is_empty && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."));
	closedir(dir);
	return is_empty ? 0 : err_set(err, ERR_EXISTS, "%s is not empty", folder);
}

/* Apple's numbers run: iOS 18 is 22x, and 26 is 23x */
void sim_build_guess(const char *os, char build[16])
{
	uint32_t number = sim_version_number(os);
	unsigned major = number / 10000, minor = number / 100 % 100;

	snprintf(build, 16, "%u%c%u", major >= 26 ? major - 3 : major + 4, (char)('A' + minor % 26),
		 60 + number % 100);
}

static int identity_make(struct cradle *cradle, const struct sim_birth *birth, struct err *err)
{
	static const char digits[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
	struct sim_device infant = {.identity.seed = birth->seed};
	uint8_t bytes[16];
	int r = sim_device_root_load(&infant, err);

	if (r < 0)
		return r;
	pthread_mutex_init(&infant.lock, NULL);
	sim_device_derive(&infant, "udid", 0, bytes, 8);
	cradle->chip_id = get_u64be(bytes);
	snprintf(cradle->udid, sizeof(cradle->udid), "0000FE5A-%016llX",
		 (unsigned long long)cradle->chip_id);
	sim_device_derive(&infant, "serial", 0, bytes, 7);
	memcpy(cradle->serial, "RHSIM", 5);
	for (unsigned i = 0; i < 7; i++)
		cradle->serial[5 + i] = digits[bytes[i] % (sizeof(digits) - 1)];
	sim_device_derive(&infant, "wifi", 0, bytes, 5);
	/* locally administered: no maker's number */
	snprintf(cradle->mac, sizeof(cradle->mac), "02:%02x:%02x:%02x:%02x:%02x", bytes[0],
		 bytes[1], bytes[2], bytes[3], bytes[4]);
	crypto_mac_free(infant.mac);
	pthread_mutex_destroy(&infant.lock);
	if (birth->serial)
		snprintf(cradle->serial, sizeof(cradle->serial), "%s", birth->serial);
	if (!udid_is_reserved(cradle->udid) || !serial_is_reserved(cradle->serial))
		return err_set(err, ERR_POLICY,
			       "serial %s: simulated devices have RHSIM and seven letters or "
			       "digits, nothing else",
			       cradle->serial);
	return 0;
}

static void take(char *out, size_t out_len, const char *wish, const char *hint,
		 const char *otherwise)
{
	snprintf(out, out_len, "%s", wish ? wish : hint[0] ? hint : otherwise);
}

static void looks_make(struct cradle *cradle, const struct sim_birth *birth,
		       const struct sim_origin_hints *hints)
{
	static const char *const people[] = {"Anna", "Ben",   "Chiara", "Deniz",
					     "Emma", "Farid", "Greta",  "Hugo"};
	char name[64];

	take(cradle->product, sizeof(cradle->product), birth->product, hints->product, "iPad13,18");
	take(cradle->os, sizeof(cradle->os), birth->os, hints->os, "18.6");
	if (!birth->os && hints->build[0])
		snprintf(cradle->build, sizeof(cradle->build), "%s", hints->build);
	else
		sim_build_guess(cradle->os, cradle->build);
	snprintf(name, sizeof(name), "%s's %s",
		 people[sim_mix(birth->seed, 0, 0) % ARRAY_COUNT(people)],
		 strncmp(cradle->product, "iPhone", 6) ? "iPad" : "iPhone");
	take(cradle->name, sizeof(cradle->name), birth->name, hints->name, name);
}

/* ---- the folder ---- */

static int fact(sqlite3 *db, const char *key, const char *value, struct err *err)
{
	CLEANUP(sim_store_finalize_p) sqlite3_stmt *statement = NULL;
	int r = sim_store_prepare(db, &statement, "INSERT INTO facts VALUES(?1, ?2)", err);

	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
	return sim_store_run(statement, err);
}

static int number(sqlite3 *db, const char *key, uint64_t value, struct err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return fact(db, key, text, err);
}

static int facts_write(sqlite3 *db, const struct cradle *cradle, const struct sim_birth *birth,
		       struct err *err)
{
	const char *device_class = !strncmp(cradle->product, "iPhone", 6) ? "iPhone" : "iPad";
	const struct {
		const char *key, *value;
	} texts[] = {
		{"udid", cradle->udid},
		{"serial", cradle->serial},
		{"name", cradle->name},
		{"product", cradle->product},
		{"os", cradle->os},
		{"build", cradle->build},
		{"class", device_class},
		{"wifi_mac", cradle->mac},
		{"state/activation", "Activated"},
		{"state/language", "en"},
		{"state/locale", "en_US"},
		{"state/has_passcode", birth->has_passcode ? "1" : "0"},
		{"state/is_locked", "0"},
		{"state/find_my_is_on", birth->find_my_is_on ? "1" : "0"},
		{"state/setup_is_done", birth->setup_is_pending ? "0" : "1"},
		{"state/encryption_is_forced", birth->encryption_is_forced ? "1" : "0"},
	};
	char key[32];
	int r = sim_store_exec(db, schema, err);

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(texts); i++)
		r = fact(db, texts[i].key, texts[i].value, err);
	if (r == 0)
		r = number(db, "seed", birth->seed, err);
	if (r == 0)
		r = number(db, "chip_id", cradle->chip_id, err);
	if (r == 0 && birth->kdf_rounds >= KDF_ROUNDS_MIN)
		r = number(db, "kdf_rounds", birth->kdf_rounds, err);
	if (r == 0 && birth->has_now)
		r = number(db, "now", (uint64_t)birth->now, err);
	for (size_t i = 0; r == 0 && i < birth->fault_count; i++) {
		snprintf(key, sizeof(key), "fault/%03zu", i);
		r = fact(db, key, birth->faults[i], err);
	}
	return r;
}

static int database_make(const char *folder, const struct cradle *cradle,
			 const struct sim_birth *birth, struct err *err)
{
	CLEANUP(sim_store_close_p) sqlite3 *db = NULL;
	char path[SIM_FOLDER_MAX + 64];
	int r;

	snprintf(path, sizeof(path), "%s/device.db", folder);
	r = sim_store_open(&db, path, false, err);
	if (r == 0)
		r = sim_store_exec(db, "BEGIN", err);
	if (r == 0)
		r = facts_write(db, cradle, birth, err);
	return r < 0 ? r : sim_store_exec(db, "COMMIT", err);
}

static int folders_make(struct sim_device *device, struct err *err)
{
	static const char *const names[] = {"scratch",
					    "blobs",
					    "media",
					    "media/DCIM",
					    "media/Books",
					    "media/iTunes_Control",
					    "media/iTunes_Control/iTunes"};
	char path[SIM_FOLDER_MAX + 64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(names); i++)
		r = fs_mkdirs(fs_system(), sim_device_path(device, names[i], path), 0700, err);
	return r;
}

/* ---- its life ---- */

static int files_make(struct sim_device *device, const struct sim_birth *birth,
		      struct sim_origin *origin, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	uint64_t rows = 0, regular = 0, bytes = 0, total = (uint64_t)TOTAL_GIB << 30;
	int r = sim_files_open(&files, device, err);

	if (r == 0)
		r = sim_files_begin(files, true, err);
	if (r < 0)
		return r;
	if (origin)
		r = sim_origin_copy(origin, device, files, err);
	else if (birth->files > 0)
		r = sim_birth_shape(device, files, birth, err);
	else
		r = sim_birth_profile(device, files, birth, err);
	if (r == 0)
		r = sim_files_index(files, err);
	if (r == 0)
		r = sim_files_commit(files, err);
	if (r == 0)
		r = sim_files_count(files, &rows, &regular, &bytes, err);
	while (total < bytes + (64ull << 30))
		total *= 2;
	if (r == 0)
		r = sim_fact_put_int(device, "state/total_bytes", (int64_t)total, err);
	return r < 0 ? r
		     : sim_fact_put_int(device, "state/free_bytes",
					(int64_t)(total - bytes - (16ull << 30)), err);
}

static int apps_make(struct sim_device *device, const struct sim_birth *birth, struct err *err)
{
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < birth->apps; i++) {
		struct sim_app app;

		snprintf(app.bundle, sizeof(app.bundle), "org.example.app%03llu",
			 (unsigned long long)i + 1);
		snprintf(app.name, sizeof(app.name), "Example %llu", (unsigned long long)i + 1);
		snprintf(app.version, sizeof(app.version), "%llu.%llu",
			 (unsigned long long)(sim_mix(birth->seed, i, 1) % 9 + 1),
			 (unsigned long long)(sim_mix(birth->seed, i, 2) % 20));
		r = sim_app_put(device, &app, err);
	}
	return r;
}

/* A device that went through setup has a folder of profiles, be it that nobody manages it: a backup
 * that lacks the folder says nothing.  A copy of a backup has what that has. */
static int management_begin(struct sim_device *device, const struct sim_birth *birth,
			    struct err *err)
{
	const struct sim_management nobody = {0};

	if (birth->management)
		return sim_management_begin(device, birth->management, err);
	return birth->from || birth->setup_is_pending ? 0
						      : sim_management_begin(device, &nobody, err);
}

static int life_begin(const char *folder, const struct sim_birth *birth, struct sim_origin *origin,
		      struct err *err)
{
	struct sim_device *device = NULL;
	int r = sim_device_open(&device, folder, err);

	if (r == 0)
		r = folders_make(device, err);
	if (r == 0)
		r = apps_make(device, birth, err);
	if (r == 0)
		r = files_make(device, birth, origin, err);
	if (r == 0)
		r = management_begin(device, birth, err);
	if (r == 0)
		r = sim_device_supervision_refresh(device, err);
	if (r == 0 && birth->backup_password) {
		r = sim_keybag_set(device, birth->backup_password, true, err);
		if (r == 0)
			r = sim_device_set_state(device, "will_encrypt", "true", err);
	}
	sim_device_close(device);
	return r;
}

int sim_birth_run(const char *folder, const struct sim_birth *birth, struct err *err)
{
	CLEANUP(sim_origin_close_p) struct sim_origin *origin = NULL;
	struct sim_origin_hints hints = {0};
	struct sim_faults faults = {0};
	struct cradle cradle = {0};
	int r = 0;

	/* everything that can be refused is refused before anything is written */
	for (size_t i = 0; r == 0 && i < birth->fault_count; i++)
		r = sim_faults_parse(&faults, birth->faults[i], err);
	if (r == 0)
		r = identity_make(&cradle, birth, err);
	if (r == 0 && birth->from) {
		r = sim_origin_open(&origin, birth->from, birth->from_password, err);
		if (r == 0)
			sim_origin_suggest(origin, &hints);
	}
	if (r == 0)
		r = sim_birth_check(birth, err);
	if (r == 0 && birth->management)
		r = sim_management_check(birth->management, err);
	if (r < 0)
		return r;
	looks_make(&cradle, birth, &hints);
	r = folder_make(folder, err);
	if (r < 0)
		return r;
	r = database_make(folder, &cradle, birth, err);
	if (r == 0)
		r = life_begin(folder, birth, origin, err);
	if (r < 0)
		fs_remove_tree(fs_system(), folder, NULL); /* half a device is none */
	return r;
}
