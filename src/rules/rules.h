/*
 * rules - what management a device will have after a restore or a migration
 *
 * A pure function from facts to outcomes, and the tables that it and its callers speak with: rules,
 * limits, error texts, spellings, switches.  No socket, file, clock, memory beyond what is said
 * below, and no idea where a fact comes from.  Order of evaluation, and how to correct a rule or a
 * date: docs/design/rules.md.  Rule numbers (R-206 ...) are explained by rules_rule().
 *
 * Everything here may be called from any thread.  Texts returned are static.
 */
#ifndef REHOME_RULES_H
#define REHOME_RULES_H

#include "base/base.h"

/* ---- facts --------------------------------------------------------------- */

/* What the engine may be told.  The comment gives the values; 0 is always "unknown". */
enum rules_field {
	RULES_SCENARIO,  /* enum rules_scenario */
	RULES_GOAL,      /* enum rules_goal */
	RULES_OS,        /* RULES_OS_VERSION(major, minor) of the target, from 13.0 */
	RULES_BACKUP_OS, /* the same, when the backup was made */
	RULES_FLAG,      /* yes/no: the assigned ADE profile says do_not_use_profile_from_backup */
	RULES_SOURCE,    /* enum rules_source */
	RULES_TOOL,      /* enum rules_tool */
	RULES_SYSTEM_FILES,      /* yes/no: the host asks for system files and settings too */
	RULES_PASSWORD,          /* enum rules_password, of an encrypted local backup */
	RULES_DEVICE,            /* enum rules_device: is it the device that was backed up? */
	RULES_RESET,             /* enum rules_reset */
	RULES_WIPED_BY,          /* RULES_THIS or RULES_OTHER: whose command wiped or retired it */
	RULES_BACKUP_MGMT,       /* enum rules_side: management in the backup */
	RULES_KIND,              /* enum rules_kind: how the backup's management was entered */
	RULES_IDENTITY,          /* enum rules_identity: where the backup's management key lives */
	RULES_REMOVABLE,         /* yes/no: the user may remove the management profile */
	RULES_BACKUP_SUPERVISED, /* yes/no */
	RULES_ADE_RECORD,        /* enum rules_ade_record, in the backup */
	RULES_SERVER_UID,       /* enum rules_server_uid: the backup's ADE server against today's */
	RULES_MIGRATED,         /* yes/no: Apple's built-in migration happened on this device */
	RULES_EXPIRED,          /* yes/no: the backup's identity has ended */
	RULES_REVOKED,          /* yes/no: it was revoked */
	RULES_RECORD,           /* enum rules_record: what the service keeps about the device */
	RULES_GENERATION,       /* enum rules_generation: of that record against the backup's */
	RULES_RENEWED,          /* yes/no: the identity was renewed after the backup */
	RULES_DIRECTORY,        /* enum rules_directory: the directory's device object */
	RULES_OTHER_RESPONSE,   /* enum rules_response of the old service to the restored device */
	RULES_POLICY,           /* enum rules_policy of this service towards restored devices */
	RULES_ADE,              /* enum rules_side: the service that ADE assigns today */
	RULES_PROFILE,          /* yes/no: an enrollment profile is set there */
	RULES_LOCKED,           /* yes/no: that profile makes management unremovable */
	RULES_HIDDEN,           /* yes/no: that profile hides the Restore pane */
	RULES_SHARED,           /* yes/no: that profile makes a Shared iPad */
	RULES_PROVISIONAL,      /* yes/no: within 30 days of being added by Configurator */
	RULES_ADE_BLOCK,        /* enum rules_ade_block: what would stop ADE enrollment */
	RULES_NOW,              /* enum rules_side: management of a set-up target */
	RULES_NOW_SUPERVISED,   /* yes/no, of a set-up target */
	RULES_FIND_MY,          /* yes/no: Find My is on */
	RULES_PAIRING,          /* yes/no: the target accepts this host */
	RULES_FORCE_ENCRYPTED,  /* yes/no: a profile on the target forces encrypted backups */
	RULES_ACTIVATION_LOCK,  /* enum rules_activation_lock */
	RULES_BOARD,            /* enum rules_board: hardware identity under the same serial */
	RULES_OS_RANGE_OK,      /* yes/no: this and the next four are the service's restrictions */
	RULES_PERSONAL_BLOCKED, /* yes/no */
	RULES_IMPORTED,         /* yes/no: serial or IMEI is imported as corporate */
	RULES_PLATFORM_BLOCKED, /* yes/no */
	RULES_LIMIT_LEFT,       /* yes/no: the user may add a device */
	RULES_MANAGED_NOBACKUP, /* yes/no: managed apps exist that backups leave out */
	RULES_FIELD_COUNT
};

