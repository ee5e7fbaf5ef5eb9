/*
 * client - a simulated device as an MDM client: how it enrolls, what it says, what it does when
 * told
 *
 *   client_chain.c        errors as a device reports them: a chain of domain, code, text
 *   client_profile.c      a configuration profile's bytes, checked
 *   client_replace.c      may this profile take the place of the one that manages the device?
 *   client_relation.c     the files and keychain items of a live enrollment (management.h)
 *   client_scep.c         an identity by SCEP
 *   client_enroll.c       the installation of an enrollment profile, and its undoing
 *   client_checkin.c      Authenticate, TokenUpdate, CheckOut, DeclarativeManagement
 *   client_session.c      Idle, command, answer ... until the queue is empty
 *   client_command.c      the table of commands, and what all of them have in common
 *   client_do_*.c         the commands themselves
 *   client_restrict.c     what restrictions in installed profiles do to the device
 *   client_declare.c      declarations
 *   client_push.c         push tokens, and pushes that arrive
 *   client_line.c         the way to the service: HTTPS
 *
 * Bytes in, bytes out but for client_line.c: a test puts a service of its own behind struct
 * sim_line.  Nothing here knows the service's rooms: the device was written from Apple's
 * documents, by another hand, so that a difference means something.
 */
#ifndef REHOME_SIM_CLIENT_H
#define REHOME_SIM_CLIENT_H

#include "sim/mechanism.h"

enum {
	SIM_MESSAGE_MAX = 4 << 20, /* a profile, a command or an answer, in bytes */
	SIM_CHAIN_MAX = 4,
	SIM_CHAIN_TEXT = 256,
	SIM_TOPIC_LEN = 128,
	SIM_TOKEN_LEN = 32, /* an APNs token, in bytes */
	SIM_UNLOCK_TOKEN_LEN = 64,
};

/** SIM_REFUSED - the device declines: its chain of errors tells why */
enum sim_client_outcome { SIM_REFUSED = 1, SIM_NOT_NOW = 2 };

/* ---- client_chain.c ---- */

/** struct sim_chain - ErrorChain: outermost error first */
struct sim_chain {
	struct {
		const char *domain; /* static */
		int code;
		char text[SIM_CHAIN_TEXT];
	} items[SIM_CHAIN_MAX];
	size_t count;
};
#define SIM_CHAIN_INIT ((struct sim_chain){.count = 0})
/** sim_chain_add - one more, inside of those that are there; returns SIM_REFUSED. What is too much
 * is left out. */
int sim_chain_add(struct sim_chain *chain, const char *domain, int code, const char *format, ...)
	PRINTF_LIKE(4, 5);
/** sim_chain_wrap - the same, outside of those that are there */
int sim_chain_wrap(struct sim_chain *chain, const char *domain, int code, const char *text);
/** sim_chain_put - as key ErrorChain of @reply */
void sim_chain_put(const struct sim_chain *chain, struct plist_doc *doc, struct plist *reply);
/** sim_chain_err - ERR_POLICY in the words that a person would read */
int sim_chain_err(const struct sim_chain *chain, struct err *err);

#define SIM_DOMAIN_PROFILE "MCProfileErrorDomain"
#define SIM_DOMAIN_PAYLOAD "MCPayloadErrorDomain"
#define SIM_DOMAIN_INSTALL "MCInstallationErrorDomain"
#define SIM_DOMAIN_MDM "MCMDMErrorDomain"
#define SIM_DOMAIN_SCEP "MCSCEPErrorDomain"
#define SIM_DOMAIN_HTTP "MCHTTPTransactionErrorDomain"
#define SIM_DOMAIN_PASSCODE "MCPasscodeErrorDomain"
#define SIM_DOMAIN_CERTIFICATE "MCCertificateErrorDomain"
#define SIM_DOMAIN_SETTINGS "MCSettingsErrorDomain"

/* ---- client_profile.c ---- */

/** struct sim_profile - a configuration profile; all in it is borrowed from @doc */
struct sim_profile {
	struct plist_doc *doc;
	const struct plist *root;
	const char *identifier, *uuid, *name;
	const struct plist *mdm;      /* its payload com.apple.mdm, or NULL */
	const struct plist *identity; /* the payload that IdentityCertificateUUID names, or NULL */
	struct buf signer;            /* DER of the certificate that signed it; empty: unsigned */
};
#define SIM_PROFILE_INIT ((struct sim_profile){.signer = BUF_INIT(1 << 16)})
/** sim_profile_read - @bytes: a property list, or CMS SignedData over one (apple: both install).
 * Returns 0; SIM_REFUSED with 1000-1008, 2000-2005 or 4007; < 0. sim_profile_clear afterwards. */
