/* the protocol room against what no honest peer sends */
#include "mdm/testing.h"

#define TEXT(key, value) "<key>" key "</key><string>" value "</string>"
#define UDID TEXT("UDID", "00008120-001A2B3C4D5E6F78")
#define TOPIC TEXT("Topic", "com.apple.mgmt.External.c809")
#define UPDATE                                               \
	TEXT("MessageType", "TokenUpdate")                   \
	UDID TOPIC "<key>Token</key><data>AQID</data>" TEXT( \
		"PushMagic", "magic") "<key>UnlockToken</key><data>BAUG</data>"

static void add(struct message *message, const char *text)
{
	assert_int_equal(buf_append_text(&message->text, text, &message->err), 0);
}

static void add_times(struct message *message, const char *text, size_t count)
{
	while (count--)
		add(message, text);
}

static int checkin_of(struct message *message, struct slice bytes)
{
	struct mdm_checkin read;

	message->err = ERR_INIT;
	plist_doc_reset(message->doc);
	return mdm_checkin_parse(message->doc, bytes, &read, &message->err);
}

/* UPDATE with one more text of @len bytes, or in place of the one that it has */
static int update_with(struct message *message, const char *key, size_t len)
{
	buf_truncate(&message->text, 0);
	add(message, HEAD "<dict><key>");
	add(message, key);
	add(message, "</key><string>");
	add_times(message, "a", len);
	add(message, "</string>" UPDATE "</dict></plist>");
	return checkin_of(message, buf_slice(&message->text));
}

static void a_text_is_read_up_to_its_limit_and_refused_beyond_with_its_key(void **state)
{
	static const struct {
		const char *key;
		size_t max;
	} limits[] = {{"UDID", MDM_ID_MAX / 2},
		      {"EnrollmentID", MDM_ID_MAX / 2},
		      {"UserID", MDM_ID_MAX / 2},
		      {"UserShortName", MDM_ID_MAX / 2},
		      {"Topic", 255},
		      {"PushMagic", 255}};
	struct message *message = *state;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(limits); i++) {
		assert_int_equal(update_with(message, limits[i].key, limits[i].max), 0);
		assert_int_equal(update_with(message, limits[i].key, limits[i].max + 1), ERR_LIMIT);
		assert_non_null(strstr(message->err.text, limits[i].key));
	}
}

static void the_longest_id_of_device_and_user_fits(void **state)
{
	struct message *message = *state;
	struct mdm_checkin read;

	add(message, HEAD "<dict><key>UDID</key><string>");
	add_times(message, "d", MDM_ID_MAX / 2);
	add(message, "</string><key>UserID</key><string>");
	add_times(message, "u", MDM_ID_MAX / 2);
	add(message, "</string>" UPDATE "</dict></plist>");
	assert_int_equal(
		mdm_checkin_parse(message->doc, buf_slice(&message->text), &read, &message->err),
		0);
	assert_int_equal(strlen(read.from.id), 2 * (MDM_ID_MAX / 2) + 1);
	assert_int_equal(read.from.id[MDM_ID_MAX / 2], ':');
}

static void ids_that_would_be_another_device_are_refused(void **state)
{
	static const char *const ids[] = {"",     " ",    "a b", "a:b",     "a/b",       "../x",
					  "a\tb", "a\nb", "ä",   "a&#x7f;", "a\xc2\xa0", "&#9;"};
	struct message *message = *state;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		buf_truncate(&message->text, 0);
		add(message, HEAD "<dict><key>UDID</key><string>");
		add(message, ids[i]);
		add(message, "</string>" TEXT("MessageType", "CheckOut") TOPIC "</dict></plist>");
		assert_int_equal(checkin_of(message, buf_slice(&message->text)), ERR_PROTOCOL);
	}
}

