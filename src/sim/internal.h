/*
 * sim, inside - what the parts of the simulated device know of each other
 *
 * Two halves.  The device (device_*.c): its folder, identity, files, ageing, and its
 * decisions during backup and restore.  The wire (wire_*.c): usbmux, lockdown, TLS and
 * services, and struct sim_host over DeviceLink.  The device never sees a socket; the wire
 * never decides what a device would do.
 */
#ifndef REHOME_SIM_INTERNAL_H
#define REHOME_SIM_INTERNAL_H

#include "base/base.h"
#include "plist/plist.h"
#include "sim/sim.h"

struct sim_device; /* an opened device folder; safe for several threads (it locks itself) */

/* ---- faults: parsed once from --fault SPEC (grammar: docs/man/rehome-sim.1) ---- */

enum sim_fault_kind {
	SIM_FAULT_CUT_BYTES,   /* cut:bytes=N       connection of mobilebackup2 ends after N bytes
				  sent */
	SIM_FAULT_CUT_MESSAGE, /* cut:message=N     ... before the N-th DeviceLink message */
	SIM_FAULT_LOCK, /* lock:file=N       the screen locks before the N-th file: protected files
			   fail, 104/208 */
	SIM_FAULT_NO_SPACE,   /* no-space          the device reports and behaves as full: restore
				 ends with 105 */
	SIM_FAULT_FILE_ERROR, /* file-error:nth=N | file-error:path=P   a per-file 0x0B */
	SIM_FAULT_SHORT_FILE, /* short-file:nth=N  fewer bytes than the manifest says */
	SIM_FAULT_NAME,       /* name:as=TEXT,nth=N  a host name replaced: %UDID%, %00, ../ ... */
	SIM_FAULT_LENGTH,     /* length:as=N,nth=N  a block or name length replaced */
	SIM_FAULT_ORDER,      /* order:WHAT        upload-before-mkdir, move-before-upload,
				 response-first, ... */
	SIM_FAULT_PLIST, /* plist:WHAT        truncated, bomb-xml, bomb-binary, deep, not-an-array,
			    huge */
	SIM_FAULT_RECORDS, /* records:len=N     TLS records of at most N bytes; records:per-field */
	SIM_FAULT_SILENCE, /* silence:message=N no further byte, connection open */
	SIM_FAULT_ENDLESS, /* endless           a file that never ends */
	SIM_FAULT_DUPLICATE,   /* duplicate:nth=N   the same file twice */
	SIM_FAULT_CERTIFICATE, /* certificate       another key than the paired one */
	SIM_FAULT_CLAIM, /* claim:udid=U | claim:serial=S   claims another identity on the wire;
			    number: which */
	SIM_FAULT_ERROR_CODE, /* error:code=N      the run ends with this MBErrorDomain code */
};
enum { SIM_CLAIM_UDID = 1, SIM_CLAIM_SERIAL = 2 };
struct sim_fault {
	enum sim_fault_kind kind;
	uint64_t number, nth;       /* nth counts from 1; 0 = the first */
	uint64_t number_to, nth_to; /* a range "A..B" not yet settled by the seed
				       (sim_faults_settle); 0 = none */
	uint64_t times;             /* how often it may fire in one process; 0 = always */
	uint64_t fired;             /* how often it did; touched by sim_faults_take only */
	char text[512];             /* as=, path=, WHAT; %XX decoded */
	size_t text_len;
};
enum { SIM_FAULTS_MAX = 32 };
struct sim_faults {
	struct sim_fault list[SIM_FAULTS_MAX];
	size_t count;
	/* told of each fault that fires (the wire's message log); NULL: standard error alone */
	void (*fired)(void *arg, const char *text);
	void *arg;
};
/** sim_faults_parse - add one SPEC; ERR_USAGE names what is allowed */
int sim_faults_parse(struct sim_faults *faults, const char *spec, struct err *err);
/** sim_faults_find - the first of @kind, NULL if none was asked for */
const struct sim_fault *sim_faults_find(const struct sim_faults *faults, enum sim_fault_kind kind);
/**
 * sim_faults_take - may @fault (of @faults) fire now? Counts it, and prints "fault ..." with
 * @format (what happens: "cut before message 12") to standard error and the message log.  False: it
 * fired as often as it may.  Any thread.
 */
