/*
 * The small matters of the record: finding, audit, events, sealed facts, last contacts.
 */
#include "fleet/internal.h"

#include <jansson.h>
#include <stdlib.h>

enum { DETAIL_LEN_MAX = 8 << 20 }; /* every id that a request can name */

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

	if (r == STORE_NO_ROW)
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
				  .detail = detail};

	return store_audit_add(fleet->store, &row, err);
}

int fleet_audit_json(struct fleet *fleet, const char *by, const char *action, const char *subject,
		     json_t *detail, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(DETAIL_LEN_MAX);
	int r = mdm_json_dump(detail, &text, err);

	return r < 0 ? r : fleet_audit(fleet, by, action, subject, buf_text(&text), err);
}

int fleet_event(struct fleet *fleet, const char *kind, const char *subject, const char *body,
		struct err *err)
{
	struct store_event row = {.at = fleet_now(fleet),
				  .kind = kind,
				  .subject = subject,
				  .body = body ? body : "{}"};

	return store_event_add(fleet->store, &row, err);
}

int fleet_seal(struct fleet *fleet, enum store_owner kind, int64_t owner, const char *name,
	       struct slice value, struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(MDM_CHECKIN_MAX + 1024);
	int r;

	if (value.len == 0)
		return store_kept_remove(fleet->store, kind, owner, name, err);
	r = fleet->keys->seal(fleet->keys, value, &sealed, err);
	if (r < 0)
		return r;
	return store_kept_put(fleet->store, kind, owner, name, buf_slice(&sealed), fleet_now(fleet),
			      err);
}

int fleet_open(struct fleet *fleet, enum store_owner kind, int64_t owner, const char *name,
	       struct buf *out, struct err *err)
{
	struct store_kept kept;
	int r = store_kept_get(fleet->store, kind, owner, name, &kept, err);

	if (r != 0)
		return r == STORE_NO_ROW ? FLEET_NO_SUCH : r;
	return fleet->keys->open(fleet->keys, name, kept.bytes, out, err);
}

int fleet_drop(struct fleet *fleet, enum store_owner kind, int64_t owner, const char *prefix,
	       struct err *err)
{
	struct store_kept *kept;
	size_t count;
	int r = store_kept_list(fleet->store, kind, owner, &kept, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (strncmp(kept[i].name, prefix, strlen(prefix)) == 0)
			r = store_kept_remove(fleet->store, kind, owner, kept[i].name, err);
	return r;
}

/* ---- last contacts ---- */

enum { CONTACTS_ROOM_FIRST = 1024 };

static struct store_contact *contact_slot(const struct fleet_contacts *contacts, int64_t device)
{
	uint64_t state = (uint64_t)device;
	size_t at = splitmix64(&state) & (contacts->room - 1);

	while (contacts->slots[at].device != 0 && contacts->slots[at].device != device)
		at = (at + 1) & (contacts->room - 1);
	return &contacts->slots[at];
}

static bool contacts_grow(struct fleet_contacts *contacts)
{
	struct fleet_contacts grown = {.count = contacts->count, .room = CONTACTS_ROOM_FIRST};

	if (contacts->room)
		grown.room = 2 * contacts->room;
	grown.slots = calloc(grown.room, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < contacts->room; i++)
		if (contacts->slots[i].device != 0)
			*contact_slot(&grown, contacts->slots[i].device) = contacts->slots[i];
	free(contacts->slots);
	*contacts = grown;
	return true;
}

/* without memory the contact is not noted: no message fails for that */
void fleet_contact(struct fleet *fleet, int64_t device, int64_t now)
{
	struct fleet_contacts *contacts = &fleet->contacts;
	struct store_contact *slot;

	if (contacts->count * 2 >= contacts->room && !contacts_grow(contacts))
		return;
	slot = contact_slot(contacts, device);
	contacts->count += slot->device == 0;
	*slot = (struct store_contact){device, now};
}

int64_t fleet_last_contact(const struct fleet *fleet, int64_t device)
{
	return fleet->contacts.room ? contact_slot(&fleet->contacts, device)->at : 0;
}

/* hidden devices that were heard since are shown again; there are few hidden ones at any time */
static int show_again(struct fleet *fleet, struct err *err)
{
	struct store_device_filter filter = {.records = 1u << STORE_HIDDEN};
	struct store_device *rows;
	size_t count;
	int r;

	do {
		r = store_device_list(fleet->store, &filter, &rows, &count, err);
		for (size_t i = 0; r == 0 && i < count; i++) {
			filter.after = rows[i].no;
			if (contact_slot(&fleet->contacts, rows[i].no)->at <= rows[i].last_contact)
				continue;
			rows[i].record = STORE_ACTIVE;
			r = store_device_put(fleet->store, &rows[i], err);
			if (r == 0)
				r = fleet_event(fleet, "seen-again", rows[i].udid, NULL, err);
		}
	} while (r == 0 && count == STORE_LIST_MAX);
	return r;
}

int fleet_contacts_flush(struct fleet *fleet, struct err *err)
{
	const struct fleet_contacts *contacts = &fleet->contacts;
	struct store_contact *heard CLEANUP(free_p) = NULL;
	size_t count = 0;
	int r;

	if (contacts->count == 0)
		return 0;
	r = show_again(fleet, err);
	if (r < 0)
		return r;
	/* a copy: the table itself is needed again if this transaction comes to nothing */
	heard = malloc(contacts->count * sizeof(*heard));
	if (!heard)
		return err_no_memory(err);
	for (size_t i = 0; i < contacts->room; i++)
		if (contacts->slots[i].device != 0)
			heard[count++] = contacts->slots[i];
	return store_contacts_write(fleet->store, heard, count, err);
}

void fleet_contacts_written(struct fleet *fleet)
{
	struct fleet_contacts *contacts = &fleet->contacts;

	if (contacts->count > 0)
		memset(contacts->slots, 0, contacts->room * sizeof(*contacts->slots));
	contacts->count = 0;
}
