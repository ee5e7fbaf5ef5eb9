/* which identity and enrollment of a record a backup belongs to */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/enrollment.h"

#define IDENTITY(sha256, state, issued) \
	"{\"sha256\": \"" sha256 "\", \"state\": \"" state "\", \"issued\": \"" issued "\"}"
#define RECORD(state, identities)                                                           \
	"{\"id\": \"U-1\", \"generation\": 2, \"state\": \"" state "\", \"topic\": \"t\", " \
	"\"identities\": [" identities "]}"
#define THREE                                                                              \
	IDENTITY("aa", "previous", "2026-01-01T00:00:00Z")                                 \
	", " IDENTITY("cc", "next", "2026-03-01T00:00:00Z") ", " IDENTITY("bb", "current", \
									  "2026-02-01T00:00:00Z")

static json_t *record_of(const char *text)
{
	json_t *record = json_loads(text, 0, NULL);

	assert_non_null(record);
	return record;
}

static void the_identity_of_a_day_is_the_last_one_issued_before(void **state)
{
	static const struct {
		const char *day, *sha256;
	} days[] = {
		{"2025-12-31T23:59:59Z", ""},   {"2026-01-01T00:00:00Z", "aa"},
		{"2026-01-31T00:00:00Z", "aa"}, {"2026-02-02T00:00:00Z", "bb"},
		{"2026-03-02T00:00:00Z", "cc"},
	};
	json_t *record = record_of(RECORD("enabled", THREE));
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(days); i++) {
		int64_t time;

		assert_int_equal(time_parse_utc(days[i].day, &time, &err), 0);
		assert_string_equal(mdm_text(mdm_identity_at(record, time), "sha256"),
				    days[i].sha256);
	}
	json_decref(record);
}

static void a_backup_notes_the_identity_that_was_seen_and_not_the_next(void **state)
{
	struct mdm mdm = {.url = "https://mdm.example"};
	struct mdm_record record = {.enrollment = record_of(RECORD("enabled", THREE))};
	struct job_enrollment noted;

	assert_true(cli_enrollment_note(&mdm, &record, &noted));
	assert_string_equal(noted.service, "https://mdm.example");
	assert_string_equal(noted.id, "U-1");
	assert_string_equal(noted.topic, "t");
	assert_string_equal(noted.identity, "bb");
	assert_int_equal(noted.generation, 2);
	assert_false(mdm_identity_is_superseded(mdm_identity_now(record.enrollment)));
	mdm_record_clear(&record);
}

static void a_device_that_is_not_enrolled_is_bound_to_nothing(void **state)
{
	static const char *const states[] = {RECORD("pending", THREE), RECORD("disabled", THREE)};
	struct mdm mdm = {.url = "https://mdm.example"};
	struct mdm_record none = {0};
	struct job_enrollment noted;

	assert_false(cli_enrollment_note(&mdm, &none, &noted));
	for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
		struct mdm_record record = {.enrollment = record_of(states[i])};

		assert_false(cli_enrollment_note(&mdm, &record, &noted));
		assert_string_equal(noted.id, "");
		mdm_record_clear(&record);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_identity_of_a_day_is_the_last_one_issued_before),
		cmocka_unit_test(a_backup_notes_the_identity_that_was_seen_and_not_the_next),
		cmocka_unit_test(a_device_that_is_not_enrolled_is_bound_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
