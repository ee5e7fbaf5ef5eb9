/* Info.plist as hosts write it, and the note beside a snapshot */
#include "job/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#define UDID "00008110-000a11112222001E"

static const struct plist *parsed(struct plist_doc *doc, const struct buf *bytes)
{
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	const struct plist *root = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(plist_parse(doc, buf_slice(bytes), &limits, &root, &err), 0);
	return root;
}

static struct plist_doc *doc_new(void)
{
	struct plist_doc *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(plist_doc_new(&doc, &err), 0);
	return doc;
}

static void what_the_device_does_not_tell_is_left_out(void **state)
{
	struct plist_doc *doc = doc_new(), *read = doc_new();
	struct plist *values = plist_new_dict(doc);
	struct buf out = BUF_INIT(JOB_INFO_MAX);
	struct err err = ERR_INIT;
	const struct plist *info;
	int64_t date = 0;

	plist_set_text(doc, values, "DeviceName", "Anna's iPad");
	plist_set_text(doc, values, "ProductVersion", "18.6");
	plist_set_text(doc, values, "PhoneNumber", "");
	struct info_sources sources = {.values = values, .udid = UDID, .now = 1793520000};

	memset(sources.guid, 0xab, sizeof(sources.guid));
	assert_int_equal(info_build(&sources, &out, &err), 0);
	assert_memory_equal(out.bytes, "<?xml", 5);
	info = parsed(read, &out);
	assert_string_equal(plist_get_text(info, "Device Name"), "Anna's iPad");
	assert_string_equal(plist_get_text(info, "Display Name"), "Anna's iPad");
	assert_string_equal(plist_get_text(info, "Unique Identifier"), "00008110-000A11112222001E");
	assert_string_equal(plist_get_text(info, "Target Identifier"), UDID);
	assert_string_equal(plist_get_text(info, "Target Type"), "Device");
	assert_string_equal(plist_get_text(info, "GUID"), "ABABABABABABABABABABABABABABABAB");
	assert_string_equal(plist_get_text(info, "iTunes Version"), "10.0.1");
	assert_true(plist_get_date(info, "Last Backup Date", &date));
	assert_int_equal(date, 1793520000);
	assert_null(plist_get(info, "Phone Number"));
	assert_null(plist_get(info, "IMEI"));
	assert_null(plist_get(info, "iTunes Settings"));
	assert_null(plist_get(info, "iBooks Data 2"));
	buf_clear(&out);
	plist_doc_free(doc);
	plist_doc_free(read);
}

static void only_apps_with_both_receipts_can_be_fetched_again(void **state)
{
	struct app apps[] = {
		{.bundle_id = "com.example.full",
		 .sinf = slice_of("sinf", 4),
		 .metadata = slice_of("meta", 4),
		 .icon = BUF_INIT(100)},
		{.bundle_id = "com.example.half", .sinf = slice_of("sinf", 4)},
		{.bundle_id = "com.example.none"},
	};
	struct app_list list = {.items = apps, .count = 3};
	struct info_sources sources = {.apps = &list, .udid = UDID};
	struct plist_doc *read = doc_new();
	struct buf out = BUF_INIT(JOB_INFO_MAX);
	struct err err = ERR_INIT;
	const struct plist *info, *fetched;
	struct slice icon;

	assert_int_equal(buf_append_text(&apps[0].icon, "png", &err), 0);
	assert_int_equal(info_build(&sources, &out, &err), 0);
	info = parsed(read, &out);
	assert_int_equal(plist_get_array(info, "Installed Applications")->as.items.count, 3);
	fetched = plist_get_dict(info, "Applications");
	assert_int_equal(fetched->as.items.count, 1);
	assert_true(plist_get_data(plist_get_dict(fetched, "com.example.full"), "PlaceholderIcon",
				   &icon));
	assert_int_equal(icon.len, 3);
	buf_clear(&apps[0].icon);
	buf_clear(&out);
	plist_doc_free(read);
}

static void a_note_comes_back_as_it_was_written(void **state)
{
	struct job_problems problems = JOB_PROBLEMS_INIT;
	struct job_snapshot snapshot = {.is_encrypted = true, .is_full = true, .is_import = true};
	struct repo_snapshot head = {.id = "0123456789abcdef", .files = 7, .bytes = 99, .time = 5};
	struct buf note = BUF_INIT(REPO_NOTE_LEN_MAX);
	struct job_snapshot back;
	struct err err = ERR_INIT;

	strcpy(snapshot.udid, UDID);
	strcpy(snapshot.name, "Anna's iPad");
	strcpy(snapshot.serial, "F9FXK0ABCDEF");
	strcpy(snapshot.product_version, "18.6");
	strcpy(snapshot.required_version, "17.0");
	snapshot.enrollment = (struct job_enrollment){.service = "https://mdm.example",
						      .id = UDID,
						      .topic = "com.apple.mgmt.x",
						      .identity = "ab12",
						      .generation = 3};
	problem_add(&problems, "one");
	assert_int_equal(note_write(&snapshot, &problems, &note, &err), 0);
	strcpy(head.device, UDID);
	head.note = buf_slice(&note);
	job_snapshot_read(&head, &back);
	assert_string_equal(back.name, "Anna's iPad");
	assert_string_equal(back.product_version, "18.6");
	assert_string_equal(back.required_version, "17.0");
	assert_true(back.is_encrypted && back.is_full && back.is_import && !back.is_simulated);
	assert_int_equal(back.problem_count, 1);
	assert_int_equal(back.files, 7);
	assert_string_equal(back.enrollment.service, "https://mdm.example");
	assert_string_equal(back.enrollment.id, UDID);
	assert_string_equal(back.enrollment.topic, "com.apple.mgmt.x");
	assert_string_equal(back.enrollment.identity, "ab12");
	assert_int_equal(back.enrollment.generation, 3);
	job_problems_clear(&problems);
	buf_clear(&note);
}

static void a_note_tells_yes_from_no_and_no_from_unknown(void **state)
{
	static const enum job_answer answers[] = {JOB_UNKNOWN, JOB_NO, JOB_YES};

	for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
		struct job_snapshot snapshot = {.is_managed = answers[i]}, back = {0};
		struct buf note = BUF_INIT(REPO_NOTE_LEN_MAX);
		struct err err = ERR_INIT;

		assert_int_equal(note_write(&snapshot, NULL, &note, &err), 0);
		note_read(buf_slice(&note), &back);
		assert_int_equal(back.is_managed, answers[i]);
		buf_clear(&note);
	}
}

static void a_damaged_note_loses_words_but_not_the_mark(void **state)
{
	struct repo_snapshot head = {.id = "0123456789abcdef",
				     .device = "0000FE5A-0123456789ABCDEF",
				     .note = slice_of("garbage", 7)};
	struct job_snapshot back;

	job_snapshot_read(&head, &back);
	assert_string_equal(back.name, "");
	assert_string_equal(back.id, "0123456789abcdef");
	assert_true(back.is_simulated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_device_does_not_tell_is_left_out),
		cmocka_unit_test(only_apps_with_both_receipts_can_be_fetched_again),
		cmocka_unit_test(a_note_comes_back_as_it_was_written),
		cmocka_unit_test(a_note_tells_yes_from_no_and_no_from_unknown),
		cmocka_unit_test(a_damaged_note_loses_words_but_not_the_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
