/*
 * management - what a backup tells of its device's management: read, never edited
 * (docs/format/ios-backup, 9)
 *
 * Part of the room's door: backup.h includes it.  Every value says from which file it came;
 * where no file tells, `from` is NULL and the value is UNKNOWN, empty or 0.  That a file is
 * there proves nothing: its content does.  Secrets (push magic, tokens) are not kept.
 */
#ifndef REHOME_BACKUP_MANAGEMENT_H
#define REHOME_BACKUP_MANAGEMENT_H

#include "base/base.h"

struct backup_keybag;
struct backup_reader;

enum {
	BACKUP_WORDS_MAX = 512, /* longer texts are cut */
	BACKUP_PROFILES_MAX = 512,
	BACKUP_TRACES_MAX = 16,
	BACKUP_REMARKS_MAX = 32,
};

/** struct backup_place - a file that was asked for */
struct backup_place {
	const char *domain;
	char path[128];
	int64_t modified; /* seconds since 1970; 0 = not known */
	enum backup_place_state {
		BACKUP_PLACE_ABSENT,     /* the backup has no such file */
		BACKUP_PLACE_READ,       /* a property list with a dictionary */
		BACKUP_PLACE_UNREADABLE, /* it has it, and its content tells nothing */
	} state;
};

enum backup_answer { BACKUP_UNKNOWN, BACKUP_NO, BACKUP_YES };
struct backup_yes_no {
	enum backup_answer answer;
	const struct backup_place *from;
};
struct backup_words {
	char text[BACKUP_WORDS_MAX];
	const struct backup_place *from;
};
struct backup_number { /* dates: seconds since 1970 */
	int64_t value;
	const struct backup_place *from;
};

/** enum backup_enrollment - how the device came under management */
enum backup_enrollment {
	BACKUP_ENROLLED_UNKNOWN, /* managed, and the files do not tell how; or not managed */
	BACKUP_ENROLLED_ADE,     /* Automated Device Enrollment */
	BACKUP_ENROLLED_PROFILE, /* a profile that somebody installed */
	BACKUP_ENROLLED_ADDE,    /* account-driven, the whole device */
	BACKUP_ENROLLED_USER,    /* account-driven, a personal device */
	BACKUP_ENROLLED_CONFIGURATOR,
};
/** enum backup_identity - what holds the key by which the service knows the device */
enum backup_identity {
	BACKUP_IDENTITY_UNKNOWN,
	BACKUP_IDENTITY_SOFT,     /* SCEP, PKCS12, ACME without HardwareBound */
	BACKUP_IDENTITY_HARDWARE, /* ACME with HardwareBound */
};

/** struct backup_cloud - CloudConfigurationDetails.plist: the organisation's claim (9.2) */
struct backup_cloud {
	struct backup_number source; /* 0 none, 1 ADE, 2 a configurator's host, 5 internal */
	struct backup_yes_no is_mandatory, is_unremovable, was_applied, allows_pairing;
	struct backup_yes_no ignores_backup;     /* IgnoreMDMFromBackup */
	struct backup_yes_no has_migrated;       /* HasUndergoneMigration */
	struct backup_yes_no hides_restore;      /* SkipSetup names Restore */
	struct backup_yes_no is_multi_user;      /* Shared iPad */
	struct backup_words server_uid;          /* MDMServerUID; from NULL: before OS 26 */
	struct backup_words organization, url;   /* OrganizationName, ConfigurationURL */
	struct backup_words migration_deadline;  /* MDMMigrationDeadline */
	struct backup_number provisional_expiry; /* ProvisionalEnrollmentExpiry, as it is there */
	struct backup_number supervisor_hosts;   /* how many SupervisorHostCertificates */
};

/** struct backup_profile - an installed profile, by its stub or by PayloadManifest alone */
struct backup_profile {
	struct backup_place place; /* its stub; ABSENT if only PayloadManifest names it */
	char identifier[256], name[256], organization[256]; /* longer ones are cut */
	struct backup_number since;   /* InstallDate, else the last install in MCProfileEvents */
	enum backup_answer is_locked; /* PayloadRemovalDisallowed */
	bool is_enrollment;           /* has a payload com.apple.mdm */
	bool is_hidden;               /* in HiddenProfiles */
};

/** struct backup_trace - a moment that the management of the device left behind */
struct backup_trace {
	const char *what; /* static words */
	int64_t time;
	const struct backup_place *from;
};
/** struct backup_remark - what a careful reader should know; @from may be NULL */
struct backup_remark {
	bool is_edit; /* no device writes this: somebody edited the backup */
	char text[160];
	const struct backup_place *from;
};

