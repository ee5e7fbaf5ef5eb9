/* net: a connection in clear */
#include <pthread.h>
#include <stdlib.h>

#include "net/testing.h"

static void bytes_arrive_in_order_whatever_the_pieces(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct err err = ERR_INIT;
	struct reader view;

	say(pair.b, "one ");
	say(pair.b, "two ");
	say(pair.b, "three");
	assert_int_equal(conn_fill(pair.a, 13, &err), 0);
	view = conn_view(pair.a);
	assert_int_equal(view.left, 13);
	assert_memory_equal(view.at, "one two three", 13);
	conn_consume(pair.a, 4);
	hear(pair.a, "two ");
	assert_int_equal(conn_view(pair.a).left, 5);
	hear(pair.a, "three");
}

static void nothing_is_sent_before_a_flush(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct err err = ERR_INIT;
	uint8_t *at;

	assert_int_equal(conn_write(pair.b, slice_text("ab"), &err), 0);
	assert_int_equal(conn_write_room(pair.b, 2, &at, &err), 0);
	memcpy(at, "cd", 2);
	conn_wrote(pair.b, 2);
	assert_false(conn_is_readable(pair.a));
	assert_int_equal(conn_flush(pair.b, &err), 0);
	assert_true(conn_is_readable(pair.a));
	hear(pair.a, "abcd");
}

static void more_than_a_buffer_at_once_is_refused(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct err err = ERR_INIT;
	uint8_t *at;

	assert_int_equal(conn_fill(pair.a, NET_IN_LEN + 1, &err), ERR_LIMIT);
	assert_int_equal(conn_write_room(pair.a, NET_OUT_LEN + 1, &at, &err), ERR_LIMIT);
}

/* ---- much ---- */

static void much_arrives_through_every_way_of_reading(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct writer writer = {.conn = pair.b};
	uint8_t *bytes = malloc(MUCH_LEN);
	struct err err = ERR_INIT;
	size_t done = 0, want, i;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, write_much, &writer), 0);
	for (i = 0; done < MUCH_LEN; i++) {
		want = (size_t)(rand() % (i % 2 ? 300 : 100000)) + 1;
		want = want < MUCH_LEN - done ? want : MUCH_LEN - done;
		if (i % 3 == 0) {
			assert_int_equal(conn_read(pair.a, bytes + done, want, &err), 0);
		} else {
			assert_int_equal(conn_fill(pair.a, want, &err), 0);
			memcpy(bytes + done, conn_view(pair.a).at, want);
			conn_consume(pair.a, want);
		}
		done += want;
	}
	pthread_join(thread, NULL);
	assert_int_equal(writer.r, 0);
	for (i = 0; i < MUCH_LEN && bytes[i] == much_at(i); i++)
		;
	assert_int_equal(i, MUCH_LEN);
	free(bytes);
}

static void a_full_buffer_is_an_error_and_not_a_wait(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct writer writer = {.conn = pair.b};
	struct err err = ERR_INIT;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, write_much, &writer), 0);
	assert_int_equal(conn_fill(pair.a, NET_IN_LEN, &err), 0);
	assert_int_equal(conn_fill_more(pair.a, &err), ERR_LIMIT);
	conn_free(STEAL(pair.a)); /* and the writer, who still has much to say, learns of it */
	pthread_join(thread, NULL);
	assert_int_equal(writer.r, ERR_CLOSED);
}

/* ---- ends ---- */

static void a_peer_that_closes_in_the_middle_is_reported_each_time(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct err err = ERR_INIT;
	uint8_t bytes[8];

	conn_set_name(pair.a, "lockdown of some device");
	say(pair.b, "half");
	conn_free(STEAL(pair.b));
	assert_int_equal(conn_fill(pair.a, 8, &err), ERR_CLOSED);
	assert_non_null(strstr(err.text, "lockdown of some device"));
	assert_true(conn_is_readable(pair.a));
	assert_int_equal(conn_view(pair.a).left, 4);
	assert_int_equal(conn_read(pair.a, bytes, 8, &err), ERR_CLOSED);
	assert_int_equal(conn_fill_more(pair.a, &err), ERR_CLOSED);
	assert_non_null(strstr(err.text, "hung up"));
}

static void writing_to_a_closed_peer_is_an_error_and_no_signal(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct err err = ERR_INIT;

	conn_free(STEAL(pair.b));
	assert_int_equal(conn_write(pair.a, slice_text("hello"), &err), 0);
	assert_int_equal(conn_flush(pair.a, &err), ERR_CLOSED);
	assert_int_equal(conn_flush(pair.a, &err), ERR_CLOSED);
}

static void a_descriptor_that_is_no_socket_is_refused_and_closed(void **state)
{
	struct err err = ERR_INIT;
	struct conn *conn;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(conn_new(&conn, fds[0], clock_system(), NULL, &err), ERR_IO);
	assert_int_equal(close(fds[0]), -1);
	close(fds[1]);
}

/* ---- waiting ---- */

static void a_silent_peer_runs_into_the_deadline_and_may_go_on_later(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct err err = ERR_INIT;

	conn_set_deadline(pair.a, 50);
	say(pair.b, "ab");
	assert_int_equal(conn_fill(pair.a, 4, &err), ERR_TIMEOUT);
	assert_int_equal(conn_view(pair.a).left, 2);
	say(pair.b, "cd");
	hear(pair.a, "abcd");
	conn_set_deadline(pair.a, 0);
	assert_int_equal(conn_fill(pair.a, 1, &err), ERR_TIMEOUT);
}

