/*
 * The state comes back as it was backed up: what that means depends on what has happened to the
 * device's relation with its service since.
 */
#include "rules/internal.h"

static enum rules_truth truth(bool is_true)
{
	return is_true ? RULES_TRUE : RULES_FALSE;
}

static void comes_back(struct eval *eval, enum rules_mgmt mgmt, enum rules_owner owner)
{
	bool is_locked = mgmt != RULES_MGMT_NONE && !eval_yes(eval, RULES_REMOVABLE);

	eval->out.mgmt = mgmt;
	eval->out.content = RULES_KEPT;
	eval_state(eval, truth(eval_comes_supervised(eval)), truth(is_locked), owner);
}

static bool wants_to_keep(struct eval *eval)
{
	return eval_is(eval, RULES_GOAL, RULES_GOAL_KEEP);
}

/* a command of @side's service wiped the device, or retired it before the erase */
static bool was_let_go_by(struct eval *eval, enum rules_side side)
{
	return eval_in(eval, RULES_RESET,
		       VALUE_BIT(RULES_REMOTE_WIPE) | VALUE_BIT(RULES_RETIRE_THEN_ERASE)) &&
	       eval_is(eval, RULES_WIPED_BY, side);
}

/* ---- no management in the backup ------------------------------------------------------ */

/* the device was not managed by this service, and shall stay as it was */
bool eval_is_left_alone(struct eval *eval)
{
	if (!wants_to_keep(eval) || eval_is(eval, RULES_BACKUP_MGMT, RULES_THIS))
		return false;
	eval_why(eval, RULES_ID('R', 806));
	return true;
}

void eval_unmanaged_actions(struct eval *eval)
{
	if (eval_is_left_alone(eval))
		return;
	if (eval_is(eval, RULES_ADE, RULES_THIS)) {
		eval_action(eval, RULES_ERASE_NO_RESTORE);
		eval->out.is_choice = 1;
	}
	eval_action(eval, RULES_ENROL_BY_HAND);
	if (eval_is(eval, RULES_ADE, RULES_OTHER)) {
		eval_action(eval, RULES_FIX_ADE_ASSIGNMENT);
		eval->out.is_choice = 1;
	}
}

static void none(struct eval *eval)
{
	comes_back(eval, RULES_MGMT_NONE, RULES_NO_RECORD);
	if (!wants_to_keep(eval)) {
		if (eval_is(eval, RULES_ADE, RULES_NONE))
			eval_why(eval, RULES_ID('R', 807));
		else if (eval_is(eval, RULES_ADE, RULES_THIS) &&
			 eval_is(eval, RULES_ADE_RECORD, RULES_ADE_RECORD_MANDATORY))
			eval_why(eval, RULES_ID('R', 209));
		else
			eval_why(eval, RULES_ID('R', 205));
	}
	eval_unmanaged_actions(eval);
}

/* ---- another service's management ------------------------------------------------------- */

static void other_actions(struct eval *eval, bool is_stale, bool is_rejected)
{
	if (is_rejected)
		eval_action(eval, RULES_ENROL_BY_HAND);
	if (eval_yes(eval, RULES_REMOVABLE)) {
		eval_why(eval, RULES_ID('R', 206));
		eval_action(eval, RULES_REMOVE_THEN_ENROL);
	} else {
		eval_why(eval, RULES_ID('R', 208));
		if (!is_stale)
			eval_action(eval, RULES_UNMANAGE_THEN_ENROL);
		eval_action(eval, RULES_ERASE_NO_RESTORE);
	}
	eval->out.is_choice = eval->out.actions[1] != 0;
	eval_error(eval, RULES_ID('E', 1));
}

