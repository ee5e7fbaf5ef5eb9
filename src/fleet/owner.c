/*
 * Ownership, the identifiers that decide it at enrollment, and secrets of corporate devices.
 */
#include "fleet/internal.h"

enum { IMEI_MIN = 14, IMEI_MAX = 16, SERIAL_MIN = 8, SERIAL_MAX = 14, DETAILS_MAX = 128 };

/* to personal: what an organisation does not see of a personal device is dropped (O-22) */
static int drop_corporate_view(struct fleet *fleet, const struct store_device *device,
			       struct err *err)
{
	static const char *const names[] = {
		"inventory/InstalledApplicationList",
		"inventory/DeviceInformation", /* with the phone number; the next is masked */
		"backup-password",
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(names); i++)
		r = store_kept_remove(fleet->store, STORE_OF_DEVICE, device->no, names[i], err);
	return r;
}

int fleet_ownership_set(struct fleet *fleet, const char *udid, enum fleet_ownership ownership,
			const char *by, struct err *err)
{
	struct store_device device;
	int r = fleet_find_device(fleet, udid, &device, err);

	if (r != 0)
		return r;
	if (ownership == FLEET_PERSONAL && device.ownership != STORE_PERSONAL)
		r = drop_corporate_view(fleet, &device, err);
	device.ownership = ownership == FLEET_CORPORATE ? STORE_CORPORATE : STORE_PERSONAL;
	if (r == 0)
		r = store_device_put(fleet->store, &device, err);
	if (r < 0)
		return r;
	return fleet_audit(fleet, by, "ownership", udid,
			   ownership == FLEET_CORPORATE ? "{\"to\":\"corporate\"}"
							: "{\"to\":\"personal\"}",
			   err);
}

/* a serial number or IMEI as it is kept: without periods, letters in upper case; "" if it is none
 */
static void normalize(const char *identifier, char out[SERIAL_MAX + IMEI_MAX])
{
	size_t len = 0, digits = 0;

	for (; *identifier; identifier++) {
		char c = *identifier;

		if (c == '.')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')) || len == IMEI_MAX) {
			out[0] = '\0';
			return;
		}
		digits += c <= '9';
		out[len++] = c;
	}
	out[len] = '\0';
	bool is_imei = digits == len && len >= IMEI_MIN;
	bool is_serial = len >= SERIAL_MIN && len <= SERIAL_MAX;
	if (!is_imei && !is_serial)
		out[0] = '\0';
}

int fleet_identifier_import(struct fleet *fleet, const char *identifier, const char *details,
			    const char *by, struct err *err)
{
	struct store_identifier row = {.details = details, .author = by, .at = fleet_now(fleet)};
	char normal[SERIAL_MAX + IMEI_MAX];
	int r;

	normalize(identifier, normal);
	if (!normal[0])
		return fleet_refused(err, "neither a serial number (8 to 14 letters and digits) "
					  "nor an IMEI (14 to 16 digits)");
	if (details && strlen(details) > DETAILS_MAX)
		return fleet_refused(err, "details have at most 128 bytes");
	row.identifier = normal;
	r = store_identifier_put(fleet->store, &row, err);
	return r < 0 ? r : fleet_audit(fleet, by, "identifier-import", normal, NULL, err);
}

int fleet_identifier_remove(struct fleet *fleet, const char *identifier, const char *by,
			    struct err *err)
{
	char normal[SERIAL_MAX + IMEI_MAX];
	int r;

	normalize(identifier, normal);
	r = normal[0] ? store_identifier_remove(fleet->store, normal, err) : STORE_NO_ROW;
	if (r != 0)
		return r < 0 ? r : fleet_no_such(err, "identifier", identifier);
	return fleet_audit(fleet, by, "identifier-remove", normal, NULL, err);
}

/* ---- secrets ---- */

static const char *kind_of(enum fleet_secret which)
{
	return which == FLEET_BYPASS_CODE ? "bypass-code" : "backup-password";
}

static bool has_secrets(const struct store_device *device)
{
	return device->ownership == STORE_CORPORATE && device->is_supervised;
}

static int find_corporate(struct fleet *fleet, const char *udid, struct store_device *device,
			  struct err *err)
{
	int r = fleet_find_device(fleet, udid, device, err);

	if (r != 0 || has_secrets(device))
		return r;
	return fleet_refused(err,
			     device->is_supervised
				     ? "only of a corporate device: this one is personal"
				     : "only of a corporate and supervised device: this one is "
				       "not supervised");
}

/* admit_new - is none kept, or the same as @value? */
static int admit_new(struct fleet *fleet, const struct store_device *device,
		     enum fleet_secret which, const struct secret *value, struct err *err)
{
	CLEANUP(buf_wipe) struct buf kept = BUF_INIT(SECRET_LEN_MAX);
	int r = fleet_open(fleet, STORE_OF_DEVICE, device->no, kind_of(which), &kept, err);

	if (r == FLEET_NO_SUCH)
		return 0;
	if (r != 0 || slice_equal(buf_slice(&kept), secret_slice(value)))
		return r;
	return fleet_refused(
		err, "another one is kept already, and older backups may open with it alone: "
		     "\"replace\" (--replace) puts this one in its place");
}

int fleet_secret_set(struct fleet *fleet, const char *udid, enum fleet_secret which,
		     const struct secret *value, bool replaces, const char *by, struct err *err)
{
	struct store_device device;
	int r = find_corporate(fleet, udid, &device, err);

	if (r == 0 && which == FLEET_BACKUP_PASSWORD && value->len == 0)
		return fleet_refused(err, "an empty password encrypts nothing");
	if (r == 0 && !replaces)
		r = admit_new(fleet, &device, which, value, err);
	if (r == 0)
		r = fleet_seal(fleet, STORE_OF_DEVICE, device.no, kind_of(which),
			       secret_slice(value), err);
	if (r != 0)
		return r;
	return fleet_audit(fleet, by,
			   which == FLEET_BYPASS_CODE ? "bypass-code-set" : "backup-password-set",
			   udid, NULL, err);
}

int fleet_secret_is_kept(struct fleet *fleet, const char *udid, enum fleet_secret which,
			 bool *is_kept, struct err *err)
{
	struct store_device device;
	struct store_kept kept;
	int r = fleet_find_device(fleet, udid, &device, err);

	if (r != 0)
		return r;
	r = store_kept_get(fleet->store, STORE_OF_DEVICE, device.no, kind_of(which), &kept, err);
	*is_kept = r == 0 && has_secrets(&device);
	return r < 0 ? r : 0;
}

int fleet_secret_get(struct fleet *fleet, const char *udid, enum fleet_secret which,
		     struct secret *value, const char *by, struct err *err)
{
	CLEANUP(buf_wipe) struct buf plain = BUF_INIT(SECRET_LEN_MAX);
	struct store_device device;
	int r = find_corporate(fleet, udid, &device, err);

	if (r == 0)
		r = fleet_open(fleet, STORE_OF_DEVICE, device.no, kind_of(which), &plain, err);
	if (r == FLEET_NO_SUCH)
		return fleet_no_such(err, kind_of(which), udid);
	if (r == 0)
		r = secret_set(value, buf_slice(&plain), err);
	if (r != 0)
		return r;
	return fleet_audit(fleet, by,
			   which == FLEET_BYPASS_CODE ? "bypass-code-get" : "backup-password-get",
			   udid, NULL, err);
}
