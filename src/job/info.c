/*
 * info - Info.plist, the one file of a backup that hosts write
 *
 * Built from what the device tells over lockdown, installation_proxy and AFC.  What it does
 * not tell is left out: an empty text would be read as a fact by other programs.
 */
#include "job/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const info_file_names[INFO_FILE_COUNT] = {
	"ApertureAlbumPrefs",   "IC-Info.sidb",      "IC-Info.sidv",      "PhotosFolderAlbums",
	"PhotosFolderName",     "PhotosFolderPrefs", "VoiceMemos.plist",  "iPhotoAlbumPrefs",
	"iTunesApplicationIDs", "iTunesPrefs",       "iTunesPrefs.plist",
};

#define IBOOKS_PATH "/Books/iBooksData2.plist"
#define ITUNES_PATH "/iTunes_Control/iTunes/"

static struct plist *applications(struct plist_doc *doc, const struct app_list *apps)
{
	struct plist *dict = plist_new_dict(doc);

	for (size_t i = 0; i < apps->count; i++) {
		const struct app *app = &apps->items[i];
		struct plist *entry;

		/* without both a device could not fetch the app again */
		if (!app->sinf.len || !app->metadata.len)
			continue;
		entry = plist_new_dict(doc);
		plist_set_data(doc, entry, "ApplicationSINF", app->sinf);
		plist_set_data(doc, entry, "iTunesMetadata", app->metadata);
		if (app->icon.len)
			plist_set_data(doc, entry, "PlaceholderIcon", buf_slice(&app->icon));
		plist_set(doc, dict, app->bundle_id, entry);
	}
	return dict;
}

static struct plist *installed(struct plist_doc *doc, const struct app_list *apps)
{
	struct plist *array = plist_new_array(doc);

	for (size_t i = 0; i < apps->count; i++)
		plist_add(doc, array, plist_new_text(doc, apps->items[i].bundle_id));
	return array;
}

