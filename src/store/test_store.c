/*
 * Conformance: transactions, the schema, and texts from outside.
 */
#include "store/testing_suite.h"

/* ---- transactions --------------------------------------------------------------------- */

static void what_was_committed_is_there_after_opening_again(void **state)
{
	struct fixture *f = *state;
	struct store_device row;

	make_device(f, "A");
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	make_device(f, "B");
	store_free(STEAL(f->store));
	assert_ok(store_open(&f->store, f->where, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	assert_ok(store_device_find(f->store, "A", &row, &f->err));
	assert_int_equal(store_device_find(f->store, "B", &row, &f->err), STORE_NO_ROW);
}

static void a_savepoint_undoes_its_own_part_alone(void **state)
{
	struct fixture *f = *state;
	struct store_device row;

	make_device(f, "A");
	assert_ok(store_savepoint(f->store, &f->err));
	make_device(f, "B");
	assert_ok(store_undo(f->store, &f->err));
	assert_ok(store_savepoint(f->store, &f->err));
	make_device(f, "C");
	assert_ok(store_release(f->store, &f->err));
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	assert_ok(store_device_find(f->store, "A", &row, &f->err));
	assert_int_equal(store_device_find(f->store, "B", &row, &f->err), STORE_NO_ROW);
	assert_ok(store_device_find(f->store, "C", &row, &f->err));
}

static void a_failed_call_is_undone_and_the_others_of_the_transaction_stay(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "B"};

	make_device(f, "A");
	assert_ok(store_savepoint(f->store, &f->err));
	assert_ok(store_device_put(f->store, &row, &f->err));
	row.udid = "A"; /* taken: a failure of the database itself */
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_EXISTS);
	assert_ok(store_undo(f->store, &f->err));
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(store_begin(f->store, &f->err));
	assert_ok(store_device_find(f->store, "A", &row, &f->err));
	assert_int_equal(store_device_find(f->store, "B", &row, &f->err), STORE_NO_ROW);
}

static void a_commit_after_a_failure_keeps_nothing_or_says_so(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "B"};
	int r;

	make_device(f, "A");
	assert_ok(store_device_put(f->store, &row, &f->err));
	row.udid = "A";
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_EXISTS);
	r = store_commit(f->store, &f->err);
	assert_ok(store_begin(f->store, &f->err));
	assert_int_equal(store_device_find(f->store, "A", &row, &f->err), r ? STORE_NO_ROW : 0);
}

static void statements_in_texts_stay_texts(void **state)
{
	static const char evil[] =
		"x'; DROP TABLE device; --\"\\%_$1 ?1 {key} \xC3\xA9\xF0\x9F\x98\x80";
	struct fixture *f = *state;
	struct store_device row = {.udid = evil,
				   .serial = evil,
				   .imei = evil,
				   .name = evil,
				   .product = evil,
				   .os = evil,
				   .build = evil,
				   .note = evil};
	struct store_device back, *rows;
	struct store_enrollment enrollment = {.id = evil,
					      .topic = evil,
					      .push_magic = evil,
					      .unenroll_by = evil,
					      .declarations_token = evil,
					      .state = STORE_ENABLED};
	struct store_command command = {.uuid = evil,
					.request_type = evil,
					.author = evil,
					.subject = evil,
					.payload = slice_text(evil)};
	struct store_queue queued;
	struct store_history *history;
	struct store_kept kept;
	size_t count;

	assert_ok(store_device_put(f->store, &row, &f->err));
	assert_ok(store_device_find(f->store, evil, &back, &f->err));
	assert_string_equal(back.serial, evil);
	assert_string_equal(back.note, evil);
	assert_int_equal(list_devices(f, (struct store_device_filter){.search = evil}, &rows), 1);
	assert_ok(store_enrollment_put(f->store, &enrollment, &f->err));
	assert_ok(store_enrollment_find(f->store, evil, &enrollment, &f->err));
	assert_string_equal(enrollment.push_magic, evil);
	assert_ok(store_command_insert(f->store, &command, &f->err));
	assert_ok(store_queue_add(f->store, &command, enrollment.no, STORE_QUEUED, NOW, &f->err));
	assert_ok(store_queue_find(f->store, enrollment.no, evil, &queued, &f->err));
	assert_ok(store_queue_done(f->store, &queued, evil, evil, slice_text(evil), NOW, &f->err));
	assert_ok(store_history_list(f->store, enrollment.no, 0, 0, &history, &count, &f->err));
	assert_string_equal(history[0].error, evil);
	assert_string_equal(history[0].subject, evil);
	assert_ok(store_kept_put(f->store, STORE_OF_DEVICE, 1, evil, slice_text(evil), 1, &f->err));
	assert_ok(store_kept_get(f->store, STORE_OF_DEVICE, 1, evil, &kept, &f->err));
	assert_int_equal(count_of(f, "SELECT count(*) FROM device"), 1);
}

