/*
 * DeviceLink control messages, reading (9.2, 9.3).
 *
 * Arrays whose layout differs a little between versions: what a message cannot do without is
 * required and of its type, everything else is taken if it is there and makes sense.
 */
#include <math.h>
#include <string.h>

#include "link/link.h"

static const struct {
	const char *name;
	enum link_dl_kind kind;
} dl_names[] = {
	{"DLMessageVersionExchange", LINK_DL_VERSION_EXCHANGE},
	{"DLMessageDeviceReady", LINK_DL_DEVICE_READY},
	{"DLMessageDownloadFiles", LINK_DL_DOWNLOAD_FILES},
	{"DLMessageUploadFiles", LINK_DL_UPLOAD_FILES},
	{"DLContentsOfDirectory", LINK_DL_CONTENTS},
	{"DLMessageCreateDirectory", LINK_DL_CREATE_DIRECTORY},
	{"DLMessageMoveItems", LINK_DL_MOVE_ITEMS},
	{"DLMessageMoveFiles", LINK_DL_MOVE_ITEMS},
	{"DLMessageRemoveItems", LINK_DL_REMOVE_ITEMS},
	{"DLMessageRemoveFiles", LINK_DL_REMOVE_ITEMS},
	{"DLMessageCopyItem", LINK_DL_COPY_ITEM},
	{"DLMessageGetFreeDiskSpace", LINK_DL_FREE_SPACE},
	{"DLMessagePurgeDiskSpace", LINK_DL_PURGE_SPACE},
	{"DLMessageProcessMessage", LINK_DL_PROCESS_MESSAGE},
	{"DLMessageStatusResponse", LINK_DL_STATUS},
	{"DLMessageDisconnect", LINK_DL_DISCONNECT},
};

static enum link_dl_kind kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(dl_names); i++) {
		if (!strcmp(dl_names[i].name, name))
			return dl_names[i].kind;
	}
	return LINK_DL_UNKNOWN;
}

/* ---- what may be missing: each yields NULL, 0 or NAN then ---- */

static bool is_empty_marker(const struct plist *value)
{
	const char *text = plist_text(value);

	return text && !strcmp(text, LINK_DL_EMPTY);
}

static const struct plist *value_at(const struct plist *root, size_t index)
{
	const struct plist *value = plist_at(root, index);

	return is_empty_marker(value) ? NULL : value;
}

static const char *text_at(const struct plist *root, size_t index)
{
	return plist_text(value_at(root, index));
}

/*
 * Signed reading of the low 64 bits: -13 stays -13 whether it was written as 8 bytes of two's
 * complement, as 16 bytes unsigned, or as 18446744073709551603.  Whole reals count as integers.
 */
static bool int_at(const struct plist *root, size_t index, int64_t *number)
{
	return plist_int(plist_at(root, index), number);
}

static int64_t amount_at(const struct plist *root, size_t index)
{
	int64_t number = 0;

	return int_at(root, index, &number) && number > 0 ? number : 0;
}

static double progress_at(const struct plist *root, size_t index)
{
	const struct plist *value = plist_at(root, index);
	double percent = NAN;

	if (value && value->type == PLIST_REAL)
		percent = value->as.real;
	else if (value && value->type == PLIST_INT)
		percent = (double)value->as.integer;
	return percent >= 0 && percent <= 100 ? percent : NAN;
}

/* ---- what must be there ---- */

static int miss(const struct link_dl *message, size_t index, const char *what, struct err *err)
{
	return err_set(err, ERR_PROTOCOL, "%s: element %zu is not %s", message->name, index, what);
}

static int need_path(const struct plist *root, size_t index, const struct link_dl *message,
		     const char **path, struct err *err)
{
	const struct plist *value = plist_at(root, index);

	/* a name with a NUL inside is no text: cut short it would name another file */
	*path = is_empty_marker(value) ? "" : plist_text(value);
	return *path ? 0 : miss(message, index, "a path", err);
}

static int need_type(const struct plist *root, size_t index, const struct link_dl *message,
		     enum plist_type type, const struct plist **value, struct err *err)
{
	*value = plist_at(root, index);
	if (*value && (*value)->type == type)
		return 0;
	*value = NULL;
	return miss(message, index, type == PLIST_ARRAY ? "an array" : "a dictionary", err);
}

/* a device says [name, major, minor], a host [name, "DLVersionsOk", major] */
static int parse_version(const struct plist *root, struct link_dl *message, struct err *err)
{
	message->text = text_at(root, 1);
	if (message->text) {
		int_at(root, 2, &message->major);
		return 0;
	}
	if (!int_at(root, 1, &message->major))
		return miss(message, 1, "a version", err);
	int_at(root, 2, &message->minor);
	return 0;
}

static int parse_copy(const struct plist *root, struct link_dl *message, struct err *err)
{
	int r = need_path(root, 1, message, &message->path, err);

	return r < 0 ? r : need_path(root, 2, message, &message->destination, err);
}

static int parse_status(const struct plist *root, struct link_dl *message, struct err *err)
{
	if (!int_at(root, 1, &message->code))
		return miss(message, 1, "a status code", err);
	message->text = text_at(root, 2);
	message->value = value_at(root, 3);
	return 0;
}

/* the elements after the name, by kind; the layouts are those of 9.3 */
static int parse_elements(const struct plist *root, struct link_dl *message, struct err *err)
{
	switch (message->kind) {
	case LINK_DL_VERSION_EXCHANGE:
		return parse_version(root, message, err);
	case LINK_DL_DOWNLOAD_FILES:
	case LINK_DL_REMOVE_ITEMS:
		message->progress = progress_at(root, 3);
		return need_type(root, 1, message, PLIST_ARRAY, &message->paths, err);
	case LINK_DL_UPLOAD_FILES:
		message->progress = progress_at(root, 2);
		message->total = (uint64_t)amount_at(root, 3);
		return 0;
	case LINK_DL_MOVE_ITEMS:
		message->progress = progress_at(root, 3);
		return need_type(root, 1, message, PLIST_DICT, &message->moves, err);
	case LINK_DL_CONTENTS:
	case LINK_DL_CREATE_DIRECTORY:
		return need_path(root, 1, message, &message->path, err);
	case LINK_DL_COPY_ITEM:
		return parse_copy(root, message, err);
	case LINK_DL_PURGE_SPACE:
		message->bytes = amount_at(root, 1);
		int_at(root, 2, &message->urgency);
		return 0;
	case LINK_DL_PROCESS_MESSAGE:
		return need_type(root, 1, message, PLIST_DICT, &message->message, err);
	case LINK_DL_STATUS:
		return parse_status(root, message, err);
	case LINK_DL_DISCONNECT:
		message->text = text_at(root, 1);
		return 0;
	case LINK_DL_DEVICE_READY:
	case LINK_DL_FREE_SPACE:
	case LINK_DL_UNKNOWN:
		return 0;
	}
	return 0;
}

int link_dl_parse(const struct plist *root, struct link_dl *message, struct err *err)
{
	*message = (struct link_dl){.kind = LINK_DL_UNKNOWN, .progress = NAN};
	if (!root || root->type != PLIST_ARRAY)
		return err_set(err, ERR_PROTOCOL, "a DeviceLink message that is not an array");
	message->name = plist_text(plist_at(root, 0));
	if (!message->name)
		return err_set(err, ERR_PROTOCOL, "a DeviceLink message without a name");
	message->kind = kind_of(message->name);
	return parse_elements(root, message, err);
}
