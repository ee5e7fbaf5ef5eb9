/* What all messages of devices have in common: who sends them, and values with limits */
#include "mdm/internal.h"

#include <string.h>

/* a message nests a few levels; an app list is long (500 apps have 20,000 values), not deep */
static const struct plist_limits limits = {MDM_REPORT_MAX, 1u << 18, 16};

/* the user of every Shared iPad: the name tells them apart (docs/protocol/mdm.md, "Identifiers") */
#define SHARED_USER "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"

/* Bytes of texts, keys and data below @value.  A binary list may name one long text a thousand
 * times; whoever writes it out, as JSON or XML, writes it as often. */
static size_t content_len(const struct plist *value)
{
	const struct plist *item;
	size_t len = 0;

	switch (value->type) {
	case PLIST_STRING:
		return value->as.string.len;
	case PLIST_DATA:
		return value->as.data.len;
	case PLIST_ARRAY:
	case PLIST_DICT:
		for (item = value->as.items.first; item; item = item->next)
			len += item->key_len + content_len(item);
		return len;
	default:
		return 0;
	}
}

int mdm_open(struct plist_doc *doc, struct slice bytes, size_t max, const char *what,
	     const struct plist **root, struct err *err)
{
	const struct plist *list;
	int r;

	if (bytes.len > max)
		return err_set(err, ERR_LIMIT, "%s of %zu bytes, limit %zu", what, bytes.len, max);
	r = plist_parse(doc, bytes, &limits, &list, err);
	if (r < 0)
		return err_wrap(err, r, "%s", what);
	if (list->type != PLIST_DICT)
		return err_set(err, ERR_PROTOCOL, "%s is no dictionary", what);
	if (content_len(list) > max)
		return err_set(err, ERR_LIMIT, "%s repeats its texts to %zu bytes, limit %zu", what,
			       content_len(list), max);
	*root = list;
	return 0;
}

static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

int mdm_read_text(const struct plist *dict, const char *key, size_t max, bool is_required,
		  const char **text, struct err *err)
{
	const struct plist *value = plist_get(dict, key);
	const char *found = plist_text(value);

	*text = NULL;
	if (!value && !is_required)
		return 0;
	if (!value)
		return err_set(err, ERR_PROTOCOL, "%s is missing", key);
	if (!found)
		return err_set(err, ERR_PROTOCOL, "%s is no text", key);
	if (value->as.string.len > max)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, limit %zu", key,
			       value->as.string.len, max);
	if (!is_clean(found))
		return err_set(err, ERR_PROTOCOL, "%s has control characters", key);
	if (is_required && !*found)
		return err_set(err, ERR_PROTOCOL, "%s is empty", key);
	*text = found;
	return 0;
}

int mdm_read_data(const struct plist *dict, const char *key, size_t max, bool is_required,
		  struct slice *data, bool *has, struct err *err)
{
	const struct plist *value = plist_get(dict, key);

	*data = SLICE_EMPTY;
	if (has)
		*has = value;
	if (!value && !is_required)
		return 0;
	if (!value)
		return err_set(err, ERR_PROTOCOL, "%s is missing", key);
	if (value->type != PLIST_DATA)
		return err_set(err, ERR_PROTOCOL, "%s is no data", key);
	if (value->as.data.len > max)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, limit %zu", key,
			       value->as.data.len, max);
	*data = value->as.data;
	return 0;
}

/* An id becomes a key, a part of URLs and of log lines: printable ASCII without space, and no ':',
 * which parts the device from its user. */
static int check_id(const char *key, const char *id, struct err *err)
{
	const char *at;

	for (at = id; *at; at++)
		if (*at <= 0x20 || *at >= 0x7f || *at == ':' || *at == '/')
			return err_set(err, ERR_PROTOCOL, "%s has a character that no id has", key);
	return 0;
}

int mdm_sender_read(const struct plist *message, struct mdm_sender *sender, struct err *err)
{
	const char *udid, *enrollment, *user, *name, *device;
	int r;

	memset(sender, 0, sizeof(*sender));
	/* half of the room each, for device and user */
	r = mdm_read_text(message, "UDID", MDM_ID_MAX / 2, false, &udid, err);
	if (!r)
		r = mdm_read_text(message, "EnrollmentID", MDM_ID_MAX / 2, false, &enrollment, err);
	if (!r)
		r = mdm_read_text(message, "UserID", MDM_ID_MAX / 2, false, &user, err);
	if (!r)
		r = mdm_read_text(message, "UserShortName", MDM_ID_MAX / 2, false, &name, err);
	if (r < 0)
		return r;
	device = udid && *udid ? udid : enrollment;
	if (!device || !*device)
		return err_set(err, ERR_PROTOCOL, "neither UDID nor EnrollmentID");
	r = check_id(udid && *udid ? "UDID" : "EnrollmentID", device, err);
	if (r < 0)
		return r;
	snprintf(sender->device_id, sizeof(sender->device_id), "%s", device);
	sender->is_user_enrollment = device != udid;
	sender->is_user_channel = user && *user;
	if (!sender->is_user_channel) {
		snprintf(sender->id, sizeof(sender->id), "%s", device);
		return 0;
	}
	if (!strcmp(user, SHARED_USER)) {
		if (!name || !*name)
			return err_set(err, ERR_PROTOCOL, "UserShortName is missing");
		user = name;
	}
	r = check_id("UserID", user, err);
	if (r < 0)
		return r;
	snprintf(sender->id, sizeof(sender->id), "%s:%s", device, user);
	return 0;
}
