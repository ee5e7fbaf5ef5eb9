/*
 * The evaluation: gates, then what the device keeps, then what stands before an enrollment by hand.
 * Order and conditions are those of docs/design/rules.md; each branch names its rules as it
 * goes, so that the reasons of an outcome are the path that led to it.
 */
#include "rules/internal.h"

#include <assert.h>
#include <string.h>

/* ---- reading facts ----------------------------------------------------------- */

static void miss(struct eval *eval, enum rules_field field, unsigned mask)
{
	if (eval->is_short)
		return;
	eval->is_short = true;
	eval->missing = field;
	eval->missing_mask = (uint8_t)mask;
}

bool eval_in(struct eval *eval, enum rules_field field, unsigned mask)
{
	unsigned may = eval->known.may[field];

	if (!(may & ~mask))
		return true;
	if (may & mask)
		miss(eval, field, mask);
	return false;
}

bool eval_backup_is_newer(struct eval *eval)
{
	if (!eval->known.os)
		miss(eval, RULES_OS, 0);
	else if (!eval->known.backup_os)
		miss(eval, RULES_BACKUP_OS, 0);
	return eval->known.backup_os > eval->known.os;
}

bool eval_regime(struct eval *eval, enum regime regime)
{
	const struct rules_regime *row = rules_regime_at(regime);

	if (row->switch_number >= 0 && eval->switches.is_turned[row->switch_number])
		return false;
	return eval_is_in_range(eval, regime);
}

bool eval_is_in_range(struct eval *eval, enum regime regime)
{
	const struct rules_regime *row = rules_regime_at(regime);

	if (!eval->known.os)
		miss(eval, RULES_OS, 0);
	return eval->known.os >= row->first && eval->known.os < row->end;
}

bool eval_has_fresh_profile(struct eval *eval)
{
	return !eval_is(eval, RULES_ADE, RULES_NONE) && eval_yes(eval, RULES_PROFILE);
}

/* ---- writing the outcome --------------------------------------------------------- */

static void append(uint8_t *list, size_t max, uint8_t value)
{
	size_t i = 0;

	while (i < max && list[i])
		i++;
	assert(i < max);
	list[i] = value;
}

void eval_why(struct eval *eval, uint16_t rule)
{
	size_t i = 0;

	while (i < RULES_WHY_MAX && eval->out.rules[i])
		i++;
	assert(i < RULES_WHY_MAX);
	eval->out.rules[i] = rule;
}

void eval_action(struct eval *eval, enum rules_action action)
{
	append(eval->out.actions, RULES_ACTIONS_MAX, (uint8_t)action);
}

void eval_first(struct eval *eval, enum rules_action action)
{
	append(eval->out.first, RULES_ACTIONS_MAX, (uint8_t)action);
}

void eval_error(struct eval *eval, uint16_t error)
{
	size_t i = 0;

	while (i < RULES_ERRORS_MAX && eval->out.errors[i] && eval->out.errors[i] != error)
		i++;
	assert(i < RULES_ERRORS_MAX);
	eval->out.errors[i] = error;
}

void eval_alternative(struct eval *eval, enum rules_mgmt mgmt)
{
	uint8_t *list = eval->out.alternatives;

	if (mgmt != eval->out.mgmt && !memchr(list, (int)mgmt, RULES_ALTERNATIVES_MAX))
		append(list, RULES_ALTERNATIVES_MAX, (uint8_t)mgmt);
}

void eval_state(struct eval *eval, enum rules_truth supervised, enum rules_truth locked,
		enum rules_owner owner)
{
	eval->out.before = (struct rules_state){supervised, locked, owner};
}

/* ---- gates: can the restore happen at all? ----------------------------------------- */

/* the target stays as it is; @restore says why */
static void stay(struct eval *eval, enum rules_restore restore, uint16_t rule)
{
	bool is_supervised =
		eval_is(eval, RULES_RESET, RULES_NOT_RESET) && eval_yes(eval, RULES_NOW_SUPERVISED);

	eval->out.restore = restore;
	eval->out.assistant = RULES_NOT_INVOLVED;
	eval->out.mgmt = eval_is(eval, RULES_NOW, RULES_THIS)    ? RULES_MGMT_THIS
			 : eval_is(eval, RULES_NOW, RULES_OTHER) ? RULES_MGMT_OTHER
								 : RULES_MGMT_NONE;
	eval->out.content = RULES_NOT_KEPT;
	eval_state(eval, is_supervised ? RULES_TRUE : RULES_FALSE, RULES_FALSE, RULES_NO_RECORD);
	eval_why(eval, rule);
}

/* as stay(), where the person wanted something that the rules need not refuse */
static void stay_as_now(struct eval *eval, enum rules_restore restore, uint16_t rule)
{
	stay(eval, restore, rule);
	if (eval->out.mgmt == RULES_MGMT_THIS)
		eval->out.before.owner = RULES_UNCHANGED;
}

