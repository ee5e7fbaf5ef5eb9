/* What a plan gathers, answers and writes. */
#include "plan/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 8 << 20 };

static int to_buf(void *arg, struct slice text, struct err *err)
{
	return buf_append_slice(arg, text, err);
}

static const char *read_through(const char *csv, size_t step, struct buf *out, struct err *err)
{
	CLEANUP(plan_door_free_p) struct plan_door *door = NULL;
	struct plan_sink sink = {to_buf, out};
	size_t len = strlen(csv);
	int r = plan_door_new(&door, NULL, &sink, err);

	for (size_t at = 0; r == 0 && at < len; at += step)
		r = plan_door_feed(door, slice_of(csv + at, len - at < step ? len - at : step),
				   err);
	if (r == 0)
		r = plan_door_end(door, NULL, NULL, NULL, err);
	return r < 0 ? err->text : buf_text(out);
}

/* ---- the plain door ---- */

/* the cell of @column in @row of a table with plain cells; "" if there is none */
static void cell_of(const struct csv_header *header, const struct csv_row *row, const char *column,
		    char out[RULES_TEXT_MAX])
{
	size_t at;
	struct slice cell = SLICE_EMPTY;

	if (csv_header_find(header, column, &at, NULL) == 0)
		cell = csv_row_cell(row, at);
	snprintf(out, RULES_TEXT_MAX, "%.*s", (int)cell.len, (const char *)cell.bytes);
}

static void vectors_read(struct buf *out, struct err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/data/rules/vectors.csv",
		 getenv("REHOME_SOURCE_ROOT"));
	assert_int_equal(fs_read_file(fs_system(), path, out, err), 0);
}

static void the_door_gives_every_vector_its_outcome(void **state)
{
	CLEANUP(buf_clear) struct buf given = BUF_INIT(TEXT_MAX), made = BUF_INIT(TEXT_MAX);
	CLEANUP(csv_reader_free_p) struct csv_reader *want = NULL, *have = NULL;
	struct csv_header want_head = {0}, have_head = {0};
	struct csv_row want_row, have_row;
	struct err err = ERR_INIT;
	char one[RULES_TEXT_MAX], other[RULES_TEXT_MAX];
	unsigned rows = 0;

	vectors_read(&given, &err);
	read_through(buf_text(&given), 4096, &made, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(csv_reader_new(&want, ',', false, &err), 0);
	assert_int_equal(csv_reader_new(&have, ',', false, &err), 0);
	assert_int_equal(csv_feed(want, buf_slice(&given), &err), 0);
	assert_int_equal(csv_feed(have, buf_slice(&made), &err), 0);
	csv_feed_end(want);
	csv_feed_end(have);
	assert_int_equal(csv_next(want, &want_row, &err), 0);
	assert_int_equal(csv_header_set(&want_head, &want_row, &err), 0);
	assert_int_equal(csv_next(have, &have_row, &err), 0);
	assert_int_equal(csv_header_set(&have_head, &have_row, &err), 0);
	while (csv_next(want, &want_row, &err) == 0) {
		assert_int_equal(csv_next(have, &have_row, &err), 0);
		rows++;
		for (size_t i = 0; i < want_head.count; i++) {
			if (strncmp(want_head.names[i], "in_", 3) == 0)
				continue;
			cell_of(&want_head, &want_row, want_head.names[i], one);
			cell_of(&have_head, &have_row, want_head.names[i], other);
			if (strcmp(one, other) != 0)
				fail_msg("line %u, %s: \"%s\" instead of \"%s\"", rows + 1,
					 want_head.names[i], other, one);
		}
		cell_of(&have_head, &have_row, "out_n", other);
		assert_string_equal(other, "1");
	}
	assert_int_equal(csv_next(have, &have_row, &err), CSV_END);
	assert_int_equal(rows, 73);
	csv_header_clear(&want_head);
	csv_header_clear(&have_head);
}

static void the_door_passes_other_columns_and_drops_old_answers(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	const char *text = read_through("room,in_password,out_mgmt,in_source,\"a,b\"\n"
					"12,lost,none,local_encrypted,\"x\"\"y\"\n",
					7, &out, &err);

	assert_string_equal(err.text, "");
	assert_non_null(strstr(text, "room,\"a,b\",out_n,out_restore,"));
	assert_non_null(strstr(text, "\n12,\"x\"\"y\",1,"));
	assert_null(strstr(text, "in_"));
}

static void the_door_names_line_and_column_of_a_strange_cell(void **state)
{
	static const struct {
		const char *csv, *said;
	} bad[] = {
		{"in_os,in_dev\n17,\n", "line 2, column in_dev"},
		{"in_os\n\nseventeen\n", "line 3, column in_os"},
		{"in_os,in_dev\n17\n", "line 2, column in_dev"},
		{"in_os\n17,same\n", "line 2 has 2 cells"},
		{"in_os,in_os\n17,17\n", "in_os stands in two columns"},
		{"id,in_colour\n1,red\n", "column 2"},
		{"in_os\n\"17\n", "line 2, column 1"},
		{"", "empty"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
		struct err err = ERR_INIT;

		read_through(bad[i].csv, 100, &out, &err);
		if (!strstr(err.text, bad[i].said))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].csv, err.text,
				 bad[i].said);
	}
}