static void texts_that_are_none_and_values_over_the_limit_are_refused(void **state)
{
	struct fixture *f = *state;
	struct store_device row = {.udid = "\xFF\xFE"};
	char *large = calloc(1, STORE_BYTES_MAX + 1);

	assert_non_null(large);
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_USAGE);
	assert_int_equal(
		store_setting_set(f->store, "s", slice_of(large, STORE_BYTES_MAX + 1), &f->err),
		ERR_LIMIT);
	memset(large, 'a', STORE_TEXT_MAX + 1);
	row.udid = large;
	assert_int_equal(store_device_put(f->store, &row, &f->err), ERR_LIMIT);
	/* refused before the database heard of it: the transaction goes on */
	make_device(f, "A");
	assert_ok(store_commit(f->store, &f->err));
	free(large);
}

static int second_step(struct store *store, struct err *err)
{
	return schema_exec(store,
			   "ALTER TABLE device ADD COLUMN colour TEXT DEFAULT 'grey' NOT NULL;"
			   "CREATE TABLE later (no {key}, what {text}, raw {bytes}, at {number})",
			   err);
}

static int broken_step(struct store *store, struct err *err)
{
	int r = schema_exec(store, "CREATE TABLE half (no {key})", err);

	return r ? r : schema_exec(store, "CREATE TABLE half (no {key})", err);
}

static int no_step(struct store *store, struct err *err)
{
	return 0;
}

static void a_schema_goes_up_step_by_step_and_a_newer_one_is_refused(void **state)
{
	struct fixture *f = *state;
	schema_step *const two[] = {no_step, second_step};
	schema_step *const three[] = {no_step, second_step, broken_step};
	struct store *again = NULL;

	make_device(f, "A");
	assert_ok(store_commit(f->store, &f->err));
	assert_ok(schema_up(f->store, two, 2, &f->err)); /* from version 1 */
	assert_ok(schema_up(f->store, two, 2, &f->err)); /* nothing to do */
	assert_ok(store_begin(f->store, &f->err));
	assert_int_equal(count_of(f, "SELECT count(*) FROM device WHERE colour = 'grey'"), 1);
	store_rollback(f->store);
	assert_int_not_equal(schema_up(f->store, three, 3, &f->err), 0);
	assert_ok(store_begin(f->store, &f->err));
	assert_int_equal(count_of(f, "SELECT version FROM schema_version"), 2);
	store_rollback(f->store);
	assert_int_equal(store_open(&again, f->where, &f->err), ERR_UNSUPPORTED);
	assert_non_null(strstr(f->err.text, "version 2"));
	assert_null(again);
}

static void what_is_no_store_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;

	assert_int_equal(store_open(&other, "mysql://x", &f->err), ERR_USAGE);
	assert_int_not_equal(store_open(&other, "sqlite:/nonexistent/folder/db", &f->err), 0);
	assert_int_equal(store_open(&other, "postgresql://u:s3cret@/x?host=/nonexistent", &f->err),
			 ERR_CLOSED);
	assert_null(strstr(f->err.text, "s3cret"));
	assert_null(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_committed_is_there_after_opening_again),
		TEST(a_savepoint_undoes_its_own_part_alone),
		TEST(a_failed_call_is_undone_and_the_others_of_the_transaction_stay),
		TEST(a_commit_after_a_failure_keeps_nothing_or_says_so),
		TEST(statements_in_texts_stay_texts),
		TEST(texts_that_are_none_and_values_over_the_limit_are_refused),
		TEST(a_schema_goes_up_step_by_step_and_a_newer_one_is_refused),
		TEST(what_is_no_store_is_refused),
	};

	return suite_run(tests, ARRAY_COUNT(tests));
}
