/* net: TLS between a host and a device */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "net/testing.h"
#include "net/tls.h"

/* ---- who speaks ---- */

static struct {
	struct buf device_key, device_public;
	struct crypto_pairing pairing;
	uint8_t device_pin[CRYPTO_SHA256_LEN], host_pin[CRYPTO_SHA256_LEN];
	struct buf host_der;
} world;

static int make_world(void **state)
{
	const uint8_t seed[32] = {1};
	struct err err = ERR_INIT;

	world.device_key = world.device_public = world.host_der = BUF_INIT(CRYPTO_PEM_MAX);
	crypto_pairing_init(&world.pairing);
	if (crypto_rsa_derive(seed, &world.device_key, &world.device_public, &err) < 0 ||
	    crypto_pairing_make(&world.pairing, buf_slice(&world.device_public), 1793520000, &err) <
		    0 ||
	    crypto_cert_public_sha256(buf_slice(&world.pairing.device_cert_pem), world.device_pin,
				      &err) < 0 ||
	    crypto_cert_public_sha256(buf_slice(&world.pairing.host_cert_pem), world.host_pin,
				      &err) < 0 ||
	    crypto_cert_der(buf_slice(&world.pairing.host_cert_pem), &world.host_der, &err) < 0)
		return -1;
	return 0;
}

static int clear_world(void **state)
{
	crypto_pairing_clear(&world.pairing);
	buf_wipe(&world.device_key);
	buf_clear(&world.device_public);
	buf_clear(&world.host_der);
	return 0;
}

static struct net_tls_client host(enum net_tls_version version)
{
	return (struct net_tls_client){buf_slice(&world.pairing.host_cert_pem),
				       buf_slice(&world.pairing.host_key_pem), world.device_pin,
				       version};
}

/* admits the paired host's certificate only, and remembers what it was asked */
struct guest_list {
	unsigned asked;
	size_t last_len;
	bool welcomes_nobody, welcomes_the_nameless;
};

static bool admit(void *arg, struct slice cert_der)
{
	struct guest_list *list = arg;

	list->asked++;
	list->last_len = cert_der.len;
	if (list->welcomes_nobody)
		return false;
	if (cert_der.len == 0)
		return list->welcomes_the_nameless;
	return slice_equal(cert_der, buf_slice(&world.host_der));
}

static struct net_tls_server device(enum net_tls_version version, struct guest_list *list)
{
	return (struct net_tls_server){buf_slice(&world.pairing.device_cert_pem),
				       buf_slice(&world.device_key),
				       version,
				       admit,
				       list,
				       0};
}

/* ---- both handshakes at once ---- */

struct meeting {
	struct pair pair; /* a is the host, b the device */
	struct net_tls_client client;
	int r; /* of the host */
	struct err err;
	pthread_t thread;
};

static void *greet(void *arg)
{
	struct meeting *meeting = arg;

	meeting->r = conn_tls_client(meeting->pair.a, &meeting->client, &meeting->err);
	if (meeting->r < 0)
		conn_free(STEAL(meeting->pair.a));
	return NULL;
}

static void meeting_end(struct meeting *meeting)
{
	pair_close(&meeting->pair);
}

/* the device's result; the host's is in the meeting once it is over */
static int meet(struct meeting *meeting, struct net_tls_client client, struct net_tls_server server)
{
	struct err err = ERR_INIT;
	int r;

	*meeting = (struct meeting){.pair = pair_open(NULL), .client = client};
	assert_int_equal(pthread_create(&meeting->thread, NULL, greet, meeting), 0);
	r = conn_tls_server(meeting->pair.b, &server, &err);
	if (r < 0)
		conn_free(STEAL(meeting->pair.b));
	pthread_join(meeting->thread, NULL);
	return r;
}

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

enum { MUCH_LEN = 3 << 20 };

static uint8_t much_at(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 11));
}

struct writer {
	struct conn *conn;
	int r;
};

static void *write_much(void *arg)
{
	struct writer *writer = arg;
	uint8_t *bytes = malloc(MUCH_LEN);
	size_t i;

	for (i = 0; i < MUCH_LEN; i++)
		bytes[i] = much_at(i);
	writer->r = conn_write(writer->conn, slice_of(bytes, MUCH_LEN), NULL);
	if (writer->r == 0)
		writer->r = conn_flush(writer->conn, NULL);
	free(bytes);
	return NULL;
}

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
		cmocka_unit_test(a_changed_record_is_found),
		cmocka_unit_test(much_arrives_in_whole_and_in_tiny_records),
		cmocka_unit_test(readable_means_bytes_and_not_half_a_record),
		cmocka_unit_test(a_tap_counts_plain_bytes_and_cuts_inside_tls),
	};

	return cmocka_run_group_tests(tests, make_world, clear_world);
}
