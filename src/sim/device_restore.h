/*
 * device_restore - what the files of a restore share: device_restore.c checks and leads,
 * device_choose.c says which rows come back, device_receive.c takes their contents in,
 * device_apply.c makes them the device's own.
 */
#ifndef REHOME_SIM_DEVICE_RESTORE_H
#define REHOME_SIM_DEVICE_RESTORE_H

#include "sim/device.h"

enum { SIM_WANTED_COUNT = 512, SIM_WANTED_NAME_LEN = 192, SIM_MANIFEST_PLIST_MAX = 256 << 20 };

/** struct sim_wanted - one content of the batch under way */
struct sim_wanted {
	int64_t id; /* staged row */
	char name[SIM_WANTED_NAME_LEN];
	uint8_t key[BACKUP_KEY_LEN], digest[BACKUP_DIGEST_LEN];
	bool has_key, has_digest;
};

/** struct sim_restore - the script's memory; one batch, never the table */
struct sim_restore {
	struct sim_sink sink; /* first: the host hands it back */
	struct sim_run run;
	const struct sim_restore_options *options;
	struct sim_state state;
	struct backup_properties properties;
	struct backup_keybag *bag;
	struct backup_manifest *manifest;
	struct sim_files *staged;
	struct sim_pack *pack;
	struct buf manifest_plist;
	bool is_same_device;
	uint64_t bytes_total, bytes_done, files_done;
	/* the batch */
	struct sim_wanted batch[SIM_WANTED_COUNT];
	const char *names[SIM_WANTED_COUNT];
	size_t count;
	uint64_t bytes;
	/* the file that is coming in */
	size_t at;
	uint64_t start;
	struct sim_decryptor *decryptor;
	struct crypto_sha1 *sha1;
	uint64_t missing, wrong;
	char first_trouble[256];
};

/** sim_restore_row_comes - does this row of the backup come back to this device, with these
 * options? */
bool sim_restore_row_comes(struct sim_restore *restore, const struct backup_file *row);
/** sim_restore_domain_comes - does anything of the domain? */
bool sim_restore_domain_comes(const struct sim_restore *restore, const char *domain);
/** sim_restore_is_kept - a setting of the device that wins over the backup's
 * (RestorePreserveSettings) */
bool sim_restore_is_kept(struct sim_restore *restore, const struct backup_file *row);

/** sim_receive_open - the table and the pack that collect what comes */
int sim_receive_open(struct sim_restore *restore, struct err *err);
/** sim_receive_row - note the row; contents are asked for in batches */
int sim_receive_row(struct sim_restore *restore, const struct backup_file *row, struct err *err);
/** sim_receive_rest - ask for the last batch */
int sim_receive_rest(struct sim_restore *restore, struct err *err);

/** sim_restore_apply - all has come: the staged table becomes the device's */
int sim_restore_apply(struct sim_restore *restore, struct err *err);

#endif
