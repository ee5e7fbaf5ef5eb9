/* MBFile records: what decodes can be encoded again and then says the same */
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL, *scratch = NULL;
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(2 * BACKUP_BLOB_LEN_MAX);
	struct backup_file file = {.flags = 1}, again = {.flags = 1};

	if (plist_doc_new(&doc, NULL) < 0 || plist_doc_new(&scratch, NULL) < 0 ||
	    backup_file_decode(doc, slice_of(data, size), &file, NULL) < 0 || !file.path)
		return 0;
	if (backup_file_encode(scratch, &file, &blob, NULL) < 0)
		abort();
	if (blob.len > BACKUP_BLOB_LEN_MAX)
		return 0; /* a file's texts may have been shared by reference */
	if (backup_file_decode(scratch, buf_slice(&blob), &again, NULL) < 0 ||
	    strcmp(file.path, again.path) || file.mode != again.mode || file.size != again.size ||
	    file.uid != again.uid || file.modified != again.modified ||
	    !slice_equal(file.key, again.key) || !slice_equal(file.xattrs, again.xattrs))
		abort();
	return 0;
}
