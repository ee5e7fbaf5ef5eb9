/* the protocol room: what is read, what is refused, what is written */
#include "mdm/testing.h"

#define UDID "00008120-001A2B3C4D5E6F78"

static struct slice wrap(const char *keys)
{
	static char text[8192];

	assert_true(snprintf(text, sizeof(text), HEAD "<dict>%s</dict></plist>", keys) <
		    (int)sizeof(text));
	return slice_text(text);
}

static int checkin(void **state, const char *keys, struct mdm_checkin *read)
{
	struct message *message = *state;

	return mdm_checkin_parse(message->doc, wrap(keys), read, &message->err);
}

#define TYPE(name) "<key>MessageType</key><string>" name "</string>"
#define ID "<key>UDID</key><string>" UDID "</string>"
#define TOPIC "<key>Topic</key><string>com.apple.mgmt.External.c809</string>"

static void authenticate_needs_five_keys_only(void **state)
{
	struct mdm_checkin read;

	assert_int_equal(checkin(state, TYPE("Authenticate") ID TOPIC, &read), 0);
	assert_int_equal(read.message, MDM_AUTHENTICATE);
	assert_string_equal(read.from.id, UDID);
	assert_string_equal(read.topic, "com.apple.mgmt.External.c809");
	assert_null(read.serial);
	assert_false(read.from.is_user_enrollment);
}

static void a_token_update_tells_an_absent_unlock_token_from_an_empty_one(void **state)
{
	static const char keys[] = TYPE("TokenUpdate") ID TOPIC
		"<key>Token</key><data>AQID</data><key>PushMagic</key><string>m</string>";
	struct mdm_checkin read;
	char more[1024];

	assert_int_equal(checkin(state, keys, &read), 0);
	assert_false(read.has_unlock_token);
	assert_int_equal(read.token.len, 3);
	assert_false(read.is_awaiting);
	snprintf(more, sizeof(more),
		 "%s<key>UnlockToken</key><data></data>"
		 "<key>AwaitingConfiguration</key><true/>",
		 keys);
	assert_int_equal(checkin(state, more, &read), 0);
	assert_true(read.has_unlock_token);
	assert_true(read.is_awaiting);
}

static void a_token_update_without_usable_push_data_is_no_error(void **state)
{
	struct mdm_checkin read;

	assert_int_equal(checkin(state, TYPE("TokenUpdate") ID TOPIC, &read), 0);
	assert_null(read.magic);
	assert_int_equal(read.token.len, 0);
}

static void what_is_missing_or_of_another_type_is_named(void **state)
{
	static const struct {
		const char *keys, *names;
	} cases[] = {
		{ID TOPIC, "MessageType"},
		{TYPE("Nonsense") ID, "Nonsense"},
		{TYPE("Authenticate") TOPIC, "UDID"},
		{TYPE("Authenticate") ID, "Topic"},
		{TYPE("TokenUpdate") ID TOPIC "<key>Token</key><string>m</string>", "Token"},
		{TYPE("CheckOut") "<key>UDID</key><string>a b</string>" TOPIC, "UDID"},
		{TYPE("CheckOut") "<key>UDID</key><string>a:b</string>" TOPIC, "UDID"},
		{TYPE("CheckOut") "<key>UDID</key><integer>7</integer>" TOPIC, "UDID"},
		{TYPE("DeclarativeManagement") ID, "Endpoint"},
	};
	struct message *message = *state;
	struct mdm_checkin read;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		message->err = ERR_INIT;
		assert_int_equal(checkin(state, cases[i].keys, &read), ERR_PROTOCOL);
		assert_non_null(strstr(message->err.text, cases[i].names));
	}
}

static void an_enrollment_id_is_made_in_one_place(void **state)
{
	static const char shared[] = TYPE("TokenUpdate") ID TOPIC
		"<key>Token</key><data>AQ==</data>"
		"<key>PushMagic</key><string>m</string>"
		"<key>UserID</key><string>FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF</string>"
		"<key>UserShortName</key><string>anna@school.example</string>";
	struct mdm_checkin read;

	assert_int_equal(checkin(state, shared, &read), 0);
	assert_string_equal(read.from.id, UDID ":anna@school.example");
	assert_string_equal(read.from.device_id, UDID);
	assert_true(read.from.is_user_channel);
	assert_int_equal(checkin(state,
				 TYPE("CheckOut") TOPIC ID "<key>EnrollmentID</key>"
							   "<string>E1</string>",
				 &read),
			 0);
	assert_string_equal(read.from.id, UDID);
	assert_int_equal(checkin(state,
				 TYPE("CheckOut") TOPIC "<key>EnrollmentID</key>"
							"<string>E1</string>",
				 &read),
			 0);
	assert_string_equal(read.from.id, "E1");
	assert_true(read.from.is_user_enrollment);
}

