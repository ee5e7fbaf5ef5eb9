/* net: what the HTTPS server gives its handler, and what it keeps hostile clients from */
#include "net/testing_http.h"

#include <poll.h>
#include <sys/resource.h>

static struct testing_identity server_identity, device, expired;
static struct testing_server testing;

static int start_server(void **state)
{
	testing_server_start(&testing,
			     (struct http_server_config){.connections_max = 1500,
							 .requests_max = 2,
							 .header_len_max = 4096},
			     &server_identity);
	return 0;
}

/* what is too slow is seen soon */
static int start_impatient_server(void **state)
{
	testing_server_start(&testing, (struct http_server_config){.request_ms = 200},
			     &server_identity);
	return 0;
}

static int stop_server(void **state)
{
	testing_server_stop(&testing);
	return 0;
}

static int make_identities(void **state)
{
	server_identity = testing_identity_make(-1000, 100000);
	device = testing_identity_make(-1000, 100000);
	expired = testing_identity_make(-100000, -50000);
	return 0;
}

static int clear_identities(void **state)
{
	testing_identity_clear(&server_identity);
	testing_identity_clear(&device);
	testing_identity_clear(&expired);
	return 0;
}

/* ---- requests ---- */

static void requests_follow_each_other_on_one_connection(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing);
	struct buf answer;

	for (int i = 0; i < 3; i++) {
		peer_ask(&peer, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
		assert_int_equal(peer_hear(&peer, &answer), 200);
		assert_non_null(strstr(buf_text(&answer), "\r\nX-Sent: yes\r\n"));
		assert_non_null(strstr(buf_text(&answer), "\r\n\r\nhello"));
		assert_non_null(strstr(buf_text(&answer), " GMT\r\n"));
		assert_null(strstr(buf_text(&answer), "X-Injected"));
		buf_clear(&answer);
	}
	/* several at once are answered in order */
	peer_ask(&peer, "GET /where?1 HTTP/1.1\r\nHost: a\r\n\r\n"
			"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
			"GET /where?2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_answer(&peer, 200, "/where|1");
	assert_answer(&peer, 200, "hi");
	assert_answer(&peer, 200, "/where|2");
	assert_int_equal(peer_status(&peer), 0);
}

static void a_request_may_come_in_crumbs(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing);
	const char *request = "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

	for (const char *at = request; *at; at++)
		peer_say(&peer, at, 1);
	assert_answer(&peer, 200, "hello");
}

static void head_gets_lengths_and_no_body(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing);
	char head[400] = "";
	size_t len = 0;

	peer_ask(&peer, "HEAD /where HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	for (ssize_t n = 1; n > 0; len += (size_t)n)
		n = peer_read(&peer, head + len, sizeof(head) - 1 - len);
	assert_non_null(strstr(head, "Content-Length: 7\r\n"));
	assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
}

static void a_client_that_expects_100_is_told_to_go_on(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing);

	peer_ask(&peer, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
			"Expect: 100-continue\r\n\r\n");
	assert_answer(&peer, 100, "");
	peer_ask(&peer, "ok");
	assert_answer(&peer, 200, "ok");
}

static void a_large_answer_arrives_whole(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing);
	struct buf answer;

	peer_ask(&peer, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_hear(&peer, &answer), 200);
	assert_true(answer.len > TESTING_BIG);
	buf_clear(&answer);
}

