/* device_managed - a device that is managed from birth, and what no backup of it holds */
#include "sim/client.h"

#include <string.h>

#define APPS_PATH SIM_PROFILES_FOLDER "/MDMAppManagement.plist"
enum { FLAG_NO_BACKUP = 4 /* InstallApplication's ManagementFlags */ };

/* ---- births ---- */

static bool is_account_driven(enum sim_kind_of_enrollment kind)
{
	return kind == SIM_ENROLLED_ADDE || kind == SIM_ENROLLED_USER;
}

int sim_management_check(const struct sim_management *management, struct err *err)
{
	const struct sim_enrollment *enrollment = &management->enrollment;

	if ((enrollment->kind == SIM_ENROLLED_NOT) != (enrollment->server[0] == 0))
		return err_set(err, ERR_USAGE, "--managed-by and --enrolled go together");
	if (enrollment->is_locked && (!management->is_supervised || !enrollment->server[0]))
		return err_set(err, ERR_USAGE,
			       "--locked: only on a supervised device that is enrolled");
	if (management->supervisor.len && !management->is_supervised)
		return err_set(err, ERR_USAGE, "--supervisor: only of a supervised device");
	if (is_account_driven(enrollment->kind) && enrollment->is_locked)
		return err_set(err, ERR_USAGE, "an account-driven enrollment is never locked");
	if (enrollment->kind == SIM_ENROLLED_ADE && !management->has_ade_record)
		return err_set(err, ERR_USAGE, "--enrolled ade leaves an ADE record");
	if (enrollment->kind == SIM_ENROLLED_CONFIGURATOR && management->has_ade_record)
		return err_set(err, ERR_USAGE, "--enrolled configurator leaves no ADE record");
	if ((management->server_uid || management->provisional_until) &&
	    !management->has_ade_record)
		return err_set(err, ERR_USAGE,
			       "--server-uid and --provisional-until are of an ADE record");
	if (management->server_uid && strlen(management->server_uid) >= SIM_WORD_LEN)
		return err_set(err, ERR_USAGE, "--server-uid: too long");
	return 0;
}

static struct sim_cloud cloud_of(const struct sim_management *management)
{
	const char *server = management->enrollment.server;
	struct sim_cloud cloud = {.is_supervised = management->is_supervised,
				  .is_mandatory = management->has_ade_record,
				  .is_unremovable = management->enrollment.is_locked,
				  .provisional_until = management->provisional_until,
				  .supervisor = management->supervisor};
	char host[SIM_SERVER_LEN];

	cloud.source = management->has_ade_record  ? SIM_CLOUD_ADE
		       : management->is_supervised ? SIM_CLOUD_CONFIGURATOR
						   : SIM_CLOUD_NOBODY;
	if (cloud.source == SIM_CLOUD_ADE) {
		sim_server_host(*server ? server : "former", host);
		snprintf(cloud.url, sizeof(cloud.url), "https://%.200s/enroll", host);
		snprintf(cloud.organization, sizeof(cloud.organization), "%.63s", host);
	}
	if (management->server_uid)
		snprintf(cloud.server_uid, sizeof(cloud.server_uid), "%s", management->server_uid);
	return cloud;
}

/* a managed app that the service keeps out of backups, and a file of its own */
static int put_app(struct sim_device *device, const char *bundle, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 16);
	struct sim_app app = {.version = "1.0"};
	struct plist *root, *entry;
	char domain[256];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	snprintf(app.bundle, sizeof(app.bundle), "%s", bundle);
	snprintf(app.name, sizeof(app.name), "%.127s", bundle);
	root = plist_new_dict(doc);
	entry = plist_new_dict(doc);
	plist_set_text(doc, entry, "State", "Managed");
	plist_set_int(doc, entry, "ManagementFlags", FLAG_NO_BACKUP);
	plist_set(doc, root, bundle, entry);
	r = plist_write_binary(doc, root, &bytes, err);
	if (r == 0)
		r = sim_file_store(device, SIM_PROFILES_DOMAIN, APPS_PATH, buf_slice(&bytes), err);
	if (r == 0)
		r = sim_app_put(device, &app, err);
	if (r == 0)
		r = sim_kept_out_refresh(device, err);
	snprintf(domain, sizeof(domain), "AppDomain-%.200s", bundle);
	return r < 0 ? r
		     : sim_file_store(device, domain, "Documents/work.txt",
				      slice_text("of the organisation alone\n"), err);
}

int sim_management_begin(struct sim_device *device, const struct sim_management *management,
			 struct err *err)
{
	struct sim_cloud cloud = cloud_of(management);
	int r = sim_cloud_store(device, SIM_CLOUD_PATH, &cloud, err);

	if (r == 0 && management->enrollment.kind != SIM_ENROLLED_NOT)
		r = sim_enrollment_install(device, &management->enrollment, err);
	else if (r == 0)
		r = sim_profiles_manifest(device, err);
	if (r == 0 && management->app_not_backed_up)
		r = put_app(device, management->app_not_backed_up, err);
	return r;
}

/* ---- what no backup holds ---- */

bool sim_file_is_backed_up(const struct sim_device *device, const struct backup_file *row)
{
	static const struct {
		const char *domain, *path;
	} marked[] = {
		{SIM_PROFILES_DOMAIN, SIM_SET_ASIDE_PATH},
		{SIM_PROFILES_DOMAIN, SIM_PROFILES_FOLDER "/PostSetupSetAsideProfile.mobileconfig"},
		{SIM_PROFILES_DOMAIN, SIM_PROFILES_FOLDER "/MDMEvents.plist"},
		{"HomeDomain",
		 "Library/Preferences/com.apple.managedconfiguration.notbackedup.plist"},
		{"HomeDomain", "Library/Preferences/com.apple.purplebuddy.notbackedup.plist"},
	};

	if (device->kept_out[0]) {
		char between[300];

		snprintf(between, sizeof(between), "\n%.280s\n", row->domain);
		if (strstr(device->kept_out, between))
			return false;
	}
	for (size_t i = 0; i < ARRAY_COUNT(marked); i++)
		if (!strcmp(row->path, marked[i].path) && !strcmp(row->domain, marked[i].domain))
			return false;
	return true;
}
