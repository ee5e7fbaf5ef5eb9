/*
 * The management state of a backup: which files are asked for, and how they are read
 * (docs/format/ios-backup, 9)
 *
 * The files lie in one folder of a shared system container; about iOS 9 they lay in
 * HomeDomain.  What cannot be read is remarked and leaves its values unknown: a reader of
 * evidence does not give up because one piece of it is missing.
 */
#include "backup/management_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROFILES_DOMAIN "SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles"
#define LEGACY_DOMAIN "HomeDomain"
#define FOLDER "Library/ConfigurationProfiles/"

enum { FILE_LEN_MAX = 16 << 20 };

/* Without a domain: in the folder of profiles, wherever that is in this backup. */
static const struct {
	const char *domain, *path;
	bool is_raw; /* not always a property list: that it is not empty counts */
} files[PLACE_COUNT] = {
	[PLACE_MDM] = {NULL, "MDM.plist"},
	[PLACE_CLOUD] = {NULL, "CloudConfigurationDetails.plist"},
	[PLACE_PAYLOAD_MANIFEST] = {NULL, "PayloadManifest.plist"},
	[PLACE_PROFILE_EVENTS] = {NULL, "MCProfileEvents.plist"},
	[PLACE_PROFILE_TRUTH] = {NULL, "ProfileTruth.plist"},
	[PLACE_META] = {NULL, "PublicInfo/MCMeta.plist"},
	[PLACE_APPS] = {NULL, "MDMAppManagement.plist"},
	[PLACE_POST_SETUP] = {NULL, "PostSetupProfile.mobileconfig", true},
	[PLACE_SETUP] = {"HomeDomain", "Library/Preferences/com.apple.purplebuddy.plist"},
	[PLACE_KEYCHAIN] = {"KeychainDomain", "keychain-backup.plist"},
	[PLACE_FORCED_SETUP] = {"ManagedPreferencesDomain", "mobile/com.apple.purplebuddy.plist"},
	[PLACE_SET_ASIDE_CLOUD] = {NULL, "CloudConfigurationSetAsideDetails.plist", true},
	[PLACE_SET_ASIDE_PROFILE] = {NULL, "PostSetupSetAsideProfile.mobileconfig", true},
	[PLACE_MDM_EVENTS] = {NULL, "MDMEvents.plist", true},
	[PLACE_NOT_BACKED_UP_CONFIGURATION] =
		{"HomeDomain",
		 "Library/Preferences/com.apple.managedconfiguration.notbackedup.plist", true},
	[PLACE_NOT_BACKED_UP_SETUP] =
		{"HomeDomain", "Library/Preferences/com.apple.purplebuddy.notbackedup.plist", true},
};

/* ---- one file ---- */

/* What is wrong with a file stays with it; what is wrong with the world stops us. */
static bool is_about_the_file(int r)
{
	return r == ERR_CORRUPT || r == ERR_LIMIT || r == ERR_PASSWORD || r == BACKUP_DAMAGED;
}

static int unreadable(struct reading *reading, struct backup_place *place, const struct err *why)
{
	place->state = BACKUP_PLACE_UNREADABLE;
	reading_remark(reading, false, place, "%s", why->text);
	return 0;
}

/* Read the file at @place into @dict, which stays NULL if it holds none. */
static int read_place(struct reading *reading, struct backup_place *place, bool is_raw,
		      const struct plist **dict, struct err *err)
{
	struct backup_lookup *lookup = reading->lookup;
	struct err why = ERR_INIT;
	int r;

	buf_truncate(&reading->bytes, 0);
	plist_doc_reset(reading->doc);
	r = lookup->read(lookup, place->domain, place->path, &reading->bytes, &place->modified,
			 &why);
	if (r == BACKUP_ABSENT)
		return 0;
	if (is_about_the_file(r))
		return unreadable(reading, place, &why);
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	if (!is_raw)
		r = backup_parse_dict(reading->doc, buf_slice(&reading->bytes), place->path, dict,
				      &why);
	else if (!reading->bytes.len)
		r = err_set(&why, ERR_CORRUPT, "%s is empty", place->path);
	if (is_about_the_file(r))
		return unreadable(reading, place, &why);
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	place->state = BACKUP_PLACE_READ;
	return 0;
}

static int read_files(struct reading *reading, enum place from, enum place to, struct err *err)
{
	struct backup_place *places = reading->management->places;
	const struct plist *dict;
	enum place i;
	int r;

	for (i = from; i < to; i++) {
		dict = NULL;
		r = read_place(reading, &places[i], files[i].is_raw, &dict, err);
		if (r < 0)
			return r;
		if (places[i].state == BACKUP_PLACE_READ)
			reading_take(reading, i, dict);
	}
	return 0;
}

/* ---- the folder and its stubs ---- */