enum { RULES_UNKNOWN = 0 };
enum rules_yesno { RULES_NO = 1, RULES_YES };
enum rules_side { RULES_NONE = 1, RULES_THIS, RULES_OTHER };
enum rules_scenario { RULES_RESTORE = 1, RULES_MIGRATE_NO_WIPE };
enum rules_goal { RULES_GOAL_THIS = 1, RULES_GOAL_KEEP };
enum rules_source {
	RULES_LOCAL_PLAIN = 1,
	RULES_LOCAL_ENCRYPTED,
	RULES_ICLOUD,
	RULES_DIRECT_TRANSFER,
	RULES_ACCOUNT_SIGNIN
};
enum rules_tool { RULES_FINDER = 1, RULES_CONFIGURATOR };
enum rules_password { RULES_PASSWORD_KNOWN = 1, RULES_PASSWORD_LOST };
enum rules_device { RULES_SAME = 1, RULES_DIFFERENT };
enum rules_reset {
	RULES_LOCAL_ERASE = 1,
	RULES_REMOTE_WIPE,
	RULES_RETIRE_THEN_ERASE,
	RULES_BRAND_NEW,
	RULES_NOT_RESET,
	RULES_RETURN_TO_SERVICE
};
enum rules_kind {
	RULES_KIND_ABSENT = 1, /* the backup holds no management */
	RULES_KIND_ADE,
	RULES_KIND_PROFILE,
	RULES_KIND_ADDE,
	RULES_KIND_USER,
	RULES_KIND_CONFIGURATOR
};
enum rules_identity { RULES_IDENTITY_SOFT = 1, RULES_IDENTITY_HARDWARE };
enum rules_ade_record { RULES_ADE_RECORD_NONE = 1, RULES_ADE_RECORD_MANDATORY };
enum rules_server_uid { RULES_UID_ABSENT = 1, RULES_UID_EQUAL, RULES_UID_DIFFERENT };
enum rules_record {
	RULES_RECORD_ACTIVE = 1,
	RULES_RECORD_HIDDEN,
	RULES_RECORD_DELETED,
	RULES_RECORD_RETIRE_PENDING,
	RULES_RECORD_WIPE_PENDING,
	RULES_RECORD_NONE
};
enum rules_generation { RULES_GENERATION_SAME = 1, RULES_GENERATION_NEWER };
enum rules_directory {
	RULES_DIRECTORY_PRESENT = 1,
	RULES_DIRECTORY_MISSING,
	RULES_DIRECTORY_DISABLED
};
enum rules_response { RULES_ACCEPTS = 1, RULES_REJECTS };
enum rules_policy { RULES_POLICY_REFUSE = 1, RULES_POLICY_ACCEPT };
enum rules_ade_block {
	RULES_BLOCK_NONE = 1,
	RULES_BLOCK_PLATFORM,
	RULES_BLOCK_LICENCE,
	RULES_BLOCK_PUSH,
	RULES_BLOCK_LIMIT
};
enum rules_activation_lock {
	RULES_LOCK_OFF = 1,
	RULES_LOCK_OWNER_KNOWN,
	RULES_LOCK_BYPASS_KNOWN,
	RULES_LOCK_BLOCKED
};
enum rules_board { RULES_BOARD_SAME = 1, RULES_BOARD_REPLACED };

