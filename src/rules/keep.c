/*
 * What the device keeps of the backup: one line after the other, the first that applies decides.
 * Lines that rest on weak ground also name what the lines below them would have said.
 */
#include "rules/internal.h"

static void keep_from(struct eval *eval, size_t line);

static bool is_set_up(struct eval *eval)
{
	return eval_is(eval, RULES_RESET, RULES_NOT_RESET);
}

/* the device comes up without management */
static void unmanaged(struct eval *eval, enum rules_truth supervised)
{
	eval->out.assistant = is_set_up(eval) ? RULES_NOT_INVOLVED : RULES_ENDS_HOME;
	eval->out.mgmt = RULES_MGMT_NONE;
	eval->out.content = RULES_KEPT;
	eval_state(eval, supervised, RULES_FALSE, RULES_NO_RECORD);
}

bool eval_comes_supervised(struct eval *eval)
{
	return eval->has_fresh_record || eval_yes(eval, RULES_BACKUP_SUPERVISED);
}

static enum rules_truth backup_supervised(struct eval *eval)
{
	return eval_comes_supervised(eval) ? RULES_TRUE : RULES_FALSE;
}

/* enroll, and look afterwards whether it happened */
static void enroll_and_verify(struct eval *eval)
{
	eval_enroll(eval, RULES_KEPT);
	if (eval->out.mgmt == RULES_MGMT_THIS_NEW)
		eval_action(eval, RULES_VERIFY_CHECKIN);
}

/*
 * Medium confidence: the lines from @line on give the documented answer.  The two ADE servers count
 * as one there, since comparing them is itself only observed.
 */
static void with_answer_below(struct eval *eval, size_t line)
{
	struct eval below = *eval;
	size_t i;

	eval->out.confidence = RULES_MEDIUM;
	below.out = (struct rules_outcome){.confidence = RULES_HIGH};
	below.known.may[RULES_SERVER_UID] = VALUE_BIT(RULES_UID_EQUAL);
	keep_from(&below, line);
	if (below.stage == STAGE_LEGACY)
		eval_legacy(&below);
	eval->is_short = below.is_short;
	eval->missing = below.missing;
	eval->missing_mask = below.missing_mask;
	eval_alternative(eval, below.out.mgmt);
	for (i = 0; i < RULES_ALTERNATIVES_MAX && below.out.alternatives[i]; i++)
		eval_alternative(eval, below.out.alternatives[i]);
}

static bool is_other_server(struct eval *eval)
{
	return eval_is(eval, RULES_SERVER_UID, RULES_UID_DIFFERENT) ||
	       (eval_yes(eval, RULES_MIGRATED) &&
		!eval_is(eval, RULES_SERVER_UID, RULES_UID_EQUAL));
}

static bool is_orphan_record(struct eval *eval)
{
	return eval_is(eval, RULES_BACKUP_MGMT, RULES_NONE) &&
	       eval_is(eval, RULES_ADE_RECORD, RULES_ADE_RECORD_MANDATORY) &&
	       !eval_is(eval, RULES_ADE, RULES_NONE);
}

/* ---- the lines -------------------------------------------------------------------- */

static bool other_hardware(struct eval *eval, size_t below)
{
	bool is_replaced = false;

	(void)below;
	if (!eval_is(eval, RULES_DEVICE, RULES_DIFFERENT)) {
		is_replaced = eval_is(eval, RULES_BOARD, RULES_BOARD_REPLACED);
		if (!is_replaced)
			return false;
	}
	eval_why(eval, RULES_ID('R', 156));
	if (is_replaced)
		eval_why(eval, RULES_ID('R', 734));
	if (is_set_up(eval)) {
		eval_why(eval, RULES_ID('R', 723));
		unmanaged(eval, RULES_MAYBE);
		eval->out.confidence = RULES_MEDIUM;
		eval_unmanaged_actions(eval);
		return true;
	}
	if (eval_is(eval, RULES_KIND, RULES_KIND_PROFILE))
		eval_why(eval, RULES_ID('R', 307));
	eval_enroll(eval, RULES_KEPT);
	return true;
}

static bool nothing_comes_back(struct eval *eval, size_t below)
{
	if (!eval_regime(eval, REGIME_OS27))
		return false;
	eval_why(eval, RULES_ID('R', 154));
	if (is_set_up(eval)) {
		eval_why(eval, RULES_ID('R', 724));
		unmanaged(eval, eval_yes(eval, RULES_NOW_SUPERVISED) ? RULES_MAYBE : RULES_FALSE);
		eval_unmanaged_actions(eval);
	} else {
		eval_why(eval, RULES_ID('R', 213));
		eval_enroll(eval, RULES_KEPT);
	}
	with_answer_below(eval, below);
	if (is_set_up(eval))
		eval->out.confidence = RULES_LOW;
	return true;
}

