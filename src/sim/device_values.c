/*
 * device_values - what lockdown tells: the device's values by domain
 *
 * Computed from identity and state; on top come the values that a host has set (facts
 * "value/DOMAIN/KEY", each a binary property list).
 */
#include "sim/device.h"

#include <string.h>

enum { NOT_STATE = SIM_DEVICE_ABSENT + 1 };

static void set_number(struct plist_doc *doc, struct plist *dict, const char *key, uint64_t value)
{
	plist_set(doc, dict, key, plist_new_uint(doc, value));
}

static void fill_root(struct sim_device *device, const struct sim_state *state,
		      struct plist_doc *doc, struct plist *dict)
{
	const struct sim_identity *identity = &device->identity;
	struct slice private_pem, public_pem;
	bool is_phone = !strcmp(identity->device_class, "iPhone");
	uint8_t model[2];
	char number[16];

	plist_set_text(doc, dict, "ActivationState", state->activation);
	plist_set_bool(doc, dict, "ActivationStateAcknowledged", true);
	plist_set_text(doc, dict, "BuildVersion", identity->build);
	plist_set_text(doc, dict, "CPUArchitecture", "arm64e");
	plist_set_text(doc, dict, "DeviceClass", identity->device_class);
	plist_set_text(doc, dict, "DeviceName", identity->name);
	if (sim_device_key(device, &private_pem, &public_pem, NULL) == 0)
		plist_set_data(doc, dict, "DevicePublicKey", public_pem);
	plist_set_text(doc, dict, "EthernetAddress", identity->wifi_mac);
	plist_set_text(doc, dict, "HardwareModel", is_phone ? "D73AP" : "J272AP");
	plist_set_bool(doc, dict, "HasSiDP", true);
	sim_device_derive(device, "model", 0, model, sizeof(model));
	snprintf(number, sizeof(number), "MSIM%u", 1 + (unsigned)model[0] % 9);
	plist_set_text(doc, dict, "ModelNumber", number);
	plist_set_bool(doc, dict, "PasswordProtected", state->has_passcode);
	plist_set_text(doc, dict, "ProductName", is_phone ? "iPhone OS" : "iPad OS");
	plist_set_text(doc, dict, "ProductType", identity->product_type);
	plist_set_text(doc, dict, "ProductVersion", identity->product_version);
	plist_set_text(doc, dict, "ProtocolVersion", "2");
	plist_set_text(doc, dict, "SerialNumber", identity->serial);
	plist_set_bool(doc, dict, "TelephonyCapability", is_phone);
	plist_set_real(doc, dict, "TimeIntervalSince1970", (double)sim_device_now(device));
	plist_set_text(doc, dict, "TimeZone", "Europe/Berlin");
	plist_set_bool(doc, dict, "TrustedHostAttached", true);
	set_number(doc, dict, "UniqueChipID", identity->unique_chip_id);
	plist_set_text(doc, dict, "UniqueDeviceID", identity->udid);
	plist_set_text(doc, dict, "WiFiAddress", identity->wifi_mac);
}

static void fill_backup(struct sim_device *device, const struct sim_state *state,
			struct plist_doc *doc, struct plist *dict)
{
	(void)device;
	plist_set_bool(doc, dict, "WillEncrypt", state->will_encrypt);
	plist_set_bool(doc, dict, "RequiresEncryption", state->encryption_is_forced);
	plist_set_bool(doc, dict, "CloudBackupEnabled", state->cloud_backup_is_on);
}

static void fill_itunes(struct sim_device *device, const struct sim_state *state,
			struct plist_doc *doc, struct plist *dict)
{
	uint8_t id[8];
	char text[17];

	(void)state;
	sim_device_derive(device, "itunes-library", 0, id, sizeof(id));
	hex_encode(id, sizeof(id), text);
	plist_set_text(doc, dict, "LibraryApplications", "");
	plist_set_text(doc, dict, "LibraryID", text);
}

static void fill_mobile_itunes(struct sim_device *device, const struct sim_state *state,
			       struct plist_doc *doc, struct plist *dict)
{
	(void)device;
	(void)state;
	plist_set_text(doc, dict, "MinITunesVersion", "12.12.4");
	plist_set_text(doc, dict, "ConnectionBus", "USB");
}