/* {"UDID": "a\0b", "MessageType": "CheckOut", "Topic": "t"}: XML cannot say it, binary can */
static void an_inner_nul_does_not_shorten_an_id(void **state)
{
	static const uint8_t binary[] =
		"bplist00"
		"\xd3\x01\x02\x03\x04\x05\x06"
		"TUDID"
		"[MessageType"
		"UTopic"
		"Sa\0b"
		"XCheckOut"
		"Qt"
		"\x08\x0f\x14\x20\x26\x2a\x33"
		"\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x35";
	struct message *message = *state;
	struct slice bytes = slice_of(binary, sizeof(binary) - 1);
	uint8_t honest[sizeof(binary)];

	memcpy(honest, binary, sizeof(binary));
	honest[0x28] = 'x';
	assert_int_equal(checkin_of(message, slice_of(honest, bytes.len)), 0);
	assert_int_equal(checkin_of(message, bytes), ERR_PROTOCOL);
	assert_non_null(strstr(message->err.text, "UDID"));
}

static void bombs_are_refused_before_they_grow(void **state)
{
	struct message *message = *state;

	add(message, "<?xml version=\"1.0\"?><!DOCTYPE plist [<!ENTITY a \"aaaaaaaaaa\">"
		     "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><plist><dict>" UDID
		     "<key>MessageType</key><string>&b;</string></dict></plist>");
	assert_int_equal(checkin_of(message, buf_slice(&message->text)), ERR_PROTOCOL);

	buf_truncate(&message->text, 0);
	add(message, HEAD "<dict>" UPDATE "<key>Deep</key>");
	add_times(message, "<array>", 100);
	add_times(message, "</array>", 100);
	add(message, "</dict></plist>");
	assert_int_equal(checkin_of(message, buf_slice(&message->text)), ERR_LIMIT);

	buf_truncate(&message->text, 0);
	add(message, HEAD "<dict>" UPDATE "</dict></plist>");
	add_times(message, " ", MDM_CHECKIN_MAX);
	assert_int_equal(checkin_of(message, buf_slice(&message->text)), ERR_LIMIT);
}

/* bplist00 {"UDID": "d", "MessageType": "CheckOut", "Topic": [a long text, @times over]} */
static void add_repeating(struct message *message, unsigned times, unsigned len)
{
	const uint8_t ref = 7, offset_width = 4, ref_width = 1;
	uint32_t offsets[8];
	struct buf *out = &message->text;
	struct err *err = &message->err;
	size_t i;

	buf_truncate(out, 0);
	add(message, "bplist00");
	offsets[0] = (uint32_t)out->len;
	buf_append(out, "\xd3\1\2\3\4\5\6", 7, err);
	offsets[1] = (uint32_t)out->len;
	add(message, "TUDID");
	offsets[2] = (uint32_t)out->len;
	add(message, "[MessageType");
	offsets[3] = (uint32_t)out->len;
	add(message, "UTopic");
	offsets[4] = (uint32_t)out->len;
	add(message, "Qd");
	offsets[5] = (uint32_t)out->len;
	add(message, "XCheckOut");
	offsets[6] = (uint32_t)out->len;
	buf_append(out, "\xaf\x12", 2, err);
	buf_append_u32be(out, times, err);
	for (i = 0; i < times; i++)
		buf_append_u8(out, ref, err);
	offsets[7] = (uint32_t)out->len;
	buf_append(out, "\x5f\x12", 2, err);
	buf_append_u32be(out, len, err);
	add_times(message, "a", len);
	i = out->len;
	for (size_t n = 0; n < ARRAY_COUNT(offsets); n++)
		buf_append_u32be(out, offsets[n], err);
	buf_append(out, "\0\0\0\0\0\0", 6, err);
	buf_append_u8(out, offset_width, err);
	buf_append_u8(out, ref_width, err);
	buf_append_u64be(out, ARRAY_COUNT(offsets), err);
	buf_append_u64be(out, 0, err);
	assert_int_equal(buf_append_u64be(out, i, err), 0);
}

