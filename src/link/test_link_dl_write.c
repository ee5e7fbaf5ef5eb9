/*
 * DeviceLink control messages, written: byte for byte, and wholly or not at all.
 *
 * The binary vectors were made by another writer of property lists.
 */
#include <errno.h>

#include "link/test_frames.h"

static void the_opening_goes_out_byte_for_byte(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;

	assert_int_equal(link_dl_write_version_ok(&out, 400, &err), 0);
	assert_bytes(&out,
		     "\000\000\000[bplist00\243\001\002\003_\020\030DLMessageVersionExchange"
		     "\134DLVersionsOk\021\001\220\010\014'4\000\000\000\000\000\000\001\001"
		     "\000\000\000\000\000\000\000\004\000\000\000\000\000\000\000\000\000\000"
		     "\000\000\000\000\0007");
}

static void the_end_goes_out_byte_for_byte(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;

	assert_int_equal(link_dl_write_disconnect(&out, &err), 0);
	assert_bytes(&out, "\000\000\000abplist00\242\001\002_\020\023DLMessageDisconnect_\020\032"
			   "___EmptyParameterString___\010\013!\000\000\000\000\000\000\001\001\000"
			   "\000\000\000\000\000\000\003\000\000\000\000\000\000\000\000\000\000"
			   "\000\000\000\000\000>");
}

static void a_status_goes_out_byte_for_byte(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;

	assert_int_equal(link_dl_write_status(&out, 0, NULL, NULL, NULL, &err), 0);
	assert_bytes(&out, "\000\000\000lbplist00\244\001\002\003\004_\020\027"
			   "DLMessageStatusResponse\020\000_\020\032___EmptyParameterString___\320"
			   "\010\015')F\000\000\000\000\000\000\001\001\000\000\000\000\000\000\000"
			   "\005\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000G");
	buf_truncate(&out, 0);
	assert_int_equal(
		link_dl_write_status(&out, LINK_DL_MULTI_STATUS, "Multi status", NULL, NULL, &err),
		0);
	assert_bytes(&out,
		     "\000\000\000cbplist00\244\001\002\003\004_\020\027"
		     "DLMessageStatusResponse\023\377\377\377\377\377\377\377\363\134Multi "
		     "status\320\010\015'0=\000\000\000\000\000\000\001\001\000\000\000\000"
		     "\000\000\000\005\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
		     "\000>");
}

static void a_status_wraps_a_value_that_has_siblings(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;
	struct plist *home, *listing;
	struct link_dl message;

	/* the value is an entry of a dict, with a key and a neighbour: neither may come along */
	plist_doc_reset(test_doc);
	home = plist_new_dict(test_doc);
	listing = plist_new_dict(test_doc);
	plist_set_text(test_doc, listing, "DLFileType", "DLFileTypeRegular");
	plist_set(test_doc, home, "Info.plist", listing);
	plist_set_int(test_doc, home, "neighbour", 1);
	assert_int_equal(
		link_dl_write_status(&out, 0, NULL, test_doc, plist_get(home, "Info.plist"), &err),
		0);
	assert_non_null(plist_get(home, "neighbour")); /* and the home is as it was */
	assert_int_equal(link_dl_parse(frame_root(&out), &message, &err), 0);
	assert_string_equal(plist_get_text(message.value, "DLFileType"), "DLFileTypeRegular");
	assert_int_equal(message.value->as.items.count, 1);
	assert_int_equal(frame_root(&out)->as.items.count, 4);
}

static void the_general_form_puts_the_name_first(void **state)
{
	for (int encoding = LINK_XML; encoding <= LINK_BINARY; encoding++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
		struct plist *elements, *paths;
		struct link_dl message;
		struct err err = ERR_INIT;

		plist_doc_reset(test_doc);
		elements = plist_new_array(test_doc);
		paths = plist_new_array(test_doc);
		plist_add(test_doc, paths, plist_new_text(test_doc, "U/Manifest.db"));
		plist_add(test_doc, elements, paths);
		plist_add(test_doc, elements, plist_new_dict(test_doc));
		plist_add(test_doc, elements, plist_new_real(test_doc, 1.5));
		plist_add(test_doc, elements, plist_new_int(test_doc, 0));
		assert_int_equal(link_dl_write(&out, "DLMessageDownloadFiles", test_doc, elements,
					       (enum link_encoding)encoding, &err),
				 0);
		assert_int_equal(elements->as.items.count, 4);
		assert_int_equal(is_binary_frame(&out), encoding == LINK_BINARY);
		assert_int_equal(frame_root(&out)->as.items.count, 5);
		assert_int_equal(link_dl_parse(frame_root(&out), &message, &err), 0);
		assert_int_equal(message.kind, LINK_DL_DOWNLOAD_FILES);
		assert_string_equal(plist_text(plist_at(message.paths, 0)), "U/Manifest.db");
		assert_true(message.progress == 1.5);
	}
}