static void an_unknown_fact_gives_a_row_for_each_outcome(void **state)
{
	CLEANUP(buf_clear)
	struct buf vectors = BUF_INIT(TEXT_MAX), given = BUF_INIT(TEXT_MAX),
		   out = BUF_INIT(TEXT_MAX);
	struct err err = ERR_INIT;
	const char *text, *row;

	/* T07 with the OS not known: what comes back before 27 does not come back from 27 on */
	vectors_read(&vectors, &err);
	row = strstr(buf_text(&vectors), "\nT07,restore,this,17,");
	assert_non_null(row);
	row += strlen("\nT07,restore,this,17,");
	assert_int_equal(buf_append_format(&given, &err, "%.*s\nT07,restore,this,unknown,%.*s\n",
					   (int)strcspn(buf_text(&vectors), "\n"),
					   buf_text(&vectors), (int)strcspn(row, "\r\n"), row),
			 0);
	text = read_through(buf_text(&given), 4096, &out, &err);
	assert_string_equal(err.text, "");
	assert_non_null(strstr(text, "\nT07,1,"));
	assert_non_null(strstr(text, "\nT07,2,"));
	assert_non_null(strstr(text, ",HOME,other,"));
	assert_non_null(strstr(text, ",RM,this_new,"));
}

static void rows_that_contradict_themselves_are_told_and_the_rest_goes_on(void **state)
{
	CLEANUP(plan_door_free_p) struct plan_door *door = NULL;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
	struct plan_sink sink = {to_buf, &out};
	struct err err = ERR_INIT;
	uint64_t rows, invalid;

	assert_int_equal(plan_door_new(&door, NULL, &sink, &err), 0);
	assert_int_equal(plan_door_feed(door,
					slice_text("in_dev,in_reset,in_password,in_source\n"
						   "same,brand_new,known,local_plain\n"
						   "same,local_erase,lost,local_encrypted\n"),
					&err),
			 0);
	assert_int_equal(plan_door_end(door, &rows, &invalid, NULL, &err), 0);
	assert_int_equal(rows, 2);
	assert_int_equal(invalid, 1);
	assert_non_null(strstr(buf_text(&out), "\n1,invalid,"));
}

/* ---- writing ---- */

static void answer_other_vendor(struct plan_case *kase, struct plan_answer *answer)
{
	static const char *const said[] = {"target_os=18.6", "backup_os=18.6", "device=same",
					   "reset=erased_locally"};
	struct err err = ERR_INIT;

	plan_copy(kase->name, sizeof(kase->name), "<b>Anna's</b> & \"co\"");
	plan_copy(kase->serial, sizeof(kase->serial), "=RHSIM1");
	for (size_t i = 0; i < ARRAY_COUNT(said); i++)
		assert_int_equal(plan_case_assignment(kase, said[i], &err), 0);
	plan_case_set(kase, RULES_BACKUP_MGMT, RULES_OTHER, PLAN_BACKUP, "HomeDomain/MDM.plist");
	assert_int_equal(plan_answer_make(answer, kase, NULL, true, &err), 0);
}

