/*
 * client_do_apps - apps by command, and what happens to managed ones
 *
 * MDMAppManagement.plist lists them, and a backup carries it.  An app with flag 4 stays out of
 * backups; one with flag 1 goes with the enrollment.
 */
#include "sim/client.h"

#include <string.h>

#define APPS_PATH SIM_PROFILES_FOLDER "/MDMAppManagement.plist"

/* ---- managed apps ---- */

struct plist *sim_managed_apps(struct sim_device *device, struct plist_doc *doc)
{
	const struct plist *found = sim_profiles_load(device, APPS_PATH, doc);

	return found ? plist_copy(doc, found) : plist_new_dict(doc);
}

static int64_t flags_of(const struct plist *entry)
{
	int64_t flags = 0;

	plist_get_int(entry, "ManagementFlags", &flags);
	return flags;
}

/* the list without @bundle, and with @entry for it unless that is NULL */
static int put_managed(struct sim_device *device, const char *bundle, struct plist_doc *doc,
		       struct plist *entry, struct err *err)
{
	struct plist *old = sim_managed_apps(device, doc), *new = plist_new_dict(doc);
	int r;

	for (const struct plist *item = old->as.items.first; item; item = item->next)
		if (strcmp(item->key, bundle) != 0)
			plist_set(doc, new, item->key, plist_copy(doc, item));
	plist_set(doc, new, bundle, entry);
	r = new->as.items.first ? sim_profiles_store(device, APPS_PATH, new, err)
				: sim_profiles_drop(device, APPS_PATH, err);
	return r < 0 ? r : sim_kept_out_refresh(device, err);
}

/* a word per domain, between line ends */
int sim_kept_out_refresh(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	char domains[sizeof(device->kept_out)] = "";
	size_t len = 0;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	for (const struct plist *item = sim_managed_apps(device, doc)->as.items.first; item;
	     item = item->next)
		if (flags_of(item) & SIM_APP_NOT_BACKED_UP)
			len += (size_t)snprintf(domains + len, sizeof(domains) - len,
						"\nAppDomain-%.200s\n", item->key);
	if (len >= sizeof(domains))
		return err_set(err, ERR_LIMIT, "too many apps are kept out of backups");
	pthread_mutex_lock(&device->lock);
	memcpy(device->kept_out, domains, sizeof(domains));
	pthread_mutex_unlock(&device->lock);
	return sim_fact_put(device, "kept_out", domains, err);
}

int sim_managed_apps_leave(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	for (const struct plist *item = sim_managed_apps(device, doc)->as.items.first;
	     item && r == 0; item = item->next)
		if (flags_of(item) & SIM_APP_GOES_WITH_MDM)
			r = sim_app_remove(device, item->key, err);
	if (r == 0)
		r = sim_profiles_drop(device, APPS_PATH, err);
	return r < 0 ? r : sim_kept_out_refresh(device, err);
}

/* ---- lists ---- */

/* Identifiers, where the command names some */
static bool is_asked_for(const struct sim_turn *turn, const char *bundle)
{
	const struct plist *wanted = plist_get_array(turn->command, "Identifiers");

	return !wanted || plist_has_text(wanted, bundle);
}

int sim_do_installed_apps(struct sim_turn *turn, struct err *err)
{
	const struct plist *apps = sim_device_apps(turn->device, turn->doc),
			   *managed = sim_managed_apps(turn->device, turn->doc),
			   *items = plist_get_array(turn->command, "Items");
	struct plist *list = plist_new_array(turn->doc);
	bool managed_only = turn->relation->is_user_enrollment;

	(void)err;
	plist_get_bool(turn->command, "ManagedAppsOnly", &managed_only);
	for (const struct plist *app = apps->as.items.first; app; app = app->next) {
		struct plist *entry = plist_new_dict(turn->doc);

		if (!is_asked_for(turn, app->key) ||
		    (managed_only && !plist_get(managed, app->key)))
			continue;
		plist_set_text(turn->doc, entry, "Identifier", app->key);
		plist_set_text(turn->doc, entry, "Name",
			       plist_get_text(app, "CFBundleDisplayName"));
		plist_set_text(turn->doc, entry, "Version", plist_get_text(app, "CFBundleVersion"));
		plist_set_text(turn->doc, entry, "ShortVersion",
			       plist_get_text(app, "CFBundleVersion"));
		plist_set_bool(turn->doc, entry, "Installing", false);
		plist_set_bool(turn->doc, entry, "IsValidated", true);
		/* costly to count: from 26 on only where asked for */
		if (turn->os < 260000 || plist_has_text(items, "DynamicSize"))
			plist_set_int(turn->doc, entry, "DynamicSize",
				      sim_app_size(turn->device, app->key));
		plist_add(turn->doc, list, entry);
	}
	plist_set(turn->doc, turn->reply, "InstalledApplicationList", list);
	return 0;
}