static void one_text_under_a_thousand_numbers_is_refused_before_it_is_written_out(void **state)
{
	struct message *message = *state;

	add_repeating(message, 10, 1000);
	assert_int_equal(checkin_of(message, buf_slice(&message->text)), ERR_PROTOCOL);
	assert_non_null(strstr(message->err.text, "Topic")); /* readable, but no text */
	add_repeating(message, 5000, 100000);
	assert_int_equal(checkin_of(message, buf_slice(&message->text)), ERR_LIMIT);
	assert_non_null(strstr(message->err.text, "500000"));
}

static void a_cut_or_flipped_message_is_refused_or_read_never_both(void **state)
{
	static const char whole[] = HEAD "<dict>" UPDATE "</dict></plist>";
	struct message *message = *state;
	char flipped[sizeof(whole)];
	size_t at;
	int bit, r;

	for (at = 0; at < sizeof(whole) - 1; at++) {
		r = checkin_of(message, slice_of(whole, at));
		assert_int_equal(r, ERR_PROTOCOL);
		assert_true(message->err.text[0]);
		for (bit = 0; bit < 8; bit++) {
			memcpy(flipped, whole, sizeof(whole));
			flipped[at] = (char)(flipped[at] ^ (1 << bit));
			r = checkin_of(message, slice_of(flipped, sizeof(whole) - 1));
			assert_true(r == 0 || r == ERR_PROTOCOL || r == ERR_LIMIT);
		}
	}
}

static void of_a_repeated_key_the_first_counts_everywhere(void **state)
{
	CLEANUP(buf_clear) struct buf json = BUF_INIT(4096);
	struct message *message = *state;
	struct mdm_report report;

	add(message, HEAD "<dict>" UDID TEXT("Status", "Idle") TEXT("UDID", "another")
			     TEXT("Status", "Error") "</dict></plist>");
	assert_int_equal(
		mdm_report_parse(message->doc, buf_slice(&message->text), &report, &message->err),
		0);
	assert_string_equal(report.from.id, "00008120-001A2B3C4D5E6F78");
	assert_int_equal(report.status, MDM_IDLE);
	assert_int_equal(mdm_plist_json(report.root, NULL, &json, &message->err), 0);
	assert_string_equal(buf_text(&json),
			    "{\"UDID\":\"00008120-001A2B3C4D5E6F78\",\"Status\":\"Idle\"}");
}

static void an_error_chain_is_kept_to_sixteen_links_of_bounded_text(void **state)
{
	static const char *const fillers[] = {"ä", "&quot;", "&#10;", "\\"};
	struct message *message = *state;
	struct mdm_report report;
	size_t i, n;

	for (n = 0; n < ARRAY_COUNT(fillers); n++) {
		CLEANUP(buf_clear) struct buf json = BUF_INIT(48 << 10);

		buf_truncate(&message->text, 0);
		add(message, HEAD "<dict>" UDID TEXT("Status", "Error")
				     TEXT("CommandUUID", "c") "<key>ErrorChain</key><array>");
		for (i = 0; i < MDM_ERRORS_MAX + 4; i++) {
			add(message, "<dict><key>ErrorCode</key><integer>-9223372036854775808"
				     "</integer><key>ErrorDomain</key><string>a");
			add_times(message, fillers[n], MDM_TEXT_MAX);
			add(message, "</string><key>LocalizedDescription</key><string>a");
			add_times(message, fillers[n], MDM_TEXT_MAX);
			add(message, "</string></dict>");
		}
		add(message, "</array></dict></plist>");
		assert_int_equal(mdm_report_parse(message->doc, buf_slice(&message->text), &report,
						  &message->err),
				 0);
		assert_int_equal(report.error_count, MDM_ERRORS_MAX);
		assert_int_equal(mdm_errors_json(&report, &json, &message->err), 0);
		assert_true(json.len > (size_t)MDM_ERRORS_MAX * MDM_TEXT_MAX);
		assert_true(text_is_utf8(buf_text(&json), json.len));
	}
}