static void values_copy(struct plist_doc *doc, struct plist *info, const struct plist *values)
{
	static const struct {
		const char *from, *to;
	} names[] = {
		{"BuildVersion", "Build Version"},
		{"DeviceName", "Device Name"},
		{"DeviceName", "Display Name"},
		{"IntegratedCircuitCardIdentity", "ICCID"},
		{"InternationalMobileEquipmentIdentity", "IMEI"},
		{"InternationalMobileEquipmentIdentity2", "IMEI2"},
		{"MobileEquipmentIdentifier", "MEID"},
		{"PhoneNumber", "Phone Number"},
		{"ProductName", "Product Name"},
		{"ProductType", "Product Type"},
		{"ProductVersion", "Product Version"},
		{"SerialNumber", "Serial Number"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *text = plist_get_text(values, names[i].from);

		if (text && *text)
			plist_set_text(doc, info, names[i].to, text);
	}
}

static void identity_write(struct plist_doc *doc, struct plist *info,
			   const struct info_sources *sources)
{
	char guid[33], upper[JOB_UDID_MAX];
	size_t i;

	hex_encode(sources->guid, sizeof(sources->guid), guid);
	for (i = 0; guid[i]; i++)
		guid[i] = (char)toupper((unsigned char)guid[i]);
	text_copy(upper, sizeof(upper), sources->udid);
	for (i = 0; upper[i]; i++)
		upper[i] = (char)toupper((unsigned char)upper[i]);
	plist_set_text(doc, info, "GUID", guid);
	plist_set_date(doc, info, "Last Backup Date", sources->now);
	plist_set_text(doc, info, "Target Identifier", sources->udid);
	plist_set_text(doc, info, "Target Type", "Device");
	plist_set_text(doc, info, "Unique Identifier", upper);
}

static void files_write(struct plist_doc *doc, struct plist *info,
			const struct info_sources *sources)
{
	struct plist *files = plist_new_dict(doc);

	for (size_t i = 0; sources->itunes_files && i < INFO_FILE_COUNT; i++)
		if (sources->has_itunes_file[i])
			plist_set_data(doc, files, info_file_names[i],
				       buf_slice(&sources->itunes_files[i]));
	plist_set(doc, info, "iTunes Files", files);
	if (sources->has_ibooks)
		plist_set_data(doc, info, "iBooks Data 2", sources->ibooks);
}

int info_build(const struct info_sources *sources, struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *info;
	int r;

	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	info = plist_new_dict(doc);
	if (sources->apps) {
		plist_set(doc, info, "Applications", applications(doc, sources->apps));
		plist_set(doc, info, "Installed Applications", installed(doc, sources->apps));
	}
	values_copy(doc, info, sources->values);
	identity_write(doc, info, sources);
	files_write(doc, info, sources);
	if (sources->itunes_settings)
		plist_set(doc, info, "iTunes Settings", plist_copy(doc, sources->itunes_settings));
	plist_set_text(doc, info, "iTunes Version",
		       sources->itunes_version ? sources->itunes_version : "10.0.1");
	return plist_write_xml(doc, info, out, err);
}

/* keep - a value that outlives the next lockdown call */
static const struct plist *keep(struct plist_doc *doc, const struct plist *value, int outcome)
{
	return outcome == 0 ? plist_copy(doc, value) : NULL;
}

static int collect_values(struct lockdown *lockdown, struct plist_doc *doc,
			  struct info_sources *sources, struct err *err)
{
	const struct plist *value = NULL;
	int r;

	r = lockdown_get(lockdown, NULL, NULL, &value, err);
	if (r < 0)
		return r;
	sources->values = keep(doc, value, r);
	r = lockdown_get(lockdown, "com.apple.iTunes", NULL, &value, err);
	if (r < 0)
		return r;
	sources->itunes_settings = keep(doc, value, r);
	r = lockdown_get(lockdown, "com.apple.mobile.iTunes", "MinITunesVersion", &value, err);
	if (r < 0)
		return r;
	sources->itunes_version = plist_text(keep(doc, value, r));
	return 0;
}

struct media_files {
	struct buf contents[INFO_FILE_COUNT + 1];
	bool has[INFO_FILE_COUNT + 1];
};

static void media_files_clear(struct media_files *files)
{
	for (size_t i = 0; i < ARRAY_COUNT(files->contents); i++)
		buf_clear(&files->contents[i]);
}

static int collect_files(struct afc *afc, struct media_files *files, struct err *err)
{
	char names[INFO_FILE_COUNT][64];
	const char *paths[INFO_FILE_COUNT + 1];

	for (size_t i = 0; i < INFO_FILE_COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%s", ITUNES_PATH, info_file_names[i]);
		paths[i] = names[i];
	}
	paths[INFO_FILE_COUNT] = IBOOKS_PATH;
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		files->contents[i] = BUF_INIT(JOB_INFO_MAX / 4);
	return afc_read_files(afc, paths, ARRAY_COUNT(paths), files->contents, files->has, err);
}

int info_collect(struct lockdown *lockdown, struct afc *afc, struct buf *info, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(app_list_clear) struct app_list apps = {0};
	CLEANUP(media_files_clear) struct media_files files = {0};
	struct info_sources sources = {.apps = &apps, .udid = lockdown->device->udid};
	int r;

	r = plist_doc_new(&doc, err);
	if (r == 0)
		r = collect_values(lockdown, doc, &sources, err);
	if (r == 0)
		r = app_list_read(&apps, lockdown, err);
	if (r == 0)
		r = collect_files(afc, &files, err);
	if (r == 0)
		r = lockdown->env->entropy->fill(lockdown->env->entropy, sources.guid,
						 sizeof(sources.guid), err);
	if (r < 0)
		return err_wrap(err, r, "gather Info.plist");
	sources.itunes_files = files.contents;
	sources.has_itunes_file = files.has;
	sources.ibooks = buf_slice(&files.contents[INFO_FILE_COUNT]);
	sources.has_ibooks = files.has[INFO_FILE_COUNT];
	sources.now = clock_wall_seconds(lockdown->env->clock);
	return info_build(&sources, info, err);
}