bool sim_faults_take(struct sim_faults *faults, const struct sim_fault *fault, const char *format,
		     ...) PRINTF_LIKE(3, 4);
/** sim_faults_settle - choose a number for each range A..B by @device's seed */
void sim_faults_settle(struct sim_faults *faults, struct sim_device *device);
/*
 * Who applies what: the device LOCK, NO_SPACE, FILE_ERROR, SHORT_FILE, ERROR_CODE (they change what
 * it decides); the wire all others.
 */

/* ---- the device ---- */

struct sim_identity {
	char udid[41], serial[24], name[128], product_type[32], product_version[16], build[16],
		device_class[16];
	char wifi_mac[24];
	uint64_t unique_chip_id;
	uint64_t seed;
};

/** struct sim_state - small facts that change; a copy, taken by sim_device_state */
struct sim_state {
	bool has_passcode, is_locked;            /* locked screen */
	bool will_encrypt, encryption_is_forced; /* backup password set; profile forces it */
	bool find_my_is_on, setup_is_done, is_supervised;
	bool wifi_is_enabled;
	bool dialog_is_pending;    /* trust question on screen */
	int trust_answer;          /* 0 none, 1 trust, 2 deny: used up by the next Pair */
	bool passcode_is_wanted;   /* passcode prompt on screen */
	uint64_t passcode_answers; /* counts "person passcode" */
	uint64_t cancels;          /* counts "person cancel" */
	uint64_t free_bytes, total_bytes;
	bool is_unplugged; /* cable pulled: the wire sends Detached */
	bool cloud_backup_is_on;
	char activation[24]; /* "Activated" */
	char language[16], locale[16];
};

/** sim_device_open - caller closes; several threads may use one device */
int sim_device_open(struct sim_device **out, const char *folder, struct err *err);
void sim_device_close(struct sim_device *device);
/** sim_device_identity - borrowed for the device's life */
const struct sim_identity *sim_device_identity(const struct sim_device *device);
int sim_device_state(
	struct sim_device *device, struct sim_state *state,
	struct err *err); /* fresh from the folder: another process may have changed it */
/**
 * sim_device_set_state - @key is the field's name in struct sim_state, @value "true"/"false", a
 * decimal number, or text; "+1" raises a counter. ERR_USAGE for another key.
 */
int sim_device_set_state(struct sim_device *device, const char *key, const char *value,
			 struct err *err);
/** sim_device_now - the device's clock, seconds since 1970: stands still when the folder has a
 * --now, else real time plus aged days */
int64_t sim_device_now(struct sim_device *device);
/** sim_device_set_now - the time, for this process alone (--now) */
void sim_device_set_now(struct sim_device *device, int64_t now_seconds);
/** sim_device_faults - the device's own; add to it before it runs */
struct sim_faults *sim_device_faults(struct sim_device *device);
/** sim_device_derive - bytes that the device makes up: a function of (seed, purpose, counter) alone
 */
void sim_device_derive(struct sim_device *device, const char *purpose, uint64_t counter,
		       uint8_t *out, size_t len);
/** sim_device_key - the device's RSA pair, PEM; borrowed for the device's life */
int sim_device_key(struct sim_device *device, struct slice *private_pem, struct slice *public_pem,
		   struct err *err);

/** sim_device_allows_pairing - by its record and the restrictions of a supervised device; hosts of
 * the supervisor may pair all the same */
bool sim_device_allows_pairing(struct sim_device *device);

/* pairings, by HostID */
struct sim_pairing {
	char host_id[64], system_buid[64];
	struct buf device_cert, host_cert, root_cert; /* PEM */
	uint8_t escrow_bag[32];
};
void sim_pairing_init(struct sim_pairing *pairing);
void sim_pairing_clear(struct sim_pairing *pairing);
/** sim_device_pairing_put - keep it, in place of an older one of that host */
int sim_device_pairing_put(struct sim_device *device, const struct sim_pairing *pairing,
			   struct err *err);
