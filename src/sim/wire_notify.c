/*
 * wire_notify - notification_proxy: hosts observe names, post names, and are told
 *
 * Notifications are relayed to every proxy of the device that observes them, whoever posted:
 * another host, the device itself (the passcode prompt), or the person who cancels.
 */
#include "sim/wire.h"

#include <string.h>

enum { NAMES_MAX = 256 };

void wire_notify(struct wire_device *device, const char *name)
{
	struct wire_item item = {.number = 0};

	snprintf(item.text, sizeof(item.text), "%s", name);
	pthread_mutex_lock(&device->mutex);
	for (struct wire_inbox *inbox = device->observers; inbox; inbox = inbox->next)
		if (plist_has_text(inbox->names, name))
			wire_inbox_put(inbox, &item);
	pthread_mutex_unlock(&device->mutex);
}

static void join(struct wire_device *device, struct wire_inbox *inbox)
{
	pthread_mutex_lock(&device->mutex);
	inbox->next = device->observers;
	device->observers = inbox;
	pthread_mutex_unlock(&device->mutex);
}

static void leave(struct wire_device *device, struct wire_inbox *inbox)
{
	struct wire_inbox **at;

	pthread_mutex_lock(&device->mutex);
	for (at = &device->observers; *at; at = &(*at)->next) {
		if (*at == inbox) {
			*at = inbox->next;
			break;
		}
	}
	pthread_mutex_unlock(&device->mutex);
}

/* the list is read by posting threads: changed under the device's mutex only */
static void observe(struct wire_device *device, struct wire_inbox *inbox, const char *name)
{
	pthread_mutex_lock(&device->mutex);
	if (inbox->names->as.items.count < NAMES_MAX && !plist_has_text(inbox->names, name))
		plist_add(inbox->names_doc, inbox->names, plist_new_text(inbox->names_doc, name));
	pthread_mutex_unlock(&device->mutex);
}

static int obey(struct wire_peer *peer, struct wire_inbox *inbox, struct err *err)
{
	const struct plist *request;
	const char *command, *name;
	struct plist *reply;
	int r;

	r = wire_receive(peer, LINK_REQUEST_LEN_MAX, &request, err);
	if (r != 0)
		return r;
	command = plist_get_text(request, "Command");
	name = plist_get_text(request, "Name");
	if (!command)
		return err_set(err, ERR_PROTOCOL, "%s: a message without Command", peer->service);
	if (strcmp(command, "ObserveNotification") == 0 && name)
		observe(peer->device, inbox, name);
	else if (strcmp(command, "PostNotification") == 0 && name)
		wire_notify(peer->device, name);
	if (strcmp(command, "Shutdown") != 0)
		return 0;
	reply = wire_reply(peer);
	plist_set_text(peer->out, reply, "Command", "ProxyDeath");
	r = wire_send(peer, reply, err);
	return r < 0 ? r : WIRE_END;
}

static int relay(struct wire_peer *peer, const struct wire_item *item, struct err *err)
{
	struct plist *event = wire_reply(peer);

	plist_set_text(peer->out, event, "Command", "RelayNotification");
	plist_set_text(peer->out, event, "Name", item->text);
	return wire_send(peer, event, err);
}

int wire_speak_notifications(struct wire_peer *peer, struct err *err)
{
	CLEANUP(wire_inbox_clear) struct wire_inbox inbox;
	struct wire_item item;
	int r;

	r = wire_inbox_init(&inbox, err);
	if (r == 0)
		r = plist_doc_new(&inbox.names_doc, err);
	if (r < 0)
		return r;
	inbox.names = plist_new_array(inbox.names_doc);
	if (!inbox.names)
		return err_no_memory(err);
	join(peer->device, &inbox);
	do {
		r = wire_inbox_wait(&inbox, peer, err);
		while (r == 0 && wire_inbox_take(&inbox, &item))
			r = relay(peer, &item, err);
		if (r == 0 && conn_is_readable(peer->conn))
			r = obey(peer, &inbox, err);
	} while (r == 0);
	leave(peer->device, &inbox);
	return r;
}
