/*
 * Behaviour that the rules state and no named vector shows: a vector, what is changed in it, and
 * what must then stand in the columns named.
 */
#include "rules/testing.h"

struct named_case {
	const char *vector, *changes; /* "os=27 now=this" */
	const char *wanted;           /* "mgmt=none; actions=..." */
};

/* cut the next "name=value" off @at; false at the end */
static bool next_pair(char **at, const char *separator, const char **name, const char **value)
{
	char *pair = strsep(at, separator);

	while (pair && *pair == ' ')
		pair++;
	if (!pair || !*pair)
		return false;
	*name = strsep(&pair, "=");
	assert_non_null(pair);
	*value = pair;
	return true;
}

static enum rules_column column_named(const char *name)
{
	size_t i;

	for (i = 0; i < RULES_COLUMN_COUNT; i++)
		if (!strcmp(name, rules_column_name(i, RULES_CODES)))
			return i;
	fail_msg("no column %s", name);
	return RULES_COLUMN_COUNT;
}

static size_t check_case(const struct named_case *named)
{
	struct rules_facts facts = vector_named(named->vector)->facts;
	char changes[512], wanted[512], text[RULES_TEXT_MAX];
	char *at = changes;
	const char *name, *value;
	struct rules_outcome outcome;
	struct err err = ERR_INIT;
	size_t wrong = 0;

	snprintf(changes, sizeof(changes), "%s", named->changes);
	snprintf(wanted, sizeof(wanted), "%s", named->wanted);
	while (next_pair(&at, " ", &name, &value))
		if (set_named(&facts, name, value, RULES_CODES, &err) < 0)
			fail_msg("%s", err.text);
	if (rules_facts_check(&facts, &err) < 0)
		fail_msg("%s: %s", named->changes, err.text);
	assert_int_equal(rules_evaluate(&facts, NULL, &outcome, NULL), 0);
	for (at = wanted; next_pair(&at, ";", &name, &value);) {
		rules_outcome_text(&outcome, column_named(name), RULES_CODES, text);
		if (!strcmp(text, value))
			continue;
		print_error("%s %s: %s=\"%s\", not \"%s\"\n", named->vector, named->changes, name,
			    text, value);
		wrong++;
	}
	return wrong;
}

static void check_cases(const struct named_case *cases, size_t count)
{
	size_t i, wrong = 0;

	for (i = 0; i < count; i++)
		wrong += check_case(&cases[i]);
	assert_int_equal(wrong, 0);
}

static void gates_say_what_to_clear_first(void **state)
{
	static const struct named_case cases[] = {
		{"T01", "backup_os=18",
		 "restore=unsupported;setup_assistant=NA;actions=update_os;rules=R-104"},
		{"T67", "backup_os=18 now=this",
		 "restore=unsupported;mgmt=this;supervised=yes;actions=update_os;rules=R-104"},
		{"T67", "tool=configurator now_sup=no",
		 "restore=unsupported;mgmt=this;actions=;rules=R-105"},
		{"T67", "tool=configurator", "restore=possible;rules=R-202 R-102"},
		{"T67", "pairing=no",
		 "restore=blocked;mgmt=this;actions=allow_pairing;rules=R-718"},
		{"T67", "shared=yes", "restore=refused_by_policy;mgmt=this;rules=R-713"},
		{"T67", "shared=yes ade=none", "restore=possible;rules=R-202 R-102"},
		{"T67", "board=replaced", "restore=refused_by_policy;mgmt=this;rules=R-720"},
		{"T67", "dev=diff", "restore=refused_by_policy;mgmt=this;rules=R-720"},
		{"T67", "act_lock=blocked", "restore=possible;rules=R-202 R-102"},
		{"T64", "act_lock=bypass_known", "restore=possible;rules=R-202"},
		{"T18", "ade=none",
		 "restore=possible;mgmt=none;setup_assistant=noRM;rules=R-156 R-302 R-862"},
		{"T36", "now=other", "mgmt=other;ownership=-;content=synced_only"},
		{"T35", "source=direct_transfer dev=diff", "restore=not_offered;rules=R-101 R-714"},
		{"T17", "profile=no bm=this", "restore=possible;mgmt=this;rules=R-202 R-715"},
		{"T28", "now_sup=yes bsup=no",
		 "restore=refused_by_policy;supervised=yes;rules=R-110"},
	};

	check_cases(cases, ARRAY_COUNT(cases));
}

static void app_data_alone_leaves_management_and_names_the_way(void **state)
{
	static const struct named_case cases[] = {
		{"T66", "now=none now_sup=no",
		 "mgmt=none;content=kept_partly;actions=erase_no_restore enrol_cp;rules=R-722 "
		 "R-862"},
		{"T66", "now=none goal=keep", "mgmt=none;actions=;rules=R-722"},
		{"T66", "now=other removable=yes",
		 "mgmt=other;actions=vendor_unmanage_then_enrol_cp remove_then_enrol_cp"},
		{"T66", "now=other removable=no",
		 "mgmt=other;actions=vendor_unmanage_then_enrol_cp"},
		{"T66", "os=27 bsup=no now_sup=no", "restore=possible;confidence=low;rules=R-722"},
	};

	check_cases(cases, ARRAY_COUNT(cases));
}

