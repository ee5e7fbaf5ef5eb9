/*
 * Enrollments: by ADE after an erase, by hand, and by hand without any restore.
 */
#include "rules/internal.h"

/* ---- by ADE ---------------------------------------------------------------------- */

/* the error that the user meets where ADE enrollment is stopped; 0 where nothing stops it */
static uint16_t ade_block_error(struct eval *eval)
{
	if (eval_is(eval, RULES_ADE_BLOCK, RULES_BLOCK_NONE))
		return 0;
	if (eval_is(eval, RULES_ADE_BLOCK, RULES_BLOCK_PLATFORM))
		return RULES_ID('E', 4);
	if (eval_is(eval, RULES_ADE_BLOCK, RULES_BLOCK_LICENCE))
		return RULES_ID('E', 11);
	if (eval_is(eval, RULES_ADE_BLOCK, RULES_BLOCK_PUSH))
		return RULES_ID('E', 9);
	return RULES_ID('E', 6);
}

static void goes_without_enrollment(struct eval *eval)
{
	eval->out.assistant = RULES_RESUMES_WITHOUT_RM;
	eval->out.mgmt = RULES_MGMT_NONE;
	eval_state(eval, RULES_FALSE, RULES_FALSE, RULES_NO_RECORD);
}

static void ade_without_profile(struct eval *eval)
{
	goes_without_enrollment(eval);
	eval_why(eval, RULES_ID('R', 304));
	eval_why(eval, RULES_ID('R', 735));
	eval_action(eval, RULES_FIX_ADE_ASSIGNMENT);
	if (eval->switches.is_turned[RULES_SWITCH_NO_PROFILE])
		eval->out.assistant = RULES_WAITS;
}

static void enroll_in_other(struct eval *eval)
{
	eval->out.assistant = RULES_RESUMES_AT_RM;
	eval->out.mgmt = RULES_MGMT_OTHER_NEW;
	eval_state(eval, RULES_TRUE, RULES_MAYBE, RULES_NO_RECORD);
	eval_why(eval, RULES_ID('R', 303));
	if (eval_is(eval, RULES_GOAL, RULES_GOAL_THIS))
		eval_action(eval, RULES_FIX_ADE_ASSIGNMENT);
}

static void enroll_in_this(struct eval *eval)
{
	uint16_t error = ade_block_error(eval);
	bool is_locked;

	if (error) {
		eval->out.assistant = RULES_WAITS;
		eval->out.mgmt = RULES_MGMT_NONE;
		eval_state(eval, RULES_MAYBE, RULES_FALSE, RULES_NO_RECORD);
		eval_why(eval, RULES_ID('R', 861));
		eval_error(eval, error);
		eval_action(eval, RULES_FIX_SERVICE);
		return;
	}
	eval->out.assistant = RULES_RESUMES_AT_RM;
	eval->out.mgmt = RULES_MGMT_THIS_NEW;
	eval_why(eval, RULES_ID('R', 301));
	is_locked = eval_yes(eval, RULES_LOCKED);
	if (is_locked && eval_yes(eval, RULES_PROVISIONAL)) {
		is_locked = false;
		eval_why(eval, RULES_ID('R', 732));
	}
	eval_state(eval, RULES_TRUE, is_locked ? RULES_TRUE : RULES_FALSE, RULES_CORPORATE);
	eval_action(eval, RULES_CONTINUE_REMOTE_MGMT);
}

void eval_enroll(struct eval *eval, enum rules_content content)
{
	eval->out.content = content;
	if (eval_is(eval, RULES_ADE, RULES_NONE)) {
		goes_without_enrollment(eval);
		eval_why(eval, RULES_ID('R', 302));
		if (!eval_is_left_alone(eval))
			eval_action(eval, RULES_ENROL_BY_HAND);
	} else if (!eval_yes(eval, RULES_PROFILE)) {
		ade_without_profile(eval);
	} else if (eval_is(eval, RULES_ADE, RULES_OTHER)) {
		enroll_in_other(eval);
	} else {
		enroll_in_this(eval);
	}
}

/* ---- by hand ------------------------------------------------------------------------- */

