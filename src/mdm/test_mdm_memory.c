/* the protocol room without memory: what it writes is whole, or an error */
#include <jansson.h>

#include "mdm/testing.h"

static struct {
	size_t count, fails_at;
	bool is_for_good; /* else the one allocation fails, and those after it do not */
} memory;

static void *allocate(size_t len)
{
	size_t count = memory.count++;

	return count == memory.fails_at || (memory.is_for_good && count > memory.fails_at)
		       ? NULL
		       : malloc(len);
}

static int write_items(struct message *message, struct buf *out)
{
	const struct mdm_declaration set[] = {{MDM_ACTIVATION, "a", "t", "1"},
					      {MDM_CONFIGURATION, "b", "t", "2"},
					      {MDM_CONFIGURATION, "c", "t", "3"}};

	return mdm_items_json(set, ARRAY_COUNT(set), "token", out, &message->err);
}

static int write_merged(struct message *message, struct buf *out)
{
	return mdm_status_merge(
		slice_text("{\"a.b\":1,\"l\":[{\"identifier\":\"x\"},{\"identifier\":\"y\"}]}"),
		slice_text("{\"StatusItems\":{\"c\":{\"d\":2},\"l\":[{\"identifier\":\"z\"}]}}"),
		out, &message->err);
}

static int write_subscriptions(struct message *message, struct buf *out)
{
	return mdm_subscriptions_json(out, &message->err);
}

static int write_declaration(struct message *message, struct buf *out)
{
	static const char json[] = "{\"Type\":\"com.apple.configuration.x\",\"Identifier\":\"i\","
				   "\"Payload\":{\"b\":[1,{\"c\":\"text\"}],\"a\":null}}";
	enum mdm_declaration_kind kind;
	char identifier[65], type[129], token[65];

	return mdm_declaration_read(slice_text(json), &kind, identifier, type, token, out,
				    &message->err);
}

static int write_report(struct message *message, struct buf *out)
{
	static const char text[] =
		"<plist version=\"1.0\"><dict><key>UDID</key><string>D1</string>"
		"<key>Status</key><string>Error</string><key>CommandUUID</key><string>c</string>"
		"<key>ErrorChain</key><array><dict><key>ErrorCode</key><integer>1</integer>"
		"<key>ErrorDomain</key><string>D</string>"
		"</dict></array></dict></plist>";
	struct mdm_report report;
	int r;

	plist_doc_reset(message->doc);
	r = mdm_report_parse(message->doc, slice_text(text), &report, &message->err);
	if (!r)
		r = mdm_plist_json(report.root, NULL, out, &message->err);
	return r ? r : mdm_errors_json(&report, out, &message->err);
}

/* Returns whether there was an allocation that could fail */
static bool fail_one(struct message *message,
		     int (*write)(struct message *message, struct buf *out), size_t at,
		     bool is_for_good, const struct buf *whole)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(1 << 16);
	int r;

	message->err = ERR_INIT;
	memory.count = 0;
	memory.fails_at = at;
	memory.is_for_good = is_for_good;
	json_set_alloc_funcs(allocate, free);
	r = write(message, &out);
	json_set_alloc_funcs(malloc, free);
	assert_true(r <= 0);
	if (!r)
		assert_string_equal(buf_text(&out), (const char *)whole->bytes);
	return memory.count > at;
}

/* A list that lost items would make a device delete them: all or nothing, whichever allocation
 * fails. */
static void without_memory_an_answer_is_whole_or_an_error(void **state)
{
	static int (*const writers[])(struct message * message, struct buf * out) = {
		write_items, write_merged, write_subscriptions, write_declaration, write_report};
	size_t i, at;

	for (i = 0; i < ARRAY_COUNT(writers); i++) {
		CLEANUP(buf_clear) struct buf whole = BUF_INIT(1 << 16);

		assert_int_equal(writers[i](*state, &whole), 0);
		buf_text(&whole);
		for (at = 0; fail_one(*state, writers[i], at, true, &whole); at++)
			fail_one(*state, writers[i], at, false, &whole);
		assert_true(at > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_memory_an_answer_is_whole_or_an_error,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
