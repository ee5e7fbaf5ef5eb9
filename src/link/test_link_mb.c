/*
 * mobilebackup2: requests of a host, words for a device's codes.
 */
#include "link/test_frames.h"

static const char udid[] = "0000FE5A-00112233AABBCCDD";

/* the dictionary inside the one ProcessMessage frame of @out; lives until the next parse */
static const struct plist *message_of(const struct buf *out)
{
	struct link_dl message;
	struct err err = ERR_INIT;

	assert_int_equal(link_dl_parse(frame_root(out), &message, &err), 0);
	assert_int_equal(message.kind, LINK_DL_PROCESS_MESSAGE);
	return message.message;
}

static bool bool_of(const struct plist *dict, const char *key)
{
	const struct plist *value = plist_get(dict, key);

	assert_non_null(value);
	assert_int_equal(value->type, PLIST_BOOL);
	return value->as.boolean;
}

static void secret_of(struct secret *secret, const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(secret_set(secret, slice_text(text), &err), 0);
}

static void hello_offers_two_versions_as_reals(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	const struct plist *hello, *versions;
	struct err err = ERR_INIT;

	assert_int_equal(link_mb_hello(&out, &err), 0);
	assert_true(is_binary_frame(&out));
	hello = message_of(&out);
	assert_string_equal(plist_get_text(hello, "MessageName"), "Hello");
	versions = plist_get_array(hello, "SupportedProtocolVersions");
	assert_int_equal(versions->as.items.count, 2);
	assert_int_equal(plist_at(versions, 0)->type, PLIST_REAL);
	assert_true(plist_at(versions, 0)->as.real == 2.0);
	assert_true(plist_at(versions, 1)->as.real == 2.1);
}

static void a_backup_request_is_small_unless_asked_for_all(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	const struct plist *request;
	struct err err = ERR_INIT;

	assert_int_equal(link_mb_backup(&out, udid, NULL, false, &err), 0);
	request = message_of(&out);
	assert_int_equal(request->as.items.count, 2);
	assert_string_equal(plist_get_text(request, "MessageName"), "Backup");
	assert_string_equal(plist_get_text(request, "TargetIdentifier"), udid);

	buf_truncate(&out, 0);
	assert_int_equal(link_mb_backup(&out, udid, "other", true, &err), 0);
	request = message_of(&out);
	assert_int_equal(request->as.items.count, 4);
	assert_string_equal(plist_get_text(request, "SourceIdentifier"), "other");
	assert_true(bool_of(plist_get_dict(request, "Options"), "ForceFullBackup"));
}

static void a_restore_request_states_every_option(void **state)
{
	static const struct link_restore_options options = {
		.system_files = true, .dont_copy = true, .remove_not_restored = false};
	CLEANUP(buf_wipe) struct buf out = BUF_INIT(8192);
	struct secret password = SECRET_INIT;
	const struct plist *request, *dict;
	struct err err = ERR_INIT;

	assert_int_equal(link_mb_restore(&out, udid, NULL, &options, NULL, &err), 0);
	request = message_of(&out);
	assert_string_equal(plist_get_text(request, "MessageName"), "Restore");
	assert_string_equal(plist_get_text(request, "TargetIdentifier"), udid);
	assert_string_equal(plist_get_text(request, "SourceIdentifier"), udid);
	dict = plist_get_dict(request, "Options");
	assert_int_equal(dict->as.items.count, 5);
	assert_true(bool_of(dict, "RestoreSystemFiles"));
	assert_false(bool_of(dict, "RestoreShouldReboot"));
	assert_true(bool_of(dict, "RestoreDontCopyBackup"));
	assert_false(bool_of(dict, "RestorePreserveSettings"));
	assert_false(bool_of(dict, "RemoveItemsNotRestored"));

	buf_truncate(&out, 0);
	secret_of(&password, "s\xc3\xa9same");
	assert_int_equal(link_mb_restore(&out, udid, "other", &options, &password, &err), 0);
	request = message_of(&out);
	assert_string_equal(plist_get_text(request, "SourceIdentifier"), "other");
	dict = plist_get_dict(request, "Options");
	assert_int_equal(dict->as.items.count, 6);
	assert_string_equal(plist_get_text(dict, "Password"), "s\xc3\xa9same");
	secret_clear(&password);
}

