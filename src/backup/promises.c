/*
 * The promises of the format, each with its stable short name (docs/format/ios-backup, 8)
 *
 * A problem means that a device may refuse the backup, or that something of it is lost; a
 * remark, that something is unusual and worth knowing.
 */
#include "backup/verify.h"

static const struct backup_promise promises[PROMISE_COUNT] = {
	[PROMISE_MANIFEST_PLIST] = {"manifest-plist", BACKUP_PROBLEM,
				    "Manifest.plist is there and readable"},
	[PROMISE_MANIFEST_PLIST_VERSION] = {"manifest-plist-version", BACKUP_PROBLEM,
					    "its Version is of the form 10.0"},
	[PROMISE_SYSTEM_DOMAINS_VERSION] = {"system-domains-version", BACKUP_PROBLEM,
					    "its SystemDomainsVersion is a string like 24.0"},
	[PROMISE_DEVICE_NAMED] = {"device-named", BACKUP_REMARK,
				  "its Lockdown names the device by UniqueDeviceID"},
	[PROMISE_KEYBAG] =
		{"keybag", BACKUP_PROBLEM,
		 "an encrypted backup has a keybag that can be read, all of whose classes open"},
	[PROMISE_MANIFEST_KEY] = {"manifest-key", BACKUP_REMARK,
				  "an encrypted backup has a ManifestKey and an encrypted "
				  "Manifest.db"},
	[PROMISE_STATUS_PLIST] = {"status-plist", BACKUP_PROBLEM,
				  "Status.plist is there and readable"},
	[PROMISE_STATUS_VERSION] = {"status-version", BACKUP_PROBLEM,
				    "its Version is at least 2.4 and below 4.0"},
	[PROMISE_STATUS_STATE] = {"status-state", BACKUP_PROBLEM,
				  "its BackupState is empty, old or new"},
	[PROMISE_STATUS_FINISHED] = {"status-finished", BACKUP_PROBLEM,
				     "its SnapshotState is finished"},
	[PROMISE_INFO_PLIST] = {"info-plist", BACKUP_REMARK, "Info.plist is there and readable"},
	[PROMISE_INFO_AGREES] = {"info-agrees", BACKUP_REMARK,
				 "Info.plist and Manifest.plist name the same device"},
	[PROMISE_NO_SNAPSHOT_FOLDER] = {"no-snapshot-folder", BACKUP_PROBLEM,
					"no folder Snapshot is left from an interrupted run"},
	[PROMISE_NO_SIDE_FILES] = {"no-side-files", BACKUP_PROBLEM,
				   "no -wal, -shm or -journal lies beside Manifest.db"},
	[PROMISE_MANIFEST_DB] = {"manifest-db", BACKUP_PROBLEM,
				 "Manifest.db is a database with the table Files"},
	[PROMISE_MANIFEST_FORM] = {"manifest-form", BACKUP_REMARK,
				   "it has pages of 4096 bytes, user_version 2 and the WAL mark"},
	[PROMISE_MANIFEST_PADDING] = {"manifest-padding", BACKUP_REMARK,
				      "it ends in one block of padding exactly if it is "
				      "encrypted"},
	[PROMISE_FILE_ID_FORM] = {"file-id-form", BACKUP_PROBLEM,
				  "each fileID is 40 lower-case hex digits"},
	[PROMISE_ROW_READABLE] = {"row-readable", BACKUP_PROBLEM,
				  "each row has a domain, a path and an MBFile record"},
	[PROMISE_FILE_ID] = {"file-id", BACKUP_PROBLEM, "each fileID is the SHA-1 of domain-path"},
	[PROMISE_PATH_SAFE] = {"path-safe", BACKUP_PROBLEM,
			       "each path is relative, without empty, . or .. components"},
	[PROMISE_RECORD_PATH] = {"record-path", BACKUP_PROBLEM,
				 "each record names the path of its row"},
	[PROMISE_FLAGS_MODE] = {"flags-mode", BACKUP_REMARK,
				"flags say the same kind of file as Mode"},
	[PROMISE_ROOT_ROW] = {"root-row", BACKUP_REMARK,
			      "each domain has its root directory as a row"},
	[PROMISE_SYMLINK_TARGET] = {"symlink-target", BACKUP_PROBLEM, "each symlink has a Target"},
	[PROMISE_SIZE_ZERO] = {"size-zero", BACKUP_PROBLEM, "what is no regular file has Size 0"},
	[PROMISE_EXTENDED_ATTRIBUTES] = {"extended-attributes", BACKUP_REMARK,
					 "ExtendedAttributes are a dictionary of at most 255 "
					 "entries"},
	[PROMISE_KEY_PRESENT] = {"key-present", BACKUP_PROBLEM,
				 "each regular file of an encrypted backup has an EncryptionKey"},
	[PROMISE_KEY_ABSENT] = {"key-absent", BACKUP_REMARK, "nothing else has one"},
	[PROMISE_KEY_OPENS] = {"key-opens", BACKUP_PROBLEM,
			       "each EncryptionKey opens with the keybag"},
	[PROMISE_KEY_CLASS] = {"key-class", BACKUP_REMARK,
			       "its class is the record's ProtectionClass"},
	[PROMISE_CONTENT_PRESENT] = {"content-present", BACKUP_PROBLEM,
				     "the contents of each regular file are there"},
	[PROMISE_CONTENT_READABLE] = {"content-readable", BACKUP_PROBLEM,
				      "they can be read to their end"},
	[PROMISE_CONTENT_BLOCKS] = {"content-blocks", BACKUP_PROBLEM,
				    "encrypted contents are a multiple of 16 bytes long"},
	[PROMISE_PADDING] = {"padding", BACKUP_PROBLEM, "decrypted contents end in valid padding"},
	[PROMISE_SIZE_DRIFT] = {"size-drift", BACKUP_REMARK,
				"contents have the Size that the record says (live files of a "
				"device often do not)"},
	[PROMISE_DIGEST] = {"digest", BACKUP_PROBLEM, "a Digest is the SHA-1 of the stored bytes"},
	[PROMISE_EXTRANEOUS] = {"extraneous", BACKUP_REMARK,
				"no file lies in the backup that its manifest does not name"},
	[PROMISE_DECRYPTED] = {"decrypted", BACKUP_REMARK,
			       "the password was given, so that everything could be checked"},
};

const struct backup_promise *backup_promises(size_t *count)
{
	*count = PROMISE_COUNT;
	return promises;
}
