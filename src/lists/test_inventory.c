/* each thing that can be wrong with a record is found, with its rule and the next step */
#include "lists/lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { NOW = 1793520000 }; /* 2026-11-01T08:00:00Z */

static struct buf said = {.max = 1 << 26};

static int rows_each(struct slice text,
		     int (*each)(void *arg, const struct csv_row *row, struct err *err), void *arg,
		     struct err *err)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct csv_row row;
	int r = csv_reader_new(&reader, 0, true, err);

	while (r == 0 && (r = csv_next(reader, &row, err)) != CSV_END) {
		if (r == CSV_NEED_MORE) {
			size_t len = text.len < CSV_PIECE_MAX ? text.len : CSV_PIECE_MAX;

			if (len == 0)
				csv_feed_end(reader);
			r = csv_feed(reader, slice_of(text.bytes, len), err);
			text = slice_of(text.bytes + len, text.len - len);
		} else if (r == 0) {
			r = each(arg, &row, err);
		}
	}
	return r == CSV_END ? 0 : r;
}

/* refusal_note - into `said` as "line: reason" */
static int refusal_note(int r, const struct csv_row *row, const char *reason, struct err *err)
{
	if (r != LISTS_ROW_REFUSED)
		return r;
	return buf_append_format(&said, err, "%llu: %s\n", (unsigned long long)row->line, reason);
}

static int record_add(void *inventory, const struct csv_row *row, struct err *err)
{
	char reason[LISTS_ISSUE_TEXT_MAX];

	return refusal_note(lists_inventory_add(inventory, row, reason, err), row, reason, err);
}

static int directory_add(void *inventory, const struct csv_row *row, struct err *err)
{
	char reason[LISTS_ISSUE_TEXT_MAX];

	return refusal_note(lists_inventory_add_directory(inventory, row, reason, err), row, reason,
			    err);
}

static int list_add(void *list, const struct csv_row *row, struct err *err)
{
	return lists_add(list, row, err);
}

static struct lists_inventory *inventory_of(const char *config, const char *text)
{
	struct lists_inventory *inventory = NULL;
	struct err err = ERR_INIT;

	buf_truncate(&said, 0);
	assert_int_equal(lists_inventory_new(&inventory, &err), 0);
	assert_int_equal(lists_inventory_configure(inventory, slice_text(config), &err), 0);
	assert_int_equal(rows_each(slice_text(text), record_add, inventory, &err), 0);
	return inventory;
}

static int note(void *arg, const struct lists_finding *finding, struct err *err)
{
	assert_true(*finding->reason && *finding->next);
	return buf_append_format(&said, err, "%llu %s %s [%s]\n", (unsigned long long)finding->line,
				 *finding->serial ? finding->serial : finding->record,
				 lists_finding_name(finding->kind), finding->rules);
}

static const char *findings(struct lists_inventory *inventory)
{
	buf_truncate(&said, 0);
	assert_int_equal(lists_inventory_findings(inventory, NOW, note, NULL, NULL), 0);
	return buf_text(&said);
}