static void an_answer_may_come_later(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing), other = peer_plain(&testing);

	peer_ask(&peer,
		 "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	peer_ask(&other, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_answer(&other, 200, "/where|");
	peer_ask(&other, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_answer(&peer, 200, "late");
	assert_answer(&peer, 200, "/where|"); /* the one that waited behind it */
	assert_int_equal(peer_status(&other), 200);
}

static void a_client_that_left_does_not_matter_to_the_answer(void **state)
{
	struct peer peer = peer_plain(&testing);
	CLEANUP(peer_close) struct peer other = peer_plain(&testing);
	struct linger reset = {1, 0};

	peer_ask(&peer, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	peer_ask(&other, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_status(&other), 200);
	setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	peer_close(&peer);
	peer_ask(&other, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_status(&other), 200);
	peer_ask(&other, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_status(&other), 200);
}

/* ---- TLS ---- */

static void assert_certificate(struct peer *peer, const struct testing_identity *identity)
{
	struct buf answer;
	size_t len = identity ? identity->cert_der.len : 0;

	peer_ask(peer, "GET /cert HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_hear(peer, &answer), 200);
	assert_true(answer.len > len);
	if (identity)
		assert_memory_equal(answer.bytes + answer.len - len, identity->cert_der.bytes, len);
	else
		assert_memory_equal(answer.bytes + answer.len - 4, "\r\n\r\n", 4);
	buf_clear(&answer);
}

static void the_certificate_is_handed_on_whoever_shows_it(void **state)
{
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	const struct testing_identity *const shown[] = {NULL, &device, &expired};

	for (size_t v = 0; v < ARRAY_COUNT(versions); v++) {
		for (size_t i = 0; i < ARRAY_COUNT(shown); i++) {
			SSL_CTX *ctx = peer_tls_context(shown[i], versions[v]);
			struct peer peer = peer_tls(&testing, ctx, NULL);

			assert_certificate(&peer, shown[i]);
			assert_certificate(&peer, shown[i]);
			peer_close(&peer);
			SSL_CTX_free(ctx);
		}
	}
}

static SSL_SESSION *last_session;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION_free(last_session);
	last_session = session;
	return 1;
}

static void a_resumed_session_still_has_its_certificate(void **state)
{
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t v = 0; v < ARRAY_COUNT(versions); v++) {
		SSL_CTX *ctx = peer_tls_context(&device, versions[v]);

		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
		SSL_CTX_sess_set_new_cb(ctx, on_session);
		for (int i = 0; i < 3; i++) {
			SSL_SESSION *session = STEAL(last_session);
			struct peer peer = peer_tls(&testing, ctx, session);

			assert_int_equal(SSL_session_reused(peer.ssl), i > 0);
			assert_certificate(&peer, &device);
			if (!last_session) /* TLS 1.2 says it once */
				last_session = SSL_get1_session(peer.ssl);
			peer_close(&peer);
			SSL_SESSION_free(session);
		}
		SSL_SESSION_free(STEAL(last_session));
		SSL_CTX_free(ctx);
	}
	assert_true(http_server_counts(testing.server)->resumed >= 4);
}

static void old_tls_is_refused(void **state)
{
	SSL_CTX *ctx = peer_tls_context(NULL, TLS1_1_VERSION);
	SSL *ssl = SSL_new(ctx);
	int fd = peer_connect(testing.tls_port);

	SSL_set_security_level(ssl, 0);
	SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), -1);
	SSL_free(ssl);
	close(fd);
	SSL_CTX_free(ctx);
}

/* ---- hostile clients ---- */

/* sends @first and then @crumb for as long as it is taken; true if the server hung up */
static bool is_cut_off(struct peer *peer, const char *first, const char *crumb)
{
	struct pollfd pollfd = {.fd = peer->fd, .events = POLLIN};
	char bytes[1000];

	peer_ask(peer, first);
	for (int i = 0; i < 1000; i++) {
		if (poll(&pollfd, 1, 20) == 1)
			return peer_read(peer, bytes, sizeof(bytes)) <= 0;
		peer_ask(peer, crumb);
	}
	return false;
}

