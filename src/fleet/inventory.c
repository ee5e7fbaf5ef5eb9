/*
 * Inventory: asking for it, and keeping of the answers what an organisation may see.  Of a personal
 * device that is no app but the managed ones, and four digits of a phone number.
 */
#include "fleet/internal.h"

#include <jansson.h>
#include <stdlib.h>

enum { INVENTORY_MAX = 1 << 20, DIGITS_SHOWN = 4, INVENTORY_LIFE_DAYS = 7 };

int fleet_inventory_queue(struct fleet *fleet, const struct store_enrollment *enrollment,
			  struct err *err)
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
	r = mdm_build_information(device.os[0] ? device.os : NULL, enrollment->is_user_enrollment,
				  &dict, err);
	own.command = buf_slice(&dict);
	if (r == 0)
		r = fleet_queue_own(fleet, enrollment->no, &own, err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(plain); i++) {
		buf_truncate(&dict, 0);
		r = mdm_build_plain(plain[i], &dict, err);
		own.request_type = plain[i];
		own.command = buf_slice(&dict);
		if (r == 0)
			r = fleet_queue_own(fleet, enrollment->no, &own, err);
	}
	if (r < 0)
		return r;
	device.inventory_at = fleet_now(fleet); /* asked: not again before the interval is over */
	return store_device_put(fleet->store, &device, err);
}

int fleet_inventory(struct fleet *fleet, const char *id, struct err *err)
{
	struct store_enrollment enrollment;
	int r = fleet_find(fleet, id, &enrollment, err);

	if (r == 0)
		r = fleet_inventory_queue(fleet, &enrollment, err);
	if (r == 0)
		r = fleet_push_soon(fleet, enrollment.no, fleet_now(fleet), err);
	return r;
}

int fleet_sweep_inventory(struct fleet *fleet, unsigned max, unsigned *count, struct err *err)
{
	int64_t now = fleet_now(fleet), nos[256];
	struct store_enrollment enrollment;
	size_t found = 0;
	int r;

	*count = 0;
	if (fleet->policy.inventory_days == 0)
		return 0;
	r = store_sweep(fleet->store, STORE_SWEEP_INVENTORY, now,
			now - (int64_t)fleet->policy.inventory_days * FLEET_DAY_S, nos,
			max < ARRAY_COUNT(nos) ? max : ARRAY_COUNT(nos), &found, err);
	for (size_t i = 0; r == 0 && i < found; i++) {
		r = store_enrollment_get(fleet->store, nos[i], &enrollment, err);
		if (r == 0)
			r = fleet_inventory_queue(fleet, &enrollment, err);
		if (r == 0)
			r = fleet_push_soon(fleet, nos[i], now, err);
	}
	*count = (unsigned)found;
	return r;
}

/* ---- answers ---- */

static void free_json(json_t **json)
{
	json_decref(*json);
}

static void mask_number(json_t *holder, const char *key, const char *number)
{
	size_t len = strlen(number);
	char masked[2 * DIGITS_SHOWN + 8];

	snprintf(masked, sizeof(masked), "***%s",
		 len > DIGITS_SHOWN ? number + len - DIGITS_SHOWN : "");
	json_object_set_new(holder, key, json_string(masked));
}

/* every PhoneNumber below @value; the depth is bounded by the parser that made it */
static void mask_numbers(json_t *value)
{
	const char *key;
	json_t *item;
	void *next;
	size_t i;

	if (json_is_array(value))
		json_array_foreach(value, i, item) mask_numbers(item);
	json_object_foreach_safe(value, next, key, item)
	{
		if (strcmp(key, "PhoneNumber") == 0 && json_is_string(item))
			mask_number(value, key, json_string_value(item));
		else
			mask_numbers(item);
	}
}

