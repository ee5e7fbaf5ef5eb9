/* what commands answer, and what they change on the device */
#include "sim/testing_client.h"

#define TYPE(name) "<key>RequestType</key><string>" name "</string>"

/** struct said - one command's answer, parsed */
struct said {
	struct plist_doc *doc;
	const struct plist *root;
};

/* send one command and read the answer; the test frees it */
static struct said says(struct stage *stage, const char *keys)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct said said = {0};
	struct buf command = BUF_INIT(SIM_MESSAGE_MAX), answer = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_relation relation;
	struct sim_turn turn;
	struct err err = ERR_INIT;

	sim_relation_init(&relation);
	assert_int_equal(sim_relation_load(stage->device, &relation, &err), 0);
	assert_int_equal(buf_append_format(&command, &err,
					   "<plist><dict><key>CommandUUID</key><string>U</string>"
					   "<key>Command</key><dict>%s</dict></dict></plist>",
					   keys),
			 0);
	if (sim_command_answer(&stage->client, &relation, buf_slice(&command), &answer, &turn,
			       &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plist_doc_new(&said.doc, NULL), 0);
	assert_int_equal(plist_parse(said.doc, buf_slice(&answer), &limits, &said.root, NULL), 0);
	buf_clear(&command);
	buf_clear(&answer);
	sim_relation_clear(&relation);
	return said;
}

/* the status, or the innermost error's code as text */
static void status_is(struct stage *stage, const char *keys, const char *status)
{
	struct said said = says(stage, keys);
	const struct plist *chain = plist_get_array(said.root, "ErrorChain");
	const char *text = plist_get_text(said.root, "Status");
	char code[24];
	int64_t number = 0;

	if (chain) {
		plist_get_int(plist_at(chain, chain->as.items.count - 1), "ErrorCode", &number);
		snprintf(code, sizeof(code), "%lld", (long long)number);
		text = code;
	}
	assert_string_equal(text, status);
	plist_doc_free(said.doc);
}

static void enrolled(struct stage *stage, void **state, bool is_supervised, int rights)
{
	stage_set(stage, state, is_supervised);
	assert_int_equal(install(stage, &(struct paper){.rights = rights}, false), 0);
}

static void installs(struct stage *stage, const char *identifier, const char *keys)
{
	struct buf bytes = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_chain chain = SIM_CHAIN_INIT;

	restrictions_write(identifier, keys, &bytes);
	assert_int_equal(sim_client_install(&stage->client, buf_slice(&bytes), true, &chain, NULL),
			 0);
	buf_clear(&bytes);
}

/* ---- information ---- */

static void a_query_is_answered_by_right_and_version(void **state)
{
	static const char query[] =
		TYPE("DeviceInformation") "<key>Queries</key><array><string>OSVersion</string>"
					  "<string>WiFiMAC</string><string>UDID</string>"
					  "<string>IsRoaming</string><string>ServiceSubscriptions</"
					  "string>"
					  "<string>Nonsense</string></array>";
	struct stage stage;
	struct said said;
	const struct plist *answers;

	enrolled(&stage, state, false, 16);
	said = says(&stage, query);
	answers = plist_get_dict(said.root, "QueryResponses");
	assert_non_null(plist_get(answers, "OSVersion"));
	assert_non_null(plist_get(answers, "UDID"));
	assert_null(plist_get(answers, "WiFiMAC"));
	assert_null(plist_get(answers, "Nonsense"));
	plist_doc_free(said.doc);
	assert_int_equal(install(&stage, &(struct paper){.rights = 8191}, true), 12012);
	stage_end(&stage);
}

static void cellular_queries_went_with_version_26(void **state)
{
	static const char query[] =
		TYPE("DeviceInformation") "<key>Queries</key><array><string>IsRoaming</string>"
					  "<string>ServiceSubscriptions</string></array>";
	static const char *const versions[] = {"18.6", "26.1"};
	struct stage stage;

	enrolled(&stage, state, false, 0);
	for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
		struct said said;
		const struct plist *answers;

		assert_int_equal(sim_os_install(stage.device, versions[i], NULL), 0);
		said = says(&stage, query);
		answers = plist_get_dict(said.root, "QueryResponses");
		assert_int_equal(plist_get(answers, "IsRoaming") != NULL, i == 0);
		assert_non_null(plist_get(answers, "ServiceSubscriptions"));
		plist_doc_free(said.doc);
	}
	stage_end(&stage);
}