static void a_report_keeps_its_errors_in_order(void **state)
{
	static const char keys[] = ID
		"<key>Status</key><string>Error</string><key>CommandUUID</key><string>c1</string>"
		"<key>ErrorChain</key><array><dict><key>ErrorCode</key><integer>4001</integer>"
		"<key>ErrorDomain</key><string>MCInstallationErrorDomain</string>"
		"<key>LocalizedDescription</key><string>Nein</string>"
		"<key>USEnglishDescription</key><string>No \"way\"</string></dict>"
		"<string>odd</string><dict><key>ErrorCode</key><integer>12012</integer>"
		"<key>ErrorDomain</key><string>MCMDMErrorDomain</string></dict></array>";
	CLEANUP(buf_clear) struct buf json = BUF_INIT(4096);
	struct message *message = *state;
	struct mdm_report report;

	assert_int_equal(mdm_report_parse(message->doc, wrap(keys), &report, &message->err), 0);
	assert_int_equal(report.status, MDM_ERROR);
	assert_int_equal(report.error_count, 2);
	assert_int_equal(mdm_errors_json(&report, &json, &message->err), 0);
	assert_string_equal(buf_text(&json),
			    "[{\"code\":4001,\"domain\":\"MCInstallationErrorDomain\",\"text\":"
			    "\"No \\\"way\\\"\"},{\"code\":12012,\"domain\":\"MCMDMErrorDomain\","
			    "\"text\":\"\"}]");
	assert_int_equal(mdm_report_parse(message->doc,
					  wrap(ID "<key>Status</key>"
						  "<string>Acknowledged</string>"),
					  &report, &message->err),
			 ERR_PROTOCOL);
	assert_int_equal(mdm_report_parse(message->doc,
					  wrap(ID "<key>Status</key>"
						  "<string>Idle</string>"),
					  &report, &message->err),
			 0);
}

static void a_command_is_written_under_its_uuid_with_the_stored_unlock_token(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 16);
	struct message *message = *state;
	struct mdm_command command, again;
	struct slice token;

	assert_int_equal(mdm_command_parse(message->doc,
					   wrap("<key>RequestType</key><string>ClearPasscode"
						"</string><key>UnlockToken</key><data>AQ==</data>"),
					   &command, &message->err),
			 0);
	assert_null(command.uuid);
	assert_int_equal(
		mdm_command_write(command.command, "u-1", slice_text("token"), &out, &message->err),
		0);
	assert_int_equal(mdm_command_parse(message->doc, buf_slice(&out), &again, &message->err),
			 0);
	assert_string_equal(again.uuid, "u-1");
	assert_true(plist_get_data(again.command, "UnlockToken", &token));
	assert_true(slice_equal(token, slice_text("token")));
}

static void queries_that_an_os_dropped_are_not_asked(void **state)
{
	struct message *message = *state;
	static const struct {
		const char *os;
		bool has_imei;
	} cases[] = {{"18.6", true}, {"25.9", true}, {"26.0", false}, {NULL, true}};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 16);
		struct mdm_command command;

		assert_int_equal(mdm_build_information(cases[i].os, false, &out, &message->err), 0);
		assert_int_equal(
			mdm_command_parse(message->doc, buf_slice(&out), &command, &message->err),
			0);
		assert_int_equal(plist_has_text(plist_get(command.command, "Queries"), "IMEI"),
				 cases[i].has_imei);
		assert_true(plist_has_text(plist_get(command.command, "Queries"), "OSVersion"));
	}
	assert_int_equal(mdm_os_number("26.0.1"), 2600);
	assert_int_equal(mdm_os_number("9.3"), 903);
	assert_int_equal(mdm_os_number("x"), 0);
}

