/*
 * Reading the management state, as its files share it: management.c asks for the files,
 * management_take.c takes values out of them, management_stub.c those of profiles,
 * management_identity.c those of the keychain, management_judge.c says what follows
 */
#ifndef REHOME_BACKUP_MANAGEMENT_INTERNAL_H
#define REHOME_BACKUP_MANAGEMENT_INTERNAL_H

#include "backup/internal.h"

enum { IDENTITY_REF_MAX = 64 };

/** enum place - the files that are asked for, profile stubs apart; index of management->places */
enum place {
	PLACE_MDM, /* first: it names the enrollment profile */
	PLACE_CLOUD,
	PLACE_PAYLOAD_MANIFEST,
	PLACE_PROFILE_EVENTS,
	PLACE_PROFILE_TRUTH,
	PLACE_META,
	PLACE_APPS,
	PLACE_POST_SETUP,
	PLACE_SETUP,
	PLACE_KEYCHAIN,
	PLACE_FORCED_SETUP, /* from here on: what shows that somebody edited the backup */
	PLACE_SET_ASIDE_CLOUD,
	PLACE_SET_ASIDE_PROFILE,
	PLACE_MDM_EVENTS,
	PLACE_NOT_BACKED_UP_CONFIGURATION,
	PLACE_NOT_BACKED_UP_SETUP,
	PLACE_COUNT,
};

/** struct reading - a reading under way: what it is for, and what only the judgement needs */
struct reading {
	struct backup_management *management;
	struct backup_lookup *lookup;
	struct plist_doc *doc; /* of the file at hand */
	struct buf bytes;
	bool has_folder;           /* some file lies in the folder of profiles */
	bool is_mdm_valid;         /* MDM.plist has all that a device asks of it */
	bool has_stray_enrollment; /* a stub with an MDM payload that MDM.plist does not name */
	const struct backup_profile *enrollment; /* the stub that it does name, or NULL */
	enum backup_answer is_ade_profile, is_profile_locked, is_user_enrollment;
	bool has_persona;
	char mode[16]; /* EnrollmentMode: BYOD, ADDE or "" */
	const struct backup_place *mode_from;
	uint8_t identity_ref[IDENTITY_REF_MAX]; /* IdentityPersistentRef */
	size_t identity_ref_len;
};

/* ---- management_take.c ---- */

/** reading_take - take the values of the file @place; @dict NULL: it is none, or not asked for */
void reading_take(struct reading *reading, enum place place, const struct plist *dict);
/** reading_take_words - the text at @key, if it is one and not empty, cut where it is too long */
void reading_take_words(const struct plist *dict, const char *key, const struct backup_place *from,
			struct backup_words *out);

/* ---- management_stub.c ---- */

/** reading_take_stub - the profile in the stub @dict, and what it tells of the enrollment */
void reading_take_stub(struct reading *reading, struct backup_profile *profile,
		       const struct plist *dict);
/** reading_profile - the profile of that identifier, added without a stub if there is none;
 * NULL if there are too many */
struct backup_profile *reading_profile(struct reading *reading, const char *identifier,
				       bool is_to_add);

/* ---- management_identity.c ---- */

/** reading_take_keychain - is the identity kept there, and until when does it last? */
void reading_take_keychain(struct reading *reading, const struct plist *dict,
			   const struct backup_place *from);

/* ---- management_judge.c ---- */

/** reading_judge - what follows from the values taken (9.4) */
void reading_judge(struct reading *reading);
void reading_remark(struct reading *reading, bool is_edit, const struct backup_place *from,
		    const char *format, ...) PRINTF_LIKE(4, 5);
void reading_trace(struct reading *reading, const char *what, int64_t time,
		   const struct backup_place *from);

#endif