static void the_text_tells_what_to_do_what_is_seen_and_why(void **state)
{
	CLEANUP(plan_answer_clear) struct plan_answer answer = PLAN_ANSWER_INIT;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
	struct plan_sink sink = {to_buf, &out};
	struct plan_case kase = {0};
	struct err err = ERR_INIT;

	answer_other_vendor(&kase, &answer);
	assert_int_equal(plan_write_text(&answer, &kase, true, &sink, &err), 0);
	for (const char *const *word =
		     (const char *const[]){"What to do", "E-01", "R-206", "Assumed",
					   "(backup: HomeDomain/MDM.plist)", "(given)", NULL};
	     *word; word++)
		if (!strstr(buf_text(&out), *word))
			fail_msg("\"%s\" is missing in:\n%s", *word, buf_text(&out));
}

/* lines of the list of outcomes: how many, and whether two read the same */
static size_t count_endings(const char *text, bool *has_twins)
{
	const char *lines[64];
	size_t count = 0;

	*has_twins = false;
	for (const char *at = strstr(text, "  - "); at && count < 64; at = strstr(at + 1, "  - ")) {
		for (size_t i = 0; i < count; i++)
			*has_twins |= strncmp(lines[i], at, strcspn(at, "\n") + 1) == 0;
		lines[count++] = at;
	}
	return count;
}

static void several_outcomes_are_told_each_once_without_codes_and_with_a_question(void **state)
{
	CLEANUP(plan_answer_clear) struct plan_answer answer = PLAN_ANSWER_INIT;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
	struct plan_sink sink = {to_buf, &out};
	static const char *const said[] = {"device=same", "target_os=18.6", "backup_os=18.6",
					   "backup_management=this", "reset=erased_locally"};
	struct plan_case kase = {0};
	struct err err = ERR_INIT;
	bool has_twins;
	unsigned told;
	size_t listed;

	for (size_t i = 0; i < ARRAY_COUNT(said); i++)
		assert_int_equal(plan_case_assignment(&kase, said[i], &err), 0);
	assert_int_equal(plan_answer_make(&answer, &kase, NULL, false, &err), 0);
	assert_int_equal(plan_write_text(&answer, &kase, false, &sink, &err), 0);
	assert_int_equal(sscanf(strstr(buf_text(&out), "known: ") + 7, "%u", &told), 1);
	listed = count_endings(buf_text(&out), &has_twins);
	assert_false(has_twins);
	assert_in_range(told - listed, 0, 1); /* the usual one stands in full, above */
	assert_non_null(strstr(buf_text(&out), "and add its answer: --fact "));
	assert_null(strstr(buf_text(&out), "(null)"));
	assert_null(strstr(buf_text(&out), "no_record"));
}

static void the_page_escapes_names_and_counts_devices(void **state)
{
	CLEANUP(plan_answer_clear) struct plan_answer answer = PLAN_ANSWER_INIT;
	CLEANUP(plan_page_free_p) struct plan_page *page = NULL;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
	struct plan_sink sink = {to_buf, &out};
	struct plan_case kase = {0};
	struct err err = ERR_INIT;
	const char *text;

	answer_other_vendor(&kase, &answer);
	assert_int_equal(plan_page_new(&page, "a <plan>", 1793500000, &sink, &err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(plan_page_row(page, &answer, &kase, &err), 0);
	assert_int_equal(plan_page_end(page, &err), 0);
	text = buf_text(&out);
	assert_null(strstr(text, "<b>"));
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "(null)"));
	assert_non_null(strstr(text, "&lt;b&gt;Anna&#39;s&lt;/b&gt; &amp; &quot;co&quot;"));
	assert_non_null(strstr(text, "a &lt;plan&gt;"));
	assert_non_null(strstr(text, "<td class=n>3</td><td>The device is managed by the other "
				     "service.</td>"));
	assert_non_null(strstr(text, "<td class=n>3</td><td>in all</td>"));
}

static void the_table_keeps_a_spreadsheet_from_running_a_cell(void **state)
{
	CLEANUP(plan_answer_clear) struct plan_answer answer = PLAN_ANSWER_INIT;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(TEXT_MAX);
	struct plan_sink sink = {to_buf, &out};
	struct plan_case kase = {0};
	struct err err = ERR_INIT;

	answer_other_vendor(&kase, &answer);
	assert_int_equal(plan_table_row(&answer, &kase, &sink, &err), 0);
	assert_int_equal(memcmp(buf_text(&out), "'=RHSIM1,", 9), 0);
}