static void an_enrollment_profile_is_told_from_others(void **state)
{
#define PROFILE                                                                          \
	"<key>PayloadType</key><string>Configuration</string>"                           \
	"<key>PayloadIdentifier</key><string>a.b</string>"                               \
	"<key>PayloadUUID</key><string>U</string><key>PayloadContent</key><array><dict>" \
	"<key>PayloadType</key><string>%s</string></dict></array>"
	struct message *message = *state;
	struct mdm_profile profile;
	char keys[1024];

	snprintf(keys, sizeof(keys), PROFILE, "com.apple.mdm");
	assert_int_equal(mdm_profile_parse(message->doc, wrap(keys), &profile, &message->err), 0);
	assert_true(profile.has_mdm);
	assert_string_equal(profile.name, "a.b");
	snprintf(keys, sizeof(keys), PROFILE, "com.apple.applicationaccess");
	assert_int_equal(mdm_profile_parse(message->doc, wrap(keys), &profile, &message->err), 0);
	assert_false(profile.has_mdm);
}

static void backup_rules_become_a_profile_that_takes_the_place_of_the_one_before(void **state)
{
	static const struct mdm_backup_rules cases[] = {{false, false, false},
							{true, false, false},
							{false, true, false},
							{true, true, true}};
	struct message *message = *state;
	char uuid[ARRAY_COUNT(cases)][MDM_UUID_MAX];
	size_t i, j;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_clear) struct buf xml = BUF_INIT(1 << 16);
		CLEANUP(buf_clear) struct buf again = BUF_INIT(1 << 16);
		struct mdm_profile profile;
		bool says;

		assert_int_equal(
			mdm_backup_rules_profile(&cases[i], "ACME & Söhne", &xml, &message->err),
			0);
		assert_int_equal(
			mdm_backup_rules_profile(&cases[i], "ACME & Söhne", &again, &message->err),
			0);
		assert_true(slice_equal(buf_slice(&xml), buf_slice(&again)));
		assert_int_equal(
			mdm_profile_parse(message->doc, buf_slice(&xml), &profile, &message->err),
			0);
		assert_string_equal(profile.identifier, "rehome.backup-rules");
		assert_int_equal(profile.type_count, 1);
		assert_string_equal(profile.types[0], "com.apple.applicationaccess");
		snprintf(uuid[i], sizeof(uuid[i]), "%s", profile.uuid);
		for (j = 0; j < i; j++)
			assert_string_not_equal(uuid[i], uuid[j]);
		says = strstr(buf_text(&xml), "<key>allowCloudBackup</key>\n\t\t\t<false/>");
		assert_int_equal(says, cases[i].bars_cloud_backup);
		says = strstr(buf_text(&xml), "<key>forceEncryptedBackup</key>\n\t\t\t<true/>");
		assert_int_equal(says, cases[i].forces_encryption);
		says = strstr(buf_text(&xml), "<key>allowHostPairing</key>\n\t\t\t<false/>");
		assert_int_equal(says, cases[i].bars_host_pairing);
	}
}

static void endpoints_are_four_and_nothing_else(void **state)
{
	struct message *message = *state;
	static const char *const wrong[] = {"",
					    "tokens/",
					    "declaration/",
					    "declaration/configuration/",
					    "declaration/other/x",
					    "declaration/asset/a/b",
					    "declaration/asset/%2",
					    "declaration/asset/%00",
					    ("declaration/asset/12345678901234567890123456789012345"
					     "678901234567890123456789012345")};
	struct mdm_endpoint endpoint;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(mdm_endpoint_parse(wrong[i], &endpoint, &message->err),
				 ERR_PROTOCOL);
	assert_int_equal(
		mdm_endpoint_parse("declaration/configuration/a%2Fb", &endpoint, &message->err), 0);
	assert_int_equal(endpoint.declaration, MDM_CONFIGURATION);
	assert_string_equal(endpoint.identifier, "a/b");
	assert_int_equal(mdm_endpoint_parse("declaration-items", &endpoint, &message->err), 0);
	assert_int_equal(endpoint.kind, MDM_ENDPOINT_ITEMS);
}

