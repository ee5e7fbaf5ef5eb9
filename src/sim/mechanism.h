/*
 * mechanism - what a device does with management when it is erased, restored and set up, and what
 * the services around it would say (docs/design/laboratory.md)
 *
 *   device_words.c      what Apple and the services hold about the device, and the switches
 *   device_mechanism.c  which management a restore leaves, by OS version
 *   device_setup.c      Setup Assistant: activation, Apps & Data, Remote Management, the end
 *   device_contact.c    what the service answers when the device calls
 *   device_observe.c    what an all-knowing observer sees
 *   device_transfer.c   restores that need no computer
 *
 * Nothing here knows `rules`: predictions and this mechanism were written from the same sources
 * by different hands, so that a difference means something.
 */
#ifndef REHOME_SIM_MECHANISM_H
#define REHOME_SIM_MECHANISM_H

#include "sim/management.h"

/* ---- device_words.c: settings in words, kept with the device ---- */

/** struct sim_word - one setting: its name on the command line, what it may be, and what it is
 * unless somebody says otherwise */
struct sim_word {
	const char *name;
	const char *allowed;   /* "yes|no"; NULL: any text of less than SIM_SERVER_LEN bytes */
	const char *otherwise; /* also the first of @allowed where that is a list of choices */
	const char *help;
};
/** struct sim_words - a list of settings; @prefix names it in the device's folder */
struct sim_words {
	const char *prefix;
	const struct sim_word *list;
	size_t count;
};
/* The ADE assignment of this serial as Apple holds it.  A simulated Apple service will answer in
 * its place: only sim_assignment_fetch reads it. */
extern const struct sim_words sim_assignment_words;
/* What the services around the device hold and would answer; "this" is the one whose view counts.
 * A simulated service will answer in its place: only device_contact.c and Setup read it. */
extern const struct sim_words sim_world_words;
/* Behaviour of devices that no source settles */
extern const struct sim_words sim_switch_words;

/** sim_word_allows - is @value one of @allowed, "yes|no"? */
bool sim_word_allows(const char *allowed, const char *value);
/** sim_word_put - ERR_USAGE names what there is, or what it may be */
int sim_word_put(struct sim_device *device, const struct sim_words *words, const char *name,
		 const char *value, struct err *err);
/** sim_word_get - the value into @out; @name must be one of them */
const char *sim_word_get(struct sim_device *device, const struct sim_words *words, const char *name,
			 char out[SIM_SERVER_LEN]);
bool sim_word_is(struct sim_device *device, const struct sim_words *words, const char *name,
		 const char *value);
/** sim_switch_put - "NAME=VALUE" */
int sim_switch_check(const char *setting, struct err *err);
int sim_switch_put(struct sim_device *device, const char *setting, struct err *err);
/** sim_words_forget - back to what each is by itself */
int sim_words_forget(struct sim_device *device, const struct sim_words *words, struct err *err);

/** sim_assignment_fetch - what Apple answers at activation: the device's cloud configuration (an
 * empty URL: assigned, and no profile); SIM_DEVICE_ABSENT: not assigned to anybody */
int sim_assignment_fetch(struct sim_device *device, struct sim_cloud *cloud, struct err *err);

/* ---- device_mechanism.c ---- */

/** struct sim_restored - how the files came that now lie on the device */
struct sim_restored {
	bool is_same_hardware;
	bool is_plain;       /* keychain items under the hardware's key */
	bool was_set_up;     /* not at Setup Assistant's Apps & Data pane */
	bool system_files;   /* settings, profiles and keychain came along */
	bool was_supervised; /* the device, before */
};
/** sim_mechanism_run - decide about the management that came; notes for Setup and the observer
 * what became of it and by which row (fact "restore/row") */
int sim_mechanism_run(struct sim_device *device, const struct sim_restored *restored,
		      struct err *err);
/** sim_restore_note - how the last try ended: "possible", "not_offered", "not_a_restore",
 * "unsupported", "blocked", "refused"; @content: "kept", "kept_partly", "not_kept", "synced_only"
 */
int sim_restore_note(struct sim_device *device, const char *outcome, const char *content,
		     struct err *err);

/* ---- device_transfer.c ---- */

/** sim_transfer - restore @target at Apps & Data from @source, opened from a folder as its backup
 * in iCloud holds it, or (@is_direct) from a device that lies beside it. SIM_DEVICE_PROHIBITED: not
 * offered, or not supported; noted as sim_restore_note does. */
int sim_transfer(struct sim_device *target, struct sim_device *source, bool is_direct,
		 struct err *err);

