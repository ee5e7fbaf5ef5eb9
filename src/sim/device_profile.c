/*
 * device_profile - what a device of a given size holds
 *
 * Counts, shares and sizes follow docs/format/ios-backup, "Size profile": S has the
 * histogram of a real, nearly idle phone; the others draw app and system files from its log-normal
 * fit and photos from the usual sizes of cameras, and are then scaled to the profile's payload.
 * Every draw is a function of (seed, purpose, number): no order of drawing is left to chance.
 */
#include "sim/device.h"

#include <math.h>
#include <string.h>

struct profile {
	const char *name;
	uint64_t rows;
	unsigned folder_percent; /* of the rows */
	uint64_t payload;        /* bytes */
	unsigned photo_percent;  /* of the files; they hold a third of the bytes */
	unsigned apps, plugins;
	uint32_t xattr_len; /* on every file: what makes large manifests large */
};

static const struct profile profiles[] = {
	{"S", 3721, 70, 182000000, 12, 12, 180, 0},
	{"M", 60000, 25, 80000000, 15, 60, 400, 0}, /* 8 GB, 1:100 */
	{"L", 300000, 15, 64000000000, 15, 120, 600, 64},
	{"XL", 1300000, 10, 86000000000, 10, 200, 800, 160},
	{"XL-test", 1300000, 10, 3800000000, 10, 200, 800, 160},
	{"fresh", 0, 0, 0, 0, 0, 0, 0}, /* just out of Setup Assistant */
};

enum purpose {
	FOR_PHOTO_SIZE = 1,
	FOR_PHOTO_TYPE,
	FOR_SIZE,
	FOR_NORMAL,
	FOR_KIND,
	FOR_TIME,
	FOR_NAME,
	FOR_BUCKET
};

/** struct nursery - a file table being filled */
struct nursery {
	struct sim_device *device;
	struct sim_files *files;
	const struct profile *profile;
	uint64_t seed, number; /* of the next row */
	int64_t now;
	uint64_t folders, regular;
	double photo_scale, app_scale;
};

static double unit(uint64_t mixed)
{
	return ((double)(mixed >> 11) + 0.5) / 9007199254740992.0;
}

/* ---- rows ---- */

static void owner_of(const char *domain, struct backup_file *row)
{
	row->uid = row->gid = 501;
	if (!strncmp(domain, "SysShared", 9))
		row->gid = -2;
	else if (!strcmp(domain, "WirelessDomain"))
		row->uid = row->gid = 25;
	else if (!strcmp(domain, "RootDomain") || !strcmp(domain, "DatabaseDomain") ||
		 !strcmp(domain, "KeychainDomain") || !strcmp(domain, "SystemPreferencesDomain") ||
		 !strcmp(domain, "ManagedPreferencesDomain"))
		row->uid = row->gid = 0;
}

static void row_begin(struct nursery *nursery, struct sim_file *file, const char *domain,
		      const char *path)
{
	int64_t age = (int64_t)(sim_mix(nursery->seed, nursery->number, FOR_TIME) %
				(700ull * SIM_DAY_SECONDS));

	*file = (struct sim_file){.content = nursery->number};
	file->row.domain = domain;
	file->row.path = path;
	file->row.inode = 100000 + (int64_t)nursery->number;
	file->row.born = nursery->now - age;
	file->row.modified = file->row.changed = nursery->now - age / 3;
	owner_of(domain, &file->row);
	nursery->number++;
}

static int add_folder(struct nursery *nursery, const char *domain, const char *path,
		      struct err *err)
{
	struct sim_file file;

	row_begin(nursery, &file, domain, path);
	file.row.flags = 2;
	file.row.mode = S_IFDIR | 0755;
	nursery->folders++;
	return sim_files_insert(nursery->files, &file, err);
}

static int add_link(struct nursery *nursery, const char *domain, const char *path,
		    const char *target, struct err *err)
{
	struct sim_file file;

	row_begin(nursery, &file, domain, path);
	file.row.flags = 4;
	file.row.mode = S_IFLNK | 0755;
	file.row.target = target;
	return sim_files_insert(nursery->files, &file, err);
}

static int64_t class_of(const char *domain)
{
	if (!strncmp(domain, "AppDomain", 9) || !strcmp(domain, "CameraRollDomain") ||
	    !strcmp(domain, "MediaDomain"))
		return 3;
	return strcmp(domain, "KeychainDomain") ? 4 : 1;
}

