/*
 * Frames, and what lockdown's replies are taken for.
 */
#include "link/test_frames.h"

/* ---- frames ---- */

static const uint8_t hello_frame[] = "\0\0\0\x05hello";
enum { HELLO_LEN = sizeof(hello_frame) - 1 };

static void a_frame_is_its_length_and_its_bytes(void **state)
{
	uint8_t two[HELLO_LEN + 1] = {0};
	struct reader in = reader_of(slice_of(two, sizeof(two)));
	struct slice payload;
	struct err err = ERR_INIT;

	memcpy(two, hello_frame, HELLO_LEN);
	assert_int_equal(link_frame_parse(&in, 5, &payload, &err), 0);
	assert_true(slice_equal(payload, slice_text("hello")));
	assert_int_equal(in.left, 1);
}

static void a_frame_cut_anywhere_is_not_consumed(void **state)
{
	struct slice payload;
	struct err err = ERR_INIT;
	size_t want;

	for (size_t len = 0; len < HELLO_LEN; len++) {
		struct reader in = reader_of(slice_of(hello_frame, len));

		assert_int_equal(link_frame_parse(&in, 64, &payload, &err), LINK_NEED_MORE);
		assert_int_equal(in.left, len);
		assert_int_equal(link_frame_want(in, 64, &want, &err), 0);
		assert_int_equal(want, len < 4 ? 4 : HELLO_LEN);
	}
}

static int parse_head(const char head[4], size_t len_max)
{
	struct reader in = reader_of(slice_of(head, 4));
	struct slice payload;
	struct err err = ERR_INIT;

	return link_frame_parse(&in, len_max, &payload, &err);
}

static void a_length_is_judged_before_its_bytes_come(void **state)
{
	struct err err = ERR_INIT;
	size_t want = 99;

	assert_int_equal(parse_head("\0\0\0\0", 64), ERR_PROTOCOL);
	assert_int_equal(parse_head("\0\0\0\x40", 64), LINK_NEED_MORE);
	assert_int_equal(parse_head("\0\0\0\x41", 64), ERR_LIMIT);
	assert_int_equal(parse_head("\xff\xff\xff\xff", LINK_DL_LEN_MAX), ERR_LIMIT);
	assert_int_equal(link_frame_want(reader_of(slice_of("\xff\xff\xff\xff", 4)),
					 LINK_DL_LEN_MAX, &want, &err),
			 ERR_LIMIT);
	assert_int_equal(want, 99);
}

static void both_encodings_go_out_and_come_back(void **state)
{
	for (int encoding = LINK_XML; encoding <= LINK_BINARY; encoding++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
		struct err err = ERR_INIT;
		struct plist *dict;

		plist_doc_reset(test_doc);
		dict = link_lockdown_request(test_doc, "GetValue", "rehome");
		plist_set_text(test_doc, dict, "Key", "DeviceName");
		assert_int_equal(
			link_frame_write(&out, test_doc, dict, (enum link_encoding)encoding, &err),
			0);
		assert_int_equal(is_binary_frame(&out), encoding == LINK_BINARY);
		assert_string_equal(plist_get_text(frame_root(&out), "Request"), "GetValue");
		assert_string_equal(plist_get_text(frame_root(&out), "Label"), "rehome");
		assert_string_equal(plist_get_text(frame_root(&out), "Key"), "DeviceName");
	}
}

static void a_frame_that_does_not_fit_leaves_nothing(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(40);
	struct err err = ERR_INIT;
	struct plist *dict;

	plist_doc_reset(test_doc);
	dict = link_lockdown_request(test_doc, "QueryType", NULL);
	assert_null(plist_get(dict, "Label"));
	assert_int_equal(buf_append_text(&out, "x", &err), 0);
	assert_int_equal(link_frame_write(&out, test_doc, dict, LINK_XML, &err), ERR_LIMIT);
	assert_int_equal(link_frame_write(&out, test_doc, dict, LINK_BINARY, &err), ERR_LIMIT);
	assert_int_equal(out.len, 1);
}

