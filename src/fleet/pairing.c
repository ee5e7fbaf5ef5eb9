/*
 * Pairing of supervised devices: which of them the supervision identity answers for.
 */
#include "fleet/internal.h"

/* why @device is none of ours to pair with; 0 if it is */
static int judge(const struct store_device *device, struct err *err)
{
	if (device->record != STORE_ACTIVE && device->record != STORE_HIDDEN)
		return fleet_refused(err,
				     "its record is retired or wiped: this service has given the "
				     "device up. Pair by the question on its screen");
	if (!device->is_supervised && device->flags & FLEET_SUPERVISION_KNOWN)
		return fleet_refused(err, "the device says that it is not supervised. Pair by the "
					  "question on its screen");
	if (!device->is_supervised)
		return fleet_refused(err, "the device has not said yet whether it is supervised: "
					  "`rehome mdm device refresh` asks it");
	if (device->ownership != STORE_CORPORATE)
		return fleet_refused(err, "the device is personal, and its person decides who may "
					  "read it. `rehome mdm device set UDID "
					  "--ownership corporate` changes that");
	return 0;
}

int fleet_pairing_sign(struct fleet *fleet, const char *udid, struct slice challenge,
		       struct buf *out, const char *by, struct err *err)
{
	struct store_device device;
	int r = fleet_find_device(fleet, udid, &device, err);

	if (r == 0)
		r = judge(&device, err);
	if (r != 0)
		return r;
	if (challenge.len == 0 || challenge.len > FLEET_PAIRING_MAX)
		return fleet_refused(err, "a challenge has 1 to 64 bytes");
	r = fleet->keys->supervise(fleet->keys, challenge, out, err);
	return r < 0 ? r : fleet_audit(fleet, by, "pairing-sign", udid, NULL, err);
}
