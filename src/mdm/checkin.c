/* Check-in: what a device tells of its enrollment */
#include "mdm/internal.h"

#include <string.h>

static const char *const names[] = {
	[MDM_AUTHENTICATE] = "Authenticate",
	[MDM_TOKEN_UPDATE] = "TokenUpdate",
	[MDM_CHECK_OUT] = "CheckOut",
	[MDM_SET_BOOTSTRAP_TOKEN] = "SetBootstrapToken",
	[MDM_GET_BOOTSTRAP_TOKEN] = "GetBootstrapToken",
	[MDM_DECLARATIVE_MANAGEMENT] = "DeclarativeManagement",
	[MDM_GET_TOKEN] = "GetToken",
	[MDM_RETURN_TO_SERVICE] = "ReturnToService",
	[MDM_USER_AUTHENTICATE] = "UserAuthenticate",
};

const char *mdm_message_name(enum mdm_message message)
{
	return names[message];
}

/* Peers send Authenticate with five keys only: all that describes the device is optional. */
static int read_authenticate(const struct plist *root, struct mdm_checkin *checkin, struct err *err)
{
	const struct {
		const char *key, **text;
	} fields[] = {
		{"OSVersion", &checkin->os},        {"BuildVersion", &checkin->build},
		{"ProductName", &checkin->product}, {"SerialNumber", &checkin->serial},
		{"IMEI", &checkin->imei},           {"MEID", &checkin->meid},
	};
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_COUNT(fields) && !r; i++)
		r = mdm_read_text(root, fields[i].key, 63, false, fields[i].text, err);
	return r ? r : mdm_read_text(root, "DeviceName", 255, false, &checkin->device_name, err);
}

/* What cannot be pushed is enrolled all the same: it gets its commands when it asks. */
static int read_token_update(const struct plist *root, struct mdm_checkin *checkin, struct err *err)
{
	int r = mdm_read_data(root, "Token", MDM_TOKEN_MAX, false, &checkin->token, NULL, err);

	if (!r)
		r = mdm_read_text(root, "PushMagic", 255, false, &checkin->magic, err);
	if (!r)
		r = mdm_read_data(root, "UnlockToken", MDM_UNLOCK_MAX, false,
				  &checkin->unlock_token, &checkin->has_unlock_token, err);
	if (!r)
		plist_get_bool(root, "AwaitingConfiguration", &checkin->is_awaiting);
	return r;
}

static int read_declarative(const struct plist *root, struct mdm_checkin *checkin, struct err *err)
{
	int r = mdm_read_text(root, "Endpoint", 512, true, &checkin->endpoint, err);

	return r ? r
		 : mdm_read_data(root, "Data", MDM_CHECKIN_MAX, false, &checkin->json, NULL, err);
}

static int read_fields(const struct plist *root, struct mdm_checkin *checkin, struct err *err)
{
	switch (checkin->message) {
	case MDM_AUTHENTICATE:
		return read_authenticate(root, checkin, err);
	case MDM_TOKEN_UPDATE:
		return read_token_update(root, checkin, err);
	case MDM_SET_BOOTSTRAP_TOKEN:
		return mdm_read_data(root, "BootstrapToken", MDM_TOKEN_MAX, false,
				     &checkin->bootstrap_token, NULL, err);
	case MDM_DECLARATIVE_MANAGEMENT:
		return read_declarative(root, checkin, err);
	case MDM_GET_TOKEN:
		return mdm_read_text(root, "TokenServiceType", 255, true, &checkin->token_service,
				     err);
	case MDM_CHECK_OUT:
	case MDM_GET_BOOTSTRAP_TOKEN:
	case MDM_RETURN_TO_SERVICE:
	case MDM_USER_AUTHENTICATE:
		break;
	}
	return 0;
}

static bool needs_topic(enum mdm_message message)
{
	return message == MDM_AUTHENTICATE || message == MDM_TOKEN_UPDATE ||
	       message == MDM_CHECK_OUT;
}

int mdm_checkin_parse(struct plist_doc *doc, struct slice bytes, struct mdm_checkin *checkin,
		      struct err *err)
{
	struct mdm_checkin read = {.raw = bytes};
	const struct plist *root;
	const char *type;
	char quoted[400];
	size_t i;
	int r = mdm_open(doc, bytes, MDM_CHECKIN_MAX, "check-in message", &root, err);

	if (!r)
		r = mdm_read_text(root, "MessageType", MDM_TEXT_MAX, true, &type, err);
	if (r < 0)
		return r;
	for (i = 0; i < ARRAY_COUNT(names) && strcmp(names[i], type) != 0; i++)
		;
	if (i == ARRAY_COUNT(names))
		return err_set(err, ERR_PROTOCOL, "MessageType is %s",
			       text_quote(type, strlen(type), quoted));
	read.message = (enum mdm_message)i;
	r = mdm_sender_read(root, &read.from, err);
	if (!r)
		r = mdm_read_text(root, "Topic", 255, needs_topic(read.message), &read.topic, err);
	if (!r)
		r = read_fields(root, &read, err);
	if (r < 0)
		return err_wrap(err, r, "%s", type);
	*checkin = read;
	return 0;
}

int mdm_bootstrap_answer(struct slice token, struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *root;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	root = plist_new_dict(doc);
	if (token.len)
		plist_set_data(doc, root, "BootstrapToken", token);
	return plist_write_xml(doc, root, out, err);
}

int mdm_bootstrap_message(const char *udid, struct slice token, struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *root;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	root = plist_new_dict(doc);
	plist_set_text(doc, root, "MessageType", names[MDM_SET_BOOTSTRAP_TOKEN]);
	plist_set_text(doc, root, "UDID", udid);
	plist_set_data(doc, root, "BootstrapToken", token);
	return plist_write_xml(doc, root, out, err);
}
