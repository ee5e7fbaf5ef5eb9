/* Configuration profiles, as far as a service must know them */
#include "mdm/internal.h"

#include <string.h>

static int read_payloads(const struct plist *content, struct mdm_profile *profile, struct err *err)
{
	const struct plist *item;
	const char *type;
	int r;

	for (item = content ? content->as.items.first : NULL; item; item = item->next) {
		if (item->type != PLIST_DICT)
			return err_set(err, ERR_PROTOCOL,
				       "PayloadContent holds what is no payload");
		if (profile->type_count == MDM_PAYLOADS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d payloads", MDM_PAYLOADS_MAX);
		r = mdm_read_text(item, "PayloadType", 255, true, &type, err);
		if (r < 0)
			return err_wrap(err, r, "payload %zu", profile->type_count + 1);
		profile->types[profile->type_count++] = type;
		profile->has_mdm |= !strcmp(type, "com.apple.mdm");
	}
	return 0;
}

int mdm_profile_parse(struct plist_doc *doc, struct slice bytes, struct mdm_profile *profile,
		      struct err *err)
{
	struct mdm_profile read = {NULL};
	const struct plist *root;
	const char *type;
	int r = mdm_open(doc, bytes, MDM_PROFILE_MAX, "profile", &root, err);

	if (r < 0)
		return r;
	r = mdm_read_text(root, "PayloadType", 255, true, &type, err);
	if (!r && strcmp(type, "Configuration") != 0)
		r = err_set(err, ERR_PROTOCOL, "PayloadType is not Configuration");
	if (!r)
		r = mdm_read_text(root, "PayloadIdentifier", 255, true, &read.identifier, err);
	if (!r)
		r = mdm_read_text(root, "PayloadUUID", 64, true, &read.uuid, err);
	if (!r)
		r = mdm_read_text(root, "PayloadDisplayName", 255, false, &read.name, err);
	if (!r && !plist_get_array(root, "PayloadContent") &&
	    !plist_get(root, "EncryptedPayloadContent"))
		r = err_set(err, ERR_PROTOCOL, "PayloadContent is missing");
	if (!r)
		r = read_payloads(plist_get_array(root, "PayloadContent"), &read, err);
	if (r < 0)
		return err_wrap(err, r, "profile");
	if (!read.name)
		read.name = read.identifier;
	plist_get_bool(root, "PayloadRemovalDisallowed", &read.is_removal_disallowed);
	*profile = read;
	return 0;
}

int mdm_unrecognized_body(struct buf *out, struct err *err)
{
	return buf_append_text(out,
			       "{\"code\":\"com.apple.unrecognized.device\",\"description\":"
			       "\"an operator of this service ended the enrollment\"}",
			       err);
}
