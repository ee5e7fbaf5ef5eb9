/* wire_apps - which apps there are (installation_proxy), and their icons (springboardservices) */
#include "sim/wire.h"

#include <string.h>

enum { APPS_PER_FRAME = 20 };

static const struct plist *options_of(const struct plist *request)
{
	return plist_get_dict(request, "ClientOptions");
}

/* every app that a device of ours has is a user's */
static bool is_wanted(const struct plist *options, const struct plist *app)
{
	const char *type = plist_get_text(options, "ApplicationType");
	const struct plist *bundles = plist_get_array(options, "BundleIDs");

	if (type && strcmp(type, "User") != 0 && strcmp(type, "Any") != 0)
		return false;
	return !bundles || plist_has_text(bundles, app->key);
}

static struct plist *describe(struct plist_doc *out, const struct plist *options,
			      const struct plist *app)
{
	const struct plist *wanted = plist_get_array(options, "ReturnAttributes"), *value;
	struct plist *dict = plist_new_dict(out);

	for (value = app->as.items.first; value; value = value->next) {
		/* icons belong to springboardservices */
		if (strcmp(value->key, "PlaceholderIcon") == 0 ||
		    (wanted && !plist_has_text(wanted, value->key)))
			continue;
		plist_set(out, dict, value->key, plist_copy(out, value));
	}
	if (!plist_get(dict, "ApplicationType") &&
	    (!wanted || plist_has_text(wanted, "ApplicationType")))
		plist_set_text(out, dict, "ApplicationType", "User");
	return dict;
}

static int complete(struct wire_peer *peer, struct err *err)
{
	struct plist *reply = wire_reply(peer);

	plist_set_text(peer->out, reply, "Status", "Complete");
	return wire_send(peer, reply, err);
}

static int browse(struct wire_peer *peer, const struct plist *options, const struct plist *apps,
		  struct err *err)
{
	const struct plist *app = apps ? apps->as.items.first : NULL;
	int64_t total = 0, index = 0;
	int r = 0;

	for (const struct plist *at = app; at; at = at->next)
		total += is_wanted(options, at);
	while (r == 0 && index < total) {
		struct plist *reply = wire_reply(peer), *list = plist_new_array(peer->out);
		int64_t amount = 0;

		for (; app && amount < APPS_PER_FRAME; app = app->next) {
			if (!is_wanted(options, app))
				continue;
			plist_add(peer->out, list, describe(peer->out, options, app));
			amount++;
		}
		plist_set_text(peer->out, reply, "Status", "BrowsingApplications");
		plist_set_int(peer->out, reply, "CurrentIndex", index);
		plist_set_int(peer->out, reply, "CurrentAmount", amount);
		plist_set_int(peer->out, reply, "Total", total);
		plist_set(peer->out, reply, "CurrentList", list);
		r = wire_send(peer, reply, err);
		index += amount;
	}
	return r < 0 ? r : complete(peer, err);
}

static int look_up(struct wire_peer *peer, const struct plist *options, const struct plist *apps,
		   struct err *err)
{
	struct plist *reply = wire_reply(peer), *found = plist_new_dict(peer->out);

	for (const struct plist *app = apps ? apps->as.items.first : NULL; app; app = app->next)
		if (is_wanted(options, app))
			plist_set(peer->out, found, app->key, describe(peer->out, options, app));
	plist_set(peer->out, reply, "LookupResult", found);
	plist_set_text(peer->out, reply, "Status", "Complete");
	return wire_send(peer, reply, err);
}

static int refuse(struct wire_peer *peer, const char *error, const char *description,
		  struct err *err)
{
	struct plist *reply = wire_reply(peer);

	plist_set_text(peer->out, reply, "Error", error);
	plist_set_text(peer->out, reply, "ErrorDescription", description);
	return wire_send(peer, reply, err);
}

/* each request of a connection, until the host goes; @apps are those of this moment */
static int speak(struct wire_peer *peer,
		 int (*answer)(struct wire_peer *peer, const struct plist *request,
			       const struct plist *apps, struct err *err),
		 struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *request;
	int r = plist_doc_new(&doc, err);

	while (r == 0) {
		r = wire_receive(peer, LINK_REQUEST_LEN_MAX, &request, err);
		if (r != 0)
			return r;
		plist_doc_reset(doc);
		r = answer(peer, request, sim_device_apps(peer->device->device, doc), err);
	}
	return r;
}

static int answer_apps(struct wire_peer *peer, const struct plist *request,
		       const struct plist *apps, struct err *err)
{
	const char *command = plist_get_text(request, "Command");

	if (command && strcmp(command, "Browse") == 0)
		return browse(peer, options_of(request), apps, err);
	if (command && strcmp(command, "Lookup") == 0)
		return look_up(peer, options_of(request), apps, err);
	return refuse(peer, "UnknownCommand", "A simulated device installs and removes no apps",
		      err);
}

int wire_speak_apps(struct wire_peer *peer, struct err *err)
{
	return speak(peer, answer_apps, err);
}

/* ---- springboardservices ---- */

/* a device that knows no icon of its own for an app shows this one: 1x1, grey */
static const uint8_t plain_icon[] = {
	0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
	0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
	0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
	0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00,
	0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

static void icon(struct wire_peer *peer, const struct plist *request, const struct plist *apps,
		 struct plist *reply)
{
	const char *bundle = plist_get_text(request, "bundleId");
	struct slice png = slice_of(plain_icon, sizeof(plain_icon));

	if (!bundle) {
		plist_set_text(peer->out, reply, "Error", "MissingBundleID");
		return;
	}
	plist_get_data(plist_get_dict(apps, bundle), "PlaceholderIcon", &png);
	plist_set_data(peer->out, reply, "pngData", png);
}

/* one page with every app: hosts only store the answer */
static void icon_state(struct wire_peer *peer, const struct plist *apps, struct plist **reply)
{
	struct plist *pages = plist_new_array(peer->out), *dock = plist_new_array(peer->out),
		     *page = plist_new_array(peer->out);

	for (const struct plist *app = apps ? apps->as.items.first : NULL; app; app = app->next) {
		struct plist *entry = plist_new_dict(peer->out);

		plist_set_text(peer->out, entry, "bundleIdentifier", app->key);
		plist_set_text(peer->out, entry, "displayIdentifier", app->key);
		plist_add(peer->out, page, entry);
	}
	plist_add(peer->out, pages, dock);
	plist_add(peer->out, pages, page);
	*reply = pages;
}

static int answer_springboard(struct wire_peer *peer, const struct plist *request,
			      const struct plist *apps, struct err *err)
{
	const char *command = plist_get_text(request, "command");
	struct plist *reply = wire_reply(peer);

	command = command ? command : "";
	if (strcmp(command, "getIconPNGData") == 0)
		icon(peer, request, apps, reply);
	else if (strcmp(command, "getIconState") == 0)
		icon_state(peer, apps, &reply);
	else if (strcmp(command, "getInterfaceOrientation") == 0)
		plist_set_int(peer->out, reply, "interfaceOrientation", 1);
	else if (strcmp(command, "getHomeScreenWallpaperPNGData") == 0)
		plist_set_data(peer->out, reply, "pngData",
			       slice_of(plain_icon, sizeof(plain_icon)));
	else
		plist_set_text(peer->out, reply, "Error", "UnknownCommand");
	return wire_send(peer, reply, err);
}

int wire_speak_springboard(struct wire_peer *peer, struct err *err)
{
	return speak(peer, answer_springboard, err);
}
