/*
 * Manifest.mbdb, the manifest of iOS 9 and older (docs/format/ios-backup, 10): read record by
 * record (mbdb.c), turned into the present form (mbdb_convert.c), and shown as if the whole
 * backup had that form (old_tree.c)
 */
#ifndef REHOME_BACKUP_MBDB_H
#define REHOME_BACKUP_MBDB_H

#include "backup/internal.h"

enum {
	MBDB_LEN_MAX = 128 << 20,
	MBDB_RECORD_LEN_MAX = 4 << 20,
	MBDB_PROPERTIES_MAX = 255,
};

/** struct mbdb - a reading under way */
struct mbdb {
	struct source *source; /* borrowed */
	uint64_t offset;       /* of the window in the file */
	struct buf window;
	size_t used; /* of the window: records that were given */
};

/** struct mbdb_record - one record; borrows from the window until the next call */
struct mbdb_record {
	struct slice domain, path, target, digest, key; /* absent = empty */
	uint16_t mode;
	uint64_t inode, size;
	uint32_t uid, gid, modified, born;
	uint8_t protection_class;
	struct {
		struct slice name, value;
	} properties[MBDB_PROPERTIES_MAX];
	size_t property_count;
};

/** mbdb_open - check the head; ERR_CORRUPT, ERR_LIMIT. mbdb_close even after a failure */
int mbdb_open(struct mbdb *mbdb, struct source *source, struct err *err);
/** mbdb_next - the next record; BACKUP_END; ERR_CORRUPT, ERR_LIMIT with its place in the file */
int mbdb_next(struct mbdb *mbdb, struct mbdb_record *record, struct err *err);
void mbdb_close(struct mbdb *mbdb);

/**
 * mbdb_convert - the same rows as a Manifest.db in memory, some seven times the size
 * @source: borrowed. Rows whose names or keys no reader would take come out damaged.
 */
int mbdb_convert(struct source *source, struct source **out, struct err *err);

/**
 * backup_tree_present - @tree in the present form, if it is an old backup
 * @tree: borrowed. BACKUP_ABSENT: it has the present form as it is, or none
 */
int backup_tree_present(struct backup_tree **out, struct backup_tree *tree, struct err *err);

#endif
