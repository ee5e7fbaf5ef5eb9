/* the courier as a child: records, keys and Apple's service are this process */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/identity.h"
#include "server/call.h"
#include "server/control.h"

enum { WAIT_MS = 20000 };

struct scene {
	struct config config;
	pid_t pid;
	int apple; /* listens, and says nothing */
	int control;
	struct link records, keys;
	struct buf cert, key;
};

static struct link peer(const struct scene *scene, enum role role)
{
	struct link link = LINK_INIT;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	control_send(scene->control, CONTROL_PEER, role, fds[1], SLICE_EMPTY);
	close(fds[1]);
	link_open(&link, fds[0]);
	return link;
}

static void apple_listen(struct scene *scene)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	scene->apple = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(scene->apple, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(scene->apple, 16), 0);
	assert_int_equal(getsockname(scene->apple, (struct sockaddr *)&address, &len), 0);
	snprintf(scene->config.apns, sizeof(scene->config.apns), "https://127.0.0.1:%d",
		 ntohs(address.sin_port));
}

static void identity_make(struct scene *scene)
{
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_PUSH,
					.common_name = "APSP",
					.uid = "com.apple.mgmt.test",
					.not_before = clock_wall_seconds(clock_system()) - 60,
					.days = 365,
					.serial_entropy = {1}};

	scene->cert = scene->key = BUF_INIT(CRYPTO_PEM_MAX);
	assert_int_equal(crypto_key_make(&key, CRYPTO_KEY_EC_P256, NULL), 0);
	assert_int_equal(crypto_key_spki(key, &spki, NULL), 0);
	wish.spki = buf_slice(&spki);
	assert_int_equal(crypto_cert_issue(&cert, &wish, NULL, key, NULL), 0);
	assert_int_equal(crypto_cert_write(cert, &scene->cert, NULL), 0);
	assert_int_equal(crypto_key_write(key, &scene->key, NULL), 0);
}

static int courier(const struct scene *scene, int control)
{
	struct process_env env = {.config = &scene->config,
				  .counts = counts_new(),
				  .role = ROLE_COURIER,
				  .control = control};
	struct err err = ERR_INIT;

	return courier_run(&env, &err) == 0 ? 0 : 1;
}

static int scene_open(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int fds[2];

	config_default(&scene->config, "/nowhere");
	scene->config.sandbox = CONFIG_SANDBOX_OFF;
	apple_listen(scene);
	identity_make(scene);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	scene->pid = fork();
	assert_true(scene->pid >= 0);
	if (scene->pid == 0) {
		close(fds[0]);
		close(scene->apple);
		exit(courier(scene, fds[1])); /* not _exit: a sanitizer looks for leaks then */
	}
	close(fds[1]);
	scene->control = fds[0];
	scene->keys = peer(scene, ROLE_KEYS);
	scene->records = peer(scene, ROLE_RECORDS);
	*state = scene;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *scene = *state;
	int status;

	control_send(scene->control, CONTROL_STOP, ROLE_COURIER, -1, SLICE_EMPTY);
	assert_int_equal(waitpid(scene->pid, &status, 0), scene->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	link_close(&scene->records);
	link_close(&scene->keys);
	close(scene->control);
	buf_clear(&scene->cert);
	buf_wipe(&scene->key);
	free(scene);
	return 0;
}

/* hear - the next frame of @link, which is @op */
static struct frame hear(struct link *link, enum call_op op)
{
	struct pollfd wait = {link->fd, POLLIN, 0};
	struct frame frame;
	int r;

	while ((r = link_next(link, &frame, NULL)) == LINK_NOTHING) {
		assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
		assert_true(link_receive(link, NULL) >= 0);
	}
	assert_int_equal(r, 0);
	assert_int_equal(frame.op, op);
	return frame;
}

/* identity - the push certificate comes, and `keys` open its key */
static void identity(struct scene *scene)
{
	struct call_writer writer = call_begin(&scene->records.out, 0, CALL_PUSH_IDENTITY);
	struct frame asked;

	call_put(&writer, buf_slice(&scene->cert));
	call_put_text(&writer, "sealed");
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_flush(&scene->records, NULL), 0);
	asked = hear(&scene->keys, CALL_OPEN);
	writer = call_begin_answer(&scene->keys.out, asked.number, 0);
	call_put(&writer, buf_slice(&scene->key));
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_flush(&scene->keys, NULL), 0);
}

static void push(struct scene *scene, const char *id)
{
	struct call_writer writer = call_begin(&scene->records.out, 0, CALL_PUSH);

	call_put_text(&writer, id);
	call_put_text(&writer, "com.apple.mgmt.test");
	call_put_text(&writer, "magic");
	call_put_text(&writer, "token");
	call_put_u64(&writer, 0);
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_flush(&scene->records, NULL), 0);
}

static void another_certificate_ends_pushes_under_way_without_a_word(void **state)
{
	struct scene *scene = *state;
	struct frame told;
	char id[16];

	identity(scene);
	push(scene, "under way");
	identity(scene);
	close(scene->apple); /* no connection from now on: the next one fails at once */
	push(scene, "next");
	told = hear(&scene->records, CALL_PUSHED);
	call_get_text(&told.fields, id, sizeof(id));
	assert_string_equal(id, "next");
	assert_int_equal(call_get_u32(&told.fields), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_certificate_ends_pushes_under_way_without_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
