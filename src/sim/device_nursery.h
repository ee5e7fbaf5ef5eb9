/* device_nursery - adding rows to a newborn device's table, in order of their birth */
#ifndef REHOME_SIM_DEVICE_NURSERY_H
#define REHOME_SIM_DEVICE_NURSERY_H

#include "sim/device.h"

/** struct sim_nursery - a file table being filled; folders and regular count what was added */
struct sim_nursery {
	struct sim_device *device;
	struct sim_files *files;
	uint64_t seed, number; /* of the next row */
	int64_t now;
	uint64_t folders, regular;
	uint32_t xattr_len; /* given to every file */
	bool has_files;     /* the device holds more than what Setup Assistant leaves */
};
void sim_nursery_open(struct sim_nursery *nursery, struct sim_device *device,
		      struct sim_files *files);
/** sim_nursery_close - leave the count to ageing */
int sim_nursery_close(struct sim_nursery *nursery, struct err *err);
int sim_nursery_folder(struct sim_nursery *nursery, const char *domain, const char *path,
		       struct err *err);
int sim_nursery_link(struct sim_nursery *nursery, const char *domain, const char *path,
		     const char *target, struct err *err);
/** sim_nursery_exact - a file of exactly @size bytes */
int sim_nursery_exact(struct sim_nursery *nursery, const char *domain, const char *path,
		      enum sim_kind kind, uint64_t size, struct err *err);
/** sim_nursery_file - a file of about @size bytes: a database has whole pages */
int sim_nursery_file(struct sim_nursery *nursery, const char *domain, const char *path,
		     enum sim_kind kind, uint64_t size, struct err *err);
/** sim_nursery_known - the folders, databases and settings that every device has */
int sim_nursery_known(struct sim_nursery *nursery, struct err *err);
uint64_t sim_nursery_known_bytes(void);

#endif