static void fill_wireless(struct sim_device *device, const struct sim_state *state,
			  struct plist_doc *doc, struct plist *dict)
{
	char name[128];

	snprintf(name, sizeof(name), "%s@fe80::1._apple-mobdev2._tcp.local.",
		 device->identity.wifi_mac);
	plist_set_bool(doc, dict, "EnableWifiConnections", state->wifi_is_enabled);
	plist_set_bool(doc, dict, "EnableWifiDebugging", false);
	plist_set_bool(doc, dict, "SupportsWifiSyncing", true);
	plist_set_text(doc, dict, "BonjourFullServiceName", name);
}

static void fill_battery(struct sim_device *device, const struct sim_state *state,
			 struct plist_doc *doc, struct plist *dict)
{
	uint8_t level;

	(void)state;
	sim_device_derive(device, "battery", 0, &level, 1);
	plist_set_int(doc, dict, "BatteryCurrentCapacity", 40 + level % 61);
	plist_set_bool(doc, dict, "BatteryIsCharging", true);
	plist_set_bool(doc, dict, "ExternalConnected", true);
	plist_set_bool(doc, dict, "HasBattery", true);
}

static void fill_disk(struct sim_device *device, const struct sim_state *state,
		      struct plist_doc *doc, struct plist *dict)
{
	(void)device;
	set_number(doc, dict, "TotalDiskCapacity", state->total_bytes);
	set_number(doc, dict, "TotalDataCapacity", state->total_bytes);
	set_number(doc, dict, "TotalDataAvailable", state->free_bytes);
	set_number(doc, dict, "AmountDataAvailable", state->free_bytes);
	set_number(doc, dict, "AmountDataReserved", 200u << 20);
}

static void fill_find_my(struct sim_device *device, const struct sim_state *state,
			 struct plist_doc *doc, struct plist *dict)
{
	(void)device;
	plist_set_bool(doc, dict, "IsAssociated", state->find_my_is_on);
}

static void fill_chaperone(struct sim_device *device, const struct sim_state *state,
			   struct plist_doc *doc, struct plist *dict)
{
	(void)device;
	plist_set_bool(doc, dict, "DeviceIsChaperoned", state->is_supervised);
}

static void fill_international(struct sim_device *device, const struct sim_state *state,
			       struct plist_doc *doc, struct plist *dict)
{
	(void)device;
	plist_set_text(doc, dict, "Language", state->language);
	plist_set_text(doc, dict, "Locale", state->locale);
}

static const struct {
	const char *domain;
	void (*fill)(struct sim_device *device, const struct sim_state *state,
		     struct plist_doc *doc, struct plist *dict);
} domains[] = {
	{"", fill_root},
	{"com.apple.mobile.backup", fill_backup},
	{"com.apple.iTunes", fill_itunes},
	{"com.apple.mobile.iTunes", fill_mobile_itunes},
	{"com.apple.mobile.wireless_lockdown", fill_wireless},
	{"com.apple.mobile.battery", fill_battery},
	{"com.apple.disk_usage", fill_disk},
	{"com.apple.disk_usage.factory", fill_disk},
	{"com.apple.fmip", fill_find_my},
	{"com.apple.mobile.chaperone", fill_chaperone},
	{"com.apple.international", fill_international},
};

/** struct layering - host-made values over computed ones */
struct layering {
	struct plist_doc *doc, *inner;
	struct plist *dict;
	size_t prefix_len;
};

static int layer_value(void *arg, const char *key, struct slice value, struct err *err)
{
	struct layering *layering = arg;
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root;

	(void)err;
	plist_doc_reset(layering->inner);
	if (plist_parse(layering->inner, value, &limits, &root, NULL) == 0)
		plist_set(layering->doc, layering->dict, key + layering->prefix_len,
			  plist_copy(layering->doc, root));
	return 0;
}