/** sim_device_pairing_get - @pairing is filled if @is_known */
int sim_device_pairing_get(struct sim_device *device, const char *host_id,
			   struct sim_pairing *pairing, bool *is_known, struct err *err);
/** sim_device_pairing_remove - an absent one is fine */
int sim_device_pairing_remove(struct sim_device *device, const char *host_id, struct err *err);

/** sim_device_lockdown - values of @domain (NULL root) into a dict of @doc; the wire answers
 * GetValue from it */
struct plist *sim_device_lockdown(struct sim_device *device, const char *domain,
				  struct plist_doc *doc);
/** sim_device_apps - {bundle: {CFBundleIdentifier, ApplicationSINF, iTunesMetadata,
 * PlaceholderIcon(png)...}} of user apps */
struct plist *sim_device_apps(struct sim_device *device, struct plist_doc *doc);
/** sim_device_cloud_configuration - into @doc; an empty dict if the device has none */
struct plist *sim_device_cloud_configuration(struct sim_device *device, struct plist_doc *doc);
struct plist *sim_device_profiles(struct sim_device *device,
				  struct plist_doc *doc); /* GetProfileList answer without Status */

/* what a host changes in lockdown, MCInstall and by erasing; kept in the folder */
enum { SIM_DEVICE_PROHIBITED = 1, SIM_DEVICE_ABSENT = 2 };
/** sim_device_lockdown_set - SetValue (RemoveValue: @value NULL); SIM_DEVICE_PROHIBITED for a key
 * that hosts may not change. DeviceName (root) renames the device. */
int sim_device_lockdown_set(struct sim_device *device, const char *domain, const char *key,
			    const struct plist *value, struct err *err);
/** sim_device_cloud_configuration_put - replaces it; supervision follows its IsSupervised. The
 * caller has checked that none is present. */
int sim_device_cloud_configuration_put(struct sim_device *device, const struct plist *configuration,
				       struct err *err);
/** sim_device_profile_put - @profile: the parsed configuration profile; one of the same
 * PayloadIdentifier is replaced */
int sim_device_profile_put(struct sim_device *device, const struct plist *profile, struct err *err);
/** sim_device_profile_remove - SIM_DEVICE_ABSENT if there is none; SIM_DEVICE_PROHIBITED if its
 * removal is disallowed */
int sim_device_profile_remove(struct sim_device *device, const char *identifier, struct err *err);
/** sim_device_erase - back to Setup Assistant: content, pairings, passcode, profiles, cloud
 * configuration gone; identity stays */
int sim_device_erase(struct sim_device *device, struct err *err);

/* AFC: the media folder of the device as plain files beneath its folder; the wire serves it */
const char *sim_device_media_path(struct sim_device *device);

/* ---- what a device asks of its host during backup and restore ---- */

/*
 * Each call is one DeviceLink message and its answer.  They return 0, SIM_HOST_ERROR with the
 * host's status code in *status (for those that have one), or < 0 when the connection is gone.
 */