/* what the service would refuse an enrollment by hand for: told to @each, in its order */
static bool check_restrictions(struct eval *eval,
			       void (*each)(struct eval *eval, enum rules_action action))
{
	bool is_refused = false;

	if (eval_yes(eval, RULES_PLATFORM_BLOCKED)) {
		eval_why(eval, RULES_ID('L', 10));
		eval_error(eval, RULES_ID('E', 5));
		each(eval, RULES_FIX_POLICY);
		is_refused = true;
	}
	if (eval_yes(eval, RULES_PERSONAL_BLOCKED) && !eval_yes(eval, RULES_IMPORTED)) {
		eval_why(eval, RULES_ID('L', 22));
		eval_error(eval, RULES_ID('E', 2));
		each(eval, RULES_IMPORT_IDENTIFIER);
		is_refused = true;
	}
	if (!eval_yes(eval, RULES_OS_RANGE_OK)) {
		eval_why(eval, RULES_ID('L', 11));
		eval_error(eval, RULES_ID('E', 5));
		each(eval, RULES_UPDATE_OS);
		is_refused = true;
	}
	if (!eval_yes(eval, RULES_LIMIT_LEFT)) {
		eval_why(eval, RULES_ID('L', 20));
		eval_error(eval, RULES_ID('E', 6));
		each(eval, RULES_FREE_DEVICE_LIMIT);
		is_refused = true;
	}
	return is_refused;
}

/* personal unless the identifier is imported, be it only now */
static enum rules_owner owner_by_hand(struct eval *eval)
{
	if (eval->switches.is_turned[RULES_SWITCH_HAND_OWNER] &&
	    eval_is(eval, RULES_ADE, RULES_THIS))
		return RULES_CORPORATE;
	if (eval_yes(eval, RULES_IMPORTED) || eval_yes(eval, RULES_PERSONAL_BLOCKED))
		return RULES_CORPORATE;
	return RULES_PERSONAL;
}

void eval_by_hand(struct eval *eval)
{
	size_t i = 0;

	while (i < RULES_ACTIONS_MAX && eval->out.actions[i] &&
	       !rules_action(eval->out.actions[i])->is_by_hand)
		i++;
	if (i == RULES_ACTIONS_MAX || !eval->out.actions[i])
		return;
	check_restrictions(eval, eval_first);
	eval_why(eval, RULES_ID('R', 862));
	eval->out.after =
		(struct rules_state){eval->out.before.supervised, RULES_FALSE, owner_by_hand(eval)};
}

/* ---- by hand, without a restore ---------------------------------------------------------- */

static void stay_in_old_service(struct eval *eval)
{
	bool is_this = eval_is(eval, RULES_NOW, RULES_THIS);

	eval->out.mgmt = is_this                                 ? RULES_MGMT_THIS
			 : eval_is(eval, RULES_NOW, RULES_OTHER) ? RULES_MGMT_OTHER
								 : RULES_MGMT_NONE;
	eval->out.before.locked = RULES_FALSE;
	eval->out.before.owner = is_this ? RULES_UNCHANGED : RULES_NO_RECORD;
}

void eval_leave_actions(struct eval *eval)
{
	eval_action(eval, RULES_UNMANAGE_THEN_ENROL);
	if (eval_yes(eval, RULES_REMOVABLE)) {
		eval_action(eval, RULES_REMOVE_THEN_ENROL);
		eval->out.is_choice = 1;
	}
}

static void leave_old_service(struct eval *eval)
{
	uint16_t number;

	eval->out.mgmt = RULES_MGMT_THIS_NEW;
	eval->out.before.locked = RULES_FALSE;
	eval->out.before.owner = (uint8_t)owner_by_hand(eval);
	for (number = 10; number <= 14; number++)
		eval_why(eval, RULES_ID('M', number));
	if (!eval_is(eval, RULES_ADE, RULES_NONE))
		eval_why(eval, RULES_ID('M', 16));
	if (eval_is(eval, RULES_NOW, RULES_NONE)) {
		eval_action(eval, RULES_ENROL_BY_HAND);
		return;
	}
	eval_leave_actions(eval);
}

void eval_migrate(struct eval *eval)
{
	eval->out.restore = RULES_POSSIBLE;
	eval->out.assistant = RULES_NOT_INVOLVED;
	eval->out.content = RULES_KEPT;
	eval->out.before.supervised =
		eval_yes(eval, RULES_NOW_SUPERVISED) ? RULES_TRUE : RULES_FALSE;
	if (eval_is(eval, RULES_NOW, RULES_THIS)) {
		eval_why(eval, RULES_ID('M', 1));
		stay_in_old_service(eval);
	} else if (check_restrictions(eval, eval_action)) {
		eval->out.restore = RULES_REFUSED_BY_POLICY;
		if (eval->out.errors[0] == RULES_ID('E', 2) ||
		    eval->out.errors[1] == RULES_ID('E', 2))
			eval_why(eval, RULES_ID('R', 865));
		stay_in_old_service(eval);
	} else {
		leave_old_service(eval);
	}
}