int sim_profile_read(struct sim_profile *profile, struct slice bytes, struct sim_chain *chain,
		     struct err *err);
void sim_profile_clear(struct sim_profile *profile);
/** sim_profile_anchors - append the DER of each certificate payload of @root (a profile or its
 * stub), each behind its length (u32be) */
int sim_profile_anchors(const struct plist *root, struct buf *anchors, struct err *err);

/* ---- client_replace.c ---- */

/** struct sim_incumbent - the enrollment that is there; @identifier NULL: none */
struct sim_incumbent {
	const char *identifier;
	const struct plist *mdm; /* payload com.apple.mdm as its stub keeps it */
};
/**
 * sim_replace_check - may @profile be installed beside, or in place of, @incumbent?
 *
 * Rules: docs/protocol/mdm-device, "Replacement".  Returns 0 or SIM_REFUSED with 4015, 12012,
 * 12001, 12000, 12022, 12016 or 12005.
 */
int sim_replace_check(const struct sim_profile *profile, const struct sim_incumbent *incumbent,
		      struct sim_chain *chain);

/* ---- client_relation.c ---- */

/** struct sim_relation - a live enrollment as the device's files tell it */
struct sim_relation {
	char server_url[SIM_SERVER_LEN], checkin_url[SIM_SERVER_LEN], topic[SIM_TOPIC_LEN];
	char magic[SIM_WORD_LEN], identifier[SIM_SERVER_LEN];
	int64_t rights;
	bool checks_out, signs, is_locked;
	bool is_user_enrollment; /* says EnrollmentID, never UDID */
	char enrollment_id[SIM_WORD_LEN];
	uint64_t row;         /* of its identity in the keychain */
	struct buf cert, key; /* DER, and PEM (PKCS#8) */
	struct buf anchors;   /* as sim_profile_anchors writes them, of all profiles */
};
void sim_relation_init(struct sim_relation *relation);
void sim_relation_clear(struct sim_relation *relation);
/** sim_relation_load - SIM_DEVICE_ABSENT: not enrolled, or only in words (no live identity) */
int sim_relation_load(struct sim_device *device, struct sim_relation *relation, struct err *err);
/** sim_relation_is_live - has it an identity that a real service issued? Then that one is asked,
 * not words */
bool sim_relation_is_live(struct sim_device *device);
/** sim_incumbent_load - borrowed from @doc; SIM_DEVICE_ABSENT, with an empty one */
int sim_incumbent_load(struct sim_device *device, struct plist_doc *doc,
		       struct sim_incumbent *incumbent);
/** sim_relation_begin - all of @relation but certificate and key, as @profile would have it with
 * identity @row; the magic of an enrollment that is there stays. Nothing is written. */
int sim_relation_begin(struct sim_device *device, const struct sim_profile *profile, uint64_t row,
		       struct sim_relation *relation, struct err *err);
/** sim_relation_store - identity, MDM.plist, stub and list of profiles */
int sim_relation_store(struct sim_device *device, const struct sim_profile *profile,
		       const struct sim_relation *relation, struct err *err);

/* ---- client_line.c ---- */

/** struct sim_request - one HTTP request; all borrowed */
struct sim_request {
	const char *method, *url, *type; /* @type: of the body, NULL without one */
	struct slice body;
	const struct sim_relation *as; /* whose identity and anchors; NULL: nobody's */
	struct slice anchors;          /* where @as is NULL: trusted besides the system's */
};
/** struct sim_response - what came back; sim_response_clear afterwards */
struct sim_response {
	int status;
	char type[128];
	struct buf body;
};
#define SIM_RESPONSE_INIT ((struct sim_response){.body = BUF_INIT(SIM_MESSAGE_MAX)})
void sim_response_clear(struct sim_response *response);
/** struct sim_line - the way to the service. @ask: 0 with any status; ERR_POLICY: the server's
 * certificate is not trusted; other < 0: nothing came back */
struct sim_line {
	int (*ask)(struct sim_line *line, const struct sim_request *request,
		   struct sim_response *response, struct err *err);
};
/** sim_line_new - over HTTPS; @now: signingTime of signed messages */
int sim_line_new(struct sim_line **out, int64_t now, const struct cancel *cancel, struct err *err);
/** sim_line_free_p - of sim_line_new; NULL is fine */
void sim_line_free_p(struct sim_line **line);

/* ---- client_push.c ---- */

/** sim_push_token - the device's present APNs token */
void sim_push_token(struct sim_device *device, uint8_t token[SIM_TOKEN_LEN]);
/** sim_push_renew - another token from now on: a restore, an erase */
int sim_push_renew(struct sim_device *device, struct err *err);

/* ---- the client ---- */

/** struct sim_client - a device on the phone */
struct sim_client {
	struct sim_device *device;
	struct sim_line *line;
	struct clock *clock; /* waits between tries of SCEP */
};