static int add_exact(struct nursery *nursery, const char *domain, const char *path,
		     enum sim_kind kind, uint64_t size, struct err *err)
{
	struct sim_file file;

	row_begin(nursery, &file, domain, path);
	file.row.flags = 1;
	file.row.mode = S_IFREG | (class_of(domain) == 3 ? 0644 : 0600);
	file.row.protection_class = class_of(domain);
	file.row.size = size;
	file.kind = kind;
	if (nursery->profile)
		file.xattr_len = nursery->profile->xattr_len;
	nursery->regular++;
	return sim_files_insert(nursery->files, &file, err);
}

static int add_file(struct nursery *nursery, const char *domain, const char *path,
		    enum sim_kind kind, uint64_t size, struct err *err)
{
	if (kind == SIM_KIND_SQLITE) /* whole pages */
		size = size < SIM_PAGE_LEN ? SIM_PAGE_LEN : size / SIM_PAGE_LEN * SIM_PAGE_LEN;
	return add_exact(nursery, domain, path, kind, size, err);
}

/* ---- what every device has ---- */

struct known {
	const char *domain, *path;
	enum sim_kind kind; /* NONE: a folder */
	uint64_t size;
};

static const struct known known[] = {
	{"HomeDomain", "", 0, 0},
	{"HomeDomain", "Library", 0, 0},
	{"HomeDomain", "Library/Preferences", 0, 0},
	{"HomeDomain", "Library/Preferences/.GlobalPreferences.plist", SIM_KIND_PLIST, 1900},
	{"HomeDomain", "Library/Preferences/com.apple.Preferences.plist", SIM_KIND_PLIST, 640},
	{"HomeDomain", "Library/Preferences/com.apple.purplebuddy.plist", SIM_KIND_PLIST, 1300},
	{"HomeDomain", "Library/Preferences/com.apple.springboard.plist", SIM_KIND_PLIST, 5200},
	{"HomeDomain", "Library/SMS", 0, 0},
	{"HomeDomain", "Library/SMS/sms.db", SIM_KIND_SQLITE, 1228800},
	{"HomeDomain", "Library/SMS/Attachments", 0, 0},
	{"HomeDomain", "Library/AddressBook", 0, 0},
	{"HomeDomain", "Library/AddressBook/AddressBook.sqlitedb", SIM_KIND_SQLITE, 331776},
	{"HomeDomain", "Library/CallHistoryDB", 0, 0},
	{"HomeDomain", "Library/CallHistoryDB/CallHistory.storedata", SIM_KIND_SQLITE, 131072},
	{"HomeDomain", "Library/Calendar", 0, 0},
	{"HomeDomain", "Library/Calendar/Calendar.sqlitedb", SIM_KIND_SQLITE, 671744},
	{"HomeDomain", "Library/Safari", 0, 0},
	{"HomeDomain", "Library/Safari/Bookmarks.db", SIM_KIND_SQLITE, 204800},
	{"HomeDomain", "Library/Safari/History.db", SIM_KIND_SQLITE, 409600},
	{"HomeDomain", "Library/Accounts", 0, 0},
	{"HomeDomain", "Library/Accounts/Accounts3.sqlite", SIM_KIND_SQLITE, 163840},
	{"HealthDomain", "", 0, 0},
	{"HealthDomain", "Health", 0, 0},
	{"HealthDomain", "Health/healthdb.sqlite", SIM_KIND_SQLITE, 270336},
	{"KeychainDomain", "", 0, 0},
	{"WirelessDomain", "", 0, 0},
	{"WirelessDomain", "Library", 0, 0},
	{"WirelessDomain", "Library/Preferences", 0, 0},
	{"WirelessDomain", "Library/Preferences/com.apple.commcenter.plist", SIM_KIND_PLIST, 2600},
	{"SystemPreferencesDomain", "", 0, 0},
	{"SystemPreferencesDomain", "SystemConfiguration", 0, 0},
	{"SystemPreferencesDomain", "SystemConfiguration/preferences.plist", SIM_KIND_PLIST, 3300},
	{"RootDomain", "", 0, 0},
	{"RootDomain", "Library", 0, 0},
	{"RootDomain", "Library/Preferences", 0, 0},
	{"RootDomain", "Library/Preferences/com.apple.MobileBackup.plist", SIM_KIND_PLIST, 42},
	{"KeyboardDomain", "", 0, 0},
	{"KeyboardDomain", "Library", 0, 0},
	{"KeyboardDomain", "Library/Keyboard", 0, 0},
	{"ManagedPreferencesDomain", "", 0, 0},
	{"ManagedPreferencesDomain", "mobile", 0, 0},
	{"TonesDomain", "", 0, 0},
	{"MediaDomain", "", 0, 0},
	{"MediaDomain", "Media", 0, 0},
	{"DatabaseDomain", "", 0, 0},
	{"DatabaseDomain", "timezone", 0, 0},
	{"CameraRollDomain", "", 0, 0},
	{"CameraRollDomain", "Media", 0, 0},
	{"CameraRollDomain", "Media/DCIM", 0, 0},
	{"CameraRollDomain", "Media/PhotoData", 0, 0},
	{"CameraRollDomain", "Media/PhotoData/Thumbnails", 0, 0},
	{"CameraRollDomain", "Media/PhotoData/Photos.sqlite", SIM_KIND_SQLITE, 2408448},
	{"SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles", "", 0, 0},
	{"SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles", "Library", 0, 0},
	{"SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles",
	 "Library/ConfigurationProfiles", 0, 0},
};

