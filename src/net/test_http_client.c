/* net: what the HTTP client asks, whom it trusts, and what it refuses to do */
#include "net/testing_http.h"

static struct testing_identity server_identity, device;
static struct testing_server testing;
static char https_url[64], http_url[64];

static int start(void **state)
{
	server_identity = testing_identity_make(-1000, 100000);
	device = testing_identity_make(-1000, 100000);
	testing_server_start(&testing, (struct http_server_config){0}, &server_identity);
	snprintf(https_url, sizeof(https_url), "https://127.0.0.1:%d", testing.tls_port);
	snprintf(http_url, sizeof(http_url), "http://127.0.0.1:%d", testing.plain_port);
	return 0;
}

static int stop(void **state)
{
	testing_server_stop(&testing);
	testing_identity_clear(&server_identity);
	testing_identity_clear(&device);
	return 0;
}

static struct http_client *client_of(struct http_client_config config)
{
	struct http_client *client;
	struct err err = ERR_INIT;

	config.is_loopback_only = true;
	assert_int_equal(http_client_new(&client, &config, &err), 0);
	return client;
}

static struct http_client_config trusting(void)
{
	return (struct http_client_config){.ca_pem = buf_slice(&server_identity.cert_pem)};
}

static int ask(struct http_client *client, const char *base, const char *target,
	       struct http_call call, struct http_reply *reply, struct err *err)
{
	char url[200];

	snprintf(url, sizeof(url), "%s%s", base, target);
	call.url = url;
	return http_client_call(client, &call, NULL, reply, err);
}

static void calls_share_a_connection(void **state)
{
	CLEANUP(http_client_free_p) struct http_client *client = client_of(trusting());
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	const struct http_field fields[] = {{"Content-Type", "text/plain"}, {"X-Empty", ""}, {0}};
	struct err err = ERR_INIT;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(client, https_url, "/echo",
				     (struct http_call){.method = "PUT",
							.fields = fields,
							.body = slice_text("hello")},
				     &reply, &err),
				 0);
		assert_int_equal(reply.status, 200);
		assert_string_equal(buf_text(&reply.body), "hello");
		assert_string_equal(http_reply_field(&reply, "x-sent"), "yes");
		assert_null(http_reply_field(&reply, "x-none"));
		assert_int_equal(reply.is_reused, i > 0);
	}
	assert_int_equal(
		ask(client, https_url, "/echo", (struct http_call){.method = "POST"}, &reply, &err),
		0);
	assert_int_equal(reply.body.len, 0);
	assert_int_equal(ask(client, https_url, "/where", (struct http_call){.method = "HEAD"},
			     &reply, &err),
			 0);
	assert_string_equal(http_reply_field(&reply, "Content-Length"), "7");
}

static void each_identity_has_its_own_connection(void **state)
{
	struct http_client_config config = trusting();
	CLEANUP(http_client_free_p) struct http_client *client = NULL;
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	struct http_call other = {.cert_pem = buf_slice(&server_identity.cert_pem),
				  .key_pem = buf_slice(&server_identity.key_pem)};
	struct err err = ERR_INIT;

	config.connections_max = 1000; /* many: spread over several handles */
	config.cert_pem = buf_slice(&device.cert_pem);
	config.key_pem = buf_slice(&device.key_pem);
	client = client_of(config);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			ask(client, https_url, "/cert", (struct http_call){0}, &reply, &err), 0);
		assert_true(slice_equal(buf_slice(&reply.body), buf_slice(&device.cert_der)));
		assert_int_equal(ask(client, https_url, "/cert", other, &reply, &err), 0);
		assert_true(
			slice_equal(buf_slice(&reply.body), buf_slice(&server_identity.cert_der)));
		assert_int_equal(reply.is_reused, i > 0);
	}
}

static void only_the_right_server_is_spoken_to(void **state)
{
	CLEANUP(http_client_free_p)
	struct http_client *stranger =
		client_of((struct http_client_config){.ca_pem = buf_slice(&device.cert_pem)});
	CLEANUP(http_client_free_p)
	struct http_client *pinned =
		client_of((struct http_client_config){.pin_sha256 = server_identity.pin});
	CLEANUP(http_client_free_p)
	struct http_client *mispinned =
		client_of((struct http_client_config){.pin_sha256 = device.pin});
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(ask(pinned, https_url, "/where", (struct http_call){0}, &reply, &err), 0);
	assert_int_equal(
		ask(stranger, https_url, "/where?secret", (struct http_call){0}, &reply, &err),
		ERR_POLICY);
	assert_non_null(strstr(err.text, "/where: "));
	assert_null(strstr(err.text, "secret"));
	assert_int_equal(ask(mispinned, https_url, "/where", (struct http_call){0}, &reply, &err),
			 ERR_POLICY);
}

