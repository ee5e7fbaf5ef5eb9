/*
 * Inventory: asking for it, and keeping of the answers what an organisation may see.  Of a personal
 * device that is no app but the managed ones, and four digits of a phone number.
 */
#include "fleet/internal.h"

#include <jansson.h>
#include <stdlib.h>

enum { DIGITS_SHOWN = 4, INVENTORY_LIFE_DAYS = 7 };

int fleet_inventory_queue(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	static const char *const plain[] = {"SecurityInfo", "ProfileList", "CertificateList",
					    "ManagedApplicationList"};
	CLEANUP(buf_clear) struct buf dict = BUF_INIT(FLEET_COMMAND_MAX);
	struct fleet_own own = {.request_type = "DeviceInformation",
				.lane = FLEET_LANE_BACKGROUND,
				.ends = fleet_now(fleet) + INVENTORY_LIFE_DAYS * FLEET_DAY_S};
	struct store_device device;
	int r = store_device_get(fleet->store, enrollment->device, &device, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = mdm_build_information(device.os && device.os[0] ? device.os : NULL,
				  enrollment->flags & FLEET_ROW_USER_ENROLLMENT, &dict, err);
	own.command = buf_slice(&dict);
	if (r == 0)
		r = fleet_queue_own(fleet, enrollment, &own, err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(plain); i++) {
		buf_truncate(&dict, 0);
		r = mdm_build_plain(plain[i], &dict, err);
		own.request_type = plain[i];
		own.command = buf_slice(&dict);
		if (r == 0)
			r = fleet_queue_own(fleet, enrollment, &own, err);
	}
	if (fleet->policy.inventory_days > 0)
		enrollment->due[STORE_DUE_INVENTORY] =
			fleet_now(fleet) + (int64_t)fleet->policy.inventory_days * FLEET_DAY_S;
	return r;
}

static int ask_and_push(struct fleet *fleet, struct store_enrollment *enrollment, struct err *err)
{
	int64_t due = 0;
	int r = fleet_inventory_queue(fleet, enrollment, err);

	if (r == 0 && fleet->policy.inventory_days > 0)
		due = enrollment->due[STORE_DUE_INVENTORY];
	if (r == 0)
		r = store_enrollment_due_set(fleet->store, enrollment->no, STORE_DUE_INVENTORY, due,
					     err);
	if (r == 0)
		r = fleet_push_soon(fleet, enrollment, fleet_now(fleet), err);
	return r < 0 ? r : 0;
}

int fleet_inventory(struct fleet *fleet, const char *id, struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	return r == 0 ? ask_and_push(fleet, &enrollment, err) : r;
}

int fleet_sweep_inventory(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	struct store_enrollment *rows;
	size_t found = 0;
	int r = store_enrollment_due(fleet->store, STORE_DUE_INVENTORY, fleet_now(fleet), max,
				     &rows, &found, err);

	for (size_t i = 0; r == 0 && i < found; i++)
		r = ask_and_push(fleet, &rows[i], err);
	*count = (unsigned)found;
	return r;
}

/* ---- answers ---- */

static bool mask_number(json_t *holder, const char *key, const char *number)
{
	size_t len = strlen(number);
	const char *end = len > DIGITS_SHOWN ? number + len - DIGITS_SHOWN : "";
	char masked[2 * DIGITS_SHOWN + 8];
	json_t *value;

	snprintf(masked, sizeof(masked), "***%s", end);
	value = json_string(masked);
	if (!value) /* cut within a character */
		value = json_string("***");
	return json_object_set_new(holder, key, value) == 0;
}

/* every PhoneNumber below @value; the depth is bounded by the parser that made it.  False: there is
 * no memory to hide them all */
static bool mask_numbers(json_t *value)
{
	bool is_done = true;
	const char *key;
	json_t *item;
	void *next;
	size_t i;

	if (json_is_array(value))
		json_array_foreach(value, i, item) is_done &= mask_numbers(item);
	json_object_foreach_safe(value, next, key, item)
	{
		if (strcmp(key, "PhoneNumber") == 0 && json_is_string(item))
			is_done &= mask_number(value, key, json_string_value(item));
		else
			is_done &= mask_numbers(item);
	}
	return is_done;
}

static int mask_json(struct buf *text, struct err *err)
{
	/* it was written by this program: memory alone is missing if it does not parse */
	json_t *json =
		json_loadb((const char *)text->bytes, text->len, JSON_REJECT_DUPLICATES, NULL);

	buf_truncate(text, 0);
	if (!json || !mask_numbers(json)) {
		json_decref(json);
		return err_no_memory(err);
	}
	return mdm_json_dump(json, text, err);
}

static bool has_numbers(const struct buf *text)
{
	return text->len > 0 && memmem(text->bytes, text->len, "\"PhoneNumber\"", 13);
}

/* does the command that was sent ask for managed apps only? */
static int asks_managed_only(struct fleet *fleet, const struct store_command *command, bool *is_so,
			     struct err *err)
{
	struct store_command whole;
	struct mdm_command parsed;
	int r = store_command_get(fleet->store, command->no, &whole, err);

	*is_so = false;
	if (r != 0)
		return r < 0 ? r : 0;
	plist_doc_reset(fleet->doc);
	r = mdm_command_parse(fleet->doc, whole.payload, &parsed, err);
	if (r == 0)
		plist_get_bool(parsed.command, "ManagedAppsOnly", is_so);
	return r;
}

int fleet_response_visible(struct fleet *fleet, const struct store_enrollment *enrollment,
			   const struct store_command *command, struct buf *response,
			   struct err *err)
{
	bool is_app_list = strcmp(command->request_type, "InstalledApplicationList") == 0;
	struct store_device device;
	bool is_managed_only = true;
	int r;

	if (response->len == 0 || (!is_app_list && !has_numbers(response)))
		return 0;
	r = store_device_get(fleet->store, enrollment->device, &device, err);
	if (r != 0 || device.ownership == STORE_CORPORATE)
		return r < 0 ? r : 0;
	if (is_app_list)
		r = asks_managed_only(fleet, command, &is_managed_only, err);
	if (r < 0)
		return r;
	if (!is_managed_only) {
		buf_truncate(response, 0);
		return 0;
	}
	return has_numbers(response) ? mask_json(response, err) : 0;
}

/* take_text - true: it says something else than what is known */
static bool take_text(const struct plist *dict, const char *key, const char **known)
{
	const char *text = plist_get_text(dict, key);

	if (!text || (*known && strcmp(*known, text) == 0))
		return false;
	*known = text;
	return true;
}

/* take_information - true: the row says something else now. Most answers tell nothing new, and a
 * row costs its page and two indexes */
static bool take_information(const struct plist *root, struct store_device *device)
{
	const struct plist *said = plist_get_dict(root, "QueryResponses");
	int64_t was_supervised = device->is_supervised, flags = device->flags;
	bool is_supervised, is_new = take_text(said, "DeviceName", &device->name);

	is_new |= take_text(said, "OSVersion", &device->os);
	is_new |= take_text(said, "BuildVersion", &device->build);
	is_new |= take_text(said, "ProductName", &device->product);
	if (!device->serial || !device->serial[0])
		is_new |= take_text(said, "SerialNumber", &device->serial);
	if (plist_get_bool(said, "IsSupervised", &is_supervised)) {
		device->is_supervised = is_supervised;
		device->flags |= FLEET_SUPERVISION_KNOWN;
	}
	return is_new || device->is_supervised != was_supervised || device->flags != flags;
}

int fleet_inventory_take(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			 const char *request_type, const struct mdm_report *report,
			 const struct buf *response, struct err *err)
{
	struct store *store = scene->fleet->store;
	char name[96];
	struct store_device device;
	int r;

	if (response->len == 0)
		return 0;
	snprintf(name, sizeof(name), "inventory/%s", request_type);
	r = store_kept_put(store, STORE_OF_DEVICE, enrollment->device, name, buf_slice(response),
			   scene->now, err);
	if (r == 0 && strcmp(request_type, "ProfileList") == 0)
		return fleet_reconcile_seen(scene, report->root, err);
	if (r < 0 || strcmp(request_type, "DeviceInformation") != 0)
		return r;
	r = store_device_get(store, enrollment->device, &device, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (take_information(report->root, &device))
		r = store_device_put(store, &device, err);
	return r < 0 ? r : 0;
}
