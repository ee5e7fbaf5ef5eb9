/* client_do_info - DeviceInformation and SecurityInfo: what the device tells about itself */
#include "sim/client.h"

#include <string.h>

enum { RIGHT_INFORMATION = 16, RIGHT_NETWORK = 32, RIGHT_APPS = 4096, ENCRYPTION_BOTH = 3 };
#define FOR_EVER UINT32_MAX
#define GIGABYTE 1e9

/* ---- values; one that the device has not puts nothing ---- */

static void put_text(struct sim_turn *turn, struct plist *out, const char *key, const char *value)
{
	plist_set_text(turn->doc, out, key, value);
}

static void udid(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->udid);
}

static void name(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->name);
}

static void os_version(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->product_version);
}

static void build(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->build);
}

static void device_class(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->device_class);
}

static void product(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->product_type);
}

static void serial(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->serial);
}

static void wifi_mac(struct sim_turn *turn, struct plist *out, const char *key)
{
	put_text(turn, out, key, sim_device_identity(turn->device)->wifi_mac);
}

static void capacity(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_real(turn->doc, out, key, (double)turn->state.total_bytes / GIGABYTE);
}

static void available(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_real(turn->doc, out, key, (double)turn->state.free_bytes / GIGABYTE);
}

static void battery(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_real(turn->doc, out, key, 1.0);
}

static bool is_phone(const struct sim_turn *turn)
{
	return !strncmp(sim_device_identity(turn->device)->product_type, "iPhone", 6);
}

static void cellular(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_int(turn->doc, out, key, is_phone(turn) ? 1 : 0);
}

/* no real device has a type allocation code of zeros */
static void imei(struct sim_turn *turn, struct plist *out, const char *key)
{
	uint8_t made[8];
	char text[16];

	if (!is_phone(turn))
		return;
	sim_device_derive(turn->device, "imei", 0, made, sizeof(made));
	snprintf(text, sizeof(text), "00000000%07llu",
		 (unsigned long long)(get_u64be(made) % 10000000));
	put_text(turn, out, key, text);
}

static void subscriptions(struct sim_turn *turn, struct plist *out, const char *key)
{
	struct plist *list = plist_new_array(turn->doc), *slot = plist_new_dict(turn->doc);

	if (is_phone(turn)) {
		put_text(turn, slot, "Slot", "CTSubscriptionSlotOne");
		imei(turn, slot, "IMEI");
		plist_set_bool(turn->doc, slot, "IsDataPreferred", true);
		plist_set_bool(turn->doc, slot, "IsVoicePreferred", true);
		plist_set_bool(turn->doc, slot, "IsRoaming", false);
		plist_add(turn->doc, list, slot);
	}
	plist_set(turn->doc, out, key, list);
}

static void is_supervised(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key, turn->state.is_supervised);
}

static void is_multi_user(struct sim_turn *turn, struct plist *out, const char *key)
{
	struct sim_cloud cloud = {0};

	(void)sim_cloud_load(turn->device, SIM_CLOUD_PATH, &cloud, NULL);
	plist_set_bool(turn->doc, out, key, cloud.is_multi_user);
}

static void is_lost(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key, sim_fact_int(turn->device, "mdm/is_lost", 0) != 0);
}

static void find_my(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key, turn->state.find_my_is_on);
}

/* a supervised device is locked to the person's account only if the service allows it */
static void activation_lock(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key,
		       turn->state.find_my_is_on &&
			       (!turn->state.is_supervised ||
				sim_fact_int(turn->device, "mdm/allows_activation_lock", 0)));
}

static void cloud_backup(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key, turn->state.cloud_backup_is_on);
}

static void awaits(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key,
		       sim_fact_int(turn->device, "setup/awaits_configuration", 0) != 0);
}

static void no(struct sim_turn *turn, struct plist *out, const char *key)
{
	plist_set_bool(turn->doc, out, key, false);
}

/* as Settings left it */
static void as_set(struct sim_turn *turn, struct plist *out, const char *key)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 16);
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *value;
	char fact[64];

	snprintf(fact, sizeof(fact), "mdm/set/%s", key);
	if (sim_fact_blob(turn->device, fact, &bytes, NULL) == 0 &&
	    plist_parse(turn->doc, buf_slice(&bytes), &limits, &value, NULL) == 0)
		plist_set(turn->doc, out, key, plist_copy(turn->doc, value));
}

static void time_zone(struct sim_turn *turn, struct plist *out, const char *key)
{
	char zone[64] = "UTC";

	sim_fact_get(turn->device, "mdm/time_zone", zone, sizeof(zone));
	put_text(turn, out, key, zone);
}

/* ---- the table ---- */

