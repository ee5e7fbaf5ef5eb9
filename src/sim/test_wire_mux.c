/* test_wire_mux - usbmux as clients know it */
#include "sim/testing_wire.h"

#include <errno.h>

static int set_up(void **state)
{
	static struct wire_stage stage;

	stage_open(&stage, (struct sim_birth){.seed = 1}, NULL);
	*state = &stage;
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	return 0;
}

static void a_device_is_listed_without_the_dash(void **state)
{
	struct wire_stage *stage = *state;
	const char *udid = sim_device_identity(stage->device)->udid;
	const struct plist *reply, *properties;
	struct line line;
	char text[41];

	line_open(&line, stage);
	reply = mux_ask(&line, line_dict(&line, "MessageType", "ListDevices"));
	assert_int_equal(plist_get_array(reply, "DeviceList")->as.items.count, 1);
	properties =
		plist_get_dict(plist_at(plist_get_array(reply, "DeviceList"), 0), "Properties");
	assert_int_equal(strlen(plist_get_text(properties, "SerialNumber")), 24);
	assert_true(link_udid_normalize(plist_get_text(properties, "SerialNumber"), text));
	assert_string_equal(text, udid);
	assert_string_equal(plist_get_text(properties, "ConnectionType"), "USB");
	line_close(&line);
}

static void the_reply_repeats_the_tag_and_the_socket_takes_further_commands(void **state)
{
	struct line line;
	char first[64];
	uint32_t tag = 0;

	line_open(&line, *state);
	snprintf(first, sizeof(first), "%s",
		 plist_get_text(mux_ask(&line, line_dict(&line, "MessageType", "ReadBUID")),
				"BUID"));
	MUST(link_mux_write_plist(&line.bytes, 4711, line.out,
				  line_dict(&line, "MessageType", "ReadBUID"), &err));
	line_send_bytes(&line);
	assert_string_equal(plist_get_text(mux_hear(&line, &tag), "BUID"), first);
	assert_int_equal(tag, 4711);
	line_close(&line);
}

static void an_old_binary_command_is_answered_with_bad_version(void **state)
{
	/* length 16, version 0, message 3 (Listen), tag 9; little endian */
	static const uint8_t listen[16] = {16, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0};
	static const uint8_t answer[20] = {20, 0, 0, 0, 0, 0, 0, 0, 1, 0,
					   0,  0, 9, 0, 0, 0, 6, 0, 0, 0};
	uint8_t got[sizeof(answer)];
	struct line line;

	line_open(&line, *state);
	MUST(buf_append(&line.bytes, listen, sizeof(listen), &err));
	line_send_bytes(&line);
	MUST(conn_read(line.conn, got, sizeof(got), &err));
	assert_memory_equal(got, answer, sizeof(answer));
	line_close(&line);
}

static void connecting_says_what_is_wrong(void **state)
{
	struct line line;

	line_open(&line, *state);
	assert_int_equal(mux_connect(&line, 99, LINK_LOCKDOWN_PORT), LINK_MUX_BAD_DEVICE);
	assert_int_equal(mux_connect(&line, 1, 12345), LINK_MUX_REFUSED);
	assert_int_equal(mux_connect(&line, 1, LINK_LOCKDOWN_PORT), LINK_MUX_OK);
	/* now it is lockdown */
	assert_string_equal(
		plist_get_text(ask(&line, line_dict(&line, "Request", "QueryType")), "Type"),
		"com.apple.mobile.lockdown");
	line_close(&line);
}

static void an_unknown_command_is_a_bad_one(void **state)
{
	struct line line;

	line_open(&line, *state);
	assert_int_equal(mux_number(mux_ask(&line, line_dict(&line, "MessageType", "Dance"))),
			 LINK_MUX_BAD_COMMAND);
	assert_int_equal(mux_number(mux_ask(&line, line_dict(&line, "Nothing", "x"))),
			 LINK_MUX_BAD_COMMAND);
	line_close(&line);
}