static int mask_json(struct buf *text, struct err *err)
{
	CLEANUP(free_json)
	json_t *json =
		json_loadb((const char *)text->bytes, text->len, JSON_REJECT_DUPLICATES, NULL);
	CLEANUP(free_p) char *masked = NULL;

	buf_truncate(text, 0);
	mask_numbers(json);
	masked = json ? json_dumps(json, JSON_COMPACT) : NULL;
	return buf_append_text(text, masked ? masked : "{}", err);
}

static bool has_numbers(const struct buf *text)
{
	return text->len > 0 && memmem(text->bytes, text->len, "\"PhoneNumber\"", 13);
}

/* does the command that was sent ask for managed apps only? */
static int asks_managed_only(struct fleet *fleet, const struct store_queued *queued, bool *is_so,
			     struct err *err)
{
	CLEANUP(buf_clear) struct buf payload = BUF_INIT(FLEET_COMMAND_MAX);
	struct mdm_command command;
	int r = store_command_payload(fleet->store, queued->command.no, &payload, err);

	*is_so = false;
	if (r != 0)
		return r < 0 ? r : 0;
	plist_doc_reset(fleet->doc);
	r = mdm_command_parse(fleet->doc, buf_slice(&payload), &command, err);
	if (r == 0)
		plist_get_bool(command.command, "ManagedAppsOnly", is_so);
	return r;
}

int fleet_response_visible(struct fleet *fleet, const struct store_enrollment *enrollment,
			   const struct store_queued *queued, struct buf *response, struct err *err)
{
	bool is_app_list = strcmp(queued->command.request_type, "InstalledApplicationList") == 0;
	struct store_device device;
	bool is_managed_only = true;
	int r;

	if (response->len == 0 || (!is_app_list && !has_numbers(response)))
		return 0;
	r = store_device_get(fleet->store, enrollment->device, &device, err);
	if (r != 0 || device.ownership == STORE_CORPORATE)
		return r < 0 ? r : 0;
	if (is_app_list)
		r = asks_managed_only(fleet, queued, &is_managed_only, err);
	if (r < 0)
		return r;
	if (!is_managed_only) {
		buf_truncate(response, 0);
		return 0;
	}
	return has_numbers(response) ? mask_json(response, err) : 0;
}

static void take_text(const struct plist *dict, const char *key, char *out, size_t room)
{
	const char *text = plist_get_text(dict, key);

	if (text && strlen(text) < room)
		snprintf(out, room, "%s", text);
}

static void take_information(const struct plist *root, struct store_device *device)
{
	const struct plist *said = plist_get_dict(root, "QueryResponses");
	bool is_supervised;

	take_text(said, "DeviceName", device->name, sizeof(device->name));
	take_text(said, "OSVersion", device->os, sizeof(device->os));
	take_text(said, "BuildVersion", device->build, sizeof(device->build));
	take_text(said, "ProductName", device->product, sizeof(device->product));
	if (!device->serial[0])
		take_text(said, "SerialNumber", device->serial, sizeof(device->serial));
	if (plist_get_bool(said, "IsSupervised", &is_supervised))
		device->supervised = is_supervised;
}

int fleet_inventory_take(struct fleet_scene *scene, const struct store_enrollment *enrollment,
			 const char *request_type, const struct mdm_report *report,
			 const struct buf *response, struct err *err)
{
	struct store *store = scene->fleet->store;
	char kind[96];
	struct store_device device;
	int r;

	if (response->len == 0)
		return 0;
	snprintf(kind, sizeof(kind), "inventory/%s", request_type);
	r = store_fact_put(store, 'd', enrollment->device, kind, buf_slice(response), scene->now,
			   err);
	if (r == 0 && strcmp(request_type, "ProfileList") == 0)
		return fleet_reconcile_seen(scene, enrollment, report->root, err);
	if (r < 0 || strcmp(request_type, "DeviceInformation") != 0)
		return r;
	r = store_device_get(store, enrollment->device, &device, err);
	if (r != 0)
		return r < 0 ? r : 0;
	take_information(report->root, &device);
	return store_device_put(store, &device, err);
}
