/*
 * testing_management.h - a backup of a few management files written as XML: what the tests of
 * the management state share
 */
#ifndef REHOME_BACKUP_TESTING_MANAGEMENT_H
#define REHOME_BACKUP_TESTING_MANAGEMENT_H

#include "backup/testing.h"

#define DOMAIN "SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles"
#define FOLDER "Library/ConfigurationProfiles/"
#define STUB FOLDER "profile-00.stub"

struct fake_file {
	const char *domain, *path;
	const char *dict; /* the inside of its dictionary; NULL = listed, and its content missing */
};

struct fake {
	struct backup_lookup lookup;
	const struct fake_file *files;
	int fail;              /* what every read answers, unless 0 */
	struct slice keychain; /* instead of a file of XML, unless empty */
};

static inline int fake_read(struct backup_lookup *lookup, const char *domain, const char *path,
			    struct buf *out, int64_t *modified, struct err *err)
{
	struct fake *fake = (struct fake *)lookup;
	const struct fake_file *file;

	if (fake->fail)
		return err_set(err, fake->fail, "told to fail");
	if (fake->keychain.len && !strcmp(path, BACKUP_KEYCHAIN_PATH))
		return buf_append_slice(out, fake->keychain, err);
	for (file = fake->files; file->path; file++) {
		if (strcmp(file->domain, domain) || strcmp(file->path, path))
			continue;
		if (!file->dict) {
			err_set(err, ERR_CORRUPT, "the contents of %s are missing", path);
			return BACKUP_DAMAGED;
		}
		*modified = 1700000000;
		return buf_append_format(out, err, "<plist version=\"1.0\"><dict>%s</dict></plist>",
					 file->dict);
	}
	return BACKUP_ABSENT;
}

static inline int fake_list(struct backup_lookup *lookup, const char *domain,
			    int (*each)(void *arg, const char *path, struct err *err), void *arg,
			    struct err *err)
{
	const struct fake_file *file;
	int r = 0;

	for (file = ((struct fake *)lookup)->files; file->path && !r; file++)
		if (!strcmp(file->domain, domain))
			r = each(arg, file->path, err);
	return r;
}

static inline struct backup_management *read_fake(const struct fake_file *files)
{
	struct fake fake = {.lookup = {.read = fake_read, .list = fake_list}, .files = files};
	struct backup_management *management = NULL;
	struct err err = ERR_INIT;

	assert_done(backup_management_read(&management, &fake.lookup, &err), err);
	return management;
}

#define TEXT(key, value) "<key>" key "</key><string>" value "</string>"
#define YES(key) "<key>" key "</key><true/>"
#define NO(key) "<key>" key "</key><false/>"
#define NUMBER(key, value) "<key>" key "</key><integer>" value "</integer>"
#define DATA(key) "<key>" key "</key><data>aWRudAcAAAAAAAAA</data>" /* "idnt", 7 */
#define LIST(key, value) "<key>" key "</key><array>" value "</array>"

#define MDM                                                  \
	DATA("IdentityPersistentRef")                        \
	TEXT("ManagingProfileIdentifier", "com.example.mdm") \
	TEXT("ServerURL", "https://mdm.example.com/server")  \
	NUMBER("AccessRights", "8191") TEXT("PushMagic", "MAGIC-WORD") TEXT("Topic", "topic")

/* the enrollment profile with an identity of @payload */
#define ENROLLMENT(payload)                                                                        \
	TEXT("PayloadIdentifier", "com.example.mdm")                                               \
	TEXT("PayloadOrganization", "Example School")                                              \
	LIST("PayloadContent",                                                                     \
	     "<dict>" TEXT("PayloadType", "com.apple.mdm")                                         \
		     TEXT("IdentityCertificateUUID", "U") "</dict><dict>" TEXT("PayloadUUID", "U") \
			     payload "</dict>")
#define SCEP ENROLLMENT(TEXT("PayloadType", "com.apple.security.scep"))

static inline bool has_remark(const struct backup_management *management, bool is_edit,
			      const char *part)
{
	size_t i;

	for (i = 0; i < management->remark_count; i++)
		if (management->remarks[i].is_edit == is_edit &&
		    strstr(management->remarks[i].text, part))
			return true;
	return false;
}

static inline void assert_from(const struct backup_place *from, const char *path)
{
	assert_non_null(from);
	assert_string_equal(from->path, path);
}

#endif