enum { NOT_PERSONAL = 1 };
static const struct query {
	const char *name;
	unsigned since, before;
	int64_t right;
	unsigned needs;
	void (*put)(struct sim_turn *turn, struct plist *out, const char *key);
} queries[] = {
	{"UDID", 0, FOR_EVER, 0, NOT_PERSONAL, udid},
	{"OrganizationInfo", 70000, FOR_EVER, 0, 0, as_set},
	{"MDMOptions", 70000, FOR_EVER, 0, 0, as_set},
	{"IsCloudBackupEnabled", 70100, FOR_EVER, RIGHT_INFORMATION, NOT_PERSONAL, cloud_backup},
	{"AwaitingConfiguration", 90000, FOR_EVER, 0, 0, awaits},
	{"iTunesStoreAccountIsActive", 70000, FOR_EVER, RIGHT_APPS, NOT_PERSONAL, no},
	{"DeviceName", 0, FOR_EVER, RIGHT_INFORMATION, 0, name},
	{"OSVersion", 0, FOR_EVER, RIGHT_INFORMATION, 0, os_version},
	{"BuildVersion", 0, FOR_EVER, RIGHT_INFORMATION, 0, build},
	{"ModelName", 0, FOR_EVER, RIGHT_INFORMATION, 0, device_class},
	{"Model", 0, FOR_EVER, RIGHT_INFORMATION, 0, product},
	{"ProductName", 0, FOR_EVER, RIGHT_INFORMATION, 0, product},
	{"SerialNumber", 0, FOR_EVER, RIGHT_INFORMATION, NOT_PERSONAL, serial},
	{"DeviceCapacity", 0, FOR_EVER, RIGHT_INFORMATION, 0, capacity},
	{"AvailableDeviceCapacity", 0, FOR_EVER, RIGHT_INFORMATION, 0, available},
	{"BatteryLevel", 50000, FOR_EVER, RIGHT_INFORMATION, 0, battery},
	{"CellularTechnology", 40200, FOR_EVER, RIGHT_INFORMATION, 0, cellular},
	{"IsSupervised", 60000, FOR_EVER, RIGHT_INFORMATION, 0, is_supervised},
	{"IsMultiUser", 90300, FOR_EVER, RIGHT_INFORMATION, 0, is_multi_user},
	{"IsMDMLostModeEnabled", 90300, FOR_EVER, RIGHT_INFORMATION, NOT_PERSONAL, is_lost},
	{"IsDeviceLocatorServiceEnabled", 70000, FOR_EVER, RIGHT_INFORMATION, 0, find_my},
	{"IsActivationLockEnabled", 70000, FOR_EVER, RIGHT_INFORMATION, NOT_PERSONAL,
	 activation_lock},
	{"IsDoNotDisturbInEffect", 70000, FOR_EVER, RIGHT_INFORMATION, 0, no},
	{"DiagnosticSubmissionEnabled", 90300, FOR_EVER, RIGHT_INFORMATION, 0, no},
	{"AppAnalyticsEnabled", 90300, FOR_EVER, RIGHT_INFORMATION, 0, no},
	{"TimeZone", 140000, FOR_EVER, RIGHT_INFORMATION, 0, time_zone},
	{"WiFiMAC", 0, FOR_EVER, RIGHT_NETWORK, NOT_PERSONAL, wifi_mac},
	{"IMEI", 0, 260000, RIGHT_INFORMATION, NOT_PERSONAL, imei},
	{"IsRoaming", 0, 260000, RIGHT_NETWORK, NOT_PERSONAL, no},
	{"ServiceSubscriptions", 120000, FOR_EVER, RIGHT_NETWORK, 0, subscriptions},
};

static const struct query *query_find(const struct sim_turn *turn, const char *text)
{
	for (size_t i = 0; i < ARRAY_COUNT(queries); i++) {
		const struct query *query = &queries[i];

		if (!strcmp(query->name, text))
			return turn->os >= query->since && turn->os < query->before &&
					       (turn->relation->is_user_enrollment
							? !(query->needs & NOT_PERSONAL)
							: (turn->relation->rights & query->right) ==
								  query->right)
				       ? query
				       : NULL;
	}
	return NULL;
}

int sim_do_device_information(struct sim_turn *turn, struct err *err)
{
	const struct plist *wanted = plist_get_array(turn->command, "Queries");
	struct plist *out = plist_new_dict(turn->doc);

	(void)err;
	if (!wanted)
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12008,
				     "The request is malformed: Queries is missing.");
	for (const struct plist *item = wanted->as.items.first; item; item = item->next) {
		const char *text = plist_text(item);
		const struct query *query = text ? query_find(turn, text) : NULL;

		if (query && !plist_get(out, query->name))
			query->put(turn, out, query->name);
	}
	plist_set(turn->doc, turn->reply, "QueryResponses", out);
	return 0;
}

int sim_do_security_info(struct sim_turn *turn, struct err *err)
{
	struct plist *out = plist_new_dict(turn->doc), *status;
	bool is_personal = turn->relation->is_user_enrollment;

	(void)err;
	plist_set_int(turn->doc, out, "HardwareEncryptionCaps", ENCRYPTION_BOTH);
	plist_set_bool(turn->doc, out, "PasscodeCompliant", true);
	if (!is_personal) {
		plist_set_bool(turn->doc, out, "PasscodePresent", turn->state.has_passcode);
		plist_set_bool(turn->doc, out, "PasscodeCompliantWithProfiles", true);
	}
	plist_set_int(turn->doc, out, "PasscodeLockGracePeriod", 0);
	plist_set_int(turn->doc, out, "PasscodeLockGracePeriodEnforced", 0);
	if (turn->os >= 130000) {
		status = plist_new_dict(turn->doc);
		plist_set_bool(turn->doc, status, "IsUserEnrollment", is_personal);
		plist_set(turn->doc, out, "ManagementStatus", status);
	}
	plist_set(turn->doc, turn->reply, "SecurityInfo", out);
	return 0;
}
