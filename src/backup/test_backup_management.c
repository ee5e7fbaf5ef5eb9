/* management state is read from contents, and each value says from which file */
#include "backup/testing_management.h"

/* ---- whole backups ---- */

static void read_backup(const char *kind, struct backup_management **out)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct backup_reader_lookup lookup;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	char path[1024];

	backup_reader_init(&reader);
	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_tree_folder(&tree, testing_backup(kind, NULL, path), &err), err);
	assert_done(backup_reader_open(&reader, tree, &password, &err), err);
	backup_reader_lookup_init(&lookup, &reader);
	assert_done(backup_management_read(out, &lookup.lookup, &err), err);
}

static void both_forms_of_a_managed_ipad_tell_all_of_it(void **state)
{
	static const char *const kinds[] = {"plain", "encrypted"};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		CLEANUP(backup_management_free_p) struct backup_management *m = NULL;

		read_backup(kinds[i], &m);
		assert_int_equal(m->is_managed.answer, BACKUP_YES);
		assert_from(m->is_managed.from, FOLDER "MDM.plist");
		assert_string_equal(m->server_url.text, "https://mdm.example.com/server");
		assert_string_equal(m->check_in_url.text, "https://mdm.example.com/checkin");
		assert_string_equal(m->topic.text,
				    "com.apple.mgmt.External.12345678-90ab-cdef-1234-567890abcdef");
		assert_string_equal(m->organization.text, "Example School");
		assert_int_equal(m->enrollment.how, BACKUP_ENROLLED_ADE);
		assert_int_equal(m->enrolled_since.value, 1735689600);
		assert_int_equal(m->enrolled_since.from->state, BACKUP_PLACE_READ);
		assert_int_equal(m->is_supervised.answer, BACKUP_YES);
		assert_from(m->is_supervised.from, FOLDER "CloudConfigurationDetails.plist");
		assert_int_equal(m->is_locked.answer, BACKUP_YES);
		assert_int_equal(m->identity.kind, BACKUP_IDENTITY_SOFT);
		assert_string_equal(m->identity_payload.text, "com.apple.security.scep");
		assert_int_equal(m->identity_is_kept.answer, BACKUP_YES);
		assert_int_equal(m->cloud.source.value, 1);
		assert_int_equal(m->cloud.is_mandatory.answer, BACKUP_YES);
		assert_int_equal(m->cloud.is_unremovable.answer, BACKUP_YES);
		assert_int_equal(m->cloud.hides_restore.answer, BACKUP_NO);
		assert_string_equal(m->cloud.server_uid.text, "A1B2C3D4E5F60718293A4B5C6D7E8F90");
		assert_int_equal(m->has_pending_profile.answer, BACKUP_NO);
		assert_int_equal(m->profile_count, 1);
		assert_string_equal(m->profiles[0].name, "Example School Enrollment");
		assert_true(m->profiles[0].is_enrollment);
		assert_int_equal(m->profiles[0].is_locked, BACKUP_YES);
		assert_int_equal(m->remark_count, 0);
	}
}

static void a_real_backup_without_contents_is_unmanaged_and_else_unknown(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	CLEANUP(backup_management_free_p) struct backup_management *m = NULL;
	struct backup_reader_lookup lookup;
	struct err err = ERR_INIT;
	char path[1024];

	if (!testing_fixture("mvt-ios-backup", path))
		skip();
	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, path, &err), err);
	assert_done(backup_reader_open(&reader, tree, NULL, &err), err);
	backup_reader_lookup_init(&lookup, &reader);
	assert_done(backup_management_read(&m, &lookup.lookup, &err), err);
	assert_int_equal(m->is_managed.answer, BACKUP_NO);
	assert_int_equal(m->is_supervised.answer, BACKUP_UNKNOWN);
	assert_null(m->is_supervised.from);
	assert_null(m->cloud.source.from);
	assert_true(has_remark(m, false, "CloudConfigurationDetails.plist are missing"));
	assert_int_equal(m->profile_count, 0);
}

static void a_locked_backup_asks_for_its_password(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct backup_management *m = NULL;
	struct backup_reader_lookup lookup;
	struct err err = ERR_INIT;
	char path[1024];

	backup_reader_init(&reader);
	assert_done(backup_tree_folder(&tree, testing_backup("encrypted", NULL, path), &err), err);
	assert_done(backup_reader_open(&reader, tree, NULL, &err), err);
	backup_reader_lookup_init(&lookup, &reader);
	assert_int_equal(backup_management_read(&m, &lookup.lookup, &err), ERR_PASSWORD);
	assert_null(m);
}

