/* process - starts, connects, watches and stops the processes; runs in the listener */
#include "server/process.h"
#include "server/control.h"

#include <errno.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PROCESSES_MAX = 3 + COUNTS_WORKERS_MAX,
	START_MS = 60000,   /* for all to become ready */
	AGAIN_MS = 1000,    /* between two starts of a process that does not live */
	END_EXTRA_MS = 5000 /* beyond stop-seconds, then SIGKILL */
};

struct process {
	enum role role;
	unsigned index;
	pid_t pid; /* 0: not running */
	int control;
	bool is_used, is_ready, is_leaving; /* leaving: told to stop, not to be started again */
	int64_t started_ms;
};

struct processes {
	const struct config *config;
	const char *url;
	struct listening *listening;
	struct counts *counts;
	struct process table[PROCESSES_MAX];
};

/* talks - is there a socket pair between the two? */
static bool talks(enum role a, enum role b)
{
	enum role low = a < b ? a : b, high = a < b ? b : a;

	return (low == ROLE_KEYS && high != ROLE_KEYS) || (low == ROLE_RECORDS && high > low);
}

static int64_t now_ms(void)
{
	return clock_mono_ms(clock_system());
}

int processes_new(struct processes **out, const struct config *config, const char *url,
		  struct listening *listening, struct counts *counts, struct err *err)
{
	struct processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return err_no_memory(err);
	processes->config = config;
	processes->url = url;
	processes->listening = listening;
	processes->counts = counts;
	*out = processes;
	return 0;
}

void processes_free(struct processes *processes)
{
	free(processes);
}

/* ---- starting one ---- */

static int descriptor_order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* close_all_but - what the listener holds for others is no business of this process */
static void close_all_but(int *keep, unsigned count)
{
	int next = 3;

	qsort(keep, count, sizeof(*keep), descriptor_order);
	for (unsigned i = 0; i < count; i++) {
		if (keep[i] < next)
			continue;
		if (keep[i] > next)
			close_range((unsigned)next, (unsigned)keep[i] - 1, 0);
		next = keep[i] + 1;
	}
	close_range((unsigned)next, ~0u, 0);
}

static void signals_default(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* these may reach the whole group: the listener decides what they mean */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, not the end */
}

/* be - the child's whole life */
static _Noreturn void be(const struct processes *processes, const struct process *process,
			 int control)
{
	static int (*const runs[ROLE_COUNT])(const struct process_env *, struct err *) = {
		keys_run, records_run, courier_run, worker_run};
	struct process_env env = {.config = processes->config,
				  .url = processes->url,
				  .listening = processes->listening,
				  .counts = processes->counts,
				  .role = process->role,
				  .index = process->index,
				  .control = control};
	int keep[LISTEN_MAX + 1] = {control};
	unsigned count = 1;
	struct err err = ERR_INIT;
	char name[16];
	int r;

	signals_default();
	snprintf(name, sizeof(name), "rehomed %s", role_name(process->role));
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* beside the end of the control socket */
	prctl(PR_SET_DUMPABLE, 0);        /* no core with keys, nobody of this user looks inside */
	if (process->role == ROLE_WORKER)
		for (unsigned i = 0; i < env.listening->count; i++)
			keep[count++] = env.listening->fds[i];
	close_all_but(keep, count);
	r = runs[process->role](&env, &err);
	if (r < 0)
		log_event(LOG_ERROR, "process-failed", "process=%s worker=%u reason=\"%s\"",
			  role_name(process->role), process->index, err.text);
	exit(r < 0 ? 1 : 0);
}

/* connect_two - each gets one end of a new socket pair; one that has died meanwhile is connected
 * again when it starts */
