/*
 * device_cloud - the organisation's claim on a device, as files
 *
 * CloudConfigurationDetails.plist is what the device lives by; the set-aside copy is what Apple
 * handed out at the last activation, and what a restore is compared with.
 */
#include "sim/management.h"

#include <string.h>

enum { CLOUD_LEN_MAX = 1 << 20 };

/* ---- services ---- */

const char *sim_server_url(const char *name, char out[SIM_SERVER_LEN])
{
	snprintf(out, SIM_SERVER_LEN, strstr(name, "://") ? "%.255s" : "https://%.200s.example/mdm",
		 name);
	return out;
}

const char *sim_server_host(const char *name, char out[SIM_SERVER_LEN])
{
	char url[SIM_SERVER_LEN];
	const char *host = strstr(sim_server_url(name, url), "://") + 3;

	snprintf(out, SIM_SERVER_LEN, "%.*s", (int)strcspn(host, "/:"), host);
	return out;
}

/* ---- reading ---- */

static const struct {
	const char *key;
	size_t at;
} flags[] = {
	{"IsSupervised", offsetof(struct sim_cloud, is_supervised)},
	{"IsMandatory", offsetof(struct sim_cloud, is_mandatory)},
	{"IsMDMUnremovable", offsetof(struct sim_cloud, is_unremovable)},
	{"IgnoreMDMFromBackup", offsetof(struct sim_cloud, ignores_backup)},
	{"HasUndergoneMigration", offsetof(struct sim_cloud, has_migrated)},
	{"IsMultiUser", offsetof(struct sim_cloud, is_multi_user)},
};

static const struct {
	const char *key;
	size_t at, len;
} texts[] = {
	{"ConfigurationURL", offsetof(struct sim_cloud, url), SIM_SERVER_LEN},
	{"MDMServerUID", offsetof(struct sim_cloud, server_uid), SIM_WORD_LEN},
	{"OrganizationName", offsetof(struct sim_cloud, organization), SIM_WORD_LEN},
};

/* one that is longer than any is none that we could store again */
static void supervisor_take(const struct plist *dict, struct sim_supervisor *supervisor)
{
	const struct plist *list = plist_get_array(dict, "SupervisorHostCertificates");
	const struct plist *first = list ? list->as.items.first : NULL;

	if (!first || first->type != PLIST_DATA || first->as.data.len > SIM_SUPERVISOR_MAX)
		return;
	memcpy(supervisor->der, first->as.data.bytes, first->as.data.len);
	supervisor->len = first->as.data.len;
}

static void cloud_take(const struct plist *dict, struct sim_cloud *cloud)
{
	const struct plist *panes = plist_get_array(dict, "SkipSetup");
	int64_t source = 0;

	*cloud = (struct sim_cloud){0};
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++)
		plist_get_bool(dict, flags[i].key, (bool *)((char *)cloud + flags[i].at));
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		const char *text = plist_get_text(dict, texts[i].key);

		if (text)
			snprintf((char *)cloud + texts[i].at, texts[i].len, "%s", text);
	}
	plist_get_int(dict, "ConfigurationSource", &source);
	cloud->source = (enum sim_cloud_source)source;
	plist_get_int(dict, "ProvisionalEnrollmentExpiry", &cloud->provisional_until);
	cloud->hides_restore = plist_has_text(panes, "Restore");
	supervisor_take(dict, &cloud->supervisor);
}

int sim_cloud_load(struct sim_device *device, const char *path, struct sim_cloud *cloud,
		   struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(CLOUD_LEN_MAX);
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root;
	int r = sim_file_load(device, SIM_PROFILES_DOMAIN, path, &bytes, err);

	if (r == SIM_FILES_ABSENT)
		return SIM_DEVICE_ABSENT;
	if (r == 0)
		r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	/* what is no property list tells the device nothing */
	if (plist_parse(doc, buf_slice(&bytes), &limits, &root, NULL) < 0)
		return SIM_DEVICE_ABSENT;
	cloud_take(root, cloud);
	return 0;
}

/* ---- writing ---- */

static struct plist *cloud_make(struct plist_doc *doc, const struct sim_cloud *cloud,
				bool is_applied)
{
	struct plist *dict = plist_new_dict(doc), *panes = plist_new_array(doc),
		     *certs = plist_new_array(doc);

	plist_set_int(doc, dict, "ConfigurationSource", cloud->source);
	plist_set_bool(doc, dict, "AllowPairing", true);
	plist_set_bool(doc, dict, "CloudConfigurationUIComplete", is_applied);
	plist_set_bool(doc, dict, "ConfigurationWasApplied", is_applied);
	plist_set_bool(doc, dict, "PostSetupProfileWasInstalled", is_applied);
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		bool value = *(const bool *)((const char *)cloud + flags[i].at);

		if (value || i < 3)
			plist_set_bool(doc, dict, flags[i].key, value);
	}
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		const char *text = (const char *)cloud + texts[i].at;

		if (*text)
			plist_set_text(doc, dict, texts[i].key, text);
	}
	if (cloud->provisional_until)
		plist_set_int(doc, dict, "ProvisionalEnrollmentExpiry", cloud->provisional_until);
	if (cloud->hides_restore)
		plist_add(doc, panes, plist_new_text(doc, "Restore"));
	plist_set(doc, dict, "SkipSetup", panes);
	if (cloud->supervisor.len) {
		plist_add(doc, certs,
			  plist_new_data(doc,
					 slice_of(cloud->supervisor.der, cloud->supervisor.len)));
		plist_set(doc, dict, "SupervisorHostCertificates", certs);
	}
	return dict;
}

static int supervision_follows(struct sim_device *device, const char *path, struct err *err)
{
	return strcmp(path, SIM_CLOUD_PATH) ? 0 : sim_device_supervision_refresh(device, err);
}

int sim_cloud_store(struct sim_device *device, const char *path, const struct sim_cloud *cloud,
		    struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(CLOUD_LEN_MAX);
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = plist_write_binary(doc, cloud_make(doc, cloud, !strcmp(path, SIM_CLOUD_PATH)),
				       &bytes, err);
	if (r == 0)
		r = sim_file_store(device, SIM_PROFILES_DOMAIN, path, buf_slice(&bytes), err);
	return r < 0 ? r : supervision_follows(device, path, err);
}

int sim_cloud_remove(struct sim_device *device, const char *path, struct err *err)
{
	int r = sim_file_delete(device, SIM_PROFILES_DOMAIN, path, err);

	return r < 0 ? r : supervision_follows(device, path, err);
}