/* ---- replies ---- */

#define DICT(entries) "<dict>" entries "</dict>"
#define ENTRY(key, value) "<key>" key "</key><string>" value "</string>"

static struct err check_err;

static int check(const char *body, const char *request, const char **error_name)
{
	check_err = ERR_INIT;
	return link_lockdown_check(parse_xml(body), request, error_name, &check_err);
}

static void the_answer_to_the_request_is_good(void **state)
{
	const char *name = "left from before";

	assert_int_equal(
		check(DICT(ENTRY("Request", "GetValue") ENTRY("Value", "x")), "GetValue", &name),
		0);
	assert_null(name);
	assert_int_equal(check(DICT(ENTRY("Request", "QueryType")), "QueryType", NULL), 0);
	assert_int_equal(check(DICT(ENTRY("Request", "StopSession") ENTRY("Result", "Success")),
			       "StopSession", NULL),
			 0);
}

static void an_answer_to_something_else_is_refused(void **state)
{
	assert_int_equal(check(DICT(ENTRY("Request", "SetValue")), "GetValue", NULL), ERR_PROTOCOL);
	assert_int_equal(check(DICT(""), "GetValue", NULL), ERR_PROTOCOL);
	assert_int_equal(check("<array/>", "GetValue", NULL), ERR_PROTOCOL);
	assert_int_equal(link_lockdown_check(NULL, "GetValue", NULL, &check_err), ERR_PROTOCOL);
	assert_int_equal(check(DICT("<key>Request</key><integer>1</integer>"), "GetValue", NULL),
			 ERR_PROTOCOL);
	/* some devices answer it so */
	assert_int_equal(check(DICT(ENTRY("Request", "Pair")), "Unpair", NULL), 0);
}

static void an_error_comes_with_its_name_and_words(void **state)
{
	const char *name = NULL;

	assert_int_equal(check(DICT(ENTRY("Request", "Pair") ENTRY("Error", "PasswordProtected")),
			       "Pair", &name),
			 ERR_DEVICE);
	assert_string_equal(name, "PasswordProtected");
	assert_non_null(strstr(check_err.text, "unlock it"));
	assert_non_null(strstr(check_err.text, "\"PasswordProtected\" to Pair"));

	/* whatever it answers to: an error is an error */
	assert_int_equal(check(DICT(ENTRY("Error", "UserDeniedPairing")), "Pair", NULL),
			 ERR_POLICY);
	assert_int_equal(check(DICT(ENTRY("Error", "MCProtected")), "Pair", NULL), ERR_POLICY);
}

static void an_unknown_error_is_quoted_and_escaped(void **state)
{
	const char *name = NULL;

	assert_int_equal(check(DICT(ENTRY("Error", "&#10;\xc3\xa9t\xc3\xa9")), "Pair", &name),
			 ERR_DEVICE);
	assert_non_null(name);
	assert_null(strchr(check_err.text, '\n'));
	assert_non_null(strstr(check_err.text, "\\x0a"));
	assert_ptr_equal(lockdown_error_find("NoSuchWord"), lockdown_error_find(NULL));
}

static void an_error_of_another_type_is_no_answer(void **state)
{
	const char *name = "left from before";

	assert_int_equal(
		check(DICT(ENTRY("Request", "Pair") "<key>Error</key><integer>5</integer>"), "Pair",
		      &name),
		ERR_PROTOCOL);
	assert_null(name);
}

static void old_devices_say_failure_without_a_reason(void **state)
{
	assert_int_equal(
		check(DICT(ENTRY("Request", "Pair") ENTRY("Result", "Failure")), "Pair", NULL),
		ERR_DEVICE);
}

