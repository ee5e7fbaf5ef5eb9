/* sandbox - Landlock by raw system calls (no library has it), seccomp by libseccomp */
#include "server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SANDBOX_ACCEPT = 1u << 0,  /* clients on listening sockets that are open; an event loop */
	SANDBOX_CONNECT = 1u << 1, /* to other machines, with threads for name look-ups */
	SANDBOX_FILES = 1u << 2,
};

/* beyond memory, time, randomness and what is open already */
static const unsigned allowed[ROLE_COUNT] = {
	[ROLE_WORKER] = SANDBOX_ACCEPT,
	[ROLE_RECORDS] = SANDBOX_FILES,
	[ROLE_COURIER] = SANDBOX_CONNECT,
};

/* ---- Landlock ---- */

/* the kernel's struct with what came after the headers that we are built with; a kernel that knows
 * fewer fields takes it as long as those are zero */
struct ruleset {
	uint64_t files, net, scoped;
};
enum {
	NET_BIND = 1u << 0, /* ABI 4 */
	NET_CONNECT = 1u << 1,
	SCOPED_ALL = 3u, /* ABI 6: abstract sockets, signals */
};

static const uint64_t files_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t files_abi1 = (1u << 13) - 1;

static uint64_t files_all(long abi)
{
	uint64_t all = files_abi1;

	if (abi >= 2)
		all |= 1u << 13; /* link and rename between folders */
	if (abi >= 3)
		all |= 1u << 14; /* truncate */
	return all;
}

static int path_allow(int ruleset, const struct sandbox_path *path, long abi)
{
	struct landlock_path_beneath_attr rule = {0};
	struct stat st;
	int fd CLEANUP(close_p) = open(path->path, O_PATH | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	rule.parent_fd = fd;
	rule.allowed_access = files_read;
	if (path->is_written)
		rule.allowed_access = files_all(abi) & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	if (!S_ISDIR(st.st_mode)) /* rights of folders make no sense for a file */
		rule.allowed_access &=
			LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | (1u << 14);
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

/* landlock_enter - the ABI version in force, or 0 without */
static long landlock_enter(unsigned allow, const struct sandbox_path *paths)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset wish = {.files = files_all(abi)};
	int ruleset CLEANUP(close_p) = -1;

	if (abi < 1)
		return 0;
	if (abi >= 4)
		wish.net = allow & SANDBOX_CONNECT ? NET_BIND : NET_BIND | NET_CONNECT;
	if (abi >= 6)
		wish.scoped = SCOPED_ALL;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &wish, sizeof(wish), 0);
	if (ruleset < 0)
		return 0;
	for (; paths && paths->path; paths++)
		if (path_allow(ruleset, paths, abi) < 0)
			return 0;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? 0 : abi;
}

/* ---- seccomp ---- */

#define CALL(name) SCMP_SYS(name)

