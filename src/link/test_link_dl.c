/*
 * DeviceLink control messages, read: everything that may come in.
 */
#include <math.h>

#include "link/test_frames.h"

#define ARRAY(elements) "<array>" elements "</array>"
#define TEXT(text) "<string>" text "</string>"
#define INT(number) "<integer>" number "</integer>"
#define REAL(number) "<real>" number "</real>"
#define NOTHING "<dict/>"
#define MARKER TEXT(LINK_DL_EMPTY)

static struct err parse_err;

static int parse(const char *body, struct link_dl *message)
{
	parse_err = ERR_INIT;
	return link_dl_parse(parse_xml(body), message, &parse_err);
}

static void both_sides_of_the_version_exchange_are_read(void **state)
{
	struct link_dl message;

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageVersionExchange") INT("400") INT("7")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_VERSION_EXCHANGE);
	assert_null(message.text);
	assert_int_equal(message.major, 400);
	assert_int_equal(message.minor, 7);

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageVersionExchange") TEXT("DLVersionsOk") INT("300")),
		      &message),
		0);
	assert_string_equal(message.text, "DLVersionsOk");
	assert_int_equal(message.major, 300);

	/* the minor number, and the major of a host, may be missing */
	assert_int_equal(parse(ARRAY(TEXT("DLMessageVersionExchange") INT("100")), &message), 0);
	assert_int_equal(message.major, 100);
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageVersionExchange") TEXT("DLVersionsOk")), &message), 0);
	assert_int_equal(message.major, 0);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageVersionExchange")), &message), ERR_PROTOCOL);
}

static void file_requests_give_their_list_and_progress(void **state)
{
	struct link_dl message;

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageDownloadFiles") ARRAY(TEXT("U/Status.plist") TEXT("U/x"))
				    NOTHING REAL("12.5") INT("0")),
		      &message),
		0);
	assert_int_equal(message.kind, LINK_DL_DOWNLOAD_FILES);
	assert_int_equal(message.paths->as.items.count, 2);
	assert_string_equal(plist_text(plist_at(message.paths, 1)), "U/x");
	assert_true(message.progress == 12.5);

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageUploadFiles") NOTHING INT("50") INT("8192")), &message),
		0);
	assert_int_equal(message.kind, LINK_DL_UPLOAD_FILES);
	assert_true(message.progress == 50);
	assert_true(message.total == 8192);

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageRemoveFiles") ARRAY(TEXT("U/Snapshot"))), &message), 0);
	assert_int_equal(message.kind, LINK_DL_REMOVE_ITEMS);
	assert_true(isnan(message.progress));

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageMoveFiles") "<dict><key>a</key><string>b</string>"
						       "</dict>" NOTHING REAL("100")),
		      &message),
		0);
	assert_int_equal(message.kind, LINK_DL_MOVE_ITEMS);
	assert_string_equal(plist_get_text(message.moves, "a"), "b");
	assert_true(message.progress == 100);
}

static void an_empty_list_of_files_is_legal(void **state)
{
	struct link_dl message;

	assert_int_equal(parse(ARRAY(TEXT("DLMessageDownloadFiles") "<array/>"), &message), 0);
	assert_int_equal(message.paths->as.items.count, 0);
}

