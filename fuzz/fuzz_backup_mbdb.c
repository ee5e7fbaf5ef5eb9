/* Manifest.mbdb: what can be read of it is a manifest whose rows can be gone through */
#include <stdlib.h>

#include "backup/mbdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct source *converted = NULL;
	struct backup_file file;

	if (source_bytes_open(&source, slice_of(data, size), NULL) < 0 ||
	    mbdb_convert(source, &converted, NULL) < 0)
		return 0;
	if (backup_manifest_open(&manifest, converted, NULL) < 0 ||
	    backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, NULL) < 0)
		abort();
	while (backup_manifest_next(manifest, &file, NULL) != BACKUP_END)
		;
	return 0;
}
