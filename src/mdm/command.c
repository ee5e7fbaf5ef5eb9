/* Commands: what is known of each kind, reading what somebody wrote, writing what a device gets */
#include "mdm/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	SUP = MDM_NEEDS_SUPERVISION,
	NOUE = MDM_NOT_FOR_USERS,
	SOON = MDM_NEVER_NOT_NOW,
	INV = MDM_IS_INVENTORY,
	BAD = MDM_IS_DANGEROUS,
};
enum { URGENT = 1, NORMAL = 2, BACKGROUND = 3 };

/* docs/protocol/mdm.md, "Commands" */
static const struct mdm_command_kind kinds[] = {
	{"DeviceInformation", 400, 0, 0, SOON | INV, BACKGROUND, "name, OS, capacity, numbers"},
	{"SecurityInfo", 400, 0, 1024, INV, BACKGROUND, "passcode, encryption, kind of management"},
	{"ProfileList", 400, 0, 1, SOON | INV, BACKGROUND, "profiles that are installed"},
	{"InstallProfile", 400, 0, 2, 0, NORMAL, "install a configuration profile"},
	{"RemoveProfile", 400, 0, 2, BAD, NORMAL, "remove a profile by its identifier"},
	{"CertificateList", 400, 0, 1, INV, BACKGROUND, "certificates that are installed"},
	{"ProvisioningProfileList", 400, 0, 64, SOON | INV, BACKGROUND, "provisioning profiles"},
	{"InstalledApplicationList", 500, 0, 256, SOON | INV, BACKGROUND, "apps with their sizes"},
	{"ManagedApplicationList", 500, 0, 4096, INV, BACKGROUND, "managed apps and their state"},
	{"ManagedApplicationAttributes", 700, 0, 4096, 0, NORMAL, "attributes of managed apps"},
	{"ManagedApplicationConfiguration", 700, 0, 4096, 0, NORMAL,
	 "configuration of managed apps"},
	{"ManagedApplicationFeedback", 700, 0, 4096, 0, NORMAL, "what managed apps report"},
	{"InstallApplication", 500, 0, 4096, 0, NORMAL, "install or take over an app"},
	{"RemoveApplication", 500, 0, 4096, 0, NORMAL, "remove an app and its data"},
	{"InviteToProgram", 700, 0, 4096, NOUE, NORMAL, "invite a person to volume purchase"},
	{"DeviceLock", 400, 0, 4, SOON | BAD, URGENT, "lock now, with a message"},
	{"ClearPasscode", 400, 0, 4, SOON | NOUE | BAD, URGENT, "remove the passcode"},
	{"EraseDevice", 400, 0, 8, SOON | NOUE | BAD | MDM_ANSWERS_ONCE, URGENT,
	 "erase everything"},
	{"RestartDevice", 1003, 0, 4, SUP | NOUE, NORMAL, "restart at once"},
	{"ShutDownDevice", 1003, 0, 4, SUP | NOUE, NORMAL, "switch off at once"},
	{"DeviceConfigured", 900, 0, 0, SUP | NOUE, NORMAL, "let Setup Assistant go on"},
	{"Settings", 500, 0, 2048, 0, NORMAL, "name, wallpaper, roaming, organisation ..."},
	{"Restrictions", 400, 0, 512, SOON | NOUE | INV, BACKGROUND, "restrictions in force"},
	{"EnableLostMode", 903, 0, 0, SUP | NOUE, URGENT, "lock and show how to bring it back"},
	{"DisableLostMode", 903, 0, 0, SUP | NOUE, URGENT, "end lost mode"},
	{"DeviceLocation", 903, 0, 0, SUP | NOUE, URGENT, "where it is, in lost mode only"},
	{"PlayLostModeSound", 1003, 0, 0, SUP | NOUE, URGENT, "play a sound, in lost mode only"},
	{"ActivationLockBypassCode", 701, 0, 0, SUP | NOUE, BACKGROUND, "the device's bypass code"},
	{"ClearActivationLockBypassCode", 701, 0, 0, SUP | NOUE, NORMAL, "forget the bypass code"},
	{"DeclarativeManagement", 1500, 0, 0, 0, NORMAL, "synchronise declarations"},
	{"RefreshCellularPlans", 1300, 0, 0, NOUE, NORMAL, "ask for an eSIM plan"},
	{"ScheduleOSUpdate", 900, 2700, 4096, SUP | NOUE, NORMAL, "update the OS (until 26)"},
	{"AvailableOSUpdates", 900, 2700, 4096, SUP | NOUE, BACKGROUND, "updates (until 26)"},
	{"OSUpdateStatus", 900, 2700, 4096, SUP | NOUE, BACKGROUND,
	 "update in progress (until 26)"},
};

