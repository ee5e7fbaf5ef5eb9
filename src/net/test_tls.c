/* net: how TLS starts and ends between a host and a device, and who is trusted */
#include "net/testing_tls.h"

static void each_version_carries_bytes_both_ways(void **state)
{
	const struct {
		enum net_tls_version max;
		int number;
	} versions[] = {{NET_TLS_1_0, TLS1_VERSION},
			{NET_TLS_1_1, TLS1_1_VERSION},
			{NET_TLS_1_2, TLS1_2_VERSION},
			{NET_TLS_1_3, TLS1_3_VERSION},
			{NET_TLS_ANY, TLS1_3_VERSION}};
	size_t i;

	for (i = 0; i < 2 * ARRAY_COUNT(versions); i++) {
		CLEANUP(meeting_end) struct meeting meeting;
		enum net_tls_version max = versions[i / 2].max;
		struct guest_list list = {0};

		/* either side may be the older one */
		assert_int_equal(meet(&meeting, host(i % 2 ? max : NET_TLS_ANY),
				      device(i % 2 ? NET_TLS_ANY : max, &list)),
				 0);
		assert_int_equal(meeting.r, 0);
		assert_int_equal(SSL_version(meeting.pair.a->tls->ssl), versions[i / 2].number);
		assert_int_equal(list.asked, 1);
		say(meeting.pair.a, "request");
		hear(meeting.pair.b, "request");
		say(meeting.pair.b, "answer");
		hear(meeting.pair.a, "answer");
	}
}

static void bytes_that_came_with_the_last_clear_message_are_not_lost(void **state)
{
	CLEANUP(meeting_end)
	struct meeting meeting = {.pair = pair_open(NULL), .client = host(NET_TLS_ANY)};
	struct guest_list list = {0};
	struct net_tls_server server = device(NET_TLS_ANY, &list);
	struct err err = ERR_INIT;

	/* flushed by the handshake itself, and then more is read ahead than the message */
	assert_int_equal(conn_write(meeting.pair.a, slice_text("start"), &err), 0);
	assert_int_equal(pthread_create(&meeting.thread, NULL, greet, &meeting), 0);
	assert_int_equal(conn_fill(meeting.pair.b, 5 + 100, &err), 0);
	hear(meeting.pair.b, "start");
	assert_int_equal(conn_tls_server(meeting.pair.b, &server, &err), 0);
	pthread_join(meeting.thread, NULL);
	assert_int_equal(meeting.r, 0);
	say(meeting.pair.a, "request");
	hear(meeting.pair.b, "request");
}

/* ---- trust ---- */

static void another_device_key_than_the_pinned_one_is_refused_without_a_word(void **state)
{
	const enum net_tls_version versions[] = {NET_TLS_1_0, NET_TLS_1_2, NET_TLS_1_3};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(versions); i++) {
		CLEANUP(meeting_end) struct meeting meeting;
		struct net_tls_client client = host(versions[i]);
		struct guest_list list = {0};

		client.pin_sha256 = world.host_pin;
		/* closed, and not a protocol error: there was no alert */
		assert_int_equal(meet(&meeting, client, device(NET_TLS_ANY, &list)), ERR_CLOSED);
		assert_int_equal(meeting.r, ERR_POLICY);
		assert_int_equal(list.asked, 0);
	}
}

static void a_client_without_a_pin_does_not_start(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct net_tls_client client = host(NET_TLS_ANY);
	struct err err = ERR_INIT;

	client.pin_sha256 = NULL;
	assert_int_equal(conn_tls_client(pair.a, &client, &err), ERR_USAGE);
	assert_false(conn_is_readable(pair.b));
}

/* in TLS 1.3 the client is done before its certificate is looked at, and learns of it when it reads
 */
static void check_turned_away(struct meeting *meeting)
{
	struct err err = ERR_INIT;

	if (meeting->r == 0)
		meeting->r = conn_fill(meeting->pair.a, 1, &err);
	assert_true(meeting->r == ERR_PROTOCOL || meeting->r == ERR_CLOSED);
}

static void a_client_certificate_that_is_not_admitted_is_refused(void **state)
{
	const enum net_tls_version versions[] = {NET_TLS_1_0, NET_TLS_1_2, NET_TLS_1_3};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(versions); i++) {
		CLEANUP(meeting_end) struct meeting meeting;
		struct net_tls_client client = host(versions[i]);
		struct guest_list list = {0};

		client.cert_pem = buf_slice(&world.pairing.root_cert_pem);
		client.key_pem = buf_slice(&world.pairing.root_key_pem);
		assert_int_equal(meet(&meeting, client, device(NET_TLS_ANY, &list)), ERR_POLICY);
		assert_int_equal(list.asked, 1);
		assert_true(list.last_len > 0);
		check_turned_away(&meeting);
	}
}