#define CHALLENGED(data)                                                                           \
	DICT(ENTRY("Request", "Pair")                                                              \
		     ENTRY("Error", "MCChallengeRequired") "<key>ExtendedResponse</"               \
							   "key><dict><key>PairingChallenge</key>" \
							   "<data>" data "</data></dict>")

static void a_challenge_is_taken_as_it_came_and_within_bounds(void **state)
{
	struct slice challenge = SLICE_EMPTY;
	struct err err = ERR_INIT;
	char longest[512];

	assert_int_equal(
		link_lockdown_challenge(parse_xml(CHALLENGED("CgANCv8A")), &challenge, &err), 0);
	assert_true(slice_equal(challenge, slice_of("\n\0\r\n\xff\0", 6)));
	/* 64 bytes, and 66 */
	snprintf(longest, sizeof(longest), CHALLENGED("%.*sAA=="), 84,
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AAA");
	assert_int_equal(link_lockdown_challenge(parse_xml(longest), &challenge, &err), 0);
	assert_int_equal(challenge.len, LINK_CHALLENGE_MAX);
	snprintf(longest, sizeof(longest), CHALLENGED("%.*sAAAA"), 84,
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AAA");
	assert_int_equal(link_lockdown_challenge(parse_xml(longest), &challenge, &err), ERR_LIMIT);
	assert_int_equal(link_lockdown_challenge(parse_xml(CHALLENGED("")), &challenge, &err),
			 ERR_PROTOCOL);
	assert_int_equal(link_lockdown_challenge(parse_xml(DICT(ENTRY("Request", "Pair"))),
						 &challenge, &err),
			 ERR_PROTOCOL);
	assert_int_equal(challenge.len, LINK_CHALLENGE_MAX);
}

static void every_error_string_has_words_and_a_next_step(void **state)
{
	static const char *const names[] = {
		"InvalidResponse",
		"MissingKey",
		"MissingValue",
		"GetProhibited",
		"SetProhibited",
		"RemoveProhibited",
		"ImmutableValue",
		"PasswordProtected",
		"UserDeniedPairing",
		"PairingDialogResponsePending",
		"MissingHostID",
		"InvalidHostID",
		"SessionActive",
		"SessionInactive",
		"MissingSessionID",
		"InvalidSessionID",
		"MissingService",
		"InvalidService",
		"ServiceLimit",
		"MissingPairRecord",
		"SavePairRecordFailed",
		"InvalidPairRecord",
		"InvalidActivationRecord",
		"MissingActivationRecord",
		"ServiceProhibited",
		"EscrowLocked",
		"PairingProhibitedOverThisConnection",
		"FMiPProtected",
		"MCProtected",
		"MCChallengeRequired",
		"InvalidConnection",
	};
	const char *unknown = lockdown_error_find("NoSuchWord")->text;

	assert_non_null(strchr(unknown, ';'));
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *text = lockdown_error_find(names[i])->text;

		assert_ptr_not_equal(text, unknown);
		assert_non_null(strchr(text, ';')); /* what it means; what to do */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_its_length_and_its_bytes),
		cmocka_unit_test(a_frame_cut_anywhere_is_not_consumed),
		cmocka_unit_test(a_length_is_judged_before_its_bytes_come),
		cmocka_unit_test(both_encodings_go_out_and_come_back),
		cmocka_unit_test(a_frame_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(the_answer_to_the_request_is_good),
		cmocka_unit_test(an_answer_to_something_else_is_refused),
		cmocka_unit_test(an_error_comes_with_its_name_and_words),
		cmocka_unit_test(an_unknown_error_is_quoted_and_escaped),
		cmocka_unit_test(an_error_of_another_type_is_no_answer),
		cmocka_unit_test(old_devices_say_failure_without_a_reason),
		cmocka_unit_test(a_challenge_is_taken_as_it_came_and_within_bounds),
		cmocka_unit_test(every_error_string_has_words_and_a_next_step),
	};

	return cmocka_run_group_tests(tests, frames_setup, frames_teardown);
}
