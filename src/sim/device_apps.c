/* device_apps - the user's apps, as installation_proxy, Info.plist and Manifest.plist see them */
#include "sim/device.h"

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
