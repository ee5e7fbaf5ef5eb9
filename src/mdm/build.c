/* Commands that the service sends by itself */
#include "mdm/internal.h"

#include <string.h>

/** struct building - a Command dict in the making */
struct building {
	struct plist_doc *doc;
	struct plist *dict;
};

static int begin(struct building *building, const char *request_type, struct err *err)
{
	int r = plist_doc_new(&building->doc, err);

	if (r < 0)
		return r;
	building->dict = plist_new_dict(building->doc);
	plist_set_text(building->doc, building->dict, "RequestType", request_type);
	return 0;
}

static int end(struct building *building, struct buf *out, struct err *err)
{
	int r = plist_write_xml(building->doc, building->dict, out, err);

	plist_doc_free(building->doc);
	return r;
}

int mdm_build_plain(const char *request_type, struct buf *out, struct err *err)
{
	struct building building;
	int r = begin(&building, request_type, err);

	return r < 0 ? r : end(&building, out, err);
}

/* docs/protocol/mdm.md, "DeviceInformation": since, removed, told by User Enrollments */
static const struct {
	const char *name;
	unsigned since, removed;
	bool is_for_users;
} queries[] = {
	{"UDID", 400, 0, false},
	{"DeviceName", 400, 0, true},
	{"OSVersion", 400, 0, true},
	{"BuildVersion", 400, 0, true},
	{"ModelName", 400, 0, true},
	{"Model", 400, 0, true},
	{"ModelNumber", 1604, 0, true},
	{"ProductName", 400, 0, true},
	{"SerialNumber", 400, 0, false},
	{"DeviceCapacity", 400, 0, true},
	{"AvailableDeviceCapacity", 400, 0, true},
	{"BatteryLevel", 500, 0, true},
	{"IsSupervised", 600, 0, true},
	{"IsDeviceLocatorServiceEnabled", 700, 0, true},
	{"IsCloudBackupEnabled", 701, 0, false},
	{"LastCloudBackupDate", 800, 0, false},
	{"AwaitingConfiguration", 900, 0, false},
	{"IsMDMLostModeEnabled", 903, 0, false},
	{"TimeZone", 1400, 0, true},
	{"SupplementalOSVersionExtra", 1601, 0, true},
	{"SupplementalBuildVersion", 1601, 0, true},
	{"ServiceSubscriptions", 1200, 0, true},
	/* one device, one number: what ServiceSubscriptions replaced */
	{"IMEI", 400, 2600, false},
	{"MEID", 400, 2600, false},
	{"PhoneNumber", 400, 2600, false},
	{"BluetoothMAC", 400, 0, false},
	{"WiFiMAC", 400, 0, false},
};

int mdm_build_information(const char *os, bool is_user_enrollment, struct buf *out, struct err *err)
{
	unsigned version = mdm_os_number(os);
	struct building building;
	struct plist *list;
	size_t i;
	int r = begin(&building, "DeviceInformation", err);

	if (r < 0)
		return r;
	list = plist_new_array(building.doc);
	for (i = 0; i < ARRAY_COUNT(queries); i++) {
		if (version && (version < queries[i].since ||
				(queries[i].removed && version >= queries[i].removed)))
			continue;
		if (!is_user_enrollment || queries[i].is_for_users)
			plist_add(building.doc, list,
				  plist_new_text(building.doc, queries[i].name));
	}
	plist_set(building.doc, building.dict, "Queries", list);
	return end(&building, out, err);
}

int mdm_build_install_profile(struct slice profile, struct buf *out, struct err *err)
{
	struct building building;
	int r = begin(&building, "InstallProfile", err);

	if (r < 0)
		return r;
	plist_set_data(building.doc, building.dict, "Payload", profile);
	return end(&building, out, err);
}

int mdm_build_remove_profile(const char *identifier, struct buf *out, struct err *err)
{
	struct building building;
	int r = begin(&building, "RemoveProfile", err);

	if (r < 0)
		return r;
	plist_set_text(building.doc, building.dict, "Identifier", identifier);
	return end(&building, out, err);
}

int mdm_build_erase(const struct mdm_erase *erase, struct buf *out, struct err *err)
{
	struct building building;
	struct plist *again;
	int r = begin(&building, "EraseDevice", err);

	if (r < 0)
		return r;
	if (erase->preserves_data_plan)
		plist_set_bool(building.doc, building.dict, "PreserveDataPlan", true);
	if (erase->bars_proximity_setup)
		plist_set_bool(building.doc, building.dict, "DisallowProximitySetup", true);
	if (erase->returns_to_service) {
		again = plist_new_dict(building.doc);
		plist_set_bool(building.doc, again, "Enabled", true);
		if (erase->wifi_profile.len)
			plist_set_data(building.doc, again, "WiFiProfileData", erase->wifi_profile);
		if (erase->mdm_profile.len)
			plist_set_data(building.doc, again, "MDMProfileData", erase->mdm_profile);
		plist_set(building.doc, building.dict, "ReturnToService", again);
	}
	return end(&building, out, err);
}

int mdm_build_declarative(struct slice tokens_json, struct buf *out, struct err *err)
{
	struct building building;
	int r = begin(&building, "DeclarativeManagement", err);

	if (r < 0)
		return r;
	if (tokens_json.len)
		plist_set_data(building.doc, building.dict, "Data", tokens_json);
	return end(&building, out, err);
}