static const int calls_always[] = {
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(close),
	CALL(poll),
	CALL(ppoll),
	CALL(recvmsg),
	CALL(sendmsg),
	CALL(recvfrom),
	CALL(sendto),
	CALL(munmap),
	CALL(mremap),
	CALL(brk),
	CALL(madvise),
	CALL(futex),
	CALL(clock_gettime),
	CALL(clock_nanosleep),
	CALL(nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(getrandom),
	CALL(exit),
	CALL(exit_group),
	CALL(rt_sigreturn),
	CALL(rt_sigprocmask),
	CALL(rt_sigaction),
	CALL(sigaltstack),
	CALL(getpid),
	CALL(gettid),
	CALL(tgkill),
	CALL(restart_syscall),
	CALL(fcntl),
	CALL(sched_yield),
	CALL(membarrier),
	CALL(rseq),
	CALL(set_robust_list),
};
static const int calls_accept[] = {
	CALL(accept),      CALL(accept4),      CALL(epoll_ctl),  CALL(epoll_wait),
	CALL(epoll_pwait), CALL(epoll_pwait2), CALL(setsockopt), CALL(getsockopt),
	CALL(getsockname), CALL(getpeername),  CALL(shutdown),   CALL(timerfd_settime),
	CALL(eventfd2),
};
static const int calls_connect[] = {
	CALL(socket),      CALL(connect),  CALL(setsockopt),    CALL(getsockopt), CALL(getsockname),
	CALL(getpeername), CALL(shutdown), CALL(socketpair),    CALL(pipe2),      CALL(pipe),
	CALL(eventfd2),    CALL(uname),    CALL(sendmmsg),      CALL(recvmmsg),   CALL(select),
	CALL(pselect6),    CALL(ioctl),    CALL(epoll_create1), CALL(epoll_ctl),  CALL(epoll_wait),
};
static const int calls_files[] = {
	CALL(openat),    CALL(open),       CALL(pread64),   CALL(pwrite64),   CALL(lseek),
	CALL(fsync),     CALL(fdatasync),  CALL(ftruncate), CALL(fallocate),  CALL(unlink),
	CALL(unlinkat),  CALL(stat),       CALL(lstat),     CALL(fstat),      CALL(newfstatat),
	CALL(statx),     CALL(access),     CALL(faccessat), CALL(faccessat2), CALL(getcwd),
	CALL(readlink),  CALL(readlinkat), CALL(fchmod),    CALL(fchown),     CALL(geteuid),
	CALL(getuid),    CALL(getegid),    CALL(getgid),    CALL(getdents64), CALL(fstatfs),
	CALL(statfs),    CALL(flock),      CALL(msync),     CALL(mkdir),      CALL(sysinfo),
	CALL(utimensat),
};

static int calls_allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* memory, but never memory that is run; threads, but never a process */
static int rules_add(scmp_filter_ctx filter, unsigned allow)
{
	int r = calls_allow(filter, calls_always, ARRAY_COUNT(calls_always));

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0 && allow & SANDBOX_ACCEPT)
		r = calls_allow(filter, calls_accept, ARRAY_COUNT(calls_accept));
	if (r == 0 && allow & SANDBOX_CONNECT)
		r = calls_allow(filter, calls_connect, ARRAY_COUNT(calls_connect));
	if (r == 0 && allow & SANDBOX_CONNECT) /* clone3's flags cannot be looked at: fall back */
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
	if (r == 0 && allow & SANDBOX_CONNECT)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (r == 0 && allow & (SANDBOX_FILES | SANDBOX_CONNECT))
		r = calls_allow(filter, calls_files, ARRAY_COUNT(calls_files));
	return r;
}

static bool seccomp_enter(unsigned allow)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool is_done = false;

	if (filter) {
		is_done = rules_add(filter, allow) == 0 && seccomp_load(filter) == 0;
		seccomp_release(filter);
	}
	return is_done;
}

int sandbox_enter(enum role role, bool is_remote, const struct sandbox_path *paths,
		  enum config_sandbox mode, struct err *err)
{
	unsigned allow = allowed[role] | (is_remote ? SANDBOX_CONNECT : 0);
	bool has_seccomp;
	long abi;

	if (mode == CONFIG_SANDBOX_OFF) {
		log_event(LOG_WARNING, "sandbox", "process=%s off", role_name(role));
		return 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set_errno(err, errno, "no_new_privs");
	abi = landlock_enter(allow, paths);
	has_seccomp = seccomp_enter(allow);
	log_event(abi > 0 && has_seccomp ? LOG_INFO : LOG_WARNING, "sandbox",
		  "process=%s landlock=%ld seccomp=%s", role_name(role), abi,
		  has_seccomp ? "yes" : "no");
	if (mode == CONFIG_SANDBOX_REQUIRE && (abi == 0 || !has_seccomp))
		return err_set(err, ERR_UNSUPPORTED,
			       "this kernel has no %s, and the configuration requires it",
			       abi == 0 ? "Landlock" : "seccomp");
	return 0;
}