#define RULES_OS_VERSION(major, minor) ((major)*100 + (minor))
enum { RULES_OS_MIN = RULES_OS_VERSION(13, 0), RULES_OS_MAX = RULES_OS_VERSION(99, 99) };

/** struct rules_facts - what is known; a zeroed one knows nothing. Set by name, or by the enums. */
struct rules_facts {
	uint16_t value[RULES_FIELD_COUNT];
};

/* Two vocabularies: the fact sheets' short codes (`bm`, `enrol_cp`) and our neutral words
 * (`backup_management`, `enroll_by_hand`).  Both are pure ASCII without spaces. */
enum rules_spelling { RULES_CODES, RULES_WORDS };

enum { RULES_TEXT_MAX = 256 }; /* bytes that any printer below needs, with its NUL */

/** rules_field_name - "os", "bm" or "backup_management" ... */
const char *rules_field_name(enum rules_field field, enum rules_spelling spelling);
/** rules_field_find - the field called @name; RULES_FIELD_COUNT if there is none */
enum rules_field rules_field_find(const char *name, enum rules_spelling spelling);
/** rules_field_question - the field as a question to a person: "Which iOS version does ...?" */
const char *rules_field_question(enum rules_field field);
/** rules_field_value - the @index-th (from 0) word that the field may have; NULL after the last,
 * and for the two versions, which take "major.minor" */
const char *rules_field_value(enum rules_field field, size_t index, enum rules_spelling spelling);

/**
 * rules_facts_set - set @field to @word (NUL-terminated) in @spelling
 *
 * "unknown" is a word of every field; `ask` as the policy means unknown too (both answers count).
 * Versions are "26.4", "17" or "17.6.1" (the third number is not looked at).  Returns 0;
 * ERR_USAGE when there is no such word, with the words that exist.
 */
int rules_facts_set(struct rules_facts *facts, enum rules_field field, const char *word,
		    enum rules_spelling spelling, struct err *err);
/** rules_facts_text - the value of a field as rules_facts_set takes it; returns @out */
const char *rules_facts_text(const struct rules_facts *facts, enum rules_field field,
			     enum rules_spelling spelling, char out[RULES_TEXT_MAX]);
/**
 * rules_facts_assume - give unknown fields the value that is usual (A local, encrypted backup; a
 * record in order; ...), in keeping with what is known
 *
 * Returns the fields that were assumed, bit 1 << field.
 */
uint64_t rules_facts_assume(struct rules_facts *facts);
/**
 * rules_facts_check - do the known facts contradict each other?
 *
 * Returns 0, or ERR_USAGE with the two facts and why they cannot both hold.
 */
int rules_facts_check(const struct rules_facts *facts, struct err *err);

/* ---- switches: what nobody has verified ------------------------------------ */

enum rules_switch {
	RULES_SWITCH_OS27,           /* from 27 on nothing of management is restored */
	RULES_SWITCH_FLAG26,         /* 26.0-26.3 with the flag drop the MDM profile too */
	RULES_SWITCH_PLAIN_IDENTITY, /* the key in an unencrypted backup opens again */
	RULES_SWITCH_SERVER_UID,     /* another ADE server means a fresh enrollment */
	RULES_SWITCH_ACCOUNT_DRIVEN, /* account-driven enrollments never come back */
	RULES_SWITCH_HARDWARE_KEY,   /* hardware-bound identities never come back */
	RULES_SWITCH_ORPHAN_RECORD,  /* 26.4 drops a mandatory ADE record without profile */
	RULES_SWITCH_LOCKED_REPLACE, /* a locked left-over profile can be replaced */
	RULES_SWITCH_NO_PROFILE,     /* ADE without a profile lets Setup Assistant go on */
	RULES_SWITCH_HAND_OWNER,     /* an ADE serial enrolled by hand is personal */
	RULES_SWITCH_COUNT
};
/** struct rules_switches - which switches stand away from their default; zeroed = all defaults */
struct rules_switches {
	bool is_turned[RULES_SWITCH_COUNT];
};
/** struct rules_switch_row - a switch as data */
struct rules_switch_row {
	const char *name;     /* "plain_identity" */
	const char *words[2]; /* default, turned: "returns", "lost" */
	uint16_t rule;        /* RULES_ID of the rule that it belongs to */
	const char *sentence; /* what is not known, for a person */
	bool is_reversed; /* the code's own way is the second word: to change a default, swap the
			     words and turn this around */
};
const struct rules_switch_row *rules_switch(enum rules_switch number);
/** rules_switches_set - set the switch called @name to @word; ERR_USAGE with the choices */
int rules_switches_set(struct rules_switches *switches, const char *name, const char *word,
		       struct err *err);