static void every_kind_of_finding_is_made(void **state)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory = inventory_of(
		"",
		"id,serialNumber,deviceName,operatingSystem,managedDeviceOwnerType,"
		"deviceEnrollmentType,lastSyncDateTime,enrolledDateTime,"
		"managementCertificateExpirationDate,managementState,azureADRegistered\n"
		"a,F9FXK0AAJCL1,Fine,iOS,company,appleBulkWithUser,2026-11-01T07:00:00Z,"
		"2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,managed,true\n"
		"b,F9FXK0AAJCL2,Old,iOS,company,appleBulkWithUser,2026-10-20T07:00:00Z,"
		"2025-01-01T00:00:00Z,2027-01-01T00:00:00Z,managed,true\n"
		"c,F9FXK0AAJCL2,New,iOS,company,appleBulkWithUser,2026-11-01T07:00:00.1234567Z,"
		"2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,managed,true\n"
		"d,F9FXK0AAJCL3,Ended,iOS,company,appleBulkWithUser,2026-11-01T07:00:00Z,,"
		"2026-11-01T08:00:00Z,managed,true\n"
		"e,F9FXK0AAJCL4,Ends,iOS,company,appleBulkWithUser,2026-11-01T07:00:00Z,,"
		"2026-12-01T07:59:59Z,managed,true\n"
		"f,F9FXK0AAJCL5,In time,iOS,company,appleBulkWithUser,2026-11-01T07:00:00Z,,"
		"2026-12-01T08:00:00Z,managed,true\n"
		"g,F9FXK0AAJCL6,Silent,iOS,company,appleBulkWithUser,2026-10-02T08:00:00Z,,"
		"2027-01-01T00:00:00Z,managed,true\n"
		"h,F9FXK0AAJCL7,Not quite,iOS,company,appleBulkWithUser,2026-10-02T08:00:01Z,,"
		"2027-01-01T00:00:00Z,managed,true\n"
		"i,F9FXK0AAJCL8,Never,iOS,company,appleBulkWithUser,0001-01-01T00:00:00Z,,,managed,"
		"true\n"
		"j,F9FXK0AAJCL9,Wipe,iPadOS,company,appleBulkWithUser,2026-11-01,,,wipePending,"
		"true\n"
		"k,F9FXK0AAJC10,Retire,iPadOS,company,appleBulkWithUser,2026-11-01,,,retireIssued,"
		"true\n"
		"l,F9FXK0AAJC11,Owner,iPadOS,personal,appleBulkWithUser,2026-11-01,,,managed,true\n"
		"m,F9FXK0AAJC12,Gone,iPadOS,personal,userEnrollment,2026-11-01,,,managed,false\n"
		"n,,User's own,iPadOS,personal,appleUserEnrollment,2026-11-01,,,managed,true\n"
		"o,5CG0000000,Laptop,Windows,company,windowsAutoEnrollment,?,?,?,?,?\n");
	char text[LISTS_ISSUE_TEXT_MAX];
	size_t others;

	assert_string_equal(buf_text(&said), "");
	assert_int_equal(lists_inventory_count(inventory, &others), 14);
	assert_int_equal(others, 1);
	assert_null(lists_inventory_unchecked(inventory, 0, text));
	assert_string_equal(findings(inventory),
			    "3 F9FXK0AAJCL2 serial_twice [X-24 C-43 X-03 R-305]\n"
			    "5 F9FXK0AAJCL3 certificate_ended [R-405 R-407]\n"
			    "6 F9FXK0AAJCL4 certificate_ends [R-408 X-23]\n"
			    "8 F9FXK0AAJCL6 silent [X-22 X-20]\n"
			    "10 F9FXK0AAJCL8 silent [X-22 X-20]\n"
			    "11 F9FXK0AAJCL9 wipe_pending [R-409 R-845 X-05]\n"
			    "12 F9FXK0AAJC10 retire_pending [R-409 R-845 X-05]\n"
			    "13 F9FXK0AAJC11 owner_differs [O-10 O-20]\n"
			    "14 F9FXK0AAJC12 no_directory_record [R-404]\n");
}

static void records_that_cannot_be_told_apart_are_all_named(void **state)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory =
		inventory_of("", "id,serialNumber,lastSyncDateTime,enrolledDateTime\n"
				 "a,F9FXK0AAJCL1,2026-11-01,2026-10-01\n"
				 "b,f9fxk0aajcl1,2026-11-01,2026-10-01\n"
				 "c,F9FXK0AAJCL2,2026-11-01,2026-10-02\n"
				 "d,F9FXK0AAJCL2,2026-11-01,2026-10-01\n");

	assert_string_equal(findings(inventory),
			    "2 F9FXK0AAJCL1 serial_twice [X-24 C-43]\n"
			    "3 F9FXK0AAJCL1 serial_twice [X-24 C-43]\n"
			    "5 F9FXK0AAJCL2 serial_twice [X-24 C-43 X-03 R-305]\n");
}

