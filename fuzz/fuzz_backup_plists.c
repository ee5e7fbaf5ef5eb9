/* Manifest.plist, Status.plist, Info.plist: what reads can be written and reads the same */
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void properties(struct slice bytes)
{
	CLEANUP(backup_properties_clear) struct backup_properties first;
	CLEANUP(backup_properties_clear) struct backup_properties second;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1u << 20);

	backup_properties_init(&first);
	backup_properties_init(&second);
	if (backup_properties_read(&first, bytes, NULL) < 0)
		return;
	if (backup_properties_write(&first, NULL, &out, NULL) < 0 ||
	    backup_properties_read(&second, buf_slice(&out), NULL) < 0 ||
	    strcmp(first.udid, second.udid) || strcmp(first.device_name, second.device_name) ||
	    first.is_encrypted != second.is_encrypted || first.has_keybag != second.has_keybag ||
	    !slice_equal(buf_slice(&first.keybag), buf_slice(&second.keybag)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1u << 20);
	struct slice bytes = slice_of(data, size);
	struct backup_status status;
	struct backup_info info;

	properties(bytes);
	(void)backup_info_read(&info, bytes, NULL);
	if (backup_status_read(&status, bytes, NULL) == 0 &&
	    status.snapshot_state != BACKUP_STATE_UNKNOWN &&
	    (backup_status_write(&status, &out, NULL) < 0 ||
	     backup_status_read(&status, buf_slice(&out), NULL) < 0))
		abort();
	return 0;
}
