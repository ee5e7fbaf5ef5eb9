/* test_wire_backup - mobilebackup2 over DeviceLink, and what faults make of it */
#include "sim/bench_client.h"
#include "sim/testing_wire.h"

enum { FILES = 40 };

static void stage(struct wire_stage *stage, const char *fault)
{
	const char *const faults[] = {fault, NULL};

	stage_open(stage,
		   (struct sim_birth){.seed = 1, .os = "18.6", .files = FILES, .file_size = 5000},
		   faults);
	person(stage, "trust_answer", "1");
}

/* ---- whole backups by the host of the benchmark ---- */

static int connect_stage(void *arg, int *fd, struct err *err)
{
	struct wire_stage *at = arg;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*fd = pair[0];
	return wire_serve(at->wire, pair[1], err);
}

static int back_up(const char *fault, struct bench_result *result, struct err *err)
{
	struct wire_stage at;
	int r;

	stage(&at, fault);
	r = bench_client_run(connect_stage, &at, clock_system(), result, err);
	stage_close(&at);
	return r;
}

static void a_host_that_keeps_nothing_gets_everything(void **state)
{
	struct bench_result result;
	struct err err = ERR_INIT;

	assert_int_equal(back_up(NULL, &result, &err), 0);
	assert_true(result.files >= FILES);
	assert_true(result.bytes >= FILES * 5000);
}

static void records_change_nothing_but_the_records(void **state)
{
	static const char *const faults[] = {"records:per-field", "records:len=700"};
	struct bench_result plain, other;
	struct err err = ERR_INIT;

	assert_int_equal(back_up(NULL, &plain, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		assert_int_equal(back_up(faults[i], &other, &err), 0);
		assert_int_equal(other.files, plain.files);
		assert_int_equal(other.bytes, plain.bytes);
	}
}

static void a_duplicate_is_one_file_more(void **state)
{
	struct bench_result plain, other;
	struct err err = ERR_INIT;

	assert_int_equal(back_up(NULL, &plain, &err), 0);
	assert_int_equal(back_up("duplicate:nth=5", &other, &err), 0);
	assert_int_equal(other.files, plain.files + 1);
	assert_int_equal(other.bytes, plain.bytes + 5000);
}

static void a_cut_comes_where_it_was_asked_for(void **state)
{
	static const char *const faults[] = {"cut:message=1",    "cut:message=6",
					     "cut:bytes=1",      "cut:bytes=50000",
					     "cut:received=100", "cut:bytes=1000..2000"};
	struct bench_result result;

	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(back_up(faults[i], &result, &err), ERR_CLOSED);
		assert_true(result.bytes < 50000);
	}
}

static void another_certificate_is_noticed_by_a_pin(void **state)
{
	struct bench_result result;
	struct err err = ERR_INIT;

	assert_int_equal(back_up("certificate", &result, &err), ERR_POLICY);
}

static void malformed_messages_are_refused_by_our_own_parsers(void **state)
{
	static const char *const faults[] = {"plist:truncated",    "plist:bomb-xml",
					     "plist:bomb-binary",  "plist:deep",
					     "plist:not-an-array", "plist:empty"};
	struct bench_result result;

	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		struct err err = ERR_INIT;
		int r = back_up(faults[i], &result, &err);

		if (r != ERR_PROTOCOL && r != ERR_LIMIT)
			fail_msg("%s: %d %s", faults[i], r, err.text);
	}
}

static void false_lengths_put_the_stream_out_of_step(void **state)
{
	static const char *const faults[] = {
		"length:as=0,nth=3", "length:as=4294967295,nth=3", "length:as=5000,of=name,nth=3",
		"length:as=2147483648,of=name,nth=3", "name:as=x,len=100000,nth=3"};
	struct bench_result result;

	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		struct err err = ERR_INIT;
		int r = back_up(faults[i], &result, &err);

		if (r != ERR_PROTOCOL && r != ERR_LIMIT && r != ERR_CLOSED)
			fail_msg("%s: %d %s", faults[i], r, err.text);
	}
}

/* ---- message by message ---- */

static const struct plist *hear_array(struct line *line, const char *name)
{
	const struct plist *message = hear(line);

	assert_string_equal(plist_text(plist_at(message, 0)), name);
	return message;
}

static void backup_open(struct line *line, struct wire_stage *at)
{
	int64_t major = 0;

	service_open(line, at, "com.apple.mobilebackup2");
	assert_true(plist_int(plist_at(hear_array(line, "DLMessageVersionExchange"), 1), &major));
	assert_int_equal(major, 400);
	buf_truncate(&line->bytes, 0);
	MUST(link_dl_write_version_ok(&line->bytes, 400, &err));
	line_send_bytes(line);
	hear_array(line, "DLMessageDeviceReady");
}

static const struct plist *request(struct line *line, struct plist *dict)
{
	buf_truncate(&line->bytes, 0);
	MUST(link_dl_write_message(&line->bytes, line->out, dict, LINK_XML, &err));
	line_send_bytes(line);
	return plist_at(hear_array(line, "DLMessageProcessMessage"), 1);
}