static void path_requests_give_their_paths(void **state)
{
	struct link_dl message;

	assert_int_equal(parse(ARRAY(TEXT("DLContentsOfDirectory") TEXT("U")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_CONTENTS);
	assert_string_equal(message.path, "U");
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageCreateDirectory") TEXT("U/0a") NOTHING), &message), 0);
	assert_int_equal(message.kind, LINK_DL_CREATE_DIRECTORY);
	assert_string_equal(message.path, "U/0a");
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageCopyItem") TEXT("a") TEXT("b") NOTHING), &message), 0);
	assert_int_equal(message.kind, LINK_DL_COPY_ITEM);
	assert_string_equal(message.path, "a");
	assert_string_equal(message.destination, "b");
	/* the marker stands for an empty text */
	assert_int_equal(parse(ARRAY(TEXT("DLContentsOfDirectory") MARKER), &message), 0);
	assert_string_equal(message.path, "");
}

static void messages_without_needed_elements_are_read_bare(void **state)
{
	struct link_dl message;

	assert_int_equal(parse(ARRAY(TEXT("DLMessageUploadFiles")), &message), 0);
	assert_true(message.total == 0);
	assert_true(isnan(message.progress));
	assert_int_equal(parse(ARRAY(TEXT("DLMessageDeviceReady")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_DEVICE_READY);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageGetFreeDiskSpace")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_FREE_SPACE);
	assert_int_equal(parse(ARRAY(TEXT("DLMessagePurgeDiskSpace")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_PURGE_SPACE);
	assert_true(message.bytes == 0);
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessagePurgeDiskSpace") INT("9000000000") INT("4")), &message),
		0);
	assert_true(message.bytes == 9000000000);
	assert_int_equal(message.urgency, 4);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageDisconnect")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_DISCONNECT);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageDisconnect") MARKER), &message), 0);
	assert_null(message.text);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageDisconnect") TEXT("bye")), &message), 0);
	assert_string_equal(message.text, "bye");
}

static void a_status_has_code_text_and_value(void **state)
{
	struct link_dl message;

	assert_int_equal(parse(ARRAY(TEXT("DLMessageStatusResponse") INT("-13") TEXT(
				       "Multi status") "<dict><key>U/x</key><dict/></dict>"),
			       &message),
			 0);
	assert_int_equal(message.kind, LINK_DL_STATUS);
	assert_int_equal(message.code, LINK_DL_MULTI_STATUS);
	assert_string_equal(message.text, "Multi status");
	assert_non_null(plist_get(message.value, "U/x"));

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageStatusResponse") INT("0") MARKER MARKER), &message), 0);
	assert_null(message.text);
	assert_null(message.value);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageStatusResponse") INT("0")), &message), 0);
	assert_null(message.value);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageStatusResponse")), &message), ERR_PROTOCOL);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageStatusResponse") TEXT("0")), &message),
			 ERR_PROTOCOL);
}

static void minus_13_is_read_from_each_of_its_encodings(void **state)
{
	/* ["DLMessageStatusResponse", -13] with the number as 8 bytes, and as 16 bytes unsigned */
	static const char eight[] = "bplist00\242\001\002_\020\027DLMessageStatusResponse\023"
				    "\377\377\377\377\377\377\377\363"
				    "\010\013%"
				    "\0\0\0\0\0\0\001\001\0\0\0\0\0\0\0\003\0\0\0\0\0\0\0\0"
				    "\0\0\0\0\0\0\0.";
	static const char sixteen[] = "bplist00\242\001\002_\020\027DLMessageStatusResponse\024"
				      "\0\0\0\0\0\0\0\0\377\377\377\377\377\377\377\363"
				      "\010\013%"
				      "\0\0\0\0\0\0\001\001\0\0\0\0\0\0\0\003\0\0\0\0\0\0\0\0"
				      "\0\0\0\0\0\0\0006";
	struct link_dl message;

	assert_int_equal(link_dl_parse(parse_bytes(slice_of(eight, sizeof(eight) - 1)), &message,
				       &parse_err),
			 0);
	assert_int_equal(message.code, -13);
	assert_int_equal(link_dl_parse(parse_bytes(slice_of(sixteen, sizeof(sixteen) - 1)),
				       &message, &parse_err),
			 0);
	assert_int_equal(message.code, -13);
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageStatusResponse") INT("18446744073709551603")), &message),
		0);
	assert_int_equal(message.code, -13);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageStatusResponse") INT("-13")), &message), 0);
	assert_int_equal(message.code, -13);
}