static void elements_from_a_parsed_list_can_be_sent_on(void **state)
{
	/* parsed binary arrays lie packed in memory: the writer must not rely on how its list lies
	 */
	CLEANUP(buf_clear) struct buf first = BUF_INIT(4096);
	CLEANUP(buf_clear) struct buf second = BUF_INIT(4096);
	struct link_dl message;
	struct err err = ERR_INIT;

	assert_int_equal(link_dl_write_status(&first, 0, "text", NULL, NULL, &err), 0);
	assert_int_equal(
		link_dl_write(&second, "Outer", test_doc, frame_root(&first), LINK_BINARY, &err),
		0);
	assert_int_equal(frame_root(&second)->as.items.count, 5);
	assert_int_equal(link_dl_parse(frame_root(&second), &message, &err), 0);
	assert_string_equal(message.name, "Outer");
	assert_string_equal(plist_text(plist_at(frame_root(&second), 3)), "text");
}

static void a_name_alone_needs_no_elements(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;

	plist_doc_reset(test_doc);
	assert_int_equal(
		link_dl_write(&out, "DLMessageDeviceReady", test_doc, NULL, LINK_BINARY, &err), 0);
	assert_bytes(&out, "\000\000\000Cbplist00\241\001_\020\024DLMessageDeviceReady\010\012\000"
			   "\000\000\000\000\000\001\001\000\000\000\000\000\000\000\002\000\000"
			   "\000\000\000\000\000\000\000\000\000\000\000\000\000!");
	assert_int_equal(
		link_dl_write(&out, "X", test_doc, plist_new_dict(test_doc), LINK_BINARY, &err),
		ERR_USAGE);
}

static void a_message_that_does_not_fit_leaves_nothing(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(50);
	struct err err = ERR_INIT;

	assert_int_equal(buf_append_text(&out, "x", &err), 0);
	assert_int_equal(link_dl_write_disconnect(&out, &err), ERR_LIMIT);
	assert_int_equal(link_dl_write_status(&out, 0, NULL, NULL, NULL, &err), ERR_LIMIT);
	assert_int_equal(link_dl_write_message(&out, test_doc, NULL, LINK_XML, &err),
			 ERR_NO_MEMORY);
	assert_int_equal(out.len, 1);
}

static void file_errors_have_the_devices_numbers(void **state)
{
	static const struct {
		int number, code;
	} cases[] = {
		{ENOENT, -6},  {EEXIST, -7},  {ENOTDIR, -8}, {EISDIR, -9}, {ELOOP, -10}, {EIO, -11},
		{ENOSPC, -15}, {EDQUOT, -15}, {EACCES, -1},  {12345, -1},  {0, -1},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(link_dl_errno(cases[i].number), cases[i].code);
		assert_non_null(link_dl_errno_text(cases[i].number));
	}
	assert_string_equal(link_dl_errno_text(ENOENT), "No such file or directory");
	assert_string_equal(link_dl_errno_text(12345), "Unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_opening_goes_out_byte_for_byte),
		cmocka_unit_test(the_end_goes_out_byte_for_byte),
		cmocka_unit_test(a_status_goes_out_byte_for_byte),
		cmocka_unit_test(a_status_wraps_a_value_that_has_siblings),
		cmocka_unit_test(the_general_form_puts_the_name_first),
		cmocka_unit_test(elements_from_a_parsed_list_can_be_sent_on),
		cmocka_unit_test(a_name_alone_needs_no_elements),
		cmocka_unit_test(a_message_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(file_errors_have_the_devices_numbers),
	};

	return cmocka_run_group_tests(tests, frames_setup, frames_teardown);
}
