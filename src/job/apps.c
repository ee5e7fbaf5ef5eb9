/*
 * apps - which apps a person has, as Info.plist lists them
 *
 * installation_proxy tells the list, springboardservices the icons.  Icons are asked for in
 * windows: one after the other costs a round trip each, all at once could leave both sides
 * writing with nobody reading.
 */
#include "job/internal.h"

#include <stdlib.h>
#include <string.h>

enum { ICON_WINDOW = 32 };

void app_list_clear(struct app_list *apps)
{
	for (size_t i = 0; i < apps->count; i++)
		buf_clear(&apps->items[i].icon);
	free(apps->items);
	plist_doc_free_p(&apps->doc);
	*apps = (struct app_list){0};
}

/* data_keep - a copy that lives as long as the list; the doc remembers a lack of memory */
static struct slice data_keep(struct plist_doc *doc, const struct plist *entry, const char *key)
{
	struct slice data = SLICE_EMPTY;
	const struct plist *kept;

	if (!plist_get_data(entry, key, &data) || !data.len)
		return SLICE_EMPTY;
	kept = plist_new_data(doc, data);
	return kept ? kept->as.data : SLICE_EMPTY;
}

static int app_add(struct app_list *apps, const struct plist *entry, struct err *err)
{
	const char *id = plist_get_text(entry, "CFBundleIdentifier");
	struct app *app;

	if (!id || !*id || strlen(id) > 512)
		return 0;
	if (apps->count == JOB_APPS_MAX)
		return err_set(err, ERR_LIMIT, "the device lists more than %d apps", JOB_APPS_MAX);
	if (apps->count == apps->cap) {
		size_t cap = apps->cap ? apps->cap * 2 : 64;
		struct app *items = reallocarray(apps->items, cap, sizeof(*items));

		if (!items)
			return err_no_memory(err);
		apps->items = items;
		apps->cap = cap;
	}
	app = &apps->items[apps->count++];
	*app = (struct app){.icon = BUF_INIT(JOB_ICON_MAX)};
	app->bundle_id = plist_text(plist_new_text(apps->doc, id));
	app->sinf = data_keep(apps->doc, entry, "ApplicationSINF");
	app->metadata = data_keep(apps->doc, entry, "iTunesMetadata");
	return app->bundle_id ? 0 : err_no_memory(err);
}

static int browse_ask(struct wire *wire, struct err *err)
{
	static const char *const attributes[] = {"CFBundleIdentifier", "ApplicationSINF",
						 "iTunesMetadata"};
	struct plist_doc *doc = wire_request(wire);
	struct plist *request = plist_new_dict(doc), *options = plist_new_dict(doc),
		     *names = plist_new_array(doc);

	for (size_t i = 0; i < ARRAY_COUNT(attributes); i++)
		plist_add(doc, names, plist_new_text(doc, attributes[i]));
	plist_set_text(doc, options, "ApplicationType", "User");
	plist_set(doc, options, "ReturnAttributes", names);
	plist_set_text(doc, request, "Command", "Browse");
	plist_set(doc, request, "ClientOptions", options);
	return wire_send(wire, request, LINK_XML, err);
}

static int browse_read(struct app_list *apps, struct wire *wire, struct err *err)
{
	const struct plist *frame, *list;
	const char *status;
	int r;

	for (;;) {
		r = wire_receive(wire, LINK_REPLY_LEN_MAX, &frame, err);
		if (r < 0)
			return r;
		if (plist_get_text(frame, "Error"))
			return err_set(err, ERR_DEVICE, "the list of apps: %.100s",
				       plist_get_text(frame, "Error"));
		list = plist_get_array(frame, "CurrentList");
		for (const struct plist *at = list ? list->as.items.first : NULL; at;
		     at = at->next) {
			r = app_add(apps, at, err);
			if (r < 0)
				return r;
		}
		status = plist_get_text(frame, "Status");
		if (!status || !strcmp(status, "Complete"))
			return 0;
	}
}

static bool app_needs_icon(const struct app *app)
{
	return app->sinf.len && app->metadata.len;
}

static int icon_ask(struct wire *wire, const struct app *app, struct err *err)
{
	struct plist_doc *doc = wire_request(wire);
	struct plist *request = plist_new_dict(doc);

	plist_set_text(doc, request, "command", "getIconPNGData");
	plist_set_text(doc, request, "bundleId", app->bundle_id);
	return wire_put(wire, request, LINK_BINARY, err);
}

static int icon_read(struct wire *wire, struct app *app, struct err *err)
{
	const struct plist *reply;
	struct slice png;
	int r = wire_receive(wire, LINK_REPLY_LEN_MAX, &reply, err);

	if (r < 0)
		return r;
	if (plist_get_data(reply, "pngData", &png) && png.len <= JOB_ICON_MAX)
		return buf_append_slice(&app->icon, png, err);
	return 0;
}

/* icons_read - in windows; @asked and @answered walk over the apps that need one */
static int icons_read(struct app_list *apps, struct wire *wire, struct err *err)
{
	size_t asked = 0, answered = 0;
	int r = 0;

	while (r == 0 && answered < apps->count) {
		for (unsigned i = 0; r == 0 && i < ICON_WINDOW && asked < apps->count; asked++)
			if (app_needs_icon(&apps->items[asked])) {
				r = icon_ask(wire, &apps->items[asked], err);
				i++;
			}
		if (r == 0)
			r = wire_flush(wire, err);
		for (; r == 0 && answered < asked; answered++)
			if (app_needs_icon(&apps->items[answered]))
				r = icon_read(wire, &apps->items[answered], err);
	}
	return r;
}

int app_list_read(struct app_list *apps, struct lockdown *lockdown, struct err *err)
{
	CLEANUP(wire_clear) struct wire proxy = {0}, board = {0};
	bool wants_icons = false;
	int r;

	*apps = (struct app_list){0};
	r = plist_doc_new(&apps->doc, err);
	if (r == 0)
		r = lockdown_service(lockdown, "com.apple.mobile.installation_proxy", false, &proxy,
				     err);
	if (r == 0)
		r = browse_ask(&proxy, err);
	if (r == 0)
		r = browse_read(apps, &proxy, err);
	if (r < 0)
		return err_wrap(err, r, "ask for the apps");
	for (size_t i = 0; i < apps->count; i++)
		wants_icons |= app_needs_icon(&apps->items[i]);
	if (!wants_icons)
		return 0;
	r = lockdown_service(lockdown, "com.apple.springboardservices", false, &board, err);
	if (r == 0)
		r = icons_read(apps, &board, err);
	/* icons decorate: a device without a home screen yet is backed up all the same */
	if (r == ERR_DEVICE)
		return 0;
	return r < 0 ? err_wrap(err, r, "ask for the icons of apps") : 0;
}