static bool flag_drops_profile(struct eval *eval, size_t below)
{
	if (is_set_up(eval) || !eval_has_fresh_profile(eval) || !eval_yes(eval, RULES_FLAG))
		return false;
	if (eval_regime(eval, REGIME_FLAG26)) {
		eval_why(eval, RULES_ID('R', 152));
		eval_why(eval, RULES_ID('R', 213));
		enroll_and_verify(eval);
		with_answer_below(eval, below);
		return true;
	}
	if (!eval_regime(eval, REGIME_FLAG264)) {
		/* if 26.0 leaves the profile alone, the record is read anew all the same */
		eval->has_fresh_record = eval_is_in_range(eval, REGIME_FLAG26);
		return false;
	}
	eval_why(eval, RULES_ID('R', 153));
	eval_why(eval, RULES_ID('R', 213));
	eval_enroll(eval, RULES_KEPT);
	return true;
}

static bool another_server(struct eval *eval, size_t below)
{
	if (is_set_up(eval) || !eval_has_fresh_profile(eval) ||
	    !eval_regime(eval, REGIME_SERVER_UID) || eval->has_fresh_record ||
	    !is_other_server(eval))
		return false;
	eval_why(eval, RULES_ID('R', 802));
	enroll_and_verify(eval);
	with_answer_below(eval, below);
	return true;
}

static bool account_driven(struct eval *eval, size_t below)
{
	if (!eval_in(eval, RULES_KIND, VALUE_BIT(RULES_KIND_USER) | VALUE_BIT(RULES_KIND_ADDE)) ||
	    !eval_regime(eval, REGIME_ACCOUNT_DRIVEN))
		return false;
	eval_why(eval, RULES_ID('R', 803));
	unmanaged(eval, backup_supervised(eval));
	if (!eval_is_left_alone(eval)) {
		if (eval_is(eval, RULES_ADE, RULES_THIS)) {
			eval_action(eval, RULES_ERASE_NO_RESTORE);
			eval->out.is_choice = 1;
		}
		eval_action(eval, eval_is(eval, RULES_BACKUP_MGMT, RULES_OTHER)
					  ? RULES_ENROL_BY_HAND
					  : RULES_ENROL_ACCOUNT);
	}
	with_answer_below(eval, below);
	return true;
}

static bool hardware_key(struct eval *eval, size_t below)
{
	(void)below;
	if (!eval_is(eval, RULES_IDENTITY, RULES_IDENTITY_HARDWARE) ||
	    !eval_regime(eval, REGIME_HARDWARE_KEY))
		return false;
	eval_why(eval, RULES_ID('R', 804));
	eval->out.confidence = RULES_MEDIUM;
	if (!is_set_up(eval) &&
	    (eval->has_fresh_record || !eval_is(eval, RULES_ADE_RECORD, RULES_ADE_RECORD_NONE))) {
		eval_enroll(eval, RULES_KEPT);
		eval_alternative(eval, RULES_MGMT_NONE);
		return true;
	}
	unmanaged(eval, backup_supervised(eval));
	if (!eval_is_left_alone(eval))
		eval_action(eval, RULES_ENROL_BY_HAND);
	return true;
}

static bool orphan_record(struct eval *eval, size_t below)
{
	(void)below;
	if (is_set_up(eval) || !eval_regime(eval, REGIME_ORPHAN_RECORD) || !is_orphan_record(eval))
		return false;
	eval_why(eval, RULES_ID('R', 805));
	enroll_and_verify(eval);
	eval->out.confidence = RULES_MEDIUM;
	eval_alternative(eval, RULES_MGMT_NONE);
	return true;
}

/* would a fresh ADE record, if a set-up device has one, have decided otherwise? */
static bool is_unsure_when_set_up(struct eval *eval)
{
	if (eval_has_fresh_profile(eval) &&
	    (eval_regime(eval, REGIME_FLAG26) || eval_regime(eval, REGIME_FLAG264)) &&
	    eval_yes(eval, RULES_FLAG))
		return true;
	if (eval_has_fresh_profile(eval) && eval_regime(eval, REGIME_SERVER_UID) &&
	    is_other_server(eval))
		return true;
	return eval_regime(eval, REGIME_ORPHAN_RECORD) && is_orphan_record(eval);
}

static bool as_backed_up(struct eval *eval, size_t below)
{
	(void)below;
	eval->is_unsure = is_set_up(eval) && is_unsure_when_set_up(eval);
	eval->stage = STAGE_LEGACY;
	return true;
}

/* each returns whether it decided; @below is the place of the next */
static bool (*const lines[])(struct eval *eval, size_t below) = {
	other_hardware, nothing_comes_back, flag_drops_profile, another_server,
	account_driven, hardware_key,       orphan_record,      as_backed_up,
};

static void keep_from(struct eval *eval, size_t line)
{
	while (!lines[line](eval, line + 1))
		line++;
}

void eval_keep(struct eval *eval)
{
	eval->stage = STAGE_TAIL;
	keep_from(eval, 0);
}