static void slow_clients_are_cut_off(void **state)
{
	const struct {
		const char *first, *crumb;
	} slow[] = {
		{"GET / HTTP/1.1\r\n", "A"}, /* a header that never ends */
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", "b"},
		{"GET", ""},
	};
	SSL_CTX *ctx = peer_tls_context(NULL, TLS1_3_VERSION);
	struct peer peer;

	for (size_t i = 0; i < ARRAY_COUNT(slow); i++) {
		peer = peer_plain(&testing);
		assert_true(is_cut_off(&peer, slow[i].first, slow[i].crumb));
		peer_close(&peer);
		peer = peer_tls(&testing, ctx, NULL);
		assert_true(is_cut_off(&peer, slow[i].first, slow[i].crumb));
		peer_close(&peer);
	}
	/* nor may a handshake take for ever */
	peer = (struct peer){peer_connect(testing.tls_port), NULL};
	assert_true(is_cut_off(&peer, "\026\003\001\002", "\001"));
	peer_close(&peer);
	SSL_CTX_free(ctx);
	assert_true(http_server_counts(testing.server)->timed_out >= 7);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
	CLEANUP(peer_close) struct peer peer = peer_plain(&testing);
	const struct http_counts *counts = http_server_counts(testing.server);
	uint64_t timed_out = counts->timed_out;
	char byte;

	peer_ask(&peer, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < 500 && counts->timed_out == timed_out; i++)
		poll(NULL, 0, 10);
	assert_true(counts->timed_out > timed_out);
	assert_int_equal(recv(peer.fd, &byte, 1, 0), 1); /* what was on its way */
}

static void what_is_refused_is_answered_and_ends_the_connection(void **state)
{
	const struct {
		const char *request;
		int status;
	} refused[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
		 400},
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1a\r\n\r\na", 400},
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
		 "Content-Length: 1\r\n\r\na",
		 400},
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		 411},
		{"PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world", 413},
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\nhello", 413},
		{"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n"
		 "Expect: 100-continue\r\n\r\n",
		 413},
		{"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
	};

	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		CLEANUP(peer_close) struct peer peer = peer_plain(&testing);

		peer_ask(&peer, refused[i].request);
		/* a second request hidden behind it is not looked at */
		peer_ask(&peer, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(peer_status(&peer), refused[i].status);
		assert_int_equal(peer_status(&peer), 0);
	}
}

