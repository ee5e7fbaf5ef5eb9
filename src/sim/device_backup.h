/*
 * device_backup - what the files of a backup share: device_look.c looks at what the host has,
 * device_backup.c leads and sends, device_place.c moves it into place and reads it back.
 */
#ifndef REHOME_SIM_DEVICE_BACKUP_H
#define REHOME_SIM_DEVICE_BACKUP_H

#include "sim/device.h"

enum {
	SIM_BACKUP_MOVE_COUNT = 500, /* items in a move or removal */
	SIM_BACKUP_NAME_LEN = 256,
	SIM_BACKUP_PLIST_MAX = 64 << 20,
};

/** struct sim_backup - the script's own memory */
struct sim_backup {
	struct sim_run run;
	struct sim_stage stage;
	struct backup_status status;
	struct buf manifest_plist, status_plist; /* as sent */
	uint8_t manifest_digest[BACKUP_DIGEST_LEN];
	bool has_snapshot; /* the host still has a Snapshot of an interrupted run */
	int64_t started_ms, think_ms;
	/* a batch of names for moves and removals */
	char (*names)[SIM_BACKUP_NAME_LEN];
	const char *pointers[2 * SIM_BACKUP_MOVE_COUNT];
	size_t count;
};

/** sim_backup_look - steps 1 and 2: fills stage.is_full; fetches the last manifest if the run can
 * go on from it */
int sim_backup_look(struct sim_backup *backup, bool is_full, struct err *err);
/** sim_backup_clear - step 3: list the folder and drop a half-made Snapshot */
int sim_backup_clear(struct sim_backup *backup, struct err *err);
/** sim_backup_send_status - Snapshot/Status.plist with @state */
int sim_backup_send_status(struct sim_backup *backup, enum backup_snapshot_state state,
			   struct err *err);
/** sim_backup_place - steps 9 to 14 */
int sim_backup_place(struct sim_backup *backup, struct err *err);

#endif