static void weak_ground_lowers_the_confidence_and_names_the_alternative(void **state)
{
	static const struct named_case cases[] = {
		{"T41", "os=27", "mgmt=this_new;confidence=medium;alt=this stale_this"},
		{"T74", "os=27", "mgmt=this_new;confidence=medium;alt=none"},
		{"T42", "os=27 ade=this", "mgmt=this_new;confidence=medium;alt=none this"},
		{"T12", "flag=yes", "mgmt=this_new;confidence=medium;alt="},
		{"T14", "os=27", "rules=R-154 R-213 R-301;alt="},
		{"T14", "server_uid=different", "confidence=high;rules=R-153 R-213 R-301"},
		{"T48", "server_uid=equal migrated=yes", "mgmt=other;rules=R-206 R-862"},
		{"T49", "migrated=no", "mgmt=other;rules=R-208 R-862"},
		{"T49", "os=18.7", "mgmt=other;rules=R-208 R-862"},
		{"T51", "ade=none", "mgmt=none;setup_assistant=HOME;rules=R-807 R-862"},
		{"T51", "os=26.3", "mgmt=none;rules=R-209 R-862"},
		{"T51", "profile=no",
		 "mgmt=none;setup_assistant=noRM;actions=fix_ade_assignment;alt="},
		{"T67", "os=26.2 flag=yes", "mgmt=this;confidence=medium;rules=R-202 R-102 R-724"},
		{"T67", "os=26.4 flag=yes", "mgmt=this;confidence=medium;rules=R-202 R-102 R-724"},
		{"T67", "os=26.2 server_uid=different",
		 "confidence=medium;rules=R-202 R-102 R-724"},
		{"T67", "os=26.2 migrated=yes", "confidence=medium;rules=R-202 R-102 R-724"},
		{"T67", "os=26.2 flag=yes ade=none", "confidence=high;rules=R-202 R-102"},
		{"T67", "os=26.2 migrated=yes profile=no", "confidence=high;rules=R-202 R-102"},
		{"T67", "flag=yes", "confidence=high;rules=R-202 R-102"},
		{"T67", "os=26.2", "confidence=high;rules=R-202 R-102"},
		{"T67", "os=26.4 now=none bm=none kind=- now_sup=no",
		 "mgmt=none;confidence=medium;rules=R-209 R-102 R-724 R-862"},
		{"T67", "os=26.3 now=none bm=none kind=- now_sup=no",
		 "mgmt=none;confidence=high;rules=R-209 R-102 R-862"},
		{"T67", "os=27 bsup=no now_sup=no",
		 "mgmt=none;supervised=no;confidence=low;alt=this;rules=R-154 R-724 R-862"},
		{"T47", "reset=not_reset identity=hardware now=this",
		 "mgmt=none;setup_assistant=NA;confidence=medium;actions=enrol_cp;rules=R-804 "
		 "R-862"},
	};

	check_cases(cases, ARRAY_COUNT(cases));
}

static void relations_name_all_reasons_and_only_useful_actions(void **state)
{
	static const struct named_case cases[] = {
		{"T01", "directory=disabled", "actions=enable_directory;rules=R-202 R-846"},
		{"T01", "provisional=yes", "mgmt=this;locked=no;rules=R-202 R-732"},
		{"T20", "policy=accept", "at_risk=no;alt=;actions=;rules=R-202 R-406 R-848"},
		{"T53", "policy=accept", "mgmt=this;at_risk=yes;rules=R-202 R-841 R-848"},
		{"T38", "policy=accept", "mgmt=this;at_risk=yes;rules=R-202 R-725 R-848"},
		{"T38", "wiped_by=other", "mgmt=this;rules=R-202"},
		{"T19", "removable=no",
		 "actions=enrol_cp erase_no_restore;rules=R-405 R-809 R-862"},
		{"T22", "policy=accept", "mgmt=stale_this;rules=R-402 R-809 R-862"},
		{"T03", "expired=yes revoked=yes generation=newer",
		 "rules=R-402 R-405 R-842 R-203 R-841 R-809 R-862;actions=enrol_cp "
		 "erase_no_restore"},
		{"T21", "renewed=yes",
		 "actions=verify_checkin;at_risk=yes;rules=R-202 R-406 R-403"},
		{"T24", "record=retire_pending", "then=retired;rules=R-202 R-409"},
		{"T08", "other_response=rejects",
		 "then=dropped;actions=enrol_cp remove_then_enrol_cp;rules=R-210 R-206 "
		 "R-862;error=E-01"},
		{"T57", "removable=yes",
		 "mgmt=stale_other;actions=remove_then_enrol_cp;rules=R-808 R-206 R-862"},
		{"T57", "reset=retire_then_erase", "mgmt=stale_other;rules=R-808 R-208"},
		{"T57", "wiped_by=this", "mgmt=other;rules=R-208 R-862"},
		{"T57", "goal=keep", "actions=erase_no_restore;error=;rules=R-808 R-806"},
		{"T58", "other_response=rejects",
		 "then=dropped;actions=erase_no_restore;error=;rules=R-210 R-806"},
		{"T09", "ade=other", "actions=enrol_cp fix_ade_assignment;rules=R-205 R-862"},
		{"T09", "goal=keep", "actions=;rules=R-806"},
		{"T43", "goal=keep", "actions=;rules=R-803 R-806"},
		{"T42", "goal=keep", "actions=enrol_account;rules=R-803"},
		{"T42", "ade=this", "actions=erase_no_restore enrol_account"},
		{"T43", "kind=user", "actions=erase_no_restore enrol_cp;rules=R-803 R-862"},
		{"T45", "goal=keep kind=profile ade_record=none",
		 "mgmt=none;actions=;rules=R-804 R-806"},
		{"T01", "managed_nobackup=yes", "content=kept_partly;rules=R-202 R-733"},
		{"T17", "managed_nobackup=yes", "content=not_kept;rules=R-108 R-301"},
	};

	check_cases(cases, ARRAY_COUNT(cases));
}

