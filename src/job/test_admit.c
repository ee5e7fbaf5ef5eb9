/* what may be restored to what: every rule has its test */
#include "job/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#define REAL_UDID "00008110-000A11112222001E"
#define SIM_UDID "0000FE5A-0123456789ABCDEF"
#define SIM_SERIAL "RHSIM0ABC123"

static struct job_restore_facts plain_facts(void)
{
	struct job_restore_facts facts = {.is_finished = true};

	strcpy(facts.source.udid, REAL_UDID);
	strcpy(facts.source.serial, "F9FXK0ABCDEF");
	strcpy(facts.source.product_version, "18.6");
	strcpy(facts.target.udid, REAL_UDID);
	strcpy(facts.target.serial, "F9FXK0ABCDEF");
	strcpy(facts.target.product_version, "18.6");
	facts.target.pairing = JOB_PAIRED;
	return facts;
}

static int admit(const struct job_restore_facts *facts)
{
	struct err err = ERR_INIT;

	return job_restore_admit(facts, &err);
}

static void a_whole_snapshot_goes_to_its_own_device(void **state)
{
	struct job_restore_facts facts = plain_facts();

	assert_int_equal(admit(&facts), 0);
}

static void a_marked_snapshot_needs_a_target_reserved_in_both_names(void **state)
{
	struct job_restore_facts facts = plain_facts();

	facts.source.is_simulated = true;
	assert_int_equal(admit(&facts), ERR_POLICY);
	strcpy(facts.target.udid, SIM_UDID);
	assert_int_equal(admit(&facts), ERR_POLICY);
	strcpy(facts.target.serial, SIM_SERIAL);
	assert_int_equal(admit(&facts), 0);
	strcpy(facts.target.udid, REAL_UDID);
	assert_int_equal(admit(&facts), ERR_POLICY);
}

static void an_identity_of_the_reserved_range_counts_without_the_mark(void **state)
{
	struct job_restore_facts facts = plain_facts();

	strcpy(facts.source.udid, SIM_UDID);
	assert_int_equal(admit(&facts), ERR_POLICY);
	facts = plain_facts();
	strcpy(facts.source.serial, SIM_SERIAL);
	assert_int_equal(admit(&facts), ERR_POLICY);
}

static void a_target_that_hides_its_serial_is_not_simulated(void **state)
{
	struct job_restore_facts facts = plain_facts();

	facts.source.is_simulated = true;
	strcpy(facts.target.udid, SIM_UDID);
	facts.target.serial[0] = 0;
	assert_int_equal(admit(&facts), ERR_POLICY);
}

static void a_real_snapshot_may_go_to_a_simulated_device(void **state)
{
	struct job_restore_facts facts = plain_facts();

	strcpy(facts.target.udid, SIM_UDID);
	strcpy(facts.target.serial, SIM_SERIAL);
	assert_int_equal(admit(&facts), 0);
}

static void an_older_target_is_refused_and_an_equal_or_newer_one_is_not(void **state)
{
	struct job_restore_facts facts = plain_facts();

	strcpy(facts.target.product_version, "18.5.9");
	assert_int_equal(admit(&facts), ERR_POLICY);
	strcpy(facts.target.product_version, "18.6.0");
	assert_int_equal(admit(&facts), 0);
	strcpy(facts.target.product_version, "26.0");
	assert_int_equal(admit(&facts), 0);
	facts.target.product_version[0] = 0;
	assert_int_equal(admit(&facts), ERR_DEVICE);
}

static void a_required_version_above_the_backups_own_holds(void **state)
{
	struct job_restore_facts facts = plain_facts();

	strcpy(facts.source.required_version, "18.7");
	assert_int_equal(admit(&facts), ERR_POLICY);
	strcpy(facts.source.required_version, "17.0");
	assert_int_equal(admit(&facts), 0);
}

static void find_my_and_a_missing_pairing_stop_it(void **state)
{
	struct job_restore_facts facts = plain_facts();

	facts.target.has_find_my = JOB_YES;
	assert_int_equal(admit(&facts), ERR_DEVICE);
	facts.target.has_find_my = JOB_UNKNOWN;
	assert_int_equal(admit(&facts), 0);
	facts.target.pairing = JOB_PAIRING_REJECTED;
	assert_int_equal(admit(&facts), ERR_DEVICE);
}

static void unfinished_and_damaged_snapshots_are_refused(void **state)
{
	struct job_restore_facts facts = plain_facts();

	facts.is_finished = false;
	assert_int_equal(admit(&facts), ERR_CORRUPT);
	facts.is_finished = true;
	facts.verdict.remarks = 3;
	assert_int_equal(admit(&facts), 0);
	facts.verdict.problems = 1;
	assert_int_equal(admit(&facts), ERR_CORRUPT);
}

static void versions_compare_by_number_not_by_text(void **state)
{
	assert_true(job_version_compare("9.3.5", "10.0") < 0);
	assert_true(job_version_compare("18.10", "18.9") > 0);
	assert_int_equal(job_version_compare("18.6", "18.6.0"), 0);
	assert_int_equal(job_version_compare("", "0"), 0);
	assert_true(job_version_compare("18.6beta", "18.5") > 0);
	assert_true(job_version_compare("99999999999999999999", "1") > 0);
}

static void a_plain_snapshot_of_a_personal_device_goes_back_to_it_alone(void **state)
{
	struct job_restore_facts facts = plain_facts();

	facts.is_personal = true;
	assert_int_equal(admit(&facts), 0);
	strcpy(facts.target.udid, "00008110-000A11112222002E");
	assert_int_equal(admit(&facts), ERR_POLICY);
	facts.source.is_encrypted = true;
	assert_int_equal(admit(&facts), 0);
	facts.source.is_encrypted = facts.is_personal = false;
	assert_int_equal(admit(&facts), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_snapshot_goes_to_its_own_device),
		cmocka_unit_test(a_marked_snapshot_needs_a_target_reserved_in_both_names),
		cmocka_unit_test(an_identity_of_the_reserved_range_counts_without_the_mark),
		cmocka_unit_test(a_target_that_hides_its_serial_is_not_simulated),
		cmocka_unit_test(a_real_snapshot_may_go_to_a_simulated_device),
		cmocka_unit_test(an_older_target_is_refused_and_an_equal_or_newer_one_is_not),
		cmocka_unit_test(a_required_version_above_the_backups_own_holds),
		cmocka_unit_test(find_my_and_a_missing_pairing_stop_it),
		cmocka_unit_test(unfinished_and_damaged_snapshots_are_refused),
		cmocka_unit_test(versions_compare_by_number_not_by_text),
		cmocka_unit_test(a_plain_snapshot_of_a_personal_device_goes_back_to_it_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