static void an_unknown_message_is_no_error(void **state)
{
	struct link_dl message;

	assert_int_equal(parse(ARRAY(TEXT("DLMessagePing") INT("1")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_UNKNOWN);
	assert_string_equal(message.name, "DLMessagePing");
	/* names are whole words */
	assert_int_equal(parse(ARRAY(TEXT("DLMessageDeviceReadyX")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_UNKNOWN);
	assert_int_equal(parse(ARRAY(TEXT("")), &message), 0);
	assert_int_equal(message.kind, LINK_DL_UNKNOWN);
}

static void what_is_no_message_is_refused(void **state)
{
	struct link_dl message;

	assert_int_equal(parse(NOTHING, &message), ERR_PROTOCOL);
	assert_null(message.name);
	assert_int_equal(parse(TEXT("DLMessageDeviceReady"), &message), ERR_PROTOCOL);
	assert_int_equal(parse("<array/>", &message), ERR_PROTOCOL);
	assert_int_equal(parse(ARRAY(INT("1")), &message), ERR_PROTOCOL);
	assert_int_equal(link_dl_parse(NULL, &message, &parse_err), ERR_PROTOCOL);
}

static void each_needed_element_is_missed_and_its_type_checked(void **state)
{
	static const struct {
		const char *name, *good, *wrong;
	} cases[] = {
		{"DLMessageDownloadFiles", "<array/>", TEXT("U/x")},
		{"DLMessageRemoveItems", "<array/>", NOTHING},
		{"DLMessageRemoveFiles", "<array/>", INT("1")},
		{"DLMessageMoveItems", NOTHING, "<array/>"},
		{"DLMessageMoveFiles", NOTHING, TEXT("a")},
		{"DLContentsOfDirectory", TEXT("U"), INT("1")},
		{"DLMessageCreateDirectory", TEXT("U"), "<array/>"},
		{"DLMessageCopyItem", TEXT("a") TEXT("b"), TEXT("a") INT("1")},
		{"DLMessageCopyItem", TEXT("a") TEXT("b"), INT("1") TEXT("b")},
		{"DLMessageCopyItem", TEXT("a") TEXT("b"), TEXT("a")},
		{"DLMessageProcessMessage", NOTHING, "<array/>"},
		{"DLMessageStatusResponse", INT("0"), REAL("0.5")},
		{"DLMessageVersionExchange", INT("400"), NOTHING},
	};
	struct link_dl message;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char body[256];

		snprintf(body, sizeof(body), ARRAY(TEXT("%s") "%s"), cases[i].name, cases[i].good);
		assert_int_equal(parse(body, &message), 0);
		snprintf(body, sizeof(body), ARRAY(TEXT("%s") "%s"), cases[i].name, cases[i].wrong);
		assert_int_equal(parse(body, &message), ERR_PROTOCOL);
		assert_non_null(strstr(parse_err.text, cases[i].name));
		snprintf(body, sizeof(body), ARRAY(TEXT("%s")), cases[i].name);
		assert_int_equal(parse(body, &message), ERR_PROTOCOL);
	}
}

static void a_path_with_a_nul_inside_is_no_path(void **state)
{
	/* in binary only: ["DLContentsOfDirectory", "U\0/"] */
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct plist *elements;
	struct link_dl message;
	struct err err = ERR_INIT;

	plist_doc_reset(test_doc);
	elements = plist_new_array(test_doc);
	plist_add(test_doc, elements, plist_new_string(test_doc, "U\0/", 3));
	assert_int_equal(
		link_dl_write(&out, "DLContentsOfDirectory", test_doc, elements, LINK_BINARY, &err),
		0);
	assert_int_equal(link_dl_parse(frame_root(&out), &message, &err), ERR_PROTOCOL);
}

static void nonsense_where_nothing_is_needed_counts_as_absent(void **state)
{
	struct link_dl message;

	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageUploadFiles") INT("5") TEXT("half") REAL("0.5")),
		      &message),
		0);
	assert_true(isnan(message.progress));
	assert_true(message.total == 0);
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessageUploadFiles") NOTHING REAL("-1") INT("-8")), &message),
		0);
	assert_true(isnan(message.progress));
	assert_true(message.total == 0);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageUploadFiles") NOTHING REAL("nan")
					     INT("18446744073709551615")),
			       &message),
			 0);
	assert_true(isnan(message.progress));
	assert_true(message.total == 0);
	assert_int_equal(parse(ARRAY(TEXT("DLMessageUploadFiles") NOTHING INT("101")), &message),
			 0);
	assert_true(isnan(message.progress));
	assert_int_equal(
		parse(ARRAY(TEXT("DLMessagePurgeDiskSpace") INT("-1") TEXT("x")), &message), 0);
	assert_true(message.bytes == 0);
	assert_int_equal(message.urgency, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_of_the_version_exchange_are_read),
		cmocka_unit_test(file_requests_give_their_list_and_progress),
		cmocka_unit_test(an_empty_list_of_files_is_legal),
		cmocka_unit_test(path_requests_give_their_paths),
		cmocka_unit_test(messages_without_needed_elements_are_read_bare),
		cmocka_unit_test(a_status_has_code_text_and_value),
		cmocka_unit_test(minus_13_is_read_from_each_of_its_encodings),
		cmocka_unit_test(an_unknown_message_is_no_error),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(each_needed_element_is_missed_and_its_type_checked),
		cmocka_unit_test(a_path_with_a_nul_inside_is_no_path),
		cmocka_unit_test(nonsense_where_nothing_is_needed_counts_as_absent),
	};

	return cmocka_run_group_tests(tests, frames_setup, frames_teardown);
}
