/* What a plan gathers from a backup, a device and a person. */
#include "plan/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct backup_management managed(const struct backup_place *place)
{
	struct backup_management management = {
		.is_managed = {BACKUP_YES, place},
		.is_supervised = {BACKUP_YES, place},
		.is_locked = {BACKUP_NO, place},
		.enrollment = {BACKUP_ENROLLED_ADE, place},
		.identity = {BACKUP_IDENTITY_SOFT, place},
		.server_url = {"https://mdm.other.example:443/in", place},
		.cloud = {.source = {1, place}, .is_mandatory = {BACKUP_YES, place}},
	};

	return management;
}

static void a_backup_tells_its_facts_with_the_file_that_they_are_from(void **state)
{
	static const struct backup_place place = {.domain = "HomeDomain", .path = "MDM.plist"};
	struct backup_management management = managed(&place);
	const struct plan_backup backup = {.udid = "0000FE5A-1",
					   .os = "18.6",
					   .is_encrypted = true,
					   .is_password_known = true,
					   .management = &management};
	struct plan_case kase = {0};

	plan_case_backup(&kase, &backup);
	assert_int_equal(kase.facts.value[RULES_KIND], RULES_KIND_ADE);
	assert_int_equal(kase.facts.value[RULES_REMOVABLE], RULES_YES);
	assert_int_equal(kase.facts.value[RULES_ADE_RECORD], RULES_ADE_RECORD_MANDATORY);
	assert_int_equal(kase.facts.value[RULES_SERVER_UID], RULES_UID_ABSENT);
	assert_int_equal(kase.facts.value[RULES_BACKUP_OS], RULES_OS_VERSION(18, 6));
	assert_int_equal(kase.origin[RULES_KIND], PLAN_BACKUP);
	assert_string_equal(kase.from[RULES_KIND], "HomeDomain/MDM.plist");
	assert_int_equal(kase.facts.value[RULES_FLAG], RULES_UNKNOWN);
}

static void whose_management_it_is_depends_on_the_service_that_is_meant(void **state)
{
	static const struct {
		const char *service;
		uint16_t side;
	} meant[] = {
		{"", RULES_THIS},
		{"mdm.other.example", RULES_THIS},
		{"https://MDM.other.example/checkin", RULES_THIS},
		{"other.example", RULES_OTHER},
		{"mdm.new.example", RULES_OTHER},
	};
	static const struct backup_place place = {.domain = "HomeDomain", .path = "MDM.plist"};
	struct backup_management management = managed(&place);
	const struct plan_backup backup = {.management = &management};

	for (size_t i = 0; i < ARRAY_COUNT(meant); i++) {
		struct plan_case kase = {0};

		snprintf(kase.service, sizeof(kase.service), "%s", meant[i].service);
		plan_case_backup(&kase, &backup);
		plan_case_join(&kase, 1);
		if (kase.facts.value[RULES_BACKUP_MGMT] != meant[i].side)
			fail_msg("service \"%s\"", meant[i].service);
	}
}

static void a_service_is_known_by_any_name_of_a_server_that_is_told(void **state)
{
	static const struct {
		const char *service;
		bool is_known;
	} said[] = {
		{"", true},
		{"mdm.other.example", true},
		{"https://MDM.other.example/checkin", true},
		{"i.ade.example", true},
		{"anna", false},
		{"other.example", false},
	};
	static const struct backup_place place = {.domain = "HomeDomain", .path = "MDM.plist"};
	struct backup_management management = managed(&place);
	const struct plan_backup backup = {.management = &management};
	const struct plan_target target = {.has_ade = true,
					   .ade = {.url = "https://i.ade.example/start"}};

	for (size_t i = 0; i < ARRAY_COUNT(said); i++) {
		struct plan_case kase = {0};

		snprintf(kase.service, sizeof(kase.service), "%s", said[i].service);
		assert_true(plan_case_service_is_known(&kase)); /* nothing to hold it against */
		plan_case_backup(&kase, &backup);
		plan_case_target(&kase, &target);
		if (plan_case_service_is_known(&kase) != said[i].is_known)
			fail_msg("service \"%s\"", said[i].service);
	}
}

static void a_device_is_the_same_by_udid_and_by_serial_only_without_one(void **state)
{
	static const struct {
		const char *backup_udid, *backup_serial, *udid, *serial;
		uint16_t device;
	} pairs[] = {
		{"A-1", "S1", "a-1", "S1", RULES_SAME},
		{"A-1", "S1", "A-2", "S1", RULES_DIFFERENT}, /* the board was replaced */
		{"A-1", "S1", NULL, "S1", RULES_SAME},
		{"A-1", "S1", NULL, "S2", RULES_DIFFERENT},
		{"A-1", NULL, NULL, "S2", RULES_UNKNOWN},
	};

	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		const struct plan_backup backup = {.udid = pairs[i].backup_udid,
						   .serial = pairs[i].backup_serial};
		const struct plan_target target = {.udid = pairs[i].udid,
						   .serial = pairs[i].serial};
		struct plan_case kase = {0};

		plan_case_backup(&kase, &backup);
		plan_case_target(&kase, &target);
		plan_case_join(&kase, 1);
		assert_int_equal(kase.facts.value[RULES_DEVICE], pairs[i].device);
	}
}

