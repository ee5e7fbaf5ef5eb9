/*
 * the mechanism: what a restore leaves of management, one test for each row of its table
 * (docs/design/laboratory.md), played as stories with a real backup
 */
#include "sim/scenario.h"
#include "sim/testing_host.h"

/** struct expected - what an observer is to see; NULL: not looked at */
struct expected {
	const char *management, *setup, *content, *row;
};

static void run(void **state, char *words, const char *switches[], size_t count,
		struct sim_observation *seen)
{
	const struct place *place = *state;
	struct sim_scenario story = {.switches = switches, .switch_count = count};
	struct err err = ERR_INIT;
	static unsigned number;
	char folder[256];

	for (char *rest, *one = strtok_r(words, " ", &rest); one;
	     one = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(one, '=');
		enum sim_scenario_field field;

		*value++ = 0;
		if (!strcmp(one, "switch"))
			fail_msg("switches go apart");
		field = sim_scenario_field(one);
		assert_int_not_equal(field, SIM_IN_COUNT);
		story.value[field] = value;
	}
	snprintf(folder, sizeof(folder), "%s/story%u", place->path, number++);
	if (sim_scenario_run(&story, folder, seen, &err) != 0)
		fail_msg("%s", err.text);
}

static void look(const struct sim_observation *seen, struct expected expected)
{
	if (expected.management)
		assert_string_equal(sim_scenario_management(seen), expected.management);
	if (expected.setup)
		assert_string_equal(sim_scenario_setup(seen), expected.setup);
	if (expected.content)
		assert_string_equal(seen->content, expected.content);
	if (expected.row)
		assert_string_equal(seen->row, expected.row);
}

/* play @words with one switch (or NULL) and look */
static struct sim_observation tells(void **state, const char *words, const char *turned,
				    struct expected expected)
{
	struct sim_observation seen;
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", words);
	run(state, copy, &turned, turned != NULL, &seen);
	look(&seen, expected);
	return seen;
}

/* ---- before OS 26, the same device ---- */

static void the_same_device_gets_its_management_back_and_goes_home(void **state)
{
	static const char *const sources[] = {"local_plain", "local_encrypted", "icloud"};

	for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
		struct sim_observation seen;
		char words[128];

		snprintf(words, sizeof(words), "removable=no source=%s", sources[i]);
		seen = tells(state, words, NULL,
			     (struct expected){"this", "HOME", "kept", "as-backed-up"});
		assert_true(seen.is_supervised && seen.is_locked && seen.has_ade_record);
		assert_int_equal(seen.reply, SIM_REPLY_ACCEPTED);
	}
}

static void an_identity_in_a_plain_backup_may_be_lost_by_a_switch(void **state)
{
	struct sim_observation seen = tells(state, "source=local_plain", "plain_identity=lost",
					    (struct expected){"stale_this", "HOME", "kept", NULL});

	assert_int_equal(seen.reply, SIM_REPLY_UNREACHABLE);
	tells(state, "source=local_encrypted", "plain_identity=lost",
	      (struct expected){"this", "HOME", "kept", NULL});
	tells(state, "source=icloud", "plain_identity=lost",
	      (struct expected){"this", "HOME", "kept", NULL});
}

static void an_enrollment_by_profile_comes_back_or_is_lost_by_a_switch(void **state)
{
	tells(state, "os=18 kind=profile ade=none", NULL,
	      (struct expected){"this", "HOME", "kept", NULL});
	tells(state, "os=18 kind=profile ade=none", "profile_identity=lost",
	      (struct expected){"stale_this", "HOME", "kept", NULL});
}

static void an_unmanaged_backup_leaves_an_assigned_device_unmanaged(void **state)
{
	struct sim_observation seen = tells(state, "bm=none ade=this", NULL,
					    (struct expected){"none", "HOME", "kept", NULL});

	assert_false(seen.is_supervised);
	seen = tells(state, "bm=none ade_record=mandatory", NULL,
		     (struct expected){"none", "HOME", "kept", NULL});
	assert_true(seen.is_supervised);
}

static void account_driven_enrollments_are_removed(void **state)
{
	tells(state, "os=18 kind=user ade=none", NULL,
	      (struct expected){"none", "HOME", "kept", "account-driven"});
	tells(state, "os=18 kind=adde bm=other", NULL,
	      (struct expected){"none", "HOME", "kept", "account-driven"});
	tells(state, "os=18 kind=user ade=none", "account_enrollment=kept",
	      (struct expected){"this", "HOME", "kept", "as-backed-up"});
}