static void the_json_has_the_promised_members(void **state)
{
	static const char *const members[] = {
		"restore",      "setup_assistant", "management", "then",      "at_risk",
		"content",      "supervised",      "locked",     "ownership", "also",
		"actions",      "error",           "confidence", "evidence",  "alternatives",
		"would_change", "rules",
	};
	CLEANUP(plan_answer_clear) struct plan_answer answer = PLAN_ANSWER_INIT;
	struct plan_case kase = {0};
	json_t *object, *first;

	answer_other_vendor(&kase, &answer);
	object = plan_json(&answer, &kase);
	assert_non_null(object);
	first = json_array_get(json_object_get(object, "outcomes"), 0);
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		if (!json_object_get(first, members[i]))
			fail_msg("%s is missing", members[i]);
	assert_true(json_is_null(json_object_get(object, "question")));
	json_decref(object);
}

/* ---- a fleet ---- */

struct seen {
	unsigned rows, unused;
	char last[PLAN_TEXT_MAX * 3];
	uint16_t os;
};

static int see(void *arg, struct plan_case *kase, const char *snapshot, uint64_t line,
	       struct err *err)
{
	struct seen *seen = arg;

	seen->rows++;
	seen->os = kase->facts.value[RULES_OS];
	snprintf(seen->last, sizeof(seen->last), "%s|%s|%s", kase->serial, kase->name, snapshot);
	return 0;
}

static void count_unused(void *arg, const char *column)
{
	((struct seen *)arg)->unused++;
}

static int read_fleet(const char *csv, struct seen *seen, struct err *err)
{
	CLEANUP(plan_fleet_free_p) struct plan_fleet *fleet = NULL;
	struct plan_case base = {0};
	int r;

	plan_case_set(&base, RULES_OS, RULES_OS_VERSION(17, 0), PLAN_PERSON, NULL);
	r = plan_fleet_new(&fleet, &base, see, count_unused, seen, err);
	if (r == 0)
		r = plan_fleet_feed(fleet, slice_text(csv), err);
	return r == 0 ? plan_fleet_end(fleet, NULL, err) : r;
}

static void a_fleet_gives_a_case_a_row_and_an_empty_cell_means_unknown(void **state)
{
	struct seen seen = {0};
	struct err err = ERR_INIT;

	assert_int_equal(read_fleet("\xEF\xBB\xBFserial;name;target_os;room;snapshot\r\n"
				    "S1;\"Anna; upstairs\";26.4;12;latest\r\nS2;;;;\r\n",
				    &seen, &err),
			 0);
	assert_int_equal(seen.rows, 2);
	assert_int_equal(seen.unused, 1);
	assert_string_equal(seen.last, "S2||");
	assert_int_equal(seen.os, RULES_OS_VERSION(17, 0));
	assert_int_equal(read_fleet("serial,target_os\nS1,26.4\n", &seen, &err), 0);
	assert_int_equal(seen.os, RULES_OS_VERSION(26, 4));
	assert_int_equal(read_fleet("serial,target_os\nS1,new\n", &seen, &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "line 2, column target_os"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_door_gives_every_vector_its_outcome),
		cmocka_unit_test(the_door_passes_other_columns_and_drops_old_answers),
		cmocka_unit_test(the_door_names_line_and_column_of_a_strange_cell),
		cmocka_unit_test(an_unknown_fact_gives_a_row_for_each_outcome),
		cmocka_unit_test(rows_that_contradict_themselves_are_told_and_the_rest_goes_on),
		cmocka_unit_test(the_text_tells_what_to_do_what_is_seen_and_why),
		cmocka_unit_test(
			several_outcomes_are_told_each_once_without_codes_and_with_a_question),
		cmocka_unit_test(the_page_escapes_names_and_counts_devices),
		cmocka_unit_test(the_table_keeps_a_spreadsheet_from_running_a_cell),
		cmocka_unit_test(the_json_has_the_promised_members),
		cmocka_unit_test(a_fleet_gives_a_case_a_row_and_an_empty_cell_means_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