static void encryption_goes_on_off_or_to_another_password(void **state)
{
	CLEANUP(buf_wipe) struct buf out = BUF_INIT(8192);
	struct secret old = SECRET_INIT, new = SECRET_INIT;
	const struct plist *request;
	struct err err = ERR_INIT;

	secret_of(&old, "before");
	secret_of(&new, "after");
	for (int which = 1; which <= 3; which++) {
		buf_truncate(&out, 0);
		assert_int_equal(link_mb_change_password(&out, udid, which & 1 ? &old : NULL,
							 which & 2 ? &new : NULL, &err),
				 0);
		request = message_of(&out);
		assert_string_equal(plist_get_text(request, "MessageName"), "ChangePassword");
		assert_string_equal(plist_get_text(request, "TargetIdentifier"), udid);
		assert_int_equal(plist_get(request, "OldPassword") != NULL, which & 1);
		assert_int_equal(plist_get(request, "NewPassword") != NULL, which >> 1);
	}
	assert_string_equal(plist_get_text(request, "OldPassword"), "before");
	assert_string_equal(plist_get_text(request, "NewPassword"), "after");
	assert_int_equal(link_mb_change_password(&out, udid, NULL, NULL, &err), ERR_USAGE);
}

static void a_password_is_text_of_any_length(void **state)
{
	CLEANUP(buf_wipe) struct buf out = BUF_INIT(16384);
	struct secret password = SECRET_INIT, longest = SECRET_INIT;
	const struct plist *request;
	struct err err = ERR_INIT;

	assert_int_equal(link_mb_change_password(&out, udid, NULL, &password, &err), ERR_PASSWORD);
	secret_of(&password, "\xff\xfe");
	assert_int_equal(link_mb_change_password(&out, udid, NULL, &password, &err), ERR_PASSWORD);
	assert_int_equal(link_mb_change_password(&out, udid, &password, NULL, &err), ERR_PASSWORD);
	assert_int_equal(out.len, 0);

	/* 1024 bytes have no NUL behind them, and become 1024 bytes of UTF-16 at least */
	for (size_t i = 0; i < SECRET_LEN_MAX; i += 2)
		memcpy(longest.bytes + i, "\xc3\xa9", 2);
	longest.len = SECRET_LEN_MAX;
	assert_int_equal(link_mb_change_password(&out, udid, &longest, &longest, &err), 0);
	request = message_of(&out);
	assert_int_equal(plist_get(request, "NewPassword")->as.string.len, SECRET_LEN_MAX);
	assert_memory_equal(plist_get_text(request, "OldPassword"), longest.bytes, SECRET_LEN_MAX);
}

/* the reservation is what keeps copies of the password out of freed memory */
static void a_buffer_does_not_move_while_a_password_is_written(void **state)
{
	CLEANUP(buf_wipe) struct buf out = BUF_INIT(16384);
	struct secret old = SECRET_INIT, new = SECRET_INIT;
	struct err err = ERR_INIT;

	memset(old.bytes, 'o', SECRET_LEN_MAX);
	memset(new.bytes, 'n', SECRET_LEN_MAX);
	old.len = new.len = SECRET_LEN_MAX;
	assert_int_equal(link_mb_change_password(&out, udid, &old, &new, &err), 0);
	assert_true(out.len <= 1024 + 2 * (2 * SECRET_LEN_MAX + strlen(udid)));
}

static void every_code_has_meaning_and_next_step(void **state)
{
	static const int codes[] = {0,   1,   3,   4,   11,  22,  100, 101, 102, 103,
				    104, 105, 107, 203, 205, 207, 208, 211, 212, 213};

	for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
		const struct link_mb_error *error = link_mb_explain(codes[i]);

		assert_int_equal(error->code, codes[i]);
		assert_true(strlen(error->meaning) > 0);
		assert_true(strlen(error->next_step) > 0);
	}
	assert_int_equal(link_mb_explain(9999)->code, -1);
	assert_int_equal(link_mb_explain(-4)->code, -1);
	/* the low half of a number is not the number */
	assert_int_equal(link_mb_explain((INT64_C(1) << 32) + 207)->code, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_offers_two_versions_as_reals),
		cmocka_unit_test(a_backup_request_is_small_unless_asked_for_all),
		cmocka_unit_test(a_restore_request_states_every_option),
		cmocka_unit_test(encryption_goes_on_off_or_to_another_password),
		cmocka_unit_test(a_password_is_text_of_any_length),
		cmocka_unit_test(a_buffer_does_not_move_while_a_password_is_written),
		cmocka_unit_test(every_code_has_meaning_and_next_step),
	};

	return cmocka_run_group_tests(tests, frames_setup, frames_teardown);
}
