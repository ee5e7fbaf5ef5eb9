/* what a device says during a backup, and what it is answered */
#include "job/testing_exchange.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define IN_FOLDER(name) STAGE_UDID "/" name
#define TEXT(text) "<string>" text "</string>"
#define RESPONSE(code)                                                              \
	TEXT("DLMessageProcessMessage")                                             \
	"<dict><key>MessageName</key><string>Response</string><key>ErrorCode</key>" \
	"<integer>" #code "</integer></dict>"

static struct stage stage; /* too large for a stack */
static struct buf script;
static struct mb_response response;
static struct err why;

/* ---- the device's words ---- */

static void says_bytes(const void *bytes, size_t len)
{
	assert_int_equal(buf_append(&script, bytes, len, NULL), 0);
}

/* says - a control message: the elements of its array in XML */
static void says(const char *elements)
{
	char body[4096];
	uint8_t len[4];
	int n = snprintf(body, sizeof(body), "<plist><array>%s</array></plist>", elements);

	assert_true(n > 0 && (size_t)n < sizeof(body));
	put_u32be(len, (uint32_t)n);
	says_bytes(len, 4);
	says_bytes(body, (size_t)n);
}

static void says_name(const char *name)
{
	uint8_t len[4];

	put_u32be(len, (uint32_t)strlen(name));
	says_bytes(len, 4);
	says_bytes(name, strlen(name));
}

static void says_block(enum link_block code, const char *content)
{
	uint8_t header[5];

	link_block_header(header, code, (uint32_t)strlen(content));
	says_bytes(header, 5);
	says_bytes(content, strlen(content));
}

/* says_file - a file of a batch of uploads, whole */
static void says_file(const char *host_name, const char *content)
{
	says_name("/private/var/a");
	says_name(host_name);
	says_block(LINK_BLOCK_DATA, content);
	says_block(LINK_BLOCK_END, "");
}

static void says_batch_end(void)
{
	says_bytes("\0\0\0\0", 4);
}

static void uploads(void)
{
	says(TEXT("DLMessageUploadFiles") "<dict/><real>1</real><integer>100</integer>");
}

/* ---- the run ---- */

static int served(void)
{
	assert_true(stage_say(&stage, buf_slice(&script)));
	return exchange_serve(&stage.exchange, &response, &why);
}

/* next_answer - the host's next message, borrowed until the next call; its bytes are consumed */
static struct link_dl next_answer(void)
{
	static struct plist_doc *doc;
	const struct plist_limits limits = PLIST_LIMITS_FRAME;
	static uint8_t bytes[16384];
	const struct plist *root;
	struct link_dl message;
	uint32_t len;

	assert_int_equal(recv(stage.device, bytes, 4, MSG_DONTWAIT), 4);
	len = get_u32be(bytes);
	assert_true(len <= sizeof(bytes));
	assert_int_equal(recv(stage.device, bytes, len, MSG_DONTWAIT), len);
	plist_doc_free_p(&doc);
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	assert_int_equal(plist_parse(doc, slice_of(bytes, len), &limits, &root, &why), 0);
	assert_int_equal(link_dl_parse(root, &message, &why), 0);
	return message;
}

static void answers(int64_t code)
{
	struct link_dl message = next_answer();

	assert_int_equal(message.kind, LINK_DL_STATUS);
	assert_int_equal(message.code, code);
}

static void shelf_holds(const char *path, const char *content)
{
	const struct stage_file *file = stage_find(&stage, path);

	assert_non_null(file);
	assert_true(slice_equal(buf_slice(&file->bytes), slice_text(content)));
}

static int begin(void **state)
{
	script = BUF_INIT(1 << 20);
	why = ERR_INIT;
	if (stage_open(&stage, &why) < 0)
		return -1;
	return link_stream_new(&stage.exchange.stream, true, &why);
}

static int begin_ungreeted(void **state)
{
	script = BUF_INIT(1 << 20);
	why = ERR_INIT;
	return stage_open(&stage, &why);
}

static int end(void **state)
{
	buf_clear(&script);
	stage_close(&stage);
	return 0;
}

/* ---- greeting ---- */

