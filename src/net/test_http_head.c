/* net: what a request's head may say, and what is refused because it has two readings */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/http_internal.h"

static char text[70000];
static struct http_head head;

static int parse(const char *request)
{
	size_t len = strlen(request);

	memcpy(text, request, len + 1);
	assert_int_equal(http_head_len(slice_of(text, len), 0), len);
	return http_head_parse(&head, text, len);
}

static int parse_with(const char *fields)
{
	char request[2000];

	snprintf(request, sizeof(request), "PUT /mdm HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
	return parse(request);
}

static int parse_target(const char *target)
{
	char request[2000];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	return parse(request);
}

static void a_request_is_read(void **state)
{
	assert_int_equal(parse("PUT /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n"
			       "X-Empty:\r\nX-Spaced: \t a b \t\r\n\r\n"),
			 0);
	assert_string_equal(head.method, "PUT");
	assert_string_equal(head.path, "/a b");
	assert_string_equal(head.query, "q=1");
	assert_int_equal(head.content_length, 12);
	assert_true(head.is_keep_alive);
	assert_string_equal(http_head_field(&head, "x-spaced"), "a b");
	assert_string_equal(http_head_field(&head, "X-EMPTY"), "");
	assert_null(http_head_field(&head, "X-None"));
}

static void a_header_that_comes_twice_counts_as_absent(void **state)
{
	assert_int_equal(parse_with("Authorization: a\r\nauthorization: b\r\n"), 0);
	assert_null(http_head_field(&head, "Authorization"));
}

static void what_has_two_readings_is_refused(void **state)
{
	const struct {
		const char *fields;
		int status;
	} refused[] = {
		{"Content-Length: 1\r\nContent-Length: 1\r\n", 400},
		{"Content-Length: 1, 1\r\n", 400},
		{"Content-Length: +1\r\n", 400},
		{"Content-Length: 0x1\r\n", 400},
		{"Content-Length: -1\r\n", 400},
		{"Content-Length: 1a\r\n", 400},
		{"Content-Length:\r\n", 400},
		{"Content-Length: 99999999999999999999\r\n", 413},
		{"Transfer-Encoding: chunked\r\n", 411},
		{"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400},
		{"Content-Length: 1\r\nTransfer-Encoding: identity\r\n", 400},
		{"Host: b\r\n", 400},
		{"Name : value\r\n", 400},
		{"Folded: a\r\n b\r\n", 400},
		{"No colon\r\n", 400},
		{": no name\r\n", 400},
		{"Bare: a\rb\r\n", 400},
		{"Bare: a\nb: c\r\n", 400},
		{"Control: a\001b\r\n", 400},
		{"Expect: 200-ok\r\n", 417},
	};

	for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
		if (parse_with(refused[i].fields) != refused[i].status)
			fail_msg("%s", refused[i].fields);
}

static void request_lines_are_taken_by_the_letter(void **state)
{
	const struct {
		const char *request;
		int status;
	} refused[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
		{"GET / HTTP/1.0\r\n\r\n", 400},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
		{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 505},
		{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /\r\nHost: a\r\n\r\n", 400},
		{"GET\r\n\r\n", 400},
		{"\r\n\r\n", 400},
		{"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
		{"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
		{"G\001T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	};

	for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
		if (parse(refused[i].request) != refused[i].status)
			fail_msg("%s", refused[i].request);
}

static void paths_decode_once_and_stay_inside(void **state)
{
	const char *const refused[] = {"/a/../b", "/..",    "/.",     "/a/./b", "/%2e%2e/b",
				       "/%2E",    "/a%00b", "/a%0ab", "/a%2fb", "/%",
				       "/%4",     "/%zz",   "/a#b",   "*",      "/\303\244",
				       "/%ff",    "a"};

	for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
		if (parse_target(refused[i]) != 400)
			fail_msg("%s", refused[i]);
	assert_int_equal(parse_target("/...%25%2e+%C3%A4/.a?x=/../%2e"), 0);
	assert_string_equal(head.path, "/...%.+\303\244/.a");
	assert_string_equal(head.query, "x=/../%2e");
}

static void only_so_many_headers_are_taken(void **state)
{
	char fields[1000] = "";

	for (int i = 0; i < HTTP_FIELDS_MAX - 1; i++)
		strcat(fields, "A: b\r\n");
	assert_int_equal(parse_with(fields), 0);
	strcat(fields, "A: b\r\n");
	assert_int_equal(parse_with(fields), 431);
}

static void a_connection_is_kept_as_the_client_wants(void **state)
{
	assert_int_equal(parse_with("Connection: TE, Close\r\n"), 0);
	assert_false(head.is_keep_alive);
	assert_int_equal(parse_with("Connection: closet\r\n"), 0);
	assert_true(head.is_keep_alive);
	assert_int_equal(parse("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), 0);
	assert_false(head.is_keep_alive);
}

static void a_head_is_found_wherever_the_pieces_end(void **state)
{
	const char *request = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
	size_t len = strlen(request) - 4, seen = 0;

	for (size_t have = 1; have <= strlen(request); have++) {
		size_t found = http_head_len(slice_of(request, have), seen);

		assert_int_equal(found, have >= len ? len : 0);
		seen = have < len ? have : seen;
	}
}

static void values_of_a_query_are_decoded(void **state)
{
	struct buf value = BUF_INIT(100);
	const char *query = "operation=PKIOperation&message=a%2Bb+c&empty=&mess=1&bad=%0&nul=%00";

	assert_int_equal(http_query_value(query, "message", &value, NULL), 0);
	assert_string_equal(buf_text(&value), "a+b c");
	buf_clear(&value);
	assert_int_equal(http_query_value(query, "mess", &value, NULL), 0);
	assert_string_equal(buf_text(&value), "1");
	buf_clear(&value);
	assert_int_equal(http_query_value(query, "empty", &value, NULL), 0);
	assert_int_equal(value.len, 0);
	assert_int_equal(http_query_value(query, "essage", &value, NULL), ERR_NOT_FOUND);
	assert_int_equal(http_query_value("", "a", &value, NULL), ERR_NOT_FOUND);
	assert_int_equal(http_query_value(query, "bad", &value, NULL), ERR_PROTOCOL);
	assert_int_equal(http_query_value(query, "nul", &value, NULL), ERR_PROTOCOL);
	buf_clear(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read),
		cmocka_unit_test(a_header_that_comes_twice_counts_as_absent),
		cmocka_unit_test(what_has_two_readings_is_refused),
		cmocka_unit_test(request_lines_are_taken_by_the_letter),
		cmocka_unit_test(paths_decode_once_and_stay_inside),
		cmocka_unit_test(only_so_many_headers_are_taken),
		cmocka_unit_test(a_connection_is_kept_as_the_client_wants),
		cmocka_unit_test(a_head_is_found_wherever_the_pieces_end),
		cmocka_unit_test(values_of_a_query_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