static void a_set_has_one_token_in_any_order(void **state)
{
	struct mdm_declaration set[] = {{MDM_ACTIVATION, "a", "t", "1"},
					{MDM_CONFIGURATION, "b", "t", "2"}};
	struct mdm_declaration turned[] = {set[1], set[0]};
	struct mdm_declaration changed[] = {set[0], {MDM_CONFIGURATION, "b", "t", "3"}};
	char one[65], other[65], third[65];

	mdm_declarations_token(set, 2, one);
	mdm_declarations_token(turned, 2, other);
	mdm_declarations_token(changed, 2, third);
	assert_string_equal(one, other);
	assert_string_not_equal(one, third);
}

static void a_mistyped_request_type_is_known_by_what_is_near(void **state)
{
	assert_string_equal(mdm_command_nearest("InstalProfile"), "InstallProfile");
	assert_string_equal(mdm_command_nearest("eraseDevice"), "EraseDevice");
	assert_string_equal(mdm_command_nearest("RemoveProfiles"), "RemoveProfile");
	assert_string_equal(mdm_command_nearest("DeviceInfo"), "DeviceInformation");
	assert_string_equal(mdm_command_nearest("lock"), "DeviceLock");
	assert_null(mdm_command_nearest("Xyzzy"));
	assert_null(mdm_command_nearest("Er"));
	assert_null(mdm_command_nearest(""));
	assert_null(
		mdm_command_nearest("an endless name that has more letters than a request type is "
				    "allowed to have"));
}

static void a_stored_declaration_gets_its_token_from_its_content(void **state)
{
	static const char json[] = "{\"Type\":\"com.apple.configuration.management.test\","
				   "\"Identifier\":\"x\",\"ServerToken\":\"mine\",\"Payload\":{}}";
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct message *message = *state;
	enum mdm_declaration_kind kind;
	char identifier[65], type[129], token[65];

	assert_int_equal(mdm_declaration_read(slice_text(json), &kind, identifier, type, token,
					      &out, &message->err),
			 0);
	assert_int_equal(kind, MDM_CONFIGURATION);
	assert_string_not_equal(token, "mine");
	assert_non_null(strstr(buf_text(&out), token));
	assert_int_equal(mdm_declaration_read(slice_text("{\"Type\":\"a\",\"Type\":\"b\"}"), &kind,
					      identifier, type, token, &out, &message->err),
			 ERR_PROTOCOL);
	assert_int_equal(mdm_declaration_read(slice_text("{\"Type\":\"com.apple.other.x\","
							 "\"Identifier\":\"x\",\"Payload\":{}}"),
					      &kind, identifier, type, token, &out, &message->err),
			 ERR_PROTOCOL);
}

static int note_declared(void *arg, const struct mdm_declared *declared, struct err *err)
{
	char *seen = arg;

	sprintf(seen + strlen(seen), "%s:%s:%d%s;", declared->identifier, declared->valid,
		declared->is_active, declared->is_removed ? " removed" : "");
	return 0;
}

static void a_status_report_tells_of_declarations_and_of_the_rest_flat(void **state)
{
	static const char json[] =
		"{\"StatusItems\":{\"device\":{\"model\":{\"family\":\"iPad\"}},\"management\":{"
		"\"declarations\":{\"configurations\":[{\"identifier\":\"x\",\"active\":true,"
		"\"valid\":\"valid\",\"server-token\":\"1\"},{\"identifier\":\"y\",\"active\":"
		"false,"
		"\"valid\":\"invalid\",\"reasons\":[{\"Code\":\"Error.X\"}]}],\"assets\":["
		"{\"identifier\":\"z\",\"_removed\":true}]}}},\"Errors\":[]}";
	CLEANUP(buf_clear) struct buf items = BUF_INIT(4096);
	struct message *message = *state;
	bool is_full = true;
	char seen[256] = "";

	assert_int_equal(
		mdm_status_read(slice_text(json), &is_full, note_declared, seen, &message->err), 0);
	assert_false(is_full);
	assert_string_equal(seen, "z::0 removed;x:valid:1;y:invalid:0;");
	assert_int_equal(mdm_status_merge(SLICE_EMPTY, slice_text(json), &items, &message->err), 0);
	assert_string_equal(buf_text(&items), "{\"device.model.family\":\"iPad\"}");
	assert_int_equal(
		mdm_status_read(slice_text("[]"), &is_full, note_declared, seen, &message->err),
		ERR_PROTOCOL);
}

