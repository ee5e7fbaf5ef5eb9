/* pushes judged as Apple documents it, and where they wait */
#include "sim/apns.h"
#include "sim/testing_host.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct apns_request good(void)
{
	return (struct apns_request){.method = "POST",
				     .path = "/3/device/" TOKEN,
				     .topic = "com.apple.mgmt.External.1",
				     .push_type = "mdm",
				     .expiration = "1793520000",
				     .priority = "10",
				     .body_len = 40,
				     .cert_topic = "com.apple.mgmt.External.1"};
}

#define JUDGED(field, value, expected_status, expected_reason)                                    \
	do {                                                                                      \
		struct apns_request request_ = good();                                            \
		struct apns_verdict verdict_;                                                     \
		snprintf(request_.field, sizeof(request_.field), "%s", value);                    \
		apns_judge(&request_, &verdict_);                                                 \
		assert_int_equal(verdict_.status, expected_status);                               \
		assert_string_equal(verdict_.reason ? verdict_.reason : "none", expected_reason); \
	} while (0)

static void a_push_is_refused_by_the_header_that_is_wrong(void **state)
{
	(void)state;
	JUDGED(topic, "com.apple.mgmt.External.1", 200, "none");
	JUDGED(topic, "", 200, "none");
	JUDGED(topic, "com.example.app", 400, "BadTopic");
	JUDGED(topic, "com.apple.mgmt.External.2", 400, "TopicDisallowed");
	JUDGED(push_type, "alert", 400, "InvalidPushType");
	JUDGED(expiration, "soon", 400, "BadExpirationDate");
	JUDGED(priority, "7", 400, "BadPriority");
	JUDGED(id, "no uuid", 400, "BadMessageId");
	JUDGED(id, "1A21A02E-1877-84DF-B57A-26736928CB53", 200, "none");
	JUDGED(method, "PUT", 405, "MethodNotAllowed");
	JUDGED(path, "/4/device/" TOKEN, 404, "BadPath");
	JUDGED(path, "/3/device/", 400, "MissingDeviceToken");
	JUDGED(path, "/3/device/0011", 400, "BadDeviceToken");
	JUDGED(path, "/3/device/../../etc/passwd", 400, "BadDeviceToken");
}

static void certificate_and_size_are_judged_too(void **state)
{
	struct apns_request request = good();
	struct apns_verdict verdict;

	(void)state;
	request.cert_topic = "";
	apns_judge(&request, &verdict);
	assert_string_equal(verdict.reason, "BadCertificate");
	request = good();
	request.cert_is_expired = true;
	apns_judge(&request, &verdict);
	assert_int_equal(verdict.status, 403);
	request = good();
	request.body_len = 0;
	apns_judge(&request, &verdict);
	assert_string_equal(verdict.reason, "PayloadEmpty");
	request.body_len = APNS_BODY_MAX + 1;
	apns_judge(&request, &verdict);
	assert_int_equal(verdict.status, 413);
	request = good();
	request.has_duplicate = true;
	apns_judge(&request, &verdict);
	assert_string_equal(verdict.reason, "DuplicateHeaders");
}

static void a_token_that_was_given_up_is_unregistered(void **state)
{
	struct apns_request request = good();
	struct apns_verdict verdict;

	(void)state;
	apns_judge(&request, &verdict);
	apns_judge_token(&verdict, APNS_UNKNOWN, false);
	assert_int_equal(verdict.status, 200);
	apns_judge_token(&verdict, APNS_GONE, false);
	assert_int_equal(verdict.status, 410);
	apns_judge(&request, &verdict);
	apns_judge_token(&verdict, APNS_UNKNOWN, true);
	assert_string_equal(verdict.reason, "BadDeviceToken");
}

static void the_newest_push_waits_until_it_is_taken_or_expires(void **state)
{
	char folder[256], topic[APNS_TOPIC_MAX];
	struct buf body = BUF_INIT(APNS_BODY_MAX);

	place_path(*state, "apns", folder);
	assert_int_equal(apns_folder_make(folder, NULL), 0);
	assert_int_equal(apns_folder_presence(folder, TOKEN), APNS_UNKNOWN);
	assert_int_equal(apns_folder_listen(folder, TOKEN, NULL, NULL), 0);
	assert_int_equal(apns_folder_presence(folder, TOKEN), APNS_HERE);
	assert_int_equal(apns_folder_put(folder, TOKEN, "t", -1, slice_text("first"), NULL), 0);
	assert_int_equal(apns_folder_put(folder, TOKEN, "t", -1, slice_text("second"), NULL), 0);
	assert_int_equal(apns_folder_take(folder, TOKEN, TEST_NOW, topic, &body, NULL), 0);
	assert_string_equal(buf_text(&body), "second");
	assert_string_equal(topic, "t");
	assert_int_equal(apns_folder_take(folder, TOKEN, TEST_NOW, topic, &body, NULL),
			 ERR_NOT_FOUND);
	assert_int_equal(
		apns_folder_put(folder, TOKEN, "t", TEST_NOW - 1, slice_text("late"), NULL), 0);
	assert_int_equal(apns_folder_take(folder, TOKEN, TEST_NOW, topic, &body, NULL),
			 ERR_NOT_FOUND);
	/* another token of the same device */
	assert_int_equal(apns_folder_listen(folder, "00ff", TOKEN, NULL), 0);
	assert_int_equal(apns_folder_presence(folder, TOKEN), APNS_GONE);
	assert_int_equal(apns_folder_listen(folder, TOKEN, "00ff", NULL), 0);
	assert_int_equal(apns_folder_presence(folder, TOKEN), APNS_HERE);
	buf_clear(&body);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_push_is_refused_by_the_header_that_is_wrong),
		cmocka_unit_test(certificate_and_size_are_judged_too),
		cmocka_unit_test(a_token_that_was_given_up_is_unregistered),
		IN_A_PLACE(the_newest_push_waits_until_it_is_taken_or_expires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