/* ---- outcomes ------------------------------------------------------------- */

enum rules_restore {
	RULES_POSSIBLE = 1,
	RULES_NOT_OFFERED,
	RULES_NOT_A_RESTORE,
	RULES_UNSUPPORTED,
	RULES_REFUSED_BY_POLICY,
	RULES_BLOCKED, /* something that a person can clear first */
	RULES_INVALID  /* the facts contradict each other */
};
enum rules_assistant {
	RULES_RESUMES_AT_RM = 1, /* goes on at Remote Management */
	RULES_RESUMES_WITHOUT_RM,
	RULES_ENDS_HOME,
	RULES_NOT_INVOLVED,
	RULES_WAITS /* stops before the home screen */
};
enum rules_mgmt {
	RULES_MGMT_NONE = 1,
	RULES_MGMT_THIS,
	RULES_MGMT_THIS_NEW,
	RULES_MGMT_STALE_THIS,
	RULES_MGMT_OTHER,
	RULES_MGMT_OTHER_NEW,
	RULES_MGMT_STALE_OTHER
};
enum rules_then { RULES_STAYS = 1, RULES_DROPPED, RULES_RETIRED, RULES_WIPED };
enum rules_content { RULES_KEPT = 1, RULES_KEPT_PARTLY, RULES_NOT_KEPT, RULES_SYNCED_ONLY };
enum rules_truth { RULES_FALSE = 1, RULES_TRUE, RULES_MAYBE };
enum rules_owner {
	RULES_CORPORATE = 1,
	RULES_PERSONAL,
	RULES_UNCHANGED,
	RULES_NO_RECORD,
	RULES_OWNER_OPEN /* of @after in a set: depends on a fact that is unknown */
};
enum rules_confidence { RULES_HIGH = 1, RULES_MEDIUM, RULES_LOW };
/* from strongest to weakest */
enum rules_evidence {
	RULES_STATED = 1, /* the service's own document about this very case */
	RULES_DOCUMENTED, /* a vendor's document says so */
	RULES_OBSERVED,   /* seen or reported by third parties */
	RULES_INFERRED,   /* follows from the others */
	RULES_UNVERIFIED
};
enum rules_action {
	RULES_CONTINUE_REMOTE_MGMT = 1,
	RULES_ENROL_BY_HAND,
	RULES_ENROL_ACCOUNT,
	RULES_REMOVE_THEN_ENROL,
	RULES_UNMANAGE_THEN_ENROL,
	RULES_REJECT_THEN_ENROL,
	RULES_ERASE_NO_RESTORE,
	RULES_ERASE_THEN_RESTORE,
	RULES_VERIFY_CHECKIN,
	RULES_REREGISTER_DIRECTORY,
	RULES_ENABLE_DIRECTORY,
	RULES_CANCEL_PENDING,
	RULES_FIX_ADE_ASSIGNMENT,
	RULES_FIX_SERVICE,
	RULES_FIX_POLICY,
	RULES_IMPORT_IDENTIFIER,
	RULES_UPDATE_OS,
	RULES_FREE_DEVICE_LIMIT,
	RULES_FIND_PASSWORD,
	RULES_CLEAR_ACTIVATION_LOCK,
	RULES_SWITCH_OFF_FIND_MY,
	RULES_ALLOW_PAIRING,
	RULES_ACTION_COUNT
};

