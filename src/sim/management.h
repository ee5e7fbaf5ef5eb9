/*
 * management - the management state of a simulated device: its files, and what it does with them
 *
 * The state lives where a device keeps it, in property lists of its file table and in its
 * keychain, so that a backup carries what a real one carries and a restore brings what a real one
 * brings (docs/format/ios-backup, "Management state").  No other copy is kept: whoever wants
 * to know reads the files.
 *
 *   device_cloud.c       the organisation's claim: CloudConfigurationDetails.plist, and the
 *                        set-aside copy that was fetched at activation
 *   device_enrollment.c  an enrollment told in words, and what the present one is
 *   device_enrollment_files.c  what every enrollment writes: MDM.plist, the profile's stub
 *   device_stubs.c       the folder of profiles, and the list of them
 *   device_identity.c    the certificate and key by which the service knows the device
 *   device_keychain.c    items, and how they travel; device_seal.c: their encryption
 *   device_managed.c     births, and what no backup holds
 */
#ifndef REHOME_SIM_MANAGEMENT_H
#define REHOME_SIM_MANAGEMENT_H

#include "sim/device.h"

enum { SIM_SERVER_LEN = 256, SIM_WORD_LEN = 64 };

#define SIM_PROFILES_DOMAIN "SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles"
#define SIM_PROFILES_FOLDER "Library/ConfigurationProfiles"
#define SIM_CLOUD_PATH SIM_PROFILES_FOLDER "/CloudConfigurationDetails.plist"
#define SIM_SET_ASIDE_PATH SIM_PROFILES_FOLDER "/CloudConfigurationSetAsideDetails.plist"
#define SIM_MDM_PATH SIM_PROFILES_FOLDER "/MDM.plist"

/* ---- services, by the host of their URL ---- */

/** sim_server_url - "this" is https://this.example/mdm; a URL stays as it is */
const char *sim_server_url(const char *name, char out[SIM_SERVER_LEN]);
/** sim_server_host - the host of a URL or name: services are the same where these are equal */
const char *sim_server_host(const char *name, char out[SIM_SERVER_LEN]);

/* ---- device_cloud.c ---- */

enum sim_cloud_source {
	SIM_CLOUD_NOBODY = 0,
	SIM_CLOUD_ADE = 1,
	SIM_CLOUD_CONFIGURATOR = 2,
};
enum { SIM_SUPERVISOR_MAX = 4096 };
/** struct sim_supervisor - the certificate of a host that may pair without a question, in DER; of
 * several the first. len 0: none */
struct sim_supervisor {
	uint8_t der[SIM_SUPERVISOR_MAX];
	size_t len;
};
/** struct sim_cloud - the keys of a cloud configuration that a device acts on */
struct sim_cloud {
	enum sim_cloud_source source;
	bool is_supervised, is_mandatory, is_unremovable;
	bool ignores_backup; /* IgnoreMDMFromBackup */
	bool has_migrated;   /* HasUndergoneMigration */
	bool hides_restore;  /* SkipSetup names Restore */
	bool is_multi_user;
	int64_t provisional_until; /* ProvisionalEnrollmentExpiry; 0 = not provisional */
	char url[SIM_SERVER_LEN];  /* ConfigurationURL; empty: no profile to fetch */
	char server_uid[SIM_WORD_LEN], organization[SIM_WORD_LEN];
	struct sim_supervisor supervisor; /* SupervisorHostCertificates */
};
/** sim_cloud_load - the file at @path (SIM_CLOUD_PATH, SIM_SET_ASIDE_PATH); SIM_DEVICE_ABSENT */
int sim_cloud_load(struct sim_device *device, const char *path, struct sim_cloud *cloud,
		   struct err *err);
/** sim_cloud_store - write it; at SIM_CLOUD_PATH it counts as applied, and supervision follows */
int sim_cloud_store(struct sim_device *device, const char *path, const struct sim_cloud *cloud,
		    struct err *err);
/** sim_cloud_remove - 0 also where there is none; supervision follows */
int sim_cloud_remove(struct sim_device *device, const char *path, struct err *err);

/* ---- device_enrollment.c ---- */