static bool is_stub(const char *name)
{
	static const char prefix[] = "profile-", suffix[] = ".stub";
	size_t len = strlen(name);

	return len > sizeof(prefix) + sizeof(suffix) - 2 &&
	       !strncmp(name, prefix, sizeof(prefix) - 1) && !strchr(name, '/') &&
	       !strcmp(name + len - (sizeof(suffix) - 1), suffix);
}

struct listing {
	struct reading *reading;
	const char *domain;
	bool is_full;
};

static int list_each(void *arg, const char *path, struct err *err)
{
	struct listing *listing = arg;
	struct backup_management *management = listing->reading->management;
	struct backup_profile *profile;

	if (strncmp(path, FOLDER, sizeof(FOLDER) - 1))
		return 0;
	listing->reading->has_folder = true;
	if (!is_stub(path + sizeof(FOLDER) - 1))
		return 0;
	listing->is_full = management->profile_count == BACKUP_PROFILES_MAX ||
			   strlen(path) >= sizeof(profile->place.path);
	if (listing->is_full)
		return 0;
	profile = &management->profiles[management->profile_count++];
	profile->place.domain = listing->domain;
	memcpy(profile->place.path, path, strlen(path) + 1);
	return 0;
}

/* Find the folder of profiles; @domain is where it is, or would be. */
static int find_folder(struct reading *reading, const char **domain, struct err *err)
{
	struct listing listing = {.reading = reading, .domain = PROFILES_DOMAIN};
	int r;

	r = reading->lookup->list(reading->lookup, listing.domain, list_each, &listing, err);
	if (!r && !reading->has_folder) {
		listing.domain = LEGACY_DOMAIN;
		r = reading->lookup->list(reading->lookup, listing.domain, list_each, &listing,
					  err);
	}
	if (r < 0)
		return r;
	*domain = reading->has_folder ? listing.domain : PROFILES_DOMAIN;
	if (listing.is_full)
		reading_remark(reading, false, NULL, "more than %d profiles, or longer names",
			       BACKUP_PROFILES_MAX);
	return 0;
}

static void name_places(struct backup_management *management, const char *folder_domain)
{
	size_t i;

	for (i = 0; i < PLACE_COUNT; i++) {
		struct backup_place *place = &management->places[i];

		place->domain = files[i].domain ? files[i].domain : folder_domain;
		snprintf(place->path, sizeof(place->path), "%s%s", files[i].domain ? "" : FOLDER,
			 files[i].path);
	}
}

static int read_stubs(struct reading *reading, struct err *err)
{
	struct backup_management *management = reading->management;
	size_t i, count = management->profile_count;
	int r;

	for (i = 0; i < count; i++) {
		struct backup_profile *profile = &management->profiles[i];
		const struct plist *dict = NULL;

		r = read_place(reading, &profile->place, false, &dict, err);
		if (r < 0)
			return r;
		if (dict)
			reading_take_stub(reading, profile, dict);
	}
	return 0;
}

/* ---- the whole ---- */

static int read_all(struct reading *reading, struct err *err)
{
	const char *domain;
	int r;

	r = find_folder(reading, &domain, err);
	if (r < 0)
		return r;
	name_places(reading->management, domain);
	if ((r = read_files(reading, PLACE_MDM, PLACE_CLOUD, err)) < 0 ||
	    (r = read_stubs(reading, err)) < 0)
		return r;
	return read_files(reading, PLACE_CLOUD, PLACE_COUNT, err);
}

static void reading_clear(struct reading *reading)
{
	plist_doc_free(reading->doc);
	buf_wipe(&reading->bytes);
	backup_management_free(reading->management);
}

int backup_management_read(struct backup_management **out, struct backup_lookup *lookup,
			   struct err *err)
{
	CLEANUP(reading_clear)
	struct reading reading = {.lookup = lookup, .bytes = BUF_INIT(FILE_LEN_MAX)};
	struct backup_management *management;
	int r;

	management = reading.management = calloc(1, sizeof(*management));
	if (!management)
		return err_no_memory(err);
	management->profiles = calloc(BACKUP_PROFILES_MAX, sizeof(*management->profiles));
	management->places = calloc(PLACE_COUNT, sizeof(*management->places));
	if (!management->profiles || !management->places)
		return err_no_memory(err);
	management->place_count = PLACE_COUNT;
	if ((r = plist_doc_new(&reading.doc, err)) < 0 || (r = read_all(&reading, err)) < 0)
		return err_wrap(err, r, "management state");
	reading_judge(&reading);
	*out = STEAL(reading.management);
	return 0;
}

void backup_management_free(struct backup_management *management)
{
	if (!management)
		return;
	free(management->profiles);
	free(management->places);
	free(management);
}

void backup_management_free_p(struct backup_management **management)
{
	backup_management_free(*management);
	*management = NULL;
}