static void a_command_needs_its_right_and_supervision(void **state)
{
	struct stage stage;

	enrolled(&stage, state, false, 1);
	status_is(&stage, TYPE("ProfileList"), "Acknowledged");
	status_is(&stage, TYPE("SecurityInfo"), "12007");
	status_is(&stage, TYPE("EraseDevice"), "12007");
	status_is(&stage, TYPE("RestartDevice"), "12007");
	status_is(&stage, TYPE("EnableLostMode"), "29000");
	status_is(&stage, TYPE("RequestUnlockToken"), "12021");
	stage_end(&stage);
}

/* ---- profiles ---- */

static void profiles_are_listed_and_removed(void **state)
{
	struct stage stage;
	struct said said;
	const struct plist *list;

	enrolled(&stage, state, false, 0);
	installs(&stage, "example.wifi", "<key>allowCamera</key><false/>");
	said = says(&stage, TYPE("ProfileList"));
	list = plist_get_array(said.root, "ProfileList");
	assert_int_equal(list->as.items.count, 2);
	plist_doc_free(said.doc);
	status_is(&stage,
		  TYPE("RemoveProfile") "<key>Identifier</key><string>example.none</string>",
		  "12075");
	status_is(&stage,
		  TYPE("RemoveProfile") "<key>Identifier</key><string>example.wifi</string>",
		  "Acknowledged");
	said = says(&stage, TYPE("ProfileList"));
	list = plist_get_array(said.root, "ProfileList");
	assert_int_equal(list->as.items.count, 1);
	assert_string_equal(plist_get_text(plist_at(list, 0), "PayloadIdentifier"),
			    "example.enrollment");
	plist_doc_free(said.doc);
	stage_end(&stage);
}

static void the_person_does_not_remove_what_the_service_installed(void **state)
{
	struct stage stage;

	enrolled(&stage, state, false, 0);
	installs(&stage, "example.r", "<key>allowCamera</key><false/>");
	assert_int_equal(sim_profile_by_person(stage.device, "example.r", NULL),
			 SIM_DEVICE_PROHIBITED);
	assert_int_equal(sim_profile_by_person(stage.device, "example.none", NULL),
			 SIM_DEVICE_ABSENT);
	stage_end(&stage);
}

static void the_stricter_restriction_counts_and_goes_with_its_profile(void **state)
{
	struct stage stage;
	struct sim_state now;
	struct sim_answer answer;
	struct secret password = SECRET_INIT;

	enrolled(&stage, state, true, 0);
	installs(&stage, "one", "<key>allowHostPairing</key><true/>");
	installs(&stage, "two",
		 "<key>allowHostPairing</key><false/><key>forceEncryptedBackup</key><true/>"
		 "<key>allowCloudBackup</key><false/>");
	assert_false(sim_device_allows_pairing(stage.device));
	secret_make(&password, "secret");
	assert_int_equal(sim_device_change_password(stage.device, NULL, &password, &answer, NULL),
			 0);
	assert_int_equal(answer.code, 0);
	assert_int_equal(sim_device_change_password(stage.device, &password, NULL, &answer, NULL),
			 0);
	assert_int_equal(answer.code, SIM_CODE_FORCED);
	assert_int_equal(sim_device_state(stage.device, &now, NULL), 0);
	assert_false(now.cloud_backup_is_on);
	status_is(&stage, TYPE("RemoveProfile") "<key>Identifier</key><string>two</string>",
		  "Acknowledged");
	assert_true(sim_device_allows_pairing(stage.device));
	assert_int_equal(sim_device_change_password(stage.device, &password, NULL, &answer, NULL),
			 0);
	assert_int_equal(answer.code, 0);
	secret_clear(&password);
	stage_end(&stage);
}

/* ---- lock, lost, passcode ---- */

static void a_passcode_is_cleared_with_the_unlock_token_alone(void **state)
{
	uint8_t token[SIM_UNLOCK_TOKEN_LEN];
	struct stage stage;
	struct sim_state now;
	char keys[400], base64[200] = "";
	struct plist_doc *doc = NULL;
	struct buf xml = BUF_INIT(4096);
	char *at;

	enrolled(&stage, state, false, 0);
	assert_int_equal(sim_device_set_state(stage.device, "has_passcode", "true", NULL), 0);
	assert_int_equal(sim_device_set_state(stage.device, "is_locked", "true", NULL), 0);
	status_is(&stage, TYPE("ClearPasscode") "<key>UnlockToken</key><data>AAAA</data>", "5013");
	sim_unlock_token(stage.device, token);
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	assert_int_equal(plist_write_xml(doc, plist_new_data(doc, slice_of(token, sizeof(token))),
					 &xml, NULL),
			 0);
	at = strstr(buf_text(&xml), "<data>");
	snprintf(base64, sizeof(base64), "%.*s", (int)(strstr(at, "</plist>") - at), at);
	snprintf(keys, sizeof(keys), TYPE("ClearPasscode") "<key>UnlockToken</key>%s", base64);
	status_is(&stage, keys, "Acknowledged");
	assert_int_equal(sim_device_state(stage.device, &now, NULL), 0);
	assert_false(now.has_passcode || now.is_locked);
	plist_doc_free(doc);
	buf_clear(&xml);
	stage_end(&stage);
}

