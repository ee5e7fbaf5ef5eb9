/* a device and its service: enrolling, sessions, renewal, leaving */
#include "sim/testing_client.h"

static void load(struct stage *stage, struct sim_relation *relation)
{
	sim_relation_init(relation);
	assert_int_equal(sim_relation_load(stage->device, relation, NULL), 0);
}

static void cert_digest(struct stage *stage, uint8_t digest[CRYPTO_SHA256_LEN])
{
	struct sim_relation relation;

	load(stage, &relation);
	crypto_sha256(buf_slice(&relation.cert), digest);
	sim_relation_clear(&relation);
}

static bool is_enrolled(struct stage *stage)
{
	struct sim_enrollment enrollment;

	return sim_enrollment_load(stage->device, &enrollment, NULL) == 0;
}

/* ---- enrolling ---- */

static void a_device_enrolls_by_profile_and_keeps_its_identity_in_the_keychain(void **state)
{
	struct stage stage;
	struct sim_relation relation;
	struct sim_enrollment enrollment;

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	assert_string_equal(stage.service.notes[0], "SCEP GetCACert");
	assert_string_equal(stage.service.notes[1], "SCEP GetCACaps");
	assert_string_equal(stage.service.notes[2], "SCEP PKIOperation");
	assert_string_equal(stage.service.notes[3], "Authenticate");
	assert_string_equal(stage.service.notes[4], "TokenUpdate");
	assert_int_equal(stage.service.note_count, 5);
	load(&stage, &relation);
	assert_string_equal(relation.server_url, "https://mdm.example/mdm");
	assert_string_equal(relation.checkin_url, "https://mdm.example/mdm");
	assert_true(relation.checks_out && !relation.signs && !relation.is_locked);
	assert_false(sim_token_is_due(stage.device, &relation));
	sim_relation_clear(&relation);
	assert_int_equal(sim_enrollment_load(stage.device, &enrollment, NULL), 0);
	assert_true(enrollment.has_identity);
	assert_int_equal(enrollment.identity_until, TEST_NOW + 365 * 86400);
	stage_end(&stage);
}

static void a_refused_enrollment_leaves_nothing_behind(void **state)
{
	struct stage stage;

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){.challenge = "stale"}, false), 22013);
	assert_false(is_enrolled(&stage));
	stage.service.trouble = "Authenticate";
	stage.service.status = 400;
	assert_int_equal(install(&stage, &(struct paper){0}, false), 12002);
	stage.service.status = 401;
	assert_int_equal(install(&stage, &(struct paper){0}, false), 12007);
	assert_false(is_enrolled(&stage));
	assert_int_equal(sim_client_poll(&stage.client, &stage.session, NULL), SIM_DEVICE_ABSENT);
	stage_end(&stage);
}

static void a_pending_certificate_is_asked_for_again(void **state)
{
	struct stage stage;

	stage_set(&stage, state, false);
	stage.service.pending = 3;
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	assert_int_equal(stage.service.slept_ms, 2 * 10000);
	stage_end(&stage);
}

static void a_token_update_that_failed_is_sent_with_the_next_session(void **state)
{
	struct stage stage;

	stage_set(&stage, state, false);
	stage.service.trouble = "TokenUpdate";
	stage.service.status = 503;
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	polls(&stage);
	assert_int_equal(stage.session.status, 503);
	assert_false(service_was_told(&stage.service, "Idle"));
	stage.service.trouble = NULL;
	polls(&stage);
	assert_string_equal(stage.service.notes[0], "TokenUpdate");
	assert_string_equal(stage.service.notes[1], "Idle");
	polls(&stage);
	assert_int_equal(stage.service.note_count, 1);
	stage_end(&stage);
}

/* ---- renewal ---- */

