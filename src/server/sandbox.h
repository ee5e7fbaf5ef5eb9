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

enum { SANDBOX_PATHS_MAX = 12 };
/** struct sandbox_path - where records and courier have files; a missing path is left out */
struct sandbox_path {
	const char *path; /* NULL ends */
	bool is_written;
};

/**
 * sandbox_enter - give everything up but what @role is there for
 *
 * The key holder keeps what is open already, a worker accepts on sockets that are open, records
 * have files below @paths (and, with a store @is_remote, a way to other machines), the courier has
 * that way and @paths.  Memory, time and randomness are everybody's. Logs what was had ("sandbox
 * process=worker landlock=7 seccomp=yes").  Returns 0, also when the kernel lacks something and
 * @mode is CONFIG_SANDBOX_TRY; ERR_UNSUPPORTED for CONFIG_SANDBOX_REQUIRE.
 */
int sandbox_enter(enum role role, bool is_remote, const struct sandbox_path *paths,
		  enum config_sandbox mode, struct err *err);

#endif
