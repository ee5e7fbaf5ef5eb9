/*
 * device_nursery - a file table being filled: rows as a device has them, and what every device has
 *
 * Owners, modes and protection classes follow the real manifest of docs/format/ios-backup.
 */
#include "sim/device_nursery.h"

#include <string.h>

enum { SIM_FOR_AGE = 6 /* apart from the draws of device_profile.c */ };

void sim_nursery_open(struct sim_nursery *nursery, struct sim_device *device,
		      struct sim_files *files)
{
	*nursery = (struct sim_nursery){
		.device = device, .files = files, .seed = device->identity.seed, .number = 1};
	nursery->now = sim_device_now(device);
}

int sim_nursery_close(struct sim_nursery *nursery, struct err *err)
{
	/* ageing goes on counting here */
	return sim_fact_put_int(nursery->device, "content_next", (int64_t)nursery->number, err);
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

static void row_begin(struct sim_nursery *nursery, struct sim_file *file, const char *domain,
		      const char *path)
{
	int64_t age = (int64_t)(sim_mix(nursery->seed, nursery->number, SIM_FOR_AGE) %
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

int sim_nursery_folder(struct sim_nursery *nursery, const char *domain, const char *path,
		       struct err *err)
{
	struct sim_file file;

	row_begin(nursery, &file, domain, path);
	file.row.flags = 2;
	file.row.mode = S_IFDIR | 0755;
	nursery->folders++;
	return sim_files_insert(nursery->files, &file, err);
}

int sim_nursery_link(struct sim_nursery *nursery, const char *domain, const char *path,
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

int sim_nursery_exact(struct sim_nursery *nursery, const char *domain, const char *path,
		      enum sim_kind kind, uint64_t size, struct err *err)
{
	struct sim_file file;

	row_begin(nursery, &file, domain, path);
	file.row.flags = 1;
	file.row.mode = S_IFREG | (class_of(domain) == 3 ? 0644 : 0600);
	file.row.protection_class = class_of(domain);
	file.row.size = size;
	file.kind = kind;
	file.xattr_len = nursery->xattr_len;
	nursery->regular++;
	return sim_files_insert(nursery->files, &file, err);
}

int sim_nursery_file(struct sim_nursery *nursery, const char *domain, const char *path,
		     enum sim_kind kind, uint64_t size, struct err *err)
{
	if (kind == SIM_KIND_SQLITE) /* whole pages */
		size = size < SIM_PAGE_LEN ? SIM_PAGE_LEN : size / SIM_PAGE_LEN * SIM_PAGE_LEN;
	return sim_nursery_exact(nursery, domain, path, kind, size, err);
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
static int add_keychain(struct sim_nursery *nursery, struct err *err)
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

int sim_nursery_known(struct sim_nursery *nursery, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(known); i++) {
		if (known[i].kind == SIM_KIND_NONE)
			r = sim_nursery_folder(nursery, known[i].domain, known[i].path, err);
		else if (nursery->has_files)
			r = sim_nursery_file(nursery, known[i].domain, known[i].path, known[i].kind,
					     known[i].size, err);
	}
	if (r == 0)
		r = sim_nursery_link(nursery, "DatabaseDomain", "timezone/localtime",
				     "/var/db/timezone/zoneinfo/Europe/Berlin", err);
	return r < 0 ? r : add_keychain(nursery, err);
}

uint64_t sim_nursery_known_bytes(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		bytes += known[i].size;
	return bytes;
}
