/* net: listening on this machine */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "net/testing.h"

static char folder[] = "/tmp/rehome-net-XXXXXX";

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return fs_remove_tree(fs_system(), folder, NULL);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void talk(int listen_fd, int client_fd)
{
	struct err err = ERR_INIT;
	struct pair pair;
	int fd;

	assert_int_equal(net_accept(listen_fd, NULL, &fd, &err), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	pair.a = conn_over(client_fd, NULL);
	pair.b = conn_over(fd, NULL);
	say(pair.a, "ping");
	hear(pair.b, "ping");
	say(pair.b, "pong");
	hear(pair.a, "pong");
	pair_close(&pair);
}

static void a_unix_socket_is_private_and_accepts(void **state)
{
	CLEANUP(close_p) int fd = -1;
	char path[64], prefixed[80], bound[128];
	struct err err = ERR_INIT;
	struct stat st;

	snprintf(path, sizeof(path), "%s/mux", folder);
	snprintf(prefixed, sizeof(prefixed), "UNIX:%s", path);
	assert_int_equal(net_listen(&fd, prefixed, bound, &err), 0);
	assert_string_equal(bound, prefixed);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	talk(fd, connect_unix(path));
}

static void an_old_socket_file_is_replaced_and_anything_else_is_not(void **state)
{
	CLEANUP(close_p) int fd = -1, other = -1;
	char path[64], bound[128];
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "%s/old", folder);
	assert_int_equal(net_listen(&fd, path, bound, &err), 0);
	assert_int_equal(net_listen(&other, path, bound, &err), ERR_BUSY);
	close_p(&fd); /* the file stays, as after a crash */
	assert_int_equal(net_listen(&fd, path, bound, &err), 0);
	talk(fd, connect_unix(path));

	snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(fs_write_file(fs_system(), path, slice_text("precious"), 0, &err), 0);
	assert_int_equal(net_listen(&other, path, bound, &err), ERR_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
}

static void loopback_gives_a_free_port_that_clients_can_use(void **state)
{
	CLEANUP(close_p) int fd = -1;
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct err err = ERR_INIT;
	char bound[128];
	int client;

	assert_int_equal(net_listen(&fd, "127.0.0.1:0", bound, &err), 0);
	assert_memory_equal(bound, "127.0.0.1:", 10);
	assert_true(atoi(bound + 10) > 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)atoi(bound + 10));
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	talk(fd, client);
}

static void other_addresses_are_refused(void **state)
{
	const char *remote[] = {"0.0.0.0:0",   "192.168.1.1:0",  "[::]:0",      "[fe80::1]:0",
				"localhost:0", "example.com:80", "128.0.0.1:0", "[127.0.0.1]:0"};
	const char *nonsense[] = {"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":80",
				  "127.0.0.1:-1"};
	struct err err = ERR_INIT;
	char bound[128], longest[200];
	size_t i;
	int fd = -1;

	for (i = 0; i < ARRAY_COUNT(remote); i++)
		assert_int_equal(net_listen(&fd, remote[i], bound, &err), ERR_POLICY);
	for (i = 0; i < ARRAY_COUNT(nonsense); i++)
		assert_int_equal(net_listen(&fd, nonsense[i], bound, &err), ERR_USAGE);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(net_listen(&fd, longest, bound, &err), ERR_USAGE);
	assert_int_equal(net_listen(&fd, "UNIX:", bound, &err), ERR_USAGE);
	assert_int_equal(fd, -1);
}

static void accepting_ends_when_it_is_canceled(void **state)
{
	CLEANUP(close_p) int fd = -1, read_end = -1, write_end = -1;
	struct cancel cancel = {0, -1};
	struct err err = ERR_INIT;
	char bound[128];
	int fds[2], client;

	assert_int_equal(pipe(fds), 0);
	read_end = cancel.wake_fd = fds[0];
	write_end = fds[1];
	assert_int_equal(net_listen(&fd, "127.0.0.1:0", bound, &err), 0);
	assert_int_equal(write(write_end, "x", 1), 1);
	assert_int_equal(net_accept(fd, &cancel, &client, &err), ERR_CANCELED);
	cancel.is_requested = 1;
	cancel.wake_fd = -1;
	assert_int_equal(net_accept(fd, &cancel, &client, &err), ERR_CANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unix_socket_is_private_and_accepts),
		cmocka_unit_test(an_old_socket_file_is_replaced_and_anything_else_is_not),
		cmocka_unit_test(loopback_gives_a_free_port_that_clients_can_use),
		cmocka_unit_test(other_addresses_are_refused),
		cmocka_unit_test(accepting_ends_when_it_is_canceled),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
