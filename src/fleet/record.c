/*
 * The small matters of the record: finding, audit, events, sealed facts, last contacts.
 */
#include "fleet/internal.h"

#include <stdlib.h>

int fleet_refused(struct err *err, const char *reason)
{
	err_set(err, ERR_POLICY, "%s", reason);
	return FLEET_REFUSED;
}

int fleet_no_such(struct err *err, const char *what, const char *name)
{
	char quoted[400];

	err_set(err, ERR_NOT_FOUND, "no %s %s", what, text_quote(name, strlen(name), quoted));
	return FLEET_NO_SUCH;
}

int fleet_find(struct fleet *fleet, const char *id, struct store_enrollment *enrollment,
	       struct err *err)
{
	int r = store_enrollment_find(fleet->store, id, enrollment, err);

	return r == STORE_NO_ROW ? fleet_no_such(err, "enrollment", id) : r;
}

int fleet_find_device(struct fleet *fleet, const char *udid, struct store_device *device,
		      struct err *err)
{
	int r = store_device_find(fleet->store, udid, device, err);

	if (r == STORE_NO_ROW || (r == 0 && device->record == STORE_DELETED))
		return fleet_no_such(err, "device", udid);
	return r;
}

int fleet_audit(struct fleet *fleet, const char *by, const char *action, const char *subject,
		const char *detail, struct err *err)
{
	struct store_audit row = {.at = fleet_now(fleet),
				  .who = by ? by : "service",
				  .action = action,
				  .subject = subject,
				  .detail = detail ? detail : ""};

	return store_audit_put(fleet->store, &row, err);
}

int fleet_event(struct fleet *fleet, const char *kind, const char *subject, const char *body,
		struct err *err)
{
	struct store_event row = {
		.at = fleet_now(fleet), .kind = kind, .subject = subject, .body = body ? body : ""};

	return store_event_put(fleet->store, &row, err);
}

int fleet_fact_sealed(struct fleet *fleet, char owner, int64_t no, const char *kind,
		      struct slice value, struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(MDM_CHECKIN_MAX + 1024);
	int r = 0;

	if (value.len > 0)
		r = fleet->keys->seal(fleet->keys, value, &sealed, err);
	if (r < 0)
		return r;
	return store_fact_put(fleet->store, owner, no, kind, buf_slice(&sealed), fleet_now(fleet),
			      err);
}

int fleet_fact_open(struct fleet *fleet, char owner, int64_t no, const char *kind, struct buf *out,
		    struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(MDM_CHECKIN_MAX + 1024);
	int r = store_fact_get(fleet->store, owner, no, kind, &sealed, NULL, err);

	if (r != 0)
		return r == STORE_NO_ROW ? FLEET_NO_SUCH : r;
	return fleet->keys->open(fleet->keys, kind, buf_slice(&sealed), out, err);
}

/* ---- last contacts ---- */

enum { CONTACTS_ROOM_FIRST = 1024 };

static size_t contact_slot(const struct fleet_contacts *contacts, int64_t device)
{
	uint64_t state = (uint64_t)device;
	size_t at = splitmix64(&state) & (contacts->room - 1);

	while (contacts->devices[at] != 0 && contacts->devices[at] != device)
		at = (at + 1) & (contacts->room - 1);
	return at;
}

static bool contacts_grow(struct fleet_contacts *contacts)
{
	struct fleet_contacts grown = {.room = contacts->room ? 2 * contacts->room
							      : CONTACTS_ROOM_FIRST};

	grown.devices = calloc(grown.room, sizeof(*grown.devices));
	grown.times = calloc(grown.room, sizeof(*grown.times));
	if (!grown.devices || !grown.times) {
		free(grown.devices);
		free(grown.times);
		return false;
	}
	for (size_t i = 0; i < contacts->room; i++) {
		if (contacts->devices[i] == 0)
			continue;
		size_t at = contact_slot(&grown, contacts->devices[i]);
		grown.devices[at] = contacts->devices[i];
		grown.times[at] = contacts->times[i];
	}
	grown.count = contacts->count;
	free(contacts->devices);
	free(contacts->times);
	*contacts = grown;
	return true;
}

/* without memory the contact is not noted: no message fails for that */
void fleet_contact(struct fleet *fleet, int64_t device, int64_t now)
{
	struct fleet_contacts *contacts = &fleet->contacts;

	if (contacts->count * 2 >= contacts->room && !contacts_grow(contacts))
		return;
	size_t at = contact_slot(contacts, device);
	contacts->count += contacts->devices[at] == 0;
	contacts->devices[at] = device;
	contacts->times[at] = now;
}

bool fleet_contacts_has(const struct fleet_contacts *contacts, int64_t device)
{
	return contacts->room > 0 && contacts->devices[contact_slot(contacts, device)] == device;
}

/* hidden devices that were heard, to be shown again */
struct seen_again {
	const struct fleet_contacts *contacts;
	int64_t nos[256];
	size_t count;
	int64_t last;
	unsigned looked_at;
};

static int each_hidden(void *arg, const struct store_device *device, struct err *err)
{
	struct seen_again *seen = arg;

	seen->last = device->no;
	seen->looked_at++;
	if (fleet_contacts_has(seen->contacts, device->no))
		seen->nos[seen->count++] = device->no;
	return 0;
}

static int show_again(struct fleet *fleet, int64_t no, struct err *err)
{
	struct store_device device;
	int r = store_device_get(fleet->store, no, &device, err);

	if (r != 0)
		return r < 0 ? r : 0;
	device.record = STORE_ACTIVE;
	r = store_device_put(fleet->store, &device, err);
	if (r < 0)
		return r;
	return fleet_event(fleet, "seen-again", device.udid, NULL, err);
}

static int show_all_again(struct fleet *fleet, struct err *err)
{
	struct seen_again seen = {.contacts = &fleet->contacts};
	int r;

	do {
		struct store_filter filter = {.record = STORE_HIDDEN + 1,
					      .after = seen.last,
					      .limit = ARRAY_COUNT(seen.nos)};

		seen.count = seen.looked_at = 0;
		r = store_device_list(fleet->store, &filter, each_hidden, &seen, err);
		for (size_t i = 0; r == 0 && i < seen.count; i++)
			r = show_again(fleet, seen.nos[i], err);
	} while (r == 0 && seen.looked_at == ARRAY_COUNT(seen.nos));
	return r;
}

int fleet_contacts_flush(struct fleet *fleet, struct err *err)
{
	struct fleet_contacts *contacts = &fleet->contacts;
	size_t count = 0;
	int r;

	if (contacts->count == 0)
		return 0;
	r = show_all_again(fleet, err);
	if (r < 0)
		return r;
	/* packed to the front, the table is no table any more: it is emptied whatever comes */
	for (size_t i = 0; i < contacts->room; i++) {
		if (contacts->devices[i] == 0)
			continue;
		contacts->devices[count] = contacts->devices[i];
		contacts->times[count++] = contacts->times[i];
	}
	r = store_contacts(fleet->store, contacts->devices, contacts->times, count, err);
	memset(contacts->devices, 0, contacts->room * sizeof(*contacts->devices));
	contacts->count = 0;
	return r;
}