const struct mdm_command_kind *mdm_command_kinds(size_t *count)
{
	*count = ARRAY_COUNT(kinds);
	return kinds;
}

const struct mdm_command_kind *mdm_command_kind(const char *request_type)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		if (!strcmp(kinds[i].request_type, request_type))
			return &kinds[i];
	return NULL;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

enum { TYPE_MAX = 63 }; /* bytes of a request type, here and in mdm_command_parse */

/* distance - letters to insert, leave out or change; @a and @b have at most TYPE_MAX */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[TYPE_MAX + 1], before, here;
	size_t len = strlen(b);

	for (unsigned j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		before = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			here = row[j];
			row[j] = least(least(row[j], row[j - 1]) + 1,
				       before + (lower(a[i - 1]) != lower(b[j - 1])));
			before = here;
		}
	}
	return row[len];
}

static bool holds(const char *text, const char *part)
{
	for (; *text; text++) {
		size_t n = 0;

		while (part[n] && lower(text[n]) == lower(part[n]))
			n++;
		if (!part[n])
			return true;
	}
	return false;
}

const char *mdm_command_nearest(const char *word)
{
	size_t len = strlen(word);
	unsigned limit = 1 + (unsigned)len / 4;
	const char *found = NULL;

	if (len < 4 || len > TYPE_MAX)
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		unsigned far = distance(word, kinds[i].request_type);

		if (far <= limit) {
			found = kinds[i].request_type;
			limit = far - (far > 0);
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(kinds) && !found; i++)
		if (holds(kinds[i].request_type, word))
			found = kinds[i].request_type;
	return found;
}

unsigned mdm_os_number(const char *os)
{
	char *end;
	unsigned long major, minor = 0;

	if (!os || *os < '0' || *os > '9')
		return 0;
	major = strtoul(os, &end, 10);
	if (*end == '.' && end[1] >= '0' && end[1] <= '9')
		minor = strtoul(end + 1, &end, 10);
	if (major > 999 || minor > 99 || (*end && *end != '.' && *end != ' '))
		return 0;
	return (unsigned)(major * 100 + minor);
}

static int read_command(const struct plist *dict, struct mdm_command *command, struct err *err)
{
	int r = mdm_read_text(dict, "RequestType", TYPE_MAX, true, &command->request_type, err);

	command->command = dict;
	if (!r && !strcmp(command->request_type, "RemoveProfile"))
		r = mdm_read_text(dict, "Identifier", 255, true, &command->identifier, err);
	if (!r && !strcmp(command->request_type, "InstallProfile"))
		r = mdm_read_data(dict, "Payload", MDM_PROFILE_MAX, true, &command->payload, NULL,
				  err);
	return r;
}

int mdm_command_parse(struct plist_doc *doc, struct slice bytes, struct mdm_command *command,
		      struct err *err)
{
	struct mdm_command read = {.uuid = NULL};
	const struct plist *root, *dict;
	int r = mdm_open(doc, bytes, MDM_COMMAND_MAX, "command", &root, err);

	if (r < 0)
		return r;
	dict = plist_get_dict(root, "Command");
	if (!dict && plist_get(root, "Command"))
		return err_set(err, ERR_PROTOCOL, "Command is no dictionary");
	r = mdm_read_text(root, "CommandUUID", MDM_UUID_MAX, false, &read.uuid, err);
	if (!r)
		r = read_command(dict ? dict : root, &read, err);
	if (r < 0)
		return r;
	*command = read;
	return 0;
}

/* The keys of @command in order, but a CommandUUID beside them and, with @skip, that one */
static void copy_keys(struct plist_doc *doc, struct plist *to, const struct plist *command,
		      const char *skip)
{
	const struct plist *item;

	for (item = command->as.items.first; item; item = item->next)
		if (strcmp(item->key, "CommandUUID") != 0 && (!skip || strcmp(item->key, skip)))
			plist_set_len(doc, to, item->key, item->key_len, plist_copy(doc, item));
}

int mdm_command_write(const struct plist *command, const char *uuid, struct slice unlock_token,
		      struct buf *out, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *root, *dict;
	const char *type = plist_get_text(command, "RequestType");
	bool is_clearing = unlock_token.len && type && !strcmp(type, "ClearPasscode");
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	root = plist_new_dict(doc);
	dict = plist_new_dict(doc);
	copy_keys(doc, dict, command, is_clearing ? "UnlockToken" : NULL);
	if (is_clearing)
		plist_set_data(doc, dict, "UnlockToken", unlock_token);
	plist_set_text(doc, root, "CommandUUID", uuid);
	plist_set(doc, root, "Command", dict);
	return plist_write_xml(doc, root, out, err);
}