#define HELLO_RESPONSE                                                              \
	TEXT("DLMessageProcessMessage")                                             \
	"<dict><key>MessageName</key><string>Response</string><key>ErrorCode</key>" \
	"<integer>0</integer><key>ProtocolVersion</key><real>2.1</real></dict>"

static void both_sides_agree_on_a_version(void **state)
{
	struct link_dl message;

	says(TEXT("DLMessageVersionExchange") "<integer>300</integer><integer>0</integer>");
	says(TEXT("DLMessageDeviceReady"));
	says(HELLO_RESPONSE);
	assert_true(stage_say(&stage, buf_slice(&script)));
	assert_int_equal(exchange_greet(&stage.exchange, &why), 0);
	message = next_answer();
	assert_int_equal(message.kind, LINK_DL_VERSION_EXCHANGE);
	assert_string_equal(message.text, "DLVersionsOk");
	message = next_answer();
	assert_int_equal(message.kind, LINK_DL_PROCESS_MESSAGE);
	assert_string_equal(plist_get_text(message.message, "MessageName"), "Hello");
}

static void a_device_that_is_too_new_is_not_guessed_at(void **state)
{
	says(TEXT("DLMessageVersionExchange") "<integer>401</integer><integer>0</integer>");
	assert_true(stage_say(&stage, buf_slice(&script)));
	assert_int_equal(exchange_greet(&stage.exchange, &why), ERR_UNSUPPORTED);
	assert_non_null(strstr(why.text, "401"));
}

static void a_device_that_hangs_up_at_once_is_told_of(void **state)
{
	assert_true(stage_say(&stage, SLICE_EMPTY));
	assert_int_equal(exchange_greet(&stage.exchange, &why), ERR_CLOSED);
	assert_non_null(strstr(why.text, "the iPad hung up"));
}

/* ---- files towards the host ---- */

static void uploaded_files_stand_on_the_shelf(void **state)
{
	uploads();
	says_file(IN_FOLDER("Snapshot/00/1"), "one");
	says_file(IN_FOLDER("Snapshot/00/2"), "");
	says_batch_end();
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	assert_int_equal(response.code, 0);
	assert_int_equal(stage.exchange.failure.code, 0);
	assert_int_equal(stage.exchange.files_in, 2);
	shelf_holds("Snapshot/00/1", "one");
	shelf_holds("Snapshot/00/2", "");
	answers(0);
}

static void a_file_that_the_device_cannot_read_is_a_problem_and_the_rest_is_kept(void **state)
{
	uploads();
	says_name("/private/var/a");
	says_name(IN_FOLDER("Snapshot/00/1"));
	says_block(LINK_BLOCK_DATA, "half of it");
	says_block(LINK_BLOCK_ERROR_REMOTE, "Operation not permitted");
	says_file(IN_FOLDER("Snapshot/00/2"), "two");
	says_batch_end();
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	assert_int_equal(stage.exchange.failure.code, 0);
	assert_null(stage_find(&stage, "Snapshot/00/1"));
	shelf_holds("Snapshot/00/2", "two");
	assert_int_equal(stage.problems.count, 1);
	assert_non_null(strstr(stage.problems.list[0].text, "could not deliver Snapshot/00/1"));
	assert_non_null(strstr(stage.problems.list[0].text, "Operation not permitted"));
	answers(0);
}

static void a_name_that_leaves_the_folder_fails_the_run_but_not_the_conversation(void **state)
{
	uploads();
	says_file(IN_FOLDER("../evil"), "one");
	says_file(IN_FOLDER("Snapshot/00/2"), "two");
	says_batch_end();
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	assert_int_equal(stage.exchange.failure.code, ERR_PROTOCOL);
	assert_int_equal(stage.count, 0);
	answers(LINK_DL_OTHER);
}

static void a_full_disk_is_told_to_the_device_and_remembered(void **state)
{
	static char much[STAGE_FILE_MAX + 2];

	memset(much, 'x', sizeof(much) - 1);
	uploads();
	says_file(IN_FOLDER("Snapshot/00/1"), much);
	says_batch_end();
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	assert_int_equal(stage.exchange.failure.code, ERR_NO_SPACE);
	assert_int_equal(stage.count, 0);
	answers(LINK_DL_NO_SPACE);
}