static void columns_and_words_are_configured(void **state)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory =
		inventory_of("# a vendor's export\n"
			     "column.serial = Seriennummer\n"
			     "column.last_contact=Letzter Kontakt\r\n"
			     "column.owner = Besitz\n"
			     "column.state = Status\n"
			     "word.Firma = corporate\n"
			     "word.L\xc3\xb6schung steht aus = wipe pending\n"
			     "days.silent = 5\n",
			     "Seriennummer;Letzter Kontakt;Besitz;Status\n"
			     "F9FXK0AAJCL1;2026-10-27 07:00;Firma;L\xc3\xb6schung steht aus\n"
			     "F9FXK0AAJCL2;2026-10-27T10:00:00+01:00;Firma;\n");
	char text[LISTS_ISSUE_TEXT_MAX];

	assert_string_equal(buf_text(&said), "");
	assert_string_equal(findings(inventory),
			    "2 F9FXK0AAJCL1 silent [X-22 X-20]\n"
			    "2 F9FXK0AAJCL1 wipe_pending [R-409 R-845 X-05]\n");
	assert_string_equal(lists_inventory_unchecked(inventory, 0, text),
			    "certificates near their end: no column "
			    "\"managementCertificateExpirationDate\" (column.certificate_end)");
	assert_non_null(lists_inventory_unchecked(inventory, 2, text));
	assert_null(lists_inventory_unchecked(inventory, 3, text));
}

static void a_configuration_that_makes_no_sense_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{"x", "line 1: not KEY = VALUE"},
		{"\n\ncolumn.x = y", "line 3: no column is called \"x\""},
		{"column.serial =", "line 1: no value"},
		{"colour.serial = x", "line 1: a key begins with column., days. or word."},
		{"days.silent = 0", "line 1: a number of days is 1 to 9999"},
		{"days.silent = 1x", "line 1: a number of days is 1 to 9999"},
		{"days.loud = 1", "line 1: days are those of silent and certificate"},
		{"word.Firma = firm", "line 1: no word means \"firm\""},
		{"word.caf\xe9 = corporate", "line 1: not UTF-8"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		CLEANUP(lists_inventory_free_p) struct lists_inventory *inventory = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(lists_inventory_new(&inventory, &err), 0);
		assert_int_equal(
			lists_inventory_configure(inventory, slice_text(wrong[i].text), &err),
			ERR_USAGE);
		assert_string_equal(err.text, wrong[i].why);
	}
}

static void every_reason_to_refuse_a_row_is_told_with_its_line(void **state)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory =
		inventory_of("", "id,serialNumber,managedDeviceOwnerType,lastSyncDateTime\n"
				 "a,F9FXK0AAJCL1,company,2026-11-01\n"
				 "a,F9FXK0 AAJCL1,company,2026-11-01\n"
				 "a,F9FXK0AAJCL1,kompany,2026-11-01\n"
				 "a,F9FXK0AAJCL1,company,11/1/2026\n"
				 "a,F9FXK0AAJCL1,company,2026-02-30\n"
				 "a,F9FXK0AAJCL1,company,2026-11-01,x\n"
				 ",unknown,company,2026-11-01\n"
				 "caf\xe9,F9FXK0AAJCL1,company,2026-11-01\n"
				 "a,\"F9FXK0AAJCL1,company,2026-11-01\n");
	size_t others;

	assert_int_equal(lists_inventory_count(inventory, &others), 1);
	assert_string_equal(
		buf_text(&said),
		"3: column 2, \"F9FXK0 AAJCL1\": a serial number has letters A to Z and digits "
		"only\n"
		"4: column 3, \"kompany\": not a known word: a line \"word.WORD = MEANING\" of the "
		"configuration explains it\n"
		"5: column 4, \"11/1/2026\": not a date such as 2026-11-01 or "
		"2026-11-01T08:00:00Z\n"
		"6: column 4, \"2026-02-30\": not a date such as 2026-11-01 or "
		"2026-11-01T08:00:00Z\n"
		"7: 5 cells under a header of 4\n"
		"8: neither serial number nor record id\n"
		"9: column 1, \"caf\\xe9\": not UTF-8: save the table as \"CSV UTF-8\"\n"
		"10: column 2: a quote is opened on this line and not closed\n");
}

static void a_header_must_name_the_device_and_what_was_configured(void **state)
{
	static const char *const headers[] = {"name\n", "id,serialNumber,id\n", "serialNumber\n"};
	static const int codes[] = {ERR_NOT_FOUND, ERR_CORRUPT, ERR_NOT_FOUND};

	for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
		CLEANUP(lists_inventory_free_p) struct lists_inventory *inventory = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(lists_inventory_new(&inventory, &err), 0);
		assert_int_equal(
			lists_inventory_configure(inventory,
						  slice_text(i == 2 ? "column.os = OS" : ""), &err),
			0);
		assert_int_equal(rows_each(slice_text(headers[i]), record_add, inventory, &err),
				 codes[i]);
	}
}

