/*
 * rehome_faulty - rehome on a disk that fills up
 *
 * The same command line over a file table that refuses every mutating operation from the
 * REHOME_TEST_FULL_AFTER-th on with ENOSPC.  Only tests build it; the real program has no such
 * switch.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>

static const char *environment(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	const char *after = getenv("REHOME_TEST_FULL_AFTER");
	struct fs_fault fault;
	struct cli_world world = {
		.clock = clock_system(),
		.entropy = entropy_system(),
		.in = stdin,
		.out = stdout,
		.err = stderr,
		.environment = environment,
	};
	int status;

	fs_fault_init(&fault, fs_system(), after ? strtoll(after, NULL, 10) : -1, ENOSPC, true);
	world.fs = &fault.fs;
	status = cli_main(&world, argc, argv);
	if (fault.has_fired)
		fprintf(stderr, "the disk filled up\n");
	fprintf(stderr, "%llu operations\n", (unsigned long long)fault.seen);
	return status;
}