static void too_much_is_refused_and_the_refusal_arrives(void **state)
{
	enum { MUCH = 3000000 }; /* more than sockets hold: the client is still sending */
	char *much = malloc(MUCH);
	CLEANUP(peer_close) struct peer header = peer_plain(&testing), body = peer_plain(&testing);

	memset(much, 'a', MUCH);
	peer_ask(&header, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	peer_say(&header, much, MUCH);
	assert_int_equal(peer_status(&header), 431);
	peer_ask(&body, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
	peer_say(&body, much, MUCH);
	assert_int_equal(peer_status(&body), 413);
	free(much);
}

static void too_many_requests_at_once_are_told_to_come_again(void **state)
{
	CLEANUP(peer_close) struct peer first = peer_plain(&testing), third = peer_plain(&testing);
	struct http_server_config *config = &testing.server->config;

	config->requests_max = 1;
	peer_ask(&first, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	for (int i = 0; i < 500 && http_server_counts(testing.server)->in_flight == 0; i++)
		poll(NULL, 0, 10);
	peer_ask(&third, "HEAD /where HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	{
		char head[400] = "";

		assert_true(recv(third.fd, head, sizeof(head) - 1, MSG_WAITALL) > 0);
		assert_int_equal(atoi(head + 9), 503);
		assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
	}
	config->requests_max = 2;
	{
		CLEANUP(peer_close) struct peer second = peer_plain(&testing);

		peer_ask(&second, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(peer_status(&second), 200);
	}
	assert_answer(&first, 200, "late");
}

static void idle_connections_wait_and_the_oldest_makes_room(void **state)
{
	enum { MANY = 1000 };
	struct rlimit limit;
	struct peer *peers = calloc(MANY + 1, sizeof(*peers));
	char byte;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	testing.server->config.connections_max = MANY;
	for (int i = 0; i < MANY; i++) {
		peers[i] = peer_plain(&testing);
		peer_ask(&peers[i], "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(peer_status(&peers[i]), 200);
	}
	for (int i = 0; i < MANY; i += 100) {
		peer_ask(&peers[i], "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(peer_status(&peers[i]), 200);
	}
	peers[MANY] = peer_plain(&testing);
	peer_ask(&peers[MANY], "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_status(&peers[MANY]), 200);
	assert_int_equal(recv(peers[1].fd, &byte, 1, 0), 0); /* 0 has spoken since */
	assert_int_equal(http_server_counts(testing.server)->connections, MANY);
	for (int i = 0; i <= MANY; i++)
		peer_close(&peers[i]);
	free(peers);
}

static void when_all_are_busy_a_new_one_is_closed(void **state)
{
	CLEANUP(peer_close) struct peer busy = peer_plain(&testing);
	struct peer refused;
	char byte;

	testing.server->config.connections_max = 1;
	peer_ask(&busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	while (http_server_counts(testing.server)->in_flight == 0)
		poll(NULL, 0, 1);
	refused = peer_plain(&testing);
	assert_int_equal(recv(refused.fd, &byte, 1, 0), 0);
	peer_close(&refused);
	assert_int_equal(http_server_counts(testing.server)->refused, 1);
	testing.server->config.connections_max = 2;
	refused = peer_plain(&testing);
	peer_ask(&refused, "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_answer(&busy, 200, "late");
	peer_close(&refused);
}

static void an_idle_connection_ends_after_its_time(void **state)
{
	struct testing_server brief;
	struct peer peer;
	char byte;

	testing_server_start(&brief, (struct http_server_config){.idle_ms = 300}, &server_identity);
	peer = peer_plain(&brief);
	peer_ask(&peer, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_status(&peer), 200);
	assert_int_equal(recv(peer.fd, &byte, 1, 0), 0);
	peer_close(&peer);
	assert_int_equal(http_server_counts(brief.server)->timed_out, 0);
	testing_server_stop(&brief);
}

static void one_that_asks_without_end_does_not_keep_others_waiting(void **state)
{
	enum { MANY = 1000 };
	struct testing_server flooded;
	struct peer flood, other;
	struct buf answer;

	testing_server_prepare(&flooded, (struct http_server_config){0}, &server_identity);
	flood = peer_plain(&flooded);
	other = peer_plain(&flooded);
	for (int i = 0; i < MANY; i++)
		peer_ask(&flood, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	peer_ask(&other, "GET /count HTTP/1.1\r\nHost: a\r\n\r\n");
	testing_server_run(&flooded);
	assert_int_equal(peer_hear(&other, &answer), 200);
	assert_true(atoi(strstr(buf_text(&answer), "\r\n\r\n") + 4) < MANY);
	buf_clear(&answer);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(peer_status(&flood), 200);
	peer_close(&flood);
	peer_close(&other);
	testing_server_stop(&flooded);
}

/* ---- the end ---- */

static void a_stop_lets_requests_finish(void **state)
{
	struct testing_server stopping;
	struct peer busy, idle, other;
	struct buf answer;
	char byte;

	testing_server_start(&stopping, (struct http_server_config){0}, &server_identity);
	busy = peer_plain(&stopping);
	idle = peer_plain(&stopping);
	other = peer_plain(&stopping);
	peer_ask(&idle, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(peer_status(&idle), 200);
	peer_ask(&busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	peer_ask(&other, "PUT /now HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na");
	while (http_server_counts(stopping.server)->in_flight == 0 ||
	       http_server_counts(stopping.server)->bytes_received == 0)
		poll(NULL, 0, 1);
	assert_int_equal(write(stopping.stop_pipe[1], "x", 1), 1);
	assert_int_equal(recv(idle.fd, &byte, 1, 0), 0); /* idle: closed at once */
	peer_ask(&other, "b");                           /* half a request: finishes */
	assert_answer(&other, 200, "ab");
	assert_int_equal(peer_hear(&busy, &answer), 200);
	assert_non_null(strstr(buf_text(&answer), "Connection: close"));
	buf_clear(&answer);
	pthread_join(stopping.thread, NULL);
	peer_close(&busy);
	peer_close(&idle);
	peer_close(&other);
	http_watch_free(stopping.stop);
	http_server_free(stopping.server);
	close(stopping.stop_pipe[0]);
	close(stopping.stop_pipe[1]);
}

static void a_stop_does_not_wait_for_ever(void **state)
{
	struct testing_server stopping;
	struct peer busy;

	testing_server_start(&stopping, (struct http_server_config){0}, &server_identity);
	stopping.patience_ms = 50;
	busy = peer_plain(&stopping);
	peer_ask(&busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	while (http_server_counts(stopping.server)->in_flight == 0)
		poll(NULL, 0, 1);
	testing_server_stop(&stopping);
	assert_int_equal(peer_status(&busy), 0);
	peer_close(&busy);
}

static void fire(void *arg)
{
	struct http_server **server = arg;

	http_server_stop(*server, 0);
}

static void timers_belong_to_the_loop(void **state)
{
	struct http_server_config config = {.handle = testing_handle};
	struct http_server *server;
	struct http_timer *timer, *never;
	struct err err = ERR_INIT;

	assert_int_equal(http_server_new(&server, &config, &err), 0);
	assert_int_equal(http_timer_new(&timer, server, fire, &server, &err), 0);
	assert_int_equal(http_timer_new(&never, server, fire, NULL, &err), 0);
	http_timer_set(never, 1);
	http_timer_set(never, -1);
	http_timer_set(timer, 20);
	assert_int_equal(http_server_run(server, &err), 0);
	http_timer_free(timer);
	http_timer_free(never);
	http_server_free(server);
}

static void a_server_needs_a_key_that_fits(void **state)
{
	struct http_server_config config = {.handle = testing_handle,
					    .cert_pem = buf_slice(&server_identity.cert_pem),
					    .key_pem = buf_slice(&device.key_pem)};
	struct http_server *server;
	struct err err = ERR_INIT;
	char bound[128];
	int fd;

	assert_int_equal(http_server_new(&server, &config, &err), ERR_USAGE);
	config.cert_pem = slice_text("nothing");
	assert_int_equal(http_server_new(&server, &config, &err), ERR_USAGE);
	config.cert_pem = SLICE_EMPTY;
	assert_int_equal(http_server_new(&server, &config, &err), 0);
	assert_int_equal(net_listen(&fd, "127.0.0.1:0", bound, &err), 0);
	assert_int_equal(http_server_listen(server, fd, true, NULL, &err), ERR_USAGE);
	http_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)
		WITH_SERVER(requests_follow_each_other_on_one_connection),
		WITH_SERVER(a_request_may_come_in_crumbs),
		WITH_SERVER(head_gets_lengths_and_no_body),
		WITH_SERVER(a_client_that_expects_100_is_told_to_go_on),
		WITH_SERVER(a_large_answer_arrives_whole),
		WITH_SERVER(an_answer_may_come_later),
		WITH_SERVER(a_client_that_left_does_not_matter_to_the_answer),
		WITH_SERVER(the_certificate_is_handed_on_whoever_shows_it),
		WITH_SERVER(a_resumed_session_still_has_its_certificate),
		WITH_SERVER(old_tls_is_refused),
		cmocka_unit_test_setup_teardown(slow_clients_are_cut_off, start_impatient_server,
						stop_server),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_cut_off,
						start_impatient_server, stop_server),
		WITH_SERVER(what_is_refused_is_answered_and_ends_the_connection),
		WITH_SERVER(too_much_is_refused_and_the_refusal_arrives),
		WITH_SERVER(too_many_requests_at_once_are_told_to_come_again),
		WITH_SERVER(idle_connections_wait_and_the_oldest_makes_room),
		WITH_SERVER(when_all_are_busy_a_new_one_is_closed),
		cmocka_unit_test(an_idle_connection_ends_after_its_time),
		cmocka_unit_test(one_that_asks_without_end_does_not_keep_others_waiting),
		cmocka_unit_test(a_stop_lets_requests_finish),
		cmocka_unit_test(a_stop_does_not_wait_for_ever),
		cmocka_unit_test(timers_belong_to_the_loop),
		cmocka_unit_test(a_server_needs_a_key_that_fits),
	};

	return cmocka_run_group_tests(tests, make_identities, clear_identities);
}