static void blocked(struct eval *eval, uint16_t rule, enum rules_action action)
{
	stay(eval, RULES_BLOCKED, rule);
	eval_action(eval, action);
}

static bool source_in(struct eval *eval, unsigned mask)
{
	return eval_in(eval, RULES_SOURCE, mask);
}

static void signed_in_only(struct eval *eval, bool is_set_up)
{
	if (is_set_up) {
		stay_as_now(eval, RULES_NOT_A_RESTORE, RULES_ID('R', 101));
		eval_why(eval, RULES_ID('R', 714));
		eval->out.content = RULES_SYNCED_ONLY;
		eval_action(eval, RULES_ERASE_THEN_RESTORE);
		return;
	}
	eval->out.restore = RULES_NOT_A_RESTORE;
	eval_why(eval, RULES_ID('R', 101));
	eval_enroll(eval, RULES_SYNCED_ONLY);
}

static void not_offered(struct eval *eval, uint16_t rule)
{
	eval->out.restore = RULES_NOT_OFFERED;
	eval_why(eval, rule);
	eval_enroll(eval, RULES_NOT_KEPT);
}

/* what the target refuses while Setup Assistant is involved, or whatever its state */
static bool stopped_at_any_gate(struct eval *eval, bool is_set_up)
{
	if (!is_set_up && eval_is(eval, RULES_ACTIVATION_LOCK, RULES_LOCK_BLOCKED)) {
		blocked(eval, RULES_ID('R', 717), RULES_CLEAR_ACTIVATION_LOCK);
		eval->out.assistant = RULES_WAITS;
	} else if (source_in(eval, VALUE_BIT(RULES_ACCOUNT_SIGNIN))) {
		signed_in_only(eval, is_set_up);
	} else if (eval_is(eval, RULES_RESET, RULES_RETURN_TO_SERVICE)) {
		not_offered(eval, RULES_ID('R', 712));
	} else if (!(is_set_up && eval->is_forced) && eval_yes(eval, RULES_SHARED) &&
		   !eval_is(eval, RULES_ADE, RULES_NONE)) {
		if (is_set_up)
			stay(eval, RULES_REFUSED_BY_POLICY, RULES_ID('R', 713));
		else
			not_offered(eval, RULES_ID('R', 713));
	} else if (is_set_up &&
		   source_in(eval, VALUE_BIT(RULES_ICLOUD) | VALUE_BIT(RULES_DIRECT_TRANSFER))) {
		stay_as_now(eval, RULES_NOT_OFFERED, RULES_ID('R', 101));
		eval_why(eval, RULES_ID('R', 714));
		eval_action(eval, RULES_ERASE_THEN_RESTORE);
	} else if (source_in(eval, VALUE_BIT(RULES_DIRECT_TRANSFER)) &&
		   !eval_is(eval, RULES_ADE, RULES_NONE)) {
		stay(eval, RULES_UNSUPPORTED, RULES_ID('R', 109));
	} else if (!is_set_up && eval_yes(eval, RULES_HIDDEN) && eval_has_fresh_profile(eval)) {
		not_offered(eval, RULES_ID('R', 108));
	} else if (eval_backup_is_newer(eval)) {
		stay(eval, RULES_UNSUPPORTED, RULES_ID('R', 104));
		eval_action(eval, RULES_UPDATE_OS);
	} else if (source_in(eval, VALUE_BIT(RULES_LOCAL_ENCRYPTED)) &&
		   eval_is(eval, RULES_PASSWORD, RULES_PASSWORD_LOST)) {
		blocked(eval, RULES_ID('R', 716), RULES_FIND_PASSWORD);
	} else {
		return false;
	}
	return true;
}

/* 0, or the rule by which a restore onto a managed, set-up device is refused */
static uint16_t endangers_management(struct eval *eval)
{
	if (eval->is_forced || eval_is(eval, RULES_NOW, RULES_NONE) ||
	    !eval_yes(eval, RULES_SYSTEM_FILES))
		return 0;
	if (eval_is(eval, RULES_BACKUP_MGMT, RULES_NONE))
		return RULES_ID('R', 103);
	if (eval_is(eval, RULES_NOW, RULES_THIS) != eval_is(eval, RULES_BACKUP_MGMT, RULES_THIS) ||
	    eval_is(eval, RULES_DEVICE, RULES_DIFFERENT) ||
	    eval_is(eval, RULES_BOARD, RULES_BOARD_REPLACED))
		return RULES_ID('R', 720);
	return 0;
}

/* management is left as it is, so the goal may still have to be reached by hand */
static void app_data_only(struct eval *eval)
{
	stay_as_now(eval, RULES_POSSIBLE, RULES_ID('R', 722));
	eval->out.content = RULES_KEPT_PARTLY;
	if (eval_regime(eval, REGIME_SUPERVISED_USB))
		eval->out.confidence = RULES_LOW;
	if (eval_is(eval, RULES_GOAL, RULES_GOAL_KEEP))
		return;
	if (eval->out.mgmt == RULES_MGMT_NONE)
		eval_unmanaged_actions(eval);
	else if (eval->out.mgmt == RULES_MGMT_OTHER)
		eval_leave_actions(eval);
}