/* ---- managed or not ---- */

static void a_cloud_record_of_an_unmanaged_device_proves_nothing(void **state)
{
	static const struct fake_file files[] = {
		{DOMAIN, FOLDER "CloudConfigurationDetails.plist",
		 NUMBER("ConfigurationSource", "0") YES("AllowPairing")},
		{DOMAIN, FOLDER "PayloadManifest.plist", ""},
		{NULL, NULL, NULL},
	};
	CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

	assert_int_equal(m->is_managed.answer, BACKUP_NO);
	assert_int_equal(m->is_managed.from->state, BACKUP_PLACE_ABSENT);
	assert_int_equal(m->is_supervised.answer, BACKUP_NO);
	assert_int_equal(m->enrollment.how, BACKUP_ENROLLED_UNKNOWN);
	assert_int_equal(m->is_locked.answer, BACKUP_UNKNOWN);
	assert_int_equal(m->has_pending_profile.answer, BACKUP_NO);
	assert_null(m->cloud.server_uid.from);
}

static void without_the_folder_nothing_is_known(void **state)
{
	static const struct fake_file files[] = {{"HomeDomain", "Library/SMS/sms.db", ""},
						 {NULL, NULL, NULL}};
	CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

	assert_int_equal(m->is_managed.answer, BACKUP_UNKNOWN);
	assert_int_equal(m->is_supervised.answer, BACKUP_UNKNOWN);
	assert_int_equal(m->has_pending_profile.answer, BACKUP_UNKNOWN);
}

static void an_mdm_file_that_a_device_refuses_or_that_is_gone_leaves_it_unknown(void **state)
{
	static const struct {
		const char *dict, *remark;
	} cases[] = {
		{"", "IdentityPersistentRef is missing"},
		{MDM TEXT("IsProfileLocked", "yes"), "IsProfileLocked is of another type"},
		{NULL, "are missing"},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct fake_file files[] = {{DOMAIN, FOLDER "MDM.plist", cases[i].dict},
						  {NULL, NULL, NULL}};
		CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

		assert_int_equal(m->is_managed.answer, BACKUP_UNKNOWN);
		assert_null(m->is_managed.from);
		assert_true(has_remark(m, false, cases[i].remark));
	}
}

static void the_place_of_ios_9_is_looked_at_too(void **state)
{
	static const struct fake_file files[] = {{"HomeDomain", FOLDER "MDM.plist", MDM},
						 {"HomeDomain", STUB, SCEP},
						 {NULL, NULL, NULL}};
	CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

	assert_int_equal(m->is_managed.answer, BACKUP_YES);
	assert_string_equal(m->is_managed.from->domain, "HomeDomain");
	assert_string_equal(m->check_in_url.text, "https://mdm.example.com/server");
	assert_string_equal(m->organization.text, "Example School");
	assert_from(m->organization.from, STUB);
	assert_int_equal(m->trace_count, 1);
	assert_int_equal(m->traces[0].time, 1700000000);
}

/* ---- how enrolled, locked ---- */

static void each_way_of_enrolling_is_told_from_the_others(void **state)
{
	static const char ade[] = NUMBER("ConfigurationSource", "1") YES("IsSupervised");
	static const struct {
		const char *mdm, *cloud;
		enum backup_enrollment how;
	} cases[] = {
		{MDM YES("IsADEProfile"), "", BACKUP_ENROLLED_ADE},
		{MDM, ade, BACKUP_ENROLLED_ADE},
		{MDM NO("IsADEProfile"), ade, BACKUP_ENROLLED_PROFILE},
		{MDM, NUMBER("ConfigurationSource", "0"), BACKUP_ENROLLED_PROFILE},
		{MDM, NUMBER("ConfigurationSource", "2"), BACKUP_ENROLLED_CONFIGURATOR},
		{MDM YES("UserEnrollment"), ade, BACKUP_ENROLLED_USER},
		{MDM TEXT("PersonaID", "P"), "", BACKUP_ENROLLED_USER},
		{MDM TEXT("EnrollmentMode", "BYOD"), "", BACKUP_ENROLLED_USER},
		{MDM TEXT("EnrollmentMode", "ADDE") TEXT("PersonaID", "P"), "",
		 BACKUP_ENROLLED_ADDE},
		{MDM, NULL, BACKUP_ENROLLED_UNKNOWN}, /* the record cannot be read */
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct fake_file files[] = {
			{DOMAIN, FOLDER "MDM.plist", cases[i].mdm},
			{DOMAIN, FOLDER "CloudConfigurationDetails.plist", cases[i].cloud},
			{DOMAIN, STUB, SCEP},
			{NULL, NULL, NULL},
		};
		CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

		assert_int_equal(m->is_managed.answer, BACKUP_YES);
		assert_int_equal(m->enrollment.how, cases[i].how);
		assert_int_equal(!m->enrollment.from, cases[i].how == BACKUP_ENROLLED_UNKNOWN);
	}
}