static void lost_mode_allows_few_commands(void **state)
{
	struct stage stage;

	enrolled(&stage, state, true, 0);
	status_is(&stage, TYPE("DeviceLocation"), "12067");
	status_is(&stage, TYPE("EnableLostMode"), "12066");
	status_is(&stage, TYPE("EnableLostMode") "<key>Message</key><string>lost</string>",
		  "Acknowledged");
	status_is(&stage, TYPE("CertificateList"), "12078");
	status_is(&stage, TYPE("DeviceLocation"), "Acknowledged");
	status_is(&stage, TYPE("PlayLostModeSound"), "Acknowledged");
	status_is(&stage, TYPE("DisableLostMode"), "Acknowledged");
	status_is(&stage, TYPE("CertificateList"), "Acknowledged");
	stage_end(&stage);
}

static void a_bypass_code_has_its_form(void **state)
{
	struct stage stage;
	struct said said;
	const char *code;

	enrolled(&stage, state, true, 0);
	said = says(&stage, TYPE("ActivationLockBypassCode"));
	code = plist_get_text(said.root, "ActivationLockBypassCode");
	assert_int_equal(strlen(code), 31);
	for (size_t i = 0; i < 31; i++)
		assert_int_equal(code[i] == '-',
				 i == 5 || i == 11 || i == 16 || i == 21 || i == 26);
	plist_doc_free(said.doc);
	status_is(&stage, TYPE("ClearActivationLockBypassCode"), "Acknowledged");
	status_is(&stage, TYPE("ActivationLockBypassCode"), "12011");
	stage_end(&stage);
}

/* ---- apps and settings ---- */

static void an_app_with_flag_4_stays_out_of_backups(void **state)
{
	const struct backup_file kept = {.domain = "AppDomain-example.a", .path = "x"},
				 other = {.domain = "AppDomain-example.b", .path = "x"};
	struct stage stage;
	struct said said;

	enrolled(&stage, state, false, 0);
	status_is(&stage,
		  TYPE("InstallApplication") "<key>Identifier</key><string>example.a</string>"
					     "<key>ManagementFlags</key><integer>5</integer>",
		  "Acknowledged");
	status_is(&stage,
		  TYPE("InstallApplication") "<key>Identifier</key><string>example.b</string>"
					     "<key>ManagementFlags</key><integer>1</integer>",
		  "Acknowledged");
	assert_false(sim_file_is_backed_up(stage.device, &kept));
	assert_true(sim_file_is_backed_up(stage.device, &other));
	said = says(&stage, TYPE("ManagedApplicationList"));
	assert_string_equal(
		plist_get_text(plist_get_dict(plist_get_dict(said.root, "ManagedApplicationList"),
					      "example.a"),
			       "Status"),
		"Managed");
	plist_doc_free(said.doc);
	status_is(&stage,
		  TYPE("RemoveApplication") "<key>Identifier</key><string>example.a</string>",
		  "Acknowledged");
	status_is(&stage,
		  TYPE("RemoveApplication") "<key>Identifier</key><string>example.a</string>",
		  "12029");
	assert_true(sim_file_is_backed_up(stage.device, &kept));
	stage_end(&stage);
}

static void each_setting_is_answered_by_itself(void **state)
{
	struct stage stage;
	struct said said;
	const struct plist *list;

	enrolled(&stage, state, true, 0);
	said = says(
		&stage,
		TYPE("Settings") "<key>Settings</key><array>"
				 "<dict><key>Item</key><string>DeviceName</string>"
				 "<key>DeviceName</key><string>Desk 7</string></dict>"
				 "<dict><key>Item</key><string>Nonsense</string></dict></array>");
	list = plist_get_array(said.root, "Settings");
	assert_string_equal(plist_get_text(said.root, "Status"), "Acknowledged");
	assert_string_equal(plist_get_text(plist_at(list, 0), "Status"), "Acknowledged");
	assert_string_equal(plist_get_text(plist_at(list, 1), "Status"), "Error");
	assert_string_equal(sim_device_identity(stage.device)->name, "Desk 7");
	plist_doc_free(said.doc);
	stage_end(&stage);
}

/* ---- declarations ---- */

static bool lacks_test;