static void a_new_identity_payload_renews_and_the_old_one_stays_when_it_fails(void **state)
{
	struct stage stage;
	struct sim_relation before, after;
	uint8_t first[CRYPTO_SHA256_LEN], now[CRYPTO_SHA256_LEN];

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	cert_digest(&stage, first);
	load(&stage, &before);
	stage.service.trouble = "Authenticate";
	stage.service.status = 500;
	assert_int_equal(install(&stage, &(struct paper){.scep_uuid = "SCEP-2"}, true), 12002);
	cert_digest(&stage, now);
	assert_memory_equal(first, now, sizeof(now));
	stage.service.trouble = NULL;
	service_forget(&stage.service);
	assert_int_equal(install(&stage, &(struct paper){.scep_uuid = "SCEP-2"}, true), 0);
	assert_true(service_was_told(&stage.service, "Authenticate"));
	cert_digest(&stage, now);
	assert_true(memcmp(first, now, sizeof(now)) != 0);
	assert_memory_equal(stage.service.signer, now, sizeof(now));
	load(&stage, &after);
	assert_string_equal(before.magic, after.magic);
	assert_false(sim_keychain_has(stage.device, "keys", before.row));
	/* the same payload again keeps the identity, and checks in anew */
	service_forget(&stage.service);
	assert_int_equal(install(&stage, &(struct paper){.scep_uuid = "SCEP-2"}, true), 0);
	assert_false(service_was_told(&stage.service, "SCEP PKIOperation"));
	assert_true(service_was_told(&stage.service, "Authenticate"));
	sim_relation_clear(&before);
	sim_relation_clear(&after);
	stage_end(&stage);
}

/* ---- sessions ---- */

static void a_session_goes_on_until_the_queue_is_empty(void **state)
{
	struct stage stage;

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	service_queue(&stage.service, "A",
		      "<key>RequestType</key><string>DeviceInformation</string>"
		      "<key>Queries</key><array><string>OSVersion</string></array>");
	service_queue(&stage.service, "B", "<key>RequestType</key><string>Nonsense</string>");
	service_queue(&stage.service, "C", "<key>Request</key><string>ProfileList</string>");
	polls(&stage);
	assert_true(service_was_told(&stage.service, "Acknowledged A"));
	assert_true(service_was_told(&stage.service, "Error B"));
	assert_true(service_was_told(&stage.service, "CommandFormatError C"));
	assert_int_equal(stage.session.acknowledged, 1);
	assert_int_equal(stage.session.errors, 1);
	assert_int_equal(stage.session.format_errors, 1);
	stage_end(&stage);
}

static void an_answer_is_kept_until_it_was_accepted(void **state)
{
	struct stage stage;

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	service_queue(&stage.service, "A", "<key>RequestType</key><string>ProfileList</string>");
	stage.service.trouble = "Acknowledged";
	stage.service.status = 503;
	polls(&stage);
	assert_true(service_was_told(&stage.service, "Acknowledged A"));
	stage.service.trouble = NULL;
	polls(&stage);
	assert_int_equal(stage.service.note_count, 1);
	assert_string_equal(stage.service.notes[0], "Acknowledged A");
	polls(&stage);
	assert_string_equal(stage.service.notes[0], "Idle");
	stage_end(&stage);
}

static void a_locked_device_says_not_now_but_for_what_must_be_done(void **state)
{
	struct stage stage;

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	assert_int_equal(sim_device_set_state(stage.device, "has_passcode", "true", NULL), 0);
	assert_int_equal(sim_device_set_state(stage.device, "is_locked", "true", NULL), 0);
	service_queue(&stage.service, "A",
		      "<key>RequestType</key><string>CertificateList</string>");
	service_queue(&stage.service, "B", "<key>RequestType</key><string>ProfileList</string>");
	polls(&stage);
	assert_true(service_was_told(&stage.service, "NotNow A"));
	assert_true(service_was_told(&stage.service, "Acknowledged B"));
	assert_int_equal(stage.session.not_now, 1);
	stage_end(&stage);
}

static void only_the_two_answers_of_apple_end_management(void **state)
{
	static const struct {
		int status;
		const char *body;
		bool ends;
	} answers[] = {
		{400, NULL, false},
		{403, NULL, false},
		{403, "{\"code\": \"com.apple.softwareupdate.required\"}", false},
		{404, NULL, false},
		{410, NULL, false},
		{500, NULL, false},
		{403, "{\"code\": \"com.apple.unrecognized.device\"}", true},
	};
	struct stage stage;

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	stage.service.trouble = "Idle";
	for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
		stage.service.status = answers[i].status;
		stage.service.reason = answers[i].body;
		polls(&stage);
		assert_int_equal(stage.session.was_let_go, answers[i].ends);
		assert_int_equal(is_enrolled(&stage), !answers[i].ends);
	}
	assert_false(service_was_told(&stage.service, "CheckOut"));
	stage_end(&stage);
}

