/* device_apps - the user's apps, as installation_proxy, Info.plist and Manifest.plist see them */
#include "sim/client.h"

#include <string.h>

enum { SINF_LEN = 1088 };

/* one transparent pixel: what an icon must be is a PNG, not a picture */
static const uint8_t icon[] = {
	0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
	0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00,
	0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00, 0x00, 0x00, 0x0b, 0x49, 0x44, 0x41, 0x54, 0x78,
	0xda, 0x63, 0x60, 0x00, 0x02, 0x00, 0x00, 0x05, 0x00, 0x01, 0xe9, 0xfa, 0xdc, 0xd8,
	0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

int sim_app_put(struct sim_device *device, const struct sim_app *app, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement,
			      "INSERT OR REPLACE INTO apps VALUES(?1, ?2, ?3)", err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, app->bundle, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, app->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 3, app->version, -1, SQLITE_STATIC);
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

/* the @index-th app by bundle; false behind the last one. One by one, because building a dict
 * derives bytes under the same lock. */
static bool app_at(struct sim_device *device, int64_t index, struct sim_app *app)
{
	sqlite3_stmt *statement = NULL;
	bool is_there = false;

	pthread_mutex_lock(&device->lock);
	if (sim_store_prepare(
		    device->db, &statement,
		    "SELECT bundle, name, version FROM apps ORDER BY bundle LIMIT 1 OFFSET ?1",
		    NULL) == 0) {
		sqlite3_bind_int64(statement, 1, index);
		is_there = sim_store_step(statement, NULL) == SIM_STORE_ROW;
		if (is_there) {
			snprintf(app->bundle, sizeof(app->bundle), "%s",
				 (const char *)sqlite3_column_text(statement, 0));
			snprintf(app->name, sizeof(app->name), "%s",
				 (const char *)sqlite3_column_text(statement, 1));
			snprintf(app->version, sizeof(app->version), "%s",
				 (const char *)sqlite3_column_text(statement, 2));
		}
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return is_there;
}

static void set_metadata(struct sim_device *device, struct plist_doc *doc, struct plist *dict,
			 const struct sim_app *app)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *inner = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 16);
	struct plist *metadata;
	char purpose[300];
	uint8_t number[4];

	snprintf(purpose, sizeof(purpose), "item/%.255s", app->bundle);
	sim_device_derive(device, purpose, 0, number, sizeof(number));
	if (plist_doc_new(&inner, NULL) < 0)
		return;
	metadata = plist_new_dict(inner);
	plist_set_text(inner, metadata, "softwareVersionBundleId", app->bundle);
	plist_set_text(inner, metadata, "itemName", app->name);
	plist_set_text(inner, metadata, "bundleShortVersionString", app->version);
	plist_set_int(inner, metadata, "itemId", get_u32be(number) % 1000000000);
	if (plist_write_binary(inner, metadata, &bytes, NULL) == 0)
		plist_set_data(doc, dict, "iTunesMetadata", buf_slice(&bytes));
}

static void app_path(struct sim_device *device, const struct sim_app *app, char out[400])
{
	char purpose[300], uuid[37];
	uint8_t bytes[16];

	snprintf(purpose, sizeof(purpose), "app-path/%.255s", app->bundle);
	sim_device_derive(device, purpose, 0, bytes, sizeof(bytes));
	uuid_format(bytes, uuid);
	snprintf(out, 400, "/var/containers/Bundle/Application/%s/%.200s.app", uuid, app->name);
}

struct plist *sim_device_apps(struct sim_device *device, struct plist_doc *doc)
{
	struct plist *apps = plist_new_dict(doc);
	struct sim_app app;
	uint8_t sinf[SINF_LEN];
	char purpose[300], path[400];

	for (int64_t i = 0; app_at(device, i, &app); i++) {
		struct plist *dict = plist_new_dict(doc);

		snprintf(purpose, sizeof(purpose), "sinf/%.255s", app.bundle);
		sim_device_derive(device, purpose, 0, sinf, sizeof(sinf));
		app_path(device, &app, path);
		plist_set_text(doc, dict, "CFBundleIdentifier", app.bundle);
		plist_set_text(doc, dict, "CFBundleDisplayName", app.name);
		plist_set_text(doc, dict, "CFBundleVersion", app.version);
		plist_set_text(doc, dict, "ApplicationType", "User");
		plist_set_text(doc, dict, "Path", path);
		plist_set_data(doc, dict, "ApplicationSINF", slice_of(sinf, sizeof(sinf)));
		set_metadata(device, doc, dict, &app);
		plist_set_data(doc, dict, "PlaceholderIcon", slice_of(icon, sizeof(icon)));
		plist_set(doc, apps, app.bundle, dict);
	}
	return apps;
}

struct plist *sim_device_containers(struct sim_device *device, struct plist_doc *doc)
{
	struct plist *containers = plist_new_dict(doc);
	struct sim_app app;
	char path[400];

	for (int64_t i = 0; app_at(device, i, &app); i++) {
		struct plist *dict = plist_new_dict(doc);

		app_path(device, &app, path);
		plist_set_text(doc, dict, "CFBundleIdentifier", app.bundle);
		plist_set_text(doc, dict, "CFBundleVersion", app.version);
		plist_set_text(doc, dict, "ContainerContentClass", "Data/Application");
		plist_set_text(doc, dict, "Path", path);
		plist_set(doc, containers, app.bundle, dict);
	}
	return containers;
}

bool sim_app_has(struct sim_device *device, const char *bundle)
{
	struct sim_app app;

	for (int64_t i = 0; app_at(device, i, &app); i++)
		if (!strcmp(app.bundle, bundle))
			return true;
	return false;
}

/* each file of the app's domain */
static int each_file(struct sim_device *device, const char *bundle,
		     int (*each)(struct sim_files *files, const struct sim_file *file, void *arg,
				 struct err *err),
		     void *arg, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct sim_file file;
	char domain[300];
	int r = sim_files_open(&files, device, err);

	snprintf(domain, sizeof(domain), "AppDomain-%.256s", bundle);
	if (r == 0)
		r = sim_files_rewind_domain(files, domain, err);
	while (r == 0 && (r = sim_files_next(files, &file, err)) == 0)
		r = each(files, &file, arg, err);
	return r < 0 ? r : 0;
}

static int add_size(struct sim_files *files, const struct sim_file *file, void *arg,
		    struct err *err)
{
	(void)files, (void)err;
	*(int64_t *)arg += (int64_t)file->row.size;
	return 0;
}

int64_t sim_app_size(struct sim_device *device, const char *bundle)
{
	int64_t size = 0;

	return each_file(device, bundle, add_size, &size, NULL) < 0 ? 0 : size;
}

static int remove_file(struct sim_files *files, const struct sim_file *file, void *arg,
		       struct err *err)
{
	(void)arg;
	return sim_files_remove(files, file->id, err);
}

int sim_app_remove(struct sim_device *device, const char *bundle, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r = each_file(device, bundle, remove_file, NULL, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement, "DELETE FROM apps WHERE bundle = ?1", err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, bundle, -1, SQLITE_STATIC);
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}
