/* What the files of this room share: the tables' shapes, and the evaluation between its files. */
#ifndef REHOME_RULES_INTERNAL_H
#define REHOME_RULES_INTERNAL_H

#include "rules/rules.h"

#define FIELD_BIT(field) (1ULL << (field))

/* struct word - one value in both vocabularies */
struct word {
	const char *code, *word;
};

/* what it costs to find a fact out, cheapest first */
enum field_cost { COST_SNAPSHOT, COST_DEVICE, COST_SERVICE, COST_PERSON };

enum { FIELD_VALUES_MAX = 6 };
/* struct field_row - a field as data; a version has no values */
struct field_row {
	const char *code, *word, *question;
	uint8_t cost;    /* enum field_cost */
	uint8_t assumed; /* the usual value, 0: see rules_facts_assume */
	struct word values[FIELD_VALUES_MAX];
};
const struct field_row *field_row(enum rules_field field);
/* field_value_count - values of a field are 1 ... count; 0 for versions */
size_t field_value_count(enum rules_field field);
static inline bool field_is_version(enum rules_field field)
{
	return field == RULES_OS || field == RULES_BACKUP_OS;
}

/* ---- facts as the evaluation sees them ------------------------------------------- */

/*
 * struct known - for every field the set of values that it may still have: bit 1 << (value - 1)
 *
 * Known facts have one bit, unknown ones all.  Versions are values, 0 while unknown.
 */
struct known {
	uint8_t may[RULES_FIELD_COUNT];
	uint16_t os, backup_os;
};
#define VALUE_BIT(value) (1u << ((value)-1))

void known_from_facts(struct known *known, const struct rules_facts *facts);
/* known_to_facts - single values as they are, sets that were narrowed by one that is in them, the
 * untouched as unknown */
void known_to_facts(const struct known *known, struct rules_facts *facts);
/* known_settle - take out what contradicts the rest; false if nothing is left of a field */
bool known_settle(struct known *known);

/* ---- the evaluation ----------------------------------------------------------------- */

/*
 * A run passes these stages, each at most once and only forwards.  Between them it may be looked
 * at: of two runs that have come to the same, only one need go on (outcomes.c).
 */
enum stage {
	STAGE_GATES,  /* can the restore happen at all? */
	STAGE_KEEP,   /* what does the device keep of the backup? */
	STAGE_LEGACY, /* all of it: then what has become of its relation with the service? */
	STAGE_TAIL,   /* what stands before an enrollment by hand? */
	STAGE_DONE
};

/*
 * struct eval - one run: what is known, what came out so far, and the first thing that would have
 * to be known.  Once something is missing the run goes on, but its outcome means nothing.
 */
struct eval {
	struct known known;
	struct rules_switches switches; /* as the code takes them, reversed defaults applied */
	enum stage stage;
	bool is_forced; /* a person overrode the refusals that exist for safety */
	bool is_unsure; /* STAGE_LEGACY: a fresh ADE record might have decided otherwise */
	bool has_fresh_record; /* the ADE record is today's, not the backup's (R-152, turned) */
	bool is_short;         /* a fact is missing: */
	enum rules_field missing;
	uint8_t missing_mask; /* the question: is the value among these? 0 for versions */
	struct rules_outcome out;
};

/* eval_in - is the value among @mask? */
bool eval_in(struct eval *eval, enum rules_field field, unsigned mask);
static inline bool eval_is(struct eval *eval, enum rules_field field, unsigned value)
{
	return eval_in(eval, field, VALUE_BIT(value));
}
static inline bool eval_yes(struct eval *eval, enum rules_field field)
{
	return eval_in(eval, field, VALUE_BIT(RULES_YES));
}
/* eval_backup_is_newer - was the backup made on a later OS than the target's? */
bool eval_backup_is_newer(struct eval *eval);

/* eval_has_fresh_profile - did the erased device fetch an ADE record that names a profile?
 */
bool eval_has_fresh_profile(struct eval *eval);

/* the OS ranges of limits.c, by place */
enum regime {
	REGIME_OS27,
	REGIME_FLAG26,
	REGIME_FLAG264,
	REGIME_SERVER_UID,
	REGIME_ACCOUNT_DRIVEN,
	REGIME_HARDWARE_KEY,
	REGIME_ORPHAN_RECORD,
	REGIME_SUPERVISED_USB,
	REGIME_COUNT
};
/* eval_regime - does the target's OS lie in the range, and is it not switched off? */
bool eval_regime(struct eval *eval, enum regime regime);
/* eval_is_in_range - does the target's OS lie in the range, whatever its switch says? */
bool eval_is_in_range(struct eval *eval, enum regime regime);
/* eval_comes_supervised - is the device supervised by the ADE record that a restore leaves? */
bool eval_comes_supervised(struct eval *eval);

/* what an outcome is made of */
void eval_why(struct eval *eval, uint16_t rule);
void eval_action(struct eval *eval, enum rules_action action);
void eval_first(struct eval *eval, enum rules_action action);
void eval_error(struct eval *eval, uint16_t error);
void eval_alternative(struct eval *eval, enum rules_mgmt mgmt);
/* eval_state - supervised, locked, owner before any action */
void eval_state(struct eval *eval, enum rules_truth supervised, enum rules_truth locked,
		enum rules_owner owner);

/* the parts, in their order; each says which stage comes next */
void eval_migrate(struct eval *eval);
/* eval_enroll - what the ADE record fetched after the erase leads to */
void eval_enroll(struct eval *eval, enum rules_content content);
/* eval_keep - what the device keeps of the backup */
void eval_keep(struct eval *eval);
/* eval_legacy - the state comes back as it was backed up */
void eval_legacy(struct eval *eval);
/* eval_by_hand - what stands before an enrollment by hand, and the state after it */
void eval_by_hand(struct eval *eval);
/* eval_is_left_alone - shall an unmanaged device stay so?  Names the rule if it shall. */
bool eval_is_left_alone(struct eval *eval);
/* eval_unmanaged_actions - how an unmanaged device gets where it shall be */
void eval_unmanaged_actions(struct eval *eval);

/* eval_leave_actions - how a set-up device leaves the other service for this one */
void eval_leave_actions(struct eval *eval);

/* eval_begin - a run before its first stage; @switches may be NULL */
void eval_begin(struct eval *eval, const struct known *known,
		const struct rules_switches *switches);
/* eval_step - the stage that is next; where a fact is short, nothing but that is to be used */
void eval_step(struct eval *eval);
/* eval_finish - all stages, unless a fact is short */
void eval_finish(struct eval *eval);

/* ---- the question ------------------------------------------------------------------------ */

/* struct group - an outcome, and per fact the values with which it is reached */
struct group {
	const struct rules_outcome *outcome;
	uint8_t may[RULES_FIELD_COUNT];
	size_t head; /* number of what people see first of it */
};
/* question_find - set the open fields and the question; @groups are put in another order */
void question_find(struct rules_set *set, const struct rules_facts *facts, struct group *groups,
		   size_t count);

/* ---- the tables of rules ----------------------------------------------------------------- */

extern const struct rules_rule table_identifiers[];
extern const size_t table_identifiers_count;
extern const struct rules_rule table_interfaces[];
extern const size_t table_interfaces_count;
extern const struct rules_rule table_services[];
extern const size_t table_services_count;
extern const struct rules_rule table_restore[];
extern const size_t table_restore_count;
extern const struct rules_rule table_state[];
extern const size_t table_state_count;
extern const struct rules_rule table_records[];
extern const size_t table_records_count;

#endif