static void a_client_without_a_certificate_is_a_question_too(void **state)
{
	const enum net_tls_version versions[] = {NET_TLS_1_0, NET_TLS_1_2, NET_TLS_1_3};
	size_t i;

	for (i = 0; i < 2 * ARRAY_COUNT(versions); i++) {
		CLEANUP(meeting_end) struct meeting meeting;
		struct net_tls_client client = host(versions[i / 2]);
		struct guest_list list = {.welcomes_the_nameless = i % 2};

		client.cert_pem = client.key_pem = SLICE_EMPTY;
		assert_int_equal(meet(&meeting, client, device(NET_TLS_ANY, &list)),
				 i % 2 ? 0 : ERR_POLICY);
		assert_int_equal(list.asked, 1);
		assert_int_equal(list.last_len, 0);
		if (i % 2)
			assert_int_equal(meeting.r, 0);
		else
			check_turned_away(&meeting);
	}
}

static void an_identity_that_does_not_fit_together_is_the_callers_error(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct net_tls_client client = host(NET_TLS_ANY);
	struct err err = ERR_INIT;

	client.key_pem = buf_slice(&world.pairing.root_key_pem);
	assert_int_equal(conn_tls_client(pair.a, &client, &err), ERR_USAGE);
	client.key_pem = slice_text("no key");
	assert_int_equal(conn_tls_client(pair.a, &client, &err), ERR_USAGE);
}

/* ---- trouble ---- */

static void a_silent_peer_ends_the_handshake_by_the_deadline(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct net_tls_client client = host(NET_TLS_ANY);
	struct err err = ERR_INIT;

	conn_set_deadline(pair.a, 50);
	assert_int_equal(conn_tls_client(pair.a, &client, &err), ERR_TIMEOUT);
	/* half a handshake is no connection */
	assert_int_equal(conn_write(pair.a, slice_text("x"), &err), 0);
	assert_int_equal(conn_flush(pair.a, &err), ERR_TIMEOUT);
}

static void a_peer_that_talks_nonsense_ends_the_handshake(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct net_tls_client client = host(NET_TLS_ANY);
	struct err err = ERR_INIT;

	say(pair.b, "HTTP/1.1 400 Bad Request\r\n\r\n");
	assert_int_equal(conn_tls_client(pair.a, &client, &err), ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "TLS handshake"));
}

static void an_end_in_the_middle_is_closed_with_or_without_goodbye(void **state)
{
	int says_goodbye;

	for (says_goodbye = 0; says_goodbye < 2; says_goodbye++) {
		CLEANUP(meeting_end) struct meeting meeting;
		struct guest_list list = {0};
		struct err err = ERR_INIT;

		assert_int_equal(meet(&meeting, host(NET_TLS_ANY), device(NET_TLS_ANY, &list)), 0);
		say(meeting.pair.b, "half");
		if (says_goodbye)
			conn_tls_end(meeting.pair.b);
		conn_free(STEAL(meeting.pair.b));
		assert_int_equal(conn_fill(meeting.pair.a, 8, &err), ERR_CLOSED);
		assert_non_null(strstr(err.text, says_goodbye ? "ended TLS" : "hung up"));
		assert_int_equal(conn_view(meeting.pair.a).left, 4);
	}
}

static void ending_tls_never_waits(void **state)
{
	CLEANUP(meeting_end) struct meeting meeting;
	static uint8_t junk[64 << 10];
	struct guest_list list = {0};

	assert_int_equal(meet(&meeting, host(NET_TLS_ANY), device(NET_TLS_ANY, &list)), 0);
	while (send(conn_fd(meeting.pair.b), junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	conn_tls_end(meeting.pair.b);
	conn_tls_end(meeting.pair.b);
	conn_free(STEAL(meeting.pair.a));
	conn_tls_end(meeting.pair.b);
}

static void starting_tls_twice_is_refused(void **state)
{
	CLEANUP(meeting_end) struct meeting meeting;
	struct guest_list list = {0};
	struct net_tls_client client = host(NET_TLS_ANY);
	struct err err = ERR_INIT;

	assert_int_equal(meet(&meeting, host(NET_TLS_ANY), device(NET_TLS_ANY, &list)), 0);
	assert_int_equal(conn_tls_client(meeting.pair.a, &client, &err), ERR_USAGE);
	say(meeting.pair.a, "still there");
	hear(meeting.pair.b, "still there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_version_carries_bytes_both_ways),
		cmocka_unit_test(bytes_that_came_with_the_last_clear_message_are_not_lost),
		cmocka_unit_test(another_device_key_than_the_pinned_one_is_refused_without_a_word),
		cmocka_unit_test(a_client_without_a_pin_does_not_start),
		cmocka_unit_test(a_client_certificate_that_is_not_admitted_is_refused),
		cmocka_unit_test(a_client_without_a_certificate_is_a_question_too),
		cmocka_unit_test(an_identity_that_does_not_fit_together_is_the_callers_error),
		cmocka_unit_test(a_silent_peer_ends_the_handshake_by_the_deadline),
		cmocka_unit_test(a_peer_that_talks_nonsense_ends_the_handshake),
		cmocka_unit_test(an_end_in_the_middle_is_closed_with_or_without_goodbye),
		cmocka_unit_test(ending_tls_never_waits),
		cmocka_unit_test(starting_tls_twice_is_refused),
	};

	return cmocka_run_group_tests(tests, make_world, clear_world);
}