static void a_pair_record_is_found_under_both_forms_of_the_udid(void **state)
{
	struct wire_stage *stage = *state;
	const char *udid = sim_device_identity(stage->device)->udid;
	char bare[41] = "";
	struct plist *request;
	struct slice record;
	struct line line;

	snprintf(bare, sizeof(bare), "%.8s%s", udid, udid + 9);
	line_open(&line, stage);
	request = line_dict(&line, "MessageType", "ReadPairRecord");
	plist_set_text(line.out, request, "PairRecordID", udid);
	assert_int_equal(mux_number(mux_ask(&line, request)), ENOENT);
	request = line_dict(&line, "MessageType", "SavePairRecord");
	plist_set_text(line.out, request, "PairRecordID", bare);
	plist_set_data(line.out, request, "PairRecordData", slice_text("a record"));
	assert_int_equal(mux_number(mux_ask(&line, request)), 0);
	request = line_dict(&line, "MessageType", "ReadPairRecord");
	plist_set_text(line.out, request, "PairRecordID", udid);
	assert_true(plist_get_data(mux_ask(&line, request), "PairRecordData", &record));
	assert_true(slice_equal(record, slice_text("a record")));
	request = line_dict(&line, "MessageType", "DeletePairRecord");
	plist_set_text(line.out, request, "PairRecordID", udid);
	assert_int_equal(mux_number(mux_ask(&line, request)), 0);
	request = line_dict(&line, "MessageType", "DeletePairRecord");
	plist_set_text(line.out, request, "PairRecordID", bare);
	assert_int_equal(mux_number(mux_ask(&line, request)), ENOENT);
	line_close(&line);
}

static void a_pair_record_id_that_is_a_path_is_refused(void **state)
{
	static const char *const ids[] = {"../../etc/passwd", "", "0000FE5A-0000000000000000/..",
					  "SystemConfiguration"};
	static const char *const types[] = {"ReadPairRecord", "SavePairRecord", "DeletePairRecord"};
	struct line line;

	line_open(&line, *state);
	for (size_t i = 0; i < ARRAY_COUNT(ids) * ARRAY_COUNT(types); i++) {
		struct plist *request =
			line_dict(&line, "MessageType", types[i % ARRAY_COUNT(types)]);

		plist_set_text(line.out, request, "PairRecordID", ids[i / ARRAY_COUNT(types)]);
		plist_set_data(line.out, request, "PairRecordData", slice_text("x"));
		assert_int_equal(mux_number(mux_ask(&line, request)), EINVAL);
	}
	line_close(&line);
}

static void assert_event(struct line *line, const char *type, int64_t device)
{
	uint32_t tag = 1;
	const struct plist *event = mux_hear(line, &tag);
	int64_t id = 0;

	assert_string_equal(plist_get_text(event, "MessageType"), type);
	assert_true(plist_get_int(event, "DeviceID", &id));
	assert_int_equal(id, device);
	assert_int_equal(tag, 0);
}

static void listeners_hear_of_cables_and_pairings(void **state)
{
	struct wire_stage *stage = *state;
	struct line line, other;
	struct plist *request;

	line_open(&line, stage);
	assert_int_equal(mux_number(mux_ask(&line, line_dict(&line, "MessageType", "Listen"))), 0);
	assert_event(&line, "Attached", 1);
	line_open(&other, stage);
	request = line_dict(&other, "MessageType", "SavePairRecord");
	plist_set_text(other.out, request, "PairRecordID",
		       sim_device_identity(stage->device)->udid);
	plist_set_data(other.out, request, "PairRecordData", slice_text("r"));
	plist_set_int(other.out, request, "DeviceID", 1);
	assert_int_equal(mux_number(mux_ask(&other, request)), 0);
	assert_event(&line, "Paired", 1);
	assert_int_equal(mux_connect(&other, 1, LINK_LOCKDOWN_PORT), 0);
	person(stage, "is_unplugged", "true");
	wire_watch(stage->wire);
	assert_event(&line, "Detached", 1);
	assert_true(is_over(&other)); /* what ran through the cable breaks off */
	line_close(&other);
	line_open(&other, stage);
	assert_int_equal(
		plist_get_array(mux_ask(&other, line_dict(&other, "MessageType", "ListDevices")),
				"DeviceList")
			->as.items.count,
		0);
	person(stage, "is_unplugged", "false");
	wire_watch(stage->wire);
	assert_event(&line, "Attached", 2);
	line_close(&other);
	line_close(&line);
}

static void garbage_ends_the_connection_and_nothing_else(void **state)
{
	struct line line, other;

	line_open(&line, *state);
	MUST(buf_append_text(&line.bytes, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", &err));
	line_send_bytes(&line);
	assert_true(is_over(&line));
	line_close(&line);
	line_open(&other, *state);
	assert_non_null(plist_get_text(
		mux_ask(&other, line_dict(&other, "MessageType", "ReadBUID")), "BUID"));
	line_close(&other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_is_listed_without_the_dash, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			the_reply_repeats_the_tag_and_the_socket_takes_further_commands, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(an_old_binary_command_is_answered_with_bad_version,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(connecting_says_what_is_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unknown_command_is_a_bad_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pair_record_is_found_under_both_forms_of_the_udid,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pair_record_id_that_is_a_path_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(listeners_hear_of_cables_and_pairings, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(garbage_ends_the_connection_and_nothing_else,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
