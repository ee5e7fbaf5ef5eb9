/*
 * mount - backups as files and folders that the kernel shows (FUSE), read-only
 *
 * One backup as DOMAIN/PATH, or every snapshot of a repository as DEVICE/TIME/DOMAIN/PATH.
 * Contents are plain; they are decrypted as they are read and never written anywhere.
 * Held in memory: the names of the domains that are being looked at, no contents.
 *
 * What is not shown: rows whose name no file system holds.  Links are shown and lead nowhere:
 * their target is told behind "device:", for it is a place on the device, not on this computer.
 * Everything belongs to the user who mounts, and nobody else may look.
 */
#ifndef REHOME_MOUNT_H
#define REHOME_MOUNT_H

#include "job/job.h"

enum {
	MOUNT_NODES_MAX = 1 << 23,  /* files and folders of one domain */
	MOUNT_NODES_KEPT = 1 << 20, /* of all domains that are not being looked at any more */
	MOUNT_DOMAINS_MAX = 1 << 16,
	MOUNT_SNAPSHOTS_MAX = 1 << 20,
	MOUNT_OPEN_MAX = 8, /* snapshots kept open without an open file */
};

/** struct mount_wish - what is to be shown; all of it is borrowed */
struct mount_wish {
	struct job_browse *browse; /* this backup, or NULL: */
	struct repo *repo;         /* all snapshots of this repository */
	/* opens a snapshot of @repo; JOB_LOCKED when its password is not known */
	int (*open)(void *arg, const struct job_snapshot *snapshot, struct job_browse **out,
		    struct err *err);
	void (*ready)(void *arg); /* once it can be looked at */
	void (*trouble)(void *arg, const char *path, const struct err *err); /* of one file */
	void *arg;
	const struct cancel *cancel; /* NULL: none */
};

/**
 * mount_serve - show it at @mountpoint, an empty folder, until that is unmounted or @cancel says so
 * Returns 0 when it was unmounted or stopped; ERR_UNSUPPORTED when this system has no FUSE
 * (/dev/fuse, fusermount3); ERR_NOT_FOUND, ERR_IO for the folder. One thread.
 */
int mount_serve(const struct mount_wish *wish, const char *mountpoint, struct err *err);

#endif