/* the keychain's export: four empty tables, so that readers of keychains have something true to
 * read */
static int add_keychain(struct nursery *nursery, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(sim_pack_abandon_p) struct sim_pack *pack = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 16);
	static const char *const tables[] = {"genp", "inet", "cert", "keys"};
	struct sim_file file;
	struct plist *dict;
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = sim_pack_new(&pack, nursery->device, err);
	if (r < 0)
		return r;
	dict = plist_new_dict(doc);
	for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
		plist_set(doc, dict, tables[i], plist_new_array(doc));
	r = plist_write_binary(doc, dict, &bytes, err);
	if (r == 0)
		r = sim_pack_append(pack, buf_slice(&bytes), err);
	if (r < 0)
		return r;
	row_begin(nursery, &file, "KeychainDomain", "keychain-backup.plist");
	file.row.flags = 1;
	file.row.mode = S_IFREG | 0400;
	file.row.protection_class = 1;
	file.row.size = file.stored_len = bytes.len;
	file.kind = SIM_KIND_PLIST;
	file.pack = sim_pack_number(pack);
	nursery->regular++;
	r = sim_files_insert(nursery->files, &file, err);
	return r < 0 ? r : sim_pack_finish(&pack, err);
}

static int add_known(struct nursery *nursery, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(known); i++) {
		if (known[i].kind == SIM_KIND_NONE)
			r = add_folder(nursery, known[i].domain, known[i].path, err);
		else if (nursery->profile->rows > 0)
			r = add_file(nursery, known[i].domain, known[i].path, known[i].kind,
				     known[i].size, err);
	}
	if (r == 0)
		r = add_link(nursery, "DatabaseDomain", "timezone/localtime",
			     "/var/db/timezone/zoneinfo/Europe/Berlin", err);
	return r < 0 ? r : add_keychain(nursery, err);
}

/* ---- sizes ---- */

/** the real phone's histogram: files from @from bytes on, up to the next bucket */
static const struct {
	uint64_t from, to;
	unsigned files;
} buckets[] = {
	{0, 1, 24},
	{1, 512, 486},
	{512, 1024, 111},
	{1024, 4096, 121},
	{4096, 16384, 86},
	{16384, 65536, 124},
	{65536, 262144, 71},
	{262144, 1048576, 44},
	{1048576, 4194304, 15},
	{4194304, 16777216, 6},
	{16777216, 64000000, 1},
};
enum { BUCKET_FILES = 1089, SMALL_FILE = 1024, LARGEST_FILE = 256 << 20 };

static double size_by_histogram(uint64_t seed, uint64_t index)
{
	/* a golden-ratio walk meets each bucket in its share, whatever the seed */
	double at =
		fmod(unit(sim_mix(seed, 0, FOR_BUCKET)) + (double)index * 0.6180339887498949, 1) *
		BUCKET_FILES;
	size_t i = 0;

	while (i + 1 < ARRAY_COUNT(buckets) && at >= buckets[i].files)
		at -= buckets[i++].files;
	if (buckets[i].from == 0)
		return 0;
	return (double)buckets[i].from * pow((double)buckets[i].to / (double)buckets[i].from,
					     unit(sim_mix(seed, index, FOR_SIZE)) * 0.999);
}