/* ---- client_scep.c ---- */

/** sim_scep_get - a new key, and a certificate for it from the service that @payload (of type
 * com.apple.security.scep) names. Appends DER. Returns 0, SIM_REFUSED with 22xxx, < 0. */
int sim_scep_get(struct sim_client *client, const struct plist *payload, struct slice anchors,
		 uint64_t row, struct buf *cert, struct buf *key, struct sim_chain *chain,
		 struct err *err);

/* ---- client_enroll.c ---- */

/** sim_client_install - install a profile; one with an MDM payload enrolls, or renews. @by_service:
 * it came as a command. On a refusal all is as before. */
int sim_client_install(struct sim_client *client, struct slice bytes, bool by_service,
		       struct sim_chain *chain, struct err *err);
/** sim_profile_by_person - remove one that is no enrollment's; SIM_DEVICE_ABSENT,
 * SIM_DEVICE_PROHIBITED (also what the service installed) */
int sim_profile_by_person(struct sim_device *device, const char *identifier, struct err *err);
/* mark of our own in the stub of a profile that the service installed */
#define SIM_BY_SERVICE "InstalledByMDM"
/** sim_client_leave - the enrollment goes, with what it brought (profiles that the service
 * installed, apps with flag 1); @says_so: CheckOut before, if the profile asks for it */
int sim_client_leave(struct sim_client *client, bool says_so, struct err *err);

/* ---- client_checkin.c ---- */

enum sim_checkin { SIM_CHECKIN_AUTHENTICATE, SIM_CHECKIN_TOKEN_UPDATE, SIM_CHECKIN_OUT };
/** sim_checkin_write - append the message's XML */
int sim_checkin_write(struct sim_device *device, const struct sim_relation *relation,
		      enum sim_checkin message, struct buf *xml, struct err *err);
/** sim_checkin_send - one message and what came back; acts upon nothing */
int sim_checkin_send(struct sim_client *client, const struct sim_relation *relation,
		     enum sim_checkin message, struct sim_response *response, struct err *err);
/** sim_checkin_declarative - a DeclarativeManagement message; @data empty: none */
int sim_checkin_declarative(struct sim_client *client, const struct sim_relation *relation,
			    const char *endpoint, struct slice data, struct sim_response *response,
			    struct err *err);
/** sim_token_is_due - must the service be told token, magic or unlock token? */
bool sim_token_is_due(struct sim_device *device, const struct sim_relation *relation);
/** sim_token_was_told - they were, with a 2xx */
int sim_token_was_told(struct sim_device *device, const struct sim_relation *relation,
		       struct err *err);
/** sim_unlock_token - with it ClearPasscode works; an erase makes another */
void sim_unlock_token(struct sim_device *device, uint8_t token[SIM_UNLOCK_TOKEN_LEN]);
/** sim_client_put_ids - UDID or EnrollmentID into a message */
void sim_client_put_ids(struct sim_device *device, const struct sim_relation *relation,
			struct plist_doc *doc, struct plist *message);

/* ---- client_session.c ---- */

/** struct sim_session - what came of a session; counts of answers by status */
struct sim_session {
	unsigned acknowledged, errors, format_errors, not_now;
	int status;      /* of the last HTTP answer; 0: none came */
	bool was_let_go; /* 401, or 403 unrecognized: the device left management */
	bool was_erased;
	bool ended_not_now;      /* NotNow was the last word: the device asks again by itself */
	char last[SIM_WORD_LEN]; /* RequestType of the last command */
};
/** sim_client_poll - TokenUpdate if due, then Idle ... until the queue is empty. Returns 0;
 * SIM_DEVICE_ABSENT: not enrolled; < 0 where the service cannot be reached. */
int sim_client_poll(struct sim_client *client, struct sim_session *session, struct err *err);
/** sim_answer_unenrolls - is this answer of a service one that makes a device leave? */
bool sim_answer_unenrolls(const struct sim_response *response);

/* ---- client_command.c ---- */

enum sim_after {
	SIM_AFTER_NOTHING,
	SIM_AFTER_LEAVE,   /* the enrollment goes once the answer is out */
	SIM_AFTER_ERASE,   /* ... the device is erased, whether or not the answer arrived */
	SIM_AFTER_RESTART, /* ... the device restarts */
	SIM_AFTER_SHUT,    /* ... or shuts down */
	SIM_AFTER_DECLARE, /* ... declarations are fetched */
};
enum sim_status {
	SIM_STATUS_ACKNOWLEDGED,
	SIM_STATUS_ERROR,
	SIM_STATUS_FORMAT_ERROR,
	SIM_STATUS_NOT_NOW,
};
/** struct sim_turn - one command and the answer being made */
struct sim_turn {
	struct sim_client *client;
	struct sim_device *device;
	const struct sim_relation *relation;
	const struct plist *command; /* its dictionary Command */
	struct plist_doc *doc;
	struct plist *reply; /* command's own keys go here */
	struct sim_chain chain;
	struct sim_state state;
	unsigned os; /* sim_version_number */
	enum sim_after after;
	bool is_return_to_service;
	enum sim_status status;
	char type[SIM_WORD_LEN]; /* RequestType */
};
/**
 * sim_command_answer - do what @command (bytes from the service) says; the answer's XML is appended
 * to @answer.  Of @turn, status, type, state, after and is_return_to_service are to be read
 * afterwards.
 */