/** RULES_ID - a rule or error number as one integer: RULES_ID('R', 206), RULES_ID('E', 1) */
#define RULES_ID(letter, number) ((uint16_t)(((letter) - 'A' + 1) * 1000 + (number)))

enum {
	RULES_ACTIONS_MAX = 4,
	RULES_ERRORS_MAX = 4,
	RULES_ALTERNATIVES_MAX = 4,
	RULES_WHY_MAX = 24
};

/** struct rules_state - supervised and locked are enum rules_truth, owner is enum rules_owner */
struct rules_state {
	uint8_t supervised, locked, owner;
};

/**
 * struct rules_outcome - one answer; the members carry the enums of the same name
 *
 * Unused list places are 0.
 */
struct rules_outcome {
	uint16_t rules[RULES_WHY_MAX];     /* RULES_ID of the deciding rules, in order */
	uint16_t errors[RULES_ERRORS_MAX]; /* RULES_ID('E', n), in the order the user meets them */
	uint8_t restore, assistant, mgmt, then, content, confidence;
	uint8_t is_at_risk;                           /* 0 or 1: beside RULES_MGMT_THIS */
	uint8_t alternatives[RULES_ALTERNATIVES_MAX]; /* enum rules_mgmt by the weaker source */
	uint8_t first[RULES_ACTIONS_MAX];             /* to do before all others, in order */
	uint8_t actions[RULES_ACTIONS_MAX];           /* then these ... */
	uint8_t is_choice; /* 0: all of them in order; 1: the next only if one fails or is unwanted
			    */
	struct rules_state before;
	struct rules_state after; /* once enrolled by hand; zeroed when no action does that */
};
/** rules_outcome_equal - the same in everything but @after, which follows from facts of its own */
bool rules_outcome_equal(const struct rules_outcome *a, const struct rules_outcome *b);
/** rules_outcome_evidence - the weakest evidence among the deciding rules */
enum rules_evidence rules_outcome_evidence(const struct rules_outcome *outcome);
/** rules_outcome_same_head - same restore, Setup Assistant, management and what becomes of it: what
 * listings for people group by, and what the question is chosen for */
bool rules_outcome_same_head(const struct rules_outcome *a, const struct rules_outcome *b);

/**
 * rules_evaluate - the one outcome of facts that leave nothing open
 * @switches: NULL = all defaults
 *
 * Returns 0.  RULES_NEEDS_FIELD when a field that matters is unknown: @missing (may be NULL) names
 * it, @out is zeroed.  Contradicting facts give RULES_INVALID by R-711 (rules_facts_check says
 * which).
 */
enum { RULES_NEEDS_FIELD = 1 };
int rules_evaluate(const struct rules_facts *facts, const struct rules_switches *switches,
		   struct rules_outcome *out, enum rules_field *missing);

/**
 * struct rules_set - every outcome that the facts leave possible, and the question to ask next
 *
 * RULES_SET_INIT once, rules_set_clear at the end; in between it may be filled again and again
 * without allocating anew.
 */
struct rules_set {
	struct rules_outcome *outcomes; /* count of them, distinct */
	struct rules_facts *examples;   /* facts that lead to the outcome of the same place */
	size_t count, cap;
	uint64_t open; /* unknown fields that change something, bit 1 << field */
	enum rules_field
		question;        /* the one that narrows most; RULES_FIELD_COUNT: nothing to ask */
	struct rules_work *work; /* private */
};
#define RULES_SET_INIT ((struct rules_set){.question = RULES_FIELD_COUNT})
void rules_set_clear(struct rules_set *set);

/** rules_set_copy - the answer without examples and working memory; @to: RULES_SET_INIT */
int rules_set_copy(struct rules_set *to, const struct rules_set *from, struct err *err);

/**
 * rules_outcomes - all outcomes reachable by some value of the unknown fields
 *
 * With everything known there is exactly one; knowing more never adds one.  Returns 0; ERR_USAGE
 * when the known facts contradict each other; ERR_LIMIT when far too little is known for a
 * useful answer; ERR_NO_MEMORY.  Unless 0, @set is empty.
 */
