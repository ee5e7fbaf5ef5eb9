/*
 * server/sandbox - what a process gives up after its start, for good
 *
 * Landlock (files, TCP ports, abstract sockets, signals) where the kernel has it, and an allow-list
 * of system calls (seccomp).  Everything else is refused with EACCES or EPERM, so that a library
 * that tries goes on; nothing that a client sends can lead there and succeed.
 */
#ifndef REHOME_SERVER_SANDBOX_H
#define REHOME_SERVER_SANDBOX_H

#include "server/process.h"

/** enum sandbox_allow - beyond memory, time, randomness and what is open already */
enum sandbox_allow {
	SANDBOX_ACCEPT = 1u << 0,  /* clients on listening sockets that are open; an event loop */
	SANDBOX_CONNECT = 1u << 1, /* to other machines, with threads for name look-ups */
	SANDBOX_FILES = 1u << 2,   /* in the paths below */
};

enum { SANDBOX_PATHS_MAX = 12 };
/** struct sandbox_path - of SANDBOX_FILES and SANDBOX_CONNECT; a missing path is left out */
struct sandbox_path {
	const char *path; /* NULL ends */
	bool is_written;
};

/**
 * sandbox_enter - give everything up but @allow
 *
 * Logs what was had ("sandbox process=worker landlock=7 seccomp=yes").  Returns 0, also when the
 * kernel lacks something and @mode is CONFIG_SANDBOX_TRY; ERR_UNSUPPORTED for
 * CONFIG_SANDBOX_REQUIRE.
 */
int sandbox_enter(enum role role, unsigned allow, const struct sandbox_path *paths,
		  enum config_sandbox mode, struct err *err);

#endif
