/* rehome - wires the system's clock, files, entropy and signals to the command line, and the
 * service to its command; all else is in cli and server */
#include "cli/cli.h"
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct cancel cancel = {.wake_fd = -1};
static int wake_in = -1;

/* on_stop - Ctrl-C: waits in progress wake up and the command ends cleanly; a second one ends it at
 * once */
static void on_stop(int number)
{
	int before = errno;
	ssize_t n;

	cancel.is_requested = 1;
	n = write(wake_in, "", 1);
	(void)n; /* a full pipe wakes as well */
	errno = before;
}

static void signals_set(void)
{
	struct sigaction stop = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND};
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0) {
		cancel.wake_fd = fds[0];
		wake_in = fds[1];
	}
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static const char *environment(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	struct cli_world world = {
		.fs = fs_system(),
		.clock = clock_system(),
		.entropy = entropy_system(),
		.cancel = &cancel,
		.in = stdin,
		.out = stdout,
		.err = stderr,
		.environment = environment,
		.serve = server_main,
	};

	signals_set();
	return cli_main(&world, argc, argv);
}
