/*
 * usbmux packets against exact bytes, and the spelling of UDIDs.
 */
#include "link/test_frames.h"

static const uint8_t connect_packet[] = "\x18\0\0\0"
					"\x01\0\0\0"
					"\x08\0\0\0"
					"\x05\0\0\0"
					"<plist/>";
enum { CONNECT_LEN = sizeof(connect_packet) - 1 };

static void a_packet_is_read_as_laid_down(void **state)
{
	uint8_t two[CONNECT_LEN + 1];
	struct reader in = reader_of(slice_of(two, sizeof(two)));
	struct link_mux_packet packet;
	struct err err = ERR_INIT;

	memcpy(two, connect_packet, CONNECT_LEN);
	two[CONNECT_LEN] = 0x18;
	assert_int_equal(link_mux_parse(&in, &packet, &err), 0);
	assert_int_equal(packet.version, 1);
	assert_int_equal(packet.message, LINK_MUX_PLIST);
	assert_int_equal(packet.tag, 5);
	assert_true(slice_equal(packet.payload, slice_text("<plist/>")));
	assert_int_equal(in.left, 1);
}

static void a_packet_cut_anywhere_is_not_consumed(void **state)
{
	struct link_mux_packet packet;
	struct err err = ERR_INIT;

	for (size_t len = 0; len < CONNECT_LEN; len++) {
		struct reader in = reader_of(slice_of(connect_packet, len));

		assert_int_equal(link_mux_parse(&in, &packet, &err), LINK_NEED_MORE);
		assert_int_equal(in.left, len);
	}
}

static int parse_with_len(uint32_t len)
{
	uint8_t bytes[CONNECT_LEN];
	struct reader in = reader_of(slice_of(bytes, sizeof(bytes)));
	struct link_mux_packet packet;
	struct err err = ERR_INIT;

	memcpy(bytes, connect_packet, CONNECT_LEN);
	put_u32le(bytes, len);
	return link_mux_parse(&in, &packet, &err);
}

static void a_length_beyond_reason_is_refused(void **state)
{
	assert_int_equal(parse_with_len(0), ERR_PROTOCOL);
	assert_int_equal(parse_with_len(15), ERR_PROTOCOL);
	assert_int_equal(parse_with_len(16), 0); /* no payload: an old struct without fields */
	assert_int_equal(parse_with_len(LINK_MUX_LEN_MAX), LINK_NEED_MORE);
	assert_int_equal(parse_with_len(LINK_MUX_LEN_MAX + 1), ERR_LIMIT);
	assert_int_equal(parse_with_len(UINT32_MAX), ERR_LIMIT);
}

static void packets_of_other_versions_pass_for_the_caller_to_refuse(void **state)
{
	static const uint8_t old_connect[] = "\x18\0\0\0"
					     "\0\0\0\0"
					     "\x02\0\0\0"
					     "\x01\0\0\0"
					     "\x01\0\0\0\xf2\x7e\0\0";
	struct reader in = reader_of(slice_of(old_connect, sizeof(old_connect) - 1));
	struct link_mux_packet packet;
	struct err err = ERR_INIT;

	assert_int_equal(link_mux_parse(&in, &packet, &err), 0);
	assert_int_equal(packet.version, 0);
	assert_int_equal(packet.message, LINK_MUX_CONNECT);
}

static void a_result_is_a_plist_with_the_tag_of_its_request(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct link_mux_packet packet;
	struct reader in;
	const struct plist *root;
	struct err err = ERR_INIT;
	int64_t number;

	assert_int_equal(link_mux_write_result(&out, 77, LINK_MUX_REFUSED, false, &err), 0);
	in = reader_of(buf_slice(&out));
	assert_int_equal(link_mux_parse(&in, &packet, &err), 0);
	assert_int_equal(in.left, 0);
	assert_int_equal(packet.version, 1);
	assert_int_equal(packet.message, LINK_MUX_PLIST);
	assert_int_equal(packet.tag, 77);
	assert_memory_equal(packet.payload.bytes, "<?xml", 5);
	root = parse_bytes(packet.payload);
	assert_string_equal(plist_get_text(root, "MessageType"), "Result");
	assert_true(plist_get_int(root, "Number", &number));
	assert_int_equal(number, 3);
}

