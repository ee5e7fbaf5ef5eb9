/* command_mdm - what the commands share that let a device speak with its service */
#ifndef REHOME_SIM_COMMAND_MDM_H
#define REHOME_SIM_COMMAND_MDM_H

#include "sim/client.h"

/** struct sim_phone - a client whose line this command made */
struct sim_phone {
	struct sim_client client;
};
/** sim_phone_open - sim_phone_close afterwards, also of a zeroed one */
int sim_phone_open(struct sim_phone *phone, struct sim_world *world, struct sim_device *device,
		   struct err *err);
void sim_phone_close(struct sim_phone *phone);

/** sim_person_install - the person installs the profile in a file or at a URL (fetched trusting the
 * certificates in the file @ca, or the system's); ERR_POLICY in the words that a person reads */
int sim_person_install(struct sim_client *client, const char *from, const char *ca,
		       bool enters_passcode, struct err *err);
/** sim_person_remove - the person removes a profile; ERR_POLICY where a person may not */
int sim_person_remove(struct sim_client *client, const char *identifier, struct err *err);

#endif
