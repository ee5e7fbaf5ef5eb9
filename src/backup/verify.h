/*
 * Verification, as its parts share it: promises.c (the list), verify_plists.c,
 * verify_rows.c, verify_content.c, and verify.c, which runs them
 */
#ifndef REHOME_BACKUP_VERIFY_H
#define REHOME_BACKUP_VERIFY_H

#include "backup/internal.h"
#include "crypto/crypto.h"

/* In the order of the list in promises.c. */
enum promise {
	PROMISE_MANIFEST_PLIST,
	PROMISE_MANIFEST_PLIST_VERSION,
	PROMISE_SYSTEM_DOMAINS_VERSION,
	PROMISE_DEVICE_NAMED,
	PROMISE_KEYBAG,
	PROMISE_MANIFEST_KEY,
	PROMISE_STATUS_PLIST,
	PROMISE_STATUS_VERSION,
	PROMISE_STATUS_STATE,
	PROMISE_STATUS_FINISHED,
	PROMISE_INFO_PLIST,
	PROMISE_INFO_AGREES,
	PROMISE_NO_SNAPSHOT_FOLDER,
	PROMISE_NO_SIDE_FILES,
	PROMISE_MANIFEST_DB,
	PROMISE_MANIFEST_FORM,
	PROMISE_MANIFEST_PADDING,
	PROMISE_FILE_ID_FORM,
	PROMISE_ROW_READABLE,
	PROMISE_FILE_ID,
	PROMISE_PATH_SAFE,
	PROMISE_RECORD_PATH,
	PROMISE_FLAGS_MODE,
	PROMISE_ROOT_ROW,
	PROMISE_SYMLINK_TARGET,
	PROMISE_SIZE_ZERO,
	PROMISE_EXTENDED_ATTRIBUTES,
	PROMISE_KEY_PRESENT,
	PROMISE_KEY_ABSENT,
	PROMISE_KEY_OPENS,
	PROMISE_KEY_CLASS,
	PROMISE_CONTENT_PRESENT,
	PROMISE_CONTENT_READABLE,
	PROMISE_CONTENT_BLOCKS,
	PROMISE_PADDING,
	PROMISE_SIZE_DRIFT,
	PROMISE_DIGEST,
	PROMISE_EXTRANEOUS,
	PROMISE_DECRYPTED,
	PROMISE_COUNT,
};

struct verify {
	struct backup_tree *tree;
	struct backup_reader reader;
	struct backup_verdict verdict;
	struct progress_state state;
	struct progress *progress;
	const struct cancel *cancel;
	void (*found)(void *arg, const struct backup_finding *finding);
	void *arg;
	struct crypto_sha1 *sha1;
	struct plist_doc *doc;
	uint8_t *piece; /* BACKUP_PIECE_LEN bytes */
};

/** verify_broken - one promise is not kept; @path may be NULL */
void verify_broken(struct verify *verify, enum promise promise, const char *path,
		   const char *format, ...) PRINTF_LIKE(4, 5);
/** verify_is_fatal - a failure after which checking cannot go on, as against one to report */
bool verify_is_fatal(int r);

int verify_plists(struct verify *verify, struct err *err);
int verify_rows(struct verify *verify, struct err *err);
/** verify_content - the contents of the regular file @file; @name is what findings call it */
int verify_content(struct verify *verify, const struct backup_file *file, const char *name,
		   struct err *err);

#endif