static const char *declare(const char *endpoint)
{
	if (!strcmp(endpoint, "tokens"))
		return lacks_test ? "{\"SyncTokens\": {\"DeclarationsToken\": \"T2\"}}"
				  : "{\"SyncTokens\": {\"DeclarationsToken\": \"T1\"}}";
	if (!strcmp(endpoint, "declaration-items"))
		return "{\"Declarations\": {\"Activations\": [{\"Identifier\": \"act\", "
		       "\"ServerToken\": \"1\"}], \"Assets\": [], \"Configurations\": "
		       "[{\"Identifier\": \"test\", \"ServerToken\": \"1\"}, {\"Identifier\": "
		       "\"odd\", \"ServerToken\": \"1\"}], \"Management\": []}}";
	if (!strcmp(endpoint, "declaration/activation/act"))
		return "{\"Type\": \"com.apple.activation.simple\", \"Identifier\": \"act\", "
		       "\"ServerToken\": \"1\", \"Payload\": {\"StandardConfigurations\": "
		       "[\"test\", \"odd\"]}}";
	if (!strcmp(endpoint, "declaration/configuration/odd"))
		return "{\"Type\": \"com.example.odd\", \"Identifier\": \"odd\", \"ServerToken\": "
		       "\"1\", \"Payload\": {}}";
	if (!strcmp(endpoint, "declaration/configuration/test") && !lacks_test)
		return "{\"Type\": \"com.apple.configuration.management.test\", \"Identifier\": "
		       "\"test\", \"ServerToken\": \"1\", \"Payload\": {}}";
	return !strcmp(endpoint, "status") ? "" : NULL;
}

static bool is_kept(struct stage *stage, const char *declaration)
{
	char fact[100], text[8];

	snprintf(fact, sizeof(fact), "mdm/ddm/configuration/%s", declaration);
	return sim_fact_get(stage->device, fact, text, sizeof(text));
}

static void declarations_are_fetched_by_token_and_reported_on(void **state)
{
	struct stage stage;

	enrolled(&stage, state, false, 0);
	lacks_test = false;
	stage.service.declare = declare;
	service_queue(&stage.service, "A", TYPE("DeclarativeManagement"));
	polls(&stage);
	assert_true(service_was_told(&stage.service, "declaration/configuration/test"));
	assert_true(is_kept(&stage, "test") && is_kept(&stage, "odd"));
	service_queue(&stage.service, "B", TYPE("DeclarativeManagement"));
	polls(&stage);
	assert_true(service_was_told(&stage.service, "tokens"));
	assert_false(service_was_told(&stage.service, "declaration-items"));
	stage_end(&stage);
}

static void a_declaration_goes_only_when_the_service_says_so(void **state)
{
	struct stage stage;

	enrolled(&stage, state, false, 0);
	lacks_test = false;
	stage.service.declare = declare;
	service_queue(&stage.service, "A", TYPE("DeclarativeManagement"));
	polls(&stage);
	/* an error is none */
	lacks_test = true;
	stage.service.trouble = "declaration-items";
	stage.service.status = 500;
	service_queue(&stage.service, "B", TYPE("DeclarativeManagement"));
	polls(&stage);
	assert_true(is_kept(&stage, "test"));
	/* let it be fetched anew, and answer 404 */
	stage.service.trouble = NULL;
	assert_int_equal(sim_fact_put_blob(stage.device, "mdm/ddm/configuration/test",
					   slice_text("{\"ServerToken\": \"0\"}"), NULL),
			 0);
	service_queue(&stage.service, "C", TYPE("DeclarativeManagement"));
	polls(&stage);
	assert_true(service_was_told(&stage.service, "declaration/configuration/test"));
	assert_false(is_kept(&stage, "test"));
	assert_true(is_kept(&stage, "odd"));
	stage_end(&stage);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(a_query_is_answered_by_right_and_version),
		IN_A_PLACE(cellular_queries_went_with_version_26),
		IN_A_PLACE(a_command_needs_its_right_and_supervision),
		IN_A_PLACE(profiles_are_listed_and_removed),
		IN_A_PLACE(the_person_does_not_remove_what_the_service_installed),
		IN_A_PLACE(the_stricter_restriction_counts_and_goes_with_its_profile),
		IN_A_PLACE(a_passcode_is_cleared_with_the_unlock_token_alone),
		IN_A_PLACE(lost_mode_allows_few_commands),
		IN_A_PLACE(a_bypass_code_has_its_form),
		IN_A_PLACE(an_app_with_flag_4_stays_out_of_backups),
		IN_A_PLACE(each_setting_is_answered_by_itself),
		IN_A_PLACE(declarations_are_fetched_by_token_and_reported_on),
		IN_A_PLACE(a_declaration_goes_only_when_the_service_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