enum sim_kind_of_enrollment {
	SIM_ENROLLED_NOT,
	SIM_ENROLLED_ADE,
	SIM_ENROLLED_PROFILE,
	SIM_ENROLLED_ADDE, /* account-driven, the whole device */
	SIM_ENROLLED_USER, /* account-driven, a personal device */
	SIM_ENROLLED_CONFIGURATOR,
};
enum sim_identity_kind {
	SIM_IDENTITY_SCEP,
	SIM_IDENTITY_PKCS12,
	SIM_IDENTITY_ACME,
	SIM_IDENTITY_ACME_HARDWARE, /* the key lives in the hardware and in no backup */
};
/** struct sim_enrollment - what MDM.plist and the enrollment profile's stub say */
struct sim_enrollment {
	enum sim_kind_of_enrollment kind;
	enum sim_identity_kind identity;
	char server[SIM_SERVER_LEN]; /* ServerURL */
	bool is_locked;              /* the profile cannot be removed by the user */
	int64_t since;               /* 0 = now, when written */
	int64_t identity_until;      /* notAfter; 0 = a year from then, when written */
	bool has_identity;           /* read: the keychain has certificate and key */
};
/** sim_enrollment_load - the present one; SIM_DEVICE_ABSENT */
int sim_enrollment_load(struct sim_device *device, struct sim_enrollment *enrollment,
			struct err *err);
/** sim_enrollment_install - a new one with a new identity and push magic; one that is there goes
 */
int sim_enrollment_install(struct sim_device *device, const struct sim_enrollment *enrollment,
			   struct err *err);
/** sim_enrollment_remove - MDM.plist, profile and identity go; 0 also where there is none */
int sim_enrollment_remove(struct sim_device *device, struct err *err);

/* ---- device_enrollment_files.c ---- */

/** struct sim_enrolling - an enrollment profile on its way into the files; all borrowed */
struct sim_enrolling {
	const struct plist *profile;        /* a dictionary with its PayloadContent */
	const struct plist *mdm, *identity; /* of its payloads */
	const char *magic;
	uint64_t row;  /* of the identity in the keychain */
	int64_t since; /* seconds since 1970 */
	bool is_locked, is_ade;
};
/** sim_enrollment_write - MDM.plist, the profile's stub without one-time secrets, who depends on
 * its certificate, the list of profiles */
int sim_enrollment_write(struct sim_device *device, const struct sim_enrolling *enrolling,
			 struct err *err);
/** sim_enrollment_unwrite - all of these go; @identifier: of the profile, or NULL */
int sim_enrollment_unwrite(struct sim_device *device, const char *identifier, struct err *err);
/** sim_device_uuid - the same for the same device, purpose and number */
void sim_device_uuid(struct sim_device *device, const char *purpose, uint64_t number, char out[37]);

/* ---- device_stubs.c ---- */

enum { SIM_STUB_PATH_LEN = 160 };
/** sim_profiles_load - the dictionary in @path of the profiles' domain, in @doc; NULL if there is
 * none */
const struct plist *sim_profiles_load(struct sim_device *device, const char *path,
				      struct plist_doc *doc);
int sim_profiles_store(struct sim_device *device, const char *path, const struct plist *root,
		       struct err *err);
/** sim_profiles_drop - 0 also where there is none */
int sim_profiles_drop(struct sim_device *device, const char *path, struct err *err);
/** sim_profiles_stub_path - where the stub of @identifier is */
void sim_profiles_stub_path(const char *identifier, char out[SIM_STUB_PATH_LEN]);
/** sim_profiles_stubs - add the paths of all stubs to @paths, an array of @doc */
int sim_profiles_stubs(struct sim_device *device, struct plist_doc *doc, struct plist *paths,
		       struct err *err);
/** sim_profiles_remove_all - every profile, with the enrollment */
int sim_profiles_remove_all(struct sim_device *device, struct err *err);
/** sim_profiles_manifest - PayloadManifest.plist as the stubs say */
int sim_profiles_manifest(struct sim_device *device, struct err *err);

const char *sim_enrollment_word(enum sim_kind_of_enrollment kind); /* "none", "ade" ... */
bool sim_enrollment_parse(const char *word, enum sim_kind_of_enrollment *kind);
const char *sim_identity_word(enum sim_identity_kind kind); /* "scep" ... */
bool sim_identity_parse(const char *word, enum sim_identity_kind *kind);