/* else it would be stored, and fail at each delivery */
static void the_longest_profile_fits_into_a_command(void **state)
{
	CLEANUP(buf_clear) struct buf dict = BUF_INIT(MDM_COMMAND_MAX);
	CLEANUP(buf_clear) struct buf whole = BUF_INIT(MDM_COMMAND_MAX);
	struct message *message = *state;
	struct mdm_command command;

	add_times(message, "p", MDM_PROFILE_MAX);
	assert_int_equal(mdm_build_install_profile(buf_slice(&message->text), &dict, &message->err),
			 0);
	assert_int_equal(mdm_command_parse(message->doc, buf_slice(&dict), &command, &message->err),
			 0);
	assert_int_equal(command.payload.len, MDM_PROFILE_MAX);
	assert_int_equal(mdm_command_write(command.command, "5E0D4F0B-0000-4000-8000-000000000000",
					   SLICE_EMPTY, &whole, &message->err),
			 0);
	assert_int_equal(
		mdm_command_parse(message->doc, buf_slice(&whole), &command, &message->err), 0);
}

static void a_profile_has_at_most_so_many_payloads(void **state)
{
	struct message *message = *state;
	struct mdm_profile profile;
	size_t i;
	int r;

	for (i = 0; i < 2; i++) {
		buf_truncate(&message->text, 0);
		add(message, HEAD
		    "<dict>" TEXT("PayloadType", "Configuration") TEXT("PayloadIdentifier", "a")
			    TEXT("PayloadUUID", "u") "<key>PayloadContent</key><array>");
		add_times(message, "<dict>" TEXT("PayloadType", "t") "</dict>",
			  MDM_PAYLOADS_MAX + i);
		add(message, "</array></dict></plist>");
		r = mdm_profile_parse(message->doc, buf_slice(&message->text), &profile,
				      &message->err);
		assert_int_equal(r, i ? ERR_LIMIT : 0);
	}
}

static int count_declared(void *arg, const struct mdm_declared *declared, struct err *err)
{
	(*(size_t *)arg)++;
	return 0;
}

static void a_status_report_names_at_most_so_many_declarations(void **state)
{
	struct message *message = *state;
	bool is_full;
	size_t i, count;

	for (i = 0; i < 2; i++) {
		buf_truncate(&message->text, 0);
		count = 0;
		add(message, "{\"StatusItems\":{\"management\":{\"declarations\":{\"assets\":[");
		add_times(message, "{\"identifier\":\"x\"},", MDM_DECLARED_MAX - 1 + i);
		add(message, "{\"identifier\":\"y\"}]}}}}");
		assert_int_equal(mdm_status_read(buf_slice(&message->text), &is_full,
						 count_declared, &count, &message->err),
				 i ? ERR_LIMIT : 0);
		assert_int_equal(count, MDM_DECLARED_MAX);
	}
}

static void json_that_only_nests_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf items = BUF_INIT(1 << 20);
	struct message *message = *state;

	add_times(message, "{\"StatusItems\":", 100000);
	assert_int_equal(
		mdm_status_merge(SLICE_EMPTY, buf_slice(&message->text), &items, &message->err),
		ERR_LIMIT); /* 1.5 MB */
	buf_truncate(&message->text, 15 * 50000);
	assert_int_equal(
		mdm_status_merge(SLICE_EMPTY, buf_slice(&message->text), &items, &message->err),
		ERR_PROTOCOL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_text_is_read_up_to_its_limit_and_refused_beyond_with_its_key),
		CASE(the_longest_id_of_device_and_user_fits),
		CASE(ids_that_would_be_another_device_are_refused),
		CASE(an_inner_nul_does_not_shorten_an_id),
		CASE(bombs_are_refused_before_they_grow),
		CASE(one_text_under_a_thousand_numbers_is_refused_before_it_is_written_out),
		CASE(a_cut_or_flipped_message_is_refused_or_read_never_both),
		CASE(of_a_repeated_key_the_first_counts_everywhere),
		CASE(an_error_chain_is_kept_to_sixteen_links_of_bounded_text),
		CASE(the_longest_profile_fits_into_a_command),
		CASE(a_profile_has_at_most_so_many_payloads),
		CASE(a_status_report_names_at_most_so_many_declarations),
		CASE(json_that_only_nests_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