static void a_hardware_key_unenrolls_after_every_restore(void **state)
{
	tells(state, "os=18 identity=hardware", NULL,
	      (struct expected){"this_new", "RM", "kept", "hardware-key-ade"});
	tells(state, "os=18 kind=profile identity=hardware ade=none", NULL,
	      (struct expected){"none", "HOME", "kept", "hardware-key"});
	tells(state, "os=18 identity=hardware reset=not_reset now=this now_sup=yes", NULL,
	      (struct expected){"none", "NA", "kept", "hardware-key"});
	tells(state, "os=18 identity=hardware", "after_drop=home",
	      (struct expected){"none", "HOME", "kept", "hardware-key-ade"});
	/* were it not so, the identity would be as good as any other */
	tells(state, "os=18 identity=hardware", "hardware_identity=kept",
	      (struct expected){"this", "HOME", "kept", "as-backed-up"});
}

/* ---- another device ---- */

static void another_device_keeps_nothing_of_the_backups_management(void **state)
{
	struct sim_observation seen =
		tells(state, "dev=diff reset=brand_new bm=other", NULL,
		      (struct expected){"this_new", "RM", "kept", "other-hardware"});

	assert_string_equal(seen.server, "https://this.example/mdm");
	assert_true(seen.is_supervised && seen.is_locked);
	seen = tells(state, "dev=diff reset=brand_new ade=none", NULL,
		     (struct expected){"none", "noRM", "kept", "other-hardware"});
	assert_false(seen.is_supervised);
	tells(state, "dev=diff reset=brand_new ade=other", NULL,
	      (struct expected){"other_new", "RM", "kept", NULL});
	tells(state, "board=replaced", NULL,
	      (struct expected){"this_new", "RM", "kept", "other-hardware"});
}

static void another_devices_backup_unenrolls_a_device_that_is_set_up(void **state)
{
	tells(state, "dev=diff reset=not_reset now=this", NULL,
	      (struct expected){"none", "NA", "kept", "other-hardware"});
}

/* ---- 26 ---- */