/* ---- device_identity.c ---- */

/** sim_identity_make - certificate and key of @enrollment as items of number @row; the key of a
 * hardware-bound one stays in the hardware */
int sim_identity_make(struct sim_device *device, const struct sim_enrollment *enrollment,
		      uint64_t row, struct err *err);
/** sim_identity_keep - a certificate (DER) and key (PEM) that a service issued, as items of number
 * @row */
int sim_identity_keep(struct sim_device *device, uint64_t row, struct slice cert, struct slice key,
		      struct err *err);
/** sim_identity_read - append them; BACKUP_ABSENT where there are none, or only made-up ones */
int sim_identity_read(struct sim_device *device, uint64_t row, struct buf *cert, struct buf *key,
		      struct err *err);
/** sim_identity_until - notAfter of the certificate in a keychain item's content; 0 if it has none
 */
int64_t sim_identity_until(struct slice der);

/* ---- births: `rehome-sim new --managed-by ...` ---- */

/** struct sim_management - how a device is managed from birth; zero: not at all */
struct sim_management {
	struct sim_enrollment enrollment;
	bool is_supervised;
	bool has_ade_record;       /* cloud configuration of source 1, mandatory */
	const char *server_uid;    /* MDMServerUID of that record, or NULL (made before OS 26) */
	int64_t provisional_until; /* of that record */
	struct sim_supervisor supervisor;
	const char *app_not_backed_up; /* bundle of a managed app that stays out, or NULL */
};
/** sim_management_check - ERR_USAGE for what no device can be */
int sim_management_check(const struct sim_management *management, struct err *err);
int sim_management_begin(struct sim_device *device, const struct sim_management *management,
			 struct err *err);

/* ---- what no backup holds ---- */

/** sim_file_is_backed_up - false for the files that the system marks, and for managed apps that
 * the service keeps out of backups (docs/format/ios-backup, "Files") */
bool sim_file_is_backed_up(const struct sim_device *device, const struct backup_file *row);

/* ---- device_keychain.c: items and their travel ---- */

enum sim_keychain_class {
	SIM_CLASS_THIS_DEVICE = 10, /* AfterFirstUnlockThisDeviceOnly */
};
/** sim_keychain_put - an item of @table ("cert", "keys") under number @row; @der is its content */
int sim_keychain_put(struct sim_device *device, const char *table, uint64_t row, struct slice der,
		     struct err *err);
bool sim_keychain_has(struct sim_device *device, const char *table, uint64_t row);
/** sim_keychain_get - append its content to @der; BACKUP_ABSENT */
int sim_keychain_get(struct sim_device *device, const char *table, uint64_t row, struct buf *der,
		     struct err *err);
int sim_keychain_remove(struct sim_device *device, const char *table, uint64_t row,
			struct err *err);
/** sim_keychain_forget - all items */
int sim_keychain_forget(struct sim_device *device, struct err *err);
/** sim_keychain_ref - v_PersistentRef: the table's four letters and the row, big-endian */
void sim_keychain_ref(const char *table, uint64_t row, uint8_t out[12]);
/** sim_keychain_export - before a backup: keychain-backup.plist as this backup carries it. A
 * device that never had an item leaves the file as it is. */
int sim_keychain_export(struct sim_device *device, bool is_encrypted, struct err *err);
/** sim_keychain_import - after a restore: the items that open on this hardware become the
 * device's, all others are gone */
int sim_keychain_import(struct sim_device *device, struct err *err);

enum { SIM_SEAL_TAG_LEN = 16 };
/** sim_seal - AES-256-GCM with an empty IV, as keychain items have it: @out gets in.len + 16 */
int sim_seal(const uint8_t key[BACKUP_KEY_LEN], struct slice in, uint8_t *out, struct err *err);
/** sim_unseal - @out gets in.len - 16; ERR_CORRUPT if the tag is not right */
int sim_unseal(const uint8_t key[BACKUP_KEY_LEN], struct slice in, uint8_t *out, struct err *err);

#endif
