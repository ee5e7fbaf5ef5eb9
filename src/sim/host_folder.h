/* host_folder - a host without a wire: struct sim_host over a folder, in this process */
#ifndef REHOME_SIM_HOST_FOLDER_H
#define REHOME_SIM_HOST_FOLDER_H

#include "sim/device.h"

/** struct sim_folder_host - answers as a host does whose disk is @root; one run at a time */
struct sim_folder_host {
	struct sim_host host; /* first: the device hands it back */
	char root[SIM_FOLDER_MAX];
	FILE *coming;
	uint8_t room[SIM_BLOCK_LEN];
};
/** sim_folder_host_init - @root is made if it is not there */
int sim_folder_host_init(struct sim_folder_host *self, const char *root, struct err *err);

#endif
