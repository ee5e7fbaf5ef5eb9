/* client_push - the device's push token: the same until a restore or an erase gives it another */
#include "sim/client.h"

void sim_push_token(struct sim_device *device, uint8_t token[SIM_TOKEN_LEN])
{
	sim_device_derive(device, "push-token", (uint64_t)sim_fact_int(device, "push_epoch", 0),
			  token, SIM_TOKEN_LEN);
}

int sim_push_renew(struct sim_device *device, struct err *err)
{
	return sim_fact_put_int(device, "push_epoch", sim_fact_int(device, "push_epoch", 0) + 1,
				err);
}