/* what a computer's restore onto a device that is set up meets */
static bool stopped_when_set_up(struct eval *eval)
{
	uint16_t rule;

	if (eval_is(eval, RULES_TOOL, RULES_CONFIGURATOR) &&
	    eval_yes(eval, RULES_BACKUP_SUPERVISED) != eval_yes(eval, RULES_NOW_SUPERVISED)) {
		stay(eval, RULES_UNSUPPORTED, RULES_ID('R', 105));
	} else if (!eval_yes(eval, RULES_PAIRING)) {
		blocked(eval, RULES_ID('R', 718), RULES_ALLOW_PAIRING);
	} else if (eval_yes(eval, RULES_FIND_MY)) {
		blocked(eval, RULES_ID('R', 719), RULES_SWITCH_OFF_FIND_MY);
	} else if (!eval->is_forced && eval_regime(eval, REGIME_SUPERVISED_USB) &&
		   (eval_yes(eval, RULES_BACKUP_SUPERVISED) ||
		    eval_yes(eval, RULES_NOW_SUPERVISED))) {
		stay(eval, RULES_REFUSED_BY_POLICY, RULES_ID('R', 110));
	} else if (source_in(eval, VALUE_BIT(RULES_LOCAL_PLAIN)) &&
		   eval_yes(eval, RULES_FORCE_ENCRYPTED)) {
		stay(eval, RULES_REFUSED_BY_POLICY, RULES_ID('R', 721));
	} else if ((rule = endangers_management(eval))) {
		stay(eval, RULES_REFUSED_BY_POLICY, rule);
	} else if (!eval_yes(eval, RULES_SYSTEM_FILES)) {
		app_data_only(eval);
	} else {
		return false;
	}
	return true;
}

static void gates(struct eval *eval)
{
	bool is_set_up = eval_is(eval, RULES_RESET, RULES_NOT_RESET);

	eval->stage = STAGE_TAIL;
	if (stopped_at_any_gate(eval, is_set_up) || (is_set_up && stopped_when_set_up(eval)))
		return;
	eval->out.restore = RULES_POSSIBLE;
	eval->stage = STAGE_KEEP;
}

static void open_run(struct eval *eval)
{
	if (!known_settle(&eval->known)) {
		stay(eval, RULES_INVALID, RULES_ID('R', 711));
		eval->is_short = false;
		eval->stage = STAGE_DONE;
	} else if (eval_is(eval, RULES_SCENARIO, RULES_MIGRATE_NO_WIPE)) {
		eval_migrate(eval);
		eval->stage = STAGE_DONE;
	} else {
		gates(eval);
	}
}

static void tail(struct eval *eval)
{
	if (eval->out.restore == RULES_POSSIBLE && eval->out.content == RULES_KEPT &&
	    eval_yes(eval, RULES_MANAGED_NOBACKUP)) {
		eval->out.content = RULES_KEPT_PARTLY;
		eval_why(eval, RULES_ID('R', 733));
	}
	eval_by_hand(eval);
	eval->stage = STAGE_DONE;
}

/* ---- stages ------------------------------------------------------------------------- */

void eval_begin(struct eval *eval, const struct known *known, const struct rules_switches *switches)
{
	size_t i;

	*eval = (struct eval){.known = *known};
	if (switches)
		eval->switches = *switches;
	for (i = 0; i < RULES_SWITCH_COUNT; i++)
		eval->switches.is_turned[i] ^= rules_switch(i)->is_reversed;
	eval->out = (struct rules_outcome){.then = RULES_STAYS, .confidence = RULES_HIGH};
}

void eval_step(struct eval *eval)
{
	switch (eval->stage) {
	case STAGE_GATES:
		open_run(eval);
		break;
	case STAGE_KEEP:
		eval_keep(eval);
		break;
	case STAGE_LEGACY:
		eval_legacy(eval);
		break;
	case STAGE_TAIL:
		tail(eval);
		break;
	case STAGE_DONE:
		break;
	}
}

void eval_finish(struct eval *eval)
{
	while (eval->stage != STAGE_DONE && !eval->is_short)
		eval_step(eval);
}

int rules_evaluate(const struct rules_facts *facts, const struct rules_switches *switches,
		   struct rules_outcome *out, enum rules_field *missing)
{
	struct known known;
	struct eval eval;

	known_from_facts(&known, facts);
	eval_begin(&eval, &known, switches);
	eval_finish(&eval);
	*out = eval.is_short ? (struct rules_outcome){0} : eval.out;
	if (eval.is_short && missing)
		*missing = eval.missing;
	return eval.is_short ? RULES_NEEDS_FIELD : 0;
}