int rules_outcomes(struct rules_set *set, const struct rules_facts *facts,
		   const struct rules_switches *switches, struct err *err);

/** struct rules_change - one fact that, were it otherwise, would change the answer, and to what */
struct rules_change {
	enum rules_field field;
	uint16_t value;
	uint8_t restore, assistant, mgmt;
};
/**
 * rules_would_change - facts whose change alone alters restore, Setup Assistant or management
 * @facts: as for rules_evaluate; unknown fields count as usual ones (rules_facts_assume)
 *
 * Fills at most @max of @out, one per field, and returns how many.
 */
size_t rules_would_change(const struct rules_facts *facts, const struct rules_switches *switches,
			  struct rules_change *out, size_t max);

/**
 * rules_force - may a person override this refusal in so many words?
 * @out: what would happen then; zeroed unless RULES_FORCE_ALLOWED
 *
 * RULES_FORCE_NEEDLESS: nothing is refused.  RULES_FORCE_NEVER: the outcome would remove or avoid
 * management or supervision, the device itself refuses, or too little is known to exclude it.
 */
enum rules_force { RULES_FORCE_NEEDLESS, RULES_FORCE_ALLOWED, RULES_FORCE_NEVER };
enum rules_force rules_force(const struct rules_facts *facts, const struct rules_switches *switches,
			     struct rules_outcome *out);
/** rules_avoids_management - does the outcome end a management or supervision that the device has,
 * or leave a device unmanaged that ADE assigns to a service? */
bool rules_avoids_management(const struct rules_facts *facts, const struct rules_outcome *outcome);

/* ---- printing outcomes ------------------------------------------------------ */

/* in the order of the out_* columns */
enum rules_column {
	RULES_OUT_RESTORE,
	RULES_OUT_SETUP_ASSISTANT,
	RULES_OUT_MGMT,
	RULES_OUT_THEN,
	RULES_OUT_AT_RISK,
	RULES_OUT_CONTENT,
	RULES_OUT_SUPERVISED,
	RULES_OUT_LOCKED,
	RULES_OUT_OWNERSHIP,
	RULES_OUT_ALSO,    /* list */
	RULES_OUT_ACTIONS, /* list */
	RULES_OUT_ERROR,   /* list */
	RULES_OUT_CONFIDENCE,
	RULES_OUT_ALT,   /* list */
	RULES_OUT_RULES, /* list */
	RULES_COLUMN_COUNT
};
/** rules_column_name - "mgmt" or "management"; without the `out_` of the CSV */
const char *rules_column_name(enum rules_column column, enum rules_spelling spelling);
/** rules_column_is_list - may hold several words, separated by a space? */
bool rules_column_is_list(enum rules_column column);
/** rules_outcome_text - a column of @outcome; an empty list is ""; returns @out */
const char *rules_outcome_text(const struct rules_outcome *outcome, enum rules_column column,
			       enum rules_spelling spelling, char out[RULES_TEXT_MAX]);

/* single words, for callers that walk the lists themselves */
const char *rules_mgmt_word(enum rules_mgmt mgmt, enum rules_spelling spelling);
const char *rules_evidence_word(enum rules_evidence evidence);
const char *rules_truth_word(enum rules_truth truth);
const char *rules_owner_word(enum rules_owner owner, enum rules_spelling spelling);
/** rules_mgmt_sentence, rules_restore_sentence, rules_assistant_sentence - the same for people */
const char *rules_mgmt_sentence(enum rules_mgmt mgmt);
const char *rules_restore_sentence(enum rules_restore restore);
const char *rules_assistant_sentence(enum rules_assistant assistant);
const char *rules_then_sentence(enum rules_then then);
const char *rules_content_sentence(enum rules_content content);
/** rules_state_text - "supervised; its user may remove management; ..."; returns @out */
const char *rules_state_text(const struct rules_state *state, char out[RULES_TEXT_MAX]);