static void the_deadline_holds_although_the_clock_stands_still(void **state)
{
	struct clock_manual manual;
	struct err err = ERR_INIT;
	struct conn *conn;
	int fds[2];

	clock_manual_init(&manual, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(conn_new(&conn, fds[0], &manual.clock, NULL, &err), 0);
	conn_set_deadline(conn, 20);
	assert_int_equal(conn_fill(conn, 1, &err), ERR_TIMEOUT);
	conn_free(conn);
	close(fds[1]);
}

static void a_peer_that_does_not_read_runs_into_the_deadline_too(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct writer writer = {.conn = pair.a};
	struct err err = ERR_INIT;

	conn_set_deadline(pair.a, 50);
	write_much(&writer);
	assert_int_equal(writer.r, ERR_TIMEOUT);
	/* a part may have gone out: going on would garble the stream */
	assert_int_equal(conn_flush(pair.a, &err), ERR_TIMEOUT);
}

static void a_cancel_wakes_whoever_waits(void **state)
{
	struct cancel cancel = {0, -1};
	struct err err = ERR_INIT;
	struct pair pair;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	cancel.wake_fd = fds[0];
	pair = pair_open(&cancel);
	/* only the descriptor speaks here, so it must be what ends the wait */
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(conn_fill(pair.a, 1, &err), ERR_CANCELED);
	cancel.is_requested = 1;
	say(pair.b, "hello");
	assert_int_equal(conn_fill(pair.a, 1, &err), ERR_CANCELED);
	assert_int_equal(conn_write(pair.a, slice_text("hello"), &err), 0);
	assert_int_equal(conn_flush(pair.a, &err), ERR_CANCELED);
	pair_close(&pair);
	close(fds[0]);
	close(fds[1]);
}

static void *request(void *arg)
{
	struct cancel *cancel = arg;

	cancel->is_requested = 1;
	return NULL;
}

static void a_cancel_without_a_descriptor_is_seen_soon(void **state)
{
	struct cancel cancel = {0, -1};
	struct pair pair = pair_open(&cancel);
	struct err err = ERR_INIT;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, request, &cancel), 0);
	assert_int_equal(conn_fill(pair.a, 1, &err), ERR_CANCELED);
	pthread_join(thread, NULL);
	pair_close(&pair);
}

/* ---- taps ---- */

/* lets @left bytes through in all */
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

static void a_tap_on_the_way_out_cuts_after_what_it_let_through(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct scissors scissors = {{.out = snip}, 10};
	struct err err = ERR_INIT;

	conn_set_tap(pair.b, &scissors.tap);
	say(pair.b, "12345678");
	assert_int_equal(conn_write(pair.b, slice_text("90abcdef"), &err), 0);
	assert_int_equal(conn_flush(pair.b, &err), ERR_CLOSED);
	hear(pair.a, "1234567890");
	assert_int_equal(conn_fill(pair.a, 1, &err), ERR_CLOSED);
	assert_int_equal(conn_fill(pair.b, 1, &err), ERR_CLOSED);
}

static void a_tap_on_the_way_in_cuts_after_what_it_let_through(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct scissors scissors = {{.in = snip}, 10};
	struct err err = ERR_INIT;

	conn_set_tap(pair.a, &scissors.tap);
	say(pair.b, "1234567890abcdef");
	hear(pair.a, "1234567890");
	assert_int_equal(conn_fill(pair.a, 1, &err), ERR_CLOSED);
	assert_int_equal(conn_fill(pair.b, 1, &err), ERR_CLOSED);
}

static void a_removed_tap_is_not_asked(void **state)
{
	CLEANUP(pair_close) struct pair pair = pair_open(NULL);
	struct scissors scissors = {{.out = snip}, 0};

	conn_set_tap(pair.b, &scissors.tap);
	conn_set_tap(pair.b, NULL);
	say(pair.b, "hello");
	hear(pair.a, "hello");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_arrive_in_order_whatever_the_pieces),
		cmocka_unit_test(nothing_is_sent_before_a_flush),
		cmocka_unit_test(more_than_a_buffer_at_once_is_refused),
		cmocka_unit_test(much_arrives_through_every_way_of_reading),
		cmocka_unit_test(a_full_buffer_is_an_error_and_not_a_wait),
		cmocka_unit_test(a_peer_that_closes_in_the_middle_is_reported_each_time),
		cmocka_unit_test(writing_to_a_closed_peer_is_an_error_and_no_signal),
		cmocka_unit_test(a_descriptor_that_is_no_socket_is_refused_and_closed),
		cmocka_unit_test(a_silent_peer_runs_into_the_deadline_and_may_go_on_later),
		cmocka_unit_test(the_deadline_holds_although_the_clock_stands_still),
		cmocka_unit_test(a_peer_that_does_not_read_runs_into_the_deadline_too),
		cmocka_unit_test(a_cancel_wakes_whoever_waits),
		cmocka_unit_test(a_cancel_without_a_descriptor_is_seen_soon),
		cmocka_unit_test(a_tap_on_the_way_out_cuts_after_what_it_let_through),
		cmocka_unit_test(a_tap_on_the_way_in_cuts_after_what_it_let_through),
		cmocka_unit_test(a_removed_tap_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