static void what_is_known_grows_by_partial_reports_and_ends_by_a_full_one(void **state)
{
	static const struct {
		const char *known, *report, *then;
	} cases[] = {
		{"", "{\"StatusItems\":{\"a\":{\"b\":1}}}", "{\"a.b\":1}"},
		{"{\"a.b\":1}", "{\"StatusItems\":{\"a\":{\"c\":2}}}", "{\"a.b\":1,\"a.c\":2}"},
		{"{\"a.b\":1}", "{\"StatusItems\":{\"a\":{\"b\":3}}}", "{\"a.b\":3}"},
		{"{\"a.b\":1}", "{\"FullReport\":true,\"StatusItems\":{\"c\":1}}", "{\"c\":1}"},
		{"{\"a.b\":1}", "{\"Errors\":[]}", "{\"a.b\":1}"},
		{"{\"l\":[{\"identifier\":\"x\",\"v\":1},{\"identifier\":\"y\"}]}",
		 "{\"StatusItems\":{\"l\":[{\"identifier\":\"y\",\"_removed\":true},"
		 "{\"identifier\":\"x\",\"v\":2},{\"identifier\":\"z\"}]}}",
		 "{\"l\":[{\"identifier\":\"x\",\"v\":2},{\"identifier\":\"z\"}]}"},
		{"{\"l\":[1]}", "{\"StatusItems\":{\"l\":[2,3]}}", "{\"l\":[2,3]}"},
		{"", "{\"StatusItems\":{\"l\":[{\"identifier\":\"x\",\"_removed\":true}]}}",
		 "{\"l\":[]}"},
	};
	struct message *message = *state;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_clear) struct buf then = BUF_INIT(4096);

		assert_int_equal(mdm_status_merge(slice_text(cases[i].known),
						  slice_text(cases[i].report), &then,
						  &message->err),
				 0);
		assert_string_equal(buf_text(&then), cases[i].then);
	}
}

static void answers_of_the_push_service_are_told_apart(void **state)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(512);
	struct err err = ERR_INIT;
	char reason[64];

	mdm_push_reason(slice_text("{\"reason\":\"Unregistered\",\"timestamp\":1}"), reason);
	assert_string_equal(reason, "Unregistered");
	assert_int_equal(mdm_push_reaction(410, reason), MDM_PUSH_GONE);
	assert_int_equal(mdm_push_reaction(200, NULL), MDM_PUSH_SENT);
	assert_int_equal(mdm_push_reaction(0, NULL), MDM_PUSH_RETRY);
	assert_int_equal(mdm_push_reaction(400, "BadDeviceToken"), MDM_PUSH_BAD_TOKEN);
	assert_int_equal(mdm_push_reaction(400, "BadPriority"), MDM_PUSH_BUG);
	assert_int_equal(mdm_push_reaction(403, "new words"), MDM_PUSH_CERTIFICATE);
	mdm_push_reason(slice_text("<html>"), reason);
	assert_string_equal(reason, "");
	assert_int_equal(mdm_push_body("a\"b", &body, &err), 0);
	assert_string_equal(buf_text(&body), "{\"mdm\":\"a\\\"b\"}");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(authenticate_needs_five_keys_only),
		CASE(a_token_update_tells_an_absent_unlock_token_from_an_empty_one),
		CASE(a_token_update_without_usable_push_data_is_no_error),
		CASE(what_is_missing_or_of_another_type_is_named),
		CASE(an_enrollment_id_is_made_in_one_place),
		CASE(a_report_keeps_its_errors_in_order),
		CASE(a_command_is_written_under_its_uuid_with_the_stored_unlock_token),
		CASE(queries_that_an_os_dropped_are_not_asked),
		CASE(an_enrollment_profile_is_told_from_others),
		CASE(backup_rules_become_a_profile_that_takes_the_place_of_the_one_before),
		CASE(endpoints_are_four_and_nothing_else),
		CASE(a_set_has_one_token_in_any_order),
		CASE(a_mistyped_request_type_is_known_by_what_is_near),
		CASE(a_stored_declaration_gets_its_token_from_its_content),
		CASE(a_status_report_tells_of_declarations_and_of_the_rest_flat),
		CASE(what_is_known_grows_by_partial_reports_and_ends_by_a_full_one),
		CASE(answers_of_the_push_service_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
