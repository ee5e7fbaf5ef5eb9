/* command_run - show device folders behind a usbmux socket until told to stop */
#include "sim/client_online.h"
#include "sim/wire.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTENERS_MAX = 8, ADDRESS_LEN = 128, PASSCODE_SECONDS = 180, STOP_MS = 10000 };

static const char help[] =
	"usage: rehome-sim run [OPTION]... DIR...\n"
	"\n"
	"Shows the devices in the folders DIR behind sockets that speak usbmuxd's protocol. "
	"Prints\n"
	"where it listens, then \"ready\"; SIGTERM or SIGINT ends it.\n"
	"\n"
	"  --socket PATH         listen on a Unix socket (USBMUXD_SOCKET_ADDRESS=UNIX:PATH)\n"
	"  --tcp 127.0.0.1:PORT  listen on a loopback port; 0 chooses one "
	"(USBMUXD_SOCKET_ADDRESS=127.0.0.1:PORT)\n"
	"  --host-records DIR    where the host's pair records are kept; default: host-records "
	"beside the first DIR\n"
	"  --now TIME            the devices' clock stands at TIME (2026-11-01T08:00:00Z)\n"
	"  --fault SPEC          a fault for every device, may be repeated; see rehome-sim(1)\n"
	"  --log FILE            append every message to FILE, one JSON object a line\n"
	"  --tls VERSION         the highest TLS version offered: 1.0, 1.1, 1.2 or 1.3 (default)\n"
	"  --passcode-wait SECS  how long a passcode prompt stays before the request fails with "
	"208; default 180\n"
	"  --trust-all           ask no person: every host is trusted\n"
	"  --apple DIR           listen for pushes in DIR, the folder of rehome-sim apple, and\n"
	"                        speak with the MDM service\n"
	"\n"
	"What real devices do here is not certain; these choose:\n"
	"  --devicelink N        the DeviceLink version offered: 400 (default), 300, 100, or one "
	"that hosts refuse\n"
	"  --old-behaviour       Info, List, Unback and Extract answered with content, as before "
	"iOS 9.3;\n"
	"                        otherwise they end with an error of MBErrorDomain\n"
	"  --clear-services      services without TLS (EnableServiceSSL false)\n";

struct run {
	struct wire_options options;
	const char *addresses[LISTENERS_MAX];
	size_t address_count;
	char bound[LISTENERS_MAX][ADDRESS_LEN]; /* where it listens, "" = not yet */
	struct sim_faults faults;
	int64_t now;
	char records[4096];
	const char *apple; /* folder of `rehome-sim apple`, or NULL */
};

/* ---- options ---- */