static void other(struct eval *eval)
{
	bool is_stale = was_let_go_by(eval, RULES_OTHER);
	bool is_rejected = eval_is(eval, RULES_OTHER_RESPONSE, RULES_REJECTS);

	comes_back(eval, is_stale ? RULES_MGMT_STALE_OTHER : RULES_MGMT_OTHER, RULES_NO_RECORD);
	if (is_stale)
		eval_why(eval, RULES_ID('R', 808));
	if (is_rejected) {
		eval_why(eval, RULES_ID('R', 210));
		eval->out.then = RULES_DROPPED;
	}
	if (!wants_to_keep(eval)) {
		other_actions(eval, is_stale, is_rejected);
		return;
	}
	eval_why(eval, RULES_ID('R', 806));
	if (is_stale || is_rejected)
		eval_action(eval, RULES_ERASE_NO_RESTORE);
}

/* ---- this service's management ----------------------------------------------------------- */

/* reasons why the service no longer knows the restored relation, unless it accepts it again;
 * returns whether there is one */
static bool was_ended_by_service(struct eval *eval)
{
	bool is_wiped = eval_is(eval, RULES_RESET, RULES_REMOTE_WIPE);
	bool was_let_go = was_let_go_by(eval, RULES_THIS);
	bool is_newer = eval_is(eval, RULES_GENERATION, RULES_GENERATION_NEWER);

	if (was_let_go)
		eval_why(eval, is_wiped ? RULES_ID('R', 203) : RULES_ID('R', 725));
	if (is_newer)
		eval_why(eval, RULES_ID('R', 841));
	return was_let_go || is_newer;
}

/* does the key in an unencrypted backup open no more? A switch says so. */
static bool is_plain_key_lost(struct eval *eval)
{
	return eval->switches.is_turned[RULES_SWITCH_PLAIN_IDENTITY] &&
	       eval_is(eval, RULES_SOURCE, RULES_LOCAL_PLAIN);
}

/* all reasons are named, not only the first */
static bool is_stale(struct eval *eval)
{
	bool accepts = eval_is(eval, RULES_POLICY, RULES_POLICY_ACCEPT), is_gone, found = false;

	is_gone = eval_in(eval, RULES_RECORD,
			  VALUE_BIT(RULES_RECORD_DELETED) | VALUE_BIT(RULES_RECORD_NONE));
	if (is_gone)
		eval_why(eval, RULES_ID('R', 402));
	if (eval_yes(eval, RULES_EXPIRED)) {
		eval_why(eval, RULES_ID('R', 405));
		found = true;
	}
	if (eval_yes(eval, RULES_REVOKED)) {
		eval_why(eval, RULES_ID('R', 842));
		found = true;
	}
	if (!accepts && was_ended_by_service(eval))
		found = true;
	if (is_plain_key_lost(eval)) {
		eval_why(eval, RULES_ID('R', 801));
		found = true;
	}
	return is_gone || found;
}

static void stale_actions(struct eval *eval)
{
	bool is_removable = eval_yes(eval, RULES_REMOVABLE);
	bool can_replace = is_removable || !eval->switches.is_turned[RULES_SWITCH_LOCKED_REPLACE];
	bool can_be_reached = !eval_yes(eval, RULES_EXPIRED) && !is_plain_key_lost(eval);

	eval_why(eval, RULES_ID('R', 809));
	if (can_replace)
		eval_action(eval, RULES_ENROL_BY_HAND);
	else
		eval_error(eval, RULES_ID('E', 1));
	if (is_removable) {
		eval_action(eval, RULES_REMOVE_THEN_ENROL);
	} else if (can_be_reached) {
		eval_why(eval, RULES_ID('R', 204));
		eval_action(eval, RULES_REJECT_THEN_ENROL);
	}
	eval_action(eval, RULES_ERASE_NO_RESTORE);
	eval->out.is_choice = eval->out.actions[1] != 0;
}

static void pending(struct eval *eval)
{
	bool is_retire = eval_is(eval, RULES_RECORD, RULES_RECORD_RETIRE_PENDING);

	if (!is_retire && !eval_is(eval, RULES_RECORD, RULES_RECORD_WIPE_PENDING))
		return;
	eval_why(eval, RULES_ID('R', 409));
	eval->out.then = is_retire ? RULES_RETIRED : RULES_WIPED;
	eval_action(eval, RULES_CANCEL_PENDING);
}