static void an_old_client_gets_a_binary_result(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(20);
	struct err err = ERR_INIT;

	assert_int_equal(link_mux_write_result(&out, 9, LINK_MUX_BAD_VERSION, true, &err), 0);
	assert_bytes(&out, "\x14\0\0\0"
			   "\0\0\0\0"
			   "\x01\0\0\0"
			   "\x09\0\0\0"
			   "\x06\0\0\0");
}

static void what_does_not_fit_is_not_half_written(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(30);
	struct err err = ERR_INIT;

	assert_int_equal(buf_append_text(&out, "before it comes", &err), 0);
	assert_int_equal(link_mux_write_result(&out, 1, 0, false, &err), ERR_LIMIT);
	assert_int_equal(out.len, 15);
	assert_int_equal(link_mux_write_result(&out, 1, 0, true, &err), ERR_LIMIT);
	assert_int_equal(out.len, 15);
}

static void a_packet_above_the_limit_is_not_written(void **state)
{
	static char text[LINK_MUX_LEN_MAX];
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4 * LINK_MUX_LEN_MAX);
	struct err err = ERR_INIT;
	struct plist *dict;

	memset(text, 'x', sizeof(text));
	plist_doc_reset(test_doc);
	dict = plist_new_dict(test_doc);
	plist_set(test_doc, dict, "BUID", plist_new_string(test_doc, text, sizeof(text)));
	assert_int_equal(link_mux_write_plist(&out, 1, test_doc, dict, &err), ERR_LIMIT);
	assert_int_equal(out.len, 0);
}

/* ---- UDIDs ---- */

static void each_spelling_of_a_udid_becomes_one(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"00008101-000A11112222001E", "00008101-000A11112222001E"},
		{"00008101000A11112222001E", "00008101-000A11112222001E"},
		{"00008101000a11112222001e", "00008101-000A11112222001E"},
		{"00008101-000a11112222001e", "00008101-000A11112222001E"},
		{"0123456789abcdef0123456789abcdef01234567",
		 "0123456789abcdef0123456789abcdef01234567"},
		{"0123456789ABCDEF0123456789ABCDEF01234567",
		 "0123456789abcdef0123456789abcdef01234567"},
	};
	char out[41];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_true(link_udid_normalize(cases[i].from, out));
		assert_string_equal(out, cases[i].to);
	}
}

static void what_is_no_udid_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"-",
		"../../../../etc/passwd",
		"00008101-000A11112222001",
		"00008101-000A11112222001EE",
		"000081010-00A11112222001E",
		"-00008101000A11112222001E",
		"00008101000A11112222001E-",
		"00008101-000A1111-222001E",
		"00008101-000A11112222001G",
		"00008101_000A11112222001E",
		"0123456789abcdef0123456789abcdef0123456",
		"0123456789abcdef0123456789abcdef012345678",
		"01234567-89abcdef0123456789abcdef01234567",
		"0123456789abcdef/123456789abcdef01234567",
	};
	char out[41] = "untouched";

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_false(link_udid_normalize(cases[i], out));
	assert_false(link_udid_normalize(NULL, out));
	assert_string_equal(out, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_read_as_laid_down),
		cmocka_unit_test(a_packet_cut_anywhere_is_not_consumed),
		cmocka_unit_test(a_length_beyond_reason_is_refused),
		cmocka_unit_test(packets_of_other_versions_pass_for_the_caller_to_refuse),
		cmocka_unit_test(a_result_is_a_plist_with_the_tag_of_its_request),
		cmocka_unit_test(an_old_client_gets_a_binary_result),
		cmocka_unit_test(what_does_not_fit_is_not_half_written),
		cmocka_unit_test(a_packet_above_the_limit_is_not_written),
		cmocka_unit_test(each_spelling_of_a_udid_becomes_one),
		cmocka_unit_test(what_is_no_udid_is_refused),
	};

	return cmocka_run_group_tests(tests, frames_setup, frames_teardown);
}
