/* the management files: whatever each of them holds, no value is told without its file */
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzzed {
	struct backup_lookup lookup;
	struct slice bytes;
};

/* every file that is asked for holds the same bytes */
static int read_any(struct backup_lookup *lookup, const char *domain, const char *path,
		    struct buf *out, int64_t *modified, struct err *err)
{
	return buf_append_slice(out, ((struct fuzzed *)lookup)->bytes, err);
}

static int list_one(struct backup_lookup *lookup, const char *domain,
		    int (*each)(void *arg, const char *path, struct err *err), void *arg,
		    struct err *err)
{
	return each(arg, "Library/ConfigurationProfiles/profile-0.stub", err);
}

static void check(void *arg, const struct backup_statement *statement)
{
	if (!statement->from && strcmp(statement->value, "unknown"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(backup_management_free_p) struct backup_management *management = NULL;
	struct fuzzed fuzzed = {.lookup = {.read = read_any, .list = list_one},
				.bytes = slice_of(data, size)};
	struct err err = ERR_INIT;

	if (backup_management_read(&management, &fuzzed.lookup, &err) < 0)
		return 0;
	backup_management_each(management, check, NULL);
	return 0;
}