enum { SIM_HOST_ERROR = 1 };
struct sim_entry {
	const char *name;
	bool is_directory;
	uint64_t size;
};
/** struct sim_sink - receives downloaded files, in the order asked for */
struct sim_sink {
	int (*begin)(struct sim_sink *sink, const char *path, struct err *err);
	int (*bytes)(struct sim_sink *sink, struct slice bytes, struct err *err);
	/* @error NULL when whole, else the host's words (absent file, ...) */
	int (*end)(struct sim_sink *sink, const char *path, const char *error, struct err *err);
};
struct sim_host {
	int (*download)(struct sim_host *host, const char *const *paths, size_t count,
			double progress, struct sim_sink *sink, int64_t *status, struct err *err);
	int (*contents)(struct sim_host *host, const char *path,
			int (*each)(void *arg, const struct sim_entry *entry), void *arg,
			int64_t *status, struct err *err);
	int (*mkdir)(struct sim_host *host, const char *path, int64_t *status, struct err *err);
	/* @pairs: from, to, from, to ... */
	int (*move)(struct sim_host *host, const char *const *pairs, size_t count, double progress,
		    int64_t *status, struct err *err);
	int (*remove)(struct sim_host *host, const char *const *paths, size_t count,
		      double progress, int64_t *status, struct err *err);
	int (*copy)(struct sim_host *host, const char *from, const char *to, int64_t *status,
		    struct err *err);
	int (*free_space)(struct sim_host *host, uint64_t *bytes, int64_t *status, struct err *err);
	int (*purge)(struct sim_host *host, uint64_t bytes, int64_t urgency, int64_t *status,
		     struct err *err);
	/* an upload batch: begin, then per file: file, data..., file_end or file_error, then end
	 * (which reads the status) */
	int (*upload_begin)(struct sim_host *host, double progress, uint64_t total,
			    struct err *err);
	int (*upload_file)(struct sim_host *host, const char *device_name, const char *host_name,
			   struct err *err);
	/* borrow room for up to @len bytes of one data block, fill it, then upload_filled(actual)
	 */
	int (*upload_room)(struct sim_host *host, size_t len, uint8_t **at, struct err *err);
	int (*upload_filled)(struct sim_host *host, size_t len, struct err *err);
	int (*upload_file_end)(struct sim_host *host, struct err *err);
	int (*upload_file_error)(struct sim_host *host, const char *text, struct err *err);
	int (*upload_end)(struct sim_host *host, int64_t *status, struct err *err);
};
enum { SIM_BLOCK_LEN = 128 << 10 }; /* largest upload_room */

/* ---- the device's requests: each returns 0 with the MBErrorDomain code to answer (0 = success),
 * or < 0 when the connection is gone ---- */

struct sim_answer {
	int64_t code;
	char text[512];
};
/** sim_device_backup - one run as a device does it; @source: the folder's name at the host */
int sim_device_backup(struct sim_device *device, struct sim_host *host, const char *source,
		      bool is_full, struct sim_answer *answer, struct err *err);
struct sim_restore_options {
	bool system_files, should_reboot, copy_first, preserve_settings, remove_not_restored;
	const struct secret *password; /* NULL if none came */
	bool at_apps_and_data;         /* the device stands at Setup Assistant's pane */
};
/** sim_device_restore - @source: whose backup, a folder's name at the host */
int sim_device_restore(struct sim_device *device, struct sim_host *host, const char *source,
		       const struct sim_restore_options *options, struct sim_answer *answer,
		       struct err *err);
/** sim_device_change_password - @old/@new NULL when absent in the request */
int sim_device_change_password(struct sim_device *device, const struct secret *old_password,
			       const struct secret *new_password, struct sim_answer *answer,
			       struct err *err);
/**
 * sim_device_wait_passcode - show the passcode prompt and wait for the person, if this state asks
 * for one and the OS is @major.@minor or later (16.1 for Backup, 13.0 for ChangePassword)
 * @presented: told when the prompt comes and goes; may be NULL
 * The answer's code is 208 after @limit_ms.
 */
int sim_device_wait_passcode(struct sim_device *device, unsigned major, unsigned minor,
			     int64_t limit_ms, void (*presented)(void *arg, bool is_shown),
			     void *arg, struct sim_answer *answer, struct err *err);

/* ---- commands ---- */

/** sim_exit_status - the documented exit status for a failure (design: 1 failed ... 7 interrupted);
 * 0 for 0 */
int sim_exit_status(int code);
/** sim_option_refused - ERR_USAGE in words, for the option that getopt has just refused; @after is
 * optind */
int sim_option_refused(const char *command, char *const *argv, int after, struct err *err);
/** sim_command_failed - print "rehome-sim: ..." once and return the exit status */
int sim_command_failed(const struct sim_world *world, int code, const struct err *err);

#endif
