/*
 * MCInstall (15): the requests by which a host reads a device's management, and their answers.
 *
 * Rehome reads the list of profiles and the cloud configuration, and asks for no change.
 */
#include <string.h>

#include "link/link.h"

struct plist *link_mc_request(struct plist_doc *doc, const char *type)
{
	struct plist *request = plist_new_dict(doc);

	plist_set_text(doc, request, "RequestType", type);
	return request;
}

int link_mc_check(const struct plist *reply, const char *type, struct err *err)
{
	const char *status = plist_get_text(reply, "Status"), *text;
	const struct plist *chain = plist_get_array(reply, "ErrorChain"), *first;
	char quoted[400];

	if (!status)
		return err_set(err, ERR_PROTOCOL, "the answer to %s has no Status", type);
	if (!strcmp(status, "Acknowledged"))
		return 0;
	first = chain ? chain->as.items.first : NULL; /* the outermost reason stands first */
	text = plist_get_text(first, "USEnglishDescription");
	if (!text)
		text = plist_get_text(first, "LocalizedDescription");
	if (!text)
		text = status;
	text_quote(text, strlen(text), quoted);
	return err_set(err, ERR_DEVICE, "the device refused %s: %s", type, quoted);
}

static enum link_answer answer_at(const struct plist *dict, const char *key)
{
	bool value;

	if (!plist_get_bool(dict, key, &value))
		return LINK_UNKNOWN;
	return value ? LINK_YES : LINK_NO;
}

void link_mc_cloud_read(const struct plist *reply, struct link_mc_cloud *out)
{
	const struct plist *cloud = plist_get_dict(reply, "CloudConfiguration"), *panes;

	*out = (struct link_mc_cloud){.source = LINK_MC_SOURCE_UNKNOWN};
	if (!cloud)
		return;
	plist_get_int(cloud, "ConfigurationSource", &out->source);
	out->is_supervised = answer_at(cloud, "IsSupervised");
	out->is_mandatory = answer_at(cloud, "IsMandatory");
	out->is_unremovable = answer_at(cloud, "IsMDMUnremovable");
	out->is_multi_user = answer_at(cloud, "IsMultiUser");
	out->ignores_backup = answer_at(cloud, "IgnoreMDMFromBackup");
	out->ui_is_complete = answer_at(cloud, "CloudConfigurationUIComplete");
	out->url = plist_get_text(cloud, "ConfigurationURL");
	out->organization = plist_get_text(cloud, "OrganizationName");
	panes = plist_get_array(cloud, "SkipSetup");
	if (panes)
		out->hides_restore = plist_has_text(panes, "Restore") ? LINK_YES : LINK_NO;
}

/* the documents name no payload types here; a device that does tell them is believed */
static const struct plist *mdm_payload(const struct plist *profile)
{
	const struct plist *payloads = plist_get_array(profile, "PayloadContent");
	const char *type;

	for (const struct plist *at = payloads ? payloads->as.items.first : NULL; at;
	     at = at->next) {
		type = plist_get_text(at, "PayloadType");
		if (type && !strcmp(type, "com.apple.mdm"))
			return at;
	}
	return NULL;
}

void link_mc_profiles_read(const struct plist *reply, struct link_mc_profiles *out)
{
	const struct plist *order = plist_get_array(reply, "OrderedIdentifiers"),
			   *all = plist_get_dict(reply, "ProfileMetadata"), *mdm;
	bool is_kept;

	*out = (struct link_mc_profiles){0};
	if (!order && !all)
		return;
	out->is_told = true;
	out->count = all ? all->as.items.count : 0;
	if (order && order->as.items.count > out->count)
		out->count = order->as.items.count;
	for (const struct plist *at = all ? all->as.items.first : NULL; at; at = at->next) {
		mdm = mdm_payload(at);
		if (mdm) {
			out->has_mdm = true;
			out->server_url = plist_get_text(mdm, "ServerURL");
			out->organization = plist_get_text(at, "PayloadOrganization");
		}
		if (plist_get_bool(at, "PayloadRemovalDisallowed", &is_kept) && is_kept)
			out->has_locked = true;
	}
}