/** struct backup_management - what a backup tells of it; all of it lives until it is freed */
struct backup_management {
	struct backup_yes_no is_managed; /* NO: the folder is there, without an MDM.plist */
	struct backup_yes_no is_supervised;
	struct backup_yes_no is_locked; /* the user cannot remove management; only if managed */
	struct {
		enum backup_enrollment how;
		const struct backup_place *from;
	} enrollment;
	struct backup_number enrolled_since;
	struct backup_words server_url, check_in_url, topic, organization;
	struct backup_words profile_identifier; /* the enrollment profile's */
	struct backup_number access_rights;
	struct {
		enum backup_identity kind;
		const struct backup_place *from;
	} identity;
	struct backup_words identity_payload;  /* com.apple.security.acme ... */
	struct backup_yes_no identity_is_kept; /* the keychain has a certificate and a key */
	struct backup_number identity_end;     /* notAfter, where the certificate can be read */
	struct backup_words identity_sha256;   /* of its DER, hex; where it can be read */
	struct backup_cloud cloud;
	/* what profiles ask of backups: forceEncryptedBackup, allowHostPairing */
	struct backup_yes_no forces_encryption, allows_pairing;
	struct backup_yes_no has_managed_apps;    /* MDMAppManagement.plist; no list of them */
	struct backup_yes_no has_pending_profile; /* an enrollment waits for Setup Assistant */
	struct backup_yes_no setup_is_done;
	struct backup_words migrated_build; /* OS build on which management was last migrated */
	struct backup_profile *profiles;
	size_t profile_count;
	struct backup_trace traces[BACKUP_TRACES_MAX];
	size_t trace_count;
	struct backup_remark remarks[BACKUP_REMARKS_MAX];
	size_t remark_count;         /* beyond the maximum they are dropped */
	struct backup_place *places; /* all that were asked for, stubs apart */
	size_t place_count;
};

/** struct backup_lookup - where the management files are: a backup, a device, a test */
struct backup_lookup {
	/*
	 * append the plain content of a file to @out (its max is the limit) and tell its
	 * LastModified, if known. BACKUP_ABSENT: there is none; BACKUP_DAMAGED: there is, but its
	 * content cannot be had (@err says why)
	 */
	int (*read)(struct backup_lookup *lookup, const char *domain, const char *path,
		    struct buf *out, int64_t *modified, struct err *err);
	/* every file of @domain; stops when @each returns non-zero and returns that */
	int (*list)(struct backup_lookup *lookup, const char *domain,
		    int (*each)(void *arg, const char *path, struct err *err), void *arg,
		    struct err *err);
	const struct backup_keybag *bag; /* open: keychain items are looked into; or NULL */
};
/** struct backup_reader_lookup - the lookup over an open reader, which must stay */
struct backup_reader_lookup {
	struct backup_lookup lookup;
	struct backup_reader *reader;
};
void backup_reader_lookup_init(struct backup_reader_lookup *lookup, struct backup_reader *reader);

/**
 * backup_management_read - what the files say, and what follows from them (9.4)
 * Damaged and missing files make values unknown and leave a remark, they are no failure; a
 * failure is one of @lookup, or ERR_NO_MEMORY. The caller frees *@out.
 */
int backup_management_read(struct backup_management **out, struct backup_lookup *lookup,
			   struct err *err);
void backup_management_free(struct backup_management *management);
void backup_management_free_p(struct backup_management **management);
/** struct backup_statement - one value in words, for listings */
struct backup_statement {
	const char *name;                /* stable: "managed", "server_url" ... */
	const char *label;               /* for people: "Managed", "Server" ... */
	const char *value;               /* "yes", "no", "unknown", a text, a time in UTC */
	const struct backup_place *from; /* NULL = unknown */
};
/** backup_management_each - all values in the order of the struct; profiles, traces and remarks
 * are lists of their own. Borrowed for the call. */
void backup_management_each(const struct backup_management *management,
			    void (*each)(void *arg, const struct backup_statement *statement),
			    void *arg);
const char *backup_answer_text(enum backup_answer answer);      /* "yes", "no", "unknown" */
const char *backup_enrollment_text(enum backup_enrollment how); /* "ade", "profile" ... */
const char *backup_identity_text(enum backup_identity kind);    /* "soft" ... */

#endif
