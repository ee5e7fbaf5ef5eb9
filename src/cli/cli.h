/*
 * cli - the command line: `rehome COMMAND ...`
 *
 * Parses, asks, calls job and repo, prints.  Data goes to the standard output, words for
 * people to the standard error.  Knows no protocol and no format.
 */
#ifndef REHOME_CLI_H
#define REHOME_CLI_H

#include "base/base.h"

/** enum cli_exit - exit statuses that scripts rely on (rehome(1), "EXIT STATUS") */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_BAD_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_REFUSED = 4,
	CLI_DEVICE_TROUBLE = 5,
	CLI_DAMAGED = 6,
	CLI_INTERRUPTED = 7,
};

/**
 * struct cli_world - what a command may touch; tests put their own in place
 * @fs: file operations of repositories and exports (fs_fault, fs_record wrap it)
 * @serve: runs the MDM service with its own words (argv[0] is its name); returns an enum cli_exit.
 *   NULL: there is none
 * @kdf_ops, @kdf_mem: cost of a repository's password for `init`; 0: the repository's own choice
 */
struct cli_world {
	struct fs *fs;
	struct clock *clock;
	struct entropy *entropy;
	const struct cancel *cancel;
	FILE *in, *out, *err;
	const char *(*environment)(const char *name);
	int (*serve)(int argc, char **argv);
	uint32_t kdf_ops;
	size_t kdf_mem;
};

/** cli_main - run the command in @argv (argv[0] is the program's name); returns an enum cli_exit.
 * Prints its own failures. */
int cli_main(struct cli_world *world, int argc, char **argv);

#endif
