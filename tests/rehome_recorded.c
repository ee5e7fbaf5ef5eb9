/*
 * rehome_recorded - rehome on a disk whose power fails afterwards
 *
 * Reads one order a line, words parted by tabs, and answers each with one line on stdout:
 *
 *     run ADDRESS WORD...      the command line `rehome WORD...` with the mux at ADDRESS, over a
 *                              file table that records what happens beneath REHOME_REPO;
 *                              answers "exit STATUS OPERATIONS"
 *     replay COUNT SEED DIR    what could lie in the empty folder DIR had power failed after COUNT
 *                              operations; answers "done" or the failure
 *
 * Only tests build it; the real program has no such switch.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 32, LINE_MAX_LEN = 8192 };

static const char *environment(const char *name)
{
	return getenv(name);
}

static int split(char *line, char **words)
{
	int count = 0;

	line[strcspn(line, "\n")] = 0;
	for (char *word = strtok(line, "\t"); word && count < WORDS_MAX; word = strtok(NULL, "\t"))
		words[count++] = word;
	return count;
}

int main(void)
{
	const char *repo = getenv("REHOME_REPO");
	struct fs_record *record = NULL;
	struct err err = ERR_INIT;
	char program[] = "rehome", line[LINE_MAX_LEN], *words[WORDS_MAX];
	FILE *nowhere = fopen("/dev/null", "r+");
	/* the cheapest password: a soak opens the repository thousands of times */
	struct cli_world world = {.clock = clock_system(),
				  .entropy = entropy_system(),
				  .in = nowhere,
				  .out = nowhere,
				  .err = stderr,
				  .environment = environment,
				  .kdf_ops = 1,
				  .kdf_mem = 8192};

	if (!repo || !nowhere || fs_record_new(&record, fs_system(), repo, &err) < 0) {
		fprintf(stderr, "rehome-recorded: REHOME_REPO is not set, or: %s\n", err.text);
		return 2;
	}
	world.fs = fs_record_fs(record);
	while (fgets(line, sizeof(line), stdin)) {
		int count = split(line, words);

		if (count >= 3 && strcmp(words[0], "run") == 0) {
			int status;

			setenv("USBMUXD_SOCKET_ADDRESS", words[1], 1);
			words[1] = program;
			status = cli_main(&world, count - 1, words + 1);
			printf("exit %d %zu\n", status, fs_record_count(record));
		} else if (count == 4 && strcmp(words[0], "replay") == 0) {
			if (fs_replay(record, strtoull(words[1], NULL, 10),
				      strtoull(words[2], NULL, 10), words[3], &err) < 0)
				printf("failed: %s\n", err.text);
			else
				puts("done");
		} else {
			puts("failed: not an order");
		}
		fflush(stdout);
	}
	fs_record_free(record);
	return 0;
}