/* ---- device_setup.c ---- */

/** struct sim_erasing - how a device is erased */
struct sim_erasing {
	const char *by;      /* server whose command it was; NULL: the person, or a computer */
	const char *retired; /* server that had retired it before; NULL: none */
	bool is_return_to_service;
};
int sim_erase(struct sim_device *device, const struct sim_erasing *erasing, struct err *err);
/** sim_board_replace - a new logic board under the same serial: new UDID and keys, erased */
int sim_board_replace(struct sim_device *device, struct err *err);
/** sim_os_install - the device runs @version from now on; nothing else changes */
int sim_os_install(struct sim_device *device, const char *version, struct err *err);

enum { SIM_SETUP_NOT_OFFERED = 1, SIM_SETUP_WAITS = 2, SIM_SETUP_IS_DONE = 3 };
/**
 * sim_setup_to_pane - activate, fetch what Apple holds, and go on to Apps & Data
 * Returns 0 at the pane; SIM_SETUP_NOT_OFFERED where the pane is skipped or was used already;
 * SIM_SETUP_WAITS where activation fails; SIM_SETUP_IS_DONE on a device that is set up.
 */
int sim_setup_to_pane(struct sim_device *device, struct err *err);
/** sim_setup_finish - go through the rest: 0 at the home screen, SIM_SETUP_WAITS,
 * SIM_SETUP_IS_DONE (nothing happened); @signs_in: with an account at Apps & Data, no restore */
int sim_setup_finish(struct sim_device *device, bool signs_in, struct err *err);
/** sim_enroll_by_hand - the person installs @server's enrollment profile; ERR_POLICY with the
 * text that a person would see */
int sim_enroll_by_hand(struct sim_device *device, const char *server, struct err *err);
/** sim_unmanage - the person (@is_service false) or the service takes the enrollment away;
 * ERR_POLICY where a person may not */
int sim_unmanage(struct sim_device *device, bool is_service, struct err *err);

/* ---- device_contact.c ---- */

/** enum sim_reply - what the service says to the next message of the device */
enum sim_reply {
	SIM_REPLY_NOBODY,      /* not enrolled: there is no next message */
	SIM_REPLY_ACCEPTED,    /* 200 */
	SIM_REPLY_REFUSED,     /* an error that leaves the profile in place: a stale relation */
	SIM_REPLY_REJECTED,    /* 401, 403 unrecognized: the device drops management */
	SIM_REPLY_UNREACHABLE, /* no usable identity: nothing is exchanged */
};
enum sim_then { SIM_THEN_STAYS, SIM_THEN_DROPPED, SIM_THEN_RETIRED, SIM_THEN_WIPED };
/** struct sim_service - the seam for a real one: what a service answers to a device; @enrollment
 * is the device's own */
struct sim_service {
	int (*answer)(struct sim_service *service, struct sim_device *device,
		      const struct sim_enrollment *enrollment, enum sim_reply *reply,
		      enum sim_then *then, struct err *err);
};
/** sim_service_in_words - answers as sim_world_words say */
struct sim_service *sim_service_in_words(void);
/** sim_contact_ask - what would come of the next contact; nothing changes */
int sim_contact_ask(struct sim_device *device, struct sim_service *service, enum sim_reply *reply,
		    enum sim_then *then, struct err *err);
/** sim_contact_make - the contact, with what follows on the device */
int sim_contact_make(struct sim_device *device, struct sim_service *service, enum sim_reply *reply,
		     enum sim_then *then, struct err *err);
const char *sim_reply_word(enum sim_reply reply);
const char *sim_then_word(enum sim_then then);

/* ---- device_observe.c ---- */

/** struct sim_observation - management of a device as it really is */
struct sim_observation {
	const char *restore;    /* sim_restore_note's words; "" before the first try */
	const char *content;    /* same */
	const char *setup;      /* not_involved, pending, home, remote_management,
				   no_remote_management, waits */
	const char *management; /* none, this, other */
	char server[SIM_SERVER_LEN];
	bool is_fresh; /* enrolled on this setup; else it came with a backup, or was there before */
	bool is_stale; /* there, and the service does not take it for enrolled */
	enum sim_reply reply;
	enum sim_then then;
	enum sim_kind_of_enrollment kind;
	bool is_supervised, is_locked, has_ade_record, find_my_is_on;
	char row[SIM_WORD_LEN]; /* of the mechanism */
};
int sim_observe(struct sim_device *device, struct sim_service *service,
		struct sim_observation *observation, struct err *err);

#endif