static void a_cable_pulled_in_the_middle_of_a_file_leaves_none_of_it(void **state)
{
	uploads();
	says_name("/private/var/a");
	says_name(IN_FOLDER("Snapshot/00/1"));
	says_block(LINK_BLOCK_DATA, "half of it");
	assert_int_equal(served(), ERR_CLOSED);
	assert_non_null(strstr(why.text, "the iPad hung up"));
	assert_int_equal(stage.count, 0);
}

static void a_file_that_comes_twice_in_a_batch_is_a_problem(void **state)
{
	uploads();
	says_file(IN_FOLDER("Snapshot/00/1"), "one");
	says_file(IN_FOLDER("Snapshot/00/1"), "two");
	says_batch_end();
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	assert_int_equal(stage.problems.count, 1);
	assert_non_null(strstr(stage.problems.list[0].text, "twice"));
}

/* ---- files towards the device ---- */

/* receives_script - what the host sent next is what the script now holds */
static void receives_script(void)
{
	uint8_t got[256];

	assert_true(script.len <= sizeof(got));
	assert_int_equal(recv(stage.device, got, script.len, MSG_DONTWAIT), script.len);
	assert_memory_equal(got, script.bytes, script.len);
}

static void a_download_brings_what_is_there_and_names_what_is_not(void **state)
{
	struct stage_file *info = stage_put(&stage, "Info.plist", false, &why);
	const struct plist *failed;
	struct link_dl message;
	int64_t code = 0;

	assert_int_equal(buf_append_text(&info->bytes, "abc", &why), 0);
	says(TEXT("DLMessageDownloadFiles") "<array>" TEXT(IN_FOLDER("Info.plist"))
		     TEXT(IN_FOLDER("absent")) "</array><dict/><real>1</real>");
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	buf_truncate(&script, 0);
	says_name(IN_FOLDER("Info.plist"));
	says_block(LINK_BLOCK_DATA, "abc");
	says_block(LINK_BLOCK_END, "");
	says_name(IN_FOLDER("absent"));
	says_block(LINK_BLOCK_ERROR_LOCAL, "No such file or directory");
	says_batch_end();
	receives_script();
	message = next_answer();
	assert_int_equal(message.code, LINK_DL_MULTI_STATUS);
	failed = plist_get_dict(message.value, IN_FOLDER("absent"));
	assert_true(plist_get_int(failed, "DLFileErrorCode", &code));
	assert_int_equal(code, LINK_DL_NO_ENTRY);
	assert_int_equal(stage.exchange.failure.code, 0);
}

/* ---- the directory ---- */

static void folders_are_made_listed_moved_copied_and_removed(void **state)
{
	struct link_dl message;

	says(TEXT("DLMessageCreateDirectory") TEXT(IN_FOLDER("a")) "<dict/>");
	says(TEXT("DLMessageMoveItems") "<dict><key>" IN_FOLDER("a") "</key>" TEXT(
		IN_FOLDER("b")) "</dict><dict/><real>1</real>");
	says(TEXT("DLMessageCopyItem") TEXT(IN_FOLDER("b")) TEXT(IN_FOLDER("c")) "<dict/>");
	says(TEXT("DLMessageRemoveItems") "<array>" TEXT(IN_FOLDER("b")) "</array><dict/>");
	says(TEXT("DLContentsOfDirectory") TEXT(STAGE_UDID));
	says(TEXT("DLContentsOfDirectory") TEXT(IN_FOLDER("nowhere")));
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	for (int i = 0; i < 4; i++)
		answers(0);
	message = next_answer();
	assert_int_equal(message.value->as.items.count, 1);
	assert_string_equal(plist_get_text(plist_get(message.value, "c"), "DLFileType"),
			    "DLFileTypeDirectory");
	message = next_answer();
	assert_int_equal(message.code, 0); /* an absent folder is an empty one */
	assert_int_equal(message.value->as.items.count, 0);
}

static void moving_what_is_not_there_is_a_problem_and_has_its_code(void **state)
{
	says(TEXT("DLMessageMoveItems") "<dict><key>" IN_FOLDER("a") "</key>" TEXT(
		IN_FOLDER("b")) "</dict><dict/><real>1</real>");
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	answers(LINK_DL_NO_ENTRY);
	assert_int_equal(stage.problems.count, 1);
	assert_int_equal(stage.exchange.failure.code, 0);
}