static double size_by_fit(uint64_t seed, uint64_t index)
{
	double a = unit(sim_mix(seed, index, FOR_SIZE)), b = unit(sim_mix(seed, index, FOR_NORMAL));
	double size = exp(7.30 + 2.93 * sqrt(-2 * log(a)) * cos(2 * M_PI * b));

	return size > LARGEST_FILE ? LARGEST_FILE : size;
}

static double app_size_raw(const struct nursery *nursery, uint64_t index)
{
	return strcmp(nursery->profile->name, "S") ? size_by_fit(nursery->seed, index)
						   : size_by_histogram(nursery->seed, index);
}

static uint64_t app_size(const struct nursery *nursery, uint64_t index)
{
	double size = app_size_raw(nursery, index);

	/* small files are small on every device: the payload is in the large ones */
	if (size > SMALL_FILE && size * nursery->app_scale > SMALL_FILE)
		size *= nursery->app_scale;
	else if (size > SMALL_FILE)
		size = SMALL_FILE;
	return (uint64_t)size;
}

/* thumbnails, photos, Live Photo movies, videos */
static double photo_size_raw(uint64_t seed, uint64_t index, enum sim_kind *kind)
{
	uint64_t type = sim_mix(seed, index, FOR_PHOTO_TYPE) % 1000;
	double at = unit(sim_mix(seed, index, FOR_PHOTO_SIZE));

	*kind = type >= 930 ? SIM_KIND_MOVIE : SIM_KIND_PHOTO;
	if (type < 700)
		return 5e3 + 55e3 * at;
	if (type < 930)
		return 1.5e6 + 2.5e6 * at;
	if (type < 998)
		return 2e6 + 4e6 * at;
	return 20e6 * pow(200, at);
}

static void scales_find(struct nursery *nursery, uint64_t apps, uint64_t photos)
{
	double total = 0, part = (double)nursery->profile->payload / 3, known_bytes = 0;
	enum sim_kind kind;

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		known_bytes += (double)known[i].size;
	for (uint64_t i = 0; i < photos; i++)
		total += photo_size_raw(nursery->seed, i, &kind);
	nursery->photo_scale = total > 0 ? part / total : 1;
	/* small files keep their size, so the scale of the others is approached */
	nursery->app_scale = 1;
	for (unsigned round = 0; round < 6; round++) {
		total = 0;
		for (uint64_t i = 0; i < apps; i++)
			total += (double)app_size(nursery, i);
		if (total > 0)
			nursery->app_scale *= (2 * part - known_bytes) / total;
	}
}

/* ---- photos ---- */

static int add_photo(struct nursery *nursery, uint64_t index, struct err *err)
{
	enum sim_kind kind;
	double raw = photo_size_raw(nursery->seed, index, &kind);
	bool is_thumbnail = raw < 1e6;
	uint64_t folder = index / 1000 + 100;
	char path[256];
	int r = 0;

	if (index % 1000 == 0) {
		snprintf(path, sizeof(path), "Media/DCIM/%lluAPPLE", (unsigned long long)folder);
		r = add_folder(nursery, "CameraRollDomain", path, err);
		snprintf(path, sizeof(path), "Media/PhotoData/Thumbnails/%llu",
			 (unsigned long long)folder);
		if (r == 0)
			r = add_folder(nursery, "CameraRollDomain", path, err);
	}
	snprintf(path, sizeof(path),
		 is_thumbnail             ? "Media/PhotoData/Thumbnails/%llu/%04llu.JPG"
		 : kind == SIM_KIND_PHOTO ? "Media/DCIM/%lluAPPLE/IMG_%04llu.JPG"
					  : "Media/DCIM/%lluAPPLE/IMG_%04llu.MOV",
		 (unsigned long long)folder, (unsigned long long)(index % 1000));
	return r < 0 ? r
		     : add_file(nursery, "CameraRollDomain", path, kind,
				(uint64_t)(raw * nursery->photo_scale) + 256, err);
}

/* ---- apps ---- */

static const char *container_name(const struct nursery *nursery, uint64_t index, char out[128])
{
	uint64_t apps = nursery->profile->apps;

	if (index == 0)
		snprintf(out, 128, "HomeDomain");
	else if (index <= apps)
		snprintf(out, 128, "AppDomain-org.example.app%03llu", (unsigned long long)index);
	else if (index <= 2 * apps)
		snprintf(out, 128, "AppDomainGroup-group.org.example.app%03llu",
			 (unsigned long long)(index - apps));
	else
		snprintf(out, 128, "AppDomainPlugin-org.example.app%03llu.extension%03llu",
			 (unsigned long long)(index % apps + 1),
			 (unsigned long long)(index - 2 * apps));
	return out;
}