static void a_waiting_device_tells_what_ade_gave_it_today(void **state)
{
	struct plan_target target = {.is_set_up = BACKUP_NO,
				     .is_managed = BACKUP_NO,
				     .has_ade = true,
				     .ade = {.is_unremovable = BACKUP_YES,
					     .ignores_backup = BACKUP_NO,
					     .hides_restore = BACKUP_UNKNOWN,
					     .url = "https://mdm.new.example/enroll"}};
	struct plan_case kase = {.service = "mdm.new.example"};

	plan_case_target(&kase, &target);
	plan_case_join(&kase, 1);
	assert_int_equal(kase.facts.value[RULES_ADE], RULES_THIS);
	assert_int_equal(kase.facts.value[RULES_PROFILE], RULES_YES);
	assert_int_equal(kase.facts.value[RULES_LOCKED], RULES_YES);
	assert_int_equal(kase.facts.value[RULES_FLAG], RULES_NO);
	assert_int_equal(kase.facts.value[RULES_HIDDEN], RULES_UNKNOWN);
	assert_int_equal(kase.facts.value[RULES_NOW], RULES_UNKNOWN); /* of set-up ones alone */

	/* another host proves nothing: enrollment may be served elsewhere */
	kase = (struct plan_case){.service = "i.new.example"};
	plan_case_target(&kase, &target);
	plan_case_join(&kase, 1);
	assert_int_equal(kase.facts.value[RULES_ADE], RULES_UNKNOWN);

	/* once set up, it is the word of another day */
	target.is_set_up = BACKUP_YES;
	kase = (struct plan_case){.service = "mdm.new.example"};
	plan_case_target(&kase, &target);
	plan_case_join(&kase, 1);
	assert_int_equal(kase.facts.value[RULES_ADE], RULES_UNKNOWN);
	assert_int_equal(kase.facts.value[RULES_FLAG], RULES_UNKNOWN);
	assert_int_equal(kase.facts.value[RULES_RESET], RULES_NOT_RESET);
	assert_int_equal(kase.facts.value[RULES_NOW], RULES_NONE);
}

static void a_set_up_device_is_managed_by_the_server_that_it_names(void **state)
{
	static const struct {
		const char *url, *ade_url;
		uint16_t now;
	} told[] = {
		{"https://mdm.new.example/in", NULL, RULES_THIS},
		{"https://mdm.old.example/in", NULL, RULES_OTHER},
		{NULL, "https://mdm.new.example/enroll", RULES_THIS},
		{NULL, "https://mdm.old.example/enroll", RULES_UNKNOWN},
		{NULL, NULL, RULES_UNKNOWN},
	};

	for (size_t i = 0; i < ARRAY_COUNT(told); i++) {
		const struct plan_target target = {.is_set_up = BACKUP_YES,
						   .is_managed = BACKUP_YES,
						   .server_url = told[i].url,
						   .has_ade = told[i].ade_url != NULL,
						   .ade = {.url = told[i].ade_url}};
		struct plan_case kase = {.service = "mdm.new.example"};

		plan_case_target(&kase, &target);
		plan_case_join(&kase, 1);
		if (kase.facts.value[RULES_NOW] != told[i].now)
			fail_msg("case %zu: %d", i, kase.facts.value[RULES_NOW]);
	}
}

static void a_person_is_told_which_words_a_fact_takes(void **state)
{
	struct plan_case kase = {0};
	struct err err = ERR_INIT;

	assert_int_equal(plan_case_assignment(&kase, "reset=erased_locally", &err), 0);
	assert_int_equal(kase.facts.value[RULES_RESET], RULES_LOCAL_ERASE);
	assert_int_equal(kase.origin[RULES_RESET], PLAN_PERSON);
	assert_int_equal(plan_case_assignment(&kase, "backup_date=2026-02-30", &err), ERR_USAGE);
	assert_int_equal(plan_case_assignment(&kase, "reset=sideways", &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "erased_locally"));
	assert_int_equal(plan_case_assignment(&kase, "colour=red", &err), ERR_USAGE);
	assert_int_equal(plan_case_assignment(&kase, "=red", &err), ERR_USAGE);
	assert_int_equal(plan_case_assignment(&kase, "cleanup_days=-3", &err), ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backup_tells_its_facts_with_the_file_that_they_are_from),
		cmocka_unit_test(whose_management_it_is_depends_on_the_service_that_is_meant),
		cmocka_unit_test(a_service_is_known_by_any_name_of_a_server_that_is_told),
		cmocka_unit_test(a_device_is_the_same_by_udid_and_by_serial_only_without_one),
		cmocka_unit_test(a_waiting_device_tells_what_ade_gave_it_today),
		cmocka_unit_test(a_set_up_device_is_managed_by_the_server_that_it_names),
		cmocka_unit_test(a_person_is_told_which_words_a_fact_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