int sim_command_answer(struct sim_client *client, const struct sim_relation *relation,
		       struct slice command, struct buf *answer, struct sim_turn *turn,
		       struct err *err);

/* the commands: 0, SIM_REFUSED with a chain, SIM_NOT_NOW, or < 0 */
int sim_do_device_information(struct sim_turn *turn, struct err *err);
int sim_do_security_info(struct sim_turn *turn, struct err *err);
int sim_do_profile_list(struct sim_turn *turn, struct err *err);
int sim_do_install_profile(struct sim_turn *turn, struct err *err);
int sim_do_remove_profile(struct sim_turn *turn, struct err *err);
int sim_do_certificate_list(struct sim_turn *turn, struct err *err);
int sim_do_provisioning_list(struct sim_turn *turn, struct err *err);
int sim_do_restrictions(struct sim_turn *turn, struct err *err);
int sim_do_installed_apps(struct sim_turn *turn, struct err *err);
int sim_do_managed_apps(struct sim_turn *turn, struct err *err);
int sim_do_install_app(struct sim_turn *turn, struct err *err);
int sim_do_remove_app(struct sim_turn *turn, struct err *err);
int sim_do_device_lock(struct sim_turn *turn, struct err *err);
int sim_do_clear_passcode(struct sim_turn *turn, struct err *err);
int sim_do_erase(struct sim_turn *turn, struct err *err);
int sim_do_restart(struct sim_turn *turn, struct err *err);
int sim_do_shut_down(struct sim_turn *turn, struct err *err);
int sim_do_configured(struct sim_turn *turn, struct err *err);
int sim_do_enable_lost(struct sim_turn *turn, struct err *err);
int sim_do_disable_lost(struct sim_turn *turn, struct err *err);
int sim_do_lost_sound(struct sim_turn *turn, struct err *err);
int sim_do_location(struct sim_turn *turn, struct err *err);
int sim_do_bypass_code(struct sim_turn *turn, struct err *err);
int sim_do_clear_bypass_code(struct sim_turn *turn, struct err *err);
int sim_do_settings(struct sim_turn *turn, struct err *err);
int sim_do_declarative(struct sim_turn *turn, struct err *err);

/* ---- client_do_apps.c: managed apps ---- */

enum { SIM_APP_GOES_WITH_MDM = 1, SIM_APP_NOT_BACKED_UP = 4 };
/** sim_managed_apps - MDMAppManagement.plist: bundle -> {State, ManagementFlags}; an empty dict of
 * @doc if there is none */
struct plist *sim_managed_apps(struct sim_device *device, struct plist_doc *doc);
/** sim_managed_apps_leave - the enrollment went: apps with flag 1 go, the others stay as anybody's
 */
int sim_managed_apps_leave(struct sim_device *device, struct err *err);
/* these three: device_apps.c */
/** sim_app_remove - the app and its files; an absent one is fine */
int sim_app_remove(struct sim_device *device, const char *bundle, struct err *err);
/** sim_app_has - is it installed? */
bool sim_app_has(struct sim_device *device, const char *bundle);
/** sim_app_size - bytes of its files */
int64_t sim_app_size(struct sim_device *device, const char *bundle);
/** sim_kept_out_refresh - which apps stay out of backups, as MDMAppManagement.plist says */
int sim_kept_out_refresh(struct sim_device *device, struct err *err);

/* ---- client_restrict.c ---- */

/** sim_restriction - the value of a boolean restriction over all installed profiles: the stricter
 * wins; if none names it, "allow..." is true and "force..." false */
bool sim_restriction(struct sim_device *device, const char *key);
/** sim_restrictions_apply - after profiles changed: what they force upon the device's state */
int sim_restrictions_apply(struct sim_device *device, struct err *err);

/* ---- client_declare.c ---- */

/** sim_declare_sync - tokens, items, each declaration that is new, status. Nothing if it was never
 * switched on. Returns 0, SIM_REFUSED when the service let the device go, < 0. */
int sim_declare_sync(struct sim_client *client, const struct sim_relation *relation,
		     struct err *err);

#endif
