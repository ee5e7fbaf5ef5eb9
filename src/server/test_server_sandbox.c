/* what a process in its sandbox cannot do any more; each test is a child of its own */
#include "server/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* a data folder as the service has it */
struct place {
	char folder[64], db[96], key[96];
	bool is_supported;
};

static void file_make(const char *path)
{
	assert_int_equal(fs_write_file(fs_system(), path, slice_text("secret"), 0600, NULL), 0);
}

/* child - run @body in a sandbox; its exit status */
static int child(enum role role, const struct sandbox_path *paths,
		 int (*body)(const struct place *place), const struct place *place)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(role, false, paths, CONFIG_SANDBOX_REQUIRE, NULL) < 0)
			_exit(99);
		_exit(body(place));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int place_make(void **state)
{
	static struct place place;

	snprintf(place.folder, sizeof(place.folder), "/tmp/rehome-sandbox-XXXXXX");
	assert_non_null(mkdtemp(place.folder));
	snprintf(place.db, sizeof(place.db), "%s/records", place.folder);
	assert_int_equal(mkdir(place.db, 0700), 0);
	snprintf(place.db, sizeof(place.db), "%s/records/rehome.db", place.folder);
	snprintf(place.key, sizeof(place.key), "%s/ca.pem", place.folder);
	file_make(place.db);
	file_make(place.key);
	/* asked of the kernel, so that a sandbox that fails is no reason to leave the tests out */
	place.is_supported =
		syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1 && prctl(PR_GET_SECCOMP) >= 0;
	*state = &place;
	return 0;
}

static int place_end(void **state)
{
	struct place *place = *state;

	return fs_remove_tree(fs_system(), place->folder, NULL);
}

static bool refused(long r)
{
	return r < 0 && (errno == EACCES || errno == EPERM);
}

/* files_refused - every way to the bytes of @path */
static bool files_refused(const char *path)
{
	return refused(open(path, O_RDONLY)) && refused(open(path, O_WRONLY)) &&
	       refused(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY)) &&
	       refused(syscall(SYS_openat2, AT_FDCWD, path, NULL, 0)) &&
	       refused(rename(path, "/tmp/x")) && refused(unlink(path)) &&
	       refused(link(path, "/tmp/x")) && refused(truncate(path, 0));
}

static int no_files(const struct place *place)
{
	static const char *const others[] = {"/proc/1/environ", "/proc/self/mem", "/etc/passwd"};

	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		if (!files_refused(others[i]))
			return 3;
	return !files_refused(place->db) ? 1 : !files_refused(place->key) ? 2 : 0;
}

/* opens_nothing - the filter refuses it (EPERM) before Landlock would (EACCES): either alone is
 * enough */
static int opens_nothing(const struct place *place)
{
	if (open(place->key, O_RDONLY) >= 0 || errno != EPERM)
		return 4;
	return no_files(place);
}

static int no_way_out(const struct place *place)
{
	char *argv[] = {(char[]){"/bin/true"}, NULL};

	if (!refused(socket(AF_INET, SOCK_STREAM, 0)))
		return 1;
	if (!refused(socket(AF_UNIX, SOCK_STREAM, 0)))
		return 2;
	if (!refused(fork()))
		return 3;
	if (!refused(execve(argv[0], argv, argv + 1)))
		return 4;
	if (!refused(ptrace(PTRACE_ATTACH, getppid(), 0, 0)))
		return 5;
	if (!refused(kill(getppid(), SIGTERM)))
		return 6;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) != MAP_FAILED)
		return 7;
	return refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)) ? 0 : 8;
}

static int records_alone(const struct place *place)
{
	int fd = open(place->db, O_RDWR);

	if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || fsync(fd) != 0)
		return 1;
	if (!refused(open(place->key, O_RDONLY)))
		return 2;
	return refused(socket(AF_INET, SOCK_STREAM, 0)) ? 0 : 3;
}

static int outwards_alone(const struct place *place)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return 1;
	if (!refused(bind(fd, (struct sockaddr *)&any, sizeof(any))) || !refused(listen(fd, 1)))
		return 2;
	return no_files(place);
}

static void expect(void **state, enum role role, const struct sandbox_path *paths,
		   int (*body)(const struct place *place))
{
	struct place *place = *state;

	if (!place->is_supported) {
		print_message("this kernel lacks Landlock or seccomp\n");
		skip();
	}
	assert_int_equal(child(role, paths, body, place), 0);
}

static void a_worker_opens_no_file(void **state)
{
	expect(state, ROLE_WORKER, NULL, opens_nothing);
}

static void a_worker_has_no_way_out(void **state)
{
	expect(state, ROLE_WORKER, NULL, no_way_out);
}

static void the_key_holder_opens_no_file_and_has_no_way_out(void **state)
{
	expect(state, ROLE_KEYS, NULL, opens_nothing);
	expect(state, ROLE_KEYS, NULL, no_way_out);
}

static void records_reach_their_folder_and_nothing_else(void **state)
{
	struct place *place = *state;
	char folder[96];
	const struct sandbox_path paths[] = {{folder, true}, {NULL, false}};

	snprintf(folder, sizeof(folder), "%s/records", place->folder);
	expect(state, ROLE_RECORDS, paths, records_alone);
}

static void the_courier_goes_out_and_nobody_comes_in(void **state)
{
	static const struct sandbox_path paths[] = {{"/etc/hosts", false}, {NULL, false}};

	expect(state, ROLE_COURIER, paths, outwards_alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_opens_no_file),
		cmocka_unit_test(a_worker_has_no_way_out),
		cmocka_unit_test(the_key_holder_opens_no_file_and_has_no_way_out),
		cmocka_unit_test(records_reach_their_folder_and_nothing_else),
		cmocka_unit_test(the_courier_goes_out_and_nobody_comes_in),
	};

	return cmocka_run_group_tests(tests, place_make, place_end);
}
