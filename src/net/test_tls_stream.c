/* net: bytes over TLS: much of them, in small records, damaged, cut off */
#include "net/testing_tls.h"

static void a_changed_record_is_found(void **state)
{
	CLEANUP(meeting_end) struct meeting meeting;
	struct guest_list list = {0};
	struct err err = ERR_INIT;
	uint8_t record[256];
	ssize_t len;

	assert_int_equal(meet(&meeting, host(NET_TLS_ANY), device(NET_TLS_ANY, &list)), 0);
	say(meeting.pair.b, "good");
	hear(meeting.pair.a, "good");
	/* take the host's record off the wire and put it back with one bit changed */
	say(meeting.pair.a, "request");
	len = recv(conn_fd(meeting.pair.b), record, sizeof(record), 0);
	assert_true(len > 10);
	record[len - 1] ^= 1;
	assert_int_equal(send(conn_fd(meeting.pair.a), record, (size_t)len, 0), len);
	assert_int_equal(conn_fill(meeting.pair.b, 1, &err), ERR_PROTOCOL);
	assert_int_equal(conn_fill(meeting.pair.b, 1, &err), ERR_PROTOCOL);
	assert_int_equal(conn_fill(meeting.pair.a, 1, &err), ERR_PROTOCOL); /* its alert */
}

/* ---- much, split, cut ---- */

static void read_much(struct conn *conn)
{
	struct err err = ERR_INIT;
	size_t done = 0, i;

	while (done < MUCH_LEN) {
		struct reader view;

		assert_int_equal(conn_fill_more(conn, &err), 0);
		view = conn_view(conn);
		for (i = 0; i < view.left && view.at[i] == much_at(done + i); i++)
			;
		assert_int_equal(i, view.left);
		/* leave a rest now and then, as a parser does */
		i = view.left > 100 && done + view.left < MUCH_LEN ? view.left - 99 : view.left;
		conn_consume(conn, i);
		done += i;
	}
}

static void much_arrives_in_whole_and_in_tiny_records(void **state)
{
	const enum net_tls_version versions[] = {NET_TLS_1_0, NET_TLS_1_2, NET_TLS_1_3};
	size_t i;

	for (i = 0; i < 2 * ARRAY_COUNT(versions); i++) {
		CLEANUP(meeting_end) struct meeting meeting;
		struct guest_list list = {0};
		struct net_tls_server server = device(versions[i / 2], &list);
		struct writer writer = {0};
		pthread_t thread;

		server.record_len_max = i % 2 ? 1000 : 0;
		assert_int_equal(meet(&meeting, host(NET_TLS_ANY), server), 0);
		writer.conn = meeting.pair.b;
		assert_int_equal(pthread_create(&thread, NULL, write_much, &writer), 0);
		read_much(meeting.pair.a);
		pthread_join(thread, NULL);
		assert_int_equal(writer.r, 0);
	}
}

static void readable_means_bytes_and_not_half_a_record(void **state)
{
	CLEANUP(meeting_end) struct meeting meeting;
	struct guest_list list = {0};
	uint8_t record[256];
	ssize_t len;

	assert_int_equal(meet(&meeting, host(NET_TLS_ANY), device(NET_TLS_ANY, &list)), 0);
	assert_false(conn_is_readable(meeting.pair.b));
	say(meeting.pair.a, "request");
	len = recv(conn_fd(meeting.pair.b), record, sizeof(record), 0);
	assert_int_equal(send(conn_fd(meeting.pair.a), record, 10, 0), 10);
	assert_false(conn_is_readable(meeting.pair.b));
	assert_int_equal(send(conn_fd(meeting.pair.a), record + 10, (size_t)len - 10, 0), len - 10);
	assert_true(conn_is_readable(meeting.pair.b));
	hear(meeting.pair.b, "request");
}

struct scissors {
	struct conn_tap tap;
	size_t left;
};

static size_t snip(struct conn_tap *tap, const uint8_t *bytes, size_t len)
{
	struct scissors *scissors = (struct scissors *)tap;
	size_t passed = len < scissors->left ? len : scissors->left;

	scissors->left -= passed;
	return passed;
}

static void a_tap_counts_plain_bytes_and_cuts_inside_tls(void **state)
{
	CLEANUP(meeting_end) struct meeting meeting;
	struct scissors scissors = {{.out = snip}, 10};
	struct guest_list list = {0};
	struct err err = ERR_INIT;

	assert_int_equal(meet(&meeting, host(NET_TLS_ANY), device(NET_TLS_ANY, &list)), 0);
	conn_set_tap(meeting.pair.b, &scissors.tap);
	assert_int_equal(conn_write(meeting.pair.b, slice_text("1234567890abc"), &err), 0);
	assert_int_equal(conn_flush(meeting.pair.b, &err), ERR_CLOSED);
	conn_tls_end(meeting.pair.b); /* a pulled cable says no goodbye */
	hear(meeting.pair.a, "1234567890");
	assert_int_equal(conn_fill(meeting.pair.a, 1, &err), ERR_CLOSED);
	assert_non_null(strstr(err.text, "hung up"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_record_is_found),
		cmocka_unit_test(much_arrives_in_whole_and_in_tiny_records),
		cmocka_unit_test(readable_means_bytes_and_not_half_a_record),
		cmocka_unit_test(a_tap_counts_plain_bytes_and_cuts_inside_tls),
	};

	return cmocka_run_group_tests(tests, make_world, clear_world);
}
