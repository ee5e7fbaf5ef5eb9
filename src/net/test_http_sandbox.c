/* net: once it exists, the HTTPS server opens no file: a worker without any way to may run it */
#include "net/testing_http.h"

#include <seccomp.h>
#include <sys/wait.h>

static void forbid(scmp_filter_ctx filter, int call)
{
	if (seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, call, 0) != 0)
		_exit(3);
}

/* the worker: says its ports, enters the sandbox, serves until it is told to stop */
static void be_a_worker(const struct testing_identity *identity, int ports)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct testing_server *testing = calloc(1, sizeof(*testing));
	struct http_server_config config = {
		.cert_pem = buf_slice(&identity->cert_pem),
		.key_pem = buf_slice(&identity->key_pem),
		.handle = testing_handle,
		.arg = testing,
	};
	struct err err = ERR_INIT;

	if (http_server_new(&testing->server, &config, &err) != 0)
		_exit(3);
	testing->tls_port = testing_listen(testing, true, &testing->tls_tag);
	testing->plain_port = testing_listen(testing, false, &testing->plain_tag);
	forbid(filter, SCMP_SYS(open));
	forbid(filter, SCMP_SYS(openat));
	forbid(filter, SCMP_SYS(openat2));
	forbid(filter, SCMP_SYS(socket));
	forbid(filter, SCMP_SYS(execve));
	if (seccomp_load(filter) != 0)
		_exit(77);
	if (write(ports, testing, sizeof(*testing)) != sizeof(*testing))
		_exit(3);
	http_server_run(testing->server, &err);
	_exit(3);
}

static void a_worker_without_files_serves(void **state)
{
	struct testing_identity identity = testing_identity_make(-1000, 100000);
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct testing_server testing;
	int ports[2], status;
	struct peer peer;
	pid_t pid;

	assert_int_equal(pipe(ports), 0);
	pid = fork();
	if (pid == 0)
		be_a_worker(&identity, ports[1]);
	close(ports[1]);
	if (read(ports[0], &testing, sizeof(testing)) != sizeof(testing)) {
		waitpid(pid, &status, 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 77);
		skip(); /* this kernel has no seccomp */
	}
	for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
		SSL_CTX *ctx = peer_tls_context(&identity, versions[i]);

		peer = peer_tls(&testing, ctx, NULL);
		peer_ask(&peer, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
		assert_answer(&peer, 200, "hi");
		peer_ask(&peer, "PUT /echo HTTP/1.1\r\n\r\n");
		assert_int_equal(peer_status(&peer), 400);
		peer_close(&peer);
		SSL_CTX_free(ctx);
	}
	peer = peer_plain(&testing);
	peer_ask(&peer, "GET /where HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_answer(&peer, 200, "/where|");
	peer_close(&peer);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0); /* alive */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(ports[0]);
	testing_identity_clear(&identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_without_files_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