int sim_do_managed_apps(struct sim_turn *turn, struct err *err)
{
	const struct plist *managed = sim_managed_apps(turn->device, turn->doc);
	struct plist *list = plist_new_dict(turn->doc);

	(void)err;
	for (const struct plist *item = managed->as.items.first; item; item = item->next) {
		struct plist *entry = plist_new_dict(turn->doc);

		if (!is_asked_for(turn, item->key))
			continue;
		plist_set_text(turn->doc, entry, "Status",
			       sim_app_has(turn->device, item->key) ? "Managed"
								    : "ManagedButUninstalled");
		plist_set_int(turn->doc, entry, "ManagementFlags", flags_of(item));
		plist_set_bool(turn->doc, entry, "HasConfiguration", false);
		plist_set_bool(turn->doc, entry, "HasFeedback", false);
		plist_set_bool(turn->doc, entry, "IsValidated", true);
		plist_set(turn->doc, list, item->key, entry);
	}
	plist_set(turn->doc, turn->reply, "ManagedApplicationList", list);
	return 0;
}

/* ---- installing and removing ---- */

static int reject(struct sim_turn *turn, int code, const char *reason, const char *text)
{
	plist_set_text(turn->doc, turn->reply, "RejectionReason", reason);
	return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, code, "%s", text);
}

/* Identifier, or a name made of the store's number: there is no store to ask */
static bool bundle_of(const struct sim_turn *turn, char out[256])
{
	const char *bundle = plist_get_text(turn->command, "Identifier");
	int64_t number = 0;

	if (!bundle && plist_get_int(turn->command, "iTunesStoreID", &number) && number > 0)
		snprintf(out, 256, "store.app%lld", (long long)number);
	else
		snprintf(out, 256, "%s", bundle ? bundle : "");
	return *out && !strchr(out, '\n');
}

int sim_do_install_app(struct sim_turn *turn, struct err *err)
{
	struct plist *entry = plist_new_dict(turn->doc);
	struct sim_app app = {.version = "1.0"};
	int64_t flags = 0;
	const char *change = plist_get_text(turn->command, "ChangeManagementState");
	bool is_managed;
	int r = 0;

	if (!bundle_of(turn, app.bundle))
		return reject(turn, 12023, "CouldNotVerifyAppID", "The app could not be verified.");
	plist_get_int(turn->command, "ManagementFlags", &flags);
	is_managed = plist_get(sim_managed_apps(turn->device, turn->doc), app.bundle) != NULL;
	if (sim_app_has(turn->device, app.bundle) && !is_managed &&
	    (!change || strcmp(change, "Managed") != 0))
		return reject(turn, 12025, "AppAlreadyInstalled", "The app is already installed.");
	snprintf(app.name, sizeof(app.name), "%.127s", app.bundle);
	if (!sim_app_has(turn->device, app.bundle))
		r = sim_app_put(turn->device, &app, err);
	plist_set_text(turn->doc, entry, "State", "Managed");
	plist_set_int(turn->doc, entry, "ManagementFlags", flags);
	if (r == 0)
		r = put_managed(turn->device, app.bundle, turn->doc, entry, err);
	plist_set_text(turn->doc, turn->reply, "Identifier", app.bundle);
	plist_set_text(turn->doc, turn->reply, "State", "Managed");
	return r;
}

int sim_do_remove_app(struct sim_turn *turn, struct err *err)
{
	const char *bundle = plist_get_text(turn->command, "Identifier");
	bool is_managed =
		bundle && plist_get(sim_managed_apps(turn->device, turn->doc), bundle) != NULL;
	int r;

	if (!bundle || (!is_managed && !(turn->os >= 260000 && turn->state.is_supervised &&
					 sim_app_has(turn->device, bundle))))
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12029,
				     "The app is not managed.");
	r = sim_app_remove(turn->device, bundle, err);
	return r < 0 || !is_managed ? r : put_managed(turn->device, bundle, turn->doc, NULL, err);
}