static int64_t code_of(const struct plist *response)
{
	int64_t code = -1;

	assert_string_equal(plist_get_text(response, "MessageName"), "Response");
	assert_true(plist_get_int(response, "ErrorCode", &code));
	return code;
}

static struct plist *hello(struct line *line, double version)
{
	struct plist *dict = line_dict(line, "MessageName", "Hello"),
		     *versions = plist_new_array(line->out);

	plist_add(line->out, versions, plist_new_real(line->out, version));
	plist_set(line->out, dict, "SupportedProtocolVersions", versions);
	return dict;
}

static void hello_finds_a_common_version_as_a_real(void **state)
{
	const struct plist *response;
	struct wire_stage at;
	struct line line;

	stage(&at, NULL);
	backup_open(&line, &at);
	assert_int_equal(code_of(request(&line, hello(&line, 3.7))), 1);
	response = request(&line, hello(&line, 2.0));
	assert_int_equal(code_of(response), 0);
	assert_int_equal(plist_get(response, "ProtocolVersion")->type, PLIST_REAL);
	line_close(&line);
	stage_close(&at);
}

static void what_a_device_no_longer_does_ends_with_an_error(void **state)
{
	static const char *const names[] = {"Info", "List", "Unback", "Extract", "Dance"};
	const struct plist *response;
	struct wire_stage at;
	struct line line;

	stage(&at, NULL);
	backup_open(&line, &at);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		response = request(&line, line_dict(&line, "MessageName", names[i]));
		assert_int_not_equal(code_of(response), 0);
		assert_non_null(
			strstr(plist_get_text(response, "ErrorDescription"), "(MBErrorDomain/"));
	}
	line_close(&line);
	stage_close(&at);
}

static void an_erase_needs_find_my_off(void **state)
{
	struct wire_stage at;
	struct line line;

	stage(&at, NULL);
	backup_open(&line, &at);
	person(&at, "find_my_is_on", "true");
	assert_int_equal(code_of(request(&line, line_dict(&line, "MessageName", "EraseDevice"))),
			 211);
	person(&at, "find_my_is_on", "false");
	assert_int_equal(code_of(request(&line, line_dict(&line, "MessageName", "EraseDevice"))),
			 0);
	line_close(&line);
	stage_close(&at);
}

static void a_password_change_asks_for_the_passcode_and_tells_all_proxies(void **state)
{
	struct line line, proxy;
	struct plist *dict;
	struct wire_stage at;

	stage(&at, NULL);
	person(&at, "has_passcode", "true");
	backup_open(&line, &at);
	service_open(&proxy, &at, "com.apple.mobile.notification_proxy");
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"com.apple.LocalAuthentication.ui.presented",
						    "com.apple.LocalAuthentication.ui.dismissed",
						    "com.apple.mobile.backup.domain_changed"};

		dict = line_dict(&proxy, "Command", "ObserveNotification");
		plist_set_text(proxy.out, dict, "Name", names[i]);
		say(&proxy, dict);
	}
	dict = line_dict(&proxy, "Command", "PostNotification");
	plist_set_text(proxy.out, dict, "Name", "com.apple.mobile.backup.domain_changed");
	assert_string_equal(plist_get_text(ask(&proxy, dict), "Name"),
			    "com.apple.mobile.backup.domain_changed");

	dict = line_dict(&line, "MessageName", "ChangePassword");
	plist_set_text(line.out, dict, "NewPassword", "eins");
	buf_truncate(&line.bytes, 0);
	MUST(link_dl_write_message(&line.bytes, line.out, dict, LINK_BINARY, &err));
	line_send_bytes(&line);
	assert_string_equal(plist_get_text(hear(&proxy), "Name"),
			    "com.apple.LocalAuthentication.ui.presented");
	person(&at, "passcode_answers", "+1");
	assert_string_equal(plist_get_text(hear(&proxy), "Name"),
			    "com.apple.LocalAuthentication.ui.dismissed");
	assert_int_equal(code_of(plist_at(hear_array(&line, "DLMessageProcessMessage"), 1)), 0);
	assert_string_equal(plist_get_text(hear(&proxy), "Name"),
			    "com.apple.mobile.backup.domain_changed");
	line_close(&line);
	line_close(&proxy);
	stage_close(&at);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_keeps_nothing_gets_everything),
		cmocka_unit_test(records_change_nothing_but_the_records),
		cmocka_unit_test(a_duplicate_is_one_file_more),
		cmocka_unit_test(a_cut_comes_where_it_was_asked_for),
		cmocka_unit_test(another_certificate_is_noticed_by_a_pin),
		cmocka_unit_test(malformed_messages_are_refused_by_our_own_parsers),
		cmocka_unit_test(false_lengths_put_the_stream_out_of_step),
		cmocka_unit_test(hello_finds_a_common_version_as_a_real),
		cmocka_unit_test(what_a_device_no_longer_does_ends_with_an_error),
		cmocka_unit_test(an_erase_needs_find_my_off),
		cmocka_unit_test(a_password_change_asks_for_the_passcode_and_tells_all_proxies),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