/* @computed without the keys that a host has set, then those */
static struct plist *layer(struct sim_device *device, const char *domain,
			   const struct plist *computed, struct plist_doc *doc)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *inner = NULL;
	struct layering layering = {.doc = doc, .dict = plist_new_dict(doc)};
	struct plist *dict = plist_new_dict(doc);
	char prefix[320];

	snprintf(prefix, sizeof(prefix), "value/%.255s/", domain);
	layering.prefix_len = strlen(prefix);
	if (plist_doc_new(&inner, NULL) == 0) {
		layering.inner = inner;
		sim_fact_each(device, prefix, layer_value, &layering, NULL);
	}
	for (const struct plist *one = computed->as.items.first; one; one = one->next)
		if (!plist_get(layering.dict, one->key))
			plist_set(doc, dict, one->key, plist_copy(doc, one));
	for (const struct plist *one = layering.dict->as.items.first; one; one = one->next)
		plist_set(doc, dict, one->key, plist_copy(doc, one));
	return dict;
}

struct plist *sim_device_lockdown(struct sim_device *device, const char *domain,
				  struct plist_doc *doc)
{
	struct plist *dict = plist_new_dict(doc);
	struct sim_state state;

	if (!domain)
		domain = "";
	if (sim_device_state(device, &state, NULL) < 0)
		return dict;
	for (size_t i = 0; i < ARRAY_COUNT(domains); i++)
		if (!strcmp(domain, domains[i].domain))
			domains[i].fill(device, &state, doc, dict);
	return layer(device, domain, dict, doc);
}

/* ---- what a host may change ---- */

static bool may_set(const char *domain, const char *key)
{
	static const char *const root[] = {"DeviceName", "TimeZone", "Uses24HourClock",
					   "UntrustedHostBUID"};
	static const char *const closed[] = {
		"com.apple.mobile.backup",      "com.apple.fmip",
		"com.apple.mobile.chaperone",   "com.apple.disk_usage",
		"com.apple.disk_usage.factory", "com.apple.mobile.battery"};

	for (size_t i = 0; i < ARRAY_COUNT(closed); i++)
		if (!strcmp(domain, closed[i]))
			return false;
	if (domain[0])
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(root); i++)
		if (!strcmp(key, root[i]))
			return true;
	return false;
}

static int rename_device(struct sim_device *device, const char *name, struct err *err)
{
	if (!name || !*name || strlen(name) >= sizeof(device->identity.name))
		return SIM_DEVICE_PROHIBITED;
	pthread_mutex_lock(&device->lock);
	snprintf(device->identity.name, sizeof(device->identity.name), "%s", name);
	pthread_mutex_unlock(&device->lock);
	return sim_fact_put(device, "name", name, err);
}

/* values that are state have one home only; NOT_STATE: this is none of them */
static int set_state_value(struct sim_device *device, const char *domain, const char *key,
			   const struct plist *value, struct err *err)
{
	bool is_on = false;

	if (!domain[0] && !strcmp(key, "DeviceName"))
		return rename_device(device, value ? plist_text(value) : NULL, err);
	if (!strcmp(domain, "com.apple.mobile.wireless_lockdown") &&
	    !strcmp(key, "EnableWifiConnections")) {
		is_on = value && value->type == PLIST_BOOL && value->as.boolean;
		return sim_device_set_state(device, "wifi_is_enabled", is_on ? "true" : "false",
					    err);
	}
	if (strcmp(domain, "com.apple.international") ||
	    (strcmp(key, "Language") && strcmp(key, "Locale")))
		return NOT_STATE;
	if (!value || !plist_text(value) || strlen(plist_text(value)) >= 16)
		return SIM_DEVICE_PROHIBITED;
	return sim_device_set_state(device, key[1] == 'a' ? "language" : "locale",
				    plist_text(value), err);
}

int sim_device_lockdown_set(struct sim_device *device, const char *domain, const char *key,
			    const struct plist *value, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	char fact[640];
	int r;

	if (!domain)
		domain = "";
	if (strlen(domain) > 255 || strlen(key) > 255 || strchr(domain, '/') ||
	    !may_set(domain, key))
		return SIM_DEVICE_PROHIBITED;
	r = set_state_value(device, domain, key, value, err);
	if (r != NOT_STATE)
		return r;
	snprintf(fact, sizeof(fact), "value/%s/%s", domain, key);
	if (!value)
		return sim_fact_remove(device, fact, err);
	r = plist_doc_new(&doc, err);
	if (r == 0)
		r = plist_write_binary(doc, plist_copy(doc, value), &bytes, err);
	return r < 0 ? r : sim_fact_put_blob(device, fact, buf_slice(&bytes), err);
}