static void the_lock_is_read_where_it_counts_most(void **state)
{
	static const char cloud[] = NUMBER("ConfigurationSource", "1") YES("IsSupervised")
		NUMBER("IsMDMUnremovable", "1");
	static const char unsupervised[] =
		NUMBER("ConfigurationSource", "1") NO("IsSupervised") YES("IsMDMUnremovable");
	static const struct {
		const char *mdm, *stub, *cloud;
		enum backup_answer answer;
		const char *from;
	} cases[] = {
		{MDM NO("IsProfileLocked"), SCEP YES("PayloadRemovalDisallowed"), cloud, BACKUP_NO,
		 FOLDER "MDM.plist"},
		{MDM, SCEP YES("PayloadRemovalDisallowed"), "", BACKUP_YES, STUB},
		{MDM, SCEP, cloud, BACKUP_NO, STUB},
		{MDM, NULL, cloud, BACKUP_YES, FOLDER "CloudConfigurationDetails.plist"},
		{MDM, NULL, unsupervised, BACKUP_NO, FOLDER "CloudConfigurationDetails.plist"},
		{MDM, NULL, "", BACKUP_UNKNOWN, NULL},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct fake_file files[] = {
			{DOMAIN, FOLDER "MDM.plist", cases[i].mdm},
			{DOMAIN, FOLDER "CloudConfigurationDetails.plist", cases[i].cloud},
			{DOMAIN, STUB, cases[i].stub},
			{NULL, NULL, NULL},
		};
		CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

		assert_int_equal(m->is_locked.answer, cases[i].answer);
		if (cases[i].from)
			assert_from(m->is_locked.from, cases[i].from);
		else
			assert_null(m->is_locked.from);
	}
}

/* ---- profiles, traces, edits ---- */

static void profiles_come_from_stubs_lists_and_events(void **state)
{
	static const struct fake_file files[] = {
		{DOMAIN, STUB, TEXT("PayloadIdentifier", "a") TEXT("PayloadDisplayName", "A")},
		{DOMAIN, FOLDER "PayloadManifest.plist",
		 LIST("OrderedProfiles", "<string>a</string><string>b</string>")
			 LIST("HiddenProfiles", "<string>c</string>")},
		{DOMAIN, FOLDER "MCProfileEvents.plist",
		 LIST("ProfileEvents",
		      "<dict><key>b</key><dict>" TEXT(
			      "Operation",
			      "install") "<key>Timestamp</key><date>2024-01-01T00:00:00Z</date>"
					 "</dict></dict>"
					 "<dict><key>b</key><dict>" TEXT(
						 "Operation",
						 "remove") "<key>Timestamp</"
							   "key><date>2024-01-02T00:00:00Z</date>"
							   "</dict></dict>")},
		{NULL, NULL, NULL},
	};
	CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

	assert_int_equal(m->profile_count, 3);
	assert_string_equal(m->profiles[0].name, "A");
	assert_null(m->profiles[0].since.from);
	assert_string_equal(m->profiles[1].identifier, "b");
	assert_int_equal(m->profiles[1].place.state, BACKUP_PLACE_ABSENT);
	assert_int_equal(m->profiles[1].since.value, 1704067200);
	assert_from(m->profiles[1].since.from, FOLDER "MCProfileEvents.plist");
	assert_true(m->profiles[2].is_hidden);
	assert_int_equal(m->traces[0].time, 1704153600);
	assert_int_equal(m->is_managed.answer, BACKUP_NO); /* profiles only */
}

static void an_enrollment_that_waits_is_told(void **state)
{
	static const struct fake_file waiting[] = {
		{DOMAIN, FOLDER "CloudConfigurationDetails.plist",
		 TEXT("ConfigurationURL", "https://mdm.example.com") NO("ConfigurationWasApplied")},
		{NULL, NULL, NULL},
	};
	static const struct fake_file stored[] = {
		{DOMAIN, FOLDER "PostSetupProfile.mobileconfig", ""}, {NULL, NULL, NULL}};
	CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(waiting);
	CLEANUP(backup_management_free_p) struct backup_management *n = read_fake(stored);

	assert_int_equal(m->has_pending_profile.answer, BACKUP_YES);
	assert_int_equal(n->has_pending_profile.answer, BACKUP_YES);
}