static void what_is_not_allowed_is_refused(void **state)
{
	CLEANUP(http_client_free_p) struct http_client *client = client_of(trusting());
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	const struct http_field split[] = {{"X", "a\r\nY: b"}, {0}};
	struct err err = ERR_INIT;

	assert_int_equal(ask(client, "file:///etc/passwd", "", (struct http_call){0}, &reply, &err),
			 ERR_POLICY);
	assert_int_equal(ask(client, "http://192.0.2.1", "/", (struct http_call){0}, &reply, &err),
			 ERR_POLICY);
	assert_int_equal(
		ask(client, "http://a:b@127.0.0.1", "/", (struct http_call){0}, &reply, &err),
		ERR_USAGE);
	assert_null(strstr(err.text, "a:b"));
	assert_int_equal(
		ask(client, http_url, "/", (struct http_call){.fields = split}, &reply, &err),
		ERR_USAGE);
	assert_int_equal(ask(client, http_url, "/big", (struct http_call){.reply_len_max = 1000},
			     &reply, &err),
			 ERR_LIMIT);
	assert_int_equal(
		ask(client, "http://127.0.0.1:1", "/", (struct http_call){0}, &reply, &err),
		ERR_CLOSED);
}

static void a_redirect_is_followed_only_when_asked_for(void **state)
{
	CLEANUP(http_client_free_p) struct http_client *client = client_of(trusting());
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(ask(client, http_url, "/moved", (struct http_call){0}, &reply, &err), 0);
	assert_int_equal(reply.status, 302);
	assert_string_equal(http_reply_field(&reply, "location"), "/where?moved");
	assert_int_equal(ask(client, http_url, "/moved", (struct http_call){.redirects_max = 1},
			     &reply, &err),
			 0);
	assert_int_equal(reply.status, 200);
	assert_string_equal(buf_text(&reply.body), "/where|moved");
	assert_null(http_reply_field(&reply, "location")); /* of the answer before */
}

static void waiting_has_an_end(void **state)
{
	CLEANUP(http_client_free_p) struct http_client *client = client_of(trusting());
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	struct cancel cancel = {.is_requested = 1, .wake_fd = -1};
	struct http_call call = {.url = http_url};
	struct err err = ERR_INIT;

	assert_int_equal(
		ask(client, http_url, "/later", (struct http_call){.timeout_ms = 50}, &reply, &err),
		ERR_TIMEOUT);
	assert_int_equal(ask(client, http_url, "/now", (struct http_call){0}, &reply, &err), 0);
	assert_int_equal(http_client_call(client, &call, &cancel, &reply, &err), ERR_CANCELED);
	assert_int_equal(http_client_running(client), 0);
}

static void http_2_is_what_was_asked_for_or_a_failure(void **state)
{
	struct http_client_config config = trusting();
	CLEANUP(http_client_free_p) struct http_client *client = NULL;
	CLEANUP(http_reply_clear) struct http_reply reply = HTTP_REPLY_INIT;
	struct err err = ERR_INIT;

	config.version = HTTP_2;
	client = client_of(config);
	assert_int_equal(ask(client, http_url, "/where", (struct http_call){0}, &reply, &err),
			 ERR_USAGE);
	assert_int_equal(ask(client, https_url, "/where", (struct http_call){0}, &reply, &err),
			 ERR_PROTOCOL);
}

/* ---- many at once ---- */

static void count_done(void *arg, int code, struct http_reply *reply, const struct err *err)
{
	unsigned *done = arg;

	assert_int_equal(code, 0);
	assert_int_equal(reply->status, 200);
	(*done)++;
}

static void many_calls_run_at_once(void **state)
{
	CLEANUP(http_client_free_p) struct http_client *client = client_of(trusting());
	struct err err = ERR_INIT;
	unsigned done = 0;
	char url[100];
	int fds[2];
	struct pollfd pollfd = {.events = POLLIN};
	struct http_call call = {.url = url};

	snprintf(url, sizeof(url), "%s/where", http_url);
	for (int i = 0; i < 50; i++)
		assert_int_equal(http_client_send(client, &call, count_done, &done, &err), 0);
	assert_int_equal(http_client_running(client), 50);
	while (http_client_running(client) > 0)
		assert_int_equal(http_client_poll(client, NULL, 0, 1000, &err), 0);
	assert_int_equal(done, 50);
	/* the owner's descriptors end the wait too */
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	pollfd.fd = fds[0];
	assert_int_equal(http_client_poll(client, &pollfd, 1, 60000, &err), 0);
	assert_int_equal(pollfd.revents, POLLIN);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_share_a_connection),
		cmocka_unit_test(each_identity_has_its_own_connection),
		cmocka_unit_test(only_the_right_server_is_spoken_to),
		cmocka_unit_test(what_is_not_allowed_is_refused),
		cmocka_unit_test(a_redirect_is_followed_only_when_asked_for),
		cmocka_unit_test(waiting_has_an_end),
		cmocka_unit_test(http_2_is_what_was_asked_for_or_a_failure),
		cmocka_unit_test(many_calls_run_at_once),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