static void the_whole_folder_is_never_moved(void **state)
{
	says(TEXT("DLMessageMoveItems") "<dict><key>" STAGE_UDID "</key>" TEXT(
		IN_FOLDER("b")) "</dict><dict/><real>1</real>");
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	answers(LINK_DL_OTHER);
	assert_int_equal(stage.exchange.failure.code, ERR_PROTOCOL);
}

static void free_space_is_told_and_nothing_is_purged(void **state)
{
	struct link_dl message;
	int64_t bytes = 0;

	says(TEXT("DLMessageGetFreeDiskSpace"));
	says(TEXT("DLMessagePurgeDiskSpace") "<integer>3147483648</integer><integer>4</integer>");
	says(RESPONSE(105));
	assert_int_equal(served(), 0);
	message = next_answer();
	assert_true(plist_int(message.value, &bytes));
	assert_int_equal(bytes, 5000000000);
	answers(LINK_DL_OTHER);
	assert_int_equal(response.code, 105);
	/* 2 GiB of what it asked for are its margin */
	assert_string_equal(response.description, "1.0 GB are missing here, it says");
}

/* ---- turns ---- */

static void what_is_unknown_is_answered_and_the_run_goes_on(void **state)
{
	says(TEXT("DLMessageNobodyKnows"));
	says(TEXT(
		"DLMessageProcessMessage") "<dict><key>MessageName</key><string>x</string></dict>");
	says(RESPONSE(0));
	assert_int_equal(served(), 0);
	answers(LINK_DL_OTHER);
	answers(LINK_DL_OTHER);
}

static void a_status_out_of_turn_ends_the_run(void **state)
{
	says(TEXT("DLMessageStatusResponse") "<integer>0</integer>" TEXT(LINK_DL_EMPTY) "<dict/>");
	says(RESPONSE(0));
	assert_int_equal(served(), ERR_PROTOCOL);
}

static void a_goodbye_without_a_result_is_no_success(void **state)
{
	says(TEXT("DLMessageDisconnect") TEXT("too tired"));
	assert_int_equal(served(), ERR_CLOSED);
	assert_non_null(strstr(why.text, "too tired"));
}

static void a_person_who_cancels_is_obeyed_before_the_next_message(void **state)
{
	struct cancel cancel = {.is_requested = 1, .wake_fd = -1};

	stage.env.cancel = &cancel;
	uploads();
	assert_int_equal(served(), ERR_CANCELED);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define AT_THE_DOOR(test) cmocka_unit_test_setup_teardown(test, begin_ungreeted, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_THE_DOOR(both_sides_agree_on_a_version),
		AT_THE_DOOR(a_device_that_is_too_new_is_not_guessed_at),
		AT_THE_DOOR(a_device_that_hangs_up_at_once_is_told_of),
		ON_STAGE(uploaded_files_stand_on_the_shelf),
		ON_STAGE(a_file_that_the_device_cannot_read_is_a_problem_and_the_rest_is_kept),
		ON_STAGE(a_name_that_leaves_the_folder_fails_the_run_but_not_the_conversation),
		ON_STAGE(a_full_disk_is_told_to_the_device_and_remembered),
		ON_STAGE(a_cable_pulled_in_the_middle_of_a_file_leaves_none_of_it),
		ON_STAGE(a_file_that_comes_twice_in_a_batch_is_a_problem),
		ON_STAGE(a_download_brings_what_is_there_and_names_what_is_not),
		ON_STAGE(folders_are_made_listed_moved_copied_and_removed),
		ON_STAGE(moving_what_is_not_there_is_a_problem_and_has_its_code),
		ON_STAGE(the_whole_folder_is_never_moved),
		ON_STAGE(free_space_is_told_and_nothing_is_purged),
		ON_STAGE(what_is_unknown_is_answered_and_the_run_goes_on),
		ON_STAGE(a_status_out_of_turn_ends_the_run),
		ON_STAGE(a_goodbye_without_a_result_is_no_success),
		ON_STAGE(a_person_who_cancels_is_obeyed_before_the_next_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
