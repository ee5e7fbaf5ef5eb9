/*
 * command_bench - is the simulator fast enough that its clients are the bottleneck?
 *
 * Devices are born in a temporary folder, backed up by a client that throws all away, over a real
 * Unix socket with TLS, in one process; the devices' folders are removed afterwards.
 */
#include "sim/bench_client.h"
#include "sim/device.h"
#include "sim/wire.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATH_MAX_LEN = 256, SEED = 7 };

static const char help[] =
	"usage: rehome-sim bench [--quick] [--per-field]\n"
	"\n"
	"Measures how fast a device sends to a client that throws all away, over a Unix socket "
	"with TLS:\n"
	"large files (2 GiB) and small ones (50,000 of 8 KiB).\n"
	"\n"
	"  --quick      a tenth of both\n"
	"  --per-field  one TLS record for each field, as a naive device sends\n";

/** struct load - one device and what is measured on it */
struct load {
	const char *name;
	uint64_t files, file_size;
};

/** struct stage - a wire that runs in a thread of its own */
struct stage {
	struct wire *wire;
	struct cancel cancel;
	struct sim_world world;
	char folder[PATH_MAX_LEN], socket[PATH_MAX_LEN + 8];
	int listener;
	pthread_t thread;
	bool is_running;
};

static void *serve(void *arg)
{
	struct stage *stage = arg;
	struct err err = ERR_INIT;

	if (wire_run(stage->wire, &stage->listener, 1, &err) < 0)
		log_event(LOG_ERROR, "bench", "error=\"%s\"", err.text);
	return NULL;
}

static int connect_mux(void *arg, int *fd, struct err *err)
{
	const struct stage *stage = arg;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(stage->socket) >= sizeof(address.sun_path))
		return err_set(err, ERR_LIMIT, "path of the socket is too long");
	strcpy(address.sun_path, stage->socket);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_set_errno(err, errno, "socket");
	if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int number = errno;

		close(*fd);
		return err_set_errno(err, number, "connect to %s", stage->socket);
	}
	return 0;
}

static int stage_open(struct stage *stage, struct sim_world *world, const struct load *load,
		      bool is_per_field, struct err *err)
{
	const struct wire_options options = {
		.devicelink = 400, .trusts_everyone = true, .records_folder = stage->folder};
	const struct sim_birth birth = {.profile = NULL,
					.seed = SEED,
					.files = load->files,
					.file_size = load->file_size,
					.kdf_rounds = 1000};
	struct sim_device *device;
	char path[PATH_MAX_LEN + 8], bound[128];
	int r;

	snprintf(path, sizeof(path), "%s/device", stage->folder);
	snprintf(stage->socket, sizeof(stage->socket), "%s/mux", stage->folder);
	stage->cancel = (struct cancel){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	stage->world = *world;
	stage->world.cancel = &stage->cancel;
	r = sim_birth_run(path, &birth, err);
	if (r == 0)
		r = sim_device_open(&device, path, err);
	if (r < 0)
		return r;
	if (is_per_field) {
		r = sim_faults_parse(sim_device_faults(device), "records:per-field", err);
		if (r < 0) {
			sim_device_close(device);
			return r;
		}
	}
	r = wire_new(&stage->wire, &stage->world, &options, err);
	if (r < 0) {
		sim_device_close(device);
		return r;
	}
	r = wire_add_device(stage->wire, device, "bench", err);
	if (r == 0)
		r = net_listen(&stage->listener, stage->socket, bound, err);
	if (r < 0)
		return r;
	r = pthread_create(&stage->thread, NULL, serve, stage);
	stage->is_running = r == 0;
	return r == 0 ? 0 : err_set_errno(err, r, "start a thread");
}

static void stage_close(struct stage *stage)
{
	uint64_t one = 1;

	stage->cancel.is_requested = 1;
	if (stage->cancel.wake_fd >= 0 && write(stage->cancel.wake_fd, &one, sizeof(one)) < 0)
		log_event(LOG_WARNING, "bench", "error=\"the wake descriptor is full\"");
	if (stage->is_running)
		pthread_join(stage->thread, NULL);
	wire_free(stage->wire);
	close_p(&stage->listener);
	close_p(&stage->cancel.wake_fd);
}

static void print(FILE *out, const struct load *load, const struct bench_result *result)
{
	double seconds = result->stream_seconds > 0 ? result->stream_seconds : 1e-9;

	fprintf(out,
		"%-12s %7llu files  %8.1f MB  %8.0f files/s  %8.1f MB/s  sending %6.2f s, thinking "
		"%6.2f s\n",
		load->name, (unsigned long long)result->files, (double)result->bytes / 1e6,
		(double)result->files / seconds, (double)result->bytes / 1e6 / seconds,
		result->stream_seconds, result->total_seconds - result->stream_seconds);
	fflush(out);
}

static int measure(struct sim_world *world, const struct load *load, bool is_per_field,
		   struct err *err)
{
	struct stage stage = {.listener = -1, .cancel = {.wake_fd = -1}};
	struct bench_result result;
	const char *base = getenv("TMPDIR");
	struct err ignored = ERR_INIT;
	int r;

	snprintf(stage.folder, sizeof(stage.folder), "%.200s/rehome-sim-bench-XXXXXX",
		 base ? base : "/tmp");
	if (!mkdtemp(stage.folder))
		return err_set_errno(err, errno, "make a folder beneath %s", base ? base : "/tmp");
	r = stage_open(&stage, world, load, is_per_field, err);
	if (r == 0)
		r = bench_client_run(connect_mux, &stage, world->clock, &result, err);
	stage_close(&stage);
	fs_remove_tree(fs_system(), stage.folder, &ignored);
	if (r == 0)
		print(world->out, load, &result);
	return r;
}

int sim_command_bench(struct sim_world *world, int argc, char **argv)
{
	static const struct option options[] = {
		{"quick", no_argument, NULL, 'q'},
		{"per-field", no_argument, NULL, 'p'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct load loads[] = {{"large files", 16, 128 << 20}, {"small files", 50000, 8 << 10}};
	struct err err = ERR_INIT;
	bool is_per_field = false;
	int option, r = 0;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, world->out);
			return 0;
		}
		if (option == '?') {
			r = sim_option_refused("bench", argv, optind, &err);
			return sim_command_failed(world, r, &err);
		}
		is_per_field |= option == 'p';
		if (option == 'q') {
			loads[0].file_size /= 10;
			loads[1].files /= 10;
		}
	}
	if (optind < argc) {
		fputs(help, world->err);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(loads); i++)
		r = measure(world, &loads[i], is_per_field, &err);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