static void enrollments_name_what_stops_them_and_the_error(void **state)
{
	static const struct named_case cases[] = {
		{"T60", "ade_block=licence",
		 "setup_assistant=WAITS;error=E-11;actions=fix_service"},
		{"T60", "ade_block=push", "error=E-09"},
		{"T60", "ade_block=limit", "error=E-06"},
		{"T60", "ade=other", "mgmt=other_new;error="},
		{"T25", "goal=keep", "mgmt=other_new;actions=;rules=R-156 R-303"},
		{"T25", "profile=no", "mgmt=none;setup_assistant=noRM;rules=R-156 R-304 R-735"},
		{"T61", "locked=no", "locked=no;rules=R-156 R-301"},
		{"T05", "goal=keep bm=other", "actions=;rules=R-156 R-302 R-806"},
		{"T06", "platform_blocked=yes personal_blocked=yes os_range_ok=no limit_left=no",
		 "also=fix_policy import_identifier_first update_os free_device_limit;"
		 "error=E-01 E-05 E-02 E-06;rules=R-206 L-10 L-22 L-11 L-20 R-862"},
		{"T06", "personal_blocked=yes imported=yes", "also=;error=E-01;rules=R-206 R-862"},
		{"T05", "os_range_ok=no", "also=update_os;error=E-05;rules=R-156 R-302 L-11 R-862"},
		{"T05", "platform_blocked=yes",
		 "also=fix_policy;error=E-05;rules=R-156 R-302 L-10 R-862"},
		{"T30", "removable=no", "actions=vendor_unmanage_then_enrol_cp"},
		{"T30", "now=none ade=none",
		 "actions=enrol_cp;rules=M-10 M-11 M-12 M-13 M-14;supervised=yes;locked=no"},
		{"T30", "imported=no", "ownership=personal;restore=possible"},
		{"T30", "now=this", "mgmt=this;ownership=unchanged;actions=;rules=M-01"},
		{"T30", "platform_blocked=yes",
		 "restore=refused_by_policy;actions=fix_policy;rules=L-10"},
		{"T31", "os_range_ok=no",
		 "actions=import_identifier_first update_os;error=E-02 E-05;rules=L-22 L-11 R-865"},
		{"T31", "platform_blocked=yes",
		 "actions=fix_policy import_identifier_first;error=E-05 E-02;rules=L-10 L-22 "
		 "R-865"},
		{"T31", "now=none", "mgmt=none;restore=refused_by_policy"},
		{"T34", "dev=same board=replaced reset=local_erase",
		 "rules=R-156 R-734 R-307 R-302 R-862"},
		{"T68", "ade=none", "actions=enrol_cp"},
		{"T68", "ade=other", "actions=enrol_cp fix_ade_assignment"},
		{"T68", "goal=keep bm=other", "actions=;rules=R-156 R-723 R-806"},
	};

	check_cases(cases, ARRAY_COUNT(cases));
}

static int setup(void **state)
{
	vectors_read();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_say_what_to_clear_first),
		cmocka_unit_test(app_data_alone_leaves_management_and_names_the_way),
		cmocka_unit_test(weak_ground_lowers_the_confidence_and_names_the_alternative),
		cmocka_unit_test(relations_name_all_reasons_and_only_useful_actions),
		cmocka_unit_test(enrollments_name_what_stops_them_and_the_error),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