/** struct rules_action_row - an action as data */
struct rules_action_row {
	const char *code, *word; /* "enrol_cp", "enroll_by_hand" */
	const char *sentence;    /* what to do, for a service desk */
	const char *price;       /* what it costs, or NULL */
	bool is_by_hand;         /* ends in an enrollment by hand */
};
const struct rules_action_row *rules_action(enum rules_action action);

/* ---- rules, errors, limits as data ------------------------------------------- */

enum rules_role {
	RULES_DECIDES = 1, /* appears among the deciding rules of outcomes */
	RULES_ADVISES, /* explained to people, or a premise of the order; never listed as a reason
			*/
	RULES_OUTSIDE  /* not for this engine; the note says whose it is */
};
struct rules_rule {
	uint16_t id;
	uint8_t role;         /* enum rules_role */
	uint8_t evidence;     /* enum rules_evidence, the weakest it stands on */
	const char *sentence; /* what it says, for a service desk */
	const char *source;   /* documents or reports, with their dates */
	const char *note;     /* why it does not decide; NULL when it does */
};
/** rules_rule - the rule numbered @id; NULL if there is none */
const struct rules_rule *rules_rule(uint16_t id);
/** rules_rule_at - the @index-th rule in the order of numbers; NULL after the last */
const struct rules_rule *rules_rule_at(size_t index);
/** rules_id_parse - "R-206" (or "r-206") as RULES_ID; 0 if it is not of that form */
uint16_t rules_id_parse(const char *text);
/** rules_id_text - the inverse; returns @out */
const char *rules_id_text(uint16_t id, char out[8]);

/** struct rules_error_row - a text that the user meets, literally as the vendor prints it */
struct rules_error_row {
	uint16_t id; /* RULES_ID('E', n) */
	const char *text, *where, *meaning, *source;
};
const struct rules_error_row *rules_error(uint16_t id);
const struct rules_error_row *rules_error_at(size_t index);

/** struct rules_regime - what an OS range does with management in a backup; a row of data */
struct rules_regime {
	uint16_t rule;
	uint16_t first, end;  /* OS versions: from @first, below @end */
	int8_t switch_number; /* enum rules_switch that leaves it out when turned, or -1 */
	const char *source;   /* with its date */
};
const struct rules_regime *rules_regime_at(size_t index);

/** struct rules_limit - a number that a service or Apple sets */
struct rules_limit {
	const char *name; /* "certificate_days" */
	int32_t value;
	uint16_t rule;
	const char *source; /* with its date */
};
/** rules_limit - by name; NULL if there is none */
const struct rules_limit *rules_limit(const char *name);
const struct rules_limit *rules_limit_at(size_t index);

/* ---- dates -------------------------------------------------------------------- */

/** struct rules_dates - seconds since 1970, UTC; 0 = unknown */
struct rules_dates {
	int64_t restore;             /* when the restore will happen */
	int64_t backup;              /* when the backup was made */
	int64_t identity_end;        /* end of the identity in the backup */
	int64_t record_identity_end; /* end of the identity that the service's record names */
	int64_t record_enrolled;     /* when that record was enrolled */
	int32_t cleanup_days;        /* the service's cleanup rule; 0: none */
};
/**
 * rules_facts_date - set expired, renewed and generation from dates where they can be told (R-405,
 * ); fields that are already known stay
 */
void rules_facts_date(struct rules_facts *facts, const struct rules_dates *dates);

/** rules_was_probably_renewed - is the identity so near its end that the service will have renewed
 * it, if nobody knows?  An assumption, never a fact. */
bool rules_was_probably_renewed(const struct rules_dates *dates);

enum rules_age { RULES_AGE_UNKNOWN, RULES_AGE_FINE, RULES_AGE_OLD, RULES_AGE_TOO_OLD };
/** rules_age - is the backup too old to come back to?  @next (may be NULL): the next date
 * on which the answer changes, 0 if none */
enum rules_age rules_age(const struct rules_dates *dates, int64_t *next);

#endif