static void the_flag_acts_from_26_on_and_drops_all_profiles_from_26_4_on(void **state)
{
	tells(state, "os=18.7 flag=yes bm=other", NULL,
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.2 flag=yes bm=other", NULL,
	      (struct expected){"this_new", "RM", "kept", "ignore-backup-26.0"});
	tells(state, "os=26.4 flag=yes bm=other", NULL,
	      (struct expected){"this_new", "RM", "kept", "ignore-backup-26.4"});
	tells(state, "os=26.4 flag=no bm=other", NULL,
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
}

static void on_26_0_to_26_3_a_switch_keeps_the_mdm_profile(void **state)
{
	tells(state, "os=26.2 flag=yes bm=other", "flag26_mdm_profile=kept",
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	/* the record is Apple's then, and what it says of supervision holds; the rest goes its way
	 */
	assert_true(tells(state, "os=26.2 flag=yes bm=other kind=profile bsup=no",
			  "flag26_mdm_profile=kept",
			  (struct expected){"other", "HOME", "kept", "as-backed-up"})
			    .is_supervised);
	tells(state, "os=26.2 flag=yes bm=other server_uid=different", "flag26_mdm_profile=kept",
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.2 flag=yes kind=user", "flag26_mdm_profile=kept",
	      (struct expected){"none", "HOME", "kept", "account-driven"});
	tells(state, "os=26.4 flag=yes bm=other", "flag26_mdm_profile=kept",
	      (struct expected){"this_new", "RM", "kept", "ignore-backup-26.4"});
}

static void a_flag_without_an_assignment_changes_nothing(void **state)
{
	tells(state, "os=26.4 flag=yes hidden=yes ade=none", NULL,
	      (struct expected){"this", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.4 flag=yes profile=no", NULL,
	      (struct expected){"this", "HOME", "kept", "as-backed-up"});
}

static void another_server_on_26_makes_the_device_enroll_again(void **state)
{
	tells(state, "os=26.4 bm=other server_uid=different", NULL,
	      (struct expected){"this_new", "RM", "kept", "another-server"});
	tells(state, "os=26.4 bm=other server_uid=equal", NULL,
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.4 bm=other server_uid=absent", NULL,
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.1 backup_os=18.7 bm=other migrated=yes", NULL,
	      (struct expected){"this_new", "RM", "kept", "another-server"});
	tells(state, "os=18.7 bm=other server_uid=different", NULL,
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.4 bm=other server_uid=different", "server_uid=ignored",
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
}

static void a_mandatory_record_without_management_is_dropped_from_26_4_on(void **state)
{
	tells(state, "os=26.4 bm=none ade_record=mandatory", NULL,
	      (struct expected){"this_new", "RM", "kept", "orphan-record"});
	tells(state, "os=26.3 bm=none ade_record=mandatory", NULL,
	      (struct expected){"none", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.4 bm=none", NULL,
	      (struct expected){"none", "HOME", "kept", "as-backed-up"});
	tells(state, "os=26.4 bm=none ade_record=mandatory", "mandatory_without_mdm=kept",
	      (struct expected){"none", "HOME", "kept", "as-backed-up"});
}

/* ---- 27 ---- */

static void os_27_restores_no_management_at_all(void **state)
{
	struct sim_observation seen = tells(state, "os=27 bm=this", NULL,
					    (struct expected){"this_new", "RM", "kept", "os-27"});

	assert_true(seen.is_fresh);
	seen = tells(state, "os=27 bm=other ade=none", NULL,
		     (struct expected){"none", "noRM", "kept", "os-27"});
	assert_false(seen.is_supervised);
	tells(state, "os=27 bm=other", "os27_management=restored",
	      (struct expected){"other", "HOME", "kept", "as-backed-up"});
	tells(state, "os=27 backup_os=18 flag=yes bm=other", "os27_management=restored",
	      (struct expected){"this_new", "RM", "kept", "ignore-backup-26.4"});
}

static void a_version_beyond_all_rows_is_the_newest(void **state)
{
	tells(state, "os=99.9", NULL, (struct expected){NULL, NULL, "kept", "os-27"});
}

static void os_27_resets_a_supervised_device_that_a_computer_restores(void **state)
{
	tells(state, "os=27 reset=not_reset now=this now_sup=yes", NULL,
	      (struct expected){"none", "NA", "not_kept", NULL});
	tells(state, "os=27 reset=not_reset now=this now_sup=yes", "os27_supervised=goes_on",
	      (struct expected){"none", "NA", "kept", "os-27"});
}

/* ---- a device that is set up ---- */

static void without_system_files_management_is_left_alone(void **state)
{
	struct sim_observation seen =
		tells(state, "reset=not_reset now=this now_sup=yes bm=other system_files=no", NULL,
		      (struct expected){"this", "NA", "kept_partly", NULL});

	assert_true(seen.is_supervised);
	assert_int_equal(seen.reply, SIM_REPLY_ACCEPTED);
}

static void with_system_files_the_backups_management_replaces_the_present_one(void **state)
{
	tells(state, "reset=not_reset now=this now_sup=yes bm=other", NULL,
	      (struct expected){"other", "NA", "kept", "as-backed-up"});
	tells(state, "reset=not_reset now=this bm=none", NULL,
	      (struct expected){"none", "NA", "kept", "as-backed-up"});
}

static void a_device_that_is_set_up_compares_with_no_fresh_record(void **state)
{
	tells(state, "os=26.4 reset=not_reset flag=yes bm=other", NULL,
	      (struct expected){"other", "NA", "kept", "as-backed-up"});
}

/* ---- whether there is a restore at all ---- */

static void a_device_refuses_what_it_cannot_restore(void **state)
{
	static const struct {
		const char *words, *restore, *setup;
	} cases[] = {
		{"password=lost", "blocked", "NA"},
		{"backup_os=18", "unsupported", "NA"},
		{"backup_os=18 source=icloud", "unsupported", "NA"},
		{"act_lock=blocked", "blocked", "WAITS"},
		{"act_lock=blocked source=icloud", "blocked", "WAITS"},
		{"hidden=yes bm=other", "not_offered", "RM"},
		{"hidden=yes source=icloud", "not_offered", "RM"},
		{"shared=yes", "not_offered", "RM"},
		{"reset=return_to_service", "not_offered", "RM"},
		{"source=icloud reset=not_reset now=this", "not_offered", "NA"},
		{"source=direct_transfer dev=diff reset=brand_new", "unsupported", "NA"},
		{"reset=not_reset find_my=yes", "blocked", "NA"},
		{"reset=not_reset pairing=no", "blocked", "NA"},
		{"reset=not_reset now=this source=local_plain force_enc=yes", "refused", "NA"},
		{"reset=not_reset tool=configurator bsup=yes", "unsupported", "NA"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct sim_observation seen =
			tells(state, cases[i].words, NULL,
			      (struct expected){NULL, cases[i].setup, "not_kept", NULL});

		assert_string_equal(seen.restore, cases[i].restore);
	}
}

static void a_direct_transfer_is_for_devices_that_nobody_assigned(void **state)
{
	tells(state, "source=direct_transfer dev=diff reset=brand_new ade=none", NULL,
	      (struct expected){"none", "noRM", "kept", "other-hardware"});
}

static void signing_in_is_no_restore(void **state)
{
	struct sim_observation seen =
		tells(state, "source=account_signin", NULL,
		      (struct expected){"this_new", "RM", "synced_only", NULL});

	assert_string_equal(seen.restore, "not_a_restore");
	tells(state, "source=account_signin reset=not_reset now=this", NULL,
	      (struct expected){"this", "NA", "synced_only", NULL});
}

static void managed_apps_that_are_not_backed_up_do_not_come_back(void **state)
{
	tells(state, "managed_nobackup=yes", NULL,
	      (struct expected){"this", "HOME", "kept_partly", NULL});
}

/* ---- what stops enrollment ---- */

static void setup_waits_where_the_service_refuses_to_enroll(void **state)
{
	struct sim_observation seen = tells(state, "dev=diff reset=brand_new ade_block=platform",
					    NULL, (struct expected){"none", "WAITS", "kept", NULL});

	assert_string_equal(seen.restore, "possible");
	tells(state, "dev=diff reset=brand_new profile=no", NULL,
	      (struct expected){"none", "noRM", "kept", NULL});
	tells(state, "dev=diff reset=brand_new profile=no", "without_profile=waits",
	      (struct expected){"none", "WAITS", "kept", NULL});
}

static void a_provisional_device_is_not_locked_until_its_time_ends(void **state)
{
	struct sim_observation seen = tells(state, "dev=diff reset=brand_new provisional=yes", NULL,
					    (struct expected){"this_new", "RM", "kept", NULL});

	assert_false(seen.is_locked);
	seen = tells(state, "removable=no provisional=yes", NULL,
		     (struct expected){"this", "HOME", "kept", NULL});
	assert_false(seen.is_locked);
}

/* ---- what the service says ---- */

static void a_service_that_let_the_device_go_knows_it_no_longer(void **state)
{
	static const struct {
		const char *words, *management;
		enum sim_reply reply;
		enum sim_then then;
	} cases[] = {
		{"reset=remote_wipe", "stale_this", SIM_REPLY_REFUSED, SIM_THEN_STAYS},
		{"reset=retire_then_erase", "stale_this", SIM_REPLY_REFUSED, SIM_THEN_STAYS},
		{"reset=remote_wipe policy=accept", "this", SIM_REPLY_ACCEPTED, SIM_THEN_STAYS},
		{"reset=remote_wipe wiped_by=other", "this", SIM_REPLY_ACCEPTED, SIM_THEN_STAYS},
		{"reset=remote_wipe wiped_by=other bm=other", "stale_other", SIM_REPLY_REFUSED,
		 SIM_THEN_STAYS},
		{"record=deleted", "stale_this", SIM_REPLY_REFUSED, SIM_THEN_STAYS},
		{"record=deleted policy=accept", "stale_this", SIM_REPLY_REFUSED, SIM_THEN_STAYS},
		{"record=hidden_by_cleanup", "this", SIM_REPLY_ACCEPTED, SIM_THEN_STAYS},
		{"generation=newer", "stale_this", SIM_REPLY_REFUSED, SIM_THEN_STAYS},
		{"revoked=yes policy=accept", "stale_this", SIM_REPLY_REFUSED, SIM_THEN_STAYS},
		{"expired=yes policy=accept", "stale_this", SIM_REPLY_UNREACHABLE, SIM_THEN_STAYS},
		{"renewed=yes", "this", SIM_REPLY_ACCEPTED, SIM_THEN_STAYS},
		{"record=wipe_pending", "this", SIM_REPLY_ACCEPTED, SIM_THEN_WIPED},
		{"record=retire_pending", "this", SIM_REPLY_ACCEPTED, SIM_THEN_RETIRED},
		{"bm=other other_response=rejects", "other", SIM_REPLY_REJECTED, SIM_THEN_DROPPED},
		{"bm=other record=deleted", "other", SIM_REPLY_ACCEPTED, SIM_THEN_STAYS},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct sim_observation seen =
			tells(state, cases[i].words, NULL,
			      (struct expected){cases[i].management, "HOME", "kept", NULL});

		assert_int_equal(seen.reply, cases[i].reply);
		assert_int_equal(seen.then, cases[i].then);
	}
}

/* ---- without a restore ---- */

static void a_migration_without_wipe_keeps_supervision_and_is_never_locked(void **state)
{
	struct sim_observation seen =
		tells(state,
		      "scenario=migrate_no_wipe reset=not_reset now=other now_sup=yes imported=yes",
		      NULL, (struct expected){"this_new", "NA", "kept", NULL});

	assert_true(seen.is_supervised);
	assert_false(seen.is_locked);
	seen = tells(state,
		     "scenario=migrate_no_wipe reset=not_reset now=other personal_blocked=yes",
		     NULL, (struct expected){"other", "NA", "kept", NULL});
	assert_string_equal(seen.restore, "refused");
}

static void facts_that_contradict_each_other_are_no_story(void **state)
{
	static const enum sim_scenario_field fields[] = {SIM_IN_RESET, SIM_IN_KIND, SIM_IN_NOW,
							 SIM_IN_SERVER_UID};
	static const char *const values[] = {"brand_new", "-", "this", "equal"};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		struct sim_scenario story = {0};
		struct sim_observation seen;
		char folder[256];

		story.value[fields[i]] = values[i];
		if (fields[i] == SIM_IN_SERVER_UID)
			story.value[SIM_IN_KIND] = "profile";
		assert_int_equal(
			sim_scenario_run(&story, place_path(*state, "story", folder), &seen, NULL),
			SIM_DEVICE_PROHIBITED);
	}
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(the_same_device_gets_its_management_back_and_goes_home),
		IN_A_PLACE(an_identity_in_a_plain_backup_may_be_lost_by_a_switch),
		IN_A_PLACE(an_enrollment_by_profile_comes_back_or_is_lost_by_a_switch),
		IN_A_PLACE(an_unmanaged_backup_leaves_an_assigned_device_unmanaged),
		IN_A_PLACE(account_driven_enrollments_are_removed),
		IN_A_PLACE(a_hardware_key_unenrolls_after_every_restore),
		IN_A_PLACE(another_device_keeps_nothing_of_the_backups_management),
		IN_A_PLACE(another_devices_backup_unenrolls_a_device_that_is_set_up),
		IN_A_PLACE(the_flag_acts_from_26_on_and_drops_all_profiles_from_26_4_on),
		IN_A_PLACE(on_26_0_to_26_3_a_switch_keeps_the_mdm_profile),
		IN_A_PLACE(a_flag_without_an_assignment_changes_nothing),
		IN_A_PLACE(another_server_on_26_makes_the_device_enroll_again),
		IN_A_PLACE(a_mandatory_record_without_management_is_dropped_from_26_4_on),
		IN_A_PLACE(os_27_restores_no_management_at_all),
		IN_A_PLACE(a_version_beyond_all_rows_is_the_newest),
		IN_A_PLACE(os_27_resets_a_supervised_device_that_a_computer_restores),
		IN_A_PLACE(without_system_files_management_is_left_alone),
		IN_A_PLACE(with_system_files_the_backups_management_replaces_the_present_one),
		IN_A_PLACE(a_device_that_is_set_up_compares_with_no_fresh_record),
		IN_A_PLACE(a_device_refuses_what_it_cannot_restore),
		IN_A_PLACE(a_direct_transfer_is_for_devices_that_nobody_assigned),
		IN_A_PLACE(signing_in_is_no_restore),
		IN_A_PLACE(managed_apps_that_are_not_backed_up_do_not_come_back),
		IN_A_PLACE(setup_waits_where_the_service_refuses_to_enroll),
		IN_A_PLACE(a_provisional_device_is_not_locked_until_its_time_ends),
		IN_A_PLACE(a_service_that_let_the_device_go_knows_it_no_longer),
		IN_A_PLACE(a_migration_without_wipe_keeps_supervision_and_is_never_locked),
		IN_A_PLACE(facts_that_contradict_each_other_are_no_story),
	};

	return cmocka_run_group_tests_name("mechanism", tests, NULL, NULL);
}
