/*
 * notify - one notification_proxy connection for a whole run
 *
 * Other hosts open a session, a service and a TLS connection for each of the four
 * notifications around a backup; one that stays is enough, and hears the device too.
 */
#include "job/internal.h"

#include <string.h>

#define CLIENT "com.apple.itunes-client."

static const char *const observed[] = {
	CLIENT "syncCancelRequest",
	CLIENT "syncSuspendRequest",
	CLIENT "syncResumeRequest",
	"com.apple.mobile.backup.domain_changed",
	"com.apple.LocalAuthentication.ui.presented",
	"com.apple.LocalAuthentication.ui.dismissed",
};

static int command_put(struct notify *notify, const char *command, const char *name,
		       struct err *err)
{
	struct plist_doc *doc = wire_request(&notify->wire);
	struct plist *dict = plist_new_dict(doc);

	plist_set_text(doc, dict, "Command", command);
	if (name)
		plist_set_text(doc, dict, "Name", name);
	return wire_put(&notify->wire, dict, LINK_XML, err);
}

int notify_open(struct notify *notify, struct lockdown *lockdown, struct err *err)
{
	int r;

	*notify = (struct notify){0};
	r = lockdown_service(lockdown, "com.apple.mobile.notification_proxy", false, &notify->wire,
			     err);
	if (r < 0)
		return r;
	notify->is_open = true;
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(observed); i++)
		r = command_put(notify, "ObserveNotification", observed[i], err);
	return r < 0 ? r : wire_flush(&notify->wire, err);
}

int notify_post(struct notify *notify, const char *name, struct err *err)
{
	int r = command_put(notify, "PostNotification", name, err);

	if (r == 0)
		r = wire_flush(&notify->wire, err);
	return r < 0 ? err_wrap(err, r, "post %s", name) : 0;
}

static enum notify_event event_of(const char *name)
{
	if (!name)
		return NOTIFY_OTHER;
	if (!strcmp(name, observed[0]))
		return NOTIFY_CANCEL;
	if (!strcmp(name, observed[4]))
		return NOTIFY_PASSCODE_SHOWN;
	if (!strcmp(name, observed[5]))
		return NOTIFY_PASSCODE_GONE;
	return NOTIFY_OTHER;
}

enum notify_event notify_poll(struct notify *notify)
{
	struct err ignored = ERR_INIT;
	const struct plist *event;
	const char *command;

	if (!notify->is_open || !conn_is_readable(notify->wire.conn))
		return NOTIFY_NONE;
	/* an event is small and comes in one piece; whoever sends half of one is not worth waiting
	 * for */
	conn_set_deadline(notify->wire.conn, 1000);
	if (wire_receive(&notify->wire, LINK_REQUEST_LEN_MAX, &event, &ignored) < 0) {
		wire_clear(&notify->wire);
		notify->is_open = false;
		return NOTIFY_NONE;
	}
	command = plist_get_text(event, "Command");
	if (!command || strcmp(command, "RelayNotification") != 0)
		return NOTIFY_OTHER;
	return event_of(plist_get_text(event, "Name"));
}

void notify_close(struct notify *notify)
{
	struct err ignored = ERR_INIT;

	if (notify->is_open) {
		if (command_put(notify, "Shutdown", NULL, &ignored) == 0)
			wire_flush(&notify->wire, &ignored);
		conn_tls_end(notify->wire.conn);
		wire_clear(&notify->wire);
	}
	notify->is_open = false;
}
