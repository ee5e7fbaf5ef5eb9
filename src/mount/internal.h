/*
 * mount/internal - what the files of this room share: names (one domain), shown (one backup),
 * shelf (all snapshots), and serve, which answers the kernel
 */
#ifndef REHOME_MOUNT_INTERNAL_H
#define REHOME_MOUNT_INTERNAL_H

#include "mount/mount.h"

enum mount_outcome { MOUNT_ABSENT = 1, MOUNT_LOCKED = 2 };

/** struct mount_entry - what stands at a name; @target only of links, borrowed */
struct mount_entry {
	const char *name;
	char type; /* 'd', '-', 'l' */
	uint64_t size;
	int64_t modified;
	const char *target;
};
/** mount_each - called for each entry of a folder, borrowed for the call; non-zero stops */
typedef int mount_each(void *arg, const struct mount_entry *entry);

/* ---- names.c: the files and folders of one domain, as a tree in memory ---- */

struct names;
int names_new(struct names **out, struct err *err);
void names_free(struct names *names);
void names_free_p(struct names **names);
/** names_add - @path ("" is the domain's own folder) with its parents; a later row for the same
 * path wins. @number (may be NULL) stands for it in names_resize. ERR_LIMIT */
int names_add(struct names *names, const char *path, const struct mount_entry *entry,
	      uint32_t *number, struct err *err);
/** names_resize - the file @number has another size */
void names_resize(struct names *names, uint32_t number, uint64_t size);
/** names_find - MOUNT_ABSENT; @entry borrows from @names */
int names_find(const struct names *names, const char *path, struct mount_entry *entry);
/** names_list - what stands directly in the folder @path; MOUNT_ABSENT if it is none, else what
 * @each returned */
int names_list(const struct names *names, const char *path, mount_each *each, void *arg);
size_t names_count(const struct names *names);

/* ---- sizes.c: how long the files of a domain are ---- */

/**
 * struct sizes - files whose record has told a size that what is stored may correct; zero it
 * The record is of the time before the copy, and a reader that believes it cuts a database off.
 */
struct sizes {
	struct pending *list;
	size_t count, cap;
};
void sizes_clear(struct sizes *sizes);
/** sizes_add - @file is @number of the names */
int sizes_add(struct sizes *sizes, const struct backup_file *file, uint32_t number,
	      struct err *err);
/** sizes_correct - hold all of them against what is stored: one by one where they are few, else by
 * going through everything that is stored */
int sizes_correct(struct sizes *sizes, struct job_browse *browse, struct names *names,
		  struct err *err);

/* ---- shown.c: one backup ---- */

struct shown;
/** shown_new - @browse is borrowed */
int shown_new(struct shown **out, struct job_browse *browse, struct err *err);
void shown_free(struct shown *shown);
/** shown_find, shown_list - @path is "", DOMAIN or DOMAIN/PATH; as names_find and names_list */
int shown_find(struct shown *shown, const char *path, struct mount_entry *entry, struct err *err);
int shown_list(struct shown *shown, const char *path, mount_each *each, void *arg, struct err *err);
/** shown_open - the plain content of a file; MOUNT_ABSENT */
int shown_open(struct shown *shown, const char *path, struct source **out, struct err *err);

/* ---- shelf.c: all snapshots of a repository ---- */

struct shelf;
struct shelf_snapshot; /* one of them, open; kept open while shelf_release was not called */
int shelf_new(struct shelf **out, const struct mount_wish *wish, struct err *err);
void shelf_free(struct shelf *shelf);
/** shelf_find - @path is "", DEVICE or DEVICE/TIME */
int shelf_find(struct shelf *shelf, const char *path, struct mount_entry *entry, struct err *err);
int shelf_list(struct shelf *shelf, const char *path, mount_each *each, void *arg, struct err *err);
/** shelf_take - the snapshot at DEVICE/TIME, opened when it was not; MOUNT_ABSENT, MOUNT_LOCKED.
 * The caller gives it back with shelf_release. */
int shelf_take(struct shelf *shelf, const char *path, struct shelf_snapshot **out, struct err *err);
struct shown *shelf_shown(struct shelf_snapshot *snapshot);
void shelf_release(struct shelf *shelf, struct shelf_snapshot *snapshot);

#endif