static void records_are_held_against_the_directory_by_id(void **state)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory =
		inventory_of("", "id,azureADDeviceId,azureADRegistered\n"
				 "a,AAAA-1,true\nb,aaaa-2,true\nc,aaaa-3,false\n"
				 "d,00000000-0000-0000-0000-000000000000,true\n");
	struct err err = ERR_INIT;

	assert_int_equal(rows_each(slice_text("accountEnabled,deviceId\nTrue,aaaa-1\nFalse,AAAA-2\n"
					      "True,aaaa-3\nTrue,\n"),
				   directory_add, inventory, &err),
			 0);
	assert_string_equal(buf_text(&said), "5: column 2, \"\": no id\n");
	assert_string_equal(findings(inventory), "3 b directory_disabled [R-846]\n"
						 "5 d no_directory_record [R-404]\n");
}

static void ownership_is_held_against_the_list_of_identifiers(void **state)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory =
		inventory_of("", "serialNumber,managedDeviceOwnerType,deviceEnrollmentType\n"
				 "F9FXK0AAJCL1,personal,userEnrollment\n"
				 "F9FXK0AAJCL2,personal,userEnrollment\n"
				 "F9FXK0AAJCL3,company,userEnrollment\n"
				 "F9FXK0AAJCL4,company,userEnrollment\n"
				 "F9FXK0AAJCL5,company,appleBulkWithUser\n");
	CLEANUP(lists_free_p) struct lists *corporate = NULL;
	struct lists_options options = {0};
	struct err err = ERR_INIT;

	assert_int_equal(lists_new(&corporate, &options, &err), 0);
	assert_int_equal(
		rows_each(slice_text("F9FXK0AAJCL1,\nF9FXK0AAJCL3,\n"), list_add, corporate, &err),
		0);
	assert_int_equal(lists_end(corporate, &err), 0);
	lists_inventory_corporate(inventory, corporate);
	assert_string_equal(findings(inventory), "2 F9FXK0AAJCL1 owner_differs [C-30 O-20 C-40]\n"
						 "5 F9FXK0AAJCL4 owner_differs [R-862 C-30]\n");
}

static int count(void *arg, const struct lists_finding *finding, struct err *err)
{
	++*(size_t *)arg;
	return 0;
}

static void a_hundred_thousand_records_are_looked_through_quickly(void **state)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1u << 28);
	CLEANUP(lists_inventory_free_p) struct lists_inventory *inventory = NULL;
	size_t total = 0;
	clock_t began;
	double seconds;

	buf_append_text(&text,
			"id,serialNumber,deviceName,managedDeviceOwnerType,lastSyncDateTime\n",
			NULL);
	for (size_t i = 0; i < 100000; i++)
		buf_append_format(&text, NULL,
				  "%08zu-0000-4000-8000-000000000000,F9%08zu,iPad %zu,company,"
				  "2026-%02zu-01T08:00:00Z\n",
				  i, (i * 7919) % 90000, i, i % 11 + 1);
	began = clock();
	inventory = inventory_of("", buf_text(&text));
	assert_int_equal(lists_inventory_findings(inventory, NOW, count, &total, NULL), 0);
	seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	assert_true(total > 90000);
	print_message("hygiene: %.0f rows/s, %zu findings\n", 100000 / seconds, total);
	assert_true(seconds < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_finding_is_made),
		cmocka_unit_test(records_that_cannot_be_told_apart_are_all_named),
		cmocka_unit_test(columns_and_words_are_configured),
		cmocka_unit_test(a_configuration_that_makes_no_sense_is_refused_with_its_line),
		cmocka_unit_test(every_reason_to_refuse_a_row_is_told_with_its_line),
		cmocka_unit_test(a_header_must_name_the_device_and_what_was_configured),
		cmocka_unit_test(records_are_held_against_the_directory_by_id),
		cmocka_unit_test(ownership_is_held_against_the_list_of_identifiers),
		cmocka_unit_test(a_hundred_thousand_records_are_looked_through_quickly),
	};

	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
