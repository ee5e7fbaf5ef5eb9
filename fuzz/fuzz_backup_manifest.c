/* Manifest.db: whatever the bytes, each order ends, and a row that is found is one that was asked
 * for */
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct backup_manifest *manifest, enum backup_order order)
{
	struct backup_file file, found;
	struct err err = ERR_INIT;
	char domain[BACKUP_DOMAIN_LEN_MAX + 1] = "", path[PATH_LEN_MAX + 1] = "";
	bool has_row = false;
	int r = backup_manifest_rewind(manifest, order, NULL, &err);

	while (r == 0 || r == BACKUP_DAMAGED) {
		r = backup_manifest_next(manifest, &file, &err);
		if (r == 0) {
			strcpy(domain, file.domain);
			strcpy(path, file.path);
			has_row = true;
		}
	}
	if (has_row && backup_manifest_find(manifest, domain, path, &found, &err) == 0 &&
	    (strcmp(found.domain, domain) || strcmp(found.path, path)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct source *source = NULL;
	uint64_t rows;

	if (source_bytes_open(&source, slice_of(data, size), NULL) < 0 ||
	    backup_manifest_open(&manifest, source, NULL) < 0)
		return 0;
	(void)backup_manifest_count(manifest, &rows, NULL);
	walk(manifest, BACKUP_ORDER_STORED);
	walk(manifest, BACKUP_ORDER_FILE_ID);
	walk(manifest, BACKUP_ORDER_DOMAIN_PATH);
	return 0;
}
