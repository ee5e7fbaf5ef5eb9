/* bench_identity - an enrolled device's identity, out of its keychain */
#include "sim/bench_identity.h"

#include "sim/client.h"

static int take(struct sim_device *device, const struct sim_relation *relation, struct buf *cert,
		struct buf *key, char udid[BENCH_UDID_LEN], struct err *err)
{
	int r = buf_append_slice(cert, buf_slice(&relation->cert), err);

	if (r == 0)
		r = buf_append_slice(key, buf_slice(&relation->key), err);
	snprintf(udid, BENCH_UDID_LEN, "%s", sim_device_identity(device)->udid);
	return r;
}

int bench_identity(const char *folder, struct buf *cert, struct buf *key, char udid[BENCH_UDID_LEN],
		   struct err *err)
{
	struct sim_device *device = NULL;
	struct sim_relation relation;
	int r = sim_device_open(&device, folder, err);

	sim_relation_init(&relation);
	if (r == 0)
		r = sim_relation_load(device, &relation, err);
	if (r > 0)
		r = err_set(err, ERR_NOT_FOUND,
			    "%s is not enrolled with a service: `rehome-sim mdm DIR "
			    "install-profile` does that",
			    folder);
	if (r == 0)
		r = take(device, &relation, cert, key, udid, err);
	sim_relation_clear(&relation);
	sim_device_close(device);
	return r;
}