/* reasons why the service may not accept the restored relation after all */
static bool is_at_risk(struct eval *eval)
{
	bool accepts = eval_is(eval, RULES_POLICY, RULES_POLICY_ACCEPT);
	bool is_renewed = eval_yes(eval, RULES_RENEWED), found = is_renewed && !accepts;

	if (is_renewed)
		eval_why(eval, RULES_ID('R', 406));
	if (eval_is(eval, RULES_SOURCE, RULES_LOCAL_PLAIN)) {
		eval_why(eval, RULES_ID('R', 801));
		found = true;
	}
	if (eval_is(eval, RULES_KIND, RULES_KIND_PROFILE)) {
		eval_why(eval, RULES_ID('R', 212));
		found = true;
	}
	if (accepts) {
		bool was_ended = was_ended_by_service(eval);

		if (was_ended || is_renewed)
			eval_why(eval, RULES_ID('R', 848));
		found = found || was_ended;
	}
	return found;
}

static void directory(struct eval *eval)
{
	if (eval_is(eval, RULES_DIRECTORY, RULES_DIRECTORY_MISSING)) {
		eval_why(eval, RULES_ID('R', 404));
		eval_action(eval, RULES_REREGISTER_DIRECTORY);
	} else if (eval_is(eval, RULES_DIRECTORY, RULES_DIRECTORY_DISABLED)) {
		eval_why(eval, RULES_ID('R', 846));
		eval_action(eval, RULES_ENABLE_DIRECTORY);
	}
}

static void goes_on(struct eval *eval)
{
	bool is_hidden;

	pending(eval);
	eval->out.is_at_risk = is_at_risk(eval);
	if (eval->out.is_at_risk)
		eval_alternative(eval, RULES_MGMT_STALE_THIS);
	is_hidden = eval_is(eval, RULES_RECORD, RULES_RECORD_HIDDEN);
	if (is_hidden)
		eval_why(eval, RULES_ID('R', 403));
	if (is_hidden || eval->out.is_at_risk)
		eval_action(eval, RULES_VERIFY_CHECKIN);
	directory(eval);
}

static void this(struct eval *eval)
{
	if (is_stale(eval)) {
		comes_back(eval, RULES_MGMT_STALE_THIS, RULES_NO_RECORD);
		if (is_plain_key_lost(eval))
			eval_alternative(eval, RULES_MGMT_THIS);
		stale_actions(eval);
		return;
	}
	comes_back(eval, RULES_MGMT_THIS, RULES_UNCHANGED);
	eval_why(eval, RULES_ID('R', 202));
	if (eval_is(eval, RULES_ADE, RULES_OTHER))
		eval_why(eval, RULES_ID('R', 211));
	goes_on(eval);
}

/* ---- all three ------------------------------------------------------------------------------ */

/* a flag or a hidden pane of a profile that the device never got */
static bool asks_ade_in_vain(struct eval *eval)
{
	return !eval_has_fresh_profile(eval) &&
	       (eval_yes(eval, RULES_FLAG) || eval_yes(eval, RULES_HIDDEN));
}

void eval_legacy(struct eval *eval)
{
	bool is_set_up = eval_is(eval, RULES_RESET, RULES_NOT_RESET);

	eval->stage = STAGE_TAIL;
	eval->out.assistant = is_set_up ? RULES_NOT_INVOLVED : RULES_ENDS_HOME;
	if (eval_is(eval, RULES_BACKUP_MGMT, RULES_NONE))
		none(eval);
	else if (eval_is(eval, RULES_BACKUP_MGMT, RULES_OTHER))
		other(eval);
	else
		this(eval);
	if (!is_set_up && asks_ade_in_vain(eval))
		eval_why(eval, RULES_ID('R', 715));
	if (eval->out.before.locked == RULES_TRUE && eval_yes(eval, RULES_PROVISIONAL)) {
		eval->out.before.locked = RULES_FALSE;
		eval_why(eval, RULES_ID('R', 732));
	}
	if (is_set_up)
		eval_why(eval, RULES_ID('R', 102));
	if (eval->is_unsure) {
		eval_why(eval, RULES_ID('R', 724));
		eval->out.confidence = RULES_MEDIUM;
	}
}