static int connect_two(struct process *a, struct process *b, struct err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set_errno(err, errno, "socketpair");
	control_send(a->control, CONTROL_PEER, b->role, ends[0], SLICE_EMPTY);
	control_send(b->control, CONTROL_PEER, a->role, ends[1], SLICE_EMPTY);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int start_one(struct processes *processes, struct process *process, struct err *err)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set_errno(err, errno, "socketpair");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return err_set_errno(err, errno, "fork");
	}
	if (pid == 0)
		be(processes, process, ends[1]);
	close(ends[1]);
	process->pid = pid;
	process->control = ends[0];
	process->is_ready = false;
	process->started_ms = now_ms();
	log_event(LOG_INFO, "process-started", "process=%s pid=%d", role_name(process->role),
		  (int)pid);
	for (unsigned i = 0; i < PROCESSES_MAX; i++) {
		struct process *other = &processes->table[i];

		if (other != process && other->pid > 0 && talks(process->role, other->role)) {
			int r = connect_two(process, other, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int add(struct processes *processes, enum role role, struct err *err)
{
	unsigned first = role == ROLE_WORKER ? ROLE_WORKER : (unsigned)role;
	unsigned end = role == ROLE_WORKER ? PROCESSES_MAX : (unsigned)role + 1;

	for (unsigned i = first; i < end; i++) {
		struct process *process = &processes->table[i];

		if (process->is_used)
			continue;
		*process = (struct process){.role = role, .is_used = true, .control = -1};
		process->index = role == ROLE_WORKER ? i - ROLE_WORKER : 0;
		return start_one(processes, process, err);
	}
	return err_set(err, ERR_LIMIT, "too many %s processes at once", role_name(role));
}

static unsigned worker_count(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (config->workers > 0)
		return (unsigned)config->workers;
	return cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
}

/* ---- watching ---- */

/* hear - what the processes say of themselves */
static void hear(struct processes *processes)
{
	for (unsigned i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &processes->table[i];
		struct control control CLEANUP(control_clear) = CONTROL_INIT;

		if (process->pid > 0 && control_receive(process->control, &control, NULL) == 0 &&
		    control.kind == CONTROL_READY)
			process->is_ready = true;
	}
}

static void gone(struct processes *processes, struct process *process, int status)
{
	bool was_asked = process->is_leaving;

	log_event(was_asked || status == 0 ? LOG_INFO : LOG_ERROR, "process-ended",
		  "process=%s pid=%d %s=%d", role_name(process->role), (int)process->pid,
		  WIFSIGNALED(status) ? "signal" : "status",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	close_p(&process->control);
	process->control = -1;
	process->pid = 0;
	if (process->role == ROLE_WORKER)
		processes->counts->workers[process->index].pid = 0;
	if (was_asked)
		process->is_used = false;
}

static void reap(struct processes *processes)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < PROCESSES_MAX; i++)
			if (processes->table[i].pid == pid)
				gone(processes, &processes->table[i], status);
}

int processes_tend(struct processes *processes, int64_t *wait_ms, struct err *err)
{
	*wait_ms = -1;
	reap(processes);
	hear(processes);
	for (unsigned i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &processes->table[i];
		int64_t due = process->started_ms + AGAIN_MS - now_ms();
		int r;

		if (!process->is_used || process->pid > 0)
			continue;
		if (due > 0 && !process->is_ready) {
			*wait_ms = *wait_ms < 0 || due < *wait_ms ? due : *wait_ms;
			continue;
		}
		counts_add(&processes->counts->restarts);
		r = start_one(processes, process, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* wait_a_little - until a process says something, at most 50 ms: starts and stops are rare */
static void wait_a_little(struct processes *processes)
{
	struct pollfd fds[PROCESSES_MAX];
	nfds_t count = 0;

	for (unsigned i = 0; i < PROCESSES_MAX; i++)
		if (processes->table[i].pid > 0)
			fds[count++] = (struct pollfd){processes->table[i].control, POLLIN, 0};
	poll(fds, count, 50);
}

/* is_stop_pending - SIGTERM and SIGINT are blocked; server.c reads them once the service runs */
static bool is_stop_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* ready_wait - until all are; one that ends before it was ready is a failure */
static int ready_wait(struct processes *processes, struct err *err)
{
	int64_t deadline = now_ms() + START_MS;

	for (;;) {
		bool is_waiting = false;

		hear(processes);
		reap(processes);
		for (unsigned i = 0; i < PROCESSES_MAX; i++) {
			const struct process *process = &processes->table[i];

			if (process->is_used && process->pid == 0)
				return err_set(err, ERR_IO, "%s did not start",
					       role_name(process->role));
			is_waiting |= process->is_used && !process->is_ready;
		}
		if (!is_waiting)
			return 0;
		if (is_stop_pending())
			return err_set(err, ERR_CANCELED, "stopped before it was ready");
		if (now_ms() > deadline)
			return err_set(err, ERR_TIMEOUT, "not all processes became ready");
		wait_a_little(processes);
	}
}

int processes_start(struct processes *processes, struct err *err)
{
	int r = add(processes, ROLE_KEYS, err);

	if (r == 0)
		r = add(processes, ROLE_RECORDS, err);
	if (r == 0)
		r = add(processes, ROLE_COURIER, err);
	for (unsigned i = worker_count(processes->config); i > 0 && r == 0; i--)
		r = add(processes, ROLE_WORKER, err);
	return r < 0 ? r : ready_wait(processes, err);
}

/* ---- reload and stop ---- */

static void leave(struct process *process)
{
	process->is_leaving = true;
	if (process->pid == 0)
		process->is_used = false;
	else
		control_send(process->control, CONTROL_STOP, process->role, -1, SLICE_EMPTY);
}

int processes_reload(struct processes *processes, const struct config *config, struct err *err)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);
	int r = config_dump(config, &text, err);

	if (r < 0)
		return r;
	processes->config = config;
	for (unsigned i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &processes->table[i];

		if (process->pid > 0 &&
		    (process->role == ROLE_RECORDS || process->role == ROLE_KEYS))
			control_send(process->control, CONTROL_CONFIG, process->role, -1,
				     buf_slice(&text));
		else if (process->pid > 0 && process->role == ROLE_COURIER) /* it starts again */
			control_send(process->control, CONTROL_STOP, process->role, -1,
				     SLICE_EMPTY);
		else if (process->is_used && process->role == ROLE_WORKER)
			leave(process);
	}
	for (unsigned i = worker_count(config); i > 0; i--) {
		r = add(processes, ROLE_WORKER, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void role_stop(struct processes *processes, enum role role, int64_t within_ms)
{
	int64_t deadline = now_ms() + within_ms;
	bool is_running = true;

	for (unsigned i = 0; i < PROCESSES_MAX; i++)
		if (processes->table[i].is_used && processes->table[i].role == role)
			leave(&processes->table[i]);
	while (is_running) {
		is_running = false;
		reap(processes);
		for (unsigned i = 0; i < PROCESSES_MAX; i++) {
			const struct process *process = &processes->table[i];

			if (process->pid <= 0 || process->role != role)
				continue;
			is_running = true;
			if (now_ms() > deadline)
				kill(process->pid, SIGKILL);
		}
		if (is_running)
			wait_a_little(processes);
	}
}

void processes_stop(struct processes *processes)
{
	int64_t within_ms = processes->config->stop_seconds * 1000 + END_EXTRA_MS;

	role_stop(processes, ROLE_WORKER, within_ms);
	role_stop(processes, ROLE_COURIER, END_EXTRA_MS);
	role_stop(processes, ROLE_RECORDS, within_ms);
	role_stop(processes, ROLE_KEYS, END_EXTRA_MS);
}