static int add_container(struct nursery *nursery, uint64_t index, struct err *err)
{
	static const char *const folders[] = {"", "Documents", "Library", "Library/Preferences",
					      "Library/Application Support"};
	char domain[128];
	int r = 0;

	container_name(nursery, index, domain);
	if (index == 0)
		return add_folder(nursery, domain, "Library/Application Support", err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(folders); i++)
		if (i != 4 ||
		    index <= 2 * nursery->profile->apps) /* an extension supports nothing */
			r = add_folder(nursery, domain, folders[i], err);
	return r;
}

static void app_file_name(uint64_t mixed, uint64_t index, uint64_t size, bool is_plugin,
			  char path[256], enum sim_kind *kind)
{
	unsigned die = (unsigned)(mixed % 100);
	unsigned long long number = index;

	if (size < 16384 && die < 62) {
		snprintf(path, 256, "Library/Preferences/org.example.%05llu.plist", number);
		*kind = SIM_KIND_PLIST;
	} else if (size < 16384 || is_plugin) {
		snprintf(path, 256, "%s/%05llu%s",
			 is_plugin ? "Library/Preferences" : "Library/Application Support", number,
			 die < 82 ? ".json" : "");
		*kind = die < 82 ? SIM_KIND_TEXT : SIM_KIND_OPAQUE;
	} else if (die < 60) {
		snprintf(path, 256, "Library/Application Support/store%05llu.sqlite", number);
		*kind = SIM_KIND_SQLITE;
	} else if (die < 85) {
		snprintf(path, 256, "Library/Application Support/notes%05llu.txt", number);
		*kind = SIM_KIND_TEXT;
	} else {
		snprintf(path, 256, "Library/Application Support/image%05llu.png", number);
		*kind = SIM_KIND_OPAQUE;
	}
}

/* a fifth of them are the system's, a few the extensions', the rest the apps' */
static uint64_t container_of(const struct nursery *nursery, uint64_t mixed)
{
	uint64_t apps = nursery->profile->apps, die = mixed % 100;

	if (die < 20)
		return 0;
	if (die < 93)
		return 1 + mixed / 100 % (2 * apps);
	return 1 + 2 * apps + mixed / 100 % nursery->profile->plugins;
}

static int add_app_file(struct nursery *nursery, uint64_t index, struct err *err)
{
	uint64_t mixed = sim_mix(nursery->seed, index, FOR_NAME), size = app_size(nursery, index);
	uint64_t container = container_of(nursery, mixed);
	enum sim_kind kind;
	char domain[128], path[256];

	container_name(nursery, container, domain);
	app_file_name(sim_mix(nursery->seed, index, FOR_KIND), index, size,
		      container > 2 * nursery->profile->apps, path, &kind);
	return add_file(nursery, domain, path, kind, size, err);
}

static int add_spare_folder(struct nursery *nursery, uint64_t index, struct err *err)
{
	uint64_t containers = 2 * nursery->profile->apps + nursery->profile->plugins;
	char domain[128], path[64];

	container_name(nursery, 1 + index % containers, domain);
	snprintf(path, sizeof(path), "Documents/folder%05llu",
		 (unsigned long long)(index / containers));
	return add_folder(nursery, domain, path, err);
}

/* ---- the doors ---- */

static const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(profiles); i++)
		if (!strcmp(profiles[i].name, name ? name : "S"))
			return &profiles[i];
	return NULL;
}

int sim_birth_check(const struct sim_birth *birth, struct err *err)
{
	if (!birth->from && !profile_find(birth->profile))
		return err_set(err, ERR_USAGE,
			       "profile %s: there are S, M, L, XL, XL-test and fresh",
			       birth->profile);
	if (birth->files > 10000000 || birth->file_size >> 39)
		return err_set(err, ERR_USAGE, "at most 10,000,000 files of less than 512 GB");
	if (birth->apps > 5000)
		return err_set(err, ERR_USAGE, "at most 5000 apps");
	return 0;
}

static void nursery_open(struct nursery *nursery, struct sim_device *device,
			 struct sim_files *files)
{
	*nursery = (struct nursery){
		.device = device, .files = files, .seed = device->identity.seed, .number = 1};
	nursery->now = sim_device_now(device);
}