/* ---- leaving ---- */

static void its_own_service_removes_the_enrollment_and_what_it_brought(void **state)
{
	struct stage stage;
	struct buf restrictions = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_chain chain = SIM_CHAIN_INIT;
	struct sim_state now;

	stage_set(&stage, state, true);
	assert_int_equal(install(&stage, &(struct paper){.is_locked = true}, false), 0);
	restrictions_write("example.r", "<key>forceEncryptedBackup</key><true/>", &restrictions);
	assert_int_equal(
		sim_client_install(&stage.client, buf_slice(&restrictions), true, &chain, NULL), 0);
	buf_clear(&restrictions);
	service_queue(&stage.service, "A",
		      "<key>RequestType</key><string>InstallApplication</string>"
		      "<key>Identifier</key><string>example.stays</string>"
		      "<key>ManagementFlags</key><integer>4</integer>");
	service_queue(&stage.service, "B",
		      "<key>RequestType</key><string>InstallApplication</string>"
		      "<key>Identifier</key><string>example.goes</string>"
		      "<key>ManagementFlags</key><integer>1</integer>");
	service_queue(&stage.service, "C",
		      "<key>RequestType</key><string>RemoveProfile</string>"
		      "<key>Identifier</key><string>example.enrollment</string>");
	assert_int_equal(sim_device_state(stage.device, &now, NULL), 0);
	assert_true(now.encryption_is_forced);
	polls(&stage);
	assert_true(service_was_told(&stage.service, "Acknowledged C"));
	assert_string_equal(stage.service.notes[stage.service.note_count - 1], "CheckOut");
	assert_false(is_enrolled(&stage));
	assert_true(sim_app_has(stage.device, "example.stays"));
	assert_false(sim_app_has(stage.device, "example.goes"));
	assert_int_equal(sim_device_state(stage.device, &now, NULL), 0);
	assert_false(now.encryption_is_forced);
	stage_end(&stage);
}

static void an_erase_is_answered_once_and_makes_a_new_push_token(void **state)
{
	struct stage stage;
	uint8_t before[SIM_TOKEN_LEN], after[SIM_TOKEN_LEN];

	stage_set(&stage, state, false);
	assert_int_equal(install(&stage, &(struct paper){0}, false), 0);
	sim_push_token(stage.device, before);
	service_queue(&stage.service, "A", "<key>RequestType</key><string>EraseDevice</string>");
	stage.service.trouble = "Acknowledged";
	stage.service.status = 503;
	polls(&stage);
	assert_true(stage.session.was_erased);
	assert_false(is_enrolled(&stage));
	sim_push_token(stage.device, after);
	assert_true(memcmp(before, after, sizeof(after)) != 0);
	assert_int_equal(sim_client_poll(&stage.client, &stage.session, NULL), SIM_DEVICE_ABSENT);
	stage_end(&stage);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(a_device_enrolls_by_profile_and_keeps_its_identity_in_the_keychain),
		IN_A_PLACE(a_refused_enrollment_leaves_nothing_behind),
		IN_A_PLACE(a_pending_certificate_is_asked_for_again),
		IN_A_PLACE(a_token_update_that_failed_is_sent_with_the_next_session),
		IN_A_PLACE(a_new_identity_payload_renews_and_the_old_one_stays_when_it_fails),
		IN_A_PLACE(a_session_goes_on_until_the_queue_is_empty),
		IN_A_PLACE(an_answer_is_kept_until_it_was_accepted),
		IN_A_PLACE(a_locked_device_says_not_now_but_for_what_must_be_done),
		IN_A_PLACE(only_the_two_answers_of_apple_end_management),
		IN_A_PLACE(its_own_service_removes_the_enrollment_and_what_it_brought),
		IN_A_PLACE(an_erase_is_answered_once_and_makes_a_new_push_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
