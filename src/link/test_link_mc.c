/* test_link_mc - what MCInstall's answers are taken for */
#include "link/test_frames.h"

#define REFUSED                                                                             \
	"<dict><key>Status</key><string>Error</string><key>ErrorChain</key><array>"         \
	"<dict><key>ErrorCode</key><integer>14002</integer><key>USEnglishDescription</key>" \
	"<string>A cloud configuration is present.</string></dict></array></dict>"

static void a_request_names_its_type(void **state)
{
	plist_doc_reset(test_doc);
	assert_string_equal(
		plist_get_text(link_mc_request(test_doc, "GetProfileList"), "RequestType"),
		"GetProfileList");
}

static void only_an_acknowledgement_is_an_answer(void **state)
{
	static const struct {
		const char *reply;
		int code;
		const char *says;
	} cases[] = {
		{"<dict><key>Status</key><string>Acknowledged</string></dict>", 0, ""},
		{"<dict><key>Status</key><string>CommandFormatError</string></dict>", ERR_DEVICE,
		 "CommandFormatError"},
		{REFUSED, ERR_DEVICE, "A cloud configuration is present."},
		{"<dict><key>Status</key><integer>1</integer></dict>", ERR_PROTOCOL, "no Status"},
		{"<array/>", ERR_PROTOCOL, "no Status"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(link_mc_check(parse_xml(cases[i].reply), "GetX", &err),
				 cases[i].code);
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].says);
	}
}

static void a_cloud_configuration_is_read_by_type(void **state)
{
	struct link_mc_cloud cloud;

	link_mc_cloud_read(
		parse_xml("<dict><key>CloudConfiguration</key><dict>"
			  "<key>ConfigurationSource</key><integer>1</integer>"
			  "<key>IsSupervised</key><true/><key>IsMDMUnremovable</key><false/>"
			  "<key>IsMandatory</key><string>yes</string>"
			  "<key>CloudConfigurationUIComplete</key><false/>"
			  "<key>ConfigurationURL</key><string>https://a.example/enroll</string>"
			  "<key>OrganizationName</key><data>AAAA</data>"
			  "<key>SkipSetup</key><array><integer>1</integer><string>Restore</string>"
			  "</array></dict></dict>"),
		&cloud);
	assert_int_equal(cloud.source, LINK_MC_SOURCE_ADE);
	assert_int_equal(cloud.is_supervised, LINK_YES);
	assert_int_equal(cloud.is_unremovable, LINK_NO);
	assert_int_equal(cloud.is_mandatory, LINK_UNKNOWN);
	assert_int_equal(cloud.ui_is_complete, LINK_NO);
	assert_int_equal(cloud.ignores_backup, LINK_UNKNOWN);
	assert_int_equal(cloud.hides_restore, LINK_YES);
	assert_string_equal(cloud.url, "https://a.example/enroll");
	assert_null(cloud.organization);
}

static void an_absent_cloud_configuration_tells_nothing(void **state)
{
	struct link_mc_cloud cloud;

	link_mc_cloud_read(parse_xml("<dict/>"), &cloud);
	assert_int_equal(cloud.source, LINK_MC_SOURCE_UNKNOWN);
	assert_int_equal(cloud.is_supervised, LINK_UNKNOWN);
	assert_int_equal(cloud.hides_restore, LINK_UNKNOWN);
	assert_null(cloud.url);
}

static void an_empty_list_of_profiles_is_told_from_none(void **state)
{
	struct link_mc_profiles profiles;

	link_mc_profiles_read(parse_xml("<dict/>"), &profiles);
	assert_false(profiles.is_told);
	link_mc_profiles_read(parse_xml("<dict><key>OrderedIdentifiers</key><array/></dict>"),
			      &profiles);
	assert_true(profiles.is_told);
	assert_int_equal(profiles.count, 0);
}

static void a_profile_is_management_when_its_payload_says_so(void **state)
{
	struct link_mc_profiles profiles;

	link_mc_profiles_read(
		parse_xml("<dict><key>OrderedIdentifiers</key><array><string>a</string>"
			  "<string>b</string></array><key>ProfileMetadata</key><dict>"
			  "<key>a</key><dict><key>PayloadRemovalDisallowed</key><true/></dict>"
			  "</dict></dict>"),
		&profiles);
	assert_int_equal(profiles.count, 2);
	assert_true(profiles.has_locked);
	assert_false(profiles.has_mdm);

	link_mc_profiles_read(parse_xml("<dict><key>ProfileMetadata</key><dict><key>a</key><dict>"
					"<key>PayloadOrganization</key><string>A</string>"
					"<key>PayloadContent</key><array><string>x</string><dict>"
					"<key>PayloadType</key><string>com.apple.mdm</string>"
					"<key>ServerURL</key><string>https://a.example/mdm</string>"
					"</dict></array></dict></dict></dict>"),
			      &profiles);
	assert_int_equal(profiles.count, 1);
	assert_true(profiles.has_mdm);
	assert_false(profiles.has_locked);
	assert_string_equal(profiles.server_url, "https://a.example/mdm");
	assert_string_equal(profiles.organization, "A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_names_its_type),
		cmocka_unit_test(only_an_acknowledgement_is_an_answer),
		cmocka_unit_test(a_cloud_configuration_is_read_by_type),
		cmocka_unit_test(an_absent_cloud_configuration_tells_nothing),
		cmocka_unit_test(an_empty_list_of_profiles_is_told_from_none),
		cmocka_unit_test(a_profile_is_management_when_its_payload_says_so),
	};

	return cmocka_run_group_tests(tests, frames_setup, frames_teardown);
}