static int nursery_close(struct nursery *nursery, struct err *err)
{
	/* ageing goes on counting here */
	return sim_fact_put_int(nursery->device, "content_next", (int64_t)nursery->number, err);
}

int sim_birth_profile(struct sim_device *device, struct sim_files *files,
		      const struct sim_birth *birth, struct err *err)
{
	struct nursery nursery;
	const struct profile *profile = profile_find(birth->profile);
	uint64_t folders = profile->rows * profile->folder_percent / 100,
		 regular = profile->rows - folders;
	uint64_t photos = regular * profile->photo_percent / 100,
		 containers = 1 + 2 * profile->apps + profile->plugins;
	int r;

	nursery_open(&nursery, device, files);
	nursery.profile = profile;
	r = add_known(&nursery, err);
	if (r < 0 || profile->rows == 0)
		return r < 0 ? r : nursery_close(&nursery, err);
	regular -= photos + nursery.regular;
	scales_find(&nursery, regular, photos);
	for (uint64_t i = 0; r == 0 && i < containers; i++)
		r = add_container(&nursery, i, err);
	for (uint64_t i = 0; r == 0 && i < regular; i++)
		r = add_app_file(&nursery, i, err);
	for (uint64_t i = 0; r == 0 && i < photos; i++)
		r = add_photo(&nursery, i, err);
	for (uint64_t i = 0; r == 0 && nursery.folders < folders; i++)
		r = add_spare_folder(&nursery, i, err);
	for (uint64_t i = 1; r == 0 && birth->apps == 0 && i <= profile->apps && i <= 30; i++) {
		struct sim_app app = {.version = "1.0"};

		snprintf(app.bundle, sizeof(app.bundle), "org.example.app%03llu",
			 (unsigned long long)i);
		snprintf(app.name, sizeof(app.name), "Example %llu", (unsigned long long)i);
		r = sim_app_put(device, &app, err);
	}
	return r < 0 ? r : nursery_close(&nursery, err);
}

int sim_birth_shape(struct sim_device *device, struct sim_files *files,
		    const struct sim_birth *birth, struct err *err)
{
	static const struct {
		const char *domain, *folder, *suffix;
		enum sim_kind kind;
	} forms[] = {
		{"CameraRollDomain", "Media/DCIM", "JPG", SIM_KIND_PHOTO},
		{"AppDomain-org.example.app001", "Documents", "sqlite", SIM_KIND_SQLITE},
		{"CameraRollDomain", "Media/DCIM", "JPG", SIM_KIND_PHOTO},
		{"AppDomain-org.example.app001", "Documents", "txt", SIM_KIND_TEXT},
	};
	struct nursery nursery;
	char path[256];
	int r = 0;

	nursery_open(&nursery, device, files);
	r = add_folder(&nursery, "CameraRollDomain", "", err);
	if (r == 0)
		r = add_folder(&nursery, "CameraRollDomain", "Media", err);
	if (r == 0)
		r = add_folder(&nursery, "CameraRollDomain", "Media/DCIM", err);
	if (r == 0)
		r = add_folder(&nursery, "AppDomain-org.example.app001", "", err);
	if (r == 0)
		r = add_folder(&nursery, "AppDomain-org.example.app001", "Documents", err);
	for (uint64_t i = 0; r == 0 && i < birth->files; i++) {
		size_t form = i % ARRAY_COUNT(forms);

		/* the size is exact: a database's last page may be a part of one */
		snprintf(path, sizeof(path), "%s/%03llu", forms[form].folder,
			 (unsigned long long)(i / 1000));
		if (i % 1000 == 0) {
			char other[256];

			snprintf(other, sizeof(other), "%s/%03llu", forms[1].folder,
				 (unsigned long long)(i / 1000));
			r = add_folder(&nursery, forms[0].domain, path, err);
			if (r == 0)
				r = add_folder(&nursery, forms[1].domain, other, err);
		}
		snprintf(path, sizeof(path), "%s/%03llu/%06llu.%s", forms[form].folder,
			 (unsigned long long)(i / 1000), (unsigned long long)i, forms[form].suffix);
		if (r == 0)
			r = add_exact(&nursery, forms[form].domain, path, forms[form].kind,
				      birth->file_size, err);
	}
	return r < 0 ? r : nursery_close(&nursery, err);
}