static int tls_version(const char *text, enum net_tls_version *version, struct err *err)
{
	static const char *const names[] = {[NET_TLS_1_0] = "1.0",
					    [NET_TLS_1_1] = "1.1",
					    [NET_TLS_1_2] = "1.2",
					    [NET_TLS_1_3] = "1.3"};

	for (size_t i = NET_TLS_1_0; i < ARRAY_COUNT(names); i++) {
		if (strcmp(names[i], text) == 0) {
			*version = (enum net_tls_version)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "TLS version %s is none of 1.0, 1.1, 1.2, 1.3", text);
}

static int number(const char *what, const char *text, int64_t max, int64_t *value, struct err *err)
{
	char *end;
	long long parsed = strtoll(text, &end, 10);

	if (*text == 0 || *end != 0 || parsed < 0 || parsed > max)
		return err_set(err, ERR_USAGE, "%s %s is no number between 0 and %lld", what, text,
			       (long long)max);
	*value = parsed;
	return 0;
}

static int add_address(struct run *run, const char *address, struct err *err)
{
	if (run->address_count == LISTENERS_MAX)
		return err_set(err, ERR_USAGE, "more than %d sockets", LISTENERS_MAX);
	run->addresses[run->address_count++] = address;
	return 0;
}

static const struct option options[] = {
	{"socket", required_argument, NULL, 's'},
	{"tcp", required_argument, NULL, 't'},
	{"host-records", required_argument, NULL, 'r'},
	{"now", required_argument, NULL, 'n'},
	{"fault", required_argument, NULL, 'f'},
	{"log", required_argument, NULL, 'l'},
	{"tls", required_argument, NULL, 'v'},
	{"passcode-wait", required_argument, NULL, 'w'},
	{"trust-all", no_argument, NULL, 'a'},
	{"devicelink", required_argument, NULL, 'd'},
	{"old-behaviour", no_argument, NULL, 'o'},
	{"clear-services", no_argument, NULL, 'c'},
	{"apple", required_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int take_option(struct run *run, int option, const char *value, struct err *err)
{
	int64_t seconds;
	int r;

	switch (option) {
	case 't':
		if (!strchr(value, ':')) /* it would be taken as a path */
			return err_set(err, ERR_USAGE, "--tcp %s: an address is 127.0.0.1:PORT",
				       value);
		return add_address(run, value, err);
	case 's':
		return add_address(run, value, err);
	case 'r':
		run->options.records_folder = value;
		return 0;
	case 'n':
		return time_parse_utc(value, &run->now, err);
	case 'f':
		return sim_faults_parse(&run->faults, value, err);
	case 'l':
		run->options.log_path = value;
		return 0;
	case 'v':
		return tls_version(value, &run->options.tls_max, err);
	case 'w':
		r = number("--passcode-wait", value, 86400, &seconds, err);
		if (r == 0)
			run->options.passcode_limit_ms = seconds * 1000;
		return r;
	case 'a':
		run->options.trusts_everyone = true;
		return 0;
	case 'd':
		return number("--devicelink", value, 100000, &run->options.devicelink, err);
	case 'o':
		run->options.old_behaviour = true;
		return 0;
	case 'c':
		run->options.services_are_clear = true;
		return 0;
	case 'p':
		run->apple = value;
		return 0;
	default:
		return 0;
	}
}

/* host-records beside the first device's folder; made when the first record is kept */
static int choose_records(struct run *run, const char *first, struct err *err)
{
	size_t len = strlen(first);
	struct stat found;

	if (run->options.records_folder) {
		if (stat(run->options.records_folder, &found) == 0 && !S_ISDIR(found.st_mode))
			return err_set(err, ERR_USAGE, "--host-records %s: that is no folder",
				       run->options.records_folder);
		return 0;
	}
	while (len > 0 && first[len - 1] == '/')
		len--;
	while (len > 0 && first[len - 1] != '/')
		len--;
	if (snprintf(run->records, sizeof(run->records), "%.*shost-records", (int)len, first) >=
	    (int)sizeof(run->records))
		return err_set(err, ERR_LIMIT, "%s is too long", first);
	run->options.records_folder = run->records;
	return 0;
}

/* Two devices in one folder, by whatever paths, would overwrite each other's facts. */
static int check_folders(char **folders, int count, struct err *err)
{
	CLEANUP(free_p) struct stat *found = calloc((size_t)count, sizeof(*found));

	if (!found)
		return err_no_memory(err);
	for (int i = 0; i < count; i++) {
		if (stat(folders[i], &found[i]) != 0)
			return 0; /* sim_device_open says better what is wrong with it */
		for (int j = 0; j < i; j++)
			if (found[j].st_dev == found[i].st_dev &&
			    found[j].st_ino == found[i].st_ino)
				return err_set(err, ERR_USAGE, "%s is named twice", folders[i]);
	}
	return 0;
}

/* ---- running ---- */

static int add_device(struct run *run, struct wire *wire, const char *folder, struct err *err)
{
	struct sim_device *device;
	struct sim_faults *faults;
	int r = sim_device_open(&device, folder, err);

	if (r < 0)
		return r;
	if (run->now >= 0)
		sim_device_set_now(device, run->now);
	faults = sim_device_faults(device);
	for (size_t i = 0; i < run->faults.count; i++) {
		if (faults->count == SIM_FAULTS_MAX) {
			sim_device_close(device);
			return err_set(err, ERR_USAGE, "%s: more than %d faults", folder,
				       SIM_FAULTS_MAX);
		}
		faults->list[faults->count++] = run->faults.list[i];
	}
	return wire_add_device(wire, device, folder, err);
}

static int listen_all(struct run *run, int *fds, struct sim_world *world, struct err *err)
{
	for (size_t i = 0; i < run->address_count; i++) {
		int r = net_listen(&fds[i], run->addresses[i], run->bound[i], err);

		if (r < 0)
			return r;
		fprintf(world->out, "listening on %s\n", run->bound[i]);
	}
	return 0;
}

/* A socket's file goes while it is still ours: once closed, another may listen at its path. */
static void close_all(struct run *run, int *fds)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		if (strncmp(run->bound[i], "UNIX:", 5) == 0)
			unlink(run->bound[i] + 5);
		close_p(&fds[i]);
	}
}

static int serve(struct run *run, struct sim_world *world, char **folders, int count,
		 struct err *err)
{
	int fds[LISTENERS_MAX];
	struct wire *wire = NULL;
	struct sim_online *online = NULL;
	int r;

	for (size_t i = 0; i < LISTENERS_MAX; i++)
		fds[i] = -1;
	r = wire_new(&wire, world, &run->options, err);
	for (int i = 0; r == 0 && i < count; i++)
		r = add_device(run, wire, folders[i], err);
	if (r == 0)
		r = listen_all(run, fds, world, err);
	if (r == 0 && run->apple)
		r = sim_online_start(&online, world, run->apple, folders, (size_t)count, run->now,
				     err);
	if (r == 0) {
		fprintf(world->out, "ready\n");
		fflush(world->out);
		r = wire_run(wire, fds, run->address_count, err);
	}
	close_all(run, fds);
	sim_online_stop(online);
	/* a device deep in thought does not hold up the end for ever: what it writes survives a
	 * kill */
	if (wire && wire_settle(wire, STOP_MS))
		wire_free(wire);
	return r;
}

int sim_command_run(struct sim_world *world, int argc, char **argv)
{
	struct run run = {
		.options = {.devicelink = 400, .passcode_limit_ms = PASSCODE_SECONDS * 1000},
		.now = -1,
	};
	struct err err = ERR_INIT;
	int option, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, world->out);
			return 0;
		}
		r = option == '?' ? sim_option_refused("run", argv, optind, &err)
				  : take_option(&run, option, optarg, &err);
	}
	if (r == 0 && optind == argc)
		r = err_set(&err, ERR_USAGE,
			    "no device folder is named; see rehome-sim run --help");
	if (r == 0 && run.address_count == 0 && !run.apple)
		r = err_set(
			&err, ERR_USAGE,
			"nowhere to listen: --socket PATH, --tcp 127.0.0.1:PORT or --apple DIR");
	if (r == 0)
		r = choose_records(&run, argv[optind], &err);
	if (r == 0)
		r = check_folders(argv + optind, argc - optind, &err);
	if (r == 0) {
		signal(SIGPIPE, SIG_IGN);
		r = serve(&run, world, argv + optind, argc - optind, &err);
	}
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