static void what_no_device_leaves_behind_is_called_an_edit(void **state)
{
	static const struct {
		struct fake_file file;
		const char *text;
	} cases[] = {
		{{DOMAIN, FOLDER "CloudConfigurationSetAsideDetails.plist", ""}, "never backs"},
		{{DOMAIN, FOLDER "MDMEvents.plist", ""}, "never backs"},
		{{"HomeDomain", "Library/Preferences/com.apple.purplebuddy.notbackedup.plist", ""},
		 "never backs"},
		{{"ManagedPreferencesDomain", "mobile/com.apple.purplebuddy.plist",
		  YES("SetupDone")},
		 "forces SetupDone"},
		{{DOMAIN, FOLDER "MDM.plist", MDM}, "is not there"},
		{{DOMAIN, STUB, SCEP}, "there is no MDM.plist"},
		{{DOMAIN, FOLDER "CloudConfigurationDetails.plist",
		  NUMBER("ConfigurationSource", "1") YES("IsMandatory") NO("IsSupervised")},
		 "without supervision"},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct fake_file files[] = {cases[i].file, {NULL, NULL, NULL}};
		CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

		assert_true(has_remark(m, true, cases[i].text));
	}
}

/* ---- failures, and what is never told ---- */

static void a_failing_disk_is_a_failure_and_a_damaged_file_is_not(void **state)
{
	static const struct fake_file files[] = {{DOMAIN, FOLDER "MDM.plist", MDM},
						 {NULL, NULL, NULL}};
	struct fake fake = {.lookup = {.read = fake_read, .list = fake_list}, .files = files};
	struct backup_management *m = NULL;
	struct err err = ERR_INIT;

	fake.fail = ERR_IO;
	assert_int_equal(backup_management_read(&m, &fake.lookup, &err), ERR_IO);
	assert_non_null(strstr(err.text, "told to fail"));
	assert_null(m);
	fake.fail = ERR_CORRUPT;
	assert_done(backup_management_read(&m, &fake.lookup, &err), err);
	assert_int_equal(m->is_managed.answer, BACKUP_UNKNOWN);
	assert_int_equal(m->places[0].state, BACKUP_PLACE_UNREADABLE);
	backup_management_free(m);
}

struct told {
	size_t count, known;
};

static void tell(void *arg, const struct backup_statement *statement)
{
	struct told *told = arg;

	assert_non_null(statement->name);
	assert_non_null(statement->label);
	assert_null(strstr(statement->value, "MAGIC"));
	assert_int_equal(!strcmp(statement->value, "unknown"), !statement->from);
	told->count++;
	told->known += statement->from != NULL;
}

static void statements_say_unknown_or_their_file_and_no_secret(void **state)
{
	static const struct fake_file files[] = {
		{DOMAIN, FOLDER "MDM.plist", MDM}, {DOMAIN, STUB, SCEP}, {NULL, NULL, NULL}};
	CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);
	struct told told = {0};

	backup_management_each(m, tell, &told);
	assert_int_equal(told.count, 37);
	assert_int_equal(told.known, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_a_managed_ipad_tell_all_of_it),
		cmocka_unit_test(a_real_backup_without_contents_is_unmanaged_and_else_unknown),
		cmocka_unit_test(a_locked_backup_asks_for_its_password),
		cmocka_unit_test(a_cloud_record_of_an_unmanaged_device_proves_nothing),
		cmocka_unit_test(without_the_folder_nothing_is_known),
		cmocka_unit_test(
			an_mdm_file_that_a_device_refuses_or_that_is_gone_leaves_it_unknown),
		cmocka_unit_test(the_place_of_ios_9_is_looked_at_too),
		cmocka_unit_test(each_way_of_enrolling_is_told_from_the_others),
		cmocka_unit_test(the_lock_is_read_where_it_counts_most),
		cmocka_unit_test(profiles_come_from_stubs_lists_and_events),
		cmocka_unit_test(an_enrollment_that_waits_is_told),
		cmocka_unit_test(what_no_device_leaves_behind_is_called_an_edit),
		cmocka_unit_test(a_failing_disk_is_a_failure_and_a_damaged_file_is_not),
		cmocka_unit_test(statements_say_unknown_or_their_file_and_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
