/*
 * device_choose - which rows of a backup come back to a device
 *
 * Rules: docs/format/ios-backup, "What happens to that state on restore".
 */
#include "sim/device_restore.h"

#include <string.h>

enum { PATH_TOO_LONG = 998 };

static bool domain_is(const char *domain, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(domain, names[i], strlen(names[i])))
			return true;
	return false;
}

/* without RestoreSystemFiles: apps and media; settings, profiles and keychain stay away */
bool sim_restore_domain_comes(const struct sim_restore *restore, const char *domain)
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
bool sim_restore_is_kept(struct sim_restore *restore, const struct backup_file *row)
{
	struct sim_file own;
	bool is_setting = (!strcmp(row->domain, "HomeDomain") &&
			   is_at_or_below(row->path, "Library/Preferences")) ||
			  !strcmp(row->domain, "SystemPreferencesDomain");

	return restore->options->preserve_settings && is_setting && backup_file_is_regular(row) &&
	       sim_files_find(restore->run.files, row->file_id, &own, NULL) == 0;
}

bool sim_restore_row_comes(struct sim_restore *restore, const struct backup_file *row)
{
	if (!sim_restore_domain_comes(restore, row->domain) || strlen(row->path) >= PATH_TOO_LONG)
		return false;
	if (row->path[0] && path_check_relative(row->path, strlen(row->path), NULL) != 0)
		return false;
	if (!restore->is_same_device && stays_behind(row))
		return false;
	return !sim_restore_is_kept(restore, row);
}
